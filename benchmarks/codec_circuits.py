"""How fast circuits are written and read, as ratios against Qiskit's own exporter and importer.

Run ``python benchmarks/codec_circuits.py``; takes about a minute, nearly all of it Qiskit's importer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qiskit import QuantumCircuit, generate_preset_pass_manager, qasm3
from qiskit.circuit.library import efficient_su2
from qiskit.transpiler import CouplingMap

from qiskit_rest_primitives.wire.canonical import canonicalise
from qiskit_rest_primitives.wire.circuits import dump_circuit
from qiskit_rest_primitives.wire.qasm3 import print_program, read_program


def cpu_seconds(action: Callable[[], Any], repeat: int) -> float:
    """Return the least CPU time of several runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        action()
        best = min(best, time.process_time() - start)
    return best


def ansatz() -> QuantumCircuit:
    circuit = efficient_su2(127, reps=3)
    circuit.measure_all()
    return circuit


def isa_ansatz() -> QuantumCircuit:
    passes = generate_preset_pass_manager(
        optimization_level=1,
        coupling_map=CouplingMap([(low + 1, low) for low in range(126)]),
        basis_gates=["ecr", "id", "rz", "sx", "x"],
        seed_transpiler=1,
    )
    return passes.run(ansatz())


def write(circuit: QuantumCircuit) -> str:
    canonical = canonicalise(circuit)
    return print_program(canonical.program, canonical.map.to_json())


def main() -> None:
    circuit = isa_ansatz()
    gates = sum(circuit.count_ops().values())
    print(
        f"ISA ansatz: {circuit.num_qubits} qubits, {gates} instructions, {circuit.num_parameters} parameters"
    )

    stock = cpu_seconds(lambda: qasm3.dumps(circuit), 3)
    ours = cpu_seconds(lambda: write(circuit), 5)
    print(f"write: {ours * 1e3:.1f} ms, qiskit.qasm3.dumps {stock * 1e3:.0f} ms, ratio {ours / stock:.3f}")
    print(f"       {ours / gates * 1e6:.1f} us per instruction, canonicalisation included")

    text = write(circuit)
    ours = cpu_seconds(lambda: read_program(text), 5)
    stock = cpu_seconds(lambda: qasm3.loads(text), 1)
    print(f"read:  {ours * 1e3:.1f} ms, qiskit.qasm3.loads {stock * 1e3:.0f} ms, ratio {ours / stock:.4f}")

    small = ansatz()
    dump_circuit(small)
    again = cpu_seconds(lambda: dump_circuit(small), 50)
    print(f"write again, unchanged, {sum(small.count_ops().values())} instructions: {again * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
