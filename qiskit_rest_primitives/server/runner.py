"""Running the application under uvicorn, tuned for short answers.

What lives here: uvicorn's configuration, and its HTTP/1.1 protocol with one write per answer. What does not: the
application (``app``) and who starts it (``embedded``, ``__main__``).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from .app import create_app
from .settings import Settings

SHUTDOWN_SECONDS = 2


class Corked:
    """A transport that holds back the head of an answer until its body follows.

    uvicorn writes head and body one after the other; on a loopback connection the second system call and the
    second wake-up of the client cost more than the answer.

    Args:
        transport: Where the bytes go.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: bytes = b""
        self.corked = False

    def write(self, data: bytes) -> None:
        """Write, or hold back while corked."""
        if self.corked:
            self._held += data
        elif self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data:
            self._transport.write(data)

    def flush(self) -> None:
        """Write what was held back."""
        self.corked = False
        if self._held:
            self.write(b"")

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's."""
        return getattr(self._transport, name)


class OneWriteProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """uvicorn's HTTP/1.1 protocol on a corked transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a new connection."""
        super().connection_made(Corked(transport))


class HttpServer(uvicorn.Server):
    """uvicorn, serving the application.

    Args:
        settings: What to serve.
        started: Called once when connections are answered.
        log_level: uvicorn's own.
        access_log: One line per request on uvicorn's access logger.
    """

    def __init__(
        self,
        settings: Settings,
        started: Callable[[], None],
        *,
        log_level: str = "warning",
        access_log: bool = False,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(settings),
                http=AutoHTTPProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                log_level=log_level,
                access_log=access_log,
                server_header=False,
                date_header=False,
                timeout_keep_alive=300,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer."""
        await super().startup(sockets)
        self._tell_started()
