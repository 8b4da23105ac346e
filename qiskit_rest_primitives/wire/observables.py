"""``ObservablesArray`` <-> nested ``{label: coefficient}`` (rest-api.md 4.6).

What does not live here: whether an observable fits a circuit (``pubs``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.observables_array import ObservablesArray

from .jsonio import DecodeError, below

PAULIS = frozenset("IXYZ")
"""The letters the service takes; the leftmost letter of a label is the highest qubit."""
LETTERS = PAULIS | frozenset("01+-rl")
"""The letters Qiskit takes, projectors included."""


def dump_observables(observables: ObservablesArray) -> Any:
    """Write observables as ``{label: coefficient}``, in lists nested as their shape. Inverse: ``load_observables``.

    Raises:
        ValueError: A label holds a projector, which the service refuses (rest-api.md 4.6).
    """
    written = observables.tolist()
    _refuse_projectors(written)
    return written


def load_observables(value: Any, *, letters: frozenset[str] = LETTERS, path: str = "$") -> ObservablesArray:
    """Read observables: labels, ``{label: coefficient}``, or nested lists of them. Inverse of ``dump_observables``.

    Args:
        value: The JSON value; Qiskit operators in it are taken as they are.
        letters: The letters a label may hold.
        path: Where the value stands, for errors.

    Returns:
        The observables, of the shape in which the lists are nested.

    Raises:
        DecodeError: The value is none of these forms, ragged, or mixes label lengths.
    """
    if isinstance(value, ObservablesArray):
        return value
    flat: list[Any] = []
    shape = _collect(value, path, flat, letters)
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


def _refuse_projectors(written: Any) -> None:
    if isinstance(written, list):
        for item in written:
            _refuse_projectors(item)
        return
    for label in written:
        if not PAULIS.issuperset(label):
            raise ValueError(f"the observable {label!r} holds letters other than I, X, Y and Z")


def _collect(value: Any, path: str, flat: list[Any], letters: frozenset[str]) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        flat.append((_leaf(value, path, letters), path))
        return ()
    if path.count("[") > 64:
        raise DecodeError("the observables are nested too deeply", path)
    shapes = [_collect(item, below(path, index), flat, letters) for index, item in enumerate(value)]
    for index, shape in enumerate(shapes):
        if shape != shapes[0]:
            problem = f"the observables are ragged: shape {shape} beside shape {shapes[0]}"
            raise DecodeError(problem, below(path, index))
    return (len(shapes), *(shapes[0] if shapes else ()))


def _leaf(value: Any, path: str, letters: frozenset[str]) -> Any:
    terms = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(terms, Mapping):
        if isinstance(value, (bool, int, float, type(None))):
            raise DecodeError(f"expected an observable, found {type(value).__name__}", path)
        return value  # an operator of Qiskit, judged by ObservablesArray
    if not terms:
        raise DecodeError("an observable without terms", path)
    lengths = {len(label) for label in terms}
    for label, coefficient in terms.items():
        if not label or not letters.issuperset(label):
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
