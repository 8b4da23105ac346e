"""Drive the unmodified official client through one server; run as a program, prints what it saw as JSON.

Uses only what a user would write; where the server is comes from the environment (see ``test_smoke.py``).
"""

import json
import warnings

warnings.simplefilter("ignore")

from qiskit import QuantumCircuit, generate_preset_pass_manager  # noqa: E402
from qiskit.circuit import Parameter  # noqa: E402
from qiskit.quantum_info import SparsePauliOp  # noqa: E402
from qiskit_ibm_runtime import Batch, EstimatorV2, QiskitRuntimeService, SamplerV2, Session  # noqa: E402


def main() -> None:
    seen: dict[str, object] = {}
    service = QiskitRuntimeService()
    seen["backends"] = sorted(backend.name for backend in service.backends())
    seen["least_busy"] = service.least_busy(operational=True, simulator=False).name
    backend = service.backend("local_heron")
    seen["qubits"] = backend.num_qubits
    seen["operational"] = backend.status().operational
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1)

    theta = Parameter("theta")
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    turn = QuantumCircuit(1)
    turn.ry(theta, 0)
    bell, turn = passes.run(bell), passes.run(turn)
    observable = SparsePauliOp("Z").apply_layout(turn.layout)

    sampler = SamplerV2(mode=backend)
    job = sampler.run([bell], shots=500)
    counts = job.result()[0].data.meas.get_counts()
    seen["job_counts"] = counts
    seen["job_status"] = job.status()
    seen["job_metrics"] = sorted(job.metrics())
    seen["job_usage"] = job.usage() > 0
    job.update_tags(["smoke"])
    seen["job_tags"] = service.job(job.job_id()).tags
    seen["jobs"] = [found.job_id() == job.job_id() for found in service.jobs(job_tags=["smoke"])]
    seen["inputs"] = job.inputs["pubs"][0][0].num_qubits
    seen["usage"] = sorted(service.usage())

    with Session(backend=backend) as session:
        estimator = EstimatorV2(mode=session)
        result = estimator.run([(turn, observable, [[0.0], [3.141592653589793]])], precision=0.05).result()
        seen["session_evs"] = [float(value) for value in result[0].data.evs]
        seen["session_details"] = (session.details()["state"], session.details()["mode"])
    seen["session_closed"] = session.status()
    with Batch(backend=backend) as batch:
        jobs = [SamplerV2(mode=batch).run([bell], shots=100) for _ in range(2)]
        seen["batch_shots"] = [job.result()[0].data.meas.num_shots for job in jobs]
    seen["batch_closed"] = batch.status()

    job = service._run("sampler", {"pubs": [["nonsense"]], "version": 2}, {"backend": backend})
    job.wait_for_final_state()
    seen["failure"] = (job.status(), bool(job.error_message()))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
