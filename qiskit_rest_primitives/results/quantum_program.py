"""Results of quantum programs: one set of arrays per item, and when they were taken (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, overload

from numpy.typing import NDArray

from .._calls import even_half_made
from .._doors import LazyMethod
from .._time import format_time, parse_time
from ..wire.arrays import Allowance
from ..wire.jsonio import DecodeError
from ..wire.quantum_program import VERSIONS, is_compressed, load_passed
from ..wire.tensors import load_tensor
from .execution_spans import TimedList


@dataclass
class ChunkPart:
    """What of one item a chunk of execution held.

    Attributes:
        idx_item: Index of the item in the program.
        size: How many elements of the item's shape were run.
        permutation: The order of the item's axes in which ``element_range`` counts; None if the service did not say.
        element_range: Start, stop and step among its flattened elements; None likewise.
    """

    idx_item: int
    size: int
    permutation: list[int] | None = field(default=None, repr=False)
    element_range: tuple[int, int, int] | None = field(default=None, repr=False)


@dataclass
class ChunkSpan:
    """When one chunk was executed.

    Attributes:
        start: Beginning, in UTC.
        stop: End, in UTC.
        parts: What it held.
    """

    start: datetime
    stop: datetime
    parts: list[ChunkPart]


class ChunkTiming(TimedList[ChunkSpan], Sequence[ChunkSpan]):
    """When the chunks of a program were executed: a read-only list of them.

    Args:
        spans: The chunks.
    """

    @overload
    def __getitem__(self, idxs: int) -> ChunkSpan: ...

    @overload
    def __getitem__(self, idxs: slice) -> ChunkTiming: ...

    def __getitem__(self, idxs: int | slice) -> ChunkSpan | ChunkTiming:
        found = self._spans[idxs]
        return ChunkTiming(found) if isinstance(found, list) else found

    def draw(
        self, name: str | None = None, normalize_y: bool = False, line_width: int = 4, tz: Any = None
    ) -> Any:
        """Draw the chunks as lines; see ``draw_chunk_timings``.

        Args:
            name: Name in the legend.
            normalize_y: Show the share that was complete rather than the number of elements.
            line_width: Width of the lines in pixels.
            tz: Zone of the times shown; None for the local one.
        """
        from ..visualization.spans import draw_chunk_timings

        return draw_chunk_timings(self, names=name, normalize_y=normalize_y, line_width=line_width, tz=tz)


@dataclass
class SchedulerTiming:
    """How a circuit was scheduled.

    Attributes:
        timing: The schedule as comma-separated text; times in dt.
        circuit_duration: Duration in dt.
    """

    timing: str
    circuit_duration: int


@dataclass
class StretchValues:
    """What a stretch of a circuit was resolved to; all times in dt.

    Attributes:
        name: Name of the stretch.
        value: Its value up to the remainder.
        remainder: What would be left over if every such stretch took ``value``.
        expanded_values: Time and duration of each delay.
    """

    name: str
    value: int
    remainder: int
    expanded_values: list[tuple[int, int]]


@dataclass
class ItemMetadata:
    """What is known of the execution of one item, if it was asked for.

    Attributes:
        scheduler_timing: Asked for by ``execution.scheduler_timing``.
        stretch_values: Asked for by ``execution.stretch_values``.
    """

    scheduler_timing: SchedulerTiming | None = None
    stretch_values: list[StretchValues] | None = None


@dataclass
class Metadata:
    """What is known of the execution of a program.

    Attributes:
        chunk_timing: When which parts were executed.
    """

    chunk_timing: list[ChunkSpan] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return them as the service writes them, which is what ``RuntimeEncoder`` makes of results that hold them."""
        return {
            "chunk_timing": [
                {
                    "start": format_time(chunk.start),
                    "stop": format_time(chunk.stop),
                    "parts": [
                        {**vars(part), "element_range": part.element_range and list(part.element_range)}
                        for part in chunk.parts
                    ],
                }
                for chunk in self.chunk_timing
            ]
        }


class QuantumProgramItemResult(MutableMapping[str, NDArray[Any]]):
    """The arrays of one item by the name of what was measured or drawn.

    A register of ``bits`` bits is a boolean array of shape ``(*item.shape, shots, bits)``, bit 0 first.

    Args:
        result: The arrays.
        metadata: What is known of the execution.
    """

    def __init__(
        self, result: dict[str, NDArray[Any]], metadata: ItemMetadata | dict[str, Any] | None = None
    ) -> None:
        self._result = result
        self.metadata = metadata or ItemMetadata()

    def __getitem__(self, key: str) -> NDArray[Any]:
        return self._result[key]

    def __setitem__(self, key: str, value: NDArray[Any]) -> None:
        self._result[key] = value

    def __delitem__(self, key: str) -> None:
        del self._result[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._result)

    def __len__(self) -> int:
        return len(self._result)

    @even_half_made
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._result})"


class QuantumProgramResult:
    """The results of a program: a list with one entry per item.

    Args:
        data: The entries, or the dicts of arrays that they are made of.
        metadata: What is known of the execution.
        passthrough_data: What was sent along with the program.
    """

    def __init__(
        self,
        data: Sequence[dict[str, NDArray[Any]] | QuantumProgramItemResult],
        metadata: Metadata | None = None,
        passthrough_data: Any = None,
    ) -> None:
        self._data = [
            item if isinstance(item, QuantumProgramItemResult) else QuantumProgramItemResult(item)
            for item in data
        ]
        self.metadata = metadata or Metadata()
        self.passthrough_data = passthrough_data
        self._semantic_role: str | None = None
        self._more: Mapping[str, Any] = {}
        """What else the metadata hold, of servers of this package."""

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[QuantumProgramItemResult]:
        return iter(self._data)

    @overload
    def __getitem__(self, idx: int) -> QuantumProgramItemResult: ...

    @overload
    def __getitem__(self, idx: slice) -> list[QuantumProgramItemResult]: ...

    def __getitem__(self, idx: int | slice) -> QuantumProgramItemResult | list[QuantumProgramItemResult]:
        return self._data[idx]

    @even_half_made
    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{len(self)} results>)"

    _repr_html_ = LazyMethod("notebook.results:program_result")

    @property
    def timing(self) -> ChunkTiming:
        """When the chunks of the program were executed."""
        return ChunkTiming(self.metadata.chunk_timing)


# ------------------------------------------------------------------------------------------------ reading


def is_program_result(document: Any) -> bool:
    """Tell whether a decoded JSON value is the result of a quantum program; noise learners have such versions too."""
    if not isinstance(document, Mapping) or document.get("schema_version") not in VERSIONS:
        return False
    data = document.get("data")
    return isinstance(data, list) and not any(isinstance(e, Mapping) and "rates" in e for e in data)


def load_program_result(document: Any) -> QuantumProgramResult:
    """Read the result of an ``executor`` job, the decoded body of ``GET /jobs/{id}/results``; of any schema version."""
    if not is_program_result(document):
        raise DecodeError("expected the result of a quantum program: schema_version and data")
    version, allowance = document["schema_version"], Allowance()
    items = []
    for index, item in enumerate(document["data"]):
        path = f"$.data[{index}]"
        arrays = _member(item, "results", path)
        items.append(
            QuantumProgramItemResult(
                {
                    name: load_tensor(
                        value,
                        compressed=is_compressed(version),
                        allowance=allowance,
                        path=f"{path}.results.{name}",
                    )
                    for name, value in arrays.items()
                },
                _item_metadata(item.get("metadata") or {}, f"{path}.metadata"),
            )
        )
    metadata = document.get("metadata") or {}
    result = QuantumProgramResult(
        items,
        Metadata(_chunks(metadata, "$.metadata")),
        load_passed(document.get("passthrough_data"), version=version, path="$.passthrough_data"),
    )
    result._semantic_role = document.get("semantic_role")
    result._more = metadata
    return result


def _member(value: Any, name: str, path: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(found, Mapping):
        raise DecodeError(f"expected an object with {name}", path)
    return found


def _item_metadata(document: Mapping[str, Any], path: str) -> ItemMetadata:
    try:
        timing, stretches = document.get("scheduler_timing"), document.get("stretch_values")
        return ItemMetadata(
            None if timing is None else SchedulerTiming(timing["timing"], timing["circuit_duration"]),
            [
                StretchValues(
                    entry["name"],
                    entry["value"],
                    entry["remainder"],
                    [(time, duration) for time, duration in entry["expanded_values"]],
                )
                for entry in stretches
            ]
            if stretches
            else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as cause:
        raise DecodeError(f"the timing of an item cannot be read: {cause!r}", path) from cause


def _chunks(document: Mapping[str, Any], path: str) -> list[ChunkSpan]:
    try:
        return [_chunk(span) for span in document.get("chunk_timing") or ()]
    except (AttributeError, KeyError, TypeError, ValueError) as cause:
        raise DecodeError(f"the times of the chunks cannot be read: {cause!r}", path) from cause


def _chunk(span: Mapping[str, Any]) -> ChunkSpan:
    start, stop = parse_time(span["start"]), parse_time(span["stop"])
    if start is None or stop is None:
        raise ValueError("no time")
    return ChunkSpan(start, stop, [_part(part) for part in span["parts"]])


def _part(part: Mapping[str, Any]) -> ChunkPart:
    numbers = [part["idx_item"], part["size"], *(part.get("element_range") or ())]
    if len(numbers) not in (2, 5) or not all(type(number) is int for number in numbers):
        raise TypeError(f"the parts of a chunk are counted by integers, not {numbers}")
    index, size, *elements = numbers
    permutation = part.get("permutation")
    return ChunkPart(index, size, permutation, (elements[0], elements[1], elements[2]) if elements else None)
