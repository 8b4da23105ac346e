"""``SamplerV2``: where it runs, what it sends, and how often it talks to the service."""

from __future__ import annotations

import copy
import logging
import pickle
import threading
import warnings
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit_aer.noise import NoiseModel, ReadoutError

from qiskit_rest_primitives.exceptions import IBMInputValueError, SessionClosedError
from qiskit_rest_primitives.models.backend import IBMBackend
from qiskit_rest_primitives.options.primitives import EstimatorOptions, SamplerOptions
from qiskit_rest_primitives.primitives.sampler import SamplerV2
from qiskit_rest_primitives.rest.submission import Submissions
from qiskit_rest_primitives.server.devices.device import Device, default_devices
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.service.service import QiskitRuntimeService
from qiskit_rest_primitives.session import Batch, Session


@pytest.fixture(scope="module")
def backend(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("aer_simulator")


@pytest.fixture(scope="module")
def device(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("local_heron")


def coin() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def stored(job: Any) -> dict[str, Any]:
    """What the service keeps of a job."""
    record = job.api.job(job.job_id(), exclude_params=False)
    return {**record.raw, "params": record.params}


# -- mode ------------------------------------------------------------------------------------------------------


def test_it_is_a_qiskit_sampler(backend: IBMBackend) -> None:
    sampler = SamplerV2(backend)

    assert isinstance(sampler, BaseSamplerV2)
    assert sampler.version == 2
    assert sampler.backend() is backend
    assert sampler.mode is None


@pytest.mark.parametrize("kind", [Session, Batch])
def test_it_runs_in_a_session_given_or_open(backend: IBMBackend, kind: type[Session]) -> None:
    with kind(backend) as session:
        inside = SamplerV2()
        given = SamplerV2(mode=session)
        job = inside.run([coin()], shots=10)

        assert inside.mode is given.mode is session
        assert stored(job)["session_id"] == session.session_id == job.session_id
    with pytest.raises(SessionClosedError, match="session is closed"):
        inside.run([coin()])


def test_a_handle_of_the_same_device_runs_in_the_open_session(
    service: QiskitRuntimeService, backend: IBMBackend
) -> None:
    other = service.backend("aer_simulator")
    assert other is not backend

    with Session(backend) as session:
        sampler = SamplerV2(mode=other)

    assert sampler.mode is session


def test_another_device_in_an_open_session_is_refused(backend: IBMBackend, device: IBMBackend) -> None:
    with (
        Session(backend),
        pytest.raises(ValueError, match="'local_heron', but the open session runs on 'aer_"),
    ):
        SamplerV2(mode=device)


def test_one_made_outside_of_a_session_stays_outside_and_says_so(
    backend: IBMBackend, caplog: pytest.LogCaptureFixture
) -> None:
    sampler = SamplerV2(backend)

    with Session(backend), caplog.at_level(logging.WARNING):
        job = sampler.run([coin()], shots=10)

    assert job.session_id is None
    assert "made outside the block of session" in caplog.text


def test_one_made_in_a_session_runs_in_it_from_a_thread(backend: IBMBackend) -> None:
    jobs: list[Any] = []
    with Session(backend) as session:
        sampler = SamplerV2()
        thread = threading.Thread(target=lambda: jobs.append(sampler.run([coin()], shots=10)))
        thread.start()
        thread.join()

    assert jobs[0].session_id == session.session_id


@pytest.mark.parametrize("mode", ["aer_simulator", 3, QuantumCircuit(1)])
def test_what_is_no_mode_is_refused(mode: Any) -> None:
    with pytest.raises(ValueError, match="mode must be a backend, a Session, a Batch or None"):
        SamplerV2(mode=mode)


def test_without_mode_and_session_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="A backend or session must be specified"):
        SamplerV2()


# -- options -----------------------------------------------------------------------------------------------------


def test_options_are_copied_and_can_be_replaced(backend: IBMBackend) -> None:
    mine = SamplerOptions(default_shots=5)
    sampler = SamplerV2(backend, options=mine)
    mine.twirling.enable_gates = True

    assert sampler.options == SamplerOptions(default_shots=5)
    sampler.options = {"default_shots": 6}
    assert sampler.options == SamplerOptions(default_shots=6)
    sampler.options.default_shots = 7
    sampler.options.update(twirling={"strategy": "all"})
    assert sampler.options == SamplerOptions(default_shots=7, twirling={"strategy": "all"})


def test_options_of_another_class_are_refused(backend: IBMBackend) -> None:
    with pytest.raises(TypeError, match="of class SamplerOptions"):
        SamplerV2(backend, options=EstimatorOptions())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did you mean 'default_shots'"):
        SamplerV2(backend, options={"defualt_shots": 1})


@pytest.mark.parametrize(
    ("own", "call", "option", "sampled"),
    [(11, 12, 13, 11), (None, 12, 13, 12), (None, None, 13, 13), (None, None, None, 4096)],
)
def test_shots_come_from_the_pub_then_the_call_then_the_options_then_the_service(
    backend: IBMBackend, own: int | None, call: int | None, option: int | None, sampled: int
) -> None:
    sampler = SamplerV2(backend, options={"default_shots": option})

    job = sampler.run([(coin(), None, own)], shots=call)

    assert job.result()[0].data.meas.num_shots == sampled
    assert job.result()[0].metadata["shots"] == sampled


def test_later_changes_of_the_options_do_not_touch_a_job(backend: IBMBackend) -> None:
    sampler = SamplerV2(backend, options={"environment": {"job_tags": ["first"]}})

    job = sampler.run([coin()], shots=10)
    sampler.options.environment.job_tags = ["second"]

    assert job.tags == ["first"]
    assert "first" in stored(job)["tags"]


def test_the_seed_zero_is_a_seed(backend: IBMBackend) -> None:
    sampler = SamplerV2(backend, options={"simulator": {"seed_simulator": 0}})

    first, second = (sampler.run([coin()], shots=200).result()[0].data.meas for _ in range(2))

    assert (first.array == second.array).all()


@pytest.mark.filterwarnings("ignore:from_dict has been deprecated:DeprecationWarning")
def test_a_noise_model_travels(backend: IBMBackend) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0, 1], [1, 0]]))
    circuit = QuantumCircuit(1)
    circuit.measure_all()

    for model in (noise, noise.to_dict(serializable=True)):
        sampler = SamplerV2(backend, options={"simulator": {"noise_model": model}})
        assert sampler.run([circuit], shots=10).result()[0].data.meas.get_counts() == {"1": 10}


# -- what is sent --------------------------------------------------------------------------------------------------


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bodies of POST /jobs, in the order in which they are sent."""
    sent: list[dict[str, Any]] = []
    submit = Submissions.submit

    def submit_and_note(self: Submissions, body: dict[str, Any], **more: Any) -> Any:
        sent.append(body)
        return submit(self, body, **more)

    monkeypatch.setattr(Submissions, "submit", submit_and_note)
    return sent


def test_the_body_has_the_documented_form(backend: IBMBackend, bodies: list[dict[str, Any]]) -> None:
    sampler = SamplerV2(
        backend,
        options={
            "default_shots": 9,
            "max_execution_time": 30,
            "environment": {"log_level": "INFO", "job_tags": ["t"], "private": True},
            "support_qiskit": False,
        },
    )

    sampler.run([(coin(), None, 5)])

    (body,) = bodies
    ((text, *rest),) = body["params"].pop("pubs")
    assert text.startswith("OPENQASM 3")
    assert rest == [None, 5]
    assert body == {
        "program_id": "sampler",
        "backend": "aer_simulator",
        "params": {"version": 2, "support_qiskit": False, "options": {"default_shots": 9}},
        "log_level": "info",
        "tags": ["t"],
        "cost": 30,
        "private": True,
    }


def test_a_dry_run_goes_to_the_mock_twin(device: IBMBackend, bodies: list[dict[str, Any]]) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)

    SamplerV2(device).run([circuit], dry_run=True)

    assert [body["backend"] for body in bodies] == ["mock_heron"]


def test_a_run_is_one_request(backend: IBMBackend, caplog: pytest.LogCaptureFixture) -> None:
    sampler = SamplerV2(backend)
    sampler.run([coin()], shots=10).result()

    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="qiskit_rest_primitives.rest.transport"):
        sampler.run([coin(), (coin(), None, 3)], shots=10)

    requests = [record.getMessage() for record in caplog.records if record.name.endswith("rest.transport")]
    assert [request.split()[:2] for request in requests] == [["POST", "/jobs"]]


# -- refusals before any traffic -------------------------------------------------------------------------------------


def test_a_circuit_that_does_not_fit_is_refused_before_any_traffic(
    device: IBMBackend, caplog: pytest.LogCaptureFixture
) -> None:
    _ = device.target
    sampler = SamplerV2(device)

    caplog.clear()
    with (
        caplog.at_level(logging.DEBUG, logger="qiskit_rest_primitives.rest.transport"),
        pytest.raises(IBMInputValueError, match=r"'h' on qubits \(0,\)"),
    ):
        sampler.run([coin()])

    assert not caplog.records


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"twirling": {"enable_gates": True}}, "twirling.enable_gates"),
        ({"dynamical_decoupling": {"enable": True}}, "dynamical_decoupling.enable = False"),
    ],
)
def test_combinations_that_hardware_refuses_are_refused(
    service: QiskitRuntimeService, options: dict[str, Any], words: str
) -> None:
    fractional = service.backend("local_heron", use_fractional_gates=True)
    circuit = QuantumCircuit(2, 1)
    circuit.rx(0.3, 0)
    circuit.measure(0, 0)
    if "twirling" not in options:
        with circuit.if_test((0, 1)):
            circuit.x(1)
    sampler = SamplerV2(fractional, options=options)

    with pytest.raises(IBMInputValueError, match=words):
        sampler.run([circuit])


def test_what_a_devices_own_documents_rule_out_is_refused() -> None:
    heron = default_devices()[1]
    properties = copy.deepcopy(heron.properties)
    assert properties is not None
    properties["qubits"][5].append(
        {"name": "operational", "value": 0, "unit": "", "date": properties["last_update_date"]}
    )
    circuit = QuantumCircuit(6, 1)
    circuit.x(5)
    circuit.measure(5, 0)

    with serve([Device(heron.configuration, properties)]) as server:
        endpoint = server.endpoint
        backend = QiskitRuntimeService(
            channel="local", url=endpoint.url, token=endpoint.token, instance=endpoint.instance
        ).backend("local_heron")

        with pytest.raises(
            IBMInputValueError, match=r"'x' acts on qubits \(5,\), of which \[5\] are marked faulty"
        ):
            SamplerV2(backend).run([circuit])
        with pytest.raises(
            IBMInputValueError, match=r"rep_delay is 5 s, but 'local_heron' takes 0\.0 to 0\.002 s"
        ):
            SamplerV2(backend, options={"execution": {"rep_delay": 5}}).run([circuit])


def test_options_written_into_the_dict_are_sent(backend: IBMBackend) -> None:
    sampler = SamplerV2(backend)

    sampler.options.__dict__["default_shots"] = 10

    assert sampler.run([coin()]).result()[0].data.meas.num_shots == 10


# -- values and speed ------------------------------------------------------------------------------------------------


def test_it_can_be_copied_and_pickled(backend: IBMBackend) -> None:
    sampler = SamplerV2(backend, options={"default_shots": 5})

    assert copy.deepcopy(sampler).options == sampler.options
    assert copy.deepcopy(sampler).backend() == backend
    assert pickle.loads(pickle.dumps(SamplerOptions(default_shots=5))) == sampler.options


def test_an_option_without_effect_is_told_once_whenever_it_comes(service: Any) -> None:
    """Jobs that ask for the same are not judged again; one that asks for something new is."""
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler = SamplerV2(service.backend("aer_simulator"))
    told = []
    for step in range(5):
        sampler.options.dynamical_decoupling.enable = step > 1
        sampler.options.execution.init_qubits = step < 4
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sampler.run([circuit], shots=1)
        told.append([str(warning.message).rpartition(": ")[2] for warning in caught])

    assert told == [[], [], ["dynamical_decoupling."], [], ["execution.init_qubits."]]
