"""Foreign OpenQASM 3: Qiskit's own importer, as the service uses it, with bounds and readable faults.

It reads the language that the service reads (rest-api.md 8.3) and words its refusals alike. In three places it
differs, each where the stock importer is silently wrong: ``1/3`` in an angle is a third and not zero, formal
parameters of a gate keep the order in which they stand, and a gate that the text defines becomes Qiskit's class
of that name if it is the same gate (otherwise it stays a gate of that name with the body that it was given).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import openqasm3.parser
from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Gate, Parameter
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator
from qiskit_qasm3_import import ConversionError, types
from qiskit_qasm3_import.converter import ConvertVisitor, GateBuilder
from qiskit_qasm3_import.expression import ValueResolver

from .gates import VOCABULARY
from .limits import CircuitLoadError, Limits
from .lint import lint

__all__ = ["import_text"]

grammar: Any = openqasm3.parser

_LARGEST_BODY = 1000
_ANGLES = (0.6180339887498949, -1.2020569031595942, 0.9159655941772190, 2.6854520010653064)
"""Generic angles: gates that agree there, and at their negatives, are the same gate."""


def import_text(text: str, limits: Limits) -> QuantumCircuit:
    """Read any OpenQASM 3 text that the service reads (rest-api.md 8.3).

    Args:
        text: The program; only ``stdgates.inc`` can be included, and no file is opened.
        limits: Bounds on what it may ask for.

    Raises:
        CircuitLoadError: The text cannot be read; the message is worded as the service's.
    """
    try:
        program = _parse(text)
        lint(program, limits)
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
