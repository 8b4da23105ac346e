"""The session endpoints (rest-api.md 5.1 to 5.3)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..http.errors import HttpError, bad_request, reused_key, terse_not_found
from ..http.request_body import load_object, read_body
from ..http.responses import json_answer, nothing
from ..jobs.sessions import Session
from ..settings import OPEN_PLAN_SECONDS, Instance
from ..state import ServerState, state_of
from .job_validation import flag, text_field

LONGEST_TTL = 2**31 - 1


async def create(request: Request) -> Response:
    """``POST /sessions``."""
    server = state_of(request)
    values = load_object(await read_body(request, server.settings.limits)).values
    session = opened(new_session(values, server, server.instance(request)), server, request)
    return json_answer(session.document(server.settings.clock()))


def opened(session: Session, server: ServerState, request: Request) -> Session:
    """Open a session, or find the one that was opened with the same ``Idempotency-Key``; 409 if that was a different one."""
    session.key = request.headers.get("idempotency-key")
    kept = server.scheduler.sessions.values() if session.key else ()
    known = next((it for it in kept if (it.instance, it.key) == (session.instance, session.key)), None)
    if known is None:
        server.scheduler.open_session(session)
        return session
    if (known.mode, known.backend, known.max_ttl) != (session.mode, session.backend, session.max_ttl):
        raise reused_key("session")
    return known


def new_session(values: Mapping[str, Any], server: ServerState, instance: Instance) -> Session:
    """Check a request for a session and return the session; 400 names the field that is wrong."""
    mode = values.get("mode")
    if mode not in ("dedicated", "batch"):
        raise bad_request("mode must be dedicated or batch.")
    if mode == "dedicated" and instance.plan == "open":
        raise HttpError(
            400,
            1352,
            "You are not authorized to run a session when using the open plan.",
            solution="Create an instance of a different plan type or use a different execution mode.",
        )
    backend = text_field(values, "backend") or text_field(values, "backend_name")
    if backend is None or backend not in server.scheduler.devices:
        served = ", ".join(server.scheduler.devices.listed)
        raise bad_request("backend is missing or not served here.", solution=f"Name one of {served}.")
    rules = server.settings.sessions
    most = min(rules.max_ttl, OPEN_PLAN_SECONDS) if instance.plan == "open" else rules.max_ttl
    max_ttl = min(_seconds(values, "max_ttl", most), most)
    active_ttl = min(_seconds(values, "active_ttl", max_ttl), max_ttl)
    return Session(
        id=str(uuid.uuid4()),
        instance=instance.crn,
        backend=backend,
        mode=mode,
        created=server.settings.clock(),
        interactive_ttl=min(_seconds(values, "interactive_ttl", rules.interactive_ttl), active_ttl),
        max_ttl=max_ttl,
        active_ttl=active_ttl,
        start_ttl=rules.start_ttl,
    )


def _seconds(values: Mapping[str, Any], name: str, default: int) -> int:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST_TTL:
        raise bad_request(f"{name} must be a whole number of seconds between 1 and {LONGEST_TTL}.")
    return value


async def show(request: Request) -> Response:
    """``GET /sessions/{id}``."""
    return json_answer(session_of_path(request).document(state_of(request).settings.clock()))


async def update(request: Request) -> Response:
    """``PATCH /sessions/{id}`` with ``accepting_jobs``."""
    server = state_of(request)
    session = session_of_path(request)
    accepting = load_object(await read_body(request, server.settings.limits)).values.get("accepting_jobs")
    server.scheduler.set_accepting(session, flag("accepting_jobs", accepting))
    return nothing()


async def close(request: Request) -> Response:
    """``DELETE /sessions/{id}/close``: cancel what is queued and close."""
    state_of(request).scheduler.close_session(session_of_path(request))
    return nothing()


def session_of_path(request: Request) -> Session:
    """Return the session that the path names; 404 if there is none within the request's reach."""
    server = state_of(request)
    session = server.scheduler.session(request.path_params["id"], server.reach(request))
    if session is None:
        raise terse_not_found("unknown session")
    return session
