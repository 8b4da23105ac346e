"""The service's own instructions: made, put into circuits, sent and simulated, ours and the official client's."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, QuantumRegister
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import PassManager, Target
from qiskit_ibm_runtime.circuit import library as official
from qiskit_ibm_runtime.transpiler.passes.basis import convert_mid_circ_meas as official_passes

from qiskit_rest_primitives import SamplerV2
from qiskit_rest_primitives.circuit import library
from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.transpiler import passes
from qiskit_rest_primitives.wire.calibration import dump_configuration
from qiskit_rest_primitives.wire.target import load_target

NAMES = ("MeasureReset", "MidCircuitMeasure", "MidCircuitReset", "XSlowGate")


def device() -> GenericBackendV2:
    backend = GenericBackendV2(
        3, basis_gates=["cz", "rz", "sx", "x"], control_flow=True, seed=2, noise_info=False
    )
    for kind, qubits in (
        ("MidCircuitMeasure", (0, 1)),
        ("MidCircuitReset", (0, 1)),
        ("MeasureReset", (0, 1, 2)),
    ):
        backend.target.add_instruction(getattr(library, kind)(), {(qubit,): None for qubit in qubits})
    return backend


def program(package: Any) -> QuantumCircuit:
    """Every instruction, with outcomes that are certain: c = 0b01011."""
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(5, "c"))
    circuit.append(package.XSlowGate(), [0])
    circuit.append(package.MidCircuitMeasure(), [0], [0])
    circuit.append(package.MeasureReset(), [0], [1])
    circuit.measure(0, 2)
    circuit.x(1)
    circuit.append(package.MidCircuitMeasure("measure_7"), [1], [3])
    circuit.append(package.MidCircuitReset(), [1])
    circuit.measure(1, 4)
    return circuit


@pytest.mark.parametrize("name", NAMES)
def test_instructions_are_those_of_the_official_client(name: str) -> None:
    ours, theirs = getattr(library, name)(), getattr(official, name)()

    for attribute in ("name", "num_qubits", "num_clbits", "params", "definition", "label"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.copy() == ours
    if name != "XSlowGate":
        with pytest.raises(ValueError, match="must have a name that starts with"):
            getattr(library, name)("another")
        assert getattr(library, name)(f"{ours.name}_x", "mine").label == "mine"


@pytest.mark.parametrize("package", [library, official], ids=["ours", "official"])
def test_the_server_does_what_they_mean(package: Any, service: Any) -> None:
    circuit = program(package)

    assert dump_circuit(circuit).format == "qpy"
    result = SamplerV2(mode=service.backend("aer_simulator")).run([circuit], shots=20).result()
    assert result[0].data.c.get_counts() == {"01011": 20}


@pytest.mark.parametrize("package", [library, official], ids=["ours", "official"])
def test_a_bit_that_was_measured_early_decides(package: Any, service: Any) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.append(package.MidCircuitMeasure(), [0], [0])
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)

    result = SamplerV2(mode=service.backend("aer_simulator")).run([circuit], shots=20).result()

    assert result[0].data.c.get_counts() == {"11": 20}


def early() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 4)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.x(1)
    circuit.reset(1)
    circuit.cz(0, 1)
    circuit.x(2)
    circuit.measure([0, 1, 2], [1, 2, 3])
    return circuit


@pytest.mark.parametrize("name", ["ConvertToMidCircuitMeasure", "ConvertToMidCircuitResetAndMeasure"])
def test_passes_do_what_the_official_ones_do(name: str) -> None:
    target = device().target
    mine = PassManager([getattr(passes, name)(target)]).run(early())
    theirs = PassManager([getattr(official_passes, name)(target)]).run(early())

    assert mine == theirs
    assert mine.count_ops()["measure_2"] == 1
    assert mine.count_ops().get("reset_2", 0) == (2 if "Reset" in name else 0)


def test_a_pass_says_what_a_target_does_not_have() -> None:
    late = QuantumCircuit(3, 1)
    late.measure(2, 0)
    late.x(2)

    with pytest.warns(UserWarning, match="no 'measure_2' on qubits"):
        PassManager([passes.ConvertToMidCircuitMeasure(device().target)]).run(late)
    with pytest.raises(ValueError, match="no 'measure_9'"):
        passes.ConvertToMidCircuitMeasure(device().target, "measure_9")
    with pytest.raises(ValueError, match="must start with 'measure'"):
        passes.ConvertToMidCircuitMeasure(device().target, "read")


def test_a_device_that_has_them_says_so_and_runs_them() -> None:
    backend = device()
    described: Target = load_target(dump_configuration(backend), None)
    circuit = PassManager([passes.ConvertToMidCircuitResetAndMeasure(backend.target)]).run(early())

    names = {"measure_2", "reset_2", "measure_reset"}
    assert names <= set(described.operation_names)
    assert [described.operation_from_name(name).num_clbits for name in sorted(names)] == [1, 1, 0]
    result = SamplerV2(mode=backend).run([circuit], shots=20).result()
    assert result[0].data.c.get_counts() == {"1001": 20}
