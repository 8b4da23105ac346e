"""qiskit-experiments as published, through the alias: what it fits is what the devices were made with."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("qiskit_experiments") is None, reason="run `make thirdparty` to run qiskit-experiments"
)


# Faults A5 (delays decay) and B (``SamplerV2._backend``), through ``run(backend, sampler=...)`` and its other forms.
def test_what_is_fitted_is_what_is_known(drive: Callable[..., dict[str, Any]]) -> None:
    seen = drive("drive_experiments.py", "aer_simulator", "local_heron")

    for what in ("T1", "T1 by a sampler of its own", "frequency", "T2*", "EPC"):
        found, error, known = seen[what]
        assert 0 < error < 0.1 * known, what
        assert found == pytest.approx(known, abs=5 * error), what
    assert seen["fidelity"] == pytest.approx(1, abs=0.02)
