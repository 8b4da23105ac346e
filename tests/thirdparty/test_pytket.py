"""pytket-qiskit as published, through the alias: it compiles for our devices and runs on them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from qiskit_rest_primitives import QiskitRuntimeService

pytestmark = pytest.mark.skipif(
    find_spec("pytket") is None or find_spec("pytket.extensions.qiskit") is None,
    reason="run `make thirdparty` to run pytket-qiskit, on Python >= 3.11, which it needs",
)


# Fault B: served configurations lacked ``multi_meas_enabled``, which it reads of every device.
def test_a_bell_state_is_compiled_run_and_read(
    drive: Callable[..., dict[str, Any]], lab: QiskitRuntimeService
) -> None:
    if not hasattr(lab.backend("local_heron").configuration(), "multi_meas_enabled"):
        pytest.skip("served configurations lack multi_meas_enabled; this runs as soon as they have it")
    seen = drive("drive_pytket.py", "aer_simulator", "local_heron")

    assert seen["names"] == ["aer_simulator", "local_heron"]
    assert seen["qubits"] == [156, 156]
    for where, lost in {"exact": 0, "noisy": 0.1}.items():
        counts = seen[where]["counts"]
        shots = sum(counts.values())
        assert (shots, seen[where]["status"]) == (4000, "COMPLETED")
        assert counts["000"] + counts["101"] >= (1 - lost) * shots
        # Five standard errors, and what decay and readout take from one and give to the other.
        assert abs(counts["000"] - counts["101"]) < (5 / shots**0.5 + lost) * shots
