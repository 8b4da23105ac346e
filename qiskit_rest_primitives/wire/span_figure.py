"""A figure of when the data of results were taken; the one place that knows plotly, which nothing else needs.

What does not live here: the spans (``spans``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .spans import ExecutionSpan, ExecutionSpans

__all__ = ["draw_execution_spans"]

_EPOCH = datetime.fromtimestamp(0, timezone.utc)


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
    try:
        from plotly import graph_objects
    except ImportError as cause:
        raise ImportError("Drawing execution spans needs plotly: pip install plotly.") from cause
    given = [names] if isinstance(names, str) else list(names or ())
    figure = graph_objects.Figure()
    for index, (some, name) in enumerate(zip(spans, chain(given, repeat(None)), strict=False)):
        if not len(some):
            continue
        rows = _lines(some, common_start=common_start, share=normalize_y)
        figure.add_scatter(
            mode="lines",
            name=name or (f"ExecutionSpans {index}" if len(spans) > 1 else "ExecutionSpans"),
            line={"width": line_width},
            hoverinfo="text",
            **rows,
        )
    figure.update_layout(
        showlegend=bool(given) if show_legend is None else show_legend,
        xaxis={
            "title": "Time",
            "type": "date",
            **({"tickformat": "%H:%M:%S.%f"} if common_start else {}),
        },
        yaxis={"title": "Completed Workload", "tickformat": ".0%"}
        if normalize_y
        else {"title": "Shots Completed"},
    )
    return figure


def _lines(spans: ExecutionSpans, *, common_start: bool, share: bool) -> dict[str, list[Any]]:
    """Return one line per span in the order of time, parted by None."""
    shift = spans.start - _EPOCH if common_start else None
    whole = sum(span.size for span in spans) if share else 1
    done = 0
    rows: dict[str, list[Any]] = {"x": [], "y": [], "text": []}
    for index, span in sorted(enumerate(spans), key=lambda entry: entry[1]):
        done += span.size
        ends = [span.start, span.stop] if shift is None else [span.start - shift, span.stop - shift]
        rows["x"] += [*ends, None]
        rows["y"] += [done / whole] * 2 + [None]
        rows["text"] += [_label(index, span)] * 3
    return rows


def _label(index: int, span: ExecutionSpan) -> str:
    return (
        f"span {index}: {span.size} shots of PUBs {', '.join(map(str, span.pub_idxs))}<br>"
        f"{span.start:%Y-%m-%d %H:%M:%S.%f} to {span.stop:%H:%M:%S.%f} UTC, {span.duration:.3g} s"
    )
