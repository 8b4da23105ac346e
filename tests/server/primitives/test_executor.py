"""Executor programs, written by hand as the schema says."""

from __future__ import annotations

import base64
import io
import json
import math
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter

from qiskit_rest_primitives.results.quantum_program import load_program_result
from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.job_errors import ParamsError, TaskFailed
from qiskit_rest_primitives.server.primitives.executor import MOST_EXECUTIONS
from qiskit_rest_primitives.server.primitives.registry import decode, execute
from qiskit_rest_primitives.wire.quantum_program import VERSIONS
from qiskit_rest_primitives.wire.tensors import dump_tensor, load_tensor


def qpy_of(*circuits: QuantumCircuit, compressed: bool = True, version: int = 16) -> str:
    stream = io.BytesIO()
    qpy.dump(list(circuits), stream, version=version)
    body = zlib.compress(stream.getvalue()) if compressed else stream.getvalue()
    return base64.b64encode(body).decode()


def program(
    *items: tuple[QuantumCircuit, Any], version: str = "v2.0", shots: int = 100, **more: Any
) -> dict[str, Any]:
    """Return the params of a job with circuit items."""
    compressed = version == "v2.0"
    documents = [
        {
            "item_type": "circuit",
            "circuit_arguments": dump_tensor(np.asarray(values, dtype=float), compressed=compressed),
            "shape": [],
            "chunk_size": "auto",
        }
        for _, values in items
    ]
    document: dict[str, Any] = {"shots": shots, "items": documents, "meas_level": "classified"} | more
    if version.startswith("v0."):
        for item, (circuit, _) in zip(documents, items, strict=True):
            item["circuit"] = {"circuit_b64": qpy_of(circuit, compressed=False), "qpy_version": 16}
    else:
        text = qpy_of(*(circuit for circuit, _ in items), compressed=compressed)
        document["circuits"] = {"b64_data": text, "qpy_version": 16, "num_programs": len(items)}
    return {"schema_version": version, "quantum_program": document, "options": {}}


def run(params: dict[str, Any], device: Device, seed: int = 1) -> dict[str, Any]:
    decode("executor", params)
    return json.loads(execute("executor", json.dumps(params).encode(), device, seed=seed).body)


def arrays(document: dict[str, Any], index: int = 0) -> dict[str, np.ndarray]:
    compressed = document["schema_version"] == "v2.0"
    results = document["data"][index]["results"]
    return {name: load_tensor(value, compressed=compressed) for name, value in results.items()}


def failure(params: dict[str, Any], device: Device) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        execute("executor", json.dumps(params).encode(), device, seed=1)
    return caught.value


@pytest.fixture
def rotated() -> QuantumCircuit:
    """Two parameters whose order of appearance is not that of their names; qubit 1 and a register of its own."""
    circuit = QuantumCircuit(2, 1)
    circuit.ry(Parameter("b"), 0)
    circuit.ry(Parameter("a"), 1)
    circuit.measure(1, 0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    "semantic_role", ["sampler_v2", "estimator_v2", "noise_learner_v3", "somebody-else", None]
)
def test_roles_come_back_as_they_were_sent(semantic_role: str | None, ideal: Device) -> None:
    """faults E (semantic_role): on the wire with underscores; the official client decodes by it."""
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    document = run(program((circuit, []), semantic_role=semantic_role), ideal)

    assert document["semantic_role"] == semantic_role
    assert load_program_result(document)._semantic_role == semantic_role


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_answers_as_its_schema_says(
    version: str, rotated: QuantumCircuit, ideal: Device
) -> None:
    values = [[0.0, 0.0], [math.pi, 0.0], [0.0, math.pi]]  # a, b
    passed = {} if version == "v0.1" else {"passthrough_data": {"a": [1, 2.5, "x", None, True, {"": []}]}}
    role = {} if version.startswith("v0.") else {"semantic_role": "somebody-else"}

    document = run(program((rotated, values), version=version, **passed, **role), ideal)

    found = arrays(document)
    assert {name: array.shape for name, array in found.items()} == {"c": (3, 100, 1), "meas": (3, 100, 2)}
    assert found["c"].dtype == np.bool_
    np.testing.assert_array_equal(found["c"][:, 0, 0], [False, True, False])
    np.testing.assert_array_equal(found["meas"].all(axis=1), [[0, 0], [0, 1], [1, 0]])
    assert document.get("passthrough_data") == passed.get("passthrough_data")
    assert document.get("semantic_role") == role.get("semantic_role")
    part = document["metadata"]["chunk_timing"][0]["parts"][0]
    assert part == {"idx_item": 0, "size": 3, "permutation": [0], "element_range": [0, 3, 1]}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_result_is_valid_by_the_official_model(
    version: str, rotated: QuantumCircuit, ideal: Device
) -> None:
    place = "ibm_quantum_schemas.executor.version_" + version[1:].replace(".", "_")
    models = pytest.importorskip(place, reason="pip install qiskit-ibm-runtime to compare with its schemas")
    params = program((rotated, np.zeros((2, 2))), version=version)
    if version == "v0.1":
        del params["quantum_program"]["meas_level"]

    models.ParamsModel.model_validate(params)
    result = models.QuantumProgramResultModel.model_validate(run(params, ideal))

    assert result.data[0].results["meas"].to_numpy().shape == (2, 100, 2)


def test_what_was_sent_along_comes_back_exactly(rotated: QuantumCircuit, ideal: Device) -> None:
    text = '{"f":[0.1,1e-300,1E5,NaN,-Infinity],"i":12345678901234567890123,"s":"\\u00e9\\ud83d\\ude00","n":null}'
    params = json.dumps(program((rotated, [0.0, 0.0]))).replace(
        '"meas_level"', f'"passthrough_data": {text}, "meas_level"'
    )

    body = execute("executor", params.encode(), ideal, seed=1).body

    assert repr(json.loads(body)["passthrough_data"]) == repr(json.loads(text))


def test_texts_of_openqasm_are_circuits_too(ideal: Device) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] out; x q[1]; out = measure q;'
    params = program((QuantumCircuit(1), []))
    params["quantum_program"]["circuits"] = {"data": [text]}

    np.testing.assert_array_equal(arrays(run(params, ideal))["out"].all(axis=0), [False, True])


def test_the_shape_repeats_what_the_arguments_leave_open(rotated: QuantumCircuit, ideal: Device) -> None:
    params = program((rotated, [[[0.0, 0.0]], [[math.pi, 0.0]]]))
    params["quantum_program"]["items"][0]["shape"] = [5, 2, 3]

    found = arrays(run(params, ideal))["c"]

    assert found.shape == (5, 2, 3, 100, 1)
    assert not found[:, 0].any()
    assert found[:, 1].all()


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("classified", {"c": (100, 1)}),
        ("kerneled", {"c_iq": (100, 1)}),
        ("avg_kerneled", {"c_avg_iq": (1,)}),
        ("both", {"c": (100, 1), "c_iq": (100, 1)}),
    ],
)
def test_measurement_levels_have_their_names_and_shapes(
    level: str, names: dict[str, tuple[int, ...]], ideal: Device
) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)

    found = arrays(run(program((circuit, []), meas_level=level), ideal))

    assert {name: array.shape for name, array in found.items()} == names
    if level == "both":
        np.testing.assert_array_equal(found["c"], found["c_iq"].real > 0)


def test_a_seed_repeats_a_program_and_its_items_differ(ideal: Device) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    params = program((circuit, []), (circuit, []))

    first, again, other = run(params, ideal), run(params, ideal), run(params, ideal, seed=2)

    assert first["data"] == again["data"] != other["data"]
    assert first["data"][0] != first["data"][1]


def test_options_that_change_nothing_are_named(ideal: Device) -> None:
    circuit = QuantumCircuit(1, 1)
    params = program((circuit, []))
    params["options"] = {"init_qubits": False, "rep_delay": 1e-4, "scheduler_timing": True}

    metadata = run(params, ideal)["metadata"]

    assert metadata["options_without_effect"] == ["init_qubits", "rep_delay", "scheduler_timing"]


def test_a_device_says_how_it_schedules_circuits(heron: Device) -> None:
    """As the client draws it: a line for each qubit of an instruction, in dt; as late as possible."""
    circuit = QuantumCircuit(heron.num_qubits, 2)
    circuit.x(0)
    circuit.rz(0.3, 0)
    circuit.sx(1)
    circuit.barrier(0, 1)
    circuit.delay(5, 1, unit="dt")
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    branching = QuantumCircuit(heron.num_qubits, 1)
    branching.measure(0, 0)
    with branching.if_test((branching.clbits[0], True)):
        branching.x(0)
    params = program((circuit, []))
    params["options"] = {"scheduler_timing": True}

    result = run(params, heron)

    x, cz, measure = (
        round(heron.target[name][qubits].duration / heron.target.dt)
        for name, qubits in (("x", (0,)), ("cz", (0, 1)), ("measure", (0,)))
    )
    timing = result["data"][0]["metadata"]["scheduler_timing"]
    assert timing["circuit_duration"] == x + 5 + cz + measure
    assert timing["timing"].splitlines() == [
        f"main,x_0,Qubit 0,0,{x},play",
        f"main,sx_1,Qubit 1,0,{x},play",
        f"main,rz_0,Qubit 0,{x},0,shift_phase",
        f"main,barrier,Qubit 0,{x},0,barrier",
        f"main,barrier,Qubit 1,{x},0,barrier",
        f"main,cz_0_1,Qubit 0,{x + 5},{cz},play",
        f"main,cz_0_1,Qubit 1,{x + 5},{cz},play",
        f"main,measure_0,Qubit 0,{x + 5 + cz},{measure},play",
        f"main,measure_1,Qubit 1,{x + 5 + cz},{measure},play",
    ]
    assert "options_without_effect" not in result["metadata"]
    params["quantum_program"] = program((circuit, []), (branching, []))["quantum_program"]
    result = run(params, heron)
    assert [item["metadata"].keys() for item in result["data"]] == [{"scheduler_timing"}, set()]
    assert result["metadata"]["options_without_effect"] == ["scheduler_timing"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": "v9.9"}, "schema_version must be one of"),
        ({"quantum_program": []}, "quantum_program must be an object"),
        ({"shots": 0}, "shots must be a whole number"),
        ({"shots": True}, "shots must be a whole number"),
        ({"items": None}, "items must be a list"),
        ({"items": [3]}, r"items\[0\] must be an object"),
        ({"items": [{"item_type": "other"}]}, "item_type"),
        ({"items": [{"shape": [-1]}]}, "shape must be a list"),
        ({"items": [{"chunk_size": 0}]}, "chunk_size"),
        ({"items": [{"chunk_size": 1}, {}]}, "for all items or for none"),
        ({"items": [{"item_type": "samplex", "samplex": "x"}]}, "samplex_json"),
        ({"meas_level": "raw"}, "meas_level must be one of"),
        ({"semantic_role": 3}, "semantic_role"),
    ],
)
def test_a_malformed_program_is_refused_at_submission(change: dict[str, Any], message: str) -> None:
    params = program((QuantumCircuit(1, 1), []))
    inner = params if set(change) & set(params) else params["quantum_program"]
    inner.update(change)

    with pytest.raises(ParamsError, match=message):
        decode("executor", params)


def test_programs_that_cannot_run_fail_with_a_reason(
    rotated: QuantumCircuit, ideal: Device, heron: Device
) -> None:
    assert failure(program((rotated, [0.0, 0.0])), heron).code == 1517
    assert "do not fit 2 parameters" in failure(program((rotated, [0.0])), ideal).reason
    assert "must be finite" in failure(program((rotated, [0.0, math.inf])), ideal).reason
    large = failure(program((rotated, np.zeros((200, 2))), shots=MOST_EXECUTIONS // 100), ideal)
    assert str(MOST_EXECUTIONS) in large.reason
    params = program((rotated, [0.0, 0.0]))
    params["quantum_program"]["items"].append(params["quantum_program"]["items"][0])
    assert "1 circuits do not fit 2 items" in failure(params, ideal).reason
    params = program((rotated, np.zeros((2, 2))))
    params["quantum_program"]["items"][0]["shape"] = [3]
    assert "does not extend" in failure(params, ideal).reason


@pytest.mark.parametrize("damage", ["", "AAAA", base64.b64encode(zlib.compress(b"QISKIT\x0c")).decode()])
def test_damaged_circuits_fail_with_a_reason(damage: str, ideal: Device) -> None:
    params = program((QuantumCircuit(1, 1), []))
    params["quantum_program"]["circuits"]["b64_data"] = damage

    assert failure(params, ideal).code == 1603


def samplex_program(shots: int = 50) -> dict[str, Any]:
    """A measured qubit, flipped at random before its measurement; each element says whether it was."""
    samplomatic = pytest.importorskip("samplomatic", reason="pip install samplomatic to run samplex items")
    from samplomatic.serialization import samplex_to_json

    angle = Parameter("t")
    circuit = QuantumCircuit(1)
    with circuit.box([samplomatic.Twirl()]):
        circuit.rx(angle, 0)
        circuit.measure_all()
    template, samplex = samplomatic.build(circuit)
    params = program((template, []), shots=shots)
    params["quantum_program"]["items"] = [
        {
            "item_type": "samplex",
            "samplex": {"ssv": 4, "samplex_json": samplex_to_json(samplex)},
            "samplex_arguments": {
                "parameter_values": dump_tensor(np.array([[0.0], [math.pi]]), compressed=True)
            },
            "shape": [16, 2],
            "chunk_size": "auto",
        }
    ]
    return params


def test_a_samplex_item_draws_a_randomisation_for_every_element(ideal: Device) -> None:
    found = arrays(run(samplex_program(), ideal))

    flips = found["measurement_flips.meas"]
    assert found["meas"].shape == (16, 2, 50, 1)
    assert flips.shape[:2] == (16, 2)
    assert 0 < flips.mean() < 1
    true = found["meas"] ^ flips
    assert not true[:, 0].any()
    assert true[:, 1].all()


def test_a_samplex_item_without_samplomatic_is_refused_and_says_so(
    ideal: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = samplex_program()
    monkeypatch.setitem(sys.modules, "samplomatic.serialization", None)

    refused = failure(params, ideal)

    assert "samplomatic is not installed" in refused.reason
    assert "qiskit-rest-primitives[executor]" in str(refused.solution)


@pytest.mark.parametrize("damage", ["", "{}", '{"attrs": {"ssv": "99"}}', "[" * 2000])
def test_a_damaged_samplex_fails_with_a_reason(damage: str, ideal: Device) -> None:
    params = samplex_program()
    params["quantum_program"]["items"][0]["samplex"]["samplex_json"] = damage

    refused = failure(params, ideal)

    assert refused.reason.startswith("The samplex cannot be used")
    assert refused.code == 3211


def test_arguments_that_the_samplex_does_not_know_fail_with_a_reason(ideal: Device) -> None:
    params = samplex_program()
    params["quantum_program"]["items"][0]["samplex_arguments"]["other"] = 3

    assert "other" in failure(params, ideal).reason
