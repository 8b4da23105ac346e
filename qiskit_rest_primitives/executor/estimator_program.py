"""PUBs of an estimator -> quantum programs for ``Executor``, whose circuits and randomisations are made by qiskit-mitigation."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import PauliLindbladMap

from .._calls import frames_of_ours
from ..exceptions import IBMInputValueError
from ..options.primitives import EstimatorOptions, ExecutorOptions, final_estimator_options
from ..options.randomizations import Randomizations
from ..options.rules import Unset
from ..qasm.mitigation import inverse_of_pair
from .decoupling import Decoupling, decoupling_of
from .empty_pubs import dump_empty
from .estimator_results import MEANS, precision_of
from .given_layer_noise import GivenLayerNoise, noise_needed_by, width_of
from .mitigation_tasks import PROJECTORS, Mitigation, without_boxes
from .parts import ProgramPart, Share, executor_options, shared, undone
from .passed import WITHOUT_EFFECT
from .quantum_program import QuantumProgram
from .sampler_program import circuit_metadata

if TYPE_CHECKING:
    from ..models.backend import IBMBackend

VERSION = "v0.1"
"""Of the post-processor that reads the results."""

_PRECISION = 0.015625
_CANCELLED_SHOTS = 64
"""Shots of each randomisation with cancellation, which lives on many randomisations rather than on many shots of each."""

_MOST_PROJECTORS = 12
"""Most projectors in a term that readout mitigation takes apart: 2**12 Pauli strings."""

_ECHOED = (
    "default_precision",
    "default_shots",
    "resilience_level",
    "seed_estimator",
    "dynamical_decoupling",
    "execution",
    "twirling",
)


def estimator_parts(
    pubs: Sequence[EstimatorPub],
    options: EstimatorOptions,
    backend: IBMBackend,
    learned: Sequence[tuple[CircuitInstruction, PauliLindbladMap]] | None = None,
) -> list[ProgramPart]:
    """Make the programs of an estimator's ``run()``: one for each distinct precision, or number of shots.

    Args:
        pubs: Its PUBs, checked.
        options: Its options, checked.
        backend: Where they run.
        learned: The noise of all layers that need it; None for that of the options.

    Returns:
        Programs with the role ``estimator_v2``; their results are read by ``estimator_pubs``, and by the official client.
    """
    final = final_estimator_options(options)
    mitigation = Mitigation(final)
    run, schedule = _run_options(final, backend), decoupling_of(final.dynamical_decoupling, backend)
    ignored = undone(final, schedule)
    fixed, shares = shared(pubs)
    together: dict[tuple[int, float | None], list[int]] = {}
    for index, pub in enumerate(fixed):
        _check_pub(pub, shares[index].pub, final)
        together.setdefault((_shots(pub.precision, final), pub.precision), []).append(index)
    noise = _given_noise([pub.circuit for pub in pubs], final, backend, learned)
    parts = []
    for (shots, precision), chosen in together.items() or [((_shots(None, final), None), [])]:
        filled = [index for index in chosen if fixed[index].size]
        whose = tuple(shares[index] for index in filled)
        program = _program(
            [fixed[index] for index in filled], whose, shots, final, mitigation, noise, schedule
        )
        program.passthrough_data["post_processor"] |= {"precision": precision, WITHOUT_EFFECT: ignored}
        empty = [
            dump_empty(
                shares[index].pub,
                fixed[index].shape,
                circuit_metadata(fixed[index].circuit),
                _about(shots, precision, final),
                mitigation.axes(),
            )
            for index in chosen
            if not fixed[index].size
        ]
        parts.append(ProgramPart(program, run, whose, final.circuit_format, empty))
    return parts


def _run_options(options: EstimatorOptions, backend: IBMBackend) -> ExecutorOptions:
    """Return the options of the jobs, and warn of a seed where the service has no place for it, as servers of this package have."""
    made = executor_options(options)
    # Cancellation on a simulator asks for it; here it has done its service, since the layers are made before sending.
    made.simulator.coupling_map = Unset
    if isinstance(options.seed_estimator, int):
        if not isinstance(made.simulator.seed_simulator, int):
            made.simulator.seed_simulator = options.seed_estimator
        if not backend.service.is_local:
            warnings.warn(
                "seed_estimator has no effect where jobs run as quantum programs (the option program): the service draws "
                "the randomisations, and takes no seed.",
                UserWarning,
                stacklevel=frames_of_ours() + 1,
            )
    return made


# ------------------------------------------------------------------------------------------------ what is refused


def _check_pub(pub: EstimatorPub, index: int, options: EstimatorOptions) -> None:
    circuit, resilience = pub.circuit, options.resilience
    if resilience.measure_mitigation and (most := _projectors(pub.observables)) > _MOST_PROJECTORS:
        raise IBMInputValueError(
            f"An observable of PUB {index} has a term of {most} projectors, of which measurement mitigation makes "
            f"2**{most} Pauli strings on the program 'executor': at most {_MOST_PROJECTORS} are taken, unless "
            "resilience.measure_mitigation is False."
        )
    if resilience.zne_mitigation and resilience.zne.amplifier != "pea":
        _check_folding(without_boxes(circuit), index)


def _check_folding(circuit: QuantumCircuit, index: int) -> None:
    for step in circuit.data:
        if len(step.qubits) < 2 or step.name == "barrier" or inverse_of_pair(step) is not None:
            continue
        raise IBMInputValueError(
            f"Gate folding on the program 'executor' folds gates on two qubits, but the circuit of PUB {index} has "
            f"{step.name!r}, whose noise would stay as it is: transpile it away, or use resilience.zne.amplifier = 'pea'."
        )


def _projectors(observables: ObservablesArray) -> int:
    """Return how many projectors stand in one term, at most."""
    terms = (term for observable in observables.ravel().tolist() for term in observable)
    return max((sum(term.count(letter) for letter in PROJECTORS) for term in terms), default=0)


def _given_noise(
    circuits: Sequence[QuantumCircuit],
    options: EstimatorOptions,
    backend: IBMBackend,
    learned: Sequence[tuple[CircuitInstruction, PauliLindbladMap]] | None,
) -> GivenLayerNoise | None:
    needed_by = noise_needed_by(options)
    if needed_by is None:
        return None
    given = options.resilience.layer_noise_model if learned is None else learned
    return GivenLayerNoise(given, circuits, width_of(backend, circuits), needed_by)


# ------------------------------------------------------------------------------------------------ how many shots


def _split(options: EstimatorOptions) -> Randomizations:
    return Randomizations.load(options.twirling.model_dump())


def _shots(precision: float | None, options: EstimatorOptions) -> int:
    """Return the shots of each set of values and basis, by the rule of the program ``estimator`` (rest-api.md 4.3)."""
    asked = _split(options).product or options.default_shots
    if precision is None and isinstance(asked, int) and asked:
        return asked
    precision = _precision(options) if precision is None else precision
    # The small factor keeps 1 / 0.01**2 from becoming 10001.
    return max(1, math.ceil(1 / precision / precision * (1 - 1e-12)))


def _precision(options: EstimatorOptions) -> float:
    chosen = options.default_precision
    return float(chosen) if isinstance(chosen, (int, float)) else _PRECISION


def _randomized(shots: int, options: EstimatorOptions) -> tuple[int, int]:
    """Return number and shots of the randomisations."""
    twirling, split = options.twirling, _split(options)
    if not twirling.enable_gates and not twirling.enable_measure:
        return 1, shots
    if options.resilience.pec_mitigation and split == Randomizations():
        split = Randomizations(shots_each=_CANCELLED_SHOTS)
    return split.split(shots)


def _calibrations(number: int, each: int, options: EstimatorOptions) -> int:
    """Return how many randomisations calibrate the readout: those of the circuits, unless the options say so many shots."""
    learning = options.resilience.measure_noise_learning
    count, shots = learning.num_randomizations, learning.shots_per_randomization
    count = count if isinstance(count, int) else number
    # All items of a program have the same shots, so that more of them become more randomisations.
    return math.ceil(count * shots / each) if isinstance(shots, int) else count


# ------------------------------------------------------------------------------------------------ programs


def _program(
    pubs: Sequence[EstimatorPub],
    shares: Sequence[Share],
    shots: int,
    options: EstimatorOptions,
    mitigation: Mitigation,
    noise: GivenLayerNoise | None,
    schedule: Decoupling | None,
) -> QuantumProgram:
    number, each = _randomized(shots, options)
    trex = mitigation.calibration()
    program, metadata = QuantumProgram(each), []
    for pub, share in zip(pubs, shares, strict=True):
        circuit = without_boxes(pub.circuit)
        circuit.metadata = circuit_metadata(pub.circuit)
        metadata.append(circuit.metadata)
        first = len(program.items)
        try:
            maps = None if noise is None else noise.maps(mitigation.layers(circuit), share.pub)
            mitigation.append(program, circuit, pub, randomizations=number, trex=trex, noise=maps)
            if schedule is not None:
                for item in program.items[first:]:
                    item.circuit = schedule.run(item.circuit, circuit)
        except (Warning, IBMInputValueError):
            raise
        except Exception as cause:
            raise IBMInputValueError(
                f"PUB {share.pub} cannot run on the program 'executor': {cause}"
            ) from cause
    if trex is not None and pubs:
        trex.prepare(_calibrations(number, each, options), program)
    program._semantic_role = "estimator_v2"
    program.passthrough_data = {} if program.passthrough_data is None else program.passthrough_data
    program.passthrough_data["post_processor"] = {
        "version": VERSION,
        "options": _echoed(options),
        "shots": number * each,
        "circuits_metadata": metadata,
        "num_pubs": len(pubs),
        MEANS: True,
    }
    return program


def _about(shots: int, precision: float | None, options: EstimatorOptions) -> dict[str, Any]:
    """Return what the metadata of a PUB that runs nothing say."""
    number, each = _randomized(shots, options)
    return {
        "shots": number * each,
        "num_randomizations": number,
        "target_precision": precision_of(_echoed(options)) if precision is None else precision,
        "resilience": {"measure_mitigation": True} if options.resilience.measure_mitigation else {},
    }


def _echoed(options: EstimatorOptions) -> dict[str, Any]:
    """Return the options that results repeat, with what decides how they are read."""
    whole = options.model_dump()
    found: dict[str, Any] = {name: whole[name] for name in _ECHOED if name in whole}
    found.setdefault("default_precision", _PRECISION)
    found["resilience"] = {
        name: value for name, value in whole["resilience"].items() if name != "layer_noise_model"
    }
    return found
