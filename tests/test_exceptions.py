"""The exception tree and the table from failures to classes."""

from __future__ import annotations

import json
import pickle

import pytest
from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobTimeoutError

from qiskit_rest_primitives import exceptions
from qiskit_rest_primitives.exceptions import from_failure
from qiskit_rest_primitives.rest.messages import Failure, Request, Response, failure_of


def failure(**changes: object) -> Failure:
    values: dict[str, object] = {
        "kind": "status",
        "operation": "GET /jobs/{id}",
        "method": "GET",
        "path": "/jobs/d0a1",
        "message": "something went wrong",
        "status": 500,
    }
    return Failure(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": 401}, exceptions.IBMNotAuthorizedError),
        ({"status": 404}, exceptions.RuntimeJobNotFound),
        ({"status": 404, "operation": "GET /jobs/{id}/results"}, exceptions.RuntimeJobNotFound),
        ({"status": 404, "operation": "POST /jobs"}, exceptions.RuntimeProgramNotFound),
        ({"status": 400, "operation": "POST /jobs"}, exceptions.IBMRuntimeError),
        ({"status": 400, "operation": "POST /jobs", "code": "1217"}, exceptions.SessionClosedError),
        ({"status": 409, "message": "Session has been closed."}, exceptions.SessionClosedError),
        ({"status": 409, "operation": "POST /jobs/{id}/cancel"}, exceptions.RuntimeInvalidStateError),
        ({"status": 409, "operation": "POST /jobs"}, exceptions.UsageLimitError),  # faults E (409)
        (
            {"status": 409, "operation": "POST /jobs", "code": "idempotency_key_reused"},
            exceptions.IBMRuntimeError,
        ),
        ({"status": 503, "operation": "GET /backends"}, exceptions.RequestsApiError),
        ({"status": 404, "operation": "GET /sessions/{id}"}, exceptions.RequestsApiError),
        ({"kind": "connect", "status": None}, exceptions.RequestConnectionError),
        ({"kind": "timeout", "status": None}, exceptions.RequestTimeoutError),
        ({"kind": "deadline", "status": None}, exceptions.RequestTimeoutError),
        ({"kind": "auth", "status": None}, exceptions.IBMNotAuthorizedError),
        ({"kind": "refused", "status": None}, exceptions.IBMInputValueError),
        ({"kind": "body", "status": 200}, exceptions.RequestsApiError),
        ({"kind": "unknown-outcome", "status": None}, exceptions.SubmissionUnknownError),
    ],
)
def test_table_picks_the_class(changes: dict[str, object], expected: type[Exception]) -> None:
    assert type(from_failure(failure(**changes))) is expected


def test_message_says_what_where_and_what_to_do() -> None:
    error = from_failure(
        failure(code="1352", solution="Use batch mode.", trace="t-1", job_id="d0a1", status=400)
    )

    assert str(error) == (
        "something went wrong. Use batch mode. [GET /jobs/d0a1, HTTP 400, code 1352, job d0a1, trace t-1]"
    )
    assert (error.status_code, error.code, error.trace, error.job_id) == (400, "1352", "t-1", "d0a1")


def test_error_without_request_has_no_status() -> None:
    error = exceptions.IBMInputValueError("shots must be positive")

    assert (error.status_code, error.code, error.failure, str(error)) == (
        -1,
        None,
        None,
        "shots must be positive",
    )


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("IBMInputValueError", (exceptions.IBMError, ValueError)),
        ("IBMBackendValueError", (exceptions.IBMBackendError, ValueError)),
        ("IBMNotAuthorizedError", (exceptions.IBMError,)),
        ("RuntimeJobFailureError", (JobError,)),
        ("RuntimeJobTimeoutError", (JobTimeoutError,)),
        ("RuntimeJobMaxTimeoutError", (exceptions.IBMRuntimeError,)),
        ("AccountNotFoundError", (exceptions.AccountsError, exceptions.IBMAccountError)),
        ("RequestTimeoutError", (exceptions.RequestsApiError, TimeoutError)),
        ("RequestConnectionError", (exceptions.RequestsApiError, ConnectionError)),
    ],
)
def test_bases_are_those_of_the_official_package(name: str, bases: tuple[type, ...]) -> None:
    cls = getattr(exceptions, name)

    assert [base for base in (*bases, QiskitError) if not issubclass(cls, base)] == []


@pytest.mark.parametrize(
    "operation",
    ["GET /jobs", "GET /jobs/{id}", "GET /jobs/{id}/metrics", "GET /jobs/{id}/logs", "POST /jobs/{id}/cancel",
     "GET /instances/usage", "GET /backends/{name}/properties", "PUT /jobs/{id}/tags", "POST /sessions"],
)  # fmt: skip
def test_what_the_service_cannot_do_is_caught_by_either_official_name(operation: str) -> None:
    for changes in ({"status": 500}, {"status": 400}, {"kind": "connect", "status": None}):
        error = from_failure(failure(operation=operation, **changes))

        assert isinstance(error, exceptions.RequestsApiError)
        assert isinstance(error, exceptions.IBMRuntimeError)
        assert isinstance(error, exceptions.IBMApiError)


def test_a_failed_request_can_be_told_by_its_status_alone() -> None:
    error = exceptions.RequestsApiError("no", 503)

    assert (str(error), error.status_code, exceptions.RequestsApiError("no").status_code) == ("no", 503, -1)
    assert pickle.loads(pickle.dumps(error)).status_code == 503


def test_errors_survive_pickling_with_their_facts() -> None:
    error = exceptions.ResultDecodeError("bad", path="$.results[0]", body=b"{", job_id="d0a1")

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), copy.path, copy.body, copy.job_id) == (
        type(error),
        "bad",
        "$.results[0]",
        b"{",
        "d0a1",
    )


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (b'{"errors":[{"code":1352,"message":"no"}],"trace":"t"}', "no", "1352"),
        (b'{"errors":[{"code":"not_found","message":"device not found"}]}', "device not found", "not_found"),
        (b'{"error":{"status":401,"name":"X","code":"E","message":"old"}}', "old", "E"),
        (b'{"errorCode":"BXNIM0415E","errorMessage":"key not found"}', "key not found", "BXNIM0415E"),
        (b'{"detail":[{"input":1,"msg":"too small"}]}', "too small", None),
        (b"error code: 520", "error code: 520", None),
        (b"<html>hello</html>", "HTTP 400 with no explanation in the body.", None),
        (b"", "HTTP 400 with no explanation in the body.", None),
        (b"null", "HTTP 400 with no explanation in the body.", None),
    ],
)
def test_every_documented_envelope_is_read(body: bytes, message: str, code: str | None) -> None:
    read = failure_of(Request("GET", "/x", "GET /x"), Response(400, {}, body))

    assert (read.message, read.code, read.body) == (message, code, body)


SUBMIT = ("POST", "/jobs", "POST /jobs")
SHOWN = ("GET", "/jobs/d0a1", "GET /jobs/{id}")
DOCUMENTED: dict[str, tuple[int, int | str, tuple[str, str, str], str, type[Exception]]] = {
    "1200": (401, 1200, SHOWN, "You are not authorized.", exceptions.IBMNotAuthorizedError),
    "1201": (401, 1201, SUBMIT, "Bad credentials.", exceptions.IBMNotAuthorizedError),
    "1202": (429, 1202, SUBMIT, "Too many requests.", exceptions.IBMRuntimeError),
    "1204": (400, 1204, SUBMIT, "Too many tags.", exceptions.IBMRuntimeError),
    "1205": (400, "1205", ("PUT", "/jobs/d0a1/tags", "PUT /jobs/{id}/tags"), "Tag too long.", exceptions.RequestsApiError),
    "1217": (400, 1217, SUBMIT, "Session has been closed.", exceptions.SessionClosedError),
    "1217-text": (409, "conflict", SUBMIT, "Session has been closed.", exceptions.SessionClosedError),
    "1233": (423, 1233, ("GET", "/backends/b", "GET /backends/{name}"), "Backend reserved.", exceptions.RequestsApiError),
    "1279": (404, 1279, ("GET", "/backends", "GET /backends"), "Instance not found.", exceptions.RequestsApiError),
    "1352": (
        400,
        1352,
        ("POST", "/sessions", "POST /sessions"),
        "You are not authorized to run a session when using the open plan.",
        exceptions.RequestsApiError,
    ),
    "not_found-job": (404, "not_found", SHOWN, "unknown job", exceptions.RuntimeJobNotFound),
    "not_found-device": (
        404,
        "not_found",
        ("GET", "/backends/b/configuration", "GET /backends/{name}/configuration"),
        "device not found",
        exceptions.RequestsApiError,
    ),
    "9999": (500, 9999, SHOWN, "Internal error.", exceptions.RequestsApiError),
}  # fmt: skip
"""Every code of an answer in rest-api.md 1.5 and 1.6; the others there are reasons of jobs, not of answers."""


@pytest.mark.parametrize(
    ("status", "code", "asked", "message", "expected"), DOCUMENTED.values(), ids=DOCUMENTED
)
def test_every_documented_code_has_a_class_and_keeps_every_fact(
    status: int, code: int | str, asked: tuple[str, str, str], message: str, expected: type[Exception]
) -> None:
    method, path, operation = asked
    job = "d0a1" if "d0a1" in path else None
    envelope = {"errors": [{"code": code, "message": message, "solution": "Do so."}], "trace": "t-1"}
    answer = Response(status, {}, json.dumps(envelope).encode())
    error = from_failure(failure_of(Request(method, path, operation, job_id=job), answer))

    assert type(error) is expected
    assert (error.status_code, error.code, error.trace, error.job_id) == (status, str(code), "t-1", job)
    assert error.failure is not None
    assert (error.failure.method, error.failure.path) == (method, path)
    assert (error.failure.message, error.failure.solution) == (message, "Do so.")
    facts = [message, "Do so.", f"{method} {path}", f"HTTP {status}", f"code {code}", "trace t-1"]
    assert [fact for fact in facts if fact not in str(error)] == []
