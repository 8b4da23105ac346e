"""Changes of jobs and sessions as server-sent events, for pages that are open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ..http.errors import HttpError
from ..jobs.completion import Change, Changes
from ..state import state_of
from .sign_in import ticket_of

MOST_LISTENERS = 32
BREATH_SECONDS = 0.1
"""What happens within is told together, so that a thousand short jobs are a few events."""
SILENCE_SECONDS = 15.0
"""After which a comment is sent, to find out who is gone; and whether the browser is still signed in."""


class Listeners:
    """How many listen, those that are about to included."""

    def __init__(self) -> None:
        self.count = 0


class _Listening(StreamingResponse):
    """An answer that counts from the moment at which it is promised, so that no burst of requests passes the check together."""

    def __init__(self, content: AsyncIterator[bytes], listeners: Listeners) -> None:
        super().__init__(content, media_type="text/event-stream")
        self._listeners = listeners
        listeners.count += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._listeners.count -= 1


async def events(request: Request) -> Response:
    """``GET /web/events``: an event for what became of jobs and sessions; ``reset`` for who missed something.

    Numbers of events go on after ``Last-Event-ID``. Whoever reads slowly holds up nobody: what it is told next is what has
    become of the jobs by then.
    """
    listeners: Listeners = request.app.state.listeners
    server = state_of(request)
    changes, instance = server.store.changes, server.instance(request).crn
    if listeners.count >= MOST_LISTENERS or changes.ended:
        message = "Too many pages listen." if not changes.ended else "The server is shutting down."
        raise HttpError(503, 9999, message, headers={"Retry-After": "10"})
    if request.method == "HEAD":
        raise HttpError(405, "method_not_allowed", "HEAD is not allowed here.", headers={"Allow": "GET"})
    begin = _number(request.headers.get("last-event-id", ""), changes)

    return _Listening(_stream(request, changes, instance, begin), listeners)


def _number(last: str, changes: Changes) -> int | None:
    """Return the number to go on after; None for who was told by another server, or by none."""
    run, _, number = last.partition("-")
    if run != changes.run or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return int(number)


async def _stream(
    request: Request, changes: Changes, instance: str, begin: int | None
) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    number = begin
    while not changes.ended and ticket_of(request) is not None:
        found = None if number is None else changes.since(number, instance)
        number = changes.last
        if found is None:
            yield _event("reset", changes, number, [])
        elif found:
            yield _event("changes", changes, number, found)
        else:
            yield b": still here\n\n"
        if changes.last == number:
            await changes.wait(instance, SILENCE_SECONDS)
        await asyncio.sleep(BREATH_SECONDS)


def _event(kind: str, changes: Changes, number: int, found: list[Change]) -> bytes:
    latest = {(change.kind, change.id): change.status for change in found}
    data = [
        {"kind": kind, "id": identifier, "status": status} for (kind, identifier), status in latest.items()
    ]
    return f"id: {changes.run}-{number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
