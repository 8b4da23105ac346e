"""How long jobs run, and that none runs longer than it may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from .store import Job

__all__ = ["RunTimes"]

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0


class RunTimes:
    """The stop watches; used on the event loop's thread.

    Args:
        over: Called with a job that has run as long as its ``cost`` says; again later if it fails.
    """

    def __init__(self, over: Callable[[Job], None]) -> None:
        self._over = over
        self._began: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._means: dict[tuple[str, str], float] = {}

    def begin(self, job: Job) -> None:
        """Start a job's watch; from 0 again if a job begins a second time."""
        self.end(job)
        loop = asyncio.get_running_loop()
        self._began[job.id] = loop.time()
        self._timers[job.id] = loop.call_later(job.cost, self._ring, job)

    def of(self, job: Job) -> float:
        """Return how many seconds a job has run; 0 if it has not begun."""
        began = self._began.get(job.id)
        return 0.0 if began is None else asyncio.get_running_loop().time() - began

    def end(self, job: Job) -> None:
        """Stop a job's watch."""
        self._began.pop(job.id, None)
        self.ring_no_more(job)

    def ring_no_more(self, job: Job) -> None:
        """Let a job be that has done its work in time."""
        if timer := self._timers.pop(job.id, None):
            timer.cancel()

    def note(self, job: Job, seconds: float) -> None:
        """Take a completed job's run time into the running mean of its kind."""
        kind = job.program, job.backend
        self._means[kind] = 0.8 * self._means.get(kind, seconds) + 0.2 * seconds

    def mean(self, program: str, backend: str, default: float) -> float:
        """Return the running mean of the seconds that a program's jobs took on a device."""
        return self._means.get((program, backend), default)

    def stop(self) -> None:
        """Stop all watches."""
        for timer in self._timers.values():
            timer.cancel()

    def _ring(self, job: Job) -> None:
        try:
            self._over(job)
        except Exception:
            logger.exception("job %s cannot be ended; trying again in %g s", job.id, AGAIN_SECONDS)
            self._timers[job.id] = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._ring, job)
