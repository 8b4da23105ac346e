"""``ObservablesArray`` <-> nested ``{label: coefficient}`` (rest-api.md 4.6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparseObservable

from .jsonio import DecodeError, below

LETTERS = frozenset("IXYZ01+-rl")
"""The letters Qiskit takes, projectors included; the leftmost letter of a label is the highest qubit."""


MOST_PAULIS = 1 << 14
"""Pauli labels that projectors of one observable may become."""
_LAST_PAULI = 3
"""SparseObservable writes Z, X, Y as 1, 2, 3 and its projectors as larger numbers."""


def dump_observables(observables: ObservablesArray) -> Any:
    """Write observables as ``{label: coefficient}``, in lists nested as their shape. Inverse: ``load_observables``.

    Projectors, which the service refuses (rest-api.md 4.6), are written as the Paulis they are sums of.

    Raises:
        ValueError: That would be too many.
    """
    return _never_empty(as_paulis(observables).tolist(), observables.num_qubits)


def _never_empty(written: Any, width: int) -> Any:
    """Give an observable that is nothing a label."""
    if isinstance(written, list):
        return [_never_empty(item, width) for item in written]
    return written or {"I" * width: 0.0}


def as_paulis(observables: ObservablesArray) -> ObservablesArray:
    """Return the same observables without projectors (0 1 + - r l): each is half a sum of two Paulis.

    One that would have more than ``MOST_PAULIS`` labels is a ``ValueError``.
    """
    cells = observables.sparse_observables_array()
    if not any(np.asarray(cell.bit_terms).max(initial=0) > _LAST_PAULI for cell in cells.flat):
        return observables
    written = np.empty(cells.size, dtype=object)
    for index, cell in enumerate(cells.flat):
        many = sum(1 << int(count) for count in _projectors(cell))
        if many > MOST_PAULIS:
            raise ValueError(
                f"the projectors (0 1 + - r l) of an observable would become {many:.2g} Pauli labels; at most "
                f"{MOST_PAULIS} are taken"
            )
        written[index] = cell.as_paulis().simplify()
    return ObservablesArray(written.reshape(cells.shape), copy=False, validate=False)


def _projectors(observable: SparseObservable) -> NDArray[np.int64]:
    """Return how many projectors each term of an observable has."""
    found = np.concatenate([[0], np.cumsum(np.asarray(observable.bit_terms, dtype=np.int64) > _LAST_PAULI)])
    return np.diff(found[np.asarray(observable.boundaries, dtype=np.int64)])


def load_observables(value: Any, *, path: str = "$") -> ObservablesArray:
    """Read observables: labels, ``{label: coefficient}``, or nested lists of them, which give the shape.

    Inverse of ``dump_observables``; Qiskit operators among them are taken as they are.
    """
    if isinstance(value, ObservablesArray):
        return value
    flat: list[Any] = []
    shape = _collect(value, path, flat)
    cells = np.empty(len(flat), dtype=object)
    widths: dict[int, str] = {}
    for index, (leaf, where) in enumerate(flat):
        try:
            cells[index] = ObservablesArray.coerce_observable(leaf)
        except (ValueError, TypeError, QiskitError) as cause:
            raise DecodeError(f"no observable: {cause}", where) from cause
        widths.setdefault(cells[index].num_qubits, where)
        if len(widths) > 1:
            first, other = widths
            raise DecodeError(f"an observable of {other} qubits beside one of {first}", where)
    return ObservablesArray(cells.reshape(shape), copy=False, validate=False)


def _collect(value: Any, path: str, flat: list[Any]) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        flat.append((_leaf(value, path), path))
        return ()
    if path.count("[") > 64:
        raise DecodeError("the observables are nested too deeply", path)
    shapes = [_collect(item, below(path, index), flat) for index, item in enumerate(value)]
    for index, shape in enumerate(shapes):
        if shape != shapes[0]:
            problem = f"the observables are ragged: shape {shape} beside shape {shapes[0]}"
            raise DecodeError(problem, below(path, index))
    return (len(shapes), *(shapes[0] if shapes else ()))


def _leaf(value: Any, path: str) -> Any:
    terms = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(terms, Mapping):
        if isinstance(value, (bool, int, float, type(None))):
            raise DecodeError(f"expected an observable, found {type(value).__name__}", path)
        return value  # an operator of Qiskit, judged by ObservablesArray
    if not terms:
        raise DecodeError("an observable without terms", path)
    lengths = {len(label) for label in terms}
    for label, coefficient in terms.items():
        if not label or not LETTERS.issuperset(label):
            raise DecodeError(f"{label[:40]!r} is no Pauli label", path)
        if (
            isinstance(coefficient, bool)
            or not isinstance(coefficient, (int, float))
            or not math.isfinite(coefficient)
        ):
            raise DecodeError("expected a finite real coefficient", below(path, label))
    if len(lengths) > 1:
        raise DecodeError(f"labels of different lengths {sorted(lengths)} in one observable", path)
    return terms
