"""The worker processes of one machine: which one does a task, and that the next task finds one, too."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

from ..._locks import fork_safe_lock
from .process import WorkerDied, WorkerProcess, WorkerSilent
from .subprocesses import WATCHDOG, PendingCall
from .tasks import DaemonThreads

if TYPE_CHECKING:
    from ..devices.device import Device
    from ..primitives.jobs import JobOutput

SPARE_SECONDS = 0.5
"""A task that takes longer may have to be stopped, and its process with it: then the next task finds a spare one."""
_KILLED_KEPT = 10_000


class Processes:
    """Processes that do tasks on named devices, found by the keys of their tasks; used from any thread."""

    def __init__(self, devices: Mapping[str, Device]) -> None:
        self.lock = fork_safe_lock()
        self._devices = devices
        self._idle: list[WorkerProcess] = []
        self._busy: dict[Hashable, WorkerProcess] = {}
        self._killed: OrderedDict[Hashable, None] = OrderedDict()
        self._stopped = False
        # The kernel ends a process with the thread that started it, so this one lives as long as they do.
        self._starter = DaemonThreads(1)

    @property
    def busy(self) -> bool:
        """Whether there are tasks."""
        return bool(self._busy)

    def run(
        self,
        key: Hashable,
        work: Callable[[WorkerProcess, Callable[[], None]], JobOutput],
        *,
        memory: int | None,
        begun: Callable[[], None],
    ) -> JobOutput:
        """Do a task in a process, which ``kill`` finds by the key and ``work`` is given with what to call when it begins.

        A process that does not answer, because it is stopped or has died while it was idle, is replaced.

        Raises:
            WorkerDied: If the process ended instead of answering.
            Exception: What else the task raised.
        """
        while True:
            worker, new = self._take(key, memory)
            watches: list[PendingCall] = []

            def begins(watches: list[PendingCall] = watches) -> None:
                watches.append(WATCHDOG.call_later(SPARE_SECONDS, lambda: self.keep_spare(memory)))
                begun()

            try:
                return work(worker, begins)
            except WorkerSilent:
                if new:
                    raise
            finally:
                for watch in watches:
                    watch.cancel()
                self._give_back(key, worker)

    def kill(self, key: Hashable) -> None:
        """End a task at once if it runs, and let it not begin."""
        with self.lock:
            self._killed[key] = None
            if len(self._killed) > _KILLED_KEPT:
                self._killed.popitem(last=False)
            worker = self._busy.get(key)
        if worker is not None:
            worker.kill()

    def keep_spare(self, memory: int | None) -> None:
        """Start a process if none is idle; returns at once."""
        self._starter.submit(self._add_spare, memory)

    def close(self) -> bool:
        """End all processes; returns whether there were tasks."""
        with self.lock:
            self._stopped = True
            busy = list(self._busy.values())
        for worker in busy:
            worker.kill()
        self.close_idle()
        self._starter.shutdown(wait=False, cancel_futures=True)
        return bool(busy)

    def close_idle(self) -> None:
        """End the processes that have no task."""
        with self.lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _take(self, key: Hashable, memory: int | None) -> tuple[WorkerProcess, bool]:
        """Return the process that worked last, since it remembers circuits, or a new one; and whether it is new."""
        with self.lock:
            if self._stopped or key in self._killed:
                raise WorkerDied("The task was given up.")
        worker = self._idle_one(memory)
        new = worker is None
        if worker is None:
            worker = WorkerProcess(self._devices, memory=memory)
        with self.lock:
            self._busy[key] = worker
            if self._stopped or key in self._killed:  # in between, so nobody else will end the process
                worker.kill()
        return worker, new

    def _idle_one(self, memory: int | None) -> WorkerProcess | None:
        while True:
            with self.lock:
                if not self._idle:
                    return None
                worker = self._idle.pop()
            if worker.alive and memory in (None, worker.memory):
                return worker
            worker.close()

    def _give_back(self, key: Hashable, worker: WorkerProcess) -> None:
        with self.lock:
            del self._busy[key]
            keep = not self._stopped and worker.alive and key not in self._killed
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.close()

    def _add_spare(self, memory: int | None) -> None:
        with self.lock:
            if self._stopped or any(worker.alive for worker in self._idle):
                return
        worker = WorkerProcess(self._devices, memory=memory)
        with self.lock:
            if not self._stopped:
                self._idle.insert(0, worker)
                return
        worker.close()
