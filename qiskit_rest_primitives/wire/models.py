"""Frozen records of what the service says about jobs, sessions, backends, instances and usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from .._frozen import frozen
from .._time import parse_time
from ..rest.messages import LONGEST_TEXT, readable

FINAL_STATUSES = ("completed", "failed", "cancelled")

MAX_TIME_CODE = 1305
"""Reason code of a job that ran longer than its limit (rest-api.md 1.6)."""


LONGEST_NAME = 1000
"""Characters of a name or id; longer ones fit in no path."""


@frozen
class JobRecord:
    """One job as the service describes it (rest-api.md 4.8).

    Attributes:
        id: Job id.
        status: The service's word, e.g. ``Queued``; compared without case.
        reason: Why it failed or was cancelled, if it was.
        reason_code: The service's reason code, if any.
        reason_solution: The service's advice, if any.
        backend: Backend name.
        program_id: ``sampler``, ``estimator``, ...
        created: When it was accepted.
        tags: All tags, reserved ones included.
        session_id: Its session or batch, if any.
        private: Whether inputs and results are withheld.
        cost: Time limit in seconds.
        params: What was submitted, as stored; None when not asked for or withheld.
        usage: The usage object, as sent.
        estimated_running_time_seconds: The service's estimate, seconds.
        calibration_id: Calibration the job was pinned to, if any.
        runtime: Image name, if any.
        raw: The whole document.
        result: The body of its result, if that came along with the answer to the submission.
    """

    id: str
    status: str = "Queued"
    reason: str | None = None
    reason_code: int | None = None
    reason_solution: str | None = None
    backend: str | None = None
    program_id: str | None = None
    created: datetime | None = None
    tags: tuple[str, ...] = ()
    session_id: str | None = None
    private: bool = False
    cost: int | None = None
    params: Mapping[str, Any] | None = field(default=None, repr=False)
    usage: Mapping[str, Any] = field(default_factory=dict, repr=False)
    estimated_running_time_seconds: float | None = None
    calibration_id: str | None = None
    runtime: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    result: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def final(self) -> bool:
        """Whether the job will not change any more; unknown words that begin with a final one count."""
        return self.status.lower().startswith(FINAL_STATUSES)

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> JobRecord:
        """Read a job document; only ``id`` is required."""
        state = document.get("state")
        state = state if isinstance(state, Mapping) else {}
        program = document.get("program")
        code = state.get("reason_code", state.get("reasonCode"))
        return cls(
            id=_identifier(document["id"]),
            status=_word(state.get("status") or document.get("status") or "Queued"),
            reason=_said(state.get("reason")),
            reason_code=_integer(code),
            reason_solution=_said(state.get("reason_solution")),
            backend=document.get("backend"),
            program_id=program.get("id") if isinstance(program, Mapping) else document.get("program_id"),
            created=parse_time(document.get("created")),
            tags=tuple(str(tag) for tag in document.get("tags") or ()),
            session_id=document.get("session_id") or None,
            private=bool(document.get("private", False)),
            cost=_integer(document.get("cost")),
            params=_mapping(document.get("params")) or None,
            usage=_mapping(document.get("usage")) or {},
            estimated_running_time_seconds=document.get("estimated_running_time_seconds"),
            calibration_id=document.get("calibration_id"),
            runtime=document.get("runtime"),
            raw=document,
        )


@frozen
class JobPage:
    """One page of ``GET /jobs`` (rest-api.md 4.10); ``count`` is how many match the filter in all."""

    jobs: tuple[JobRecord, ...]
    count: int

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> JobPage:
        """Read a page; a missing count is taken as the number of jobs on it."""
        jobs = tuple(JobRecord.from_wire(item) for item in document.get("jobs") or ())
        count = _integer(document.get("count"))
        return cls(jobs, len(jobs) if count is None else count)


@frozen
class SessionRecord:
    """One session or batch (rest-api.md 5.2). Times are UTC; ``*_ttl`` and ``elapsed_time`` are seconds."""

    id: str
    backend_name: str | None = None
    mode: str | None = None
    state: str | None = None
    state_reason: str | None = None
    accepting_jobs: bool | None = None
    started_at: str | None = None
    activated_at: str | None = None
    closed_at: str | None = None
    last_job_started: str | None = None
    last_job_completed: str | None = None
    interactive_ttl: int | None = None
    max_ttl: int | None = None
    active_ttl: int | None = None
    timestamps: tuple[Mapping[str, Any], ...] = ()
    elapsed_time: float | None = None
    user_id: str | None = None

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> SessionRecord:
        """Read a session document; only ``id`` is required."""
        known: dict[str, Any] = {name: document.get(name) for name in cls.__annotations__}
        known["id"] = _identifier(document["id"])
        known["state_reason"] = _said(known["state_reason"])
        known["timestamps"] = tuple(dict(entry) for entry in document.get("timestamps") or ())
        for name in ("backend_name", "mode", "state"):
            if not isinstance(known[name], str | None):
                raise TypeError(f"{name} is no text")
            known[name] = known[name] and _word(known[name])
        return cls(**known)

    def to_wire(self) -> dict[str, Any]:
        """Write the session document; the inverse of ``from_wire``."""
        document = {name: getattr(self, name) for name in self.__annotations__}
        document["timestamps"] = [dict(item) for item in self.timestamps]
        return document


@frozen
class DeviceRecord:
    """One entry of ``GET /backends`` (rest-api.md 3.1); only the name in the 2024-01-01 dialect.

    Attributes:
        name: Backend name.
        status: ``online``, ``paused``, ``offline``; ``online`` when the dialect does not say.
        reason: Why it is not online, if it says.
        queue_length: Jobs waiting.
        qubits: Number of qubits, if it says.
        is_simulator: Whether it is a simulator, if it says.
        mock: Whether it is a mock device for dry runs.
        raw: The whole document.
    """

    name: str
    status: str = "online"
    reason: str = ""
    queue_length: int = 0
    qubits: int | None = None
    is_simulator: bool | None = None
    mock: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_wire(cls, document: Any) -> DeviceRecord:
        """Read a device, given as an object or as a bare name."""
        if isinstance(document, str):
            return cls(document)
        status = document.get("status")
        status = status if isinstance(status, Mapping) else {}
        return cls(
            name=_identifier(document["name"]),
            status=_word(status.get("name") or "online"),
            reason=_said(status.get("reason")) or "",
            queue_length=_integer(document.get("queue_length")) or 0,
            qubits=_integer(document.get("qubits", document.get("physical_qubits"))),
            is_simulator=document.get("is_simulator"),
            mock=document.get("class") == "mock",
            raw=document,
        )


@frozen
class InstanceRecord:
    """One service instance (rest-api.md 2.4).

    Attributes:
        crn: Cloud resource name.
        plan: Display name of the plan, e.g. ``open``; ``unknown`` if it could not be learned.
        name: Name the owner gave it.
        tags: The owner's tags.
        pricing_type: ``free``, ``trial``, ``paygo``, ``paid``, ``subscription`` or ``unknown``.
    """

    crn: str = field(repr=False)
    plan: str = "unknown"
    name: str = ""
    tags: tuple[str, ...] = ()
    pricing_type: str = "unknown"

    def to_dict(self) -> dict[str, Any]:
        """Return the dict that ``service.instances()`` shows."""
        return {
            "crn": self.crn,
            "plan": self.plan,
            "name": self.name,
            "tags": list(self.tags),
            "pricing_type": self.pricing_type,
        }


def _identifier(value: Any) -> str:
    """Read what names something in paths and in messages: a text, not empty or longer than any name, of what can be printed."""
    if not isinstance(value, str):
        raise TypeError(f"a name is expected, not {type(value).__name__}")
    if not value.isprintable() or not 0 < len(value) <= LONGEST_NAME:
        raise ValueError("a name is empty, too long, or holds characters that cannot be shown")
    return value


def _said(value: Any) -> str | None:
    """Read what a service says for people: without what a terminal obeys, and of bounded length."""
    return None if value is None or value == "" else readable(value, LONGEST_TEXT)


def _word(value: Any) -> str:
    return readable(value, LONGEST_NAME)


def _mapping(value: Any) -> Mapping[str, Any] | None:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"an object is expected, not {type(value).__name__}")
    return value


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
