"""Requests, responses and failures as values: a request to the service, and the one HTTP exchange that carries it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import quote

from .._frozen import frozen

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What readers of documents raise when one is not what it should be."""

Query = tuple[tuple[str, str], ...]
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-9;:?<=>]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|[@-Z\\^_])|\x9b[0-9;]{0,40}[@-~]"
)

LONGEST_TEXT = 20_000
"""Characters that are kept of a text for people: the reason for a failure may be the whole traceback of a program."""

CONNECT_TIMEOUT = 10.0
"""Seconds allowed for name resolution, TCP and TLS together."""

IDLE_TIMEOUT = 60.0
"""Seconds of silence from the other side after which an exchange is given up."""

FailureKind = Literal[
    "status",
    "connect",
    "permanent",
    "unreachable",
    "timeout",
    "body",
    "large",
    "auth",
    "deadline",
    "unknown-outcome",
    "refused",
]
ExchangeKind = Literal["connect", "permanent", "unreachable", "broken", "timeout", "body", "large"]


@frozen
class Request:
    """One HTTP request, complete but for host and credentials.

    Attributes:
        method: Upper-case verb.
        path: Percent-encoded path below the base URL, starting with ``/``.
        operation: The endpoint's template, e.g. ``GET /jobs/{id}``; what errors and logs are filed under.
        query: Pairs in order; a repeated key is a list (``tags=a&tags=b``, rest-api.md 1.8).
        headers: Headers of this request only; merged over the transport's own, never into them.
        body: Encoded body, or None.
        job_id: The job the request is about, if any; carried into failures.
    """

    method: str
    path: str
    operation: str
    query: Query = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    job_id: str | None = None


@frozen
class Response:
    """One HTTP answer, fully read: header names in lower case, the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Failure:
    """Why a request did not give a usable answer; the one input of ``exceptions.from_failure``.

    Attributes:
        kind: What went wrong: ``status`` (an HTTP error answer), ``connect`` (no connection),
            ``permanent`` (no connection, and none to be hoped for), ``unreachable`` (nobody was ever there), ``timeout`` (no answer in time), ``body`` (an
            answer that cannot be read), ``large`` (one over the size limit), ``auth`` (no token to be had),
            ``deadline`` (the caller's timeout ran out), ``unknown-outcome`` (a submission that may or may
            not have been accepted) or ``refused`` (not sent, because sending would be unsafe).
        operation: The endpoint's template, e.g. ``POST /jobs``.
        method: Upper-case verb.
        path: Path below the base URL.
        message: What happened, for people; never holds a secret.
        status: HTTP status, if there was an answer.
        code: The service's own code as text (``"1217"``, ``"not_found"``), if it gave one.
        solution: The service's own advice, if it gave any.
        trace: Trace or request id of the answer, if any.
        job_id: The job concerned, if known.
        submission_id: The client's identifier of the submission, for ``POST /jobs``.
        body: The body as received, untouched.
    """

    kind: FailureKind
    operation: str
    method: str
    path: str
    message: str
    status: int | None = None
    code: str | None = None
    solution: str | None = None
    trace: str | None = None
    job_id: str | None = None
    submission_id: str | None = None
    body: bytes = field(default=b"", repr=False)


class FailureError(Exception):
    """What ``rest`` raises when nobody told it which class to raise; carries the failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class Outgoing:
    """One request, complete with host and credentials, which are never shown.

    The times are seconds: for making a connection, of silence after which to give up, and for the whole exchange. ``guarded``
    is one that holds what nobody on the way may read, a proxy included.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    connect_timeout: float = CONNECT_TIMEOUT
    idle_timeout: float = IDLE_TIMEOUT
    total_timeout: float | None = None
    guarded: bool = False


class ExchangeError(Exception):
    """An exchange that brought no complete answer.

    Attributes:
        kind: ``connect`` (no connection was made), ``permanent`` (nor will one be made soon), ``unreachable`` (nobody was ever there), ``broken`` (it
            broke), ``timeout`` (silence, or the time was up), ``body`` (the answer cannot be read) or ``large``
            (nor will it ever be).
        sent: Whether any part of the request may have reached the other side.
    """

    def __init__(self, message: str, *, kind: ExchangeKind, sent: bool) -> None:
        super().__init__(message)
        self.kind: ExchangeKind = kind
        self.sent = sent


Send = Callable[[Outgoing], Response]
"""Carries one request there and one answer back; raises ``ExchangeError``, never repeats, never redirects."""


@dataclass(frozen=True)
class FailedAttempt:
    """One attempt that gave no usable answer.

    Attributes:
        failure: What to report if it is not tried again.
        sent: Whether the service may have acted on the request.
        headers: Headers of the answer, if there was one (for ``Retry-After``).
    """

    failure: Failure
    sent: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Credentials(Protocol):
    """Signs requests. Implementations are shared by threads and hide their secrets in ``repr``."""

    def headers(self, *, timeout: float | None = None) -> Mapping[str, str]:
        """Return the headers that authorise a request; a ``FailureError`` if no token can be had in so many seconds."""

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:
        """Replace what ``headers`` had returned and the service rejected with 401; return whether there is something else now."""


def merge_headers(*layers: Mapping[str, str]) -> dict[str, str]:
    """Merge header layers into a new dict, later layers winning, names compared without case."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for name, value in layer.items():
            merged[name.lower()] = (name, value)
    return dict(merged.values())


def segment(value: str, *, what: str) -> str:
    """Percent-encode one path segment, refusing what URL normalisation would swallow: nothing, and dots (rest-api.md 1.1, 1.8).

    ``what`` is how to call it in the error, e.g. ``"job id"``.
    """
    if not isinstance(value, str) or not value.strip(".").strip():
        raise ValueError(
            f"{value!r} cannot be used as a {what}: it must be text with at least one other character than dots."
        )
    try:
        return quote(value, safe="")
    except UnicodeEncodeError as cause:
        raise ValueError(f"{value!r} cannot be used as a {what}: it holds half a character.") from cause


def query_of(values: Mapping[str, Any]) -> Query:
    """Flatten query values: None is left out, lists become repeated keys, booleans lower-case words."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        items: Iterable[Any] = value if isinstance(value, (list, tuple)) else (value,)
        for item in items:
            if item is None:
                continue
            pairs.append((key, str(item).lower() if isinstance(item, bool) else str(item)))
    return tuple(pairs)


def failure_of(request: Request, response: Response) -> Failure:
    """Read an error answer, whichever of the envelopes of rest-api.md 1.5 it is in."""
    message, code, solution, trace = _read_envelope(response)
    headers = response.headers
    return Failure(
        kind="status",
        operation=request.operation,
        method=request.method,
        path=request.path,
        message=message or f"HTTP {response.status} with no explanation in the body.",
        status=response.status,
        code=code,
        solution=solution,
        trace=trace or _text(headers.get("x-request-id") or headers.get("uber-trace-id")),
        job_id=request.job_id,
        body=response.body,
    )


def _read_envelope(response: Response) -> tuple[str, str | None, str | None, str | None]:
    """Return message, code, solution and trace of an error body; empty message when there is none."""
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return _plain_text(response), None, None, None
    if not isinstance(document, dict):
        return "", None, None, None
    trace = _text(document.get("trace"))
    entries = document.get("errors")
    entry = entries[0] if isinstance(entries, list) and entries else document.get("error")
    if isinstance(entry, dict):
        return (
            _text(entry.get("message")) or "",
            _text(entry.get("code")),
            _text(entry.get("solution")),
            trace,
        )
    if "errorMessage" in document:
        return _text(document["errorMessage"]) or "", _text(document.get("errorCode")), None, trace
    return _detail(document.get("detail")), None, None, trace


def _detail(detail: Any) -> str:
    if isinstance(detail, list):
        items = (item.get("msg", item) if isinstance(item, dict) else item for item in detail[:20])
        return readable("; ".join(readable(item) for item in items))
    return "" if detail is None else readable(detail)


def _plain_text(response: Response) -> str:
    """Text answers are short edge messages; HTML is somebody's web page and says nothing."""
    text = response.body[:500].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else readable(text)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else readable(value)


def readable(value: object, most: int = 2000) -> str:
    """Return a text from outside as it may be shown: no terminal escapes, no half characters, the end cut off if it is long."""
    try:
        text = value if isinstance(value, str) else str(value)
    except (RecursionError, ValueError):  # nested without end, or an integer of too many digits
        text = f"({type(value).__name__})"
    cut = len(text) > most
    text = _ESCAPES.sub("", text[: most + 200]).encode("utf-8", "replace").decode()
    text = "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
    return f"{text[:most]}…" if cut else text
