"""Jobs, sessions, and the usage limits of instances, on SQLite.

One thread uses a store: the event loop's. Times are seconds since the epoch. What a method wrote is on the
operating system's side when the method returns, so a killed process loses nothing that it acknowledged.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..._files import make_private
from ..spool import Spool, forget_spools
from .bodies import Bodies
from .completion import Changes
from .job_counts import PENDING, JobCounts, Kind
from .schema import open_tables
from .sessions import Session

LOCK_SECONDS = 1.0
_LOCKED = (
    "the database is locked: another server of this package has it, or a program such as a database viewer; end that (its "
    "processes are listed by 'fuser FILE'), or name another file with --database"
)

JOB_USAGE = (
    "SELECT 'job' AS kind, instance, backend, created, finished, coalesce(seconds, 0) AS seconds,"
    " coalesce(max(started - created, 0), 0) AS queued, session_id IS NOT NULL AS in_session FROM jobs WHERE true"
)
SESSION_USAGE = "SELECT mode, instance, backend, created, closed, json_extract(document, '$.used'), 0, 0 FROM sessions WHERE true"
"""What one job and one session used, as ``past_usage`` keeps it."""


@dataclass
class Job:
    """One job as it is stored; times in seconds since the epoch, ``seconds`` of simulation.

    Attributes:
        submission: The client's ``Idempotency-Key``, if it sent one; ``digest`` is of the body sent with it.
        parent: The ``Parent-Job-Id`` of the submission, if any.
        executions: How many executions its inputs ask for; None where that is not known before it runs.
    """

    id: str
    instance: str = field(repr=False)
    program: str
    backend: str
    created: float
    cost: int
    status: str = "Queued"
    tags: tuple[str, ...] = ()
    private: bool = False
    session_id: str | None = None
    log_level: str | None = None
    runtime: str | None = None
    calibration_id: str | None = None
    parent: str | None = None
    submission: str | None = None
    digest: str | None = None
    started: float | None = None
    finished: float | None = None
    seconds: float | None = None
    circuits: int | None = None
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None
    executions: int | None = None
    number: int = 0

    @property
    def final(self) -> bool:
        """Whether the job will not change any more."""
        return self.status not in PENDING

    def seed(self, base: int | None) -> int | None:
        """Return the seed of a job whose options name none; None, for an unpredictable run, where the server has none."""
        return None if base is None else zlib.crc32(b"%d/%d" % (base, self.number))


_COLUMNS = [item.name for item in fields(Job)]
_INSERTED = [name for name in _COLUMNS if name != "number"]
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM jobs"  # noqa: S608 (column names are constants)
_INSERT = f"INSERT INTO jobs ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"  # noqa: S608


_FINISHED = (
    "status", "started", "finished", "seconds", "circuits", "reason", "reason_code", "reason_solution"
)  # fmt: skip
_FINISH = f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in _FINISHED)} WHERE id = ?"  # noqa: S608


@dataclass(frozen=True)
class Filter:
    """Which jobs, or sessions, are asked for; None or nothing means no restriction."""

    instance: str = field(repr=False)
    backend: str | None = None
    created_after: float | None = None
    created_before: float | None = None
    tags: Sequence[str] = ()

    def conditions(self, **columns: object) -> tuple[list[str], list[Any]]:
        """Return SQL conditions and their values; ``columns`` must have these values, where they are not None."""
        asked = {
            "instance = ?": self.instance,
            "backend = ?": self.backend,
            "created >= ?": self.created_after,
            "created <= ?": self.created_before,
            **{f"{column} = ?": value for column, value in columns.items()},
        }
        pairs = [(text, value) for text, value in asked.items() if value is not None]
        pairs += [("number IN (SELECT number FROM job_tags WHERE tag = ?)", tag) for tag in self.tags]
        return [text for text, _ in pairs], [value for _, value in pairs]

    def way(self, counts: JobCounts, kind: Kind) -> str:
        """Return how SQLite is to find the jobs, which does not know how many of each kind there are."""
        return "NOT INDEXED" if self.tags else f"INDEXED BY {counts.index_for(kind)}"

    def known(self, counts: JobCounts, kind: Kind) -> int | None:
        """Return how many jobs there are; None if tags or times are asked for, which ``counts`` does not know."""
        apart = self.tags or self.created_after is not None or self.created_before is not None
        return None if apart else counts.count(kind)


@dataclass(frozen=True)
class JobFilter(Filter):
    """Which jobs ``GET /jobs`` asks for (rest-api.md 4.10)."""

    pending: bool | None = None
    program: str | None = None
    session_id: str | None = None
    mocks: bool = True

    @property
    def kind(self) -> Kind:
        """What of it jobs are counted by."""
        return Kind(self.instance, self.program, self.backend, pending=self.pending, mocks=self.mocks)

    def way(self, counts: JobCounts, kind: Kind) -> str:
        """Return how SQLite is to find the jobs; few are of one session."""
        return super().way(counts, kind) if self.session_id is None else "INDEXED BY jobs_by_session"

    def known(self, counts: JobCounts, kind: Kind) -> int | None:
        """Return how many jobs there are, if that is known."""
        return super().known(counts, kind) if self.session_id is None else None

    def clause(self) -> tuple[str, list[Any]]:
        """Return the SQL condition and its values."""
        parts, values = self.conditions(program=self.program, session_id=self.session_id)
        if self.pending is not None:
            parts.append(f"status {'' if self.pending else 'NOT '}IN ('Queued', 'Running')")
        if not self.mocks:
            parts.append("backend NOT LIKE 'mock\\_%' ESCAPE '\\'")
        return " AND ".join(parts), values


class Store:
    """The tables.

    Args:
        path: SQLite file, created when missing and readable by its owner alone; None keeps everything in memory. A
            file belongs to one server at a time.

    Raises:
        sqlite3.DatabaseError: If the file cannot be opened, another server has it, or it holds something else.

    Attributes:
        bodies: Inputs and results.
        counts: How many jobs there are of each kind.
        changes: What has become of jobs and sessions since the store was opened.
    """

    def __init__(self, path: str | None = None) -> None:
        self.changes = Changes()
        if path is not None:
            try:
                make_private(path)
            except OSError as cause:
                words = cause.strerror or str(cause)
                raise sqlite3.OperationalError(f"unable to open database file ({words})") from cause
        self.connection = sqlite3.connect(
            ":memory:" if path is None else path,
            isolation_level=None,
            check_same_thread=False,
            timeout=LOCK_SECONDS,
        )
        try:
            if path is not None:
                self.connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                self.connection.execute("PRAGMA journal_mode=WAL")
                self.connection.execute("PRAGMA synchronous=NORMAL")
                # Pages of 4 KB: everybody waits for the disk half as often as by default, and for 8 MB at most.
                self.connection.execute("PRAGMA wal_autocheckpoint=2000")
                with self.transaction():  # takes the lock
                    forget_spools(path)
            open_tables(self.connection)
            self.bodies = Bodies(self.connection)
            self.counts = JobCounts(self.connection)
        except BaseException as cause:
            self.connection.close()
            if isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause):
                raise sqlite3.OperationalError(_LOCKED) from cause
            raise
        # A server that fails before it serves, as by a certificate that cannot be read, closes nothing.
        weakref.finalize(self, self.connection.close).atexit = False

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several statements take effect together or not at all."""
        self.connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # SQLite ends it itself when the disk is full
                self.connection.execute("ROLLBACK")
            raise

    # Jobs

    def add_job(
        self,
        job: Job,
        params: bytes | Spool,
        *,
        result: bytes | None = None,
        session: Session | None = None,
    ) -> None:
        """Write a new job and its inputs, or what of them was not written ahead; and what has come of it, if it is done."""
        row = [getattr(job, name) for name in _INSERTED]
        row[_INSERTED.index("tags")] = json.dumps(job.tags)
        with self.transaction():
            job.number = self.connection.execute(_INSERT, row).lastrowid or 0
            if not (job.final and job.private):
                self.bodies.write("params", job.id, params)
            if result is not None:
                self.bodies.write("results", job.id, result)
            if session is not None:
                self._write_session(session)
        self.bodies.settle("params", job.id)
        self.bodies.settle("results", job.id)
        self._note(job)
        if session is not None:
            self.changes.note(session.instance, "session", session.id, session.state)

    def job(self, job_id: str, instance: str | None = None) -> Job | None:
        """Return a job, or None; with ``instance``, only if it belongs to it."""
        row = self.connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone()
        job = None if row is None else _job(row)
        return job if job is None or instance in (None, job.instance) else None

    def job_of_submission(self, instance: str, submission: str) -> Job | None:
        """Return the job that was accepted with an ``Idempotency-Key``, or None."""
        row = self.connection.execute(
            f"{_SELECT} WHERE instance = ? AND submission = ?", (instance, submission)
        ).fetchone()
        return None if row is None else _job(row)

    def jobs(self, wanted: JobFilter, *, limit: int, offset: int, ascending: bool) -> tuple[list[Job], int]:
        """Return one page of jobs and how many match in all."""
        kind = wanted.kind
        if not wanted.mocks and self.counts.count(kind) == self.counts.count(kind._replace(mocks=True)):
            wanted = replace(wanted, mocks=True)  # there are none to be left out, one by one
        clause, values = wanted.clause()
        table = f"jobs {wanted.way(self.counts, kind)} WHERE {clause}"
        count = wanted.known(self.counts, kind)
        if count is None:
            count = self.connection.execute(f"SELECT COUNT(*) FROM {table}", values).fetchone()[0]  # noqa: S608
        order = "ASC" if ascending else "DESC"
        # What is passed over is not read: the index has all that the inner question needs.
        page = f"SELECT number FROM {table} ORDER BY created {order}, number {order} LIMIT ? OFFSET ?"  # noqa: S608
        rows = self.connection.execute(
            f"{_SELECT} WHERE number IN ({page}) ORDER BY created {order}, number {order}",
            [*values, limit, offset],
        ).fetchall()
        return [_job(row) for row in rows], count

    def unfinished(self) -> list[Job]:
        """Return the jobs that are queued or were running, oldest first."""
        rows = self.connection.execute(
            f"{_SELECT} WHERE status IN ('Queued', 'Running') ORDER BY number"
        ).fetchall()
        return [_job(row) for row in rows]

    def start_job(self, job: Job, now: float) -> None:
        """Mark a job as running."""
        self.connection.execute("UPDATE jobs SET status = 'Running', started = ? WHERE id = ?", (now, job.id))
        job.status, job.started = "Running", now
        self._note(job)

    def return_job(self, job: Job) -> None:
        """Mark a running job as queued again."""
        self.connection.execute("UPDATE jobs SET status = 'Queued', started = NULL WHERE id = ?", (job.id,))
        job.status, job.started = "Queued", None
        self._note(job)

    def finish_job(self, job: Job, result: bytes | None, *, session: Session | None = None) -> None:
        """Write a job's final state, what of its result was not written ahead, and what its session has become.

        A private job's inputs go.
        """
        with self.transaction():
            self.connection.execute(_FINISH, [*(getattr(job, name) for name in _FINISHED), job.id])
            if result is None:
                self.bodies.forget("results", job.id)
            else:
                self.bodies.write("results", job.id, result)
            if job.private:
                self.bodies.drop("params", job.id)
            if session is not None:
                self._write_session(session)
        self.bodies.settle("results", job.id)
        self._note(job)
        if session is not None:
            self.changes.note(session.instance, "session", session.id, session.state)

    def _note(self, job: Job) -> None:
        self.counts.note(job)
        self.changes.note(job.instance, "job", job.id, job.status)

    def set_tags(self, job: Job, tags: Sequence[str]) -> None:
        """Replace a job's tags."""
        self.connection.execute("UPDATE jobs SET tags = ? WHERE id = ?", (json.dumps(list(tags)), job.id))
        job.tags = tuple(tags)
        self.changes.note(job.instance, "job", job.id, job.status)

    def delete_jobs(self, job_ids: Sequence[str]) -> None:
        """Remove jobs with everything that belongs to them; what they used stays known."""
        rows = [(job_id,) for job_id in job_ids]
        gone: list[Job] = []
        with self.transaction():
            self.connection.executemany(f"INSERT INTO past_usage {JOB_USAGE} AND id = ?", rows)
            for row in rows:
                gone += map(_job, self.connection.execute(f"{_SELECT} WHERE id = ?", row))
            self.connection.executemany("DELETE FROM jobs WHERE id = ?", rows)
            for job_id in job_ids:
                self.bodies.drop("params", job_id)
                self.bodies.drop("results", job_id)
        for job in gone:
            self.counts.forget(job)
            self.changes.note(job.instance, "job", job.id, "Deleted")

    def finished_sizes(self) -> list[tuple[str, float, int]]:
        """Return id, time of the end and bytes of inputs and results of the finished jobs, newest first."""
        return self.connection.execute(
            "SELECT id, finished, coalesce(length(params.body), 0) + coalesce(length(results.body), 0)"
            " + (SELECT coalesce(sum(length(body)), 0) FROM pieces WHERE job = id)"
            " + (SELECT coalesce(sum(length(body)), 0) FROM interim_results WHERE job = id) FROM jobs"
            " LEFT JOIN params ON params.job = id LEFT JOIN results ON results.job = id"
            " WHERE finished IS NOT NULL ORDER BY number DESC"
        ).fetchall()

    def tags(self, instance: str, search: str) -> list[str]:
        """Return the job tags that contain ``search``, compared without case."""
        rows = self.connection.execute(
            "SELECT DISTINCT tag FROM job_tags CROSS JOIN jobs USING (number) WHERE instr(lower(tag), lower(?))"
            " AND instance = ? ORDER BY tag",
            (search, instance),
        )
        return [row[0] for row in rows]

    # Instances

    def usage_limits(self) -> dict[str, int | None]:
        """Return the usage limits that were set, in seconds by instance; None where there is to be none."""
        return dict(self.connection.execute("SELECT instance, seconds FROM usage_limits"))

    def set_usage_limit(self, instance: str, seconds: int | None) -> None:
        """Write an instance's usage limit."""
        self.connection.execute("INSERT OR REPLACE INTO usage_limits VALUES (?, ?)", (instance, seconds))

    # Sessions

    def save_session(self, it: Session) -> None:
        """Write a session."""
        self._write_session(it)
        self.changes.note(it.instance, "session", it.id, it.state)

    def _write_session(self, it: Session) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (it.id, it.instance, it.backend, it.mode, it.created, it.closed_at, it.state, it.dump()),
        )

    def delete_sessions(self, before: float) -> list[str]:
        """Remove the sessions without any job that closed before a time; returns their ids. Their usage stays known."""
        rows = self.connection.execute(
            "SELECT id FROM sessions WHERE closed < ?"
            " AND NOT EXISTS (SELECT 1 FROM jobs WHERE session_id = sessions.id)",
            (before,),
        ).fetchall()
        with self.transaction():
            self.connection.executemany(f"INSERT INTO past_usage {SESSION_USAGE} AND id = ?", rows)
            self.connection.executemany("DELETE FROM sessions WHERE id = ?", rows)
        return [row[0] for row in rows]

    def forget_usage(self, before: float) -> None:
        """Forget what removed jobs and sessions used that ended before a time."""
        self.connection.execute("DELETE FROM past_usage WHERE finished < ?", (before,))

    def session_documents(self) -> list[str]:
        """Return the documents of all sessions, oldest first."""
        return [row[0] for row in self.connection.execute("SELECT document FROM sessions ORDER BY created")]


def _job(row: Sequence[Any]) -> Job:
    job = Job(**dict(zip(_COLUMNS, row, strict=True)))
    job.tags = tuple(json.loads(job.tags))  # type: ignore[arg-type]
    job.private = bool(job.private)
    return job
