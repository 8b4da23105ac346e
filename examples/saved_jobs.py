"""Jobs outlive programs: find them again by id, tag, session or time, and keep their results in files."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from qiskit.circuit import QuantumCircuit

from qiskit_rest_primitives import QiskitRuntimeService, RuntimeDecoder, RuntimeEncoder, RuntimeJobNotFound
from qiskit_rest_primitives import SamplerV2 as Sampler

TAG = "saved-jobs-example"


def coin() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.backend("aer_simulator")
    sampler = Sampler(mode=backend, options={"environment": {"job_tags": [TAG]}})
    jobs = [sampler.run([coin()], shots=100 * count) for count in (1, 2, 3)]
    ids = [job.job_id() for job in jobs]
    for job in jobs:
        job.wait_for_final_state(timeout=60)

    # By id: anywhere, any time.
    job = service.job(ids[1])
    print(f"job {job.job_id()}: {job.status()}, created {job.creation_date:%Y-%m-%d}, by {job.primitive_id}")
    print(f"on {job.backend().name}, {job.metrics()['timestamps']['finished'][:10]}, {job.usage():.3f} s")

    # By what they have in common.
    since = datetime.now() - timedelta(hours=1)
    found = service.jobs(job_tags=[TAG], created_after=since, limit=None, pending=False)
    print(f"{len(found)} jobs of the last hour have the tag; newest first: {found[0].job_id() == ids[-1]}")
    print(f"oldest first: {service.jobs(job_tags=[TAG], limit=1, descending=False)[0].job_id() == ids[0]}")

    # Results as JSON, with everything that Qiskit puts into them.
    with TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        file.write_text(json.dumps(job.result(), cls=RuntimeEncoder))
        again = json.loads(file.read_text(), cls=RuntimeDecoder)
    print(
        f"read back: {again[0].data.meas.num_shots} shots, {again[0].data.meas == job.result()[0].data.meas}"
    )

    job.update_tags([TAG, "kept"])
    print(f"tags are now {service.job(ids[1]).tags}")
    for job_id in ids:
        service.delete_job(job_id)
    try:
        service.job(ids[1])
    except RuntimeJobNotFound:
        print("deleted")


if __name__ == "__main__":
    main()
