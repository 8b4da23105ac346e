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

from ..wire.jsonio import dumps, loads
from ..wire.models import JobRecord
from .alarms import from_signal_handler
from .submission import Submissions

__all__ = ["MOST_PARTS", "find_parts", "part_ids", "submit_parts"]

logger = logging.getLogger(__name__)

MOST_PARTS = 999
_PART = re.compile(r"(.+)-([1-9]\d{0,2})of([1-9]\d{0,2})")
"""A run, and the place of a part among how many."""
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
    """Create exactly one job of each body, in this order.

    All are in the journal before the first is sent, whole unless they are private, until each has been accepted. Where
    one is refused, those before it are cancelled: there is no half of a ``run()``.

    Args:
        submissions: Where to.
        bodies: Two or more envelopes of rest-api.md 4.1, with at most seven tags each.
        kept: As for ``Submissions.submit``, of each.

    Raises:
        KeyboardInterrupt: The user interrupted; the message says how to go on.
        Exception: As ``Submissions.submit``, for the first that fails.
    """
    ids = _ids(uuid.uuid4().hex, len(bodies))
    for identifier, body in zip(ids, bodies, strict=True):
        whole = kept if body.get("private") else dumps(body).decode()
        submissions.record(identifier, body, kept=whole, state="planned")
    records: list[JobRecord] = []
    try:
        for identifier, body in zip(ids, bodies, strict=True):
            records.append(submissions.submit(body, kept=kept, identifier=identifier))
    except KeyboardInterrupt:
        # From None: eighty lines about sockets would hide the one that helps.
        raise KeyboardInterrupt(
            f"Stopped submitting after {len(records)} of {len(ids)} jobs of this run(). "
            f"service.find_submission({ids[0]!r}) sends those that are missing and returns the whole; None: there is none."
        ) from None
    except Exception as problem:
        kind = getattr(getattr(problem, "failure", None), "kind", None)
        if kind != "unknown-outcome" and not from_signal_handler(problem):
            submissions.cancel(records, "another part of its run() was not accepted")
            for identifier in ids[len(records) :]:
                submissions.journal.close(identifier, "refused")
        raise
    return records


def find_parts(
    submissions: Submissions, submission_id: str, *, resume: bool = False
) -> list[JobRecord | None]:
    """Return the jobs of all parts of the whole that a submission is a part of, in order; None for each that is not there.

    Args:
        submissions: Where to look.
        submission_id: Of any part.
        resume: Whether to send what is missing and stands in this user's journal, provided that some part is there. The
            process that submitted must have ended: two that send the same part at once are one too many.
    """
    ids = part_ids(submission_id)
    found = [_find(submissions, identifier) for identifier in ids]
    if resume and any(found):
        found = [
            record or _send_again(submissions, identifier)
            for identifier, record in zip(ids, found, strict=True)
        ]
    return found


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
    logger.info("sending the part %s of a run() that was not finished", submission_id)
    return submissions.submit(loads(entry.kept), identifier=submission_id, again=True)
