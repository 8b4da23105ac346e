"""Waiting until a job is final, within one deadline.

A server that honours ``Prefer: wait`` (RFC 7240) holds its answer until the job is final, so nothing is lost to
polling. One that does not is asked at an interval that grows with the time already waited.
"""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable
from typing import Protocol

from .._frozen import frozen
from ..wire.models import JobRecord
from .exchange import FailedAttempt
from .messages import Failure
from .retry import TRANSIENT_STATUSES, retry_after

logger = logging.getLogger(__name__)

HOLD = 25.0
"""Seconds that the server is asked to hold an answer: below the idle limits of common proxies."""
MARGIN = 0.3
"""Seconds kept for the answer's way back when the server holds it until shortly before the deadline."""
SHARE = 0.1
"""The next interval as a part of the time already waited: a job is noticed at most that much late."""
SHORTEST, LONGEST = 0.2, 15.0
LONGEST_ASKED = 300.0
"""Largest ``Retry-After`` that is obeyed in full, seconds."""
PATIENCE = 3600.0
"""Seconds without any answer after which even an unlimited wait is given up."""


@frozen
class Poll:
    """One answer to the question how a job is doing.

    Attributes:
        record: The job.
        held: Whether the server honoured ``Prefer: wait``.
        retry_after: Seconds before which it does not want to be asked again, if it says.
    """

    record: JobRecord
    held: bool = False
    retry_after: float | None = None


class WaitTimeout(Exception):
    """The job was not final when the time was up; it goes on.

    Attributes:
        job_id: The job.
        record: What the service last said about it, if anything.
        failure: Why the last question had no answer, if it had none.
    """

    def __init__(self, job_id: str, record: JobRecord | None, failure: Failure | None) -> None:
        status = record.status if record else "unknown"
        trouble = f" Last problem: {failure.message}" if failure else ""
        super().__init__(f"The job {job_id} is not final yet (status {status}).{trouble}")
        self.job_id = job_id
        self.record = record
        self.failure = failure


class Asks(Protocol):
    """What waiting needs of ``api.Api``."""

    def poll_job(
        self, job_id: str, *, wait: float | None = None, timeout: float | None = None
    ) -> Poll | FailedAttempt:
        """Ask once."""

    def error(self, failure: Failure) -> Exception:
        """Make the exception to raise."""


def wait_for_final(
    api: Asks,
    job_id: str,
    *,
    timeout: float | None = None,
    interval: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    random: Callable[[], float] = random_module.random,
) -> JobRecord:
    """Ask until the job is final.

    Rate limits, server errors and connection failures are survived until the deadline (without one, for an hour).

    Args:
        api: Whom to ask.
        job_id: The job.
        timeout: Seconds, or None.
        interval: Seconds between questions, instead of asking the server to hold its answer.
        clock: Monotonic seconds.
        sleep: Sleeps for some seconds.
        random: Random numbers in [0, 1).

    Returns:
        The final record.

    Raises:
        WaitTimeout: When the time is up.
        Exception: What the api makes of a failure that asking again cannot mend.
    """
    start = clock()
    end = None if timeout is None else start + timeout
    record: JobRecord | None = None
    answered = start
    while True:
        asked = clock()
        left = None if end is None else end - asked
        hold = (
            0 if interval is not None else int(HOLD if left is None else min(HOLD, max(left - MARGIN, 0.0)))
        )
        # At least a moment for the question itself, so that even timeout=0 asks once.
        outcome = api.poll_job(job_id, wait=hold or None, timeout=None if left is None else max(left, 0.25))
        now = clock()
        failure = None
        if isinstance(outcome, FailedAttempt):
            failure = outcome.failure
            if not survivable(failure) or (end is None and now - answered > PATIENCE):
                raise api.error(failure)
            logger.debug("no answer about job %s: %s", job_id, failure.kind)
            asked_for = retry_after(outcome.headers)
        else:
            record, answered = outcome.record, now
            if record.final:
                return record
            if outcome.held and now - asked >= hold - 1 and (end is None or now < end):
                continue
            asked_for = outcome.retry_after
        pause = next_pause(now - start, interval=interval, asked_for=asked_for, jitter=random())
        if end is not None and now >= end:
            raise WaitTimeout(job_id, record, failure)
        sleep(pause if end is None else max(0.0, min(pause, end - now)))


def next_pause(waited: float, *, interval: float | None, asked_for: float | None, jitter: float) -> float:
    """Return the seconds until the next question.

    Args:
        waited: Seconds waited so far.
        interval: The caller's wish, seconds; never undercut, lengthened only by the service's.
        asked_for: The service's ``Retry-After``, seconds.
        jitter: A random number in [0, 1): takes up to a fifth off the growing interval.
    """
    own = (
        interval if interval is not None else min(max(SHARE * waited, SHORTEST), LONGEST) * (1 - 0.2 * jitter)
    )
    return max(own, min(asked_for or 0.0, LONGEST_ASKED))


def survivable(failure: Failure) -> bool:
    """Return whether asking again may help."""
    if failure.kind == "status":
        return failure.status in TRANSIENT_STATUSES
    # Where a job runs, somebody was once, even if this process has not seen them: they are away for a while.
    return failure.kind in {"connect", "unreachable", "timeout", "deadline", "body"}
