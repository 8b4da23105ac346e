"""Faults on purpose: what a network and a busy service do to a client, made repeatable."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..http.api_paths import address_of
from ..http.errors import HttpError, too_many
from .plan import BODILESS, Fault, FaultPlan


def with_faults(app: ASGIApp, plan: FaultPlan) -> ASGIApp:
    """Return the application with a plan of faults around it; the application itself when the plan is empty."""
    return _Faulty(app, plan) if plan.faults else app


class _Rule:
    """A fault, and what has become of it so far.

    Each rule draws from a sequence of its own, so what happens to the n-th request that it matches does not depend on
    other rules' requests.
    """

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self.seen = self.struck = 0
        self.ends = 0.0
        self._random = random.Random(seed)  # noqa: S311 (a plan, not a secret)

    def strikes(self, *, spent: bool) -> bool:
        """Count a request that matches and say whether it is hit; ``spent`` if another rule has it already."""
        fault = self.fault
        if time.monotonic() < self.ends:
            return not spent
        drawn = self._random.random() < fault.probability
        self.seen += 1
        due = self.seen > fault.skip and (fault.times is None or self.struck < fault.times)
        if spent or not (due and drawn):
            return False
        self.struck += 1
        if fault.kind == "maintenance":
            self.ends = time.monotonic() + fault.seconds
        return True

    def wait(self) -> float:
        """Return for how long a delay delays, seconds."""
        return self.fault.seconds + self._random.random() * self.fault.jitter


class _Faulty:
    """Carries out a plan; of the faults that match a request and are due, the first one strikes."""

    def __init__(self, app: ASGIApp, plan: FaultPlan) -> None:
        self._app = app
        self._rules = [_Rule(fault, f"{plan.seed}/{index}") for index, fault in enumerate(plan.faults)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule = self._next(scope) if scope["type"] == "http" else None
        if rule is None:
            await self._app(scope, receive, send)
            return
        kind = rule.fault.kind
        if kind in ("answer", "maintenance"):
            await _answer(rule, scope)(scope, receive, send)
        elif kind == "delay":
            await asyncio.sleep(rule.wait())
            await self._app(scope, receive, send)
        elif kind == "queue":
            scope["queue_seconds"] = rule.wait()
            await self._app(scope, receive, send)
        elif kind in ("drop", "reset"):
            _hang_up(scope, send, reset=kind == "reset")
        else:
            await self._app(scope, receive, _Interrupted(scope, send, kind))

    def _next(self, scope: Scope) -> _Rule | None:
        chosen: _Rule | None = None
        for rule in self._rules:
            if rule.fault.matches(scope["method"], scope["path"]) and rule.strikes(spent=chosen is not None):
                chosen = rule
        return chosen


def _answer(rule: _Rule, scope: Scope) -> Response:
    """Write what is said instead: the fault's own words, or the service's envelope for its status."""
    fault = rule.fault
    if fault.kind == "maintenance":
        left = max(1, round(rule.ends - time.monotonic()))
        refusal = HttpError(
            503,
            9999,
            "The service is under maintenance.",
            headers={"Retry-After": str(left), **fault.headers},
        )
    elif fault.body or fault.status in BODILESS:
        return Response(fault.body or None, fault.status, dict(fault.headers), "application/json")
    elif fault.status == 429:
        refusal = too_many("Too many requests.", retry_after=12)
    else:
        refusal = HttpError(fault.status, 9999, "A fault on purpose, from the server's fault plan.")
    refusal.headers |= fault.headers
    return refusal.response(legacy=address_of(scope["path"], Headers(scope=scope)).legacy)


class _Interrupted:
    """A way to send that breaks off."""

    def __init__(self, scope: Scope, send: Send, kind: str) -> None:
        self._scope = scope
        self._send = send
        self._kind = kind

    async def __call__(self, message: Message) -> None:
        if self._kind == "truncate" and message["type"] == "http.response.start":
            await self._send(message)
            return
        if self._kind == "truncate":
            half = bytes(message.get("body", b""))
            await self._send({**message, "body": half[: len(half) // 2], "more_body": True})
        _hang_up(self._scope, self._send)


def _hang_up(scope: Scope, send: Send, *, reset: bool = False) -> None:
    """Close the connection behind uvicorn's back, ASGI has no word for it; as a reset if asked to."""
    way: Any = scope.get("way_out", send)  # what wraps ``send`` leaves uvicorn's own there
    transport: asyncio.Transport = way.__self__.transport
    connection = transport.get_extra_info("socket")
    if reset and connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
