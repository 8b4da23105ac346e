"""Who simulates: a few threads, which do light tasks themselves or give tasks to a process of their own.

What lives here: the threads, and which process a task goes to. What does not: choosing jobs (``jobs/scheduler``), which
task is light (``weight``), the processes (``worker``) and simulating (``primitives/engine``).
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..._locks import fork_safe_lock
from ..devices.device import Device
from ..primitives.engine import Outcome
from .tasks import execute
from .weight import read_if_light
from .worker import WorkerDied, WorkerProcess

if TYPE_CHECKING:
    from ..settings import Execute


class Simulators:
    """Runs tasks, several at a time.

    Args:
        devices: The devices by name; others may join and leave.
        workers: How many tasks run at the same time.
        processes: Do every task in a process, and start the first one at once. Otherwise a thread does what is light
            (``weight``), and processes are started when there is more to do.
        memory: Bytes that a task may take in a process; None for a share of the machine's.
        execute: Runs a task in a thread, in place of ``engine.execute`` and of the processes.

    Where Python does not know its own executable there are no processes, and threads do everything.
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
        self._processes = processes
        self._threads = DaemonThreads(workers)
        self._lock = fork_safe_lock()
        self._idle: list[WorkerProcess] = []
        self._busy: dict[Future[Outcome], WorkerProcess] = {}
        self._given_up: WeakSet[Future[Outcome]] = WeakSet()
        self._stopped = False
        if processes and execute is None and sys.executable:
            self._idle.append(WorkerProcess(self._devices, memory=self._memory))

    def submit(
        self, program_id: str, params: bytes, device: str, *, seed: int | None = None
    ) -> Future[Outcome]:
        """Start a task; the future's error may be ``WorkerDied``."""
        if self._execute is not None:
            return self._threads.submit(self._execute, program_id, params, self._devices[device])
        if not sys.executable:
            return self._threads.submit(execute, program_id, params, self._devices[device], seed=seed)
        run = self._run_elsewhere if self._processes else self._run_here_if_light
        return self._threads.submit_aware(run, program_id, params, device, seed)

    def abort(self, future: Future[Outcome]) -> None:
        """Give up a task: its process is killed; a light one in a thread is over soon."""
        if future.cancel():
            return
        with self._lock:
            self._given_up.add(future)
            worker = self._busy.get(future)
        if worker is not None:
            worker.kill()

    def shutdown(self, *, wait: bool) -> None:
        """Stop; what runs in a process is killed, what runs in a thread is left behind.

        Args:
            wait: Wait for the threads; only for a moment, since one may be deep in a simulation.
        """
        with self._lock:
            self._stopped = True
            idle, self._idle = self._idle, []
            busy = list(self._busy.values())
        for worker in idle:
            worker.close()
        for worker in busy:
            worker.kill()
        self._threads.shutdown(wait=wait or bool(busy), cancel_futures=True)

    def _run_here_if_light(
        self, future: Future[Outcome], program_id: str, params: bytes, device: str, seed: int | None
    ) -> Outcome:
        light = read_if_light(program_id, params, self._devices[device], seed=seed)
        if light is not None:
            return light.run()
        return self._run_elsewhere(future, program_id, params, device, seed)

    def _run_elsewhere(
        self, future: Future[Outcome], program_id: str, params: bytes, device: str, seed: int | None
    ) -> Outcome:
        worker = self._take(future)
        with self._lock:
            self._busy[future] = worker
            if self._stopped or future in self._given_up:  # in between, so nobody else will end the process
                worker.kill()
        try:
            return worker.execute(program_id, params, device, seed=seed)
        finally:
            self._give_back(future, worker)

    def _take(self, future: Future[Outcome]) -> WorkerProcess:
        """Return the process that worked last, since it remembers circuits, or a new one."""
        with self._lock:
            if self._stopped or future in self._given_up:
                raise WorkerDied("The task was given up.")
            worker = self._idle.pop() if self._idle else None
        if worker is not None and worker.alive:
            return worker
        if worker is not None:
            worker.close()
        return WorkerProcess(self._devices, memory=self._memory)

    def _give_back(self, future: Future[Outcome], worker: WorkerProcess) -> None:
        with self._lock:
            del self._busy[future]
            keep = not self._stopped and worker.alive
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.close()


class DaemonThreads(Executor):
    """Threads that never keep the interpreter alive.

    ``ThreadPoolExecutor`` joins its threads when the interpreter exits, so a long simulation whose job was
    cancelled would hold the user's program at its end.

    Args:
        workers: Largest number of threads; they are started when there is work for them.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call; see ``concurrent.futures.Executor.submit``."""
        return self._queue(Future(), lambda: fn(*args, **kwargs))

    def submit_aware(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Queue a call that is given its own future as first argument."""
        future: Future[Any] = Future()
        return self._queue(future, lambda: fn(future, *args))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end after what they do now; waits for each at most one second."""
        while cancel_futures:
            try:
                entry = self._tasks.get_nowait()
            except queue.Empty:
                break
            if entry is not None:
                entry[0].cancel()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join(1.0)

    def _queue(self, future: Future[Any], call: Callable[[], Any]) -> Future[Any]:
        self._tasks.put((future, call))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, name="simulation", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def _work(self) -> None:
        while (entry := self._tasks.get()) is not None:
            future, call = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                outcome = call()
            except BaseException as error:  # noqa: BLE001 (it belongs to whoever asks the future)
                future.set_exception(error)
            else:
                future.set_result(outcome)
                del outcome
            del entry, future, call
            self._idle.release()
