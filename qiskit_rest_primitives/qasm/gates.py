"""The gate vocabulary of the canonical dialect: names, sizes, Qiskit classes and definition lines."""

from __future__ import annotations

from dataclasses import dataclass

from qiskit.circuit import Gate
from qiskit.circuit.library import standard_gates as std


@dataclass(frozen=True)
class Word:
    """One gate that may stand in a canonical text.

    Attributes:
        name: Name in Qiskit.
        text: Name in OpenQASM 3; differs for ``U`` only.
        gate: Qiskit's class.
        num_angles: Number of angles.
        num_qubits: Number of qubits.
        block: The line that defines the gate, without a newline; None if stdgates.inc or the language does.
    """

    name: str
    text: str
    gate: type[Gate]
    num_angles: int
    num_qubits: int
    block: str | None = None


_LETTERS = ("a", "b", "c", "d")


def _native(gate: type[Gate], name: str, num_angles: int, num_qubits: int) -> Word:
    return Word(name, "U" if name == "u" else name, gate, num_angles, num_qubits)


def _defined(gate: type[Gate], name: str, num_angles: int, num_qubits: int, body: str) -> Word:
    """Describe a gate that stdgates.inc lacks; the body speaks of qubits ``a b c d`` and angles ``p0 p1 p2``."""
    formals = f"({', '.join(f'p{index}' for index in range(num_angles))})" if num_angles else ""
    block = f"gate {name}{formals} {', '.join(_LETTERS[:num_qubits])} {{ {body} }}"
    return Word(name, name, gate, num_angles, num_qubits, block)


# Only gates of stdgates.inc stand in the bodies, each formal angle alone or halved: the general importer
# types angles in bodies strictly, and a body that needs no other block cannot come in the wrong order.
_CS = "t a; cx a, b; tdg b; cx a, b; t b;"
_EIGHTH = "0.39269908169872414"
_WORDS = (
    _native(std.PhaseGate, "p", 1, 1),
    _native(std.XGate, "x", 0, 1),
    _native(std.YGate, "y", 0, 1),
    _native(std.ZGate, "z", 0, 1),
    _native(std.HGate, "h", 0, 1),
    _native(std.SGate, "s", 0, 1),
    _native(std.SdgGate, "sdg", 0, 1),
    _native(std.TGate, "t", 0, 1),
    _native(std.TdgGate, "tdg", 0, 1),
    _native(std.SXGate, "sx", 0, 1),
    _native(std.RXGate, "rx", 1, 1),
    _native(std.RYGate, "ry", 1, 1),
    _native(std.RZGate, "rz", 1, 1),
    _native(std.UGate, "u", 3, 1),
    _native(std.U1Gate, "u1", 1, 1),
    _native(std.U2Gate, "u2", 2, 1),
    _native(std.U3Gate, "u3", 3, 1),
    _native(std.CXGate, "cx", 0, 2),
    _native(std.CYGate, "cy", 0, 2),
    _native(std.CZGate, "cz", 0, 2),
    _native(std.CHGate, "ch", 0, 2),
    _native(std.CPhaseGate, "cp", 1, 2),
    _native(std.CRXGate, "crx", 1, 2),
    _native(std.CRYGate, "cry", 1, 2),
    _native(std.CRZGate, "crz", 1, 2),
    _native(std.CUGate, "cu", 4, 2),
    _native(std.SwapGate, "swap", 0, 2),
    _native(std.CCXGate, "ccx", 0, 3),
    _native(std.CSwapGate, "cswap", 0, 3),
    _defined(std.SXdgGate, "sxdg", 0, 1, "s a; h a; s a;"),
    _defined(std.RGate, "r", 2, 1, "rz(-p1) a; rx(p0) a; rz(p1) a;"),
    _defined(std.RXXGate, "rxx", 1, 2, "h a; h b; cx a, b; rz(p0) b; cx a, b; h b; h a;"),
    _defined(
        std.RYYGate,
        "ryy",
        1,
        2,
        "sdg a; sdg b; h a; h b; cx a, b; rz(p0) b; cx a, b; h a; h b; s a; s b;",
    ),
    _defined(std.RZZGate, "rzz", 1, 2, "cx a, b; rz(p0) b; cx a, b;"),
    _defined(std.RZXGate, "rzx", 1, 2, "h b; cx a, b; rz(p0) b; cx a, b; h b;"),
    _defined(std.ECRGate, "ecr", 0, 2, "s a; sx b; cx a, b; x a;"),
    _defined(std.iSwapGate, "iswap", 0, 2, "s a; s b; h a; cx a, b; cx b, a; h b;"),
    _defined(std.DCXGate, "dcx", 0, 2, "cx a, b; cx b, a;"),
    _defined(std.CSGate, "cs", 0, 2, _CS),
    _defined(std.CSdgGate, "csdg", 0, 2, "tdg a; cx a, b; t b; cx a, b; tdg b;"),
    _defined(std.CSXGate, "csx", 0, 2, f"h b; {_CS} h b;"),
    _defined(std.CU1Gate, "cu1", 1, 2, "cp(p0) a, b;"),
    _defined(std.CU3Gate, "cu3", 3, 2, "cu(p0, p1, p2, 0.0) a, b;"),
    _defined(
        std.XXPlusYYGate,
        "xx_plus_yy",
        2,
        2,
        "rz(p1) a; sdg b; sx b; s b; s a; cx b, a; ry(-p0/2) b; ry(-p0/2) a; cx b, a; sdg a; sdg b; "
        "s b; h b; s b; s b; rz(-p1) a;",
    ),
    _defined(
        std.XXMinusYYGate,
        "xx_minus_yy",
        2,
        2,
        "rz(-p1) b; sdg a; sx a; s a; s b; cx a, b; ry(p0/2) a; ry(-p0/2) b; cx a, b; sdg b; sdg a; "
        "s a; h a; s a; s a; rz(p1) b;",
    ),
    _defined(std.CCZGate, "ccz", 0, 3, "h c; ccx a, b, c; h c;"),
    _defined(std.RCCXGate, "rccx", 0, 3, "h c; t c; cx b, c; tdg c; cx a, c; t c; cx b, c; tdg c; h c;"),
    _defined(
        std.RC3XGate,
        "rcccx",
        0,
        4,
        "h d; t d; cx c, d; tdg d; h d; cx a, d; t d; cx b, d; tdg d; cx a, d; t d; cx b, d; tdg d; "
        "h d; t d; cx c, d; tdg d; h d;",
    ),
    _defined(
        std.C3SXGate,
        "c3sx",
        0,
        4,
        f"h d; cp({_EIGHTH}) a, d; cx a, b; cp(-{_EIGHTH}) b, d; cx a, b; cp({_EIGHTH}) b, d; "
        f"cx b, c; cp(-{_EIGHTH}) c, d; cx a, c; cp({_EIGHTH}) c, d; cx b, c; cp(-{_EIGHTH}) c, d; "
        f"cx a, c; cp({_EIGHTH}) c, d; h d;",
    ),
)

VOCABULARY: dict[str, Word] = {word.name: word for word in _WORDS}
"""By Qiskit name. ``id`` and ``global_phase`` are missing on purpose: they are never written."""

SPOKEN: dict[str, Word] = {word.text: word for word in _WORDS}
"""By OpenQASM 3 name."""

BLOCKS: dict[str, Word] = {word.block: word for word in _WORDS if word.block is not None}
"""By definition line."""

KEYWORDS = frozenset({
    "pi", "tau", "euler", "input", "output", "const", "bit", "qubit", "int", "uint", "float",
    "angle", "complex", "bool", "duration", "stretch", "creg", "qreg", "array", "void", "true",
    "false", "gate", "def", "cal", "defcal", "defcalgrammar", "box", "barrier", "measure", "reset",
    "delay", "if", "else", "for", "while", "in", "end", "break", "continue", "return", "switch",
    "case", "default", "extern", "ctrl", "negctrl", "inv", "pow", "gphase", "let", "include",
    "mutable", "readonly", "pragma", "durationof", "sizeof", "popcount", "rotl", "rotr", "sin",
    "cos", "tan", "arcsin", "arccos", "arctan", "exp", "ln", "sqrt", "mod", "floor", "ceiling",
    "log", "real", "imag", "im", "nop", "id", "cphase", "phase",
})  # fmt: skip
"""Names that OpenQASM 3 or stdgates.inc claims, gates of the vocabulary aside."""
