"""The canonical text: what it looks like, that every reader understands it alike, and what is foreign to it."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import Parameter

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.qasm.gates import VOCABULARY
from qiskit_rest_primitives.qasm.ir import (
    Barrier,
    BitTest,
    Call,
    Delay,
    For,
    If,
    Jump,
    Measure,
    Program,
    RegisterTest,
    Reset,
    While,
)
from qiskit_rest_primitives.qasm.text import ForeignTextError, print_program, read_map_line, read_program

HEADER = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'

EVERYTHING = Program(
    num_qubits=3,
    register_sizes=(2, 1),
    num_inputs=2,
    body=[
        Call("rzz", (0,), (0, 2)),
        Call("u", (1, -0.5, 1e-300), (1,)),
        Barrier((0, 1)),
        Delay(100, "dt", 2),
        Delay(1.5e-7, "s", 2),
        Reset(1),
        Measure(0, 2),
        If(BitTest(2, True), [Call("x", (), (0,))], [Measure(1, 0)]),
        If(RegisterTest(0, 3), [Call("cx", (), (0, 1))], []),
        While(BitTest(1, False), [Measure(0, 1), If(BitTest(2, False), [Jump("break")], [Jump("continue")])]),
        For(3, [For(1, [Call("h", (), (2,))]), Call("rx", (0,), (0,))]),
    ],
)
TEXT = (
    HEADER
    + """// qiskit-rest-primitives: {"name":"\\u03b8\\n"}
input float[64] p00000;
input float[64] p00001;
gate rzz(p0) a, b { cx a, b; rz(p0) b; cx a, b; }
qubit[3] q;
bit[2] m000;
bit[1] m001;
rzz(p00000) q[0], q[2];
U(p00001, -0.5, 1e-300) q[1];
barrier q[0], q[1];
delay[100dt] q[2];
delay[1.5e-07s] q[2];
reset q[1];
m001[0] = measure q[0];
if (m001[0]) {
x q[0];
} else {
m000[0] = measure q[1];
}
if (m000 == 3) {
cx q[0], q[1];
}
while (!m000[1]) {
m000[1] = measure q[0];
if (!m001[0]) {
break;
} else {
continue;
}
}
for int i1 in [0:2] {
for int i2 in [0:0] {
h q[2];
}
rx(p00000) q[0];
}
"""
)


def test_the_text_of_every_kind_of_statement():
    assert print_program(EVERYTHING, {"name": "θ\n"}) == TEXT


def test_the_strict_reader_reads_what_the_printer_prints():
    circuit = read_program(TEXT)

    assert [step.name for step in circuit.data] == [
        "rzz", "u", "barrier", "delay", "delay", "reset", "measure", "if_else", "if_else", "while_loop", "for_loop",
    ]  # fmt: skip
    assert circuit.data[-1].operation.params[0] == range(3)
    assert [parameter.name for parameter in circuit.parameters] == ["p00000", "p00001"]


def test_both_readers_build_the_same_circuit():
    strict, general = read_program(TEXT), qasm3.loads(TEXT)

    # The general importer knows rzz by our definition only.
    general = QuantumCircuit.copy(general)
    assert [step.name for step in strict.data] == [step.name for step in general.data]
    assert strict.cregs == general.cregs
    assert strict.qregs == general.qregs
    for ours, theirs in zip(strict.data[1:], general.data[1:], strict=True):
        if not ours.is_control_flow():
            assert (ours.name, ours.params, ours.qubits, ours.clbits) == (
                theirs.name,
                [float(value) if isinstance(value, int) else value for value in theirs.params]
                if ours.name != "u"
                else ours.params,
                theirs.qubits,
                theirs.clbits,
            )
        else:
            assert ours.operation.blocks[0].count_ops() == theirs.operation.blocks[0].count_ops()
            if ours.name != "for_loop":
                assert ours.operation.condition == theirs.operation.condition


def test_every_line_of_a_canonical_text_is_ascii():
    assert TEXT.isascii()


def test_the_map_line_comes_back():
    assert read_map_line(TEXT) == {"name": "θ\n"}
    assert read_map_line(HEADER + "qubit[1] q;\n") is None
    assert read_map_line("garbage") is None


@pytest.mark.parametrize("word", VOCABULARY.values(), ids=lambda word: word.name)
def test_gates_come_back_as_qiskits_classes(word):
    program = Program(
        word.num_qubits,
        (),
        word.num_angles,
        [Call(word.name, tuple(range(word.num_angles)), tuple(range(word.num_qubits)))],
    )

    step = read_program(print_program(program)).data[0]

    assert step.operation.base_class is word.gate
    assert [parameter.name for parameter in step.params] == [
        f"p{index:05d}" for index in range(word.num_angles)
    ]


@pytest.mark.parametrize(
    "body",
    [
        "qubit[2] q;\nrzz(0.1) q[0], q[1];\n",  # no definition
        "gate rzz(p0) a, b { cx a, b; rz(-p0) b; cx a, b; }\nqubit[2] q;\nrzz(0.1) q[0], q[1];\n",
        "gate foo a { x a; }\nqubit[1] q;\nfoo q[0];\n",
        "qubit[1] q;\nid q[0];\n",
        "qubit[1] q;\nu(0.1, 0.2, 0.3) q[0];\n",
        "qubit[1] q;\nrx(pi/2) q[0];\n",
        "qubit[1] q;\nrx(inf) q[0];\n",
        "qubit[1] q;\nrx(1e999) q[0];\n",
        "qubit[1] q;\nrx(a) q[0];\n",
        "qubit[1] q;\nrx() q[0];\n",
        "qubit[1] q;\nrx q[0];\n",
        "qubit[1] q;\nx(0.1) q[0];\n",
        "qubit[2] q;\nx q[0], q[1];\n",
        "qubit[1] q;\nx q[1];\n",
        "qubit[1] q;\nx q[-1];\n",
        "qubit[1] q;\nx q;\n",
        "qubit[1] q;\n x q[0];\n",
        "qubit[1] q;\nx q[0]; x q[0];\n",
        "qubit[1] q;\nx q[0];",
        "qubit[1] q;\n// x\nx q[0];\n/*\n",
        "qubit[1] C;\nx C[0];\n",
        "qubit[1] pi;\nx pi[0];\n",
        "qubit[1] cx;\nx cx[0];\n",
        "qubit[1] q;\nqubit[1] q;\n",
        "qubit[1] q;\nx q[0];\nqubit[1] r;\n",
        "qubit[1] q;\nbit[1] c;\nif (c[0]) {\nx q[0];\n",
        "qubit[1] q;\nbit[1] c;\n}\n",
        "qubit[1] q;\nbit[1] c;\n} else {\n",
        "qubit[1] q;\nbit[1] c;\nwhile (c[0]) {\n} else {\n}\n",
        "qubit[1] q;\nbit[1] c;\nif (c == 2) {\nx q[0];\n}\n",
        "qubit[1] q;\nbit[1] c;\nif (c != 1) {\nx q[0];\n}\n",
        "qubit[1] q;\nbreak;\n",
        "qubit[1] q;\nbit[1] c;\nif (c[0]) {\nbreak;\n}\n",
        "qubit[1] q;\nfor int i in [0:-1] {\nx q[0];\n}\n",
        "qubit[1] q;\nfor int i in {0, 1} {\nx q[0];\n}\n",
        "qubit[1] q;\ndelay[-1ns] q[0];\n",
        "qubit[1] q;\ndelay[1h] q[0];\n",
        "qubit[0] q;\n",
        "int a;\n",
        'include "stdgates.inc";\n',
        "input angle[32] t;\n",
        "qubit[1] q;\nreset q[0], q[0];\n",
        "qubit[1] q;\nbarrier(0.1) q[0];\n",
        "qubit[1] q;\ngate rzz(p0) a, b { cx a, b; rz(p0) b; cx a, b; }\nbit[1] rzz;\n",
        "qubit[1] q;\nbit[1] c;\nm000[0] = measure q[0];\n",
        "\x00",
    ],
)
def test_whatever_is_said_differently_is_foreign(body):
    with pytest.raises(ForeignTextError):
        read_program(HEADER + body)


def test_a_deeply_nested_text_is_foreign():
    text = HEADER + "qubit[1] q;\nbit[1] c;\n" + "if (c[0]) {\n" * 41 + "x q[0];\n" + "}\n" * 41

    with pytest.raises(ForeignTextError, match="nested"):
        read_program(text)


def test_texts_without_a_map_are_read_when_they_use_the_same_words():
    circuit = read_program(HEADER + "input float[64] theta;\nqubit[2] reg;\nbit[1] out;\nrx(theta) reg[1];\n")

    assert circuit.qregs[0].name == "reg"
    assert circuit.cregs[0].name == "out"


def test_inputs_that_reach_no_gate_stay_parameters_as_in_the_general_importer():
    text = HEADER + "input float[64] b;\ninput float[64] a;\nqubit[1] q;\nrx(b) q[0];\n"

    assert [parameter.name for parameter in read_program(text).parameters] == ["a", "b"]
    assert [parameter.name for parameter in qasm3.loads(text).parameters] == ["a", "b"]


def test_duplicate_qubits_are_no_canonical_text():
    with pytest.raises(Exception, match="duplicate"):
        read_program(HEADER + "qubit[2] q;\ncx q[0], q[0];\n")


def test_sizes_are_checked_before_anything_is_built():
    asked = []

    def check(*sizes: int) -> None:
        asked.append(sizes)
        if max(sizes) > 100_000:
            raise OverflowError

    for line in ("qubit[999999999] q;\n", "bit[999999999] c;\n", "for int i in [0:999999999999] {\n"):
        with pytest.raises(OverflowError):
            read_program(HEADER + line, check_sizes=check)
    assert len(asked) == 3


def test_qiskits_own_text_reads_alike_wherever_the_strict_reader_takes_it():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.rx(Parameter("t5"), 1)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    text = qasm3.dumps(circuit, disable_constants=True)

    strict, general = read_program(text), qasm3.loads(text)
    parameter = strict.parameters[0]

    assert strict == general.assign_parameters({general.parameters[0]: parameter})


def test_canonical_texts_of_this_package_always_take_the_fast_way():
    circuit = QuantumCircuit(3, 3)
    circuit.rzz(Parameter("θ"), 0, 1)
    circuit.ccz(0, 1, 2)
    circuit.measure([0, 1, 2], [0, 1, 2])
    with circuit.if_test((circuit.cregs[0], 5)):
        circuit.x(0)

    assert len(read_program(dump_circuit(circuit).wire).data) == 6
