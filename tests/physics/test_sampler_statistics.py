"""Sampler jobs against exact distributions: fixed seeds, five standard deviations."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

SHOTS = 20_000
SIGMAS = 5.0


def assert_agrees(counts, exact, shots):
    """Every outcome's frequency lies within 5 binomial standard deviations; at p = 0 or 1 it is exact."""
    for outcome in set(counts) | set(exact):
        probability = min(1.0, max(0.0, exact.get(outcome, 0.0)))
        sigma = np.sqrt(probability * (1 - probability) / shots)
        found = counts.get(outcome, 0) / shots
        assert abs(found - probability) <= SIGMAS * sigma + 1e-9, (outcome, found, probability)


@pytest.mark.parametrize("seed", range(8))
def test_random_circuits_follow_their_exact_distribution(seed, ideal, run_sampler):
    circuit = random_circuit(4, 6, max_operands=3, seed=seed)
    exact = Statevector(circuit).probabilities_dict()
    circuit.measure_all()

    data = run_sampler([(circuit, None, SHOTS)], ideal, seed=seed)[0].data

    assert_agrees(data.meas.get_counts(), exact, SHOTS)


def test_every_parameter_set_follows_its_own_distribution(ideal, run_sampler):
    angles = ParameterVector("θ", 12)  # 12 elements: sorting by name is not sorting by index
    circuit = QuantumCircuit(3)
    for index, angle in enumerate(angles):
        circuit.ry((index + 1) * angle, index % 3)
        circuit.cx(index % 3, (index + 1) % 3)
    measured = circuit.measure_all(inplace=False)
    values = np.random.default_rng(1).uniform(-3, 3, (2, 3, 12))

    data = run_sampler([(measured, values, SHOTS)], ideal)[0].data

    assert data.meas.shape == (2, 3)
    for where in np.ndindex(2, 3):
        exact = Statevector(circuit.assign_parameters(values[where])).probabilities_dict()
        assert_agrees(data.meas[where].get_counts(), exact, SHOTS)


def test_a_circuit_without_parameters_is_sampled_anew_for_each_set(ideal, run_sampler):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()

    meas = run_sampler([(circuit, np.zeros((5, 0)), 2000)], ideal)[0].data.meas

    assert meas.shape == (5,)
    ones = [meas[index].get_int_counts()[1] for index in range(5)]
    assert len(set(ones)) > 1
    assert all(abs(found - 1000) <= SIGMAS * np.sqrt(2000 * 0.25) for found in ones)


def test_shots_are_in_random_order_and_registers_of_one_shot_belong_together(ideal, run_sampler):
    qubits = QuantumRegister(2, "q")
    left, right = ClassicalRegister(1, "left"), ClassicalRegister(1, "right")
    circuit = QuantumCircuit(qubits, left, right)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(0, left)
    circuit.measure(1, right)

    data = run_sampler([(circuit, None, 4000)], ideal)[0].data

    bits = np.array(data.left.get_bitstrings())
    assert (bits == np.array(data.right.get_bitstrings())).all()
    # Neighbouring shots are equal in half of the cases when the order is random (3999 pairs).
    equal = np.count_nonzero(bits[1:] == bits[:-1])
    assert abs(equal - 3999 / 2) <= SIGMAS * np.sqrt(3999 / 4)


def test_registers_declared_out_of_order_keep_their_bits(ideal, run_sampler):
    low, high = ClassicalRegister(2, "low"), ClassicalRegister(3, "high")
    circuit = QuantumCircuit(QuantumRegister(5, "q"))
    for bits in (list(high), list(low)):
        circuit.add_bits(bits)
    circuit.add_register(low)
    circuit.add_register(high)
    circuit.x([0, 3])
    circuit.measure([0, 1], [low[0], low[1]])
    circuit.measure([2, 3, 4], list(high))

    data = run_sampler([(circuit, None, 10)], ideal)[0].data

    assert data.low.get_counts() == {"01": 10}
    assert data.high.get_counts() == {"010": 10}


def test_an_unmeasured_register_reads_zero(ideal, run_sampler):
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, "used"), ClassicalRegister(9, "unused"))
    circuit.x(0)
    circuit.measure(0, 0)

    data = run_sampler([(circuit, None, 12)], ideal)[0].data

    assert data.used.get_counts() == {"1": 12}
    assert data.unused.get_counts() == {"000000000": 12}


def test_no_parameter_sets_give_empty_arrays(ideal, run_sampler):
    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("a"), 0)
    circuit.measure_all()

    meas = run_sampler([(circuit, np.zeros((0, 1)), 5)], ideal)[0].data.meas

    assert meas.array.shape == (0, 5, 1)
    assert meas.num_bits == 2


def test_teleportation_works_with_measurement_and_feed_forward(ideal, run_sampler):
    angle = 1.1
    qubits, first, second = QuantumRegister(3), ClassicalRegister(1, "first"), ClassicalRegister(1, "second")
    out = ClassicalRegister(1, "out")
    circuit = QuantumCircuit(qubits, first, second, out)
    circuit.ry(angle, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure(0, first)
    circuit.measure(1, second)
    with circuit.if_test((second, 1)):
        circuit.x(2)
    with circuit.if_test((first, 1)):
        circuit.z(2)
    circuit.measure(2, out)

    data = run_sampler([(circuit, None, SHOTS)], ideal)[0].data

    assert_agrees(data.out.get_counts(), {"1": np.sin(angle / 2) ** 2, "0": np.cos(angle / 2) ** 2}, SHOTS)
    assert_agrees(data.first.get_counts(), {"0": 0.5, "1": 0.5}, SHOTS)


def test_reset_after_measurement_and_loops_work(ideal, run_sampler):
    circuit = QuantumCircuit(
        QuantumRegister(1), ClassicalRegister(1, "before"), ClassicalRegister(1, "after")
    )
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    with circuit.for_loop(range(3)):
        circuit.x(0)
    circuit.measure(0, 1)

    data = run_sampler([(circuit, None, SHOTS)], ideal)[0].data

    assert data.after.get_counts() == {"1": SHOTS}
    assert_agrees(data.before.get_counts(), {"0": 0.5, "1": 0.5}, SHOTS)


@pytest.mark.parametrize(("width", "method"), [(100, "pauli_frames"), (200, "pauli_frames")])
def test_a_wide_ghz_state_is_all_zeros_or_all_ones(width, method, ideal, run_sampler):
    circuit = QuantumCircuit(width)
    circuit.h(0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()

    result = run_sampler([(circuit, None, 1000)], ideal)[0]

    assert result.metadata["simulation"]["method"] == method
    assert_agrees(result.data.meas.get_counts(), {"0" * width: 0.5, "1" * width: 0.5}, 1000)


def test_a_wide_shallow_circuit_that_is_not_clifford_runs_as_a_matrix_product_state(ideal, run_sampler):
    width, angle = 40, 0.7
    circuit = QuantumCircuit(width)
    circuit.ry(angle, 0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()

    result = run_sampler([(circuit, None, 1000)], ideal)[0]

    assert result.metadata["simulation"]["method"] == "matrix_product_state"
    exact = {"0" * width: np.cos(angle / 2) ** 2, "1" * width: np.sin(angle / 2) ** 2}
    assert_agrees(result.data.meas.get_counts(), exact, 1000)


def test_two_equal_pubs_of_one_job_are_independent_and_a_seed_repeats_them(ideal, run_sampler):
    circuit = QuantumCircuit(6)
    circuit.h(range(6))
    circuit.measure_all()
    pubs = [(circuit, None, 100)] * 2

    once = run_sampler(pubs, ideal, options={"simulator": {"seed_simulator": 0}})
    again = run_sampler(pubs, ideal, options={"simulator": {"seed_simulator": 0}}, seed=99)
    other = run_sampler(pubs, ideal, options={"simulator": {"seed_simulator": 1}})

    shots = [pub.data.meas.get_bitstrings() for result in (once, again, other) for pub in result]
    assert shots[0] == shots[2]
    assert shots[1] == shots[3]
    assert shots[0] != shots[1]
    assert shots[0] != shots[4]


@pytest.mark.parametrize("typed", [False, True])
def test_kerneled_signals_tell_the_states_apart(typed, ideal, run_sampler):
    circuit = QuantumCircuit(3)
    circuit.x(1)
    circuit.measure_all()

    single = run_sampler(
        [(circuit, np.zeros((2, 0)), 500)],
        ideal,
        typed=typed,
        options={"execution": {"meas_type": "kerneled"}},
    )[0].data.meas
    average = run_sampler(
        [(circuit, None, 500)], ideal, options={"execution": {"meas_type": "avg_kerneled"}}
    )[0].data.meas

    assert single.shape == (2, 500, 3)
    assert single.dtype == np.complex128
    assert (single.real.mean(axis=1) > 0).tolist() == [[False, True, False]] * 2
    assert average.shape == (3,)
    # Centres at -1 and 1, spread 0.25 per shot: the mean of 500 lies within 5 * 0.25 / sqrt(500).
    assert np.abs(average.real - [-1, 1, -1]).max() <= SIGMAS * 0.25 / np.sqrt(500)
