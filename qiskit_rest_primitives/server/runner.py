"""Running the application under uvicorn, in whatever thread the caller chose, and writing down what it was asked."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import IO

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._time import format_time, now
from .app import create_app
from .devices.registry import DeviceRegistry
from .faults.inject import with_faults
from .http.timeouts import patient_protocol
from .settings import Certificate, Settings
from .state import ServerState
from .web.sign_in import SignIns, link_to

SHUTDOWN_SECONDS = 2
KEEP_ALIVE_SECONDS = 300
LAST_SECONDS = 5.0
"""After a second signal, in which everything has to be closed that can be."""


class HttpServer(uvicorn.Server):
    """uvicorn, serving the application.

    Args:
        settings: What to serve.
        started: Called once when connections are answered.
        log_level: uvicorn's own.
        access_log: Where to write a line of JSON per request.
        certificate: For TLS; without one, connections are not encrypted.
        grace: Seconds for which running jobs may finish after the first signal to end; a second signal ends at once.
    """

    def __init__(
        self,
        settings: Settings,
        started: Callable[[], None],
        *,
        log_level: str = "warning",
        access_log: IO[str] | None = None,
        certificate: Certificate | None = None,
        grace: float = 0.0,
    ) -> None:
        self._app = create_app(settings)
        super().__init__(
            uvicorn.Config(
                with_access_log(with_faults(self._app, settings.faults), access_log),
                http=patient_protocol(settings.limits),
                ws="none",
                lifespan="on",
                log_config=None,
                log_level=log_level,
                access_log=False,
                ssl_certfile=None if certificate is None else certificate.chain,
                ssl_keyfile=None if certificate is None else certificate.key,
                server_header=False,
                date_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._tell_started = started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._grace = grace
        self._farewell: asyncio.Task[None] | None = None
        self._signals = 0

    @property
    def registry(self) -> DeviceRegistry:
        """The devices; others may join from any thread."""
        server: ServerState = self._app.state.server
        return server.scheduler.devices

    def login_link(self, base: str) -> str:
        """Return a link that lets one browser in, once, within an hour; may be called from any thread. ``base`` has no path."""
        sign_ins: SignIns = self._app.state.sign_ins
        return link_to(base, sign_ins.new_code())

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until asked to end: on uvloop where it is installed, which does in C what asyncio does in Python."""
        try:
            import uvloop
        except ImportError:
            asyncio.run(self.serve(sockets=sockets))
        else:
            uvloop.run(self.serve(sockets=sockets))

    def stop(self) -> None:
        """Ask the server to end; may be called from any thread and from a signal handler."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer; raises what keeps those who compute from starting."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        problem: Exception | None = self._app.state.problem
        if problem is not None:
            await super().shutdown(sockets)
            raise problem
        self._tell_started()

    async def main_loop(self) -> None:
        """Sleep until asked to end; uvicorn's own loop wakes up ten times a second."""
        if not await self.on_tick(0):
            await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: first let go of the answers that are held, since they would hold the end."""
        self._app.state.server.scheduler.stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        """End on a signal, once running jobs have had their time to finish; at once on a second one.

        The second one ends the process even if the event loop has no ear for it any more.
        """
        self._signals += 1
        if self._signals > 1:
            last_resort = threading.Timer(LAST_SECONDS, os._exit, (128 + sig,))
            last_resort.daemon = True
            last_resort.start()
        if self._loop is None or self._loop.is_closed() or self._signals > 1:
            self.stop()
        else:
            self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._farewell = self._farewell or asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        server: ServerState = self._app.state.server
        try:
            await server.scheduler.drain(self._grace)
        finally:
            self.stop()


def with_access_log(app: ASGIApp, stream: IO[str] | None) -> ASGIApp:
    """Return the application with an access log around it; the application itself without a stream."""
    return app if stream is None else _Logged(app, stream)


class _Logged:
    def __init__(self, app: ASGIApp, stream: IO[str]) -> None:
        self._app = app
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = {
            "time": format_time(now()),
            "client": (scope.get("client") or ("",))[0],
            "method": scope["method"],
            "path": scope["path"],
            "status": None,
            "bytes": 0,
        }
        scope["way_out"] = send  # for faults, which need uvicorn's own
        began = time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            else:
                entry["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            entry["milliseconds"] = round(1000 * (time.perf_counter() - began), 3)
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()
