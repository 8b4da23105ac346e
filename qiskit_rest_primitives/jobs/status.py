"""How a job stands, with its place in the queue and its times where they are known, and why it has no result."""

from __future__ import annotations

from typing import Any

from ..exceptions import (
    RequestsApiError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)
from ..rest.api import Api
from ..rest.messages import LONGEST_TEXT, readable
from ..wire.models import MAX_TIME_CODE, JobRecord

_STATUSES = {
    "initializing": "INITIALIZING",
    "queued": "QUEUED",
    "running": "RUNNING",
    "completed": "DONE",
    "failed": "ERROR",
    "cancelled": "CANCELLED",
}


def job_status(record: JobRecord) -> str:
    """Return the public status word of a job: ``INITIALIZING``, ``QUEUED``, ``RUNNING``, ``DONE``, ``ERROR`` or ``CANCELLED``.

    A job that ran too long counts as ``ERROR`` (rest-api.md 4.9); a word that begins with a known one counts as that one; any
    other word is returned in capitals.
    """
    if ran_too_long(record):
        return "ERROR"
    word = record.status.strip().lower()
    return next(
        (public for known, public in _STATUSES.items() if word == known or word.startswith(known + " ")),
        readable(record.status.upper(), 100),
    )


def has_pubs(program: str | None) -> bool:
    """Tell whether a program is a primitive, as an unknown one is taken to be."""
    return program in (None, "sampler", "estimator")


def ran_too_long(record: JobRecord) -> bool:
    """Tell whether the service stopped the job at its time limit (rest-api.md 1.6, 4.8)."""
    word = record.status.lower()
    return word.startswith("cancelled") and (record.reason_code == MAX_TIME_CODE or "too long" in word)


def explain(record: JobRecord, body: bytes | None = None) -> str | None:
    """Return why a job ended without a result, or None if it did not.

    ``body`` is what the results endpoint says, used when the record has no reason.
    """
    if job_status(record) != "ERROR":
        return None
    limit = f" of {record.cost} s" if record.cost else ""
    if ran_too_long(record):
        # The service's own text is a broken template here (rest-api.md 4.9).
        return f"Job {record.id} ran longer than its time limit{limit} (code {MAX_TIME_CODE})."
    reason = shown(record.reason) or _tail(body) or "the service gave no reason"
    code = f" (code {record.reason_code})" if record.reason_code is not None else ""
    advice = f" {shown(record.reason_solution)}" if record.reason_solution else ""
    return f"Job {record.id} failed{code}: {reason}{advice}"


def _tail(body: bytes | None) -> str:
    """Return the last traceback in a failed job's result text, or its end."""
    text = (body or b"").decode("utf-8", "replace").strip()
    start = text.rfind("Traceback")
    return shown(text[start:] if start >= 0 else text[-2000:])


def shown(text: object) -> str:
    """Return a text of the service's as it may be shown; the traceback of a program is long, and told whole."""
    return "" if text is None else readable(text, LONGEST_TEXT).rstrip()


def require_success(record: JobRecord, body: bytes | None = None) -> None:
    """Raise unless the job completed: a failure with the service's reason, or that it was cancelled."""
    status = job_status(record)
    if status == "ERROR":
        message = explain(record, body)
        if ran_too_long(record):
            raise RuntimeJobMaxTimeoutError(
                f"{message} Raise options.max_execution_time or give the job less to do.", job_id=record.id
            )
        raise RuntimeJobFailureError(message, job_id=record.id, reason_code=record.reason_code)
    if status == "CANCELLED":
        reason = f" The service says: {shown(record.reason)}" if record.reason else ""
        raise RuntimeInvalidStateError(
            f"Job {record.id} was cancelled, so it has no result.{reason}", job_id=record.id
        )


def failure_text(api: Api, record: JobRecord, *, timeout: float | None = None) -> bytes | None:
    """Return what the results endpoint says about a failed job whose record gives no reason, if anything."""
    if record.reason or job_status(record) != "ERROR":
        return None
    try:
        return api.job_results(record.id, expect_body=False, timeout=timeout)
    except (RequestsApiError, RuntimeJobNotFound):
        return None


WAITING = ("INITIALIZING", "QUEUED")
ENDS = ("DONE", "ERROR", "CANCELLED")


class JobState(str):
    """A word of ``job.status()``, equal to that text, which knows more.

    Attributes:
        queue_position: Its place in the queue, 1 for the next; None where the service does not say, or it does not wait.
        estimated_seconds: How long the service expects it to run, seconds; None where it does not say.
        running_seconds: For how long it has been running, or ran, seconds; None before, and where nobody saw it begin.
    """

    queue_position: int | None
    estimated_seconds: float | None
    running_seconds: float | None

    def __new__(
        cls,
        status: str,
        *,
        queue_position: int | None = None,
        estimated_seconds: float | None = None,
        running_seconds: float | None = None,
    ) -> JobState:
        """Make one of a word and what is known beside it."""
        state = super().__new__(cls, status)
        state.queue_position = queue_position
        state.estimated_seconds = estimated_seconds
        state.running_seconds = running_seconds
        return state

    def __repr__(self) -> str:
        known: dict[str, Any] = {name: value for name, value in vars(self).items() if value is not None}
        return f"JobState({', '.join([repr(str(self)), *(f'{name}={value!r}' for name, value in known.items())])})"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self in ENDS

    def describe(self) -> str:
        """Return it as people say it: ``QUEUED, 2 before it, runs about 12 s``, ``DONE after 11 s``."""
        parts = [str(self)]
        if self.running_seconds is not None:
            parts[0] += f" {'after' if self.final else 'for'} {duration(self.running_seconds)}"
        if self in WAITING and self.queue_position is not None:
            parts.append(
                f"{self.queue_position - 1} before it" if self.queue_position > 1 else "next in the queue"
            )
        if not self.final and self.estimated_seconds:
            parts.append(f"runs about {duration(self.estimated_seconds)}")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return seconds as people read them: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
