"""What the programs ``sampler`` and ``estimator`` do and what is done over ``executor`` is the same physics."""

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

pytest.importorskip("samplomatic", reason="pip install qiskit-rest-primitives[executor]")

QUBITS, SHOTS, SEEDS = 4, 4000, (0, 1)
NS = {"cz": 70, "sx": 40, "x": 40, "rz": 0, "measure": 600}
IDLING = CoherentIdling(detuning={0: 4e5, 1: 3e5, 2: 2e6}, zz=5e5)
OBSERVABLES = ["IIIZ", "IIZI", "IZII", "ZIII", "IXYI", "ZZZI", "IIXX"]
FAR = 5 * (2 / SHOTS) ** 0.5
"""Five standard deviations of the difference of two means, at most."""


def line(name: str, idling: CoherentIdling | None = None) -> Any:
    made = GenericBackendV2(
        QUBITS, ["cz", "rz", "sx", "x"], coupling_map=[[0, 1], [1, 2], [2, 3]], noise_info=False
    )
    made.name, made.target.dt = name, 1e-9
    for gate, length in NS.items():
        for qubits in made.target[gate]:
            made.target.update_instruction_properties(gate, qubits, InstructionProperties(length * 1e-9, 0.0))
    return device_of(made, idling=idling)


@pytest.fixture(scope="module")
def service(connect: Any) -> Iterator[Any]:
    with serve([line("waiting", IDLING), line("ideal")]) as server:
        yield connect(server.endpoint)


def drawn(seed: int, *, barriers: bool, delays: bool) -> QuantumCircuit:
    """Return a circuit of gates, waiting and barriers; seeds that are even leave the last qubit to itself."""
    random = np.random.default_rng(seed)
    used = QUBITS - 1 + seed % 2
    circuit = QuantumCircuit(QUBITS)
    circuit.sx(range(used))
    for _ in range(5):
        first = int(random.integers(used - 1))
        circuit.cz(first, first + 1)
        if delays:
            circuit.delay(int(random.integers(1, 40)) * 20, int(random.integers(used)), unit="dt")
        if barriers:
            circuit.barrier(*random.choice(used, int(random.integers(2, used + 1)), replace=False).tolist())
        for qubit in range(used):
            if random.random() < 0.5:
                circuit.rz(float(random.uniform(0, 6)), qubit)
                circuit.sx(qubit)
    return circuit


def circuits() -> list[QuantumCircuit]:
    return [
        drawn(seed, barriers=barriers, delays=delays)
        for seed in SEEDS
        for barriers in (False, True)
        for delays in (False, True)
    ]


def exact(circuit: QuantumCircuit, observable: str) -> float:
    made = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name != "delay":
            made.append(step)
    return float(Statevector(made).expectation_value(SparsePauliOp(observable)).real)


def sampled(backend: Any, program: str, **options: Any) -> Any:
    """Return <Z> of all qubits and of all pairs of circuits, by samples."""
    sampler = SamplerV2(backend, {"program": program, "simulator": {"seed_simulator": 7}, **options})
    found = sampler.run([circuit.measure_all(inplace=False) for circuit in circuits()], shots=SHOTS).result()
    signs = [1.0 - 2.0 * pub.data.meas.to_bool_array(order="little")[:SHOTS] for pub in found]
    return np.array([(each.T @ each / len(each))[np.triu_indices(QUBITS, 1)] for each in signs]), np.array(
        [each.mean(axis=0) for each in signs]
    )


def estimated(backend: Any, program: str, **options: Any) -> Any:
    """Return the values of circuits at each noise factor, if there are some."""
    pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
    options = {"resilience_level": 0, "default_shots": SHOTS, "seed_estimator": 7, **options}
    found = EstimatorV2(backend, {"program": program, **options}).run(
        [(circuit, OBSERVABLES) for circuit in circuits()]
    )
    return np.array(
        [
            pub.data.evs_noise_factors if "evs_noise_factors" in pub.data else pub.data.evs
            for pub in found.result()
        ]
    )


PULSES = {"dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}}
FLIPS = {"twirling": {"enable_measure": True}}
LINEAR = {"extrapolator": "linear", "noise_factors": [1, 2, 3]}


def folded(amplifier: str = "gate_folding_front", **options: Any) -> dict[str, Any]:
    return {"resilience": {"zne_mitigation": True, "zne": {"amplifier": amplifier, **LINEAR}}, **options}


@pytest.mark.parametrize("options", [{}, PULSES], ids=["plain", "pulses"])
def test_samples_are_the_same(options: dict[str, Any], service: Any) -> None:
    backend = service.backend("waiting")
    for mine, theirs in zip(
        sampled(backend, "executor", **options), sampled(backend, "server", **options), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("options", [FLIPS, {**FLIPS, **PULSES}], ids=["flips", "flips and pulses"])
def test_samples_of_twirled_measurements_agree(options: dict[str, Any], service: Any) -> None:
    backend = service.backend("waiting")
    for mine, theirs in zip(
        sampled(backend, "executor", **options), sampled(backend, "server", **options), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=FAR)


@pytest.mark.parametrize(
    "options",
    [
        {},
        FLIPS,
        PULSES,
        {"resilience_level": 1},
        {"resilience_level": 1, **PULSES},
        folded(),
        folded("gate_folding_back", **FLIPS),
        folded(**PULSES),
    ],
    ids=["plain", "flips", "pulses", "readout", "readout and pulses", "front", "back and flips", "front and pulses"],
)  # fmt: skip
def test_expectation_values_agree(options: dict[str, Any], service: Any) -> None:
    """Of circuits that wait where they say so, for whom they say so, and of qubits that are there to be measured only."""
    backend = service.backend("waiting")

    mine, theirs = (estimated(backend, program, **options) for program in ("executor", "server"))

    assert np.abs(theirs.max(axis=0) - theirs.min(axis=0)).max() > 0.5  # there is something to compare
    np.testing.assert_allclose(mine, theirs, atol=FAR)


GATES: dict[str, Any] = {"enable_gates": True}


@pytest.mark.parametrize(
    "twirling",
    [
        {**GATES, "strategy": "active"},
        {**GATES, "strategy": "all", "enable_measure": True},
    ],
    ids=["active", "all"],
)
def test_twirled_gates_mean_what_they_meant(twirling: dict[str, Any], service: Any) -> None:
    """Wherever barriers and delays stand among the layers that are twirled."""
    backend = service.backend("ideal")
    twirling = {**twirling, "num_randomizations": 20, "shots_per_randomization": SHOTS // 20}

    _, samples = sampled(backend, "executor", twirling=twirling)
    values = estimated(backend, "executor", twirling=twirling)

    wanted = np.array([[exact(circuit, observable) for observable in OBSERVABLES] for circuit in circuits()])
    np.testing.assert_allclose(samples, wanted[:, :QUBITS], atol=FAR)
    np.testing.assert_allclose(values, wanted, atol=FAR)
