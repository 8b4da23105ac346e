"""Where to draw the qubits of a device, and how good they and their couplings are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..devices.device import Device

__all__ = ["map_of", "positions"]

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


def positions(size: int, pairs: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
    """Place qubits so that their distances are those along the couplings, as well as the plane permits.

    Classical multidimensional scaling of the distances, which finds lines, rings and lattices, and then some steps of stress
    majorization, which evens out the rest.

    Args:
        size: Number of qubits.
        pairs: Which are coupled.

    Returns:
        Shape (size, 2), float64; coupled qubits are about 1 apart.
    """
    far = _distances(size, pairs)
    centred = -0.5 * far**2
    centred -= centred.mean(axis=0) + centred.mean(axis=1)[:, None] - centred.mean()
    values, vectors = np.linalg.eigh(centred)
    places = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-9))
    # A line has no second axis; what is not on it may lie beside it.
    places += np.array([[0.0, 1e-3 * (index % 7)] for index in range(size)])
    weights = 1 / np.maximum(far, 1) ** 2
    np.fill_diagonal(weights, 0)
    total = weights.sum(axis=1)[:, None]
    for _ in range(30):
        apart = places[:, None] - places[None, :]
        length = np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
        places = ((weights * far / length)[:, :, None] * apart + weights[:, :, None] * places[None, :]).sum(
            axis=1
        ) / total
    return np.asarray(places[:, ::-1])


def _distances(size: int, pairs: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
    """Return the numbers of couplings between qubits; what is not connected is a bit further than the longest way."""
    near = np.zeros((size, size), dtype=bool)
    for one, other in pairs:
        near[one, other] = near[other, one] = True
    far = np.where(np.eye(size, dtype=bool), 0.0, np.inf)
    reached = np.eye(size, dtype=bool)
    steps = 0
    while True:
        steps += 1
        further = (reached.astype(np.float32) @ near.astype(np.float32) > 0) & np.isinf(far)
        if not further.any():
            break
        far[further] = steps
        reached = further
    far[np.isinf(far)] = steps + 1
    return far
