"""What jobs bring and leave, on its way to and from the database: in pieces while others are served, and again if a disk was full."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from ..primitives.registry import JobParams
from .bodies import PIECE_BYTES, Bodies

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""After which what could not be written is tried again."""
KEPT_BYTES = 1 << 26
"""Inputs of queued jobs that stay in memory besides the database, all jobs together."""
_UNPACKED = 24
"""Bytes that a byte of JSON can take as values: an empty object, and its place in a list, per comma and two braces."""


@dataclass(frozen=True)
class Inputs:
    """What a job was submitted with.

    Attributes:
        params: As it was sent.
        decoded: The same as values, for a job of a primitive whose submission was read in this process.
    """

    params: bytes = field(repr=False)
    decoded: JobParams | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Bytes of memory that they take at most."""
        return len(self.params) * (1 if self.decoded is None else 1 + _UNPACKED)


class Transfers:
    """Reads inputs and writes results, and says when it is done; used on the event loop's thread.

    What was submitted just now is not read back, as long as there is room for it in memory.
    """

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._reading: set[asyncio.Task[None]] = set()
        self._writing: dict[str, tuple[asyncio.Task[None], Callable[[], None]]] = {}
        self._kept: dict[str, Inputs] = {}
        self._room = KEPT_BYTES

    def keep(self, job_id: str, inputs: Inputs) -> None:
        """Keep a queued job's inputs in memory: with their values, without, or not at all, as far as there is room."""
        for kept in (inputs, Inputs(inputs.params)):
            if kept.size <= self._room:
                self._kept[job_id] = kept
                self._room -= kept.size
                return

    def forget(self, job_id: str) -> Inputs | None:
        """Keep a job's inputs no longer, and return them if they were kept."""
        kept = self._kept.pop(job_id, None)
        if kept is not None:
            self._room += kept.size
        return kept

    def read_inputs(self, job_id: str, then: Callable[[Inputs | Exception], None]) -> None:
        """Call ``then`` with a job's inputs, or with why they cannot be read."""
        found: Inputs | Exception | None = self.forget(job_id)
        try:
            if found is None and not self._bodies.is_large("params", job_id):
                found = Inputs(self._bodies.read_at_once("params", job_id) or b"{}")
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

    async def _read(self, job_id: str, then: Callable[[Inputs | Exception], None]) -> None:
        found: Inputs | Exception
        try:
            found = Inputs(await self._bodies.read("params", job_id) or b"{}")
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


class WriteRetries:
    """Calls that write, repeated every few seconds until they succeed; on the event loop's thread only."""

    def __init__(self) -> None:
        self._calls: dict[str, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, what: str) -> bool:
        return what in self._calls

    def call(self, what: str, write: Callable[[], None]) -> None:
        """Call something that changes nothing unless it can write; later again if it cannot.

        A later call with the same words for ``what`` is written takes the place of the former.
        """
        try:
            write()
        except sqlite3.OperationalError as error:
            logger.error("cannot write %s: %s; trying again every %g s", what, error, AGAIN_SECONDS)
            self._calls[what] = write
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._again)
        else:
            self._calls.pop(what, None)

    def stop(self) -> None:
        """Try a last time."""
        self._again()
        if self._timer is not None:
            self._timer.cancel()

    def _again(self) -> None:
        self._timer = None
        for what, write in list(self._calls.items()):
            self._call_again(what, write)

    def _call_again(self, what: str, write: Callable[[], None]) -> None:
        try:
            self.call(what, write)
        except Exception:  # the others have their turn all the same
            self._calls.pop(what, None)
            logger.exception("cannot write %s", what)
