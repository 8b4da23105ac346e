"""What is computed beside Aer has Aer's distribution: generated circuits, noise models and seeds.

Each case is a seed; those that ever failed stay in the lists below.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from scipy.stats import chi2

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.aer import shots as sampling
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.aer.readout import Readout
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.devices.noise import NoiseSource
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.wire import result_body

LEAST = 1e-6
"""Of 1000 cases one in a thousand runs of other seeds would have so small a p-value by chance; these seeds are fixed."""

Counts = Mapping[str, int]


def p_value(ours: Counts, theirs: Counts) -> float:
    """Test whether two samples have one distribution: chi-square, outcomes that are rare put together."""
    keys = sorted(set(ours) | set(theirs))
    table = np.array([[ours.get(key, 0) for key in keys], [theirs.get(key, 0) for key in keys]], dtype=float)
    rare = table.sum(axis=0) < 20
    table = np.concatenate([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)], axis=1)
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, table.shape[1] - 1)) if table.shape[1] > 1 else 1.0


def noise_of(model: NoiseModel | None) -> NoiseSource | None:
    return None if model is None else device_of(AerSimulator(noise_model=model)).noise


def sampled(
    circuit: QuantumCircuit,
    model: NoiseModel | None,
    shots: int,
    seed: int,
    asked: Mapping[str, Any] | None = None,
) -> tuple[Counts, str]:
    """Return the counts of all classical bits together, and the names of the methods."""
    noise = noise_of(model)
    prepared = prepare(circuit, noise=None if noise is None else noise.distinguished)
    words, method = sampling.sample_shots(
        prepared,
        {},
        Readout(noise, symmetric=False),
        asked or {},
        np.random.default_rng(seed),
        sets=1,
        shots=shots,
    )
    return Counter(row.tobytes().hex() for row in words[0]), method


def by_aer(circuit: QuantumCircuit, model: NoiseModel | None, shots: int, seed: int) -> Counts:
    """Return what Aer counts for the circuit as it is; registers are one after the other."""
    simulator = AerSimulator(noise_model=model, seed_simulator=seed, max_parallel_threads=1)
    counts = simulator.run(circuit, shots=shots).result().data(0)["counts"]
    width = max(1, (circuit.num_clbits + 7) // 8)
    return {int(key, 16).to_bytes(width, "big").hex(): value for key, value in counts.items()}


def seeds(default: int, *found: int) -> list[Any]:
    """Return the seeds of the default run, and those of the deep one; each was once a counterexample that is ``found``."""
    return [
        pytest.param([*range(default), *found], id="some"),
        pytest.param(range(default, 1000), id="many", marks=pytest.mark.deep),
    ]


# ------------------------------------------------------------------------------------- one table


def misreading(random: np.random.Generator, width: int) -> NoiseModel | None:
    """Return a model of readout errors alone, of none in a third of the cases."""
    if random.random() < 1 / 3:
        return None
    model = NoiseModel()
    for qubit in range(width):
        low, high = random.uniform(0, 0.2, 2)
        model.add_readout_error(ReadoutError([[1 - low, low], [high, 1 - high]]), [qubit])
    return model


def static_circuit(random: np.random.Generator, width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width, width + int(random.integers(3)))
    for _ in range(3 * width):
        first, second = random.choice(width, 2, replace=False).tolist()
        circuit.ry(random.uniform(0, 3), first)
        circuit.cx(first, second) if random.random() < 0.6 else circuit.rx(random.uniform(0, 3), second)
    measured = random.permutation(width)[: random.integers(1, width + 1)]
    clbits = random.permutation(circuit.num_clbits)[: len(measured)]
    circuit.measure(measured.tolist(), clbits.tolist())
    return circuit


@pytest.mark.parametrize("those", seeds(25))
def test_shots_from_one_table_have_the_distribution_of_aer(
    those: Iterable[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "WIDEST_TABLE", 0)  # as for many qubits
    for seed in those:
        random = np.random.default_rng(seed)
        width = int(random.integers(2, 6))
        circuit, model = static_circuit(random, width), misreading(random, width)

        ours, method = sampled(circuit, model, 4000, seed)

        assert method == "statevector"
        assert p_value(ours, by_aer(circuit, model, 8000, seed)) > LEAST, seed


def test_outcomes_that_cannot_be_are_never_drawn() -> None:
    class Ends(np.random.Generator):
        """Numbers at the ends of what is possible."""

        def standard_exponential(self, size: int) -> Any:  # type: ignore[override]
            return np.where(np.arange(size) % (size - 1) == 0, 0.0, 1.0)

    probabilities = np.array([0.0, 0.3, 0.0, 0.1, 0.6, 0.0, 0.0])

    drawn = sampling.draw_outcomes(probabilities, 20, Ends(np.random.PCG64(1)))

    assert set(drawn.tolist()) == {1, 3, 4}


def test_seventeen_qubits_are_drawn_from_one_table_and_repeat() -> None:
    circuit = QuantumCircuit(17)
    angles = np.linspace(0.2, 2.9, 17)
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    for qubit in range(0, 16, 2):  # the parities of neighbours are certain
        circuit.cx(qubit, qubit + 1)
    circuit.cz(range(16), range(1, 17))
    circuit.measure_all()
    device = device_of(AerSimulator())
    body = json.dumps({"pubs": [[dump_circuit(circuit).wire, None, 20_000]]}).encode()

    result, again = (
        result_body.load_result(execute("sampler", body, device, seed=5).body)[0] for _ in range(2)
    )

    assert result.data.m000 == again.data.m000
    assert result.metadata["simulation"] == {"method": "statevector", "qubits": 17}
    bits = result.data.m000.to_bool_array(order="little")
    signs = np.cos(angles)
    signs[1:16:2] *= signs[0:16:2]
    assert np.all(np.abs(1 - 2 * bits.mean(axis=0) - signs) < 5 * np.sqrt((1 - signs**2) / 20_000))


# ------------------------------------------------------------------------------------- all to Aer


@pytest.mark.parametrize("program", ["sampler", "estimator"])
def test_a_job_leaves_everything_to_aer(program: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    if program == "sampler":
        circuit.measure_all()
    pub = [dump_circuit(circuit).wire, *(["ZZ"] if program == "estimator" else [])]
    options = {"simulator": {"method": "automatic"}}
    body = json.dumps({"pubs": [pub], "options": options}).encode()

    result = result_body.load_result(execute(program, body, device_of(AerSimulator()), seed=1).body)

    assert result[0].metadata["simulation"]["method"] == "automatic"
    assert "options_without_effect" not in result.metadata
