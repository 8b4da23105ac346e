"""Random circuits through client and server: what comes back over HTTP is what Qiskit says of the original.

The circuits are those of ``make_circuit`` (conftest): hostile names, parameters and expressions, custom gates,
measurements, control flow. Counts are compared, outcome by outcome and all registers jointly, with the exact
distribution of the original circuit; expectation values with its exact state.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2, SamplerV2

SHOTS = 1000
PUBS_PER_JOB = 25
pytestmark = pytest.mark.filterwarnings(
    "ignore::scipy.sparse.SparseEfficiencyWarning",
    "ignore:.*CSC.*:Warning",
    "ignore:.*no classical:UserWarning",
)


@pytest.fixture(scope="module")
def backend(service: Any) -> Any:
    return service.backend("aer_simulator")


def expected_counts(exact: Any, circuit: QuantumCircuit, values: dict) -> dict[tuple[int, ...], float]:
    """Return the probability of each joint setting of the registers, as numbers in their order."""
    places = {bit: index for index, bit in enumerate(circuit.clbits)}
    registers = [[places[bit] for bit in register] for register in circuit.cregs]
    found: dict[tuple[int, ...], float] = {}
    for key, rho in exact(circuit, values).final.items():
        numbers = tuple(sum((key >> place & 1) << k for k, place in enumerate(bits)) for bits in registers)
        found[numbers] = found.get(numbers, 0.0) + float(np.trace(rho).real)
    return found


def seen_counts(circuit: QuantumCircuit, data: Any) -> Counter[tuple[int, ...]]:
    columns = []
    for register in circuit.cregs:
        packed = data[register.name].array
        columns.append([int.from_bytes(row.tobytes(), "big") for row in packed])
    return Counter(zip(*columns, strict=True))


def is_example(made: Any, exact: Any, endless: type[Exception]) -> bool:
    if not made.circuit.cregs or not all(len(register) for register in made.circuit.cregs):
        return False
    try:
        exact(made.circuit, made.values)
    except endless:
        return False
    return True


def sample_and_compare(seeds: range, make_circuit: Any, exact: Any, endless: Any, backend: Any) -> int:
    examples = [
        made for seed in seeds if is_example(made := make_circuit(seed, dynamic=True), exact, endless)
    ]
    sampler = SamplerV2(backend, options={"simulator": {"seed_simulator": seeds.start}})
    for start in range(0, len(examples), PUBS_PER_JOB):
        batch = examples[start : start + PUBS_PER_JOB]
        result = sampler.run([(made.circuit, made.values) for made in batch], shots=SHOTS).result()
        for made, pub in zip(batch, result, strict=True):
            expected = expected_counts(exact, made.circuit, made.values)
            seen = seen_counts(made.circuit, pub.data)
            assert sum(seen.values()) == SHOTS
            for outcome in {*expected, *seen}:
                mean = SHOTS * min(max(expected.get(outcome, 0.0), 0.0), 1.0)
                if mean < 1e-9 * SHOTS:
                    assert seen[outcome] == 0, (made.circuit.name, outcome)
                    continue
                # Five standard deviations; the added five counts cover the skew of rare outcomes.
                allowed = 5 * math.sqrt(mean * (1 - mean / SHOTS)) + 5
                assert abs(seen[outcome] - mean) <= allowed, (made.circuit.name, outcome)
    return len(examples)


@pytest.mark.parametrize("part", range(4))
def test_dynamic_circuits_are_sampled_as_they_were_meant(
    part: int, make_circuit: Any, exact: Any, endless: Any, backend: Any
) -> None:
    done = sample_and_compare(range(100 * part, 100 * part + 100), make_circuit, exact, endless, backend)

    assert done > 50


@pytest.mark.deep
@pytest.mark.parametrize("part", range(5))
def test_many_dynamic_circuits_are_sampled_as_they_were_meant(
    part: int, make_circuit: Any, exact: Any, endless: Any, backend: Any
) -> None:
    first = 10_000 + 600 * part

    assert sample_and_compare(range(first, first + 600), make_circuit, exact, endless, backend) > 300


def observable_for(num_qubits: int, seed: int) -> SparsePauliOp:
    random = np.random.default_rng(seed)
    labels = ["".join(random.choice(list("IXYZ"), num_qubits)) for _ in range(3)]
    return SparsePauliOp.from_list([(label, float(random.uniform(-1, 1))) for label in labels])


def estimate_and_compare(seeds: range, make_circuit: Any, backend: Any) -> None:
    pubs = []
    for seed in seeds:
        made = make_circuit(seed, dynamic=False)
        pubs.append((made.circuit, observable_for(made.circuit.num_qubits, seed), made.values))
    reference = StatevectorEstimator().run(
        [(without_delays(circuit), observable, values) for circuit, observable, values in pubs], precision=0.0
    )
    estimator = EstimatorV2(backend, options={"seed_estimator": seeds.start, "resilience_level": 0})
    for start in range(0, len(pubs), PUBS_PER_JOB):
        result = estimator.run(pubs[start : start + PUBS_PER_JOB], precision=0.02).result()
        for place, pub in enumerate(result, start):
            exact_value = float(reference.result()[place].data.evs)
            spread = float(np.sum(np.abs(pubs[place][1].coeffs))) * 0.02
            assert abs(float(pub.data.evs) - exact_value) <= 5 * spread + 1e-9, place


def without_delays(circuit: QuantumCircuit) -> QuantumCircuit:
    bare = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name != "delay":
            bare.append(step)
    return bare


@pytest.mark.parametrize("part", range(2))
def test_static_circuits_have_the_expectation_values_they_should(
    part: int, make_circuit: Any, backend: Any
) -> None:
    estimate_and_compare(range(100 * part, 100 * part + 100), make_circuit, backend)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(4))
def test_many_static_circuits_have_the_expectation_values_they_should(
    part: int, make_circuit: Any, backend: Any
) -> None:
    first = 20_000 + 500 * part

    estimate_and_compare(range(first, first + 500), make_circuit, backend)
