"""Every regular expression of the package, and what strangers may make it read: time grows with the length (faults C1)."""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import time
from collections import Counter
from pathlib import Path

import pytest

import qiskit_rest_primitives
from qiskit_rest_primitives.server.http.body import _check_members, load_object
from qiskit_rest_primitives.server.http.envelope import Refusal
from qiskit_rest_primitives.server.text import readable, storable

ROOT = Path(qiskit_rest_primitives.__file__).parent
FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
EXPECTED = {
    "option_rules": 1,
    "rest.connections": 3,
    "server.aer.simulation": 2,
    "server.devices.roster": 1,
    "server.fault_plan": 5,
    "server.http.body": 2,
    "server.http.gate": 1,
    "server.routes.programs": 1,
    "server.text": 2,
    "session": 1,
    "wire.arrays": 2,
    "wire.http": 1,
    "wire.jsonio": 1,
    "wire.lint": 1,
    "wire.maps": 1,
    "wire.models": 1,
    "wire.qasm3": 8,
    "wire.qpy_header": 2,
    "wire.samples": 3,
    "wire.typed": 1,
}
"""How often a room uses ``re``. Whoever adds a use adds its adversary below, and corrects the number."""

ADVERSARIES = (
    '\\"', '"', "\\", '"\\', " ", "\t\n", "[", "]", "{", "(", ")", "1", "0.", "a", "a[", "a[0]", "a[0], ", "a.", "a-",
    "-", "1e", "1e+", "$0", "\x1b[", "\\x1b[", "\\x1b[0;", "at ", " at a:1", '"__type__" ', '"__type__": "ndarray" ',
    ": ", ":[", "[[", "[ ", "[1,", "é", "\ud800", "P1D", "1h", "T1", "\x1b]", "\x1b[0", "\x9b0", "\x9b", "a:", "a/", ".0", "a = measure ", "delay[1",
)  # fmt: skip


def compiled() -> list[tuple[str, re.Pattern[str]]]:
    """Return the patterns that modules keep."""
    found = []
    for room in EXPECTED:
        module = importlib.import_module(f"qiskit_rest_primitives.{room}")
        found += [(f"{room}.{name}", it) for name, it in vars(module).items() if isinstance(it, re.Pattern)]
    return found


def seconds(call: object, text: object) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        call(text)  # type: ignore[operator]
        best = min(best, time.process_time() - began)
    return best


def assert_linear(call: object, unit: str, length: int, *, of_bytes: bool = False) -> None:
    """Compare n with 4 n: four times as long is linear, sixteen times quadratic; what takes no time is not measured."""
    short, long = (unit * (size // len(unit)) for size in (length, 4 * length))
    if of_bytes:
        short, long = (text.encode("utf-8", "replace") for text in (short, long))  # type: ignore[assignment]
    assert seconds(call, long) <= 10 * seconds(call, short) + 0.02, unit


def test_no_use_of_regular_expressions_is_missing_here() -> None:
    uses: Counter[str] = Counter()
    for path in ROOT.rglob("*.py"):
        room = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                uses[room] += node.value.id == "re" and node.attr in FUNCTIONS
    assert {room: count for room, count in uses.items() if count} == EXPECTED


@pytest.mark.parametrize(("name", "pattern"), compiled(), ids=[name for name, _ in compiled()])
def test_a_pattern_takes_time_in_proportion(name: str, pattern: re.Pattern[str]) -> None:
    """Where it is put to a text: at one place. What is searched for has tests of its own below."""
    of_bytes = isinstance(pattern.pattern, bytes)
    for unit in ADVERSARIES:
        assert_linear(pattern.match, unit, 10_000, of_bytes=of_bytes)
        assert_linear(pattern.fullmatch, unit, 10_000, of_bytes=of_bytes)


@pytest.mark.parametrize("unit", ADVERSARIES)
def test_what_reads_every_body_takes_time_in_proportion(unit: str) -> None:
    def read(text: str) -> None:
        for body in (text, '{"a": "' + text, '{"a": [' + text):
            with contextlib.suppress(Refusal):
                load_object(body.encode("utf-8", "replace"))

    assert_linear(read, unit, 20_000)
    assert_linear(readable, unit, 20_000)
    assert_linear(storable, unit, 20_000)


def test_the_body_that_made_the_server_deaf_is_read_at_once() -> None:
    """Four kilobytes of gzip, 4.2 MB of text, days of time: each quote began a string that did not end."""
    _check_members('\\"' * 2_100_000)
    _check_members("\\\n" * 2_100_000)
    with pytest.raises(Refusal, match="lists and objects"):
        _check_members('"\\"[[["' + "[" * 4_000_001)
