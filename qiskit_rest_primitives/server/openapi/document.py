"""The contract of the server as an OpenAPI 3.1 document, served at ``/openapi.json``, and the rows that it is made of."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..._version import __version__
from ..http.auth import APIKEY_GRANT
from ..json_schema import FLAG, TEXT, TIME, WHOLE, Schema, ref, several, words
from .schemas import SCHEMAS

Handler = Callable[[Request], Awaitable[Response]]

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
TRANSPILING = {
    **dict.fromkeys(("backend", "ai", "ai_layout_mode"), TEXT),
    "optimization_level": WHOLE, "use_fractional_gates": FLAG,
}  # fmt: skip


def _header(name: str, description: str | None = None, schema: Schema = TEXT) -> Schema:
    described = {} if description is None else {"description": description}
    return {"name": name, "in": "header", "schema": schema, **described}


WAIT = _header("Prefer", "wait=N holds the answer until the job is final or N seconds passed (RFC 7240).")
ALONG = _header(
    "Prefer",
    "With wait=N, and application/json-seq in Accept, the answer is a sequence (RFC 7464) of a job that is completed in a"
    " moment and its result.",
)
KEY = _header(
    "Idempotency-Key",
    "The same key finds the same job, session or task again instead of making a second one.",
)
READER = _header(
    "Idempotency-Key",
    "The only reading of a private result is repeated for the same key, if the answer was lost.",
)
PARENT = _header("Parent-Job-Id")


@dataclass(frozen=True)
class Endpoint:
    """One row of the table: what is served, and what the contract says about it.

    Attributes:
        path: Template below the server's URL.
        answer: Schema of the 200; None for a 204 without body, ``text`` for plain text, empty for none.
        errors: Statuses with the error envelope, besides 500.
        query: Query parameters with their schemas.
        access: ``open``, ``account`` (token only), ``instance`` (token and CRN) or ``login`` (access token of the
            classic dialect).
        legacy: Whether it exists in the classic dialect only; then it is below ``/api``, and its errors are those
            of that dialect.
        empty: Whether 204 may come instead of 200.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: str | None
    errors: tuple[int, ...] = ()
    query: dict[str, Schema] | None = None
    headers: tuple[Schema, ...] = ()
    body: str | None = None
    access: str = "instance"
    empty: bool = False
    legacy: bool = False


FORM: Schema = {
    "type": "object",
    "properties": {"grant_type": {"const": APIKEY_GRANT}, "apikey": TEXT, "response_type": TEXT},
    "required": ["grant_type", "apikey"],
}


def written(endpoints: Sequence[Endpoint]) -> bytes:
    """Return the document as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in endpoints:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Local server of qiskit-rest-primitives",
                "version": __version__,
                "description": "The REST API of the quantum service, simulated with Qiskit Aer.",
            },
            "servers": [{"url": "/api/v1"}, {"url": "/v1"}, {"url": "/"}],
            "security": [{"bearer": [], "instance": []}, {"apikey": [], "instance": []}],
            "paths": paths,
            "components": {"schemas": SCHEMAS, "securitySchemes": _SECURITY},
        }
    ).encode()


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "apikey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The word apikey, a space, and the API key.",
    },
    "instance": {
        "type": "apiKey",
        "in": "header",
        "name": "Service-CRN",
        "description": "CRN of the instance.",
    },
    "access": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Access-Token",
        "description": "Access token of the classic dialect, from /api/users/loginWithToken.",
    },
}
_ACCESS: dict[str, list[dict[str, list[str]]]] = {
    "open": [],
    "account": [{"bearer": []}, {"apikey": []}],
    "login": [{"access": []}],
}
_REASONS = {
    400: "The request is not understood",
    403: "Not allowed to this instance, or on this server",
    401: "No valid credentials",
    404: "Not found, or not in this instance",
    408: "The body did not come in time",
    409: "Not possible in the present state",
    413: "Too large",
    422: "The order is not understood",
    429: "Too many; see Retry-After",
    500: "Internal error",
    503: "Too many connections, or shutting down; see Retry-After",
    507: "Cannot be stored now",
}


def _operation(operation: Endpoint) -> dict[str, Any]:
    parameters: list[Schema] = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": TEXT}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]
    parameters += [
        {"name": name, "in": "query", "schema": kind} for name, kind in (operation.query or {}).items()
    ]
    parameters += operation.headers
    if operation.access == "instance":
        parameters.append(_header("IBM-API-Version", schema=TEXT | {"format": "date"}))
    written: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": f"{operation.method.lower()}{operation.path.replace('/', '_').translate(_PLAIN)}",
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.body is not None:
        written["requestBody"] = {"required": True, "content": _content(operation.body)}
    if operation.access != "instance":
        written["security"] = _ACCESS[operation.access]
    if operation.legacy:
        written["servers"] = [{"url": "/api"}]
    return written


def _content(body: str) -> dict[str, Any]:
    """Return the media types of a request body."""
    if body == "form":
        return {"application/x-www-form-urlencoded": {"schema": FORM}}
    if body == "Source":
        return {"application/octet-stream": {"schema": ref(body)}}
    if body == "NewProgram":
        return _json(ref(body)) | {"multipart/form-data": {"schema": ref("ProgramForm")}}
    return _json(ref(body))


_PLAIN = str.maketrans({"{": "", "}": "", ".": "_"})


def _responses(operation: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if operation.answer == "text":
        responses["200"] = {"description": "Text", "content": {"text/plain": {"schema": TEXT}}}
    elif operation.answer:
        responses["200"] = {"description": operation.summary, "content": _json(ref(operation.answer))}
    if operation.answer == "Result":
        responses["200"]["content"]["text/plain"] = {"schema": TEXT}
    if operation.answer is None or operation.empty:
        responses["204"] = {"description": "Nothing to say"}
    envelope = "TokenError" if operation.body == "form" else "LegacyError" if operation.legacy else "Error"
    if operation.path.startswith("/transpile"):
        envelope = "TranspileError"
    statuses = {400, 500, 503, *operation.errors}
    if operation.body:
        statuses.add(408)
    writes = operation.method != "GET" or operation.answer == "Result"  # a private one is given away once
    if writes and operation.access != "open" and not operation.path.startswith("/transpile"):
        statuses.add(507)
    if operation.access != "open":
        statuses.add(401)
    if operation.access == "instance":
        statuses.add(404)
    for status in sorted(statuses):
        early = status == 408 or (status >= 500 and operation.body == "form")
        schema = ref("Error" if early else envelope)
        responses[str(status)] = {"description": _REASONS[status], "content": _json(schema)}
    return responses


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
