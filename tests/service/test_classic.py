"""The channel ``ibm_quantum``: the drop-in classes speak the classic dialect to a server that knows it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import (
    Batch,
    EstimatorV2,
    QiskitRuntimeService,
    SamplerV2,
    Session,
    TranspilerService,
)
from qiskit_rest_primitives.exceptions import (
    IBMNotAuthorizedError,
    InvalidAccountError,
    QiskitBackendNotFoundError,
    RuntimeJobNotFound,
)
from qiskit_rest_primitives.rest.messages import Request
from qiskit_rest_primitives.rest.transport import Transport


@pytest.fixture(scope="module")
def classic(endpoint: Any) -> Callable[..., QiskitRuntimeService]:
    def make(**more: Any) -> QiskitRuntimeService:
        place = {
            "url": f"{endpoint.iam_url}/runtime",
            "token": endpoint.token,
            "instance": "ibm-q/open/main",
        }
        return QiskitRuntimeService(channel="ibm_quantum", **(place | more))

    return make


@pytest.fixture(scope="module")
def service(classic: Callable[..., QiskitRuntimeService]) -> QiskitRuntimeService:
    return classic()


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_backends_have_targets_and_status(service: QiskitRuntimeService) -> None:
    assert [backend.name for backend in service.backends()] == ["aer_simulator", "local_heron"]
    backend = service.backend("local_heron")
    assert backend.num_qubits > 100
    assert "cz" in backend.target.operation_names
    assert backend.status().operational
    assert [item.name for item in service.backends(simulator=False)] == ["local_heron"]
    with pytest.raises(QiskitBackendNotFoundError):
        service.backend("ibm_none")


def test_sampler_and_estimator_run_in_job_session_and_batch_mode(service: QiskitRuntimeService) -> None:
    backend = service.backend("aer_simulator")
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend)
    circuit = passes.run(bell())

    job = SamplerV2(mode=backend).run([(circuit, None, 100), (circuit, None, 50)])
    first, second = job.result()
    assert first.data.meas.num_shots == 100
    assert set(second.data.meas.get_counts()) <= {"00", "11"}
    assert job.status() == "DONE"
    assert service.job(job.job_id()).result()[0].data.meas == first.data.meas
    assert job.usage() >= 0
    assert job.metrics()["timestamps"]["created"]

    bare = circuit.remove_final_measurements(inplace=False)
    observable = SparsePauliOp("ZZ").apply_layout(bare.layout)
    with Session(backend=backend) as session:
        result = EstimatorV2(mode=session).run([(bare, observable)], precision=0.02).result()
        assert abs(result[0].data.evs - 1) < 0.1
        assert session.details()["state"] == "active"
    assert session.status() == "Closed"
    with Batch(backend=backend) as batch:
        jobs = [SamplerV2(mode=batch).run([circuit], shots=10) for _ in range(2)]
        assert [item.result()[0].data.meas.num_shots for item in jobs] == [10, 10]
        assert {item.session_id for item in jobs} == {batch.session_id}


def test_jobs_of_primitives_belong_to_the_provider(
    service: QiskitRuntimeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classic service takes the owner of a job from its envelope."""
    sent: list[dict[str, Any]] = []
    attempt = Transport.attempt

    def noted(self: Transport, request: Request, *reading: Any, **more: Any) -> Any:
        if (request.method, request.path) == ("POST", "/jobs"):
            sent.append(json.loads(request.body or b""))
        return attempt(self, request, *reading, **more)

    monkeypatch.setattr(Transport, "attempt", noted)
    SamplerV2(mode=service.backend("aer_simulator")).run([bell()], shots=7).result()

    assert [(body["hub"], body["group"], body["project"]) for body in sent] == [("ibm-q", "open", "main")]


def test_both_dialects_know_the_same_jobs(
    service: QiskitRuntimeService, endpoint: Any, connect: Callable[..., Any]
) -> None:
    backend = service.backend("aer_simulator")
    job = SamplerV2(mode=backend).run([bell()], shots=7)
    current = connect(endpoint).job(job.job_id())

    assert current.result()[0].data.meas.num_shots == 7
    current.update_tags(["both dialects"])
    assert [found.job_id() for found in service.jobs(job_tags=["both dialects"])] == [job.job_id()]
    assert job.inputs["pubs"][0][0].name == "bell"
    service.delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        service.job(job.job_id())


def test_a_failed_job_tells_why(service: QiskitRuntimeService) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    backend = service.backend("local_heron")
    backend.target.add_instruction(
        circuit.data[0].operation, {(0,): None}
    )  # the client's own check is deceived

    job = SamplerV2(mode=backend).run([circuit])
    job.wait_for_final_state(timeout=600)

    assert job.status() == "ERROR"
    assert "h" in str(job.error_message())


def test_logging_out_ends_the_login_and_a_later_request_logs_in_again(
    classic: Callable[..., QiskitRuntimeService], endpoint: Any
) -> None:
    service = classic()
    service.backends()
    access = service.api().transport._auth.headers()
    url = f"{endpoint.iam_url}/runtime/jobs"
    assert requests.get(url, headers=access, timeout=600).status_code == 200

    service.logout()
    service.logout()

    assert requests.get(url, headers=access, timeout=600).status_code == 401
    assert service.jobs(limit=1) is not None


def test_the_provider_is_found_when_none_is_named(
    classic: Callable[..., QiskitRuntimeService], endpoint: Any
) -> None:
    service = classic(instance=None)
    asked = classic(instance=None, url=f"{endpoint.iam_url}/api")

    assert service.active_instance() == asked.active_instance() == "ibm-q/open/main"
    assert service.instances()[0]["name"] == "ibm-q/open/main"
    assert asked.backend("aer_simulator").name == "aer_simulator"


def test_bad_accounts_are_refused(classic: Callable[..., QiskitRuntimeService]) -> None:
    with pytest.raises(InvalidAccountError, match="hub/group/project"):
        classic(instance="crn:v1:bluemix")
    with pytest.raises(InvalidAccountError, match="switched off"):
        classic(url="https://auth.quantum-computing.ibm.com/api")
    with pytest.raises(IBMNotAuthorizedError) as caught:
        classic(token="not-this-one").backends()
    assert "not-this-one" not in str(caught.value)
    with pytest.raises(IBMNotAuthorizedError):
        classic(token="not-this-one", instance=None).active_instance()


def test_a_pickled_service_holds_no_token(service: QiskitRuntimeService, endpoint: Any) -> None:
    body = pickle.dumps(service)

    assert endpoint.token.encode() not in body
    assert pickle.loads(body) == service


def test_the_notebook_through_our_classes(
    classic: Callable[..., QiskitRuntimeService], endpoint: Any
) -> None:
    """Log in, list, transpile, run, look, read, once alone, in a session and in a batch, and log out."""
    service = classic()
    assert [backend.name for backend in service.backends()] == ["aer_simulator", "local_heron"]
    backend = service.backend("local_heron")
    circuit, other = TranspilerService(
        optimization_level=3, ai="false", backend_name=backend.name, service=service
    ).run([bell(), bell()])

    sampler = SamplerV2(mode=backend, options={"dynamical_decoupling": {"enable": True}})
    job = sampler.run([(circuit, None, 500), (other, None, 300)])
    job.wait_for_final_state(timeout=600)
    assert (job.status(), service.job(job.job_id()).status()) == ("DONE", "DONE")
    results = job.result()
    assert [each.data.meas.num_shots for each in results] == [500, 300]
    assert sum(results[0].data.meas.get_counts()[key] for key in ("00", "11")) > 400
    for mode in (Session, Batch):
        with mode(backend=backend) as opened:
            inside = [SamplerV2(mode=opened).run([circuit], shots=10) for _ in range(2)]
            assert {each.result()[0].data.meas.num_shots for each in inside} == {10}
            assert {each.session_id for each in inside} == {opened.session_id}
        assert opened.status() == "Closed"

    access = service.api().transport._auth.headers()
    service.logout()
    refused = requests.get(f"{endpoint.iam_url}/runtime/jobs", headers=access, timeout=600)
    assert refused.status_code == 401
