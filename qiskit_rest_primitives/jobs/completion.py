"""Waiting for several jobs at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from ..exceptions import RuntimeJobTimeoutError
from .job import RuntimeJobV2
from .search import find_jobs

__all__ = ["as_completed"]

FEW = 3
"""Up to so many jobs are asked about one by one; more are looked up in one list of what is still pending."""
SHORTEST, LONGEST, SHARE = 1.0, 10.0, 0.1


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
