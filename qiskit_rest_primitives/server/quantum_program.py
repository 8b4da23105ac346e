"""Reading the params of an ``executor`` job: its circuits, what to bind to them, what to hand back (rest-api.md 4.7).

Schema versions v0.1 to v2.0, which differ in where circuits stand and whether they and the arrays are compressed.
What does not live here: running a program (``executor``), and drawing from a samplex (``samplex``).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from ..wire.arrays import Allowance, load_base64
from ..wire.circuits import CircuitLoadError, load_circuit
from ..wire.jsonio import DecodeError
from ..wire.limits import DEFAULT_LIMITS
from ..wire.qpy_form import load_qpy_programs
from .failures import ParamsError
from .tensors import load_tensor

__all__ = ["MEASUREMENTS", "VERSIONS", "ProgramItem", "QuantumProgram", "check_program", "load_program"]

VERSIONS = ("v0.1", "v0.2", "v1.0", "v1.1", "v2.0")
MEASUREMENTS = ("classified", "kerneled", "avg_kerneled", "both")
_PATH = "$.quantum_program"


@dataclass(frozen=True)
class ProgramItem:
    """One circuit and what is bound to it.

    Attributes:
        circuit: The circuit as sent.
        shape: How often it runs: the shape in front of the results' own axes; not yet extended by ``arguments``.
        arguments: Values of ``circuit.parameters``, shape (..., parameters); None for a samplex item.
        samplex: JSON text of a samplex, which draws the values; None for a circuit item.
        samplex_arguments: What the samplex is given: arrays, numbers, and Pauli-Lindblad maps as documents.
    """

    circuit: QuantumCircuit
    shape: tuple[int, ...]
    arguments: NDArray[np.float64] | None = None
    samplex: str | None = None
    samplex_arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class QuantumProgram:
    """An ``executor`` job, read.

    Attributes:
        version: Its schema version, which is that of the result too.
        shots: Shots of every bound circuit.
        items: One per circuit.
        meas_level: One of ``MEASUREMENTS``.
        passthrough_data: Any JSON, returned as it came.
        semantic_role: Returned as it came.
        without_effect: Names of options that were asked for and that change nothing here.
    """

    version: str
    shots: int
    items: tuple[ProgramItem, ...]
    meas_level: str
    passthrough_data: Any
    semantic_role: str | None
    without_effect: tuple[str, ...]

    @property
    def compressed(self) -> bool:
        """Whether arrays travel compressed."""
        return _compressed(self.version)


def check_program(params: Any) -> None:
    """Check what can be checked without reading a circuit or an array.

    Raises:
        ParamsError: Something is missing, of a wrong type, or contradicts itself; the text names the place.
    """
    if not isinstance(params, Mapping):
        raise ParamsError("params must be an object.")
    if params.get("schema_version") not in VERSIONS:
        raise ParamsError(f"params.schema_version must be one of {', '.join(VERSIONS)}.")
    program, options = params.get("quantum_program"), params.get("options")
    if not isinstance(program, Mapping):
        raise ParamsError("params.quantum_program must be an object.")
    if not isinstance({} if options is None else options, Mapping):
        raise ParamsError("params.options must be an object.")
    shots, items = program.get("shots"), program.get("items")
    if not isinstance(shots, int) or isinstance(shots, bool) or shots < 1:
        raise ParamsError("params.quantum_program.shots must be a whole number of at least 1.")
    if not isinstance(items, list):
        raise ParamsError("params.quantum_program.items must be a list.")
    if (program.get("meas_level") or "classified") not in MEASUREMENTS:
        raise ParamsError(f"params.quantum_program.meas_level must be one of {', '.join(MEASUREMENTS)}.")
    role = program.get("semantic_role")
    if role is not None and not isinstance(role, str):
        raise ParamsError("params.quantum_program.semantic_role must be text or null.")
    for index, item in enumerate(items):
        _check_item(item, f"params.quantum_program.items[{index}]")
    sizes = [item.get("chunk_size", "auto") == "auto" for item in items]
    if len(set(sizes)) > 1:
        raise ParamsError(
            "params.quantum_program.items: chunk_size must be 'auto' for all items or for none."
        )


def _check_item(item: Any, where: str) -> None:
    if not isinstance(item, Mapping):
        raise ParamsError(f"{where} must be an object.")
    kind = item.get("item_type", "circuit")
    if kind not in ("circuit", "samplex"):
        raise ParamsError(f"{where}.item_type must be 'circuit' or 'samplex'.")
    shape = item.get("shape", [])
    if not isinstance(shape, list) or not all(type(extent) is int and extent >= 0 for extent in shape):
        raise ParamsError(f"{where}.shape must be a list of sizes.")
    chunk = item.get("chunk_size", "auto")
    if chunk != "auto" and (type(chunk) is not int or chunk < 1):
        raise ParamsError(f"{where}.chunk_size must be 'auto' or a whole number of at least 1.")
    if kind == "samplex":
        samplex = item.get("samplex")
        if not isinstance(samplex, Mapping) or not isinstance(samplex.get("samplex_json"), str):
            raise ParamsError(f"{where}.samplex must be an object with samplex_json.")
        if not isinstance(item.get("samplex_arguments") or {}, Mapping):
            raise ParamsError(f"{where}.samplex_arguments must be an object.")


def load_program(params: Mapping[str, Any]) -> QuantumProgram:
    """Read an ``executor`` job.

    Raises:
        ParamsError: See ``check_program``.
        DecodeError: An array cannot be read.
        CircuitLoadError: A circuit cannot be read.
    """
    check_program(params)
    version, document = params["schema_version"], params["quantum_program"]
    circuits = _load_circuits(document, version)
    items = document["items"]
    if len(circuits) != len(items):
        raise DecodeError(f"{len(circuits)} circuits do not fit {len(items)} items", f"{_PATH}.circuits")
    allowance = Allowance()
    options = params.get("options") or {}
    return QuantumProgram(
        version=version,
        shots=document["shots"],
        items=tuple(
            _load_item(item, circuit, _compressed(version), allowance, f"{_PATH}.items[{index}]")
            for index, (item, circuit) in enumerate(zip(items, circuits, strict=True))
        ),
        meas_level=document.get("meas_level") or "classified",
        passthrough_data=document.get("passthrough_data"),
        semantic_role=document.get("semantic_role"),
        without_effect=_without_effect(options),
    )


def _compressed(version: str) -> bool:
    return version == "v2.0"


def _without_effect(options: Mapping[str, Any]) -> tuple[str, ...]:
    asked = {
        "init_qubits": options.get("init_qubits") is False,
        "rep_delay": options.get("rep_delay") is not None,
        "scheduler_timing": options.get("scheduler_timing"),
        "stretch_values": options.get("stretch_values"),
        "experimental": options.get("experimental"),
    }
    return tuple(name for name, wanted in asked.items() if wanted)


def _load_circuits(document: Mapping[str, Any], version: str) -> list[QuantumCircuit]:
    if version.startswith("v0."):
        return [
            _one(_load_qpy(item.get("circuit"), "circuit_b64", False, f"{_PATH}.items[{index}].circuit"))
            for index, item in enumerate(document["items"])
        ]
    circuits, where = document.get("circuits"), f"{_PATH}.circuits"
    texts = circuits.get("data") if isinstance(circuits, Mapping) else None
    if texts is None:
        return _load_qpy(circuits, "b64_data", _compressed(version), where)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DecodeError("expected a list of OpenQASM 3 texts", f"{where}.data")
    return [load_circuit(text) for text in texts]


def _load_qpy(holder: Any, member: str, compressed: bool, where: str) -> list[QuantumCircuit]:
    if not isinstance(holder, Mapping) or not isinstance(holder.get(member), str):
        raise DecodeError(f"expected an object with {member}", where)
    content = load_base64(holder[member], path=f"{where}.{member}")
    return load_qpy_programs(_inflated(content) if compressed else content)


def _inflated(content: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        body = inflate.decompress(content, DEFAULT_LIMITS.qpy_bytes)
    except zlib.error as cause:
        raise CircuitLoadError(f"the QPY object is not zlib data: {cause}") from cause
    if not inflate.eof:
        raise CircuitLoadError("the QPY object is cut off, or unpacks to too many bytes")
    return body


def _one(circuits: list[QuantumCircuit]) -> QuantumCircuit:
    if len(circuits) != 1:
        raise CircuitLoadError(f"an item must hold exactly one circuit, not {len(circuits)}")
    return circuits[0]


def _load_item(
    item: Mapping[str, Any], circuit: QuantumCircuit, compressed: bool, allowance: Allowance, path: str
) -> ProgramItem:
    shape = tuple(item.get("shape", []))
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
            circuit, shape, samplex=item["samplex"]["samplex_json"], samplex_arguments=arguments
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
    return ProgramItem(circuit, shape, arguments=values)
