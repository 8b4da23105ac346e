"""Documents <-> Target: against the official client's own converter, and rule by rule."""

from __future__ import annotations

import copy
import json
import math
from importlib import resources

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import RZZGate
from qiskit.quantum_info import Operator
from qiskit.transpiler import generate_preset_pass_manager
from qiskit.transpiler.passes.utils.wrap_angles import WrapAngles

from qiskit_rest_primitives.wire.target import is_fractional, load_target, seconds, strip_fractional


def documents(name):
    folder = resources.files("qiskit_ibm_runtime.fake_provider") / "backends" / name
    return [json.loads((folder / f"{kind}_{name}.json").read_text()) for kind in ("conf", "props")]


def with_fractional_gates(configuration):
    """Add rx and rzz as the live Heron configuration lists them (rest-api.md 3.2); the shipped dumps lack them."""
    pairs = configuration["coupling_map"]
    singles = [[qubit] for qubit in range(configuration["n_qubits"])]
    configuration["basis_gates"] += ["rx", "rzz"]
    configuration["supported_instructions"] += ["rx", "rzz"]
    configuration["gates"] += [
        {"name": "rx", "parameters": ["theta"], "qasm_def": None, "coupling_map": singles},
        {"name": "rzz", "parameters": ["theta"], "qasm_def": None, "coupling_map": pairs},
    ]
    return configuration


def official_target(configuration, properties, *, fractional):
    from qiskit_ibm_runtime.models import BackendConfiguration, BackendProperties
    from qiskit_ibm_runtime.utils.backend_converter import convert_to_target

    return convert_to_target(
        BackendConfiguration.from_dict(copy.deepcopy(configuration)),
        BackendProperties.from_dict(copy.deepcopy(properties)) if properties else None,
        include_fractional_gates=fractional,
    )


def assert_same(ours, theirs):
    assert set(ours.operation_names) == set(theirs.operation_names)
    assert ours.num_qubits == theirs.num_qubits
    assert ours.dt == pytest.approx(theirs.dt, rel=1e-12)
    for key in ("granularity", "min_length", "pulse_alignment", "acquire_alignment"):
        assert getattr(ours, key) == getattr(theirs, key)
    for name in theirs.operation_names:
        expected = theirs[name]
        found = ours[name]
        assert (found is None) == (expected is None), name
        assert set(found or ()) == set(expected or ()), name
        for qubits, values in (expected or {}).items():
            if values is None:
                assert found[qubits] is None, (name, qubits)
                continue
            assert found[qubits].error == values.error, (name, qubits)
            assert found[qubits].duration == values.duration
    for mine, other in zip(ours.qubit_properties or [], theirs.qubit_properties or [], strict=True):
        assert (mine.t1, mine.t2, mine.frequency) == (other.t1, other.t2, other.frequency)


@pytest.mark.parametrize("name", ["torino", "fez"])
@pytest.mark.parametrize("fractional", [False, True])
def test_target_equals_the_one_the_official_client_builds(name, fractional):
    configuration, properties = documents(name)
    with_fractional_gates(configuration)

    ours = load_target(configuration, properties, use_fractional_gates=fractional)

    assert_same(ours, official_target(configuration, properties, fractional=fractional))


def test_target_without_properties_equals_the_official_one():
    configuration, _ = documents("fez")

    assert_same(load_target(configuration, None), official_target(configuration, None, fractional=False))
    assert_same(load_target(configuration, {}), official_target(configuration, None, fractional=False))


def test_qubits_and_gates_that_are_not_operational_are_left_out_as_officially():
    configuration, properties = documents("fez")
    flag = {"date": "2026-01-01T00:00:00+00:00", "name": "operational", "unit": "", "value": 0}
    properties["qubits"][5].append(flag)
    cz = next(gate for gate in properties["gates"] if gate["gate"] == "cz" and gate["qubits"] == [0, 1])
    cz["parameters"].append(flag)

    ours = load_target(configuration, properties)

    assert (5,) not in ours["measure"]
    assert (5,) not in ours["sx"]
    assert (4, 5) not in ours["cz"]
    assert (0, 1) not in ours["cz"]
    assert (1, 0) in ours["cz"]
    assert_same(ours, official_target(configuration, properties, fractional=False))


def test_instruction_signatures_become_instructions_as_officially():
    configuration, properties = documents("torino")
    configuration["instruction_signatures"] = [
        {"name": "measure_2", "num_qubits": 1, "num_clbits": 1, "parameters": [], "return_type": "Bool"},
        {"name": "reset_2", "num_qubits": 1, "num_clbits": 0, "parameters": [], "return_type": "None"},
    ]

    ours = load_target(configuration, properties)

    assert ours.operation_from_name("measure_2").num_clbits == 1
    assert_same(ours, official_target(configuration, properties, fractional=False))


def test_a_vendor_gate_gets_its_width_from_its_coupling_map_and_a_nameless_one_is_left_out():
    configuration, _ = documents("torino")
    configuration["basis_gates"] += ["xslow", "mystery"]
    configuration["gates"].append(
        {"name": "xslow", "parameters": ["angle"], "qasm_def": None, "coupling_map": [[0], [3]]}
    )

    target = load_target(configuration, None)

    assert set(target["xslow"]) == {(0,), (3,)}
    assert target.operation_from_name("xslow").num_qubits == 1
    assert "mystery" not in target.operation_names


def test_documents_are_not_changed_by_reading():
    configuration, properties = documents("torino")
    with_fractional_gates(configuration)
    before = json.dumps([configuration, properties])

    load_target(configuration, properties, use_fractional_gates=False)
    stripped = strip_fractional(configuration)

    assert json.dumps([configuration, properties]) == before
    assert "rzz" not in stripped["basis_gates"]
    assert "rx" not in stripped["supported_instructions"]
    assert {gate["name"] for gate in stripped["gates"]}.isdisjoint({"rx", "rzz"})


def test_only_continuous_standard_gates_other_than_virtual_ones_are_fractional():
    assert [
        name for name in ("rx", "rzz", "rz", "p", "u1", "sx", "cz", "delay", "xslow") if is_fractional(name)
    ] == [
        "rx",
        "rzz",
    ]


def test_a_configuration_without_a_width_is_refused():
    with pytest.raises(ValueError, match="n_qubits"):
        load_target({"basis_gates": ["x"], "gates": []}, None)


def test_properties_of_another_width_are_refused():
    configuration, properties = documents("torino")

    with pytest.raises(ValueError, match="133 qubits, but its properties describe 100"):
        load_target(configuration, {**properties, "qubits": properties["qubits"][:100]})


@pytest.mark.parametrize(
    ("value", "unit", "base"),
    [(180.5, "us", 180.5e-6), (84, "ns", 84e-9), (5.1, "GHz", 5.1e9), (0.01, "", 0.01), (7, "?", 7)],
)
def test_units_become_seconds_and_hertz(value, unit, base):
    assert seconds(value, unit) == base


@pytest.mark.parametrize("angle", [*np.linspace(-4 * math.pi, 4 * math.pi, 33).tolist(), 0.3, -2.9, 17.0])
def test_rzz_outside_its_range_is_folded_into_an_equal_circuit(angle):
    configuration, properties = documents("torino")
    target = load_target(with_fractional_gates(configuration), properties, use_fractional_gates=True)
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)

    folded = WrapAngles(target)(circuit)

    angles = [float(step.params[0]) for step in folded.data if step.name == "rzz"]
    assert all(0 <= found <= math.pi / 2 for found in angles)
    assert np.allclose(Operator(folded).data, RZZGate(angle).to_matrix(), atol=1e-12)


def test_transpiling_for_the_target_never_yields_an_rzz_out_of_range():
    configuration, properties = documents("torino")
    target = load_target(with_fractional_gates(configuration), properties, use_fractional_gates=True)
    circuit = QuantumCircuit(3)
    for angle in (-2.0, 2.5, 7.0):
        circuit.rzz(angle, 0, 1)
        circuit.rzz(angle, 1, 2)
        circuit.sx([0, 1, 2])

    isa = generate_preset_pass_manager(optimization_level=1, target=target, seed_transpiler=5).run(circuit)

    angles = [float(step.params[0]) for step in isa.data if step.name == "rzz"]
    assert angles
    assert all(-1e-10 <= angle <= math.pi / 2 + 1e-10 for angle in angles)
    assert not target.has_angle_bounds() or all(
        target.supported_angle_bound("rzz", [angle]) for angle in angles
    )
