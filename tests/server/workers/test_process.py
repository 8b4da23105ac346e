"""Worker processes: tasks, errors, death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.server.devices.device import Device, device_of
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.workers import process as worker_module
from qiskit_rest_primitives.server.workers import subprocesses, tasks
from qiskit_rest_primitives.server.workers.pool import Simulators
from qiskit_rest_primitives.server.workers.process import WorkerDied, WorkerProcess
from qiskit_rest_primitives.server.workers.subprocesses import default_bytes
from qiskit_rest_primitives.server.workers.tasks import DaemonThreads

TEXT = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c = measure q;'
PARAMS = json.dumps({"pubs": [[TEXT, None, 3]]}).encode()


@pytest.fixture
def worker(ideal: Device) -> Iterator[WorkerProcess]:
    worker = WorkerProcess({"aer_simulator": ideal})
    yield worker
    worker.close()


def test_a_worker_runs_tasks_and_passes_on_their_errors(worker: WorkerProcess) -> None:
    outcome = worker.execute("sampler", PARAMS, "aer_simulator")

    assert json.loads(outcome.body)["results"][0]["data"]["c"]["samples"] == ["0x1"] * 3
    with pytest.raises(TaskFailed) as failed:
        worker.execute("sampler", b'{"pubs": [["nonsense"]]}', "aer_simulator")
    assert 1000 <= failed.value.code <= 9999
    with pytest.raises(KeyError):
        worker.execute("sampler", PARAMS, "no such device")
    assert worker.execute("sampler", PARAMS, "aer_simulator").circuits == 1


def test_threads_of_workers_do_not_spin_unless_they_are_told_to(
    ideal: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    for told, policy in ((None, "passive"), ("active", "active")):
        if told:
            monkeypatch.setenv("OMP_WAIT_POLICY", told)
        with closing(WorkerProcess({ideal.name: ideal})) as made:
            made.execute("sampler", PARAMS, ideal.name)  # so that it has begun
            assert psutil.Process(made._process.pid).environ()["OMP_WAIT_POLICY"] == policy


def test_a_killed_worker_is_noticed_by_who_waits_for_it(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerDied):
        worker.execute("sampler", PARAMS, "aer_simulator", begun=worker.kill)
    assert not worker.alive
    with pytest.raises(WorkerDied):
        worker.execute("sampler", PARAMS, "aer_simulator")


SMALL = 500_000_000


def _entangled(width: int) -> str:
    gates = "".join(f"ry(0.3) q[{k}]; cx q[{k}], q[{k + 1}];" for k in range(width - 1))
    return f'OPENQASM 3.0; include "stdgates.inc"; bit[{width}] c; qubit[{width}] q; {gates} c = measure q;'


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="processes are limited on Linux only; run it there"
)
@pytest.mark.parametrize(
    ("what", "reason"),
    [("lying counts", "cannot be read: it is cut off"), ("too wide", "needs more memory than")],
)
def test_a_job_that_needs_more_memory_than_it_may_take_fails_and_the_next_one_runs(
    what: str, reason: str, greedy_circuit: Any
) -> None:
    circuit = greedy_circuit if what == "lying counts" else _entangled(28)
    exact = device_of(AerSimulator(method="statevector"))
    simulators = Simulators({"exact": exact}, workers=1, memory=SMALL)
    try:
        for _ in range(2):
            greedy = simulators.submit(
                "sampler", json.dumps({"pubs": [[circuit, None, 1]]}).encode(), "exact"
            )
            with pytest.raises(TaskFailed, match=reason):
                greedy.result(600)
            assert simulators.submit("sampler", PARAMS, "exact").result(600).circuits == 1
    finally:
        simulators.shutdown(wait=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals; run it elsewhere")
def test_a_worker_that_aborts_like_one_without_memory_says_so(worker: WorkerProcess) -> None:
    params = json.dumps({"pubs": [[_endless(), None, 1]]}).encode()

    with pytest.raises(WorkerDied, match=r"ended unexpectedly\. Perhaps .* needs more memory than"):
        worker.execute(
            "sampler",
            params,
            "aer_simulator",
            begun=lambda: os.kill(worker._process.pid, signal.SIGABRT),
        )


def test_a_result_that_is_too_large_to_keep_fails_its_job(
    ideal: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LARGEST_RESULT", 10_000)

    assert tasks.execute("sampler", PARAMS, ideal).circuits == 1
    with pytest.raises(TaskFailed, match="more than the 10000 that this server keeps"):
        tasks.execute("sampler", json.dumps({"pubs": [[TEXT, None, 10_000]]}).encode(), ideal)


def test_the_default_leaves_the_machine_some_memory() -> None:
    most = default_bytes()

    assert most is None or 0 < most < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_aborting_a_task_leaves_room_for_the_next(ideal: Device) -> None:
    simulators = Simulators({"aer_simulator": ideal}, workers=1, processes=True)
    try:
        first: Future[JobOutput] = simulators.submit("sampler", PARAMS, "aer_simulator")
        time.sleep(0.1)  # the process is still being started
        simulators.abort(first)
        second = simulators.submit("sampler", PARAMS, "aer_simulator")

        with pytest.raises(WorkerDied):
            first.result(600)
        assert second.result(600).circuits == 1
    finally:
        simulators.shutdown(wait=True)


def test_a_task_begins_when_its_process_is_up_and_only_then(
    ideal: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults C5: what a worker needs to come up is not the task's time."""
    monkeypatch.setattr(subprocesses, "_START", "import time; time.sleep(0.7); " + subprocesses._START)
    events: list[tuple[str, float]] = []
    with closing(WorkerProcess({ideal.name: ideal})) as slow:
        events.append(("made", time.monotonic()))
        for name in ("first", "second"):
            slow.execute(
                "sampler",
                PARAMS,
                ideal.name,
                begun=lambda name=name: events.append((name, time.monotonic())),  # type: ignore[misc]
            )

    assert [name for name, _ in events] == ["made", "first", "second"]
    assert events[1][1] - events[0][1] > 0.7


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals; run it elsewhere")
@pytest.mark.parametrize("number", ["SIGSTOP", "SIGKILL"])
def test_an_idle_process_that_is_stopped_or_dead_is_replaced(
    number: str, ideal: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults C14: the next job does not wait for a process that never answers, whatever its limit."""
    monkeypatch.setattr(worker_module, "ANSWER_SECONDS", 0.5)
    simulators = Simulators({ideal.name: ideal}, workers=1)
    begun: list[int] = []
    try:
        for round_ in range(2):
            before = {child.pid for child in psutil.Process().children()}
            task = simulators.submit(
                "sampler",
                PARAMS,
                ideal.name,
                begun=lambda round_=round_: begun.append(round_),  # type: ignore[misc]
            )
            assert task.result(600).circuits == 1
            if round_ == 0:
                for worker in simulators._processes._idle:
                    # A spare one that is not up yet may take its time, which is no silence.
                    os.kill(worker._process.pid, getattr(signal, number if worker._up else "SIGKILL"))
                    os.waitid(os.P_PID, worker._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert {child.pid for child in psutil.Process().children()} - before
    finally:
        simulators.shutdown(wait=True)
    assert begun == [0, 1]


def test_a_process_is_spare_before_a_long_task_is_stopped(ideal: Device, wait_for: Any) -> None:
    """Faults C5: the task after one that was stopped finds a process that is up or coming up."""
    simulators = Simulators({ideal.name: ideal}, workers=1, processes=False)
    began = threading.Event()
    try:
        params = json.dumps({"pubs": [[_endless(), None, 1]]}).encode()
        long = simulators.submit("sampler", params, ideal.name, begun=began.set)
        assert began.wait(600)
        wait_for(lambda: bool(simulators._processes._idle), "a spare process")
        spare = simulators._processes._idle[0]
        simulators.abort(long)
        with pytest.raises(WorkerDied):
            long.result(600)
        assert simulators.submit("sampler", PARAMS, ideal.name).result(600).circuits == 1
        assert simulators._processes._idle == [spare]
    finally:
        simulators.shutdown(wait=True)


def _endless() -> str:
    return (
        'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c[0] = measure q[0]; '
        "while (c[0]) { x q[0]; x q[0]; c[0] = measure q[0]; }"
    )


def test_threads_run_several_tasks_and_report_errors() -> None:
    threads = DaemonThreads(2)
    together = threading.Barrier(2, timeout=600)
    calls: list[Future[Any]] = [threads.submit(together.wait) for _ in range(2)]
    broken = threads.submit(lambda: 1 / 0)

    assert sorted(call.result(600) for call in calls) == [0, 1]
    with pytest.raises(ZeroDivisionError):
        broken.result(600)
    threads.shutdown(wait=True)


# A busy process with a server: 24 qubits, 4800 gates, minutes of work that never looks at its pipes.
LONG_JOB = """
import json
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.workers.process import WorkerProcess

gates = "".join(f"ry(0.{k + 1}) q[{k}]; cx q[{k}], q[{(k + 1) % 24}];" for k in range(24)) * 100
text = 'OPENQASM 3.0; include "stdgates.inc"; bit[24] c; qubit[24] q;' + gates + "c = measure q;"
worker = WorkerProcess({"aer_simulator": load_device("aer_simulator")})
short = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; c = measure q;'
worker.execute("sampler", json.dumps({"pubs": [[short, None, 1]]}).encode(), "aer_simulator")
body = json.dumps({"pubs": [[text, None, 1]]}).encode()
worker.execute(
    "sampler", body, "aer_simulator", begun=lambda: print(worker._process.pid, flush=True)
)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="only Linux tells a process that its parent is gone; run it there",
)
def test_a_busy_worker_dies_with_its_killed_server(wait_for: Any) -> None:
    with subprocess.Popen([sys.executable, "-c", LONG_JOB], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        process = int(server.stdout.readline())
        assert Path(f"/proc/{process}").exists()
        server.kill()

    wait_for(lambda: not _alive(process), "its end")


def _alive(process: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
