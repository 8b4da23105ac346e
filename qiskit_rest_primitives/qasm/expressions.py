"""Angles that depend on parameters: which inputs a circuit needs, and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression
from qiskit.primitives.containers.bindings_array import BindingsArray

_PROBES = (0.7390851332151607, -1.3247179572447458, 2.618033988749895, -0.5671432904097838, 1e-3)
"""Points at which a vectorised form must give, bit for bit, what Qiskit gives."""

_ROUNDING = 1e-6
"""What a conversion from seconds may be off a whole number of dt."""


def evaluate(expressions: Sequence[ParameterExpression], bindings: BindingsArray) -> NDArray[np.float64]:
    """Evaluate expressions at every point of a bindings array.

    A bare parameter is copied, bit for bit. ``c * x + d`` is vectorised where that provably gives what Qiskit
    gives; everything else is bound point by point with ``expression.bind``, never read from its text, which
    Qiskit prints without necessary brackets.

    Returns:
        Array of shape ``(*bindings.shape, len(expressions))``.

    Raises:
        ValueError: A parameter has no value, or an expression is not real or not defined at a point.
    """
    columns = _columns(bindings)
    values = np.empty((*bindings.shape, len(expressions)), dtype=np.float64)
    for index, expression in enumerate(expressions):
        if isinstance(expression, Parameter):
            values[..., index] = _column(columns, expression)
        else:
            values[..., index] = _evaluate_one(expression, columns, bindings.shape)
    return values


def settled_delays(
    durations: NDArray[np.float64], unit: str, expression: ParameterExpression
) -> NDArray[np.float64]:
    """Return how long a delay lasts, one entry per parameter set, with the rounding errors of conversions to dt taken off.

    The unit is ``dt`` or one of seconds; ``expression`` is what the durations were evaluated from.

    Raises:
        ValueError: One is negative, or no whole number of dt; Qiskit does not bind it either.
    """
    settled = durations
    if unit == "dt":
        whole = np.rint(durations)
        settled = np.where(np.abs(durations - whole) <= _ROUNDING, whole, np.nan)
    if not (settled >= 0).all():
        shown = float(durations[~(settled >= 0)].flat[0])
        wanted = "a whole number of at least 0" if unit == "dt" else "at least 0"
        raise ValueError(f"a delay of {str(expression)[:80]} = {shown} {unit} must be {wanted}")
    return settled


def _columns(bindings: BindingsArray) -> dict[str, NDArray[np.float64]]:
    return {
        name: array[..., position]
        for names, array in bindings.data.items()
        for position, name in enumerate(names)
    }


def _column(columns: Mapping[str, NDArray[np.float64]], parameter: Parameter) -> NDArray[np.float64]:
    try:
        return columns[parameter.name]
    except KeyError:
        raise ValueError(f"parameter {parameter.name!r} has no value") from None


def _evaluate_one(
    expression: ParameterExpression, columns: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    parameters = sorted(expression.parameters, key=lambda parameter: parameter.name)
    arrays = [_column(columns, parameter) for parameter in parameters]
    if len(parameters) == 1 and arrays[0].size > len(_PROBES):
        line = _line(expression, parameters[0])
        if line is not None:
            slope, offset = line
            return slope * np.asarray(arrays[0], dtype=np.float64) + offset
    flat = [np.broadcast_to(array, shape).ravel().tolist() for array in arrays]
    points = zip(*flat, strict=True) if flat else [()] * int(np.prod(shape, dtype=int))
    bound = [_bind(expression, dict(zip(parameters, point, strict=True))) for point in points]
    return np.array(bound, dtype=np.float64).reshape(shape)


def _bind(expression: ParameterExpression, values: Mapping[Parameter, float]) -> float:
    try:
        number = expression.bind(values).numeric()
        if isinstance(number, complex):
            if abs(number.imag) > 1e-12 * max(1.0, abs(number.real)):
                raise ValueError("its value is complex")
            number = number.real
        return float(number)
    except (ValueError, TypeError, ArithmeticError) as cause:
        named = ", ".join(f"{parameter.name} = {value!r}" for parameter, value in values.items())
        raise ValueError(f"the angle {str(expression)[:80]} has no real value at {named}: {cause}") from cause


def _line(expression: ParameterExpression, parameter: Parameter) -> tuple[float, float] | None:
    """Return (slope, offset) of an expression that is a straight line, None if it is not for certain."""
    try:
        slope = expression.gradient(parameter)
        if isinstance(slope, ParameterExpression):
            if slope.parameters:
                return None
            slope = slope.numeric()
        offset = _bind(expression, {parameter: 0.0})
        slope = float(slope)
        exact = all(_bind(expression, {parameter: point}) == slope * point + offset for point in _PROBES)
    except Exception:  # noqa: BLE001 - no derivative, no line; binding point by point always works
        return None
    return (slope, offset) if exact else None
