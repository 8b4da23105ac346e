"""Requests as values: paths that cannot escape, queries with repeated keys, headers that never leak."""

from __future__ import annotations

import pytest

from qiskit_rest_primitives.rest.messages import Request, merge_headers, query_of, segment


@pytest.mark.parametrize(
    ("value", "expected"),
    [("d0a1", "d0a1"), ("../backends", "..%2Fbackends"), ("a b?c#d", "a%20b%3Fc%23d"), ("é", "%C3%A9")],
)
def test_identifiers_are_percent_encoded(value: str, expected: str) -> None:
    assert segment(value, what="job id") == expected


@pytest.mark.parametrize("value", ["", ".", "..", "...", " ", ". ."])
def test_identifiers_that_urls_would_swallow_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be used as a job id"):
        segment(value, what="job id")


def test_lists_become_repeated_keys_and_none_is_left_out() -> None:
    query = query_of({"tags": ["a", "b"], "pending": True, "limit": 10, "backend": None})

    assert query == (("tags", "a"), ("tags", "b"), ("pending", "true"), ("limit", "10"))


def test_merging_headers_makes_a_new_value_and_ignores_case() -> None:
    first = {"Accept": "text/plain", "X-One": "1"}

    merged = merge_headers(first, {"accept": "application/json"})

    assert merged == {"accept": "application/json", "X-One": "1"}
    assert first == {"Accept": "text/plain", "X-One": "1"}


def test_bodies_stay_out_of_repr() -> None:
    assert "secret" not in repr(Request("POST", "/x", "POST /x", body=b"secret"))
