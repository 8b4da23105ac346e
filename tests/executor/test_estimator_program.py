"""Estimators as quantum programs: what comes back is what the circuits say, and what cannot be carried is refused by name."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector
from qiskit.circuit.library import RZZGate, UnitaryGate
from qiskit.primitives import StatevectorEstimator
from qiskit.primitives.containers import PrimitiveResult
from qiskit.quantum_info import Operator, PauliLindbladMap, PauliList, SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error, pauli_error

from qiskit_rest_primitives import EstimatorV2, IBMInputValueError
from qiskit_rest_primitives.executor.estimator_program import estimator_parts
from qiskit_rest_primitives.primitives.pubs import read_estimator_pubs
from qiskit_rest_primitives.results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError

pytest.importorskip("qiskit_mitigation", reason="pip install 'qiskit-rest-primitives[executor]' to mitigate")

BASIS = {"coupling_map": [[0, 1], [1, 2]], "basis_gates": ["cz", "rz", "sx", "x"], "n_qubits": 3}
RAW = {"resilience_level": 0}


def parts(backend: Any, pubs: Any, precision: float | None = None, **options: Any) -> Any:
    estimator = EstimatorV2(backend, {"seed_estimator": 3, **options})
    return estimator_parts(read_estimator_pubs(pubs, precision), estimator.options, estimator._place.backend)


def run(backend: Any, pubs: Any, precision: float | None = None, **options: Any) -> PrimitiveResult:
    estimator = EstimatorV2(backend, {"seed_estimator": 3, "program": "executor", **options})
    job = estimator.run(pubs, precision=precision)
    assert job.primitive_id == "executor"
    return job.result()


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, metadata={"of": "mine", "at": (1, 2)})
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def test_observables_and_values_broadcast(simulator: Any) -> None:
    theta, alpha = Parameter("theta"), Parameter("alpha")
    circuit = QuantumCircuit(2)
    circuit.ry(theta, 0)
    circuit.cx(0, 1)
    circuit.rx(alpha, 1)
    observables = [["ZZ"], [SparsePauliOp(["XX", "IZ"], [0.5, 2])], ["YI"]]
    pub = (circuit, observables, {theta: [0.3, 0.6, 0.9, 1.2], alpha: [0.1, 0.2, 0.3, 0.4]})

    found = run(simulator, [pub, (circuit, "ZZ", [0.4, 1.1])], 0.02, **RAW)

    exact = StatevectorEstimator().run([pub, (circuit, "ZZ", [0.4, 1.1])]).result()
    assert [result.data.shape for result in found] == [(3, 4), ()]
    for result, wanted in zip(found, exact, strict=True):
        np.testing.assert_allclose(result.data.evs, wanted.data.evs, atol=5 * 2.1 * 0.02)
        assert result.metadata["shots"] == 2500
        assert result.metadata["target_precision"] == 0.02


@pytest.mark.parametrize("level", [0, 1])
def test_vectors_keep_their_order(level: int, simulator: Any) -> None:
    vector = ParameterVector("v", 12)
    circuit = QuantumCircuit(1)
    for number in range(0, 12, 2):
        circuit.ry(vector[number], 0)
        circuit.rz(vector[number + 1], 0)
    values = np.random.default_rng(1).uniform(0, 3, (4, 12))

    found = run(simulator, [(circuit, "Z", values)], 0.02, resilience_level=level)

    exact = StatevectorEstimator().run([(circuit, "Z", values)]).result()[0].data.evs
    np.testing.assert_allclose(found[0].data.evs, exact, atol=5 * 0.02)


def odd_circuits() -> dict[str, QuantumCircuit]:
    """Circuits that samplomatic's passes have no place for; all of them end in a known state."""
    made = {name: QuantumCircuit(3, 1) for name in ("matrix", "three", "state", "condition", "own", "reset")}
    made["matrix"].append(UnitaryGate(Operator(bell())), [0, 1])
    made["three"].x([0, 1])
    made["three"].ccx(0, 1, 2)
    made["state"].initialize([0, 1, 0, 0], [0, 1])
    made["condition"].x(0)
    made["condition"].measure(0, 0)
    with made["condition"].if_test((made["condition"].clbits[0], True)):
        made["condition"].x(1)
    made["own"].append(bell().to_gate(), [1, 2])
    made["reset"].x(0)
    made["reset"].reset(0)
    return made


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(
    ("name", "observable", "value"),
    [
        ("matrix", "IXX", 1), ("three", "ZII", -1), ("state", "IZZ", -1), ("condition", "IZI", -1),
        ("own", "ZZI", 1), ("reset", "IIZ", 1),
    ],
)  # fmt: skip
def test_circuits_without_twirled_gates_hold_anything(
    name: str, observable: str, value: float, level: int, simulator: Any
) -> None:
    found = run(simulator, [(odd_circuits()[name], observable)], 0.1, resilience_level=level)

    assert found[0].data.evs == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_measurements_of_the_circuit_are_made(level: int, simulator: Any) -> None:
    """The program ``estimator`` makes them: what they destroy is the same on both roads."""
    measured = QuantumCircuit(2, 1)
    measured.h([0, 1])
    measured.measure(0, 0)
    pub = (measured, ["IX", "XI", "IZ"])

    found = run(simulator, [pub], 0.02, resilience_level=level)[0].data.evs

    theirs = (
        EstimatorV2(simulator, {**RAW, "seed_estimator": 3}).run([pub], precision=0.02).result()[0].data.evs
    )
    np.testing.assert_allclose(found, [0, 1, 0], atol=0.15)
    np.testing.assert_allclose(theirs, [0, 1, 0], atol=0.15)


def test_projectors_are_mitigated_too(simulator: Any) -> None:
    observables = ["00", "+-", "rl", "1I", {"ZZ": 0.5, "01": 1.0, "1Z": 2.0}]

    raw = run(simulator, [(bell(), observables)], 0.02, **RAW)[0].data.evs
    mitigated = run(simulator, [(bell(), observables)], 0.02)[0].data.evs

    # <1Z> of a Bell pair is half of that of Z at 1.
    np.testing.assert_allclose(raw, [0.5, 0, 0.5, 0.5, -0.5], atol=0.12)
    np.testing.assert_allclose(mitigated, [0.5, 0, 0.5, 0.5, -0.5], atol=0.12)


def test_each_precision_is_a_part(simulator: Any) -> None:
    pubs = [(bell(), "ZZ", None, 0.1), (bell(), "XX"), (bell(), "YY", None, 0.1)]

    made = parts(simulator, pubs, default_precision=0.05)

    assert [[share.pub for share in part.pubs] for part in made] == [[0, 2], [1]]
    assert [(part.program.shots, part.program.items[0].shape[0]) for part in made] == [(64, 2), (64, 7)]
    result = run(simulator, pubs, default_precision=0.05)
    assert [float(pub.data.evs) for pub in result] == [1, 1, -1]
    assert [pub.metadata["target_precision"] for pub in result] == [0.1, 0.05, 0.1]
    assert [pub.metadata["num_randomizations"] for pub in result] == [2, 7, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"default_shots": 1000},
        {"default_precision": 0.1},
        {"twirling": {"num_randomizations": 5, "shots_per_randomization": 20}},
        {"twirling": {"num_randomizations": 5}},
    ],
)
def test_the_precision_that_was_aimed_at_is_that_of_the_service(
    options: dict[str, Any], simulator: Any
) -> None:
    pubs = [(bell(), "ZZ"), (bell(), "ZZ", None, 0.2)]

    found = [
        EstimatorV2(simulator, options={"program": program, "resilience_level": 0, **options})
        .run(pubs)
        .result()
        for program in ("server", "executor")
    ]

    mine, theirs = ([pub.metadata["target_precision"] for pub in result] for result in found)
    assert mine == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("options", "precision", "split"),
    [
        (RAW, 0.01, (1, 10_000)),
        (RAW, None, (1, 4096)),
        ({**RAW, "default_shots": 77}, None, (1, 77)),
        ({**RAW, "default_shots": 77}, 0.1, (1, 100)),
        ({"default_shots": 4096}, None, (32, 128)),
        ({"default_shots": 100, "twirling": {"num_randomizations": 7}}, None, (7, 15)),
        ({"twirling": {"num_randomizations": 7, "shots_per_randomization": 3}}, None, (7, 3)),
        ({"default_shots": 100, "twirling": {"shots_per_randomization": 9}}, None, (12, 9)),
    ],
)
def test_shots_are_split_as_the_program_estimator_does(
    options: dict[str, Any], precision: float | None, split: tuple[int, int], simulator: Any
) -> None:
    (part,) = parts(simulator, [(bell(), "ZZ")], precision, **options)
    estimator = EstimatorV2(simulator, {**options, "seed_estimator": 3})
    theirs = estimator.run([(bell(), "ZZ")], precision=precision).result()[0].metadata

    assert (part.program.items[0].shape[0], part.program.shots) == split
    assert theirs["shots"] == np.prod(split)
    assert theirs["num_randomizations"] == split[0]


def test_calibration_takes_the_shots_it_is_told(simulator: Any) -> None:
    learning = {"num_randomizations": 10, "shots_per_randomization": 96}
    (part,) = parts(
        simulator,
        [(bell(), "ZZ")],
        default_shots=640,
        resilience={"measure_mitigation": True, "measure_noise_learning": learning},
    )

    assert [item.shape[0] * part.program.shots for item in part.program.items] == [640, 960]


def test_metadata_come_back_as_they_were(simulator: Any) -> None:
    options = {"resilience_level": 2, "resilience": {"zne": {"extrapolator": "fallback"}}}
    result = run(simulator, [(bell(), "ZX")], **options, twirling={"strategy": "all"})

    assert result[0].metadata["circuit_metadata"] == {"of": "mine", "at": (1, 2)}
    options = result.metadata["options"]
    assert options["twirling"]["enable_gates"] is options["resilience"]["zne_mitigation"] is True
    assert options["twirling"]["strategy"] == "all"


def test_a_seed_repeats_a_job(simulator: Any) -> None:
    def values(seed: int) -> Any:
        return run(simulator, [(bell(), ["XI", "YZ"])], 0.1, seed_estimator=seed)[0].data.evs

    np.testing.assert_array_equal(values(5), values(5))
    assert (values(5) != values(6)).any()


def test_a_seed_chooses_the_gates_that_are_folded_once_more(simulator: Any) -> None:
    circuit = QuantumCircuit(2)
    for step in range(8):
        circuit.cz(0, 1)
        circuit.rx(0.1 * step, 0)

    def folded(seed: int | None) -> list[list[str]]:
        options = {
            "resilience_level": 0,
            "resilience": {"zne_mitigation": True, "zne": {"noise_factors": [1, 1.5, 2.5]}},
        }
        (part,) = parts(simulator, [(circuit, "ZZ"), (circuit, "XX")], seed_estimator=seed, **options)
        return [[step.name for step in item.circuit.data] for item in part.program.items]

    assert [names.count("cz") for names in folded(5)] == 2 * [8, 12, 20]
    assert folded(5) == folded(5)
    assert folded(5) != folded(6)
    assert folded(5)[1] != folded(5)[4]  # PUBs have choices of their own
    assert [len(names) for names in folded(None)] == [len(names) for names in folded(5)]


def test_gates_of_any_kind_on_two_qubits_are_folded(simulator: Any) -> None:
    """Depolarizing errors of whatever kind of gate are extrapolated away, as by the service's own program."""
    circuit, angle = QuantumCircuit(2), Parameter("a")
    circuit.rx(0.4, 0)
    circuit.rzz(angle, 0, 1)
    circuit.append(bell().to_gate(), [0, 1])
    circuit.unitary(Operator(RZZGate(0.3)), [1, 0])
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["rzz"])
    folding = {"zne_mitigation": True, "zne": {"noise_factors": [1, 3], "extrapolator": "linear"}}
    options = {"resilience_level": 0, "resilience": folding, "default_shots": 40_000}
    pubs = [(circuit, ["IZ", "XX"], [[0.7], [1.1]])]

    (part,) = parts(simulator, pubs, **options)
    noise = {"noise_model": model, "seed_simulator": 3}
    data = run(simulator, pubs, None, simulator=noise, **options)[0].data

    plain, tripled = (item.circuit.count_ops() for item in part.program.items)
    assert (plain["rzz"], tripled["rzz"]) == (1, 3)
    exact = StatevectorEstimator().run(pubs).result()[0].data.evs
    assert (np.abs(data.evs - exact) < 5 * data.stds + 0.01).all()
    assert (np.abs(data.evs_noise_factors[..., 0] - exact) > 5 * data.stds_noise_factors[..., 0]).any()


# ------------------------------------------------------------------------------------------------ given noise


@pytest.fixture(scope="module")
def flipping() -> Any:
    """Two layers of a chain of three qubits, of which only the first flips qubit 1 of the device."""
    model = NoiseModel()
    model.add_quantum_error(pauli_error([("XI", 0.1), ("II", 0.9)]), "cz", [0, 1])
    backend = AerSimulator(noise_model=model, **BASIS)
    circuit = QuantumCircuit(3)
    circuit.cz(0, 1)
    circuit.barrier()
    circuit.cz(2, 1)
    isa = generate_preset_pass_manager(0, backend=backend, initial_layout=[0, 1, 2]).run(circuit)
    layers = EstimatorV2(backend, {"resilience": {"pec_mitigation": True}}).find_unique_layers([(isa, "ZZZ")])
    assert len(layers) == 2
    return backend, isa, layers


RATE = -np.log(1 - 2 * 0.1) / 2


def as_pairs(layers: Any) -> Any:
    # Of the device's order, whatever that of the box: qubit 1 is the second.
    assert [len(layer.qubits) for layer in layers] == [2, 3]
    maps = [PauliLindbladMap.from_sparse_list([("X", [1], RATE)], 2), PauliLindbladMap.identity(3)]
    return list(zip(layers, maps, strict=True))


def as_errors(layers: Any) -> Any:
    first, second = QuantumCircuit(2), QuantumCircuit(3)
    first.cz(0, 1)
    second.cz(1, 2)
    return [
        LayerError(second, [0, 1, 2], PauliLindbladError(PauliList(["ZII"]), [0.0])),
        LayerError(first, [1, 0], PauliLindbladError(PauliList(["IX"]), [RATE])),
    ]


@pytest.mark.parametrize("form", [as_pairs, as_errors, lambda layers: NoiseLearnerResult(as_errors(layers))])
def test_noise_goes_to_its_own_layer_and_qubit(form: Any, flipping: Any) -> None:
    backend, circuit, layers = flipping
    pubs = [(circuit, ["IIZ", "IZI", "ZII"])]
    resilience = {"pec_mitigation": True, "layer_noise_model": form(layers)}

    raw = run(backend, pubs, 0.02, **RAW)[0].data.evs
    connected = {"coupling_map": BASIS["coupling_map"]}  # without which a simulator refuses cancellation
    cancelled = run(backend, pubs, 0.02, **RAW, resilience=resilience, simulator=connected)[0]

    np.testing.assert_allclose(raw, [1, 0.8, 1], atol=0.08)
    np.testing.assert_allclose(cancelled.data.evs, [1, 1, 1], atol=0.12)
    assert cancelled.metadata["num_randomizations"] == np.ceil(np.ceil(2500 / 64) / 0.8**2)


# ------------------------------------------------------------------------------------------------ metadata

OF_SIMULATION = {"simulation", "options_without_effect"}
"""What the local server tells of itself."""


def told(metadata: Any, path: str = "") -> dict[str, Any]:
    """Return all that metadata tell, by the path to it."""
    if not isinstance(metadata, dict):
        return {path: metadata.tolist() if isinstance(metadata, np.ndarray) else metadata}
    found: dict[str, Any] = {path: {}}
    for name, value in metadata.items():
        if name not in OF_SIMULATION:
            found |= told(value, f"{path}.{name}")
    return found


@pytest.mark.parametrize(
    "options",
    [
        {"resilience_level": 0},
        {"twirling": {"num_randomizations": 4, "strategy": "all"}},
        {"resilience_level": 2, "resilience": {"zne": {"noise_factors": [1, 3], "extrapolator": "linear"}}},
        {"resilience": {"measure_mitigation": True, "measure_noise_learning": {"num_randomizations": 8}}},
        {"resilience_level": 0, "dynamical_decoupling": {"enable": True}, "twirling": {"enable_gates": True}},
    ],
    ids=["none", "level-1", "level-2", "readout", "pulses"],
)
@pytest.mark.filterwarnings("ignore:(These options|dynamical_decoupling) ha(ve|s) no effect:UserWarning")
def test_metadata_are_those_of_the_service_and_more(options: dict[str, Any], flipping: Any) -> None:
    backend, circuit, _ = flipping
    pubs = [(circuit, ["IIZ", "IZI"], None, 0.1), (circuit, "ZZZ", None, 0.1)]

    theirs, mine = (
        EstimatorV2(backend, {"seed_estimator": 3, "program": program, **options}).run(pubs).result()
        for program in ("server", "executor")
    )

    wanted, found = told(theirs.metadata), told(mine.metadata)
    assert (
        wanted.items()
        <= {**found, ".execution.execution_spans": wanted[".execution.execution_spans"]}.items()
    )
    for left, right in zip(theirs, mine, strict=True):
        wanted, found = told(left.metadata), told(right.metadata)
        unlike = {path for path in wanted if path not in found or wanted[path] != found[path]}
        # Here those that were asked for, there, as in IBM's client, those that were chosen.
        assert unlike <= {".resilience.zne.extrapolators", ".resilience.zne.extrapolator"}
        assert wanted.keys() <= found.keys()


# ------------------------------------------------------------------------------------------------ refusals


def changed(change: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.compose(bell(), inplace=True)
    change(circuit)
    return circuit


FOLDED = {"resilience_level": 0, "resilience": {"zne_mitigation": True}}
TWIRLED = {"twirling": {"enable_gates": True}}


@pytest.mark.parametrize(
    ("change", "observable", "options", "words"),
    [
        (lambda circuit: circuit.ccx(0, 1, 2), "ZZZ", FOLDED, "has 'ccx', whose noise would stay as it is"),
        (lambda circuit: circuit.add_register(ClassicalRegister(1, "_meas")), "ZZZ", RAW, "_meas"),
        (lambda circuit: circuit.unitary(Operator(bell()), [0, 1]), "ZZZ", TWIRLED, "PUB 0 cannot run on the program"),
    ],
    ids=["fold", "register", "twirl"],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused(
    change: Any, observable: str, options: dict[str, Any], words: str, simulator: Any
) -> None:
    with pytest.raises(IBMInputValueError, match=words):
        parts(simulator, [(changed(change), observable)], **options)


def test_too_many_projectors_are_refused(simulator: Any) -> None:
    with pytest.raises(IBMInputValueError, match="a term of 13 projectors"):
        parts(simulator, [(QuantumCircuit(13), "0" * 13)])
    assert len(parts(simulator, [(QuantumCircuit(13), "0" * 13)], **RAW)) == 1


def test_a_layer_without_noise_is_named(flipping: Any) -> None:
    backend, circuit, layers = flipping
    for given, words in (
        (as_pairs(layers)[:1], r"does not hold the layer cz\(1, 2\) on qubits \[0, 1, 2\] of PUB 0"),
        (as_errors(layers)[:1], r"does not hold the layer cz\(0, 1\) on qubits \[0, 1\] of PUB 0"),
        ([LayerError(QuantumCircuit(2), [0, 1])], r"layer on qubits \[0, 1\] .* was not learned"),
    ):
        with pytest.raises(IBMInputValueError, match=words):
            parts(
                backend, [(circuit, "ZZZ")], resilience={"pec_mitigation": True, "layer_noise_model": given}
            )


def test_without_the_extra_its_name_is_told(simulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qiskit_mitigation", None)

    with pytest.raises(ImportError, match=r"pip install 'qiskit-rest-primitives\[executor\]'"):
        parts(simulator, [(bell(), "ZZ")], **RAW)


def test_pulses_go_where_qubits_wait(service: Any) -> None:
    heron = service.backend("local_heron")
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.delay(4000, 0, unit="dt")
    circuit.cz(0, 1)
    circuit = generate_preset_pass_manager(0, backend=heron, initial_layout=[0, 1]).run(circuit)
    observable = SparsePauliOp("XZ").apply_layout(circuit.layout)

    def pulses(**decoupling: Any) -> list[int]:
        (part,) = parts(heron, [(circuit, observable, None, 0.1)], dynamical_decoupling=decoupling)
        return [item.circuit.count_ops().get("x", 0) for item in part.program.items]

    assert pulses(enable=False) == [0, 0]
    two, four = pulses(enable=True), pulses(enable=True, sequence_type="XY4")
    assert two[0] >= 2
    assert four[0] == 2 * two[0]
