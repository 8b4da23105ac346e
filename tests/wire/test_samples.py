"""Hexadecimal samples and packed bits: every register size, every spelling, long lists straight from text."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.primitives import BitArray

from qiskit_rest_primitives.wire import samples
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.samples import SampleText, bits_to_samples, gather_bits, samples_to_bits

SIZES = st.sampled_from([0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 200]) | st.integers(1, 200)


def random_bits(num_bits: int, shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    bools = rng.integers(0, 2, (*shape, num_bits)).astype(bool)
    return BitArray.from_bool_array(bools).array if num_bits else np.zeros((*shape, 0), dtype=np.uint8)


@given(SIZES, st.lists(st.integers(0, 4), min_size=1, max_size=3), st.integers(0, 99))
def test_bits_come_back_in_value_dtype_and_shape(num_bits: int, shape: list[int], seed: int) -> None:
    bits = random_bits(num_bits, tuple(shape), seed)

    written = bits_to_samples(bits, num_bits)
    back = samples_to_bits(json.loads(json.dumps(written)), num_bits)

    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, bits if 0 not in shape else back)
    # Lists tell nothing behind an axis of length zero.
    assert back.shape[:-1] == (bits.shape[:-1] if 0 not in shape[:-1] else tuple(shape[: shape.index(0) + 1]))


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 99))
def test_qiskit_reads_the_same_bits(num_bits: int, shots: int, seed: int) -> None:
    bits = random_bits(num_bits, (shots,), seed)

    written = bits_to_samples(bits, num_bits)

    assert BitArray.from_samples(written, num_bits) == BitArray(bits, num_bits)
    np.testing.assert_array_equal(
        samples_to_bits(written, num_bits), BitArray.from_samples(written, num_bits).array
    )


@given(st.integers(1, 200), st.randoms(use_true_random=False))
def test_every_spelling_means_the_same(num_bits: int, chance: random.Random) -> None:
    values = [chance.getrandbits(num_bits) for _ in range(8)]
    spelled = [
        chance.choice(["0x", "0X", ""])
        + "0" * chance.choice([0, 0, 1, 70])
        + chance.choice([f"{v:x}", f"{v:X}"])
        for v in values
    ]

    rows = samples_to_bits(spelled, num_bits)

    assert [int.from_bytes(row.tobytes(), "big") for row in rows] == values


@pytest.mark.parametrize(
    ("value", "num_bits", "path"),
    [
        (["0x0", "0x4"], 2, "$.s[1]"),
        (["0x100"], 8, "$.s[0]"),
        ([["0x0", "0x0"], ["0x0", "0x2"]], 1, "$.s[1][1]"),
        (["0x1"], 0, "$.s[0]"),
        (["0x0", "0x"], 4, "$.s[1]"),
        (["0x0", ""], 4, "$.s[1]"),
        (["0x0", "0xg"], 8, "$.s[1]"),
        (["0x0", " 0x1"], 8, "$.s[1]"),
        (["0x0", "0x1\n"], 8, "$.s[1]"),
        (["0x0", "0x 1"], 8, "$.s[1]"),
        (["0x0", "-0x1"], 8, "$.s[1]"),
        (["0x0", "0x1_0"], 8, "$.s[1]"),
        (["0x0", 3], 8, "$.s[1]"),
        (["0x0", None], 8, "$.s[1]"),
        (["0x0", {}], 8, "$.s[1]"),
        (["0x0", ["0x0"]], 8, "$.s[1]"),
        ([["0x0"], ["0x0", "0x0"]], 8, "$.s[1]"),
        ([["0x0"], "0x0"], 8, "$.s[1]"),
        (["0x10", "x5"], 8, "$.s[1]"),
        (["0x0", "0x٣"], 8, "$.s[1]"),
        ("0x0", 1, "$.s"),
        ({"0x0": 3}, 1, "$.s"),
        (["0x0"], 1 << 40, "$.s"),
    ],
)
def test_what_is_no_sample_of_the_register_is_named_by_its_path(
    value: object, num_bits: int, path: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        samples_to_bits(value, num_bits, path="$.s")

    assert caught.value.path == path


def test_unused_high_bits_are_not_written() -> None:
    assert bits_to_samples(np.array([[0xFF]], dtype=np.uint8), 2) == ["0x3"]


@given(st.integers(0, 3), st.integers(0, 30), st.integers(0, 99))
def test_gathering_picks_the_bits_named(pubs: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wide, narrow = random_bits(70, (pubs, 5), seed), random_bits(9, (pubs, 5), seed + 1)
    bools = {id(wide): BitArray(wide, 70), id(narrow): BitArray(narrow, 9)}
    picks = [
        (wide, int(rng.integers(70))) if rng.integers(2) else (narrow, int(rng.integers(9)))
        for _ in range(size)
    ]

    gathered = gather_bits(picks, (pubs, 5))

    expected = [bools[id(source)].to_bool_array(order="little")[..., index] for source, index in picks]
    assert gathered.shape == (pubs, 5, math.ceil(size / 8))
    if size:
        np.testing.assert_array_equal(
            BitArray(gathered, size).to_bool_array(order="little"), np.stack(expected, axis=-1)
        )


# --------------------------------------------------------------------------- long lists, as text


def body_of(value: object, *, separators: tuple[str, str] = (", ", ": "), num_bits: int = 16) -> bytes:
    document = {"results": [{"data": {"c": {"samples": value, "num_bits": num_bits}}, "metadata": {}}]}
    return json.dumps(document, separators=separators).encode()


def lifted(body: bytes) -> object:
    return samples.loads(body)["results"][0]["data"]["c"]["samples"]


def a_list(count: int = 4000, num_bits: int = 16) -> list[str]:
    chance = random.Random(5)
    return [hex(chance.getrandbits(num_bits)) for _ in range(count)]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("shape", [(4000,), (4, 1000), (20, 10, 20), (4000, 1)])
def test_long_lists_are_read_from_text(shape: tuple[int, ...], separators: tuple[str, str]) -> None:
    flat = a_list()
    nested = np.array(flat, dtype=object).reshape(shape).tolist()

    text = lifted(body_of(nested, separators=separators))

    assert isinstance(text, SampleText)
    assert text.shape == shape
    np.testing.assert_array_equal(samples_to_bits(text, 16), samples_to_bits(nested, 16))


def test_unusual_but_valid_text_is_read_all_the_same() -> None:
    values = a_list()
    values[7] = "0X" + values[7][2:].upper()
    values[8] = values[8][2:]
    values[9] = "0x000000" + values[9][2:]
    body = body_of(values).replace(b'", "0x', b'" ,\n "0x', 50)

    text = lifted(body)

    assert isinstance(text, SampleText)
    np.testing.assert_array_equal(samples_to_bits(text, 16), samples_to_bits(values, 16))


@pytest.mark.parametrize("index", [0, 1999, 3999])
@pytest.mark.parametrize("sample", ["0x10000", "0xzz", "", 5, None])
def test_the_path_into_a_long_list_is_exact(index: int, sample: object) -> None:
    values: list[object] = list(a_list())
    values[index] = sample

    with pytest.raises(DecodeError) as caught:
        samples_to_bits(lifted(body_of(values)), 16, path="$.s")

    assert caught.value.path == f"$.s[{index}]"


def test_blocks_of_a_very_long_list_join_without_a_seam() -> None:
    values = a_list(200_000, 40)

    text = lifted(body_of(values))

    assert isinstance(text, SampleText)
    np.testing.assert_array_equal(samples_to_bits(text, 40), samples_to_bits(values, 40))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"num_bits"', b'"more": ["x"], "num_bits"'),
        lambda body: body.replace(b'"metadata": {}', b'"metadata": {"samples": ["x"]}'),
        lambda body: body.replace(b'"results"', b'"note": "samples@0", "results"'),
        lambda body: body.replace(b'"results"', b'"note": "\\"samples\\": [1]", "results"'),
        lambda body: body.replace(b'{"samples"', b'{"samples": ["0x1"], "samples"'),
    ],
)
def test_bodies_that_only_look_alike_are_read_in_the_ordinary_way(change: object) -> None:
    body = change(body_of(a_list()))  # type: ignore[operator]

    try:
        bits = samples_to_bits(lifted(body), 16)
    except samples.UnusualTextError:
        bits = samples_to_bits(json.loads(body)["results"][0]["data"]["c"]["samples"], 16)

    np.testing.assert_array_equal(bits, samples_to_bits(a_list(), 16))


def test_ragged_long_lists_are_left_to_the_ordinary_way() -> None:
    values = [a_list(2000), a_list(1999)]

    assert isinstance(lifted(body_of(values)), list)


def test_long_lists_outside_of_results_stay_lists() -> None:
    document = {"samples": a_list(), "results": []}

    assert samples.loads(json.dumps(document).encode()) == document
