"""Watching jobs together until they end, and telling who asked to be told of each new state."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

from .._time import Deadline, now, parse_time
from ..exceptions import IBMError, RuntimeJobTimeoutError
from ..rest.api import Api
from ..rest.messages import FailedAttempt, Failure
from ..rest.retry import PATIENCE, SHARE, SHORTEST, WaitTimeout, next_pause, retry_after, survivable
from ..wire.models import JobRecord
from .progress import UNSEEN, Display, shows_progress
from .search import PAGE, find_jobs
from .status import ENDS, WAITING, JobState
from .waiting import naming, timed_out

if TYPE_CHECKING:
    from .job import RuntimeJobV2

Callback = Callable[["RuntimeJobV2", JobState], object]

WITH_POSITION = "2025-05-01"
"""An API date whose metrics tell the place in the queue, where the service knows it (rest-api.md 4.15)."""
LONGEST_HOLD = 10.0
"""Seconds for which one job is watched with one question: a display is to move."""
SHORTEST_HERE = 0.02
"""Shortest pause between looks where no network lies between: jobs that take a moment are not waited for longer."""
LEAST = 0.25
"""Seconds that a question gets even at the end of the deadline, so that each wait asks once."""


class Watch:
    """Jobs that are waited for together: one question per look, however many they are.

    A job alone is asked for itself. Of several those that are pending are listed, once for each instance, and those that
    have ended since then once more; what that does not tell is asked for one by one.

    Args:
        jobs: The jobs, which may be of several parts.
        callback: Called with a job and each of its states, once.
        display: Shows the states after each look.
        interval: Seconds between looks; None to let it grow with the time waited.
        hold: Seconds for which a service that can may hold its answer about a job alone; None to choose by its state.

    Attributes:
        pending: The jobs that are waited for, by id.
        observed: Whether somebody is told of states.
        looked: Whether the service was asked yet.
        failure: Why the last question had no answer, if it had none.
    """

    def __init__(
        self,
        jobs: Iterable[RuntimeJobV2],
        *,
        callback: Callback | None = None,
        display: Display | None = None,
        interval: float | None = None,
        hold: float | None = None,
    ) -> None:
        self.pending = {job.job_id(): job for job in jobs}
        self._jobs = list(self.pending.values())
        self._handles = {key: job._handles() for key, job in self.pending.items()}
        self._callback, self._display, self._interval, self._hold = callback, display, interval, hold
        self.observed = callback is not None or display is not None
        self._states: dict[str, JobState] = {}
        self._known = {key: _known_of(job) for key, job in self.pending.items()}
        self._places: dict[str, int | None] = {}
        self._began: dict[str, float] = {}
        self._tells_places = self.observed
        self._near = all(job.service.is_local for job in self._jobs)
        self._start = self._answered = time.monotonic()
        self._held = False
        self._asked_for: float | None = None
        self.looked = False
        self.failure: Failure | None = None

    @property
    def over(self) -> bool:
        """Whether some of those that are waited for have ended."""
        return any(job.is_final for job in self.pending.values())

    def ended(self) -> list[RuntimeJobV2]:
        """Tell the observers how the jobs stand, and return those that have ended since the last time."""
        for handle in (handle for handles in self._handles.values() for handle in handles):
            self._note(handle)
        for job in self._jobs:
            state = self._state_of(job)
            if self._states.get(job.job_id()) != state:
                self._tell(job, state)
                self._states[job.job_id()] = state
        if self._display is not None:
            self._display.show([self._state_of(unit) for unit in self._units()])
        over = [key for key, job in self.pending.items() if job.is_final]
        return [self.pending.pop(key) for key in over]

    def look(self, left: float | None) -> None:
        """Learn how those stand that have not ended, in the seconds that are left; None for as long as it takes.

        Raises:
            IBMError: The service refuses to say, or has not answered for an hour.
        """
        self.looked, self._asked_for, self._held, self.failure = True, None, False, None
        groups: dict[int, list[RuntimeJobV2]] = {}
        for key in self.pending:
            for handle in self._handles[key]:
                if not handle.is_final:
                    groups.setdefault(id(handle.api), []).append(handle)
        timeout = None if left is None else max(left, LEAST)
        try:
            for handles in groups.values():
                if len(handles) == 1:
                    self._ask(handles[0], timeout, alone=len(groups) == 1)
                else:
                    self._ask_for_all(handles, timeout)
            for key, job in self.pending.items():
                job._settle()
                self._handles[key] = job._handles()
            self._answered = time.monotonic()
        except IBMError as problem:
            self.failure = getattr(problem, "failure", None)
            late = left is None and time.monotonic() - self._answered > PATIENCE
            if self.failure is None or not survivable(self.failure) or late:
                raise

    def pause(self) -> float:
        """Return the seconds before the next look."""
        if self._held:
            return 0.0
        waited = time.monotonic() - self._start
        if self._interval is None and self._near and self._asked_for is None and SHARE * waited < SHORTEST:
            return max(SHARE * waited, SHORTEST_HERE)
        return next_pause(
            waited,
            interval=self._interval,
            asked_for=self._asked_for,
            jitter=random.random(),  # noqa: S311 - spreads questions
        )

    def timed_out(self, deadline: Deadline) -> RuntimeJobTimeoutError:
        """Return the error for jobs that were not finished in time."""
        first = next(iter(self.pending.values()))
        if len(self._jobs) == 1:
            cause = WaitTimeout(first.job_id(), first._record, self.failure)
            return timed_out(first.job_id(), deadline, cause)
        return RuntimeJobTimeoutError(
            f"{len(self.pending)} jobs were not finished after {deadline.timeout} s; they go on: "
            f"{', '.join(self.pending)}.",
            job_id=first.job_id(),
        )

    # -- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, job: RuntimeJobV2, timeout: float | None, *, alone: bool) -> None:
        if job._record.created is not None and self._still_waits(job, timeout):
            return
        hold = self._holding(job) if alone and self._interval is None else None
        if hold is not None and timeout is not None:
            hold = min(hold, timeout)
        start = time.monotonic()
        outcome = job.api.poll_job(job.job_id(), wait=hold, timeout=timeout)
        if isinstance(outcome, FailedAttempt):
            self._asked_for = retry_after(outcome.headers)
            raise job.api.error(outcome.failure)
        self._asked_for = outcome.retry_after
        self._held = bool(hold) and outcome.held and 2 * (time.monotonic() - start) >= (hold or 0)
        first = job._record.created is None
        job._learn(outcome.record)
        if first:
            self._still_waits(job, timeout)

    def _holding(self, job: RuntimeJobV2) -> float | None:
        """Return for how long the answer about a job alone may be held: who is told of states wants to see it begin."""
        if self._hold is not None:
            return self._hold
        if not self.observed:
            return LONGEST_HOLD
        if job._word() in WAITING:
            return None
        return min(max(self.pause(), 1.0), LONGEST_HOLD)

    def _still_waits(self, job: RuntimeJobV2, timeout: float | None) -> bool:
        """Look for its place in the queue, where the service tells that; return whether it still waits there."""
        if not self._tells_places or job._word() not in WAITING:
            return False
        try:
            metrics = job.api.job_metrics(job.job_id(), version=WITH_POSITION, timeout=timeout)
        except IBMError:
            metrics = {}
        place, stamps = metrics.get("position_in_queue"), metrics.get("timestamps") or {}
        self._tells_places = isinstance(place, int)
        self._places[job.job_id()] = place if self._tells_places else None
        return self._tells_places and not stamps.get("running") and not stamps.get("finished")

    def _ask_for_all(self, handles: list[RuntimeJobV2], timeout: float | None) -> None:
        api = handles[0].api
        found = _listed(api, timeout, pending=True, limit=None)
        missing = [job for job in handles if job.job_id() not in found]
        if len(missing) > 1:
            found |= _listed(api, timeout, pending=False, limit=PAGE)
        for job in handles:
            record = found.get(job.job_id())
            job._learn(record or api.job(job.job_id(), timeout=timeout))

    # -- telling ---------------------------------------------------------------------------------------------------

    def _units(self) -> list[RuntimeJobV2]:
        """Return what a display counts: jobs, or the parts of a single one."""
        return self._handles[self._jobs[0].job_id()] if len(self._jobs) == 1 else self._jobs

    def _note(self, job: RuntimeJobV2) -> None:
        """Note when it was first seen running; ask, if it had begun before anybody looked."""
        key, word = job.job_id(), job._word()
        if self.observed and word == "RUNNING" and key not in self._began:
            began = time.monotonic()
            if not self._states and len(self._handles) == 1:
                began -= _seconds_running(job)
            self._began[key] = began

    def _tell(self, job: RuntimeJobV2, state: JobState) -> None:
        """Tell the callback of a new state, and before it of those that were shorter than a look."""
        if self._callback is None:
            return
        key = job.job_id()
        told, before = key in self._states, self._states.get(key, self._known[key])
        if not told and before in WAITING and state not in WAITING:
            self._callback(job, JobState("QUEUED"))
        unseen = before in WAITING or (before == "RUNNING" and not told)
        if state.final and unseen and (state == "DONE" or _began(job) is not None):
            self._callback(job, JobState("RUNNING"))
        self._callback(job, state)

    def _state_of(self, job: RuntimeJobV2) -> JobState:
        word, key = job._word(), job.job_id()
        began = self._began.get(key)
        return JobState(
            word,
            queue_position=self._places.get(key) if word in WAITING else None,
            estimated_seconds=None if word in ENDS else job._record.estimated_running_time_seconds,
            running_seconds=None if began is None else time.monotonic() - began,
        )


def _listed(api: Api, timeout: float | None, *, pending: bool, limit: int | None) -> dict[str, JobRecord]:
    records = find_jobs(api, limit=limit, pending=pending, include_mocks=True, timeout=timeout)
    return {record.id: record for record in records}


def _known_of(job: RuntimeJobV2) -> str:
    """Return the word that is known of a job before anybody looks: of one that was just submitted, that it waits."""
    just_submitted = job._record.created is None and job._result.value is None
    return "QUEUED" if just_submitted else job._word()


def _seconds_running(job: RuntimeJobV2) -> float:
    """Ask for how long it has been running; 0 where that is not known."""
    began = _began(job)
    return 0.0 if began is None else max((now() - began).total_seconds(), 0.0)


def _began(job: RuntimeJobV2) -> datetime | None:
    """Ask when it began to run; None where that is not known."""
    try:
        return parse_time((job.metrics().get("timestamps") or {}).get("running"))
    except IBMError:
        return None


def ending(
    jobs: Iterable[RuntimeJobV2],
    deadline: Deadline,
    *,
    name: str,
    interval: float | None = None,
    callback: Callback | None = None,
    progress: bool | None = None,
) -> Iterator[RuntimeJobV2]:
    """Yield jobs as they end: done, failed or cancelled; arguments and errors are those of ``as_completed``."""
    with ExitStack() as opened:
        jobs = list(jobs)
        display: Display | None = None
        if jobs and shows_progress(progress):
            display = opened.enter_context(Display(name, delay=0.0 if progress else UNSEEN))
        watch = Watch(jobs, callback=callback, display=display, interval=interval)
        while watch.pending:
            with naming(*watch.pending):
                # What a submission was answered says little: whoever is told of states is told of what was asked for.
                if watch.looked or not watch.observed or watch.over:
                    yield from watch.ended()
                if not watch.pending:
                    return
                left = deadline.left()
                if left == 0 and watch.looked:
                    raise watch.timed_out(deadline)
                pause = watch.pause() if watch.looked else 0.0
                time.sleep(pause if left is None else min(pause, left))
                watch.look(deadline.left())


def wait_watching(
    job: RuntimeJobV2,
    deadline: Deadline,
    *,
    interval: float | None,
    callback: Callback | None,
    progress: bool | None,
) -> None:
    """Wait for one job with somebody who is told of its states."""
    for _ in ending(
        [job], deadline, name=f"job {job.job_id()}", interval=interval, callback=callback, progress=progress
    ):
        pass
