"""Listing sessions and batches, page by page (rest-api.md 5.6)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..exceptions import IBMInputValueError
from ..rest.api import Api

PAGE = 50
"""The most workloads that a page can have (rest-api.md 1.7)."""


def find_sessions(api: Api, limit: int | None) -> list[dict[str, Any]]:
    """Return the list entries of sessions and batches, newest first: ``id``, ``mode``, ``backend`` and so on.

    Args:
        api: Whom to ask.
        limit: How many at most; None for all.

    Raises:
        IBMInputValueError: The limit makes no sense.
    """
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        raise IBMInputValueError(f"limit must be a whole number that is not negative, not {limit!r}.")
    found = [
        {**entry, "mode": mode}
        for mode in ("session", "batch")
        for entry in islice(_entries(api, mode, min(limit or PAGE, PAGE)), limit)
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
