"""A memory of what was made last: a cache, so nothing but speed depends on it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Made = TypeVar("_Made")


def remembered(known: dict[_Key, _Made], key: _Key, make: Callable[[], _Made], *, most: int) -> _Made:
    """Return what is known under a key, or what is made now, and known from then on; what is full is emptied first."""
    made = known.get(key)
    if made is None:
        made = make()
        if len(known) >= most:
            known.clear()
        known[key] = made
    return made
