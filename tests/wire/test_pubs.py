"""PUBs on the wire: every form of rest-api.md 4.4-4.6 is read, ours come back, the official client's mean the same."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit_ibm_runtime import RuntimeEncoder as OfficialEncoder

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.wire import jsonio, typed
from qiskit_rest_primitives.wire.pubs import (
    PubLoadError,
    dump_estimator_pub,
    dump_sampler_pub,
    load_estimator_pub,
    load_sampler_pub,
)

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "pub_forms.json"
FORMATS = ["qasm3", "qpy"]
HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
ONE = HEAD + "input float[64] theta;\nqubit[2] q;\nbit[2] c;\nrx(theta) q[0];\nc = measure q;\n"
TWO = (
    HEAD
    + "input float[64] b;\ninput float[64] a;\nqubit[1] q;\nbit[1] c;\nrx(b) q[0];\nrz(a) q[0];\nc = measure q;\n"
)
NONE = HEAD + "qubit[2] q;\nbit[2] c;\nx q[0];\nc = measure q;\n"


def ansatz(num_qubits: int = 2, *, measured: bool = True) -> QuantumCircuit:
    """Return a circuit whose parameters sort differently by name than by number."""
    angles = ParameterVector("v", 12)
    circuit = QuantumCircuit(num_qubits, metadata={"note": "x"})
    for index, angle in enumerate(angles):
        circuit.rz(angle, index % num_qubits)
        circuit.sx(index % num_qubits)
    circuit.rz(Parameter("θ"), 0)
    circuit.cz(0, num_qubits - 1)
    if measured:
        circuit.measure_all()
    return circuit


def sent(item: list[Any]) -> Any:
    return jsonio.loads(jsonio.dumps(item))


def bound(circuit: QuantumCircuit, values: BindingsArray) -> list[Operator]:
    bare = circuit.remove_final_measurements(inplace=False)
    return [Operator(values.bind(bare, place)) for place in np.ndindex(values.shape)]


def assert_same_experiments(left: Any, right: Any) -> None:
    assert left.shape == right.shape
    assert left.parameter_values.shape == right.parameter_values.shape
    pairs = zip(
        bound(left.circuit, left.parameter_values), bound(right.circuit, right.parameter_values), strict=True
    )
    assert all(one.equiv(other) for one, other in pairs)


@pytest.mark.parametrize("circuit_format", FORMATS)
@pytest.mark.parametrize("shape", [(), (3,), (1,), (3, 1), (2, 3), (40,)])
def test_a_sampler_pub_comes_back(shape: tuple[int, ...], circuit_format: Any) -> None:
    circuit = ansatz()
    values = np.random.default_rng(1).normal(size=(*shape, circuit.num_parameters))
    pub = SamplerPub.coerce((circuit, values), 100)
    encoded = dump_circuit(circuit, circuit_format=circuit_format)

    back = load_sampler_pub(sent(dump_sampler_pub(pub, encoded)), shots=5)

    assert back.shots == 100
    assert_same_experiments(back, pub)
    by_name = back.parameter_values.as_array(encoded.inputs)
    np.testing.assert_array_equal(by_name, encoded.values(pub.parameter_values))


@pytest.mark.parametrize("circuit_format", FORMATS)
@pytest.mark.parametrize(("shape", "observables"), [((), "ZI"), ((3,), [["XX"], [{"ZI": 0.1, "IZ": -2.5}]])])
def test_an_estimator_pub_comes_back(shape: tuple[int, ...], observables: Any, circuit_format: Any) -> None:
    circuit = ansatz(measured=False)
    values = np.random.default_rng(1).normal(size=(*shape, circuit.num_parameters))
    pub = EstimatorPub.coerce((circuit, observables, values, 0.01))

    item = sent(dump_estimator_pub(pub, dump_circuit(circuit, circuit_format=circuit_format)))
    back = load_estimator_pub(item, precision=0.5)

    assert back.precision == 0.01
    assert back.observables.tolist() == pub.observables.tolist()
    assert_same_experiments(back, pub)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300), st.booleans())
@settings(max_examples=30)
def test_values_keep_every_bit(numbers: list[float], nested: bool) -> None:
    circuit = QuantumCircuit(1)
    circuit.rz(Parameter("a"), 0)
    values = np.array(numbers).reshape(-1, 1) if nested else np.array(numbers)
    encoded = dump_circuit(circuit)
    pub = SamplerPub(circuit, BindingsArray({("a",): values[..., np.newaxis]}, shape=values.shape))

    back = load_sampler_pub(sent(dump_sampler_pub(pub, encoded)), shots=1)

    assert back.shape == values.shape
    assert back.parameter_values.as_array()[..., 0].tobytes() == values.tobytes()


def test_few_values_travel_as_named_text_and_many_as_bytes() -> None:
    circuit = ansatz()
    encoded = dump_circuit(circuit)
    few, many = (
        dump_sampler_pub(SamplerPub.coerce((circuit, np.ones((count, 13)))), encoded)[1]
        for count in (10, 100)
    )

    assert few.keys() == set(encoded.inputs)
    assert few[encoded.inputs[0]] == [1.0] * 10
    assert many["__type__"] == "BindingsArray"
    assert many["__value__"]["shape"] == [100]


@pytest.mark.parametrize("shape", [(), (4,), (0,)])
def test_a_circuit_without_parameters_keeps_its_shape(shape: tuple[int, ...]) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    pub = SamplerPub(circuit, BindingsArray({(): np.zeros((*shape, 0))}, shape=shape))

    item = sent(dump_sampler_pub(pub, dump_circuit(circuit)))

    assert load_sampler_pub(item, shots=1).shape == shape
    assert (item[1] is None) == (shape == ())


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_a_pub_of_no_values_keeps_its_shape(shape: tuple[int, ...]) -> None:
    circuit = QuantumCircuit(1)
    circuit.rz(Parameter("a"), 0)
    pub = SamplerPub(circuit, BindingsArray({("a",): np.zeros((*shape, 1))}, shape=shape))

    assert load_sampler_pub(sent(dump_sampler_pub(pub, dump_circuit(circuit))), shots=1).shape == shape


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_the_official_clients_pubs_mean_the_same(shape: tuple[int, ...]) -> None:
    circuit = ansatz()
    values = np.random.default_rng(1).normal(size=(*shape, circuit.num_parameters))
    sampler = SamplerPub.coerce((circuit, values), 77)
    estimator = EstimatorPub.coerce(
        (ansatz(measured=False), SparsePauliOp(["ZI", "XX"], [1, 0.5]), values), 0.1
    )

    theirs = json.loads(json.dumps([sampler, estimator], cls=OfficialEncoder))
    ours = [
        dump_sampler_pub(sampler, dump_circuit(sampler.circuit)),
        dump_estimator_pub(estimator, dump_circuit(estimator.circuit)),
    ]

    for items in (theirs, sent(ours)):
        first = load_sampler_pub(items[0], shots=1)
        second = load_estimator_pub(items[1], precision=1)
        assert (first.shots, second.precision) == (77, 0.1)
        assert second.observables.tolist() == estimator.observables.tolist()
        assert_same_experiments(first, sampler)
        assert_same_experiments(second, estimator)


def test_the_official_clients_pub_without_parameters_is_read() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)

    (item,) = json.loads(json.dumps([SamplerPub.coerce(circuit)], cls=OfficialEncoder))

    assert item[1]["__type__"] == "ndarray"
    pub = load_sampler_pub(item, shots=9)
    assert (pub.shape, pub.shots) == ((), 9)


@pytest.mark.parametrize(
    ("item", "shape", "values"),
    [
        (NONE, (), []),
        ([NONE], (), []),
        ([NONE, None], (), []),
        ([NONE, {}, None], (), []),
        ([NONE, []], (), []),
        ([NONE, typed.dump(np.zeros((0,)))], (), []),
        ([NONE, typed.dump(np.zeros((4, 0)))], (4,), []),
        ([ONE, {"theta": 1.5}], (), [1.5]),
        ([ONE, {"theta": [0.1, 0.2]}], (2,), [[0.1], [0.2]]),
        ([ONE, {"theta": [[0.1], [0.2]]}], (2,), [[0.1], [0.2]]),
        ([ONE, [3.14]], (), [3.14]),
        ([ONE, [[3.14], [1.57], [0.0]]], (3,), [[3.14], [1.57], [0.0]]),
        ([ONE, typed.dump(np.array([[3.14], [1.57]]))], (2,), [[3.14], [1.57]]),
        ([ONE, typed.dump(BindingsArray({"theta": [1, 2, 3]}))], (3,), [[1], [2], [3]]),
        ([TWO, {"b": 2, "a": 1}], (), [1, 2]),
        ([TWO, {"b": [2, 3], "a": 1}], (2,), [[1, 2], [1, 3]]),
        ([TWO, {"b": [[2, 3]], "a": [0, 1]}], (1, 2), [[[0, 2], [1, 3]]]),
        ([TWO, {"b": [[2], [3], [4]], "a": [0, 1]}], (3, 2), [[[a, b] for a in (0, 1)] for b in (2, 3, 4)]),
        # Where it is ambiguous, Qiskit's convention holds: a last axis of one is the parameter's.
        ([TWO, {"b": [[2], [3]], "a": [[0], [1]]}], (2,), [[0, 2], [1, 3]]),
        # The importer sorts stand-alone parameters by name: positional values follow that order (4.5).
        ([TWO, [1, 2]], (), [1, 2]),
        ([TWO, [[1, 2], [3, 4]]], (2,), [[1, 2], [3, 4]]),
        ([TWO, typed.dump(BindingsArray({("b", "a"): [[2, 1], [4, 3]]}))], (2,), [[1, 2], [3, 4]]),
    ],
)
def test_every_form_of_the_specification_is_read(item: Any, shape: tuple[int, ...], values: Any) -> None:
    pub = load_sampler_pub(item, shots=11)

    assert (pub.shape, pub.shots) == (shape, 11)
    expected = np.array(values, dtype=float).reshape(*shape, -1) if values else np.zeros((*shape, 0))
    np.testing.assert_array_equal(pub.parameter_values.as_array(pub.circuit.parameters), expected)


def test_the_specified_bodies_are_read() -> None:
    items = json.loads(GOLDEN.read_text())["body"]

    sampler = load_sampler_pub(items[0], shots=1)
    estimator = load_estimator_pub(items[1], precision=1)

    assert (sampler.shots, sampler.circuit.num_clbits) == (1024, 2)
    assert (estimator.shape, estimator.precision) == ((2, 3), 0.02)


@pytest.mark.parametrize(
    ("item", "path"),
    [
        (None, "$.pubs[0]"),
        (5, "$.pubs[0]"),
        ([], "$.pubs[0]"),
        ([NONE, None, 1, 2], "$.pubs[0]"),
        ([ONE], "$.pubs[0][1]"),
        ([ONE, None], "$.pubs[0][1]"),
        ([ONE, "theta"], "$.pubs[0][1]"),
        ([ONE, {"phi": 1}], "$.pubs[0][1]"),
        ([ONE, {"theta": 1, "phi": 1}], "$.pubs[0][1]"),
        ([ONE, {"theta": "1"}], "$.pubs[0][1].theta"),
        ([ONE, {"theta": [1, {}]}], "$.pubs[0][1].theta[1]"),
        ([ONE, {"theta": [[1], [1, 2]]}], "$.pubs[0][1].theta[1]"),
        ([ONE, {"theta": math.nan}], "$.pubs[0][1]"),
        ([ONE, {"theta": [1, None]}], "$.pubs[0][1]"),
        ([ONE, {"theta": math.inf}], "$.pubs[0][1]"),
        ([ONE, typed.dump(np.array([[1j]]))], "$.pubs[0][1]"),
        ([ONE, {"__type__": "ndarray", "__value__": "garbage!"}], "$.pubs[0][1].__value__"),
        ([ONE, typed.dump(BindingsArray({"phi": 1}))], "$.pubs[0][1]"),
        ([TWO, [1, 2, 3]], "$.pubs[0][1]"),
        ([TWO, 1], "$.pubs[0][1]"),
        ([TWO, {"a": [1, 2], "b": [1, 2, 3]}], "$.pubs[0][1]"),
        ([NONE, {"theta": 1}], "$.pubs[0][1]"),
        ([NONE, None, 0], "$.pubs[0][2]"),
        ([NONE, None, -5], "$.pubs[0][2]"),
        ([NONE, None, 1.5], "$.pubs[0][2]"),
        ([NONE, None, True], "$.pubs[0][2]"),
        ([NONE, None, "100"], "$.pubs[0][2]"),
    ],
)
def test_a_malformed_sampler_pub_is_named_by_its_path(item: Any, path: str) -> None:
    with pytest.raises(PubLoadError) as caught:
        load_sampler_pub(item, shots=1, path="$.pubs[0]")

    assert caught.value.path == path
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ([NONE], "$"),
        ([NONE, None], "$"),
        ([NONE, 5], "$[1]"),
        ([NONE, "ZZZ"], "$[1]"),
        ([NONE, ["ZZ", "Z"]], "$[1][1]"),
        ([NONE, "Z2"], "$[1]"),
        ([NONE, {"ZZ": "1"}], "$[1].ZZ"),
        ([NONE, "ZZ", None, 0], "$[3]"),
        ([NONE, "ZZ", None, -0.1], "$[3]"),
        ([NONE, "ZZ", None, "0.1"], "$[3]"),
        ([NONE, "ZZ", None, math.nan], "$[3]"),
        ([ONE, ["ZZ", "XX"], {"theta": [1, 2, 3]}], "$"),
        ([NONE, "ZZ", None, 0.1, 5], "$"),
    ],
)
def test_a_malformed_estimator_pub_is_named_by_its_path(item: Any, path: str) -> None:
    with pytest.raises(PubLoadError) as caught:
        load_estimator_pub(item, precision=0.1)

    assert caught.value.path == path


def test_missing_and_unknown_parameters_are_named() -> None:
    with pytest.raises(PubLoadError, match="without a value: a, b; not in the circuit: c"):
        load_sampler_pub([TWO, {"c": 1}], shots=1)


def test_defaults_fill_what_a_pub_leaves_open() -> None:
    assert load_sampler_pub([NONE, None, None], shots=123).shots == 123
    assert load_estimator_pub([NONE, "ZZ"], precision=0.25).precision == 0.25
    assert load_estimator_pub([NONE, "ZZ", None, 1], precision=0.25).precision == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_without_meaning_are_not_written(value: float) -> None:
    circuit = QuantumCircuit(1)
    circuit.rz(Parameter("a"), 0)

    with pytest.raises(ValueError, match="NaN or infinite"):
        dump_sampler_pub(SamplerPub.coerce((circuit, [value])), dump_circuit(circuit))


def test_values_that_unpack_to_too_much_are_refused() -> None:
    with pytest.raises(PubLoadError, match="allowed"):
        load_sampler_pub([ONE, typed.dump(np.zeros((100_000, 1)))], shots=1, max_bytes=1000)


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(PubLoadError("it broke", "$.pubs[0]")))

    assert (error.problem, error.path) == ("it broke", "$.pubs[0]")
