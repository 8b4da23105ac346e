"""Long arrays in typed bodies are read from the body itself: the same values, less memory, and nothing mistaken."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult

from qiskit_rest_primitives.wire import jsonio, result_body, typed
from qiskit_rest_primitives.wire.arrays import dump_array
from qiskit_rest_primitives.wire.jsonio import DecodeError

NOISE = np.random.default_rng(5).integers(0, 256, (40_000, 3), dtype=np.uint8)
TEXT = dump_array(NOISE)  # 160 kB of base64, above the length from which texts are lifted
ARRAY = {"__type__": "ndarray", "__value__": TEXT}


def as_json(value: Any, **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


DOCUMENTS = {
    "an array": as_json(ARRAY),
    "two arrays among others": as_json({"a": [ARRAY, 1], "b": ARRAY, "c": {"__type__": "ndarray", "__value__": [1]}}),
    "spaced": as_json(ARRAY, indent=3),
    "without spaces": as_json([ARRAY], separators=(",", ":")),
    "a byte-order mark": b"\xef\xbb\xbf" + as_json([ARRAY]),
    "NaN beside it": as_json([ARRAY, float("nan")]),
    "the tag last": as_json({"__value__": TEXT, "__type__": "ndarray"}),
    "text that only looks like it": as_json({"note": TEXT, "inner": {"__value__": TEXT}}),
    "another tag": as_json({"__type__": "to_json", "__value__": TEXT}),
    "an unknown tag": as_json({"__type__": "tomorrow", "__value__": TEXT}),
    "a tag inside a text": as_json([json.dumps(ARRAY), ARRAY]),
    "a key that ends like the tag": (b'{"a\\"__type__": "ndarray", "__value__": "%s"}' % TEXT.encode()),
    "the tag said twice": (b'{"__type__": "ndarray", "__value__": "%s", "__type__": "to_json"}' % TEXT.encode()),
    "the value said twice": (b'{"__type__": "ndarray", "__value__": "%s", "__value__": [1, 2]}' % TEXT.encode()),
    "a text like a mark": as_json(["lifted array 0", ARRAY]),
    "a mark in numbers": b'["\\u006cifted array 0", %s]' % as_json(ARRAY),
    "an array named like a mark": as_json([{"__type__": "ndarray", "__value__": ["lifted array 0"]}, ARRAY]),
    "escapes elsewhere": as_json(["é\n\u0001", ARRAY]),
    "slashes escaped": as_json([ARRAY]).replace(b"/", b"\\/"),
}  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tolist() == other.tolist()
    return type(one) is type(other) and (one == other or one != one)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_body_is_read_like_any_other_document(name: str) -> None:
    body = DOCUMENTS[name]

    assert same(typed.load(typed.parse(body)), typed.load(jsonio.loads(body)))


def test_a_long_array_is_read_where_it_stands() -> None:
    (array,) = typed.load(typed.parse(as_json([ARRAY])))

    np.testing.assert_array_equal(array, NOISE)
    assert array.flags.writeable


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (as_json({"a": {"__type__": "ndarray", "__value__": TEXT[:-400]}}), "$.a.__value__"),
        (as_json({"a": {"__type__": "ndarray", "__value__": "A" * 70_000}}), "$.a.__value__"),
        (as_json({"a": {"__type__": "ndarray", "__value__": "é" + TEXT}}, ensure_ascii=False), "$.a.__value__"),
        (as_json({"a": {"__type__": "datetime", "__value__": TEXT}}), "$.a.__value__"),
        (as_json({"a": {"__type__": "BitArray", "__value__": {"array": ARRAY, "num_bits": 999}}}), "$.a.__value__"),
        (as_json({"a": ARRAY})[:-1], "$"),
        (as_json({"a": ARRAY})[:-100], "$"),
        (as_json({"a": ARRAY}).replace(b'"a"', b"a"), "$"),
    ],
)  # fmt: skip
def test_damage_is_one_typed_error_at_its_place(body: bytes, place: str) -> None:
    with pytest.raises(DecodeError) as caught:
        typed.load(typed.parse(body))

    assert caught.value.path == place
    assert len(str(caught.value)) < 300


def test_places_in_a_damaged_body_are_those_of_the_body() -> None:
    body = as_json([ARRAY])[:-1] + b", oops]"

    with pytest.raises(DecodeError, match=f"character {len(body) - 5}"):
        typed.load(typed.parse(body))


@pytest.mark.parametrize("support_qiskit", [True, False])
def test_reading_a_long_result_takes_little_more_memory_than_the_result(support_qiskit: bool) -> None:
    bits = np.random.default_rng(6).integers(0, 256, (400_000, 16), dtype=np.uint8)
    result = PrimitiveResult([SamplerPubResult(DataBin(c=BitArray(bits, 128)))])
    body = result_body.dump_result(result, support_qiskit=support_qiskit)
    result_body.load_result(body)  # what is imported or made once does not count

    tracemalloc.start()
    try:
        back = result_body.load_result(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert back[0].data.c == result[0].data.c
    assert peak < bits.nbytes + 8_000_000
    assert peak < 1.2 * len(body)
