"""Control flow in the forms that Aer runs as they are meant.

Aer 0.18 does not translate the bits of an expression into those of the block around it, which gives wrong shots
without a word; of expressions it knows few operators, no constants and no indices; it binds the index of a loop
in bodies that do not have it, and takes no index twice. So conditions on bits become expressions of ``and``,
``or`` and ``not`` over single bits, ``switch`` a chain of ``if``, and loops keep an index only if their body uses it.
What is stored is written in the same words, bit by bit. And with readout errors it has only the bits up to the highest one
that is measured: what is stored in others is lost, and it ends the process where one is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from qiskit.circuit import (
    CASE_DEFAULT,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ControlFlowOp,
    ForLoopOp,
    IfElseOp,
    Measure,
    Parameter,
    QuantumCircuit,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr, types

from ...qasm.conditions import Branch, Classical, NotExpressible, Tree
from ..job_errors import BAD_CIRCUIT, TaskFailed

JUMPS = ("break_loop", "continue_loop")
"""Names of the instructions that leave a round of a loop."""


class WriteBlock(Protocol):
    """Writes a block as a circuit on the bits of its instruction."""

    def __call__(
        self, block: QuantumCircuit, values: Mapping[Parameter, int] | None = None, /
    ) -> QuantumCircuit:
        """Write the block, with values for the indices of loops."""


def rewrite(
    step: CircuitInstruction, inner: Sequence[Clbit], outer: Sequence[Clbit], write: WriteBlock
) -> Iterator[CircuitInstruction]:
    """Yield what takes the place of a control-flow instruction other than a box.

    Args:
        step: The instruction, on the bits of the whole circuit.
        inner: The classical bits that its conditions may speak of: those of the block it stands in.
        outer: The bits of the whole circuit that they stand for.
        write: Writes one of its blocks.
    """
    operation = step.operation
    scope = _Scope(inner, outer)
    if isinstance(operation, ForLoopOp):
        yield from _for_loop(step, operation, write)
    elif isinstance(operation, WhileLoopOp):
        condition = scope.condition(operation.condition)
        if condition is True:
            condition = scope.always()
        if condition is not False:
            yield step.replace(operation=WhileLoopOp(condition, write(operation.blocks[0])))
    elif isinstance(operation, IfElseOp):
        blocks = [write(block) for block in operation.blocks]
        yield from _choice(step, scope.condition(operation.condition), blocks[0], (*blocks[1:], None)[0])
    elif isinstance(operation, SwitchCaseOp):
        yield from _switch(step, operation, scope, write)
    else:
        yield step.replace(operation=operation.replace_blocks([write(block) for block in operation.blocks]))


def stores(
    step: CircuitInstruction, inner: Sequence[Clbit], outer: Sequence[Clbit]
) -> Iterator[CircuitInstruction]:
    """Yield the stores of single bits that take the place of one; a bit is written when no other needs it any more."""
    scope, store = _Scope(inner, outer), step.operation
    try:
        targets = scope.targets(store.lvalue)
        left = {bit: scope.value(_bit_of(store.rvalue, place)) for place, bit in enumerate(targets)}
    except NotExpressible as cause:
        raise TaskFailed(f"A store cannot be simulated: {cause}.", BAD_CIRCUIT) from cause
    needed = {bit: {one.var for one in expr.iter_identifiers(value)} for bit, value in left.items()}
    while left:
        free = [bit for bit in left if not any(bit in needed[other] for other in left if other != bit)]
        if not free:
            problem = "A store cannot be simulated: its bits depend on one another in a circle."
            raise TaskFailed(problem, BAD_CIRCUIT)
        for bit in free:
            yield step.replace(operation=Store(expr.lift(bit), left.pop(bit)))


def keeping_all_bits(circuit: QuantumCircuit) -> None:
    """Add a measurement into the last bit that never takes place, unless there is one: Aer then has all bits."""
    if not circuit.qubits:
        raise TaskFailed("What a circuit without qubits stores cannot be simulated.", BAD_CIRCUIT)
    if not circuit.clbits or circuit.clbits[-1] in _measured(circuit):
        return
    qubit, bit = circuit.qubits[0], circuit.clbits[-1]
    block = QuantumCircuit([qubit], [bit])
    block.measure(qubit, bit)
    never = expr.logic_and(bit, expr.logic_not(bit))
    circuit.append(IfElseOp(never, block), [qubit], [bit])


def never_runs(operation: Any) -> bool:
    """Tell whether an operation is what ``keeping_all_bits`` adds."""
    condition = operation.condition if isinstance(operation, IfElseOp) else None
    if not isinstance(condition, expr.Binary) or condition.op is not expr.Binary.Op.LOGIC_AND:
        return False
    return expr.structurally_equivalent(condition.right, expr.logic_not(condition.left))


def _measured(circuit: QuantumCircuit) -> set[Clbit]:
    """Return the bits that are measured into, in blocks too: they have the bits of the whole circuit."""
    found: set[Clbit] = set()
    for step in circuit.data:
        if isinstance(step.operation, Measure):
            found.update(step.clbits)
        elif isinstance(step.operation, ControlFlowOp):
            found = found.union(*map(_measured, step.operation.blocks))
    return found


def _bit_of(node: expr.Expr, place: int) -> expr.Expr:
    """Return one bit of a value, lowest first; of wide registers too, where each bit needs few others."""
    kind = node.type.kind
    if kind not in (types.Bool, types.Uint):
        raise NotExpressible(f"it stores a value of type {node.type}")
    if place >= (1 if kind is types.Bool else node.type.width):
        return expr.lift(False)
    if kind is types.Bool:
        return node
    if isinstance(node, expr.Cast):
        return _bit_of(node.operand, place)
    if isinstance(node, expr.Var) and isinstance(node.var, ClassicalRegister):
        return expr.lift(node.var[place])
    if isinstance(node, expr.Unary) and node.op is expr.Unary.Op.BIT_NOT:
        return expr.logic_not(_bit_of(node.operand, place))
    if isinstance(node, expr.Binary) and node.op in _BITWISE:
        return expr.Binary(node.op, _bit_of(node.left, place), _bit_of(node.right, place), types.Bool())
    return expr.index(node, place)


_BITWISE = (expr.Binary.Op.BIT_AND, expr.Binary.Op.BIT_OR, expr.Binary.Op.BIT_XOR)


def _choice(
    step: CircuitInstruction, condition: Any, then: QuantumCircuit, otherwise: QuantumCircuit | None
) -> Iterator[CircuitInstruction]:
    """Yield an if, or the one block that a constant condition leaves."""
    if isinstance(condition, bool):
        chosen = then if condition else otherwise
        yield from () if chosen is None else chosen.data
    else:
        yield step.replace(operation=IfElseOp(condition, then, otherwise or None))


def _switch(
    step: CircuitInstruction, operation: SwitchCaseOp, scope: _Scope, write: WriteBlock
) -> Iterator[CircuitInstruction]:
    """Yield the chain of ifs; each test is that of one case, whose block ends the chain."""
    leaf_of: dict[int, int] = {}
    default = -1
    blocks = []
    for leaf, (labels, case) in enumerate(operation.cases_specifier()):
        blocks.append(write(case))
        for label in labels:
            if label is CASE_DEFAULT:
                default = leaf
            else:
                leaf_of.setdefault(int(label), leaf)
    tests = scope.cases(operation.target, leaf_of, default, len(blocks))
    rest: QuantumCircuit | None = None
    for test, block in reversed(list(zip(tests, blocks, strict=True))):
        chain = block.copy_empty_like()
        for inner in _choice(step, test, block, rest):
            chain.append(inner, copy=False)
        rest = chain
    if rest is not None:
        yield from rest.data


def _for_loop(
    step: CircuitInstruction, operation: ForLoopOp, write: WriteBlock
) -> Iterator[CircuitInstruction]:
    indices, variable, body = operation.params
    if not hasattr(indices, "__len__") or not isinstance(variable, (Parameter, type(None))):
        raise TaskFailed("A loop over real-time values cannot be simulated.", BAD_CIRCUIT)
    if not len(indices):
        return
    block = write(body)
    if variable is None or variable not in block.parameters:
        yield step.replace(operation=ForLoopOp(range(len(indices)), None, block))
        return
    jumps = _jumps(block)
    if jumps == set(JUMPS):
        if len(set(indices)) < len(indices):
            problem = "A loop with break, continue and the same index twice cannot be simulated."
            raise TaskFailed(problem, BAD_CIRCUIT)
        yield step.replace(operation=ForLoopOp(tuple(map(int, indices)), variable, block))
        return
    rounds = [write(body, {variable: int(index)}) for index in indices]
    if "continue_loop" in jumps:  # it ends a round: a loop of its own
        for one in rounds:
            yield step.replace(operation=ForLoopOp(range(1), None, one))
        return
    flat = block.copy_empty_like()
    for one in rounds:
        for inner in one.data:
            flat.append(inner, copy=False)
    if jumps:  # break ends all rounds: one loop around them
        yield step.replace(operation=ForLoopOp(range(1), None, flat))
    else:
        yield from flat.data


def _jumps(block: QuantumCircuit) -> set[str]:
    """Return the names of the jumps that leave the loop with this body."""
    found: set[str] = set()
    for step in block.data:
        if step.name in JUMPS:
            found.add(step.name)
        elif isinstance(step.operation, ControlFlowOp) and not isinstance(
            step.operation, (ForLoopOp, WhileLoopOp)
        ):
            for inner in step.operation.blocks:
                found |= _jumps(inner)
    return found


class _Scope:
    """The classical bits of the block that an instruction stands in."""

    def __init__(self, inner: Sequence[Clbit], outer: Sequence[Clbit]) -> None:
        self._place = {bit: index for index, bit in enumerate(inner)}
        self._outer = outer
        self._classical = Classical(self._place, ())

    def condition(self, condition: Any) -> Any:
        """Return a condition in Aer's words, or the bool that it always is."""
        if not isinstance(condition, expr.Expr):
            target, value = condition
            if isinstance(target, Clbit):
                return self._outer[self._place[target]], bool(value)
            if self._is_outermost(target) and 0 <= int(value) < 1 << len(target):
                return target, int(value)
        try:
            return self._in_words(self._shortest(condition))
        except NotExpressible as cause:
            return self._unchanged(condition, cause)

    def targets(self, place: Any) -> Sequence[Clbit]:
        """Return the bits that a store writes, lowest first."""
        if isinstance(place, expr.Index) and not isinstance(place.index, expr.Value):
            raise NotExpressible("which bit it writes is known only while it runs")
        written = getattr(place.target if isinstance(place, expr.Index) else place, "var", None)
        if not isinstance(written, (Clbit, ClassicalRegister)):
            raise NotExpressible("it writes to a real-time variable")
        bits = [written] if isinstance(written, Clbit) else list(written)
        if isinstance(place, expr.Index):
            bits = bits[place.index.value :][:1]
        if any(bit not in self._place for bit in bits):
            raise NotExpressible("it writes to a classical bit that its block does not have")
        return [self._outer[self._place[bit]] for bit in bits]

    def value(self, node: expr.Expr) -> expr.Expr:
        """Return a value of type bool in Aer's words."""
        found = self._shortest(node)
        return expr.lift(found) if isinstance(found, bool) else found

    def _shortest(self, condition: Any) -> Any:
        trees = self._classical.condition(condition)
        return min((self._expression(tree, 1) for tree in trees), key=_length)

    def cases(self, target: Any, leaf_of: dict[int, int], default: int, count: int) -> list[Any]:
        """Return, for each case of a switch, the condition under which it runs."""
        try:
            tree = self._classical.switch(
                target, lambda value: leaf_of.get(value, default), list(leaf_of), default
            )
        except NotExpressible as cause:
            raise TaskFailed(f"A switch cannot be simulated: {cause}.", BAD_CIRCUIT) from cause
        return [self._in_words(self._expression(tree, leaf)) for leaf in range(count)]

    def always(self) -> Any:
        """Return a condition that always holds."""
        if not self._outer:
            raise TaskFailed("A loop that never ends cannot be simulated.", BAD_CIRCUIT)
        return expr.logic_or(self._outer[0], expr.logic_not(self._outer[0]))

    def _expression(self, tree: Tree, leaf: int) -> Any:
        """Return the expression, or bool, of arriving at a leaf."""
        if not isinstance(tree, Branch):
            return tree == leaf
        bit = self._outer[tree.test.clbit]  # type: ignore[union-attr]
        test = expr.lift(bit) if tree.test.value else expr.logic_not(bit)
        then, otherwise = self._expression(tree.then, leaf), self._expression(tree.otherwise, leaf)
        if then is otherwise and isinstance(then, bool):
            return then
        if then is True:
            return test if otherwise is False else expr.logic_or(test, otherwise)
        if otherwise is True:
            against = expr.logic_not(test)
            return against if then is False else expr.logic_or(against, then)
        parts = []
        if then is not False:
            parts.append(expr.logic_and(test, then))
        if otherwise is not False:
            parts.append(expr.logic_and(expr.logic_not(test), otherwise))
        return parts[0] if len(parts) == 1 else expr.logic_or(*parts)

    @staticmethod
    def _in_words(condition: Any) -> Any:
        """Return the old pair for a single bit: Aer takes no bare one."""
        return (condition.var, True) if isinstance(condition, expr.Var) else condition

    def _is_outermost(self, register: ClassicalRegister) -> bool:
        return all(bit in self._place and self._outer[self._place[bit]] == bit for bit in register)

    def _unchanged(self, condition: expr.Expr, cause: Exception) -> expr.Expr:
        """Return an expression as it is if its bits are those of the whole circuit."""
        for variable in expr.iter_identifiers(condition):
            known = getattr(variable, "var", None)
            bits = [known] if isinstance(known, Clbit) else known
            if isinstance(bits, (list, ClassicalRegister)) and not self._is_outermost(bits):
                raise TaskFailed(f"A condition cannot be simulated: {cause}.", BAD_CIRCUIT) from cause
        return condition


def _length(condition: Any) -> int:
    """Count the parts of an expression."""
    if isinstance(condition, expr.Binary):
        return 1 + _length(condition.left) + _length(condition.right)
    return 1 + _length(condition.operand) if isinstance(condition, expr.Unary) else 1
