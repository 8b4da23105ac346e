"""The same behaviour wherever jobs are simulated: threads, processes, Dask in this process, a Dask cluster.

Threads keep what is light (``test_weight``); texts that are not canonical, as here, go on to processes.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import XGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import LocalNoisePass, NoiseModel

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.qasm.noise_model import dump_noise_model
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.devices.noise_passes import hold
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.server.settings import Settings
from qiskit_rest_primitives.server.workers import dask as cluster_module
from qiskit_rest_primitives.server.workers.dask import ClusterSimulators, local_workers, problem_of_place
from qiskit_rest_primitives.server.workers.dask_task import dump_outcome, load_outcome

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

    def __init__(self, directory: Path, wait_for: Any, port: str = "0") -> None:
        place = directory / f"scheduler-{port}.json"
        self._processes = [
            self._start("scheduler", "--host", "127.0.0.1", "--port", port, "--scheduler-file", str(place))
        ]
        wait_for(lambda: place.exists() and place.read_text(), "the scheduler")
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
def cluster(tmp_path_factory: pytest.TempPathFactory, wait_for: Any) -> Iterator[DaskCluster]:
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"), wait_for)
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


@pytest.mark.parametrize("kind", KINDS[1:])
def test_noise_of_the_users_own_code_acts_wherever_jobs_run(
    kind: str, ideal: Any, request: pytest.FixtureRequest
) -> None:
    """It is in this process only, not on the workers of a cluster (faults A6)."""
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.delay(1, 0)
    circuit.measure(0, 0)
    model = NoiseModel()
    model._custom_noise_passes.append(LocalNoisePass(lambda *_: XGate(), op_types=[XGate]))
    params = {"pubs": [[dump_circuit(circuit, circuit_format="qpy").wire, None, 50]]}
    option = {"options": {"simulator": {"noise_model": dump_noise_model(model, hold)}}}
    caller = sys.modules[type(request.getfixturevalue("shared")).__module__].Caller
    noisy = device_of(AerSimulator(noise_model=model, method="density_matrix"))
    noisy.configuration["backend_name"] = "noisy"
    with serve([ideal, noisy], settings=settings_of(kind, request)) as server:
        call = caller(server)
        for given, device, word in (
            (params, noisy, "0x0"),
            (params, ideal, "0x1"),
            (params | option, ideal, "0x0"),
        ):
            job = call.submit(params=given, backend=device.name)
            assert call.wait(job)["status"] == "Completed"
            samples = call.get(f"/jobs/{job}/results")["results"][0]["data"]["c"]["samples"]
            assert set(samples) == {word}
        call.session.close()


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
    """Both workers are busy for longer than any test may take."""
    jobs = [call.submit(params=ENDLESS_PARAMS), call.submit(params=ENDLESS_PARAMS)]
    for job in jobs:
        call.until(job, "Running")
    for job in jobs:
        assert call("POST", f"/jobs/{job}/cancel").status_code == 204
        assert call.get(f"/jobs/{job}")["status"] == "Cancelled"
    assert call.wait(call.submit())["status"] == "Completed"


def test_a_job_over_its_time_is_ended_with_1305_and_makes_room(call: Any) -> None:
    jobs = [call.submit(params=ENDLESS_PARAMS, cost=1) for _ in range(2)]

    for job in map(call.wait, jobs):
        assert (job["status"], job["state"]["reason_code"]) == ("Cancelled", 1305)
    # Faults C5: those that come next do not pay for the start of the processes that take the place of the killed ones.
    for _ in range(3):
        assert call.wait(call.submit(cost=2))["status"] == "Completed"


def test_a_task_of_the_cluster_whose_begin_was_never_heard_has_its_limit_all_the_same(
    monkeypatch: pytest.MonkeyPatch, ideal: Any, shared: Any
) -> None:
    """Faults C5: the word that a task begins may be lost, and its time limit must not be lost with it."""
    monkeypatch.setattr(cluster_module, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(ClusterSimulators, "_heard", lambda self, event: None)
    with serve([ideal], settings=lambda s: replace(s, workers=1, dask="local:1")) as server:
        call = type(shared)(server)
        job = call.wait(call.submit(params=ENDLESS_PARAMS, cost=1))

        assert (job["status"], job["state"]["reason_code"]) == ("Cancelled", 1305)


def test_a_circuit_that_claims_absurd_sizes_fails_with_a_reason(call: Any, greedy_circuit: Any) -> None:
    job = call.wait(call.submit(params={"pubs": [[greedy_circuit, None, 1]]}))

    assert job["status"] == "Failed"
    assert "cannot be read: it is cut off or damaged" in job["state"]["reason"]
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

    def is_worker(child: Any) -> bool:
        try:
            return "server.worker" in " ".join(child.cmdline())
        except psutil.NoSuchProcess:  # it has ended since it was listed
            return False

    return [child for child in psutil.Process(parent).children(recursive=True) if is_worker(child)]


def test_threads_start_a_process_only_for_what_is_not_light(ideal: Any, shared: Any) -> None:
    before = {child.pid for child in simulating(psutil.Process().pid)}
    with serve([ideal]) as server:
        caller = type(shared)(server)
        for text, processes in ((BELL, 0), (BELL.replace(";", " ;"), 1)):
            job = caller.submit(params={"pubs": [[text]]})
            assert caller.wait(job)["status"] == "Completed"
            mine = [child for child in simulating(psutil.Process().pid) if child.pid not in before]
            assert bool(mine) == bool(processes)  # and a spare one, where the task took a while
        caller.session.close()


def working(parent: int, before: set[int] = frozenset()) -> list[Any]:  # type: ignore[assignment]
    """Those of them that have worked for longer than one needs to come up."""
    return [c for c in simulating(parent) if c.pid not in before and c.cpu_times().user > 4]


@pytest.mark.parametrize("kind", ["threads", "processes", "dask local:2"])
def test_a_job_whose_process_dies_fails_with_a_reason(
    kind: str, request: pytest.FixtureRequest, ideal: Any, shared: Any, wait_for: Any
) -> None:
    me = psutil.Process().pid
    before = {child.pid for child in simulating(me)}
    with serve([ideal], settings=settings_of(kind, request)) as server:
        caller = type(shared)(server)
        job = caller.submit(params={"pubs": [[ENDLESS, None, 10]]})
        for child in wait_for(lambda: working(me, before), "a busy process"):
            child.kill()
        state = caller.wait(job)["state"]
        assert (state["status"], state["reason_code"]) == ("Failed", 9999)
        assert caller.wait(caller.submit())["status"] == "Completed"
        caller.session.close()


def test_a_job_whose_dask_worker_dies_runs_again_on_another(
    ideal: Any, shared: Any, tmp_path: Path, wait_for: Any
) -> None:
    cluster = DaskCluster(tmp_path, wait_for)
    try:
        with serve([ideal], settings=lambda s: replace(s, workers=2, dask=cluster.address)) as server:
            caller = type(shared)(server)
            job = caller.submit(params={"pubs": [[slow_circuit(80), None, 10]]})
            busy = wait_for(lambda: [it for it in cluster.workers if simulating(it.pid)], "a busy worker")
            busy[0].kill()
            busy[0].wait()
            assert caller.wait(job)["status"] == "Completed"
            caller.session.close()
    finally:
        cluster.stop()


def test_jobs_wait_for_a_cluster_that_is_away_and_run_in_order_when_it_is_back(
    ideal: Any, shared: Any, tmp_path: Path, wait_for: Any
) -> None:
    """Faults C22: one that ran when the connection was lost, and those that came while it was."""
    first = DaskCluster(tmp_path, wait_for)
    second = None
    try:
        with serve([ideal], settings=lambda s: replace(s, workers=1, dask=first.address)) as server:
            caller = type(shared)(server)
            jobs = [caller.submit(params=ENDLESS_PARAMS)]
            wait_for(lambda: [it for it in first.workers if working(it.pid)], "a busy worker")
            first.stop()
            jobs += [caller.submit() for _ in range(3)]
            caller.until(jobs[0], "Queued")
            assert [caller.get(f"/jobs/{job}")["status"] for job in jobs] == ["Queued"] * 4
            second = DaskCluster(tmp_path, wait_for, first.address.rpartition(":")[2])
            caller.until(jobs[0], "Running")
            assert caller("POST", f"/jobs/{jobs[0]}/cancel").status_code == 204
            assert [caller.wait(job)["status"] for job in jobs[1:]] == ["Completed"] * 3
            begun = [caller.get(f"/jobs/{job}/metrics")["timestamps"]["running"] for job in jobs]
            assert begun == sorted(begun)
            caller.session.close()
    finally:
        for cluster in filter(None, (first, second)):
            cluster.stop()


class Harmful:
    """What unpickling it would leave behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("unpickled",))


@pytest.mark.parametrize(
    "answer",
    [
        Harmful(),
        pickle.dumps(Harmful()),
        b"",
        b"\0\0\0\2[]",
        b"\0\0\0\2{}",
        b'\0\0\0\x0e{"failed": [1]}',
        b"\xff\xff\xff\xff{}",
        bytearray(b"\0\0\0\2{}"),
        "text",
        None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_cluster_answers_bytes_that_are_read_without_unpickling(
    answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faults C22: results of the cluster."""
    with pytest.raises(TaskFailed, match="something that is no result"):
        load_outcome(answer)
    assert capsys.readouterr().out == ""


def test_outcomes_and_failures_survive_the_way_from_the_cluster() -> None:
    outcome = JobOutput(b'{"results": []}', 0.25, 3)

    assert load_outcome(dump_outcome(outcome)) == outcome
    with pytest.raises(TaskFailed) as caught:
        load_outcome(dump_outcome(TaskFailed("a reason", 1603, "a remedy")))
    assert (caught.value.reason, caught.value.code, caught.value.solution) == ("a reason", 1603, "a remedy")


@pytest.mark.parametrize(
    ("place", "plain", "fine"),
    [
        ("local:2", False, True),
        ("tcp://127.0.0.1:8786", False, True),
        ("tcp://localhost:8786", False, True),
        ("tcp://[::1]:8786", False, True),
        ("tls://cluster.example:8786", False, True),
        ("wss://cluster.example:8786", False, True),
        ("tcp://192.0.2.7:8786", False, False),
        ("tcp://cluster.example:8786", False, False),
        ("tcp://127.0.0.1.example:8786", False, False),
        ("tcp://127.0.0.1@192.0.2.7:8786", False, False),
        ("tcp://0.0.0.0:8786", False, False),
        ("ws://192.0.2.7:8786", False, False),
        ("ucx://192.0.2.7:8786", False, False),
        ("tcp://192.0.2.7:8786", True, True),
    ],
)
def test_a_cluster_elsewhere_needs_tls_or_a_word(place: str, *, plain: bool, fine: bool) -> None:
    """Faults C22: Dask's own protocol unpickles what comes in."""
    assert (problem_of_place(place, plain=plain) is None) == fine
    if not fine:
        with pytest.raises(ValueError, match="could run code here"):
            ClusterSimulators({}, workers=1, place=place)


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
    monkeypatch.setattr("qiskit_rest_primitives.server.workers.dask.CONNECT_SECONDS", 0.5)

    with pytest.raises(RuntimeError, match="did not start"):
        serve([ideal], settings=lambda s: replace(s, dask="tcp://127.0.0.1:9"))
