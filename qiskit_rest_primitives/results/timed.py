"""What every list of time windows can tell: how many there are, and when the first began and the last ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from .._calls import even_half_made


class Timed(Protocol):
    """A window of time, from ``start`` to ``stop``, both in UTC."""

    @property
    def start(self) -> datetime:
        """Beginning, UTC."""

    @property
    def stop(self) -> datetime:
        """End, UTC."""


WindowT = TypeVar("WindowT", bound=Timed)


class TimedList(Generic[WindowT]):
    """Windows of time, which may overlap."""

    def __init__(self, spans: Iterable[WindowT]) -> None:
        self._spans = list(spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __iter__(self) -> Iterator[WindowT]:
        return iter(self._spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._spans == other._spans

    __hash__ = None  # type: ignore[assignment]

    @even_half_made
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._spans!r})"

    @property
    def start(self) -> datetime:
        """Earliest beginning, UTC. Raises ``ValueError`` when there are no spans."""
        return min(span.start for span in self)

    @property
    def stop(self) -> datetime:
        """Latest end, UTC. Raises ``ValueError`` when there are no spans."""
        return max(span.stop for span in self)

    @property
    def duration(self) -> float:
        """Seconds from ``start`` to ``stop``. Raises ``ValueError`` when there are no spans."""
        return (self.stop - self.start).total_seconds()
