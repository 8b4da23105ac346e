"""The steps of ``run()`` that primitives and ``Executor`` share: the checks against a device, the body, the one request."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..exceptions import IBMInputValueError, IBMRuntimeError
from ..jobs.request import RUN_OPTIONS, WrittenParams
from ..options.primitives import EstimatorOptions, ExecutorOptions, JobOptions, OptionsV2, SamplerOptions
from ..qasm.canonical import CircuitDumpError
from ..qasm.codec import EncodedCircuit, dump_circuit
from ..qasm.noise_model import NOISE_KEY, Distinguished, distinguished, dump_noise_model
from ..session import active_session
from ..wire import jsonio, typed
from ..wire.expected import DecodeHints, expected_shots
from .base import RunContext
from .isa import (
    CircuitSummary,
    check_angles,
    check_combination,
    check_folding,
    check_instructions,
    summary_of,
)
from .pubs import writing

if TYPE_CHECKING:
    from ..jobs.job import RuntimeJobV2
    from ..models.backend import IBMBackend

_VARIABLE = "QISKIT_REST_PRIMITIVES_PROGRAM"
_MODELS = ("noise_model", "layer_noise_model")
_NOISE_FACTORS = (1, 3, 5)  # of the service, where the options name none

_NO_VALUES = BindingsArray({})

_P = TypeVar("_P", SamplerPub, EstimatorPub)

_log = logging.getLogger(__name__)


def check_device(
    pubs: Sequence[SamplerPub] | Sequence[EstimatorPub],
    backend: IBMBackend,
    options: SamplerOptions | EstimatorOptions,
) -> None:
    """Check every PUB against the device it is meant for, and the options against both.

    Simulators take every instruction and angle, so only what no program can combine is checked for them.
    """
    simulator = bool(backend.configuration().simulator)
    check_delay(backend, options)
    decoupling = bool(options.dynamical_decoupling.enable)
    twirled_by = None if simulator else _twirled_by(options)
    factors = () if simulator else _folded_by(options)
    for index, pub in enumerate(pubs):
        if simulator and not decoupling:
            continue
        facts = summary_of(pub.circuit)
        if not simulator:
            _check_fit(facts, backend, f"PUB {index}", pub.parameter_values)
            check_folding(pub.circuit, factors, pub=index)
        check_combination(facts, pub=index, decoupling=decoupling, twirled_by=twirled_by)


def check_body(
    facts: CircuitSummary, backend: IBMBackend, where: str, values: BindingsArray | None = _NO_VALUES
) -> None:
    """Check an item's circuit, or the body of a box, against its device; simulators take everything.

    Values are None where they are drawn by the service, which checks the angles then.
    """
    if not backend.configuration().simulator:
        _check_fit(facts, backend, where, values)


def _check_fit(facts: CircuitSummary, backend: IBMBackend, where: str, values: BindingsArray | None) -> None:
    check_instructions(
        facts,
        backend.target,
        where=where,
        backend_name=backend.name,
        faulty=partial(_faulty_qubits, backend),
    )
    if values is not None:
        check_angles(facts, values, where=where)


def check_delay(backend: IBMBackend, options: SamplerOptions | EstimatorOptions | ExecutorOptions) -> None:
    """Check the delay between shots against the range of the device."""
    delay = options.execution.rep_delay
    allowed = backend.configuration().get("rep_delay_range")
    if isinstance(delay, (int, float)) and allowed and not allowed[0] <= delay <= allowed[1]:
        raise IBMInputValueError(
            f"execution.rep_delay is {delay} s, but {backend.name!r} takes {allowed[0]} to {allowed[1]} s."
        )


def _faulty_qubits(backend: IBMBackend) -> list[int]:
    properties = backend.properties()
    return [] if properties is None else list(properties.faulty_qubits())


def check_mitigation(backend: IBMBackend, options: EstimatorOptions) -> None:
    """Refuse error cancellation on a simulator of unknown connectivity, which is one without ``simulator.coupling_map``."""
    if (
        options.resilience.pec_mitigation
        and backend.configuration().simulator
        and not options.simulator.coupling_map
    ):
        raise IBMInputValueError(
            f"resilience.pec_mitigation on the simulator {backend.name!r} needs simulator.coupling_map."
        )


def _twirled_by(options: SamplerOptions | EstimatorOptions) -> str | None:
    """Name the option that turns gate twirling on, if one does (rest-api.md 3.7 and 9.6)."""
    if options.twirling.enable_gates:
        return "twirling.enable_gates"
    if not isinstance(options, EstimatorOptions):
        return None
    if options.resilience.pec_mitigation:
        return "resilience.pec_mitigation"
    if options.resilience_level == 2 and options.twirling.enable_gates is not False:
        return "resilience_level = 2"
    zne = options.resilience.zne_mitigation or options.resilience_level == 2
    return "resilience.zne.amplifier = 'pea'" if zne and options.resilience.zne.amplifier == "pea" else None


def _folded_by(options: SamplerOptions | EstimatorOptions) -> Sequence[float]:
    """Return the noise factors that gates are folded by; none where they are not."""
    if not isinstance(options, EstimatorOptions):
        return ()
    resilience = options.resilience
    default = options.resilience_level == 2 and not resilience.pec_mitigation
    on = resilience.zne_mitigation or (default and resilience.zne_mitigation is not False)
    if not on or resilience.zne.amplifier == "pea":
        return ()
    factors = resilience.zne.noise_factors
    return factors if isinstance(factors, (list, tuple)) else _NOISE_FACTORS


def write_pubs(
    pubs: Sequence[_P], options: OptionsV2, place: RunContext, dump: Callable[[_P, EncodedCircuit], list[Any]]
) -> tuple[list[EncodedCircuit], list[list[Any]]]:
    """Write the PUBs of a primitive: their circuits, and all of them."""
    circuits, written = [], []
    noise = noise_of(place.backend, options)
    for index, pub in enumerate(pubs):
        with writing(f"PUB {index}"):
            circuits.append(dump_circuit(pub.circuit, circuit_format=options.circuit_format, noise=noise))
            if not place.is_local and _waits_by_parameter(pub, circuits[-1]):
                raise CircuitDumpError(
                    "its delays depend on parameters, which servers of this package take only: bind them with "
                    "assign_parameters, one PUB for each duration"
                )
            written.append(dump(pub, circuits[-1]))
    return circuits, written


def _waits_by_parameter(pub: SamplerPub | EstimatorPub, written: EncodedCircuit) -> bool:
    from ..wire.durations import delay_parameters

    return bool(written.delays or (written.format == "qpy" and delay_parameters(pub.circuit)))


def noise_of(backend: IBMBackend, options: JobOptions) -> Distinguished:
    """Return what the noise of a job tells apart in its circuits: that of its options' noise model, or the backend's.

    Devices know no labels; of what the text leaves out, only ``id`` takes time there.
    """
    model = getattr(getattr(options, "simulator", None), "noise_model", None)
    if isinstance(model, Mapping) and "__value__" in model:
        model = model["__value__"]
    if model:
        return distinguished(model)
    configuration = backend.configuration()
    if configuration.simulator:
        return Distinguished.from_json(configuration.get(NOISE_KEY))
    waits = "id" in configuration.basis_gates
    return Distinguished(frozenset({"id"} if waits else ()), labels=False)


def pub_params(
    pubs: Sequence[list[Any]],
    options: OptionsV2,
    place: RunContext,
    *,
    circuits: Sequence[EncodedCircuit] = (),
    shapes: Sequence[tuple[int, ...]] = (),
    originals: Sequence[QuantumCircuit] = (),
) -> tuple[WrittenParams, dict[str, Any]]:
    """Return the ``params`` of a primitive's job, and what stands beside them (rest-api.md 4.2, 4.3).

    Args:
        pubs: The written PUBs.
        options: The options, read now: later changes do not touch the job.
        place: Where the job will run.
        circuits: The written circuit of each PUB, for the names that the result must carry.
        shapes: The shape of each PUB.
        originals: The circuit of each PUB as the user gave it, on which layers may stand.
    """
    wire = options.to_wire()
    if "layer_noise_model" in wire.options.get("simulator", ()) and not place.is_local:
        raise IBMInputValueError(
            "simulator.layer_noise_model is taken by servers of this package only: unset it, or run on a local backend."
        )
    params = {
        "version": 2,
        "support_qiskit": options.support_qiskit,
        "pubs": list(pubs),
        "options": written_models(wire.options, place.backend, originals),
        **wire.params,
    }
    shots = expected_shots(params) if isinstance(options, SamplerOptions) else None
    hints = DecodeHints(tuple(circuit.map for circuit in circuits), tuple(shapes), shots)
    return WrittenParams(params, hints), wire.envelope


def submit_pubs(
    program_id: str,
    pubs: Sequence[_P],
    place: RunContext,
    options: SamplerOptions | EstimatorOptions,
    dump: Callable[[_P, EncodedCircuit], list[Any]],
    *,
    dry_run: bool,
) -> RuntimeJobV2:
    """Send PUBs that fit the device to the service's own program, or as a quantum program, as ``options.program`` says.

    ``dump`` writes a PUB for the service's own program, "sampler" or "estimator".
    """
    chosen, refused = _chosen_program(options), place.backend.api.submissions.refused
    if chosen == "server" or (chosen == "auto" and program_id not in refused):
        circuits, written = write_pubs(pubs, options, place, dump)
        shapes, originals = [pub.shape for pub in pubs], [pub.circuit for pub in pubs]
        params, envelope = pub_params(
            written, options, place, circuits=circuits, shapes=shapes, originals=originals
        )
        arguments = run_arguments(place, program_id, params, envelope, dry_run=dry_run)
        try:
            return place.backend.service._run(**arguments)
        except IBMRuntimeError as refusal:
            if chosen == "server" or not _is_of_program(refusal):
                raise
            _log.warning("Jobs run as quantum programs from now on: %s", refusal)
            refused.add(program_id)
    from ..executor.parts import submit_parts

    return submit_parts(pubs, place, options, dry_run=dry_run)


def _chosen_program(options: SamplerOptions | EstimatorOptions) -> str:
    chosen = options.program or os.environ.get(_VARIABLE, "").strip() or "auto"
    if chosen not in ("auto", "server", "executor"):
        raise IBMInputValueError(f"{_VARIABLE} must be auto, server or executor, not {chosen!r}.")
    return chosen


def _is_of_program(refusal: IBMRuntimeError) -> bool:
    """Tell whether the service refused a job because it has no such program, rather than for its session or device."""
    failure = refusal.failure
    if failure is None or failure.status not in (404, 410):
        return False
    return "program" in failure.message.lower()


def run_arguments(
    place: RunContext,
    program_id: str,
    params: Mapping[str, Any],
    envelope: Mapping[str, Any],
    *,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Return the arguments of ``service._run``, the method that other packages override to see every job.

    Params are ``WrittenParams`` when reading the result takes more than the result; the envelope is what stands beside them
    (``WireOptions.envelope``). With ``dry_run`` the mock twin of the backend answers at random (rest-api.md 3.9).

    Raises:
        SessionClosedError: If the session does not accept jobs any more.
    """
    if place.session is not None:
        place.session._require_open()
    elif (opened := active_session()) is not None:
        _log.warning(
            "This %s was made outside the block of session %s: its jobs run outside of the session.",
            program_id,
            opened.session_id,
        )
    if place.is_local:
        asked = (program_id, place.backend.name, envelope, {**params, "pubs": None})
        if "pubs" not in params or place.judged != [asked]:  # a loop asks for the same each time
            from ..service.local import warn_of_options

            warn_of_options(program_id, params, envelope, place.warned, place.backend)
            place.judged[:] = [asked]
    named = {name: envelope[wire] for name, wire in RUN_OPTIONS.items() if wire in envelope}
    return {
        "program_id": program_id,
        "inputs": params if isinstance(params, WrittenParams) else WrittenParams(params, DecodeHints()),
        "options": {"backend": place.backend, **named},
        # A mock is another device than the session's.
        "session_id": None if place.session is None or dry_run else place.session.session_id,
        "calibration_id": place.backend.calibration_id,
        "dry_run": dry_run,
    }


def written_models(
    options: dict[str, Any], backend: IBMBackend | None = None, originals: Sequence[QuantumCircuit] = ()
) -> dict[str, Any]:
    """Write the option values that are objects: noise models, what noise learners found, experimental ones of any kind.

    Args:
        options: Some of them objects.
        backend: The device that boxes stand on, if there can be some.
        originals: The circuits that boxes may be of.

    Raises:
        IBMInputValueError: One has no form.
    """
    return {group: _written(group, value, backend, originals) for group, value in options.items()}


def _written(group: str, value: Any, backend: IBMBackend | None, originals: Sequence[QuantumCircuit]) -> Any:
    try:
        if group in ("simulator", "resilience") and isinstance(value, Mapping):
            value = {
                name: _sendable(name, item, backend, originals) if name in _MODELS else item
                for name, item in value.items()
            }
        written = typed.dump(value)
        jsonio.dumps(written)  # refuses NaN and infinities
    except (TypeError, ValueError) as cause:
        raise IBMInputValueError(f"The options of {group} cannot be sent: {cause}.") from cause
    return written


def _sendable(name: str, value: Any, backend: IBMBackend | None, originals: Sequence[QuantumCircuit]) -> Any:
    """Return pairs of boxes and their noise as records, noise models with their passes; anything else as it is."""
    if backend is None:
        return value
    if name == "noise_model" and not isinstance(value, Mapping):
        from ..service.local import hold_for

        return {"__type__": "NoiseModel", "__value__": dump_noise_model(value, hold_for(backend))}
    if not isinstance(value, (list, tuple)) or not value or not isinstance(value[0], tuple):
        return value
    from ..wire.noise_learning import layer_errors

    return layer_errors(value, backend.num_qubits, originals)
