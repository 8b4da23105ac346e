"""Transpiling with our backend gives the circuit that the official backend, of the same documents, gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from qiskit import transpile
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.circuit.library import efficient_su2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.synthesis import synth_qft_full
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.fake_provider import FakeFez, FakeManilaV2

from qiskit_rest_primitives.server.devices.device import default_devices, device_of
from qiskit_rest_primitives.server.embedded import serve

# qiskit-ibm-runtime announces the replacement of its own classes.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


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


HOSTED = {
    "fake_fez": FakeFez,
    "fake_manila": FakeManilaV2,
    "generic_backend_3q": lambda: GenericBackendV2(3, control_flow=True, seed=1),
}


@pytest.fixture(scope="module")
def hosts() -> Iterator[Any]:
    with serve([*default_devices(), *(device_of(make()) for make in HOSTED.values())]) as server:
        yield server.endpoint


def stored() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 3)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.store(circuit.clbits[2], expr.bit_not(circuit.clbits[0]))
    circuit.store(circuit.clbits[2], expr.bit_not(circuit.clbits[2]))
    with circuit.if_test((2, 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


@pytest.mark.parametrize(
    ("name", "fractional"),
    [
        *product(["local_heron", *HOSTED], [False, None]),
        ("local_heron", True),
        ("aer_simulator", None),  # ours keeps every gate of a simulator in any case
    ],
)
def test_targets_have_the_operations_of_the_official_ones(
    name: str, fractional: bool | None, hosts: Any, clients: Callable[[Any], tuple[Any, Any]]
) -> None:
    """``store`` is in none, as ``convert_to_target`` leaves it out, and is transpiled and run all the same (faults E)."""
    ours, official = (
        client.service.backend(name, use_fractional_gates=fractional) for client in clients(hosts)
    )

    assert sorted(ours.target.operation_names) == sorted(official.target.operation_names)
    for operation in ours.target.operation_names:
        assert ours.target.qargs_for_operation_name(operation) == (
            official.target.qargs_for_operation_name(operation)
        )
    assert "store" not in ours.target.operation_names
    if "if_else" in ours.target.operation_names:
        made = [
            generate_preset_pass_manager(1, backend=backend, seed_transpiler=1).run(stored())
            for backend in (ours, official)
        ]
        assert made[0].count_ops() == made[1].count_ops()
        assert made[0].count_ops()["store"] == 2


def test_circuits_that_store_run_on_fake_devices(
    hosts: Any, clients: Callable[[Any], tuple[Any, Any]]
) -> None:
    for client in clients(hosts):
        backend = client.service.backend("fake_fez")
        circuit = generate_preset_pass_manager(1, backend=backend, seed_transpiler=1).run(stored())
        counts = client.SamplerV2(backend).run([circuit], shots=500).result()[0].data.c.get_counts()
        assert counts["111"] > 400
