"""Mitigation where it is made by the client, as quantum programs: with known noise, each technique shows its textbook effect."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit.library import RZZGate
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import Operator, PauliLindbladMap, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, coherent_unitary_error, depolarizing_error

from qiskit_rest_primitives import EstimatorV2

pytest.importorskip("qiskit_mitigation", reason="pip install 'qiskit-rest-primitives[executor]' to mitigate")

BASIS = {"coupling_map": [[0, 1]], "basis_gates": ["cz", "rz", "sx", "x"], "n_qubits": 2}
LOST = 0.03
"""What every two-qubit gate takes from every observable."""

MISREAD = ReadoutError([[0.97, 0.03], [0.12, 0.88]])
SHOTS = 12_800
FOLDED = {"zne_mitigation": True}


@pytest.fixture(scope="module")
def pub() -> Any:
    """Six two-qubit gates, and an observable of two parts that do not commute."""
    circuit = QuantumCircuit(2)
    for step in range(3):
        circuit.rx(0.1 + 0.1 * step, 0)
        circuit.ry(-0.2, 1)
        circuit.cz(0, 1)
        circuit.rx(0.4, 1)
        circuit.cz(0, 1)
    isa = generate_preset_pass_manager(0, backend=AerSimulator(**BASIS)).run(circuit)
    assert isa.count_ops()["cz"] == 6
    return isa, SparsePauliOp(["ZZ", "IZ", "YI"], [0.5, 0.5, -1.0]).apply_layout(isa.layout)


def device(*, gates: bool = False, readout: bool = False) -> AerSimulator:
    model = NoiseModel()
    if gates:
        model.add_all_qubit_quantum_error(depolarizing_error(LOST, 2), ["cz"])
    if readout:
        model.add_all_qubit_readout_error(MISREAD)
    return AerSimulator(noise_model=model, **BASIS)


def layer_noise(backend: Any, pub: Any, **options: Any) -> list[Any]:
    """Return the noise of the circuit's only layer, as a learner without shot noise would find it."""
    (layer,) = EstimatorV2(backend, {"resilience": options}).find_unique_layers([pub])
    labels = ["".join(pair) for pair in product("IXYZ", repeat=2)][1:]
    rate = -np.log(1 - LOST) / 16  # every observable anticommutes with eight of the fifteen
    return [(layer, PauliLindbladMap.from_list([(label, rate) for label in labels]))]


def deviations(backend: Any, pub: Any, **options: Any) -> tuple[float, Any]:
    """Return how many of its standard deviations a value lies from the exact one, and the PUB's result."""
    run = {
        "resilience_level": 0,
        "default_shots": SHOTS,
        "seed_estimator": 11,
        "program": "executor",
        "simulator": {
            "coupling_map": BASIS["coupling_map"]
        },  # without which a simulator refuses cancellation
    }
    found = EstimatorV2(backend, {**run, **options}).run([pub]).result()[0]
    return float(abs(found.data.evs - exact(pub)) / found.data.stds), found


def exact(pub: Any) -> float:
    (observable,) = ObservablesArray.coerce([pub[1]]).sparse_observables_array()
    return float(Statevector(pub[0]).expectation_value(SparsePauliOp.from_sparse_observable(observable)).real)


@pytest.fixture(scope="module")
def noisy() -> AerSimulator:
    return device(gates=True)


@pytest.fixture(scope="module")
def raw(noisy: AerSimulator, pub: Any) -> Any:
    far, found = deviations(noisy, pub)
    assert far > 5
    return found


@pytest.mark.parametrize(
    "zne",
    [
        {},
        {"amplifier": "gate_folding_front", "noise_factors": [1, 2, 3], "extrapolator": "exponential"},
        {
            "amplifier": "gate_folding_back",
            "noise_factors": [1, 5 / 3, 3],
            "extrapolator": "polynomial_degree_2",
        },
    ],
    ids=["default", "front", "back"],
)
def test_gate_folding_extrapolates_to_no_noise(zne: dict[str, Any], noisy: Any, raw: Any, pub: Any) -> None:
    far, found = deviations(noisy, pub, resilience={**FOLDED, "zne": zne})

    assert far < 3
    # Each of the six gates takes its part from all observables alike, and so does each repetition.
    factors = zne.get("noise_factors", [1, 3, 5])
    lost = found.data.evs_noise_factors / exact(pub)
    spread = 5 * found.data.stds_noise_factors
    assert (np.abs(lost - [(1 - LOST) ** (6 * factor) for factor in factors]) < spread).all()
    assert abs(found.data.evs_noise_factors[0] - raw.data.evs) < 5 * np.hypot(spread[0] / 5, raw.data.stds)


def test_cancellation_takes_the_noise_out(noisy: Any, raw: Any, pub: Any) -> None:
    options = {"pec_mitigation": True}
    given = layer_noise(noisy, pub, **options)

    far, found = deviations(noisy, pub, resilience={**options, "layer_noise_model": given})
    kept = {"pec": {"noise_gain": 1.0}}
    _, same = deviations(noisy, pub, resilience={**options, **kept, "layer_noise_model": given})

    assert far < 3
    overhead = np.exp(4 * 6 * 15 * -np.log(1 - LOST) / 16)
    assert found.metadata["num_randomizations"] == np.ceil(SHOTS / 64 * overhead)
    # Gain 1 takes nothing out.
    assert same.metadata["num_randomizations"] == SHOTS / 64
    assert abs(same.data.evs - raw.data.evs) < 5 * np.hypot(same.data.stds, raw.data.stds)


FEW = {"layer_pair_depths": [0, 4, 16], "num_randomizations": 16, "shots_per_randomization": 64}


def test_noise_is_learned_where_it_is_not_given(noisy: Any, raw: Any, pub: Any) -> None:
    """Cancelled by what a job of the same ``run()`` learned first, whose errors are part of the values'."""
    options = {"pec_mitigation": True, "layer_noise_learning": FEW}

    far, found = deviations(noisy, pub, resilience=options)

    assert far < 3
    overhead = np.exp(4 * 6 * 15 * -np.log(1 - LOST) / 16)
    assert found.metadata["num_randomizations"] == pytest.approx(SHOTS / 64 * overhead, rel=0.2)


def test_learned_noise_is_amplified_and_extrapolated(noisy: Any, raw: Any, pub: Any) -> None:
    options = {"zne_mitigation": True, "zne": {"amplifier": "pea"}, "layer_noise_learning": FEW}

    far, found = deviations(noisy, pub, resilience=options)

    assert far < 3
    lost = found.data.evs_noise_factors / exact(pub)
    wanted = [(1 - LOST) ** (6 * factor) for factor in (1, 3, 5)]
    np.testing.assert_allclose(lost, wanted, atol=0.1)


def test_readout_that_errs_one_way_is_mitigated(pub: Any) -> None:
    backend = device(readout=True)

    raw, _ = deviations(backend, pub)
    far, found = deviations(backend, pub, resilience={"measure_mitigation": True})
    projector = (pub[0], {"0I": 1.0, "01": 0.5})
    alone, _ = deviations(backend, projector)
    apart, _ = deviations(backend, projector, resilience={"measure_mitigation": True})

    assert raw > 5 > 3 > far
    assert alone > 5 > 3 > apart
    assert found.metadata["num_randomizations"] == 32


def test_gates_and_readout_are_mitigated_together(pub: Any) -> None:
    backend = device(gates=True, readout=True)
    options = {"pec_mitigation": True, "measure_mitigation": True}
    given = layer_noise(backend, pub, **options)

    raw, _ = deviations(backend, pub)
    readout, _ = deviations(backend, pub, resilience_level=1)
    folded, _ = deviations(backend, pub, resilience_level=2)
    cancelled, _ = deviations(backend, pub, resilience={**options, "layer_noise_model": given})

    assert raw > 5
    assert readout > 5, "gates err still"
    assert folded < 3
    assert cancelled < 3


def test_twirling_makes_coherent_errors_average_out() -> None:
    """A gate that turns too far does so again and again; twirled, what it adds has no direction."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(coherent_unitary_error(Operator(RZZGate(0.15))), ["cz"])
    backend = AerSimulator(noise_model=model, **BASIS)
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    for _ in range(8):
        circuit.cz(0, 1)
        circuit.barrier()
    pub = (circuit, SparsePauliOp("IY"))

    _, plain = deviations(backend, pub)
    _, twirled = deviations(backend, pub, twirling={"enable_gates": True, "num_randomizations": 400})

    assert plain.data.evs == pytest.approx(-np.cos(8 * 0.15), abs=5 * plain.data.stds)
    assert twirled.data.evs == pytest.approx(-(np.cos(0.15) ** 8), abs=5 * twirled.data.stds)
