"""ndarray <-> base64(zlib(npy)), and nested numbers -> ndarray."""

from __future__ import annotations

import ast
import binascii
import io
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jsonio import DecodeError, below

MAX_BYTES = 1 << 29
"""Default bound on what one document may unpack to, in bytes (512 MiB)."""

_MAX_DEPTH = 32
_HEAD = 1 << 14  # no npy header of a plain dtype comes near 16 KiB
_PROBE = 1 << 16
_USUAL_HEADER = re.compile(
    rb"\{'descr': '([^']+)', 'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,18}, ?)*(?:[0-9]{1,18})?)\), \} *\n?\Z"
)
_PIECE = 1 << 18
_DENSEST = 800  # bytes that a character can unpack to: zlib packs at most 1032 to one, base64 three in four
_KINDS = "biufcSUmM"
# No objects.
_DESCR = re.compile(r"[<>|=]?(?:[biufcSU][1-9][0-9]{0,3}|[mM]8(?:\[[0-9]{0,9}(?:[YMWDhms]|[munpfa]s)\])?)\Z")
_WORDS = {
    "nan": math.nan,
    "infinity": math.inf,
    "inf": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
    "-inf": -math.inf,
}


class Allowance:
    """How many bytes a document may still unpack to; shared by all the arrays of one document."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.remaining = max_bytes

    def take(self, size: int, path: str) -> None:
        """Spend ``size`` bytes."""
        if size > self.remaining:
            raise DecodeError(f"unpacks to {size} bytes, more than the {self.remaining} still allowed", path)
        self.remaining -= size


# ---------------------------------------------------------------------------------- packed bytes


def pack(*chunks: bytes | memoryview) -> str:
    """Write bytes as base64(zlib(...)) text. Inverse: ``unpack``.

    Data that hardly shrink (random bits, most floats) are stored instead of compressed: that is at most a quarter
    longer and some thirty times faster, and every zlib reader takes it (rest-api.md 4.12).
    """
    squeeze = zlib.compressobj(_level(chunks[-1]))
    packed = b"".join([*(squeeze.compress(chunk) for chunk in chunks), squeeze.flush()])
    return dump_base64(packed)


def unpack(text: object, *, allowance: Allowance | None = None, path: str = "$") -> bytes:
    """Read base64(zlib(...)) text. Inverse of ``pack``."""
    allowance = allowance or Allowance()
    packed = load_base64(text, path=path)
    content = _inflate(packed, allowance.remaining, path)
    allowance.take(len(content), path)
    return content


def dump_base64(content: bytes) -> str:
    """Write bytes as base64 text. Inverse: ``load_base64``."""
    return binascii.b2a_base64(content, newline=False).decode("ascii")


def load_base64(text: object, *, path: str = "$") -> bytes:
    """Read base64 text."""
    return b"".join(_pieces(text, path))


def _pieces(text: object, path: str) -> Iterator[bytes]:
    """Decode base64 text piece by piece, so that what follows needs no second copy of it all."""
    if not isinstance(text, (str, memoryview)):
        raise DecodeError(f"expected base64 text, found {type(text).__name__}", path)
    lines = isinstance(text, str) and "\n" in text
    step = len(text) if lines else _PIECE  # lines would shift the groups of four
    try:
        for at in range(0, len(text), step):
            piece = text[at : at + step]
            content = binascii.a2b_base64(piece)
            # Letters of other alphabets are refused in a string, but silently left out of bytes.
            if isinstance(piece, memoryview) and 4 * len(content) != 3 * len(piece) - 4 * _padding(piece):
                raise ValueError("characters of another alphabet")
            yield content
    except ValueError as cause:
        raise DecodeError(f"no base64 text: {cause}", path) from cause


def _padding(piece: memoryview) -> int:
    return bytes(piece[-2:]).count(b"=")


def _level(chunk: bytes | memoryview) -> int:
    if len(chunk) <= _PROBE:
        return 1
    middle = len(chunk) // 2 - _PROBE // 2
    probe = bytes(chunk[middle : middle + _PROBE])
    return 1 if len(zlib.compress(probe, 1)) < 0.8 * _PROBE else 0


def _inflate(packed: bytes, max_bytes: int, path: str) -> bytes:
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(packed, max_bytes + 1)
    except zlib.error as cause:
        raise DecodeError(f"the compressed data are damaged: {cause}", path) from cause
    if len(content) > max_bytes:
        raise DecodeError(f"unpacks to more than the {max_bytes} bytes allowed", path)
    if not inflate.eof:
        raise DecodeError("the compressed data end early", path)
    return content


def _inflate_into(content: bytearray, pieces: Iterable[bytes], path: str) -> None:
    """Unpack exactly ``len(content)`` bytes, without a second copy of them in memory."""
    inflate = zlib.decompressobj()
    done, target = 0, memoryview(content)
    try:
        for piece in pieces:
            while piece and not inflate.eof:
                part = inflate.decompress(piece, _PIECE)
                if done + len(part) > len(content):
                    raise DecodeError(f"more than the {len(content)} bytes announced", path)
                target[done : done + len(part)] = part
                done += len(part)
                piece = inflate.unconsumed_tail  # noqa: PLW2901 - what is left of the piece
    except zlib.error as cause:
        raise DecodeError(f"the compressed data are damaged: {cause}", path) from cause
    if done < len(content) or not inflate.eof:
        raise DecodeError(f"the compressed data end early: {done} of {len(content)} bytes", path)


# ---------------------------------------------------------------------------------------- ndarray


def dump_array(array: NDArray[Any]) -> str:
    """Write an array as base64(zlib(npy)), npy format 1.0 in C order (rest-api.md 4.12). Inverse: ``load_array``.

    Raises:
        TypeError: The dtype is no number, boolean, string, time or record of these (objects would need pickle).
    """
    array = np.asarray(array, order="C")
    if array.dtype.kind not in _KINDS and (array.dtype.names is None or array.dtype.hasobject):
        raise TypeError(f"an array of dtype {array.dtype} has no wire form")
    return pack(
        _npy_header(array.dtype, array.shape), array.reshape(-1).view(np.uint8).data if array.nbytes else b""
    )


@lru_cache(256)
def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    return header.getvalue()


def load_array(
    text: object, *, max_bytes: int = MAX_BYTES, allowance: Allowance | None = None, path: str = "$"
) -> NDArray[Any]:
    """Read base64(zlib(npy)) into a writable array of the dtype and shape it names. Inverse of ``dump_array``.

    The header is read first, so nothing is unpacked that it does not announce; pickled objects are refused. The text is a string
    or a piece of the body that it came in; ``allowance`` is shared with the rest of a document, ``max_bytes`` bounds the unpacked
    size where there is none.
    """
    allowance = allowance or Allowance(max_bytes)
    pieces = _pieces(text, path)
    first = next(pieces, b"")
    shape, fortran, dtype, start = _opened(first, path)
    size = math.prod(shape) * dtype.itemsize
    if size > _DENSEST * len(text):  # type: ignore[arg-type] # _pieces has seen that it is text
        raise DecodeError(f"its {len(text)} characters cannot hold the {size} bytes announced", path)  # type: ignore[arg-type]
    allowance.take(size, path)
    content = bytearray(start + size)
    _inflate_into(content, chain([first], pieces), path)
    try:
        array = np.frombuffer(content, dtype, math.prod(shape), start)
        return array.reshape(shape, order="F" if fortran else "C")
    except (ValueError, OverflowError) as cause:
        raise DecodeError(f"no array can have shape {shape}: {cause}", path) from cause


def array_shape(text: object, *, path: str = "$") -> tuple[int, ...]:
    """Return the shape that the header of base64(zlib(npy)) names; nothing else is unpacked."""
    return _opened(next(_pieces(text, path), b""), path)[0]


def _opened(first: bytes, path: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    try:
        return _header(zlib.decompressobj().decompress(first[:_HEAD], _HEAD))
    except zlib.error as cause:
        raise DecodeError(f"the compressed data are damaged: {cause}", path) from cause
    except (ValueError, TypeError, SyntaxError, KeyError, RecursionError, MemoryError, struct.error) as cause:
        raise DecodeError(f"no array in npy format: {str(cause)[:120]}", path) from cause


def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, order, dtype and the place where the data begin.

    NumPy's own reader repairs the headers of old versions with a tokenizer, which warns and raises at will.
    """
    if head[:6] != b"\x93NUMPY" or head[6:7] not in (b"\x01", b"\x02", b"\x03"):
        raise ValueError("its first bytes are not those of npy version 1, 2 or 3")
    place, form = (10, "<H") if head[6] == 1 else (12, "<I")
    (length,) = struct.unpack_from(form, head, 8)
    shape, fortran, descr = _header_members(head[place : place + length])
    if not _is_accepted(descr):
        raise ValueError(f"arrays of dtype {descr} are not accepted")
    if not isinstance(shape, tuple) or not all(type(extent) is int and extent >= 0 for extent in shape):
        raise ValueError(f"{shape} is no shape")
    return shape, bool(fortran), np.lib.format.descr_to_dtype(descr), place + length


def _is_accepted(descr: Any) -> bool:
    """Tell whether a dtype is a plain one, or a record of plain ones."""
    if not isinstance(descr, list):
        return isinstance(descr, str) and bool(_DESCR.match(descr))
    return 0 < len(descr) <= _MAX_DEPTH and all(
        isinstance(field, tuple)
        and len(field) == 2
        and isinstance(field[0], str)
        and isinstance(field[1], str)
        and bool(_DESCR.match(field[1]))
        for field in descr
    )


def _header_members(header: bytes) -> tuple[Any, Any, Any]:
    usual = _USUAL_HEADER.match(header)
    if usual:
        extents = tuple(int(extent) for extent in usual[3].split(b",") if extent.strip())
        return extents, usual[2] == b"True", usual[1].decode()
    members = ast.literal_eval(header.decode("ascii").strip())  # other writers order and space as they like
    return members["shape"], members["fortran_order"], members["descr"]


# -------------------------------------------------------------------------------- nested numbers


def load_numbers(value: Any, *, path: str = "$") -> NDArray[Any]:
    """Read a number or nested lists of numbers into an array of integers or floats.

    Non-finite values are read in every spelling of rest-api.md 9.8: bare words (floats by now), the
    strings ``"infinity"``, ``"-infinity"``, ``"nan"``, and ``null`` for NaN.
    """
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "iuf" else load_numbers(value.tolist(), path=path)
    try:
        array = _as_array(value)
        if array is not None:
            return array
        flat: list[float] = []
        shape = _collect(value, path, flat)
    except RecursionError as cause:
        raise DecodeError("the lists are nested too deeply", path) from cause
    if len(shape) > _MAX_DEPTH:
        raise DecodeError("the lists are nested too deeply", path)
    return np.array(flat, dtype=float).reshape(shape)


def _as_array(value: Any) -> NDArray[Any] | None:
    """Return what NumPy makes of a value, or None when that takes a closer look."""
    if not _are_numbers(value):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):  # ragged, or too large an integer
        return None
    return array if array.dtype.kind in "iuf" else None


def _are_numbers(value: Any) -> bool:
    """Return whether NumPy may have the value: it looks into any object, and some never end."""
    if not isinstance(value, list):
        return type(value) in (int, float)
    kinds = set(map(type, value))
    return kinds <= {int, float} or (kinds == {list} and all(map(_are_numbers, value)))


def _collect(value: Any, path: str, flat: list[float]) -> tuple[int, ...]:
    if isinstance(value, (list, tuple)):
        shapes = [_collect(item, below(path, index), flat) for index, item in enumerate(value)]
        for index, shape in enumerate(shapes):
            if shape != shapes[0]:
                problem = f"the lists are ragged: shape {shape} beside shape {shapes[0]}"
                raise DecodeError(problem, below(path, index))
        return (len(shapes), *(shapes[0] if shapes else ()))
    flat.append(_number(value, path))
    return ()


def _number(value: Any, path: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as cause:
            raise DecodeError("the number is too large for a float", path) from cause
    raise DecodeError(f"expected a number, found {type(value).__name__}", path)
