"""Whole working days over a real socket: variational loops in a session, jobs found again, batches."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import generate_preset_pass_manager
from scipy.optimize import minimize

from qiskit_rest_primitives import Batch, EstimatorV2, IBMBackend, SamplerV2, Session, as_completed

HAMILTONIAN = SparsePauliOp.from_list([("YZ", 0.3980), ("ZI", -0.3980), ("ZZ", -0.0113), ("XX", 0.1810)])


@pytest.fixture(scope="module")
def simulator(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, name="bell", metadata={"experiment": [1, 2, {"x": "ü"}]})
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_two_variational_loops_share_a_session_in_threads_and_are_told_apart_by_tags(
    service: Any, simulator: IBMBackend
) -> None:
    manager = generate_preset_pass_manager(optimization_level=1, backend=simulator)
    ansatz = manager.run(efficient_su2(2, reps=1))
    hamiltonian = HAMILTONIAN.apply_layout(ansatz.layout)
    methods = {"COBYLA": {"maxiter": 60}, "Nelder-Mead": {"maxfev": 90}}
    found: dict[str, tuple[np.ndarray, float]] = {}
    made: dict[str, list[str]] = {method: [] for method in methods}

    def loop(method: str, estimator: EstimatorV2) -> None:
        def energy(angles: np.ndarray) -> float:
            job = estimator.run([(ansatz, hamiltonian, angles)])
            made[method].append(job.job_id())
            return float(job.result(timeout=600)[0].data.evs)

        start = np.full(ansatz.num_parameters, 0.4)
        end = minimize(energy, start, method=method, options=methods[method])
        found[method] = end.x, float(end.fun)

    with Session(backend=simulator, max_time="10m") as session:
        threads = []
        for method in methods:
            estimator = EstimatorV2(mode=session, options={"default_precision": 0.005})
            estimator.options.environment.job_tags = ["vqe", method]
            estimator.options.simulator.seed_simulator = 11
            threads.append(threading.Thread(target=loop, args=(method, estimator)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(600)
        assert session.status() == "In progress, accepting new jobs"
    assert session.status() == "Closed"

    # Wherever an optimiser of this version ends: what it was told is the energy there, within 5 sigma of four terms.
    for point, energy in found.values():
        state = Statevector(ansatz.assign_parameters(point))
        assert abs(energy - state.expectation_value(hamiltonian).real) < 5 * 0.005 * 4
    for method in methods:
        tagged = service.jobs(limit=None, job_tags=["vqe", method])
        assert sorted(job.job_id() for job in tagged) == sorted(made[method])
        assert {job.session_id for job in tagged} == {session.session_id}
    assert len(service.jobs(limit=None, job_tags=["vqe"])) == sum(map(len, made.values()))


def test_a_session_loop_costs_at_most_two_requests_per_iteration(
    simulator: IBMBackend, traffic: list[str]
) -> None:
    with Session(simulator) as session:
        sampler = SamplerV2(mode=session)
        sampler.run([bell()]).result()
        traffic.clear()
        for _ in range(5):
            sampler.run([bell()]).result()
        assert 5 <= len(traffic) <= 10  # the results come along, unless the machine is too busy for that


READER = """
import json, sys
from qiskit_rest_primitives import QiskitRuntimeService
place, job_ids = json.loads(sys.stdin.read())
service = QiskitRuntimeService(channel="local", **place)
for job_id in job_ids:
    job = service.job(job_id)
    for pub in job.result(timeout=600):
        data = {}
        for name, value in pub.data.items():
            data[name] = value.get_counts() if hasattr(value, "get_counts") else value.tolist()
        print(json.dumps([job.status(), list(pub.data.shape), data, pub.metadata.get("circuit_metadata")]))
"""


@pytest.mark.filterwarnings("ignore:support_qiskit = False has no effect")  # on retired servers
@pytest.mark.parametrize("support_qiskit", [True, False])
def test_a_job_found_by_id_in_another_process_gives_an_equal_result(
    endpoint: Any, service: Any, simulator: IBMBackend, support_qiskit: bool
) -> None:
    options = {"support_qiskit": support_qiskit}
    ansatz = efficient_su2(2, reps=1)
    angles = np.linspace(0, 1, 2 * ansatz.num_parameters).reshape(2, -1)
    sampled = SamplerV2(mode=simulator, options=options).run([bell(), (bell(), None, 100)])
    measured = EstimatorV2(mode=simulator, options=options).run(
        [(ansatz, [["ZZ"], ["XX"], ["IZ"]], angles)], precision=0.05
    )
    place = {"url": endpoint.url, "token": endpoint.token, "instance": endpoint.instance}

    done = subprocess.run(
        [sys.executable, "-c", READER],
        input=json.dumps([place, [sampled.job_id(), measured.job_id()]]),
        capture_output=True,
        text=True,
        check=True,
    )

    there = [json.loads(line) for line in done.stdout.splitlines()]
    sampler_result, values = sampled.result(), measured.result()[0].data
    wanted = [["DONE", [], {"meas": pub.data.meas.get_counts()}, bell().metadata] for pub in sampler_result]
    assert there[:2] == wanted
    assert there[2][1] == [3, 2]
    assert there[2][2]["evs"] == values.evs.tolist()
    assert there[2][2]["stds"] == values.stds.tolist()


def test_a_pickled_job_is_finished_in_another_process(
    endpoint: Any, simulator: IBMBackend, tmp_path: Any
) -> None:
    job = SamplerV2(mode=simulator).run([bell()])
    file = tmp_path / "job.pickle"
    file.write_bytes(pickle.dumps(job))
    code = (
        "import json, pathlib, pickle, sys\n"
        "job = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(json.dumps(job.result(timeout=600)[0].data.meas.get_counts()))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        env={**os.environ, "QISKIT_IBM_TOKEN": endpoint.token},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == job.result()[0].data.meas.get_counts()


def test_a_batch_of_jobs_comes_in_as_they_end(simulator: IBMBackend) -> None:
    with Batch(backend=simulator) as batch:
        sampler = SamplerV2()
        jobs = [sampler.run([bell()], shots=10 + k) for k in range(6)]
    ended = list(as_completed(jobs, timeout=600))

    assert {job.job_id() for job in ended} == {job.job_id() for job in jobs}
    assert sorted(job.result()[0].data.meas.num_shots for job in ended) == [10, 11, 12, 13, 14, 15]
    assert {job.session_id for job in jobs} == {batch.session_id}


def test_the_whole_way_on_the_device_with_noise(service: Any) -> None:
    backend = service.least_busy(operational=True, simulator=False, min_num_qubits=127)
    isa = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=5).run(bell())
    with Session(backend=backend) as session:
        counts = SamplerV2(mode=session).run([isa], shots=4000).result()[0].data.meas.get_counts()
        parity = SparsePauliOp("ZZ")
        state = bell().remove_final_measurements(inplace=False)
        isa_state = generate_preset_pass_manager(
            optimization_level=1, backend=backend, seed_transpiler=5
        ).run(state)
        pub = (isa_state, parity.apply_layout(isa_state.layout))
        value = EstimatorV2(mode=session).run([pub], precision=0.02).result()[0].data

    right = (counts.get("00", 0) + counts.get("11", 0)) / 4000
    assert 0.85 < right < 1.0
    assert 0.8 < float(value.evs) < 1.0 + 5 * float(value.stds)
