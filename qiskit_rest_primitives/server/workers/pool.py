"""Who simulates: a few threads, which do cheap tasks themselves or give tasks to a process of their own."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..devices.device import Device
from ..devices.held import names_held
from ..primitives.jobs import JobOutput
from ..primitives.registry import JobParams
from .inline_policy import read_if_cheap
from .processes import Processes
from .tasks import execute
from .threads import DaemonThreads

if TYPE_CHECKING:
    from ..settings import Execute


def _nobody_asks() -> None:
    """Stand for ``begun`` where nobody wants to know."""


class Simulators:
    """Runs tasks, several at a time.

    Args:
        devices: The devices by name; others may join and leave.
        workers: How many tasks run at the same time.
        processes: Do every task in a process, and start the first one at once. Otherwise a thread does what is cheap
            (``inline_policy``), and processes are started when there is more to do.
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
        self._devices = devices
        self._memory = memory
        self._execute = execute
        self._everything_elsewhere = processes
        self._threads = DaemonThreads(workers)
        self._processes = Processes(devices)
        self._numbers = itertools.count()
        self._keys: WeakKeyDictionary[Future[JobOutput], int] = WeakKeyDictionary()
        if processes and execute is None and sys.executable:
            self._processes.keep_spare(memory)

    def submit(
        self,
        program_id: str,
        params: bytes,
        device: str,
        *,
        decoded: JobParams | None = None,
        seed: int | None = None,
        begun: Callable[[], None] = _nobody_asks,
    ) -> Future[JobOutput]:
        """Start a task; the future's error may be ``WorkerDied``.

        Args:
            program_id: See ``primitives.registry.execute``.
            params: See ``primitives.registry.execute``.
            device: The name of the device.
            decoded: ``params`` as values, where they have been read already in this process.
            seed: See ``primitives.registry.execute``.
            begun: Called, from some thread, when the task itself begins: its process has been started by then.
        """

        def here() -> JobOutput:
            begun()
            if self._execute is not None:
                return self._execute(program_id, params, self._devices[device])
            return execute(program_id, decoded or params, self._devices[device], seed=seed)

        def elsewhere(future: Future[JobOutput]) -> JobOutput:
            nonlocal decoded
            if not self._everything_elsewhere:
                started = time.perf_counter()
                reading = read_if_cheap(program_id, params, self._devices[device], decoded=decoded, seed=seed)
                if reading is not None:
                    begun()
                    body, circuits = reading.run()
                    return JobOutput(body, time.perf_counter() - started, circuits)
            decoded = None  # the process reads its own, and may take hours
            with self._processes.lock:
                key = self._keys.setdefault(future, next(self._numbers))
            return self._processes.run(
                key,
                lambda worker, begins: worker.execute(program_id, params, device, seed=seed, begun=begins),
                memory=self._memory,
                begun=begun,
            )

        stays = self._execute is not None or not sys.executable or self._devices[device].stays
        if stays or names_held(params):
            return self._threads.submit(here)
        return self._threads.submit_aware(elsewhere)

    def abort(self, future: Future[JobOutput]) -> None:
        """Give up a task: its process is killed; a cheap one in a thread is over soon."""
        if future.cancel():
            return
        with self._processes.lock:
            key = self._keys.setdefault(future, next(self._numbers))
        self._processes.kill(key)

    def shutdown(self, *, wait: bool) -> None:
        """Stop; what runs in a process is killed, what runs in a thread is left behind.

        Args:
            wait: Wait for the threads; only for a moment, since one may be deep in a simulation.
        """
        busy = self._processes.close()
        self._threads.shutdown(wait=wait or busy, cancel_futures=True)
