"""The two primitives on a device: counts of a GHZ state, and its correlations between far-apart qubits.

Every circuit is transpiled for the device first, and every observable follows the layout that the transpiler chose.
"""

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives import SamplerV2 as Sampler

QUBITS = 8


def ghz(num_qubits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(num_qubits)
    circuit.h(0)
    for qubit in range(num_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.least_busy(operational=True, simulator=False, min_num_qubits=QUBITS)
    passes = generate_preset_pass_manager(optimization_level=2, backend=backend, seed_transpiler=1)
    print(f"{backend.name} has {backend.num_qubits} qubits and {', '.join(backend.basis_gates)}")

    sampled = passes.run(ghz(QUBITS).measure_all(inplace=False))
    job = Sampler(mode=backend).run([sampled], shots=2000)
    print(f"sampler job {job.job_id()}: {job.status()}")
    counts = job.result()[0].data.meas.get_counts()
    for outcome, count in sorted(counts.items(), key=lambda item: -item[1])[:4]:
        print(f"  {outcome}   {count:5d}")
    coherent = (counts.get("0" * QUBITS, 0) + counts.get("1" * QUBITS, 0)) / 2000
    print(f"{coherent:.0%} of the shots have all qubits alike")

    state = passes.run(ghz(QUBITS))
    pairs = [
        SparsePauliOp.from_sparse_list([("ZZ", (0, distance), 1)], num_qubits=QUBITS)
        for distance in range(1, QUBITS)
    ]
    job = Estimator(mode=backend).run([(state, [pair.apply_layout(state.layout) for pair in pairs])])
    data = job.result()[0].data
    for distance, (value, error) in enumerate(zip(data.evs, data.stds, strict=True), start=1):
        print(f"<Z0 Z{distance}> = {value:+.3f} +- {error:.3f}")
    print(f"the job took {job.usage()} s of the device")


if __name__ == "__main__":
    main()
