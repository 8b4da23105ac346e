"""The same behaviour wherever jobs are simulated: threads, processes, Dask in this process, a Dask cluster.

Threads keep what is light (``test_weight``); texts that are not canonical, as here, go on to processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.engine import execute
from qiskit_rest_primitives.server.settings import Settings
from qiskit_rest_primitives.server.workers.cluster import local_workers
from qiskit_rest_primitives.wire.circuits import dump_circuit

psutil = pytest.importorskip("psutil", reason="pip install 'dask[distributed]' to test the cluster")
pytest.importorskip("distributed", reason="pip install 'dask[distributed]' to test the cluster")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of a cluster that was killed
]

KINDS = ("threads", "processes", "dask local:2", "dask cluster")
WIDTH = 22


def slow_circuit(layers: int) -> str:
    gates = "".join(
        f"ry(0.{k + 1}) q[{k % WIDTH}]; cx q[{k % WIDTH}], q[{(k + 1) % WIDTH}];" for k in range(layers)
    )
    return f'OPENQASM 3.0; include "stdgates.inc"; bit[{WIDTH}] c; qubit[{WIDTH}] q; {gates} c = measure q;'


BELL = """OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c[0] = measure q[0];
c[1] = measure q[1];
"""
ENDLESS = slow_circuit(4000)


class DaskCluster:
    """A scheduler and two workers in processes of their own."""

    def __init__(self, directory: Path) -> None:
        place = directory / "scheduler.json"
        self._processes = [self._start("scheduler", "--port", "0", "--scheduler-file", str(place))]
        deadline = time.monotonic() + 30
        while not place.exists() or not place.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.address = json.loads(place.read_text())["address"]
        self.workers = [
            self._start(
                "worker", self.address, "--nthreads", "1", "--no-nanny", "--local-directory", str(directory)
            )
            for _ in range(2)
        ]

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        for process in (*self.workers, *self._processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.stop()


def settings_of(kind: str, request: pytest.FixtureRequest) -> Callable[[Settings], Settings]:
    if kind == "dask cluster":
        return lambda s: replace(s, workers=2, dask=request.getfixturevalue("cluster").address)
    if kind.startswith("dask"):
        return lambda s: replace(s, workers=2, dask="local:2")
    return lambda s: replace(s, workers=2, processes=kind == "processes")


@pytest.fixture(scope="module", params=KINDS)
def call(request: pytest.FixtureRequest, ideal: Any, heron: Any) -> Iterator[Any]:
    """A caller of a server whose jobs run on one kind of executor."""
    change = settings_of(request.param, request)
    caller = sys.modules[type(request.getfixturevalue("shared")).__module__].Caller
    with serve([ideal, heron], settings=lambda s: replace(change(s), seed=7, job_bytes=10**9)) as server:
        made = caller(server)
        made.kind = request.param
        yield made
        made.session.close()


ENDLESS_PARAMS = {"pubs": [[ENDLESS, None, 10]]}


def test_jobs_run_and_results_come(call: Any) -> None:
    for backend in ("aer_simulator", "local_heron"):
        text = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c[0] = measure q[0];'
        job = call.submit(params={"pubs": [[text, None, 100]]}, backend=backend)
        assert call.wait(job)["status"] == "Completed"
        samples = call.get(f"/jobs/{job}/results")["results"][0]["data"]["c"]["samples"]
        assert samples.count("0x1") > 80


def test_failures_carry_their_reason(call: Any) -> None:
    job = call.wait(call.submit(params={"pubs": [["nonsense"]]}))

    assert (job["status"], job["state"]["reason_code"]) == ("Failed", 1603)


def test_a_canonical_circuit_gives_what_its_seed_says_everywhere(call: Any, ideal: Any) -> None:
    circuit = QuantumCircuit(3)
    circuit.ry(0.7, range(3))
    circuit.measure_all()
    params = {
        "pubs": [[dump_circuit(circuit).wire, None, 50]],
        "options": {"simulator": {"seed_simulator": 0}},
    }

    job = call.submit(params=params)

    assert call.wait(job)["status"] == "Completed"
    expected = json.loads(execute("sampler", json.dumps(params).encode(), ideal).body)
    data = [found["results"][0]["data"] for found in (call.get(f"/jobs/{job}/results"), expected)]
    assert data[0] == data[1]


def test_a_cancelled_simulation_makes_room_and_its_process_ends(call: Any) -> None:
    jobs = [call.submit(params=ENDLESS_PARAMS), call.submit(params=ENDLESS_PARAMS)]
    for job in jobs:
        call.until(job, "Running")
    time.sleep(0.3)  # until the simulation itself runs, not only its process
    began = time.monotonic()
    for job in jobs:
        assert call("POST", f"/jobs/{job}/cancel").status_code == 204
        assert call.get(f"/jobs/{job}")["status"] == "Cancelled"
    assert call.wait(call.submit())["status"] == "Completed"
    assert time.monotonic() - began < 15


def test_a_job_over_its_time_is_ended_with_1305_and_makes_room(call: Any) -> None:
    jobs = [call.submit(params=ENDLESS_PARAMS, cost=1) for _ in range(2)]

    for job in map(call.wait, jobs):
        assert (job["status"], job["state"]["reason_code"]) == ("Cancelled", 1305)
    assert call.wait(call.submit())["status"] == "Completed"


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="processes are limited on Linux only; run it there"
)
def test_a_job_that_needs_too_much_memory_fails_with_a_reason(call: Any, greedy_circuit: Any) -> None:
    job = call.wait(call.submit(params={"pubs": [[greedy_circuit, None, 1]]}))

    assert job["status"] == "Failed"
    assert "needs more memory than the 1000 MB" in job["state"]["reason"]
    assert call.wait(call.submit())["status"] == "Completed"


def test_the_seed_of_the_server_repeats_what_it_ran(
    call: Any, request: pytest.FixtureRequest, ideal: Any
) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; bit[9] c; qubit[9] q; h q; c = measure q;'

    def samples(caller: Any) -> list[Any]:
        found = []
        for _ in range(2):
            job = caller.submit(params={"pubs": [[text, None, 20]]})
            assert caller.wait(job)["status"] == "Completed"
            found.append(caller.get(f"/jobs/{job}/results")["results"][0]["data"]["c"]["samples"])
        return found

    change = settings_of(call.kind, request)
    runs = []
    for _ in range(2):
        with serve([ideal], settings=lambda s: replace(change(s), seed=3)) as server:
            caller = type(call)(server)
            runs.append(samples(caller))
            caller.session.close()
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


def simulating(parent: int) -> list[Any]:
    """The processes below another one that simulate."""
    return [
        child
        for child in psutil.Process(parent).children(recursive=True)
        if "server.worker" in " ".join(child.cmdline())
    ]


def test_threads_start_a_process_only_for_what_is_not_light(ideal: Any, shared: Any) -> None:
    before = {child.pid for child in simulating(psutil.Process().pid)}
    with serve([ideal]) as server:
        caller = type(shared)(server)
        for text, processes in ((BELL, 0), (BELL.replace(";", " ;"), 1)):
            job = caller.submit(params={"pubs": [[text]]})
            assert caller.wait(job)["status"] == "Completed"
            mine = [child for child in simulating(psutil.Process().pid) if child.pid not in before]
            assert len(mine) == processes
        caller.session.close()


@pytest.mark.parametrize("kind", ["threads", "processes", "dask local:2"])
def test_a_job_whose_process_dies_fails_with_a_reason(
    kind: str, request: pytest.FixtureRequest, ideal: Any, shared: Any
) -> None:
    before = {child.pid for child in simulating(psutil.Process().pid)}
    with serve([ideal], settings=settings_of(kind, request)) as server:
        caller = type(shared)(server)
        job = caller.submit(params={"pubs": [[ENDLESS, None, 10]]})
        caller.until(job, "Running")
        deadline = time.monotonic() + 10
        while not (mine := [c for c in simulating(psutil.Process().pid) if c.pid not in before]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for child in mine:
            child.kill()
        state = caller.wait(job)["state"]
        assert (state["status"], state["reason_code"]) == ("Failed", 9999)
        assert caller.wait(caller.submit())["status"] == "Completed"
        caller.session.close()


def test_a_job_whose_dask_worker_dies_runs_again_on_another(ideal: Any, shared: Any, tmp_path: Path) -> None:
    cluster = DaskCluster(tmp_path)
    try:
        with serve([ideal], settings=lambda s: replace(s, workers=2, dask=cluster.address)) as server:
            caller = type(shared)(server)
            job = caller.submit(params={"pubs": [[slow_circuit(80), None, 10]]})
            deadline = time.monotonic() + 20
            while not (busy := [item for item in cluster.workers if simulating(item.pid)]):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            busy[0].kill()
            busy[0].wait()
            caller.get(f"/jobs/{job}", headers={"Prefer": "wait=18"})
            assert caller.wait(job, seconds=18)["status"] == "Completed"
            caller.session.close()
    finally:
        cluster.stop()


def test_a_cluster_that_is_lost_fails_jobs_instead_of_losing_them(
    ideal: Any, shared: Any, tmp_path: Path
) -> None:
    cluster = DaskCluster(tmp_path)
    with serve([ideal], settings=lambda s: replace(s, workers=1, dask=cluster.address)) as server:
        caller = type(shared)(server)
        job = caller.submit(params={"pubs": [[ENDLESS, None, 10]]})
        caller.until(job, "Running")
        cluster.stop()
        assert caller.wait(job, seconds=18)["status"] == "Failed"
        caller.session.close()


def test_a_local_cluster_opens_no_socket_to_the_world(ideal: Any, shared: Any) -> None:
    def listening() -> set[tuple[str, int]]:
        found = psutil.Process().net_connections("inet")
        return {tuple(it.laddr) for it in found if it.status == psutil.CONN_LISTEN}

    before = listening()
    with serve([ideal], settings=lambda s: replace(s, dask="local:2")) as server:
        caller = type(shared)(server)
        caller.wait(caller.submit())
        opened = listening() - before
        caller.session.close()
    assert opened == {("127.0.0.1", int(server.endpoint.iam_url.rpartition(":")[2]))}


@pytest.mark.parametrize("place", ["local", "local:0", "local:x", "host:8786", "http://host"])
def test_a_place_that_is_no_cluster_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match=r"should be|neither"):
        local_workers(place)


def test_a_cluster_that_cannot_be_reached_keeps_the_server_from_starting(
    ideal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qiskit_rest_primitives.server.workers.cluster.CONNECT_SECONDS", 0.5)

    with pytest.raises(RuntimeError, match="did not start"):
        serve([ideal], settings=lambda s: replace(s, dask="tcp://127.0.0.1:9"))
