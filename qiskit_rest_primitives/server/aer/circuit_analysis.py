"""What kind of circuit is it? Facts that decide how it can be simulated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from qiskit.circuit import CircuitInstruction, Clbit, ControlFlowOp, Instruction, Measure, Qubit, Reset, Store

from ...qasm.noise_model import NOISELESS, Distinguished
from ..devices.noise import DELAY, Operation
from .gates import DIAGONAL_PAIRS, FLIPS_AND_PHASES, ONE_BIT_GATES


def is_static(flat: Iterable[CircuitInstruction]) -> bool:
    """Tell whether all measurements come last: nothing happens to a qubit or a bit after its measurement."""
    done_qubits: set[Qubit] = set()
    done_bits: set[Clbit] = set()
    touched: set[Qubit] = set()
    for step in flat:
        operation = step.operation
        if isinstance(operation, (ControlFlowOp, Store)) or not done_qubits.isdisjoint(step.qubits):
            return False
        if isinstance(operation, Measure):
            if step.clbits[0] in done_bits:
                return False
            done_qubits.update(step.qubits)
            done_bits.update(step.clbits)
        elif isinstance(operation, Reset):
            if not touched.isdisjoint(step.qubits):
                return False
            continue
        touched.update(step.qubits)
    return True


def active_qubits(
    flat: Iterable[CircuitInstruction], static: bool, noise: Distinguished = NOISELESS
) -> set[Qubit]:
    """Return the qubits that can leave the ground state (all that are used, in a dynamic circuit).

    Args:
        flat: The circuit.
        static: See ``is_static``.
        noise: Resets, measurements and waiting leave the ground state alone unless there is noise on them; relaxation
            is no such noise.
    """
    disturbing = noise.names if noise.labels else frozenset()
    active: set[Qubit] = set()
    for step in flat:
        operation = step.operation
        if is_waiting(operation):
            passive = "delay" not in disturbing
        else:
            passive = isinstance(operation, (Reset, Measure)) and operation.name not in disturbing
        if not (static and passive):
            active.update(step.qubits)
    return active


def neighbours_together(qubits: Sequence[Qubit], flat: Iterable[CircuitInstruction]) -> list[Qubit]:
    """Order qubits breadth first along their interactions (Cuthill-McKee).

    A matrix product state pays for every qubit between two that interact, and the numbers on a lattice of rows and
    bridges jump; the order is free, because qubits are told apart by ``PreparedCircuit.qubits``.
    """
    near: dict[Qubit, set[Qubit]] = {qubit: set() for qubit in qubits}
    for step in flat:
        for qubit in step.qubits:
            if qubit in near:
                near[qubit].update(other for other in step.qubits if other != qubit and other in near)
    rank = {qubit: index for index, qubit in enumerate(qubits)}

    def walk(start: Qubit) -> list[Qubit]:
        order, seen = [start], {start}
        for qubit in order:
            fresh = sorted(near[qubit] - seen, key=lambda other: (len(near[other]), rank[other]))
            order += fresh
            seen.update(fresh)
        return order

    ordered: list[Qubit] = []
    left = dict.fromkeys(qubits)
    while left:
        # The last qubit of a walk lies at an end of its part of the lattice.
        part = walk(walk(next(iter(left)))[-1])
        ordered += part
        for qubit in part:
            del left[qubit]
    return ordered


def bond_bits(qubits: Sequence[Qubit], flat: Iterable[CircuitInstruction]) -> int:
    """Return a bound on the entanglement across any cut of a line of qubits, in bits.

    The bond dimension of a matrix product state is at most two to this power, and its cost grows with the cube.
    Each gate across a cut adds one bit, or two if it is not one of those known to add one; control flow may repeat
    gates, so it counts as if it entangled everything. Diagonal gates on the same pair count once as long as nothing but
    flips and phases comes between them, as where qubits wait under pulses: together they are one such gate.
    """
    place = {qubit: index for index, qubit in enumerate(qubits)}
    added = [0] * max(1, len(qubits))
    mixed = [0] * len(qubits)
    last: dict[tuple[int, ...], list[int]] = {}
    for step in flat:
        if isinstance(step.operation, ControlFlowOp):
            return len(qubits) // 2
        where, name = tuple(sorted(place[qubit] for qubit in step.qubits)), step.operation.name
        if name in FLIPS_AND_PHASES:
            continue
        if name in DIAGONAL_PAIRS:
            times = [mixed[index] for index in where]
            if last.get(where) == times:
                continue
            last[where] = times
        else:
            for index in where:
                mixed[index] += 1
        if len(where) > 1:
            bits = 1 if name in ONE_BIT_GATES else 2
            added[where[0]] += bits
            added[where[-1]] -= bits
    across = [min(bits, cut, len(qubits) - cut) for cut, bits in enumerate(accumulate(added), start=1)]
    return max(0, *across)


def is_waiting(operation: Instruction) -> bool:
    """Tell whether an identity stands for a delay."""
    return operation.name == "id" and (operation.label or "").startswith(DELAY)


def everything(flat: Iterable[CircuitInstruction]) -> Iterator[CircuitInstruction]:
    """Yield all instructions, those inside control flow included."""
    for step in flat:
        yield step
        if isinstance(step.operation, ControlFlowOp):
            for block in step.operation.blocks:
                yield from everything(block.data)


def operations(flat: Iterable[CircuitInstruction], place: dict[Qubit, int]) -> Iterator[Operation]:
    """Yield what noise may act on, by name or label and device qubits; ``place`` numbers the qubits."""
    for step in flat:
        if isinstance(step.operation, ControlFlowOp):
            for block in step.operation.blocks:
                inner = {bit: place[outer] for bit, outer in zip(block.qubits, step.qubits, strict=True)}
                yield from operations(block.data, inner)
        else:
            yield step.operation.label or step.operation.name, tuple(place[qubit] for qubit in step.qubits)
