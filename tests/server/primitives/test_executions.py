"""How many executions a job asks for, told from what clients send, against what the PUBs hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.primitives.registry import decode
from qiskit_rest_primitives.wire import typed
from qiskit_rest_primitives.wire.pubs import MOST_SHOTS, dump_estimator_pub, dump_sampler_pub


def turned(parameters: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    for index in range(parameters):
        circuit.rx(Parameter(f"t{index}"), 0)
    return circuit


def executions_of(program: str, params: Any) -> int | None:
    return decode(program, params).executions


def sent(value: Any) -> Any:
    """Return a value as a server decodes it."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,), (200, 5)], ids=str)
@pytest.mark.parametrize("parameters", [0, 1, 4])
def test_executions_are_shots_times_parameter_sets(parameters: int, shape: tuple[int, ...]) -> None:
    """Fault E (usage): in each form that values are written in, small and large."""
    values = np.linspace(0, 1, int(np.prod((*shape, parameters)))).reshape(*shape, parameters)
    circuit = turned(parameters)
    measured = circuit.measure_all(inplace=False)
    sampled = SamplerPub.coerce((measured, values, 7))
    estimated = EstimatorPub.coerce((circuit, "Z", values, 0.1))

    one = sent(dump_sampler_pub(sampled, dump_circuit(measured)))
    other = sent(dump_estimator_pub(estimated, dump_circuit(circuit)))

    sets = int(np.prod(shape))
    assert sampled.size == estimated.size == sets
    assert executions_of("sampler", {"pubs": [one, one]}) == 2 * 7 * sets
    options = {"resilience_level": 0}
    assert executions_of("estimator", {"pubs": [other], "options": options}) == 100 * sets


@pytest.mark.parametrize(
    ("values", "sets"),
    [
        (None, 1),
        ([0.1, 0.2], 1),
        ([[0.1, 0.2]] * 3, 3),
        ({"a": 0.1, "b": 0.2}, 1),
        ({"a": [[0.1], [0.2]], "b": [0.1, 0.2, 0.3]}, 6),
        ({"a": typed.dump(np.zeros((5, 3))), "b": 0.1}, 15),
        (typed.dump(np.zeros((4, 2))), 4),
        ({"__type__": "BindingsArray", "__value__": {"data": {'["a", "b"]': [[0.1, 0.2]] * 3}}}, 3),
    ],
)
def test_values_by_hand_count_too(values: Any, sets: int) -> None:
    assert executions_of("sampler", {"pubs": [["...", sent(values)]], "shots": 10}) == 10 * sets


@pytest.mark.parametrize(
    ("program", "params", "executions"),
    [
        ("sampler", {"pubs": []}, 0),
        ("sampler", {"pubs": ["...", {"__type__": "QuantumCircuit"}]}, 2 * 4096),
        ("sampler", {"pubs": [["..."]], "options": {"default_shots": 5}}, 5),
        ("estimator", {"pubs": [["...", "Z"]], "precision": 0.01, "resilience_level": 0}, 10_000),
        ("estimator", {"pubs": [["...", "Z"]], "options": {"default_shots": 50, "resilience_level": 0}}, 50),
        ("estimator", {"pubs": [["...", "Z", None, 0.1]], "resilience_level": 2}, 3 * 128),
        ("estimator", {"pubs": [["...", "Z", [[0.1]] * 9, 1e-9]]}, MOST_SHOTS),
        ("executor", {"schema_version": "v1.0", "quantum_program": {"shots": 5, "items": []}}, None),
    ],
)
def test_options_decide_what_a_pub_does_not_say(program: str, params: Any, executions: int | None) -> None:
    assert executions_of(program, params) == executions


@pytest.mark.parametrize(
    "pub",
    [
        ["...", "Z", {"__type__": "ndarray", "__value__": "x"}],
        ["...", "Z", {"__type__": "BindingsArray", "__value__": {"shape": ["a"], "data": {}}}],
        ["...", "Z", {"__type__": "BindingsArray", "__value__": 5}],
        ["...", "Z", {"__type__": "strange"}],
        ["...", "Z", {"a": [1, 2], "b": [1, 2, 3]}],
        ["...", "Z", None, "much"],
        ["...", "Z", None, 1e-320],
        ["...", "Z", None, -1],
    ],
    ids=str,
)
def test_of_pubs_that_will_fail_nothing_is_known(pub: Any) -> None:
    assert executions_of("estimator", {"pubs": [pub]}) is None
