"""QPY is read and written in one place, and what an object claims is known before Qiskit makes room for it."""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

import qiskit_rest_primitives
from qiskit_rest_primitives.qasm.codec import load_circuit
from qiskit_rest_primitives.qasm.limits import CircuitLoadError
from qiskit_rest_primitives.qasm.qpy import read_circuits
from qiskit_rest_primitives.qasm.qpy_claims import claimed_size, programs_apart
from qiskit_rest_primitives.transpiler.cloud_service import _circuit
from qiskit_rest_primitives.wire import typed
from qiskit_rest_primitives.wire.jsonio import DecodeError


def content(version: int) -> bytes:
    circuit = QuantumCircuit(7, 3, name="é" * 9, global_phase=0.5, metadata={"a": 1})
    circuit.x(0)
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=version)
    return buffer.getvalue()


@pytest.mark.parametrize("version", range(13, qpy.common.QPY_VERSION + 1))
def test_the_claim_of_every_version_is_read(version: int) -> None:
    assert claimed_size(content(version)) == (7, 3)


@pytest.mark.parametrize("damaged", [b"", b"QISKIT", b"QISKIT\x0c" + bytes(99), content(17)[:20]])
def test_no_claim_is_read_from_what_has_none(damaged: bytes) -> None:
    assert claimed_size(damaged) is None


@pytest.mark.parametrize("version", [13, 17])
def test_an_absurd_claim_is_refused_at_once(version: int) -> None:
    true = struct.pack("!II", 7, 3)
    absurd = content(version).replace(true, struct.pack("!II", 1 << 31, 3), 1)
    value = base64.b64encode(zlib.compress(absurd)).decode()

    with pytest.raises(DecodeError, match="not accepted"):
        typed.load({"__type__": "QuantumCircuit", "__value__": value})
    with pytest.raises(CircuitLoadError, match="qubits"):
        load_circuit({"__type__": "QuantumCircuit", "__value__": value})


def several(version: int) -> bytes:
    buffer = io.BytesIO()
    qpy.dump([QuantumCircuit(2, name="one"), QuantumCircuit(7, 3, name="two")], buffer, version=version)
    return buffer.getvalue()


@pytest.mark.parametrize("version", range(16, qpy.common.QPY_VERSION + 1))
def test_several_circuits_are_read_one_by_one(version: int) -> None:
    assert [claimed_size(part) for part in programs_apart(several(version))] == [(2, 0), (7, 3)]
    assert [circuit.name for circuit in read_circuits(several(version))] == ["one", "two"]


def test_several_circuits_of_an_old_version_cannot_be_told_apart() -> None:
    with pytest.raises(CircuitLoadError, match="exactly one circuit"):
        read_circuits(several(15))


def test_the_claim_of_each_circuit_is_checked() -> None:
    absurd = several(17).replace(struct.pack("!II", 7, 3), struct.pack("!II", 1 << 31, 3), 1)
    with pytest.raises(CircuitLoadError, match="qubits"):
        read_circuits(absurd)


@pytest.mark.parametrize(
    "damaged",
    [
        several(17)[:12],
        several(17)[:30],
        several(17)[:10] + struct.pack("!Q", 1 << 60) + several(17)[18:],
        several(17)[:20] + struct.pack("!QQ", 1 << 60, 5) + several(17)[36:],
        several(17)[:20] + struct.pack("!QQ", 0, 36) + several(17)[36:],
    ],
)
def test_a_damaged_table_is_refused(damaged: bytes) -> None:
    with pytest.raises(CircuitLoadError):
        read_circuits(damaged)


def test_the_fault_of_a_damaged_object_is_one_line_without_places_in_source() -> None:
    cut = content(13)[:-3]
    value = base64.b64encode(zlib.compress(cut)).decode()
    document = {"__type__": "QuantumCircuit", "__value__": value}

    for read in (load_circuit, typed.load):
        with pytest.raises((CircuitLoadError, DecodeError)) as failed:
            read(document)
        text = str(failed.value)
        assert "QpyError" in text
        assert not [part for part in ("\n", "\x1b", "\\n", "\\x1b", ".rs:", "━") if part in text]


def test_qpy_is_read_and_written_in_one_module() -> None:
    """Limits, versions and units hold for a tag, a program and an order to transpile alike."""
    package = Path(qiskit_rest_primitives.__file__).parent
    uses = re.compile(r"\bqpy\.(load|dump)\(|from qiskit\.qpy")

    assert [path.name for path in package.rglob("*.py") if uses.search(path.read_text())] == ["qpy.py"]


@pytest.mark.parametrize("version", [8, 12])
def test_a_transpiled_circuit_that_could_run_code_is_not_read(version: int) -> None:
    old = content(13).replace(b"QISKIT\x0d", b"QISKIT" + bytes([version]), 1)

    with pytest.raises(CircuitLoadError, match=f"QPY version {version}.*run code"):
        _circuit({"qpy": base64.b64encode(old).decode()})
