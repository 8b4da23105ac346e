"""How a job stands, in words, and why it has no result."""

from __future__ import annotations

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

__all__ = ["explain", "failure_text", "has_pubs", "job_status", "require_success", "shown"]

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
        reason = f" The service says: {shown(record.reason)}" if record.reason else ""
        raise RuntimeInvalidStateError(
            f"Job {record.id} was cancelled, so it has no result.{reason}", job_id=record.id
        )


def failure_text(api: Api, record: JobRecord, *, timeout: float | None = None) -> bytes | None:
    """Return what the results endpoint says about a failed job whose record gives no reason, if anything.

    Args:
        api: Whom to ask.
        record: The job.
        timeout: Seconds.
    """
    if record.reason or job_status(record) != "ERROR":
        return None
    try:
        return api.job_results(record.id, expect_body=False, timeout=timeout)
    except (RequestsApiError, RuntimeJobNotFound):
        return None
