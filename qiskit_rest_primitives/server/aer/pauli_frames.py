"""Shots of Clifford circuits with Pauli noise: one reference shot, and by which Pauli operator each shot differs from it.

Aer runs the circuit once, without noise. Each shot is a Pauli frame: the operator that stands between its state and that of
the reference. Clifford gates map Pauli operators to Pauli operators, Pauli errors multiply them, and a shot reads the bit of
the reference, flipped where its frame flips the qubit. What a measurement leaves undetermined are random phases of whatever
has a definite bit: of fresh qubits, and after resets and measurements (Gidney, Quantum 5, 497, 2021, section 2). Conditions
may guard Pauli gates, by which a shot then differs or not. All this is exact, and costs some additions of bits per gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    IfElseOp,
    Instruction,
    Measure,
    QuantumCircuit,
    Reset,
)
from qiskit.circuit.classical import expr

from ..devices.error_table import ErrorTable, PauliError, pauli_error
from ..devices.noise import Flips, FrozenNoise, NoiseSource
from .control_flow import never_runs
from .gates import NOTHING, PAULIS, STANDARD, clifford_rows, quarter_turns
from .preparation import PreparedCircuit

Bits = NDArray[np.uint8]
Guard = tuple[NDArray[np.bool_], bool] | None
"""In which shots a condition holds, and whether it does in the reference; None without a condition."""
Condition = Callable[[Mapping[int, Any]], Any]
"""Bits by number (arrays of all shots, or of the reference) -> whether it holds."""

AT_ONCE = 1 << 14
"""Shots whose frames are followed together: few enough for a processor's cache."""
RARE = 0.1
"""Up to this probability the shots that something happens in are found by the gaps between them."""


class _Frames:
    """Some shots on their way through a circuit.

    Attributes:
        rows: Whether the bit of each qubit is flipped, and then whether its phase is, each of shape (shots,).
        bits: What was read into each classical bit, each of shape (shots,); 0 where nothing was.
        reference: The same of the reference.
        outcomes: What the measurements of the reference find.
        flips: Readout error of each qubit.
    """

    def __init__(
        self, count: int, outcomes: Sequence[int], flips: Sequence[Flips], random: np.random.Generator
    ) -> None:
        self.count = count
        self.random = random
        self.outcomes = iter(outcomes)
        self.flips = flips
        self.bits: dict[int, Bits] = {}
        self.reference: dict[int, int] = {}
        nothing = np.zeros((len(flips), count), dtype=np.uint8)
        self.rows: list[Bits] = [*nothing, *(self.coins() for _ in flips)]

    def coins(self) -> Bits:
        """Return one random bit for each shot."""
        packed = self.random.integers(0, 256, (self.count + 7) // 8, dtype=np.uint8)
        return np.unpackbits(packed, count=self.count)

    def struck(self, rate: float) -> NDArray[np.int64]:
        """Return the shots in which something happens that has a probability, in order."""
        if rate > RARE:
            return np.flatnonzero(self.random.random(self.count) < rate)
        found = [np.array([-1])]
        while found[-1][-1] < self.count:
            expected = rate * (self.count - found[-1][-1])
            gaps = self.random.geometric(rate, int(expected + 5 * expected**0.5) + 2)
            found.append(found[-1][-1] + np.cumsum(np.minimum(gaps, self.count + 1)))
        shots = np.concatenate(found[1:])
        return shots[shots < self.count]


class _Step(Protocol):
    def act(self, frames: _Frames, guard: Guard) -> None:
        """Let it happen."""


@dataclass(frozen=True)
class _Gate:
    """A Clifford gate: which rows add up to each row that it changes."""

    sums: tuple[tuple[int, tuple[int, ...]], ...]

    def act(self, frames: _Frames, guard: Guard) -> None:
        del guard
        rows = frames.rows
        changed = []
        for place, (first, *others) in self.sums:
            row = rows[first]
            for other in others:
                row = row ^ rows[other]
            changed.append((place, row))
        for place, row in changed:
            rows[place] = row


@dataclass(frozen=True)
class _Pauli:
    """A Pauli gate behind a condition: what differs are the shots in which it holds and in the reference not, and back."""

    rows: tuple[int, ...]

    def act(self, frames: _Frames, guard: Guard) -> None:
        if guard is not None:
            differs = (guard[0] ^ guard[1]).astype(np.uint8)
            for row in self.rows:
                frames.rows[row] ^= differs


@dataclass(frozen=True)
class _Noise:
    """A Pauli error on some qubits."""

    qubits: tuple[int, ...]
    error: PauliError

    def act(self, frames: _Frames, guard: Guard) -> None:
        shots = frames.struck(self.error.rate)
        if guard is not None:
            shots = shots[guard[0][shots]]
        which = np.searchsorted(self.error.below, frames.random.random(len(shots)), side="right")
        np.minimum(which, len(self.error.below) - 1, out=which)
        phases = len(frames.rows) // 2
        for column, qubit in enumerate(self.qubits):
            frames.rows[qubit][shots] ^= self.error.x[which, column]
            frames.rows[qubit + phases][shots] ^= self.error.z[which, column]


@dataclass(frozen=True)
class _Measurement:
    """A measurement into a classical bit; ``last`` if nothing happens to the qubit afterwards."""

    qubit: int
    clbit: int
    last: bool

    def act(self, frames: _Frames, guard: Guard) -> None:
        del guard
        outcome = next(frames.outcomes)
        bits = frames.rows[self.qubit] ^ np.uint8(outcome)
        low, high = frames.flips[self.qubit]
        if low or high:
            bits ^= frames.random.random(frames.count) < np.array([low, high])[bits]
        if not self.last:
            frames.rows[self.qubit + len(frames.rows) // 2] ^= frames.coins()
        frames.bits[self.clbit], frames.reference[self.clbit] = bits, outcome


@dataclass(frozen=True)
class _Reset:
    """A reset of a qubit."""

    qubit: int

    def act(self, frames: _Frames, guard: Guard) -> None:
        del guard
        frames.rows[self.qubit] = np.zeros(frames.count, dtype=np.uint8)
        frames.rows[self.qubit + len(frames.rows) // 2] = frames.coins()


@dataclass(frozen=True)
class _Choice:
    """What happens if a condition holds, and what if not."""

    condition: Condition
    then: Sequence[_Step]
    otherwise: Sequence[_Step]

    def act(self, frames: _Frames, guard: Guard) -> None:
        mask = np.broadcast_to(np.asarray(self.condition(frames.bits), dtype=bool), frames.count)
        reference = bool(self.condition(frames.reference))
        within, inside = guard or (np.ones(frames.count, dtype=bool), True)
        for step in self.then:
            step.act(frames, (within & mask, inside and reference))
        for step in self.otherwise:
            step.act(frames, (within & ~mask, inside and not reference))


@dataclass(frozen=True)
class FrameProgram:
    """A circuit as what happens to its frames.

    Attributes:
        steps: In order.
        reference: The circuit of the reference; its bits from ``recorded`` on are what each measurement finds.
        recorded: Number of the first such bit.
    """

    steps: Sequence[_Step]
    reference: QuantumCircuit
    recorded: int

    def sample(
        self, rows: Bits, outcomes: Sequence[int], flips: Sequence[Flips], random: np.random.Generator
    ) -> None:
        """Draw shots into ``rows``, zeros of shape (shots, bytes): the classical bits, packed big-endian and right-aligned.

        ``outcomes`` is what each measurement finds in the reference.
        """
        for start in range(0, len(rows), AT_ONCE):
            here = rows[start : start + AT_ONCE]
            frames = _Frames(len(here), outcomes, flips, random)
            for step in self.steps:
                step.act(frames, None)
            for clbit, bits in frames.bits.items():
                here[:, here.shape[1] - 1 - clbit // 8] |= bits << np.uint8(clbit % 8)


def frame_program(prepared: PreparedCircuit, noise: NoiseSource | None) -> FrameProgram | None:
    """Return the steps of a ``clifford`` circuit with noise.

    None if that is not written as Pauli operators, or conditions guard more than Pauli gates.
    """
    model = None
    if noise is not None:
        if not noise.fits_stabilizer(prepared.qubits):
            return None
        model = noise.model(prepared.qubits, prepared.operations, mixture=True)
    # The model is kept with the program, so that no other gets its number.
    return prepared.remembered(("frames", id(model)), lambda: (model, _compiled(prepared, model)))[1]


def _compiled(prepared: PreparedCircuit, model: FrozenNoise | None) -> FrameProgram | None:
    try:
        steps = tuple(_Compiler(prepared.circuit, None if model is None else model.errors).steps())
    except _NoFramesError:
        return None
    return FrameProgram(steps, *_reference(prepared))


class _NoFramesError(Exception):
    """This cannot be followed by frames."""


class _Compiler:
    """Writes the instructions of a circuit as steps."""

    def __init__(self, circuit: QuantumCircuit, errors: ErrorTable | None) -> None:
        self._circuit = circuit
        self._errors = errors
        self._place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
        self._clbit = {clbit: index for index, clbit in enumerate(circuit.clbits)}
        self._last = {qubit: index for index, step in enumerate(circuit.data) for qubit in step.qubits}

    def steps(self) -> Iterator[_Step]:
        for index, step in enumerate(self._circuit.data):
            qubits = [self._place[qubit] for qubit in step.qubits]
            if isinstance(step.operation, Measure):
                # Aer's errors come before a measurement, and after anything else.
                yield from self._noise(step, qubits)
                last = self._last[step.qubits[0]] == index
                yield _Measurement(qubits[0], self._clbit[step.clbits[0]], last)
            elif isinstance(step.operation, Reset):
                yield _Reset(qubits[0])
                yield from self._noise(step, qubits)
            elif isinstance(step.operation, IfElseOp):
                if not never_runs(step.operation):
                    yield self._choice(step, qubits)
            elif step.name in NOTHING or self._pauli(step, qubits) is not None:
                yield from self._noise(step, qubits)
            else:
                yield self._gate(step.operation, qubits)
                yield from self._noise(step, qubits)

    def _gate(self, operation: Instruction, qubits: Sequence[int]) -> _Gate:
        if operation.name not in STANDARD:
            raise _NoFramesError
        turns = quarter_turns(operation.params[0]) if operation.params else None
        if turns is None and (operation.params or operation.name == "rz"):
            raise _NoFramesError
        width = self._circuit.num_qubits
        places = [*qubits, *(width + qubit for qubit in qubits)]
        return _Gate(
            tuple(
                (place, tuple(places[source] for source in sources))
                for place, sources in zip(places, clifford_rows(operation.name, turns), strict=True)
                if [places[source] for source in sources] != [place]
            )
        )

    def _pauli(self, step: CircuitInstruction, qubits: Sequence[int]) -> _Pauli | None:
        """Return a Pauli gate, which only matters behind a condition; None for any other operation."""
        bits = PAULIS.get(step.name)
        if step.name == "rz":
            bits = {0: (0, 0), 2: (0, 1)}.get(quarter_turns(step.params[0]) or 0)
        if bits is None:
            return None
        places = (qubits[0], qubits[0] + self._circuit.num_qubits)
        return _Pauli(tuple(place for place, bit in zip(places, bits, strict=True) if bit))

    def _noise(self, step: CircuitInstruction, qubits: Sequence[int]) -> Iterator[_Noise]:
        if self._errors is None:
            return
        for error in self._errors.errors(step.operation.label or step.name, qubits):
            found = pauli_error(error, len(qubits))
            if found is None:
                raise _NoFramesError
            if found.rate > 0:
                yield _Noise(tuple(qubits), found)

    def _choice(self, step: CircuitInstruction, qubits: Sequence[int]) -> _Choice:
        condition = _condition(step.operation.condition, self._clbit)
        blocks = [self._block(block, qubits) for block in step.operation.blocks]
        return _Choice(condition, blocks[0], blocks[1] if len(blocks) > 1 else ())

    def _block(self, block: QuantumCircuit, outer: Sequence[int]) -> Sequence[_Step]:
        """Write what a condition guards; its classical bits are those of the whole circuit."""
        place = dict(zip(block.qubits, outer, strict=True))
        found: list[_Step] = []
        for step in block.data:
            qubits = [place[qubit] for qubit in step.qubits]
            if isinstance(step.operation, IfElseOp):
                found.append(self._choice(step, qubits))
                continue
            pauli = self._pauli(step, qubits)
            if pauli is not None:
                found.append(pauli)
            elif step.name not in NOTHING:
                raise _NoFramesError
            found += self._noise(step, qubits)
        return found


def _condition(condition: Any, clbit: Mapping[Clbit, int]) -> Condition:
    """Return a condition in Aer's words as a function of the bits."""
    if isinstance(condition, tuple):
        target, value = condition
        wanted = {target: value} if isinstance(target, Clbit) else _digits(target, value)
        tests = [(clbit[bit], bool(digit)) for bit, digit in wanted.items()]
        return lambda bits: reduce(np.logical_and, [bits.get(bit, 0) == digit for bit, digit in tests])
    if isinstance(condition, expr.Var) and isinstance(condition.var, Clbit):
        place = clbit[condition.var]
        return lambda bits: bits.get(place, 0) != 0
    if isinstance(condition, expr.Unary) and condition.op is expr.Unary.Op.LOGIC_NOT:
        inner = _condition(condition.operand, clbit)
        return lambda bits: np.logical_not(inner(bits))
    if isinstance(condition, expr.Binary) and condition.op in _LOGIC:
        left, right = _condition(condition.left, clbit), _condition(condition.right, clbit)
        joined = _LOGIC[condition.op]
        return lambda bits: joined(left(bits), right(bits))
    raise _NoFramesError


_LOGIC = {expr.Binary.Op.LOGIC_AND: np.logical_and, expr.Binary.Op.LOGIC_OR: np.logical_or}


def _digits(register: ClassicalRegister, value: int) -> dict[Clbit, int]:
    return {bit: value >> place & 1 for place, bit in enumerate(register)}


def _reference(prepared: PreparedCircuit) -> tuple[QuantumCircuit, int]:
    """Return the circuit of the reference, which records what each measurement finds, and the first bit of the records."""
    circuit = prepared.circuit
    made = QuantumCircuit(circuit.qubits, [] if prepared.static else circuit.clbits)
    for register in () if prepared.static else circuit.cregs:
        made.add_register(register)
    recorded = made.num_clbits
    for step in circuit.data:
        if isinstance(step.operation, Measure):
            if not prepared.static:
                made.append(step, copy=False)
            made.add_bits([Clbit()])
            made.measure(step.qubits[0], made.clbits[-1])  # the same again
        elif step.name not in NOTHING and not never_runs(step.operation):
            made.append(step, copy=False)
    return made, recorded
