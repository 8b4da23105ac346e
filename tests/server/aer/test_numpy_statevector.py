"""Outcome probabilities by numpy are those of Aer: generated circuits, values and measurement settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import UnitaryGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.quantum_info import SparsePauliOp, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qiskit_rest_primitives import EstimatorV2, SamplerV2
from qiskit_rest_primitives.server.aer.methods import choose_method, choose_state
from qiskit_rest_primitives.server.aer.numpy_statevector import statevector_program
from qiskit_rest_primitives.server.aer.preparation import AER_GATES, prepare
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.job_errors import TaskFailed

GATES = sorted(AER_GATES)
STANDARD = get_standard_gate_name_mapping()
SETS = 2


def generated(random: np.random.Generator, width: int) -> tuple[QuantumCircuit, ParameterVector]:
    """Return a circuit of any gates that Aer is given, with numbers and parameters, the latter more than once."""
    circuit, angles = QuantumCircuit(width), ParameterVector("a", 4)
    if random.random() < 0.3:
        circuit.reset(0)
    for name in random.choice([*GATES, "unitary", "delay"], int(random.integers(1, 8 * width))).tolist():
        if name == "unitary":
            number = int(random.integers(1, min(width, 3) + 1))
            gate: Any = UnitaryGate(random_unitary(2**number, seed=random))
        elif name == "delay":
            circuit.delay(100, 0)
            continue
        else:
            kind = STANDARD[name].base_class
            values = [
                angles[int(random.integers(4))]
                if name != "cp" and random.random() < 0.6  # which is written out with halves of angles
                else float(random.uniform(-7, 7))
                for _ in STANDARD[name].params
            ]
            gate = kind(*values)
        if gate.num_qubits <= width:
            circuit.append(gate, random.choice(width, gate.num_qubits, replace=False).tolist())
    return circuit, angles


def by_aer(
    circuit: QuantumCircuit, settings: list[list[tuple[int, str]]], sets: list[dict[Parameter, float]]
) -> list[np.ndarray[Any, Any]]:
    """Return the tables of the original circuit, one setting and one set of values at a time."""
    measuring: list[QuantumCircuit] = []
    if not settings:
        return []
    for setting in settings:
        one = circuit.copy()
        for qubit, letter in setting:
            if letter == "Y":
                one.sdg(qubit)
            if letter != "Z":
                one.h(qubit)
        one.save_probabilities([qubit for qubit, _ in setting], label="p")
        measuring += [one.assign_parameters(values, strict=False) for values in sets]
    result = AerSimulator(method="statevector", max_parallel_threads=1).run(measuring).result()
    rows = [result.data(index)["p"] for index in range(len(measuring))]
    return [np.array(rows[start : start + len(sets)]) for start in range(0, len(rows), len(sets))]


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(40), id="some"),
        pytest.param(range(40, 1000), id="many", marks=pytest.mark.deep),
    ],
)
def test_probabilities_are_those_of_aer(seeds: Iterable[int], monkeypatch: pytest.MonkeyPatch) -> None:
    # So few amplitudes at a time that the sets are taken in several goes.
    monkeypatch.setattr("qiskit_rest_primitives.server.aer.numpy_statevector.NUMBERS", 16)
    with_parameters = 0
    for seed in seeds:
        random = np.random.default_rng(seed)
        width = int(random.integers(1, 6))
        circuit, angles = generated(random, width)
        prepared = prepare(circuit)
        program = statevector_program(prepared)
        assert program is not None, seed
        # Aer gives values by name, and so does this: in no order.
        values = {angles[index]: random.uniform(-7, 7, SETS) for index in random.permutation(4)}
        columns = {key: values[key] for key in values if key in prepared.circuit.parameters}
        settings = [
            [
                (int(qubit), str(random.choice(["X", "Y", "Z"])))
                for qubit in random.permutation(width)[:number]
            ]
            for number in (width, int(random.integers(1, width + 1)))
        ]
        place = {qubit: index for index, qubit in enumerate(prepared.qubits)}
        active = [[(qubit, letter) for qubit, letter in setting if qubit in place] for setting in settings]

        found = program.tables(
            columns, [[(place[qubit], letter) for qubit, letter in setting] for setting in active]
        )

        sets = [{key: float(values[key][index]) for key in circuit.parameters} for index in range(SETS)]
        there = [setting for setting in active if setting]
        for table, expected in zip(
            [table for table, setting in zip(found, active, strict=True) if setting],
            by_aer(circuit, there, sets),
            strict=True,
        ):
            assert table.shape == (SETS if columns else 1, expected.shape[1]), seed
            np.testing.assert_allclose(np.broadcast_to(table, expected.shape), expected, atol=1e-12)
        assert all(table.tolist() == [[1.0]] * len(table) for table in found if table.shape[1] == 1)
        with_parameters += bool(columns)
    assert with_parameters > len(list(seeds)) / 2


def ansatz() -> tuple[QuantumCircuit, np.ndarray[Any, Any]]:
    angles = ParameterVector("t", 6)
    circuit = QuantumCircuit(4)
    for qubit in range(3):
        circuit.ry(angles[qubit], qubit)
    circuit.cx(0, 1)
    circuit.cz(1, 2)
    circuit.rzz(angles[3], 0, 2)
    for qubit in range(2):
        circuit.u(angles[4 + qubit], 0.3, angles[qubit], qubit)
    return circuit, np.random.default_rng(1).uniform(-3, 3, (5, 6))


@pytest.mark.parametrize("misread", [False, True])
def test_equal_seeds_draw_what_they_draw_from_aers_tables(misread: bool) -> None:
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.08, 0.92]]))
    backend = AerSimulator(noise_model=model if misread else None, seed_simulator=11)
    circuit, values = ansatz()
    observables = [SparsePauliOp(["XXII", "IYZZ", "ZZZZ", "IIIX"], [1, 0.5, -2, 0.25])]
    measured = circuit.copy()
    measured.measure_all()
    estimates, samples, methods = [], [], []
    for method in (None, "statevector", "automatic"):
        asked = {"experimental": {"simulator": {"method": method}}} if method else {}
        (estimated,) = EstimatorV2(backend, options=asked).run([(circuit, observables, values)]).result()
        (sampled,) = SamplerV2(backend, options=asked).run([(measured, values)], shots=500).result()
        methods.append([each.metadata["simulation"]["method"] for each in (estimated, sampled)])
        estimates.append(estimated.data.evs)
        samples.append(sampled.data.meas.array)

    assert methods == [["numpy_statevector"] * 2, ["statevector"] * 2, ["automatic"] * 2]
    np.testing.assert_allclose(estimates[0], estimates[1], atol=1e-12)
    np.testing.assert_array_equal(samples[0], samples[1])


def turned(kind: str) -> QuantumCircuit:
    circuit = QuantumCircuit(11 if kind == "wide" else 2)
    circuit.h(range(circuit.num_qubits))
    if kind == "channel":
        circuit.append(UnitaryGate(np.eye(2)), [0])
        circuit.set_statevector(np.eye(1, 4)[0])
    if kind == "expression":
        circuit.rx(2 * Parameter("a"), 0)
    circuit.ry(0.3, range(circuit.num_qubits))
    if kind == "dynamic":
        circuit.measure_all()
        circuit.x(0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    ("kind", "asked", "ours"),
    [
        ("plain", {}, True),
        ("plain", {"seed_simulator": 5, "max_parallel_threads": 1}, True),
        ("plain", {"method": "automatic"}, False),
        ("plain", {"method": "statevector"}, False),
        ("plain", {"device": "GPU"}, False),
        ("plain", {"precision": "single"}, False),
        ("wide", {}, False),
        ("channel", {}, False),
        ("expression", {}, False),
        ("dynamic", {}, False),
    ],
)
def test_what_numpy_does_not_do_is_left_to_aer(kind: str, asked: dict[str, Any], ours: bool) -> None:
    method = choose_method(prepare(turned(kind)), None, 100, asked)

    assert (method.name == "numpy_statevector") is ours


def test_noise_of_gates_is_left_to_aer_and_misreadings_are_not() -> None:
    for rates, ours in ((0.0, True), (0.1, False)):
        model = NoiseModel()
        model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
        if rates:
            model.add_all_qubit_quantum_error(depolarizing_error(rates, 1), "h")
        noise = device_of(AerSimulator(noise_model=model)).noise
        assert noise is not None
        circuit = turned("plain").remove_final_measurements(inplace=False)
        assert circuit is not None

        method = choose_state(prepare(circuit, noise=noise.distinguished), noise, 100, {})

        assert method is not None
        assert method.name == ("numpy_statevector" if ours else "density_matrix")


def test_a_matrix_that_is_no_gate_fails_the_job() -> None:
    circuit = QuantumCircuit(1)
    circuit.append(UnitaryGate(np.zeros((2, 2)), check_input=False), [0])
    program = statevector_program(prepare(circuit))
    assert program is not None

    with pytest.raises(TaskFailed, match="no physical operation"):
        program.tables({}, [[(0, "Z")]])
