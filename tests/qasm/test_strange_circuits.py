"""Strange circuits by hand, one thing each: client, server and back, in every form, against an exact simulation.

What random circuits rarely or never have stands here: names that simulators take for their own, registers of 200
bits, angles of 1e22 and 5e-324, gates that only synthesis can write out, loops and switches of odd shapes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    ClassicalRegister,
    Clbit,
    ControlModifier,
    Gate,
    InverseModifier,
    Parameter,
    ParameterVector,
    PowerModifier,
    QuantumRegister,
    Qubit,
    library,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import (
    DiagonalGate,
    HamiltonianGate,
    LinearFunction,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    SGate,
    StatePreparation,
    UCRYGate,
    UnitaryGate,
    efficient_su2,
    get_standard_gate_name_mapping,
)
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector, random_clifford, random_unitary

from qiskit_rest_primitives import EstimatorV2, SamplerV2
from qiskit_rest_primitives.qasm.canonical import CircuitDumpError
from qiskit_rest_primitives.qasm.codec import dump_circuit

SHOTS = 2000
pytestmark = pytest.mark.filterwarnings(
    "ignore::scipy.sparse.SparseEfficiencyWarning", "ignore:.*CSC.*:Warning"
)

STATIC: dict[str, Callable[[], QuantumCircuit]] = {}
DYNAMIC: dict[str, Callable[[], QuantumCircuit]] = {}
QPY_ONLY: set[str] = set()


def static(build: Callable[[], QuantumCircuit]) -> Callable[[], QuantumCircuit]:
    """List a circuit without measurements; they are added at its end."""
    STATIC[build.__name__] = build
    return build


def dynamic(build: Callable[[], QuantumCircuit]) -> Callable[[], QuantumCircuit]:
    """List a circuit with measurements of its own."""
    DYNAMIC[build.__name__] = build
    return build


def only_qpy(build: Callable[[], QuantumCircuit]) -> Callable[[], QuantumCircuit]:
    """Mark a circuit that OpenQASM 3 cannot carry."""
    QPY_ONLY.add(build.__name__)
    return build


def turned(*parameters: Any) -> QuantumCircuit:
    """Turn two qubits by every angle, about axes that do not commute."""
    circuit = QuantumCircuit(2)
    for index, parameter in enumerate(parameters):
        circuit.ry(parameter, index % 2)
        circuit.rx(0.3, index % 2)
        circuit.cx(index % 2, 1 - index % 2)
    return circuit


# ------------------------------------------------------------------------------------------ parameters


@static
def a_vector_of_twelve() -> QuantumCircuit:
    return turned(*ParameterVector("θ", 12))


@static
def names_that_sort_otherwise_once_escaped() -> QuantumCircuit:
    return turned(
        *(Parameter(name) for name in ("t", "t1", "a b", "a-b", "_a_b", "é", "x", "B", "_", "p00003"))
    )


@static
def words_of_the_language_as_names() -> QuantumCircuit:
    return turned(*(Parameter(name) for name in ("pi", "U", "gate", "true", "im", "input", "q", "m000", "π")))


@static
def a_scalar_beside_a_vector() -> QuantumCircuit:
    return turned(Parameter("a"), *ParameterVector("b", 2))


@static
def quotients_without_brackets() -> QuantumCircuit:
    x, y, z = (Parameter(name) for name in "xyz")
    return turned(x / (-y * z), 1 / (-x * y), (-x) / (-y * x))


@static
def functions_powers_and_large_factors() -> QuantumCircuit:
    x, y = Parameter("x"), Parameter("y")
    return turned(x.sin() * y.exp(), (x / 9).arcsin(), abs(-1 * x) ** 2, x * 1e6, (x + y).log(), x - x + y)


@static
def parameters_in_phases_only_or_cancelled() -> QuantumCircuit:
    a, b = Parameter("a"), Parameter("b")
    circuit = turned(a - a + b)
    circuit.global_phase = 2 * a
    return circuit


@static
def angles_at_the_ends_of_floats() -> QuantumCircuit:
    return turned(1e22, 5e-324, -0.0, 123456789.123456789, -1e-300, 4 * math.pi, 1e-9)


# ----------------------------------------------------------------------------------------------- gates


def named(name: str, width: int = 2) -> Gate:
    inner = QuantumCircuit(width)
    inner.ry(0.7, 0)
    if width > 1:
        inner.cx(0, 1)
        inner.rx(0.4, 1)
    gate = inner.to_gate()
    gate.name = name
    return gate


SIMULATOR_WORDS = [
    "ecr", "mcx", "kraus", "qerror_loc", "sxdg", "diagonal", "multiplexer", "roerror", "unitary", "superop",
    "initialize", "save_state", "save_statevector", "set_statevector", "snapshot", "jump", "mark", "pauli", "nop",
    "bfunc", "mcphase", "rzz", "cx", "", "3q",
]  # fmt: skip


@static
def gates_named_like_what_simulators_know() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    for index, name in enumerate(SIMULATOR_WORDS):
        circuit.append(named(name), [index % 2, 1 - index % 2])
    return circuit


@static
def gates_of_one_name_with_different_bodies() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    for index in range(6):
        inner = QuantumCircuit(2, name="g")
        inner.ry(0.2 * index, index % 2)
        inner.append(named("g", 1), [1 - index % 2])
        inner.cx(0, 1)
        circuit.append(inner.to_gate(), [0, 1])
    return circuit


@static
def formals_out_of_order_and_assigned_later() -> QuantumCircuit:
    b, a, c = Parameter("b"), Parameter("a"), Parameter("c")
    inner = QuantumCircuit(1)
    inner.rx(b, 0)
    inner.rz(a, 0)
    inner.ry(a * b + 1, 0)
    gate = Gate("G", 1, [b, a])
    gate.definition = inner
    other = QuantumCircuit(1)
    other.ry(a, 0)
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])
    circuit.append(other.to_gate(), [0])
    return circuit.assign_parameters({a: 2 * c})


@static
def every_control_state() -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    circuit.ry(0.9, range(4))
    for state in range(8):
        base = get_standard_gate_name_mapping()[("rx", "h", "sx", "p", "y", "rz", "x", "swap")[state]]
        gate = base.base_class(*[0.4] * len(base.params))
        controls = 4 - gate.num_qubits
        circuit.append(gate.control(controls, ctrl_state=state % 2**controls, annotated=False), range(4))
    return circuit


@static
def a_controlled_phase_that_only_a_definition_has() -> QuantumCircuit:
    inner = QuantumCircuit(1, global_phase=Parameter("φ"))
    inner.rx(0.4, 0)
    circuit = QuantumCircuit(2, global_phase=1.1)
    circuit.h(0)
    circuit.append(inner.to_gate().control(1, annotated=False), [0, 1])
    circuit.h(0)
    return circuit


@static
def modified_operations() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.append(AnnotatedOperation(SGate(), [InverseModifier(), ControlModifier(2, 1)]), range(3))
    circuit.append(AnnotatedOperation(named("g"), [PowerModifier(3), InverseModifier()]), [2, 0])
    circuit.h(range(3))
    return circuit


@static
def matrices() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.unitary(random_unitary(8, seed=1), range(3))
    circuit.append(
        UnitaryGate(random_unitary(2, seed=2)).control(2, ctrl_state=2, annotated=False), [2, 0, 1]
    )
    circuit.append(HamiltonianGate(SparsePauliOp("XZ").to_matrix(), 0.3), [0, 2])
    return circuit


@static
def gates_that_synthesis_writes_out() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.append(StatePreparation([0.6, 0.8j, 0, 0]), [0, 2])
    circuit.append(UCRYGate([0.1, 0.2]), [1, 0])
    circuit.append(DiagonalGate([1, 1j, -1, 1]), [2, 1])
    circuit.append(LinearFunction([[1, 1], [0, 1]]), [0, 1])
    circuit.append(PermutationGate([2, 0, 1]), range(3))
    circuit.append(QFTGate(3), range(3))
    circuit.append(random_clifford(3, seed=4), range(3))
    circuit.append(PauliGate("XYZ"), range(3))
    if hasattr(library, "PauliProductRotationGate"):  # Qiskit 2.3 has none yet
        circuit.append(library.PauliProductRotationGate(Pauli("XZ"), 0.4), [0, 2])
    return circuit


@static
def an_evolution_for_a_time_with_a_name() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.append(PauliEvolutionGate(SparsePauliOp("XY"), 2 * Parameter("t")), [1, 0])
    return circuit


@static
def every_gate_of_the_standard_library() -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    circuit.ry(0.8, range(4))
    for name, gate in sorted(get_standard_gate_name_mapping().items()):
        if isinstance(gate, Gate) and name != "global_phase":
            angles = [0.3 + 0.1 * index for index in range(len(gate.params))]
            start = len(circuit.data) % (5 - gate.num_qubits)
            circuit.append(gate.base_class(*angles), range(start, start + gate.num_qubits))
    return circuit


@static
def nothing_that_matters() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.id(0)
    circuit.barrier([])
    circuit.barrier(label="mine")
    circuit.delay(100, 1)
    circuit.append(QuantumCircuit(1, name="empty").to_gate(), [0])
    circuit.h(1)
    return circuit


@static
def an_ansatz_with_a_hostile_prefix() -> QuantumCircuit:
    return efficient_su2(3, reps=1, parameter_prefix="$\\theta$ ", insert_barriers=True)


# ------------------------------------------------------------------------------------- registers, bits


@static
def loose_qubits_between_registers() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(2, "a"), [Qubit()], QuantumRegister(1, "measure"))
    for index in range(4):
        circuit.ry(0.3 + 0.6 * index, index)
    return circuit


@static
def registers_over_reversed_qubits() -> QuantumCircuit:
    bits = [Qubit() for _ in range(3)]
    circuit = QuantumCircuit(bits)
    circuit.add_register(QuantumRegister(bits=bits[::-1], name="r"))
    circuit.ry(0.4, bits[0])
    circuit.cx(bits[0], bits[2])
    return circuit


@dynamic
def hostile_registers() -> QuantumCircuit:
    names = ["while", "C", "c-1", "θ", "a b", "3q", "m000", "measure", "__type__", "samples", "\\", "'\""]
    circuit = QuantumCircuit(3)
    circuit.ry(0.8, range(3))
    for index, name in enumerate(names):
        register = ClassicalRegister(1 + index % 3, name)
        circuit.add_register(register)
        circuit.measure([(index + k) % 3 for k in range(len(register))], register)
    return circuit


@dynamic
def overlapping_reversed_and_loose_bits() -> QuantumCircuit:
    bits = [Clbit() for _ in range(4)]
    circuit = QuantumCircuit(QuantumRegister(3), bits)
    circuit.add_register(ClassicalRegister(bits=bits[:2], name="low"))
    circuit.add_register(ClassicalRegister(bits=[bits[2], bits[1]], name="high"))
    circuit.h([0, 1])
    circuit.cx(1, 2)
    circuit.measure([0, 1, 2, 0], bits)
    with circuit.if_test((circuit.cregs[1], 3)):
        circuit.h(0)
        circuit.measure(0, bits[0])
    return circuit


@dynamic
def interleaved_registers() -> QuantumCircuit:
    bits = [Clbit() for _ in range(4)]
    circuit = QuantumCircuit(QuantumRegister(4), bits)
    circuit.add_register(ClassicalRegister(bits=bits[1::2], name="od"))
    circuit.add_register(ClassicalRegister(bits=bits[::2], name="ev"))
    circuit.h(0)
    circuit.cx(0, 3)
    circuit.measure(range(4), range(4))
    return circuit


@dynamic
def registers_of_65_and_200_bits() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(65, "a"), ClassicalRegister(200, "b"))
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1, 0, 1], [64, 0, 264, 65])
    return circuit


@dynamic
def a_register_nobody_writes_and_one_written_twice() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(9, "idle"), ClassicalRegister(1, "busy"))
    circuit.x(0)
    circuit.measure(0, 9)
    circuit.h(0)
    circuit.measure(0, 9)
    return circuit


# ---------------------------------------------------------------------------------------- control flow


def thrown(num_bits: int = 2) -> QuantumCircuit:
    """Throw a qubit for every bit."""
    circuit = QuantumCircuit(1, num_bits)
    for index in range(num_bits):
        circuit.ry(0.7 + 0.4 * index, 0)
        circuit.measure(0, index)
    return circuit


@dynamic
def teleportation() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 3)
    circuit.ry(Parameter("what is sent"), 0)
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
    return circuit


CONDITIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "exclusive or": lambda r, a, b: expr.bit_xor(a, b),
    "less": lambda r, a, b: expr.less(r, 2),
    "shift": lambda r, a, b: expr.equal(expr.shift_left(r, 1), 2),
    "sum that wraps": lambda r, a, b: expr.equal(expr.add(r, 3), 0),
    "not a register": lambda r, a, b: expr.logic_not(expr.equal(r, 3)),
    "bits equal": lambda r, a, b: expr.equal(a, b),
    "always": lambda r, a, b: expr.lift(True),
}


@dynamic
def conditions_of_every_kind() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 2)
    for condition in CONDITIONS.values():
        circuit.ry(0.7, 0)
        circuit.measure(0, 0)
        circuit.ry(1.1, 0)
        circuit.measure(0, 1)
        with circuit.if_test(condition(circuit.cregs[0], *circuit.clbits)) as otherwise:
            circuit.rx(0.9, 0)
        with otherwise:
            circuit.ry(2.1, 0)
    circuit.measure(0, 0)
    return circuit


@dynamic
def repeat_until_success() -> QuantumCircuit:
    circuit = thrown()
    with circuit.while_loop(expr.logic_or(*circuit.clbits)):
        circuit.h(0)
        circuit.measure(0, 0)
        with circuit.if_test((0, 0)):
            circuit.h(0)
            circuit.measure(0, 1)
    circuit.ry(0.6, 0)
    circuit.measure(0, 1)
    return circuit


@dynamic
def loops_that_count_down_or_nothing() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    for indices in (range(5, 0, -2), range(-3, -9, -2), range(0), ()):
        with circuit.for_loop(indices) as index:
            circuit.ry(0.1 * index, 0)
            circuit.rx(0.3, 0)
    circuit.measure(0, 0)
    return circuit


@dynamic
def loops_over_repeated_indices_that_end_early() -> QuantumCircuit:
    circuit, angle = QuantumCircuit(1, 2), Parameter("α")
    for jump in ("break_loop", "continue_loop"):
        with circuit.for_loop([0, 2, 2, 1]) as index:
            circuit.ry(0.4 * index + angle, 0)
            circuit.measure(0, 0)
            with circuit.if_test((0, 1)):
                getattr(circuit, jump)()
            circuit.rx(0.7, 0)
    circuit.measure(0, 1)
    return circuit


@dynamic
@only_qpy
def a_loop_with_both_jumps_that_uses_its_index() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 2)
    with circuit.for_loop([0, 2, 1]) as index:
        circuit.ry(0.4 * index + 0.5, 0)
        circuit.measure(0, 0)
        with circuit.if_test((0, 1)):
            circuit.break_loop()
        circuit.ry(0.8, 0)
        circuit.measure(0, 1)
        with circuit.if_test((1, 1)):
            circuit.continue_loop()
        circuit.rx(0.7, 0)
    circuit.measure(0, 1)
    return circuit


@dynamic
@only_qpy
def a_union_in_while_with_a_jump() -> QuantumCircuit:
    circuit = thrown()
    with circuit.while_loop(expr.logic_or(*circuit.clbits)):
        circuit.ry(1.3, 0)
        circuit.measure(0, 0)
        with circuit.if_test((0, 1)):
            circuit.break_loop()
        circuit.h(0)
        circuit.measure(0, 1)
    return circuit


@dynamic
def switches() -> QuantumCircuit:
    circuit = thrown()
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0):
            circuit.h(0)
            circuit.measure(0, 1)
        with case(1, 2):
            circuit.ry(0.4, 0)
        with case(case.DEFAULT):
            circuit.ry(1.4, 0)
    circuit.measure(0, 0)
    with circuit.switch(expr.bit_xor(*circuit.clbits)) as case, case(True):
        circuit.ry(0.9, 0)
        circuit.measure(0, 1)
    return circuit


@dynamic
def boxes_and_nested_blocks() -> QuantumCircuit:
    circuit = thrown()
    with circuit.box(duration=100, unit="dt"):
        circuit.h(0)
        with circuit.for_loop(range(2)):
            with circuit.if_test((0, 1)) as otherwise:
                circuit.ry(0.4, 0)
                circuit.measure(0, 1)
            with otherwise:
                circuit.break_loop()
    circuit.measure(0, 0)
    return circuit


@dynamic
def instructions_that_measure_and_decide() -> QuantumCircuit:
    inner = QuantumCircuit(2, 2, name="measure")
    inner.ry(0.8, 0)
    inner.measure(0, 1)
    inner.initialize([0.6, 0.8], 1)
    inner.measure(1, 0)
    circuit = QuantumCircuit(2, 3)
    circuit.append(inner.to_instruction(), [1, 0], [2, 0])
    with circuit.if_test((2, 1)):
        circuit.append(named("kraus"), [0, 1])
        circuit.reset(0)
    circuit.measure(0, 1)
    return circuit


# ----------------------------------------------------------------------------------------------- tests


class Strange(NamedTuple):
    name: str
    circuit: QuantumCircuit
    values: dict[Any, float]


def every() -> list[Strange]:
    """Return all the circuits; those of ``STATIC`` are measured at their end."""
    found = []
    for name, build in {**STATIC, **DYNAMIC}.items():
        circuit = build()
        if name in STATIC:
            circuit.measure_all()
        values = {parameter: 0.3 + 0.37 * index for index, parameter in enumerate(circuit.parameters)}
        found.append(Strange(name, circuit, values))
    return found


@pytest.fixture(scope="module")
def backend(service: Any) -> Any:
    return service.backend("aer_simulator")


@pytest.fixture(scope="module")
def expected(exact: Any) -> dict[str, dict[tuple[int, ...], float]]:
    """The probability of each joint setting of each circuit's registers."""
    found: dict[str, dict[tuple[int, ...], float]] = {}
    for name, circuit, values in every():
        if name in STATIC:
            state = Statevector(circuit.remove_final_measurements(inplace=False).assign_parameters(values))
            found[name] = {(number,): float(chance) for number, chance in enumerate(state.probabilities())}
            continue
        places = [[circuit.find_bit(bit).index for bit in register] for register in circuit.cregs]
        chances: dict[tuple[int, ...], float] = {}
        for key, rho in exact(circuit, values).final.items():
            outcome = tuple(sum((key >> place & 1) << k for k, place in enumerate(bits)) for bits in places)
            chances[outcome] = chances.get(outcome, 0.0) + float(np.trace(rho).real)
        assert sum(chances.values()) == pytest.approx(1.0)
        found[name] = chances
    return found


@pytest.mark.parametrize("circuit_format", ["auto", "qasm3", "qpy"])
def test_strange_circuits_are_sampled_as_they_were_meant(
    circuit_format: str, backend: Any, expected: dict[str, dict[tuple[int, ...], float]]
) -> None:
    sent = [one for one in every() if circuit_format != "qasm3" or one.name not in QPY_ONLY]
    options = {"circuit_format": circuit_format, "simulator": {"seed_simulator": 11}}

    result = (
        SamplerV2(backend, options=options)
        .run([(one.circuit, one.values) for one in sent], shots=SHOTS)
        .result()
    )

    for one, pub in zip(sent, result, strict=True):
        names = [register.name for register in one.circuit.cregs]
        assert list(pub.data) == names, one.name
        columns = [[int(bits, 2) for bits in pub.data[name].get_bitstrings()] for name in names]
        seen = Counter(zip(*columns, strict=True))
        for outcome in {*expected[one.name], *seen}:
            mean = SHOTS * min(max(expected[one.name].get(outcome, 0.0), 0.0), 1.0)
            allowed = 5 * math.sqrt(mean * (1 - mean / SHOTS)) + (5 if mean > 1e-9 else 0)
            assert abs(seen[outcome] - mean) <= allowed, (one.name, outcome)


@pytest.mark.parametrize("circuit_format", ["qasm3", "qpy"])
def test_strange_circuits_have_the_expectation_values_they_should(circuit_format: str, backend: Any) -> None:
    pubs, exact = [], []
    for name, build in STATIC.items():
        circuit = build()
        width = circuit.num_qubits
        labels = [("XYZ" * 2)[k : k + width] for k in range(3)] + ["Z" + "I" * (width - 1)]
        values = {parameter: 0.3 + 0.37 * index for index, parameter in enumerate(circuit.parameters)}
        pubs.append((circuit, [labels[:2], labels[2:]], values))
        exact.append((name, (circuit, [labels[:2], labels[2:]], values)))
    options = {"seed_estimator": 7, "resilience_level": 0, "circuit_format": circuit_format}

    result = EstimatorV2(backend, options=options).run(pubs, precision=0.02).result()

    wanted = StatevectorEstimator().run([pub for _, pub in exact], precision=0.0).result()
    for (name, _), ours, theirs in zip(exact, result, wanted, strict=True):
        assert ours.data.evs.shape == (2, 2)
        np.testing.assert_allclose(ours.data.evs, theirs.data.evs, rtol=0, atol=5 * 0.02 + 1e-9, err_msg=name)


@pytest.mark.parametrize("name", sorted(QPY_ONLY))
def test_what_the_language_cannot_say_is_refused_by_place_and_travels_otherwise(name: str) -> None:
    circuit = DYNAMIC[name]()

    with pytest.raises(CircuitDumpError, match=r"instruction \d+ "):
        dump_circuit(circuit, circuit_format="qasm3")
    assert dump_circuit(circuit).format == "qpy"


def test_there_are_many_of_them() -> None:
    assert len(STATIC) >= 20
    assert len(DYNAMIC) >= 15
