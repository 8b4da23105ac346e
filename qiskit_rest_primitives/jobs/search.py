"""Listing jobs (rest-api.md 4.10), sessions and batches (5.6): what may be asked for, and paging through the answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .._time import read_moment
from ..exceptions import IBMApiError, IBMInputValueError
from ..rest.api import Api
from ..wire.models import JobPage, JobRecord
from .request import check_tags

PAGE, WORKLOADS_PAGE = 200, 50
"""The most jobs that a page can have, and the most sessions and batches (rest-api.md 1.7)."""
ARRIVALS = 10_000
"""More jobs than anybody submits while a list of them is read."""


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
    """Return the jobs that fit, each once, in the service's order; the filters are those of ``Api.jobs``.

    A naive time is local, and ``skip`` past the end gives none.

    Raises:
        IBMInputValueError: A value makes no sense.
        IBMApiError: The service's pages have no end, or are always the same.
    """
    _check_number("limit", limit)
    _check_number("skip", skip)
    asked = {
        **filters,
        "tags": check_tags(tags or []),
        "created_after": _in_utc(created_after, "created_after"),
        "created_before": _in_utc(created_before, "created_before"),
    }
    found: dict[str, JobRecord] = {}
    pages = _Pages(skip)
    size = PAGE if limit is None else min(limit, PAGE)
    while not pages.ended and (limit is None or len(found) < limit):
        page = api.jobs(limit=size, offset=pages.offset, **asked)
        new = {record.id: record for record in page.jobs if record.id not in found}
        found.update(new)
        pages.turn(page, len(new), len(found))
    return list(found.values())[:limit]


def _check_number(what: str, number: Any) -> None:
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 0):
        raise IBMInputValueError(f"{what} must be a whole number that is not negative, not {number!r}.")


class _Pages:
    """Where in the answers one is, and whether there is an end to them.

    A job that arrives meanwhile shifts the pages, so that some come twice; pages of nothing else come from a service that
    does not know ``offset``.
    """

    def __init__(self, skip: int) -> None:
        self.offset = self._skip = skip
        self.ended = False
        self._old = 0
        self._first: str | None = None
        self._most: int | None = None

    def turn(self, page: JobPage, new: int, found: int) -> None:
        """Go on behind a page, of whose jobs so many are new, and so many have been found in all.

        A service that would go on for ever, or gives the same page again instead of the next, is an ``IBMApiError``.
        """
        first, self._first = self._first, page.jobs[0].id if page.jobs else None
        self.offset += len(page.jobs)
        self.ended = not page.jobs or self.offset >= page.count
        self._old = 0 if new else self._old + 1
        self._most = self._skip + page.count + ARRIVALS if self._most is None else self._most
        same = self._first is not None and self._first == first
        if page.jobs and (
            self._old >= 3 or (self.ended and same and not new and self._skip + found < page.count)
        ):
            raise IBMApiError(
                f"The service does not page through its jobs: asked for those behind the first {self.offset - len(page.jobs)} "
                f"of {page.count}, it gave jobs that it had given before. Ask for fewer with limit= (at most {PAGE}), or use "
                "filters."
            )
        if self.offset > self._most:
            raise IBMApiError(
                f"The service's list of jobs has no end: it gave {self.offset - self._skip} jobs, and at first it said that "
                f"there are {self._most - ARRIVALS - self._skip}. Use limit=."
            )


def _in_utc(moment: datetime | str | None, what: str) -> datetime | None:
    """Return a moment in UTC; a naive one is local time, and text is read as ISO 8601."""
    if moment is None:
        return None
    if isinstance(moment, str):
        text = moment
        try:
            moment = read_moment(text)
        except ValueError as cause:
            raise IBMInputValueError(
                f"{what} must be a datetime.datetime, or a time such as '2026-11-21T14:00:00+00:00'; "
                f"{text[:40]!r} is neither."
            ) from cause
    if not isinstance(moment, datetime):
        raise IBMInputValueError(f"{what} must be a datetime.datetime, not {type(moment).__name__}.")
    return moment.astimezone(timezone.utc)


def find_sessions(api: Api, limit: int | None) -> list[dict[str, Any]]:
    """Return the list entries of sessions and batches, newest first: ``id``, ``mode``, ``backend`` and so on."""
    _check_number("limit", limit)
    found = [
        {**entry, "mode": mode}
        for mode in ("session", "batch")
        for entry in islice(_entries(api, mode, min(limit or WORKLOADS_PAGE, WORKLOADS_PAGE)), limit)
    ]
    found.sort(key=lambda entry: str(entry.get("created") or ""), reverse=True)
    return found[:limit]


def _entries(api: Api, mode: str, size: int) -> Iterator[dict[str, Any]]:
    """Yield the entries of one mode, newest first, following the link of each page to the next one."""
    cursor: str | None = None
    while True:
        page = api.workloads(mode=mode, limit=size, sort="-createdAt", next=cursor)
        yield from page.get("workloads") or ()
        link = (page.get("next") or {}).get("href") or ""
        before, cursor = cursor, next(iter(parse_qs(urlsplit(link).query).get("next", ())), None)
        if cursor in (None, before):
            return
