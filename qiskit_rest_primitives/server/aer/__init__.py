"""From a loaded circuit to outcomes: what Qiskit Aer is given, and what is read from its answers."""
