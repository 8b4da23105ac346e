"""Several jobs that are one to their user: written down as a whole before the first is sent, and found again by any.

The submission id of each names its place in the whole, ``<run>-2of3``, and stands in its one reserved tag: from the tag
of one those of the others follow, whoever reopens it, and no second tag is taken from the user's eight.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ..rest.network_errors import from_signal_handler
from ..rest.submission import Submissions
from ..wire.jsonio import dumps, loads
from ..wire.models import JobRecord

logger = logging.getLogger(__name__)

MOST_PARTS = 999
_PART = re.compile(r"(.+)-([1-9]\d{0,2})of([1-9]\d{0,2})")
"""A run, and the place of a part among how many."""
_PLAN = "plan"
"""Member of what the journal keeps of a part whose body is not made yet."""
_OPEN = ("planned", "sending", "unknown")


def part_ids(submission_id: str) -> tuple[str, ...]:
    """Return the submission ids of all parts of the whole that a submission is a part of; its own if it is none."""
    found = _PART.fullmatch(submission_id) if isinstance(submission_id, str) else None
    if found is None or int(found[2]) > int(found[3]):
        return (submission_id,)
    return _ids(found[1], int(found[3]))


def _ids(run: str, number: int) -> tuple[str, ...]:
    return tuple(f"{run}-{part}of{number}" for part in range(1, number + 1))


def submit_parts(
    submissions: Submissions, bodies: Sequence[Mapping[str, Any]], *, kept: str | None = None
) -> list[JobRecord]:
    """Create exactly one job of each body, an envelope of rest-api.md 4.1 with at most seven tags, in this order.

    All are in the journal before the first is sent, whole unless they are private, until each has been accepted. Where
    one is refused, those before it are cancelled: there is no half of a ``run()``. Errors are those of ``Submissions.submit``,
    for the first that fails; an interrupt says how to go on.
    """
    ids = _ids(run := uuid.uuid4().hex, len(bodies))
    submissions.journal.claim(run)
    for identifier, body in zip(ids, bodies, strict=True):
        submissions.record(identifier, body, kept=_whole(body, kept), state="planned")
    return _send(submissions, ids, bodies, kept)


def begin_parts(
    submissions: Submissions,
    body: Mapping[str, Any],
    number: int,
    program_id: str,
    plan: Mapping[str, Any],
    *,
    kept: str | None = None,
) -> JobRecord:
    """Create exactly one job, the first part of a whole, of whose result the others are made: ``follow_parts`` sends them.

    There are ``number`` others, of the program ``program_id``. The plan is what they are made of: the journal has it, where
    ``plan_of`` finds it, but not of private jobs.
    """
    ids = _ids(run := uuid.uuid4().hex, 1 + number)
    submissions.journal.claim(run)
    submissions.record(ids[0], body, kept=_whole(body, kept), state="planned")
    text = kept if body.get("private") else dumps({_PLAN: plan}).decode()
    for place, identifier in enumerate(ids[1:]):
        entry = {**body, "program_id": program_id}
        submissions.record(identifier, entry, kept=text if place == 0 else None, state="planned")
    return _send(submissions, ids, [body], kept)[0]


def follow_parts(
    submissions: Submissions,
    submission_id: str,
    bodies: Sequence[Mapping[str, Any]],
    *,
    kept: str | None = None,
    again: bool = False,
) -> list[JobRecord]:
    """Create exactly one job of each part after the first.

    All are in the journal, whole unless they are private, before one is sent; the plan makes room last. With ``again`` they may
    have been sent before, and are looked for first; after an error that is no refusal the same call with it goes on.
    """
    ids = part_ids(submission_id)[1:]
    for identifier, body in reversed(list(zip(ids, bodies, strict=True))):
        submissions.journal.keep(identifier, _whole(body, kept))
    return _send(submissions, ids, bodies, kept, again=again)


def plan_of(submissions: Submissions, submission_id: str) -> Mapping[str, Any] | None:
    """Return what the journal has of ``begin_parts``; None if there is nothing, or not any more, or another process has it."""
    entry = submissions.journal.entry(part_ids(submission_id)[1])
    if entry is None or entry.state not in _OPEN or entry.private or not entry.kept:
        return None
    plan: Mapping[str, Any] | None = loads(entry.kept).get(_PLAN)
    return plan if plan is not None and _claimed(submissions, submission_id) else None


def drop_plan(submissions: Submissions, submission_id: str) -> None:
    """Write down that the parts after the first will not be sent."""
    for identifier in part_ids(submission_id)[1:]:
        submissions.journal.close(identifier, "refused")


def is_refusal(problem: Exception) -> bool:
    """Tell whether the service has judged a submission, rather than not been reached or too busy."""
    status = getattr(getattr(problem, "failure", None), "status", None)
    return isinstance(status, int) and 400 <= status < 500 and status not in (401, 403, 408, 429)


def _whole(body: Mapping[str, Any], kept: str | None) -> str | None:
    return kept if body.get("private") else dumps(body).decode()


def _send(
    submissions: Submissions,
    ids: Sequence[str],
    bodies: Sequence[Mapping[str, Any]],
    kept: str | None,
    *,
    again: bool = False,
) -> list[JobRecord]:
    """Send what is planned, a body for each of the first ids; where one is refused, nothing of all stays."""
    records: list[JobRecord] = []
    follows = part_ids(ids[0])[0] != ids[0]
    try:
        for identifier, body in zip(ids, bodies, strict=False):
            records.append(submissions.submit(body, kept=kept, identifier=identifier, again=again))
    except KeyboardInterrupt:
        # From None: eighty lines about sockets would hide the one that helps.
        raise KeyboardInterrupt(
            f"Stopped submitting after {len(records)} of {len(ids)} jobs of this run(). "
            f"service.find_submission({ids[0]!r}) sends those that are missing and returns the whole; None: there is none."
        ) from None
    except Exception as problem:
        kind = getattr(getattr(problem, "failure", None), "kind", None)
        final = is_refusal(problem) if follows else kind != "unknown-outcome"
        if final and not from_signal_handler(problem):
            submissions.cancel(records, "another part of its run() was not accepted")
            for identifier in ids[len(records) :]:
                submissions.journal.close(identifier, "refused")
        raise
    return records


def find_parts(
    submissions: Submissions, submission_id: str, *, resume: bool = False
) -> list[JobRecord | None]:
    """Return the jobs of all parts of the whole that a submission is a part of, in order; None for each that is not there.

    With ``resume`` what is missing and stands in this user's journal is sent, provided that some part is there, and no other
    process is known to be at it: two that send the same part at once are one too many.
    """
    ids = part_ids(submission_id)
    found = [_find(submissions, identifier) for identifier in ids]
    if resume and any(found) and None in found and _claimed(submissions, submission_id):
        found = [
            record or _send_again(submissions, identifier)
            for identifier, record in zip(ids, found, strict=True)
        ]
    return found


def _claimed(submissions: Submissions, submission_id: str) -> bool:
    """Make this process the one that sends the parts of a whole, unless another that is still there does."""
    found = _PART.fullmatch(submission_id)
    run = submission_id if found is None else found[1]
    if submissions.journal.sent_by_another(run):
        logger.info("another process still sends the parts of the run() %s", run)
        return False
    submissions.journal.claim(run)
    return True


def _find(submissions: Submissions, submission_id: str) -> JobRecord | None:
    try:
        return submissions.find(submission_id)
    except Exception as problem:
        if getattr(problem, "status_code", None) != 404:
            raise
        return None  # the journal knows it, but it was deleted


def _send_again(submissions: Submissions, submission_id: str) -> JobRecord | None:
    entry = submissions.journal.entry(submission_id)
    if entry is None or entry.state not in _OPEN or entry.private or not entry.kept:
        return None
    body = loads(entry.kept)
    if _PLAN in body:
        return None
    logger.info("sending the part %s of a run() that was not finished", submission_id)
    return submissions.submit(body, identifier=submission_id, again=True)
