"""``ProgramJob``: a job that runs a program, with what the program publishes on its way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qiskit.providers import JobStatus

from .._calls import even_half_made
from ..exceptions import IBMApiError, ResultDecodeError, RuntimeInvalidStateError
from ..jobs.decoders import ResultDecoder
from ..jobs.job import RuntimeJobV2
from ..rest.messages import UNREADABLE, readable
from ..wire import jsonio, typed
from ..wire.models import JobRecord
from .api import ProgramsApi

if TYPE_CHECKING:
    from ..service.service import QiskitRuntimeService

logger = logging.getLogger(__name__)

Callback = Callable[[str, Any], None]
Decoder = type[ResultDecoder]
HOLD_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


class JobWord(str):
    """A status as text, equal also to the ``JobStatus`` that scripts for programs compare it with."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The text."""
        return str(self)

    @property
    def value(self) -> str:
        """Qiskit's sentence about it."""
        return str(JobStatus[self].value)

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other.name if isinstance(other, JobStatus) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class ProgramJob(RuntimeJobV2):
    """A job of ``service.run``.

    Args:
        record: What is known about it.
        service: The service it runs on.
        instance: CRN of the instance it belongs to.
        result_decoder: Reads the result, or a pair: interim results first, then the result.
        callback: Called with job id and each interim result, and then the result, from a thread of its own.
    """

    def __init__(
        self,
        record: JobRecord,
        *,
        service: QiskitRuntimeService,
        instance: str | None = None,
        result_decoder: Decoder | Sequence[Decoder] | None = None,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(record, service=service, instance=instance)
        pair = list(result_decoder) if isinstance(result_decoder, Sequence) else [result_decoder] * 2
        self._interim_decoder: Decoder | None = pair[0]
        self._decoder = pair[-1]
        self._streams: list[_Stream] = []
        if callback is not None:
            self.stream_results(callback)

    @property
    def program_id(self) -> str | None:
        """The program."""
        return self.primitive_id

    def status(self) -> JobWord:
        """Return how it stands: a text as that of ``RuntimeJobV2.status``, which equals a ``JobStatus`` too."""
        return JobWord(super().status())

    def cancel(self) -> None:
        """Ask the service to cancel it, and end all streams.

        Raises:
            RuntimeInvalidStateError: It is finished already.
        """
        super().cancel()
        self.cancel_result_streaming()

    @property
    def _programs(self) -> ProgramsApi:
        return ProgramsApi(self.api.transport)

    def interim_results(self, decoder: Decoder | None = None) -> list[Any]:
        """Return what the program has published so far, oldest first.

        Args:
            decoder: Reads each of them, instead of the one that ``service.run`` was given.
        """
        found: list[Any] = []
        while True:
            page = self._programs.interim_results(self.job_id(), offset=len(found))
            found += page.results
            if not page.results or page.complete is not False:
                return [_read(each, decoder or self._interim_decoder) for each in found]

    def stream_results(self, callback: Callback, decoder: Decoder | None = None) -> None:
        """Call back with each interim result, in order, and then with the result if there is one.

        The calls come from a thread of its own. Streams that are begun late, or after the job has ended, start with the
        first interim result all the same; a connection that breaks is taken up where it broke.

        Args:
            callback: Called with job id and result. If it raises, its stream ends.
            decoder: Reads interim results and result, instead of those that ``service.run`` was given.

        Raises:
            RuntimeInvalidStateError: A stream to the same callback is running.
        """
        self._streams = [stream for stream in self._streams if stream.running]
        if any(stream.callback == callback for stream in self._streams):
            raise RuntimeInvalidStateError("The results are being streamed to this callback already.")
        self._streams.append(_Stream(self, callback, decoder))

    def cancel_result_streaming(self) -> None:
        """End all streams; a callback that is at work finishes, and is not called again."""
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.cancel()

    @even_half_made
    def __repr__(self) -> str:
        return f"<ProgramJob({self.job_id()!r}, {self.program_id!r})>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what is known, without the streams."""
        _, (service, record, instance, state) = super().__reduce__()
        return (_reopen, (service, record, instance, state, (self._interim_decoder, self._decoder)))

    def _follow(self, stop: threading.Event) -> Iterator[Any]:
        """Yield interim results as they come, until the job has ended and there are no more."""
        offset, pause, ended = 0, FIRST_PAUSE, False
        while not stop.is_set():
            page = self._programs.interim_results(self.job_id(), offset=offset, wait=HOLD_SECONDS)
            for each in page.results:
                if stop.is_set():
                    return
                yield each
            offset += len(page.results)
            if page.complete or (ended and not page.results):
                return
            if page.complete is None:  # a server that neither holds answers nor tells the end
                ended = self.in_final_state()
                pause = FIRST_PAUSE if page.results else min(2 * pause, LONGEST_PAUSE)
                stop.wait(0 if ended else pause)


def _reopen(
    service: QiskitRuntimeService,
    record: JobRecord,
    instance: str | None,
    state: Mapping[str, Any],
    decoders: tuple[Any, Any],
) -> ProgramJob:
    job = ProgramJob(record, service=service, instance=instance, result_decoder=decoders)
    job.__dict__.update(state)
    return job


class _Stream:
    """One stream of one job."""

    def __init__(self, job: ProgramJob, callback: Callback, decoder: Decoder | None) -> None:
        self.callback = callback
        self._job = job
        self._interim_decoder = decoder or job._interim_decoder
        self._decoder = decoder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"results of {job.job_id()}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive() and not self._stop.is_set()

    def cancel(self) -> None:
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(1.0)  # it may be waiting for an answer, which nobody hears any more

    def _run(self) -> None:
        job_id = self._job.job_id()
        try:
            for result in self._job._follow(self._stop):
                self.callback(job_id, _read(result, self._interim_decoder))
            if not self._stop.is_set() and self._job.done():
                self.callback(job_id, self._job.result(decoder=self._decoder))
        except IBMApiError as error:
            logger.warning("The stream of job %s ended: %s", job_id, error)
        except Exception:
            logger.exception("The stream of job %s ended", job_id)


def _read(result: Any, decoder: Decoder | None) -> Any:
    """Read one interim result with the user's decoder, which wants text, or by its tags."""
    if decoder is not None:
        return decoder.decode(jsonio.dumps(result, spell_nonfinite=True).decode())
    try:
        return typed.load(result)
    except UNREADABLE as cause:
        raise ResultDecodeError(f"An interim result cannot be read: {readable(cause, 500)}") from cause
