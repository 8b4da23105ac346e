"""Times as text: read as every service writes them, written in one way, and in one place."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import qiskit_rest_primitives
from qiskit_rest_primitives._time import Deadline, format_time, parse_time, seconds_in, time_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-21T10:00:00Z", datetime(2026, 8, 21, 10, tzinfo=timezone.utc)),
        ("2026-08-21T12:00:00+02:00", datetime(2026, 8, 21, 10, tzinfo=timezone.utc)),
        ("2026-08-21T10:00:00", datetime(2026, 8, 21, 10, tzinfo=timezone.utc)),
        ("2026-08-21T10:00:00.12345Z", datetime(2026, 8, 21, 10, 0, 0, 123450, tzinfo=timezone.utc)),
        ("2026-08-21T10:00:00.123456789Z", datetime(2026, 8, 21, 10, 0, 0, 123456, tzinfo=timezone.utc)),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_as_utc(text: str | None, expected: datetime | None) -> None:
    assert parse_time(text) == expected


def test_times_round_trip() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-7)))

    assert parse_time(format_time(moment)) == moment


def test_seconds_since_the_epoch_are_written_alike() -> None:
    assert time_text(1.5) == "1970-01-01T00:00:01.500000Z"
    assert (time_text(None), format_time(None)) == (None, None)


@pytest.mark.parametrize("text", ["", "25", "25 months", "1h 30", "x 1h", "1h x", "-5m", "1.5h", "m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds_in(text)


def test_a_deadline_runs_out_and_leaves_no_less_than_asked() -> None:
    assert Deadline(None).left(3.0) is None
    assert Deadline(0).left() == 0
    assert Deadline(-5).left(0.25) == 0.25
    assert 50 < Deadline(100).left() <= 100  # type: ignore[operator]


def test_times_are_read_in_one_module() -> None:
    package = Path(qiskit_rest_primitives.__file__).parent
    uses = re.compile(r"datetime\.(now|utcnow|fromisoformat|strptime)\(")

    assert [path.name for path in package.rglob("*.py") if uses.search(path.read_text())] == ["_time.py"]
