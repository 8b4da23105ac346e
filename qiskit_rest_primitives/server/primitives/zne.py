"""Zero-noise extrapolation: circuits with amplified noise, and what their means say about none (rest-api.md 4.3).

Noise is amplified digitally, by following two-qubit gates with their inverse and themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Instruction

from ...options.groups import FACTORS_NEEDED
from ...qasm.limits import folding_problem
from ..aer.own_instructions import CHANNELS
from ..aer.preparation import PreparedCircuit
from ..devices.noise import IDLING, stands_for_noise
from ..job_errors import INVALID, ParamsError, TaskFailed

FEWEST = FACTORS_NEEDED | {"fallback": 1}
"""Fewest noise factors of each extrapolator."""

SIGNAL = 2.0
"""An exponential is fitted only to means that stand out of their noise by so many standard deviations."""

LEAST_ERROR = 1e-6
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Extrapolation:
    """What was asked for.

    Attributes:
        noise_factors: How much the noise is amplified, each at least 1.
        extrapolators: In order of preference.
        at: Noise factors to extrapolate to, starting with 0 when chosen automatically.
        amplifier: How the noise is amplified; ``pea`` is not available and folds instead.
    """

    noise_factors: tuple[float, ...] = (1.0, 3.0, 5.0)
    extrapolators: tuple[str, ...] = ("exponential", "linear")
    at: tuple[float, ...] = (0.0, 1.0, 3.0, 5.0)
    amplifier: str = "gate_folding"


@dataclass(frozen=True)
class Fit:
    """Extrapolated means.

    Attributes:
        evs: The chosen values at zero noise, shape (*pub,).
        stds: Their standard deviations.
        evs_extrapolated: Shape (*pub, extrapolators, factors extrapolated to).
        stds_extrapolated: Of the same shape.
        chosen: Name of the extrapolator behind each value, shape (*pub,).
    """

    evs: Array
    stds: Array
    evs_extrapolated: Array
    stds_extrapolated: Array
    chosen: NDArray[np.str_]


def load_extrapolation(options: Mapping[str, Any]) -> Extrapolation:
    """Read ``options.resilience.zne``, whose values have been checked."""
    factors = options.get("noise_factors")
    factors = (1.0, 3.0, 5.0) if factors in ("auto", None, []) else tuple(factors)
    names = options.get("extrapolator") or ("exponential", "linear")
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if len(set(factors)) < FEWEST[name]:
            raise ParamsError(
                f"params.options.resilience.zne: {name} needs {FEWEST[name]} different noise factors or more."
            )
    at = options.get("extrapolated_noise_factors")
    at = (0.0, *factors) if at in ("auto", None) else tuple(at)
    amplifier = options.get("amplifier") or "gate_folding"
    return Extrapolation(tuple(map(float, factors)), names, tuple(map(float, at)), amplifier)


def check_folding(prepared: PreparedCircuit, factors: Sequence[float]) -> None:
    """Refuse what folds into too many gates: the two-qubit gates of a circuit times the sum of the noise factors."""
    gates = sum(inverse_of(step) is not None for step in prepared.circuit.data)
    if problem := folding_problem(gates, factors):
        raise TaskFailed(f"The circuit cannot be folded: {problem}", INVALID)


def inverse_of(step: CircuitInstruction) -> Instruction | None:
    """Return what folds an instruction, if it is a two-qubit gate or the noise of a layer of them; waiting is neither."""
    if len(step.qubits) != 2 or step.name in ("barrier", *CHANNELS) or step.label == IDLING:
        return None
    return _inverse(step.operation)


def _inverse(operation: Instruction) -> Instruction:
    """Return the inverse of an instruction, with the same noise."""
    if stands_for_noise(operation) or operation.name == "qerror_loc":
        return operation
    inverse = operation.inverse()
    if inverse.label != operation.label:
        inverse = inverse.to_mutable()
        inverse.label = operation.label
    return inverse


def extrapolate(request: Extrapolation, means: Array, errors: Array) -> Fit:
    """Extrapolate means, shape (*pub, noise factors), to other noise factors; errors are their standard deviations.

    Returns:
        All extrapolations, and for each mean the first one that could be fitted: an exponential needs means of one
        sign that stand out of their noise and shrink with it. Where none could, the mean at the smallest factor.
    """
    shape, count = means.shape[:-1], means.shape[-1]
    flat, sigma = means.reshape(-1, count), np.maximum(errors.reshape(-1, count), LEAST_ERROR)
    factors = np.array(request.noise_factors)
    where = np.array([0.0, *request.at])
    fits = [_fit(name, factors, flat, sigma, where) for name in request.extrapolators]
    values, deviations, _ = _fit("fallback", factors, flat, sigma, where)
    best, spread = values[:, 0].copy(), deviations[:, 0].copy()
    chosen = np.full(len(flat), "fallback", dtype="U24")
    open_ = np.ones(len(flat), dtype=bool)
    for name, (found, deviation, fitted) in zip(request.extrapolators, fits, strict=True):
        take = open_ & fitted
        best[take], spread[take], chosen[take] = found[take, 0], deviation[take, 0], name
        open_ &= ~fitted
    everything = (*shape, len(fits), len(request.at))
    return Fit(
        best.reshape(shape),
        spread.reshape(shape),
        np.stack([found[:, 1:] for found, _, _ in fits], axis=1).reshape(everything),
        np.stack([deviation[:, 1:] for _, deviation, _ in fits], axis=1).reshape(everything),
        chosen.reshape(shape),
    )


def _fit(
    name: str, factors: Array, means: Array, sigma: Array, where: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return values and deviations at ``where``, shape (means, where), and which means could be fitted."""
    fitted = np.ones(len(means), dtype=bool)
    if name in ("exponential", "double_exponential"):
        # Two decays cannot be told apart from one by a handful of noisy points: one is fitted for either.
        sign = np.sign(means[:, :1])
        fitted = np.all(means * sign > SIGNAL * sigma, axis=1)
        size = np.where(fitted[:, np.newaxis], np.abs(means), 1.0)
        slope, values, deviations = _line(factors, np.log(size), sigma / size, where, 1)
        fitted = fitted & (slope <= 0)
        values = sign * np.exp(np.where(fitted[:, np.newaxis], values, 0.0))
        return np.where(fitted[:, np.newaxis], values, np.nan), np.abs(values) * deviations, fitted
    if name == "fallback":
        nearest = int(factors.argmin())
        wide = np.ones(len(where))
        return means[:, nearest, np.newaxis] * wide, sigma[:, nearest, np.newaxis] * wide, fitted
    degree = 1 if name == "linear" else int(name.rpartition("_")[2])
    _, values, deviations = _line(factors, means, sigma, where, degree)
    return values, deviations, fitted


def _line(
    factors: Array, means: Array, sigma: Array, where: Array, degree: int
) -> tuple[Array, Array, Array]:
    """Fit polynomials by weighted least squares; return slopes, values and their standard deviations."""
    powers = np.arange(degree + 1)
    design, target = factors[:, np.newaxis] ** powers, where[:, np.newaxis] ** powers
    weighted = design / sigma[:, :, np.newaxis]
    covariance = np.linalg.pinv(np.swapaxes(weighted, 1, 2) @ weighted)
    moments = np.einsum("ifp,if->ip", weighted, means / sigma)
    coefficients = np.einsum("ipq,iq->ip", covariance, moments)
    variance = np.einsum("wp,ipq,wq->iw", target, covariance, target)
    return coefficients[:, 1], coefficients @ target.T, np.sqrt(np.maximum(variance, 0.0))
