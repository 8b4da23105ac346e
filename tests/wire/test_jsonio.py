"""JSON bodies: strict in what is written, tolerant in what is read."""

from __future__ import annotations

import math
import pickle
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_rest_primitives.wire import jsonio
from qiskit_rest_primitives.wire.jsonio import DecodeError, below

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_values_come_back_as_they_were(value: object) -> None:
    body = jsonio.dumps(value)

    assert body.isascii()
    assert jsonio.loads(body) == value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_json_lacks_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        jsonio.dumps({"a": [number]})


def test_a_number_json_lacks_is_spelled_on_demand() -> None:
    body = jsonio.dumps({"a": [math.nan, (math.inf, -math.inf), 1.5]}, spell_nonfinite=True)

    assert body == b'{"a":[null,["infinity","-infinity"],1.5]}'


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_a_byte_order_mark_and_blanks_are_tolerated(prefix: bytes) -> None:
    assert jsonio.loads(prefix + b'{"a": 1}') == {"a": 1}
    assert jsonio.loads((prefix + b'{"a": 1}').decode()) == {"a": 1}


def test_bare_words_for_numbers_are_read() -> None:
    nan, plus, minus = jsonio.loads(b"[NaN, Infinity, -Infinity]")

    assert math.isnan(nan)
    assert (plus, minus) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b'{"results": [', "ends early"),
        (b'{"results": [}', "not JSON"),
        (b"Traceback (most recent call last)", "not JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[" * 200_000, "too deeply"),
        (b"1" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_json_says_why(body: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem) as caught:
        jsonio.loads(body)

    assert caught.value.path == "$"
    assert len(str(caught.value)) < 300


def test_paths_are_spelled_like_json_path() -> None:
    path = below(below(below(below("$", "results"), 0), "data"), "my-reg")

    assert path == '$.results[0].data["my-reg"]'


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(DecodeError("it broke", "$.a")))

    assert (error.problem, error.path, str(error)) == ("it broke", "$.a", "$.a: it broke")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05.678901+00:00", datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, 0, timezone.utc)),
        ("2026-01-02T03:04:05.6Z", datetime(2026, 1, 2, 3, 4, 5, 600000, timezone.utc)),
        ("2026-01-02T03:04:05.678901234", datetime(2026, 1, 2, 3, 4, 5, 678901)),
        ("2026-01-02T03:04:05-05:00", datetime(2026, 1, 2, 3, 4, 5, 0, timezone(timedelta(hours=-5)))),
        ("2026-01-02", datetime(2026, 1, 2)),
    ],
)
def test_dates_of_every_spelling_are_read(text: str, expected: datetime) -> None:
    assert jsonio.load_datetime(text) == expected


@given(st.datetimes(timezones=st.sampled_from([None, timezone.utc])))
def test_datetimes_come_back_as_they_were(value: datetime) -> None:
    assert jsonio.load_datetime(value.isoformat()) == value


@pytest.mark.parametrize("value", [None, 5, "yesterday", "2026-13-01", ["2026-01-02"]])
def test_no_date_is_an_error_with_its_path(value: object) -> None:
    with pytest.raises(DecodeError) as caught:
        jsonio.load_datetime(value, path="$.start")

    assert caught.value.path == "$.start"
