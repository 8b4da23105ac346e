"""Delays that last as long as parameters say: what such a PUB is split into, since noise needs their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Delay, Parameter, ParameterExpression, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers import BitArray, DataBin
from qiskit.primitives.containers.bindings_array import BindingsArray

from ...qasm.cache import independent_copy
from ..job_errors import BAD_CIRCUIT, TaskFailed

__all__ = ["DelayGroup", "delay_groups", "delay_parameters", "put_together"]


@dataclass(frozen=True)
class DelayGroup:
    """Parameter sets in which every delay lasts the same.

    Attributes:
        circuit: The circuit with these delays.
        rows: Which sets these are, counted through the flat shape.
        values: Their values of the parameters that are left.
    """

    circuit: QuantumCircuit
    rows: NDArray[np.int64]
    values: BindingsArray


def delay_parameters(circuit: QuantumCircuit) -> frozenset[Parameter]:
    """Return the parameters of a circuit that the duration of a delay depends on."""
    return frozenset(_parameters(circuit)).intersection(circuit.parameters)


def _parameters(circuit: QuantumCircuit) -> Iterator[Parameter]:
    for step in circuit.data:
        if step.is_control_flow():
            for block in getattr(step.operation, "blocks", ()):
                yield from _parameters(block)
        elif isinstance(step.operation, Delay) and isinstance(step.operation.duration, ParameterExpression):
            yield from step.operation.duration.parameters


def delay_groups(circuit: QuantumCircuit, values: BindingsArray) -> list[DelayGroup]:
    """Group parameter sets by how long the delays last.

    Args:
        circuit: As loaded; it is left as it is.
        values: Of all its parameters.

    Raises:
        TaskFailed: A delay cannot last that long.
    """
    order = list(circuit.parameters)
    table = values.as_array(order).reshape(-1, len(order))
    asked = delay_parameters(circuit)
    waiting = [index for index, parameter in enumerate(order) if parameter in asked]
    others = [index for index, parameter in enumerate(order) if parameter not in asked]
    names = tuple(order[index].name for index in others)
    distinct, which = np.unique(table[:, waiting], axis=0, return_inverse=True)
    groups = []
    for number, durations in enumerate(distinct.tolist()):
        bound = independent_copy(circuit)
        try:
            bound.assign_parameters(
                dict(zip([order[index] for index in waiting], durations, strict=True)), inplace=True
            )
        except QiskitError as cause:
            raise TaskFailed(f"A delay cannot last that long: {cause.message}", BAD_CIRCUIT) from cause
        rows = np.flatnonzero(which.reshape(-1) == number)
        groups.append(
            DelayGroup(bound, rows, BindingsArray({names: table[rows][:, others]}, shape=(len(rows),)))
        )
    return groups


def put_together(
    found: Sequence[Mapping[str, Any] | DataBin], rows: Sequence[NDArray[np.int64]], shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return the fields of a whole PUB from those of its groups or pieces.

    Args:
        found: Per group its fields, whose first axis counts its entries.
        rows: Per group the places of its entries in the flat shape.
        shape: Shape of the PUB.
    """
    return {name: _joined([data[name] for data in found], rows, shape) for name in found[0]}


def _joined(pieces: Sequence[Any], rows: Sequence[NDArray[np.int64]], shape: tuple[int, ...]) -> Any:
    arrays = [piece.array if isinstance(piece, BitArray) else np.asarray(piece) for piece in pieces]
    whole = np.empty((sum(map(len, rows)), *arrays[0].shape[1:]), dtype=np.result_type(*arrays))
    for places, array in zip(rows, arrays, strict=True):
        whole[places] = array
    whole = whole.reshape(*shape, *whole.shape[1:])
    return BitArray(whole, pieces[0].num_bits) if isinstance(pieces[0], BitArray) else whole
