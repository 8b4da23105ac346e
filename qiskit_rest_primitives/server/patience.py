"""How long a connection may keep the server waiting, so that idle ones cannot fill it up.

What lives here: uvicorn's protocol with two time limits that it lacks, for the head and for the body of a request. What
does not: keeping answered connections alive, which uvicorn limits itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from .settings import Limits

_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def patient_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return the protocol class for a server: a request that is not complete in time is answered 408.

    Args:
        limits: ``header_seconds`` counts from the connection, or from the first byte of a further request;
            ``body_seconds`` from the end of the headers.
    """
    base: Any = AutoHTTPProtocol

    class PatientProtocol(base):
        """uvicorn's protocol with limits on how slowly a request may come."""

        _timer: asyncio.TimerHandle | None = None
        _phase = ""

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._enter("head")

        def connection_lost(self, exc: Exception | None) -> None:
            self._enter("")
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body):
                self._enter("head")
            else:
                self._enter("body" if self.cycle.more_body else "")

        def _enter(self, phase: str) -> None:
            if phase == self._phase:
                return
            self._phase = phase
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if phase:
                seconds = limits.header_seconds if phase == "head" else limits.body_seconds
                self._timer = asyncio.get_running_loop().call_later(seconds, self._give_up)

        def _give_up(self) -> None:
            self._timer = None
            if self.transport.is_closing():
                return
            if self._phase == "head" or not self.cycle.response_started:
                self.transport.write(_TIMEOUT)
            self.transport.close()

    return PatientProtocol
