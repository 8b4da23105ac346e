"""What connections may cost: how long and how many keep the server waiting, how much comes besides bodies, how often it writes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..settings import Limits
from .errors import HttpError, bad_request
from .middleware import SURPLUS

_HttpProtocol: Any = HttpToolsProtocol
_LONGEST_HEAD = 65_536
"""Bytes of the head of a request, which the parser itself does not bound, or of that of an answer."""
_PER_BYTE = 9
"""Bytes that may carry one byte of a body, itself among them, in chunks of a single one."""


class _OneWrite:
    """A connection on which the head of an answer waits for what follows in the same turn of the event loop.

    Two writes wake the other side up twice, the first time for nothing.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or hold back what looks like a head until the next call."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and len(data) < _LONGEST_HEAD:
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Write what was held back, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class TimeoutProtocol(_HttpProtocol):
    """uvicorn's protocol with limits on how slowly requests may come, and over how many connections."""

    limits: Limits
    _timer: asyncio.TimerHandle | None = None
    _phase = ""
    _received = _delivered = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request; see ``asyncio.Protocol``."""
        super().connection_made(_OneWrite(transport, asyncio.get_running_loop()))
        most = self.limits.connections
        if most is not None and len(self.connections) > most:
            self.app_state: dict[str, Any] = {**self.app_state, SURPLUS: True}
        self._enter("headers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._enter("")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and see what is waited for then."""
        self._received += len(data)
        super().data_received(data)
        if self._received - _PER_BYTE * self._delivered > _LONGEST_HEAD:
            self._close(bad_request(f"The request's head has more than {_LONGEST_HEAD} bytes."))
        if self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body):
            self._enter("headers")
        else:
            self._enter("body" if self.cycle.more_body else "")

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._delivered += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew for the next request."""
        self._received = self._delivered = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._close(bad_request(msg))

    def _enter(self, phase: str) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if phase:
            self._timer = asyncio.get_running_loop().call_later(self._patience(), self._give_up)

    def _patience(self) -> float:
        return self.limits.header_seconds if self._phase == "headers" else self.limits.body_seconds

    def _give_up(self) -> None:
        self._timer = None
        late = f"The request's {self._phase} did not come within {self._patience():g} s."
        self._close(HttpError(408, "request_timeout", late))

    def _close(self, refusal: HttpError) -> None:
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_raw(refusal))
        self.transport.close()


def patient_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return the protocol class for a server: a request that is not complete in time is answered 408.

    ``header_seconds`` counts from the connection, or from the first byte of a further request; ``body_seconds`` from the
    end of the headers. What comes over more than ``connections`` is marked.
    """
    return type("TimeoutProtocol", (TimeoutProtocol,), {"limits": limits})


def _raw(refusal: HttpError) -> bytes:
    """Write an answer as HTTP/1.1, after which the connection is closed."""
    answer = refusal.response()
    head = f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}\r\n".encode()
    lines = [name + b": " + value + b"\r\n" for name, value in answer.raw_headers]
    return b"".join([head, *lines, b"connection: close\r\n\r\n", bytes(answer.body)])
