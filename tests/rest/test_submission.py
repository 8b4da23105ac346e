"""Exactly once: whatever happens to the POST, one submission makes one job."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.connect import connect
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.rest.lookup import reserved_tags, submission_of, visible_tags
from qiskit_rest_primitives.rest.messages import ExchangeError, FailedAttempt, Failure, FailureError, Response
from qiskit_rest_primitives.rest.retry import RetryPolicy
from qiskit_rest_primitives.rest.submission import Submissions, verdict_of
from qiskit_rest_primitives.rest.transport import Transport

BODY = {"program_id": "sampler", "backend": "b", "params": {"pubs": [["x"]], "version": 2}, "tags": ["mine"]}
FAST = RetryPolicy(attempts=5, base=0.005, cap=0.02)
REFUSED = ExchangeError("nobody listens", kind="connect", sent=False)
RESET = ExchangeError("the connection broke", kind="broken", sent=True)
SILENT = ExchangeError("no complete answer in time", kind="timeout", sent=True)


@pytest.fixture
def api(job_service: Any) -> Any:
    """An Api to the counting service, with short pauses."""
    account = Account(
        token="key", url=job_service.url, instance="crn:v1:b:p:quantum-computing:us-east:a/x:guid::"
    )
    api = connect(account, retry=FAST)
    api.submissions = Submissions(api.transport, settle=0.03)
    return api


def drop(times: int) -> Callable[[Any], Any]:
    """Cut the connection instead of answering, so many times."""
    left = [times]

    def meddle(handler: Any) -> Any:
        if left[0] <= 0:
            return None
        left[0] -= 1
        handler.drop()
        return "dropped"

    return meddle


def answer(times: int, status: int, **headers: str) -> Callable[[Any], Any]:
    """Answer with an error, so many times."""
    left = [times]

    def meddle(handler: Any) -> Any:
        if left[0] <= 0:
            return None
        left[0] -= 1
        handler.answer(status, {"errors": [{"code": "1", "message": "sorry"}]}, **headers)
        return "answered"

    return meddle


def raw(text: bytes) -> Callable[[Any], Any]:
    """Answer 200 with a body that is no job, once."""
    left = [1]

    def meddle(handler: Any) -> Any:
        if not left[0]:
            return None
        left[0] = 0
        handler.wfile.write(text)
        handler.drop()
        return "answered"

    return meddle


TROUBLES: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "dropped": lambda: drop(2),
    "429": lambda: answer(3, 429),
    "429-with-retry-after": lambda: answer(2, 429, Retry_After="0.01"),
    "408": lambda: answer(2, 408),
    "500": lambda: answer(2, 500),
    "502": lambda: answer(2, 502),
    "503": lambda: answer(2, 503),
    "504": lambda: answer(2, 504),
    "520": lambda: answer(2, 520),
    "truncated": lambda: raw(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"id": "j'),
    "empty": lambda: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "html": lambda: raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    "no-id": lambda: raw(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"ok": 1}'),
    "headers-cut": lambda: raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
}
"""What happens to a POST; functions, because each counts down."""


@pytest.mark.parametrize(
    ("trouble", "when"),
    [
        (trouble, when)
        for trouble in TROUBLES
        for when in ("before", "after")
        if not (trouble.startswith("429") and when == "after")  # a service that counts does not accept
    ],
)
def test_one_submission_makes_one_job(api: Any, job_service: Any, trouble: str, when: str) -> None:
    setattr(job_service, when, TROUBLES[trouble]())

    record = api.create_job(BODY)

    assert list(job_service.jobs) == [record.id]
    assert visible_tags(job_service.jobs[record.id]["tags"]) == ["mine"]
    assert job_service.cancelled == []


def test_without_trouble_there_is_one_request(api: Any, job_service: Any) -> None:
    record = api.create_job(BODY)

    assert job_service.calls == ["POST /identity/token", "POST /jobs"]
    assert (record.id, record.backend, record.program_id) == ("job00000", "b", "sampler")
    assert visible_tags(record.tags) == ["mine"]
    assert BODY["tags"] == ["mine"]


def test_the_identifier_travels_in_header_and_tag(api: Any, job_service: Any) -> None:
    keys: list[str] = []
    job_service.before = lambda handler: keys.append(handler.headers["Idempotency-Key"])

    record = api.create_job(BODY)

    assert submission_of(record.tags) == keys[0]
    assert reserved_tags(record.tags) == [f"qrp-sub-{keys[0]}"]
    assert len(reserved_tags(record.tags)[0]) <= 86


def test_every_attempt_sends_the_same_bytes(api: Any, job_service: Any) -> None:
    seen: list[tuple[str, bytes]] = []
    trouble = drop(2)

    def meddle(handler: Any) -> Any:
        seen.append((handler.headers["Idempotency-Key"], handler.body))
        return trouble(handler)

    job_service.before = meddle
    api.create_job(BODY)

    assert len(seen) == 3
    assert len(set(seen)) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422])
def test_a_refusal_is_final_and_leaves_no_job(api: Any, job_service: Any, status: int) -> None:
    job_service.before = answer(99, status)

    with pytest.raises(FailureError) as caught:
        api.create_job(BODY)

    assert (caught.value.failure.status, caught.value.failure.kind) == (status, "status")
    assert caught.value.failure.submission_id
    assert job_service.calls.count("POST /jobs") == 1
    assert job_service.jobs == {}


def test_a_refusal_after_an_acceptance_that_got_lost_adopts_the_job(api: Any, job_service: Any) -> None:
    """The session may close between the attempts; the first one still made a job."""
    job_service.after = drop(1)
    hidden = job_service.jobs

    def late(handler: Any) -> Any:
        if handler.headers["X-Never"] or job_service.calls.count("POST /jobs") < 2:
            return None
        handler.answer(400, {"errors": [{"code": 1217, "message": "Session has been closed."}]})
        return "answered"

    job_service.before = late
    # The list shows the job only once the second POST was refused.
    job_service.jobs = Hidden(hidden, until=lambda: job_service.calls.count("POST /jobs") >= 2)

    record = api.create_job(BODY)

    assert record.id == "job00000"
    assert len(hidden) == 1


class Hidden(dict[str, Any]):
    """Jobs that the service's list does not show yet."""

    def __init__(self, inner: dict[str, Any], until: Callable[[], bool]) -> None:
        super().__init__(inner)
        self.inner, self.until = inner, until

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.inner[key] = value

    def values(self) -> Any:
        return super().values() if self.until() else [].__iter__()


def test_a_job_that_shows_up_late_leads_to_one_job_and_the_younger_is_cancelled(
    api: Any, job_service: Any
) -> None:
    job_service.after = drop(1)
    job_service.jobs = Hidden({}, until=lambda: job_service.calls.count("POST /jobs") >= 2)

    record = api.create_job(BODY)

    assert record.id == "job00000"
    assert job_service.cancelled == ["job00001"]


def test_rate_limits_are_waited_out_beyond_the_number_of_attempts(api: Any, job_service: Any) -> None:
    job_service.before = answer(12, 429)

    api.create_job(BODY)

    assert job_service.calls.count("POST /jobs") == 13
    assert job_service.calls.count("GET /jobs") == 0


EIGHT = [f"t{number}" for number in range(8)]


def test_the_last_of_eight_tags_makes_room_until_the_job_is_known(api: Any, job_service: Any) -> None:
    job_service.create({**BODY, "tags": EIGHT})
    job_service.after = drop(1)

    record = api.create_job({**BODY, "tags": EIGHT})

    assert record.id == "job00001"
    assert len(job_service.jobs) == 2
    assert list(record.tags) == job_service.jobs[record.id]["tags"] == EIGHT
    assert job_service.calls.count("PUT /jobs/job00001/tags") == 1


def test_equal_submissions_with_eight_tags_are_told_apart(api: Any, job_service: Any) -> None:
    job_service.after = drop(8)
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(api.create_job({**BODY, "tags": EIGHT}).id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made) == sorted(job_service.jobs)
    assert len(made) == 8


def test_tags_that_cannot_be_set_are_a_warning_and_not_a_lost_job(
    api: Any, job_service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job_service.refuse_tags = True

    record = api.create_job({**BODY, "tags": EIGHT})

    assert visible_tags(record.tags) == EIGHT[:7]
    assert f"job {record.id} lacks its last tag" in caplog.text


def test_a_submission_whose_tag_made_room_again_is_found_through_the_journal(
    api: Any, job_service: Any, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    submissions = Submissions(api.transport, journal=journal, new_id=lambda: "the-id")
    record = submissions.submit({**BODY, "tags": EIGHT})

    found = submissions.find("the-id")

    assert found is not None
    assert found.id == record.id
    journal.shut()


def test_many_threads_make_as_many_jobs(api: Any, job_service: Any) -> None:
    lost = [drop(5), answer(5, 502), drop(5)]
    lock = threading.Lock()

    def lose(handler: Any) -> Any:
        with lock:
            lost.append(lost.pop(0))
            return lost[0](handler)

    limited = answer(9, 429)

    def limit(handler: Any) -> Any:
        with lock:
            return limited(handler)

    job_service.before, job_service.after = limit, lose
    made: list[str] = []

    def work() -> None:
        made.extend(api.create_job(BODY).id for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    living = set(job_service.jobs) - set(job_service.cancelled)
    assert len(made) == len(set(made)) == 40
    assert set(made) == living


class Script:
    """A transport over scripted answers to POST and to the look-up."""

    def __init__(self, posts: list[Any], lists: list[Any], fake_time: Any) -> None:
        self.posts, self.lists, self.cancels = posts, lists, []
        self.calls: list[str] = []
        self.transport = Transport(
            "https://quantum.example",
            self,
            retry=RetryPolicy(attempts=3, base=1.0),
            clock=fake_time.clock,
            sleep=fake_time.sleep,
            random=lambda: 0.0,
        )
        self.fake_time = fake_time

    def __call__(self, outgoing: Any) -> Response:
        self.calls.append(outgoing.method)
        queue = self.posts if outgoing.method == "POST" else self.lists
        outcome = queue.pop(0) if len(queue) > 1 else queue[0]
        self.fake_time.now += 0.1
        if isinstance(outcome, ExchangeError):
            raise outcome
        return outcome


def jobs(*ids: str, tag: str = "qrp-sub-the-id") -> Response:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    items = [
        {"id": key, "tags": [tag], "created": (start + timedelta(seconds=number)).isoformat()}
        for number, key in enumerate(ids)
    ]
    return Response(200, {}, json.dumps({"jobs": items[::-1], "count": len(items)}).encode())


NONE = jobs()
SICK = Response(503, {}, b"")
MADE = Response(200, {}, b'{"id": "made"}')


def test_nothing_is_sent_again_before_the_service_was_asked(fake_time: Any) -> None:
    script = Script([SILENT, MADE], [NONE], fake_time)

    record = Submissions(script.transport, settle=2.0).submit(BODY)

    assert record.id == "made"
    assert script.calls == ["POST", "GET", "GET", "GET", "POST", "GET"]
    assert sum(fake_time.pauses[:3]) == pytest.approx(2.0)


def test_a_service_that_cannot_be_asked_leaves_the_outcome_unknown(fake_time: Any, tmp_path: Any) -> None:
    script = Script([RESET], [SICK], fake_time)
    journal = Journal(tmp_path / "journal.sqlite")

    with pytest.raises(FailureError) as caught:
        Submissions(script.transport, journal=journal).submit(BODY, timeout=60.0)

    failure = caught.value.failure
    assert failure.kind == "unknown-outcome"
    assert failure.submission_id is not None
    assert failure.submission_id in str(failure.solution)
    assert script.calls.count("POST") == 1
    assert fake_time.now < 1000.0 + 61.0
    assert [(entry.id, entry.state) for entry in journal.unfinished()] == [(failure.submission_id, "unknown")]


def test_attempts_that_stay_in_the_dark_end_as_unknown(fake_time: Any) -> None:
    script = Script([SICK], [NONE], fake_time)

    with pytest.raises(FailureError) as caught:
        Submissions(script.transport).submit(BODY)

    assert caught.value.failure.kind == "unknown-outcome"
    assert script.calls.count("POST") == 3


def test_nobody_listening_is_an_error_that_promises_that_there_is_no_job(
    fake_time: Any, tmp_path: Any
) -> None:
    script = Script([REFUSED], [NONE], fake_time)
    journal = Journal(tmp_path / "journal.sqlite")

    with pytest.raises(FailureError) as caught:
        Submissions(script.transport, journal=journal).submit(BODY)

    assert caught.value.failure.kind == "connect"
    assert script.calls == ["POST"] * 3
    assert journal.unfinished() == []


def test_a_submission_can_be_settled_later(fake_time: Any, tmp_path: Any) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    script = Script([RESET], [SICK], fake_time)
    submissions = Submissions(script.transport, journal=journal, new_id=lambda: "the-id")
    with pytest.raises(FailureError) as caught:
        submissions.submit(BODY, timeout=10.0)
    identifier = str(caught.value.failure.submission_id)
    script.lists = [NONE, jobs("old", "young")]
    script.posts = [Response(204, {})]

    assert submissions.find(identifier) is None
    found = submissions.find(identifier)

    assert found is not None
    assert found.id == "old"
    assert script.calls[-1] == "POST"  # the younger was cancelled
    assert [(entry.state, entry.job_id) for entry in journal.unfinished()] == [("accepted", "old")]


def test_a_service_that_ignores_the_filter_gives_us_no_strangers(fake_time: Any) -> None:
    script = Script([RESET, MADE], [jobs("stranger", "another", tag="qrp-sub-other")], fake_time)
    submissions = Submissions(script.transport)

    assert submissions.submit(BODY).id == "made"
    assert submissions.find("the-id") is None
    assert script.calls.count("POST") == 2  # nothing was cancelled


def test_the_journal_knows_of_a_submission_before_it_is_sent(fake_time: Any, tmp_path: Any) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    states: list[Any] = []

    def send(outgoing: Any) -> Response:
        states.extend((entry.state, entry.kept) for entry in journal.unfinished())
        return MADE

    Submissions(Transport("https://q.example", send), journal=journal).submit(
        {**BODY, "private": True}, kept="map"
    )

    assert states == [("sending", "map")]
    entry = journal.of_job("made")
    assert entry is not None
    assert (entry.state, entry.kept, entry.url) == ("accepted", "map", "https://q.example")


def test_an_interrupted_submission_stays_in_the_journal(tmp_path: Any) -> None:
    journal = Journal(tmp_path / "journal.sqlite")

    def send(outgoing: Any) -> Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="find_submission"):
        Submissions(Transport("https://q.example", send), journal=journal).submit(BODY)

    assert [entry.state for entry in journal.unfinished()] == ["sending"]


def failed(kind: Any, *, status: int | None = None, sent: bool = True) -> FailedAttempt:
    return FailedAttempt(Failure(kind, "POST /jobs", "POST", "/jobs", "x", status=status), sent=sent)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (failed("connect", sent=False), "not-processed"),
        (failed("timeout", sent=False), "not-processed"),
        (failed("deadline", sent=False), "not-processed"),
        (failed("connect"), "unknown"),
        (failed("timeout"), "unknown"),
        (failed("deadline"), "unknown"),
        (failed("body", status=200), "unknown"),
        (failed("status", status=429), "not-processed"),
        (failed("status", status=408), "unknown"),
        (failed("status", status=500), "unknown"),
        (failed("status", status=501), "unknown"),
        (failed("status", status=503), "unknown"),
        (failed("status", status=400), "refused"),
        (failed("status", status=401), "refused"),
        (failed("status", status=409), "refused"),
        (failed("status", status=302), "refused"),
        (failed("auth", status=400, sent=False), "refused"),
        (failed("refused", sent=False), "refused"),
    ],
)
def test_what_a_setback_means_for_the_job(outcome: FailedAttempt, verdict: str) -> None:
    assert verdict_of(outcome) == verdict


def test_reserved_tags_are_kept_apart() -> None:
    tags = ("a", "qrp-sub-0123", "qrp", "b")

    assert visible_tags(tags) == ["a", "qrp", "b"]
    assert reserved_tags(tags) == ["qrp-sub-0123"]
    assert submission_of(tags) == "0123"
    assert submission_of(("a",)) is None
