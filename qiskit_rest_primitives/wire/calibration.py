"""A Qiskit backend -> the configuration and properties documents of the service (rest-api.md 3.2, 3.3).

The opposite direction is ``wire/target.py``. Every field that a client of the service insists on is written;
what a Target cannot know (pulse data, queue, prices) is left out or given the value the service uses for "none".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from qiskit.circuit import Gate, Instruction
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from .target import CONTROL_FLOW, NON_UNITARY, Qargs

EPOCH = "2026-01-01T00:00:00+00:00"
"""Date written where the service has one and a backend object knows none, so that documents are repeatable."""

_STANDARD = get_standard_gate_name_mapping()
_SPLIT = frozenset({"prob_meas0_prep1", "prob_meas1_prep0"})


def what_all_say() -> dict[str, Any]:
    """Return what every configuration document says that is written here or by the server."""
    return {
        "local": False, "open_pulse": False, "memory": True, "max_experiments": 300, "online_date": EPOCH,
        "meas_levels": [1, 2], "instruction_signatures": [], "n_registers": 1, "n_uchannels": 0, "u_channel_lo": [],
        "quantum_volume": None, "url": "None", "allow_q_object": True, "credits_required": False,
        "multi_meas_enabled": True, "measure_esp_enabled": False, "uchannels_enabled": False, "parallel_compilation": False,
        "acquisition_latency": [], "conditional_latency": [], "clops": None, "clops_v": None,
    }  # fmt: skip


_OF_THE_DEVICE = (
    "acquisition_latency", "clops", "clops_h", "clops_v", "conditional_latency", "coords", "credits_required",
    "default_rep_delay", "discriminators", "meas_kernels", "measure_esp_enabled", "multi_meas_enabled", "online_date",
    "parallel_compilation", "processor_type", "quantum_volume", "rep_delay_range", "rep_times", "sample_name",
)  # fmt: skip
"""What a backend's own configuration knows and its target does not."""


def dump_configuration(
    backend: BackendV2 | Target, *, simulator: bool = False, max_shots: int = 100_000
) -> dict[str, Any]:
    """Describe a backend or a bare Target as ``GET /backends/{name}/configuration`` does. Inverse: ``target.load_target``.

    Args:
        backend: Its width must be known.
        simulator: Value of the ``simulator`` field.
        max_shots: Most shots per PUB that the document promises.

    Returns:
        A JSON-able document with every required field of rest-api.md 3.2; ``dt`` in ns.

    Raises:
        ValueError: The target has no number of qubits.
    """
    target = _target_of(backend)
    names = [gate for gate in sorted(target.operation_names) if _is_describable(target, gate)]
    features = ["qasm3", "parameters"]
    if CONTROL_FLOW.keys() & target.operation_names:
        features.insert(1, "dynamic_circuits")
    configuration: dict[str, Any] = {
        "backend_name": getattr(backend, "name", None) or "target",
        "backend_version": _version_of(backend),
        "n_qubits": target.num_qubits,
        "basis_gates": [gate for gate in names if gate not in NON_UNITARY],
        "gates": [_dump_gate(target, gate) for gate in names if gate != "delay"],
        "simulator": simulator,
        "conditional": False,
        "max_shots": max_shots,
        "coupling_map": _dump_coupling(target),
        "description": f"{target.num_qubits} qubit {'simulator' if simulator else 'device'}",
        "dynamic_reprate_enabled": True,
        "rep_delay_range": [0.0, 2000.0],
        "default_rep_delay": 250.0,
        "rep_times": [0.001],
        "meas_map": [list(range(target.num_qubits))],
        "timing_constraints": _dump_timing(target),
        "supported_instructions": names + sorted(CONTROL_FLOW.keys() & target.operation_names),
        "supported_features": features,
        "coords": [],
        "clops_h": None,
        **what_all_say(),
    }
    own = _own_document(backend, "configuration")
    configuration |= {key: own[key] for key in _OF_THE_DEVICE if own.get(key) not in (None, "None")}
    signatures = _signatures(target)
    configuration["instruction_signatures"] = signatures
    configuration["supported_instructions"] += [signature["name"] for signature in signatures]
    if target.dt is not None:
        configuration["dt"] = configuration["dtm"] = _rounded(target.dt * 1e9)
    return configuration


def dump_properties(backend: BackendV2 | Target) -> dict[str, Any] | None:
    """Describe a backend's calibration as ``GET /backends/{name}/properties`` does. Inverse: ``target.load_target``.

    Returns:
        The document of rest-api.md 3.3 (times in us and ns, frequencies in GHz); None when the target carries
        no error, duration or coherence time at all. What the target does not say comes from the backend's own
        ``properties()``, if it has some: above all the two readout errors of each qubit.
    """
    target = _target_of(backend)
    gates = [
        entry
        for gate in sorted(target.operation_names)
        if gate not in ("measure", "delay") and _is_describable(target, gate)
        for entry in _dump_gate_values(target, gate)
    ]
    qubits = [_dump_qubit(target, qubit) for qubit in range(target.num_qubits)]
    own = _own_document(backend, "properties")
    if len(own.get("qubits", ())) == target.num_qubits:
        qubits = [_completed(mine, theirs) for mine, theirs in zip(qubits, own["qubits"], strict=True)]
        gates = _completed_gates(gates, own.get("gates", ()))
    if not gates and all(entry["name"] == "operational" for entries in qubits for entry in entries):
        return None
    return {
        "backend_name": getattr(backend, "name", None) or "target",
        "backend_version": _version_of(backend),
        "last_update_date": EPOCH,
        "qubits": qubits,
        "gates": gates,
        "general": [],
    }


def _own_document(backend: BackendV2 | Target, kind: str) -> dict[str, Any]:
    """Return the document that a backend keeps of itself, as fake backends do; empty without one."""
    ask = None if isinstance(backend, Target) else getattr(backend, kind, None)
    try:
        document = _readable(ask().to_dict()) if callable(ask) else {}
    except Exception:  # noqa: BLE001 (whatever a backend raises that has none)
        return {}
    return document if isinstance(document, dict) else {}


def _readable(value: Any) -> Any:
    """Write dates as text, and tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): _readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_readable(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _completed(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return values of a qubit, with those that only the backend's own document has.

    A Target knows one readout error; as long as it is still that of the document, the document's two are meant.
    """
    known = {entry["name"]: entry for entry in mine}
    own = {entry["name"]: entry for entry in theirs}
    same = "readout_error" not in known or (
        "readout_error" in own
        and math.isclose(own["readout_error"]["value"], known["readout_error"]["value"], rel_tol=1e-6)
    )
    symmetric = (
        len({entry["value"] for name, entry in known.items() if name in {*_SPLIT, "readout_error"}}) < 2
    )
    if same and symmetric and own.keys() >= _SPLIT:
        known |= {name: own[name] for name in _SPLIT}
    return list({**own, **known}.values())


def _completed_gates(mine: list[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return values of gates, with those that only the backend's own document has."""
    found = {(gate["gate"], tuple(gate["qubits"])): gate for gate in mine}
    for gate in theirs:
        known = found.setdefault((gate["gate"], tuple(gate["qubits"])), {**gate, "parameters": []})
        names = {entry["name"] for entry in known["parameters"]}
        known["parameters"] += [entry for entry in gate["parameters"] if entry["name"] not in names]
    return list(found.values())


def _target_of(backend: BackendV2 | Target) -> Target:
    target = backend if isinstance(backend, Target) else backend.target
    if not target.num_qubits:
        raise ValueError("the backend's target does not say how many qubits it has")
    return target


def _version_of(backend: BackendV2 | Target) -> str:
    parts = str(getattr(backend, "backend_version", None) or "1.0.0").split(".")
    return ".".join([*parts, "0", "0"][:3])


def _signatures(target: Target) -> list[dict[str, Any]]:
    """Describe the service's own instructions, such as measure_2; others that are no gates are not described."""
    found = []
    for name in sorted(target.operation_names):
        operation = target.operation_from_name(name)
        if name.startswith(("measure_", "reset_")) and isinstance(operation, Instruction):
            returns = "Bool" if operation.num_clbits else "None"
            found.append(
                {
                    "name": name,
                    "num_qubits": operation.num_qubits,
                    "num_clbits": operation.num_clbits,
                    "parameters": [],
                    "return_type": returns,
                    "description": "",
                }
            )
    return found


def _is_describable(target: Target, name: str) -> bool:
    """Tell whether the documents can carry the operation: a standard gate, or a gate tied to qubits."""
    if name in NON_UNITARY:
        return True
    if not isinstance(target.operation_from_name(name), Gate):
        return False
    return name in _STANDARD or None not in (target[name] or {None: None})


def _qargs(target: Target, name: str) -> list[Qargs]:
    """Return where the operation stands; empty when it may stand anywhere."""
    return [tuple(where) for where in (target[name] or ()) if where is not None]


def _dump_gate(target: Target, name: str) -> dict[str, Any]:
    operation = target.operation_from_name(name)
    gate: dict[str, Any] = {
        "name": name,
        "parameters": [getattr(parameter, "name", "theta") for parameter in operation.params],
        "qasm_def": None,
    }
    if name not in NON_UNITARY and (where := _qargs(target, name)):
        gate["coupling_map"] = [list(qubits) for qubits in where]
    return gate


def _dump_coupling(target: Target) -> list[list[int]] | None:
    coupling = target.build_coupling_map()
    if coupling is None:
        return None
    pairs = {tuple(pair) for pair in coupling.get_edges()}
    return [list(pair) for pair in sorted(pairs | {pair[::-1] for pair in pairs})]


def _dump_timing(target: Target) -> dict[str, int]:
    return {
        key: int(getattr(target, key))
        for key in ("acquire_alignment", "granularity", "min_length", "pulse_alignment")
    }


def _dump_gate_values(target: Target, name: str) -> list[dict[str, Any]]:
    entries = []
    for qubits in _qargs(target, name):
        values = target[name][qubits]
        parameters = []
        if values is not None and values.error is not None:
            parameters.append(_nduv("gate_error", "", values.error))
        if values is not None and values.duration is not None:
            parameters.append(_nduv("gate_length", "ns", values.duration * 1e9))
        if parameters:
            place = "_".join(map(str, qubits))
            entries.append(
                {"qubits": list(qubits), "gate": name, "name": f"{name}{place}", "parameters": parameters}
            )
    return entries


def _dump_qubit(target: Target, qubit: int) -> list[dict[str, Any]]:
    entries = []
    if target.qubit_properties is not None and target.qubit_properties[qubit] is not None:
        known = target.qubit_properties[qubit]
        for attribute, name, unit, factor in (
            ("t1", "T1", "us", 1e6),
            ("t2", "T2", "us", 1e6),
            ("frequency", "frequency", "GHz", 1e-9),
        ):
            if getattr(known, attribute, None) is not None:
                entries.append(_nduv(name, unit, getattr(known, attribute) * factor))
    if "measure" not in target.operation_names or target["measure"] is None:
        return entries
    if (qubit,) not in target["measure"] and None not in target["measure"]:
        entries.append(_nduv("operational", "", 0))
        return entries
    values = target["measure"].get((qubit,))
    if values is not None and values.error is not None:
        # A Target knows one readout error, some know two; the documents split it by prepared state.
        entries.append(_nduv("readout_error", "", values.error))
        split = {name: getattr(values, name, None) for name in sorted(_SPLIT)}
        for name, value in split.items():
            entries.append(_nduv(name, "", values.error if value is None else value))
    if values is not None and values.duration is not None:
        entries.append(_nduv("readout_length", "ns", values.duration * 1e9))
    return entries


def _nduv(name: str, unit: str, value: float) -> dict[str, Any]:
    return {"date": EPOCH, "name": name, "unit": unit, "value": _rounded(value) if unit else value}


def _rounded(value: float) -> float:
    """Undo the last-bit noise of a unit conversion, so that 24 ns stays 24 ns."""
    return float(f"{value:.15g}")
