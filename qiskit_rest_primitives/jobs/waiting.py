"""Waiting for a job as its user means it: a timeout that names the job, an interrupt that leaves it running.

How often to ask, and what to survive while asking, is the business of ``rest.retry``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .._time import Deadline
from ..exceptions import RuntimeJobTimeoutError
from ..rest.api import Api
from ..rest.network_errors import from_signal_handler
from ..rest.retry import HOLD, MARGIN, WaitTimeout, wait_for_final
from ..wire.models import JobRecord

_SHORTEST_POLL = 0.1


def wait(api: Api, job_id: str, deadline: Deadline, *, poll_interval: float | None) -> JobRecord:
    """Wait until a job is final, and return its record; with no ``poll_interval`` the service says when it is time to ask.

    Raises:
        RuntimeJobTimeoutError: The time is up; the job goes on.
        KeyboardInterrupt: The user interrupted; the job goes on, and the message names it.
    """
    with naming(job_id):
        try:
            return wait_for_final(api, job_id, timeout=deadline.left(), interval=poll_interval)
        except WaitTimeout as cause:
            raise timed_out(job_id, deadline, cause) from cause


def least_interval(poll_interval: float | None) -> float | None:
    """Return a poll interval, seconds, that is not too short; warn of one that was."""
    if poll_interval is None or poll_interval >= _SHORTEST_POLL:
        return poll_interval
    warnings.warn(
        f"A poll_interval of {poll_interval} s is too short; {_SHORTEST_POLL} s is used.", stacklevel=3
    )
    return _SHORTEST_POLL


def result_when_done(api: Api, job_id: str, deadline: Deadline, longest: float = HOLD) -> bytes | None:
    """Wait for a job, no private one, and its result in one request, where the service is known to hold answers.

    Without a deadline that is for as long as the service is willing to hold the answer, but no longer than ``longest`` seconds.
    Returns None if the result cannot be had so: then ``wait`` tells how the job stands.
    """
    left = deadline.left()
    hold = longest if left is None else min(longest, left - MARGIN)
    if not api.transport.holds_answers or hold < 1:
        return None
    with naming(job_id):
        return api.held_results(job_id, wait=hold, timeout=left)


@contextmanager
def naming(*job_ids: str) -> Iterator[None]:
    """Say, when waiting is interrupted, that the jobs go on."""
    try:
        yield
    except KeyboardInterrupt:
        # From None: eighty lines about sockets would hide the one that helps.
        raise KeyboardInterrupt(f"Stopped waiting. {_goes_on(*job_ids)}") from None


@contextmanager
def fetching(job_id: str, deadline: Deadline) -> Iterator[None]:
    """Say what it means for the job, which has ended, when fetching its result is interrupted, or takes too long."""
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


def timed_out(job_id: str, deadline: Deadline, cause: Exception) -> RuntimeJobTimeoutError:
    """Return the error for a job that was not finished in time."""
    return RuntimeJobTimeoutError(
        f"Timed out waiting for job {job_id} after {deadline.timeout} s. {cause} {_goes_on(job_id)}",
        job_id=job_id,
    )


def _goes_on(first: str, *others: str) -> str:
    if others:
        return (
            f"{1 + len(others)} jobs go on: {', '.join([first, *others])}; service.job(id) finds each again."
        )
    return f"Job {first} goes on; service.job({first!r}) finds it again."
