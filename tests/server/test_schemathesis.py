"""The OpenAPI document against the server: generated requests, and every answer must conform."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.endpoints import ENDPOINTS, document

schemathesis = pytest.importorskip(
    "schemathesis", reason="pip install schemathesis to test the contract with it"
)
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis.errors import Unsatisfiable  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.specs.openapi import checks as contract  # noqa: E402

SCHEMA = schemathesis.openapi.from_dict(json.loads(document()))
CHECKS = (
    contract.status_code_conformance,
    contract.content_type_conformance,
    contract.response_schema_conformance,
    contract.response_headers_conformance,
)
NAMES = [f"{operation.method} {operation.path}" for operation in ENDPOINTS]
MODES = {"allowed": GenerationMode.POSITIVE, "broken": GenerationMode.NEGATIVE}
SOURCE = "cGFzcwo="
ORDER = {
    "backend": "aer_simulator",
    "qasm_circuits": "OPENQASM 3.0; qubit[1] q;",
    "optimization_level": 1,
    "ai": "false",
    "ai_layout_mode": "OPTIMIZE",
    "use_fractional_gates": False,
} | dict.fromkeys(("qpy_circuits", "backend_coupling_map", "qiskit_transpile_options"))
# Good answers that generated values do not come to; ``test_endpoint_map`` asks for them.
UNREACHED = {"GET /jobs/{id}/transpiled_circuits"}
FAST, DEEP = {"allowed": 4, "broken": 2}, {"allowed": 75, "broken": 50}


class Target:
    """A server whose jobs end at once, and what a stranger would need to know to be let in."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.session = call.session
        self.calls = 0
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self.log_in()

    def log_in(self) -> None:
        answer = self.session.post(
            f"{self.call.endpoint.iam_url}/api/users/loginWithToken",
            json={"apiToken": self.call.endpoint.token},
            timeout=600,
        )
        self.access = str(answer.json()["id"])

    def send(self, case: Any) -> requests.Response:
        """Send a case; every other one is about something that exists."""
        self.calls += 1
        if self.calls % 2:
            self.aim(case)
            if isinstance(case.body, dict):
                self.fill_in(case)
        headers = {name: self.call.headers[name] for name in ("Authorization", "Service-CRN")}
        if case.path.startswith(("/users", "/Network", "/logout")):
            headers = {"x-access-token": self.access}
        if case.path == "/users/logout":
            self.log_in()
            headers = {"x-access-token": self.access}
        answer: requests.Response = case.call(
            base_url=self.call.endpoint.url, headers=headers, session=self.session, timeout=120
        )
        if case.path == "/users/logout":
            self.log_in()
        self.statuses[f"{case.method.upper()} {case.path}"][answer.status_code] += 1
        return answer

    def fill_in(self, case: Any) -> None:
        """Put into a body what only this server knows."""
        known = {
            "/jobs": {"backend": "aer_simulator", "session_id": None},
            "/sessions": {"backend": "aer_simulator"},
            "/identity/token": {"apikey": self.call.endpoint.token},
            "/oidc/token": {"apikey": self.call.endpoint.token},
            "/users/loginWithToken": {"apiToken": self.call.endpoint.token},
            "/programs": {"name": f"q{self.calls}", "data": SOURCE},
            "/transpile": ORDER,
        }
        case.body |= known.get(case.path, {})

    def aim(self, case: Any) -> None:
        wanted = case.path_parameters or {}
        if "name" in wanted:
            wanted["name"] = "aer_simulator"
        if "id" in wanted and case.path.startswith("/jobs"):
            held = {"params": {"pubs": [["held"]]}} if case.path.endswith("/cancel") else {}
            wanted["id"] = self.call.submit(**held)
        if "id" in wanted and case.path.startswith("/sessions"):
            wish = {"mode": "batch", "backend": "aer_simulator"}
            wanted["id"] = self.call("POST", "/sessions", json=wish).json()["id"]
        if "id" in wanted and case.path.startswith("/programs"):
            if case.method.upper() == "PUT" and case.path.endswith("/data"):
                case.body = SOURCE.encode()
            program = {"name": f"p{self.calls}", "data": SOURCE}
            wanted["id"] = self.call("POST", "/programs", json=program).json()["id"]
        if "id" in wanted and case.path.startswith("/transpile"):
            order = {"qasm_circuits": "OPENQASM 3.0;", "backend": "aer_simulator"}
            wanted["id"] = self.call("POST", "/transpile", json=order).json()["task_id"]
        if "id" in wanted and case.path.startswith("/accounts"):
            wanted["id"] = "mine"
        if "plan_id" in wanted:
            wanted["plan_id"] = "10ca1000-0000-4000-8000-0000000000aa"


@pytest.fixture(scope="module")
def target(ideal: Any, heron: Any, shared: Any) -> Iterator[Target]:
    from qiskit_rest_primitives.server.embedded import serve
    from qiskit_rest_primitives.server.primitives.jobs import JobOutput
    from qiskit_rest_primitives.server.settings import DEFAULT_CRN, Instance, ProgramRules

    def execute(_program: str, params: bytes, _device: Any) -> JobOutput:
        if b"held" in params:
            time.sleep(0.1)
        return JobOutput(b'{"results": []}', 0.01, 1)

    with serve(
        [ideal, heron],
        instances=[Instance(crn=re.sub("a/[^:]+", "a/mine", DEFAULT_CRN))],  # the path tells it in every log
        settings=lambda s: replace(
            s,
            execute=execute,
            limits=replace(s.limits, wait_seconds=0.05, transpilations=10_000),
            programs=ProgramRules(allow="trusted", programs=100_000),
        ),
    ) as server:
        call = type(shared)(server)
        yield Target(call)
        call.session.close()


def check(target: Target, name: str, mode: str, count: int) -> None:
    method, _, path = name.partition(" ")
    operation = SCHEMA[path][method]
    told: set[str] = {target.call.endpoint.token, "Traceback", str(Path.home())}

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=MODES[mode]))
    def every_answer_conforms(case: Any) -> None:
        answer = target.send(case)
        assert answer.status_code < 500, answer.text
        assert not [secret for secret in told if secret in answer.text]
        case.validate_response(answer, checks=CHECKS)

    try:
        every_answer_conforms()
    except Unsatisfiable:
        assert mode == "broken"  # there is nothing in such an operation that could be wrong


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_answers_to_generated_requests_conform(target: Target, name: str, mode: str) -> None:
    before = target.calls
    check(target, name, mode, FAST[mode])
    assert target.calls > before or mode == "broken"


@pytest.mark.deep
def test_answers_to_5000_generated_requests_conform(target: Target) -> None:
    before, failures = target.calls, []
    for name in NAMES:
        for mode in MODES:
            try:
                check(target, name, mode, DEEP[mode])
            except Exception as error:  # noqa: BLE001, PERF203 - all are reported together
                failures.append(f"{mode} {name}: {error}")
    print(f"{target.calls - before} requests")
    for name in NAMES:
        print(f"{name}: {dict(sorted(target.statuses[name].items()))}")
    assert failures == []
    assert target.calls - before >= 5000
    paths = {name.partition(" ")[2] for name in target.statuses}
    assert set(target.statuses) == set(NAMES)
    assert paths == set(json.loads(document())["paths"])
    never = [name for name in NAMES if not {200, 204} & set(target.statuses[name])]
    assert set(never) <= UNREACHED, f"{never} never succeeded, so their good answers were not seen"


@pytest.mark.parametrize(("method", "path"), [("TRACE", "/jobs"), ("PATCH", "/jobs"), ("PUT", "/sessions")])
def test_methods_that_are_not_in_the_contract_are_405(target: Target, method: str, path: str) -> None:
    answer = target.call(method, path)

    assert (answer.status_code, "errors" in answer.json()) == (405, True)
    assert answer.headers["Allow"]
