"""Cheap jobs: which ones a thread of the server may run, that they are over in a moment, and that nothing else differs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.server.devices.device import Device, device_of
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.primitives.jobs import JobOutput, Reading
from qiskit_rest_primitives.server.primitives.registry import decode, execute
from qiskit_rest_primitives.server.workers.inline_policy import read_if_cheap, read_if_momentary
from qiskit_rest_primitives.server.workers.pool import Simulators
from qiskit_rest_primitives.wire import typed

SEEDED = {"options": {"simulator": {"seed_simulator": 5}}}


def ansatz(width: int, layers: int, *, measured: bool = True, angles: bool = False) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    vector = ParameterVector("x", width * layers if angles else 0)
    for layer in range(layers):
        for qubit in range(width):
            place = layer * width + qubit
            circuit.rz(vector[place] if angles else 0.1 * place, qubit)
            circuit.sx(qubit)
        for qubit in range(layer % 2, width - 1, 2):
            circuit.cz(qubit, qubit + 1)
    if measured:
        circuit.measure_all()
    return circuit


def on_heron(width: int, layers: int) -> QuantumCircuit:
    """The same on the first qubits of a row of the heavy-hex device."""
    wide = QuantumCircuit(156, width)
    wide.compose(ansatz(width, layers, measured=False), range(width), inplace=True)
    wide.measure(range(width), range(width))
    return wide


def sampler(circuit: QuantumCircuit, values: Any = None, shots: int = 1000, **rest: Any) -> bytes:
    return json.dumps({"pubs": [[dump_circuit(circuit).wire, values, shots]], **rest}).encode()


def estimator(circuit: QuantumCircuit, observables: Any, values: Any = None, **rest: Any) -> bytes:
    return json.dumps({"pubs": [[dump_circuit(circuit).wire, observables, values]], **rest}).encode()


def test_small_canonical_jobs_are_cheap(ideal: Device, heron: Device) -> None:
    jobs = [
        ("sampler", sampler(ansatz(2, 2)), ideal),
        ("sampler", sampler(ansatz(10, 4), shots=10_000), ideal),
        ("sampler", sampler(on_heron(4, 3)), heron),
        ("estimator", estimator(ansatz(6, 3, measured=False), {"ZZIIII": 1.0, "IXXIII": 0.5}), ideal),
    ]

    assert all(read_if_cheap(program, params, device) is not None for program, params, device in jobs)


def dynamic() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def many_values(circuit: QuantumCircuit, sets: int) -> dict[str, Any]:
    names = dump_circuit(circuit).inputs
    document: dict[str, Any] = typed.dump(BindingsArray({names: np.zeros((sets, len(names)))}))
    return document


COSTLY = {
    "foreign text": sampler(ansatz(2, 2)).replace(b"measure q", b"measure  q"),
    "QPY": json.dumps({"pubs": [[dump_circuit(ansatz(2, 2), circuit_format="qpy").wire]]}).encode(),
    "eleven qubits": sampler(ansatz(11, 2)),
    "control flow": sampler(dynamic()),
    "many gates": sampler(ansatz(10, 300)),
    "many parameter sets": sampler(ansatz(8, 4, angles=True), many_values(ansatz(8, 4, angles=True), 500)),
    "many shots": sampler(ansatz(4, 2), shots=100_001),
    "analog readings": sampler(ansatz(2, 2), options={"execution": {"meas_type": "kerneled"}}),
    "many PUBs": json.dumps({"pubs": [[dump_circuit(ansatz(1, 1)).wire, None, 1]] * 100}).encode(),
    "long text": sampler(ansatz(2, 2), options={"experimental": {"x": "y" * 70_000}}),
    "a noise model": sampler(ansatz(2, 2), options={"simulator": {"noise_model": {"errors": []}}}),
    "QPY among the values": json.dumps(
        {
            "pubs": [
                [
                    dump_circuit(ansatz(2, 2)).wire,
                    {"a": [dump_circuit(ansatz(1, 1), circuit_format="qpy").wire]},
                ]
            ]
        }
    ).encode(),
    "no JSON": b"{",
}


@pytest.mark.parametrize("what", COSTLY)
def test_whatever_is_not_certainly_cheap_is_costly(what: str, ideal: Device) -> None:
    assert read_if_cheap("sampler", COSTLY[what], ideal) is None


def test_noise_and_wishes_of_a_device_make_a_job_costlier(heron: Device) -> None:
    asked = device_of(AerSimulator(method="matrix_product_state"))

    assert read_if_cheap("sampler", sampler(on_heron(5, 2)), heron) is None
    assert read_if_cheap("sampler", sampler(ansatz(2, 2)), asked) is None
    assert read_if_cheap("executor", sampler(ansatz(2, 2)), heron) is None


def test_a_job_that_cannot_run_says_so_at_once(heron: Device) -> None:
    circuit = QuantumCircuit(156, 1)
    circuit.h(0)
    circuit.measure(0, 0)

    with pytest.raises(TaskFailed, match="not supported by the target"):
        read_if_cheap("sampler", sampler(circuit), heron)


@pytest.mark.parametrize("device", ["ideal", "heron"])
def test_a_cheap_job_gives_to_the_last_bit_what_a_process_gives(
    device: str, request: pytest.FixtureRequest
) -> None:
    chosen = request.getfixturevalue(device)
    for program, params in (
        ("sampler", sampler(on_heron(4, 3))),
        (
            "estimator",
            estimator(on_heron(4, 3).remove_final_measurements(inplace=False), {"I" * 152 + "XZYZ": 1.0}),
        ),
    ):
        cheap = read_if_cheap(program, params, chosen, seed=5)
        assert cheap is not None
        found = [
            json.loads(body)["results"]
            for body in (cheap.run()[0], execute(program, params, chosen, seed=5).body)
        ]
        assert found[0] == found[1]


def momentary(program: str, params: bytes, device: Device) -> Reading | None:
    return read_if_momentary(program, params, device, decoded=decode(program, params))


def test_the_event_loop_does_what_was_run_before_and_takes_a_moment(ideal: Device) -> None:
    circuit = ansatz(5, 3, angles=True)
    small, other = (sampler(circuit, [[angle] * 15, [0.25] * 15], **SEEDED) for angle in (0.125, 0.5))

    assert momentary("sampler", small, ideal) is None
    expected = json.loads(execute("sampler", other, ideal).body)["results"]
    found = momentary("sampler", small, ideal)
    again = momentary("sampler", other, ideal)

    assert found is not None
    assert again is not None
    assert json.loads(again.run()[0])["results"] == expected


@pytest.mark.parametrize("program", ["sampler", "estimator"])
def test_where_jobs_run_elsewhere_numpy_does_at_once_what_comes_a_second_time(
    program: str, ideal: Device, heron: Device
) -> None:
    angles = [0.1 * place for place in range(10)]
    circuit = ansatz(5, 2, measured=program == "sampler", angles=True)
    wide = on_heron(3, 2) if program == "sampler" else on_heron(3, 2).remove_final_measurements(inplace=False)
    params, noisy = (
        (sampler(circuit, [angles, angles], **SEEDED), sampler(wide))
        if program == "sampler"
        else (estimator(circuit, "ZZXXI", [angles], **SEEDED), estimator(wide, "I" * 153 + "ZZZ"))
    )
    devices = {"ideal": ideal, "heron": heron}
    elsewhere = Simulators(devices, workers=1, processes=True, execute=None)
    try:

        def at_once(params: bytes, device: str) -> Callable[[], JobOutput] | None:
            return elsewhere.momentary(program, params, device, decoded=decode(program, params))

        first, second = at_once(params, "ideal"), at_once(params, "ideal")
        with_aer = [at_once(noisy, "heron") for _ in range(3)]
        execute(program, noisy, heron)
    finally:
        elsewhere.shutdown(wait=False)

    assert first is None
    assert second is not None
    assert json.loads(second().body)["results"] == json.loads(execute(program, params, ideal).body)["results"]
    assert with_aer == [None] * 3


@pytest.mark.parametrize(
    "params",
    [
        sampler(ansatz(10, 200)),
        sampler(ansatz(3, 2), shots=50_000),
        sampler(ansatz(2, 3, angles=True), [[0.125] * 6] * 200),
    ],
    ids=["many gates", "many shots", "many sets"],
)
def test_the_event_loop_leaves_alone_what_takes_longer(params: bytes, ideal: Device) -> None:
    execute("sampler", params, ideal)

    assert momentary("sampler", params, ideal) is None


def spent(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that something takes when nothing disturbs it."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def count_to_a_million() -> None:
    for _ in range(1_000_000):
        pass


@pytest.mark.parametrize(("width", "noisy"), [(1, False), (5, False), (10, False), (2, True), (4, True)])
def test_the_costliest_cheap_job_changes_few_numbers_and_every_costlier_one_is_costly(
    width: int, noisy: bool, request: pytest.FixtureRequest
) -> None:
    device = request.getfixturevalue("heron" if noisy else "ideal")

    def circuit(layers: int) -> QuantumCircuit:
        return on_heron(width, layers) if noisy else ansatz(width, layers)

    def reading(layers: int) -> Reading | None:
        return read_if_cheap("sampler", sampler(circuit(layers)), device)

    readings: list[Reading | None] = []
    while readings.count(None) < 3:
        readings.append(reading(2 ** len(readings)))
    cheap = [it is not None for it in readings]
    assert cheap == sorted(cheap, reverse=True)
    assert cheap[0]
    assert not cheap[-1]

    costliest = sum(cheap) - 1
    found = readings[costliest]
    assert found is not None
    assert found.run()[1] == 1
    # This core counts to thirty millions in half a second; reading, and Aer's preparations, are in the job's time.
    assert spent(found.run) < 30 * spent(count_to_a_million)
    # Aer changes 1e8 numbers a second and begins 1e5 gates a second on an old core: what follows is 0.1 s of either.
    gates = circuit(2**costliest).size()
    assert gates <= 10_000
    assert gates * (4 if noisy else 2) ** width <= 10_000_000
