"""A loaded circuit -> the small circuit that Aer is given.

Idle qubits go, gates that Aer lacks are written out, labels and global phases are dropped, boxes are inlined, and
delays become labelled identities that carry the noise of waiting. Which simulation method suits the result is
decided in ``simulation.py``; whether the device allows the circuit at all, in ``isa.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qiskit.circuit import (
    Barrier,
    BoxOp,
    CircuitInstruction,
    Clbit,
    ControlFlowOp,
    Delay,
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

from .failures import BAD_CIRCUIT, TaskFailed
from .noise import Operation, delay_label

__all__ = ["PreparedCircuit", "prepare"]

AER_GATES = frozenset({
    "ccx", "cp", "cx", "cy", "cz", "ecr", "h", "id", "p", "r", "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "s",
    "sdg", "swap", "sx", "sxdg", "t", "tdg", "u", "u1", "u2", "u3", "x", "y", "z",
})  # fmt: skip
"""Standard gates that every method of Aer takes by name, the stabilizer method aside."""

CLIFFORD_GATES = frozenset(
    {"cx", "cy", "cz", "ecr", "h", "id", "s", "sdg", "swap", "sx", "sxdg", "x", "y", "z", "rz", "p", "u1"}
)
_STANDARD = get_standard_gate_name_mapping()
DEEPEST = 100
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
    clifford = all(_is_clifford(step.operation) for step in _everything(flat))
    if clifford:
        writer.squares = True
        flat = list(writer.flatten(circuit))
    static = _is_static(flat)
    active = _active_qubits(flat, static)
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    qubits = [qubit for qubit in circuit.qubits if qubit in active]
    clbit_place = {bit: index for index, bit in enumerate(circuit.clbits)}
    idle = tuple(
        (place[step.qubits[0]], clbit_place[step.clbits[0]])
        for step in flat
        if static and isinstance(step.operation, Measure) and step.qubits[0] not in active
    )
    compact = _empty([Qubit() for _ in qubits], circuit)
    mapping = dict(zip(qubits, compact.qubits, strict=True))
    for step in flat:
        if all(qubit in mapping for qubit in step.qubits):
            compact.append(step.replace(qubits=[mapping[qubit] for qubit in step.qubits]), copy=False)
    return PreparedCircuit(
        circuit=compact,
        qubits=tuple(place[qubit] for qubit in qubits),
        operations=frozenset(_operations(flat, place)),
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
    """

    def __init__(self, dt: float | None, noisy: bool) -> None:
        self.dt = dt
        self.noisy = noisy
        self.squares = False

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
            yield step.replace(operation=self._rewritten(operation, depth))
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
    standard = _STANDARD.get(operation.name)
    return (
        operation.name in AER_GATES and standard is not None and operation.base_class is standard.base_class
    )


def _squared(operation: Instruction) -> Instruction:
    """Return a rotation about z by exact quarter turns; the label keeps the noise of the gate it replaces."""
    turns = _quarter_turns(operation.params[0]) or 0
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


def _is_static(flat: Iterable[CircuitInstruction]) -> bool:
    """Tell whether all measurements come last: nothing happens to a qubit or a bit after its measurement."""
    done_qubits: set[Qubit] = set()
    done_bits: set[Clbit] = set()
    touched: set[Qubit] = set()
    for step in flat:
        operation = step.operation
        if isinstance(operation, (ControlFlowOp, Store)) or not done_qubits.isdisjoint(step.qubits):
            return False
        if isinstance(operation, Measure):
            if step.clbits[0] in done_bits:
                return False
            done_qubits.update(step.qubits)
            done_bits.update(step.clbits)
        elif isinstance(operation, Reset):
            if not touched.isdisjoint(step.qubits):
                return False
            continue
        touched.update(step.qubits)
    return True


def _active_qubits(flat: Iterable[CircuitInstruction], static: bool) -> set[Qubit]:
    """Return the qubits that can leave the ground state (all that are used, in a dynamic circuit)."""
    active: set[Qubit] = set()
    for step in flat:
        passive = isinstance(step.operation, (Measure, Reset)) or _is_waiting(step.operation)
        if not (static and passive):
            active.update(step.qubits)
    return active


def _is_waiting(operation: Instruction) -> bool:
    return operation.name == "id" and operation.label is not None


def _everything(flat: Iterable[CircuitInstruction]) -> Iterator[CircuitInstruction]:
    """Yield all instructions, those inside control flow included."""
    for step in flat:
        yield step
        if isinstance(step.operation, ControlFlowOp):
            for block in step.operation.blocks:
                yield from _everything(block.data)


def _operations(flat: Iterable[CircuitInstruction], place: dict[Qubit, int]) -> Iterator[Operation]:
    for step in flat:
        if isinstance(step.operation, ControlFlowOp):
            for block in step.operation.blocks:
                inner = {bit: place[outer] for bit, outer in zip(block.qubits, step.qubits, strict=True)}
                yield from _operations(block.data, inner)
        else:
            # Labels are ours alone here: of delays, and of rotations that were written as rz.
            yield step.operation.label or step.operation.name, tuple(place[qubit] for qubit in step.qubits)


def _is_clifford(operation: Instruction) -> bool:
    if isinstance(operation, (Measure, Reset, ControlFlowOp)) or operation.name in (
        "break_loop",
        "continue_loop",
    ):
        return True
    if operation.name not in CLIFFORD_GATES:
        return False
    return all(_quarter_turns(angle) is not None for angle in operation.params)


def _quarter_turns(angle: object) -> int | None:
    """Return an angle in quarter turns, modulo a full turn; None when it is no multiple."""
    if not isinstance(angle, (int, float)):
        return None
    turns = angle / (math.pi / 2)
    return round(turns) % 4 if abs(turns - round(turns)) < 1e-9 else None
