"""What the server serves: one row an endpoint, for the router and for the OpenAPI document."""

from __future__ import annotations

import functools
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .http.auth import token
from .http.responses import compressed
from .json_schema import FLAG, NUMBER, TEXT, TIME, WHOLE, several, words
from .openapi.document import (
    ALONG,
    CALIBRATION,
    KEY,
    LISTING,
    PAGE,
    PARENT,
    READER,
    TRANSPILING,
    WAIT,
    WORKLOADS,
    Endpoint,
    Handler,
    written,
)  # fmt: skip
from .routes import analytics, backends, jobs, legacy, platform, programs, sessions
from .routes.legacy import DEVICES
from .transpile import routes as transpile


@functools.cache
def document() -> bytes:
    """Return the OpenAPI document as JSON."""
    return written(ENDPOINTS)


async def contract(request: Request) -> Response:
    """``GET /openapi.json``."""
    return await compressed(request, document(), "application/json")


def _classic(
    method: str, path: str, handler: Handler, summary: str, answer: str | None, **more: Any
) -> Endpoint:
    return Endpoint(method, path, handler, summary, answer, **{"access": "login", "legacy": True, **more})


_BODY = (400, 413, 429)
_MISSING = (404,)
_CHANGE = (*_BODY, 403, 404, 409)

_ANALYTICS = dict.fromkeys(analytics.GROUPS, several(TEXT)) | {
    "interval_start": TIME,
    "interval_end": TIME,
    "simulators": FLAG,
}
_GROUPED = _ANALYTICS | {"group_by": words(*analytics.GROUPS)}

# Matched in this order, below the prefix /api/v1 (or /v1); the busiest first.
ENDPOINTS = (
    Endpoint("POST", "/jobs", legacy.by_dialect(jobs.create, legacy.create_job), "Submit a job", "Created",
        (*_BODY, 404, 409), headers=(KEY, PARENT, ALONG), body="Submission"),
    Endpoint("GET", "/jobs/{id}", jobs.show, "Show a job", "Job", _MISSING, query={"exclude_params": FLAG},
        headers=(WAIT,)),
    Endpoint("GET", "/jobs/{id}/results", jobs.results, "Read a result", "Result", _MISSING, headers=(WAIT, READER),
        empty=True),
    Endpoint("GET", "/backends/{name}/status", backends.status, "Queue of a device", "BackendStatus", _MISSING),
    Endpoint("GET", "/instances/usage", platform.usage, "Usage within 28 days", "Usage"),
    Endpoint("GET", "/jobs", jobs.listing, "List jobs", "Jobs", query=LISTING),
    Endpoint("DELETE", "/jobs/{id}", jobs.delete, "Delete a job", None, _MISSING),
    Endpoint("POST", "/jobs/{id}/cancel", jobs.cancel, "Cancel a job", None, (404, 409), headers=(PARENT,)),
    Endpoint("PUT", "/jobs/{id}/tags", jobs.set_tags, "Replace the tags of a job", None, (*_BODY, 404), body="NewTags"),
    Endpoint("GET", "/jobs/{id}/metrics", jobs.metrics, "Times and usage of a job", "Metrics", _MISSING),
    Endpoint("GET", "/jobs/{id}/logs", jobs.logs, "What happened to a job", "text", _MISSING),
    Endpoint("GET", "/jobs/{id}/interim_results", programs.interim_results,
        "What a program published, as a JSON list", "text", (400, 404), query={"offset": WHOLE}, headers=(WAIT,)),
    Endpoint("GET", "/jobs/{id}/transpiled_circuits", jobs.transpiled_circuits, "Never stored: always 404", "",
        _MISSING),
    Endpoint("GET", "/tags", jobs.tags, "Search tags", "Tags", query={"type": words("job"), "search": TEXT}),
    Endpoint("GET", "/programs", programs.listing, "List programs", "Programs", query=PAGE),
    Endpoint("POST", "/programs", programs.create, "Upload a program", "NewId", (*_BODY, 403, 409), body="NewProgram"),
    Endpoint("GET", "/programs/{id}", programs.show, "Show a program", "Program", _MISSING),
    Endpoint("PATCH", "/programs/{id}", programs.update, "Change a program", None, _CHANGE, body="ProgramChange"),
    Endpoint("DELETE", "/programs/{id}", programs.delete, "Delete a program", None, (403, 404)),
    Endpoint("GET", "/programs/{id}/data", programs.show, "Show a program with its source", "Program", _MISSING),
    Endpoint("PUT", "/programs/{id}/data", programs.replace_source, "Replace its source", None, _CHANGE, body="Source"),
    Endpoint("PUT", "/programs/{id}/public", programs.publish, "Let all instances see it", None, (403, 404)),
    Endpoint("PUT", "/programs/{id}/private", programs.hide, "Let its own instance see it only", None, (403, 404)),
    Endpoint("POST", "/transpile", transpile.create, "Transpile circuits", "TranspileTask", (400, 409, 413, 422, 429),
        query=TRANSPILING, headers=(KEY,), body="TranspileOrder", access="account"),
    Endpoint("GET", "/transpile/{id}", transpile.show, "How a transpilation stands", "Transpilation", (404,),
        headers=(WAIT,), access="account"),
    Endpoint("POST", "/sessions", legacy.by_dialect(sessions.create, legacy.create_session),
        "Open a session or batch", "Session", (*_BODY, 409), headers=(KEY,), body="NewSession"),
    Endpoint("GET", "/sessions/{id}", sessions.show, "Show a session", "Session", _MISSING),
    Endpoint("PATCH", "/sessions/{id}", sessions.update, "Stop or resume taking jobs", None, (*_BODY, 404),
        body="SessionChange"),
    Endpoint("DELETE", "/sessions/{id}/close", sessions.close, "Cancel what is queued and close", None, _MISSING),
    Endpoint("GET", "/backends", backends.listing, "List the devices", "Backends",
        query={"fields": several(TEXT), "include_mocks": FLAG}),
    Endpoint("GET", "/backends/{name}/configuration", backends.configuration, "Describe a device", "Configuration",
        _MISSING, query=CALIBRATION),
    Endpoint("GET", "/backends/{name}/properties", backends.properties, "Calibration data of a device", "Properties",
        _MISSING, query={"updated_before": TIME} | CALIBRATION),
    Endpoint("GET", "/backends/{name}/defaults", backends.defaults, "Always null", "Nothing", _MISSING),
    Endpoint("GET", "/workloads", platform.workloads, "List jobs, sessions and batches", "Workloads", query=WORKLOADS),
    Endpoint("GET", "/instance", platform.instance, "Show the instance", "Instance"),
    Endpoint("GET", "/instances/configuration", platform.configuration, "Show the usage limit",
        "InstanceConfiguration"),
    Endpoint("PUT", "/instances/configuration", platform.configure, "Change the usage limit", None, _BODY,
        body="InstanceConfiguration"),
    Endpoint("GET", "/accounts/{id}", platform.account, "List the plans", "Account", _MISSING, query={"plan_id": TEXT}),
    Endpoint("GET", "/analytics/usage", analytics.totals, "Totals, in milliseconds", "Totals", query=_ANALYTICS),
    Endpoint("GET", "/analytics/usage_grouped", analytics.grouped, "Totals by group", "GroupedTotals", query=_GROUPED),
    Endpoint("GET", "/analytics/usage_grouped_by_date", analytics.grouped_by_date, "Totals by day", "DatedTotals",
        query=_GROUPED),
    Endpoint("GET", "/analytics/filters", analytics.filters, "What can be filtered by", "AnalyticsFilters"),
    Endpoint("GET", "/versions", platform.versions, "List the API versions", "Versions", access="open"),
    Endpoint("GET", "/health", platform.health, "Say that the server is up", "Health", access="open"),
    Endpoint("GET", "/openapi.json", contract, "This document", "Document", access="open"),
    Endpoint("POST", "/identity/token", token, "Exchange an API key for a token", "Token", _BODY, access="open",
        body="form"),
    Endpoint("POST", "/oidc/token", token, "The same under its other name", "Token", _BODY, access="open", body="form"),
    Endpoint("POST", "/v3/resources/search", platform.search, "Find the instances", "Search", _BODY,
        query={"limit": NUMBER}, body="Document", access="account"),
    _classic("POST", "/users/loginWithToken", legacy.log_in, "Log in", "LoggedIn", errors=(401, *_BODY), body="Login",
        access="open"),
    _classic("POST", "/users/logout", legacy.log_out, "Log out", None),
    _classic("GET", "/users/me", legacy.me, "Where the services are", "User"),
    _classic("POST", "/logout", legacy.forget, "Does nothing", None),
    _classic("GET", "/version", legacy.version, "Version of the server", "LegacyVersion", access="open"),
    _classic("GET", "/Network", legacy.network, "List hubs, groups and projects", "Networks"),
    _classic("GET", "/Network/bookings/v2", legacy.bookings, "Always empty", "Bookings"),
    _classic("GET", f"{DEVICES}/v/1", legacy.devices, "Describe all devices", "LegacyDevices"),
    _classic("GET", f"{DEVICES}/{{name}}/configuration", backends.configuration, "Describe a device", "Configuration",
        errors=_MISSING),
    _classic("GET", f"{DEVICES}/{{name}}/properties", backends.properties, "Its calibration data", "Properties",
        errors=_MISSING),
    _classic("GET", f"{DEVICES}/{{name}}/defaults", backends.defaults, "Always null", "Nothing", errors=_MISSING),
    _classic("GET", f"{DEVICES}/{{name}}/status", backends.status, "Its queue", "BackendStatus", errors=_MISSING),
    _classic("GET", f"{DEVICES}/{{name}}/queue/status", legacy.queue_status, "Its queue", "QueueStatus",
        errors=_MISSING),
    Endpoint("GET", "/{plan_id}", platform.catalog_entry, "Show a plan", "CatalogEntry", _MISSING, access="open"),
)  # fmt: skip
