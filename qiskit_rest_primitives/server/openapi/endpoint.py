"""What a row of the table of endpoints says, and the parameters that rows share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ..json_schema import FLAG, TEXT, TIME, WHOLE, Schema, several, words

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
ALONG: Schema = WAIT | {
    "description": "With wait=N, and application/json-seq in Accept, the answer is a sequence (RFC 7464) of a job that is"
    " completed in a moment and its result.",
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
class Endpoint:
    """One row of the table: what is served, and what the contract says about it.

    Attributes:
        method: Upper-case verb.
        path: Template below the server's URL.
        handler: What answers.
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
