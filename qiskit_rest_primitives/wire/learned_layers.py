"""The answer of a ``noise-learner`` job of version 2: layer errors in a plain list (rest-api.md 4.11, 4.12)."""

from __future__ import annotations

from typing import Any

from ..results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from . import typed
from .jsonio import DecodeError

__all__ = ["dump_layers", "is_layers", "load_layers"]


def dump_layers(result: NoiseLearnerResult) -> dict[str, Any]:
    """Write a result: its elements typed, the object around them not. Inverse: ``load_layers``."""
    return {"data": [typed.dump(layer) for layer in result], "metadata": typed.dump(result.metadata)}


def is_layers(document: Any) -> bool:
    """Tell whether a decoded JSON body is such an answer; one without layers is told by what its metadata echo."""
    if not isinstance(document, dict) or set(document) != {"data", "metadata"}:
        return False
    data, metadata = document["data"], document["metadata"]
    if not isinstance(data, list):
        return False
    if not data:
        return isinstance(metadata, dict) and "input_options" in metadata
    return _is_record(data[0]) or _is_pair(data[0])


def load_layers(document: Any) -> NoiseLearnerResult:
    """Read an answer. Inverse of ``dump_layers``.

    Raises:
        DecodeError: It is malformed.
    """
    layers: list[LayerError] = []
    for index, entry in enumerate(document["data"]):
        value = typed.load(entry)
        try:
            layers.append(value if isinstance(value, LayerError) else _from_pair(value))
        except (TypeError, KeyError, IndexError, ValueError) as cause:
            raise DecodeError(f"not the error of a layer: {cause}", f"$.data[{index}]") from cause
    return NoiseLearnerResult(layers, typed.load(document["metadata"]))


def _is_record(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("__class__") == "LayerError"


def _is_pair(entry: Any) -> bool:
    """Tell whether an element is of the older form: what was learned of, and what was learned."""
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(part, dict) for part in entry)
        and "circuit" in entry[0]
        and "generators" in entry[1]
    )


def _from_pair(entry: Any) -> LayerError:
    layer, error = entry
    return LayerError(
        layer["circuit"], layer["qubits"], PauliLindbladError(error["generators"], error["rates"])
    )
