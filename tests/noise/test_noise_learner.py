"""``NoiseLearner`` against the embedded server: what is sent, what is refused, and what comes back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, pauli_error

from qiskit_rest_primitives import (
    Batch,
    EstimatorOptions,
    EstimatorV2,
    IBMBackend,
    IBMInputValueError,
    NoiseLearner,
    NoiseLearnerOptions,
    NoiseLearnerV2,
    QiskitRuntimeService,
    RuntimeJobFailureError,
    Session,
)
from qiskit_rest_primitives.results.noise_learner import LayerError, NoiseLearnerResult
from qiskit_rest_primitives.wire import typed

QUICK: dict[str, Any] = {
    "num_randomizations": 2,
    "shots_per_randomization": 16,
    "layer_pair_depths": [0, 4],
    "simulator": {"seed_simulator": 5},
}


def pair(first: int = 0, second: int = 1, width: int = 3) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    circuit.cz(first, second)
    return circuit


def learned(layer: LayerError) -> dict[str, float]:
    assert layer.error is not None
    return dict(zip(layer.error.generators.to_labels(), layer.error.rates.tolist(), strict=True))


def equal(one: NoiseLearnerResult, other: NoiseLearnerResult) -> bool:
    return one.metadata == other.metadata and [
        (layer.qubits, layer.circuit, learned(layer)) for layer in one
    ] == [(layer.qubits, layer.circuit, learned(layer)) for layer in other]


@pytest.fixture(scope="module")
def service() -> QiskitRuntimeService:
    return QiskitRuntimeService(channel="local")


@pytest.fixture(scope="module")
def heron(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("local_heron")


@pytest.fixture(scope="module")
def noisy() -> AerSimulator:
    """A simulator whose cz flips the phase of its second qubit."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("ZI", 0.02), ("II", 0.98)]), ["cz"])
    return AerSimulator(noise_model=model)


def test_a_device_is_learned_and_the_job_can_be_reopened(
    service: QiskitRuntimeService, heron: IBMBackend
) -> None:
    learner = NoiseLearner(heron, QUICK)
    job = learner.run([pair()])
    result = job.result()
    assert (type(result), len(result), learner.backend()) == (NoiseLearnerResult, 1, heron)
    assert result[0].qubits == [0, 1]
    assert len(learned(result[0])) == 15
    assert result.metadata["backend"] == "local_heron"
    assert result.metadata["input_options"]["num_randomizations"] == 2
    again = service.job(job.job_id())
    assert (again.primitive_id, equal(again.result(), result)) == ("noise-learner", True)
    inputs = again.inputs
    assert (inputs["circuits"], inputs["version"]) == ([pair()], 2)
    assert inputs["options"] == {**QUICK, "support_qiskit": True}


def test_rates_on_a_local_simulator_are_those_of_its_noise(noisy: AerSimulator) -> None:
    options = {
        **QUICK,
        "num_randomizations": 12,
        "shots_per_randomization": 200,
        "layer_pair_depths": [0, 2, 8, 24],
    }
    (layer,) = NoiseLearner(noisy, options).run([pair(1, 2)]).result()
    rates = learned(layer)
    # A flip of probability p is a rate of -ln(1 - 2 p) / 2; 5 standard errors of this protocol are 0.003.
    assert layer.qubits == [1, 2]
    assert rates.pop("ZI") == pytest.approx(-np.log(1 - 2 * 0.02) / 2, abs=0.003)
    assert max(rates.values()) < 0.003


def test_circuits_and_pubs_mix_and_registers_stay_here(noisy: AerSimulator) -> None:
    swept = QuantumCircuit(3)
    swept.cz(0, 1)
    swept.rx(Parameter("t"), 0)
    swept.cz(1, 2)
    measured = swept.assign_parameters([0.5])
    measured.measure_all()
    observable = SparsePauliOp("ZZZ")
    job = NoiseLearner(noisy, QUICK | {"max_layers_to_learn": None}).run(
        [swept, (swept, observable, [[0.1], [0.2]]), measured, (pair(), [observable])]
    )
    assert [layer.qubits for layer in job.result()] == [[0, 1], [0, 1, 2]]
    sent = job.inputs["circuits"]
    assert [(len(circuit.cregs), circuit.count_ops().get("measure", 0)) for circuit in sent] == [(0, 0)] * 4
    assert measured.num_clbits == 3


def test_sessions_and_batches_run_learners(noisy: AerSimulator) -> None:
    with Session(backend=noisy) as session:
        inside = NoiseLearner(options=QUICK)
        assert inside.mode is session
        assert inside.run([pair()]).session_id == session.session_id
    with Batch(backend=noisy) as batch:
        job = NoiseLearner(batch, QUICK).run([pair()])
        assert job.session_id == batch.session_id
    assert len(job.result()) == 1


def test_dry_runs_answer_at_random(heron: IBMBackend) -> None:
    job = NoiseLearner(heron, QUICK).run([pair()], dry_run=True)
    assert (
        learned(job.result()[0]).keys()
        == learned(NoiseLearner(heron, QUICK).run([pair()]).result()[0]).keys()
    )
    assert job.backend().name == "mock_heron"


def test_the_result_is_a_layer_noise_model(noisy: AerSimulator) -> None:
    result = NoiseLearner(noisy, QUICK).run([pair()]).result()
    estimator = EstimatorV2(noisy)
    estimator.options.resilience.layer_noise_model = result
    estimator.options.resilience.pec_mitigation = True
    estimator.options.simulator.coupling_map = [[0, 1], [1, 2]]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        job = estimator.run([(pair(), "IIZ")])
    assert "resilience.layer_noise_model" in str(seen[0].message)
    assert float(job.result()[0].data.evs) == pytest.approx(1.0, abs=0.2)
    (layer,) = job.inputs["options"]["resilience"]["layer_noise_model"]
    assert learned(layer) == learned(result[0])


def test_generic_backends_are_learned_too() -> None:
    backend = GenericBackendV2(3, seed=1)
    circuit = QuantumCircuit(3)
    circuit.cx(0, 1)
    (layer,) = NoiseLearner(backend, QUICK).run([circuit]).result()
    assert layer.circuit.count_ops() == {"cx": 1}


def test_what_does_not_fit_is_refused_before_it_is_sent(
    heron: IBMBackend, service: QiskitRuntimeService
) -> None:
    before = len(service.jobs(limit=None))
    learner = NoiseLearner(heron, QUICK)
    fractional, foreign, early, far = (QuantumCircuit(4, 1) for _ in range(4))
    fractional.rzz(0.3, 0, 1)
    foreign.cx(0, 1)
    early.measure(0, 0)
    early.x(0)
    far.cz(0, 3)
    for circuit, words in (
        (fractional, "item 0 has the fractional gate 'rzz', whose noise cannot be learned"),
        (foreign, "instruction 'cx' on qubits"),
        (early, "Circuit 0 has 'measure' before its end"),
        (far, "instruction 'cz' is not available on qubits"),
    ):
        with pytest.raises(IBMInputValueError, match=words):
            learner.run([circuit])
    with pytest.raises(IBMInputValueError, match="write run"):
        learner.run(pair())  # type: ignore[arg-type]
    with pytest.raises(IBMInputValueError, match="Item 1 is no circuit and no PUB"):
        learner.run([pair(), 3])  # type: ignore[list-item]
    assert len(service.jobs(limit=None)) == before


def test_a_job_that_fails_says_why(noisy: AerSimulator) -> None:
    circuit = QuantumCircuit(2)
    circuit.iswap(0, 1)
    with pytest.raises(RuntimeJobFailureError, match="iswap"):
        NoiseLearner(noisy, QUICK).run([circuit]).result()


def test_options_are_checked_as_all_options_are() -> None:
    options = NoiseLearnerOptions(max_layers_to_learn=None, twirling_strategy="all")
    options.layer_pair_depths = (0, 3)
    assert options.to_wire().options == {
        "max_layers_to_learn": None,
        "layer_pair_depths": [0, 3],
        "twirling_strategy": "all",
        "support_qiskit": True,
    }
    for name, value, words in (
        ("max_layers_to_learn", -1, "max_layers_to_learn must be an integer of at least 0 or None"),
        ("num_randomizations", 0, "num_randomizations must be an integer of at least 1"),
        ("shots_per_randomization", "auto", "shots_per_randomization must be an integer of at least 1"),
        ("layer_pair_depths", [1, -1], "layer_pair_depths must be a list of integers of at least 0"),
        ("twirling_strategy", "some", "twirling_strategy must be one of 'active', 'active-accum'"),
        ("strategy", "all", "did you mean 'twirling_strategy'"),
        ("resilience", {}, "resilience.layer_noise_learning of the estimator is this class"),
    ):
        with pytest.raises(IBMInputValueError, match=words):
            setattr(options, name, value)


def test_options_of_an_estimator_do_as_well(noisy: AerSimulator) -> None:
    given = EstimatorOptions(
        resilience={"layer_noise_learning": {"num_randomizations": 3, "layer_pair_depths": [0, 2]}},
        twirling={"strategy": "all"},
        simulator={"seed_simulator": 9},
        environment={"job_tags": ["learned"]},
        max_execution_time=60,
        default_shots=5,
    )
    learner = NoiseLearnerV2(noisy, given)
    assert learner.options == NoiseLearnerOptions(
        num_randomizations=3,
        layer_pair_depths=[0, 2],
        twirling_strategy="all",
        simulator={"seed_simulator": 9},
        environment={"job_tags": ["learned"]},
        max_execution_time=60,
    )
    learner.options.environment.job_tags = None
    assert given.environment.job_tags == ["learned"]
    learner.options = given
    assert learner.options.environment.job_tags == ["learned"]
    with pytest.raises(TypeError, match="must be an object of class NoiseLearnerOptions"):
        NoiseLearner(noisy, 3)  # type: ignore[arg-type]


def test_a_noise_model_can_be_sent_along() -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("ZI", 0.05), ("II", 0.95)]), ["cz"])
    learner = NoiseLearner(AerSimulator(), QUICK)
    learner.options.simulator.noise_model = model
    job = learner.run([pair()])
    rates = learned(job.result()[0])
    assert max(rates, key=lambda name: rates[name]) == "ZI"
    assert typed.load(job.inputs["options"]["simulator"]["noise_model"]) is not None
