"""The tables: what is written is read back, one server per file, and old jobs are forgotten."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.jobs.retention import has_limits, sweep, sweep_sessions
from qiskit_rest_primitives.server.jobs.schema import VERSION
from qiskit_rest_primitives.server.jobs.sessions import Session
from qiskit_rest_primitives.server.jobs.store import Job, JobFilter, Store
from qiskit_rest_primitives.server.settings import Settings


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


def job(name: str, **changes: Any) -> Job:
    return Job(
        **{"id": name, "instance": "crn", "program": "sampler", "backend": "d", "created": 1.0, "cost": 9}
        | changes
    )


def session(name: str, closed: float | None) -> Session:
    times = {"interactive_ttl": 60, "max_ttl": 600, "active_ttl": 600, "start_ttl": 60}
    return Session(name, "crn", "b", "batch", created=1.0, closed_at=closed, used=4.0, **times)


def finish(store: Store, name: str, at: float, result: bytes = b"r") -> None:
    made = job(name, created=at)
    store.add_job(made, b"p")
    made.status, made.finished = "Completed", at
    store.finish_job(made, result)


def test_a_job_comes_back_as_it_was_written(store: Store) -> None:
    written = job("a", tags=("x", "ü"), private=True, session_id="s", submission="k", digest="d")
    store.add_job(written, b'{"pubs": []}')

    assert store.job("a") == written
    assert store.job("a", "crn") == written
    assert store.job("a", "other") is None
    assert store.job("b") is None
    assert store.bodies.read_at_once("params", "a") == b'{"pubs": []}'
    assert store.bodies.read_at_once("results", "a") is None
    assert store.job_of_submission("crn", "k") == written
    assert store.job_of_submission("other", "k") is None


def test_one_key_makes_one_job_even_if_nobody_asked_before(store: Store) -> None:
    store.add_job(job("a", submission="k"), b"{}")

    with pytest.raises(sqlite3.IntegrityError):
        store.add_job(job("b", submission="k"), b"{}")
    assert store.bodies.read_at_once("params", "b") is None


def test_finishing_a_private_job_drops_its_inputs(store: Store) -> None:
    made = job("a", private=True)
    store.add_job(made, b"{}")
    made.status, made.finished = "Completed", 2.0
    store.finish_job(made, b"result")

    assert store.bodies.read_at_once("params", "a") is None
    assert store.bodies.read_at_once("results", "a") == b"result"
    assert store.unfinished() == []


def test_jobs_of_one_second_keep_the_order_of_submission(store: Store) -> None:
    for name in ("b", "c", "a"):
        store.add_job(job(name), b"{}")

    page, count = store.jobs(JobFilter("crn"), limit=2, offset=0, ascending=False)

    assert ([item.id for item in page], count) == (["a", "c"], 3)


def test_a_file_belongs_to_one_server_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "jobs.db")
    first = Store(path)

    # Faults D ("database is locked"): who may have it, and what to do.
    with pytest.raises(
        sqlite3.OperationalError, match=r"locked: another server .* another file with --database"
    ):
        Store(path)
    first.add_job(job("a"), b"{}")
    first.close()
    second = Store(path)
    assert second.job("a") is not None
    second.close()


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"retention_seconds": 15.0}, ["c", "d"]),
        ({"retention_jobs": 1}, ["d"]),
        ({"retention_bytes": 11}, ["c", "d"]),
        ({"retention_bytes": 10}, ["d"]),
        ({}, ["a", "b", "c", "d"]),
    ],
)
def test_the_oldest_finished_jobs_are_forgotten(
    store: Store, ideal: Device, limits: dict[str, Any], left: list[str]
) -> None:
    for index, name in enumerate("abcd"):
        finish(store, name, 10.0 * (index + 1), b"result"[: 2 + index])  # with inputs 3, 4, 5, 6 bytes
    store.add_job(job("waiting", created=0.0), b"{}" * 100)
    settings = replace(Settings([ideal], "key", clock=lambda: 40.0), **limits)

    asyncio.run(sweep(store, settings))

    page, _ = store.jobs(JobFilter("crn", pending=False), limit=10, offset=0, ascending=True)
    assert [item.id for item in page] == left
    assert store.job("waiting") is not None
    assert has_limits(settings) is bool(limits)


def test_interim_results_count_as_much_as_results(store: Store, ideal: Device) -> None:
    finish(store, "a", 10.0, b"x")
    finish(store, "b", 20.0, b"x")
    store.connection.execute("INSERT INTO interim_results VALUES ('a', 1, ?)", (b"x" * 1000,))

    asyncio.run(sweep(store, replace(Settings([ideal], "key"), retention_bytes=100)))

    assert (store.job("a"), store.job("b") is not None) == (None, True)


def test_closed_sessions_go_when_they_are_old_and_without_jobs(store: Store, ideal: Device) -> None:
    for name, closed in (("old", 10.0), ("young", 30.0), ("living", None), ("used", 10.0)):
        store.save_session(session(name, closed))
    store.add_job(job("waiting", session_id="used"), b"{}")

    assert sweep_sessions(store, Settings([ideal], "key", clock=lambda: 40.0)) == []
    assert sweep_sessions(store, Settings([ideal], "key", clock=lambda: 40.0, retention_seconds=15.0)) == [
        "old"
    ]
    assert [Session.load(text).id for text in store.session_documents()] == ["young", "living", "used"]


def test_a_server_without_a_key_cannot_be_made(ideal: Device) -> None:
    with pytest.raises(ValueError, match="API key"):
        Settings([ideal], "")
    with pytest.raises(ValueError, match="device"):
        Settings([], "key")


# Files that something else has written (faults C14)


@pytest.mark.parametrize("version", [0, 1])
def test_a_file_of_an_older_version_is_taken_over(tmp_path: Path, version: int) -> None:
    place = str(tmp_path / "jobs.sqlite")
    first = Store(place)
    first.add_job(job("a"), b"p")
    first.connection.execute("ALTER TABLE jobs DROP COLUMN executions")  # came with version 2
    first.connection.execute(f"PRAGMA user_version = {version}")
    first.connection.execute("PRAGMA application_id = 0")
    first.close()
    second = Store(place)

    assert second.job("a") == job("a", number=1)
    assert second.connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    second.add_job(job("b", executions=5), b"p")
    assert second.job("b") == job("b", executions=5, number=2)
    second.close()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("PRAGMA user_version = 99", "newer version of the server"),
        ("PRAGMA application_id = 5", "another program"),
        (
            "ALTER TABLE jobs DROP COLUMN digest; ALTER TABLE jobs DROP COLUMN executions; PRAGMA user_version = 0",
            "table 'jobs' is not one of this version",
        ),
        ("DROP TABLE jobs; CREATE TABLE jobs (x); PRAGMA application_id = 0", "table 'jobs'"),
        ("DROP TABLE jobs; PRAGMA application_id = 0", "another program"),
    ],
)
def test_a_file_that_this_version_cannot_read_is_named_and_left_alone(
    tmp_path: Path, change: str, complaint: str
) -> None:
    place = tmp_path / "jobs.sqlite"
    store = Store(str(place))
    store.connection.executescript(change)
    store.close()
    before = place.read_bytes()

    with pytest.raises(sqlite3.DatabaseError, match=complaint):
        Store(str(place))
    assert place.read_bytes() == before


def test_a_database_that_nobody_holds_any_more_is_closed(tmp_path: Path) -> None:
    """As where a server fails after it was opened; from Python 3.13 such a connection would warn."""
    store = Store(str(tmp_path / "jobs.sqlite"))
    connection = store.connection
    del store
    gc.collect()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_file_that_is_no_database_is_an_error_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at " * 40)

    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        Store(str(tmp_path / "notes.txt"))
    with pytest.raises(sqlite3.OperationalError):
        Store(str(tmp_path / "nowhere" / "jobs.sqlite"))
