"""A figure of when the data of results were taken, and the one place that loads plotly, which only figures need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from importlib import import_module
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..results.execution_spans import ExecutionSpan, ExecutionSpans
    from ..results.quantum_program import ChunkSpan, ChunkTiming

_EPOCH = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True)
class _Line:
    """One line of a figure: when it was, how much was done, what is said about it."""

    start: datetime
    stop: datetime
    size: int
    label: str


def draw_execution_spans(
    *spans: ExecutionSpans,
    names: str | Iterable[str] | None = None,
    common_start: bool = False,
    normalize_y: bool = False,
    line_width: int = 4,
    show_legend: bool | None = None,
) -> Any:
    """Draw spans as lines: time to the right, the shots that were complete by then upwards.

    Args:
        spans: One or more sets, such as of several jobs.
        names: Names of the first sets, for the legend.
        common_start: Let every set begin at 0 rather than when it did.
        normalize_y: Show the share of a set's shots that was complete, rather than their number.
        line_width: Width of the lines in pixels.
        show_legend: Whether there is a legend; None for one when there are names.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        ImportError: plotly is not installed.
    """
    found = [
        [_Line(span.start, span.stop, span.size, _label(index, span)) for index, span in _ordered(some)]
        for some in spans
    ]
    title = ("ExecutionSpans", "Shots Completed")
    return _drawn(found, title, names, common_start, normalize_y, line_width, show_legend)


def draw_chunk_timings(
    *timings: ChunkTiming,
    names: str | Iterable[str] | None = None,
    common_start: bool = False,
    normalize_y: bool = False,
    line_width: int = 4,
    show_legend: bool | None = None,
    tz: tzinfo | None = None,
) -> Any:
    """Draw chunks as lines: time to the right, the elements of items that were complete by then upwards.

    Args:
        timings: One or more sets, such as of several jobs.
        names: As for ``draw_execution_spans``, like the others.
        common_start: Let every set begin at 0 rather than when it did.
        normalize_y: Show the share that was complete, rather than the number.
        line_width: Width of the lines in pixels.
        show_legend: Whether there is a legend.
        tz: Zone of the times shown; None for the local one.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        ImportError: plotly is not installed.
    """
    found = [
        [
            _Line(
                span.start.astimezone(tz).replace(tzinfo=timezone.utc),
                span.stop.astimezone(tz).replace(tzinfo=timezone.utc),
                sum(part.size for part in span.parts),
                _chunk_label(index, span),
            )
            for index, span in _ordered(timing)
        ]
        for timing in timings
    ]
    title = ("ChunkTiming", "Elements Completed")
    return _drawn(found, title, names, common_start, normalize_y, line_width, show_legend)


def plotly(part: str) -> Any:
    """Return a module of plotly (``.graph_objects``), or say that it is to be installed."""
    try:
        return import_module(part, import_module("plotly").__name__)
    except ImportError as cause:
        raise ImportError("Drawing needs plotly: pip install plotly.") from cause


def _ordered(spans: Iterable[Any]) -> list[tuple[int, Any]]:
    """Return the spans with their indices in the order of time."""
    return sorted(enumerate(spans), key=lambda entry: (entry[1].start, entry[1].stop))


def _drawn(
    sets: Sequence[Sequence[_Line]],
    title: tuple[str, str],
    names: str | Iterable[str] | None,
    common_start: bool,
    share: bool,
    width: int,
    legend: bool | None,
) -> Any:
    """Draw sets; ``title`` says what one is called, and what its size counts."""
    given = [names] if isinstance(names, str) else list(names or ())
    figure = plotly(".graph_objects").Figure()
    for index, (lines, name) in enumerate(zip(sets, chain(given, repeat(None)), strict=False)):
        if not lines:
            continue
        figure.add_scatter(
            mode="lines",
            name=name or (f"{title[0]} {index}" if len(sets) > 1 else title[0]),
            line={"width": width},
            hoverinfo="text",
            **_points(lines, common_start=common_start, share=share),
        )
    figure.update_layout(
        showlegend=bool(given) if legend is None else legend,
        xaxis={
            "title": "Time",
            "type": "date",
            **({"tickformat": "%H:%M:%S.%f"} if common_start else {}),
        },
        yaxis={"title": "Completed Workload", "tickformat": ".0%"} if share else {"title": title[1]},
    )
    return figure


def _points(lines: Sequence[_Line], *, common_start: bool, share: bool) -> dict[str, list[Any]]:
    """Return the points of all lines, parted by None."""
    shift = min(line.start for line in lines) - _EPOCH if common_start else None
    whole = sum(line.size for line in lines) if share else 1
    done = 0
    rows: dict[str, list[Any]] = {"x": [], "y": [], "text": []}
    for line in lines:
        done += line.size
        ends = [line.start, line.stop] if shift is None else [line.start - shift, line.stop - shift]
        rows["x"] += [*ends, None]
        rows["y"] += [done / whole] * 2 + [None]
        rows["text"] += [line.label] * 3
    return rows


def _label(index: int, span: ExecutionSpan) -> str:
    return (
        f"span {index}: {span.size} shots of PUBs {', '.join(map(str, span.pub_idxs))}<br>"
        f"{span.start:%Y-%m-%d %H:%M:%S.%f} to {span.stop:%H:%M:%S.%f} UTC, {span.duration:.3g} s"
    )


def _chunk_label(index: int, span: ChunkSpan) -> str:
    parts = ", ".join(f"{part.size} of item {part.idx_item}" for part in span.parts[:10])
    more = ", ..." if len(span.parts) > 10 else ""
    return (
        f"chunk {index}: {parts}{more}<br>"
        f"{(span.stop - span.start).total_seconds():.3g} s from {span.start:%Y-%m-%d %H:%M:%S.%f} UTC"
    )
