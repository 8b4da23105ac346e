"""The documented plain JSON form of results (rest-api.md 4.11): ``PrimitiveResult`` <-> nested JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

from .._time import in_utc
from ..results.execution_spans import ExecutionSpan, ExecutionSpans, load_span
from .arrays import load_numbers
from .expected import Build, Shape
from .jsonio import DecodeError, below, load_datetime
from .samples import bits_to_samples, samples_to_bits

_EXTRA_AXES = {
    "evs": 0,
    "stds": 0,
    "ensemble_standard_error": 0,
    "evs_noise_factors": 1,
    "stds_noise_factors": 1,
    "ensemble_stds_noise_factors": 1,
    "evs_extrapolated": 2,
    "stds_extrapolated": 2,
}
"""Axes of an estimator's field behind those of the PUB (rest-api.md 4.11)."""

_LEVELS = {"avg_kerneled": 1, "kerneled": 2}
"""Axes of a register's complex data behind those of the PUB (rest-api.md 4.12)."""


_SPAN_TAGS = {2: "ExecutionSpan", 3: "DoubleSliceSpan", 4: "TwirledSliceSpan", 5: "TwirledSliceSpanV2"}
"""Length of a PUB's row in a plain span -> the span's class; ``_dump_span`` shows such a row."""


def dump_result(result: PrimitiveResult[Any]) -> dict[str, Any]:
    """Write a result as the service does without ``support_qiskit``. Inverse: ``load_result``.

    Bits become hexadecimal samples; kerneled data, whose plain form nobody recorded, become
    ``{"samples": nested [re, im], "num_bits", "meas_level"}``.
    NaN and infinities stay floats; ``jsonio.dumps(..., spell_nonfinite=True)`` spells them.

    Raises:
        TypeError: A value of the metadata has no plain form.
    """
    return {
        "results": [
            {"data": _dump_data(pub.data), "metadata": _dump_metadata(pub.metadata)} for pub in result
        ],
        "metadata": _dump_metadata(result.metadata),
    }


def load_result(
    document: Any,
    *,
    shapes: Sequence[Shape] | None = None,
    build: Build = PrimitiveResult,
) -> PrimitiveResult[Any]:
    """Read a plain result, as ``jsonio.loads`` returned it. Inverse of ``dump_result``.

    Unknown fields are kept as they are; values that are decoded already (by ``typed``) are taken. Shapes of the PUBs, if known,
    settle what empty lists leave open.
    """
    results = _member(document, "results", list, "$")
    if shapes is not None and len(shapes) != len(results):
        problem = f"{len(results)} results, but {len(shapes)} PUBs were submitted"
        raise DecodeError(problem, "$.results")
    pubs = [
        _load_pub(item, None if shapes is None else shapes[index], below("$.results", index))
        for index, item in enumerate(results)
    ]
    return build(pubs, _load_metadata(document, "$"))


# ------------------------------------------------------------------------------------------- data


def _dump_data(data: DataBin) -> dict[str, Any]:
    return {name: _dump_field(value, data.shape) for name, value in data.items()}


def _dump_field(value: Any, shape: Shape) -> Any:
    if isinstance(value, BitArray):
        return {"samples": bits_to_samples(value.array, value.num_bits), "num_bits": value.num_bits}
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        level = "kerneled" if value.ndim - len(shape) == 2 else "avg_kerneled"
        pairs = np.stack([value.real, value.imag], axis=-1)
        return {"samples": pairs.tolist(), "num_bits": value.shape[-1], "meas_level": level}
    return _dump_value(value)


def _load_pub(item: Any, shape: Shape | None, path: str) -> PubResult:
    data: Any = _member(item, "data", (dict, DataBin), path)
    metadata = _load_metadata(item, path)
    where = below(path, "data")
    if isinstance(data, DataBin):
        data, shape = dict(data.items()), data.shape
    found: dict[str, Any] = {}
    known: Shape | None = shape
    for name, value in data.items():
        found[name], own = _load_field(name, value, shape, below(where, name))
        known = own if known is None else known
    sampled = any(_is_register(value) for value in data.values()) or (not data and shape is not None)
    try:
        bin_ = DataBin(shape=known or (), **found)
    except (ValueError, TypeError) as cause:
        raise DecodeError(f"the fields {sorted(found)} make no DataBin: {cause}", where) from cause
    return (SamplerPubResult if sampled else PubResult)(bin_, metadata)


def _is_register(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "c"
    return isinstance(value, BitArray) or (isinstance(value, dict) and "samples" in value)


def _load_field(name: str, value: Any, shape: Shape | None, path: str) -> tuple[Any, Shape | None]:
    """Return the value of a field and, as far as it tells, the shape of the PUB."""
    if isinstance(value, BitArray):
        return value, value.shape
    if isinstance(value, dict):
        if "samples" in value:
            return _load_register(value, shape, path)
        if name not in _EXTRA_AXES:
            return value, None
    if isinstance(value, np.ndarray) and value.dtype.kind not in "iuf":
        return value, None
    if name not in _EXTRA_AXES and not isinstance(value, (list, int, float, np.ndarray)):
        return value, None
    if name not in _EXTRA_AXES and isinstance(value, (list, bool)):
        try:
            return load_numbers(value, path=path), None
        except DecodeError:
            return value, None  # a field we do not know may hold anything
    numbers = load_numbers(value, path=path)
    if name not in _EXTRA_AXES:
        return numbers, None
    return _with_shape(numbers.astype(float), shape, _EXTRA_AXES[name], path)


def _load_register(value: dict[str, Any], shape: Shape | None, path: str) -> tuple[Any, Shape]:
    num_bits = value.get("num_bits")
    if not isinstance(num_bits, int) or isinstance(num_bits, bool) or num_bits < 0:
        raise DecodeError("expected the register's number of bits", below(path, "num_bits"))
    samples, where = value["samples"], below(path, "samples")
    level = str(value.get("meas_level"))
    if level in _LEVELS or _holds_numbers(samples):
        return _load_kerneled(samples, _LEVELS.get(level, 2), shape, where)
    bits = samples if isinstance(samples, np.ndarray) else samples_to_bits(samples, num_bits, path=where)
    if shape is not None and bits.size and bits.ndim > len(shape) + 2:
        raise DecodeError(f"samples of shape {bits.shape[:-2]} for a PUB of shape {shape}", where)
    bits, shape = _with_shape(bits, shape, 2, where)
    return BitArray(bits, num_bits), shape


def _holds_numbers(samples: Any) -> bool:
    while isinstance(samples, list) and samples:
        samples = samples[0]
    return isinstance(samples, (int, float)) and not isinstance(samples, bool)


def _load_kerneled(samples: Any, axes: int, shape: Shape | None, path: str) -> tuple[Any, Shape]:
    pairs = load_numbers(samples, path=path)
    if pairs.ndim < axes + 1 or (pairs.shape[-1] != 2 and pairs.size):
        raise DecodeError("expected real and imaginary parts innermost", path)
    values = np.ascontiguousarray(pairs, dtype=float).view(complex)[..., 0]
    return _with_shape(values, shape, axes, path)


def _with_shape(array: Any, shape: Shape | None, axes: int, path: str) -> tuple[Any, Shape]:
    """Check the PUB axes of an array against the shape, or take the shape from them.

    Lists tell nothing behind an axis of length zero, and a service may leave out axes of length one, so
    an array of the right size is given the shape of the PUB.
    """
    if array.ndim < axes and array.size:
        raise DecodeError(f"expected at least {axes} nested lists, found {array.ndim}", path)
    inner = array.shape[max(0, array.ndim - axes) :]
    found = array.shape[: max(0, array.ndim - axes)]
    if shape is None or found == shape:
        return array, found
    if array.size == 0:
        inner = (0,) * (axes - len(inner)) + inner
        if 0 in shape:
            return np.zeros((*shape, *inner), dtype=array.dtype), shape
    elif [extent for extent in found if extent != 1] != [extent for extent in shape if extent != 1]:
        raise DecodeError(f"data of shape {found} for a PUB of shape {shape}", path)
    try:
        return array.reshape((*shape, *inner)), shape
    except ValueError as cause:
        raise DecodeError(f"data of shape {found} for a PUB of shape {shape}", path) from cause


# --------------------------------------------------------------------------------------- metadata


def _dump_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): _dump_value(value) for key, value in metadata.items()}


def _dump_value(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, ExecutionSpans):
        return [_dump_span(span) for span in value]
    if isinstance(value, Mapping):
        return _dump_metadata(value)
    if isinstance(value, (list, tuple)):
        return [_dump_value(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _dump_value(value.tolist())
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__} has no plain form")


def _load_metadata(item: Mapping[str, Any], path: str) -> dict[str, Any]:
    metadata, where = item.get("metadata"), below(path, "metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise DecodeError(f"expected an object, found {type(metadata).__name__}", where)
    execution = metadata.get("execution")
    if isinstance(execution, dict) and isinstance(execution.get("execution_spans"), list):
        spans = _load_spans(execution["execution_spans"])
        metadata = {**metadata, "execution": {**execution, "execution_spans": spans}}
    return metadata


def _load_spans(items: list[Any]) -> Any:
    """Read spans as ``_dump_span`` writes them; a list of anything else is returned as it is."""
    if not all(isinstance(item, list) for item in items):
        return items
    try:
        return ExecutionSpans(_load_span(*item) for item in items)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return items


def _dump_span(span: ExecutionSpan) -> list[Any]:
    """Write a span as the service does, measured on ibm_torino (2025) and ibm_marrakesh (2026).

    ``[{"date": start}, {"date": stop}, {"0": [shape, [start, stop], [shots start, shots stop]]}]``, times in
    UTC without saying so. Other classes than ``DoubleSliceSpan`` follow the same pattern, as inferred.
    """
    times = [{"date": in_utc(time).replace(tzinfo=None).isoformat()} for time in (span.start, span.stop)]
    rows = {
        str(index): [[part.start, part.stop] if isinstance(part, slice) else part for part in parts]
        for index, parts in span._slices.items()
    }
    return [*times, _dump_metadata(rows)]


def _load_span(start: Any, stop: Any, rows: dict[str, list[Any]]) -> ExecutionSpan:
    tag = _SPAN_TAGS[len(next(iter(rows.values()), [None] * 3))]
    flat = {}
    for index, (shape, *parts) in rows.items():
        flat[index] = [shape]
        for part in parts:
            flat[index] += part if isinstance(part, list) else [part]
    return load_span(tag, in_utc(load_datetime(start["date"])), in_utc(load_datetime(stop["date"])), flat)


def _member(item: Any, name: str, kind: Any, path: str) -> Any:
    if not isinstance(item, dict):
        raise DecodeError(f"expected an object, found {type(item).__name__}", path)
    if name not in item:
        raise DecodeError(f"{name!r} is missing", path)
    if not isinstance(item[name], kind):
        raise DecodeError(f"unexpected {type(item[name]).__name__}", below(path, name))
    return item[name]
