"""Quantum programs as ``executor`` jobs carry them: circuits, and for each what is bound to it (rest-api.md 4.7).

Written as schema v2.0, with circuits as QPY, which keeps the names of registers and the order of parameters; read from
v0.1 to v2.0, which differ in where circuits stand and whether they and the arrays are compressed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliLindbladMap

from ..qasm.annotations import AnnotationRecords
from ..qasm.codec import CircuitLoadError, load_circuit
from ..qasm.limits import DEFAULT_LIMITS
from ..qasm.qpy import VERSION, read_circuits, write_circuits
from .arrays import Allowance, load_base64, pack, unpack
from .jsonio import DecodeError, below
from .tensors import dump_tensor, is_tensor, load_tensor

__all__ = [
    "PLACE",
    "VERSIONS",
    "ProgramItem",
    "dump_program",
    "is_compressed",
    "load_items",
    "load_noise_map",
    "load_passed",
    "require_samplomatic",
]

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
    """

    circuit: QuantumCircuit
    shape: tuple[int, ...]
    arguments: NDArray[np.float64] | None = None
    samplex: str | None = None
    samplex_arguments: Mapping[str, Any] | None = None
    chunk_size: int | None = None


def is_compressed(version: str) -> bool:
    """Tell whether circuits and arrays are compressed in a version of the schema."""
    return version == "v2.0"


def require_samplomatic() -> None:
    """Do nothing if the package samplomatic is there, which draws the values of samplex items.

    Raises:
        ImportError: It is not; the message says what to install.
    """
    try:
        import samplomatic  # noqa: F401
    except ImportError as cause:
        raise ImportError(
            "Samplex items need samplomatic: pip install 'qiskit-rest-primitives[executor]'. Circuit items do not."
        ) from cause


# ------------------------------------------------------------------------------------------------ writing


def dump_program(program: Any) -> dict[str, Any]:
    """Write a program as ``params.quantum_program`` of schema v2.0. The items are read back by ``load_items``.

    Args:
        program: An object with ``shots``, ``items``, ``meas_level`` and ``passthrough_data``; its items have
            ``circuit``, ``chunk_size``, and either ``circuit_arguments`` or ``samplex``, ``samplex_arguments`` and
            ``shape``. Programs of samplomatic are such objects too.

    Raises:
        ValueError: A circuit cannot be carried by QPY.
        TypeError: Something that is sent along has no form in the schema.
    """
    try:
        body = write_circuits([item.circuit for item in program.items], annotations=True)
    except Exception as cause:
        reason = str(getattr(cause, "message", cause))
        raise ValueError(f"QPY cannot carry one of its circuits: {reason}") from cause
    return {
        "shots": int(program.shots),
        "circuits": {"b64_data": pack(body), "qpy_version": VERSION, "num_programs": len(program.items)},
        "items": [_dump_item(item) for item in program.items],
        "meas_level": program.meas_level,
        "passthrough_data": _dump_passed(program.passthrough_data, "passthrough_data"),
        "semantic_role": getattr(program, "_semantic_role", None),
    }


def _dump_item(item: Any) -> dict[str, Any]:
    chunk_size = "auto" if item.chunk_size is None else int(item.chunk_size)
    samplex = getattr(item, "samplex", None)
    if samplex is None:
        values = np.asarray(item.circuit_arguments, dtype=np.float64)
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
        "samplex": {"ssv": SSV, "samplex_json": samplex_to_json(samplex, ssv=SSV)},
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
    """Read data that was handed through: tensors become arrays, everything else stays as it is.

    Args:
        value: The data as they came.
        version: Of the schema.
        path: Where they stand, for errors.

    Raises:
        DecodeError: A tensor is damaged.
    """
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
    """Read the items of ``params.quantum_program``.

    Args:
        document: Its members have the right types already.
        version: One of ``VERSIONS``.

    Raises:
        DecodeError: An array cannot be read.
        CircuitLoadError: A circuit cannot be read.
    """
    circuits, items = _load_circuits(document, version), document["items"]
    if len(circuits) != len(items):
        raise DecodeError(f"{len(circuits)} circuits do not fit {len(items)} items", f"{_PATH}.circuits")
    allowance, compressed = Allowance(), is_compressed(version)
    return tuple(
        _load_item(item, circuit, compressed, allowance, f"{_PATH}.items[{index}]")
        for index, (item, circuit) in enumerate(zip(items, circuits, strict=True))
    )


def _load_circuits(document: Mapping[str, Any], version: str) -> list[QuantumCircuit]:
    if version.startswith("v0."):
        return [
            _one(_load_qpy(item.get("circuit"), "circuit_b64", False, f"{_PATH}.items[{index}].circuit"))
            for index, item in enumerate(document["items"])
        ]
    circuits, where = document.get("circuits"), f"{_PATH}.circuits"
    texts = circuits.get("data") if isinstance(circuits, Mapping) else None
    if texts is None:
        return _load_qpy(circuits, "b64_data", is_compressed(version), where)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DecodeError("expected a list of OpenQASM 3 texts", f"{where}.data")
    return [load_circuit(text) for text in texts]


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
