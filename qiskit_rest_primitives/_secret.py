"""Text that shows itself nowhere: not in a repr, not in a formatted text, not in a traceback with variables."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

MASK = "***"
_P = ParamSpec("_P")
_R = TypeVar("_R")
_USER = re.compile(r"(?<=//)[^/?#]*@")


class Secret(str):
    """A token, key or password.

    It is the text itself for whoever sends or compares it (``encode``, ``+``, ``==``, JSON); what shows values to people
    (``repr``, ``str``, ``format``, debuggers, crash reporters) sees stars, and it cannot be pickled.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Secret:
        """Make it of a text, or of a secret: ``str`` of one would be the stars."""
        return super().__new__(cls, "".join(text))

    def __repr__(self) -> str:
        return repr(MASK)

    def __str__(self) -> str:
        return MASK

    def __format__(self, form: str) -> str:
        return format(MASK, form)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A secret cannot be pickled; reconnect from the saved account or the environment.")

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return self.__reduce__()

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: Any) -> Secret:
        return self

    def reveal(self) -> str:
        """Return the text as plain text."""
        return "".join(self)


def hidden(value: Any) -> Any:
    """Return a copy of a value of JSON's kinds with secrets for all its texts; keys are none."""
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, Mapping):
        return {key: hidden(item) for key, item in value.items()}
    return [hidden(item) for item in value] if isinstance(value, (list, tuple)) else value


def shown(value: Any) -> Any:
    """Return a copy of a value of JSON's kinds with plain texts for its secrets."""
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(shown, value))
    return value.reveal() if isinstance(value, Secret) else value


def without_user(url: str) -> str:
    """Return a URL without user and password, which are never sent: credentials go into headers.

    One that still holds an ``@`` is hidden: there is no telling what stands before it.
    """
    rest = _USER.sub("", url)
    return Secret(rest) if "@" in rest else rest


_HIDDEN: dict[str, Callable[[Any], Any]] = {
    "token": hidden,
    "proxies": hidden,
    "password_ntlm": hidden,
    "url": lambda url: without_user(url) if isinstance(url, str) else url,
}
"""Arguments, and members of saved accounts, that hold secrets -> what keeps them from being shown."""


def hidden_members(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments or members of an account by name, those that hold secrets hidden."""
    return {name: _HIDDEN[name](value) if name in _HIDDEN else value for name, value in entry.items()}


def keeps_secrets(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Hide the secret ones among a function's arguments, so that from here on no traceback shows them."""
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        given = hidden_members(dict(zip(names, args)))  # noqa: B905 - too many are the function's to refuse
        args = (*given.values(), *args[len(given) :])  # type: ignore[assignment]
        kwargs = hidden_members(kwargs)  # type: ignore[assignment]
        return function(*args, **kwargs)

    return call
