"""Error suppression and mitigation on a noisy device: what each technique is called, and what it brings."""

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import Batch, EstimatorOptions, QiskitRuntimeService
from qiskit_rest_primitives import EstimatorV2 as Estimator


def mirror(layers: int) -> QuantumCircuit:
    """Return a circuit that undoes itself: every Z is 1 without noise."""
    circuit = QuantumCircuit(3)
    for _ in range(layers):
        circuit.cx(0, 1)
        circuit.cx(1, 2)
    circuit.barrier()
    return circuit.compose(circuit.inverse())


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.least_busy(operational=True, simulator=False)
    circuit = generate_preset_pass_manager(0, backend=backend, initial_layout=[0, 1, 2]).run(mirror(5))
    zzz = SparsePauliOp("ZZZ").apply_layout(circuit.layout)

    bare = EstimatorOptions(resilience_level=0, default_shots=4000)
    readout = EstimatorOptions(resilience_level=0, default_shots=4000)
    readout.resilience.measure_mitigation = True
    readout.resilience.measure_noise_learning.num_randomizations = 32
    twirled = EstimatorOptions(resilience_level=1, twirling={"enable_gates": True, "num_randomizations": 20})
    twirled.twirling.shots_per_randomization = 200
    extrapolated = EstimatorOptions(resilience_level=1)
    extrapolated.update(twirling={"num_randomizations": 20, "shots_per_randomization": 200})
    extrapolated.resilience.zne_mitigation = True
    extrapolated.resilience.zne.noise_factors = (1, 2, 3)
    extrapolated.resilience.zne.extrapolator = ("exponential", "linear")

    kinds = {"nothing": bare, "readout": readout, "twirling": twirled, "extrapolation": extrapolated}
    with Batch(backend=backend):
        jobs = {name: Estimator(options=options).run([(circuit, zzz)]) for name, options in kinds.items()}
    for name, job in jobs.items():
        pub = job.result()[0]
        print(f"{name:14s} <ZZZ> = {float(pub.data.evs):.3f} +- {float(pub.data.stds):.3f}   ", end="")
        print(f"{pub.metadata['shots']} shots, {pub.metadata.get('num_randomizations')} randomisations")

    data = jobs["extrapolation"].result()[0].data
    print(f"at noise factors 1, 2, 3: {data.evs_noise_factors.round(3).tolist()}")
    print(f"extrapolated by each method, to 0 first: {data.evs_extrapolated[..., 0].round(3).tolist()}")


if __name__ == "__main__":
    main()
