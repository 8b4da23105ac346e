"""Queue, priorities, cancellation and time limits of jobs; the times of sessions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from copy import copy
from functools import partial
from typing import Any

from ..devices.registry import DeviceRegistry
from ..job_errors import INTERNAL, TaskFailed
from ..primitives.jobs import JobOutput
from ..primitives.registry import JobParams
from ..settings import Settings
from ..spool import Spool
from ..text import readable, storable
from ..workers.dask import ClusterAway
from . import sessions as session_states
from .clocks import LiveSessions, RunTimes
from .completion import Watchers, call_on
from .launcher import Launcher, ProgramRunner
from .queue_policy import next_job
from .sessions import Session
from .store import Job, Store
from .transfers import Inputs, Transfers, WriteRetries

logger = logging.getLogger(__name__)

# Clients recognise it by the words "ran longer than" (rest-api.md 4.9).
RAN_TOO_LONG = "Job {} ran longer than {} seconds"
UNKEPT = "The result cannot be kept ({})."
RESTARTED = "The server ended while the job ran, and was told not to run such jobs again."


class Scheduler:
    """Runs what is submitted."""

    def __init__(self, settings: Settings, store: Store, programs: ProgramRunner) -> None:
        self.settings = settings
        self.store = store
        self.clock: Callable[[], float] = settings.clock
        self.devices = DeviceRegistry(settings.devices)
        self.waiting: dict[str, Job] = {}
        self.running: dict[str, Job] = {}
        self._held: set[str] = set()
        self._occupied = 0
        self.draining = False
        self.times = RunTimes(self._ran_too_long)
        self._away: Future[None] | None = None
        self._interrupted: set[str] = set()
        self._watchers = Watchers()
        self._transfers = Transfers(store.bodies)
        self._retries = WriteRetries()
        self._sessions = LiveSessions(store, self._retries, self.clock, self._let_time_pass)
        self.sessions = self._sessions.known
        self._launcher = Launcher(settings, self.devices, programs, self._done)

    # Life of the scheduler

    def start(self) -> None:
        """Take up what a former server left and begin to work; call on the running event loop."""
        self._launcher.start()
        for job in self.store.unfinished():
            self._take_up(job)
        for text in self.store.session_documents():
            session = Session.load(text)
            session.resume(sum(job.session_id == session.id for job in self.waiting.values()), self.clock())
            self._sessions.keep(session)
        self._let_time_pass()
        self._dispatch()

    def _take_up(self, job: Job) -> None:
        if job.status == "Running" and self.settings.on_restart == "fail":
            self._end(job, "Failed", reason=RESTARTED, code=INTERNAL)
        else:
            job.status, job.started = "Queued", None
            self.waiting[job.id] = job

    def stop(self) -> None:
        """Stop starting jobs and let go of everybody who waits; unfinished jobs stay in the store."""
        self._transfers.stop()
        self._sessions.stop()
        self.times.stop()
        self._launcher.stop(wait=self._occupied == 0)
        self._retries.stop()
        self._watchers.tell_all()
        self.store.changes.end()

    async def drain(self, seconds: float) -> None:
        """Take no more jobs and let those that run finish, for at most ``seconds``.

        Jobs that are queued are parked in the database for the next server; without a database they run, too.
        """
        self.draining = True
        parked = self.settings.database is not None
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._launcher.up and (left := end - loop.time()) > 0:
            job = next(iter(self.running.values()), None)
            if job is None and not parked:
                job = next(iter(self.waiting.values()), None)
            if job is None:
                return
            await self.watch(job, left)

    # Jobs

    def find(self, job_id: str, instance: str | None) -> Job | None:
        """Return a job of an instance, or of any, or None."""
        job = self.running.get(job_id) or self.waiting.get(job_id)
        if job is not None:
            return job if instance in (None, job.instance) else None
        return self.store.job(job_id, instance)

    def submit(
        self, job: Job, params: bytes | Spool, *, decoded: JobParams | None = None, hold: float = 0.0
    ) -> bytes | None:
        """Accept a job: it is stored when this returns. It is not started within ``hold`` seconds.

        Returns:
            The result, if the job took a moment and is done.
        """
        inputs = Inputs(params, decoded) if isinstance(params, bytes) else None
        if inputs is not None and not hold and (result := self._done_at_once(job, inputs)) is not None:
            return result
        self.store.add_job(job, params)
        if inputs is not None:
            self._transfers.keep(job.id, inputs)
        self.waiting[job.id] = job
        if hold > 0:
            self._held.add(job.id)
            asyncio.get_running_loop().call_later(hold, self._let_go, job.id)
        if session := self._sessions.of(job):
            session.job_queued()
        self._dispatch()
        if session and job.id in self.waiting:  # who starts a job writes what its session has become, too
            self._sessions.keep(session)
        return None

    def _done_at_once(self, job: Job, inputs: Inputs) -> bytes | None:
        """Run a job whose turn it is and that takes a moment, and store it once, with its result; None for others."""
        started, turn = self.clock(), not self.waiting and self._may_start() and self._next(iter([job]))
        if not turn or (outcome := self._launcher.done_at_once(job, inputs)) is None:
            return None
        done, session, after = copy(job), self._sessions.of(job), None
        done.status, done.started, done.finished = "Completed", started, max(self.clock(), started)
        done.seconds, done.circuits = outcome.seconds, outcome.circuits
        if session is not None:
            after = session.copy()
            after.job_queued()
            after.job_started(started)
            after.job_finished(done.finished, outcome.seconds)
        self.store.add_job(done, inputs.params, result=outcome.body, session=after)
        vars(job).update(vars(done))
        self.times.note(job, outcome.seconds)
        self._sessions.became(session, after)
        return outcome.body

    def _let_go(self, job_id: str) -> None:
        self._held.discard(job_id)
        self._dispatch()

    def cancel(self, job: Job) -> None:
        """Cancel an unfinished job; a running simulation is killed, or its result thrown away."""
        self._write_end(job, self._ending(job, "Cancelled"), None)
        self._let_go_of(job)
        self._dispatch()

    def queue_length(self, backend: str) -> int:
        """Return how many jobs wait for a device."""
        return sum(job.backend == backend for job in self.waiting.values())

    def expected_wait(self, job: Job) -> float:
        """Return the seconds until a job's turn comes, as jobs went lately; infinite if that is not known."""
        return 0.0 if job.id in self.running else len(self.waiting) * self.times.pace()

    def position(self, job: Job) -> int | None:
        """Return the place of a waiting job in its device's queue, 1 for the next, or None."""
        same = [other.id for other in self.waiting.values() if other.backend == job.backend]
        return same.index(job.id) + 1 if job.id in same else None

    async def watch(self, job: Job, seconds: float) -> bytes | None:
        """Return when the job is final, with its result if it has one, or after ``seconds``; nobody polls."""
        if job.final or seconds <= 0 or not self._launcher.up:
            return None
        return await self._watchers.watch(job.id, seconds)

    def tidy_devices(self) -> None:
        """Forget the devices that joined and that nobody uses any more."""
        self.devices.tidy({job.backend for job in (*self.waiting.values(), *self.running.values())})

    # Sessions

    def open_session(self, session: Session) -> None:
        """Keep a new session."""
        self._sessions.save(session)
        self._sessions.set_alarm()

    def session(self, session_id: str, instance: str | None) -> Session | None:
        """Return a session as it is now, or None."""
        self._let_time_pass()
        session = self.sessions.get(session_id)
        return session if session is not None and instance in (None, session.instance) else None

    def set_accepting(self, session: Session, accepting: bool) -> None:
        """Obey ``PATCH /sessions/{id}``."""
        session.set_accepting(accepting, self.clock())
        self._sessions.answer_for(session)
        self._dispatch()

    def close_session(self, session: Session) -> None:
        """Obey ``DELETE /sessions/{id}/close``: cancel what is queued and close."""
        if session.closed:
            return
        session.close(self.clock(), session_states.CANCELLED)
        self._cancel_waiting(session)
        self._sessions.answer_for(session)
        self._dispatch()

    # Inside

    def _dispatch(self) -> None:
        """Start what may start, as soon as that can be written."""
        self._sessions.set_alarm()
        self._retries.call("the start of jobs", self._start_jobs)

    def _start_jobs(self) -> None:
        while self.waiting and self._may_start():
            job = self._next(job for job in self.waiting.values() if job.id not in self._held)
            if job is None:
                return
            self._begin(job)

    def _may_start(self) -> bool:
        """Tell whether another job may run."""
        parked = self.draining and self.settings.database is not None
        if parked or (self._away is not None and not self._away.done()):
            return False
        return self._launcher.up and self._occupied < self.settings.workers

    def _next(self, waiting: Iterator[Job]) -> Job | None:
        exclusive = self.settings.sessions.exclusive
        return next_job(waiting, self.running.values(), self._sessions.living, exclusive=exclusive)

    def _begin(self, job: Job) -> None:
        now = self.clock()
        self.store.start_job(job, now)
        del self.waiting[job.id]
        self.running[job.id] = job
        if session := self._sessions.of(job):
            session.job_started(now)
            self._sessions.keep(session)
        if job.backend not in self.devices:
            self._end(job, "Failed", reason=f"Backend {job.backend} is no longer served.", code=1500)
            return
        self._occupied += 1
        self._transfers.read_inputs(job.id, partial(self._hand_over, job))

    def _hand_over(self, job: Job, inputs: Inputs | Exception) -> None:
        """Give a job to who computes, unless it was cancelled while its inputs were read."""
        if isinstance(inputs, Exception):
            self._fail(job, inputs, "when its inputs were read")
        if isinstance(inputs, Exception) or not self._launcher.up or self.running.get(job.id) is not job:
            self._occupied -= 1
            self._dispatch()
            return
        self._launcher.hand_over(job, inputs, self._begun)

    def _begun(self, job: Job) -> None:
        """Start to count a job's run time, unless it was cancelled meanwhile."""
        if self.running.get(job.id) is job:
            self.times.begin(job)

    def _done(self, job: Job, future: Future[JobOutput]) -> None:
        self._occupied -= 1
        if not self._launcher.up:
            return  # the server stops; whoever starts on its database runs the job again
        if self.running.get(job.id) is job and not future.cancelled() and job.id not in self._retries:
            self._take(job, future)
        self._dispatch()

    def _take(self, job: Job, future: Future[JobOutput]) -> None:
        error = future.exception()
        if error is None:
            outcome = future.result()
            self.times.ring_no_more(job)
            self._transfers.write_result(job.id, outcome.body, partial(self._complete, job, outcome))
        elif isinstance(error, ClusterAway) and job.id not in self._interrupted:
            self._wait_for_cluster(job, error)
        elif isinstance(error, TaskFailed):
            spent = None if error.charged else 0.0
            self._end(
                job, "Failed", seconds=spent, reason=error.reason, code=error.code, solution=error.solution
            )
        else:
            self._fail(job, error, "inside the simulator")

    def _complete(self, job: Job, outcome: JobOutput) -> None:
        if self.running.get(job.id) is not job:  # cancelled while its result was written
            self.store.bodies.forget("results", job.id)
            return
        job.circuits = outcome.circuits
        self.times.note(job, outcome.seconds)
        self._end(job, "Completed", result=outcome.body, seconds=outcome.seconds)
        self._dispatch()

    def _fail(self, job: Job, error: BaseException, where: str) -> None:
        logger.error("job %s failed %s", job.id, where, exc_info=error)
        reason = f"Internal error ({type(error).__name__})."
        self._end(job, "Failed", reason=reason, code=INTERNAL, seconds=0.0)

    def _wait_for_cluster(self, job: Job, away: ClusterAway) -> None:
        """Put a job back to where it was in the queue until the cluster is there again.

        One that was interrupted is begun a second time, and not more often: it may be what the cluster dies of.
        """
        if self.times.has_begun(job):
            self._interrupted.add(job.id)
        self.times.end(job)
        self._retries.call(job.id, partial(self._write_return, job))
        if self._away is not away.back:
            self._away = away.back
            loop = asyncio.get_running_loop()
            self._away.add_done_callback(lambda _: call_on(loop, self._dispatch))

    def _write_return(self, job: Job) -> None:
        self.store.return_job(job)
        self.running.pop(job.id, None)
        self.waiting = dict(sorted([*self.waiting.items(), (job.id, job)], key=lambda item: item[1].number))
        if session := self._sessions.of(job):
            session.job_returned()
            self._sessions.keep(session)

    def _ran_too_long(self, job: Job) -> None:
        if job.id in self.running:
            self._end(job, "Cancelled", reason=RAN_TOO_LONG.format(job.id, job.cost), code=1305)
            self._dispatch()

    def _end(
        self,
        job: Job,
        status: str,
        *,
        result: bytes | None = None,
        seconds: float | None = None,
        reason: str | None = None,
        code: int | None = None,
        solution: str | None = None,
    ) -> None:
        """Give up or take over what runs, and end the job as soon as that can be written."""
        ending = self._ending(job, status, seconds)
        said = [None if text is None else storable(readable(text)) for text in (reason, solution)]
        ending.update(reason=said[0], reason_code=code, reason_solution=said[1])
        self._let_go_of(job)
        try:
            self._retries.call(job.id, partial(self._write_end, job, ending, result))
        except Exception as error:  # whatever it is, a job that ended must not run again at every restart
            logger.exception("the end of job %s cannot be kept", job.id)
            ending.update(status="Failed", reason=UNKEPT.format(type(error).__name__), reason_code=INTERNAL)
            ending.update(reason_solution=None, seconds=0.0)
            self._retries.call(job.id, partial(self._write_end, job, ending, None))

    def _ending(self, job: Job, status: str, seconds: float | None = None) -> dict[str, Any]:
        """Return the fields of a job that its end changes."""
        now = max(self.clock(), job.started or job.created)  # the machine's clock may have been set back
        if job.id in self.running and seconds is None:
            seconds = self.times.of(job)
        return {"status": status, "finished": now, "seconds": seconds, "circuits": job.circuits}

    def _let_go_of(self, job: Job) -> None:
        self.times.end(job)
        self._interrupted.discard(job.id)
        self._launcher.abort(job)

    def _write_end(self, job: Job, ending: dict[str, Any], result: bytes | None) -> None:
        """Write a job's final state and tell its session and everybody who waits."""
        if job.final:
            return
        session, after = self._sessions.of(job), None
        if session is not None:
            after = session.copy()
            if job.id in self.running:
                after.job_finished(ending["finished"], ending["seconds"] or 0.0)
            else:
                after.job_dropped(ending["finished"])
        ended = copy(job)
        vars(ended).update(ending)
        self.store.finish_job(ended, result, session=after)
        vars(job).update(ending)
        self._transfers.forget(job.id)
        self.running.pop(job.id, None)
        self.waiting.pop(job.id, None)
        self._sessions.became(session, after)
        self._watchers.tell(job.id, result)

    def _cancel_waiting(self, session: Session) -> None:
        for job in [job for job in self.waiting.values() if job.session_id == session.id]:
            self._end(job, "Cancelled")

    def _let_time_pass(self) -> None:
        changed = self._sessions.pass_time()
        for session in changed:
            if session.closed:
                self._cancel_waiting(session)
            self._sessions.keep(session)
        if changed:
            self._dispatch()
