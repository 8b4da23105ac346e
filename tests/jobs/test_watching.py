"""Waiting while somebody looks: callbacks, the progress display, many jobs with few questions, and what happened when."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import pickle
import select
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit

from qiskit_rest_primitives import (
    Batch,
    IBMInputValueError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobTimeoutError,
    RuntimeJobV2,
    SamplerV2,
    as_completed,
    gather,
)
from qiskit_rest_primitives.jobs import watching
from qiskit_rest_primitives.jobs.progress import PROGRESS, shows_progress
from qiskit_rest_primitives.jobs.questions import JobTimeline, timeline_of
from qiskit_rest_primitives.jobs.status import JobState
from qiskit_rest_primitives.server.http.middleware import ApiMiddleware


@pytest.fixture
def run(directed: Any, coin: QuantumCircuit) -> Callable[..., RuntimeJobV2]:
    """Submit a job to the directed server, which runs two at a time."""
    sampler = SamplerV2(directed.backend("aer_simulator"), options={"default_shots": 10})
    return lambda *shots: sampler.run([(coin, None, count) for count in shots] or [coin])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What arrives at servers of this process from here on, as ``METHOD kind``; ids are left out."""
    arrived: list[str] = []
    original = ApiMiddleware.__call__

    async def count(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            path = scope["path"].partition("/api/v1")[2].split("/")
            arrived.append(
                f"{scope['method']} /{path[1]}{'/{id}' if len(path) > 2 else ''}{''.join('/' + one for one in path[3:])}"
            )
        await original(self, scope, receive, send)

    monkeypatch.setattr(ApiMiddleware, "__call__", count)
    return arrived


class Seen:
    """A callback that keeps what it is told, and lets others wait for it."""

    def __init__(self, then: dict[str, Callable[[], Any]] | None = None) -> None:
        self.told: list[tuple[RuntimeJobV2, JobState]] = []
        self.then = then or {}

    def __call__(self, job: RuntimeJobV2, state: JobState) -> None:
        self.told.append((job, state))
        self.then.pop(str(state), lambda: None)()

    @property
    def words(self) -> list[str]:
        return [str(state) for _, state in self.told]


# -- one job ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["wait_for_final_state", "result"])
def test_a_callback_sees_each_state_once_with_what_is_known(wait: str, run: Any, director: Any) -> None:
    director.hold()
    director.hold()
    first, second = run(), run()
    director.hold()
    job = run()
    gate = director.release
    release = threading.Event()

    def let_it_run() -> None:  # the two before it end, and it is held itself
        director.release = release
        gate.set()

    seen = Seen({"QUEUED": let_it_run, "RUNNING": release.set})
    getattr(job, wait)(callback=seen)

    assert seen.words == ["QUEUED", "RUNNING", "DONE"]
    assert {told for told, _ in seen.told} == {job}
    queued, running, done = (state for _, state in seen.told)
    assert queued.queue_position == 1
    assert queued.estimated_seconds is not None
    assert queued.estimated_seconds > 0
    assert queued.running_seconds is None
    assert running.queue_position is None
    assert running.running_seconds is not None
    assert done.running_seconds is not None
    assert done.running_seconds >= running.running_seconds >= 0
    assert done.final
    assert first.result() is not second.result()


def test_a_callback_of_a_job_that_has_ended_is_told_so(run: Any) -> None:
    job = run()
    job.result()
    seen = Seen()

    job.wait_for_final_state(callback=seen)
    assert seen.words == ["DONE"]
    assert job.result(callback=seen) is job.result()


def test_a_state_that_is_shorter_than_a_look_is_told_too(
    run: Any, directed: Any, director: Any, coin: QuantumCircuit
) -> None:
    """Whether a job went by between two looks, or its result came along with the answer to its submission."""
    done, gathered = Seen(), Seen()
    for _ in range(3):
        run().result(callback=done)
    assert done.words == ["QUEUED", "RUNNING", "DONE"] * 3

    jobs = [run() for _ in range(3)]
    gather(jobs, callback=gathered)
    for job in jobs:
        assert [str(state) for told, state in gathered.told if told is job] == ["QUEUED", "RUNNING", "DONE"]

    reopened = Seen()
    directed.job(jobs[0].job_id()).wait_for_final_state(callback=reopened)
    assert reopened.words == ["DONE"], "it had ended before anybody waited"

    parts = Seen()
    sampler = SamplerV2(directed.backend("aer_simulator"), options={"program": "executor"})
    sampler.run([(coin, None, 10), (coin, None, 20)]).wait_for_final_state(callback=parts)
    assert parts.words == ["QUEUED", "RUNNING", "DONE"]


def test_only_a_job_that_ran_is_said_to_have_run(run: Any, director: Any) -> None:
    director.fail("no luck")
    failed = Seen()
    run().wait_for_final_state(callback=failed)
    assert failed.words == ["QUEUED", "RUNNING", "ERROR"]

    director.hold()
    director.hold()
    for _ in range(2):
        run()
        director.taken()
    job, cancelled = run(), Seen()
    job.cancel()
    job.wait_for_final_state(callback=cancelled)
    assert cancelled.words == ["QUEUED", "CANCELLED"]


def test_a_job_that_was_running_already_says_for_how_long(run: Any, directed: Any, director: Any) -> None:
    director.hold()
    job = run()
    director.taken()
    began = datetime.now(timezone.utc)
    again = directed.job(job.job_id())
    seen = Seen({"RUNNING": director.release.set})
    again.wait_for_final_state(callback=seen, poll_interval=0.1)

    assert seen.words == ["RUNNING", "DONE"]
    ran = seen.told[0][1].running_seconds
    assert ran is not None
    assert ran > 0
    assert timedelta(seconds=ran) >= datetime.now(timezone.utc) - began - timedelta(seconds=600)


@pytest.mark.parametrize(("end", "word"), [("fail", "ERROR"), ("cancel", "CANCELLED")])
def test_a_callback_is_told_of_other_ends(end: str, word: str, run: Any, director: Any) -> None:
    if end == "fail":
        director.fail("no luck")
        job = run()
        kind: type[Exception] = RuntimeJobFailureError
    else:
        director.hold()
        job = run()
        job.cancel()
        kind = RuntimeInvalidStateError
    seen = Seen()
    with pytest.raises(kind):
        job.result(callback=seen)

    assert seen.words[-1] == word
    assert seen.words.count(word) == 1


def test_what_a_callback_raises_ends_the_wait(run: Any, director: Any) -> None:
    director.hold()
    job = run()

    def refuse(_job: Any, _state: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        job.wait_for_final_state(callback=refuse)
    assert not job.in_final_state()


def test_watching_ends_in_time_and_names_the_job(run: Any, director: Any) -> None:
    director.hold()
    job = run()
    seen = Seen()
    with pytest.raises(RuntimeJobTimeoutError, match=f"{job.job_id()} after 0.3 s.*goes on"):
        job.wait_for_final_state(timeout=0.3, callback=seen)
    with pytest.raises(RuntimeJobTimeoutError, match="after 0 s"):
        job.wait_for_final_state(timeout=0, callback=seen)

    assert set(seen.words) <= {"QUEUED", "RUNNING"}


def test_a_state_is_a_word_that_knows_more() -> None:
    state = JobState("QUEUED", queue_position=3, estimated_seconds=200.0)

    assert state == "QUEUED"
    assert str(state) == f"{state}" == "QUEUED"
    assert repr(state) == "JobState('QUEUED', queue_position=3, estimated_seconds=200.0)"
    assert state.describe() == "QUEUED, 2 before it, runs about 3 min 20 s"
    assert pickle.loads(pickle.dumps(state)).queue_position == 3
    assert JobState("RUNNING", running_seconds=7.26).describe() == "RUNNING for 7.3 s"
    assert JobState("DONE", running_seconds=7500).describe() == "DONE after 2 h 5 min"


def test_the_log_tells_what_becomes_of_a_job(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="qiskit_rest_primitives"):
        job = run()
        job.result()
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]

    assert f"job {job.job_id()} was accepted: sampler on aer_simulator" in lines
    assert f"job {job.job_id()} is DONE, was QUEUED" in lines
    assert any(line.startswith(f"the result of job {job.job_id()} is here: ") for line in lines)


# -- the progress display ---------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Make a terminal standard error, in which displays come up at once; pytest sets its own before each test."""

    def turn_on() -> Terminal:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr(watching, "UNSEEN", 0.0)
        monkeypatch.delenv(PROGRESS, raising=False)
        return terminal

    return turn_on


def test_a_terminal_shows_how_jobs_stand(run: Any, director: Any, screen: Callable[[], Terminal]) -> None:
    pytest.importorskip("tqdm", reason="shows progress; runs where the extra 'progress' is installed")
    terminal = screen()
    director.hold()
    held = run()
    gather([held, run(), run()], callback=Seen({"DONE": director.release.set}))
    shown = terminal.getvalue()

    assert "3 jobs: " in shown
    assert "running" in shown
    assert "3 done" in shown
    assert "3/3" in shown
    assert not [thread for thread in threading.enumerate() if "Monitor" in type(thread).__name__]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals, which Windows has not")
def test_a_terminal_that_does_not_know_its_width_shows_it_too(
    run: Any, director: Any, screen: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tqdm", reason="shows progress; runs where the extra 'progress' is installed")
    screen()
    reader, writer = os.openpty()
    with open(reader, "rb", buffering=0) as read, open(writer, "w") as errors:  # noqa: PTH123 (descriptors)
        monkeypatch.setattr(sys, "stderr", errors)
        director.hold()
        job = run()
        threading.Timer(0.1, director.release.set).start()
        job.wait_for_final_state()
        end, shown = f"job {job.job_id()}: DONE", ""
        while select.select([read], [], [], 0 if end in shown else 600)[
            0
        ]:  # a terminal hands on when it likes
            shown += read.read(100_000).decode()

    assert end in shown


def test_the_parts_of_one_job_are_counted(
    directed: Any, coin: QuantumCircuit, screen: Callable[[], Terminal]
) -> None:
    pytest.importorskip("tqdm", reason="shows progress; runs where the extra 'progress' is installed")
    sampler = SamplerV2(directed.backend("aer_simulator"), options={"program": "executor"})
    job = sampler.run([(coin, None, 10), (coin, None, 20)])
    seen, terminal = Seen(), screen()
    job.result(progress=True, callback=seen)

    assert f"job {job.job_id()}: 2 done" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert seen.words[-1] == "DONE"
    assert seen.words.count("DONE") == 1


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ({}, True),
        ({"variable": "off"}, False),
        ({"progress": False}, False),
        ({"variable": "off", "progress": True}, True),
        ({"pipe": True}, False),
        ({"pipe": True, "variable": "on"}, True),
        ({"pipe": True, "progress": True}, True),
        ({"pipe": True, "notebook": True}, True),
    ],
)
def test_what_decides_whether_progress_is_shown(
    how: dict[str, Any], shown: bool, screen: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tqdm", reason="shows progress; runs where the extra 'progress' is installed")
    screen()
    if how.get("pipe"):
        monkeypatch.setattr(sys, "stderr", io.StringIO())
    if "variable" in how:
        monkeypatch.setenv(PROGRESS, how["variable"])
    shell = SimpleNamespace(kernel=object()) if how.get("notebook") else None
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))

    assert shows_progress(how.get("progress")) is shown


def test_a_wrong_word_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRESS, "maybe")
    with pytest.raises(IBMInputValueError, match=f"{PROGRESS} is 'maybe'; it can be on, off or auto"):
        shows_progress(None)


def test_without_tqdm_only_who_asks_is_told(
    run: Any, screen: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    from qiskit_rest_primitives.jobs import progress

    screen()
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(progress, "_has_tqdm", lambda: False)
    job = run()
    job.wait_for_final_state()
    with pytest.raises(ImportError, match=r"qiskit-rest-primitives\[progress\]"):
        job.wait_for_final_state(progress=True, callback=Seen())


# -- many jobs --------------------------------------------------------------------------------------------------------

MANY = 50


def wait_with_gather(jobs: list[RuntimeJobV2]) -> list[Any]:
    return gather(jobs, timeout=600)


def wait_with_await(jobs: list[RuntimeJobV2]) -> list[Any]:
    async def main() -> list[Any]:
        return list(await asyncio.gather(*jobs))

    return asyncio.run(main())


@pytest.mark.parametrize("wait", [wait_with_gather, wait_with_await])
def test_waiting_for_fifty_jobs_costs_one_question_at_a_time(
    wait: Callable[[list[RuntimeJobV2]], list[Any]],
    run: Any,
    director: Any,
    asked: list[str],
    wait_for: Callable[..., Any],
) -> None:
    director.hold()
    director.hold()
    jobs = [run() for _ in range(MANY)]
    found: list[list[Any]] = []
    asked.clear()
    waiting = threading.Thread(target=lambda: found.append(wait(jobs)))
    waiting.start()
    wait_for(lambda: asked.count("GET /jobs") >= 4, "a fourth look")
    meanwhile = list(asked)
    director.release.set()
    waiting.join(600)

    # One that is awaited alone is asked for its result, before the others come.
    assert meanwhile.count("GET /jobs") >= len(meanwhile) - 1
    assert len(found[0]) == MANY
    assert [result is job.result() for result, job in zip(found[0], jobs, strict=True)] == [True] * MANY
    looks = asked.count("GET /jobs")
    assert asked.count("GET /jobs/{id}") <= looks  # the last of them alone
    assert MANY <= asked.count("GET /jobs/{id}/results") <= MANY + 1
    assert len(asked) <= 2 * looks + MANY + 1


def test_gather_gives_results_in_order_and_errors_where_they_belong(run: Any, director: Any) -> None:
    director.fail("no luck")
    failed = run()
    director.taken()
    good = run(20)

    with pytest.raises(RuntimeJobFailureError, match="no luck"):
        gather([failed])
    first, second, third = gather([good, failed, good], return_exceptions=True)
    assert first is third is good.result()
    assert isinstance(second, RuntimeJobFailureError)
    assert gather([]) == []


def test_gather_ends_in_time_and_names_the_jobs_that_go_on(run: Any, director: Any) -> None:
    director.hold()
    held = run()
    director.taken()
    quick = run()
    quick.result()
    with pytest.raises(RuntimeJobTimeoutError, match=f"1 jobs were not finished.*{held.job_id()}"):
        gather([quick, held], timeout=1.0)
    assert quick.is_final


def test_a_batch_stands_for_all_of_its_jobs(directed: Any, coin: QuantumCircuit) -> None:
    with Batch(directed.backend("aer_simulator")) as batch:
        sampler = SamplerV2(mode=batch)
        jobs = [sampler.run([(coin, None, shots)]) for shots in (10, 20)]
    results = gather(batch, timeout=600)

    assert [result[0].data.meas.num_shots for result in results] == [10, 20]
    assert {job.job_id() for job in as_completed(batch)} == {job.job_id() for job in jobs}


def test_an_outage_is_survived(
    run: Any, director: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several jobs as of one: the list is asked for again."""
    from qiskit_rest_primitives.exceptions import RequestConnectionError
    from qiskit_rest_primitives.rest.messages import Failure

    director.hold()
    director.hold()
    jobs = [run(), run()]
    listed, troubles = watching.find_jobs, []

    def broken(*arguments: Any, **keywords: Any) -> Any:
        if len(troubles) < 2:
            failure = Failure(
                kind="connect", operation="GET /jobs", method="GET", path="/jobs", message="away"
            )
            troubles.append(RequestConnectionError("away", failure=failure))
            raise troubles[-1]
        director.release.set()
        return listed(*arguments, **keywords)

    monkeypatch.setattr(watching, "find_jobs", broken)

    assert len(gather(jobs, timeout=600)) == 2
    assert len(troubles) == 2


def test_a_wait_that_is_given_up_leaves_no_thread_behind(run: Any, director: Any, wait_for: Any) -> None:
    director.hold()
    job = run()

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job, 0.2)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(job, job), 0.2)

    asyncio.run(main())
    wait_for(
        lambda: not [thread for thread in threading.enumerate() if thread.name == "await job"], "their end"
    )
    assert not job.in_final_state()


# -- what happened when -----------------------------------------------------------------------------------------------


def test_a_timeline_tells_when_what_was_reached(run: Any) -> None:
    job = run()
    job.wait_for_final_state()
    before = job.timeline()
    assert (before.first_chunk, before.last_chunk, before.downloaded) == (None, None, None)
    job.result()
    line = job.timeline()

    moments = list(line.moments().values())
    assert len(moments) == 7
    assert moments == sorted(moments)
    assert all(moment.tzinfo is not None for moment in moments)
    assert line.created == line.queued == job.creation_date
    assert pickle.loads(pickle.dumps(job)).timeline() == line


def test_a_timeline_reads_well() -> None:
    stamps = {"created": "2026-11-29T09:00:00.25Z", "running": "2026-11-29T09:00:01.5Z", "finished": None}
    line = timeline_of(stamps, None, None)

    assert repr(line).startswith("<JobTimeline created 2026-11-29 ")
    assert repr(line).endswith("queued +0.000 s, running +1.250 s>")
    assert repr(JobTimeline()) == "<JobTimeline of nothing known>"
    assert replace(line, running=None) != line


def test_the_parts_of_a_job_have_one_timeline(directed: Any, coin: QuantumCircuit) -> None:
    sampler = SamplerV2(directed.backend("aer_simulator"), options={"program": "executor"})
    job = sampler.run([(coin, None, 10), (coin, None, 20)])
    job.result()
    line = job.timeline()

    assert len(line.moments()) == 7
    assert line.created is not None
    assert line.finished is not None
    assert line.created <= line.finished
