"""Faults on purpose: what a network and a busy service do to a client, made repeatable.

What lives here: a plan of faults and an ASGI wrapper that carries it out. What does not: faults of simulations (submit
a broken circuit). Without a plan the wrapper is not there at all.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["answer", "drop", "lose", "truncate", "delay"]
KINDS = ("answer", "drop", "lose", "truncate", "delay")


@dataclass(frozen=True)
class Fault:
    """One fault, for the requests that it matches.

    Attributes:
        kind: ``answer``: say something else without doing anything; ``drop``: close the connection without doing
            anything; ``lose``: do what is asked, then close the connection; ``truncate``: answer, but close the
            connection in the middle of the body; ``delay``: answer later.
        method: Verb to match; None for all.
        path: Regular expression that the path as sent must contain.
        skip: How many matching requests pass before the first fault.
        times: How many requests are hit; None for all.
        status: Of ``answer``.
        headers: Of ``answer``, e.g. ``{"Retry-After": "1"}``.
        body: Of ``answer``.
        seconds: Of ``delay``.
    """

    kind: Kind
    method: str | None = None
    path: str = ""
    skip: int = 0
    times: int | None = 1
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0

    def matches(self, scope: Scope) -> bool:
        """Whether the fault is meant for a request."""
        return self.method in (None, scope["method"]) and re.search(self.path, scope["path"]) is not None


def load_faults(text: str) -> tuple[Fault, ...]:
    """Read a plan: a JSON list of objects with the attributes of ``Fault``.

    Raises:
        ValueError: If it is something else.
    """
    entries = json.loads(text)
    known = {item.name for item in fields(Fault)}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("A fault plan is a JSON list of objects.")
    for index, entry in enumerate(entries):
        if unknown := sorted(set(entry) - known):
            raise ValueError(f"$[{index}] has unknown keys: {', '.join(unknown)}.")
        if entry.get("kind") not in KINDS:
            raise ValueError(f"$[{index}].kind must be one of {', '.join(KINDS)}.")
        re.compile(entry.get("path", ""))
    return tuple(Fault(**entry) for entry in entries)


def with_faults(app: ASGIApp, plan: Sequence[Fault]) -> ASGIApp:
    """Return the application with a plan of faults around it; the application itself when the plan is empty."""
    return _Faulty(app, plan) if plan else app


class _Faulty:
    """Carries out a plan; of the faults that match a request and are not used up, the first one strikes."""

    def __init__(self, app: ASGIApp, plan: Sequence[Fault]) -> None:
        self._app = app
        self._plan = [[fault, 0] for fault in plan]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._next(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "answer":
            await Response(fault.body, fault.status, dict(fault.headers), "application/json")(
                scope, receive, send
            )
        elif fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == "drop":
            _hang_up(send)
        else:
            await self._app(scope, receive, _Interrupted(send, fault.kind))

    def _next(self, scope: Scope) -> Fault | None:
        chosen: Fault | None = None
        for entry in self._plan:
            fault: Any = entry[0]
            seen: Any = entry[1]
            if chosen is None and fault.matches(scope):
                entry[1] = seen + 1
                if seen >= fault.skip and (fault.times is None or seen < fault.skip + fault.times):
                    chosen = fault
        return chosen


class _Interrupted:
    """A way to send that breaks off."""

    def __init__(self, send: Send, kind: Kind) -> None:
        self._send = send
        self._kind = kind

    async def __call__(self, message: Message) -> None:
        if self._kind == "truncate" and message["type"] == "http.response.start":
            await self._send(message)
            return
        if self._kind == "truncate":
            half = bytes(message.get("body", b""))
            await self._send({**message, "body": half[: len(half) // 2], "more_body": True})
        _hang_up(self._send)


def _hang_up(send: Send) -> None:
    """Close the connection behind uvicorn's back: ASGI has no word for it."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    transport.close()
