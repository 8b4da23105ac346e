"""Every program in examples/ runs from start to end, offline, and exits 0; also with only its import line changed."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

ROOT = Path(__file__).resolve().parent
EXAMPLES = sorted((ROOT.parent / "examples").glob("*.py"))
OWN = {
    "classic_rest.py": "plain REST without a client",
    "sessions_and_batches.py": "as_completed is this package's own",
}
"""Examples that need more than the official client has, and what."""
NO_EFFECT = "ignore:These options have no effect:UserWarning"
"""An example of options sets some that simulated hardware cannot follow, and is told so."""
GUIDES = [path for path in EXAMPLES if path.name not in OWN]


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "HOME": str(cwd), **environment},
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("program", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(program: Path, tmp_path: Path) -> None:
    assert run("-W", "error", "-W", NO_EFFECT, str(program), cwd=tmp_path).strip()


@pytest.mark.parametrize("way", ["alias", "official"])
def test_examples_run_with_only_their_import_line_changed(way: str, endpoint: Any, tmp_path: Path) -> None:
    """They import the official client's name: that is this package under the alias, or the real one."""
    environment = {}
    if way == "official":
        if find_spec("qiskit_ibm_runtime") is None:
            pytest.skip("pip install qiskit-ibm-runtime to run the examples with it")
        environment = {
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "QISKIT_IBM_TOKEN": endpoint.token,
            "QISKIT_IBM_INSTANCE": endpoint.instance,
            # The word makes the official client use the URL as it is; the server takes it off.
            "QISKIT_IBM_URL": f"{endpoint.iam_url}/experimental/api/v1",
            **dict.fromkeys(("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"), endpoint.iam_url),
        }
    program = str(ROOT / "material" / "run_examples.py")

    printed = run(program, way, *map(str, GUIDES), cwd=tmp_path, **environment)

    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert [line["example"] for line in lines] == [path.name for path in GUIDES]
    assert all(line["printed"].strip() for line in lines)


@pytest.fixture(scope="module")
def vqe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vqe_session", ROOT.parent / "examples" / "vqe_session.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def energies(vqe: ModuleType, points: np.ndarray) -> np.ndarray:
    """Return the exact energies of the demo at points (..., 8): layers of two ry each, with a cx between them."""
    turn = np.array([[0, 1], [-1, 0]])  # of a row vector: ry(t) is cos(t/2) + sin(t/2) times it
    turns = [np.kron(np.eye(2), turn), np.kron(turn, np.eye(2))]
    cx = np.eye(4)[[0, 3, 2, 1]]  # controlled by qubit 0
    state = np.zeros((*points.shape[:-1], 4))
    state[..., 0] = 1
    for index in range(points.shape[-1]):
        if index and index % 2 == 0:
            state = state @ cx
        half = points[..., index, None] / 2
        state = np.cos(half) * state + np.sin(half) * (state @ turns[index % 2])
    return np.einsum("...i,ij,...j->...", state, vqe.HAMILTONIAN.to_matrix().real, state)


@pytest.mark.parametrize("start", [0.0, math.pi, -math.pi, math.pi / 2, -math.pi / 2, 0.1, 1.0, 1e6])
def test_the_vqe_ends_at_the_ground_energy_wherever_it_starts(vqe: ModuleType, start: float) -> None:
    """Faults D (make demo): also from where every slope vanishes, with the demo's shot noise, for ten seeds."""
    size = vqe.ANSATZ.num_parameters
    ramp = np.linspace(-3, 2, size)
    state = Statevector(vqe.ANSATZ.assign_parameters(ramp))
    assert energies(vqe, ramp) == pytest.approx(state.expectation_value(vqe.HAMILTONIAN).real)
    ground = np.linalg.eigvalsh(vqe.HAMILTONIAN.to_matrix())[0]

    for seed in range(10):
        random = np.random.default_rng(seed)
        starts = random.uniform(-math.pi, math.pi, (vqe.STARTS, size))
        starts[0] = start
        found = vqe.lowest(
            lambda points, random=random: energies(vqe, points) + random.normal(0, 0.003, points.shape[:-1]),
            starts,
        )
        assert energies(vqe, found.x) - ground < 0.005


def test_the_demo_takes_a_seed_and_a_start(tmp_path: Path) -> None:
    printed = run(
        "-W",
        "error",
        str(ROOT.parent / "examples" / "vqe_session.py"),
        "--seed",
        "3",
        "--start",
        "0",
        cwd=tmp_path,
    )

    assert "seed 3" in printed
    assert "exact -1.85727" in printed
