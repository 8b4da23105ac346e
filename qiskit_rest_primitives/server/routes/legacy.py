"""The dialect of the classic platform: login, networks and devices, and the old words for jobs and sessions."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import qiskit
from starlette.requests import Request
from starlette.responses import Response

from ..._time import time_text
from ..._version import __version__
from ..http.api_paths import is_legacy
from ..http.auth import LIFETIME, Logins
from ..http.errors import bad_request
from ..http.request_body import LOGIN_BYTES, JsonObject, load_object, read_body
from ..http.responses import json_answer, nothing
from ..jobs.store import Job
from ..state import ServerState, state_of
from ..text import UnstorableTextError, check_texts
from . import jobs, sessions
from .backends import state_of_device
from .job_validation import new_id, read_submission, text_field

Endpoint = Callable[[Request], Awaitable[Response]]

DEVICES = "/Network/{hub}/Groups/{group}/Projects/{project}/devices"


def by_dialect(current: Endpoint, classic: Endpoint) -> Endpoint:
    """Return an endpoint that answers each dialect with its own."""

    async def answer(request: Request) -> Response:
        return await (classic if is_legacy(request.scope) else current)(request)

    return answer


# Login service and networks


async def log_in(request: Request) -> Response:
    """``POST /api/users/loginWithToken``."""
    server = state_of(request)
    values = load_object(await read_body(request, server.settings.limits, most=LOGIN_BYTES)).values
    access = _logins(request).log_in(values.get("apiToken"))
    created = time_text(server.settings.clock())
    return json_answer({"id": access, "ttl": LIFETIME, "created": created, "userId": "local"})


async def log_out(request: Request) -> Response:
    """``POST /api/users/logout``: the access token is worthless afterwards."""
    _logins(request).log_out(request.headers.get("x-access-token", ""))
    return nothing()


async def me(request: Request) -> Response:
    """``GET /api/users/me``: where the services are, seen from where the client is."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    urls = {"http": f"{origin}/api", "ws": "", "services": {"runtime": f"{origin}/runtime"}}
    return json_answer({"id": "local", "username": "local", "urls": urls})


async def network(request: Request) -> Response:
    """``GET /api/Network``: hubs, groups and projects; the default one first."""
    hubs: dict[str, dict[str, Any]] = {}
    for number, instance in enumerate(state_of(request).settings.instances):
        hub, group, project = instance.provider.split("/")
        groups = hubs.setdefault(hub, {"name": hub, "title": hub, "groups": {}})["groups"]
        projects = groups.setdefault(group, {"name": group, "title": group, "projects": {}})["projects"]
        projects[project] = {"name": project, "title": project, "isDefault": number == 0}
    return json_answer(list(hubs.values()))


async def bookings(_request: Request) -> Response:
    """``GET /api/Network/bookings/v2``: no device is reserved."""
    return json_answer([])


async def devices(request: Request) -> Response:
    """``GET /api/Network/{hub}/Groups/{group}/Projects/{project}/devices/v/1``: the configurations."""
    registry = state_of(request).scheduler.devices
    return json_answer([registry[name].configuration for name in registry.listed])


async def queue_status(request: Request) -> Response:
    """``GET …/devices/{name}/queue/status``."""
    return json_answer(state_of_device(request, length="lengthQueue"))


async def version(_request: Request) -> Response:
    """``GET /api/version``; also the transpiler service's, which tells Qiskit's (rest-api.md 6.1)."""
    return json_answer({"new_api": True, "api-server": __version__, "qiskit": qiskit.__version__})


async def forget(_request: Request) -> Response:
    """``POST /runtime/logout``: the oldest clients cleared a cache with it; there is none here."""
    return nothing()


# Jobs and sessions in the old words


async def create_job(request: Request) -> Response:
    """``POST /runtime/jobs``, with hub, group and project, ``start_session`` and the first wire form."""
    server = state_of(request)
    rewrite = functools.partial(current_envelope, default_backend=least_busy(server))
    envelope = await server.reader.read(request, read_submission, server.settings.limits, rewrite)
    request.scope["instance"] = server.settings.instance_of(provider_of(envelope.values))

    def settle(job: Job) -> None:
        if _true(envelope.values.get("start_session")):
            job.session_id = _start_session(server, job, envelope.values)

    job, _ = await jobs.accept(request, envelope, settle=settle)
    return jobs.created(job)


def current_envelope(old: JsonObject, *, default_backend: str) -> JsonObject:
    """Write an old submission in the words of the current dialect; those that stayed are left as they were sent.

    400 says that the encoded params of the first wire form cannot be read.
    """
    values, text = dict(old.values), dict(old.text)
    if "program_id" not in values and "programId" in values:
        values["program_id"] = values["programId"]
    if not values.get("backend"):
        values["backend"] = default_backend
    if not values.get("session_id"):
        values.pop("session_id", None)
    params = values.get("params")
    if isinstance(params, list) and len(params) == 1 and isinstance(params[0], str):
        try:
            values["params"], text["params"] = json.loads(params[0]), params[0]
            check_texts(params[0], values["params"])
        except UnstorableTextError as error:
            raise bad_request(f"params[0] cannot be kept: {error}.") from error
        except (ValueError, RecursionError) as error:
            raise bad_request("params[0] is not JSON.") from error
    return JsonObject(values, text)


def _start_session(server: ServerState, job: Job, values: Mapping[str, Any]) -> str:
    """Open the session whose id is the id of its first job (rest-api.md 7.3)."""
    wanted = {"mode": "dedicated", "backend": job.backend, "max_ttl": values.get("session_time")}
    instance = next(item for item in server.settings.instances if item.crn == job.instance)
    session = sessions.new_session(wanted, server, instance)
    session.id = job.id
    server.scheduler.open_session(session)
    return session.id


async def create_session(request: Request) -> Response:
    """``POST /runtime/sessions``: the answer holds nothing but the id."""
    server = state_of(request)
    values = dict(load_object(await read_body(request, server.settings.limits)).values)
    values.setdefault("mode", "dedicated")
    values.setdefault("max_ttl", values.get("max_session_ttl"))
    instance = server.settings.instance_of(text_field(values, "instance"))
    session = sessions.new_session(values, server, instance)
    session.id = new_id(session.created)
    return json_answer({"id": sessions.opened(session, server, request).id})


def provider_of(values: Mapping[str, Any]) -> str | None:
    """Return ``hub/group/project`` of a submission, None if it does not name all three."""
    parts = [values.get(name) for name in ("hub", "group", "project")]
    return "/".join(map(str, parts)) if all(parts) else None


def least_busy(server: ServerState) -> str:
    """Return the device with the shortest queue."""
    return min(server.scheduler.devices.listed, key=server.scheduler.queue_length)


def _true(value: object) -> bool:
    """Old samples send the texts ``"True"`` and ``"False"``."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _logins(request: Request) -> Logins:
    logins: Logins = request.app.state.logins
    return logins
