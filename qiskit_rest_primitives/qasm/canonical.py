"""``QuantumCircuit`` -> canonical program: gates of the vocabulary only, flat names, flat inputs.

Everything that is not a standard gate is replaced by its definition, open controls by X-conjugated closed
ones; global phases and ``id`` disappear; angles that depend on parameters become inputs, one per distinct
expression. What OpenQASM 3 cannot carry is refused by name and place.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from numbers import Real
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    CircuitInstruction,
    Clbit,
    ControlFlowOp,
    Gate,
    Instruction,
    Measure,
    Parameter,
    ParameterExpression,
    ParameterVectorElement,
    Qubit,
)
from qiskit.circuit import Delay as DelayInstruction
from qiskit.circuit import Reset as ResetInstruction
from qiskit.circuit.classical import expr
from qiskit.circuit.library import UnitaryGate

from .._frozen import frozen
from . import ir
from .conditions import NotExpressible
from .definitions import definition_of, fixed_duration
from .gates import VOCABULARY
from .lowering import Lowering
from .maps import CircuitMap, RegisterMap
from .noise_checks import check_kept, check_label, check_parts, facing
from .noise_model import NOISELESS, Distinguished

_UNITS = {"dt", "ns", "us", "ms", "s"}
_DEEPEST_DEFINITION = 60


class CircuitDumpError(ValueError):
    """A circuit cannot be carried in the form asked for.

    Attributes:
        problem: What cannot be carried, in words.
        where: The instruction, from the outermost to the innermost.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.problem, self.where))


@frozen
class Canonical:
    """A circuit's canonical form.

    Attributes:
        program: What is written.
        expressions: Per input of the program, what its value is computed from.
        map: How to undo the names; without metadata, which ``codec`` adds.
        delays: The inputs that delays last, with the unit.
    """

    program: ir.Program
    expressions: tuple[ParameterExpression, ...]
    map: CircuitMap
    delays: Mapping[int, str] = field(default_factory=dict)


def canonicalise(
    circuit: QuantumCircuit, noise: Distinguished = NOISELESS, *, widest: int | None = None
) -> Canonical:
    """Bring a circuit into canonical form; its layout is ignored, its width kept.

    The result samples the same distribution per register, and prepares the same state up to a global phase.

    Args:
        circuit: Any circuit.
        noise: What the noise of the device that it is meant for tells apart.
        widest: Refuse unitaries on more qubits: writing them out takes four times as long for each.

    Raises:
        CircuitDumpError: OpenQASM 3 cannot carry something in it, or not what the noise tells apart.
    """
    if circuit.num_parameters and any(step.is_control_flow() for step in circuit.data):
        _warn_if_changed(circuit)
    sizes, places, registers = _classical_layout(circuit)
    walker = _Walker(sizes, facing(noise, circuit), widest)
    clbits = dict(zip(circuit.clbits, places, strict=True))
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    body = walker.walk(circuit, qubits, clbits)
    if ir.depth(body) > ir.MAX_DEPTH:
        raise CircuitDumpError(
            f"control flow is nested more than {ir.MAX_DEPTH} levels deep once written out"
        )
    body, used = ir.drop_unused_inputs(body)
    every = list(walker.inputs)
    expressions = tuple(every[index] for index in used)
    parameters = list(circuit.parameters)
    position = {parameter: index for index, parameter in enumerate(parameters)}
    names = CircuitMap(
        num_qubits=circuit.num_qubits,
        parameters=tuple(parameter.name for parameter in parameters),
        registers=registers,
        name=circuit.name,
        bare=tuple(position.get(expression, -1) for expression in expressions),
        vectors=frozenset(
            index for index, entry in enumerate(parameters) if isinstance(entry, ParameterVectorElement)
        ),
    )
    delays = {delay.times: delay.unit for delay in ir.waits(body) if delay.times is not None}
    program = ir.Program(circuit.num_qubits, sizes, len(expressions), body)
    return Canonical(program, expressions, names, delays)


def _classical_layout(
    circuit: QuantumCircuit,
) -> tuple[tuple[int, ...], list[int], tuple[RegisterMap, ...]]:
    """Lay the classical bits out in registers that neither overlap nor interleave.

    Returns the sizes of the registers in the text, the place of each classical bit counted through them all, and
    where the circuit's registers went.
    """
    place: dict[Clbit, int] = {}
    sizes: list[int] = []
    overlap = sum(len(register) for register in circuit.cregs) != len(
        {bit for register in circuit.cregs for bit in register}
    )
    for group in [circuit.clbits] if overlap else [*circuit.cregs, circuit.clbits]:
        fresh = [bit for bit in group if bit not in place]  # of the last group: the bits in no register
        start = len(place)
        place.update((bit, start + offset) for offset, bit in enumerate(fresh))
        sizes += [len(fresh)] if fresh else []
    names = ir.register_names(len(sizes))
    wire = [(name, index) for name, size in zip(names, sizes, strict=True) for index in range(size)]
    registers = tuple(
        RegisterMap(register.name, len(register), tuple(wire[place[bit]] for bit in register))
        for register in circuit.cregs
    )
    return tuple(sizes), [place[bit] for bit in circuit.clbits], registers


class _Walker:
    """Writes instructions as statements, definitions and blocks included; ``inputs`` numbers the distinct expressions."""

    def __init__(self, register_sizes: Sequence[int], noise: Distinguished, widest: int | None) -> None:
        self._noise = noise
        self._widest = widest
        self.inputs: dict[ParameterExpression, int] = {}
        self._loop_values: dict[Parameter, int] = {}
        self._lowering = Lowering(register_sizes, self.walk, self._loop_values)
        self._where: list[str] = []
        self._nesting = 0

    def walk(
        self, circuit: QuantumCircuit, qubits: Mapping[Qubit, int], clbits: Mapping[Clbit, int]
    ) -> ir.Body:
        """Write a circuit, block or definition, whose bits have these places in the whole circuit and in all registers."""
        if circuit.num_identifiers:
            raise self._refusal(_of_identifiers(circuit))
        body: ir.Body = []
        words = VOCABULARY
        noisy = bool(self._noise)
        for position, step in enumerate(circuit.data):
            name = step.name
            if step.is_standard_gate() and name in words:
                angles = step.params
                if angles or noisy:
                    try:
                        angles = tuple(map(self._angle, angles))
                        check_label(self._noise, step.label, name)
                    except NotExpressible as cause:
                        raise self._refusal(str(cause), position, name) from cause
                body.append(ir.Call(name, tuple(angles), tuple(qubits[qubit] for qubit in step.qubits)))
            else:
                with self._at(position, name):
                    self._write(step, qubits, clbits, body)
        return body

    def _write(
        self,
        step: CircuitInstruction,
        qubits: Mapping[Qubit, int],
        clbits: Mapping[Clbit, int],
        body: ir.Body,
    ) -> None:
        operation = step.operation
        name = step.name
        if self._noise:
            check_kept(self._noise, step, operation)
        if step.is_standard_gate() and name in ("id", "global_phase"):
            return
        if isinstance(operation, Measure) and name == "measure":
            body.append(ir.Measure(qubits[step.qubits[0]], clbits[step.clbits[0]]))
        elif isinstance(operation, Barrier):
            if step.qubits:
                body.append(ir.Barrier(tuple(qubits[qubit] for qubit in step.qubits)))
        elif isinstance(operation, ResetInstruction) and name == "reset":
            body.append(ir.Reset(qubits[step.qubits[0]]))
        elif isinstance(operation, DelayInstruction):
            body.append(self._delay(operation, qubits[step.qubits[0]]))
        elif isinstance(operation, ControlFlowOp) or name in ("break_loop", "continue_loop"):
            body.extend(self._lowering.lower(step, qubits, clbits))
        else:
            if type(operation) is UnitaryGate and operation.num_qubits > (self._widest or math.inf):
                raise NotExpressible(f"writing out a unitary of {operation.num_qubits} qubits takes long")
            definition = definition_of(operation)
            self._nesting += 1
            if self._nesting > _DEEPEST_DEFINITION:
                raise NotExpressible("its definition refers to further definitions without end")
            inner_qubits = {
                inner: qubits[outer] for inner, outer in zip(definition.qubits, step.qubits, strict=True)
            }
            inner_clbits = {
                inner: clbits[outer] for inner, outer in zip(definition.clbits, step.clbits, strict=True)
            }
            written = self.walk(definition, inner_qubits, inner_clbits)
            check_parts(self._noise, operation, written)
            body.extend(written)
            self._nesting -= 1

    def _angle(self, value: Any) -> float:
        """Return a finite float for a number, the index of an input (an int) for anything with parameters."""
        if isinstance(value, ParameterExpression):
            value = self._bound(value)
        if isinstance(value, ParameterExpression):
            return self.inputs.setdefault(value, len(self.inputs))
        if not isinstance(value, Real):
            raise NotExpressible(f"the angle {value!r} is not a real number")
        number = float(value)
        if not math.isfinite(number):
            raise NotExpressible(f"the angle {number} is not finite")
        return number

    def _bound(self, value: ParameterExpression) -> Any:
        """Put loop indices in, and return a number if that, or the expression itself, leaves no choice."""
        if self._loop_values:
            inner = {
                parameter: self._loop_values[parameter]
                for parameter in value.parameters
                if parameter in self._loop_values
            }
            value = value.bind(inner) if inner else value
        if isinstance(value, Parameter):
            return value
        try:
            return value.numeric(strict=False)
        except TypeError:
            return value

    def _delay(self, operation: DelayInstruction, qubit: int) -> ir.Delay:
        duration, unit = operation.duration, operation.unit
        if isinstance(duration, expr.Expr):
            try:
                duration, unit = fixed_duration(duration)
            except (ValueError, ArithmeticError) as cause:
                raise NotExpressible(str(cause)) from cause
        if isinstance(duration, ParameterExpression):
            duration = self._bound(duration)
        if isinstance(duration, ParameterExpression):
            times = self.inputs.setdefault(duration, len(self.inputs))
            return ir.Delay(0.001, "ns", qubit, times) if unit == "ps" else ir.Delay(1, unit, qubit, times)
        if not isinstance(duration, Real):
            raise NotExpressible(f"the duration {duration!r} of a delay is not a real number")
        if unit == "ps":
            duration, unit = float(duration) / 1000.0, "ns"
        if unit not in _UNITS or not math.isfinite(duration) or duration < 0:
            raise NotExpressible(f"a delay of {duration} {unit} cannot be written")
        return ir.Delay(int(duration) if isinstance(duration, int) else float(duration), unit, qubit)

    @contextmanager
    def _at(self, position: int, name: str) -> Iterator[None]:
        """Note where the walk stands, and word refusals of what happens there."""
        self._where.append(_place(position, name))
        try:
            yield
        except NotExpressible as cause:
            raise self._refusal(str(cause)) from cause
        self._where.pop()

    def _refusal(self, problem: str, position: int | None = None, name: str = "") -> CircuitDumpError:
        where = [*self._where, *([] if position is None else [_place(position, name)])]
        return CircuitDumpError(problem, ", in ".join(reversed(where)))


def _of_identifiers(circuit: QuantumCircuit) -> str:
    """Say which of a circuit's real-time variables and stretches cannot travel."""
    variables = ", ".join(sorted(repr(variable.name) for variable in circuit.iter_vars()))
    stretches = ", ".join(sorted(repr(stretch.name) for stretch in circuit.iter_stretches()))
    found = [f"real-time variables ({variables})"] if variables else []
    found += [f"stretches ({stretches})"] if stretches else []
    return f"{' and '.join(found)} cannot be written in OpenQASM 3 for the service"


def _warn_if_changed(circuit: QuantumCircuit) -> None:
    """Warn of a circuit that says to have parameters which none of its gates has.

    ``assign_parameters`` of Qiskit 2.6 changes gates with definitions in blocks of the circuit that it copies; what
    the circuit was before can no longer be told.
    """
    lost = set(circuit.parameters).difference(_parameters_in(circuit))
    if lost:
        names = ", ".join(sorted(parameter.name for parameter in lost))
        warnings.warn(
            f"The circuit has the parameters {names}, but no gate of it depends on them. Qiskit's assign_parameters "
            "changes gates with definitions in the control flow of the very circuit that it copies; make such a "
            "circuit anew for each assignment, or submit the values together with the circuit as it is.",
            UserWarning,
            stacklevel=2,
        )


def _parameters_in(circuit: QuantumCircuit, *, inside: bool = False) -> set[Parameter]:
    found = set(getattr(circuit.global_phase, "parameters", ()))
    for step in circuit.data:
        operation = step.operation
        if step.is_control_flow():
            for block in getattr(operation, "blocks", ()):
                found |= _parameters_in(block, inside=True)
        own = {
            parameter
            for value in step.params
            if isinstance(value, ParameterExpression)
            for parameter in value.parameters
        }
        if own and inside and type(operation) in (Gate, Instruction) and operation.definition is not None:
            own &= set(operation.definition.parameters)
        found |= own
    return found


def _place(position: int, name: str) -> str:
    return f"instruction {position} ({name!r})"
