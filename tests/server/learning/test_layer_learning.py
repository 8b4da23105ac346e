"""Learning the noise of a layer: known channels on real Aer are found again."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import PTM, Clifford, PauliList
from qiskit.transpiler import InstructionProperties
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, pauli_error

from qiskit_rest_primitives.server.devices.device import Device, device_of
from qiskit_rest_primitives.server.devices.given_noise import GivenNoiseModel
from qiskit_rest_primitives.server.devices.idling import CoherentIdling
from qiskit_rest_primitives.server.devices.noise import CalibratedNoise
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.learning.layer_learning import (
    LearnedLayer,
    Protocol,
    is_learnable,
    learn_layer,
)
from qiskit_rest_primitives.server.learning.lindblad import covering_bases, fit_decays

SWAPPED = str.maketrans("YZ", "ZY")
QUICK = Protocol(depths=(0, 2, 8, 24), randomizations=12, shots=200)


def pauli_channel(rates: dict[str, float]) -> QuantumError:
    """Return the channel with these Pauli-Lindblad rates, exactly."""
    paulis = PauliList(["".join(letters) for letters in product("IXYZ", repeat=2)])
    signs = np.array([[1.0 if one.commutes(other) else -1.0 for other in paulis] for one in paulis])
    generators = PauliList(list(rates))
    anticommute = np.array([[not one.commutes(other) for other in generators] for one in paulis])
    fidelities = np.exp(-2 * anticommute @ np.array(list(rates.values())))
    weights = signs @ fidelities / 16
    return pauli_error(
        [(pauli.to_label(), max(0.0, float(w))) for pauli, w in zip(paulis, weights, strict=True)]
    )


def symmetric(gate: QuantumCircuit, rates: dict[str, float]) -> dict[str, float]:
    """Share each rate between a generator and its image under the gate, which is all that can be told."""
    shared: dict[str, float] = {}
    for label, rate in rates.items():
        image = PauliList([label]).evolve(Clifford(gate), frame="s")[0].to_label().lstrip("-")
        for name in (label, image):
            shared[name] = shared.get(name, 0.0) + rate / 2
    return shared


def source(name: str, channel: QuantumError) -> GivenNoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(channel, [name])
    model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.05, 0.95]]))
    return GivenNoiseModel(model.to_dict())


def test_a_qubit_that_waits_for_gates_is_learned_as_it_turns() -> None:
    """Twirling makes phases of turns, with exp(-2 rate) = cos(angle); who has gates does not wait."""
    backend = GenericBackendV2(
        5, ["cz", "rz", "sx", "x"], coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]], noise_info=False
    )
    backend.target.dt = 1e-9
    for name, length in {"cz": 70, "sx": 40, "x": 40, "rz": 0, "measure": 600}.items():
        for where in backend.target[name]:
            backend.target.update_instruction_properties(
                name, where, InstructionProperties(length * 1e-9, 0.0)
            )
    rates = CoherentIdling(detuning={1: 9e6, 3: 3e6}, zz={(2, 1): 9e6, (3, 4): 4e6})
    layer = QuantumCircuit(4)
    layer.cz(0, 1)

    learned = learn_layer(
        layer,
        [1, 2, 3, 4],
        [(0, 1), (1, 2), (2, 3)],
        device_of(backend, idling=rates).noise,
        Protocol(depths=(0, 2, 8, 24), randomizations=30, shots=100),
        np.random.default_rng(1),
    )

    truth = {"IZII": -np.log(np.cos(3e6 * 70e-9)) / 2, "ZZII": -np.log(np.cos(4e6 * 70e-9)) / 2}
    expected = np.array([truth.get(label, 0.0) for label in learned.generators.to_labels()])
    assert learned.stds.max() < 0.003 < truth["IZII"]
    assert np.abs(learned.rates - expected).max() < 5 * learned.stds.max(), found(learned)


def found(learned: LearnedLayer) -> dict[str, float]:
    return dict(zip(learned.generators.to_labels(), learned.rates.tolist(), strict=True))


def assert_close(learned: LearnedLayer, truth: dict[str, float]) -> None:
    """All rates within 5 of their own standard errors, which are small against the rates."""
    labels = learned.generators.to_labels()
    expected = np.array([truth.get(label, 0.0) for label in labels])
    assert set(truth) <= set(labels)
    assert learned.stds.max() < 0.001
    assert np.abs(learned.rates - expected).max() < 5 * learned.stds.max(), found(learned)


@pytest.mark.parametrize("name", ["cz", "cx", "ecr"])
def test_the_rates_of_a_known_channel_are_found(name: str) -> None:
    gate = QuantumCircuit(2)
    getattr(gate, name)(0, 1)
    truth = {"XI": 0.006, "IZ": 0.008, "ZZ": 0.004, "YY": 0.003}
    noise = source(name, pauli_channel(truth))
    learned = learn_layer(gate, [3, 7], [(0, 1)], noise, QUICK, np.random.default_rng(1))
    assert len(learned.generators) == 15
    assert learned.circuits == 9 * 12 * 4
    assert_close(learned, symmetric(gate, truth))


def test_equal_seeds_give_equal_rates_and_ideal_devices_none() -> None:
    gate = QuantumCircuit(2)
    gate.cz(0, 1)
    noise = source("cz", pauli_channel({"ZZ": 0.01}))
    once, again, other = (
        learn_layer(gate, [0, 1], [(0, 1)], noise, QUICK, np.random.default_rng(seed)).rates.tolist()
        for seed in (4, 4, 5)
    )
    assert once == again != other
    ideal = learn_layer(gate, [0, 1], [(0, 1)], None, QUICK, np.random.default_rng(4))
    assert ideal.rates.tolist() == [0.0] * 15


def test_parallel_gates_and_a_qubit_without_one_are_told_apart() -> None:
    layer = QuantumCircuit(5)
    layer.cz(0, 1)
    layer.cz(3, 2)
    layer.barrier()
    model = NoiseModel()
    model.add_quantum_error(pauli_channel({"IZ": 0.01}), ["cz"], [10, 11])
    model.add_quantum_error(pauli_channel({"ZZ": 0.006}), ["cz"], [13, 12])
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4)]
    learned = learn_layer(
        layer, range(10, 15), pairs, GivenNoiseModel(model.to_dict()), QUICK, np.random.default_rng(2)
    )
    assert len(learned.generators) == 5 * 3 + 4 * 9
    assert_close(learned, {"IIIIZ": 0.01, "IZZII": 0.006})


def diagonal(error: QuantumError, num_qubits: int) -> dict[str, float]:
    """Return the fidelity of every Pauli under a channel."""
    labels = ["".join(letters) for letters in product("IXYZ", repeat=num_qubits)]
    return dict(zip(labels, PTM(error).data.diagonal().real.tolist(), strict=True))


def test_calibrated_noise_is_learned_with_that_of_the_single_qubit_gates_between(heron: Device) -> None:
    where = next(iter(heron.target["cz"]))
    noise = CalibratedNoise(heron.properties or {})
    layer = QuantumCircuit(2)
    layer.cz(0, 1)
    learned = learn_layer(layer, where, [(0, 1)], noise, QUICK, np.random.default_rng(3))

    gate = diagonal(noise._error("cz", where, mixture=False), 2)
    turns = [diagonal(noise._error("sx", (qubit,), mixture=False), 1) for qubit in where]
    # Between the two sx of rz-sx-rz-sx-rz, Y and Z have changed places.
    singles = [
        {letter: turn[letter] * turn[letter.translate(SWAPPED)] for letter in "IXYZ"} for turn in turns
    ]

    def fidelity(label: str) -> float:
        return gate[label] * singles[0][label[1]] * singles[1][label[0]]

    labels = learned.generators.to_labels()
    pairs = list(zip(labels, learned.generators.evolve(Clifford(layer), frame="s").to_labels(), strict=True))
    expected = [np.log(fidelity(one) * fidelity(other.lstrip("-"))) / 2 for one, other in pairs]
    anticommute = np.array(
        [[not one.commutes(other) for other in learned.generators] for one in learned.generators]
    )
    found = -2 * anticommute @ learned.rates
    # 8 of the 15 rates enter a fidelity, each twice; 5 standard errors.
    assert np.abs(found - expected).max() < 5 * 2 * np.sqrt(8) * learned.stds.max()
    assert np.abs(expected).min() > 2 * np.abs(found - expected).max()


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_every_pair_of_neighbours_sees_all_combinations(size: int) -> None:
    pairs = [(one, other) for one in range(size) for other in range(one)]
    bases = covering_bases(size + 1, pairs)
    for one, other in pairs:
        assert len({(row[one], row[other]) for row in bases.tolist()}) == 9
    assert len(bases) == (9 if size <= 4 else 27)


def test_a_line_of_any_length_takes_nine_bases() -> None:
    assert len(covering_bases(100, [(qubit, qubit + 1) for qubit in range(99)])) == 9
    assert len(covering_bases(1, [])) == 9


def test_a_decay_is_found_with_its_error() -> None:
    depths = np.array([0.0, 1.0, 4.0, 16.0])
    rates = np.array([0.0, 0.003, 0.05, 1.0])
    exact = 0.9 * np.exp(-np.outer(rates, depths))
    fitted = fit_decays(depths, exact, np.full(exact.shape, 1e-6))
    assert fitted.rates == pytest.approx(rates, abs=1e-5, rel=1e-4)
    random = np.random.default_rng(1)
    noisy = np.repeat(exact, 200, axis=0)
    noisy += random.normal(0, 1e-3, noisy.shape)
    tries = fit_decays(depths, noisy, np.full(noisy.shape, 1e-6)).rates.reshape(4, 200)
    # 200 tries tell a standard deviation to 5 %; that of the first is cut off at 0.
    assert tries.std(axis=1)[1:] == pytest.approx(fitted.stds[1:], rel=0.25)


def test_what_cannot_be_learned_is_refused() -> None:
    def reason(layer: QuantumCircuit, protocol: Protocol = QUICK) -> str:
        with pytest.raises(TaskFailed) as caught:
            learn_layer(layer, range(3), [], None, protocol, np.random.default_rng(1))
        assert caught.value.code == 3211
        return caught.value.reason

    good, odd, overlapping = QuantumCircuit(3), QuantumCircuit(3), QuantumCircuit(3)
    good.cz(0, 1)
    odd.iswap(0, 1)
    overlapping.cz(0, 1)
    overlapping.cz(1, 2)
    assert reason(odd).startswith("The noise of iswap cannot be learned")
    assert reason(overlapping) == "Gates of a layer overlap."
    assert reason(good, Protocol(depths=(1, 1))) == "Learning needs two different depths at least."
    assert "are too many" in reason(good, Protocol(depths=(0, 10**9)))
    assert "are too many" in reason(good, Protocol(shots=10**9))
    with pytest.raises(TaskFailed, match="300 qubits with 400 pairs of neighbours has 4500 generators"):
        learn_layer(
            QuantumCircuit(300),
            range(300),
            [(0, 1)] * 400,
            None,
            Protocol((0, 1), 1, 1),
            np.random.default_rng(1),
        )
    assert [is_learnable(gate) for gate in (good.data[0].operation, odd.data[0].operation)] == [True, False]
