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

__all__ = ["OUTCOMES", "all_bits", "rotate", "rotate_back", "save", "saving_outcomes"]

OUTCOMES = "outcomes"


def all_bits(count: int) -> NDArray[np.uint8]:
    """Return every outcome of ``count`` qubits, first qubit least significant, shape (2**count, count)."""
    return ((np.arange(2**count)[:, np.newaxis] >> np.arange(count)) & 1).astype(np.uint8)


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
