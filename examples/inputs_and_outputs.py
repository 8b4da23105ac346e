"""What goes into the primitives and what comes out: shapes of PUBs, registers, bit arrays, metadata, spans."""

import numpy as np
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.quantum_info import Pauli, SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives import SamplerV2 as Sampler


def teleported() -> QuantumCircuit:
    """Return a circuit with a register per purpose: two bits steer what happens to the third qubit."""
    qubits = QuantumRegister(3, "q")
    steer, out = ClassicalRegister(2, "steer"), ClassicalRegister(1, "out")
    circuit = QuantumCircuit(qubits, steer, out, metadata={"what": "teleportation"})
    circuit.ry(Parameter("angle"), 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], steer)
    with circuit.if_test((steer[1], 1)):
        circuit.x(2)
    with circuit.if_test((steer[0], 1)):
        circuit.z(2)
    circuit.measure(2, out)
    return circuit


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.backend("aer_simulator")
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend)
    circuit = passes.run(teleported())

    # Two PUBs: one set of values with shots of its own, and twelve sets in an array of shape (4, 3).
    angles = np.linspace(0, np.pi, 12).reshape(4, 3, 1)
    job = Sampler(mode=backend).run([(circuit, [0.0], 64), (circuit, angles, 64)])
    result = job.result()
    for pub in result:
        print(
            f"registers {list(pub.data)} of shape {pub.data.shape}, made of {pub.metadata['circuit_metadata']}"
        )

    out = result[1].data.out
    print(f"out: {out.num_shots} shots of {out.num_bits} bit for each of {out.shape} sets of values")
    print(f"counts of the set at (3, 2): {out.get_counts((3, 2))}; of all: {out.get_counts()}")
    print(
        f"first bitstrings: {out[0, 0].get_bitstrings()[:4]}; packed array {out.array.shape} {out.array.dtype}"
    )
    print(f"<Z> by set:\n{out.expectation_values('Z').round(2)}")
    both = result[1].join_data(["steer", "out"])
    print(
        f"joined: {both.num_bits} bits; where steer is 0: {both.postselect([0, 1], [0, 0]).num_shots} shots left"
    )
    print(f"bits that agree with angle 0: {result[0].data.out.bitcount().sum()} ones")
    spans = result.metadata["execution"]["execution_spans"]
    print(f"taken within {spans.duration:.3f} s; PUB 1 has {spans.filter_by_pub(1)[-1].mask(1).sum()} shots")

    # Observables in every form: text, Pauli, operator, mapping; nested lists give the shape.
    state = QuantumCircuit(2)
    state.ry(Parameter("a"), 0)
    state.cx(0, 1)
    state = passes.run(state)
    observables = [["ZZ", Pauli("XX")], [SparsePauliOp(["ZI", "IZ"], [0.5, 0.5]), {"YY": -1.0}]]
    pub = (state, observables, {"a": np.full((1, 1), 0.3)})
    values = Estimator(mode=backend).run([pub], precision=0.01).result()[0]
    print(f"evs {values.data.evs.round(2).tolist()} +- {values.data.stds.max():.3f}")
    print(f"asked for {values.metadata['target_precision']}, took {values.metadata['shots']} shots")


if __name__ == "__main__":
    main()
