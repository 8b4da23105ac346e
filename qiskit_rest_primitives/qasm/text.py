"""The canonical dialect as text: a direct printer, and a strict reader that is its inverse.

One statement stands on one line. The reader takes exactly such lines; whatever else a text holds makes it
foreign (``ForeignTextError``), which is no fault: ``foreign`` reads general OpenQASM 3.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, Parameter, QuantumRegister, Qubit

from . import ir
from .gates import BLOCKS, KEYWORDS, SPOKEN, VOCABULARY, Word

HEADER = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
MAP_MARK = "// qiskit-rest-primitives: "


class ForeignTextError(ValueError):
    """A text is not in the canonical dialect."""


# ------------------------------------------------------------------------------------------ printing


def print_program(program: ir.Program, document: Mapping[str, Any] | None = None) -> str:
    """Print a program, pure ASCII, and JSON values in a comment line. Inverse: ``read_program``, and ``read_map_line``."""
    inputs = ir.input_names(program.num_inputs)
    registers = ir.register_names(len(program.register_sizes))
    printer = _Printer(program, inputs, registers)
    printer.body(program.body)
    lines = [HEADER[:-1]]
    if document is not None:
        lines.append(MAP_MARK + json.dumps(document, ensure_ascii=True, separators=(",", ":")))
    lines += [f"input float[64] {name};" for name in inputs]
    lines += [block for word in VOCABULARY.values() if word.name in printer.used and (block := word.block)]
    if program.num_qubits:
        lines.append(f"qubit[{program.num_qubits}] q;")
    sizes = zip(registers, program.register_sizes, strict=True)
    lines += [f"bit[{size}] {name};" for name, size in sizes]
    return "\n".join([*lines, *printer.lines, ""])


class _Printer:
    """Appends one line per statement; ``used`` has the names of the gates called so far."""

    def __init__(self, program: ir.Program, inputs: tuple[str, ...], registers: tuple[str, ...]) -> None:
        self.lines: list[str] = []
        self.used: set[str] = set()
        self._inputs = inputs
        self._registers = registers
        self._qubits = [f"q[{index}]" for index in range(program.num_qubits)]
        self._clbits = [
            f"{name}[{index}]"
            for name, size in zip(registers, program.register_sizes, strict=True)
            for index in range(size)
        ]
        self._texts: dict[str, str] = {word.name: word.text for word in VOCABULARY.values()}
        self._loops = 0

    def body(self, body: ir.Body) -> None:
        qubits, lines, texts, used, inputs = self._qubits, self.lines, self._texts, self.used, self._inputs
        for statement in body:
            if type(statement) is ir.Call:
                name, angles, where = statement
                used.add(name)
                operands = ", ".join([qubits[index] for index in where])
                if angles:
                    written = ", ".join(
                        [inputs[angle] if type(angle) is int else repr(angle) for angle in angles]
                    )
                    lines.append(f"{texts[name]}({written}) {operands};")
                else:
                    lines.append(f"{texts[name]} {operands};")
            else:
                self._other(statement)

    def _other(self, statement: ir.Statement) -> None:
        qubits, clbits, lines = self._qubits, self._clbits, self.lines
        if isinstance(statement, ir.Measure):
            lines.append(f"{clbits[statement.clbit]} = measure {qubits[statement.qubit]};")
        elif isinstance(statement, ir.Barrier):
            lines.append(f"barrier {', '.join([qubits[index] for index in statement.qubits])};")
        elif isinstance(statement, ir.Reset):
            lines.append(f"reset {qubits[statement.qubit]};")
        elif isinstance(statement, ir.Delay):
            times = "" if statement.times is None else f"{self._inputs[statement.times]} * "
            lines.append(f"delay[{times}{statement.duration!r}{statement.unit}] {qubits[statement.qubit]};")
        elif isinstance(statement, ir.Jump):
            lines.append(f"{statement.kind};")
        elif isinstance(statement, ir.If):
            self._block(f"if ({self._test(statement.test)})", statement.then, close=not statement.otherwise)
            if statement.otherwise:
                self._block("} else", statement.otherwise)
        elif isinstance(statement, ir.While):
            self._block(f"while ({self._test(statement.test)})", statement.body)
        elif isinstance(statement, ir.For):
            self._loops += 1
            self._block(f"for int i{self._loops} in [0:{statement.rounds - 1}]", statement.body)

    def _block(self, head: str, body: ir.Body, *, close: bool = True) -> None:
        self.lines.append(head + " {")
        self.body(body)
        if close:
            self.lines.append("}")

    def _test(self, test: ir.Test) -> str:
        if isinstance(test, ir.BitTest):
            return self._clbits[test.clbit] if test.value else "!" + self._clbits[test.clbit]
        return f"{self._registers[test.register]} == {test.value}"


# ------------------------------------------------------------------------------------------- reading

_NAME = r"[a-z][A-Za-z0-9_]*"
_REGISTER = re.compile(rf"(qubit|bit)\[([1-9][0-9]{{0,8}})\] ({_NAME});")
_INPUT = re.compile(rf"input float\[64\] ({_NAME});")
_CALL = re.compile(rf"([a-zU][a-z0-9_]*)(?:\(([^()]*)\))? ({_NAME}\[[0-9]+\](?:, {_NAME}\[[0-9]+\])*);")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?")
_MEASURE = re.compile(rf"({_NAME}\[[0-9]+\]) = measure ({_NAME}\[[0-9]+\]);")
_DELAY = re.compile(
    rf"delay\[(?:({_NAME}) \* )?([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)(dt|ns|us|ms|s)\] ({_NAME}\[[0-9]+\]);"
)
_TEST = re.compile(rf"(?:(!?)({_NAME}\[[0-9]+\])|({_NAME}) == (0|[1-9][0-9]*))")
_FOR = re.compile(rf"for int ({_NAME}) in \[0:([0-9]{{1,12}})\] \{{")


def read_map_line(text: str) -> Any:
    """Return the JSON values carried in a text's comment line, None if it carries none; a damaged one is a ``ValueError``."""
    if not text.startswith(HEADER + MAP_MARK):
        return None
    start = len(HEADER) + len(MAP_MARK)
    end = text.find("\n", start)
    try:
        return json.loads(text[start:end] if end >= 0 else text[start:])
    except RecursionError as cause:
        raise ValueError("it is nested too deeply") from cause


def read_program(text: str, *, check_sizes: Callable[[int, int, int], None] | None = None) -> QuantumCircuit:
    """Read a text in the canonical dialect. Inverse of ``print_program``; other text is a ``ForeignTextError``.

    Each ``gate`` line must be, to the letter, the one this package writes; register and input names may be
    any that the general importer would keep. ``check_sizes`` is called with (qubits, bits, rounds) before anything of that size
    is built or looped.
    """
    if not text.startswith(HEADER):
        raise ForeignTextError("another header")
    lines = text[len(HEADER) :].split("\n")
    if lines[-1]:
        raise ForeignTextError("the last line does not end")
    lines.pop()
    if lines and lines[0].startswith(MAP_MARK):
        lines[0] = ""
    reader = _Reader(check_sizes or _unlimited)
    return reader.read(lines)


def _unlimited(_qubits: int, _bits: int, _rounds: int) -> None:
    """Accept any size."""


class _Reader:
    """Builds a circuit line by line."""

    def __init__(self, check_sizes: Callable[[int, int, int], None]) -> None:
        self.circuit = QuantumCircuit()
        self._check_sizes = check_sizes
        self._inputs: dict[str, Parameter] = {}
        self._qubits: dict[str, Qubit] = {}
        self._clbits: dict[str, Clbit] = {}
        self._registers: dict[str, ClassicalRegister] = {}
        self._names: set[str] = set()
        self._gates = {text: word for text, word in SPOKEN.items() if word.block is None}
        self._open: list[tuple[str, ExitStack, Any]] = []

    def read(self, lines: Iterable[str]) -> QuantumCircuit:
        rest = iter(lines)
        for line in rest:
            if not line:
                continue
            if not self._declare(line):
                self._statement(line)
                break
        calls, statement = self._call, self._statement
        for line in rest:
            match = _CALL.fullmatch(line)
            if match is None or match[1] not in self._gates:
                statement(line)
            else:
                calls(match)
        if self._open:
            raise ForeignTextError("a block is not closed")
        self._keep_unused_inputs()
        return self.circuit

    # ------------------------------------------------------------------------------------ declarations

    def _declare(self, line: str) -> bool:
        if match := _INPUT.fullmatch(line):
            name = self._claim(match[1])
            self._inputs[name] = Parameter(name)
        elif word := BLOCKS.get(line):
            self._claim(word.text)
            self._gates[word.text] = word
        elif match := _REGISTER.fullmatch(line):
            self._declare_register(match[1], int(match[2]), self._claim(match[3]))
        else:
            return False
        return True

    def _declare_register(self, kind: str, size: int, name: str) -> None:
        circuit = self.circuit
        if kind == "qubit":
            self._check_sizes(circuit.num_qubits + size, 0, 0)
            register = QuantumRegister(size, name)
            self._qubits.update((f"{name}[{index}]", bit) for index, bit in enumerate(register))
        else:
            self._check_sizes(0, circuit.num_clbits + size, 0)
            register = self._registers[name] = ClassicalRegister(size, name)
            self._clbits.update((f"{name}[{index}]", bit) for index, bit in enumerate(register))
        circuit.add_register(register)

    def _claim(self, name: str) -> str:
        if name in self._names or name in KEYWORDS or (name in SPOKEN and SPOKEN[name].block is None):
            raise ForeignTextError(f"the name {name!r} is taken")
        self._names.add(name)
        return name

    def _keep_unused_inputs(self) -> None:
        """Make inputs that reach no gate parameters of the circuit, as the general importer does."""
        unused = set(self._inputs.values()).difference(self.circuit.parameters)
        terms = [parameter - parameter for parameter in sorted(unused, key=lambda entry: entry.name)]
        while len(terms) > 1:  # by halves: a sum copies what it adds to
            terms = [sum(terms[at + 1 : at + 2], terms[at]) for at in range(0, len(terms), 2)]
        for term in terms:
            self.circuit.global_phase += term

    # -------------------------------------------------------------------------------------- statements

    def _call(self, match: re.Match[str]) -> None:
        name, angles, operands = match.groups()
        word = self._gates[name]
        try:
            qubits = [self._qubits[operand] for operand in operands.split(", ")]
        except KeyError:
            raise ForeignTextError("an unknown qubit") from None
        values = [self._angle(angle) for angle in angles.split(", ")] if angles is not None else []
        if len(values) != word.num_angles or len(qubits) != word.num_qubits:
            raise ForeignTextError("a call that does not fit its gate")
        _APPLY[name](self.circuit, values, qubits)

    def _angle(self, text: str) -> Any:
        value = self._inputs.get(text)
        if value is not None:
            return value
        if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
            raise ForeignTextError("an angle that is neither an input nor a number")
        return number

    def _statement(self, line: str) -> None:
        circuit = self.circuit
        if match := _CALL.fullmatch(line):
            head = match[1]
            if head in self._gates:
                self._call(match)
            elif head == "barrier" and match[2] is None:
                circuit.barrier([self._qubit(operand) for operand in match[3].split(", ")])
            elif head == "reset" and match[2] is None and ", " not in match[3]:
                circuit.reset(self._qubit(match[3]))
            else:
                raise ForeignTextError(f"gate {head!r} is not defined")
        elif match := _MEASURE.fullmatch(line):
            circuit.measure(self._qubit(match[2]), self._clbit(match[1]))
        elif match := _DELAY.fullmatch(line):
            duration: Any = float(match[2]) if {".", "e"} & set(match[2]) else int(match[2])
            if match[1] is not None:
                if match[1] not in self._inputs:
                    raise ForeignTextError("a delay that depends on something else than an input")
                times = self._inputs[match[1]]
                duration = times if duration == 1 else duration * times
            circuit.delay(duration, self._qubit(match[4]), unit=match[3])
        else:
            self._control(line)

    def _control(self, line: str) -> None:
        circuit = self.circuit
        if line == "}":
            self._close()
        elif line == "} else {":
            kind, stack, branch = self._pop()
            if kind != "if":
                raise ForeignTextError("an else without its if")
            stack.close()
            self._enter("else", branch)
        elif line in ("break;", "continue;"):
            if not any(kind == "loop" for kind, _, _ in self._open):
                raise ForeignTextError("a jump outside a loop")
            circuit.break_loop() if line == "break;" else circuit.continue_loop()
        elif line.startswith("if (") and line.endswith(") {"):
            self._enter("if", circuit.if_test(self._test(line[4:-3])))
        elif line.startswith("while (") and line.endswith(") {"):
            self._enter("loop", circuit.while_loop(self._test(line[7:-3])))
        elif (match := _FOR.fullmatch(line)) and match[1] not in KEYWORDS and match[1] not in SPOKEN:
            count = int(match[2]) + 1
            self._check_sizes(0, 0, count)
            self._enter("loop", circuit.for_loop(range(count)))
        else:
            raise ForeignTextError("an unknown statement")

    def _enter(self, kind: str, context: Any) -> None:
        if len(self._open) >= ir.MAX_DEPTH:
            raise ForeignTextError("deeply nested control flow")
        stack = ExitStack()
        self._open.append((kind, stack, stack.enter_context(context)))

    def _pop(self) -> tuple[str, ExitStack, Any]:
        if not self._open:
            raise ForeignTextError("a brace without its block")
        return self._open.pop()

    def _close(self) -> None:
        self._pop()[1].close()

    def _test(self, text: str) -> Any:
        match = _TEST.fullmatch(text)
        if match is None:
            raise ForeignTextError("a condition that is not simple")
        if match[2] is not None:
            return self._clbit(match[2]), not match[1]
        register = self._registers.get(match[3])
        if register is None or int(match[4]).bit_length() > len(register):
            raise ForeignTextError("a condition on something else")
        return register, int(match[4])

    def _qubit(self, text: str) -> Qubit:
        try:
            return self._qubits[text]
        except KeyError:
            raise ForeignTextError("an unknown qubit") from None

    def _clbit(self, text: str) -> Clbit:
        try:
            return self._clbits[text]
        except KeyError:
            raise ForeignTextError("an unknown bit") from None


def _applier(word: Word) -> Callable[[QuantumCircuit, list[Any], list[Qubit]], Any]:
    """Return the quickest public way to append a gate."""
    method = getattr(QuantumCircuit, word.name, None)
    if method is None or word.num_qubits > 3:
        return lambda circuit, angles, qubits: circuit.append(word.gate(*angles), qubits)
    return lambda circuit, angles, qubits: method(circuit, *angles, *qubits)


_APPLY = {text: _applier(word) for text, word in SPOKEN.items()}
