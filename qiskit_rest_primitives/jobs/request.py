"""What a primitive hands to the service for one job: its params as they are sent, and how its result is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..qasm.maps import CircuitMap
from ..wire import jsonio

__all__ = ["RUN_OPTIONS", "DecodeHints", "WrittenParams"]

RUN_OPTIONS = {
    "log_level": "log_level",
    "job_tags": "tags",
    "max_execution_time": "cost",
    "private": "private",
    "image": "runtime",
}
"""The names of ``_run``'s options in the body of ``POST /jobs`` (rest-api.md 4.1)."""


@dataclass(frozen=True)
class DecodeHints:
    """What is needed to decode a job's result as the process that submitted it would.

    Attributes:
        maps: One per PUB, which undo the safe names; None if one of the circuits carries none (foreign text).
        shapes: Shape of each PUB; None if one cannot be learned.
        shots: Shots of each PUB of a sampler, None for one that the service decides; None if nothing is known.
    """

    maps: tuple[CircuitMap, ...] | None = None
    shapes: tuple[tuple[int, ...], ...] | None = None
    shots: tuple[int | None, ...] | None = None

    def to_text(self) -> str:
        """Write it down for the journal, where it outlives the params that the service withholds."""
        maps = None if self.maps is None else [entry.to_json() for entry in self.maps]
        return jsonio.dumps({"maps": maps, "shapes": self.shapes, "shots": self.shots}).decode()

    @classmethod
    def from_text(cls, text: str | None) -> DecodeHints:
        """Read what ``to_text`` wrote; nothing is known when there is no such text."""
        if not text:
            return cls()
        document = jsonio.loads(text)
        maps, shapes, shots = (document.get(name) for name in ("maps", "shapes", "shots"))
        return cls(
            None if maps is None else tuple(CircuitMap.from_json(entry) for entry in maps),
            None if shapes is None else tuple(tuple(shape) for shape in shapes),
            None if shots is None else tuple(shots),
        )


class WrittenParams(dict[str, Any]):
    """Params of a job that are written already, with what reading its result needs.

    Args:
        params: As they are sent.
        hints: The circuits' maps, and the PUBs' shapes and shots.
    """

    def __init__(self, params: Mapping[str, Any], hints: DecodeHints) -> None:
        super().__init__(params)
        self.hints = hints
