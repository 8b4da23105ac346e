"""Execution spans: they behave like the official ones, and hold what the service says."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from qiskit_ibm_runtime import execution_span as official
from qiskit_ibm_runtime.visualization import draw_execution_spans as official_figure

from qiskit_rest_primitives.results import execution_spans as ours
from qiskit_rest_primitives.visualization.spans import draw_execution_spans

START = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc)
STOP = START + timedelta(seconds=1.5)
CASES: dict[str, list[dict[int, tuple[Any, ...]]]] = {
    "SliceSpan": [
        {0: ((3,), slice(0, 2)), 2: ((2, 5), slice(3, 9))},
        {1: ((), slice(0, 1))},
        {},
    ],
    "DoubleSliceSpan": [
        {0: ((3,), slice(0, 1), slice(0, 3))},
        {0: ((4, 2, 10), slice(2, 7), slice(3, 6)), 3: ((100,), slice(0, 1), slice(99, 120))},
        {0: ((0, 10), slice(0, 0), slice(0, 10))},
    ],
    "TwirledSliceSpan": [
        {0: ((4, 5, 10), True, slice(0, 10), slice(3, 6)), 1: ((5, 4, 10), False, slice(4, 9), slice(0, 10))},
        {0: ((3, 10), True, slice(0, 2), slice(0, 10))},
        {0: ((3, 2, 5, 10), True, slice(7, 20), slice(1, 2))},
    ],
    "TwirledSliceSpanV2": [
        {
            0: ((4, 5, 10), True, slice(0, 10), slice(3, 6), 35),
            1: ((5, 4, 10), False, slice(4, 9), slice(0, 10), 40),
        },
        {0: ((3, 10), False, slice(0, 3), slice(0, 10), 25)},
    ],
}
EVERY = [(name, parts) for name, cases in CASES.items() for parts in cases]


def pair(name: str, parts: dict[int, tuple[Any, ...]]) -> tuple[Any, Any]:
    return getattr(ours, name)(START, STOP, parts), getattr(official, name)(START, STOP, parts)


@pytest.mark.parametrize(("name", "parts"), EVERY)
def test_masks_and_facts_equal_the_official_ones(name: str, parts: dict[int, tuple[Any, ...]]) -> None:
    mine, theirs = pair(name, parts)

    assert (mine.start, mine.stop, mine.duration, mine.pub_idxs) == (
        theirs.start,
        theirs.stop,
        theirs.duration,
        theirs.pub_idxs,
    )
    for index in parts:
        np.testing.assert_array_equal(mine.mask(index), theirs.mask(index))
        assert mine.mask(index).dtype == np.bool_
    assert mine.size == sum(theirs.mask(index).sum() for index in parts)
    assert mine.contains_pub(0) == theirs.contains_pub(0)
    assert mine.contains_pub([7, 1]) == theirs.contains_pub([7, 1])


@pytest.mark.parametrize(("name", "parts"), [case for case in EVERY if case[0] != "TwirledSliceSpanV2"])
def test_the_text_equals_the_official_one(name: str, parts: dict[int, tuple[Any, ...]]) -> None:
    mine, theirs = pair(name, parts)

    assert repr(mine) == repr(theirs)
    assert repr(ours.ExecutionSpans([mine])) == repr(official.ExecutionSpans([theirs]))


@pytest.mark.parametrize(("name", "parts"), EVERY)
def test_filtering_keeps_class_times_and_the_chosen_pubs(
    name: str, parts: dict[int, tuple[Any, ...]]
) -> None:
    span = getattr(ours, name)(START, STOP, parts)

    chosen = span.filter_by_pub(0)

    assert type(chosen) is type(span)
    assert chosen.pub_idxs == [index for index in parts if index == 0]
    assert span.filter_by_pub(list(parts)) == span
    assert span.filter_by_pub([]).size == 0


@pytest.mark.parametrize(("name", "parts"), EVERY)
def test_slices_come_back_from_the_wire(name: str, parts: dict[int, tuple[Any, ...]]) -> None:
    span = getattr(ours, name)(START, STOP, parts)

    assert ours.load_span(span.tag, START, STOP, span._dump_slices()) == span
    assert pickle.loads(pickle.dumps(span)) == span


def test_a_pub_outside_of_the_span_has_no_mask() -> None:
    span = ours.DoubleSliceSpan(START, STOP, {2: ((3,), slice(0, 1), slice(0, 3))})

    with pytest.raises(KeyError, match="PUB 0"):
        span.mask(0)


def test_spans_compare_by_class_times_and_parts() -> None:
    parts = {0: ((3,), slice(0, 2))}
    span = ours.SliceSpan(START, STOP, parts)

    assert span == ours.SliceSpan(START, STOP, dict(parts))
    assert span != ours.SliceSpan(START, STOP + timedelta(1), parts)
    assert span != ours.SliceSpan(START, STOP, {})
    assert span != "span"
    assert ours.SliceSpan(START, START, parts) < span < ours.SliceSpan(STOP, STOP, parts)


def three() -> ours.ExecutionSpans:
    return ours.ExecutionSpans(
        ours.SliceSpan(
            START + timedelta(seconds=second), STOP + timedelta(seconds=second), {second: ((3,), slice(0, 3))}
        )
        for second in (2, 0, 1)
    )


def test_a_collection_is_a_sequence_that_sorts_and_slices() -> None:
    spans = three()

    assert (len(spans), list(spans)[1], spans[-1]) == (3, spans[1], spans[2])
    assert spans[1:] == ours.ExecutionSpans([spans[1], spans[2]])
    assert spans[[2, 0]] == ours.ExecutionSpans([spans[2], spans[0]])
    assert spans.pub_idxs == [0, 1, 2]
    assert (spans.start, spans.stop, spans.duration) == (START, STOP + timedelta(seconds=2), 3.5)
    assert [span.pub_idxs for span in spans.filter_by_pub([0, 1])] == [[], [0], [1]]


def test_sorting_in_place_returns_the_collection_itself() -> None:
    spans = three()

    copy = spans.sort(inplace=False)

    assert [span.pub_idxs for span in copy] == [[0], [1], [2]]
    assert spans[0].pub_idxs == [2]
    assert spans.sort() is spans
    assert spans == copy


@pytest.mark.parametrize("fact", ["start", "stop", "duration"])
def test_an_empty_collection_has_no_times(fact: str) -> None:
    with pytest.raises(ValueError):
        getattr(ours.ExecutionSpans([]), fact)


@pytest.mark.parametrize(
    "row",
    [
        [],
        [[3]],
        [[3], 0, 1, 0, 3, 9],
        [["3"], 0, 1, 0, 3],
        [[-3], 0, 1, 0, 3],
        [[3], "0", 1, 0, 3],
        [3, 0, 1, 0, 3],
    ],
)
def test_rows_of_another_form_are_refused(row: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        ours.load_span("DoubleSliceSpan", START, STOP, {"0": row})


def both(name: str) -> Iterator[tuple[Any, Any]]:
    """Yield spans of ours and of the official client, of two moments and out of order."""
    for module in (ours, official):
        cls = getattr(module, name)
        first = CASES[name][0]
        yield (
            module,
            module.ExecutionSpans([cls(STOP, STOP + (STOP - START), first), cls(START, STOP, first)]),
        )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "more", [{}, {"name": "mine", "normalize_y": True, "line_width": 2}], ids=["", "all"]
)
def test_a_figure_shows_what_the_official_one_shows(name: str, more: dict[str, Any]) -> None:
    pytest.importorskip("plotly", reason="pip install plotly to draw")
    mine, theirs = (spans.draw(**more) for _, spans in both(name))

    (line,), (other,) = mine.data, theirs.data
    assert (line.x, line.y, line.mode, line.line.width) == (other.x, other.y, other.mode, other.line.width)
    assert (mine.layout.showlegend, mine.layout.yaxis.title.text) == (
        theirs.layout.showlegend,
        theirs.layout.yaxis.title.text,
    )
    assert more.get("name", "ExecutionSpans") in line.name
    assert "shots of PUBs 0" in line.text[0]


def test_several_sets_begin_together_when_asked_to() -> None:
    pytest.importorskip("plotly", reason="pip install plotly to draw")
    (_, mine), (_, theirs) = both("SliceSpan")
    arguments = {"names": ["a"], "common_start": True}

    figure = draw_execution_spans(mine, ours.ExecutionSpans([]), mine, **arguments)
    other = official_figure(theirs, theirs, **arguments)

    assert len(figure.data) == 2
    for left, right in zip(figure.data, other.data, strict=True):
        assert [moment and moment.replace(tzinfo=None) for moment in left.x] == [
            moment and moment.replace(tzinfo=None) for moment in right.x
        ]


def test_drawing_without_plotly_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)

    with pytest.raises(ImportError, match="pip install plotly"):
        ours.ExecutionSpans([]).draw()
