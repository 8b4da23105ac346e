"""Outcomes as bits: packed into classical bits, drawn from probabilities or from the state that Aer saved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.server.aer.probabilities import (
    OUTCOMES,
    bits_of,
    pack_outcomes,
    saved,
    saving_outcomes,
)


@given(
    clbits=st.lists(st.integers(0, 200), min_size=1, max_size=24, unique=True),
    spare=st.integers(0, 70),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_every_bit_of_an_outcome_reaches_its_classical_bit(clbits: list[int], spare: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    outcomes = random.integers(0, 1 << len(clbits), 50)
    width = (max(clbits) + spare) // 8 + 1
    before = random.integers(0, 256, (50, width)).astype(np.uint8)
    expected = np.unpackbits(before, axis=1)[:, ::-1].copy()
    expected[:, clbits] |= bits_of(outcomes, len(clbits))

    words = pack_outcomes(outcomes, clbits, before.copy())

    assert np.array_equal(np.unpackbits(words, axis=1)[:, ::-1], expected)


@pytest.mark.parametrize("measured", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 0), (3,)])
def test_a_saved_state_says_what_saved_probabilities_say(measured: tuple[int, ...]) -> None:
    circuit = QuantumCircuit(4, 4)
    for qubit in range(4):
        circuit.ry(0.4 + 0.3 * qubit, qubit)
        circuit.cx(qubit, (qubit + 1) % 4)
    circuit.measure(measured, range(len(measured)))
    found = []
    for state in (True, False):
        saving, places = saving_outcomes(circuit, state=state)
        data = AerSimulator(method="statevector").run(saving).result().data()
        found.append((saved(data[OUTCOMES]), places))

    (by_state, places), (by_probabilities, same) = found
    assert places == same == sorted((qubit, clbit) for clbit, qubit in enumerate(measured))
    np.testing.assert_allclose(by_state, by_probabilities, atol=1e-12)
