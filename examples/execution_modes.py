"""The three execution modes: single jobs, a batch of independent ones, and a session of jobs that build on each other."""

import numpy as np
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import Batch, QiskitRuntimeService, Session
from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import SamplerV2 as Sampler


def fringe() -> QuantumCircuit:
    """Return an interferometer: the chance of a 1 is (1 - cos(phase)) / 2."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.p(Parameter("phase"), 0)
    circuit.h(0)
    return circuit


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.least_busy(operational=True, simulator=False)
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=2)
    sampled = passes.run(fringe().measure_all(inplace=False))
    state = passes.run(fringe())
    z = SparsePauliOp("Z").apply_layout(state.layout)

    # Job mode: the backend is the mode.
    job = Sampler(mode=backend).run([(sampled, [np.pi])], shots=200)
    print(f"single job {job.job_id()}: {job.result()[0].data.meas.get_counts()}, session {job.session_id}")

    # Batch mode: everything is submitted at once, then collected.
    phases = np.linspace(0, np.pi, 4)
    with Batch(backend=backend) as batch:
        sampler = Sampler()
        jobs = [sampler.run([(sampled, [phase])], shots=200) for phase in phases]
    for phase, job in zip(phases, jobs, strict=True):
        ones = job.result()[0].data.meas.get_int_counts().get(1, 0) / 200
        print(f"batch job {job.job_id()}: phase {phase:.2f}, {ones:.0%} ones")
    print(f"the batch is {batch.status()}; it was in mode {batch.details()['mode']}")

    # Session mode: the next phase depends on the last value. Both primitives share the session.
    with Session(backend=backend, max_time="20m") as session:
        estimator, sampler = Estimator(mode=session), Sampler(mode=session)
        estimator.options.default_precision = 0.02
        estimator.options.environment.job_tags = ["newton"]
        phase = 1.0
        for step in range(3):
            value = float(estimator.run([(state, z, [phase])]).result()[0].data.evs)
            phase += value / max(np.sin(phase), 0.2)  # towards <Z> = 0
            print(f"session step {step}: <Z> = {value:+.3f}, next phase {phase:.3f}")
        last = sampler.run([(sampled, [phase])], shots=200).result()[0].data.meas.get_counts()
        print(f"at the end: {last}; {session.status()}")
    tagged = service.jobs(session_id=session.session_id, job_tags=["newton"], limit=None)
    print(f"the session is {session.status()} and had {len(tagged)} tagged jobs")


if __name__ == "__main__":
    main()
