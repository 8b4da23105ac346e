"""Refusals to write in OpenQASM 3 what a noise tells apart and the text would not: labels, ``id``, gates written out.

Each is a ``NotExpressible``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, CircuitInstruction, Delay, Gate, Instruction, Measure, Reset

from . import ir
from .conditions import NotExpressible
from .noise_model import Distinguished

_CARRIED = {"barrier": Barrier, "measure": Measure, "reset": Reset}


def facing(noise: Distinguished, circuit: QuantumCircuit) -> Distinguished:
    """Return what a noise tells apart in a circuit: its passes, if any, look at circuits with delays only."""
    return replace(noise, passes=False) if noise.passes and not _waits(circuit) else noise


def _waits(circuit: QuantumCircuit) -> bool:
    return any(
        step.name == "delay"
        or (step.is_control_flow() and any(map(_waits, getattr(step.operation, "blocks", ()))))
        for step in circuit.data
    )


def check_label(noise: Distinguished, label: str | None, name: str) -> None:
    """Check that the noise of an instruction is the same without its label, which the text does not carry."""
    if noise.reads(label, name):
        raise NotExpressible(
            f"OpenQASM 3 does not carry its label {label!r}, which says what noise it has; QPY does"
        )


def check_kept(noise: Distinguished, step: CircuitInstruction, operation: Any) -> None:
    """Check that an instruction other than the standard gates of the text has no noise, or stands in the text."""
    name, label = step.name, getattr(operation, "label", None)
    if isinstance(operation, Delay):
        check_label(noise, label, name)
    elif isinstance(operation, _CARRIED.get(name, ())):
        if noise.passes:  # Aer looks no error up by these labels
            check_label(noise, label, name)
    elif noise.passes:
        raise NotExpressible("OpenQASM 3 does not carry it as it is, and a noise pass looks at it; QPY does")
    elif (
        noise.acts_on(name, label)
        or noise.acts_on(name)
        or (name == "pauli" and operation.params[0] in noise.names)
    ):
        raise NotExpressible("OpenQASM 3 does not carry it as it is, and there is noise on it; QPY does")


def check_parts(noise: Distinguished, operation: Any, written: ir.Body) -> None:
    """Check that an operation which simulators know by name is not written out as gates that have noise.

    One that the user put together is no such operation: it is run as what it consists of, in whatever form it travels.
    """
    if not noise.names or not isinstance(operation, Instruction) or type(operation) in (Gate, Instruction):
        return
    if names := ir.names(written) & noise.names:
        noisy = ", ".join(sorted(names))
        raise NotExpressible(
            f"OpenQASM 3 writes it out as gates that have noise ({noisy}), and it has none; QPY does not"
        )
