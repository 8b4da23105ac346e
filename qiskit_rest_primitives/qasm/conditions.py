"""Classical conditions as decision trees over the simplest tests.

The service's importer knows ``bit``, ``!bit`` and ``register == constant``. Any other condition on measured
bits is turned into a tree of these; all tests of a tree stand before any body, so nothing can change between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr, types

from .ir import BitTest, RegisterTest, Test

MOST_BITS = 12
"""A truth table has at most so many inputs."""


class NotExpressible(Exception):
    """OpenQASM 3 cannot say this; the message completes "instruction 3 ('if_else'): ..."."""


class Branch(NamedTuple):
    """One test and what follows it."""

    test: Test
    then: Tree
    otherwise: Tree


Tree: TypeAlias = "Branch | int"
"""A leaf is a number: which body to run. Conditions use 1 (true) and 0 (false)."""


class Literal(NamedTuple):
    """A test and the outcome wanted."""

    test: Test
    outcome: bool


class Classical:
    """The classical bits as one circuit, block or definition sees them."""

    def __init__(self, clbits: Mapping[Clbit, int], register_sizes: Sequence[int]) -> None:
        self._clbits = clbits
        self._registers: dict[tuple[int, int], int] = {}
        start = 0
        for index, size in enumerate(register_sizes):
            self._registers[start, size] = index
            start += size

    def condition(self, condition: Any) -> list[Tree]:
        """Return equivalent trees with leaves 1 and 0 that decide (bit, value), (register, value) or an expression.

        The one written most plainly comes first.
        """
        if isinstance(condition, expr.Expr):
            return self._expression(condition)
        target, value = condition
        if isinstance(target, Clbit):
            return [Branch(BitTest(self._place(target), bool(value)), 1, 0)]
        return [
            self.equals(self._places(target), int(value), 1, 0),
            *self._bitwise(self._places(target), int(value)),
        ]

    def equals(self, bits: Sequence[int], value: int, then: Tree, otherwise: Tree) -> Tree:
        """Return the tree that compares bits, lowest first, with a number."""
        if not 0 <= value < 1 << len(bits):
            return otherwise
        register = self._registers.get((bits[0], len(bits))) if bits else None
        if register is not None and list(bits) == list(range(bits[0], bits[0] + len(bits))):
            return Branch(RegisterTest(register, value), then, otherwise)
        tree = then
        for offset, bit in enumerate(bits):
            tree = Branch(BitTest(bit, bool(value >> offset & 1)), tree, otherwise)
        return tree

    def switch(self, target: Any, leaf_of: Callable[[int], int], values: Sequence[int], default: int) -> Tree:
        """Return the tree that selects a leaf by the value of a classical bit, a register, or an expression of unsigned type.

        Values that have leaves of their own come in the order in which to test them; ``default`` is the leaf of all others.
        """
        node = expr.lift(target)
        if isinstance(node, expr.Var):
            tree: Tree = default
            for value in reversed(values):
                tree = self.equals(self._bits_of(node), value, leaf_of(value), tree)
            return tree
        return _table(self._involved(node), lambda state: leaf_of(int(self._evaluate(node, state))))

    # ------------------------------------------------------------------------------------- expressions

    def _expression(self, node: expr.Expr) -> list[Tree]:
        trees: list[Tree] = []
        with contextlib.suppress(NotExpressible):
            trees.append(self._structural(node, 1, 0))
        involved = self._involved(node)
        if len(involved) <= MOST_BITS:
            orders = (involved, involved[::-1])
            trees += [_table(order, lambda state: int(bool(self._evaluate(node, state)))) for order in orders]
        if not trees:
            raise NotExpressible(
                f"a condition on {len(involved)} bits at once, of which at most {MOST_BITS} can be told apart"
            )
        return trees

    def _bitwise(self, bits: Sequence[int], value: int) -> list[Tree]:
        if len(bits) > MOST_BITS or not 0 <= value < 1 << len(bits):
            return []
        tree: Tree = 1
        for offset, bit in enumerate(bits):
            tree = Branch(BitTest(bit, bool(value >> offset & 1)), tree, 0)
        return [tree]

    def _structural(self, node: expr.Expr, then: Tree, otherwise: Tree) -> Tree:
        """Follow the condition's own structure; fails where its parts are not simple tests."""
        if isinstance(node, expr.Var) and isinstance(node.var, Clbit):
            return Branch(BitTest(self._place(node.var), True), then, otherwise)
        if isinstance(node, expr.Value):
            return then if node.value else otherwise
        if isinstance(node, expr.Cast) and node.type.kind is types.Bool:
            if isinstance(node.operand, expr.Var):
                return self.equals(self._bits_of(node.operand), 0, otherwise, then)
            return self._structural(node.operand, then, otherwise)
        if (
            isinstance(node, expr.Index)
            and isinstance(node.target, expr.Var)
            and isinstance(node.index, expr.Value)
        ):
            bits = self._bits_of(node.target)
            return Branch(BitTest(bits[node.index.value], True), then, otherwise)
        if isinstance(node, expr.Unary) and node.op is expr.Unary.Op.LOGIC_NOT:
            return self._structural(node.operand, otherwise, then)
        if isinstance(node, expr.Binary):
            return self._structural_pair(node, then, otherwise)
        raise NotExpressible("no simple structure")

    def _structural_pair(self, node: expr.Binary, then: Tree, otherwise: Tree) -> Tree:
        op = expr.Binary.Op
        bools = node.left.type.kind is types.Bool
        if node.op is op.LOGIC_AND or (node.op is op.BIT_AND and bools):
            return self._structural(node.left, self._structural(node.right, then, otherwise), otherwise)
        if node.op is op.LOGIC_OR or (node.op is op.BIT_OR and bools):
            return self._structural(node.left, then, self._structural(node.right, then, otherwise))
        if node.op in (op.EQUAL, op.NOT_EQUAL):
            pair = (then, otherwise) if node.op is op.EQUAL else (otherwise, then)
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(one, expr.Var) and isinstance(other, expr.Value):
                    return self.equals(self._bits_of(one), int(other.value), *pair)
        raise NotExpressible("no simple structure")

    def _involved(self, node: expr.Expr) -> list[int]:
        """Return the places of the bits an expression reads, highest bits of registers first."""
        seen: dict[int, None] = {}
        for variable in expr.iter_identifiers(node):
            seen.update(dict.fromkeys(reversed(self._bits_of(variable))))
        return list(seen)

    def _bits_of(self, node: Any) -> tuple[int, ...]:
        variable = getattr(node, "var", None)
        if isinstance(variable, Clbit):
            return (self._place(variable),)
        if isinstance(variable, ClassicalRegister):
            return self._places(variable)
        raise NotExpressible("it refers to a real-time variable or a stretch")

    def _places(self, register: ClassicalRegister) -> tuple[int, ...]:
        return tuple(self._place(bit) for bit in register)

    def _place(self, bit: Clbit) -> int:
        try:
            return self._clbits[bit]
        except KeyError:
            raise NotExpressible("it refers to a classical bit that its block does not have") from None

    def _evaluate(self, node: expr.Expr, state: Mapping[int, bool]) -> int:
        """Return the value of an expression of type bool or uint for one setting of the bits."""
        if isinstance(node, expr.Var):
            return sum(state[bit] << offset for offset, bit in enumerate(self._bits_of(node)))
        if node.type.kind not in (types.Bool, types.Uint):
            raise NotExpressible(f"a value of type {node.type} in a condition")
        if isinstance(node, expr.Value):
            return int(node.value)
        if isinstance(node, expr.Cast):
            value = self._evaluate(node.operand, state)
            return int(bool(value)) if node.type.kind is types.Bool else _wrapped(value, node.type)
        if isinstance(node, expr.Unary):
            return self._unary(node, self._evaluate(node.operand, state))
        if isinstance(node, expr.Index):
            return self._evaluate(node.target, state) >> self._evaluate(node.index, state) & 1
        if isinstance(node, expr.Binary):
            left, right = self._evaluate(node.left, state), self._evaluate(node.right, state)
            return _wrapped(_binary(node, left, right), node.type)
        raise NotExpressible(f"a {type(node).__name__.lower()} in a condition")

    @staticmethod
    def _unary(node: expr.Unary, value: int) -> int:
        if node.op is expr.Unary.Op.LOGIC_NOT:
            return int(not value)
        if node.op is expr.Unary.Op.BIT_NOT:
            return int(not value) if node.type.kind is types.Bool else _wrapped(~value, node.type)
        return _wrapped(-value, node.type)


_OPERATIONS: dict[Any, Callable[[int, int], int]] = {
    expr.Binary.Op.BIT_AND: lambda left, right: left & right,
    expr.Binary.Op.BIT_OR: lambda left, right: left | right,
    expr.Binary.Op.BIT_XOR: lambda left, right: left ^ right,
    expr.Binary.Op.LOGIC_AND: lambda left, right: int(bool(left and right)),
    expr.Binary.Op.LOGIC_OR: lambda left, right: int(bool(left or right)),
    expr.Binary.Op.EQUAL: lambda left, right: int(left == right),
    expr.Binary.Op.NOT_EQUAL: lambda left, right: int(left != right),
    expr.Binary.Op.LESS: lambda left, right: int(left < right),
    expr.Binary.Op.LESS_EQUAL: lambda left, right: int(left <= right),
    expr.Binary.Op.GREATER: lambda left, right: int(left > right),
    expr.Binary.Op.GREATER_EQUAL: lambda left, right: int(left >= right),
    expr.Binary.Op.SHIFT_LEFT: lambda left, right: left << min(right, 4096),
    expr.Binary.Op.SHIFT_RIGHT: lambda left, right: left >> min(right, 4096),
    expr.Binary.Op.ADD: lambda left, right: left + right,
    expr.Binary.Op.SUB: lambda left, right: left - right,
    expr.Binary.Op.MUL: lambda left, right: left * right,
}


def _binary(node: expr.Binary, left: int, right: int) -> int:
    operation = _OPERATIONS.get(node.op)
    if operation is None:  # division by zero has no agreed meaning
        raise NotExpressible(f"the operator {node.op} in a condition")
    return operation(left, right)


def _wrapped(value: int, kind: Any) -> int:
    """Reduce to the width of an unsigned type."""
    return value % (1 << kind.width) if kind.kind is types.Uint else value


# --------------------------------------------------------------------------------------------- trees


def _table(bits: Sequence[int], leaf_of: Callable[[Mapping[int, bool]], int]) -> Tree:
    """Build the reduced decision tree of a function of a few bits."""
    if len(bits) > MOST_BITS:
        raise NotExpressible(
            f"a condition on {len(bits)} bits at once, of which at most {MOST_BITS} can be told apart"
        )
    state: dict[int, bool] = {}

    def decide(depth: int) -> Tree:
        if depth == len(bits):
            return leaf_of(state)
        outcomes = []
        for value in (True, False):
            state[bits[depth]] = value
            outcomes.append(decide(depth + 1))
        then, otherwise = outcomes
        return then if then == otherwise else Branch(BitTest(bits[depth], True), then, otherwise)

    return decide(0)


def leaves(tree: Tree) -> list[int]:
    """Return the leaves from left to right."""
    return [tree] if isinstance(tree, int) else leaves(tree.then) + leaves(tree.otherwise)


def paths(tree: Tree, leaf: int) -> list[list[Literal]]:
    """Return what must hold on each way to a leaf."""
    if isinstance(tree, int):
        return [[]] if tree == leaf else []
    return [
        [Literal(tree.test, outcome), *rest]
        for outcome, branch in ((True, tree.then), (False, tree.otherwise))
        for rest in paths(branch, leaf)
    ]
