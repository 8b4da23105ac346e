"""Every regular expression of the package, and what strangers may make it read: time grows with the length (faults C1)."""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit

import qiskit_rest_primitives
from qiskit_rest_primitives.cli.words import as_commands
from qiskit_rest_primitives.qasm.foreign import import_text
from qiskit_rest_primitives.qasm.limits import LoadLimits
from qiskit_rest_primitives.qasm.maps import CircuitMap
from qiskit_rest_primitives.qasm.qpy_claims import fault_of, judged_programs, programs_apart
from qiskit_rest_primitives.qasm.text import HEADER, MAP_MARK, read_map_line, read_program
from qiskit_rest_primitives.rest import messages
from qiskit_rest_primitives.server.http.errors import HttpError
from qiskit_rest_primitives.server.http.request_body import _check_members, load_object
from qiskit_rest_primitives.server.text import readable, storable
from qiskit_rest_primitives.wire import jsonio, samples, typed
from qiskit_rest_primitives.wire.arrays import load_base64, load_numbers, unpack

ROOT = Path(qiskit_rest_primitives.__file__).parent
FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
EXPECTED = {
    "_calls": 1,
    "cli.doctor": 2,  # of what this package's own metadata says
    "cli.words": 1,
    "options.rules": 1,
    "rest.http_client": 3,
    "_secret": 1,
    "server.aer.simulation": 2,
    "server.devices.noise_passes": 1,
    "server.devices.registry": 1,
    "server.faults.plan": 5,
    "server.http.request_body": 2,
    "server.http.middleware": 1,
    "server.routes.programs": 1,
    "server.text": 2,
    "_time": 2,
    "wire.arrays": 2,
    "rest.messages": 1,
    "jobs.parts": 1,
    "qasm.foreign": 1,
    "qasm.maps": 1,
    "qasm.text": 8,
    "qasm.qpy_claims": 2,
    "wire.samples": 3,
    "wire.typed": 1,
}
"""How often a room uses ``re``. Whoever adds a use adds its adversary below, and corrects the number."""

ADVERSARIES = (
    '\\"', '"', "\\", '"\\', " ", "\t\n", "[", "]", "{", "(", ")", "1", "0.", "a", "a[", "a[0]", "a[0], ", "a.", "a-",
    "-", "1e", "1e+", "$0", "\x1b[", "\\x1b[", "\\x1b[0;", "at ", " at a:1", '"__type__" ', '"__type__": "ndarray" ',
    ": ", ":[", "[[", "[ ", "[1,", "é", "\ud800", "P1D", "1h", "T1", "\x1b]", "\x1b[0", "\x9b0", "\x9b", "a:", "a/", ".0", "a = measure ", "delay[1", "-1of1",
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
        began = time.thread_time()
        call(text)  # type: ignore[operator]
        best = min(best, time.thread_time() - began)
    return best


def in_proportion(call: object, short: object, long: object) -> bool:
    """Compare n with 4 n: four times as long is linear, sixteen times quadratic; what takes no time is not measured.

    A processor with other work can make one measurement long, hence several.
    """
    return any(seconds(call, long) <= 10 * seconds(call, short) + 0.02 for _ in range(4))


def assert_linear(call: object, unit: str, length: int, *, of_bytes: bool = False) -> None:
    short, long = (unit * (size // len(unit)) for size in (length, 4 * length))
    if of_bytes:
        short, long = (text.encode("utf-8", "replace") for text in (short, long))  # type: ignore[assignment]
    assert in_proportion(call, short, long), unit


def test_no_use_of_regular_expressions_is_missing_here() -> None:
    uses: Counter[str] = Counter()
    for path in ROOT.rglob("*.py"):
        room = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
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
            with contextlib.suppress(HttpError):
                load_object(body.encode("utf-8", "replace"))

    assert_linear(read, unit, 20_000)
    assert_linear(readable, unit, 20_000)
    assert_linear(storable, unit, 20_000)


def test_the_body_that_made_the_server_deaf_is_read_at_once() -> None:
    """Four kilobytes of gzip, 4.2 MB of text, days of time: each quote began a string that did not end."""
    _check_members('\\"' * 2_100_000)
    _check_members("\\\n" * 2_100_000)
    with pytest.raises(HttpError, match="lists and objects"):
        _check_members('"\\"[[["' + "[" * 4_000_001)


QPY_HEAD = b"QISKIT" + bytes([13, 2, 0, 0]) + (1).to_bytes(8, "big") + b"pq"
READERS: dict[str, Callable[[str], object]] = {
    "jsonio.loads": lambda text: [jsonio.loads(text), jsonio.loads('["' + text), jsonio.loads("[" + text)],
    "jsonio.load_datetime": lambda text: jsonio.load_datetime("2026-01-01T00:00:00." + text),
    "typed.parse": lambda text: typed.parse(b'{"a": [' + text.encode("utf-8", "replace")),
    "samples.loads": lambda text: samples.loads(b'{"samples": [' + text.encode("utf-8", "replace")),
    "arrays.load_base64": load_base64,
    "arrays.unpack": unpack,
    "arrays.load_numbers": lambda text: load_numbers([text[:1]] * len(text)),
    "http.readable": lambda text: messages.readable(text, most=len(text)),
    "qpy_claims.fault_of": lambda text: fault_of(ValueError(text)),
    "qpy_claims.programs_apart": lambda text: programs_apart(
        QPY_HEAD[:6] + b"\x10" + text.encode("utf-8", "replace")
    ),
    "qpy_claims": lambda text: judged_programs(QPY_HEAD + text.encode("utf-8", "replace"), most=100),
    "qasm3.read_program": lambda text: read_program(HEADER + "qubit[2] q;\n" + text + "\n"),
    "cli.as_commands": as_commands,
    "qasm3.read_map_line": lambda text: read_map_line(HEADER + MAP_MARK + text),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_reader_of_what_strangers_write_takes_time_in_proportion(reader: Callable[[str], object]) -> None:
    """Faults C1: the scanners of ``wire`` that go through texts by hand or with several patterns."""

    def read(text: str) -> None:
        with contextlib.suppress(ValueError, TypeError):  # what they raise is others' concern
            reader(text)

    for unit in (
        *ADVERSARIES,
        "q[0], ",
        "if (c == 1) {\n",
        "}\n",
        "x q[0];\n",
        "\n",
        "\0",
        "\0\0\0\1",
        "\x7f",
        "service.job('",
        "url='",
    ):
        assert_linear(read, unit, 20_000)


DECLARED = "qubit[1] q;\nbit[1000] c;\n"
GROWING: dict[str, Callable[[int], str]] = {
    "inputs that nobody uses": lambda n: "".join(f"input float[64] a{k};\n" for k in range(n)),
    "inputs": lambda n: (
        "".join(f"input float[64] a{k};\n" for k in range(n))
        + DECLARED
        + "".join(f"rx(a{k}) q[0];\n" for k in range(n))
    ),
    "calls": lambda n: DECLARED + "x q[0];\n" * n,
    "registers": lambda n: "".join(f"bit[1] c{k};\n" for k in range(n)),
    "conditions": lambda n: DECLARED + "if (c == 1) {\nx q[0];\n}\n" * (n // 25),
    "wide barriers": lambda n: f"qubit[{n}] q;\nbarrier {', '.join(f'q[{k}]' for k in range(n))};\n",
    "digits": lambda n: DECLARED + f"rx({'1' * n}) q[0];\n",
}


def add_registers(count: int) -> None:
    circuit = QuantumCircuit()
    for number in range(count):
        circuit.add_register(ClassicalRegister(1, f"c{number}"))


@pytest.mark.parametrize("write", GROWING.values(), ids=GROWING)
@pytest.mark.parametrize(("read", "length"), [(read_program, 1000), (import_text, 100)])
def test_texts_that_grow_take_time_in_proportion(
    write: Callable[[int], str], read: Callable[..., object], length: int
) -> None:
    """Faults C1 and C11: our own dialect, and other people's, which is parsed in workers only."""

    def read_one(text: str) -> None:
        with contextlib.suppress(ValueError):
            read(text, LoadLimits()) if read is import_text else read(text)

    if write is GROWING["registers"] and not in_proportion(add_registers, length, 4 * length):
        pytest.skip(
            "this Qiskit compares a register that is added with all others: pip install 'qiskit>=2.6'"
        )
    short, long = (HEADER + write(size) for size in (length, 4 * length))
    assert in_proportion(read_one, short, long)


def test_a_map_takes_time_in_proportion() -> None:
    def read(count: int) -> None:
        runs = [["a", index, 1] for index in range(count)]
        CircuitMap.from_json(
            {"name": "", "qubits": 1, "parameters": runs, "registers": [["r", runs]], "bare": []}
        )

    assert in_proportion(read, 10_000, 40_000)
