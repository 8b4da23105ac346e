"""Exact outcome probabilities of small circuits, all parameter sets at once: a state vector followed by numpy.

Aer assembles a circuit, and binds its angles, gate by gate in Python in every run, which takes several times as long as its
simulation of a few qubits. Here a circuit is compiled once: gates without parameters at its start are a state, and all later
gates of one qubit between two of several are one matrix, made for all of them in a few calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Measure, Parameter, Reset
from qiskit.circuit.library import UnitaryGate

from ..._recent import remembered
from .gates import AER_GATES, NOTHING, matrix_of, turns_of
from .preparation import PreparedCircuit
from .probabilities import cleaned

NUMBERS = 1 << 14
"""Amplitudes of all parameter sets that are held at a time: what fits into a processor's cache."""

KNOWN = 64
"""Settings of a circuit without parameters whose probabilities are kept."""

Columns = Mapping[Parameter, NDArray[np.float64]]
Matrix = NDArray[np.complex128]
"""Of gates, shape (2**qubits, 2**qubits), the first qubit least significant; with one more axis, of several gates."""
States = NDArray[np.complex128]
"""Shape (1 or sets, 2**qubits), qubit 0 least significant."""
Angle = tuple[Parameter, float]
"""A parameter and the factor it is multiplied by."""

_ID = np.eye(2, dtype=complex)
_H = np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2)
_S = np.diag([1, 1j])
_HALF_TURNS = np.array([-0.5j, 0.5j])
_TO_Z = {"X": _H, "Y": _H @ _S.conj()}
"""What turns the axis of a letter into that of Z."""
_TWO_LETTERS = {"rxx": "XX", "ryy": "YY", "rzz": "ZZ", "rzx": "ZX"}


@dataclass
class Block:
    """Gates of one qubit in a row: a fixed matrix, and as often as need be a turn about z and another fixed matrix."""

    fixed: list[Matrix] = field(default_factory=lambda: [_ID])
    turns: list[Angle] = field(default_factory=list)

    def add(self, *gates: Matrix | Angle) -> None:
        """Append gates, in their order in time."""
        for gate in gates:
            if isinstance(gate, tuple):
                self.turns.append(gate)
                self.fixed.append(_ID)
            else:
                self.fixed[-1] = gate @ self.fixed[-1]


@dataclass
class Local:
    """One block on each of some qubits."""

    blocks: dict[int, Block] = field(default_factory=dict)


@dataclass
class Permuted:
    """Gates that give each basis state the amplitude of one other, times a phase; both of shape (2**qubits,)."""

    source: NDArray[np.int64]
    phase: Matrix


@dataclass
class Coupled:
    """Rotations exp(-i angle ZZ / 2) of pairs of qubits."""

    turns: list[tuple[Angle, NDArray[np.float64]]] = field(default_factory=list)
    """Each with the signs of ZZ, shape (2**qubits,)."""


@dataclass
class Dense:
    """Any gate of several qubits."""

    matrix: Matrix
    places: tuple[int, ...]


Step = Local | Permuted | Coupled | Dense


class StatevectorProgram:
    """The gates of a circuit, compiled; ``statevector_program`` makes it."""

    def __init__(self, num_qubits: int, steps: Sequence[Step]) -> None:
        angles = [angle for step in steps for angle in _angles(step)]
        self._parameters = list(dict.fromkeys(parameter for parameter, _ in angles))
        self._column = {parameter: index for index, parameter in enumerate(self._parameters)}
        self._start = np.eye(1, 2**num_qubits, dtype=complex)
        fixed = next((index for index, step in enumerate(steps) if _angles(step)), len(steps))
        for step in steps[:fixed]:
            self._start = self._after(step, self._start, {}, np.zeros((1, 0)))
        self._steps = steps[fixed:]
        self._tables: dict[tuple[tuple[int, str], ...], NDArray[np.float64]] = {}
        alike: dict[int, list[Block]] = {}
        for step in self._steps:
            for block in step.blocks.values() if isinstance(step, Local) else ():
                alike.setdefault(len(block.turns), []).append(block)
        self._blocks = [
            (blocks, [np.array(each) for each in zip(*(block.fixed for block in blocks), strict=True)])
            for blocks in alike.values()
        ]
        self._turns = [
            [self._indexed([block.turns[place] for block in blocks]) for place in range(len(fixed) - 1)]
            for blocks, fixed in self._blocks
        ]

    def tables(
        self, columns: Columns, settings: Sequence[Sequence[tuple[int, str]]]
    ) -> list[NDArray[np.float64]]:
        """Return the probabilities of the outcomes of measurements of the final state.

        Args:
            columns: Values of the parameters, one per set, rad; empty when there are none.
            settings: Of each measurement the qubits and the letters, X, Y or Z, in which they are measured.

        Returns:
            For each setting, shape (sets, 2**measured qubits), one row without parameters; the first qubit of a setting
            is the least significant.

        Raises:
            TaskFailed: A gate is no physical operation.
        """
        sets = len(next(iter(columns.values()))) if columns else 1
        if not self._parameters:
            known = [self._known(tuple(setting)) for setting in settings]
            return [np.broadcast_to(table, (sets, table.shape[1])) for table in known]
        values = np.array([columns[parameter] for parameter in self._parameters]).T
        size = max(1, NUMBERS // self._start.shape[1])
        found: list[list[NDArray[np.float64]]] = [[] for _ in settings]
        for start in range(0, sets, size):
            states = self._states(values[start : start + size])
            for table, setting in zip(found, settings, strict=True):
                table.append(_outcomes(states, setting))
        tables = [each[0] if len(each) == 1 else np.concatenate(each) for each in found]
        return [cleaned(np.broadcast_to(table, (sets, table.shape[1]))) for table in tables]

    def _known(self, setting: tuple[tuple[int, str], ...]) -> NDArray[np.float64]:
        """Return the probabilities of a circuit without parameters, which is often run again."""
        return remembered(
            self._tables,
            setting,
            lambda: cleaned(_outcomes(self._states(np.zeros((1, 0))), setting)),
            most=KNOWN,
        )

    def _states(self, values: NDArray[np.float64]) -> States:
        """Return the final states; ``values`` has the shape (sets, parameters)."""
        matrices: dict[int, Matrix] = {}
        for (blocks, (first, *others)), turns in zip(self._blocks, self._turns, strict=True):
            product = first[np.newaxis]
            for (which, factors), fixed in zip(turns, others, strict=True):
                phases = np.exp((factors * values[:, which])[..., np.newaxis] * _HALF_TURNS)
                product = fixed @ (phases[..., np.newaxis] * product)
            matrices |= {id(block): product[:, index] for index, block in enumerate(blocks)}
        states = self._start
        for step in self._steps:
            states = self._after(step, states, matrices, values)
        return states

    def _after(
        self, step: Step, states: States, matrices: Mapping[int, Matrix], values: NDArray[np.float64]
    ) -> States:
        if isinstance(step, Local):
            here = {
                qubit: matrices[id(block)] if matrices else block.fixed[0][np.newaxis]
                for qubit, block in step.blocks.items()
            }
            return _turned(states, here)
        if isinstance(step, Permuted):
            return np.take(states, step.source, axis=1) * step.phase
        if isinstance(step, Coupled):
            which, factors = self._indexed([angle for angle, _ in step.turns])
            signs = np.array([own for _, own in step.turns])
            return states * np.exp(-0.5j * ((factors * values[:, which]) @ signs))
        return _dense(states, step)

    def _indexed(self, angles: Sequence[Angle]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the columns of the parameters of angles, and their factors."""
        return np.array([self._column[parameter] for parameter, _ in angles]), np.array(
            [factor for _, factor in angles]
        )


def statevector_program(prepared: PreparedCircuit) -> StatevectorProgram | None:
    """Return the gates of a static circuit without channels; None if an angle is neither a number nor a parameter."""
    return prepared.remembered("statevector program", lambda: (_compiled(prepared),))[0]


class _NoGateError(Exception):
    """This is no gate that is known here."""


class _Compiler:
    """Puts gates into as few steps as possible: into a step of their kind, and past steps on other qubits.

    Attributes:
        last: Of each qubit, the number of the last step that acts on it.
    """

    def __init__(self, num_qubits: int) -> None:
        self.numbers = np.arange(2**num_qubits)
        self.steps: list[Step] = []
        self.last = [0] * num_qubits

    def local(self, place: int, *gates: Matrix | Angle) -> None:
        step = self._place(Local, (place,))
        if step is None:
            step = self._new(Local(), (place,))
        step.blocks.setdefault(place, Block()).add(*gates)

    def coupled(self, places: tuple[int, int], angle: Angle) -> None:
        step = self._place(Coupled, places)
        if step is None:
            step = self._new(Coupled(), places)
        first, second = (1 - 2 * (self.numbers >> place & 1) for place in places)
        step.turns.append((angle, (first * second).astype(float)))

    def fixed(self, places: tuple[int, ...], matrix: Matrix) -> None:
        if len(places) == 1:
            self.local(places[0], matrix)
            return
        entries = matrix != 0
        if (entries.sum(axis=1) == 1).all() and entries.any(axis=0).all():
            self._permuted(places, matrix, entries.argmax(axis=1))
        else:
            self._new(Dense(matrix, places), places)

    def _permuted(self, places: tuple[int, ...], matrix: Matrix, columns: NDArray[np.int64]) -> None:
        own = sum((self.numbers >> place & 1) << index for index, place in enumerate(places))
        source = self.numbers & ~sum(1 << place for place in places)
        for index, place in enumerate(places):
            source = source | (columns[own] >> index & 1) << place
        phase = matrix[own, columns[own]]
        step = self._place(Permuted, places)
        if step is None:
            self._new(Permuted(source, phase), places)
        else:
            step.phase = step.phase[source] * phase
            step.source = step.source[source]

    def _place(self, kind: type[Any], places: Sequence[int]) -> Any:
        """Return the first step of a kind that may be done with some qubits after all that was done with them."""
        first = max(self.last[place] for place in places)
        for index in range(first, len(self.steps)):
            if isinstance(self.steps[index], kind):
                self._touch(places, index)
                return self.steps[index]
        return None

    def _new(self, step: Any, places: Sequence[int]) -> Any:
        self._touch(places, len(self.steps))
        self.steps.append(step)
        return step

    def _touch(self, places: Sequence[int], index: int) -> None:
        for place in places:
            self.last[place] = index


def _compiled(prepared: PreparedCircuit) -> StatevectorProgram | None:
    circuit = prepared.circuit
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    compiler = _Compiler(len(place))
    try:
        for step in circuit.data:
            # In a static circuit only qubits in their ground state are reset.
            if not isinstance(step.operation, (Measure, Reset)) and step.name not in NOTHING:
                _add(compiler, step, tuple(place[qubit] for qubit in step.qubits))
    except _NoGateError:
        return None
    return StatevectorProgram(len(place), compiler.steps)


def _add(compiler: _Compiler, step: CircuitInstruction, places: tuple[int, ...]) -> None:
    params = step.params
    if isinstance(step.operation, UnitaryGate):
        compiler.fixed(places, np.asarray(step.operation.params[0], dtype=complex))
    elif step.name not in AER_GATES:
        raise _NoGateError
    elif all(isinstance(value, (int, float)) for value in params):
        compiler.fixed(places, matrix_of(step.name, tuple(map(float, params))))
    elif not all(isinstance(value, (int, float, Parameter)) for value in params):
        raise _NoGateError
    elif len(places) == 1:
        turns = turns_of(step.name, params)
        if turns is None:
            raise _NoGateError
        compiler.local(places[0], *(gate for turn in turns for gate in _about(*turn)))
    elif step.name in _TWO_LETTERS:
        turned = [
            (place, _TO_Z[letter])
            for place, letter in zip(places, _TWO_LETTERS[step.name], strict=True)
            if letter != "Z"
        ]
        for place, matrix in turned:
            compiler.local(place, matrix)
        compiler.coupled((places[0], places[1]), (params[0], 1.0))
        for place, matrix in turned:
            compiler.local(place, matrix.conj().T)
    else:
        raise _NoGateError


def _about(letter: str, angle: Parameter | float, sign: int) -> list[Matrix | Angle]:
    turn = _turn(angle, sign)
    return [turn] if letter == "Z" else [_TO_Z[letter], turn, _TO_Z[letter].conj().T]


def _turn(angle: Parameter | float, factor: float) -> Matrix | Angle:
    if isinstance(angle, Parameter):
        return angle, factor
    half = factor * angle / 2
    return np.diag([np.exp(-1j * half), np.exp(1j * half)])


def _angles(step: Step) -> list[Angle]:
    if isinstance(step, Local):
        return [angle for block in step.blocks.values() for angle in block.turns]
    return [angle for angle, _ in step.turns] if isinstance(step, Coupled) else []


def _turned(states: States, matrices: Mapping[int, Matrix]) -> States:
    """Act on each of some qubits by a matrix of shape (1 or sets, 2, 2).

    Products are fast where the qubit at hand comes first, so all qubits are passed from first to last, in a circle: a
    product of the transposed leaves its qubit at the end.
    """
    passed = 0
    for qubit in reversed(range(states.shape[1].bit_length() - 1)):
        if qubit in matrices:
            pairs = _passed(states, passed).reshape(len(states), 2, -1).transpose(0, 2, 1)
            states = (pairs @ matrices[qubit].transpose(0, 2, 1)).reshape(-1, states.shape[1])
            passed = 0
        else:
            passed += 1
    return _passed(states, passed)


def _passed(states: States, number: int) -> States:
    """Move so many qubits from the top to the bottom."""
    if not number:
        return states
    return states.reshape(len(states), 2**number, -1).transpose(0, 2, 1).reshape(len(states), -1)


def _dense(states: States, step: Dense) -> States:
    width, number = states.shape[1].bit_length() - 1, len(step.places)
    axes = [width - place for place in reversed(step.places)]
    front = np.moveaxis(states.reshape(-1, *(2,) * width), axes, range(number))
    done = (step.matrix @ front.reshape(2**number, -1)).reshape(front.shape)
    return np.moveaxis(done, range(number), axes).reshape(len(states), -1)


def _outcomes(states: States, setting: Sequence[tuple[int, str]]) -> NDArray[np.float64]:
    turned = {qubit: _TO_Z[letter][np.newaxis] for qubit, letter in setting if letter != "Z"}
    states = _turned(states, turned)
    width = states.shape[1].bit_length() - 1
    flat = states.real**2 + states.imag**2
    if [qubit for qubit, _ in setting] == list(range(width)):
        return flat
    table = flat.reshape(-1, *(2,) * width)
    axes = [width - qubit for qubit, _ in reversed(setting)]
    others = tuple(axis for axis in range(1, width + 1) if axis not in axes)
    kept = sorted(axes)
    table = table.sum(axis=others) if others else table
    return table.transpose(0, *(kept.index(axis) + 1 for axis in axes)).reshape(len(table), -1)
