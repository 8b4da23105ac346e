"""The golden files, both ways, whole: what is read from each and written again is the file, for us and for the official
client. Each file names its source and its date; single values in them are looked at in the tests of their forms.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import qpy
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit_ibm_runtime import RuntimeDecoder as OfficialDecoder
from qiskit_ibm_runtime import RuntimeEncoder as OfficialEncoder
from qiskit_ibm_runtime.decoders.noise_learner import NoiseLearnerResultDecoder

from qiskit_rest_primitives.executor.quantum_program import load_quantum_program
from qiskit_rest_primitives.jobs.inputs import load_inputs
from qiskit_rest_primitives.results.calibrator import (
    dump_calibration,
    dump_order,
    load_calibration,
    load_order,
)
from qiskit_rest_primitives.results.noise_learner_v3 import dump_learned, load_learned
from qiskit_rest_primitives.results.quantum_program import load_program_result
from qiskit_rest_primitives.server.learning.learner_options import load_learner_options
from qiskit_rest_primitives.server.primitives.quantum_program import load_program
from qiskit_rest_primitives.wire import result_body, typed
from qiskit_rest_primitives.wire.noise_learning import dump_layers, load_request, places_of, protocol_of
from qiskit_rest_primitives.wire.pubs import load_estimator_pub, load_sampler_pub
from qiskit_rest_primitives.wire.result_body import load_answer
from qiskit_rest_primitives.wire.tensors import dump_tensor

QPY_18 = pytest.mark.skipif(
    qpy.QPY_VERSION < 18, reason="its circuits are QPY 18: pip install 'qiskit>=2.6' to read and write them"
)
GOLDEN = Path(__file__).resolve().parent.parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
TEXT = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float[64] theta;\nqubit[2] q;\nbit[2] c;\n'
    "rx(theta) q[0];\nc = measure q;\n"
)


def body(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())["body"]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_names_its_source_and_its_date(name: str) -> None:
    record = json.loads((GOLDEN / f"{name}.json").read_text())

    assert record["kind"] in ("measured", "specified", "generated")
    assert len(record["source"]) > 20
    assert record["date"].startswith("202")


def test_every_form_has_a_file() -> None:
    wanted = {
        "pub_forms", "value_forms", "observable_forms", "params_sampler_typed", "params_estimator_typed",
        "result_plain_sampler_ibm_torino", "result_plain_sampler_arrays",
        "result_plain_estimator_rensselaer", "result_plain_estimator_array", "result_plain_estimator_zne",
        "result_typed_sampler", "result_typed_sampler_levels", "result_typed_estimator",
        "result_typed_estimator_zne", "result_typed_noise_learner",
        *(f"{kind}_executor_v{v}" for kind in ("params", "result") for v in ("0_1", "0_2", "1_0", "1_1", "2_0")),
        *(f"{kind}_noise_learner_v{v}" for kind in ("params", "result") for v in ("0_1", "0_2", "0_3")),
        "params_noise_learner_v2", "result_noise_learner_v2", "result_noise_learner_v2_pairs",
        "params_calibrate_v0_1", "result_calibrate_v0_1",
    }  # fmt: skip

    assert wanted <= set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if "_typed_" in name or name.endswith("_typed")])
def test_tagged_files_come_back_and_mean_the_same_to_the_official_client(name: str) -> None:
    document = body(name)
    text = json.dumps(document)

    ours = json.dumps(typed.dump(typed.load(document)))
    by_class = json.dumps(json.loads(text, cls=typed.RuntimeDecoder), cls=typed.RuntimeEncoder)

    wanted = json.dumps(json.loads(text, cls=OfficialDecoder), cls=OfficialEncoder)
    for written in (ours, by_class):
        assert json.dumps(json.loads(written, cls=OfficialDecoder), cls=OfficialEncoder) == wanted
        assert typed.dump(typed.load(json.loads(written))) == json.loads(ours)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("result_plain")])
def test_plain_files_come_back_to_the_letter(name: str) -> None:
    text = json.dumps(body(name))

    result = result_body.load_result(text.encode())

    assert json.loads(result_body.dump_result(result, support_qiskit=False)) == body(name)


def test_levels_and_arrays_have_their_shapes() -> None:
    bits, kerneled, average = result_body.load_result(
        json.dumps(body("result_typed_sampler_levels")).encode()
    )
    zne, scalar = result_body.load_result(json.dumps(body("result_typed_estimator_zne")).encode())
    plain, odd = result_body.load_result(json.dumps(body("result_plain_estimator_zne")).encode())

    assert (bits.data.c.shape, bits.data.c.num_bits, bits.data.c.num_shots) == ((2,), 70, 3)
    assert (kerneled.data.c.shape, kerneled.data.c.dtype) == ((2, 3, 2), np.dtype(complex))
    assert average.data.c.shape == (2, 2)
    for name in zne.data:
        np.testing.assert_array_equal(plain.data[name], zne.data[name])
        assert plain.data[name].dtype == zne.data[name].dtype
    assert zne.data.evs_extrapolated.shape == (2, 2, 4)
    assert float(scalar.data.ensemble_standard_error) == 0.3
    assert np.isnan(odd.data.evs)
    assert plain.metadata["resilience"]["layer_noise"]["noise_overhead"] == float("inf")


@pytest.mark.parametrize("entry", body("value_forms"), ids=lambda entry: str(entry["values"])[:25])
def test_values_in_every_form_are_read(entry: dict[str, Any]) -> None:
    pub = load_sampler_pub([TEXT, entry["values"]], shots=3)

    assert pub.shape == tuple(entry["shape"])
    assert pub.parameter_values.as_array(["theta"]).shape == (*entry["shape"], 1)


@pytest.mark.parametrize("entry", body("observable_forms"), ids=lambda entry: str(entry["observables"])[:25])
def test_observables_in_every_form_are_read(entry: dict[str, Any]) -> None:
    pub = load_estimator_pub([TEXT, entry["observables"], {"theta": 0.5}], precision=0.1)

    assert pub.observables.shape == tuple(entry["shape"])
    assert pub.observables.tolist() == ObservablesArray.coerce(entry["observables"]).tolist()


def test_params_of_the_official_client_are_read_as_pubs() -> None:
    sampler, estimator = body("params_sampler_typed"), body("params_estimator_typed")

    pubs = [load_sampler_pub(pub, shots=sampler["options"]["default_shots"]) for pub in sampler["pubs"]]
    estimates = [load_estimator_pub(pub, precision=0.1) for pub in estimator["pubs"]]

    assert [(pub.shape, pub.shots) for pub in pubs] == [((2,), 100), ((), 10), ((3,), 7)]
    assert [(pub.shape, pub.precision) for pub in estimates] == [((2, 2), 0.02), ((), 0.1)]
    np.testing.assert_array_equal(pubs[0].parameter_values.as_array(["a", "b"]), [[0.1, 0.2], [0.3, 0.4]])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[QPY_18] if name == "params_executor_v2_0" else [])
        for name in NAMES
        if name.startswith("params_executor")
    ],
)
def test_programs_of_every_schema_are_read_on_both_sides(name: str) -> None:
    params = body(name)

    served, shown = load_program(params), load_quantum_program(params)

    assert served.version == params["schema_version"] == name[16:].replace("_", ".")
    assert served.shots == shown.shots == 10
    (item,), (again,) = served.items, shown.items
    assert [parameter.name for parameter in item.circuit.parameters] == ["a", "b"]
    assert item.circuit == again.circuit
    for values in (item.arguments, again.circuit_arguments):
        np.testing.assert_array_equal(values, [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("result_executor")])
def test_results_of_programs_of_every_schema_are_read_as_the_official_models_do(name: str) -> None:
    document = body(name)
    models = import_module(f"ibm_quantum_schemas.executor.version_{name[17:]}")

    (ours,) = load_program_result(document)

    (theirs,) = models.QuantumProgramResultModel.model_validate(document).data
    for register, values in theirs.results.items():
        wanted = values.to_numpy()
        assert (ours[register].dtype, ours[register].shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_array_equal(ours[register], wanted)
        again = dump_tensor(ours[register], compressed=document["schema_version"] == "v2.0")
        np.testing.assert_array_equal(type(values).model_validate(again).to_numpy(), wanted)


@pytest.mark.parametrize("version", ["0_1", "0_2", "0_3"])
def test_jobs_of_noise_learners_are_read_whole(version: str) -> None:
    read = load_request(body(f"params_noise_learner_v{version}"))
    document = body(f"result_noise_learner_v{version}")

    gates, measurements = read.instructions
    assert [places_of(entry, 5) for entry in (gates, measurements)] == [(3, 1, 2), (0, 4)]
    assert [protocol_of(entry) for entry in (gates, measurements)] == ["lindblad", "trex"]
    assert (read.options["num_randomizations"], read.options["layer_pair_depths"]) == (8, [0, 4])
    assert dump_learned(load_learned(document), document["schema_version"]) == document
    assert load_learned(document).to_pauli_lindblad_maps()[0].to_sparse_list() == [
        ("X", [0], 0.01),
        ("ZZ", [0, 1], 0.1 + 0.2),
        ("YX", [0, 1], 0.1 + 0.2),
    ]


@QPY_18
def test_jobs_of_version_2_of_the_noise_learner_are_read_as_the_official_client_does() -> None:
    params, document = body("params_noise_learner_v2"), body("result_noise_learner_v2")
    models = import_module("ibm_quantum_schemas.noise_learner_v2.version_0_1")
    models.ParamsModel.model_validate(params)
    models.ResultsModel.model_validate(document)

    options = load_learner_options(params)
    result = load_answer(json.dumps(document).encode())

    assert (options.seed, options.most, options.protocol.depths) == (0, None, (0, 2, 8))
    assert options.echo() == result.metadata["input_options"]
    circuits = load_inputs(params)["circuits"]
    assert [circuit.count_ops()["cz"] for circuit in circuits] == [2, 1]
    assert dump_layers(result) == document
    (pairs, official) = (
        load_answer(json.dumps(body("result_noise_learner_v2_pairs")).encode()),
        NoiseLearnerResultDecoder.decode(json.dumps(document)),
    )
    for layer, old, theirs in zip(result, pairs, official, strict=True):
        assert layer.qubits == old.qubits == theirs.qubits
        assert layer.circuit == old.circuit == theirs.circuit
        assert layer.error.generators == old.error.generators == theirs.error.generators
        np.testing.assert_array_equal(layer.error.rates, old.error.rates)
        np.testing.assert_array_equal(layer.error.rates, theirs.error.rates)


def test_calibrations_come_back_to_the_letter() -> None:
    order, result = body("params_calibrate_v0_1"), body("result_calibrate_v0_1")

    assert dump_order(load_order(order)) == order
    assert dump_calibration(load_calibration(result)) == result
