"""Which jobs cost so little that the server runs them in a thread of its own (``pool``).

Aer holds Python's global lock while it simulates: meanwhile the server answers nobody, a client in the same process
does not see its timeout or Ctrl-C pass, and nothing can be cancelled. So a thread gets only what is known beforehand to
be over in a moment, in little memory: canonical text, few qubits, one exact state for each parameter set. Whatever is
not certain goes to a worker process, which gives the same result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ...qasm.text import ForeignTextError
from ..devices.device import Device
from ..devices.noise import CalibratedNoise
from ..devices.noise_passes import names_held
from ..job_errors import ParamsError, TaskFailed
from ..primitives.circuit_cache import UnknownCircuitError, Wanted
from ..primitives.jobs import LoadedPub, Reading, read
from ..primitives.pieces import most_pieces
from ..primitives.registry import PROGRAMS, JobParams, decode

MOST_SECONDS = 0.05
"""Time in Aer by the estimate below, which holds for an ordinary core; one that is three times slower is deaf for 0.15 s."""

LONGEST = 65_536
"""Bytes of params."""
MOMENT_SECONDS, MOMENT_BYTES, MOMENT_SHOTS = 0.01, 16_384, 20_000
"""What the event loop does itself: it takes less than the turn that Python gives each thread, so that a thread gains nothing."""
WIDEST = 10
WIDEST_NOISY = 4
"""Active qubits up to which a state vector, or a density matrix, is cheap and all shots are drawn from it."""
MOST_SHOTS = 100_000
MOST_BITS = 5_000_000
"""Shots of a Sampler PUB, and their bits, all parameter sets together: writing 100 000 samples as JSON takes 0.1 s. An
Estimator PUB returns none, but may draw the bits of qubits that its circuit leaves alone."""

_RUN = 1e-3
_SET = 1e-4
_GATE = 4e-6
_AMPLITUDE = 5e-9
_NOISY_AMPLITUDE = 6e-8
_PROBABILITY = 2e-7
"""Seconds, by measurement (twice what a quiet core needs): of each PUB or piece of one, of each parameter set, of each gate then, of each
number of the state that a gate changes, of each probability that is handed out."""

_PLAIN_TAGS = frozenset({"ndarray", "BindingsArray"})
"""Tagged values that unpack to nothing but numbers."""
_COSTLY = frozenset({"noise_model", "layer_noise_model", "method"})
"""Options of the simulator of which the cost is not known here."""
_ONE_THREAD: Mapping[str, Any] = {"max_parallel_threads": 1}
"""Aer with threads of its own would not survive a fork of the user's process; so small a state does not need them."""


def read_if_cheap(
    program_id: str,
    params: bytes,
    device: Device,
    *,
    decoded: JobParams | None = None,
    seed: int | None = None,
) -> Reading | None:
    """Read a job, given as to ``primitives.registry.execute``, if it is cheap; None if it is not, or not certainly."""
    return _read(program_id, params, device, decoded, seed, "canonical", MOST_SECONDS)


def read_if_momentary(
    program_id: str,
    params: bytes,
    device: Device,
    *,
    decoded: JobParams,
    wanted: Wanted = "run",
    numpy_alone: bool = False,
) -> Reading | None:
    """Read a job that is over before others miss their turn: a small one of circuits that were run here before.

    Args:
        program_id: See ``primitives.registry.execute``, as of the others.
        params: As they were sent.
        device: What to run on.
        decoded: ``params`` as values.
        wanted: Which circuits are read.
        numpy_alone: Aer must have nothing to do with it.

    Raises:
        TaskFailed: The job cannot be run anywhere.
    """
    if len(params) > MOMENT_BYTES or names_held(params):
        return None
    found = _read(program_id, params, device, decoded, None, wanted, MOMENT_SECONDS)
    if (
        found is None
        or sum(loaded.shots * math.prod(loaded.pub.shape) for loaded in found.pubs) > MOMENT_SHOTS
    ):
        return None
    return found if found.fits_numpy or not numpy_alone else None


def _read(
    program_id: str,
    params: bytes,
    device: Device,
    decoded: JobParams | None,
    seed: int | None,
    wanted: Wanted,
    most: float,
) -> Reading | None:
    program = PROGRAMS.get(program_id)
    if program is None or program.pubs is None or len(params) > LONGEST or not _is_simple(device):
        return None
    try:
        decoded = decoded or decode(program_id, params)
        if not _is_plain(decoded.document):
            return None
        simulation = {**device.simulation, **_ONE_THREAD}
        found = read(
            program.pubs,
            decoded.document,
            decoded.options,
            device,
            seed=seed,
            wanted=wanted,
            simulation=simulation,
        )
    except (ParamsError, ForeignTextError, UnknownCircuitError, RecursionError):
        return None
    if found.options.zne is not None or sum(_seconds(loaded, found) for loaded in found.pubs) > most:
        return None
    return found


def _is_simple(device: Device) -> bool:
    """Tell whether the device leaves the choice of the method to us, and has noise of known cost."""
    return set(device.simulation) <= {"seed_simulator"} and isinstance(
        device.noise, (CalibratedNoise, type(None))
    )


def _is_plain(document: Mapping[str, Any]) -> bool:
    """Tell whether params hold nothing that takes more than its own size to read, or time of its own to simulate."""
    options = document.get("options")
    if isinstance(options, dict) and options.get("simulator"):
        simulator = options["simulator"]
        if not isinstance(simulator, dict) or _COSTLY & set(simulator):
            return False
    left = [document.get("pubs")]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if value.get("__type__", "ndarray") not in _PLAIN_TAGS:
                return False
            left += value.values()
        elif isinstance(value, list):
            left += value
    return True


def _seconds(loaded: LoadedPub, found: Reading) -> float:
    """Estimate the seconds that a loaded takes in Aer; infinite for what has no bound here."""
    sets, circuit = math.prod(loaded.pub.shape), loaded.pub.circuit
    samples = isinstance(loaded.pub, SamplerPub)
    shots, terms = sets * loaded.shots, 0 if samples else _terms(loaded)
    if shots * (circuit.num_clbits if samples else circuit.num_qubits) > MOST_BITS:
        return math.inf
    if samples and (shots > MOST_SHOTS or found.options.meas_type != "classified"):
        return math.inf
    if found.device.mock:
        return _RUN
    noisy = found.noise is not None
    try:
        prepared = loaded.circuit.prepared(found.device.target.dt, found.noise)
    except TaskFailed:
        return math.inf  # the process says the same, and where
    width = len(prepared.qubits)
    if (
        not prepared.static
        or width > (WIDEST_NOISY if noisy else WIDEST)
        or (prepared.measured and not samples)
    ):
        return math.inf
    gates = len(prepared.circuit.data) + 4 * width * terms
    gate = _GATE + (_NOISY_AMPLITUDE * 4**width if noisy else _AMPLITUDE * 2**width)
    runs = most_pieces(max(sets, found.options.num_randomizations(loaded.shots))) if samples else 1
    return runs * _RUN + sets * (_SET + gates * gate + (1 + terms) * 2**width * _PROBABILITY)


def _terms(loaded: LoadedPub) -> int:
    """Return how many terms the observables have, each of which may need a setting of its own."""
    assert isinstance(loaded.pub, EstimatorPub)  # noqa: S101 (samplers have none)
    observables = loaded.pub.observables.sparse_observables_array()
    return sum(observable.num_terms for observable in observables.flat)
