"""The loop around a send: retries, deadlines, tokens, redirects, bodies, logs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.rest.auth import StaticBearer
from qiskit_rest_primitives.rest.messages import ExchangeError, Failure, FailureError, Request, Response
from qiskit_rest_primitives.rest.retry import RetryPolicy
from qiskit_rest_primitives.rest.transport import Transport

BASE = "https://quantum.example/api/v1"
GET_JOB = Request("GET", "/jobs/a", "GET /jobs/{id}", job_id="a")
POST_ONCE = Request("POST", "/tasks", "POST /tasks", body=b"{}")
REFUSED = ExchangeError("no connection to h:1: refused", kind="connect", sent=False)
BROKEN = ExchangeError("the connection broke: reset", kind="broken", sent=True)


@pytest.fixture
def make(fake_time: Any) -> Any:
    def make(send: Any, **more: Any) -> Transport:
        more.setdefault("auth", StaticBearer("s3cret"))
        more.setdefault("retry", RetryPolicy(attempts=4, base=1.0, cap=8.0))
        return Transport(
            more.pop("base", BASE),
            send,
            clock=fake_time.clock,
            sleep=fake_time.sleep,
            random=lambda: 0.0,
            **more,
        )

    return make


def failure_from(call: Any) -> Failure:
    with pytest.raises(FailureError) as caught:
        call()
    return caught.value.failure


def test_an_answer_is_returned_without_any_pause(
    make: Any, scripted: Any, json_response: Any, fake_time: Any
) -> None:
    send = scripted(json_response(200, {"id": "a"}))

    assert make(send).json(GET_JOB) == {"id": "a"}
    assert (len(send.sent), fake_time.pauses) == (1, [])


def test_headers_are_merged_into_new_values(make: Any, scripted: Any, json_response: Any) -> None:
    send = scripted(json_response(200, {}))
    own = {"Service-CRN": "crn:x", "accept": "application/json"}
    transport = make(send, headers=own)

    transport.json(replace(POST_ONCE, headers={"Accept": "text/plain", "X-Once": "1"}))
    transport.json(GET_JOB)

    assert send.sent[0].headers == {
        "Accept-Encoding": "gzip",
        "Accept": "text/plain",
        "Service-CRN": "crn:x",
        "X-Once": "1",
        "Authorization": "Bearer s3cret",
        "Content-Type": "application/json",
    }
    assert send.sent[1].headers == {
        "Accept-Encoding": "gzip",
        "accept": "application/json",
        "Service-CRN": "crn:x",
        "Authorization": "Bearer s3cret",
    }
    assert own == {"Service-CRN": "crn:x", "accept": "application/json"}


def test_query_values_are_encoded_and_lists_repeated(make: Any, scripted: Any, json_response: Any) -> None:
    send = scripted(json_response(200, {}))

    make(send).json(Request("GET", "/jobs", "GET /jobs", (("tags", "a b"), ("tags", "ä&c"))))

    assert send.sent[0].url == f"{BASE}/jobs?tags=a+b&tags=%C3%A4%26c"


def test_transient_troubles_are_survived(
    make: Any, scripted: Any, json_response: Any, fake_time: Any
) -> None:
    send = scripted(json_response(503), BROKEN, json_response(200, {"id": "a"}))

    assert make(send).json(GET_JOB) == {"id": "a"}
    assert fake_time.pauses == [1.0, 2.0]


def test_retry_after_beats_the_policy(make: Any, scripted: Any, json_response: Any, fake_time: Any) -> None:
    send = scripted(json_response(429, None, retry_after="7"), json_response(200, {}))

    make(send).json(GET_JOB)

    assert fake_time.pauses == [7.0]


def test_the_last_failure_is_reported_with_its_facts(make: Any, scripted: Any, json_response: Any) -> None:
    body = {"errors": [{"code": 1500, "message": "broken", "solution": "wait"}], "trace": "t1"}
    send = scripted(json_response(500, body))

    failure = failure_from(lambda: make(send).json(GET_JOB))

    assert len(send.sent) == 4
    assert (failure.kind, failure.status, failure.code, failure.message) == ("status", 500, "1500", "broken")
    assert (failure.solution, failure.trace, failure.job_id) == ("wait", "t1", "a")


def test_error_of_chooses_what_is_raised(make: Any, scripted: Any, json_response: Any) -> None:
    class Mine(Exception):
        pass

    transport = make(scripted(json_response(404)), error_of=lambda failure: Mine(failure.status))

    with pytest.raises(Mine, match="404"):
        transport.json(GET_JOB)


@pytest.mark.parametrize(
    ("outcome", "attempts", "kind"),
    [(REFUSED, 4, "connect"), (BROKEN, 1, "connect")],
)
def test_a_post_is_repeated_only_if_it_was_not_sent(
    make: Any, scripted: Any, outcome: ExchangeError, attempts: int, kind: str
) -> None:
    send = scripted(outcome)

    failure = failure_from(lambda: make(send).json(POST_ONCE))

    assert (len(send.sent), failure.kind) == (attempts, kind)


def test_delete_that_took_effect_before_is_done(make: Any, scripted: Any, json_response: Any) -> None:
    request = Request("DELETE", "/jobs/a", "DELETE /jobs/{id}", job_id="a")

    assert make(scripted(BROKEN, json_response(404))).request(request, settled=(404,)).status == 204
    assert failure_from(
        lambda: make(scripted(json_response(404))).request(request, settled=(404,))
    ).status == 404  # fmt: skip
    assert failure_from(
        lambda: make(scripted(REFUSED, json_response(404))).request(request, settled=(404,))
    ).status == 404  # fmt: skip


@pytest.mark.parametrize(
    "response",
    [
        Response(200, {"content-type": "text/html"}, b"<p>hello</p>"),
        Response(200, {}, b"\n<!DOCTYPE HTML><html></html>"),
        Response(200, {"content-type": "application/json"}, b""),
        Response(200, {"content-type": "application/json"}, b'{"id": "a'),
    ],
)
def test_bodies_that_are_not_json_are_asked_for_again_and_then_reported(
    make: Any, scripted: Any, json_response: Any, response: Response
) -> None:
    assert make(scripted(response, json_response(200, {"id": "a"}))).json(GET_JOB) == {"id": "a"}

    failure = failure_from(lambda: make(scripted(response)).json(GET_JOB))

    assert (failure.kind, failure.status, failure.body) == ("body", 200, response.body)


def test_the_timeout_bounds_pauses_too(make: Any, scripted: Any, json_response: Any, fake_time: Any) -> None:
    send = scripted(json_response(503))

    failure = failure_from(lambda: make(send).json(GET_JOB, timeout=2.5))

    assert failure.kind == "deadline"
    assert failure.status == 503
    assert fake_time.pauses == [1.0]  # the next pause would have ended at 3 s


def test_each_attempt_gets_the_time_that_is_left(
    make: Any, scripted: Any, json_response: Any, fake_time: Any
) -> None:
    def slow(outgoing: Any) -> Response:
        fake_time.now += 3.0
        return json_response(503)

    send = scripted(slow, json_response(200, {}))

    make(send).json(GET_JOB, timeout=10.0)

    assert [outgoing.total_timeout for outgoing in send.sent] == [10.0, 6.0]


def test_an_attempt_that_uses_up_the_time_is_a_deadline_failure(
    make: Any, scripted: Any, fake_time: Any
) -> None:
    def too_slow(outgoing: Any) -> Response:
        fake_time.now += outgoing.total_timeout
        raise ExchangeError("no complete answer in time", kind="timeout", sent=True)

    assert failure_from(lambda: make(scripted(too_slow)).json(GET_JOB, timeout=5.0)).kind == "deadline"


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_no_time_means_no_exchange(make: Any, scripted: Any, json_response: Any, timeout: float) -> None:
    send = scripted(json_response(200, {}))

    assert failure_from(lambda: make(send).json(GET_JOB, timeout=timeout)).kind == "deadline"
    assert send.sent == []


class Renewing:
    """Credentials that can be renewed so many times."""

    def __init__(self, renewals: int) -> None:
        self.number = 0
        self.left = renewals

    def headers(self, *, timeout: float | None = None) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.number}"}

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.number += 1
        return True


def test_a_rejected_token_is_renewed_once_and_the_request_sent_again(
    make: Any, scripted: Any, json_response: Any, fake_time: Any
) -> None:
    send = scripted(json_response(401), json_response(200, {"id": "a"}))

    assert make(send, auth=Renewing(5)).json(POST_ONCE) == {"id": "a"}
    assert [outgoing.headers["Authorization"] for outgoing in send.sent] == ["Bearer 0", "Bearer 1"]
    assert fake_time.pauses == []


@pytest.mark.parametrize("renewals", [0, 5])
def test_a_second_rejection_is_final(make: Any, scripted: Any, json_response: Any, renewals: int) -> None:
    send = scripted(json_response(401))

    assert failure_from(lambda: make(send, auth=Renewing(renewals)).json(GET_JOB)).status == 401
    assert len(send.sent) == (2 if renewals else 1)


@pytest.mark.parametrize(
    ("base", "refused"),
    [
        ("http://quantum.example/api/v1", True),
        ("http://127.0.0.1.example/api/v1", True),
        ("http://10.0.0.1/v1", True),
        ("https://quantum.example/api/v1", False),
        ("http://127.0.0.1:8080/api/v1", False),
        ("http://127.8.9.1/v1", False),
        ("http://localhost:8080/v1", False),
        ("http://[::1]:8080/v1", False),
    ],
)
def test_credentials_travel_unencrypted_only_on_this_machine(
    make: Any, scripted: Any, json_response: Any, base: str, refused: bool
) -> None:
    send = scripted(json_response(200, {"id": "a"}))

    if refused:
        failure = failure_from(lambda: make(send, base=base).json(GET_JOB))
        assert failure.kind == "refused"
        assert "allow_insecure" in failure.message
        assert send.sent == []
        assert make(send, base=base, allow_insecure=True).json(GET_JOB) == {"id": "a"}
        assert make(send, base=base, auth=None).json(GET_JOB) == {"id": "a"}
    else:
        assert make(send, base=base).json(GET_JOB) == {"id": "a"}


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/api/v1/jobs/a",
        "//evil.example/jobs/a",
        "https://quantum.example:444/jobs/a",
        "http://quantum.example/api/v1/jobs/a",
        "https://quantum.example@evil.example/",
        "",
    ],
)
def test_redirects_elsewhere_are_not_followed(make: Any, scripted: Any, location: str) -> None:
    send = scripted(Response(302, {"location": location}), Response(200, {}, b"{}"))

    failure = failure_from(lambda: make(send).json(GET_JOB))

    assert (failure.kind, failure.status) == ("status", 302)
    assert len(send.sent) == 1


@pytest.mark.parametrize("location", ["/api/v1/jobs/b", "https://quantum.example/api/v1/jobs/b", "b"])
def test_redirects_on_the_same_host_are_followed(make: Any, scripted: Any, location: str) -> None:
    send = scripted(Response(307, {"location": location}), Response(200, {}, b'{"id": "b"}'))

    assert make(send).json(GET_JOB) == {"id": "b"}
    assert send.sent[1].url == f"{BASE}/jobs/b"


def test_a_redirect_of_a_post_is_not_followed(make: Any, scripted: Any) -> None:
    send = scripted(Response(307, {"location": "/api/v1/elsewhere"}))

    assert failure_from(lambda: make(send).json(POST_ONCE)).status == 307
    assert len(send.sent) == 1


def test_redirects_in_a_circle_end(make: Any, scripted: Any) -> None:
    send = scripted(*[Response(302, {"location": f"/{number}"}) for number in range(50)])

    assert failure_from(lambda: make(send).json(GET_JOB)).status == 302
    assert len(send.sent) == 4


def test_the_log_shows_what_happened_and_nothing_else(
    make: Any, scripted: Any, json_response: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = Request(
        "POST",
        "/sessions",
        "POST /sessions",
        (("who", "s3cret-query"),),
        {"X-H": "s3cret-header"},
        b"s3cret-body",
    )
    send = scripted(json_response(200, {"answer": "s3cret-answer"}, x_request_id="r1"))

    make(send, headers={"Service-CRN": "s3cret-crn"}).json(request)
    failure_from(lambda: make(scripted(REFUSED)).json(request))

    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "POST /sessions 200 0.0 ms id=r1 27 bytes"
    assert lines[1] == "POST /sessions connect 0.0 ms"
    assert "s3cret" not in caplog.text


def test_an_answer_that_means_absence_is_none(make: Any, scripted: Any, json_response: Any) -> None:
    assert make(scripted(json_response(403))).ask(GET_JOB, statuses=(403,)) is None
    assert make(scripted(json_response(200, {"a": 1}))).ask(GET_JOB, statuses=(403,)) == {"a": 1}
