"""What the service's own instructions mean: those that OpenQASM 3 cannot name, so that they travel as QPY.

``measure_*`` measures and ``reset_*`` resets, each by another pulse than ``measure`` and ``reset``; ``measure_reset*`` does
one after the other; ``xslow`` is an x gate that takes its time. The names are those of rest-api.md 3.2 and 8.4. Noise is
that of the plain instructions.
"""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction

__all__ = ["meaning_of"]


def meaning_of(operation: Instruction) -> QuantumCircuit | None:
    """Return the plain instructions that one of the service's own stands for; None for any other operation."""
    shape = (operation.num_qubits, operation.num_clbits)
    circuit = QuantumCircuit(*shape)
    if shape == (1, 1) and operation.name.startswith("measure_"):
        circuit.measure(0, 0)
        if operation.name.startswith("measure_reset"):
            circuit.reset(0)
    elif shape == (1, 0) and operation.name.startswith("reset_"):
        circuit.reset(0)
    elif shape == (1, 0) and operation.name == "xslow":
        circuit.x(0)
    else:
        return None
    return circuit
