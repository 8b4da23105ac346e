"""Which tables a database has, which version of them, and whether a file that is there can be used."""

from __future__ import annotations

import sqlite3

from .bodies import Bodies

VERSION = 5
"""Of the tables, in ``user_version`` of the file. Whoever changes a table adds a step to ``_STEPS``."""
_APPLICATION = 0x71727031  # "qrp1"; tells our files from those of other programs
_STEPS: dict[int, str] = {1: "ALTER TABLE jobs ADD COLUMN executions INTEGER"}
"""From each version to the next, one statement each. Version 0 is 1 without the number: files of before it was written;
version 3 came with ``pieces``, since 4 all that is large is in them, and 5 came with ``job_tags``."""

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, instance TEXT NOT NULL,
    program TEXT NOT NULL, backend TEXT NOT NULL, created REAL NOT NULL, status TEXT NOT NULL DEFAULT 'Queued',
    cost INTEGER NOT NULL, tags TEXT NOT NULL DEFAULT '[]', private INTEGER NOT NULL DEFAULT 0, session_id TEXT,
    log_level TEXT, runtime TEXT, calibration_id TEXT, parent TEXT, submission TEXT, digest TEXT,
    started REAL, finished REAL, seconds REAL, circuits INTEGER,
    reason TEXT, reason_code INTEGER, reason_solution TEXT, executions INTEGER,
    UNIQUE (instance, submission));
CREATE TABLE IF NOT EXISTS job_tags (tag TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (tag, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS params (job TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS results (job TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pieces (
    kind TEXT NOT NULL, job TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (job, kind, number));
CREATE TABLE IF NOT EXISTS interim_results (
    job TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (job, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, instance TEXT NOT NULL, backend TEXT NOT NULL, mode TEXT NOT NULL, created REAL NOT NULL,
    closed REAL, state TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS past_usage (
    kind TEXT NOT NULL, instance TEXT NOT NULL, backend TEXT NOT NULL, created REAL NOT NULL, finished REAL,
    seconds REAL NOT NULL, queued REAL NOT NULL, in_session INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS usage_limits (instance TEXT PRIMARY KEY, seconds INTEGER);
"""
_INDICES = """
CREATE INDEX IF NOT EXISTS jobs_by_creation ON jobs (instance, created);
CREATE INDEX IF NOT EXISTS jobs_by_backend ON jobs (instance, backend, created);
CREATE INDEX IF NOT EXISTS jobs_by_program ON jobs (instance, program, created);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, instance, created);
CREATE INDEX IF NOT EXISTS jobs_by_session ON jobs (session_id, instance, created);
CREATE INDEX IF NOT EXISTS sessions_by_creation ON sessions (instance, created, id);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (instance, finished, seconds);
"""
_WITHOUT = "DELETE FROM job_tags WHERE (tag, number) IN (SELECT value, old.number FROM json_each(old.tags));"
_WITH = "INSERT OR IGNORE INTO job_tags SELECT value, new.number FROM json_each(new.tags);"
_TRIGGERS = (
    f"CREATE TRIGGER IF NOT EXISTS tags_of_new AFTER INSERT ON jobs WHEN new.tags <> '[]' BEGIN {_WITH} END",
    f"CREATE TRIGGER IF NOT EXISTS tags_of_changed AFTER UPDATE OF tags ON jobs BEGIN {_WITHOUT} {_WITH} END",
    f"CREATE TRIGGER IF NOT EXISTS tags_of_removed AFTER DELETE ON jobs BEGIN {_WITHOUT} END",
)
"""Every way to write a job writes its tags, one row each, by which they are found."""
_FROM_4 = (
    "DROP INDEX IF EXISTS jobs_by_creation",
    "DROP INDEX IF EXISTS jobs_by_status",
    "DROP INDEX IF EXISTS jobs_by_session",
)
"""Indices of versions before 5 whose names mean others since."""


class OtherDatabaseError(sqlite3.DatabaseError):
    """A file holds something else than this version of the server reads."""


def open_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new database, or bring those of an older one up to date.

    Raises:
        OtherDatabaseError: The file belongs to another program, or to a version that this one does not know.
    """
    found = _columns(connection)
    version, owner = (_pragma(connection, name) for name in ("user_version", "application_id"))
    if found and owner not in (0, _APPLICATION):
        raise OtherDatabaseError("it is a database of another program; name another file.")
    if version > VERSION:
        raise OtherDatabaseError(
            f"it was written by a newer version of the server (tables {version}, this one knows {VERSION}): install that "
            "version, or name another file."
        )
    if found and "jobs" not in found:
        raise OtherDatabaseError("it is a database of another program; name another file.")
    connection.execute("BEGIN EXCLUSIVE")  # all steps or none: a file that is refused is left as it was
    try:
        if found:
            _bring_up_to_date(connection, version)
        for statement in (*(_FROM_4 if version < 5 else ()), *(_TABLES + _INDICES).split(";"), *_TRIGGERS):
            connection.execute(statement)
        if found and version < 5:
            connection.execute(
                "INSERT OR IGNORE INTO job_tags SELECT value, number FROM jobs, json_each(jobs.tags)"
            )
        if found and version < 4:
            Bodies(connection).split()
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    for step in range(version, VERSION):
        if step in _STEPS:
            connection.execute(_STEPS[step])
    found = _columns(connection)
    for table, columns in _wanted().items():
        if found.get(table, columns) != columns:
            raise OtherDatabaseError(
                f"its table {table!r} is not one of this version of the server; name another file, or keep this one for the "
                "version that wrote it."
            )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _columns(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Return the names of the columns by table."""
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ):
        found.setdefault(table, set()).add(column)
    return found


def _wanted() -> dict[str, set[str]]:
    empty = sqlite3.connect(":memory:")
    try:
        empty.executescript(_TABLES)
        return _columns(empty)
    finally:
        empty.close()
