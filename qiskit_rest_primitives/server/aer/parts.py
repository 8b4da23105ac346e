"""Circuits that have nothing to do with each other, cut apart: each is simulated on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qiskit.circuit import CircuitInstruction, Measure, QuantumCircuit, Qubit

from .preparation import PreparedCircuit

__all__ = ["independent_subcircuits"]

TOGETHER = 5
"""Qubits up to which small subcircuits are simulated together: one state is cheaper than several calls of Aer.

Not so those with parameters, whose sets differ less, the fewer parameters they have.
"""


def independent_subcircuits(prepared: PreparedCircuit) -> tuple[PreparedCircuit, ...]:
    """Cut a static circuit; what no measurement depends on is left out.

    Args:
        prepared: A circuit whose measurements come last (``static``).

    Returns:
        Circuits on disjoint qubits, which together write the same classical bits with the same distribution. All
        have all classical bits.
    """
    return prepared.remembered("subcircuits", lambda: _cut(prepared))


def _cut(prepared: PreparedCircuit) -> tuple[PreparedCircuit, ...]:
    seen, cone = _seen(prepared.circuit.data)
    leader = _leaders(prepared.circuit.qubits, seen)
    steps: dict[Qubit, list[CircuitInstruction]] = {}
    for step in seen:
        steps.setdefault(leader[step.qubits[0]], []).append(step)
    members: dict[Qubit, list[Qubit]] = {}
    for qubit in prepared.circuit.qubits:
        if qubit in cone:
            members.setdefault(leader[qubit], []).append(qubit)
    return tuple(
        _subcircuit(
            prepared, [qubit for head in heads for qubit in members[head]], [steps[head] for head in heads]
        )
        for heads in _packed([(head, _size(members[head], steps[head])) for head in members])
    )


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


def _leaders(qubits: Sequence[Qubit], steps: Sequence[CircuitInstruction]) -> dict[Qubit, Qubit]:
    """Return for each qubit the one that stands for its connected component."""
    leader = {qubit: qubit for qubit in qubits}

    def find(qubit: Qubit) -> Qubit:
        while leader[qubit] is not qubit:
            leader[qubit] = qubit = leader[leader[qubit]]
        return qubit

    for step in steps:
        for other in step.qubits[1:]:
            leader[find(other)] = find(step.qubits[0])
    return {qubit: find(qubit) for qubit in qubits}


def _size(qubits: Sequence[Qubit], steps: Sequence[CircuitInstruction]) -> int:
    """Return the room that a component takes: its qubits, or all of it if it has parameters."""
    parameters = any(step.is_parameterized() for step in steps)
    return max(TOGETHER, len(qubits)) if parameters else len(qubits)


def _packed(sizes: Sequence[tuple[Qubit, int]]) -> list[list[Qubit]]:
    """Put small components together, in the order in which they come."""
    packs: list[list[Qubit]] = []
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
    for own in steps:
        for step in own:
            subcircuit.append(step, copy=False)
    place = dict(zip(circuit.qubits, prepared.qubits, strict=True))
    where = tuple(place[qubit] for qubit in qubits)
    return replace(
        prepared,
        circuit=subcircuit,
        qubits=where,
        operations=frozenset(entry for entry in prepared.operations if set(entry[1]) <= set(where)),
        idle_measurements=(),
        num_measured=sum(isinstance(step.operation, Measure) for step in subcircuit.data),
        _scratch={},
    )
