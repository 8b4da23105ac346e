"""Try everything that the unmodified official client can do with backends, jobs and sessions.

Run as a program; where the server is comes from the environment (see ``test_every_verb.py``). Prints what it saw as JSON.
"""

import datetime
import json
import time
import warnings

warnings.simplefilter("ignore")

from qiskit import QuantumCircuit, generate_preset_pass_manager  # noqa: E402
from qiskit.quantum_info import SparsePauliOp  # noqa: E402
from qiskit_ibm_runtime import Batch, EstimatorV2, QiskitRuntimeService, SamplerV2, Session  # noqa: E402

Q = SparsePauliOp("ZZ")


def error_of(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001 (its name and text are what is compared)
        return [type(error).__name__, str(error)]
    return None


def long_circuit():
    circuit = QuantumCircuit(22)
    for layer in range(60):
        for qubit in range(22):
            circuit.ry(0.1 + layer + qubit, qubit)
        for qubit in range(21):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def modes(seen, backend, bell, pair, observable):
    """Sampler and Estimator in job, session and batch mode."""

    def both(mode):
        sampled = SamplerV2(mode=mode).run([bell], shots=200)
        estimated = EstimatorV2(mode=mode).run([(pair, observable)], precision=0.05)
        counts = sampled.result()[0].data.meas.get_counts()
        value = float(estimated.result()[0].data.evs)
        return [sum(counts.values()), value, sampled.session_id, estimated.session_id]

    seen["job"] = both(backend)
    with Session(backend=backend, max_time="10m") as session:
        seen["session"] = [*both(session), session.session_id]
        seen["session_details"] = {
            name: session.details()[name] for name in ("mode", "state", "accepting_jobs", "max_time")
        }
        running_usage = session.usage()
        seen["session_again"] = Session.from_id(session.session_id, service=session.service).session_id
    with Batch(backend=backend) as batch:
        seen["batch"] = [*both(batch), batch.session_id]
    seen["closed"] = [session.status(), batch.status()]
    seen["session_usage"] = [running_usage, session.usage() > 0]
    seen["late"] = error_of(lambda: SamplerV2(mode=session).run([bell]))
    # Closed behind the client's back, so that it asks the server.
    other = Session(backend=backend)
    again = Session.from_id(other.session_id, service=other.service)
    again.close()
    seen["late_on_the_server"] = error_of(lambda: SamplerV2(mode=other).run([bell]))
    batch = Batch(backend=backend)
    batch.cancel()
    seen["cancelled_batch"] = batch.status()


def jobs(seen, service, backend, bell):
    """Retrieving, filtering, tags, metrics, usage, inputs, logs and deleting."""
    before = datetime.datetime.now(datetime.timezone.utc)
    sampler = SamplerV2(mode=backend)
    sampler.options.environment.job_tags = ["verb", "first"]
    first = sampler.run([bell], shots=50)
    sampler.options.environment.job_tags = ["verb"]
    second = sampler.run([bell], shots=60)
    ids = [first.job_id(), second.job_id()]
    first.wait_for_final_state()
    second.wait_for_final_state()
    again = service.job(ids[0])
    seen["retrieved"] = [
        again.result()[0].data.meas.num_shots,
        again.status(),
        again.backend().name,
        again.primitive_id,
        again.done(),
        again.in_final_state(),
        again.creation_date >= before - datetime.timedelta(seconds=5),
    ]

    def found(**filters):
        return [ids.index(job.job_id()) for job in service.jobs(**filters) if job.job_id() in ids]

    after = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    seen["found"] = {
        "all tags": found(job_tags=["verb", "first"]),
        "one tag": found(job_tags=["verb"]),
        "oldest first": found(job_tags=["verb"], descending=False),
        "page": found(job_tags=["verb"], limit=1, skip=1),
        "other backend": found(job_tags=["verb"], backend_name="aer_simulator"),
        "other program": found(job_tags=["verb"], program_id="estimator"),
        "pending": found(job_tags=["verb"], pending=True),
        "final": found(job_tags=["verb"], pending=False),
        "no session": found(job_tags=["verb"], session_id="none"),
        "recent": found(job_tags=["verb"], created_after=before - hour, created_before=after + hour),
        "older": found(job_tags=["verb"], created_before=before - hour),
    }
    second.update_tags(["changed"])
    seen["changed"] = [service.job(ids[1]).tags, found(job_tags=["changed"])]
    metrics = first.metrics()
    seen["metrics"] = sorted(metrics)
    seen["usage"] = [first.usage() == metrics["usage"]["qpu_charge_time_seconds"], first.usage() > 0]
    seen["estimated"] = first.usage_estimation["quantum_seconds"] > 0
    seen["account"] = service.usage()["usage_consumed_seconds"] > 0
    seen["instance"] = service.active_instance() == service.instances()[0]["crn"]
    seen["inputs"] = sorted(first.inputs)
    seen["logs"] = "completed" in first.logs()
    seen["properties"] = first.properties() is not None
    service.delete_job(ids[0])
    seen["deleted"] = error_of(lambda: service.job(ids[0]))[0]
    seen["final_cancel"] = error_of(second.cancel)[0]


def errors(seen, service, bell):
    """Cancelling, the time limit, and what is documented to fail."""
    ideal = service.backend("aer_simulator")
    slow = long_circuit()
    job = SamplerV2(mode=ideal).run([slow], shots=10)
    while job.status() == "QUEUED":
        time.sleep(0.01)
    job.cancel()
    seen["cancelled"] = [job.status(), service.job(job.job_id()).status(), job.cancelled()]
    limited = SamplerV2(mode=ideal)
    limited.options.max_execution_time = 1
    job = limited.run([slow], shots=10)
    seen["too_long"] = [error_of(job.result)[0], job.status()]
    job = service._run("sampler", {"pubs": [["nonsense"]], "version": 2}, {"backend": ideal})
    seen["failed"] = [error_of(job.result)[0], job.status(), bool(job.error_message())]
    private = SamplerV2(mode=ideal)
    private.options.environment.private = True
    job = private.run([bell], shots=7)
    seen["private"] = [job.private, job.result()[0].data.meas.num_shots, job.inputs]
    seen["private_again"] = error_of(lambda: service.job(job.job_id()).result())[0]
    tagged = SamplerV2(mode=ideal)
    tagged.options.environment.job_tags = [f"t{number}" for number in range(9)]
    seen["too_many_tags"] = error_of(lambda: tagged.run([bell]))
    seen["no_such_job"] = error_of(lambda: service.job("d0a1b2c3d4e5f6g7h8i0"))[0]
    seen["no_such_backend"] = error_of(lambda: service.backend("ibm_none"))[0]


def main():
    seen = {}
    service = QiskitRuntimeService()
    backend = service.backend("local_heron")
    seen["backends"] = [item.name for item in service.backends()]
    seen["filtered"] = [item.name for item in service.backends(simulator=False, min_num_qubits=100)]
    seen["least_busy"] = service.least_busy(simulator=False).name
    target = backend.target
    seen["target"] = [
        target.num_qubits,
        {"cz", "sx", "rz", "x", "measure", "delay", "reset", "if_else"} <= set(target.operation_names),
        target["cz"][next(iter(target["cz"]))].error > 0,
        target.dt,
        backend.qubit_properties(0).t1 > 0,
        len(backend.coupling_map.get_edges()) == 2 * len({frozenset(e) for e in backend.coupling_map}),
        backend.properties().t1(0) > 0,
        backend.configuration().n_qubits,
        backend.status().pending_jobs,
    ]
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1)
    pair = QuantumCircuit(2)
    pair.h(0)
    pair.cx(0, 1)
    bell = passes.run(pair.measure_all(inplace=False))
    pair = passes.run(pair)
    modes(seen, backend, bell, pair, Q.apply_layout(pair.layout))
    jobs(seen, service, backend, bell)
    plain = QuantumCircuit(1)
    plain.measure_all()
    errors(seen, service, plain)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
