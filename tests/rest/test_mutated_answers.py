"""Every answer of a service, damaged in every member: what comes out is an error of ours, or a value.

One server on a real socket answers well, but for one answer, which is another mutant in every round.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobError
from qiskit.providers.exceptions import QiskitBackendNotFoundError

from qiskit_rest_primitives import QiskitRuntimeService, RuntimeJobV2, SamplerV2, Session
from qiskit_rest_primitives.exceptions import IBMError
from qiskit_rest_primitives.programs.job import ProgramJob
from qiskit_rest_primitives.rest.lookup import TAG_PREFIX
from qiskit_rest_primitives.rest.retry import RetryPolicy
from qiskit_rest_primitives.transpiler.cloud_service import TranspilerService
from qiskit_rest_primitives.wire.models import JobRecord

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/x:11111111-2222-3333-4444-555555555555::"
NOW = "2026-01-02T03:04:05.678Z"
TEXT = 'OPENQASM 3.0; include "stdgates.inc"; bit[2] meas; qubit[2] q; x q[0]; meas = measure q;'


def value(name: str, number: float, unit: str = "") -> dict[str, Any]:
    return {"date": NOW, "name": name, "unit": unit, "value": number}


GOOD: dict[str, Any] = {
    "GET /versions": {"versions": ["2026-03-15"]},
    "GET /tags": {"tags": ["red"]},
    "GET /backends": {
        "devices": [
            {"name": "b1", "status": {"name": "online", "reason": ""}, "qubits": 2, "queue_length": 3,
             "is_simulator": False, "class": "eagle", "physical_qubits": 2}
        ]
    },
    "GET /backends/b1/configuration": {
        "backend_name": "b1", "backend_version": "1.0.0", "n_qubits": 2, "description": "two qubits",
        "basis_gates": ["cz", "rx", "sx"], "simulator": False, "online_date": NOW, "dt": 4.0, "dtm": 4.0,
        "gates": [{"name": "cz", "parameters": [], "qasm_def": "", "coupling_map": [[0, 1]]},
                  {"name": "sx", "parameters": [], "qasm_def": "", "coupling_map": [[0], [1]]}],
        "coupling_map": [[0, 1]], "supported_instructions": ["cz", "sx", "measure", "if_else"],
        "supported_features": ["qasm3"], "rep_delay_range": [0, 500], "default_rep_delay": 250,
        "timing_constraints": {"granularity": 1, "min_length": 1}, "qubit_lo_range": [[4.5, 5.5], [4.5, 5.5]],
        "instruction_signatures": [{"name": "own", "parameters": ["t"], "num_qubits": 1, "num_clbits": 0}],
    },
    "GET /backends/b1/properties": {
        "backend_name": "b1", "backend_version": "1.0.0", "last_update_date": NOW,
        "qubits": [[value("T1", 100.0, "us"), value("readout_error", 0.01), value("operational", 1)], []],
        "gates": [{"gate": "cz", "qubits": [0, 1], "name": "cz0_1",
                   "parameters": [value("gate_error", 0.01), value("gate_length", 84, "ns")]}],
        "general": [value("lf_2", 0.1)],
    },
    "GET /backends/b1/status": {"state": True, "status": "active", "message": "", "length_queue": 3, "backend_version": "1"},
    "GET /jobs/j1": {
        "id": "j1", "backend": "b1", "program": {"id": "sampler"}, "created": NOW, "cost": 300, "private": False,
        "state": {"status": "Failed", "reason": "too hot", "reason_code": 1517, "reason_solution": "cool it"},
        "tags": ["red"], "session_id": "s1", "usage": {"seconds": 1}, "estimated_running_time_seconds": 2.5,
        "params": {"pubs": [[TEXT, None, 2]], "options": {"default_shots": 2}, "version": 2},
    },
    "POST /jobs": {"id": "j1", "backend": "b1"},
    "GET /jobs/j1/logs": "what the job said",
    "GET /jobs": {"jobs": [{"id": "j1", "backend": "b1", "program": {"id": "sampler"}, "tags": ["red", TAG_PREFIX + "s1"],
                            "state": {"status": "Completed"}}], "count": 1},
    "GET /jobs/j1/results": {
        "results": [{"data": {"meas": {"samples": ["0x0", "0x3"], "num_bits": 2}}, "metadata": {"shots": 2}}],
        "metadata": {"version": 2, "execution": {"execution_spans": {
            "__type__": "ExecutionSpanCollection", "__value__": {"spans": []}}}},
    },
    "GET /jobs/j1/metrics": {
        "timestamps": {"created": NOW, "running": NOW, "finished": NOW}, "bss": {"seconds": 1},
        "usage": {"quantum_seconds": 1, "qpu_charge_time_seconds": 1.5, "status": "settled"},
    },
    "GET /jobs/j1/interim_results": [{"__type__": "complex", "__value__": [1.0, 2.0]}, 5],
    "GET /sessions/s1": {
        "id": "s1", "backend_name": "b1", "mode": "dedicated", "state": "open", "accepting_jobs": True,
        "max_ttl": 100, "elapsed_time": 2.5, "state_reason": "it was opened", "timestamps": [{"at": NOW}], "started_at": NOW,
    },
    "POST /sessions": {"id": "s1"},
    "GET /workloads": {"workloads": [{"id": "s1", "mode": "session", "backend": "b1", "created": NOW,
                                      "accepting_jobs": True}], "next": {"href": ""}},
    "GET /instances/usage": {"usage_consumed_seconds": 5, "usage_limit_seconds": 100, "usage_allocation_seconds": None},
    "GET /programs": {"programs": [{"id": "p1", "name": "own"}], "count": 1},
    "GET /programs/p1": {
        "id": "p1", "name": "own", "cost": 100, "description": "what it does", "is_public": False, "data": "def main(): ...",
        "spec": {"parameters": {"properties": {"n": {"type": "integer", "default": 3}}, "required": ["n"]},
                 "return_values": {"type": "object"}},
    },
    "POST /identity/token": {"access_token": "t0ken", "refresh_token": "none", "token_type": "Bearer", "expires_in": 3600},
    "POST /v3/resources/search": {
        "items": [{"crn": CRN, "name": "mine", "service_plan_unique_id": "plan1", "doc": {"extensions": {"a": 1}},
                   "tags": ["blue"]}],
        "search_cursor": None,
    },
    "GET /plan1": {"overview_ui": {"en": {"display_name": "Open"}}, "metadata": {"pricing": {"type": "free"}}},
    "POST /transpile": {"task_id": "t1"},
    "GET /transpile/t1": {"state": "SUCCESS", "message": None, "result": [
        {"qasm": TEXT.replace("meas;", "m000;").replace("meas =", "m000 ="), "qpy": None, "layout": {"initial": [0, 1], "final": [0, 1]}}]},
}  # fmt: skip

WRONG = [None, 5, -1, float("nan"), 10**400, 10**12, "\ud800", [], [[]], {"x": 1}]
NESTED: Any = {"x": 1}
for _ in range(450):
    NESTED = {"x": NESTED}


def mutants(document: Any) -> Iterator[tuple[str, bytes]]:
    """Yield what was done to a document, and the body that came of it."""
    whole = json.dumps(document).encode()
    yield "empty", b""
    yield "no JSON", b"good day"
    yield "web page", b"<!doctype html><p>hello"
    yield "cut", whole[: len(whole) // 2]
    yield "deep", b"[" * 100_000
    yield "half a character", b'{"x": "\xff"}'
    for wrong in [*WRONG, NESTED, [NESTED]]:
        yield f"{str(wrong)[:20]!r} in its place", json.dumps(wrong).encode()
    for path in list(paths(document)):
        for wrong in [*WRONG, NESTED]:
            changed = copy.deepcopy(document)
            place(changed, path)[path[-1]] = wrong
            yield f"{path} = {str(wrong)[:20]!r}", json.dumps(changed).encode()
        changed = copy.deepcopy(document)
        del place(changed, path)[path[-1]]
        yield f"{path} missing", json.dumps(changed).encode()


def paths(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(document, str):
        return
    members = document.items() if isinstance(document, dict) else enumerate(document[:1])
    for key, member in members:
        yield (*above, key)
        if isinstance(member, (dict, list)):
            yield from paths(member, (*above, key))


def place(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


class Scripted(BaseHTTPRequestHandler):
    """Answers what ``bodies`` says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bodies: dict[str, bytes]

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path.removeprefix("/api/v1")
        body = self.bodies.get(f"{self.command} {path}")
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def bodies() -> Iterator[tuple[dict[str, bytes], str]]:
    """What the server answers, and its address."""
    found = {key: json.dumps(document).encode() for key, document in GOOD.items()}
    kind = type("ScriptedHere", (Scripted,), {"bodies": found})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_port}/api/v1"
    server.shutdown()
    server.server_close()
    thread.join(5)


def ask_backend(service: Any) -> None:
    backend = service.backend("b1")
    repr(backend.configuration().to_dict())
    backend.properties()
    repr(backend.target)


def ask_properties(service: Any) -> None:
    backend = service.backend("b1")
    properties = backend.properties()
    if properties is not None:
        repr((properties.qubits, properties.gates, properties.to_dict(), properties.faulty_gates()))
        properties.t1(0)
    backend.check_faulty(QuantumCircuit(1))
    repr(backend.target)


def ask_job(service: Any) -> None:
    job = service.job("j1")
    repr(
        (job.status(), job.backend(), job.creation_date, job.tags, job.usage_estimation, job.error_message())
    )
    repr(job.inputs)


def ask_metrics(service: Any) -> None:
    job = service.job("j1")
    repr((job.metrics(), job.usage(), job.properties()))


def ask_result(service: Any) -> None:
    repr(RuntimeJobV2(JobRecord("j1", "Completed", program_id="sampler"), service=service).result())


def ask_session(service: Any) -> None:
    session = Session.from_id("s1", service)
    repr((session.details(), session.status(), session.usage()))


def ask_programs(service: Any) -> None:
    for program in [*service.programs(limit=None), service.program("p1")]:
        repr((str(program), program.to_dict(), program.parameters().metadata))


def ask_submission(submission_id: str | None) -> Callable[[Any], None]:
    """Submit; with the id that the listed job has, the job is found whatever became of the answer."""

    def ask(service: Any) -> None:
        api = service.api()
        api.transport.sleep = lambda _: None
        api.submissions._new_id = lambda: submission_id or uuid.uuid4().hex
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        try:
            job = SamplerV2(service.backend("b1")).run([circuit], shots=2)
        except IBMError:
            assert submission_id is None, "the job is there"
            raise
        assert job.job_id() == "j1"

    return ask


def ask_token(service: Any) -> None:
    place = {"url": service.active_account()["url"], "instance": CRN}
    QiskitRuntimeService(channel="local", token=uuid.uuid4().hex, **place).backends()


def ask_instances(service: Any) -> None:
    account = {**service.active_account(), "instance": "mine"}
    found = QiskitRuntimeService(**account)
    assert found.active_instance() == CRN
    assert all(
        isinstance(value, str) for value in found.instances()[0].values() if not isinstance(value, list)
    )


def ask_logs(service: Any) -> None:
    assert isinstance(service.job("j1").logs(), str)


def ask_transpiler(service: Any) -> None:
    transpiler = TranspilerService(coupling_map=[[0, 1]], service=service)
    transport, slept = transpiler._api._transport, [0.0]
    transport.clock = lambda: time.monotonic() + sum(slept)
    transport.sleep = lambda seconds: slept.append(20 * seconds)
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.measure_all()
    repr(transpiler.run(circuit))


QUESTIONS: dict[str, list[Callable[[Any], Any]]] = {
    "GET /versions": [lambda service: service.api().versions()],
    "GET /tags": [lambda service: service.api().tags("red")],
    "GET /backends": [
        lambda service: service.backends(min_num_qubits=1),
        lambda service: service.least_busy(),
    ],
    "GET /backends/b1/configuration": [
        ask_backend,
        lambda service: service.backends(min_num_qubits=2, dynamic_circuits=False),
        lambda service: service.backend("b1", use_fractional_gates=True),
    ],
    "GET /backends/b1/properties": [ask_properties],
    "GET /backends/b1/status": [lambda service: repr(service.backend("b1").status())],
    "GET /jobs/j1": [ask_job],
    "GET /jobs": [lambda service: repr(service.jobs())],
    "POST /jobs": [ask_submission(None), ask_submission("s1")],
    "GET /jobs/j1/logs": [ask_logs],
    "POST /identity/token": [ask_token],
    "POST /v3/resources/search": [ask_instances],
    "GET /plan1": [ask_instances],
    "GET /jobs/j1/results": [ask_result],
    "GET /jobs/j1/metrics": [ask_metrics],
    "GET /jobs/j1/interim_results": [
        lambda service: ProgramJob(JobRecord("j1", program_id="p1"), service=service).interim_results()
    ],
    "GET /sessions/s1": [ask_session],
    "POST /sessions": [lambda service: Session(service.backend("b1"))],
    "GET /workloads": [lambda service: repr(service.sessions())],
    "GET /instances/usage": [lambda service: service.usage()],
    "GET /programs": [ask_programs],
    "GET /programs/p1": [ask_programs],
    "POST /transpile": [ask_transpiler],
    "GET /transpile/t1": [ask_transpiler],
}


@pytest.mark.parametrize("endpoint", GOOD)
def test_a_damaged_answer_is_an_error_of_ours_or_a_value(
    bodies: tuple[dict[str, bytes], str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault C9: whatever is damaged, no exception of a reader comes out."""
    monkeypatch.setattr(RetryPolicy, "delay", lambda *_, **__: 0.0)
    answers, url = bodies
    service = QiskitRuntimeService(channel="local", url=url, token="k" * 44, instance=CRN)
    good = answers[endpoint]
    for ask in QUESTIONS[endpoint]:
        ask(service)  # what is not damaged is read

    leaked = []
    try:
        for what, answer in mutants(GOOD[endpoint]):
            answers[endpoint] = answer
            for ask in QUESTIONS[endpoint]:
                service.refresh()
                try:
                    ask(service)
                except (IBMError, QiskitBackendNotFoundError):
                    pass
                except Exception as error:  # noqa: BLE001 - all that come out are listed
                    leaked.append(f"{what}: {type(error).__name__}: {str(error)[:80]!r}")
    finally:
        answers[endpoint] = good

    assert leaked == []


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mred\r\x00\u202e\x7f" + "!" * 100_000
FAILURES = {
    "GET /transpile/t1": {"state": "FAILURE", "error": "no such gate", "message": "try another"},
    "GET /jobs/j1": {**GOOD["GET /jobs/j1"], "state": {"status": "Cancelled", "reason": "by an operator"}},
    "POST /sessions": {"id": "s1", "state": "open"},
}
"""Other answers of the same endpoints, in which the service says something for people."""


def told(service: Any) -> list[str]:
    """Return the texts for people that the handles give out."""
    record = service.api().session("s1")
    device = service.api().backends()[0]
    texts = [service.job("j1").error_message(), service.backend("b1").status().status_msg, Session.from_id("s1", service).status(),
             str(service.program("p1")), str(service.program("p1").parameters()), record.state_reason, device.reason, device.status,
             service.job("j1")._record.reason]  # fmt: skip
    return [text for text in texts if text]


def ask_told(service: Any) -> None:
    RuntimeJobV2(JobRecord("j1", "Running", program_id="sampler"), service=service).result(timeout=0.01)


@pytest.mark.parametrize(
    ("endpoint", "document"),
    [(key, document) for found in (GOOD, FAILURES) for key, document in found.items()],
    ids=[*GOOD, *(f"{key} (failure)" for key in FAILURES)],
)
def test_no_text_of_a_service_reaches_a_terminal_as_it_is(
    bodies: tuple[dict[str, bytes], str],
    endpoint: str,
    document: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Fault C14: in every text of every answer, escapes and 100 000 characters; errors, warnings and logs show neither."""
    monkeypatch.setattr(RetryPolicy, "delay", lambda *_, **__: 0.0)
    caplog.set_level("INFO", "qiskit_rest_primitives")
    answers, url = bodies
    service = QiskitRuntimeService(channel="local", url=url, token="h" * 44, instance=CRN)
    good = answers[endpoint]
    shown: list[tuple[Any, str]] = []
    try:
        for path in [path for path in paths(document) if isinstance(place(document, path)[path[-1]], str)]:
            changed = copy.deepcopy(document)
            place(changed, path)[path[-1]] = HOSTILE
            answers[endpoint] = json.dumps(changed).encode()
            for ask in [*QUESTIONS[endpoint], ask_told, told]:
                service.refresh()
                with warnings.catch_warnings(record=True) as warned:
                    warnings.simplefilter("always")
                    try:
                        found = ask(service)
                        shown += [(path, text) for text in (found if ask is told else [])]
                    except (IBMError, QiskitBackendNotFoundError, JobError) as error:
                        shown += [(path, str(error)), (path, repr(error))]
                shown += [(path, str(each.message)) for each in warned]
        shown += [(path, record.getMessage()) for record in caplog.records]
    finally:
        answers[endpoint] = good

    wrong = [
        (path, text[:200])
        for path, text in shown
        if len(text) > 50_000 or not text.replace("\n", "").replace("\t", "").isprintable()
    ]
    assert wrong == []
