"""Where simulations run: daemon threads by default, or processes.

What lives here: the two executors and the function that crosses to them; only bytes and names cross. What does
not: choosing jobs (``scheduler``) and simulating (``engine``).
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

from .devices import Device
from .engine import Outcome, execute

_SHIPPED: dict[str, Device] = {}
"""The devices of a worker process, filled once by its initializer."""


def process_executor(devices: Mapping[str, Device], workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes that were each given the devices once.

    Processes are spawned, never forked: the server has threads.
    """
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_SHIPPED.update, initargs=(dict(devices),)
    )


def execute_shipped(program_id: str, params: bytes, device: str) -> Outcome:
    """Run one task in a worker process, on a device that was shipped by name."""
    return execute(program_id, params, _SHIPPED[device])


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
        """Let the threads end after what they do now; waits for them at most one second."""
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
            del entry, future, call
            self._idle.release()
