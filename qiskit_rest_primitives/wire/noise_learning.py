"""What a ``noise-learner`` job of version 3 is given: boxes of a circuit, and how to learn their noise (rest-api.md 4.7).

Written as schema v0.3; read from v0.1 on, which differ in what the options have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit

from ..qasm.annotations import AnnotationRecords
from ..qasm.qpy import VERSION, read_circuit, write_circuits
from .arrays import dump_base64, load_base64
from .jsonio import DecodeError

__all__ = ["VERSIONS", "LearningRequest", "dump_request", "filled_options", "is_request", "load_request"]

VERSIONS = ("v0.1", "v0.2", "v0.3")
_PATH = "$.instructions"
_CHECK = {"enable": False, "x_pulse_type": "xslow", "strategy": "node"}
_DEFAULTS: dict[str, Any] = {
    "shots_per_randomization": 128,
    "num_randomizations": 32,
    "layer_pair_depths": [0, 1, 2, 4, 16, 32],
    "bit_flip_checks": {"pre_circuit": _CHECK, "post_circuit": _CHECK},
    "post_selection": _CHECK,
    "init_qubits": True,
    "rep_delay": None,
}
"""What the schema's options are when they are not given; all are written."""


@dataclass(frozen=True)
class LearningRequest:
    """A job of a noise learner.

    Attributes:
        instructions: The boxes, on the qubits of the device.
        options: As in schema v0.3, all of them there.
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

    Args:
        instructions: Boxes; together they become the circuit that is sent, whose qubits keep their names.
        options: Those that are not left to their defaults.

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
        "options": filled_options(options),
        "version": 3,
    }


def load_request(
    params: Mapping[str, Any], *, annotations: type[AnnotationRecords] = AnnotationRecords
) -> LearningRequest:
    """Read the params of a job. Inverse of ``dump_request``.

    Args:
        params: Of any schema version.
        annotations: What reads the annotations of the boxes.

    Raises:
        DecodeError: They have no such form.
        CircuitLoadError: The instructions cannot be read.
    """
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
    return LearningRequest(tuple(circuit.data), filled_options(options or {}), version)


def filled_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a job in the form of schema v0.3, with the defaults of those that are missing or null."""
    return _filled(options, _DEFAULTS)


def _filled(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in defaults.items():
        given = options.get(name)
        if isinstance(default, Mapping):
            found[name] = _filled(given, default) if isinstance(given, Mapping) else deepcopy(dict(default))
        else:
            found[name] = deepcopy(default) if given is None else given
    return found | {name: value for name, value in options.items() if name not in defaults}
