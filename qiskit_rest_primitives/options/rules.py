"""Which values an option takes: ``Unset``, and the rules that read, check and describe a value."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar


class UnsetType:
    """The type of ``Unset``, the mark of an option that is left to the service. There is one instance."""

    _instance: ClassVar[UnsetType | None] = None

    def __new__(cls) -> UnsetType:  # noqa: D102 - makes the one instance
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "Unset"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "Unset"


Unset = UnsetType()
"""Not given: nothing is sent, and the service decides."""


class ByLevel(tuple[Any, Any, Any]):
    """What the service does at resilience levels 0, 1 and 2; samplers are as level 0."""

    __slots__ = ()


@dataclass(frozen=True)
class Rule:
    """Which values a field takes.

    Attributes:
        read: Returns the value to keep, or raises TypeError or ValueError.
        allowed: The allowed values in words, for messages.
        schema: The same as JSON Schema, as far as they have a JSON form, for the contract of the local server.
    """

    read: Callable[[Any], Any]
    allowed: str
    schema: Mapping[str, Any] = field(default_factory=dict)

    def __or__(self, other: Rule) -> Rule:
        def read(value: Any) -> Any:
            try:
                return self.read(value)
            except (TypeError, ValueError):
                return other.read(value)

        schema = {"anyOf": [self.schema, other.schema]}
        return Rule(read, f"{self.allowed} or {other.allowed}", schema)


def integer(minimum: int | None = None, maximum: int | None = None) -> Rule:
    """Take whole numbers, also of NumPy and also ``1e4``; never booleans."""

    def read(value: Any) -> int:
        if _is_boolean(value):
            raise TypeError
        if isinstance(value, Real) and not hasattr(value, "__index__") and float(value).is_integer():
            value = int(float(value))
        number = operator.index(value)
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise ValueError
        return number

    bounds = {"minimum": minimum, "maximum": maximum}
    return Rule(read, f"an integer{_bounds(minimum, maximum)}", {"type": "integer", **_given(bounds)})


def number(*, minimum: float | None = None, above: float | None = None) -> Rule:
    """Take finite real numbers, also of NumPy, kept as Python numbers; never booleans."""

    def read(value: Any) -> float | int:
        if _is_boolean(value) or not isinstance(value, Real):
            raise TypeError
        if not (float("-inf") < float(value) < float("inf")):
            raise ValueError
        if (minimum is not None and value < minimum) or (above is not None and value <= above):
            raise ValueError
        return value if isinstance(value, (int, float)) and type(value) in (int, float) else float(value)

    bounds = f" greater than {above}" if above is not None else _bounds(minimum, None)
    limits = _given({"minimum": minimum, "exclusiveMinimum": above})
    return Rule(read, f"a number{bounds}", {"type": "number", **limits})


def boolean() -> Rule:
    """Take True and False, also NumPy's, and 0 and 1."""

    def read(value: Any) -> bool:
        if _is_boolean(value) or (type(value) is int and value in (0, 1)):
            return bool(value)
        raise TypeError

    return Rule(read, "True or False", {"type": "boolean"})


def choice(*words: str, ignore_case: bool = False) -> Rule:
    """Take one of a few words."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError
        word = value.upper() if ignore_case else value
        if word not in words:
            raise ValueError
        return word

    allowed = ", ".join(map(repr, words)) if len(words) == 1 else "one of " + listed(words)
    return Rule(read, allowed, {"type": "string", "enum": list(words)})


def items(rule: Rule, what: str, *, least: int = 0, tuples: bool = False) -> Rule:
    """Take a list, tuple or array whose items obey ``rule``; kept as a list, or as a tuple if it is one and may stay one."""

    def read(value: Any) -> list[Any] | tuple[Any, ...]:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise TypeError
        kept = [rule.read(item) for item in value]
        if len(kept) < least:
            raise ValueError
        return tuple(kept) if tuples and isinstance(value, tuple) else kept

    return Rule(read, f"a list of {what}", {"type": "array", "items": rule.schema})


_WORD = r"[a-zA-Z0-9]+"
IMAGE = re.compile(rf"{_WORD}([/._-]{_WORD})*:{_WORD}([._-]{_WORD})*")
"""Name and tag of a runtime image."""


def image() -> Rule:
    """Take the name and tag of a runtime image."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError
        if not IMAGE.fullmatch(value):
            raise ValueError
        return value

    return Rule(read, "text of the form 'name:tag'")


def instance(*types: type, allowed: str) -> Rule:
    """Take instances of some classes, as they are."""

    def read(value: Any) -> Any:
        if not isinstance(value, types):
            raise TypeError
        return value

    return Rule(read, allowed)


def _is_boolean(value: Any) -> bool:
    return type(value).__name__ in ("bool", "bool_")


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" from {minimum} to {maximum if maximum < 1_000_000 else format(maximum, '.0e')}"
    return f" of at least {minimum}" if minimum is not None else ""


def _given(limits: Mapping[str, float | None]) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if limit is not None}


def listed(words: Iterable[str]) -> str:
    """Return words quoted and separated by commas."""
    return ", ".join(repr(word) for word in words)


def shown(value: Any) -> str:
    """Return a value as messages show it: its repr, at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
