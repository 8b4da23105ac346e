"""PUBs <-> JSON: what stands in ``params.pubs`` (rest-api.md 4.4-4.6)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..qasm.codec import EncodedCircuit, load_circuit
from . import typed
from .arrays import MAX_BYTES, load_numbers
from .jsonio import DecodeError, below
from .observables import as_paulis, dump_observables, load_observables

MOST_SHOTS = 10**18
"""Shots that fit into every counter on the way; far more than any server runs."""
SMALLEST_PRECISION = 1e-9
"""The precision, a standard error, that so many shots have."""

_FEW = 256
"""Up to so many numbers are written as text, which people can read; more go as binary."""


class PubLoadError(ValueError):
    """A PUB received cannot be read.

    Attributes:
        problem: What is wrong, in words.
        path: Where it stands, as a JSON path such as ``$.pubs[0][1].theta``.
    """

    def __init__(self, problem: str, path: str = "$") -> None:
        super().__init__(f"{path}: {problem}")
        self.problem = problem
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.problem, self.path))


def dump_sampler_pub(pub: SamplerPub, circuit: EncodedCircuit) -> list[Any]:
    """Write ``[circuit, values | None, shots | None]``, the circuit as ``dump_circuit`` wrote it. Inverse: ``load_sampler_pub``.

    Raises:
        ValueError: A parameter value is NaN or infinite.
    """
    shots = None if pub.shots is None else int(pub.shots)
    return [circuit.wire, _dump_values(pub.parameter_values, circuit), shots]


def dump_estimator_pub(pub: EstimatorPub, circuit: EncodedCircuit) -> list[Any]:
    """Write ``[circuit, observables, values | None, precision | None]``. Inverse: ``load_estimator_pub``.

    Raises:
        ValueError: A parameter value is NaN or infinite, or an observable has too many projectors.
    """
    precision = None if pub.precision is None else float(pub.precision)
    return [
        circuit.wire,
        dump_observables(pub.observables),
        _dump_values(pub.parameter_values, circuit),
        precision,
    ]


def load_sampler_pub(item: Any, *, shots: int, path: str = "$", max_bytes: int = MAX_BYTES) -> SamplerPub:
    """Read a sampler PUB in any form of rest-api.md 4.4 and 4.5. Inverse of ``dump_sampler_pub``.

    Args:
        item: One element of ``params.pubs`` as ``jsonio.loads`` returned it; the circuit may have been loaded
            already.
        shots: Shots when the PUB names none.
        path: Where the item stands, for errors.
        max_bytes: Bound on what the values may unpack to, in bytes.

    Raises:
        PubLoadError: The PUB is malformed; the path names the spot.
        CircuitLoadError: Its circuit cannot be read (raised as ``qasm.codec.load_circuit`` does).
    """
    circuit, values, own = _parts(item, 3, path)
    loaded = circuit if isinstance(circuit, QuantumCircuit) else load_circuit(circuit)
    bindings = _load_values(values, loaded, below(path, 1), max_bytes)
    count = _load_shots(shots if own is None else own, below(path, 2))
    try:
        return SamplerPub(loaded, bindings, count)
    except (ValueError, TypeError, QiskitError) as cause:
        raise PubLoadError(str(cause), path) from cause


def load_estimator_pub(
    item: Any, *, precision: float, path: str = "$", max_bytes: int = MAX_BYTES
) -> EstimatorPub:
    """Read an estimator PUB in any form of rest-api.md 4.4-4.6. Inverse of ``dump_estimator_pub``.

    ``precision`` is for one that names none; the rest is as for ``load_sampler_pub``. The observables may have been loaded
    already (``load_observables_of``).
    """
    circuit, observables, values, own = _parts(item, 4, path)
    if observables is None:
        raise PubLoadError("an estimator PUB without observables", path)
    loaded = circuit if isinstance(circuit, QuantumCircuit) else load_circuit(circuit)
    labels = observables
    if not isinstance(observables, ObservablesArray):
        labels = load_observables_of(observables, loaded, path=below(path, 1), max_bytes=max_bytes)
    bindings = _load_values(values, loaded, below(path, 2), max_bytes)
    target = _load_precision(precision if own is None else own, below(path, 3))
    try:
        return EstimatorPub(loaded, labels, bindings, target, validate=False)
    except (ValueError, TypeError, QiskitError) as cause:
        raise PubLoadError(str(cause), path) from cause


# ----------------------------------------------------------------------------------------- writing


def _dump_values(bindings: BindingsArray, circuit: EncodedCircuit) -> Any:
    if not circuit.inputs:
        return (
            None if bindings.shape == () else typed.dump(BindingsArray({(): np.zeros((*bindings.shape, 0))}))
        )
    values = circuit.values(bindings)
    if not np.isfinite(values).all():
        raise ValueError("a parameter value is NaN or infinite")
    shape = values.shape[:-1]
    # Nested lists tell neither an axis of length one from a missing one (BindingsArray takes a last axis
    # of one for the parameters) nor what stands behind an axis of length zero.
    if values.size > _FEW or shape[-1:] == (1,) or 0 in shape:
        return typed.dump(BindingsArray({circuit.inputs: values}, shape=shape))
    return {name: values[..., index].tolist() for index, name in enumerate(circuit.inputs)}


# ----------------------------------------------------------------------------------------- reading


def _parts(item: Any, length: int, path: str) -> list[Any]:
    if isinstance(item, (str, Mapping)):
        item = [item]  # a bare circuit (rest-api.md 4.4)
    if not isinstance(item, (list, tuple)):
        raise PubLoadError(f"expected a PUB as a list, found {type(item).__name__}", path)
    if not 1 <= len(item) <= length:
        raise PubLoadError(f"a PUB of {len(item)} elements; there can be 1 to {length}", path)
    return [*item, *[None] * (length - len(item))]


def _load_typed(value: Any, path: str, max_bytes: int) -> Any:
    try:
        return typed.load(value, path=path, max_bytes=max_bytes)
    except DecodeError as cause:
        raise PubLoadError(cause.problem, cause.path) from cause


def _load_values(value: Any, circuit: QuantumCircuit, path: str, max_bytes: int) -> BindingsArray | None:
    floats = isinstance(value, dict) and set(map(type, value.values())) == {float}
    if not floats:
        value = _load_typed(value, path, max_bytes)
    if floats:  # one parameter set by names: one array instead of one per parameter
        bindings = BindingsArray({tuple(value): np.array(list(value.values()))})
    elif value is None:
        bindings = BindingsArray()
    elif isinstance(value, BindingsArray):
        bindings = value
    elif isinstance(value, dict):
        bindings = _named(value, path)
    else:
        names = tuple(parameter.name for parameter in circuit.parameters)
        bindings = _bindings({names: _numbers(value, path)}, path)
    _check_names(bindings, circuit, path)
    if not all(np.isfinite(numbers).all() for numbers in bindings.data.values()):
        raise PubLoadError("a parameter value is NaN or infinite", path)
    return bindings


def _named(value: dict[str, Any], path: str) -> BindingsArray:
    arrays = {name: _numbers(numbers, below(path, name)) for name, numbers in value.items()}
    try:
        return BindingsArray({(name,): numbers for name, numbers in arrays.items()})
    except ValueError:
        pass
    try:  # shapes that differ broadcast together (rest-api.md 4.5)
        spread = np.broadcast_arrays(*arrays.values())
    except ValueError as cause:
        shapes = {name: numbers.shape for name, numbers in arrays.items()}
        raise PubLoadError(f"the values do not broadcast together: shapes {shapes}", path) from cause
    return BindingsArray(
        {(name,): numbers[..., np.newaxis] for name, numbers in zip(arrays, spread, strict=True)},
        shape=spread[0].shape,
    )


def _bindings(data: dict[tuple[str, ...], NDArray[Any]], path: str) -> BindingsArray:
    try:
        return BindingsArray(data)
    except (ValueError, TypeError) as cause:
        ((names, numbers),) = data.items()
        problem = f"values of shape {numbers.shape} for {len(names)} parameters"
        raise PubLoadError(problem, path) from cause


def _check_names(bindings: BindingsArray, circuit: QuantumCircuit, path: str) -> None:
    given = [name for names in bindings.data for name in names]
    wanted = {parameter.name for parameter in circuit.parameters}
    if len(given) == len(wanted) == len(wanted.intersection(given)):
        return
    missing, unknown = sorted(wanted.difference(given)), sorted(set(given).difference(wanted))
    problem = f"the circuit has {len(wanted)} parameters, {len(given)} are given"
    if missing:
        problem += f"; without a value: {', '.join(missing[:5])}"
    if unknown:
        problem += f"; not in the circuit: {', '.join(unknown[:5])}"
    raise PubLoadError(problem, path)


def _numbers(value: Any, path: str) -> NDArray[Any]:
    if isinstance(value, np.ndarray) and value.dtype.kind not in "iuf":
        raise PubLoadError(f"expected real numbers, found {value.dtype}", path)
    try:
        return load_numbers(value, path=path)
    except DecodeError as cause:
        raise PubLoadError(cause.problem, cause.path) from cause


def load_observables_of(
    value: Any, circuit: QuantumCircuit, *, path: str = "$", max_bytes: int = MAX_BYTES
) -> ObservablesArray:
    """Read the observables of a circuit's PUB; the rest is as for ``load_estimator_pub``."""
    try:
        loaded = as_paulis(load_observables(_load_typed(value, path, max_bytes), path=path))
    except DecodeError as cause:
        raise PubLoadError(cause.problem, cause.path) from cause
    except ValueError as cause:
        raise PubLoadError(str(cause), path) from cause
    if loaded.size and loaded.num_qubits != circuit.num_qubits:
        problem = (
            f"the number of qubits of the circuit ({circuit.num_qubits}) does not match the number of "
            f"qubits of the observables ({loaded.num_qubits})"
        )
        raise PubLoadError(problem, path)
    return loaded


def _load_shots(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise PubLoadError(f"shots must be an integer of at least 1, found {str(value)[:40]!r}", path)
    return int(value)


def _load_precision(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
        raise PubLoadError(f"precision must be a number above 0, found {str(value)[:40]!r}", path)
    if value < SMALLEST_PRECISION:
        raise PubLoadError(f"precision must be at least {SMALLEST_PRECISION}, found {value}", path)
    return float(value)
