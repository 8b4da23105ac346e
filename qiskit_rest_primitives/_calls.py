"""What a call with wrong arguments is told, and a ``repr`` for what such a call leaves behind."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

OF_ACCOUNTS = {
    **dict.fromkeys(("api_key", "apikey", "key", "api_token"), "the API key is given with token=."),
    **dict.fromkeys(
        ("crn", "hub", "service_crn"), "an instance is given with instance=, by its CRN or name."
    ),
    "backend": "backends are looked up afterwards: service.backend(name).",
    "default": "did you mean set_as_default=?",
}
"""Names that people try for the arguments of accounts -> what to write."""

_UNKNOWN = re.compile(r"unexpected keyword argument '(.*?)'")


def explained(
    *, positional: str = "", missing: str = "", **instead: str
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Make a function say what to write when it is called with arguments that it does not take.

    The happy path costs one call; errors from inside the function are not touched.

    Args:
        positional: What to do when there are too many arguments without a name.
        missing: What to do when one is missing.
        instead: Names that are not arguments, but are tried -> what to do. Of other names the closest is proposed.
            ``CLASS`` in advice for constructors is the name of the class that was called.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                began = error.__traceback__ is not None and error.__traceback__.tb_next is not None
                if began:
                    raise
                text = _told(function, str(error), positional, missing, instead)
                if function.__name__ == "__init__":
                    made = type(args[0]).__name__
                    text = text.replace(f"{function.__qualname__}()", f"{made}()", 1).replace("CLASS", made)
            del args, kwargs  # a token may be among them, and tracebacks can show variables
            raise TypeError(text)

        return call

    return decorate


def _told(
    function: Callable[..., Any], said: str, positional: str, missing: str, instead: dict[str, str]
) -> str:
    """Return Python's own words, which name arguments but never their values, and what to do."""
    unknown = _UNKNOWN.search(said)
    if unknown:
        return f"{said}: {_closest(function, unknown[1], instead)}"
    advice = positional if "positional argument" in said and "were given" in said else missing
    return f"{said}: {advice}" if advice and ("missing" in said or advice is positional) else said


def _closest(function: Callable[..., Any], name: str, instead: dict[str, str]) -> str:
    import difflib
    import inspect

    parameters = inspect.signature(function).parameters.values()
    names = [
        item.name
        for item in parameters
        if item.name not in ("self", "cls") and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    ]
    close = [name] if name in instead else difflib.get_close_matches(name.lower(), [*names, *instead], n=1)
    if not close:
        return f"its arguments are {', '.join(names)}."
    return instead.get(close[0]) or f"did you mean {close[0]}=?"


def even_half_made(show: Callable[[_T], str]) -> Callable[[_T], str]:
    """Make a ``__repr__`` show objects, too, whose constructor raised.

    A traceback with variables holds them, and reporters of crashes die of a ``repr`` that raises before Python 3.12.
    """

    @functools.wraps(show)
    def __repr__(self: _T) -> str:  # noqa: N807
        try:
            return show(self)
        except AttributeError:
            return f"<{type(self).__name__} that was not made>"

    return __repr__


def frames_of_ours() -> int:
    """Return how many frames from the caller outwards are of this package: the next one called it."""
    depth, package = 1, __name__.partition(".")[0]
    while sys._getframe(depth + 1).f_globals.get("__name__", "").partition(".")[0] == package:
        depth += 1
    return depth
