"""Classes of results beside Qiskit's own."""
