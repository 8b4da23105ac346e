"""What an operation is in terms of simpler ones."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Operation

from .conditions import NotExpressible


def definition_of(operation: Operation) -> QuantumCircuit:
    """Return the circuit that defines an operation.

    That of an operation that is no instruction, such as a Clifford or an annotated operation, is synthesised, that
    of a gate without one is computed from its matrix.

    Raises:
        NotExpressible: There is none.
    """
    if operation.name == "store":
        raise NotExpressible("storing classical values cannot be written in OpenQASM 3 for the service")
    if not isinstance(operation, Instruction):
        return _synthesised(operation)
    try:
        definition = operation.definition
    except Exception as cause:
        raise NotExpressible(f"its definition cannot be worked out: {cause}") from cause
    if definition is None:
        definition = _from_matrix(operation)
    if definition is None:
        raise NotExpressible("it has no definition in terms of standard gates")
    return definition


def _synthesised(operation: Operation) -> QuantumCircuit:
    """Write out an operation that is no instruction, such as a Clifford or an annotated operation."""
    from qiskit.transpiler.passes import HighLevelSynthesis

    circuit = QuantumCircuit(operation.num_qubits, operation.num_clbits)
    circuit.append(operation, circuit.qubits, circuit.clbits)
    written = HighLevelSynthesis()(circuit)
    if any(step.name == operation.name for step in written.data):
        raise NotExpressible("no synthesis of it is known")
    return written


def _from_matrix(operation: Instruction) -> QuantumCircuit | None:
    from qiskit.circuit.library import UnitaryGate

    try:
        matrix = operation.to_matrix()
    except Exception:  # noqa: BLE001 - whatever keeps a foreign gate from having a matrix, it has none
        return None
    return UnitaryGate(matrix).definition
