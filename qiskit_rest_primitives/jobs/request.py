"""What a primitive hands to the service for one job: its params as they are sent, and how its result is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wire.expected import DecodeHints

__all__ = ["RUN_OPTIONS", "WrittenParams"]

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
    """

    def __init__(self, params: Mapping[str, Any], hints: DecodeHints) -> None:
        super().__init__(params)
        self.hints = hints
