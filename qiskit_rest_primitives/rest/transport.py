"""One request, from a value to a usable answer: authorise, send, retry, raise, log."""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from .._time import patience_left
from ..accounts.endpoints import is_loopback
from ..wire.jsonio import loads
from .messages import (
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    UNREADABLE,
    Credentials,
    ExchangeError,
    FailedAttempt,
    Failure,
    FailureError,
    Outgoing,
    Request,
    Response,
    Send,
    failure_of,
    merge_headers,
    readable,
)
from .network_errors import from_signal_handler
from .retry import DEFAULT_POLICY, RetryPolicy, repeatable

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_REDIRECTS = 3

NOT_RETRIED = frozenset({"refused", "auth", "permanent", "unreachable", "large"})
"""Kinds of failures that asking again does not mend."""

PROXY_REFUSED = (
    "The proxy asks for another login. Check the user and the password in the account's 'proxies'."
)


class BodyError(ValueError):
    """An answer whose body is not what it should be; raised by readers."""


def read_json(response: Response) -> Any:
    """Read an answer's JSON value."""
    read_any(response)
    if not response.body.strip():
        raise BodyError("The answer is empty")
    try:
        return loads(response.body)
    except ValueError as cause:
        raise BodyError("The answer is not JSON") from cause


def read_object(response: Response) -> dict[str, Any]:
    """Read an answer's JSON object."""
    document = read_json(response)
    if not isinstance(document, dict):
        raise BodyError("The answer is not a JSON object")
    return document


def read_any(response: Response) -> Response:
    """Refuse only web pages: the edge serves one with status 200 for unknown paths (rest-api.md 1.1)."""
    start = response.body[:100].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) or (
        response.body and response.headers.get("content-type", "").lower().startswith("text/html")
    ):
        raise BodyError("The answer is a web page")
    return response


def read_unread(response: Response) -> Response:
    """Take an answer as it is."""
    return response


def read_full(response: Response) -> Response:
    """Refuse, besides web pages, an empty body where the status promises one."""
    if response.status != 204 and not response.body:
        raise BodyError("The answer is empty")
    return read_any(response)


class Transport:
    """Sends requests below one base URL; shared by threads.

    Args:
        base_url: Where paths are appended to, e.g. ``https://quantum.cloud.ibm.com/api/v1``.
        send: The engine.
        auth: Who signs; None for endpoints that need no credentials.
        headers: Headers of every request; a request's own headers win over them.
        retry: The policy of ``request``.
        error_of: Makes the exception to raise from a failure.
        allow_insecure: Whether credentials may travel unencrypted to another machine.
        clock: Monotonic seconds.
        sleep: Sleeps for some seconds.
        random: Random numbers in [0, 1).
    """

    def __init__(
        self,
        base_url: str,
        send: Send,
        *,
        auth: Credentials | None = None,
        headers: Mapping[str, str] = {},
        retry: RetryPolicy = DEFAULT_POLICY,
        error_of: Callable[[Failure], Exception] = FailureError,
        allow_insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.retry = retry
        self.clock = clock
        self.sleep = sleep
        self.random = random
        self.holds_answers = False
        """Whether the service was seen to honour ``Prefer: wait``."""
        self._send = send
        self._auth = auth
        self._headers = merge_headers({"Accept-Encoding": "gzip", "Accept": "application/json"}, headers)
        self._error_of = error_of
        self._guarded = auth is not None and not allow_insecure
        self._insecure = None if allow_insecure or auth is None else _insecurity(self.base_url)

    def request(
        self,
        request: Request,
        *,
        read: Callable[[Response], Response] = read_any,
        timeout: float | None = None,
        settled: Collection[int] = (),
    ) -> Response:
        """Send a request, again if need be, and return its 2xx answer; failures are raised as ``error_of`` has them.

        Args:
            request: What to send.
            read: Checks a 2xx answer; may raise ``BodyError``.
            timeout: Seconds for everything: tokens, attempts, pauses and the body.
            settled: Error statuses that mean "done already" once an earlier attempt may have taken effect.
        """
        return self._repeat(request, read, timeout, settled=settled)

    def json(self, request: Request, *, timeout: float | None = None) -> Any:
        """Send a request like ``request`` and return the JSON object of its answer; an unreadable body is asked for again."""
        return self._repeat(request, read_object, timeout)

    def read(self, request: Request, read: Callable[[Any], T], *, timeout: float | None = None) -> T:
        """Like ``json``, but what comes is what a reader makes of the object; one that it cannot read is a failure."""
        value: T = self._repeat(request, lambda answer: read(read_object(answer)), timeout)
        return value

    def ask(self, request: Request, *, statuses: Collection[int], timeout: float | None = None) -> Any | None:
        """Like ``json``, but an answer with one of the statuses is no failure: it means None."""
        return self._repeat(request, read_object, timeout, absent=statuses)

    def deadline(self, timeout: float | None) -> float | None:
        """Return the moment on the transport's clock at which a timeout that starts now, or patience, runs out."""
        bounds = [seconds for seconds in (timeout, patience_left()) if seconds is not None]
        return self.clock() + min(bounds) if bounds else None

    def left(self, deadline: float | None) -> float | None:
        """Return the seconds until a deadline, None if there is none."""
        return None if deadline is None else deadline - self.clock()

    def error(self, failure: Failure) -> Exception:
        """Make the exception that stands for a failure."""
        return self._error_of(failure)

    def fail(self, failure: Failure) -> NoReturn:
        """Raise the exception that stands for a failure."""
        raise self._error_of(failure)

    def attempt(
        self,
        request: Request,
        read: Callable[[Response], T],
        *,
        deadline: float | None = None,
        idle_timeout: float = IDLE_TIMEOUT,
    ) -> T | FailedAttempt:
        """Try once: authorise, send, renew the token and send again if it was rejected, read the answer.

        ``read`` turns a 2xx answer into a value, and may raise ``BodyError``; ``deadline`` is a moment on the transport's clock.
        """
        if self._insecure is not None:
            return FailedAttempt(self._failure(request, "refused", self._insecure), sent=False)
        try:
            response = self._exchange(request, deadline, idle_timeout)
        except ExchangeError as problem:
            kind = "deadline" if _late(self.left(deadline)) else problem.kind
            failure = self._failure(request, "connect" if kind == "broken" else kind, _sentence(problem))
            return FailedAttempt(failure, sent=problem.sent)
        except FailureError as problem:
            return FailedAttempt(_auth_failure(request, problem.failure), sent=False)
        except ValueError as problem:
            if from_signal_handler(problem):
                raise
            return FailedAttempt(self._failure(request, "refused", f"Not sent: {problem}."), sent=False)
        if not response.ok:
            failure = failure_of(request, response)
            if 300 <= response.status < 400:
                failure = replace(
                    failure, message="The service redirects to another place; that was not followed."
                )
            if response.status == 407:
                failure = replace(failure, message=PROXY_REFUSED)
            return FailedAttempt(failure, headers=response.headers)
        try:
            return read(response)
        except BodyError as problem:
            return FailedAttempt(_body_failure(request, response, str(problem)))
        except UNREADABLE as problem:  # the one guard around all readers
            reason = (
                f"The answer is not what it should be ({type(problem).__name__}: {readable(problem, 200)})"
            )
            return FailedAttempt(_body_failure(request, response, reason))

    def _repeat(
        self,
        request: Request,
        read: Callable[[Response], Any],
        timeout: float | None,
        *,
        settled: Collection[int] = (),
        absent: Collection[int] = (),
    ) -> Any:
        deadline = self.deadline(timeout)
        number, unsettled = 0, False
        while True:
            number += 1
            outcome = self.attempt(request, read, deadline=deadline)
            if not isinstance(outcome, FailedAttempt):
                return outcome
            failure = outcome.failure
            if failure.kind == "status" and failure.status in absent:
                return None
            if unsettled and failure.kind == "status" and failure.status in settled:
                return read(Response(204, {}))
            pause = self.pause(request, outcome, number)
            if pause is None:
                self.fail(failure)
            unsettled = unsettled or outcome.sent
            self.rest(pause, deadline, failure)

    def pause(self, request: Request, failed: FailedAttempt, number: int) -> float | None:
        """Ask the policy how long to wait after a failed attempt; None to give up."""
        failure = failed.failure
        if failure.kind in NOT_RETRIED or failure.kind == "deadline":
            return None
        return self.retry.pause(
            number,
            repeatable=repeatable(request),
            status=failure.status if failure.kind == "status" else None,
            headers=failed.headers,
            sent=failed.sent,
            jitter=self.random(),
        )

    def rest(self, pause: float, deadline: float | None, failure: Failure) -> None:
        """Sleep before the next attempt, or raise at once if the deadline would pass meanwhile."""
        left = self.left(deadline)
        if left is not None and pause >= left:
            self.fail(replace(failure, kind="deadline", message=f"Time is up. Last: {failure.message}"))
        self.sleep(pause)

    def _exchange(self, request: Request, deadline: float | None, idle_timeout: float) -> Response:
        """Send a signed request; again with a new token if the service rejects it, or elsewhere on the same host."""
        first = url = self.base_url + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        signature = {} if self._auth is None else self._auth.headers(timeout=self.left(deadline))
        redirects, renewed = 0, False
        while True:
            if _late(self.left(deadline)):
                raise ExchangeError("no time left", kind="timeout", sent=False)
            start = self.clock()
            try:
                response = self._send(Outgoing(
                    request.method, url, self._headers_of(request, signature), request.body, CONNECT_TIMEOUT,
                    idle_timeout, self.left(deadline), self._guarded,
                ))  # fmt: skip
            except ExchangeError as problem:
                self._log(request, start, problem.kind)
                raise
            self._log(request, start, response)
            elsewhere = _same_host_redirect(request.method, url, response)
            if elsewhere is not None and redirects < MAX_REDIRECTS:
                url, redirects = elsewhere, redirects + 1
                continue
            if response.status != 401 or self._auth is None or renewed:
                return response
            if not self._auth.renew(signature, timeout=self.left(deadline)):
                return response
            signature, renewed = self._auth.headers(timeout=self.left(deadline)), True
            url, redirects = first, 0

    def _headers_of(self, request: Request, signature: Mapping[str, str]) -> dict[str, str]:
        headers = merge_headers(self._headers, request.headers, signature)
        if request.body is not None and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = "application/json"
        return headers

    def _log(self, request: Request, start: float, outcome: Response | str) -> None:
        """Write one line to the log: never a header, a token, a query or a body."""
        if not logger.isEnabledFor(logging.DEBUG):
            return
        spent = (self.clock() - start) * 1e3
        if isinstance(outcome, str):
            logger.debug("%s %s %s %.1f ms", request.method, request.path, outcome, spent)
            return
        logger.debug(
            "%s %s %d %.1f ms id=%s %d bytes",
            request.method,
            request.path,
            outcome.status,
            spent,
            outcome.headers.get("x-request-id") or outcome.headers.get("uber-trace-id") or "-",
            len(outcome.body),
        )

    def _failure(self, request: Request, kind: Any, message: str) -> Failure:
        return Failure(kind, request.operation, request.method, request.path, message, job_id=request.job_id)


def _body_failure(request: Request, response: Response, problem: str) -> Failure:
    return Failure(
        "body",
        request.operation,
        request.method,
        request.path,
        f"{problem} (HTTP {response.status}, {len(response.body)} bytes); check the URL of the service.",
        status=response.status,
        trace=response.headers.get("x-request-id") or response.headers.get("uber-trace-id"),
        job_id=request.job_id,
        body=response.body,
    )


def _auth_failure(request: Request, failure: Failure) -> Failure:
    """Report why no token could be had as a failure of the request that needed it."""
    return replace(
        failure,
        kind="auth" if failure.kind == "status" and failure.status in {400, 401, 403} else failure.kind,
        operation=request.operation,
        job_id=request.job_id,
        message=f"No access token could be had: {failure.message}",
    )


def _sentence(problem: ExchangeError) -> str:
    text = str(problem)
    return f"{text[:1].upper()}{text[1:]}."


def _late(left: float | None) -> bool:
    return left is not None and left <= 0.0


def _insecurity(base_url: str) -> str | None:
    parts = urlsplit(base_url)
    if parts.scheme == "https" or is_loopback(parts.hostname):
        return None
    return f"Credentials are not sent unencrypted to {parts.hostname!r}. Use an https URL, or pass allow_insecure=True."


def _same_host_redirect(method: str, url: str, response: Response) -> str | None:
    """Return where to go on, if that is the same host over a connection that is no less private."""
    if response.status not in {301, 302, 307, 308} or method not in {"GET", "HEAD"}:
        return None
    try:
        target = urljoin(url, response.headers.get("location", ""))
        here, there = urlsplit(url), urlsplit(target)
    except ValueError:
        return None
    same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    upgraded = (here.scheme, there.scheme) == ("http", "https") and here.hostname == there.hostname
    return target if target != url and (same or upgraded) else None
