"""Arrays as ``executor`` programs carry them: ``{"data", "shape", "dtype"}`` (rest-api.md 4.7).

Little endian, C order, booleans packed eight to a byte, the first in the lowest bit; base64 of the bytes, which since
schema v2.0 are compressed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Allowance, dump_base64, load_base64, pack, unpack
from .jsonio import DecodeError

_DTYPES = {
    "f16": "<f2", "f32": "<f4", "f64": "<f8", "i8": "|i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "u8": "|u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "c64": "<c8", "c128": "<c16",
}  # fmt: skip
_NAMES = {np.dtype(form): name for name, form in _DTYPES.items()}
_MOST_AXES = 32


def dump_tensor(array: NDArray[Any], *, compressed: bool) -> dict[str, Any]:
    """Write numbers or booleans, compressed as of schema v2.0; another dtype is a ``TypeError``. Inverse: ``load_tensor``."""
    array = np.asarray(array, order="C")
    if array.dtype == np.bool_:
        content, name = np.packbits(array, axis=None, bitorder="little"), "bool"
    else:
        little = array.dtype.newbyteorder("<")
        if little not in _NAMES:
            raise TypeError(f"a tensor cannot have the dtype {array.dtype}")
        content, name = array.astype(little, copy=False), _NAMES[little]
    data = content.tobytes()
    text = pack(data) if compressed else dump_base64(data)
    return {"data": text, "shape": list(array.shape), "dtype": name}


def load_tensor(
    document: Any, *, compressed: bool, allowance: Allowance | None = None, path: str = "$"
) -> NDArray[Any]:
    """Read an array, compressed as of schema v2.0. Inverse of ``dump_tensor``.

    The allowance bounds the bytes that all arrays of a job unpack to.
    """
    if not is_tensor(document):
        raise DecodeError("expected a tensor: an object with data, shape and dtype", path)
    shape, name = document["shape"], document["dtype"]
    sound = isinstance(shape, list) and all(type(extent) is int and extent >= 0 for extent in shape)
    if not sound or len(shape) > _MOST_AXES:
        raise DecodeError("the shape must be a list of sizes", f"{path}.shape")
    if not isinstance(name, str) or (name != "bool" and name not in _DTYPES):
        raise DecodeError(f"the dtype {str(name)[:20]!r} is unknown", f"{path}.dtype")
    allowance = allowance or Allowance()
    data = document["data"]
    where = f"{path}.data"
    content = unpack(data, allowance=allowance, path=where) if compressed else load_base64(data, path=where)
    size = math.prod(shape)
    expected = (size + 7) // 8 if name == "bool" else size * np.dtype(_DTYPES[name]).itemsize
    if len(content) != expected:
        raise DecodeError(f"{len(content)} bytes do not fit shape {shape} of {name}", where)
    if name != "bool":
        return np.frombuffer(content, _DTYPES[name]).reshape(shape)
    allowance.take(size, where)
    bits = np.unpackbits(np.frombuffer(content, np.uint8), count=size, bitorder="little")
    return bits.view(np.bool_).reshape(shape)  # bytes of 0 and 1 are booleans already


def is_tensor(value: Any) -> bool:
    """Tell whether a decoded JSON value has the members of a tensor."""
    return isinstance(value, Mapping) and {"data", "shape", "dtype"} <= set(value)
