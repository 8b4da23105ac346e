"""Looks at the inputs and results of jobs, made by a process of their own while the event loop goes on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Future
from functools import partial
from typing import Any

from ..devices.device import load_device
from ..http.errors import HttpError, too_large, too_many
from ..job_errors import TaskFailed
from ..jobs.completion import call_on
from ..jobs.store import Job, Store
from ..primitives.jobs import JobOutput
from ..settings import Settings
from ..workers.inspection import order
from ..workers.pool import Simulators
from ..workers.tasks import INSPECT

LOOK_SECONDS = 20.0
MOST_WAITING = 8
MOST_BYTES = 50_000_000
"""Larger inputs and results are for programs."""
_KEPT, _KEPT_BYTES = 32, 8_000_000
_IDLE_SECONDS = 300.0
"""After which the processes that nobody needed are ended."""

_FIRST = order(
    "inputs", "sampler", b'{"pubs": [["OPENQASM 3.0; qubit[1] q; bit[1] c; c[0] = measure q[0];"]]}'
)


class Looks:
    """Makes them, one at a time, and remembers the latest; used on the event loop's thread."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._memory = settings.job_bytes
        self._store = store
        self._workers: Simulators | None = None
        self._waiting = 0
        self._idle: asyncio.TimerHandle | None = None
        self._known: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def inputs(self, job: Job) -> bytes:
        """Return what there is to see of a job's inputs, as JSON.

        Raises:
            HttpError: 404 if they are not kept, 413 if they are too large, 422 if looking fails, 429 if too many look.
        """
        body = None if job.private else await self._store.bodies.read("params", job.id)
        if body is None:
            raise HttpError(404, "not_found", "The inputs of the job are not kept.")
        return await self._look("inputs", job, body)

    async def result(self, job: Job) -> bytes:
        """Return what there is to see of a job's result, as JSON; a private one is not touched: it can be read once.

        Raises:
            HttpError: As ``inputs`` does.
        """
        if job.private or (body := await self._store.bodies.read("results", job.id)) is None:
            raise HttpError(404, "not_found", "The job has no result that can be shown.")
        params = await self._store.bodies.read("params", job.id) or b"{}"
        return await self._look("result", job, body, params if len(params) <= MOST_BYTES else b"{}")

    def prepare(self) -> None:
        """Let something draw a first circuit, unless it did: loading Qiskit takes seconds, in which nobody waits yet."""
        if self._workers is None:
            self._drawers().submit(INSPECT, _FIRST, INSPECT)
            self._end_when_idle()

    def shutdown(self) -> None:
        """End what runs, and what waits for something to do."""
        if self._idle is not None:
            self._idle.cancel()
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown(wait=False)

    async def _look(self, kind: str, job: Job, body: bytes, params: bytes = b"{}") -> bytes:
        known = self._known.get((kind, job.id))
        if known is not None:
            return known
        if len(body) > MOST_BYTES:
            raise too_large(f"There are {len(body):,} bytes, too many to be shown.", solution=None)
        if self._waiting >= MOST_WAITING:
            raise too_many("Too many are looking at jobs.", retry_after=5)
        self._waiting += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            task = await asyncio.to_thread(order, kind, job.program, body, params)
            found = await self._made(task)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._end_when_idle()
        self._known[kind, job.id] = found
        while len(self._known) > _KEPT or sum(map(len, self._known.values())) > _KEPT_BYTES:
            self._known.popitem(last=False)
        return found

    def _drawers(self) -> Simulators:
        if self._workers is None:
            self._workers = Simulators(
                {INSPECT: load_device("aer_simulator")}, workers=1, memory=self._memory
            )
        return self._workers

    def _end_when_idle(self) -> None:
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self.shutdown)

    async def _made(self, task: bytes) -> bytes:
        workers, loop, begun = self._drawers(), asyncio.get_running_loop(), asyncio.Event()
        future: Future[JobOutput] = workers.submit(
            INSPECT, task, INSPECT, begun=partial(call_on, loop, begun.set)
        )
        waiting = asyncio.wrap_future(future)
        try:
            first: asyncio.Future[Any] = asyncio.ensure_future(begun.wait())
            await asyncio.wait([asyncio.ensure_future(waiting), first], return_when=asyncio.FIRST_COMPLETED)
            first.cancel()
            return (await asyncio.wait_for(waiting, LOOK_SECONDS)).body
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise HttpError(422, "too_slow", f"Drawing it takes longer than {LOOK_SECONDS:g} s.") from error
        except TaskFailed as error:
            raise HttpError(422, "not_shown", error.reason) from error
        finally:
            if not future.done():  # too slow, or nobody waits any more
                workers.abort(future)
