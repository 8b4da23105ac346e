"""Noise-learner jobs of version 3: known channels and misreadings on real Aer are found again; what is refused, and how."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import BoxOp, ClassicalRegister
from qiskit.quantum_info import QubitSparsePauli
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, pauli_error

from qiskit_rest_primitives.qasm.annotations import AnnotationRecord
from qiskit_rest_primitives.results.noise_learner_v3 import NoiseLearnerV3Results, load_learned
from qiskit_rest_primitives.server.devices.device import Device, device_of
from qiskit_rest_primitives.server.job_errors import ParamsError, TaskFailed
from qiskit_rest_primitives.server.primitives.registry import decode, execute
from qiskit_rest_primitives.wire import typed
from qiskit_rest_primitives.wire.noise_learning import VERSIONS, dump_request

WIDTH = 12
QUICK = {"num_randomizations": 2, "shots_per_randomization": 16, "layer_pair_depths": [0, 4]}
ENOUGH = {"num_randomizations": 12, "shots_per_randomization": 200, "layer_pair_depths": [0, 2, 8, 24]}


def box(body: QuantumCircuit, *qubits: int, width: int = WIDTH, twirled: bool = True) -> Any:
    """Return the instruction of a box on qubits of a device."""
    twirl = AnnotationRecord("Twirl", {"group": "pauli", "dressing": "left", "decomposition": "rzsx"})
    circuit = QuantumCircuit(QuantumRegister(width, "q"), ClassicalRegister(body.num_clbits, "c"))
    circuit.append(BoxOp(body, annotations=[twirl] if twirled else []), qubits, range(body.num_clbits))
    return circuit.data[0]


def gates(*pairs: tuple[int, int], width: int = 2) -> QuantumCircuit:
    body = QuantumCircuit(width)
    for pair in pairs:
        body.cz(*pair)
    return body


def measurements(count: int) -> QuantumCircuit:
    body = QuantumCircuit(count, count)
    body.measure(range(count), range(count))
    return body


def run(device: Device, *boxes: Any, seed: int = 1, params: Any = None, **options: Any) -> dict[str, Any]:
    document = {**dump_request(boxes, {**QUICK, **options}), **(params or {})}
    decode("noise-learner", document)
    return json.loads(execute("noise-learner", json.dumps(document).encode(), device, seed=seed).body)


def learned(*arguments: Any, **options: Any) -> NoiseLearnerV3Results:
    return load_learned(run(*arguments, **options))


def failure(device: Device, *boxes: Any, **more: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        run(device, *boxes, **more)
    return caught.value


def rate(probability: float) -> float:
    """A Pauli that is applied with a probability, as a Lindblad rate."""
    return float(-np.log(1 - 2 * probability) / 2)


def name_of(term: tuple[str, list[int]]) -> str:
    """What stands on each qubit: Z1, X0X1."""
    letters = dict(zip(term[1], term[0], strict=True))
    return "".join(f"{letters[qubit]}{qubit}" for qubit in sorted(letters))


def found(result: Any) -> dict[str, float]:
    return {name_of(term): rate for *term, rate in result.to_pauli_lindblad_map().to_sparse_list()}


@pytest.fixture(scope="module")
def noisy() -> Device:
    """A line whose cz between 5 and 2 flips the phase of 5 and 4 per cent of XX, and whose readout is bad at 2 and 7."""
    model = NoiseModel()
    model.add_quantum_error(pauli_error([("IZ", 0.02), ("II", 0.98)]), ["cz"], [5, 2])
    model.add_quantum_error(pauli_error([("XI", 0.01), ("II", 0.99)]), ["cz"], [7, 8])
    model.add_readout_error(ReadoutError([[0.99, 0.01], [0.05, 0.95]]), [2])
    model.add_readout_error(ReadoutError([[0.92, 0.08], [0.02, 0.98]]), [7])
    edges = [[5, 2], [2, 7], [7, 8], [8, 3]]
    return device_of(AerSimulator(noise_model=model, n_qubits=WIDTH, coupling_map=edges))


def test_the_rates_of_a_known_channel_are_found_on_the_qubits_in_their_order(noisy: Device) -> None:
    layer = box(gates((0, 1), (2, 3), width=4), 5, 2, 7, 8)

    (result,) = learned(noisy, layer, **ENOUGH)

    # 5 standard errors of this protocol are below 0.004. Qubits in ascending order: 2, 5, 7, 8.
    rates = found(result)
    assert 5 * result._rates_std.max() < 0.004
    # cz turns X on 8 into X on 8 and Z on 7: the protocol sees them as one, and gives each half of the rate.
    truth = {"Z1": rate(0.02), "X3": rate(0.01) / 2, "Z2X3": rate(0.01) / 2}
    for name, value in rates.items():
        assert value == pytest.approx(truth.get(name, 0.0), abs=0.004), name
    assert ["X3", "Z2X3"] in [sorted(map(name_of, group.to_sparse_list())) for group in result._generators]
    # All of one qubit, all of the three pairs of neighbours among them, each once.
    assert len(rates) == 4 * 3 + 3 * 9
    depths = ENOUGH["layer_pair_depths"]
    assert result.metadata == {
        "learning_protocol": "lindblad",
        "post_selection": {
            "fraction_kept": dict.fromkeys(depths, 1.0),
            "success_rates": {depth: {} for depth in depths},
        },
    }


def test_misreadings_are_found_for_qubits_and_for_neighbours(noisy: Device) -> None:
    (result,) = learned(
        noisy, box(measurements(3), 7, 2, 3), num_randomizations=400, shots_per_randomization=400
    )

    # Twirling averages both directions: 3 per cent at qubit 2, 5 at 7. 5 standard errors are below 0.01.
    rates = found(result)
    assert 5 * result._rates_std.max() < 0.01
    assert list(rates) == ["X0", "X1", "X2", "X0X2"]
    for name, value in {"X0": rate(0.03), "X1": 0.0, "X2": rate(0.05), "X0X2": 0.0}.items():
        assert rates[name] == pytest.approx(value, abs=0.01)
    fidelity = result.to_pauli_lindblad_map().pauli_fidelity
    assert fidelity(QubitSparsePauli("ZIZ")) == pytest.approx(0.94 * 0.9, abs=0.03)
    assert result.metadata == {
        "learning_protocol": "trex",
        "post_selection": {"fraction_kept": 1.0, "success_rates": {}},
    }


def test_an_ideal_device_has_no_noise_and_equal_seeds_give_equal_bytes(ideal: Device, noisy: Device) -> None:
    wide = ideal.num_qubits
    boxes = [box(gates((0, 1)), 0, 1, width=wide), box(measurements(2), 3, 1, width=wide)]

    layer, readout = learned(ideal, *boxes)

    assert max(found(layer).values()) < 1e-5
    assert max(found(readout).values()) < 1e-12
    some = box(gates((0, 1)), 5, 2)
    assert run(noisy, some) == run(noisy, some) != run(noisy, some, seed=2)
    seeded = {"simulator": {"seed_simulator": 1}}
    assert run(noisy, some, seed=2, experimental=seeded) == run(noisy, some)


def test_a_job_can_bring_its_noise(ideal: Device) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("ZZ", 0.02), ("II", 0.98)]), ["cz"])
    sent = {"simulator": {"noise_model": typed.dump(model)}}

    (result,) = learned(ideal, box(gates((0, 1)), 0, 1, width=ideal.num_qubits), experimental=sent, **ENOUGH)

    assert found(result)["Z0Z1"] == pytest.approx(rate(0.02), abs=0.004)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_answer_has_the_schema_of_the_question(version: str, heron: Device) -> None:
    models = pytest.importorskip(
        f"ibm_quantum_schemas.noise_learner_v3.version_{version[1:].replace('.', '_')}",
        reason="pip install qiskit-ibm-runtime to compare with its schemas",
    )
    edge = heron.configuration["coupling_map"][0]

    boxes = [box(gates((0, 1)), *edge, width=156), box(measurements(2), *edge, width=156)]
    document = run(heron, *boxes, params={"schema_version": version})

    read = models.NoiseLearnerV3ResultsModel.model_validate(document)
    assert (read.schema_version, len(read.data)) == (version, 2)
    assert set(document) == {"schema_version", "data"}


def test_options_without_effect_are_named_in_the_result(noisy: Device) -> None:
    asked = {
        "bit_flip_checks": {"pre_circuit": {"enable": True}, "post_circuit": {"enable": True}},
        "post_selection": {"enable": True},
        "init_qubits": False,
        "rep_delay": 1e-4,
        "experimental": {"x": 1, "simulator": {"angle_decimals": 3}},
    }

    metadata = run(noisy, box(gates((0, 1)), 5, 2), **asked)["metadata"]

    assert metadata["options_without_effect"] == [
        "bit_flip_checks.pre_circuit", "bit_flip_checks.post_circuit", "post_selection", "init_qubits",
        "rep_delay", "experimental", "simulator.angle_decimals",
    ]  # fmt: skip


def test_a_mock_answers_at_random_in_the_same_form(noisy: Device) -> None:
    mock = noisy.twin("mock", mock=True)
    boxes = [box(gates((0, 1)), 5, 2), box(measurements(2), 2, 7)]

    real, random = learned(noisy, *boxes), learned(mock, *boxes)

    for left, right in zip(real, random, strict=True):
        assert left._generators == right._generators
        assert right._rates.min() > 0
        assert left.metadata == right.metadata


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        (box(gates((0, 1)), 0, 1, width=156, twirled=False), 3211, "its box has no Twirl annotation"),
        (box(gates((0, 1)), 0, 1), 3211, r"must be those of QuantumRegister\(156, 'q'\)"),
        (box(gates((0, 1)), 0, 100, width=156), 1517, r"cz on qubits \(0, 100\) is not supported"),
        (QuantumCircuit(1).x(0)[0], 3211, "it is a 'x', not a box"),
    ],
)
def test_boxes_that_cannot_be_learned_fail_the_job(made: Any, code: int, words: str, heron: Device) -> None:
    refused = failure(heron, made)

    assert refused.code == code
    with pytest.raises(TaskFailed, match=words):
        raise refused
    assert "(instruction 1 of this job)" in failure(heron, box(measurements(1), 0, width=156), made).reason


def test_gates_that_are_not_their_own_inverses_and_too_much_work_fail_the_job(ideal: Device) -> None:
    wide, body = ideal.num_qubits, QuantumCircuit(2)
    body.iswap(0, 1)

    assert "iswap cannot be learned" in failure(ideal, box(body, 0, 1, width=wide)).reason
    some = box(gates((0, 1)), 0, 1, width=wide)
    assert "two different depths" in failure(ideal, some, layer_pair_depths=[3]).reason
    assert "too many" in failure(ideal, some, shots_per_randomization=10**8).reason
    readout = box(measurements(1), 0, width=wide)
    assert "too many" in failure(ideal, readout, shots_per_randomization=10**8).reason
    assert len(learned(ideal, readout, layer_pair_depths=[])) == 1


def test_instructions_that_cannot_be_read_fail_the_job(heron: Device) -> None:
    damaged = {"instructions": {"circuit_b64": "AAAA", "qpy_version": 17}}

    assert failure(heron, params=damaged).code == 1603


@pytest.mark.parametrize(
    ("damage", "options", "words"),
    [
        ({"schema_version": "v9"}, {}, "schema_version must be one of v0.1, v0.2, v0.3"),
        ({"version": 2}, {}, "version must be 3"),
        ({"instructions": "x"}, {}, "instructions must be an object with circuit_b64"),
        ({"circuits": []}, {}, "unknown keys: 'circuits'"),
        ({}, {"shots": 3}, "params.options has unknown keys: 'shots'"),
        ({}, {"num_randomizations": 0}, "num_randomizations must be a whole number of at least 1"),
        ({}, {"layer_pair_depths": [-1]}, "layer_pair_depths must be a whole number of at least 0"),
        ({}, {"bit_flip_checks": {"x": {}}}, "bit_flip_checks has unknown keys: 'x'"),
        ({}, {"bit_flip_checks": {"pre_circuit": {"strategy": "all"}}}, "strategy must be one of node, edge"),
        ({}, {"post_selection": {"enable": 1}}, "post_selection.enable must be true or false"),
        ({}, {"init_qubits": "x"}, "init_qubits must be true or false"),
        ({}, {"rep_delay": "x"}, "rep_delay must be a number"),
        (
            {},
            {"experimental": {"simulator": {"seed_simulator": -1}}},
            "seed_simulator must be a whole number",
        ),
    ],
)
def test_other_params_are_refused_at_submission(
    damage: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    document = dump_request([box(gates((0, 1)), 0, 1)], {})
    document["options"].update(options)

    with pytest.raises(ParamsError, match=words):
        decode("noise-learner", document | damage)
