"""Arrays in the form of executor programs."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qiskit_rest_primitives.wire.arrays import Allowance
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.tensors import dump_tensor, load_tensor

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "c8", "c16", "?", ">f8", ">u2"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw imports a lot
@given(
    st.sampled_from(DTYPES).flatmap(
        lambda kind: hnp.arrays(np.dtype(kind), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
    ),
    st.booleans(),
)
def test_dump_and_load_are_inverse(array: np.ndarray, compressed: bool) -> None:
    loaded = load_tensor(dump_tensor(array, compressed=compressed), compressed=compressed)

    assert loaded.dtype == array.dtype.newbyteorder("=")
    assert loaded.shape == array.shape
    np.testing.assert_array_equal(loaded, array)


def test_booleans_are_packed_from_the_lowest_bit() -> None:
    written = dump_tensor(np.array([[True, False], [False, False], [True, True]]), compressed=False)

    assert written == {"data": base64.b64encode(b"\x31").decode(), "shape": [3, 2], "dtype": "bool"}


def test_the_bytes_are_those_of_the_schema() -> None:
    models = pytest.importorskip(
        "ibm_quantum_schemas.common", reason="pip install qiskit-ibm-runtime to compare with its schemas"
    )
    for array in (np.arange(6.0).reshape(2, 3), np.array([True, False] * 9), np.array([1 + 2j])):
        for model, compressed in ((models.TensorModel, False), (models.CompressedTensorModel, True)):
            theirs = model.model_validate(dump_tensor(array, compressed=compressed)).to_numpy()
            ours = load_tensor(model.from_numpy(array).model_dump(), compressed=compressed)
            np.testing.assert_array_equal(theirs, array)
            np.testing.assert_array_equal(ours, array)


GOOD = dump_tensor(np.zeros((2, 3)), compressed=True)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (None, "$"),
        ({"data": "", "shape": [0]}, "$"),
        (GOOD | {"shape": [2, -3]}, "$.shape"),
        (GOOD | {"shape": [True, 6]}, "$.shape"),
        (GOOD | {"shape": "6"}, "$.shape"),
        (GOOD | {"dtype": "f128"}, "$.dtype"),
        (GOOD | {"dtype": ["f64"]}, "$.dtype"),
        (GOOD | {"shape": [7]}, "$.data"),
        (GOOD | {"dtype": "bool"}, "$.data"),
        (GOOD | {"data": "!"}, "$.data"),
        (GOOD | {"data": base64.b64encode(b"no zlib").decode()}, "$.data"),
        (GOOD | {"data": base64.b64encode(zlib.compress(bytes(48))[:-6]).decode()}, "$.data"),
    ],
)
def test_what_is_no_tensor_is_refused_with_its_place(document: object, where: str) -> None:
    with pytest.raises(DecodeError) as caught:
        load_tensor(document, compressed=True)

    assert caught.value.path == where


def test_a_bomb_is_not_unpacked() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(10_000_000))).decode()
    with pytest.raises(DecodeError):
        load_tensor(
            {"data": bomb, "shape": [10_000_000], "dtype": "u8"},
            compressed=True,
            allowance=Allowance(1_000_000),
        )


def test_other_dtypes_have_no_form() -> None:
    with pytest.raises(TypeError):
        dump_tensor(np.array(["text"]), compressed=True)
