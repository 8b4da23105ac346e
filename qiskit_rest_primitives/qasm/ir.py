"""A circuit in canonical form, as plain values: what the canonical dialect can say, and nothing else.

One quantum register ``q`` of full width, classical registers ``m000, m001...``, flat inputs ``p00000...``,
gates of the vocabulary, flat control flow with the simplest conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from .._frozen import frozen

MAX_DEPTH = 40
"""Deepest nesting of control flow that every reader of the text can be trusted with."""


class BitTest(NamedTuple):
    """``bit == value``; the bit counted through all registers."""

    clbit: int
    value: bool


class RegisterTest(NamedTuple):
    """``register == value``."""

    register: int
    value: int


Test: TypeAlias = "BitTest | RegisterTest"


class Call(NamedTuple):
    """A gate of the vocabulary. An angle is a float, or an int: the index of an input."""

    name: str
    angles: tuple[float, ...]
    qubits: tuple[int, ...]


class Measure(NamedTuple):
    """Measure a qubit into a bit, counted through all registers."""

    qubit: int
    clbit: int


class Reset(NamedTuple):
    """Reset a qubit."""

    qubit: int


class Barrier(NamedTuple):
    """A barrier over some qubits, at least one."""

    qubits: tuple[int, ...]


class Delay(NamedTuple):
    """Wait; units ``dt ns us ms s``. With the index of an input, for that many times as long."""

    duration: float
    unit: str
    qubit: int
    times: int | None = None


class If(NamedTuple):
    """Run one of two bodies, which are not both empty."""

    test: Test
    then: Body
    otherwise: Body


class While(NamedTuple):
    """Run the body as long as the test holds."""

    test: Test
    body: Body


class For(NamedTuple):
    """Run the body a number of times, at least once; it does not see the index."""

    rounds: int
    body: Body


class Jump(NamedTuple):
    """``break`` or ``continue``."""

    kind: str


Statement: TypeAlias = "Call | Measure | Reset | Barrier | Delay | If | While | For | Jump"
Body: TypeAlias = "list[Statement]"


@frozen
class Program:
    """A whole circuit in canonical form.

    Attributes:
        num_qubits: Width of ``q``.
        register_sizes: Sizes of ``m000, m001...``; none is zero.
        num_inputs: Number of inputs ``p00000...``.
        body: The statements.
    """

    num_qubits: int
    register_sizes: tuple[int, ...]
    num_inputs: int
    body: Body


def input_names(count: int) -> tuple[str, ...]:
    """Return ``p00000, p00001...``: names whose order as text is their order."""
    width = max(5, len(str(count - 1)))
    return tuple(f"p{index:0{width}d}" for index in range(count))


def register_names(count: int) -> tuple[str, ...]:
    """Return ``m000, m001...``: names whose order as text is their order."""
    width = max(3, len(str(count - 1)))
    return tuple(f"m{index:0{width}d}" for index in range(count))


def depth(body: Iterable[Statement]) -> int:
    """Return how deeply control flow is nested; 0 without any."""
    return max((1 + depth(inner) for statement in body for inner in _bodies(statement)), default=0)


def size(body: Iterable[Statement]) -> int:
    """Return the number of statements, those in bodies included."""
    return sum(1 + sum(size(inner) for inner in _bodies(statement)) for statement in body)


def names(body: Iterable[Statement]) -> set[str]:
    """Return the names of gates and other instructions, those in bodies included."""
    found: set[str] = set()
    for statement in body:
        if isinstance(statement, Call):
            found.add(statement.name)
        elif isinstance(statement, (Measure, Reset, Delay)):
            found.add(type(statement).__name__.lower())
        for inner in _bodies(statement):
            found |= names(inner)
    return found


def drop_unused_inputs(body: Body) -> tuple[Body, list[int]]:
    """Number the inputs anew, without those that reach no gate because nothing can run it; return the old index of each left."""
    used: dict[int, None] = {}
    _collect_inputs(body, used)
    if all(old == new for new, old in enumerate(used)):
        return body, list(used)
    number = {old: new for new, old in enumerate(used)}
    return _renumbered(body, number), list(used)


def _collect_inputs(body: Body, used: dict[int, None]) -> None:
    for statement in body:
        if isinstance(statement, Call):
            for angle in statement.angles:
                if type(angle) is int:
                    used[angle] = None
        elif isinstance(statement, Delay):
            if statement.times is not None:
                used[statement.times] = None
        else:
            for inner in _bodies(statement):
                _collect_inputs(inner, used)


def waits(body: Body) -> Iterator[Delay]:
    """Return the delays that depend on inputs."""
    for statement in body:
        if isinstance(statement, Delay) and statement.times is not None:
            yield statement
        for inner in _bodies(statement):
            yield from waits(inner)


def _renumbered(body: Body, number: dict[int, int]) -> Body:
    written: Body = []
    for statement in body:
        if isinstance(statement, Call):
            angles = tuple(number[angle] if type(angle) is int else angle for angle in statement.angles)
            written.append(statement._replace(angles=angles))
        elif isinstance(statement, Delay) and statement.times is not None:
            written.append(statement._replace(times=number[statement.times]))
        elif isinstance(statement, If):
            then, otherwise = _renumbered(statement.then, number), _renumbered(statement.otherwise, number)
            written.append(If(statement.test, then, otherwise))
        elif isinstance(statement, (While, For)):
            written.append(statement._replace(body=_renumbered(statement.body, number)))
        else:
            written.append(statement)
    return written


def _bodies(statement: Statement) -> tuple[Body, ...]:
    if isinstance(statement, If):
        return statement.then, statement.otherwise
    if isinstance(statement, (While, For)):
        return (statement.body,)
    return ()
