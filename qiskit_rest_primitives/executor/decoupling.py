"""Dynamical decoupling of quantum programs: circuits get their pulses before they are sent."""

from __future__ import annotations

import warnings

from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError

from .._calls import frames_of_ours
from ..exceptions import IBMInputValueError
from ..models.backend import IBMBackend
from ..options.groups import DynamicalDecouplingOptions
from ..qasm.mitigation import Pulses, put_pulses, used_qubits


def decoupling_of(options: DynamicalDecouplingOptions, backend: IBMBackend) -> Decoupling | None:
    """Return what puts pulses into the circuits of a job; None where it asks for none, or they could not do anything.

    Warns:
        UserWarning: Pulses are asked for on a simulator whose instructions take no time.
    """
    pulses = Pulses.load(options.model_dump())
    if pulses is None:
        return None
    if backend.configuration().simulator and not _takes_time(backend):
        warnings.warn(
            f"dynamical_decoupling has no effect on {backend.name!r}, whose instructions take no time.",
            UserWarning,
            stacklevel=frames_of_ours() + 1,
        )
        return None
    return Decoupling(pulses, backend)


def _takes_time(backend: IBMBackend) -> bool:
    target = backend.target
    return any(
        getattr(properties, "duration", None)
        for name in target.operation_names
        for properties in (target[name] or {}).values()
    )


class Decoupling:
    """Schedules circuits and puts pulses where qubits idle; qubits that a circuit does not use are left alone.

    Raises:
        IBMInputValueError: The target does not say how long instructions last.
    """

    def __init__(self, pulses: Pulses, backend: IBMBackend) -> None:
        self._name, self._target, self._pulses = backend.name, backend.target, pulses
        try:
            self._passes = pulses.passes(backend.target)
        except QiskitError as cause:
            raise IBMInputValueError(self._why(cause)) from cause

    def run(self, circuit: QuantumCircuit, original: QuantumCircuit | None = None) -> QuantumCircuit:
        """Return a circuit with pulses.

        Args:
            circuit: What is to get them.
            original: What it was made of, if that may use fewer qubits: others are measured only, and get none.
        """
        try:
            passes = self._passes
            if original is not None:
                passes = self._pulses.passes(self._target, sorted(used_qubits(original)))
            return put_pulses(circuit, passes)
        except QiskitError as cause:
            raise ValueError(self._why(cause)) from cause

    def _why(self, cause: QiskitError) -> str:
        return (
            f"dynamical_decoupling cannot be had on {self._name!r} where jobs run as quantum programs (the option "
            f"program), since circuits are scheduled before they are sent: {cause.message}"
        )
