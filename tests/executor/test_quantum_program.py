"""Building quantum programs: what items take, and what they refuse before anything is sent."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from qiskit_rest_primitives import IBMInputValueError, QuantumProgram
from qiskit_rest_primitives.executor.quantum_program import CircuitItem, SamplexItem


def turned(count: int = 2) -> QuantumCircuit:
    circuit = QuantumCircuit(1, name="turned")
    for parameter in ParameterVector("a", count):
        circuit.ry(parameter, 0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    ("values", "shape"),
    [([0.1, 0.2], ()), ([[0, 1]], (1,)), (np.zeros((5, 3, 2)), (5, 3)), (np.zeros((0, 2)), (0,))],
)
def test_the_shape_of_an_item_is_that_of_its_values_but_for_the_parameters(
    values: Any, shape: tuple[int, ...]
) -> None:
    item = CircuitItem(turned(), circuit_arguments=values)

    assert (item.shape, item.size()) == (shape, int(np.prod(shape)))
    assert item.circuit_arguments.dtype == np.float64


def test_a_circuit_without_parameters_needs_no_values() -> None:
    program = QuantumProgram(10)
    program.append_circuit_item(turned(0), chunk_size=3)

    assert (program.items[0].shape, program.items[0].size(), program.items[0].chunk_size) == ((), 1, 3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "has 2 parameters: give circuit_arguments of shape"),
        ([1.0], "last axis must be the 2 parameters"),
        (1.0, "last axis must be the 2 parameters"),
        ([[1.0, 2.0], [3.0]], "array of numbers"),
        (["a", "b"], "array of numbers"),
    ],
)
def test_values_that_do_not_fit_the_circuit_are_refused(values: Any, words: str) -> None:
    with pytest.raises(IBMInputValueError, match=words):
        QuantumProgram(10).append_circuit_item(turned(), values)


def test_what_is_no_circuit_is_refused() -> None:
    with pytest.raises(IBMInputValueError, match="takes a QuantumCircuit, not tuple"):
        CircuitItem((turned(), [1, 2]))


def test_a_program_shows_its_items() -> None:
    program = QuantumProgram(10)
    assert repr(program) == "QuantumProgram(shots=10)"

    program.append_circuit_item(turned(), np.zeros((4, 2)), chunk_size=2)

    assert "circuit_arguments=<(4, 2), float64>, chunk_size=2" in repr(program)


def test_without_samplomatic_samplex_items_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "samplomatic", None)
    program = QuantumProgram(10)
    program.append_circuit_item(turned(0))

    with pytest.raises(ImportError, match=r"pip install 'qiskit-rest-primitives\[executor\]'"):
        program.append_samplex_item(turned(), object())
    assert len(program.items) == 1


@pytest.fixture
def twirled() -> tuple[QuantumCircuit, Any]:
    """A template circuit and the samplex that twirls its gate and takes the angle ``t``."""
    samplomatic = pytest.importorskip("samplomatic", reason="pip install samplomatic to build samplex items")
    circuit = QuantumCircuit(2)
    with circuit.box([samplomatic.Twirl()]):
        circuit.rx(Parameter("t"), 0)
        circuit.cx(0, 1)
    with circuit.box([samplomatic.Twirl()]):
        circuit.measure_all()
    template, samplex = samplomatic.build(circuit)
    return template, samplex


def test_the_shape_of_a_samplex_item_adds_randomisations(twirled: tuple[QuantumCircuit, Any]) -> None:
    item = SamplexItem(*twirled, samplex_arguments={"parameter_values": np.zeros((3, 1))}, shape=(7, 1))

    assert (item.shape, item.size()) == ((7, 3), 21)
    assert "shape=(7, 3)" in repr(item)


@pytest.mark.parametrize(
    ("arguments", "shape", "words"),
    [
        ({}, (), "needs more arguments"),
        ({"parameter_values": np.zeros((3, 2))}, (), "does not take these arguments"),
        ({"no_such": 1}, (), "does not take these arguments"),
        ({"parameter_values": np.zeros((3, 1))}, (4,), "does not go together"),
    ],
)
def test_arguments_that_do_not_fit_the_samplex_are_refused(
    twirled: tuple[QuantumCircuit, Any], arguments: dict[str, Any], shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(IBMInputValueError, match=words):
        QuantumProgram(10).append_samplex_item(*twirled, arguments, shape=shape)


def test_programs_of_samplomatic_are_taken_over(twirled: tuple[QuantumCircuit, Any]) -> None:
    theirs = pytest.importorskip(
        "samplomatic.quantum_program", reason="pip install 'samplomatic>=0.18' to take its programs"
    ).QuantumProgram(shots=5, meas_level="kerneled", passthrough_data=[1])
    theirs.append_circuit_item(turned(), np.zeros((4, 2)))

    ours = QuantumProgram.from_(theirs)

    assert (ours.shots, ours.meas_level, ours.passthrough_data) == (5, "kerneled", [1])
    assert [item.shape for item in ours.items] == [(4,)]
