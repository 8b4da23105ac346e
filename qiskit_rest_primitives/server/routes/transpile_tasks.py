"""Transpilations that clients have ordered: their states, their limits, and their end.

What lives here: tasks, in memory, done by a worker process of their own. What does not: requests (``transpiling``) and
transpiling (``workers/transpilation``).
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ..devices.roster import Roster
from ..failures import TaskFailed
from ..http.envelope import reused_key, too_many
from ..jobs.watchers import call_on
from ..primitives.engine import Outcome
from ..settings import Settings
from ..workers.pool import Simulators
from ..workers.tasks import TRANSPILE

__all__ = ["Task", "Transpilations"]

NO_AI = "This server has no AI passes: the circuits were transpiled with Qiskit's heuristic passes at optimization level 3."
AI_LEFT_OUT = "This server has no AI passes; Qiskit's heuristic passes were used."
NO_WISHES = "The optimization_preferences, which only AI passes know, had no effect."


@dataclass
class Task:
    """One transpilation.

    Attributes:
        id: Identifier.
        note: What the client must be told besides the result.
        ended: When it ended, on the event loop's clock.
        result: JSON text of the result, once it succeeded.
        reason: Why it failed, once it did.
        key: The ``Idempotency-Key`` it was ordered with, and the digest of the order.
    """

    id: str
    note: str | None
    ended: float | None = None
    result: bytes | None = None
    reason: str | None = None
    key: tuple[str, bytes] | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def dump(self) -> bytes:
        """Write it as ``GET /transpile/{id}`` answers it."""
        state = "PENDING" if self.ended is None else "FAILURE" if self.result is None else "SUCCESS"
        document: dict[str, Any] = {"task_id": self.id, "state": state}
        if self.note is not None:
            document["message"] = self.note
        if state == "FAILURE":
            document["error"] = self.reason
        result = self.result or json.dumps(self.reason).encode()
        return json.dumps(document).encode()[:-1] + b', "result": ' + result + b"}"


class Transpilations:
    """The tasks of one server, in memory; used on the event loop's thread.

    Args:
        settings: Limits and times.
        devices: What can be transpiled for.
    """

    def __init__(self, settings: Settings, devices: Roster) -> None:
        self._settings = settings
        self._devices = devices
        self._workers: Simulators | None = None
        self._tasks: dict[str, Task] = {}

    def start(self, order: Mapping[str, Any], device: str, *, key: str | None = None) -> Task:
        """Begin a task, or find the one that was ordered with the same ``Idempotency-Key``.

        Raises:
            Refusal: 429 if too many are waiting; 409 if the key came with another order.
        """
        self._forget()
        text = json.dumps(order).encode()
        for known in self._tasks.values() if key else ():
            if known.key is not None and known.key[0] == key:
                if known.key[1] != _digest(text, device):
                    raise reused_key("order")
                return known
        limits = self._settings.limits
        if sum(task.ended is None for task in self._tasks.values()) >= limits.transpilations:
            raise too_many("Too many circuits are being transpiled.", retry_after=5)
        loop = asyncio.get_running_loop()
        if self._workers is None:
            self._workers = Simulators(self._devices, workers=1, memory=self._settings.job_bytes)
        task = Task(str(uuid.uuid4()), _note(order), key=(key, _digest(text, device)) if key else None)
        self._tasks[task.id] = task
        future = self._workers.submit(TRANSPILE, text, device)
        timer = loop.call_later(limits.transpile_seconds, self._give_up, task, future)
        future.add_done_callback(functools.partial(call_on, loop, self._end, task, timer))
        return task

    def find(self, task_id: str) -> Task | None:
        """Return a task that has not expired."""
        self._forget()
        return self._tasks.get(task_id)

    def shutdown(self) -> None:
        """End what runs."""
        if self._workers is not None:
            self._workers.shutdown(wait=False)

    def _end(self, task: Task, timer: asyncio.TimerHandle, future: Future[Outcome]) -> None:
        timer.cancel()
        if task.ended is not None:
            return
        error = None if future.cancelled() else future.exception()
        if isinstance(error, TaskFailed):
            task.reason = error.reason
        elif future.cancelled():
            task.reason = "The server ended."
        elif error is not None:
            task.reason = f"Internal error ({type(error).__name__})."
        else:
            task.result = future.result().body
        self._settle(task)

    def _give_up(self, task: Task, future: Future[Outcome]) -> None:
        task.reason = f"Transpiling took longer than {self._settings.limits.transpile_seconds} s."
        self._settle(task)
        if self._workers is not None:
            self._workers.abort(future)

    def _settle(self, task: Task) -> None:
        task.ended = asyncio.get_running_loop().time()
        task.done.set()

    def _forget(self) -> None:
        """Drop what ended too long ago."""
        eldest = asyncio.get_running_loop().time() - self._settings.limits.transpile_keep_seconds
        for task_id in [
            key for key, task in self._tasks.items() if task.ended is not None and task.ended < eldest
        ]:
            del self._tasks[task_id]


def _digest(order: bytes, device: str) -> bytes:
    return hashlib.sha256(device.encode() + b"\0" + order).digest()


def _note(order: Mapping[str, Any]) -> str | None:
    """Return what was wished for and not done."""
    notes = [
        {"true": NO_AI, "auto": AI_LEFT_OUT}.get(order["ai"]),
        NO_WISHES if order["preferences"] else None,
    ]
    return " ".join(filter(None, notes)) or None
