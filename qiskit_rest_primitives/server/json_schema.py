"""JSON Schema as plain values: what the OpenAPI document says of bodies, and what submissions are checked against."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..options.base import OptionGroup
from .job_errors import ParamsError

Schema = dict[str, Any]

LARGEST = sys.float_info.max
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
NO_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
ANYTHING: Schema = {"type": "object"}
CLOSED: Schema = {"additionalProperties": False}


def ref(name: str) -> Schema:
    """Refer to a schema of the document by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def several(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def words(*values: str) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(values)}


def closed(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with exactly these members."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def extensible(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with at least these members."""
    return closed(required, optional) | {"additionalProperties": True}


def options_schema(
    group: type[OptionGroup],
    form: Callable[..., Schema] = extensible,
    *,
    also: Mapping[str, Schema] | None = None,
) -> Schema:
    """Return the schema of the options that clients send, as a group declares them, and of members that are none.

    ``form`` is ``extensible`` or ``closed``, for each group.
    """
    sent = {name: option_schema(entry, form) for name, entry in group._entries.items() if entry.sent}
    return form({}, {**sent, **(also or {})})


def option_schema(entry: Any, form: Callable[..., Schema] = extensible) -> Schema:
    """One option as it is declared, with the default that users are told."""
    if entry.group is not None:
        return options_schema(entry.group, form)
    schema = dict(entry.rule.schema)
    if entry.null:
        schema["type"] = [schema["type"], "null"]
    default = list(entry.service) if type(entry.service) is tuple else entry.service
    if isinstance(default, (bool, int, float, list)) or default in schema.get("enum", ()):
        schema["default"] = default
    return schema


_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"), "boolean": (bool, "true or false"), "integer": (int, "a whole number"),
    "number": ((int, float), "a number"), "array": (list, "a list"), "object": (Mapping, "an object"), "null": (type(None), "null"),
}  # fmt: skip
"""What values are in Python, and what messages call them."""


def check(schema: Schema, value: Any, path: str) -> None:
    """Check a value that came as JSON; a member that need not be there may also be null.

    A ``title`` of the schema says in words what is allowed; the text of the ParamsError begins with the path.
    """
    fitting = [each for each in schema.get("anyOf", (schema,)) if _fits(each, value)]
    if not fitting:
        most = schema.get("maximum")
        much = type(value) is int and most is not None and value > most and "title" not in schema
        raise ParamsError(f"{path} must be {f'at most {most:.0e}' if much else _in_words(schema)}.")
    chosen = fitting[0]
    if isinstance(value, Mapping):
        _check_members(chosen, value, path)
    elif isinstance(value, list):
        _check_items(chosen, value, path)


def _check_items(schema: Schema, values: list[Any], path: str) -> None:
    """Check items of one type; those of several are circuits and PUBs, which are checked when they are read."""
    items = schema.get("items", {})
    if not isinstance(items.get("type"), str):
        return
    titled = items | {"title": schema["title"]} if "title" in schema else items
    for index, item in enumerate(values):
        if items["type"] == "object":
            check(items, item, f"{path}[{index}]")
        else:
            check(titled, item, path)


def _check_members(schema: Schema, values: Mapping[str, Any], path: str) -> None:
    members, required = schema.get("properties", {}), schema.get("required", ())
    if not schema.get("additionalProperties", True) and (unknown := sorted(set(values) - set(members))):
        raise ParamsError(f"{path} has unknown keys: {', '.join(map(repr, unknown))[:300]}.")
    for name in required:
        check(members[name], values.get(name), f"{path}.{name}")
    for name, value in values.items():
        if value is not None and name in members and name not in required:
            check(members[name], value, f"{path}.{name}")


def _fits(schema: Schema, value: Any) -> bool:
    """Tell whether a value is allowed, whatever it holds."""
    if "const" in schema:
        return bool(value == schema["const"])
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if kinds and not any(_is_a(kind, value) for kind in kinds):
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        least, above = schema.get("minimum", -LARGEST), schema.get("exclusiveMinimum", -math.inf)
        return bool(least <= value <= schema.get("maximum", LARGEST) and value > above)
    return not isinstance(value, str) or value in schema.get("enum", (value,))


def _is_a(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind][0]) and (kind == "boolean" or not isinstance(value, bool))


def _in_words(schema: Schema) -> str:
    if "title" in schema:
        return str(schema["title"])
    if "anyOf" in schema:
        return " or ".join(map(_in_words, schema["anyOf"]))
    if "const" in schema:
        return str(schema["const"])
    if words := schema.get("enum"):
        return f"one of {', '.join(words)}" if len(words) > 1 else repr(words[0])
    kinds = schema["type"]
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    text = " or ".join(_TYPES[kind][1] for kind in kinds if kind != "null")
    if "array" in kinds and schema.get("items", {}).get("type") in ("integer", "number"):
        return f"{text} of {_TYPES[schema['items']['type']][1].removeprefix('a ')}s"
    if "minimum" in schema:
        return f"{text} of at least {schema['minimum']}"
    return f"{text} greater than {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else text
