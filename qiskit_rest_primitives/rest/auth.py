"""Who signs requests: an IAM bearer token made from an API key, or a fixed bearer token."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from .._calls import even_half_made
from .._frozen import frozen
from .._locks import fork_safe_lock
from .._secret import Secret, hidden
from .messages import UNREADABLE, Failure, FailureError, Request, Send
from .retry import ONCE
from .transport import Transport

GRANT = "urn:ibm:params:oauth:grant-type:apikey"
RENEW_AT = 0.8
"""Part of a token's life after which it is renewed."""
DEAD_BEFORE_END = 10.0
"""Seconds before its end at which a token is not used any more."""
RENEW_AGAIN = 30.0
"""Seconds after which an early renewal that failed is tried again."""
DEFAULT_LIFE = 3600.0


@frozen
class StaticBearer:
    """A bearer token that was obtained elsewhere and cannot be renewed."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", Secret(self.token))

    def headers(self, *, timeout: float | None = None) -> Mapping[str, str]:  # noqa: ARG002
        """Return the ``Authorization`` header."""
        return bearer(self.token)

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:  # noqa: ARG002
        """Return False: there is no other token."""
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A token cannot be pickled; reconnect from the saved account or the environment.")


@frozen
class Unsigned:
    """No header, because the secret is in the body; being signed at all makes the transport guard the way."""

    def headers(self, *, timeout: float | None = None) -> Mapping[str, str]:  # noqa: ARG002
        """Return nothing."""
        return {}

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:  # noqa: ARG002
        """Return False: there is nothing else."""
        return False


@dataclass
class TokenCell:
    """The current token of one API key at one token service, with the lock that guards its renewal."""

    lock: threading.RLock = field(default_factory=fork_safe_lock, repr=False)
    token: str = field(default="", repr=False)
    renew_at: float = 0.0
    dead_at: float = 0.0


_CELLS: dict[str, TokenCell] = {}
"""Documented cache: tokens by a digest of key and token service, so that every service object of a process
(and every copy of one) shares one token."""


class IamAuth:
    """Exchanges an API key for bearer tokens (rest-api.md 2.1) and keeps the current one.

    A token is renewed when 80 % of its life is over, by one thread while the others go on using it, and is not
    used in the last ten seconds of its life. Its life is counted from its arrival on the local clock, so a
    clock that is wrong does no harm. ``clock`` gives seconds that go on while the machine sleeps; ``cells`` is where tokens
    are kept, the process-wide cache by default.
    """

    def __init__(
        self,
        api_key: str,
        iam_url: str,
        send: Send,
        *,
        allow_insecure: bool = False,
        clock: Callable[[], float] = time.time,
        cells: dict[str, TokenCell] | None = None,
    ) -> None:
        self._api_key = Secret(api_key)
        self._clock = clock
        self._iam_url = iam_url
        digest = hashlib.sha256((iam_url + "\n" + api_key).encode()).hexdigest()
        self._cell = (_CELLS if cells is None else cells).setdefault(digest, TokenCell())
        self._transport = Transport(iam_url, send, auth=Unsigned(), retry=ONCE, allow_insecure=allow_insecure)

    @even_half_made
    def __repr__(self) -> str:
        return f"IamAuth(iam_url={self._iam_url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("An API key cannot be pickled; reconnect from the saved account or the environment.")

    def headers(self, *, timeout: float | None = None) -> Mapping[str, str]:
        """Return the ``Authorization`` header with a token that is alive; a ``FailureError`` if the token service gives none."""
        return bearer(self._token(timeout))

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:
        """Exchange the key again, unless another thread did so since: those that come together share one exchange."""
        cell = self._cell
        self._acquire(timeout)
        try:
            if rejected.get("Authorization") == "Bearer " + cell.token:
                self._exchange(timeout)
        finally:
            cell.lock.release()
        return True

    def _token(self, timeout: float | None) -> str:
        cell, now = self._cell, self._clock()
        token, alive = cell.token, now < cell.dead_at
        if alive and now < cell.renew_at:
            return token
        if alive:
            return self._renewed_early(token)
        self._acquire(timeout)
        try:
            if self._clock() >= cell.dead_at:
                self._exchange(timeout)
            return cell.token
        finally:
            cell.lock.release()

    def _renewed_early(self, token: str) -> str:
        """Renew a token that still works: no thread waits for it, and a failure is no harm yet."""
        cell = self._cell
        if not cell.lock.acquire(blocking=False):
            return token
        try:
            if cell.token == token:
                self._exchange(10.0)
            return cell.token
        except FailureError:
            cell.renew_at = self._clock() + RENEW_AGAIN
            return token
        finally:
            cell.lock.release()

    def _acquire(self, timeout: float | None) -> None:
        if not self._cell.lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            raise FailureError(_failure("timeout", "Another thread is still waiting for the token service."))

    def _exchange(self, timeout: float | None) -> None:
        form = {"grant_type": GRANT, "response_type": "cloud_iam"}
        request = Request(
            "POST",
            "/identity/token",
            "POST /identity/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode({**form, "apikey": self._api_key.reveal()}).encode(),
        )
        document = hidden_answer(self._transport, request, timeout)
        token = document.get("access_token")
        if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
            raise FailureError(_failure("body", "The token service's answer holds no access token."))
        now, life = self._clock(), life_of(token, document)
        self._cell.renew_at = now + RENEW_AT * life
        self._cell.dead_at = now + life - DEAD_BEFORE_END
        self._cell.token = Secret(token)


def hidden_answer(transport: Transport, request: Request, timeout: float | None) -> dict[str, Any]:
    """Return the JSON object that answers a login, its texts hidden.

    A failure does not keep what came instead, which may hold a token.
    """
    try:
        document: dict[str, Any] = hidden(transport.json(request, timeout=timeout))
        return document
    except FailureError as problem:
        failure = replace(problem.failure, body=b"")
    raise FailureError(failure)


def bearer(token: str) -> dict[str, str]:
    """Return the header that a bearer token goes in."""
    return {"Authorization": Secret("Bearer " + token)}


def life_of(token: str, document: Mapping[str, Any]) -> float:
    """Return a token's life in seconds, by its own claims, else by the answer around it, else one hour."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return _sensible(float(claims["exp"]) - float(claims["iat"]))
    except UNREADABLE:
        try:
            return _sensible(float(document["expires_in"]))
        except UNREADABLE:
            return DEFAULT_LIFE


def _sensible(life: float) -> float:
    if not math.isfinite(life):
        raise ValueError("no number of seconds")
    return max(0.0, life)


def _failure(kind: Any, message: str) -> Failure:
    return Failure(kind, "POST /identity/token", "POST", "/identity/token", message)
