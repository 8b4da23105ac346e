"""``ProgramPart``: one of the ``executor`` jobs that a ``run()`` of a primitive becomes; and how they are sent."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from .._calls import frames_of_ours
from ..exceptions import IBMInputValueError
from ..jobs.job import RuntimeJobV2
from ..jobs.job_of_parts import JobOfParts
from ..jobs.parts import MOST_PARTS
from ..jobs.request import MAX_TAGS, WrittenParams
from ..options.base import OptionGroup
from ..options.primitives import EstimatorOptions, ExecutorOptions, SamplerOptions
from ..primitives.base import RunContext
from ..primitives.pubs import writing
from ..primitives.submit import run_arguments
from ..qasm.circuit_metadata import kept_metadata
from ..qasm.maps import CircuitMap
from ..wire.durations import by_duration, delay_parameters
from ..wire.expected import DecodeHints
from ..wire.quantum_program import PLACE
from .empty_pubs import EMPTY
from .executor import program_params
from .quantum_program import QuantumProgram

_P = TypeVar("_P", SamplerPub, EstimatorPub)


class Share(NamedTuple):
    """What of a PUB of ``run()`` a result is.

    Attributes:
        pub: Its index.
        shape: Of the PUB.
        rows: Which entries of its flat shape; None for all.
    """

    pub: int
    shape: tuple[int, ...]
    rows: list[int] | None = None


def shared(pubs: Sequence[_P]) -> tuple[list[_P], list[Share]]:
    """Return PUBs in whose programs all delays are fixed: for those with parameters one for each duration."""
    found: list[tuple[_P, Share]] = []
    for index, pub in enumerate(pubs):
        if not (delay_parameters(pub.circuit) and pub.size):
            bare = (
                isinstance(pub, SamplerPub) and not pub.circuit.cregs
            )  # whose results would not tell their shape
            found.append((pub, Share(index, pub.shape, list(range(pub.size)) if bare else None)))
            continue
        with writing(f"PUB {index}"):
            apart = by_duration(pub)
        found += [(one, Share(index, pub.shape, rows.tolist())) for one, rows in apart]
    return [pub for pub, _ in found], [share for _, share in found]


@dataclass(frozen=True)
class ProgramPart:
    """One ``executor`` job of a ``run()``; a program has one number of shots for all its items, a ``run()`` may have several.

    Attributes:
        program: What to run, with its semantic role, and what its results are read by as ``passthrough_data``.
        options: The options of the job.
        pubs: Of which PUBs of ``run()`` the program's results are, in their order.
        circuit_format: How its circuits are written, as for ``program_params``.
        empty: What is sent along of PUBs that no program runs.
    """

    program: QuantumProgram
    options: ExecutorOptions
    pubs: tuple[Share, ...]
    circuit_format: str = "auto"
    empty: Sequence[Mapping[str, Any]] = ()


def run_params(
    parts: Sequence[ProgramPart], place: RunContext, *, before: int = 0
) -> tuple[WrittenParams, dict[str, Any]]:
    """Check and write all parts of a ``run()``; ``send`` makes one job of them, of program ``executor``.

    Where there are several, each carries its place among them, so that their results can be joined by whoever reads them.

    Args:
        parts: In the order in which they are to be sent.
        place: Where they will run.
        before: How many other jobs of the ``run()`` come before them.
    """
    if len(parts) > MOST_PARTS:
        raise IBMInputValueError(
            f"This run() has {len(parts)} numbers of shots, each of which is a job; at most {MOST_PARTS} can be one."
        )
    written = []
    of = before + len(parts)
    for number, part in enumerate(parts, before + 1):
        program = copy(part.program)
        shares = [None if share.rows is None else [share.shape, share.rows] for share in part.pubs]
        if of > 1 or any(shares) or part.empty:
            position: dict[str, Any] = {
                "part": number,
                "of": of,
                "pubs": [share.pub for share in part.pubs],
            }
            position |= {"shares": shares} if any(shares) else {}
            position |= {EMPTY: list(part.empty)} if part.empty else {}
            program.passthrough_data = {**(program.passthrough_data or {}), PLACE: position}
        written.append(program_params(program, part.options, place, part.circuit_format))
    (first, envelope), *others = written
    if of > 1 and len(envelope.get("tags") or ()) >= MAX_TAGS:
        raise IBMInputValueError(
            f"A run() of several numbers of shots, or one that learns noise first, is several jobs, and the last of their "
            f"{MAX_TAGS} tags finds them again: give at most {MAX_TAGS - 1} job_tags, or one number of shots."
        )
    return WrittenParams(first, DecodeHints(), [params for params, _ in others]), envelope


def submit_parts(
    pubs: Sequence[Any],
    place: RunContext,
    options: SamplerOptions | EstimatorOptions,
    *,
    dry_run: bool,
) -> RuntimeJobV2:
    """Send PUBs, which were checked against the device, as quantum programs.

    Warns:
        UserWarning: The plain form of results is asked for, which those of quantum programs do not have.
    """
    if not options.support_qiskit:
        warnings.warn(
            "support_qiskit = False has no effect where jobs run as quantum programs (the option program): what the service "
            "stores has one form, that of the program 'executor'. job.result() gives the same.",
            UserWarning,
            stacklevel=frames_of_ours() + 1,
        )
    options = _lifted(options)
    _check_carried(place, options)
    if isinstance(options, EstimatorOptions):
        from .learned_first import estimator_request

        program, params, envelope = estimator_request(pubs, place, options)
    else:
        from .sampler_program import sampler_parts

        parts = sampler_parts(pubs, options, place.backend)
        program, (params, envelope) = "executor", run_params(parts, place)
    params.hints = _metadata_hints(pubs)
    job = place.backend.service._run(**run_arguments(place, program, params, envelope, dry_run=dry_run))
    if place.session is not None and isinstance(job, JobOfParts):
        place.session._unsent.append(job._wait_until_sent)
    return job


def undone(options: SamplerOptions | EstimatorOptions, schedule: Any) -> list[str]:
    """Return which options, whose switches are decided, change nothing; ``schedule`` is what puts pulses into circuits, if anything."""
    asked = {
        "dynamical_decoupling": options.dynamical_decoupling.enable and schedule is None,
        "simulator.coupling_map": isinstance(options, EstimatorOptions) and options.simulator.coupling_map,
        "support_qiskit": not options.support_qiskit,
    }
    return [name for name, wanted in asked.items() if wanted]


def _metadata_hints(pubs: Sequence[SamplerPub] | Sequence[EstimatorPub]) -> DecodeHints:
    """Return what this process gives back of the circuits of a ``run()``: their metadata, also what cannot be sent."""
    return DecodeHints(
        tuple(
            CircuitMap(pub.circuit.num_qubits, metadata=kept_metadata(pub.circuit.metadata)[0])
            for pub in pubs
        )
    )


def executor_options(options: SamplerOptions | EstimatorOptions) -> ExecutorOptions:
    """Return what of a primitive's options its quantum programs are run with; ``experimental`` is sent as it is."""
    made = ExecutorOptions(
        max_execution_time=options.max_execution_time,
        environment=options.environment.replica(),
        simulator=options.simulator.replica(),
        experimental=options.experimental,
    )
    shared = made.execution._entries
    made.execution.update(**{name: getattr(options.execution, name) for name in shared})
    return made


def _lifted(options: SamplerOptions | EstimatorOptions) -> SamplerOptions | EstimatorOptions:
    """Return options with those set that stand in ``experimental``, as by the service's own program; what is none stays there."""
    if not isinstance(options.experimental, Mapping):
        return options
    given, lifted = options.experimental, options.replica()
    sent = {
        name: value
        for name, value in given.items()
        if name in options._entries and options._entries[name].sent
    }
    unknown = _set(lifted, sent)
    lifted.experimental = {
        name: unknown.get(name, value) for name, value in given.items() if name not in sent or name in unknown
    }
    return lifted


def _set(group: OptionGroup, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set options of a group and those inside it; return what are none."""
    unknown: dict[str, Any] = {}
    for name, value in values.items():
        inner = getattr(group, name, None)
        if name not in group._entries:
            unknown[name] = value
        elif isinstance(inner, OptionGroup) and isinstance(value, Mapping):
            if rest := _set(inner, value):
                unknown[name] = rest
        else:
            group.update(**{name: value})
    return unknown


def _check_carried(place: RunContext, options: SamplerOptions | EstimatorOptions) -> None:
    """Refuse by name what the service's programs have no place for, and servers of this package have."""
    if place.is_local:
        return
    refused = {
        "circuit_format = 'qasm3'": options.circuit_format == "qasm3",
        "simulator.layer_noise_model": bool(options.simulator.layer_noise_model),
    }
    for name, asked in refused.items():
        if asked:
            raise IBMInputValueError(
                f"{name} cannot be had where jobs run as quantum programs (the option program) of IBM Quantum; unset it."
            )
