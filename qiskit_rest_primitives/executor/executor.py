"""``Executor``: runs quantum programs, whose results are the raw measurements (directed execution)."""

from __future__ import annotations

from copy import copy
from typing import Any

from qiskit.circuit import CircuitInstruction, Delay
from qiskit.circuit.duration import duration_in_dt
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.utils import apply_prefix

from .. import exceptions
from .._calls import explained
from ..exceptions import IBMInputValueError
from ..jobs.job import RuntimeJobV2
from ..options.primitives import ExecutorOptions
from ..primitives.base import Primitive, RunContext
from ..primitives.isa import summary_of
from ..primitives.submit import check_body, check_delay, noise_of, run_arguments, written_models
from ..qasm.canonical import CircuitDumpError
from ..qasm.qpy_substitutes import UnitLostError, wait, with_operations
from ..wire.quantum_program import dump_program
from .quantum_program import QuantumProgram

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
    program: Any, options: ExecutorOptions, place: RunContext, circuit_format: str = "auto"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a quantum program against the device; return the ``params`` of its job and what stands beside them.

    ``circuit_format`` is "qasm3" or "qpy", or "auto" for QPY wherever it carries the circuits: only its results have the
    registers' own names on every service.
    """
    check_delay(place.backend, options)
    for index, item in enumerate(program.items):
        check_body(summary_of(item.circuit), place.backend, f"item {index}", _bound(item))
    noise = noise_of(place.backend, options)
    if not place.is_local and circuit_format != "qasm3" and place.backend.dt:
        program = _in_dt(program, place.backend.dt)
    try:
        try:
            written = dump_program(program, text=circuit_format == "qasm3", noise=noise)
        except UnitLostError:  # a parameter says how many seconds
            if circuit_format == "qpy" or not place.is_local:
                raise
            written = dump_program(program, text=True, noise=noise)
    except (CircuitDumpError, UnitLostError) as cause:
        raise exceptions.CircuitRefusedError(f"The quantum program cannot be written: {cause}") from cause
    except (ValueError, TypeError) as cause:
        raise IBMInputValueError(f"The quantum program cannot be written: {cause}") from cause
    wire = options.to_wire(seeded=place.is_local)
    if "experimental" in wire.options:
        wire.options["experimental"] = written_models(
            wire.options["experimental"], place.backend, [item.circuit for item in program.items]
        )
    params = {"schema_version": "v2.0", "quantum_program": written, "options": wire.options}
    return params, wire.envelope


def _in_dt(program: Any, dt: float) -> Any:
    """Return a program whose delays are whole numbers of dt, as devices have them."""

    def change(step: CircuitInstruction) -> Delay | None:
        delay = step.operation
        if not isinstance(delay, Delay) or delay.unit == "dt" or not isinstance(delay.duration, (int, float)):
            return None
        return wait(duration_in_dt(apply_prefix(delay.duration, delay.unit), dt), "dt", label=step.label)

    changed = copy(program)
    changed.items = [copy(item) for item in program.items]
    for item in changed.items:
        item.circuit = with_operations(item.circuit, change)
    return changed


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
