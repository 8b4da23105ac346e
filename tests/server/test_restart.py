"""What becomes of unfinished jobs when a server starts on the database of one that ended."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.__main__ import main
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.settings import ProgramRules


@pytest.mark.parametrize(("switch", "fate"), [("rerun", "Completed"), ("fail", "Failed")])
def test_jobs_that_ran_run_again_or_fail_and_queued_ones_run(
    switch: str, fate: str, start: Callable[..., Any], stage: Any, tmp_path: Path
) -> None:
    database = str(tmp_path / "jobs.db")
    first = start(lambda settings: replace(settings, workers=1), database=database)
    body = {"mode": "batch", "backend": "aer_simulator"}
    session = first("POST", "/sessions", json=body).json()["id"]
    ran = first.submit(params=stage.hold("ran"), session_id=session)
    first.until(ran, "Running")
    queued = first.submit(params=stage.hold("queued"), session_id=session)
    first.server.stop()

    stage.release_all()
    second = start(lambda settings: replace(settings, workers=1, on_restart=switch), database=database)

    job = second.wait(ran)
    assert job["status"] == fate
    if fate == "Failed":
        assert job["state"]["reason_code"] == 9999
        assert "ended while the job ran" in job["state"]["reason"]
    assert second.wait(queued)["status"] == "Completed"
    assert stage.order().count("ran") == (2 if fate == "Completed" else 1)
    assert second.get(f"/sessions/{session}")["state"] == "active"


def test_usage_limits_and_classic_logins_outlive_the_server(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    database = str(tmp_path / "jobs.db")
    first = start(database=database, token="the key")
    origin = first.endpoint.iam_url
    accesses = [
        requests.post(f"{origin}/api/users/loginWithToken", json={"apiToken": "the key"}, timeout=600).json()[
            "id"
        ]
        for _ in range(2)
    ]
    assert first("PUT", "/instances/configuration", json={"instance_limit": 77}).status_code == 204
    gone = {"x-access-token": accesses[1]}
    assert requests.post(f"{origin}/api/users/logout", headers=gone, timeout=600).status_code == 204
    first.server.stop()

    def statuses(server: Any) -> list[int]:
        url = f"{server.endpoint.iam_url}/runtime/jobs"
        return [
            requests.get(url, headers={"x-access-token": access}, timeout=600).status_code
            for access in accesses
        ]

    second = start(database=database, token="the key")
    assert statuses(second) == [200, 401]
    assert second.get("/instances/configuration") == {"instance_limit": 77}
    assert second("PUT", "/instances/configuration", json={"instance_limit": None}).status_code == 204
    second.server.stop()
    with sqlite3.connect(database) as connection:
        assert accesses[0] not in "\n".join(connection.iterdump())
    connection.close()

    third = start(database=database, token="another key")
    assert statuses(third) == [401, 401]
    assert third.get("/instances/configuration") == {"instance_limit": None}


@pytest.mark.parametrize("text", ["half \ud800", "\udfff\ud800", "NUL \0", "\x1b[2J\x9b"])
def test_a_job_that_failed_with_wild_words_is_not_run_again(
    text: str, start: Callable[..., Any], stage: Any, tmp_path: Path
) -> None:
    """Faults C16: its end could not be written, so it stayed Running, and every restart ran it again."""
    database = str(tmp_path / "jobs.db")
    first = start(database=database)
    job = first.submit(params=stage.fail("breaks", TaskFailed(text)))
    ended = first.wait(job)
    first.server.stop()
    second = start(database=database)

    assert ended["status"] == "Failed"
    assert second.get(f"/jobs/{job}?exclude_params=true") == ended
    assert not set(ended["state"]["reason"]) & set("\ud800\udfff\0\x1b\x9b")
    assert stage.order() == ["breaks"]


def test_a_program_that_fails_with_half_a_character_is_not_run_again(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    """Faults C16, with an error frame of a real program."""
    place = {"database": str(tmp_path / "jobs.db")}
    first = start(lambda s: replace(s, programs=ProgramRules(allow="trusted")), **place)
    source = b"def main(backend, user_messenger, **inputs):\n    raise RuntimeError('half ' + chr(0xd800))\n"
    upload = {"name": "breaks", "data": base64.b64encode(source).decode()}
    program = first("POST", "/programs", json=upload).json()["id"]
    job = first("POST", "/jobs", json={"program_id": program, "params": {}}).json()["id"]
    ended = first.wait(job)
    first.server.stop()
    second = start(lambda s: replace(s, programs=ProgramRules(allow="trusted")), **place)

    assert ended["status"] == "Failed"
    assert second.get(f"/jobs/{job}?exclude_params=true") == ended


@pytest.mark.parametrize(
    "extra", [["--keep-days", "0"], ["--keep-megabytes", "-1"], ["--on-restart", "maybe"]]
)
def test_senseless_rules_of_keeping_are_refused(extra: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(extra)

    assert stopped.value.code == 2
    assert extra[0] in capsys.readouterr().err
