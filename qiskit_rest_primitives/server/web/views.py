"""What the page is told about workloads, jobs, devices and usage, put together of the documents of the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from ..._time import time_text
from ..._version import __version__
from ...visualization.embeddings import positions
from ..devices.device import Device
from ..http.errors import terse_not_found
from ..http.responses import compressed, json_answer
from ..jobs.usage import DAY, period
from ..routes.backends import device_of_path
from ..routes.job_documents import job_document, log_text, metrics_document
from ..routes.jobs import find_job
from ..routes.platform import workload_filter, workload_page
from ..routes.sessions import session_of_path
from ..state import state_of
from .looks import Looks
from .sign_in import SignIns, link_to, ticket_of

MOST_QUBITS = 1_500
"""Of a map; placing more by their distances takes seconds, and nobody could see them."""


def map_of(device: Device) -> dict[str, Any]:
    """Return what the page shows of a device, as JSON values.

    Returns:
        ``qubits`` and ``couplings`` (``qubits``, ``gate``, ``error``) in the calibration's units, ``positions`` as
        (x, y) of each qubit, empty where there is nothing to draw.
    """
    configuration, properties = device.configuration, device.properties or {}
    gates = properties.get("gates", [])
    pairs = sorted({tuple(sorted(pair)) for pair in configuration.get("coupling_map") or ()})
    drawn = bool(pairs) and device.num_qubits <= MOST_QUBITS
    coordinates = configuration.get("coords") or []
    if len(coordinates) != device.num_qubits and drawn:
        coordinates = positions(device.num_qubits, pairs).tolist()
    shown = (
        "backend_name", "backend_version", "description", "n_qubits", "basis_gates", "processor_type", "simulator",
        "dt", "max_shots", "supported_features", "clops_h",
    )  # fmt: skip
    return {
        **{name: configuration.get(name) for name in shown},
        "calibrated": properties.get("last_update_date"),
        "qubits": _qubits(properties.get("qubits", []), gates),
        "couplings": _couplings(pairs, gates) if drawn else [],
        "positions": [[round(float(x), 3), round(float(y), 3)] for x, y in coordinates] if drawn else [],
    }


def _qubits(
    calibrations: Iterable[Iterable[Mapping[str, Any]]], gates: Iterable[Any]
) -> list[dict[str, Any]]:
    wanted = ("T1", "T2", "readout_error")
    found: list[dict[str, Any]] = [
        {item["name"]: item["value"] for item in items if item["name"] in wanted} for items in calibrations
    ]
    for gate in gates:
        if gate["gate"] == "sx" and gate["qubits"][0] < len(found):
            found[gate["qubits"][0]]["sx_error"] = _error(gate)
    return found


def _couplings(pairs: Iterable[tuple[int, ...]], gates: Iterable[Any]) -> list[dict[str, Any]]:
    """Return each pair with the best of the gates and directions that it has."""
    best: dict[tuple[int, ...], tuple[float, str]] = {}
    for gate in gates:
        error = _error(gate) if len(gate["qubits"]) == 2 else None
        if error is not None:
            pair = tuple(sorted(gate["qubits"]))
            best[pair] = min(best.get(pair, (np.inf, "")), (error, gate["gate"]))
    nothing = (None, None)
    return [
        {"qubits": pair, "gate": best.get(pair, nothing)[1], "error": best.get(pair, nothing)[0]}
        for pair in pairs
    ]


def _error(gate: Mapping[str, Any]) -> float | None:
    return next((float(item["value"]) for item in gate["parameters"] if item["name"] == "gate_error"), None)


async def account(request: Request) -> Response:
    """``GET /web/account``: whether the browser is signed in, and to what; no error, since it is how the page begins."""
    settings = state_of(request).settings
    signed_in = ticket_of(request) is not None
    if signed_in:
        looks: Looks = request.app.state.looks
        looks.prepare()
    names = [{"name": each.name, "plan": each.plan} for each in settings.instances] if signed_in else []
    return json_answer(
        {"signed_in": signed_in, "version": __version__ if signed_in else None, "instances": names}
    )


async def link(request: Request) -> Response:
    """``POST /web/link``: a new link, for another browser."""
    sign_ins: SignIns = request.app.state.sign_ins
    return json_answer({"link": link_to(str(request.base_url).rstrip("/"), sign_ins.new_code())})


async def workloads(request: Request) -> Response:
    """``GET /web/workloads``: as ``GET /workloads``, with programs; what is searched for may be in a session."""
    wanted = workload_filter(request)
    page, document = workload_page(request, replace(wanted, members=wanted.search is not None))
    for item, entry in zip(page, document["workloads"], strict=True):
        entry["program"] = item.program
    return json_answer(document)


async def job(request: Request) -> Response:
    """``GET /web/jobs/{id}``: the job without inputs, its metrics, and its place in the queue."""
    server, found = state_of(request), find_job(request)
    version = request.scope["api_version"]
    return json_answer(
        job_document(found, version=version, estimate=server.estimate(found))
        | {
            "metrics": metrics_document(found, version=version, position=None),
            "position": server.scheduler.position(found),
            "private": found.private,
        }
    )


async def log(request: Request) -> Response:
    """``GET /web/jobs/{id}/log``: what happened to a job, and what its program printed."""
    found = find_job(request)
    return json_answer({"log": log_text(found) + state_of(request).programs.printed(found.id)})


async def inputs(request: Request) -> Response:
    """``GET /web/jobs/{id}/inputs``: drawings of its circuits, values and options."""
    looks: Looks = request.app.state.looks
    return await compressed(request, await looks.inputs(find_job(request)), "application/json")


async def result(request: Request) -> Response:
    """``GET /web/jobs/{id}/result``: counts and expectation values."""
    looks: Looks = request.app.state.looks
    return await compressed(request, await looks.result(find_job(request)), "application/json")


async def session(request: Request) -> Response:
    """``GET /web/sessions/{id}``: as the API has it, with the numbers of its jobs that are not final."""
    found = session_of_path(request)
    document = found.document(state_of(request).settings.clock())
    return json_answer(
        document | {"created": time_text(found.created), "queued": found.waiting, "running": found.running}
    )


async def backend(request: Request) -> Response:
    """``GET /web/backends/{name}``: the device, its calibration in numbers, and where to draw its qubits."""
    server, device = state_of(request), device_of_path(request)
    key = (device.name, "map")
    if key not in server.documents:
        server.documents[key] = await asyncio.to_thread(lambda: json.dumps(map_of(device)).encode())
    if device.name not in server.scheduler.devices:
        raise terse_not_found("device not found")
    now = {
        "queue_length": server.scheduler.queue_length(device.name),
        "wait_time_seconds": server.usage.waiting_times(device.name),
    }
    body = b"".join((json.dumps(now).encode()[:-1], b', "device": ', server.documents[key], b"}"))
    return await compressed(request, body, "application/json")


async def usage(request: Request) -> Response:
    """``GET /web/usage``: of the last 28 days, by day and device; and the limit."""
    server = state_of(request)
    instance = server.instance(request)
    start, end = period(server.settings.clock())
    rows = server.usage.by_day(instance.crn, start)
    return json_answer(
        {
            "start": time_text(start),
            "end": time_text(end),
            "used_seconds": server.used_seconds(instance),
            "limit_seconds": server.limit_of(instance),
            "plan": instance.plan,
            "days": [
                {
                    "day": time_text(day * DAY),
                    "backend": name,
                    "jobs": jobs,
                    "seconds": seconds,
                    "queued": queued,
                }
                for day, name, jobs, seconds, queued in rows
            ],
        }
    )
