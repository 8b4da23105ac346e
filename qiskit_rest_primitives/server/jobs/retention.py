"""Forgetting old jobs and sessions, so that a long-lived server does not grow without end."""

from __future__ import annotations

import asyncio

from ..settings import Settings
from .store import Store
from .usage import period

SWEEP_SECONDS = 30.0
AT_ONCE = 20
"""Jobs that are deleted while nobody else is served; each has two megabytes at most to be deleted at once."""


async def sweep(store: Store, settings: Settings) -> int:
    """Delete finished jobs that are too old, too many or too large together, some at a time; returns how many went.

    What they used is remembered as long as usage is counted.
    """
    rows = store.finished_sizes()
    gone: list[str] = []
    oldest = None if settings.retention_seconds is None else settings.clock() - settings.retention_seconds
    size = 0
    for kept, (job_id, finished, length) in enumerate(rows, start=1):  # newest first
        size += length
        if (
            (oldest is not None and finished < oldest)
            or (settings.retention_jobs is not None and kept > settings.retention_jobs)
            or (settings.retention_bytes is not None and size > settings.retention_bytes)
        ):
            gone.append(job_id)
    for start in range(0, len(gone), AT_ONCE):
        store.delete_jobs(gone[start : start + AT_ONCE])
        await asyncio.sleep(0)
    store.forget_usage(period(settings.clock())[0])
    return len(gone)


def sweep_sessions(store: Store, settings: Settings) -> list[str]:
    """Delete the sessions that closed too long ago and have no jobs left; returns their ids."""
    if settings.retention_seconds is None:
        return []
    return store.delete_sessions(settings.clock() - settings.retention_seconds)


def has_limits(settings: Settings) -> bool:
    """Whether there is anything to do at all."""
    return any(
        limit is not None
        for limit in (settings.retention_seconds, settings.retention_jobs, settings.retention_bytes)
    )
