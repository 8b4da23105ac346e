"""The plain form of results: every field of rest-api.md 4.11 both ways, and what is wrong is named."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

from qiskit_rest_primitives.results import execution_spans as spans
from qiskit_rest_primitives.wire import jsonio, plain
from qiskit_rest_primitives.wire.jsonio import DecodeError

EXTRA = {
    "evs": (),
    "stds": (),
    "ensemble_standard_error": (),
    "evs_noise_factors": (3,),
    "stds_noise_factors": (3,),
    "ensemble_stds_noise_factors": (3,),
    "evs_extrapolated": (2, 4),
    "stds_extrapolated": (2, 4),
}
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
START = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc)


def there_and_back(result: PrimitiveResult[Any], shapes: Any = None) -> PrimitiveResult[Any]:
    body = jsonio.dumps(plain.dump_result(result), spell_nonfinite=True)
    return plain.load_result(jsonio.loads(body), shapes=shapes)


def one(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"results": [{"data": data, **more}]}


@given(
    st.sampled_from([0, 1, 7, 8, 9, 63, 64, 65, 127]),
    st.lists(st.integers(0, 3), max_size=2),
    st.integers(0, 4),
)
def test_registers_come_back_exactly(num_bits: int, pub: list[int], shots: int) -> None:
    shape = tuple(pub)
    rng = np.random.default_rng(num_bits)
    array = rng.integers(0, 256, (*shape, shots, math.ceil(num_bits / 8)), dtype=np.uint8)
    if num_bits % 8:
        array[..., 0] &= (1 << num_bits % 8) - 1
    bits = BitArray(array, num_bits)

    back = there_and_back(PrimitiveResult([SamplerPubResult(DataBin(shape=shape, c=bits))]), [shape])[0]

    assert isinstance(back, SamplerPubResult)
    assert (back.data.shape, back.data.c.shape, back.data.c.num_bits) == (shape, shape, num_bits)
    if 0 not in shape:
        assert back.data.c.array.shape == array.shape
    np.testing.assert_array_equal(back.data.c.array, array.reshape(back.data.c.array.shape))


@given(st.data())
def test_every_field_of_an_estimator_comes_back_to_the_last_bit(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 3), max_size=2)))
    names = data.draw(st.lists(st.sampled_from(sorted(EXTRA)), min_size=1, unique=True))
    fields = {name: data.draw(hnp.arrays(float, shape + EXTRA[name], elements=NUMBERS)) for name in names}

    for shapes in (None, [shape]):
        back = there_and_back(PrimitiveResult([PubResult(DataBin(shape=shape, **fields))]), shapes)[0]

        assert type(back) is PubResult
        assert back.data.shape == shape
        for name, values in fields.items():
            assert (back.data[name].shape, back.data[name].dtype) == (values.shape, np.float64)
            np.testing.assert_array_equal(back.data[name], values)


@pytest.mark.parametrize(
    ("shape", "array_shape"),
    [((), (5, 2)), ((3,), (3, 5, 2)), ((), (2,)), ((3,), (3, 2)), ((2, 2), (2, 2, 4, 1))],
)
def test_kerneled_data_come_back_as_complex_numbers(
    shape: tuple[int, ...], array_shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=array_shape) + 1j * rng.normal(size=array_shape)

    back = there_and_back(PrimitiveResult([SamplerPubResult(DataBin(shape=shape, c=values))]))[0]

    assert isinstance(back, SamplerPubResult)
    assert back.data.shape == shape
    np.testing.assert_array_equal(back.data.c, values)


def test_metadata_come_back() -> None:
    metadata = {"circuit_metadata": {"a": [1, {"b": None}]}, "shots": 10, "target_precision": 0.1}
    result = PrimitiveResult(
        [PubResult(DataBin(evs=np.array(0.5)), metadata)], {"version": 2, "resilience": {"x": True}}
    )

    back = there_and_back(result)

    assert back[0].metadata == metadata
    assert back.metadata == result.metadata


def test_numpy_and_python_values_in_metadata_take_their_json_form() -> None:
    metadata = {"a": np.int64(3), "b": np.array([0.5]), "c": (1, 2), "d": 1 + 2j, "e": START, 5: "f"}
    document = plain.dump_result(PrimitiveResult([], metadata))

    assert json.loads(json.dumps(document))["metadata"] == {
        "a": 3,
        "b": [0.5],
        "c": [1, 2],
        "d": [1.0, 2.0],
        "e": START.isoformat(),
        "5": "f",
    }
    with pytest.raises(TypeError, match="object"):
        plain.dump_result(PrimitiveResult([], {"a": object()}))


@pytest.mark.parametrize(
    "span",
    [
        spans.DoubleSliceSpan(
            START,
            START + timedelta(1),
            {0: ((2, 3), slice(0, 2), slice(1, 3)), 4: ((9,), slice(0, 1), slice(0, 9))},
        ),
        spans.SliceSpan(START, START, {0: ((2, 3), slice(0, 2))}),
        spans.TwirledSliceSpan(START, START, {1: ((4, 5, 10), True, slice(0, 10), slice(3, 6))}),
        spans.TwirledSliceSpanV2(START, START, {1: ((4, 5, 10), False, slice(0, 10), slice(3, 6), 35)}),
        spans.DoubleSliceSpan(START, START, {}),
    ],
)
def test_spans_come_back(span: spans.ExecutionSpan) -> None:
    every = spans.ExecutionSpans([span, span])

    back = there_and_back(PrimitiveResult([], {"execution": {"execution_spans": every}}))

    assert back.metadata["execution"]["execution_spans"] == every


@pytest.mark.parametrize(
    "value", [[1], [[1, 2, 3]], [[{"date": "x"}, {"date": "y"}, {}]], [["a", "b", {"0": [3]}]], "x", None]
)
def test_spans_of_an_unknown_form_are_kept_as_they_are(value: Any) -> None:
    document = {"results": [], "metadata": {"execution": {"execution_spans": value}}}

    assert plain.load_result(document).metadata["execution"]["execution_spans"] == value


def test_shapes_settle_what_empty_lists_leave_open() -> None:
    document = one({"c": {"samples": [], "num_bits": 3}})

    assert plain.load_result(document)[0].data.c.array.shape == (0, 1)
    assert plain.load_result(document, shapes=[(0, 2)])[0].data.shape == (0, 2)
    assert plain.load_result(one({"evs": []}), shapes=[(0, 2)])[0].data.evs.shape == (0, 2)
    assert plain.load_result(one({"c": {"samples": [[], []], "num_bits": 3}}), shapes=[(2,)])[
        0
    ].data.c.array.shape == (2, 0, 1)


def test_left_out_axes_of_length_one_are_restored() -> None:
    assert plain.load_result(one({"evs": 0.5, "stds": [0.1]}), shapes=[(1,)])[0].data.evs.shape == (1,)


def test_unknown_fields_are_kept() -> None:
    data = plain.load_result(one({"evs": 1, "new": {"a": 1}, "list": [1, 2], "words": ["a"], "flag": True}))[
        0
    ].data

    assert data.new == {"a": 1}
    assert data.words == ["a"]
    assert data.flag is True
    np.testing.assert_array_equal(data.list, [1, 2])


def test_values_that_are_decoded_already_are_taken() -> None:
    bits = BitArray(np.zeros((3, 1), dtype=np.uint8), 2)

    back = plain.load_result({"results": [{"data": {"c": bits, "evs": np.array(1.0)}}]})[0]

    assert back.data.c is bits
    assert plain.load_result({"results": [{"data": DataBin(evs=np.array(1.0))}]})[0].data.evs == 1.0


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$"),
        ({}, "$"),
        ({"results": {}}, "$.results"),
        ({"results": [5]}, "$.results[0]"),
        ({"results": [{}]}, "$.results[0]"),
        ({"results": [{"data": None}]}, "$.results[0].data"),
        ({"results": [{"data": {}}, {"data": {"evs": [1, "x"]}}]}, "$.results[1].data.evs[1]"),
        (one({"evs": "x"}), "$.results[0].data.evs"),
        (one({"evs": {}, "stds": 1}, metadata=[]), "$.results[0].metadata"),
        (one({"evs": [1, 2], "stds": [1]}), "$.results[0].data"),
        (one({"evs_extrapolated": [1, 2]}), "$.results[0].data.evs_extrapolated"),
        (one({"evs": 1, "items": 1}), "$.results[0].data"),
        (one({"self": {"samples": ["0x0"], "num_bits": 1}}), "$.results[0].data"),
        (one({"meas": {"samples": ["0x0", "0x4"], "num_bits": 2}}), "$.results[0].data.meas.samples[1]"),
        (one({"meas": {"samples": ["0x0"]}}), "$.results[0].data.meas.num_bits"),
        (one({"meas": {"samples": ["0x0"], "num_bits": -1}}), "$.results[0].data.meas.num_bits"),
        (one({"meas": {"samples": ["0x0"], "num_bits": True}}), "$.results[0].data.meas.num_bits"),
        (one({"meas": {"samples": ["0x0"], "num_bits": 10**9}}), "$.results[0].data.meas.samples"),
        (one({"meas": {"samples": None, "num_bits": 1}}), "$.results[0].data.meas.samples"),
        (one({"meas": {"samples": [[1, 2, 3]], "num_bits": 1}}), "$.results[0].data.meas.samples"),
        (one({"my-reg": {"samples": ["z"], "num_bits": 1}}), '$.results[0].data["my-reg"].samples[0]'),
    ],
)
def test_what_is_wrong_is_named_by_its_path(document: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        plain.load_result(document)

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ({"evs": [[1, 2, 3], [4, 5, 6]]}, (3, 2)),
        ({"evs": [1, 2]}, ()),
        ({"c": {"samples": ["0x0", "0x1"], "num_bits": 1}}, (2,)),
        ({"c": {"samples": [["0x0"], ["0x1"]], "num_bits": 1}}, ()),
    ],
)
def test_data_of_another_shape_than_the_pub_are_refused(data: dict[str, Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError, match="shape"):
        plain.load_result(one(data), shapes=[shape])


def test_another_number_of_results_than_pubs_is_refused() -> None:
    with pytest.raises(DecodeError, match="2 PUBs"):
        plain.load_result(one({"evs": 1}), shapes=[(), ()])
