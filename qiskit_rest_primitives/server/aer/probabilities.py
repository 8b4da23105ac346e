"""Exact outcome probabilities, which circuits save them, and what reading with errors makes of them.

An outcome's number has the first measured qubit as its least significant bit, as Aer saves probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Measure, QuantumCircuit
from qiskit.circuit.library import HGate, SdgGate, SGate
from qiskit_aer.library import SaveProbabilities, SaveStatevector

from ..devices.noise import QUIET, Flips, NoiseSource
from ..job_errors import BAD_CIRCUIT, TaskFailed

OUTCOMES = "outcomes"
DUST = 1e-25
"""Smaller probabilities are rounding errors of outcomes that cannot be; draws must not depend on them."""
LEAST_CONTRAST = 0.02
"""A readout whose contrast, 1 - p(1|0) - p(0|1), is below this is left unmitigated: it would only amplify noise."""


def bits_of(outcomes: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """Return the bits of outcomes of ``count`` qubits, first qubit first, shape (outcomes, count)."""
    return ((outcomes[:, np.newaxis] >> np.arange(count)) & 1).astype(np.uint8)


def cleaned(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities without what rounding did to them, shape (sets, outcomes)."""
    rows = np.where(rows < DUST, 0.0, rows)
    total = rows.sum(axis=1, keepdims=True)
    if not (np.isfinite(total) & (total > 0)).all():  # QPY carries any numbers as a unitary gate's
        raise TaskFailed("The circuit has an instruction that is no physical operation.", BAD_CIRCUIT)
    return rows / total


def draw_outcomes(
    probabilities: NDArray[np.float64], shots: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return the outcome of every shot, shape (shots,), given the probabilities of all, shape (outcomes,)."""
    below = np.cumsum(probabilities)
    # Sums of independent exponential numbers, divided by the last, are uniform numbers in order (order statistics):
    # they are looked up one after the other, which the memory likes, and shuffled then.
    places = np.cumsum(random.standard_exponential(shots + 1))
    outcomes = np.searchsorted(below, places[:-1] * (below[-1] / places[-1]), side="right")
    last = np.searchsorted(below, below[-1])  # rounding must not reach beyond what is possible
    return random.permutation(np.minimum(outcomes, last, out=outcomes))


def pack_outcomes(
    outcomes: NDArray[np.int64], clbits: Sequence[int], words: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Write the numbers of outcomes, shape (shots,), into classical bits, one for each measured qubit; returns the words.

    These have the shape (shots, ceil(clbits / 8)), packed big-endian and right-aligned, and are changed in place.
    """
    # Bits that move equally far move together, into one number for every 64 classical bits.
    for block in range(0, 8 * words.shape[1], 64):
        moves: dict[int, int] = {}
        for place, clbit in enumerate(clbits):
            if 0 <= clbit - block < 64:
                moves[clbit - block - place] = moves.get(clbit - block - place, 0) | 1 << place
        if moves:
            numbers = sum((_moved(outcomes & mask, by) for by, mask in moves.items()), np.uint64(0))
            octets = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
            end = words.shape[1] - block // 8
            words[:, max(0, end - 8) : end] |= octets[:, max(0, 8 - end) :]
    return words


def _moved(bits: NDArray[np.int64], by: int) -> NDArray[np.uint64]:
    """Move bits up, or down by a negative number."""
    numbers = bits.astype(np.uint64)
    return numbers << np.uint64(by) if by >= 0 else numbers >> np.uint64(-by)


def save(circuit: QuantumCircuit, qubits: Sequence[int], label: str) -> None:
    """Append the saving of the outcome probabilities of some qubits."""
    circuit.append(SaveProbabilities(len(qubits), label=label), list(qubits))


def saving_outcomes(
    circuit: QuantumCircuit, *, state: bool = False
) -> tuple[QuantumCircuit, list[tuple[int, int]]]:
    """Replace the final measurements of a circuit by the saving of their probabilities.

    Args:
        circuit: The circuit.
        state: The whole state vector may be saved instead, where all qubits are measured: Aer copies a state in a tenth
            of the time in which it makes probabilities of it.

    Returns:
        The new circuit, and (qubit, classical bit) of each measurement in the order of the outcome's bits.
    """
    saving = circuit.copy_empty_like()
    measured = []
    for step in circuit.data:
        if isinstance(step.operation, Measure):
            places = circuit.find_bit(step.qubits[0]).index, circuit.find_bit(step.clbits[0]).index
            measured.append(places)
        else:
            saving.append(step, copy=False)
    measured.sort()
    qubits = [qubit for qubit, _ in measured]
    if state and qubits == list(range(circuit.num_qubits)):
        saving.append(SaveStatevector(len(qubits), label=OUTCOMES), qubits)
    elif measured:
        save(saving, qubits, OUTCOMES)
    return saving, measured


def saved(found: Any) -> NDArray[np.float64]:
    """Return the probabilities that Aer saved, or those of the outcomes of the state vector that it saved."""
    values = np.asarray(found)
    return values.real**2 + values.imag**2 if np.iscomplexobj(values) else values


def rotate(circuit: QuantumCircuit, basis: Sequence[tuple[int, str]]) -> None:
    """Append the rotations after which a Z measurement measures the given letters."""
    for qubit, letter in basis:
        if letter == "Y":
            circuit.append(SdgGate(label=QUIET), [qubit])
        if letter != "Z":
            circuit.append(HGate(label=QUIET), [qubit])


def rotate_back(circuit: QuantumCircuit, basis: Sequence[tuple[int, str]]) -> None:
    """Append the inverse of ``rotate``."""
    for qubit, letter in basis:
        if letter != "Z":
            circuit.append(HGate(label=QUIET), [qubit])
        if letter == "Y":
            circuit.append(SGate(label=QUIET), [qubit])


class Readout:
    """What reading a qubit does to an outcome.

    Args:
        noise: Where the readout errors come from; None reads perfectly.
        symmetric: Measurement twirling is on: a random bit flip before and after each reading makes both
            errors of a qubit equal to their average.
        mitigated: Divide each expectation value by the factor that symmetric readout errors leave of it, as
            TREX does with a learned factor. Here the factor is known, so learning adds no error of its own.
    """

    def __init__(self, noise: NoiseSource | None, *, symmetric: bool, mitigated: bool = False) -> None:
        self.noise = noise
        self.symmetric = symmetric
        self.mitigated = mitigated

    def flips(self, qubit: int) -> Flips:
        """Return (probability of reading 1 in state 0, of reading 0 in state 1) as measured in this job."""
        if self.noise is None:
            return 0.0, 0.0
        false_one, missed_one = self.noise.flips(qubit)
        if self.symmetric:
            return ((false_one + missed_one) / 2,) * 2
        return false_one, missed_one

    def apply_assignment(self, table: NDArray[np.float64], qubits: Sequence[int]) -> NDArray[np.float64]:
        """Multiply outcome probabilities by the assignment matrices of the qubits.

        They have the shape (sets, 2**qubits), the first qubit least significant.
        """
        if self.noise is None:
            return table
        shape = table.shape
        for index, qubit in enumerate(qubits):
            false_one, missed_one = self.flips(qubit)
            if false_one or missed_one:
                split = table.reshape(shape[0], -1, 2, 2**index)
                zero, one = split[:, :, 0], split[:, :, 1]
                table = np.stack(
                    [(1 - false_one) * zero + missed_one * one, false_one * zero + (1 - missed_one) * one],
                    axis=2,
                )
        return table.reshape(shape)

    def misread(
        self, outcomes: NDArray[np.int64], qubits: Sequence[int], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return outcomes of shots, first qubit least significant, as they are read; those that are given stay what they are."""
        for place, qubit in enumerate(qubits):
            false_one, missed_one = self.flips(qubit)
            if false_one or missed_one:
                rates = np.where(outcomes >> place & 1, missed_one, false_one)
                outcomes = outcomes ^ ((random.random(len(outcomes)) < rates).astype(np.int64) << place)
        return outcomes

    def factors(self, masks: NDArray[np.uint8], qubits: Sequence[int]) -> NDArray[np.float64]:
        """Return what each term of a group is multiplied with, shape (terms,); ones without mitigation."""
        if self.noise is None or not self.mitigated:
            return np.ones(len(masks))
        contrasts = np.array([1.0 - sum(self.flips(qubit)) for qubit in qubits])
        contrasts[np.abs(contrasts) < LEAST_CONTRAST] = 1.0
        return 1.0 / np.prod(np.where(masks == 1, contrasts, 1.0), axis=1)
