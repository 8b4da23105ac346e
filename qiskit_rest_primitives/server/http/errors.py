"""Refusals and the error envelope of the service (rest-api.md 1.5)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from ..text import readable

MORE_INFO = "https://quantum.cloud.ibm.com/docs/errors"
SPLIT = "Split the job into several smaller jobs."
TYPED_ARRAYS = "Send arrays in the typed form, or split the job into several smaller jobs."
_LEGACY_NAMES = {
    400: "BadRequest",
    401: "Unauthorized",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
}


class HttpError(Exception):
    """A request that is answered with an error; becomes the documented envelope.

    Attributes:
        code: Four digits are written as a number, words such as ``not_found`` as text (rest-api.md 9.3).
        solution: What to do about it, if there is something to do.
    """

    def __init__(
        self,
        status: int,
        code: int | str,
        message: str,
        *,
        solution: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        message = readable(message)
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.solution = solution
        self.headers = dict(headers or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return (_refusal, (self.status, self.code, self.message, self.solution, self.headers))

    def response(self, *, legacy: bool = False) -> Response:
        """Write the envelope; that of the classic platform if asked to."""
        if legacy:
            return self._legacy_response()
        entry: dict[str, object] = {"code": self.code, "message": self.message}
        if self.solution is not None:
            entry["solution"] = self.solution
        entry["more_info"] = f"{MORE_INFO}#{self.code}" if isinstance(self.code, int) else MORE_INFO
        body = json.dumps({"errors": [entry], "trace": str(uuid.uuid4())}).encode()
        return Response(body, self.status, self.headers, "application/json")

    def _legacy_response(self) -> Response:
        error = {
            "status": self.status,
            "name": f"{_LEGACY_NAMES.get(self.status, '')}Error",
            "code": str(self.code),
            "message": self.message if self.solution is None else f"{self.message} {self.solution}",
        }
        headers = {name: value for name, value in self.headers.items() if name != "WWW-Authenticate"}
        return Response(json.dumps({"error": error}).encode(), self.status, headers, "application/json")


def _refusal(status: int, code: int | str, message: str, solution: str | None, headers: Any) -> HttpError:
    return HttpError(status, code, message, solution=solution, headers=headers)


def bad_request(message: str, *, solution: str | None = None) -> HttpError:
    """A 400 for something in the request that is not allowed."""
    return HttpError(400, "bad_request", message, solution=solution)


def terse_not_found(what: str) -> HttpError:
    """A 404 as the service words it for devices, sessions and logs: no id, no solution."""
    return HttpError(404, "not_found", what)


def job_not_found(job_id: str) -> HttpError:
    """A 404 for a job; it names the id and carries a solution (rest-api.md 1.5)."""
    return HttpError(
        404,
        1291,
        f"Job not found. Job ID: {job_id[:100]}",
        solution="Check the job ID, and that the job belongs to the instance of the request.",
    )


def unauthorized(message: str) -> HttpError:
    """A 401."""
    return HttpError(
        401,
        1200,
        message,
        solution="Exchange the API key for a new token at /identity/token.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def too_large(message: str, *, solution: str | None = SPLIT) -> HttpError:
    """A 413; a 4xx, because clients repeat what answers 5xx."""
    return HttpError(413, "payload_too_large", message, solution=solution)


def reused_key(what: str) -> HttpError:
    """A 409 for an ``Idempotency-Key`` that comes with something else than before."""
    message = f"This Idempotency-Key was used for a different {what}."
    return HttpError(409, "idempotency_key_reused", message, solution=f"Use a new key for every new {what}.")


def shutting_down() -> HttpError:
    """A 503 for jobs that come while the server ends."""
    solution = "Try again when the server is back."
    return HttpError(
        503, 9999, "The server is shutting down.", solution=solution, headers={"Retry-After": "5"}
    )


def cannot_store() -> HttpError:
    """A 507 for what would have to be written down where that is impossible."""
    solution = "Make room on the disk of the server's database; its log says more."
    return HttpError(507, 9999, "The server cannot store this now.", solution=solution)


def too_many_connections() -> HttpError:
    """A 503, which clients repeat even for a ``POST``: nothing was done; closes the connection."""
    return HttpError(
        503,
        9999,
        "Too many connections are open.",
        solution="Try again in a moment, over fewer connections.",
        headers={"Retry-After": "1", "Connection": "close"},
    )


def too_many(message: str, *, retry_after: int) -> HttpError:
    """A 429 with ``Retry-After`` in seconds."""
    return HttpError(
        429,
        1202,
        message,
        solution=f"Try again in {retry_after} s.",
        headers={"Retry-After": str(retry_after)},
    )
