"""Noise that is given for the layers of circuits: what it does on the server, how it is sent, what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.quantum_info import PauliLindbladMap, SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error, pauli_error

from qiskit_rest_primitives import (
    EstimatorV2,
    IBMInputValueError,
    NoiseLearnerV3,
    QiskitRuntimeService,
    RuntimeJobFailureError,
    SamplerV2,
)
from qiskit_rest_primitives.primitives.submit import pub_params

pytest.importorskip("samplomatic", reason="pip install samplomatic to find layers")

BASIS = {"coupling_map": [[0, 1], [1, 2]], "basis_gates": ["cz", "rz", "sx", "x"], "n_qubits": 3}
QUIET = {
    "resilience_level": 0,
    "default_shots": 40_000,
    "simulator": {"seed_simulator": 3},
    "twirling": {"enable_gates": False, "enable_measure": False},
}
CLOSE = 5 / 40_000**0.5


@pytest.fixture(scope="module")
def ideal() -> AerSimulator:
    return AerSimulator(**BASIS)


@pytest.fixture(scope="module")
def chain(ideal: AerSimulator) -> Any:
    """A GHZ state of three qubits, its stabilizers, and its two layers, of which the second has an idle qubit."""
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit = generate_preset_pass_manager(1, backend=ideal, seed_transpiler=1).run(circuit)
    observables = [SparsePauliOp(label).apply_layout(circuit.layout) for label in ("IZZ", "ZZI", "XXX")]
    finder = EstimatorV2(ideal, {"twirling": {"enable_gates": True}})
    layers = finder.find_unique_layers([(circuit, observables[0])], types="gates")
    assert [len(layer.qubits) for layer in layers] == [2, 3]
    return circuit, observables, layers


def noise(width: int, *terms: Any) -> PauliLindbladMap:
    return PauliLindbladMap.from_sparse_list(list(terms), width)


def values(backend: Any, chain: Any, given: Any = None, **more: Any) -> Any:
    circuit, observables, _ = chain
    estimator = EstimatorV2(backend, {**QUIET, **more})
    if given is not None:
        estimator.options.simulator.layer_noise_model = given
    return estimator.run([(circuit, observables)]).result()[0].data.evs


def test_each_layer_has_its_noise(ideal: AerSimulator, chain: Any) -> None:
    layers = chain[2]
    rate = 0.1

    evs = values(
        ideal, chain, zip(layers, [noise(2, ("XX", [0, 1], rate)), noise(3, ("Z", [0], rate))], strict=True)
    )

    # Each term halves nothing but turns the operators it anticommutes with by exp(-2 r).
    damped = np.exp(-2 * rate)
    np.testing.assert_allclose(values(ideal, chain), [1.0, 1.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(evs, [damped, 1.0, damped**2], atol=CLOSE)


def test_it_comes_on_top_of_the_devices_own(chain: Any) -> None:
    layers = chain[2]
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cz"])
    noisy = AerSimulator(noise_model=model, **BASIS)

    alone, both = values(noisy, chain), values(noisy, chain, [(layers[0], noise(2, ("XX", [0, 1], 0.1)))])
    hardly = values(noisy, chain, [(layers[0], noise(2, ("XX", [0, 1], 1e-9)))])

    np.testing.assert_allclose(hardly, alone, atol=2 * CLOSE)
    np.testing.assert_allclose(both, alone * [np.exp(-0.2), 1.0, np.exp(-0.2)], atol=2 * CLOSE)


def test_it_stays_where_values_say_how_long_to_wait(ideal: AerSimulator, chain: Any) -> None:
    circuit, observables, layers = chain
    relaxing = NoiseModel(["delay"])
    relaxing.add_all_qubit_quantum_error(pauli_error([("I", 1.0)]), ["delay"])
    noisy = AerSimulator(noise_model=relaxing, **BASIS)
    waiting, wait = circuit.copy(), Parameter("wait")
    waiting.delay(wait, 0, unit="us")
    estimator = EstimatorV2(noisy, QUIET)
    estimator.options.simulator.layer_noise_model = [(layers[0], noise(2, ("XX", [0, 1], 0.1)))]

    evs = estimator.run([(waiting, observables, 1.0)]).result()[0].data.evs

    np.testing.assert_allclose(evs, [np.exp(-0.2), 1.0, np.exp(-0.2)], atol=CLOSE)


def test_gate_folding_folds_it_too(ideal: AerSimulator, chain: Any) -> None:
    layers = chain[2]
    folded = {"zne_mitigation": True, "zne": {"noise_factors": [1, 3], "extrapolator": "linear"}}
    circuit, observables, _ = chain
    estimator = EstimatorV2(ideal, {**QUIET, "resilience": folded})
    # Z commutes with the gates, so that every repetition adds the same.
    estimator.options.simulator.layer_noise_model = [(layers[0], noise(2, ("Z", [0], 0.05)))]

    data = estimator.run([(circuit, observables[2])]).result()[0].data

    np.testing.assert_allclose(data.evs_noise_factors, [np.exp(-0.1), np.exp(-0.3)], atol=CLOSE)


def test_what_was_learned_of_a_device_imitates_it(ideal: AerSimulator, chain: Any) -> None:
    layers = chain[2]
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("ZZ", 0.03), ("ZI", 0.02), ("II", 0.95)]), ["cz"])
    noisy = AerSimulator(noise_model=model, **BASIS)
    options = {
        "layer_pair_depths": [0, 2, 8, 24],
        "num_randomizations": 12,
        "simulator": {"seed_simulator": 1},
    }

    learned = NoiseLearnerV3(noisy, options).run(layers).result()
    evs = values(ideal, chain, zip(layers, learned.to_pauli_lindblad_maps(), strict=True))

    np.testing.assert_allclose(evs, values(noisy, chain), atol=0.02 + CLOSE)


def test_samplers_take_it_and_layers_without_noise_are_left_alone(ideal: AerSimulator, chain: Any) -> None:
    circuit, _, layers = chain
    measured = circuit.copy()
    measured.measure_all()
    sampler = SamplerV2(ideal, {"simulator": {"seed_simulator": 1}})
    sampler.options.simulator.layer_noise_model = [(layers[0], noise(2)), (layers[1], noise(3))]

    assert set(sampler.run([measured]).result()[0].data.meas.get_counts()) == {"000", "111"}
    sampler.options.simulator.layer_noise_model = [(layers[0], noise(2, ("ZZ", [0, 1], 1.0)))]
    assert len(sampler.run([measured]).result()[0].data.meas.get_counts()) > 2


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ([("Z", [0], -0.1)], "a rate that is negative"),
        ([("ZZZ", [0, 1, 2], 0.1)], "a generator on more than two qubits"),
    ],
)
def test_noise_that_cannot_be_simulated_fails_the_job(
    terms: Any, words: str, ideal: AerSimulator, chain: Any
) -> None:
    with pytest.raises(RuntimeJobFailureError, match=words):
        values(ideal, chain, [(chain[2][1], noise(3, *terms))])


def test_circuits_without_layers_fail_the_job(ideal: AerSimulator, chain: Any) -> None:
    circuit = QuantumCircuit(3)
    circuit.rzz(0.3, 0, 1)
    estimator = EstimatorV2(ideal, QUIET)
    estimator.options.simulator.layer_noise_model = [(chain[2][1], noise(3, ("Z", [0], 0.1)))]

    with pytest.raises(RuntimeJobFailureError, match="rzz on 2 qubits, which cannot be twirled"):
        estimator.run([(circuit, "ZZZ")]).result()
    narrow = QuantumCircuit(2)
    narrow.cz(1, 0)
    estimator.options.simulator.layer_noise_model = [
        (boxed_cz(ideal), noise(3, ("ZZ", [0, 2], 0.1))),
    ]
    with pytest.raises(RuntimeJobFailureError, match="noise on qubit 2, which the circuit has not"):
        estimator.run([(narrow, "ZZ")]).result()


def boxed_cz(backend: Any) -> Any:
    circuit = QuantumCircuit(QuantumRegister(backend.num_qubits, "q"))
    with circuit.box():
        circuit.cz(1, 0)
        circuit.noop(2)
    return circuit.data[0]


@pytest.mark.parametrize("group", ["simulator", "resilience"])
def test_pairs_must_be_boxes_with_noise_of_their_width(group: str, chain: Any) -> None:
    circuit, _, layers = chain
    options = EstimatorV2(AerSimulator(**BASIS)).options

    with pytest.raises(IBMInputValueError, match="noise on 3 qubits for a box on 2"):
        setattr(getattr(options, group), "layer_noise_model", [(layers[0], noise(3))])  # noqa: B010
    with pytest.raises(IBMInputValueError, match="is no box"):
        setattr(getattr(options, group), "layer_noise_model", [(circuit.data[0], noise(1))])  # noqa: B010


def test_learned_noise_is_sent_as_records_that_the_official_client_reads(chain: Any) -> None:
    decoder = pytest.importorskip(
        "qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to compare"
    ).RuntimeDecoder
    layers = chain[2]
    estimator = EstimatorV2(AerSimulator(**BASIS))
    given = [noise(2, ("XY", [0, 1], 0.1), ("Z", [1], 0.2)), noise(3, ("ZX", [0, 2], 0.3))]
    estimator.options.resilience.layer_noise_model = zip(layers, given, strict=True)

    params, _ = pub_params([], estimator.options, estimator._place)
    read = json.loads(json.dumps(params["options"]), cls=decoder)["resilience"]["layer_noise_model"]

    assert [layer.qubits for layer in read] == [[0, 1], [0, 1, 2]]
    assert [dict(layer.circuit.count_ops()) for layer in read] == [{"cz": 1}, {"cz": 1}]
    terms = [
        sorted(zip(layer.error.generators.to_labels(), layer.error.rates.tolist(), strict=True))
        for layer in read
    ]
    assert terms == [[("YX", 0.1), ("ZI", 0.2)], [("XIZ", 0.3)]]


def test_a_service_that_does_not_know_it_is_not_sent_it(
    endpoint: Any, chain: Any, monkeypatch: pytest.MonkeyPatch, traffic: list[str]
) -> None:
    service = QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token=endpoint.token,
        instance=endpoint.instance,
        url_resolver=lambda *_: endpoint.url,
        allow_insecure=True,
    )
    monkeypatch.setenv("IAM_URL", endpoint.iam_url)
    estimator = EstimatorV2(service.backend("aer_simulator"))
    estimator.options.simulator.layer_noise_model = [(chain[2][0], noise(2))]
    traffic.clear()

    with pytest.raises(IBMInputValueError, match="taken by servers of this package only"):
        estimator.run([(QuantumCircuit(1), "Z")])
    assert not [request for request in traffic if request.startswith("POST")]


def test_faults_b_layer_noise_without_layout_stands_on_the_circuit_itself() -> None:
    simulator = AerSimulator(basis_gates=["cz", "rz", "sx", "x"])
    circuit = QuantumCircuit(QuantumRegister(2, "data"))
    circuit.h(0)
    circuit.cx(0, 1)
    circuit = generate_preset_pass_manager(1, backend=simulator).run(circuit)
    estimator = EstimatorV2(simulator, options=QUIET)
    estimator.options.twirling.enable_gates = True
    pub = (circuit, ["ZZ"])
    layers = estimator.find_unique_layers([pub], types="gates")
    estimator.options.simulator.layer_noise_model = [
        (layer, PauliLindbladMap.from_list([("IX", 0.05)])) for layer in layers
    ]

    with pytest.warns(UserWarning, match=r"twirling\.enable_gates"):
        job = estimator.run([pub])

    assert abs(job.result()[0].data.evs[0] - np.exp(-2 * 0.05)) < CLOSE


def test_faults_b_layer_noise_without_layout_of_another_circuit_is_refused() -> None:
    found, other = (QuantumCircuit(QuantumRegister(2, name)) for name in ("data", "else"))
    for circuit in (found, other):
        circuit.cz(0, 1)
    estimator = EstimatorV2(AerSimulator(), options=QUIET)
    estimator.options.twirling.enable_gates = True
    (layer,) = estimator.find_unique_layers([(found, "ZZ")], types="gates")
    estimator.options.simulator.layer_noise_model = [(layer, PauliLindbladMap.from_list([("IX", 0.05)]))]

    with pytest.raises(IBMInputValueError, match="of a circuit of this job"):
        estimator.run([(other, "ZZ")])
