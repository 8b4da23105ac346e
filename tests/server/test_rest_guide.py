"""The current dialect as the public REST guides write it: plain ``requests``, and only the host is ours."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import requests

SAMPLER_INPUT = """OPENQASM 3.0;
include "stdgates.inc";
bit[2] meas;
rz(pi/2) $0;
sx $0;
rz(pi/2) $0;
rz(pi/2) $1;
sx $1;
rz(pi/2) $1;
cz $0, $1;
rz(pi/2) $1;
sx $1;
rz(pi/2) $1;
meas[0] = measure $0;
meas[1] = measure $1;
"""
ESTIMATOR_INPUT = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] theta;
rz(theta) $0;
sx $0;
x $1;
"""


def guide_headers(iam: str, api_key: str, crn: str) -> dict[str, str]:
    """Exchange the API key and write the headers, as the guides do first."""
    answer = requests.post(
        f"{iam}/identity/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        data=f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={api_key}",
        timeout=600,
    )
    return {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {answer.json()['access_token']}",
        "Service-CRN": crn,
        "IBM-API-Version": "2026-04-15",
    }


def wait_for(url: str, headers: dict[str, str]) -> str:
    deadline = time.monotonic() + 600
    while True:
        status: str = requests.get(url, headers=headers, timeout=600).json()["state"]["status"]
        if status in ("Completed", "Failed", "Cancelled") or time.monotonic() > deadline:
            return status
        time.sleep(0.05)


def test_the_guides_run_with_another_host(server: Any) -> None:
    place = server.endpoint
    base, headers = place.url, guide_headers(place.iam_url, place.token, place.instance)

    devices = requests.get(f"{base}/backends", headers=headers, timeout=600).json()["devices"]
    backend = next(device["name"] for device in devices if not device["is_simulator"])
    status = requests.get(f"{base}/backends/{backend}/status", headers=headers, timeout=600).json()
    assert status["state"] is True
    configuration = requests.get(
        f"{base}/backends/{backend}/configuration", headers=headers, timeout=120
    ).json()
    assert "cz" in configuration["basis_gates"]

    sampling = {
        "program_id": "sampler",
        "backend": backend,
        "params": {
            "pubs": [[SAMPLER_INPUT, {}, 400], [SAMPLER_INPUT]],
            "options": {
                "default_shots": 200,
                "dynamical_decoupling": {"enable": True, "sequence_type": "XpXm"},
                "twirling": {"enable_gates": False, "enable_measure": True},
            },
            "version": 2,
        },
    }
    sampler_id = requests.post(f"{base}/jobs", headers=headers, json=sampling, timeout=600).json()["id"]
    assert wait_for(f"{base}/jobs/{sampler_id}", headers) == "Completed"
    result = requests.get(f"{base}/jobs/{sampler_id}/results", headers=headers, timeout=600).json()
    samples = [pub["data"]["meas"]["samples"] for pub in result["results"]]
    assert [len(shots) for shots in samples] == [400, 200]
    counts = Counter(int(shot, 16) for shot in samples[0])
    assert counts[0] + counts[3] > 300

    wish = {"mode": "dedicated", "backend": backend, "max_ttl": 600}
    session_id = requests.post(f"{base}/sessions", headers=headers, json=wish, timeout=600).json()["id"]
    estimating = {
        "program_id": "estimator",
        "backend": backend,
        "session_id": session_id,
        "params": {
            "pubs": [[ESTIMATOR_INPUT, ["IZ", "ZI", {"ZZ": 0.5, "II": 0.5}], {"theta": 0.3}, 0.05]],
            "options": {"dynamical_decoupling": {"enable": True}},
            "resilience_level": 1,
            "version": 2,
        },
    }
    estimator_id = requests.post(f"{base}/jobs", headers=headers, json=estimating, timeout=600).json()["id"]
    assert wait_for(f"{base}/jobs/{estimator_id}", headers) == "Completed"
    data = requests.get(f"{base}/jobs/{estimator_id}/results", headers=headers, timeout=600).json()[
        "results"
    ][0]["data"]
    assert [len(data[name]) for name in ("evs", "stds")] == [3, 3]
    assert abs(data["evs"][0]) < 0.3
    assert data["evs"][1] < -0.7

    close = requests.patch(
        f"{base}/sessions/{session_id}", headers=headers, json={"accepting_jobs": False}, timeout=120
    )
    assert close.status_code == 204
    assert (
        requests.get(f"{base}/sessions/{session_id}", headers=headers, timeout=600).json()["state"]
        == "closed"
    )
    metrics = requests.get(f"{base}/jobs/{estimator_id}/metrics", headers=headers, timeout=600).json()
    assert metrics["usage"]["status"] == "complete"
    usage = requests.get(f"{base}/instances/usage", headers=headers, timeout=600).json()
    assert usage["usage_consumed_seconds"] > 0
    tags = requests.put(
        f"{base}/jobs/{sampler_id}/tags", headers=headers, json={"tags": ["from-the-guide"]}, timeout=120
    )
    assert tags.status_code == 204
    found = requests.get(
        f"{base}/jobs", params={"tags": "from-the-guide"}, headers=headers, timeout=120
    ).json()
    assert [job["id"] for job in found["jobs"]] == [sampler_id]
    late = requests.post(f"{base}/jobs/{sampler_id}/cancel", headers=headers, timeout=600)
    assert late.status_code == 409
    assert requests.delete(f"{base}/jobs/{sampler_id}", headers=headers, timeout=600).status_code == 204
    gone = requests.get(f"{base}/jobs/{sampler_id}", headers=headers, timeout=600)
    assert (gone.status_code, set(gone.json())) == (404, {"errors", "trace"})
