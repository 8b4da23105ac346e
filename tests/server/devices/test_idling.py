"""Coherent errors of idle qubits are the evolution under their Hamiltonian, at the times at which a device runs the circuit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit.transpiler import InstructionProperties, PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay, TimeUnitConversion
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.qasm.mitigation import Pulses
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.devices.device import Device, device_of, load_device
from qiskit_rest_primitives.server.devices.idling import CoherentIdling, schedule
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.primitives.circuit_cache import LoadedCircuit

WIDTH = 4
NS = {"cz": 70, "sx": 40, "x": 40, "rz": 0, "measure": 600}
RATES = CoherentIdling(
    detuning={0: 3e5, 1: -2e5, 3: 8e5}, zz={(1, 0): 4e5, (1, 2): -3e5, (3, 2): 5e5, (0, 3): 1e5}
)


def line(dt: float | None = 1e-9) -> Device:
    """A line of qubits whose instructions take time and make no mistakes."""
    backend = GenericBackendV2(
        WIDTH,
        ["cz", "rz", "sx", "x"],
        coupling_map=[[0, 1], [1, 2], [2, 3]],
        control_flow=True,
        noise_info=False,
    )
    backend.target.dt = dt
    for name, length in NS.items():
        for qubits in backend.target[name]:
            backend.target.update_instruction_properties(
                name, qubits, InstructionProperties(length * 1e-9, 0.0)
            )
    return device_of(backend, idling=RATES)


def drawn(seed: int, width: int = WIDTH) -> QuantumCircuit:
    """Return gates, delays and barriers by chance; every third circuit leaves a qubit alone."""
    random = np.random.default_rng(seed)
    circuit = QuantumCircuit(width)
    used = list(range(width - (seed % 3 == 0)))
    for _ in range(25):
        first = int(random.choice(used[:-1]))
        match random.integers(6):
            case 0:
                circuit.cz(first, first + 1)
            case 1:
                circuit.delay(int(random.integers(300)), first, unit="dt")
            case 2:
                circuit.barrier(*random.permutation(used)[: random.integers(1, len(used) + 1)].tolist())
            case 3:
                circuit.rz(float(random.uniform(0, 3)), first + 1)
            case _:
                circuit.sx(int(random.choice(used)))
    return circuit


def by_qiskit(circuit: QuantumCircuit, device: Device) -> QuantumCircuit:
    """Return the circuit as Qiskit schedules and pads it, the qubits that it does not use left alone."""
    target = device.target
    passes = PassManager(
        [TimeUnitConversion(target=target), ALAPScheduleAnalysis(target=target), PadDelay(target=target)]
    )
    scheduled: QuantumCircuit = passes.run(circuit)
    return scheduled


def busy(circuit: QuantumCircuit) -> set[int]:
    return {
        circuit.find_bit(bit).index for step in circuit.data if step.name != "barrier" for bit in step.qubits
    }


def evolved(circuit: QuantumCircuit, used: set[int]) -> np.ndarray[Any, Any]:
    """Return the unitary of a padded circuit under H, slice of time by slice of time, with dense matrices."""
    signs = 1 - 2 * (np.arange(2**WIDTH)[:, None] >> np.arange(WIDTH) & 1)
    steps = [
        (start, [circuit.find_bit(bit).index for bit in step.qubits], step)
        for start, step in zip(circuit.op_start_times, circuit.data, strict=True)
    ]
    times = sorted(
        {start for start, _, _ in steps}
        | {start + step.operation.duration for start, _, step in steps if step.name == "delay"}
    )
    begun: dict[int, int] = {}  # a qubit has a part in it from its first gate on
    for start, qubits, step in sorted(steps, key=lambda item: item[0]):
        if step.name not in ("delay", "barrier"):
            begun |= {qubit: begun.get(qubit, start) for qubit in qubits}
    total = np.eye(2**WIDTH, dtype=complex)
    for begin, end in zip(times, [*times[1:], times[-1]], strict=True):
        for start, qubits, step in steps:
            if start == begin and step.name not in ("delay", "barrier"):
                whole = QuantumCircuit(WIDTH)
                whole.append(step.operation, qubits)
                total = Operator(whole).data @ total
        idle = {
            qubits[0]
            for start, qubits, step in steps
            if step.name == "delay"
            and start <= begin < start + step.operation.duration
            and qubits[0] in used
            and begun.get(qubits[0], begin + 1) <= begin
        }
        energy = sum(
            (0.5 * rate * signs[:, qubit] for qubit, rate in RATES.detuning.items() if qubit in idle),
            np.zeros(2**WIDTH),
        )
        for (first, second), rate in RATES.zz.items():
            if {first, second} <= idle:
                energy = energy + 0.5 * rate * signs[:, first] * signs[:, second]
        total = np.exp(-1j * energy * (end - begin) * 1e-9)[:, None] * total
    return total


@pytest.mark.parametrize("seed", range(12))
def test_circuits_evolve_as_they_would_in_time(seed: int) -> None:
    device, circuit = line(), drawn(seed)
    padded = by_qiskit(circuit, device)

    made = device.noise.inserted(circuit)

    wanted = Operator(evolved(padded, busy(circuit)))
    assert Operator(prepare_whole(made)).equiv(wanted)
    assert busy(made) == busy(circuit)
    if len(busy(circuit)) == WIDTH:  # whoever writes the delays, it is the same circuit
        assert Operator(prepare_whole(device.noise.inserted(padded))).equiv(wanted)
    mine = {
        (timed.step.name, circuit.find_bit(bit).index, timed.start)
        for timed in schedule(circuit, device.target, "").steps
        for bit in timed.step.qubits
    }
    theirs = {
        (step.name, padded.find_bit(bit).index, start)
        for start, step in zip(padded.op_start_times, padded.data, strict=True)
        for bit in step.qubits
    }
    assert {entry for entry in mine if entry[0] not in ("barrier", "delay")} == {
        entry for entry in theirs if entry[0] not in ("barrier", "delay")
    }


def prepare_whole(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return what Aer would be given, on all qubits."""
    prepared = prepare(circuit, dt=1e-9)
    made = QuantumCircuit(WIDTH)
    for step in prepared.circuit.data:
        made.append(
            step.operation, [prepared.qubits[prepared.circuit.find_bit(bit).index] for bit in step.qubits]
        )
    return made


def test_a_qubit_that_was_read_early_still_acts_on_its_neighbours() -> None:
    """What it was read as says which way its neighbour turns, by a quarter turn either way."""
    device = line().twin("line", idling=CoherentIdling(zz={(0, 1): np.pi / 2 / 4e-6}))
    circuit = QuantumCircuit(WIDTH, 2)
    circuit.sx([0, 1])
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.delay(4000, [0, 1], unit="dt")
    circuit.rz(np.pi / 2, 1)
    circuit.barrier()
    circuit.sx(1)
    circuit.measure(1, 1)

    made = device.noise.inserted(circuit)
    prepared = prepare(made, dt=1e-9, noise=device.noise.distinguished)

    assert prepared.static
    assert [step.name for step in made.data][-2:] == ["measure", "measure"]
    counts = AerSimulator(seed_simulator=1).run(prepared.circuit, shots=200).result().get_counts()
    assert len(counts) == 2
    assert all(key[0] != key[1] for key in counts) or all(key[0] == key[1] for key in counts)


def test_one_bit_read_twice_keeps_its_order() -> None:
    circuit = QuantumCircuit(WIDTH, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(1, 0)
    made = line().noise.inserted(circuit)

    places = [circuit.find_bit(step.qubits[0]).index for step in made.data if step.name == "measure"]
    assert places == [0, 1]


def test_times_may_be_seconds() -> None:
    """A device without dt has the same times, rounding aside."""
    circuit, device = drawn(1), line()
    seconds = QuantumCircuit(WIDTH)
    for step in circuit.data:
        if step.name == "delay":
            seconds.delay(step.operation.duration, step.qubits, unit="ns")
        else:
            seconds.append(step)

    made = [Operator(prepare_whole(line(dt).noise.inserted(seconds))) for dt in (None, 1e-9)]

    assert made[0].equiv(made[1])
    assert made[0].equiv(Operator(prepare_whole(device.noise.inserted(circuit))))


@pytest.mark.parametrize("pulses", [None, {"enable": True, "sequence_type": "XX"}])
def test_folded_gates_let_other_qubits_wait_for_longer(pulses: dict[str, Any] | None) -> None:
    """The folded circuit is scheduled, and gets pulses, as if it had been written so; delays that are written stay."""
    circuit, by_hand = QuantumCircuit(WIDTH), QuantumCircuit(WIDTH)
    for each, times in ((circuit, 1), (by_hand, 3)):
        each.sx(range(WIDTH))
        each.barrier(range(WIDTH))
        for _ in range(5 * times):
            each.cz(0, 1)
        each.barrier(range(WIDTH))
        each.delay(100, 3)
        each.sx(range(WIDTH))
    noise = line().noise
    noise = noise if pulses is None else noise.decoupled(Pulses.load(pulses))

    found, plain = (
        LoadedCircuit(circuit).amplified(1e-9, noise, factor, "gate_folding") for factor in (3, 1)
    )

    wanted = LoadedCircuit(by_hand).prepared(1e-9, noise)
    assert Operator(found.circuit).equiv(Operator(wanted.circuit))
    assert not Operator(plain.circuit).equiv(Operator(wanted.circuit))
    assert (found.circuit.count_ops()["cz"], plain.circuit.count_ops()["cz"]) == (15, 5)


def test_a_device_keeps_it_wherever_it_goes() -> None:
    device = line()
    copy = pickle.loads(pickle.dumps(device.twin("other")))
    circuit = drawn(2)

    assert copy.idling == RATES
    assert Operator(prepare_whole(copy.noise.inserted(circuit))).equiv(
        Operator(prepare_whole(device.noise.inserted(circuit)))
    )
    assert device.twin("mock_line", mock=True).noise is None
    assert load_device("local_heron").idling is None


def controlled(circuit: QuantumCircuit) -> None:
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], True)):
        circuit.x(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (controlled, "no duration of 'if_else' on qubits 0, 1|no duration of 'if_else' on qubits 1"),
        (lambda circuit: circuit.reset(2), "no duration of 'reset' on qubits 2"),
        (lambda circuit: circuit.h(3), "no duration of 'h' on qubits 3"),
        (lambda circuit: circuit.delay(Parameter("t"), 0), "delays of a fixed duration"),
    ],
)
def test_what_lasts_nobody_knows_how_long_is_refused_by_name(change: Any, words: str) -> None:
    circuit = QuantumCircuit(WIDTH, 1)
    circuit.sx(0)
    change(circuit)

    with pytest.raises(TaskFailed, match=words):
        line().noise.inserted(circuit)


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ({"detuning": float("nan")}, "detuning must be finite numbers, in rad/s"),
        ({"zz": {(0, 1): True}}, "zz must be finite"),
        ({"zz": {(0, 1): 1.0, (1, 0): 2.0}}, "pairs of different qubits, each once"),
        ({"zz": {(1, 1): 1.0}}, "pairs of different qubits"),
    ],
)
def test_rates_that_are_none_are_refused(rates: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CoherentIdling(**rates)


def test_what_does_not_fit_the_device_is_refused() -> None:
    with pytest.raises(ValueError, match="the device has no qubit 4"):
        line().twin("line", idling=CoherentIdling({4: 1.0}))
    with pytest.raises(ValueError, match="'aer_simulator' is a simulator, whose qubits never wait"):
        device_of(AerSimulator(), idling=CoherentIdling(1.0))
