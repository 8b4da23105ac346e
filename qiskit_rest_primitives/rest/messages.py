"""Requests, responses and failures as frozen values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
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
    """One HTTP answer, fully read.

    Attributes:
        status: Status code.
        headers: Header names in lower case.
        body: The decompressed body.
    """

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
    """What ``rest`` raises when nobody told it which class to raise; carries the failure.

    Attributes:
        failure: The failure.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def merge_headers(*layers: Mapping[str, str]) -> dict[str, str]:
    """Merge header layers into a new dict, later layers winning, names compared without case."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        for name, value in layer.items():
            merged[name.lower()] = (name, value)
    return dict(merged.values())


def segment(value: str, *, what: str) -> str:
    """Percent-encode one path segment, refusing what URL normalisation would swallow.

    Args:
        value: The identifier.
        what: How to call it in the error, e.g. ``"job id"``.

    Raises:
        ValueError: If it is empty or consists of dots only (rest-api.md 1.1 and 1.8).
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
    """Return a text from outside as it may be shown: no terminal escapes, no half characters, of bounded length.

    Args:
        value: The text, or what is written as one.
        most: Characters kept; the end is cut off.
    """
    try:
        text = value if isinstance(value, str) else str(value)
    except (RecursionError, ValueError):  # nested without end, or an integer of too many digits
        text = f"({type(value).__name__})"
    cut = len(text) > most
    text = _ESCAPES.sub("", text[: most + 200]).encode("utf-8", "replace").decode()
    text = "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
    return f"{text[:most]}…" if cut else text
