"""The inputs of a program: what is accepted, what is refused, and how they look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives import IBMInputValueError, ParameterNamespace

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["shots"],
    "properties": {
        "shots": {"type": "integer", "minimum": 1, "maximum": 100, "description": "How often."},
        "rate": {"type": "number"},
        "name": {"type": "string", "enum": ["a", "b"]},
        "flag": {"type": "boolean"},
        "many": {"type": "array", "minItems": 1, "maxItems": 2},
        "some": {"type": ["object", "null"]},
        "any": {},
        "level": {"type": "integer", "default": 1},
    },
}


def filled(**values: Any) -> ParameterNamespace:
    namespace = ParameterNamespace(SCHEMA)
    for name, value in {"shots": 5, **values}.items():
        setattr(namespace, name, value)
    return namespace


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"rate": 1},
        {"rate": 0.5},
        {"rate": np.float64(0.5), "level": np.int64(3)},
        {"name": "b", "flag": False},
        {"many": [1]},
        {"many": (1, 2)},
        {"some": {"k": 1}},
        {"some": QuantumCircuit(1)},
        {"any": "thing"},
    ],
)
def test_what_fits_is_accepted(values: dict[str, Any]) -> None:
    namespace = filled(**values)

    namespace.validate()
    assert namespace.to_dict() == {"shots": 5, "level": 1, **values}


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"shots": None}, "needs shots"),
        ({"shots": 0}, "between 1 and 100"),
        ({"shots": 101}, "between 1 and 100"),
        ({"shots": np.int64(101)}, "between 1 and 100"),
        ({"shots": 1.5}, "integer"),
        ({"shots": True}, "integer"),
        ({"rate": "fast"}, "number"),
        ({"name": "c"}, "one of"),
        ({"flag": 1}, "boolean"),
        ({"many": []}, "between 1 and 2 items"),
        ({"many": {}}, "array"),
        ({"some": "text"}, "object"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, Any], word: str) -> None:
    with pytest.raises(IBMInputValueError, match=word):
        filled(**values).validate()


def test_a_name_that_the_program_does_not_describe_is_a_warning_and_sent() -> None:
    """As with the old client: descriptions are often incomplete, and ``main`` takes ``**kwargs``."""
    with pytest.warns(UserWarning, match=r"no parameter 'shot'.*shots.*sent all the same") as caught:
        namespace = filled(shot=1)
    namespace.shot = 2

    namespace.validate()
    assert namespace.to_dict() == {"shots": 5, "level": 1, "shot": 2}
    assert [warning.filename for warning in caught] == [__file__]


def test_a_description_may_forbid_other_names() -> None:
    with pytest.raises(IBMInputValueError, match=r"no parameter 'shot'.*shots"):
        ParameterNamespace({**SCHEMA, "additionalProperties": False}).shot = 1


def test_a_program_without_description_takes_what_it_is_given() -> None:
    namespace = ParameterNamespace({})
    namespace.anything = 1

    namespace.validate()
    assert namespace.to_dict() == {"anything": 1}


def test_a_parameter_may_be_called_metadata() -> None:
    schema = {"properties": {"metadata": {"type": "string", "default": "m"}}}
    namespace = ParameterNamespace(schema)
    namespace.metadata = "n"  # type: ignore[misc]

    assert namespace.to_dict() == {"metadata": "n"}
    assert namespace.metadata == schema


def test_it_shows_itself_as_a_table() -> None:
    text = str(filled(name="a"))

    assert "How often." in text
    assert text.splitlines()[0].split() == ["NAME", "VALUE", "TYPE", "REQUIRED", "DESCRIPTION"]
    assert filled().metadata == SCHEMA


def test_a_program_without_description_has_no_parameters() -> None:
    assert ParameterNamespace({}).to_dict() == {}
