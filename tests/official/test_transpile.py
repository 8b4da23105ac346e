"""Transpiling with our backend gives the circuit that the official backend, of the same documents, gives."""

from __future__ import annotations

import math
from typing import Any

import pytest
from qiskit import transpile
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.synthesis import synth_qft_full
from qiskit.transpiler import generate_preset_pass_manager

# qiskit-ibm-runtime announces the replacement of its own classes.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:qiskit_ibm_runtime.*")


def entangled() -> QuantumCircuit:
    circuit = efficient_su2(5, reps=2, entanglement="full")
    circuit.measure_all()
    return circuit


def fourier() -> QuantumCircuit:
    return synth_qft_full(5).copy(name="fourier")


def dynamic() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)) as otherwise:
        circuit.cx(1, 2)
    with otherwise:
        circuit.reset(1)
    circuit.id(1)
    circuit.delay(160, 2)
    circuit.measure(2, 1)
    return circuit


def angles() -> QuantumCircuit:
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(3)
    circuit.rzz(a, 0, 1)
    circuit.rx(b - math.pi, 2)
    circuit.rzz(0.4, 1, 2)
    circuit.u(a, b, 0.2, 0)
    return circuit


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("make", [entangled, fourier, dynamic, angles], ids=lambda make: make.__name__)
def test_both_ways_to_transpile_give_the_same_circuit(
    ours: Any, official: Any, make: Any, level: int
) -> None:
    circuit = make()
    fixed = {"optimization_level": level, "seed_transpiler": 11}
    for fractional in (False,) if make is dynamic else (False, True):
        mine, theirs = (
            client.service.backend("local_heron", use_fractional_gates=fractional)
            for client in (ours, official)
        )

        managed = [generate_preset_pass_manager(backend=one, **fixed).run(circuit) for one in (mine, theirs)]
        called = [transpile(circuit, backend=one, **fixed) for one in (mine, theirs)]

        for left, right in (managed, called):
            assert left == right
            assert left.count_ops() == right.count_ops()
            assert left.layout.final_index_layout(filter_ancillas=True) == right.layout.final_index_layout(
                filter_ancillas=True
            )


def test_idle_times_come_from_the_same_durations(ours: Any, official: Any) -> None:
    mine, theirs = (
        generate_preset_pass_manager(
            1, backend=client.service.backend("local_heron"), scheduling_method="alap", seed_transpiler=11
        ).run(entangled().assign_parameters([0.1] * 30))
        for client in (ours, official)
    )

    assert mine == theirs
    assert "delay" in mine.count_ops()
