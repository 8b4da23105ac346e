"""Jobs that are done when they are accepted: they are stored whole or not at all, and wait for their turn like others."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.settings import Settings
from qiskit_rest_primitives.server.workers.pool import Simulators


def text_of(qubits: int, angle: float = 0.5) -> Any:
    circuit = QuantumCircuit(qubits)
    circuit.ry(angle, range(qubits))
    circuit.measure_all()
    return dump_circuit(circuit).wire


LONG = {"pubs": [[text_of(21), None, 1000]] * 40}
BATCH = {"backend": "aer_simulator", "mode": "batch"}


@pytest.fixture
def small(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Params of a small job that no other test of this process has run."""
    angle = zlib.crc32(request.node.nodeid.encode()) / 2**32
    return {"pubs": [[text_of(3, angle), None, 200]]}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each job that was asked about was one that takes a moment."""
    seen: list[bool] = []
    momentary = Simulators.momentary

    def watched(self: Any, *arguments: Any, **more: Any) -> Any:
        work = momentary(self, *arguments, **more)
        seen.append(work is not None)
        return work

    monkeypatch.setattr(Simulators, "momentary", watched)
    return seen


@contextmanager
def serving(
    request: pytest.FixtureRequest, path: Path, change: Callable[[Settings], Settings]
) -> Iterator[Any]:
    caller = sys.modules[type(request.getfixturevalue("shared")).__module__].Caller
    database = str(path / "jobs.sqlite")
    with serve(
        [load_device("aer_simulator")],
        database=database,
        token="key",
        settings=lambda s: change(replace(s, workers=1)),
    ) as server:
        made = caller(server)
        with made.session:
            yield made


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
def test_a_job_done_at_once_is_one_like_others(
    processes: bool,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    at_once: list[bool],
    small: dict[str, Any],
) -> None:
    change = lambda s: replace(s, processes=processes)  # noqa: E731
    with serving(request, tmp_path, change) as call:
        session = call("POST", "/sessions", json=BATCH).json()["id"]
        jobs = []
        for _ in range(3):
            jobs.append(call.submit(params=small, session_id=session))
            assert call.wait(jobs[-1])["status"] == "Completed"
        private = call.submit(params=small, private=True)
        shown = [call.get(f"/jobs/{job}") for job in jobs]
        metrics = [call.get(f"/jobs/{job}/metrics")["timestamps"] for job in jobs]
        used = call.get(f"/sessions/{session}")
        listed = call.get("/jobs")
        hidden = call.get(f"/jobs/{private}")
    assert at_once == [False, True, True, True]
    for document, times in zip(shown, metrics, strict=True):
        assert document["status"] == "Completed"
        assert document["params"] == small
        assert document["usage"]["status"] == "complete"
        assert times["created"] <= times["running"] <= times["finished"]
    assert (used["state"], used["last_job_completed"] is not None) == ("active", True)
    assert listed["count"] == 4
    assert hidden["status"] == "Completed"
    assert "pubs" not in hidden.get("params", {})

    with serving(request, tmp_path, change) as again:
        results = [again("GET", f"/jobs/{job}/results").json() for job in jobs]
    assert [len(result["results"][0]["data"]["m000"]["samples"]) for result in results] == [200] * 3


def test_it_waits_for_its_turn_behind_others(
    request: pytest.FixtureRequest, tmp_path: Path, at_once: list[bool], small: dict[str, Any]
) -> None:
    with serving(request, tmp_path, lambda s: s) as call:
        for _ in range(2):
            call.wait(call.submit(params=small))
        assert at_once == [False, True]
        long = call.submit(params=LONG)
        small = call.submit(params=small)
        behind = call.get(f"/jobs/{small}")["status"]
        before = call.get(f"/jobs/{long}")["status"]
        call("POST", f"/jobs/{long}/cancel")
        after = call.wait(small)["status"]

    assert (before, behind, after) == ("Running", "Queued", "Completed")
    assert at_once == [False, True, False]  # who waits is not asked


def test_a_job_that_cannot_be_stored_is_refused_and_leaves_no_trace(
    request: pytest.FixtureRequest, tmp_path: Path, at_once: list[bool], small: dict[str, Any]
) -> None:
    with serving(request, tmp_path, lambda s: s) as call:
        session = call("POST", "/sessions", json=BATCH).json()["id"]
        first = call.submit(params=small, session_id=session)
        call.wait(first)
        connection = call.server._server._app.state.server.store.connection
        connection.execute("PRAGMA query_only=ON")
        body = {**BATCH, "program_id": "sampler", "params": small, "session_id": session}
        refused = call("POST", "/jobs", json=body)
        connection.execute("PRAGMA query_only=OFF")
        listed = [job["id"] for job in call.get("/jobs")["jobs"]]
        second = call.submit(params=small, session_id=session)

        assert refused.status_code == 507
        assert listed == [first]
        assert call.get(f"/jobs/{second}")["status"] == "Completed"
    assert at_once == [False, True, True]
