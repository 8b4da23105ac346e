"""PUBs with rzz gates of any angle, made into PUBs that devices take: angles from 0 to pi/2 for every set of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Gate, Parameter, ParameterExpression, Qubit
from qiskit.circuit.library import RXGate, RZGate, RZZGate, XGate
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit.primitives.containers import EstimatorPubLike, SamplerPubLike
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..exceptions import IBMInputValueError
from ..primitives.isa import value_columns
from ..qasm.instructions import angle_values

_PREFIX = "rzz_"
_Sweep = NDArray[np.float64]


def convert_to_rzz_valid_pub(
    primitive: BaseSamplerV2 | BaseEstimatorV2, pub: SamplerPubLike | EstimatorPubLike
) -> SamplerPub | EstimatorPub:
    """Return a PUB with the same results whose rzz angles are from 0 to pi/2 for every set of values.

    Around a gate that would leave the range there are gates on single qubits, whose angles are new parameters named
    ``rzz_<n>_rz``, ``rzz_<n>_rx`` and ``rzz_<n>_rzz`` where they differ between sets of values. Parameters that no
    gate depends on any more are left out of the values. The global phase is not kept.

    Args:
        primitive: What the PUB is for: a sampler or an estimator.
        pub: The PUB, of an ISA circuit without control flow.

    Raises:
        IBMInputValueError: The circuit has control flow or a parameter whose name begins with ``rzz_``, or
            ``primitive`` is neither.
    """
    if not isinstance(primitive, (BaseSamplerV2, BaseEstimatorV2)):
        raise IBMInputValueError(
            f"convert_to_rzz_valid_pub takes a sampler or an estimator first, not {type(primitive).__name__}."
        )
    sampler = isinstance(primitive, BaseSamplerV2)
    read = SamplerPub.coerce(pub) if sampler else EstimatorPub.coerce(pub)
    circuit, bindings = read.circuit, read.parameter_values
    taken = next((name for name in _names(bindings) if name.startswith(_PREFIX)), None)
    if taken is not None:
        raise IBMInputValueError(f"Parameter {taken!r} has a name that begins with {_PREFIX!r}: rename it.")
    columns = value_columns(bindings)
    changed, added, count = circuit.copy_empty_like(), dict[str, _Sweep](), 0
    for step in circuit.data:
        if step.is_control_flow():
            raise IBMInputValueError(
                f"The circuit is dynamic (it has {step.name!r}), and rzz angles of such circuits cannot be converted."
            )
        angles = angle_values(step.params[0], columns) if step.name == "rzz" else np.zeros(0)
        if ((angles >= 0) & (angles <= math.pi / 2)).all():
            changed.append(step)
            continue
        count += 1
        swept = isinstance(step.params[0], ParameterExpression)
        for gate, qubits in _folded(angles, step.qubits, f"{_PREFIX}{count}_", added if swept else {}):
            changed.append(gate, qubits)
    sweeps = {name: values for name, values in {**columns, **added}.items() if changed.has_parameter(name)}
    values = BindingsArray(
        {(name,): sweep.reshape(*bindings.shape, 1) for name, sweep in sweeps.items()}, shape=bindings.shape
    )
    if isinstance(read, SamplerPub):
        return SamplerPub(changed, values, read.shots)
    return EstimatorPub(changed, read.observables, values, read.precision)


def _names(bindings: BindingsArray) -> Iterator[str]:
    for names in bindings.data:
        yield from names


def _folded(
    angles: _Sweep, qubits: Sequence[Qubit], prefix: str, added: dict[str, _Sweep]
) -> Iterator[tuple[Gate, Sequence[Qubit]]]:
    """Yield gates that equal rzz for every angle, and note the values of the parameters that they have.

    rzz(t + pi) equals rz(pi) on both qubits times rzz(t), and an x on both sides of one qubit flips the sign of t.
    """
    half_turns = np.floor(angles / math.pi + 0.5)
    rest = angles - half_turns * math.pi

    def angle(name: str, values: _Sweep) -> Any:
        if (values == values[0]).all():
            return float(values[0])
        added[prefix + name] = values
        return Parameter(prefix + name)

    turn = angle("rz", math.pi * (half_turns % 2))
    flip = angle("rx", math.pi * (rest < 0).astype(np.float64))
    around = [] if flip == 0 else [(XGate() if flip == math.pi else RXGate(flip), qubits[:1])]
    if turn != 0:
        yield from ((RZGate(turn), [qubit]) for qubit in qubits)
    yield from around
    yield RZZGate(angle("rzz", np.abs(rest))), qubits
    yield from around
