"""Faults on purpose, seen from a client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.faults import Fault, load_faults


def planned(start: Callable[..., Any], *faults: Fault) -> Any:
    return start(lambda s: replace(s, faults=faults))


def test_an_answer_takes_the_place_of_the_real_one(start: Callable[..., Any]) -> None:
    fault = Fault(
        "answer", "GET", "/jobs$", skip=1, times=2, status=503, headers={"Retry-After": "1"}, body="{}"
    )
    call = planned(start, fault)
    answers = [requests.get(call.endpoint.url + "/jobs", headers=call.headers, timeout=5) for _ in range(4)]

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
    text = json.dumps([{"kind": "drop", "method": "POST", "times": None}, {"kind": "delay", "seconds": 2}])

    assert load_faults(text) == (Fault("drop", "POST", times=None), Fault("delay", seconds=2))


@pytest.mark.parametrize("text", ["{}", "[1]", '[{"kind": "explode"}]', '[{"kind": "drop", "when": 1}]', "["])
def test_a_plan_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        load_faults(text)
