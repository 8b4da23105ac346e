"""When which part of a result was measured: ``ExecutionSpans`` and its span classes, which are the official client's (rest-api.md 4.13)."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from .._calls import even_half_made

ShapeType = tuple[int, ...]


class Timed(Protocol):
    """A window of time, from ``start`` to ``stop``, both in UTC."""

    @property
    def start(self) -> datetime: ...  # noqa: D102

    @property
    def stop(self) -> datetime: ...  # noqa: D102


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


class ExecutionSpan(abc.ABC):
    """A window of time and the parts of PUB results measured in it.

    Spans compare equal by class, times and parts, and sort by ``(start, stop)``.

    Args:
        start: Beginning of the window, UTC.
        stop: End of the window, UTC.
        data_slices: PUB index -> the part of that PUB's data, as the subclass describes it.
    """

    tag: ClassVar[str]
    """Name of the span's form on the wire."""

    def __init__(self, start: datetime, stop: datetime, data_slices: Mapping[int, tuple[Any, ...]]) -> None:
        self._start = start
        self._stop = stop
        self._data_slices = dict(data_slices)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ExecutionSpan)
            and type(self) is type(other)
            and (self._start, self._stop, self._data_slices)
            == (other._start, other._stop, other._data_slices)
        )

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, other: ExecutionSpan) -> bool:
        return (self.start, self.stop) < (other.start, other.stop)

    @even_half_made
    def __repr__(self) -> str:
        times = f"start='{self.start:%Y-%m-%d %H:%M:%S}', stop='{self.stop:%Y-%m-%d %H:%M:%S}'"
        return f"{type(self).__name__}(<{times}, size={self.size}>)"

    @property
    def start(self) -> datetime:
        """Beginning of the window, UTC."""
        return self._start

    @property
    def stop(self) -> datetime:
        """End of the window, UTC."""
        return self._stop

    @property
    def duration(self) -> float:
        """Length of the window in seconds."""
        return (self.stop - self.start).total_seconds()

    @property
    def pub_idxs(self) -> list[int]:
        """Indices of the PUBs that have data in the window, ascending."""
        return sorted(self._data_slices)

    @property
    def size(self) -> int:
        """Number of elements, over all PUBs, that were measured in the window (shots, for a sampler)."""
        return sum(self._size(part) for part in self._data_slices.values())

    def mask(self, pub_idx: int) -> NDArray[np.bool_]:
        """Return which elements of a PUB's data were measured in the window.

        Returns:
            Booleans of the shape of the PUB's data, shots last.

        Raises:
            KeyError: The PUB has no data in the window.
        """
        if pub_idx not in self._data_slices:
            raise KeyError(f"PUB {pub_idx} has no data in this span; the span covers {self.pub_idxs}")
        return self._mask(self._data_slices[pub_idx])

    def contains_pub(self, pub_idx: int | Iterable[int]) -> bool:
        """Return whether any of the given PUBs has data in the window."""
        return not _as_set(pub_idx).isdisjoint(self._data_slices)

    def filter_by_pub(self, pub_idx: int | Iterable[int]) -> ExecutionSpan:
        """Return a copy that covers only the given PUBs."""
        wanted = _as_set(pub_idx)
        parts = {index: part for index, part in self._data_slices.items() if index in wanted}
        return type(self)(self.start, self.stop, parts)

    @property
    def _slices(self) -> dict[int, tuple[Any, ...]]:
        """PUB index -> the part of that PUB's data, as given to the constructor."""
        return dict(self._data_slices)

    def _dump_slices(self) -> dict[str, list[Any]]:
        """Write the parts as on the wire: PUB index as text -> row of numbers. Inverse: ``load_span``."""
        return {str(index): self._dump_part(part) for index, part in self._data_slices.items()}

    @staticmethod
    @abc.abstractmethod
    def _mask(part: tuple[Any, ...]) -> NDArray[np.bool_]: ...

    @staticmethod
    @abc.abstractmethod
    def _size(part: tuple[Any, ...]) -> int: ...

    @staticmethod
    @abc.abstractmethod
    def _dump_part(part: tuple[Any, ...]) -> list[Any]: ...

    @staticmethod
    @abc.abstractmethod
    def _load_part(row: list[Any]) -> tuple[Any, ...]: ...


class SliceSpan(ExecutionSpan):
    """A span over a slice of the flattened data, shots included.

    Args:
        start: Beginning of the window, UTC.
        stop: End of the window, UTC.
        data_slices: PUB index -> ``(shape, slice)``; ``shape`` ends with the shots.
    """

    tag = "ExecutionSpan"

    @staticmethod
    def _mask(part: tuple[Any, ...]) -> NDArray[np.bool_]:
        shape, flat = part
        mask = np.zeros(math.prod(shape), dtype=np.bool_)
        mask[flat] = True
        return mask.reshape(shape)

    @staticmethod
    def _size(part: tuple[Any, ...]) -> int:
        shape, flat = part
        return _length(flat, math.prod(shape))

    @staticmethod
    def _dump_part(part: tuple[Any, ...]) -> list[Any]:
        shape, flat = part
        return [list(shape), flat.start, flat.stop]

    @staticmethod
    def _load_part(row: list[Any]) -> tuple[Any, ...]:
        shape, start, stop = row
        return (_shape(shape), _slice(start, stop))


class DoubleSliceSpan(ExecutionSpan):
    """A span over a slice of the flattened parameter sets and a slice of the shots.

    Args:
        start: Beginning of the window, UTC.
        stop: End of the window, UTC.
        data_slices: PUB index -> ``(shape, args_slice, shots_slice)``; ``shape`` ends with the shots.
    """

    tag = "DoubleSliceSpan"

    @staticmethod
    def _mask(part: tuple[Any, ...]) -> NDArray[np.bool_]:
        shape, args, shots = part
        mask = np.zeros((math.prod(shape[:-1]), shape[-1]), dtype=np.bool_)
        mask[args, shots] = True
        return mask.reshape(shape)

    @staticmethod
    def _size(part: tuple[Any, ...]) -> int:
        shape, args, shots = part
        return _length(args, math.prod(shape[:-1])) * _length(shots, shape[-1])

    @staticmethod
    def _dump_part(part: tuple[Any, ...]) -> list[Any]:
        shape, args, shots = part
        return [list(shape), args.start, args.stop, shots.start, shots.stop]

    @staticmethod
    def _load_part(row: list[Any]) -> tuple[Any, ...]:
        shape, start, stop, shots_start, shots_stop = row
        return (_shape(shape), _slice(start, stop), _slice(shots_start, shots_stop))


class TwirledSliceSpan(ExecutionSpan):
    """A span over twirled data: one axis more, of randomizations, in front or right before the shots.

    Args:
        start: Beginning of the window, UTC.
        stop: End of the window, UTC.
        data_slices: PUB index -> ``(twirled_shape, at_front, shape_slice, shots_slice)``; the mask joins
            randomizations and shots per randomization into one last axis.
    """

    tag = "TwirledSliceSpan"

    @staticmethod
    def _mask(part: tuple[Any, ...]) -> NDArray[np.bool_]:
        shape, at_front, args, shots = part[:4]
        mask = np.zeros((math.prod(shape[:-1]), shape[-1]), dtype=np.bool_)
        mask[args, shots] = True
        mask = mask.reshape(shape)
        if at_front:
            mask = np.moveaxis(mask, 0, -2)
        return mask.reshape(*mask.shape[:-2], mask.shape[-2] * mask.shape[-1])

    @staticmethod
    def _size(part: tuple[Any, ...]) -> int:
        shape, _, args, shots = part[:4]
        return _length(args, math.prod(shape[:-1])) * _length(shots, shape[-1])

    @staticmethod
    def _dump_part(part: tuple[Any, ...]) -> list[Any]:
        shape, at_front, args, shots = part[:4]
        return [list(shape), at_front, args.start, args.stop, shots.start, shots.stop]

    @staticmethod
    def _load_part(row: list[Any]) -> tuple[Any, ...]:
        shape, at_front, start, stop, shots_start, shots_stop = row
        return (_shape(shape), bool(at_front), _slice(start, stop), _slice(shots_start, shots_stop))


class TwirledSliceSpanV2(TwirledSliceSpan):
    """A ``TwirledSliceSpan`` that knows the PUB's shots, which may be fewer than were twirled.

    Args:
        start: Beginning of the window, UTC.
        stop: End of the window, UTC.
        data_slices: PUB index -> ``(twirled_shape, at_front, shape_slice, shots_slice, pub_shots)``; the
            mask is cut to ``pub_shots``.
    """

    tag = "TwirledSliceSpanV2"

    @staticmethod
    def _mask(part: tuple[Any, ...]) -> NDArray[np.bool_]:
        return TwirledSliceSpan._mask(part)[..., : part[4]]

    @staticmethod
    def _size(part: tuple[Any, ...]) -> int:
        return int(TwirledSliceSpanV2._mask(part).sum())

    @staticmethod
    def _dump_part(part: tuple[Any, ...]) -> list[Any]:
        return [*TwirledSliceSpan._dump_part(part), part[4]]

    @staticmethod
    def _load_part(row: list[Any]) -> tuple[Any, ...]:
        (shots,) = _shape(row[6:])
        return (*TwirledSliceSpan._load_part(row[:6]), shots)


class ExecutionSpans(TimedList[ExecutionSpan]):
    """A sequence of execution spans; windows may overlap.

    Args:
        spans: The spans.
    """

    @overload
    def __getitem__(self, idxs: int) -> ExecutionSpan: ...

    @overload
    def __getitem__(self, idxs: slice | list[int]) -> ExecutionSpans: ...

    def __getitem__(self, idxs: int | slice | list[int]) -> ExecutionSpan | ExecutionSpans:
        if isinstance(idxs, slice):
            return ExecutionSpans(self._spans[idxs])
        if isinstance(idxs, Iterable):
            return ExecutionSpans(self._spans[index] for index in idxs)
        return self._spans[idxs]

    @property
    def pub_idxs(self) -> list[int]:
        """Indices of the PUBs that have data in any span, ascending."""
        return sorted({index for span in self for index in span.pub_idxs})

    def filter_by_pub(self, pub_idx: int | Iterable[int]) -> ExecutionSpans:
        """Return a copy whose spans cover only the given PUBs."""
        wanted = _as_set(pub_idx)
        return ExecutionSpans(span.filter_by_pub(wanted) for span in self)

    def sort(self, inplace: bool = True) -> ExecutionSpans:
        """Sort by ``(start, stop)``, in place or into a copy, and return the sorted spans."""
        if not inplace:
            return ExecutionSpans(sorted(self._spans))
        self._spans.sort()
        return self

    def draw(self, name: str | None = None, normalize_y: bool = False, line_width: int = 4) -> Any:
        """Return a plotly figure of the spans; see ``draw_execution_spans``.

        Args:
            name: A name for the legend.
            normalize_y: Show the share of the shots that was complete, rather than their number.
            line_width: Width of the lines in pixels.

        Raises:
            ImportError: plotly is not installed.
        """
        from ..visualization.spans import draw_execution_spans

        return draw_execution_spans(self, names=name, normalize_y=normalize_y, line_width=line_width)


SPAN_CLASSES: dict[str, type[ExecutionSpan]] = {
    span.tag: span for span in (SliceSpan, DoubleSliceSpan, TwirledSliceSpan, TwirledSliceSpanV2)
}
"""Tag on the wire -> class."""


def load_span(tag: str, start: datetime, stop: datetime, slices: Mapping[str, list[Any]]) -> ExecutionSpan:
    """Read one span; rows that are not those of one are an error of any kind. Inverse of ``ExecutionSpan._dump_slices``."""
    span = SPAN_CLASSES[tag]
    return span(start, stop, {int(index): span._load_part(row) for index, row in slices.items()})


def _as_set(pub_idx: int | Iterable[int]) -> set[int]:
    return set(pub_idx) if isinstance(pub_idx, Iterable) else {pub_idx}


def _length(part: slice, extent: int) -> int:
    return len(range(extent)[part])


def _shape(value: Iterable[Any]) -> ShapeType:
    shape = tuple(value)
    if not all(isinstance(extent, int) and extent >= 0 for extent in shape):
        raise ValueError(f"{shape} is no shape")
    return shape


def _slice(start: Any, stop: Any) -> slice:
    if not all(bound is None or isinstance(bound, int) for bound in (start, stop)):
        raise TypeError("the bounds of a slice are integers")
    return slice(start, stop)
