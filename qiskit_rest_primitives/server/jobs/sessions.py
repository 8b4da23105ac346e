"""The life of a session or batch as a state machine (rest-api.md 5.2 to 5.4).

::

    open --first job starts--> active --idle for interactive_ttl--> inactive --next job starts--> active
    any of them --max_ttl, close, or drained after close--> closed, which is final
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from ..._time import time_text

CREATED = "session_created"
ACTIVATED = "session_activated"
INACTIVATED = "session_inactivated_by_interactive_ttl"
CLOSED_EARLY = "session_closed_early"
CLOSED_BY_MAX_TTL = "session_closed_by_max_ttl"
CLOSED_UNUSED = "session_closed_unused"
CANCELLED = "session_cancelled"
_TIMES = (
    "created", "started_at", "activated_at", "closed_at", "last_job_started", "last_job_completed", "idle_since"
)  # fmt: skip


@dataclass
class Session:
    """One session; times are seconds since the epoch, ``*_ttl`` seconds.

    Attributes:
        waiting: Jobs of this session that are queued.
        running: Jobs of this session that run.
        idle_since: When the last job ended; None while it has jobs or never had one.
        used: Finished stretches of activity (``dedicated``) or of job time (``batch``), in seconds.
        history: The states with the time each began.
        key: The ``Idempotency-Key`` it was opened with.
    """

    id: str
    instance: str = field(repr=False)
    backend: str
    mode: str
    created: float
    interactive_ttl: int
    max_ttl: int
    active_ttl: int
    start_ttl: int
    state: str = "open"
    state_reason: str = CREATED
    accepting_jobs: bool = True
    started_at: float | None = None
    activated_at: float | None = None
    closed_at: float | None = None
    last_job_started: float | None = None
    last_job_completed: float | None = None
    waiting: int = 0
    running: int = 0
    idle_since: float | None = None
    used: float = 0.0
    history: list[tuple[str, float]] = field(default_factory=list)
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.history:
            self.history = [("open", self.created)]

    @property
    def closed(self) -> bool:
        """Whether its life is over."""
        return self.state == "closed"

    @property
    def takes_jobs(self) -> bool:
        """Whether a job may be submitted to it; a closed session takes none whatever its flag says."""
        return self.accepting_jobs and not self.closed

    def resume(self, waiting: int, now: float) -> None:
        """Take up life under a new server, which has ``waiting`` of its jobs queued and none running."""
        latest = max(self.history[-1][1], self.last_job_started or 0.0, self.last_job_completed or 0.0)
        if latest > now and not self.closed:  # the machine's clock was set back between the servers
            self.move(now - latest)
        self.waiting, self.running = waiting, 0
        self._settle(now)

    def job_queued(self) -> None:
        """Count a submitted job."""
        self.waiting += 1
        self.idle_since = None

    def job_started(self, now: float) -> None:
        """Move a job from waiting to running; opens or wakes the session."""
        self.waiting -= 1
        self.running += 1
        self.last_job_started = now
        self.idle_since = None
        if self.state in ("open", "inactive"):
            self.started_at = now if self.started_at is None else self.started_at
            self.activated_at = now
            self._enter("active", ACTIVATED, now)

    def job_returned(self) -> None:
        """Move a job that could not be run yet from running to waiting."""
        self.running -= 1
        self.waiting += 1

    def job_dropped(self, now: float) -> None:
        """Count a waiting job that was cancelled or deleted."""
        self.waiting -= 1
        self._settle(now)

    def job_finished(self, now: float, seconds: float) -> None:
        """Count a running job that ended after ``seconds``."""
        self.running -= 1
        self.last_job_completed = now
        if self.mode == "batch":
            self.used += seconds
        self._settle(now)

    def set_accepting(self, accepting: bool, now: float) -> None:
        """Obey ``PATCH``: stop taking jobs and close when drained, at once if there is nothing to drain.

        Taking jobs again is possible only before the session has closed; afterwards the flag flips and the state
        stays.
        """
        self.accepting_jobs = accepting
        self._settle(now)

    def close(self, now: float, reason: str) -> None:
        """End the session. Its waiting jobs are the caller's to cancel; running ones may finish."""
        if self.closed:
            return
        self._leave_active(now)
        self.accepting_jobs = False
        self.closed_at = now
        self._enter("closed", reason, now)

    def move(self, seconds: float) -> None:
        """Move all its times, because the clock that they were read from was set by so much."""
        for name in _TIMES:
            if (at := getattr(self, name)) is not None:
                setattr(self, name, at + seconds)
        self.history = [(state, at + seconds) for state, at in self.history]

    def deadline(self) -> float | None:
        """Return when ``tick`` has something to do, if nothing else happens before."""
        if self.closed:
            return None
        if self.started_at is None:
            return None if self.waiting else self.created + self.start_ttl
        times = [self.started_at + self.max_ttl]
        if self.state == "active":
            times.append((self.activated_at or 0) + self.active_ttl - self._active_before())
            if self.idle_since is not None:
                times.append(self.idle_since + self.interactive_ttl)
        return min(times)

    def tick(self, now: float) -> bool:
        """Let time pass; returns whether the state changed."""
        changed = False
        while (due := self.deadline()) is not None and due <= now:
            if self.started_at is None:
                self.close(due, CLOSED_UNUSED)
            elif (
                self.state == "active"
                and self.idle_since is not None
                and due == self.idle_since + self.interactive_ttl
                and due < self.started_at + self.max_ttl
            ):
                self._leave_active(due)
                self._enter("inactive", INACTIVATED, due)
            else:
                self.close(due, CLOSED_BY_MAX_TTL)
            changed = True
        return changed

    def elapsed(self, now: float) -> float | None:
        """Return the usage so far in seconds, None while neither a job has ended nor the session."""
        if not self.closed and self.last_job_completed is None:
            return None
        return round(self.used + self._active_now(now), 6)

    def document(self, now: float) -> dict[str, Any]:
        """Write the document of rest-api.md 5.2."""
        return {
            "id": self.id,
            "backend_name": self.backend,
            "mode": self.mode,
            "state": self.state,
            "state_reason": self.state_reason,
            "accepting_jobs": self.accepting_jobs,
            "started_at": time_text(self.started_at),
            "activated_at": time_text(self.activated_at),
            "closed_at": time_text(self.closed_at),
            "last_job_started": time_text(self.last_job_started),
            "last_job_completed": time_text(self.last_job_completed),
            "interactive_ttl": self.interactive_ttl,
            "max_ttl": self.max_ttl,
            "active_ttl": self.active_ttl,
            "timestamps": [{"status": state, "timestamp": time_text(at)} for state, at in self.history],
            "elapsed_time": self.elapsed(now),
            "user_id": "local",
        }

    def copy(self) -> Session:
        """Return another one in the same state."""
        return replace(self, history=list(self.history))

    def dump(self) -> str:
        """Write the whole state as JSON; the inverse of ``load``."""
        return json.dumps(vars(self))

    @classmethod
    def load(cls, text: str) -> Session:
        """Read what ``dump`` wrote."""
        values = json.loads(text)
        values["history"] = [(state, at) for state, at in values["history"]]
        return cls(**values)

    def _settle(self, now: float) -> None:
        if self.closed or self.waiting or self.running:
            return
        if not self.accepting_jobs:
            self.close(now, CLOSED_EARLY)
        elif self.started_at is not None and self.idle_since is None:
            self.idle_since = now

    def _active_before(self) -> float:
        """Seconds of earlier active stretches, from the history."""
        total, since = 0.0, None
        for state, at in self.history[:-1] if self.state == "active" else self.history:
            if since is not None:
                total += at - since
            since = at if state == "active" else None
        return total

    def _leave_active(self, now: float) -> None:
        self.used += self._active_now(now)

    def _active_now(self, now: float) -> float:
        """Seconds of the stretch of activity that is under way, as far as they count as usage."""
        if self.state != "active" or self.mode != "dedicated" or self.activated_at is None:
            return 0.0
        return max(0.0, now - self.activated_at)

    def _enter(self, state: str, reason: str, now: float) -> None:
        self.state, self.state_reason = state, reason
        self.history.append((state, now))
