"""The results, times and usage of the parts of one ``run()`` -> those of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qiskit.primitives import PrimitiveResult

from ..results.execution_spans import ExecutionSpans

RUN = "run"
"""Member of a result's metadata that says which part of a ``run()`` it is, where there are several."""


def joined(results: Sequence[Any], *, before: int = 0) -> PrimitiveResult[Any]:
    """Join the results of the parts of a ``run()`` to that of all its PUBs, in the order of ``run()``.

    ``metadata["run"]["pubs"]`` of each says which PUBs its results are; ``before`` so many parts without PUBs came. Spans get the
    numbers of the PUBs in the whole. Other metadata that are the same everywhere stand once, those that differ as a list, an
    entry for each part.

    Raises:
        ValueError: They are not the parts of one whole.
    """
    pubs: dict[int, Any] = {}
    spans: list[Any] = []
    of = before + len(results)
    for number, result in enumerate(results, before + 1):
        place = result.metadata.get(RUN) if isinstance(result, PrimitiveResult) else None
        if place is None or (place["part"], place["of"]) != (number, of):
            raise ValueError(f"that of number {number} does not say to be part {number} of {of}")
        indices = place["pubs"]
        if len(indices) != len(result) or not pubs.keys().isdisjoint(indices):
            raise ValueError(f"part {number} has {len(result)} results for the PUBs {indices}")
        pubs.update(zip(indices, result, strict=True))
        for span in result.metadata.get("execution", {}).get("execution_spans", ()):
            slices = {indices[index]: taken for index, taken in span._slices.items()}
            spans.append(type(span)(span.start, span.stop, slices))
    if sorted(pubs) != list(range(len(pubs))):
        raise ValueError(f"together they have the PUBs {sorted(pubs)}")
    metadata = _joined_metadata([result.metadata for result in results])
    if "execution" in metadata:
        metadata["execution"] = {**metadata["execution"], "execution_spans": ExecutionSpans(spans)}
    return PrimitiveResult([pubs[index] for index in range(len(pubs))], metadata)


def _joined_metadata(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for part in parts for name in part if name != RUN)
    values = {name: [part.get(name) for part in parts] for name in names if name != "execution"}
    whole: dict[str, Any] = {
        name: found[0] if all(_same(found[0], other) for other in found[1:]) else found
        for name, found in values.items()
    }
    if "execution" in names:
        execution: list[Mapping[str, Any]] = [part.get("execution") or {} for part in parts]
        whole["execution"] = _joined_metadata(
            [{name: entry[name] for name in entry if name != "execution_spans"} for entry in execution]
        )
    return whole


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:  # of arrays
        return False


def timestamps_of(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return when the first was created and ran, and when the last ended; None while that is not known of all."""
    stamps = [part.get("timestamps") or {} for part in parts]

    def of(name: str) -> list[Any]:
        return [stamp[name] for stamp in stamps if stamp.get(name)]

    ended = of("finished")
    return {
        "created": min(of("created"), default=None),
        "running": min(of("running"), default=None),
        "finished": max(ended) if len(ended) == len(parts) else None,
    }


def usage_of(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up numbers; a word that is not the same everywhere is ``pending``."""
    usages = [part.get("usage") or {} for part in parts]
    whole: dict[str, Any] = {}
    for name in dict.fromkeys(name for usage in usages for name in usage):
        values = [usage.get(name) for usage in usages]
        numbers = [value for value in values if isinstance(value, (int, float))]
        whole[name] = sum(numbers) if numbers else values[0] if len(set(values)) == 1 else "pending"
    return whole
