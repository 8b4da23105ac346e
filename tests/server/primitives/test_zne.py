"""Zero-noise extrapolation: folding keeps the meaning, fits are right, options are checked."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator

from qiskit_rest_primitives.qasm.mitigation import folded
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.job_errors import ParamsError, TaskFailed
from qiskit_rest_primitives.server.primitives.registry import decode
from qiskit_rest_primitives.server.primitives.zne import (
    Extrapolation,
    check_folding,
    extrapolate,
    load_extrapolation,
)


def ladder(angle=0.7):
    circuit = QuantumCircuit(3)
    circuit.sx([0, 1, 2])
    circuit.cz(0, 1)
    circuit.rzz(angle, 1, 2)
    circuit.ecr(0, 1)
    circuit.cz(1, 2)
    return circuit


@pytest.mark.parametrize(("factor", "gates"), [(1, 4), (1.5, 6), (2, 8), (3, 12), (3.5, 14), (5, 20)])
@pytest.mark.parametrize("amplifier", ["gate_folding", "gate_folding_front", "gate_folding_back"])
def test_folding_multiplies_two_qubit_gates_and_keeps_the_meaning(factor, gates, amplifier):
    circuit = ladder()

    amplified = folded(circuit, factor, amplifier)

    assert sum(len(step.qubits) == 2 for step in amplified.data) == gates
    assert Operator(amplified) == Operator(circuit)


@pytest.mark.parametrize(
    ("factors", "folds"),
    [((1.0, 1_249_999.0), True), ((1.0, 1_250_000.0), False), ((1.0, 3.0, 1_249_998.0), False)],
)
def test_the_sum_of_the_noise_factors_is_limited(factors, folds):
    """faults E (gate folding): 4 two-qubit gates times the sum may come to 5 million."""
    prepared = prepare(ladder())

    if folds:
        check_folding(prepared, factors)
        return
    with pytest.raises(TaskFailed, match=r"4 two-qubit gates times .* the sum of the noise factors"):
        check_folding(prepared, factors)


def test_front_and_back_fold_different_gates():
    front = [step.name for step in folded(ladder(), 1.5, "gate_folding_front").data]
    back = [step.name for step in folded(ladder(), 1.5, "gate_folding_back").data]

    assert front[3:6] == ["cz", "cz", "cz"]
    assert back[-3:] == ["cz", "cz", "cz"]


def test_parametrised_gates_are_folded_too():
    angle = Parameter("a")
    bound = folded(ladder(angle), 3, "gate_folding").assign_parameters({angle: 0.7})

    assert Operator(bound) == Operator(ladder())


def test_an_exponential_decay_is_found_exactly():
    request = Extrapolation(at=(0.0, 2.0))
    factors = np.array(request.noise_factors)
    means = np.array([0.8 * np.exp(-0.2 * factors), -0.5 * np.exp(-0.1 * factors)])

    fit = extrapolate(request, means, np.full_like(means, 1e-3))

    assert fit.evs == pytest.approx([0.8, -0.5], abs=1e-6)
    assert fit.chosen.tolist() == ["exponential", "exponential"]
    assert fit.evs_extrapolated.shape == (2, 2, 2)
    assert fit.evs_extrapolated[0, 0] == pytest.approx([0.8, 0.8 * np.exp(-0.4)], abs=1e-6)


def test_means_that_vanish_in_their_noise_are_extrapolated_by_the_next_choice():
    request = Extrapolation()
    means = np.array([[0.01, -0.01, 0.005], [0.1, 0.2, 0.3]])

    fit = extrapolate(request, means, np.full_like(means, 0.02))

    assert fit.chosen.tolist() == ["linear", "linear"]
    assert fit.evs[1] == pytest.approx(0.05, abs=1e-9)


def test_without_any_fit_the_least_noisy_mean_remains():
    request = Extrapolation(noise_factors=(3.0, 1.0), extrapolators=("exponential",), at=(0.0,))

    fit = extrapolate(request, np.array([[-0.01, 0.02]]), np.array([[0.1, 0.1]]))

    assert fit.evs.tolist() == [0.02]
    assert fit.stds.tolist() == [0.1]
    assert fit.chosen.tolist() == ["fallback"]


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_polynomials_through_their_own_points_are_exact(degree):
    factors = (1.0, 2.0, 3.0, 4.0)
    request = Extrapolation(factors, (f"polynomial_degree_{degree}",), (0.0,))
    means = np.polynomial.polynomial.polyval(np.array(factors), np.arange(1.0, degree + 2))

    fit = extrapolate(request, means, np.full(4, 0.01))

    assert fit.evs == pytest.approx(1.0, abs=1e-6)
    assert fit.evs.shape == ()


def test_the_error_of_a_straight_line_is_propagated():
    # From 1 and 3 to 0: value = 1.5 y1 - 0.5 y3, so the deviation is sqrt(1.5^2 + 0.5^2) of one point.
    request = Extrapolation((1.0, 3.0), ("linear",), (0.0,))

    fit = extrapolate(request, np.array([0.9, 0.7]), np.array([0.01, 0.01]))

    assert fit.evs == pytest.approx(1.0)
    assert fit.stds == pytest.approx(0.01 * np.sqrt(2.5), rel=1e-6)


def test_options_are_read_with_their_defaults():
    assert load_extrapolation({}) == Extrapolation()
    read = load_extrapolation(
        {"extrapolator": "linear", "noise_factors": [1, 2], "amplifier": "gate_folding_back"}
    )
    assert read == Extrapolation((1.0, 2.0), ("linear",), (0.0, 1.0, 2.0), "gate_folding_back")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"noise_factors": [0.5, 1]}, "at least 1"),
        ({"noise_factors": [1]}, "needs 2 different noise factors"),
        ({"extrapolator": "cubic"}, "extrapolator must be one of linear, exponential"),
        ({"extrapolator": ["linear", "cubic"]}, "extrapolator must be one of linear, exponential"),
        ({"extrapolator": ["polynomial_degree_3"]}, "needs 4"),
        ({"amplifier": "louder"}, "amplifier must be one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, problem):
    resilience = {"zne_mitigation": True, "zne": options}
    with pytest.raises(ParamsError, match=problem):
        decode("estimator", {"pubs": [], "options": {"resilience": resilience}})
