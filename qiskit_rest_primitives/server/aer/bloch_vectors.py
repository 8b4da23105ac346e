"""Shots of qubits that have nothing to do with each other: the Bloch vectors of all parameter sets at once.

A qubit without partners is three numbers, whatever channels act on it: gates turn them, errors shrink and shift them, a
measurement reads the third. Twirled programs of a whole device consist of little else, and their parameters change with
every randomization.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Clbit, Measure, Parameter, Qubit, Reset
from qiskit.circuit.library import UnitaryGate

from ..devices.error_table import ErrorTable, transfer, transfer_of
from ..devices.noise import Flips, FrozenNoise, NoiseSource
from .control_flow import never_runs
from .gates import AER_GATES, NOTHING, matrix_of, turns_of
from .preparation import PreparedCircuit

Bits = NDArray[np.uint8]
Numbers = Any
"""A number, or one for each qubit, parameter set and shot, shape (qubits, 1 or sets, 1 or shots)."""
Vector = tuple[Numbers, Numbers, Numbers]
Columns = Mapping[Parameter, NDArray[np.float64]]
Read = Callable[["Measured", Numbers], Numbers | None]
"""Told of a measurement and the probabilities of 1; returns the outcomes if the qubits are used again."""

_ZERO, _ONE = np.zeros((1, 1, 1)), np.ones((1, 1, 1))


@dataclass(frozen=True)
class Turn:
    """Rotations about an axis (0, 1, 2 for x, y, z), by a parameter or an angle in radians for each qubit, times a sign."""

    axis: int
    angles: tuple[Parameter | float, ...]
    sign: int = 1

    def act(self, vector: Vector, columns: Columns) -> Vector:
        """Return the turned vectors."""
        values = [columns[one] if isinstance(one, Parameter) else np.array([one]) for one in self.angles]
        angle = np.stack(np.broadcast_arrays(*values))[:, :, np.newaxis]
        cos, sin = np.cos(angle), self.sign * np.sin(angle)
        turned = list(vector)
        first, second = (self.axis + 1) % 3, (self.axis + 2) % 3
        turned[first] = cos * vector[first] - sin * vector[second]
        turned[second] = sin * vector[first] + cos * vector[second]
        return turned[0], turned[1], turned[2]


@dataclass(frozen=True, eq=False)
class Channel:
    """Channels by their Pauli transfer matrices, shape (qubits, 4, 4)."""

    matrices: NDArray[np.float64]

    def act(self, vector: Vector, columns: Columns) -> Vector:
        """Return what the channels make of the vectors."""
        del columns
        numbers = self.matrices[:, :, :, np.newaxis, np.newaxis]
        x, y, z = vector
        a, b, c = (
            numbers[:, row, 0] + numbers[:, row, 1] * x + numbers[:, row, 2] * y + numbers[:, row, 3] * z
            for row in (1, 2, 3)
        )
        return a, b, c


@dataclass(frozen=True)
class Measured:
    """Measurements of qubits into classical bits; ``last`` if nothing happens to the qubits afterwards."""

    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    last: bool


Step = Turn | Channel | Measured


@dataclass(frozen=True)
class BlochProgram:
    """What happens to the qubits, those together to which the same happens but for numbers."""

    groups: Sequence[Sequence[Step]]

    def run(self, columns: Columns, read: Read) -> None:
        """Follow every qubit for all parameter sets, and tell ``read`` of every measurement, those of a qubit in order."""
        for steps in self.groups:
            vector: Vector = (_ZERO, _ZERO, _ONE)
            for step in steps:
                if not isinstance(step, Measured):
                    vector = step.act(vector, columns)
                    continue
                ones = np.clip((1.0 - vector[2]) / 2, 0.0, 1.0)
                outcomes = read(step, np.broadcast_to(ones, (len(step.qubits), *ones.shape[1:])))
                if outcomes is not None:
                    vector = (_ZERO, _ZERO, 1.0 - 2.0 * outcomes)

    def sample(
        self, rows: Bits, columns: Columns, flips: Sequence[Flips], random: np.random.Generator
    ) -> None:
        """Draw shots into ``rows``, zeros of shape (sets, shots, bytes), as classical bits packed big-endian and right-aligned."""
        bits: dict[int, NDArray[np.bool_]] = {}
        size = rows.shape[:2]

        def read(measured: Measured, ones: Numbers) -> Numbers | None:
            if not measured.last:
                ((low, high),) = [flips[qubit] for qubit in measured.qubits]
                outcomes = random.random(size) < ones[0]
                bits[measured.clbits[0]] = outcomes ^ (random.random(size) < np.where(outcomes, high, low))
                return outcomes[np.newaxis]
            for qubit, clbit, own in zip(measured.qubits, measured.clbits, ones, strict=True):
                low, high = flips[qubit]
                bits[clbit] = random.random(size) < low + (1.0 - low - high) * own
            return None

        self.run(columns, read)
        for clbit, values in bits.items():
            rows[..., rows.shape[2] - 1 - clbit // 8] |= values.astype(np.uint8) << np.uint8(clbit % 8)


def bloch_program(prepared: PreparedCircuit, noise: NoiseSource | None) -> BlochProgram | None:
    """Return what happens to the qubits of a circuit without control flow none of whose instructions is on several qubits.

    Returns:
        None if an instruction is no channel of one qubit, an angle no number and no parameter, or if several qubits are
        measured into one bit: each qubit is followed on its own, so nobody knows which came last.
    """
    model = None if noise is None else noise.model(prepared.qubits, prepared.operations)
    # The model is kept with the program, so that no other gets its number.
    return prepared.remembered(("bloch", id(model)), lambda: (model, _compiled(prepared, model)))[1]


class _NoVectorError(Exception):
    """This cannot be followed by Bloch vectors."""


def _compiled(prepared: PreparedCircuit, model: FrozenNoise | None) -> BlochProgram | None:
    circuit, errors = prepared.circuit, None if model is None else model.errors
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    clbit = {bit: index for index, bit in enumerate(circuit.clbits)}
    data = [step for step in circuit.data if not never_runs(step.operation)]
    last = {step.qubits[0]: index for index, step in enumerate(data) if step.qubits}
    writer: dict[Clbit, Qubit] = {}
    steps: dict[Qubit, list[Step]] = {qubit: [] for qubit in circuit.qubits}
    try:
        for index, step in enumerate(data):
            if len(step.qubits) != 1:
                return None
            qubit, noise = place[step.qubits[0]], _noise(step, place[step.qubits[0]], errors)
            if isinstance(step.operation, Measure):
                if writer.setdefault(step.clbits[0], step.qubits[0]) != step.qubits[0]:
                    return None
                # Aer's errors come before a measurement, and after anything else.
                here: list[Step] = [
                    *noise,
                    Measured((qubit,), (clbit[step.clbits[0]],), last[step.qubits[0]] == index),
                ]
            else:
                here = [*_action(step), *noise]
            for one in here:
                _append(steps[step.qubits[0]], one)
    except _NoVectorError:
        return None
    alike: dict[Any, list[list[Step]]] = {}
    for qubit, own in steps.items():
        # Shots of a qubit that is used again have vectors of their own.
        again = any(isinstance(step, Measured) and not step.last for step in own)
        alike.setdefault((tuple(map(_kind, own)), qubit if again else None), []).append(own)
    return BlochProgram([list(map(_together, *each)) for each in alike.values()])


def _kind(step: Step) -> Any:
    """Return what has to be the same of steps that are done together."""
    if isinstance(step, Turn):
        return step.axis, step.sign
    return step.last if isinstance(step, Measured) else None


def _together(*steps: Step) -> Step:
    """Return one step of several qubits for those of single ones."""
    first = steps[0]
    if isinstance(first, Turn):
        return replace(first, angles=tuple(step.angles[0] for step in steps if isinstance(step, Turn)))
    if isinstance(first, Channel):
        return Channel(np.concatenate([step.matrices for step in steps if isinstance(step, Channel)]))
    own = [step for step in steps if isinstance(step, Measured)]
    return Measured(tuple(step.qubits[0] for step in own), tuple(step.clbits[0] for step in own), first.last)


def _append(steps: list[Step], step: Step) -> None:
    """Append a step, as one with the step before if both are fixed channels."""
    if steps and isinstance(steps[-1], Channel) and isinstance(step, Channel):
        steps[-1] = Channel(step.matrices @ steps[-1].matrices)
    else:
        steps.append(step)


def _noise(step: CircuitInstruction, qubit: int, errors: ErrorTable | None) -> list[Channel]:
    if errors is None:
        return []
    found = [transfer_of(error) for error in errors.errors(step.operation.label or step.name, [qubit])]
    if any(matrix is None for matrix in found):
        raise _NoVectorError
    return [Channel(matrix[np.newaxis]) for matrix in found if matrix is not None]


def _action(step: CircuitInstruction) -> list[Turn | Channel]:
    operation = step.operation
    if step.name in NOTHING:
        return []
    if isinstance(operation, Reset):
        return [Channel(transfer([np.diag([1.0 + 0j, 0]), np.array([[0, 1.0 + 0j], [0, 0]])])[np.newaxis])]
    if step.name == "kraus":
        return [Channel(transfer([np.asarray(one, dtype=complex) for one in operation.params])[np.newaxis])]
    if isinstance(operation, UnitaryGate):
        return [Channel(transfer([np.asarray(operation.params[0], dtype=complex)])[np.newaxis])]
    if step.name not in AER_GATES:
        raise _NoVectorError
    if all(isinstance(value, (int, float)) for value in step.params):
        return [Channel(_fixed(step.name, tuple(map(float, step.params)))[np.newaxis])]
    if not all(isinstance(value, (int, float, Parameter)) for value in step.params):
        raise _NoVectorError
    turns = turns_of(step.name, step.params)
    if turns is None:
        raise _NoVectorError
    return [Turn("XYZ".index(axis), (angle,), sign) for axis, angle, sign in turns]


@lru_cache(maxsize=1024)
def _fixed(name: str, params: tuple[float, ...]) -> NDArray[np.float64]:
    return transfer([matrix_of(name, params)])
