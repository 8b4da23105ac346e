"""``qiskit-rest backends``: what there is to run on, or all about one of them."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import click

from .connecting import Place, asks_service
from .output import as_json, moment, print_json, print_members, print_table

if TYPE_CHECKING:
    from ..models.backend import IBMBackend


@click.command(short_help="List the backends, or show one.")
@click.argument("name", required=False)
@as_json
@asks_service
def backends(place: Place, name: str | None, as_json: bool) -> None:
    """List the backends, or show the one that NAME names."""
    service = place.open()
    if name is not None:
        document = _document(service.backend(name))
        if as_json:
            print_json(document)
        else:
            errors = [f"{gate} {error:.2e}" for gate, error in document["median_errors"].items()]
            print_members({**document, "median_errors": errors})
        return
    found = [
        {
            "name": device.name,
            "qubits": device.qubits,
            "status": device.status,
            "queue": device.queue_length,
            "simulator": device.is_simulator,
        }
        for crn in service._connection.candidates(None)
        for device in service.api(crn).backends(include_mocks=False)
    ]
    if as_json:
        print_json({"backends": found})
        return
    print_table(("name", "qubits", "status", "queue"), [tuple(entry.values())[:4] for entry in found],
                empty="The account has no backends.")  # fmt: skip


def _document(backend: IBMBackend) -> dict[str, Any]:
    status, properties = backend.status(), backend.properties()
    coupling = backend.coupling_map
    return {
        "name": backend.name,
        "qubits": backend.num_qubits,
        "status": status.status_msg,
        "operational": status.operational,
        "queue": status.pending_jobs,
        "simulator": bool(backend.simulator),
        "gates": sorted(backend.operation_names),
        "couplings": None if coupling is None else len({frozenset(edge) for edge in coupling}),
        "calibrated": None if properties is None else moment(properties.last_update_date),
        "median_errors": _median_errors(backend),
    }


def _median_errors(backend: IBMBackend) -> dict[str, float]:
    """Return the median error of each operation on the device whose errors are known."""
    found = {}
    for name in sorted(backend.target.operation_names):
        known = [entry.error for entry in (backend.target[name] or {}).values() if entry is not None]
        errors = [error for error in known if error is not None]
        if errors:
            found[name] = statistics.median(errors)
    return found
