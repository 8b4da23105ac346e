"""One method per REST endpoint, returning records, plain values or bytes.

Where there is a ``timeout`` it is in seconds, for everything that the method does; ``wait`` is for how long the server may
hold its answer until the job is final. Paths are below ``/api/v1``; the sections named are those of docs/rest-api.md.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ..wire.jsonio import dumps
from ..wire.models import DeviceRecord, JobPage, JobRecord, SessionRecord
from .lookup import job_request
from .messages import UNREADABLE, FailedAttempt, Failure, Query, Request, Response, query_of, segment
from .retry import Poll, retry_after
from .submission import Submissions
from .transport import BodyError, Transport, read_any, read_full, read_json, read_unread


class Api:
    """The service's endpoints, for one instance; jobs are created exactly once, without a journal if none is given."""

    def __init__(self, transport: Transport, *, submissions: Submissions | None = None) -> None:
        self.transport = transport
        self.submissions = submissions or Submissions(transport)

    def error(self, failure: Failure) -> Exception:
        """Make the exception that stands for a failure."""
        return self.transport.error(failure)

    # Backends, sections 1.4 and 3

    def versions(self) -> list[str]:
        """List the API versions that the service speaks, oldest first."""
        request = Request("GET", "/versions", "GET /versions")
        return self.transport.read(
            request,
            lambda it: [
                str(item["version"] if isinstance(item, Mapping) else item) for item in it["versions"]
            ],
        )

    def backends(self, *, include_mocks: bool = True, timeout: float | None = None) -> list[DeviceRecord]:
        """List the devices of the instance; mocks are among them unless they are not wanted."""
        query = query_of({"include_mocks": "True" if include_mocks else None})
        return self._devices(query, timeout)

    def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> dict[str, Any]:
        """Return a backend's configuration document (3.2)."""
        path = f"/backends/{segment(name, what='backend name')}/configuration"
        query = query_of({"calibration_id": calibration_id})
        return dict(self._get(path, "GET /backends/{name}/configuration", query))

    def backend_properties(
        self,
        name: str,
        *,
        updated_before: datetime | str | None = None,
        calibration_id: str | None = None,
    ) -> dict[str, Any] | None:
        """Return a backend's properties document (3.3), or None if it has none."""
        path = f"/backends/{segment(name, what='backend name')}/properties"
        query = query_of({"updated_before": _moment(updated_before), "calibration_id": calibration_id})
        request = Request("GET", path, "GET /backends/{name}/properties", query)
        document: Any = self.transport.request(request, read=_object_or_none)
        return document or None

    def backend_status(self, name: str) -> dict[str, Any]:
        """Return a backend's status document (3.4)."""
        path = f"/backends/{segment(name, what='backend name')}/status"
        return dict(self._get(path, "GET /backends/{name}/status"))

    # Jobs, section 4

    def create_job(self, body: Mapping[str, Any], *, timeout: float | None = None) -> JobRecord:
        """Create exactly one job of an envelope of 4.1, whatever happens to the connection; see ``rest.submission``."""
        return self.submissions.submit(body, timeout=timeout)

    def job(self, job_id: str, *, exclude_params: bool = True, timeout: float | None = None) -> JobRecord:
        """Return a job, what was submitted left out unless it is asked for."""
        request = job_request(job_id, exclude_params=exclude_params)
        return self.transport.read(request, JobRecord.from_wire, timeout=timeout)

    def poll_job(
        self, job_id: str, *, wait: float | None = None, timeout: float | None = None
    ) -> Poll | FailedAttempt:
        """Ask once about a job; a failed attempt is returned, not raised."""
        request = job_request(job_id, headers=_prefer(wait))
        outcome = self.transport.attempt(request, _read_poll, deadline=self.transport.deadline(timeout))
        if isinstance(outcome, Poll) and outcome.held:
            self.transport.holds_answers = True
        return outcome

    def jobs(
        self,
        *,
        limit: int | None = None,
        offset: int = 0,
        pending: bool | None = None,
        program: str | None = None,
        backend: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        descending: bool = True,
        tags: Sequence[str] = (),
        session_id: str | None = None,
        exclude_params: bool = True,
        include_mocks: bool = False,
        provider: str | None = None,
        timeout: float | None = None,
    ) -> JobPage:
        """Return one page of jobs (4.10): at most 200, newest first unless ``descending`` is false."""
        query = query_of(
            {
                "limit": limit,
                "offset": offset or None,
                "pending": pending,
                "program": program,
                "backend": backend,
                "created_after": _moment(created_after),
                "created_before": _moment(created_before),
                "sort": None if descending else "ASC",
                "tags": list(tags),
                "session_id": session_id,
                "exclude_params": exclude_params,
                "include_mocks": "True" if include_mocks else None,
                "provider": provider,
            }
        )
        request = Request("GET", "/jobs", "GET /jobs", query)
        return self.transport.read(request, JobPage.from_wire, timeout=timeout)

    def job_results(
        self,
        job_id: str,
        *,
        reader: str | None = None,
        expect_body: bool = True,
        timeout: float | None = None,
    ) -> bytes | None:
        """Return the body of a job's results as it came (4.11), or None while there is none (204).

        The journal takes a job whose result was read for finished. ``reader`` names who reads, so that the only answer about
        a private job can be repeated if it was lost. An empty 200 is damage, to be asked for again, where a body is expected;
        that of a failed job need not be.
        """
        named = {"Idempotency-Key": reader} if reader else {}
        request = _about("GET", job_id, "/results", headers={**named, "Accept": "*/*"})
        read = read_full if expect_body else read_any
        response = self.transport.request(request, read=read, timeout=timeout)
        if response.status == 204:
            return None
        self.submissions.journal.finish(job_id)
        return response.body

    def held_results(self, job_id: str, *, wait: float, timeout: float | None = None) -> bytes | None:
        """Wait for a job and return its results with one request, where the service can do that.

        Only an answer that says ``Preference-Applied: wait`` and is JSON is taken: such a service answers so for
        completed jobs and no others. Anything else, trouble included, is None, and left to the usual way. Not for private
        jobs, whose results may be read only once.
        """
        request = _about("GET", job_id, "/results", headers={**_prefer(wait), "Accept": "*/*"})
        outcome = self.transport.attempt(request, read_unread, deadline=self.transport.deadline(timeout))
        if isinstance(outcome, FailedAttempt) or outcome.status != 200:
            return None
        kind = outcome.headers.get("content-type", "")
        held = "wait" in outcome.headers.get("preference-applied", "")
        return outcome.body if held and kind.startswith("application/json") else None

    def job_metrics(
        self, job_id: str, *, version: str | None = None, timeout: float | None = None
    ) -> dict[str, Any]:
        """Return a job's metrics document (4.15), as of another API date if one is given."""
        headers = {"IBM-API-Version": version} if version else {}
        request = _about("GET", job_id, "/metrics", headers=headers)
        return self.transport.read(request, _metrics, timeout=timeout)

    def job_logs(self, job_id: str) -> str:
        """Return a job's logs."""
        request = _about("GET", job_id, "/logs", headers={"Accept": "text/plain"})
        return self.transport.request(request).body.decode("utf-8", "replace")

    def cancel_job(self, job_id: str) -> None:
        """Cancel a job; the service refuses (409) if it is final already."""
        self.transport.request(_about("POST", job_id, "/cancel"), settled=(409,))

    def delete_job(self, job_id: str) -> None:
        """Delete a job for good."""
        self.transport.request(_about("DELETE", job_id, ""), settled=(404,))

    def set_job_tags(self, job_id: str, tags: Sequence[str]) -> None:
        """Replace a job's tags (the whole list, so the reserved ones must be in it)."""
        self.transport.request(_about("PUT", job_id, "/tags", body=dumps({"tags": list(tags)})))

    def tags(self, search: str) -> list[str]:
        """List the tags that contain a term of 3 to 100 characters."""
        request = Request("GET", "/tags", "GET /tags", query_of({"type": "job", "search": search}))
        return self.transport.read(request, lambda it: [str(tag) for tag in it["tags"]])

    # Sessions and batches, sections 5.1 to 5.5

    def create_session(self, *, mode: str, backend: str, max_ttl: int | None = None) -> SessionRecord:
        """Create a session (``mode="dedicated"``) or batch (``mode="batch"``); ``max_ttl`` is in seconds."""
        return self._open_session({"mode": mode, "backend": backend, "max_ttl": max_ttl})

    def session(self, session_id: str) -> SessionRecord:
        """Return a session or batch."""
        return self.transport.read(_about_session("GET", session_id), SessionRecord.from_wire)

    def close_session(self, session_id: str) -> None:
        """Accept no more jobs; queued ones still run."""
        self.transport.request(_about_session("PATCH", session_id, body=dumps({"accepting_jobs": False})))

    def cancel_session(self, session_id: str) -> None:
        """Close at once and cancel the queued jobs."""
        self.transport.request(_about_session("DELETE", session_id, "/close"), settled=(404,))

    # Instance, usage, workloads, sections 5.6 and 5.7

    def usage(self) -> dict[str, Any]:
        """Return what the instance has used (seconds)."""
        return self.transport.read(Request("GET", "/instances/usage", "GET /instances/usage"), _usage)

    def instance(self) -> dict[str, Any]:
        """Return the instance's plan and limits."""
        return dict(self._get("/instance", "GET /instance"))

    def workloads(self, **filters: Any) -> dict[str, Any]:
        """Return one page of jobs, sessions and batches in one list; filters as in 5.6."""
        request = Request("GET", "/workloads", "GET /workloads", query_of(filters))
        return self.transport.read(request, _workloads)

    def _devices(self, query: Query, timeout: float | None) -> list[DeviceRecord]:
        request = Request("GET", "/backends", "GET /backends", query)
        return self.transport.read(
            request,
            lambda it: [DeviceRecord.from_wire(item) for item in it.get("devices") or ()],
            timeout=timeout,
        )

    def _open_session(self, document: Mapping[str, Any]) -> SessionRecord:
        """Send it until it is answered: with the same key, a service that knows keys opens one session only."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        body = dumps({key: value for key, value in document.items() if value is not None})
        request = Request("POST", "/sessions", "POST /sessions", headers=headers, body=body)
        return self.transport.read(request, SessionRecord.from_wire)

    def _get(self, path: str, operation: str, query: Query = ()) -> Any:
        return self.transport.json(Request("GET", path, operation, query))


def _about(
    method: str,
    job_id: str,
    rest: str,
    *,
    headers: Mapping[str, str] = {},
    body: bytes | None = None,
) -> Request:
    path = f"/jobs/{segment(job_id, what='job id')}{rest}"
    return Request(method, path, f"{method} /jobs/{{id}}{rest}", (), headers, body, job_id)


def _about_session(method: str, session_id: str, rest: str = "", *, body: bytes | None = None) -> Request:
    path = f"/sessions/{segment(session_id, what='session id')}{rest}"
    return Request(method, path, f"{method} /sessions/{{id}}{rest}", body=body)


def _prefer(wait: float | None) -> dict[str, str]:
    """RFC 7240: whole seconds, a wish that servers may ignore."""
    return {"Prefer": f"wait={int(wait)}"} if wait and wait >= 1 else {}


def _read_poll(response: Response) -> Poll:
    try:
        record = JobRecord.from_wire(read_json(response))
    except UNREADABLE as cause:
        raise BodyError("The answer is not a job") from cause
    held = "wait" in response.headers.get("preference-applied", "")
    return Poll(record, held, retry_after(response.headers))


def _object_or_none(response: Response) -> Any:
    document = read_json(response)
    return _object(document, "the properties") if document else None


def _metrics(document: dict[str, Any]) -> dict[str, Any]:
    _object(document.get("timestamps") or {}, "timestamps")
    _numbers(_object(document.get("usage") or {}, "usage"), "qpu_charge_time_seconds")
    return document


def _usage(document: dict[str, Any]) -> dict[str, Any]:
    _numbers(document, *(f"usage_{what}_seconds" for what in ("limit", "allocation", "consumed")))
    return document


def _workloads(document: dict[str, Any]) -> dict[str, Any]:
    for entry in document.get("workloads") or ():
        if not isinstance(_object(entry, "a workload").get("id"), str):
            raise BodyError("A workload has no id")
    link = _object(document.get("next") or {}, "next").get("href")
    if not isinstance(link or "", str):
        raise BodyError("The link to the next page is no text")
    urlsplit(link or "")
    return document


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BodyError(f"In the answer, {what} is no JSON object")
    return value


def _numbers(document: Mapping[str, Any], *names: str) -> None:
    """Refuse members that are there but are no finite numbers."""
    for name in names:
        value = document.get(name)
        if value is not None and (isinstance(value, bool) or not math.isfinite(value)):
            raise BodyError(f"In the answer, {name} is no number")


def _moment(value: datetime | str | None) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value
