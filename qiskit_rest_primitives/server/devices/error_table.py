"""The quantum errors of one circuit's noise model, looked up as Aer looks them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import Operator

from ...wire.noise_errors import as_matrix, operation_of

Error = Mapping[str, Any]
"""A ``qerror`` of the serializable dictionary of a noise model."""


@dataclass(frozen=True)
class PauliError:
    """A mixture of Pauli operators.

    Attributes:
        rate: Probability that it is none of the identity.
        below: Cumulated probabilities of the others, given that it is one of them; shape (operators,).
        x: Whether each flips a qubit's bit, uint8, shape (operators, qubits).
        z: Whether each flips a qubit's phase, like ``x``.
    """

    rate: float
    below: NDArray[np.float64]
    x: NDArray[np.uint8]
    z: NDArray[np.uint8]


class ErrorTable:
    """What errors an operation has: those bound to its qubits in their order, or else those bound to no qubits.

    Args:
        document: ``NoiseModel.to_dict(serializable=True)``.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._errors: dict[str, dict[tuple[int, ...] | None, list[Error]]] = {}
        for error in document["errors"]:
            if error["type"] == "qerror":
                for name in error["operations"]:
                    places = self._errors.setdefault(name, {})
                    for where in error.get("gate_qubits") or (None,):
                        places.setdefault(None if where is None else tuple(where), []).append(error)

    def errors(self, key: str, qubits: Sequence[int]) -> Sequence[Error]:
        """Return the errors of an operation, by its label, or its name if it has none; they act one after the other."""
        places = self._errors.get(key, {})
        return places.get(tuple(qubits), places.get(None, ()))


def pauli_error(error: Error, num_qubits: int) -> PauliError | None:
    """Return an error of an operation as a mixture of Pauli operators; None if it is not written as one."""
    rates: dict[bytes, float] = {}
    for probability, steps in zip(error["probabilities"], error["instructions"], strict=True):
        operator = np.zeros((2, num_qubits), dtype=np.uint8)
        for step in steps:
            letters = step["params"][0][::-1] if step["name"] == "pauli" else step["name"].upper()
            letters = "I" * len(step["qubits"]) if letters == "ID" else letters
            if len(letters) != len(step["qubits"]) or not set(letters) <= set("IXYZ"):
                return None
            for qubit, letter in zip(step["qubits"], letters, strict=True):
                operator[:, qubit] ^= _BITS[letter]
        rates[operator.tobytes()] = rates.get(operator.tobytes(), 0.0) + probability
    rates.pop(bytes(2 * num_qubits), None)
    operators = np.frombuffer(b"".join(rates), dtype=np.uint8).reshape(-1, 2, num_qubits)
    total = sum(rates.values())
    below = np.cumsum(list(rates.values())) / (total or 1.0)
    return PauliError(min(1.0, total), below, operators[:, 0], operators[:, 1])


_BITS = {
    "I": np.array((0, 0), dtype=np.uint8),
    "X": np.array((1, 0), dtype=np.uint8),
    "Y": np.array((1, 1), dtype=np.uint8),
    "Z": np.array((0, 1), dtype=np.uint8),
}
"""Whether a Pauli operator flips the bit, and whether the phase."""


def transfer_of(error: Error) -> NDArray[np.float64] | None:
    """Return the Pauli transfer matrix of an error of one qubit, shape (4, 4); None if it has other qubits."""
    total = np.zeros((4, 4))
    for probability, steps in zip(error["probabilities"], error["instructions"], strict=True):
        matrix = np.eye(4)
        for step in steps:
            if list(step["qubits"]) != [0]:
                return None
            matrix = transfer(_kraus(step)) @ matrix
        total += probability * matrix
    return total


def transfer(kraus: Sequence[NDArray[np.complex128]]) -> NDArray[np.float64]:
    """Return the Pauli transfer matrix of Kraus operators of one qubit, shape (4, 4), the identity first."""
    operators = np.stack(kraus)
    found = np.einsum("iab,kbc,jcd,kad->ij", _PAULIS, operators, _PAULIS, operators.conj())
    matrix: NDArray[np.float64] = found.real / 2
    return matrix


def _kraus(step: Mapping[str, Any]) -> list[NDArray[np.complex128]]:
    name, params = step["name"], step.get("params") or ()
    if name == "reset":
        return [np.diag([1.0 + 0j, 0]), np.array([[0, 1.0 + 0j], [0, 0]])]
    if name in ("kraus", "unitary"):
        return [as_matrix(matrix) for matrix in params]
    operation = operation_of({"name": name, "qubits": [0], "params": params})
    return [np.asarray(Operator(operation).data, dtype=np.complex128)]


_PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
