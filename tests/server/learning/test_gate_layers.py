"""The layers of circuits are those that samplomatic boxes, and their order is that of the service."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.learning.gate_layers import STRATEGIES, GateLayer, layers_of, ranked


def random_circuit(seed: int) -> QuantumCircuit:
    random = np.random.default_rng(seed)
    circuit = QuantumCircuit(6)
    for _ in range(25):
        kind = random.choice(["cz", "ecr", "sx", "rz", "barrier", "delay"], p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
        first, second = (int(qubit) for qubit in random.choice(6, 2, replace=False))
        if kind in ("cz", "ecr"):
            getattr(circuit, kind)(first, second)
        elif kind == "sx":
            circuit.sx(first)
        elif kind == "rz":
            circuit.rz(0.3, first)
        elif kind == "delay":
            circuit.delay(100, first)
        else:
            circuit.barrier(first, second)
    return circuit


def boxed(circuit: QuantumCircuit, strategy: str) -> list[GateLayer]:
    """Return the layers that samplomatic finds, in the order of its circuit."""
    transpiler: Any = pytest.importorskip("samplomatic.transpiler", reason="needs the extra executor")
    passes = transpiler.generate_boxing_pass_manager(
        enable_measures=False, twirling_strategy=strategy.replace("-", "_")
    )
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    found = []
    for step in passes.run(circuit):
        if step.name != "box":
            continue
        outer = dict(zip(step.operation.body.qubits, step.qubits, strict=True))
        gates = [
            (inner.name, tuple(place[outer[qubit]] for qubit in inner.qubits))
            for inner in step.operation.body
            if len(inner.qubits) == 2 and inner.name != "barrier"
        ]
        if gates:
            qubits = tuple(sorted(place[qubit] for qubit in step.qubits))
            found.append(GateLayer(tuple(sorted(gates, key=lambda gate: gate[1])), qubits))
    return found


@pytest.mark.parametrize("strategy", ["active", "active-circuit", "all"])
def test_layers_are_those_that_samplomatic_boxes(strategy: str) -> None:
    """Not so what accumulates: samplomatic orders boxes that have no qubit in common otherwise."""
    for seed in range(15):
        circuit = random_circuit(seed)
        assert sorted(layers_of(circuit, strategy), key=repr) == sorted(boxed(circuit, strategy), key=repr)


def test_a_strategy_says_which_qubits_are_twirled() -> None:
    circuit = QuantumCircuit(5)
    circuit.cz(0, 1)
    circuit.rx(Parameter("t"), 4)
    circuit.cz(1, 2)
    twirled = {name: [layer.qubits for layer in layers_of(circuit, name)] for name in STRATEGIES}
    assert twirled == {
        "active": [(0, 1), (1, 2)],
        "active-accum": [(0, 1), (0, 1, 2)],
        "active-circuit": [(0, 1, 2)] * 2,
        "all": [(0, 1, 2, 3, 4)] * 2,
    }
    layer = layers_of(circuit, "active-accum")[1].circuit()
    assert [(step.name, [layer.find_bit(qubit).index for qubit in step.qubits]) for step in layer] == [
        ("cz", [1, 2])
    ]
    assert layer.num_qubits == 3


def test_frequent_layers_come_first_then_larger_ones_then_earlier_ones() -> None:
    small, large, often, late = (
        GateLayer(gates, (0, 1, 2, 3))
        for gates in (
            (("cz", (0, 1)),),
            (("cz", (0, 1)), ("cz", (2, 3))),
            (("cz", (1, 2)),),
            (("cz", (2, 3)),),
        )
    )
    assert ranked([small, often, late, large, often]) == {often: 2, large: 1, small: 1, late: 1}
    assert list(ranked([small, often, late, large, often])) == [often, large, small, late]


def test_no_layer_is_made_of_what_cannot_be_twirled() -> None:
    toffoli, custom, branch = QuantumCircuit(3), QuantumCircuit(2), QuantumCircuit(2, 1)
    toffoli.ccx(0, 1, 2)
    inner = QuantumCircuit(2, name="cz")
    inner.rzz(0.3, 0, 1)
    custom.append(inner.to_gate(), [0, 1])
    with branch.if_test((0, True)):
        branch.x(0)
    for circuit, name in ((toffoli, "ccx"), (custom, "cz"), (branch, "if_else")):
        with pytest.raises(TaskFailed, match=f"has the instruction {name} on") as caught:
            layers_of(circuit, "active")
        assert caught.value.code == 3211
