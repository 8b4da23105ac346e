"""qiskit-optimization as published, with our sampler: problems whose solutions are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from qiskit_rest_primitives import IBMBackend, SamplerV2, Session

pytest.importorskip(
    "qiskit_optimization",
    reason="pip install 'qiskit-rest-primitives[thirdparty]' to run qiskit-optimization",
)

# Said by qiskit-optimization to everybody whose sampler is not Qiskit's own; a simulator takes every circuit.
ADVICE = pytest.mark.filterwarnings("ignore:Using Sampler V2 .* without a pass_manager:UserWarning")


def knapsack() -> Any:
    """Return a problem: of values 3, 4, 5 with weights 2, 3, 4 carry at most 5. Its solution is (1, 1, 0), worth 7."""
    from qiskit_optimization import QuadraticProgram

    program = QuadraticProgram("knapsack")
    for name in "abc":
        program.binary_var(name)
    program.maximize(linear={"a": 3, "b": 4, "c": 5})
    program.linear_constraint(linear={"a": 2, "b": 3, "c": 4}, sense="<=", rhs=5)
    return program


def cut() -> Any:
    """Return a maximum cut of a path of four nodes: the solutions alternate and are worth 3."""
    from qiskit_optimization import QuadraticProgram

    program = QuadraticProgram("cut")
    nodes = [program.binary_var(f"n{index}").name for index in range(4)]
    edges = list(itertools.pairwise(nodes))
    linear = {node: sum(node in edge for edge in edges) for node in nodes}
    program.maximize(linear=linear, quadratic=dict.fromkeys(edges, -2))
    return program


@ADVICE
def test_qaoa_solves_a_maximum_cut(sampler: SamplerV2) -> None:
    from qiskit_optimization.algorithms import MinimumEigenOptimizer
    from qiskit_optimization.minimum_eigensolvers import QAOA
    from qiskit_optimization.optimizers import COBYLA

    qaoa = QAOA(sampler, COBYLA(maxiter=20), reps=1, initial_point=[0.5, 0.5])

    found = MinimumEigenOptimizer(qaoa).solve(cut())

    assert found.fval == 3
    assert list(found.x) in ([0, 1, 0, 1], [1, 0, 1, 0])
    # The samples are those of all 16 outcomes that were seen, with probabilities that add up.
    assert sum(sample.probability for sample in found.samples) == pytest.approx(1)


@ADVICE
def test_qaoa_solves_a_constrained_problem(sampler: SamplerV2) -> None:
    from qiskit_optimization.algorithms import MinimumEigenOptimizer
    from qiskit_optimization.minimum_eigensolvers import QAOA
    from qiskit_optimization.optimizers import COBYLA

    qaoa = QAOA(sampler, COBYLA(maxiter=10), reps=1, initial_point=[0.1, 0.1])

    found = MinimumEigenOptimizer(qaoa).solve(knapsack())

    assert (list(found.x), found.fval) == ([1, 1, 0], 7)
    assert found.status.name == "SUCCESS"


def test_qaoa_runs_on_a_device_in_a_session(line: IBMBackend, transpile: Callable[[], Any]) -> None:
    from qiskit_optimization.algorithms import MinimumEigenOptimizer
    from qiskit_optimization.minimum_eigensolvers import QAOA
    from qiskit_optimization.optimizers import COBYLA

    with Session(line):
        sampler = SamplerV2(options={"default_shots": 4000, "simulator": {"seed_simulator": 5}})
        qaoa = QAOA(sampler, COBYLA(maxiter=8), reps=1, initial_point=[0.5, 0.5], pass_manager=transpile())
        found = MinimumEigenOptimizer(qaoa).solve(cut())

    assert found.fval == 3
