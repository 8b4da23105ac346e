"""Which terms are measured together, and that nothing of an observable is lost."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, random_statevector

from qiskit_rest_primitives.server.aer.probabilities import bits_of
from qiskit_rest_primitives.server.primitives.grouping import make_plan


def test_terms_that_commute_qubit_by_qubit_share_a_setting():
    plan = make_plan([{"ZZI": 1.0, "IZZ": 0.5, "ZIZ": 0.1, "XXI": 2.0, "IIX": 3.0, "YYY": 1.0}])

    assert sorted("".join(letter for _, letter in group.basis) for group in plan.groups) == [
        "XXX",
        "YYY",
        "ZZZ",
    ]


def test_identities_are_offsets_and_repeated_terms_add_up():
    plan = make_plan([{"II": 2.0, "ZI": 1.0}, {"II": -1.0}, {}])

    assert plan.offsets.tolist() == [2.0, -1.0, 0.0]
    assert plan.groups[0].weights.tolist() == [[1.0], [0.0], [0.0]]


def test_a_z_on_a_qubit_in_a_certain_state_is_left_out():
    plan = make_plan([{"ZZ": 1.0, "XI": 3.0, "ZI": 0.5}], certain=frozenset({1}))

    assert plan.offsets.tolist() == [0.5]
    assert [group.basis for group in plan.groups] == [((0, "Z"), (1, "X"))]


@pytest.mark.parametrize("seed", range(5))
def test_the_plan_of_a_random_observable_gives_its_exact_mean(seed):
    random = np.random.default_rng(seed)
    labels = sorted({"".join(random.choice(list("IXYZ"), 4)) for _ in range(20)})
    observable = dict(zip(labels, random.normal(size=len(labels)).tolist(), strict=True))
    state = random_statevector(16, seed=seed)

    plan = make_plan([observable, {"ZZZZ": 1.0}])

    mean = plan.offsets[0]
    for group in plan.groups:
        parities = 1.0 - 2.0 * (
            (bits_of(np.arange(1 << len(group.basis)), len(group.basis)) @ group.masks.T) & 1
        )
        rotated = state
        for qubit, letter in group.basis:
            for name in {"X": ["h"], "Y": ["sdg", "h"], "Z": []}[letter]:
                rotated = rotated.evolve(_gate(name), [qubit])
        table = rotated.probabilities(list(group.qubits))
        mean += table @ parities @ group.weights[0]
    exact = state.expectation_value(SparsePauliOp.from_list(list(observable.items()))).real
    assert mean == pytest.approx(exact, abs=1e-10)


def _gate(name):
    from qiskit.circuit.library import HGate, SdgGate

    return {"h": HGate(), "sdg": SdgGate()}[name]
