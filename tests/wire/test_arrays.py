"""Arrays on the wire: values, dtype and shape come back; bombs, pickles and damage do not get in."""

from __future__ import annotations

import base64
import io
import math
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qiskit_rest_primitives.wire import arrays
from qiskit_rest_primitives.wire.arrays import Allowance, dump_array, load_array, load_numbers
from qiskit_rest_primitives.wire.jsonio import DecodeError

DTYPES = st.sampled_from(["?", "i1", "u1", "<i2", "<i8", "<u8", "<f4", "<f8", ">f8", "<c8", "<c16", "<U3"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


@given(st.data())
def test_values_dtype_and_shape_come_back(data: st.DataObject) -> None:
    array = data.draw(hnp.arrays(data.draw(DTYPES), data.draw(SHAPES)))

    back = load_array(dump_array(array))

    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


@given(st.data())
def test_numpy_reads_what_we_write_and_the_other_way_round(data: st.DataObject) -> None:
    array = data.draw(hnp.arrays(data.draw(DTYPES), data.draw(SHAPES)))

    theirs = np.load(io.BytesIO(zlib.decompress(base64.b64decode(dump_array(array)))), allow_pickle=False)
    ours = load_array(packed(npy(array)))

    for back in (theirs, ours):
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(back, array)


def test_columns_first_and_strided_arrays_keep_their_values() -> None:
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))

    np.testing.assert_array_equal(load_array(dump_array(array)), array)
    np.testing.assert_array_equal(load_array(packed(npy(array))), array)
    np.testing.assert_array_equal(load_array(dump_array(array[::2, ::-1])), array[::2, ::-1])


@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00", b"\x03\x00"])
def test_headers_of_other_writers_are_read(version: bytes) -> None:
    header = b'{"shape":(2,3),"descr":"<f8","fortran_order":False}\n'
    length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")

    array = load_array(packed(b"\x93NUMPY" + version + length + header + np.arange(6.0).tobytes()))

    np.testing.assert_array_equal(array, np.arange(6.0).reshape(2, 3))


def test_base64_broken_into_lines_is_read() -> None:
    array = np.random.default_rng(1).normal(size=100_000)

    lines = base64.encodebytes(zlib.compress(npy(array))).decode()

    np.testing.assert_array_equal(load_array(lines), array)


def test_nan_and_infinities_keep_their_bits() -> None:
    array = np.array([math.nan, math.inf, -math.inf, -0.0])

    assert load_array(dump_array(array)).tobytes() == array.tobytes()


def test_data_that_shrink_are_compressed_and_others_stored() -> None:
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, 1 << 20, dtype=np.uint8)

    assert len(dump_array(np.zeros(1 << 20, dtype=np.uint8))) < 20_000
    assert len(dump_array(noise)) < 1.34 * noise.size
    assert zlib.decompress(base64.b64decode(dump_array(noise)))[:6] == b"\x93NUMPY"


@pytest.mark.parametrize(
    "array", [np.array([{}]), np.zeros(2, dtype=[("a", "i4"), ("b", object)]), np.zeros(2, dtype="V3")]
)
def test_arrays_of_anything_but_numbers_and_text_are_not_written(array: np.ndarray) -> None:
    with pytest.raises(TypeError, match="no wire form"):
        dump_array(array)


def test_a_pickle_is_refused() -> None:
    with pytest.raises(DecodeError, match="not accepted") as caught:
        load_array(packed(npy(np.array([print, 1], dtype=object), allow_pickle=True)), path="$.here")

    assert caught.value.path == "$.here"


def damaged() -> dict[str, object]:
    good = npy(np.arange(6.0))
    text = packed(good)
    huge = good.replace(b"(6,), }  ", b"(2**9,), }"[:9])
    return {
        "no text": 5,
        "none": None,
        "not base64": "!",
        "not zlib": base64.b64encode(b"hello").decode(),
        "truncated": text[: len(text) // 2],
        "truncated inside zlib": base64.b64encode(zlib.compress(good)[:-6]).decode(),
        "flipped checksum": base64.b64encode(zlib.compress(good)[:-1] + b"\0").decode(),
        "no npy": packed(b"hello world" * 20),
        "empty": "",
        "shorter than announced": packed(good[:-8]),
        "longer than announced": packed(good + b"12345678"),
        "no shape": packed(huge),
        "negative shape": packed(good.replace(b"(6,), }  ", b"(-6,), } ")),
        "structured": packed(npy(np.zeros(2, dtype=[("a", "i4", (2,))]))),
        "version 9": packed(good.replace(b"NUMPY\x01", b"NUMPY\x09")),
    }


@pytest.mark.parametrize("name", damaged())
def test_damage_is_one_typed_error_with_the_path(name: str) -> None:
    with pytest.raises(DecodeError) as caught:
        load_array(damaged()[name], path="$.x")

    assert caught.value.path == "$.x"


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    honest = npy(np.zeros(0, dtype=np.uint8)).replace(b"(0,), }         ", b"(1000000000,), }")
    liar = npy(np.zeros(16, dtype=np.uint8)) + bytes(50_000_000)

    tracemalloc.start()
    try:
        for bomb in (packed(honest), packed(liar)):
            with pytest.raises(DecodeError):
                load_array(bomb, max_bytes=1 << 20)
        with pytest.raises(DecodeError, match="allowed"):
            arrays.unpack(packed(bytes(50_000_000)), allowance=Allowance(1 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    # Making the bombs takes their own 50 MB twice (concatenating, compressing); unpacking must add nothing like it.
    assert peak < 120_000_000


def test_the_arrays_of_one_document_share_an_allowance() -> None:
    allowance = Allowance(100)
    text = dump_array(np.zeros(10))

    load_array(text, allowance=allowance)

    with pytest.raises(DecodeError, match="20 still allowed"):
        load_array(text, allowance=allowance)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, np.array(3)),
        (0.5, np.array(0.5)),
        ([], np.zeros(0)),
        ([[], []], np.zeros((2, 0))),
        ([[1, 2], [3, 4.5]], np.array([[1, 2], [3, 4.5]])),
        ([None, 1.0], np.array([math.nan, 1.0])),
        (["infinity", "-Infinity", "NaN"], np.array([math.inf, -math.inf, math.nan])),
        ([2**70], np.array([2.0**70])),
    ],
)
def test_nested_numbers_are_read(value: object, expected: np.ndarray) -> None:
    numbers = load_numbers(value)

    assert numbers.shape == expected.shape
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("0.5", "$"),
        ([1, "2"], "$[1]"),
        ([[1, 2], [3, {}]], "$[1][1]"),
        ([[1, 2], [3]], "$[1]"),
        ([1, [2]], "$[1]"),
        ({"a": 1}, "$"),
        ([1, {"a": 1}], "$[1]"),
        ([10**400, 1], "$[0]"),
    ],
)
def test_what_is_no_number_is_named_by_its_path(value: object, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        load_numbers(value)

    assert caught.value.path == path


def test_lists_nested_beyond_reason_are_an_error() -> None:
    value: object = 1.0
    for _ in range(70):
        value = [value]

    with pytest.raises(DecodeError, match="too deeply"):
        load_numbers(value)
