"""Noise-learner jobs, by hand as rest-api.md 4.7 has them: what is learned, what is answered, what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error, pauli_error

from qiskit_rest_primitives.results.noise_learner import LayerError
from qiskit_rest_primitives.server.devices.device import Device, device_of
from qiskit_rest_primitives.server.job_errors import ParamsError, TaskFailed
from qiskit_rest_primitives.server.primitives.registry import decode, execute
from qiskit_rest_primitives.wire import typed

QUICK = {"num_randomizations": 2, "shots_per_randomization": 16, "layer_pair_depths": [0, 4]}
CZ = 'OPENQASM 3.0;\ninclude "stdgates.inc";\ncz $0, $1;\n'


def text(*steps: str, qubits: int = 4) -> str:
    return "\n".join(['OPENQASM 3.0;\ninclude "stdgates.inc";', f"qubit[{qubits}] q;", *steps, ""])


def cz(first: int, second: int) -> str:
    return f"cz q[{first}], q[{second}];"


def run(device: Device, *circuits: Any, seed: int = 1, **options: Any) -> dict[str, Any]:
    params = {"version": 2, "circuits": list(circuits), "options": {**QUICK, **options}}
    decode("noise-learner", params)
    return json.loads(execute("noise-learner", json.dumps(params).encode(), device, seed=seed).body)


def layers(document: dict[str, Any]) -> list[LayerError]:
    return list(typed.load(document)["data"])


def failure(device: Device, *circuits: Any, **options: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        run(device, *circuits, **options)
    return caught.value


@pytest.fixture(scope="module")
def flipping() -> Device:
    """A simulator whose cz flips the phase of its second qubit, and nothing else."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("ZI", 0.02), ("II", 0.98)]), ["cz"])
    return device_of(AerSimulator(noise_model=model))


def test_the_answer_has_the_measured_shape(heron: Device) -> None:
    document = run(heron, CZ)
    assert set(document) == {"data", "metadata"}
    assert document["metadata"] == {
        "backend": "local_heron",
        "input_options": {**QUICK, "max_layers_to_learn": 4, "twirling_strategy": "active-accum"},
    }
    (entry,) = document["data"]
    assert (entry["__type__"], entry["__module__"], entry["__class__"]) == (
        "_json",
        "qiskit_ibm_runtime.utils.noise_learner_result",
        "LayerError",
    )
    assert list(entry["__value__"]) == ["circuit", "qubits", "error"]
    assert len(entry["__value__"]["error"]["__value__"]["generators"]["__value__"]["data"]) == 15


def test_both_dialects_of_circuits_give_the_same(heron: Device) -> None:
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    qpy = typed.dump(circuit)
    assert run(heron, CZ) == run(heron, qpy)
    assert run(heron, CZ)["data"] != run(heron, CZ, seed=2)["data"]
    assert run(heron, CZ, seed=7) == run(heron, CZ, simulator={"seed_simulator": 7})


def test_the_most_frequent_layers_are_learned_at_their_own_qubits(flipping: Device) -> None:
    both = text(cz(0, 1), cz(2, 3), "barrier q;", cz(1, 2), "barrier q;", cz(1, 2))
    found = layers(run(flipping, both, text(cz(3, 2)), max_layers_to_learn=2, twirling_strategy="active"))
    assert [(layer.qubits, layer.circuit.count_ops()["cz"]) for layer in found] == [
        ([1, 2], 1),
        ([0, 1, 2, 3], 2),
    ]
    assert layers(run(flipping, both, max_layers_to_learn=0)) == []
    every = layers(run(flipping, both, max_layers_to_learn=None, twirling_strategy="all"))
    assert [layer.qubits for layer in every] == [[0, 1, 2, 3]] * 2
    assert layers(run(flipping)) == []


def test_the_learned_channel_is_that_of_the_device(flipping: Device) -> None:
    protocol = {"num_randomizations": 12, "shots_per_randomization": 200, "layer_pair_depths": [0, 2, 8, 24]}
    (layer,) = layers(run(flipping, text(cz(2, 3)), **protocol))
    assert layer.error is not None
    found = dict(zip(layer.error.generators.to_labels(), layer.error.rates, strict=True))
    # A flip of probability p is a rate of -ln(1 - 2 p) / 2; 5 standard errors of this protocol are 0.003.
    truth = -np.log(1 - 2 * 0.02) / 2
    assert found.pop("ZI") == pytest.approx(truth, abs=0.003)
    assert max(found.values()) < 0.003


def test_a_job_can_bring_its_noise_and_its_neighbours(flipping: Device, ideal: Device) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cz"])
    circuit = text(cz(0, 1), cz(2, 3))
    sent = {"noise_model": typed.dump(model), "coupling_map": [[1, 2], [2, 1]]}
    (layer,) = layers(run(ideal, circuit, simulator=sent))
    assert layer.error is not None
    assert len(layer.error.generators) == 4 * 3 + 9
    assert layer.error.rates.sum() > 0.01
    (own,) = layers(run(ideal, circuit))
    assert own.error is not None
    assert len(own.error.generators) == 4 * 3 + 2 * 9
    assert own.error.rates.max() < 1e-5


def test_mock_devices_answer_at_random(heron: Device) -> None:
    (layer,) = layers(run(heron.twin("mock_heron", mock=True), CZ))
    assert layer.error is not None
    assert 0 < layer.error.rates.min() < layer.error.rates.max() < 1e-3


def test_what_has_no_effect_is_named(ideal: Device) -> None:
    document = run(ideal, CZ, experimental={"a": 1}, simulator={"basis_gates": ["cz"]})
    assert document["metadata"]["options_without_effect"] == ["experimental", "simulator.basis_gates"]


def test_circuits_that_do_not_fit_fail_as_on_the_service(heron: Device, ideal: Device) -> None:
    fractional = text("gate rzz(p0) a, b { cx a, b; rz(p0) b; cx a, b; }", "rzz(0.5) q[0], q[1];")
    found = failure(heron, fractional)
    assert (found.code, "gate twirling does not support fractional gates" in found.reason) == (1519, True)
    assert failure(heron, CZ, text("rx(0.5) q[0];")).reason.endswith("has rx. (circuit 1 of this job)")
    assert failure(heron, text(cz(0, 3))).code == 1517
    assert failure(heron, "OPENQASM 3.0;\nwhat is this;\n").code == 1603
    found = failure(ideal, text("iswap q[0], q[1];", "").replace("iswap", "ch"))
    assert (found.code, found.reason[:31]) == (3211, "The noise of ch cannot be learn")
    assert "two different depths" in failure(ideal, CZ, layer_pair_depths=[3]).reason


def test_registers_fail_once_there_is_a_second_layer(heron: Device) -> None:
    measured = ["bit[2] c;", "c[0] = measure q[0];", "c[1] = measure q[1];"]
    assert len(layers(run(heron, text(cz(0, 1), *measured)))) == 1
    found = failure(heron, text(cz(0, 1), cz(1, 2), *measured))
    assert found.reason == (
        "ClassicalRegister with name 'c' appears in multiple layers with different sizes (2 != 1)"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"circuits": None}, "params.circuits must be a list of circuits."),
        ({"version": 1}, "params.version must be 2."),
        ({"shots": 3}, "params has unknown keys: 'shots'."),
        ({"options": 3}, "params.options must be an object."),
        ({"options": {"resilience": {}}}, "params.options has unknown keys: 'resilience'."),
        (
            {"options": {"max_layers_to_learn": -1}},
            "params.options.max_layers_to_learn must be a whole number of at least 0.",
        ),
        (
            {"options": {"num_randomizations": 0}},
            "params.options.num_randomizations must be a whole number of at least 1.",
        ),
        (
            {"options": {"shots_per_randomization": 1.5}},
            "params.options.shots_per_randomization must be a whole number of at least 1.",
        ),
        (
            {"options": {"layer_pair_depths": 3}},
            "params.options.layer_pair_depths must be a list of whole numbers.",
        ),
        (
            {"options": {"layer_pair_depths": [1, -1]}},
            "params.options.layer_pair_depths must be a whole number of at least 0.",
        ),
        (
            {"options": {"twirling_strategy": "some"}},
            "params.options.twirling_strategy must be one of active, active-accum, active-circuit, all.",
        ),
        ({"options": {"support_qiskit": 1}}, "params.options.support_qiskit must be true or false."),
        (
            {"options": {"simulator": {"coupling_map": [[0]]}}},
            "params.options.simulator.coupling_map must be a list of pairs of qubits.",
        ),
        (
            {"options": {"simulator": {"coupling_map": [[0, 1], [2, 2]]}}},
            "params.options.simulator.coupling_map must be a list of pairs of qubits.",
        ),
    ],
)
def test_params_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        decode("noise-learner", {"circuits": [CZ], **change})
    assert str(caught.value) == message


def test_a_job_runs_on_the_server_and_can_be_cancelled(shared: Any) -> None:
    def submit(params: dict[str, Any]) -> str:
        envelope = {"program_id": "noise-learner", "backend": "local_heron", "params": params}
        answer = shared("POST", "/jobs", json=envelope)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    done = submit({"circuits": [CZ], "options": QUICK | {"simulator": {"seed_simulator": 3}}})
    # A layer of many qubits for a minute at least, if nobody stopped it.
    wide = text(*(f"cz q[{qubit}], q[{qubit + 1}];" for qubit in range(0, 14, 2)), qubits=16)
    endless = submit(
        {"circuits": [wide], "options": {"layer_pair_depths": [0, 1000], "num_randomizations": 20}}
    )
    assert shared.wait(done)["status"] == "Completed"
    (layer,) = layers(shared.get(f"/jobs/{done}/results"))
    assert layer.qubits == [0, 1]
    shared.until(endless, "Running")
    assert shared("POST", f"/jobs/{endless}/cancel").status_code == 204
    assert shared.wait(endless)["status"] == "Cancelled"


def test_limits_hold_for_learning_too(shared: Any) -> None:
    def refusal(params: dict[str, Any]) -> str:
        envelope = {"program_id": "noise-learner", "backend": "local_heron", "params": params}
        answer = shared("POST", "/jobs", json=envelope)
        assert answer.status_code == 400
        return str(answer.json()["errors"][0]["message"])

    assert "has unknown keys: 'pubs'" in refusal({"circuits": [], "pubs": []})
    assert "shots are more than" in refusal({"circuits": [CZ], "options": {"shots_per_randomization": 10**9}})
