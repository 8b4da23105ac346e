"""The vocabulary of one HTTP exchange: what goes out, how it can break, who signs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .messages import Failure, Response

CONNECT_TIMEOUT = 10.0
"""Seconds allowed for name resolution, TCP and TLS together."""

IDLE_TIMEOUT = 60.0
"""Seconds of silence from the other side after which an exchange is given up."""


ExchangeKind = Literal["connect", "permanent", "unreachable", "broken", "timeout", "body", "large"]


@dataclass(frozen=True)
class Outgoing:
    """One request, complete with host and credentials.

    Attributes:
        method: Upper-case verb.
        url: Absolute URL.
        headers: All headers; never shown, because they hold the credentials.
        body: Encoded body, or None.
        connect_timeout: Seconds allowed for making a connection.
        idle_timeout: Seconds of silence after which to give up.
        total_timeout: Seconds allowed for the whole exchange, or None.
        guarded: Whether it holds what nobody on the way may read, a proxy included.
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
        """Return the headers that authorise a request.

        Args:
            timeout: Seconds it may take.

        Raises:
            FailureError: If no token can be had.
        """

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:
        """Replace credentials that the service rejected with 401.

        Args:
            rejected: What ``headers`` had returned for the rejected request.
            timeout: Seconds it may take.

        Returns:
            Whether ``headers`` would now return something else.
        """
