"""What the page is told: the API's documents, looks of bounded size, pages out of many, and nothing of private jobs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, SamplerPubResult
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2, Executor, QuantumProgram, SamplerV2
from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.jobs.store import Store
from qiskit_rest_primitives.server.jobs.usage import UsageReport, WorkloadFilter
from qiskit_rest_primitives.server.settings import DEFAULT_CRN
from qiskit_rest_primitives.server.web.views import map_of
from qiskit_rest_primitives.server.workers import inspection
from qiskit_rest_primitives.server.workers.inspection import MOST_CHARACTERS, MOST_GATES, execute, order
from qiskit_rest_primitives.visualization.embeddings import positions
from qiskit_rest_primitives.wire.result_body import dump_result

from .conftest import MANY


def look(kind: str, program: str, body: bytes, params: bytes = b"{}") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(execute(order(kind, program, body, params)).body)
    return found


@pytest.fixture
def connected(server: Any, connect: Callable[..., Any]) -> Any:
    return connect(server.endpoint).backend("aer_simulator")


def test_a_job_is_shown_as_the_api_has_it(server: Any, shared: Any, visit: Callable[..., Any]) -> None:
    job = shared.submit()
    shared.wait(job)
    shown = visit(server).get(f"/web/jobs/{job}")

    assert {key: shown[key] for key in shared.get(f"/jobs/{job}?exclude_params=true")} == shared.get(
        f"/jobs/{job}?exclude_params=true"
    )
    assert shown["metrics"] == shared.get(f"/jobs/{job}/metrics")
    assert visit(server).get(f"/web/jobs/{job}/log")["log"] == shared("GET", f"/jobs/{job}/logs").text


def test_a_look_shows_circuits_values_and_counts_in_the_author_s_names(
    connected: Any, server: Any, visit: Callable[..., Any]
) -> None:
    angle = Parameter("θ")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(2, "alpha"), name="mine")
    circuit.rx(angle, 0)
    circuit.measure([0, 2], [0, 1])
    job = SamplerV2(connected).run([(circuit, [np.pi], 70)])
    counts = job.result()[0].data.alpha.get_counts()
    visitor = visit(server)
    (drawn,) = visitor.get(f"/web/jobs/{job.job_id()}/inputs")["circuits"]
    (pub,) = visitor.get(f"/web/jobs/{job.job_id()}/result")["pubs"]

    assert (drawn["name"], drawn["qubits"], drawn["shots"], drawn["idle"]) == ("mine", 3, 70, 1)
    assert "Rx(θ)" in drawn["drawing"]
    assert drawn["values"] == [{"name": "θ", "shape": [], "values": [np.pi]}]
    (register,) = pub["registers"]
    assert (register["name"], register["bits"], register["shots"]) == ("alpha", 2, 70)
    assert dict(register["counts"]) == counts


def test_a_look_at_an_estimator_shows_observables_and_numbers(
    connected: Any, server: Any, visit: Callable[..., Any]
) -> None:
    circuit = QuantumCircuit(14)
    circuit.ry(Parameter("a"), 13)
    observable = SparsePauliOp(["Z" + "I" * 13, "I" * 14], [2.0, 0.5])
    job = EstimatorV2(connected).run([(circuit, observable, [[0.0], [np.pi]])])
    values = job.result()[0].data
    visitor = visit(server)
    (drawn,) = visitor.get(f"/web/jobs/{job.job_id()}/inputs")["circuits"]
    columns = {
        each["name"]: each for each in visitor.get(f"/web/jobs/{job.job_id()}/result")["pubs"][0]["columns"]
    }

    assert sorted(drawn["observables"]["first"][0]) == [["I", 0.5], ["Z13", 2.0]]
    assert columns["evs"]["values"] == values.evs.tolist()
    assert columns["stds"]["values"] == values.stds.tolist()


@pytest.mark.parametrize("client", ["sampler", "executor"])
def test_a_look_at_a_quantum_program_shows_values_and_counts(
    client: str, connected: Any, server: Any, visit: Callable[..., Any]
) -> None:
    """Of a primitive that sends its jobs so, as that reads them, flips undone; of a program of one's own, item by item."""
    circuit = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "alpha"))
    circuit.rx(Parameter("θ"), 0)
    circuit.measure([0, 1], [0, 1])
    values = [[np.pi], [np.pi]]
    if client == "sampler":
        sampler = SamplerV2(connected, options={"program": "executor", "twirling": {"enable_measure": True}})
        job = sampler.run([(circuit, values, 40)])
    else:
        program = QuantumProgram(shots=40)
        program.append_circuit_item(circuit, circuit_arguments=np.array(values))
        job = Executor(connected).run(program)
    job.wait_for_final_state()
    visitor = visit(server)
    (drawn,) = visitor.get(f"/web/jobs/{job.job_id()}/inputs")["circuits"]
    (pub,) = visitor.get(f"/web/jobs/{job.job_id()}/result")["pubs"]

    registers = {each["name"]: each for each in pub["registers"]}
    assert [outcome for outcome, _ in registers["alpha"]["counts"]] == ["01"]
    assert registers["alpha"]["sets"] == 2
    if client == "executor":
        assert drawn["values"] == [{"name": "θ", "shape": [2], "values": [np.pi, np.pi]}]
        assert (drawn["shots"], registers["alpha"]["shots"]) == (40, 40)


def test_the_first_look_is_prepared_when_somebody_signs_in(
    start: Callable[..., Any], visit: Callable[..., Any]
) -> None:
    """Loading Qiskit takes seconds, in which nobody waits yet; for strangers nothing is started."""
    server = start().server
    looks = server._server._app.state.looks
    assert not visit(server, signed_in=False).get("/web/account")["signed_in"]
    assert looks._workers is None
    assert visit(server).get("/web/account")["signed_in"]
    prepared = looks._workers
    assert prepared is not None
    assert visit(server).get("/web/account")["signed_in"]
    assert looks._workers is prepared


def test_a_look_has_a_bound_whatever_the_job() -> None:
    """Drawing all of it would take minutes and megabytes; what is left out is said."""
    circuit = QuantumCircuit(40)
    for number in range(3 * MOST_GATES):
        circuit.cx(number % 40, (number + 1) % 40)
    circuit.measure_all()
    text = dump_circuit(circuit, circuit_format="qasm3").wire
    found = look(
        "inputs", "sampler", json.dumps({"pubs": [[text]] * 25, "options": {"x": "y" * 200_000}}).encode()
    )

    assert (found["count"], len(found["circuits"])) == (25, inspection.MOST_CIRCUITS)
    first, *others = found["circuits"]
    assert (first["steps"], first["shown"], first["whole"]) == (len(circuit.data), MOST_GATES, False)
    assert sum(each["shown"] * 40 for each in found["circuits"]) <= inspection.ALL_CELLS
    assert (others[-1]["shown"], others[-1]["drawing"]) == (0, "")
    assert len(first["drawing"]) <= MOST_CHARACTERS + 1
    assert len(found["options"]) <= MOST_CHARACTERS + 1


@pytest.mark.parametrize(
    ("program", "params"),
    [
        ("sampler", {"pubs": [["OPENQASM 3; nonsense"]]}),
        ("sampler", {"pubs": [[{"__type__": "QuantumCircuit", "__value__": "AAAA"}]]}),
        ("sampler", {"pubs": [7, [], [None], "x"]}),
        ("sampler", {"pubs": [['OPENQASM 3.0; include "stdgates.inc"; qubit[1] q;', {"no": [1]}, 5]]}),
        ("estimator", {"pubs": [['OPENQASM 3.0; include "stdgates.inc"; qubit[1] q;', "ZZZ"]]}),
        ("executor", {"quantum_program": 5}),
        ("noise-learner", {"circuits": [{"deep": [[[]]]}]}),
        ("own-program", [1, 2]),
        ("calibrate", {}),
    ],
)
def test_what_cannot_be_read_is_said_and_shown_as_it_is(program: str, params: Any) -> None:
    found = look("inputs", program, json.dumps(params).encode())

    said = [each.get("problem") for each in (found, *found.get("circuits", ()))]
    assert any(said) or "options" in found
    assert json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("body", [b"null", b"", b"{", b'{"results": 5}', b'{"a": [1, 2]}', b"\xff\xfe"])
def test_any_result_is_shown_somehow(body: bytes) -> None:
    found = look("result", "sampler", body)

    assert "text" in found or "pubs" in found


@pytest.mark.parametrize("kind", ["many registers", "wide registers", "long names", "many arrays"])
def test_looks_at_results_have_bounds(kind: str) -> None:
    zeros = BitArray(np.zeros((3, 1), dtype=np.uint8), 1)
    wide = BitArray(np.random.default_rng(1).integers(0, 256, (64, 2_500), dtype=np.uint8), 20_000)
    members: dict[str, Any] = {
        "many registers": {f"c{index}": zeros for index in range(200)},
        "wide registers": {f"c{index}": wide for index in range(5)},
        "long names": {"c" * 500_000: zeros, "x" * 500_000: np.zeros(3)},
        "many arrays": {f"x{index}": np.zeros(600) for index in range(200)},
    }[kind]
    result = PrimitiveResult([SamplerPubResult(DataBin(**members))])

    text = execute(order("result", "sampler", dump_result(result, support_qiskit=True))).body
    (pub,) = json.loads(text)["pubs"]

    assert len(text) < 500_000
    assert len(pub["registers"]) + len(pub["columns"]) + pub["more"] == len(members)
    for each in pub["registers"]:
        assert each["distinct"] >= len(each["counts"])
        assert all(len(outcome) <= inspection.MOST_BITS + 1 for outcome, _ in each["counts"])


def test_a_private_job_is_not_looked_at(server: Any, shared: Any, visit: Callable[..., Any]) -> None:
    """Its result can be read once, and that is for its owner's program."""
    job = shared.submit(private=True)
    shared.wait(job)
    visitor = visit(server)

    assert visitor.get(f"/web/jobs/{job}")["private"]
    for part in ("inputs", "result"):
        assert visitor("GET", f"/web/jobs/{job}/{part}").status_code == 404
    assert shared("GET", f"/jobs/{job}/results").status_code == 200


def test_pages_of_ten_thousand_jobs_are_complete_and_disjoint(crowd: Any, visit: Callable[..., Any]) -> None:
    visitor = visit(crowd)
    seen: list[str] = []
    query = "&next="
    for _ in range(3):
        page = visitor.get(f"/web/workloads?sort=-createdAt&limit=50{query}")
        seen += [each["id"] for each in page["workloads"]]
        query = "&" + page["next"]["href"].partition("?")[2].partition("limit=50&")[2]
    assert seen == [f"j{MANY - 1 - number:05d}" for number in range(150)]
    assert page["total_count"] == MANY
    found = visitor.get("/web/workloads?search=run-77&limit=50")
    assert (found["total_count"], len(found["workloads"])) == (MANY // 400, 25)
    assert visitor.get("/web/workloads?tags=needle")["workloads"][0]["id"] == "j04321"
    assert visitor.get("/web/workloads?status=failed&mode=job")["total_count"] == MANY // 50
    assert visitor.get("/web/workloads?mode=batch") == {"workloads": [], "total_count": 0, "limit": 10}


def test_a_page_is_read_through_an_index() -> None:
    """Of all those jobs, no more are looked at than a page has."""
    store = Store(None)
    statements: list[str] = []
    store.connection.set_trace_callback(statements.append)
    UsageReport(store).workloads(
        WorkloadFilter(DEFAULT_CRN), limit=25, ascending=False, after=(1e9, "x"), backwards=False
    )
    store.connection.set_trace_callback(None)
    plans = [
        row[3]
        for statement in statements
        for row in store.connection.execute(
            f"EXPLAIN QUERY PLAN {statement}",
            [None] * statement.count("?"),  # which Python 3.10 leaves there
        )
    ]
    store.close()

    steps = [step for step in plans if re.match("(SEARCH|SCAN) (jobs|sessions)", step)]
    assert {step.split()[1] for step in steps} == {"jobs", "sessions"}
    assert all("_by_creation" in step and step.startswith("SEARCH") for step in steps), plans


def test_what_is_searched_for_may_be_in_a_session(
    start: Callable[..., Any], visit: Callable[..., Any]
) -> None:
    call = start()
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]
    inside, outside = call.submit(session_id=session), call.submit(tags=["mark\N{SNOWMAN} 'x'"])
    call.wait(inside)
    call.wait(outside)
    visitor = visit(call.server)

    def ids(query: str = "") -> set[str]:
        return {each["id"] for each in visitor.get(f"/web/workloads{query}")["workloads"]}

    assert ids() == {session, outside}
    assert ids(f"?search={inside}") == {inside}
    assert ids("?search=%E2%98%83") == {outside}
    assert ids("?search=%5Cu2603") == set(), "tags are searched as what they say, not as they are stored"
    assert {each["id"] for each in visitor.get(f"/web/jobs?session_id={session}")["jobs"]} == {inside}
    assert visitor.get(f"/web/sessions/{session}")["queued"] == 0
    assert visitor("GET", "/web/workloads?instance=1").status_code == 404


def test_usage_by_day_is_that_of_the_api(crowd: Any, visit: Callable[..., Any]) -> None:
    found = visit(crowd).get("/web/usage")

    assert sum(day["jobs"] for day in found["days"]) == MANY
    assert sum(day["seconds"] for day in found["days"]) == pytest.approx(found["used_seconds"]) == MANY / 2
    assert found["limit_seconds"] is None


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("line", [(k, k + 1) for k in range(11)]),
        ("ring", [(k, (k + 1) % 12) for k in range(12)]),
        ("grid", [(k, k + 1) for k in range(12) if k % 4 != 3] + [(k, k + 4) for k in range(8)]),
    ],
)
def test_coupled_qubits_are_neighbours_on_the_map(name: str, pairs: list[tuple[int, ...]]) -> None:
    places = positions(12, pairs)
    apart = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    coupled = {*pairs, *((b, a) for a, b in pairs)}
    near = max(apart[pair] for pair in coupled)
    far = min(apart[a, b] for a in range(12) for b in range(a) if (a, b) not in coupled)

    assert min(apart[pair] for pair in coupled) > 0.4
    assert near < 1.6
    assert far > (0.9 if name == "ring" else 1.0) * near
    assert np.array_equal(places, positions(12, pairs))


def test_the_map_shows_the_best_gate_of_each_coupling(heron: Any, ideal: Any) -> None:
    shown = map_of(heron)
    errors = Counter()
    for gate in heron.properties["gates"]:
        if len(gate["qubits"]) == 2:
            error = next(each["value"] for each in gate["parameters"] if each["name"] == "gate_error")
            pair = tuple(sorted(gate["qubits"]))
            errors[pair] = min(errors.get(pair, np.inf), error)

    assert {tuple(each["qubits"]): each["error"] for each in shown["couplings"]} == errors
    assert len(shown["positions"]) == len(shown["qubits"]) == 156
    small = map_of(device_of(GenericBackendV2(5, seed=1)))
    assert len(small["positions"]) == 5
    assert map_of(ideal)["positions"] == []
