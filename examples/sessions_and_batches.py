"""Sessions for jobs that depend on each other, batches for jobs that do not, and both used from threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import Batch, QiskitRuntimeService, RuntimeJobV2, Session, as_completed
from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import SamplerV2 as Sampler


def turned() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("angle"), 0)
    return circuit


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.backend("aer_simulator")

    # Each step of a bisection needs the one before: a session keeps the device for them.
    low, high = 0.0, np.pi
    with Session(backend=backend, max_time="10m") as session:
        estimator = Estimator(options={"default_precision": 0.01})  # no mode: it runs in the session
        for _ in range(7):
            middle = (low + high) / 2
            value = estimator.run([(turned(), SparsePauliOp("Z"), middle)]).result()[0].data.evs
            low, high = (middle, high) if value > 0.5 else (low, middle)
        print(f"session {session.session_id}: {session.status()}")
    print(f"<Z> is a half at {low:.3f} (exact {np.pi / 3:.3f}); the session is {session.status()}")

    # Independent jobs go into a batch all at once, here from four threads, and are taken as they end.
    with Batch(backend=backend) as batch:
        sampler = Sampler(mode=batch)
        circuit = turned().measure_all(inplace=False)

        def submit(angle: float) -> RuntimeJobV2:
            return sampler.run([(circuit, angle)], shots=1000)

        with ThreadPoolExecutor(4) as pool:
            jobs = dict(
                zip(pool.map(submit, np.linspace(0, np.pi, 5)), np.linspace(0, np.pi, 5), strict=True)
            )
    for job in as_completed(jobs, timeout=60):
        ones = job.result()[0].data.meas.get_int_counts().get(1, 0)
        print(f"angle {jobs[job]:.2f}: {ones / 1000:.1%} ones, expected {np.sin(jobs[job] / 2) ** 2:.1%}")
    print(f"the batch had {len(service.jobs(session_id=batch.session_id, limit=None))} jobs")

    # A session outlives the program that opened it: any other finds it, and its jobs, by the id.
    again = Session.from_id(session.session_id, service=service)
    details = again.details()
    print(f"{details['mode']} session on {details['backend_name']}: used {details['usage_time']} s")


if __name__ == "__main__":
    main()
