"""Accepting a job: what ``POST /jobs`` may carry, and what it becomes (rest-api.md 4.1 to 4.4)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..devices.noise_passes import check_held
from ..devices.registry import DeviceRegistry
from ..http.body_reader import IN_A_THREAD
from ..http.errors import HttpError, bad_request, cannot_store
from ..http.request_body import Bulky, JsonObject, load_object
from ..job_errors import ParamsError
from ..jobs.store import Job
from ..primitives.registry import PROGRAMS, JobParams, decode, primitive_of
from ..programs.store import ProgramStore, StoredProgram
from ..settings import Instance, Limits
from ..spool import LARGE_BYTES, Spool


@dataclass(frozen=True)
class Envelope(Bulky):
    """A submission that was read and checked, without its inputs as values: they may be millions.

    Attributes:
        values: The members; of ``params`` the names alone, if it is an object.
        params: The inputs as they were sent, in a file where they are large.
        digest: What tells two submissions with the same key apart.
        executions: How many executions they ask for, as far as that is known.
        decoded: The inputs as values, if they are those of a primitive, and the body was small enough to be read in this process.
        problem: Why the inputs are refused, if they are, where they are those of a primitive.
    """

    values: dict[str, Any]
    params: bytes | Spool = field(repr=False)
    digest: str
    problem: HttpError | None = None
    executions: int | None = None
    decoded: JobParams | None = field(default=None, repr=False)

    def set_aside(self, spool: Spool) -> Envelope:
        """Return the same with large inputs in a file."""
        if not isinstance(self.params, bytes) or len(self.params) <= LARGE_BYTES:
            return self
        try:
            spool.replace(self.params)
        except OSError as error:
            raise cannot_store() from error
        return replace(self, params=spool)


def read_submission(
    body: bytes, limits: Limits, rewrite: Callable[[JsonObject], JsonObject] | None = None
) -> Envelope:
    """Read the body of a submission, after ``rewrite`` has put another dialect's words into those of the current one.

    Raises:
        HttpError: 400 if it is not a JSON object, or cannot be kept.
    """
    found = load_object(body)
    if rewrite is not None:
        found = rewrite(found)
    values, params = dict(found.values), found.values.get("params")
    problem = executions = decoded = None
    here = len(body) <= IN_A_THREAD
    if isinstance(params, dict):
        values["params"] = dict.fromkeys(params)
        program = values.get("program_id")
        if isinstance(program, str) and primitive_of(program, params):
            try:
                decoded = _decoded(program, params, limits, here=here)
                executions = decoded.executions
            except HttpError as refusal:
                problem = refusal
    text = found.text.get("params", "").encode()
    return Envelope(values, text, digest_of(body), problem, executions, decoded if here else None)


MAX_TAGS, MAX_TAG_LENGTH = 8, 86
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


def new_job(
    envelope: Envelope,
    job_id: str,
    *,
    instance: Instance,
    devices: DeviceRegistry,
    limits: Limits,
    now: float,
    longest: int | None = None,
    retired: Container[str] = (),
) -> Job:
    """Check a submission and return the job's record.

    Args:
        envelope: The submission.
        job_id: The new job's.
        instance: The instance that submits.
        devices: What is served.
        limits: Where the server says no.
        now: Seconds since the epoch.
        longest: Of a job that runs a program, the program's longest run time in seconds; None for a primitive.
        retired: Programs that are not taken any more.

    Raises:
        HttpError: 400 or 404, naming the field.
    """
    values = envelope.values
    program = text_field(values, "program_id")
    if program is None:
        raise bad_request("program_id is missing.")
    if program in retired or (longest is None and program not in PROGRAMS):
        raise HttpError(
            404,
            "not_found",
            f"Program {program[:100]!r} is not served here.",
            solution=f"Use one of {' or '.join(name for name in PROGRAMS if name not in retired)}.",
        )
    backend = text_field(values, "backend")
    if backend is None and longest is not None:
        backend = next(iter(devices.listed))  # only primitives must name one
    backend = _backend(backend, devices)
    params = values.get("params")
    if not isinstance(params, dict):
        raise bad_request("params is missing or not an object.")
    if longest is None:
        if envelope.problem is not None:
            raise envelope.problem
        if PROGRAMS[program].in_session and values.get("session_id") is None:
            raise bad_request(
                f"The program {program!r} runs in a session only: session_id is missing.",
                solution="Open a session and submit the job to it.",
            )
    cost = _cost(values.get("cost"), instance, limits)
    return Job(
        id=job_id,
        instance=instance.crn,
        program=program,
        backend=backend,
        created=now,
        cost=cost if longest is None else min(cost, longest),
        tags=tuple(check_tags(values["tags"])) if values.get("tags") is not None else (),
        private=flag("private", values.get("private", False)),
        session_id=text_field(values, "session_id", longest=36),
        log_level=_log_level(text_field(values, "log_level")),
        runtime=text_field(values, "runtime"),
        calibration_id=text_field(values, "calibration_id"),
        executions=envelope.executions,
    )


def program_of(values: Mapping[str, Any], programs: ProgramStore, instance: str) -> StoredProgram | None:
    """Return the program that a submission of an instance asks for; None if it is a primitive, or nothing that is known."""
    name, params = values.get("program_id"), values.get("params")
    if not isinstance(name, str):
        return None
    if primitive_of(name, params if isinstance(params, dict) else {}):
        return None
    return programs.find(name, instance)


def _decoded(program: str, params: Mapping[str, Any], limits: Limits, *, here: bool) -> JobParams:
    """Check what is beside the circuits in ``params``, and the limits of this server; 400 says what is wrong.

    ``here`` is whether this is the server's process, which alone knows the noise passes that it keeps.
    """
    try:
        decoded = decode(program, params)
        if here:
            check_held(params)
    except ParamsError as error:
        raise bad_request(str(error)) from error
    flag("params.support_qiskit", params.get("support_qiskit", False))
    for asked in decoded.program.asks(params):
        _check_asked(*asked, limits)
    return decoded


def _check_asked(where: str, what: str, asked: Any, limits: Limits) -> None:
    if what != "shots":
        if limits.pubs is not None and asked > limits.pubs:
            raise bad_request(f"{where} holds {asked} {what}; this server takes {limits.pubs} at most.")
    elif asked is not None:
        if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
            raise bad_request(f"{where}: the number of shots must be a whole number of at least 1.")
        if limits.shots is not None and asked > limits.shots:
            raise bad_request(
                f"{where}: {asked} shots are more than the {limits.shots} that one PUB may have."
            )


def check_tags(tags: Any) -> list[str]:
    """Return the tags if they are allowed: at most 8 (else 1204), each of 1 to 86 characters (else 1205; rest-api.md 1.7)."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        raise bad_request("tags must be a list of texts that are not blank.")
    if len(tags) > MAX_TAGS:
        raise HttpError(400, 1204, f"A job can have at most {MAX_TAGS} tags.", solution="Use fewer tags.")
    if any(len(tag) > MAX_TAG_LENGTH for tag in tags):
        raise HttpError(
            400, 1205, f"A tag can have at most {MAX_TAG_LENGTH} characters.", solution="Use shorter tags."
        )
    return tags


def new_id(now: float) -> str:
    """Return a fresh job id: 20 lower-case letters and digits, in order of creation to the second."""
    return (
        base64.b32hexencode(struct.pack(">I", int(now)) + secrets.token_bytes(8)).decode().lower().rstrip("=")
    )


def digest_of(body: bytes) -> str:
    """Return what tells two submissions with the same key apart."""
    return hashlib.sha256(body).hexdigest()


def text_field(values: Mapping[str, Any], name: str, *, longest: int = 500) -> str | None:
    """Return an optional text member; 400 if it is not text, is empty, too long or not valid Unicode."""
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise bad_request(f"{name} must be a text of 1 to {longest} characters.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise bad_request(f"{name} is not valid Unicode.") from error
    return value


def cost_field(value: Any) -> int | None:
    """Return a limit of run time in seconds, None where none is given; 400 if it is no whole number."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise bad_request("cost must be a whole number of seconds.")
    return value


def _backend(name: str | None, devices: DeviceRegistry) -> str:
    solution = f"Name one of {', '.join(devices.listed)}."
    if name is None:
        raise bad_request("backend is missing.", solution=solution)
    if name not in devices:
        raise bad_request(f"Backend {name[:100]!r} is not served here.", solution=solution)
    return name


def _cost(value: Any, instance: Instance, limits: Limits) -> int:
    """The limit of run time in seconds; the plan's own when the job names none (rest-api.md 4.1)."""
    asked = cost_field(value)
    if asked is None:
        return min(instance.at_most(instance.limit_seconds) or limits.cost_seconds, limits.cost_seconds)
    return min(asked, limits.cost_seconds) or limits.cost_seconds


def _log_level(value: str | None) -> str | None:
    if value is not None and value.lower() not in LOG_LEVELS:
        raise bad_request(f"log_level must be one of {', '.join(LOG_LEVELS)}.")
    return value


def flag(name: str, value: Any) -> bool:
    """Return a boolean member; 400 if it is something else."""
    if not isinstance(value, bool):
        raise bad_request(f"{name} must be true or false.")
    return value
