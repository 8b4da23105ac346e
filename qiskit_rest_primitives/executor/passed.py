"""What client-side primitives sent along with their programs, and what both find in the results beside the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..qasm.circuit_metadata import load_metadata
from ..results.quantum_program import ItemMetadata, QuantumProgramItemResult, QuantumProgramResult
from ..wire.jsonio import DecodeError
from ..wire.quantum_program import PLACE

__all__ = [
    "DATA",
    "FLIPS",
    "POST_PROCESSOR",
    "Passed",
    "check_flips",
    "compilation",
    "place_in_run",
    "unflipped",
]

DATA = "$.passthrough_data"
POST_PROCESSOR = f"{DATA}.post_processor"

FLIPS = "measurement_flips."
"""Begins the name of the array that says which bits of a register were flipped before they were measured."""


class Passed:
    """What a primitive of the official client sent along to read the results by.

    Args:
        result: The result that holds it.

    Raises:
        DecodeError: It holds no such thing.
    """

    def __init__(self, result: QuantumProgramResult) -> None:
        data = result.passthrough_data
        found = data.get("post_processor") if isinstance(data, Mapping) else None
        if not isinstance(found, Mapping):
            raise DecodeError(f"expected an object, found {type(found).__name__}", POST_PROCESSOR)
        self._members = found

    def get(self, name: str, kind: type, *, optional: bool = False) -> Any:
        """Return a member.

        Args:
            name: Its name.
            kind: What it must be; ``bool`` is no ``int``, and an ``int`` is a ``float``.
            optional: Whether it may be null or missing, and is None then.

        Raises:
            DecodeError: It is missing or of another type.
        """
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
        """Return the metadata of each PUB's circuit.

        Raises:
            DecodeError: There are more or fewer of them than PUBs.
        """
        found = self.get("circuits_metadata", list, optional=True) or [None] * pubs
        path = f"{POST_PROCESSOR}.circuits_metadata"
        if len(found) != pubs:
            raise DecodeError(f"{len(found)} entries do not fit {pubs} PUBs", path)
        for index, entry in enumerate(found):
            if entry is not None and not isinstance(entry, Mapping):
                raise DecodeError(f"expected an object, found {type(entry).__name__}", f"{path}[{index}]")
        return [None if entry is None else load_metadata(entry) for entry in found]


def unflipped(item: QuantumProgramItemResult, path: str) -> dict[str, NDArray[Any]]:
    """Return the registers of an item as they would have been measured without flips.

    Args:
        item: As for ``check_flips``.
        path: Likewise.

    Raises:
        DecodeError: Flips are for a register that is not there, or do not fit it.
    """
    check_flips(item, path)
    return {
        name: array ^ item[FLIPS + name] if FLIPS + name in item else array
        for name, array in item.items()
        if not name.startswith(FLIPS)
    }


def check_flips(item: QuantumProgramItemResult, path: str) -> None:
    """Check that all flips are those of a register.

    Args:
        item: Registers of shape (..., shots, bits), and their flips, of the same shape or with one row for all shots.
        path: Where the item stands, for errors.

    Raises:
        DecodeError: Flips are for a register that is not there, or do not fit it.
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


def place_in_run(passed: Mapping[str, Any], pubs: int) -> dict[str, Any] | None:
    """Return which part of a ``run()`` a program was, of how many, and which PUBs it ran; None if it was all of it.

    Args:
        passed: What was sent along.
        pubs: How many results there are.

    Raises:
        DecodeError: It is not of that form, or says another number of PUBs.
    """
    found = passed.get(PLACE)
    if found is None:
        return None
    path = f"{DATA}.{PLACE}"
    members = found if isinstance(found, Mapping) else {}
    part, of, indices = (members.get(name) for name in ("part", "of", "pubs"))
    numbers = [part, of, *indices] if isinstance(indices, list) else [None]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise DecodeError("expected the numbers 'part' and 'of', and a list 'pubs' of numbers", path)
    if len(numbers) != pubs + 2 or len(set(numbers[2:])) != pubs:
        raise DecodeError(f"{pubs} results are not those of the PUBs {indices}", f"{path}.pubs")
    return {"part": part, "of": of, "pubs": indices}


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
