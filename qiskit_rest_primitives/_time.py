"""Moments and durations: one deadline for a call that takes several steps."""

from __future__ import annotations

import time

__all__ = ["Deadline"]


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
