"""The one reading of a private job's result (rest-api.md 4.16 and 9.9).

A result is dropped from the store when its whole body was handed to a connection that still stood. Where it is lost
even so, a reader that named itself with an ``Idempotency-Key`` is given the same answer again for a while; nobody
else is. That copy is in memory only, and small.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..http.errors import terse_not_found
from ..http.responses import InPieces, compressed
from ..jobs.store import Store

AGAIN_SECONDS = 600.0
MOST_BYTES = 64_000_000


class PrivateResults:
    """Gives out the results of private jobs.

    Args:
        store: Where they are until they are read.
        clock: Seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._read: OrderedDict[str, tuple[str, float, bytes]] = OrderedDict()

    async def answer(self, request: Request, job_id: str, headers: dict[str, str] | None) -> Response:
        """Return the answer; one reader at a time, since the others wait to see whether it got through.

        Raises:
            ApiError: 404, the result was read.
        """
        reader = request.headers.get("idempotency-key")
        turn = self._turns.setdefault(job_id, asyncio.Lock())
        await turn.acquire()
        try:
            body = await self._body(job_id, reader)
            if body is None:
                raise terse_not_found("result not found")
            written = await compressed(request, body, "application/json", headers=headers)
        except BaseException:
            turn.release()
            raise

        def done() -> None:
            self._store.bodies.drop("results", job_id)
            if reader and len(body) <= MOST_BYTES:
                self._read[job_id] = (reader, self._clock() + AGAIN_SECONDS, body)
                self._forget()

        return _Reading(written, done, turn)

    async def _body(self, job_id: str, reader: str | None) -> bytes | None:
        self._forget()
        known, _, body = self._read.get(job_id, (None, 0.0, b""))
        if known is not None:
            return body if known == reader else None
        return await self._store.bodies.read("results", job_id)

    def _forget(self) -> None:
        """Drop what is too old, and the oldest where it is too much."""
        while self._read:
            _, until, _ = next(iter(self._read.values()))
            left = until - self._clock()  # more than it was: the machine's clock was set back
            if 0 < left <= AGAIN_SECONDS and sum(len(body) for *_, body in self._read.values()) <= MOST_BYTES:
                return
            self._read.popitem(last=False)


class _Reading(Response):
    """An answer that tells when it has been handed over."""

    def __init__(self, written: InPieces, done: Callable[[], None], turn: asyncio.Lock) -> None:
        super().__init__()
        self._written = written
        self._done = done
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._written.send_all_but_end(send)
            if not await Request(scope, receive).is_disconnected():
                self._done()
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._turn.release()
