"""What becomes of unfinished jobs when a server starts on the database of one that ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.__main__ import main


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


@pytest.mark.parametrize(
    "extra", [["--keep-days", "0"], ["--keep-megabytes", "-1"], ["--on-restart", "maybe"]]
)
def test_senseless_rules_of_keeping_are_refused(extra: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(extra)

    assert stopped.value.code == 2
    assert extra[0] in capsys.readouterr().err
