"""qiskit-algorithms as published, with our primitives: known answers within the shot noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_rest_primitives import EstimatorV2, IBMBackend, SamplerV2, Session

algorithms = pytest.importorskip(
    "qiskit_algorithms", reason="pip install 'qiskit-rest-primitives[thirdparty]' to run qiskit-algorithms"
)

HYDROGEN = SparsePauliOp.from_list(
    [("II", -1.0523732), ("IZ", 0.39793742), ("ZI", -0.39793742), ("ZZ", -0.0112801), ("XX", 0.18093119)]
)
GROUND = float(np.linalg.eigvalsh(HYDROGEN.to_matrix())[0])
# Five standard errors of the five-term sum at precision 0.01.
TOLERANCE = 0.04

# qiskit-algorithms 0.4 builds its circuits with classes and methods that Qiskit 2.1 deprecated.
NUMPY_2 = pytest.mark.skipif(
    int(np.__version__.split(".")[0]) < 2,
    reason="qiskit-algorithms 0.4 reads np.bool there; runs with numpy 2: pip install 'numpy>=2'",
)
OLD_LIBRARY = pytest.mark.filterwarnings(
    r"ignore:The (class|method) ``qiskit\.circuit\.library\..*is deprecated as of Qiskit 2\.1:DeprecationWarning",
    r"ignore:``qiskit\.circuit\.quantumcircuit\.QuantumCircuit\.mcx.*``mode`` is deprecated:DeprecationWarning",
)


def ansatz() -> QuantumCircuit:
    return efficient_su2(2, su2_gates=["ry"], reps=1)


def test_vqe_finds_the_ground_energy_of_hydrogen(estimator: EstimatorV2) -> None:
    from qiskit_algorithms.optimizers import NFT

    # Its steps are exact along each angle, so that it goes down whatever the noise; four sweeps of eight angles.
    layers = efficient_su2(2, su2_gates=["ry"], reps=3)
    vqe = algorithms.VQE(estimator, layers, NFT(maxiter=32), initial_point=[0.1] * 8)

    found = vqe.compute_minimum_eigenvalue(HYDROGEN, aux_operators={"parity": SparsePauliOp("ZZ")})

    assert abs(found.eigenvalue - GROUND) < TOLERANCE
    # The ground state has one electron on each site.
    assert found.aux_operators_evaluated["parity"][0] == pytest.approx(-1, abs=0.05)


def test_vqe_runs_in_a_session_on_a_device_with_its_gradient(
    line: IBMBackend, transpile: Callable[[], Any]
) -> None:
    from qiskit_algorithms.gradients import ParamShiftEstimatorGradient
    from qiskit_algorithms.optimizers import SLSQP

    with Session(line) as session:
        estimator = EstimatorV2(options={"default_precision": 0.01, "seed_estimator": 5})
        isa = transpile().run(ansatz())
        vqe = algorithms.VQE(
            estimator,
            isa,
            SLSQP(maxiter=6),
            gradient=ParamShiftEstimatorGradient(estimator, transpiler=transpile()),
            initial_point=[0.5, 2.5, 0.2, 0.1],
        )

        found = vqe.compute_minimum_eigenvalue(HYDROGEN.apply_layout(isa.layout))

        # Wherever it ends, that is the energy there.
        state = Statevector(isa.assign_parameters(found.optimal_point))
        exact = state.expectation_value(HYDROGEN.apply_layout(isa.layout)).real
        assert abs(found.eigenvalue - exact) < TOLERANCE
        assert {job.session_id for job in line.service.jobs(limit=3)} == {session.session_id}


@OLD_LIBRARY
def test_qaoa_cuts_a_square_into_its_diagonals(sampler: SamplerV2) -> None:
    from qiskit_algorithms.optimizers import COBYLA

    edges = [(0, 1), (1, 2), (2, 3), (3, 0)]
    cost = SparsePauliOp.from_sparse_list([("ZZ", edge, 1.0) for edge in edges], num_qubits=4)
    qaoa = algorithms.QAOA(sampler, COBYLA(maxiter=30), reps=2, initial_point=[0.6, 0.8, 0.8, 0.6])

    found = qaoa.compute_minimum_eigenvalue(cost)

    assert found.best_measurement["bitstring"] in ("0101", "1010")
    assert found.best_measurement["value"] == pytest.approx(-4)
    layers = found.optimal_circuit.remove_final_measurements(inplace=False).decompose(reps=4)
    state = Statevector(layers.assign_parameters(found.optimal_point))
    assert found.eigenvalue == pytest.approx(
        state.expectation_value(cost).real, abs=5 * 4 / math.sqrt(10_000)
    )


def rotations() -> tuple[QuantumCircuit, list[float], SparsePauliOp, np.ndarray]:
    """Return a circuit whose parameters repeat and are transformed, a point, an observable, and the gradient there."""
    theta = ParameterVector("θ", 3)
    circuit = QuantumCircuit(2)
    circuit.ry(theta[0], 0)
    circuit.rx(theta[1], 1)
    circuit.cx(0, 1)
    circuit.rz(2 * theta[2] + theta[0], 1)
    circuit.ry(theta[2], 0)
    point = [0.3, -1.1, 0.7]
    observable = SparsePauliOp(["ZX", "XZ", "IZ"], [1.0, 0.5, -0.25])

    def value(at: np.ndarray) -> float:
        return float(Statevector(circuit.assign_parameters(at)).expectation_value(observable).real)

    step = 1e-5
    gradient = [(value(point + step * e) - value(point - step * e)) / (2 * step) for e in np.eye(3)]
    return circuit, point, observable, np.array(gradient)


@pytest.mark.parametrize(
    "kind", ["ParamShiftEstimatorGradient", pytest.param("LinCombEstimatorGradient", marks=NUMPY_2)]
)
def test_gradients_of_expectation_values_are_exact_within_the_precision(
    kind: str, estimator: EstimatorV2
) -> None:
    from qiskit_algorithms import gradients

    circuit, point, observable, exact = rotations()
    gradient = getattr(gradients, kind)(estimator)

    found = gradient.run([circuit] * 2, [observable] * 2, [point] * 2, [circuit.parameters, None]).result()

    np.testing.assert_allclose(found.gradients, [exact, exact], atol=0.1)
    # What the package reads of the result, not of what it asked for.
    assert found.precision == pytest.approx(0.01)


def test_gradients_of_samples_are_exact_within_the_shots(sampler: SamplerV2) -> None:
    from qiskit_algorithms.gradients import LinCombSamplerGradient, ParamShiftSamplerGradient

    theta = ParameterVector("θ", 1)
    circuit = QuantumCircuit(1)
    circuit.ry(theta[0], 0)
    circuit.measure_all()
    point = 0.4

    for kind in (ParamShiftSamplerGradient, LinCombSamplerGradient):
        (found,) = kind(sampler).run([circuit], [[point]]).result().gradients[0]
        assert found[1] == pytest.approx(math.sin(point) / 2, abs=5 * 0.005 * math.sqrt(2))
        assert found[0] == pytest.approx(-found[1], abs=5 * 0.005 * math.sqrt(2))


@NUMPY_2
def test_the_quantum_geometric_tensor_of_two_rotations(estimator: EstimatorV2) -> None:
    from qiskit_algorithms.gradients import LinCombQGT

    theta = ParameterVector("θ", 2)
    circuit = QuantumCircuit(1)
    circuit.ry(theta[0], 0)
    circuit.rz(theta[1], 0)

    (found,) = LinCombQGT(estimator).run([circuit], [[0.8, 0.2]]).result().qgts

    exact = np.array([[1, 0], [0, math.sin(0.8) ** 2]]) / 4
    np.testing.assert_allclose(np.real(found), exact, atol=0.03)


@OLD_LIBRARY
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_iterative_amplitude_estimation_brackets_the_amplitude(sampler: SamplerV2, p: float) -> None:
    prepare = QuantumCircuit(1)
    prepare.ry(2 * math.asin(math.sqrt(p)), 0)
    problem = algorithms.EstimationProblem(state_preparation=prepare, objective_qubits=[0])
    iae = algorithms.IterativeAmplitudeEstimation(epsilon_target=0.005, alpha=1e-4, sampler=sampler)

    found = iae.estimate(problem)

    low, high = found.confidence_interval
    assert low <= p <= high
    assert high - low <= 0.01
    assert found.num_oracle_queries > 0


@pytest.mark.parametrize("on_device", [False, True], ids=["simulator", "device"])
def test_compute_uncompute_gives_the_overlap(
    on_device: bool, sampler: SamplerV2, line: IBMBackend, transpile: Callable[[], Any]
) -> None:
    from qiskit_algorithms.state_fidelities import ComputeUncompute

    theta = ParameterVector("θ", 1)
    turn = QuantumCircuit(1)
    turn.ry(theta[0], 0)
    more = {"transpiler": transpile()} if on_device else {}
    fidelity = ComputeUncompute(SamplerV2(line) if on_device else sampler, **more)

    found = fidelity.run(
        [turn] * 3, [turn] * 3, [[0.3], [1.0], [2.0]], [[0.3], [0.2], [-1.0]], shots=8000
    ).result()

    exact = [math.cos(difference / 2) ** 2 for difference in (0.0, 0.8, 3.0)]
    np.testing.assert_allclose(found.fidelities, exact, atol=5 * 0.5 / math.sqrt(8000))
    assert found.shots == [8000] * 3


@OLD_LIBRARY
def test_phase_estimation_reads_an_exact_phase(sampler: SamplerV2) -> None:
    unitary, eigenstate = QuantumCircuit(1), QuantumCircuit(1)
    unitary.p(2 * math.pi * 5 / 16, 0)
    eigenstate.x(0)

    found = algorithms.PhaseEstimation(4, sampler).estimate(unitary, eigenstate)

    assert found.phase == 5 / 16


@OLD_LIBRARY
def test_grover_finds_the_marked_state(sampler: SamplerV2) -> None:
    oracle = QuantumCircuit(2)
    oracle.cz(0, 1)
    problem = algorithms.AmplificationProblem(oracle, is_good_state=["11"])

    found = algorithms.Grover(iterations=1, sampler=sampler).amplify(problem)

    assert (found.top_measurement, found.oracle_evaluation) == ("11", True)
