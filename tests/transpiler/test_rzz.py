"""PUBs with swept rzz angles: the same expectation values and samples, and every angle in the range of devices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2, IBMInputValueError, SamplerV2
from qiskit_rest_primitives.primitives.isa import check_angles, summary_of
from qiskit_rest_primitives.transpiler.rzz import convert_to_rzz_valid_pub

A, B = Parameter("a"), Parameter("b")
OBSERVABLE = SparsePauliOp(["ZZI", "XIX", "IYZ", "YXI"], [1.0, 0.5, -0.7, 0.3])


def tangled(*angles: Any) -> QuantumCircuit:
    """rzz gates of these angles on changing pairs, between rotations that do not commute with them."""
    circuit = QuantumCircuit(3)
    for index, angle in enumerate(angles):
        for qubit in range(3):
            circuit.ry(0.4 + 0.3 * qubit + 0.2 * index, qubit)
            circuit.rx(0.9 - 0.2 * qubit, qubit)
        circuit.rzz(angle, index % 3, (index + 1) % 3)
    for qubit in range(3):
        circuit.rx(0.7, qubit)
    return circuit


def evs(*pub: Any) -> Any:
    return StatevectorEstimator().run([pub]).result()[0].data.evs


def converted(*pub: Any) -> EstimatorPub:
    return convert_to_rzz_valid_pub(StatevectorEstimator(), pub)


@pytest.mark.parametrize(
    "angles",
    [(A,), (A, B), (2 * A - B, A * B, A), (A.sin() + 3, -B), (A, 5.0, -0.3, B / 2 + 1)],
    ids=["one", "two", "expressions", "nonlinear", "with numbers"],
)
def test_a_sweep_gives_the_same_expectation_values(angles: tuple[Any, ...]) -> None:
    circuit = tangled(*angles)
    values = np.random.default_rng(5).uniform(-10, 10, (4, 5, circuit.num_parameters))

    pub = converted(circuit, OBSERVABLE, values, 0.25)

    check_angles(summary_of(pub.circuit), pub.parameter_values, where="PUB 0")
    assert (pub.shape, pub.precision) == ((4, 5), 0.25)
    np.testing.assert_allclose(
        evs(pub.circuit, pub.observables, pub.parameter_values), evs(circuit, OBSERVABLE, values), atol=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.floats(-40, 40) | st.integers(-16, 16).map(lambda quarters: quarters * math.pi / 4),
        min_size=1,
        max_size=6,
    )
)
def test_any_angles_are_brought_into_the_range(angles: list[float]) -> None:
    circuit, values = tangled(A), np.array(angles)[:, None]

    pub = converted(circuit, OBSERVABLE, values)

    check_angles(summary_of(pub.circuit), pub.parameter_values, where="PUB 0")
    np.testing.assert_allclose(
        evs(pub.circuit, pub.observables, pub.parameter_values), evs(circuit, OBSERVABLE, values), atol=1e-12
    )


def test_angles_in_the_range_change_nothing() -> None:
    circuit, values = tangled(A, B), np.array([[0.0, math.pi / 2], [0.3, 1.2]])

    pub = converted(circuit, OBSERVABLE, values)

    assert pub.circuit == circuit
    np.testing.assert_array_equal(pub.parameter_values.as_array([A, B]), values)


def test_gates_that_are_the_same_for_all_values_have_no_new_parameters() -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(A, 0, 1)

    pub = converted(circuit, "ZZ", np.array([[-0.5], [-0.7]]))
    both = converted(circuit, "ZZ", np.array([[2.5], [4.0]]))

    assert pub.circuit.count_ops() == {"x": 2, "rzz": 1}
    assert [entry.name for entry in pub.circuit.parameters] == ["rzz_1_rzz"]
    assert [entry.name for entry in both.circuit.parameters] == ["rzz_1_rx", "rzz_1_rzz"]
    assert [gate.params[0] for gate in both.circuit.data if gate.name == "rz"] == [math.pi, math.pi]


def test_samplers_get_a_sampler_pub_with_its_shots() -> None:
    circuit = tangled(A)
    circuit.measure_all()
    values = {A: np.linspace(-4, 4, 5)}

    pub = convert_to_rzz_valid_pub(StatevectorSampler(), (circuit, values, 20_000))

    assert isinstance(pub, SamplerPub)
    assert (pub.shape, pub.shots) == ((5,), 20_000)
    found, expected = (
        StatevectorSampler(seed=3).run([entry], shots=20_000).result()[0].data.meas.bitcount().mean(axis=-1)
        for entry in (pub, (circuit, values))
    )
    np.testing.assert_allclose(found, expected, atol=0.06)


def test_the_official_function_gives_a_pub_with_the_same_results() -> None:
    package = pytest.importorskip(
        "qiskit_ibm_runtime.transpiler.passes.basis.fold_rzz_angle",
        reason="pip install qiskit-ibm-runtime to compare with it",
    )
    official = pytest.importorskip("qiskit_ibm_runtime", reason="as above")
    circuit = tangled(A, 2 * B)
    values = np.random.default_rng(8).uniform(-7, 7, (6, 2))
    estimator = official.EstimatorV2.__new__(official.EstimatorV2)

    theirs = package.convert_to_rzz_valid_pub(estimator, (circuit, OBSERVABLE, values))
    mine = converted(circuit, OBSERVABLE, values)

    def new(pub: Any) -> list[str]:
        return sorted(entry.name for entry in pub.circuit.parameters if entry.name.startswith("rzz_"))

    assert new(mine) == new(theirs)
    np.testing.assert_allclose(
        evs(mine.circuit, mine.observables, mine.parameter_values),
        evs(theirs.circuit, theirs.observables, theirs.parameter_values),
        atol=1e-12,
    )


def test_a_converted_pub_runs_on_a_device_that_refuses_the_original(service: Any) -> None:
    backend = service.backend("local_heron", use_fractional_gates=True)
    circuit = QuantumCircuit(2)
    circuit.rx(1.0, 0)
    circuit.rx(0.6, 1)
    circuit.rzz(A, 0, 1)
    circuit.rx(1.0, 0)
    isa = generate_preset_pass_manager(1, backend=backend, seed_transpiler=3).run(circuit)
    observable = SparsePauliOp("ZZ").apply_layout(isa.layout)
    values = np.array([[-2.0], [4.0], [0.5]])
    estimator = EstimatorV2(mode=backend, options={"resilience_level": 0})
    with pytest.raises(IBMInputValueError, match="rzz takes angles from 0 to pi/2 only"):
        estimator.run([(isa, observable, values)])

    pub = convert_to_rzz_valid_pub(estimator, (isa, observable, values))
    found = estimator.run([pub], precision=0.02).result()[0].data.evs

    assert pub.circuit.layout == isa.layout
    np.testing.assert_allclose(found, evs(circuit, SparsePauliOp("ZZ"), values), atol=0.15)


@pytest.mark.parametrize(
    ("primitive", "pub", "words"),
    [
        (5, (tangled(A), OBSERVABLE, [1.0]), "takes a sampler or an estimator first, not int"),
        ("estimator", (tangled(Parameter("rzz_x")), OBSERVABLE, [1.0]), "name that begins with 'rzz_'"),
        ("sampler", "dynamic", "circuit is dynamic .it has 'if_else'."),
    ],
)
def test_what_cannot_be_converted_is_refused(primitive: Any, pub: Any, words: str, service: Any) -> None:
    backend = service.backend("aer_simulator")
    primitives = {"sampler": SamplerV2, "estimator": EstimatorV2}
    if pub == "dynamic":
        circuit = QuantumCircuit(2, 1)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.rzz(5.0, 0, 1)
        pub = (circuit,)

    with pytest.raises(IBMInputValueError, match=words):
        convert_to_rzz_valid_pub(
            primitives[primitive](mode=backend) if primitive in primitives else primitive, pub
        )
