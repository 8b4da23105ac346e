"""When the instructions of a circuit run: as late as they can, by the durations of the device's target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from qiskit.circuit import Barrier, CircuitInstruction, Delay, QuantumCircuit
from qiskit.transpiler import Target

from ..job_errors import BAD_CIRCUIT, TaskFailed
from .noise import stands_for_noise

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


class TimedStep(NamedTuple):
    """An instruction, when it begins and how long it lasts, in units of the schedule."""

    step: CircuitInstruction
    start: float
    duration: float

    @property
    def stop(self) -> float:
        """When it is over."""
        return self.start + self.duration


@dataclass(frozen=True)
class Schedule:
    """A circuit in time.

    Attributes:
        steps: Its instructions in the order of time, which is one that the circuit can be run in.
        duration: When the last one is over; the first one begins at 0.
        unit: ``dt``, in which times are whole numbers, or ``s`` on a device without a clock.
        dt: Seconds per unit.
    """

    steps: Sequence[TimedStep]
    duration: float
    unit: str
    dt: float


def schedule(circuit: QuantumCircuit, target: Target, why: str) -> Schedule:
    """Schedule a circuit as devices do: every instruction as late as possible, all qubits at the end together.

    Args:
        circuit: Its qubit k is qubit k of the device.
        target: Its durations are rounded to ``dt``, as Qiskit's passes do.
        why: What needs the schedule, for errors.

    Raises:
        TaskFailed: How long an instruction lasts is not known.
    """
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    left: defaultdict[object, float] = defaultdict(
        int
    )  # from the begin of what is next to the end of the circuit
    found: list[tuple[CircuitInstruction, float, float]] = []
    for step in reversed(circuit.data):
        duration = _duration(step, [place[qubit] for qubit in step.qubits], target, why)
        bits = [*step.qubits, *step.clbits]
        start = max((left[bit] for bit in bits), default=0) + duration
        left.update(dict.fromkeys(bits, start))
        found.append((step, start, duration))
    whole = max(left.values(), default=0)
    # Sorting keeps what begins at the same time in the order of the circuit.
    steps = sorted(
        (TimedStep(step, whole - start, duration) for step, start, duration in reversed(found)),
        key=lambda timed: timed.start,
    )
    return Schedule(steps, whole, "s" if target.dt is None else "dt", target.dt or 1.0)


def scheduler_timing(circuit: QuantumCircuit, target: Target) -> dict[str, Any] | None:
    """Return what the option ``scheduler_timing`` asks for, in dt; None of a circuit that cannot be scheduled, or without dt.

    Each line of the text says what one qubit does: branch, instruction with its qubits, channel, begin, duration and pulse
    (rest-api.md 4.7). Channels of the readout electronics are not emulated.
    """
    if target.dt is None:
        return None
    try:
        found = schedule(circuit, target, "The option scheduler_timing")
    except TaskFailed:
        return None
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    lines = []
    for timed in found.steps:
        if isinstance(timed.step.operation, Delay) or stands_for_noise(timed.step.operation):
            continue
        qubits = [place[qubit] for qubit in timed.step.qubits]
        if isinstance(timed.step.operation, Barrier):
            name = pulse = "barrier"
        else:
            name = "_".join([timed.step.name, *map(str, qubits)])
            pulse = "play" if timed.duration else "shift_phase"
        lines += [f"main,{name},Qubit {qubit},{timed.start},{timed.duration},{pulse}\n" for qubit in qubits]
    return {"timing": "".join(lines), "circuit_duration": int(found.duration)}


def _duration(step: CircuitInstruction, qubits: Sequence[int], target: Target, why: str) -> float:
    operation = step.operation
    if isinstance(operation, Barrier) or stands_for_noise(operation) or operation.name == "qerror_loc":
        return 0
    if isinstance(operation, Delay):
        return _waiting(operation, target, why)
    known = (target.get(operation.name) or {}).get(tuple(qubits))
    if known is None or known.duration is None:
        where = ", ".join(map(str, qubits))
        raise TaskFailed(
            f"{why} needs to know how long each instruction lasts, and the target has no duration of "
            f"{operation.name!r} on qubits {where}.",
            BAD_CIRCUIT,
        )
    return _rounded(known.duration, target)


def _waiting(delay: Delay, target: Target, why: str) -> float:
    if not isinstance(delay.duration, (int, float)):
        raise TaskFailed(f"{why} needs delays of a fixed duration.", BAD_CIRCUIT)
    if delay.unit != "dt":
        return _rounded(delay.duration * _SECONDS[delay.unit], target)
    if target.dt is None:
        raise TaskFailed(f"{why} cannot read a delay in dt on a device without dt.", BAD_CIRCUIT)
    return delay.duration


def _rounded(seconds: float, target: Target) -> float:
    return seconds if target.dt is None else round(seconds / target.dt)
