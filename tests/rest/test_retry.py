"""Decisions about trying again: pure, so every rule is a table."""

from __future__ import annotations

import pytest

from qiskit_rest_primitives.rest.messages import Request
from qiskit_rest_primitives.rest.retry import ONCE, RetryPolicy, repeatable, retry_after

POLICY = RetryPolicy(attempts=4, base=0.5, cap=4.0, patience=60.0)


def pause(attempt: int = 1, **facts: object) -> float | None:
    known = {"repeatable": True, "status": None, "headers": {}, "sent": True, "jitter": 0.0}
    return POLICY.pause(attempt, **{**known, **facts})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])
def test_transient_answers_to_repeatable_requests_are_tried_again(status: int) -> None:
    assert pause(status=status) == 0.5


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 423, 501, 505])
def test_answers_about_the_request_itself_are_final(status: int) -> None:
    assert pause(status=status) is None
    assert pause(status=status, sent=False) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_server_errors_to_other_posts_are_final(status: int) -> None:
    assert pause(status=status, repeatable=False) is None


def test_a_rate_limit_promises_that_nothing_happened() -> None:
    assert pause(status=429, repeatable=False) == 0.5


@pytest.mark.parametrize(
    ("is_repeatable", "sent", "expected"),
    [(True, True, 0.5), (True, False, 0.5), (False, False, 0.5), (False, True, None)],
)
def test_without_an_answer_it_counts_whether_the_request_may_have_arrived(
    is_repeatable: bool, sent: bool, expected: float | None
) -> None:
    assert pause(repeatable=is_repeatable, sent=sent) == expected


def test_attempts_are_counted() -> None:
    assert [pause(number) is None for number in (1, 2, 3, 4, 5)] == [False, False, False, True, True]
    assert ONCE.pause(1, repeatable=True, status=503, headers={}, sent=True, jitter=0.0) is None


def test_pauses_double_up_to_the_cap() -> None:
    policy = RetryPolicy(attempts=10**6, base=0.5, cap=4.0)

    pauses = [policy.delay(number, headers={}, jitter=0.0) for number in (1, 2, 3, 4, 5, 100_000)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize("number", [1, 3, 9])
def test_jitter_takes_off_at_most_a_half(number: int) -> None:
    longest = POLICY.delay(number, headers={}, jitter=0.0)
    shortest = POLICY.delay(number, headers={}, jitter=0.999999)

    assert longest is not None
    assert shortest == pytest.approx(longest / 2, rel=1e-5)


def test_retry_after_is_obeyed_and_never_undercut() -> None:
    assert pause(status=429, headers={"retry-after": "12"}) == 12.0
    assert 12.0 < (pause(status=429, headers={"retry-after": "12"}, jitter=0.9) or 0) < 13.0
    assert pause(status=503, headers={"retry-after": "0"}) == 0.0


def test_a_retry_after_beyond_patience_is_left_to_the_caller() -> None:
    assert pause(status=429, headers={"retry-after": "61"}) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    headers = {"retry-after": value, "date": "Wed, 21 Oct 2026 07:28:00 GMT"}

    assert retry_after(headers) == seconds


def test_a_retry_after_date_without_a_date_to_compare_with_is_ignored() -> None:
    assert retry_after({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}) is None


@pytest.mark.parametrize(
    ("method", "operation", "expected"),
    [
        ("GET", "GET /jobs", True),
        ("PUT", "PUT /jobs/{id}/tags", True),
        ("DELETE", "DELETE /jobs/{id}", True),
        ("PATCH", "PATCH /sessions/{id}", True),
        ("POST", "POST /jobs/{id}/cancel", True),
        ("POST", "POST /identity/token", True),
        ("POST", "POST /jobs", False),
        ("POST", "POST /sessions", True),
        ("POST", "POST /transpile", True),
        ("POST", "POST /programs", True),
    ],
)
def test_what_may_take_effect_twice(method: str, operation: str, expected: bool) -> None:
    assert repeatable(Request(method, "/x", operation)) is expected
