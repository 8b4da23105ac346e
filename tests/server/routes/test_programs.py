"""The program endpoints by bare requests: a VQE program from upload to deletion, and every refusal."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit.result import Result

from qiskit_rest_primitives import RuntimeDecoder, RuntimeEncoder
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.settings import Instance, ProgramRules, Settings

VQE = (Path(__file__).parents[2] / "material" / "vqe_program.py").read_text()
COUNT = """
import time
def main(backend, user_messenger, count, pause=0.0):
    print("counting on", backend.name)
    for number in range(count):
        user_messenger.publish({"number": number, "text": "x" * 100})
        time.sleep(pause)
    return count
"""
ALLOWED = ProgramRules(allow="isolated", memory_bytes=1 << 30, processes=16)
OTHER = replace(Instance(), crn=Instance().crn.replace("0001::", "0002::"), name="other", provider="a/b/c")


def document(name: str, source: str = COUNT, **more: Any) -> dict[str, Any]:
    return {"name": name, "data": base64.b64encode(source.encode()).decode(), "cost": 60, **more}


@pytest.fixture(scope="module")
def call(request: pytest.FixtureRequest, ideal: Any) -> Iterator[Any]:
    """A client of a server that takes programs and answers for two instances."""
    kind = type(request.getfixturevalue("shared"))

    def settings(chosen: Settings) -> Settings:
        return replace(chosen, programs=ALLOWED, workers=2)

    with serve([ideal], settings=settings, instances=[Instance(), OTHER]) as server:
        caller = kind(server)
        with caller.session:
            if "isolated" in (run(caller, upload(caller, "probe"), count=0).get("reason") or ""):
                pytest.skip("programs need namespaces: run as root, or where user namespaces are allowed")
            yield caller


def upload(call: Any, name: str, source: str = COUNT, **more: Any) -> str:
    answer = call("POST", "/programs", json=document(name, source, **more))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def begin(call: Any, program: str, *, envelope: dict[str, Any] | None = None, **inputs: Any) -> str:
    params = json.loads(json.dumps(inputs, cls=RuntimeEncoder))
    body = {"program_id": program, "params": params, **(envelope or {})}
    answer = call("POST", "/jobs", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def run(call: Any, program: str, **inputs: Any) -> dict[str, Any]:
    state: dict[str, Any] = call.wait(begin(call, program, **inputs))["state"]
    return state


def follow(call: Any, job: str, offset: int = 0, most: int | None = None) -> list[Any]:
    """Read interim results from an offset on, until there are no more or enough."""
    found: list[Any] = []
    while most is None or len(found) < most:
        answer = call(
            "GET", f"/jobs/{job}/interim_results?offset={offset + len(found)}", headers={"Prefer": "wait=10"}
        )
        assert answer.headers["Interim-Offset"] == str(offset + len(found))
        found += json.loads(answer.text, cls=RuntimeDecoder)
        if answer.headers["Interim-Complete"] == "true":
            break
    return found


def test_a_vqe_program_is_uploaded_run_followed_and_deleted(call: Any) -> None:
    hamiltonian = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])
    exact = float(np.linalg.eigvalsh(hamiltonian.to_matrix())[0])
    ansatz = efficient_su2(2, su2_gates=["ry"], reps=1)
    program = upload(call, "vqe", VQE, description="finds the ground state")
    job = begin(call, program, ansatz=ansatz, hamiltonian=hamiltonian, envelope={"backend": "aer_simulator"})

    steps = follow(call, job)
    result = json.loads(call("GET", f"/jobs/{job}/results").text, cls=RuntimeDecoder)

    assert [(step["sweep"], step["index"]) for step in steps] == [(s, i) for s in range(2) for i in range(4)]
    assert steps[-1]["point"] == result["point"]
    # Shot noise of one estimate: at most sum |c| / sqrt(shots); the optimum is flat, so its own error is second order.
    assert abs(result["energy"] - exact) < 5 * 2 / 4000**0.5
    assert call("DELETE", f"/programs/{program}").status_code == 204
    assert call("GET", f"/programs/{program}").status_code == 404
    assert call("GET", f"/jobs/{job}/results").status_code == 200
    assert call("POST", "/jobs", json={"program_id": program, "params": {}}).status_code == 404


def test_a_thousand_messages_arrive_in_order_while_other_jobs_run(call: Any) -> None:
    program = upload(call, "thousand")
    other = [call.submit() for _ in range(5)]
    job = begin(call, program, count=1000)
    other += [call.submit() for _ in range(5)]

    half = follow(call, job, most=500)
    with requests.Session() as session:  # somebody else goes on
        call.session, kept = session, call.session
        rest = follow(call, job, offset=len(half))
        call.session = kept

    assert [message["number"] for message in half + rest] == list(range(1000))
    assert follow(call, job) == half + rest
    assert [call.wait(each)["status"] for each in other] == ["Completed"] * 10


def test_old_clients_get_all_interim_results_in_one_answer(call: Any) -> None:
    job = begin(call, upload(call, "whole"), count=3)
    call.wait(job)
    answer = call("GET", f"/jobs/{job}/interim_results")

    assert [message["number"] for message in json.loads(answer.text)] == [0, 1, 2]
    assert answer.headers["content-type"].startswith("text/plain")
    assert "counting on aer_simulator" in call("GET", f"/jobs/{job}/logs").text
    assert call("GET", f"/jobs/{job}/interim_results?offset=7").text == "[]"
    for offset in ("-1", str(2**63)):
        assert call("GET", f"/jobs/{job}/interim_results?offset={offset}").status_code == 400
    assert call("DELETE", f"/jobs/{job}").status_code == 204
    assert call("GET", f"/jobs/{job}/interim_results").status_code == 404


MUCH = """
def main(backend, user_messenger, count):
    for number in range(count):
        user_messenger.publish("x" * 1_000_000)
"""


def test_the_event_loop_has_no_gaps_in_proportion_to_interim_results(
    start: Callable[..., Any], tmp_path: Path, loop_steps: Callable[[Any], Any], call: Any
) -> None:
    """Faults C2: 60 MB of them, written and read. No step does more than a small part of the whole work."""
    database = str(tmp_path / "jobs.sqlite")
    other = start(lambda settings: replace(settings, programs=ALLOWED), database=database)
    program = upload(other, "much", MUCH)

    with loop_steps(other) as steps:
        job = begin(other, program, count=60)
        assert other.wait(job)["status"] == "Completed"
        given = other("GET", f"/jobs/{job}/interim_results", headers={"Accept-Encoding": "identity"}).json()

    assert given == ["x" * 1_000_000] * 60
    assert max(steps) < sum(steps) / 10, (max(steps), sum(steps))


def test_a_primitive_has_no_interim_results(call: Any) -> None:
    job = call.submit()
    call.wait(job)

    assert call("GET", f"/jobs/{job}/interim_results").text == ""


def test_a_program_is_killed_at_its_longest_run_time_and_the_server_goes_on(call: Any) -> None:
    program = upload(call, "long", cost=2)
    job = begin(call, program, count=10_000, pause=0.01)
    state = call.wait(job)["state"]

    assert (state["status"], state["reason_code"]) == ("Cancelled", 1305)
    assert "ran longer than 2 seconds" in state["reason"]
    messages = follow(call, job)
    assert [message["number"] for message in messages] == list(range(len(messages)))
    assert call.wait(call.submit())["status"] == "Completed"


def test_a_cancelled_program_stops(call: Any) -> None:
    job = begin(call, upload(call, "cancelled"), count=10_000, pause=0.01)
    assert len(follow(call, job, most=5)) >= 5

    assert call("POST", f"/jobs/{job}/cancel").status_code == 204
    assert call.get(f"/jobs/{job}")["status"] == "Cancelled"
    first = len(follow(call, job))
    time.sleep(
        0.3
    )  # thirty times the program's pause; where that is too short, a fault is missed, never invented
    assert len(follow(call, job)) == first


def test_a_failed_program_gives_its_traceback(call: Any) -> None:
    state = run(call, upload(call, "failing", "def main(backend, user_messenger):\n    return 1 / 0\n"))

    assert state["status"] == "Failed"
    assert 'File "program.py", line 2, in main' in state["reason"]
    assert "ZeroDivisionError" in state["reason"]


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (
            "def main(backend, user_messenger, needed): pass",
            "missing 1 required positional argument: 'needed'",
        ),
        ("def main(backend, user_messenger): pass\nx = = 1", 'File "program.py", line 2'),
        ("import json\ndef main(backend, user_messenger): json.loads('[')", 'File "json/decoder.py"'),
        ("from qiskit import QuantumCircuit\ndef main(*_): QuantumCircuit(1).x(7)", 'File "qiskit/circuit'),
    ],
)
def test_the_traceback_of_a_program_holds_no_path_of_the_machine(call: Any, source: str, word: str) -> None:
    reason = run(call, upload(call, word, source))["reason"]

    assert word in reason
    assert 'File "/' not in reason
    assert "programs/child" not in reason


@pytest.mark.parametrize("envelope", [{}, {"params": None}, {"params": [1]}])
def test_a_job_without_inputs_is_refused_for_that_reason(call: Any, envelope: dict[str, Any]) -> None:
    answer = call("POST", "/jobs", json={"program_id": "hello-world", **envelope})

    assert (answer.status_code, "params" in answer.json()["errors"][0]["message"]) == (400, True)


def test_programs_are_changed_published_and_hidden(call: Any) -> None:
    spec = {"parameters": {"type": "object", "properties": {"count": {"type": "integer"}}}}
    program = upload(call, "changing", spec=spec, description="first")
    path = f"/programs/{program}"
    before = call.get(path)

    assert before["spec"] == spec
    assert before["data"] == COUNT
    assert call("GET", path, headers=call_as(OTHER)).status_code == 404
    assert (
        call("PATCH", path, json={"name": "changed", "description": "second", "cost": 7}).status_code == 204
    )
    source = base64.b64encode(b"def main(backend, user_messenger): return 2\n")
    octets = {"Content-Type": "application/octet-stream"}
    assert call("PUT", path + "/data", data=source, headers=octets).status_code == 204
    assert call("PUT", path + "/public").status_code == 204
    after = call.get(path)

    assert (after["name"], after["description"], after["cost"], after["spec"]) == (
        "changed",
        "second",
        7,
        spec,
    )
    assert after["update_date"] > before["update_date"]
    assert run(call, program)["status"] == "Completed"
    seen = call("GET", path, headers=call_as(OTHER))
    assert (seen.status_code, "data" in seen.json()) == (200, False)
    assert call("DELETE", path, headers=call_as(OTHER)).status_code == 403
    assert call("PUT", path + "/private").status_code == 204
    assert call("GET", path, headers=call_as(OTHER)).status_code == 404


def call_as(instance: Instance) -> dict[str, str]:
    return {"Service-CRN": instance.crn}


def test_programs_are_listed_in_pages(call: Any) -> None:
    mine = [upload(call, f"page {number}") for number in range(3)]
    everything = call.get("/programs?limit=200")
    first = call.get("/programs?limit=4")
    second = call.get("/programs?limit=200&offset=4")

    assert [entry["id"] for entry in first["programs"]] == [
        "circuit-runner", "sampler", "estimator", "hello-world",
    ]  # fmt: skip
    assert first["programs"] + second["programs"] == everything["programs"]
    assert everything["count"] == len(everything["programs"])
    assert set(mine) <= {entry["id"] for entry in everything["programs"]}


def test_the_first_wire_form_is_understood(call: Any) -> None:
    """rest-api.md 7.2: a form with the source as a file."""
    fields = {
        "name": (None, "form"),
        "max_execution_time": (None, "33"),
        "description": (None, "as a form"),
        "parameters": (None, json.dumps({"doc": []})),
        "program": ("form.py", COUNT),
    }
    answer = call("POST", "/programs", files=fields)
    program = call.get(f"/programs/{answer.json()['id']}/data")

    assert (program["name"], program["cost"], program["data"]) == ("form", 33, COUNT)
    assert program["spec"] == {"parameters": {"doc": []}}


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"name": None}, 400, "name"),
        ({"data": None}, 400, "data"),
        ({"data": "%%"}, 400, "base64"),
        ({"data": base64.b64encode(b" ").decode()}, 400, "empty"),
        ({"cost": "long"}, 400, "cost"),
        ({"is_public": 1}, 400, "is_public"),
        ({"spec": []}, 400, "spec"),
        ({"spec": {"inputs": {}}}, 400, "inputs"),
        ({"data": base64.b64encode(b"#" * 1_000_001).decode()}, 413, "larger"),
        ({"name": "probe"}, 409, "probe"),
    ],
)
def test_an_upload_that_is_wrong_is_refused(
    call: Any, change: dict[str, Any], status: int, word: str
) -> None:
    answer = call("POST", "/programs", json={**document("wrong"), **change})

    assert (answer.status_code, word in answer.text) == (status, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/data"), ("PATCH", ""), ("DELETE", ""), ("PUT", "/public"), ("PUT", "/data")],
)
def test_a_program_that_does_not_exist_is_not_found(call: Any, method: str, path: str) -> None:
    answer = call(method, f"/programs/nobody{path}", json={})

    assert answer.status_code == 404
    assert "nobody" in answer.json()["errors"][0]["message"]


def test_the_servers_own_programs_cannot_be_changed(call: Any) -> None:
    assert call("DELETE", "/programs/hello-world").status_code == 403
    assert call("PATCH", "/programs/sampler", json={"name": "mine"}).status_code == 403


def test_a_program_deleted_before_its_job_ran_fails_the_job(call: Any) -> None:
    program = upload(call, "short lived")
    busy = [begin(call, program, count=30, pause=0.05) for _ in range(2)]
    last = begin(call, program, count=1)
    assert call("DELETE", f"/programs/{program}").status_code == 204

    assert "was deleted" in call.wait(last)["state"]["reason"]
    assert [call.wait(job)["status"] for job in busy] == ["Completed", "Completed"]


def test_hello_world_publishes_counts(call: Any) -> None:
    job = begin(call, "hello-world", iterations=2)
    messages = follow(call, job)

    assert [message["iteration"] for message in messages] == [0, 1]
    assert all(sum(message["counts"].values()) == 1000 for message in messages)
    assert call("GET", f"/jobs/{job}/results").json() == "All done!"


def test_circuit_runner_gives_a_result(call: Any) -> None:
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    job = begin(call, "circuit-runner", circuits=[bell, bell], shots=400, seed_simulator=3)
    call.wait(job)
    result = Result.from_dict(call("GET", f"/jobs/{job}/results").json())

    assert [set(counts) for counts in result.get_counts()] == [{"00", "11"}] * 2
    assert (
        "does not do"
        in run(call, "circuit-runner", circuits=bell, measurement_error_mitigation=True)["reason"]
    )


def test_the_primitives_before_pubs_still_answer(call: Any) -> None:
    flip = QuantumCircuit(1)
    flip.x(0)
    measured = flip.measure_all(inplace=False)
    sampled = begin(call, "sampler", circuits=[measured], run_options={"shots": 50})
    z = SparsePauliOp("Z")
    estimated = begin(
        call, "estimator", circuits=[flip, flip], observables=[z, z], run_options={"shots": 100}
    )
    call.wait(sampled), call.wait(estimated)

    assert call("GET", f"/jobs/{sampled}/results").json() == {
        "quasi_dists": [{"1": 1.0}],
        "metadata": [{"shots": 50, "circuit_metadata": {}}],
    }
    assert call("GET", f"/jobs/{estimated}/results").json()["values"] == [-1.0, -1.0]


def test_what_the_first_primitives_sent_with_their_options_is_followed(call: Any) -> None:
    """The inputs of ``Sampler`` and ``Estimator`` of qiskit-ibm-runtime 0.11, its ``Options`` filled in."""
    flip = QuantumCircuit(2)
    flip.cx(0, 1)
    flip.measure_all()
    settings = {"optimization_settings": {"level": 0}, "initial_layout": [1, 0], "coupling_map": None}
    inputs = {
        "circuits": [flip, flip],
        "parameters": [[], []],
        "circuit_indices": [0, 1],
        "parameter_values": [[], []],
        "transpilation_settings": settings,
        "resilience_settings": {"level": 1},
        "run_options": {"shots": 20, "noise_model": None, "seed_simulator": 4, "init_qubits": True},
    }
    job = begin(call, "sampler", **inputs)
    wrong = run(call, "sampler", **{**inputs, "transpilation_settings": {"initial_layout": [0, 0]}})
    call.wait(job)

    assert call("GET", f"/jobs/{job}/results").json()["quasi_dists"] == [{"0": 1.0}] * 2
    assert (
        call("GET", f"/jobs/{job}/logs").text.splitlines().count("resilience_settings has no effect here")
        == 1
    )
    assert wrong["status"] == "Failed"


def test_the_classic_dialect_runs_programs_too(call: Any) -> None:
    """rest-api.md 7.2 and 7.3: camel case, and inputs as a text in a list."""
    headers = {"Authorization": f"Bearer {call.endpoint.token}"}
    body = {
        "programId": upload(call, "classic"),
        "backend": "aer_simulator",
        "params": [json.dumps({"count": 2})],
    }
    runtime = call.endpoint.iam_url + "/runtime"
    job = requests.post(f"{runtime}/jobs", json=body, headers=headers, timeout=600).json()["id"]
    call.wait(job)
    interim = requests.get(f"{runtime}/jobs/{job}/interim_results", headers=headers, timeout=600)

    assert [message["number"] for message in interim.json()] == [0, 1]


def test_programs_are_off_unless_they_are_allowed(start: Callable[..., Any]) -> None:
    call = start()
    answer = call("POST", "/programs", json=document("x"))

    assert answer.status_code == 403
    assert "--allow-programs" in answer.json()["errors"][0]["solution"]
    assert call.get("/programs")["count"] == 4
    assert call("POST", "/jobs", json={"program_id": "hello-world", "params": {}}).status_code == 200


def test_only_so_many_programs_are_kept(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, programs=replace(ALLOWED, programs=1)))
    upload(call, "one")

    assert call("POST", "/programs", json=document("two")).status_code == 403


def test_programs_and_interim_results_outlive_the_server(
    start: Callable[..., Any], tmp_path: Path, call: Any
) -> None:
    def settings(chosen: Settings) -> Settings:
        return replace(chosen, programs=ALLOWED)

    first = start(settings, database=str(tmp_path / "jobs.sqlite"), token="key")
    program = upload(first, "kept")
    job = begin(first, program, count=2)
    first.wait(job)
    first.server.stop()
    second = start(settings, database=str(tmp_path / "jobs.sqlite"), token="key")

    assert second.get(f"/programs/{program}")["name"] == "kept"
    assert len(follow(second, job)) == 2
    assert run(second, program, count=1)["status"] == "Completed"


def test_a_program_that_begins_again_after_a_restart_publishes_nothing_twice(
    start: Callable[..., Any], tmp_path: Path, call: Any
) -> None:
    def settings(chosen: Settings) -> Settings:
        return replace(chosen, programs=ALLOWED)

    first = start(settings, database=str(tmp_path / "jobs.sqlite"), token="key")
    job = begin(first, upload(first, "twice"), count=20, pause=0.1)
    assert len(follow(first, job, most=3)) >= 3
    first.server.stop()
    second = start(settings, database=str(tmp_path / "jobs.sqlite"), token="key")

    assert [message["number"] for message in follow(second, job, offset=3)] == list(range(3, 20))
    assert [message["number"] for message in follow(second, job)] == list(range(20))
    assert second("GET", f"/jobs/{job}/logs").text.count("counting") == 1


def test_a_server_that_stops_ends_its_programs(start: Callable[..., Any], call: Any) -> None:
    mine = start(lambda s: replace(s, programs=ALLOWED))
    job = begin(mine, upload(mine, "endless"), count=10**6, pause=0.01)
    follow(mine, job, most=1)
    stopper = threading.Thread(target=mine.server.stop)
    stopper.start()
    stopper.join(600)

    assert not stopper.is_alive()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "program output"]
