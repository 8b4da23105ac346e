"""The shots of the newer family's Sampler with twirling are those of its randomisations (fault A9)."""

from __future__ import annotations

from itertools import product

import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import SamplerV2
from qiskit_rest_primitives.options.randomizations import Randomizations
from qiskit_rest_primitives.primitives.sampler import ExecutorSampler

official = pytest.importorskip("qiskit_ibm_runtime.executor.calculate_twirling_shots")
CASES = list(product((1, 64, 1000, 4000, 4096), ("auto", 7, 32), ("auto", 1, 100)))


@pytest.mark.parametrize(("shots", "number", "each"), CASES)
def test_faults_a9_as_many_shots_as_the_official_client(shots, number, each):
    randomisations, those = official.calculate_twirling_shots(shots, number, each)

    asked = Randomizations.load({"num_randomizations": number, "shots_per_randomization": each})
    assert asked.total(shots) == randomisations * those


def _taken(cls, *, twirled: bool, asked: str, number, each) -> int:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    sampler = cls(AerSimulator())
    sampler.options.twirling.enable_measure = twirled
    sampler.options.twirling.num_randomizations = number
    sampler.options.twirling.shots_per_randomization = each
    if asked == "options":
        sampler.options.default_shots = 1000
    pub = (circuit, None, 1000) if asked == "pub" else circuit
    job = sampler.run([pub], shots=1000 if asked == "run" else None)
    return job.result()[0].data.meas.num_shots


@pytest.mark.parametrize("asked", ["run", "pub", "options"])
def test_faults_a9_randomisations_win_over_shots_of_every_origin(asked):
    assert _taken(ExecutorSampler, twirled=True, asked=asked, number=32, each=10) == 320
    assert _taken(ExecutorSampler, twirled=True, asked=asked, number="auto", each="auto") == 1024
    assert _taken(ExecutorSampler, twirled=False, asked=asked, number=32, each=10) == 1000


def test_faults_a9_the_older_family_takes_the_shots_that_are_asked_for():
    assert _taken(SamplerV2, twirled=True, asked="run", number=32, each=10) == 1000
