"""Noise models that came with a backend or a job: checked, and cut down to one circuit.

Aer reads the dictionary of a noise model unchecked, and by it alone; so dictionaries are what is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit_aer.noise import NoiseModel

from ...wire import typed
from ...wire.noise_model import distinguished
from ..failures import INVALID, TaskFailed
from .noise import Flips, FrozenNoise, NoiseSource, Operation, Qargs, add_readout

__all__ = ["GivenNoise", "noise_of_job"]


class GivenNoise(NoiseSource):
    """An Aer noise model that came with a backend or with a job's options.

    Args:
        document: Its dictionary, ``NoiseModel.to_dict()``, serializable or not: arrays and complex numbers of the
            errors that a circuit needs are written out when they are needed.

    Raises:
        ValueError: The document is no such dictionary.
    """

    _remembered = 64

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__()
        self._errors: list[Mapping[str, Any]] = []
        self._flips: dict[int | None, Flips] = {}
        errors = document.get("errors", [])
        if not isinstance(errors, list):
            raise ValueError("the errors of a noise model must be a list")
        for error in errors:
            _check_error(error)
            if error["type"] == "qerror":
                self._errors.append(error)
                continue
            matrix = error["probabilities"]
            for where in error.get("gate_qubits") or [(None,)]:
                if len(where) != 1 or len(matrix) != 2:
                    raise ValueError("readout errors of several qubits together are not supported")
                self._flips[where[0]] = (float(matrix[0][1]), float(matrix[1][0]))
        self.distinguished = distinguished(document)
        self.disturbs_measurement = self.distinguished.meets("measure")

    @property
    def ideal(self) -> bool:
        """Whether there is no error at all."""
        return not self._errors and not self._flips

    def flips(self, qubit: int) -> Flips:
        """Return the readout error of a qubit, from the model's local or default readout errors."""
        return self._flips.get(qubit, self._flips.get(None, (0.0, 0.0)))

    def fits_stabilizer(self, qubits: Sequence[int]) -> bool:
        """Tell whether every error on these qubits consists of Clifford gates and resets."""
        del qubits
        allowed = {"id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cz", "swap", "pauli", "reset"}
        return all(
            step["name"] in allowed
            for error in self._errors
            for circuit in error["instructions"]
            for step in circuit
        )

    @staticmethod
    def _relevant(operations: frozenset[Operation]) -> frozenset[Operation]:
        return frozenset((name, ()) for name, _ in operations)

    def _build(
        self,
        qubits: Qargs,
        operations: frozenset[Operation],
        mixture: bool,  # noqa: ARG002 - a given model has one form
        symmetric_readout: bool,
    ) -> NoiseModel:
        gates = {name for name, _ in operations}
        place = {qubit: index for index, qubit in enumerate(qubits)}
        readout = FrozenNoise()
        for index, qubit in enumerate(qubits):
            add_readout(readout, index, self.flips(qubit), symmetric_readout)
        errors = readout.to_dict(serializable=True)["errors"]
        for error in self._errors:
            if gates.isdisjoint(error["operations"]):
                continue
            where = error.get("gate_qubits")
            if where is None:
                errors.append(_plain_numbers(error))
                continue
            inside = [[place[qubit] for qubit in group] for group in where if set(group) <= place.keys()]
            if inside:
                errors.append({**_plain_numbers({**error, "gate_qubits": None}), "gate_qubits": inside})
        return FrozenNoise(document={"errors": errors})


def noise_of_job(given: Any, own: NoiseSource | None) -> NoiseSource | None:
    """Return the noise of a job: the model it brings in ``options.simulator.noise_model``, else the device's.

    Args:
        given: The model in any form it was decoded to, tagged or not; None without.
        own: The noise of the device.

    Raises:
        TaskFailed: The model cannot be read.
    """
    if given is None:
        return own
    # The tagged form is Aer's dictionary with a label.
    document = given.get("__value__", given) if isinstance(given, Mapping) else given
    try:
        source = GivenNoise(typed.load(document))
    except (ValueError, TypeError, KeyError, AttributeError) as cause:
        raise TaskFailed(
            f"options.simulator.noise_model cannot be read as an Aer noise model: {cause}", INVALID
        ) from cause
    return None if source.ideal else source


def _plain_numbers(value: Any) -> Any:
    """Write complex numbers as pairs and arrays as lists, which is how Aer reads them."""
    if isinstance(value, Mapping):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain_numbers(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, np.generic):
        return _plain_numbers(value.item())
    return [value.real, value.imag] if isinstance(value, complex) else value


_ERROR_STEPS = frozenset({
    "id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "t", "tdg", "rx", "ry", "rz", "p", "u", "u1", "u2",
    "u3", "cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz", "rzx", "pauli", "unitary", "reset",
    "kraus", "superop",
})  # fmt: skip
"""Operations of a quantum error that are handed to Aer; names it does not know can crash it."""


def _check_error(error: Any) -> None:
    """Check the shape of one error of a noise document, because Aer reads it unchecked."""
    if not isinstance(error, Mapping) or error.get("type") not in ("qerror", "roerror"):
        raise ValueError("an error of the noise model is neither a qerror nor a roerror")
    probabilities, where = error.get("probabilities"), error.get("gate_qubits")
    if not isinstance(probabilities, (list, np.ndarray)) or not isinstance(error.get("operations"), list):
        raise ValueError("an error of the noise model lacks probabilities or operations")
    if where is not None and not all(isinstance(qubit, int) for group in where for qubit in group):
        raise ValueError("the gate_qubits of an error must be lists of qubit numbers")
    if error["type"] == "roerror":
        if np.asarray(probabilities, dtype=float).shape != (len(probabilities),) * 2:
            raise ValueError("the probabilities of a readout error must be a square matrix")
        return
    instructions = error.get("instructions")
    if not isinstance(instructions, list) or len(instructions) != len(probabilities):
        raise ValueError("a quantum error needs one probability per list of instructions")
    for step in (step for circuit in instructions for step in circuit):
        if step["name"] not in _ERROR_STEPS or not all(isinstance(qubit, int) for qubit in step["qubits"]):
            raise ValueError(
                f"the noise model has an operation {str(step['name'])[:40]!r} that is not supported"
            )
