"""Control flow as Aer is given it: every kind of condition, switch and loop, from QPY, against what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.classical import expr, types
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.devices.device import Device, load_device
from qiskit_rest_primitives.server.job_errors import BAD_CIRCUIT, TaskFailed
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.wire import jsonio, result_body
from qiskit_rest_primitives.wire.pubs import dump_sampler_pub

DEVICE = load_device("aer_simulator")
NOISY = load_device("local_heron")


def outcome(circuit: QuantumCircuit) -> dict[str, str]:
    """Return the one outcome of a circuit without chance, sent as QPY: register -> bits."""
    pub = SamplerPub.coerce((circuit,), 20)
    item = dump_sampler_pub(pub, dump_circuit(circuit, circuit_format="qpy"))
    body = execute("sampler", jsonio.dumps({"pubs": [item], "version": 2}), DEVICE, seed=1).body
    counts = {name: list(bits.get_counts()) for name, bits in result_body.load_result(body)[0].data.items()}
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


STORED: dict[str, tuple[Callable[[Any], Any], Callable[[int], int], int]] = {
    "a register": (lambda n: n, lambda v: v, 3),
    "not each bit": (expr.bit_not, lambda v: v ^ 7, 3),
    "a sum": (lambda n: expr.add(n, 3), lambda v: (v + 3) % 8, 3),
    "a shift": (lambda n: expr.shift_left(n, 1), lambda v: v * 2 % 8, 3),
    "bits apart": (lambda n: expr.bit_xor(n, 5), lambda v: v ^ 5, 3),
    "a wider number": (lambda n: expr.cast(expr.bit_not(n), types.Uint(5)), lambda v: v ^ 7, 5),
    "a narrower number": (lambda n: expr.cast(expr.bit_not(n), types.Uint(2)), lambda v: (v ^ 7) % 4, 2),
    "a number": (lambda n: expr.lift(5, types.Uint(3)), lambda v: 5, 3),
    "is it equal": (lambda n: expr.equal(n, 1), lambda v: int(v == 1), 1),
    "is it less": (lambda n: expr.less(n, 5), lambda v: int(v < 5), 1),
    "is it any": (lambda n: expr.cast(n, types.Bool()), lambda v: int(v != 0), 1),
    "an indexed bit": (lambda n: expr.index(n, 2), lambda v: v >> 2, 1),
    "bits together": (lambda n: expr.logic_and(n[0], expr.logic_not(n[2])), lambda v: v & 1 & ~(v >> 2), 1),
    "always": (lambda n: expr.lift(True), lambda v: 1, 1),
    "never": (lambda n: expr.lift(False), lambda v: 0, 1),
}


def shots_of(circuit: QuantumCircuit, device: Device, shots: int = 40) -> dict[str, list[int]]:
    """Return what each register reads, shot by shot, of a circuit sent as QPY."""
    item = dump_sampler_pub(SamplerPub.coerce((circuit,), shots), dump_circuit(circuit, circuit_format="qpy"))
    body = execute("sampler", jsonio.dumps({"pubs": [item], "version": 2}), device, seed=1).body
    return {
        name: [int(word, 2) for word in bits.get_bitstrings()]
        for name, bits in result_body.load_result(body)[0].data.items()
    }


@pytest.mark.parametrize("nested", [False, True], ids=["outside", "nested"])
@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("device", [DEVICE, NOISY], ids=["ideal", "misread"])
def test_what_is_stored_follows_from_what_was_read(device: Device, name: str, nested: bool) -> None:
    """Fault E (store): with readout errors, Aer ended the process at a store that reads a whole register."""
    value, holds, width = STORED[name]
    register, found = ClassicalRegister(3, "n"), ClassicalRegister(width, "found")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), register, found)
    circuit.sx(range(3))
    circuit.measure(range(3), register)
    target = found if width > 1 else found[0]
    if nested:
        with circuit.for_loop(range(1)), circuit.if_test(expr.less(register, 6)):
            circuit.store(target, value(register))
    else:
        circuit.store(target, value(register))

    shots = shots_of(circuit, device)

    assert len(set(shots["n"])) > 3
    assert shots["found"] == [0 if nested and read >= 6 else holds(read) for read in shots["n"]]


@pytest.mark.parametrize("device", [DEVICE, NOISY], ids=["ideal", "misread"])
def test_a_register_is_computed_from_itself(device: Device) -> None:
    register, found = ClassicalRegister(3, "n"), ClassicalRegister(3, "found")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), register, found)
    circuit.sx(range(3))
    circuit.measure(range(3), register)
    circuit.store(found, register)
    circuit.store(found, expr.add(found, 1))
    circuit.store(found[0], expr.logic_not(found[0]))
    circuit.store(found, expr.shift_right(found, 1))

    shots = shots_of(circuit, device)

    assert shots["found"] == [((read + 1) % 8 ^ 1) >> 1 for read in shots["n"]]


def test_bits_that_nobody_measures_can_be_read_and_written() -> None:
    """Neighbours of fault E (store): Aer lost what was stored beyond the highest bit that is measured."""
    register, unmeasured = ClassicalRegister(1, "n"), ClassicalRegister(2, "found")
    circuit = QuantumCircuit(QuantumRegister(2, "q"), register, unmeasured)
    circuit.measure(0, register)
    with circuit.if_test(expr.logic_not(unmeasured[0])):
        circuit.store(unmeasured[1], True)
    bare = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(2, "found"))
    bare.store(bare.cregs[0], 2)

    for device in (DEVICE, NOISY):
        assert set(shots_of(circuit, device)["found"]) == set(shots_of(bare, device)["found"]) == {2}


def test_wide_registers_are_stored_bit_by_bit() -> None:
    circuit, register, _ = with_number(5, bits=14)
    found = ClassicalRegister(14, "found")
    circuit.add_register(found)
    circuit.store(found, expr.bit_xor(expr.bit_not(register), expr.bit_and(register, 4)))

    assert outcome(circuit)["found"] == format((5 ^ 0x3FFF) ^ 4, "014b")


def test_stores_that_aer_cannot_be_told_are_refused_with_a_reason() -> None:
    register, wide = ClassicalRegister(3, "n"), ClassicalRegister(14, "wide")
    circle, product, quotient = (QuantumCircuit(register, wide) for _ in range(3))
    circle.store(register, expr.add(register, expr.shift_right(register, 1)))
    product.store(wide, expr.mul(wide, 3))
    quotient.store(register, expr.div(register, 3))

    unmoved = QuantumCircuit(register)
    unmoved.store(register, 2)

    with pytest.raises(TaskFailed, match="without qubits"):
        prepare(unmoved)
    for circuit, problem in (
        (circle, "depend on one another in a circle"),
        (product, "at most 12"),
        (quotient, "operator"),
    ):
        with pytest.raises(TaskFailed, match=f"A store cannot be simulated: .*{problem}") as caught:
            prepare(circuit)
        assert caught.value.code == BAD_CIRCUIT


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
