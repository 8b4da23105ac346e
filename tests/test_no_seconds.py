"""No test asserts how long something takes: on a busy machine everything takes longer, and is right all the same.

Tests assert order, outcome and ratio. A lower bound is fine (a busy machine keeps it), and so is a comparison of two
measured times. Who waits for something waits as long as ``PATIENCE`` says, which only a broken test uses up.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = frozenset(
    {"monotonic", "perf_counter", "time", "process_time", "monotonic_ns", "perf_counter_ns", "time_ns"}
)
OWNERS = frozenset({"time", "loop"})
WAITS = frozenset({"result", "exception", "wait_for_final_state"})
PATIENCE = 600
"""Seconds: the least that a test may give up after. What is waited for usually comes in less than one."""

ALLOWED = {
    "test_no_seconds.py": "examples for the rule",
}
"""File: why its bound on a time is none that a busy machine breaks."""


class Module:
    """One file, or one program in a string of it, and which of its names hold clock readings or times that passed."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.bare = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "time"
            for alias in node.names
            if alias.name in CLOCKS
        }
        self.readings: set[str] = set()
        self.times: set[str] = set()
        while self._spread():
            pass

    def reads(self, node: ast.AST) -> bool:
        """Whether an expression reads a clock, or a name that holds a reading."""
        return any(self._is_clock(part) or _name(part) in self.readings for part in ast.walk(node))

    def lasts(self, node: ast.AST) -> bool:
        """Whether an expression holds the difference of readings."""
        return any(
            (isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) and self.reads(part.left))
            or _name(part) in self.times
            for part in ast.walk(node)
        )

    def bounds(self) -> Iterator[tuple[int, str]]:
        """Find upper bounds on a time that passed, and deadlines that are too close."""
        loops = {id(part) for node in ast.walk(self.tree) if isinstance(node, (ast.While, ast.If))
                 for part in ast.walk(node.test)}  # fmt: skip
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Compare) and id(node) not in loops and self._is_bound(node):
                yield node.lineno, ast.unparse(node)
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and self._is_clock(node.left):
                given_up = [node.right]
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in WAITS
            ):
                # Less than some seconds is for what is not to come in time.
                given_up = [word.value for word in node.keywords if word.arg == "timeout"] + node.args[:1]
                given_up = [
                    each
                    for each in given_up
                    if isinstance(each, ast.Constant) and each.value and each.value > 5
                ]
            else:
                continue
            if any(isinstance(each, ast.Constant) and each.value < PATIENCE for each in given_up):
                yield node.lineno, f"{ast.unparse(node)} (wait for at least {PATIENCE} s)"

    def _is_clock(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        called = node.func
        if isinstance(called, ast.Attribute):
            return called.attr in CLOCKS and isinstance(called.value, ast.Name) and called.value.id in OWNERS
        return isinstance(called, ast.Name) and called.id in self.bare

    def _is_bound(self, node: ast.Compare) -> bool:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            small, large = (left, right) if isinstance(operator, (ast.Lt, ast.LtE)) else (right, left)
            ordered = isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
            if ordered and self.lasts(small) and not self.lasts(large):
                return True
        return False

    def _spread(self) -> bool:
        """Note the names that hold readings or times, as far as is known; returns whether there are new ones."""
        before = len(self.readings), len(self.times)
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self._note(node.value, {_name(part) for target in targets for part in _parts(target)})
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "append"
            ):
                self._note(node.args[0], {_name(node.func.value)})
            elif isinstance(node, ast.FunctionDef):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None and self.lasts(inner.value):
                        self.times.add(node.name)
        return (len(self.readings), len(self.times)) != before

    def _note(self, value: ast.AST, names: set[str | None]) -> None:
        found = names - {None}
        if isinstance(value, (ast.Compare, ast.BoolOp)):
            return
        if self.lasts(value):
            self.times |= found  # type: ignore[arg-type]
        elif self._is_clock(value):
            self.readings |= found  # type: ignore[arg-type]


def _parts(target: ast.AST) -> list[ast.expr] | list[ast.AST]:
    return target.elts if isinstance(target, ast.Tuple) else [target]


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def programs(text: str) -> Iterator[tuple[int, ast.Module]]:
    """Return a file's tree, and those of the programs in its strings, with the line before each."""
    tree = ast.parse(text)
    yield 0, tree
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "time" in node.value:
            try:
                yield node.lineno - 1, ast.parse(textwrap.dedent(node.value))
            except SyntaxError:
                continue


def asserted_seconds(text: str) -> list[str]:
    """Return what a file asserts about seconds, with lines."""
    return [
        f"line {before + line}: {what}"
        for before, tree in programs(text)
        for line, what in Module(tree).bounds()
    ]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_asserts_seconds(path: Path) -> None:
    """Faults D: tests assert order and outcome, not seconds."""
    found = asserted_seconds(path.read_text(encoding="utf-8"))

    assert bool(found) == (str(path.relative_to(TESTS)) in ALLOWED), found


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("began = time.monotonic()\nassert time.monotonic() - began < 5", True),
        ("assert 5 > time.perf_counter() - start", True),
        ("from time import perf_counter as now\nassert now() - start <= LIMIT", True),
        ("seconds = time.time() - start\nassert seconds < 5", True),
        ("times.append(time.perf_counter() - start)\nassert min(times) < 1", True),
        ("def timed():\n    return time.monotonic() - start\nassert timed() < 3", True),
        ("end = time.monotonic()\nassert end - start < 3", True),
        ("CODE = '''\n    import time\n    print(time.monotonic() - began < 3)\n'''", True),
        ("def timed():\n    return 1, time.monotonic() - start\nanswer, spent = timed()\nassert spent < 3", True),
        ("deadline = time.monotonic() + 10", True),
        ("assert job.result(timeout=60)", True),
        ("assert future.result(30) == 1", True),
        ("with pytest.raises(TimeoutError):\n    job.result(timeout=0.5)", False),
        ("job.result(timeout=600)\njob.result()", False),
        ("deadline = time.monotonic() + 600\nwhile time.monotonic() < deadline: pass", False),
        ("assert time.monotonic() - began >= 0.2", False),
        ("a = time.monotonic() - x\nb = time.monotonic() - y\nassert a < 3 * b", False),
        ("while time.monotonic() - start < 2: work()", False),
        ("assert job.seconds < 2", False),
    ],
)  # fmt: skip
def test_the_rule_finds_seconds_and_lets_ratios_pass(text: str, *, bad: bool) -> None:
    assert bool(asserted_seconds(text)) == bad
