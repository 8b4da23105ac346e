"""ndarray <-> base64(zlib(npy)), nested numbers -> ndarray, packed bits <-> hexadecimal samples.

What does not live here: which field holds which array (``plain``, ``typed``, ``pubs``).
"""

from __future__ import annotations

import binascii
import io
import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jsonio import DecodeError, below

MAX_BYTES = 1 << 29
"""Default bound on what one document may unpack to, in bytes (512 MiB)."""

MAX_REGISTER_BITS = 1 << 16
"""No register is larger; a larger one is a damaged document."""

_MAX_DEPTH = 32
_BLOCK = 1 << 21  # bytes of packed bits made at a time, so that reading needs little more than the result
_HEAD = 1 << 14  # no npy header of a plain dtype comes near 16 KiB
_PROBE = 1 << 16
_KINDS = "biufcSU"
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
        """Spend ``size`` bytes.

        Raises:
            DecodeError: That is more than what remains.
        """
        if size > self.remaining:
            raise DecodeError(f"unpacks to {size} bytes, more than the {self.remaining} still allowed", path)
        self.remaining -= size


# ---------------------------------------------------------------------------------- packed bytes


def pack(*chunks: bytes | memoryview) -> str:
    """Write bytes as base64(zlib(...)) text. Inverse: ``unpack``.

    Data that do not shrink (random bits, most floats) are stored instead of compressed: that is a few
    per cent longer and some thirty times faster, and every zlib reader takes it (rest-api.md 4.12).
    """
    squeeze = zlib.compressobj(_level(chunks[-1]))
    packed = b"".join([*(squeeze.compress(chunk) for chunk in chunks), squeeze.flush()])
    return binascii.b2a_base64(packed, newline=False).decode("ascii")


def unpack(text: object, *, allowance: Allowance | None = None, path: str = "$") -> bytes:
    """Read base64(zlib(...)) text. Inverse of ``pack``.

    Raises:
        DecodeError: The text is neither, is truncated, or unpacks to more than the allowance.
    """
    allowance = allowance or Allowance()
    packed = load_base64(text, path=path)
    content = _inflate(packed, allowance.remaining, path)
    allowance.take(len(content), path)
    return content


def load_base64(text: object, *, path: str = "$") -> bytes:
    """Read base64 text.

    Raises:
        DecodeError: It is no base64 text.
    """
    if not isinstance(text, str):
        raise DecodeError(f"expected base64 text, found {type(text).__name__}", path)
    try:
        return binascii.a2b_base64(text)
    except ValueError as cause:
        raise DecodeError(f"no base64 text: {cause}", path) from cause


def _level(chunk: bytes | memoryview) -> int:
    middle = max(0, len(chunk) // 2 - _PROBE // 2)
    probe = bytes(chunk[middle : middle + _PROBE])
    return 1 if len(zlib.compress(probe, 1)) < 0.9 * len(probe) or len(probe) < 1024 else 0


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


# ---------------------------------------------------------------------------------------- ndarray


def dump_array(array: NDArray[Any]) -> str:
    """Write an array as base64(zlib(npy)), npy format 1.0 in C order (rest-api.md 4.12). Inverse: ``load_array``.

    Raises:
        TypeError: The dtype is no number, boolean or string (objects would need pickle).
    """
    array = np.asarray(array, order="C")
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"an array of dtype {array.dtype} has no wire form")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return pack(header.getvalue(), array.reshape(-1).view(np.uint8).data if array.nbytes else b"")


def load_array(
    text: object, *, max_bytes: int = MAX_BYTES, allowance: Allowance | None = None, path: str = "$"
) -> NDArray[Any]:
    """Read base64(zlib(npy)) into a writable array of the dtype and shape it names. Inverse of ``dump_array``.

    The header is read first, so nothing is unpacked that it does not announce; pickled objects are refused.

    Args:
        text: The base64 text.
        max_bytes: Bound on the unpacked size when no ``allowance`` is given, in bytes.
        allowance: Bound shared with the rest of a document.
        path: Where the text stands, for errors.

    Raises:
        DecodeError: The text is damaged, truncated, too large, or holds objects.
    """
    allowance = allowance or Allowance(max_bytes)
    packed = load_base64(text, path=path)
    try:
        head = io.BytesIO(zlib.decompressobj().decompress(packed[:_HEAD], _HEAD))
        shape, fortran, dtype = _header(head)
    except zlib.error as cause:
        raise DecodeError(f"the compressed data are damaged: {cause}", path) from cause
    except (ValueError, EOFError, TypeError, SyntaxError) as cause:
        raise DecodeError(f"no array in npy format: {str(cause)[:120]}", path) from cause
    if dtype.hasobject or dtype.kind not in _KINDS or min(shape, default=0) < 0:
        raise DecodeError(f"an array of dtype {dtype} and shape {shape} is not accepted", path)
    start, size = head.tell(), math.prod(shape) * dtype.itemsize
    allowance.take(size, path)
    content = _inflate(packed, start + size, path)
    del packed
    if len(content) < start + size:
        raise DecodeError(f"an array of {size} bytes is announced, {len(content) - start} are there", path)
    try:
        array = np.frombuffer(content, dtype, math.prod(shape), start).copy()
        return array.reshape(shape, order="F" if fortran else "C")
    except (ValueError, OverflowError) as cause:
        raise DecodeError(f"no array can have shape {shape}: {cause}", path) from cause


def _header(head: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(head)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(head)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(head)
    raise ValueError(f"npy format version {version} is not supported")


# -------------------------------------------------------------------------------- nested numbers


def load_numbers(value: Any, *, path: str = "$") -> NDArray[Any]:
    """Read a number or nested lists of numbers into an array of integers or floats.

    Non-finite values are read in every spelling of rest-api.md 9.8: bare words (floats by now), the
    strings ``"infinity"``, ``"-infinity"``, ``"nan"``, and ``null`` for NaN.

    Raises:
        DecodeError: An element is no number, or the lists are ragged; the path names the element.
    """
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, RecursionError):
        array = np.empty((), dtype=object)
    if array.dtype.kind in "iuf":
        return array
    try:
        flat: list[float] = []
        shape = _collect(value, path, flat)
    except RecursionError as cause:
        raise DecodeError("the lists are nested too deeply", path) from cause
    if len(shape) > _MAX_DEPTH:
        raise DecodeError("the lists are nested too deeply", path)
    return np.array(flat, dtype=float).reshape(shape)


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


# ------------------------------------------------------------------------------------ hex samples


def samples_to_bits(samples: Sequence[Any], num_bits: int, *, path: str = "$") -> NDArray[np.uint8]:
    """Read hexadecimal samples into packed bits. Inverse: ``bits_to_samples``.

    Args:
        samples: Lists nested as the PUB shape with the shots innermost; ``c[0]`` is the least
            significant bit; ``0x``, letter case and leading zeros do not matter (rest-api.md 4.11).
        num_bits: Size of the register.
        path: Where the samples stand, for errors.

    Returns:
        Shape ``(*pub, shots, ceil(num_bits / 8))``, each row big-endian and right-aligned.

    Raises:
        DecodeError: A sample is no hexadecimal number or does not fit the register; the path names it.
    """
    flat, shape = _flat_samples(samples, path)
    width = (num_bits + 7) // 8
    if num_bits > MAX_REGISTER_BITS or len(flat) * width > MAX_BYTES:
        raise DecodeError(f"{len(flat)} samples of {num_bits} bits are more than is accepted", path)
    rows = np.zeros((len(flat), width), dtype=np.uint8)
    block = max(1, _BLOCK // max(width, 8))
    for start in range(0, len(flat), block):
        part = flat[start : start + block]
        if not _fill_fast(rows[start : start + block], part, num_bits):
            _fill_carefully(rows[start : start + block], part, num_bits, (path, start, shape))
    return rows.reshape(*shape, width)


def bits_to_samples(bits: NDArray[np.uint8], num_bits: int) -> list[Any]:
    """Write packed bits as hexadecimal samples such as ``"0x3"``. Inverse: ``samples_to_bits``.

    Args:
        bits: Shape ``(*pub, shots, ceil(num_bits / 8))``; unused high bits are ignored.
        num_bits: Size of the register.

    Returns:
        Lists nested as ``(*pub, shots)``.
    """
    width, shape = bits.shape[-1], bits.shape[:-1]
    if width == 0:
        return _nested(["0x0"] * math.prod(shape), shape)
    if num_bits % 8:
        bits = bits.copy()
        bits[..., 0] &= (1 << num_bits % 8) - 1
    digits = bits.tobytes().hex()
    step = 2 * width
    flat = ["0x" + (digits[at : at + step].lstrip("0") or "0") for at in range(0, len(digits), step)]
    return _nested(flat, shape)


def gather_bits(
    columns: Sequence[tuple[NDArray[np.uint8], int]], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Put together a packed register from bits of others.

    Args:
        columns: For each bit of the new register, least significant first: the packed array it comes
            from and its index there.
        shape: ``(*pub, shots)``.

    Returns:
        Shape ``(*shape, ceil(len(columns) / 8))``.
    """
    width = (len(columns) + 7) // 8
    gathered = np.zeros((*shape, width), dtype=np.uint8)
    for place, (source, index) in enumerate(columns):
        bit = source[..., source.shape[-1] - 1 - index // 8] >> (index % 8) & 1
        gathered[..., width - 1 - place // 8] |= (bit << (place % 8)).astype(np.uint8)
    return gathered


def _flat_samples(samples: Any, path: str) -> tuple[list[Any], tuple[int, ...]]:
    if not isinstance(samples, list):
        raise DecodeError(f"expected a list of samples, found {type(samples).__name__}", path)
    shape = [len(samples)]
    flat: list[Any] = samples
    while flat and isinstance(flat[0], list):
        length = len(flat[0])
        for index, item in enumerate(flat):
            if not isinstance(item, list) or len(item) != length:
                where = _where(path, index, shape)
                raise DecodeError(f"the samples are ragged: expected a list of {length}", where)
        shape.append(length)
        flat = [sample for item in flat for sample in item]
        if len(shape) > _MAX_DEPTH:
            raise DecodeError("the samples are nested too deeply", path)
    return flat, tuple(shape)


def _fill_fast(rows: NDArray[np.uint8], samples: list[str], num_bits: int) -> bool:
    """Fill the rows if every sample is written in the usual way; otherwise return False."""
    digits = 2 * rows.shape[1]
    try:
        usual = ",".join(samples).count("0x") == len(samples) and "0x" not in samples
        text = "".join([sample[2:].rjust(digits, "0") for sample in samples])
        # An "x" behind the second place fails here, so as many "0x" as samples means one in front of each.
        if not usual or len(text) != digits * len(samples):
            return False
        rows[...] = np.frombuffer(binascii.unhexlify(text), dtype=np.uint8).reshape(rows.shape)
    except (ValueError, TypeError, AttributeError):
        return False
    return not (num_bits % 8 and rows.size and int(rows[:, 0].max()) >> num_bits % 8)


def _fill_carefully(
    rows: NDArray[np.uint8], samples: list[Any], num_bits: int, place: tuple[str, int, tuple[int, ...]]
) -> None:
    path, start, shape = place
    packed = bytearray()
    for index, sample in enumerate(samples, start):
        digits = sample[2:] if isinstance(sample, str) and sample[:2] in ("0x", "0X") else sample
        if not isinstance(digits, str) or not digits or not set(digits) <= _HEX:
            problem = f"expected a hexadecimal sample, found {str(sample)[:40]!r}"
            raise DecodeError(problem, _where(path, index, shape))
        value = digits.lstrip("0") or "0"
        if len(value) > num_bits // 4 + 1 or int(value, 16) >> num_bits:
            problem = f"sample {str(sample)[:40]!r} does not fit a register of {num_bits} bits"
            raise DecodeError(problem, _where(path, index, shape))
        packed += int(value, 16).to_bytes(rows.shape[1], "big")
    rows[...] = np.frombuffer(packed, dtype=np.uint8).reshape(rows.shape)


_HEX = frozenset("0123456789abcdefABCDEF")


def _where(path: str, index: int, shape: Sequence[int]) -> str:
    for position in np.unravel_index(index, tuple(shape)):
        path = below(path, int(position))
    return path


def _nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    for axis in range(len(shape) - 1, 0, -1):
        length = shape[axis]
        flat = [flat[at * length : (at + 1) * length] for at in range(math.prod(shape[:axis]))]
    return flat
