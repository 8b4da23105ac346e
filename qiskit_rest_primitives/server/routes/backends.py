"""The backend endpoints (rest-api.md 3.1 to 3.5)."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..devices.device import Device
from ..http import query
from ..http.errors import terse_not_found
from ..http.responses import compressed, json_answer
from ..state import ServerState, state_of

OBJECTS = "2025-01-01"


async def listing(request: Request) -> Response:
    """``GET /backends``: names before API date 2025-01-01, objects since; mocks when asked for (rest-api.md 3.9)."""
    server = state_of(request)
    registry = server.scheduler.devices
    mocks = registry.mocks if query.boolean(request, "include_mocks", False) else ()
    devices = [registry[name] for name in (*registry.listed, *mocks)]
    if request.scope["api_version"] < OBJECTS:
        return json_answer({"devices": [device.name for device in devices]})
    fields = {name for text in request.query_params.getlist("fields") for name in text.split(",")}
    waits = "wait_time_seconds" in fields
    return json_answer({"devices": [_entry(server, device, waits=waits) for device in devices]})


def _entry(server: ServerState, device: Device, *, waits: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": device.name,
        "status": {"name": "online"},
        "is_simulator": device.simulator,
        "qubits": device.num_qubits,
        "queue_length": server.scheduler.queue_length(device.name),
    }
    if device.mock:
        entry["class"] = "mock"
    if (processor := device.configuration.get("processor_type")) is not None:
        entry["processor_type"] = processor
    if waits and (seconds := server.usage.waiting_times(device.name)) is not None:
        entry["wait_time_seconds"] = seconds
    return entry


async def configuration(request: Request) -> Response:
    """``GET /backends/{name}/configuration``; ``calibration_id`` is accepted: there is one calibration."""
    return await _document(request, "configuration")


async def properties(request: Request) -> Response:
    """``GET /backends/{name}/properties``; ``null`` for a device without calibration data.

    ``updated_before`` and ``calibration_id`` are accepted: a served device has one calibration.
    """
    query.moment(request, "updated_before")
    return await _document(request, "properties")


async def _document(request: Request, kind: str) -> Response:
    device = device_of_path(request)
    written = state_of(request).documents
    if (device.name, kind) not in written:
        written[device.name, kind] = json.dumps(getattr(device, kind)).encode()
    return await compressed(request, written[device.name, kind], "application/json")


async def status(request: Request) -> Response:
    """``GET /backends/{name}/status`` with the true length of the queue."""
    return json_answer(state_of_device(request, length="length_queue"))


async def defaults(request: Request) -> Response:
    """``GET /backends/{name}/defaults``: always ``null`` (rest-api.md 3.5)."""
    device_of_path(request)
    return json_answer(None)


def state_of_device(request: Request, *, length: str) -> dict[str, Any]:
    """Return what both dialects say about the device of the path; only the name of the queue's length differs."""
    device = device_of_path(request)
    return {
        "state": True,
        "status": "active",
        "message": "",
        length: state_of(request).scheduler.queue_length(device.name),
        "backend_version": device.configuration.get("backend_version", ""),
    }


def device_of_path(request: Request) -> Device:
    """Return the device that the path names; 404 if it is not served."""
    device = state_of(request).scheduler.devices.get(request.path_params["name"])
    if device is None:
        raise terse_not_found("device not found")
    return device
