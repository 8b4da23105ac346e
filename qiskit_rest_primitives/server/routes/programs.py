"""The program endpoints (rest-api.md 7.1, 7.2 and 7.5)."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..http import query
from ..http.errors import Refusal
from ..http.responses import compressed, json_answer, nothing
from ..jobs.sessions import time_text
from ..programs.store import Program
from ..state import Desk, desk_of
from .jobs import find_job, preferred_wait
from .program_uploads import Upload, changes_of, source_of, upload_of

PAGE, LARGEST_PAGE = 20, 200
PAGE_BYTES = 4_000_000


async def listing(request: Request) -> Response:
    """``GET /programs``: the programs that the instance sees, without their sources."""
    desk = desk_of(request)
    limit = min(max(query.integer(request, "limit", PAGE), 1), LARGEST_PAGE)
    offset = max(query.integer(request, "offset", 0), 0)
    page, count = desk.shelf.page(desk.instance(request).crn, limit=limit, offset=offset)
    return json_answer({"programs": [_document(program) for program in page], "count": count})


async def create(request: Request) -> Response:
    """``POST /programs``: keep a new program, sent as JSON or as a form."""
    desk = desk_of(request)
    rules = _allowed(desk)
    kind = request.headers.get("content-type", "")
    upload = await desk.reader.read(request, upload_of, kind, most=_most(desk))
    _check_size(desk, upload.source)
    if desk.shelf.count() >= rules.programs:
        raise Refusal(403, "too_many_programs", f"The server keeps {rules.programs} programs at most.")
    now = desk.settings.clock()
    program = Program(
        id=f"{_slug(upload.name)}-{secrets.token_hex(5)}",
        instance=desk.instance(request).crn,
        name=upload.name,
        description=upload.description or "",
        cost=_cost(desk, upload),
        created=now,
        updated=now,
        public=upload.public,
        spec=upload.spec or {},
        source=upload.source,
    )
    if not desk.shelf.add(program):
        raise _duplicate(upload.name)
    return json_answer({"id": program.id})


async def show(request: Request) -> Response:
    """``GET /programs/{id}``: a program; its source only to the instance that owns it."""
    program = _program(request)
    desk = desk_of(request)
    owned = program.instance == desk.instance(request).crn
    document = _document(program) | ({"data": program.source} if owned else {})
    return json_answer(document)


async def update(request: Request) -> Response:
    """``PATCH /programs/{id}``: change name, description, cost or spec."""
    desk = desk_of(request)
    program = _own_program(request)
    changes = await desk.reader.read(request, changes_of, most=_most(desk))
    if changes.name is not None:
        program.name = changes.name
    if changes.description is not None:
        program.description = changes.description
    if changes.cost is not None:
        program.cost = min(changes.cost, desk.settings.limits.cost_seconds) or program.cost
    if changes.spec is not None:
        program.spec = changes.spec
    return _save(desk, program)


async def replace_source(request: Request) -> Response:
    """``PUT /programs/{id}/data``: another source, as base64 text."""
    desk = desk_of(request)
    program = _own_program(request)
    kind = request.headers.get("content-type", "")
    program.source = await desk.reader.read(request, source_of, kind, most=_most(desk))
    _check_size(desk, program.source)
    return _save(desk, program)


async def publish(request: Request) -> Response:
    """``PUT /programs/{id}/public``: let all instances of this server see it."""
    program = _own_program(request)
    program.public = True
    return _save(desk_of(request), program)


async def hide(request: Request) -> Response:
    """``PUT /programs/{id}/private``: let only its own instance see it."""
    program = _own_program(request)
    program.public = False
    return _save(desk_of(request), program)


async def delete(request: Request) -> Response:
    """``DELETE /programs/{id}``: remove a program; its jobs stay."""
    desk_of(request).shelf.delete(_own_program(request).id)
    return nothing()


async def interim_results(request: Request) -> Response:
    """``GET /jobs/{id}/interim_results``: what the program published, as a JSON list.

    ``offset=N`` leaves out the first N, and ``Prefer: wait=S`` then holds the answer until there is something to say:
    another interim result, or the end of the job. ``Interim-Complete: true`` tells that no more will come.
    """
    desk = desk_of(request)
    job = find_job(request)
    paging = "offset" in request.query_params
    offset = query.offset(request)
    wait = preferred_wait(request.headers.get("prefer"))
    headers = {"Interim-Offset": str(offset)}
    if wait is not None:
        headers["Preference-Applied"] = f"wait={int(wait)}"
        await _hold(desk, job, offset, min(wait, desk.settings.limits.wait_seconds))
    complete = job.final  # asked first: what comes in between is in the next answer
    bodies = desk.shelf.interim(job.id, offset, most_bytes=PAGE_BYTES if paging else None)
    complete = complete and offset + len(bodies) >= desk.shelf.interim_count(job.id)
    headers["Interim-Complete"] = "true" if complete else "false"
    text = b"[" + b", ".join(bodies) + b"]" if bodies or paging else b""
    return await compressed(request, text, "text/plain", headers=headers)


async def _hold(desk: Desk, job: Any, offset: int, seconds: float) -> None:
    if job.final or desk.shelf.interim_count(job.id) > offset:
        return
    waits = [
        asyncio.ensure_future(desk.scheduler.watch(job, seconds)),
        asyncio.ensure_future(desk.runner.wait_for_interim(job.id, seconds)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _program(request: Request) -> Program:
    desk = desk_of(request)
    program_id = request.path_params["id"]
    program = desk.shelf.find(program_id, desk.instance(request).crn)
    if program is None:
        raise Refusal(
            404,
            1231,
            f"Program not found. Program ID: {program_id[:100]}",
            solution="List the programs to see which there are.",
        )
    return program


def _own_program(request: Request) -> Program:
    """Return a program that the instance may change.

    Raises:
        Refusal: 403 if it belongs to the server or to another instance, or programs are off.
    """
    desk = desk_of(request)
    program = _program(request)
    if program.instance != desk.instance(request).crn:
        raise Refusal(403, "forbidden", "The program belongs to somebody else and can only be run.")
    _allowed(desk)
    return program


def _allowed(desk: Desk) -> Any:
    rules = desk.settings.programs
    if rules.allow == "no":
        raise Refusal(
            403,
            "programs_disabled",
            "Programs cannot be uploaded to this server.",
            solution="Start the server with --allow-programs if you trust those who can reach it.",
        )
    return rules


def _save(desk: Desk, program: Program) -> Response:
    program.updated = desk.settings.clock()
    if not desk.shelf.save(program):
        raise _duplicate(program.name)
    return nothing()


def _duplicate(name: str) -> Refusal:
    return Refusal(
        409, "duplicate_name", f"There is a program named {name!r} already.", solution="Choose another name."
    )


def _most(desk: Desk) -> int:
    """Return how large an upload may be: the source as base64, and as much again for its description."""
    return 3 * desk.settings.programs.source_bytes


def _check_size(desk: Desk, source: str) -> None:
    most = desk.settings.programs.source_bytes
    if len(source.encode("utf-8", "replace")) > most:
        raise Refusal(413, "payload_too_large", f"The program's source is larger than {most} bytes.")


def _cost(desk: Desk, upload: Upload) -> int:
    most = desk.settings.limits.cost_seconds
    return min(upload.cost or most, most)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "program"


def _document(program: Program) -> dict[str, Any]:
    return {
        "id": program.id,
        "name": program.name,
        "description": program.description,
        "cost": program.cost,
        "creation_date": time_text(program.created),
        "update_date": time_text(program.updated),
        "is_public": program.public,
        "spec": program.spec,
    }
