"""Python values -> tagged JSON objects, one level at a time: the writing half of ``typed``."""

from __future__ import annotations

import io
import json
import math
import struct
import sys
import warnings
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Instruction, Parameter, QuantumRegister
from qiskit.circuit.parametertable import ParameterView
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import (
    PTM,
    Chi,
    Choi,
    DensityMatrix,
    Kraus,
    Operator,
    Pauli,
    PauliLindbladMap,
    PauliList,
    SparsePauliOp,
    Statevector,
    Stinespring,
    SuperOp,
)
from qiskit.result import Result
from qiskit.transpiler import CouplingMap

from ...qasm.noise_model import dump_noise_model
from ...results.estimator_pub import EstimatorPubResult
from ...results.execution_spans import ExecutionSpan, ExecutionSpans
from ...results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from ..arrays import dump_array, dump_base64, pack

NOISE_MODULE = "qiskit_ibm_runtime.utils.noise_learner_result"
"""The module name under which noise-learner records travel (rest-api.md 4.12)."""

SETTINGS_CLASSES: tuple[type, ...] = (
    Chi,
    Choi,
    DensityMatrix,
    Kraus,
    Operator,
    Pauli,
    PauliList,
    PTM,
    SparsePauliOp,
    Statevector,
    Stinespring,
    SuperOp,
)
"""The operators and states that are made again of their constructor's arguments; others travel, and stay documents."""


class RuntimeEncoder(json.JSONEncoder):
    """JSON encoder for ``json.dumps(value, cls=RuntimeEncoder)``. Inverse: ``typed.RuntimeDecoder``."""

    def default(self, o: Any) -> Any:
        """Return the tagged form of a value JSON does not know."""
        return write_tagged(o)


def write_tagged(value: Any, *, functions: bool = True) -> Any:
    """Return a JSON-able value for what JSON has no form for, whose members may be Python values in turn.

    With ``functions`` a callable is written as null, with a warning, as the official encoder does. A type of no known form is a
    ``TypeError``.
    """
    for base in type(value).__mro__:
        if base in _WRITERS:
            return _WRITERS[base](value)
        if base.__name__ in _LEARNED:
            return _LEARNED[base.__name__](value)
    for module, write in (("qiskit_aer", _noise_model), ("scipy.sparse", _sparse_matrix)):
        written = write(value) if module in sys.modules else None  # else there can be no such value
        if written is not None:
            return written
    if callable(getattr(value, "to_json", None)):
        return _tag("to_json", value.to_json())
    if isinstance(getattr(value, "settings", None), dict):
        return _settings(value)
    if callable(getattr(value, "_json", None)):
        return _tag("_json", _flag_int_keys(value._json()), **_place_of(value))
    if functions and callable(value):
        warnings.warn(f"{value!r} cannot be written as JSON and is sent as null", stacklevel=2)
        return None
    raise TypeError(f"a value of type {type(value).__name__} has no wire form")


def _packed(circuit: QuantumCircuit) -> str:
    """Write one circuit as base64(zlib(QPY)) (rest-api.md 4.4)."""
    from ...qasm.qpy import write_circuits

    return pack(write_circuits([circuit], metadata_serializer=RuntimeEncoder))


def _tag(tag: str, value: Any, **more: str) -> dict[str, Any]:
    return {"__type__": tag, **more, "__value__": value}


def _array(value: Any) -> dict[str, Any]:
    return _tag("ndarray", value.tolist() if value.dtype == object else dump_array(value))


def _circuit(value: QuantumCircuit) -> dict[str, Any]:
    return _tag("QuantumCircuit", _packed(value))


def _instruction(value: Instruction) -> dict[str, Any]:
    registers = [QuantumRegister(value.num_qubits), ClassicalRegister(value.num_clbits)]
    circuit = QuantumCircuit(*(register for register in registers if register.size))
    circuit.append(value, circuit.qubits, circuit.clbits)
    return _tag("Instruction", _packed(circuit))


def _parameter(value: Parameter) -> dict[str, Any]:
    name = value.name.encode()
    return _tag("Parameter", dump_base64(struct.pack("!H16s", len(name), value.uuid.bytes) + name))


def _noise_model(value: Any) -> dict[str, Any] | None:
    from qiskit_aer.noise import NoiseModel

    return _tag("NoiseModel", dump_noise_model(value)) if isinstance(value, NoiseModel) else None


def _sparse_matrix(value: Any) -> dict[str, Any] | None:
    from scipy.sparse import issparse, save_npz

    if not issparse(value):
        return None
    buffer = io.BytesIO()
    save_npz(buffer, value)
    return _tag("spmatrix", dump_base64(buffer.getvalue()))


def _bindings(value: BindingsArray) -> dict[str, Any]:
    data = {json.dumps(list(names)): numbers for names, numbers in value.data.items()}
    return _tag("BindingsArray", {"shape": list(value.shape), "data": data})


def _data_bin(value: DataBin) -> dict[str, Any]:
    # All four members, because clients before 0.24 need names and types (rest-api.md 4.12).
    return _tag(
        "DataBin",
        {
            "field_names": list(value),
            "field_types": [type(item).__name__ for item in value.values()],
            "shape": list(value.shape),
            "fields": {name: _finite(item) for name, item in value.items()},
        },
    )


def _finite(value: Any) -> Any:
    """Return a number JSON lacks as an array, which keeps it."""
    return np.asarray(value) if isinstance(value, float) and not math.isfinite(value) else value


def _result(tag: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: _tag(tag, {"data": value.data, "metadata": value.metadata})


def _span(value: ExecutionSpan) -> dict[str, Any]:
    return _tag(value.tag, {"start": value.start, "stop": value.stop, "data_slices": value._dump_slices()})


def _settings(value: Any) -> dict[str, Any]:
    return _tag("settings", _flag_int_keys(value.settings), **_place_of(value))


def _place_of(value: Any) -> dict[str, str]:
    return {"__module__": type(value).__module__, "__class__": type(value).__name__}


def _record(value: Any, **members: Any) -> dict[str, Any]:
    return _tag("_json", members, __module__=NOISE_MODULE, __class__=type(value).__name__)


def _flag_int_keys(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    copy = {key: _flag_int_keys(item) for key, item in value.items()}
    return {**copy, "__int_keys__": True} if any(isinstance(key, int) for key in copy) else copy


def _sampler_pub(value: SamplerPub) -> list[Any]:
    return [value.circuit, value.parameter_values.as_array(value.circuit.parameters), value.shots]


def _estimator_pub(value: EstimatorPub) -> list[Any]:
    values = value.parameter_values.as_array(value.circuit.parameters)
    return [value.circuit, value.observables.tolist(), values, value.precision]


_WRITERS: dict[type, Callable[[Any], Any]] = {
    date: lambda value: _tag("datetime", value.isoformat()),
    complex: lambda value: _tag("complex", [value.real, value.imag]),
    np.complexfloating: lambda value: _tag("complex", [float(value.real), float(value.imag)]),
    np.bool_: bool,
    np.integer: int,
    np.floating: float,
    np.ndarray: _array,
    set: lambda value: _tag("set", list(value)),
    frozenset: lambda value: _tag("set", list(value)),
    CouplingMap: lambda value: [list(edge) for edge in value.get_edges()],
    Result: lambda value: _tag("Result", value.to_dict()),
    QuantumCircuit: _circuit,
    Parameter: _parameter,
    ParameterView: list,
    Instruction: _instruction,
    ObservablesArray: lambda value: _tag("ObservablesArray", value.tolist()),
    BindingsArray: _bindings,
    BitArray: lambda value: _tag("BitArray", {"array": value.array, "num_bits": value.num_bits}),
    DataBin: _data_bin,
    SamplerPub: _sampler_pub,
    EstimatorPub: _estimator_pub,
    SamplerPubResult: _result("SamplerPubResult"),
    EstimatorPubResult: _result("EstimatorPubResult"),
    PubResult: _result("PubResult"),
    PrimitiveResult: lambda value: _tag(
        "PrimitiveResult", {"pub_results": list(value), "metadata": value.metadata}
    ),
    NoiseLearnerResult: _result("NoiseLearnerResult"),
    ExecutionSpan: _span,
    ExecutionSpans: lambda value: _tag("ExecutionSpans", {"spans": list(value)}),
    PauliLindbladMap: lambda value: _tag(
        "PauliLindbladMap", {"paulis": value.to_sparse_list(), "num_qubits": value.num_qubits}
    ),
    PauliLindbladError: lambda value: _record(value, generators=value.generators, rates=value.rates),
    LayerError: lambda value: _record(value, circuit=value.circuit, qubits=value.qubits, error=value.error),
    **dict.fromkeys(SETTINGS_CLASSES, _settings),
}

_LEARNED = {kind.__name__: _WRITERS[kind] for kind in (NoiseLearnerResult, LayerError, PauliLindbladError)}
"""Writers of what a noise learner found, by the class's name: it may be the official client's class."""
