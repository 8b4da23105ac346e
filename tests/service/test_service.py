"""``QiskitRuntimeService``: what it asks for, when, and what it makes of the answers."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit.circuit import QuantumCircuit
from qiskit.providers.exceptions import QiskitBackendNotFoundError

from qiskit_rest_primitives import (
    AccountAlreadyExistsError,
    AccountNotFoundError,
    AccountsError,
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    InvalidAccountError,
    QiskitRuntimeService,
    RuntimeJobNotFound,
    SamplerV2,
    Session,
    UsageLimitError,
)
from qiskit_rest_primitives.accounts.account import AccountProblem
from qiskit_rest_primitives.exceptions import from_failure
from qiskit_rest_primitives.rest.connect import API_VERSION
from qiskit_rest_primitives.rest.messages import Failure
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.settings import Instance

FAR_CRN = (
    "crn:v1:bluemix:public:quantum-computing:eu-de:a/secretaccount:22222222-3333-4444-5555-666666666666::"
)
PREMIUM = "22222222-0000-4000-8000-0000000000bb"


@pytest.fixture
def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[str]:
    """An empty account file, and an environment that says nothing about accounts."""
    for name in [key for key in os.environ if key.startswith("QISKIT_IBM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return str(tmp_path / "accounts.json")


# -- the constructor --------------------------------------------------------------------------------------------------


def test_making_a_service_with_a_crn_asks_nobody(traffic: list[str]) -> None:
    service = QiskitRuntimeService(token="k" * 44, instance=FAR_CRN)

    assert traffic == []
    assert service.channel == "ibm_quantum_platform"
    assert service.active_instance() == FAR_CRN


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="'channel', the first argument, can only be"):
        QiskitRuntimeService(channel="classic", token="k")


def test_no_account_is_an_error_that_says_what_to_do(no_account: str) -> None:
    with pytest.raises(AccountNotFoundError, match="save_account"):
        QiskitRuntimeService(filename=no_account)


def test_the_retired_platform_is_refused_with_its_successor() -> None:
    with pytest.raises(InvalidAccountError, match="ibm_quantum_platform"):
        QiskitRuntimeService(channel="ibm_quantum", token="k" * 128)


def test_a_local_url_without_token_is_refused() -> None:
    with pytest.raises(InvalidAccountError, match="needs the token"):
        QiskitRuntimeService(channel="local", url="http://127.0.0.1:1/api/v1")


def test_a_wrong_token_is_not_authorized(connect: Callable[..., Any], endpoint: Any) -> None:
    with pytest.raises(IBMNotAuthorizedError) as caught:
        connect(endpoint, token="not-the-token").backends()

    assert "not-the-token" not in str(caught.value)


def test_the_embedded_server_needs_no_address_and_is_one_per_process() -> None:
    first, second = QiskitRuntimeService(channel="local"), QiskitRuntimeService(channel="local")

    assert first.active_account()["url"] == second.active_account()["url"]
    assert first.active_account()["url"].startswith("http://127.0.0.1:")
    assert first == second
    assert first.least_busy(operational=True).num_qubits >= 1


def test_the_embedded_server_by_its_address_is_the_same_service() -> None:
    service = QiskitRuntimeService(channel="local")
    again = QiskitRuntimeService(**service.active_account())

    assert again == service == again
    assert again.backend("aer_simulator") == service.backend("aer_simulator")


def test_the_active_account_opens_the_same_service_again(service: Any) -> None:
    again = QiskitRuntimeService(**service.active_account())

    assert again == service
    assert [backend.name for backend in again.backends()] == [backend.name for backend in service.backends()]


# -- accounts ---------------------------------------------------------------------------------------------------------


def test_accounts_are_saved_listed_used_and_deleted(no_account: str) -> None:
    QiskitRuntimeService.save_account(token="k" * 44, instance=FAR_CRN, filename=no_account, name="mine")

    with pytest.raises(AccountAlreadyExistsError):
        QiskitRuntimeService.save_account(token="l" * 44, filename=no_account, name="mine")
    assert QiskitRuntimeService.saved_accounts(filename=no_account)["mine"]["token"] == "k" * 44
    assert QiskitRuntimeService(filename=no_account, name="mine").active_instance() == FAR_CRN
    assert QiskitRuntimeService.delete_account(filename=no_account, name="mine")
    assert not QiskitRuntimeService.delete_account(filename=no_account, name="mine")
    with pytest.raises(AccountNotFoundError, match="mine"):
        QiskitRuntimeService(filename=no_account, name="mine")


def test_an_invalid_account_is_not_saved(no_account: str) -> None:
    with pytest.raises(InvalidAccountError, match="region"):
        QiskitRuntimeService.save_account(token="k", region="mars", filename=no_account)

    assert QiskitRuntimeService.saved_accounts(filename=no_account) == {}


ACCOUNT_CALLS: dict[str, Callable[..., Any]] = {
    "open": QiskitRuntimeService,
    "list": QiskitRuntimeService.saved_accounts,
    "save": lambda filename: QiskitRuntimeService.save_account(token="k" * 44, filename=filename),
    "delete": QiskitRuntimeService.delete_account,
}


@pytest.mark.parametrize("call", ACCOUNT_CALLS)
@pytest.mark.parametrize("damage", ["not json", "a directory", "binary", "no such user"])
def test_an_unusable_account_file_is_a_typed_error_that_names_it(
    no_account: str, tmp_path: Path, damage: str, call: str
) -> None:
    path = tmp_path / "accounts-of-mine.json"
    if damage == "a directory":
        path.mkdir()
    elif damage != "no such user":
        path.write_bytes(b"{" if damage == "not json" else b"\xff\xfe\xfa")
    filename = "~nosuchuser/accounts-of-mine.json" if damage == "no such user" else str(path)

    with pytest.raises(AccountsError, match=r"HOME|accounts-of-mine") as caught:
        ACCOUNT_CALLS[call](filename=filename)
    assert type(caught.value) is AccountsError
    assert isinstance(caught.value.__cause__, AccountProblem)


def test_a_home_that_cannot_be_written_to_is_an_error_for_accounts_and_none_for_jobs(
    no_account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Any, bell: QuantumCircuit
) -> None:
    """A home below a file: whatever the rights of who runs the tests, nothing can be made there."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("QISKIT_REST_PRIMITIVES_JOURNAL", raising=False)

    assert QiskitRuntimeService.saved_accounts() == {}
    with pytest.raises(AccountsError, match=r"qiskit-ibm\.json cannot be written"):
        QiskitRuntimeService.save_account(token="k" * 44)
    again = QiskitRuntimeService(**service.active_account())
    job = SamplerV2(mode=again.backend("aer_simulator")).run([bell])
    assert job.result(timeout=600)[0].data
    assert again.unfinished() == []


@pytest.mark.parametrize(
    "entry",
    [
        {"proxies": 5},
        {"proxies": {"urls": 5}},
        {"tags": 5},
        {"plans_preference": [5]},
        {"verify": [1]},
        {"url": 5},
    ],
    ids=str,
)
def test_a_saved_account_of_odd_values_is_an_invalid_one(no_account: str, entry: dict[str, Any]) -> None:
    sound = {"channel": "ibm_quantum_platform", "token": "k" * 44, "url": "https://cloud.ibm.com"}
    Path(no_account).write_text(json.dumps({"mine": {**sound, **entry}}))

    with pytest.raises(InvalidAccountError, match=next(iter(entry))):
        QiskitRuntimeService(filename=no_account, name="mine")


# -- backends ---------------------------------------------------------------------------------------------------------


def test_one_backend_costs_one_request_and_then_none(
    connect: Callable[..., Any], endpoint: Any, traffic: list[str]
) -> None:
    service = connect(endpoint)
    service.backend("local_heron")
    service.backend("local_heron")

    assert [line for line in traffic if "identity" not in line] == [
        "GET /backends/local_heron/configuration 200"
    ]


def test_refresh_makes_the_next_question_go_out(
    connect: Callable[..., Any], endpoint: Any, traffic: list[str]
) -> None:
    service = connect(endpoint)
    service.backends()
    traffic.clear()
    service.backends()
    assert traffic == []
    service.refresh()
    service.backends()

    assert len(traffic) == 3


def test_an_unknown_backend_names_those_that_exist(service: Any) -> None:
    with pytest.raises(QiskitBackendNotFoundError, match=r"'nowhere'.*aer_simulator.*local_heron"):
        service.backend("nowhere")
    assert service.backends("nowhere") == []


def test_no_name_that_could_be_another_path_is_sent(service: Any, traffic: list[str]) -> None:
    for name in ("", "..", None):
        with pytest.raises(QiskitBackendNotFoundError):
            service.backend(name)
    with pytest.raises(QiskitBackendNotFoundError):
        service.backend("../jobs")

    assert [line for line in traffic if "jobs" in line and "%2F" not in line] == []


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({}, ["aer_simulator", "local_heron"]),
        ({"name": "local_heron"}, ["local_heron"]),
        ({"simulator": False}, ["local_heron"]),
        ({"simulator": True, "operational": True}, ["aer_simulator"]),
        ({"min_num_qubits": 100_000}, []),
        ({"dynamic_circuits": True}, ["aer_simulator", "local_heron"]),
        ({"filters": lambda backend: backend.num_qubits == 156}, ["local_heron"]),
        ({"no_such_attribute": 1}, []),
        ({"operational": False}, []),
        ({"num_qubits": 156}, ["local_heron"]),
        ({"backend_version": "1.0.0", "conditional": True}, ["aer_simulator"]),
        ({"processor_type": {"family": "Heron", "revision": "2"}}, ["local_heron"]),
        ({"status_msg": "active", "pending_jobs": 0, "simulator": False}, ["local_heron"]),
        ({"pending_jobs": -1}, []),
        ({"dynamic_circuits": False}, []),
        ({"name": "mock_heron"}, []),
        ({"name": "mock_heron", "include_mocks": True}, ["mock_heron"]),
        ({"include_mocks": True, "simulator": False}, ["local_heron", "mock_heron"]),
        ({"min_num_qubits": 100, "filters": lambda b: "rzz" in b.operation_names}, ["aer_simulator"]),
    ],
)
def test_backends_are_chosen_by_any_attribute(service: Any, wish: dict[str, Any], names: list[str]) -> None:
    assert [backend.name for backend in service.backends(**wish)] == names


def test_the_least_busy_backend_fits_the_wish(service: Any) -> None:
    assert service.least_busy(operational=True, simulator=False).name == "local_heron"
    assert service.least_busy(min_num_qubits=2, filters=lambda b: not b.simulator).name == "local_heron"
    with pytest.raises(QiskitBackendNotFoundError, match="There are: aer_simulator, local_heron"):
        service.least_busy(min_num_qubits=10_000)


def test_the_least_busy_backend_takes_every_argument_that_backends_takes(service: Any) -> None:
    found = service.least_busy(
        min_num_qubits=100,
        instance=service.active_instance(),
        filters=lambda backend: backend.name != "aer_simulator",
        use_fractional_gates=True,
        dynamic_circuits=True,
        calibration_id="today",
        name="local_heron",
        operational=True,
    )

    assert found.name == "local_heron"
    assert "rzz" in found.target.operation_names
    assert found.calibration_id == "today"
    with pytest.raises(QiskitBackendNotFoundError):
        service.least_busy(dynamic_circuits=False)
    with pytest.raises(QiskitBackendNotFoundError):
        service.least_busy(name="mock_heron")
    assert service.least_busy(name=None) == service.least_busy()


def test_what_no_backend_has_counts_as_none(service: Any) -> None:
    assert service.backends(colour="blue") == []
    assert service.backends(colour=None) == service.backends()


def test_fractional_gates_of_a_device_without_any_are_refused(connect: Callable[..., Any]) -> None:
    from qiskit.providers.fake_provider import GenericBackendV2

    from qiskit_rest_primitives.server.devices.device import device_of

    with serve([device_of(GenericBackendV2(3, basis_gates=["cx", "id", "rz", "sx", "x"], seed=1))]) as server:
        service = connect(server.endpoint)
        with pytest.raises(
            IBMInputValueError, match=r"'generic_backend_3q' has no fractional gates \(rx, rzz\)"
        ):
            service.backend("generic_backend_3q", use_fractional_gates=True)
        assert service.backend("generic_backend_3q").num_qubits == 3


def test_the_backend_with_the_shorter_queue_is_preferred(
    directed: Any, director: Any, bell: QuantumCircuit
) -> None:
    # Both workers are taken, so every further job queues on the only device of this server.
    for _ in range(4):
        director.hold()
        SamplerV2(mode=directed.backend("aer_simulator")).run([bell])

    assert directed.least_busy().status().pending_jobs > 0


# -- jobs -------------------------------------------------------------------------------------------------------------


def test_jobs_are_found_by_tags_session_program_and_time(service: Any, bell: QuantumCircuit) -> None:
    backend = service.backend("aer_simulator")
    with Session(backend) as session:
        sampler = SamplerV2(mode=session, options={"environment": {"job_tags": ["one", "both"]}})
        first = sampler.run([bell])
        first.result()
        between = datetime.now(timezone.utc)
        time.sleep(0.01)
        sampler.options.environment.job_tags = ["two", "both"]
        second = sampler.run([bell])
        second.result()

    def ids(**wish: Any) -> list[str]:
        return [job.job_id() for job in service.jobs(session_id=session.session_id, **wish)]

    one, two = first.job_id(), second.job_id()
    assert ids() == [two, one]
    assert ids(descending=False) == [one, two]
    assert ids(job_tags=["both"]) == [two, one]
    assert ids(job_tags=["one", "both"]) == [one]
    assert ids(job_tags=["one", "two"]) == []
    assert ids(pending=True) == []
    assert ids(pending=False, program_id="sampler", backend_name="aer_simulator") == [two, one]
    assert ids(program_id="estimator") == []
    assert ids(created_after=between) == [two]
    assert ids(created_before=between) == [one]
    assert ids(limit=1) == [two]
    assert ids(skip=1) == [one]


def test_times_mean_the_same_in_every_zone(service: Any, bell: QuantumCircuit) -> None:
    before = datetime.now(timezone.utc) - timedelta(milliseconds=5)
    job = SamplerV2(mode=service.backend("aer_simulator")).run([bell])
    far_east = timezone(timedelta(hours=13, minutes=45))

    moments = (before, before.astimezone(far_east), before.astimezone().replace(tzinfo=None))
    texts = (moments[1].isoformat(), moments[2].isoformat(), f"{before:%Y-%m-%dT%H:%M:%S.%fZ}")
    for moment in (*moments, *texts):
        found = service.jobs(limit=None, created_after=moment)
        assert job.job_id() in [one.job_id() for one in found]
    later = datetime.now(far_east) + timedelta(seconds=1)
    assert service.jobs(created_after=later) == []


def test_paging_ends_past_the_end_and_goes_through_all(service: Any, bell: QuantumCircuit) -> None:
    backend = service.backend("aer_simulator")
    with Session(backend) as session:
        made = [SamplerV2(mode=session).run([bell]).job_id() for _ in range(3)]

    assert service.jobs(skip=10_000) == []
    assert service.jobs(limit=0) == []
    everything = [job.job_id() for job in service.jobs(limit=None, session_id=session.session_id)]
    assert sorted(everything) == sorted(made)


@pytest.mark.parametrize(
    "wish",
    [{"job_tags": "one"}, {"job_tags": [1]}, {"limit": -1}, {"skip": -1}, {"created_after": "yesterday"}],
)
def test_senseless_wishes_are_refused_before_any_request(
    service: Any, traffic: list[str], wish: dict[str, Any]
) -> None:
    with pytest.raises(IBMInputValueError):
        service.jobs(**wish)

    assert traffic == []


def test_an_unknown_job_is_not_found(service: Any) -> None:
    for ask in (service.job, service.delete_job):
        with pytest.raises(RuntimeJobNotFound, match="d0a1b2c3d4e5f6g7h8i0") as caught:
            ask("d0a1b2c3d4e5f6g7h8i0")

        found = caught.value  # what the service said is not lost
        assert (found.status_code, found.code) == (404, "1291")
        assert found.trace
        assert found.job_id == "d0a1b2c3d4e5f6g7h8i0"
        assert isinstance(found.__cause__, RuntimeJobNotFound)
        assert found.__cause__.failure is found.failure


def test_an_unknown_session_and_an_unknown_backend_keep_what_the_service_said(service: Any) -> None:
    with pytest.raises(IBMInputValueError, match="no session 'none'") as lost:
        Session.from_id("none", service)
    with pytest.raises(QiskitBackendNotFoundError, match="'nowhere'") as missing:
        service.backend("nowhere")

    assert (lost.value.status_code, lost.value.failure.operation) == (404, "GET /sessions/{id}")
    assert missing.value.__cause__.status_code == 404


def test_a_deleted_job_is_gone(service: Any, bell: QuantumCircuit) -> None:
    job = SamplerV2(mode=service.backend("aer_simulator")).run([bell])
    job.result()
    service.delete_job(job.job_id())

    with pytest.raises(RuntimeJobNotFound):
        service.job(job.job_id())


def test_what_a_crashed_script_left_is_listed(service: Any, bell: QuantumCircuit) -> None:
    job = SamplerV2(mode=service.backend("aer_simulator")).run([bell])
    mine = [entry for entry in service.unfinished() if entry.job_id == job.job_id()]

    assert [entry.state for entry in mine] == ["accepted"]
    assert service.find_submission(mine[0].id).job_id() == job.job_id()
    assert service.find_submission("0" * 32) is None
    job.result()
    assert [entry for entry in service.unfinished() if entry.job_id == job.job_id()] == []


def test_the_version_spoken_is_the_one_that_is_live(endpoint: Any, service: Any) -> None:
    """faults E (versions): all others have a sunset date; nothing is warned about (warnings are errors here)."""
    listed = requests.get(f"{endpoint.url}/versions", timeout=600).json()["versions"]

    live = [entry["version"] for entry in listed if entry["status"] == "live"]
    assert live == [API_VERSION] == ["2026-04-15"]
    assert all(entry["sunset_date"] > "2027" for entry in listed if entry["version"] not in live)
    assert service.api().versions() == [entry["version"] for entry in listed]


def test_a_used_up_instance_says_so_and_what_to_do(
    connect: Callable[..., Any], bell: QuantumCircuit, traffic: list[str]
) -> None:
    """faults E (409): a typed error, after one request; the service's own answer may say nothing at all."""
    with serve(instances=(Instance(limit_seconds=0),)) as server:
        sampler = SamplerV2(mode=connect(server.endpoint).backend("aer_simulator"))
        traffic.clear()
        with pytest.raises(UsageLimitError, match=r"exceeds its limit.*another instance") as caught:
            sampler.run([bell])
    bare = from_failure(Failure("status", "POST /jobs", "POST", "/jobs", "Conflict", status=409))

    assert traffic == ["POST /jobs 409"]
    assert isinstance(caught.value, IBMRuntimeError)
    assert caught.value.status_code == 409
    assert "exceeds its limit" in str(bare)
    assert "28 days" in str(bare)


# -- instances --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_instances() -> Iterator[Any]:
    instances = (
        Instance(name="near"),
        Instance(crn=FAR_CRN, name="far", plan="premium", plan_id=PREMIUM, limit_seconds=600),
    )
    with serve(instances=instances) as server:
        yield server.endpoint


def test_without_an_instance_all_of_the_account_are_searched(
    connect: Callable[..., Any], two_instances: Any, bell: QuantumCircuit
) -> None:
    far = connect(two_instances, instance="far")
    job = SamplerV2(mode=far.backend("aer_simulator")).run([bell])
    everywhere = connect(two_instances, instance=None)

    assert far.active_instance() == FAR_CRN
    assert [entry["name"] for entry in everywhere.instances()] == ["near", "far"]
    assert everywhere.job(job.job_id()).instance == FAR_CRN
    assert everywhere.jobs(instance="far")[0].job_id() == job.job_id()
    assert everywhere.jobs(instance="near") == []
    assert [backend.name for backend in everywhere.backends()] == ["aer_simulator", "local_heron"]


def test_instances_are_chosen_by_plan_and_region(connect: Callable[..., Any], two_instances: Any) -> None:
    assert connect(two_instances, instance=None, plans_preference=["Premium"]).active_instance() == FAR_CRN
    assert connect(two_instances, instance=None, region="eu-de").active_instance() == FAR_CRN


def test_an_instance_that_is_not_there_is_refused(connect: Callable[..., Any], two_instances: Any) -> None:
    with pytest.raises(IBMInputValueError, match=r"'elsewhere'.*'near', 'far'"):
        connect(two_instances, instance="elsewhere")
    with pytest.raises(IBMInputValueError, match="plans"):
        connect(two_instances, instance=None, plans_preference=["gold"])


def test_usage_says_what_is_left(connect: Callable[..., Any], two_instances: Any) -> None:
    usage = connect(two_instances, instance="far").usage()

    assert usage["usage_remaining_seconds"] == pytest.approx(600 - usage["usage_consumed_seconds"])
    assert "usage_remaining_seconds" not in connect(two_instances, instance="near").usage()


# -- secrets and copies -----------------------------------------------------------------------------------------------


def test_nothing_secret_is_shown_or_pickled(two_instances: Any, connect: Callable[..., Any]) -> None:
    service = connect(two_instances, instance=FAR_CRN)
    backend = service.backend("aer_simulator")
    session = Session(backend)
    session.close()

    for thing in (service, backend, session):
        for shown in (repr(thing).encode(), str(thing).encode(), pickle.dumps(thing)):
            assert two_instances.token.encode() not in shown
            assert b"secretaccount" not in shown


def test_copies_within_the_process_are_as_good_as_the_original(service: Any) -> None:
    for again in (copy.copy(service), copy.deepcopy(service), pickle.loads(pickle.dumps(service))):
        assert again == service
        assert again.backend("aer_simulator") == service.backend("aer_simulator")


def test_a_pickled_backend_works_in_another_process_with_the_token_of_its_environment(
    service: Any, endpoint: Any, tmp_path: Any
) -> None:
    file = tmp_path / "backend.pickle"
    file.write_bytes(pickle.dumps(service.backend("aer_simulator")))
    code = (
        "import pickle, pathlib, sys\n"
        "backend = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "service = backend.service\n"
        "print(backend.name, backend.status().operational, len(service.jobs(limit=1)) <= 1)\n"
        "print(service.backend(backend.name) == backend, service.active_instance())\n"
    )
    environ = {**os.environ, "QISKIT_IBM_TOKEN": endpoint.token}

    printed = subprocess.run(
        [sys.executable, "-c", code, str(file)], env=environ, capture_output=True, text=True, check=True
    ).stdout

    assert printed.split() == ["aer_simulator", "True", "True", "True", endpoint.instance]
