"""The PUBs of a sampler or an estimator: load the circuits, check them against the device, simulate, write the result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers import PrimitiveResult, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..._time import now
from ...results.execution_spans import ExecutionSpan, ExecutionSpans
from ...wire import result_body
from ...wire.durations import by_duration, together
from ...wire.jsonio import below
from ...wire.pubs import PubLoadError, load_estimator_pub, load_sampler_pub
from ..aer.methods import costs_by_the_shot, fits_numpy
from ..devices.device import Device, randomness
from ..devices.idling import IdlingNoise, scheduler_timing
from ..devices.isa import IsaReport, check_angles, refuse_fractional
from ..devices.noise import NoiseSource
from ..job_errors import BAD_CIRCUIT, INVALID, TaskFailed, placing
from ..learning.layer_noise import LayerNoise, noise_for
from .circuit_cache import CircuitCache, LoadedCircuit, Wanted
from .estimator import estimate
from .mock import mock_estimate, mock_samples
from .options import RunOptions
from .pieces import joined, pieces_of, span_of
from .sampler import columns_of, sample

_P = TypeVar("_P", SamplerPub, EstimatorPub)

_LIBRARY = CircuitCache()
"""The circuits this process has read; a cache, so nothing but speed depends on it."""


@dataclass(frozen=True)
class JobOutput:
    """What a job gives; the same params, device and seed give the same body, times aside.

    Attributes:
        body: The result as ``GET /jobs/{id}/results`` answers it, in the form the params ask for.
        seconds: Time from reading the params to writing the result.
        circuits: Circuits run: parameter sets times measurement settings, summed over the PUBs.
    """

    body: bytes
    seconds: float
    circuits: int


@dataclass(frozen=True)
class LoadedPub:
    """One PUB, loaded and checked; shots are those of each parameter set and measurement setting."""

    pub: SamplerPub | EstimatorPub
    circuit: LoadedCircuit
    shots: int


@dataclass(frozen=True)
class PubKind:
    """How the PUBs of a sampler, or of an estimator, are loaded and run."""

    load: Callable[[Any, LoadedCircuit | None, RunOptions, str], LoadedPub]
    run: Callable[
        [Sequence[LoadedPub], Device, NoiseSource | None, RunOptions], tuple[PrimitiveResult[Any], int]
    ]


@dataclass(frozen=True)
class Reading:
    """The PUBs of a job, read and checked, and not yet run."""

    kind: PubKind
    pubs: Sequence[LoadedPub]
    device: Device
    noise: NoiseSource | None
    options: RunOptions

    @property
    def fits_numpy(self) -> bool:
        """Whether numpy simulates all of it, and Aer has nothing to do with it."""
        asked, dt = self.options.simulation, self.device.target.dt
        circuits = [loaded.circuit.prepared(dt, self.noise) for loaded in self.pubs if not self.device.mock]
        return len(circuits) > 0 and all(fits_numpy(circuit, self.noise, asked) for circuit in circuits)

    def run(self) -> tuple[bytes, int]:
        """Simulate, and return the body of the result and the number of circuits run."""
        result, circuits = self.kind.run(self.pubs, self.device, self.noise, self.options)
        for loaded in self.pubs:
            loaded.circuit.run = True
        return result_body.dump_result(result, support_qiskit=self.options.support_qiskit), circuits


def read(
    kind: PubKind,
    document: Mapping[str, Any],
    options: RunOptions,
    device: Device,
    *,
    seed: int | None = None,
    wanted: Wanted = "all",
    simulation: Mapping[str, Any] | None = None,
) -> Reading:
    """Read and check the PUBs of a job; ``simulation`` stands for the options of Aer that the device and the job ask for.

    Raises:
        TaskFailed: The job cannot be run.
        ForeignTextError, UnknownCircuitError: A circuit that is not wanted.
    """
    if simulation is None:
        simulation = {**device.simulation, **options.simulation}
    options = replace(options, seed=device.seed_of(options.seed, seed), simulation=simulation)
    noise = noise_for(options.noise_model, options.layer_noise, device.noise)
    if options.pulses is not None and isinstance(noise, IdlingNoise):
        noise = noise.decoupled(options.pulses)
        options = replace(options, without_effect=_without(options, "dynamical_decoupling"))
    items = document["pubs"]
    pubs = []
    for index, item in enumerate(items):
        with _naming(index, len(items)):
            loaded = kind.load(*_load_item(item, wanted), options, f"$.pubs[{index}]")
            _check(loaded, device, options)
            if isinstance(noise, LayerNoise):
                loaded = replace(loaded, circuit=with_noise(loaded.pub.circuit, noise, options))
            pubs.append(loaded)
    return Reading(kind, pubs, device, noise, options)


def with_noise(circuit: QuantumCircuit, noise: NoiseSource | None, options: RunOptions) -> LoadedCircuit:
    """Return a circuit with marks behind its layers where the job gives noise for some."""
    return LoadedCircuit(
        noise.marked(circuit, options.strategy) if isinstance(noise, LayerNoise) else circuit
    )


def read_checked(item: Any, device: Device) -> tuple[QuantumCircuit, IsaReport]:
    """Read a circuit of a job and check it against a device."""
    loaded = _LIBRARY.get(item)
    return loaded.circuit, loaded.report(device)


@contextmanager
def _naming(index: int, count: int) -> Iterator[None]:
    """Turn what can go wrong with a PUB into a reason; tell which PUB it was when there are several."""
    try:
        with placing("PUB", index, count):
            yield
    except PubLoadError as cause:
        raise TaskFailed(str(cause), INVALID) from cause


def _load_item(item: Any, wanted: Wanted) -> tuple[Any, LoadedCircuit | None]:
    """Replace the circuit of a PUB by the one in the library; malformed PUBs are left to their reader."""
    if isinstance(item, (str, Mapping)):
        item = [item]
    if not isinstance(item, list) or not item:
        return item, None
    loaded = _LIBRARY.get(item[0], wanted=wanted)
    return [loaded.circuit, *item[1:]], loaded


def _load_sampler(item: Any, loaded: LoadedCircuit | None, options: RunOptions, path: str) -> LoadedPub:
    pub = load_sampler_pub(item, shots=options.shots, path=path)
    return LoadedPub(pub, loaded or LoadedCircuit(pub.circuit), pub.shots)


def _load_estimator(item: Any, loaded: LoadedCircuit | None, options: RunOptions, path: str) -> LoadedPub:
    own = item[3] if isinstance(item, list) and len(item) > 3 else None
    precision = options.precision
    if options.fixed_shots is not None:
        precision = 1 / math.sqrt(options.fixed_shots)
    if loaded is not None and isinstance(item, list) and len(item) > 1 and item[1] is not None:
        item = [item[0], loaded.observables(item[1], below(path, 1)), *item[2:]]
    pub = load_estimator_pub(item, precision=precision, path=path)
    shots = options.estimator_shots(None if own is None else pub.precision)
    return LoadedPub(pub, loaded or LoadedCircuit(pub.circuit), shots)


def _check(loaded: LoadedPub, device: Device, options: RunOptions) -> None:
    report = loaded.circuit.report(device)
    if report.angles:
        check_angles(report, columns_of(loaded.pub, loaded.pub.circuit))
    if options.twirl_gates:
        refuse_fractional(report)


def _run_sampler(
    pubs: Sequence[LoadedPub], device: Device, noise: NoiseSource | None, options: RunOptions
) -> tuple[PrimitiveResult[Any], int]:
    results: list[PubResult] = []
    spans: list[ExecutionSpan] = []
    circuits = 0
    for index, loaded in enumerate(pubs):
        with _naming(index, len(pubs)):
            result, taken = _sampled(index, loaded, device, noise, options)
        results.append(result)
        spans += taken
        circuits += math.prod(loaded.pub.shape)
    options = _with_timing(results, pubs, device, options)
    metadata = {"execution": {"execution_spans": ExecutionSpans(spans)}, "version": 2}
    return PrimitiveResult(results, {**metadata, **_ignored(options)}), circuits


def _run_estimator(
    pubs: Sequence[LoadedPub], device: Device, noise: NoiseSource | None, options: RunOptions
) -> tuple[PrimitiveResult[Any], int]:
    results: list[PubResult] = []
    circuits = 0
    for index, loaded in enumerate(pubs):
        with _naming(index, len(pubs)):
            result = _estimated(loaded, device, noise, options, randomness(options.seed, index))
        results.append(result)
        circuits += loaded.pub.parameter_values.size * result.metadata["simulation"]["settings"]
    if options.zne is not None and not any("zne" in result.metadata["resilience"] for result in results):
        options = replace(options, without_effect=(*options.without_effect, "resilience.zne_mitigation"))
    options = _with_timing(results, pubs, device, options)
    return PrimitiveResult(results, {**options.echo, "version": 2, **_ignored(options)}), circuits


def _sampled(
    index: int, loaded: LoadedPub, device: Device, noise: NoiseSource | None, options: RunOptions
) -> tuple[PubResult, list[ExecutionSpan]]:
    """Run a Sampler PUB, and note when each piece of it was taken."""
    found: list[PubResult] = []
    spans: list[ExecutionSpan] = []
    start = now()
    run, along_shots = sampler_of(loaded, device, noise, options, randomness(options.seed, index))
    twirled = options.randomizations.split(loaded.shots) if options.twirled else None
    randomizations = twirled or (1, loaded.shots)
    pieces = pieces_of(loaded.pub, randomizations=randomizations, along_shots=along_shots)
    for piece in pieces:
        found.append(run(piece.pub))
        times = (start, now())
        spans.append(span_of(piece, index, loaded.pub, twirled, times))
        start = spans[-1].stop
    return joined(loaded.pub, pieces, found, randomizations=randomizations[0]), spans


def sampler_of(
    loaded: LoadedPub,
    device: Device,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> tuple[Callable[[SamplerPub], PubResult], bool]:
    """Return what samples a PUB or a piece of it, and whether fewer shots at a time cost no more."""
    plain = options.meas_type == "classified"
    if device.mock:
        return lambda pub: mock_samples(pub, options, random), plain
    if loaded.circuit.waits and noise is not None:
        if loaded.pub.size:
            return lambda pub: _sampled_apart(pub, device, noise, options, random), False
        noise = None
    prepared = loaded.circuit.prepared(device.target.dt, noise)
    cheap = plain and costs_by_the_shot(prepared, noise, loaded.shots, options.simulation)
    return lambda pub: sample(pub, prepared, noise, options, random), cheap


def _sampled_apart(
    whole: SamplerPub, device: Device, noise: NoiseSource, options: RunOptions, random: np.random.Generator
) -> PubResult:
    """Sample a PUB whose parameters say how long delays last, one duration at a time."""

    def sampled(pub: SamplerPub) -> PubResult:
        loaded = LoadedPub(pub, with_noise(pub.circuit, noise, options), whole.shots)
        return sampler_of(loaded, device, noise, options, random)[0](pub)

    return _one_by_one(whole, sampled)


def _one_by_one(whole: _P, run: Callable[[_P], PubResult]) -> PubResult:
    try:
        groups = by_duration(whole)
    except ValueError as cause:
        raise TaskFailed(f"A delay cannot last that long: {cause}", BAD_CIRCUIT) from cause
    return together([run(pub) for pub, _ in groups], [rows for _, rows in groups], whole.shape)


def _estimated(
    loaded: LoadedPub,
    device: Device,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> PubResult:
    if device.mock:
        return mock_estimate(loaded.pub, options, random, shots=loaded.shots)
    if loaded.circuit.waits and noise is not None:
        if loaded.pub.size:
            return _estimated_apart(loaded, device, noise, options, random)
        noise = None
    prepared = loaded.circuit.prepared(device.target.dt, noise)
    amplified = None if noise is None else partial(loaded.circuit.amplified, device.target.dt, noise)
    return estimate(loaded.pub, prepared, noise, options, random, shots=loaded.shots, amplified=amplified)


def _estimated_apart(
    loaded: LoadedPub, device: Device, noise: NoiseSource, options: RunOptions, random: np.random.Generator
) -> PubResult:
    """Estimate a PUB whose parameters say how long delays last, one duration at a time."""

    def estimated(pub: EstimatorPub) -> PubResult:
        one = LoadedPub(pub, with_noise(pub.circuit, noise, options), loaded.shots)
        return _estimated(one, device, noise, options, random)

    return _one_by_one(loaded.pub, estimated)


def _without(options: RunOptions, name: str) -> tuple[str, ...]:
    """Return the names of the options without effect but this one."""
    return tuple(other for other in options.without_effect if other != name)


def _with_timing(
    results: Sequence[PubResult], pubs: Sequence[LoadedPub], device: Device, options: RunOptions
) -> RunOptions:
    """Write into results how their circuits are scheduled, if it is asked for; return the options as far as it has an effect."""
    if not options.scheduler_timing:
        return options
    found = [scheduler_timing(loaded.circuit.circuit, device.target) for loaded in pubs]
    for result, timing in zip(results, found, strict=True):
        if timing is not None:
            result.metadata["compilation"] = {"scheduler_timing": timing}
    if None in found:
        return options
    return replace(options, without_effect=_without(options, "execution.scheduler_timing"))


def _ignored(options: RunOptions) -> dict[str, Any]:
    return {"options_without_effect": list(options.without_effect)} if options.without_effect else {}


SAMPLER_PUBS = PubKind(_load_sampler, _run_sampler)
ESTIMATOR_PUBS = PubKind(_load_estimator, _run_estimator)
