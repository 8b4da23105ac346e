"""The translation stage: the same circuits as Qiskit's own, and delays where a device has no identity gate."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
from qiskit import transpile
from qiskit.circuit import Delay, IfElseOp, Parameter, QuantumCircuit
from qiskit.circuit.library import CZGate, Measure, RZGate, SXGate, XGate
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import InstructionProperties, Target

from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives.server.devices import device_of
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.translation import TranslationStage

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


def test_the_stage_is_registered_and_used() -> None:
    (entry,) = entry_points(group="qiskit.transpiler.translation", name="qiskit_rest_primitives")

    assert entry.load() is TranslationStage


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
    monkeypatch.setattr("qiskit_rest_primitives.backend.entry_points", lambda **_: ())

    assert service.backend("local_heron").get_translation_stage_plugin() == "translator"
