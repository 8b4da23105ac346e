"""PUBs of estimators without a set of values: no program runs them, so their results are made of what is sent along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit.primitives.containers import DataBin, PubResult

from ..qasm.circuit_metadata import load_metadata
from ..results.estimator_pub import EstimatorPubResult
from ..wire.jsonio import DecodeError
from ..wire.quantum_program import PLACE
from .passed import DATA, PlaceOfPart, is_count

_FIELDS = ("evs", "stds", "ensemble_standard_error")
EMPTY = "empty"
"""Member of a program's place in a ``run()``: the PUBs that it does not run."""


def dump_empty(
    pub: int,
    shape: Sequence[int],
    metadata: Mapping[str, Any],
    about: Mapping[str, Any],
    axes: Mapping[str, Any],
) -> dict[str, Any]:
    """Write what the result of a PUB without a set of values is made of.

    Args:
        pub: Its index.
        shape: Its shape, with a 0.
        metadata: Of its circuit, written.
        about: Metadata of the result.
        axes: Fields besides those of each result, with the sizes of the axes behind the shape.
    """
    return {"pub": pub, "shape": list(shape), "circuit": metadata, "about": dict(about), "axes": dict(axes)}


def with_empty(pubs: list[PubResult], place: PlaceOfPart, passed: Any) -> tuple[list[PubResult], PlaceOfPart]:
    """Return a program's results and their place, with those of the PUBs that it did not run, in the order of the PUBs."""
    position = passed.get(PLACE) if isinstance(passed, Mapping) else None
    found = position.get(EMPTY) if isinstance(position, Mapping) else None
    if not found:
        return pubs, place
    path = f"{DATA}.{PLACE}.{EMPTY}"
    if not isinstance(found, list):
        raise DecodeError("expected a list", path)
    made = [_read(entry, f"{path}[{index}]") for index, entry in enumerate(found)]
    numbers = [*place.pubs, *(pub for pub, _ in made)]
    if len(set(numbers)) < len(set(place.pubs)) + len(made):
        raise DecodeError(f"the PUBs {numbers} are not different", path)
    results = [*pubs, *(result for _, result in made)]
    rows = [*place.rows, *([None] * len(made))]
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    whole = replace(place, pubs=[numbers[at] for at in order], rows=[rows[at] for at in order])
    return [results[at] for at in order], whole


def _read(entry: Any, path: str) -> tuple[int, PubResult]:
    members: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    pub: Any = members.get("pub")
    shape: Any = members.get("shape")
    axes, about = members.get("axes"), members.get("about")
    if not (is_count(pub) and _are_sizes(shape) and 0 in shape and isinstance(about, Mapping)):
        raise DecodeError("expected the number of a PUB, its shape with a 0, and metadata", path)
    if not isinstance(axes, Mapping) or not all(map(_are_sizes, axes.values())) or "shape" in axes:
        raise DecodeError("expected sizes of axes", f"{path}.axes")
    sizes: dict[str, Any] = {**dict.fromkeys(_FIELDS, ()), **axes}
    data = DataBin(**{name: np.zeros((*shape, *size)) for name, size in sizes.items()}, shape=tuple(shape))
    metadata = {**about, "circuit_metadata": load_metadata(members.get("circuit"))}
    return pub, EstimatorPubResult(data, metadata)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 32 and all(map(is_count, value))
