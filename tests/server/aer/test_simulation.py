"""How circuits are handed to Aer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.server.aer import simulation
from qiskit_rest_primitives.server.aer.methods import Method, plan
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.aer.simulation import run_probabilities, run_shots
from qiskit_rest_primitives.server.job_errors import TaskFailed

ANGLE = Parameter("a")
STATEVECTOR = Method("statevector")


@pytest.fixture(params=[True, False], ids=["in this thread", "by run()"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to call Aer, whichever this version takes by itself."""
    monkeypatch.setattr(simulation, "RUNS_HERE", request.param)
    return bool(request.param)


def turned() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.ry(ANGLE, 0)
    circuit.measure(0, 0)
    return circuit


def counts(seed: int, shots: int = 1000) -> list[dict[int, int]]:
    values = {ANGLE: np.array([0.0, np.pi, 1.0])}
    (found,) = run_shots([turned()], values, STATEVECTOR, shots=shots, seed=seed, noise_model=None)
    return [
        {int(word[0]): int(times) for word, times in zip(each.words, each.counts, strict=True)}
        for each in found
    ]


@pytest.mark.usefixtures("way")
def test_every_parameter_set_gets_its_own_samples() -> None:
    never, always, sometimes = counts(seed=7)

    assert never == {0: 1000}
    assert always == {1: 1000}
    # 1000 shots of probability sin(1/2)^2 = 0.2298; 5 sigma are 66.
    assert abs(sometimes[1] - 230) < 66
    assert counts(seed=7) == [never, always, sometimes]


def test_both_ways_draw_the_same_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for here in (True, False):
        monkeypatch.setattr(simulation, "RUNS_HERE", here)
        drawn.append(counts(seed=3))

    assert drawn[0] == drawn[1]


@pytest.mark.usefixtures("way")
def test_probabilities_are_those_of_the_state() -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(ANGLE, 0)
    circuit.save_probabilities(label="p")
    angles = np.linspace(0, 3, 7)

    (found,) = run_probabilities(circuit, {ANGLE: angles}, STATEVECTOR, ["p"], noise_model=None)

    np.testing.assert_allclose(found[:, 1], np.sin(angles / 2) ** 2, atol=1e-12)


@pytest.mark.usefixtures("way")
def test_what_aer_cannot_run_fails_the_job_with_its_reason() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.rx(0.3, 0)
    circuit.measure(0, 0)

    with pytest.raises(TaskFailed, match="rx"):
        run_shots([circuit], {}, Method("stabilizer"), shots=1, seed=0, noise_model=None)


@pytest.mark.usefixtures("way")
def test_threads_do_not_get_each_others_samples() -> None:
    alone = [counts(seed=seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(counts, range(8)))

    assert together == alone


def layers(width: int, angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    circuit.h(range(width))
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    if angle:
        circuit.rx(angle, range(width))
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    ("width", "angle", "name", "elsewhere"),
    [
        (14, 0.3, "statevector", True),
        (26, 0.3, "matrix_product_state", False),
        (30, 0.0, "pauli_frames", False),
    ],
)
def test_another_processor_is_for_methods_that_have_one(
    width: int, angle: float, name: str, elsewhere: bool
) -> None:
    plain, other = (
        plan(prepare(layers(width, angle)), None, asked, sets=1, shots=8)
        for asked in ({}, {"device": "GPU", "precision": "single"})
    )

    assert {method.name for _, method in plain} == {method.name for _, method in other} == {name}
    for _, method in other:
        assert dict(method.options) == {"precision": "single"} | ({"device": "GPU"} if elsewhere else {})


def test_aer_is_told_the_processor_and_says_so_when_it_lacks_it() -> None:
    method = Method("statevector", options=(("device", "GPU"),))
    values = {ANGLE: np.array([np.pi])}
    if "GPU" in AerSimulator().available_devices():
        ((found,),) = run_shots([turned()], values, method, shots=9, seed=1, noise_model=None)
        assert found.counts.tolist() == [9]
        return
    with pytest.raises(TaskFailed, match=r'device "GPU" is not supported'):
        run_shots([turned()], values, method, shots=9, seed=1, noise_model=None)
