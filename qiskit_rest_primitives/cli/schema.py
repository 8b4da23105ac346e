"""``qiskit-rest schema``: the shape of what commands write with ``--json``, as JSON Schema."""

from __future__ import annotations

from typing import Any

import click

from .output import print_json

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
WHOLE: dict[str, Any] = {"type": "integer"}
FLAG: dict[str, Any] = {"type": "boolean"}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}


def _or_null(shape: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [shape, {"type": "null"}]}


def _list(shape: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": shape}


def _map(shape: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": shape}


def _object(**members: dict[str, Any]) -> dict[str, Any]:
    """Return the shape of an object that has all of these members; later versions may add others."""
    return {"type": "object", "properties": members, "required": list(members)}


_JOB = {
    "id": TEXT, "status": TEXT, "program": _or_null(TEXT), "backend": _or_null(TEXT), "created": _or_null(TIME),
    "session": _or_null(TEXT), "tags": _list(TEXT), "private": FLAG,
}  # fmt: skip
_MEMBER = {
    "anyOf": [
        _object(shape=_list(WHOLE), num_bits=WHOLE, num_shots=WHOLE, counts=_list(_map(WHOLE))),
        _object(shape=_list(WHOLE), values=_list({})),
    ]
}
_RESULT = {
    "anyOf": [
        _object(job=TEXT, kind=TEXT, pubs=_list(_map(_MEMBER))),
        _object(job=TEXT, kind=TEXT, text=TEXT),
    ]
}
_FINDING = _object(check=TEXT, verdict={"enum": ["ok", "note", "fault", "skipped"]}, said=TEXT, remedy=TEXT)
_ACCOUNT = _object(name=TEXT, channel=TEXT, url=_or_null(TEXT), instance=_or_null(TEXT), default=FLAG)
_BACKEND = {
    "name": TEXT,
    "qubits": _or_null(WHOLE),
    "status": TEXT,
    "queue": WHOLE,
    "simulator": _or_null(FLAG),
}

SHAPES: dict[str, dict[str, Any]] = {
    "account delete": _object(accounts=_list(_object(name=TEXT, deleted=FLAG))),
    "account list": _object(accounts=_list(_ACCOUNT)),
    "account save": _object(saved=TEXT),
    "backends": _object(backends=_list(_object(**_BACKEND))),
    "backends NAME": _object(
        **_BACKEND, operational=FLAG, gates=_list(TEXT), couplings=_or_null(WHOLE), calibrated=_or_null(TIME),
        median_errors=_map(NUMBER),
    ),
    "doctor": _object(checks=_list(_FINDING), faults=WHOLE),
    "jobs cancel": _object(jobs=_list(_object(id=TEXT, cancelled=FLAG))),
    "jobs find": _object(**_JOB),
    "jobs list": _object(jobs=_list(_object(**_JOB))),
    "jobs result": _RESULT,
    "jobs show": _object(
        **_JOB, parts=_list(TEXT), estimated_seconds=_or_null(NUMBER), usage_seconds=NUMBER, error=_or_null(TEXT),
        timeline=_map(TIME),
    ),
    "jobs wait": _object(jobs=_list(_object(id=TEXT, status=_or_null(TEXT)))),
    "run": _RESULT,
    "run --no-wait": _object(**_JOB),
    "sessions close": _object(sessions=_list(_object(id=TEXT, closed=FLAG))),
    "sessions list": _object(
        sessions=_list(
            _object(id=TEXT, mode=TEXT, backend=_or_null(TEXT), accepting_jobs=FLAG, created=_or_null(TIME))
        )
    ),
    "error": _object(error=_object(kind=TEXT, message=TEXT, exit_code=WHOLE)),
}  # fmt: skip
"""What each command writes with ``--json``; any of them may write an ``error`` instead."""


@click.command(short_help="Write the shape of what commands write with --json.")
@click.argument("command", nargs=-1)
def schema(command: tuple[str, ...]) -> None:
    """Write the JSON Schema of what COMMAND writes with --json; of all commands if none is named."""
    name = " ".join(command)
    if name and name not in SHAPES:
        raise click.UsageError(f"{name!r} is not among {', '.join(SHAPES)}.")
    print_json(SHAPES[name] if name else SHAPES)
