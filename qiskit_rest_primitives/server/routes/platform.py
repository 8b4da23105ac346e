"""Endpoints about the account rather than one job (rest-api.md 1.4, 2.4, 5.6 and 5.7)."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from ..._time import time_text
from ..._version import __version__
from ..http import query
from ..http.errors import HttpError, bad_request, terse_not_found
from ..http.request_body import load_object, read_body
from ..http.responses import json_answer, nothing
from ..jobs.usage import Workload, WorkloadFilter, period, tag_list
from ..state import ServerState, state_of
from .job_validation import check_tags

LIVE_VERSION = "2026-04-15"
SUNSETS = {
    "2024-01-01": "2027-01-01",
    "2025-01-01": "2027-01-01",
    "2025-05-01": "2027-01-01",
    "2026-02-01": "2027-02-01",
    "2026-02-15": "2027-02-15",
    "2026-03-15": "2027-03-15",
}
"""When the service drops an API version, as its own ``GET /versions`` says; this server goes on to speak all of them."""
WORKLOAD_STATUSES = ("pending", "in_progress", "failed", "completed", "canceled")


async def versions(_request: Request) -> Response:
    """``GET /versions``: all dates of rest-api.md 1.4 work here."""
    entries: list[dict[str, str]] = [
        {"version": version, "status": "deprecated", "sunset_date": sunset}
        for version, sunset in SUNSETS.items()
    ]
    return json_answer({"versions": [*entries, {"version": LIVE_VERSION, "status": "live"}]})


async def health(request: Request) -> Response:
    """``GET /health``: answers when the server does."""
    server = state_of(request)
    return json_answer(
        {
            "status": "ok",
            "version": __version__,
            "queued": len(server.scheduler.waiting),
            "running": len(server.scheduler.running),
        }
    )


async def usage(request: Request) -> Response:
    """``GET /instances/usage``: seconds of simulation within the last 28 days."""
    server = state_of(request)
    instance = server.instance(request)
    start, end = period(server.settings.clock())
    used = server.used_seconds(instance)
    document: dict[str, Any] = {
        "instance_id": instance.crn,
        "plan_id": instance.plan_id,
        "usage_period": {"start_time": time_text(start), "end_time": time_text(end)},
        "usage_consumed_seconds": used,
        "usage_limit_reached": False,
    }
    limit = server.limit_of(instance)
    if limit is not None:
        document |= {"usage_limit_seconds": limit, "usage_limit_reached": used >= limit}
    return json_answer(document)


async def instance(request: Request) -> Response:
    """``GET /instance``."""
    server = state_of(request)
    own = server.instance(request)
    document: dict[str, Any] = {"backends": list(server.scheduler.devices.listed), "plan_id": own.plan_id}
    limit = server.limit_of(own)
    if limit is not None:
        document |= {"instance_limit": limit, "instance_limit_seconds": str(limit)}
    return json_answer(document)


async def configuration(request: Request) -> Response:
    """``GET /instances/configuration`` (deprecated by the service)."""
    server = state_of(request)
    return json_answer({"instance_limit": server.limit_of(server.instance(request))})


async def configure(request: Request) -> Response:
    """``PUT /instances/configuration``: set or clear the usage limit, for as long as the database lasts."""
    server = state_of(request)
    values = load_object(await read_body(request, server.settings.limits)).values
    limit = values.get("instance_limit")
    if (
        "instance_limit" not in values
        or isinstance(limit, bool)
        or not (limit is None or isinstance(limit, int))
    ):
        raise bad_request("instance_limit must be a whole number of seconds or null.")
    if limit is not None and not 0 <= limit < 2**63:
        raise bad_request("instance_limit must not be negative, nor absurd.")
    server.set_limit(server.instance(request), limit)
    return nothing()


async def account(request: Request) -> Response:
    """``GET /accounts/{id}``: the plans of the account, or the one named by ``plan_id``."""
    server = state_of(request)
    wanted = request.query_params.get("plan_id")
    rules = server.settings.sessions
    instances = [item for item in server.settings.instances if item.account == request.path_params["id"]]
    if not instances:
        raise terse_not_found("account not found")
    plans = {
        item.plan_id: {
            "plan_id": item.plan_id,
            "backends": list(server.scheduler.devices.listed),
            "max_ttl": rules.max_ttl,
            "active_ttl": rules.max_ttl,
            "interactive_ttl": rules.interactive_ttl,
        }
        for item in instances
        if wanted in (None, item.plan_id)
    }
    return json_answer({"plans": list(plans.values())})


async def workloads(request: Request) -> Response:
    """``GET /workloads``: jobs outside of sessions, sessions and batches, oldest first by default."""
    return json_answer(workload_page(request, workload_filter(request))[1])


def workload_page(request: Request, wanted: WorkloadFilter) -> tuple[list[Workload], dict[str, Any]]:
    """Return the page of workloads that a request asks for, and its document."""
    server = state_of(request)
    limit = min(max(query.integer(request, "limit", 10), 1), 50)
    sort = query.word(request, "sort", ("createdAt", "-createdAt"), "createdAt")
    params = request.query_params
    backwards = "previous" in params
    cursor = params.get("previous" if backwards else "next")
    page, more, total = server.usage.workloads(
        wanted,
        limit=limit,
        ascending=sort == "createdAt",
        after=_read_cursor(cursor) if cursor else None,
        backwards=backwards,
    )
    document: dict[str, Any] = {
        "workloads": [_workload_document(item, server) for item in page],
        "total_count": total,
        "limit": limit,
    }
    if page and (more or backwards):
        document["next"] = _link(request, "next", page[-1])
    if page and ((more and backwards) or (cursor and not backwards)):
        document["previous"] = _link(request, "previous", page[0])
    return page, document


def workload_filter(request: Request) -> WorkloadFilter:
    """Return which workloads a request asks for; 400 names the parameter that is wrong."""
    params, own = request.query_params, ServerState.instance(request)
    mode = params.get("mode")
    if mode not in (None, "job", "session", "batch"):
        raise bad_request("Query parameter 'mode' must be job, session or batch.")
    statuses = [word for text in params.getlist("status") for word in text.split(",")]
    if not set(statuses) <= set(WORKLOAD_STATUSES):
        raise bad_request(f"Query parameter 'status' must be one of {', '.join(WORKLOAD_STATUSES)}.")
    if params.get("user", "me") != "me":
        raise bad_request("Query parameter 'user' must be me.")
    return WorkloadFilter(
        instance=own.crn,
        backend=params.get("backend"),
        mode=mode,
        search=params.get("search"),
        created_after=query.moment(request, "created_after"),
        created_before=query.moment(request, "created_before"),
        statuses=statuses,
        tags=check_tags(params.getlist("tags")),
    )


def _workload_document(item: Workload, server: ServerState) -> dict[str, Any]:
    estimate = {} if item.program is None else {"estimated_running_time_seconds": server.estimate(item)}
    seconds = round(item.seconds, 6)
    ended = item.status not in ("pending", "in_progress")
    return {
        "id": item.id,
        "created": time_text(item.created),
        "ended": time_text(item.ended),
        "backend": item.backend,
        "instance": item.instance,
        "user_id": "local",
        "accepting_jobs": None if item.accepting is None else bool(item.accepting),
        "mode": item.mode,
        "status": item.status,
        "status_reason": item.reason,
        "tags": tag_list(item),
        "usage_seconds": seconds,
        "usage": {"qpu_charge_time_seconds": seconds, "status": "complete" if ended else "pending"},
        **estimate,
    }


def _link(request: Request, direction: str, item: Workload) -> dict[str, str]:
    cursor = base64.urlsafe_b64encode(json.dumps([item.created, item.id]).encode()).decode()
    kept = [
        (key, value) for key, value in request.query_params.multi_items() if key not in ("next", "previous")
    ]
    return {
        "href": f"{request.url.replace(path='/api/v1/workloads', query=urlencode([*kept, (direction, cursor)]))}"
    }


def _read_cursor(text: str) -> tuple[float, str]:
    try:
        created, identifier = json.loads(base64.urlsafe_b64decode(text))
        return float(created), str(identifier)
    except (ValueError, TypeError, RecursionError) as error:
        raise bad_request("The cursor is not one that this server gave out.") from error


async def search(request: Request) -> Response:
    """``POST /v3/resources/search``: the instances, as the account's resource search lists them."""
    server = state_of(request)
    await read_body(request, server.settings.limits)
    items = [
        {
            "crn": item.crn,
            "name": item.name,
            "service_plan_unique_id": item.plan_id,
            "tags": list(item.tags),
            "doc": {"extensions": {"backends": list(server.scheduler.devices.listed)}},
        }
        for item in server.settings.instances
    ]
    return json_answer({"items": items, "limit": 100})


async def catalog_entry(request: Request) -> Response:
    """``GET /{plan id}``: a plan, as the account's catalog describes it."""
    for item in state_of(request).settings.instances:
        if item.plan_id == request.path_params["plan_id"]:
            return json_answer(
                {
                    "id": item.plan_id,
                    "name": item.plan,
                    "kind": "plan",
                    "overview_ui": {"en": {"display_name": item.plan}},
                    "metadata": {"pricing": {"type": item.pricing_type}},
                }
            )
    raise HttpError(404, "not_found", "No such path.")
