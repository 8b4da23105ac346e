"""Gate folding: gates on two qubits, followed by their inverse and themselves, mean the same and make more mistakes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qiskit.circuit import CircuitInstruction, Gate, Operation, QuantumCircuit


def inverse_of_pair(step: CircuitInstruction) -> Operation | None:
    """Return the inverse of a gate on two qubits; None of anything else."""
    operation = step.operation
    return operation.inverse() if isinstance(operation, Gate) and len(step.qubits) == 2 else None


def folded(
    circuit: QuantumCircuit,
    factor: float,
    amplifier: str,
    inverse: Callable[[CircuitInstruction], Operation | None] = inverse_of_pair,
    random: np.random.Generator | None = None,
) -> QuantumCircuit:
    """Return a circuit whose two-qubit gates come ``factor`` times as often and mean the same; the same one if none does.

    A factor, at least 1, that is no odd number folds some gates once more than others: the first or last ones
    ("gate_folding_front", "gate_folding_back"), or for other words of ``amplifier`` ones all over the circuit, which ``random``
    chooses and which are spread evenly without. ``inverse`` returns the inverse of what is folded, None for what is not.
    """
    inverses = [inverse(step) for step in circuit.data]
    places = [index for index, found in enumerate(inverses) if found is not None]
    pairs = round(len(places) * (factor - 1) / 2)
    if not pairs:
        return circuit
    each, more = divmod(pairs, len(places))
    if amplifier == "gate_folding_front":
        extra = set(places[:more])
    elif amplifier == "gate_folding_back":
        extra = set(places[len(places) - more :])
    elif random is not None:
        extra = set(random.choice(places, more, replace=False).tolist())
    else:
        extra = {places[index * len(places) // more] for index in range(more)} if more else set()
    made: QuantumCircuit = circuit.copy_empty_like()
    for index, (step, found) in enumerate(zip(circuit.data, inverses, strict=True)):
        made.append(step, copy=False)
        for _ in range(0 if found is None else each + (index in extra)):
            made.append(step.replace(operation=found), copy=False)
            made.append(step, copy=False)
    return made
