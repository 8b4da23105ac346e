"""``await job``: the jobs that an event loop waits for are looked at together, in threads that end with each look."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from .._time import Deadline
from .watching import Watch

if TYPE_CHECKING:
    from .job import RuntimeJobV2

HOLD = 1.0
"""Seconds for which a service may hold an answer that is awaited: no thread outlives a wait that is given up by more."""


async def result_of(job: RuntimeJobV2) -> Any:
    """Wait for a job without blocking the event loop, and return its result or raise why there is none."""
    with _awaited_here() as awaited:
        if not job.is_final and awaited.count == 1:  # alone so far: its result can be had in one request
            await _in_thread(lambda: job._take_when_done(Deadline(None), HOLD))
        if not job.is_final:
            await awaited.end_of(job)
        return await _in_thread(job.result)


class _Awaited:
    """The jobs that one event loop waits for; ``count`` is how many waits there are."""

    def __init__(self) -> None:
        self.count = 0
        self._waits: list[tuple[RuntimeJobV2, asyncio.Future[None]]] = []
        self._joined = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def end_of(self, job: RuntimeJobV2) -> None:
        """Return when a job is final."""
        wait = (job, asyncio.get_running_loop().create_future())
        self._waits.append(wait)
        self._joined.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="await jobs")
        try:
            await wait[1]
        finally:
            self._waits.remove(wait)
            if not self._waits:
                self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._waits:
                self._joined.clear()
                await self._watch(
                    await _in_thread(partial(Watch, [job for job, _ in self._waits], hold=HOLD))
                )
        except Exception as problem:  # noqa: BLE001 - raised where it is awaited
            for _, ended in self._waits:
                if not ended.done():
                    ended.set_exception(problem)

    async def _watch(self, watch: Watch) -> None:
        """Look until all have ended, or another one is waited for."""
        while not self._joined.is_set():
            over = watch.ended()
            for job, ended in self._waits:
                if job in over and not ended.done():
                    ended.set_result(None)
            wanted = {job.job_id() for job, ended in self._waits if not ended.done()}
            for given_up in watch.pending.keys() - wanted:
                del watch.pending[given_up]
            if not watch.pending:
                return
            await _in_thread(partial(watch.look, None))
            if not watch.over:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._joined.wait(), watch.pause())


_AWAITED: dict[asyncio.AbstractEventLoop, _Awaited] = {}


@contextmanager
def _awaited_here() -> Iterator[_Awaited]:
    """Give what the running event loop waits for, one wait more."""
    loop = asyncio.get_running_loop()
    awaited = _AWAITED.setdefault(loop, _Awaited())
    awaited.count += 1
    try:
        yield awaited
    finally:
        awaited.count -= 1
        if awaited.count == 0:
            del _AWAITED[loop]


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Work in a thread of its own, which does not keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(outcome: Any, problem: BaseException | None) -> None:
        if not future.done():
            if problem is None:
                future.set_result(outcome)
            else:
                future.set_exception(problem)

    def run() -> None:
        outcome, problem = None, None
        try:
            outcome = work()
        except BaseException as cause:  # noqa: BLE001 - raised where it is awaited
            problem = cause
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(settle, outcome, problem)

    threading.Thread(target=copy_context().run, args=(run,), name="await job", daemon=True).start()
    return await future
