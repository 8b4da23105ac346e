"""Transpiling for clients: from the order of ``POST /transpile`` to the documents of its result (rest-api.md 6.2).

A pure function of bytes, run in a worker process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.exceptions import QiskitError
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager

from ...qasm.annotations import AnnotationRecords
from ...qasm.canonical import CircuitDumpError
from ...qasm.codec import dump_circuit, load_circuit, load_map
from ...qasm.limits import CircuitLoadError
from ...qasm.qpy import read_circuits, write_circuits
from ...wire.arrays import dump_base64, load_base64
from ...wire.target import load_target
from ..devices.device import Device
from ..job_errors import BAD_CIRCUIT, INVALID, ParamsError, TaskFailed
from ..primitives.jobs import JobOutput

BEST_LEVEL = 3
_METHODS: dict[str, tuple[str, ...]] = {
    "init_method": ("default",),
    "layout_method": ("default", "dense", "sabre", "trivial"),
    "optimization_method": ("default",),
    "routing_method": ("default", "basic", "lookahead", "none", "sabre"),
    "scheduling_method": ("default", "alap", "asap"),
    "translation_method": (
        *("default", "synthesis", "translator"),
        *("ibm_backend", "ibm_dynamic_and_fractional", "ibm_dynamic_circuits"),  # which this package has, too
    ),
    "unitary_synthesis_method": ("default",),
}
QPY_VERSION = 13
"""Old enough for every reader that knows this form."""
OPTIONS: dict[str, Callable[[Any], bool]] = {
    "approximation_degree": lambda value: is_number(value) and 0 <= value <= 1,
    "basis_gates": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "dt": lambda value: is_number(value) and value > 0,
    "initial_layout": lambda value: isinstance(value, list) and all(is_whole(qubit) for qubit in value),
    "qubits_initially_zero": lambda value: isinstance(value, bool),
    "seed_transpiler": lambda value: is_whole(value) and value < 2**63,
    **{name: words.__contains__ for name, words in _METHODS.items()},
}
"""What ``qiskit_transpile_options`` may hold, and of which values. Plugins are chosen from what Qiskit itself has: others,
and the settings of plugins, are code of strangers' libraries that may read files."""
LAYOUT_MODES = ("KEEP", "OPTIMIZE", "IMPROVE")
PREFERENCES = ("n_cnots", "n_gates", "cnot_layers", "layers", "noise")
_IGNORED = frozenset({"optimization_level", "coupling_map", "backend", "ai", "use_fractional_gates"})


def check_order(order: Mapping[str, Any]) -> None:
    """Check everything but the circuits.

    Args:
        order: ``circuits`` (texts) or ``qpy`` (base64), ``optimization_level``, ``ai``, ``layout_mode``, ``preferences``,
            ``for_backend``, ``coupling_map``, ``options``, ``use_fractional_gates``.

    Raises:
        ParamsError: Names what is wrong.
    """
    circuits = order.get("circuits")
    if order.get("qpy") is None and (
        not isinstance(circuits, list) or not circuits or not all(isinstance(text, str) for text in circuits)
    ):
        raise ParamsError("qasm_circuits must be a text or a list of texts")
    if order.get("qpy") is not None and not isinstance(order["qpy"], str):
        raise ParamsError("qpy_circuits must be a text")
    if order["optimization_level"] not in (0, 1, 2, 3):
        raise ParamsError("optimization_level must be 0, 1, 2 or 3")
    if order["ai"] not in ("true", "false", "auto"):
        raise ParamsError("ai must be true, false or auto")
    if order.get("layout_mode") not in (None, *LAYOUT_MODES):
        raise ParamsError(f"ai_layout_mode must be one of {', '.join(LAYOUT_MODES)}")
    preferences = order.get("preferences")
    if preferences is not None and not (
        isinstance(preferences, list)
        and all(isinstance(name, str) and name in PREFERENCES for name in preferences)
    ):
        raise ParamsError(f"optimization_preferences must be some of {', '.join(PREFERENCES)}")
    options = order.get("options") or {}
    if not isinstance(options, Mapping):
        raise ParamsError("qiskit_transpile_options must be an object")
    unknown = sorted(set(options) - set(OPTIONS) - _IGNORED)
    if unknown:
        raise ParamsError(
            f"qiskit_transpile_options has members that are not taken here: {', '.join(unknown)}"
        )
    for name in OPTIONS:
        if options.get(name) is not None and not _fits(name, options[name]):
            raise ParamsError(_misfit(name))
    pairs = order.get("coupling_map")
    if pairs is not None and not _is_coupling(pairs):
        raise ParamsError("backend_coupling_map must be a list of pairs of qubits")


def _fits(name: str, value: Any) -> bool:
    if name in _METHODS and not isinstance(value, str):
        return False
    return OPTIONS[name](value)


def _misfit(name: str) -> str:
    reason = f"qiskit_transpile_options.{name} has a value that is not taken here"
    if name not in _METHODS:
        return reason
    return (
        f"{reason}; it may be {', '.join(_METHODS[name])}: plugins of other packages run where they are installed, with "
        "generate_preset_pass_manager or transpile"
    )


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_coupling(pairs: Any) -> bool:
    return isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(is_whole(q) and q < 10_000 for q in pair)
        for pair in pairs
    )


def execute(params: bytes, device: Device) -> JobOutput:
    """Transpile an order that ``check_order`` has seen for a device, unless it has a coupling map of its own.

    Returns:
        The body is a JSON list of ``{"qasm", "qpy", "layout": {"initial", "final"}}``.
    """
    started = time.perf_counter()
    order = json.loads(params)
    circuits = _circuits(order)
    try:
        found = [
            _document(_passes(order, device, circuit).run(circuit), canonical)
            for circuit, canonical in circuits
        ]
    except (QiskitError, CircuitDumpError, ValueError, TypeError, KeyError) as cause:
        raise TaskFailed(f"The circuits could not be transpiled: {cause}", INVALID) from cause
    return JobOutput(json.dumps(found).encode(), time.perf_counter() - started, len(found))


def _circuits(order: Mapping[str, Any]) -> list[tuple[QuantumCircuit, bool]]:
    """Return the circuits, and whether each came in the canonical form."""
    try:
        if order.get("qpy") is not None:
            return [
                (circuit, False)
                for circuit in read_circuits(load_base64(order["qpy"]), annotations=AnnotationRecords)
            ]
        return [(_load(text), load_map(text) is not None) for text in order["circuits"]]
    except CircuitLoadError as cause:
        raise TaskFailed(f"A circuit cannot be read: {cause}", BAD_CIRCUIT) from cause
    except (QiskitError, ValueError, TypeError) as cause:
        raise TaskFailed(f"The circuits cannot be read: {cause}", BAD_CIRCUIT) from cause


def _load(text: str) -> QuantumCircuit:
    if "OPENQASM 2" in text[:200]:
        try:
            # No path to include from: only the standard file, which the reader has inside.
            return qasm2.loads(text, include_path=(), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
        except qasm2.QASM2ParseError as cause:
            raise CircuitLoadError(str(cause)) from cause
    return load_circuit(text)


def _passes(order: Mapping[str, Any], device: Device, circuit: QuantumCircuit) -> Any:
    """Return the passes for a circuit: to the device, or to a coupling map with the device's gates if it was named."""
    options = {
        name: value
        for name, value in (order.get("options") or {}).items()
        if name in OPTIONS and value is not None
    }
    level = order["optimization_level"] if order["ai"] != "true" else BEST_LEVEL
    if order["ai"] != "false" and order.get("layout_mode") == "KEEP":
        options.setdefault("initial_layout", list(range(circuit.num_qubits)))
    pairs = order.get("coupling_map")
    fractional = bool(order.get("use_fractional_gates"))
    target = load_target(device.configuration, device.properties, use_fractional_gates=fractional)
    if pairs is None and "basis_gates" not in options:
        return generate_preset_pass_manager(level, target=target, **options)
    if pairs is None or order.get("for_backend"):
        options.setdefault("basis_gates", list(target.operation_names))
    coupling = target.build_coupling_map() if pairs is None else CouplingMap(pairs)
    return generate_preset_pass_manager(level, coupling_map=coupling, **options)


def _document(circuit: QuantumCircuit, canonical: bool) -> dict[str, Any]:
    layout = circuit.layout
    width = circuit.num_qubits
    initial = list(range(width)) if layout is None else layout.initial_index_layout()
    final = list(range(width)) if layout is None else layout.routing_permutation()
    exact = canonical and not circuit.parameters
    return {
        "qasm": dump_circuit(circuit, circuit_format="qasm3").wire if exact else _text(circuit),
        "qpy": None if exact else _qpy(circuit),
        "layout": {"initial": initial, "final": final},
    }


def _text(circuit: QuantumCircuit) -> str | None:
    """Return the text of Qiskit's own exporter, which keeps the names of registers and parameters."""
    try:
        text: str = qasm3.dumps(circuit, disable_constants=True)
    except qasm3.QASM3ExporterError:
        return None
    return text


def _qpy(circuit: QuantumCircuit) -> str:
    return dump_base64(write_circuits([circuit], version=QPY_VERSION))
