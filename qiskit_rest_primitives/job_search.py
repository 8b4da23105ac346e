"""Searching jobs: what may be asked for, and paging through the answers (rest-api.md 4.10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from .errors import IBMInputValueError
from .job_tags import check_tags
from .rest.api import Api
from .wire.models import JobRecord

__all__ = ["find_jobs", "in_utc"]

PAGE = 200
"""The most jobs that a page can have (rest-api.md 1.7)."""


def find_jobs(
    api: Api,
    *,
    limit: int | None,
    skip: int = 0,
    tags: list[str] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    **filters: Any,
) -> list[JobRecord]:
    """Return the jobs that fit, each once, in the service's order.

    Args:
        api: Whom to ask.
        limit: How many at most; None for all.
        skip: How many to leave out at the beginning; past the end gives none.
        tags: Tags that they must all have.
        created_after: Earliest time of creation; a naive time is local.
        created_before: Latest time of creation; a naive time is local.
        **filters: The other filters of ``Api.jobs``.

    Raises:
        IBMInputValueError: A value makes no sense.
    """
    for what, number in (("limit", limit), ("skip", skip)):
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 0):
            raise IBMInputValueError(f"{what} must be a whole number that is not negative, not {number!r}.")
    asked = {
        **filters,
        "tags": check_tags(tags or []),
        "created_after": in_utc(created_after, "created_after"),
        "created_before": in_utc(created_before, "created_before"),
    }
    found: dict[str, JobRecord] = {}
    for record in _pages(api, limit, skip, asked):
        if limit is not None and len(found) >= limit:
            break
        found.setdefault(record.id, record)
    return list(found.values())


def _pages(api: Api, limit: int | None, skip: int, asked: dict[str, Any]) -> Iterator[JobRecord]:
    """Yield jobs page by page; a job that arrives meanwhile shifts the pages, so some may come twice."""
    offset = skip
    left = limit
    while left is None or left > 0:
        page = api.jobs(limit=PAGE if left is None else min(left, PAGE), offset=offset, **asked)
        yield from page.jobs
        offset += len(page.jobs)
        if not page.jobs or offset >= page.count:
            return
        if left is not None:
            left -= len(page.jobs)


def in_utc(moment: datetime | str | None, what: str) -> datetime | None:
    """Return a moment in UTC; a naive one is local time, and text is read as ISO 8601.

    Raises:
        IBMInputValueError: It is neither a datetime nor such text.
    """
    if moment is None:
        return None
    if isinstance(moment, str):
        text = moment
        try:
            # Python 3.10 does not read "Z".
            moment = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
        except ValueError as cause:
            raise IBMInputValueError(
                f"{what} must be a datetime.datetime, or a time such as '2026-11-21T14:00:00+00:00'; "
                f"{text[:40]!r} is neither."
            ) from cause
    if not isinstance(moment, datetime):
        raise IBMInputValueError(f"{what} must be a datetime.datetime, not {type(moment).__name__}.")
    return moment.astimezone(timezone.utc)
