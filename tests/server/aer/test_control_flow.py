"""Control flow as Aer is given it: every kind of condition, switch and loop, from QPY, against what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.classical import expr, types
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.failures import TaskFailed
from qiskit_rest_primitives.server.primitives.engine import execute
from qiskit_rest_primitives.wire import dialect, jsonio
from qiskit_rest_primitives.wire.circuits import dump_circuit
from qiskit_rest_primitives.wire.pubs import dump_sampler_pub

DEVICE = load_device("aer_simulator")


def outcome(circuit: QuantumCircuit) -> dict[str, str]:
    """Return the one outcome of a circuit without chance, sent as QPY: register -> bits."""
    pub = SamplerPub.coerce((circuit,), 20)
    item = dump_sampler_pub(pub, dump_circuit(circuit, circuit_format="qpy"))
    body = execute("sampler", jsonio.dumps({"pubs": [item], "version": 2}), DEVICE, seed=1).body
    counts = {name: list(bits.get_counts()) for name, bits in dialect.load_result(body)[0].data.items()}
    assert all(len(seen) == 1 for seen in counts.values())
    return {name: seen[0] for name, seen in counts.items()}


def with_number(number: int, bits: int = 3) -> tuple[QuantumCircuit, ClassicalRegister, Clbit]:
    """Return a circuit that has measured a number into a register, and a bit for the answer."""
    circuit = QuantumCircuit(
        QuantumRegister(bits + 1, "q"), ClassicalRegister(1, "answer"), ClassicalRegister(bits, "n")
    )
    for index in range(bits):
        if number >> index & 1:
            circuit.x(index)
    circuit.measure(range(bits), circuit.cregs[1])
    return circuit, circuit.cregs[1], circuit.cregs[0][0]


CONDITIONS: dict[str, tuple[Callable[[Any], Any], Callable[[int], bool]]] = {
    "a register": (lambda n: expr.cast(n, types.Bool()), lambda v: v != 0),
    "a sum": (lambda n: expr.equal(expr.add(n, 3), 1), lambda v: (v + 3) % 8 == 1),
    "a difference": (lambda n: expr.less(expr.sub(n, 5), 4), lambda v: (v - 5) % 8 < 4),
    "a shift": (lambda n: expr.equal(expr.shift_left(n, 1), 4), lambda v: v * 2 % 8 == 4),
    "not each bit": (lambda n: expr.equal(expr.bit_not(n), 2), lambda v: v ^ 7 == 2),
    "an indexed bit": (lambda n: expr.index(n, 1), lambda v: v >> 1 & 1 == 1),
    "bits together": (lambda n: expr.logic_or(expr.logic_not(n[0]), n[2]), lambda v: not v & 1 or v > 3),
    "a wider number": (lambda n: expr.greater(expr.cast(n, types.Uint(8)), 5), lambda v: v > 5),
    "always": (lambda n: expr.lift(True), lambda v: True),
    "never": (lambda n: expr.lift(False), lambda v: False),
    "a number that does not fit": (lambda n: (n, 3), lambda v: v == 3),
}


@pytest.mark.parametrize("nested", [False, True], ids=["outside", "nested"])
@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_mean_what_they_say(name: str, nested: bool) -> None:
    condition, holds = CONDITIONS[name]
    for number in range(8):
        circuit, register, answer = with_number(number)
        if nested:
            with (
                circuit.for_loop(range(1)),
                circuit.if_test((answer, False)),
                circuit.if_test(condition(register)),
            ):
                circuit.x(3)
        else:
            with circuit.if_test(condition(register)):
                circuit.x(3)
        circuit.measure(3, answer)

        assert outcome(circuit)["answer"] == str(int(holds(number))), number


TARGETS: dict[str, tuple[Callable[[Any], Any], Callable[[int], int]]] = {
    "a register": (lambda n: n, lambda v: v),
    "not each bit": (expr.bit_not, lambda v: v ^ 7),
    "a sum": (lambda n: expr.add(n, 1), lambda v: (v + 1) % 8),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_switch_runs_the_case_it_should_and_no_other(name: str) -> None:
    target, value = TARGETS[name]
    for number in range(8):
        circuit, register, _ = with_number(number)
        more = ClassicalRegister(3, "case")
        circuit.add_register(more)
        with circuit.switch(target(register)) as case:
            with case(1, 4):
                circuit.reset(0)
                circuit.x(0)
                circuit.measure(0, more[0])
                circuit.measure(0, register[0])  # changes what the switch was about
            with case(5):
                circuit.reset(0)
                circuit.x(0)
                circuit.measure(0, more[1])
                circuit.measure(0, register[1])
            with case(case.DEFAULT):
                circuit.reset(0)
                circuit.x(0)
                circuit.measure(0, more[2])

        seen = value(number)
        assert outcome(circuit)["case"] == ("001" if seen in (1, 4) else "010" if seen == 5 else "100"), (
            number
        )


def test_a_loop_with_break_and_continue_uses_its_index() -> None:
    circuit = QuantumCircuit(1, 2)
    turn = Parameter("turn")
    with circuit.for_loop((1, 0, 5, 7), turn):
        circuit.rx(turn * 3.141592653589793, 0)
        circuit.measure(0, 0)
        with circuit.if_test((0, False)):
            circuit.break_loop()
        with circuit.if_test((1, True)):
            circuit.continue_loop()
        circuit.measure(0, 1)

    # 1, then 1 again at index 0, then back to 0 at index 5, which breaks.
    assert outcome(circuit)["c"] == "10"


def test_an_endless_loop_ends_with_break() -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.while_loop(expr.lift(True)):
        circuit.x(0)
        circuit.measure(0, 0)
        with circuit.if_test((0, True)):
            circuit.break_loop()

    assert outcome(circuit)["c"] == "1"


def test_the_same_index_twice_is_two_rounds() -> None:
    turn = Parameter("turn")
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop((1, 1, 1), turn):
        circuit.rx(turn * 3.141592653589793, 0)
    circuit.measure(0, 0)

    assert outcome(circuit)["c"] == "1"


@pytest.mark.parametrize("nested", [False, True])
def test_a_condition_on_many_bits_is_right_or_refused(nested: bool) -> None:
    circuit, register, answer = with_number(5, bits=14)
    condition = expr.less(expr.bit_xor(register, 5), 1)
    if nested:
        with circuit.for_loop(range(1)), circuit.if_test(condition):
            circuit.x(14)
    else:
        with circuit.if_test(condition):
            circuit.x(14)
    circuit.measure(14, answer)

    assert outcome(circuit)["answer"] == "1"


@pytest.mark.parametrize("value", [expr.lift(False), expr.lift(3, types.Uint(2))])
def test_variables_are_refused_with_a_reason(value: expr.Expr) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.add_var("kept", value)

    with pytest.raises(TaskFailed, match="The real-time variable 'kept' cannot be simulated"):
        prepare(circuit)


def test_what_aer_cannot_be_told_is_refused_with_a_reason() -> None:
    circuit = QuantumCircuit(1, 1)
    turn = Parameter("turn")
    with circuit.for_loop((1, 1), turn):
        circuit.rx(turn, 0)
        circuit.measure(0, 0)
        with circuit.if_test((0, True)):
            circuit.break_loop()
        with circuit.if_test((0, False)):
            circuit.continue_loop()

    with pytest.raises(TaskFailed, match="the same index twice"):
        prepare(circuit)
