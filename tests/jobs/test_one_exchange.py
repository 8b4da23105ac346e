"""A loop that asks for each result at once costs one exchange with a server of this package, and changes nothing for others."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit

from qiskit_rest_primitives import RuntimeJobFailureError, SamplerV2, Session
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.http.middleware import ApiMiddleware
from qiskit_rest_primitives.server.primitives.jobs import Reading
from qiskit_rest_primitives.server.routes import jobs as jobs_routes

Seen = list[tuple[str, str, str | None]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What came to servers of this process: method, path, and what the client prefers."""
    requests_seen: Seen = []
    serve_one = ApiMiddleware.__call__

    async def watched(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            prefers = dict(scope["headers"]).get(b"prefer")
            path = scope["path"].removeprefix("/api/v1").replace("//", "/")
            requests_seen.append((scope["method"], path, prefers and prefers.decode()))
        await serve_one(self, scope, receive, send)

    monkeypatch.setattr(ApiMiddleware, "__call__", watched)
    return requests_seen


@contextmanager
def durable(path: Path, *, port: int = 0, token: str | None = None, **changes: Any) -> Iterator[Any]:
    """Serve with a database, and hold answers for as long as the busiest machine needs."""
    with serve(
        [load_device("aer_simulator")],
        database=str(path / "jobs.sqlite"),
        port=port,
        token=token,
        settings=lambda settings: replace(settings, **{"first_poll_hold": 60.0, **changes}),
    ) as server:
        yield server.endpoint


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Any]:
    with durable(tmp_path) as endpoint:
        yield endpoint


def kinds(seen: Seen) -> list[str]:
    return [f"{method} {path.rpartition('/')[2]}" for method, path, _ in seen]


def test_each_iteration_of_a_loop_is_one_exchange(
    place: Any,
    seen: Seen,
    coin: QuantumCircuit,
    connect: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("QISKIT_REST_PRIMITIVES_JOURNAL", str(tmp_path / "journal.sqlite"))
    service = connect(place)
    with Session(service.backend("aer_simulator")) as session:
        sampler = SamplerV2(mode=session)
        sampler.run([coin]).result()
        seen.clear()
        jobs, results = [], []
        for _ in range(5):
            jobs.append(sampler.run([coin], shots=100))
            results.append(jobs[-1].result())

        assert kinds(seen) == ["POST jobs"] * 5
        assert [job.status() for job in jobs] == ["DONE"] * 5
        assert len(seen) == 5, "the status of a job whose result came along is known"
    assert [result[0].data.meas.num_shots for result in results] == [100] * 5
    stored = [service.job(job.job_id()) for job in jobs]
    assert [job.session_id for job in stored] == [session.session_id] * 5
    assert [job.result()[0].data.meas.get_counts() for job in stored] == [
        result[0].data.meas.get_counts() for result in results
    ]
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as journal:
        states = journal.execute("SELECT state, count(*) FROM submission GROUP BY state").fetchall()
    assert states == [("finished", 6)]


def test_a_result_that_came_along_is_finished_only_when_somebody_asks(
    place: Any,
    coin: QuantumCircuit,
    connect: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("QISKIT_REST_PRIMITIVES_JOURNAL", str(tmp_path / "journal.sqlite"))
    service = connect(place)
    sampler = SamplerV2(mode=service.backend("aer_simulator"))
    for _ in range(2):
        sampler.run([coin]).result()

    job = sampler.run([coin])
    journal = Journal(tmp_path / "journal.sqlite")

    assert [entry.job_id for entry in journal.unfinished()] == [job.job_id()]
    assert job.is_final
    assert journal.unfinished() == []
    journal.shut()


def test_who_submits_several_before_asking_is_not_held(
    place: Any, seen: Seen, coin: QuantumCircuit, connect: Callable[..., Any]
) -> None:
    sampler = SamplerV2(mode=connect(place).backend("aer_simulator"))
    for _ in range(2):
        sampler.run([coin]).result()
    seen.clear()

    jobs = [sampler.run([coin]) for _ in range(4)]
    with ThreadPoolExecutor(1) as other:
        jobs.append(other.submit(sampler.run, [coin]).result())  # a thread that has asked for nothing yet
    preferences = [prefers for method, _, prefers in seen if method == "POST"]

    assert preferences == ["respond-async, wait=1", None, None, None, None]
    assert {job.result()[0].data.meas.num_shots for job in jobs} == {4096}


def test_awaiting_is_asking_too(
    place: Any, seen: Seen, coin: QuantumCircuit, connect: Callable[..., Any]
) -> None:
    sampler = SamplerV2(mode=connect(place).backend("aer_simulator"))

    async def loop(iterations: int) -> None:
        for _ in range(iterations):
            await sampler.run([coin])

    asyncio.run(loop(2))
    seen.clear()
    asyncio.run(loop(3))

    assert kinds(seen) == ["POST jobs"] * 3


def test_who_waits_behind_others_has_one_exchange_too(
    coin: QuantumCircuit,
    connect: Callable[..., Any],
    seen: Seen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long a turn takes on a busy machine."""
    monkeypatch.setattr(jobs_routes, "_QUEUED_SECONDS", float("inf"))
    with durable(tmp_path, workers=1) as endpoint:
        backend = connect(endpoint).backend("aer_simulator")

        def loop(_: int) -> list[int]:
            sampler = SamplerV2(mode=backend)
            return [sampler.run([coin], shots=7).result()[0].data.meas.num_shots for _ in range(6)]

        loop(0)
        with ThreadPoolExecutor(8) as users:
            assert list(users.map(loop, range(8))) == [[7] * 6] * 8
    along = [prefers for method, path, prefers in seen if (method, path) == ("POST", "/jobs")]
    assert kinds(seen).count("GET results") == along.count(None), "of nobody who could be brought it along"
    assert len(along) == 9 * 6


def test_a_job_that_takes_a_moment_is_run_by_the_event_loop_and_seen_like_any_other(
    coin: QuantumCircuit, connect: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[str] = []
    run = Reading.run

    def noted(reading: Reading) -> tuple[bytes, int]:
        places.append(threading.current_thread().name)
        return run(reading)

    monkeypatch.setattr(Reading, "run", noted)
    with durable(tmp_path) as endpoint:
        service = connect(endpoint)
        with Session(service.backend("aer_simulator")) as session:
            sampler = SamplerV2(mode=session, options={"simulator": {"seed_simulator": 3}})
            jobs = [sampler.run([coin]) for _ in range(3)]
            for job in jobs:
                job.result()
            jobs += [sampler.run([coin]) for _ in range(3)]
            counts = [job.result()[0].data.meas.get_counts() for job in jobs]
        stored = [service.job(job.job_id()) for job in jobs]
        times = [job.metrics()["timestamps"] for job in stored]
        usage = [job.usage() for job in stored]

    assert set(places[:1]) == {"simulation"}
    assert set(places[3:]) == {"qiskit-rest-primitives server"}
    assert counts == counts[:1] * 6
    assert all(at["created"] <= at["running"] <= at["finished"] for at in times)
    assert all(seconds > 0 for seconds in usage)


def test_run_of_a_slow_job_returns_before_it_ends(
    director: Any, coin: QuantumCircuit, connect: Callable[..., Any], seen: Seen, tmp_path: Path
) -> None:
    with durable(tmp_path, execute=director.execute, first_poll_hold=0.1) as endpoint:
        sampler = SamplerV2(mode=connect(endpoint).backend("aer_simulator"))
        for _ in range(2):
            sampler.run([coin]).result()
        director.hold()
        job = sampler.run([coin])

        assert seen[-1] == ("POST", "/jobs", "respond-async, wait=1")
        assert not director.release.is_set()
        assert job.status() == "RUNNING"
        director.release.set()
        assert job.result()[0].data.meas.num_shots == 4096


def test_what_fails_or_is_large_or_private_is_asked_for_as_ever(
    director: Any, coin: QuantumCircuit, connect: Callable[..., Any], seen: Seen, tmp_path: Path
) -> None:
    with durable(tmp_path, execute=director.execute) as endpoint:
        backend = connect(endpoint).backend("aer_simulator")
        sampler = SamplerV2(mode=backend)
        for _ in range(2):
            sampler.run([coin]).result()
        director.fail("too hot")
        with pytest.raises(RuntimeJobFailureError, match="too hot"):
            sampler.run([coin]).result()
        seen.clear()
        large = sampler.run([coin], shots=10_000_000).result()
        assert kinds(seen) == ["POST jobs", "GET results"]
        assert large[0].data.meas.num_shots == 10_000_000
        seen.clear()
        hidden = SamplerV2(mode=backend, options={"environment": {"private": True}})
        assert hidden.run([coin]).result()[0].data.meas.num_shots == 4096
        assert {prefers for method, _, prefers in seen if method == "POST"} == {None}


@pytest.mark.parametrize(
    ("headers", "kind", "applied"),
    [
        ({}, "application/json", None),
        ({"Prefer": "wait=60"}, "application/json", None),
        ({"Accept": "application/json-seq"}, "application/json", None),
        ({"Accept": "application/json", "Prefer": "respond-async"}, "application/json", None),
        ({"Accept": "application/json-seq", "Prefer": "wait=0"}, "application/json", "wait=0"),
        ({"Accept": "application/json-seq, */*", "Prefer": "wait=60"}, "application/json-seq", "wait=60"),
    ],
)
def test_only_who_wants_both_gets_both(place: Any, headers: Any, kind: str, applied: str | None) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c[0] = measure q[0];'
    params = {"pubs": [[text, None, 5]], "version": 2}
    body = {"program_id": "sampler", "backend": "aer_simulator", "params": params}
    signed = {"Authorization": f"apikey {place.token}", "Service-CRN": place.instance, "Idempotency-Key": "k"}

    answer = requests.post(f"{place.url}/jobs", json=body, headers={**signed, **headers}, timeout=600)
    found = [json.loads(text) for text in answer.content.split(b"\x1e") if text.strip()]
    held = requests.get(
        f"{place.url}/jobs/{found[0]['id']}/results", headers={**signed, "Prefer": "wait=60"}, timeout=120
    )
    again = requests.post(f"{place.url}/jobs", json=body, headers={**signed, **headers}, timeout=600)

    assert answer.headers["Content-Type"] == kind
    assert answer.headers.get("Preference-Applied") == applied
    assert found[0] == {"id": found[0]["id"], "backend": "aer_simulator"}
    assert found[1:] == ([held.json()] if kind.endswith("seq") else [])
    assert again.content.lstrip(b"\x1e").split(b"\n")[0] == json.dumps(found[0]).encode()


DOOMED = """
import sys, time
from dataclasses import replace
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve

def execute(*job):
    print("began", flush=True)
    time.sleep(600)

database, port, token = sys.argv[1:]
more = {"execute": execute, "first_poll_hold": 60.0}
serve([load_device("aer_simulator")], database=database, port=int(port), token=token, settings=lambda s: replace(s, **more))
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL; POSIX only")
def test_a_server_killed_while_it_holds_the_answer_leaves_one_job(
    coin: QuantumCircuit, connect: Callable[..., Any], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as user:
        with durable(tmp_path) as endpoint:
            service = connect(endpoint)
            sampler = SamplerV2(mode=service.backend("aer_simulator"))
            user.submit(lambda: [sampler.run([coin]).result() for _ in range(2)]).result()
        place = {"port": int(endpoint.url.split(":")[2].split("/")[0]), "token": endpoint.token}
        arguments = [str(tmp_path / "jobs.sqlite"), *map(str, place.values())]
        doomed = subprocess.Popen(
            [sys.executable, "-c", DOOMED, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert doomed.stdout is not None
        with doomed.stdout:
            assert doomed.stdout.readline() == "up\n"
            running = user.submit(lambda: sampler.run([coin]))
            assert doomed.stdout.readline() == "began\n"
            assert not running.done(), "the answer is held"
            doomed.kill()
            doomed.wait()
        with durable(tmp_path, **place):
            job = running.result()
            assert job.result()[0].data.meas.num_shots == 4096
            assert len(service.jobs(limit=None)) == 3
