"""Clocks and timers of jobs and sessions: what starts them, what sets them back, and what happens when they fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.job_errors import INTERNAL
from qiskit_rest_primitives.server.jobs import clocks
from qiskit_rest_primitives.server.jobs.clocks import LiveSessions, RunTimes
from qiskit_rest_primitives.server.jobs.sessions import Session
from qiskit_rest_primitives.server.jobs.store import Job, Store
from qiskit_rest_primitives.server.jobs.transfers import WriteRetries
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.server.workers import subprocesses
from qiskit_rest_primitives.server.workers.dask import ClusterAway


def job_of(**fields: Any) -> Job:
    return Job(id="j", instance="i", program="sampler", backend="b", created=0.0, **{"cost": 1, **fields})


def session_of(now: float) -> Session:
    session = Session(
        "s", "i", "b", "dedicated", now, interactive_ttl=60, max_ttl=600, active_ttl=600, start_ttl=100
    )
    session.job_queued()
    session.job_started(now)
    session.job_finished(now, 0.0)
    return session


def test_the_start_of_a_worker_is_nobodys_run_time(
    ideal: Device, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults C5: workers need longer to come up than the jobs may run."""
    monkeypatch.setattr(subprocesses, "_START", "import time; time.sleep(4); " + subprocesses._START)
    call = start(lambda s: replace(s, execute=None, processes=True, workers=1))

    for _ in range(2):
        job = call.wait(call.submit(cost=3))
        assert job["status"] == "Completed"


def test_a_job_that_ran_too_long_is_ended_again_if_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults C14: a timer whose work failed is set again."""
    monkeypatch.setattr(clocks, "AGAIN_SECONDS", 0.001)
    rung = []

    async def run() -> None:
        ended = asyncio.Event()

        def over(job: Job) -> None:
            rung.append(job.id)
            if len(rung) < 3:
                raise RuntimeError("the database is malformed")
            ended.set()

        RunTimes(over).begin(job_of(cost=0))
        await asyncio.wait_for(ended.wait(), 60)

    asyncio.run(run())

    assert rung == ["j"] * 3


def test_a_job_that_has_not_begun_has_run_for_no_time() -> None:
    async def run() -> list[float]:
        times, job = RunTimes(lambda _: None), job_of(cost=1000)
        found = [times.of(job)]
        times.begin(job)
        await asyncio.sleep(0.01)
        found.append(times.of(job))
        times.end(job)
        return [*found, times.of(job)]

    before, while_running, after = asyncio.run(run())

    assert (before, after) == (0.0, 0.0)
    assert while_running >= 0.009


@pytest.mark.parametrize("step", [-1.0, -59.0, -3_600.0, -86_400.0])
def test_a_session_keeps_its_times_when_the_clock_is_set_back(step: float, clock: Any) -> None:
    """Faults C14: or it would live, and hold its device, for as long as the clock was set back."""

    async def run() -> tuple[float, float, list[Session]]:
        session = session_of(clock())
        sessions = LiveSessions(Store(), WriteRetries(), clock, lambda: None)
        sessions.living[session.id] = session
        sessions.pass_time()
        left = (session.deadline() or 0.0) - clock()
        clock.advance(step)
        moved = sessions.pass_time()
        return left, (session.deadline() or 0.0) - clock(), moved

    left, left_then, moved = asyncio.run(run())

    assert [session.id for session in moved] == ["s"]  # so that it is kept as it is now
    assert left == 60
    assert left_then <= 60  # the time that passed counts, as far as anybody can tell
    assert left_then > 0


def test_a_session_of_a_former_server_keeps_its_times_when_the_clock_was_set_back_meanwhile(
    clock: Any,
) -> None:
    before = session_of(clock())
    clock.advance(-7_200)
    session = Session.load(before.dump())

    session.resume(0, clock())

    assert (session.deadline() or 0.0) - clock() == 60
    assert session.history[-1][1] <= clock()


@pytest.mark.parametrize("what", ["nothing was due", "something failed"])
def test_the_alarm_of_sessions_is_always_set_again(
    what: str, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults C14: an alarm that came too early, or whose work failed, was the last one."""

    async def run() -> bool:
        session = session_of(clock())
        sessions = LiveSessions(Store(), WriteRetries(), clock, lambda: None)
        sessions.living[session.id] = session
        if what == "something failed":
            monkeypatch.setattr(Session, "tick", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                sessions.pass_time()
        else:
            assert sessions.pass_time() == []
        timer = sessions._timer
        assert timer is not None
        waits = timer.when() - asyncio.get_running_loop().time()
        sessions.stop()
        return 0 < waits < 31

    assert asyncio.run(run())


def test_a_clock_that_is_set_back_refuses_no_submissions_and_no_job_ends_before_it_began(
    start: Any, stage: Any, clock: Any
) -> None:
    """Faults C14, on the wire."""
    call = start(lambda s: replace(s, clock=clock, limits=replace(s.limits, submissions=2)))
    call.submit()
    held = call.submit(params=stage.hold("held"))
    call.until(held, "Running")
    clock.advance(-3_600)
    call.submit()
    stage.release("held")

    assert call.wait(held)["status"] == "Completed"
    times = call.get(f"/jobs/{held}/metrics")["timestamps"]
    assert times["created"] <= times["running"] <= times["finished"]


class Away:
    """Executes as a cluster does that is lost: jobs with a name on the list have no outcome."""

    def __init__(self, lost: list[str]) -> None:
        self.lost = lost
        self.back: Future[None] = Future()
        self.order: list[str] = []
        self.called = threading.Event()

    def execute(self, program_id: str, params: bytes, device: Device) -> JobOutput:
        name = next(it for it in ("first", "second", "third") if it.encode() in params)
        self.order.append(name)
        self.called.set()
        if name in self.lost:
            self.lost.remove(name)
            raise ClusterAway(self.back)
        return JobOutput(b'{"results": []}', 0.0, 1)


def test_jobs_without_a_cluster_return_to_their_place_in_the_queue(
    start: Callable[..., Any], wait_for: Any
) -> None:
    """Faults C22: in order, and each once."""
    away = Away(["first"])
    call = start(lambda s: replace(s, execute=away.execute, workers=1))
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]
    jobs = [call.submit(params={"pubs": [["first"]]}, session_id=session)]
    assert away.called.wait(600)
    call.until(jobs[0], "Queued")
    jobs += [call.submit(params={"pubs": [[name]]}) for name in ("second", "third")]
    assert [call.get(f"/jobs/{job}")["status"] for job in jobs] == ["Queued"] * 3
    assert away.order == ["first"]

    away.back.set_result(None)

    assert [call.wait(job)["status"] for job in jobs] == ["Completed"] * 3
    assert away.order == ["first", "first", "second", "third"]
    call("PATCH", f"/sessions/{session}", json={"accepting_jobs": False})
    assert call.get(f"/sessions/{session}")["state"] == "closed"  # it counted its job right


def test_a_job_that_loses_the_cluster_twice_fails_with_a_reason(start: Callable[..., Any]) -> None:
    """Faults C22: it may be what the cluster dies of, and holds all others up."""
    away = Away(["first", "first"])
    away.back.set_result(None)
    call = start(lambda s: replace(s, execute=away.execute, workers=1))

    state = call.wait(call.submit(params={"pubs": [["first"]]}))["state"]

    assert (state["status"], state["reason_code"]) == ("Failed", INTERNAL)
    assert "connection to the Dask cluster was lost" in state["reason"]
    assert call.wait(call.submit(params={"pubs": [["second"]]}))["status"] == "Completed"


def test_a_job_that_waits_for_the_cluster_can_be_cancelled(start: Callable[..., Any]) -> None:
    away = Away(["first"])
    call = start(lambda s: replace(s, execute=away.execute, workers=1))
    job = call.submit(params={"pubs": [["first"]]})
    assert away.called.wait(600)
    call.until(job, "Queued")

    assert call("POST", f"/jobs/{job}/cancel").status_code == 204
    away.back.set_result(None)
    assert call.wait(call.submit(params={"pubs": [["second"]]}))["status"] == "Completed"
    assert (call.get(f"/jobs/{job}")["status"], away.order) == ("Cancelled", ["first", "second"])
