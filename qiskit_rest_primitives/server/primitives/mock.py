"""What a mock device answers: results of the right shape with random content (rest-api.md 3.9)."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PubResult, SamplerPubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from .options import RunOptions
from .sampler import signals

_SIMULATION = {"method": "mock", "qubits": 0, "settings": 1}


def mock_samples(pub: SamplerPub, options: RunOptions, random: np.random.Generator) -> SamplerPubResult:
    """Return a result like ``sampler.sample`` gives, of fair coins."""
    data = {}
    for register in pub.circuit.cregs:
        bits = random.integers(0, 2, size=(*pub.shape, pub.shots, register.size), dtype=np.uint8)
        if options.meas_type == "classified":
            data[register.name] = BitArray.from_bool_array(bits.astype(bool), order="little")
        else:
            points = signals(bits, random)
            data[register.name] = points if options.meas_type == "kerneled" else points.mean(axis=-2)
    metadata: dict[str, Any] = {
        "shots": pub.shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "simulation": _SIMULATION,
    }
    return SamplerPubResult(DataBin(**data, shape=pub.shape), metadata)


def mock_estimate(
    pub: EstimatorPub, options: RunOptions, random: np.random.Generator, *, shots: int
) -> PubResult:
    """Return a result like ``estimator.estimate`` gives, with means between -1 and 1."""
    stds = np.full(pub.shape, pub.precision)
    fields = {
        "evs": np.asarray(random.uniform(-1.0, 1.0, size=pub.shape)),
        "stds": stds,
        "ensemble_standard_error": stds.copy(),
    }
    if options.zne is not None:
        measured = (*pub.shape, len(options.zne.noise_factors))
        fitted = (*pub.shape, len(options.zne.extrapolators), len(options.zne.at))
        for kind in ("evs", "stds", "ensemble_stds"):
            fields[f"{kind}_noise_factors"] = random.uniform(0.0, 1.0, size=measured)
        for kind in ("evs", "stds"):
            fields[f"{kind}_extrapolated"] = random.uniform(0.0, 1.0, size=fitted)
    metadata: dict[str, Any] = {
        "target_precision": pub.precision,
        "shots": shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "resilience": {"measure_mitigation": True} if options.measure_mitigation else {},
        "num_randomizations": options.num_randomizations(shots),
        "simulation": _SIMULATION,
    }
    return PubResult(DataBin(**fields, shape=pub.shape), metadata)
