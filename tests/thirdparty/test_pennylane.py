"""pennylane-qiskit as published runs its remote device on our backends, through the alias."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "drive_pennylane.py"


@pytest.mark.skipif(
    find_spec("pennylane_qiskit") is None,
    reason="pip install pennylane sympy && pip install --no-deps pennylane-qiskit to run PennyLane (Python >= 3.11); "
    "version 0.45 declares Qiskit <= 2.3 but works with later ones",
)
@pytest.mark.parametrize("name", ["aer_simulator", "local_heron"])
def test_a_remote_device_evaluates_differentiates_and_uses_sessions(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qiskit_rest_primitives.compat", str(PROGRAM), name],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])

    assert seen["package"].startswith("qiskit_rest_primitives")
    # Five standard errors of 4000 shots, and on the device what its noise takes away.
    for what in ("value", "slope", "probabilities", "variance", "in_session"):
        found, exact = seen[what]
        np.testing.assert_allclose(found, exact, atol=0.08 if name == "aer_simulator" else 0.15, err_msg=what)
    assert seen["shots"] == 4000
    assert seen["session"] == [1, "active"]
    assert seen["closed"] == "Closed"
