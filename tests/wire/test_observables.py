"""Observables on the wire: every form of rest-api.md 4.6, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import Pauli, SparsePauliOp

from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.observables import dump_observables, load_observables

COEFFICIENTS = st.floats(-1e3, 1e3).filter(lambda value: abs(value) > 1e-6)


@st.composite
def observable_arrays(draw: st.DrawFn) -> ObservablesArray:
    width = draw(st.integers(1, 6))
    label = st.text("IXYZ", min_size=width, max_size=width)
    leaf = st.dictionaries(label, COEFFICIENTS, min_size=1, max_size=3)
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    flat = draw(st.lists(leaf, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    cells = np.empty(len(flat), dtype=object)
    cells[:] = flat
    return ObservablesArray(cells.reshape(shape).tolist() if shape else flat[0])


@given(observable_arrays())
def test_observables_come_back_exactly(observables: ObservablesArray) -> None:
    back = load_observables(json.loads(json.dumps(dump_observables(observables))))

    assert back.shape == observables.shape
    assert back.num_qubits == observables.num_qubits
    assert back.tolist() == observables.tolist()


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("ZZ", ()),
        ({"ZI": 1.0, "IZ": 0.5}, ()),
        (["ZI", "IZ", "ZZ"], (3,)),
        ([{"ZI": 1.0}, {"XX": 0.5}], (2,)),
        ([["ZI"], ["IZ"]], (2, 1)),
        (SparsePauliOp(["ZI", "IZ"]), ()),
        ([Pauli("ZI"), "XX"], (2,)),
        ([], (0,)),
    ],
)
def test_every_form_of_the_specification_is_read(value: object, shape: tuple[int, ...]) -> None:
    observables = load_observables(value)

    assert observables.shape == shape
    assert observables.num_qubits == (2 if observables.size else 0)


def test_the_leftmost_letter_is_the_highest_qubit() -> None:
    assert load_observables("ZI").tolist() == ObservablesArray.coerce(SparsePauliOp("ZI")).tolist()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (None, "$"),
        (3, "$"),
        ([3], "$[0]"),
        ("", "$"),
        ("ZQ", "$"),
        ({}, "$"),
        ({"ZZ": "1"}, "$.ZZ"),
        ({"ZZ": None}, "$.ZZ"),
        ({"ZZ": True}, "$.ZZ"),
        ({"ZZ": float("nan")}, "$.ZZ"),
        ({"ZZ": float("inf")}, "$.ZZ"),
        ({"ZZ": [1, 0]}, "$.ZZ"),
        ({"ZZ": 1.0, "Z": 1.0}, "$"),
        (["ZZ", "Z"], "$[1]"),
        ([["ZZ"], "ZZ"], "$[1]"),
        ([["ZZ"], ["ZZ", "ZZ"]], "$[1]"),
        ({"ZZ": 0.0}, "$"),
        ([object()], "$[0]"),
    ],
)
def test_what_is_no_observable_is_named_by_its_path(value: object, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        load_observables(value)

    assert caught.value.path == path


def test_projectors_are_written_as_the_paulis_they_are_sums_of() -> None:
    """Faults B (projectors)."""
    observables = load_observables(["Z0", {"1-": 2.0, "rl": 1.0}, "ZI"])

    written = dump_observables(observables)

    assert written == [
        {"ZI": 0.5, "ZZ": 0.5},
        {"II": 0.75, "IX": -0.5, "ZI": -0.5, "ZX": 0.5, "IY": -0.25, "YI": 0.25, "YY": -0.25},
        {"ZI": 1.0},
    ]


def test_projectors_that_cancel_leave_nothing_and_too_many_are_refused() -> None:
    assert dump_observables(load_observables({"0": 1.0, "1": 1.0, "I": -1.0})) == {"I": 0.0}
    assert len(dump_observables(load_observables("0" * 14))) == 1 << 14
    for label in ("0" * 15, "r" * 200):
        with pytest.raises(ValueError, match="at most 16384"):
            dump_observables(load_observables(label))


def test_lists_nested_beyond_reason_are_an_error() -> None:
    value: object = "Z"
    for _ in range(200):
        value = [value]

    with pytest.raises(DecodeError, match="too deeply"):
        load_observables(value)
