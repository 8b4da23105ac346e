"""A loaded circuit -> the small circuit that Aer is given.

Idle qubits go, gates that Aer lacks are written out, labels and global phases are dropped, boxes are inlined, and
delays become labelled identities that carry the noise of waiting. Which simulation method suits the result is
decided in ``simulation.py``; whether the device allows the circuit at all, in ``isa.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qiskit.circuit import (
    Barrier,
    BoxOp,
    CircuitInstruction,
    Clbit,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    Instruction,
    Measure,
    ParameterExpression,
    QuantumCircuit,
    Qubit,
    Reset,
    Store,
)
from qiskit.circuit.library import IGate, RZGate, UnitaryGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping

from .circuit_facts import (
    active_qubits,
    everything,
    is_clifford,
    is_static,
    neighbours_together,
    operations,
    quarter_turns,
)
from .failures import BAD_CIRCUIT, TaskFailed
from .noise import Operation, delay_label

__all__ = ["PreparedCircuit", "prepare"]

AER_GATES = frozenset({
    "ccx", "cp", "cx", "cy", "cz", "ecr", "h", "id", "p", "r", "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "s",
    "sdg", "swap", "sx", "sxdg", "t", "tdg", "u", "u1", "u2", "u3", "x", "y", "z",
})  # fmt: skip
"""Standard gates that every method of Aer takes by name, the stabilizer method aside."""

_STANDARD = get_standard_gate_name_mapping()
DEEPEST = 100
WIDE = 12
MOST_PASSES = 100_000
"""Most passes through the bodies of nested loops, which Aer writes out before it starts."""

REMEMBERED = 64
Made = TypeVar("Made")


@dataclass(frozen=True)
class PreparedCircuit:
    """A circuit ready for Aer.

    Attributes:
        circuit: Only active qubits, only instructions that Aer knows; classical bits as in the original.
        qubits: Device qubit of each qubit of ``circuit``.
        operations: What noise may act on: (name or delay label, device qubits).
        static: No control flow, no reset or gate after a measurement: sampling needs one simulation only.
        measured: The circuit has measurements.
        idle_measurements: (device qubit, classical bit) of measurements of qubits that nothing else touches.
        num_measured: How many measurements of active qubits there are.
        clifford: Every gate is a Clifford gate with fixed angles.
    """

    circuit: QuantumCircuit
    qubits: tuple[int, ...]
    operations: frozenset[Operation]
    static: bool
    measured: bool
    idle_measurements: tuple[tuple[int, int], ...] = ()
    clifford: bool = False
    num_measured: int = 0
    _scratch: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    def remembered(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made for this circuit under a key, making it first if need be.

        Measurement plans and circuits derived from this one are kept here, because a variational loop needs the
        same ones in every iteration; the store is emptied when it is full.
        """
        made = self._scratch.get(key)
        if made is None:
            if len(self._scratch) >= REMEMBERED:
                self._scratch.clear()
            made = self._scratch[key] = make()
        return made


def prepare(circuit: QuantumCircuit, *, dt: float | None = None, noisy: bool = False) -> PreparedCircuit:
    """Reduce a circuit to what Aer needs to simulate it.

    Args:
        circuit: As loaded from the wire; qubit k is qubit k of the device.
        dt: Seconds per dt, for delays; None when the device has no clock.
        noisy: Keep delays, because waiting has an effect on this device.

    Raises:
        TaskFailed: 1603, an instruction cannot be simulated.
    """
    writer = _Writer(dt if noisy else None, noisy)
    flat = list(writer.flatten(circuit))
    clifford = all(is_clifford(step.operation) for step in everything(flat))
    if clifford:
        writer.squares = True
        flat = list(writer.flatten(circuit))
    static = is_static(flat)
    active = active_qubits(flat, static)
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    qubits = [qubit for qubit in circuit.qubits if qubit in active]
    if len(qubits) > WIDE:
        qubits = neighbours_together(qubits, flat)
    clbit_place = {bit: index for index, bit in enumerate(circuit.clbits)}
    idle = tuple(
        (place[step.qubits[0]], clbit_place[step.clbits[0]])
        for step in flat
        if static and isinstance(step.operation, Measure) and step.qubits[0] not in active
    )
    compact = _empty([Qubit() for _ in qubits], circuit)
    mapping = dict(zip(qubits, compact.qubits, strict=True))
    kept = [step for step in flat if all(qubit in mapping for qubit in step.qubits)]
    for step in kept:
        compact.append(step.replace(qubits=[mapping[qubit] for qubit in step.qubits]), copy=False)
    return PreparedCircuit(
        circuit=compact,
        qubits=tuple(place[qubit] for qubit in qubits),
        operations=frozenset(operations(kept, place)),
        static=static,
        measured=any(isinstance(step.operation, Measure) for step in flat) or not static,
        idle_measurements=idle,
        num_measured=sum(isinstance(step.operation, Measure) for step in compact.data),
        clifford=clifford,
    )


class _Writer:
    """Writes instructions out until only those that Aer knows are left.

    Attributes:
        squares: Write every rotation as an rz by an exact multiple of pi/2: Aer's stabilizer method takes no other
            and allows no rounding error.
        passes: How often the instructions at hand are repeated by the for loops around them.
    """

    def __init__(self, dt: float | None, noisy: bool) -> None:
        self.dt = dt
        self.noisy = noisy
        self.squares = False
        self.passes = 1

    def flatten(self, circuit: QuantumCircuit, depth: int = 0) -> Iterator[CircuitInstruction]:
        for step in circuit.data:
            yield from self.write(step, depth)

    def write(self, step: CircuitInstruction, depth: int) -> Iterator[CircuitInstruction]:
        operation = step.operation
        if isinstance(operation, Barrier):
            return
        if isinstance(operation, Delay):
            if self.noisy:
                yield step.replace(operation=self._waiting(operation))
        elif isinstance(operation, BoxOp):
            yield from self._inlined(operation.body, step, depth)
        elif isinstance(operation, ControlFlowOp):
            passes = self.passes
            if isinstance(operation, ForLoopOp):
                self.passes = passes * (
                    len(operation.params[0]) if hasattr(operation.params[0], "__len__") else 1
                )
            if self.passes > MOST_PASSES:
                raise TaskFailed(
                    f"The loops of the circuit make {self.passes} passes, too many.", BAD_CIRCUIT
                )
            yield step.replace(operation=self._rewritten(operation, depth))
            self.passes = passes
        elif isinstance(operation, (Measure, Reset, Store)) or operation.name in (
            "break_loop",
            "continue_loop",
        ):
            yield step
        elif self.squares and operation.name in ("rz", "p", "u1"):
            yield step.replace(operation=_squared(operation))
        elif _is_known(operation):
            yield step if operation.label is None else step.replace(operation=_unlabelled(operation))
        else:
            yield from self._inlined(_definition(operation, depth), step, depth)

    def _inlined(
        self, body: QuantumCircuit, step: CircuitInstruction, depth: int
    ) -> Iterator[CircuitInstruction]:
        qubits = dict(zip(body.qubits, step.qubits, strict=True))
        clbits: dict[Clbit, Clbit] = dict(zip(body.clbits, step.clbits, strict=True))
        for inner in self.flatten(body, depth + 1):
            yield inner.replace(
                qubits=[qubits[qubit] for qubit in inner.qubits],
                clbits=[clbits[bit] for bit in inner.clbits],
            )

    def _rewritten(self, operation: ControlFlowOp, depth: int) -> ControlFlowOp:
        if depth > DEEPEST:
            raise TaskFailed("The control flow of the circuit is nested too deeply.", BAD_CIRCUIT)
        blocks = []
        for block in operation.blocks:
            written = _empty(block.qubits, block)
            for step in self.flatten(block, depth + 1):
                written.append(step, copy=False)
            blocks.append(written)
        return operation.replace_blocks(blocks)

    def _waiting(self, delay: Delay) -> Instruction:
        duration, unit = delay.duration, delay.unit
        if isinstance(duration, ParameterExpression) or not isinstance(duration, (int, float)):
            raise TaskFailed("The circuit has a delay without a fixed duration.", BAD_CIRCUIT)
        scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "dt": self.dt or 0.0}[unit]
        return IGate(label=delay_label(duration * scale))


def _is_known(operation: Instruction) -> bool:
    if type(operation) is UnitaryGate:
        return True
    if operation.name == "cp" and isinstance(operation.params[0], ParameterExpression):
        return False  # Aer 0.18 takes a cp whose angle is bound while it runs for the identity
    standard = _STANDARD.get(operation.name)
    return (
        operation.name in AER_GATES and standard is not None and operation.base_class is standard.base_class
    )


def _squared(operation: Instruction) -> Instruction:
    """Return a rotation about z by exact quarter turns; the label keeps the noise of the gate it replaces."""
    turns = quarter_turns(operation.params[0]) or 0
    return RZGate(turns * (math.pi / 2), label=None if operation.name == "rz" else operation.name)


def _unlabelled(operation: Instruction) -> Instruction:
    """Return the gate without its label: Aer would look up noise, and even the gate, by it."""
    plain = operation.to_mutable()
    plain.label = None
    return plain


def _definition(operation: Instruction, depth: int) -> QuantumCircuit:
    definition = getattr(operation, "definition", None) if depth <= DEEPEST else None
    if definition is None:
        raise TaskFailed(f"The instruction {operation.name} cannot be simulated.", BAD_CIRCUIT)
    return definition


def _empty(qubits: Sequence[Qubit], like: QuantumCircuit) -> QuantumCircuit:
    """Return an empty circuit on these qubits with the classical bits, registers and variables of another."""
    circuit = QuantumCircuit(list(qubits), like.clbits)
    for register in like.cregs:
        circuit.add_register(register)
    for variable in like.iter_input_vars():
        circuit.add_input(variable)
    for variable in like.iter_captured_vars():
        circuit.add_capture(variable)
    for variable in like.iter_declared_vars():
        circuit.add_uninitialized_var(variable)
    return circuit
