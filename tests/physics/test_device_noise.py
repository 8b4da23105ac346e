"""The noise of emulated devices: what is measured is what the documents say, within five standard deviations."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import DensityMatrix, SparsePauliOp, SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qiskit_rest_primitives.server.aer import methods
from qiskit_rest_primitives.server.devices.device import device_of

SIGMAS = 5.0


def of_qubit(device, qubit):
    return {entry["name"]: entry["value"] for entry in device.properties["qubits"][qubit]}


def within(found, expected, shots):
    sigma = np.sqrt(np.clip(expected * (1 - expected), 1e-12, None) / shots)
    return (np.abs(np.asarray(found) - expected) <= SIGMAS * sigma).all()


def fraction_of_ones(bit_array):
    return bit_array.to_bool_array(order="little").mean(axis=-2)


def bell(device):
    """Return a Bell pair on qubits 0 and 1 of the device, in its own gates."""
    circuit = QuantumCircuit(device.num_qubits, 2)
    for qubit in (0, 1):
        circuit.rz(np.pi / 2, qubit)
        circuit.sx(qubit)
        circuit.rz(np.pi / 2, qubit)
    circuit.cz(0, 1)
    circuit.rz(np.pi / 2, 1)
    circuit.sx(1)
    circuit.rz(np.pi / 2, 1)
    return circuit


def test_readout_errors_of_the_ground_state_are_those_of_the_properties(heron, run_sampler):
    shots = 40_000
    circuit = QuantumCircuit(heron.num_qubits)
    circuit.measure_all()

    ones = fraction_of_ones(run_sampler([(circuit, None, shots)], heron)[0].data.meas)

    expected = np.array([of_qubit(heron, qubit)["prob_meas1_prep0"] for qubit in range(heron.num_qubits)])
    assert within(ones, expected, shots)


def test_readout_errors_of_the_excited_state_are_those_of_the_properties(heron, run_sampler):
    shots, qubits = 10_000, list(range(0, 156, 10))
    circuit = QuantumCircuit(heron.num_qubits, len(qubits))
    circuit.x(qubits)
    circuit.measure(qubits, range(len(qubits)))

    result = run_sampler([(circuit, None, shots)], heron)[0]

    assert result.metadata["simulation"]["method"] == "stabilizer"
    ones = fraction_of_ones(result.data.c)
    expected = []
    for qubit in qubits:
        model = heron.noise.model((qubit,), frozenset({("x", (qubit,))}))
        channel = SuperOp(model._local_quantum_errors["x"][(0,)])
        excited = DensityMatrix.from_label("1").evolve(channel).probabilities()[1]
        values = of_qubit(heron, qubit)
        expected.append(
            excited * (1 - values["prob_meas0_prep1"]) + (1 - excited) * values["prob_meas1_prep0"]
        )
    assert within(ones, np.array(expected), shots)


@pytest.mark.parametrize(
    ("gate", "qubits"), [("sx", (3,)), ("x", (7,)), ("cz", (0, 1)), ("cz", (1, 0)), ("rzz", (2, 3))]
)
@pytest.mark.parametrize("mixture", [False, True])
def test_the_average_error_of_a_gate_is_that_of_the_properties(gate, qubits, mixture, heron):
    model = heron.noise.model(qubits, frozenset({(gate, qubits)}), mixture=mixture)
    channel = SuperOp(model._local_quantum_errors[gate][tuple(range(len(qubits)))])

    size = 2 ** len(qubits)
    process = np.trace(channel.data).real / size**2
    calibrated = next(
        entry
        for entry in heron.properties["gates"]
        if entry["gate"] == gate and entry["qubits"] == list(qubits)
    )

    assert 1 - (size * process + 1) / (size + 1) == pytest.approx(
        calibrated["parameters"][0]["value"], rel=1e-6
    )


def test_rz_is_virtual_and_free_of_noise(heron):
    model = heron.noise.model((0,), frozenset({("rz", (0,))}))

    assert model.noise_instructions == ["measure"]


def test_bell_counts_equal_a_direct_aer_run_with_the_whole_noise_model(heron, run_sampler):
    shots = 100_000
    circuit = bell(heron)
    circuit.measure([0, 1], [0, 1])
    operations = frozenset(
        (name, where) for name in ("sx", "cz") for where in ((0,), (1,), (0, 1), (1, 0), (14,), (13, 14))
    )
    whole = heron.noise.model(tuple(range(20)), operations)
    small = QuantumCircuit(20, 2)
    for step in circuit.data:
        where = [circuit.find_bit(bit).index for bit in step.qubits]
        small.append(step.operation, where, [circuit.find_bit(bit).index for bit in step.clbits])
    direct = (
        AerSimulator(method="density_matrix")
        .run(small, noise_model=whole, shots=shots, seed_simulator=5)
        .result()
        .get_counts()
    )

    ours = run_sampler([(circuit, None, shots)], heron)[0].data.c.get_counts()

    for outcome in ("00", "01", "10", "11"):
        both = np.array([direct[outcome], ours[outcome]]) / shots
        sigma = np.sqrt(both.mean() * (1 - both.mean()) * 2 / shots)
        assert abs(both[0] - both[1]) <= SIGMAS * sigma, outcome
    assert 0.9 < (ours["00"] + ours["11"]) / shots < 0.995


def test_waiting_for_one_t1_relaxes_to_one_over_e(heron, run_sampler):
    shots, qubit = 50_000, 42
    values = of_qubit(heron, qubit)
    circuit = QuantumCircuit(heron.num_qubits, 1)
    circuit.x(qubit)
    circuit.delay(round(values["T1"] * 1000 / 4), qubit, "dt")
    circuit.measure(qubit, 0)

    ones = fraction_of_ones(run_sampler([(circuit, None, shots)], heron)[0].data.c)[0]

    excited = np.exp(-1)
    expected = excited * (1 - values["prob_meas0_prep1"]) + (1 - excited) * values["prob_meas1_prep0"]
    # The x gate before it fails in less than 0.2 % of the cases.
    assert abs(ones - expected) <= SIGMAS * np.sqrt(expected * (1 - expected) / shots) + 0.002 * excited


def test_readout_mitigation_restores_the_mean_and_widens_its_error(heron, run_estimator):
    circuit = QuantumCircuit(heron.num_qubits)
    circuit.rz(0.1, [0, 1])
    observable = SparsePauliOp.from_sparse_list([("ZZ", [0, 1], 1.0), ("Z", [100], 1.0)], heron.num_qubits)
    twirled = {"twirling": {"enable_measure": True}}

    def run(level, options=None):
        return run_estimator(
            [(circuit, observable)], heron, precision=0.002, resilience_level=level, options=options or {}
        )[0]

    raw, twirl, mitigated = run(0), run(0, twirled), run(1)

    kept = {
        qubit: 1 - of_qubit(heron, qubit)["prob_meas0_prep1"] - of_qubit(heron, qubit)["prob_meas1_prep0"]
        for qubit in (0, 1, 100)
    }
    false = {qubit: of_qubit(heron, qubit)["prob_meas1_prep0"] for qubit in (0, 1, 100)}
    expected_raw = (1 - 2 * false[0]) * (1 - 2 * false[1]) + (1 - 2 * false[100])
    assert abs(raw.data.evs - expected_raw) <= SIGMAS * raw.data.stds
    assert abs(twirl.data.evs - (kept[0] * kept[1] + kept[100])) <= SIGMAS * twirl.data.stds
    assert abs(mitigated.data.evs - 2.0) <= SIGMAS * mitigated.data.stds
    assert mitigated.data.stds > twirl.data.stds
    assert mitigated.metadata["resilience"] == {"measure_mitigation": True}


def test_extrapolation_to_zero_noise_brings_the_mean_closer_to_the_ideal_one(heron, run_estimator):
    circuit = QuantumCircuit(heron.num_qubits)
    line = list(range(6))
    circuit.rz(np.pi / 2, line)
    circuit.sx(line)
    circuit.rz(np.pi / 2, line)
    for _ in range(4):  # pairs of cz cancel, so the ideal state stays a product of plus states
        for qubit in line[:-1]:
            circuit.cz(qubit, qubit + 1)
            circuit.cz(qubit, qubit + 1)
    observable = SparsePauliOp.from_sparse_list([("X" * 6, line, 1.0)], heron.num_qubits)
    values = np.zeros((2, 0))

    def run(level):
        options = {"precision": 0.004, "resilience_level": level}
        return run_estimator([(circuit, observable, values)], heron, **options)[0]

    noisy, extrapolated = run(1), run(2)

    assert (noisy.data.evs < 0.93).all()
    assert (np.abs(extrapolated.data.evs - 1.0) <= SIGMAS * extrapolated.data.stds).all()
    assert (extrapolated.data.stds > noisy.data.stds).all()
    assert extrapolated.data.evs_noise_factors.shape == (2, 3)
    assert extrapolated.data.evs_extrapolated.shape == (2, 2, 4)
    assert (np.diff(extrapolated.data.evs_noise_factors, axis=1) < 0).all()
    assert extrapolated.metadata["resilience"]["zne"]["extrapolator"] == ["exponential"] * 2


def test_noisy_dynamic_circuits_run_shot_by_shot(heron, run_sampler):
    shots = 2000
    circuit = QuantumCircuit(heron.num_qubits, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)

    counts = run_sampler([(circuit, None, shots)], heron)[0].data.c.get_counts()

    assert counts["11"] / shots > 0.93
    assert len(counts) > 1


@pytest.mark.parametrize("dynamic", [False, True], ids=["drawn from the state", "shot by shot"])
def test_measurement_twirling_makes_both_readout_errors_their_average(dynamic, heron, run_sampler):
    qubit = max(
        range(heron.num_qubits),
        key=lambda place: abs(
            of_qubit(heron, place)["prob_meas1_prep0"] - of_qubit(heron, place)["prob_meas0_prep1"]
        ),
    )
    values = of_qubit(heron, qubit)
    false_one, missed_one = values["prob_meas1_prep0"], values["prob_meas0_prep1"]
    shots = 20_000
    circuit = QuantumCircuit(heron.num_qubits, 2)
    circuit.rz(0.1, qubit)
    if dynamic:
        circuit.reset(qubit)
        circuit.measure(qubit, 1)
        circuit.reset(qubit)
    circuit.measure(qubit, 0)
    found = {}
    for twirled in (False, True):
        options = {"twirling": {"enable_measure": twirled}}
        result = run_sampler([(circuit, None, shots)], heron, options=options)[0]
        found[twirled] = fraction_of_ones(result.data.c)[0]
        assert result.metadata.get("num_randomizations", 1) == (32 if twirled else 1)

    average = (false_one + missed_one) / 2
    assert abs(average - false_one) > 10 * np.sqrt(average / shots)  # the test can tell them apart
    assert within(found[False], false_one, shots)
    assert within(found[True], average, shots)


def test_a_wide_noisy_clifford_circuit_runs_as_a_stabilizer_state(heron, run_sampler):
    line = list(range(16))
    circuit = QuantumCircuit(heron.num_qubits, 16)
    circuit.rz(np.pi / 2, line)
    circuit.sx(line)
    circuit.rz(np.pi / 2, line)
    for qubit in line[:-1]:
        circuit.cz(qubit, qubit + 1)
        circuit.rz(np.pi / 2, qubit + 1)
        circuit.sx(qubit + 1)
        circuit.rz(np.pi / 2, qubit + 1)
    circuit.measure(line, line)

    result = run_sampler([(circuit, None, 1000)], heron)[0]

    assert result.metadata["simulation"]["method"] == "stabilizer"
    counts = result.data.c.get_counts()
    ghz = counts.get("0" * 16, 0) + counts.get("1" * 16, 0)
    assert 0.5 < ghz / 1000 < 0.95


def test_any_backend_brings_its_own_noise(run_sampler):
    backend = GenericBackendV2(4, seed=2)
    device = device_of(backend)
    circuit = QuantumCircuit(4, 1)
    circuit.measure(3, 0)
    shots = 200_000

    ones = fraction_of_ones(run_sampler([(circuit, None, shots)], device)[0].data.c)[0]

    assert within(ones, backend.target["measure"][(3,)].error, shots)


def test_the_noise_model_of_an_aer_simulator_is_kept_and_cut_to_the_qubits_used(run_sampler):
    model = NoiseModel()
    model.add_quantum_error(depolarizing_error(0.2, 1), ["x"], [2])
    model.add_all_qubit_quantum_error(depolarizing_error(0.4, 1), ["sx"])
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.3, 0.7]]), [1])
    device = device_of(AerSimulator(noise_model=model))
    shots = 50_000
    circuit = QuantumCircuit(5, 4)
    circuit.x([1, 2, 3])
    circuit.sx([4, 4])
    circuit.measure([1, 2, 3, 4], range(4))

    ones = fraction_of_ones(run_sampler([(circuit, None, shots)], device)[0].data.c)

    # sx twice is x, with a depolarizing error of 0.4 after each: 0.36 of the polarisation is left.
    assert within(ones, np.array([0.7, 0.9, 1.0, 0.5 + 0.36 / 2]), shots)
    assert device_of(AerSimulator()).noise is None


def test_a_noise_model_sent_with_the_job_replaces_that_of_the_device(ideal, heron, run_sampler):
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.75, 0.25], [0, 1]]))
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    shots = 20_000
    sent = {"simulator": {"noise_model": {"__type__": "NoiseModel", "__value__": model.to_dict(True)}}}
    plain = {"simulator": {"noise_model": model.to_dict(True)}}

    for device, options in ((ideal, sent), (ideal, plain), (heron, sent)):
        ones = fraction_of_ones(run_sampler([(circuit, None, shots)], device, options=options)[0].data.c)
        assert within(ones, np.array([0.25]), shots)


def test_local_observables_of_a_wide_noisy_circuit_need_only_their_past(heron, run_estimator):
    """What lies outside of an observable's light cone is not simulated, and changes nothing."""
    line = longest_line(heron.configuration["coupling_map"], 60)

    def layers(cone):
        circuit = QuantumCircuit(heron.num_qubits)
        for layer in range(2):
            for index, qubit in enumerate(line):
                if index in cone:
                    circuit.sx(qubit)
                    circuit.rz(0.3 + 0.1 * layer + 0.01 * index, qubit)
                    circuit.sx(qubit)
            for index in range(layer % 2, len(line) - 1, 2):
                if {index, index + 1} <= cone:
                    circuit.cz(line[index], line[index + 1])
        return circuit

    observables = [SparsePauliOp.from_sparse_list([("Z", [line[30]], 1.0)], num_qubits=heron.num_qubits)]
    start = time.process_time()
    narrow = run_estimator([(layers(set(range(27, 34))), observables)], heron, precision=0.01, seed=8)[0]
    middle = time.process_time()
    wide = run_estimator([(layers(set(range(60))), observables)], heron, precision=0.01)[0]
    end = time.process_time()

    assert wide.metadata["simulation"] == {"method": "density_matrix", "qubits": 60, "settings": 1}
    assert narrow.metadata["simulation"]["qubits"] == 7
    sigma = np.hypot(wide.data.stds, narrow.data.stds)
    assert np.all(np.abs(wide.data.evs - narrow.data.evs) < 5 * sigma)
    # The wide one costs less, having the noise of the narrow one; hundreds of times more if 60 qubits are simulated.
    assert end - middle < 10 * (middle - start)


def longest_line(edges, length):
    """Return a line of neighbouring qubits."""
    near = {}
    for one, other in edges:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)

    def extend(path):
        if len(path) == length:
            return path
        for qubit in sorted(near[path[-1]] - set(path)):
            if found := extend([*path, qubit]):
                return found
        return None

    return extend([min(near)])


@pytest.mark.parametrize("width", [13, 20])
def test_a_shallow_noisy_circuit_of_medium_width_runs_as_a_product_state(
    width, heron, run_sampler, monkeypatch
):
    line = longest_line(heron.configuration["coupling_map"], width)
    circuit = QuantumCircuit(heron.num_qubits, width)
    for index, qubit in enumerate(line):
        circuit.sx(qubit)
        circuit.rz(0.4 + 0.1 * index, qubit)
        circuit.sx(qubit)
    for one, other in itertools.pairwise(line):
        circuit.cz(one, other)
    circuit.sx(line)
    circuit.measure(line, range(width))

    fast = run_sampler([circuit], heron, shots=800 if width == 13 else 50)[0]

    assert fast.metadata["simulation"]["method"] == "matrix_product_state"
    if width == 13:  # wider takes too long as a state vector
        monkeypatch.setattr(methods, "SMALL_NOISY", width)
        slow = run_sampler([circuit], heron, shots=300, seed=8)[0]
        assert slow.metadata["simulation"]["method"] == "statevector"
        rates = [found.data.c.to_bool_array(order="little").mean(axis=0) for found in (fast, slow)]
        assert np.all(np.abs(rates[0] - rates[1]) < 5 * np.sqrt(0.25 / 800 + 0.25 / 300))
