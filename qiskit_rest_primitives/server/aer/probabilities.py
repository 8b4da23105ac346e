"""Exact outcome probabilities: which circuits save them, and how outcomes are numbered.

An outcome's number has the first measured qubit as its least significant bit, as Aer saves probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Measure, QuantumCircuit
from qiskit.circuit.library import HGate, SdgGate, SGate
from qiskit_aer.library import SaveProbabilities

from ..devices.noise import QUIET
from ..job_errors import BAD_CIRCUIT, TaskFailed

OUTCOMES = "outcomes"
DUST = 1e-25
"""Smaller probabilities are rounding errors of outcomes that cannot be; draws must not depend on them."""


def all_bits(count: int) -> NDArray[np.uint8]:
    """Return every outcome of ``count`` qubits, first qubit least significant, shape (2**count, count)."""
    return ((np.arange(2**count)[:, np.newaxis] >> np.arange(count)) & 1).astype(np.uint8)


def cleaned(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities without what rounding did to them, shape (sets, outcomes).

    Raises:
        TaskFailed: They are none.
    """
    rows = np.where(rows < DUST, 0.0, rows)
    total = rows.sum(axis=1, keepdims=True)
    if not (np.isfinite(total) & (total > 0)).all():  # QPY carries any numbers as a unitary gate's
        raise TaskFailed("The circuit has an instruction that is no physical operation.", BAD_CIRCUIT)
    return rows / total


def draw_outcomes(
    probabilities: NDArray[np.float64], shots: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return the outcome of every shot, shape (shots,).

    Args:
        probabilities: Of every outcome, shape (outcomes,).
        shots: How many.
        random: Source of the outcomes and of their order.
    """
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
    """Write outcomes into classical bits.

    Args:
        outcomes: Numbers of outcomes, shape (shots,).
        clbits: The classical bit of each measured qubit.
        words: Shape (shots, ceil(clbits / 8)), packed big-endian and right-aligned; changed in place.

    Returns:
        The words.
    """
    for place, clbit in enumerate(clbits):
        words[:, words.shape[1] - 1 - clbit // 8] |= (outcomes >> place & 1).astype(np.uint8) << (clbit % 8)
    return words


def save(circuit: QuantumCircuit, qubits: Sequence[int], label: str) -> None:
    """Append the saving of the outcome probabilities of some qubits."""
    circuit.append(SaveProbabilities(len(qubits), label=label), list(qubits))


def saving_outcomes(circuit: QuantumCircuit) -> tuple[QuantumCircuit, list[tuple[int, int]]]:
    """Replace the final measurements of a circuit by the saving of their probabilities.

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
    if measured:
        save(saving, [qubit for qubit, _ in measured], OUTCOMES)
    return saving, measured


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
