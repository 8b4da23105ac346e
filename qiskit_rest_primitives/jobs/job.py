"""``RuntimeJobV2``: the handle of one job, from submission to result."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers.exceptions import QiskitBackendNotFoundError

from .._calls import even_half_made
from .._doors import LazyMethod
from .._time import Deadline, parse_time
from ..exceptions import IBMRuntimeError
from ..models.backend import IBMBackend
from ..models.documents import BackendProperties
from ..rest.api import Api
from ..rest.lookup import reserved_tags, visible_tags
from ..rest.messages import UNREADABLE, readable
from ..rest.retry import HOLD
from ..wire.expected import DecodeHints
from ..wire.models import JobRecord
from . import waiting as job_wait
from .decoders import apply_decoders
from .inputs import load_inputs
from .private_client import InnerJobMembers
from .questions import JobQuestions
from .request import check_tags
from .result import LEAST, ResultFetcher
from .status import explain, failure_text, job_status, require_success

if TYPE_CHECKING:
    from ..service.service import QiskitRuntimeService
    from .watching import Callback

logger = logging.getLogger(__name__)


class RuntimeJobV2(JobQuestions, InnerJobMembers, BasePrimitiveJob[PrimitiveResult, str]):
    """A job on the service; ``run()`` of a primitive and ``service.job(id)`` return one.

    Safe to use from several threads. The result is fetched and decoded once and kept.

    Args:
        record: What is known about it; for a fresh submission, what ``Api.create_job`` returned.
        backend: Its backend, if there is a handle already.
        service: The service it runs on; the backend's when None.
        instance: CRN of the instance it belongs to; the backend's, or else the service's own, when None.
        hints: What decoding its result needs; None to recover it from the service when it is needed.
    """

    JOB_FINAL_STATES = ("DONE", "CANCELLED", "ERROR")
    ERROR = "ERROR"

    def __init__(
        self,
        record: JobRecord,
        backend: IBMBackend | None = None,
        *,
        service: QiskitRuntimeService | None = None,
        instance: str | None = None,
        hints: DecodeHints | None = None,
    ) -> None:
        super().__init__(record.id)
        if service is None:
            if backend is None:
                raise TypeError("A job needs its backend or its service.")
            service = backend.service
        self._service = service
        self._backend = backend
        self._instance = backend._instance if instance is None and backend is not None else instance
        self._record = replace(record, params=None, result=None)
        self._cancel_accepted = False
        self._result = ResultFetcher(hints, record.result)

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def service(self) -> QiskitRuntimeService:
        """The service it runs on."""
        return self._service

    @property
    def api(self) -> Api:
        """The REST endpoints it is reached through."""
        return self._service.api(self._instance)

    def job_ids(self) -> list[str]:
        """Return the ids of all parts of a ``run()`` that became several jobs (docs/jobs.md); usually just its own."""
        return [self.job_id()]

    @property
    def primitive_id(self) -> str | None:
        """The program: ``sampler``, ``estimator``, ..."""
        return self._record.program_id

    @property
    def session_id(self) -> str | None:
        """The session or batch it belongs to, if any."""
        return self._record.session_id

    @property
    def private(self) -> bool:
        """Whether inputs are withheld and the result can be read only once (rest-api.md 4.16)."""
        return self._record.private

    @property
    def image(self) -> str:
        """The runtime image that was asked for; empty if none was."""
        return self._record.runtime or ""

    @property
    def instance(self) -> str | None:
        """CRN of the instance it belongs to."""
        return self._instance or self._service.active_instance()

    @property
    def tags(self) -> list[str]:
        """The tags it was given; ``update_tags`` changes them."""
        return visible_tags(self._record.tags)

    @property
    def creation_date(self) -> datetime | None:
        """When the service accepted it, in local time."""
        created = self._described().created
        return None if created is None else created.astimezone()

    @property
    def usage_estimation(self) -> dict[str, Any]:
        """The service's estimate: ``{"quantum_seconds": seconds or None}``."""
        return {"quantum_seconds": self._described().estimated_running_time_seconds}

    def backend(self, timeout: float | None = None) -> IBMBackend | None:
        """Return the backend it runs on; None if the service does not say, or does not have it any more.

        Args:
            timeout: Accepted for compatibility; the backend is known without waiting.
        """
        del timeout
        if self._backend is None:
            name = self._record.backend or self._described().backend
            if name:
                with suppress(QiskitBackendNotFoundError):
                    self._backend = self._service.backend(
                        name, instance=self._instance, calibration_id=self._record.calibration_id
                    )
        return self._backend

    @even_half_made
    def __repr__(self) -> str:
        about = "".join(f", {part}" for part in self._about() if part)
        return f"<RuntimeJobV2({self.job_id()!r}, {self.primitive_id!r}{about})>"

    def _about(self) -> tuple[str | None, ...]:
        """Return what ``repr`` says beside id and program; asks nobody, so the state is that of the last answer."""
        return self._record.backend, self._word()

    _repr_html_ = LazyMethod("notebook.jobs:job")

    # -- how it stands -------------------------------------------------------------------------------------------

    def status(self) -> str:
        """Return how it stands; asks the service once per call until it is final.

        Returns:
            ``INITIALIZING``, ``QUEUED``, ``RUNNING``, ``DONE``, ``ERROR`` or ``CANCELLED``; a word of the service that
            is none of those is given in capitals.
        """
        if not self.is_final:
            self._refresh()
        return self._word()

    def _word(self) -> str:
        if self._cancel_accepted and not self._record.final:
            return "CANCELLED"
        return job_status(self._record)

    def done(self) -> bool:
        """Tell whether it has run and has a result."""
        return self.status() == "DONE"

    def running(self) -> bool:
        """Tell whether it is being run."""
        return self.status() == "RUNNING"

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self.status() == "CANCELLED"

    def errored(self) -> bool:
        """Tell whether it failed."""
        return self.status() == "ERROR"

    def in_final_state(self) -> bool:
        """Tell whether it will not change any more."""
        self.status()
        return self._record.final or self._cancel_accepted

    @property
    def is_final(self) -> bool:
        """Whether it is known to have ended; asks nobody."""
        if not self._record.final and self._result.fetched:  # it came along with the answer to the submission
            self._learn(replace(self._record, status="Completed"))
        return self._record.final

    def wait_for_final_state(
        self,
        timeout: float | None = None,
        poll_interval: float | None = None,
        *,
        callback: Callback | None = None,
        progress: bool | None = None,
    ) -> None:
        """Wait until it is done, failed or cancelled.

        Args:
            timeout: Seconds; None for as long as it takes.
            poll_interval: Seconds between questions, at least 0.1; None lets the service say when it is time.
            callback: Called with this job and each of its states from now on, once, those that were shorter than a look and
                the last one included: a ``JobState``, which is a word of ``status()`` with ``queue_position``,
                ``estimated_seconds`` and ``running_seconds`` where they are known. What it raises ends the wait.
            progress: Whether to show a line that says how it stands; None for terminals and notebooks (docs/jobs.md).

        Raises:
            RuntimeJobTimeoutError: The time is up; the job goes on.
        """
        self._wait_seen(Deadline(timeout), job_wait.least_interval(poll_interval), callback, progress)

    def _wait_seen(
        self, deadline: Deadline, interval: float | None, callback: Callback | None, progress: bool | None
    ) -> None:
        """Wait, and let those see how it stands who want to."""
        if callback is None and (self.is_final or not _seen(progress)):
            self._wait(deadline, interval)
            return
        from .watching import wait_watching

        wait_watching(self, deadline, interval=interval, callback=callback, progress=progress)

    def _wait(self, deadline: Deadline, poll_interval: float | None = None) -> None:
        if not self.is_final:
            self._learn(job_wait.wait(self.api, self.job_id(), deadline, poll_interval=poll_interval))

    def _handles(self) -> list[RuntimeJobV2]:
        """Return what the service knows as jobs, all of which are to be final before this is."""
        return [self]

    def _settle(self) -> None:
        """Take over what was learned of them."""

    def _refresh(self) -> None:
        self._learn(self.api.job(self.job_id()))

    def _learn(self, record: JobRecord) -> None:
        """Take over what the service says, except for ``params``, which may be large."""
        if record.status != self._record.status and logger.isEnabledFor(logging.INFO):
            logger.info("job %s is %s, was %s", record.id, job_status(record), job_status(self._record))
        self._record = record if record.params is None else replace(record, params=None)
        if record.final:
            self.api.submissions.journal.finish(record.id)

    def _described(self) -> JobRecord:
        """Return the record, asking first if only the answer to the submission is known."""
        if self._record.created is None:
            self._refresh()
        return self._record

    def error_message(self) -> str | None:
        """Return why it failed, None if it did not."""
        if self.status() != "ERROR":
            return None
        return explain(self._record, failure_text(self.api, self._record))

    # -- its result ----------------------------------------------------------------------------------------------

    def result(
        self,
        timeout: float | None = None,
        decoder: Any = None,
        poll_interval: float | None = None,
        *,
        refresh: bool = False,
        callback: Callback | None = None,
        progress: bool | None = None,
    ) -> Any:
        """Wait for the job and return its result; the first call fetches it, later ones return the same object.

        Args:
            timeout: Seconds for everything: waiting and download; None for as long as it takes.
            decoder: A class with ``decode(text)``, or several to be applied in turn, instead of the own decoding.
            poll_interval: As for ``wait_for_final_state``.
            refresh: Whether to fetch it again; a private result cannot be fetched again.
            callback: As for ``wait_for_final_state``.
            progress: As for ``wait_for_final_state``; one that nobody asked for comes up after a second.

        Returns:
            A ``PrimitiveResult`` for sampler and estimator jobs, a ``QuantumProgramResult`` for executor jobs.

        Raises:
            RuntimeJobFailureError: The job failed; the message holds the service's reason.
            RuntimeJobMaxTimeoutError: The job was stopped at its time limit (code 1305).
            RuntimeInvalidStateError: The job was cancelled, or its result is not to be had any more.
            RuntimeJobTimeoutError: ``timeout`` is up; the job goes on.
            ResultDecodeError: The result cannot be read; the error holds its bytes.
        """
        self.api.submissions.asked(self.job_id())
        if self._result.value is not None and decoder is None and not refresh:
            return self._result.value
        decoder = self._decoder if decoder is None else decoder
        deadline = Deadline(timeout)
        if poll_interval is None and callback is None and not progress:
            self._take_when_done(deadline, 1.0 if not self.is_final and _seen(progress) else HOLD)
        self._wait_seen(deadline, job_wait.least_interval(poll_interval), callback, progress)
        with job_wait.fetching(self.job_id(), deadline):
            require_success(self._record, failure_text(self.api, self._record, timeout=deadline.left(LEAST)))
            if decoder is not None:
                return apply_decoders(self._result.get_bytes(self.api, self._record, deadline), decoder)
            return self._result.get(self.api, self._record, deadline, again=refresh)

    def _take_when_done(self, deadline: Deadline, longest: float = HOLD) -> None:
        """Wait for the result itself instead of asking how the job stands first, which saves a request."""
        if self.is_final or self.private or self._cancel_accepted:
            return
        if self._result.take_when_done(self.api, self.job_id(), deadline, longest):
            self._learn(replace(self._record, status="Completed"))

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait without blocking the event loop; a wait that is given up leaves nothing behind."""
        from .awaiting import result_of

        self.api.submissions.asked(self.job_id())
        return result_of(self).__await__()

    # -- other questions -----------------------------------------------------------------------------------------

    @property
    def inputs(self) -> dict[str, Any]:
        """What it was given: ``pubs`` (circuits restored) or ``quantum_program``, ``options``; empty for private jobs."""
        record = self.api.job(self.job_id(), exclude_params=False)
        try:
            return load_inputs(record.params or {})
        except UNREADABLE as cause:
            raise IBMRuntimeError(
                f"The inputs of job {self.job_id()} cannot be read: {readable(cause, 200)}"
            ) from cause

    def properties(self, refresh: bool = False) -> BackendProperties | None:
        """Return the backend's calibration data as of when the job started running."""
        backend = self.backend()
        if backend is None:
            return None
        started = parse_time((self.metrics().get("timestamps") or {}).get("running"))
        return backend.properties(refresh, started or self.creation_date)

    def cancel(self) -> None:
        """Ask the service to cancel it.

        Raises:
            RuntimeInvalidStateError: It is finished already.
        """
        self.api.cancel_job(self.job_id())
        self._cancel_accepted = True

    def update_tags(self, new_tags: list[str]) -> list[str]:
        """Replace its tags.

        Args:
            new_tags: At most 8, each at most 86 characters (rest-api.md 1.7).

        Returns:
            Its tags from now on.

        Raises:
            IBMInputValueError: They are not a list of texts.
        """
        tags = (*check_tags(new_tags), *reserved_tags(self._record.tags))
        self.api.set_job_tags(self.job_id(), tags)
        self._record = replace(self._record, tags=tags)
        return self.tags

    # -- copies --------------------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> RuntimeJobV2:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what is known and fetched; the service leaves its secrets out."""
        state = {
            "_backend": self._backend,
            "_cancel_accepted": self._cancel_accepted,
            "_decoder": self._decoder,
            "_result": self._result,
        }
        record = replace(self._record, raw={}, params=None)
        return (_reopen, (self._service, record, self._service._instance_reference(self._instance), state))


def _seen(progress: bool | None) -> bool:
    from .progress import shows_progress

    return shows_progress(progress)


def _reopen(
    service: QiskitRuntimeService, record: JobRecord, instance: str | None, state: Mapping[str, Any]
) -> RuntimeJobV2:
    job = RuntimeJobV2(record, service=service, instance=instance)
    job.__dict__.update(state)
    return job


class JobList(list[RuntimeJobV2]):
    """A list of jobs, which a notebook shows as a table."""

    _repr_html_ = LazyMethod("notebook.jobs:jobs")
