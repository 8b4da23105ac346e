"""Several jobs at once: as they end, or all their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from qiskit.exceptions import QiskitError

from .._time import Deadline
from .watching import Callback, ending

if TYPE_CHECKING:
    from ..session import Session
    from .job import RuntimeJobV2


def as_completed(
    jobs: Iterable[RuntimeJobV2] | Session,
    timeout: float | None = None,
    *,
    callback: Callback | None = None,
    progress: bool | None = None,
) -> Iterator[RuntimeJobV2]:
    """Yield jobs as they end: done, failed or cancelled.

    However many they are, they cost one question per interval, which grows with the time waited (0.2 to 15 s; on a local server from 0.02 s).

    Args:
        jobs: The jobs, or a session or batch for all of its jobs; one that is given twice is yielded once.
        timeout: Seconds for all of them; None for as long as it takes.
        callback: Called with a job and each of its states, once; see ``RuntimeJobV2.wait_for_final_state``.
        progress: Whether to show how many have ended; None for terminals and notebooks (docs/jobs.md).

    Raises:
        RuntimeJobTimeoutError: The time is up; the message names the jobs that go on.
    """
    found = _jobs_of(jobs)
    return ending(found, Deadline(timeout), name=f"{len(found)} jobs", callback=callback, progress=progress)


def gather(
    jobs: Iterable[RuntimeJobV2] | Session,
    timeout: float | None = None,
    *,
    return_exceptions: bool = False,
    callback: Callback | None = None,
    progress: bool | None = None,
) -> list[Any]:
    """Wait for jobs and return their results, in the order of the jobs.

    Results are fetched as their jobs end.

    Args:
        jobs: As for ``as_completed``.
        timeout: Seconds for everything: waiting and downloads; None for as long as it takes.
        return_exceptions: Whether the error of a job without a result stands in its place, instead of being raised.
        callback: As for ``as_completed``.
        progress: As for ``as_completed``.

    Raises:
        RuntimeJobTimeoutError: The time is up; the message names the jobs that go on.
        RuntimeJobFailureError: A job failed; the others go on. See ``RuntimeJobV2.result`` for other errors.
    """
    wanted, deadline = _jobs_of(jobs), Deadline(timeout)
    results: dict[str, Any] = {}
    for job in ending(wanted, deadline, name=f"{len(wanted)} jobs", callback=callback, progress=progress):
        results[job.job_id()] = _outcome(job, deadline, raising=not return_exceptions)
    return [results[job.job_id()] for job in wanted]


def _outcome(job: RuntimeJobV2, deadline: Deadline, *, raising: bool) -> Any:
    try:
        return job.result(timeout=deadline.left(0.1))
    except QiskitError as problem:
        if raising:
            raise
        return problem


def _jobs_of(jobs: Iterable[RuntimeJobV2] | Session) -> list[RuntimeJobV2]:
    if not isinstance(jobs, Iterable):
        found: list[RuntimeJobV2] = jobs.service.jobs(
            limit=None,
            session_id=jobs.session_id,
            instance=jobs._instance,
            include_mocks=True,
            descending=False,
        )
        return found
    return list(jobs)
