"""Those who wait for something of a job: they are told, nobody polls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any


class Watchers:
    """Who waits for what; nobody else needs to know what that is."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[bytes | None]]] = {}

    async def watch(self, job_id: str, seconds: float) -> bytes | None:
        """Return what those who wait for the job are told, or None after ``seconds``."""
        loop = asyncio.get_running_loop()
        watcher: asyncio.Future[bytes | None] = loop.create_future()
        self._waiting.setdefault(job_id, []).append(watcher)
        timer = loop.call_later(seconds, _resolve, watcher)
        try:
            return await watcher
        finally:
            timer.cancel()
            others = self._waiting.get(job_id, [])
            if watcher in others:
                others.remove(watcher)
            if not others:
                self._waiting.pop(job_id, None)

    def tell(self, job_id: str, result: bytes | None = None) -> None:
        """Let go of everybody who waits for a job, and give them its result, if it has one: nobody reads it back."""
        for watcher in self._waiting.pop(job_id, ()):
            _resolve(watcher, result)

    def tell_all(self) -> None:
        """Let go of everybody."""
        for job_id in list(self._waiting):
            self.tell(job_id)


def call_on(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *arguments: Any) -> None:
    """Call on a loop's thread; a loop that has ended, with its server, does not want to know."""
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    with contextlib.suppress(RuntimeError):
        (loop.call_soon if here else loop.call_soon_threadsafe)(call, *arguments)


def _resolve(watcher: asyncio.Future[bytes | None], result: bytes | None = None) -> None:
    if not watcher.done():
        watcher.set_result(result)
