"""Why a PUB cannot be read, in words that say what is wrong, where, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

LETTERS = "I, X, Y and Z, or for projectors 0, 1, +, -, r and l"
_FORMS = {
    "sampler": ("(circuit, values, shots)", 3),
    "estimator": ("(circuit, observables, values, precision)", 4),
}
_MOST_NAMES = 8


def is_pub(item: Any) -> bool:
    """Tell whether something can be meant as a PUB of its own."""
    first = item[0] if isinstance(item, (list, tuple)) and item else item
    return isinstance(first, (QuantumCircuit, SamplerPub, EstimatorPub))


def why(pub: Any, primitive: str, cause: Exception) -> str:
    """Say why Qiskit refused a PUB, behind "PUB 3 cannot be read: "; in the words of its exception if nothing better is found."""
    parts = list(pub) if isinstance(pub, (list, tuple)) else [pub]
    circuit = parts[0].circuit if parts and isinstance(parts[0], (SamplerPub, EstimatorPub)) else parts[:1]
    circuit = circuit[0] if isinstance(circuit, list) and circuit else circuit
    if not isinstance(circuit, QuantumCircuit):
        return f"it must begin with a QuantumCircuit, not {type(circuit if parts else pub).__name__}."
    form, most = _FORMS[primitive]
    if len(parts) > most:
        return f"it has {len(parts)} parts, but there are at most {most}: {form}."
    if primitive == "estimator":
        if len(parts) < 2 and not isinstance(pub, EstimatorPub):
            return "it has no observables: write it as (circuit, observables), as in estimator.run([(circuit, observables)])."
        told = _observables(parts[1], circuit) if len(parts) > 1 else None
        if told:
            return told
    elif len(parts) > 1 and (isinstance(parts[1], str) or hasattr(parts[1], "paulis")):
        return "a sampler takes values of parameters there, no observables; expectation values are for EstimatorV2."
    position = most - 2
    told = _values(parts[position] if len(parts) > position else None, circuit, primitive)
    words = str(cause).rstrip()
    return told or (words if words.endswith((".", "!", "?")) else words + ".")


def parameters_of(circuit: QuantumCircuit) -> str:
    """Return the number of a circuit's parameters, and their names in the order of values given as an array."""
    names = [parameter.name for parameter in circuit.parameters]
    if not names:
        return "no parameters"
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return f"{len(names)} parameter{'s' if len(names) > 1 else ''} ({shown})"


def mismatched_names(given: Iterable[str], circuit: QuantumCircuit) -> str | None:
    """Say which names of values are not those of the circuit's parameters; None if they are."""
    wanted = [parameter.name for parameter in circuit.parameters]
    named = list(given)
    known, present = set(wanted), set(named)
    for name in named:
        if name not in known:
            close = difflib.get_close_matches(name, [item for item in wanted if item not in present], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            return f"the circuit has no parameter {name!r}{hint} It has {parameters_of(circuit)}."
    missing = [name for name in wanted if name not in present]
    if missing:
        return f"no value is given for {', '.join(map(repr, missing[:_MOST_NAMES]))}; the circuit has {parameters_of(circuit)}."
    return None


# ------------------------------------------------------------------------------------------ values


def _values(values: Any, circuit: QuantumCircuit, primitive: str) -> str | None:
    count = circuit.num_parameters
    if values is None:
        if not count:
            return None
        form = "(circuit, values)" if primitive == "sampler" else "(circuit, observables, values)"
        return f"the circuit has {parameters_of(circuit)}, but no values are given: write the PUB as {form}, with one value for each."
    if isinstance(values, BindingsArray):
        values = values.data
    if isinstance(values, Mapping):
        return mismatched_names(_names(values), circuit)
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            array = array.astype(float) if array.dtype.kind == "O" else array
    except (ValueError, TypeError):
        return "its values are no array of real numbers: they are ragged, or not all of them are numbers."
    if array.dtype.kind not in "biuf":
        return f"its values must be real numbers, not {array.dtype.name.rstrip('0123456789') or array.dtype}."
    if array.shape[-1:] == (count,) or (count == 1 and array.ndim == 0):
        return None
    expected = f"{count} value{'s are' if count != 1 else ' is'} expected"
    if array.ndim > 1:
        expected += " in the last axis, one set after the other"
    order = ", in the order of circuit.parameters" if count > 1 else ""
    return f"{expected}, as the circuit has {parameters_of(circuit)}, but the values given have shape {array.shape}{order and '; give them' + order[1:]}."


def _names(values: Mapping[Any, Any]) -> Iterator[str]:
    for key in values:
        for item in key if isinstance(key, (tuple, list)) else [key]:
            if isinstance(item, ParameterVector):
                yield from (element.name for element in item)
            else:
                yield item.name if isinstance(item, Parameter) else str(item)


# ------------------------------------------------------------------------------------- observables


def _observables(observables: Any, circuit: QuantumCircuit) -> str | None:
    if isinstance(observables, np.ndarray):
        observables = observables.tolist()
    if not isinstance(observables, (list, tuple)):
        return _observable(observables, circuit, "the observable")
    return _nested(observables, circuit, ())


def _nested(items: Any, circuit: QuantumCircuit, at: tuple[int, ...]) -> str | None:
    shapes = [_shape(item) for item in items]
    for index, item in enumerate(items):
        place = (*at, index)
        if shapes[index] != shapes[0]:
            return (
                f"its observables are nested unevenly: {_spot(place)} has shape {shapes[index]}, but {_spot((*at, 0))} has "
                f"shape {shapes[0]}."
            )
        told = (
            _nested(item, circuit, place)
            if isinstance(item, (list, tuple))
            else _observable(item, circuit, _spot(place))
        )
        if told:
            return told
    return None


def _shape(item: Any) -> tuple[int, ...]:
    return (len(item), *(_shape(item[0]) if item else ())) if isinstance(item, (list, tuple)) else ()


def _spot(place: tuple[int, ...]) -> str:
    return "observable " + "".join(f"[{index}]" for index in place)


def _observable(item: Any, circuit: QuantumCircuit, where: str) -> str | None:
    labels = list(item) if isinstance(item, Mapping) else [item]
    for label in labels:
        if isinstance(label, str):
            told = _label(label, circuit, where)
            if told:
                return told
        elif not isinstance(getattr(label, "num_qubits", None), int):
            return (
                f"{where} cannot be of type {type(label).__name__}: write text such as 'ZZ', a Pauli, a SparsePauliOp, a "
                "SparseObservable, or a dict of weights such as {'ZZ': 1.0}."
            )
        elif label.num_qubits != circuit.num_qubits:
            return f"{where} has {_qubits(label.num_qubits)}, but {_width(circuit)}"
    return None


def _label(label: str, circuit: QuantumCircuit, where: str) -> str | None:
    for index, letter in enumerate(label):
        if letter not in "IXYZ01+-rl":
            upper = f"; did you mean {letter.upper()!r}?" if letter.upper() in "IXYZ" else "."
            return (
                f"{where} has the label {label[:60]!r}, whose character {index} (from the left, counted from 0) is {letter!r}"
                f"{upper} Allowed are {LETTERS}."
            )
    if len(label) != circuit.num_qubits:
        return f"{where} has the label {label[:60]!r} of {_qubits(len(label))}, but {_width(circuit)}"
    return None


def _qubits(count: int) -> str:
    return f"{count} qubit{'' if count == 1 else 's'}"


def _width(circuit: QuantumCircuit) -> str:
    # The circuit's own layout tells whether it was transpiled, which is the common reason of another width.
    told = f"the circuit has {circuit.num_qubits}. Observables need the width of the circuit: "
    if circuit.layout is not None:
        return told + "for this transpiled circuit, use observable.apply_layout(circuit.layout)."
    return (
        told + "one letter per qubit, that of qubit 0 last; for a transpiled circuit, use "
        "observable.apply_layout(circuit.layout)."
    )
