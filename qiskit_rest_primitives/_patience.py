"""How long a thread that only looks may ask, in all that it does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ._time import Deadline

_PATIENCE: ContextVar[Deadline | None] = ContextVar("patience", default=None)


@contextmanager
def with_patience(seconds: float) -> Iterator[None]:
    """Bound all that a thread asks within, whatever timeouts its calls have, for who is to look and not to wait."""
    token = _PATIENCE.set(Deadline(seconds))
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def patience_left() -> float | None:
    """Return the seconds that ``with_patience`` leaves; None outside of it."""
    deadline = _PATIENCE.get()
    return None if deadline is None else deadline.left()
