"""Large inputs and results of jobs that begin and end: on their way in pieces, while others are served."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from .bodies import PIECE_BYTES, Bodies

__all__ = ["Transfers"]

logger = logging.getLogger(__name__)


class Transfers:
    """Reads inputs and writes results, and says when it is done; used on the event loop's thread.

    Args:
        bodies: Where they are kept.
    """

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._reading: set[asyncio.Task[None]] = set()
        self._writing: dict[str, tuple[asyncio.Task[None], Callable[[], None]]] = {}

    def read_params(self, job_id: str, then: Callable[[bytes | Exception], None]) -> None:
        """Call ``then`` with a job's inputs, or with why they cannot be read."""
        found: bytes | Exception | None
        try:
            large = self._bodies.is_large("params", job_id)
            found = None if large else self._bodies.read_at_once("params", job_id) or b"{}"
        except sqlite3.Error as error:
            found = error
        if found is None:
            task = asyncio.get_running_loop().create_task(self._read(job_id, then))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        else:
            then(found)

    def write_result(self, job_id: str, body: bytes, then: Callable[[], None]) -> None:
        """Call ``then`` when a job's result has been written but for what takes no time."""
        if len(body) > PIECE_BYTES:
            task = asyncio.get_running_loop().create_task(self._write(job_id, body, then))
            self._writing[job_id] = task, then
        else:
            then()

    def stop(self) -> None:
        """Read no more, and let who has results write what is left of them in one go."""
        for task in self._reading:
            task.cancel()
        for task, then in list(self._writing.values()):
            task.cancel()
            then()

    async def _read(self, job_id: str, then: Callable[[bytes | Exception], None]) -> None:
        found: bytes | Exception
        try:
            found = await self._bodies.read("params", job_id) or b"{}"
        except Exception as error:  # noqa: BLE001 (whatever it is, the job must end)
            found = error
        then(found)

    async def _write(self, job_id: str, body: bytes, then: Callable[[], None]) -> None:
        try:
            await self._bodies.write_ahead("results", job_id, body)
        except sqlite3.Error as error:  # whoever writes the rest has an answer to that
            logger.error("cannot write the result of job %s: %s", job_id, error)
        finally:
            self._writing.pop(job_id, None)
        then()
