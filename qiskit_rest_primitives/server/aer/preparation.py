"""A loaded circuit -> the small circuit that Aer is given.

Idle qubits go, gates that not every method of Aer has are written out, global phases are dropped, boxes are inlined,
and delays become labelled identities that carry the noise of waiting. Noise is that of what the user wrote: an
instruction that has noise as a whole, or that Aer runs as it is, is written out in gates without noise, and its own
noise follows. ``simulation`` decides which method suits the result, ``devices/isa`` what the device allows.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qiskit.circuit import (
    Barrier,
    BoxOp,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    Instruction,
    Measure,
    Parameter,
    ParameterExpression,
    QuantumCircuit,
    Qubit,
    Reset,
    Store,
)
from qiskit.circuit.library import IGate, RZGate, UnitaryGate

from ..._recent import remembered
from ...qasm.conditions import NotExpressible
from ...qasm.definitions import definition_of
from ...qasm.noise_model import NOISELESS, Distinguished
from ..devices.noise import QUIET, Operation, delay_label, stands_for_noise
from ..job_errors import BAD_CIRCUIT, TaskFailed
from .circuit_analysis import (
    active_qubits,
    everything,
    is_static,
    neighbours_together,
    operations,
)
from .control_flow import JUMPS, keeping_all_bits, rewrite, stores
from .gates import AER_GATES, STANDARD, is_clifford, quarter_turns
from .own_instructions import (
    CHANNELS,
    as_aer_reads,
    is_kept,
    is_open,
    is_saving,
    meaning_of,
    place_of_noise,
    reset_channel,
    runs,
)

DEEPEST, WIDE, REMEMBERED = 100, 12, 64
MOST_PASSES = 100_000
"""Most passes through the bodies of nested loops, which Aer writes out before it starts."""
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
        num_measured: Number of measurements of active qubits.
        clifford: Every gate is a Clifford gate with fixed angles.
        special: Names of instructions that only some methods of Aer have.
        ancillas: Device qubits that further qubits of ``circuit``, which have no noise, are copies of.
    """

    circuit: QuantumCircuit
    qubits: tuple[int, ...]
    operations: frozenset[Operation]
    static: bool
    measured: bool
    idle_measurements: tuple[tuple[int, int], ...] = ()
    clifford: bool = False
    num_measured: int = 0
    special: frozenset[str] = frozenset()
    ancillas: tuple[int, ...] = ()
    _scratch: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def mixes(self) -> bool:
        """Whether a state may become a mixture without any noise."""
        return not self.special.isdisjoint(CHANNELS)

    def remembered(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made for this circuit under a key, making it first if need be.

        Measurement plans and circuits derived from this one are kept here, because a variational loop needs the
        same ones in every iteration; the store is emptied when it is full.
        """
        return remembered(self._scratch, key, make, most=REMEMBERED)


def prepare(
    circuit: QuantumCircuit, *, dt: float | None = None, noise: Distinguished | None = None
) -> PreparedCircuit:
    """Reduce a circuit to what Aer needs to simulate it.

    Args:
        circuit: As loaded from the wire; qubit k is qubit k of the device.
        dt: Seconds per dt, for delays; None when the device has no clock.
        noise: What the noise of the job tells apart; None without noise.

    Raises:
        TaskFailed: 1603, an instruction cannot be simulated.
    """
    # Aer has no booleans, and ends the process at the first number stored.
    for variable in circuit.iter_vars():
        raise TaskFailed(f"The real-time variable {variable.name!r} cannot be simulated.", BAD_CIRCUIT)
    writer = _Writer(dt, noise, circuit.cregs)
    flat = list(writer.flatten(circuit))
    clifford = all(is_clifford(step.operation) for step in everything(flat))
    if clifford:
        writer.squares = True
        flat = list(writer.flatten(circuit))
    static = is_static(flat)
    active = active_qubits(flat, static, noise or NOISELESS)
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    qubits = [qubit for qubit in circuit.qubits if qubit in active]
    if not static and not qubits:  # bits are stored, and Aer runs no circuit without qubits
        qubits = circuit.qubits[:1]
    special = frozenset(step.name for step in everything(flat) if is_kept(step.operation))
    if len(qubits) > WIDE and not any(name.startswith("set_") for name in special):
        qubits = neighbours_together(qubits, flat)
    clbit_place = {bit: index for index, bit in enumerate(circuit.clbits)}
    idle = tuple(
        (place[step.qubits[0]], clbit_place[step.clbits[0]])
        for step in flat
        if static and isinstance(step.operation, Measure) and step.qubits[0] not in active
    )
    compact = _empty([Qubit() for _ in qubits], circuit.clbits, circuit.cregs, circuit)
    mapping = dict(zip(qubits, compact.qubits, strict=True))
    kept = [step for step in flat if all(qubit in mapping for qubit in step.qubits)]
    for step in kept:
        compact.append(step.replace(qubits=[mapping[qubit] for qubit in step.qubits]), copy=False)
    if not static:
        keeping_all_bits(compact)
    return PreparedCircuit(
        circuit=compact,
        qubits=tuple(place[qubit] for qubit in qubits),
        operations=frozenset(operations(kept, place)),
        static=static,
        measured=any(isinstance(step.operation, Measure) for step in flat) or not static,
        idle_measurements=idle,
        num_measured=sum(isinstance(step.operation, Measure) for step in compact.data),
        clifford=clifford,
        special=special,
    )


class _Writer:
    """Writes instructions out until only those that Aer knows are left.

    Attributes:
        squares: Write every rotation as an rz by an exact multiple of pi/2: Aer's stabilizer method takes no other
            and allows no rounding error.
        passes: How often the instructions at hand are repeated by the for loops around them.
        values: Indices of the loops that are being unrolled.
        labels: Noise goes by labels, so gates keep them.
        quiet: What is at hand is part of something that has its noise as a whole.
        near: A qubit of the block that is being written.
    """

    def __init__(
        self, dt: float | None, noise: Distinguished | None, registers: Sequence[ClassicalRegister]
    ) -> None:
        self.registers = registers
        self.dt = dt
        self.noisy = noise is not None
        self.noise = noise or NOISELESS
        self.labels = self.noisy and self.noise.labels
        self.quiet = False
        self.squares = False
        self.passes = 1
        self.values: dict[Parameter, int] = {}
        self.near: Qubit | None = None

    def flatten(
        self, circuit: QuantumCircuit, depth: int = 0, around: CircuitInstruction | None = None
    ) -> Iterator[CircuitInstruction]:
        """Write a circuit, or the definition or block of an instruction, on the bits of the whole circuit."""
        if around is None:
            self.near = next(iter(circuit.qubits), None)
            for step in circuit.data:
                yield from self.write(step, depth, circuit.clbits, circuit.clbits)
            return
        qubits = dict(zip(circuit.qubits, around.qubits, strict=True))
        clbits = dict(zip(circuit.clbits, around.clbits, strict=True))
        for step in circuit.data:
            placed = step.replace(
                qubits=[qubits[qubit] for qubit in step.qubits], clbits=[clbits[bit] for bit in step.clbits]
            )
            yield from self.write(placed, depth, circuit.clbits, around.clbits)

    def write(
        self, step: CircuitInstruction, depth: int, inner: Sequence[Clbit], outer: Sequence[Clbit]
    ) -> Iterator[CircuitInstruction]:
        operation = step.operation
        if isinstance(operation, Barrier) or is_saving(operation):
            return
        if isinstance(operation, Delay):
            if self.noisy and not self.quiet:
                yield step.replace(operation=self._waiting(operation, step.label))
        elif isinstance(operation, BoxOp):
            yield from self.flatten(operation.body, depth + 1, step)
        elif isinstance(operation, ControlFlowOp):
            yield from self._control(step, depth, inner, outer)
        elif isinstance(operation, (Measure, Reset)):
            yield self._unlabelled(step)
        elif isinstance(operation, Store):
            yield from stores(step, inner, outer)
        elif operation.name in JUMPS or stands_for_noise(operation):
            yield step
        elif is_kept(operation):
            yield step.replace(operation=as_aer_reads(operation))
        elif self.squares and operation.name in ("rz", "p", "u1"):
            yield step.replace(operation=_squared(operation, self._label(operation)))
        elif _is_known(operation):
            yield _settled(step, self.values, self._label(operation))
        else:
            yield from self._written_out(step, depth)

    def _label(self, operation: Instruction) -> str | None:
        """Return the label that a gate is run with: the user's where noise goes by it, unless it looks like ours."""
        if self.quiet:
            return QUIET
        label = operation.label if self.labels else None
        return None if label and label.startswith("\x00") else label

    def _unlabelled(self, step: CircuitInstruction) -> CircuitInstruction:
        """Return a measurement or reset without the label, which Aer looks no noise up by."""
        if isinstance(step.operation, Reset) and self.quiet and self.noise.meets("reset"):
            return step.replace(operation=reset_channel())
        if step.operation.label is None:
            return step
        return step.replace(operation=Reset() if isinstance(step.operation, Reset) else Measure())

    def _written_out(self, step: CircuitInstruction, depth: int) -> Iterator[CircuitInstruction]:
        """Write an instruction as what it consists of, with its own noise if it has some."""
        operation = step.operation
        definition = _definition(operation, depth)
        if not self.noise.names or self.quiet or meaning_of(operation) is not None:
            yield from self.flatten(definition, depth + 1, step)
            return
        label = getattr(operation, "label", None)
        key = label if self.labels and label else operation.name
        if operation.name in ("pauli", "diagonal") and runs(operation):
            # Aer looks the noise of one up by its letters, and of the other by its name whatever its label.
            key = operation.params[0] if operation.name == "pauli" else operation.name
        if self.labels and label and is_open(operation):  # Aer gives the label to all that it writes
            yield from self.flatten(_labelled(definition, label), depth + 1, step)
            return
        own = key in self.noise.names
        self.quiet = own or (self.labels and runs(operation))
        yield from self.flatten(definition, depth + 1, step)
        self.quiet = False
        if own:
            yield step.replace(operation=place_of_noise(key, len(step.qubits)), clbits=())

    def _control(
        self, step: CircuitInstruction, depth: int, inner: Sequence[Clbit], outer: Sequence[Clbit]
    ) -> Iterator[CircuitInstruction]:
        if depth > DEEPEST:
            raise TaskFailed("The control flow of the circuit is nested too deeply.", BAD_CIRCUIT)
        operation, passes = step.operation, self.passes
        if isinstance(operation, ForLoopOp) and hasattr(operation.params[0], "__len__"):
            self.passes = passes * len(operation.params[0])
        if self.passes > MOST_PASSES:
            raise TaskFailed(f"The loops of the circuit make {self.passes} passes, too many.", BAD_CIRCUIT)

        # Aer orders a block without qubits, which only stores, as it likes.
        placed = step if step.qubits or self.near is None else step.replace(qubits=[self.near])

        def block(body: QuantumCircuit, values: Mapping[Parameter, int] | None = None) -> QuantumCircuit:
            written = _empty(placed.qubits, step.clbits, self.registers, body)
            outside, self.values = self.values, {**self.values, **(values or {})}
            near, self.near = self.near, next(iter(placed.qubits), None)
            for instruction in self.flatten(body, depth + 1, step):
                written.append(instruction, copy=False)
            self.values, self.near = outside, near
            return written

        yield from rewrite(placed, inner, outer, block)
        self.passes = passes

    def _waiting(self, delay: Delay, label: str | None) -> Instruction:
        duration, unit = delay.duration, delay.unit
        if isinstance(duration, ParameterExpression) or not isinstance(duration, (int, float)):
            raise TaskFailed("The circuit has a delay without a fixed duration.", BAD_CIRCUIT)
        # Qiskit 2.6 gives a delay that comes out of QPY, or of a pass manager, no label but that of its place in the circuit.
        # Aer sees delays of the latter kind where there are passes: by their name.
        if label and self.labels and not self.noise.time and not label.startswith("\x00"):
            return IGate(label=label)
        scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "dt": self.dt or 0.0}[unit]
        return IGate(label=delay_label(duration * scale))


def _is_known(operation: Instruction) -> bool:
    if type(operation) is UnitaryGate:
        return True
    if operation.name == "cp" and isinstance(operation.params[0], ParameterExpression):
        return False  # Aer 0.18 takes a cp whose angle is bound while it runs for the identity
    standard = STANDARD.get(operation.name)
    return (
        operation.name in AER_GATES and standard is not None and operation.base_class is standard.base_class
    )


def _squared(operation: Instruction, label: str | None) -> Instruction:
    """Return a rotation about z by exact quarter turns; the label keeps the noise of the gate it replaces."""
    turns = quarter_turns(operation.params[0]) or 0
    own = None if operation.name == "rz" else operation.name
    return RZGate(turns * (math.pi / 2), label=label or own)


def _labelled(definition: QuantumCircuit, label: str) -> QuantumCircuit:
    """Return a definition all of whose gates have a label."""
    labelled = definition.copy_empty_like()
    for step in definition.data:
        gate = step.operation.to_mutable()
        gate.label = label
        labelled.append(step.replace(operation=gate), copy=False)
    return labelled


def _settled(
    step: CircuitInstruction, values: Mapping[Parameter, int], label: str | None
) -> CircuitInstruction:
    """Return the call of a gate with the label by which its noise is looked up.

    Indices of loops become numbers, and so do angles whose parameters cancel: Aer hashes all that are none, and
    Qiskit 2.6 hashes no expression whose value is negative.
    """
    params = step.params
    if step.is_parameterized():
        params = [
            _number(value, values) if isinstance(value, ParameterExpression) else value for value in params
        ]
    if step.operation.label == label and all(map(operator.is_, params, step.params)):
        return step
    if isinstance(step.operation, UnitaryGate):  # whose matrix is not among the instruction's parameters
        return step.replace(operation=UnitaryGate(step.operation.params[0], label=label, check_input=False))
    plain = step.operation.to_mutable()
    plain.label = label
    plain.params = list(params)
    return step.replace(operation=plain, params=plain.params)


def _number(value: ParameterExpression, values: Mapping[Parameter, int]) -> Any:
    """Return the number that an angle is, or the angle itself with the indices of loops put in."""
    known = {parameter: values[parameter] for parameter in value.parameters if parameter in values}
    bound = value.bind(known) if known else value
    with suppress(TypeError):
        return bound if isinstance(bound, Parameter) else bound.numeric(strict=False)
    return bound


def _definition(operation: Instruction, depth: int) -> QuantumCircuit:
    try:
        if depth > DEEPEST:
            raise NotExpressible("its definition refers to further definitions without end")
        return meaning_of(operation) or definition_of(operation)
    except NotExpressible as cause:
        raise TaskFailed(
            f"The instruction {operation.name} cannot be simulated: {cause}.", BAD_CIRCUIT
        ) from cause


def _empty(
    qubits: Sequence[Qubit],
    clbits: Sequence[Clbit],
    registers: Sequence[ClassicalRegister],
    like: QuantumCircuit,
) -> QuantumCircuit:
    """Return an empty circuit on these bits, with those registers that lie in them and another's variables."""
    circuit = QuantumCircuit(list(qubits), list(clbits))
    there = set(clbits)
    for register in registers:
        if there.issuperset(register):
            circuit.add_register(register)
    for variable in like.iter_input_vars():
        circuit.add_input(variable)
    for variable in like.iter_captured_vars():
        circuit.add_capture(variable)
    for variable in like.iter_declared_vars():
        circuit.add_uninitialized_var(variable)
    return circuit
