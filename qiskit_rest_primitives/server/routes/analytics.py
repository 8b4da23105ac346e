"""The analytics endpoints: honest figures of this server's own jobs, times in milliseconds (rest-api.md 5.8).

No client of this package or of IBM's asks for them; they stay because the REST API documents them, and this server speaks it.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from ..._time import time_text
from ..http import query
from ..http.errors import bad_request
from ..http.responses import json_answer
from ..jobs.usage import DAY, Usage
from ..state import state_of

GROUPS = ("backend", "instance", "plan", "subscription_id", "user_id")


async def totals(request: Request) -> Response:
    """``GET /analytics/usage``."""
    return json_answer(_totals(_selected(request)))


async def grouped(request: Request) -> Response:
    """``GET /analytics/usage_grouped``."""
    if "group_by" not in request.query_params:
        raise bad_request(f"Query parameter 'group_by' is required: one of {', '.join(GROUPS)}.")
    by = query.word(request, "group_by", GROUPS, "backend")
    groups: dict[str | None, list[Usage]] = {}
    for item in _selected(request):
        groups.setdefault(_key(request, item, by), []).append(item)
    return json_answer({"data": [{"key": key, **_totals(items)} for key, items in groups.items()]})


async def grouped_by_date(request: Request) -> Response:
    """``GET /analytics/usage_grouped_by_date``: one entry per instance and day."""
    if request.query_params.get("group_by") != "instance":
        raise bad_request("Query parameter 'group_by' is required and must be instance.")
    groups: dict[tuple[str, int], list[Usage]] = {}
    for item in _selected(request):
        groups.setdefault((item.instance, int(item.created // DAY)), []).append(item)
    return json_answer(
        {
            "data": [
                {
                    "key": crn,
                    "interval_start": time_text(day * DAY),
                    "interval_end": time_text((day + 1) * DAY),
                    **_totals(items),
                }
                for (crn, day), items in sorted(groups.items())
            ]
        }
    )


async def filters(request: Request) -> Response:
    """``GET /analytics/filters``: what can be filtered by."""
    settings = state_of(request).settings
    return json_answer(
        {
            "backends": [{"name": device.name} for device in settings.devices],
            "instances": [{"id": item.crn, "deleted": False} for item in settings.instances],
            "users": [{"id": "local"}],
            "plans": [{"name": name} for name in sorted({item.plan for item in settings.instances})],
        }
    )


def _selected(request: Request) -> list[Usage]:
    server = state_of(request)
    start, end = query.moment(request, "interval_start"), query.moment(request, "interval_end")
    wanted = {
        name: set(request.query_params.getlist(name)) for name in GROUPS if name in request.query_params
    }
    simulators = query.boolean(request, "simulators", True)
    quiet = {device.name for device in server.settings.devices if device.simulator and not simulators}
    return [
        item
        for item in server.usage.usages(start, end)
        if item.backend not in quiet
        and all(_key(request, item, name) in keys for name, keys in wanted.items())
    ]


def _key(request: Request, item: Usage, by: str) -> str | None:
    if by == "backend":
        return item.backend
    if by == "instance":
        return item.instance
    if by == "user_id":
        return "local"
    if by == "plan":
        plans = {own.crn: own.plan for own in state_of(request).settings.instances}
        return plans.get(item.instance)
    return None  # nothing here has a subscription


def _tally(name: str, times: list[int]) -> dict[str, int]:
    """Return sum, mean and maximum of some times in milliseconds."""
    total = sum(times)
    return {
        name: total,
        f"avg_{name}": total // len(times) if times else 0,
        f"max_{name}": max(times, default=0),
    }


def _totals(items: Iterable[Usage]) -> dict[str, int]:
    items = list(items)
    jobs = [item for item in items if item.kind == "job"]
    alone = [item for item in jobs if not item.in_session]
    sessions = [item for item in items if item.kind != "job"]
    batches = [item for item in sessions if item.kind == "batch"]
    dedicated = [item for item in sessions if item.kind == "dedicated"]
    document: dict[str, int] = {
        "usage": sum(_times(alone)) + sum(_times(sessions)),
        "jobs": len(jobs),
        "sessions": len(sessions),
        "batch_sessions": len(batches),
        "dedicated_sessions": len(dedicated),
        "individual_jobs": len(alone),
    }
    for name, group in (
        ("sessions_usage", sessions),
        ("batch_sessions_usage", batches),
        ("dedicated_sessions_usage", dedicated),
        ("individual_jobs_usage", alone),
    ):
        document |= _tally(name, _times(group))
    return document | _tally("queue_time", [round(item.queued * 1000) for item in jobs])


def _times(items: Iterable[Usage]) -> list[int]:
    return [round(item.seconds * 1000) for item in items]
