"""Jobs on their way to who computes: programs, simulators, or the event loop itself for what takes a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from ..devices.registry import DeviceRegistry
from ..primitives.jobs import JobOutput
from ..settings import Settings
from ..workers.pool import new_simulators
from ..workers.tasks import ThreadsFirst, fulfil
from .completion import call_on
from .program_runner import ProgramRunner
from .store import Job
from .transfers import Inputs

Done = Callable[[Job, Future[JobOutput]], None]


class Launcher:
    """Starts jobs and gives them up; used on the event loop's thread, between ``start`` and ``stop``.

    Args:
        settings: Who computes, and the seed of the server.
        devices: The devices.
        programs: Runs jobs that are programs.
        done: Called with a job and its future when it has ended, at a later turn of the event loop.
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

    def momentary(self, job: Job, inputs: Inputs | None) -> Callable[[], JobOutput] | None:
        """Return what does a job that takes a moment, for ``run_here``; None for others."""
        if self._simulators is None or inputs is None or inputs.decoded is None:
            return None
        if job.backend not in self._devices:
            return None
        seed = job.seed(self._settings.seed)
        return self._simulators.momentary(
            job.program, inputs.params, job.backend, decoded=inputs.decoded, seed=seed
        )

    def run_here(self, job: Job, work: Callable[[], JobOutput]) -> None:
        """Run a job at the next turn of the event loop."""
        future: Future[JobOutput] = Future()
        self._follow(job, future)
        asyncio.get_running_loop().call_soon(fulfil, future, work)

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
