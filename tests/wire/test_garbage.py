"""Thousands of damaged bodies: each is read, or becomes one typed error, within bounded memory and time."""

from __future__ import annotations

import base64
import io
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import RZZGate
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import PauliLindbladMap, PauliList, SparsePauliOp

from qiskit_rest_primitives.qasm.limits import CircuitLoadError
from qiskit_rest_primitives.results import execution_spans as spans
from qiskit_rest_primitives.results import noise_learner as noise
from qiskit_rest_primitives.wire import jsonio, result_body, typed
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.pubs import PubLoadError, load_estimator_pub, load_sampler_pub

RESULT_BODIES = 20_000
PUB_ITEMS = 2_000
TAGGED_VALUES = 5_000
TIMES = 1500
"""No body may take more than so many times its size while it is read: zlib packs zeros a thousand to one, and a
sample of few digits may claim a register of 65 536 bits."""
SPARE = 8_000_000  # bytes on top: samples are read in blocks of a megabyte

WORDS = [
    "null",
    "NaN",
    "Infinity",
    "-1",
    "1e999",
    "[]",
    "{}",
    '""',
    '"0x"',
    "true",
    "[[[]]]",
    "99999999999999999999",
]
VALUES: list[Any] = [
    None, True, -1, 0, 2**31, 10**18, 10**30, 0.5, "", "x", "infinity", "0x1", "$", [], {}, [[]], [None], ["0x0", 1], {"a": 1},
    {"__type__": "ndarray"}, {"__type__": "ndarray", "__value__": "AAAA"}, {"__type__": "set", "__value__": [[1]]},
]  # fmt: skip


def bodies() -> list[bytes]:
    rng = np.random.default_rng(1)
    start = datetime(2026, 1, 2, tzinfo=timezone.utc)
    span = spans.DoubleSliceSpan(start, start, {0: ((3,), slice(0, 1), slice(0, 3))})
    sampled = PrimitiveResult(
        [
            SamplerPubResult(
                DataBin(
                    shape=(2,),
                    a=BitArray(rng.integers(0, 256, (2, 7, 2), dtype=np.uint8), 16),
                    b=BitArray(rng.integers(0, 2, (2, 7, 1), dtype=np.uint8), 1),
                ),
                {"circuit_metadata": {"k": [1, {}]}},
            ),
            SamplerPubResult(DataBin(c=np.ones((3, 2), dtype=complex))),
        ],
        {"execution": {"execution_spans": spans.ExecutionSpans([span])}, "version": 2},
    )
    estimated = PrimitiveResult(
        [
            PubResult(
                DataBin(shape=(2,), evs=np.ones(2), stds=np.ones(2), evs_extrapolated=np.ones((2, 2, 3))),
                {"resilience": {}},
            )
        ]
    )
    long = PrimitiveResult(
        [SamplerPubResult(DataBin(c=BitArray(rng.integers(0, 256, (2500, 2), dtype=np.uint8), 16)))]
    )
    every = [
        result_body.dump_result(result, support_qiskit=support_qiskit)
        for result in (sampled, estimated)
        for support_qiskit in (True, False)
    ]
    return [*every, result_body.dump_result(long, support_qiskit=False)]


def cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body))]


def flip(body: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(body)
    for _ in range(chance.choice([1, 1, 2, 8])):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def shuffle(body: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.randrange(len(body)) for _ in range(2))
    return body[:first] + body[second:] + body[first:second]


def insert(body: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(body))
    return body[:place] + chance.choice(WORDS).encode() + body[place:]


def replace_value(body: bytes, chance: random.Random) -> bytes:
    """Replace, drop or double one value somewhere in the document, which stays valid JSON."""
    document = json.loads(body)
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [document]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(min(len(node), 5))
        places += [(node, key) for key in keys]
        waiting += [node[key] for key in keys if isinstance(node[key], (dict, list))]
    node, key = chance.choice(places)
    what = chance.randrange(4)
    if what == 0:
        del node[key]
    elif what == 1 and isinstance(node, list):
        node.insert(key, node[key])
    elif what == 2:
        other, place = chance.choice(places)
        node[key] = json.loads(json.dumps(other[place]))
    else:
        node[key] = chance.choice(VALUES)
    return json.dumps(document).encode()


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    cut,
    flip,
    shuffle,
    insert,
    replace_value,
    replace_value,
]


def load_damaged_results(count: int, seed: int) -> Iterator[tuple[int, int, DecodeError | None]]:
    """Yield per body its size, the memory taken and the error met; any other exception ends the test."""
    chance = random.Random(seed)
    originals = bodies()
    for _ in range(count):
        body = chance.choices(originals, [4, 4, 4, 4, 1])[0]
        body = chance.choice(MUTATIONS)(body, chance)
        met = None
        if tracemalloc.is_tracing():
            tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        try:
            assert isinstance(result_body.load_result(body), PrimitiveResult)
        except DecodeError as error:
            met = error
        yield len(body), tracemalloc.get_traced_memory()[1] - before, met


def test_damaged_results_are_read_or_become_one_typed_error() -> None:
    met = [error for _, _, error in load_damaged_results(RESULT_BODIES, 20261121)]
    refused = [error for error in met if error is not None]

    assert RESULT_BODIES // 20 < len(refused) < RESULT_BODIES == len(met)
    assert all(error.path.startswith("$") and len(str(error)) < 2000 for error in refused)


@pytest.mark.parametrize("count", [2000, pytest.param(RESULT_BODIES, marks=pytest.mark.deep)])
def test_damaged_results_take_a_bounded_multiple_of_their_size(count: int) -> None:
    tracemalloc.start()
    try:
        for size, taken, error in load_damaged_results(count, 20261121):
            assert taken <= TIMES * size + SPARE, (size, taken, error)
    finally:
        tracemalloc.stop()


def test_a_small_body_cannot_ask_for_much_memory() -> None:
    liar = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        liar, {"descr": "|u1", "fortran_order": False, "shape": (400_000_000,)}
    )
    text = base64.b64encode(zlib.compress(liar.getvalue())).decode()
    body = json.dumps({"results": [{"data": {"evs": {"__type__": "ndarray", "__value__": text}}}]}).encode()
    many = json.dumps({"results": [{"data": {"c": {"num_bits": 65_536, "samples": ["0x0"] * 100}}}]}).encode()

    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="cannot hold"):
            result_body.load_result(body)
        result_body.load_result(many)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < TIMES * len(many) + SPARE


def test_damaged_pubs_are_read_or_become_one_typed_error() -> None:
    chance = random.Random(20261121)
    circuit = QuantumCircuit(2, 2)
    circuit.rz(Parameter("a"), 0)
    circuit.measure([0, 1], [0, 1])
    typed_circuit = typed.dump(circuit)
    originals = [
        [typed_circuit, {"a": [1, 2, 3]}, 10],
        [typed_circuit, typed.dump(np.ones((3, 1))), None],
        [typed_circuit, typed.dump(SamplerPub.coerce((circuit, [1.0])).parameter_values), 5],
        [typed_circuit, [["ZZ", {"IX": 0.5}]], {"a": 0.5}, 0.1],
    ]
    refused: list[str] = []
    for _ in range(PUB_ITEMS):
        item = chance.choice(originals)
        rest = json.loads(replace_value(json.dumps(item[1:]).encode(), chance))
        try:
            if len(item) == 4:
                load_estimator_pub([item[0], *rest], precision=0.1)
            else:
                load_sampler_pub([item[0], *rest], shots=1)
        except (PubLoadError, CircuitLoadError) as error:
            refused.append(str(error))
    assert PUB_ITEMS // 20 < len(refused) < PUB_ITEMS
    assert max(map(len, refused)) < 2000


def test_damaged_tagged_values_are_read_or_become_one_typed_error() -> None:
    chance = random.Random(20261121)
    circuit = QuantumCircuit(1)
    circuit.rz(Parameter("a"), 0)
    layer = noise.LayerError(circuit, [0], noise.PauliLindbladError(PauliList(["X", "Z"]), [0.1, 0.2]))
    start = datetime(2026, 1, 2, tzinfo=timezone.utc)
    values = [
        BindingsArray(),
        BindingsArray({("a", "b"): np.ones((3, 2))}),
        ObservablesArray(["XX", {"ZI": 0.5}]),
        SparsePauliOp(["XX", "ZI"], [0.5, 2]),
        PauliLindbladMap.from_sparse_list([("XY", [0, 2], 0.25)], num_qubits=3),
        noise.NoiseLearnerResult([layer], {}),
        [circuit, Parameter("a"), RZZGate(0.5), {1, 2}, 1j, start],
        spans.ExecutionSpans(
            [spans.TwirledSliceSpanV2(start, start, {0: ((4, 5), True, slice(0, 1), slice(3, 6), 9)})]
        ),
        np.array(["a", {"b": 1}], dtype=object),
    ]
    documents = [json.dumps([typed.dump(value), typed.dump(values[0])]).encode() for value in values]
    refused = 0
    for _ in range(TAGGED_VALUES):
        body = chance.choice([flip, *[replace_value] * 6])(chance.choice(documents), chance)
        try:
            typed.load(jsonio.loads(body), max_bytes=1_000_000)
        except DecodeError:
            refused += 1

    assert TAGGED_VALUES // 20 < refused < TAGGED_VALUES


@pytest.mark.parametrize("depth", [100, 1000, 100_000])
@pytest.mark.parametrize(
    "form",
    [
        '{"results": [{"data": {"evs": %s}}]}',
        '{"results": [{"data": {"c": {"num_bits": 1, "samples": %s}}}]}',
        '{"__type__": "set", "__value__": %s}',
    ],
)
def test_deep_nesting_is_an_error_not_a_crash(form: str, depth: int) -> None:
    body = (form % ("[" * depth + "]" * depth)).encode()

    with pytest.raises(DecodeError):
        result_body.load_result(body)
