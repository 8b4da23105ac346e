"""How long jobs run, and that none runs longer than it may."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable

from .store import Job

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
_LAST = 32


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
        self._ends: deque[float] = deque(maxlen=_LAST)

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
        self._ends.append(asyncio.get_running_loop().time())
        kind = job.program, job.backend
        self._means[kind] = 0.8 * self._means.get(kind, seconds) + 0.2 * seconds

    def mean(self, program: str, backend: str, default: float) -> float:
        """Return the running mean of the seconds that a program's jobs took on a device."""
        return self._means.get((program, backend), default)

    def pace(self) -> float:
        """Return the seconds from the end of one job to that of the next, lately; infinite if that is not known."""
        if not self._ends:
            return math.inf
        return (asyncio.get_running_loop().time() - self._ends[0]) / len(self._ends)

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
