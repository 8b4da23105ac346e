"""``QuantumCircuit`` <-> OpenQASM 3 text, or QPY."""
