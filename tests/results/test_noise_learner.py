"""Records of the noise learner behave like the official ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList
from qiskit_ibm_runtime.results import noise_learner as official

from qiskit_rest_primitives.options.primitives import EstimatorOptions
from qiskit_rest_primitives.results import noise_learner as ours
from qiskit_rest_primitives.wire import typed

GENERATORS = PauliList(["IX", "ZZ", "YI"])
RATES = [0.1, 0.2, 0.3]


@pytest.mark.parametrize("bodies", [0, 1, 2])
def test_the_channel_restricts_like_the_official_one(bodies: int) -> None:
    mine = ours.PauliLindbladError(GENERATORS, RATES).restrict_num_bodies(bodies)
    theirs = official.PauliLindbladError(GENERATORS, RATES).restrict_num_bodies(bodies)

    assert mine.generators == theirs.generators
    np.testing.assert_array_equal(mine.rates, theirs.rates)


def test_facts_and_text_equal_the_official_ones() -> None:
    mine, theirs = (room.PauliLindbladError(GENERATORS, RATES) for room in (ours, official))
    layer = ours.LayerError(QuantumCircuit(2), [4, 7], mine)

    assert repr(mine) == repr(theirs)
    assert mine.num_qubits == theirs.num_qubits == layer.num_qubits == 2
    assert (layer.qubits, layer.error, layer.circuit) == ([4, 7], mine, QuantumCircuit(2))


def test_a_result_is_a_sequence_of_layers() -> None:
    layers = [ours.LayerError(QuantumCircuit(1), [qubit]) for qubit in range(3)]

    result = ours.NoiseLearnerResult(layers, {"backend": "ibm_fez"})

    assert (len(result), list(result), result[1], result.metadata) == (
        3,
        layers,
        layers[1],
        {"backend": "ibm_fez"},
    )
    assert "LayerError" in repr(result)


def test_numbers_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="3 generators"):
        ours.PauliLindbladError(GENERATORS, [0.1])
    with pytest.raises(ValueError, match="0 or larger"):
        ours.PauliLindbladError(GENERATORS, RATES).restrict_num_bodies(-1)
    with pytest.raises(ValueError, match="different numbers"):
        ours.LayerError(QuantumCircuit(1), [0, 1])
    with pytest.raises(ValueError, match="different numbers"):
        ours.LayerError(QuantumCircuit(1), [0], ours.PauliLindbladError(GENERATORS, RATES))


def test_what_the_official_client_learned_can_be_sent() -> None:
    circuit = QuantumCircuit(2)
    mine, theirs = (
        room.NoiseLearnerResult(
            [room.LayerError(circuit, [4, 7], room.PauliLindbladError(GENERATORS, RATES))]
        )
        for room in (ours, official)
    )
    options = EstimatorOptions(resilience={"layer_noise_model": theirs})
    written = json.dumps(options.resilience.layer_noise_model, cls=typed.RuntimeEncoder)

    assert written == json.dumps(mine, cls=typed.RuntimeEncoder)
    (layer,) = typed.load(typed.parse(written.encode()))
    assert type(layer) is ours.LayerError
    np.testing.assert_array_equal(layer.error.rates, RATES)
