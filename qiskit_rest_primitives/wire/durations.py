"""PUBs whose parameters say how long delays last: one for each duration instead, and their results put together again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Delay, Parameter, ParameterExpression, QuantumCircuit
from qiskit.primitives.containers import BitArray, DataBin, PubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..qasm.cache import independent_copy
from ..qasm.expressions import settled_delays
from ..qasm.qpy_substitutes import delays_of, wait, with_operations

Rows = NDArray[np.int64]
_P = TypeVar("_P", SamplerPub, EstimatorPub)


def delay_parameters(circuit: QuantumCircuit) -> frozenset[Parameter]:
    """Return the parameters of a circuit that the duration of a delay depends on."""
    lasting = (delay.duration for delay in delays_of(circuit))
    asked = (each.parameters for each in lasting if isinstance(each, ParameterExpression))
    return frozenset().union(*asked).intersection(circuit.parameters)


def by_duration(pub: _P) -> list[tuple[_P, Rows]]:
    """Split a PUB into some in which every delay lasts the same for all their parameter sets.

    They have one flat axis and come in the order of their durations, each with the places of its entries in the flat shape of the
    whole. A ``ValueError`` says that a delay cannot last that long.
    """
    groups = _groups(pub.circuit, pub.parameter_values)
    if isinstance(pub, SamplerPub):
        return [(SamplerPub(circuit, values, pub.shots), rows) for circuit, values, rows in groups]
    count, shape = pub.parameter_values.size, pub.parameter_values.shape
    sets = np.broadcast_to(np.arange(count).reshape(shape), pub.shape).ravel()
    observables = np.broadcast_to(np.asarray(pub.observables), pub.shape).ravel()
    found = []
    for circuit, values, rows in groups:
        here = np.flatnonzero(np.isin(sets, rows))
        own = values.reshape(len(rows))[np.searchsorted(rows, sets[here])]
        found.append((EstimatorPub(circuit, ObservablesArray(observables[here]), own, pub.precision), here))
    return found


def _groups(
    circuit: QuantumCircuit, values: BindingsArray
) -> list[tuple[QuantumCircuit, BindingsArray, Rows]]:
    """Return for each duration the circuit, the values of the parameters that are left, and which sets they are."""
    order = list(circuit.parameters)
    table = values.as_array(order).reshape(-1, len(order))
    asked = delay_parameters(circuit)
    waiting = [index for index, parameter in enumerate(order) if parameter in asked]
    others = [index for index, parameter in enumerate(order) if parameter not in asked]
    names = tuple(order[index].name for index in others)
    distinct, first, which = np.unique(table[:, waiting], axis=0, return_index=True, return_inverse=True)
    groups = []
    for number in np.argsort(first).tolist():
        durations = dict(zip([order[index] for index in waiting], distinct[number].tolist(), strict=True))
        rows = np.flatnonzero(which.reshape(-1) == number)
        left = BindingsArray({names: table[rows][:, others]} if names else {}, shape=(len(rows),))
        groups.append((_lasting(circuit, durations), left, rows))
    return groups


def _lasting(circuit: QuantumCircuit, durations: Mapping[Parameter, float]) -> QuantumCircuit:
    """Return a circuit in which parameters have values, and delays whole numbers of dt in spite of rounding."""

    def settled(step: CircuitInstruction) -> Delay | None:
        delay = step.operation
        if not isinstance(delay, Delay) or not isinstance(lasting := delay.duration, ParameterExpression):
            return None
        value = float(lasting.bind({one: durations[one] for one in lasting.parameters}))
        (value,) = settled_delays(np.array([value]), delay.unit, lasting)
        return wait(int(value) if delay.unit == "dt" else float(value), delay.unit, label=step.label)

    bound = independent_copy(with_operations(circuit, settled))
    bound.assign_parameters(durations, inplace=True, strict=False)
    return bound


def together(results: Sequence[PubResult], rows: Sequence[Rows], shape: tuple[int, ...]) -> PubResult:
    """Return the result of a PUB from those that ``by_duration`` split it into, and their places.

    Metadata of the whole are those of the first.
    """
    data = put_together([result.data for result in results], rows, shape)
    metadata = dict(results[0].metadata)
    found = [result.metadata.get("resilience", {}).get("zne") for result in results]
    if all(found):
        chosen = put_together([{"chosen": np.asarray(zne["extrapolator"])} for zne in found], rows, shape)
        zne = {**found[0], "extrapolator": chosen["chosen"].tolist()}
        # Those of the values, as IBM's client-side estimator has it.
        if isinstance(zne["extrapolators"], np.ndarray):
            zne["extrapolators"] = chosen["chosen"]
        metadata["resilience"] = {**metadata["resilience"], "zne": zne}
    return type(results[0])(DataBin(**data, shape=shape), metadata)


def put_together(
    found: Sequence[Mapping[str, Any] | DataBin], rows: Sequence[Rows], shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return the fields of a whole PUB from those of its groups or pieces, whose first axis counts their entries.

    ``rows`` has per group the places of its entries in the flat shape.
    """
    return {name: _joined([data[name] for data in found], rows, shape) for name in found[0]}


def _joined(pieces: Sequence[Any], rows: Sequence[Rows], shape: tuple[int, ...]) -> Any:
    arrays = [piece.array if isinstance(piece, BitArray) else np.asarray(piece) for piece in pieces]
    whole = np.empty((sum(map(len, rows)), *arrays[0].shape[1:]), dtype=np.result_type(*arrays))
    for places, array in zip(rows, arrays, strict=True):
        whole[places] = array
    whole = whole.reshape(*shape, *whole.shape[1:])
    return BitArray(whole, pieces[0].num_bits) if isinstance(pieces[0], BitArray) else whole
