"""Circuits that have nothing to do with each other, cut apart: each is simulated on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qiskit.circuit import Bit, CircuitInstruction, ControlFlowOp, Measure, QuantumCircuit, Qubit

from .circuit_analysis import is_static
from .control_flow import keeping_all_bits, never_runs
from .preparation import PreparedCircuit

TOGETHER = 5
"""Qubits up to which small subcircuits are simulated together: one state is cheaper than several calls of Aer.

Not so those with parameters, whose sets differ less, the fewer parameters they have.
"""


def independent_subcircuits(prepared: PreparedCircuit) -> tuple[PreparedCircuit, ...]:
    """Cut a circuit into parts that share neither qubits nor classical bits.

    What no measurement depends on is left out, unless the circuit is not ``static``. Together the parts write the same
    classical bits with the same distribution; all have all classical bits.
    """
    return prepared.remembered("subcircuits", lambda: _cut(prepared, apart=False))


def single_qubits_apart(
    prepared: PreparedCircuit,
) -> tuple[PreparedCircuit | None, Sequence[PreparedCircuit]]:
    """Cut a circuit likewise; parts of one qubit, without control flow, come together in one circuit, apart from the others."""
    parts = prepared.remembered("single qubits apart", lambda: _cut(prepared, apart=True))
    alone = parts and _is_local(parts[0].circuit)
    return (parts[0], parts[1:]) if alone else (None, parts)


def _cut(prepared: PreparedCircuit, *, apart: bool) -> tuple[PreparedCircuit, ...]:
    circuit = prepared.circuit
    if any(not step.qubits for step in circuit.data):  # what is stored may depend on anything
        return (prepared,)
    if prepared.static:
        seen, cone = _seen(circuit.data)
    else:
        seen, cone = [step for step in circuit.data if not never_runs(step.operation)], set(circuit.qubits)
    leader = _leaders(circuit, seen)
    steps: dict[Bit, list[CircuitInstruction]] = {}
    for step in seen:
        steps.setdefault(leader[step.qubits[0]], []).append(step)
    members: dict[Bit, list[Qubit]] = {}
    for qubit in circuit.qubits:
        if qubit in cone and leader[qubit] in steps:
            members.setdefault(leader[qubit], []).append(qubit)
    single = [head for head in members if apart and _is_single(members[head], steps[head])]
    others = [(head, _size(members[head], steps[head])) for head in members if head not in set(single)]
    return tuple(
        _subcircuit(
            prepared, [qubit for head in heads for qubit in members[head]], [steps[head] for head in heads]
        )
        for heads in [*([single] if single else []), *_packed(others)]
    )


def _is_local(circuit: QuantumCircuit) -> bool:
    """Tell whether nothing acts on several qubits, and no control flow but what never runs."""
    return all(
        len(step.qubits) == 1
        and (never_runs(step.operation) or not isinstance(step.operation, ControlFlowOp))
        for step in circuit.data
    )


def _is_single(qubits: Sequence[Qubit], steps: Sequence[CircuitInstruction]) -> bool:
    return len(qubits) == 1 and not any(isinstance(step.operation, ControlFlowOp) for step in steps)


def _seen(data: Sequence[CircuitInstruction]) -> tuple[list[CircuitInstruction], set[Qubit]]:
    """Return the instructions that a measurement can tell of (its past light cone), and their qubits.

    What comes after, or happens elsewhere, changes no outcome, with noise or without.
    """
    cone: set[Qubit] = set()
    seen = []
    for step in reversed(data):
        if isinstance(step.operation, Measure) or not cone.isdisjoint(step.qubits):
            cone.update(step.qubits)
            seen.append(step)
    return seen[::-1], cone


def _leaders(circuit: QuantumCircuit, steps: Sequence[CircuitInstruction]) -> dict[Bit, Bit]:
    """Return for each bit, quantum or classical, the one that stands for its connected component."""
    leader: dict[Bit, Bit] = {bit: bit for bit in (*circuit.qubits, *circuit.clbits)}

    def find(bit: Bit) -> Bit:
        while leader[bit] is not bit:
            leader[bit] = bit = leader[leader[bit]]
        return bit

    for step in steps:
        for other in (*step.qubits[1:], *step.clbits):
            leader[find(other)] = find(step.qubits[0])
    return {bit: find(bit) for bit in leader}


def _size(qubits: Sequence[Qubit], steps: Sequence[CircuitInstruction]) -> int:
    """Return the room that a component takes: its qubits, or all of it if it has parameters."""
    parameters = any(step.is_parameterized() for step in steps)
    return max(TOGETHER, len(qubits)) if parameters else len(qubits)


def _packed(sizes: Sequence[tuple[Bit, int]]) -> list[list[Bit]]:
    """Put small components together, in the order in which they come."""
    packs: list[list[Bit]] = []
    room = 0
    for head, size in sizes:
        if size > room:
            packs.append([])
            room = max(TOGETHER, size)
        packs[-1].append(head)
        room -= size
    return packs


def _subcircuit(
    prepared: PreparedCircuit, qubits: Sequence[Qubit], steps: Sequence[Sequence[CircuitInstruction]]
) -> PreparedCircuit:
    circuit = prepared.circuit
    subcircuit = QuantumCircuit(list(qubits), circuit.clbits)
    static = prepared.static or is_static([step for own in steps for step in own])
    for register in () if static else circuit.cregs:  # conditions may name them
        subcircuit.add_register(register)
    for own in steps:
        for step in own:
            subcircuit.append(step, copy=False)
    if not static:
        keeping_all_bits(subcircuit)
    place = dict(zip(circuit.qubits, prepared.qubits, strict=True))
    where = tuple(place[qubit] for qubit in qubits)
    return replace(
        prepared,
        circuit=subcircuit,
        static=static,
        qubits=where,
        operations=frozenset(entry for entry in prepared.operations if set(entry[1]) <= set(where)),
        idle_measurements=(),
        num_measured=sum(isinstance(step.operation, Measure) for step in subcircuit.data),
        _scratch={},
    )
