"""Splitting a JSON object without encoding anything twice."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_rest_primitives.server.http.errors import HttpError
from qiskit_rest_primitives.server.http.request_body import load_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SPACE = st.sampled_from(["", " ", "\n", " \t\r\n "])


@given(st.dictionaries(st.text(), VALUES, max_size=4), SPACE, st.booleans())
def test_values_are_those_of_json_and_texts_are_those_sent(
    document: dict[str, object], space: str, ascii_only: bool
) -> None:
    members = [
        (json.dumps(key, ensure_ascii=ascii_only), json.dumps(value, ensure_ascii=ascii_only))
        for key, value in document.items()
    ]
    text = ",".join(f"{space}{key}{space}:{space}{value}{space}" for key, value in members)

    body = f"{space}{{{text}{space}}}{space}".encode("utf-8", "surrogatepass")
    try:
        found = load_object(body)
    except HttpError:
        # Half of a surrogate pair, raw or as an escape, and NUL are no text that can be kept (faults C16).
        texts = json.dumps(document, ensure_ascii=False)
        assert "\\u0000" in texts or texts.encode("utf-8", "replace").decode() != texts
        return

    assert found.values == document
    assert found.text == {key: json.dumps(value, ensure_ascii=ascii_only) for key, value in document.items()}


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:1e\\ ', max_size=20).map(str.encode))
def test_whatever_is_no_object_is_refused_and_nothing_else_happens(body: bytes) -> None:
    try:
        expected = json.loads(body.decode("utf-8-sig"))
    except ValueError:
        expected = None

    if isinstance(expected, dict):
        assert load_object(body).values == expected
    else:
        with pytest.raises(HttpError) as refused:
            load_object(body)
        assert refused.value.status == 400


def test_a_byte_order_mark_and_repeated_members_are_read_as_json_does() -> None:
    assert load_object(b'\xef\xbb\xbf{"a": 1, "a": 2}').values == {"a": 2}


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(HttpError, match="deep"):
        load_object(b'{"a": ' + b"[" * 200_000)
