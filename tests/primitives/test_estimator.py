"""``EstimatorV2``: what is its own: precision, mitigation, resilience, and what it sends."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2

from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.models.backend import IBMBackend
from qiskit_rest_primitives.options.primitives import EstimatorOptions, SamplerOptions
from qiskit_rest_primitives.primitives.estimator import EstimatorV2
from qiskit_rest_primitives.primitives.submit import check_mitigation, pub_params
from qiskit_rest_primitives.service.service import QiskitRuntimeService
from qiskit_rest_primitives.session import Batch


@pytest.fixture(scope="module")
def backend(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("aer_simulator")


@pytest.fixture(scope="module")
def fractional(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("local_heron", use_fractional_gates=True)


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def test_it_is_a_qiskit_estimator(backend: IBMBackend) -> None:
    estimator = EstimatorV2(mode=backend, options={"resilience_level": 0})

    assert isinstance(estimator, BaseEstimatorV2)
    assert (estimator.version, estimator.mode, estimator.backend()) == (2, None, backend)
    assert estimator.options == EstimatorOptions(resilience_level=0)
    with pytest.raises(TypeError, match="of class EstimatorOptions"):
        EstimatorV2(backend, options=SamplerOptions())  # type: ignore[arg-type]


def test_it_runs_in_an_open_batch(backend: IBMBackend) -> None:
    with Batch(backend) as batch:
        job = EstimatorV2().run([(bell(), "ZZ")], precision=0.5)

    assert job.session_id == batch.session_id
    assert job.result()[0].data.evs == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "precision"),
    [
        ({}, 0.015625),
        ({"default_precision": 0.1}, 0.1),
        ({"default_shots": 100}, 0.1),
        ({"default_shots": 100, "default_precision": 0.5}, 0.1),
        ({"default_shots": None, "default_precision": 0.5}, 0.5),
    ],
)
def test_the_default_precision_is_that_of_the_options(
    backend: IBMBackend, options: dict[str, Any], precision: float
) -> None:
    estimator = EstimatorV2(backend, options=options)

    result = estimator.run([(bell(), "XX")]).result()[0]

    assert estimator.default_precision == pytest.approx(precision)
    assert result.metadata["target_precision"] == pytest.approx(precision)
    assert result.metadata["shots"] >= 1 / precision**2 - 1


def test_the_level_goes_beside_the_options(backend: IBMBackend) -> None:
    estimator = EstimatorV2(backend, options={"resilience_level": 0, "seed_estimator": 0})

    params = pub_params([], estimator.options, estimator._place)[0]

    assert params == {
        "version": 2,
        "support_qiskit": True,
        "pubs": [],
        "options": {"seed_estimator": 0},
        "resilience_level": 0,
    }


def test_a_run_is_one_request(backend: IBMBackend, caplog: pytest.LogCaptureFixture) -> None:
    estimator = EstimatorV2(backend)
    estimator.run([(bell(), "ZZ")], precision=0.5).result()

    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="qiskit_rest_primitives.rest.transport"):
        estimator.run([(bell(), "ZZ"), (bell(), "XX")], precision=0.5)

    requests = [record.getMessage() for record in caplog.records if record.name.endswith("rest.transport")]
    assert [request.split()[:2] for request in requests] == [["POST", "/jobs"]]


@pytest.mark.parametrize(
    ("pub", "words"),
    [
        ((bell(), "Z"), "apply_layout"),
        ((QuantumCircuit(15), "0" * 15), "projectors .* 3.3e\\+04 Pauli labels"),
        ((bell(), []), "empty array"),
        ((bell(), "ZZ", None, 0), "greater than 0"),
        (bell(), "PUB 0"),
    ],
)
def test_bad_pubs_are_refused_before_any_traffic(
    backend: IBMBackend, caplog: pytest.LogCaptureFixture, pub: Any, words: str
) -> None:
    caplog.clear()
    with (
        caplog.at_level(logging.DEBUG, logger="qiskit_rest_primitives.rest.transport"),
        pytest.raises(IBMInputValueError, match=words),
    ):
        EstimatorV2(backend).run([pub])

    assert not caplog.records


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"twirling": {"enable_gates": True}}, r"twirling\.enable_gates"),
        ({"resilience_level": 2}, "resilience_level = 2"),
        ({"resilience": {"pec_mitigation": True}}, r"resilience\.pec_mitigation"),
        ({"resilience": {"zne_mitigation": True, "zne": {"amplifier": "pea"}}}, r"amplifier = 'pea'"),
    ],
)
def test_gate_twirling_by_any_name_refuses_fractional_gates(
    fractional: IBMBackend, options: dict[str, Any], words: str
) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(0.3, 0)

    with pytest.raises(IBMInputValueError, match=rf"fractional gate 'rx'.*{words}"):
        EstimatorV2(fractional, options=options).run([(circuit, "Z")])


def test_swept_rzz_angles_are_checked_on_a_device(fractional: IBMBackend) -> None:
    from qiskit.circuit import Parameter

    angle = Parameter("t")
    circuit = QuantumCircuit(fractional.num_qubits)
    qubits = fractional.target["rzz"].keys()
    circuit.rzz(angle, *next(iter(qubits)))

    with pytest.raises(IBMInputValueError, match=r"rzz gate on qubits \(\d+, \d+\) with angle 2\.0, from t"):
        EstimatorV2(fractional).run([(circuit, "I" * fractional.num_qubits, [[0.5], [2.0]])])


def test_error_cancellation_on_a_simulator_needs_a_coupling_map(backend: IBMBackend) -> None:
    options = EstimatorOptions(resilience={"pec_mitigation": True})

    with pytest.raises(IBMInputValueError, match=r"simulator\.coupling_map"):
        EstimatorV2(backend, options=options).run([(bell(), "ZZ")])
    options.simulator.coupling_map = [[0, 1]]

    check_mitigation(backend, options)


def test_what_was_set_in_nested_groups_is_checked_together_when_running(backend: IBMBackend) -> None:
    estimator = EstimatorV2(backend)
    estimator.options.resilience.measure_noise_learning.num_randomizations = 3

    with pytest.raises(IBMInputValueError, match="measure_mitigation = True"):
        estimator.run([(bell(), "ZZ")])
