"""Every endpoint that the services have is here, is described, and answers what they answer.

The table is rest-api.md 0, 2.1 and 2.4 (token exchange, discovery), 2.5 and 7.4 (the classic platform), 6 (transpiler)
and 7.1 to 7.5 (programs). It is written out rather than taken from the server's own tables, which it checks.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.endpoints import ENDPOINTS, document
from qiskit_rest_primitives.server.http.api_paths import FIRST_WORDS
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.settings import DEFAULT_CRN, Instance, ProgramRules

DEVICES = "/Network/{hub}/Groups/{group}/Projects/{project}/devices"
SOURCE = "ZGVmIG1haW4oYmFja2VuZCwgdXNlcl9tZXNzZW5nZXIpOiBwYXNzCg=="
MISSING = "10ca1000-0000-4000-8000-00000000dead"


@dataclass(frozen=True)
class Row:
    """One line of the map.

    Attributes:
        request: Verb and path.
        success: The status of a success.
        others: The errors that the service documents and this server can come to; 403 is for roles, of which there is
            one here, and 500 for accidents.
        send: Body and query of a request that succeeds.
        open: Whether no credentials are asked for.
    """

    request: str
    success: int
    others: tuple[int, ...] = ()
    send: dict[str, Any] | None = None
    open: bool = False

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.request.partition(" ")[2]


FORM = {"data": "grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=KEY&response_type=cloud_iam"}
JOB = {"json": {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}}
SESSION = {"json": {"mode": "batch", "backend": "aer_simulator", "max_ttl": 600}}
TRANSPILE = {
    "json": {"qasm_circuits": "OPENQASM 3.0; qubit[1] q;"},
    "params": {"backend": "aer_simulator", "optimization_level": "1", "ai": "false"},
}
SEARCH = {"json": {"query": "service_name:quantum-computing", "fields": ["crn"]}, "params": {"limit": 100}}
PROGRAM = {"json": {"name": "NEW", "data": SOURCE, "cost": 300, "description": "d", "is_public": False}}

CURRENT = (
    Row("GET /versions", 200, open=True),
    Row("GET /backends", 200, (400, 401), {"params": {"fields": "wait_time_seconds"}}),
    Row("GET /backends/{name}/configuration", 200, (404,), {"params": {"calibration_id": "c"}}),
    Row(
        "GET /backends/{name}/properties", 200, (404,), {"params": {"updated_before": "2026-01-01T00:00:00Z"}}
    ),
    Row("GET /backends/{name}/status", 200, (404,)),
    Row("GET /backends/{name}/defaults", 200, (404,)),
    Row("POST /jobs", 200, (400, 401, 404, 409, 429), JOB),
    Row("GET /jobs", 200, (400, 401, 404)),
    Row("GET /jobs/{id}", 200, (401, 404), {"params": {"exclude_params": "true"}}),
    Row("DELETE /jobs/{id}", 204, (400, 401, 404)),
    Row("GET /jobs/{id}/results", 200, (400, 401, 404)),
    Row("POST /jobs/{running}/cancel", 204, (400, 401, 404, 409)),
    Row("PUT /jobs/{id}/tags", 204, (401, 404), {"json": {"tags": ["a"]}}),
    Row("GET /jobs/{id}/metrics", 200, (401, 404)),
    Row("GET /jobs/{id}/logs", 200, (401, 404)),
    Row("GET /jobs/{id}/interim_results", 200, (401, 404)),
    Row(
        "GET /jobs/{id}/transpiled_circuits", 404, (401, 404)
    ),  # none is stored, as on the service since 2024
    Row("GET /tags", 200, (400, 401, 404), {"params": {"type": "job", "search": "abc"}}),
    Row("POST /sessions", 200, (400, 401), SESSION),
    Row("GET /sessions/{session}", 200, (401, 404)),
    Row("PATCH /sessions/{session}", 204, (401, 404), {"json": {"accepting_jobs": False}}),
    Row("DELETE /sessions/{session}/close", 204, (404,)),
    Row("GET /workloads", 200, (400, 401)),
    Row("GET /instance", 200, (401, 404)),
    Row("GET /instances/usage", 200, (401,)),
    Row("GET /instances/configuration", 200, (401, 404)),
    Row("PUT /instances/configuration", 204, (400, 401, 404), {"json": {"instance_limit": None}}),
    Row("GET /accounts/{account}", 200, (400, 401, 404), {"params": {"plan_id": "p"}}),
    Row("GET /analytics/usage", 200, (401, 404)),
    Row("GET /analytics/usage_grouped", 200, (401, 404), {"params": {"group_by": "backend"}}),
    Row("GET /analytics/usage_grouped_by_date", 200, (401, 404), {"params": {"group_by": "instance"}}),
    Row("GET /analytics/filters", 200, (401, 404)),
)
ACCOUNTS = (
    Row("POST /identity/token", 200, (400,), FORM, open=True),
    Row("POST /oidc/token", 200, (400,), FORM, open=True),
    Row("POST /v3/resources/search", 200, (401,), SEARCH),
    Row("GET /{plan}", 200, (404,), open=True),
)
OLDER = (
    Row("POST /transpile", 200, (401, 422), TRANSPILE),
    Row("GET /transpile/{task}", 200, (401, 404)),
    Row("GET /programs", 200, (401,), {"params": {"limit": 20, "offset": 0}}),
    Row("POST /programs", 200, (403, 409), PROGRAM),
    Row("GET /programs/{program}", 200, (404,)),
    Row("PATCH /programs/{program}", 204, (404,), {"json": {"description": "other"}}),
    Row("GET /programs/{program}/data", 200, (404,)),
    Row("PUT /programs/{program}/data", 204, (404,), {"data": SOURCE}),
    Row("PUT /programs/{program}/public", 204, (404,)),
    Row("PUT /programs/{program}/private", 204, (404,)),
    Row("DELETE /programs/{program}", 204, (404,)),
)
CLASSIC = (
    Row("POST /users/loginWithToken", 200, (401,), {"json": {"apiToken": "KEY"}}, open=True),
    Row("GET /users/me", 200, (401,)),
    Row("GET /Network", 200, (401,)),
    Row("GET /Network/bookings/v2", 200, (401,)),
    Row("GET /version", 200, open=True),
    Row(f"GET {DEVICES}/v/1", 200, (401,)),
    Row(f"GET {DEVICES}/{{name}}/configuration", 200, (401, 404)),
    Row(f"GET {DEVICES}/{{name}}/properties", 200, (401, 404)),
    Row(f"GET {DEVICES}/{{name}}/defaults", 200, (401, 404)),
    Row(f"GET {DEVICES}/{{name}}/status", 200, (401, 404)),
    Row(f"GET {DEVICES}/{{name}}/queue/status", 200, (401, 404)),
    Row("POST /logout", 204, (401,)),
    Row("POST /users/logout", 204, (401,)),
)
# The server's own, which no service has.
OWN = (Row("GET /health", 200, open=True), Row("GET /openapi.json", 200, open=True))
BELOW_V1 = (*CURRENT, *ACCOUNTS, *OLDER, *OWN)
ALL = (*BELOW_V1, *CLASSIC)
NAMES = {"running": "id", "session": "id", "account": "id", "program": "id", "task": "id", "plan": "plan_id"}


def template(row: Row) -> str:
    """Return a path as the contract writes it."""
    path = row.path
    for name, written in NAMES.items():
        path = path.replace(f"{{{name}}}", f"{{{written}}}")
    return path


class Places:
    """Makes what the paths of the table name."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.made = 0

    def path(self, row: Row) -> str:
        """Fill in a path with things that exist."""
        path = row.path.replace("{name}", "local_heron").replace("{account}", "mine")
        path = path.replace("{plan}", "10ca1000-0000-4000-8000-0000000000aa")
        path = path.replace("{hub}", "ibm-q").replace("{group}", "open").replace("{project}", "main")
        makers: dict[str, Callable[[], str]] = {
            "{id}": self._job,
            "{running}": lambda: str(self.call.submit(params={"pubs": [["held"]]})),
            "{session}": lambda: str(self.call("POST", "/sessions", **SESSION).json()["id"]),
            "{program}": lambda: str(self.call("POST", "/programs", **self.body(PROGRAM)).json()["id"]),
            "{task}": lambda: str(self.call("POST", "/transpile", **TRANSPILE).json()["task_id"]),
        }
        for mark, make in makers.items():
            if mark in path:
                path = path.replace(mark, make())
        return path

    def body(self, send: dict[str, Any]) -> dict[str, Any]:
        """Fill in a body: the key, and a name that is free."""
        self.made += 1
        text = json.dumps(send).replace("KEY", self.call.endpoint.token).replace("NEW", f"p{self.made}")
        filled: dict[str, Any] = json.loads(text)
        return filled

    def _job(self) -> str:
        job = str(self.call.submit())
        self.call.wait(job)
        return job

    def ask(self, row: Row, *, base: str | None = None, path: str | None = None) -> requests.Response:
        """Send a row's request in the dialect it belongs to."""
        headers = {name: self.call.headers[name] for name in ("Authorization", "Service-CRN")}
        place = base if base is not None else self.call.endpoint.url
        if row in CLASSIC:
            place = self.call.endpoint.iam_url + "/api"
            login = requests.post(
                f"{place}/users/loginWithToken", json={"apiToken": self.call.endpoint.token}, timeout=120
            )
            headers = {"x-access-token": login.json()["id"]}
        if "data" in (row.send or {}):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return requests.request(
            row.method,
            place + (path or self.path(row)),
            headers=headers,
            timeout=600,
            **self.body(row.send or {}),
        )


@pytest.fixture(scope="module")
def places(ideal: Any, heron: Any, shared: Any) -> Iterator[Places]:
    """A server whose jobs end at once, but for held ones, and to which programs can be uploaded."""
    over = threading.Event()

    def execute(_program: str, params: bytes, _device: Any) -> JobOutput:
        if b"held" in params:
            over.wait(600)
        return JobOutput(b'{"results": []}', 0.01, 1)

    with serve(
        [ideal, heron],
        instances=[Instance(crn=re.sub("a/[^:]+", "a/mine", DEFAULT_CRN))],  # the path tells it in every log
        settings=lambda s: replace(s, execute=execute, programs=ProgramRules(allow="trusted"), workers=8),
    ) as server:
        call = type(shared)(server)
        yield Places(call)
        over.set()
        call.session.close()


def test_the_table_is_complete_and_nothing_else_is_served() -> None:
    written = json.loads(document())
    described = {
        (method.upper(), path) for path, operations in written["paths"].items() for method in operations
    }
    assert len({row.request for row in ALL}) == len(ALL)
    assert {(row.method, template(row)) for row in ALL} == described
    assert described == {(row.method, row.path) for row in ENDPOINTS}
    assert {row.path.split("/")[1] for row in ALL} - {"{plan}"} == FIRST_WORDS


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.request)
def test_the_documented_statuses_are_described(row: Row) -> None:
    operation = json.loads(document())["paths"][template(row)][row.method.lower()]
    responses = operation["responses"]

    assert str(row.success) in responses
    assert {str(status) for status in row.others} <= set(responses)
    assert (operation.get("security") == []) is row.open
    if row.path == "/jobs/{id}/results":
        assert "204" in responses


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.request)
def test_a_request_succeeds_as_documented(places: Places, row: Row) -> None:
    answer = places.ask(row)

    assert answer.status_code == row.success, answer.text
    assert (answer.content == b"") is (row.success == 204) or row.path.endswith("interim_results")


@pytest.mark.parametrize("row", [row for row in ALL if "{" in row.path], ids=lambda row: row.request)
def test_what_does_not_exist_is_404(places: Places, row: Row) -> None:
    if row.path.endswith("/devices/v/1"):
        return  # any hub, group and project stands for the default one: they are gone (rest-api.md 2.5)
    path = row.path.replace("{hub}/Groups/{group}/Projects/{project}", "h/Groups/g/Projects/p")
    for name in ("name", "id", *NAMES):
        path = path.replace(f"{{{name}}}", MISSING)
    answer = places.ask(row, path=path)

    assert answer.status_code == 404
    assert {"errors", "error", "detail"} & set(answer.json())


@pytest.mark.parametrize(
    "base",
    [
        "/v1",
        "",
        "/experimental",
        "/experimental/api/v1",
        "/my-experimental-server/v1",
        "/a/experimental/b-experimental",
    ],
)
def test_every_base_path_leads_to_the_same_endpoints(places: Places, base: str) -> None:
    for row in BELOW_V1:
        if not row.request.startswith(("POST", "PUT", "DELETE", "PATCH")):
            answer = places.ask(row, base=places.call.endpoint.iam_url + base)
            assert answer.status_code == row.success, f"{row.request}: {answer.text}"


@pytest.mark.parametrize(
    "path",
    ["/jobs/experimental/results", "/backends/experimental_x/configuration", "/sessions/experimental/close"],
)
def test_the_word_may_be_in_a_name(shared: Any, path: str) -> None:
    answer = shared("DELETE" if "close" in path else "GET", path)

    assert (answer.status_code, "No such path" in answer.text) == (404, False)


def test_the_current_endpoints_answer_below_runtime_too(places: Places) -> None:
    endpoint = places.call.endpoint
    login = requests.post(
        f"{endpoint.iam_url}/api/users/loginWithToken", json={"apiToken": endpoint.token}, timeout=120
    )
    for row in (*CURRENT, *OLDER):
        if row.method == "GET" and row.success == 200:
            answer = requests.get(
                f"{endpoint.iam_url}/runtime{places.path(row)}",
                headers={"x-access-token": login.json()["id"]},
                timeout=600,
                **(row.send or {}),
            )
            assert answer.status_code == 200, f"{row.request}: {answer.text}"
