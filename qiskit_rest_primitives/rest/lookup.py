"""Finding the jobs that came of a submission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timezone
from typing import Any

from .._frozen import frozen
from ..wire.jsonio import dumps, loads
from ..wire.models import JobPage, JobRecord
from .messages import UNREADABLE, FailedAttempt, Request, Response, query_of, segment
from .transport import BodyError, Transport, read_json

TAG_PREFIX = "qrp-sub-"
WITH_RESULT = {"Prefer": "respond-async, wait=1", "Accept": "application/json-seq, application/json"}
"""Asks a server of this package to bring the result along if it has it in a moment (rest-api.md 10)."""
MAX_TAGS = 8
"""Tags that a job can have (rest-api.md 1.7)."""


@frozen
class Submission:
    """One logical submission.

    Attributes:
        id: Its identifier.
        tag: The reserved tag.
        document: The envelope as it is sent, with the reserved tag.
        tags: The user's own tags.
        request: What is sent, the same each time.
    """

    id: str
    tag: str
    document: Mapping[str, Any] = field(repr=False)
    tags: tuple[str, ...]
    request: Request = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any], *, identifier: str, with_result: bool = False) -> Submission:
        """Mark a copy of an envelope with an identifier, as header and as tag.

        The last of eight tags makes room for it, and is set when the job is known. ``with_result`` lets the answer bring the
        result along, of a job that is done in a moment.
        """
        tags = tuple(str(tag) for tag in body.get("tags") or ())
        tag = TAG_PREFIX + identifier
        room = MAX_TAGS - 1 if len(tags) == MAX_TAGS else len(tags)
        document = {**body, "tags": [*tags[:room], tag]}
        headers = {"Idempotency-Key": identifier, **(WITH_RESULT if with_result else {})}
        request = Request("POST", "/jobs", "POST /jobs", headers=headers, body=dumps(document))
        return cls(identifier, tag, document, tags, request)

    @property
    def displaced(self) -> bool:
        """Whether a tag of the user's own had to wait."""
        return len(self.tags) >= len(self.document["tags"])


def visible_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags that are the user's own."""
    return [tag for tag in tags if not tag.startswith(TAG_PREFIX)]


def reserved_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags that are not the user's, to be kept when the list is replaced."""
    return [tag for tag in tags if tag.startswith(TAG_PREFIX)]


def submission_of(tags: Iterable[str]) -> str | None:
    """Return the submission id that a job's tags hold, if they do."""
    return next((tag[len(TAG_PREFIX) :] for tag in tags if tag.startswith(TAG_PREFIX)), None)


def find_by_id(transport: Transport, submission_id: str, *, timeout: float | None) -> list[JobRecord]:
    """Return the jobs with a submission's tag, oldest first, insisting on an answer as ``Transport.json`` does."""
    segment(submission_id, what="submission id")
    tag = TAG_PREFIX + submission_id
    return _tagged(transport.read(_list_request(tag), JobPage.from_wire, timeout=timeout), tag)


def ask_once(
    transport: Transport, submission: Submission, *, deadline: float | None
) -> list[JobRecord] | FailedAttempt:
    """Ask once for the jobs of a submission; oldest first; ``deadline`` is a moment on the transport's clock."""
    request = _list_request(submission.tag)
    page = transport.attempt(request, _read_page, deadline=deadline)
    return page if isinstance(page, FailedAttempt) else _tagged(page, submission.tag)


def read_job(response: Response) -> JobRecord:
    """Read an answer that is a job, or a sequence (RFC 7464) of a job that is completed and its result; else a ``BodyError``."""
    try:
        if response.headers.get("content-type", "").startswith("application/json-seq"):
            _, job, result = response.body.split(b"\x1e")
            return replace(JobRecord.from_wire(loads(job)), result=result[:-1])
        return JobRecord.from_wire(read_json(response))
    except UNREADABLE as cause:
        raise BodyError("The answer holds no job id") from cause


def read_known(transport: Transport, job_id: str, *, timeout: float | None) -> JobRecord:
    """Return a job by its id."""
    return transport.read(job_request(job_id), JobRecord.from_wire, timeout=timeout)


def job_request(job_id: str, *, exclude_params: bool = True, headers: Mapping[str, str] = {}) -> Request:
    """Return the question how a job is, and with what it was submitted."""
    path = f"/jobs/{segment(job_id, what='job id')}"
    query = query_of({"exclude_params": exclude_params})
    return Request("GET", path, "GET /jobs/{id}", query, headers, job_id=job_id)


def _list_request(tag: str) -> Request:
    query = query_of({"tags": [tag], "limit": 20, "exclude_params": True})
    return Request("GET", "/jobs", "GET /jobs", query)


def _read_page(response: Response) -> JobPage:
    try:
        return JobPage.from_wire(read_json(response))
    except UNREADABLE as cause:
        raise BodyError("The answer is not a list of jobs") from cause


def _tagged(page: JobPage, tag: str) -> list[JobRecord]:
    """Return the jobs with a tag, oldest first; a service that ignores the filter must not give us strangers."""
    latest = datetime.max.replace(tzinfo=timezone.utc)
    found = (job for job in page.jobs if tag in job.tags)
    return sorted(found, key=lambda job: (job.created or latest, job.id))
