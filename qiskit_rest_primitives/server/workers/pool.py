"""Who simulates: a few threads, which do cheap tasks themselves or give tasks to a process of their own."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..devices.device import Device
from ..primitives.jobs import JobOutput
from ..primitives.registry import JobParams
from .dask import ClusterSimulators
from .inline_policy import read_if_cheap
from .processes import Processes
from .tasks import Task, ThreadsFirst, run_reading

if TYPE_CHECKING:
    from ..settings import Execute, Settings


class Simulators(ThreadsFirst):
    """Runs tasks, several at a time.

    Args:
        devices: The devices by name; others may join and leave.
        workers: How many tasks run at the same time.
        processes: Do every task in a process but what takes numpy a moment, and start the first one at once. Otherwise a
            thread does what is cheap (``inline_policy``), and processes are started when there is more to do.
        memory: Bytes that a task may take in a process; None for a share of the machine's.
        execute: Runs a task in a thread, in place of ``primitives.registry.execute`` and of the processes.

    Where Python does not know its own executable there are no processes, and threads do everything; so they do for noise
    that runs code of the user's, which only this process has.
    """

    def __init__(
        self,
        devices: Mapping[str, Device],
        *,
        workers: int,
        processes: bool = True,
        memory: int | None = None,
        execute: Execute | None = None,
    ) -> None:
        super().__init__(devices, workers)
        self._memory = memory
        self._execute = execute
        self.everything_elsewhere = processes
        self._processes = Processes(devices)
        self._numbers = itertools.count()
        self._keys: WeakKeyDictionary[Future[JobOutput], int] = WeakKeyDictionary()
        if processes and execute is None and sys.executable:
            self._processes.keep_spare(memory)

    def _stays(self, task: Task) -> bool:
        return self._execute is not None or not sys.executable or super()._stays(task)

    def _here(self, task: Task) -> JobOutput:
        if self._execute is None:
            return super()._here(task)
        task.begun()
        return self._execute(task.program_id, task.params, self._devices[task.device])

    def momentary(
        self, program_id: str, params: bytes, device: str, *, decoded: JobParams
    ) -> Callable[[], JobOutput] | None:
        """Return what does a task that costs no more than to hand it over; None for others."""
        if self._execute is not None:
            return None
        return super().momentary(program_id, params, device, decoded=decoded)

    def _elsewhere(self, future: Future[JobOutput], task: Task) -> JobOutput:
        if not self.everything_elsewhere:
            device = self._devices[task.device]
            reading = read_if_cheap(
                task.program_id, task.params, device, decoded=task.decoded, seed=task.seed
            )
            if reading is not None:
                task.begun()
                return run_reading(reading)
        task.decoded = None  # the process reads its own, and may take hours
        with self._processes.lock:
            key = self._keys.setdefault(future, next(self._numbers))
        return self._processes.run(
            key,
            lambda worker, begins: worker.execute(
                task.program_id, task.params, task.device, seed=task.seed, begun=begins
            ),
            memory=self._memory,
            begun=task.begun,
        )

    def abort(self, future: Future[JobOutput]) -> None:
        """Give up a task: its process is killed; a cheap one in a thread is over soon."""
        if future.cancel():
            return
        with self._processes.lock:
            key = self._keys.setdefault(future, next(self._numbers))
        self._processes.kill(key)

    def shutdown(self, *, wait: bool) -> None:
        """Stop; what runs in a process is killed, what runs in a thread is left behind.

        ``wait`` for the threads only for a moment, since one may be deep in a simulation.
        """
        busy = self._processes.close()
        self._threads.shutdown(wait=wait or busy, cancel_futures=True)


def new_simulators(settings: Settings, devices: Mapping[str, Device]) -> ThreadsFirst:
    """Return who simulates, by the settings."""
    if settings.dask is not None and settings.execute is None:
        return ClusterSimulators(
            devices,
            workers=settings.workers,
            place=settings.dask,
            memory=settings.job_bytes,
            plain=settings.dask_plain,
        )
    return Simulators(
        devices,
        workers=settings.workers,
        processes=settings.processes,
        memory=settings.job_bytes,
        execute=settings.execute,
    )
