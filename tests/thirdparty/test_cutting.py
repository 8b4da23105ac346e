"""qiskit-addon-cutting as published: its own tests through the alias, and values that are known, with our sampler."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList, Statevector

from qiskit_rest_primitives import SamplerV2

FOUND = find_spec("qiskit_addon_cutting")

pytestmark = pytest.mark.skipif(FOUND is None, reason="run `make thirdparty` to run qiskit-addon-cutting")

# All that use a sampler of qiskit-ibm-runtime; the others need no primitives of ours.
OF_A_SAMPLER = "exotic_labels or samplerv2 or (identity_subobservable and sampler1)"


def own_tests() -> Path | None:
    """Return where `make thirdparty` has unpacked the package's sources, beside the environment's packages."""
    above = Path(FOUND.origin).parents if FOUND is not None and FOUND.origin else ()
    return next(
        (path for root in above for path in root.glob("thirdparty/qiskit_addon_cutting-*/test")), None
    )


@pytest.mark.skipif(
    own_tests() is None, reason="run `make thirdparty` to fetch qiskit-addon-cutting's own tests"
)
def test_its_own_tests_pass_through_the_alias(tmp_path: Path) -> None:
    sources = own_tests()
    assert sources is not None
    files = [str(sources / f"test_cutting_{name}.py") for name in ("roundtrip", "workflows")]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", OF_A_SAMPLER]

    done = subprocess.run(
        [sys.executable, "-m", "qiskit_rest_primitives.compat", "-m", "pytest", *options, *files],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\b4 passed", done.stdout), done.stdout[-1000:]


def test_a_cut_circuit_has_the_values_of_the_whole(sampler: SamplerV2) -> None:
    from qiskit_addon_cutting import (
        generate_cutting_experiments,
        partition_problem,
        reconstruct_expectation_values,
    )

    circuit = QuantumCircuit(4)
    for qubit, angle in enumerate((0.4, 1.1, -0.7, 2.0)):
        circuit.ry(angle, qubit)
    circuit.cx(0, 1)
    circuit.rzz(0.9, 1, 2)  # the cut: seven pairs of experiments, of weight 1 + 2 sin 0.9
    circuit.cx(2, 3)
    circuit.rx(0.5, 1)
    observables = PauliList(["IIIZ", "IZZI", "ZIIZ"])
    problem = partition_problem(circuit, "AABB", observables)
    experiments, weights = generate_cutting_experiments(
        problem.subcircuits, problem.subobservables, num_samples=np.inf
    )

    results = {label: sampler.run(circuits, shots=5000).result() for label, circuits in experiments.items()}
    found = reconstruct_expectation_values(results, weights, problem.subobservables)

    state = Statevector(circuit)
    exact = [state.expectation_value(observable).real for observable in observables]
    # Five standard errors of 5000 shots, times the weight of the cut.
    np.testing.assert_allclose(found, exact, atol=5 / 5000**0.5 * (1 + 2 * np.sin(0.9)))
