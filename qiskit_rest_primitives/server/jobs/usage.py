"""Figures over many jobs: usage, workloads and grouped totals, all counted from the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .job_counts import JobCounts, Kind
from .store import JOB_USAGE, SESSION_USAGE, Filter, Store

_JOBS = """
SELECT id, created, finished AS ended, backend, instance, NULL AS accepting, 'job' AS mode,
    CASE status WHEN 'Queued' THEN 'pending' WHEN 'Running' THEN 'in_progress' WHEN 'Completed' THEN 'completed'
        WHEN 'Failed' THEN 'failed' ELSE 'canceled' END AS status,
    reason, tags, coalesce(seconds, 0) AS seconds, program, executions
FROM jobs"""
_SESSION_STATUS = (
    "CASE state WHEN 'closed' THEN CASE json_extract(document, '$.state_reason') WHEN 'session_cancelled' THEN 'canceled'"
    " ELSE 'completed' END WHEN 'active' THEN 'in_progress' ELSE 'pending' END"
)
_SESSIONS = f"""
SELECT id, created, closed AS ended, backend, instance, json_extract(document, '$.accepting_jobs') AS accepting,
    CASE mode WHEN 'dedicated' THEN 'session' ELSE 'batch' END AS mode, {_SESSION_STATUS} AS status,
    json_extract(document, '$.state_reason') AS reason, '[]' AS tags, json_extract(document, '$.used') AS seconds,
    NULL AS program, NULL AS executions
FROM sessions"""  # noqa: S608 (constants)
_JOB_STATUSES = {
    "pending": "Queued", "in_progress": "Running", "completed": "Completed", "failed": "Failed", "canceled": "Cancelled",
}  # fmt: skip
_MODES = {"session": "dedicated", "batch": "batch"}
DAY = 86_400
"""Seconds."""
_RECENT = 10_000
"""Jobs, of all devices, among which those are looked for that waited lately."""
_HAS_TAG = "instr(id, ?) OR (instr(tags, ?) AND EXISTS (SELECT 1 FROM json_each(tags) WHERE instr(value, ?)))"
"""Tags are looked at one by one only where the text that they are stored as can hold what is searched for."""


@dataclass(frozen=True)
class WorkloadFilter(Filter):
    """Which workloads are asked for (rest-api.md 5.6).

    Attributes:
        members: Whether the jobs of sessions and batches are asked for, too.
    """

    mode: str | None = None
    search: str | None = None
    statuses: Sequence[str] = ()
    members: bool = False

    def parts(self, counts: JobCounts) -> list[tuple[str, str, list[Any], int | None]]:
        """Return for jobs, and for sessions: SQL up to the condition, that, its values, and how many there are, if known."""
        found: list[tuple[str, str, list[Any], int | None]] = []
        if self.mode in (None, "job"):
            statuses = [_JOB_STATUSES[status] for status in self.statuses]
            kind = Kind(self.instance, backend=self.backend, statuses=statuses, alone=not self.members)
            known = self.known(counts, kind) if self.search is None else None
            found.append((f"{_JOBS} {self.way(counts, kind)}", *self._jobs(), known))
        if self.mode != "job" and not self.tags:  # which sessions have none of
            found.append((_SESSIONS, *self._sessions(), None))
        return found

    def _jobs(self) -> tuple[str, list[Any]]:
        conditions, values = self.conditions()
        if not self.members:
            conditions.append("session_id IS NULL")
        if self.search is not None:
            conditions.append(f"({_HAS_TAG})")
            values += [self.search, json.dumps(self.search)[1:-1], self.search]
        if self.statuses:
            conditions.append(f"status IN ({', '.join('?' * len(self.statuses))})")
            values += [_JOB_STATUSES[status] for status in self.statuses]
        return " AND ".join(conditions), values

    def _sessions(self) -> tuple[str, list[Any]]:
        conditions, values = self.conditions(mode=_MODES.get(self.mode or ""))
        if self.search is not None:
            conditions.append("instr(id, ?)")
            values.append(self.search)
        if self.statuses:
            conditions.append(f"{_SESSION_STATUS} IN ({', '.join('?' * len(self.statuses))})")
            values += self.statuses
        return " AND ".join(conditions), values


@dataclass(frozen=True)
class Workload:
    """One job outside of sessions, one session or one batch; times in seconds since the epoch."""

    id: str
    created: float
    ended: float | None
    backend: str
    instance: str = field(repr=False)
    accepting: int | None
    mode: str
    status: str
    reason: str | None
    tags: str
    seconds: float
    program: str | None
    executions: int | None


@dataclass(frozen=True)
class Usage:
    """What one job or session used; seconds, created in seconds since the epoch.

    Attributes:
        kind: ``job``, ``dedicated`` or ``batch``.
        queued: How long a job waited.
        in_session: Whether a job belongs to a session, whose usage holds the job's.
    """

    kind: str
    instance: str = field(repr=False)
    backend: str
    created: float
    seconds: float
    queued: float
    in_session: int


class UsageReport:
    """Reads figures from a store's tables."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: sqlite3.Connection = store.connection

    def used_seconds(self, instance: str, since: float) -> float:
        """Return the seconds charged to an instance for jobs that ended at or after ``since``."""
        row = self._connection.execute(
            "SELECT (SELECT coalesce(sum(seconds), 0) FROM jobs WHERE instance = ?1 AND finished >= ?2)"
            " + (SELECT coalesce(sum(seconds), 0) FROM past_usage WHERE instance = ?1 AND finished >= ?2 AND kind = 'job')",
            (instance, since),
        ).fetchone()
        return float(row[0])

    def usages(self, start: float | None, end: float | None) -> list[Usage]:
        """Return what every job and session created between two times used; None leaves an end open."""
        between = (-1e18 if start is None else start, 1e18 if end is None else end)
        rows = self._connection.execute(
            "SELECT kind, instance, backend, created, seconds, queued, in_session FROM"  # noqa: S608 (constants)
            f" ({JOB_USAGE} UNION ALL {SESSION_USAGE} UNION ALL SELECT * FROM past_usage)"
            " WHERE created BETWEEN ? AND ?",
            between,
        )
        return [Usage(*row) for row in rows]

    def waiting_times(self, backend: str) -> dict[str, float] | None:
        """Return average, median and 95th percentile of how long recent jobs waited, seconds; None without jobs."""
        rows = self._connection.execute(
            "SELECT started - created FROM jobs WHERE number > (SELECT max(number) FROM jobs) - ? AND backend = ?"
            " AND started IS NOT NULL ORDER BY number DESC LIMIT 200",
            (_RECENT, backend),
        ).fetchall()
        times = sorted(max(0.0, row[0]) for row in rows)
        if not times:
            return None
        return {
            "average": round(sum(times) / len(times), 6),
            "p50": round(times[len(times) // 2], 6),
            "p95": round(times[min(len(times) - 1, int(len(times) * 0.95))], 6),
        }

    def workloads(
        self,
        wanted: WorkloadFilter,
        *,
        limit: int,
        ascending: bool,
        after: tuple[float, str] | None,
        backwards: bool,
    ) -> tuple[list[Workload], bool, int]:
        """Return a page of workloads, whether there are more in its direction, and how many match in all.

        The page begins behind the (created, id) ``after``, or ends before it where it is asked for ``backwards``.
        """
        up = ascending != backwards
        order = "ASC" if up else "DESC"
        behind, place = (
            ("", ()) if after is None else (f" AND (created, id) {'>' if up else '<'} (?, ?)", after)
        )
        total, pages, paged = 0, [], []
        for select, clause, values, known in wanted.parts(self._store.counts):
            table = select.rpartition("\nFROM ")[2]
            count = f"SELECT COUNT(*) FROM {table} WHERE {clause}"  # noqa: S608 (constants, as all that follows)
            total += self._connection.execute(count, values).fetchone()[0] if known is None else known
            page_of = f"{select} WHERE {clause}{behind} ORDER BY created {order}, id {order} LIMIT ?"
            pages.append(f"SELECT * FROM ({page_of})")  # noqa: S608
            paged += [*values, *place, limit + 1]
        if not pages:
            return [], False, 0
        both = f"{' UNION ALL '.join(pages)} ORDER BY created {order}, id {order} LIMIT ?"
        rows = self._connection.execute(both, [*paged, limit + 1]).fetchall()
        page = [Workload(*row) for row in rows[:limit]]
        return page[::-1] if backwards else page, len(rows) > limit, total

    def by_day(self, instance: str, start: float) -> list[tuple[int, str, int, float, float]]:
        """Return what an instance's jobs since a time used, by day and device, for a picture.

        Rows are (days since the epoch, device, number of jobs, seconds charged, seconds waited).
        """
        return self._connection.execute(
            "SELECT CAST(created / 86400 AS INTEGER), backend, COUNT(*), sum(seconds), sum(queued) FROM"  # noqa: S608
            f" ({JOB_USAGE} AND instance = ?1 AND created >= ?2"
            " UNION ALL SELECT * FROM past_usage WHERE instance = ?1 AND created >= ?2 AND kind = 'job')"
            " GROUP BY 1, 2 ORDER BY 1, 2",
            (instance, start),
        ).fetchall()


def period(now: float) -> tuple[float, float]:
    """Return the rolling 28 days that usage is counted over, as seconds since the epoch (rest-api.md 1.7)."""
    return now - 28 * DAY, now


def tag_list(workload: Workload) -> list[str]:
    """Return a workload's tags."""
    tags: list[str] = json.loads(workload.tags)
    return tags
