"""Bytes <-> JSON values: the one place that decides about non-finite numbers, byte-order marks and dates."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .._time import read_moment


class DecodeError(ValueError):
    """Something received cannot be read.

    Attributes:
        problem: What is wrong, in words.
        path: Where it stands, as a JSON path such as ``$.results[0].data.meas.samples[3]``.
    """

    def __init__(self, problem: str, path: str = "$") -> None:
        super().__init__(f"{path}: {problem}")
        self.problem = problem
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.problem, self.path))


def below(path: str, key: str | int) -> str:
    """Return the JSON path of one member of what stands at ``path``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"


def dumps(value: Any, *, spell_nonfinite: bool = False) -> bytes:
    """Write a JSON document as ASCII bytes without white space. Inverse: ``loads``.

    Args:
        value: Nested dicts with string keys, lists, strings, numbers, booleans and None.
        spell_nonfinite: Write the numbers that JSON lacks as ``null`` (NaN), ``"infinity"`` and
            ``"-infinity"`` (rest-api.md 4.14 and 9.8) instead of refusing them.

    Raises:
        ValueError: A number is NaN or infinite and ``spell_nonfinite`` is off.
        TypeError: A value has no JSON form.
    """
    try:
        return _ENCODER.encode(value).encode("ascii")
    except ValueError:
        if not spell_nonfinite:
            raise
        return _ENCODER.encode(_spelled(value)).encode("ascii")


def loads(body: bytes | str, *, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Read a JSON document. Inverse of ``dumps``.

    Tolerates what services send (rest-api.md 9.8): a byte-order mark and the bare words ``NaN``,
    ``Infinity`` and ``-Infinity``, which become floats. ``object_hook`` is called with each object once it is read, innermost
    first; what it returns takes its place.

    Raises:
        DecodeError: The body is empty, no JSON (an HTML page, a truncated answer...), no UTF-8, or
            nested too deeply.
    """
    text = body if isinstance(body, str) else _decoded(body)
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text, object_hook=object_hook)
    except json.JSONDecodeError as cause:
        raise DecodeError(_complaint(text, cause)) from cause
    except RecursionError as cause:
        raise DecodeError("the document is nested too deeply to be read") from cause
    except ValueError as cause:  # an integer of more digits than Python converts
        raise DecodeError(f"the document cannot be read: {cause}") from cause


def load_datetime(text: object, *, path: str = "$") -> datetime:
    """Read an ISO 8601 date or time, with ``Z`` or an offset, any number of fractional digits."""
    if not isinstance(text, str):
        raise DecodeError(f"expected a date as text, found {type(text).__name__}", path)
    try:
        return read_moment(text)
    except ValueError as cause:
        raise DecodeError(f"{text[:40]!r} is no ISO 8601 date", path) from cause


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        return "infinity" if value > 0 else "-infinity"
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(item) for item in value]
    return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as cause:
        raise DecodeError(f"the body is no UTF-8 text ({cause.reason} at byte {cause.start})") from cause


def _complaint(text: str, cause: json.JSONDecodeError) -> str:
    start = text.lstrip()[:1]
    if not start:
        return "the body is empty"
    if start == "<":
        return "the body is an HTML or XML page, not JSON"
    if cause.pos >= len(text.rstrip()):
        return f"the document ends early: {cause.msg} at character {cause.pos}"
    return f"the body is not JSON: {cause.msg} at character {cause.pos} (line {cause.lineno})"
