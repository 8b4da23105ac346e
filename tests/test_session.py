"""``Session`` and ``Batch``: how they open, which one counts where, and how they end."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import (
    Batch,
    IBMBackend,
    IBMInputValueError,
    QiskitRuntimeService,
    RequestConnectionError,
    SamplerV2,
    Session,
    SessionClosedError,
)
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.session import active_session, parse_max_time

DETAILS = [
    "id", "backend_name", "interactive_timeout", "max_time", "active_timeout", "state", "accepting_jobs",
    "last_job_started", "last_job_completed", "started_at", "closed_at", "activated_at", "mode", "usage_time",
    "timestamps",
]  # fmt: skip


@pytest.fixture(scope="module")
def backend(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


# -- max_time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        (1, 1),
        (28800, 28800),
        ("25m", 1500),
        ("2h 30m 40s", 9040),
        ("2h30m40s", 9040),
        ("1d 2h", 93600),
        (" 45 s ", 45),
        ("1D 1H", 90000),
        ("90m", 5400),
        ("40s 1h", 3640),
        ("30m 2h 10s 1d", 95410),
        ("1h 1h", 7200),
        ("2h, 30m and 5s", 9005),
        ("25min", 1500),
        ("25 minutes", 1500),
        (np.int64(90), 90),
    ],
)
def test_max_time_is_read(text: int | str | None, seconds: int | None) -> None:
    """Faults B (max_time in any order): whatever the official client reads means the same here."""
    assert parse_max_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "25",
        "25 months",
        "1h 30",
        "x 1h",
        "1h x",
        "-5m",
        "1.5h",
        "0s",
        0,
        -1,
        2**31,
        "m",
        "9" * 99 + "s",
    ],
)
def test_a_max_time_that_makes_no_sense_names_the_accepted_form(text: int | str) -> None:
    with pytest.raises(IBMInputValueError, match=r"2h 30m 40s|between 1 and"):
        parse_max_time(text)


@pytest.mark.parametrize("value", [1.5, True, [1], b"25m"])
def test_a_max_time_of_another_type_is_a_type_error(
    value: Any, backend: IBMBackend, traffic: list[str]
) -> None:
    with pytest.raises(TypeError, match="whole seconds"):
        Session(backend, max_time=value)

    assert traffic == []


# -- opening and asking -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "mode"), [(Session, "dedicated"), (Batch, "batch")])
def test_a_session_opens_with_one_request_and_tells_about_itself(
    backend: IBMBackend, traffic: list[str], kind: type[Session], mode: str
) -> None:
    session = kind(backend, max_time="25m")
    assert traffic == ["POST /sessions 200"]
    details = session.details()

    assert details is not None
    assert list(details) == DETAILS
    assert details["id"] == session.session_id
    assert (details["mode"], details["max_time"], details["state"]) == (mode, 1500, "open")
    assert session.status() == "Pending"
    assert session.usage() in (None, 0, 0.0)
    assert session.backend() == "aer_simulator"
    assert session.service == backend.service
    assert session.session_id in repr(session)
    session.close()


def test_status_follows_the_life_of_the_session(backend: IBMBackend, coin: QuantumCircuit) -> None:
    with Session(backend) as session:
        assert session.status() == "Pending"
        SamplerV2(mode=session).run([coin]).result()
        assert session.status() == "In progress, accepting new jobs"
    assert session.status() == "Closed"
    details = session.details()
    assert details is not None
    assert details["closed_at"] is not None
    assert details["last_job_completed"] is not None
    usage = session.usage()
    assert usage is not None
    assert usage >= 0


@pytest.mark.parametrize("kind", [Session, Batch])
@pytest.mark.parametrize("local", [False, True])
def test_usage_is_known_as_soon_as_a_job_has_ended(
    backend: IBMBackend, coin: QuantumCircuit, kind: type[Session], local: bool
) -> None:
    """Faults B (``Session.usage()`` is None after jobs ran): remote and local, open and closed."""
    with kind(AerSimulator() if local else backend) as session:
        assert session.usage() is None
        first = SamplerV2(mode=session).run([coin])
        first.result()
        used = session.usage()
        assert used is not None
        assert used >= first.usage() >= 0
        SamplerV2(mode=session).run([coin]).result()
        later = session.details()
        assert later is not None
        assert later["usage_time"] >= used
    assert session.usage() >= later["usage_time"]


def test_only_backends_of_a_service_have_sessions() -> None:
    for wrong in ("aer_simulator", None):
        with pytest.raises(ValueError, match="Invalid backend type"):
            Session(wrong)
    with pytest.raises(TypeError):
        Session()


def test_a_handle_can_be_made_without_opening_anything(backend: IBMBackend, traffic: list[str]) -> None:
    session = Session(backend, create_new=False)
    session.close()
    session.cancel()

    assert session.session_id is None
    assert session.status() is session.details() is session.usage() is None
    assert traffic == []


# -- ending -----------------------------------------------------------------------------------------------------------


def test_a_closed_session_refuses_jobs_before_any_traffic(
    backend: IBMBackend, coin: QuantumCircuit, traffic: list[str]
) -> None:
    session = Session(backend)
    sampler = SamplerV2(mode=session)
    session.close()
    traffic.clear()

    with pytest.raises(SessionClosedError, match="The session is closed"):
        sampler.run([coin])
    assert traffic == []


def test_a_session_closed_elsewhere_refuses_jobs_by_the_service(
    backend: IBMBackend, coin: QuantumCircuit
) -> None:
    session = Session(backend)
    backend.api.close_session(session.session_id)

    with pytest.raises(SessionClosedError, match="1217"):
        SamplerV2(mode=session).run([coin])


def test_closing_twice_asks_once(backend: IBMBackend, traffic: list[str]) -> None:
    session = Session(backend)
    traffic.clear()
    session.close()
    session.close()

    assert len(traffic) == 1


def test_closing_lets_queued_jobs_run_and_cancelling_drops_them(
    directed: Any, director: Any, coin: QuantumCircuit
) -> None:
    backend = directed.backend("aer_simulator")
    for end, wanted in (("close", "DONE"), ("cancel", "CANCELLED")):
        director.release.clear()
        batch = Batch(backend)
        sampler = SamplerV2(mode=batch)
        jobs = []
        for _ in range(6):
            director.hold()
            jobs.append(sampler.run([coin]))
        getattr(batch, end)()
        director.release.set()
        jobs[-1].wait_for_final_state(timeout=600)
        assert jobs[-1].status() == wanted
        for job in jobs:
            job.wait_for_final_state(timeout=600)
        assert batch.status() == "Closed"
        director.turns.clear()


def test_the_bodys_exception_comes_through_and_the_session_is_closed(backend: IBMBackend) -> None:
    with pytest.raises(ZeroDivisionError), Session(backend) as session:
        1 / 0  # noqa: B018

    assert session.status() == "Closed"


def test_a_failure_to_close_never_hides_the_bodys_exception(caplog: pytest.LogCaptureFixture) -> None:
    def gone() -> tuple[Session, Any]:
        server = serve([load_device("aer_simulator")])
        place = server.endpoint
        service = QiskitRuntimeService(
            channel="local", url=place.url, token=place.token, instance=place.instance
        )
        return Session(service.backend("aer_simulator")), server

    session, server = gone()
    session.api.transport.retry = type(session.api.transport.retry)(attempts=1)

    def body() -> None:
        with session:
            server.stop()
            1 / 0  # noqa: B018

    with pytest.raises(ZeroDivisionError):
        body()
    assert "could not be closed" in caplog.text
    with pytest.raises(RequestConnectionError):
        session.close()


# -- which session counts where ---------------------------------------------------------------------------------------


def test_nested_sessions_restore_the_outer_one(backend: IBMBackend) -> None:
    assert active_session() is None
    with Session(backend) as outer:
        with Batch(backend) as inner:
            assert active_session() is inner
        assert active_session() is outer
        with pytest.raises(ZeroDivisionError), Session(backend):
            1 / 0  # noqa: B018
        assert active_session() is outer
    assert active_session() is None


def test_primitives_inside_with_run_in_the_session(backend: IBMBackend, coin: QuantumCircuit) -> None:
    with Session(backend) as session:
        job = SamplerV2().run([coin])

    assert job.session_id == session.session_id
    assert job.status() in ("QUEUED", "RUNNING", "DONE")


def test_a_primitive_made_inside_with_works_in_a_thread_pool(
    backend: IBMBackend, coin: QuantumCircuit
) -> None:
    with Session(backend) as session, ThreadPoolExecutor(4) as pool:
        sampler = SamplerV2()
        jobs = list(pool.map(lambda _: sampler.run([coin]), range(8)))
        for job in jobs:
            job.result()

    assert {job.session_id for job in jobs} == {session.session_id}


def test_a_session_given_explicitly_works_in_any_thread(backend: IBMBackend, coin: QuantumCircuit) -> None:
    ids: list[str | None] = []

    def work() -> None:
        assert active_session() is None
        with session:
            ids.append(SamplerV2().run([coin], shots=10).session_id)
            both.wait(600)

    session = Session(backend)
    both = threading.Barrier(2)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)

    assert ids == [session.session_id] * 2
    assert active_session() is None


def test_a_copied_context_carries_the_session_into_a_thread(
    backend: IBMBackend, coin: QuantumCircuit
) -> None:
    with Session(backend) as outer, ThreadPoolExecutor(1) as pool:
        with Batch(backend) as inner:
            carried = pool.submit(contextvars.copy_context().run, SamplerV2).result()
        bare = pool.submit(active_session).result()
        job = SamplerV2().run([coin])

    assert carried.mode is inner
    assert bare is None
    assert job.session_id == outer.session_id


def test_tasks_of_asyncio_are_in_the_session_that_they_were_made_in(backend: IBMBackend) -> None:
    async def mode() -> Session | None:
        return SamplerV2().mode

    async def main() -> list[Session | None]:
        with Session(backend) as first:
            one = asyncio.create_task(mode())
        with Batch(backend) as second:
            two = asyncio.create_task(mode())
        assert active_session() is None
        return [first, await one, second, await two]

    first, one, second, two = asyncio.run(main())

    assert one is first
    assert two is second


def test_an_exception_in_a_thread_of_the_session_closes_it_and_comes_through(
    backend: IBMBackend, coin: QuantumCircuit
) -> None:
    def fail(sampler: SamplerV2) -> None:
        sampler.run([coin])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Session(backend) as session, ThreadPoolExecutor(2) as pool:
        list(pool.map(fail, [SamplerV2(), SamplerV2()]))

    assert active_session() is None
    assert session.status() in ("In progress, not accepting new jobs", "Closed")
    jobs = backend.service.jobs(session_id=session.session_id)
    for job in jobs:
        job.wait_for_final_state(timeout=600)
    assert [job.status() for job in jobs] == ["DONE"] * 2


# -- finding again ----------------------------------------------------------------------------------------------------


def test_a_session_is_found_by_its_id(backend: IBMBackend, coin: QuantumCircuit) -> None:
    session = Session(backend, max_time=600)
    again = Session.from_id(session.session_id, backend.service)
    job = SamplerV2(mode=again).run([coin])

    assert again.backend() == "aer_simulator"
    assert job.session_id == session.session_id
    with pytest.raises(IBMInputValueError, match="dedicated instead of batch"):
        Batch.from_id(session.session_id, backend.service)
    session.close()
    job.wait_for_final_state(timeout=600)
    closed = Session.from_id(session.session_id, backend.service)
    with pytest.raises(SessionClosedError):
        SamplerV2(mode=closed).run([coin])


def test_an_unknown_session_is_an_input_error(service: Any) -> None:
    with pytest.raises(IBMInputValueError, match="no session '5cd95f31"):
        Session.from_id("5cd95f31-764e-4865-a25f-8ecc34ee39f8", service)


def test_the_service_lists_sessions_and_batches(service: Any, backend: IBMBackend) -> None:
    with Session(backend) as session, Batch(backend) as batch:
        found = {one.session_id: one for one in service.sessions(limit=20)}
    session.close()

    assert type(found[session.session_id]) is Session
    assert type(found[batch.session_id]) is Batch
    assert found[session.session_id].backend() == "aer_simulator"
    assert len(service.sessions(limit=1)) == 1


def test_sessions_are_listed_page_by_page(service: Any, backend: IBMBackend) -> None:
    opened = []
    for _ in range(52):
        batch = Batch(backend)
        batch.close()
        opened.append(batch.session_id)

    everything = [one.session_id for one in service.sessions(limit=None)]

    assert [one for one in everything if one in opened] == opened[::-1]
    assert [one.session_id for one in service.sessions(limit=51)] == everything[:51]
    assert service.sessions(limit=0) == []
    with pytest.raises(IBMInputValueError, match="limit"):
        service.sessions(limit=-1)


def test_sessions_of_a_device_that_is_gone_are_left_out(tmp_path: Path) -> None:
    database = str(tmp_path / "jobs.db")
    for served, left in ((["aer_simulator", "local_heron"], 2), (["aer_simulator"], 1)):
        with serve(backends=served, database=database, token="key") as server:
            place = server.endpoint
            service = QiskitRuntimeService("local", place.token, place.url, instance=place.instance)
            for one in service.backends() if left == 2 else ():
                Session(one).close()

            assert len(service.sessions()) == left


def test_a_pickled_session_is_the_same_session(backend: IBMBackend) -> None:
    session = Batch(backend)
    for again in (pickle.loads(pickle.dumps(session)), copy.deepcopy(session)):
        assert type(again) is Batch
        assert again.session_id == session.session_id
        assert again.status() == "Pending"
    session.close()
    assert pickle.loads(pickle.dumps(session)).status() == "Closed"
