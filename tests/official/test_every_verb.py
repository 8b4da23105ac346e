"""Every verb of the unmodified official client, by environment variables alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qiskit_rest_primitives.server.embedded import serve


def test_everything_that_the_official_client_can_do(drive: Callable[..., dict[str, Any]]) -> None:
    with serve() as server:
        seen = drive("drive_every_verb.py", server.endpoint)

    check_backends_are_listed_and_the_target_is_built(seen)
    check_both_primitives_run_in_job_session_and_batch_mode(seen)
    check_sessions_tell_about_themselves_and_end(seen)
    check_jobs_are_retrieved_and_filtered(seen)
    check_tags_metrics_usage_and_inputs_are_read(seen)
    check_jobs_are_cancelled_deleted_and_limited(seen)
    check_documented_errors_come_as_the_client_knows_them(seen)


def check_backends_are_listed_and_the_target_is_built(seen: dict[str, Any]) -> None:
    assert seen["backends"] == ["aer_simulator", "local_heron"]
    assert seen["filtered"] == ["local_heron"]
    assert seen["least_busy"] == "local_heron"
    assert seen["target"] == [156, True, True, 4e-9, True, True, True, 156, 0]


def check_both_primitives_run_in_job_session_and_batch_mode(seen: dict[str, Any]) -> None:
    for name in ("job", "session", "batch"):
        shots, value, *sessions = seen[name]
        assert shots == 200
        assert value == pytest.approx(1, abs=0.3)  # precision is 0.05, gate errors are below a per cent
        assert len(set(sessions)) == 1
        assert (sessions[0] is None) is (name == "job")


def check_sessions_tell_about_themselves_and_end(seen: dict[str, Any]) -> None:
    details = {"mode": "dedicated", "state": "active", "accepting_jobs": True, "max_time": 600}
    assert seen["session_details"] == details
    assert seen["session_again"] == seen["session"][-1]
    running, ended = seen["session_usage"]
    assert (running > 0, ended) == (True, True)
    assert (seen["closed"], seen["cancelled_batch"]) == (["Closed", "Closed"], "Closed")
    assert seen["late"] == ["IBMRuntimeError", "'The session is closed.'"]
    name, text = seen["late_on_the_server"]
    assert (name, "400 Client Error" in text, "1217" in text) == ("IBMRuntimeError", True, True)
    assert "Session has been closed." in text


def check_jobs_are_retrieved_and_filtered(seen: dict[str, Any]) -> None:
    assert seen["retrieved"] == [50, "DONE", "local_heron", "sampler", True, True, True]
    assert seen["found"] == {
        "all tags": [0],
        "one tag": [1, 0],
        "oldest first": [0, 1],
        "page": [0],
        "other backend": [],
        "other program": [],
        "pending": [],
        "final": [1, 0],
        "no session": [],
        "recent": [1, 0],
        "older": [],
    }


def check_tags_metrics_usage_and_inputs_are_read(seen: dict[str, Any]) -> None:
    assert seen["changed"] == [["changed"], [1]]
    assert seen["metrics"] == ["circuits_execution_time_ns", "qiskit_version", "timestamps", "usage"]
    assert seen["usage"] == [True, True]
    assert [seen[name] for name in ("estimated", "account", "instance", "logs", "properties")] == [True] * 5
    assert seen["inputs"] == ["options", "pubs", "support_qiskit", "version"]


def check_jobs_are_cancelled_deleted_and_limited(seen: dict[str, Any]) -> None:
    assert seen["cancelled"] == ["CANCELLED", "CANCELLED", True]
    assert (seen["final_cancel"], seen["deleted"]) == ("RuntimeInvalidStateError", "RuntimeJobNotFound")
    assert seen["too_long"] == ["RuntimeJobMaxTimeoutError", "ERROR"]


def check_documented_errors_come_as_the_client_knows_them(seen: dict[str, Any]) -> None:
    assert seen["failed"] == ["RuntimeJobFailureError", "ERROR", True]
    assert seen["private"] == [True, 7, {}]
    assert seen["private_again"] == "RequestsApiError"
    assert (seen["no_such_job"], seen["no_such_backend"]) == (
        "RuntimeJobNotFound",
        "QiskitBackendNotFoundError",
    )
    name, text = seen["too_many_tags"]
    assert (name, "1204" in text) == ("IBMRuntimeError", True)
