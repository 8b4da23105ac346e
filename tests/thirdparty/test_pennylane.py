"""pennylane-qiskit as published runs its remote device on our backends, through the alias."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "drive_pennylane.py"

pytestmark = [
    pytest.mark.skipif(
        sys.version_info < (3, 11), reason="PennyLane 0.45, which knows Qiskit 2, needs Python >= 3.11"
    ),
    # On a newer Python a missing PennyLane is an incomplete installation: `make test` has a step for it.
    pytest.mark.skipif(
        find_spec("pennylane_qiskit") is None, reason="run `make pennylane` to run pennylane-qiskit's device"
    ),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program measured: exact qubits, a noisy device, and a simulator object that our server hosts."""
    done = subprocess.run(
        [sys.executable, "-m", "qiskit_rest_primitives.compat", str(PROGRAM), "aer_simulator", "local_heron"],
        capture_output=True,
        text=True,
        cwd=tmp_path_factory.mktemp("pennylane"),
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_device_was_given_our_primitives(seen: dict[str, Any]) -> None:
    assert seen["package"] == "qiskit_rest_primitives.sampler"


# Five standard errors of 4000 shots, of which the energy's is the widest; noise of the device takes more.
@pytest.mark.parametrize(("backend", "tolerance"), [("exact", 0.1), ("noisy", 0.2), ("hosted", 0.1)])
@pytest.mark.parametrize(
    "what", ["value", "slope", "energy", "probabilities", "counts", "samples", "variance"]
)
def test_values_gradients_and_samples_are_the_known_ones(
    seen: dict[str, Any], what: str, backend: str, tolerance: float
) -> None:
    np.testing.assert_allclose(*seen[backend][what], atol=tolerance)


@pytest.mark.parametrize("backend", ["exact", "noisy", "hosted"])
def test_every_shot_that_was_asked_for_comes_back(seen: dict[str, Any], backend: str) -> None:
    assert seen[backend]["shots"] == [4000, 4000]


def test_a_session_of_the_device_is_one_of_the_service(seen: dict[str, Any]) -> None:
    session = seen["session"]

    np.testing.assert_allclose(*session["value"], atol=0.1)
    assert (session["jobs"], session["state"], session["after"]) == (1, "active", "Closed")
