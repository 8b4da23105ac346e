"""Mitigation whose noise is not given: a job learns it first, what follows is sent once, and both are one job to their user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import QuantumRegister

from qiskit_rest_primitives import (
    Batch,
    EstimatorV2,
    IBMInputValueError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobV2,
    Session,
    gather,
)
from qiskit_rest_primitives.rest.journal import VARIABLE, Journal
from qiskit_rest_primitives.rest.lookup import submission_of
from qiskit_rest_primitives.results.noise_learner_v3 import NoiseLearnerV3Results

pytest.importorskip("qiskit_mitigation", reason="pip install 'qiskit-rest-primitives[executor]' to mitigate")

FEW = {"shots_per_randomization": 8, "num_randomizations": 2, "layer_pair_depths": [0, 1]}
ZX = QuantumCircuit(2)
ZX.sx(0)
ZX.cz(0, 1)


def run(mode: Any, pubs: Any = None, **options: Any) -> RuntimeJobV2:
    resilience = {"pec_mitigation": True, "layer_noise_learning": FEW, **options.pop("resilience", {})}
    given = {
        "program": "executor",
        "seed_estimator": 3,
        "default_shots": 64,
        "resilience_level": 0,
        "simulator": {"coupling_map": [[0, 1], [1, 2]]},
        "resilience": resilience,
        **options,
    }
    return EstimatorV2(mode, given).run(pubs or [(ZX, ["ZI", "XX"])])


# -- one job -------------------------------------------------------------------------------------------------------------


def test_learning_is_a_part_of_the_job(simulator: Any, service: Any) -> None:
    pubs = [(ZX, "ZI", None, 0.5), (ZX, "ZI", None, 0.25)]

    job = run(simulator, pubs, environment={"job_tags": ["a tag"]})
    first, words = job.job_id(), []
    (result,) = gather([job], callback=lambda _job, state: words.append(str(state)))

    assert [float(pub.data.evs) for pub in result] == [1, 1]
    assert [pub.metadata["target_precision"] for pub in result] == [0.5, 0.25]
    assert words.count("DONE") == 1
    assert words[-1] == "DONE"
    assert (len(job.job_ids()), job.job_id(), job.primitive_id) == (3, first, "executor")
    assert (job.status(), job.tags, job.is_final) == ("DONE", ["a tag"], True)
    learner, *others = (service.api().job(identifier) for identifier in job.job_ids())
    assert [learner.program_id, *(other.program_id for other in others)] == [
        "noise-learner",
        "executor",
        "executor",
    ]
    for identifier in job.job_ids():
        again = service.job(identifier)
        assert (again.job_ids(), again.status()) == (job.job_ids(), "DONE")
    assert [float(pub.data.evs) for pub in again.result()] == [1, 1]
    assert job.usage(partial=True) >= sum(other.usage(partial=True) for other in [service.job(first)]) / 2
    options = job.inputs["parts"][0]["options"]
    assert {name: getattr(options, name) for name in FEW} == FEW
    (alone,) = (job for job in service.jobs(limit=50, job_tags=["a tag"]) if job.job_id() == first)
    assert isinstance(alone.result(), NoiseLearnerV3Results)
    assert service.api().submissions.journal.of_job(first).state == "finished"


PEA = {"pec_mitigation": False, "zne_mitigation": True, "zne": {"amplifier": "pea"}}


@pytest.mark.parametrize("resilience", [{}, PEA])
def test_what_needs_no_noise_is_an_ordinary_job(resilience: Any, simulator: Any) -> None:
    alone = QuantumCircuit(2)
    alone.sx(0)

    job = run(simulator, [(alone, "ZI")], resilience=resilience)
    beside = run(simulator, [(alone, "ZI"), (ZX, "ZI")], resilience=resilience)

    assert type(job) is RuntimeJobV2
    assert job.result()[0].data.evs == pytest.approx(1)
    assert [float(pub.data.evs) for pub in beside.result()] == pytest.approx([1, 1], abs=0.3)


def test_circuits_that_wait_are_cancelled_too(simulator: Any) -> None:
    circuit = ZX.copy()
    circuit.delay(0.5, 1, unit="us")
    circuit.cz(0, 1)
    circuit.delay(100, 0, unit="dt")
    circuit.cz(0, 1)

    job = run(simulator, [(circuit, ["ZI", "XX"])])

    assert job.result()[0].data.evs[0] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("resilience", [{}, PEA])
def test_private_jobs_learn_too(resilience: Any, simulator: Any) -> None:
    job = run(simulator, resilience=resilience, environment={"private": True})

    job._parts[0].wait_for_final_state(timeout=600)
    for elsewhere in (
        simulator.service.job(job.job_id()),
        simulator.service.find_submission(job._submission),
    ):
        with pytest.raises(RuntimeInvalidStateError, match=r"number 2 the .*It is private.* run it anew"):
            elsewhere.result(timeout=600)
    assert job.result()[0].data.evs[0] == pytest.approx(1, abs=0.3)
    assert job.private


@pytest.mark.parametrize("kind", [Session, Batch])
def test_a_session_closes_when_all_is_sent(kind: Any, simulator: Any) -> None:
    with kind(simulator) as session:
        job = run(session)
    assert len(job.job_ids()) == 2
    assert {part.session_id for part in job._parts} == {session.session_id}
    assert job.result()[0].data.evs[0] == 1

    jobs = []

    def interrupted() -> None:
        with kind(simulator) as session:
            jobs.append(run(session))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (job,) = jobs
    job.wait_for_final_state(timeout=600)
    with pytest.raises(RuntimeJobFailureError, match="was not sent"):
        job.result()
    assert job.errored()


def test_a_dry_run_runs_on_the_mock(service: Any) -> None:
    device = next(backend for backend in service.backends(simulator=False))
    pair = next(iter(device.coupling_map))
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    isa = generate_preset_pass_manager(0, backend=device, initial_layout=list(pair)).run(circuit)
    observable = "".join("Z" if qubit in pair else "I" for qubit in reversed(range(device.num_qubits)))

    options = {
        "program": "executor",
        "default_shots": 64,
        "resilience": {"pec_mitigation": True, "layer_noise_learning": FEW},
    }
    job = EstimatorV2(device, options).run([(isa, observable)], dry_run=True)
    job.wait_for_final_state(timeout=600)

    assert {part._record.backend.partition("_")[0] for part in job._parts} == {"mock"}


# -- which layers --------------------------------------------------------------------------------------------------------


def chain(*pairs: tuple[int, int]) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3, "mine"))
    for pair in pairs:
        circuit.cz(*pair)
        circuit.barrier()
    return circuit


def test_the_most_frequent_layers_are_learned(simulator: Any) -> None:
    pubs = [(chain((0, 1), (1, 2), (2, 1)), "ZZZ")]

    with pytest.warns(UserWarning, match="The noise of 1 of 2 layers is learned"):
        job = run(simulator, pubs, resilience={"layer_noise_learning": {**FEW, "max_layers_to_learn": 1}})
    (layer,) = job.inputs["parts"][0]["instructions"]
    acted = [
        layer.qubits[layer.operation.body.find_bit(qubit).index]._index
        for step in layer.operation.body.data if step.name == "cz"
        for qubit in step.qubits
    ]  # fmt: skip

    assert sorted(acted) == [1, 2]
    assert job.result()[0].data.evs == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"resilience": {"layer_noise_learning": {"max_layers_to_learn": 0}}},
            "max_layers_to_learn = 0 says to learn none",
        ),
        ({"environment": {"job_tags": list("12345678")}}, "give at most 7 job_tags"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_learned(
    options: Any, words: str, simulator: Any, traffic: list[str]
) -> None:
    with pytest.raises(IBMInputValueError, match=words):
        run(simulator, **options)
    assert not [line for line in traffic if line.startswith("POST")]


# -- how it stands, and what stands in the way ---------------------------------------------------------------------------


def states(service: Any, job: RuntimeJobV2) -> list[str]:
    journal = service.api().submissions.journal
    stem = submission_of(job._record.tags).rpartition("-")[0]
    return [journal.entry(f"{stem}-{part}of2").state for part in (1, 2)]


@pytest.fixture
def written(directed: Any, tmp_path: Path) -> Any:
    directed.api().submissions.journal = Journal(tmp_path / "journal.sqlite")
    return directed


def test_learning_that_fails_fails_the_whole(written: Any, director: Any) -> None:
    director.fail("the cryostat is warm", 1517)
    job = run(written.backend("aer_simulator"))
    assert states(written, job) == ["accepted", "planned"]

    with pytest.raises(RuntimeJobFailureError, match="the cryostat is warm"):
        job.result(timeout=600)
    assert (job.status(), len(job.job_ids())) == ("ERROR", 1)
    assert states(written, job) == ["finished", "refused"]


def test_nothing_is_sent_after_a_cancelled_one(written: Any, director: Any) -> None:
    director.hold()
    job = run(written.backend("aer_simulator"))
    director.taken()
    elsewhere = written.job(job.job_id())
    assert elsewhere.status() == "INITIALIZING"
    assert job.status() == "RUNNING"
    job.cancel()

    assert (job.status(), job.cancelled()) == ("CANCELLED", True)
    director.release.set()
    job.wait_for_final_state(timeout=600)
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        job.result(timeout=600)
    assert (len(job.job_ids()), states(written, job)[1]) == (1, "refused")
    assert len(written.jobs(limit=None)) == 1


def test_a_service_out_of_reach_is_asked_again(
    simulator: Any, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qiskit_rest_primitives.exceptions import IBMApiError
    from qiskit_rest_primitives.jobs import follow_up

    job = run(simulator)

    def unreachable(*arguments: Any, **keywords: Any) -> Any:
        raise IBMApiError("the line is dead")

    with monkeypatch.context() as patch:
        patch.setattr(follow_up, "follow_parts", unreachable)
        with pytest.raises(IBMApiError, match="the line is dead"):
            job.result()
    service.api().submissions.settle = 0.05
    assert job.result()[0].data.evs[0] == 1


# -- a kill in between ---------------------------------------------------------------------------------------------------

SCRIPT = """
import os, sys
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService
from qiskit_rest_primitives.wire.jsonio import loads

url, instance, tag = sys.argv[1:]
service = QiskitRuntimeService(channel="local", url=url, instance=instance, token=os.environ["TEST_TOKEN"])
angle = Parameter("of eleven")
circuit = QuantumCircuit(2, metadata={"of": "mine"})
circuit.rx(angle, 0)
circuit.cz(0, 1)
options = {
    "program": "executor", "resilience_level": 0, "seed_estimator": 3, "environment": {"job_tags": [tag]},
    "simulator": {"coupling_map": [[0, 1]]},
    "resilience": {"pec_mitigation": True, "layer_noise_learning": loads(os.environ["TEST_FEW"])},
}
pubs = [(circuit, [["IZ"], ["ZI"]], {angle: [0, 3.141592653589793]}, 0.25), (circuit, "IZ", [0.0], 0.125)]
job = EstimatorV2(service.backend("aer_simulator"), options).run(pubs)
print(job.job_id(), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL; POSIX only")
def test_another_process_goes_on_after_a_kill(
    endpoint: Any, connect: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "journal.sqlite"))
    few = str(FEW).replace("'", '"')
    first = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, endpoint.url, endpoint.instance, "killed"],
        env={**os.environ, "TEST_TOKEN": endpoint.token, "TEST_FEW": few},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with first:
        assert first.stdout is not None
        job_id = first.stdout.readline().strip()
        service = connect(endpoint)
        service.api().submissions.settle = 0.05
        half = service.job(job_id)
        half._parts[0].wait_for_final_state(timeout=600)
        entry = service.unfinished()[-1]
        if sys.platform == "linux":  # elsewhere nobody knows whether it is still there
            assert len(service.find_submission(entry.id).job_ids()) == 1
        first.kill()
    assert first.returncode == -signal.SIGKILL
    assert half.status() == "INITIALIZING"
    assert half.metrics()["timestamps"]["finished"] is None
    with pytest.raises(
        RuntimeInvalidStateError, match=r"parts number 2, 3 the service has no job.*find_submission"
    ):
        half.result(timeout=600)
    job = service.find_submission(entry.id)
    result = job.result(timeout=600)

    np.testing.assert_array_equal(result[0].data.evs, [[1, -1], [1, 1]])
    assert result[0].metadata["circuit_metadata"] == {"of": "mine"}
    assert [pub.metadata["target_precision"] for pub in result] == [0.25, 0.125]
    assert len(service.jobs(limit=None, job_tags=["killed"])) == 3
    assert service.find_submission(entry.id).job_ids() == job.job_ids() == half.job_ids() or half.status()
    assert half.result(timeout=600)[1].data.evs == 1
    assert all(entry.kept is None for entry in service.unfinished())
