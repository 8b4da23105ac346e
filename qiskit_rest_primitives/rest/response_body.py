"""Reading one answer from its connection, within bounds."""

from __future__ import annotations

import zlib
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any

from .exchange import ExchangeError

MAX_BODY = 1 << 30
"""Bytes of the largest body that is taken, unpacked: a small packed one can be a thousand times as large."""

_PIECE = 1 << 16


class Answer(HTTPResponse):
    """The final answer: the standard library takes any interim one but 100 for it (RFC 9110, 15.2)."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200:
                return version, status, reason
            if status == 101:
                raise HTTPException("another protocol")
            parse_headers(self.fp)

    def begin(self) -> None:
        """Read the head; refuse two lengths here, because urllib3 refuses them when nobody closes the socket."""
        super().begin()
        lengths = ",".join(self.headers.get_all("content-length", ())).split(",")
        if len({length.strip() for length in lengths}) > 1:
            raise HTTPException("two lengths")


def read_body(answer: Any, coding: str) -> bytes:
    """Read and unpack a body.

    Args:
        answer: urllib3's; closed unless it was read to its end.
        coding: Its ``Content-Encoding``.

    Raises:
        ExchangeError: It is too large.
        zlib.error: It cannot be unpacked, or ends early, which urllib3 would not notice.
    """
    try:
        return b"".join(_pieces(answer, coding.strip().lower()))
    except BaseException:
        answer.close()
        answer.release_conn()
        raise


def _pieces(answer: Any, coding: str) -> list[bytes]:
    unpack, plain, room = _unpacker(coding), [], MAX_BODY
    begun = False
    while piece := answer.read(_PIECE, decode_content=False):
        begun = True
        if unpack is not None:
            piece = unpack.decompress(piece, room + 1)
            if unpack.unused_data:
                raise zlib.error("something follows the compressed body")
        room -= len(piece)
        if room < 0:
            raise ExchangeError(f"the answer is larger than {MAX_BODY} bytes", kind="large", sent=True)
        plain.append(piece)
    if begun and unpack is not None and not unpack.eof:
        raise zlib.error("the compressed body ends early")
    return plain


def _unpacker(coding: str) -> Any:
    if coding in {"", "identity"}:
        return None
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise zlib.error(f"unknown content coding {coding!r}")
    return zlib.decompressobj(wbits=47)
