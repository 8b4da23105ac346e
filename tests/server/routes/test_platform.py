"""Backends, credentials, versions, instances, usage, workloads, analytics and errors over a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.jobs.retention import sweep, sweep_sessions
from qiskit_rest_primitives.server.settings import Instance

REQUIRED = [
    "backend_name",
    "backend_version",
    "n_qubits",
    "basis_gates",
    "gates",
    "local",
    "simulator",
    "conditional",
    "open_pulse",
    "memory",
    "coupling_map",
    "online_date",
]
APIKEY = "urn:ibm:params:oauth:grant-type:apikey"


# Backends


def test_backends_are_names_before_2025_and_objects_since(shared: Any) -> None:
    names = ["aer_simulator", "local_heron"]

    for version in ("2024-01-01", "2024-12-31", None):
        assert shared.get("/backends", headers={"IBM-API-Version": version}) == {"devices": names}
    devices = shared.get("/backends")["devices"]
    assert [device["name"] for device in devices] == names
    assert not any("class" in device for device in devices)
    assert all(device["status"] == {"name": "online"} for device in devices)
    assert all(isinstance(device["queue_length"], int) and device["qubits"] >= 100 for device in devices)
    assert [device["is_simulator"] for device in devices] == [True, False]


def test_mock_twins_are_listed_only_when_asked_for(shared: Any) -> None:
    devices = shared.get("/backends?include_mocks=True")["devices"]

    assert [(device["name"], device.get("class")) for device in devices] == [
        ("aer_simulator", None),
        ("local_heron", None),
        ("mock_simulator", "mock"),
        ("mock_heron", "mock"),
    ]
    assert shared.get("/backends/mock_heron/configuration")["backend_name"] == "mock_heron"
    assert shared.get("/backends/mock_heron/properties")["backend_name"] == "mock_heron"


def test_waiting_times_come_only_when_asked_for_and_known(start: Callable[..., Any]) -> None:
    call = start()
    call.wait(call.submit())
    ideal, heron = call.get("/backends?fields=wait_time_seconds")["devices"]

    assert set(ideal["wait_time_seconds"]) == {"average", "p50", "p95"}
    assert "wait_time_seconds" not in heron
    assert "wait_time_seconds" not in call.get("/backends")["devices"][0]


@pytest.mark.parametrize("name", ["aer_simulator", "local_heron"])
def test_every_device_has_its_documents(shared: Any, name: str) -> None:
    configuration = shared.get(f"/backends/{name}/configuration?calibration_id=x")
    status = shared.get(f"/backends/{name}/status")

    assert set(REQUIRED) <= set(configuration)
    assert configuration["backend_name"] == name
    assert (status["state"], status["status"], status["message"]) == (True, "active", "")
    assert status["length_queue"] >= 0
    assert status["backend_version"] == configuration["backend_version"]
    assert shared("GET", f"/backends/{name}/defaults").content == b"null"


def test_properties_are_null_or_calibration_data(shared: Any) -> None:
    path = "/properties?updated_before=2026-01-01T00:00:00%2B00:00&calibration_id=x"
    heron = shared.get(f"/backends/local_heron{path}")

    assert shared.get(f"/backends/aer_simulator{path}") is None
    assert len(heron["qubits"]) == shared.get("/backends/local_heron/configuration")["n_qubits"]
    assert shared("GET", "/backends/local_heron/properties?updated_before=x").status_code == 400


@pytest.mark.parametrize("what", ["configuration", "properties", "status", "defaults"])
def test_an_unknown_device_is_a_terse_404(shared: Any, what: str) -> None:
    answer = shared("GET", f"/backends/ibm_nowhere/{what}")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"
    assert answer.json()["errors"][0]["message"] == "device not found"


# Credentials


def exchange(call: Any, path: str = "/identity/token", **form: str) -> requests.Response:
    fields = {"grant_type": APIKEY, "apikey": call.endpoint.token, "response_type": "cloud_iam"} | form
    return requests.post(call.endpoint.iam_url + path, data=fields, timeout=600)


@pytest.mark.parametrize("path", ["/identity/token", "/oidc/token"])
def test_the_token_is_a_jwt_with_numeric_times(start: Callable[..., Any], clock: Any, path: str) -> None:
    call = start(lambda s: replace(s, token_seconds=100, clock=clock))
    answer = exchange(call, path).json()
    header, claims, _ = (
        json.loads(base64.urlsafe_b64decode(part + "==")) if index < 2 else part
        for index, part in enumerate(answer["access_token"].split("."))
    )

    assert header["alg"] == "HS256"
    assert (claims["iat"], claims["exp"]) == (clock.now, clock.now + 100)
    assert (answer["expires_in"], answer["expiration"], answer["token_type"]) == (
        100,
        clock.now + 100,
        "Bearer",
    )


def test_a_wrong_key_or_grant_is_refused_in_the_token_services_envelope(shared: Any) -> None:
    for answer in (exchange(shared, apikey="wrong"), exchange(shared, grant_type="password")):
        assert answer.status_code == 400
        assert answer.json()["errorCode"].startswith("BXN")
        assert "wrong" not in answer.text


def test_tokens_expire(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, token_seconds=100, clock=clock))
    clock.advance(99)
    assert call("GET", "/jobs").status_code == 200
    clock.advance(1)
    answer = call("GET", "/jobs")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, 1200)
    assert "expired" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "value",
    [None, "", "Bearer", "Bearer x.y.z", "Bearer ü", "apikey wrong", "Basic dXNlcjpwYXNz", "Bearer a.b."],
)
def test_bad_credentials_are_401(shared: Any, value: str | None) -> None:
    encoded = None if value is None else value.encode()
    answer = shared("GET", "/jobs", headers={"Authorization": encoded})

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == 1200


def test_a_token_with_changed_claims_is_refused(shared: Any) -> None:
    header, claims, signature = shared.bearer().split(".")
    late = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"exp": 9_999_999_999}
    forged = base64.urlsafe_b64encode(json.dumps(late).encode()).rstrip(b"=").decode()

    answer = shared("GET", "/jobs", headers={"Authorization": f"Bearer {header}.{forged}.{signature}"})

    assert answer.status_code == 401


def test_the_api_key_itself_is_accepted(shared: Any) -> None:
    headers = {"Authorization": f"apikey {shared.endpoint.token}"}

    assert shared("GET", "/jobs", headers=headers).status_code == 200


def test_the_instance_is_required_and_must_be_known(shared: Any) -> None:
    missing = shared("GET", "/jobs", headers={"Service-CRN": None})
    unknown = shared(
        "GET", "/jobs", headers={"Service-CRN": shared.endpoint.instance.replace("us-east", "eu-de")}
    )

    assert missing.status_code == 400
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, 1279)


def test_instances_do_not_see_each_others_jobs_and_sessions(start: Callable[..., Any]) -> None:
    other = Instance(crn=Instance().crn.replace("10ca1000", "20ca1000"), name="other")
    call = start(instances=(Instance(), other))
    job_id = call.submit()
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]
    headers = {"Service-CRN": other.crn}

    assert call("GET", f"/jobs/{job_id}", headers=headers).status_code == 404
    assert call("GET", f"/sessions/{session}", headers=headers).status_code == 404
    assert call.get("/jobs", headers=headers)["count"] == 0


# Versions, prefixes, errors


def test_versions_and_health_need_no_credentials(shared: Any) -> None:
    nobody = {"Authorization": None, "Service-CRN": None}
    versions = shared.get("/versions", headers=nobody)["versions"]

    assert versions[-1] == {"version": "2026-04-15", "status": "live"}
    assert versions[0]["version"] == "2024-01-01"
    assert shared.get("/health", headers=nobody)["status"] == "ok"


def test_v1_is_an_alias(shared: Any) -> None:
    answer = requests.get(shared.endpoint.iam_url + "/v1/backends", headers=shared.headers, timeout=600)

    assert answer.json() == shared.get("/backends")


@pytest.mark.parametrize("version", ["today", "2026-13-01", "20260415", "2026-4-15"])
def test_a_version_that_is_no_date_is_refused(shared: Any, version: str) -> None:
    assert shared("GET", "/jobs", headers={"IBM-API-Version": version}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere/at/all", 404),
        ("GET", "/", 404),
        ("GET", "/jobs/", 404),
        ("PATCH", "/jobs", 405),
        ("POST", "/backends", 405),
        ("DELETE", "/versions", 405),
    ],
)
def test_unknown_paths_and_methods_use_the_envelope_too(
    shared: Any, method: str, path: str, status: int
) -> None:
    answer = shared(method, path, allow_redirects=False)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"errors", "trace"}
    assert set(answer.json()["errors"][0]) >= {"code", "message", "more_info"}


def test_an_internal_error_is_500_in_the_envelope_and_tells_nothing(
    start: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    moments = iter(range(1_790_000_000, 1_790_000_003))  # runs out: the clock itself fails
    call = start(lambda s: replace(s, clock=lambda: float(next(moments))))
    while (answer := call("GET", "/jobs")).status_code == 200:
        pass

    assert answer.status_code == 500
    assert answer.json()["errors"][0]["message"] == "Internal error."
    assert answer.json()["errors"][0]["code"] == 9999
    assert "Traceback" not in answer.text
    assert "StopIteration" in caplog.text


def test_get_with_a_content_type_is_fine(shared: Any) -> None:
    assert shared("GET", "/jobs", headers={"Content-Type": "application/json"}).status_code == 200


# Instances


def test_usage_adds_up_the_seconds_of_the_last_28_days(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock, token_seconds=10_000_000))
    for _ in range(3):
        call.wait(call.submit())
    usage = call.get("/instances/usage")
    clock.advance(28 * 86_400 + 1)

    assert usage["usage_consumed_seconds"] == 0.75
    assert usage["instance_id"] == call.endpoint.instance
    assert usage["usage_limit_reached"] is False
    assert "usage_limit_seconds" not in usage
    assert call.get("/instances/usage")["usage_consumed_seconds"] == 0


def test_usage_counts_what_was_deleted_and_forgotten(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock, token_seconds=10_000_000, retention_seconds=100.0))
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]
    jobs = [call.submit(), call.submit(), call.submit(session_id=session)]
    for job in jobs:
        call.wait(job)
    call("DELETE", f"/sessions/{session}/close")
    before = call.get("/instances/usage"), call.get("/analytics/usage")
    assert call("DELETE", f"/jobs/{jobs[0]}").status_code == 204
    clock.advance(1_000)
    server = call.server._server._app.state.server
    forgotten = (
        asyncio.run(sweep(server.store, server.settings)),
        sweep_sessions(server.store, server.settings),
    )

    assert forgotten == (2, [session])
    assert call.get("/jobs")["count"] == 0
    after = call.get("/instances/usage"), call.get("/analytics/usage")
    assert before[0].pop("usage_period") != after[0].pop("usage_period")
    assert before == after
    assert after[0]["usage_consumed_seconds"] == 0.75
    assert (after[1]["usage"], after[1]["jobs"], after[1]["batch_sessions_usage"]) == (750, 3, 250)
    clock.advance(28 * 86_400)
    asyncio.run(sweep(server.store, server.settings))
    assert call.get("/analytics/usage")["jobs"] == 0


def test_the_usage_limit_can_be_configured(start: Callable[..., Any]) -> None:
    call = start()
    call.wait(call.submit())

    assert call.get("/instances/configuration") == {"instance_limit": None}
    assert call("PUT", "/instances/configuration", json={"instance_limit": 0}).status_code == 204
    assert call.get("/instances/configuration") == {"instance_limit": 0}
    assert call.get("/instances/usage")["usage_limit_reached"] is True
    assert call.get("/instance")["instance_limit_seconds"] == "0"
    for bad in ({}, {"instance_limit": "60"}, {"instance_limit": -1}):
        assert call("PUT", "/instances/configuration", json=bad).status_code == 400
    assert call("PUT", "/instances/configuration", json={"instance_limit": None}).status_code == 204
    assert call.get("/instance") == {
        "backends": ["aer_simulator", "local_heron"],
        "plan_id": Instance().plan_id,
    }


def test_the_open_plan_is_limited_to_ten_minutes(start: Callable[..., Any]) -> None:
    """faults E (Open plan): 600 s per 28 days, which an instance may lower but not raise or clear."""
    call = start(lambda s: replace(s, instances=(Instance(plan="open"),)))
    found = [call.get("/instances/usage")["usage_limit_seconds"]]
    for limit in (60, 6_000, None):
        call("PUT", "/instances/configuration", json={"instance_limit": limit})
        found.append(call.get("/instances/usage")["usage_limit_seconds"])

    assert found == [600, 60, 600, 600]
    assert call.get(f"/jobs/{call.submit()}")["cost"] == 600


def test_an_account_lists_its_plans(start: Callable[..., Any]) -> None:
    mine = Instance(crn="crn:v1:bluemix:public:quantum-computing:us-east:a/mine:10ca1000-0000-4000-8000-1::")
    call = start(instances=[mine])
    plans = call.get(f"/accounts/mine?plan_id={mine.plan_id}")["plans"]

    assert plans[0]["backends"] == ["aer_simulator", "local_heron"]
    assert call.get("/accounts/mine?plan_id=other") == {"plans": []}
    assert call("GET", "/accounts/nobody").status_code == 404


def test_instances_can_be_discovered(shared: Any) -> None:
    headers = {"Authorization": shared.headers["Authorization"]}
    base = shared.endpoint.iam_url
    found = requests.post(
        f"{base}/v3/resources/search?limit=100",
        json={"query": "service_name:quantum-computing", "fields": ["crn"]},
        headers=headers,
        timeout=600,
    ).json()
    item = found["items"][0]

    assert item["crn"] == shared.endpoint.instance
    assert item["doc"]["extensions"]
    assert "search_cursor" not in found
    for path in ("", "/api/v1"):
        plan = requests.get(
            f"{base}{path}/{item['service_plan_unique_id']}", headers=headers, timeout=120
        ).json()
        assert plan["overview_ui"]["en"]["display_name"] == "local"
        assert plan["metadata"]["pricing"]["type"] == "free"
    assert requests.post(f"{base}/v3/resources/search", json={}, timeout=600).status_code == 401


# Workloads and analytics


def test_workloads_hold_single_jobs_sessions_and_batches(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock))
    single = call.submit(tags=["demo"])
    call.wait(single)
    clock.advance(1)
    batch = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]
    call.wait(call.submit(session_id=batch))
    clock.advance(1)
    session = call("POST", "/sessions", json={"mode": "dedicated", "backend": "local_heron"}).json()["id"]
    call("DELETE", f"/sessions/{session}/close")

    def found(query: str = "") -> list[str]:
        return [item["id"] for item in call.get(f"/workloads?{query}")["workloads"]]

    assert found() == [single, batch, session]
    assert found("sort=-createdAt") == [session, batch, single]
    assert found("mode=batch") == [batch]
    assert found("status=completed&status=canceled") == [single, session]
    assert found("backend=local_heron") == [session]
    assert found("tags=demo") == found("search=dem") == [single]
    first = call.get("/workloads")["workloads"][0]
    assert (first["mode"], first["status"], first["tags"]) == ("job", "completed", ["demo"])
    assert first["usage"] == {"qpu_charge_time_seconds": 0.25, "status": "complete"}
    assert first["accepting_jobs"] is None


def test_a_workload_that_is_a_job_says_how_long_it_may_run(start: Callable[..., Any]) -> None:
    """Fault E (usage): 2 s and 0.00035 s for each execution, from the submission on."""
    call = start()
    done = call.submit(params={"pubs": [["...", [[0.1], [0.2]], 1000], ["..."]]})
    call.wait(done)
    call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"})
    job, batch = call.get("/workloads")["workloads"]
    unknown = [call.submit(params={"pubs": [["...", {"a": [1, 2], "b": [1, 2, 3]}]]}) for _ in range(2)]

    assert job["estimated_running_time_seconds"] == round(2 + 0.00035 * (2 * 1000 + 4096), 6)
    assert (
        call.get(f"/jobs/{done}")["estimated_running_time_seconds"] == job["estimated_running_time_seconds"]
    )
    assert "estimated_running_time_seconds" not in batch
    for other in unknown:  # what the one job of its kind took
        assert call.get(f"/jobs/{other}")["estimated_running_time_seconds"] == 0.25


def test_workloads_can_be_asked_for_by_eight_tags_at_most(shared: Any) -> None:
    tags = [("tags", f"t{number}") for number in range(9)]

    assert shared("GET", "/workloads", params=tags[:8]).status_code == 200
    assert shared("GET", "/workloads", params=tags).json()["errors"][0]["code"] == 1204


def test_workloads_page_by_cursor_in_both_directions(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock))
    ids = []
    for _ in range(5):
        clock.advance(1)
        ids.append(call.submit())
    pages = []
    link = "/workloads?limit=2"
    while link:
        page = call.get(link.split("/api/v1")[-1])
        assert page["total_count"] == 5
        pages.append([item["id"] for item in page["workloads"]])
        link = page.get("next", {}).get("href", "")
    back = call.get(page["previous"]["href"].split("/api/v1")[-1])

    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert [item["id"] for item in back["workloads"]] == ids[2:4]
    assert "previous" not in call.get("/workloads?limit=2")
    assert call("GET", "/workloads?next=rubbish").status_code == 400
    assert call("GET", "/workloads?status=done").status_code == 400


def test_analytics_add_up_to_what_the_jobs_say(start: Callable[..., Any], clock: Any) -> None:
    call = start(lambda s: replace(s, clock=clock))
    for backend in ("aer_simulator", "aer_simulator", "local_heron"):
        call.wait(call.submit(backend=backend))
    batch = call("POST", "/sessions", json={"mode": "batch", "backend": "local_heron"}).json()["id"]
    call.wait(call.submit(session_id=batch, backend="local_heron"))
    totals = call.get("/analytics/usage")
    groups = {item["key"]: item for item in call.get("/analytics/usage_grouped?group_by=backend")["data"]}

    assert (totals["jobs"], totals["individual_jobs"], totals["batch_sessions"]) == (4, 3, 1)
    assert (totals["usage"], totals["individual_jobs_usage"], totals["batch_sessions_usage"]) == (
        1000,
        750,
        250,
    )
    assert totals["max_individual_jobs_usage"] == 250
    assert groups["aer_simulator"]["usage"] == groups["local_heron"]["usage"] == 500
    assert call.get("/analytics/usage?backend=aer_simulator")["jobs"] == 2
    assert call.get("/analytics/usage?simulators=false")["jobs"] == 2
    assert call.get("/analytics/usage?interval_end=2020-01-01T00:00:00Z")["jobs"] == 0
    by_day = call.get("/analytics/usage_grouped_by_date?group_by=instance")["data"]
    assert [(item["key"], item["usage"]) for item in by_day] == [(call.endpoint.instance, 1000)]
    assert call.get("/analytics/filters")["backends"] == [{"name": "aer_simulator"}, {"name": "local_heron"}]
    assert call("GET", "/analytics/usage_grouped").status_code == 400
    assert call("GET", "/analytics/usage_grouped_by_date?group_by=backend").status_code == 400
