"""``assign_parameters`` of Qiskit 2.6 changes gates with definitions in blocks of the circuit that it copies.

Nothing here may be bitten by that: circuits stay as they were, and each set of values gives its own result.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter

from qiskit_rest_primitives import SamplerV2
from qiskit_rest_primitives.qasm.codec import dump_circuit, load_circuit
from qiskit_rest_primitives.server.programs.bundled import _runs

ANGLES = [0.0, math.pi, 0.0, math.pi / 2, math.pi]
TEXT = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] a;
gate turn(w) x { rx(w) x; }
qubit[1] q;
bit[1] c;
c[0] = measure q[0];
if (!c[0]) { turn(a) q[0]; }
c[0] = measure q[0];
"""


def turning() -> tuple[QuantumCircuit, Parameter]:
    """Return a circuit that turns by an angle, with a gate of the user's in a block."""
    angle, formal = Parameter("a"), Parameter("w")
    inner = QuantumCircuit(1)
    inner.rx(formal, 0)
    gate = Gate("turn", 1, [angle])
    gate.definition = inner.assign_parameters({formal: angle})
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.if_test((0, False)):
        circuit.append(gate, [0])
    circuit.measure(0, 0)
    return circuit, angle


def ones(counts: dict[str, int], shots: int) -> float:
    return counts.get("1", 0) / shots


def test_qiskit_has_the_bug_that_the_others_look_for() -> None:
    circuit, angle = turning()

    copy.deepcopy(circuit).assign_parameters({angle: 1.0})

    gate = circuit.data[1].operation.blocks[0].data[0].operation
    assert not gate.definition.parameters  # where this fails, Qiskit has mended it: drop the remedies


@pytest.mark.parametrize("circuit_format", ["qasm3", "qpy"])
def test_every_set_of_values_has_its_own_result(service: Any, circuit_format: str) -> None:
    circuit, angle = turning()
    before = copy.deepcopy(circuit)
    sampler = SamplerV2(service.backend("aer_simulator"), options={"circuit_format": circuit_format})
    expected = np.sin(np.array(ANGLES) / 2) ** 2

    together = sampler.run([(circuit, np.array(ANGLES)[:, np.newaxis])], shots=400).result()[0].data.c
    alone = [sampler.run([(circuit, [value])], shots=400).result()[0].data.c for value in ANGLES]

    seen = [ones(together.get_counts(index), 400) for index in range(len(ANGLES))]
    assert np.allclose(seen, expected, atol=5 * 0.5 / 20)
    assert np.allclose([ones(bits.get_counts(), 400) for bits in alone], expected, atol=5 * 0.5 / 20)
    gate = circuit.data[1].operation.blocks[0].data[0].operation
    assert gate.params == gate.definition.data[0].params == [angle]
    assert circuit == before


def test_foreign_text_has_its_own_result_for_every_set_of_values(service: Any) -> None:
    circuit = load_circuit(TEXT)
    sampler = SamplerV2(service.backend("aer_simulator"), options={"circuit_format": "qpy"})

    for value in ANGLES:
        counts = sampler.run([(circuit, [value])], shots=400).result()[0].data.c.get_counts()
        assert abs(ones(counts, 400) - math.sin(value / 2) ** 2) < 5 * 0.5 / 20


@pytest.mark.parametrize("wire", [TEXT, None], ids=["text", "qpy"])
def test_what_was_read_before_is_not_changed_by_its_readers(wire: Any) -> None:
    wire = wire or dump_circuit(turning()[0], circuit_format="qpy").wire

    first = load_circuit(wire)
    first.assign_parameters({first.parameters[0]: 1.0})
    second = load_circuit(wire)

    gate = second.data[1].operation.blocks[0].data[0].operation
    assert gate.definition.data[0].params == [second.parameters[0]]


def test_runs_of_the_old_primitives_have_the_values_of_their_own() -> None:
    circuit, _ = turning()

    runs = _runs(circuit, [0] * len(ANGLES), [[value] for value in ANGLES])

    angles = [run.data[1].operation.blocks[0].data[0].operation.definition.data[0].params for run in runs]
    assert angles == [[value] for value in ANGLES]


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_circuit_that_was_changed_already_is_named(by_itself: bool) -> None:
    circuit, angle = turning()
    if by_itself:
        inner = QuantumCircuit(1)
        inner.rx(angle, 0)
        circuit = QuantumCircuit(1, 1)
        with circuit.if_test((0, False)):
            circuit.append(inner.to_gate(), [0])
    circuit.assign_parameters({angle: 1.0})

    with pytest.warns(UserWarning, match="has the parameters a, but no gate of it depends on them"):
        dump_circuit(circuit)
