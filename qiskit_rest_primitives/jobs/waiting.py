"""Waiting for a job as its user means it: a timeout that names the job, an interrupt that leaves it running.

How often to ask, and what to survive while asking, is the business of ``rest.waiting``.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any

from .._time import Deadline
from ..exceptions import RuntimeJobTimeoutError
from ..rest.alarms import from_signal_handler
from ..rest.api import Api
from ..rest.waiting import HOLD, MARGIN, WaitTimeout, wait_for_final
from ..wire.models import JobRecord

__all__ = ["HOLD", "fetching", "in_thread", "result_when_done", "timed_out", "wait"]

_SHORTEST_POLL = 0.1


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
    if not api.holds_answers or hold < 1:
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
