"""What kind of circuit is it?"""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives.server.aer.circuit_analysis import bond_bits


def bond(circuit: QuantumCircuit) -> int:
    return bond_bits(circuit.qubits, circuit.data)


@pytest.mark.parametrize("width", [0, 1, 5])
def test_without_two_qubit_gates_nothing_is_entangled(width: int) -> None:
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.h(qubit)

    assert bond(circuit) == 0


def test_each_gate_across_a_cut_adds_a_bit_up_to_what_the_smaller_side_holds() -> None:
    circuit = QuantumCircuit(6)
    circuit.cz(0, 5)
    assert bond(circuit) == 1
    circuit.cz(2, 3)
    assert bond(circuit) == 2
    circuit.swap(2, 4)
    assert bond(circuit) == 3
    for _ in range(9):
        circuit.cx(2, 3)
    assert bond(circuit) == 3


def test_control_flow_counts_as_if_it_entangled_everything() -> None:
    circuit = QuantumCircuit(8, 1)
    with circuit.if_test((0, 1)):
        circuit.cz(0, 1)

    assert bond(circuit) == 4


def test_qubits_that_wait_under_pulses_are_entangled_once() -> None:
    """Diagonal gates on one pair are one gate, whatever flips and phases come between, and whatever other pairs do."""
    circuit = QuantumCircuit(8)
    circuit.sx(range(8))
    for angle in (0.1, 0.2, 0.3, 0.4):
        for first in range(7):
            circuit.rzz(angle, first + 1, first)
        circuit.x(range(8))
        circuit.rz(angle, range(8))
        circuit.id(range(8))
    assert bond(circuit) == 1

    circuit.sx(4)
    circuit.rzz(0.5, 3, 4)
    assert bond(circuit) == 2
    circuit.cz(3, 5)
    assert bond(circuit) == 3
