"""Those who wait for a job to end: they are told, nobody polls.

What lives here: waiting and telling. What does not: when a job ends (``scheduler``), and the threads of the loop: all of
this runs on the event loop's.
"""

from __future__ import annotations

import asyncio


class Watchers:
    """Who waits for which job."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def watch(self, job_id: str, seconds: float) -> None:
        """Return when somebody is told that the job ended, or after ``seconds``."""
        loop = asyncio.get_running_loop()
        watcher: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(job_id, []).append(watcher)
        timer = loop.call_later(seconds, _resolve, watcher)
        try:
            await watcher
        finally:
            timer.cancel()
            others = self._waiting.get(job_id, [])
            if watcher in others:
                others.remove(watcher)
            if not others:
                self._waiting.pop(job_id, None)

    def tell(self, job_id: str) -> None:
        """Let go of everybody who waits for a job."""
        for watcher in self._waiting.pop(job_id, ()):
            _resolve(watcher)

    def tell_all(self) -> None:
        """Let go of everybody."""
        for job_id in list(self._waiting):
            self.tell(job_id)


def _resolve(watcher: asyncio.Future[None]) -> None:
    if not watcher.done():
        watcher.set_result(None)
