"""What mitigation makes of circuits, here and on the server: pulses where qubits idle, and gates that are folded.

Dynamical decoupling is done by Qiskit's passes: circuits are scheduled, and pulses put where qubits idle. A folded gate on
two qubits is followed by its inverse and itself, which means the same and makes more mistakes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.circuit import CircuitInstruction, Gate, Operation, QuantumCircuit
from qiskit.circuit.library import RZGate, XGate
from qiskit.transpiler import PassManager, Target
from qiskit.transpiler.passes import (
    ALAPScheduleAnalysis,
    ASAPScheduleAnalysis,
    PadDelay,
    PadDynamicalDecoupling,
    TimeUnitConversion,
)

_PHASES = {"XX": (0.0, 0.0), "XpXm": (0.0, math.pi), "XY4": (0.0, math.pi / 2, math.pi, -math.pi / 2)}
"""Sequence -> the axes of its pulses: so far from x around z, in rad."""


@dataclass(frozen=True)
class Pulses:
    """Which pulses, and how circuits are scheduled; names and defaults are those of the options."""

    sequence_type: str = "XX"
    extra_slack_distribution: str = "middle"
    scheduling_method: str = "alap"
    skip_reset_qubits: bool = False

    @classmethod
    def load(cls, options: Mapping[str, Any]) -> Pulses | None:
        """Read the group ``dynamical_decoupling``, whatever else it holds; None where it asks for no pulses."""
        if not options.get("enable"):
            return None
        chosen = {name: options[name] for name in cls.__dataclass_fields__ if options.get(name) is not None}
        return cls(**chosen)

    def passes(self, target: Target, qubits: Sequence[int] | None = None) -> PassManager:
        """Return what puts them into circuits for a device where these qubits idle, or any if None.

        Raises:
            QiskitError: The target does not say what this needs.
        """
        analysis = ASAPScheduleAnalysis if self.scheduling_method == "asap" else ALAPScheduleAnalysis
        gates, spacing = _sequence(_PHASES[self.sequence_type])
        return PassManager(
            [
                *([TimeUnitConversion(target=target)] if target.dt is not None else []),
                analysis(target=target),
                PadDynamicalDecoupling(
                    dd_sequence=gates,
                    spacing=spacing,
                    skip_reset_qubits=self.skip_reset_qubits,
                    qubits=qubits,
                    extra_slack_distribution=self.extra_slack_distribution,
                    target=target,
                ),
                PadDelay(target=target),
            ]
        )


def put_pulses(circuit: QuantumCircuit, passes: PassManager) -> QuantumCircuit:
    """Return a circuit with pulses; qubits that it does not use are left alone.

    Raises:
        QiskitError: It cannot be scheduled.
    """
    used = used_qubits(circuit)
    scheduled = passes.run(circuit)
    alone = {bit for index, bit in enumerate(scheduled.qubits) if index not in used}
    made: QuantumCircuit = scheduled.copy_empty_like()
    for step in scheduled.data:
        if step.operation.name == "barrier" or step.qubits[0] not in alone:
            made.append(step)
    return made


def used_qubits(circuit: QuantumCircuit) -> set[int]:
    """Return the places of the qubits that something other than barriers is done to."""
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    return {place[bit] for step in circuit.data if step.name != "barrier" for bit in step.qubits}


def _sequence(phases: tuple[float, ...]) -> tuple[list[Gate], list[float]]:
    """Return the gates of pulses, and the parts of the idle time before, between and behind them."""
    gates: list[Gate] = []
    spacing: list[float] = []
    for index, phase in enumerate(phases):
        pulse = [XGate()] if phase == 0 else [RZGate(phase), XGate(), RZGate(-phase)]
        gates += pulse
        spacing += [(0.5 if index == 0 else 1.0) / len(phases)] + [0.0] * (len(pulse) - 1)
    return gates, [*spacing, 0.5 / len(phases)]


def inverse_of_pair(step: CircuitInstruction) -> Operation | None:
    """Return the inverse of a gate on two qubits; None of anything else."""
    operation = step.operation
    return operation.inverse() if isinstance(operation, Gate) and len(step.qubits) == 2 else None


def folded(
    circuit: QuantumCircuit,
    factor: float,
    amplifier: str,
    inverse: Callable[[CircuitInstruction], Operation | None] = inverse_of_pair,
    random: np.random.Generator | None = None,
) -> QuantumCircuit:
    """Return a circuit whose two-qubit gates come ``factor`` times as often and mean the same; the same one if none does.

    A factor, at least 1, that is no odd number folds some gates once more than others: the first or last ones
    ("gate_folding_front", "gate_folding_back"), or for other words of ``amplifier`` ones all over the circuit, which ``random``
    chooses and which are spread evenly without. ``inverse`` returns the inverse of what is folded, None for what is not.
    """
    inverses = [inverse(step) for step in circuit.data]
    places = [index for index, found in enumerate(inverses) if found is not None]
    pairs = round(len(places) * (factor - 1) / 2)
    if not pairs:
        return circuit
    each, more = divmod(pairs, len(places))
    if amplifier == "gate_folding_front":
        extra = set(places[:more])
    elif amplifier == "gate_folding_back":
        extra = set(places[len(places) - more :])
    elif random is not None:
        extra = set(random.choice(places, more, replace=False).tolist())
    else:
        extra = {places[index * len(places) // more] for index in range(more)} if more else set()
    made: QuantumCircuit = circuit.copy_empty_like()
    for index, (step, found) in enumerate(zip(circuit.data, inverses, strict=True)):
        made.append(step, copy=False)
        for _ in range(0 if found is None else each + (index in extra)):
            made.append(step.replace(operation=found), copy=False)
            made.append(step, copy=False)
    return made
