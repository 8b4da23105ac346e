"""What a command says names commands and options to type, whatever part of the library said it in calls and arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Command, Context, Group

import qiskit_rest_primitives
from qiskit_rest_primitives.cli.app import cli
from qiskit_rest_primitives.cli.words import _WORDS, as_commands

HOME = Path(qiskit_rest_primitives.__file__).parent
REACHED = ("accounts", "jobs", "rest", "exceptions.py")
"""What commands run through; the rest checks what programs give."""
CALL = re.compile(
    r"\b(?:service|job|backend|QiskitRuntimeService)\.\w+\(|(?<![\w.])(?:cancel|result)\(\)|\b\w+=(?:True|False|\.\.\.|')"
)
FOR_PROGRAMS = {
    "job.result(decoder=": "a decoder is a class",
    "require_refs=": "an argument of a method of results",
}


def said(path: Path) -> Iterator[str]:
    """Return the texts of a module that people are to read, with a word for each that is put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else put_in(part) for part in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not {id(node)} & (parts | alone)
        ):
            yield node.value


def put_in(part: ast.expr) -> str:
    return "'it'" if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") else "it"


def files() -> Iterator[Path]:
    for each in REACHED:
        path = HOME / each
        yield from path.rglob("*.py") if path.is_dir() else [path]


SAID = sorted({text for path in files() for text in said(path) if " " in text and not text.startswith("<")})


def test_no_call_is_left_in_what_a_command_can_say() -> None:
    wrong = {
        text
        for text in map(as_commands, SAID)
        if CALL.search(text) and not any(map(text.count, FOR_PROGRAMS))
    }

    assert wrong == set()
    assert sum(as_commands(text) != text for text in SAID) > 10


def test_every_word_is_for_something_that_is_said() -> None:
    assert [pattern.pattern for pattern, _ in _WORDS if not any(map(pattern.search, SAID))] == []


@pytest.mark.parametrize("words", sorted({words for _, words in _WORDS if "qiskit-rest" in words}))
def test_a_command_that_is_named_exists(words: str) -> None:
    found: Command = cli
    for name in words.split()[1:]:
        if isinstance(found, Group):
            found = found.get_command(Context(found), name)  # type: ignore[assignment]
            assert found is not None, words


def test_options_that_are_named_exist() -> None:
    named = {
        option for _, words in _WORDS for option in re.findall(r"--[a-z-]+", words.replace(r"\1", "channel"))
    }
    options = {
        option
        for command in (cli.commands["backends"], cli.commands["account"].commands["save"])  # type: ignore[attr-defined]
        for each in command.params
        for option in each.opts
    }

    assert named <= options
