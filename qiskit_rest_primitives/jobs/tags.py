"""Job tags as users give them: what the service accepts (rest-api.md 1.7), checked before any traffic."""

from __future__ import annotations

from typing import Any

from ..exceptions import IBMInputValueError

__all__ = ["check_tags"]

MAX_TAGS = 8
MAX_LENGTH = 86


def check_tags(tags: Any) -> list[str]:
    """Return the tags without repetitions.

    Raises:
        IBMInputValueError: They are not a list of texts, or too many or too long for the service.
    """
    if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) for tag in tags):
        raise IBMInputValueError(f"job_tags must be a list of strings, not {tags!r}.")
    distinct = list(dict.fromkeys(tags))
    if len(distinct) > MAX_TAGS:
        raise IBMInputValueError(f"A job can have at most {MAX_TAGS} tags, not {len(distinct)}.")
    for tag in distinct:
        if not tag or len(tag) > MAX_LENGTH:
            raise IBMInputValueError(
                f"A tag must have 1 to {MAX_LENGTH} characters; {tag[:100]!r} has {len(tag)}."
            )
    return distinct
