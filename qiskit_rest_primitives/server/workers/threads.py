"""Threads that never keep the interpreter alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

__all__ = ["DaemonThreads"]


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
