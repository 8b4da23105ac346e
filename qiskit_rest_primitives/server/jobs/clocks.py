"""What time does to jobs and sessions: that no job runs longer than it may, and when living sessions change by themselves."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from .sessions import Session
from .store import Job, Store
from .transfers import WriteRetries

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
        self._began[job.id] = time.monotonic()
        self._timers[job.id] = loop.call_later(job.cost, self._ring, job)

    def of(self, job: Job) -> float:
        """Return how many seconds a job has run; 0 if it has not begun."""
        began = self._began.get(job.id)
        return 0.0 if began is None else time.monotonic() - began

    def has_begun(self, job: Job) -> bool:
        """Whether a job runs, however short it has: a clock may not have moved since."""
        return job.id in self._began

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
        self._ends.append(time.monotonic())
        kind = job.program, job.backend
        self._means[kind] = 0.8 * self._means.get(kind, seconds) + 0.2 * seconds

    def mean(self, program: str, backend: str, default: float) -> float:
        """Return the running mean of the seconds that a program's jobs took on a device."""
        return self._means.get((program, backend), default)

    def pace(self) -> float:
        """Return the seconds from the end of one job to that of the next, lately; infinite if that is not known."""
        if not self._ends:
            return math.inf
        return (time.monotonic() - self._ends[0]) / len(self._ends)

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


LONGEST_SECONDS = 30.0
"""How long nobody looks at the machine's clock while sessions live."""


class LiveSessions:
    """The sessions, and the alarm of those that live; used on the event loop's thread.

    Args:
        store: Where they are kept.
        retries: Writes what cannot be written now.
        clock: Seconds since the epoch; may be set by somebody.
        alarm: Called when ``pass_time`` may have something to do.

    Attributes:
        known: All sessions, by id.
        living: Those that are not closed.
    """

    def __init__(
        self, store: Store, retries: WriteRetries, clock: Callable[[], float], alarm: Callable[[], None]
    ) -> None:
        self.known: dict[str, Session] = {}
        self.living: dict[str, Session] = {}
        self._store = store
        self._retries = retries
        self._clock = clock
        self._alarm = alarm
        self._timer: asyncio.TimerHandle | None = None
        self._seen = (-math.inf, 0.0)
        self._stopped = False

    def of(self, job: Job) -> Session | None:
        """Return a job's session, if it has one."""
        return self.known.get(job.session_id) if job.session_id else None

    def save(self, session: Session) -> None:
        """Write what a session has become."""
        if session.closed:
            self._follow(session)
        self._store.save_session(session)
        self.known[session.id] = session
        self._follow(session)

    def keep(self, session: Session) -> None:
        """Write what a session has become, later if that is impossible now."""
        self._retries.call(session.id, partial(self.save, session))

    def answer_for(self, session: Session) -> None:
        """Write what somebody asked for, who must know if that is impossible now."""
        try:
            self.save(session)
        except sqlite3.OperationalError:
            self.keep(session)
            raise

    def became(self, session: Session | None, after: Session | None) -> None:
        """Make of a session what has been written of it."""
        if session is not None:
            vars(session).update(vars(after))
            self._follow(session)

    def _follow(self, session: Session) -> None:
        """Let time pass for a session as long as it lives."""
        if session.closed:
            self.living.pop(session.id, None)
        else:
            self.living[session.id] = session

    def pass_time(self) -> list[Session]:
        """Let every session change that has to; returns those that did.

        The alarm for the next change is set whatever happens, later if this could not be done.
        """
        pause = LONGEST_SECONDS
        try:
            changed = self._moved()
            changed += [session for session in self.living.values() if session.tick(self._clock())]
            pause = 0.0
        finally:
            self.set_alarm(pause)
        return changed

    def set_alarm(self, least: float = 0.0) -> None:
        """Wake up when the next session changes, in ``least`` seconds at the earliest.

        An alarm that is set for earlier stays: who wakes up too early sets the next one.
        """
        if not self.living or self._stopped:
            self._cancel()
            return
        due = min(session.deadline() or math.inf for session in self.living.values())
        loop = asyncio.get_running_loop()
        at = loop.time() + min(max(least, due - self._clock()), LONGEST_SECONDS)
        if self._timer is None or not loop.time() < self._timer.when() <= at:
            self._cancel()
            self._timer = loop.call_at(at, self._alarm)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._stopped = True
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _moved(self) -> list[Session]:
        """Move the times of all sessions along if the clock was set back, so that none lives twice."""
        now, tick = self._clock(), time.monotonic()
        before, ticked = self._seen
        self._seen = now, tick
        if now >= before:
            return []
        for session in self.living.values():
            session.move(now - before - (tick - ticked))
        return list(self.living.values())
