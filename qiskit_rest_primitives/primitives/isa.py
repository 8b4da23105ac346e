"""Does a circuit fit a device? Checked before any traffic, because the service finds out only when it runs.

A circuit is read once: what the checks need of it is remembered while it stays the same.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.transpiler import Target

from ..exceptions import IBMInputValueError
from ..qasm.instructions import angle_values, instructions_of
from ..qasm.limits import folding_problem

_ANYWHERE = frozenset({"barrier", "store"})
_FRACTIONAL = frozenset({"rx", "rzz"})
_RZZ_LARGEST = math.pi / 2
_TOLERANCE = 1e-10


@dataclass
class CircuitSummary:
    """What the checks need to know of a circuit.

    Attributes:
        num_qubits: Its width.
        used: Which instruction stands on which qubits, each once, in order of appearance.
        dynamic: The first control-flow instruction, if any.
        fractional: The first gate with a continuous angle that takes time (rx, rzz), if any.
        angles: The angles of rzz gates, in rad, and the qubits they stand on: numbers or expressions.
        fits: The last target it was found to fit.
    """

    num_qubits: int
    used: dict[tuple[str, tuple[int, ...]], None] = field(default_factory=dict)
    dynamic: str | None = None
    fractional: str | None = None
    angles: list[tuple[float | ParameterExpression, tuple[int, ...]]] = field(default_factory=list)
    fits: Target | None = None


_remembered: dict[int, tuple[weakref.ref[QuantumCircuit], tuple[Any, ...], CircuitSummary]] = {}
"""Cache: id of a living circuit -> (the circuit, how it looked, its facts)."""


def summary_of(circuit: QuantumCircuit) -> CircuitSummary:
    """Return the facts of a circuit, from memory when it still looks the same.

    It looks the same when its width and its number of instructions of each name are. An instruction
    replaced in place by one of the same name escapes this; the service checks again. Circuits with rzz
    gates are read each time, because their angles can be assigned in place.
    """
    looks = (circuit.num_qubits, len(circuit.data), *circuit.count_ops().items())
    known = _remembered.get(id(circuit))
    if known is not None and known[0]() is circuit and known[1] == looks:
        return known[2]
    facts = summarize(circuit, range(circuit.num_qubits), circuit.num_qubits)
    if not facts.angles:
        key = id(circuit)
        _remembered[key] = (weakref.ref(circuit, lambda _: _remembered.pop(key, None)), looks, facts)
    return facts


def summarize(circuit: QuantumCircuit, qubits: Sequence[int], num_qubits: int) -> CircuitSummary:
    """Read a circuit, or the body of a box that stands on these qubits of a device, in a circuit of so many."""
    facts = CircuitSummary(num_qubits)
    for step, where in instructions_of(circuit, qubits):
        name = step.name
        if name not in _ANYWHERE:
            facts.used[name, where] = None
        if name in _FRACTIONAL:
            facts.fractional = facts.fractional or name
            if name == "rzz":
                facts.angles.append((step.params[0], where))
        if facts.dynamic is None and name != "box" and step.is_control_flow():
            facts.dynamic = name
    return facts


def check_instructions(
    facts: CircuitSummary,
    target: Target,
    *,
    where: str,
    backend_name: str,
    faulty: Callable[[], Iterable[int]] | None = None,
) -> None:
    """Check that every instruction is one of the target's, on qubits where it has it, and say what to do if not.

    ``where`` says whose circuit it is, for the message: "PUB 0". ``faulty`` returns the qubits marked faulty; it is asked only
    when a check fails.
    """
    if facts.fits is target:
        return
    here = f"The circuit of {where} does not fit backend {backend_name!r}"
    mend = (
        " Transpile it for the backend first: "
        "generate_preset_pass_manager(optimization_level=1, backend=backend).run(circuit)."
    )
    if target.num_qubits is not None and facts.num_qubits > target.num_qubits:
        raise IBMInputValueError(
            f"{here}: it has {facts.num_qubits} qubits, the backend {target.num_qubits}.{mend}"
        )
    for name, qubits in facts.used:
        if target.instruction_supported(name, qubits):
            continue
        broken = sorted(set(qubits) & set(faulty() if faulty else ()))
        if broken:
            why = f"instruction {name!r} acts on qubits {qubits}, of which {broken} are marked faulty"
        elif name in target.operation_names:
            why = f"instruction {name!r} is not available on qubits {qubits}"
        else:
            why = (
                f"instruction {name!r} on qubits {qubits} is not one of its instructions "
                f"({', '.join(sorted(target.operation_names))})"
            )
        raise IBMInputValueError(f"{here}: {why}.{mend}")
    facts.fits = target


def check_angles(facts: CircuitSummary, values: BindingsArray, *, where: str) -> None:
    """Check that every rzz angle, swept ones included, is calibrated: from 0 to pi/2."""
    if not facts.angles:
        return
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for angle, qubits in facts.angles:
        if isinstance(angle, ParameterExpression) and not columns:
            columns = value_columns(values)
        found = angle_values(angle, columns)
        outside = (found < 0) | (found > _RZZ_LARGEST + _TOLERANCE)
        if outside.any():
            origin = f", from {angle}" if isinstance(angle, ParameterExpression) else ""
            raise IBMInputValueError(
                f"The circuit of {where} has an rzz gate on qubits {qubits} with angle "
                f"{float(found[outside][0])}{origin}, but rzz takes angles from 0 to pi/2 only. Bring angles into that range first, for "
                "example by x gates around it."
            )


def value_columns(values: BindingsArray) -> dict[str, np.ndarray[Any, Any]]:
    """Return the values of each parameter, by its name, as flat arrays."""
    return {
        name: array[..., column].reshape(-1)
        for names, array in values.data.items()
        for column, name in enumerate(names)
    }


def check_folding(circuit: QuantumCircuit, factors: Sequence[float], *, pub: int) -> None:
    """Check that gate folding of zero-noise extrapolation does not make more gates than the service takes."""
    if folding_problem(len(circuit.data), factors) is None:
        return  # not even if every instruction had two qubits
    if problem := folding_problem(circuit.num_nonlocal_gates(), factors):
        raise IBMInputValueError(f"The circuit of PUB {pub} cannot be folded: {problem}")


def check_combination(facts: CircuitSummary, *, pub: int, decoupling: bool, twirled_by: str | None) -> None:
    """Check a circuit against options that hardware cannot combine with it; ``twirled_by`` names what turns gate twirling on."""
    if decoupling and facts.dynamic:
        raise IBMInputValueError(
            f"The circuit of PUB {pub} is dynamic (it has {facts.dynamic!r}), which dynamical decoupling "
            "does not support; set dynamical_decoupling.enable = False."
        )
    if twirled_by and facts.fractional:
        raise IBMInputValueError(
            f"The circuit of PUB {pub} has the fractional gate {facts.fractional!r}, which gate twirling "
            f"does not support; it is turned on by {twirled_by}. Turn that off, or transpile for a backend "
            "got with use_fractional_gates=False."
        )
