"""The life of a session, told the time by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_rest_primitives.server.jobs.sessions import Session


def new(mode: str = "dedicated", **changes: float) -> Session:
    times = {"interactive_ttl": 60, "max_ttl": 1000, "active_ttl": 1000, "start_ttl": 1800} | changes
    return Session("s", "crn", "device", mode, 0.0, **times)


def run_job(session: Session, start: float, stop: float) -> None:
    session.job_queued()
    session.job_started(start)
    session.job_finished(stop, stop - start)


def test_a_new_session_is_open_and_takes_jobs() -> None:
    session = new()

    assert (session.state, session.state_reason, session.takes_jobs) == ("open", "session_created", True)
    assert session.document(0.0)["timestamps"] == [
        {"status": "open", "timestamp": "1970-01-01T00:00:00.000000Z"}
    ]


def test_the_first_job_to_start_makes_it_active() -> None:
    session = new()
    session.job_queued()
    assert session.state == "open"

    session.job_started(5.0)

    assert session.state == "active"
    assert (session.started_at, session.activated_at, session.last_job_started) == (5.0, 5.0, 5.0)


def test_it_becomes_inactive_after_the_interactive_ttl_and_active_again_with_the_next_job() -> None:
    session = new()
    run_job(session, 1.0, 10.0)

    assert not session.tick(69.9)
    assert session.tick(75.0)
    assert (session.state, session.state_reason) == ("inactive", "session_inactivated_by_interactive_ttl")
    assert session.history[-1] == ("inactive", 70.0)

    session.job_queued()
    session.job_started(100.0)

    assert (session.state, session.started_at, session.activated_at) == ("active", 1.0, 100.0)


def test_it_stays_active_while_a_job_runs_or_waits() -> None:
    session = new()
    session.job_queued()
    session.job_queued()
    session.job_started(1.0)
    session.job_finished(2.0, 1.0)

    assert not session.tick(500.0)
    session.job_started(500.0)
    assert not session.tick(900.0)


def test_it_closes_at_max_ttl_counted_from_its_first_job() -> None:
    session = new(max_ttl=100, active_ttl=100)
    run_job(session, 50.0, 51.0)
    session.job_queued()

    assert session.tick(151.0)
    assert (session.state, session.state_reason, session.closed_at) == (
        "closed",
        "session_closed_by_max_ttl",
        150.0,
    )
    assert not session.takes_jobs


def test_a_long_gap_passes_through_inactive_to_closed_in_one_tick() -> None:
    session = new()
    run_job(session, 0.0, 1.0)

    session.tick(5000.0)

    assert [state for state, _ in session.history] == ["open", "active", "inactive", "closed"]
    assert [at for _, at in session.history] == [0.0, 0.0, 61.0, 1000.0]


def test_active_time_is_bounded_by_the_active_ttl_over_all_stretches() -> None:
    session = new(active_ttl=100)
    run_job(session, 0.0, 30.0)  # active until 90
    session.tick(95.0)
    session.job_queued()
    session.job_started(200.0)

    assert session.deadline() == 210.0
    session.tick(210.0)
    assert session.state == "closed"


def test_a_session_that_never_ran_a_job_closes_by_itself() -> None:
    session = new()

    assert session.deadline() == 1800.0
    session.tick(1800.0)
    assert (session.state, session.state_reason) == ("closed", "session_closed_unused")


def test_refusing_jobs_closes_an_empty_session_at_once() -> None:
    session = new()

    session.set_accepting(False, 7.0)

    assert (session.state, session.state_reason, session.closed_at) == ("closed", "session_closed_early", 7.0)


def test_refusing_jobs_lets_queued_and_running_ones_finish_first() -> None:
    session = new()
    session.job_queued()
    session.job_queued()
    session.job_started(1.0)
    session.set_accepting(False, 2.0)

    assert (session.state, session.takes_jobs) == ("active", False)
    session.job_finished(3.0, 2.0)
    assert session.state == "active"
    session.job_started(3.0)
    session.job_finished(4.0, 1.0)
    assert (session.state, session.closed_at) == ("closed", 4.0)


def test_a_closed_session_stays_closed_when_its_flag_flips_back() -> None:
    session = new()
    session.set_accepting(False, 1.0)

    session.set_accepting(True, 2.0)

    assert session.document(0.0)["accepting_jobs"] is True
    assert (session.state, session.takes_jobs) == ("closed", False)


def test_a_draining_session_that_takes_jobs_again_lives_on() -> None:
    session = new()
    session.job_queued()
    session.job_started(1.0)
    session.set_accepting(False, 2.0)
    session.set_accepting(True, 3.0)
    session.job_finished(4.0, 3.0)

    assert (session.state, session.takes_jobs) == ("active", True)


def test_dropping_the_last_waiting_job_of_a_draining_session_closes_it() -> None:
    session = new()
    session.job_queued()
    session.set_accepting(False, 1.0)
    session.job_dropped(2.0)

    assert session.closed


@pytest.mark.parametrize(("mode", "expected"), [("dedicated", 30.0 + 70.0), ("batch", 10.0 + 5.0)])
def test_usage_is_wall_clock_for_dedicated_and_job_time_for_batch(mode: str, expected: float) -> None:
    session = new(mode, interactive_ttl=20)
    run_job(session, 0.0, 10.0)
    session.tick(40.0)  # inactive at 30
    session.job_queued()
    session.job_started(100.0)
    session.job_finished(105.0, 5.0)
    assert session.elapsed(106.0) == {"dedicated": 30.0 + 6.0, "batch": 10.0 + 5.0}[mode]

    session.job_queued()
    session.close(170.0, "session_cancelled")

    assert session.elapsed(200.0) == expected


def test_there_is_no_usage_before_a_job_has_ended() -> None:
    """Faults B (usage after jobs ran)."""
    session = new()
    session.job_queued()
    session.job_started(1.0)
    assert session.elapsed(5.0) is None
    session.job_finished(6.0, 5.0)
    assert session.elapsed(6.0) == 5.0


def test_closing_twice_changes_nothing() -> None:
    session = new()
    session.close(1.0, "session_cancelled")
    session.close(2.0, "session_closed_early")

    assert (session.closed_at, session.state_reason, len(session.history)) == (1.0, "session_cancelled", 2)


def test_dump_and_load_are_inverse() -> None:
    session = new("batch")
    run_job(session, 1.0, 2.0)

    assert Session.load(session.dump()) == session


def test_a_session_whose_server_was_killed_goes_on_with_what_is_left() -> None:
    busy, idle, draining = new(), new(), new()
    for session in (busy, idle, draining):
        session.job_queued()
        session.job_started(1.0)
    draining.set_accepting(False, 2.0)

    busy.resume(1, 10.0)
    idle.resume(0, 10.0)
    draining.resume(0, 10.0)

    assert (busy.waiting, busy.running, busy.deadline()) == (1, 0, 1001.0)
    assert idle.deadline() == 70.0
    assert draining.closed


@given(
    st.sampled_from(["dedicated", "batch"]),
    st.lists(
        st.tuples(
            st.sampled_from(["queue", "start", "finish", "drop", "accept", "refuse", "close", "tick"]),
            st.floats(0, 700),
        ),
        max_size=40,
    ),
)
def test_whatever_happens_a_session_stays_sound(mode: str, steps: list[tuple[str, float]]) -> None:
    session, now = new(mode), 0.0
    for what, seconds in steps:
        now += seconds
        session.tick(now)
        before = (session.state, len(session.history))
        if what == "queue" and session.takes_jobs:
            session.job_queued()
        elif what == "start" and session.waiting and not session.closed:
            session.job_started(now)
        elif what == "finish" and session.running:
            session.job_finished(now, 1.0)
        elif what == "drop" and session.waiting:
            session.job_dropped(now)
        elif what in ("accept", "refuse"):
            session.set_accepting(what == "accept", now)
        elif what == "close":
            session.close(now, "session_cancelled")

        session.tick(now)
        due = session.deadline()
        times = [at for _, at in session.history]
        assert due is None or due > now
        assert times == sorted(times)
        assert times[-1] <= now
        assert session.waiting >= 0
        assert session.running >= 0
        ended = session.closed or session.last_job_completed is not None
        assert (session.elapsed(now) is not None) is ended
        assert (session.elapsed(now) or 0) <= now + len(steps)
        assert before[0] != "closed" or (session.state, len(session.history)) == before
        assert Session.load(session.dump()) == session
