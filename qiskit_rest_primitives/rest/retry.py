"""Whether and when a failed attempt is repeated, as a pure function of a frozen policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from .messages import Request

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
        """Decide about the next attempt.

        Args:
            attempt: Number of the attempt that failed, from 1.
            repeatable: Whether the request may take effect twice without harm.
            status: Status of the answer; None when there was none, or none that could be read.
            headers: Headers of the answer, names in lower case.
            sent: Whether the service may have acted on the request.
            jitter: A random number in [0, 1).

        Returns:
            Seconds to wait before the next attempt, or None to stop.
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
    """Read ``Retry-After`` in either of its forms; None when it is absent or makes no sense.

    A date is compared with the answer's own ``Date``, so the local clock does not matter.

    Args:
        headers: Headers of the answer, names in lower case.

    Returns:
        Seconds, 0 or more.
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
