"""The programs that the server runs itself: one row each, and everybody who must know about one reads that row."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._time import now
from ...results.calibrator import VERSION, CalibratorResult, dump_calibration, load_order
from ...wire import jsonio
from ...wire.arrays import array_shape
from ...wire.pubs import MOST_SHOTS, SMALLEST_PRECISION
from ..devices.device import Device
from ..job_errors import ParamsError, reading
from ..json_schema import ANYTHING, Schema, extensible, words
from ..learning import noise_learner
from ..learning.learner_options import BOX_LEARNER_PARAMS, LEARNER_PARAMS
from .executor import run_program
from .jobs import ESTIMATOR_PUBS, SAMPLER_PUBS, JobOutput, PubKind, read, read_checked
from .options import (
    ESTIMATOR_PARAMS,
    SAMPLER_PARAMS,
    RunOptions,
    load_estimator_options,
    load_sampler_options,
)
from .quantum_program import EXECUTOR_PARAMS, check_program, without_effect

Asked = tuple[str, str, Any]
"""Where in the params something is asked for, what (``shots``, or the word for the items), and how many."""


@dataclass(frozen=True)
class JobParams:
    """The ``params`` of a job, decoded and checked once; its circuits, and what is to be bound to them, are as they came.

    Attributes:
        options: What they ask for, as the program's ``check`` returned it.
    """

    program_id: str
    document: Mapping[str, Any] = field(repr=False)
    options: Any = field(repr=False)

    @property
    def program(self) -> ServedProgram:
        """The program's row."""
        return PROGRAMS[self.program_id]

    @property
    def executions(self) -> int | None:
        """How many executions they ask for, as far as that is known before circuits are read.

        One is a shot of one circuit: shots times parameter sets, summed over the PUBs; of an estimator, with one
        measurement setting for each parameter set, and times the noise factors of extrapolation.
        """
        count = self.program.executions
        return None if count is None else count(self.document, self.options)


@dataclass(frozen=True)
class ServedProgram:
    """One program.

    Attributes:
        check: Returns the options of decoded params, after a check of everything but circuits and values. Raises
            ``ParamsError``.
        run: Returns the body of the result, and the number of circuits run; seeded where the options are not.
        asks: Tells of checked params how much they ask for that a server limits.
        without_effect: Names the options of params that change nothing here.
        schemas: The schemas of its params, by their names in the OpenAPI document.
        executions: See ``JobParams.executions``.
        pubs: How its PUBs are read and run, so that small jobs need no process; None where there are none.
        in_session: Whether it runs in sessions only.
        had_circuits: Whether there was a first version, which took ``circuits`` and is an uploaded program here.
    """

    check: Callable[[Any], Any]
    run: Callable[[JobParams, Device, int | None], tuple[bytes, int]]
    asks: Callable[[Mapping[str, Any]], Iterator[Asked]]
    without_effect: Callable[[Mapping[str, Any]], tuple[str, ...]]
    schemas: Mapping[str, Schema]
    executions: Callable[[Mapping[str, Any], Any], int | None] | None = None
    pubs: PubKind | None = None
    in_session: bool = False
    had_circuits: bool = False


def primitive_of(program_id: str, params: Mapping[str, Any]) -> ServedProgram | None:
    """Return what runs a job of these params, None if that is an uploaded program, or nothing at all."""
    found = PROGRAMS.get(program_id)
    older = found is not None and found.had_circuits and "circuits" in params and "pubs" not in params
    return None if older else found


def decode(program_id: str, params: bytes | Mapping[str, Any]) -> JobParams:
    """Check everything in ``params`` but the circuits and values themselves, and read the options.

    Raises:
        ParamsError: Unknown program, unknown key, or a value out of range; the text names the place.
    """
    if program_id not in PROGRAMS:
        raise ParamsError(f"The program {program_id!r} is not available here: use {' or '.join(PROGRAMS)}.")
    try:
        document = jsonio.loads(params) if isinstance(params, bytes) else params
    except jsonio.DecodeError as cause:
        raise ParamsError(str(cause)) from cause
    return JobParams(program_id, document, PROGRAMS[program_id].check(document))


def execute(
    program_id: str, params: bytes | JobParams, device: Device, *, seed: int | None = None
) -> JobOutput:
    """Run a job, from the bytes of its params to the bytes of its result (rest-api.md 4.2 to 4.14).

    A pure function of its arguments, so it runs in a thread, a process or a worker of a cluster alike; only the circuits
    read last are remembered.

    Args:
        program_id: One of ``PROGRAMS``.
        params: The JSON of ``params`` in ``POST /jobs``, or what ``decode`` made of it.
        device: What to run on.
        seed: Seed when the job's options give none; None for an unpredictable run.

    Raises:
        TaskFailed: The job cannot be run; reason and code are those a client reads.
    """
    started = time.perf_counter()
    with reading():
        decoded = decode(program_id, params) if isinstance(params, bytes) else params
    body, circuits = decoded.program.run(decoded, device, seed)
    return JobOutput(body, time.perf_counter() - started, circuits)


def _pub_runner(kind: PubKind) -> Callable[[JobParams, Device, int | None], tuple[bytes, int]]:
    return lambda params, device, seed: read(kind, params.document, params.options, device, seed=seed).run()


def _asked_of_pubs(params: Mapping[str, Any]) -> Iterator[Asked]:
    yield "params.pubs", "PUBs", len(params["pubs"])


def _asked_of_sampler(params: Mapping[str, Any]) -> Iterator[Asked]:
    yield from _asked_of_pubs(params)
    options = params.get("options") or {}
    yield "params.shots", "shots", params.get("shots")
    yield "params.options.default_shots", "shots", options.get("default_shots")
    for index, pub in enumerate(params["pubs"]):
        if isinstance(pub, list) and len(pub) > 2:
            yield f"params.pubs[{index}]", "shots", pub[2]


def _asked_of_executor(params: Mapping[str, Any]) -> Iterator[Asked]:
    program = params["quantum_program"]
    yield "params.quantum_program.shots", "shots", program["shots"]
    yield "params.quantum_program.items", "items", len(program["items"])


def _asked_of_learner(params: Mapping[str, Any]) -> Iterator[Asked]:
    each = (params.get("options") or {}).get("shots_per_randomization")
    yield "params.options.shots_per_randomization", "shots", each
    yield "params.circuits", "circuits", len(params.get("circuits", ()))


def sampler_executions(params: Mapping[str, Any], options: RunOptions) -> int | None:
    """Return how many executions a job of a sampler asks for, ``wire.pubs.MOST_SHOTS`` at most; None for PUBs that will fail."""
    return _executions(params, options, _of_sampler_pub)


def estimator_executions(params: Mapping[str, Any], options: RunOptions) -> int | None:
    """Do the same for a job of an estimator."""
    return _executions(params, options, _of_estimator_pub)


def _executions(
    params: Mapping[str, Any], options: RunOptions, count: Callable[[Any, RunOptions], int]
) -> int | None:
    try:
        return max(0, min(MOST_SHOTS, sum(count(pub, options) for pub in params["pubs"])))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return None  # the job will fail with a reason that names the place


def _of_sampler_pub(pub: Any, options: RunOptions) -> int:
    values, shots = _members(pub, 1, 2)
    return _sets(values) * (options.shots if shots is None else int(shots))


def _of_estimator_pub(pub: Any, options: RunOptions) -> int:
    values, precision = _members(pub, 2, 3)
    if precision is not None and not precision >= SMALLEST_PRECISION:
        raise ValueError("no precision")
    factors = 1 if options.zne is None else len(options.zne.noise_factors)
    return _sets(values) * options.estimator_shots(precision) * factors


def _members(pub: Any, *places: int) -> list[Any]:
    return [pub[place] if isinstance(pub, list) and len(pub) > place else None for place in places]


def _sets(values: Any) -> int:
    """Return the number of parameter sets that values in any form of rest-api.md 4.5 make."""
    if values is None:
        return 1
    if isinstance(values, dict) and "__type__" not in values:
        return math.prod(np.broadcast_shapes(*map(_shape, values.values())))
    if isinstance(values, dict) and values["__type__"] == "BindingsArray":
        content = values["__value__"]
        if content.get("shape") is not None:
            return math.prod(map(int, content["shape"]))
        return math.prod(np.broadcast_shapes(*(_shape(numbers)[:-1] for numbers in content["data"].values())))
    return math.prod(_shape(values)[:-1])  # the last axis is that of the parameters


def _shape(numbers: Any) -> tuple[int, ...]:
    if isinstance(numbers, dict):
        return array_shape(numbers["__value__"])
    shape: list[int] = []
    while isinstance(numbers, list):
        shape.append(len(numbers))
        numbers = numbers[0] if numbers else None
    return tuple(shape)


_CALIBRATE_PARAMS = extensible(
    {"schema_version": words(VERSION), "options": extensible({}, {"experimental": ANYTHING})}
)


def _check_order(params: Any) -> dict[str, Any]:
    """Check the params of a calibration, and return its experimental options; none of them has an effect."""
    try:
        return load_order(params)
    except jsonio.DecodeError as cause:
        raise ParamsError(f"params: {cause}") from cause


def _calibration() -> bytes:
    """Run a calibration, which is over at once: an emulated device has nothing to calibrate (rest-api.md 4.7)."""
    start = now()
    return jsonio.dumps(dump_calibration(CalibratorResult(start, now())))


PROGRAMS: dict[str, ServedProgram] = {
    "sampler": ServedProgram(
        check=load_sampler_options,
        run=_pub_runner(SAMPLER_PUBS),
        asks=_asked_of_sampler,
        without_effect=lambda params: load_sampler_options(params).without_effect,
        schemas={"SamplerParams": SAMPLER_PARAMS},
        executions=sampler_executions,
        pubs=SAMPLER_PUBS,
        had_circuits=True,
    ),
    "estimator": ServedProgram(
        check=load_estimator_options,
        run=_pub_runner(ESTIMATOR_PUBS),
        asks=_asked_of_pubs,
        without_effect=lambda params: load_estimator_options(params).without_effect,
        schemas={"EstimatorParams": ESTIMATOR_PARAMS},
        executions=estimator_executions,
        pubs=ESTIMATOR_PUBS,
        had_circuits=True,
    ),
    "executor": ServedProgram(
        check=check_program,
        run=lambda params, device, seed: run_program(params.document, device, seed=seed),
        asks=_asked_of_executor,
        without_effect=lambda params: without_effect(params.get("options") or {}),
        schemas={"ExecutorParams": EXECUTOR_PARAMS},
    ),
    "noise-learner": ServedProgram(
        check=noise_learner.options_of,
        run=lambda params, device, seed: noise_learner.run(
            params.document, params.options, device, lambda item: read_checked(item, device), seed=seed
        ),
        asks=_asked_of_learner,
        without_effect=lambda params: noise_learner.options_of(params).without_effect,
        schemas={"LearnerParams": LEARNER_PARAMS, "BoxLearnerParams": BOX_LEARNER_PARAMS},
    ),
    "calibrate": ServedProgram(
        check=_check_order,
        run=lambda _params, _device, _seed: (_calibration(), 0),
        asks=lambda _params: iter(()),
        without_effect=lambda params: ("experimental",) if _check_order(params) else (),
        schemas={"CalibrateParams": _CALIBRATE_PARAMS},
        in_session=True,
    ),
}
