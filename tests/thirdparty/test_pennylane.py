"""pennylane-qiskit as published runs its remote device on our backends, through the alias."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from qiskit_rest_primitives.server.settings import RETIRED_VARIABLE

pytestmark = [
    pytest.mark.skipif(
        sys.version_info < (3, 11), reason="PennyLane 0.45, which knows Qiskit 2, needs Python >= 3.11"
    ),
    # On a newer Python a missing PennyLane is an incomplete installation: `make test` has a step for it.
    pytest.mark.skipif(
        find_spec("pennylane_qiskit") is None, reason="run `make thirdparty` to run pennylane-qiskit's device"
    ),
]


@pytest.fixture(scope="module")
def seen(drive: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What the program measured: exact qubits, a noisy device, and a simulator object that our server hosts."""
    return drive("drive_pennylane.py", "aer_simulator", "local_heron")


# Five standard errors of 4000 shots, of which the energy's is the widest; noise of the device takes more.
@pytest.mark.parametrize(("backend", "tolerance"), [("exact", 0.1), ("noisy", 0.2), ("hosted", 0.1)])
@pytest.mark.parametrize(
    "what", ["value", "slope", "energy", "probabilities", "counts", "samples", "variance"]
)
def test_values_gradients_and_samples_are_the_known_ones(
    seen: dict[str, Any], what: str, backend: str, tolerance: float
) -> None:
    if what == "variance" and os.environ.get(RETIRED_VARIABLE):
        # The device makes it of the values' standard deviations, which over `executor` are those between 32 randomizations.
        tolerance += 5 * np.sqrt(2 / 31) * seen[backend][what][1]
    np.testing.assert_allclose(*seen[backend][what], atol=tolerance)


@pytest.mark.parametrize("backend", ["exact", "noisy", "hosted"])
def test_every_shot_that_was_asked_for_comes_back(seen: dict[str, Any], backend: str) -> None:
    assert seen[backend]["shots"] == [4000, 4000]


def test_a_session_of_the_device_is_one_of_the_service(seen: dict[str, Any]) -> None:
    session = seen["session"]

    np.testing.assert_allclose(*session["value"], atol=0.1)
    assert (session["jobs"], session["state"], session["after"]) == (1, "active", "Closed")
