"""What other packages reach for behind the underscore: ``service._run``, accounts, inner clients."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import (
    EstimatorV2,
    Executor,
    IBMBackend,
    IBMInputValueError,
    NoiseLearner,
    QiskitRuntimeService,
    RuntimeJobV2,
    SamplerV2,
    Session,
)


@pytest.fixture(scope="module")
def backend(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


@pytest.fixture
def coin() -> QuantumCircuit:
    circuit = QuantumCircuit(1, metadata={"mark": 1})
    circuit.h(0)
    circuit.measure_all()
    return circuit


class WatchedService(QiskitRuntimeService):
    """As qiskit-serverless has it: a service that sees every job by overriding ``_run``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen: list[tuple[str, str | None]] = []

    def _run(self, *args: Any, **kwargs: Any) -> RuntimeJobV2:
        job = super()._run(*args, **kwargs)
        self.seen.append((job.job_id(), job._session_id))
        return job


@pytest.fixture
def watched(endpoint: Any) -> WatchedService:
    return WatchedService(channel="local", url=endpoint.url, token=endpoint.token, instance=endpoint.instance)


def test_a_service_that_overrides_run_sees_every_job(watched: WatchedService, coin: QuantumCircuit) -> None:
    backend = watched.backend("aer_simulator")
    job = SamplerV2(backend).run([coin], shots=5)
    with Session(backend) as session:
        value = EstimatorV2().run([(QuantumCircuit(1), "Z")])

    assert watched.seen == [(job.job_id(), None), (value.job_id(), session.session_id)]
    assert job.result()[0].metadata["circuit_metadata"] == {"mark": 1}
    assert value.result()[0].data.evs == 1


@pytest.mark.parametrize("by_name", [True, False], ids=["name", "object"])
def test_run_takes_qiskit_objects_and_every_option(
    service: Any, backend: IBMBackend, coin: QuantumCircuit, by_name: bool, traffic: list[str]
) -> None:
    options: Any = {
        "backend": backend.name if by_name else backend,
        "log_level": "INFO",
        "job_tags": ["direct"],
        "max_execution_time": 60,
        "private": False,
        "image": None,
        "instance": None,
        "session_time": None,
    }
    job = service._run(
        "sampler",
        {"pubs": [[coin, None, 7]], "version": 2, "support_qiskit": True},
        options if by_name else SimpleNamespace(**options),
    )

    assert [line for line in traffic if line.startswith("POST")] == ["POST /jobs 200"]
    assert job.result()[0].data.meas.num_shots == 7
    assert (job.tags, job.primitive_id, job.backend()) == (["direct"], "sampler", backend)


def test_run_keeps_what_a_private_result_needs(directed: Any, coin: QuantumCircuit) -> None:
    job = directed._run(
        "sampler",
        {"pubs": [[coin, None, 7]], "version": 2, "support_qiskit": True},
        {"backend": "aer_simulator", "private": True},
    )

    assert job.private
    assert job.result()[0].data.meas.num_shots == 7


def test_a_decoder_of_run_is_the_jobs_default(service: Any, coin: QuantumCircuit) -> None:
    class Raw:
        @staticmethod
        def decode(text: str) -> Any:
            return json.loads(text)

    job = service._run(
        "sampler", {"pubs": [[coin, None, 7]], "version": 2}, {"backend": "aer_simulator"}, result_decoder=Raw
    )

    assert set(job.result()) >= {"results"}


@pytest.mark.parametrize(
    ("options", "more", "told"),
    [
        (None, {}, "backend"),
        ({"backend": 3}, {}, "backend"),
        ({"backend": "aer_simulator", "tags": []}, {}, "'tags'"),
        ({"backend": "aer_simulator"}, {"start_session": True}, "Session"),
    ],
    ids=["none", "number", "unknown", "session"],
)
def test_run_refuses_what_makes_no_sense(
    service: Any, options: Any, more: dict[str, Any], told: str, traffic: list[str]
) -> None:
    with pytest.raises(IBMInputValueError, match=told):
        service._run("sampler", {}, options, **more)

    assert not [line for line in traffic if line.startswith("POST")]


def test_the_account_is_at_hand_without_showing_its_token(service: Any, endpoint: Any) -> None:
    account = service._account

    assert (account.token, account.url, account.instance) == (endpoint.token, endpoint.url, endpoint.instance)
    assert endpoint.token not in repr(account)


def test_rest_calls_by_the_official_names(service: Any, backend: IBMBackend, coin: QuantumCircuit) -> None:
    job = SamplerV2(backend).run([coin], shots=5)
    job.wait_for_final_state(timeout=600)

    for client in (
        service._active_api_client,
        service._api_client,
        service._get_api_client(),
        job._api_client,
    ):
        assert client.job_metadata(job.job_id()) == job.metrics()
        assert client.job_get(job.job_id())["id"] == job.job_id()
        assert json.loads(client.job_results(job.job_id()))
        assert client.job_logs(job.job_id()) == job.logs()
        assert "aer_simulator" in client.list_backends()
        assert client.backend_status("local_heron")["state"] is True
        assert client.backend_configuration("local_heron")["n_qubits"] == 156
        assert client.backend_properties("local_heron")["backend_name"] == "local_heron"
        assert "usage_consumed_seconds" in client.cloud_usage()
    with Session(backend) as session:
        assert service._active_api_client.session_details(session.session_id)["id"] == session.session_id
    service._active_api_client.job_delete(job.job_id())
    assert job.job_id() not in [other.job_id() for other in service.jobs(limit=None)]


def test_handles_know_their_service_and_instance(service: Any, backend: IBMBackend) -> None:
    assert backend._service is service
    assert backend._instance == service.active_instance()
    assert isinstance(SamplerV2(backend).options.__dict__, dict)


def test_writing_past_the_checks_of_options_is_tolerated(backend: IBMBackend, coin: QuantumCircuit) -> None:
    sampler = SamplerV2(backend)
    sampler.options.__dict__["default_shots"] = 9
    sampler.options.__dict__.update({"a_name_of_their_own": object(), "twirling": {"num_randomizations": 3}})

    assert sampler.run([coin]).result()[0].data.meas.num_shots == 9
    assert SamplerV2(backend, options=sampler.options).options.default_shots == 9
    assert "9" in repr(sampler.options)
    assert sampler.options.twirling.num_randomizations == 3  # a group again, and checked
    assert sampler.options != SamplerV2(backend).options
    sampler.options.__dict__["twirling"] = {"strategy": "none"}
    with pytest.raises(IBMInputValueError, match=r"twirling\.strategy must be one of"):
        sampler.run([coin])


def test_a_backend_of_ones_own_needs_no_constructor(backend: IBMBackend) -> None:
    class Wrapped(IBMBackend):
        def __init__(self, inner: IBMBackend) -> None:
            self._inner = inner
            self.name = inner.name

        def configuration(self) -> Any:
            return self._inner.configuration()

        @property
        def target(self) -> Any:
            return self._inner.target

    wrapped = Wrapped(backend)

    assert wrapped == wrapped
    assert wrapped != backend
    assert {wrapped: 1}[wrapped] == 1
    assert wrapped.num_qubits == backend.num_qubits
    assert wrapped.name in repr(wrapped)
    assert wrapped.max_circuits is None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        wrapped.nothing  # noqa: B018


@pytest.mark.parametrize("cls", [SamplerV2, EstimatorV2, Executor, NoiseLearner])
def test_primitives_show_where_they_run_under_the_names_that_others_read(
    cls: Any, backend: IBMBackend
) -> None:
    """Faults B (``SamplerV2._backend``): qiskit-experiments, povm-toolbox and others read these."""
    simulator = AerSimulator()
    local, remote = cls(simulator), cls(backend)
    with Session(backend) as session:
        inside = cls()

    assert local._backend is simulator
    assert remote._backend is backend
    assert inside._backend == backend
    assert remote._service is backend.service
    assert (remote._mode, remote._session) == (None, None)
    assert (inside._mode, inside._session) == (session, session)
    assert remote._options is remote.options
    assert Session(simulator, create_new=False)._backend is simulator
    assert session._backend is backend
    local._backend = backend
    assert local.backend() is backend


def test_every_attribute_of_the_official_objects_is_there(backend: IBMBackend, coin: QuantumCircuit) -> None:
    """Faults B (``SamplerV2._backend``): whatever their instances hold can be read from ours, with the same meaning."""
    official = pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to compare")
    simulator = AerSimulator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [
            getattr(official, name)(simulator) for name in ("SamplerV2", "EstimatorV2", "Executor", "Session")
        ]
    ours = [SamplerV2(simulator), EstimatorV2(simulator), Executor(simulator), Session(simulator)]
    missing = {
        (type(mine).__name__, name)
        for mine, other in zip(ours, theirs, strict=True)
        for name in vars(other)
        if not hasattr(mine, name)
    }
    job = SamplerV2(backend, {"environment": {"job_tags": ["mine"]}}).run([coin])
    job.wait_for_final_state()

    assert missing == set()
    assert (job._backend, job._service, job._job_id) == (backend, backend.service, job.job_id())
    assert (job._program_id, job._tags, job._private, job._image) == ("sampler", ["mine"], False, "")
    assert (job._reason, job._reason_code, job._session_id) == (None, None, None)
    assert job._creation_date == job._api_client.job_get(job.job_id())["created"]
