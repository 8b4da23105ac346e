"""Whose turn it is: a pure decision over waiting jobs, running jobs and sessions (rest-api.md 5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .sessions import Session
from .store import Job


def next_job(
    waiting: Iterable[Job], running: Iterable[Job], sessions: Mapping[str, Session], *, exclusive: bool
) -> Job | None:
    """Return the job that may start now, or None.

    Jobs of active sessions go first, then the oldest. While a dedicated session is active its device starts no
    other job, if sessions are ``exclusive``; a dedicated session's job in turn waits until others have left the device, and
    holds back those that came after it. ``waiting`` has the oldest first.
    """
    owners = _owners(sessions) if exclusive else {}
    busy: dict[str, set[str | None]] = {}
    for job in running:
        busy.setdefault(job.backend, set()).add(job.session_id)
    held: set[str] = set()
    oldest = None
    for job in waiting:
        owner = owners.get(job.backend)
        if job.backend in held or (owner is not None and owner != job.session_id):
            continue
        session = sessions.get(job.session_id or "")
        dedicated = session is not None and session.mode == "dedicated"
        if exclusive and dedicated and busy.get(job.backend, set()) - {job.session_id}:
            held.add(job.backend)
            continue
        if session is not None and session.state == "active":
            return job
        oldest = job if oldest is None else oldest
    return oldest


def _owners(sessions: Mapping[str, Session]) -> dict[str, str]:
    return {
        session.backend: session.id
        for session in sessions.values()
        if session.mode == "dedicated" and session.state == "active"
    }
