"""No header within a QPY object makes Qiskit take memory that nobody has."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.qpy.exceptions import UnsupportedFeatureForVersion

from qiskit_rest_primitives.qasm.qpy_claims import ClaimError, judge

from . import qpy_corpus
from .qpy_corpus import CIRCUITS, VERSIONS, written

DRIVER = Path(qpy_corpus.__file__)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("make", CIRCUITS)
def test_honest_objects_pass(make: object, version: int) -> None:
    try:
        body = written(make(), version)  # type: ignore[operator]
    except UnsupportedFeatureForVersion:
        return
    judge(body, most=100)


def test_a_wide_circuit_pays_for_its_blocks_by_its_length() -> None:
    circuit = QuantumCircuit(60, 60)
    for _ in range(30):
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.barrier()
    judge(written(circuit, 13), most=100)


def inflated(body: bytes, honest: bytes, claimed: bytes, which: int) -> bytes:
    """Replace one of the places where a number stands."""
    parts = body.split(honest)
    place = which % (len(parts) - 1) + 1
    return honest.join(parts[:place]) + claimed + honest.join(parts[place:])


def block() -> QuantumCircuit:
    circuit = QuantumCircuit(9, 7)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.barrier(range(6))
    return circuit


def definition() -> QuantumCircuit:
    made = QuantumCircuit(6, 1, name="made")
    made.h(0)
    made.measure(0, 0)
    circuit = QuantumCircuit(9, 7)
    circuit.append(made.to_instruction(), range(6), [0])
    return circuit


def vector() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.rx(ParameterVector("p", 12345)[3], 0)
    return circuit


SIZES = struct.pack("!II", 6, 1)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("make", "which", "honest", "claimed"),
    [
        pytest.param(block, -1, SIZES, struct.pack("!II", 1 << 28, 1), id="qubits of a block"),
        pytest.param(block, -1, SIZES, struct.pack("!II", 6, 1 << 28), id="bits of a block"),
        pytest.param(definition, 1, SIZES, struct.pack("!II", 1 << 28, 1), id="qubits of a definition"),
        pytest.param(
            vector, 0, struct.pack("!Q", 12345), struct.pack("!Q", 1 << 33), id="length of a vector"
        ),
    ],
)
def test_an_inner_claim_is_refused(
    make: object, which: int, honest: bytes, claimed: bytes, version: int
) -> None:
    """Fault C15: only the outermost header was judged."""
    body = inflated(written(make(), version), honest, claimed, which)  # type: ignore[operator]

    with pytest.raises(ClaimError, match="claims"):
        judge(body, most=100_000)


@pytest.mark.skipif(
    sys.platform != "linux", reason="limits the memory of a process, which Linux does; runs there"
)
@pytest.mark.parametrize("seed", [1, 2])
def test_mutations_under_a_memory_limit_end_in_our_errors(seed: int) -> None:
    """Fault C15: objects of every version, a few numbers changed, in a child that may have 4 GB and takes little."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(DRIVER), str(seed), "500"], capture_output=True, text=True
    )

    assert run.returncode == 0, run.stderr[-2000:]
    outcome = json.loads(run.stdout)
    assert set(outcome["ends"]) == {"read", "refused", "judged"}, outcome["ends"]
    assert min(outcome["ends"].values()) > 20
    assert outcome["grown"] < 400 << 20
