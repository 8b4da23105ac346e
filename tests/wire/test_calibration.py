"""Any Qiskit backend as documents: what the official client accepts, and what comes back as the same Target."""

from __future__ import annotations

import json

import pytest
from qiskit.circuit.library import CXGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.wire.calibration import dump_configuration, dump_properties
from qiskit_rest_primitives.wire.target import load_target

REQUIRED = {
    "backend_name", "backend_version", "n_qubits", "basis_gates", "gates", "local", "simulator", "conditional",
    "open_pulse", "memory", "coupling_map", "online_date",
}  # fmt: skip


def torino():
    from qiskit_ibm_runtime.fake_provider import FakeTorino

    return FakeTorino()


def generic():
    return GenericBackendV2(6, seed=3, control_flow=True)


@pytest.mark.parametrize("make", [torino, generic])
def test_the_target_comes_back_from_its_documents(make):
    backend = make()

    again = load_target(dump_configuration(backend), dump_properties(backend), use_fractional_gates=None)

    assert set(again.operation_names) == set(backend.target.operation_names) - {"box", "break", "continue"}
    assert again.dt == pytest.approx(backend.target.dt, rel=1e-12)
    for name in ("cz", "cx", "sx", "x", "rz", "measure"):
        if name not in backend.target.operation_names:
            continue
        assert set(again[name]) == set(backend.target[name])
        for qubits, values in backend.target[name].items():
            assert again[name][qubits].error == values.error
            assert again[name][qubits].duration == pytest.approx(values.duration, rel=1e-12)
    for mine, other in zip(again.qubit_properties, backend.target.qubit_properties, strict=True):
        assert mine.t1 == pytest.approx(other.t1, rel=1e-12)
        assert mine.t2 == pytest.approx(other.t2, rel=1e-12)


@pytest.mark.parametrize("make", [torino, generic, AerSimulator])
def test_the_official_client_accepts_the_documents(make):
    from qiskit_ibm_runtime.models import BackendConfiguration, BackendProperties

    backend = make()
    configuration = json.loads(json.dumps(dump_configuration(backend)))
    properties = json.loads(json.dumps(dump_properties(backend)))

    assert configuration.keys() >= REQUIRED
    assert BackendConfiguration.from_dict(configuration).n_qubits == backend.num_qubits
    if properties is not None:
        assert len(BackendProperties.from_dict(properties).qubits) == backend.num_qubits


def test_a_simulator_keeps_only_what_documents_can_carry():
    configuration = dump_configuration(AerSimulator(), simulator=True)

    assert configuration["simulator"] is True
    assert configuration["coupling_map"] is None
    assert {"h", "cx", "ccx", "rzz"} <= set(configuration["basis_gates"])
    assert {"save_statevector", "kraus", "unitary", "multiplexer"}.isdisjoint(configuration["basis_gates"])
    assert dump_properties(AerSimulator()) is None


def test_documents_do_not_depend_on_the_order_of_a_target():
    backend = torino()
    gates = dump_configuration(backend)["basis_gates"]

    assert gates == sorted(gates)


def test_times_are_written_in_ns_and_us_without_rounding_noise():
    target = Target(num_qubits=2, dt=4e-9)
    target.add_instruction(XGate(), {(0,): InstructionProperties(24e-9, 1e-4), (1,): None})
    target.add_instruction(CXGate(), {(0, 1): InstructionProperties(68e-9, 2e-3)})

    configuration = dump_configuration(target)
    properties = dump_properties(target)

    assert configuration["dt"] == 4.0
    assert configuration["backend_version"] == properties["backend_version"] == "1.0.0"
    assert configuration["coupling_map"] == [[0, 1], [1, 0]]
    by_name = {
        gate["name"]: {value["name"]: value["value"] for value in gate["parameters"]}
        for gate in properties["gates"]
    }
    assert by_name == {
        "x0": {"gate_error": 1e-4, "gate_length": 24.0},
        "cx0_1": {"gate_error": 2e-3, "gate_length": 68.0},
    }


def test_a_qubit_without_measurement_is_flagged_and_stays_out_of_the_target():
    backend = GenericBackendV2(3, seed=1)
    target = backend.target
    measure = dict(target["measure"])
    del measure[(1,)]
    smaller = Target(num_qubits=3, dt=target.dt, qubit_properties=target.qubit_properties)
    for name in ("x", "measure"):
        smaller.add_instruction(
            target.operation_from_name(name), measure if name == "measure" else {(0,): None, (2,): None}
        )

    again = load_target(dump_configuration(smaller), dump_properties(smaller))

    assert set(again["measure"]) == {(0,), (2,)}


def test_a_target_without_a_width_is_refused():
    with pytest.raises(ValueError, match="how many qubits"):
        dump_configuration(Target())


def test_faults_a8_what_a_backend_says_of_itself_completes_its_target():
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend = FakeManilaV2()
    own = backend.properties()

    document = dump_properties(backend)
    values = {entry["name"]: entry["value"] for entry in document["qubits"][0]}

    assert values["prob_meas1_prep0"] == own.qubit_property(0, "prob_meas1_prep0")[0] == 0.0158
    assert values["prob_meas0_prep1"] == own.qubit_property(0, "prob_meas0_prep1")[0]
    assert values["readout_error"] == own.readout_error(0)
    assert values["anharmonicity"] < 0
    assert values["T1"] == pytest.approx(own.t1(0) * 1e6)
    json.dumps(document)
    assert dump_configuration(backend)["quantum_volume"] == 32


def test_faults_a8_a_readout_error_that_was_set_in_the_target_wins():
    from qiskit.transpiler import InstructionProperties
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend = FakeManilaV2()
    backend.target.update_instruction_properties("measure", (0,), InstructionProperties(error=0.25))

    values = {entry["name"]: entry["value"] for entry in dump_properties(backend)["qubits"][0]}

    assert values["prob_meas1_prep0"] == values["prob_meas0_prep1"] == values["readout_error"] == 0.25
