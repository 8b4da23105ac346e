"""Sessions over a real socket, with staged simulations and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.server.settings import Instance, SessionRules


def opened(call: Any, mode: str = "dedicated", **more: Any) -> str:
    answer = call("POST", "/sessions", json={"mode": mode, "backend": "aer_simulator"} | more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_new_session_has_every_documented_field(start: Callable[..., Any]) -> None:
    call = start()
    answer = call(
        "POST",
        "/sessions",
        json={"mode": "batch", "backend": "local_heron", "instance": call.endpoint.instance, "max_ttl": 600},
    )
    document = answer.json()

    assert document == call.get(f"/sessions/{document['id']}")
    assert document.pop("id")
    assert [entry["status"] for entry in document.pop("timestamps")] == ["open"]
    assert document == {
        "backend_name": "local_heron",
        "mode": "batch",
        "state": "open",
        "state_reason": "session_created",
        "accepting_jobs": True,
        "started_at": None,
        "activated_at": None,
        "closed_at": None,
        "last_job_started": None,
        "last_job_completed": None,
        "interactive_ttl": 60,
        "max_ttl": 600,
        "active_ttl": 600,
        "elapsed_time": None,
        "user_id": "local",
    }


def test_a_session_lives_through_its_states(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock, token_seconds=100_000))
    session = opened(call)
    call.wait(call.submit(session_id=session))
    states = [call.get(f"/sessions/{session}")["state"]]
    for seconds in (59, 1):
        clock.advance(seconds)
        states.append(call.get(f"/sessions/{session}")["state"])
    call.wait(call.submit(session_id=session))
    states.append(call.get(f"/sessions/{session}")["state"])
    clock.advance(28_800)
    document = call.get(f"/sessions/{session}")

    assert states == ["active", "active", "inactive", "active"]
    assert (document["state"], document["state_reason"]) == ("closed", "session_closed_by_max_ttl")
    assert document["elapsed_time"] == 120


def test_patch_on_an_empty_session_closes_at_once(start: Callable[..., Any]) -> None:
    call = start()
    session = opened(call, "batch")

    answer = call("PATCH", f"/sessions/{session}", json={"accepting_jobs": False})
    document = call.get(f"/sessions/{session}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (document["state"], document["state_reason"]) == ("closed", "session_closed_early")
    assert document["closed_at"]
    assert call("PATCH", f"/sessions/{session}", json={"accepting_jobs": True}).status_code == 204
    document = call.get(f"/sessions/{session}")
    assert (document["state"], document["accepting_jobs"]) == ("closed", True)


def test_patch_drains_what_is_queued(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=1))
    session = opened(call)
    running = call.submit(params=stage.hold("one"), session_id=session)
    queued = call.submit(params=stage.hold("two"), session_id=session)
    call.until(running, "Running")
    call("PATCH", f"/sessions/{session}", json={"accepting_jobs": False})

    document = call.get(f"/sessions/{session}")
    assert (document["state"], document["accepting_jobs"]) == ("active", False)
    stage.release("one")
    stage.release("two")
    assert call.wait(queued)["status"] == "Completed"
    assert call.get(f"/sessions/{session}")["state"] == "closed"


def test_close_cancels_what_is_queued_and_lets_what_runs_finish(
    start: Callable[..., Any], stage: Any
) -> None:
    call = start(lambda s: replace(s, workers=1))
    session = opened(call)
    running = call.submit(params=stage.hold("one"), session_id=session)
    queued = call.submit(session_id=session)
    call.until(running, "Running")

    assert call("DELETE", f"/sessions/{session}/close").status_code == 204
    assert call.wait(queued)["status"] == "Cancelled"
    assert call.get(f"/sessions/{session}")["state"] == "closed"
    stage.release("one")
    assert call.wait(running)["status"] == "Completed"
    assert call("DELETE", f"/sessions/{session}/close").status_code == 204


def test_a_closed_session_takes_no_job(start: Callable[..., Any]) -> None:
    call = start()
    session = opened(call)
    call("DELETE", f"/sessions/{session}/close")

    answer = call("POST", "/jobs", json=job(session_id=session))
    error = answer.json()["errors"][0]

    assert (answer.status_code, error["code"], error["message"]) == (400, 1217, "Session has been closed.")
    assert call.get("/jobs")["count"] == 0


def job(**more: Any) -> dict[str, Any]:
    return {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}} | more


def test_jobs_still_queued_at_max_ttl_are_cancelled(
    start: Callable[..., Any], stage: Any, clock: Any
) -> None:
    call = start(lambda s: replace(s, workers=1, clock=clock))
    session = opened(call, max_ttl=100)
    call.submit(params=stage.hold("one"), session_id=session)
    queued = call.submit(session_id=session)
    clock.advance(100)
    call.get(f"/sessions/{session}")

    assert call.get(f"/jobs/{queued}")["status"] == "Cancelled"


def test_a_session_ends_without_anybody_asking(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=1))
    session = opened(call, max_ttl=1)
    running = call.submit(params=stage.hold("one"), session_id=session)
    queued = call.submit(session_id=session)
    call.until(running, "Running")

    assert call.wait(queued)["status"] == "Cancelled"


def test_an_unknown_session_is_a_terse_404(shared: Any) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", "/close")):
        answer = shared(method, f"/sessions/5cd95f31-764e-4865-a25f-8ecc34ee39f8{path}", json={})
        assert answer.status_code == 404
        error = answer.json()["errors"][0]
        assert (error["code"], error["message"]) == ("not_found", "unknown session")
    assert shared("POST", "/jobs", json=job(session_id="nobody")).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"backend": "aer_simulator"}, "mode"),
        ({"mode": "interactive", "backend": "aer_simulator"}, "mode"),
        ({"mode": "batch"}, "backend"),
        ({"mode": "batch", "backend": "ibm_nowhere"}, "backend"),
        ({"mode": "batch", "backend": "aer_simulator", "max_ttl": 0}, "max_ttl"),
        ({"mode": "batch", "backend": "aer_simulator", "max_ttl": "25m"}, "max_ttl"),
    ],
)
def test_a_bad_request_for_a_session_is_refused(shared: Any, body: dict[str, Any], words: str) -> None:
    answer = shared("POST", "/sessions", json=body)

    assert answer.status_code == 400
    assert words in answer.json()["errors"][0]["message"]


def test_accepting_jobs_must_be_a_boolean(start: Callable[..., Any]) -> None:
    call = start()

    assert call("PATCH", f"/sessions/{opened(call)}", json={"accepting_jobs": "no"}).status_code == 400


def test_a_job_on_another_backend_than_its_session_is_refused(start: Callable[..., Any]) -> None:
    call = start()

    answer = call("POST", "/jobs", json=job(session_id=opened(call), backend="local_heron"))

    assert answer.status_code == 400


def test_the_open_plan_has_batches_of_ten_minutes_and_no_dedicated_sessions(
    start: Callable[..., Any],
) -> None:
    call = start(lambda s: replace(s, instances=(Instance(plan="open"),)))
    refused = call("POST", "/sessions", json={"mode": "dedicated", "backend": "aer_simulator"})

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 1352)
    assert call.get(f"/sessions/{opened(call, 'batch', max_ttl=9999)}")["max_ttl"] == 600


def test_jobs_of_an_active_session_go_before_older_jobs(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=1, sessions=SessionRules(exclusive=False)))
    session = opened(call)
    first = call.submit(params=stage.hold("first"), session_id=session)
    call.until(first, "Running")
    call.submit(params=stage.hold("older"))
    last = call.submit(params=stage.hold("newer"), session_id=session)
    stage.release_all()
    call.wait(last)

    assert stage.order()[:2] == ["first", "newer"]


def test_an_active_dedicated_session_keeps_others_off_its_device_only(
    start: Callable[..., Any], stage: Any, clock: Any
) -> None:
    call = start(lambda s: replace(s, workers=2, clock=clock))
    session = opened(call)
    call.wait(call.submit(session_id=session))
    stranger = call.submit()
    elsewhere = call.submit(backend="local_heron")

    assert call.wait(elsewhere)["status"] == "Completed"
    assert call.get(f"/jobs/{stranger}")["status"] == "Queued"
    clock.advance(60)  # the session becomes inactive
    call.get(f"/sessions/{session}")
    assert call.wait(stranger)["status"] == "Completed"


def test_the_jobs_of_a_batch_run_side_by_side(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=2))
    batch = opened(call, "batch")
    jobs = [call.submit(params=stage.hold(name), session_id=batch) for name in ("one", "two")]

    for job_id in jobs:
        call.until(job_id, "Running")


def test_the_same_idempotency_key_finds_the_same_session(start: Callable[..., Any]) -> None:
    call = start()
    wish = {"mode": "batch", "backend": "aer_simulator"}
    first = call("POST", "/sessions", json=wish, headers={"Idempotency-Key": "k"}).json()
    again = call("POST", "/sessions", json=wish, headers={"Idempotency-Key": "k"}).json()
    other = call("POST", "/sessions", json=wish, headers={"Idempotency-Key": "l"}).json()
    without = [call("POST", "/sessions", json=wish).json()["id"] for _ in range(2)]
    clash = call("POST", "/sessions", json=wish | {"mode": "dedicated"}, headers={"Idempotency-Key": "k"})

    assert first["id"] == again["id"]
    assert len({first["id"], other["id"], *without}) == 4
    assert "key" not in first
    assert clash.status_code == 409
