"""Noise that is given for boxes, in the form that records of noise learners have: one ``LayerError`` for each box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliLindbladMap

from ..results.noise_learner import LayerError, PauliLindbladError
from .boxes import NotLearnable, places_of, undressed

__all__ = ["layer_errors"]


def layer_errors(
    pairs: Iterable[tuple[Any, PauliLindbladMap]], num_qubits: int, circuits: Sequence[QuantumCircuit] = ()
) -> list[LayerError]:
    """Return the records of pairs of a box and its noise.

    Args:
        pairs: Instructions of transpiled circuits, each with a channel whose qubit k is the box's k-th one in the order
            of the device.
        num_qubits: Of the device.
        circuits: Those of the job, in which the boxes were found if they have no layout.

    Raises:
        NotLearnable: A box does not stand on the qubits of the device.
    """
    return [
        _layer_error(instruction, noise, places_of(instruction, num_qubits, circuits))
        for instruction, noise in pairs
    ]


def _layer_error(instruction: Any, noise: PauliLindbladMap, where: Sequence[int]) -> LayerError:
    try:
        bare = undressed(instruction)
    except NotLearnable:  # without a twirl there is nothing that it absorbs
        bare = instruction.operation.body
    qubits = sorted(where)
    order = {qubit: index for index, qubit in enumerate(qubits)}
    place = {qubit: order[number] for qubit, number in zip(bare.qubits, where, strict=True)}
    layer = QuantumCircuit(len(qubits), bare.num_clbits)
    clbits = {bit: index for index, bit in enumerate(bare.clbits)}
    for step in bare.data:
        layer.append(
            step.operation, [place[bit] for bit in step.qubits], [clbits[bit] for bit in step.clbits]
        )
    if not len(noise):
        return LayerError(layer, qubits)
    generators = noise.get_qubit_sparse_pauli_list_copy().to_pauli_list()
    return LayerError(layer, qubits, PauliLindbladError(generators, noise.rates))
