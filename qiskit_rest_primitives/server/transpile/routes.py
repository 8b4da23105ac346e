"""The endpoints of the transpiler service (rest-api.md 6): orders in the words of all generations."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..devices.registry import DeviceRegistry
from ..http.request_body import load_object
from ..http.responses import compressed, json_answer
from ..job_errors import ParamsError
from ..routes.jobs import preferred_wait
from ..state import state_of
from ..text import readable
from ..workers.transpilation import check_order
from .tasks import note_of

LARGEST_ORDER = 50_000_000
"""Bytes."""


async def create(request: Request) -> Response:
    """``POST /transpile``: begin; the order is in the query and the body, in the words of all generations."""
    server = state_of(request)
    try:
        order = await server.reader.read(request, order_of, _query_values(request), most=LARGEST_ORDER)
        device = _device(order.backend, order, server.scheduler.devices)
    except ParamsError as problem:
        return json_answer({"detail": readable(str(problem))}, 422)
    key = request.headers.get("idempotency-key") or None  # an empty one is none
    task = server.transpilations.start(
        order.text, device, digest=order.digest, note=order.note, owner=_owner(request), key=key
    )
    return json_answer({"task_id": task.id})


async def show(request: Request) -> Response:
    """``GET /transpile/{id}``: how a task stands; ``Prefer: wait=N`` holds the answer until it has ended."""
    server = state_of(request)
    task = server.transpilations.find(request.path_params["id"], _owner(request))
    if task is None:
        return json_answer({"detail": "There is no such task, or it has expired."}, 404)
    headers = {}
    wait = preferred_wait(request.headers.get("prefer"))
    if wait is not None:
        headers["Preference-Applied"] = f"wait={int(wait)}"
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(task.done.wait(), min(wait, server.settings.limits.wait_seconds))
    return await compressed(request, task.dump(), "application/json", headers=headers)


def _owner(request: Request) -> str:
    """Return the instance whose task it is; the service of old knew none, so that who names none has the default one's."""
    return request.headers.get("service-crn") or state_of(request).settings.instances[0].crn


@dataclass(frozen=True)
class Order:
    """An order that was read and checked.

    Attributes:
        text: As JSON, in our words.
        digest: Of the text, made where the body is read: it may be 50 MB.
        backend: What it names, if anything.
        coupled: Whether it has a coupling map of its own.
        note: What was asked for and cannot be done.
    """

    text: bytes = field(repr=False)
    digest: bytes
    backend: str | None
    coupled: bool
    note: str | None


def order_of(body: bytes, query: Mapping[str, Any]) -> Order:
    """Read the body of an order; 400 if it is no JSON object, ParamsError if something is not what it must be."""
    given = {name: value for name, value in load_object(body).values.items() if value is not None}
    order, backend = read_order({**query, **given})
    check_order(order)
    text = json.dumps(order).encode()
    digest = hashlib.sha256(text).digest()
    return Order(text, digest, backend, order.get("coupling_map") is not None, note_of(order))


def read_order(values: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the order in our words, and the backend it names."""
    circuits = values.get("qasm_circuits")
    ai = values.get("ai", values.get("use_ai", "false"))
    backend = values.get("backend") or values.get("backend_name")
    if backend is not None and not isinstance(backend, str):
        raise ParamsError("backend must be a text")
    mode, preferences = values.get("ai_layout_mode"), values.get("optimization_preferences")
    order = {
        "for_backend": backend is not None,
        "circuits": [circuits] if isinstance(circuits, str) else circuits,
        "qpy": values.get("qpy_circuits"),
        "optimization_level": _whole(values.get("optimization_level", 1)),
        "ai": str(ai).lower(),
        "layout_mode": None if mode is None else str(mode).upper(),
        "preferences": [preferences] if isinstance(preferences, str) else preferences,
        "coupling_map": values.get("backend_coupling_map", values.get("coupling_map")),
        "options": values.get("qiskit_transpile_options"),
        "use_fractional_gates": str(values.get("use_fractional_gates", "false")).lower() == "true",
    }
    return order, backend


def _query_values(request: Request) -> dict[str, Any]:
    """Return the query, in which structured values are JSON, Python's own writing of it, or repeated keys."""
    values: dict[str, Any] = {}
    for name in request.query_params:
        text = request.query_params[name]
        if name in ("coupling_map", "backend_coupling_map", "qiskit_transpile_options", "qasm_circuits"):
            try:
                values[name] = json.loads(text.replace("'", '"') if name != "qasm_circuits" else text)
            except (ValueError, RecursionError):
                values[name] = text
        else:
            values[name] = text
    return values


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError) as cause:
        raise ParamsError("optimization_level must be 0, 1, 2 or 3") from cause


def _device(backend: str | None, order: Order, devices: DeviceRegistry) -> str:
    if backend is None:
        if not order.coupled:
            raise ParamsError("name a backend, or give a coupling map")
        return next(iter(devices.listed))
    if backend not in devices:
        raise ParamsError(
            f"backend {backend[:100]!r} is not served here; there are {', '.join(devices.listed)}"
        )
    return backend
