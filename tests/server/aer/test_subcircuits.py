"""A wide circuit is simulated in subcircuits that have nothing to do with each other."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.aer.partition import independent_subcircuits
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.wire import result_body


def sampled(circuit: QuantumCircuit, device: Device, shots: int, values: dict | None = None):
    pub = [dump_circuit(circuit).wire, values, shots]
    body = execute("sampler", json.dumps({"pubs": [pub]}).encode(), device, seed=11).body
    return result_body.load_result(body)[0]


def bits_of(data, register: str) -> np.ndarray:
    return getattr(data, register).to_bool_array(order="little").astype(int)


def test_subcircuits_keep_what_belongs_together_and_drop_what_nobody_measures() -> None:
    circuit = QuantumCircuit(9, 4)
    circuit.cx(0, 8)
    circuit.cx(8, 3)
    circuit.h([1, 2, 4, 5, 6, 7])
    circuit.cx(6, 7)
    circuit.cz(2, 6)
    circuit.measure([0, 3, 2], range(3))
    circuit.h(6)
    circuit.cx(5, 6)
    circuit.measure(4, 3)

    subcircuits = independent_subcircuits(prepare(circuit))

    assert sorted(qubit for one in subcircuits for qubit in one.qubits) == [0, 2, 3, 4, 6, 7, 8]
    # not h of 1 and 5, and nothing after the measurement of 2
    assert sum(len(one.circuit.data) for one in subcircuits) == 12
    assert all(not ({0, 3, 8} & set(one.qubits)) or {0, 3, 8} <= set(one.qubits) for one in subcircuits)
    assert sum(one.num_measured for one in subcircuits) == 4
    assert all(one.circuit.num_clbits == 4 for one in subcircuits)


def test_subcircuits_with_parameters_stay_alone() -> None:
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(Parameter(f"t{qubit}"), qubit)
    circuit.measure_all()

    assert [one.qubits for one in independent_subcircuits(prepare(circuit))] == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("name", ["ideal", "heron"])
def test_outcomes_of_subcircuits_are_those_of_the_whole(name: str, request: pytest.FixtureRequest) -> None:
    device = request.getfixturevalue(name)
    angles = np.linspace(0.3, 2.8, 10)
    circuit = QuantumCircuit(30)
    for place, angle in enumerate(angles):  # ry from gates that every device has
        qubit = 3 * place
        circuit.sx(qubit)
        circuit.rz(math.pi - angle, qubit)
        circuit.sx(qubit)
        circuit.rz(math.pi, qubit)
    circuit.measure_all()

    bits = bits_of(sampled(circuit, device, 4000).data, "m000")

    rates = bits.mean(axis=0)
    expected = np.zeros(30)
    expected[::3] = np.sin(angles / 2) ** 2
    tolerance = 5 * np.sqrt(0.25 / 4000) + (0.05 if device.noise else 0)
    assert np.all(np.abs(rates - expected) < tolerance)
    correlations = np.corrcoef(bits[:, ::3].T) - np.eye(10)
    assert np.abs(correlations).max() < 5 / math.sqrt(4000)


def test_a_device_full_of_single_qubit_sweeps_does_not_cost_by_the_shot(heron: Device) -> None:
    angle = Parameter("t")
    circuit = QuantumCircuit(heron.num_qubits)
    for qubit in range(heron.num_qubits):
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.sx(qubit)
    circuit.measure_all()
    encoded = dump_circuit(circuit)
    values = {encoded.inputs[0]: [0.0, math.pi] * 16}

    spent: dict[int, float] = {}
    for shots in (8, 8, 128):  # the first also makes what the others find made
        start = time.process_time()
        result = sampled(circuit, heron, shots, values)
        spent[shots] = time.process_time() - start

    assert spent[128] < 4 * spent[8]  # nearly 16 times that when every shot is simulated
    rates = bits_of(result.data, "m000").mean(axis=(1, 2))
    assert result.data.shape == (32,)
    assert np.all(rates[::2] > 0.9)
    assert np.all(rates[1::2] < 0.1)
