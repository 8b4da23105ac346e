"""Tables, cards and figures as HTML that needs neither a script nor a style sheet."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from importlib.util import find_spec
from typing import Any, TypeVar

from .._time import with_patience
from ..exceptions import IBMError
from ..rest.messages import readable

_CELL = "text-align:left;padding:2px 10px 2px 0;vertical-align:top"
_COLORS = {
    "DONE": "#1a7f37", "RUNNING": "#0969da", "QUEUED": "#9a6700", "INITIALIZING": "#9a6700",
    "ERROR": "#cf222e", "CANCELLED": "#6e7781",
}  # fmt: skip
_WIDTH = 18.0
"""Width of the longest bar, in em."""

PATIENCE = 5.0
"""Seconds that showing an object may ask the service; what is not told by then is left out."""
Shown = TypeVar("Shown")


def asking(show: Callable[[Shown], str]) -> Callable[[Shown], str]:
    """Make a function that shows an object ask briefly, and show what the object is where it cannot be asked."""

    @wraps(show)
    def shown(one: Shown) -> str:
        try:
            with with_patience(PATIENCE):
                return show(one)
        except IBMError as error:
            return card(repr(one), facts({"": f"not known now: {error}"}))

    return shown


def text(value: Any) -> str:
    """Return a value as text that means nothing in HTML, and turns no line around."""
    written = str(value)
    return html.escape(readable(written, max(1, len(written))))


def card(title: str, *parts: str) -> str:
    """Return a titled block; the title is a text, the parts are HTML."""
    return f"<div><p style='margin:4px 0'><b>{text(title)}</b></p>{''.join(parts)}</div>"


def facts(entries: Mapping[str, Any]) -> str:
    """Return names and values in two columns; those that are None are left out, and HTML of this module stays."""
    rows = "".join(
        f"<tr><td style='{_CELL};opacity:0.7'>{text(name)}</td><td style='{_CELL};overflow-wrap:anywhere'>{_cell(value)}</td></tr>"
        for name, value in entries.items()
        if value is not None
    )
    return f"<table style='margin:0'><tbody>{rows}</tbody></table>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, more: int = 0) -> str:
    """Return a table of texts, numbers, or HTML of this module; ``more`` rows were left out."""
    names = "".join(f"<th style='{_CELL}'>{text(name)}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td style={chr(39)}{_CELL}{chr(39)}>{_cell(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    left = f"<p style='margin:2px 0;opacity:0.7'>… and {more} more</p>" if more > 0 else ""
    return f"<table style='margin:0'><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>{left}"


class _Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def _cell(value: Any) -> str:
    return value if isinstance(value, _Html) else text("" if value is None else value)


def state(word: str) -> str:
    """Return the word for how a job stands, in its color."""
    style = f"color:{_COLORS.get(word, 'inherit')};white-space:nowrap"
    return _Html(f"<span style='{style}'>● {text(word)}</span>")


def bars(values: Mapping[str, int], total: int, *, most: int = 16) -> str:
    """Return counts by outcome as bars, the highest first, with their share of all; at most ``most`` have a bar of their own."""
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    highest = ranked[0][1] if ranked else 1
    rows = [
        (code(outcome), _bar(count / highest), count, f"{count / total:.1%}")
        for outcome, count in ranked[:most]
    ]
    return table(("outcome", "", "count", "share"), rows, more=len(ranked) - most)


def code(value: str) -> str:
    """Return a text in the letters of programs."""
    return _Html(f"<code style='overflow-wrap:anywhere'>{text(value)}</code>")


def _bar(share: float) -> str:
    style = f"background:#6929c4;height:0.9em;width:{_WIDTH * share:.2f}em"
    return _Html(f"<div style='{style}'></div>")


def figure(width: float, height: float) -> Any:
    """Return an empty ``matplotlib.figure.Figure`` of a size in inches, or None where matplotlib is not installed.

    It belongs to no window and leaves the state of ``pyplot`` alone.
    """
    if find_spec("matplotlib") is None:
        return None
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def image(drawn: Any, described: str) -> str:
    """Return a figure as an image, with words for those who cannot see it."""
    stream = io.BytesIO()
    drawn.savefig(stream, format="png", dpi=96)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"<img alt='{html.escape(described, quote=True)}' src='data:image/png;base64,{data}'>"
