"""Quantum programs as ``executor`` jobs carry them: circuits, and for each what is bound to it (rest-api.md 4.7).

Written as schema v2.0, with circuits as QPY, which keeps the names of registers and the order of parameters, or as
OpenQASM 3, whose map servers of this package give registers their names by; read from v0.1 to v2.0, which differ in where circuits stand and whether they and the arrays are compressed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.quantum_info import PauliLindbladMap

from ..qasm.annotations import AnnotationRecords
from ..qasm.canonical import CircuitDumpError
from ..qasm.codec import dump_circuit, load_circuit, load_map, rename_circuit
from ..qasm.limits import DEFAULT_LIMITS, CircuitLoadError
from ..qasm.maps import CircuitMap
from ..qasm.noise_model import NOISELESS, Distinguished
from ..qasm.qpy import VERSION, read_circuits, write_circuits
from ..qasm.qpy_substitutes import UnitLostError
from .arrays import Allowance, load_base64, pack, unpack
from .jsonio import DecodeError, below
from .tensors import dump_tensor, is_tensor, load_tensor

VERSIONS = ("v0.1", "v0.2", "v1.0", "v1.1", "v2.0")
_PATH = "$.quantum_program"
PLACE = "qiskit_rest_primitives"
"""Member of the passed data that says which part of a ``run()`` a program is, where that became several."""


@dataclass(frozen=True)
class ProgramItem:
    """One circuit and what is bound to it.

    Attributes:
        circuit: The circuit as sent.
        shape: How often it runs: the shape in front of the results' own axes; not yet extended by ``arguments``.
        arguments: Values of ``circuit.parameters``, shape (..., parameters); None for a samplex item.
        samplex: JSON text of a samplex, which draws the values; None for a circuit item.
        samplex_arguments: What the samplex is given: arrays, numbers, and Pauli-Lindblad maps as documents.
        chunk_size: Most bound circuits in one loop over the shots; None when the service decides.
        names: What its author calls the registers of a circuit that came as text; None of one that has their names.
    """

    circuit: QuantumCircuit
    shape: tuple[int, ...]
    arguments: NDArray[np.float64] | None = None
    samplex: str | None = None
    samplex_arguments: Mapping[str, Any] | None = None
    chunk_size: int | None = None
    names: CircuitMap | None = None

    def in_own_names(self) -> QuantumCircuit:
        """Return the circuit with the registers of its author; parameters keep their names, and so their order."""
        if self.names is None:
            return self.circuit
        return rename_circuit(self.circuit, replace(self.names, parameters=(), bare=(), vectors=frozenset()))


def is_compressed(version: str) -> bool:
    """Tell whether circuits and arrays are compressed in a version of the schema."""
    return version == "v2.0"


def require_samplomatic() -> None:
    """Say what to install if the package samplomatic is missing, which draws the values of samplex items."""
    try:
        import samplomatic  # noqa: F401
    except ImportError as cause:
        raise ImportError(
            "Samplex items need samplomatic: pip install 'qiskit-rest-primitives[executor]'. Circuit items do not."
        ) from cause


# ------------------------------------------------------------------------------------------------ writing


def dump_program(program: Any, *, text: bool = False, noise: Distinguished = NOISELESS) -> dict[str, Any]:
    """Write a program as ``params.quantum_program`` of schema v2.0. The items are read back by ``load_items``.

    Args:
        program: An object with ``shots``, ``items``, ``meas_level`` and ``passthrough_data``; its items have
            ``circuit``, ``chunk_size``, and either ``circuit_arguments`` or ``samplex``, ``samplex_arguments`` and
            ``shape``. Programs of samplomatic are such objects too.
        text: Whether circuits are written as OpenQASM 3 rather than as QPY.
        noise: What the noise that it is meant for tells apart, of which texts keep something.

    Raises:
        UnitLostError: QPY would turn delays in seconds into others.
        CircuitDumpError: OpenQASM 3 cannot carry a circuit.
        ValueError: QPY cannot.
        TypeError: Something that is sent along has no form in the schema.
    """
    circuits, values = _dump_texts(program.items, noise) if text else _dump_qpy(program.items)
    return {
        "shots": int(program.shots),
        "circuits": circuits,
        "items": [_dump_item(*entry) for entry in zip(program.items, values, strict=True)],
        "meas_level": program.meas_level,
        "passthrough_data": _dump_passed(program.passthrough_data, "passthrough_data"),
        "semantic_role": getattr(program, "_semantic_role", None),
    }


_Values = list[NDArray[np.float64] | None]
"""Of the parameters of each circuit, as they are written; None where they are drawn."""


def _dump_qpy(items: Sequence[Any]) -> tuple[dict[str, Any], _Values]:
    try:
        body = write_circuits([item.circuit for item in items], annotations=True)
    except UnitLostError:
        raise
    except Exception as cause:
        reason = str(getattr(cause, "message", cause))
        raise ValueError(f"QPY cannot carry one of its circuits: {reason}") from cause
    values = [None if hasattr(item, "samplex") else _values(item) for item in items]
    return {"b64_data": pack(body), "qpy_version": VERSION, "num_programs": len(items)}, values


def _dump_texts(items: Sequence[Any], noise: Distinguished) -> tuple[dict[str, Any], _Values]:
    texts: list[Any] = []
    values: _Values = []
    for index, item in enumerate(items):
        try:
            written = dump_circuit(item.circuit, circuit_format="qasm3", noise=noise)
        except CircuitDumpError as cause:
            raise CircuitDumpError(f"OpenQASM 3 cannot carry item {index}: {cause}") from cause
        order = tuple(item.circuit.parameters)
        if not hasattr(item, "samplex"):
            own = BindingsArray({order: _values(item)} if order else {}, shape=_values(item).shape[:-1])
            values.append(written.values(own))
        elif written.expressions == order:
            values.append(None)
        else:
            raise CircuitDumpError(f"OpenQASM 3 has no room for parameters of item {index} that are drawn")
        texts.append(written.wire)
    return {"data": texts}, values


def _values(item: Any) -> NDArray[np.float64]:
    return np.asarray(item.circuit_arguments, dtype=np.float64)


def _dump_item(item: Any, values: NDArray[np.float64] | None) -> dict[str, Any]:
    chunk_size = "auto" if item.chunk_size is None else int(item.chunk_size)
    if values is not None:
        return {
            "item_type": "circuit",
            "circuit_arguments": dump_tensor(values, compressed=True),
            "shape": [],
            "chunk_size": chunk_size,
        }
    require_samplomatic()
    from samplomatic.serialization import samplex_to_json
    from samplomatic.ssv import SSV

    return {
        "item_type": "samplex",
        "samplex": {"ssv": SSV, "samplex_json": samplex_to_json(item.samplex, ssv=SSV)},
        "samplex_arguments": {
            name: _dump_argument(value) for name, value in dict(item.samplex_arguments).items()
        },
        "shape": list(item.shape),
        "chunk_size": chunk_size,
    }


def _dump_argument(value: Any) -> Any:
    if isinstance(value, PauliLindbladMap):
        terms = [[paulis, list(qubits), float(rate)] for paulis, qubits, rate in value.to_sparse_list()]
        return {"sparse_terms": terms, "num_qubits": value.num_qubits}
    return dump_tensor(np.asarray(value), compressed=True) if isinstance(value, np.ndarray) else value


def _dump_passed(value: Any, where: str) -> Any:
    """Write data that is only handed through: nested lists and dicts of arrays, numbers and texts."""
    if isinstance(value, np.ndarray):
        return dump_tensor(value, compressed=True)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): _dump_passed(entry, f"{where}.{name}") for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dump_passed(entry, f"{where}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}, which JSON has no number for; an array can hold it")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(
        f"{where} is a {type(value).__name__}; lists, dicts, arrays, numbers, texts and None can be sent"
    )


# ------------------------------------------------------------------------------------------------ reading


def load_passed(value: Any, *, version: str, path: str) -> Any:
    """Read data that was handed through: tensors become arrays, everything else stays as it is."""
    if is_tensor(value) and set(value) == {"data", "shape", "dtype"} and isinstance(value["data"], str):
        return load_tensor(value, compressed=is_compressed(version), path=path)
    if isinstance(value, dict):
        return {
            name: load_passed(entry, version=version, path=below(path, name)) for name, entry in value.items()
        }
    if isinstance(value, list):
        return [
            load_passed(entry, version=version, path=below(path, index)) for index, entry in enumerate(value)
        ]
    return value


def load_noise_map(document: Mapping[str, Any]) -> PauliLindbladMap:
    """Read a Pauli-Lindblad map among the arguments of a samplex."""
    terms = [(str(paulis), list(qubits), float(rate)) for paulis, qubits, rate in document["sparse_terms"]]
    return PauliLindbladMap.from_sparse_list(terms, int(document["num_qubits"]))


def load_items(document: Mapping[str, Any], version: str) -> tuple[ProgramItem, ...]:
    """Read the items of ``params.quantum_program``, whose members have the right types already."""
    (circuits, texts), items = _load_circuits(document, version), document["items"]
    if len(circuits) != len(items):
        raise DecodeError(f"{len(circuits)} circuits do not fit {len(items)} items", f"{_PATH}.circuits")
    allowance, compressed = Allowance(), is_compressed(version)
    loaded = [
        _load_item(item, circuit, compressed, allowance, f"{_PATH}.items[{index}]")
        for index, (item, circuit) in enumerate(zip(items, circuits, strict=True))
    ]
    if not texts:
        return tuple(loaded)
    return tuple(replace(item, names=load_map(text)) for item, text in zip(loaded, texts, strict=True))


def _load_circuits(document: Mapping[str, Any], version: str) -> tuple[list[QuantumCircuit], list[str]]:
    """Return the circuits, and the texts that they came as, if they did."""
    if version.startswith("v0."):
        return [
            _one(_load_qpy(item.get("circuit"), "circuit_b64", False, f"{_PATH}.items[{index}].circuit"))
            for index, item in enumerate(document["items"])
        ], []
    circuits, where = document.get("circuits"), f"{_PATH}.circuits"
    if not document["items"]:
        return [], []
    texts = circuits.get("data") if isinstance(circuits, Mapping) else None
    if texts is None:
        return _load_qpy(circuits, "b64_data", is_compressed(version), where), []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DecodeError("expected a list of OpenQASM 3 texts", f"{where}.data")
    return [load_circuit(text) for text in texts], texts


def _load_qpy(holder: Any, member: str, compressed: bool, where: str) -> list[QuantumCircuit]:
    if not isinstance(holder, Mapping) or not isinstance(holder.get(member), str):
        raise DecodeError(f"expected an object with {member}", where)
    text, path = holder[member], f"{where}.{member}"
    most = Allowance(DEFAULT_LIMITS.qpy_bytes)
    try:
        body = unpack(text, allowance=most, path=path) if compressed else load_base64(text, path=path)
    except DecodeError as cause:
        raise CircuitLoadError(str(cause)) from cause
    return read_circuits(body, annotations=AnnotationRecords)


def _one(circuits: list[QuantumCircuit]) -> QuantumCircuit:
    if len(circuits) != 1:
        raise CircuitLoadError(f"an item must hold exactly one circuit, not {len(circuits)}")
    return circuits[0]


def _load_item(
    item: Mapping[str, Any], circuit: QuantumCircuit, compressed: bool, allowance: Allowance, path: str
) -> ProgramItem:
    shape = tuple(item.get("shape", []))
    chunk = item.get("chunk_size", "auto")
    chunk_size = None if chunk == "auto" else chunk
    if item.get("item_type", "circuit") == "samplex":
        arguments = {
            name: load_tensor(
                value, compressed=compressed, allowance=allowance, path=f"{path}.samplex_arguments.{name}"
            )
            if isinstance(value, Mapping) and "sparse_terms" not in value
            else value
            for name, value in (item.get("samplex_arguments") or {}).items()
        }
        return ProgramItem(
            circuit,
            shape,
            samplex=item["samplex"]["samplex_json"],
            samplex_arguments=arguments,
            chunk_size=chunk_size,
        )
    where = f"{path}.circuit_arguments"
    values = load_tensor(
        item.get("circuit_arguments"), compressed=compressed, allowance=allowance, path=where
    )
    if values.dtype != np.float64:
        raise DecodeError("the values must be of dtype f64", f"{where}.dtype")
    count = values.shape[-1] if values.ndim else 0
    if count != circuit.num_parameters:
        raise DecodeError(f"{count} values do not fit {circuit.num_parameters} parameters", where)
    if not np.isfinite(values).all():
        raise DecodeError("the values must be finite", where)
    return ProgramItem(circuit, shape, arguments=values, chunk_size=chunk_size)
