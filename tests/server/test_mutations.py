"""Every endpoint under mutations of requests that are good: whatever comes, it is answered, and never with 5xx."""

from __future__ import annotations

import base64
import copy
import http.client
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.endpoints import ENDPOINTS, document
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.settings import Instance, ProgramRules

PATHS = json.loads(document())["paths"]
NAMES = [f"{operation.method} {operation.path}" for operation in ENDPOINTS]
TEXTS = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "../../etc/passwd", "..", "a\r\nX: 1", "\x1b[2J", "é🎉", "x" * 3000, "-1",
    "1e999", "nan", "9" * 5000, str(2**63), "true", "null", "[]", "{", "2026-99-99", "0001-01-01T00:00:00+23:59", "%", "'", '"',
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**400, 1.5, -0.0, float("nan"), float("inf"), "", "\0", "\ud800", "../x", "x" * 3000, [], {},
    [[]], [None], {"": None}, {"\0": {"\ud800": []}}, [{"__type__": "ndarray", "__value__": "%"}], {"__type__": "set"},
    {"__type__": ["x"], "__value__": {}}, "1" * 5000,
)  # fmt: skip
SOURCE = base64.b64encode(b"def main(b, m): pass\n").decode()
JOB = {
    "program_id": "sampler",
    "backend": "aer_simulator",
    "params": {
        "pubs": [["x", [0.5], 10]],
        "options": {"default_shots": 10, "execution": {"init_qubits": True}},
    },
}
OTHER_JOBS = {
    "sampler": {
        "pubs": [["x", None, 10]],
        "shots": 1,
        "options": {"default_shots": 5, "twirling": {"enable_gates": True}},
    },
    "estimator": {
        "pubs": [["x", [[{"XX": 1.0}]], [[0.5]], 0.1]],
        "precision": 0.1,
        "resilience_level": 1,
        "options": {
            "default_shots": 9,
            "resilience": {"zne": {"noise_factors": [1, 3]}},
            "seed_estimator": 1,
        },
    },
    "noise-learner": {
        "circuits": ["x"],
        "options": {"shots_per_randomization": 9, "layer_pair_depths": [0, 2]},
    },
    "executor": {
        "schema_version": "v0.1",
        "quantum_program": {
            "shots": 9,
            "items": [{"circuit": "x", "chunk_size": 1}],
            "meas_level": "classified",
        },
        "options": {"init_qubits": True},
    },
    "calibrate": {"experiment": "t1"},
}
"""Inputs of the other programs, near enough to good ones for their checks to look into them."""
BODIES: dict[str, Any] = {
    "POST /jobs": JOB | {"tags": ["a"], "cost": 9, "log_level": "info", "runtime": "r", "private": False},
    "PUT /jobs/{id}/tags": {"tags": ["a"]},
    "POST /programs": {
        "name": "p",
        "data": SOURCE,
        "cost": 9,
        "description": "d",
        "spec": {"parameters": {}},
    },
    "PATCH /programs/{id}": {
        "name": "p",
        "data": SOURCE,
        "cost": 9,
        "spec": {"parameters": {"type": "object"}},
    },
    "PUT /programs/{id}/data": SOURCE,
    "POST /transpile": {
        "qasm_circuits": ["OPENQASM 3.0;"],
        "qpy_circuits": None,
        "backend": "aer_simulator",
        "backend_coupling_map": [[0, 1]],
        "optimization_level": 1,
        "qiskit_transpile_options": {"basis_gates": ["x"], "seed_transpiler": 1},
        "optimization_preferences": ["n_cnots"],
    },
    "POST /sessions": {"mode": "batch", "backend": "aer_simulator", "max_ttl": 60, "instance": "i"},
    "PATCH /sessions/{id}": {"accepting_jobs": True},
    "PUT /instances/configuration": {"instance_limit": 9},
    "POST /v3/resources/search": {"query": "a:b", "fields": ["crn"]},
    "POST /users/loginWithToken": {"apiToken": "wrong"},
    "POST /identity/token": "grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=wrong",
    "POST /oidc/token": "grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=wrong",
}


def mutants(value: Any) -> Iterator[Any]:
    """Yield values with one place replaced, left out, wrapped or doubled."""
    yield from VALUES
    yield [value]
    if isinstance(value, dict):
        for name in value:
            yield {key: it for key, it in value.items() if key != name}
            for other in mutants(value[name]):
                yield {**value, name: other}
        yield {**value, "\x1b[2J" + "x" * 500: 1}
    if isinstance(value, list):
        yield value * 300
        for other in mutants(value[0]) if value else ():
            yield [other, *value[1:]]


def bodies(name: str) -> Iterator[bytes]:
    """Yield bodies: mutated as values, then as bytes."""
    good = BODIES.get(name)
    for program, params in OTHER_JOBS.items() if name == "POST /jobs" else ():
        for value in mutants(copy.deepcopy(params)):
            yield json.dumps(JOB | {"program_id": program, "params": value}).encode()
    if isinstance(good, dict):
        for value in mutants(copy.deepcopy(good)):
            yield json.dumps(value).encode()
    text = good.encode() if isinstance(good, str) else json.dumps(good).encode()
    for at in range(0, len(text), max(1, len(text) // 12)):
        yield text[:at]
        yield text[:at] + b"\xff" + text[at:]
        yield text[:at] + b"[{" + text[at + 2 :]
    for wild in TEXTS:
        yield wild.encode("utf-8", "surrogatepass")
    yield b"[" * 100_000
    yield b'{"a":' * 50_000


class Sender:
    """Sends bytes over one connection; ids in paths are of things that exist."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", int(call.endpoint.iam_url.rpartition(":")[2]), timeout=120
        )
        self.secrets = {call.endpoint.token, "Traceback", "site-packages"}
        self.made = 0
        self.task = str(call("POST", "/transpile", json=BODIES["POST /transpile"]).json()["task_id"])
        self.log_in()

    def log_in(self) -> None:
        body = json.dumps({"apiToken": self.call.endpoint.token}).encode()
        self.access = json.loads(self.send("POST", "/api/users/loginWithToken", body)[1])["id"]

    def send(self, method: str, target: str, body: bytes = b"", **headers: bytes) -> tuple[int, bytes]:
        self.connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {**headers, "Content_Length": b"%d" % len(body)}.items():
            self.connection._buffer.append(name.replace("_", "-").encode() + b": " + value)  # type: ignore[attr-defined]
        self.connection.endheaders(body or None)
        answer = self.connection.getresponse()
        heard = answer.read()
        assert answer.status < 500, (method, target[:300], body[:300], headers, heard)
        assert "x" not in {key.lower() for key in answer.headers}
        assert not [secret for secret in self.secrets if secret in heard.decode()]
        return answer.status, heard

    def good(self, name: str) -> tuple[str, str, dict[str, bytes], bytes]:
        """Return method, target, headers and body of a request that is as it must be."""
        method, _, path = name.partition(" ")
        known = {
            "hub": "ibm-q", "group": "open", "project": "main", "name": "aer_simulator", "plan_id": Instance().plan_id
        }  # fmt: skip
        if "{id}" in path:
            known["id"] = self.make(path)
        target = "/api/v1" + re.sub(r"{(\w+)}", lambda found: known[found[1]], path)
        headers = {key.replace("-", "_"): value.encode() for key, value in self.call.headers.items()}
        if path.startswith(("/users", "/Network", "/logout")):
            target, headers = target.replace("/api/v1", "/api"), {"x_access_token": self.access.encode()}
        body = BODIES.get(name, b"")
        return method, target, headers, body if isinstance(body, bytes) else json.dumps(body).encode()

    def make(self, path: str) -> str:
        if path.startswith("/jobs"):
            return str(self.call.submit())
        if path.startswith("/sessions"):
            return str(self.call("POST", "/sessions", json=BODIES["POST /sessions"]).json()["id"])
        if path.startswith("/programs"):
            self.made += 1
            program = {"name": f"made {self.made}", "data": SOURCE}
            return str(self.call("POST", "/programs", json=program).json()["id"])
        if path.startswith("/transpile"):
            return self.task
        return "mine"


@pytest.fixture(scope="module")
def sender(ideal: Any, heron: Any, shared: Any) -> Iterator[Sender]:
    def execute(_program: str, _params: bytes, _device: Any) -> JobOutput:
        return JobOutput(b'{"results": []}', 0.01, 1)

    with serve(
        [ideal, heron],
        settings=lambda s: replace(
            s,
            execute=execute,
            limits=replace(s.limits, wait_seconds=0.0, transpilations=1, transpile_seconds=1.0),
            programs=ProgramRules(allow="trusted", programs=100_000),
        ),
    ) as server:
        call = type(shared)(server)
        sender = Sender(call)
        yield sender
        sender.connection.close()
        call.session.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_mutation_of_a_request_is_an_internal_error(sender: Sender, name: str) -> None:
    """Faults C9, server side: bodies, queries, headers and ids, mutated one at a time."""
    method, target, headers, body = sender.good(name)
    given = PATHS[name.partition(" ")[2]][method.lower()].get("parameters", ())
    if name in BODIES:
        for mutant in bodies(name):
            sender.send(method, target, mutant, **headers)
    for each in given:
        for text in TEXTS:
            written = quote(text.encode("utf-8", "surrogatepass"), safe="")
            if each["in"] == "query":
                sender.send(method, f"{target}?{each['name']}={written}", body, **headers)
            elif each["in"] == "path":
                wild = target.replace(target.split("/")[path_index(name, each["name"])], written or "%20")
                sender.send(method, wild, body, **headers)
            elif "\0" not in text and "\n" not in text and len(text) < 4000:
                changed = {**headers, each["name"].replace("-", "_"): text.encode("utf-8", "surrogatepass")}
                sender.send(method, target, body, **changed)
    for query in ("a=1&a=2&&=", "%ff=%00", "&".join(f"{each['name']}=1&{each['name']}=" for each in given)):
        sender.send(method, f"{target}?{query}", body, **headers)
    sender.log_in()


def path_index(name: str, parameter: str) -> int:
    """Return where in a target a parameter of its path stands."""
    prefix = 2 if name.partition(" ")[2].startswith(("/users", "/Network", "/logout")) else 3
    return name.split("/").index(f"{{{parameter}}}") + prefix - 1


def test_nothing_is_left_unfinished_by_mutations(sender: Sender) -> None:
    """What was accepted on the way comes to an end (faults C16); of one at least, whatever came before."""
    method, target, headers, body = sender.good("POST /jobs")
    assert sender.send(method, target, body, **headers)[0] == 200
    pending = "/jobs?limit=200&pending=true"
    deadline = time.monotonic() + 600
    while jobs := sender.call.get(pending)["jobs"]:
        assert time.monotonic() < deadline, jobs
    assert sender.call.get("/jobs")["count"] > 0
