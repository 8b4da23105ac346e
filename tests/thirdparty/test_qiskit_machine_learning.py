"""qiskit-machine-learning as published, with our primitives: networks forward and backward against exact values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2, IBMBackend, SamplerV2

pytest.importorskip(
    "qiskit_machine_learning",
    reason="pip install 'qiskit-rest-primitives[thirdparty]' to run qiskit-machine-learning",
)

X, W = Parameter("x"), Parameter("w")
INPUTS, WEIGHT = np.array([[0.3], [1.2], [-0.8]]), 0.5


def circuit() -> QuantumCircuit:
    """Return ry(x + w) by two gates: <Z> = cos(x + w), P(1) = sin^2((x + w) / 2)."""
    circuit = QuantumCircuit(1)
    circuit.ry(X, 0)
    circuit.ry(W, 0)
    return circuit


@pytest.mark.parametrize("on_device", [False, True], ids=["simulator", "device"])
def test_an_estimator_network_goes_forward_and_backward(
    on_device: bool, estimator: EstimatorV2, line: IBMBackend, transpile: Callable[[], Any]
) -> None:
    from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    layer, z, x = circuit(), SparsePauliOp("Z"), SparsePauliOp("X")
    if on_device:
        estimator = EstimatorV2(line, options={"default_precision": 0.01, "seed_estimator": 5})
        layer = transpile().run(layer)
        z, x = (operator.apply_layout(layer.layout) for operator in (z, x))
    network = EstimatorQNN(
        circuit=layer,
        estimator=estimator,
        observables=[z, x],
        input_params=[X],
        weight_params=[W],
        gradient=ParamShiftEstimatorGradient(estimator),
        input_gradients=True,
        default_precision=0.01,
    )

    values = network.forward(INPUTS, [WEIGHT])
    by_input, by_weight = network.backward(INPUTS, [WEIGHT])

    angle = INPUTS[:, 0] + WEIGHT
    np.testing.assert_allclose(values, np.stack([np.cos(angle), np.sin(angle)], axis=1), atol=0.05)
    slope = np.stack([-np.sin(angle), np.cos(angle)], axis=1)[..., None]
    assert by_input.shape == by_weight.shape == (3, 2, 1)
    np.testing.assert_allclose(by_input, slope, atol=0.05)
    np.testing.assert_allclose(by_weight, slope, atol=0.05)


def test_a_sampler_network_goes_forward_and_backward(sampler: SamplerV2) -> None:
    from qiskit_machine_learning.neural_networks import SamplerQNN

    network = SamplerQNN(
        circuit=circuit(), sampler=sampler, input_params=[X], weight_params=[W], input_gradients=True
    )

    values = network.forward(INPUTS, [WEIGHT])
    by_input, by_weight = network.backward(INPUTS, [WEIGHT])

    angle = INPUTS[:, 0] + WEIGHT
    one = np.sin(angle / 2) ** 2
    np.testing.assert_allclose(values, np.stack([1 - one, one], axis=1), atol=0.025)
    slope = np.stack([-np.sin(angle) / 2, np.sin(angle) / 2], axis=1)[..., None]
    np.testing.assert_allclose(by_input, slope, atol=0.025)
    np.testing.assert_allclose(by_weight, slope, atol=0.025)


def test_a_fidelity_kernel_is_the_overlap_of_its_states(sampler: SamplerV2) -> None:
    from qiskit_machine_learning.kernels import FidelityQuantumKernel
    from qiskit_machine_learning.state_fidelities import ComputeUncompute

    feature_map = QuantumCircuit(1)
    feature_map.ry(X, 0)
    kernel = FidelityQuantumKernel(feature_map=feature_map, fidelity=ComputeUncompute(sampler=sampler))

    matrix = kernel.evaluate(INPUTS)

    exact = np.cos((INPUTS - INPUTS.T) / 2) ** 2
    np.testing.assert_allclose(matrix, exact, atol=0.025)


def test_a_classifier_learns_two_clouds(estimator: EstimatorV2) -> None:
    from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
    from qiskit_machine_learning.neural_networks import EstimatorQNN
    from qiskit_machine_learning.optimizers import OptimizerResult

    network = EstimatorQNN(
        circuit=circuit(), estimator=estimator, input_params=[X], weight_params=[W], default_precision=0.05
    )
    features = np.array([[0.2], [0.4], [0.1], [2.5], [2.9], [2.7]])
    labels = np.array([1, 1, 1, -1, -1, -1])

    def best_of_nine(fun: Any, x0: Any, jac: Any = None, bounds: Any = None) -> OptimizerResult:
        """Two of these weights classify right, whatever the noise; no optimiser has to find them."""
        weights = np.linspace(-np.pi, np.pi, 9)[:, None]
        result = OptimizerResult()
        result.fun, result.x = min(((float(fun(weight)), weight) for weight in weights), key=lambda at: at[0])
        return result

    classifier = NeuralNetworkClassifier(network, optimizer=best_of_nine, initial_point=[1.5])

    classifier.fit(features, labels)

    assert classifier.score(features, labels) == 1
