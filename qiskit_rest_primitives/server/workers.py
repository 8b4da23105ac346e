"""Where simulations run: daemon threads by default, or processes.

What lives here: the executors and what crosses to them. What does not: choosing jobs (``scheduler``) and
simulating (``engine``).
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from .devices import Device
from .engine import Outcome

if TYPE_CHECKING:
    from .settings import Execute

_SHIPPED: dict[str, Any] = {}
"""What a worker process was given once, by its initializer: the devices and the function that runs a task."""


class Simulators:
    """Runs tasks on threads or processes.

    Args:
        execute: Runs one task: program id, params, device.
        devices: The devices by name.
        workers: How many tasks run at the same time.
        processes: Use processes; they are spawned, never forked, because the server has threads. The devices are
            sent to each once, and a task crosses as bytes and names.
    """

    def __init__(
        self, execute: Execute, devices: Mapping[str, Device], *, workers: int, processes: bool
    ) -> None:
        self._execute = execute
        self._devices = dict(devices)
        self._processes = processes
        self._executor: Executor
        if processes:
            self._executor = ProcessPoolExecutor(
                workers,
                multiprocessing.get_context("spawn"),
                initializer=_ship,
                initargs=(execute, self._devices),
            )
        else:
            self._executor = DaemonThreads(workers)

    def submit(self, program_id: str, params: bytes, device: str) -> Future[Outcome]:
        """Start a task.

        Raises:
            BrokenExecutor: If a worker process has died; nothing can be submitted any more.
        """
        if self._processes:
            return self._executor.submit(_execute_shipped, program_id, params, device)
        return self._executor.submit(self._execute, program_id, params, self._devices[device])

    def shutdown(self, *, wait: bool) -> None:
        """Stop; tasks that have not begun are dropped. Waits for idle workers only."""
        self._executor.shutdown(wait=wait, cancel_futures=True)


def _ship(execute: Execute, devices: Mapping[str, Device]) -> None:
    """Set up a worker process."""
    _SHIPPED.update(execute=execute, devices=devices)


def _execute_shipped(program_id: str, params: bytes, device: str) -> Outcome:
    """Run one task in a worker process."""
    outcome: Outcome = _SHIPPED["execute"](program_id, params, _SHIPPED["devices"][device])
    return outcome


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
        future: Future[Any] = Future()
        self._tasks.put((future, lambda: fn(*args, **kwargs)))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, name="simulation", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

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
