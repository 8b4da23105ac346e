"""One Estimator PUB -> its result: means with genuine shot noise (rest-api.md 4.3, 4.11).

Two ways lead to the same statistics. The state of a small circuit is simulated once, and the outcomes of each
measurement setting are drawn from its exact distribution, readout error included. Any other circuit (dynamic,
wide, measured on the way) is run shot by shot with the setting's rotations and measurements appended.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from .measurement_groups import Group, Observable, Plan, make_plan
from .noise import NoiseSource
from .preparation import PreparedCircuit
from .readout import Readout
from .run_options import RunOptions
from .sampling import columns_of
from .simulation import Columns, Method, choose_method, noise_of, run_probabilities, run_shots
from .tables import all_bits, rotate, rotate_back, save

__all__ = ["estimate"]

STATE_QUBITS = 18
NOISY_STATE_QUBITS = 10
WIDEST_TABLE = 12
"""Most measured qubits whose outcome probabilities are held as one table."""


@dataclass(frozen=True)
class Draws:
    """Outcomes of one measurement setting.

    Attributes:
        bits: Outcomes, shape (outcomes, measured qubits).
        counts: How often each came for each parameter set, shape (sets, outcomes).
    """

    bits: NDArray[np.uint8]
    counts: NDArray[np.int64]


def estimate(
    pub: EstimatorPub,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
    *,
    shots: int,
) -> PubResult:
    """Run one PUB.

    Args:
        pub: Circuit as loaded, observables, values, precision.
        prepared: ``preparation.prepare`` of that circuit.
        noise: Noise of the device; None for ideal.
        options: Readout mitigation and measurement twirling are honoured.
        random: Source of everything random.
        shots: Shots per measurement setting and parameter set.

    Returns:
        ``evs``, ``stds`` and ``ensemble_standard_error``, float64 of shape ``pub.shape``. The standard deviations
        are those of the means: no randomization adds to the shot noise here, so the last two are equal.

    Raises:
        TaskFailed: Aer cannot run the circuit.
    """
    readout = Readout(noise, symmetric=options.twirl_measure, mitigated=options.measure_mitigation)
    job = _Estimation(pub, prepared, noise, options, random, readout, shots)
    evs, stds = job.run()
    metadata: dict[str, Any] = {
        "target_precision": pub.precision,
        "shots": shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "resilience": {"measure_mitigation": readout.mitigated} if options.measure_mitigation else {},
        "num_randomizations": 1,
        "simulation": {"method": job.method, "qubits": len(prepared.qubits), "settings": job.settings},
    }
    data = DataBin(evs=evs, stds=stds, ensemble_standard_error=stds.copy(), shape=pub.shape)
    return PubResult(data, metadata)


class _Estimation:
    """The run of one PUB: which parameter sets meet which observables, and their means."""

    def __init__(
        self,
        pub: EstimatorPub,
        prepared: PreparedCircuit,
        noise: NoiseSource | None,
        options: RunOptions,
        random: np.random.Generator,
        readout: Readout,
        shots: int,
    ) -> None:
        self.pub = pub
        self.prepared = prepared
        self.noise = noise
        self.options = options
        self.random = random
        self.readout = readout
        self.shots = shots
        self.method = ""
        self.settings = 0
        self.place = {qubit: index for index, qubit in enumerate(prepared.qubits)}

    def run(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and their standard deviations, both of the PUB's shape."""
        pub = self.pub
        observables = pub.observables.ravel().tolist() if pub.observables.size else []
        which_set = np.broadcast_to(_numbered(pub.parameter_values.shape), pub.shape).ravel()
        which_observable = np.broadcast_to(_numbered(pub.observables.shape), pub.shape).ravel()
        evs, stds = np.zeros(len(which_set)), np.zeros(len(which_set))
        columns = columns_of(pub, self.prepared.circuit)
        for sets, needed in _meetings(which_set, which_observable):
            plan = self._plan([observables[index] for index in needed])
            chosen = {parameter: column[list(sets)] for parameter, column in columns.items()}
            means, errors = self._means(plan, chosen, len(sets))
            row = {number: index for index, number in enumerate(sets)}
            column = {number: index for index, number in enumerate(needed)}
            here = np.flatnonzero(np.isin(which_set, sets))
            rows = [row[which_set[place]] for place in here]
            of = [column[which_observable[place]] for place in here]
            evs[here], stds[here] = means[rows, of], errors[rows, of]
        return evs.reshape(pub.shape), stds.reshape(pub.shape)

    def _plan(self, observables: Sequence[Observable]) -> Plan:
        certain = self.noise is None
        key = ("plan", certain, tuple(tuple(sorted(observable.items())) for observable in observables))
        idle = frozenset(range(self.pub.circuit.num_qubits)) - self.place.keys() if certain else frozenset()
        return self.prepared.remembered(key, lambda: make_plan(observables, certain=idle))

    def _means(
        self, plan: Plan, columns: Columns, sets: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and standard deviations, shape (sets, observables)."""
        means = np.tile(plan.offsets, (sets, 1))
        variances = np.zeros_like(means)
        self.settings = max(self.settings, len(plan.groups))
        for group, draws in zip(plan.groups, self._draws(plan, columns, sets), strict=True):
            factors = self.readout.factors(group.masks, group.qubits)
            for row, drawn in enumerate(draws):
                mean, variance = _moments(group, drawn, factors)
                rows = slice(None) if len(draws) == 1 else row
                means[rows] += mean if len(draws) == 1 else mean[0]
                variances[rows] += variance if len(draws) == 1 else variance[0]
        return means, np.sqrt(variances)

    def _draws(self, plan: Plan, columns: Columns, sets: int) -> list[list[Draws]]:
        """Return, for each group, one common table of outcomes or one per parameter set."""
        if not plan.groups:
            return []
        repeated = sets if not columns else 1
        width = len(self.prepared.qubits)
        small = STATE_QUBITS if self.noise is None else NOISY_STATE_QUBITS
        if self.prepared.static and not self.prepared.measured and width <= small:
            return self._drawn_from_state(plan, columns, repeated)
        return self._drawn_by_shots(plan, columns, repeated)

    # ------------------------------------------------------------------------- from the state

    def _drawn_from_state(self, plan: Plan, columns: Columns, repeated: int) -> list[list[Draws]]:
        method = Method("statevector" if self.noise is None else "density_matrix")
        self.method = method.name
        circuit, labels = self.prepared.remembered(
            ("saving", tuple(group.basis for group in plan.groups)), lambda: self._saving(plan)
        )
        if labels:
            model = noise_of(self.prepared, self.noise, method, symmetric_readout=False)
            tables = dict(
                zip(
                    labels,
                    run_probabilities(circuit, columns, method, labels, noise_model=model),
                    strict=True,
                )
            )
        else:
            tables = {}
        sets = max([repeated, *(len(table) for table in tables.values())])
        return [
            self._drawn(group, tables.get(str(index)), sets if not tables else repeated)
            for index, group in enumerate(plan.groups)
        ]

    def _saving(self, plan: Plan) -> tuple[QuantumCircuit, list[str]]:
        """Return the circuit that saves the outcome probabilities of every group, and their labels."""
        circuit = self.prepared.circuit.copy()
        labels = []
        for index, group in enumerate(plan.groups):
            active = [(self.place[qubit], letter) for qubit, letter in group.basis if qubit in self.place]
            if not active:
                continue
            rotate(circuit, active)
            save(circuit, [qubit for qubit, _ in active], str(index))
            rotate_back(circuit, active)
            labels.append(str(index))
        return circuit, labels

    def _drawn(self, group: Group, table: NDArray[np.float64] | None, repeated: int) -> list[Draws]:
        active = [qubit for qubit in group.qubits if qubit in self.place]
        if table is None:
            table = np.ones((1, 1))
        if repeated > 1 and len(table) == 1:
            table = np.repeat(table, repeated, axis=0)
        table = self.readout.blur(table, active)
        if len(group.qubits) <= WIDEST_TABLE:
            for qubit, letter in group.basis:
                if qubit not in self.place:
                    one = self._idle_rate(qubit, letter)
                    table = np.concatenate([table * (1 - one), table * one], axis=1)
            order = [*active, *(qubit for qubit in group.qubits if qubit not in self.place)]
            counts = self.random.multinomial(self.shots, table)
            bits = all_bits(len(order))[:, [order.index(qubit) for qubit in group.qubits]]
            return [Draws(bits, counts)]
        return [self._drawn_wide(group, row, active) for row in table]

    def _drawn_wide(self, group: Group, row: NDArray[np.float64], active: Sequence[int]) -> Draws:
        counts = self.random.multinomial(self.shots, row)
        seen = np.flatnonzero(counts)
        bits = (seen[:, np.newaxis] >> np.arange(len(active))) & 1
        return self._with_idle(group, bits.astype(np.uint8), counts[seen], active)

    def _with_idle(
        self, group: Group, bits: NDArray[np.uint8], counts: NDArray[np.int64], active: Sequence[int]
    ) -> Draws:
        """Add the measured qubits that the circuit leaves alone; outcomes then differ from shot to shot."""
        column = {qubit: index for index, qubit in enumerate(active)}
        rates = {
            qubit: self._idle_rate(qubit, letter) for qubit, letter in group.basis if qubit not in column
        }
        if any(rates.values()):
            bits = np.repeat(bits, counts, axis=0)
            counts = np.ones(len(bits), dtype=np.int64)
        whole = np.zeros((len(bits), len(group.qubits)), dtype=np.uint8)
        for index, qubit in enumerate(group.qubits):
            if qubit in column:
                whole[:, index] = bits[:, column[qubit]]
            elif rates[qubit]:
                whole[:, index] = self.random.random(len(bits)) < rates[qubit]
        return Draws(whole, counts[np.newaxis])

    def _idle_rate(self, qubit: int, letter: str) -> float:
        """Return how often a qubit left in the ground state reads 1 in a basis."""
        return 0.5 if letter != "Z" else self.readout.flips(qubit)[0]

    # ------------------------------------------------------------------------- shot by shot

    def _drawn_by_shots(self, plan: Plan, columns: Columns, repeated: int) -> list[list[Draws]]:
        method = choose_method(self.prepared, self.noise, self.shots * repeated)
        self.method = method.name
        model = noise_of(self.prepared, self.noise, method, symmetric_readout=self.readout.symmetric)
        circuits = [_measuring(self.prepared.circuit, self._active(group)) for group in plan.groups]
        offset = self.prepared.circuit.num_clbits
        found: list[list[Draws]] = []
        for group, circuit in zip(plan.groups, circuits, strict=True):
            active = [qubit for qubit, _ in group.basis if qubit in self.place]
            draws = []
            for _ in range(repeated):
                samples = run_shots(
                    [circuit],
                    columns,
                    method,
                    shots=self.shots,
                    seed=int(self.random.integers(2**31)),
                    noise_model=model,
                )[0]
                draws += [
                    self._with_idle(
                        group, each.bits(range(offset, offset + len(active))), each.counts, active
                    )
                    for each in samples
                ]
            found.append(draws)
        return found

    def _active(self, group: Group) -> list[tuple[int, str]]:
        return [(self.place[qubit], letter) for qubit, letter in group.basis if qubit in self.place]


def _measuring(circuit: QuantumCircuit, active: Sequence[tuple[int, str]]) -> QuantumCircuit:
    measuring = circuit.copy()
    register = ClassicalRegister(len(active), "setting")
    measuring.add_register(register)
    rotate(measuring, active)
    for index, (qubit, _) in enumerate(active):
        measuring.measure(qubit, register[index])
    return measuring


def _numbered(shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.arange(math.prod(shape)).reshape(shape)


def _meetings(
    which_set: NDArray[np.int64], which_observable: NDArray[np.int64]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Group the parameter sets that need the same observables: [(sets, observables)]."""
    needed: dict[int, set[int]] = {}
    for index, observable in zip(which_set.tolist(), which_observable.tolist(), strict=True):
        needed.setdefault(index, set()).add(observable)
    together: dict[tuple[int, ...], list[int]] = {}
    for index, observables in needed.items():
        together.setdefault(tuple(sorted(observables)), []).append(index)
    return [(tuple(sets), observables) for observables, sets in together.items()]


def _moments(
    group: Group, draws: Draws, factors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of each observable's part in this group and the variance of that mean: (sets, observables).

    Terms measured together are correlated, so the variance is taken of their weighted sum, shot by shot.
    """
    parities = 1.0 - 2.0 * ((draws.bits @ group.masks.T) & 1)
    values = parities @ (group.weights * factors).T
    shots = draws.counts.sum(axis=1, keepdims=True)
    mean = draws.counts @ values / shots
    spread = np.clip(draws.counts @ values**2 / shots - mean**2, 0.0, None)
    return mean, spread / np.maximum(shots - 1, 1)
