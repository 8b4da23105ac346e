"""Servers on real sockets: one with the real engine for all tests, and as many small ones as a test asks for."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import re
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit, qpy

from qiskit_rest_primitives.server.devices.device import Device, load_device
from qiskit_rest_primitives.server.embedded import RunningServer, ServerAddress, serve
from qiskit_rest_primitives.server.endpoints import document
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.settings import Settings

VERSION = "2026-04-15"
BELL = """OPENQASM 3.0;
include "stdgates.inc";
bit[2] meas;
qubit[2] q;
h q[0];
cx q[0], q[1];
meas[0] = measure q[0];
meas[1] = measure q[1];
"""


class Caller:
    """A bare REST client of one server, with one keep-alive connection."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.endpoint: ServerAddress = server.endpoint
        self.contract = Contract(json.loads(document()))
        self.session = requests.Session()
        self.session.trust_env = False
        self.headers = {
            "Authorization": f"Bearer {self.bearer()}",
            "Service-CRN": self.endpoint.instance,
            "IBM-API-Version": VERSION,
        }

    def bearer(self) -> str:
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self.endpoint.token}
        answer = self.session.post(self.endpoint.iam_url + "/identity/token", data=form, timeout=600)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def __call__(
        self, method: str, path: str, *, headers: dict[str, str | None] | None = None, **kwargs: Any
    ) -> requests.Response:
        merged = {**self.headers, **(headers or {})}
        answer = self.session.request(
            method,
            self.endpoint.url + path,
            headers={name: value for name, value in merged.items() if value is not None},
            timeout=600,
            **kwargs,
        )
        self.contract.check(method, path.partition("?")[0], answer)
        return answer

    def get(self, path: str, **kwargs: Any) -> Any:
        answer = self("GET", path, **kwargs)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, *, params: dict[str, Any] | None = None, **envelope: Any) -> str:
        answer = self("POST", "/jobs", json=submission(params, **envelope))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def wait(self, job_id: str) -> dict[str, Any]:
        """Return a job's document once it is final, for which the answer is held."""
        for _ in range(6):
            answer = self("GET", f"/jobs/{job_id}?exclude_params=true", headers={"Prefer": "wait=20"})
            document: dict[str, Any] = answer.json()
            if document["status"] not in ("Queued", "Running"):
                return document
        raise AssertionError(f"{job_id} did not end: {document}")

    def until(self, job_id: str, status: str) -> None:
        """Wait for a state that no answer is held for."""
        deadline = time.monotonic() + 600
        while self.get(f"/jobs/{job_id}")["status"] != status:
            assert time.monotonic() < deadline, f"{job_id} never became {status}"
            time.sleep(0.005)


def submission(params: dict[str, Any] | None = None, **envelope: Any) -> dict[str, Any]:
    body = {
        "program_id": "sampler",
        "backend": "aer_simulator",
        "params": {"pubs": [[BELL]]} | (params or {}),
    }
    return body | envelope


class Contract:
    """Compares answers with the OpenAPI document; every answer that a test receives goes through it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.schemas = document["components"]["schemas"]
        self.paths = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), operations)
            for path, operations in document["paths"].items()
        ]

    def check(self, method: str, path: str, answer: requests.Response) -> None:
        for pattern, operations in self.paths:
            if pattern.fullmatch(path) and method.lower() in operations:
                self._check(operations[method.lower()]["responses"], answer)
                return
        assert answer.status_code in (404, 405), f"{method} {path} is not in the contract"
        self._validate(answer.json(), self.schemas["Error"], "$")

    def _check(self, responses: dict[str, Any], answer: requests.Response) -> None:
        status = str(answer.status_code)
        assert status in responses, (
            f"{answer.request.method} {answer.request.path_url} may not answer {status}"
        )
        kinds = responses[status].get("content")
        if kinds is None:
            assert answer.content == b""
            return
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in kinds
        if kind == "application/json":
            self._validate(answer.json(), kinds[kind]["schema"], "$")

    def _validate(self, value: Any, schema: dict[str, Any], path: str) -> None:
        """Check the part of JSON Schema that the document uses."""
        if "$ref" in schema:
            self._validate(value, self.schemas[schema["$ref"].rpartition("/")[2]], path)
            return
        if "anyOf" in schema:
            assert any(self._fits(value, option, path) for option in schema["anyOf"]), f"{path}: {value!r}"
            return
        assert "const" not in schema or value == schema["const"], path
        assert "enum" not in schema or value in schema["enum"], f"{path}: {value!r}"
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        assert not kinds or any(TYPES[kind](value) for kind in kinds), f"{path}: {value!r} is not {kinds}"
        if isinstance(value, dict) and "properties" in schema:
            assert set(schema["required"]) <= set(value), (
                f"{path} lacks {set(schema['required']) - set(value)}"
            )
            extra = set(value) - set(schema["properties"])
            assert schema["additionalProperties"] or not extra, f"{path} has undocumented {extra}"
            for name in set(value) - extra:
                self._validate(value[name], schema["properties"][name], f"{path}.{name}")
        if isinstance(value, list):
            for index, item in enumerate(value):
                self._validate(item, schema.get("items", {}), f"{path}[{index}]")
        if isinstance(value, str) and schema.get("format") == "date-time":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value), f"{path}: {value}"

    def _fits(self, value: Any, schema: dict[str, Any], path: str) -> bool:
        try:
            self._validate(value, schema, path)
        except AssertionError:
            return False
        return True


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "null": lambda value: value is None,
}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Stage:
    """Runs tasks when the test says so, in place of the simulator.

    Attributes:
        started: The programs' params, in the order in which their jobs began.
    """

    def __init__(self) -> None:
        self.started: list[bytes] = []
        self._gates: dict[str, threading.Event] = {}
        self._failures: dict[str, TaskFailed] = {}

    def execute(self, program_id: str, params: bytes, device: Device) -> JobOutput:
        self.started.append(params)
        for name, gate in self._gates.items():
            if f'"{name}"'.encode() in params:
                gate.wait(600)
                if name in self._failures:
                    raise self._failures[name]
        return JobOutput(b'{"results": [], "device": "%b"}' % device.name.encode(), 0.25, 1)

    def hold(self, name: str) -> dict[str, Any]:
        """Return params of a job that runs until ``release(name)``."""
        self._gates[name] = threading.Event()
        return {"pubs": [[name]]}

    def fail(self, name: str, failure: TaskFailed) -> dict[str, Any]:
        """Return params of a job that fails."""
        params = self.hold(name)
        self._failures[name] = failure
        self.release(name)
        return params

    def release(self, name: str) -> None:
        self._gates[name].set()

    def release_all(self) -> None:
        for gate in self._gates.values():
            gate.set()

    def order(self) -> list[str]:
        """Return the names of the held jobs in the order in which they began."""
        return [name for params in self.started for name in self._gates if f'"{name}"'.encode() in params]


@pytest.fixture(scope="session")
def ideal() -> Device:
    return load_device("aer_simulator")


@pytest.fixture(scope="session")
def heron() -> Device:
    return load_device("local_heron")


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """The server that tests share: default devices, real engine, nothing else changed."""
    with serve(token="shared-key-of-the-tests") as running:
        yield running


@pytest.fixture(scope="session")
def shared(server: RunningServer) -> Iterator[Caller]:
    caller = Caller(server)
    with caller.session:
        yield caller


@pytest.fixture(scope="session")
def greedy_circuit() -> dict[str, str]:
    """A typed QPY document of a few hundred bytes that says two gigabytes of metadata follow."""
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    stream = io.BytesIO()
    qpy.dump(circuit, stream, version=13)
    body = bytearray(stream.getvalue())
    body[34:38] = b"\x7f\xff\xff\xff"
    value = base64.b64encode(zlib.compress(bytes(body))).decode()
    return {"__type__": "QuantumCircuit", "__value__": value}


@pytest.fixture
def loop_steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[Caller], Any]:
    """Return what measures, as a context, the seconds of processor time of each step of a server's event loop.

    Servers that the test starts run on asyncio's: the steps of uvloop's are not seen from Python.
    """
    monkeypatch.setitem(sys.modules, "uvloop", None)

    @contextmanager
    def measured(call: Caller) -> Iterator[list[float]]:
        steps: list[float] = []
        loop, run = call.server._server._loop, asyncio.Handle._run

        def timed(handle: Any) -> None:
            if handle._loop is not loop:
                return run(handle)
            began = time.thread_time()
            run(handle)
            steps.append(time.thread_time() - began)
            return None

        monkeypatch.setattr(asyncio.Handle, "_run", timed)
        gc.disable()  # a collection of all that the tests hold is no work of the server's
        try:
            yield steps
        finally:
            gc.enable()
            monkeypatch.undo()

    return measured


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.release_all()


@pytest.fixture
def start(
    ideal: Device, heron: Device, stage: Stage
) -> Iterator[Callable[[Callable[[Settings], Settings]], Caller]]:
    """Start a server of the test's own, whose jobs run on the stage: ``start(lambda s: replace(s, ...))``."""
    running: list[Caller] = []

    def start_one(
        change: Callable[[Settings], Settings] = lambda settings: settings, **kwargs: Any
    ) -> Caller:
        server = serve(
            [ideal, heron],
            settings=lambda settings: change(
                replace(settings, execute=stage.execute, first_poll_hold=0.0, workers=2)
            ),
            **kwargs,
        )
        caller = Caller(server)
        running.append(caller)
        return caller

    yield start_one
    stage.release_all()
    for caller in running:
        caller.session.close()
        caller.server.stop()
