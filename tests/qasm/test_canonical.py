"""The trap table, row by row: what OpenQASM 3 loses when Qiskit prints it, and we must not.

``difference`` compares exactly: the original circuit against the one read back, register by register.
The letters in the names of the tests are those of the table's rows.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager, qasm3
from qiskit.circuit import (
    AnnotatedOperation,
    ClassicalRegister,
    Clbit,
    ControlModifier,
    Duration,
    Gate,
    IfElseOp,
    Instruction,
    InverseModifier,
    Parameter,
    ParameterVector,
    QuantumRegister,
    Qubit,
    library,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import (
    DiagonalGate,
    GlobalPhaseGate,
    HamiltonianGate,
    Initialize,
    Isometry,
    LinearFunction,
    PauliEvolutionGate,
    PauliGate,
    SGate,
    StatePreparation,
    UCGate,
    UCRYGate,
    UnitaryGate,
    XGate,
    get_standard_gate_name_mapping,
)
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.quantum_info import Operator, SparsePauliOp, random_clifford, random_unitary
from qiskit.transpiler import CouplingMap

from qiskit_rest_primitives.qasm import foreign
from qiskit_rest_primitives.qasm.canonical import CircuitDumpError
from qiskit_rest_primitives.qasm.codec import dump_circuit, load_circuit
from qiskit_rest_primitives.qasm.gates import VOCABULARY
from qiskit_rest_primitives.qasm.limits import DEFAULT_LIMITS
from qiskit_rest_primitives.qasm.text import read_program

EXACT = 1e-12
pytestmark = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")


def lines(circuit: QuantumCircuit) -> list[str]:
    """Return the statements of a circuit's text, without header, map and declarations."""
    text = dump_circuit(circuit, circuit_format="qasm3").wire
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("OPENQASM", "include", "//", "input", "qubit", "bit", "gate "))
    ]


def refusal(circuit: QuantumCircuit) -> str:
    with pytest.raises(CircuitDumpError) as caught:
        dump_circuit(circuit, circuit_format="qasm3")
    return str(caught.value)


# -------------------------------------------------------------------------------- silently wrong rows


@pytest.mark.parametrize(
    "parameters",
    [
        list(ParameterVector("θ", 12)),
        [Parameter("a"), *ParameterVector("b", 2)],
        [Parameter("t"), Parameter("t1")],
        [Parameter("x"), Parameter("é")],
    ],
    ids=["twelve", "scalar and vector", "t t1", "x e-acute"],
)
def test_p1_values_reach_their_angles_whatever_the_names_order(parameters, difference):
    circuit = QuantumCircuit(1)
    for index, parameter in enumerate(parameters):
        circuit.rx(parameter, 0) if index % 2 else circuit.ry(parameter, 0)

    values = {parameter: 0.1 + 0.37 * index for index, parameter in enumerate(parameters)}

    assert difference(circuit, values) < EXACT
    inputs = dump_circuit(circuit).inputs
    assert list(inputs) == sorted(inputs)


def test_p1_more_inputs_than_five_digits_keep_their_order():
    from qiskit_rest_primitives.qasm.ir import input_names, register_names

    assert list(input_names(100_001)) == sorted(input_names(100_001))
    assert list(register_names(1001)) == sorted(register_names(1001))


def test_p7_quotients_whose_text_lacks_brackets_keep_their_value(difference):
    x, y, z = (Parameter(name) for name in "xyz")
    circuit = QuantumCircuit(1)
    for expression in (x / (-y * z), 1 / (-x * y), (-x) / (-y * x)):
        circuit.rx(expression, 0)
        circuit.rz(0.3, 0)

    assert difference(circuit, {x: 0.7, y: -1.3, z: 2.1}) < EXACT


def test_g1_a_custom_gate_whose_formals_are_not_sorted_keeps_its_angles(difference):
    b, a = Parameter("b"), Parameter("a")
    inner = QuantumCircuit(1)
    inner.rx(b, 0)
    inner.rz(a, 0)
    gate = Gate("G", 1, [b, a])
    gate.definition = inner
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])

    assert difference(circuit, {a: 0.4, b: 1.9}) < EXACT


def test_g1_a_gate_assigned_after_it_was_made_keeps_its_angles(difference):
    a, b, c = (Parameter(name) for name in "abc")
    inner = QuantumCircuit(1)
    inner.rx(a, 0)
    inner.ry(b, 0)
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])
    circuit = circuit.assign_parameters({a: c})

    assert difference(circuit, {c: 0.4, b: 1.9}) < EXACT


def test_g2_an_expression_is_not_applied_twice(difference):
    a, c = Parameter("a"), Parameter("c")
    inner = QuantumCircuit(1)
    inner.rx(a, 0)
    circuit = QuantumCircuit(2)
    circuit.append(inner.to_gate(), [0])
    circuit = circuit.assign_parameters({a: 2 * c})
    circuit.append(PauliEvolutionGate(SparsePauliOp("XX"), 2 * c), [0, 1])

    assert difference(circuit, {c: 0.4}) < EXACT


def test_g5_gates_of_eleven_vector_elements_keep_their_angles(difference):
    vector = ParameterVector("v", 11)
    inner = QuantumCircuit(1)
    for index, parameter in enumerate(vector):
        inner.rx(parameter, 0) if index % 2 else inner.rz(parameter, 0)
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])

    assert difference(circuit, {parameter: 0.2 * index for index, parameter in enumerate(vector)}) < EXACT


@pytest.mark.parametrize(
    "name",
    ["ecr", "mcx", "csx", "kraus", "qerror_loc", "sxdg", "diagonal", "multiplexer", "roerror"],
)
def test_g12_no_name_of_the_users_gates_is_ever_written(name, difference):
    inner = QuantumCircuit(2)
    inner.h(0)
    inner.cx(0, 1)
    gate = inner.to_gate()
    gate.name = name
    circuit = QuantumCircuit(2)
    circuit.append(gate, [0, 1])

    assert lines(circuit) == ["h q[0];", "cx q[0], q[1];"]
    assert difference(circuit) < EXACT


@pytest.mark.parametrize(
    "registers",
    [
        [QuantumRegister(2, "a"), [Qubit()], QuantumRegister(1, "b")],
        [[Qubit()], QuantumRegister(2, "a")],
    ],
    ids=["R4 between", "first"],
)
def test_r4_loose_qubits_keep_their_place(registers, difference):
    circuit = QuantumCircuit(*registers)
    for index in range(circuit.num_qubits):
        circuit.rx(0.3 + index, index)

    assert lines(circuit)[0] == "rx(0.3) q[0];"
    assert difference(circuit) < EXACT


def test_r5_registers_over_reversed_qubits_do_not_reorder_them(difference):
    bits = [Qubit() for _ in range(3)]
    circuit = QuantumCircuit(bits)
    circuit.add_register(QuantumRegister(bits=bits[::-1], name="r"))
    circuit.rx(0.3, bits[0])
    circuit.ry(1.3, bits[2])

    assert lines(circuit) == ["rx(0.3) q[0];", "ry(1.3) q[2];"]
    assert difference(circuit) < EXACT


@pytest.mark.parametrize("indices", [range(5, 0, -1), range(5, 0, -2), range(-3, -9, -2), range(0, -1, -1)])
@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
def test_c1_loops_with_negative_steps_run_as_often_as_in_qiskit(indices, used, difference):
    circuit = QuantumCircuit(1)
    with circuit.for_loop(indices) as index:
        circuit.rx(0.1 * index if used else 0.3, 0)
        circuit.rz(0.2, 0)

    assert difference(circuit) < EXACT


# ---------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize("name", ["h", "U", "pi", "τ", "gate", "measure", "q", "m000", "input", "i1"])
def test_p2_reserved_names_as_parameters(name, difference):
    parameter = Parameter(name)
    circuit = QuantumCircuit(1)
    circuit.rx(parameter, 0)

    assert lines(circuit) == ["rx(p00000) q[0];"]
    assert difference(circuit, {parameter: 0.4}) < EXACT


@pytest.mark.parametrize(
    "name", ["true", "false", "void", "switch", "case", "default", "readonly", "im", "pragma"]
)
def test_p3_words_only_the_lexer_knows_travel_as_names_of_anything(name, difference):
    parameter = Parameter(name)
    inner = QuantumCircuit(1, name=name)
    inner.rx(parameter, 0)
    circuit = QuantumCircuit(QuantumRegister(1, "r" + name), ClassicalRegister(1, name))
    circuit.append(inner.to_gate(), [0])
    circuit.measure(0, 0)

    assert difference(circuit, {parameter: 0.4}) < EXACT


@pytest.mark.parametrize(
    "name", ["\u037e", "\u0387", "\u0378", "a b", "a-b", "$\\theta$", "né\nx", "\\", '"']
)
def test_p4_characters_that_are_no_letters_stay_out_of_the_program(name, difference):
    parameter = Parameter(name)
    circuit = QuantumCircuit(1, name=name)
    circuit.rx(parameter, 0)

    assert difference(circuit, {parameter: 0.4}) < EXACT
    assert dump_circuit(circuit).wire.isascii()
    assert dump_circuit(circuit).map.parameters == (name,)


def test_p5_names_that_collide_once_escaped_stay_apart(difference):
    parameters = [Parameter(name) for name in ("a b", "a-b", "_a_b")]
    circuit = QuantumCircuit(1)
    for parameter in parameters:
        circuit.rx(parameter, 0)
        circuit.rz(0.5, 0)

    assert difference(circuit, dict(zip(parameters, (0.1, 1.2, 2.3), strict=True))) < EXACT


def test_p6_a_parameter_may_have_the_name_of_a_register(difference):
    parameter = Parameter("c")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(parameter, 0)
    circuit.measure(0, 0)

    assert difference(circuit, {parameter: 0.4}) < EXACT
    assert [register.name for register in dump_circuit(circuit).map.registers] == ["c"]


def test_p8_functions_and_powers_are_evaluated_by_the_client(difference):
    x = Parameter("x")
    circuit = QuantumCircuit(1)
    for expression in (x.sin(), x.cos(), x.tan(), (x / 3).arcsin(), (x / 3).arccos(), x.arctan(), x.exp(),
                       x.log(), abs(-1 * x), x.sign(), x.conjugate(), x**2):  # fmt: skip
        circuit.rx(expression, 0)
        circuit.rz(0.3, 0)

    assert difference(circuit, {x: 0.77}) < 1e-11
    assert all(re.fullmatch(r"r[xz]\([p0-9.]+\) q\[0\];", line) for line in lines(circuit))


@pytest.mark.parametrize("factor", [1e20, 2.0**64, 1e300])
def test_p9_large_factors(factor):
    x = Parameter("x")
    circuit = QuantumCircuit(1)
    circuit.rx(x * factor, 0)
    encoded = dump_circuit(circuit)

    from qiskit.primitives.containers.bindings_array import BindingsArray

    assert encoded.values(BindingsArray({("x",): [3.0]}))[..., 0] == 3.0 * factor


def test_p10_long_and_deep_expressions(difference):
    vector = ParameterVector("v", 300)
    total = sum(vector[1:], start=vector[0])
    nested = vector[0]
    for _ in range(150):
        nested = (nested + 1).sin()
    circuit = QuantumCircuit(1)
    circuit.rx(total, 0)
    circuit.ry(nested, 0)

    assert difference(circuit, dict.fromkeys(vector, 0.01)) < EXACT


def test_p11_numbers_are_written_as_floats():
    circuit = QuantumCircuit(1)
    circuit.rx(3, 0)
    circuit.rx(1e22, 0)
    circuit.rx(np.float32(0.1), 0)

    assert lines(circuit) == ["rx(3.0) q[0];", "rx(1e+22) q[0];", "rx(0.10000000149011612) q[0];"]


def test_p12_parameters_that_reach_no_gate_are_dropped(difference):
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1, global_phase=a)
    circuit.rx(b - b + 0.5, 0)
    circuit.rx(b - b - 0.0625, 0)

    assert dump_circuit(circuit).inputs == ()
    assert dump_circuit(circuit).map.parameters == ("a", "b")
    assert difference(circuit, {a: 0.3, b: 0.4}) < EXACT


def test_p12_parameters_that_no_condition_can_reach_are_dropped():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test(expr.lift(False)):
        circuit.rx(a, 0)
    circuit.rx(b, 0)

    assert lines(circuit) == ["rx(p00000) q[0];"]
    assert dump_circuit(circuit).map.bare == (1,)


def test_p13_global_phases_of_controlled_gates_count(difference):
    inner = QuantumCircuit(1, global_phase=0.7)
    inner.rx(0.4, 0)
    circuit = QuantumCircuit(2, global_phase=0.3)
    circuit.h(0)
    circuit.append(inner.to_gate().control(1, annotated=False), [0, 1])

    assert difference(circuit) < EXACT


@pytest.mark.parametrize("angle", [math.inf, -math.inf, math.nan])
def test_p14_angles_that_are_not_finite_are_refused_by_place(angle):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.rx(angle, 0)

    assert refusal(circuit) == f"instruction 1 ('rx'): the angle {angle} is not finite"


def test_p15_vectors_used_in_part_and_names_that_differ_in_case(difference):
    vector = ParameterVector("v", 12)
    others = [Parameter(name) for name in ("B", "a", "_")]
    circuit = QuantumCircuit(1)
    for parameter in (vector[11], vector[3], *others):
        circuit.rx(parameter, 0)
        circuit.rz(0.2, 0)

    values = {parameter: 0.3 * index for index, parameter in enumerate([vector[11], vector[3], *others])}

    assert difference(circuit, values) < EXACT


def test_p16_a_loop_variable_hides_a_parameter_only_inside_its_loop(difference):
    a = Parameter("a")
    body = QuantumCircuit(1)
    body.rx(a, 0)
    circuit = QuantumCircuit(1)
    circuit.for_loop((1, 2), a, body, [0], [])
    circuit.ry(a, 0)

    assert lines(circuit) == ["rx(1.0) q[0];", "rx(2.0) q[0];", "ry(p00000) q[0];"]
    assert difference(circuit, {a: 0.4}) < EXACT


def test_equal_expressions_share_an_input_and_different_ones_do_not():
    x = Parameter("x")
    circuit = QuantumCircuit(1)
    for expression in (2 * x, x + x, x, 0.1 * x, 0.10000000000000002 * x):
        circuit.rx(expression, 0)

    assert [line[3:9] for line in lines(circuit)] == ["p00000", "p00000", "p00001", "p00002", "p00003"]


# --------------------------------------------------------------------------------------------- gates


@pytest.mark.parametrize("arguments", [("2*a", 0.5), ("a", "a"), ("a+b", "a-b")])
def test_g3_g4_calls_that_repeat_or_mix_formals(arguments, difference):
    a, b = Parameter("a"), Parameter("b")
    formals = [Parameter("a"), Parameter("b")]
    inner = QuantumCircuit(1)
    inner.rx(formals[0], 0)
    inner.ry(formals[1], 0)
    table = {"2*a": 2 * a, "a": a, "a+b": a + b, "a-b": a - b}
    circuit = QuantumCircuit(1)
    actual = {
        formal: table.get(argument, argument) for formal, argument in zip(formals, arguments, strict=True)
    }
    circuit.append(inner.to_gate(parameter_map=actual), [0])

    assert (
        difference(circuit, {entry: {"a": 0.4, "b": 1.1}[entry.name] for entry in circuit.parameters}) < EXACT
    )


def test_g6_arithmetic_in_definitions(difference):
    a, b = Parameter("a"), Parameter("b")
    inner = QuantumCircuit(1)
    inner.rx(a * b, 0)
    inner.rz(a + 1, 0)
    inner.rx(1 / a, 0)
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])

    assert difference(circuit, {a: 0.4, b: 1.1}) < EXACT


@pytest.mark.parametrize(
    "gate",
    [
        PauliGate("XYZ"),
        StatePreparation([0.6, 0.8j]),
        UnitaryGate(random_unitary(2, seed=1)).control(1, annotated=False),
        LinearFunction([[1, 1], [0, 1]]),
        HamiltonianGate(SparsePauliOp("XZ").to_matrix(), 0.3),
    ],
    ids=lambda gate: gate.name,
)
def test_g7_gates_whose_parameters_are_no_angles(gate, difference):
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.h(range(gate.num_qubits))
    circuit.append(gate, range(gate.num_qubits))

    assert difference(circuit) < EXACT


def clifford_under_modifiers() -> AnnotatedOperation:
    return AnnotatedOperation(SGate(), [InverseModifier(), ControlModifier(1)])


@pytest.mark.parametrize(
    "operation",
    [
        Initialize([0.6, 0.8]),
        DiagonalGate([1, 1j]),
        UCRYGate([0.1, 0.2]),
        UCGate([random_unitary(2, seed=1).data, random_unitary(2, seed=2).data]),
        Isometry(np.eye(4)[:, :2], 0, 0),
        random_clifford(2, seed=3),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_g8_operations_that_are_no_gates_are_written_out(operation, difference):
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, range(operation.num_qubits))

    assert difference(circuit) < EXACT


def test_g8_annotated_operations_are_synthesised():
    circuit = QuantumCircuit(2)
    circuit.append(clifford_under_modifiers(), [0, 1])
    loaded = load_circuit(dump_circuit(circuit, circuit_format="qasm3").wire)

    assert Operator(loaded).equiv(SGate().inverse().control(1))


def test_g8_instructions_that_measure_are_written_out(difference):
    inner = QuantumCircuit(2, 2)
    inner.h(0)
    inner.measure([0, 1], [1, 0])
    circuit = QuantumCircuit(2, 3)
    circuit.append(inner.to_instruction(), [1, 0], [2, 0])

    assert difference(circuit) < EXACT


def test_g9_gates_on_no_qubit_are_dropped():
    circuit = QuantumCircuit(1)
    circuit.append(GlobalPhaseGate(0.3), [])

    assert lines(circuit) == []


def test_g10_an_opaque_gate_is_refused_by_name_and_place():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((0, True)):
        circuit.x(0)
        circuit.append(Gate("xslow", 1, []), [0])

    message = refusal(circuit)

    assert message.startswith("instruction 1 ('xslow'), in instruction 0 ('if_else'): ")
    assert "no definition" in message


def test_g11_a_unitary_is_written_out_of_standard_gates(difference):
    circuit = QuantumCircuit(2)
    circuit.unitary(random_unitary(4, seed=5), [0, 1])

    assert difference(circuit) < EXACT
    assert not any("unitary" in line for line in lines(circuit))


@pytest.mark.skipif(
    not hasattr(library, "PauliProductRotationGate"),
    reason="a newer Qiskit than 2.3 has a gate of such a name",
)
def test_g13_names_that_qiskits_core_dispatches_on(difference):
    from qiskit.quantum_info import Pauli

    circuit = QuantumCircuit(2)
    circuit.append(library.PauliProductRotationGate(Pauli("XZ"), 0.4), [0, 1])

    assert difference(circuit) < EXACT


def test_g14_many_gates_of_one_name_need_no_definitions(difference):
    circuit = QuantumCircuit(1)
    for index in range(50):
        inner = QuantumCircuit(1, name="g")
        inner.rx(0.01 * index, 0)
        circuit.append(inner.to_gate(), [0])

    assert "gate " not in dump_circuit(circuit).wire
    assert difference(circuit) < EXACT


@pytest.mark.parametrize("name", ["cx", "h", "U", "q", "gate", "3q", ""])
def test_g15_gates_named_like_others_do_what_they_are_defined_to_do(name, difference):
    inner = QuantumCircuit(1)
    inner.rx(0.3, 0)
    gate = inner.to_gate()
    gate.name = name
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])

    assert lines(circuit) == ["rx(0.3) q[0];"]


@pytest.mark.parametrize("base", ["x", "y", "z", "h", "sx", "p", "rx", "rz", "swap"])
@pytest.mark.parametrize("controls", [1, 2, 3])
def test_g16_every_control_state_is_kept(base, controls, difference):
    kind = get_standard_gate_name_mapping()[base]
    gate = kind.base_class(*([0.7] * len(kind.params)))
    for state in range(2**controls):
        controlled = gate.control(controls, ctrl_state=state, annotated=False)
        circuit = QuantumCircuit(controlled.num_qubits)
        circuit.h(range(controlled.num_qubits))
        circuit.append(controlled, range(controlled.num_qubits))

        assert difference(circuit) < EXACT


@pytest.mark.parametrize("name", sorted(VOCABULARY))
@pytest.mark.parametrize("read", ["strict", "general"])
def test_g17_g22_gates_of_the_vocabulary_keep_name_class_and_angles(name, read, difference):
    word = VOCABULARY[name]
    parameters = [Parameter(letter) for letter in "abcd"[: word.num_angles]]
    circuit = QuantumCircuit(word.num_qubits)
    circuit.append(word.gate(*parameters), range(word.num_qubits))
    text = dump_circuit(circuit, circuit_format="qasm3").wire
    loaded = read_program(text) if read == "strict" else foreign.import_text(text, DEFAULT_LIMITS)

    assert [(step.name, step.operation.base_class) for step in loaded.data] == [(name, word.gate)]
    assert [entry.name for entry in loaded.data[0].params] == [
        f"p{index:05d}" for index in range(word.num_angles)
    ]
    assert (word.block or "") in text
    assert (word.block is None) == ("\ngate " not in text)


@pytest.mark.parametrize("name", sorted(name for name, word in VOCABULARY.items() if word.block))
@pytest.mark.parametrize("sign", [1, -1])
def test_g17_definition_lines_mean_their_gate_to_the_stock_importer(name, sign):
    word = VOCABULARY[name]
    angles = [sign * angle for angle in (0.3, 1.7, -0.9)[: word.num_angles]]
    circuit = QuantumCircuit(word.num_qubits)
    circuit.append(word.gate(*angles), range(word.num_qubits))

    loaded = qasm3.loads(dump_circuit(circuit, circuit_format="qasm3").wire)

    assert loaded.data[0].name == name
    assert type(loaded.data[0].operation) is Gate  # its meaning comes from our line, not from a class
    assert Operator(loaded).equiv(Operator(circuit))


def test_g17_an_isa_circuit_keeps_every_name(difference):
    x = Parameter("x")
    circuit = QuantumCircuit(2)
    circuit.rzz(x, 0, 1)
    circuit.ecr(0, 1)
    circuit.sx(0)
    circuit.rz(x + 1, 0)

    loaded = load_circuit(dump_circuit(circuit).wire)

    assert [step.name for step in loaded.data] == ["rzz", "ecr", "sx", "rz"]


def test_g18_id_never_reaches_the_text():
    circuit = QuantumCircuit(1)
    circuit.id(0)
    circuit.x(0)

    assert lines(circuit) == ["x q[0];"]


def test_g19_an_evolution_is_its_product_formula():
    circuit = QuantumCircuit(2)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZI"], [1, 0.7]), 0.5), [0, 1])

    loaded = load_circuit(dump_circuit(circuit).wire)

    assert Operator(loaded).equiv(Operator(circuit.decompose()))


def test_g20_barriers_delays_and_nothing_in_definitions(difference):
    inner = QuantumCircuit(2)
    inner.x(0)
    inner.barrier()
    inner.delay(100.0, 1, "ns")
    circuit = QuantumCircuit(2)
    circuit.append(inner.to_instruction(), [1, 0])
    circuit.append(QuantumCircuit(1, name="empty").to_gate(), [0])

    assert lines(circuit) == ["x q[1];", "barrier q[1], q[0];", "delay[100.0ns] q[0];"]


def test_g21_labels_do_not_change_what_is_written():
    circuit = QuantumCircuit(1)
    circuit.append(XGate(label="mine"), [0])

    assert lines(circuit) == ["x q[0];"]


# ----------------------------------------------------------------------------------- registers, bits


@pytest.mark.parametrize("name", ["C", "c-1", "measure", "cx", "cz", "θ", "_c", "m001", "bit", "3q", "a b"])
def test_r1_registers_travel_under_safe_names_and_are_remembered(name, difference):
    circuit = QuantumCircuit(
        QuantumRegister(2, "r"), ClassicalRegister(1, name), ClassicalRegister(1, "other")
    )
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])

    encoded = dump_circuit(circuit)

    assert [(entry.name, entry.bits) for entry in encoded.map.registers] == [
        (name, (("m000", 0),)),
        ("other", (("m001", 0),)),
    ]
    assert [register.name for register in load_circuit(encoded.wire).cregs] == ["m000", "m001"]
    assert difference(circuit) < EXACT


def test_r2_names_that_collide_once_escaped(difference):
    circuit = QuantumCircuit(
        QuantumRegister(1, "r"), ClassicalRegister(1, "C"), ClassicalRegister(1, "esc_C")
    )
    circuit.h(0)
    circuit.measure(0, 0)

    assert difference(circuit) < EXACT


def overlapping() -> QuantumCircuit:
    bits = [Clbit() for _ in range(3)]
    circuit = QuantumCircuit(QuantumRegister(3, "r"), bits)
    circuit.add_register(ClassicalRegister(bits=bits[:2], name="low"))
    circuit.add_register(ClassicalRegister(bits=[bits[2], bits[1]], name="high"))
    circuit.h([0, 1])
    circuit.cx(1, 2)
    circuit.measure([0, 1, 2], bits)
    return circuit


def test_r3_overlapping_registers_travel_as_one(difference):
    circuit = overlapping()

    assert difference(circuit) < EXACT
    assert [entry.bits for entry in dump_circuit(circuit).map.registers] == [
        (("m000", 0), ("m000", 1)),
        (("m000", 2), ("m000", 1)),
    ]


@pytest.mark.parametrize("value", range(5))
def test_r3_conditions_on_overlapping_registers_become_bit_tests(value, difference):
    circuit = overlapping()
    with circuit.if_test((circuit.cregs[1], value)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.y(1)

    assert difference(circuit) < EXACT


def test_r6_interleaved_registers_keep_their_bits(difference):
    bits = [Clbit() for _ in range(4)]
    circuit = QuantumCircuit(QuantumRegister(4, "r"), bits)
    circuit.add_register(ClassicalRegister(bits=bits[1::2], name="od"))
    circuit.add_register(ClassicalRegister(bits=bits[::2], name="ev"))
    circuit.h(0)
    circuit.x(3)
    circuit.measure(range(4), range(4))

    assert difference(circuit) < EXACT


def test_r7_loose_bits_travel_in_a_register_of_no_name(difference):
    circuit = QuantumCircuit(QuantumRegister(2, "r"), [Clbit()], ClassicalRegister(1, "c"))
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[0], True)):
        circuit.x(1)
    circuit.measure(1, 1)

    encoded = dump_circuit(circuit)

    assert "bit[1] m001;" in encoded.wire
    assert [entry.name for entry in encoded.map.registers] == ["c"]
    assert difference(circuit) < EXACT


def test_r8_registers_of_no_bits_are_remembered_but_not_sent(difference):
    circuit = QuantumCircuit(QuantumRegister(1, "r"), ClassicalRegister(0, "none"), ClassicalRegister(1, "c"))
    circuit.measure(0, 0)

    encoded = dump_circuit(circuit)

    assert [(entry.name, entry.size) for entry in encoded.map.registers] == [("none", 0), ("c", 1)]
    assert [register.name for register in load_circuit(encoded.wire).cregs] == ["m000"]


def test_r10_an_isa_circuit_keeps_the_devices_width_and_indices(difference):
    passes = generate_preset_pass_manager(
        2, coupling_map=CouplingMap.from_line(5), basis_gates=["ecr", "rz", "sx", "x"], seed_transpiler=3
    )
    x = Parameter("x")
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.ccx(0, 1, 2)
    circuit.rx(x, 2)
    isa = passes.run(circuit)

    encoded = dump_circuit(isa)

    assert isa.layout is not None
    assert "qubit[5] q;" in encoded.wire
    assert load_circuit(encoded.wire).count_ops() == isa.count_ops()
    assert difference(isa, {x: 0.4}) < EXACT


def test_r11_a_wide_circuit_costs_its_gates_only():
    circuit = QuantumCircuit(1000, 2)
    circuit.x(999)
    circuit.measure(999, 1)

    assert lines(circuit) == ["x q[999];", "m000[1] = measure q[999];"]


def test_r12_registers_in_nested_blocks_are_renamed(difference):
    circuit = QuantumCircuit(QuantumRegister(2, "r"), ClassicalRegister(2, "C"))
    circuit.h([0, 1])
    circuit.measure([0, 1], [0, 1])
    with circuit.for_loop(range(2)):
        with circuit.if_test((circuit.cregs[0], 2)) as otherwise:
            circuit.x(0)
            circuit.measure(0, 0)
            circuit.break_loop()
        with otherwise, circuit.box():
            circuit.rx(0.3, 1)

    assert difference(circuit) < EXACT


@pytest.mark.parametrize("circuit", [QuantumCircuit(), QuantumCircuit(2), QuantumCircuit(1, 1)], ids=str)
def test_r13_circuits_of_nothing(circuit):
    loaded = load_circuit(dump_circuit(circuit, circuit_format="qasm3").wire)

    assert (loaded.num_qubits, loaded.num_clbits, len(loaded.data)) == (
        circuit.num_qubits,
        circuit.num_clbits,
        0,
    )


def test_r14_conditions_on_wide_registers_are_exact():
    circuit = QuantumCircuit(1, 190)
    value = (1 << 189) + 12345678901234567890
    with circuit.if_test((circuit.cregs[0], value)):
        circuit.x(0)

    assert lines(circuit)[0] == f"if (m000 == {value}) {{"
    assert load_circuit(dump_circuit(circuit).wire).data[0].operation.condition[1] == value


# ------------------------------------------------------------------------------------- control flow


@pytest.mark.parametrize("indices", [(), range(0), [0, 0, 1], (7, 2), {3: 1}.keys() and (3,)])
@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
def test_c2_c3_loops_over_nothing_and_over_repeated_indices(indices, used, difference):
    circuit = QuantumCircuit(1)
    with circuit.for_loop(indices) as index:
        circuit.rx(0.4 * index + 0.1 if used else 0.3, 0)
        circuit.rz(0.2, 0)

    assert difference(circuit) < EXACT


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """Give every classical bit a random value."""
    for index in range(circuit.num_clbits):
        circuit.ry(0.7 + 0.4 * index, 0)
        circuit.measure(0, index)
    return circuit


def test_c4_switch_becomes_a_chain_of_tests(difference):
    circuit = measured(QuantumCircuit(1, 2))
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0):
            circuit.x(0)
            circuit.measure(0, 0)
        with case(1, 2):
            circuit.h(0)
        with case(case.DEFAULT):
            circuit.y(0)

    assert difference(circuit) < EXACT
    assert not any("switch" in line for line in lines(circuit))


@pytest.mark.parametrize("wrap", [lambda bit: bit, expr.lift, lambda bit: expr.logic_not(bit)])
def test_c4_switch_on_bits_and_expressions(wrap, difference):
    circuit = measured(QuantumCircuit(1, 2))
    with circuit.switch(wrap(circuit.clbits[1])) as case:
        with case(True):
            circuit.h(0)
        with case(False):
            circuit.rx(0.3, 0)

    assert difference(circuit) < EXACT


def conditions(circuit: QuantumCircuit) -> dict[str, object]:
    a, b = circuit.clbits[:2]
    r = circuit.cregs[0]
    return {
        "bit": (a, 1),
        "not bit": (a, 0),
        "register": (r, 2),
        "never": expr.equal(r, 3) if len(r) < 2 else expr.logic_and(a, expr.logic_not(a)),
        "and": expr.logic_and(a, b),
        "or": expr.logic_or(a, expr.logic_not(b)),
        "xor": expr.bit_xor(a, b),
        "not equal": expr.not_equal(r, 1),
        "less": expr.less(r, 2),
        "greater equal": expr.greater_equal(r, 1),
        "mask": expr.equal(expr.bit_and(r, 2), 2),
        "shift": expr.equal(expr.shift_left(r, 1), 2),
        "sum": expr.equal(expr.add(r, 3), 0),
        "cast": expr.cast(r, types.Bool()),
        "bits equal": expr.equal(a, b),
        "true": expr.lift(True),
        "not register": expr.logic_not(expr.equal(r, 3)),
        "index": expr.index(r, 1),
        "subtraction": expr.equal(expr.sub(r, 1), 3),
        "product": expr.greater(expr.mul(r, 3), 1),
        "complement": expr.equal(expr.bit_not(r), 1),
    }


CONDITIONS = sorted(conditions(QuantumCircuit(1, 2)))


@pytest.mark.parametrize("name", CONDITIONS)
def test_c5_any_condition_in_if(name, difference):
    circuit = measured(QuantumCircuit(1, 2))
    with circuit.if_test(conditions(circuit)[name]) as otherwise:
        circuit.rx(0.3, 0)
        circuit.measure(0, 0)
    with otherwise:
        circuit.ry(0.9, 0)
        circuit.measure(0, 1)

    assert difference(circuit) < EXACT


@pytest.mark.parametrize("name", [name for name in CONDITIONS if name != "true"])
def test_c6_any_condition_in_while(name, difference):
    circuit = measured(QuantumCircuit(1, 2))
    with circuit.while_loop(conditions(circuit)[name]):
        circuit.h(0)
        circuit.measure(0, 0)
        circuit.h(0)
        circuit.measure(0, 1)

    assert difference(circuit) < 1e-11


@pytest.mark.parametrize("name", ["and", "bit", "register", "mask"])
@pytest.mark.parametrize("jump", ["break_loop", "continue_loop"])
def test_c6_jumps_in_while_loops_on_one_conjunction(name, jump, difference):
    circuit = measured(QuantumCircuit(1, 2))
    with circuit.while_loop(conditions(circuit)[name]):
        circuit.h(0)
        circuit.measure(0, 0)
        with circuit.if_test((0, 1)):
            circuit.rx(0.3, 0)
            getattr(circuit, jump)()
        circuit.h(0)
        circuit.measure(0, 1)

    assert difference(circuit) < 1e-11


def test_c6_conditions_out_of_reach_are_refused():
    circuit = QuantumCircuit(1, 2)
    with circuit.while_loop(expr.logic_or(*circuit.clbits)):
        circuit.break_loop()

    assert "instruction 0 ('while_loop')" in refusal(circuit)
    assert dump_circuit(circuit).format == "qpy"

    wide = QuantumCircuit(1, 20)
    with wide.if_test(expr.less(wide.cregs[0], 1000)):
        wide.x(0)

    assert "20 bits" in refusal(wide)


def test_c7_real_time_variables_are_refused_early():
    circuit = QuantumCircuit(1, 1)
    circuit.add_var("x", expr.lift(False))

    assert "real-time variables ('x') cannot" in refusal(circuit)
    assert dump_circuit(circuit).format == "qpy"


def test_c7_stretches_are_refused_early():
    circuit = QuantumCircuit(1)
    stretch = circuit.add_stretch("s")
    circuit.delay(stretch, 0)

    assert refusal(circuit).startswith("stretches ('s') cannot")


@pytest.mark.parametrize("jump", ["break_loop", "continue_loop", None])
def test_c8_loop_variables_in_angles_are_unrolled(jump, difference):
    a = Parameter("a")
    circuit = measured(QuantumCircuit(1, 2))
    with circuit.for_loop(range(3)) as index:
        circuit.rx(0.1 * index + a, 0)
        circuit.measure(0, 0)
        if jump is not None:
            with circuit.if_test((0, 1)):
                getattr(circuit, jump)()
        circuit.ry(a * index, 0)

    assert difference(circuit, {a: 0.7}) < EXACT


def test_c8_nested_loops_with_one_variable_object(difference):
    i = Parameter("i")
    inner = QuantumCircuit(1)
    inner.rx(i, 0)
    outer = QuantumCircuit(1)
    outer.for_loop((5,), i, inner, [0], [])
    outer.rz(i, 0)
    outer.rx(0.4, 0)
    circuit = QuantumCircuit(1)
    circuit.for_loop((1, 2), i, outer, [0], [])

    assert lines(circuit) == [
        line for index in (1, 2) for line in ("rx(5.0) q[0];", f"rz({index}.0) q[0];", "rx(0.4) q[0];")
    ]


def test_c8_break_and_continue_together_with_the_variable_are_refused():
    circuit = QuantumCircuit(1, 2)
    with circuit.for_loop(range(3)) as index:
        circuit.rx(index, 0)
        with circuit.if_test((0, 1)):
            circuit.break_loop()
        with circuit.if_test((1, 1)):
            circuit.continue_loop()

    assert "both break and continue" in refusal(circuit)


def test_c9_teleportation(difference):
    circuit = QuantumCircuit(3, 3)
    circuit.rx(0.8, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((1, True)):
        circuit.x(2)
    with circuit.if_test((0, True)):
        circuit.z(2)
    circuit.reset(0)
    circuit.measure(2, 2)

    assert difference(circuit) < EXACT


def test_c9_blocks_whose_bits_stand_in_another_order(difference):
    body = QuantumCircuit(2, 2)
    body.cx(0, 1)
    body.measure(1, 0)
    inner = QuantumCircuit(1, 1)
    inner.x(0)
    body.append(IfElseOp((body.clbits[0], True), inner), [0], [0])
    circuit = measured(QuantumCircuit(3, 3))
    circuit.append(IfElseOp((circuit.clbits[1], True), body), [2, 0], [2, 1])

    assert difference(circuit) < EXACT


def nested(levels: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    body = QuantumCircuit(1, 1)
    body.x(0)
    for _ in range(levels):
        outer = QuantumCircuit(1, 1)
        outer.append(IfElseOp((outer.clbits[0], True), body), [0], [0])
        body = outer
    circuit.compose(body, inplace=True)
    return circuit


def test_c10_nesting_up_to_forty_levels():
    loaded = load_circuit(dump_circuit(nested(40), circuit_format="qasm3").wire)

    assert loaded.data[0].name == "if_else"
    assert "nested" in refusal(nested(41))


@pytest.mark.parametrize(
    ("duration", "unit", "written"),
    [
        (100, "dt", "100dt"),
        (100.0, "ns", "100.0ns"),
        (1.5, "us", "1.5us"),
        (2.0, "ms", "2.0ms"),
        (1e-7, "s", "1e-07s"),
        (1500, "ps", "1.5ns"),
    ],
)
def test_c11_delays_keep_duration_and_unit(duration, unit, written):
    circuit = QuantumCircuit(1)
    circuit.delay(duration, 0, unit)

    assert lines(circuit) == [f"delay[{written}] q[0];"]
    loaded = load_circuit(dump_circuit(circuit).wire).data[0].operation
    scale = 1000 if unit == "ps" else 1
    assert (loaded.duration, loaded.unit) == (duration / scale, "ns" if unit == "ps" else unit)


@pytest.mark.parametrize(
    ("unit", "written"),
    [("s", "1s"), ("ms", "1ms"), ("us", "1us"), ("ns", "1ns"), ("ps", "0.001ns"), ("dt", "1dt")],
)
def test_c12_delays_with_free_parameters_are_multiples_of_inputs(unit, written):
    """Faults B (delay with a parameter)."""
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1)
    circuit.rx(b, 0)
    circuit.delay(2 * a, 0, unit)

    encoded = dump_circuit(circuit)
    (loaded,) = [step.operation for step in load_circuit(encoded.wire).data if step.name == "delay"]

    assert f"delay[p00001 * {written}] q[0];" in encoded.wire
    assert encoded.delays == {1: "ns" if unit == "ps" else unit}
    assert encoded.values(BindingsArray({("a", "b"): [3.0, 0.5]})).tolist() == [0.5, 6.0]
    assert {entry.name for entry in loaded.duration.parameters} == {"p00001"}
    bound = circuit.assign_parameters({a: 10.0, b: 0.0})
    assert dump_circuit(bound).wire.count("p0000") == 0


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (expr.lift(Duration.us(2.5)), "2.5us"),
        (expr.lift(Duration.dt(100)), "100dt"),
        (expr.mul(2.0, expr.lift(Duration.ns(50))), "100.0ns"),
        (expr.add(expr.lift(Duration.us(1)), expr.lift(Duration.ns(250))), "1250.0ns"),
        (expr.sub(expr.lift(Duration.dt(300)), expr.lift(Duration.dt(60))), "240dt"),
        (expr.div(expr.lift(Duration.ms(1)), 4.0), "250000.0ns"),
        (
            expr.mul(
                expr.div(expr.lift(Duration.us(1)), expr.lift(Duration.ns(500))), expr.lift(Duration.dt(3))
            ),
            "6dt",
        ),
    ],
)
def test_delays_of_constant_expressions_are_evaluated(duration, written):
    """Faults B (delay with a parameter): Qiskit's newer durations."""
    circuit = QuantumCircuit(1)
    circuit.delay(duration, 0)

    assert lines(circuit) == [f"delay[{written}] q[0];"]


@pytest.mark.parametrize(
    "duration",
    [
        expr.add(expr.lift(Duration.us(1)), expr.lift(Duration.dt(1))),
        expr.sub(expr.lift(Duration.us(1)), expr.lift(Duration.us(2))),
        expr.mul(0.5, expr.lift(Duration.dt(3))),
    ],
)
def test_delays_that_only_a_device_can_evaluate_are_refused(duration):
    circuit = QuantumCircuit(1)
    circuit.delay(duration, 0)

    assert refusal(circuit).startswith("instruction 0 ('delay'): ")


@pytest.mark.parametrize(("unit", "value"), [("dt", 1.5), ("dt", -1.0), ("us", -0.1)])
def test_durations_that_qiskit_does_not_bind_are_refused(unit, value):
    a = Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.delay(a, 0, unit)

    with pytest.raises(ValueError, match=f"a delay of a = {value} {unit} must be"):
        dump_circuit(circuit).values(BindingsArray({"a": [value]}))


def test_rounding_errors_of_conversions_to_dt_are_taken_off():
    a = Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.delay(499999999.99999994 * a, 0, "dt")

    assert dump_circuit(circuit).values(BindingsArray({"a": [8.75e-05, 0.0]})).tolist() == [[43750.0], [0.0]]


def test_c13_delays_of_mixed_units_travel_as_they_are():
    circuit = QuantumCircuit(1)
    circuit.delay(100, 0, "dt")
    circuit.delay(100, 0, "ns")

    assert load_circuit(dump_circuit(circuit).wire) == circuit


def test_c14_boxes_are_written_out_between_barriers(difference):
    circuit = QuantumCircuit(2)
    with circuit.box(duration=100, unit="ns"):
        circuit.h(0)
        circuit.cx(0, 1)

    assert lines(circuit) == ["barrier q[0], q[1];", "h q[0];", "cx q[0], q[1];", "barrier q[0], q[1];"]


def test_c15_barriers_of_nothing_stay_nothing():
    circuit = QuantumCircuit(2)
    circuit.barrier([])
    circuit.barrier(0, label="mine")

    assert lines(circuit) == ["barrier q[0];"]


@pytest.mark.parametrize("name", ["measure_2", "measure_reset"])
def test_c16_the_services_own_instructions_are_refused_by_name(name):
    circuit = QuantumCircuit(1, 1)
    circuit.append(Instruction(name, 1, 1, []), [0], [0])

    assert f"instruction 0 ({name!r})" in refusal(circuit)


# -------------------------------------------------------------------------------------------- numbers


def test_every_float_survives_to_the_last_bit():
    generator = np.random.default_rng(7)
    angles = [*generator.normal(size=300), *(math.pi * n / d for n in range(1, 9) for d in range(1, 9))]
    angles += [5e-324, 1e22, 1.7976931348623157e308, -0.0, 0.1 + 0.2, 1e-10, 123456789.123456789]
    circuit = QuantumCircuit(1)
    for angle in angles:
        circuit.rz(float(angle), 0)

    text = dump_circuit(circuit).wire

    for loaded in (read_program(text), foreign.import_text(text, DEFAULT_LIMITS)):
        read = np.array([step.params[0] for step in loaded.data])
        assert read.tobytes() == np.array(angles).tobytes()


def test_a_refusal_survives_pickling():
    import pickle

    error = CircuitDumpError("something", "instruction 1 ('x')")

    assert pickle.loads(pickle.dumps(error)).where == "instruction 1 ('x')"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_definition_that_refers_to_itself_is_refused():
    class Endless(Gate):
        def __init__(self):
            super().__init__("endless", 1, [])

        def _define(self):
            self.definition = QuantumCircuit(1)
            self.definition.append(Endless(), [0])

    circuit = QuantumCircuit(1)
    circuit.append(Endless(), [0])

    assert "without end" in refusal(circuit)
