"""Tagged JSON objects -> Python values, one level at a time: the reading half of ``typed``.

A static table maps each tag to its reader; nothing is ever imported by a name read from the wire. What does
not live here: walking through nested documents (``typed``), and the inverse (``tag_writers``).
"""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.quantum_info import PauliLindbladMap
from qiskit.result import Result

from .arrays import Allowance, load_array, load_base64, load_numbers, unpack
from .jsonio import DecodeError, below, load_datetime
from .noise import LayerError, NoiseLearnerResult, PauliLindbladError
from .observables import load_observables
from .spans import SPAN_CLASSES, ExecutionSpan, ExecutionSpans, load_span
from .tag_writers import NOISE_MODULE, SETTINGS_CLASSES

_OPERATORS_MODULE = "qiskit.quantum_info.operators"
_NOISE_MODULES = (NOISE_MODULE, "qiskit_ibm_runtime.results.noise_learner")
_SETTINGS = {operator.__name__: operator for operator in SETTINGS_CLASSES}
_RECORDS = {"LayerError": LayerError, "PauliLindbladError": PauliLindbladError}


@dataclass(frozen=True)
class Place:
    """Where a reader stands: the path of the tagged value, and what may still be unpacked."""

    path: str
    allowance: Allowance


def read_tagged(node: dict[str, Any], place: Place) -> Any:
    """Return the value a tagged object stands for; an object of an unknown tag is returned as it is.

    Args:
        node: The object, its members read already.
        place: Where it stands.

    Raises:
        DecodeError: The tag is known, but the value is not what belongs to it.
    """
    tag = node["__type__"]
    reader = _READERS.get(tag) if isinstance(tag, str) else None
    if reader is None:
        return node
    if "__value__" not in node:
        raise DecodeError(f"a {tag} without __value__", place.path)
    try:
        return reader(node["__value__"], node, place)
    except DecodeError:
        raise
    except Exception as cause:  # the readers of other packages raise whatever they like
        summary = f"{type(cause).__name__}: {cause}"[:200]
        raise DecodeError(f"no valid {tag} ({summary})", below(place.path, "__value__")) from cause


def unpack_qpy(text: object, place: Place) -> QuantumCircuit:
    """Read one circuit from base64(zlib(QPY)). Inverse of ``tag_writers.pack_qpy``.

    Raises:
        DecodeError: The text is damaged, newer than the installed Qiskit, or holds no single circuit.
    """
    buffer = io.BytesIO(unpack(text, allowance=place.allowance, path=place.path))
    version = qpy.get_qpy_version(buffer)
    if version > qpy.common.QPY_VERSION:
        problem = f"a circuit in QPY version {version}; the installed Qiskit reads {qpy.common.QPY_VERSION}: upgrade it"
        raise DecodeError(problem, place.path)
    circuits = qpy.load(buffer)
    if len(circuits) != 1 or not isinstance(circuits[0], QuantumCircuit):
        raise DecodeError(f"expected one circuit, found {len(circuits)} programs", place.path)
    return circuits[0]


def _array(value: Any, _: Mapping[str, Any], place: Place) -> Any:
    if isinstance(value, str) and _is_extrapolator(value):
        return value  # rest-api.md 4.12: names of extrapolators arrive under this tag, too
    if isinstance(value, str):
        return load_array(value, allowance=place.allowance, path=below(place.path, "__value__"))
    if isinstance(value, (int, float, list)):
        return np.array(value) if _is_general(value) else load_numbers(value, path=place.path)
    raise DecodeError(f"expected an array, found {type(value).__name__}", place.path)


def _is_general(value: Any) -> bool:
    """Return whether a list is more than numbers: arrays of objects travel as lists."""
    while isinstance(value, list) and value:
        value = value[0]
    return not isinstance(value, (int, float, list, type(None)))


def _is_extrapolator(name: str) -> bool:
    stem, _, degree = name.rpartition("_")
    if stem == "polynomial_degree":
        return degree.isdigit()
    return name in ("linear", "exponential", "double_exponential", "fallback")


def _complex(value: Any, _: Mapping[str, Any], place: Place) -> complex:
    numbers = load_numbers(value, path=place.path)
    if numbers.shape != (2,):
        raise DecodeError("expected a real and an imaginary part", place.path)
    return complex(numbers[0], numbers[1])


def _parameter(value: Any, _: Mapping[str, Any], place: Place) -> Parameter:
    content = load_base64(value, path=place.path)
    length, uuid = struct.unpack_from("!H16s", content)
    name = content[18 : 18 + length]
    if len(name) != length:
        raise DecodeError("the name of the parameter ends early", place.path)
    return Parameter(name.decode(), uuid=UUID(bytes=uuid))


def _instruction(value: Any, _: Mapping[str, Any], place: Place) -> Any:
    (instruction,) = unpack_qpy(value, place).data
    return instruction.operation


def _settings(value: Any, node: Mapping[str, Any], _: Place) -> Any:
    module, operator = str(node.get("__module__")), _SETTINGS.get(str(node.get("__class__")))
    if operator is None or not (module + ".").startswith(_OPERATORS_MODULE + "."):
        return node
    return operator(**_restore_int_keys(value))


def _record(value: Any, node: Mapping[str, Any], _: Place) -> Any:
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


def _sparse_matrix(value: Any, _: Mapping[str, Any], place: Place) -> Any:
    from scipy.sparse import load_npz

    content = load_base64(value, path=place.path)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        place.allowance.take(sum(member.file_size for member in archive.infolist()), place.path)
    return load_npz(io.BytesIO(content))


def _bindings(value: Any, _: Mapping[str, Any], __: Place) -> BindingsArray:
    data = {}
    for key, numbers in (value.get("data") or {}).items():
        names = json.loads(key)
        data[tuple(names) if isinstance(names, list) else (str(names),)] = numbers
    shape = value.get("shape")
    return BindingsArray(data, shape=None if shape is None else tuple(shape))


def _bit_array(value: Any, _: Mapping[str, Any], place: Place) -> BitArray:
    array = value["array"]
    if not isinstance(array, np.ndarray):
        array = load_numbers(array, path=below(place.path, "array"))
    if array.dtype != np.uint8 and array.dtype.kind in "iu" and np.all((array >= 0) & (array < 256)):
        array = array.astype(np.uint8)
    return BitArray(array, value["num_bits"])


def _data_bin(value: Any, _: Mapping[str, Any], place: Place) -> DataBin:
    fields = value["fields"]
    return make_data_bin(fields, tuple(value.get("shape") or ()), below(place.path, "__value__"))


def make_data_bin(fields: Mapping[str, Any], shape: tuple[int, ...], path: str) -> DataBin:
    """Return a ``DataBin`` of the given fields.

    Raises:
        DecodeError: Qiskit refuses a field's name, or a field does not lead with the shape.
    """
    try:
        return DataBin(shape=shape, **fields)
    except (ValueError, TypeError) as cause:
        raise DecodeError(f"the fields {sorted(fields)} make no DataBin: {cause}", path) from cause


def _pub_result(value: Any, _: Mapping[str, Any], place: Place) -> PubResult:
    return _checked(PubResult, value, place)


def _sampler_pub_result(value: Any, _: Mapping[str, Any], place: Place) -> SamplerPubResult:
    return _checked(SamplerPubResult, value, place)


def _checked(kind: type[PubResult], value: Any, place: Place) -> Any:
    data, metadata = value["data"], value.get("metadata")
    if not isinstance(data, DataBin):
        raise DecodeError("expected a DataBin", below(below(place.path, "__value__"), "data"))
    if not isinstance(metadata, (dict, type(None))):
        raise DecodeError("expected an object", below(below(place.path, "__value__"), "metadata"))
    return kind(data, metadata)


def _primitive_result(value: Any, _: Mapping[str, Any], place: Place) -> PrimitiveResult[Any]:
    results, path = value["pub_results"], below(place.path, "__value__")
    if not isinstance(results, list):
        raise DecodeError("expected a list", below(path, "pub_results"))
    for index, result in enumerate(results):
        if not isinstance(result, PubResult):
            raise DecodeError("expected a PubResult", below(below(path, "pub_results"), index))
    if not isinstance(value.get("metadata"), (dict, type(None))):
        raise DecodeError("expected an object", below(path, "metadata"))
    return PrimitiveResult(results, value.get("metadata"))


def _noise_learner_result(value: Any, _: Mapping[str, Any], __: Place) -> NoiseLearnerResult:
    return NoiseLearnerResult(value["data"], value.get("metadata"))


def _span(value: Any, node: Mapping[str, Any], place: Place) -> ExecutionSpan:
    start, stop = (
        time if not isinstance(time, str) else load_datetime(time, path=place.path)
        for time in (value["start"], value["stop"])
    )
    return load_span(node["__type__"], start, stop, value["data_slices"])


def _spans(value: Any, _: Mapping[str, Any], place: Place) -> ExecutionSpans:
    for index, span in enumerate(value["spans"]):
        if not isinstance(span, ExecutionSpan):
            raise DecodeError("expected an execution span", below(below(place.path, "spans"), index))
    return ExecutionSpans(value["spans"])


def _pauli_lindblad_map(value: Any, _: Mapping[str, Any], __: Place) -> Any:
    terms = [tuple(term) for term in value["paulis"]]
    return PauliLindbladMap.from_sparse_list(terms, num_qubits=value["num_qubits"])


def _noise_model(value: Any, node: Mapping[str, Any], _: Place) -> Any:
    return _aer_noise_model(value) if find_spec("qiskit_aer") else node


def _aer_noise_model(value: Any) -> Any:
    from qiskit_aer.noise import NoiseModel

    with warnings.catch_warnings():
        # Aer deprecates the method without offering another way to read what the service sends.
        warnings.simplefilter("ignore", DeprecationWarning)
        return NoiseModel.from_dict(value)


_READERS: dict[str, Callable[[Any, Mapping[str, Any], Place], Any]] = {
    "datetime": lambda value, _, place: load_datetime(value, path=place.path),
    "complex": _complex,
    "ndarray": _array,
    "set": lambda value, _, __: set(value),
    "QuantumCircuit": lambda value, _, place: unpack_qpy(value, place),
    "Parameter": _parameter,
    "Instruction": _instruction,
    "settings": _settings,
    "_json": _record,
    "Result": lambda value, _, __: Result.from_dict(value),
    "spmatrix": _sparse_matrix,
    "ObservablesArray": lambda value, _, place: load_observables(value, path=place.path),
    "BindingsArray": _bindings,
    "BitArray": _bit_array,
    "DataBin": _data_bin,
    "EstimatorPubResult": _pub_result,
    "PubResult": _pub_result,
    "SamplerPubResult": _sampler_pub_result,
    "PrimitiveResult": _primitive_result,
    "NoiseLearnerResult": _noise_learner_result,
    **dict.fromkeys(SPAN_CLASSES, _span),
    "ExecutionSpans": _spans,
    "ExecutionSpanCollection": _spans,
    "PauliLindbladMap": _pauli_lindblad_map,
    "NoiseModel": _noise_model,
    "to_json": lambda value, _, __: value,
}
