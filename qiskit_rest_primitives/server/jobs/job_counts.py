"""How many jobs there are of each kind, so that a page of a list needs no look at all of them.

The numbers are in memory: one thread writes jobs, through one store. Kinds are few: backends, programs and statuses.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .store import Job

PENDING = ("Queued", "Running")
MOCK = "mock_"
_SEVERAL = 10
"""How many jobs read in their order cost as much as one that has to be put in order."""


class Kind(NamedTuple):
    """What jobs are counted by; None or nothing stands for all.

    Attributes:
        statuses: Their states, one of these.
        pending: Whether they are not final.
        alone: Only those outside of sessions.
        mocks: Those of mocks of devices, too.
    """

    instance: str
    program: str | None = None
    backend: str | None = None
    statuses: Sequence[str] = ()
    pending: bool | None = None
    alone: bool = False
    mocks: bool = True


class JobCounts:
    """The numbers of a store's jobs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        columns = "instance, program, backend, status, session_id IS NULL"
        rows = connection.execute(f"SELECT {columns}, COUNT(*) FROM jobs GROUP BY 1, 2, 3, 4, 5")  # noqa: S608 (constants)
        self._counts = Counter({_Key(*row[:-1]): row[-1] for row in rows})
        pending = connection.execute(f"SELECT id, {columns} FROM jobs WHERE status IN ('Queued', 'Running')")  # noqa: S608
        self._pending = {row[0]: _Key(*row[1:]) for row in pending}

    def note(self, job: Job) -> None:
        """Count a job that is new, or has another state than before; those that were final stay what they are."""
        key = _Key(job.instance, job.program, job.backend, job.status, job.session_id is None)
        before = self._pending.pop(job.id, None)
        if before is not None:
            self._counts[before] -= 1
        if not job.final:
            self._pending[job.id] = key
        self._counts[key] += 1

    def forget(self, job: Job) -> None:
        """Count a job no more that has been removed."""
        self._pending.pop(job.id, None)
        key = _Key(job.instance, job.program, job.backend, job.status, job.session_id is None)
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]

    def count(self, kind: Kind) -> int:
        """Return how many jobs of a kind there are."""
        return sum(number for key, number in self._counts.items() if _is_of(key, kind))

    def index_for(self, kind: Kind) -> str:
        """Return the index of the table that leads to the jobs of a kind with the fewest steps aside."""
        lone = Kind(kind.instance)
        ways = {"jobs_by_creation": self.count(lone)}
        if kind.backend is not None:
            ways["jobs_by_backend"] = self.count(lone._replace(backend=kind.backend))
        if kind.program is not None:
            ways["jobs_by_program"] = self.count(lone._replace(program=kind.program))
        if kind.alone:
            ways["jobs_by_session"] = self.count(lone._replace(alone=True))
        statuses = PENDING if kind.pending else kind.statuses
        if statuses:
            weight = 1 if len(statuses) == 1 else _SEVERAL
            ways["jobs_by_status"] = weight * self.count(lone._replace(statuses=statuses))
        return min(ways, key=lambda way: ways[way])


class _Key(NamedTuple):
    instance: str
    program: str
    backend: str
    status: str
    alone: int


def _is_of(key: _Key, kind: Kind) -> bool:
    return (
        key.instance == kind.instance
        and kind.program in (None, key.program)
        and kind.backend in (None, key.backend)
        and (not kind.statuses or key.status in kind.statuses)
        and kind.pending in (None, key.status in PENDING)
        and (bool(key.alone) or not kind.alone)
        and (kind.mocks or not key.backend.startswith(MOCK))
    )
