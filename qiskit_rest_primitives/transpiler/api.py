"""The endpoints of the transpiler service (rest-api.md 6), and waiting for a task."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..rest.messages import Failure, Request, query_of, readable, segment
from ..rest.transport import Transport
from ..wire.jsonio import dumps

__all__ = ["TranspileTask", "TranspilingApi"]

FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.05, 1.5, 5.0
HOLD_SECONDS = 10.0


@dataclass(frozen=True)
class TranspileTask:
    """A task that has ended.

    Attributes:
        id: Identifier.
        result: The documents of its circuits; None if it failed.
        reason: Why it failed.
        message: What the service says besides.
    """

    id: str
    result: list[dict[str, Any]] | None
    reason: str | None
    message: str | None


class TranspilingApi:
    """The endpoints of one service.

    Args:
        transport: How to get there.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, order: Mapping[str, Any], query: Mapping[str, Any], *, timeout: float) -> TranspileTask:
        """Submit an order and wait until it has ended.

        Args:
            order: The body of 6.2.
            query: Its query.
            timeout: Seconds for everything.

        Raises:
            Exception: What the transport raises; also when the time is up.
        """
        transport, end = self._transport, self._transport.clock() + timeout
        body = dumps({key: value for key, value in order.items() if value is not None})
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        request = Request("POST", "/transpile", "POST /transpile", query_of(query), headers, body)
        task_id = transport.read(request, _task_id, timeout=timeout)
        path = f"/transpile/{segment(task_id, what='task id')}"
        pause = FIRST_PAUSE
        while True:
            left = end - transport.clock()
            headers = {"Prefer": f"wait={int(min(HOLD_SECONDS, left))}"} if left >= 1 else {}
            question = Request("GET", path, "GET /transpile/{id}", (), headers)
            document = transport.json(question, timeout=max(left, 0.1))
            if document.get("state") == "FAILURE":
                reason = document.get("error") or document.get("result") or "the service gave no reason"
                return TranspileTask(task_id, None, readable(reason), _message(document))
            # A success whose result is not there yet is none (6.1).
            if document.get("state") == "SUCCESS" and document.get("result") is not None:
                result = document["result"]
                listed = result if isinstance(result, list) else [result]
                return TranspileTask(task_id, listed, None, _message(document))
            if transport.clock() + pause >= end:
                message = f"Transpiling took more than {timeout} s."
                transport.fail(Failure("deadline", question.operation, "GET", "/transpile", message))
            transport.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)


def _message(document: Mapping[str, Any]) -> str | None:
    said = document.get("message")
    return None if said is None else readable(said)


def _task_id(document: Mapping[str, Any]) -> str:
    """Read which task an order became; one that no path can hold is none."""
    segment(document["task_id"], what="task id")
    return str(document["task_id"])
