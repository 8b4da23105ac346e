"""``qiskit-rest jobs``: list, show, wait for, cancel, and read the results of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .connecting import Place, asks_service
from .exits import Exit
from .output import ago, as_json, moment, print_json, print_members, print_table, say
from .several import Several

if TYPE_CHECKING:
    from ..jobs.job import RuntimeJobV2

MOST_ROWS = 20
"""Outcomes that are shown of a register."""

BAR = 20
"""Columns of the longest bar."""


@click.group(short_help="Look at jobs, wait for them, cancel them.")
def jobs() -> None:
    """List jobs, look at them, wait for them, cancel them, read their results."""


@jobs.command("list")
@click.option(
    "--limit", type=click.IntRange(min=0), default=10, show_default=True, help="At most so many; 0 for all."
)
@click.option("--skip", type=click.IntRange(min=0), default=0, help="Leave out so many at the beginning.")
@click.option("--pending/--ended", default=None, help="Only those that wait or run, or that have ended.")
@click.option("--backend", metavar="NAME", help="Only those on this backend.")
@click.option("--program", metavar="NAME", help="Only those of this program: sampler, estimator, ...")
@click.option("--session", metavar="ID", help="Only those of this session or batch.")
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Only those that have this tag; may be repeated."
)
@click.option("--after", type=click.DateTime(), help="Only those created then or later (local time).")
@click.option("--before", type=click.DateTime(), help="Only those created then or earlier (local time).")
@click.option("--oldest-first", is_flag=True, help="The oldest first, instead of the newest.")
@as_json
@asks_service
def list_jobs(place: Place, **options: Any) -> None:
    """List jobs, the newest first."""
    found = place.open().jobs(
        limit=options["limit"] or None,
        skip=options["skip"],
        pending=options["pending"],
        backend_name=options["backend"],
        program_id=options["program"],
        session_id=options["session"],
        job_tags=list(options["tags"]) or None,
        created_after=options["after"],
        created_before=options["before"],
        descending=not options["oldest_first"],
        include_mocks=True,
    )
    if options["as_json"]:
        print_json({"jobs": [job_document(job) for job in found]})
        return
    rows = [
        (
            job.job_id(),
            job._word(),
            job.primitive_id,
            job._record.backend,
            ago(job._record.created),
            job.session_id,
        )
        for job in found
    ]
    print_table(
        ("id", "status", "program", "backend", "created", "session"), rows, empty="There are no such jobs.",
        spare=("session", "program", "created"),
    )  # fmt: skip


def job_document(job: RuntimeJobV2) -> dict[str, Any]:
    """Return what the list says about a job; nothing is asked."""
    record = job._record
    return {
        "id": job.job_id(),
        "status": job._word(),
        "program": job.primitive_id,
        "backend": record.backend,
        "created": moment(record.created),
        "session": job.session_id,
        "tags": job.tags,
        "private": job.private,
    }


@jobs.command("show", short_help="Say how a job stands.")
@click.argument("job_id", metavar="ID")
@as_json
@asks_service
def show(place: Place, job_id: str, as_json: bool) -> None:
    """Say how a job stands, since when, and why it failed."""
    from ..jobs.questions import timeline_of

    job = place.open().job(job_id)
    metrics = job.metrics()
    moments = timeline_of(metrics.get("timestamps") or {}, None, None).moments()
    document = {
        **job_document(job),
        "parts": job.job_ids(),
        "estimated_seconds": job.usage_estimation["quantum_seconds"],
        "usage_seconds": (metrics.get("usage") or {}).get("qpu_charge_time_seconds") or 0,
        "error": job.error_message(),
        "timeline": {name: moment(value) for name, value in moments.items()},
    }
    if as_json:
        print_json(document)
        return
    times = {name: ago(value) for name, value in moments.items()}
    parts = document["parts"] if len(document["parts"]) > 1 else None
    print_members({**document, "created": None, "timeline": None, "private": document["private"] or None,
                   "parts": parts, "usage_seconds": document["usage_seconds"] or None, **times})  # fmt: skip


@jobs.command("find", short_help="Find the job of a submission whose outcome is unknown.")
@click.argument("submission_id", metavar="ID")
@as_json
@asks_service
def find(place: Place, submission_id: str, as_json: bool) -> None:
    """Find the job that came of a submission: its ID is named where one is stopped, or has no answer, and it is a tag of the job.

    Of a run() of several parts that was stopped on this machine, those that are missing are sent.
    """
    from ..exceptions import RuntimeJobNotFound
    from ..rest.lookup import TAG_PREFIX

    job = place.open().find_submission(submission_id.removeprefix(TAG_PREFIX))
    if job is None:
        raise RuntimeJobNotFound(f"No job came of {submission_id}.")
    write_job(job, as_json=as_json)


def write_job(job: RuntimeJobV2, *, as_json: bool) -> None:
    """Write which job it is."""
    if as_json:
        print_json(job_document(job))
    else:
        say(job.job_id())


@jobs.command("wait", short_help="Wait until jobs have ended.")
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer than that.")
@click.option("--progress/--no-progress", default=None, help="Show how they stand; by default in a terminal.")
@as_json
@asks_service
def wait(
    place: Place, job_ids: tuple[str, ...], timeout: float | None, progress: bool | None, as_json: bool
) -> Exit:
    """Wait until jobs have ended; the exit code is 1 if one of them failed or was cancelled."""
    from ..jobs.several import as_completed

    service, found = place.open(), []
    with Several("jobs", as_json=as_json) as told:
        for job_id in job_ids:
            with told.trying(id=job_id, status=None):
                found.append(service.job(job_id))
        for job in as_completed(found, timeout, progress=progress):
            status = job.status()
            code = Exit.OK if status == "DONE" else Exit.FAILED
            told.tell(f"{job.job_id()}  {status}", code, id=job.job_id(), status=status)
    return told.end()


@jobs.command("cancel", short_help="Cancel jobs.")
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@as_json
@asks_service
def cancel(place: Place, job_ids: tuple[str, ...], as_json: bool) -> Exit:
    """Cancel jobs; the exit code is 1 if one had ended already."""
    service = place.open()
    with Several("jobs", as_json=as_json) as told:
        for job_id in job_ids:
            with told.trying(id=job_id, cancelled=False):
                done = _cancelled(service.job(job_id))
                line = f"{job_id}  {'CANCELLED' if done else 'has ended already'}"
                told.tell(line, Exit.OK if done else Exit.FAILED, id=job_id, cancelled=done)
    return told.end()


def _cancelled(job: RuntimeJobV2) -> bool:
    from ..exceptions import RuntimeInvalidStateError

    try:
        job.cancel()
    except RuntimeInvalidStateError:
        return False
    return True


@jobs.command("result", short_help="Wait for a job and write its result.")
@click.argument("job_id", metavar="ID")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer than that.")
@as_json
@asks_service
def result(place: Place, job_id: str, timeout: float | None, as_json: bool) -> None:
    """Wait for a job and write its result: counts of registers, or expectation values."""
    job = place.open().job(job_id)
    write_result(job, timeout, as_json=as_json)


def write_result(job: RuntimeJobV2, timeout: float | None, *, as_json: bool) -> None:
    """Wait for a job and write its result."""
    document = _result_document(job.job_id(), job.result(timeout=timeout))
    if as_json:
        print_json(document)
    else:
        _print_result(document)


def _result_document(job_id: str, result: Any) -> dict[str, Any]:
    """Return a result as JSON has it: ``job``, ``kind`` and ``pubs``, of each the members of its data by name.

    A register has ``shape``, ``num_bits``, ``num_shots`` and ``counts``, one object per parameter set; any other member ``shape``
    and ``values``. Both are in C order. Of what is no result of PUBs there is ``text`` instead.
    """
    from qiskit.primitives import PrimitiveResult

    kind = type(result).__name__
    if not isinstance(result, PrimitiveResult):
        return {"job": job_id, "kind": kind, "text": repr(result)}
    pubs = [{name: _member(value) for name, value in pub.data.items()} for pub in result]
    return {"job": job_id, "kind": kind, "pubs": pubs}


def _member(value: Any) -> dict[str, Any]:
    import numpy as np
    from qiskit.primitives import BitArray

    if isinstance(value, BitArray):
        indices = list(np.ndindex(value.shape))
        return {
            "shape": list(value.shape),
            "num_bits": value.num_bits,
            "num_shots": value.num_shots,
            "counts": [value.get_counts(index) if value.shape else value.get_counts() for index in indices],
        }
    array = np.asarray(value)
    flat = array.ravel().tolist()
    values = [[one.real, one.imag] if isinstance(one, complex) else one for one in flat]
    return {"shape": list(array.shape), "values": values}


def _print_result(document: dict[str, Any]) -> None:
    """Write a document of ``_result_document`` for people: the most frequent outcomes, or the values."""
    if "text" in document:
        say(document["text"])
        return
    for number, pub in enumerate(document["pubs"]):
        for name, member in pub.items():
            if "counts" in member:
                for place, counts in enumerate(member["counts"]):
                    _print_counts(_title(number, name, place, member["shape"]), counts)
        values = {name: member for name, member in pub.items() if "values" in member}
        if values:
            shape = next(iter(values.values()))["shape"]
            columns = {name: member["values"] for name, member in values.items() if member["shape"] == shape}
            rows = [
                (place, *(f"{column[place]:.6g}" if isinstance(column[place], float) else column[place]
                          for column in columns.values()))
                for place in range(len(next(iter(columns.values()))))
            ]  # fmt: skip
            say(f"PUB {number}, shape {tuple(shape)}")
            print_table(("index", *columns), rows, empty="It has no values.")


def _title(number: int, name: str, place: int, shape: list[int]) -> str:
    return f"PUB {number}, register {name}" + (
        f", parameter set {place} of shape {tuple(shape)}" if shape else ""
    )


def _print_counts(title: str, counts: dict[str, int]) -> None:
    shots, most = sum(counts.values()), max(counts.values(), default=1)
    say(f"{title}: {shots} shots")
    order = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [
        (bits, count, f"{count / shots:.4f}", "█" * round(BAR * count / most))
        for bits, count in order[:MOST_ROWS]
    ]
    print_table(("outcome", "counts", "share", "bar"), rows, empty="It has no bits.", spare=("bar", "share"))
    if len(order) > MOST_ROWS:
        say(f"... and {len(order) - MOST_ROWS} outcomes more (--json has all)")
