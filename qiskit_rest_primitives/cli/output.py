"""What commands write: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import click

__all__ = ["ago", "as_json", "finite", "moment", "print_json", "print_members", "print_table"]

as_json: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON document (docs/command-line.md)."
)


def print_json(document: Any) -> None:
    """Write a document; numbers that JSON does not have are null."""
    click.echo(json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False))


def finite(value: Any) -> Any:
    """Return a document without NaN and infinities, which are no JSON."""
    if isinstance(value, dict):
        return {name: finite(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(member) for member in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Write rows below each other, each column as wide as it has to be.

    Args:
        names: What the columns are called.
        rows: The cells; None is a dash.
        empty: What to say if there are none.
    """
    cells = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    table = [[name.upper() for name in names], *cells]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_members(members: dict[str, Any]) -> None:
    """Write one thing, a line for each of its members that is known."""
    known = {name: value for name, value in members.items() if value not in (None, "", [], {})}
    width = max(map(len, known), default=0)
    for name, value in known.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        click.echo(f"{name.ljust(width)}  {shown}")


def moment(value: datetime | None) -> str | None:
    """Write a time as ISO 8601 with its offset; None stays None."""
    return None if value is None else value.astimezone().isoformat(timespec="milliseconds")


def ago(value: datetime | None) -> str | None:
    """Write a time for a table: local, to the second."""
    return None if value is None else f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
