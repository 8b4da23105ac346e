"""Hexadecimal samples <-> packed bits, and reading long sample lists straight from the text of a body."""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._frozen import frozen
from . import jsonio
from .arrays import MAX_BYTES
from .jsonio import DecodeError, below

MAX_REGISTER_BITS = 1 << 16
"""No register is larger; a larger one is a damaged document."""

_MAX_DEPTH = 32
_BLOCK = 1 << 20  # bytes of packed bits, or of text, handled at a time: reading needs little more room
_LONG = 1 << 14  # bytes of text from which a sample list is worth lifting
_MARK = "samples@"
_LIST = re.compile(rb"\s*:\s*\[")
_SHORT = [*map(hex, range(256))]  # samples of up to 8 bits
_QUOTED = re.compile(rb"[\[\s]*\"")  # kerneled samples are numbers, which stay lists
_INNERMOST = re.compile(rb"\[([^\[\]]*)\]")
_HEX = frozenset("0123456789abcdefABCDEF")


class UnusualTextError(Exception):
    """Lifted text turned out not to be what it looked like; the body must be read in the ordinary way."""


@frozen
class SampleText:
    """A list of samples that still is text, from its opening bracket in a body on; its shape is ``(*pub, shots)``."""

    body: bytes
    start: int
    stop: int
    shape: tuple[int, ...]

    def blocks(self) -> Iterator[bytes]:
        """Yield the text in pieces of moderate length, cut at commas and freed of brackets."""
        position = self.start
        while position < self.stop and 0 not in self.shape:
            cut = self.body.find(b",", min(position + _BLOCK, self.stop), self.stop)
            cut = self.stop if cut < 0 else cut
            yield self.body[position:cut].translate(None, b"[]")
            position = cut + 1


def loads(body: bytes) -> Any:
    """Read a JSON document like ``jsonio.loads``, leaving the long sample lists of a plain result as text.

    A body of a million shots thus needs neither a million strings nor the memory for them. The lists become
    ``SampleText``; anything that looks unusual is read in the ordinary way.
    """
    if len(body) < _LONG or _MARK.encode() in body:
        return jsonio.loads(body)
    lifted: list[SampleText] = []
    rest: list[bytes] = []
    done = 0
    for text in _long_lists(body):
        rest += [body[done : text.start], json.dumps(_MARK + str(len(lifted))).encode()]
        lifted.append(text)
        done = text.stop
    if not lifted:
        return jsonio.loads(body)
    try:
        document = jsonio.loads(b"".join([*rest, body[done:]]))
    except DecodeError:
        return jsonio.loads(body)
    return document if _put_back(document, lifted) else jsonio.loads(body)


def _long_lists(body: bytes) -> Iterator[SampleText]:
    at = body.find(b'"samples"')
    while at >= 0:
        opening = _LIST.match(body, at + 9)
        at += 9
        if opening and body[at - 10 : at - 9] != b"\\":
            start = opening.end() - 1
            # Samples hold no braces, and the register's object ends behind its samples.
            stop = body.rfind(b"]", start, max(start, body.find(b"}", start))) + 1
            long = stop - start >= _LONG and _QUOTED.match(body, start) is not None
            shape = _shape_of(body, start, stop) if long else None
            if shape is not None:
                yield SampleText(body, start, stop, shape)
                at = stop
        at = body.find(b'"samples"', at)


def _shape_of(body: bytes, start: int, stop: int) -> tuple[int, ...] | None:
    """Return the shape of a list of samples, or None when it is not regular."""
    if body.find(b"[", start + 1, stop) < 0:
        return (body.count(b",", start, stop) + 1,)
    shots: set[int] = set()
    outline: list[bytes] = []
    done = start
    for inner in _INNERMOST.finditer(body, start, stop):
        outline += [body[done : inner.start()], b"0"]
        done = inner.end()
        empty = inner.end() - inner.start() < 16 and not inner[1].strip()
        shots.add(0 if empty else body.count(b",", inner.start(), inner.end()) + 1)
        if len(shots) > 1:
            return None
    try:
        pub = np.array(json.loads(b"".join([*outline, body[done:stop]])))
    except ValueError:
        return None
    return (*pub.shape, *shots) if pub.dtype.kind == "i" else None


def _put_back(document: Any, lifted: list[SampleText]) -> bool:
    """Put the lifted lists where a plain result has its samples; return whether that was all of them."""
    waiting: dict[Any, SampleText] = {_MARK + str(index): text for index, text in enumerate(lifted)}
    try:
        for result in document["results"]:
            for register in result["data"].values():
                if isinstance(register, dict) and isinstance(register.get("samples"), str):
                    register["samples"] = waiting.pop(register["samples"])
    except (KeyError, TypeError, AttributeError):
        return False
    return not waiting


def samples_to_bits(samples: Any, num_bits: int, *, path: str = "$") -> NDArray[np.uint8]:
    """Read hexadecimal samples into packed bits. Inverse: ``bits_to_samples``.

    They are a ``SampleText``, or lists nested as the PUB shape with the shots innermost; ``c[0]`` is the least significant bit;
    ``0x``, letter case and leading zeros do not matter (rest-api.md 4.11).

    Returns:
        Shape ``(*pub, shots, ceil(num_bits / 8))``, each row big-endian and right-aligned.

    Raises:
        DecodeError: A sample is no hexadecimal number or does not fit the register; the path names it.
        UnusualTextError: A ``SampleText`` is no such list after all.
    """
    flat, shape = ([], samples.shape) if isinstance(samples, SampleText) else _flat_samples(samples, path)
    width, count = (num_bits + 7) // 8, math.prod(shape)
    if num_bits > MAX_REGISTER_BITS or count * width > MAX_BYTES:
        raise DecodeError(f"{count} samples of {num_bits} bits are more than is accepted", path)
    rows = np.zeros((count, width), dtype=np.uint8)
    if isinstance(samples, SampleText):
        _fill_from_text(rows, samples, num_bits, path)
    else:
        step = max(1, 8 * _BLOCK // max(num_bits, 64))
        for at in range(0, count, step):
            _fill(rows[at : at + step], flat[at : at + step], num_bits, (path, at, shape))
    return rows.reshape(*shape, width)


def check_bits(bits: NDArray[np.uint8], num_bits: int, *, path: str = "$") -> None:
    """Check that no bit beyond the register is set in packed bits that somebody else packed; reading would drop it unsaid."""
    if bits.ndim and not _fits(bits, num_bits):
        raise DecodeError(f"a sample has bits set that a register of {num_bits} bits does not have", path)


def bits_to_samples(bits: NDArray[np.uint8], num_bits: int) -> list[Any]:
    """Write packed bits as hexadecimal samples such as ``"0x3"``, lists nested as ``(*pub, shots)``. Inverse: ``samples_to_bits``.

    The bits have the shape ``(*pub, shots, ceil(num_bits / 8))``; unused high ones are ignored.
    """
    width, shape = bits.shape[-1], bits.shape[:-1]
    if num_bits % 8:
        bits = bits.copy()
        bits[..., 0] &= (1 << num_bits % 8) - 1
    if width == 1:
        return _nested([*map(_SHORT.__getitem__, bits.tobytes())], shape)
    if width <= 8:
        words = np.zeros((*shape, 8), dtype=np.uint8)
        words[..., 8 - width :] = bits
        return _nested([*map(hex, words.view(">u8").ravel().tolist())], shape)
    digits = bits.tobytes().hex()
    step = 2 * width
    flat = ["0x" + (digits[at : at + step].lstrip("0") or "0") for at in range(0, len(digits), step)]
    return _nested(flat, shape)


def gather_bits(
    columns: Sequence[tuple[NDArray[np.uint8], int]], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Put together a packed register of shape ``(*shape, ceil(len(columns) / 8))``, where ``shape`` is ``(*pub, shots)``.

    ``columns`` has for each bit, least significant first, the packed array it comes from and its index there.
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


def _fill_from_text(rows: NDArray[np.uint8], text: SampleText, num_bits: int, path: str) -> None:
    done = 0
    for block in text.blocks():
        packed = _pack_text(block, rows.shape[1])
        if packed is None or not _fits(packed, num_bits):
            try:
                samples = json.loads(b"[" + block + b"]")
            except ValueError as cause:
                raise UnusualTextError from cause
            packed = np.empty((len(samples), rows.shape[1]), dtype=np.uint8)
            _fill(packed, samples, num_bits, (path, done, text.shape))
        if done + len(packed) > len(rows):
            raise UnusualTextError
        rows[done : done + len(packed)] = packed
        done += len(packed)
    if done < len(rows):
        raise UnusualTextError


def _pack_text(block: bytes, width: int) -> NDArray[np.uint8] | None:
    """Return the packed rows of ``"0x3", "0x2"...``, or None when the text is written in another way.

    Samples of equal length are copied together, right-aligned, into a table of digits.
    """
    text = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    starts, ends = quotes[::2], quotes[1::2]
    if len(quotes) % 2 or not len(quotes) or not _are_separated(text, starts, ends):
        return None
    lengths = ends - starts - 3
    if lengths.min() < 1 or lengths.max() > 2 * width:
        return None
    if (text[starts + 1] != ord("0")).any() or (text[starts + 2] != ord("x")).any():
        return None
    digits = np.full((len(starts), 2 * width), ord("0"), dtype=np.uint8)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        windows = np.lib.stride_tricks.sliding_window_view(text, length)
        digits[chosen, 2 * width - length :] = windows[starts[chosen] + 3]
    try:
        return np.frombuffer(binascii.unhexlify(digits.tobytes()), dtype=np.uint8).reshape(len(starts), width)
    except ValueError:
        return None


def _are_separated(text: NDArray[np.uint8], starts: NDArray[Any], ends: NDArray[Any]) -> bool:
    """Return whether nothing but commas, each with at most one blank behind it, stands between the strings."""
    gaps = starts[1:] - ends[:-1]
    blanks = len(gaps) and int(gaps[0]) - 2
    return (
        blanks in (0, 1)
        and not text[: starts[0]].tobytes().strip()
        and not text[ends[-1] + 1 :].tobytes().strip()
        and bool((gaps == 2 + blanks).all())
        and bool((text[ends[:-1] + 1] == ord(",")).all())
        and bool((text[ends[:-1] + 1 + blanks] == (ord(" ") if blanks else ord(","))).all())
    )


def _fill(
    rows: NDArray[np.uint8], samples: list[Any], num_bits: int, place: tuple[str, int, tuple[int, ...]]
) -> None:
    if not _fill_fast(rows, samples, num_bits):
        _fill_carefully(rows, samples, num_bits, place)


def _fits(rows: NDArray[np.uint8], num_bits: int) -> bool:
    return not (num_bits % 8 and rows.size and int(rows[..., 0].max()) >> num_bits % 8)


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
    return _fits(rows, num_bits)


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


def _where(path: str, index: int, shape: Sequence[int]) -> str:
    for position in np.unravel_index(index, tuple(shape)):
        path = below(path, int(position))
    return path


def _nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    for axis in range(len(shape) - 1, 0, -1):
        length = shape[axis]
        flat = [flat[at * length : (at + 1) * length] for at in range(math.prod(shape[:axis]))]
    return flat
