"""Reading request bodies: bounded, decompressed, and without encoding anything twice.

What lives here: from an ASGI request to bytes, and from bytes to a JSON object whose members can be had as
values and as the text they were sent in. What does not: what the members mean.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from starlette.requests import Request

from .envelope import bad_request, too_large
from .settings import Limits

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class JsonObject:
    """A JSON object as it was sent.

    Attributes:
        values: The members, decoded.
        text: Of each member its JSON text, untouched.
    """

    values: dict[str, Any]
    text: dict[str, str]


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read the whole body, refusing with 413 what is too large before or after decompression."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise too_large("The request body", limits.body_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.body_bytes:
            raise too_large("The request body", limits.body_bytes)
        chunks.append(chunk)
    body = b"".join(chunks)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise bad_request(
            f"Content-Encoding {encoding[:40]!r} is not supported.", solution="Send gzip or identity."
        )
    return _decompress(body, limits.decompressed_bytes)


def _decompress(body: bytes, limit: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, limit)
    except zlib.error as error:
        raise bad_request("The request body is not valid gzip data.") from error
    if reader.unconsumed_tail:
        raise too_large("The decompressed request body", limit)
    if not reader.eof:
        raise bad_request("The gzip data of the request body ends too early.")
    return plain


def load_object(body: bytes) -> JsonObject:
    """Read a JSON object, keeping the text of each member.

    Raises:
        Refusal: 400 if it is not a JSON object in UTF-8.
    """
    try:
        text = body.decode("utf-8-sig")
        return _split(text)
    except UnicodeDecodeError as error:
        raise bad_request("The request body is not UTF-8 text.") from error
    except RecursionError as error:
        raise bad_request("The request body is nested too deeply.") from error
    except (ValueError, StopIteration, IndexError) as error:
        raise bad_request("The request body is not a JSON object.") from error


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
