"""Operations in simpler terms: the circuit that defines one, and the number of a unit that a duration comes to."""

from __future__ import annotations

from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Duration, Instruction, Operation
from qiskit.circuit.classical import expr

from .._frozen import frozen
from .conditions import NotExpressible

NANOSECONDS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3}


def definition_of(operation: Operation) -> QuantumCircuit:
    """Return the circuit that defines an operation; ``NotExpressible`` if there is none.

    That of an operation that is no instruction, such as a Clifford or an annotated operation, is synthesised, that
    of a gate without one is computed from its matrix.
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


@frozen
class _Time:
    """A time: so many dt and so many nanoseconds, which only a device can add."""

    dt: float = 0.0
    ns: float = 0.0


def fixed_duration(duration: expr.Expr) -> tuple[float, str]:
    """Return the value of a constant expression of durations, and its unit; one that is a value keeps its own.

    Raises:
        ValueError: It adds dt to seconds, is no whole number of dt, or holds something that is not constant.
    """
    if isinstance(duration, expr.Value) and isinstance(duration.value, Duration):
        return duration.value.value(), duration.value.unit()
    time = _value(duration)
    if not isinstance(time, _Time):
        raise ValueError("its duration is no time")
    if time.dt and time.ns:
        raise ValueError("its duration adds dt to seconds, which only the device can")
    if not time.dt:
        return time.ns, "ns"
    if not time.dt.is_integer():
        raise ValueError(f"its duration of {time.dt} dt is no whole number")
    return int(time.dt), "dt"


def _value(node: Any) -> Any:
    if isinstance(node, expr.Value):
        return _time(node.value) if isinstance(node.value, Duration) else float(node.value)
    if isinstance(node, expr.Cast):
        return _value(node.operand)
    if isinstance(node, expr.Unary) and node.op is expr.Unary.Op.NEGATE:
        return _scaled(_value(node.operand), -1.0)
    if isinstance(node, expr.Binary):
        left, right = _value(node.left), _value(node.right)
        if node.op is expr.Binary.Op.ADD:
            return _sum(left, right)
        if node.op is expr.Binary.Op.SUB:
            return _sum(left, _scaled(right, -1.0))
        if node.op is expr.Binary.Op.MUL:
            return _scaled(left, right) if isinstance(left, _Time) else _scaled(right, left)
        if node.op is expr.Binary.Op.DIV:
            return _quotient(left, right)
    raise ValueError("its duration is no constant")


def _time(value: Duration) -> _Time:
    if value.unit() == "dt":
        return _Time(dt=float(value.value()))
    return _Time(ns=value.value() * NANOSECONDS[value.unit()])


def _scaled(value: Any, factor: float) -> Any:
    return _Time(value.dt * factor, value.ns * factor) if isinstance(value, _Time) else value * factor


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, _Time):
        return _Time(left.dt + right.dt, left.ns + right.ns)
    return left + right


def _quotient(left: Any, right: Any) -> Any:
    if not isinstance(right, _Time):
        return _scaled(left, 1.0 / right)
    if bool(left.dt) == bool(left.ns) or bool(left.dt) != bool(right.dt) or bool(left.ns) != bool(right.ns):
        raise ValueError("its duration divides dt by seconds, or by nothing")
    return left.dt / right.dt if right.dt else left.ns / right.ns
