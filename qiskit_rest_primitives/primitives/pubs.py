"""PUBs in any form become Qiskit PUB objects, or one clear error before any traffic."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from qiskit.circuit import CircuitInstruction, QuantumCircuit
from qiskit.primitives.containers import DataBin
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparsePauliOp

from .._recent import remembered
from ..exceptions import CircuitRefusedError, IBMInputValueError
from ..qasm import canonical
from ..wire.pubs import MOST_SHOTS, SMALLEST_PRECISION

_OPERATORS: dict[tuple[Any, ...], ObservablesArray] = {}
_MOST_OPERATORS, _LARGEST = 64, 1 << 16
"""The operators that were read last, up to a number of Pauli letters each; a cache, so nothing but speed depends on it."""

_PARTS = {"sampler": "circuit, values", "estimator": "circuit, observables, values"}

_P = TypeVar("_P", SamplerPub, EstimatorPub)


def read_sampler_pubs(pubs: Iterable[Any], shots: int | None = None) -> list[SamplerPub]:
    """Coerce and check the PUBs of a sampler; ``shots`` are for those that give none.

    Raises:
        IBMInputValueError: If a PUB is malformed; the message names it by its index.
        TypeError: If something has the wrong type.

    Warns:
        UserWarning: If a circuit has no classical register, so that its result is empty.
    """
    if shots is not None:
        check_shots(shots, "shots")
    read = _read_pubs(pubs, "sampler", lambda pub: SamplerPub.coerce(_plain_shots(pub), shots))
    for index, pub in enumerate(read):
        _check_values(pub.parameter_values, pub.circuit, index)
        _check_registers(pub.circuit, index)
    return read


def read_estimator_pubs(pubs: Iterable[Any], precision: float | None = None) -> list[EstimatorPub]:
    """Coerce and check the PUBs of an estimator; ``precision`` is for those that give none. Errors as ``read_sampler_pubs``."""
    if precision is not None:
        check_precision(precision, "precision")
    read = _read_pubs(pubs, "estimator", lambda pub: EstimatorPub.coerce(_known_observables(pub), precision))
    for index, pub in enumerate(read):
        if pub.precision is not None:
            check_precision(pub.precision, f"The precision of PUB {index}")
        _check_values(pub.parameter_values, pub.circuit, index)
        _check_observables(pub, index)
    return read


def check_shots(shots: Any, what: str) -> None:
    """Refuse shots that are no positive integer, or more than any counter holds; booleans and floats are a ``TypeError``."""
    if isinstance(shots, (bool, np.bool_)) or not isinstance(shots, Integral):
        raise TypeError(f"{what} must be an integer, not {type(shots).__name__} ({shots!r}).")
    if shots <= 0:
        raise IBMInputValueError(f"{what} must be positive, but is {shots}.")
    if int(shots) > MOST_SHOTS:
        raise IBMInputValueError(f"{what} must be at most {MOST_SHOTS:.0e}, but is {shots}.")


def check_precision(precision: Any, what: str) -> None:
    """Refuse a precision that is no positive finite number, or so small that no counter holds its shots."""
    if isinstance(precision, (bool, np.bool_)) or not isinstance(precision, Real):
        raise TypeError(f"{what} must be a number, not {type(precision).__name__} ({precision!r}).")
    number = int(precision) if isinstance(precision, Integral) else float(precision)
    if not 0 < number <= sys.float_info.max:
        raise IBMInputValueError(f"{what} must be a finite number greater than 0, but is {precision}.")
    if number < SMALLEST_PRECISION:
        raise IBMInputValueError(
            f"{what} must be at least {SMALLEST_PRECISION}, but is {precision}, which asks for more than "
            f"{MOST_SHOTS:.0e} shots."
        )


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn what cannot be written into the public errors; the one edge where the codec's become those.

    ``what`` is what is being written, as the beginning of a sentence.
    """
    try:
        yield
    except canonical.CircuitDumpError as cause:
        raise CircuitRefusedError(f"{what} cannot be sent: {cause}") from cause
    except IBMInputValueError:
        raise
    except ValueError as cause:
        raise IBMInputValueError(f"{what} cannot be sent: {cause}") from cause


def _read_pubs(pubs: Any, primitive: str, coerce: Callable[[Any], _P]) -> list[_P]:
    if isinstance(pubs, (QuantumCircuit, SamplerPub, EstimatorPub)):
        raise IBMInputValueError(
            f"run() takes a list of PUBs, but got one {type(pubs).__name__}: "
            f"wrap it in a list, {primitive}.run([...])."
        )
    if isinstance(pubs, (str, bytes)) or not isinstance(pubs, Iterable):
        raise TypeError(f"run() takes a list of PUBs, not {type(pubs).__name__}.")
    listed = list(pubs)
    if _is_one_pub(pubs):
        raise IBMInputValueError(
            f"run() takes a list of PUBs, but got the parts of one PUB: wrap it in a list, "
            f"{primitive}.run([({_PARTS[primitive]})])."
        )
    return [_read_pub(pub, index, primitive, coerce) for index, pub in enumerate(listed)]


def _is_one_pub(pubs: Any) -> bool:
    """Tell whether a circuit is followed by what are its observables or values rather than other PUBs."""
    if not isinstance(pubs, (list, tuple)) or len(pubs) < 2 or not isinstance(pubs[0], QuantumCircuit):
        return False
    from .pub_reasons import is_pub

    return not is_pub(pubs[1]) and (isinstance(pubs, tuple) or not isinstance(pubs[1], Real))


def _read_pub(pub: Any, index: int, primitive: str, coerce: Callable[[Any], _P]) -> _P:
    if isinstance(pub, CircuitInstruction):
        raise IBMInputValueError(
            f"PUB {index} is one instruction of a circuit: wrap the circuit in a list, "
            f"{primitive}.run([circuit])."
        )
    try:
        return coerce(pub)
    except (TypeError, ValueError, LookupError, AttributeError) as cause:
        from .pub_reasons import why

        kind = TypeError if isinstance(cause, TypeError) else IBMInputValueError
        raise kind(f"PUB {index} cannot be read: {why(pub, primitive, cause)}") from cause


def _plain_shots(pub: Any) -> Any:
    """Check the shots written in a PUB, so that the message can name them."""
    shots = pub.shots if isinstance(pub, SamplerPub) else None
    if isinstance(pub, (list, tuple)) and len(pub) == 3:
        shots = pub[2]
    if shots is not None:
        check_shots(shots, "shots")
    return pub


def _known_observables(pub: Any) -> Any:
    """Replace the operator of a PUB by what an equal one was read as before, since loops give the same one again."""
    if not isinstance(pub, (list, tuple)) or len(pub) < 2 or type(pub[1]) is not SparsePauliOp:
        return pub
    operator: SparsePauliOp = pub[1]
    paulis, coefficients = operator.paulis, operator.coeffs
    if coefficients.dtype == object or paulis.z.size > _LARGEST:
        return pub
    parts = (paulis.z, paulis.x, paulis._phase, coefficients)  # ``phase`` would count every Y first
    key = (paulis.z.shape, coefficients.dtype.str, *(part.tobytes() for part in parts))
    known = remembered(_OPERATORS, key, lambda: ObservablesArray.coerce(operator), most=_MOST_OPERATORS)
    return (pub[0], known, *pub[2:])


def _check_values(values: BindingsArray, circuit: QuantumCircuit, index: int) -> None:
    from .pub_reasons import mismatched_names

    told = mismatched_names((name for names in values.data for name in names), circuit)
    if told:
        raise IBMInputValueError(f"PUB {index} cannot be read: {told}")
    for names, array in values.data.items():
        if np.isfinite(array).all():
            continue
        column = int(np.argwhere(~np.isfinite(array))[0][-1])
        raise IBMInputValueError(
            f"PUB {index} has a parameter value that is not finite, for parameter {names[column]!r}."
        )


def _check_registers(circuit: QuantumCircuit, index: int) -> None:
    if not circuit.cregs:
        warnings.warn(
            f"The circuit of PUB {index} has no classical register, so its result will be empty. "
            "Add measurements, for example with circuit.measure_all().",
            UserWarning,
            stacklevel=5,  # the caller of run(), which is explained()
        )
    for register in circuit.cregs:
        if register.size == 0:
            raise IBMInputValueError(
                f"Classical register {register.name!r} of PUB {index} has no bits; remove it, or give it some."
            )
        if not _can_be_entry(register.name):
            raise IBMInputValueError(
                f"Classical register {register.name!r} of PUB {index} cannot be an entry of a result, "
                "because DataBin has an attribute of that name; rename the register."
            )


def _can_be_entry(name: str) -> bool:
    """Tell whether a result can have a register of this name: DataBin has attributes of its own."""
    try:
        DataBin(**{name: None}, shape=())
    except (TypeError, ValueError, AttributeError):
        return False
    return True


def _check_observables(pub: EstimatorPub, index: int) -> None:
    if 0 in pub.observables.shape:
        raise IBMInputValueError(
            f"PUB {index} has an empty array of observables (shape {pub.observables.shape})."
        )
