"""A disk that is full: what cannot be stored is not acknowledged, nothing is lost, and the server goes on."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.jobs import transfers

BATCH = {"mode": "batch", "backend": "aer_simulator"}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "AGAIN_SECONDS", 0.1)


@contextmanager
def full(call: Any) -> Iterator[None]:
    """Let SQLite refuse to write."""
    connection = call.server._server._app.state.server.store.connection
    connection.execute("PRAGMA query_only=ON")
    yield
    connection.execute("PRAGMA query_only=OFF")


def test_what_cannot_be_stored_is_answered_507_and_leaves_no_trace(
    start: Callable[..., Any], stage: Any, tmp_path: Path
) -> None:
    call = start(lambda s: replace(s, workers=1), database=str(tmp_path / "jobs.db"))
    done = call.submit()
    call.wait(done)
    runs = call.submit(params=stage.hold("runs"))
    call.until(runs, "Running")
    waits = call.submit()
    session = call("POST", "/sessions", json=BATCH).json()["id"]
    with full(call):
        answers = [
            call("POST", "/jobs", json={**BATCH, "program_id": "sampler", "params": {"pubs": [["x"]]}}),
            call("POST", "/sessions", json=BATCH),
            call("POST", f"/jobs/{runs}/cancel"),
            call("POST", f"/jobs/{waits}/cancel"),
            call("DELETE", f"/jobs/{done}"),
            call("PUT", f"/jobs/{done}/tags", json={"tags": ["new"]}),
            call("PUT", "/instances/configuration", json={"instance_limit": 1}),
            call("PATCH", f"/sessions/{session}", json={"accepting_jobs": False}),
        ]
        assert [answer.status_code for answer in answers] == [507] * len(answers)
        assert "/" not in answers[0].json()["errors"][0]["message"]
        assert [job["id"] for job in call.get("/jobs")["jobs"]] == [waits, runs, done]
        assert call.get(f"/jobs/{done}")["tags"] == []
        assert call("GET", f"/jobs/{done}/results").status_code == 200
    stage.release("runs")
    assert [call.wait(job)["status"] for job in (runs, waits)] == ["Completed", "Completed"]
    while call.get(f"/sessions/{session}")["state"] != "closed":
        time.sleep(0.05)


def test_what_ends_meanwhile_is_written_later(start: Callable[..., Any], stage: Any, tmp_path: Path) -> None:
    database = str(tmp_path / "jobs.db")
    call = start(lambda s: replace(s, workers=1), database=database)
    session = call("POST", "/sessions", json=BATCH).json()["id"]
    first = call.submit(params=stage.hold("first"), session_id=session)
    call.until(first, "Running")
    second = call.submit(session_id=session)
    with full(call):
        stage.release("first")
        held = call("GET", f"/jobs/{first}", headers={"Prefer": "wait=0.5"}).json()
        assert (held["status"], call.get(f"/jobs/{second}")["status"]) == ("Running", "Queued")
        assert call("GET", "/health").json()["status"] == "ok"
    assert [call.wait(job)["status"] for job in (first, second)] == ["Completed", "Completed"]
    assert call("GET", f"/jobs/{first}/results").status_code == 200
    call.server.stop()

    again = start(database=database)
    assert again.get(f"/jobs/{first}")["status"] == "Completed"
    assert again.get(f"/sessions/{session}")["last_job_completed"] is not None


def test_a_job_over_its_time_ends_once_however_late_that_is_written(
    start: Callable[..., Any], stage: Any, tmp_path: Path
) -> None:
    call = start(lambda s: replace(s, workers=1), database=str(tmp_path / "jobs.db"))
    job = call.submit(params=stage.hold("long"), cost=1)
    call.until(job, "Running")
    with full(call):
        retries = call.server._server._app.state.server.scheduler._retries
        deadline = time.monotonic() + 600
        while job not in retries:  # until its time is over, and that could not be written
            assert time.monotonic() < deadline
            time.sleep(0.02)
        stage.release("long")
        assert call.get(f"/jobs/{job}")["status"] == "Running"
    assert call.wait(job)["state"]["reason_code"] == 1305


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prlimit(2), which Linux has")
def test_a_file_that_cannot_grow_stops_nothing_but_writing(tmp_path: Path) -> None:
    """The same with the kernel's own refusal in the middle of a transaction."""
    command = [sys.executable, "-m", "qiskit_rest_primitives.server", "--backend", "aer_simulator"]
    command += ["--database", str(tmp_path / "jobs.db"), "--threads"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        headers = {"Authorization": f"apikey {ready['token']}", "Service-CRN": ready["instance"]}
        body = {**BATCH, "program_id": "sampler", "params": {"pubs": [["OPENQASM 3.0;" + " " * 100_000]]}}

        def submit() -> requests.Response:
            return requests.post(ready["url"] + "/jobs", json=body, headers=headers, timeout=600)

        statuses = []
        for limit in (500_000, resource.RLIM_INFINITY):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            statuses.append([submit().status_code for _ in range(6)])
        listed = requests.get(ready["url"] + "/jobs", headers=headers, timeout=600).json()["count"]
    finally:
        process.kill()
        process.communicate()

    assert statuses[0][0] == 200
    assert statuses[0][-1] == 507
    assert statuses[1] == [200] * 6
    assert listed == 6 + statuses[0].count(200)
