"""What the routes of one server share, the results of private jobs among it, which are given out once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .http.api_paths import is_legacy
from .http.body_reader import BodyReader
from .http.errors import HttpError, terse_not_found, too_many
from .http.responses import InPieces, compressed
from .jobs.launcher import ProgramRunner
from .jobs.scheduler import Scheduler
from .jobs.store import Job, Store
from .jobs.usage import UsageReport, Workload, period
from .programs.store import ProgramStore, own_programs
from .settings import OPEN_PLAN_JOBS, Instance, Limits, Settings
from .transpile.tasks import Transpilations

AGAIN_SECONDS = 600.0
MOST_BYTES = 64_000_000
_UNKNOWN_SECONDS = 1.0
JOB_SECONDS, EXECUTION_SECONDS = 2.0, 0.00035
"""The quick form of the service's guide to workload usage; the exact one adds circuit length and delay of each execution."""
_REMEMBERED_LOOKS = 10_000


class PrivateResults:
    """Gives out the results of private jobs."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._read: OrderedDict[str, tuple[str, float, bytes]] = OrderedDict()

    async def answer(self, request: Request, job_id: str, headers: dict[str, str] | None) -> Response:
        """Return the answer, 404 if it was read; one reader at a time, since the others wait to see whether it got through."""
        reader = request.headers.get("idempotency-key")
        turn = self._turns.setdefault(job_id, asyncio.Lock())
        await turn.acquire()
        try:
            body = await self._body(job_id, reader)
            if body is None:
                raise terse_not_found("result not found")
            written = await compressed(request, body, "application/json", headers=headers)
        except BaseException:
            turn.release()
            raise

        def done() -> None:
            self._store.bodies.drop("results", job_id)
            if reader and len(body) <= MOST_BYTES:
                self._read[job_id] = (reader, self._clock() + AGAIN_SECONDS, body)
                self._forget()

        return _Reading(written, done, turn)

    async def _body(self, job_id: str, reader: str | None) -> bytes | None:
        self._forget()
        known, _, body = self._read.get(job_id, (None, 0.0, b""))
        if known is not None:
            return body if known == reader else None
        return await self._store.bodies.read("results", job_id)

    def _forget(self) -> None:
        """Drop what is too old, and the oldest where it is too much."""
        while self._read:
            _, until, _ = next(iter(self._read.values()))
            left = until - self._clock()  # more than it was: the machine's clock was set back
            if 0 < left <= AGAIN_SECONDS and sum(len(body) for *_, body in self._read.values()) <= MOST_BYTES:
                return
            self._read.popitem(last=False)


class _Reading(Response):
    """An answer that tells when it has been handed over."""

    def __init__(self, written: InPieces, done: Callable[[], None], turn: asyncio.Lock) -> None:
        super().__init__()
        self._written = written
        self._done = done
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._written.send_all_but_end(send)
            if not await Request(scope, receive).is_disconnected():
                self._done()
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._turn.release()


class Meter:
    """Refuses submissions that come too fast or pile up (rest-api.md 1.7)."""

    def __init__(self, settings: Settings) -> None:
        self._limits: Limits = settings.limits
        self._clock = settings.clock
        self._recent: dict[str, deque[float]] = {}

    def admit(self, instance: str, waiting: int) -> None:
        """Count one submission; 429 with ``Retry-After`` if it is one too many."""
        if self._limits.queued_jobs is not None and waiting >= self._limits.queued_jobs:
            raise too_many(f"{waiting} jobs are queued; the server takes no more.", retry_after=12)
        if self._limits.submissions is None:
            return
        recent = self._recent.setdefault(instance, deque())
        now = self._clock()
        # Those of the future were counted before somebody set the machine's clock back.
        while recent and not now - 60 < recent[0] <= now:
            recent.popleft()
        if len(recent) >= self._limits.submissions:
            seconds = max(1, round(recent[0] + 60 - now))
            raise too_many("Too many jobs were submitted within a minute.", retry_after=seconds)
        recent.append(now)


class ServerState:
    """Holds what routes need.

    Attributes:
        documents: Of each device its documents as JSON, written once: calibration data are half a megabyte.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.programs = ProgramStore(
            store.connection, [program for program in own_programs() if program.id not in settings.retired]
        )
        self.runner = ProgramRunner(settings, self.programs)
        self.scheduler = Scheduler(settings, store, self.runner)
        self.transpilations = Transpilations(settings, self.scheduler.devices)
        self.usage = UsageReport(store)
        self.reader = BodyReader(settings)
        self.private_results = PrivateResults(store, settings.clock)
        self.meter = Meter(settings)
        configured = {item.crn: item.limit_seconds for item in settings.instances}
        self._usage_limits = {**configured, **store.usage_limits()}
        self.documents: dict[tuple[str, str], bytes] = {}
        self._looks: OrderedDict[str, None] = OrderedDict()

    @staticmethod
    def instance(request: Request) -> Instance:
        """Return the instance that the request is for."""
        instance: Instance = request.scope["instance"]
        return instance

    @classmethod
    def reach(cls, request: Request) -> str | None:
        """Return the CRN of the instance whose jobs and sessions a request may name; None for those of all.

        In the classic dialect, an id alone says which job is meant.
        """
        return None if is_legacy(request.scope) else cls.instance(request).crn

    def limit_of(self, instance: Instance) -> int | None:
        """Return an instance's usage limit in seconds, the plan's where that is lower; None without one."""
        return instance.at_most(self._usage_limits[instance.crn])

    def used_seconds(self, instance: Instance) -> float:
        """Return an instance's usage within the last 28 days in seconds."""
        return round(self.usage.used_seconds(instance.crn, period(self.settings.clock())[0]), 3)

    def admit(self, instance: Instance) -> None:
        """Count a new job of an instance.

        Raises:
            HttpError: 409 where the usage limit is reached; 429 with ``Retry-After`` where jobs pile up or come too fast.
        """
        limit = self.limit_of(instance)
        if limit is not None and (used := self.used_seconds(instance)) >= limit:
            raise HttpError(
                409,
                "usage_limit_reached",
                f"The usage of the instance exceeds its limit: it used {used:g} s of {limit} s within the last 28 days.",
                solution="Raise the limit, use another instance, or wait until earlier usage is 28 days old.",
            )
        jobs = (*self.scheduler.waiting.values(), *self.scheduler.running.values())
        if instance.plan == "open" and sum(job.instance == instance.crn for job in jobs) >= OPEN_PLAN_JOBS:
            raise too_many(
                f"The Open plan allows {OPEN_PLAN_JOBS} pending jobs of an instance, and there are as many.",
                retry_after=5,
            )
        self.meter.admit(instance.crn, len(self.scheduler.waiting))

    def set_limit(self, instance: Instance, seconds: int | None) -> None:
        """Change an instance's usage limit, for later servers on the same database, too."""
        self.store.set_usage_limit(instance.crn, seconds)
        self._usage_limits[instance.crn] = seconds

    def first_look(self, job_id: str) -> bool:
        """Whether nobody has looked at this unfinished job before."""
        if job_id in self._looks:
            return False
        self._looks[job_id] = None
        if len(self._looks) > _REMEMBERED_LOOKS:
            self._looks.popitem(last=False)
        return True

    def estimate(self, job: Job | Workload) -> float:
        """Return the expected running time in seconds: what the service charges by its quick form for so many executions.

        Where these are not known, the mean of the device's recent jobs of the same program.
        """
        if job.executions is not None:
            return round(JOB_SECONDS + EXECUTION_SECONDS * job.executions, 6)
        return round(self.scheduler.times.mean(job.program or "", job.backend, _UNKNOWN_SECONDS), 6)


def state_of(request: Request) -> ServerState:
    """Return the server of the server that the request came to."""
    server: ServerState = request.app.state.server
    return server
