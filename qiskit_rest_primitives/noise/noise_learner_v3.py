"""``NoiseLearnerV3``: learns the noise of boxes of a circuit, one Pauli-Lindblad channel for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qiskit.circuit import CircuitInstruction

from .._calls import explained
from ..exceptions import IBMInputValueError
from ..jobs.job import RuntimeJobV2
from ..options.noise_learner import NoiseLearnerV3Options
from ..primitives.base import Primitive, RunContext
from ..primitives.isa import summarize
from ..primitives.submit import check_body, run_arguments, written_models
from ..wire.noise_learning import NotLearnable, dump_request, places_of, protocol_of


class NoiseLearnerV3(Primitive[NoiseLearnerV3Options]):
    """Learns the noise of layers of gates, by repeating them, and of measurements.

    A layer is an instruction of a transpiled circuit: a box with a ``Twirl`` annotation of samplomatic (extra
    ``executor``). ``find_unique_layers`` of the estimator and the sampler, and
    ``samplomatic.utils.find_unique_box_instructions``, return each distinct one once.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: ``NoiseLearnerV3Options`` or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    version = 3
    _options_class = NoiseLearnerV3Options

    @explained()
    def run(self, instructions: Iterable[CircuitInstruction], dry_run: bool = False) -> RuntimeJobV2:
        """Submit one job.

        Args:
            instructions: Twirled boxes on the backend's qubits, in its instructions: with one layer of Clifford gates on
                one or two qubits, or with one measurement of each qubit.
            dry_run: Have the job checked and timed by the mock twin of the backend; results are random.

        Returns:
            The job; its result is a ``NoiseLearnerV3Results``: one entry per instruction.

        Raises:
            IBMInputValueError: If the noise of an instruction cannot be learned, or it does not fit the backend; nothing
                was sent.
            IBMRuntimeError: If the service refuses the job.
        """
        place, options = self._ready()
        params, envelope = learning_params(instructions, options, place)
        return place.backend.service._run(
            **run_arguments(place, "noise-learner", params, envelope, dry_run=dry_run)
        )


def learning_params(
    instructions: Iterable[CircuitInstruction], options: NoiseLearnerV3Options, place: RunContext
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check instructions; return the ``params`` of the job that learns their noise, and what stands beside them.

    Args:
        instructions: As for ``NoiseLearnerV3.run``.
        options: Of the job, read now.
        place: Where it will run.

    Raises:
        IBMInputValueError: The noise of one cannot be learned, or it does not fit the backend, or cannot be written.
    """
    given = _checked(instructions, place)
    wire = options.to_wire(seeded=place.is_local)
    if "experimental" in wire.options:
        wire.options["experimental"] = written_models(wire.options["experimental"], place.backend)
    try:
        params = dump_request(given, NoiseLearnerV3Options.filled(wire.options))
    except ValueError as cause:
        raise IBMInputValueError(f"The instructions cannot be written: {cause}") from cause
    return params, wire.envelope


def _checked(instructions: Iterable[CircuitInstruction], place: RunContext) -> list[CircuitInstruction]:
    given = list(instructions)
    if not given:
        raise IBMInputValueError("There are no instructions to learn the noise of.")
    for index, instruction in enumerate(given):
        if not isinstance(instruction, CircuitInstruction):
            raise IBMInputValueError(
                f"run() takes instructions of circuits, not {type(instruction).__name__} (instruction {index}): "
                "estimator.find_unique_layers(pubs) returns those of a circuit."
            )
        width = place.backend.num_qubits
        try:
            protocol_of(instruction)
            where = places_of(instruction, width)
        except NotLearnable as cause:
            raise IBMInputValueError(
                f"The noise of instruction {index} cannot be learned: {cause}."
            ) from cause
        facts = summarize(instruction.operation.body, where, width)
        check_body(facts, place.backend, f"instruction {index}")
    return given
