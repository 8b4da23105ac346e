"""Asking again: when a failed attempt is repeated, by a frozen policy, and how a job is waited for within one deadline.

A server that honours ``Prefer: wait`` (RFC 7240) holds its answer until the job is final, so nothing is lost to
polling. One that does not is asked at an interval that grows with the time already waited.
"""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from .._frozen import frozen
from ..wire.models import JobRecord
from .messages import FailedAttempt, Failure, Request

logger = logging.getLogger(__name__)

REPEATABLE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"})

REPEATABLE_POSTS = frozenset(
    {
        "POST /jobs/{id}/cancel",
        "POST /identity/token",
        "POST /v3/resources/search",
        "POST /sessions",
        "POST /transpile",
        "POST /programs",
    }
)
"""POSTs whose second effect equals their first, or costs nothing.

``POST /sessions`` has an ``Idempotency-Key``. A service that ignores it may open a session too many, which starts no
clock before its first job and closes by itself (rest-api.md 5.4); of one's own it could not be told from other sessions.
``POST /transpile`` has one, too; where it is ignored, circuits are transpiled twice, which costs nobody anything.
``POST /programs`` is refused when there is a program of the name (7.1).
"""

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
"""Answers that say nothing about the request itself (rest-api.md 1.5 and 1.8)."""

NOT_PROCESSED = frozenset({429})
"""Answers that promise that the request had no effect."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after how long to try again.

    Attributes:
        attempts: Attempts in all, the first included.
        base: Seconds before the second attempt; doubled for each further one.
        cap: Upper bound of that, seconds.
        patience: Largest ``Retry-After`` that is obeyed, seconds; a larger one is an error for the caller.
    """

    attempts: int = 6
    base: float = 0.5
    cap: float = 20.0
    patience: float = 90.0

    def pause(
        self,
        attempt: int,
        *,
        repeatable: bool,
        status: int | None,
        headers: Mapping[str, str],
        sent: bool,
        jitter: float,
    ) -> float | None:
        """Return the seconds before the next attempt, or None to stop.

        Args:
            attempt: Number of the attempt that failed, from 1.
            repeatable: Whether the request may take effect twice without harm.
            status: Status of the answer; None when there was none, or none that could be read.
            headers: Headers of the answer, names in lower case.
            sent: Whether the service may have acted on the request.
            jitter: A random number in [0, 1).
        """
        if attempt >= self.attempts:
            return None
        if status is not None and status not in TRANSIENT_STATUSES:
            return None
        harmless = repeatable or status in NOT_PROCESSED or (status is None and not sent)
        if not harmless:
            return None
        return self.delay(attempt, headers=headers, jitter=jitter)

    def delay(self, attempt: int, *, headers: Mapping[str, str], jitter: float) -> float | None:
        """Return the seconds before the next attempt, or None if the service asks for too many.

        A ``Retry-After`` is obeyed, a little late so that clients do not come back all at once; without one
        the wait doubles from attempt to attempt and is shortened by up to a half at random.
        """
        asked = retry_after(headers)
        if asked is not None:
            return None if asked > self.patience else asked + min(self.base, 1.0) * jitter
        full = min(self.cap, self.base * 2.0 ** min(attempt - 1, 60))
        return full * (1.0 - 0.5 * jitter)


DEFAULT_POLICY = RetryPolicy()

ONCE = RetryPolicy(attempts=1)
"""The policy of those who repeat by rules of their own."""


def repeatable(request: Request) -> bool:
    """Return whether a request may take effect twice without harm."""
    return request.method in REPEATABLE_METHODS or request.operation in REPEATABLE_POSTS


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``, seconds, in either of its forms; None when it is absent or makes no sense.

    A date is compared with the answer's own ``Date``, so the local clock does not matter.
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_between(headers.get("date", ""), value)
    return seconds if 0 <= seconds < float("inf") else None


def _seconds_between(earlier: str, later: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


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

    ``held`` says whether the server honoured ``Prefer: wait``; ``retry_after`` for how many seconds it does not want to be
    asked again.
    """

    record: JobRecord
    held: bool = False
    retry_after: float | None = None


class WaitTimeout(Exception):
    """The job was not final when the time was up; it goes on. Has the last record and failure, if there were any."""

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
    """Ask until the job is final, and return its record.

    Rate limits, server errors and connection failures are survived until the deadline (without one, for an hour). With an
    ``interval`` questions are so many seconds apart, and the server is not asked to hold its answer.

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

    The caller's ``interval`` is never undercut, and lengthened only by the service's ``Retry-After``; ``jitter`` takes up to
    a fifth off the growing one.
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
