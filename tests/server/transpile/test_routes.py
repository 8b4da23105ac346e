"""The transpiler service by bare requests, in the words of all generations (rest-api.md 6)."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import qiskit
import requests
from qiskit import QuantumCircuit, qasm3, qpy

from qiskit_rest_primitives.server.devices.device import default_devices
from qiskit_rest_primitives.server.devices.registry import DeviceRegistry
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.job_errors import ParamsError
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.settings import Limits, Settings
from qiskit_rest_primitives.server.transpile.tasks import Transpilations
from qiskit_rest_primitives.server.workers.transpilation import check_order

BELL3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[2] c;\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n'
BELL2 = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'


class Transpiler:
    """A bare client of the old kind: the API key as bearer token, and nothing else."""

    def __init__(self, endpoint: Any) -> None:
        self.base = endpoint.iam_url
        self.headers = {"Authorization": f"Bearer {endpoint.token}", "X-Caller": "qiskit-ibm-transpiler"}

    def post(self, query: dict[str, Any], body: dict[str, Any], **headers: str) -> requests.Response:
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return requests.post(f"{self.base}/transpile", params=query, json=body, headers=given, timeout=600)

    def show(self, task: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.base}/transpile/{task}", headers={**self.headers, **headers}, timeout=330)

    def run(self, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        answer = self.post(query, body)
        assert answer.status_code == 200, answer.text
        return self.wait(answer.json()["task_id"])

    def wait(self, task: str) -> dict[str, Any]:
        """Return a task's document once it has ended, however busy the machine is."""
        for _ in range(6):
            document: dict[str, Any] = self.show(task, Prefer="wait=55").json()
            if document["state"] != "PENDING":
                return document
        raise AssertionError(f"{task} did not end")

    def circuits(self, query: dict[str, Any], body: dict[str, Any]) -> list[QuantumCircuit]:
        document = self.run(query, body)
        assert document["state"] == "SUCCESS", document
        return [qasm3.loads(each["qasm"]) for each in document["result"]]


@pytest.fixture(scope="module")
def transpiler(server: Any) -> Transpiler:
    return Transpiler(server.endpoint)


HERON = {"rz", "sx", "x", "cz", "measure", "barrier"}


@pytest.mark.parametrize("text", [BELL3, BELL3.replace("\n", " "), BELL2])
def test_texts_of_both_versions_are_taken_on_any_number_of_lines(transpiler: Transpiler, text: str) -> None:
    (circuit,) = transpiler.circuits(
        {"backend": "local_heron", "optimization_level": 1}, {"qasm_circuits": text}
    )

    assert set(circuit.count_ops()) <= HERON
    assert [register.name for register in circuit.cregs] == ["c"]
    assert circuit.num_qubits <= 156


def test_the_old_query_form_is_understood(transpiler: Transpiler) -> None:
    """The 2024 notebook: everything but the circuits in the query."""
    query = {
        "optimization_level": 3,
        "use_ai": "False",
        "coupling_map": str([[0, 1], [1, 2]]),
        "qiskit_transpile_options": str({"basis_gates": ["rz", "sx", "cx"], "seed_transpiler": 1}),
    }
    (circuit,) = transpiler.circuits(query, {"qasm_circuits": [BELL3]})

    assert set(circuit.count_ops()) <= {"rz", "sx", "cx", "measure"}


def test_the_new_body_form_is_understood(transpiler: Transpiler) -> None:
    body = {
        "qasm_circuits": [BELL3, BELL3],
        "qpy_circuits": None,
        "backend_coupling_map": [[0, 1]],
        "qiskit_transpile_options": {"basis_gates": ["u", "cz"]},
        "optimization_preferences": None,
    }
    document = transpiler.run({"optimization_level": 1, "ai": "false", "ai_layout_mode": "OPTIMIZE"}, body)

    assert len(document["result"]) == 2
    assert "message" not in document
    assert sorted(document["result"][0]["layout"]["initial"]) == [0, 1]
    assert sorted(document["result"][0]["layout"]["final"]) == [0, 1]


def test_an_order_that_is_repeated_finds_the_same_task(transpiler: Transpiler) -> None:
    body = {"qasm_circuits": [BELL3], "backend_coupling_map": [[0, 1]]}
    first, again = (transpiler.post({}, body, Idempotency_Key="one") for _ in range(2))
    another = transpiler.post({}, body, Idempotency_Key="two")
    unlike = transpiler.post({"optimization_level": 3}, body, Idempotency_Key="one")
    nameless = {transpiler.post({}, body).json()["task_id"] for _ in range(2)}

    assert first.json() == again.json() != another.json()
    assert unlike.status_code == 409
    assert len(nameless) == 2
    assert transpiler.wait(first.json()["task_id"])["state"] == "SUCCESS"


def test_qpy_comes_and_goes(transpiler: Transpiler) -> None:
    stream = io.BytesIO()
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    qpy.dump([circuit, circuit], stream, version=17)
    body = {"qpy_circuits": base64.b64encode(stream.getvalue()).decode()}
    document = transpiler.run({"backend": "local_heron"}, body)

    found = [qpy.load(io.BytesIO(base64.b64decode(each["qpy"])))[0] for each in document["result"]]
    assert [set(each.count_ops()) <= HERON for each in found] == [True, True]
    assert found[0].layout is not None


@pytest.mark.parametrize(("ai", "told"), [("true", True), ("auto", True), ("True", True), ("false", False)])
def test_a_wish_for_ai_is_answered_by_heuristics_and_told(
    transpiler: Transpiler, ai: str, told: bool
) -> None:
    document = transpiler.run({"backend": "local_heron", "ai": ai}, {"qasm_circuits": BELL3})

    assert document["state"] == "SUCCESS"
    assert ("no AI" in document.get("message", "")) is told


@pytest.mark.parametrize(
    ("query", "body", "word"),
    [
        ({}, {"qasm_circuits": BELL3}, "backend"),
        ({"backend": "nix"}, {"qasm_circuits": BELL3}, "nix"),
        ({"backend": "local_heron"}, {}, "qasm_circuits"),
        ({"backend": "local_heron"}, {"qasm_circuits": [1]}, "qasm_circuits"),
        ({"backend": "local_heron"}, {"qpy_circuits": 1}, "qpy_circuits"),
        (
            {"backend": "local_heron", "optimization_level": "four"},
            {"qasm_circuits": BELL3},
            "optimization_level",
        ),
        ({"backend": "local_heron", "optimization_level": 4}, {"qasm_circuits": BELL3}, "optimization_level"),
        ({"backend": "local_heron", "ai": "maybe"}, {"qasm_circuits": BELL3}, "ai"),
        ({"coupling_map": "[[0]]"}, {"qasm_circuits": BELL3}, "coupling_map"),
        ({"coupling_map": "0-1"}, {"qasm_circuits": BELL3}, "coupling_map"),
        ({"backend": "local_heron"}, {"qasm_circuits": BELL3, "qiskit_transpile_options": {"pm": 1}}, "pm"),
        ({"backend": "local_heron"}, {"qasm_circuits": BELL3, "qiskit_transpile_options": 1}, "options"),
        ({"backend": "local_heron", "ai_layout_mode": "MOVE"}, {"qasm_circuits": BELL3}, "ai_layout_mode"),
        (
            {"backend": "local_heron"},
            {"qasm_circuits": BELL3, "optimization_preferences": ["n_cnots", "beauty"]},
            "optimization_preferences",
        ),
    ],
)
def test_an_order_that_is_wrong_is_refused(
    transpiler: Transpiler, query: dict[str, Any], body: dict[str, Any], word: str
) -> None:
    answer = transpiler.post(query, body)

    assert (answer.status_code, word in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("OPENQASM 3.0; nonsense", "cannot be read"),
        ('OPENQASM 2.0; include "/etc/passwd";', "cannot be read"),
        ("OPENQASM 3.0; qubit[300] q; U(0,0,0) q;", "could not be transpiled"),
        ("OPENQASM 3.0; qubit[1000000] q;", "cannot be read"),
    ],
)
def test_a_task_that_fails_says_why(transpiler: Transpiler, text: str, word: str) -> None:
    document = transpiler.run({"backend": "local_heron"}, {"qasm_circuits": text})

    assert document["state"] == "FAILURE"
    assert word in document["error"]
    assert document["error"] == document["result"]


def test_damaged_qpy_fails_the_task(transpiler: Transpiler) -> None:
    for damaged in (
        "%%",
        base64.b64encode(b"QISKIT").decode(),
        base64.b64encode(b"QISKIT\x0d" + bytes(50)).decode(),
    ):
        document = transpiler.run({"backend": "local_heron"}, {"qpy_circuits": damaged})
        assert "cannot be read" in document["error"]


def test_credentials_are_asked_for_and_no_instance(transpiler: Transpiler, shared: Any) -> None:
    url = f"{transpiler.base}/transpile"
    assert requests.post(url, json={}, timeout=600).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert requests.post(url, json={}, headers=wrong, timeout=600).status_code == 401
    assert requests.get(url + "/x", timeout=600).status_code == 401
    body = {"qasm_circuits": BELL3}
    assert (
        shared("POST", "/transpile?backend=local_heron", json=body, headers={"Service-CRN": None}).status_code
        == 200
    )
    assert shared("POST", "/transpile", json=body).status_code == 422
    assert shared("GET", "/transpile/nobody").status_code == 404
    assert requests.get(f"{transpiler.base}/version", timeout=600).json()["qiskit"] == qiskit.__version__


@pytest.fixture
def impatient(ideal: Any, heron: Any) -> Iterator[Callable[..., Transpiler]]:
    """Start a server with limits of the test's own."""
    running = []

    def begin(**limits: Any) -> Transpiler:
        server = serve([heron, ideal], settings=lambda s: replace(s, limits=Limits(**limits)))
        running.append(server)
        return Transpiler(server.endpoint)

    yield begin
    for server in running:
        server.stop()


def test_results_expire(impatient: Callable[..., Transpiler]) -> None:
    client = impatient(transpile_keep_seconds=0.2, wait_seconds=300.0)  # one answer, which is there in time
    task = client.post({"backend": "aer_simulator"}, {"qasm_circuits": BELL3}).json()["task_id"]
    assert client.show(task, Prefer="wait=300").json()["state"] == "SUCCESS"
    time.sleep(0.3)

    answer = client.show(task)
    assert (answer.status_code, "expired" in answer.json()["detail"]) == (404, True)


def test_a_task_that_takes_too_long_is_ended_and_others_go_on(impatient: Callable[..., Transpiler]) -> None:
    client = impatient(transpile_seconds=4.0)
    large = QuantumCircuit(60)
    for layer in range(400):
        for qubit in range(60):
            large.cx(qubit, (qubit * 7 + layer + 1) % 60) if qubit != (qubit * 7 + layer + 1) % 60 else None
    query = {"backend": "local_heron", "optimization_level": 3}
    document = client.run(query, {"qasm_circuits": [qasm3.dumps(large)] * 20})

    assert "longer than 4.0 s" in document["error"]


def test_too_many_at_once_are_refused(impatient: Callable[..., Transpiler]) -> None:
    client = impatient(transpilations=0)
    answer = client.post({"backend": "aer_simulator"}, {"qasm_circuits": BELL3})

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert json.loads(answer.text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unitary_synthesis_plugin_config", {"depth1_approximation_filename": "/etc/passwd"}),
        ("unitary_synthesis_method", "aqc"),
        ("optimization_method", "anything"),
        ("layout_method", ["sabre"]),
        ("routing_method", "../x"),
        ("seed_transpiler", "1"),
        ("seed_transpiler", -1),
        ("approximation_degree", 1e400),
        ("initial_layout", {"a": 1}),
        ("basis_gates", "cx"),
        ("dt", True),
        ("qubits_initially_zero", 1),
    ],
)
def test_options_are_numbers_and_known_words(name: str, value: object) -> None:
    """Settings of plugins reached code that reads files (faults C19)."""
    order = {"circuits": ["x"], "optimization_level": 1, "ai": "false", "options": {name: value}}

    with pytest.raises(ParamsError, match=name):
        check_order(order)


@pytest.mark.parametrize("stage", ["init", "layout", "optimization", "routing", "scheduling", "translation"])
def test_plugins_of_other_packages_are_refused_with_where_they_run(stage: str) -> None:
    options = {f"{stage}_method": "vendor"}
    order = {"circuits": ["x"], "optimization_level": 1, "ai": "false", "options": options}

    with pytest.raises(
        ParamsError, match=rf"{stage}_method .* may be default.*: plugins of other packages run where"
    ):
        check_order(order)


class Standing:
    """A worker that is done when the test says so; notes what it was given."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.begins: list[Callable[[], None]] = []
        self.futures: list[Future[JobOutput]] = []
        self.aborted: list[Future[JobOutput]] = []

    def submit(
        self, _program: str, order: bytes, _device: str, begun: Callable[[], None]
    ) -> Future[JobOutput]:
        self.orders.append(order)
        self.begins.append(begun)
        self.futures.append(Future())
        return self.futures[-1]

    def abort(self, future: Future[JobOutput]) -> None:
        self.aborted.append(future)


def test_orders_of_instances_take_turns_and_are_kept_apart() -> None:
    """Orders of one instance do not hold up another's (faults C18)."""
    worker = Standing()

    async def scenario() -> None:
        devices = default_devices()
        tasks = Transpilations(Settings(devices=devices, token="t"), DeviceRegistry(devices))
        tasks._workers = worker  # type: ignore[assignment]
        made = {
            name: tasks.start(name.encode(), "d", owner=name[0], key=name[1])
            for name in ("a1", "a2", "a3", "b1", "b2")
        }
        assert worker.orders == [b"a1"]  # the others' time has not begun
        assert tasks.start(b"a2", "d", owner="a", key="2") is made["a2"]
        assert len({task.id for task in made.values()}) == 5
        assert tasks.find(made["a1"].id, "a") is made["a1"]
        assert tasks.find(made["a1"].id, "b") is None
        for number in range(5):
            worker.futures[number].set_result(JobOutput(b"[]", 0.0, 1))
            await asyncio.sleep(0.01)
        assert all(task.result == b"[]" for task in made.values())

    asyncio.run(scenario())
    assert worker.orders == [b"a1", b"a2", b"b1", b"a3", b"b2"]


def test_the_time_of_a_task_begins_when_its_process_is_up() -> None:
    """Neither the queue nor the start of a process counts (faults C18, C5): a busy machine took all of it for those."""
    worker = Standing()

    async def scenario() -> None:
        devices = default_devices()
        settings = Settings(devices=devices, token="t", limits=Limits(transpile_seconds=0.05))
        tasks = Transpilations(settings, DeviceRegistry(devices))
        tasks._workers = worker  # type: ignore[assignment]
        first, second = (tasks.start(name, "d") for name in (b"1", b"2"))
        await asyncio.sleep(0.2)
        assert (first.ended, second.ended) == (None, None)
        worker.begins[0]()
        await first.done.wait()
        assert "longer than 0.05 s" in (first.reason or "")
        worker.futures[0].set_exception(RuntimeError("killed"))
        await asyncio.sleep(0.2)
        assert (len(worker.orders), second.ended) == (2, None)
        worker.begins[1]()
        worker.futures[1].set_result(JobOutput(b"[]", 0.0, 1))
        await second.done.wait()
        assert second.result == b"[]"

    asyncio.run(scenario())
    assert worker.aborted == worker.futures[:1]
