"""Does a circuit fit a device: instructions, qubits, angles, and what options go with it."""

from __future__ import annotations

import gc
import math
import time
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Gate, Parameter, QuantumCircuit
from qiskit.circuit.controlflow import IfElseOp
from qiskit.circuit.library import CZGate, Measure, RXGate, RZGate, RZZGate, SXGate, efficient_su2
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.transpiler import Target, generate_preset_pass_manager

from qiskit_rest_primitives import EstimatorOptions
from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.primitives import isa
from qiskit_rest_primitives.primitives.isa import (
    check_angles,
    check_combination,
    check_folding,
    check_instructions,
    summary_of,
)
from qiskit_rest_primitives.primitives.submit import _folded_by


@pytest.fixture
def target() -> Target:
    """Three qubits in a line with the gates of a Heron device; no sx on qubit 2."""
    device = Target(num_qubits=3)
    theta = Parameter("theta")
    device.add_instruction(SXGate(), {(0,): None, (1,): None})
    for gate in (RZGate(theta), RXGate(theta)):
        device.add_instruction(gate, {(0,): None, (1,): None, (2,): None})
    device.add_instruction(CZGate(), {(0, 1): None, (1, 2): None})
    device.add_instruction(RZZGate(theta), {(0, 1): None})
    device.add_instruction(Measure(), {(0,): None, (1,): None, (2,): None})
    device.add_instruction(IfElseOp, name="if_else")
    return device


def fits(circuit: QuantumCircuit, target: Target) -> None:
    check_instructions(summary_of(circuit), target, where="PUB 4", backend_name="line", faulty=lambda: [2])


def test_a_fitting_circuit_passes(target: Target) -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.rzz(0.1, 0, 1)
    circuit.barrier()
    circuit.measure(range(3), range(3))
    with circuit.if_test((0, 1)):
        circuit.rz(0.3, 2)

    fits(circuit, target)


def test_a_transpiled_circuit_passes(target: Target) -> None:
    circuit = efficient_su2(2, reps=1)

    fits(generate_preset_pass_manager(0, target=target).run(circuit), target)


@pytest.mark.parametrize(
    ("gate", "qubits", "words"),
    [
        ("h", [0], r"instruction 'h' on qubits \(0,\) is not one of its instructions \(cz, if_else, "),
        ("cz", [0, 2], r"instruction 'cz' acts on qubits \(0, 2\), of which \[2\] are marked faulty"),
        ("cz", [1, 0], r"instruction 'cz' is not available on qubits \(1, 0\)"),
        ("sx", [2], r"'sx' acts on qubits \(2,\), of which \[2\] are marked faulty"),
        ("cx", [0, 1], "'cx' on qubits"),
    ],
)
def test_what_does_not_fit_is_named_with_its_qubits_and_the_remedy(
    target: Target, gate: str, qubits: list[int], words: str
) -> None:
    circuit = QuantumCircuit(3)
    circuit.rz(1, 0)
    getattr(circuit, gate)(*qubits)

    with pytest.raises(IBMInputValueError, match=words) as caught:
        fits(circuit, target)

    assert "circuit of PUB 4 does not fit backend 'line'" in str(caught.value)
    assert "generate_preset_pass_manager" in str(caught.value)


def test_blocks_are_checked_on_the_qubits_they_act_on(target: Target) -> None:
    circuit = QuantumCircuit(3, 1)
    with circuit.if_test((0, 1)):
        circuit.cz(1, 2)
        circuit.sx(2)

    with pytest.raises(IBMInputValueError, match=r"'sx' .*\(2,\)"):
        fits(circuit, target)


def test_a_circuit_wider_than_the_device_is_refused(target: Target) -> None:
    with pytest.raises(IBMInputValueError, match="it has 4 qubits, the backend 3"):
        fits(QuantumCircuit(4), target)


# -- angles ----------------------------------------------------------------------------------------------------

A, B = Parameter("a"), Parameter("b")


@pytest.mark.parametrize("angle", [0, 0.5, math.pi / 2, math.pi / 2 + 1e-11])
def test_calibrated_rzz_angles_pass(angle: float) -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)

    check_angles(summary_of(circuit), BindingsArray(), where="PUB 0")


@pytest.mark.parametrize("angle", [-1e-6, 1.6, math.pi, -0.5])
def test_other_rzz_angles_are_refused(angle: float) -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)

    with pytest.raises(IBMInputValueError, match=rf"PUB 3 .*angle {angle}.*from 0 to pi/2"):
        check_angles(summary_of(circuit), BindingsArray(), where="PUB 3")


@pytest.mark.parametrize(
    ("angle", "good", "bad"),
    [
        (A, {"a": [[0.1], [0.2]], "b": [[9], [9]]}, {"a": [0.1, 1.6], "b": [0, 0]}),
        (A + B, {("b", "a"): [[1.0, 0.5]]}, {("b", "a"): [[1.0, 0.6]]}),
        (2 * A - B / 2, {"a": 1, "b": 1}, {"a": 1, "b": 5}),
        (A * B, {"a": [1, 2], "b": [1, 0.5]}, {"a": [1, 2], "b": [1, 1]}),
        (A.sin(), {"a": 1, "b": 0}, {"a": -1, "b": 0}),
        (A - A + 1, {"a": 100, "b": 0}, None),
    ],
)
def test_swept_rzz_angles_are_checked_for_every_value_set(
    angle: object, good: dict, bad: dict | None
) -> None:  # type: ignore[type-arg]
    circuit = QuantumCircuit(2)
    circuit.rz(A + B, 0)
    circuit.rzz(angle, 0, 1)

    check_angles(summary_of(circuit), BindingsArray(good), where="PUB 0")
    if bad is not None:
        with pytest.raises(IBMInputValueError, match=r"rzz gate on qubits \(0, 1\) with angle .*, from "):
            check_angles(summary_of(circuit), BindingsArray(bad), where="PUB 0")


def test_a_bad_rzz_angle_inside_a_block_is_told_with_the_qubits_of_the_device() -> None:
    circuit = QuantumCircuit(7, 1)
    with circuit.if_test((0, 1)):
        circuit.rzz(A, 6, 4)

    with pytest.raises(IBMInputValueError, match=r"rzz gate on qubits \(6, 4\) with angle 2.0, from a,"):
        check_angles(summary_of(circuit), BindingsArray({"a": [0.5, 2.0]}), where="PUB 0")


def test_a_long_sweep_of_an_affine_angle_is_not_bound_value_by_value() -> None:
    angle = A / 2 + B
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)
    values = BindingsArray({(A, B): np.full((100_000, 2), 0.5)})

    started = time.perf_counter()
    check_angles(summary_of(circuit), values, where="PUB 0")
    swept = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(5_000):
        float(angle.bind({A: 0.5, B: 0.5}))
    one_by_one = time.perf_counter() - started

    assert swept < 20 * one_by_one


# -- combinations ----------------------------------------------------------------------------------------------


def test_dynamic_circuits_and_decoupling_exclude_each_other() -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.while_loop((0, 1)):
        circuit.sx(0)
    facts = summary_of(circuit)

    check_combination(facts, pub=0, decoupling=False, twirled_by=None)
    with pytest.raises(IBMInputValueError, match=r"'while_loop'.*dynamical_decoupling\.enable = False"):
        check_combination(facts, pub=0, decoupling=True, twirled_by=None)


@pytest.mark.parametrize("gate", ["rx", "rzz"])
def test_fractional_gates_and_gate_twirling_exclude_each_other(gate: str) -> None:
    circuit = QuantumCircuit(2)
    getattr(circuit, gate)(0.1, *range(1 if gate == "rx" else 2))
    facts = summary_of(circuit)

    check_combination(facts, pub=0, decoupling=True, twirled_by=None)
    with pytest.raises(IBMInputValueError, match=rf"'{gate}'.*turned on by twirling\.enable_gates"):
        check_combination(facts, pub=0, decoupling=False, twirled_by="twirling.enable_gates")


# -- memory ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resilience", "refused"),
    [
        ({"zne_mitigation": True, "zne": {"noise_factors": [1, 3, 2_000_000]}}, True),
        ({"zne_mitigation": True, "zne": {"noise_factors": [1, 3, 2_000_000], "amplifier": "pea"}}, False),
        ({"zne_mitigation": False, "zne": {"noise_factors": [1, 3, 2_000_000]}}, False),
        ({"zne_mitigation": True, "zne": {"noise_factors": [1, 3, 5]}}, False),
        ({"zne_mitigation": True}, False),
    ],
)
def test_gates_are_folded_into_five_million_at_most(resilience: dict[str, Any], refused: bool) -> None:
    """faults E (gate folding): two-qubit gates times the sum of the noise factors, checked before anything is sent."""
    circuit = QuantumCircuit(2)
    for _ in range(3):
        circuit.cz(0, 1)
    factors = _folded_by(EstimatorOptions(resilience=resilience))

    if not refused:
        check_folding(circuit, factors, pub=2)
        return
    with pytest.raises(
        IBMInputValueError, match=r"PUB 2 cannot be folded: 3 two-qubit gates times .* sum of"
    ):
        check_folding(circuit, factors, pub=2)


def test_an_unchanged_circuit_is_read_once_and_a_changed_one_again() -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    first = summary_of(circuit)

    assert summary_of(circuit) is first
    circuit.cx(0, 1)

    assert summary_of(circuit) is not first
    assert list(summary_of(circuit).used) == [("h", (0,)), ("cx", (0, 1))]
    assert summary_of(circuit.copy()) is not summary_of(circuit)


def test_an_angle_assigned_in_place_is_seen() -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(A, 0, 1)
    check_angles(summary_of(circuit), BindingsArray({"a": 1.0}), where="PUB 0")

    circuit.assign_parameters({A: 2.0}, inplace=True)

    with pytest.raises(IBMInputValueError, match=r"angle 2\.0"):
        check_angles(summary_of(circuit), BindingsArray(), where="PUB 0")


def test_facts_are_forgotten_with_the_circuit() -> None:
    circuit = QuantumCircuit(1)
    circuit.append(Gate("only_here", 1, []), [0])
    key = id(circuit)
    summary_of(circuit)
    assert key in isa._remembered

    del circuit
    gc.collect()

    assert key not in isa._remembered


def test_a_circuit_found_fitting_is_checked_again_for_another_target(target: Target) -> None:
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    fits(circuit, target)
    other = Target(num_qubits=1)
    other.add_instruction(RZGate(A), {(0,): None})

    with pytest.raises(IBMInputValueError, match="'sx'"):
        fits(circuit, other)
