"""The contract: complete against the table of routes, true against every answer of the other tests (``conftest``)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.options.primitives import EstimatorOptions, SamplerOptions
from qiskit_rest_primitives.server.endpoints import ENDPOINTS, document


def test_no_endpoint_stands_in_the_table_twice() -> None:
    assert len({(row.method, row.path) for row in ENDPOINTS}) == len(ENDPOINTS)


def test_the_document_is_served_to_everybody(shared: Any) -> None:
    served = requests.get(shared.endpoint.iam_url + "/openapi.json", timeout=600)

    assert served.content == document()
    assert served.json()["openapi"].startswith("3.1")
    assert shared.get("/openapi.json", headers={"Authorization": None}) == served.json()


def test_every_reference_and_operation_id_is_good() -> None:
    text = document().decode()
    written = json.loads(text)
    ids = [operation["operationId"] for item in written["paths"].values() for operation in item.values()]

    assert set(re.findall(r"#/components/schemas/(\w+)", text)) == set(written["components"]["schemas"])
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("operation", ENDPOINTS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_what_needs_credentials_says_so_and_asks_for_them(shared: Any, operation: Any) -> None:
    path = re.sub(r"{\w+}", "10ca1000-0000-4000-8000-0000000000aa", operation.path)
    answer = shared(operation.method, path, headers={"Authorization": None, "Service-CRN": None})

    assert (answer.status_code == 401) is (operation.access != "open")
    if operation.access == "instance":
        without = shared(operation.method, path, headers={"Service-CRN": None})
        assert (without.status_code, "Service-CRN" in without.text) == (400, True)


@pytest.mark.parametrize(
    ("params", "kind", "least"),
    [("SamplerParams", SamplerOptions, 1), ("EstimatorParams", EstimatorOptions, 0)],
)
def test_options_are_described_as_the_client_declares_them(params: str, kind: Any, least: int) -> None:
    """Each option once, with the rule's bounds and words, and with the default that is told to users."""
    found = json.loads(document())["components"]["schemas"][params]["properties"]["options"]

    older = {"experimental", "transpilation", "environment"} | ({"resilience_level"} if least == 0 else set())
    assert set(found["properties"]) == {name for name, entry in kind._entries.items() if entry.sent} | older
    decoupling = found["properties"]["dynamical_decoupling"]["properties"]
    assert decoupling["sequence_type"] == {"type": "string", "enum": ["XX", "XpXm", "XY4"], "default": "XX"}
    assert found["properties"]["default_shots"]["minimum"] == least
    with pytest.raises(IBMInputValueError):
        kind(default_shots=-1)
