"""Foreign OpenQASM 3: Qiskit's own importer, as the service uses it, with bounds and readable faults.

It reads the language that the service reads (rest-api.md 8.3) and words its refusals alike. In three places it
differs, each where the stock importer is silently wrong: ``1/3`` in an angle is a third and not zero, formal
parameters of a gate keep the order in which they stand, and a gate that the text defines becomes Qiskit's class
of that name if it is the same gate (otherwise it stays a gate of that name with the body that it was given).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import openqasm3.parser
from openqasm3 import ast
from openqasm3.visitor import QASMVisitor
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Gate, Parameter
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator
from qiskit_qasm3_import import ConversionError, types
from qiskit_qasm3_import.converter import ConvertVisitor, GateBuilder
from qiskit_qasm3_import.expression import ValueResolver

from .gates import VOCABULARY
from .limits import CircuitLoadError, LoadLimits

grammar: Any = openqasm3.parser

_LARGEST_BODY = 1000
_ANGLES = (0.6180339887498949, -1.2020569031595942, 0.9159655941772190, 2.6854520010653064)
"""Generic angles: gates that agree there, and at their negatives, are the same gate."""


def import_text(text: str, limits: LoadLimits) -> QuantumCircuit:
    """Read any OpenQASM 3 text that the service reads (rest-api.md 8.3).

    Only ``stdgates.inc`` can be included, and no file is opened. A ``CircuitLoadError`` is worded as the service's.
    """
    try:
        program = _parse(text)
        _Lint(limits).visit(program)
        circuit = _Importer().convert(program).circuit
        limits.check(circuit.num_qubits, circuit.num_clbits, 0)
        _check_finite(circuit)
    except (KeyboardInterrupt, SystemExit, MemoryError, CircuitLoadError):
        raise
    except BaseException as cause:
        # Qiskit's compiled parts report some malformed input as panics, which are no Exception.
        raise CircuitLoadError(_wording(cause)) from cause
    return circuit


def _wording(cause: BaseException) -> str:
    if isinstance(cause, RecursionError):
        return "the program is nested too deeply"
    if isinstance(cause, (ConversionError, QiskitError)):
        return str(cause.message)
    if isinstance(cause, (IndexError, ValueError, TypeError, ArithmeticError, grammar.QASM3ParsingError)):
        return str(cause) or "the text is not OpenQASM 3"
    return "the text is not OpenQASM 3 that can be read"


class _Listener(grammar.ErrorListener):
    """Raises at the first syntax error. Neither the text nor ANTLR's own report of it reaches any log."""

    def syntaxError(self, *report: Any) -> None:  # noqa: N802 - ANTLR's naming
        _recogniser, _symbol, line, column, _message, _cause = report
        raise grammar.QASM3ParsingError(f"{line},{column}: the text is not OpenQASM 3")


def _parse(text: str) -> ast.Program:
    listener = _Listener()
    lexer = grammar.qasm3Lexer(grammar.InputStream(text))
    lexer.removeErrorListeners()
    lexer.addErrorListener(listener)
    parser = grammar.qasm3Parser(grammar.CommonTokenStream(lexer))
    parser.removeErrorListeners()
    parser.addErrorListener(listener)
    return grammar.QASMNodeVisitor().visitProgram(parser.program())


class _Resolver(ValueResolver):
    """Resolves expressions in angles, where a quotient of integers is a number."""

    def visit_BinaryExpression(self, node: Any) -> Any:  # noqa: N802 - the visitor's naming
        if node.op is ast.BinaryOperator["/"]:
            (left, left_type), (right, right_type) = self.visit(node.lhs), self.visit(node.rhs)
            integers = (types.Int, types.Uint)
            if isinstance(left_type, integers) and isinstance(right_type, integers):
                return left / right, types.Float(const=left_type.const and right_type.const)
        return super().visit_BinaryExpression(node)


class _Importer(ConvertVisitor):
    """Qiskit's importer with the differences that the module's docstring lists."""

    def _resolve_generic(self, node: Any, context: Any, strict: bool) -> Any:
        return (ValueResolver if strict else _Resolver)(context, strict).resolve(node)

    def visit_QuantumGateDefinition(self, node: Any, context: Any) -> Any:  # noqa: N802
        context = super().visit_QuantumGateDefinition(node, context)
        symbol = context.symbol_table.get(node.name.name, node)
        symbol.data = _builder(node, symbol.data)
        return context


def _builder(node: Any, stock: GateBuilder) -> Callable[..., Gate]:
    """Return what builds the calls of a gate that the text defines."""
    name, body = node.name.name, stock._definition
    by_name: dict[str, Parameter] = {parameter.name: parameter for parameter in body.parameters}
    order = [by_name[formal.name] for formal in node.arguments]
    word = VOCABULARY.get(name)
    if word is not None and (len(order), body.num_qubits) == (word.num_angles, word.num_qubits):
        small = _expanded(body) <= _LARGEST_BODY
        if small and _same(body, order, word.gate):
            return word.gate
    return GateBuilder(name, body, order=order)


def _expanded(body: QuantumCircuit, most: int = _LARGEST_BODY) -> int:
    """Count the gates of a definition once written out, giving up beyond a number."""
    count = 0
    for step in body.data:
        definition = step.operation.definition if type(step.operation) is Gate else None
        count += 1 if definition is None else _expanded(definition, most - count)
        if count > most:
            break
    return count


def _same(body: QuantumCircuit, order: Sequence[Parameter], gate: type[Gate]) -> bool:
    """Tell whether a body means a gate, up to a global phase."""
    for sign in (1, -1):
        angles = [sign * angle for angle in _ANGLES[: len(order)]]
        bound = body.assign_parameters(dict(zip(order, angles, strict=True)))
        ours, theirs = Operator(bound).data, Operator(gate(*angles)).data
        overlap = abs(np.vdot(ours, theirs)) / len(ours)
        if not math.isclose(overlap, 1.0, abs_tol=1e-9):
            return False
    return True


def _check_finite(circuit: QuantumCircuit) -> None:
    for step in circuit.data:
        if isinstance(step.operation, ControlFlowOp):
            for block in step.operation.blocks:
                _check_finite(block)
        else:
            for value in step.params:
                if isinstance(value, float) and not math.isfinite(value):
                    raise CircuitLoadError(f"an angle of gate {step.name!r} is not finite")


_PHYSICAL = re.compile(r"\$([0-9]+)")
_STEEPEST = 1000.0


class _Lint(QASMVisitor[None]):
    """Refuses, by its line, what is out of bounds in a program, or would be read as something else than it says.

    It walks a whole program, gate bodies and loops included.
    """

    def __init__(self, limits: LoadLimits) -> None:
        self._limits = limits
        self._qubits = 0
        self._bits = 0
        self._gates = 0
        self._written_out: dict[str, int] = {}

    def visit_QubitDeclaration(self, node: Any) -> None:  # noqa: N802 - the visitor's naming
        self._qubits += self._size(node.size)
        self._limits.check(self._qubits, 0, 0)

    def visit_BitType(self, node: Any) -> None:  # noqa: N802
        self._bits += self._size(node.size)
        self._limits.check(0, self._bits, 0)

    def visit_Identifier(self, node: Any) -> None:  # noqa: N802
        match = _PHYSICAL.fullmatch(node.name)
        if match:
            self._limits.check(int(match[1][:12]) + 1, 0, 0)

    def visit_ForInLoop(self, node: Any) -> None:  # noqa: N802
        indices = node.set_declaration
        if isinstance(indices, ast.RangeDefinition):
            start, end, step = (_integer(part) for part in (indices.start, indices.end, indices.step))
            if start is not None and end is not None:
                self._limits.check(0, 0, abs(end - start) // max(1, abs(step or 1)) + 1)
        self.generic_visit(node)

    def visit_QuantumGateModifier(self, node: Any) -> None:  # noqa: N802
        amount = 1 if node.argument is None else _integer(node.argument)
        if node.modifier is ast.GateModifierName.pow:
            if amount is not None and abs(amount) > _STEEPEST:
                raise _fault(node, f"'pow' takes at most {_STEEPEST:.0f}")
        elif node.modifier is not ast.GateModifierName.inv and (amount or 0) > self._limits.controls:
            raise _fault(node, f"a gate can be given at most {self._limits.controls} controls")
        self.generic_visit(node)

    def visit_QuantumGate(self, node: Any) -> None:  # noqa: N802
        controls = [entry for entry in node.modifiers if entry.modifier is not ast.GateModifierName.inv]
        if len(controls) > self._limits.controls:
            raise _fault(node, f"a gate can be given at most {self._limits.controls} modifiers")
        self._gates += self._written_out.get(node.name.name, 1)
        if self._gates > self._limits.gates:
            raise _fault(node, f"the program has more than {self._limits.gates} gates once written out")
        self.generic_visit(node)

    def visit_QuantumGateDefinition(self, node: Any) -> None:  # noqa: N802
        """Count what a call stands for: every call copies the body, and bodies can double at each level."""
        before = self._gates
        self.generic_visit(node)
        self._written_out[node.name.name] = max(1, self._gates - before)

    def visit_IndexedIdentifier(self, node: Any) -> None:  # noqa: N802
        self._check_indices(node, node.indices)
        self.generic_visit(node)

    def visit_IndexExpression(self, node: Any) -> None:  # noqa: N802
        self._check_indices(node, [node.index])
        self.generic_visit(node)

    def generic_visit(self, node: Any, context: None = None) -> None:  # noqa: ARG002 - overridden
        """Visit children, lists of lists included."""
        for value in vars(node).values():
            self._descend(value)

    def _descend(self, value: Any) -> None:
        if isinstance(value, ast.QASMNode):
            self.visit(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self._descend(item)

    def _size(self, node: Any) -> int:
        return 1 if node is None else (_integer(node) or 0)

    def _check_indices(self, node: Any, indices: Any) -> None:
        """Refuse negative indices: the importer would count them from the end, as Python does."""
        for entry in indices:
            for index in entry.values if isinstance(entry, ast.DiscreteSet) else entry:
                parts = [index]
                if isinstance(index, ast.RangeDefinition):
                    parts = [index.start, index.end]
                if any((_integer(part) or 0) < 0 for part in parts):
                    raise _fault(node, "negative indices are not supported")


def _integer(node: Any) -> int | None:
    """Return the value of integer arithmetic on literals, None for anything else."""
    if isinstance(node, ast.IntegerLiteral):
        return int(node.value)
    if isinstance(node, ast.UnaryExpression) and node.op is ast.UnaryOperator["-"]:
        inner = _integer(node.expression)
        return None if inner is None else -inner
    if isinstance(node, ast.BinaryExpression):
        left, right = _integer(node.lhs), _integer(node.rhs)
        if left is None or right is None:
            return None
        if node.op.name == "/":
            return left // right if right else None
        results = {"+": left + right, "-": left - right, "*": left * right}
        return results.get(node.op.name)
    return None


def _fault(node: Any, problem: str) -> CircuitLoadError:
    place = f"{node.span.start_line},{node.span.start_column}: " if node.span is not None else ""
    return CircuitLoadError(place + problem)
