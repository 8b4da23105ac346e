"""What QPY of the installed Qiskit writes but does not read back as it was, and what is written in its place.

Delays in seconds lose their unit (Qiskit 2.6), so their durations are written as constant expressions, which keep it; gates
of Qiskit's library whose classes are not made of their parameters alone become plain ones with the same name and definition;
the stabilizer states of Aer, which are dictionaries, are written as the tableau of their Clifford operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qiskit import QuantumCircuit
from qiskit import circuit as circuits
from qiskit.circuit import (
    AnnotatedOperation,
    CircuitInstruction,
    ControlledGate,
    Delay,
    Duration,
    Gate,
    Instruction,
    ParameterExpression,
    library,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import UCGate, UnitaryGate
from qiskit.quantum_info import Clifford, Operator

from .definitions import NANOSECONDS, definition_of, fixed_duration

_WAITING = "delay in "
"""How the names of instructions begin that stand for delays by parameters, whose unit no QPY of Qiskit 2.6 is read with."""
Change = Callable[[CircuitInstruction], Any]
"""Returns the operation to put in the place of that of an instruction; None where it stays."""


class UnitLostError(ValueError):
    """A circuit has delays in seconds, which the installed Qiskit reads back from QPY in dt."""


def delays_of(circuit: QuantumCircuit) -> Iterator[Delay]:
    """Yield the delays of a circuit, those of blocks and of what the user put together included."""
    for step in circuit.data:
        if step.name == "delay":
            yield step.operation
        elif not step.is_standard_gate():
            for inner in _inside(step.operation):
                yield from delays_of(inner)


def with_substitutes(
    circuit: QuantumCircuit,
    keeps_units: bool,
    reads_back: Callable[[QuantumCircuit], bool],
    *,
    by_parameter: bool = False,
) -> QuantumCircuit:
    """Return a circuit that is read back from QPY as it was; the same one where nothing needs a substitute.

    Args:
        circuit: Any circuit.
        keeps_units: Whether delays in seconds are read back as such.
        reads_back: Whether a circuit of one instruction is read back at all; asked once for each class of Qiskit's library.
        by_parameter: Whether delays that last as long as parameters say may be instructions that only readers of this
            package know.

    Raises:
        UnitLostError: A delay lasts so many seconds as a parameter says, and has no substitute.
        NotExpressible: A gate that is not read back has no definition.
    """

    def change(step: CircuitInstruction) -> Any:
        operation = step.operation
        if isinstance(operation, Delay):
            if by_parameter and isinstance(operation.duration, ParameterExpression) and not keeps_units:
                return Instruction(_WAITING + operation.unit, 1, 0, [operation.duration], label=step.label)
            return None if keeps_units or operation.unit not in NANOSECONDS else _timed(operation, step.label)
        if step.name == "set_stabilizer" and step.params and isinstance(step.params[0], dict):
            tableau = Clifford.from_dict(step.params[0]).tableau
            return Instruction(step.name, operation.num_qubits, 0, [tableau], label=step.label)
        if _is_carried(operation, reads_back):
            return None
        if type(operation) is UCGate:  # which Aer knows by its name, as a whole
            return UnitaryGate(Operator(operation), label=operation.label or operation.name)
        return _put_together(operation, with_operations(definition_of(operation), change))

    return with_operations(circuit, change)


def numbers_restored(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit whose delays last numbers, or parameters, of a unit again. Inverse of ``with_substitutes``."""

    def change(step: CircuitInstruction) -> Any:
        operation = step.operation
        if step.name.startswith(_WAITING) and len(step.params) == 1:
            return wait(step.params[0], step.name.removeprefix(_WAITING), label=step.label)
        if not isinstance(operation, Delay) or not isinstance(operation.duration, expr.Expr):
            return None
        try:
            return wait(*fixed_duration(operation.duration), label=step.label)
        except (ValueError, ArithmeticError):  # not a constant: a stretch
            return None

    return with_operations(circuit, change)


def _inside(operation: Any) -> list[QuantumCircuit]:
    """Return the circuits that QPY writes along with an operation: blocks, and the definition of what is no class of its own."""
    if blocks := getattr(operation, "blocks", None):
        return list(blocks)
    if _is_of_library(operation) or not isinstance(operation, Instruction) or operation.definition is None:
        return []
    return [operation.definition]


def with_operations(circuit: QuantumCircuit, change: Change) -> QuantumCircuit:
    """Return a circuit with other operations, also in blocks and in what the user put together; itself where none changes.

    ``change`` is told of each instruction that is no standard gate and has nothing inside.
    """
    found: dict[int, Any] = {}
    for index, step in enumerate(circuit.data):
        if not step.is_standard_gate() and (operation := _changed_operation(step, change)) is not None:
            found[index] = operation
    if not found:
        return circuit
    changed = circuit.copy_empty_like()
    for index, step in enumerate(circuit.data):
        changed.append(step.replace(operation=found[index]) if index in found else step, copy=False)
    return changed


def _changed_operation(step: CircuitInstruction, change: Change) -> Any:
    operation = step.operation
    inside = _inside(operation)
    if not inside:
        return change(step)
    changed = [with_operations(inner, change) for inner in inside]
    if all(one is other for one, other in zip(inside, changed, strict=True)):
        return None
    return (
        operation.replace_blocks(changed)
        if hasattr(operation, "blocks")
        else _put_together(operation, *changed)
    )


def _put_together(operation: Any, definition: QuantumCircuit) -> Instruction:
    """Return a plain instruction of the same name, label and meaning."""
    made = definition.to_instruction()
    made.name, made.label = operation.name, getattr(operation, "label", None)
    return made


def wait(duration: Any, unit: str | None = None, *, label: str | None) -> Delay:
    """Return a delay; Qiskit's own constructor takes no label."""
    delay = Delay(duration, *([unit] if unit else []))
    delay.label = label
    return delay


def _timed(delay: Delay, label: str | None) -> Delay:
    if not isinstance(delay.duration, (int, float)):
        raise UnitLostError(
            "it has delays of so many seconds as a parameter says, which QPY of this Qiskit turns into dt; write them in dt"
        )
    return wait(expr.lift(getattr(Duration, delay.unit)(float(delay.duration))), label=label)


def _is_of_library(operation: Any) -> bool:
    """Tell whether QPY writes the name of an operation's class, and no definition."""
    kind = type(operation)
    if kind in (Gate, Instruction):
        return False
    return hasattr(library, kind.__name__) or hasattr(circuits, kind.__name__)


_KNOWN: dict[type, bool] = {}
"""Documented cache: whether QPY reads back what it writes of a class of Qiskit's library."""


def _is_carried(operation: Any, reads_back: Callable[[QuantumCircuit], bool]) -> bool:
    if isinstance(operation, AnnotatedOperation):
        return _is_carried(operation.base_op, reads_back)
    if type(operation) is ControlledGate:
        return _is_carried(operation.base_gate, reads_back)
    if not _is_of_library(operation):
        parts = [step for inner in _inside(operation) for step in inner.data if not step.is_standard_gate()]
        return all(_is_carried(step.operation, reads_back) for step in parts)
    kind = type(operation)
    if hasattr(circuits, kind.__name__):
        return True
    if kind not in _KNOWN:
        alone = QuantumCircuit(operation.num_qubits, operation.num_clbits)
        alone.append(operation, alone.qubits, alone.clbits)
        _KNOWN[kind] = reads_back(alone)
    return _KNOWN[kind]
