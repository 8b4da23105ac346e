"""Durations written as real-time expressions -> numbers of a unit."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import Duration
from qiskit.circuit.classical import expr

from .._frozen import frozen

NANOSECONDS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3}


@frozen
class _Time:
    """A time: so many dt and so many nanoseconds, which only a device can add."""

    dt: float = 0.0
    ns: float = 0.0


def fixed_duration(duration: expr.Expr) -> tuple[float, str]:
    """Return the value of a constant expression of durations, and its unit; one that is a value keeps its own.

    Raises:
        ValueError: It adds dt to seconds, is no whole number of dt, or holds something that is not constant.
    """
    if isinstance(duration, expr.Value) and isinstance(duration.value, Duration):
        return duration.value.value(), duration.value.unit()
    time = _value(duration)
    if not isinstance(time, _Time):
        raise ValueError("its duration is no time")
    if time.dt and time.ns:
        raise ValueError("its duration adds dt to seconds, which only the device can")
    if not time.dt:
        return time.ns, "ns"
    if not time.dt.is_integer():
        raise ValueError(f"its duration of {time.dt} dt is no whole number")
    return int(time.dt), "dt"


def _value(node: Any) -> Any:
    if isinstance(node, expr.Value):
        return _time(node.value) if isinstance(node.value, Duration) else float(node.value)
    if isinstance(node, expr.Cast):
        return _value(node.operand)
    if isinstance(node, expr.Unary) and node.op is expr.Unary.Op.NEGATE:
        return _scaled(_value(node.operand), -1.0)
    if isinstance(node, expr.Binary):
        left, right = _value(node.left), _value(node.right)
        if node.op is expr.Binary.Op.ADD:
            return _sum(left, right)
        if node.op is expr.Binary.Op.SUB:
            return _sum(left, _scaled(right, -1.0))
        if node.op is expr.Binary.Op.MUL:
            return _scaled(left, right) if isinstance(left, _Time) else _scaled(right, left)
        if node.op is expr.Binary.Op.DIV:
            return _quotient(left, right)
    raise ValueError("its duration is no constant")


def _time(value: Duration) -> _Time:
    if value.unit() == "dt":
        return _Time(dt=float(value.value()))
    return _Time(ns=value.value() * NANOSECONDS[value.unit()])


def _scaled(value: Any, factor: float) -> Any:
    return _Time(value.dt * factor, value.ns * factor) if isinstance(value, _Time) else value * factor


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, _Time):
        return _Time(left.dt + right.dt, left.ns + right.ns)
    return left + right


def _quotient(left: Any, right: Any) -> Any:
    if not isinstance(right, _Time):
        return _scaled(left, 1.0 / right)
    if bool(left.dt) == bool(left.ns) or bool(left.dt) != bool(right.dt) or bool(left.ns) != bool(right.ns):
        raise ValueError("its duration divides dt by seconds, or by nothing")
    return left.dt / right.dt if right.dt else left.ns / right.ns
