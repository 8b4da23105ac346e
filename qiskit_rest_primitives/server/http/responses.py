"""Writing answers: JSON, text, nothing, and compression for those who ask for it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_FAST = 1
_SMALL = 262_144
_PIECE_BYTES = 1 << 20


class InPieces(Response):
    """An answer that is handed over in pieces, each when the connection has taken the former.

    Whole, 300 MB would be copied several times while nobody else is served.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's)
        """Send it."""
        await self.send_all_but_end(send)
        await send({"type": "http.response.body", "body": b""})

    async def send_all_but_end(self, send: Send) -> None:
        """Send head and body, and leave it to the caller to end the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        whole = memoryview(self.body)
        for start in range(0, len(whole), _PIECE_BYTES):
            piece = bytes(whole[start : start + _PIECE_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})


def json_answer(value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(value).encode(), status, headers, "application/json")


def text_answer(text: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with plain text."""
    return Response(text, 200, headers, "text/plain")


def nothing(*, headers: Mapping[str, str] | None = None) -> Response:
    """Answer 204."""
    return Response(None, 204, headers)


async def compressed(
    request: Request, body: bytes, media_type: str, *, headers: Mapping[str, str] | None = None
) -> InPieces:
    """Answer with a body that is compressed when it is large and the client accepts gzip."""
    least = request.app.state.settings.compress_bytes
    headers = dict(headers or {})
    if least is not None and len(body) >= least and accepts_gzip(request.headers.get("accept-encoding", "")):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        if len(body) < _SMALL:
            body = gzip.compress(body, _FAST)
        else:
            body = await asyncio.to_thread(gzip.compress, body, _FAST)
    return InPieces(body, 200, headers, media_type)


def accepts_gzip(header: str) -> bool:
    """Whether ``Accept-Encoding`` names gzip, not with weight 0."""
    for item in header.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
