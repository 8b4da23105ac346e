"""Emulated devices: their documents, their Targets, and what becomes of any other backend."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qiskit_rest_primitives.server.devices.device import default_devices, device_of, load_device, randomness
from qiskit_rest_primitives.server.devices.heavy_hex import heron_coupling
from qiskit_rest_primitives.wire.target import load_target


@pytest.fixture(scope="module")
def devices():
    return {device.name: device for device in default_devices()}


def test_the_default_devices_are_an_ideal_simulator_and_a_wide_noisy_device(devices):
    assert list(devices) == ["aer_simulator", "local_heron"]
    assert devices["aer_simulator"].simulator
    assert devices["aer_simulator"].noise is None
    assert devices["aer_simulator"].noise_model() is None
    assert not devices["local_heron"].simulator
    assert devices["local_heron"].num_qubits == 156
    assert devices["local_heron"].noise is not None


@pytest.mark.parametrize("name", ["aer_simulator", "local_heron"])
def test_the_official_client_reads_the_documents_and_builds_the_same_target(devices, name):
    from qiskit_ibm_runtime.models import BackendConfiguration, BackendProperties
    from qiskit_ibm_runtime.utils.backend_converter import convert_to_target

    device = devices[name]
    configuration = BackendConfiguration.from_dict(json.loads(json.dumps(device.configuration)))
    properties = device.properties and BackendProperties.from_dict(json.loads(json.dumps(device.properties)))

    official = convert_to_target(configuration, properties)

    assert set(official.operation_names) == set(device.target.operation_names)
    for operation in official.operation_names:
        assert set(official[operation] or ()) == set(device.target[operation] or ())


def test_the_lattice_is_heavy_hex():
    edges = heron_coupling()
    degree = [0] * 156
    for first, second in edges:
        assert first < second
        degree[first] += 1
        degree[second] += 1

    assert len(edges) == len(set(edges)) == 176
    assert set(degree) == {1, 2, 3}
    assert (3, 16) in edges
    assert (16, 23) in edges


def test_calibration_data_are_the_same_in_another_process(devices):
    code = (
        "import hashlib, json; from qiskit_rest_primitives.server.devices.device import load_device;"
        "d = load_device('local_heron');"
        "print(hashlib.sha256(json.dumps([d.configuration, d.properties]).encode()).hexdigest())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    device = devices["local_heron"]
    text = json.dumps([device.configuration, device.properties])
    assert printed.strip() == hashlib.sha256(text.encode()).hexdigest()


def test_calibration_data_are_plausible(devices):
    for qubit in devices["local_heron"].properties["qubits"]:
        values = {entry["name"]: entry["value"] for entry in qubit}
        assert 40 <= values["T1"] <= 350
        assert values["T2"] <= values["T1"]
        both = values["prob_meas0_prep1"] + values["prob_meas1_prep0"]
        assert values["readout_error"] == pytest.approx(both / 2, abs=2e-6)
    for gate in devices["local_heron"].properties["gates"]:
        error = gate["parameters"][0]["value"]
        assert (error == 0) == (gate["gate"] == "rz")
        assert error < 0.03


@pytest.mark.parametrize("fractional", [False, True])
def test_circuits_transpile_for_both_devices(devices, fractional):
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.ccx(0, 1, 2)
    circuit.rzz(2.0, 0, 2)
    circuit.measure_all()
    for device in devices.values():
        target = load_target(device.configuration, device.properties, use_fractional_gates=fractional)

        isa = transpile(circuit, target=target, optimization_level=1, seed_transpiler=1)

        assert set(isa.count_ops()) <= {*target.operation_names, "barrier"}


def test_a_device_is_pickled_by_its_documents(devices):
    device = devices["local_heron"]
    assert device.noise.flips(3)  # what is derived must not travel

    packed = pickle.dumps(device)
    again = pickle.loads(packed)

    assert len(packed) < 300_000
    assert again.configuration == device.configuration
    assert again.noise.flips(3) == device.noise.flips(3)
    assert repr(again) == "<Device 'local_heron', 156 qubits>"


def test_a_backend_becomes_a_device_with_the_noise_of_its_target():
    backend = GenericBackendV2(5, seed=4)

    device = device_of(backend)

    assert device.name == backend.name
    assert not device.simulator
    assert device.noise.flips(2)[0] == backend.target["measure"][(2,)].error
    assert pickle.loads(pickle.dumps(device)).properties == device.properties


def test_a_backend_without_calibration_data_is_ideal():
    device = device_of(GenericBackendV2(5, seed=4, noise_info=False))

    assert device.noise is None


def test_an_aer_simulator_is_ideal_or_has_the_noise_model_it_was_given():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["x"])

    ideal, noisy = device_of(AerSimulator()), device_of(AerSimulator(noise_model=model))

    assert ideal.simulator
    assert ideal.noise is None
    assert (
        ideal.num_qubits == load_device("aer_simulator").num_qubits
    )  # not what fits into memory as a state vector
    assert noisy.noise_model() == model
    assert noisy.noise_model().basis_gates == model.basis_gates
    assert pickle.loads(pickle.dumps(noisy)).noise_model() == model


def test_devices_are_loaded_by_name_or_by_import(devices):
    assert load_device("local_heron").configuration == devices["local_heron"].configuration
    assert load_device("qiskit_aer:AerSimulator").simulator
    assert load_device("qiskit_ibm_runtime.fake_provider:FakeTorino").num_qubits == 133


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("nonsense", "aer_simulator, local_heron"),
        ("no.such.module:Thing", "cannot load"),
        ("qiskit_aer:NoSuchThing", "cannot load"),
        ("math:pi", "not a BackendV2"),
    ],
)
def test_what_is_no_device_is_refused(spec, problem):
    with pytest.raises(ValueError, match=problem):
        load_device(spec)


def test_equal_seeds_repeat_and_different_parts_are_independent():
    drawn = {
        (seed, index): tuple(randomness(seed, index).integers(2**60, size=4))
        for seed in (1, 2)
        for index in (0, 1)
    }

    assert len(set(drawn.values())) == 4
    assert drawn[1, 0] == tuple(randomness(1, 0).integers(2**60, size=4))


def test_without_a_seed_nothing_repeats_in_this_process_or_in_a_forked_one():
    program = """
import os
from qiskit_rest_primitives.server.devices.device import randomness

randomness(None, 0).integers(2**60)  # made before the fork
reading, writing = os.pipe()
children = [os.fork() for _ in range(2)] if hasattr(os, "fork") else []
numbers = " ".join(str(randomness(None, 0).integers(2**60)) for _ in range(3))
os.write(writing, (numbers + "\\n").encode())
"""
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork: runs on POSIX systems")
    program += """
if 0 in children:
    for child in children:
        if child:
            os.waitpid(child, 0)
    os._exit(0)
for child in children:
    os.waitpid(child, 0)
os.close(writing)
with os.fdopen(reading) as lines:
    print(lines.read())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    numbers = ran.stdout.split()

    assert len(numbers) == 4 * 3  # a process, two children, and a child of the first
    assert len(set(numbers)) == len(numbers)
