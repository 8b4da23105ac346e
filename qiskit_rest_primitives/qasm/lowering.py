"""Control flow in the few forms that the service's importer reads.

``switch`` becomes a chain of ``if``, general conditions nested simple ones, boxes their content between two
barriers; a loop whose body uses the index is unrolled, any other counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import (
    CASE_DEFAULT,
    BoxOp,
    CircuitInstruction,
    Clbit,
    ForLoopOp,
    IfElseOp,
    Parameter,
    Qubit,
    SwitchCaseOp,
    WhileLoopOp,
)

from . import ir
from .conditions import Classical, Literal, NotExpressible, Tree, leaves, paths

MOST_STATEMENTS = 1_000_000
"""Unrolling and duplicating may not write more than this."""
MOST_CUBES = 4
"""A ``while`` condition may be the union of so many conjunctions."""

Walk = Callable[[QuantumCircuit, Mapping[Qubit, int], Mapping[Clbit, int]], ir.Body]


class Lowering:
    """Rewrites the control-flow operations of one circuit."""

    def __init__(
        self, register_sizes: Sequence[int], walk: Walk, loop_values: MutableMapping[Parameter, int]
    ) -> None:
        """Set up.

        ``walk`` writes a block; ``loop_values`` is where to put the index of a loop while it writes one of its rounds.
        """
        self._sizes = register_sizes
        self._walk = walk
        self._loop_values = loop_values
        self._depth = 0

    def lower(
        self, step: CircuitInstruction, qubits: Mapping[Qubit, int], clbits: Mapping[Clbit, int]
    ) -> ir.Body:
        """Write one control-flow instruction, or raise ``NotExpressible``; the places are those of the bits around it."""
        operation = step.operation
        if step.name in ("break_loop", "continue_loop"):
            return [ir.Jump(step.name.partition("_")[0])]
        if self._depth >= ir.MAX_DEPTH:
            raise NotExpressible(f"control flow is nested more than {ir.MAX_DEPTH} levels deep")
        self._depth += 1
        block = _Block(self._walk, step, qubits, clbits)
        classical = Classical(clbits, self._sizes)
        if isinstance(operation, IfElseOp):
            written = self._if(operation, block, classical)
        elif isinstance(operation, SwitchCaseOp):
            written = self._switch(operation, block, classical)
        elif isinstance(operation, WhileLoopOp):
            written = self._while(operation, block, classical)
        elif isinstance(operation, ForLoopOp):
            written = self._for(operation, block)
        elif isinstance(operation, BoxOp):
            fence: ir.Body = (
                [ir.Barrier(tuple(qubits[qubit] for qubit in step.qubits))] if step.qubits else []
            )
            written = [*fence, *block(operation.blocks[0]), *fence]
        else:
            raise NotExpressible("this kind of control flow is unknown")
        self._depth -= 1
        return written

    def _if(self, operation: IfElseOp, block: _Block, classical: Classical) -> ir.Body:
        then, *otherwise = operation.blocks
        bodies = {1: block(then), 0: block(otherwise[0]) if otherwise else []}
        trees = classical.condition(operation.condition)
        return _emit(min(trees, key=lambda tree: _cost(tree, bodies)), bodies)

    def _switch(self, operation: SwitchCaseOp, block: _Block, classical: Classical) -> ir.Body:
        leaf_of: dict[int, int] = {}
        default = -1
        bodies: dict[int, ir.Body] = {-1: []}
        for leaf, (labels, case) in enumerate(operation.cases_specifier()):
            bodies[leaf] = block(case)
            for label in labels:
                if label is CASE_DEFAULT:
                    default = leaf
                else:
                    leaf_of.setdefault(int(label), leaf)
        tree = classical.switch(
            operation.target, lambda value: leaf_of.get(value, default), list(leaf_of), default
        )
        return _emit(tree, bodies)

    def _while(self, operation: WhileLoopOp, block: _Block, classical: Classical) -> ir.Body:
        body = block(operation.blocks[0])
        trees = classical.condition(operation.condition)
        if any(tree == 0 for tree in trees):
            return []
        cubes = min((_loop_cubes(tree) for tree in trees), key=lambda found: len(found) if found else 1 << 20)
        if not cubes or len(cubes) > MOST_CUBES:
            raise NotExpressible("a while loop on this condition cannot be written with simple tests")
        if len(cubes) > 1 and _jumps(body):
            raise NotExpressible("break or continue in a while loop on this condition cannot be written")
        return _while_any(cubes, body)

    def _for(self, operation: ForLoopOp, block: _Block) -> ir.Body:
        indices, variable, body = operation.params
        if not isinstance(variable, (Parameter, type(None))) or not hasattr(indices, "__len__"):
            raise NotExpressible("a loop over real-time values")
        if not len(indices):
            return []
        if variable is None or variable not in body.parameters:
            return _counted(len(indices), block(body))
        rounds: list[ir.Body] = []
        written = 0
        hidden = self._loop_values.pop(variable, None)
        for index in indices:
            self._loop_values[variable] = int(index)
            rounds.append(block(body))
            written += 1 + ir.size(rounds[-1])
            _check_size(written)
        del self._loop_values[variable]
        if hidden is not None:
            self._loop_values[variable] = hidden
        jumps = _jumps(rounds[0])
        if {"break", "continue"} <= jumps:
            raise NotExpressible("a loop whose angles depend on its index has both break and continue")
        if "continue" in jumps:  # it ends a round: a loop of its own
            return [statement for entry in rounds for statement in _counted(1, entry)]
        flat = [statement for entry in rounds for statement in entry]
        return _counted(1, flat) if jumps else flat  # break ends all rounds: one loop around them


class _Block:
    """Writes a block of one instruction: its bits are those of the instruction, by position."""

    def __init__(
        self, walk: Walk, step: CircuitInstruction, qubits: Mapping[Qubit, int], clbits: Mapping[Clbit, int]
    ) -> None:
        self._walk = walk
        self._qubits = [qubits[qubit] for qubit in step.qubits]
        self._clbits = [clbits[bit] for bit in step.clbits]

    def __call__(self, block: QuantumCircuit) -> ir.Body:
        qubits = dict(zip(block.qubits, self._qubits, strict=True))
        clbits = dict(zip(block.clbits, self._clbits, strict=True))
        return self._walk(block, qubits, clbits)


def _emit(tree: Tree, bodies: Mapping[int, ir.Body]) -> ir.Body:
    """Write a decision tree whose leaves are bodies."""
    _check_size(_cost(tree, bodies))
    if isinstance(tree, int):
        return list(bodies[tree])
    then, otherwise = _emit(tree.then, bodies), _emit(tree.otherwise, bodies)
    if not then and otherwise and isinstance(tree.test, ir.BitTest):
        return [ir.If(tree.test._replace(value=not tree.test.value), otherwise, then)]
    return [ir.If(tree.test, then, otherwise)] if then or otherwise else []


def _cost(tree: Tree, bodies: Mapping[int, ir.Body]) -> int:
    return sum(1 + ir.size(bodies[leaf]) for leaf in leaves(tree))


def _check_size(statements: int) -> None:
    if statements > MOST_STATEMENTS:
        raise NotExpressible(f"written out it would take more than {MOST_STATEMENTS} statements")


def _counted(count: int, body: ir.Body) -> ir.Body:
    return [ir.For(count, body)] if body else []


def _jumps(body: ir.Body) -> set[str]:
    """Return the kinds of jump that leave the loop with this body."""
    found: set[str] = set()
    for statement in body:
        if isinstance(statement, ir.Jump):
            found.add(statement.kind)
        elif isinstance(statement, ir.If):
            found |= _jumps(statement.then) | _jumps(statement.otherwise)
    return found


def _loop_cubes(tree: Tree) -> list[list[Literal]] | None:
    """Return the ways to 1, each beginning with a test that ``while`` can make; None if there is none."""
    cubes = []
    for literals in paths(tree, 1):
        first = next((literal for literal in literals if _testable(literal)), None)
        if first is None:
            return None
        cubes.append([first, *(literal for literal in literals if literal is not first)])
    return cubes


def _testable(literal: Literal) -> bool:
    return literal.outcome or isinstance(literal.test, ir.BitTest)


def _while_any(cubes: Sequence[Sequence[Literal]], body: ir.Body) -> ir.Body:
    """Loop while any of several conjunctions holds: after each round under the last, run the loop of the others."""
    *others, (first, *rest) = cubes
    before = _while_any(others, body) if others else []
    inner = [*body, *before]
    for literal in reversed(rest):
        stop: ir.Body = [ir.Jump("break")]
        inner = [ir.If(literal.test, inner, stop) if literal.outcome else ir.If(literal.test, stop, inner)]
    test = first.test
    if isinstance(test, ir.BitTest) and not first.outcome:
        test = ir.BitTest(test.clbit, not test.value)
    return [*before, ir.While(test, inner)]
