"""Faults on purpose, seen from a client."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.faults.plan import Fault, FaultPlan, load_faults


def planned(start: Callable[..., Any], *faults: Fault) -> Any:
    return start(lambda s: replace(s, faults=FaultPlan(faults, seed=5)))


def test_an_answer_takes_the_place_of_the_real_one(start: Callable[..., Any]) -> None:
    fault = Fault(
        "answer", "GET", "/jobs$", skip=1, times=2, status=503, headers={"Retry-After": "1"}, body="{}"
    )
    call = planned(start, fault)
    answers = [requests.get(call.endpoint.url + "/jobs", headers=call.headers, timeout=600) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "1"


@pytest.mark.parametrize(("kind", "created"), [("drop", 0), ("lose", 1), ("truncate", 1)])
def test_a_connection_breaks_before_or_after_the_job_exists(
    start: Callable[..., Any], kind: Any, created: int
) -> None:
    call = planned(start, Fault(kind, "POST", "/jobs$"))
    body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        call("POST", "/jobs", json=body)
    assert call.get("/jobs")["count"] == created
    assert call("POST", "/jobs", json=body).status_code == 200


def test_a_delay_only_delays(start: Callable[..., Any]) -> None:
    call = planned(start, Fault("delay", path="/versions", seconds=0.2))
    began = time.monotonic()

    assert call("GET", "/versions").status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_plan_is_read_from_json() -> None:
    faults = [{"kind": "drop", "method": "POST", "times": None}, {"kind": "delay", "seconds": 2}]
    read = (Fault("drop", "POST", times=None), Fault("delay", seconds=2))

    assert load_faults(json.dumps(faults)) == FaultPlan(read)
    assert load_faults(json.dumps({"seed": 7, "faults": faults})) == FaultPlan(read, 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "JSON list"),
        ("3", "JSON list"),
        ("[1]", "JSON list"),
        ("[", "Expecting value"),
        ('{"faults": [], "speed": 1}', "'faults' and 'seed'"),
        ('{"faults": [], "seed": 1.5}', "seed"),
        ("[{}]", r"\$\[0\].kind is missing"),
        ('[{"kind": "explode"}]', r"\$\[0\].kind must be one of answer, maintenance"),
        ('[{"kind": "drop", "when": 1}]', "unknown keys: when"),
        ('[{"kind": "drop", "path": "("}]', "path must be a regular expression"),
        ('[{"kind": "drop", "method": "post"}]', "method"),
        ('[{"kind": "drop", "probability": 2}]', "probability must be a number from 0 to 1"),
        ('[{"kind": "drop"}, {"kind": "delay", "seconds": "long"}]', r"\$\[1\].seconds"),
        ('[{"kind": "answer", "status": 99}]', "status"),
        ('[{"kind": "answer", "headers": {"Retry-After": 1}}]', "headers"),
        ('[{"kind": "drop", "times": -1}]', "times"),
    ],
)
def test_a_plan_that_is_not_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load_faults(text)


def test_a_refusal_without_words_speaks_as_the_service_does(start: Callable[..., Any]) -> None:
    call = planned(
        start,
        Fault("answer", path="/api/v1/jobs$", status=429),
        Fault("answer", path="/api/v1/jobs$", status=500),
        Fault("answer", path="/runtime/jobs$", status=502),
    )
    many, broken = (
        requests.get(call.endpoint.url + "/jobs", headers=call.headers, timeout=600) for _ in range(2)
    )
    old = requests.get(call.endpoint.iam_url + "/runtime/jobs", timeout=600)

    assert (many.status_code, many.headers["Retry-After"], many.json()["errors"][0]["code"]) == (
        429,
        "12",
        1202,
    )
    assert (broken.status_code, broken.json()["errors"][0]["code"]) == (500, 9999)
    assert (old.status_code, old.json()["error"]["status"]) == (502, 502)


def test_maintenance_lasts_and_ends(start: Callable[..., Any]) -> None:
    call = planned(start, Fault("maintenance", path="/jobs", seconds=0.5))
    first = requests.get(call.endpoint.url + "/jobs", headers=call.headers, timeout=600)
    second = requests.get(call.endpoint.url + "/jobs/x", headers=call.headers, timeout=600)

    assert [first.status_code, second.status_code] == [503, 503]
    assert (first.headers["Retry-After"], "maintenance" in first.text) == ("1", True)
    assert call("GET", "/versions").status_code == 200
    deadline = time.monotonic() + 600
    while requests.get(call.endpoint.url + "/jobs", headers=call.headers, timeout=600).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert call("GET", "/jobs").status_code == 200  # times: 1


def test_a_reset_is_one(start: Callable[..., Any]) -> None:
    call = planned(start, Fault("reset", path="/versions"), Fault("drop", path="/versions"))
    place = ("127.0.0.1", int(call.endpoint.iam_url.rpartition(":")[2]))

    with socket.create_connection(place, timeout=600) as first:
        first.sendall(b"GET /versions HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            first.recv(1)
    with socket.create_connection(place, timeout=600) as second:
        second.sendall(b"GET /versions HTTP/1.1\r\nHost: h\r\n\r\n")
        assert second.recv(1) == b""


def test_a_job_stays_queued_while_later_ones_run(start: Callable[..., Any]) -> None:
    call = planned(start, Fault("queue", "POST", "/jobs$", seconds=1.5, jitter=0.1))
    began = time.monotonic()
    held, free = call.submit(), call.submit()

    assert call.wait(free)["status"] == "Completed"
    assert call.get(f"/jobs/{held}")["status"] == "Queued"
    assert call.wait(held)["status"] == "Completed"
    assert time.monotonic() - began >= 1.5


def test_what_is_drawn_depends_on_the_seed_and_on_nothing_else(start: Callable[..., Any]) -> None:
    def pattern(seed: int, noise: int) -> list[int]:
        rare = Fault("answer", path="/versions", probability=0.3, times=None, status=418)
        other = Fault("answer", path="/health", probability=0.5, times=None, status=418)
        call = start(lambda s: replace(s, faults=FaultPlan((other, rare), seed=seed)))
        statuses = []
        for _ in range(40):
            for _ in range(noise):
                requests.get(call.endpoint.iam_url + "/health", timeout=600)
            statuses.append(requests.get(call.endpoint.iam_url + "/versions", timeout=600).status_code)
        return statuses

    assert pattern(1, 0) == pattern(1, 1) != pattern(2, 0)
    assert 3 <= pattern(1, 0).count(418) <= 25


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"headers": {"A": "b\r\nSet-Cookie: c"}}, "headers must be an object of texts of one line"),
        ({"headers": {"A": "b\nc"}}, "headers must be"),
        ({"headers": {"A\r\nB": "c"}}, "headers must be"),
        ({"headers": {"A b": "c"}}, "headers must be"),
        ({"headers": {"": "c"}}, "headers must be"),
        ({"headers": {"A": "\u20ac"}}, "headers must be"),
        ({"headers": {"Content-Length": "7"}}, "follow from the body"),
        ({"headers": {"transfer-encoding": "chunked"}}, "follow from the body"),
        ({"path": "a{99999999999999999999}"}, "path must be a regular expression"),
        ({"path": "(" * 5000}, "path must be a regular expression"),
        ({"method": "GET\r\nA: B"}, "method must be a verb"),
        ({"method": "\u00c9"}, "method must be a verb"),
        ({"body": "\ud800"}, "body must be a text of valid Unicode"),
        ({"body": "x", "status": 204}, "an answer with status 204 has none"),
        ({"seconds": 10**400}, "seconds must be a number"),
        ({"skip": -(10**400)}, "skip must be a whole number"),
        ({"probability": 1e400}, "probability must be a number"),
        ({"seconds": float("nan")}, "seconds must be a number"),
    ],
)
def test_a_plan_that_could_not_be_carried_out_is_refused_when_it_is_read(
    fault: dict[str, Any], said: str
) -> None:
    """Header injection and raw OverflowErrors (faults C21)."""
    with pytest.raises(ValueError, match=re.escape(said)):
        load_faults(json.dumps([{"kind": "answer"} | fault]))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"seed": ' + "9" * 5000 + "}", '[{"kind": "answer"}', "", "\ufeff"]
)
def test_text_that_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        load_faults(text)
    assert load_faults("\ufeff[]") == load_faults("[]")


def test_an_answer_that_has_no_body(start: Callable[..., Any]) -> None:
    plan = load_faults(json.dumps([{"kind": "answer", "path": "/jobs", "status": 304}]))
    call = start(lambda s: replace(s, faults=plan))
    answer = call.session.get(call.endpoint.url + "/jobs", headers=call.headers, timeout=600)

    assert (answer.status_code, answer.content) == (304, b"")
    assert call.get("/jobs")["count"] == 0
