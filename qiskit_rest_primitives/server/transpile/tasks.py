"""Transpilations that clients have ordered: their states, their limits, and their end."""

from __future__ import annotations

import asyncio
import functools
import json
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ..devices.registry import DeviceRegistry
from ..http.errors import reused_key, too_many
from ..job_errors import TaskFailed
from ..jobs.completion import call_on
from ..primitives.jobs import JobOutput
from ..settings import Settings
from ..workers.pool import Simulators
from ..workers.tasks import TRANSPILE

NO_AI = "This server has no AI passes: the circuits were transpiled with Qiskit's heuristic passes at optimization level 3."
AI_LEFT_OUT = "This server has no AI passes; Qiskit's heuristic passes were used."
NO_PREFERENCES = "The optimization_preferences, which only AI passes know, had no effect."


@dataclass
class Transpilation:
    """One transpilation.

    Attributes:
        note: What the client must be told besides the result.
        ended: When it ended, on the event loop's clock.
        result: JSON text of the result, once it succeeded.
        reason: Why it failed, once it did.
        owner: The instance that ordered it; nobody else sees it, or uses up its ``Idempotency-Key``.
        order: What tells the orders apart that come with the same key: their digests, and the names of their devices.
    """

    id: str
    note: str | None
    owner: str = field(default="", repr=False)
    ended: float | None = None
    result: bytes | None = None
    reason: str | None = None
    order: tuple[bytes, str] = (b"", "")
    key: str | None = None
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
    """The tasks of one server, in memory; used on the event loop's thread."""

    def __init__(self, settings: Settings, devices: DeviceRegistry) -> None:
        self._settings = settings
        self._devices = devices
        self._workers: Simulators | None = None
        self._tasks: dict[str, Transpilation] = {}
        self._waiting: dict[str, deque[tuple[Transpilation, bytes, str]]] = {}
        self._running: tuple[Transpilation, Future[JobOutput]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def start(
        self,
        order: bytes,
        device: str,
        *,
        digest: bytes = b"",
        note: str | None = None,
        owner: str = "",
        key: str | None = None,
    ) -> Transpilation:
        """Begin a task, or find the one that was ordered with the same ``Idempotency-Key``; see ``Transpilation``.

        Args:
            order: JSON of what ``workers.transpilation.execute`` takes.
            device: The name of a device.
            digest: Of the order; where there is a key.
            note: What the client must be told besides the result.
            owner: The instance.
            key: The key.

        Raises:
            HttpError: 429 if too many, or too large ones, are waiting; 409 if the key came with another order.
        """
        self._forget()
        for known in self._tasks.values() if key else ():
            if (known.owner, known.key) == (owner, key):
                if known.order != (digest, device):
                    raise reused_key("order")
                return known
        limits = self._settings.limits
        waiting = sum(len(text) for queue in self._waiting.values() for _, text, _ in queue)
        if (
            sum(task.ended is None for task in self._tasks.values()) >= limits.transpilations
            or waiting + len(order) > limits.transpile_bytes
        ):
            raise too_many("Too many circuits are being transpiled.", retry_after=5)
        task = Transpilation(str(uuid.uuid4()), note, owner, order=(digest, device), key=key)
        self._tasks[task.id] = task
        self._waiting.setdefault(owner, deque()).append((task, order, device))
        self._hand_over()
        return task

    def _hand_over(self) -> None:
        """Give the worker its next order, of each instance in turn."""
        if self._running or self._ended or not self._waiting:
            return
        owner = next(iter(self._waiting))
        queue = self._waiting.pop(owner)
        task, order, device = queue.popleft()
        if queue:
            self._waiting[owner] = queue  # behind the others
        loop = asyncio.get_running_loop()
        if self._workers is None:
            self._workers = Simulators(self._devices, workers=1, memory=self._settings.job_bytes)
        future = self._workers.submit(
            TRANSPILE, order, device, begun=functools.partial(call_on, loop, self._begin, task)
        )
        self._running = task, future
        future.add_done_callback(functools.partial(call_on, loop, self._end, task))

    def _begin(self, task: Transpilation, *_: object) -> None:
        """Begin a task's time: its process is up."""
        if self._running is not None and self._running[0] is task:
            seconds = self._settings.limits.transpile_seconds
            self._timer = asyncio.get_running_loop().call_later(seconds, self._give_up, *self._running)

    def find(self, task_id: str, owner: str = "") -> Transpilation | None:
        """Return an instance's task that has not expired."""
        self._forget()
        task = self._tasks.get(task_id)
        return task if task is not None and task.owner == owner else None

    def shutdown(self) -> None:
        """End what runs."""
        self._ended = True
        if self._workers is not None:
            self._workers.shutdown(wait=False)

    def _end(self, task: Transpilation, future: Future[JobOutput]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._running = self._timer = None
        if task.ended is None:
            self._take(task, future)
        self._hand_over()

    def _take(self, task: Transpilation, future: Future[JobOutput]) -> None:
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

    def _give_up(self, task: Transpilation, future: Future[JobOutput]) -> None:
        task.reason = f"Transpiling took longer than {self._settings.limits.transpile_seconds} s."
        self._settle(task)
        if self._workers is not None:
            self._workers.abort(future)

    def _settle(self, task: Transpilation) -> None:
        task.ended = asyncio.get_running_loop().time()
        task.done.set()

    def _forget(self) -> None:
        """Drop what ended too long ago, and the eldest results where they are too many bytes together."""
        eldest = asyncio.get_running_loop().time() - self._settings.limits.transpile_keep_seconds
        for task_id in [
            key for key, task in self._tasks.items() if task.ended is not None and task.ended < eldest
        ]:
            del self._tasks[task_id]
        done = [task for task in self._tasks.values() if task.result is not None]
        size = sum(len(task.result or b"") for task in done)
        for task in sorted(done, key=lambda task: task.ended or 0.0):
            if size <= self._settings.limits.transpile_bytes:
                break
            size -= len(task.result or b"")
            del self._tasks[task.id]


def note_of(order: Mapping[str, Any]) -> str | None:
    """Return what was asked for and not done."""
    notes = [
        {"true": NO_AI, "auto": AI_LEFT_OUT}.get(order["ai"]),
        NO_PREFERENCES if order["preferences"] else None,
    ]
    return " ".join(filter(None, notes)) or None
