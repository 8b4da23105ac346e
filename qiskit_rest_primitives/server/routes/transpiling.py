"""The endpoints of the transpiler service (rest-api.md 6): orders in the words of all generations.

What lives here: from requests to orders, and back to answers. What does not: tasks (``transpile_tasks``) and
transpiling (``workers/transpilation``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..devices.roster import Roster
from ..http.answers import compressed, json_answer
from ..http.body import load_object, read_body
from ..workers.transpilation import OrderError, check_order
from .desk import desk_of
from .jobs import preferred_wait


async def create(request: Request) -> Response:
    """``POST /transpile``: begin; the order is in the query and the body, in the words of all generations."""
    desk = desk_of(request)
    values = load_object(await read_body(request, desk.settings.limits)).values
    try:
        given = {name: value for name, value in values.items() if value is not None}
        order, backend = read_order({**_query_values(request), **given})
        check_order(order)
        device = _device(backend, order, desk.scheduler.devices)
    except OrderError as problem:
        return json_answer({"detail": str(problem)}, 422)
    key = request.headers.get("idempotency-key") or None  # an empty one is none
    return json_answer({"task_id": desk.transpilations.start(order, device, key=key).id})


async def show(request: Request) -> Response:
    """``GET /transpile/{id}``: how a task stands; ``Prefer: wait=N`` holds the answer until it has ended."""
    desk = desk_of(request)
    task = desk.transpilations.find(request.path_params["id"])
    if task is None:
        return json_answer({"detail": "There is no such task, or it has expired."}, 404)
    headers = {}
    wait = preferred_wait(request.headers.get("prefer"))
    if wait is not None:
        headers["Preference-Applied"] = f"wait={int(wait)}"
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(task.done.wait(), min(wait, desk.settings.limits.wait_seconds))
    return await compressed(request, task.dump(), "application/json", headers=headers)


def read_order(values: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the order in our words, and the backend it names.

    Raises:
        OrderError: Something is not what it must be.
    """
    circuits = values.get("qasm_circuits")
    ai = values.get("ai", values.get("use_ai", "false"))
    backend = values.get("backend") or values.get("backend_name")
    if backend is not None and not isinstance(backend, str):
        raise OrderError("backend must be a text")
    mode, wishes = values.get("ai_layout_mode"), values.get("optimization_preferences")
    order = {
        "for_backend": backend is not None,
        "circuits": [circuits] if isinstance(circuits, str) else circuits,
        "qpy": values.get("qpy_circuits"),
        "optimization_level": _whole(values.get("optimization_level", 1)),
        "ai": str(ai).lower(),
        "layout_mode": None if mode is None else str(mode).upper(),
        "preferences": [wishes] if isinstance(wishes, str) else wishes,
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
            except ValueError:
                values[name] = text
        else:
            values[name] = text
    return values


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as cause:
        raise OrderError("optimization_level must be 0, 1, 2 or 3") from cause


def _device(backend: str | None, order: Mapping[str, Any], devices: Roster) -> str:
    if backend is None:
        if order.get("coupling_map") is None:
            raise OrderError("name a backend, or give a coupling map")
        return next(iter(devices.listed))
    if backend not in devices:
        raise OrderError(
            f"backend {backend[:100]!r} is not served here; there are {', '.join(devices.listed)}"
        )
    return backend
