"""A served FakeTorino, asked through the API, behaves as Aer does with the noise that Aer itself makes of it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager

from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve

SPEC = "qiskit_ibm_runtime.fake_provider:FakeTorino"
SHOTS = 20_000
QUBITS = (0, 20, 64, 100, 132)
PAIRS = ((0, 1), (99, 100))
BASES = {"XX": 1, "YY": -1, "ZZ": 1}
"""Sign of each correlation in the fidelity (1 + XX - YY + ZZ) / 4 of the state (00 + 11) / sqrt 2."""


@pytest.fixture(scope="module")
def torino():
    providers = pytest.importorskip(
        "qiskit_ibm_runtime.fake_provider", reason="pip install qiskit-ibm-runtime for FakeTorino"
    )
    return providers.FakeTorino()


@pytest.fixture(scope="module")
def direct(torino) -> dict[str, list[dict[str, int]]]:
    """Counts of all circuits of this module, from Aer alone, as the fake backend itself runs them."""
    circuits = {"readout": readout_circuits()} | {str(pair): bell_circuits(torino, pair) for pair in PAIRS}
    flat = [circuit for several in circuits.values() for circuit in several]
    counts = iter(torino.run(flat, shots=SHOTS, seed_simulator=3).result().get_counts())
    return {name: [next(counts) for _ in several] for name, several in circuits.items()}


@pytest.fixture(scope="module", params=["embedded", "program"])
def backend(request: pytest.FixtureRequest, torino) -> Iterator[object]:
    """The backend as our client sees it, from a server in this process and from one of its own."""
    if request.param == "embedded":
        with serve([load_device(SPEC)]) as server:
            point = server.endpoint
            yield client_of(point.url, point.token, point.instance)
        return
    command = [sys.executable, "-m", "qiskit_rest_primitives.server", "--backend", SPEC]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = json.loads(process.stdout.readline())
            yield client_of(ready["url"], ready["token"], ready["instance"])
        finally:
            process.kill()


def client_of(url: str, token: str, instance: str):
    return QiskitRuntimeService(channel="local", url=url, token=token, instance=instance).backend(
        "fake_torino"
    )


def readout_circuits() -> list[QuantumCircuit]:
    """Every qubit left alone, and every qubit flipped."""
    circuits = []
    for flipped in (False, True):
        circuit = QuantumCircuit(133, len(QUBITS))
        if flipped:
            circuit.x(QUBITS)
        circuit.measure(QUBITS, range(len(QUBITS)))
        circuits.append(circuit)
    return circuits


def bell_circuits(torino, pair: tuple[int, int]) -> list[QuantumCircuit]:
    """A Bell pair, measured in each of the ``BASES``."""
    circuits = []
    for basis in BASES:
        circuit = QuantumCircuit(2, 2)
        circuit.h(0)
        circuit.cx(0, 1)
        if basis == "YY":
            circuit.sdg([0, 1])
        if basis != "ZZ":
            circuit.h([0, 1])
        circuit.measure([0, 1], [0, 1])
        circuits.append(circuit)
    passes = generate_preset_pass_manager(
        optimization_level=1, backend=torino, initial_layout=list(pair), seed_transpiler=1
    )
    return passes.run(circuits)


def rates_of(counts: dict[str, int], bits: int) -> np.ndarray:
    """Return how often each bit was 1."""
    ones = [sum(n for key, n in counts.items() if key[-1 - bit] == "1") for bit in range(bits)]
    return np.array(ones) / sum(counts.values())


def correlation_of(counts: dict[str, int]) -> float:
    return sum((1 if key[0] == key[1] else -1) * n for key, n in counts.items()) / sum(counts.values())


def test_readout_errors_are_those_of_the_device_and_of_aer(backend, direct, torino) -> None:
    result = SamplerV2(mode=backend).run(readout_circuits(), shots=SHOTS).result()
    served = [rates_of(pub.data.c.get_counts(), len(QUBITS)) for pub in result]

    expected = [rates_of(counts, len(QUBITS)) for counts in direct["readout"]]
    for ours, theirs in zip(served, expected, strict=True):
        sigma = np.sqrt((ours * (1 - ours) + theirs * (1 - theirs)) / SHOTS) + 1 / SHOTS
        assert np.all(np.abs(ours - theirs) < 5 * sigma)
    for qubit, rate in zip(QUBITS, served[0], strict=True):
        true = torino.properties().qubit_property(qubit, "prob_meas1_prep0")[0]
        assert abs(rate - true) < 5 * math.sqrt(true * (1 - true) / SHOTS)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_fidelity_of_a_bell_pair_is_that_of_aer(pair: tuple[int, int], backend, direct, torino) -> None:
    result = SamplerV2(mode=backend).run(bell_circuits(torino, pair), shots=SHOTS).result()
    served = [correlation_of(pub.data.c.get_counts()) for pub in result]
    expected = [correlation_of(counts) for counts in direct[str(pair)]]

    signs = np.array(list(BASES.values()))
    fidelities = [(1 + signs @ np.array(values)) / 4 for values in (served, expected)]
    variance = sum((1 - value**2) / SHOTS for value in (*served, *expected)) / 16
    assert abs(fidelities[0] - fidelities[1]) < 5 * math.sqrt(variance)
    assert 0.5 < fidelities[0] < 0.999  # entangled, and not without noise
