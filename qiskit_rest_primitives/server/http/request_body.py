"""Reading request bodies: bounded, decompressed, and without encoding anything twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from starlette.requests import Request

from ..settings import Limits
from ..spool import LARGE_BYTES, Spool
from ..text import UnstorableTextError, check_texts
from .errors import TYPED_ARRAYS, bad_request, cannot_store, too_large, too_many

logger = logging.getLogger(__name__)

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""Matches wherever a string begins, even if it never ends: a search that fails at every quote takes quadratic time."""
_MEMBERS = 4_000_000
SMALL_BYTES = 262_144
"""Largest body of requests about one thing with a name; reading it takes the event loop no time."""
LOGIN_BYTES = 65_536
"""Largest body of those who have not shown any credentials yet."""


@dataclass(frozen=True)
class JsonObject:
    """A JSON object as it was sent.

    Attributes:
        values: The members, decoded.
        text: Of each member its JSON text, untouched.
    """

    values: dict[str, Any]
    text: dict[str, str]


class Intake:
    """Counts the bytes of the bodies that are being received, so that many of them together stay bounded.

    Args:
        limit: Bytes of all bodies at a time.
        database: The file beside which large ones wait; None where they wait in memory.
    """

    def __init__(self, limit: int, database: str | None = None) -> None:
        self.database = database if os.name == "posix" else None
        self._limit = limit
        self._held = 0

    def take(self, size: int) -> None:
        """Count bytes that have come; 429 if all bodies together are too large now."""
        if self._held + size > self._limit:
            raise too_many("Too much is being uploaded at the same time.", retry_after=1)
        self._held += size

    def leave(self, size: int) -> None:
        """Forget the bytes of a body that is not being received any more."""
        self._held -= size


@dataclass(frozen=True)
class Body:
    """A body as it came, which is not unpacked before somebody has time for that.

    Attributes:
        raw: The bytes, in a file where they are many.
        packed: Whether they are gzip data.
        limit: Bytes that they may be unpacked.
    """

    raw: bytes | Spool = field(repr=False)
    packed: bool
    limit: int

    def is_small(self, size: int) -> bool:
        """Whether it has at most ``size`` bytes, unpacked; takes no longer than unpacking so many."""
        if isinstance(self.raw, Spool):
            return False
        if not self.packed:
            return len(self.raw) <= size
        with contextlib.suppress(zlib.error):
            return (
                len(self.raw) <= size
                and len(zlib.decompressobj(wbits=31).decompress(self.raw, size + 1)) <= size
            )
        return True

    def unpacked(self) -> bytes:
        """Return the bytes that are meant; 400 if they are no gzip data, 413 if they are too large."""
        raw = self.raw.read() if isinstance(self.raw, Spool) else self.raw
        return _decompress(raw, self.limit) if self.packed else raw


class Bulky(ABC):
    """What was read from a body, and may be as large as that."""

    @abstractmethod
    def set_aside(self, spool: Spool) -> Bulky:
        """Return the same with what is large of it in a file, which held the body."""


async def receive_body(request: Request, limits: Limits, *, most: int | None = None) -> Body:
    """Receive the whole body, of ``most`` bytes before and after decompression where it can only be smaller.

    Raises:
        HttpError: 413 if it is too large, 429 if too many are coming at the same time.
    """
    largest = min(limits.body_bytes, most or limits.body_bytes)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > largest:
        raise too_large(f"The request body is larger than {largest} bytes.")
    body = await _receive(request, largest)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise bad_request(
            f"Content-Encoding {encoding[:40]!r} is not supported.", solution="Send gzip or identity."
        )
    return Body(body, encoding == "gzip", min(limits.decompressed_bytes, most or limits.decompressed_bytes))


async def read_body(request: Request, limits: Limits, *, most: int = SMALL_BYTES) -> bytes:
    """Read a body that is small: of ``most`` bytes, before and after decompression; as ``receive_body``."""
    return (await receive_body(request, limits, most=most)).unpacked()


async def _receive(request: Request, largest: int) -> bytes | Spool:
    intake: Intake = request.app.state.intake
    chunks: list[bytes] = []
    size, spool = 0, None
    try:
        async for chunk in request.stream():
            if size + len(chunk) > largest:
                raise too_large(f"The request body is larger than {largest} bytes.")
            intake.take(len(chunk))
            size += len(chunk)
            chunks.append(chunk)
            if spool is None and size > LARGE_BYTES and intake.database is not None:
                spool = Spool.beside(intake.database)
                await asyncio.to_thread(spool.add, chunks)
                chunks.clear()
            elif spool is not None:
                spool.add(chunks)
                chunks.clear()
        if spool is not None:
            return spool
        return b"".join(chunks) if size <= SMALL_BYTES else await asyncio.to_thread(b"".join, chunks)
    except OSError as error:
        logger.error("a large body cannot be kept: %s", error)
        raise cannot_store() from error
    finally:
        intake.leave(size)


def _decompress(body: bytes, limit: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, limit)
    except zlib.error as error:
        raise bad_request("The request body is not valid gzip data.") from error
    if reader.unconsumed_tail:
        raise too_large(f"The decompressed request body is larger than {limit} bytes.")
    if not reader.eof:
        raise bad_request("The gzip data of the request body ends too early.")
    if reader.unused_data:
        raise bad_request("The request body goes on after the end of its gzip data.")
    return plain


def load_object(body: bytes) -> JsonObject:
    """Read a JSON object in UTF-8, keeping the text of each member; 400 if it is none."""
    try:
        text = body.decode("utf-8-sig")
        _check_members(text)
        found = _split(text)
        check_texts(text, found.values)
        return found
    except UnstorableTextError as error:
        raise bad_request(f"The request body cannot be kept: {error}.") from error
    except UnicodeDecodeError as error:
        raise bad_request("The request body is not UTF-8 text.") from error
    except RecursionError as error:
        raise bad_request("The request body is nested too deeply.") from error
    except (ValueError, StopIteration, IndexError) as error:
        raise bad_request("The request body is not a JSON object.") from error


def _check_members(text: str) -> None:
    """Refuse what is small as text and huge as values: three bytes of JSON can be an object of 64 bytes."""
    if len(text) > _MEMBERS:
        shape = _STRING.sub("", text)
        if shape.count("[") + shape.count("{") > _MEMBERS:
            raise too_large(
                f"The request body holds more than {_MEMBERS} lists and objects.", solution=TYPED_ARRAYS
            )


def _split(text: str) -> JsonObject:
    values: dict[str, Any] = {}
    parts: dict[str, str] = {}
    at = _expect(text, 0, "{")
    if text[_skip(text, at)] == "}":
        at = _skip(text, at)
    while text[at] != "}":
        key, at = scanstring(text, _expect(text, at, '"'))
        start = _skip(text, _expect(text, at, ":"))
        values[key], at = _DECODER.raw_decode(text, start)
        parts[key] = text[start:at]
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
            if text[at] == "}":
                raise ValueError("trailing comma")
        elif text[at] != "}":
            raise ValueError("missing comma")
    if _skip(text, at + 1) != len(text):
        raise ValueError("text after the object")
    return JsonObject(values, parts)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at] != mark:
        raise ValueError(f"expected {mark}")
    return at + 1
