"""Endpoints: which request each method sends, and what its answer becomes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.api import Api
from qiskit_rest_primitives.rest.connect import client_headers, connect
from qiskit_rest_primitives.rest.messages import FailedAttempt, FailureError, Response
from qiskit_rest_primitives.rest.transport import Transport
from qiskit_rest_primitives.wire.jsonio import loads
from qiskit_rest_primitives.wire.models import DeviceRecord, JobPage

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef:guid-1::"
BASE = "https://q.example/api/v1"
JOB = {"id": "j", "state": {"status": "Running"}}
SESSION = {"id": "s", "mode": "batch"}
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

CALLS: list[tuple[Any, str, str, Any, Any, Any]] = [
    # call, method, path and query, body sent, answer, result
    (lambda api: api.versions(), "GET", "/versions", None, {"versions": [{"version": "2026-04-15"}]}, ["2026-04-15"]),
    (lambda api: api.versions(), "GET", "/versions", None, {"versions": ["2024-01-01"]}, ["2024-01-01"]),
    (lambda api: api.backends(), "GET", "/backends?include_mocks=True", None, {"devices": ["a"]}, [DeviceRecord("a")]),
    (lambda api: api.backends(include_mocks=False), "GET", "/backends", None, {"devices": []}, []),
    (
        lambda api: api.backend_configuration("a/b", calibration_id="c"),
        "GET",
        "/backends/a%2Fb/configuration?calibration_id=c",
        None,
        {"n_qubits": 5},
        {"n_qubits": 5},
    ),
    (lambda api: api.backend_properties("a"), "GET", "/backends/a/properties", None, {}, None),
    (lambda api: api.backend_properties("a"), "GET", "/backends/a/properties", None, None, None),
    (
        lambda api: api.backend_properties("a", updated_before=MOMENT),
        "GET",
        "/backends/a/properties?updated_before=2026-01-02T03%3A04%3A05%2B00%3A00",
        None,
        {"qubits": []},
        {"qubits": []},
    ),
    (lambda api: api.backend_status("a"), "GET", "/backends/a/status", None, {"state": True}, {"state": True}),
    (lambda api: api.job("j").status, "GET", "/jobs/j?exclude_params=true", None, JOB, "Running"),
    (lambda api: api.job("j", exclude_params=False).id, "GET", "/jobs/j?exclude_params=false", None, JOB, "j"),
    (lambda api: api.jobs(), "GET", "/jobs?exclude_params=true", None, {"jobs": [], "count": 0}, JobPage((), 0)),
    (
        lambda api: api.jobs(
            limit=5,
            offset=10,
            pending=False,
            program="sampler",
            backend="b",
            created_after=MOMENT,
            created_before="2026",
            descending=False,
            tags=["x y", "z"],
            session_id="s",
            provider="h/g/p",
        ).count,
        "GET",
        (
            "/jobs?limit=5&offset=10&pending=false&program=sampler&backend=b"
            "&created_after=2026-01-02T03%3A04%3A05%2B00%3A00&created_before=2026&sort=ASC&tags=x+y&tags=z"
            "&session_id=s&exclude_params=true&provider=h%2Fg%2Fp"
        ),
        None,
        {"jobs": [JOB], "count": 77},
        77,
    ),
    (lambda api: api.job_results("j"), "GET", "/jobs/j/results", None, b"raw \xff bytes", b"raw \xff bytes"),
    (lambda api: api.job_metrics("j"), "GET", "/jobs/j/metrics", None, {"usage": {}}, {"usage": {}}),
    (lambda api: api.job_logs("j"), "GET", "/jobs/j/logs", None, "päng".encode(), "päng"),
    (lambda api: api.cancel_job("j"), "POST", "/jobs/j/cancel", b"", b"", None),
    (lambda api: api.delete_job("j"), "DELETE", "/jobs/j", None, b"", None),
    (lambda api: api.set_job_tags("j", ["a"]), "PUT", "/jobs/j/tags", {"tags": ["a"]}, b"", None),
    (lambda api: api.tags("abc"), "GET", "/tags?type=job&search=abc", None, {"tags": ["abcd"]}, ["abcd"]),
    (
        lambda api: api.create_session(mode="batch", backend="b").mode,
        "POST",
        "/sessions",
        {"mode": "batch", "backend": "b"},
        SESSION,
        "batch",
    ),
    (
        lambda api: api.create_session(mode="dedicated", backend="b", max_ttl=60).id,
        "POST",
        "/sessions",
        {"mode": "dedicated", "backend": "b", "max_ttl": 60},
        SESSION,
        "s",
    ),
    (lambda api: api.session("s").id, "GET", "/sessions/s", None, SESSION, "s"),
    (lambda api: api.close_session("s"), "PATCH", "/sessions/s", {"accepting_jobs": False}, b"", None),
    (lambda api: api.cancel_session("s"), "DELETE", "/sessions/s/close", None, b"", None),
    (lambda api: api.usage(), "GET", "/instances/usage", None, {"plan_id": "p"}, {"plan_id": "p"}),
    (lambda api: api.instance(), "GET", "/instance", None, {"plan_id": "p"}, {"plan_id": "p"}),
    (
        lambda api: api.workloads(limit=5, status=["pending", "failed"]),
        "GET",
        "/workloads?limit=5&status=pending&status=failed",
        None,
        {"workloads": []},
        {"workloads": []},
    ),
]  # fmt: skip


def api_over(send: Any) -> Api:
    return Api(Transport(BASE, send, sleep=lambda seconds: None))


@pytest.mark.parametrize(("call", "method", "target", "body", "answer", "result"), CALLS)
def test_every_method_sends_its_request_and_reads_its_answer(
    scripted: Any,
    json_response: Any,
    call: Any,
    method: str,
    target: str,
    body: Any,
    answer: Any,
    result: Any,
) -> None:
    if isinstance(answer, bytes):
        response = Response(200 if answer else 204, {}, answer)
    else:
        response = Response(200, {}, b"null") if answer is None else json_response(200, answer)
    if target.endswith("interim_results"):
        response = Response(200, {}, b"")
    send = scripted(response)

    assert call(api_over(send)) == result
    (outgoing,) = send.sent
    assert (outgoing.method, outgoing.url) == (method, BASE + target)
    assert (loads(outgoing.body) if outgoing.body else None) == (body or None)


def test_results_are_none_until_there_are_some(scripted: Any) -> None:
    assert api_over(scripted(Response(204, {}))).job_results("j") is None


def test_an_empty_result_is_damage_unless_it_is_expected(scripted: Any) -> None:
    empty = Response(200, {}, b"")

    assert api_over(scripted(empty, Response(200, {}, b"{}"))).job_results("j") == b"{}"
    assert api_over(scripted(empty)).job_results("j", expect_body=False) == b""
    with pytest.raises(FailureError) as caught:
        api_over(scripted(empty)).job_results("j")
    assert caught.value.failure.kind == "body"


@pytest.mark.parametrize(("wait", "header"), [(None, None), (0.4, None), (1, "wait=1"), (25.9, "wait=25")])
def test_holding_is_asked_for_in_whole_seconds(
    scripted: Any, json_response: Any, wait: float | None, header: str | None
) -> None:
    send = scripted(json_response(200, JOB))

    api_over(send).poll_job("j", wait=wait)
    api_over(send).held_results("j", wait=wait)

    assert [outgoing.headers.get("Prefer") for outgoing in send.sent] == [header, header]


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.job(""),
        lambda api: api.job(".."),
        lambda api: api.job_results("..."),
        lambda api: api.cancel_job(" "),
        lambda api: api.delete_job(""),
        lambda api: api.session("."),
        lambda api: api.close_session(""),
        lambda api: api.backend_status(""),
    ],
)
def test_ids_that_would_name_another_path_are_refused(scripted: Any, json_response: Any, call: Any) -> None:
    send = scripted(json_response(200, JOB))

    with pytest.raises(ValueError, match="cannot be used"):
        call(api_over(send))

    assert send.sent == []


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"3", b"null", b'{"jobs": [3]}'])
@pytest.mark.parametrize("call", [lambda api: api.job("j"), lambda api: api.session("s")])
def test_answers_that_lack_what_they_must_hold_are_failures(scripted: Any, call: Any, answer: bytes) -> None:
    with pytest.raises(FailureError) as caught:
        call(api_over(scripted(Response(200, {}, answer))))

    assert caught.value.failure.kind == "body"


def test_a_poll_returns_its_failed_attempt(scripted: Any, json_response: Any) -> None:
    outcome = api_over(scripted(json_response(503, None, retry_after="3"))).poll_job("j")

    assert isinstance(outcome, FailedAttempt)
    assert (outcome.failure.status, outcome.headers["retry-after"]) == (503, "3")


def test_a_connected_api_says_who_it_is_and_for_which_instance(scripted: Any, json_response: Any) -> None:
    token = Response(200, {}, b'{"access_token": "tok", "expires_in": 3600}')
    send = scripted(token, json_response(200, {}))
    account = Account(token="key-of-this-test", instance=CRN)

    connect(account, send=send).usage()

    assert send.sent[0].url == "https://iam.cloud.ibm.com/identity/token"
    assert send.sent[1].url == "https://quantum.cloud.ibm.com/api/v1/instances/usage"
    headers = send.sent[1].headers
    assert headers["Service-CRN"] == CRN
    assert headers["IBM-API-Version"] == "2026-04-15"
    assert headers["Authorization"] == "Bearer tok"
    assert "key-of-this-test" not in str(headers)


def test_client_headers_follow_the_environment() -> None:
    usual = client_headers(CRN, {})
    custom = client_headers("a-name", {"QISKIT_IBM_RUNTIME_CUSTOM_CLIENT_APP_HEADER": "mine"})
    silent = client_headers(None, {"USAGE_DATA_OPT_OUT": "True", "QISKIT_FUNCTIONS_IDENTIFIER": "f"})

    assert usual["X-Qx-Client-Application"].startswith("qiskit-version-2/qiskit_rest_primitives-")
    assert custom["X-Qx-Client-Application"].endswith("/mine")
    assert "Service-CRN" not in custom
    assert silent["X-Qx-Client-Application"] == "qiskit-version-2/qiskit"
    assert silent["IBM-API-Function-Id"] == "f"
