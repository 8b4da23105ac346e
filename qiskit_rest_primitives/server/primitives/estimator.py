"""One Estimator PUB -> its result: means with genuine shot noise (rest-api.md 4.3, 4.11)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from ..aer.preparation import PreparedCircuit
from ..aer.probabilities import Readout
from ..aer.simulation import Columns
from ..devices.noise import NoiseSource
from .grouping import Group, Observable, Plan, make_plan
from .options import RunOptions
from .outcomes import Draws, OutcomeSampler
from .sampler import columns_of
from .zne import Extrapolation, check_folding, extrapolate

MOST_SETS = 1 << 12
"""Parameter sets simulated at a time; bounds the memory of a large sweep."""

FEW = 1 << 8
"""Numbers of a result of which it is kept where each comes from."""

Means = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class _Part:
    """Parameter sets that are simulated together.

    Attributes:
        sets: Their numbers.
        plan: How their observables are estimated.
        here: Places in the flat result that they fill.
        rows: For each of these its parameter set, as a place in ``sets``.
        of: For each of these its observable, as a place in the plan.
    """

    sets: NDArray[np.int64]
    plan: Plan
    here: NDArray[np.int64]
    rows: NDArray[np.int64]
    of: NDArray[np.int64]


def estimate(
    pub: EstimatorPub,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
    *,
    shots: int,
    amplified: Callable[[float, str], PreparedCircuit] | None = None,
) -> PubResult:
    """Run one PUB.

    Args:
        pub: Circuit as loaded, observables, values, precision.
        prepared: ``preparation.prepare`` of that circuit.
        noise: Noise of the device; None for ideal.
        options: Readout mitigation and measurement twirling are honoured.
        random: Source of everything random.
        shots: Shots per measurement setting and parameter set.
        amplified: Returns the circuit with more noise, by the factor and the way to amplify; needed for extrapolation.

    Returns:
        ``evs``, ``stds`` and ``ensemble_standard_error``, float64 of shape ``pub.shape``. The standard deviations
        are those of the means: no randomization adds to the shot noise here, so the last two are equal. With
        zero-noise extrapolation, which a noisy device gives to static circuits, ``evs`` are extrapolated and the
        fields of the noise factors are added.
    """
    readout = Readout(noise, symmetric=options.twirl_measure, mitigated=options.measure_mitigation)
    resilience: dict[str, Any] = {"measure_mitigation": True} if options.measure_mitigation else {}
    outcomes = OutcomeSampler(prepared, readout, random, shots, options.simulation)
    fields: dict[str, NDArray[np.float64]]
    request = options.zne
    if request is None or amplified is None or not prepared.static or prepared.measured:
        evs, stds, settings = _estimate(pub, outcomes, certain=noise is None)
        fields = {"evs": evs, "stds": stds, "ensemble_standard_error": stds.copy()}
    else:
        runs = []
        check_folding(prepared, request.noise_factors)
        for factor in request.noise_factors:
            outcomes = OutcomeSampler(
                amplified(factor, request.amplifier), readout, random, shots, options.simulation
            )
            runs.append(_estimate(pub, outcomes, certain=False))
        settings = sum(run[2] for run in runs)
        fields, zne = _extrapolated(request, [run[0] for run in runs], [run[1] for run in runs])
        resilience["zne"] = zne
    metadata: dict[str, Any] = {
        "target_precision": pub.precision,
        "shots": shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "resilience": resilience,
        "num_randomizations": options.num_randomizations(shots),
        "simulation": {"method": outcomes.method, "qubits": len(prepared.qubits), "settings": settings},
    }
    return PubResult(DataBin(**fields, shape=pub.shape), metadata)


def _extrapolated(
    request: Extrapolation, evs: Sequence[NDArray[np.float64]], stds: Sequence[NDArray[np.float64]]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """Return the fields of a result with zero-noise extrapolation (rest-api.md 4.11), and its metadata."""
    means, errors = np.stack(evs, axis=-1), np.stack(stds, axis=-1)
    fit = extrapolate(request, means, errors)
    fields = {
        "evs": fit.evs,
        "stds": fit.stds,
        "ensemble_standard_error": stds[int(np.argmin(request.noise_factors))].copy(),
        "evs_noise_factors": means,
        "stds_noise_factors": errors,
        "ensemble_stds_noise_factors": errors.copy(),
        "evs_extrapolated": fit.evs_extrapolated,
        "stds_extrapolated": fit.stds_extrapolated,
    }
    metadata = {
        "noise_factors": list(request.noise_factors),
        "extrapolator": fit.chosen.tolist(),
        "extrapolators": list(request.extrapolators),
        "extrapolated_noise_factors": list(request.at),
    }
    return fields, metadata


def _estimate(
    pub: EstimatorPub, outcomes: OutcomeSampler, *, certain: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return means, their standard deviations, and the largest number of measurement settings of a set."""
    prepared = outcomes.prepared
    size = math.prod(pub.shape)
    evs, stds, settings = np.zeros(size), np.zeros(size), 0
    columns = columns_of(pub, prepared.circuit)
    idle = frozenset(range(pub.circuit.num_qubits)).difference(prepared.qubits) if certain else frozenset()
    # Loops send the same observables again: the same object (``LoadedCircuit.observables``).
    key = ("parts", pub.observables, pub.parameter_values.shape, bool(idle))
    many = size > FEW
    parts = (
        _parts(pub, prepared, idle) if many else prepared.remembered(key, lambda: _parts(pub, prepared, idle))
    )
    sets = math.prod(pub.parameter_values.shape)
    for part in parts:
        settings = max(settings, len(part.plan.groups))
        whole = len(part.sets) == sets  # in their order
        chosen = columns if whole else {name: column[part.sets] for name, column in columns.items()}
        means, errors = _means(outcomes, part.plan, chosen, len(part.sets))
        evs[part.here], stds[part.here] = means[part.rows, part.of], errors[part.rows, part.of]
    return evs.reshape(pub.shape), stds.reshape(pub.shape), settings


def _parts(pub: EstimatorPub, prepared: PreparedCircuit, idle: frozenset[int]) -> list[_Part]:
    """Return what is simulated together: parameter sets that need the same observables."""
    observables = pub.observables.ravel().tolist() if pub.observables.size else []
    which_set = np.broadcast_to(_numbered(pub.parameter_values.shape), pub.shape).ravel()
    which_observable = np.broadcast_to(_numbered(pub.observables.shape), pub.shape).ravel()
    parts = []
    for sets, needed in _meetings(which_set, which_observable):
        plan = _plan(prepared, [observables[index] for index in needed], idle)
        column = {number: index for index, number in enumerate(needed)}
        for start in range(0, len(sets), MOST_SETS):
            part = sets[start : start + MOST_SETS]
            row = {number: index for index, number in enumerate(part)}
            here = np.flatnonzero(np.isin(which_set, part))
            rows = np.array([row[index] for index in which_set[here].tolist()], dtype=np.int64)
            of = np.array([column[index] for index in which_observable[here].tolist()], dtype=np.int64)
            parts.append(_Part(np.array(part), plan, here, rows, of))
    return parts


def _plan(prepared: PreparedCircuit, observables: Sequence[Observable], idle: frozenset[int]) -> Plan:
    key = ("plan", bool(idle), tuple(tuple(sorted(observable.items())) for observable in observables))
    return prepared.remembered(key, lambda: make_plan(observables, certain=idle))


def _means(outcomes: OutcomeSampler, plan: Plan, columns: Columns, sets: int) -> Means:
    """Return means and standard deviations, shape (sets, observables)."""
    means = np.repeat(plan.offsets[np.newaxis], sets, axis=0)
    variances = np.zeros_like(means)
    for group, draws in zip(plan.groups, outcomes.draw(plan.groups, columns, sets), strict=True):
        factors = outcomes.readout.factors(group.masks, group.qubits)
        for drawn in draws:
            mean, variance = _moments(group, drawn, factors)
            means[drawn.rows] += mean
            variances[drawn.rows] += variance
    return means, np.sqrt(variances)


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
    values = draws.signs @ (group.weights * factors).T
    shots = draws.counts.sum(axis=1, keepdims=True)
    mean = draws.counts @ values / shots
    spread = np.clip(draws.counts @ values**2 / shots - mean**2, 0.0, None)
    return mean, spread / np.maximum(shots - 1, 1)
