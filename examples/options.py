"""Options: how to set them, what is checked when, and what error mitigation changes on a noisy device."""

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import EstimatorOptions, QiskitRuntimeService
from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import SamplerV2 as Sampler


def echo(num_gates: int) -> QuantumCircuit:
    """Return a circuit that does nothing but give noise time to act: <ZZ> is 1 without noise."""
    circuit = QuantumCircuit(2)
    for _ in range(num_gates):
        circuit.cz(0, 1)
        circuit.barrier()
    return circuit


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.least_busy(operational=True, simulator=False)
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1)

    # A dict, an object or attributes: all the same, and all checked at once.
    sampler = Sampler(mode=backend, options={"default_shots": 500, "dynamical_decoupling": {"enable": True}})
    sampler.options.dynamical_decoupling.sequence_type = "XY4"
    sampler.options.update(environment={"job_tags": ["guide"]}, execution={"init_qubits": True})
    print(f"sampler: {sampler.options.default_shots} shots, {sampler.options.dynamical_decoupling}")
    for mistake in ({"default_shot": 10}, {"twirling": {"strategy": "sometimes"}}):
        try:
            sampler.options.update(**mistake)
        except ValueError as refusal:  # noqa: PERF203
            print(f"refused: {refusal}")

    job = sampler.run([passes.run(echo(2).measure_all(inplace=False))])
    print(f"job of {job.result()[0].data.meas.num_shots} shots with tags {job.tags}")
    more = sampler.run([passes.run(echo(2).measure_all(inplace=False))], shots=100)
    print(f"shots given to run() come first: {more.result()[0].data.meas.num_shots}")

    circuit = passes.run(echo(20))
    observable = SparsePauliOp("ZZ").apply_layout(circuit.layout)
    options = EstimatorOptions(default_precision=0.01, seed_estimator=3)
    for level in (0, 1, 2):
        options.resilience_level = level
        data = Estimator(mode=backend, options=options).run([(circuit, observable)]).result()[0].data
        print(f"resilience level {level}: <ZZ> = {data.evs:.3f} +- {data.stds:.3f}")


if __name__ == "__main__":
    main()
