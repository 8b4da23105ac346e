"""Copies of circuits that share nothing with the original that could change.

``copy.deepcopy`` of Qiskit 2.6 does not copy what stands in blocks of control flow, and ``assign_parameters`` changes
gates with definitions there, in copies and originals alike.
"""

from __future__ import annotations

import copy

from qiskit import QuantumCircuit

__all__ = ["independent_copy"]


def independent_copy(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return an equal circuit whose gates, in blocks too, are its own."""
    fresh = circuit.copy_empty_like()
    for step in circuit.data:
        operation = step.operation
        if step.is_control_flow() and getattr(operation, "blocks", ()):
            operation = operation.replace_blocks([independent_copy(block) for block in operation.blocks])
        elif not step.is_standard_gate():
            operation = copy.deepcopy(operation)
        fresh.append(step.replace(operation=operation), copy=False)
    return fresh
