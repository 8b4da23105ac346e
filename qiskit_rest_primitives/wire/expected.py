"""What is known of a job's result before it comes, and whether it has it: its fields, shapes, registers and shots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult

from .._frozen import frozen
from ..qasm.maps import CircuitMap
from . import jsonio
from .jsonio import DecodeError, below
from .samples import check_bits

Shape = tuple[int, ...]
Build = Callable[[list[PubResult], dict[str, Any]], PrimitiveResult[Any]]
"""Makes a result of the results of its PUBs and its metadata, once all that is done to them is done."""

_VALUES = ("evs", "stds")


@frozen
class DecodeHints:
    """What is needed to decode a job's result as the process that submitted it would.

    Attributes:
        maps: One per PUB, which undo the safe names; None if one of the circuits carries none (foreign text).
        shapes: Shape of each PUB; None if one cannot be learned. They settle what empty lists leave open.
        shots: Shots of each PUB of a sampler, None for one that the service decides; None if nothing is known.
    """

    maps: tuple[CircuitMap, ...] | None = None
    shapes: tuple[Shape, ...] | None = None
    shots: tuple[int | None, ...] | None = None

    def to_text(self) -> str:
        """Write it down for the journal, where it outlives the params that the service withholds."""
        maps = None if self.maps is None else [entry.to_json() for entry in self.maps]
        return jsonio.dumps({"maps": maps, "shapes": self.shapes, "shots": self.shots}).decode()

    @classmethod
    def from_text(cls, text: str | None) -> DecodeHints:
        """Read what ``to_text`` wrote; nothing is known when there is no such text."""
        if not text:
            return cls()
        document = jsonio.loads(text)
        maps, shapes, shots = (document.get(name) for name in ("maps", "shapes", "shots"))
        return cls(
            None if maps is None else tuple(CircuitMap.from_json(entry) for entry in maps),
            None if shapes is None else tuple(tuple(shape) for shape in shapes),
            None if shots is None else tuple(shots),
        )


def expected_shots(params: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """Return the shots that each PUB of a sampler job must have, as far as its params decide them.

    Twirling rounds them to whole randomisations, by rules of the service's.
    """
    pubs, options = params.get("pubs"), params.get("options") or {}
    if not isinstance(pubs, list) or not isinstance(options, Mapping):
        return None
    twirling = options.get("twirling")
    if isinstance(twirling, Mapping) and (twirling.get("enable_gates") or twirling.get("enable_measure")):
        return None
    if isinstance(twirling, Mapping) and twirling.get("shots_per_randomization"):
        return None
    default = params.get("shots") or options.get("default_shots")
    own = [pub[2] if isinstance(pub, (list, tuple)) and len(pub) > 2 else None for pub in pubs]
    found = [default if shots is None else shots for shots in own]
    return tuple(shots if type(shots) is int else None for shots in found)


def check_result(pubs: Sequence[PubResult], hints: DecodeHints, *, program: str | None) -> None:
    """Check that results of PUBs, their registers still under the names of the wire, are those of the job.

    Fields, their kinds, shapes and numbers of shots are compared; only shapes of a program that is no primitive.
    """
    for submitted in (hints.shapes, hints.maps):
        if submitted is not None and len(submitted) != len(pubs):
            raise DecodeError(f"{len(pubs)} results, but {len(submitted)} PUBs were submitted", "$.results")
    for index, pub in enumerate(pubs):
        path = below(below("$.results", index), "data")
        shape = None if hints.shapes is None else tuple(hints.shapes[index])
        if shape is not None and pub.data.shape != shape:
            raise DecodeError(f"data of shape {pub.data.shape} for a PUB of shape {shape}", path)
        if program == "estimator":
            _check_values(pub.data, path)
        elif program == "sampler":
            sizes = None if hints.maps is None else _sizes(hints.maps[index])
            shots = None if hints.shots is None else hints.shots[index]
            _check_registers(pub.data, sizes, shots, path)


def _check_values(data: DataBin, path: str) -> None:
    for name in _VALUES:
        if name not in data:
            raise DecodeError(f"an estimator's field is missing; there are {sorted(data)}", below(path, name))
        value = data[name]
        where = below(path, name)
        if (
            not isinstance(value, (np.ndarray, np.generic, float, int))
            or np.asarray(value).dtype.kind not in "iuf"
        ):
            raise DecodeError(f"expected real numbers, found {_kind(value)}", where)
        if np.shape(value) != data.shape:
            raise DecodeError(f"values of shape {np.shape(value)} for a PUB of shape {data.shape}", where)


def _sizes(circuit: CircuitMap) -> dict[str, int]:
    """Return how many bits of each register of the wire the circuit's registers need, at least."""
    sizes: dict[str, int] = {}
    for register in circuit.registers:
        for name, bit in register.bits:
            sizes[name] = max(sizes.get(name, 0), bit + 1)
    return sizes


def _check_registers(data: DataBin, sizes: Mapping[str, int] | None, shots: int | None, path: str) -> None:
    for name in data if sizes is None else sizes:
        where = below(path, name)
        if name not in data:
            raise DecodeError(f"the register is missing; there are {sorted(data)}", where)
        value = data[name]
        if isinstance(value, BitArray):
            check_bits(value.array, value.num_bits, path=where)
            _check_axes(value.shape, data.shape, where)
            found: int | None = value.num_shots
        elif isinstance(value, np.ndarray) and value.dtype.kind == "c":
            _check_axes(value.shape[: len(data.shape)], data.shape, where)
            # Levels of single shots have an axis of shots, averages over them have none.
            found = value.shape[-2] if value.ndim == len(data.shape) + 2 else None
        else:
            raise DecodeError(f"expected the samples of a register, found {_kind(value)}", where)
        if shots is not None and found is not None and found != shots:
            raise DecodeError(f"{found} shots, but {shots} were asked for", where)
        shots = found if shots is None else shots  # registers of one PUB are read in the same shots


def _check_axes(found: Shape, wanted: Shape, path: str) -> None:
    if found != wanted:
        raise DecodeError(f"samples of shape {found} for a PUB of shape {wanted}", path)


def _kind(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
