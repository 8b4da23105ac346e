"""Results of samplers that ran as quantum programs: bit arrays of each PUB, and when they were taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import BitArray, DataBin, PubResult, SamplerPubResult

from ..results.execution_spans import DoubleSliceSpan, ExecutionSpan, ExecutionSpans, TwirledSliceSpanV2
from ..results.quantum_program import ChunkPart, QuantumProgramItemResult, QuantumProgramResult
from ..wire.jsonio import DecodeError
from .passed import (
    POST_PROCESSOR,
    Passed,
    PlaceOfPart,
    Rows,
    compilation,
    ignored_options,
    simulation,
    unflipped,
)

_SUFFIXES = {"classified": "", "kerneled": "_iq", "avg_kerneled": "_avg_iq"}
"""Level of measurement -> what the service adds to the names of registers."""

Shape = tuple[int, ...]


def sampler_pubs(result: QuantumProgramResult, place: PlaceOfPart) -> tuple[list[PubResult], dict[str, Any]]:
    """Read a result with the role ``sampler_v2``, post-processor v0.1.

    Args:
        result: One item per PUB, of shape (*PUB,), or (randomizations, *PUB) where it was twirled. It stays as it is.
        place: Which entries of which PUBs the items are, for the spans.

    Returns:
        One result per item, with ``num_randomizations`` if it was twirled; and the metadata: what the official client
        gives (``executor``, ``options``, ``shots`` of each randomization) and the execution spans.

    Raises:
        DecodeError: Something that was sent along is missing, or does not fit the arrays.
    """
    passed = Passed(result)
    twirled, level = passed.get("twirling", bool), passed.get("meas_type", str)
    shots, options = passed.get("shots", int), passed.get("options", Mapping)
    if level not in _SUFFIXES:
        raise DecodeError(f"{level!r} is none of {', '.join(_SUFFIXES)}", f"{POST_PROCESSOR}.meas_type")
    if shots < 1:
        raise DecodeError(f"{shots} is no number of shots", f"{POST_PROCESSOR}.shots")
    pubs: list[PubResult] = []
    shapes = []
    for index, (item, metadata) in enumerate(zip(result, passed.circuits_metadata(len(result)), strict=True)):
        path = f"$.data[{index}]"
        registers = unflipped(item, path)
        shape = _shape(registers, place.rows[index], level, shots, path)
        if twirled and not shape:
            raise DecodeError("there is no axis of randomizations", path)
        shapes.append(shape)
        pubs.append(_pub(registers, item, shape, shots, level, twirled, metadata))
        pubs[-1].metadata.update(simulation(result, index))
    numbers = {shape[0] for shape in shapes} if twirled else set()
    if len(numbers) > 1:
        raise DecodeError(f"the items have different numbers of randomizations: {sorted(numbers)}", "$.data")
    spans = _spans(result, shapes, shots, place, twirled=twirled)
    return pubs, {
        "executor": result.metadata,
        "options": options,
        "shots": shots,
        "execution": {"execution_spans": spans},
        **ignored_options(result, passed),
    }


def _shape(
    registers: Mapping[str, NDArray[Any]], rows: Rows | None, level: str, shots: int, path: str
) -> Shape:
    """Return the shape of an item, which all its registers have in front of their own axes."""
    if not registers and rows is not None:
        whole = len(rows.places) == math.prod(rows.shape)
        return rows.shape if whole else (len(rows.places),)
    if not registers:
        raise DecodeError("there is no register in it", f"{path}.results")
    own = 1 if level == "avg_kerneled" else 2
    for name, array in registers.items():
        kind = "b" if level == "classified" else "c"
        if array.ndim < own or array.dtype.kind != kind or (own == 2 and array.shape[-2] != shots):
            raise DecodeError(
                f"{array.dtype.name} values of shape {array.shape} are not {level} ones of {shots} shots",
                f"{path}.results.{name}",
            )
    shapes = {array.shape[: array.ndim - own] for array in registers.values()}
    if len(shapes) != 1:
        raise DecodeError(f"its registers are of different shapes: {sorted(shapes)}", f"{path}.results")
    return shapes.pop()


def _pub(
    registers: Mapping[str, NDArray[Any]],
    item: QuantumProgramItemResult,
    shape: Shape,
    shots: int,
    level: str,
    twirled: bool,
    circuit_metadata: dict[str, Any] | None,
) -> SamplerPubResult:
    number = shape[0] if twirled else 1
    pub_shape = shape[1:] if twirled else shape
    values: dict[str, Any] = {}
    for name, array in registers.items():
        joined = array
        if twirled and level == "avg_kerneled":
            joined = array.mean(axis=0)
        elif twirled:
            moved = np.moveaxis(array, 0, len(pub_shape))
            joined = moved.reshape(*pub_shape, number * shots, array.shape[-1])
        if level == "classified":
            values[name] = BitArray.from_bool_array(joined, order="little")
        else:
            values[name.removesuffix(_SUFFIXES[level])] = joined
    metadata: dict[str, Any] = {"circuit_metadata": circuit_metadata or {}, "shots": number * shots}
    if twirled:
        metadata["num_randomizations"] = number
    if scheduled := compilation(item):
        metadata["compilation"] = scheduled
    return SamplerPubResult(DataBin(**values, shape=pub_shape), metadata)


def _spans(
    result: QuantumProgramResult, shapes: Sequence[Shape], shots: int, place: PlaceOfPart, *, twirled: bool
) -> ExecutionSpans:
    """Say when which shots were taken, from the times of the chunks that the program was run in.

    Args:
        result: The result.
        shapes: Of the items.
        shots: Of every element of an item.
        place: As for ``sampler_pubs``.
        twirled: Whether the items' first axis is that of randomizations.
    """
    order = {pub: index for index, pub in enumerate(place.whole)}
    taken = [0] * len(shapes)
    spans: list[ExecutionSpan] = []
    for number, chunk in enumerate(result.metadata.chunk_timing):
        rows: list[dict[int, Any]] = []
        for part in chunk.parts:
            try:
                held = _held(part, shapes[part.idx_item], taken)
                shape, held = _of_pub(held, shapes[part.idx_item], place.rows[part.idx_item], twirled=twirled)
            except (LookupError, TypeError, ValueError) as cause:
                raise DecodeError(
                    f"it does not fit the items: {cause}", f"$.metadata.chunk_timing[{number}]"
                ) from cause
            pub, whole = order[place.pubs[part.idx_item]], (*shape, shots)
            for run in _without_gaps(held):
                row = next((row for row in rows if pub not in row), None)
                if row is None:
                    rows.append(row := {})
                if twirled:
                    row[pub] = (whole, True, run, slice(0, shots), whole[0] * shots)
                else:
                    row[pub] = (whole, run, slice(0, shots))
        kind = TwirledSliceSpanV2 if twirled else DoubleSliceSpan
        spans += [kind(chunk.start, chunk.stop, row) for row in rows]
    return ExecutionSpans(spans)


def _held(part: ChunkPart, shape: Shape, taken: list[int]) -> NDArray[np.int64]:
    """Return which elements of a flattened item a part of a chunk holds.

    Before schema v2.0 a part says only how many it holds: the next ones.
    """
    size, start = math.prod(shape), taken[part.idx_item]
    if part.idx_item < 0 or part.size < 0:
        raise ValueError("a negative number")
    taken[part.idx_item] += part.size
    if part.element_range is None:
        if start + part.size > size:
            raise ValueError(f"{start + part.size} elements of {size}")
        return np.arange(start, start + part.size)
    first, last, step = part.element_range
    if not 0 <= first <= last <= size or step < 1:
        raise ValueError(f"elements {first} to {last} of {size}, every {step}")
    order = part.permutation if part.permutation is not None else list(range(len(shape)))
    held: NDArray[np.int64] = np.sort(
        np.arange(size).reshape(shape).transpose(order).ravel()[first:last:step]
    )
    if len(held) != part.size:
        raise ValueError(f"{len(held)} elements are not {part.size}")
    return held


def _of_pub(
    held: NDArray[np.int64], shape: Shape, rows: Rows | None, *, twirled: bool
) -> tuple[Shape, NDArray[np.int64]]:
    """Return the shape of an item's PUB, behind the axis of randomizations, and which of its elements are held."""
    if rows is None:
        return shape, held
    number = shape[:1] if twirled else ()
    every = np.arange(math.prod((*number, *rows.shape))).reshape(-1, math.prod(rows.shape))
    return (*number, *rows.shape), np.sort(every[:, rows.places].ravel()[held])


def _without_gaps(held: NDArray[np.int64]) -> list[slice]:
    gaps = np.flatnonzero(np.diff(held) != 1) + 1
    return [slice(int(run[0]), int(run[-1]) + 1) for run in np.split(held, gaps) if len(run)]
