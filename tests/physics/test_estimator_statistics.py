"""Estimator jobs against exact expectation values: fixed seeds, five standard deviations."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp, Statevector

SIGMAS = 5.0


def exact(pubs):
    return [result.data.evs for result in StatevectorEstimator().run(pubs, precision=0.0).result()]


def assert_agrees(result, expected, *, least=0.0):
    """Every mean lies within 5 of its own standard deviations, which may be 0 where nothing is random."""
    data = result.data
    assert np.shape(data.evs) == np.shape(expected) == np.shape(data.stds)
    distance = np.abs(np.asarray(data.evs) - expected)
    assert (distance <= SIGMAS * np.maximum(data.stds, least) + 1e-9).all(), (data.evs, expected, data.stds)


@pytest.mark.parametrize("seed", range(6))
def test_random_circuits_and_observables_agree(seed, ideal, run_estimator):
    random = np.random.default_rng(seed)
    circuit = random_circuit(4, 5, max_operands=2, seed=seed)
    labels = ["".join(random.choice(list("IXYZ"), 4)) for _ in range(12)]
    observable = SparsePauliOp(labels, random.normal(size=12)).simplify()

    result = run_estimator([(circuit, observable)], ideal, seed=seed)[0]

    assert_agrees(result, exact([(circuit, observable)])[0])
    assert result.metadata["shots"] == 4096


@pytest.mark.parametrize(
    ("parameters", "observables", "shape"),
    [
        ((), (), ()),
        ((4,), (), (4,)),
        ((), (3,), (3,)),
        ((4,), (4,), (4,)),
        ((4,), (3, 1), (3, 4)),
        ((2, 4), (3, 1, 1), (3, 2, 4)),
        ((2, 1), (1, 5), (2, 5)),
    ],
)
def test_parameters_and_observables_broadcast_as_in_qiskit(
    parameters, observables, shape, ideal, run_estimator
):
    angles = [Parameter(name) for name in ("b", "a", "c")]
    circuit = QuantumCircuit(2)
    circuit.ry(angles[0], 0)
    circuit.rx(2 * angles[1], 1)
    circuit.cx(0, 1)
    circuit.rz(angles[2], 1)
    circuit.ry(0.4, 1)
    random = np.random.default_rng(3)
    values = random.uniform(-3, 3, (*parameters, 3))
    table = ["ZZ", "XI", {"YX": 0.5, "IZ": -1.5}, "II", {"ZX": 2.0, "XZ": 1.0, "II": 0.3}]
    labels = np.empty(observables, dtype=object)
    for index, where in enumerate(np.ndindex(*observables)):
        labels[where] = table[index % 5]
    pub = (circuit, labels.tolist() if observables else table[2], values)

    result = run_estimator([pub], ideal)[0]

    assert result.data.evs.shape == shape
    assert_agrees(result, exact([pub])[0])


def test_the_standard_deviation_is_that_of_the_means(ideal, run_estimator):
    circuit = QuantumCircuit(2)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    circuit.ry(0.3, 1)
    observable = SparsePauliOp(["ZZ", "ZI", "XX"], [1.0, 0.6, -0.8])
    repeats = 400

    data = run_estimator([(circuit, observable, np.zeros((repeats, 0)))], ideal, precision=0.05)[0].data

    # The spread of 400 means has a relative standard deviation of 1 / sqrt(2 * 399).
    ratio = data.evs.std(ddof=1) / data.stds.mean()
    assert abs(ratio - 1) <= SIGMAS / np.sqrt(2 * (repeats - 1))
    assert np.unique(data.evs).size > 50
    mean = Statevector(circuit).expectation_value(observable).real
    assert abs(data.evs.mean() - mean) <= SIGMAS * data.stds.mean() / np.sqrt(repeats)


def test_identity_and_stabilized_terms_are_exact(ideal, run_estimator):
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)

    data = run_estimator([(circuit, ["III", "IXX", "IZZ", "IYY", "ZII"])], ideal)[0].data

    assert data.evs.tolist() == [1.0, 1.0, 1.0, -1.0, 1.0]
    assert data.stds.tolist() == [0.0] * 5


def test_qubits_that_the_circuit_leaves_alone_stay_in_the_ground_state(ideal, run_estimator):
    circuit = QuantumCircuit(120)
    circuit.ry(0.5, 60)
    width = [SparsePauliOp.from_sparse_list([(name, where, 1.0)], 120) for name, where in (
        ("Z", [60]), ("Z" * 120, list(range(120))), ("ZZ", [3, 60]), ("XZ", [3, 60]), ("Y", [99]),
    )]  # fmt: skip

    data = run_estimator([(circuit, width)], ideal, precision=0.01)[0].data

    mean = np.cos(0.5)
    distance = np.abs(data.evs - [mean, mean, mean, 0.0, 0.0])
    assert (distance <= SIGMAS * 0.01).all()
    assert data.stds[3] == pytest.approx(0.01, rel=0.05)


def test_sets_are_independent_where_only_idle_qubits_are_measured(ideal, run_estimator):
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)

    data = run_estimator([(circuit, "XI", np.linspace(0, 1, 20))], ideal)[0].data

    assert np.unique(data.evs).size > 10
    assert np.abs(data.evs).max() <= SIGMAS * 0.015625


def test_a_clifford_circuit_with_rounded_angles_is_followed_by_pauli_frames(ideal, run_estimator):
    width = 30
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.h(qubit)
        circuit.p(np.pi / 2 * (1 + 1e-12), qubit)
        circuit.rz(-7 * np.pi / 2 + 1e-12, qubit)
        circuit.p(np.pi, qubit)
    labels = ["Y" + "I" * (width - 1), "X" * width, "I" * (width - 1) + "X"]

    result = run_estimator([(circuit, labels)], ideal)[0]

    # h, then s, s (= -7 quarter turns) and z: a full turn, so every qubit is in the state plus.
    assert result.metadata["simulation"]["method"] == "pauli_frames"
    assert_agrees(result, np.array([0.0, 1.0, 1.0]))


def test_dynamic_circuits_are_measured_shot_by_shot(ideal, run_estimator):
    circuit = QuantumCircuit(2, 1)
    circuit.ry(1.0, 0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.h(0)

    result = run_estimator([(circuit, ["IZ", "ZI", "IX"])], ideal, precision=0.01)[0]

    # After the measurement qubit 0 is |0> or |1>, so X is +1 or -1 after h; qubit 1 copies the outcome.
    assert_agrees(result, np.array([0.0, np.cos(1.0), np.cos(1.0)]), least=0.01)


def test_a_wide_clifford_state_is_followed_by_pauli_frames(ideal, run_estimator):
    width = 60
    circuit = QuantumCircuit(width)
    circuit.h(0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    labels = ["X" * width, "Z" + "I" * (width - 2) + "Z", "Z" + "I" * (width - 1)]

    result = run_estimator([(circuit, labels)], ideal)[0]

    assert result.metadata["simulation"]["method"] == "pauli_frames"
    assert_agrees(result, np.array([1.0, 1.0, 0.0]))


def test_sets_of_a_circuit_measured_shot_by_shot_are_independent(ideal, run_estimator):
    circuit = QuantumCircuit(3, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    angle = Parameter("a")
    turned = circuit.copy()
    turned.ry(angle, 1)
    values = np.array([0.0, 1.0, 2.0])

    fixed = run_estimator([(circuit, ["IIZ"], np.zeros((50, 0)))], ideal, precision=0.05)[0].data
    swept = run_estimator([(turned, [["IZI"], ["XII"]], values)], ideal, precision=0.02)[0].data

    assert np.unique(fixed.evs).size > 10
    assert abs(fixed.evs.std() / 0.05 - 1) <= SIGMAS / np.sqrt(2 * 49)
    assert np.abs(swept.evs - [np.cos(values), [0, 0, 0]]).max() <= SIGMAS * 0.02
    assert np.unique(swept.evs[1]).size == 3


@pytest.mark.parametrize("device_name", ["aer_simulator", "local_heron"])
@pytest.mark.parametrize("level", [0, 1])
def test_drawing_from_the_state_and_measuring_shot_by_shot_agree(
    device_name, level, devices, run_estimator, monkeypatch
):
    from qiskit_rest_primitives.server.aer import methods

    circuit = QuantumCircuit(156)
    circuit.sx([0, 1, 2])
    circuit.rz(0.4, [0, 1, 2])
    circuit.sx([0, 2])
    circuit.cz(0, 1)
    circuit.cz(1, 2)
    circuit.sx([1, 2])
    names = [("ZZ", [0, 1]), ("XYZ", [0, 1, 2]), ("X", [2]), ("ZZ", [0, 5]), ("Y", [1])]
    observables = [SparsePauliOp.from_sparse_list([(name, where, 1.0)], 156) for name, where in names]
    device = devices[device_name]
    options = {"twirling": {"enable_measure": True}} if level == 0 else {}
    pub = (circuit, observables)

    state = run_estimator([pub], device, precision=0.004, resilience_level=level, options=options)[0]
    monkeypatch.setattr(methods, "STATE_QUBITS", -1)
    monkeypatch.setattr(methods, "NUMPY_QUBITS", -1)
    monkeypatch.setattr(methods, "NOISY_STATE_QUBITS", -1)
    shots = run_estimator([pub], device, precision=0.004, resilience_level=level, options=options)[0]

    both = np.hypot(state.data.stds, shots.data.stds)
    assert (np.abs(state.data.evs - shots.data.evs) <= SIGMAS * both + 1e-9).all()
    assert state.data.stds == pytest.approx(shots.data.stds, rel=0.1)


def test_precision_shots_and_twirling_numbers_decide_the_shots_in_that_order(ideal, run_estimator):
    circuit = QuantumCircuit(1)
    circuit.h(0)

    def shots(pub, **params):
        return run_estimator([pub], ideal, resilience_level=0, **params)[0].metadata["shots"]

    bare = (circuit, "Z")
    assert shots(bare) == 4096
    assert shots(bare, options={"default_precision": 0.1}) == 100
    assert shots(bare, options={"default_precision": 0.1, "default_shots": 50}) == 50
    assert (
        shots(
            bare,
            options={
                "default_shots": 50,
                "twirling": {"num_randomizations": 3, "shots_per_randomization": 7},
            },
        )
        == 21
    )
    assert shots(bare, precision=0.05, options={"default_shots": 50}) == 400
    assert shots((circuit, "Z", None, 0.01), options={"default_shots": 50}) == 10_000


@pytest.mark.parametrize(
    ("precision", "twirling", "shots", "randomizations"),
    [
        (0.015625, {}, 4096, 32),
        (0.01, {}, 10_016, 32),  # 32 x 313, as the service says
        (0.1, {}, 128, 2),
        (0.1, {"num_randomizations": 30}, 120, 30),
        (0.1, {"shots_per_randomization": 30, "num_randomizations": "auto"}, 120, 4),
        (0.1, {"shots_per_randomization": 5, "num_randomizations": 4}, 100, 20),
    ],
)
def test_twirling_rounds_shots_up_to_whole_randomizations(
    precision, twirling, shots, randomizations, ideal, run_estimator
):
    circuit = QuantumCircuit(1)
    circuit.h(0)

    result = run_estimator([(circuit, "Z", None, precision)], ideal, options={"twirling": twirling})

    metadata = result[0].metadata
    assert (metadata["shots"], metadata["num_randomizations"]) == (shots, randomizations)
    untwirled = run_estimator([(circuit, "Z", None, precision)], ideal, resilience_level=0)[0].metadata
    assert (untwirled["shots"], untwirled["num_randomizations"]) == (
        round(1 / precision**2),
        1,
    )


def test_a_seed_repeats_the_result_and_zero_is_a_seed(ideal, run_estimator):
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    pubs = [(circuit, ["ZI", "ZZ"])] * 2

    once = run_estimator(pubs, ideal, options={"seed_estimator": 0}, seed=1)
    again = run_estimator(pubs, ideal, options={"seed_estimator": 0}, seed=2)

    for first, second in zip(once, again, strict=True):
        assert (first.data.evs == second.data.evs).all()
    assert (once[0].data.evs != once[1].data.evs).any()
