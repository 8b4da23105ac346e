"""The translation stage: the same circuits as Qiskit's own, and delays where a device has no identity gate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
from qiskit import transpile
from qiskit.circuit import Delay, IfElseOp, Parameter, QuantumCircuit
from qiskit.circuit.library import CZGate, Measure, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit.transpiler import (
    InstructionDurations,
    InstructionProperties,
    PassManagerConfig,
    Target,
    generate_preset_pass_manager,
)

from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.transpiler.passes import ConvertISAToClifford, FoldRzzAngle
from qiskit_rest_primitives.transpiler.translation import (
    FractionalTranslationStage,
    IdleTranslationStage,
    TranslationStage,
)

DT = 4e-9


class Restless(BackendV2):
    """Two qubits without an identity gate, whose sx gates take 8 and 10 dt."""

    def __init__(self) -> None:
        super().__init__(name="restless")
        self._target = Target(num_qubits=2, dt=DT)
        for gate, dt in ((SXGate(), (8, 10)), (XGate(), (12, 12))):
            places = {
                (qubit,): InstructionProperties(duration=dt[qubit] * DT, error=1e-4) for qubit in (0, 1)
            }
            self._target.add_instruction(gate, places)
        free = {(qubit,): InstructionProperties(duration=0.0, error=0.0) for qubit in (0, 1)}
        self._target.add_instruction(RZGate(Parameter("angle")), free)
        self._target.add_instruction(Delay(Parameter("time")), dict.fromkeys(free))
        self._target.add_instruction(IfElseOp, name="if_else")
        reading = {(qubit,): InstructionProperties(duration=100 * DT, error=1e-2) for qubit in (0, 1)}
        self._target.add_instruction(Measure(), reading)
        self._target.add_instruction(CZGate(), {(0, 1): InstructionProperties(duration=20 * DT, error=1e-3)})

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module")
def restless() -> Iterator[Any]:
    with serve([device_of(Restless())]) as server:
        place = server.endpoint
        yield QiskitRuntimeService(
            channel="local", url=place.url, token=place.token, instance=place.instance
        ).backend("restless")


STAGES = {
    "ibm_backend": IdleTranslationStage,
    "ibm_dynamic_and_fractional": FractionalTranslationStage,
    "ibm_dynamic_circuits": TranslationStage,
    "ibm_fractional": FractionalTranslationStage,
    "qiskit_rest_primitives": TranslationStage,
}
OFFICIAL = {
    "ibm_backend": "IBMTranslationPlugin",
    "ibm_dynamic_and_fractional": "IBMDynamicFractionalTranslationPlugin",
    "ibm_dynamic_circuits": "IBMDynamicTranslationPlugin",
}


def test_the_stages_are_registered() -> None:
    ours = [
        entry
        for entry in entry_points(group="qiskit.transpiler.translation")
        if entry.value.startswith("qiskit_rest_primitives.")
    ]

    assert {entry.name: entry.load() for entry in ours} == STAGES


@pytest.mark.parametrize("name", STAGES)
def test_a_program_can_name_the_stage(name: str, service: Any) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.rzz(2.5, 0, 1)
    for fractional in (False, True):
        backend = service.backend("local_heron", use_fractional_gates=fractional)

        made = generate_preset_pass_manager(1, backend, translation_method=name, seed_transpiler=1).run(
            circuit
        )

        assert set(made.count_ops()) <= set(backend.operation_names)
        assert all(0 <= item.params[0] <= math.pi / 2 for item in made.data if item.name == "rzz")


def idle() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 1)
    circuit.id(0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.measure(2, 0)
    with circuit.if_test((0, 1)):
        circuit.id(1)
        circuit.x(0)
    return circuit


def folded() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    for step, angle in enumerate((-7.0, -3.0, -1.0, 0.3, 2.0, math.pi, 5.0, 9.5)):
        circuit.rzz(angle, step % 2, 2)
        circuit.rx(0.1 * angle, 2)
    return circuit


@pytest.mark.parametrize("gates", [["cz", "rz", "sx", "x"], ["cz", "id", "rx", "rz", "rzz", "sx", "x"]])
@pytest.mark.parametrize("name", OFFICIAL)
def test_the_official_stage_of_the_same_name_makes_the_same_circuit(name: str, gates: list[str]) -> None:
    plugin = pytest.importorskip(
        "qiskit_ibm_runtime.transpiler.plugin", reason="pip install qiskit-ibm-runtime to compare with it"
    )
    device = GenericBackendV2(3, basis_gates=gates, control_flow=True, seed=1)
    # The same on every qubit: inside of control flow the official stage looks at another qubit's.
    durations = InstructionDurations([("sx", None, 160)])
    given = PassManagerConfig(target=device.target, instruction_durations=durations)
    stages = (STAGES[name](), getattr(plugin, OFFICIAL[name])())

    mine, theirs = (stage.pass_manager(given, 1).run([idle(), folded()]) for stage in stages)

    assert mine[0] == theirs[0]
    assert dict(mine[1].count_ops()) == dict(theirs[1].count_ops())
    assert Operator(mine[1]) == Operator(theirs[1]) == Operator(folded())


@pytest.mark.parametrize("angle", [-9.0, -3.5, -math.pi, -1.0, 0.0, 0.3, math.pi / 2, 2.0, 3.5, 100.0])
def test_angles_are_folded_into_the_range_of_devices(angle: float) -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)

    folded = FoldRzzAngle()(circuit)

    assert Operator(folded) == Operator(circuit)
    assert all(0 <= item.params[0] <= math.pi / 2 for item in folded.data if item.name == "rzz")


def test_angles_are_folded_inside_of_control_flow_and_parameters_stay() -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.rzz(Parameter("a"), 0, 1)
    with circuit.if_test((0, 1)):
        circuit.rzz(2.0, 1, 0)

    folded = FoldRzzAngle()(circuit)

    assert folded.data[0] == circuit.data[0]
    (block,) = folded.data[1].operation.blocks
    assert [item.params[0] for item in block.data if item.name == "rzz"] == pytest.approx([math.pi - 2])


def test_clifford_circuits_are_those_of_the_official_pass() -> None:
    official = pytest.importorskip("qiskit_ibm_runtime.transpiler.passes")
    circuit = QuantumCircuit(2, 2)
    for angle in (-4.0, -0.2, 0.7, 0.8, 1.0, 5.6):
        circuit.rz(angle, 0)
        circuit.rx(angle, 1)
        circuit.rzz(angle, 0, 1)
        circuit.sx(0)
    circuit.barrier()
    circuit.measure([0, 1], [0, 1])

    assert ConvertISAToClifford()(circuit) == official.ConvertISAToClifford()(circuit)
    with_parameter = QuantumCircuit(1)
    with_parameter.rz(Parameter("a"), 0)
    (item,) = ConvertISAToClifford()(with_parameter).data
    assert item.params[0] / (math.pi / 2) in (0, 1, 2, 3)
    circuit.h(0)
    with pytest.raises(ValueError, match="Instruction 'h'"):
        ConvertISAToClifford()(circuit)


@pytest.mark.parametrize("level", [0, 1])
def test_identity_gates_take_their_time_without_being_a_gate(restless: Any, level: int) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.id(1)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.id(1)

    assert restless.get_translation_stage_plugin() == "qiskit_rest_primitives"
    made = transpile(circuit, restless, optimization_level=level, initial_layout=[0, 1])

    outside = [item for item in made.data if item.operation.name == "delay"]
    (branch,) = [item for item in made.data if item.operation.name == "if_else"]
    inside = [item.operation for item in branch.operation.blocks[0].data]
    assert [(item.operation.duration, made.find_bit(item.qubits[0]).index) for item in outside] == [(10, 1)]
    assert [(item.name, item.duration) for item in inside] == [("delay", 10)]


def test_a_device_with_an_identity_gate_keeps_it(service: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.id(0)

    made = transpile(circuit, service.backend("local_heron"), optimization_level=0)

    assert made.count_ops() == {"id": 1}


def test_without_being_installed_qiskits_own_stage_is_used(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qiskit_rest_primitives.models.backend.entry_points", lambda **_: ())

    assert service.backend("local_heron").get_translation_stage_plugin() == "translator"
