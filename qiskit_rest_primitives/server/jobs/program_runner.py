"""Runs programs for the scheduler, several at a time, and brings what they say to the event loop in order."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from ..._locks import fork_safe_lock
from ..devices.device import Device
from ..job_errors import TaskFailed
from ..primitives.jobs import JobOutput
from ..programs.process import PROGRAM_FAILED, Run, run_program
from ..programs.store import TURN_BYTES, ProgramStore
from ..settings import Settings
from ..workers.tasks import DaemonThreads
from .completion import Watchers, call_on
from .store import Job


class ProgramRunner:
    """Starts runs, ends them, and hands out their interim results. Used on the event loop's thread.

    Args:
        settings: How many at a time, and what programs may do.
        programs: Where programs are found and interim results kept.
    """

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
        work = functools.partial(
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
