"""What Aer is given: few qubits, few gates, the same circuit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import QFTGate, XGate, efficient_su2
from qiskit.quantum_info import Clifford, Operator, Pauli, Statevector

from qiskit_rest_primitives.qasm.noise_model import Distinguished
from qiskit_rest_primitives.server.aer.preparation import AER_GATES, prepare
from qiskit_rest_primitives.server.devices.noise import DELAY
from qiskit_rest_primitives.server.job_errors import TaskFailed

WAITING = Distinguished(time=True, labels=False)
"""Noise of calibration data: of waiting, and by names."""


def test_operations_that_are_no_instructions_and_have_no_label_are_written_out():
    circuit = QuantumCircuit(2)
    circuit.append(Clifford.from_label("YX"), [0, 1])
    circuit.append(Pauli("ZY"), [1, 0])

    prepared = prepare(circuit)

    assert {step.name for step in prepared.circuit.data} <= AER_GATES
    assert Operator(prepared.circuit).equiv(Operator(circuit))


def test_only_active_qubits_remain_and_keep_their_numbers():
    circuit = QuantumCircuit(156, 2)
    circuit.sx(100)
    circuit.cz(100, 7)
    circuit.barrier()
    circuit.measure([7, 100], [1, 0])

    prepared = prepare(circuit)

    assert prepared.qubits == (7, 100)
    assert prepared.circuit.num_qubits == 2
    assert prepared.circuit.num_clbits == 2
    assert prepared.operations == {("sx", (100,)), ("cz", (100, 7)), ("measure", (7,)), ("measure", (100,))}
    assert prepared.static
    assert prepared.num_measured == 2
    assert "barrier" not in prepared.circuit.count_ops()


def test_qubits_that_are_only_measured_need_no_simulation():
    circuit = QuantumCircuit(4, 4)
    circuit.h(2)
    circuit.reset(1)
    circuit.delay(100, 3)
    circuit.measure(range(4), range(4))

    prepared = prepare(circuit)

    assert prepared.qubits == (2,)
    assert prepared.idle_measurements == ((0, 0), (1, 1), (3, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: QFTGate(3),
        lambda: efficient_su2(3, reps=1).assign_parameters(np.linspace(0.1, 1, 12)).to_gate(),
        lambda: XGate().control(2, ctrl_state=1),
        lambda: QuantumCircuit(3, name="mcx").to_gate(),
    ],
)
def test_other_gates_are_written_out_and_mean_the_same(make):
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.append(make(), [2, 0, 1])
    circuit.ry(0.3, [0, 1, 2])

    prepared = prepare(circuit)

    assert set(prepared.circuit.count_ops()) <= AER_GATES
    overlap = abs(np.vdot(Statevector(circuit).data, Statevector(prepared.circuit).data))
    assert overlap == pytest.approx(1.0, abs=1e-12)


def test_labels_global_phases_and_parameters_of_phases_are_dropped():
    circuit = QuantumCircuit(1, global_phase=Parameter("phase"))
    circuit.append(XGate(label="roerror"), [0])

    prepared = prepare(circuit)

    assert prepared.circuit.data[0].operation.label is None
    assert prepared.circuit.num_parameters == 0


def test_boxes_are_inlined_and_blocks_are_written_out():
    circuit = QuantumCircuit(3, 1)
    with circuit.box():
        circuit.h(2)
    circuit.measure(2, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.append(QFTGate(2), [0, 2])
        with circuit.for_loop(range(2)):
            circuit.append(XGate(label="diagonal"), [0])

    prepared = prepare(circuit)

    assert prepared.qubits == (0, 2)
    assert not prepared.static
    names = {name for name, _ in prepared.operations}
    assert names <= AER_GATES | {"measure"}
    assert ("x", (0,)) in prepared.operations


def test_delays_stay_only_where_waiting_has_an_effect():
    circuit = QuantumCircuit(2)
    circuit.x(1)
    circuit.delay(250, 1, "dt")
    circuit.delay(1, 1, "us")

    ideal, noisy = prepare(circuit), prepare(circuit, dt=4e-9, noise=WAITING)

    assert ideal.circuit.count_ops() == {"x": 1}
    assert noisy.circuit.count_ops() == {"x": 1, "id": 2}
    durations = [float(name.removeprefix(DELAY)) for name, _ in noisy.operations if name != "x"]
    assert durations == pytest.approx([1e-6] * len(durations))


def test_qubits_that_only_wait_are_left_out_with_their_noise():
    circuit = QuantumCircuit(3, 1)
    circuit.delay(250, 0, "dt")  # as dynamical decoupling pads a whole device
    circuit.x(1)
    circuit.delay(250, 1, "dt")
    circuit.measure(1, 0)

    prepared = prepare(circuit, dt=4e-9, noise=WAITING)

    assert prepared.qubits == (1,)
    assert {where for _, where in prepared.operations} == {(1,)}


def test_a_delay_without_a_duration_is_refused():
    circuit = QuantumCircuit(1)
    circuit.delay(Parameter("t"), 0)

    with pytest.raises(TaskFailed, match="without a fixed duration"):
        prepare(circuit, dt=4e-9, noise=WAITING)


def test_an_instruction_without_a_definition_is_refused():
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])

    with pytest.raises(TaskFailed, match="mystery cannot be simulated"):
        prepare(circuit)


@pytest.mark.parametrize(
    ("build", "static"),
    [
        (lambda circuit: circuit.measure([0, 1], [0, 1]), True),
        (lambda circuit: (circuit.measure(0, 0), circuit.h(1), circuit.measure(1, 1)), True),
        (lambda circuit: (circuit.reset(0), circuit.h(0), circuit.measure(0, 0)), True),
        (lambda circuit: (circuit.measure(0, 0), circuit.h(0)), False),
        (lambda circuit: (circuit.measure(0, 0), circuit.measure(1, 0)), False),
        (lambda circuit: (circuit.measure(0, 0), circuit.measure(0, 1)), False),
        (lambda circuit: (circuit.h(0), circuit.reset(0)), False),
        (lambda circuit: (circuit.measure(0, 0), circuit.reset(0)), False),
    ],
)
def test_a_circuit_is_static_when_its_measurements_come_last(build, static):
    circuit = QuantumCircuit(2, 2)
    build(circuit)

    assert prepare(circuit).static is static


@pytest.mark.parametrize(
    ("build", "clifford"),
    [
        (
            lambda circuit: (circuit.h(0), circuit.cx(0, 1), circuit.rz(np.pi / 2, 0), circuit.p(-np.pi, 1)),
            True,
        ),
        (lambda circuit: circuit.swap(0, 1), True),
        (lambda circuit: circuit.iswap(0, 1), True),
        (lambda circuit: circuit.t(0), False),
        (lambda circuit: circuit.rz(0.1, 0), False),
        (lambda circuit: circuit.rz(Parameter("a"), 0), False),
    ],
)
def test_clifford_circuits_are_recognised(build, clifford):
    circuit = QuantumCircuit(2)
    build(circuit)

    assert prepare(circuit).clifford is clifford


def test_qubits_of_a_wide_circuit_are_ordered_along_their_interactions():
    line = [0, 50, 1, 49, 2, 48, 3, 47, 4, 46, 5, 45, 6, 44, 7, 43, 8, 42, 9, 41, 10, 40, 11, 39]
    circuit = QuantumCircuit(60)
    for first, second in itertools.pairwise(line):
        circuit.rzz(0.1, first, second)
    circuit.h(55)

    prepared = prepare(circuit)

    assert set(prepared.qubits) == {*line, 55}
    places = {qubit: index for index, qubit in enumerate(prepared.qubits)}
    assert all(abs(places[a] - places[b]) == 1 for a, b in itertools.pairwise(line))
    assert {("rzz", (0, 50)), ("rzz", (11, 39)), ("h", (55,))} <= prepared.operations


def test_loops_without_end_are_refused_before_they_are_written_out():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(1_000_000_000)):
        circuit.x(0)

    with pytest.raises(TaskFailed, match="1000000000 passes"):
        prepare(circuit)


def test_registers_and_conditions_on_them_survive():
    flags, out = ClassicalRegister(2, "flags"), ClassicalRegister(1, "out")
    circuit = QuantumCircuit(QuantumRegister(5), flags, out)
    circuit.x(4)
    circuit.measure([4, 4], [0, 1])
    with circuit.if_test((flags, 3)):
        circuit.x(2)
    circuit.measure(2, out)

    prepared = prepare(circuit)

    assert [register.name for register in prepared.circuit.cregs] == ["flags", "out"]
    assert prepared.qubits == (2, 4)
    assert Operator(XGate()) == Operator(prepared.circuit.data[0].operation)
