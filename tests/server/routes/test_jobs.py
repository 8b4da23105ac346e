"""The job endpoints, over a real socket; simulations are staged except where the result matters."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.settings import Instance, Limits

BELL_PUB = [
    """OPENQASM 3.0;
include "stdgates.inc";
bit[2] meas;
qubit[2] q;
h q[0];
cx q[0], q[1];
meas[0] = measure q[0];
meas[1] = measure q[1];
""",
    None,
    100,
]


def body(**changes: Any) -> dict[str, Any]:
    return {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}} | changes


# With the real engine


def test_a_job_runs_and_its_result_has_the_shots_asked_for(shared: Any) -> None:
    job_id = shared.submit(params={"pubs": [BELL_PUB]})
    document = shared.wait(job_id)
    result = shared.get(f"/jobs/{job_id}/results")

    assert document["state"] == {"status": "Completed"}
    samples = result["results"][0]["data"]["meas"]["samples"]
    assert len(samples) == 100
    assert set(samples) <= {"0x0", "0x3"}


def test_a_broken_circuit_is_accepted_and_fails_with_a_reason(shared: Any) -> None:
    job_id = shared.submit(params={"pubs": [["not OpenQASM"]]})
    document = shared.wait(job_id)
    answer = shared("GET", f"/jobs/{job_id}/results")

    assert document["status"] == document["state"]["status"] == "Failed"
    assert 1000 <= document["state"]["reason_code"] <= 9999
    assert (answer.status_code, answer.text) == (200, document["state"]["reason"])


# Creation


def test_create_answers_id_and_backend(start: Callable[..., Any]) -> None:
    answer = start()("POST", "/jobs", json=body())

    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "backend"}
    assert re.fullmatch("[0-9a-v]{20}", answer.json()["id"])


def test_create_echoes_what_the_official_service_echoes(start: Callable[..., Any]) -> None:
    call = start()
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]

    answer = call("POST", "/jobs", json=body(private=True, calibration_id="c", session_id=session)).json()

    assert (answer["private"], answer["calibration_id"], answer["session_id"]) == (True, "c", session)


def test_params_come_back_byte_for_byte(start: Callable[..., Any]) -> None:
    call = start()
    params = '{ "pubs":[["\\u00e9", {"p":1.50e0}, 7]],"options" : {} }'
    text = f'{{"backend": "aer_simulator", "params": {params} , "program_id": "sampler"}}'

    job_id = call("POST", "/jobs", data=text).json()["id"]

    assert call("GET", f"/jobs/{job_id}").text.endswith(f'"params": {params}}}')
    assert "params" not in call.get(f"/jobs/{job_id}?exclude_params=true")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"program_id": None}, "program_id"),
        ({"program_id": 3}, "program_id"),
        ({"backend": None}, "backend"),
        ({"backend": "ibm_nowhere"}, "ibm_nowhere"),
        ({"params": None}, "params"),
        ({"params": []}, "params"),
        ({"params": {}}, "params.pubs"),
        ({"params": {"pubs": {}}}, "params.pubs"),
        ({"params": {"pubs": [["x"]], "surprise": 1}}, "surprise"),
        ({"params": {"pubs": [["x"]], "version": 1}}, "params.version"),
        ({"params": {"pubs": [["x"]], "support_qiskit": "yes"}}, "params.support_qiskit"),
        ({"params": {"pubs": [["x"]], "options": []}}, "params.options"),
        ({"params": {"pubs": [["x", None, 0]]}}, "params.pubs[0]"),
        ({"params": {"pubs": [["x"], ["x", None, 10_000_001]]}}, "params.pubs[1]"),
        ({"params": {"pubs": [["x"]], "options": {"default_shots": True}}}, "default_shots"),
        ({"tags": "demo"}, "tags"),
        ({"tags": ["a", " "]}, "tags"),
        ({"cost": -1}, "cost"),
        ({"cost": "60"}, "cost"),
        ({"log_level": "loud"}, "log_level"),
        ({"private": "no"}, "private"),
        ({"session_id": "x" * 37}, "session_id"),
    ],
)
def test_a_bad_envelope_is_refused_and_the_field_is_named(
    shared: Any, changes: dict[str, Any], words: str
) -> None:
    answer = shared("POST", "/jobs", json=body(**changes))

    assert answer.status_code == 400
    assert words in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"a" 1}', b'{"a": 1,}', b'{"a": 1} x', b"\xff", b'{"a": }']
)
def test_a_body_that_is_no_json_object_is_refused(shared: Any, text: bytes) -> None:
    answer = shared("POST", "/jobs", data=text)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "bad_request"


def test_an_unknown_program_is_404(shared: Any) -> None:
    assert shared("POST", "/jobs", json=body(program_id="qasm3-runner")).status_code == 404


def test_log_level_is_accepted_in_any_case(start: Callable[..., Any]) -> None:
    assert start()("POST", "/jobs", json=body(log_level="WARNING")).status_code == 200


def test_too_many_or_too_long_tags_have_their_own_codes(shared: Any) -> None:
    many = shared("POST", "/jobs", json=body(tags=[str(n) for n in range(9)]))
    long = shared("POST", "/jobs", json=body(tags=["ü" * 87]))

    assert (many.status_code, many.json()["errors"][0]["code"]) == (400, 1204)
    assert (long.status_code, long.json()["errors"][0]["code"]) == (400, 1205)
    assert shared("POST", "/jobs", json=body(tags=["ü" * 86] * 8)).status_code == 200


def test_cost_defaults_to_the_plan_maximum_and_is_capped(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, instances=(Instance(plan="open", limit_seconds=600),)))

    assert call.get(f"/jobs/{call.submit()}")["cost"] == 600
    assert call.get(f"/jobs/{call.submit(cost=99_999)}")["cost"] == 10_800


# Exactly once


def test_the_same_idempotency_key_finds_the_same_job(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    first = call("POST", "/jobs", json=body(), headers={"Idempotency-Key": "k"})
    again = call("POST", "/jobs", json=body(), headers={"Idempotency-Key": "k"})
    other = call("POST", "/jobs", json=body(), headers={"Idempotency-Key": "l"})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert other.json() != first.json()
    assert call.get("/jobs")["count"] == 2


def test_an_idempotency_key_for_a_different_body_is_a_conflict(start: Callable[..., Any]) -> None:
    call = start()
    call("POST", "/jobs", json=body(), headers={"Idempotency-Key": "k"})

    answer = call("POST", "/jobs", json=body(tags=["other"]), headers={"Idempotency-Key": "k"})

    assert answer.status_code == 409


# Limits


def test_a_large_body_is_refused_with_413(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, limits=Limits(body_bytes=1000, decompressed_bytes=2000)))
    bomb = gzip.compress(json.dumps(body(tags=["x" * 3000])).encode())

    plain = call("POST", "/jobs", data=b"x" * 1001)
    packed = call("POST", "/jobs", data=bomb, headers={"Content-Encoding": "gzip"})

    assert len(bomb) < 1000
    assert (plain.status_code, packed.status_code) == (413, 413)


def test_a_chunked_body_is_bounded_too(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, limits=Limits(body_bytes=1000)))

    answer = call("POST", "/jobs", data=iter([b"x" * 600, b"x" * 600]))

    assert answer.status_code == 413


def test_a_gzipped_body_is_understood_and_a_broken_one_refused(start: Callable[..., Any]) -> None:
    call = start()
    packed = gzip.compress(json.dumps(body()).encode())
    headers = {"Content-Encoding": "gzip"}

    assert call("POST", "/jobs", data=packed, headers=headers).status_code == 200
    assert call("POST", "/jobs", data=packed[:-9], headers=headers).status_code == 400
    assert call("POST", "/jobs", data=b"{}", headers=headers).status_code == 400
    assert call("POST", "/jobs", data=b"{}", headers={"Content-Encoding": "br"}).status_code == 400


def test_the_submission_rate_is_limited_when_asked_for(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, limits=Limits(submissions=2), clock=clock))
    statuses = [call("POST", "/jobs", json=body()).status_code for _ in range(2)]
    refused = call("POST", "/jobs", json=body())
    clock.advance(60)

    assert statuses == [200, 200]
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, 1202)
    assert refused.headers["Retry-After"] == "60"
    assert call("POST", "/jobs", json=body()).status_code == 200


def test_a_full_queue_refuses_more(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, limits=Limits(queued_jobs=1), workers=1))
    call.submit(params=stage.hold("first"))
    call.submit()

    assert call("POST", "/jobs", json=body()).status_code == 429


def test_used_up_instances_take_no_jobs(start: Callable[..., Any], clock: Any) -> None:
    """faults E (409): usage over the limit of the instance refuses jobs, but knows those that were accepted."""
    mine = Instance(limit_seconds=1)
    call = start(lambda s: replace(s, instances=(mine,), clock=clock, token_seconds=10_000_000))
    key = {"Idempotency-Key": "k-1"}
    first = call("POST", "/jobs", json=body(), headers=key).json()["id"]
    jobs = [first, *(call.submit() for _ in range(3))]  # a quarter of a second each
    for job in jobs:
        call.wait(job)
    refused = call("POST", "/jobs", json=body())
    again = call("POST", "/jobs", json=body(), headers=key)
    call("PUT", "/instances/configuration", json={"instance_limit": 2})
    raised = call("POST", "/jobs", json=body())
    call.wait(raised.json()["id"])
    call("PUT", "/instances/configuration", json={"instance_limit": 1})
    lowered = call("POST", "/jobs", json=body())
    clock.advance(28 * 86_400 + 1)

    assert refused.status_code == lowered.status_code == 409
    error = refused.json()["errors"][0]
    assert (error["code"], "used 1 s of 1 s" in error["message"]) == ("usage_limit_reached", True)
    assert "another instance" in error["solution"]
    assert again.json()["id"] == first
    assert raised.status_code == 200
    assert call("POST", "/jobs", json=body()).status_code == 200


def test_the_open_plan_has_three_pending_jobs(start: Callable[..., Any], stage: Any) -> None:
    """faults E (Open plan): the fourth job that would not be final is refused, of this instance only."""
    paid = Instance(crn=Instance().crn.replace("0001::", "0002::"), name="paid", plan="premium")
    call = start(lambda s: replace(s, workers=1, instances=(Instance(plan="open"), paid)))
    pending = [call.submit(params=stage.hold("first")), call.submit(), call.submit()]
    refused = call("POST", "/jobs", json=body())
    other = call("POST", "/jobs", json=body(), headers={"Service-CRN": paid.crn})
    stage.release("first")
    call.wait(pending[-1])

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, 1202)
    assert "3 pending jobs" in refused.json()["errors"][0]["message"]
    assert int(refused.headers["Retry-After"]) > 0
    assert other.status_code == 200
    assert call("POST", "/jobs", json=body()).status_code == 200


# Life cycle


def test_a_job_goes_from_queued_over_running_to_completed(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=1))
    first, second = call.submit(params=stage.hold("first")), call.submit()
    call.until(first, "Running")

    assert call.get(f"/jobs/{second}")["status"] == "Queued"
    assert call("GET", f"/jobs/{first}/results").status_code == 204
    assert call.get("/backends/aer_simulator/status")["length_queue"] == 1
    assert call.get("/backends")["devices"][0]["queue_length"] == 1
    stage.release("first")
    document = call.wait(second)

    assert document["usage"] == {"qpu_charge_time_seconds": 0.25, "status": "complete"}
    assert document["program"] == {"id": "sampler"}
    assert call.get("/backends/aer_simulator/status")["length_queue"] == 0


def test_a_failure_carries_reason_code_and_solution(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    job_id = call.submit(params=stage.fail("bad", TaskFailed("no such gate", 1603, "define it")))

    assert call.wait(job_id)["state"] == {
        "status": "Failed",
        "reason": "no such gate",
        "reason_code": 1603,
        "reason_solution": "define it",
    }


def test_an_unexpected_error_fails_the_job_and_tells_nothing_about_the_machine(
    start: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: Any) -> Any:
        raise ZeroDivisionError("/secret/path")

    call = start(lambda s: replace(s, execute=explode))
    state = call.wait(call.submit())["state"]

    assert (state["status"], state["reason_code"]) == ("Failed", 9999)
    assert call.get("/instances/usage")["usage_consumed_seconds"] == 0  # faults E (failed jobs)
    assert "secret" not in state["reason"]
    assert "failed inside the simulator" in caplog.text


@pytest.mark.parametrize(("code", "costs"), [(9999, False), (1517, True), (1603, True), (3211, True)])
def test_failures_of_the_system_cost_nothing(
    start: Callable[..., Any], stage: Any, code: int, costs: bool
) -> None:
    """faults E (failed jobs): the system's failures cost nothing, those of the job what it ran."""
    call = start()
    params = stage.hold("bad")
    stage._failures["bad"] = TaskFailed("it broke", code)
    job_id = call.submit(params=params)
    call.until(job_id, "Running")
    stage.release("bad")

    seconds = call.wait(job_id)["usage"]["qpu_charge_time_seconds"]

    assert (seconds > 0) is costs
    assert (call.get("/instances/usage")["usage_consumed_seconds"] > 0) is (round(seconds, 3) > 0)
    assert call.get(f"/jobs/{job_id}/metrics")["usage"]["qpu_charge_time_seconds"] == seconds


def test_cancelling_a_queued_job_charges_nothing(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=1))
    call.submit(params=stage.hold("first"))
    job_id = call.submit()

    assert call("POST", f"/jobs/{job_id}/cancel").status_code == 204
    document = call.wait(job_id)
    metrics = call.get(f"/jobs/{job_id}/metrics")

    assert document["state"] == {"status": "Cancelled"}
    assert metrics["timestamps"]["running"] is None
    assert metrics["usage"] == {"qpu_charge_time_seconds": 0.0, "status": "complete"}
    assert call("GET", f"/jobs/{job_id}/results").status_code == 204
    assert call("GET", f"/jobs/{job_id}/logs").status_code == 404


def test_the_result_of_a_cancelled_simulation_is_thrown_away(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, workers=1))
    job_id = call.submit(params=stage.hold("first"))
    call.until(job_id, "Running")

    assert call("POST", f"/jobs/{job_id}/cancel").status_code == 204
    stage.release("first")
    call.wait(call.submit())

    assert call.get(f"/jobs/{job_id}")["status"] == "Cancelled"
    assert call("GET", f"/jobs/{job_id}/results").status_code == 204


def test_a_final_job_cannot_be_cancelled(start: Callable[..., Any]) -> None:
    call = start()
    job_id = call.submit()
    call.wait(job_id)

    assert call("POST", f"/jobs/{job_id}/cancel").status_code == 409


def test_a_job_that_runs_longer_than_its_cost_is_cancelled_with_1305(
    start: Callable[..., Any], stage: Any
) -> None:
    call = start()
    document = call.wait(call.submit(params=stage.hold("long"), cost=1))

    assert (document["state"]["status"], document["state"]["reason_code"]) == ("Cancelled", 1305)
    assert "ran longer than" in document["state"]["reason"]


def test_delete_removes_everything(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    done, running = call.submit(), call.submit(params=stage.hold("running"))
    call.wait(done)
    call.until(running, "Running")

    for job_id in (done, running):
        assert call("DELETE", f"/jobs/{job_id}").status_code == 204
        assert call("GET", f"/jobs/{job_id}").status_code == 404
        assert call("DELETE", f"/jobs/{job_id}").status_code == 404
    stage.release("running")
    call.wait(call.submit())
    assert call.get("/jobs")["count"] == 1


def test_metrics_and_usage_follow_the_api_version(start: Callable[..., Any]) -> None:
    call = start()
    job_id = call.submit()
    call.wait(job_id)

    def at(version: str, path: str) -> Any:
        return call.get(path, headers={"IBM-API-Version": version})

    path = f"/jobs/{job_id}/metrics"
    usage = {"qpu_charge_time_seconds": 0.25, "status": "complete"}
    assert at("2026-04-15", path)["usage"] == usage
    assert at("2026-04-15", path)["circuits_execution_time_ns"] == 250_000_000
    assert at("2026-03-15", path)["usage"] == usage | {"circuits_execution_time_ns": 250_000_000}
    assert at("2025-05-01", path)["usage"] == {"quantum_seconds": 0.25, "seconds": 0.25}
    assert at("2025-05-01", path)["bss"] == {"seconds": 0.25}
    assert at("2025-05-01", f"/jobs/{job_id}")["usage"] == {"seconds": 0.25}
    assert at("2026-04-15", path)["timestamps"]["finished"].endswith("Z")


def test_logs_are_text(start: Callable[..., Any]) -> None:
    call = start()
    job_id = call.submit()
    call.wait(job_id)
    answer = call("GET", f"/jobs/{job_id}/logs")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "job completed" in answer.text
    assert call("GET", f"/jobs/{job_id}/interim_results").text == ""
    assert call("GET", f"/jobs/{job_id}/transpiled_circuits").status_code == 404


# Private jobs


def test_private_jobs_withhold_inputs_and_give_the_result_once(start: Callable[..., Any]) -> None:
    call = start()
    job_id = call.submit(private=True, tags=["seen"])
    document = call.wait(job_id)

    assert (document["private"], document["tags"]) == (True, ["seen"])
    assert call.get(f"/jobs/{job_id}")["params"] == {}
    assert call.get(f"/jobs/{job_id}/results")["results"] == []
    again = call("GET", f"/jobs/{job_id}/results")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (404, "not_found")


# Waiting


def test_prefer_wait_holds_the_answer_until_the_job_is_final(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    job_id = call.submit(params=stage.hold("held"))
    threading.Timer(0.2, stage.release, ["held"]).start()
    answer = call("GET", f"/jobs/{job_id}", headers={"Prefer": "wait=60"})

    assert answer.headers["Preference-Applied"] == "wait=60"
    assert answer.json()["status"] == "Completed"


def test_prefer_wait_gives_up_after_its_time(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    job_id = call.submit(params=stage.hold("held"))
    answer = call("GET", f"/jobs/{job_id}", headers={"Prefer": "respond-async, wait=0.05"})
    held = call("GET", f"/jobs/{job_id}/results", headers={"Prefer": "wait=0"})

    assert answer.json()["status"] == "Running"
    assert held.status_code == 204
    assert "Preference-Applied" not in call("GET", f"/jobs/{job_id}").headers


def test_results_can_be_waited_for_directly(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    job_id = call.submit(params=stage.hold("held"))
    threading.Timer(0.1, stage.release, ["held"]).start()

    assert call("GET", f"/jobs/{job_id}/results", headers={"Prefer": "wait=10"}).json()["results"] == []


def test_waiting_is_capped_by_the_server(start: Callable[..., Any], stage: Any) -> None:
    call = start(lambda s: replace(s, limits=Limits(wait_seconds=0.05)))
    answer = call("GET", f"/jobs/{call.submit(params=stage.hold('held'))}", headers={"Prefer": "wait=100"})

    assert answer.json()["status"] == "Running"
    assert answer.headers["Preference-Applied"] == "wait=1"


def test_the_first_look_of_a_poller_is_held_for_a_moment_and_later_ones_are_not(
    start: Callable[..., Any], stage: Any
) -> None:
    call = start(lambda s: replace(s, first_poll_hold=5.0))
    job_id = call.submit(params=stage.hold("held"))
    threading.Timer(0.1, stage.release, ["held"]).start()
    assert call.get(f"/jobs/{job_id}?exclude_params=true")["status"] == "Completed"

    other = call.submit(params=stage.hold("other"))
    threading.Timer(0.1, stage.release, ["other"]).start()
    assert call.get(f"/jobs/{other}")["status"] in ("Queued", "Running")


# Listing


def test_listing_filters_and_counts_honestly(start: Callable[..., Any], stage: Any, clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock))
    ids = []
    for index in range(5):
        clock.advance(10)
        ids.append(
            call.submit(tags=["all", f"n{index}"], backend=["aer_simulator", "local_heron"][index % 2])
        )
    for job_id in ids:
        call.wait(job_id)
    held = call.submit(params=stage.hold("held"))

    def found(query: str) -> tuple[list[str], int]:
        page = call.get(f"/jobs?{query}")
        return [job["id"] for job in page["jobs"]], page["count"]

    assert found("tags=all") == (ids[::-1], 5)
    assert found("tags=all&sort=ASC&limit=2&offset=1") == (ids[1:3], 5)
    assert found("tags=all&tags=n3") == ([ids[3]], 1)
    assert found("tags=all&tags=n3&tags=n4") == ([], 0)
    assert found("backend=local_heron") == ([ids[3], ids[1]], 2)
    assert found("pending=true") == ([held], 1)
    assert found("pending=false&limit=1") == ([ids[4]], 5)
    assert found("program=estimator") == ([], 0)
    assert found("offset=99") == ([], 6)
    assert found("session_id=none") == ([], 0)
    created = call.get(f"/jobs/{ids[2]}")["created"]
    assert found(f"created_before={created}&sort=ASC") == (ids[:3], 3)
    assert found(f"created_after={created.replace('Z', '%2B00:00')}&tags=all") == (ids[:1:-1], 3)
    assert call.get("/jobs?limit=1000&include_mocks=True")["limit"] == 200
    assert "params" not in call.get("/jobs")["jobs"][0]
    assert call.get("/jobs?exclude_params=false")["jobs"][0]["params"] == {"pubs": [["held"]]}


@pytest.mark.parametrize(
    "query",
    ["limit=x", "offset=-1", "pending=maybe", "created_after=yesterday", "sort=UP", "tags=" + "x" * 87],
)
def test_listing_refuses_values_it_does_not_understand(shared: Any, query: str) -> None:
    answer = shared("GET", f"/jobs?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


# Tags


def test_tags_are_replaced_as_a_whole_and_can_be_searched(start: Callable[..., Any]) -> None:
    call = start()
    job_id = call.submit(tags=["alpha", "beta"])

    answer = call("PUT", f"/jobs/{job_id}/tags", json={"tags": ["Alphabet"]})

    assert (answer.status_code, answer.content) == (204, b"")
    assert call.get(f"/jobs/{job_id}")["tags"] == ["Alphabet"]
    assert call.get("/tags?type=job&search=alpha") == {"tags": ["Alphabet"]}
    assert call.get("/tags?type=job&search=beta") == {"tags": []}
    assert call("GET", "/tags?type=job&search=al").status_code == 400
    assert call("PUT", f"/jobs/{job_id}/tags", json={"tags": ["x"] * 9}).status_code == 400
    assert call("PUT", f"/jobs/{job_id}/tags", json={}).status_code == 400
    assert call("PUT", f"/jobs/{job_id}/tags", json={"tags": []}).status_code == 204
    assert call.get(f"/jobs/{job_id}")["tags"] == []


def test_tags_of_a_running_job_survive_its_end(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    job_id = call.submit(params=stage.hold("held"))
    call("PUT", f"/jobs/{job_id}/tags", json={"tags": ["late"]})
    stage.release("held")

    assert call.wait(job_id)["tags"] == ["late"]


# Unknown jobs and compression


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/results"),
        ("GET", "/metrics"),
        ("GET", "/logs"),
        ("GET", "/interim_results"),
        ("POST", "/cancel"),
        ("PUT", "/tags"),
    ],
)
def test_an_unknown_job_is_404_and_named(shared: Any, method: str, tail: str) -> None:
    answer = shared(
        method, f"/jobs/d0a1b2c3d4e5f6g7h8i0{tail}", json={"tags": []} if tail == "/tags" else None
    )
    error = answer.json()["errors"][0]

    assert answer.status_code == 404
    assert "d0a1b2c3d4e5f6g7h8i0" in error["message"]
    assert error["solution"]


def test_large_answers_are_compressed_only_for_those_who_ask(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, compress_bytes=1000))
    job_id = call.submit(params={"pubs": [["x" * 5000]]})
    asked = call("GET", f"/jobs/{job_id}", headers={"Accept-Encoding": "gzip"})
    refused = call("GET", f"/jobs/{job_id}", headers={"Accept-Encoding": "gzip;q=0, identity"})
    small = call("GET", "/versions", headers={"Accept-Encoding": "gzip"})

    assert asked.headers["Content-Encoding"] == "gzip"
    assert int(asked.headers["Content-Length"]) < 1000
    assert "Content-Encoding" not in refused.headers
    assert "Content-Encoding" not in small.headers
    assert asked.json()["params"] == refused.json()["params"]
