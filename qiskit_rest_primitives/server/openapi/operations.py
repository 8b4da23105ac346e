"""The operations of the contract: one line per endpoint, with its parameters, statuses and bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .json_schema import FLAG, NUMBER, TEXT, TIME, WHOLE, Schema, several, words

PAGE = {"limit": WHOLE, "offset": WHOLE}
CREATED = {"created_after": TIME, "created_before": TIME}
CALIBRATION = {"calibration_id": TEXT}
LISTING = (
    PAGE
    | CREATED
    | {"pending": FLAG, "program": TEXT, "backend": TEXT, "session_id": TEXT, "tags": several(TEXT)}
    | {"sort": words("ASC", "DESC"), "exclude_params": FLAG, "include_mocks": FLAG}
)
WORKLOADS = CREATED | {
    "limit": WHOLE, "sort": words("createdAt", "-createdAt"), "next": TEXT, "previous": TEXT, "user": words("me"),
    "backend": TEXT, "search": TEXT, "mode": words("job", "session", "batch"), "tags": several(TEXT),
    "status": several(words("pending", "in_progress", "failed", "completed", "canceled")),
}  # fmt: skip
GROUPS = ("backend", "instance", "plan", "subscription_id", "user_id")
ANALYTICS = dict.fromkeys(GROUPS, several(TEXT)) | {
    "interval_start": TIME,
    "interval_end": TIME,
    "simulators": FLAG,
}
GROUPED = ANALYTICS | {"group_by": words(*GROUPS)}
TRANSPILING = {
    **dict.fromkeys(("backend", "ai", "ai_layout_mode"), TEXT),
    "optimization_level": WHOLE, "use_fractional_gates": FLAG,
}  # fmt: skip
WAIT: Schema = {
    "name": "Prefer",
    "in": "header",
    "schema": TEXT,
    "description": "wait=N holds the answer until the job is final or N seconds passed (RFC 7240).",
}
KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": TEXT,
    "description": "The same key finds the same job, session or task again instead of making a second one.",
}
READER: Schema = KEY | {
    "description": "The only reading of a private result is repeated for the same key, if the answer was lost.",
}
PARENT: Schema = {"name": "Parent-Job-Id", "in": "header", "schema": TEXT}


@dataclass(frozen=True)
class Operation:
    """One line of the contract.

    Attributes:
        method: Upper-case verb.
        path: Template below the server's URL.
        summary: What it does.
        answer: Schema of the 200; None for a 204 without body, ``text`` for plain text, empty for none.
        errors: Statuses with the error envelope, besides 500.
        query: Query parameters with their schemas.
        headers: Header parameters.
        body: Schema of the request body.
        access: ``open``, ``account`` (token only), ``instance`` (token and CRN) or ``login`` (access token of the
            classic dialect).
        legacy: Whether it exists in the classic dialect only; then it is below ``/api``, and its errors are those
            of that dialect.
        empty: Whether 204 may come instead of 200.
    """

    method: str
    path: str
    summary: str
    answer: str | None
    errors: tuple[int, ...] = ()
    query: dict[str, Schema] | None = None
    headers: tuple[Schema, ...] = ()
    body: str | None = None
    access: str = "instance"
    empty: bool = False
    legacy: bool = False


def _classic(method: str, path: str, summary: str, answer: str | None, **more: Any) -> Operation:
    return Operation(method, path, summary, answer, **{"access": "login", "legacy": True, **more})


_DEVICES = "/Network/{hub}/Groups/{group}/Projects/{project}/devices"
_BODY = (400, 413, 429)
_MISSING = (404,)
_CHANGE = (*_BODY, 403, 404, 409)

OPERATIONS = (
    Operation("GET", "/versions", "List the API versions", "Versions", access="open"),
    Operation("GET", "/health", "Say that the server is up", "Health", access="open"),
    Operation("GET", "/openapi.json", "This document", "Document", access="open"),
    Operation("POST", "/identity/token", "Exchange an API key for a token", "Token", _BODY, access="open", body="form"),
    Operation("POST", "/oidc/token", "The same under its other name", "Token", _BODY, access="open", body="form"),
    Operation("GET", "/backends", "List the devices", "Backends",
        query={"fields": several(TEXT), "include_mocks": FLAG}),
    Operation("GET", "/backends/{name}/configuration", "Describe a device", "Configuration", _MISSING,
        query=CALIBRATION),
    Operation("GET", "/backends/{name}/properties", "Calibration data of a device", "Properties", _MISSING,
        query={"updated_before": TIME} | CALIBRATION),
    Operation("GET", "/backends/{name}/status", "Queue of a device", "BackendStatus", _MISSING),
    Operation("GET", "/backends/{name}/defaults", "Always null", "Nothing", _MISSING),
    Operation("POST", "/jobs", "Submit a job", "Created", (*_BODY, 404, 409), headers=(KEY, PARENT), body="Submission"),
    Operation("GET", "/jobs", "List jobs", "Jobs", query=LISTING),
    Operation("GET", "/jobs/{id}", "Show a job", "Job", _MISSING, query={"exclude_params": FLAG}, headers=(WAIT,)),
    Operation("DELETE", "/jobs/{id}", "Delete a job", None, _MISSING),
    Operation("GET", "/jobs/{id}/results", "Read a result", "Result", _MISSING, headers=(WAIT, READER), empty=True),
    Operation("POST", "/jobs/{id}/cancel", "Cancel a job", None, (404, 409), headers=(PARENT,)),
    Operation("PUT", "/jobs/{id}/tags", "Replace the tags of a job", None, (*_BODY, 404), body="NewTags"),
    Operation("GET", "/jobs/{id}/metrics", "Times and usage of a job", "Metrics", _MISSING),
    Operation("GET", "/jobs/{id}/logs", "What happened to a job", "text", _MISSING),
    Operation("GET", "/jobs/{id}/interim_results", "What a program published, as a JSON list", "text", (400, 404),
        query={"offset": WHOLE}, headers=(WAIT,)),
    Operation("GET", "/jobs/{id}/transpiled_circuits", "Never stored: always 404", "", _MISSING),
    Operation("GET", "/tags", "Search tags", "Tags", query={"type": words("job"), "search": TEXT}),
    Operation("GET", "/programs", "List programs", "Programs", query=PAGE),
    Operation("POST", "/programs", "Upload a program", "NewId", (*_BODY, 403, 409), body="NewProgram"),
    Operation("GET", "/programs/{id}", "Show a program", "Program", _MISSING),
    Operation("PATCH", "/programs/{id}", "Change a program", None, _CHANGE, body="ProgramChange"),
    Operation("DELETE", "/programs/{id}", "Delete a program", None, (403, 404)),
    Operation("GET", "/programs/{id}/data", "Show a program with its source", "Program", _MISSING),
    Operation("PUT", "/programs/{id}/data", "Replace its source", None, _CHANGE, body="Source"),
    Operation("PUT", "/programs/{id}/public", "Let all instances see it", None, (403, 404)),
    Operation("PUT", "/programs/{id}/private", "Let its own instance see it only", None, (403, 404)),
    Operation("POST", "/transpile", "Transpile circuits", "TranspileTask", (400, 409, 413, 422, 429),
        query=TRANSPILING, headers=(KEY,), body="TranspileOrder", access="account"),
    Operation("GET", "/transpile/{id}", "How a transpilation stands", "Transpilation", (404,), headers=(WAIT,),
        access="account"),
    Operation("POST", "/sessions", "Open a session or batch", "Session", (*_BODY, 409), headers=(KEY,),
        body="NewSession"),
    Operation("GET", "/sessions/{id}", "Show a session", "Session", _MISSING),
    Operation("PATCH", "/sessions/{id}", "Stop or resume taking jobs", None, (*_BODY, 404), body="SessionChange"),
    Operation("DELETE", "/sessions/{id}/close", "Cancel what is queued and close", None, _MISSING),
    Operation("GET", "/workloads", "List jobs, sessions and batches", "Workloads", query=WORKLOADS),
    Operation("GET", "/instance", "Show the instance", "Instance"),
    Operation("GET", "/instances/usage", "Usage within 28 days", "Usage"),
    Operation("GET", "/instances/configuration", "Show the usage limit", "InstanceConfiguration"),
    Operation("PUT", "/instances/configuration", "Change the usage limit", None, _BODY, body="InstanceConfiguration"),
    Operation("GET", "/accounts/{id}", "List the plans", "Account", _MISSING, query={"plan_id": TEXT}),
    Operation("GET", "/analytics/usage", "Totals, in milliseconds", "Totals", query=ANALYTICS),
    Operation("GET", "/analytics/usage_grouped", "Totals by group", "GroupedTotals", query=GROUPED),
    Operation("GET", "/analytics/usage_grouped_by_date", "Totals by day", "DatedTotals", query=GROUPED),
    Operation("GET", "/analytics/filters", "What can be filtered by", "AnalyticsFilters"),
    Operation("POST", "/v3/resources/search", "Find the instances", "Search", _BODY, query={"limit": NUMBER},
        body="Document", access="account"),
    _classic("POST", "/users/loginWithToken", "Log in", "LoggedIn", errors=(401, *_BODY), body="Login", access="open"),
    _classic("POST", "/users/logout", "Log out", None),
    _classic("GET", "/users/me", "Where the services are", "User"),
    _classic("POST", "/logout", "Does nothing", None),
    _classic("GET", "/version", "Version of the server", "LegacyVersion", access="open"),
    _classic("GET", "/Network", "List hubs, groups and projects", "Networks"),
    _classic("GET", "/Network/bookings/v2", "Always empty", "Bookings"),
    _classic("GET", f"{_DEVICES}/v/1", "Describe all devices", "LegacyDevices"),
    _classic("GET", f"{_DEVICES}/{{name}}/configuration", "Describe a device", "Configuration", errors=_MISSING),
    _classic("GET", f"{_DEVICES}/{{name}}/properties", "Its calibration data", "Properties", errors=_MISSING),
    _classic("GET", f"{_DEVICES}/{{name}}/defaults", "Always null", "Nothing", errors=_MISSING),
    _classic("GET", f"{_DEVICES}/{{name}}/status", "Its queue", "BackendStatus", errors=_MISSING),
    _classic("GET", f"{_DEVICES}/{{name}}/queue/status", "Its queue", "QueueStatus", errors=_MISSING),
    Operation("GET", "/{plan_id}", "Show a plan", "CatalogEntry", _MISSING, access="open"),
)  # fmt: skip
