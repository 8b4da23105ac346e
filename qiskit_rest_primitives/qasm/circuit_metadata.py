"""Metadata of circuits, which may hold anything <-> JSON values that give them back as they were.

The typed form of RuntimeEncoder (rest-api.md 4.12), and three tags more for what JSON changes: tuples, dicts with keys
that are no text, and numbers that are not finite.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

from ..wire.arrays import Allowance
from ..wire.jsonio import DecodeError

_DEEPEST = 100


def kept_metadata(metadata: Mapping[Any, Any] | None) -> tuple[dict[Any, Any], dict[Any, str]]:
    """Return a copy of a circuit's metadata, and which of its entries cannot be written, with the reason."""
    kept, lost = {}, {}
    for key, value in (metadata or {}).items():
        try:
            kept[key] = copy.deepcopy(value)
        except Exception:  # noqa: BLE001 - whatever the user's object raises; it is shared then
            kept[key] = value
        problem = _problem(key, value)
        if problem is not None:
            lost[key] = problem
    return kept, lost


def dump_metadata(metadata: Mapping[Any, Any]) -> dict[str, Any]:
    """Write a circuit's metadata, without the entries that have no form. Inverse: ``load_metadata``."""
    written: dict[str, Any] = _dump(
        {key: value for key, value in metadata.items() if _problem(key, value) is None}
    )
    return written


def load_metadata(document: Any) -> dict[Any, Any]:
    """Read a circuit's metadata. Inverse of ``dump_metadata``; an entry that cannot be read stays as it came."""
    if not isinstance(document, Mapping):
        return {}
    if document.get("__type__") == "dict":
        read = _read(document)
        return read if isinstance(read, dict) else dict(document)
    return {key: _read(value) for key, value in document.items()}


def _read(value: Any) -> Any:
    try:
        return _load(value, Allowance())
    except (DecodeError, RecursionError, TypeError, ValueError):
        return value


def _problem(key: Any, value: Any) -> str | None:
    """Return why an entry has no form, None if it has one."""
    try:
        _dump({key: value})
    except Exception as cause:  # noqa: BLE001 - whatever the user's object raises
        return str(cause) or type(cause).__name__
    return None


def _dump(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _tag("float", repr(float(value)))
    if isinstance(value, tuple):
        return _tag("tuple", [_dump(item, depth + 1) for item in value])
    if isinstance(value, list):
        return [_dump(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value) and "__type__" not in value:
            return {key: _dump(item, depth + 1) for key, item in value.items()}
        return _tag("dict", [[_dump(key, depth + 1), _dump(item, depth + 1)] for key, item in value.items()])
    # Late, because values of results need circuits, whose maps need this.
    from ..wire.typed.writers import write_tagged

    written = write_tagged(value, functions=False)
    if not isinstance(written, dict):
        return _dump(written, depth + 1)
    return {key: _plain(item, depth + 1) for key, item in written.items()}


def _plain(value: Any, depth: int) -> Any:
    """Write what stands under a tag, whose dicts and tuples are those of the typed form."""
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, depth) for key, item in value.items()}
    return _dump(value, depth)


def _load(value: Any, allowance: Allowance) -> Any:
    if isinstance(value, list):
        return [_load(item, allowance) for item in value]
    if not isinstance(value, dict):
        return value
    members = {key: _load(item, allowance) for key, item in value.items()}
    tag, content = members.get("__type__"), members.get("__value__")
    if tag == "tuple" and isinstance(content, list):
        return tuple(content)
    if tag == "float" and isinstance(content, str):
        return float(content)
    if tag == "dict" and isinstance(content, list):
        return {key: item for key, item in content}  # noqa: C416 - pairs that are lists
    from ..wire.typed.readers import DecodeContext, read_tagged

    return read_tagged(members, DecodeContext("$", allowance)) if isinstance(tag, str) else members


def _tag(tag: str, value: Any) -> dict[str, Any]:
    return {"__type__": tag, "__value__": value}
