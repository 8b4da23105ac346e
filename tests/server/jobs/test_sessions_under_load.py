"""Many sessions, batches and single jobs at once: who may run beside whom."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.jobs.queue_policy import next_job
from qiskit_rest_primitives.server.jobs.sessions import Session
from qiskit_rest_primitives.server.jobs.store import Job
from qiskit_rest_primitives.server.primitives.jobs import JobOutput

DEVICES = ("aer_simulator", "local_heron")
ROUNDS = 3
JOBS = 4


@dataclass(frozen=True)
class Run:
    """When a job ran where, and for whom."""

    device: str
    owner: str
    start: float
    stop: float


class Recorder:
    """Stands in for the simulator and writes down who ran when."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def execute(self, program_id: str, params: bytes, device: Device) -> JobOutput:
        owner = json.loads(params)["pubs"][0][0]
        start = time.monotonic()
        time.sleep(0.004)
        self.runs.append(Run(device.name, owner, start, time.monotonic()))
        return JobOutput(b'{"results": []}', 0.004, 1)


def submit(call: Any, owner: str, session: requests.Session, **more: Any) -> str:
    params = {"pubs": [[owner]]}
    body = {"program_id": "sampler", "backend": "aer_simulator", "params": params, **more}
    answer = session.post(call.endpoint.url + "/jobs", json=body, headers=call.headers, timeout=600)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def in_session(call: Any, mode: str, device: str, name: str) -> None:
    """Open a session, run jobs in it, close it, as a client does; three times over."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(call.headers)
        for turn in range(ROUNDS):
            body = {"mode": mode, "backend": device}
            made = session.post(call.endpoint.url + "/sessions", json=body, timeout=600).json()["id"]
            jobs = [
                submit(call, f"{name}-{turn}", session, session_id=made, backend=device) for _ in range(JOBS)
            ]
            path = f"{call.endpoint.url}/sessions/{made}"
            session.patch(path, json={"accepting_jobs": False}, timeout=600)
            wait_for(call, session, jobs)
            assert session.get(path, timeout=600).json()["state"] == "closed"


def alone(call: Any, device: str, name: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        for turn in range(ROUNDS * JOBS):
            wait_for(call, session, [submit(call, f"{name}-{turn}", session, backend=device)])


def wait_for(call: Any, session: requests.Session, jobs: list[str]) -> None:
    for job_id in jobs:
        path = f"{call.endpoint.url}/jobs/{job_id}?exclude_params=true"
        answer = session.get(path, headers={**call.headers, "Prefer": "wait=20"}, timeout=600)
        assert answer.json()["status"] == "Completed", answer.text


def test_dedicated_sessions_have_their_device_to_themselves_and_batches_share(
    start: Callable[..., Any],
) -> None:
    recorder = Recorder()
    call = start(lambda s: replace(s, workers=4, execute=recorder.execute))
    failures: list[BaseException] = []

    def watched(work: Callable[..., None], *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001 (raised in the test's thread)
                failures.append(error)

        return threading.Thread(target=run)

    threads = []
    for device in DEVICES:
        for number in range(2):
            threads.append(watched(in_session, call, "dedicated", device, f"dedicated{number}-{device}"))
            threads.append(watched(in_session, call, "batch", device, f"batch{number}-{device}"))
        threads.append(watched(alone, call, device, f"single-{device}"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)

    assert failures == []
    assert len(recorder.runs) == len(threads) * ROUNDS * JOBS
    overlaps = [
        (one, other)
        for one in recorder.runs
        for other in recorder.runs
        if one.start < other.start < one.stop and one.device == other.device and one.owner != other.owner
    ]
    assert not [pair for pair in overlaps if any(run.owner.startswith("dedicated") for run in pair)]
    assert overlaps, "nothing ever ran side by side; the test proved nothing"
    for owner in {run.owner for run in recorder.runs if run.owner.startswith("dedicated")}:
        own = [run for run in recorder.runs if run.owner == owner]
        first, last = min(run.start for run in own), max(run.stop for run in own)
        between = [run for run in recorder.runs if first < run.start < last and run.device == own[0].device]
        assert {run.owner for run in between} <= {owner}, "somebody ran between the jobs of a session"


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.data())
def test_every_job_gets_its_turn_and_no_rule_is_broken(data: st.DataObject) -> None:
    """The real decisions and states, with time and events of hypothesis's choice."""
    sessions = {
        f"s{n}": Session(f"s{n}", "crn", device, mode, 0.0, 60, 1000, 1000, 1800)
        for n, (mode, device) in enumerate(
            data.draw(
                st.lists(
                    st.tuples(st.sampled_from(["dedicated", "batch"]), st.sampled_from("de")), max_size=4
                )
            )
        )
    }
    waiting: dict[str, Job] = {}
    running: dict[str, Job] = {}
    now = 0.0
    plan = data.draw(
        st.lists(st.sampled_from(["submit", "submit", "finish", "pass"]), min_size=5, max_size=40)
    )
    for number, event in enumerate([*plan, *["finish", "pass"] * 80]):
        now += 1.0 if event != "pass" else 61.0 if number > len(plan) else 20.0
        for session in sessions.values():
            session.tick(now)
        if event == "submit":
            owner = data.draw(st.sampled_from([None, *sessions]))
            device = sessions[owner].backend if owner else data.draw(st.sampled_from("de"))
            if owner is None or sessions[owner].takes_jobs:
                waiting[str(number)] = Job(str(number), "crn", "sampler", device, now, 600, session_id=owner)
                if owner:
                    sessions[owner].job_queued()
        elif event == "finish" and running:
            job = running.pop(next(iter(running)))
            if job.session_id:
                sessions[job.session_id].job_finished(now, 1.0)
        begin(now, waiting, running, sessions)
        for device in "de":
            active = [s for s in sessions.values() if s.backend == device and s.mode == "dedicated"]
            assert sum(s.state == "active" for s in active) <= 1
        for job in [job for job in waiting.values() if job.session_id and sessions[job.session_id].closed]:
            del waiting[job.id]

    assert not waiting
    assert not running


def begin(now: float, waiting: dict[str, Job], running: dict[str, Job], sessions: dict[str, Session]) -> None:
    """Start what may start on three workers, as the scheduler does."""
    while len(running) < 3:
        job = next_job(waiting.values(), running.values(), sessions, exclusive=True)
        if job is None:
            return
        check_turn(job, waiting, running, sessions)
        running[job.id] = waiting.pop(job.id)
        if job.session_id:
            sessions[job.session_id].job_started(now)


def check_turn(
    job: Job, waiting: dict[str, Job], running: dict[str, Job], sessions: dict[str, Session]
) -> None:
    own = sessions.get(job.session_id or "")
    owners = {
        s.id
        for s in sessions.values()
        if s.mode == "dedicated" and s.state == "active" and s.backend == job.backend
    }
    assert owners <= {job.session_id}, "a job ran on a device that belongs to another session"
    if own is not None and own.mode == "dedicated":
        strangers = [other for other in running.values() if other.backend == job.backend]
        assert all(other.session_id == own.id for other in strangers)
    if own is None or own.state != "active":
        # Whoever waits behind a dedicated session's job is held back with it.
        before = list(
            takewhile(lambda other: not _is_dedicated(other, job.backend, sessions), waiting.values())
        )
        favoured = [
            other
            for other in before
            if other.session_id
            and sessions[other.session_id].state == "active"
            and sessions[other.session_id].mode == "batch"
            and other.backend == job.backend
        ]
        assert not favoured, "a job of an active batch was passed over"


def _is_dedicated(job: Job, device: str, sessions: dict[str, Session]) -> bool:
    return (
        job.backend == device and job.session_id is not None and sessions[job.session_id].mode == "dedicated"
    )
