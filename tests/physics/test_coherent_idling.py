"""Idle qubits turn, and dynamical decoupling turns them back, where it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import InstructionProperties

from qiskit_rest_primitives import EstimatorV2, SamplerV2
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.devices.idling import CoherentIdling
from qiskit_rest_primitives.server.embedded import serve

SHOTS = 1000
NS = {"cz": 70, "sx": 40, "x": 40, "rz": 0, "measure": 600}
ZZ = 5e5
RATES = CoherentIdling(detuning={0: 4e5, 2: 2e6}, zz={(3, 4): ZZ})
WAIT = 4000
ALL = [SparsePauliOp.from_sparse_list([("Z", [qubit], 1)], 5) for qubit in range(5)]
SEQUENCES = ("XX", "XpXm", "XY4")


@pytest.fixture(scope="module")
def backend(connect: Any) -> Iterator[Any]:
    """A line of five qubits that make no mistakes but while they wait."""
    made = GenericBackendV2(
        5, ["cz", "rz", "sx", "x"], coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]], noise_info=False
    )
    made.name = "idling_line"
    made.target.dt = 1e-9
    for name, length in NS.items():
        for qubits in made.target[name]:
            made.target.update_instruction_properties(name, qubits, InstructionProperties(length * 1e-9, 0.0))
    with serve([device_of(made, idling=RATES)]) as server:
        yield connect(server.endpoint).backend("idling_line")


def ramsey() -> QuantumCircuit:
    circuit = QuantumCircuit(5)
    circuit.sx(0)
    circuit.delay(WAIT, 0, unit="dt")
    circuit.rz(0.7, 0)
    circuit.sx(0)
    return circuit


def layers() -> QuantumCircuit:
    """Qubit 2 waits for its neighbours; nothing says so but how long their gates take."""
    circuit = QuantumCircuit(5)
    circuit.sx([0, 1, 2])
    circuit.cz(1, 2)
    for _ in range(8):
        circuit.cz(0, 1)
    circuit.cz(1, 2)
    circuit.rz(0.4, [0, 1, 2])
    circuit.sx([0, 1, 2])
    return circuit


def pair(*, apart: bool) -> QuantumCircuit:
    """Two neighbours that wait, and whose pulses would be at the same times unless the waiting of one is halved."""
    circuit = QuantumCircuit(5)
    circuit.sx([3, 4])
    circuit.barrier(3, 4)
    circuit.delay(WAIT, 3, unit="dt")
    for _ in range(2):
        circuit.delay(WAIT // 2, 4, unit="dt")
        if apart:
            circuit.barrier(4)
    circuit.barrier(3, 4)
    circuit.sx([3, 4])
    return circuit


def exact(circuit: QuantumCircuit) -> list[float]:
    state = Statevector(undelayed(circuit))
    return [state.expectation_value(SparsePauliOp("Z"), [qubit]).real for qubit in range(5)]


def undelayed(circuit: QuantumCircuit) -> QuantumCircuit:
    made = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name != "delay":
            made.append(step)
    return made


def sampled(backend: Any, circuits: list[QuantumCircuit], **options: Any) -> list[list[float]]:
    """Return <Z> of each qubit of each circuit, by samples."""
    sampler = SamplerV2(backend, options={"simulator": {"seed_simulator": 7}, **options})
    found = sampler.run([circuit.measure_all(inplace=False) for circuit in circuits], shots=SHOTS).result()
    return [(1 - 2 * pub.data.meas.to_bool_array(order="little").mean(axis=0)).tolist() for pub in found]


def estimated(backend: Any, circuits: list[QuantumCircuit], **options: Any) -> list[list[float]]:
    """Return <Z> of each qubit of each circuit, by an estimator without mitigation."""
    pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
    estimator = EstimatorV2(
        backend, options={"resilience_level": 0, "default_shots": SHOTS, "seed_estimator": 7, **options}
    )
    found = estimator.run([(circuit, ALL) for circuit in circuits]).result()
    return [pub.data.evs.tolist() for pub in found]


def sigmas(found: list[float], wanted: list[float]) -> list[float]:
    return [abs(one - other) * SHOTS**0.5 for one, other in zip(found, wanted, strict=True)]


@pytest.mark.parametrize("measured", [sampled, estimated])
def test_decoupling_returns_what_waiting_took(measured: Any, backend: Any) -> None:
    circuits = [ramsey(), layers()]
    wanted = [exact(circuit) for circuit in circuits]

    for program in ("server", "executor"):
        lost = [
            sigmas(*each) for each in zip(measured(backend, circuits, program=program), wanted, strict=True)
        ]
        assert lost[0][0] > 5
        assert lost[1][2] > 5
        assert max(lost[1][:2]) < 5  # who does not wait does not turn
    for program, sequence in (*(("executor", each) for each in SEQUENCES), ("server", "XY4")):
        decoupling = {"enable": True, "sequence_type": sequence}
        if sequence == "XpXm":
            decoupling |= {"scheduling_method": "asap", "skip_reset_qubits": True}
        found = measured(backend, circuits, program=program, dynamical_decoupling=decoupling)
        assert max(max(sigmas(*each)) for each in zip(found, wanted, strict=True)) < 3, (program, sequence)


def test_pulses_in_step_leave_what_pairs_do_to_each_other(backend: Any) -> None:
    """Only where one of two neighbours is turned at other times does their common turn end where it began."""
    circuits = [pair(apart=False), pair(apart=True)]

    together, apart = sampled(
        backend, circuits, program="executor", dynamical_decoupling={"enable": True, "sequence_type": "XX"}
    )

    turned = -np.cos(ZZ * (WAIT - 2 * NS["x"]) * 1e-9)
    assert max(sigmas(together[3:], [turned, turned])) < 5
    assert max(sigmas(apart[3:], [-1, -1])) < 3
