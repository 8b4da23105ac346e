"""Local testing mode: simulators and made-up devices as the mode of primitives and sessions, no account needed."""

from qiskit.circuit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import SamplerV2 as Sampler
from qiskit_rest_primitives import Session


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def main() -> None:
    measured = bell().measure_all(inplace=False)

    # A simulator takes every circuit.
    counts = Sampler(mode=AerSimulator()).run([measured], shots=1000).result()[0].data.meas.get_counts()
    print(f"ideal: {counts}")
    clifford = AerSimulator(method="stabilizer")
    value = Estimator(mode=clifford).run([(bell(), SparsePauliOp("XX"))], precision=0.01).result()[0].data.evs
    print(f"<XX> of a stabilizer state: {value:.2f}")

    # A device of your own making has gates, a coupling map and noise, like a real one.
    device = GenericBackendV2(5, seed=4)
    passes = generate_preset_pass_manager(optimization_level=1, backend=device, seed_transpiler=4)
    with Session(backend=device) as session:
        sampler, estimator = Sampler(mode=session), Estimator(mode=session)
        sampler.options.simulator.seed_simulator = 42
        runs = [sampler.run([passes.run(measured)], shots=1000) for _ in range(2)]
        first, second = (job.result()[0].data.meas.get_counts() for job in runs)
        print(f"noisy: {first}; the same with the same seed: {first == second}")
        state = passes.run(bell())
        zz = SparsePauliOp("ZZ").apply_layout(state.layout)
        print(f"<ZZ> = {estimator.run([(state, zz)]).result()[0].data.evs:.3f}")

    # A circuit that does not fit is refused here as it would be there.
    try:
        Sampler(mode=device).run([measured])
    except ValueError as refusal:
        print(f"refused: {str(refusal)[:60]}...")


if __name__ == "__main__":
    main()
