"""A backend as its facts, and the map of its qubits with what goes wrong on each and between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import IBMError
from .html import asking, card, facts, figure, image, table

if TYPE_CHECKING:
    from qiskit.transpiler import Target

    from ..models.backend import IBMBackend

WORST = 5
"""Qubits and couplings that are named beside the map."""


@asking
def backend(device: IBMBackend) -> str:
    """Return what a device is, how it stands now, and its map; the service is asked for its status and calibration."""
    target = device.target
    entries = {
        "qubits": device.num_qubits,
        "instructions": ", ".join(sorted(target.operation_names)),
        "version": device.backend_version,
        "simulator": "yes" if device.configuration().simulator else None,
        **_status(device),
    }
    readout = {qubits[0]: error for qubits, error in _errors(target, ["measure"]).items()}
    couplings = _errors(target, [name for name in target.operation_names if _couples(target, name)])
    return card(
        f"{device.name}", facts(entries), _map(device, readout, couplings), _worst(readout, couplings)
    )


def backends(devices: Sequence[IBMBackend]) -> str:
    """Return backends as a table, from what is known of them already."""
    rows = [
        (each.name, each.num_qubits, "simulator" if each.configuration().simulator else "device")
        for each in devices
    ]
    return table(("backend", "qubits", "kind"), rows)


def _status(device: IBMBackend) -> dict[str, Any]:
    try:
        status = device.status()
    except IBMError:
        return {"status": "not known now"}
    return {"status": status.status_msg, "pending jobs": status.pending_jobs}


def _couples(target: Target, name: str) -> bool:
    return any(qubits is not None and len(qubits) == 2 for qubits in target[name] or ())


def _errors(target: Target, names: Sequence[str]) -> dict[tuple[int, ...], float | None]:
    """Return the least error that any of the instructions has on each set of qubits; None where none is told."""
    found: dict[tuple[int, ...], float | None] = {}
    for name in names:
        for qubits, properties in (target[name] if name in target.operation_names else {}).items():
            if qubits is None or len(qubits) > 2:
                continue
            place = tuple(sorted(qubits))
            told = [found.get(place), None if properties is None else properties.error]
            found[place] = min((error for error in told if error is not None), default=None)
    return found


def _map(
    device: IBMBackend, readout: dict[int, float | None], couplings: dict[tuple[int, ...], float | None]
) -> str:
    drawn = figure(7.2, 3.6) if couplings else None
    if drawn is None:
        return ""
    places = _places(device)
    axes = drawn.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal")
    lines = _lines(axes, places, couplings)
    shown = sorted(places)
    dots = axes.scatter(
        [places[qubit][0] for qubit in shown],
        [places[qubit][1] for qubit in shown],
        c=[readout.get(qubit) or 0.0 for qubit in shown],
        s=max(12.0, 260.0 / max(1.0, len(shown) ** 0.5)),
        cmap="viridis_r",
        zorder=2,
    )
    drawn.colorbar(dots, ax=axes, location="right", shrink=0.8, label="readout error")
    drawn.colorbar(lines, ax=axes, location="right", shrink=0.8, label="two-qubit error")
    if len(shown) <= 60:
        for qubit in shown:
            axes.annotate(str(qubit), places[qubit], ha="center", va="center", fontsize=6, color="white")
    return image(
        drawn, f"map of the {len(shown)} qubits of {device.name} and their {len(couplings)} couplings"
    )


def _lines(
    axes: Any, places: dict[int, tuple[float, float]], couplings: dict[tuple[int, ...], float | None]
) -> Any:
    from matplotlib.collections import LineCollection

    pairs = [pair for pair in couplings if len(pair) == 2]
    lines = LineCollection(
        [[places[one], places[other]] for one, other in pairs], cmap="viridis_r", linewidths=2.5, zorder=1
    )
    lines.set_array([couplings[pair] or 0.0 for pair in pairs])
    axes.add_collection(lines)
    return lines


def _places(device: IBMBackend) -> dict[int, tuple[float, float]]:
    """Return where qubits are drawn: as on the device where that is known, or else by their distances."""
    from ..visualization.embeddings import Embedding, positions

    try:
        known = Embedding.from_backend(device).coordinates
    except ValueError:
        placed = positions(device.num_qubits, list(device.coupling_map.get_edges()))
        return {qubit: (x, y) for qubit, (x, y) in enumerate(placed.tolist())}
    return {qubit: (float(column), -float(row)) for qubit, (row, column) in enumerate(known)}


def _worst(readout: dict[int, float | None], couplings: dict[tuple[int, ...], float | None]) -> str:
    rows = [
        (what, ", ".join(f"{place}: {error:.2g}" for place, error in ranked))
        for what, found in (("highest readout errors", readout), ("highest two-qubit errors", couplings))
        if (ranked := sorted(((p, e) for p, e in found.items() if e), key=lambda item: -item[1])[:WORST])
    ]
    return facts(dict(rows))
