"""Does a circuit speak the device's language? Instructions and angles against the Target (rest-api.md 8.2, 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import Parameter, ParameterExpression, QuantumCircuit
from qiskit.transpiler import Target

from ...qasm.instructions import angle_values, instructions_of
from ...wire.target import RZZ_ANGLES, is_fractional
from ..job_errors import FRACTIONAL_TWIRLING, NOT_ISA, TaskFailed

TOLERANCE = 1e-10
TRANSPILE = "Transpile your circuits for the target before submitting a primitive query."
_ANYWHERE = frozenset({"barrier", "store", "break_loop", "continue_loop"})
Qargs = tuple[int, ...]


@dataclass(frozen=True)
class IsaReport:
    """What remains to be checked of a circuit once its parameters have values.

    Attributes:
        angles: rzz angles that depend on parameters, with the qubits they stand on.
    """

    angles: tuple[tuple[ParameterExpression, Qargs], ...] = ()
    fractional: str | None = None


def check_width(circuit: QuantumCircuit, num_qubits: int) -> None:
    """Check that a circuit fits on the device; 1517 otherwise."""
    if circuit.num_qubits > num_qubits:
        raise TaskFailed(
            f"The circuit has {circuit.num_qubits} qubits but the target system has {num_qubits}. {TRANSPILE}",
            NOT_ISA,
        )


def check_isa(circuit: QuantumCircuit, target: Target) -> IsaReport:
    """Check names, qubits and fixed angles of every instruction, inside control flow too; 1517 in the service's words."""
    allowed = {name: target[name] for name in target.operation_names}
    angles, fractional = [], None
    for step, qubits in instructions_of(circuit, range(circuit.num_qubits)):
        name = step.name
        if name in _ANYWHERE:
            continue
        where = allowed.get(name, {})
        if where is not None and qubits not in where and None not in where:
            raise TaskFailed(
                f"The instruction {name} on qubits {qubits} is not supported by the target system. {TRANSPILE}",
                NOT_ISA,
                "Transpile the circuit for the backend.",
            )
        if fractional is None and is_fractional(name):
            fractional = name
        if name == "rzz":
            angle = step.params[0]
            if isinstance(angle, ParameterExpression):
                angles.append((angle, qubits))
            else:
                _check_angle(float(angle), qubits)
    return IsaReport(tuple(angles), fractional)


def check_angles(report: IsaReport, values: Mapping[Parameter, np.ndarray]) -> None:
    """Check the rzz angles that depend on parameters, one value per set; 1517 names the first outside [0, pi/2]."""
    columns = {parameter.name: column for parameter, column in values.items()}
    for expression, qubits in report.angles:
        angles = angle_values(expression, columns)
        if angles.size:
            _check_angle(float(angles.min()), qubits)
            _check_angle(float(angles.max()), qubits)


def refuse_fractional(report: IsaReport) -> None:
    """Refuse fractional gates in a job that asks for gate twirling: 1519 with the service's text (rest-api.md 3.7, 9.6)."""
    if report.fractional is not None:
        raise TaskFailed(
            f"gate twirling does not support fractional gates, but the circuit has {report.fractional}.",
            FRACTIONAL_TWIRLING,
            "Turn gate twirling off, or transpile for a backend fetched without fractional gates.",
        )


def _check_angle(angle: float, qubits: Qargs) -> None:
    low, high = RZZ_ANGLES
    if not low - TOLERANCE <= angle <= high + TOLERANCE:
        raise TaskFailed(
            f"The instruction rzz on qubits {qubits} is supported only for angles in the range [0, pi/2], "
            f"but the angle is {angle:.6g}.",
            NOT_ISA,
            "Transpile the circuit against the backend's target, which folds the angles.",
        )
