"""Where to draw the qubits of a device, and how good they and their couplings are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...visualization.embeddings import positions
from ..devices.device import Device

MOST_QUBITS = 1_500
"""Of a map; placing more by their distances takes seconds, and nobody could see them."""


def map_of(device: Device) -> dict[str, Any]:
    """Return what the page shows of a device, as JSON values.

    Returns:
        ``qubits`` and ``couplings`` (``qubits``, ``gate``, ``error``) in the calibration's units, ``positions`` as
        (x, y) of each qubit, empty where there is nothing to draw.
    """
    configuration, properties = device.configuration, device.properties or {}
    gates = properties.get("gates", [])
    pairs = sorted({tuple(sorted(pair)) for pair in configuration.get("coupling_map") or ()})
    drawn = bool(pairs) and device.num_qubits <= MOST_QUBITS
    coordinates = configuration.get("coords") or []
    if len(coordinates) != device.num_qubits and drawn:
        coordinates = positions(device.num_qubits, pairs).tolist()
    shown = (
        "backend_name", "backend_version", "description", "n_qubits", "basis_gates", "processor_type", "simulator",
        "dt", "max_shots", "supported_features", "clops_h",
    )  # fmt: skip
    return {
        **{name: configuration.get(name) for name in shown},
        "calibrated": properties.get("last_update_date"),
        "qubits": _qubits(properties.get("qubits", []), gates),
        "couplings": _couplings(pairs, gates) if drawn else [],
        "positions": [[round(float(x), 3), round(float(y), 3)] for x, y in coordinates] if drawn else [],
    }


def _qubits(
    calibrations: Iterable[Iterable[Mapping[str, Any]]], gates: Iterable[Any]
) -> list[dict[str, Any]]:
    wanted = ("T1", "T2", "readout_error")
    found: list[dict[str, Any]] = [
        {item["name"]: item["value"] for item in items if item["name"] in wanted} for items in calibrations
    ]
    for gate in gates:
        if gate["gate"] == "sx" and gate["qubits"][0] < len(found):
            found[gate["qubits"][0]]["sx_error"] = _error(gate)
    return found


def _couplings(pairs: Iterable[tuple[int, ...]], gates: Iterable[Any]) -> list[dict[str, Any]]:
    """Return each pair with the best of the gates and directions that it has."""
    best: dict[tuple[int, ...], tuple[float, str]] = {}
    for gate in gates:
        error = _error(gate) if len(gate["qubits"]) == 2 else None
        if error is not None:
            pair = tuple(sorted(gate["qubits"]))
            best[pair] = min(best.get(pair, (np.inf, "")), (error, gate["gate"]))
    nothing = (None, None)
    return [
        {"qubits": pair, "gate": best.get(pair, nothing)[1], "error": best.get(pair, nothing)[0]}
        for pair in pairs
    ]


def _error(gate: Mapping[str, Any]) -> float | None:
    return next((float(item["value"]) for item in gate["parameters"] if item["name"] == "gate_error"), None)
