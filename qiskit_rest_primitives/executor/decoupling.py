"""Dynamical decoupling by Qiskit's passes: pulses on idle qubits, put into circuits before they are sent."""

from __future__ import annotations

import math
import warnings

from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.library import RZGate, XGate
from qiskit.exceptions import QiskitError
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import (
    ALAPScheduleAnalysis,
    ASAPScheduleAnalysis,
    PadDelay,
    PadDynamicalDecoupling,
    TimeUnitConversion,
)

from .._calls import frames_of_ours
from ..exceptions import IBMInputValueError
from ..models.backend import IBMBackend
from ..options.groups import DynamicalDecouplingOptions

__all__ = ["Decoupling", "decoupling_of"]

_PHASES = {"XX": (0.0, 0.0), "XpXm": (0.0, math.pi), "XY4": (0.0, math.pi / 2, math.pi, -math.pi / 2)}
"""Sequence -> the axes of its pulses: so far from x around z, in rad."""


def decoupling_of(options: DynamicalDecouplingOptions, backend: IBMBackend) -> Decoupling | None:
    """Return what puts pulses into the circuits of a job; None where it asks for none, or they could not do anything.

    Warns:
        UserWarning: Pulses are asked for on a simulator whose instructions take no time.

    Raises:
        IBMInputValueError: The target of the backend does not say what this needs.
    """
    if not options.enable:
        return None
    if backend.configuration().simulator and not _takes_time(backend):
        warnings.warn(
            f"dynamical_decoupling has no effect on {backend.name!r}, whose instructions take no time.",
            UserWarning,
            stacklevel=frames_of_ours() + 1,
        )
        return None
    return Decoupling(options, backend)


def _takes_time(backend: IBMBackend) -> bool:
    target = backend.target
    return any(
        getattr(properties, "duration", None)
        for name in target.operation_names
        for properties in (target[name] or {}).values()
    )


class Decoupling:
    """Schedules circuits and puts pulses where qubits idle; qubits that a circuit does not use are left alone.

    Args:
        options: Which pulses, and how circuits are scheduled.
        backend: Its target says how long instructions last.

    Raises:
        IBMInputValueError: The target does not say what this needs.
    """

    def __init__(self, options: DynamicalDecouplingOptions, backend: IBMBackend) -> None:
        target = backend.target
        analysis = ASAPScheduleAnalysis if options.scheduling_method == "asap" else ALAPScheduleAnalysis
        gates, spacing = _sequence(_PHASES[str(options.sequence_type or "XX")])
        self._name = backend.name
        try:
            passes = [
                *([TimeUnitConversion(target=target)] if target.dt is not None else []),
                analysis(target=target),
                PadDynamicalDecoupling(
                    dd_sequence=gates,
                    spacing=spacing,
                    skip_reset_qubits=bool(options.skip_reset_qubits),
                    extra_slack_distribution=options.extra_slack_distribution or "middle",
                    target=target,
                ),
                PadDelay(target=target),
            ]
        except QiskitError as cause:
            raise IBMInputValueError(self._why(cause)) from cause
        self._passes = PassManager(passes)

    def run(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit with pulses.

        Raises:
            ValueError: It cannot be scheduled.
        """
        used = {bit for step in circuit.data if step.operation.name != "barrier" for bit in step.qubits}
        try:
            scheduled = self._passes.run(circuit)
        except QiskitError as cause:
            raise ValueError(self._why(cause)) from cause
        alone = {bit for bit, was in zip(scheduled.qubits, circuit.qubits, strict=True) if was not in used}
        made = scheduled.copy_empty_like()
        for step in scheduled.data:
            if step.operation.name == "barrier" or step.qubits[0] not in alone:
                made.append(step)
        return made

    def _why(self, cause: QiskitError) -> str:
        return (
            f"dynamical_decoupling cannot be had on {self._name!r} where jobs run as quantum programs (the option "
            f"program), since circuits are scheduled before they are sent: {cause.message}"
        )


def _sequence(phases: tuple[float, ...]) -> tuple[list[Gate], list[float]]:
    """Return the gates of pulses, and the parts of the idle time before, between and behind them."""
    gates: list[Gate] = []
    spacing: list[float] = []
    for index, phase in enumerate(phases):
        pulse = [XGate()] if phase == 0 else [RZGate(phase), XGate(), RZGate(-phase)]
        gates += pulse
        spacing += [(0.5 if index == 0 else 1.0) / len(phases)] + [0.0] * (len(pulse) - 1)
    return gates, [*spacing, 0.5 / len(phases)]
