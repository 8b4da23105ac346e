"""Waiting for a transpilation: growing pauses, an end, and every way a task can end."""

from __future__ import annotations

from typing import Any

import pytest

from qiskit_rest_primitives.rest.messages import ExchangeError, FailureError, Response
from qiskit_rest_primitives.rest.transport import Transport
from qiskit_rest_primitives.transpiler.cloud_service import LONGEST_PAUSE, TranspilingApi


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def api_over(send: Any, time: Time) -> TranspilingApi:
    return TranspilingApi(Transport("https://t.example", send, clock=time, sleep=time.sleep))


@pytest.fixture
def time() -> Time:
    return Time()


def test_questions_come_at_growing_intervals_until_the_result_is_there(
    scripted: Any, json_response: Any, time: Time
) -> None:
    pending = json_response(200, {"state": "PENDING", "result": None})
    early = json_response(200, {"state": "SUCCESS", "result": None})  # not finished (rest-api.md 6.1)
    done = json_response(200, {"state": "SUCCESS", "result": [{"qasm": "x"}], "message": "by hand"})
    send = scripted(json_response(200, {"task_id": "t/1"}), *[pending] * 14, early, done)

    task = api_over(send, time).run(
        {"qasm_circuits": ["x"], "qpy_circuits": None}, {"ai": "auto"}, timeout=300
    )

    assert (task.result, task.reason, task.message) == ([{"qasm": "x"}], None, "by hand")
    assert time.pauses == sorted(time.pauses)
    assert max(time.pauses) == LONGEST_PAUSE
    assert [outgoing.url for outgoing in send.sent[:2]] == [
        "https://t.example/transpile?ai=auto",
        "https://t.example/transpile/t%2F1",
    ]
    assert send.sent[0].body == b'{"qasm_circuits":["x"]}'
    assert send.sent[1].headers["Prefer"] == "wait=10"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"state": "FAILURE", "result": "no such gate"}, "no such gate"),
        ({"state": "FAILURE", "error": "too wide", "result": None}, "too wide"),
        ({"state": "FAILURE"}, "the service gave no reason"),
    ],
)
def test_a_failure_has_a_reason(
    scripted: Any, json_response: Any, time: Time, answer: dict[str, Any], reason: str
) -> None:
    task = api_over(scripted(json_response(200, {"task_id": "t"}), json_response(200, answer)), time)

    assert task.run({}, {}, timeout=10).reason == reason


def test_the_time_is_bounded(scripted: Any, json_response: Any, time: Time) -> None:
    pending = json_response(200, {"state": "PENDING"})
    with pytest.raises(FailureError, match="more than 7 s") as caught:
        api_over(scripted(json_response(200, {"task_id": "t"}), *[pending] * 50), time).run({}, {}, timeout=7)

    assert caught.value.failure.kind == "deadline"
    assert time.now <= 7


def test_an_order_whose_answer_was_lost_is_repeated_under_the_same_key(
    scripted: Any, json_response: Any, time: Time
) -> None:
    lost = ExchangeError("the connection broke", kind="broken", sent=True)
    done = json_response(200, {"state": "SUCCESS", "result": []})
    send = scripted(lost, json_response(502), json_response(200, {"task_id": "t"}), done)

    assert api_over(send, time).run({}, {}, timeout=600).result == []
    keys = [outgoing.headers["Idempotency-Key"] for outgoing in send.sent[:3]]
    assert keys[0]
    assert keys == keys[:1] * 3


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"1"])
def test_an_answer_without_a_task_is_a_failure(scripted: Any, time: Time, answer: bytes) -> None:
    with pytest.raises(FailureError) as caught:
        api_over(scripted(Response(200, {}, answer)), time).run({}, {}, timeout=100)

    assert caught.value.failure.kind == "body"
