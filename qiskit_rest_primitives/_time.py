"""Moments and durations as text, the one place that knows how times are written; deadlines, and a bound on all that a thread asks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

_FRACTION = re.compile(r"\.(\d+)")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(
    r"(?:[\s,;]|and\b)*([0-9]{1,10})\s*(d(?:ays?)?|h(?:rs?|ours?)?|m(?:ins?|inutes?)?|s(?:ecs?|econds?)?)(?![a-z])",
    re.IGNORECASE,
)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


def read_moment(text: str) -> datetime:
    """Read an ISO 8601 date or time, with ``Z``, an offset or neither, and any number of fractional digits."""
    text = text.strip()
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    # Services trim the zeros of a fraction; Python 3.10 reads three or six digits only.
    return datetime.fromisoformat(_FRACTION.sub(lambda match: f".{match[1][:6]:<06}", text, count=1))


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one that does not say where it holds is in UTC already."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def parse_time(value: Any) -> datetime | None:
    """Read what a service says as an aware UTC datetime; None for a missing or unreadable value.

    Inverse: ``format_time``.
    """
    try:
        return in_utc(read_moment(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):  # the latter at both ends of the calendar
        return None


def format_time(value: datetime | None) -> str | None:
    """Write an aware datetime as ISO 8601 in UTC with ``Z``, microseconds always present. Inverse: ``parse_time``."""
    if value is None:
        return None
    return value.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_text(seconds: float | None) -> str | None:
    """Write seconds since the epoch as ``format_time`` does."""
    return None if seconds is None else format_time(datetime.fromtimestamp(seconds, timezone.utc))


def seconds_in(text: str) -> int:
    """Return the seconds of a duration such as ``"25m"``, ``"2h 30m 40s"`` or ``"1d 2h"``, whose parts add up."""
    total = at = 0
    while match := _PART.match(text, at):
        total += int(match[1]) * _UNITS[match[2][0].lower()]
        at = match.end()
    if at == 0 or text[at:].strip():
        raise ValueError(f"{text!r} is no duration")
    return total


class Deadline:
    """The moment by which a call must be over, counted from now.

    Attributes:
        timeout: Seconds that the caller gave it; None for as long as it takes.
    """

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self._start = time.monotonic()

    def left(self, least: float = 0.0) -> float | None:
        """Return the seconds that are left, never fewer than ``least``; None for as long as it takes."""
        if self.timeout is None:
            return None
        return max(self._start + self.timeout - time.monotonic(), least)


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
