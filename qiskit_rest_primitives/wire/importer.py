"""Foreign OpenQASM 3: Qiskit's own importer, as the service uses it, with bounds and readable faults.

What does not live here: the canonical dialect (``qasm3``).
"""

from __future__ import annotations

from qiskit import QuantumCircuit, qasm3

from .limits import CircuitLoadError, Limits

__all__ = ["import_text"]


def import_text(text: str, limits: Limits) -> QuantumCircuit:
    """Read any OpenQASM 3 text that the service reads (rest-api.md 8.3).

    Raises:
        CircuitLoadError: The text cannot be read.
    """
    try:
        circuit = qasm3.loads(text)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as cause:
        raise CircuitLoadError(str(cause)) from cause
    limits.check(circuit.num_qubits, circuit.num_clbits, 0)
    return circuit
