"""What a worker of a Dask cluster does for the server: simulate in a process that can be killed.

What lives here: the processes of one Dask worker, found by the names of their tasks. What does not: sending tasks
(``cluster``). Dask cannot stop a task that runs; killing the process it waits for does.
"""

from __future__ import annotations

import hashlib
import pickle
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from ..._locks import fork_safe_lock
from .worker import WorkerDied, WorkerProcess

if TYPE_CHECKING:
    from ..devices.device import Device
    from ..primitives.engine import Outcome

_DEVICES_KEPT = 32
_KILLED_KEPT = 10_000


class _Pool:
    """The processes of this Dask worker; those that are idle are used again, since they remember circuits."""

    def __init__(self) -> None:
        self.lock = fork_safe_lock()
        self.devices: OrderedDict[str, Device] = OrderedDict()
        self.idle: list[WorkerProcess] = []
        self.busy: dict[str, WorkerProcess] = {}
        self.killed: OrderedDict[str, None] = OrderedDict()

    def device(self, packed: bytes) -> str:
        name = hashlib.sha256(packed).hexdigest()
        with self.lock:
            if name not in self.devices:
                self.devices[name] = pickle.loads(zlib.decompress(packed))  # noqa: S301 (from our own server)
            self.devices.move_to_end(name)
            if len(self.devices) > _DEVICES_KEPT and not self.busy:
                self.devices.popitem(last=False)
        return name

    def take(self, task: str, memory: int | None) -> WorkerProcess:
        with self.lock:
            if task in self.killed:
                raise WorkerDied("The task was given up.")
            while self.idle:
                process = self.idle.pop()
                if process.alive and memory in (None, process.memory):
                    break
                process.close()
            else:
                process = WorkerProcess(self.devices, memory=memory)
            self.busy[task] = process
        return process

    def give_back(self, task: str, process: WorkerProcess) -> None:
        with self.lock:
            self.busy.pop(task, None)
            if process.alive and task not in self.killed:
                self.idle.append(process)
                return
        process.close()


_POOL = _Pool()
"""The processes of this Dask worker."""


def run(
    task: str, program_id: str, params: bytes, device: bytes, seed: int | None, memory: int | None
) -> Outcome:
    """Run one task and wait for it.

    Args:
        task: Its name, for ``kill``.
        program_id: See ``engine.execute``.
        params: See ``engine.execute``.
        device: zlib of the pickled device.
        seed: See ``engine.execute``.
        memory: Bytes that it may take; None for a share of this machine's.

    Raises:
        WorkerDied: If its process ended instead of answering.
        Exception: What the task raised.
    """
    name = _POOL.device(device)
    process = _POOL.take(task, memory)
    try:
        return process.execute(program_id, params, name, seed=seed)
    finally:
        _POOL.give_back(task, process)


def kill(task: str) -> None:
    """End a task at once if it runs on this Dask worker, and let it not begin here."""
    with _POOL.lock:
        _POOL.killed[task] = None
        if len(_POOL.killed) > _KILLED_KEPT:
            _POOL.killed.popitem(last=False)
        process = _POOL.busy.get(task)
    if process is not None:
        process.kill()


def close() -> None:
    """End the idle processes of this Dask worker."""
    with _POOL.lock:
        idle, _POOL.idle = _POOL.idle, []
    for process in idle:
        process.close()
