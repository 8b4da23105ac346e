"""A noise model acts whole: its passes, every kind of error Aer takes, and changes made in place (faults A5, A6, A7)."""

from __future__ import annotations

import numpy as np
import pytest
import requests
from qiskit import QuantumCircuit
from qiskit.circuit import Delay
from qiskit.circuit.library import RXGate, UnitaryGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    LocalNoisePass,
    NoiseModel,
    QuantumError,
    ReadoutError,
    RelaxationNoisePass,
    depolarizing_error,
    pauli_error,
)

from qiskit_rest_primitives import SamplerV2, Session
from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.qasm.noise_model import PassNotCarriedError, distinguished, dump_noise_model
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.devices.noise_passes import hold

SHOTS = 4000
FIVE_SIGMA = 5 * (2 * 0.25 / SHOTS) ** 0.5  # of the difference of two frequencies


def frequencies(counts: dict[str, int]) -> dict[str, float]:
    return {key: count / sum(counts.values()) for key, count in counts.items()}


def ours(circuit: QuantumCircuit, mode: AerSimulator, model: NoiseModel | None = None) -> dict[str, float]:
    options = {"simulator": {"noise_model": model, "seed_simulator": 3}}
    job = SamplerV2(mode, options=options).run([circuit], shots=SHOTS)
    return frequencies(job.result()[0].data.c.get_counts())


def assert_as_aer(circuit: QuantumCircuit, model: NoiseModel) -> None:
    """Compare both routes, the simulator's model and the job's, with Aer on the original."""
    simulator = AerSimulator(noise_model=model)
    right = frequencies(simulator.run(circuit, shots=SHOTS, seed_simulator=5).result().get_counts())
    for found in (ours(circuit, simulator), ours(circuit, AerSimulator(), model)):
        for outcome in right.keys() | found.keys():
            assert abs(right.get(outcome, 0) - found.get(outcome, 0)) < FIVE_SIGMA, (outcome, right, found)


def waiting(seconds: float) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.x(1)
    circuit.delay(seconds, 1, "s")
    circuit.measure(1, 0)
    return circuit


def passing(*passes) -> NoiseModel:
    model = NoiseModel()
    model._custom_noise_passes += passes
    return model


def test_faults_a5_delays_relax_by_a_model_of_a_backend():
    device = GenericBackendV2(2, seed=7)
    circuit = waiting(0.7 * device.qubit_properties(1).t1)

    assert_as_aer(circuit, NoiseModel.from_backend(device))
    assert ours(circuit, AerSimulator.from_backend(device))["1"] < 0.6  # exp(-0.7) is 0.497


@pytest.mark.parametrize(
    "model",
    [
        passing(
            RelaxationNoisePass([1e-4] * 2, [5e-5] * 2, op_types=Delay, excited_state_populations=[0.3] * 2)
        ),
        passing(RelaxationNoisePass([1e-4] * 2, [5e-5] * 2, dt=1e-9, op_types=Delay)),
        passing(
            RelaxationNoisePass([1e-4] * 2, [1e-4] * 2, op_types=Delay),
            RelaxationNoisePass([2e-4] * 2, [1e-4] * 2, op_types=Delay),
        ),
    ],
    ids=["excited", "dt", "two"],
)
def test_faults_a5_relaxation_passes_of_every_kind(model):
    assert_as_aer(waiting(5e-5), model)


def test_faults_a5_an_error_named_delay_acts_before_relaxation():
    model = passing(RelaxationNoisePass([1e-4] * 2, [1e-4] * 2, op_types=Delay))
    model.add_all_qubit_quantum_error(pauli_error([("X", 0.8), ("I", 0.2)]), "delay")

    assert_as_aer(waiting(5e-5), model)


def test_faults_a6_passes_of_the_user_act_and_tell_devices_apart():
    circuit = QuantumCircuit(2, 1)
    circuit.rx(2.0, 0)
    circuit.delay(1, 1)
    circuit.measure(0, 0)
    names = set()
    for extra in (0.3, -0.5):
        one = LocalNoisePass(lambda op, _, extra=extra: RXGate(op.params[0] * extra), op_types=[RXGate])
        model = passing(one)
        assert_as_aer(circuit, model)
        job = SamplerV2(AerSimulator(noise_model=model)).run([circuit], shots=10)
        names.add(job._backend.name)
    assert len(names) == 2


def test_faults_a6_passes_of_the_user_are_refused_by_name_where_they_cannot_go():
    def mine(_op, _qubits):
        return None

    with pytest.raises(PassNotCarriedError, match=r"LocalNoisePass of .*mine"):
        dump_noise_model(passing(LocalNoisePass(mine, op_types=[RXGate])))


BARE = "OPENQASM 3.0;"
PROGRAM = {"shots": 1, "items": [{"circuit": BARE, "shape": []}]}


@pytest.mark.parametrize(
    ("program", "params", "place"),
    [
        ("sampler", {"pubs": [[BARE]]}, "simulator"),
        ("estimator", {"pubs": [[BARE, "I"]]}, "simulator"),
        ("noise-learner", {"circuits": [BARE]}, "simulator"),
        (
            "noise-learner",
            {"schema_version": "v0.1", "instructions": {"circuit_b64": ""}},
            "experimental.simulator",
        ),
        ("executor", {"schema_version": "v2.0", "quantum_program": PROGRAM}, "experimental.simulator"),
    ],
)
def test_faults_a6_passes_of_another_process_are_refused_when_the_job_is_submitted(
    program, params, place, shared
):
    def mine(_op, _qubits):
        return None

    def post(hold, padding="") -> requests.Response:
        model = dump_noise_model(passing(LocalNoisePass(mine, op_types=[RXGate])), hold)
        options = {"noise_model": {"__type__": "NoiseModel", "__value__": model}}
        for name in reversed(place.split(".")):
            options = {name: options}
        body = {"program_id": program, "backend": "aer_simulator", "params": {**params, "options": options}}
        body["padding"] = padding
        return shared("POST", "/jobs", json=body)

    refused = post(lambda one: "held-pass-" + 32 * "0")

    assert refused.status_code == 400
    reason = refused.json()["errors"][0]["message"]
    assert reason.startswith(
        f"params.options.{place}.noise_model cannot be simulated: its noise pass LocalNoisePass of "
    )
    assert "mine runs code of its own and is kept in another process" in reason
    assert post(hold).status_code == 200
    assert post(hold, "x" * 1_100_000).status_code == 200  # which another process reads


def test_faults_a7_what_is_changed_in_place_acts():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), "x")
    simulator = AerSimulator(noise_model=model)
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    sampler = SamplerV2(simulator)

    def outcomes(sampler: SamplerV2) -> set[str]:
        return set(sampler.run([circuit], shots=50).result()[0].data.c.get_counts())

    assert outcomes(sampler) == {"0"}
    model.add_all_qubit_readout_error([[0, 1], [0, 1]])
    assert outcomes(sampler) == {"1"}
    simulator.set_options(noise_model=None)
    assert outcomes(sampler) == {"1"}
    with Session(simulator):
        inside = SamplerV2()
        first = NoiseModel()
        first.add_all_qubit_readout_error([[1, 0], [1, 0]])
        simulator.set_options(noise_model=first)
        assert outcomes(inside) == {"0"}


NAMES = (
    "cp",
    "csx",
    "ccx",
    "cswap",
    "r",
    "crx",
    "cu",
    "barrier",
    "delay",
    "ccz",
    "mcx",
    "rzx",
    "global_phase",
)


def error_with(name: str) -> QuantumError:
    circuit = QuantumCircuit(3)
    angles = {
        "cp": [0.3],
        "r": [0.3, 0.2],
        "crx": [2.0],
        "cu": [1.1, 0.2, 0.3, 0.4],
        "rzx": [1.0],
        "delay": [9],
    }
    sizes = {"r": 1, "delay": 1, "ccx": 3, "cswap": 3, "ccz": 3}
    if name == "barrier":
        circuit.barrier()
    elif name == "mcx":
        circuit.mcx([0, 1], 2)
    elif name == "global_phase":
        circuit.global_phase = 0.3
    else:
        getattr(circuit, name)(*angles.get(name, ()), *range(sizes.get(name, 2)))
    return QuantumError([(circuit, 0.5), (QuantumCircuit(3), 0.5)])


@pytest.mark.parametrize("name", NAMES)
def test_faults_b_noise_models_that_crash_errors_of_every_kind_act_as_in_aer(name):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(error_with(name), "three")
    circuit = QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.x(1)
    circuit.ccx(0, 1, 2)
    circuit.measure(range(3), range(3))

    model.add_all_qubit_quantum_error(error_with(name), "ccx")
    assert_as_aer(circuit, model)


def test_faults_b_noise_models_that_crash_readout_of_two_qubits_is_as_in_aer():
    model = NoiseModel()
    model.add_readout_error(np.eye(4) * 0.7 + 0.075, [0, 1])
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])

    assert_as_aer(circuit, model)  # Aer measures one qubit at a time, so it never acts


def test_faults_b_noise_models_that_crash_are_judged_before_anything_runs():
    unknown = NoiseModel()
    circuit = QuantumCircuit(2)
    circuit.dcx(0, 1)
    unknown.add_all_qubit_quantum_error(QuantumError([(circuit, 1.0)]), "cx")
    with pytest.raises(IBMInputValueError, match=r"error of 'cx' has an operation 'dcx'"):
        SamplerV2(AerSimulator(noise_model=unknown))
    with pytest.raises(IBMInputValueError, match=r"error of 'cx' has an operation 'dcx'"):
        SamplerV2(AerSimulator(), options={"simulator": {"noise_model": unknown}})

    spoiled = NoiseModel()
    spoiled.add_quantum_error(depolarizing_error(0.1, 1), "x", [0])
    spoiled._local_quantum_errors["x"][0,]._probs[0] = float("nan")
    with pytest.raises(IBMInputValueError, match="negative or no number"):
        SamplerV2(AerSimulator(noise_model=spoiled))

    misread = NoiseModel()
    misread.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [0])
    misread._local_readout_errors[0,]._probabilities[0, 0] = 2.0
    with pytest.raises(IBMInputValueError, match="sum to"):
        SamplerV2(AerSimulator(noise_model=misread))


def test_what_a_noise_tells_apart_is_the_same_for_a_model_and_its_document():
    model = NoiseModel.from_backend(GenericBackendV2(2, seed=7))
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), UnitaryGate(np.eye(2), label="mine"))
    found = distinguished(model)

    assert (
        found
        == distinguished(dump_noise_model(model))
        == device_of(AerSimulator(noise_model=model)).noise.distinguished
    )
    assert found.time
    assert not found.passes
    assert found.meets("mine", [1])
    assert not found.meets("cx", [0, 0])


def test_faults_a8_fake_backends_misread_as_their_calibration_says():
    from qiskit import transpile
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend = FakeManilaV2()
    for state, name in (("0", "prob_meas1_prep0"), ("1", "prob_meas0_prep1")):
        circuit = QuantumCircuit(1, 1)
        if state == "1":
            circuit.x(0)
        circuit.measure(0, 0)
        circuit = transpile(circuit, backend, initial_layout=[0])
        job = SamplerV2(backend, options={"simulator": {"seed_simulator": 1}}).run([circuit], shots=40_000)
        right = backend.properties().qubit_property(0, name)[0]
        wrong = 1 - frequencies(job.result()[0].data.c.get_counts())[state]
        assert abs(wrong - right) < 5 * (right / 40_000) ** 0.5 + 1e-3  # besides the error of the x gate


@pytest.mark.parametrize("name", ["aer_simulator", "local_heron"])
def test_faults_b_configuration_attributes_of_real_devices_are_there(name):
    from qiskit_rest_primitives import QiskitRuntimeService

    configuration = QiskitRuntimeService(channel="local").backend(name).configuration()

    assert configuration.multi_meas_enabled is True
    assert configuration.conditional_latency == configuration.acquisition_latency == []
    for flag in ("credits_required", "measure_esp_enabled", "uchannels_enabled", "allow_q_object"):
        assert isinstance(getattr(configuration, flag), bool)
    for known in ("clops_h", "meas_kernels", "discriminators"):
        assert hasattr(configuration, known)
