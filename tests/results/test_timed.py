"""What execution spans and the timing of chunks have in common."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from qiskit_rest_primitives.results.execution_spans import ExecutionSpans, SliceSpan
from qiskit_rest_primitives.results.quantum_program import ChunkSpan, ChunkTiming

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
EARLY = (NOON, NOON + timedelta(seconds=5))
LATE = (NOON + timedelta(seconds=1), NOON + timedelta(seconds=3))
LISTS = {
    "execution spans": ExecutionSpans([SliceSpan(*LATE, {}), SliceSpan(*EARLY, {})]),
    "chunks": ChunkTiming([ChunkSpan(*LATE, []), ChunkSpan(*EARLY, [])]),
}


@pytest.mark.parametrize("windows", LISTS.values(), ids=LISTS)
def test_the_whole_reaches_from_the_first_beginning_to_the_last_end(
    windows: ExecutionSpans | ChunkTiming,
) -> None:
    assert len(windows) == 2
    assert (windows.start, windows.stop) == EARLY
    assert windows.duration == 5.0
    assert [window.start for window in windows] == [LATE[0], EARLY[0]]


@pytest.mark.parametrize("kind", [ExecutionSpans, ChunkTiming])
def test_no_windows_have_no_time(kind: type[ExecutionSpans] | type[ChunkTiming]) -> None:
    nothing = kind([])

    assert len(nothing) == 0
    for question in ("start", "stop", "duration"):
        with pytest.raises(ValueError, match=r"empty|arg"):
            getattr(nothing, question)


def test_lists_of_different_kinds_are_different() -> None:
    spans, chunks = LISTS.values()

    assert spans == ExecutionSpans(spans)
    assert chunks == ChunkTiming(chunks)
    assert spans != chunks
    assert ExecutionSpans([]) != ChunkTiming([])
    assert repr(ChunkTiming([])) == "ChunkTiming([])"
