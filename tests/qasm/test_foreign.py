"""Foreign OpenQASM 3: the service's words for faults, bounds on what a text may ask for, and no silent mistakes."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from math import pi

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import RZZGate, UGate
from qiskit.quantum_info import Operator

from qiskit_rest_primitives.qasm.codec import load_circuit
from qiskit_rest_primitives.qasm.limits import CircuitLoadError, LoadLimits

HEADER = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def reason(body: str, header: str = HEADER, **limits: int) -> str:
    with pytest.raises(CircuitLoadError) as caught:
        load_circuit(header + body, limits=LoadLimits(**limits))
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("qubit[2] q; rzz(0.1) q[0], q[1];", "gate 'rzz' is not defined"),
        ("qubit[2] q; ecr q[0], q[1];", "gate 'ecr' is not defined"),
        ("qubit q; xslow q;", "gate 'xslow' is not defined"),
        ("qubit q; u(0.1, 0.2, 0.3) q;", "gate 'u' is not defined"),
        ("qubit[2] q; cx q[0], q[0];", "duplicate bit arguments"),
        ("qubit[1] q; x q[5];", "out of range"),
        ('include "qelib1.inc";', "non-stdgates imports not currently supported"),
        ("int a;", "declarations of type 'int' are not supported"),
        ("qubit q; bit c; switch (c) { case 0 { x q; } }", "SwitchStatement"),
        ("qubit q; x $0;", "Mixing modes not currently supported"),
        ("output bit c;", "the 'output' keyword is not supported"),
        ("qubit q; rx(inf) q;", "Undefined symbol 'inf'"),
        ("garbage", "3,7: the text is not OpenQASM 3"),
        ("qubit q; § x q;", "3,9: the text is not OpenQASM 3"),
        ("qubit q; bit c; c = measure_2 q;", "the text is not OpenQASM 3"),
        ("qubit q; bit c; if (c && c) { x q; }", "unhandled binary operator"),
    ],
)
def test_faults_are_worded_as_the_services(body, words):
    assert words in reason(body)


@pytest.mark.parametrize("text", ["", "Not a program.", "\ufeffqubit q;", "OPENQASM 3.0;\nqubit q"])
def test_texts_in_no_language(text):
    assert "the text is not OpenQASM 3" in reason(text, header="")


@pytest.mark.parametrize("text", ["OPENQASM 3.0;", "OPENQASM 3;\n// nothing\n"])
def test_texts_of_nothing(text):
    assert load_circuit(text).num_qubits == 0


def test_openqasm_2_is_refused_by_its_include():
    assert "non-stdgates" in reason('include "qelib1.inc";\nqreg q[1];', header="OPENQASM 2.0;\n")


def test_without_the_include_no_gate_is_defined():
    assert "gate 'x' is not defined" in reason("qubit q; x q;", header="OPENQASM 3.0;\n")


# ------------------------------------------------------------------------------------- S rows: hygiene


@pytest.mark.parametrize(
    "body",
    [
        "qubit q; " + "(" * 3000,
        "qubit q; rx(" + "-(" * 2000 + "1" + ")" * 2000 + ") q;",
        "qubit q; bit c; " + "if (c) { " * 300 + "x q; " + "} " * 300,
        "qubit q; rx(1/0) q;",
        "qubit q; rx(1e999) q;",
        "qubit q; x q[0];",
        "qubit[2] q; h q[{0, 5}];",
        "gate pauli_product_rotation a { x a; }\nqubit q; pauli_product_rotation q;",
        "gate g a { g a; }\nqubit q; g q;",
        "\x00\x01\x02",
        "qubit q; rx(" + "9" * 5000 + ") q;",
        "bit[2] c; c = measure c;",
        "qubit q; reset c;",
        "box { }",
        "def f() { }",
        "pragma x",
        "@a b\nqubit q;",
        "qubit q; barrier r;",
        "qubit[2] q; let a = q[5];",
        "qubit q; delay[a] q;",
        "qubit q; delay[100dt] q[3];",
    ],
)
def test_s1_whatever_goes_wrong_is_one_kind_of_error(body):
    outcome = ""
    try:
        outcome = str(len(load_circuit(HEADER + body).data))
    except CircuitLoadError as error:
        outcome = str(error)

    assert outcome.strip()
    assert "Traceback" not in outcome


def test_s1_nothing_of_a_faulty_text_is_printed(capsys):
    reason("secret secret;")
    reason("qubit q; § q;")

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("bit[10000000] c;", "10000000 classical bits"),
        ("bit[1000*10000] c;", "10000000 classical bits"),
        ("creg c[10000000];", "10000000 classical bits"),
        ("bit[60000] c; bit[60000] d;", "120000 classical bits"),
        ("qubit[1000000] q;", "1000000 qubits"),
        ("qreg q[1000000];", "1000000 qubits"),
        ("x $1000000000000;", "qubits"),
        ("qubit q; for int i in [0:1000000000] { x q; }", "1000000001 rounds"),
        ("qubit q; for int i in [1000000000:-1:0] { x q; }", "1000000001 rounds"),
        ("qubit[30] q; ctrl(29) @ x q;", "at most 16 controls"),
        ("qubit q; pow(1000000) @ x q;", "at most 1000"),
        ("qubit[1000000] q;\n", "1000000 qubits"),
        ("bit[1000000] c;\n", "1000000 classical bits"),
    ],
)
def test_s2_small_texts_cannot_ask_for_large_things(body, words):
    assert words in reason(body)


def test_s2_the_bounds_can_be_chosen():
    assert "at most 3 are accepted" in reason("qubit[4] q;\n", qubits=3)
    assert "at most 3 are accepted" in reason("qubit[4] q; x q;", qubits=3)
    assert "longer than 10 characters" in reason("", characters=10)


def test_s2_definitions_that_double_at_each_level_are_refused():
    doubling = "gate g0 a { x a; }\n" + "".join(
        f"gate g{level} a {{ g{level - 1} a; g{level - 1} a; }}\n" for level in range(1, 40)
    )

    assert "more than 1000000 gates" in reason(doubling + "qubit q; g39 q;")


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret.inc", "stdgates.inc.bak"])
def test_s3_no_file_is_ever_opened(path, tmp_path, monkeypatch):
    opened = []
    sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)

    assert "non-stdgates" in reason(f'include "{path}";')
    assert path not in opened


def test_s4_gates_are_known_by_their_bodies_and_not_by_their_names():
    kraus = load_circuit(HEADER + "gate kraus a { x a; }\nqubit q; kraus q;").data[0].operation
    wrong = load_circuit(HEADER + "gate ecr a, b { cx a, b; }\nqubit[2] q; ecr q[0], q[1];").data[0].operation

    for gate, width in ((kraus, 1), (wrong, 2)):
        assert type(gate) is Gate
        assert gate.definition.num_qubits == width


@pytest.mark.parametrize("index", ["-1", "0:-1", "-2:-1", "1-2", "{0, -1}"])
def test_s5_negative_indices_are_refused(index):
    assert "negative indices" in reason(f"qubit[2] q; x q[{index}];")
    assert "negative indices" in reason(f"qubit q; bit[2] c; if (c[{index}]) {{ x q; }}")


def test_s6_threads_do_not_disturb_each_other():
    texts = [HEADER + f"qubit[{width}] q; x q;" for width in range(1, 9)]

    with ThreadPoolExecutor(8) as pool:
        circuits = list(pool.map(load_circuit, texts))

    assert [len(circuit.data) for circuit in circuits] == list(range(1, 9))


# ------------------------------------------------------------------------------ no silent mistakes


def test_p11_quotients_of_integers_in_angles_are_numbers():
    circuit = load_circuit(HEADER + "input float[64] a;\nqubit q; rx(1/3) q; rx(7/2 + a) q; rx(-1/4 * pi) q;")

    assert circuit.data[0].params == [1 / 3]
    assert float(circuit.data[1].params[0].bind({circuit.parameters[0]: 0.0})) == 3.5
    assert circuit.data[2].params == [-pi / 4]


def test_p11_quotients_of_integers_in_indices_stay_integers():
    circuit = load_circuit(HEADER + "qubit[2] q; x q[3/2];")

    assert circuit.find_bit(circuit.data[0].qubits[0]).index == 1


def test_g5_formal_parameters_keep_their_order():
    circuit = load_circuit(HEADER + "gate g(b, a) q { rx(b) q; rz(a) q; }\nqubit q; g(1.0, 2.0) q;")

    assert [step.params for step in circuit.data[0].operation.definition.data] == [[1.0], [2.0]]


def test_g5_eleven_formal_parameters_keep_their_order():
    names = [f"v_{index}_" for index in range(11)]
    body = " ".join(f"rx({name}) q;" for name in names)
    actual = ", ".join(f"{index}.0" for index in range(11))
    circuit = load_circuit(f"{HEADER}gate g({', '.join(names)}) q {{ {body} }}\nqubit q; g({actual}) q;")

    assert [step.params[0] for step in circuit.data[0].operation.definition.data] == list(range(11))


@pytest.mark.parametrize(
    "body",
    ["cx a, b; rz(t) b; cx a, b;", "h b; rzx_(t) a, b; h b;", "rz(t) a; rz(t) b; cp(-2*t) a, b;"],
    ids=["as exported", "through another gate", "another way"],
)
def test_g17_a_native_gate_defined_in_the_text_gets_its_class(body):
    other = "gate rzx_(t) a, b { h b; cx a, b; rz(t) b; cx a, b; h b; }\n"
    circuit = load_circuit(
        HEADER + other + f"gate rzz(t) a, b {{ {body} }}\nqubit[2] q; rzz(0.3) q[0], q[1];"
    )

    assert circuit.data[0].operation.base_class is RZZGate
    assert circuit.data[0].params == [0.3]


def test_g17_a_native_gate_defined_otherwise_keeps_its_name_and_its_body():
    text = HEADER + "gate rzz(t) a, b { cx a, b; rz(-t) b; cx a, b; }\nqubit[2] q; rzz(0.3) q[0], q[1];"
    gate = load_circuit(text).data[0].operation

    assert type(gate) is Gate
    assert gate.name == "rzz"
    assert Operator(gate.definition).equiv(RZZGate(-0.3))


def test_g18_id_in_foreign_text_becomes_u_as_on_the_service():
    circuit = load_circuit(HEADER + "qubit[1] q;\nid q[0];\n")

    assert circuit.data[0].operation.base_class is UGate
    assert circuit.data[0].params == [0, 0, 0]


def test_physical_qubits_keep_their_index():
    circuit = load_circuit(HEADER + "bit[1] c; x $3; c[0] = measure $3;")

    assert circuit.num_qubits == 4
    assert circuit.find_bit(circuit.data[0].qubits[0]).index == 3


def test_modifiers_broadcasts_and_constants():
    circuit = load_circuit(
        HEADER + "qubit[2] q; bit[2] c; inv @ s q; ctrl @ x q[0], q[1]; rx(pi/2) q; c = measure q;"
    )
    expected = QuantumCircuit(2)
    expected.sdg([0, 1])
    expected.cx(0, 1)
    expected.rx(pi / 2, [0, 1])

    assert Operator(circuit.remove_final_measurements(inplace=False)).equiv(expected)
