"""How jobs look on the wire, by API version (rest-api.md 1.4, 4.8 and 4.15)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import qiskit

from ..._time import time_text
from ..jobs.store import Job
from ..settings import Instance

NEW_USAGE = "2026-03-15"
TOO_LONG = 1305
ROOT_EXECUTION_TIME = "2026-04-15"


def job_document(job: Job, *, version: str, estimate: float) -> dict[str, Any]:
    """Write the job body of rest-api.md 4.8, without ``params``, as of an API date."""
    document: dict[str, Any] = {
        "id": job.id,
        "backend": job.backend,
        "program": {"id": job.program},
        "created": time_text(job.created),
        "cost": job.cost,
        "status": job.status,
        "state": _state(job),
        "tags": list(job.tags),
        "user_id": "local",
        "estimated_running_time_seconds": estimate,
        "usage": usage(job) if version >= NEW_USAGE else {"seconds": charged(job)},
    }
    for name in ("session_id", "runtime", "calibration_id"):
        if (value := getattr(job, name)) is not None:
            document[name] = value
    if job.private:
        document["private"] = True
    return document


def old_job(document: Mapping[str, Any], job: Job, instances: Sequence[Instance]) -> dict[str, Any]:
    """Write a job body in the words of the classic platform (rest-api.md 7.3)."""
    state: dict[str, Any] = {"status": job.status, "reason": job.reason or "", "reasonCode": job.reason_code}
    written = {**document, "state": state}
    if job.reason_code == TOO_LONG:
        written["status"], state["reason"] = "Cancelled - Ran too long", "Ran too long"
    for instance in instances:
        if instance.crn == job.instance:
            written |= dict(zip(("hub", "group", "project"), instance.provider.split("/"), strict=True))
    return written


def with_params(document: dict[str, Any], params: bytes) -> bytes:
    """Write a job body as JSON, with the inputs spliced in as they were sent."""
    return b"".join((json.dumps(document).encode()[:-1], b', "params": ', params, b"}"))


def metrics_document(job: Job, *, version: str, position: int | None) -> dict[str, Any]:
    """Write the metrics of rest-api.md 4.15."""
    nanoseconds = None if job.seconds is None or job.status != "Completed" else round(job.seconds * 1e9)
    document: dict[str, Any] = {
        "timestamps": {
            "created": time_text(job.created),
            "running": time_text(job.started),
            "finished": time_text(job.finished),
        }
    }
    if version >= NEW_USAGE:
        document["usage"] = usage(job)
        document["qiskit_version"] = qiskit.__version__
        if nanoseconds is not None:
            place = document if version >= ROOT_EXECUTION_TIME else document["usage"]
            place["circuits_execution_time_ns"] = nanoseconds
    else:
        seconds = charged(job)
        document |= {
            "bss": {"seconds": seconds},
            "usage": {"quantum_seconds": seconds, "seconds": seconds},
            "position_in_queue": position,
            "position_in_provider": position,
        }
        if job.circuits is not None:
            document["num_circuits"] = job.circuits
    if job.runtime is not None:
        document["runtime"] = job.runtime
    return document


def log_text(job: Job) -> str:
    """Write what happened to a job, a line each."""
    lines = [f"{time_text(job.created)} INFO job accepted for {job.backend}"]
    if job.started is not None:
        lines.append(f"{time_text(job.started)} INFO job started")
    if job.finished is not None:
        level = "ERROR" if job.status == "Failed" else "INFO"
        reason = f": {job.reason}" if job.reason else ""
        lines.append(f"{time_text(job.finished)} {level} job {job.status.lower()}{reason}")
    return "\n".join(lines) + "\n"


def charged(job: Job) -> float:
    """Return the seconds of simulation that a job is charged with; nothing before it ran."""
    return round(job.seconds or 0.0, 6)


def usage(job: Job) -> dict[str, Any]:
    """Write a job's usage as the API has it since 2026-03-15."""
    return {"qpu_charge_time_seconds": charged(job), "status": "complete" if job.final else "pending"}


def _state(job: Job) -> dict[str, Any]:
    state: dict[str, Any] = {"status": job.status}
    if job.reason is not None:
        state["reason"] = job.reason
        state["reason_code"] = job.reason_code
        if job.reason_solution is not None:
            state["reason_solution"] = job.reason_solution
    return state
