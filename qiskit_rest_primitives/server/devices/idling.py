"""Circuits in time, and coherent errors of idle qubits: each turns around z, and pairs turn together, for as long as they wait.

H = 1/2 sum_i detuning_i Z_i + 1/2 sum_ij zz_ij Z_i Z_j, on qubits while they wait. All its terms commute, so that waiting is
one ``rz`` and some ``rzz``, exactly. Who waits when is known of scheduled circuits only, so circuits are scheduled first: as
late as they can, by the durations of the device's target.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qiskit.circuit import Barrier, CircuitInstruction, Delay, Measure, QuantumCircuit, Qubit
from qiskit.circuit.library import RZGate, RZZGate
from qiskit.exceptions import QiskitError
from qiskit.transpiler import Target

from ...qasm.mitigation import Pulses, put_pulses
from ...qasm.noise_model import Distinguished
from ..job_errors import BAD_CIRCUIT, TaskFailed
from .noise import IDLING, AddedNoise, NoiseSource, stands_for_noise

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

    Durations are rounded to ``dt``, as Qiskit's passes do; ``why`` says in errors what needs the schedule.

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


IDLING_KEY = "coherent_idling"
"""Key of whether idle qubits of a served device turn, in its configuration; the service has no such key."""

_LEAST = 1e-13
"""What is shorter comes of rounding, on devices whose times are seconds and not whole numbers of dt."""

Event = tuple[float, int, CircuitInstruction]
"""When, whether it is an instruction (0) or what waiting does (1), and what."""

_WHY = "This device has coherent errors of idle qubits, for which a circuit is scheduled; that"


@dataclass(frozen=True)
class CoherentIdling:
    """How fast idle qubits turn, in rad/s.

    Attributes:
        detuning: Of all qubits, or of some by number: waiting for t seconds is ``rz(detuning * t)``.
        zz: Of all pairs of neighbours, or of some pairs: while both wait, t seconds are ``rzz(zz * t)``.

    Raises:
        ValueError: A rate is no finite number, or a pair is none or comes twice.
    """

    detuning: float | Mapping[int, float] = 0.0
    zz: float | Mapping[tuple[int, int], float] = field(default=0.0)

    def __post_init__(self) -> None:
        for name, given in (("detuning", self.detuning), ("zz", self.zz)):
            rates = given.values() if isinstance(given, Mapping) else [given]
            if not all(_is_finite(rate) for rate in rates):
                raise ValueError(f"{name} must be finite numbers, in rad/s")
        pairs = list(map(frozenset, self.zz)) if isinstance(self.zz, Mapping) else []
        if any(len(pair) != 2 for pair in pairs) or len(set(pairs)) < len(pairs):
            raise ValueError("zz must have pairs of different qubits, each once, whichever comes first")

    def detunings(self, target: Target) -> dict[int, float]:
        """Return the rate of each qubit."""
        if isinstance(self.detuning, Mapping):
            return dict(self.detuning)
        return dict.fromkeys(range(target.num_qubits), self.detuning)

    def pairs(self, target: Target) -> dict[tuple[int, int], float]:
        """Return the rate of each pair.

        Raises:
            ValueError: Pairs of neighbours are asked for on a device that says nothing of neighbours.
        """
        if isinstance(self.zz, Mapping):
            return dict(self.zz)
        if not self.zz:
            return {}
        coupling = target.build_coupling_map()
        if coupling is None:
            raise ValueError("zz needs a device with a coupling map, or pairs of qubits")
        return {(min(edge), max(edge)): self.zz for edge in coupling.get_edges()}


def _is_finite(rate: Any) -> bool:
    return isinstance(rate, (int, float)) and not isinstance(rate, bool) and math.isfinite(rate)


class IdlingNoise(AddedNoise):
    """The noise of a device whose idle qubits turn, and relax as they do in delays.

    Pulses are put where qubits wait. A ValueError tells of rates of a qubit that the device does not have, or of neighbours
    that it does not know.
    """

    schedules = True

    def __init__(
        self, rates: CoherentIdling, own: NoiseSource | None, target: Target, pulses: Pulses | None = None
    ) -> None:
        super().__init__(own)
        self._rates, self._target, self._pulses = rates, target, pulses
        self._decoupled: dict[Pulses, IdlingNoise] = {}
        self._detunings = rates.detunings(target)
        self._near: dict[int, dict[int, float]] = defaultdict(dict)
        for (first, second), rate in rates.pairs(target).items():
            self._near[first][second] = rate
        known = {*self._detunings, *self._near, *(second for near in self._near.values() for second in near)}
        if strange := known - set(range(target.num_qubits)):
            raise ValueError(f"the device has no qubit {min(strange)}")
        if own is None:
            self.distinguished = Distinguished(time=True, labels=False)

    def decoupled(self, pulses: Pulses) -> IdlingNoise:
        """Return the same noise in circuits that are given pulses first; always the same object for the same pulses."""
        if pulses not in self._decoupled:
            self._decoupled[pulses] = IdlingNoise(self._rates, self._own, self._target, pulses)
        return self._decoupled[pulses]

    def seconds_per_dt(self, dt: float | None) -> float | None:
        """Return the unit of delays of the device's other noise; the device's own where none is given."""
        return super().seconds_per_dt(self._target.dt if dt is None else dt)

    def fits_stabilizer(self, qubits: Sequence[int]) -> bool:
        """Tell that it never does: qubits turn by any angle."""
        del qubits
        return False

    def inserted(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit in the order of time, whose qubits wait in delays and turn meanwhile.

        Qubits have a part in it from their first gate on: what they do to their neighbours before, always the same, counts
        as these neighbours' detuning.
        """
        if self._pulses is not None:
            circuit = _with_pulses(circuit, self._pulses, self._target)
        padded = super().inserted(_padded(circuit, schedule(circuit, self._target, _WHY)))
        return self._turning(padded, schedule(padded, self._target, _WHY))

    def _turning(self, circuit: QuantumCircuit, times: Schedule) -> QuantumCircuit:
        """Return a circuit without gaps, with what waiting does to its qubits."""
        done = _Parts(times)
        events: list[Event] = [
            (timed.start, 0, timed.step) for timed in times.steps if not done.comes_last(timed)
        ]
        delays: dict[int, list[TimedStep]] = defaultdict(list)
        place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
        for timed in times.steps:
            if isinstance(timed.step.operation, Delay) and timed.duration and done.has_begun(timed):
                delays[place[timed.step.qubits[0]]].append(timed)
        for qubit, waits in delays.items():
            for wait in waits:
                angle = self._detunings.get(qubit, 0.0) * wait.duration * times.dt
                if angle and not done.is_over(wait):
                    events.append((wait.start, 1, _turn(RZGate(angle, label=IDLING), wait.step.qubits)))
            for other, rate in self._near.get(qubit, {}).items():
                for first, second, together in _overlaps(waits, delays.get(other, [])):
                    if rate and not (done.is_over(first) and done.is_over(second)):
                        gate = RZZGate(rate * together * times.dt, label=IDLING)
                        at = max(first.start, second.start)
                        events.append((at, 1, _turn(gate, [*first.step.qubits, *second.step.qubits])))
        made = circuit.copy_empty_like()
        # What waiting does comes after all that begins when the waiting begins, and before all that begins later.
        for _, _, step in sorted(events, key=lambda event: event[:2]):
            made.append(step, copy=False)
        for timed in done.last:
            made.append(timed.step, copy=False)
        return made


def _with_pulses(circuit: QuantumCircuit, pulses: Pulses, target: Target) -> QuantumCircuit:
    try:
        return put_pulses(circuit, pulses.passes(target))
    except QiskitError as cause:
        raise TaskFailed(
            f"Dynamical decoupling cannot schedule the circuit: {cause.message}", BAD_CIRCUIT
        ) from cause


def _turn(gate: RZGate | RZZGate, qubits: Sequence[Qubit]) -> CircuitInstruction:
    return CircuitInstruction(gate, qubits)


def _padded(circuit: QuantumCircuit, times: Schedule) -> QuantumCircuit:
    """Return a circuit in the order of time, with delays wherever a qubit that it uses waits."""
    used = {bit for timed in times.steps for bit in timed.step.qubits if timed.step.name != "barrier"}
    free: dict[Qubit, float] = dict.fromkeys((qubit for qubit in circuit.qubits if qubit in used), 0)
    made = circuit.copy_empty_like()
    for timed in times.steps:
        for qubit in timed.step.qubits:
            if qubit in used:
                _wait(made, qubit, timed.start - free[qubit], times.unit)
                free[qubit] = timed.stop
        made.append(timed.step, copy=False)
    for qubit, since in free.items():
        _wait(made, qubit, times.duration - since, times.unit)
    return made


def _wait(circuit: QuantumCircuit, qubit: Qubit, duration: float, unit: str) -> None:
    if duration > _LEAST:
        circuit.append(Delay(duration, unit), [qubit], copy=False)


class _Parts:
    """From when to when qubits are of interest: from their first gate to their last measurement.

    The last measurements commute with waiting, so they can be made at the end: such a circuit is simulated once for all shots.

    Attributes:
        last: Those that can be moved to the end: nothing else has to do with their bit.
    """

    def __init__(self, times: Schedule) -> None:
        acting = [timed for timed in times.steps if not isinstance(timed.step.operation, (Delay, Barrier))]
        ends = {qubit: timed for timed in acting for qubit in timed.step.qubits}
        final = {qubit: timed for qubit, timed in ends.items() if isinstance(timed.step.operation, Measure)}
        uses = Counter(bit for timed in times.steps for bit in timed.step.clbits)
        self._begin: dict[Qubit, float] = {}
        for timed in acting:
            if not (isinstance(timed.step.operation, Measure) or stands_for_noise(timed.step.operation)):
                for qubit in timed.step.qubits:
                    self._begin.setdefault(qubit, timed.start)
        self._over = {qubit: timed.stop for qubit, timed in final.items()}
        self.last = [timed for timed in final.values() if uses[timed.step.clbits[0]] == 1]
        self._moved = set(map(id, self.last))

    def has_begun(self, timed: TimedStep) -> bool:
        """Tell whether a delay comes after a gate of its qubit, which is at 0 before."""
        return timed.start >= self._begin.get(timed.step.qubits[0], math.inf)

    def comes_last(self, timed: TimedStep) -> bool:
        """Tell whether an instruction is moved to the end, or is left out, being a delay of a qubit that was read."""
        return id(timed) in self._moved or self.is_over(timed)

    def is_over(self, timed: TimedStep) -> bool:
        """Tell whether an instruction is a delay of a qubit that was read for the last time."""
        if not isinstance(timed.step.operation, Delay):
            return False
        over = self._over.get(timed.step.qubits[0])
        return over is not None and timed.start >= over


def _overlaps(
    first: Sequence[TimedStep], second: Sequence[TimedStep]
) -> Iterator[tuple[TimedStep, TimedStep, float]]:
    """Yield which delays of two qubits are at the same time, and for how long; both in the order of time."""
    one = other = 0
    while one < len(first) and other < len(second):
        left, right = first[one], second[other]
        together = min(left.stop, right.stop) - max(left.start, right.start)
        if together > _LEAST:
            yield left, right, together
        if left.stop < right.stop:
            one += 1
        else:
            other += 1
