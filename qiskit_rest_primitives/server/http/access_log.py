"""One line of JSON per request, for machines that read logs."""

from __future__ import annotations

import json
import time
from typing import IO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..._time import format_time, now


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
