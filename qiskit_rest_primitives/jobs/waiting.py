"""Waiting for one job or several as their user means it: a timeout that names the job, an interrupt that leaves it running.

How often to ask, and what to survive while asking, is the business of ``rest.waiting``.
"""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from .._time import Deadline
from ..exceptions import RuntimeJobTimeoutError
from ..rest.alarms import from_signal_handler
from ..rest.api import Api
from ..rest.waiting import HOLD, MARGIN, WaitTimeout, wait_for_final
from ..wire.models import JobRecord
from .search import find_jobs

if TYPE_CHECKING:
    from .job import RuntimeJobV2

__all__ = ["HOLD", "as_completed", "fetching", "in_thread", "result_when_done", "timed_out", "wait"]

_SHORTEST_POLL = 0.1
FEW = 3
"""Up to so many jobs are asked about one by one; more are looked up in one list of what is still pending."""
SHORTEST, LONGEST, SHARE = 1.0, 10.0, 0.1


def wait(api: Api, job_id: str, deadline: Deadline, *, poll_interval: float | None) -> JobRecord:
    """Wait until a job is final.

    Args:
        api: Whom to ask.
        job_id: The job.
        deadline: Until when.
        poll_interval: Seconds between questions, at least 0.1; None lets the service say when it is time.

    Returns:
        The final record.

    Raises:
        RuntimeJobTimeoutError: The time is up; the job goes on.
        KeyboardInterrupt: The user interrupted; the job goes on, and the message names it.
    """
    if poll_interval is not None and poll_interval < _SHORTEST_POLL:
        warnings.warn(
            f"A poll_interval of {poll_interval} s is too short; {_SHORTEST_POLL} s is used.", stacklevel=4
        )
        poll_interval = _SHORTEST_POLL
    with _naming(job_id):
        try:
            return wait_for_final(api, job_id, timeout=deadline.left(), interval=poll_interval)
        except WaitTimeout as cause:
            raise timed_out(job_id, deadline, cause) from cause


def result_when_done(api: Api, job_id: str, deadline: Deadline) -> bytes | None:
    """Wait for a job and its result in one request, where the service is known to hold answers.

    Args:
        api: Whom to ask.
        job_id: The job, not a private one.
        deadline: Until when; without one, as long as the service is willing to hold the answer.

    Returns:
        The body of a completed job's result; None if that cannot be had so: then ``wait`` tells how the job stands.

    Raises:
        KeyboardInterrupt: The user interrupted; the job goes on, and the message names it.
    """
    left = deadline.left()
    hold = HOLD if left is None else min(HOLD, left - MARGIN)
    if not api.transport.holds_answers or hold < 1:
        return None
    with _naming(job_id):
        return api.held_results(job_id, wait=hold, timeout=left)


@contextmanager
def _naming(job_id: str) -> Iterator[None]:
    """Say, when waiting is interrupted, that the job goes on."""
    try:
        yield
    except KeyboardInterrupt:
        # From None: eighty lines about sockets would hide the one that helps.
        raise KeyboardInterrupt(f"Stopped waiting. {_goes_on(job_id)}") from None


@contextmanager
def fetching(job_id: str, deadline: Deadline) -> Iterator[None]:
    """Say what it means for the job, which has ended, when fetching its result is interrupted, or takes too long.

    Raises:
        RuntimeJobTimeoutError: The time is up.
        KeyboardInterrupt: The user interrupted; the message names the job.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Stopped fetching the result of job {job_id}; service.job({job_id!r}) finds it again."
        ) from None
    except TimeoutError as cause:
        left = deadline.left()
        if left is None or left > 0.2 or from_signal_handler(cause):
            raise
        raise timed_out(job_id, deadline, cause) from cause


async def in_thread(wait: Callable[[threading.Event], None], finish: Callable[[], Any]) -> Any:
    """Wait in a thread of its own, which does not keep the process alive.

    Args:
        wait: Waits; returns early, at the next opportunity, once the event is set.
        finish: Called after it; its result is returned, or what it raises raised.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    given_up = threading.Event()

    def settle(outcome: Any, problem: BaseException | None) -> None:
        if not future.done():
            if problem is None:
                future.set_result(outcome)
            else:
                future.set_exception(problem)

    def work() -> None:
        outcome, problem = None, None
        try:
            wait(given_up)
            outcome = None if given_up.is_set() else finish()
        except BaseException as cause:  # noqa: BLE001 - raised where it is awaited
            problem = cause
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(settle, outcome, problem)

    threading.Thread(target=copy_context().run, args=(work,), name="await job", daemon=True).start()
    try:
        return await future
    finally:
        given_up.set()


def timed_out(job_id: str, deadline: Deadline, cause: Exception) -> RuntimeJobTimeoutError:
    """Return the error for a job that was not finished in time."""
    return RuntimeJobTimeoutError(
        f"Timed out waiting for job {job_id} after {deadline.timeout} s. {cause} {_goes_on(job_id)}",
        job_id=job_id,
    )


def _goes_on(job_id: str) -> str:
    return f"Job {job_id} goes on; service.job({job_id!r}) finds it again."


def as_completed(jobs: Iterable[RuntimeJobV2], timeout: float | None = None) -> Iterator[RuntimeJobV2]:
    """Yield jobs as they end: done, failed or cancelled.

    Between answers the first unfinished job is waited for, at most a tenth of the time waited so far (1 to 10 s);
    then all the others are looked at together.

    Args:
        jobs: The jobs; one that is given twice is yielded once.
        timeout: Seconds for all of them; None for as long as it takes.

    Raises:
        RuntimeJobTimeoutError: The time is up; the message names the jobs that go on.
    """
    start = time.monotonic()
    pending = {job.job_id(): job for job in jobs}
    while pending:
        for job_id in [key for key, job in pending.items() if job.is_final]:
            yield pending.pop(job_id)
        if not pending:
            return
        waited = time.monotonic() - start
        left = None if timeout is None else timeout - waited
        if left is not None and left <= 0:
            raise RuntimeJobTimeoutError(
                f"{len(pending)} jobs were not finished after {timeout} s; they go on: {', '.join(pending)}.",
                job_id=next(iter(pending)),
            )
        _look(list(pending.values()), _hold(waited, left, alone=len(pending) == 1))


def _hold(waited: float, left: float | None, *, alone: bool) -> float | None:
    """Return the seconds for which to wait for one job before looking at the others."""
    if alone:
        return left
    hold = min(max(SHARE * waited, SHORTEST), LONGEST)
    return hold if left is None else min(hold, left)


def _look(jobs: list[RuntimeJobV2], hold: float | None) -> None:
    """Learn which of the jobs have ended."""
    first, others = jobs[0], jobs[1:]
    unfinished = _still_pending(others) if len(others) > FEW else None
    ended = [job for job in others if unfinished is None or job.job_id() not in unfinished]
    for job in ended:
        job.status()
    if any(job.is_final for job in ended):
        hold = 0.0
    try:
        first.wait_for_final_state(timeout=hold)
    except RuntimeJobTimeoutError:
        return


def _still_pending(jobs: list[RuntimeJobV2]) -> set[str]:
    """Return the ids of all jobs that have not ended; one list per instance, not one request per job."""
    apis = {id(job.api): job.api for job in jobs}
    return {record.id for api in apis.values() for record in find_jobs(api, limit=None, pending=True)}
