"""The program ``hello-world``: random circuits, one interim result each."""

from __future__ import annotations

from typing import Any

from qiskit import transpile
from qiskit.circuit.random import random_circuit

from ...programs.author import ProgramBackend, UserMessenger

__all__ = ["main"]


def main(backend: ProgramBackend, user_messenger: UserMessenger, iterations: int = 1, **_: Any) -> str:
    """Run random circuits of two qubits and publish the counts of each.

    Args:
        backend: Where to run.
        user_messenger: Where to publish.
        iterations: How many circuits.
    """
    for iteration in range(iterations):
        circuit = transpile(random_circuit(2, 4, measure=True, seed=iteration), backend)
        counts = backend.run(circuit, shots=1000).result().get_counts()
        user_messenger.publish({"iteration": iteration, "counts": counts})
    return "All done!"
