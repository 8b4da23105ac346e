"""The inputs of a runtime program as attributes, checked against what the program says about them."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..exceptions import IBMInputValueError
from ..rest.messages import LONGEST_TEXT, readable

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (numbers.Integral,),
    "number": (numbers.Real,),
    "boolean": (bool,),
    "null": (type(None),),
}
"""JSON types that only plain values have, NumPy's too; ``object`` and ``array`` also stand for what the encoder writes so."""


class ParameterNamespace(SimpleNamespace):
    """The inputs of a program: ``program.parameters()`` returns one with defaults filled in.

    Set what the program shall get, then hand the namespace to ``service.run``. A name that the program does not describe
    is a warning, for it may be misspelt, but goes to the program all the same: ``main`` may take more than is described,
    and the old client let scripts rely on that. A description with ``"additionalProperties": false`` forbids it.

    Args:
        parameters: The program's ``spec["parameters"]``: a JSON Schema of an object.
    """

    __slots__ = ("__properties", "__schema")  # beside the values, which alone are in __dict__

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        properties = dict(parameters.get("properties") or {})
        object.__setattr__(self, "_ParameterNamespace__schema", dict(parameters))
        object.__setattr__(self, "_ParameterNamespace__properties", properties)
        super().__init__(**{name: description.get("default") for name, description in properties.items()})

    @property
    def metadata(self) -> dict[str, Any]:
        """The description of the parameters."""
        return dict(self.__schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the values, without those that are not set."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def validate(self) -> None:
        """Check the values.

        Raises:
            IBMInputValueError: One that is required is missing, has another type, or is out of range.
        """
        values = vars(self)
        required = self.__schema.get("required") or ()
        missing = [name for name in required if values.get(name) is None]
        if missing:
            raise IBMInputValueError(f"The program needs {', '.join(missing)}.")
        for name, value in values.items():
            if value is not None:
                _check(name, value, self.__properties.get(name) or {})

    def __setattr__(self, name: str, value: Any) -> None:
        known = self.__properties
        if known and name not in self.__dict__:
            there = f"The program describes no parameter {name!r}. There are: {', '.join(known)}."
            if self.__schema.get("additionalProperties") is False:
                raise IBMInputValueError(there)
            warnings.warn(readable(f"{there} It is sent all the same."), UserWarning, stacklevel=2)
        self.__dict__[name] = value

    def __str__(self) -> str:
        """Return a table of the parameters with their values, types and descriptions."""
        required = self.__schema.get("required") or ()
        lines = [f"{'NAME':25} {'VALUE':12} {'TYPE':16} {'REQUIRED':9} DESCRIPTION"]
        for name, description in self.__properties.items():
            value = _short(self.__dict__[name])
            kind = ", ".join(_kinds_of(description)) or "any"
            needed = str(name in required)
            lines.append(f"{name:25} {value:12} {kind:16} {needed:9} {description.get('description', '')}")
        return readable("\n".join(lines), LONGEST_TEXT)


def _check(name: str, value: Any, description: Mapping[str, Any]) -> None:
    kinds = _kinds_of(description)
    if kinds and not any(_is(value, kind) for kind in kinds):
        raise IBMInputValueError(f"{name} must be of type {' or '.join(kinds)}, not {type(value).__name__}.")
    if "enum" in description and value not in description["enum"]:
        raise IBMInputValueError(f"{name} must be one of {description['enum']}, not {value!r}.")
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        low, high = description.get("minimum"), description.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            raise IBMInputValueError(f"{name} must be between {low} and {high}, not {value!r}.")
    if isinstance(value, (list, tuple)):
        fewest, most = description.get("minItems"), description.get("maxItems")
        if (fewest is not None and len(value) < fewest) or (most is not None and len(value) > most):
            raise IBMInputValueError(f"{name} must have between {fewest} and {most} items, not {len(value)}.")


def _kinds_of(description: Mapping[str, Any]) -> list[str]:
    kinds = description.get("type") or []
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _is(value: Any, kind: str) -> bool:
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    if kind in _KINDS:
        return isinstance(value, _KINDS[kind])
    plain = isinstance(value, (str, numbers.Real))
    return not plain and (kind != "array" or not isinstance(value, Mapping))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 12 else text[:9] + "..."
