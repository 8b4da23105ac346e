"""What was submitted, written down before it is sent, so that a killed script loses no job.

A journal that cannot be written never stops a submission: it says so once and is silent from then on.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._calls import even_half_made
from .._files import make_private
from .._locks import fork_safe_lock

if TYPE_CHECKING:
    import sqlite3

logger = logging.getLogger(__name__)

VARIABLE = "QISKIT_REST_PRIMITIVES_JOURNAL"
KEEP_FOR = 90 * 86400.0
"""Seconds after which closed entries are forgotten."""
PATIENCE = 0.2
"""Seconds for which another process may keep the file locked: a submission must not wait for its own record."""
BACK_OFF, LONGEST_BACK_OFF = 1.0, 60.0
"""Seconds for which a locked file is left alone then; what was missed is written down afterwards."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS submission (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, job_id TEXT, url TEXT NOT NULL, instance TEXT NOT NULL,
    program TEXT, backend TEXT, session_id TEXT, private INTEGER NOT NULL, created REAL NOT NULL,
    updated REAL NOT NULL, kept TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS submission_job ON submission (job_id);
CREATE TABLE IF NOT EXISTS sender (run TEXT PRIMARY KEY, process TEXT NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class JournalEntry:
    """One submission in the journal.

    Attributes:
        id: Submission id.
        state: ``planned`` (a part of a ``run()`` that is not its turn yet), ``sending`` (begun, end unknown to us), ``unknown`` (the outcome could not be learned),
            ``accepted`` (there is a job), ``refused`` (there is none) or ``finished`` (its result was read).
        job_id: The job, if known.
        url: Base URL of the service.
        instance: The instance's guid, if it has one.
        program: ``sampler``, ``estimator``, ...
        backend: Backend name.
        session_id: Session or batch, if any.
        private: Whether the job is private.
        created: When it began, seconds since the epoch.
        updated: When its state last changed, seconds since the epoch.
    """

    id: str
    state: str
    job_id: str | None
    url: str
    instance: str
    program: str | None
    backend: str | None
    session_id: str | None
    private: bool
    created: float
    updated: float
    kept: str | None = field(default=None, repr=False)


_COLUMNS = ", ".join(JournalEntry.__dataclass_fields__)


class Journal:
    """A journal file; shared by threads, and by processes that open the same file.

    Args:
        path: The file, created with mode 0600 at first use; None records nothing.
        now: Seconds since the epoch.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        path: Path | str | None,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = Path(path) if path is not None else None
        self._now = now
        self._clock = clock
        self._quiet_until = float("-inf")
        self._back_off = BACK_OFF
        self._missed: deque[tuple[str, tuple[Any, ...]]] = deque(maxlen=1000)
        self._lock = fork_safe_lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._broken = self.path is None
        self._warned = False

    @even_half_made
    def __repr__(self) -> str:
        return f"Journal({str(self.path) if self.path else None!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Journal, (self.path,))

    def begin(
        self,
        submission_id: str,
        *,
        url: str,
        instance: str,
        document: Mapping[str, Any],
        kept: str | None = None,
        state: str = "sending",
    ) -> None:
        """Write down a submission before its first attempt; of one that was ``planned``, what was kept stays."""
        now = self._now()
        row = (
            submission_id,
            state,
            None,
            url,
            instance,
            document.get("program_id"),
            document.get("backend"),
            document.get("session_id"),
            bool(document.get("private")),
            now,
            now,
            kept,
        )
        self._write(
            "INSERT INTO submission VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated = excluded.updated",
            row,
        )

    def claim(self, run: str) -> None:
        """Write down that this process sends the parts of a ``run()``."""
        self._write("INSERT OR REPLACE INTO sender VALUES (?, ?, ?)", (run, this_process(), self._now()))

    def sent_by_another(self, run: str) -> bool:
        """Tell whether another process that is still there sends the parts of a ``run()``; False where that is not known."""
        rows = self._run("SELECT process FROM sender WHERE run = ?", (run,))
        return any(process != this_process() and is_alive(process) for (process,) in rows)

    def keep(self, submission_id: str, kept: str | None) -> None:
        """Write down that a submission without a job is planned, with another text."""
        self._write(
            "UPDATE submission SET kept = ?, updated = ?, state = 'planned' WHERE id = ? AND job_id IS NULL",
            (kept, self._now(), submission_id),
        )

    def accept(self, submission_id: str, job_id: str) -> None:
        """Write down the job that came of a submission; only what is kept of a private one is needed from now on."""
        self._write(
            "UPDATE submission SET state = 'accepted', job_id = ?, updated = ?, "
            "kept = CASE WHEN private THEN kept END WHERE id = ? AND state != 'finished'",
            (job_id, self._now(), submission_id),
        )

    def close(self, submission_id: str, state: str) -> None:
        """Write down how a submission without a known job stands: ``refused`` or ``unknown``."""
        self._write(
            "UPDATE submission SET state = ?1, updated = ?2, kept = CASE WHEN ?1 != 'refused' THEN kept END WHERE id = ?3",
            (state, self._now(), submission_id),
        )

    def finish(self, job_id: str) -> None:
        """Write down that a job needs no more attention: its end was seen by somebody."""
        self._write(
            "UPDATE submission SET state = 'finished', updated = ? WHERE job_id = ? AND state != 'finished'",
            (self._now(), job_id),
        )

    def unfinished(self) -> list[JournalEntry]:
        """List the submissions that may need attention, oldest first."""
        return self._entries("state IN ('planned', 'sending', 'unknown', 'accepted') ORDER BY created", ())

    def entry(self, submission_id: str) -> JournalEntry | None:
        """Return one submission, if it is known."""
        return next(iter(self._entries("id = ?", (submission_id,))), None)

    def of_job(self, job_id: str) -> JournalEntry | None:
        """Return the submission that a job came of, if it is known; its ``kept`` text is in it."""
        return next(iter(self._entries("job_id = ?", (job_id,))), None)

    def shut(self) -> None:
        """Close the file; it is opened again when needed."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        self._run(statement, values, written=True)

    def _entries(self, condition: str, values: tuple[Any, ...]) -> list[JournalEntry]:
        # Only this module's own constants make up the statement.
        rows = self._run(f"SELECT {_COLUMNS} FROM submission WHERE {condition}", values)  # noqa: S608
        fields = JournalEntry.__dataclass_fields__
        return [
            replace(JournalEntry(**dict(zip(fields, row, strict=True))), private=bool(row[8])) for row in rows
        ]

    def _run(self, statement: str, values: tuple[Any, ...], *, written: bool = False) -> list[Any]:
        """Run one statement, one thread at a time; nothing, after one warning, if the file cannot be used."""
        import sqlite3

        if self._owner not in {0, os.getpid()}:  # a forked child: the connection is the parent's
            self._connection, self._owner = None, 0
        with self._lock:
            if self._broken:
                return []
            if self._clock() < self._quiet_until:
                self._missed.extend([(statement, values)] if written else [])
                return []
            try:
                connection = self._open()
                while self._missed:
                    connection.execute(*self._missed[0])
                    self._missed.popleft()
                rows = connection.execute(statement, values).fetchall()
            except (sqlite3.Error, OSError) as problem:
                if self._bear(problem) and written:
                    self._missed.append((statement, values))
                return []
            self._back_off = BACK_OFF
            return rows

    def _bear(self, problem: Exception) -> bool:
        """Say once what is wrong; return whether it may pass: a file that is locked is left alone for a while."""
        import sqlite3

        locked = isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem)
        if locked:
            self._quiet_until = self._clock() + self._back_off
            self._back_off = min(2 * self._back_off, LONGEST_BACK_OFF)
        self._broken = self._connection is None and not locked
        if not self._warned:
            reason = (
                "another process keeps it locked, perhaps a database viewer or a stopped program; end it, or name another "
                "file with QISKIT_REST_PRIMITIVES_JOURNAL"
                if locked
                else problem
            )
            logger.warning(
                "The journal %s cannot be used (%s); submissions may not be written down.", self.path, reason
            )
        self._warned = True
        return locked

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        assert self.path is not None  # noqa: S101 - _broken otherwise
        if self.path.exists() and not self.path.is_file():
            raise OSError("it is no regular file")  # SQLite would wait for a pipe
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(self.path)
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            # In WAL mode without a sync per commit, a killed process loses nothing; a power cut may lose the
            # last rows.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(_SCHEMA)
            connection.execute(
                "DELETE FROM submission WHERE state IN ('planned', 'finished', 'refused') AND updated < ?",
                (self._now() - KEEP_FOR,),
            )
            connection.execute("DELETE FROM sender WHERE created < ?", (self._now() - KEEP_FOR,))
        except BaseException:
            connection.close()
            raise
        self._connection, self._owner = connection, os.getpid()
        weakref.finalize(self, connection.close)
        return connection


NO_JOURNAL = Journal(None)
"""Records nothing."""


def user_journal(environ: Mapping[str, str] = os.environ) -> Journal:
    """Return the user's journal: ``~/.qiskit/rest-primitives-journal.sqlite``.

    The variable ``QISKIT_REST_PRIMITIVES_JOURNAL`` names another file, or switches it off (``off``).
    """
    given = environ.get(VARIABLE, "").strip()
    if given.lower() in {"off", "none", "0", "false"}:
        return NO_JOURNAL
    try:
        return Journal(Path(given or "~/.qiskit/rest-primitives-journal.sqlite").expanduser())
    except RuntimeError:
        logger.warning(
            "There is no home directory, so submissions are not written down; %s names a file.", VARIABLE
        )
        return NO_JOURNAL


def this_process() -> str:
    """Return what tells this process from all others since the machine started; empty where nothing does, as outside Linux."""
    return _name(os.getpid())


def is_alive(process: str) -> bool:
    """Tell whether the process that ``this_process`` named is still there; False where that cannot be known."""
    number = process.partition(" ")[0]
    return number.isdecimal() and _name(int(number)) == process


def _name(number: int) -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # Its name, which may hold anything, ends at the last bracket; when it began is the 20th entry behind it.
        state, *entries = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if state in (b"Z", b"X") else f"{number} {entries[18].decode('ascii')} {boot}"
