"""The trap table as a list, and that each of its rows has a test which names it.

The table lists what goes wrong between a ``QuantumCircuit``, its OpenQASM 3 text and the circuit read from that. The
tests stand where the remedy is; their names begin with the rows they are about: ``test_g3_g4_calls_that...``.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

SILENT = {
    "P1": "the server sorts parameters by their escaped names",
    "P7": "a product under a division is printed without brackets",
    "P11": "integers divide as integers",
    "G1": "formal parameters are written in sorted order",
    "G2": "an expression is both in the definition and in the call",
    "G5": "the reader sorts formal parameters again",
    "G12": "the simulator takes names for its own gates",
    "R4": "loose qubits are declared first",
    "R5": "the order of registers replaces the order of qubits",
    "C1": "a loop that counts down runs too far",
}
LOUD = {
    "P2": "reserved names",
    "P3": "words that only the lexer knows",
    "P4": "characters that are no letters",
    "P5": "names that collide once escaped",
    "P6": "a parameter with the name of a register",
    "P8": "functions and powers",
    "P9": "large coefficients",
    "P10": "long and deep expressions",
    "P12": "parameters that reach no gate",
    "P13": "global phases",
    "P14": "angles that are not finite",
    "P15": "vectors used in part",
    "P16": "a loop variable with the name of a parameter",
    "G3": "calls of another arity",
    "G4": "a formal name in the actual expression",
    "G6": "arithmetic in definitions",
    "G7": "parameters that are no numbers",
    "G8": "operations that are no gates",
    "G9": "gates on no qubit",
    "G10": "gates without definition",
    "G11": "unitary gates",
    "G13": "names that the core of Qiskit dispatches on",
    "G14": "many gates of one name",
    "G15": "gates named like others",
    "G16": "open controls",
    "G17": "native gates that stdgates.inc lacks",
    "G18": "id",
    "G19": "evolutions by terms that do not commute",
    "G20": "barriers, delays and nothing in definitions",
    "G21": "labels",
    "G22": "the gates that come back as they are",
    "R1": "registers under other names",
    "R2": "register names that collide once escaped",
    "R3": "overlapping registers",
    "R6": "interleaved registers",
    "R7": "loose classical bits",
    "R8": "registers of no bits",
    "R9": "register names that results cannot have",
    "R10": "the width of a device",
    "R11": "wide circuits with few gates",
    "R12": "registers in nested blocks",
    "R13": "circuits of nothing",
    "R14": "wide registers",
    "C2": "loops over nothing",
    "C3": "repeated indices",
    "C4": "switch",
    "C5": "general conditions",
    "C6": "general conditions of while",
    "C7": "real-time variables and stretches",
    "C8": "loop variables in angles",
    "C9": "jumps, nested blocks, mapped bits",
    "C10": "deep nesting",
    "C11": "units of delays",
    "C12": "delays with free parameters",
    "C13": "delays of several units",
    "C14": "boxes",
    "C15": "empty and labelled barriers",
    "C16": "the service's own instructions",
    "S1": "whatever a reader can raise",
    "S2": "small texts that ask for much",
    "S3": "files that a text names",
    "S4": "names that end a simulator",
    "S5": "negative indices",
    "S6": "threads",
}
TESTS = Path(__file__).resolve().parents[1]


def rows_named_by_tests() -> dict[str, list[str]]:
    """Return the tests that name each row."""
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            rows = re.match(r"test_((?:[pgrcs]\d+_)+)", getattr(node, "name", "") or "")
            for row in rows[1].rstrip("_").split("_") if rows else []:
                found[row.upper()].append(f"{path.stem}: {node.name}")
    return dict(found)


@pytest.fixture(scope="module")
def named() -> dict[str, list[str]]:
    return rows_named_by_tests()


def test_the_list_is_whole() -> None:
    last = {"P": 16, "G": 22, "R": 14, "C": 16, "S": 6}

    assert {*SILENT, *LOUD} == {f"{part}{row}" for part, rows in last.items() for row in range(1, rows + 1)}
    assert not SILENT.keys() & LOUD.keys()


def test_every_row_has_a_test_and_every_test_a_row(named: dict[str, list[str]]) -> None:
    assert set(named) == {*SILENT, *LOUD}


@pytest.mark.parametrize("row", SILENT)
def test_rows_that_are_silently_wrong_are_compared_by_value(row: str, named: dict[str, list[str]]) -> None:
    """A test that only looks at the text would pass for a text that means something else."""
    sources = "\n".join(
        (TESTS / "qasm" / name).read_text() for name in ("test_canonical.py", "test_foreign.py")
    )
    bodies = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(sources.replace("from __future__ import annotations", "")))
        if any(getattr(node, "name", None) == test.split(": ")[1] for test in named[row])
    ]

    assert any("difference(" in body or ".params" in body for body in bodies)
