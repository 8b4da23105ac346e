"""Foreign OpenQASM 3, looked over before anything is built: what it asks for, and what importers misread."""

from __future__ import annotations

import re
from typing import Any

from openqasm3 import ast
from openqasm3.visitor import QASMVisitor

from .limits import CircuitLoadError, Limits

__all__ = ["lint"]

_PHYSICAL = re.compile(r"\$([0-9]+)")
_STEEPEST = 1000.0


def lint(program: ast.Program, limits: Limits) -> None:
    """Refuse a program that is out of bounds, or that would be read as something else than it says.

    Raises:
        CircuitLoadError: Names the line.
    """
    _Lint(limits).visit(program)


class _Lint(QASMVisitor[None]):
    """Walks a whole program, gate bodies and loops included."""

    def __init__(self, limits: Limits) -> None:
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
