"""Broadcasting: one PUB with arrays of parameter values and of observables, which combine as arrays do in NumPy.

The last axis of the values belongs to the circuit's parameters; the axes before it are the shape that broadcasts.
"""

import numpy as np
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives import SamplerV2 as Sampler

ANGLES = np.linspace(0, np.pi, 6)


def pair() -> QuantumCircuit:
    """Entangle two qubits by an angle and turn the first by another."""
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    circuit.rx(Parameter("b"), 0)
    return circuit


def main() -> None:
    backend = QiskitRuntimeService(channel="local").backend("aer_simulator")
    estimator = Estimator(mode=backend, options={"default_precision": 0.01})
    values = np.stack([ANGLES, np.zeros(6)], axis=-1)  # six bindings of (a, b)
    zz, zi, xx = SparsePauliOp("ZZ"), SparsePauliOp("ZI"), SparsePauliOp("XX")

    pubs = {
        "one observable with every binding, (6,) and ()": (pair(), zz, values),
        "one observable per binding, (6,) and (6,)": (pair(), [zz, zz, zz, xx, xx, xx], values),
        "every observable with every binding, (6,) and (3, 1)": (pair(), [[zz], [zi], [xx]], values),
        "a grid of two angles, (6, 6) and ()": (pair(), zz, np.stack(np.meshgrid(ANGLES, ANGLES), axis=-1)),
    }
    results = estimator.run(pubs.values()).result()  # all of them in one job
    for title, result in zip(pubs, results, strict=True):
        print(f"{title}: evs of shape {result.data.evs.shape}")
        print(np.array2string(result.data.evs, precision=2, suppress_small=True, prefix=""))

    exact = np.sin(ANGLES)
    print(f"largest error of <XX>: {np.abs(results[2].data.evs[2] - exact).max():.3f}")

    samples = Sampler(mode=backend).run([(pair().measure_all(inplace=False), values)], shots=500).result()
    bits = samples[0].data.meas
    print(f"samples: {bits.shape} bindings of {bits.num_shots} shots of {bits.num_bits} bits")
    for angle, place in zip(ANGLES, np.ndindex(bits.shape), strict=True):
        print(f"a = {angle:.2f}   {dict(sorted(bits.get_counts(place).items()))}")
    print(f"together: {bits.get_counts()}")


if __name__ == "__main__":
    main()
