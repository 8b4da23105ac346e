"""The classic dialect as a 2024 notebook spoke it: plain ``requests``, and only the hosts are ours."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.settings import Instance

CIRCUIT = """OPENQASM 3;
include "stdgates.inc";
bit[3] meas;
rz(pi/2) $0; sx $0; rz(pi/2) $0;
meas[0] = measure $0;
meas[1] = measure $1;
x $2;
meas[2] = measure $2;
"""
HGP = {"hub": "ibm-q-mine", "group": "research", "project": "main"}


def log_in(endpoint: Any) -> dict[str, str]:
    answer = requests.post(
        f"{endpoint.iam_url}/api/users/loginWithToken", json={"apiToken": endpoint.token}, timeout=120
    )
    assert answer.status_code == 200
    return {"Content-Type": "application/json", "x-access-token": answer.json()["id"]}


def wait_for(url: str, headers: dict[str, str]) -> dict[str, Any]:
    """Poll as the notebooks did."""
    deadline = time.monotonic() + 600
    while True:
        document: dict[str, Any] = requests.get(url, headers=headers, timeout=600).json()
        if document["state"]["status"] in ("Completed", "Failed", "Cancelled") or time.monotonic() > deadline:
            return document
        time.sleep(0.05)


def test_a_notebook_runs_from_login_to_the_401_after_logout(server: Any) -> None:
    """Log in, list, transpile, run, look, read, once alone, in a session and in a batch, and log out."""
    host, token = server.endpoint.iam_url, server.endpoint.token
    auth, runtime, transpiler = f"{host}/api", f"{host}/runtime", host
    login = requests.post(f"{auth}/users/loginWithToken", json={"apiToken": token}, timeout=600)
    headers = {"Content-Type": "application/json", "x-access-token": login.json()["id"]}

    user = requests.get(f"{auth}/users/me", headers=headers, timeout=600).json()
    assert user["urls"]["services"]["runtime"] == runtime
    hubs = requests.get(f"{user['urls']['http']}/Network", headers=headers, timeout=600).json()
    assert hubs[0]["groups"]["open"]["projects"]["main"]["isDefault"] is True
    backends = requests.get(
        f"{runtime}/backends?provider=ibm-q-mine/research/main", headers=headers, timeout=120
    )
    assert backends.json() == {"devices": ["aer_simulator", "local_heron"]}
    backend = "local_heron"

    bell = 'OPENQASM 3.0; include "stdgates.inc"; bit[2] c; qubit[2] q; h q[0]; cx q[0], q[1]; c = measure q;'
    task = requests.post(
        f"{transpiler}/transpile",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        params={"backend": backend, "optimization_level": 3, "use_ai": "False"},
        json={"qasm_circuits": [bell, CIRCUIT]},
        timeout=600,
    ).json()
    transpiled = {"state": "PENDING"}
    deadline = time.monotonic() + 600
    while transpiled["state"] == "PENDING" and time.monotonic() < deadline:
        time.sleep(0.05)
        transpiled = requests.get(
            f"{transpiler}/transpile/{task['task_id']}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=600,
        ).json()
    assert transpiled["state"] == "SUCCESS"
    isa_bell, isa_circuit = (each["qasm"] for each in transpiled["result"])

    body = {
        "program_id": "sampler",
        "backend": backend,
        "start_session": "False",
        **HGP,
        "params": {
            "pubs": [[isa_bell, None, 500], [isa_circuit, None, 300]],
            "options": {"dynamical_decoupling": {"enable": True}, "transpilation": {"optimization_level": 1}},
            "version": 2,
        },
    }
    created = requests.post(f"{runtime}/jobs", headers=headers, json=body, timeout=600)
    assert created.status_code == 200
    job_id = created.json()["id"]
    job = wait_for(f"{runtime}/jobs/{job_id}", headers)
    assert job["state"] == {"status": "Completed", "reason": "", "reasonCode": None}
    assert (job["status"], job["program"], job["hub"]) == ("Completed", {"id": "sampler"}, "ibm-q")
    result = requests.get(f"{runtime}/jobs/{job_id}/results", headers=headers, timeout=600).json()
    samples = [next(iter(pub["data"].values()))["samples"] for pub in result["results"]]
    assert [len(each) for each in samples] == [500, 300]
    first, second = ([f"{int(sample, 16):b}".zfill(3) for sample in each] for each in samples)
    assert Counter(first)["000"] + Counter(first)["011"] > 400  # noise leaves more than four in five
    assert Counter(second)["100"] + Counter(second)["101"] > 240
    listed = requests.get(
        f"{runtime}/jobs?limit=1&provider=ibm-q-mine/research/main", headers=headers, timeout=120
    )
    assert [item["id"] for item in listed.json()["jobs"]] == [job_id]

    for mode in ({}, {"mode": "batch"}):
        wish = {"backend": backend, "instance": "ibm-q-mine/research/main", **mode}
        session = requests.post(f"{runtime}/sessions", headers=headers, json=wish, timeout=600).json()["id"]
        inside = [
            requests.post(
                f"{runtime}/jobs", headers=headers, json={**body, "session_id": session}, timeout=120
            )
            for _ in range(2)
        ]
        ends = [wait_for(f"{runtime}/jobs/{each.json()['id']}", headers) for each in inside]
        assert {(end["session_id"], end["state"]["status"]) for end in ends} == {(session, "Completed")}
        closed = requests.delete(f"{runtime}/sessions/{session}/close", headers=headers, timeout=600)
        assert (closed.status_code, closed.text) == (204, "")

    assert requests.post(f"{auth}/users/logout", headers=headers, timeout=600).status_code == 204
    for verb, url in (("GET", f"{runtime}/jobs/{job_id}"), ("POST", f"{auth}/users/logout")):
        refused = requests.request(verb, url, headers=headers, timeout=600)
        assert refused.status_code == 401
        assert set(refused.json()) == {"error"}
        assert set(refused.json()["error"]) == {"status", "name", "code", "message"}


@pytest.mark.parametrize("mode", [None, "batch"])
def test_sessions_and_batches_are_opened_with_an_id_for_an_answer_and_closed(
    server: Any, mode: str | None
) -> None:
    runtime, headers = f"{server.endpoint.iam_url}/runtime", log_in(server.endpoint)
    wish = {"backend": "aer_simulator", "instance": "ibm-q-mine/research/main"} | (
        {"mode": mode} if mode else {}
    )

    opened = requests.post(f"{runtime}/sessions", headers=headers, json=wish, timeout=600)
    assert set(opened.json()) == {"id"}
    session_id = opened.json()["id"]
    assert len(session_id) == 20
    body = {"program_id": "sampler", "backend": "aer_simulator", "session_id": session_id, **HGP}
    jobs = [
        requests.post(
            f"{runtime}/jobs", headers=headers, json=body | {"params": {"pubs": [[CIRCUIT]]}}, timeout=120
        ).json()["id"]
        for _ in range(2)
    ]
    assert [wait_for(f"{runtime}/jobs/{job}", headers)["session_id"] for job in jobs] == [session_id] * 2
    state = requests.get(f"{runtime}/sessions/{session_id}", headers=headers, timeout=600).json()
    assert (state["mode"], state["state"]) == (mode or "dedicated", "active")
    closed = requests.delete(f"{runtime}/sessions/{session_id}/close", headers=headers, timeout=600)
    assert (closed.status_code, closed.text) == (204, "")
    late = requests.post(
        f"{runtime}/jobs", headers=headers, json=body | {"params": {"pubs": [[CIRCUIT]]}}, timeout=120
    )
    assert (late.status_code, late.json()["error"]["code"]) == (400, "1217")


@pytest.mark.parametrize("start_word", [True, "True"])
def test_start_session_makes_a_session_with_the_id_of_the_job(
    start: Callable[..., Any], start_word: Any
) -> None:
    call = start()
    runtime, headers = f"{call.endpoint.iam_url}/runtime", log_in(call.endpoint)
    body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}, **HGP}

    first = requests.post(
        f"{runtime}/jobs",
        headers=headers,
        json=body | {"start_session": start_word, "session_time": 600},
        timeout=600,
    )
    job_id = first.json()["id"]
    assert first.json()["session_id"] == job_id
    second = requests.post(
        f"{runtime}/jobs", headers=headers, json=body | {"session_id": job_id}, timeout=120
    )

    assert second.json()["session_id"] == job_id
    session = requests.get(f"{runtime}/sessions/{job_id}", headers=headers, timeout=600).json()
    assert (session["id"], session["max_ttl"]) == (job_id, 600)


def test_old_and_new_dialect_speak_to_the_same_jobs(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    runtime, headers = f"{call.endpoint.iam_url}/runtime", log_in(call.endpoint)
    new = call.submit(params=stage.hold("new"))
    old = requests.post(
        f"{runtime}/jobs",
        headers=headers,
        json={"program_id": "sampler", "backend": "aer_simulator", "params": stage.hold("old"), **HGP},
        timeout=600,
    ).json()["id"]
    call.until(old, "Running")

    assert requests.post(f"{runtime}/jobs/{new}/cancel", headers=headers, timeout=600).status_code == 204
    assert call.get(f"/jobs/{new}")["status"] == "Cancelled"
    assert call("PUT", f"/jobs/{old}/tags", json={"tags": ["seen"]}).status_code == 204
    document = requests.get(f"{runtime}/jobs/{old}", headers=headers, timeout=600).json()
    assert (document["tags"], document["state"]["status"]) == (["seen"], "Running")
    again = requests.post(f"{runtime}/jobs/{new}/cancel", headers=headers, timeout=600)
    assert (again.status_code, again.json()["error"]["status"]) == (409, 409)


def test_the_first_wire_form_and_submissions_without_a_backend_run(start: Callable[..., Any]) -> None:
    call = start()
    runtime, headers = f"{call.endpoint.iam_url}/runtime", log_in(call.endpoint)
    body = {"programId": "sampler", "params": ['{"pubs": [["x"]], "version": 2}'], **HGP}

    created = requests.post(f"{runtime}/jobs", headers=headers, json=body, timeout=600)

    assert created.status_code == 200
    assert created.json()["backend"] == "aer_simulator"
    job = requests.get(f"{runtime}/jobs/{created.json()['id']}", headers=headers, timeout=600).json()
    assert job["params"] == {"pubs": [["x"]], "version": 2}
    broken = requests.post(f"{runtime}/jobs", headers=headers, json=body | {"params": ["{"]}, timeout=600)
    assert (broken.status_code, "params[0]" in broken.json()["error"]["message"]) == (400, True)


def test_a_job_that_ran_too_long_says_so_in_the_old_words(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    runtime, headers = f"{call.endpoint.iam_url}/runtime", log_in(call.endpoint)
    job_id = call.submit(params=stage.hold("long"), cost=1)
    call.wait(job_id)

    document = requests.get(f"{runtime}/jobs/{job_id}", headers=headers, timeout=600).json()

    assert document["status"] == "Cancelled - Ran too long"
    assert document["state"] == {"status": "Cancelled", "reason": "Ran too long", "reasonCode": 1305}


def test_hub_group_and_project_choose_the_instance(start: Callable[..., Any]) -> None:
    crn = "crn:v1:bluemix:public:quantum-computing:us-east:a/{0}:10ca1000-0000-4000-8000-00000000000{0}::"
    one, two = (Instance(crn=crn.format(n), provider=f"hub{n}/g/p") for n in (1, 2))
    call = start(lambda s: replace(s, instances=(one, two)))
    runtime, headers = f"{call.endpoint.iam_url}/runtime", log_in(call.endpoint)
    body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}
    mine = {"hub": "hub2", "group": "g", "project": "p"}

    ids = [
        requests.post(f"{runtime}/jobs", headers=headers, json=body | more, timeout=600).json()["id"]
        for more in ({}, HGP, mine)
    ]

    def listed(provider: str) -> list[str]:
        page = requests.get(f"{runtime}/jobs", params={"provider": provider}, headers=headers, timeout=600)
        return [item["id"] for item in page.json()["jobs"]]

    assert listed("hub1/g/p") == ids[1::-1]
    assert listed("hub2/g/p") == ids[2:]
    shown = requests.get(f"{runtime}/jobs/{ids[2]}", headers=headers, timeout=600).json()
    assert (shown["hub"], shown["group"], shown["project"]) == ("hub2", "g", "p")


def test_classic_device_endpoints_answer(server: Any, shared: Any) -> None:
    base, headers = f"{server.endpoint.iam_url}/api", log_in(server.endpoint)
    devices = f"{base}/Network/ibm-q/Groups/open/Projects/main/devices"

    def get(url: str) -> Any:
        answer = requests.get(url, headers=headers, timeout=600)
        assert answer.status_code == 200, answer.text
        shared.contract.check("GET", url.removeprefix(base), answer)
        return answer.json()

    assert [item["backend_name"] for item in get(f"{devices}/v/1")] == ["aer_simulator", "local_heron"]
    assert get(f"{devices}/local_heron/properties")["backend_name"] == "local_heron"
    assert get(f"{devices}/local_heron/configuration")["backend_name"] == "local_heron"
    assert get(f"{devices}/local_heron/defaults") is None
    assert get(f"{devices}/local_heron/status")["length_queue"] == 0
    assert get(f"{devices}/local_heron/queue/status")["lengthQueue"] == 0
    assert get(f"{base}/Network/bookings/v2") == []
    assert get(f"{base}/version")["new_api"] is True
    assert requests.get(f"{devices}/none/status", headers=headers, timeout=600).status_code == 404


def test_a_wrong_token_does_not_log_in_and_access_ends_after_two_weeks(
    start: Callable[..., Any], clock: Any
) -> None:
    call = start(lambda s: replace(s, clock=clock))
    base = call.endpoint.iam_url
    wrong = requests.post(f"{base}/api/users/loginWithToken", json={"apiToken": "wrong"}, timeout=600)
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (401, 401)
    headers = log_in(call.endpoint)
    assert requests.get(f"{base}/runtime/backends", headers=headers, timeout=600).status_code == 200
    clock.advance(14 * 86_400)
    assert requests.get(f"{base}/runtime/backends", headers=headers, timeout=600).status_code == 401


def test_the_api_token_itself_and_the_oldest_hosts_without_a_prefix_work(server: Any) -> None:
    base = server.endpoint.iam_url
    bearer = {"Authorization": f"Bearer {server.endpoint.token}"}
    assert requests.get(f"{base}/runtime/backends", headers=bearer, timeout=600).status_code == 200
    headers = log_in(server.endpoint)
    assert (
        requests.get(f"{base}/backends", headers=headers, timeout=600).json()["devices"][0] == "aer_simulator"
    )
    assert requests.post(f"{base}/runtime/logout", headers=headers, timeout=600).status_code == 204


def test_an_access_token_does_not_open_the_current_dialect(server: Any) -> None:
    headers = log_in(server.endpoint) | {"Service-CRN": server.endpoint.instance}

    answer = requests.get(f"{server.endpoint.url}/backends", headers=headers, timeout=600)

    assert (answer.status_code, "errors" in answer.json()) == (401, True)


def test_a_base_path_with_the_word_experimental_is_an_alias(shared: Any) -> None:
    origin = shared.endpoint.iam_url
    for base in (
        f"{origin}/experimental",
        f"{origin}/experimental/api/v1",
        f"{origin}/my-experimental-one/v1",
    ):
        assert requests.get(f"{base}/backends", headers=shared.headers, timeout=600).status_code == 200
