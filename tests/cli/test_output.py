"""What commands write, whatever texts of others they write: to terminals, files and programs, in any encoding."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from qiskit_rest_primitives import cli
from qiskit_rest_primitives.cli.app import run
from qiskit_rest_primitives.cli.exits import Exit
from qiskit_rest_primitives.cli.output import print_json, print_members, print_table, say
from qiskit_rest_primitives.cli.schema import SHAPES

OBEYED = [
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x1b[31m",
    "\x9b2J",
    "\x07",
    "\b\b",
    "\r",
    "\x7f",
    "\u202e",
    "\u2066",
    "\ud800",
]
"""What a terminal obeys, or what turns the rest of a line around; and half of a letter."""


class Terminal(io.StringIO):
    """Says that it is a terminal, from which click takes no escape sequence away."""

    def isatty(self) -> bool:
        return True


def written(monkeypatch: pytest.MonkeyPatch, *calls: object) -> str:
    """Return what goes to a terminal when these are called."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for call in calls:
        call()  # type: ignore[operator]
    return terminal.getvalue()


@pytest.mark.parametrize("letters", OBEYED, ids=ascii)
def test_a_terminal_obeys_nothing_that_others_wrote(monkeypatch: pytest.MonkeyPatch, letters: str) -> None:
    name = f"a{letters}b"

    told = written(
        monkeypatch,
        lambda: say(name),
        lambda: print_table([name], [[name]], empty=""),
        lambda: print_members({name: name, "tags": [name]}),
        lambda: print_json({name: [name]}),
    )

    assert told.replace("\n", "").isprintable()
    assert json.loads(told[told.index("{") :]) == {name: [name]}


def test_colours_are_those_of_the_command_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert written(monkeypatch, lambda: say("\x1b[32mok", colour="red")) == "\x1b[31mok\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert written(monkeypatch, lambda: say("\x1b[32mok", colour="red")) == "ok\n"


def test_no_text_begins_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = written(monkeypatch, lambda: print_table(["name"], [["a\nid  DONE"]], empty=""))
    members = written(monkeypatch, lambda: print_members({"tag": "a\nstatus  DONE"}))

    assert rows.splitlines() == ["NAME", "a id  DONE"]
    assert members.splitlines() == ["tag  a", "     status  DONE"]


def test_columns_stay_straight_with_wide_and_with_combining_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["日本", 1], ["e\u0301", 2], ["plain", 3]]

    told = written(monkeypatch, lambda: print_table(["name", "n"], rows, empty=""))

    assert told.splitlines() == ["NAME   N", "日本   1", "e\u0301      2", "plain  3"]


@pytest.mark.parametrize("room", range(40, 130, 3))
def test_a_table_fits_into_a_terminal_and_leaves_nothing_out_elsewhere(
    monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    names = ("id", "state", "moment", "session")
    rows = [
        (f"job-{n:020d}", "DONE", "2026-11-30 10:23:12", f"{n}7181d54-6c2d-4d38-8b26-03268fee73{n}b")
        for n in range(3)
    ]
    monkeypatch.setenv("COLUMNS", str(room))

    def table() -> None:
        print_table(names, rows, empty="", spare=("session", "moment"))

    told = written(monkeypatch, table).splitlines()
    left = told.pop() if told[-1].startswith("In a wider terminal") else ""
    monkeypatch.setattr(sys, "stdout", piped := io.StringIO())
    table()
    whole = [re.split(" {2,}", line) for line in piped.getvalue().splitlines()]

    assert whole[1:] == [list(row) for row in rows]
    assert max(map(len, told)) <= room
    assert [line.split()[0] for line in told[1:4]] == [row[0] for row in rows], "what is to be typed is whole"
    shown = [line.split("  ")[-1].strip() for line in told[1:4]]
    if room >= max(map(len, piped.getvalue().splitlines())):
        assert (told, left) == (piped.getvalue().splitlines(), "")
    else:
        assert left.startswith("In a wider terminal, and with --json: session")
        assert len(set(shown)) == 3 or "SESSION" not in told[0], "what is shortened can be told apart"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_does(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    kept = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(kept, encoding))

    print_json({"tag": "ß█日😀"})
    say("ß█日😀")
    sys.stdout.flush()

    whole, _, line = kept.getvalue().decode(encoding).partition("}\n")
    assert json.loads(whole + "}") == {"tag": "ß█日😀"}
    assert (line == "ß█日😀\n") == (encoding == "utf-8")


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (b"\xff\xfe", ["run", "FILE"]),
        (b"OPENQASM 3.0;\n\x1b[2Jnonsense", ["run", "FILE"]),
        (b"OPENQASM 2.0;\n\x1b[2Jnonsense", ["run", "FILE"]),
        (b"OPENQASM 3.0;\nbit[1] c; c[0] = " + b"(" * 3_000 + b";", ["run", "FILE"]),
        (b"", ["run", "FILE", "--shots", "-1"]),
        (b"", ["jobs", "show"]),
        (b"", ["schema", "no such\x1b[2J command"]),
    ],
)
def test_what_cannot_be_understood_is_said_to_people_and_to_programs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    arguments: list[str],
) -> None:
    file = tmp_path / "circuit.qasm"
    file.write_bytes(content)
    as_json = ["--json"] if arguments[0] != "schema" else ["--", "--json"]
    given = [str(file) if each == "FILE" else each for each in arguments]
    monkeypatch.setattr(sys, "argv", ["qiskit-rest", *given, *as_json])

    assert run() == Exit.USAGE

    told = capsys.readouterr()
    document = json.loads(told.out)
    Draft202012Validator(SHAPES["error"]).validate(document)
    assert document["error"]["exit_code"] == Exit.USAGE
    assert "Error: " in told.err
    assert "\x1b" not in told.err


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="writes to a disk that is full; Linux has /dev/full"
)
def test_a_full_disk_is_said_in_a_line() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "qiskit_rest_primitives", "account", "list", "--account-file", "none", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False,
        )  # fmt: skip

    assert done.returncode == Exit.FAILED
    assert done.stderr.splitlines() == ["Error: [Errno 28] No space left on device"]


def test_every_command_writes_through_one_place() -> None:
    folder = Path(cli.__file__).parent
    calls = {
        (path.name, ast.unparse(node.func))
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "click.secho", "print")
    }

    assert {name for name, _ in calls} == {"__init__.py", "output.py"}  # the former without click
