"""From the bytes of a finished job to what its user gets: the result, or the error that says why there is none."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

from qiskit.primitives import BitArray, PrimitiveResult, SamplerPubResult

from .._locks import fork_safe_lock
from ..exceptions import (
    RequestsApiError,
    ResultDecodeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)
from ..rest.messages import LONGEST_TEXT, UNREADABLE, readable
from ..results.estimator_pub_result import EstimatorPubResult
from ..results.execution_spans import ExecutionSpans
from ..wire import result_body, typed
from ..wire.expected import Expected
from ..wire.models import MAX_TIME_CODE, JobRecord
from ..wire.program_bodies import load_answer
from .request import DecodeHints

__all__ = [
    "ResultOnce",
    "apply_decoders",
    "decode",
    "explain",
    "failure_text",
    "fetch",
    "has_pubs",
    "job_status",
    "require_success",
]

logger = logging.getLogger(__name__)

_STATUSES = {
    "initializing": "INITIALIZING",
    "queued": "QUEUED",
    "running": "RUNNING",
    "completed": "DONE",
    "failed": "ERROR",
    "cancelled": "CANCELLED",
}


def job_status(record: JobRecord) -> str:
    """Return the public status word of a job.

    Returns:
        ``INITIALIZING``, ``QUEUED``, ``RUNNING``, ``DONE``, ``ERROR`` or ``CANCELLED``. A job that ran too long counts
        as ``ERROR`` (rest-api.md 4.9); a word that begins with a known one counts as that one; any other word is
        returned in capitals.
    """
    if ran_too_long(record):
        return "ERROR"
    word = record.status.strip().lower()
    return next(
        (public for known, public in _STATUSES.items() if word == known or word.startswith(known + " ")),
        record.status.upper(),
    )


def has_pubs(record: JobRecord) -> bool:
    """Tell whether a job is one of a primitive, as a job of an unknown program is taken to be."""
    return record.program_id in (None, "sampler", "estimator")


def ran_too_long(record: JobRecord) -> bool:
    """Tell whether the service stopped the job at its time limit (rest-api.md 1.6, 4.8)."""
    word = record.status.lower()
    return word.startswith("cancelled") and (record.reason_code == MAX_TIME_CODE or "too long" in word)


def explain(record: JobRecord, body: bytes | None = None) -> str | None:
    """Return why a job ended without a result, or None if it did not.

    Args:
        record: The job.
        body: What the results endpoint says, used when the record has no reason.
    """
    if job_status(record) != "ERROR":
        return None
    limit = f" of {record.cost} s" if record.cost else ""
    if ran_too_long(record):
        # The service's own text is a broken template here (rest-api.md 4.9).
        return f"Job {record.id} ran longer than its time limit{limit} (code {MAX_TIME_CODE})."
    reason = _shown(record.reason) or _tail(body) or "the service gave no reason"
    code = f" (code {record.reason_code})" if record.reason_code is not None else ""
    advice = f" {_shown(record.reason_solution)}" if record.reason_solution else ""
    return f"Job {record.id} failed{code}: {reason}{advice}"


def _tail(body: bytes | None) -> str:
    """Return the last traceback in a failed job's result text, or its end."""
    text = (body or b"").decode("utf-8", "replace").strip()
    start = text.rfind("Traceback")
    return _shown(text[start:] if start >= 0 else text[-2000:])


def _shown(text: object) -> str:
    """Return a text of the service's as it may be shown; the traceback of a program is long, and told whole."""
    return "" if text is None else readable(text, LONGEST_TEXT).rstrip()


def require_success(record: JobRecord, body: bytes | None = None) -> None:
    """Raise unless the job completed.

    Raises:
        RuntimeJobMaxTimeoutError: It was stopped at its time limit.
        RuntimeJobFailureError: It failed; the message holds the service's reason and the job id.
        RuntimeInvalidStateError: It was cancelled.
    """
    status = job_status(record)
    if status == "ERROR":
        message = explain(record, body)
        if ran_too_long(record):
            raise RuntimeJobMaxTimeoutError(
                f"{message} Raise options.max_execution_time or give the job less to do.", job_id=record.id
            )
        raise RuntimeJobFailureError(message, job_id=record.id, reason_code=record.reason_code)
    if status == "CANCELLED":
        reason = f" The service says: {_shown(record.reason)}" if record.reason else ""
        raise RuntimeInvalidStateError(
            f"Job {record.id} was cancelled, so it has no result.{reason}", job_id=record.id
        )


def failure_text(ask: Callable[[], bytes | None], record: JobRecord) -> bytes | None:
    """Return what the results endpoint says about a failed job whose record gives no reason, if anything.

    Args:
        ask: Asks the service.
        record: The job.
    """
    if record.reason or job_status(record) != "ERROR":
        return None
    try:
        return ask()
    except (RequestsApiError, RuntimeJobNotFound):
        return None


def fetch(ask: Callable[[], bytes | None], record: JobRecord) -> bytes:
    """Get the bytes of a completed job's result.

    Args:
        ask: Asks the service; None says that there is none.
        record: The job.

    Raises:
        RuntimeInvalidStateError: The service has none, or none any more.
        ResultDecodeError: The answer was empty or the web page of somebody on the way; asking again may give more.
    """
    cause: RuntimeJobNotFound | None = None
    try:
        body = ask()
    except RuntimeJobNotFound as error:
        body, cause = None, error
    except RequestsApiError as error:
        if error.failure is None or error.failure.kind != "body" or error.failure.status is None:
            raise  # no whole answer came, so there is nothing to judge
        body = error.failure.body
        saved_to = keep(body, record.id) if record.private and body else None
        raise _undecodable(body, record, error, saved_to) from error
    if body:
        return body
    once = ": the result of a private job can be read only once." if record.private else "."
    if cause is not None and cause.failure is not None and cause.failure.solution and not record.private:
        once = f". {_shown(cause.failure.solution)}"
    raise RuntimeInvalidStateError(
        f"The service has no result of job {record.id} any more{once}", job_id=record.id
    ) from cause


def decode(body: bytes, record: JobRecord, hints: DecodeHints) -> Any:
    """Decode a result body.

    Args:
        body: As it came.
        record: The job.
        hints: Shapes, and the maps that bring the user's names back.

    Returns:
        A ``PrimitiveResult`` for sampler and estimator jobs; what ``load_answer`` gives for other programs; what the
        body says for sampler and estimator jobs from before there were PUBs.

    Raises:
        ResultDecodeError: The body cannot be read; it is kept in the error, and for a private job in a file as well.
    """
    saved_to = keep(body, record.id) if record.private else None  # first: it can be had only once
    try:
        result = _decoded(body, record, hints)
    except UNREADABLE as cause:
        raise _undecodable(body, record, cause, saved_to) from cause
    if saved_to is not None:
        Path(saved_to).unlink(missing_ok=True)
    return result


def _decoded(body: bytes, record: JobRecord, hints: DecodeHints) -> Any:
    if not has_pubs(record):
        return load_answer(body)
    try:
        result = result_body.load_result(body, expected=_expected(record, hints))
    except ValueError:
        if (old := _from_before_pubs(body)) is None:
            raise
        return old
    named = result if hints.maps is None else result_body.rename_registers(result, hints.maps)
    return _with_all_metadata(named)


def _expected(record: JobRecord, hints: DecodeHints) -> Expected:
    program = record.program_id
    return Expected(
        program if program in ("sampler", "estimator") else None,  # type: ignore[arg-type] # one of these words
        hints.shapes,
        hints.maps,
        hints.shots,
    )


def _from_before_pubs(body: bytes) -> dict[str, Any] | None:
    """Return the result of a V1 primitive, which had one list for all its circuits (rest-api.md 7.3); else None."""
    try:
        document = typed.loads(body)
    except ValueError:
        return None
    known = isinstance(document, dict) and ("quasi_dists" in document or "values" in document)
    return document if known else None


def _with_all_metadata(result: PrimitiveResult[Any]) -> PrimitiveResult[Any]:
    """Give the metadata of samplers and estimators the same keys, where the service leaves some out (docs/compatibility.md).

    Results of estimators get their own class, which can draw; on the wire they are just results.

    The shots of a sampler PUB are those of its samples; what the other keys would tell is not known: None or empty.
    """
    pubs = [
        pub if isinstance(pub, SamplerPubResult) else EstimatorPubResult(pub.data, pub.metadata)
        for pub in result
    ]
    for pub in pubs:
        if isinstance(pub, SamplerPubResult):
            for samples in pub.data.values():
                if isinstance(samples, BitArray):
                    pub.metadata.setdefault("shots", samples.num_shots)
        for key in ("shots", "target_precision", "num_randomizations"):
            pub.metadata.setdefault(key, None)
        for key in ("circuit_metadata", "resilience"):
            pub.metadata.setdefault(key, {})
    result.metadata.setdefault("version", 2)
    execution = result.metadata.setdefault("execution", {})
    if isinstance(execution, dict):
        execution.setdefault("execution_spans", ExecutionSpans([]))
    return PrimitiveResult(pubs, result.metadata)


class ResultOnce:
    """The result of one job: fetched once and decoded once, whatever number of threads ask for it.

    Attributes:
        value: The decoded result; None until there is one.
        body: The bytes of a result that is not decoded yet, and of every private one: it can be read only once.
        reader: Names this reader to the service, so that a private result whose answer was lost can be had again.
    """

    def __init__(self, value: Any = None, body: bytes | None = None) -> None:
        self.value = value
        self.body = body
        self.reader = uuid.uuid4().hex
        self._lock = fork_safe_lock()

    def get(
        self,
        fetch: Callable[[], bytes],
        read: Callable[[bytes], Any],
        *,
        again: bool = False,
        private: bool = False,
        wait: float | None = None,
    ) -> Any:
        """Return the result.

        Args:
            fetch: Gets the bytes from the service.
            read: Decodes them.
            again: Whether to fetch and decode anew; private bytes are only decoded anew.
            private: Whether the bytes can be had only once.
            wait: Seconds to wait for another thread that is at it; None for as long as it takes.

        Raises:
            TimeoutError: The other thread took longer.
        """
        with self._alone(wait):
            if self.value is None or again:
                self.body = self._bytes(fetch, again=again and not private)
                self.value = read(self.body)
                if not private:
                    self.body = None
            return self.value

    def get_bytes(self, fetch: Callable[[], bytes], *, private: bool, wait: float | None = None) -> bytes:
        """Return the bytes, for decoding in another way; ``wait`` as for ``get``."""
        with self._alone(wait):
            body = self._bytes(fetch, again=False)
            if private:
                self.body = body
            return body

    def take(self, fetch: Callable[[], bytes | None]) -> bool:
        """Fetch bytes ahead of ``get``, unless another thread is doing so already.

        Returns:
            Whether there are some now.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self.value is None and self.body is None:
                self.body = fetch()
            return self.value is not None or self.body is not None
        finally:
            self._lock.release()

    @contextmanager
    def _alone(self, wait: float | None) -> Iterator[None]:
        if not self._lock.acquire(timeout=-1 if wait is None else max(wait, 0.0)):
            raise TimeoutError("Another thread is fetching the result.")
        try:
            yield
        finally:
            self._lock.release()

    def _bytes(self, fetch: Callable[[], bytes], *, again: bool) -> bytes:
        return fetch() if self.body is None or again else self.body

    def __reduce__(self) -> tuple[Any, ...]:
        return (ResultOnce, (self.value, self.body))


def apply_decoders(body: bytes, decoders: Any) -> Any:
    """Apply the caller's decoder classes to the text of a result, each to what the one before gave."""
    chain = decoders if isinstance(decoders, Sequence) else [decoders]
    text = body.decode("utf-8")
    return reduce(
        lambda value, decoder: (
            decoder.decode(value) if getattr(decoder, "is_applicable", lambda _: True)(value) else value
        ),
        chain,
        text,
    )


def _undecodable(body: bytes, record: JobRecord, cause: Exception, saved_to: str | None) -> ResultDecodeError:
    path = str(getattr(cause, "path", "$"))
    where = (
        f"The body, which the service does not give out a second time, was saved to {saved_to}."
        if saved_to
        else "The body is in this error's attribute 'body'; job.result() tries again."
    )
    return ResultDecodeError(
        f"The result of job {record.id} cannot be read at {path}: {cause} ({len(body)} bytes). {where}",
        path=path,
        body=body,
        saved_to=saved_to,
        job_id=record.id,
    )


def keep(body: bytes, job_id: str) -> str | None:
    """Write a body to a file that only this user can read; None if that cannot be done."""
    try:
        shown = "".join(one if one.isascii() and one.isalnum() else "_" for one in job_id[:40])
        handle, name = tempfile.mkstemp(prefix=f"qiskit-result-{shown}-", suffix=".json")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
    except OSError as cause:
        logger.warning("The result of job %s could not be saved before decoding: %s", job_id, cause)
        return None
    return name
