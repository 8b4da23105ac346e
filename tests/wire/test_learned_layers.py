"""Answers of noise learners of version 2: told from others, and refused where they are malformed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qiskit_rest_primitives.results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.noise_learning import dump_layers, is_layers
from qiskit_rest_primitives.wire.result_body import load_answer

ERROR = PauliLindbladError(PauliList(["IX", "ZZ"]), [0.1, 0.2])
RESULT = NoiseLearnerResult(
    [LayerError(QuantumCircuit(2), [4, 7], ERROR), LayerError(QuantumCircuit(1), [0])],
    {"backend": "here", "input_options": {}},
)


def test_an_answer_comes_back_also_one_without_layers_or_rates() -> None:
    read = load_answer(json.dumps(dump_layers(RESULT)).encode())
    assert (type(read), read.metadata, [layer.qubits for layer in read]) == (
        NoiseLearnerResult,
        RESULT.metadata,
        [[4, 7], [0]],
    )
    assert read[1].error is None
    assert dump_layers(read) == dump_layers(RESULT)
    empty = load_answer(b'{"data": [], "metadata": {"backend": "here", "input_options": {}}}')
    assert (type(empty), len(empty)) == (NoiseLearnerResult, 0)


@pytest.mark.parametrize(
    "document",
    [
        {"data": [], "metadata": {}},
        {"data": [1, 2], "metadata": {}},
        {"data": {}, "metadata": {"input_options": {}}},
        {"data": [{"circuit": 1}], "metadata": {}},
        {"data": [], "metadata": {"input_options": {}}, "more": 1},
        [],
        "data",
    ],
)
def test_other_answers_are_left_alone(document: Any) -> None:
    assert not is_layers(document)
    assert load_answer(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("data", 0, "__value__", "error", "__value__", "rates"), [0.1]),
        (("data", 0, "__value__", "qubits"), [1, 2, 3]),
        (("data", 0, "__value__", "circuit"), {"__type__": "QuantumCircuit", "__value__": "no"}),
        (("data", 1), {"a": 1}),
        (("data", 1), 5),
    ],
)
def test_malformed_answers_are_errors(path: tuple[Any, ...], value: Any) -> None:
    document: Any = json.loads(json.dumps(dump_layers(RESULT)))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(DecodeError):
        load_answer(json.dumps(document).encode())
