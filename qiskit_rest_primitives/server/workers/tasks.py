"""What a worker does, run jobs, transpile and look at jobs; and the threads of the server, which do some tasks themselves."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..devices.device import Device, load_device
from ..devices.noise_passes import names_held
from ..job_errors import INVALID, TaskFailed
from ..primitives import registry
from ..primitives.jobs import JobOutput, Reading
from . import inspection, transpilation
from .inline_policy import read_if_momentary


class DaemonThreads(Executor):
    """Threads that never keep the interpreter alive, as many as there is work for, up to ``workers``.

    ``ThreadPoolExecutor`` joins its threads when the interpreter exits, so a long simulation whose job was
    cancelled would hold the user's program at its end.
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
            fulfil(*entry)
            del entry
            self._idle.release()


def fulfil(future: Future[Any], call: Callable[[], Any]) -> None:
    """Give a future what a call returns or raises, unless it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        outcome = call()
    except BaseException as error:  # noqa: BLE001 (it belongs to whoever asks the future)
        future.set_exception(error)
    else:
        future.set_result(outcome)


TRANSPILE = "transpile"
"""Stands for a transpilation where other tasks name their program."""

INSPECT = "inspect"
"""Stands for a look at the inputs or the result of a job."""

LARGEST_RESULT = 500_000_000
"""Bytes. The server holds a result whole, and SQLite takes none of a gigabyte."""

REMEMBERED = 64
"""Jobs whose circuits are known to have come before."""

_FIRST = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c[0] = measure q[0];'


def warm_up() -> None:
    """Do what only the first task has to do, such as to load readers and Aer, so that it is not charged for it."""
    with contextlib.suppress(TaskFailed):  # without a reader for this text, there is one thing less to load
        execute("sampler", json.dumps({"pubs": [[_FIRST, None, 1]]}).encode(), load_device("aer_simulator"))


def execute(
    program_id: str, params: bytes | registry.JobParams, device: Device, *, seed: int | None = None
) -> JobOutput:
    """Do one task; see ``primitives.registry.execute``, ``transpilation.execute`` and ``inspection.execute``.

    Raises:
        TaskFailed: See there; or the result is larger than a server can keep.
    """
    if program_id == TRANSPILE and isinstance(params, bytes):
        outcome = transpilation.execute(params, device)
    elif program_id == INSPECT and isinstance(params, bytes):
        outcome = inspection.execute(params)
    else:
        outcome = registry.execute(program_id, params, device, seed=seed)
    if len(outcome.body) > LARGEST_RESULT:
        raise TaskFailed(
            f"The result has {len(outcome.body)} bytes, more than the {LARGEST_RESULT} that this server keeps.",
            INVALID,
            "Use fewer shots or parameter sets, or split the job.",
        )
    return outcome


def run_reading(reading: Reading) -> JobOutput:
    """Run a job that has been read.

    Raises:
        TaskFailed: It cannot be run.
    """
    started = time.perf_counter()
    body, circuits = reading.run()
    return JobOutput(body, time.perf_counter() - started, circuits)


@dataclass
class Task:
    """What is to be done: the arguments of ``ThreadsFirst.submit``."""

    program_id: str
    params: bytes
    device: str
    decoded: registry.JobParams | None
    seed: int | None
    begun: Callable[[], None]


class ThreadsFirst(ABC):
    """Runs tasks, several at a time: in a thread if only this process can, or else where its kind runs them."""

    everything_elsewhere = True
    """Whether threads do nothing but what must stay, and what takes a moment."""

    def __init__(self, devices: Mapping[str, Device], workers: int) -> None:
        self._devices = devices
        self._threads = DaemonThreads(workers)
        self._last: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def submit(
        self,
        program_id: str,
        params: bytes,
        device: str,
        *,
        decoded: registry.JobParams | None = None,
        seed: int | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> Future[JobOutput]:
        """Start a task, given as to ``primitives.registry.execute``, on the device of a name.

        The future's error may be ``process.WorkerDied`` or ``dask.ClusterAway``.

        Args:
            program_id: See there.
            params: See there.
            device: The name.
            decoded: ``params`` as values, where they have been read already in this process.
            seed: See there.
            begun: Called, from some thread, when the task itself begins: its process has been started by then.
        """
        task = Task(program_id, params, device, decoded, seed, begun)
        if self._stays(task):
            return self._threads.submit(self._here, task)
        return self._threads.submit_aware(self._elsewhere, task)

    def _stays(self, task: Task) -> bool:
        """Tell whether a thread must do a task: its noise runs code of the user's, which only this process has."""
        return self._devices[task.device].stays or names_held(task.params)

    def momentary(
        self, program_id: str, params: bytes, device: str, *, decoded: registry.JobParams
    ) -> Callable[[], JobOutput] | None:
        """Return what does a task, given as to ``submit``, that costs no more than to hand it over; None for others.

        Where threads do nothing but what must stay, that is what numpy does in bounded time and memory.
        """
        known = not self.everything_elsewhere
        try:
            reading = read_if_momentary(
                program_id,
                params,
                self._devices[device],
                decoded=decoded,
                # What was run elsewhere is read here when it comes a second time.
                wanted="canonical" if not known and self._came_before(decoded) else "run",
                numpy_alone=not known,
            )
        except TaskFailed:
            return None  # who does it finds out the same
        return None if reading is None else partial(run_reading, reading)

    def _came_before(self, decoded: registry.JobParams) -> bool:
        """Tell whether the circuits of a task are those of one of the last."""
        pubs = decoded.document.get("pubs")
        if not isinstance(pubs, list):
            return False
        circuits = tuple(str(pub[0] if isinstance(pub, list) and pub else pub) for pub in pubs)
        before = circuits in self._last
        self._last[circuits] = None
        self._last.move_to_end(circuits)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return before

    def _here(self, task: Task) -> JobOutput:
        task.begun()
        return execute(
            task.program_id, task.decoded or task.params, self._devices[task.device], seed=task.seed
        )

    @abstractmethod
    def _elsewhere(self, future: Future[JobOutput], task: Task) -> JobOutput: ...

    @abstractmethod
    def abort(self, future: Future[JobOutput]) -> None:
        """Give up a task; what simulates it is killed."""

    @abstractmethod
    def shutdown(self, *, wait: bool) -> None:
        """Stop; what runs is killed. ``wait`` waits for the threads, for a moment."""
