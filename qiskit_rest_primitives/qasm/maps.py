"""The map from a canonical text back to the circuit as its author wrote it, and its compact JSON form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from .._frozen import frozen
from .circuit_metadata import dump_metadata, load_metadata

_ELEMENT = re.compile(r"(.*)\[(0|[1-9][0-9]{0,8})\]", re.DOTALL)


@frozen
class RegisterMap:
    """Where the bits of one classical register travelled.

    Attributes:
        name: The register's name, as its author wrote it.
        size: Number of bits; may be zero.
        bits: Per bit, lowest first: (name of the register in the text, index in it).
    """

    name: str
    size: int
    bits: tuple[tuple[str, int], ...]


@frozen
class CircuitMap:
    """Everything that undoes the canonical form, as far as it can be undone.

    Attributes:
        num_qubits: Width of the circuit.
        parameters: Names of the circuit's parameters, in the order of ``circuit.parameters``.
        registers: The classical registers, in the circuit's order.
        metadata: The circuit's metadata; what has no wire form is lost on the way.
        name: The circuit's name.
        bare: Per input of the text, the index in ``parameters`` of the parameter that it stands for, or -1
            where it stands for an expression.
        vectors: Indices in ``parameters`` of those that are elements of a ``ParameterVector``.
    """

    num_qubits: int
    parameters: tuple[str, ...] = ()
    registers: tuple[RegisterMap, ...] = ()
    metadata: dict[Any, Any] = field(default_factory=dict)
    name: str = ""
    bare: tuple[int, ...] = ()
    vectors: frozenset[int] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Return the map as JSON values, runs of numbers and names folded. Inverse: ``from_json``."""
        document: dict[str, Any] = {"name": self.name, "qubits": self.num_qubits}
        if self.registers:
            document["registers"] = [[entry.name, _fold_bits(entry.bits)] for entry in self.registers]
        if self.parameters:
            document["parameters"] = _fold_names(self.parameters, self.vectors)
        if self.bare:
            document["bare"] = _fold(self.bare)
        if self.metadata:
            document["metadata"] = dump_metadata(self.metadata)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CircuitMap:
        """Read a map back. Inverse of ``to_json``; unknown fields are ignored."""
        try:
            parameters, vectors = _unfold_names(document.get("parameters", ()))
            registers = [(str(name), _unfold_bits(bits)) for name, bits in document.get("registers", ())]
            return cls(
                num_qubits=int(document["qubits"]),
                parameters=parameters,
                registers=tuple(RegisterMap(name, len(bits), bits) for name, bits in registers),
                metadata=load_metadata(document.get("metadata", {})),
                name=str(document["name"]),
                bare=_unfold(document.get("bare", ())),
                vectors=vectors,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as cause:
            raise ValueError(f"the map of a circuit is damaged: {cause!r}") from cause


_LONGEST = 10_000_000


def _fold(numbers: Iterable[int]) -> list[list[int]]:
    """Fold ``5, 6, 7, -1, -1`` into ``[[5, 3], [-1, 2]]``: runs that count up, and runs of -1."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and (
            number == runs[-1][0] + runs[-1][1] if number >= 0 <= runs[-1][0] else number == runs[-1][0]
        ):
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return runs


def _unfold(runs: Iterable[Sequence[int]]) -> tuple[int, ...]:
    numbers: list[int] = []
    for start, count in runs:
        _check_count(count, len(numbers))
        numbers.extend(range(start, start + count) if start >= 0 else [start] * count)
    return tuple(numbers)


def _fold_bits(bits: Sequence[tuple[str, int]]) -> list[list[Any]]:
    runs: list[list[Any]] = []
    for register, index in bits:
        if runs and runs[-1][0] == register and runs[-1][1] + runs[-1][2] == index:
            runs[-1][2] += 1
        else:
            runs.append([register, index, 1])
    return runs


def _unfold_bits(runs: Iterable[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    bits: list[tuple[str, int]] = []
    for register, start, count in runs:
        _check_count(count, len(bits))
        bits.extend((str(register), index) for index in range(start, start + count))
    return tuple(bits)


def _fold_names(names: Sequence[str], vectors: frozenset[int]) -> list[Any]:
    """Fold vector elements ``v[3], v[4]`` into ``["v", 3, 2]``; other names stand for themselves."""
    entries: list[Any] = []
    for position, name in enumerate(names):
        match = _ELEMENT.fullmatch(name) if position in vectors else None
        if match is None:
            entries.append(name)
            continue
        prefix, index = match[1], int(match[2])
        last = entries[-1] if entries else None
        if isinstance(last, list) and last[0] == prefix and last[1] + last[2] == index:
            last[2] += 1
        else:
            entries.append([prefix, index, 1])
    return entries


def _unfold_names(entries: Iterable[Any]) -> tuple[tuple[str, ...], frozenset[int]]:
    names: list[str] = []
    vectors: set[int] = set()
    for entry in entries:
        if isinstance(entry, str):
            names.append(entry)
            continue
        prefix, start, count = entry
        _check_count(count, len(names))
        vectors.update(range(len(names), len(names) + count))
        names.extend(f"{prefix}[{index}]" for index in range(start, start + count))
    return tuple(names), frozenset(vectors)


def _check_count(count: int, already: int) -> None:
    if not 0 <= count <= _LONGEST - already:
        raise ValueError(f"a run of {count}")
