"""What commands write: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from .words import as_commands

LEAST_SHOWN = 20
"""Columns of a terminal in which a part of something long is worth showing."""

as_json: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON document (docs/command-line.md)."
)


def say(text: str, *, err: bool = False, colour: str | None = None, nl: bool = True) -> None:
    """Write lines for people: without what a terminal would obey, in letters that the stream can write.

    The colour is that of all of it, where it goes to a terminal and ``NO_COLOR`` is not set.
    """
    shown = _in_letters_of(sys.stderr if err else sys.stdout, _fit(text))
    plain = colour is None or os.environ.get("NO_COLOR")
    click.echo(shown if plain else click.style(shown, fg=colour), err=err, nl=nl)


def _fit(text: str) -> str:
    """Return a text of whatever length without what a terminal would obey: names and tags are other people's."""
    from ..rest.messages import readable

    return readable(text, max(1, len(text)))


def _in_letters_of(stream: Any, text: str) -> str:
    """Spell out what cannot be written in the stream's encoding."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def print_json(document: Any) -> None:
    """Write a document; numbers that JSON does not have are null.

    Where it has letters that a terminal would obey, or that the stream cannot write, all but ASCII is escaped.
    """
    text = json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    if not text.replace("\n", "").isprintable() or _in_letters_of(sys.stdout, text) != text:
        text = json.dumps(finite(document), indent=2, allow_nan=False)
    click.echo(text)


def said_by(problem: BaseException) -> str:
    """Return what an exception says, with commands for calls: the text of some of Qiskit's has quotes around it."""
    return as_commands(str(getattr(problem, "message", problem)))


def error_document(problem: BaseException, said: str, code: int) -> dict[str, Any]:
    """Return what programs are told of a command that failed."""
    return {"error": {"kind": type(problem).__name__, "message": said, "exit_code": int(code)}}


def finite(value: Any) -> Any:
    """Return a document without NaN and infinities, which are no JSON."""
    if isinstance(value, dict):
        return {name: finite(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(member) for member in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


def print_table(
    names: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str, spare: Sequence[str] = ()
) -> None:
    """Write rows below each other, each column as wide as it has to be; in a terminal, as wide as that is.

    Args:
        names: What the columns are called.
        rows: The cells; None is a dash.
        empty: What to say if there are none.
        spare: Columns that a narrow terminal shows a part of, or not at all, in the order in which they give way.
    """
    cells = [["-" if cell is None else _fit(" ".join(str(cell).split("\n"))) for cell in row] for row in rows]
    if not cells:
        say(empty)
        return
    columns = {
        name: [name.upper(), *each] for name, each in zip(names, zip(*cells, strict=True), strict=True)
    }
    least = sys.stdout.isatty() and _fit_in(columns, shutil.get_terminal_size().columns, spare)
    widths = [max(map(_width, column)) for column in columns.values()]
    for row in zip(*columns.values(), strict=True):
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        say("  ".join(padded).rstrip())
    if least:
        say(f"In a wider terminal, and with --json: {', '.join(least)}.")


def _fit_in(columns: dict[str, list[str]], room: int, spare: Sequence[str]) -> list[str]:
    """Take from a table what a terminal has no room for, and return the columns that were shortened or left out."""
    given = []
    for name in spare:
        widths = {each: max(map(_width, cells)) for each, cells in columns.items()}
        left = room - sum(widths.values()) - 2 * (len(widths) - 1)
        if left >= 0:
            break
        given.append(name)
        if widths[name] + left >= LEAST_SHOWN:
            columns[name] = [_shortened(cell, widths[name] + left) for cell in columns[name]]
        else:
            del columns[name]
    return given


def _shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters: its beginning and its end, which tell ids apart."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-((most - 1) // 2) :]}"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else unicodedata.combining(letter) == 0
        for letter in text
    )


def print_members(members: dict[str, Any]) -> None:
    """Write one thing, a line for each of its members that is known."""
    known = {
        name.replace("_", " "): value for name, value in members.items() if value not in (None, "", [], {})
    }
    width = max(map(len, known), default=0)
    for name, value in known.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, bool):
            shown = "yes" if value else "no"
        lines = str(shown).replace("\n", "\n" + " " * (width + 2))
        say(f"{name.ljust(width)}  {lines}")


def moment(value: datetime | None) -> str | None:
    """Write a time as ISO 8601 with its offset; None stays None."""
    return None if value is None else value.astimezone().isoformat(timespec="milliseconds")


def ago(value: datetime | None) -> str | None:
    """Write a time for a table: local, to the second."""
    return None if value is None else f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
