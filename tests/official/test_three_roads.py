"""The table of features in docs/executor.md: each row is a small program, run on each of the three roads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import ClassicalRegister, Parameter
from qiskit.circuit.library import RZZGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, PauliLindbladMap
from qiskit.transpiler import InstructionProperties
from qiskit_aer.noise import NoiseModel, coherent_unitary_error, pauli_error

from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.devices.idling import CoherentIdling
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.registry import execute

pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Your current pending jobs:UserWarning"),
    pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:support_qiskit = False has no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:No positive, finite standard errors:UserWarning"),
]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "executor.md"
ROADS = ("server", "official", "executor")
REFUSALS = (
    "IBMInputValueError",
    "ValidationError",
)  # the latter where the official client has no such option
RAW = {"resilience_level": 0}
MISREAD = 0.3
TURN = 0.25
"""How far a gate of ``turning`` goes too far, rad."""
FLIP = 0.1
"""How often a gate of ``flipping`` flips qubit 1."""


# ------------------------------------------------------------------------------------------------- the place


def line(name: str, model: NoiseModel | None = None) -> Any:
    """Two qubits whose gates take time, and make the mistakes of a noise model."""
    made = GenericBackendV2(
        2, ["cz", "rz", "sx", "x"], coupling_map=[[0, 1]], control_flow=True, noise_info=False
    )
    made.name, made.target.dt = name, 1e-9
    for gate, length in {"cz": 70, "sx": 40, "x": 40, "rz": 0, "measure": 600}.items():
        for qubits in made.target[gate]:
            made.target.update_instruction_properties(gate, qubits, InstructionProperties(length * 1e-9, 0.0))
    if model is not None:
        made.options.update_options(noise_model=model)
    return made


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    misread, turning, flipping = NoiseModel(), NoiseModel(), NoiseModel()
    misread.add_all_qubit_readout_error([[1, 0], [MISREAD, 1 - MISREAD]])
    turning.add_all_qubit_quantum_error(coherent_unitary_error(Operator(RZZGate(TURN))), ["cz"])
    flipping.add_quantum_error(pauli_error([("XI", FLIP), ("II", 1 - FLIP)]), "cz", [0, 1])

    def seeded(program_id: str, params: bytes, device: Any) -> Any:
        return execute(program_id, params, device, seed=7)

    devices = [device_of(line("local_line"))]
    devices += [
        device_of(line(name, model))
        for name, model in (("misread", misread), ("turning", turning), ("flipping", flipping))
    ]
    devices.append(device_of(line("idling"), idling=CoherentIdling(detuning=4e5)))
    with serve(devices, settings=lambda settings: replace(settings, execute=seeded)) as server:
        yield server.endpoint


class Road:
    """One of the three ways of running PUBs.

    Args:
        name: One of ``ROADS``.
        client: The client that goes it.
    """

    def __init__(self, name: str, client: Any) -> None:
        self.name, self.client, self.service = name, client, client.service

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        return options if self.name == "official" else {"program": self.name, **options}

    def sampler(self, mode: Any = "local_line", **options: Any) -> Any:
        mode = self.service.backend(mode) if isinstance(mode, str) else mode
        if self.name == "official":
            return import_module("qiskit_ibm_runtime.executor_sampler").Sampler(mode, options=options)
        return self.client.SamplerV2(mode, options=self._options(options))

    def estimator(self, mode: Any = "local_line", **options: Any) -> Any:
        mode = self.service.backend(mode) if isinstance(mode, str) else mode
        if self.name == "official":
            return import_module("qiskit_ibm_runtime.executor_estimator").Estimator(mode, options=options)
        return self.client.EstimatorV2(mode, options=self._options(options))


# --------------------------------------------------------------------------------------------------- circuits


def flipped(measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.x(0)
    if measured:
        circuit.measure_all()
    return circuit


def turned() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.rz(Parameter("a"), 0)
    circuit.sx(0)
    return circuit


def many_gates(measured: bool) -> QuantumCircuit:
    """Return a circuit whose ideal <Z> of qubit 0 is -1, and whose gates add up what they do wrong."""
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    for _ in range(8):
        circuit.cz(0, 1)
    circuit.sx(0)
    if measured:
        circuit.measure_all()
    return circuit


def two_gates() -> QuantumCircuit:
    """Return a circuit whose ideal <Z> of qubit 1 is 1, and 0.64 with flips."""
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    circuit.barrier()
    circuit.cz(0, 1)
    return circuit


def ramsey() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.sx(0)
    circuit.delay(4000, 0, unit="dt")
    circuit.sx(0)
    circuit.measure(0, 0)
    return circuit


def one(bits: Any) -> float:
    """Return how often bit 0 is 1."""
    return float(bits.to_bool_array(order="little")[..., 0].mean())


# --------------------------------------------------------------------------------------------------- programs

Program = Callable[[Road], bool]
PROGRAMS: dict[str, Program] = {}


def row(feature: str) -> Callable[[Program], Program]:
    """Make a function the program of a row; it tells whether the road has the feature, or raises that it refuses."""

    def put(program: Program) -> Program:
        PROGRAMS[feature] = program
        return program

    return put


@row("several numbers of shots in one `run()`")
def _(road: Road) -> bool:
    result = road.sampler().run([(flipped(), None, 3), (flipped(), None, 5)]).result()
    return [pub.data.meas.num_shots for pub in result] == [3, 5]


@row("several precisions in one `run()`")
def _(road: Road) -> bool:
    pubs = [(flipped(False), "IZ", None, precision) for precision in (0.5, 0.25)]
    return [float(pub.data.evs) for pub in road.estimator(**RAW).run(pubs).result()] == [-1, -1]


@row("broadcasting of values and observables")
def _(road: Road) -> bool:
    pub = (turned(), [["IZ"], ["ZI"]], [[0.0], [np.pi], [0.0]])
    evs = road.estimator(**RAW).run([pub], precision=0.2).result()[0].data.evs
    return np.array_equal(evs, [[-1, 1, -1], [1, 1, 1]])


@row("execution spans of samplers")
def _(road: Road) -> bool:
    metadata = road.sampler().run([flipped()], shots=3).result().metadata
    return "execution_spans" in metadata.get("execution", {})


@row("`shots` and `circuit_metadata` in the metadata of a PUB")
def _(road: Road) -> bool:
    circuit = flipped()
    circuit.metadata = {"of": "mine"}
    metadata = road.sampler().run([circuit], shots=3).result()[0].metadata
    return metadata.get("shots") == 3 and metadata.get("circuit_metadata") == {"of": "mine"}


@row("`target_precision` in the metadata of a PUB")
def _(road: Road) -> bool:
    metadata = road.estimator(**RAW).run([(flipped(False), "IZ")], precision=0.5).result()[0].metadata
    return metadata.get("target_precision") == 0.5


@row("the same seed, the same samples (servers of this package)")
def _(road: Road) -> bool:
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.measure_all()
    first, second, other = (
        road.sampler(simulator={"seed_simulator": seed}).run([circuit], shots=100).result()[0].data.meas
        for seed in (3, 3, 4)
    )
    return bool(first == second and first != other)


@row("circuits that branch")
def _(road: Road) -> bool:
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"), ClassicalRegister(1, "b"))
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], True)):
        circuit.x(1)
    circuit.measure(1, 1)
    data = road.sampler().run([circuit], shots=5).result()[0].data
    return bool(data.a.get_counts() == data.b.get_counts() == {"1": 5})


@row("signals (`execution.meas_type`)")
def _(road: Road) -> bool:
    data = road.sampler(execution={"meas_type": "kerneled"}).run([flipped()], shots=5).result()[0].data
    return np.iscomplexobj(data.meas) and data.meas.shape == (5, 2)


@row("signals of twirled measurements")
def _(road: Road) -> bool:
    options = {"execution": {"meas_type": "kerneled"}, "twirling": {"enable_measure": True}}
    return np.iscomplexobj(road.sampler(**options).run([flipped()], shots=5).result()[0].data.meas)


@row("delays whose durations are parameters")
def _(road: Road) -> bool:
    circuit, time = QuantumCircuit(2, 1), Parameter("t")
    circuit.sx(0)
    circuit.delay(time, 0, unit="dt")
    circuit.sx(0)
    circuit.measure(0, 0)
    half = round(np.pi / 4e5 / 1e-9)  # after which the qubit has made half a turn
    data = road.sampler("idling").run([(circuit, [[0.0], [half]])], shots=200).result()[0].data
    ones = data.c.bitcount().mean(axis=-1)
    return bool(ones[0] > 0.95 and ones[1] < 0.05)


@row("twirled gates act")
def _(road: Road) -> bool:
    """Turns in one direction add up to 2 rad; in directions by chance they shorten the value by cos(0.25)**8 = 0.78."""
    twirling = {"enable_gates": True, "num_randomizations": 100, "shots_per_randomization": 4}
    found = road.sampler("turning", twirling=twirling).run([many_gates(True)]).result()[0].data.meas
    return one(found) > 0.7


@row("twirled measurements act")
def _(road: Road) -> bool:
    twirling = {"enable_measure": True, "num_randomizations": 100, "shots_per_randomization": 4}
    found = road.sampler("misread", twirling=twirling).run([flipped()]).result()[0].data.meas
    return one(found) > 1 - MISREAD * 0.75  # wrong half as often as without


@row("barriers of an estimator's circuit are kept")
def _(road: Road) -> bool:
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    circuit.barrier()
    circuit.delay(4000, 1, unit="dt")
    circuit.barrier()
    circuit.sx(0)
    found = road.estimator("idling", **RAW).run([(circuit, "IZ")], precision=0.1).result()
    return float(found[0].data.evs) > -0.5  # who waits for qubit 1 turns by 1.6 rad


@row("dynamical decoupling acts (devices with `idling`)")
def _(road: Road) -> bool:
    sampler = road.sampler("idling", dynamical_decoupling={"enable": True, "sequence_type": "XY4"})
    return one(sampler.run([ramsey()], shots=200).result()[0].data.c) > 0.95


@row("readout mitigation (TREX)")
def _(road: Road) -> bool:
    result = (
        road.estimator("misread", resilience_level=1).run([(flipped(False), "IZ")], precision=0.03).result()
    )
    return bool(result[0].data.evs < -0.85)


@row("readout mitigation of projectors")
def _(road: Road) -> bool:
    estimator = road.estimator("misread", resilience_level=1)
    result = estimator.run([(flipped(False), [{"I1": 1.0}])], precision=0.03).result()
    return bool(abs(result[0].data.evs - 1) < 0.15)


@row("measurements in an estimator's circuit are made")
def _(road: Road) -> bool:
    circuit = QuantumCircuit(2, 1)
    circuit.sx(0)
    circuit.measure(0, 0)
    evs = road.estimator(**RAW).run([(circuit, "IY")], precision=0.05).result()[0].data.evs
    return bool(abs(evs) < 0.5)  # -1 without


def mitigated(road: Road, *, noise: bool = False, **resilience: Any) -> bool:
    """Tell whether mitigation brings <Z> of qubit 1 from 0.64 back to 1."""
    twirling = {"enable_gates": True, "num_randomizations": 250, "shots_per_randomization": 40}
    estimator = road.estimator("flipping", **RAW, twirling=twirling, resilience=resilience)
    circuit = two_gates()
    if noise and road.name == "server":
        layers = road.client.EstimatorV2(
            road.service.backend("flipping"), options={"resilience": resilience, "program": "executor"}
        ).find_unique_layers([(circuit, "ZI")])
    elif noise:
        layers = estimator.find_unique_layers([(circuit, "ZI")])
    if noise:
        rate = -np.log(1 - 2 * FLIP) / 2
        # Of the device's order, whatever that of the box.
        maps = [PauliLindbladMap.from_sparse_list([("X", [1], rate)], 2) for _ in layers]
        estimator.options.resilience.layer_noise_model = list(zip(layers, maps, strict=True))
    result = estimator.run([(circuit, "ZI")]).result()
    ignored = result.metadata.get("options_without_effect", [])
    return bool(result[0].data.evs > 0.85 and not any(name.startswith("resilience") for name in ignored))


FACTORS = {"noise_factors": [1, 2], "extrapolator": "exponential"}


@row("gate folding")
def _(road: Road) -> bool:
    return mitigated(road, zne_mitigation=True, zne={**FACTORS, "noise_factors": [1, 3]})


@row("amplification of given noise (`pea`)")
def _(road: Road) -> bool:
    return mitigated(road, noise=True, zne_mitigation=True, zne={**FACTORS, "amplifier": "pea"})


@row("cancellation of given noise (PEC)")
def _(road: Road) -> bool:
    return mitigated(road, noise=True, pec_mitigation=True)


@row("PEC without given noise, which is learned first")
def _(road: Road) -> bool:
    few = {"num_randomizations": 8, "shots_per_randomization": 64, "layer_pair_depths": [0, 4, 16]}
    learning = {} if road.name == "official" else {"layer_noise_learning": few}
    return mitigated(road, pec_mitigation=True, **learning)


@row("circuits as OpenQASM 3 (`circuit_format`)")
def _(road: Road) -> bool:
    return one(road.sampler(circuit_format="qasm3").run([flipped()], shots=3).result()[0].data.meas) == 1


@row("the documented, plain form of results (`support_qiskit=False`)")
def _(road: Road) -> bool:
    job = road.sampler(support_qiskit=False).run([flipped()], shots=3)
    assert one(job.result()[0].data.meas) == 1
    body = road.service.backend("local_line").api.job_results(job.job_id())
    return b'"samples":' in body and b"__type__" not in body


@row("`run([])`")
def _(road: Road) -> bool:
    return len(road.sampler().run([]).result()) == 0


@row("jobs in sessions and batches")
def _(road: Road) -> bool:
    found = []
    for kind in (road.client.Session, road.client.Batch):
        with kind(backend=road.service.backend("local_line")) as session:
            found.append(road.sampler(session).run([flipped()], shots=3).session_id == session.session_id)
    return all(found)


@row("how circuits are scheduled (`execution.scheduler_timing`)")
def _(road: Road) -> bool:
    asked = {"execution": {"scheduler_timing": True}}
    estimator = road.estimator(**RAW, **asked)
    found = [
        road.sampler(**asked).run([flipped()], shots=3).result()[0].metadata,
        estimator.run([(flipped(False), "IZ")], precision=0.5).result()[0].metadata,
    ]
    timings = [metadata.get("compilation", {}).get("scheduler_timing") for metadata in found]
    return all(timing and "x_0,Qubit 0," in timing["timing"] for timing in timings)


@row("private jobs")
def _(road: Road) -> bool:
    job = road.sampler(environment={"private": True}).run([flipped()], shots=3)
    return job.private and one(job.result()[0].data.meas) == 1


@row("dry runs")
def _(road: Road) -> bool:
    return road.sampler().run([flipped()], shots=3, dry_run=True).result()[0].data.meas.num_shots == 3


@row("`service.job(id)` gives the `PrimitiveResult`")
def _(road: Road) -> bool:
    job = road.sampler().run([flipped()], shots=3)
    return one(road.service.job(job.job_id()).result()[0].data.meas) == 1


# ------------------------------------------------------------------------------------------------------ tests


def table() -> dict[str, list[str]]:
    """Return what the page says of each feature, in the order of ``ROADS``."""
    (body,) = re.findall(r"\| feature \|.*?\n\|[-|]+\|\n(.*?)\n\n", PAGE.read_text(), re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]
    return {feature: cells for feature, *cells in rows}


def test_each_row_has_a_program_and_each_program_a_row() -> None:
    assert list(table()) == list(PROGRAMS)


@pytest.fixture(scope="module")
def road(request: pytest.FixtureRequest) -> Road:
    if request.param == "official":
        pytest.importorskip(
            "qiskit_ibm_runtime.executor_sampler",
            reason="pip install qiskit-ibm-runtime>=0.51 to compare with it",
        )
    return Road(request.param, request.getfixturevalue("official" if request.param == "official" else "ours"))


@pytest.mark.parametrize("road", ROADS, indirect=True)
@pytest.mark.parametrize("feature", PROGRAMS)
def test_a_row_says_what_happens(feature: str, road: Road) -> None:
    assert found(PROGRAMS[feature], road) == table()[feature][ROADS.index(road.name)]


def found(program: Program, road: Road) -> str:
    try:
        return "yes" if program(road) else "no"
    except ValueError as error:  # before anything is sent
        return "refused" if type(error).__name__ in REFUSALS else repr(error)
    except Exception as error:
        if type(error).__name__ != "RuntimeJobFailureError":
            raise
        return "fails"
