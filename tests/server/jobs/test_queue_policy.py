"""Whose turn it is."""

from __future__ import annotations

from qiskit_rest_primitives.server.jobs.queue_policy import next_job
from qiskit_rest_primitives.server.jobs.sessions import Session
from qiskit_rest_primitives.server.jobs.store import Job


def job(name: str, session: str | None = None, backend: str = "d") -> Job:
    return Job(name, "crn", "sampler", backend, 0.0, 600, session_id=session)


def session(name: str, mode: str, *, active: bool) -> Session:
    made = Session(name, "crn", "d", mode, 0.0, 60, 1000, 1000, 1800)
    if active:
        made.job_queued()
        made.job_started(1.0)
        made.job_finished(2.0, 1.0)
    return made


def turn(waiting: list[Job], running: list[Job], *sessions: Session, exclusive: bool = True) -> str | None:
    chosen = next_job(waiting, running, {item.id: item for item in sessions}, exclusive=exclusive)
    return None if chosen is None else chosen.id


def test_the_oldest_goes_first() -> None:
    assert turn([job("a"), job("b")], []) == "a"
    assert turn([], []) is None


def test_an_active_sessions_job_overtakes() -> None:
    assert turn([job("a", backend="e"), job("b", "s")], [], session("s", "dedicated", active=True)) == "b"
    assert turn([job("a"), job("b", "s")], [], session("s", "batch", active=True)) == "b"
    assert turn([job("a"), job("b", "s")], [], session("s", "batch", active=False)) == "a"


def test_an_active_dedicated_session_holds_its_device() -> None:
    owner = session("s", "dedicated", active=True)

    assert turn([job("a"), job("b", "batch")], [], owner, session("batch", "batch", active=True)) is None
    assert turn([job("a"), job("b", backend="e")], [], owner) == "b"
    assert turn([job("a")], [], owner, exclusive=False) == "a"


def test_a_dedicated_session_waits_for_the_others_and_holds_back_who_comes_later() -> None:
    waiting = [job("a", "s"), job("b")]
    fresh = session("s", "dedicated", active=False)

    assert turn(waiting, [job("r")], fresh) is None
    assert turn(waiting, [job("r", backend="e")], fresh) == "a"
    assert turn(waiting, [job("r", "s")], fresh) == "a"


def test_two_dedicated_sessions_take_turns() -> None:
    first, second = session("s", "dedicated", active=True), session("t", "dedicated", active=False)

    assert turn([job("a", "t")], [], first, second) is None
    first.tick(62.0)
    assert turn([job("a", "t")], [], first, second) == "a"
