"""Jobs on their way to who computes: programs, simulators, or the server's own thread for what takes a moment."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from ..._locks import fork_safe_lock
from ..devices.device import Device
from ..devices.registry import DeviceRegistry
from ..job_errors import TaskFailed
from ..primitives.jobs import JobOutput
from ..programs.process import PROGRAM_FAILED, Run, run_program
from ..programs.store import TURN_BYTES, ProgramStore
from ..settings import Settings
from ..workers.pool import new_simulators
from ..workers.tasks import DaemonThreads, ThreadsFirst
from .completion import Watchers, call_on
from .store import Job
from .transfers import Inputs

logger = logging.getLogger(__name__)


class ProgramRunner:
    """Starts runs, ends them, and hands out their interim results. Used on the event loop's thread."""

    def __init__(self, settings: Settings, programs: ProgramStore) -> None:
        self._rules = settings.programs
        self._programs = programs
        self._threads = DaemonThreads(settings.workers)
        self._runs: dict[Future[JobOutput], Run] = {}
        self._listeners = Watchers()

    def submit(
        self, job: Job, params: bytes, device: Device, begun: Callable[[], None]
    ) -> Future[JobOutput] | None:
        """Start a job's program; None if the job runs none. ``begun`` is called when the program itself begins."""
        program_id = self._programs.run_of(job.id)
        if program_id is None:
            return None
        program = self._programs.find(program_id, None)
        if program is None:
            failed: Future[JobOutput] = Future()
            failed.set_exception(TaskFailed("The program was deleted before the job ran.", PROGRAM_FAILED))
            return failed
        self._programs.begin_run(job.id)
        own = self._programs.is_own(program)
        run = Run()
        work = partial(
            run_program,
            run,
            program.source,
            params,
            device,
            rules=self._rules,
            isolate="must" if self._rules.allow == "isolated" and not own else "try",
            own=own,
            seconds=job.cost,
            begun=begun,
        )
        loop = asyncio.get_running_loop()
        post = _Post(lambda bodies: self._take(job, bodies), loop)
        future = self._threads.submit(_work, work, post, lambda text: call_on(loop, self._print, job, text))
        self._runs[future] = run
        future.add_done_callback(lambda done: call_on(loop, self._runs.pop, done, None))
        return future

    def abort(self, future: Future[Any]) -> bool:
        """End a run; False if the future is none of this runner's."""
        run = self._runs.get(future)
        if run is None:
            return False
        if not future.cancel():
            run.kill()
        return True

    def shutdown(self) -> None:
        """End all runs."""
        for run in list(self._runs.values()):
            run.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def wait_for_interim(self, job_id: str, seconds: float) -> None:
        """Return when an interim result of a job comes, or after ``seconds``."""
        await self._listeners.watch(job_id, seconds)

    def _take(self, job: Job, bodies: Sequence[bytes]) -> None:
        if job.final:
            return  # whoever was told that there are no more must not miss these
        self._programs.keep_interim(job.id, bodies)
        self._listeners.tell(job.id)

    def _print(self, job: Job, text: str) -> None:
        if text:
            self._programs.keep_printed(job.id, text)


class _Post:
    """Carries messages from a run's thread to the event loop: in order, and at most ``TURN_BYTES``, or one, at a time."""

    def __init__(self, deliver: Callable[[Sequence[bytes]], None], loop: asyncio.AbstractEventLoop) -> None:
        self._deliver = deliver
        self._loop = loop
        self._lock = fork_safe_lock()
        self._waiting: deque[bytes] = deque()
        self._bringing = False
        self._arrived = threading.Event()
        self._arrived.set()

    def send(self, bodies: Sequence[bytes]) -> None:
        with self._lock:
            self._waiting += bodies
            self._arrived.clear()
            first, self._bringing = not self._bringing, True
        if first:
            call_on(self._loop, self._bring)

    def wait(self) -> None:
        """Return when all has arrived, or nobody takes it any more."""
        while not self._arrived.wait(1.0) and self._loop.is_running():
            pass

    def _bring(self) -> None:
        bodies: list[bytes] = []
        size = 0
        with self._lock:
            while self._waiting and (not bodies or size + len(self._waiting[0]) <= TURN_BYTES):
                bodies.append(self._waiting.popleft())
                size += len(bodies[-1])
        try:
            self._deliver(bodies)
        finally:
            with self._lock:
                self._bringing = bool(self._waiting)
                if self._bringing:
                    self._loop.call_soon(self._bring)
                else:
                    self._arrived.set()


def _work(work: Callable[..., bytes], post: _Post, log: Callable[[str], None]) -> JobOutput:
    started = time.perf_counter()
    try:
        body = work(publish=post.send, log=log)
        return JobOutput(body, time.perf_counter() - started, 0)
    finally:
        post.wait()  # whoever learns that the job has ended finds all of them


Done = Callable[[Job, Future[JobOutput]], None]


class Launcher:
    """Starts jobs and gives them up; used on the event loop's thread, between ``start`` and ``stop``.

    ``done`` is called with a job and its future when it has ended, at a later turn of the event loop.
    """

    def __init__(
        self, settings: Settings, devices: DeviceRegistry, programs: ProgramRunner, done: Done
    ) -> None:
        self._settings = settings
        self._devices = devices
        self._programs = programs
        self._done = done
        self._futures: dict[str, Future[JobOutput]] = {}
        self._simulators: ThreadsFirst | None = None

    @property
    def up(self) -> bool:
        """Whether jobs can be started."""
        return self._simulators is not None

    def start(self) -> None:
        """Get ready; see ``new_simulators`` for what it raises."""
        self._simulators = new_simulators(self._settings, self._devices)

    def stop(self, *, wait: bool) -> None:
        """End what runs, in the end; ``wait`` for the threads, for a moment."""
        simulators, self._simulators = self._simulators, None
        self._programs.shutdown()
        if simulators is not None:
            simulators.shutdown(wait=wait)

    def done_at_once(self, job: Job, inputs: Inputs) -> JobOutput | None:
        """Run a job that takes a moment; None for others, and for one that fails: on its way through the queue it fails too.

        A server with a seed makes each job's of its number, which such a job does not have yet.
        """
        if self._simulators is None or inputs.decoded is None or self._settings.seed is not None:
            return None
        if job.backend not in self._devices:
            return None
        try:
            work = self._simulators.momentary(job.program, inputs.params, job.backend, decoded=inputs.decoded)
            return None if work is None else work()
        except Exception as error:  # noqa: BLE001 (whatever it is, the queue's way knows what to make of it)
            logger.debug("job %s is queued: %s", job.id, type(error).__name__)
            return None

    def hand_over(self, job: Job, inputs: Inputs, begun: Callable[[Job], None]) -> None:
        """Give a job to who computes; ``begun`` is called on the event loop when the job itself begins."""
        assert self._simulators is not None  # noqa: S101 (nothing is handed over when it has ended)
        tell = partial(call_on, asyncio.get_running_loop(), begun, job)
        future = self._programs.submit(job, inputs.params, self._devices[job.backend], tell)
        if future is None:
            seed = job.seed(self._settings.seed)
            future = self._simulators.submit(
                job.program, inputs.params, job.backend, decoded=inputs.decoded, seed=seed, begun=tell
            )
        self._follow(job, future)

    def abort(self, job: Job) -> None:
        """Give up a job if it runs."""
        future = self._futures.get(job.id)
        if future is not None and not future.done() and self._simulators and not self._programs.abort(future):
            self._simulators.abort(future)

    def _follow(self, job: Job, future: Future[JobOutput]) -> None:
        self._futures[job.id] = future
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda done: call_on(loop, self._end, job, done))

    def _end(self, job: Job, future: Future[JobOutput]) -> None:
        self._futures.pop(job.id, None)
        self._done(job, future)
