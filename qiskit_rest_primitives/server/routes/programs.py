"""The program endpoints, and what is uploaded to them: a program as JSON or as a form, and changes to one (rest-api.md 7.1, 7.2 and 7.5)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..._time import time_text
from ..http import query
from ..http.errors import HttpError, bad_request, too_large
from ..http.request_body import load_object
from ..http.responses import compressed, json_answer, nothing
from ..programs.store import StoredProgram
from ..state import ServerState, state_of
from .job_validation import cost_field, flag, text_field
from .jobs import find_job, preferred_wait

PAGE, LARGEST_PAGE = 20, 200
PAGE_BYTES = 4_000_000


async def listing(request: Request) -> Response:
    """``GET /programs``: the programs that the instance sees, without their sources."""
    server = state_of(request)
    limit = min(max(query.integer(request, "limit", PAGE), 1), LARGEST_PAGE)
    offset = max(query.integer(request, "offset", 0), 0)
    page, count = server.programs.page(server.instance(request).crn, limit=limit, offset=offset)
    return json_answer({"programs": [_document(program) for program in page], "count": count})


async def create(request: Request) -> Response:
    """``POST /programs``: keep a new program, sent as JSON or as a form."""
    server = state_of(request)
    rules = _allowed(server)
    kind = request.headers.get("content-type", "")
    upload = await server.reader.read(request, upload_of, kind, most=_most(server))
    _check_size(server, upload.source)
    if server.programs.count() >= rules.programs:
        raise HttpError(403, "too_many_programs", f"The server keeps {rules.programs} programs at most.")
    now, longest = server.settings.clock(), server.settings.limits.cost_seconds
    program = StoredProgram(
        id=f"{_slug(upload.name)}-{secrets.token_hex(5)}",
        instance=server.instance(request).crn,
        name=upload.name,
        description=upload.description or "",
        cost=min(upload.cost or longest, longest),
        created=now,
        updated=now,
        public=upload.public,
        spec=upload.spec or {},
        source=upload.source,
    )
    if not server.programs.add(program):
        raise _duplicate(upload.name)
    return json_answer({"id": program.id})


async def show(request: Request) -> Response:
    """``GET /programs/{id}``: a program; its source only to the instance that owns it."""
    program = _program(request)
    server = state_of(request)
    owned = program.instance == server.instance(request).crn
    document = _document(program) | ({"data": program.source} if owned else {})
    return json_answer(document)


async def update(request: Request) -> Response:
    """``PATCH /programs/{id}``: change name, description, cost or spec."""
    server = state_of(request)
    program = _own_program(request)
    changes = await server.reader.read(request, changes_of, most=_most(server))
    if changes.name is not None:
        program.name = changes.name
    if changes.description is not None:
        program.description = changes.description
    if changes.cost is not None:
        program.cost = min(changes.cost, server.settings.limits.cost_seconds) or program.cost
    if changes.spec is not None:
        program.spec = changes.spec
    return _save(server, program)


async def replace_source(request: Request) -> Response:
    """``PUT /programs/{id}/data``: another source, as base64 text."""
    server = state_of(request)
    program = _own_program(request)
    kind = request.headers.get("content-type", "")
    program.source = await server.reader.read(request, source_of, kind, most=_most(server))
    _check_size(server, program.source)
    return _save(server, program)


async def publish(request: Request) -> Response:
    """``PUT /programs/{id}/public``: let all instances of this server see it."""
    program = _own_program(request)
    program.public = True
    return _save(state_of(request), program)


async def hide(request: Request) -> Response:
    """``PUT /programs/{id}/private``: let only its own instance see it."""
    program = _own_program(request)
    program.public = False
    return _save(state_of(request), program)


async def delete(request: Request) -> Response:
    """``DELETE /programs/{id}``: remove a program; its jobs stay."""
    state_of(request).programs.delete(_own_program(request).id)
    return nothing()


async def interim_results(request: Request) -> Response:
    """``GET /jobs/{id}/interim_results``: what the program published, as a JSON list.

    ``offset=N`` leaves out the first N, and ``Prefer: wait=S`` then holds the answer until there is something to say:
    another interim result, or the end of the job. ``Interim-Complete: true`` tells that no more will come.
    """
    server = state_of(request)
    job = find_job(request)
    paging = "offset" in request.query_params
    offset = query.offset(request)
    wait = preferred_wait(request.headers.get("prefer"))
    headers = {"Interim-Offset": str(offset)}
    if wait is not None:
        headers["Preference-Applied"] = f"wait={int(wait)}"
        await _hold(server, job, offset, min(wait, server.settings.limits.wait_seconds))
    complete = job.final  # asked first: what comes in between is in the next answer
    bodies = await server.programs.interim(job.id, offset, most_bytes=PAGE_BYTES if paging else None)
    complete = complete and offset + len(bodies) >= server.programs.interim_count(job.id)
    headers["Interim-Complete"] = "true" if complete else "false"
    text = await asyncio.to_thread(_list_of, bodies) if bodies or paging else b""
    return await compressed(request, text, "text/plain", headers=headers)


def _list_of(bodies: Sequence[bytes]) -> bytes:
    return b"".join((b"[", b", ".join(bodies), b"]"))


async def _hold(server: ServerState, job: Any, offset: int, seconds: float) -> None:
    if job.final or server.programs.interim_count(job.id) > offset:
        return
    waits = [
        asyncio.ensure_future(server.scheduler.watch(job, seconds)),
        asyncio.ensure_future(server.runner.wait_for_interim(job.id, seconds)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _program(request: Request) -> StoredProgram:
    server = state_of(request)
    program_id = request.path_params["id"]
    program = server.programs.find(program_id, server.instance(request).crn)
    if program is None:
        raise HttpError(
            404,
            1231,
            f"Program not found. Program ID: {program_id[:100]}",
            solution="List the programs to see which there are.",
        )
    return program


def _own_program(request: Request) -> StoredProgram:
    """Return a program that the instance may change; 403 if it belongs to somebody else, or programs are off."""
    server = state_of(request)
    program = _program(request)
    if program.instance != server.instance(request).crn:
        raise HttpError(403, "forbidden", "The program belongs to somebody else and can only be run.")
    _allowed(server)
    return program


def _allowed(server: ServerState) -> Any:
    rules = server.settings.programs
    if rules.allow == "no":
        raise HttpError(
            403,
            "programs_disabled",
            "Programs cannot be uploaded to this server.",
            solution="Start the server with --allow-programs if you trust those who can reach it.",
        )
    return rules


def _save(server: ServerState, program: StoredProgram) -> Response:
    program.updated = server.settings.clock()
    if not server.programs.save(program):
        raise _duplicate(program.name)
    return nothing()


def _duplicate(name: str) -> HttpError:
    return HttpError(
        409, "duplicate_name", f"There is a program named {name!r} already.", solution="Choose another name."
    )


def _most(server: ServerState) -> int:
    """Return how large an upload may be: the source as base64, and as much again for its description."""
    return 3 * server.settings.programs.source_bytes


def _check_size(server: ServerState, source: str) -> None:
    most = server.settings.programs.source_bytes
    if len(source.encode("utf-8", "replace")) > most:
        raise too_large(f"The program's source is larger than {most} bytes.", solution=None)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "program"


def _document(program: StoredProgram) -> dict[str, Any]:
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


SPEC = frozenset({"backend_requirements", "parameters", "return_values", "interim_results"})
LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Upload:
    """A new program, or what shall change of one; None for what is not said."""

    name: str
    source: str
    description: str | None = None
    cost: int | None = None
    public: bool = False
    spec: dict[str, Any] | None = None


@dataclass(frozen=True)
class ProgramPatch:
    """What ``PATCH`` asks for; None for what stays."""

    name: str | None = None
    description: str | None = None
    cost: int | None = None
    spec: dict[str, Any] | None = None


def upload_of(body: bytes, content_type: str) -> Upload:
    """Read a new program; 400 names the field that is wrong."""
    form = content_type.lower().startswith("multipart/form-data")
    values = _form_values(body, content_type) if form else load_object(body).values
    name, data = text_field(values, "name"), values.get("data")
    if name is None:
        raise bad_request("name is missing.")
    if not isinstance(data, str) or not data:
        raise bad_request("data is missing, or is not text.")
    public = flag("is_public", values.get("is_public", False))
    return Upload(
        name=name,
        source=data if form else _decoded(data.encode()),
        description=text_field(values, "description", longest=LONGEST_TEXT)
        if values.get("description")
        else "",
        cost=_cost(values),
        public=public,
        spec=_spec(values.get("spec")),
    )


def changes_of(body: bytes) -> ProgramPatch:
    """Read what ``PATCH`` asks for; 400 names the field that is wrong."""
    values = load_object(body).values
    return ProgramPatch(
        name=text_field(values, "name"),
        description=text_field(values, "description", longest=LONGEST_TEXT),
        cost=_cost(values),
        spec=_spec(values.get("spec")),
    )


def source_of(body: bytes, content_type: str) -> str:
    """Read a source alone: base64 text, or a form with a file."""
    if not content_type.lower().startswith("multipart/form-data"):
        return _decoded(body)
    data = _form_values(body, content_type).get("data")
    if not isinstance(data, str):
        raise bad_request("The form has no part 'program'.")
    return data


def _decoded(data: bytes) -> str:
    try:
        source = base64.b64decode(data.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as cause:
        raise bad_request("data is not base64 of UTF-8 text.") from cause
    if not source.strip():
        raise bad_request("data is empty.")
    return source


def _cost(values: Mapping[str, Any]) -> int | None:
    return cost_field(values.get("cost", values.get("max_execution_time")))


def _spec(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise bad_request("spec must be an object of JSON Schemas.")
    unknown = set(value) - SPEC
    if unknown:
        raise bad_request(f"spec has unknown members: {', '.join(sorted(unknown))}.")
    return value


# The first wire form


_FORM_NAMES = {
    "backendRequirements": "backend_requirements",
    "returnValues": "return_values",
    "interimResults": "interim_results",
    "parameters": "parameters",
}


def _form_values(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the members of a form in the words of the JSON form."""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    if not message.is_multipart():
        raise bad_request("The form cannot be read.")
    values: dict[str, Any] = {}
    spec: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        text = (content if isinstance(content, bytes) else b"").decode("utf-8", "replace")
        if name == "program":
            values["data"] = text
        elif name in ("cost", "max_execution_time"):
            values["cost"] = int(text) if text.strip().isdigit() else text
        elif name in _FORM_NAMES:
            spec[_FORM_NAMES[name]] = _json(name, text)
        elif isinstance(name, str):
            values[name] = text
    return values | ({"spec": spec} if spec else {})


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise bad_request(f"{name} is not JSON.") from cause
