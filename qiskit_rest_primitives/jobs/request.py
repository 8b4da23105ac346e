"""What is handed to the service for one job: its params as they are sent, how its result is to be read, its tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import IBMInputValueError
from ..wire.expected import DecodeHints

if TYPE_CHECKING:
    from .follow_up import FollowUp

MAX_TAGS, MAX_LENGTH = 8, 86
"""Of a job, and of a tag (rest-api.md 1.7)."""

RUN_OPTIONS = {
    "log_level": "log_level",
    "job_tags": "tags",
    "max_execution_time": "cost",
    "private": "private",
    "image": "runtime",
}
"""The names of ``_run``'s options in the body of ``POST /jobs`` (rest-api.md 4.1)."""


class WrittenParams(dict[str, Any]):
    """Params of a job that are written already, with what reading its result needs.

    Args:
        params: As they are sent.
        hints: The circuits' maps, and the PUBs' shapes and shots.
        others: Params of the jobs that are one to their user with this one, which is the first of them.
        follow_up: Those of them that can be written only when this one has its result.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        hints: DecodeHints,
        others: Sequence[Mapping[str, Any]] = (),
        follow_up: FollowUp | None = None,
    ) -> None:
        super().__init__(params)
        self.hints = hints
        self.others = others
        self.follow_up = follow_up


def check_tags(tags: Any) -> list[str]:
    """Return the tags without repetitions."""
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
