"""The tagged form: every tag both ways, against the official encoder and decoder."""

from __future__ import annotations

import base64
import io
import json
import math
import zipfile
from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import RZZGate, UnitaryGate
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Operator, Pauli, PauliLindbladMap, PauliList, SparsePauliOp, SuperOp
from qiskit.result import Result
from qiskit.transpiler import CouplingMap
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error
from qiskit_ibm_runtime import RuntimeDecoder as OfficialDecoder
from qiskit_ibm_runtime import RuntimeEncoder as OfficialEncoder
from qiskit_ibm_runtime import execution_span as official_spans
from qiskit_ibm_runtime.results import noise_learner as official_noise
from scipy import sparse

from qiskit_rest_primitives.results import execution_spans as spans
from qiskit_rest_primitives.results import noise_learner as noise
from qiskit_rest_primitives.wire import jsonio, typed
from qiskit_rest_primitives.wire.jsonio import DecodeError

START, STOP = (
    datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc),
    datetime(2026, 1, 2, 3, 4, 6, tzinfo=timezone.utc),
)


def seen(value: Any) -> Any:
    """Return what a user can see of a value, dtype and shape included; official classes show the same as ours."""
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        return (kind, value.dtype, value.shape, value.tolist() if value.dtype == object else value.tobytes())
    if isinstance(value, dict):
        return {key: seen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [seen(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    for base in (kind, *(base.__name__ for base in type(value).__mro__)):
        if base in PARTS:
            return (kind if base != "Parameter" else base, *(seen(part) for part in PARTS[base](value)))
    return value


PARTS: dict[str, Any] = {
    "BitArray": lambda value: (value.array, value.num_bits),
    "DataBin": lambda value: (value.shape, dict(value.items())),
    "PubResult": lambda value: (value.data, value.metadata),
    "NoiseLearnerResult": lambda value: (value.data, value.metadata),
    "PrimitiveResult": lambda value: (list(value), value.metadata),
    "BindingsArray": lambda value: (value.shape, value.data),
    "ObservablesArray": lambda value: (value.shape, value.tolist()),
    "ExecutionSpans": lambda value: (list(value),),
    "ExecutionSpan": lambda value: (value.start, value.stop, [value.mask(index) for index in value.pub_idxs]),
    "LayerError": lambda value: (value.circuit, value.qubits, value.error),
    "PauliLindbladError": lambda value: (value.generators, value.rates),
    "NoiseModel": lambda value: (  # Aer turns gates into matrices on the way: compare the channels
        {
            name: SuperOp(error).data.round(12).tolist()
            for name, error in value._default_quantum_errors.items()
        },
        {qubits: error.probabilities.tolist() for qubits, error in value._local_readout_errors.items()},
    ),
    "Result": lambda value: (value.to_dict(),),
    "Parameter": lambda value: (value.name, value.uuid),  # an element of a vector comes back alone
    "csr_matrix": lambda value: (value.toarray(),),
}


def same(left: Any, right: Any) -> bool:
    return bool(seen(left) == seen(right))


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(2, 2, name="bell", metadata={"k": [1, 2]}, global_phase=0.5)
    made.rzz(Parameter("θ"), 0, 1)
    made.rz(2 * ParameterVector("v", 12)[11], 0)
    made.measure([0, 1], [0, 1])
    return made


def noise_model() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["x"])
    model.add_all_qubit_quantum_error(amplitude_damping_error(0.2), ["sx"])
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [0])
    return model


def span(name: str, room: Any = spans) -> Any:
    parts = {
        "SliceSpan": {0: ((3,), slice(0, 2)), 2: ((2, 5), slice(3, 9))},
        "DoubleSliceSpan": {0: ((3,), slice(0, 1), slice(0, 3))},
        "TwirledSliceSpan": {0: ((4, 5, 10), True, slice(0, 10), slice(3, 6))},
        "TwirledSliceSpanV2": {0: ((4, 5, 10), True, slice(0, 10), slice(3, 6), 35)},
    }[name]
    return getattr(room, name)(START, STOP, parts)


def sampler_result(room: Any = spans) -> PrimitiveResult[Any]:
    pubs = []
    for num_bits, shape in [(1, (3,)), (9, (2, 4)), (64, (0, 5)), (127, (2, 1, 0))]:
        rng = np.random.default_rng(num_bits)
        bools = rng.integers(0, 2, (*shape, num_bits)).astype(bool)
        bits = BitArray.from_bool_array(bools)
        pubs.append(SamplerPubResult(DataBin(shape=shape[:-1], c=bits), {"circuit_metadata": {"a": 1}}))
    kerneled = np.array([[1 + 2j, 3j]])
    pubs.append(SamplerPubResult(DataBin(shape=(), c=kerneled)))
    every = room.ExecutionSpans([span(name, room) for name in ("DoubleSliceSpan", "TwirledSliceSpanV2")])
    return PrimitiveResult(pubs, {"execution": {"execution_spans": every}, "version": 2})


def estimator_result() -> PrimitiveResult[Any]:
    array = DataBin(
        shape=(2,),
        evs=np.array([0.1, math.nan]),
        stds=np.array([0.0, math.inf]),
        evs_extrapolated=np.ones((2, 2, 3)),
    )
    scalar = DataBin(evs=np.array(0.5), stds=0.25)
    metadata = {"shots": 4096, "target_precision": 0.015625, "resilience": {}, "num_randomizations": 32}
    return PrimitiveResult([PubResult(array, metadata), PubResult(scalar)], {"version": 2})


PARAMETRIC = circuit()
VALUES: dict[str, Any] = {
    "datetime": START,
    "complex": 1 - 2j,
    "float array": np.array([[0.1, math.nan], [math.inf, -0.0]]),
    "0-d array": np.array(0.5),
    "empty array": np.zeros((0, 3), dtype="<f4"),
    "bool array": np.array([True, False]),
    "complex array": np.array([1j, 2]),
    "object array": np.array(["a", {"b": 1}], dtype=object),
    "set": {1, 2, 3},
    "circuit": circuit(),
    "parameter": Parameter("ünicode θ"),
    "vector element": ParameterVector("v", 3)[2],
    "gate": RZZGate(0.5),
    "unitary": UnitaryGate(np.eye(2)),
    "sparse operator": SparsePauliOp(["XX", "ZI"], [0.5, 2j]),
    "pauli": Pauli("-iXZ"),
    "pauli list": PauliList(["XX", "ZI"]),
    "operator": Operator(np.eye(4), input_dims=(2, 2), output_dims=(2, 2)),
    "result": Result.from_dict(
        {"backend_name": "b", "backend_version": "1", "job_id": "j", "success": True, "results": []}
    ),
    "sparse matrix": sparse.csr_matrix(np.eye(3)),
    "observables": ObservablesArray([["XX", {"ZI": 0.5, "IZ": 1.5}]]),
    "bindings": BindingsArray({("a", "b"): np.ones((3, 2)), ("c",): np.zeros((3, 1))}),
    "no bindings": BindingsArray(),
    "bits": BitArray(np.arange(6, dtype=np.uint8).reshape(3, 2), 11),
    "data": DataBin(shape=(2,), evs=np.ones(2), stds=np.zeros(2)),
    "sampler result": sampler_result(),
    "estimator result": estimator_result(),
    "map": PauliLindbladMap.from_sparse_list([("XY", [0, 2], 0.25)], num_qubits=3),
    "noise model": noise_model(),
    "nested": {"a": [1, {"b": {"c": np.arange(3)}}], "d": None, "e": [True, "x", 1.5]},
    **{
        name: span(name)
        for name in ("SliceSpan", "DoubleSliceSpan", "TwirledSliceSpan", "TwirledSliceSpanV2")
    },
    "spans": spans.ExecutionSpans([span("DoubleSliceSpan")]),
    "noise learner": noise.NoiseLearnerResult(
        [
            noise.LayerError(
                QuantumCircuit(2), [0, 1], noise.PauliLindbladError(PauliList(["IX", "ZZ"]), [0.1, 0.2])
            ),
            noise.LayerError(QuantumCircuit(1), [5]),
        ],
        {"backend": "ibm_fez"},
    ),
}


def wire(value: Any) -> str:
    return json.dumps(typed.dump(value))


@pytest.mark.parametrize("name", VALUES)
def test_every_value_comes_back(name: str) -> None:
    assert same(typed.load(jsonio.loads(wire(VALUES[name]))), VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_the_json_classes_say_the_same_as_the_functions(name: str) -> None:
    text = json.dumps(VALUES[name], cls=typed.RuntimeEncoder)

    assert same(json.loads(text, cls=typed.RuntimeDecoder), VALUES[name])
    assert same(typed.load(json.loads(text)), VALUES[name])


@pytest.mark.filterwarnings("ignore:from_dict has been deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", VALUES)
def test_the_official_decoder_reads_what_we_write(name: str) -> None:
    assert same(json.loads(wire(VALUES[name]), cls=OfficialDecoder), VALUES[name])


OFFICIAL = {
    **{
        name: value
        for name, value in VALUES.items()
        if "Span" not in name and name not in ("spans", "noise learner")
    },
    "sampler result": sampler_result(official_spans),
    **{name: span(name, official_spans) for name in VALUES if "Span" in name},
    "noise learner": official_noise.NoiseLearnerResult(
        [
            official_noise.LayerError(
                QuantumCircuit(2),
                [0, 1],
                official_noise.PauliLindbladError(PauliList(["IX", "ZZ"]), [0.1, 0.2]),
            )
        ],
        {"backend": "ibm_fez"},
    ),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_we_read_what_the_official_encoder_writes(name: str) -> None:
    text = json.dumps(OFFICIAL[name], cls=OfficialEncoder)

    assert same(typed.load(jsonio.loads(text)), OFFICIAL[name])
    assert same(json.loads(text, cls=typed.RuntimeDecoder), OFFICIAL[name])


@pytest.mark.parametrize(
    ("pub", "length"),
    [
        (SamplerPub(PARAMETRIC, BindingsArray({tuple(PARAMETRIC.parameters): np.ones((3, 2))}), 100), 3),
        (EstimatorPub.coerce((PARAMETRIC, ["XX", "ZZ"], np.ones((2, 2)), 0.1)), 4),
    ],
)
def test_pubs_are_written_as_the_official_encoder_does(pub: Any, length: int) -> None:
    ours, theirs = (json.loads(json.dumps([pub], cls=cls)) for cls in (typed.RuntimeEncoder, OfficialEncoder))

    assert len(ours[0]) == length
    assert same(typed.load(ours), typed.load(theirs))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int32(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.complex64(1j), {"__type__": "complex", "__value__": [0.0, 1.0]}),
        ((1, 2), [1, 2]),
        ({2: "a", None: "b", True: "c"}, {"2": "a", "null": "b", "true": "c"}),
        (CouplingMap([(0, 1)]), [[0, 1]]),
        (date(2026, 1, 2), {"__type__": "datetime", "__value__": "2026-01-02"}),
        (PARAMETRIC.parameters[:0], []),
    ],
)
def test_small_values_take_their_json_form(value: Any, expected: Any) -> None:
    assert typed.dump(value) == expected


def test_parameters_of_a_circuit_are_a_list() -> None:
    assert same(typed.load(typed.dump(PARAMETRIC.parameters)), list(PARAMETRIC.parameters))


def test_a_callable_becomes_null_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="null"):
        assert typed.dump([print]) == [None]


def test_what_has_no_form_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="object"):
        typed.dump({"a": object()})
    with pytest.raises(TypeError, match="key"):
        typed.dump({(1, 2): 3})


@pytest.mark.parametrize("wrap", [lambda circuit: circuit, lambda circuit: circuit.data[0].operation])
def test_delays_in_seconds_which_qpy_makes_others_of_keep_their_unit(wrap: Any) -> None:
    made = QuantumCircuit(1)
    made.delay(100, 0, "ns")

    read = typed.load(typed.dump(wrap(made)))

    delay = read.data[0].operation if isinstance(read, QuantumCircuit) else read
    assert (delay.duration, delay.unit) == (100, "ns")


def test_a_data_bin_is_written_with_all_four_members() -> None:
    written = typed.dump(
        DataBin(shape=(2,), evs=np.ones(2), c=BitArray(np.zeros((2, 1, 1), dtype=np.uint8), 1))
    )

    assert written["__value__"].keys() == {"field_names", "field_types", "shape", "fields"}
    assert written["__value__"]["field_names"] == ["evs", "c"]
    assert written["__value__"]["field_types"] == ["ndarray", "BitArray"]


def test_integer_keys_of_settings_come_back() -> None:
    document = {
        "__type__": "settings",
        "__module__": "qiskit.quantum_info.operators.symplectic.pauli",
        "__class__": "Pauli",
        "__value__": {"data": "XZ"},
    }

    assert typed.load(document) == Pauli("XZ")


@pytest.mark.parametrize(
    "document",
    [
        {"__type__": "something_new", "__value__": [1, 2]},
        {"__type__": ["datetime"], "__value__": 1},
        {"__type__": None},
        {"__type__": "settings", "__module__": "os", "__class__": "system", "__value__": {"command": "true"}},
        {
            "__type__": "settings",
            "__module__": "qiskit.quantum_info.operators",
            "__class__": "eval",
            "__value__": {},
        },
        {
            "__type__": "settings",
            "__module__": "qiskit.quantum_info.operators_evil",
            "__class__": "Pauli",
            "__value__": {},
        },
        {"__type__": "settings", "__value__": {}},
        {
            "__type__": "_json",
            "__module__": "subprocess",
            "__class__": "Popen",
            "__value__": {"args": "true"},
        },
        {
            "__type__": "_json",
            "__module__": "qiskit_ibm_runtime.results.noise_learner",
            "__class__": "np",
            "__value__": {},
        },
    ],
)
def test_unknown_tags_and_foreign_classes_stay_dicts(document: dict[str, Any]) -> None:
    assert typed.load([document]) == [document]


def npz_bomb() -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", bytes(5_000_000))
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("datetime", "soon"),
        ("datetime", 5),
        ("complex", [1]),
        ("complex", "1j"),
        ("complex", [1, "x"]),
        ("ndarray", "garbage!"),
        ("ndarray", None),
        ("ndarray", {"a": 1}),
        ("ndarray", [[1, 2], [3]]),
        ("set", [[1], [2]]),
        ("set", 5),
        ("QuantumCircuit", "garbage!"),
        ("QuantumCircuit", 7),
        ("QuantumCircuit", base64.b64encode(b"garbage").decode()),
        ("Parameter", "AAAA"),
        ("Instruction", "AAAA"),
        ("Result", {}),
        ("spmatrix", "AAAA"),
        # With an id of its own: the archive holds the time, and two workers would not collect one test.
        pytest.param("spmatrix", npz_bomb(), id="spmatrix-bomb"),
        ("ObservablesArray", [3]),
        ("BindingsArray", {"shape": [2], "data": {"not json": [1, 2]}}),
        ("BindingsArray", {"shape": [2], "data": {'["a"]': [1, 2, 3]}}),
        ("BindingsArray", [1]),
        ("BitArray", {"array": [[1]], "num_bits": 99}),
        ("BitArray", {"array": [[300]], "num_bits": 8}),
        ("BitArray", {"num_bits": 8}),
        ("DataBin", {"shape": [2], "fields": {"evs": [1, 2], "shape": 3}}),
        ("DataBin", {"shape": [2]}),
        ("DataBin", []),
        ("PubResult", {"data": 5, "metadata": {}}),
        ("SamplerPubResult", {"metadata": {}}),
        ("PrimitiveResult", {"pub_results": [1], "metadata": {}}),
        ("PrimitiveResult", {"pub_results": {}, "metadata": {}}),
        ("PrimitiveResult", {"pub_results": [], "metadata": 5}),
        ("PrimitiveResult", None),
        ("NoiseLearnerResult", {}),
        ("DoubleSliceSpan", {"start": "x", "stop": "y", "data_slices": {}}),
        ("ExecutionSpan", {"start": 1}),
        ("ExecutionSpans", {"spans": [1]}),
        ("PauliLindbladMap", {"paulis": [["Q", [0], 1.0]], "num_qubits": 1}),
        ("NoiseModel", {"errors": 5}),
    ],
)
def test_a_known_tag_with_a_wrong_value_is_one_error_with_its_path(tag: str, value: Any) -> None:
    document = {"a": [0, {"__type__": tag, "__value__": value}]}

    with pytest.raises(DecodeError) as caught:
        typed.load(document, max_bytes=1_000_000)

    assert caught.value.path.startswith("$.a[1]")
    with pytest.raises(DecodeError):
        json.loads(json.dumps({"__type__": tag}), cls=typed.RuntimeDecoder)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("BindingsArray", {"shape": [], "data": {'["a"]': typed.dump(BindingsArray())}}),
        ("BindingsArray", {"shape": typed.dump(BindingsArray()), "data": {}}),
        ("DataBin", {"shape": typed.dump(BindingsArray()), "fields": {}}),
        ("ExecutionSpans", {"spans": typed.dump(BindingsArray())}),
        ("PauliLindbladMap", {"paulis": [typed.dump(BindingsArray())], "num_qubits": 1}),
        ("BitArray", {"array": typed.dump(BindingsArray()), "num_bits": 1}),
    ],
)
def test_bindings_of_no_values_cannot_trap_a_reader(tag: str, value: Any) -> None:
    # Qiskit's BindingsArray without values passes for a sequence that never ends.
    with pytest.raises(DecodeError):
        typed.load({"__type__": tag, "__value__": value})


def test_arrays_of_one_document_share_the_bound() -> None:
    document = typed.dump([np.zeros(100_000)] * 3)

    with pytest.raises(DecodeError, match="allowed") as caught:
        typed.load(document, max_bytes=2_000_000)

    assert caught.value.path == "$[2].__value__"


def test_a_circuit_of_a_newer_qiskit_says_so() -> None:
    import zlib

    content = zlib.decompress(base64.b64decode(typed.dump(circuit())["__value__"]))
    newer = base64.b64encode(zlib.compress(content[:6] + b"\x63" + content[7:])).decode()

    with pytest.raises(DecodeError, match="upgrade"):
        typed.load({"__type__": "QuantumCircuit", "__value__": newer})


def test_the_decoder_takes_an_encoding_and_the_old_name_of_spans() -> None:
    text = json.dumps(
        {"__type__": "ExecutionSpanCollection", "__value__": {"spans": [typed.dump(span("SliceSpan"))]}}
    )

    assert json.loads(text, cls=typed.RuntimeDecoder, encoding="utf-8") == spans.ExecutionSpans(
        [span("SliceSpan")]
    )


@pytest.mark.parametrize("name", ["linear", "exponential", "polynomial_degree_3", "fallback"])
def test_names_of_extrapolators_pass_through_the_array_tag(name: str) -> None:
    assert typed.load({"__type__": "ndarray", "__value__": name}) == name


def test_documents_nested_beyond_reason_are_an_error() -> None:
    document: Any = 1
    for _ in range(5000):
        document = [document]

    with pytest.raises(DecodeError, match="too deeply"):
        typed.load(document)


TAGS = {
    "datetime", "complex", "ndarray", "set", "QuantumCircuit", "Parameter", "Instruction", "settings", "_json",
    "Result", "spmatrix", "ObservablesArray", "BindingsArray", "BitArray", "DataBin", "SamplerPubResult", "PubResult",
    "PrimitiveResult", "NoiseLearnerResult", "DoubleSliceSpan", "TwirledSliceSpan", "TwirledSliceSpanV2",
    "ExecutionSpan", "ExecutionSpans", "PauliLindbladMap", "NoiseModel", "to_json",
}  # fmt: skip
"""The tags of rest-api.md 4.12, without those that are only read: they have a test of their own."""


class WithJson:
    def to_json(self) -> dict[str, int]:
        return {"a": 1}


def tags_in(document: Any) -> set[str]:
    if isinstance(document, list):
        return set().union(*map(tags_in, document))
    if not isinstance(document, dict):
        return set()
    own = {document["__type__"]} if "__type__" in document else set()
    return own.union(*map(tags_in, document.values()))


def test_every_tag_of_the_specification_is_written_by_a_value_that_is_compared_above() -> None:
    values = [*VALUES.values(), WithJson()]

    assert set().union(*(tags_in(typed.dump(value)) for value in values)) == TAGS


def test_tags_that_are_only_read() -> None:
    assert json.loads(json.dumps(WithJson(), cls=OfficialEncoder), cls=typed.RuntimeDecoder) == {"a": 1}
    assert json.loads(json.dumps(WithJson(), cls=typed.RuntimeEncoder), cls=OfficialDecoder) == {"a": 1}
    pub = typed.dump(PubResult(DataBin(evs=np.array(0.5)), {"a": 1}))

    again = typed.load({**pub, "__type__": "EstimatorPubResult"})

    assert isinstance(again, PubResult)
    assert same(again.data, typed.load(pub).data)
    assert again.metadata == {"a": 1}
