"""What noise learners read and write: the boxes that version 3 is given, and the layers that version 2 finds (rest-api.md 4.7, 4.12).

Boxes are written as schema v0.3, and read from v0.1 on, which differ in what the options have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit

from ..qasm.annotations import AnnotationRecords
from ..qasm.qpy import VERSION, read_circuit, write_circuits
from ..results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from . import typed
from .arrays import dump_base64, load_base64
from .jsonio import DecodeError

VERSIONS = ("v0.1", "v0.2", "v0.3")
_PATH = "$.instructions"


@dataclass(frozen=True)
class LearningRequest:
    """A job of a noise learner.

    Attributes:
        instructions: The boxes, on the qubits of the device.
        options: Those that came, which may be some of the schema's.
        version: The schema that it came in.
    """

    instructions: tuple[CircuitInstruction, ...]
    options: Mapping[str, Any]
    version: str


def is_request(params: Any) -> bool:
    """Tell whether the params of a ``noise-learner`` job are those of version 3."""
    return isinstance(params, Mapping) and (params.get("version") == 3 or "schema_version" in params)


def dump_request(instructions: Iterable[CircuitInstruction], options: Mapping[str, Any]) -> dict[str, Any]:
    """Write the params of a job. Inverse: ``load_request``.

    The boxes become together the circuit that is sent, whose qubits keep their names; the options are as the schema has them, all
    of them there (``NoiseLearnerV3Options.filled``).

    Raises:
        ValueError: QPY cannot carry one of the boxes.
    """
    instructions = tuple(instructions)
    circuit = QuantumCircuit(
        list(dict.fromkeys(qubit for entry in instructions for qubit in entry.qubits)),
        list(dict.fromkeys(clbit for entry in instructions for clbit in entry.clbits)),
    )
    for entry in instructions:
        circuit.append(entry)
    try:
        body = write_circuits([circuit], annotations=True)
    except Exception as cause:
        reason = str(getattr(cause, "message", cause))
        raise ValueError(f"QPY cannot carry one of the instructions: {reason}") from cause
    return {
        "schema_version": VERSIONS[-1],
        "instructions": {"circuit_b64": dump_base64(body), "qpy_version": VERSION},
        "options": dict(options),
        "version": 3,
    }


def load_request(
    params: Mapping[str, Any], *, annotations: type[AnnotationRecords] = AnnotationRecords
) -> LearningRequest:
    """Read the params of a job, of any schema version. Inverse of ``dump_request``."""
    version, holder = params.get("schema_version"), params.get("instructions")
    if version not in VERSIONS:
        raise DecodeError(f"must be one of {', '.join(VERSIONS)}", "$.schema_version")
    if not isinstance(holder, Mapping) or not isinstance(holder.get("circuit_b64"), str):
        raise DecodeError("expected an object with circuit_b64", _PATH)
    circuit = read_circuit(
        load_base64(holder["circuit_b64"], path=f"{_PATH}.circuit_b64"), annotations=annotations
    )
    options = params.get("options")
    if not isinstance({} if options is None else options, Mapping):
        raise DecodeError("expected an object", "$.options")
    return LearningRequest(tuple(circuit.data), options or {}, version)


def dump_layers(result: NoiseLearnerResult) -> dict[str, Any]:
    """Write a result: its elements typed, the object around them not. Inverse: ``load_layers``."""
    return {"data": [typed.dump(layer) for layer in result], "metadata": typed.dump(result.metadata)}


def is_layers(document: Any) -> bool:
    """Tell whether a decoded JSON body is such an answer; one without layers is told by what its metadata echo."""
    if not isinstance(document, dict) or set(document) != {"data", "metadata"}:
        return False
    data, metadata = document["data"], document["metadata"]
    if not isinstance(data, list):
        return False
    if not data:
        return isinstance(metadata, dict) and "input_options" in metadata
    return _is_record(data[0]) or _is_pair(data[0])


def load_layers(document: Any) -> NoiseLearnerResult:
    """Read an answer. Inverse of ``dump_layers``."""
    layers: list[LayerError] = []
    for index, entry in enumerate(document["data"]):
        value = typed.load(entry)
        try:
            layers.append(value if isinstance(value, LayerError) else _from_pair(value))
        except (TypeError, KeyError, IndexError, ValueError) as cause:
            raise DecodeError(f"not the error of a layer: {cause}", f"$.data[{index}]") from cause
    return NoiseLearnerResult(layers, typed.load(document["metadata"]))


def _is_record(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("__class__") == "LayerError"


def _is_pair(entry: Any) -> bool:
    """Tell whether an element is of the older form: what was learned of, and what was learned."""
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(part, dict) for part in entry)
        and "circuit" in entry[0]
        and "generators" in entry[1]
    )


def _from_pair(entry: Any) -> LayerError:
    layer, error = entry
    return LayerError(
        layer["circuit"], layer["qubits"], PauliLindbladError(error["generators"], error["rates"])
    )
