"""What is computed beside Aer has Aer's distribution: generated circuits, noise models and seeds.

Each case is a seed; those that ever failed stay in the lists below.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.classical import expr
from qiskit.circuit.library import HGate, IGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.quantum_info import random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    mixed_unitary_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)
from scipy.stats import chi2

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.aer import shots as sampling
from qiskit_rest_primitives.server.aer.bloch_vectors import bloch_program
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.aer.probabilities import Readout
from qiskit_rest_primitives.server.devices.device import Device, device_of
from qiskit_rest_primitives.server.devices.noise import CalibratedNoise, NoiseSource
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.wire import result_body

LEAST = 1e-6
"""Of 1000 cases one in a thousand runs of other seeds would have so small a p-value by chance; these seeds are fixed."""

Counts = Mapping[str, int]


def p_value(ours: Counts, theirs: Counts) -> float:
    """Test whether two samples have one distribution: chi-square, outcomes that are rare put together."""
    keys = sorted(set(ours) | set(theirs))
    table = np.array([[ours.get(key, 0) for key in keys], [theirs.get(key, 0) for key in keys]], dtype=float)
    rare = table.sum(axis=0) < 20
    table = np.concatenate([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)], axis=1)
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, table.shape[1] - 1)) if table.shape[1] > 1 else 1.0


def noise_of(model: NoiseModel | None) -> NoiseSource | None:
    return None if model is None else device_of(AerSimulator(noise_model=model)).noise


def sampled(
    circuit: QuantumCircuit,
    noise: NoiseSource | None,
    shots: int,
    seed: int,
    asked: Mapping[str, Any] | None = None,
) -> tuple[Counts, str]:
    """Return the counts of all classical bits together, and the names of the methods."""
    prepared = prepare(circuit, noise=None if noise is None else noise.distinguished)
    words, method = sampling.sample_shots(
        prepared,
        {},
        Readout(noise, symmetric=False),
        asked or {},
        np.random.default_rng(seed),
        sets=1,
        shots=shots,
    )
    return Counter(row.tobytes().hex() for row in words[0]), method


def by_aer(circuit: QuantumCircuit, model: NoiseModel | None, shots: int, seed: int) -> Counts:
    """Return what Aer counts for the circuit as it is; registers are one after the other."""
    simulator = AerSimulator(noise_model=model, seed_simulator=seed, max_parallel_threads=1)
    counts = simulator.run(circuit, shots=shots).result().data(0)["counts"]
    width = max(1, (circuit.num_clbits + 7) // 8)
    return {int(key, 16).to_bytes(width, "big").hex(): value for key, value in counts.items()}


def seeds(default: int, *found: int) -> list[Any]:
    """Return the seeds of the default run, and those of the deep one; each was once a counterexample that is ``found``."""
    return [
        pytest.param([*range(default), *found], id="some"),
        pytest.param(range(default, 1000), id="many", marks=pytest.mark.deep),
    ]


# ------------------------------------------------------------------------------------- one table


def misreading(random: np.random.Generator, width: int) -> NoiseModel | None:
    """Return a model of readout errors alone, of none in a third of the cases."""
    if random.random() < 1 / 3:
        return None
    model = NoiseModel()
    for qubit in range(width):
        low, high = random.uniform(0, 0.2, 2)
        model.add_readout_error(ReadoutError([[1 - low, low], [high, 1 - high]]), [qubit])
    return model


def static_circuit(random: np.random.Generator, width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width, width + int(random.integers(3)))
    for _ in range(3 * width):
        first, second = random.choice(width, 2, replace=False).tolist()
        circuit.ry(random.uniform(0, 3), first)
        circuit.cx(first, second) if random.random() < 0.6 else circuit.rx(random.uniform(0, 3), second)
    measured = random.permutation(width)[: random.integers(1, width + 1)]
    clbits = random.permutation(circuit.num_clbits)[: len(measured)]
    circuit.measure(measured.tolist(), clbits.tolist())
    return circuit


@pytest.mark.parametrize("those", seeds(12))
def test_shots_from_one_table_have_the_distribution_of_aer(
    those: Iterable[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "WIDEST_TABLE", 0)  # as for many qubits
    for seed in those:
        random = np.random.default_rng(seed)
        width = int(random.integers(2, 6))
        circuit, model = static_circuit(random, width), misreading(random, width)

        ours, method = sampled(circuit, noise_of(model), 4000, seed)

        assert method == "numpy_statevector"
        assert p_value(ours, by_aer(circuit, model, 8000, seed)) > LEAST, seed


def test_outcomes_that_cannot_be_are_never_drawn() -> None:
    class Ends(np.random.Generator):
        """Numbers at the ends of what is possible."""

        def standard_exponential(self, size: int) -> Any:  # type: ignore[override]
            return np.where(np.arange(size) % (size - 1) == 0, 0.0, 1.0)

    probabilities = np.array([0.0, 0.3, 0.0, 0.1, 0.6, 0.0, 0.0])

    drawn = sampling.draw_outcomes(probabilities, 20, Ends(np.random.PCG64(1)))

    assert set(drawn.tolist()) == {1, 3, 4}


@pytest.mark.parametrize("unit", [1.0, 1e-13])
def test_values_are_told_apart_in_any_unit(unit: float) -> None:
    time = Parameter("time")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(time / unit, 0)
    circuit.measure(0, 0)
    values = np.linspace(0, np.pi, 5) * unit

    words, _ = sampling.sample_shots(
        prepare(circuit),
        {time: values},
        Readout(None, symmetric=False),
        {},
        np.random.default_rng(1),
        sets=5,
        shots=2000,
    )

    assert np.all(np.abs(words[..., 0].mean(axis=1) - np.sin(values / unit / 2) ** 2) < 5 / 2 / 2000**0.5)


def test_seventeen_qubits_are_drawn_from_one_table_and_repeat() -> None:
    circuit = QuantumCircuit(17)
    angles = np.linspace(0.2, 2.9, 17)
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    for qubit in range(0, 16, 2):  # the parities of neighbours are certain
        circuit.cx(qubit, qubit + 1)
    circuit.cz(range(16), range(1, 17))
    circuit.measure_all()
    device = device_of(AerSimulator())
    body = json.dumps({"pubs": [[dump_circuit(circuit).wire, None, 20_000]]}).encode()

    result, again = (
        result_body.load_result(execute("sampler", body, device, seed=5).body)[0] for _ in range(2)
    )

    assert result.data.m000 == again.data.m000
    assert result.metadata["simulation"] == {"method": "statevector", "qubits": 17}
    bits = result.data.m000.to_bool_array(order="little")
    signs = np.cos(angles)
    signs[1:16:2] *= signs[0:16:2]
    assert np.all(np.abs(1 - 2 * bits.mean(axis=0) - signs) < 5 * np.sqrt((1 - signs**2) / 20_000))


# ------------------------------------------------------------------------------------- Pauli frames

ONE = ("h", "s", "sdg", "sx", "sxdg", "x", "y", "z", "id")
TWO = ("cx", "cy", "cz", "swap", "ecr")


def pauli_noise(random: np.random.Generator, width: int) -> NoiseModel | None:
    """Return Pauli errors of some gates, resets and measurements, everywhere or on some qubits, and misreadings."""
    if random.random() < 0.2:
        return None
    model = misreading(random, width) or NoiseModel()
    for name in random.choice([*ONE, "reset", "measure"], 4, replace=False).tolist():
        rates = random.dirichlet([6, 1, 1, 1])
        model.add_all_qubit_quantum_error(pauli_error(list(zip("IXYZ", rates, strict=True))), name)
    for name in random.choice([*ONE, "measure"], 2, replace=False).tolist():
        model.add_quantum_error(pauli_error([("X", 0.3), ("I", 0.7)]), name, [0], warnings=False)
    for name in random.choice(TWO, 2, replace=False).tolist():
        letters = ["".join(random.choice(list("IXYZ"), 2)) for _ in range(3)]
        model.add_all_qubit_quantum_error(pauli_error(list(zip(letters, (0.8, 0.1, 0.1), strict=True))), name)
        model.add_quantum_error(depolarizing_error(0.2, 2), name, [0, 1], warnings=False)
    return model


def clifford_circuit(random: np.random.Generator, width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(width), ClassicalRegister(2, "a"), ClassicalRegister(width, "b"))
    dynamic = random.random() < 0.8
    for _ in range(6 * width):
        kind = random.random()
        first, second = random.choice(width, 2, replace=False).tolist()
        if kind < 0.5:
            getattr(circuit, str(random.choice(ONE)))(first)
        elif kind < 0.6:
            circuit.rz(random.integers(8) * np.pi / 2, first)
        elif kind < 0.8:
            getattr(circuit, str(random.choice(TWO)))(first, second)
        elif dynamic and kind < 0.88:
            circuit.measure(first, int(random.integers(circuit.num_clbits)))
        elif dynamic and kind < 0.92:
            circuit.reset(first)
        elif dynamic:
            _guarded(circuit, random, first, second)
    circuit.measure(range(width), circuit.cregs[1])
    return circuit


def _guarded(circuit: QuantumCircuit, random: np.random.Generator, first: int, second: int) -> None:
    one, other = random.choice(circuit.num_clbits, 2, replace=False).tolist()
    a, b = circuit.clbits[one], circuit.clbits[other]
    conditions = [
        (a, int(random.integers(2))),
        (circuit.cregs[0], int(random.integers(4))),
        expr.logic_or(a, expr.logic_not(b)),
        expr.bit_xor(a, b),
    ]
    with circuit.if_test(conditions[random.integers(4)]) as otherwise:
        getattr(circuit, str(random.choice(["x", "y", "z"])))(first)
        with circuit.if_test((b, 1)):
            circuit.x(second)
    if random.random() < 0.5:
        with otherwise:
            circuit.rz(np.pi, first)
            circuit.y(second)


@pytest.mark.parametrize("those", seeds(20))
def test_pauli_frames_have_the_distribution_of_aer(those: Iterable[int]) -> None:
    for seed in those:
        random = np.random.default_rng(seed)
        width = int(random.integers(2, 5))
        circuit = clifford_circuit(random, width)
        noise = noise_of(pauli_noise(random, width))
        prepared = prepare(circuit, noise=None if noise is None else noise.distinguished)
        rows = np.zeros((1, 3000, (circuit.num_clbits + 7) // 8), dtype=np.uint8)

        sampling._follow(rows, prepared, Readout(noise, symmetric=False), random)

        # Aer simulates every shot, so it gets fewer.
        ours = Counter(row.tobytes().hex() for row in rows[0])
        theirs, method = sampled(circuit, noise, 600, seed, {"method": "stabilizer"})
        assert method == "stabilizer"
        assert p_value(ours, theirs) > LEAST, seed


def test_what_frames_cannot_follow_is_left_to_aer() -> None:
    guarded = QuantumCircuit(12, 13)
    guarded.h(range(12))
    guarded.measure(0, 12)
    with guarded.if_test((guarded.clbits[12], 1)):
        guarded.h(1)
    guarded.measure(range(12), range(12))
    static = QuantumCircuit(12)
    static.h(0)
    static.cx(range(11), range(1, 12))
    static.measure_all()
    relaxing, mixing = NoiseModel(), NoiseModel()
    relaxing.add_all_qubit_quantum_error(thermal_relaxation_error(50, 40, 1), ["h"])
    mixing.add_all_qubit_quantum_error(
        mixed_unitary_error([(np.eye(2), 0.9), (HGate().to_matrix(), 0.1)]), "h"
    )

    methods = {
        "guarded": sampled(guarded, None, 10, 1)[1],
        "static": sampled(static, None, 10, 1)[1],
        "relaxing": sampled(static, noise_of(relaxing), 10, 1)[1],
        "mixing": sampled(static, noise_of(mixing), 10, 1)[1],
    }

    assert methods == {
        "guarded": "stabilizer",
        "static": "pauli_frames",
        "relaxing": "stabilizer",
        "mixing": "statevector",
    }


def test_a_hundred_qubits_are_followed_and_repeat() -> None:
    circuit = QuantumCircuit(100)
    circuit.h(0)
    circuit.cx(range(99), range(1, 100))
    circuit.measure_all()

    counts, method = sampled(circuit, None, 40_000, 1)

    assert method == "pauli_frames"
    assert set(counts) == {"0" * 26, "0" + "f" * 25}
    assert abs(counts["0" * 26] - 20_000) < 5 * 100
    assert sampled(circuit, None, 40_000, 1)[0] == counts != sampled(circuit, None, 40_000, 2)[0]


# ------------------------------------------------------------------------------------- parts


def channels(random: np.random.Generator, width: int) -> NoiseModel:
    """Return errors of all kinds on gates and measurements of one qubit, and misreadings."""
    model = misreading(random, width) or NoiseModel()
    kinds = [
        thermal_relaxation_error(50, 70, random.uniform(1, 20)),
        depolarizing_error(random.uniform(0, 0.3), 1),
        amplitude_damping_error(random.uniform(0, 0.5)),
        pauli_error([("X", 0.1), ("I", 0.9)]),
        mixed_unitary_error([(np.eye(2), 0.7), (HGate().to_matrix(), 0.3)]),
        reset_error(0.2, 0.1),
    ]
    for name in random.choice(["sx", "u", "ry", "h", "rz", "reset", "id"], 4, replace=False).tolist():
        model.add_all_qubit_quantum_error(kinds[random.integers(len(kinds))], name)
    for name in random.choice(["sx", "ry", "measure"], 2, replace=False).tolist():
        model.add_quantum_error(kinds[random.integers(len(kinds))], name, [0], warnings=False)
    return model


def local_circuit(random: np.random.Generator, width: int, *, static: bool) -> QuantumCircuit:
    """Return a circuit of gates of one qubit, some with parameters."""
    circuit = QuantumCircuit(width, 2 * width)
    angles = iter(ParameterVector("angle", 200))
    names = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "r": 2, "u": 3, "u2": 2, "u3": 3, "u1": 1}
    for qubit in range(width):
        for _ in range(random.integers(1, 12)):
            name = str(random.choice([*names, "h", "sx", "t", "id", "unitary"]))
            if name == "unitary":
                circuit.unitary(random_unitary(2, seed=random), qubit)
                continue
            values = [
                next(angles) if random.random() < 0.5 else random.uniform(-7, 7)
                for _ in range(names.get(name, 0))
            ]
            circuit.append(get_standard_gate_name_mapping()[name].base_class(*values), [qubit])
            if not static and random.random() < 0.25:
                circuit.measure(qubit, 2 * qubit)
            elif not static and random.random() < 0.1:
                circuit.reset(qubit)
    circuit.measure(range(width), range(1, 2 * width, 2))
    return circuit


@pytest.mark.parametrize("those", seeds(20))
def test_bloch_vectors_have_the_probabilities_of_aer(those: Iterable[int]) -> None:
    for seed in those:
        random = np.random.default_rng(seed)
        width = int(random.integers(1, 4))
        circuit = local_circuit(random, width, static=True)
        noise = noise_of(channels(random, width)) if random.random() < 0.8 else None
        prepared = prepare(circuit, noise=None if noise is None else noise.distinguished)
        columns = {parameter: random.uniform(-7, 7, 3) for parameter in circuit.parameters}
        program = bloch_program(prepared, noise)
        assert program is not None
        found: dict[int, Any] = {}

        def read(measured: Any, ones: Any, found: dict[int, Any] = found) -> None:
            found.update(zip(measured.clbits, ones, strict=True))

        program.run(columns, read)

        # What a measurement's own error does belongs to Aer's probabilities as an error of waiting in front of it.
        model = noise_model_of(noise)
        saving = QuantumCircuit(width)
        for step in prepared.circuit.data:
            if step.name == "measure":
                place = prepared.circuit.find_bit(step.qubits[0]).index
                saving.append(IGate(label="measure"), [place])
                saving.save_probabilities([place], label=str(prepared.circuit.find_bit(step.clbits[0]).index))
            else:
                saving.append(step.operation, [prepared.circuit.find_bit(step.qubits[0]).index])
        for index in range(3):
            bound = saving.assign_parameters({key: values[index] for key, values in columns.items()})
            simulator = AerSimulator(method="density_matrix", noise_model=model, max_parallel_threads=1)
            data = simulator.run(bound, shots=1).result().data(0)
            for clbit, ones in found.items():
                mine = float(np.broadcast_to(ones, (3, 1))[index, 0])
                assert abs(mine - data[str(clbit)][1]) < 1e-12, (seed, clbit)


def noise_model_of(noise: NoiseSource | None) -> NoiseModel | None:
    """Return the model of a source as it came."""
    return None if noise is None else noise.noise_model()  # type: ignore[attr-defined]


@pytest.mark.parametrize("those", seeds(5))
def test_parts_of_dynamic_circuits_have_the_distribution_of_aer(those: Iterable[int]) -> None:
    for seed in those:
        random = np.random.default_rng(seed)
        local = local_circuit(random, 3, static=False)
        local = local.assign_parameters(random.uniform(-7, 7, local.num_parameters))
        circuit = QuantumCircuit(8, 9)
        circuit.compose(local, range(3), range(6), inplace=True)
        circuit.h(3)
        circuit.cx(3, 4)
        circuit.measure([3, 4], [6, 7])
        circuit.ry(1.0, 3)
        circuit.cx(3, 4)
        circuit.measure(3, 7)  # once more
        if random.random() < 0.5:
            circuit.ry(2.0, 5)
            circuit.measure(5, 8)
            with circuit.if_test((circuit.clbits[8], 1)):
                circuit.ry(0.7, 6)
        circuit.ry(0.3, 6)
        circuit.measure(6, 8)
        circuit.x(7)
        noise = noise_of(channels(random, 8))

        ours, method = sampled(circuit, noise, 2000, seed)

        assert "bloch_vectors" in method.split(" + ")
        theirs, _ = sampled(circuit, noise, 400, seed, {"method": "automatic"})
        assert p_value(ours, theirs) > LEAST, seed


def test_qubits_that_go_on_alike_are_followed_one_by_one() -> None:
    circuit = QuantumCircuit(8, 16)
    for qubit in range(8):
        circuit.ry(np.pi / 2 if qubit % 2 else np.pi, qubit)
        circuit.measure(qubit, qubit)
        circuit.reset(qubit)
        circuit.measure(qubit, 8 + qubit) if qubit > 5 else circuit.x(qubit)

    counts, method = sampled(circuit, None, 2000, 1)

    assert method == "bloch_vectors"
    words = np.array([[*bytes.fromhex(key)] for key in Counter(counts).elements()])
    assert not words[:, 0].any()
    assert (words[:, 1] & 0b01010101 == 0b01010101).all()
    free = (words[:, 1:] >> np.array([1, 3, 5, 7])) & 1
    assert np.all(np.abs(np.cov(free.T) - np.eye(4) / 4) < 5 / (4 * 2000**0.5))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_last_of_two_qubits_is_what_their_bit_holds(order: tuple[int, int]) -> None:
    circuit = QuantumCircuit(8, 7)
    circuit.x(0)
    circuit.measure(order, [0, 0])
    circuit.ry(0.3, range(2, 8))
    circuit.cx(range(2, 7), range(3, 8))
    circuit.measure(range(2, 8), range(1, 7))

    counts, _ = sampled(circuit, None, 100, 1)

    assert {int(key, 16) & 1 for key in counts} == {1 - order[1]}


def test_measuring_a_device_again_costs_no_more_than_its_parts(heron: Device) -> None:
    circuit = QuantumCircuit(156, 2)
    circuit.sx([0, 1])
    circuit.rz(0.3, [0, 1])
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    circuit.measure_all()
    body = json.dumps({"pubs": [[dump_circuit(circuit).wire, None, 2000]]}).encode()

    result = result_body.load_result(execute("sampler", body, heron, seed=1).body)[0]

    assert result.metadata["simulation"] == {"method": "bloch_vectors + density_matrix", "qubits": 156}
    first = result.data.m000.to_bool_array(order="little")
    again = result.data.m001.to_bool_array(order="little")
    assert np.all((first == again[:, :2]).mean(axis=0) > 0.9)
    assert again[:, 2:].mean() < 0.1


# ------------------------------------------------------------------------------------- all to Aer


@pytest.mark.parametrize("asked", [{}, {"method": "automatic"}])
def test_a_measurement_that_is_calibrated_as_a_gate_has_its_readout_error_alone(
    asked: dict[str, str],
) -> None:
    long = [
        {"name": "gate_length", "value": 1000, "unit": "ns"},
        {"name": "gate_error", "value": 0.2, "unit": ""},
    ]
    qubit = [{"name": "T1", "value": 1, "unit": "us"}, {"name": "T2", "value": 1, "unit": "us"}]
    noise = CalibratedNoise(
        {
            "qubits": [qubit],
            "gates": [{"gate": "measure", "qubits": [0], "parameters": long}],
        }
    )
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)

    assert sampled(circuit, noise, 100, 1, asked)[0] == {"01": 100}


@pytest.mark.parametrize("program", ["sampler", "estimator"])
def test_a_job_leaves_everything_to_aer(program: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    if program == "sampler":
        circuit.measure_all()
    pub = [dump_circuit(circuit).wire, *(["ZZ"] if program == "estimator" else [])]
    options = {"simulator": {"method": "automatic"}}
    body = json.dumps({"pubs": [pub], "options": options}).encode()

    result = result_body.load_result(execute(program, body, device_of(AerSimulator()), seed=1).body)

    assert result[0].metadata["simulation"]["method"] == "automatic"
    assert "options_without_effect" not in result.metadata
