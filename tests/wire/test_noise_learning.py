"""Jobs of the noise learner and of the calibrator on the wire, against the official client's own converters."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import ClassicalRegister
from qiskit.quantum_info import QubitSparsePauliList

from qiskit_rest_primitives.options.noise_learner import NoiseLearnerV3Options
from qiskit_rest_primitives.qasm.annotations import AnnotationRecord, AnnotationRecords, LibraryAnnotations
from qiskit_rest_primitives.qasm.limits import CircuitLoadError
from qiskit_rest_primitives.results.calibrator import (
    CalibratorResult,
    dump_calibration,
    dump_order,
    load_calibration,
    load_order,
)
from qiskit_rest_primitives.results.noise_learner_v3 import (
    NoiseLearnerV3Result,
    NoiseLearnerV3Results,
    dump_learned,
    is_learned,
    load_learned,
)
from qiskit_rest_primitives.results.quantum_program import is_program_result
from qiskit_rest_primitives.wire.jsonio import DecodeError, dumps, loads
from qiskit_rest_primitives.wire.noise_learning import VERSIONS, dump_request, is_request, load_request

annotations = pytest.importorskip("samplomatic.annotations", reason="pip install samplomatic to make boxes")

LINDBLAD = {
    "learning_protocol": "lindblad",
    "post_selection": {"fraction_kept": {0: 1.0, 4: 0.25}, "success_rates": {0: {}, 4: {2: 0.5}}},
}
TREX = {"learning_protocol": "trex", "post_selection": {"fraction_kept": 1.0, "success_rates": {0: 1.0}}}


def official(module: str) -> Any:
    pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to compare with it")
    return import_module(f"qiskit_ibm_runtime.{module}")


def converter(version: str) -> Any:
    return official("noise_learner_v3.params_converters").NOISE_LEARNER_V3_PARAMS_CONVERTERS[version]


def boxes() -> list[Any]:
    """A layer of gates and one of measurements, with every annotation that has a form."""
    circuit = QuantumCircuit(QuantumRegister(7, "q"), ClassicalRegister(2, "c"))
    twirl = annotations.Twirl(group="local_c1", dressing="right", decomposition="rzrx")
    with circuit.box([twirl, annotations.InjectNoise("noise", "scale")]):
        circuit.cz(5, 2)
        circuit.sx(5)
        circuit.noop(3)
    basis = annotations.ChangeBasis(mode="prepare", ref="é")
    with circuit.box([annotations.Twirl(), basis, annotations.Tag("x")]):
        circuit.measure([1, 4], [0, 1])
    return list(circuit)


def results(package: Any) -> list[Any]:
    """Entries of a class of either package: degenerate generators, and none of two qubits."""
    made = package.NoiseLearnerV3Result.from_generators
    generators = [[("X", [0])], [("ZZ", [0, 1]), ("YX", [0, 1])], [("Y", [2])]]
    lists = [QubitSparsePauliList.from_sparse_list(entry, 3) for entry in generators]
    return [
        made(lists, [0.01, 1e-300, 0.1 + 0.2], [0.0, 0.5, 0.25], LINDBLAD),
        made([QubitSparsePauliList.from_sparse_list([("X", [0])], 1)], [0.125], None, TREX),
    ]


def test_params_are_written_as_the_official_client_writes_them() -> None:
    theirs = official("options_models").NoiseLearnerV3Options(num_randomizations=5, layer_pair_depths=[0, 3])
    theirs.bit_flip_checks.post_circuit.enable = True
    theirs.execution.rep_delay = 1e-4
    chosen = {
        "num_randomizations": 5,
        "layer_pair_depths": [0, 3],
        "bit_flip_checks": {"post_circuit": {"enable": True}},
        "rep_delay": 1e-4,
    }
    convert = converter("v0.3")

    written = loads(dumps(dump_request(boxes(), NoiseLearnerV3Options.filled(chosen))))
    expected = convert.encoder(boxes(), theirs).model_dump(mode="json") | {"version": 3}

    ours, other = written.pop("instructions"), expected.pop("instructions")
    assert written == expected
    assert list(written) == list(expected)
    assert ours["qpy_version"] == other["qpy_version"]
    # Both, read by the official client, are what was to be sent.
    for instructions in (ours, other):
        read, _ = convert.decoder(convert.model.model_validate({**expected, "instructions": instructions}))
        assert read == boxes()
        assert [entry.operation.annotations for entry in read] == [
            entry.operation.annotations for entry in boxes()
        ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_that_the_official_client_writes_is_read(version: str) -> None:
    theirs = official("options_models").NoiseLearnerV3Options(shots_per_randomization=7)
    document = converter(version).encoder(boxes(), theirs).model_dump(mode="json")

    read = load_request(loads(dumps(document)), annotations=LibraryAnnotations)

    assert is_request(document)
    assert read.version == version
    assert list(read.instructions) == boxes()
    expected = NoiseLearnerV3Options.filled({"shots_per_randomization": 7})
    assert NoiseLearnerV3Options.filled(read.options) == expected


def test_writing_and_reading_params_are_inverse() -> None:
    options = {"experimental": {"simulator": {"seed_simulator": 3}}, "init_qubits": False}

    read = load_request(loads(dumps(dump_request(boxes(), options))), annotations=LibraryAnnotations)

    assert list(read.instructions) == boxes()
    assert read.options == options
    assert load_request(dump_request(read.instructions, read.options)).options == options


def test_annotations_are_records_where_nobody_needs_their_classes() -> None:
    (gates, measurements) = load_request(dump_request(boxes(), {})).instructions

    twirl, noise = gates.operation.annotations
    assert isinstance(twirl, AnnotationRecord)
    assert (twirl.group, twirl.dressing, noise.ref) == ("local_c1", "right", "noise")
    assert repr(twirl) == "Twirl(group='local_c1', dressing='right', decomposition='rzrx')"
    # What is written of records is what is written of the objects.
    codec = AnnotationRecords()
    for record, entry in zip(
        measurements.operation.annotations, boxes()[1].operation.annotations, strict=True
    ):
        payload = codec.dump_annotation(entry.namespace, entry)
        assert codec.dump_annotation(record.namespace, record) == payload
        assert codec.load_annotation(payload) == record
        assert LibraryAnnotations().load_annotation(payload) == entry
        theirs = import_module("ibm_quantum_schemas.common.annotation_serializer").AnnotationSerializer()
        assert theirs.dump_annotation(entry.namespace, entry) == payload
        for cut in (0, 1, *range(2 + payload[1], len(payload))):
            with pytest.raises(ValueError, match="cut off"):
                codec.load_annotation(payload[:cut])


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        ({"schema_version": "v9"}, DecodeError, r"\$.schema_version: must be one of v0.1"),
        ({"instructions": 3}, DecodeError, r"\$.instructions: expected an object with circuit_b64"),
        ({"instructions": {"circuit_b64": "AAAAA"}}, DecodeError, r"\$.instructions.circuit_b64"),
        ({"instructions": {"circuit_b64": "AAAA"}}, CircuitLoadError, "does not begin like QPY"),
        ({"options": [1]}, DecodeError, r"\$.options: expected an object"),
    ],
)
def test_damaged_params_are_refused_with_their_place(
    damage: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        load_request(dump_request(boxes(), {}) | damage)


@pytest.mark.parametrize("version", VERSIONS)
def test_results_of_either_side_mean_the_same_to_both(version: str) -> None:
    theirs = official("results")
    decoder = official("decoders.noise_learner_v3.decoder").NoiseLearnerV3ResultDecoder
    converters = official("noise_learner_v3.converters")
    encode = getattr(converters, f"noise_learner_v3_result_to_{version[1:].replace('.', '_')}")
    ours = import_module("qiskit_rest_primitives.results.noise_learner_v3")

    written = dump_learned(results(ours), version)
    expected = encode(theirs.NoiseLearnerV3Results(results(theirs))).model_dump(mode="json")

    assert loads(dumps(written)) == json.loads(json.dumps(expected))
    assert is_learned(written)
    other = decoder.decode(dumps(written).decode())
    mine = load_learned(loads(dumps(expected)))
    assert (repr(mine), repr(mine[0])) == (repr(other), repr(other[0]))
    assert mine.metadata == other.metadata
    for left, right, made in zip(mine, other, results(ours), strict=True):
        assert left._generators == right._generators == made._generators
        for name in ("_rates", "_rates_std"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
            np.testing.assert_array_equal(getattr(left, name), getattr(made, name))
        assert left.metadata == right.metadata
        assert left.to_pauli_lindblad_map() == right.to_pauli_lindblad_map()
    assert mine.to_pauli_lindblad_maps() == other.to_pauli_lindblad_maps()
    if version != "v0.1":
        assert [entry.metadata for entry in mine] == [LINDBLAD, TREX]


def test_noise_is_handed_to_samplexes_by_reference_as_the_official_class_does() -> None:
    kinds = (import_module("qiskit_rest_primitives.results.noise_learner_v3"), official("results"))
    mine, other = (kind.NoiseLearnerV3Results(results(kind), {"x": 1}) for kind in kinds)
    gates, measurements = boxes()
    plain = QuantumCircuit(1)
    plain.x(0)

    assert mine.to_dict([gates, measurements], require_refs=False) == other.to_dict(
        [gates, measurements], require_refs=False
    )
    assert set(mine.to_dict([gates, measurements], False)) == {"noise"}
    for instructions in ([gates], [gates, measurements], [gates, plain.data[0]], [gates, gates]):
        for entry in (mine, other):
            with pytest.raises(ValueError):
                entry.to_dict(instructions)
    with pytest.raises(ValueError, match="instruction 1 is a 'x', not a box"):
        mine.to_dict([gates, plain.data[0]])
    with pytest.raises(ValueError, match="two instructions have the reference 'noise'"):
        mine.to_dict([gates, gates])


def test_generators_and_rates_must_fit_each_other() -> None:
    one, two = (QubitSparsePauliList.from_sparse_list([("X", [0])], width) for width in (1, 2))

    with pytest.raises(ValueError, match=r"1 generators, but rates of shape \(2,\)"):
        NoiseLearnerV3Result.from_generators([one], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"same number of qubits, not \[1, 2\]"):
        NoiseLearnerV3Result.from_generators([one, two], [0.1, 0.2])


@pytest.mark.parametrize(
    ("damage", "path"),
    [
        ({"schema_version": "v9"}, r"^\$: expected what a noise learner found"),
        ({"data": [3]}, r"\$.data\[0\]: expected an object"),
        ({"data": [{"rates": 3}]}, r"\$.data\[0\].rates: expected a tensor"),
        ({"num_qubits": 1}, r"\$.data\[0\]: the generators cannot be read"),
        ({"generators_sparse": [[["Q", [0]]]]}, r"\$.data\[0\]: the generators cannot be read"),
        ({"generators_sparse": []}, r"\$.data\[0\]: the generators cannot be read: there are 0"),
    ],
)
def test_a_damaged_result_is_refused_with_its_place(damage: dict[str, Any], path: str) -> None:
    document = dump_learned(results(import_module("qiskit_rest_primitives.results.noise_learner_v3")))
    place = document if set(damage) & set(document) else document["data"][0]
    place.update(damage)

    with pytest.raises(DecodeError, match=path):
        load_learned(document)


def test_results_of_quantum_programs_are_told_apart() -> None:
    learned = dump_learned(results(import_module("qiskit_rest_primitives.results.noise_learner_v3")), "v0.2")
    program = {"schema_version": "v0.2", "data": [{"results": {}, "metadata": {}}], "metadata": {}}

    assert (is_learned(learned), is_learned(program)) == (True, False)
    assert (is_program_result(learned), is_program_result(program)) == (False, True)
    assert len(NoiseLearnerV3Results([])) == 0


def test_calibrations_are_ordered_and_answered_as_the_official_client_does() -> None:
    options = official("options_models").CalibratorOptions(experimental={"a": [1]})
    convert = official("calibrator.params_converters").CALIBRATOR_PARAMS_CONVERTERS["v0.1"]
    start = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
    result = CalibratorResult(start, start.replace(hour=4))

    order = loads(dumps(dump_order({"a": [1]})))
    answer = loads(dumps(dump_calibration(result)))

    assert order == convert.encoder(options).model_dump(mode="json")
    assert load_order(order) == {"a": [1]}
    other = official("decoders.calibrator.decoder").CalibratorResultDecoder.decode(dumps(answer).decode())
    mine = load_calibration(answer)
    assert (mine.start, mine.stop) == (other.start, other.stop) == (result.start, result.stop)
    model = import_module("ibm_quantum_schemas.calibrator.version_0_1").CalibratorResultModel
    theirs = model(start=result.start, stop=result.stop).model_dump_json()
    assert vars(load_calibration(loads(theirs))) == vars(result)
    assert repr(mine).startswith("<CalibratorResult(start='2026-01-02 03:04:05.678901+00:00'")


@pytest.mark.parametrize(
    ("read", "document", "path"),
    [
        (load_order, 3, r"^\$: expected an object"),
        (load_order, {"schema_version": "v0.2"}, r"\$.schema_version"),
        (load_order, {"schema_version": "v0.1"}, r"\$.options"),
        (load_order, {"schema_version": "v0.1", "options": {"experimental": 3}}, r"\$.options.experimental"),
        (load_calibration, {"start": "x"}, r"^\$: expected the result of a calibration"),
        (load_calibration, {"schema_version": "v0.1", "start": 3}, r"\$.start: expected a time"),
        (
            load_calibration,
            {"schema_version": "v0.1", "start": "2026-01-02T03:04:05Z", "stop": ""},
            r"\$.stop: expected a time",
        ),
    ],
)
def test_other_forms_of_calibrations_are_refused(read: Any, document: Any, path: str) -> None:
    with pytest.raises(DecodeError, match=path):
        read(document)
