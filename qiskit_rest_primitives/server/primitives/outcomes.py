"""Outcomes of measurement settings: drawn from the state, or simulated shot by shot.

Two ways lead to the same statistics. The state of a small circuit is simulated once, and the outcomes of each
setting are drawn from its exact distribution, readout error included. Any other circuit (dynamic, wide, measured on
the way) is run for every shot, with the setting's rotations and measurements appended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Clbit, QuantumCircuit, Qubit

from ..aer.methods import NUMPY_STATEVECTOR, Method, choose_state
from ..aer.numpy_statevector import statevector_program
from ..aer.preparation import PreparedCircuit
from ..aer.probabilities import Readout, bits_of, rotate, rotate_back, save
from ..aer.shots import MOST_PROBABILITIES, WIDEST_TABLE, sample_shots
from ..aer.simulation import Columns, noise_of, run_probabilities
from .grouping import Group

MOST_BYTES = 1 << 27
"""Bytes of classical bits held at a time, for all parameter sets of one setting."""

FEW = 1 << 11
"""Probabilities that are as soon drawn from as they are added."""

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Draws:
    """Outcomes of one measurement setting for some parameter sets.

    Attributes:
        rows: The parameter sets.
        signs: Of each of the group's terms in distinct outcomes, +1 or -1, shape (outcomes, terms).
        counts: How often each outcome came, shape (sets, outcomes).
    """

    rows: slice
    signs: NDArray[np.float64]
    counts: NDArray[np.int64]


class OutcomeSampler:
    """Where one PUB gets the outcomes of its settings from; ``asked`` are the options of Aer that the device asks for."""

    def __init__(
        self,
        prepared: PreparedCircuit,
        readout: Readout,
        random: np.random.Generator,
        shots: int,
        asked: Mapping[str, Any],
    ) -> None:
        self.prepared = prepared
        self.readout = readout
        self.method = "none"
        self._random = random
        self._shots = shots
        self._asked = asked
        self._place = {qubit: index for index, qubit in enumerate(prepared.qubits)}

    def draw(self, groups: Sequence[Group], columns: Columns, sets: int) -> Iterator[Sequence[Draws]]:
        """Yield the outcomes of each group; together they cover all parameter sets.

        ``sets`` says how many there are, also when the circuit has no parameters.
        """
        if not groups:
            return
        noise = self.readout.noise
        if noise is not None and noise.disturbs_measurement:
            self.prepared = _measurable(self.prepared, groups)
            self._place = {qubit: index for index, qubit in enumerate(self.prepared.qubits)}
        method = choose_state(self.prepared, noise, self._shots, self._asked)
        if method is None:
            yield from self._by_shots(groups, columns, sets)
        else:
            yield from self._from_state(groups, columns, sets, method)

    def _active(self, group: Group) -> list[tuple[int, str]]:
        """Return place in the circuit and letter of the measured qubits that the circuit acts on."""
        return [(self._place[qubit], letter) for qubit, letter in group.basis if qubit in self._place]

    # ------------------------------------------------------------------------- from the state

    def _from_state(
        self, groups: Sequence[Group], columns: Columns, sets: int, method: Method
    ) -> Iterator[Sequence[Draws]]:
        self.method = method.name
        drawn: list[list[Draws]] = [[] for _ in groups]
        widest = max(len(self._active(group)) for group in groups)
        size = max(1, MOST_PROBABILITIES >> widest)
        for start in range(0, sets, size):
            rows = slice(start, min(start + size, sets))
            part = columns if size >= sets else {name: column[rows] for name, column in columns.items()}
            tables = self._tables(groups, part, method)
            for group, table, draws in zip(groups, tables, drawn, strict=True):
                repeated = table if len(table) > 1 else np.repeat(table, rows.stop - rows.start, axis=0)
                draws.extend(self._drawn(group, repeated, rows))
        yield from drawn

    def _saving(self, groups: Sequence[Group]) -> tuple[QuantumCircuit, list[str]]:
        """Return the circuit that saves the outcome probabilities of every group, and their labels."""
        circuit = _begun(self.prepared.circuit)
        labels = []
        for index, group in enumerate(groups):
            if active := self._active(group):
                rotate(circuit, active)
                save(circuit, [qubit for qubit, _ in active], str(index))
                rotate_back(circuit, active)
                labels.append(str(index))
        return circuit, labels

    def _tables(
        self, groups: Sequence[Group], columns: Columns, method: Method
    ) -> Sequence[NDArray[np.float64]]:
        """Return the outcome probabilities of the active qubits of every group, shape (1 or sets, 2**qubits)."""
        if method.name == NUMPY_STATEVECTOR:
            program = statevector_program(self.prepared)
            assert program is not None  # noqa: S101 (the method was chosen because there is one)
            return program.tables(columns, [self._active(group) for group in groups])
        bases = tuple(group.basis for group in groups)
        circuit, labels = self.prepared.remembered(("saving", bases), lambda: self._saving(groups))
        if not labels:
            return [np.ones((1, 1))] * len(groups)
        # Readout errors come later, on the probabilities.
        model = noise_of(self.prepared, self.readout.noise, method, symmetric_readout=False)
        found = run_probabilities(circuit, columns, method, labels, noise_model=model)
        tables = dict(zip(labels, found, strict=True))
        return [tables.get(str(index), np.ones((1, 1))) for index in range(len(groups))]

    def _drawn(self, group: Group, table: NDArray[np.float64], rows: slice) -> Iterator[Draws]:
        places = [index for index, qubit in enumerate(group.qubits) if qubit in self._place]
        table = self.readout.apply_assignment(table, [group.qubits[index] for index in places])
        table, outcomes = _told_apart(table, group.masks[:, places])
        if len(group.qubits) > WIDEST_TABLE:
            for row, probabilities in zip(range(rows.start, rows.stop), table, strict=True):
                counts = self._random.multinomial(self._shots, probabilities)
                seen = np.flatnonzero(counts)
                yield self._with_idle(group, bits_of(outcomes[seen], len(places)), counts[seen], row)
            return
        for index, (qubit, letter) in enumerate(group.basis):
            if qubit not in self._place:
                one = self._idle_rate(qubit, letter)
                table = np.concatenate([table * (1 - one), table * one], axis=1)
                outcomes = np.concatenate([outcomes, outcomes | 1 << len(places)])
                places.append(index)
        counts = self._random.multinomial(self._shots, table)
        if len(outcomes) == 1 << len(group.basis) <= FEW and places == sorted(places):
            yield Draws(rows, group.all_signs, counts)
        else:
            yield Draws(rows, group.signs(bits_of(outcomes, len(places))[:, np.argsort(places)]), counts)

    # ------------------------------------------------------------------------- shot by shot

    def _by_shots(self, groups: Sequence[Group], columns: Columns, sets: int) -> Iterator[Sequence[Draws]]:
        for group in groups:
            active = self._active(group)
            if not active:
                nothing = np.zeros((1, 0), dtype=np.uint8), np.array([self._shots])
                yield [self._with_idle(group, *nothing, row) for row in range(sets)]
                continue
            circuit, clbits = self.prepared.remembered(
                ("measuring", group.basis), partial(_measuring, self.prepared, active)
            )
            size = max(1, MOST_BYTES // (self._shots * (circuit.circuit.num_clbits // 8 + 1)))
            draws: list[Draws] = []
            for start in range(0, sets, size):
                part = {parameter: column[start : start + size] for parameter, column in columns.items()}
                words, self.method = sample_shots(
                    circuit,
                    part,
                    self.readout,
                    self._asked,
                    self._random,
                    sets=min(size, sets - start),
                    shots=self._shots,
                )
                draws += [
                    self._with_idle(group, *_counted(rows, clbits), start + index)
                    for index, rows in enumerate(words)
                ]
            yield draws

    # ------------------------------------------------------------------------- qubits left alone

    def _with_idle(self, group: Group, bits: Bits, counts: NDArray[np.int64], row: int) -> Draws:
        """Add the measured qubits that the circuit leaves alone; outcomes then differ from shot to shot."""
        rates = {
            index: self._idle_rate(qubit, letter)
            for index, (qubit, letter) in enumerate(group.basis)
            if qubit not in self._place
        }
        if any(rates.values()):
            bits = np.repeat(bits, counts, axis=0)
            counts = np.ones(len(bits), dtype=np.int64)
        whole = np.zeros((len(bits), len(group.basis)), dtype=np.uint8)
        whole[:, [index for index in range(len(group.basis)) if index not in rates]] = bits
        for index, rate in rates.items():
            whole[:, index] = self._random.random(len(bits)) < rate
        return Draws(slice(row, row + 1), group.signs(whole), counts[np.newaxis])

    def _idle_rate(self, qubit: int, letter: str) -> float:
        """Return how often a qubit left in the ground state reads 1 in a basis."""
        return 0.5 if letter != "Z" else self.readout.flips(qubit)[0]


def _told_apart(
    table: NDArray[np.float64], masks: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Add the probabilities of outcomes in which each term has the same sign, which need not be told apart.

    Args:
        table: Of every outcome, shape (sets, 2**qubits).
        masks: The qubits of each term, shape (terms, qubits).

    Returns:
        The sums, shape (sets, kinds), and the number of one outcome of each kind.
    """
    terms, qubits = masks.shape
    outcomes = np.arange(1 << qubits)
    if terms >= qubits or table.size <= FEW:
        return table, outcomes
    kinds = np.zeros_like(outcomes)
    for term, mask in enumerate(masks):
        odd = outcomes & sum(1 << place for place in np.flatnonzero(mask).tolist())
        for step in (16, 8, 4, 2, 1):
            odd ^= odd >> step
        kinds |= (odd & 1) << term
    _, first, kind = np.unique(kinds, return_index=True, return_inverse=True)
    return np.stack([np.bincount(kind, row) for row in table]), first


def _measurable(prepared: PreparedCircuit, groups: Sequence[Group]) -> PreparedCircuit:
    """Return a circuit that has all qubits of the groups, and whose noise is that of measurements, too."""
    measured = dict.fromkeys(qubit for group in groups for qubit in group.qubits)
    added = [qubit for qubit in measured if qubit not in prepared.qubits]
    circuit = prepared.circuit.copy()
    circuit.add_bits([Qubit() for _ in added])
    return replace(
        prepared,
        circuit=circuit,
        qubits=(*prepared.qubits, *added),
        operations=prepared.operations | {("measure", (qubit,)) for qubit in measured},
        _scratch={},
    )


def _measuring(
    prepared: PreparedCircuit, active: Sequence[tuple[int, str]]
) -> tuple[PreparedCircuit, NDArray[np.int64]]:
    """Append the measurement of a setting; return the circuit and the new classical bits, in no register."""
    measuring = _begun(prepared.circuit)
    clbits = np.arange(measuring.num_clbits, measuring.num_clbits + len(active))
    measuring.add_bits([Clbit() for _ in active])
    rotate(measuring, active)
    measuring.measure([qubit for qubit, _ in active], clbits.tolist())
    # A qubit that was measured before is not measured last.
    static = prepared.static and not prepared.measured
    return (
        replace(prepared, circuit=measuring, static=static, num_measured=len(active), _scratch={}),
        clbits,
    )


def _begun(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a copy to append to.

    Unlike ``copy()`` it keeps the gates as Python objects; otherwise Qiskit makes each gate with an angle anew whenever
    Aer looks at it, which it does five times in every run.
    """
    fresh = circuit.copy_empty_like()
    for step in circuit.data:
        fresh.append(step, copy=False)
    return fresh


def _counted(words: Bits, clbits: NDArray[np.int64]) -> tuple[Bits, NDArray[np.int64]]:
    """Return the distinct values of some classical bits, and how often each came."""
    columns = words[:, words.shape[1] - 1 - clbits // 8] >> (clbits % 8).astype(np.uint8) & np.uint8(1)
    packed, counts = np.unique(np.packbits(columns, axis=1), axis=0, return_counts=True)
    return np.unpackbits(packed, axis=1, count=len(clbits)), counts
