"""Large inputs and results: whole or not there at all, whatever happens, and nobody waits for them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.jobs import bodies as bodies_module
from qiskit_rest_primitives.server.jobs import transfers
from qiskit_rest_primitives.server.jobs.bodies import PIECE_BYTES
from qiskit_rest_primitives.server.jobs.store import Job, Store
from qiskit_rest_primitives.server.primitives.jobs import JobOutput

LARGE = random.Random(1).randbytes(3 * PIECE_BYTES + 5)


def job(name: str, **changes: Any) -> Job:
    times = {"created": 1.0, "cost": 9}
    return Job(**{"id": name, "instance": "crn", "program": "sampler", "backend": "d", **times} | changes)


def pieces(store: Store) -> set[tuple[str, str]]:
    return set(store.connection.execute("SELECT kind, job FROM pieces"))


def finish(store: Store, made: Job, result: bytes | None) -> None:
    store.finish_job(replace(made, status="Completed", finished=2.0), result)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = Store(str(tmp_path / "jobs.db") if request.param == "file" else None)
    yield store
    store.close()


@pytest.mark.parametrize(
    "size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, len(LARGE)]
)
@pytest.mark.parametrize("ahead", [0, 1, 9], ids=["at once", "begun ahead", "ahead"])
def test_bodies_of_any_size_come_back_as_they_were(store: Store, size: int, ahead: int) -> None:
    body = LARGE[:size]

    async def go() -> tuple[bytes | None, bytes | None]:
        made = job("a")
        for kind in ("params", "results"):
            writing = asyncio.ensure_future(store.bodies.write_ahead(kind, "a", body))
            await turns(ahead)
            assert await store.bodies.read(kind, "a") is None
            assert store.job("a") is None or kind == "results"
            writing.cancel()
            if kind == "params":
                store.add_job(made, body)
            else:
                finish(store, made, body)
        return await store.bodies.read("params", "a"), await store.bodies.read("results", "a")

    assert asyncio.run(go()) == (body, body)
    assert store.bodies.read_at_once("results", "a") == body
    assert store.finished_sizes() == [("a", 2.0, 2 * size)]
    assert store.bodies.is_large("params", "a") is (size > PIECE_BYTES)
    store.delete_jobs(["a"])
    assert (store.bodies.read_at_once("params", "a"), pieces(store)) == (None, set())


def test_a_body_that_is_removed_while_it_is_read_is_gone_and_not_short(store: Store) -> None:
    store.add_job(job("a"), LARGE)

    async def go() -> bytes | None:
        reading = asyncio.ensure_future(store.bodies.read("params", "a"))
        await turns(2)
        store.delete_jobs(["a"])
        assert pieces(store)  # they go one by one
        return await reading

    assert asyncio.run(go()) is None


def test_removing_goes_on_by_itself_and_ends_when_all_are_gone(store: Store) -> None:
    async def go() -> None:
        store.add_job(job("a", private=True), LARGE)
        store.add_job(job("b"), LARGE)
        finish(store, job("a", private=True), LARGE)
        await turns()
        assert pieces(store) == {("results", "a"), ("params", "b")}
        store.bodies.drop("results", "a")
        assert await store.bodies.read("results", "a") is None
        await turns()

    asyncio.run(go())
    assert pieces(store) == {("params", "b")}
    assert store.bodies.read_at_once("params", "b") == LARGE


def test_what_cannot_be_removed_on_a_full_disk_stays_whole_or_goes_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies_module, "_AGAIN_SECONDS", 0.01)

    async def go() -> None:
        for name in "abc":
            store.add_job(job(name), LARGE)
        store.delete_jobs(["b"])
        store.connection.execute("PRAGMA query_only=ON")
        with pytest.raises(sqlite3.OperationalError):
            store.delete_jobs(["a"])
        with pytest.raises(sqlite3.OperationalError):
            await store.bodies.write_ahead("results", "a", LARGE)
        await turns()
        assert pieces(store) == {("params", name) for name in "abc"}
        store.connection.execute("PRAGMA query_only=OFF")
        while ("params", "b") in pieces(store):
            await asyncio.sleep(0.01)
        assert await store.bodies.read("params", "a") == LARGE

    asyncio.run(go())


_CHILD = """
import asyncio, sys
from dataclasses import replace
from qiskit_rest_primitives.server.jobs.store import Job, Store
place, moment = sys.argv[1:]
store = Store(place)
body = sys.stdin.buffer.read()
made = Job("a", "crn", "sampler", "d", created=1.0, cost=9)
async def go():
    writing = asyncio.ensure_future(store.bodies.write_ahead("params", "a", body))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if moment != "inputs half written":
        await writing
    if moment not in ("inputs half written", "inputs without their job"):
        store.add_job(made, body)
        writing = asyncio.ensure_future(store.bodies.write_ahead("results", "a", body))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if moment in ("ended", "half removed"):
            await writing
            store.finish_job(replace(made, status="Completed", finished=2.0), body)
        if moment == "half removed":
            store.delete_jobs(["a"])
            await asyncio.sleep(0)
    print("now", flush=True)
    sys.stdin.close()
    import time; time.sleep(600)
asyncio.run(go())
"""
AFTER_KILL = {
    "inputs half written": (None, set()),
    "inputs without their job": (None, set()),
    "result half written": ("Queued", {("params", "a")}),
    "ended": ("Completed", {("params", "a"), ("results", "a")}),
    "half removed": (None, set()),
}


@pytest.mark.parametrize("moment", AFTER_KILL)
def test_a_killed_server_leaves_whole_bodies_or_none(tmp_path: Path, moment: str) -> None:
    """Faults C2: what is written in pieces is seen whole or not at all, also after ``kill -9``."""
    place = str(tmp_path / "jobs.db")
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, place, moment], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(LARGE)
        child.stdin.close()
        assert child.stdout.readline() == b"now\n"
        child.send_signal(signal.SIGKILL)
    status, left = AFTER_KILL[moment]

    store = Store(place)
    found = store.job("a")
    assert (None if found is None else found.status) == status
    assert pieces(store) == left
    for kind in ("params", "results"):
        assert store.bodies.read_at_once(kind, "a") == (LARGE if (kind, "a") in left else None)
    store.close()


@pytest.mark.parametrize("version", [2, 3])
def test_large_bodies_of_an_older_version_are_split_one_at_a_time(tmp_path: Path, version: int) -> None:
    """Faults C2: they were read in one step for ever, since only what was new came in pieces."""
    place = str(tmp_path / "jobs.db")
    store = Store(place)
    names = [f"job{number}" for number in range(12)]
    for name in names:
        store.add_job(job(name), b"small")
    for name in names[1:]:
        store.connection.execute("UPDATE params SET body = ? WHERE job = ?", (LARGE + name.encode(), name))
        store.connection.execute("INSERT INTO results VALUES (?, ?)", (name, LARGE))
    if version == 2:
        store.connection.execute("DROP TABLE pieces")  # came with version 3
    store.connection.execute(f"PRAGMA user_version = {version}")
    store.close()

    tracemalloc.start()
    try:
        store = Store(place)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 3 * len(LARGE)
    assert pieces(store) == {(kind, name) for kind in ("params", "results") for name in names[1:]}
    assert store.bodies.read_at_once("params", names[0]) == b"small"
    for name in names[1:]:
        assert asyncio.run(store.bodies.read("params", name)) == LARGE + name.encode()
        assert store.bodies.read_at_once("results", name) == LARGE
    longest = "SELECT max(length(body)) FROM (SELECT body FROM params UNION ALL SELECT body FROM results)"
    assert store.connection.execute(longest).fetchone() == (PIECE_BYTES,)
    store.delete_jobs(names)
    assert pieces(store) == set()
    store.close()


# Against a server

BODY = {"program_id": "sampler", "backend": "aer_simulator"}


def large_job(size: int) -> dict[str, Any]:
    return {**BODY, "params": {"pubs": [["x" * size]]}}


def store_of(call: Any) -> Store:
    store: Store = call.server._server._app.state.server.store
    return store


@pytest.fixture
def serve_results(start: Callable[..., Any]) -> Callable[..., Any]:
    """Start a server whose jobs all have the same result, of so many bytes."""

    def start_one(size: int, **more: Any) -> tuple[Any, bytes]:
        result = json.dumps({"text": random.Random(2).randbytes(size // 2).hex()}).encode()
        call = start(lambda s: replace(s, execute=lambda *_: JobOutput(result, 0.25, 1)), **more)
        return call, result

    return start_one


def test_the_event_loop_has_no_gaps_in_proportion_to_bodies(
    serve_results: Callable[..., Any], tmp_path: Path, loop_steps: Callable[[Any], Any]
) -> None:
    """Faults C2: 40 MB in and out again. No step of the event loop does more than a small part of its whole work."""
    call, result = serve_results(40_000_000, database=str(tmp_path / "jobs.db"))
    small = call("POST", "/jobs", json=large_job(10)).json()["id"]
    call.wait(small)
    text = json.dumps(large_job(40_000_000)).encode()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    with loop_steps(call) as steps:
        made = call("POST", "/jobs", data=text, headers=headers).json()["id"]
        while call.get(f"/jobs/{made}?exclude_params=true")["status"] != "Completed":
            pass
        given = call("GET", f"/jobs/{made}/results", headers=headers).content
        shown = call("GET", f"/jobs/{made}", headers=headers).content
        assert call("DELETE", f"/jobs/{made}").status_code == 204
        while (
            store_of(call)
            .connection.execute("SELECT count(*) FROM pieces WHERE job = ?", (made,))
            .fetchone()[0]
        ):
            assert call("GET", "/health").status_code == 200

    assert given == result
    assert text[text.index(b'{"pubs"') : -1] in shown
    assert max(steps) < sum(steps) / 20, (max(steps), sum(steps))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc/.../io, which Linux has")
def test_lists_and_searches_read_no_large_bodies(serve_results: Callable[..., Any], tmp_path: Path) -> None:
    """Faults C2: counted in bytes that the thread of the event loop has read."""
    call, result = serve_results(10_000_000, database=str(tmp_path / "jobs.db"))
    made = call("POST", "/jobs", json={**large_job(10_000_000), "tags": ["abcd"]}).json()["id"]
    call.wait(made)
    found: list[int] = []
    told = threading.Event()
    loop = call.server._server._loop
    loop.call_soon_threadsafe(lambda: (found.append(threading.get_native_id()), told.set()))
    told.wait()

    def read_bytes() -> int:
        text = Path(f"/proc/self/task/{found[0]}/io").read_text()
        return int(text.split("rchar:")[1].split()[0])

    before = read_bytes()
    paths = (
        "/jobs", "/jobs?tags=abcd", "/jobs?pending=false&program=sampler", "/workloads", "/tags?search=abc",
        f"/jobs/{made}?exclude_params=true", f"/jobs/{made}/metrics", "/instances/usage", "/analytics/usage",
    )  # fmt: skip
    for path in paths:
        assert call("GET", path).status_code == 200
    assert store_of(call).finished_sizes()[0][2] > 20_000_000
    listed = read_bytes() - before
    assert call("GET", f"/jobs/{made}/results").content == result
    assert listed < len(result) / 10 < read_bytes() - before - listed


def test_two_submissions_of_one_key_make_one_job_with_one_body(start: Callable[..., Any]) -> None:
    call = start()
    text = json.dumps(large_job(5_000_000)).encode()
    made: list[str] = []

    def post() -> None:
        made.append(call("POST", "/jobs", data=text, headers={"Idempotency-Key": "one"}).json()["id"])

    threads = [threading.Thread(target=post) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    call.wait(made[0])
    while pieces(store_of(call)) != {("params", made[0])}:
        assert call("GET", "/health").status_code == 200

    assert set(made) == {made[0]}
    assert call.get("/jobs")["count"] == 1
    other = json.dumps(large_job(5_000_001)).encode()
    assert call("POST", "/jobs", data=other, headers={"Idempotency-Key": "one"}).status_code == 409
    refused = {**large_job(5_000_000), "session_id": "nobody"}
    assert call("POST", "/jobs", json=refused).status_code == 404
    while pieces(store_of(call)) != {("params", made[0])}:
        assert call("GET", "/health").status_code == 200


def test_a_job_that_is_cancelled_while_its_result_is_written_has_none(
    serve_results: Callable[..., Any],
) -> None:
    call, result = serve_results(60_000_000)
    made = call("POST", "/jobs", json=large_job(10)).json()["id"]
    while ("results", made) not in pieces(store_of(call)):
        pass
    status = call("POST", f"/jobs/{made}/cancel").status_code
    document = call.wait(made)

    assert (status, document["status"]) in ((204, "Cancelled"), (409, "Completed"))
    if status == 204:
        assert call("GET", f"/jobs/{made}/results").status_code == 204
        while pieces(store_of(call)):
            assert call("GET", "/health").status_code == 200
    else:
        assert call("GET", f"/jobs/{made}/results").content == result


def test_a_server_that_stops_while_a_result_is_written_keeps_it(
    serve_results: Callable[..., Any], tmp_path: Path
) -> None:
    place = str(tmp_path / "jobs.db")
    call, result = serve_results(30_000_000, database=place)
    made = call("POST", "/jobs", json=large_job(2_000_000)).json()["id"]
    while ("results", made) not in pieces(store_of(call)):
        pass
    call.server.stop()

    store = Store(place)
    found = store.job(made)
    assert found is not None
    assert found.status == "Completed"
    assert store.bodies.read_at_once("results", made) == result
    store.close()


def test_a_large_job_on_a_full_disk_is_refused_and_a_large_result_is_written_later(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(transfers, "AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(bodies_module, "_AGAIN_SECONDS", 0.1)
    held = threading.Event()
    result = b'"' + os.urandom(2_500_000).hex().encode() + b'"'

    def execute(*_: Any) -> JobOutput:
        held.wait()
        return JobOutput(result, 0.25, 1)

    call = start(lambda s: replace(s, execute=execute), database=str(tmp_path / "jobs.db"))
    made = call("POST", "/jobs", json=large_job(5_000_000)).json()["id"]
    call.until(made, "Running")
    connection = store_of(call).connection
    connection.execute("PRAGMA query_only=ON")
    assert call("POST", "/jobs", json=large_job(5_000_000)).status_code == 507
    held.set()
    assert call("GET", f"/jobs/{made}", headers={"Prefer": "wait=0.5"}).json()["status"] == "Running"
    connection.execute("PRAGMA query_only=OFF")

    assert call.wait(made)["status"] == "Completed"
    assert call("GET", f"/jobs/{made}/results").content == result
    assert call.get("/jobs")["count"] == 1
    assert pieces(store_of(call)) == {("params", made), ("results", made)}
