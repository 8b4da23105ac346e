"""``RuntimeJobV2``: how a job stands, what it gives, and every way in which it can give nothing."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import os
import pickle
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.primitives import BasePrimitiveJob, PrimitiveResult

from qiskit_rest_primitives import (
    EstimatorV2,
    IBMBackend,
    IBMInputValueError,
    JobError,
    QiskitRuntimeService,
    ResultDecodeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobTimeoutError,
    RuntimeJobV2,
    SamplerV2,
    Session,
    as_completed,
)
from qiskit_rest_primitives.jobs import result as job_result
from qiskit_rest_primitives.jobs.status import explain, job_status, require_success
from qiskit_rest_primitives.wire import jsonio
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.models import JobRecord
from qiskit_rest_primitives.wire.typed import RuntimeDecoder


@pytest.fixture(scope="module")
def backend(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


@pytest.fixture(autouse=True)
def newcomer(backend: IBMBackend) -> None:
    """Each test begins as one who has asked for no result yet, whatever tests came before."""
    backend.api.submissions._habit.unasked = None


@pytest.fixture
def staged(directed: Any) -> IBMBackend:
    return directed.backend("aer_simulator")


@pytest.fixture
def coin() -> QuantumCircuit:
    circuit = QuantumCircuit(1, name="coin", metadata={"side": "heads"})
    circuit.h(0)
    circuit.measure_all()
    return circuit


def counts(result: Any) -> list[dict[str, dict[str, int]]]:
    return [{name: bits.get_counts() for name, bits in pub.data.items()} for pub in result]


# -- what a job says about itself -------------------------------------------------------------------------------------


def test_a_job_is_a_primitive_job_that_knows_what_it_is(backend: IBMBackend, coin: QuantumCircuit) -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=5)
    with Session(backend) as session:
        job = SamplerV2(mode=session, options={"environment": {"job_tags": ["a", "b"]}}).run([coin])

    assert isinstance(job, BasePrimitiveJob)
    assert job.primitive_id == "sampler"
    assert job.session_id == session.session_id
    assert job.tags == ["a", "b"]
    assert job.backend() is backend
    assert job.instance == backend.service.active_instance()
    assert job.private is False
    assert job.image == ""
    assert before < job.creation_date < datetime.now(timezone.utc) + timedelta(seconds=5)
    assert job.job_id() in repr(job)
    assert set(job.usage_estimation) == {"quantum_seconds"}


def test_a_finished_job_says_so_in_every_way_and_is_not_asked_again(
    backend: IBMBackend, coin: QuantumCircuit, traffic: list[str]
) -> None:
    job = SamplerV2(mode=backend).run([coin])
    job.wait_for_final_state(timeout=600)
    traffic.clear()

    assert job.status() == "DONE"
    assert (job.done(), job.in_final_state(), job.is_final) == (True, True, True)
    assert (job.running(), job.cancelled(), job.errored()) == (False, False, False)
    assert job.error_message() is None
    assert traffic == []


def test_figures_and_logs(backend: IBMBackend, coin: QuantumCircuit) -> None:
    job = SamplerV2(mode=backend).run([coin])
    job.result()
    metrics = job.metrics()

    assert set(metrics["timestamps"]) >= {"created", "running", "finished"}
    assert job.usage() == job.usage(partial=True) == metrics["usage"]["qpu_charge_time_seconds"]
    assert isinstance(job.logs(), str)
    assert job.properties() is None


def test_submitting_asks_nothing_about_usage_and_each_question_about_it_is_one_request(
    backend: IBMBackend, coin: QuantumCircuit, traffic: list[str]
) -> None:
    traffic.clear()
    job = SamplerV2(mode=backend).run([coin])
    submitted = traffic.copy()
    job.wait_for_final_state()
    asked = []
    for ask in (job.usage, job.metrics, backend.service.usage):
        traffic.clear()
        ask()
        asked += traffic

    assert [line.split(" 2")[0] for line in submitted] == ["POST /jobs"]
    assert asked == [f"GET /jobs/{job.job_id()}/metrics 200"] * 2 + ["GET /instances/usage 200"]


def test_the_calibration_of_the_jobs_time_is_at_hand(service: Any) -> None:
    device = service.backend("local_heron")
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    circuit.measure_all()
    job = SamplerV2(mode=device).run([circuit], shots=10)
    job.result()
    properties = job.properties()

    assert properties is not None
    assert properties.backend_name == "local_heron"


def test_tags_are_replaced_by_one_request_and_the_reserved_one_stays(
    backend: IBMBackend, coin: QuantumCircuit, traffic: list[str]
) -> None:
    job = SamplerV2(mode=backend, options={"environment": {"job_tags": ["old"]}}).run([coin])
    traffic.clear()

    assert job.update_tags(["new", "newer", "new"]) == ["new", "newer"]
    assert traffic == [f"PUT /jobs/{job.job_id()}/tags 204"]
    assert job.tags == ["new", "newer"]
    assert backend.service.job(job.job_id()).tags == ["new", "newer"]
    assert len(job.api.job(job.job_id()).tags) == 3
    assert job.update_tags([]) == []
    for wrong in ("new", [1], ["x" * 87], [""], [str(k) for k in range(9)]):
        with pytest.raises(IBMInputValueError):
            job.update_tags(wrong)


# -- results ----------------------------------------------------------------------------------------------------------


def test_run_and_result_cost_two_requests_once_the_service_is_known_to_hold_answers(
    backend: IBMBackend, coin: QuantumCircuit, traffic: list[str]
) -> None:
    SamplerV2(mode=backend).run([coin]).wait_for_final_state(timeout=600)
    traffic.clear()
    job = SamplerV2(mode=backend).run([coin])
    result = job.result()

    where = f"/jobs/{job.job_id()}"
    assert traffic == ["POST /jobs 200", f"GET {where}/results 200"]
    assert job.result() is result
    assert job.result(timeout=0) is result
    assert job.status() == "DONE"
    assert len(traffic) == 2
    again = job.result(refresh=True)
    assert again is not result
    assert counts(again) == counts(result)


def test_the_first_result_of_an_unknown_service_costs_a_question_more(
    directed: Any, coin: QuantumCircuit, traffic: list[str]
) -> None:
    sampler = SamplerV2(mode=directed.backend("aer_simulator"))
    traffic.clear()
    for requests in (3, 2):
        sampler.run([coin]).result(timeout=600)
        assert len(traffic) == requests
        traffic.clear()


def test_waiting_for_the_result_itself_sees_every_other_end(
    directed: Any, director: Any, coin: QuantumCircuit
) -> None:
    sampler = SamplerV2(mode=directed.backend("aer_simulator"))
    sampler.run([coin]).result(timeout=600)
    director.fail("too hot")
    with pytest.raises(RuntimeJobFailureError, match="too hot"):
        sampler.run([coin]).result(timeout=600)
    director.hold()
    job = sampler.run([coin])
    threading.Timer(0.2, job.cancel).start()
    with pytest.raises(RuntimeInvalidStateError, match="was cancelled"):
        job.result(timeout=600)
    director.hold()
    job = sampler.run([coin])
    start = time.monotonic()
    with pytest.raises(RuntimeJobTimeoutError, match=r"after 1\.5 s"):
        job.result(timeout=1.5)
    assert time.monotonic() - start > 1.3
    assert not job.in_final_state()


def test_many_threads_get_the_same_object_from_one_download(
    backend: IBMBackend, coin: QuantumCircuit, traffic: list[str]
) -> None:
    job = SamplerV2(mode=backend).run([coin])
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: job.result(timeout=600), range(8)))

    assert all(result is results[0] for result in results)
    assert sum(line.startswith("GET") and "/results" in line for line in traffic) == 1


def test_a_job_can_be_awaited(backend: IBMBackend, coin: QuantumCircuit) -> None:
    async def both() -> list[Any]:
        jobs = [SamplerV2(mode=backend).run([coin]) for _ in range(2)]
        return [await job for job in jobs]

    assert all(isinstance(result, PrimitiveResult) for result in asyncio.run(both()))


def test_a_job_found_by_id_gives_an_equal_result(backend: IBMBackend) -> None:
    qubits = QuantumRegister(3, "work")
    first, second = ClassicalRegister(2, "gate"), ClassicalRegister(1, "c1")
    circuit = QuantumCircuit(qubits, first, second, metadata={"k": 1})
    theta = Parameter("theta")
    circuit.rx(2 * theta, 0)
    circuit.h(2)
    circuit.measure([0, 1], first)
    circuit.measure(2, second)
    job = SamplerV2(mode=backend).run([(circuit, [[0.3], [0.4]]), (circuit, [0.5], 77)])
    here = job.result()
    found = backend.service.job(job.job_id())
    there = found.result()

    assert counts(there) == counts(here)
    assert [pub.data.shape for pub in there] == [pub.data.shape for pub in here] == [(2,), ()]
    assert [pub.metadata for pub in there] == [pub.metadata for pub in here]
    assert list(there[0].data) == ["gate", "c1"]
    assert there[0].metadata["circuit_metadata"] == {"k": 1}


def test_an_estimator_job_found_by_id_gives_an_equal_result(
    backend: IBMBackend, coin: QuantumCircuit
) -> None:
    plain = coin.remove_final_measurements(inplace=False)
    job = EstimatorV2(mode=backend).run([(plain, ["Z", "X"])], precision=0.1)
    here, there = job.result()[0], backend.service.job(job.job_id()).result()[0]

    assert (there.data.evs == here.data.evs).all()
    assert (there.data.stds == here.data.stds).all()
    assert there.data.evs.shape == (2,)
    assert there.metadata == here.metadata


def test_plain_results_decode_without_and_with_the_submitting_job(
    backend: IBMBackend, coin: QuantumCircuit
) -> None:
    sampler = SamplerV2(mode=backend, options={"support_qiskit": False})
    job = sampler.run([coin], shots=50)

    assert counts(job.result()) == counts(backend.service.job(job.job_id()).result())
    assert job.result()[0].data.meas.num_shots == 50


def test_a_decoder_of_ones_own_reads_the_text(backend: IBMBackend, coin: QuantumCircuit) -> None:
    class Keys:
        @classmethod
        def decode(cls, data: str) -> Any:
            return sorted(json.loads(data))

    class Count:
        @classmethod
        def is_applicable(cls, data: Any) -> bool:
            return isinstance(data, list)

        @classmethod
        def decode(cls, data: Any) -> Any:
            return len(data)

    job = SamplerV2(mode=backend, options={"support_qiskit": False}).run([coin])

    assert "results" in job.result(decoder=Keys)
    assert job.result(decoder=[Keys, Count]) >= 1
    assert isinstance(job.result(), PrimitiveResult)


def test_inputs_are_given_back_as_qiskit_objects(backend: IBMBackend, coin: QuantumCircuit) -> None:
    job = SamplerV2(mode=backend, options={"default_shots": 123}).run([(coin, None, 12)])
    inputs = backend.service.job(job.job_id()).inputs
    circuit, values, shots = inputs["pubs"][0]

    assert isinstance(circuit, QuantumCircuit)
    assert circuit.metadata == {"side": "heads"}
    assert [register.name for register in circuit.cregs] == ["meas"]
    assert values is None
    assert shots == 12
    assert inputs["options"]["default_shots"] == 123


def test_copies_and_pickles_are_the_same_job(backend: IBMBackend, coin: QuantumCircuit) -> None:
    job = SamplerV2(mode=backend).run([coin])
    assert copy.deepcopy(job) is job
    fresh = pickle.loads(pickle.dumps(job))
    assert counts(fresh.result()) == counts(job.result())
    done = pickle.dumps(job)
    token = backend.service.active_account()["token"]
    assert token.encode() not in done
    assert counts(pickle.loads(done).result()) == counts(job.result())


# -- jobs that give nothing -------------------------------------------------------------------------------------------


def test_a_failed_job_tells_the_reason_the_advice_and_the_id(
    staged: IBMBackend, director: Any, coin: QuantumCircuit
) -> None:
    """Fault D (texts of results): one line that says which job, why, and what to do."""
    director.fail("The instruction h on qubits (0,) is not supported.", 1517, "Transpile the circuit.")
    job = SamplerV2(mode=staged).run([coin])

    with pytest.raises(RuntimeJobFailureError) as caught:
        job.result(timeout=600)
    message = str(caught.value)
    reason = "The instruction h on qubits (0,) is not supported. Transpile the circuit."
    assert message == f"Job {job.job_id()} failed (code 1517): {reason}"
    assert (caught.value.job_id, caught.value.reason_code) == (job.job_id(), 1517)
    assert isinstance(caught.value, JobError)
    assert (job.status(), job.errored(), job.in_final_state()) == ("ERROR", True, True)
    assert job.error_message() == message


def test_a_cancelled_job_has_no_result(staged: IBMBackend, director: Any, coin: QuantumCircuit) -> None:
    director.hold()
    job = SamplerV2(mode=staged).run([coin])
    job.cancel()

    assert job.cancelled()
    assert job.in_final_state()
    with pytest.raises(RuntimeInvalidStateError) as caught:  # fault D (texts of results)
        job.result(timeout=600)
    assert str(caught.value).startswith(f"Job {job.job_id()} was cancelled, so it has no result.")
    assert "\n" not in str(caught.value)
    assert caught.value.job_id == job.job_id()
    assert job.error_message() is None


def test_a_finished_job_cannot_be_cancelled(backend: IBMBackend, coin: QuantumCircuit) -> None:
    job = SamplerV2(mode=backend).run([coin])
    job.result()

    with pytest.raises(RuntimeInvalidStateError) as caught:
        job.cancel()
    assert caught.value.job_id == job.job_id()
    assert job.status() == "DONE"


def test_a_job_over_its_time_limit_is_a_max_timeout(
    staged: IBMBackend, director: Any, coin: QuantumCircuit
) -> None:
    director.hold()
    job = SamplerV2(mode=staged, options={"max_execution_time": 1}).run([coin])

    with pytest.raises(RuntimeJobMaxTimeoutError, match=r"time limit of 1 s \(code 1305\)") as caught:
        job.result(timeout=600)
    assert caught.value.job_id == job.job_id()
    assert job.status() == "ERROR"


@pytest.mark.parametrize("ask", ["result", "wait_for_final_state"])
def test_a_timeout_names_the_job_and_ends_before_the_job(
    staged: IBMBackend, director: Any, coin: QuantumCircuit, ask: str
) -> None:
    director.hold()
    job = SamplerV2(mode=staged).run([coin])
    director.taken()
    start = time.monotonic()
    with pytest.raises(RuntimeJobTimeoutError, match=f"{job.job_id()} after 0.5 s.*goes on") as caught:
        getattr(job, ask)(timeout=0.5)

    assert time.monotonic() - start > 0.4
    assert caught.value.job_id == job.job_id()
    assert (job.status(), job.running(), job.in_final_state()) == ("RUNNING", True, False)
    assert job.usage() == 0
    director.release.set()
    assert isinstance(job.result(timeout=600), PrimitiveResult)


def test_a_poll_interval_below_the_floor_warns(backend: IBMBackend, coin: QuantumCircuit) -> None:
    job = SamplerV2(mode=backend).run([coin])

    with pytest.warns(UserWarning, match=r"0\.1 s is used"):
        job.result(poll_interval=0.01)


WAITER = """
import json, signal, sys, time
from qiskit_rest_primitives import QiskitRuntimeService
place, job_id, poll_interval = json.loads(sys.stdin.readline())
job = QiskitRuntimeService(channel="local", **place).job(job_id)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
print("waiting", flush=True)
try:
    job.result(poll_interval=poll_interval)
except KeyboardInterrupt as error:
    print(error, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="interrupts a process by a signal; runs on POSIX systems")
@pytest.mark.parametrize("poll_interval", [None, 0.2])
def test_an_interrupt_leaves_the_job_running_and_names_it(
    staged: IBMBackend, director: Any, coin: QuantumCircuit, poll_interval: float | None
) -> None:
    director.hold()
    job = SamplerV2(mode=staged).run([coin])
    director.taken()
    account = staged.service.active_account()
    place = {name: account[name] for name in ("url", "token", "instance")}
    with subprocess.Popen(
        [sys.executable, "-c", WAITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps([place, job.job_id(), poll_interval]) + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "waiting\n"
        time.sleep(0.7)
        child.send_signal(signal.SIGINT)
        told = child.stdout.readline()

    assert job.job_id() in told
    assert job.status() == "RUNNING"
    director.release.set()
    assert isinstance(job.result(timeout=600), PrimitiveResult)


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON at all",
        b'{"results": 5}',
        b'{"results": [{"data": {"meas": {"samples": ["0xZZ"], "num_bits": 1}}}]}',
    ],
)
def test_an_undecodable_result_is_kept_and_located(
    staged: IBMBackend, director: Any, coin: QuantumCircuit, body: bytes
) -> None:
    director.answer(body)
    job = SamplerV2(mode=staged).run([coin])

    with pytest.raises(ResultDecodeError) as caught:
        job.result(timeout=600)
    assert caught.value.body == body
    assert caught.value.path.startswith("$")
    assert caught.value.job_id == job.job_id()
    assert job.job_id() in str(caught.value)
    assert caught.value.saved_to is None


def test_a_private_result_is_read_once_and_never_lost(
    directed: Any, director: Any, coin: QuantumCircuit, traffic: list[str]
) -> None:
    private = {"environment": {"private": True}}
    job = SamplerV2(mode=directed.backend("aer_simulator"), options=private).run([coin])
    result = job.result(timeout=600)

    assert job.private
    assert job.inputs == {}
    assert counts(job.result(refresh=True)) == counts(result)
    assert sum("/results" in line for line in traffic) == 1
    with pytest.raises(RuntimeInvalidStateError, match="only once"):
        directed.job(job.job_id()).result(timeout=600)


def test_a_private_job_found_by_id_has_its_names_from_the_journal(directed: Any) -> None:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, "while"))
    circuit.measure(0, 0)
    private = {"environment": {"private": True}}
    job = SamplerV2(mode=directed.backend("aer_simulator"), options=private).run([circuit])
    job.wait_for_final_state(timeout=600)

    assert list(directed.job(job.job_id()).result(timeout=600)[0].data) == ["while"]


def test_an_undecodable_private_result_is_saved_to_a_file_of_ones_own(
    staged: IBMBackend, director: Any, coin: QuantumCircuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    director.answer(b"precious but odd")
    job = SamplerV2(mode=staged, options={"environment": {"private": True}}).run([coin])

    with pytest.raises(ResultDecodeError) as caught:
        job.result(timeout=600)
    saved = Path(str(caught.value.saved_to))
    assert saved.read_bytes() == b"precious but odd"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert str(saved) in str(caught.value)
    with pytest.raises(ResultDecodeError):
        job.result()


def test_a_private_result_is_on_disk_while_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process meanwhile: the service does not give it out a second time."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    record = JobRecord("d0a1", program_id="sampler", private=True)
    body = b'{"results": [{"data": {"c": {"samples": ["0x0"], "num_bits": 1}}}], "metadata": {}}'
    result = job_result.read_safely(body, record, DecodeHints())

    assert result[0].data.c.num_shots == 1
    assert list(tmp_path.iterdir()) == []

    def killed(*_: Any, **__: Any) -> None:
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [body]
        raise KeyboardInterrupt

    monkeypatch.setattr(job_result, "decode", killed)
    with pytest.raises(KeyboardInterrupt):
        job_result.read_safely(body, record, DecodeHints())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [body]


@pytest.mark.parametrize("tags", [False, True], ids=["plain", "tagged"])
@pytest.mark.parametrize("kind", [SamplerV2, EstimatorV2])
@pytest.mark.parametrize("poll_interval", [None, 0.1], ids=["held", "polled"])
def test_a_result_is_fetched_parsed_and_made_once_for_all_threads(
    kind: Any,
    tags: bool,
    poll_interval: float | None,
    backend: IBMBackend,
    coin: QuantumCircuit,
    traffic: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One download, one JSON document parsed, one ``PrimitiveResult``, and the same object for everybody."""
    pub = coin if kind is SamplerV2 else (coin.remove_final_measurements(inplace=False), "Z")
    job = kind(backend, options={"support_qiskit": tags}).run([pub])
    made: list[object] = []
    parsed: list[object] = []
    make, parse = PrimitiveResult.__init__, jsonio.loads

    def here() -> bool:  # not in the server, which is in this process, too
        return threading.current_thread().name.startswith("reader")

    def counted_make(self: Any, *arguments: Any, **more: Any) -> None:
        made.extend([self] * here())
        make(self, *arguments, **more)

    def counted_parse(body: Any, **more: Any) -> Any:
        parsed.extend([body] * (here() and (b"evs" in body or b"num_bits" in body)))
        return parse(body, **more)

    monkeypatch.setattr(PrimitiveResult, "__init__", counted_make)
    monkeypatch.setattr(jsonio, "loads", counted_parse)
    with ThreadPoolExecutor(2, "reader") as pool:
        first, second = pool.map(lambda _: job.result(timeout=600, poll_interval=poll_interval), range(2))

    assert first is second is job.result() is made[0]
    assert len(made) == len(parsed) == sum("/results" in line for line in traffic) == 1


Hangs = Callable[[str], tuple[RuntimeJobV2, threading.Event]]


class Hanging(BaseHTTPRequestHandler):
    """A service whose only job is done, and whose answers hang where ``hang_at`` says."""

    hang_at = ""
    release: threading.Event

    def do_GET(self) -> None:
        if self.path.endswith(self.hang_at):
            self.release.wait(50)  # less than the silence after which a request is given up
            self.release.set()
            return
        job = {"id": "j1", "program": {"id": "sampler"}, "backend": "b", "state": {"status": "Completed"}}
        self.answer({"results": []} if self.path.endswith("/results") else job)

    def do_POST(self) -> None:
        self.answer({"access_token": "a.b.c", "expires_in": 3600})

    def answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hanging() -> Iterator[Hangs]:
    """Make the job of a service that hangs at paths with an ending; the event tells that it let go."""
    release = threading.Event()
    kind = type("HangingHere", (Hanging,), {"release": release})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def job(hang_at: str) -> tuple[RuntimeJobV2, threading.Event]:
        kind.hang_at = hang_at
        url = f"http://127.0.0.1:{server.server_port}/api/v1"
        crn = "crn:v1:bluemix:public:quantum-computing:us-east:a/x:11111111-2222-3333-4444-555555555555::"
        service = QiskitRuntimeService(channel="local", url=url, token="k" * 44, instance=crn)
        return RuntimeJobV2(JobRecord("j1", program_id="sampler"), service=service), release

    yield job
    release.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("hang_at", ["/j1?exclude_params=true", "/results", "/j1?exclude_params=false"])
def test_the_timeout_holds_whatever_request_hangs(hanging: Hangs, hang_at: str) -> None:
    job, let_go = hanging(hang_at)
    with pytest.raises(RuntimeJobTimeoutError, match=r"j1 after 0\.7 s"):
        job.result(timeout=0.7)

    assert not let_go.is_set()


def test_the_timeout_holds_for_a_thread_that_waits_for_anothers_download(
    hanging: Hangs,
) -> None:
    job, let_go = hanging("/results")
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(job.result, timeout=5)
        time.sleep(0.3)
        with pytest.raises(RuntimeJobTimeoutError, match=r"j1 after 0\.5 s"):
            job.result(timeout=0.5, decoder=RuntimeDecoder)
        first = not other.done()
        assert isinstance(other.exception(600), RuntimeJobTimeoutError)

    assert first
    assert not let_go.is_set()


@pytest.mark.parametrize("failures", [6, 1_000_000], ids=["for a while", "for ever"])
def test_names_that_cannot_be_looked_up_are_survived_until_the_deadline(
    connect: Any, endpoint: Any, backend: IBMBackend, coin: QuantumCircuit, monkeypatch: Any, failures: int
) -> None:
    job = SamplerV2(mode=backend).run([coin])
    job.wait_for_final_state(timeout=600)
    service = connect(endpoint)
    service.job(job.job_id())  # a place that has answered is away; one that never did may be none
    service._connection._connected()[0].close()
    real, asked = socket.getaddrinfo, itertools.count(1)

    def look_up(*arguments: Any, **more: Any) -> Any:
        if next(asked) <= failures:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    record = JobRecord(job.job_id(), program_id="sampler", created=datetime.now(timezone.utc))
    again = RuntimeJobV2(record, service=service)
    if failures < 1000:
        assert isinstance(again.result(timeout=600), PrimitiveResult)
    else:
        with pytest.raises(RuntimeJobTimeoutError, match="name resolution"):
            again.result(timeout=1)


@pytest.mark.skipif(os.name != "posix", reason="interrupts a process by a signal; runs on POSIX systems")
def test_an_interrupt_of_the_download_ends_it_at_once_and_names_the_job(
    hanging: Hangs,
) -> None:
    job, let_go = hanging("/results")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt, match=r"result of job j1; service\.job\('j1'\)"):
            job.result()
    finally:
        interrupt.cancel()
        signal.signal(signal.SIGINT, before)

    assert not let_go.is_set()


# -- several jobs -----------------------------------------------------------------------------------------------------


def test_jobs_come_as_they_end(directed: Any, director: Any, coin: QuantumCircuit) -> None:
    sampler = SamplerV2(mode=directed.backend("aer_simulator"))
    director.hold()
    slow = sampler.run([coin])
    director.taken()
    fast = [sampler.run([coin]) for _ in range(6)]
    ended: list[RuntimeJobV2] = []
    for job in as_completed([slow, *fast, slow], timeout=600):
        ended.append(job)
        if len(ended) == len(fast):
            director.release.set()

    assert {job.job_id() for job in ended[:-1]} == {job.job_id() for job in fast}
    assert ended[-1] is slow


def test_waiting_for_several_jobs_ends_in_time_and_names_those_that_go_on(
    directed: Any, director: Any, coin: QuantumCircuit
) -> None:
    director.hold()
    job = SamplerV2(mode=directed.backend("aer_simulator")).run([coin])

    with pytest.raises(RuntimeJobTimeoutError, match=job.job_id()):
        list(as_completed([job], timeout=0.3))
    assert list(as_completed([])) == []


# -- words of the service ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "word", "final"),
    [
        ({"state": {"status": "Queued"}}, "QUEUED", False),
        ({"state": {"status": "RUNNING"}}, "RUNNING", False),
        ({"state": {"status": "completed"}}, "DONE", True),
        ({"state": {"status": "Failed"}}, "ERROR", True),
        ({"state": {"status": "Cancelled"}}, "CANCELLED", True),
        ({"state": {"status": "Cancelled", "reason_code": 1305}}, "ERROR", True),
        ({"state": {"status": "Cancelled", "reasonCode": "1305"}}, "ERROR", True),
        ({"state": {"status": "Cancelled - Ran too long"}}, "ERROR", True),
        ({"state": {"status": "Initializing"}}, "INITIALIZING", False),
        ({"state": {"status": "Pondering"}}, "PONDERING", False),
        ({"state": {"status": "Pondering\x1b[2J\x07"}}, "PONDERING\ufffd", False),
        ({}, "QUEUED", False),
    ],
)
def test_status_words(document: dict[str, Any], word: str, final: bool) -> None:
    record = JobRecord.from_wire({"id": "j", **document})

    assert job_status(record) == word
    assert record.final is final


@pytest.mark.parametrize(
    "reason", ["\x1b[2J\ud800oh\x07" + "x" * 10**6, ["\x1b[2Joh", 7], 7, {"a": "\x1b[2J"}]
)
def test_reasons_from_outside_are_clipped_and_cleaned(reason: Any) -> None:
    """Faults C14: no escapes for a terminal, no half characters, no text without end, no type but text."""
    state = {"status": "Failed", "reason": reason, "reason_solution": reason}
    failed = JobRecord.from_wire({"id": "j1", "state": state})
    cancelled = JobRecord.from_wire({"id": "j1", "state": {**state, "status": "Cancelled"}})
    told = [explain(failed), explain(JobRecord("j1", "Failed"), str(reason).encode("utf-8", "replace"))]
    for record in (failed, cancelled):
        with pytest.raises((RuntimeJobFailureError, RuntimeInvalidStateError)) as caught:
            require_success(record)
        told.append(str(caught.value))

    for text in told:
        assert text is not None
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "j1" in text
        assert len(text.encode()) < 50_000  # no half characters either: they cannot be encoded


def test_a_failure_without_reason_shows_the_end_of_the_last_traceback() -> None:
    record = JobRecord("j1", "Failed")

    text = explain(record, b"noise\nTraceback 1\nTraceback (most recent call last):\n  ValueError: odd")
    assert text == "Job j1 failed: Traceback (most recent call last):\n  ValueError: odd"
    assert explain(record, None) == "Job j1 failed: the service gave no reason"
    with pytest.raises(RuntimeJobFailureError, match="gave no reason"):
        require_success(record)
    require_success(JobRecord("j1", "Completed"))
