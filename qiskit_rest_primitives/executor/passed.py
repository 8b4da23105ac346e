"""What client-side primitives sent along with their programs, and what both find in the results beside the arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import PubResult

from ..qasm.circuit_metadata import load_metadata
from ..results.quantum_program import ItemMetadata, QuantumProgramItemResult, QuantumProgramResult
from ..wire.durations import together
from ..wire.jsonio import DecodeError
from ..wire.quantum_program import PLACE

DATA = "$.passthrough_data"
POST_PROCESSOR = f"{DATA}.post_processor"

FLIPS = "measurement_flips."
"""Begins the name of the array that says which bits of a register were flipped before they were measured."""


WITHOUT_EFFECT = "options_without_effect"
"""Member of what is sent along, and of metadata: the names of options that changed nothing."""

_OF_EXECUTION = ("init_qubits", "rep_delay", "scheduler_timing", "stretch_values")


class Passed:
    """What a primitive of the official client sent along to read the results by."""

    def __init__(self, result: QuantumProgramResult) -> None:
        data = result.passthrough_data
        found = data.get("post_processor") if isinstance(data, Mapping) else None
        if not isinstance(found, Mapping):
            raise DecodeError(f"expected an object, found {type(found).__name__}", POST_PROCESSOR)
        self._members = found

    def get(self, name: str, kind: type, *, optional: bool = False) -> Any:
        """Return a member, which must be of this kind: ``bool`` is no ``int``, an ``int`` is a ``float``; an optional one may be missing or null."""
        value = self._members.get(name)
        if value is None and optional:
            return None
        kinds = (int, float) if kind is float else kind
        if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
            raise DecodeError(
                f"expected {kind.__name__}, found {type(value).__name__}", f"{POST_PROCESSOR}.{name}"
            )
        return value

    def circuits_metadata(self, pubs: int) -> list[dict[str, Any] | None]:
        """Return the metadata of each PUB's circuit."""
        found = self.get("circuits_metadata", list, optional=True) or [None] * pubs
        path = f"{POST_PROCESSOR}.circuits_metadata"
        if len(found) != pubs:
            raise DecodeError(f"{len(found)} entries do not fit {pubs} PUBs", path)
        for index, entry in enumerate(found):
            if entry is not None and not isinstance(entry, Mapping):
                raise DecodeError(f"expected an object, found {type(entry).__name__}", f"{path}[{index}]")
        return [None if entry is None else load_metadata(entry) for entry in found]


def unflipped(item: QuantumProgramItemResult, path: str) -> dict[str, NDArray[Any]]:
    """Return the registers of an item, which stands at ``path``, as they would have been measured without flips."""
    check_flips(item, path)
    return {
        name: array ^ item[FLIPS + name] if FLIPS + name in item else array
        for name, array in item.items()
        if not name.startswith(FLIPS)
    }


def check_flips(item: QuantumProgramItemResult, path: str) -> None:
    """Check that all flips are those of a register, and fit it.

    Args:
        item: Registers of shape (..., shots, bits), and their flips, of the same shape or with one row for all shots.
        path: Where the item stands, for errors.
    """
    for name, flips in item.items():
        if not name.startswith(FLIPS):
            continue
        target = name.removeprefix(FLIPS)
        if target not in item:
            raise DecodeError(f"there is no register {target!r} to flip", f"{path}.results.{name}")
        array = item[target]
        per_shot = (*array.shape[:-2], 1, *array.shape[-1:])
        if array.dtype != np.bool_ or flips.dtype != np.bool_ or flips.shape not in (array.shape, per_shot):
            raise DecodeError(
                f"{flips.dtype.name} flips of shape {flips.shape} do not fit {array.dtype.name} samples of shape "
                f"{array.shape}",
                f"{path}.results.{name}",
            )


class Rows(NamedTuple):
    """Which entries of a PUB a result holds.

    Attributes:
        shape: Of the PUB.
        places: In its flat shape.
    """

    shape: tuple[int, ...]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class PlaceOfPart:
    """Which results of a ``run()`` a program has.

    Attributes:
        part: Which part of the ``run()`` it is, from 1.
        of: How many there are.
        pubs: The index of each result's PUB.
        rows: Which entries of its PUB each result holds; None for all.
    """

    part: int
    of: int
    pubs: Sequence[int]
    rows: Sequence[Rows | None]

    @property
    def whole(self) -> list[int]:
        """The PUBs of the program, each once."""
        return list(dict.fromkeys(self.pubs))

    def joined(self, results: Sequence[PubResult]) -> list[PubResult]:
        """Return one result for each PUB, in the order of ``whole``."""
        found: dict[int, list[tuple[PubResult, Rows | None]]] = {}
        for pub, result, rows in zip(self.pubs, results, self.rows, strict=True):
            found.setdefault(pub, []).append((result, rows))
        return [
            one[0][0]
            if one[0][1] is None
            else together(
                [result for result, _ in one], [rows.places for _, rows in one if rows], one[0][1].shape
            )
            for one in found.values()
        ]


def place_in_run(passed: Any, results: int) -> PlaceOfPart:
    """Return which results of a ``run()`` a program has, by what was sent along; all, in order, where that does not say."""
    found = passed.get(PLACE) if isinstance(passed, Mapping) else None
    if found is None:
        return PlaceOfPart(1, 1, range(results), [None] * results)
    path = f"{DATA}.{PLACE}"
    members: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    part, of, pubs = members.get("part"), members.get("of"), members.get("pubs")
    if not isinstance(pubs, list) or not all(map(is_count, [part, of, *pubs])) or part is None or of is None:
        raise DecodeError("expected the numbers 'part' and 'of', and a list 'pubs' of numbers", path)
    shares = members.get("shares") or [None] * len(pubs)
    if len(pubs) != results or not isinstance(shares, list) or len(shares) != results:
        raise DecodeError(f"{results} results are not those of the PUBs {pubs}", f"{path}.pubs")
    place = PlaceOfPart(
        part, of, pubs, [None if share is None else _rows(share, f"{path}.shares") for share in shares]
    )
    for pub in place.whole:
        own = [rows for index, rows in zip(pubs, place.rows, strict=True) if index == pub]
        held = [places for rows in own if rows for places in rows.places.tolist()]
        size = math.prod(own[0].shape) if own[0] else 0
        if (len(own) > 1 or own[0]) and (
            None in own or len(held) != size or sorted(held) != list(range(size))
        ):
            raise DecodeError(f"the results of PUB {pub} are not all of it", f"{path}.shares")
    return place


def _rows(share: Any, path: str) -> Rows:
    shape, places = share if isinstance(share, list) and len(share) == 2 else (None, None)
    if not all(isinstance(one, list) and all(map(is_count, one)) for one in (shape, places)):
        raise DecodeError("expected pairs of a shape and a list of places", path)
    return Rows(tuple(shape or ()), np.array(places, dtype=np.int64))


def is_count(value: Any) -> bool:
    """Tell whether something read from JSON is a number of things."""
    return type(value) is int and value >= 0


def ignored_options(result: QuantumProgramResult, passed: Passed) -> dict[str, Any]:
    """Return what the metadata of a primitive say of options that changed nothing here or there; empty if all did."""
    here = passed.get(WITHOUT_EFFECT, list, optional=True) or []
    there = result._more.get(WITHOUT_EFFECT)
    names = [
        f"execution.{name}" if name in _OF_EXECUTION else name
        for name in (there if isinstance(there, list) else [])
    ]
    found = list(dict.fromkeys(name for name in [*here, *names] if isinstance(name, str)))
    return {WITHOUT_EFFECT: found} if found else {}


def simulation(result: QuantumProgramResult, item: int) -> dict[str, Any]:
    """Return what the metadata of a PUB say of how an item was simulated; empty where it was not."""
    found = result._more.get("simulation")
    if not isinstance(found, list) or not 0 <= item < len(found) or not isinstance(found[item], Mapping):
        return {}
    return {"simulation": dict(found[item])}


def compilation(item: QuantumProgramItemResult) -> dict[str, Any]:
    """Return what a result tells of how its circuit was scheduled, as its metadata hold it; empty if nothing is known."""
    metadata, found = item.metadata, dict[str, Any]()
    if not isinstance(metadata, ItemMetadata):
        return found
    if metadata.scheduler_timing:
        found["scheduler_timing"] = {
            "timing": metadata.scheduler_timing.timing,
            "circuit_duration": metadata.scheduler_timing.circuit_duration,
        }
    if metadata.stretch_values:
        found["stretch_values"] = [
            {
                "name": entry.name,
                "value": entry.value,
                "remainder": entry.remainder,
                "expanded_values": [list(pair) for pair in entry.expanded_values],
            }
            for entry in metadata.stretch_values
        ]
    return found
