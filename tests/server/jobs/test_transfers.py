"""Inputs on their way from a submission to who computes: decoded once, not read back, and bounded in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.server.jobs import transfers
from qiskit_rest_primitives.server.jobs.bodies import Bodies
from qiskit_rest_primitives.server.jobs.schema import open_tables
from qiskit_rest_primitives.server.jobs.transfers import Inputs, Transfers
from qiskit_rest_primitives.server.primitives.registry import PROGRAMS, decode
from qiskit_rest_primitives.wire import jsonio


@pytest.fixture
def road(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What this process does with params: ``checked`` and ``parsed``; and ``SELECT`` where they are read back."""
    seen: list[str] = []
    row, loads = PROGRAMS["sampler"], jsonio.loads

    def check(params: Any) -> Any:
        seen.append("checked")
        return row.check(params)

    def parse(body: Any, **more: Any) -> Any:
        if isinstance(body, bytes) and b'"pubs"' in body:
            seen.append("parsed")
        return loads(body, **more)

    monkeypatch.setitem(PROGRAMS, "sampler", replace(row, check=check))
    monkeypatch.setattr(jsonio, "loads", parse)
    return seen


def watched(call: Any, road: list[str]) -> Any:
    """Let the road tell of what is read from the database, too."""

    def note(statement: str) -> None:
        if statement.startswith("SELECT body FROM params"):
            road.append("SELECT")

    call.server._server._app.state.server.store.connection.set_trace_callback(note)
    return call


@pytest.mark.parametrize(
    ("more", "kilobytes"),
    [
        pytest.param({"execute": None, "processes": False}, 0, id="in a thread of the server"),
        pytest.param({"execute": None, "processes": False}, 40, id="in a process, after a look at it"),
        pytest.param({"execute": None, "processes": True}, 0, id="in a process"),
        pytest.param({"execute": None, "processes": False}, 500, id="too large for a look"),
        pytest.param({"execute": None, "processes": False}, 3_000, id="read by a process of its own"),
    ],
)
def test_params_are_decoded_once_in_the_server_and_never_read_back(
    start: Callable[..., Any], road: list[str], more: dict[str, Any], kilobytes: int
) -> None:
    call = watched(start(lambda settings: replace(settings, **more)), road)
    options = {"experimental": {"padding": "x" * 1000 * kilobytes}}
    if kilobytes == 40:
        options["execution"] = {"meas_type": "kerneled"}  # which is work for a process

    job = call.submit(params={"options": options})

    assert call.wait(job)["status"] == "Completed"
    assert road == (["checked"] if kilobytes < 1_000 else [])


def test_a_queue_without_room_in_memory_is_read_back(
    start: Callable[..., Any], stage: Any, road: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "KEPT_BYTES", 100)
    call = watched(start(lambda settings: replace(settings, workers=1)), road)
    first = call.submit(params=stage.hold("first"))
    second = call.submit(params={"pubs": [["x" * 200]]})
    stage.release("first")

    assert [call.wait(job)["status"] for job in (first, second)] == ["Completed"] * 2
    assert road.count("SELECT") == 1


def test_what_is_kept_is_bounded_and_let_go_of() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    open_tables(connection)
    kept = Transfers(Bodies(connection))
    params = json.dumps({"pubs": [["x" * 1_000_000]]}).encode()
    inputs = Inputs(params, decode("sampler", params))

    for number in range(100):
        kept.keep(str(number), inputs)

    found = [kept.forget(str(number)) for number in range(100)]
    assert [it is not None and it.decoded is not None for it in found] == [True] * 2 + [False] * 98
    assert sum(it.size for it in found if it is not None) <= transfers.KEPT_BYTES
    assert 2 < sum(it is not None for it in found) < 100
    kept.keep("next", inputs)
    assert kept.forget("next") == inputs
    connection.close()
