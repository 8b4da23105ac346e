"""Every standard gate with angles gives what it should when the angles are swept, not only when they are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2

PRECISION = 0.005
GATES = [
    gate
    for name, gate in get_standard_gate_name_mapping().items()
    if gate.params and name not in ("delay", "global_phase")
]


def swept(gate: Any) -> tuple[QuantumCircuit, ParameterVector]:
    """Put the gate, with free angles, between fixed random rotations, so that every matrix element matters."""
    random = np.random.default_rng(len(gate.name))
    angles = ParameterVector("angle", len(gate.params))
    circuit = QuantumCircuit(gate.num_qubits)
    for layer in range(2):
        for qubit in range(gate.num_qubits):
            circuit.u(*random.uniform(0, 3, 3), qubit)
        if layer == 0:
            circuit.append(type(gate)(*angles), range(gate.num_qubits))
    return circuit, angles


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_swept_angles_reach_the_gate(gate: Any, service: Any) -> None:
    circuit, angles = swept(gate)
    width = circuit.num_qubits
    observables = [[SparsePauliOp(letter * width)] for letter in "XYZ"]
    values = np.random.default_rng(5).uniform(0.3, 2.8, (4, len(angles)))
    estimator = EstimatorV2(
        service.backend("aer_simulator"), options={"seed_estimator": 3, "resilience_level": 0}
    )

    seen = estimator.run([(circuit, observables, values)], precision=PRECISION).result()[0].data.evs

    exact = StatevectorEstimator().run([(circuit, observables, values)], precision=0.0).result()[0].data.evs
    assert np.abs(seen - exact).max() <= 5 * PRECISION


def test_values_that_aer_does_not_bind_reach_the_same_gates(
    ideal: Any, run_estimator: Any, monkeypatch: Any
) -> None:
    from qiskit_rest_primitives.server.aer import simulation

    angles = ParameterVector("angle", 3)
    circuit = QuantumCircuit(3, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.ry(angles[0], 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(angles[2], 2)
    circuit.rz(angles[1], 1)
    values = np.random.default_rng(5).uniform(0.3, 2.8, (4, 3))
    pub = (circuit, [["IXI"], ["IYI"], ["ZII"]], values)

    found = []
    for binds in (True, False) if simulation.BINDS_ITSELF else (False,):
        monkeypatch.setattr(simulation, "BINDS_ITSELF", binds)
        found.append(run_estimator([pub], ideal, precision=0.03)[0].data.evs)

    y, z, x = values.T
    exact = [np.sin(y) * np.cos(z), np.sin(y) * np.sin(z), (1 + np.cos(x)) / 2]
    assert all(np.abs(evs - exact).max() <= 5 * 0.03 for evs in found)
