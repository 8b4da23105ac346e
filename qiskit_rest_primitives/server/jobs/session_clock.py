"""When living sessions change by themselves: the alarm for the next one, and what a clock that is set back does to them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from .sessions import Session

LONGEST_SECONDS = 30.0
"""How long nobody looks at the machine's clock while sessions live."""


class SessionClock:
    """The living sessions by id, and their alarm; used on the event loop's thread.

    Args:
        clock: Seconds since the epoch; may be set by somebody.
        alarm: Called when ``pass_time`` may have something to do.
    """

    def __init__(self, clock: Callable[[], float], alarm: Callable[[], None]) -> None:
        self.living: dict[str, Session] = {}
        self._clock = clock
        self._alarm = alarm
        self._timer: asyncio.TimerHandle | None = None
        self._seen = (-math.inf, 0.0)
        self._stopped = False

    def follow(self, session: Session) -> None:
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
        now, tick = self._clock(), asyncio.get_running_loop().time()
        before, ticked = self._seen
        self._seen = now, tick
        if now >= before:
            return []
        for session in self.living.values():
            session.move(now - before - (tick - ticked))
        return list(self.living.values())
