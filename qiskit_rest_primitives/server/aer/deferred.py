"""Measurements on the way, put off to the end: a few qubits that are measured, reset and used again become one state.

A measurement is an interaction with something that nobody touches any more, so each copies its qubit (``cx``) to a fresh one,
which is measured last. Then one density matrix has the outcomes of all shots.
"""

from __future__ import annotations

from dataclasses import replace

from qiskit.circuit import Clbit, Measure, QuantumCircuit, Qubit
from qiskit.circuit.library import CXGate

from ..devices.noise import QUIET
from .control_flow import never_runs
from .preparation import PreparedCircuit


def with_deferred_measurements(prepared: PreparedCircuit, most_qubits: int) -> PreparedCircuit | None:
    """Return a circuit with the same distribution whose measurements come last.

    Args:
        prepared: A circuit that is not ``static``.
        most_qubits: How wide it may become.

    Returns:
        None if there is control flow, or it would be wider. Its ``ancillas`` are the qubits that were copied.
    """
    return prepared.remembered(("deferred", most_qubits), lambda: (_deferred(prepared, most_qubits),))[0]


def _deferred(prepared: PreparedCircuit, most_qubits: int) -> PreparedCircuit | None:
    circuit = prepared.circuit
    steps = [step for step in circuit.data if not never_runs(step.operation)]
    if len(prepared.qubits) > most_qubits:
        return None
    if any(step.clbits and not isinstance(step.operation, Measure) for step in steps):
        return None
    if any(not step.qubits for step in steps):
        return None
    last_use = {qubit: index for index, step in enumerate(steps) for qubit in step.qubits}
    last_write = {step.clbits[0]: index for index, step in enumerate(steps) if step.clbits}
    made = QuantumCircuit(circuit.qubits, circuit.clbits)
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    read: list[tuple[Qubit, Clbit]] = []
    ancillas: list[int] = []
    for index, step in enumerate(steps):
        if not isinstance(step.operation, Measure):
            made.append(step, copy=False)
            continue
        (qubit,), (clbit,) = step.qubits, step.clbits
        source = qubit
        if last_use[qubit] != index:
            if len(prepared.qubits) + len(ancillas) >= most_qubits:
                return None
            qubit = Qubit()
            made.add_bits([qubit])
            ancillas.append(prepared.qubits[place[source]])
            made.append(CXGate(label=QUIET), [source, qubit])
        if last_write[clbit] == index:
            read.append((qubit, clbit))
    for qubit, clbit in read:
        made.measure(qubit, clbit)
    return replace(
        prepared,
        circuit=made,
        static=True,
        num_measured=len(read),
        ancillas=tuple(ancillas),
        clifford=False,
        _scratch={},
    )
