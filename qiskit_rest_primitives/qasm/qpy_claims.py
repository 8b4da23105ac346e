"""What every header inside a QPY object claims, judged before Qiskit believes it and makes room.

Circuits lie within circuits: the blocks of control flow, the definitions of gates. Each has a header of its own, and each
number in one (qubits, controls, the length of a vector of parameters, the shape of an array) is room that Qiskit makes.
Here the object is walked through as Qiskit would read it (the format: ``qiskit.qpy``), and nothing is built.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Callable
from typing import Any

from numpy.lib import format as npy

OLDEST, _KNOWN = 13, 18
"""Versions whose layout is known here. Before, QPY held expressions as text or pickles, whose readers can run code."""
_DEPTH = 60
"""Circuits within circuits, and values within values."""
_FILE_HEADER = 20
"""Magic, versions, number of programs, kind of expressions, kind of programs."""
_TABLE_ENTRY = 8
"""Since version 16: where each program starts."""
_NUMBER_AT = 10
"""Where the number of programs stands."""

_COUNTS = struct.Struct("!H1cHII")
_HEADER = struct.Struct("!H1cHIIQIQI")
_REGISTER = struct.Struct("!1c?IH?")
_VARIABLE = struct.Struct("!16s1cH")
_DEFINITION = struct.Struct("!H1cII?QIIQ")
_INSTRUCTION = struct.Struct("!HHHIIBHqII")
_TYPED = struct.Struct("!1cQ")
_PAULI_EVOLUTION = struct.Struct("!Q?1cQQ")
_OBSERVABLE = struct.Struct("!IQQQQ")
_MODIFIER = struct.Struct("!1cIId")
_VECTOR = struct.Struct("!HQ16s")
_INDEXED_ELEMENT = struct.Struct("!HQ")
_VECTOR_ELEMENT = struct.Struct("!HQ16sQ")
_PARAMETER = struct.Struct("!H16s")
_EXPRESSION = struct.Struct("!QQ")
_SYMBOL = struct.Struct("!1c1cQ")
_OPERATION = struct.Struct("!B1c16s1c16s")
_ITEM = struct.Struct("!H1cH")
_SPACE = struct.Struct("!IQ")
_COUNT = struct.Struct("!Q")
_SMALL_COUNT = struct.Struct("!I")
_SHORT_COUNT = struct.Struct("!H")
_ARGUMENT = 5
_HAS_EXPRESSION, _HAS_ANNOTATIONS = 2, 0x80


class ClaimError(ValueError):
    """A QPY object claims what it cannot hold, or nobody should make room for."""


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Return the numbers of qubits and classical bits that the first circuit of an unpacked QPY object claims to have.

    None when the version is older than 13 (whose header differs) or the header is cut off.
    """
    if len(content) < 7 or content[6] < OLDEST:
        return None
    start = _FILE_HEADER + (_TABLE_ENTRY if content[6] >= 16 else 0)
    try:
        *_, qubits, clbits = _COUNTS.unpack_from(content, start)
    except struct.error:
        return None
    return qubits, clbits


def programs_apart(content: bytes) -> list[bytes]:
    """Split an unpacked QPY object into objects of one program each, so that every claim can be checked.

    Since version 16 a table tells where the programs start; before, only reading them tells.

    Raises:
        ValueError: The header is damaged, or the object is older than 16 and has not exactly one program.
    """
    try:
        (count,) = _COUNT.unpack_from(content, _NUMBER_AT)
        if content[6] < 16:
            if count != 1:
                raise ValueError(f"version {content[6]} must hold exactly one circuit here, not {count}")
            return [content]
        if not 0 < count <= (len(content) - _FILE_HEADER) // _TABLE_ENTRY:
            raise ValueError(f"it claims to hold {count} circuits")
        starts = [
            _COUNT.unpack_from(content, _FILE_HEADER + _TABLE_ENTRY * index)[0] for index in range(count)
        ]
    except (struct.error, IndexError) as cause:
        raise ValueError("it is cut off") from cause
    ends = [*starts[1:], len(content)]
    if starts[0] < _FILE_HEADER or any(start >= end for start, end in zip(starts, ends, strict=True)):
        raise ValueError("its table is damaged")
    head = content[:_NUMBER_AT] + _COUNT.pack(1) + content[_NUMBER_AT + _COUNT.size : _FILE_HEADER]
    head += _COUNT.pack(_FILE_HEADER + _TABLE_ENTRY)
    return [head + content[start:end] for start, end in zip(starts, ends, strict=True)]


def judged_programs(content: bytes, *, most: int) -> list[bytes]:
    """Split an unpacked QPY object into objects of one program each (``programs_apart``), and judge each."""
    parts = programs_apart(content)
    for part in parts:
        judge(part, most=most)
    return parts


def judge(content: bytes, *, most: int) -> None:
    """Judge an unpacked object of one circuit, and every circuit and value within it.

    What a whole object may claim is ``most`` and what its length pays for: an honest one spends five bytes on each
    qubit of a block, because the instruction that holds the block names them.

    Raises:
        ClaimError: It claims more, is cut off or nested too deeply, or its version is not known here.
    """
    version = content[6] if len(content) > 6 else 0
    if not OLDEST <= version <= _KNOWN:
        raise ClaimError(f"its version {version} is not known here")
    start = _FILE_HEADER + (_TABLE_ENTRY if version >= 16 else 0)
    try:
        _Walk(version, _Purse(most + len(content))).circuit(_Reader(memoryview(content)[start:]), 0)
    except (struct.error, UnicodeDecodeError) as cause:
        raise ClaimError("it is cut off or damaged") from cause


class _Purse:
    """What may still be claimed."""

    def __init__(self, left: int) -> None:
        self._left = left

    def pay(self, number: int, what: str) -> None:
        self._left -= number
        if self._left < 0:
            raise ClaimError(f"it claims {number} {what}, which is not accepted")


class _Reader:
    """A place in an object; nothing is copied."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        values = form.unpack_from(self._content, self._at)
        self._at += form.size
        return values

    def skip(self, length: int) -> None:
        self._at += length
        if self._at > len(self._content):
            raise ClaimError("it is cut off or damaged")

    def part(self, length: int) -> memoryview:
        start = self._at
        self.skip(length)
        return self._content[start : self._at]

    def inner(self, length: int) -> _Reader:
        return _Reader(self.part(length))

    def rest(self) -> memoryview:
        return self._content[self._at :]

    @property
    def more(self) -> bool:
        return self._at < len(self._content)


class _Walk:
    """Goes through an object in the order in which Qiskit reads it."""

    def __init__(self, version: int, purse: _Purse) -> None:
        self._version = version
        self._purse = purse
        self._vectors: set[tuple[int, int]] = set()
        self._values: dict[bytes, Callable[[_Reader, int], None]] = {
            b"q": self.circuit,
            b"t": self._sequence,
            b"n": self._array,
            b"v": self._vector_element,
            b"e": self._expression,
            b"m": self._modifier,
        }

    def circuit(self, at: _Reader, depth: int) -> None:
        if depth > _DEPTH:
            raise ClaimError("it is nested too deeply")
        name, phase_kind, phase, qubits, clbits, metadata, registers, instructions, variables = at.unpack(
            _HEADER
        )
        self._purse.pay(qubits, "qubits")
        self._purse.pay(clbits, "bits")
        at.skip(name)
        self._value(phase_kind, at.inner(phase), depth)
        at.skip(metadata)
        for _ in range(registers):
            _, _, size, name, _ = at.unpack(_REGISTER)
            self._purse.pay(size, "bits of a register")
            if self._version < 18:
                at.skip(name + 8 * size)
            else:  # the bits one by one, or only where they start
                at.skip(name + 4 * (1 if at.part(1)[0] else size))
        for _ in range(variables):
            self._variable(at)
        if self._version >= 15:
            (spaces,) = at.unpack(_SMALL_COUNT)
            for _ in range(spaces):
                at.skip(sum(at.unpack(_SPACE)))
        if self._version >= 18:
            self._vector_table(at)
        (definitions,) = at.unpack(_COUNT)
        for _ in range(definitions):
            self._definition(at, depth)
        for _ in range(instructions):
            self._instruction(at, depth)
        if self._version < 18 and at.unpack(_SHORT_COUNT) != (0,):
            raise ClaimError("it holds calibrations of pulses, which Qiskit does not read any more")

    def _variable(self, at: _Reader) -> None:
        *_, name = at.unpack(_VARIABLE)
        if bytes(at.part(1)) == b"u":
            at.skip(4)  # the width of an integer is a number only
        at.skip(name)

    def _definition(self, at: _Reader, depth: int) -> None:
        name, _, qubits, clbits, has_definition, size, controls, _, base = at.unpack(_DEFINITION)
        for number, what in ((qubits, "qubits"), (clbits, "bits"), (controls, "controls")):
            self._purse.pay(number, f"{what} of a gate")
        title = bytes(at.part(name))
        if has_definition:
            inner = at.inner(size)
            if title.startswith(b"###PauliEvolutionGate_"):
                self._evolution(inner, depth)
            else:
                self.circuit(inner, depth + 1)
        if base:
            self._instruction(at.inner(base), depth + 1, inner=True)

    def _instruction(self, at: _Reader, depth: int, *, inner: bool = False) -> None:
        if depth > _DEPTH:
            raise ClaimError("it is nested too deeply")
        name, label, values, qubits, clbits, extras, condition, _, controls, _ = at.unpack(_INSTRUCTION)
        self._purse.pay(controls, "controls of a gate")
        at.skip(name + label + condition)
        if extras & 3 == _HAS_EXPRESSION:
            at.skip(at.unpack(_TYPED)[1])
        if not inner:  # the base of a controlled gate is on no qubits
            at.skip(_ARGUMENT * (qubits + clbits))
        for _ in range(values):
            self._typed(at, depth)
        if extras & _HAS_ANNOTATIONS:
            (annotations,) = at.unpack(_SMALL_COUNT)
            for _ in range(annotations):
                at.skip(at.unpack(_SPACE)[1])

    def _typed(self, at: _Reader, depth: int) -> None:
        kind, size = at.unpack(_TYPED)
        if kind in self._values:
            self._value(kind, at.inner(size), depth)
        else:
            at.skip(size)

    def _value(self, kind: bytes, at: _Reader, depth: int) -> None:
        if depth > _DEPTH:
            raise ClaimError("it is nested too deeply")
        if kind in self._values:
            self._values[kind](at, depth + 1)

    def _sequence(self, at: _Reader, depth: int) -> None:
        (count,) = at.unpack(_COUNT)
        for _ in range(count):
            self._typed(at, depth)

    def _modifier(self, at: _Reader, _: int) -> None:
        self._purse.pay(at.unpack(_MODIFIER)[1], "controls of a gate")

    def _array(self, at: _Reader, _: int) -> None:
        stream = io.BytesIO(at.rest())
        try:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _order, dtype = read(stream)
        except Exception as cause:  # a header is text that NumPy evaluates: what that raises is its affair
            raise ClaimError("it holds an array that is none") from cause
        claimed, there = math.prod(shape) * dtype.itemsize, len(stream.getbuffer()) - stream.tell()
        if dtype.hasobject or claimed > there or (claimed == 0 and math.prod(n for n in shape if n) > there):
            raise ClaimError(f"it holds {there} bytes for an array of the shape {shape}")

    def _vector_table(self, at: _Reader) -> None:
        (vectors,) = at.unpack(_SHORT_COUNT)
        for _ in range(vectors):
            name, size, _uuid = at.unpack(_VECTOR)
            self._purse.pay(size, "parameters of a vector")
            at.skip(name)

    def _vector_element(self, at: _Reader, _: int) -> None:
        if self._version >= 18:
            at.unpack(_INDEXED_ELEMENT)
            return
        name, size, uuid, index = at.unpack(_VECTOR_ELEMENT)
        at.skip(name)
        root = (int.from_bytes(uuid, "big") - index, size)
        if root not in self._vectors:
            self._vectors.add(root)
            self._purse.pay(size, "parameters of a vector")

    def _symbol(self, kind: bytes, at: _Reader, depth: int) -> None:
        if kind == b"p":
            at.skip(at.unpack(_PARAMETER)[0])
        elif kind in (b"v", b"e"):
            self._value(kind, at, depth)
        else:
            raise ClaimError("it holds an expression of an unknown kind")

    def _expression(self, at: _Reader, depth: int) -> None:
        symbols, size = at.unpack(_EXPRESSION)
        operations = at.inner(size)
        for _ in range(symbols):
            kind, value_kind, length = at.unpack(_SYMBOL)
            self._symbol(kind, at, depth)
            if length:  # otherwise its value is the symbol itself
                self._value(value_kind, at.inner(length), depth)
        while operations.more:
            _, kind, left, *_ = operations.unpack(_OPERATION)
            if kind == b"u":  # puts values in the place of symbols
                self._mapping(operations.inner(_COUNT.unpack_from(left)[0]), depth)

    def _mapping(self, at: _Reader, depth: int) -> None:
        (count,) = at.unpack(_COUNT)
        for _ in range(count):
            key, kind, size = at.unpack(_ITEM)
            at.skip(key)
            self._value(kind, at.inner(size), depth)

    def _evolution(self, at: _Reader, depth: int) -> None:
        operators, _, time_kind, time, synthesis = at.unpack(_PAULI_EVOLUTION)
        for _ in range(operators):
            if self._version >= 17 and at.part(1)[0]:
                qubits, *lengths = at.unpack(_OBSERVABLE)
                self._purse.pay(qubits, "qubits of an observable")
                at.skip(sum(lengths))
            else:
                self._array(at.inner(at.unpack(_COUNT)[0]), depth)
        self._value(time_kind, at.inner(time), depth)
        at.skip(synthesis)


def fault_of(cause: BaseException) -> str:
    """Return in one line why an object could not be read: Qiskit's reader adds colours, frames and places in its source."""
    plain = re.sub(r"(\x1b|\\x1b)\[[0-9;]*m", "", str(cause)).replace("\\n", "\n")
    lines = (line.strip() for line in plain.splitlines() if not re.match(r"\s*at \S+:\d+", line))
    text = " ".join(" ".join(line for line in lines if "━" not in line).split())
    return f"{type(cause).__name__}: {text[:500]}"
