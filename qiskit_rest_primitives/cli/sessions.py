"""``qiskit-rest sessions``: list and close sessions and batches."""

from __future__ import annotations

from typing import Any

import click

from .._time import parse_time
from .connecting import Place, asks_service
from .exits import Exit
from .output import ago, as_json, moment, print_json, print_table
from .several import Several


@click.group()
def sessions() -> None:
    """List and close sessions and batches."""


@sessions.command("list")
@click.option(
    "--limit", type=click.IntRange(min=0), default=10, show_default=True, help="At most so many; 0 for all."
)
@as_json
@asks_service
def list_sessions(place: Place, limit: int, as_json: bool) -> None:
    """List sessions and batches, the newest first."""
    from ..jobs.search import find_sessions

    found = [_document(entry) for entry in find_sessions(place.open().api(), limit or None)]
    if as_json:
        print_json({"sessions": [{**entry, "created": moment(entry["created"])} for entry in found]})
        return
    rows = [
        (
            entry["id"],
            entry["mode"],
            entry["backend"],
            "yes" if entry["accepting_jobs"] else "no",
            ago(entry["created"]),
        )
        for entry in found
    ]
    print_table(
        ("id", "mode", "backend", "takes jobs", "created"), rows, empty="There are no sessions.", spare=("created",)
    )  # fmt: skip


def _document(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry["id"],
        "mode": entry["mode"],
        "backend": entry.get("backend"),
        "accepting_jobs": bool(entry.get("accepting_jobs")),
        "created": parse_time(entry.get("created")),
    }


@sessions.command("close")
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--cancel", is_flag=True, help="Cancel the jobs that still wait; otherwise they run.")
@as_json
@asks_service
def close(place: Place, session_ids: tuple[str, ...], cancel: bool, as_json: bool) -> Exit:
    """Close sessions or batches: they take no jobs any more."""
    service = place.open()
    with Several("sessions", as_json=as_json) as told:
        for session_id in session_ids:
            with told.trying(id=session_id, closed=False):
                instance, record = service._find_session(session_id)
                api = service.api(instance)
                (api.cancel_session if cancel else api.close_session)(record.id)
                told.tell(f"{session_id}  closed", id=session_id, closed=True)
    return told.end()
