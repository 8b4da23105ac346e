"""Quantum programs on the wire, against the official client's own converters."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Annotation, Parameter
from qiskit.quantum_info import PauliLindbladMap

from qiskit_rest_primitives.executor.quantum_program import QuantumProgram, load_quantum_program
from qiskit_rest_primitives.results.quantum_program import load_program_result
from qiskit_rest_primitives.wire.jsonio import DecodeError, dumps, loads
from qiskit_rest_primitives.wire.quantum_program import VERSIONS, dump_program, load_items, load_passed
from qiskit_rest_primitives.wire.tensors import dump_tensor

PASSED = {"a": [1, None, {"x": np.arange(6.0).reshape(2, 3)}], "flags": np.array([True, False]), "t": "é"}


@cache
def turned() -> QuantumCircuit:
    """Two parameters whose order of appearance is not that of their names."""
    circuit = QuantumCircuit(2, 1, metadata={"mark": 7})
    circuit.ry(Parameter("b"), 0)
    circuit.rz(Parameter("a"), 1)
    circuit.measure_all()
    return circuit


def filled(program: Any) -> Any:
    """Append the same items to a program of either package."""
    samplomatic = pytest.importorskip("samplomatic", reason="pip install samplomatic to build samplex items")
    program.append_circuit_item(turned(), np.linspace(0, 1, 12).reshape(3, 2, 2))
    boxed = QuantumCircuit(2)
    with boxed.box([samplomatic.Twirl(), samplomatic.InjectNoise("n", "n")]):
        boxed.rx(Parameter("t"), 0)
        boxed.cx(0, 1)
    with boxed.box([samplomatic.Twirl()]):
        boxed.measure_all()
    program.append_samplex_item(
        *samplomatic.build(boxed), {"parameter_values": np.zeros((3, 1)), "noise_scales.n": 0.5}, shape=(4, 3)
    )
    return program


NOISE = {"n": PauliLindbladMap.from_sparse_list([("XZ", (0, 1), 0.1)], 2)}


def official(module: str) -> Any:
    return pytest.importorskip(
        f"qiskit_ibm_runtime.{module}", reason="pip install qiskit-ibm-runtime to compare with it"
    )


def test_a_program_is_written_as_the_official_client_writes_it() -> None:
    theirs = official("quantum_program")
    options = official("options_models").ExecutorOptions()
    arguments = {"shots": 50, "noise_maps": NOISE, "passthrough_data": PASSED, "meas_level": "both"}
    convert = official("quantum_program.params_converters").QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"]
    written = dump_program(filled(QuantumProgram(**arguments)))
    expected = convert.encoder(filled(theirs.QuantumProgram(**arguments)), options).model_dump(mode="json")

    program = expected["quantum_program"]

    assert written.keys() == program.keys()
    plain = ("shots", "meas_level", "semantic_role")
    assert {key: written[key] for key in plain} == {key: program[key] for key in plain}
    assert [item.keys() for item in written["items"]] == [item.keys() for item in program["items"]]
    for mine, other in zip(written["items"], program["items"], strict=True):
        assert (mine["shape"], mine["chunk_size"]) == (other["shape"], other["chunk_size"])
    # The same after a reading of both by the official client: compression may differ, what is packed may not.
    read = [
        convert.decoder(convert.model.model_validate({**expected, "quantum_program": document}))[0]
        for document in (loads(dumps(written)), program)
    ]
    for mine, other in zip(*(entry.items for entry in read), strict=True):
        assert [entry.name for entry in mine.circuit.parameters] == [
            entry.name for entry in other.circuit.parameters
        ]
        assert mine.circuit.metadata == other.circuit.metadata
        assert mine.shape == other.shape
    np.testing.assert_array_equal(*(entry.items[0].circuit_arguments for entry in read))
    left, right = (dict(entry.items[1].samplex_arguments) for entry in read)
    assert left.keys() == right.keys()
    assert left["pauli_lindblad_maps.n"] == right["pauli_lindblad_maps.n"]
    assert left["noise_scales.n"] == right["noise_scales.n"] == 0.5
    for document in (written, program):
        passed = load_passed(document["passthrough_data"], version="v2.0", path="$")
        np.testing.assert_array_equal(passed["a"][2]["x"], PASSED["a"][2]["x"])
        np.testing.assert_array_equal(passed["flags"], PASSED["flags"])


def test_writing_and_reading_a_program_are_inverse() -> None:
    program = filled(QuantumProgram(50, noise_maps=NOISE, passthrough_data=PASSED))

    again = load_quantum_program(
        {"schema_version": "v2.0", "quantum_program": loads(dumps(dump_program(program)))}
    )

    assert (again.shots, again.meas_level) == (50, "classified")
    first, second = again.items
    assert (first.circuit, first.circuit.metadata) == (turned(), {"mark": 7})
    np.testing.assert_array_equal(first.circuit_arguments, program.items[0].circuit_arguments)
    assert second.shape == (4, 3)
    assert second.samplex_arguments["pauli_lindblad_maps.n"] == NOISE["n"]
    np.testing.assert_array_equal(again.passthrough_data["a"][2]["x"], PASSED["a"][2]["x"])
    np.testing.assert_array_equal(again.passthrough_data["flags"], [True, False])
    assert again.passthrough_data["t"] == "é"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_that_the_official_client_writes_is_read(version: str) -> None:
    theirs = official("quantum_program").QuantumProgram(shots=20)
    theirs.append_circuit_item(turned(), [0.25, 0.5])
    convert = official("quantum_program.params_converters").QUANTUM_PROGRAM_PARAMS_CONVERTERS[version]
    options = official("options_models").ExecutorOptions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = convert.encoder(theirs, options).model_dump(mode="json")

    read = load_quantum_program(document)

    assert read.shots == 20
    assert read.items[0].circuit == turned()
    np.testing.assert_array_equal(read.items[0].circuit_arguments, [0.25, 0.5])


def test_results_are_read_as_the_official_client_reads_them() -> None:
    decoder = official("decoders.executor.decoder").ExecutorResultDecoder
    timing = {"timing": "a,b,c", "circuit_duration": 5}
    stretch = {"name": "s", "value": 3, "remainder": 1, "expanded_values": [[0, 3], [4, 3]]}
    spans = [
        {
            "start": "2026-01-02T03:04:05.600000Z",
            "stop": "2026-01-02T03:04:06Z",
            "parts": [{"idx_item": 0, "size": 2, "permutation": [0], "element_range": [0, 2, 1]}],
        }
    ]
    tensor = {
        "data": dump_tensor(np.array([1, 3], dtype=np.uint8), compressed=True)["data"],
        "shape": [2],
        "dtype": "u8",
    }
    document = {
        "schema_version": "v2.0",
        "data": [
            {"results": {"c": tensor}, "metadata": {"scheduler_timing": timing, "stretch_values": [stretch]}},
            {"results": {}, "metadata": {}},
        ],
        "metadata": {"chunk_timing": spans},
        "passthrough_data": {"x": [tensor, {"data": 1}]},
        "semantic_role": "somebody-else",
    }

    mine = load_program_result(document)
    other = decoder.decode(dumps(document).decode())

    assert repr(mine) == repr(other) == "QuantumProgramResult(<2 results>)"
    np.testing.assert_array_equal(mine[0]["c"], other[0]["c"])
    assert vars(mine[0].metadata.scheduler_timing) == vars(other[0].metadata.scheduler_timing)
    (left,), (right,) = mine[0].metadata.stretch_values, other[0].metadata.stretch_values
    assert vars(left) == vars(right) | {"expanded_values": [(0, 3), (4, 3)]}
    assert (mine[1].metadata.scheduler_timing, mine[1].metadata.stretch_values) == (None, None)
    assert repr(mine.timing) == repr(other.timing)
    assert mine.timing.duration == other.timing.duration == 0.4
    assert (mine.timing.start, mine.timing.stop) == (other.timing.start, other.timing.stop)
    assert mine.timing[:1] == mine.timing
    np.testing.assert_array_equal(mine.passthrough_data["x"][0], other.passthrough_data["x"][0])
    assert mine.passthrough_data["x"][1] == {"data": 1}
    assert mine._semantic_role == other._semantic_role == "somebody-else"


@pytest.mark.parametrize("role", ["sampler_v2", "estimator_v2", "noise_learner_v3"])
def test_roles_are_written_as_the_official_client_writes_them(role: str) -> None:
    """faults E (semantic_role): what the official client's primitives set travels unchanged."""
    programs = [QuantumProgram(shots=5), official("quantum_program").QuantumProgram(shots=5)]
    for program in programs:
        program.append_circuit_item(QuantumCircuit(1, 1))
        program._semantic_role = role
    convert = official("quantum_program.params_converters").QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"]
    options = official("options_models").ExecutorOptions()
    theirs = convert.encoder(programs[1], options).model_dump(mode="json")["quantum_program"]

    assert dump_program(programs[0])["semantic_role"] == theirs["semantic_role"] == role


@pytest.mark.parametrize(
    ("damage", "path"),
    [
        ({"schema_version": "v9"}, r"^\$: expected the result of a quantum program"),
        ({"data": [3]}, r"\$.data\[0\]: expected an object with results"),
        ({"data": [{"results": {"c": 3}}]}, r"\$.data\[0\].results.c: expected a tensor"),
        ({"data": [{"results": {}, "metadata": {"scheduler_timing": {}}}]}, r"\$.data\[0\].metadata"),
        ({"metadata": {"chunk_timing": [{"start": "x", "stop": "y", "parts": []}]}}, "times of the chunks"),
        ({"metadata": {"chunk_timing": 5}}, "times of the chunks"),
    ],
)
def test_a_damaged_result_is_refused_with_its_place(damage: dict[str, Any], path: str) -> None:
    with pytest.raises(DecodeError, match=path):
        load_program_result({"schema_version": "v2.0", "data": [], "metadata": {}} | damage)


def test_chunks_are_drawn_as_the_official_client_draws_them() -> None:
    pytest.importorskip("plotly", reason="pip install plotly to draw")
    from datetime import datetime, timezone

    ours = import_module("qiskit_rest_primitives.results.quantum_program")
    theirs = official("results")

    def timing(package: Any) -> Any:
        def at(second: int) -> datetime:
            return datetime(2026, 1, 1, 0, 0, second, tzinfo=timezone.utc)

        part = package.ChunkPart
        spans = [(3, 5, [part(0, 4), part(1, 2)]), (0, 2, [part(0, 6)])]
        return package.ChunkTiming(
            [package.ChunkSpan(at(start), at(stop), parts) for start, stop, parts in spans]
        )

    for more in ({}, {"normalize_y": True, "tz": timezone.utc, "name": "mine"}):
        mine, other = (timing(package).draw(**more) for package in (ours, theirs))
        (line,), (reference,) = mine.data, other.data
        assert [moment and moment.replace(tzinfo=None) for moment in line.x] == list(reference.x)
        assert line.y == reference.y
        assert mine.layout.yaxis.title.text == other.layout.yaxis.title.text
        assert "6 of item 0" in line.text[0]


def test_what_no_schema_has_a_place_for_is_named() -> None:
    with pytest.raises(TypeError, match=r"passthrough_data.a\[1\] is a set"):
        dump_program(QuantumProgram(5, passthrough_data={"a": [1, {2}]}))


def test_circuits_that_qpy_would_change_keep_the_unit_of_their_delays() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(3, 0, "ns")
    program = QuantumProgram(5)
    program.append_circuit_item(circuit)

    (item,) = load_items(dump_program(program), "v2.0")

    (step,) = item.circuit.data
    assert (step.operation.duration, step.operation.unit) == (3, "ns")


class Note(Annotation):
    namespace = "mine"


def test_annotations_that_have_no_writer_are_refused() -> None:
    circuit = QuantumCircuit(1)
    with circuit.box([Note()]):
        circuit.x(0)
    program = QuantumProgram(5)
    program.append_circuit_item(circuit)

    with pytest.raises(ValueError, match="No configured annotation serializer"):
        dump_program(program)
