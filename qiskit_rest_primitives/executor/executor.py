"""``Executor``: runs quantum programs, whose results are the raw measurements (directed execution)."""

from __future__ import annotations

from typing import Any

from qiskit.primitives.containers.bindings_array import BindingsArray

from .._calls import explained
from ..exceptions import IBMInputValueError
from ..jobs.job import RuntimeJobV2
from ..options.primitives import ExecutorOptions
from ..primitives.base import Primitive, RunContext
from ..primitives.isa import summary_of
from ..primitives.submit import check_body, check_delay, run_arguments, written_models
from ..wire.quantum_program import dump_program
from .quantum_program import QuantumProgram

__all__ = ["Executor", "program_params"]

_MEASUREMENTS = ("classified", "kerneled", "avg_kerneled", "both")


class Executor(Primitive[ExecutorOptions]):
    """Runs quantum programs on a service.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: ``ExecutorOptions`` or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    _options_class = ExecutorOptions

    @explained(
        shots="set it in the program: QuantumProgram(shots=100).",
        pubs="it takes a QuantumProgram; PUBs are run by SamplerV2 and EstimatorV2.",
    )
    def run(self, program: QuantumProgram, dry_run: bool = False) -> RuntimeJobV2:
        """Submit one job.

        Args:
            program: What to run; a program of samplomatic is taken too.
            dry_run: Have the job checked and timed by the mock twin of the backend; results are random.

        Returns:
            The job; its result is a ``QuantumProgramResult``: per item arrays by the name of the register.

        Raises:
            IBMInputValueError: If the program is malformed or does not fit the backend; nothing was sent.
            IBMRuntimeError: If the service refuses the job.
        """
        place, options = self._ready()
        _check(program)
        params, envelope = program_params(program, options, place)
        return place.backend.service._run(
            **run_arguments(place, "executor", params, envelope, dry_run=dry_run)
        )


def program_params(
    program: Any, options: ExecutorOptions, place: RunContext
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a quantum program against the device; return the ``params`` of its job and what stands beside them.

    Args:
        program: What to run.
        options: Of the job, read now.
        place: Where it will run.

    Raises:
        IBMInputValueError: It does not fit the backend, or cannot be written.
    """
    check_delay(place.backend, options)
    for index, item in enumerate(program.items):
        check_body(summary_of(item.circuit), place.backend, f"item {index}", _bound(item))
    try:
        written = dump_program(program)
    except (ValueError, TypeError) as cause:
        raise IBMInputValueError(f"The quantum program cannot be written: {cause}") from cause
    wire = options.to_wire(seeded=place.local is not None or place.backend.service.is_local)
    if "experimental" in wire.options:
        wire.options["experimental"] = written_models(
            wire.options["experimental"], place.backend, [item.circuit for item in program.items]
        )
    params = {"schema_version": "v2.0", "quantum_program": written, "options": wire.options}
    return params, wire.envelope


def _bound(item: Any) -> BindingsArray | None:
    """Return the values of an item's circuit; None if the service draws them."""
    values, names = getattr(item, "circuit_arguments", None), tuple(item.circuit.parameters)
    return None if values is None else BindingsArray({names: values} if names else {})


def _check(program: Any) -> None:
    if not hasattr(program, "items") or not hasattr(program, "shots"):
        raise IBMInputValueError(
            f"run() takes a QuantumProgram, not {type(program).__name__}; PUBs are run by SamplerV2."
        )
    shots = program.shots
    if isinstance(shots, bool) or not isinstance(shots, int) or shots < 1:
        raise IBMInputValueError(f"QuantumProgram.shots must be a whole number of at least 1; got {shots!r}.")
    if program.meas_level not in _MEASUREMENTS:
        raise IBMInputValueError(
            f"QuantumProgram.meas_level must be one of {', '.join(_MEASUREMENTS)}; got {program.meas_level!r}."
        )
    if not program.items:
        raise IBMInputValueError("The quantum program has no items: append_circuit_item() adds one.")
    sizes = [item.chunk_size for item in program.items]
    if len({size is None for size in sizes}) > 1:
        raise IBMInputValueError("Either all items of a quantum program have a chunk_size, or none has one.")
    if any(size is not None and size < 1 for size in sizes):
        raise IBMInputValueError("The chunk_size of an item must be at least 1.")
