"""What a check of a circuit against a device reads: every instruction on its qubits, and every angle it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, ControlFlowOp, Parameter, ParameterExpression, QuantumCircuit


def instructions_of(
    circuit: QuantumCircuit, qubits: Sequence[int]
) -> Iterator[tuple[CircuitInstruction, tuple[int, ...]]]:
    """Yield each instruction and the device's qubits it stands on; those of its blocks follow it."""
    place = dict(zip(circuit.qubits, qubits, strict=True))
    for step in circuit.data:
        where = tuple(place[qubit] for qubit in step.qubits)
        yield step, where
        # Asked first, because the operation of every gate would be made anew.
        operation = step.operation if step.is_control_flow() else None
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                yield from instructions_of(block, where)


def angle_values(angle: Any, columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return all values that an angle takes, in rad, as a flat array; one if it depends on no parameter.

    ``columns`` has the values of each parameter, by its name, as flat arrays.
    """
    if isinstance(angle, Parameter):
        return columns[angle.name]
    if not isinstance(angle, ParameterExpression):
        return np.array([float(angle)])
    parameters = list(angle.parameters)
    if not parameters:
        return np.array([float(angle)])
    slopes = [angle.gradient(parameter) for parameter in parameters]
    if not any(isinstance(slope, ParameterExpression) and slope.parameters for slope in slopes):
        # An affine angle, by far the commonest: one pass over whole columns instead of one per value set.
        total = np.full(len(columns[parameters[0].name]), float(angle.bind(dict.fromkeys(parameters, 0.0))))
        for parameter, slope in zip(parameters, slopes, strict=True):
            total += float(slope) * columns[parameter.name]
        return total
    rows = zip(*(columns[parameter.name] for parameter in parameters), strict=True)
    return np.array([float(angle.bind(dict(zip(parameters, row, strict=True)))) for row in rows])
