"""Tagged JSON objects -> Python values, one level at a time: the reading half of ``typed``.

A static table maps each tag to its reader; nothing is ever imported by a name read from the wire.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.quantum_info import PauliLindbladMap
from qiskit.result import Result

from ...qasm.limits import CircuitLoadError
from ...qasm.noise_model import PASSES, load_passes
from ...qasm.qpy import read_circuit
from ...qasm.qpy_claims import fault_of
from ...results.estimator_pub import EstimatorPubResult
from ...results.execution_spans import SPAN_CLASSES, ExecutionSpan, ExecutionSpans, load_span
from ...results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from ..arrays import Allowance, load_array, load_base64, load_numbers, unpack
from ..expected import Build
from ..jsonio import DecodeError, below, load_datetime
from ..noise_errors import check_document, load_errors
from ..observables import load_observables
from .writers import NOISE_MODULE, SETTINGS_CLASSES

_DEEPEST_ARRAY = 31
_SETTINGS_MODULES = ("qiskit.quantum_info.operators.", "qiskit.quantum_info.states.")
_NOISE_MODULES = (NOISE_MODULE, "qiskit_ibm_runtime.results.noise_learner")
_SETTINGS = {operator.__name__: operator for operator in SETTINGS_CLASSES}
_PUB_RESULTS = {kind.__name__: kind for kind in (PubResult, SamplerPubResult, EstimatorPubResult)}
_RECORDS = {"LayerError": LayerError, "PauliLindbladError": PauliLindbladError}


@dataclass(frozen=True)
class DecodeContext:
    """Where a reader stands: the path of the tagged value, what may still be unpacked, and what makes a result there."""

    path: str
    allowance: Allowance
    build: Build = PrimitiveResult


Reader = Callable[[Any, Mapping[str, Any], DecodeContext], Any]
"""Takes the value under a tag, the whole tagged object, and the place of the value."""


def read_nested(node: Any, place: DecodeContext) -> Any:
    """Return a JSON value in which every tagged object is read, the innermost first."""
    if isinstance(node, list):
        return [
            read_nested(item, DecodeContext(below(place.path, index), place.allowance))
            if isinstance(item, (dict, list))
            else item
            for index, item in enumerate(node)
        ]
    if isinstance(node, dict):
        members = {
            key: read_nested(item, DecodeContext(below(place.path, key), place.allowance))
            if isinstance(item, (dict, list))
            else item
            for key, item in node.items()
        }
        return read_tagged(members, place) if "__type__" in members else members
    return node


def read_tagged(node: dict[str, Any], place: DecodeContext) -> Any:
    """Return the value a tagged object stands for, its members read already; one of an unknown tag is returned as it is."""
    tag = node["__type__"]
    if not isinstance(tag, str) or tag not in _READERS:
        return node
    kinds, reader = _READERS[tag]
    path = below(place.path, "__value__")
    if "__value__" not in node:
        raise DecodeError(f"a {tag} without __value__", place.path)
    value = node["__value__"]
    if not isinstance(value, kinds):
        raise DecodeError(f"no valid {tag}: unexpected {type(value).__name__}", path)
    if tag not in _CONTAINERS:
        _refuse_bindings(value, path)
    try:
        return reader(value, node, DecodeContext(path, place.allowance, place.build))
    except (DecodeError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as cause:  # other packages raise what they like; compiled ones panic past Exception
        raise DecodeError(f"no valid {tag} ({fault_of(cause)[:200]})", path) from cause


def _refuse_bindings(value: Any, path: str) -> None:
    """Refuse a ``BindingsArray`` where it does not belong.

    Without values it passes for a sequence that never ends, and most readers would go through it.
    """
    if isinstance(value, BindingsArray):
        raise DecodeError("a BindingsArray does not belong here", path)
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_bindings(item, below(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_bindings(item, below(path, index))


def _circuit(value: Any, _: Mapping[str, Any], place: DecodeContext) -> QuantumCircuit:
    content = unpack(value, allowance=place.allowance, path=place.path)
    try:
        return read_circuit(content)
    except CircuitLoadError as cause:
        raise DecodeError(f"no valid circuit: {cause}", place.path) from cause


def _array(value: Any, _: Mapping[str, Any], place: DecodeContext) -> Any:
    if isinstance(value, str) and _is_extrapolator(value):
        return value  # rest-api.md 4.12: names of extrapolators arrive under this tag, too
    if isinstance(value, (str, memoryview)):
        return load_array(value, allowance=place.allowance, path=place.path)
    if isinstance(value, list) and not _holds_numbers(value):
        return _object_array(value, place.path)
    return load_numbers(value, path=place.path)


def _holds_numbers(value: Any) -> bool:
    """Tell whether lists hold nothing but numbers, and null, which stands for NaN."""
    if isinstance(value, list):
        return all(map(_holds_numbers, value))
    return isinstance(value, (int, float, type(None)))


def _object_array(items: list[Any], path: str) -> NDArray[Any]:
    """Return the array that travelled as nested lists because it holds objects (or text)."""
    shape: list[int] = []
    cells: list[Any] = items
    while cells and all(isinstance(cell, list) and len(cell) == len(cells[0]) for cell in cells):
        shape.append(len(cells))
        cells = [item for cell in cells for item in cell]
        if len(shape) > _DEEPEST_ARRAY:
            raise DecodeError("the lists are nested too deeply for an array", path)
    shape = [*shape, len(items) if not shape else len(cells) // math.prod(shape)]
    if all(isinstance(item, str) for item in cells):
        return np.array(cells).reshape(shape)
    array = np.empty(len(cells), dtype=object)
    for index, item in enumerate(cells):  # at once, NumPy would look into the items, some of which never end
        array[index] = item
    return array.reshape(shape)


def _is_extrapolator(name: str) -> bool:
    stem, _, degree = name.rpartition("_")
    if stem == "polynomial_degree":
        return degree.isdigit()
    return name in ("linear", "exponential", "double_exponential", "fallback")


def _complex(value: Any, _: Mapping[str, Any], place: DecodeContext) -> complex:
    numbers = load_numbers(value, path=place.path)
    if numbers.shape != (2,):
        raise DecodeError("expected a real and an imaginary part", place.path)
    return complex(numbers[0], numbers[1])


def _parameter(value: Any, _: Mapping[str, Any], place: DecodeContext) -> Parameter:
    content = load_base64(value, path=place.path)
    length, uuid = struct.unpack_from("!H16s", content)
    name = content[18 : 18 + length]
    if len(name) != length:
        raise DecodeError("the name of the parameter ends early", place.path)
    return Parameter(name.decode(), uuid=UUID(bytes=uuid))


def _instruction(value: Any, node: Mapping[str, Any], place: DecodeContext) -> Any:
    (instruction,) = _circuit(value, node, place).data
    return instruction.operation


def _settings(value: Any, node: Mapping[str, Any], _: DecodeContext) -> Any:
    module, operator = str(node.get("__module__")), _SETTINGS.get(str(node.get("__class__")))
    if operator is None or not (module + ".").startswith(_SETTINGS_MODULES):
        return node
    return operator(**_restore_int_keys(value))


def _record(value: Any, node: Mapping[str, Any], _: DecodeContext) -> Any:
    record = _RECORDS.get(str(node.get("__class__")))
    if record is None or node.get("__module__") not in _NOISE_MODULES:
        return node
    return record(**_restore_int_keys(value))


def _restore_int_keys(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    copy = {key: _restore_int_keys(item) for key, item in value.items()}
    if not copy.pop("__int_keys__", False):
        return copy
    return {int(key) if key.lstrip("-").isdigit() else key: item for key, item in copy.items()}


def _sparse_matrix(value: Any, _: Mapping[str, Any], place: DecodeContext) -> Any:
    from scipy.sparse import load_npz

    content = load_base64(value, path=place.path)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        place.allowance.take(sum(member.file_size for member in archive.infolist()), place.path)
    return load_npz(io.BytesIO(content))


def _bindings(value: Any, _: Mapping[str, Any], place: DecodeContext) -> BindingsArray:
    data, shape = {}, value.get("shape")
    for key, numbers in (value.get("data") or {}).items():
        names = json.loads(key)
        names = tuple(names) if isinstance(names, list) else (str(names),)
        data[names] = load_numbers(numbers, path=below(below(place.path, "data"), key))
    return BindingsArray(data, shape=None if shape is None else tuple(shape))


def _bit_array(value: Any, _: Mapping[str, Any], place: DecodeContext) -> BitArray:
    array = load_numbers(value["array"], path=below(place.path, "array"))
    if array.dtype != np.uint8 and array.dtype.kind in "iu" and np.all((array >= 0) & (array < 256)):
        array = array.astype(np.uint8)
    return BitArray(array, value["num_bits"])


def _data_bin(value: Any, _: Mapping[str, Any], place: DecodeContext) -> DataBin:
    shape = value.get("shape") or []
    if not isinstance(shape, list):
        raise DecodeError("expected a list", below(place.path, "shape"))
    return DataBin(shape=tuple(shape), **value["fields"])


def _pub_result(value: Any, node: Mapping[str, Any], place: DecodeContext) -> PubResult:
    data, metadata = value["data"], value.get("metadata")
    if not isinstance(data, DataBin):
        raise DecodeError("expected a DataBin", below(place.path, "data"))
    if not isinstance(metadata, (dict, type(None))):
        raise DecodeError("expected an object", below(place.path, "metadata"))
    return _PUB_RESULTS[node["__type__"]](data, metadata)


def _primitive_result(value: Any, _: Mapping[str, Any], place: DecodeContext) -> PrimitiveResult[Any]:
    results, path = value["pub_results"], place.path
    if not isinstance(results, list):
        raise DecodeError("expected a list", below(path, "pub_results"))
    for index, result in enumerate(results):
        if not isinstance(result, PubResult):
            raise DecodeError("expected a PubResult", below(below(path, "pub_results"), index))
    if not isinstance(value.get("metadata"), (dict, type(None))):
        raise DecodeError("expected an object", below(path, "metadata"))
    return place.build(results, value.get("metadata") or {})


def _span(value: Any, node: Mapping[str, Any], place: DecodeContext) -> ExecutionSpan:
    start, stop = (
        time if not isinstance(time, str) else load_datetime(time, path=place.path)
        for time in (value["start"], value["stop"])
    )
    return load_span(node["__type__"], start, stop, value["data_slices"])


def _spans(value: Any, _: Mapping[str, Any], place: DecodeContext) -> ExecutionSpans:
    for index, span in enumerate(value["spans"]):
        if not isinstance(span, ExecutionSpan):
            raise DecodeError("expected an execution span", below(below(place.path, "spans"), index))
    return ExecutionSpans(value["spans"])


def _pauli_lindblad_map(value: Any, _: Mapping[str, Any], __: DecodeContext) -> Any:
    terms = [tuple(term) for term in value["paulis"]]
    return PauliLindbladMap.from_sparse_list(terms, num_qubits=value["num_qubits"])


def _noise_model(value: Any, node: Mapping[str, Any], _: DecodeContext) -> Any:
    return _aer_noise_model(value) if find_spec("qiskit_aer") else node


def _aer_noise_model(value: Any) -> Any:
    model = load_errors(check_document(value))
    model._custom_noise_passes += load_passes(value.get(PASSES, []), _not_here)
    return model


def _not_here(entry: Mapping[str, Any]) -> Any:
    raise ValueError(
        f"the noise pass {entry.get('name')} runs code of its own, and is kept where it was made"
    )


_CONTAINERS = frozenset({"ndarray", "DataBin", *_PUB_RESULTS, "PrimitiveResult"})
"""Tags whose values may hold any other value."""

_TEXT: tuple[type, ...] = (str,)
_LIST: tuple[type, ...] = (list,)
_DICT: tuple[type, ...] = (dict,)
_ANY: tuple[type, ...] = (object,)

_READERS: dict[str, tuple[tuple[type, ...], Reader]] = {
    "datetime": (_TEXT, lambda value, _, place: load_datetime(value, path=place.path)),
    "complex": (_LIST, _complex),
    "ndarray": ((str, memoryview, int, float, list), _array),
    "set": (_LIST, lambda value, _, __: set(value)),
    "QuantumCircuit": (_TEXT, _circuit),
    "Parameter": (_TEXT, _parameter),
    "Instruction": (_TEXT, _instruction),
    "settings": (_DICT, _settings),
    "_json": (_DICT, _record),
    "Result": (_DICT, lambda value, _, __: Result.from_dict(value)),
    "spmatrix": (_TEXT, _sparse_matrix),
    "ObservablesArray": (_ANY, lambda value, _, place: load_observables(value, path=place.path)),
    "BindingsArray": (_DICT, _bindings),
    "BitArray": (_DICT, _bit_array),
    "DataBin": (_DICT, _data_bin),
    **dict.fromkeys(_PUB_RESULTS, (_DICT, _pub_result)),
    "PrimitiveResult": (_DICT, _primitive_result),
    "NoiseLearnerResult": (
        _DICT,
        lambda value, _, __: NoiseLearnerResult(value["data"], value.get("metadata")),
    ),
    **dict.fromkeys(SPAN_CLASSES, (_DICT, _span)),
    "ExecutionSpans": (_DICT, _spans),
    "ExecutionSpanCollection": (_DICT, _spans),
    "PauliLindbladMap": (_DICT, _pauli_lindblad_map),
    "NoiseModel": (_DICT, _noise_model),
    "to_json": (_ANY, lambda value, _, __: value),
}
"""Tag -> what JSON may hold under it, and its reader."""
