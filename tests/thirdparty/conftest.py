"""What tests of third-party packages share: our primitives, seeded, on a simulator and on a device with connectivity.

The packages are used as they are published; what they are given is nothing but our public objects.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import EstimatorV2, IBMBackend, QiskitRuntimeService, SamplerV2
from qiskit_rest_primitives.server.devices.device import default_devices, device_of
from qiskit_rest_primitives.server.embedded import serve


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Run a program of this directory through the alias, and return what it saw: the last line that it prints."""

    def run(program: str, *backends: str) -> dict[str, Any]:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "qiskit_rest_primitives.compat",
                str(Path(__file__).parent / program),
                *backends,
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path_factory.mktemp("driven"),
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert seen["package"] == "qiskit_rest_primitives.primitives.sampler"
        return seen

    return run


@pytest.fixture(scope="session")
def lab() -> Iterator[QiskitRuntimeService]:
    """A server with the default devices and ``ideal_line``: seven qubits in a row without noise."""
    line = AerSimulator(
        n_qubits=7,
        basis_gates=["cz", "id", "rz", "sx", "x"],
        coupling_map=CouplingMap.from_line(7).get_edges(),
    )
    line.name = "ideal_line"
    with serve([*default_devices(), device_of(line)]) as server:
        place = server.endpoint
        yield QiskitRuntimeService(channel="local", url=place.url, token=place.token, instance=place.instance)


@pytest.fixture(scope="session")
def simulator(lab: QiskitRuntimeService) -> IBMBackend:
    return lab.backend("aer_simulator")


@pytest.fixture(scope="session")
def line(lab: QiskitRuntimeService) -> IBMBackend:
    return lab.backend("ideal_line")


@pytest.fixture
def sampler(simulator: IBMBackend) -> SamplerV2:
    return SamplerV2(simulator, options={"default_shots": 10_000, "simulator": {"seed_simulator": 5}})


@pytest.fixture
def estimator(simulator: IBMBackend) -> EstimatorV2:
    return EstimatorV2(simulator, options={"default_precision": 0.01, "seed_estimator": 5})


@pytest.fixture
def transpile(line: IBMBackend) -> Callable[..., Any]:
    """Make the pass manager of a backend, ``ideal_line`` by default, whose every choice is fixed."""

    def make(backend: IBMBackend = line) -> Any:
        return generate_preset_pass_manager(1, backend=backend, seed_transpiler=3)

    return make
