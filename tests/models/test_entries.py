"""Documents of backends and their entries, made and written by programs, beside those of the official client."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import qiskit_ibm_runtime
from qiskit.exceptions import QiskitError
from qiskit_ibm_runtime import models as official

from qiskit_rest_primitives.models import documents
from qiskit_rest_primitives.models import entries as backend_entries
from qiskit_rest_primitives.models.entries import GateConfig, GateProperties, Nduv, UchannelLO

SNAPSHOTS = Path(qiskit_ibm_runtime.__file__).parent / "fake_provider" / "backends"
THEN = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
ENTRIES: dict[str, tuple[Any, ...]] = {
    "Nduv": (THEN, "T1", "us", 120.5),
    "GateConfig": ("rzz", ["theta"], "gate rzz(theta) a, b {}", [[0, 1]], None, True, "two qubits"),
    "UchannelLO": (1, 0.5 + 1j),
}


def document(device: str, kind: str) -> dict[str, Any]:
    return json.loads((SNAPSHOTS / device / f"{kind}_{device}.json").read_text())


def dated(entry: dict[str, Any]) -> dict[str, Any]:
    """Read the date of an entry, as the official client does before it makes objects of them."""
    return {**entry, "date": datetime.fromisoformat(entry["date"])} if "date" in entry else entry


def near(values: dict[str, Any]) -> dict[str, Any]:
    return {name: (pytest.approx(value, rel=1e-12), date) for name, (value, date) in values.items()}


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_are_those_of_the_official_client(name: str) -> None:
    ours = getattr(backend_entries, name)(*ENTRIES[name])
    theirs = getattr(official, name)(*ENTRIES[name])

    assert ours.to_dict() == theirs.to_dict()
    assert {key: getattr(theirs, key) for key in ours} == dict(ours)
    for again in (
        type(ours).from_dict(ours.to_dict()),
        copy.deepcopy(ours),
        pickle.loads(pickle.dumps(ours)),
    ):
        assert (type(again), again) == (type(ours), ours)


def test_an_entry_of_a_gate_holds_entries_and_can_be_changed() -> None:
    entry = GateProperties([0, 1], "cx", [Nduv(THEN, "gate_error", "", 0.01)], name="cx0_1")
    theirs = official.GateProperties(
        [0, 1], "cx", [official.Nduv(THEN, "gate_error", "", 0.01)], name="cx0_1"
    )

    assert entry.to_dict() == theirs.to_dict()
    assert GateProperties.from_dict(entry.to_dict()) == entry
    assert isinstance(GateProperties.from_dict(entry.to_dict()).parameters[0], Nduv)
    entry.parameters[0].value = 0.5
    assert entry["parameters"][0]["value"] == 0.5
    assert "gate_error" in repr(entry)
    with pytest.raises(QiskitError):
        UchannelLO(-1, 1.0)


@pytest.mark.parametrize("device", ["manila", "lima"])
def test_properties_say_what_the_official_ones_say(device: str) -> None:
    given = document(device, "props")
    ours = documents.BackendProperties.from_dict(given)
    theirs = official.BackendProperties.from_dict(json.loads(json.dumps(given), object_hook=dated))
    made = documents.BackendProperties(
        theirs.backend_name,
        theirs.backend_version,
        theirs.last_update_date,
        [[Nduv(**value.to_dict()) for value in values] for values in theirs.qubits],
        [GateProperties.from_dict(gate.to_dict()) for gate in theirs.gates],
        [Nduv(**value.to_dict()) for value in theirs.general],
    )

    for one in (ours, made, documents.BackendProperties.from_dict(ours.to_dict())):
        assert (one.backend_name, one.last_update_date) == (theirs.backend_name, theirs.last_update_date)
        for qubit in range(len(theirs.qubits)):
            assert one.qubit_property(qubit) == near(theirs.qubit_property(qubit))
        for gate in theirs.gates:
            assert one.gate_property(gate.gate, gate.qubits) == near(
                theirs.gate_property(gate.gate, gate.qubits)
            )
        assert [gate.to_dict() for gate in one.gates] == [gate.to_dict() for gate in theirs.gates]
        assert [value.to_dict() for value in one.general] == [value.to_dict() for value in theirs.general]
    assert ours.to_dict() == given
    with pytest.raises(AttributeError, match="no 'weather'"):
        ours.weather  # noqa: B018


@pytest.mark.parametrize("device", ["manila", "lima"])
def test_configurations_say_what_the_official_ones_say(device: str) -> None:
    given = document(device, "conf")
    theirs = official.QasmBackendConfiguration.from_dict(copy.deepcopy(given))
    read = documents.BackendConfiguration.from_dict(given)
    made = documents.BackendConfiguration(
        **{**given, "gates": [GateConfig.from_dict(gate) for gate in given["gates"]]}
    )

    for one in (read, made, documents.BackendConfiguration.from_dict(read.to_dict())):
        assert [gate.to_dict() for gate in one.gates] == [gate.to_dict() for gate in theirs.gates]
        assert all(type(gate) is GateConfig for gate in one.gates)
        assert (one.num_qubits, one.dt, one.rep_times) == (theirs.num_qubits, theirs.dt, theirs.rep_times)
        assert one.to_dict() == given
    assert read == made


def test_a_configuration_without_a_width_says_so() -> None:
    with pytest.raises(AttributeError, match="no 'num_qubits'"):
        documents.BackendConfiguration.from_dict({}).num_qubits  # noqa: B018
