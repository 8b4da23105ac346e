"""Who is told of what becomes of jobs and sessions: nobody polls."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
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


KEPT = 2_000
"""Who is further behind than that many changes looks at everything anew."""


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        instance: CRN of whose job or session it is.
        kind: ``job`` or ``session``.
        status: What it has become: a state, or ``Deleted``.
    """

    instance: str = field(repr=False)
    kind: str
    id: str
    status: str


class Changes:
    """The latest changes; used on the event loop's thread.

    Nobody's slowness costs anybody else: a listener has a number, and no queue.
    """

    def __init__(self) -> None:
        self._latest: deque[Change] = deque(maxlen=KEPT)
        self._watchers = Watchers()
        self.run = secrets.token_hex(4)
        """Tells the numbers of this server from those of another one on the same database."""
        self.last = 0
        """The number of the latest, counted from 1 by each server."""
        self.ended = False

    def note(self, instance: str, kind: str, identifier: str, status: str) -> None:
        """Note a change, and wake who listens to the instance."""
        self.last += 1
        self._latest.append(Change(instance, kind, identifier, status))
        self._watchers.tell(instance)

    def since(self, number: int, instance: str) -> list[Change] | None:
        """Return an instance's changes after a number, or None if some of them are forgotten."""
        if number > self.last or self.last - number > len(self._latest):
            return None
        skipped = len(self._latest) - (self.last - number)
        return [
            change
            for index, change in enumerate(self._latest)
            if index >= skipped and change.instance == instance
        ]

    async def wait(self, instance: str, seconds: float) -> None:
        """Return at an instance's next change, at the end of the server, or after ``seconds``."""
        if not self.ended:
            await self._watchers.watch(instance, seconds)

    def end(self) -> None:
        """Let go of everybody, for good."""
        self.ended = True
        self._watchers.tell_all()
