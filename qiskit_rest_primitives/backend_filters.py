"""Which backends a user means: by qubits, by configuration or status attribute, by function.

Pure but for ``status()``, which a backend is asked at most once, and only for an attribute its configuration lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .backend import IBMBackend

__all__ = ["select"]

_MISSING = object()


def select(
    backends: Iterable[IBMBackend],
    *,
    min_num_qubits: int | None = None,
    dynamic_circuits: bool | None = None,
    filters: Callable[[IBMBackend], bool] | None = None,
    attributes: Mapping[str, Any] = {},
) -> Iterable[IBMBackend]:
    """Yield the backends that fit, in order, examining each only when it is asked for.

    Args:
        backends: The candidates.
        min_num_qubits: Least number of qubits.
        dynamic_circuits: Whether they must, or must not, run circuits with control flow.
        filters: Called with each backend; a false answer leaves it out.
        attributes: Values that the configuration, or else the status, must have. A list or tuple in the configuration
            fits if it is equal. A name that neither has fits no backend.
    """
    for backend in backends:
        configuration = backend.configuration()
        if min_num_qubits is not None and configuration.num_qubits < min_num_qubits:
            continue
        if dynamic_circuits is not None:
            features = configuration.get("supported_features") or ()
            if ("dynamic_circuits" in features) is not dynamic_circuits:
                continue
        if attributes and not _has(backend, attributes):
            continue
        if filters is not None and not filters(backend):
            continue
        yield backend


def _has(backend: IBMBackend, attributes: Mapping[str, Any]) -> bool:
    """Tell whether configuration and status have these values; the cheaper of the two is asked first."""
    configuration = backend.configuration()
    left = {}
    for name, wanted in attributes.items():
        value = getattr(configuration, name, _MISSING)
        if value is _MISSING:
            left[name] = wanted
        elif value != wanted:
            return False
    if not left:
        return True
    status = backend.status()
    return all(getattr(status, name, _MISSING) == wanted for name, wanted in left.items())
