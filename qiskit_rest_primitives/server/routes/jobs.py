"""The job endpoints (rest-api.md 4)."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..http import query
from ..http.api_paths import is_legacy
from ..http.errors import HttpError, bad_request, job_not_found, reused_key, shutting_down, terse_not_found
from ..http.request_body import load_object, read_body
from ..http.responses import compressed, json_answer, nothing, text_answer
from ..jobs.bodies import PIECE_BYTES
from ..jobs.store import Job, JobFilter
from ..programs.store import StoredProgram
from ..state import ServerState, state_of
from .job_documents import job_document, log_text, metrics_document, old_job, with_params
from .job_validation import Envelope, check_tags, new_id, new_job, program_of, read_submission, text_field

PAGE = 200
SEQUENCE = "application/json-seq"
"""Several JSON texts, each between a mark and the end of a line (RFC 7464)."""
_MARK = b"\x1e"
_QUEUED_SECONDS = 1.0
"""The longest wait behind others after which a job that is done in a moment is still brought along."""


async def create(request: Request) -> Response:
    """``POST /jobs``: accept a job; the same ``Idempotency-Key`` finds the same job again.

    To who prefers to wait and accepts ``application/json-seq`` the result of a job that is done in a moment comes along.
    """
    server = state_of(request)
    envelope = await server.reader.read(request, read_submission, server.settings.limits)
    job, result = await accept(request, envelope)
    wait = preferred_wait(request.headers.get("prefer"))
    if wait is None or job.private or SEQUENCE not in request.headers.get("accept", ""):
        return created(job)
    applied = {"Preference-Applied": f"wait={math.ceil(wait)}"}
    if result is None:
        ahead = server.scheduler.expected_wait(job)
        longest = 2 * ahead + server.settings.first_poll_hold if ahead <= _QUEUED_SECONDS else 0.0
        result = await server.scheduler.watch(job, min(wait, longest))
    if result is None or len(result) > PIECE_BYTES or _MARK in result:
        return created(job, headers=applied)
    body = b"".join([_MARK, created(job).body, b"\n", _MARK, result, b"\n"])
    return await compressed(request, body, SEQUENCE, headers=applied)


async def accept(
    request: Request, envelope: Envelope, *, settle: Callable[[Job], None] = lambda _: None
) -> tuple[Job, bytes | None]:
    """Accept a submission. Large inputs are written first, while others are served, and then it is checked once more.

    ``settle`` is called with a new job before it is queued. Returns the result, too, of a job that is done at once.
    """
    params, bodies = envelope.params, state_of(request).store.bodies
    job_id = new_id(state_of(request).settings.clock())
    if len(params) <= PIECE_BYTES:
        return _accepted(request, envelope, job_id, settle)
    job, _ = _judged(request, envelope, job_id)
    if job.id != job_id:
        return job, None
    try:
        await bodies.write_ahead("params", job_id, params)
        job, result = _accepted(request, envelope, job_id, settle)
    except BaseException:
        bodies.forget("params", job_id)
        raise
    if job.id != job_id:
        bodies.forget("params", job_id)
    return job, result


def _accepted(
    request: Request, envelope: Envelope, job_id: str, settle: Callable[[Job], None]
) -> tuple[Job, bytes | None]:
    """Check a submission and queue its job; nobody else is served meanwhile, so that what was checked stays true."""
    server = state_of(request)
    job, program = _judged(request, envelope, job_id)
    if job.id != job_id:
        return job, None
    if program is not None:
        server.programs.note_run(job.id, program.id)
    settle(job)
    _check_session(server, job)
    hold = request.scope.get("queue_seconds", 0.0)
    return job, server.scheduler.submit(job, envelope.params, decoded=envelope.decoded, hold=hold)


def _judged(request: Request, envelope: Envelope, job_id: str) -> tuple[Job, StoredProgram | None]:
    """Return a new job and what program it runs, or the job that this submission has become already."""
    server = state_of(request)
    submission = request.headers.get("idempotency-key") or None  # an empty one is none
    digest = envelope.digest if submission else None
    if submission and (known := server.store.job_of_submission(server.instance(request).crn, submission)):
        return _same_job(known, digest), None
    if server.scheduler.draining:
        raise shutting_down()
    instance = server.instance(request)
    server.admit(instance)
    program = program_of(envelope.values, server.programs, instance.crn)
    job = new_job(
        envelope,
        job_id,
        instance=instance,
        devices=server.scheduler.devices,
        limits=server.settings.limits,
        now=server.settings.clock(),
        longest=None if program is None else program.cost,
        retired=server.settings.retired,
    )
    job.submission, job.digest = submission, digest
    job.parent = text_field(dict(request.headers), "parent-job-id")
    return job, program


def _same_job(job: Job, digest: str | None) -> Job:
    if job.digest != digest:
        raise reused_key("job")
    return job


def _check_session(server: ServerState, job: Job) -> None:
    if job.session_id is None:
        return
    session = server.scheduler.session(job.session_id, job.instance)
    if session is None:
        raise terse_not_found("unknown session")
    if not session.takes_jobs:
        raise HttpError(
            400,
            1217,
            "Session has been closed.",
            solution="Open a new session, with a longer max_ttl if this one ended by itself.",
        )
    if not server.scheduler.devices.same_object(session.backend, job.backend):
        raise bad_request(f"The session is on backend {session.backend}, the job on {job.backend}.")


def created(job: Job, *, headers: Mapping[str, str] | None = None) -> Response:
    """Say that there is a job."""
    document: dict[str, Any] = {"id": job.id, "backend": job.backend}
    if job.session_id is not None:
        document["session_id"] = job.session_id
    if job.private:
        document["private"] = True
    if job.calibration_id is not None:
        document["calibration_id"] = job.calibration_id
    return json_answer(document, headers=headers)


async def listing(request: Request) -> Response:
    """``GET /jobs``: a page of the jobs that match, and how many match in all."""
    server = state_of(request)
    limit = query.integer(request, "limit", PAGE)
    limit = limit if 1 <= limit <= PAGE else PAGE
    offset = query.offset(request)
    mocks = query.boolean(request, "include_mocks", False) or request.query_params.get("backend")
    wanted = JobFilter(
        instance=server.instance(request).crn,
        pending=query.boolean(request, "pending", None),
        program=request.query_params.get("program"),
        backend=request.query_params.get("backend"),
        session_id=request.query_params.get("session_id"),
        created_after=query.moment(request, "created_after"),
        created_before=query.moment(request, "created_before"),
        tags=check_tags(request.query_params.getlist("tags")),
        mocks=bool(mocks),
    )
    ascending = query.word(request, "sort", ("ASC", "DESC"), "DESC") == "ASC"
    jobs, count = server.store.jobs(wanted, limit=limit, offset=offset, ascending=ascending)
    bare = query.boolean(request, "exclude_params", True)
    texts = b", ".join([await _job_body(server, request, job, params=not bare) for job in jobs])
    body = b'{"jobs": [%b], "count": %d, "limit": %d, "offset": %d}' % (texts, count, limit, offset)
    return await compressed(request, body, "application/json")


async def show(request: Request) -> Response:
    """``GET /jobs/{id}``; ``Prefer: wait=N`` holds the answer until the job is final or N seconds passed."""
    server = state_of(request)
    job = find_job(request)
    bare = query.boolean(request, "exclude_params", False)
    applied, _ = await _hold(request, server, job, first_look=bool(bare))
    body = await _job_body(server, request, job, params=not bare)
    return await compressed(request, body, "application/json", headers=applied)


async def _job_body(server: ServerState, request: Request, job: Job, *, params: bool) -> bytes:
    document = job_document(job, version=request.scope["api_version"], estimate=server.estimate(job))
    if is_legacy(request.scope):
        document = old_job(document, job, server.settings.instances)
    if not params:
        return json.dumps(document).encode()
    stored = None if job.private else await server.store.bodies.read("params", job.id)
    if stored is None or len(stored) <= PIECE_BYTES:
        return with_params(document, stored or b"{}")
    return await asyncio.to_thread(with_params, document, stored)


async def results(request: Request) -> Response:
    """``GET /jobs/{id}/results``: 200 with the result or the reason of a failure, 204 when there is none.

    A private job's result can be read once (``PrivateResults``).
    """
    server = state_of(request)
    job = find_job(request)
    if job.private and request.method == "HEAD":
        # Whoever asks for the head alone would use up the one reading.
        raise HttpError(405, "method_not_allowed", "HEAD is not allowed on the result of a private job.")
    applied, body = await _hold(request, server, job, first_look=False)
    if job.status == "Failed":
        return text_answer(job.reason or "", headers=applied)
    if job.status != "Completed":
        return nothing(headers=applied)
    if job.private:
        return await server.private_results.answer(request, job.id, applied)
    if body is None:
        body = await server.store.bodies.read("results", job.id)
    if body is None:
        raise terse_not_found("result not found")
    return await compressed(request, body, "application/json", headers=applied)


async def metrics(request: Request) -> Response:
    """``GET /jobs/{id}/metrics``."""
    job = find_job(request)
    position = state_of(request).scheduler.position(job)
    return json_answer(metrics_document(job, version=request.scope["api_version"], position=position))


async def logs(request: Request) -> Response:
    """``GET /jobs/{id}/logs``; 404 when the job ended before it ran."""
    job = find_job(request)
    if job.final and job.started is None:
        raise terse_not_found("logs not found")
    return text_answer(log_text(job) + state_of(request).programs.printed(job.id))


async def transpiled_circuits(request: Request) -> Response:
    """``GET /jobs/{id}/transpiled_circuits``: never stored, and gone since 2026-02-01."""
    find_job(request)
    raise terse_not_found("transpiled circuits not found")


async def cancel(request: Request) -> Response:
    """``POST /jobs/{id}/cancel``: 204, or 409 when the job is final."""
    job = find_job(request)
    if job.final:
        raise HttpError(
            409, "job_final", f"Job {job.id} is {job.status.lower()} and cannot be cancelled any more."
        )
    state_of(request).scheduler.cancel(job)
    return nothing()


async def delete(request: Request) -> Response:
    """``DELETE /jobs/{id}``: remove a job for good; an unfinished one is cancelled first."""
    server = state_of(request)
    job = find_job(request)
    if not job.final:
        server.scheduler.cancel(job)
    server.store.delete_jobs([job.id])
    return nothing()


async def set_tags(request: Request) -> Response:
    """``PUT /jobs/{id}/tags``: replace the whole list."""
    server = state_of(request)
    job = find_job(request)
    tags = check_tags(load_object(await read_body(request, server.settings.limits)).values.get("tags"))
    server.store.set_tags(job, tags)
    return nothing()


async def tags(request: Request) -> Response:
    """``GET /tags``: the tags that contain a term of 3 to 100 characters."""
    server = state_of(request)
    if request.query_params.get("type", "job") != "job":
        raise bad_request("Query parameter 'type' must be job.")
    search = request.query_params.get("search", "")
    if not 3 <= len(search) <= 100:
        raise bad_request("Query parameter 'search' must have 3 to 100 characters.")
    return json_answer({"tags": server.store.tags(server.instance(request).crn, search)})


def find_job(request: Request) -> Job:
    """Return the job that a path names; 404 if there is none within the request's reach."""
    server = state_of(request)
    job_id = request.path_params["id"]
    job = server.scheduler.find(job_id, server.reach(request))
    if job is None:
        raise job_not_found(job_id)
    return job


async def _hold(
    request: Request, server: ServerState, job: Job, *, first_look: bool
) -> tuple[dict[str, str], bytes | None]:
    """Hold the answer as the client prefers, or for a moment at its first look.

    Returns:
        The headers to add, and the result of a job that was completed meanwhile.
    """
    wait = preferred_wait(request.headers.get("prefer"))
    if wait is not None:
        wait = min(wait, server.settings.limits.wait_seconds)
        return {"Preference-Applied": f"wait={math.ceil(wait)}"}, await server.scheduler.watch(job, wait)
    if first_look and request.method == "GET" and not job.final and server.first_look(job.id):
        await server.scheduler.watch(job, server.settings.first_poll_hold)
    return {}, None


def preferred_wait(header: str | None) -> float | None:
    """Read ``wait`` from a ``Prefer`` header (RFC 7240), in seconds; None when it is absent or no number."""
    for preference in (header or "").replace(";", ",").split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "wait":
            try:
                seconds = float(value.strip().strip('"'))
            except ValueError:
                return None
            return seconds if 0 <= seconds < math.inf else None
    return None
