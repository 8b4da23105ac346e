"""Large Sampler PUBs run in pieces: every shot of every parameter set once, where it belongs, with the time it was taken."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime import RuntimeDecoder

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.results.execution_spans import TwirledSliceSpanV2
from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.primitives.pieces import pieces_of
from qiskit_rest_primitives.server.primitives.registry import execute
from qiskit_rest_primitives.wire import result_body
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.pubs import dump_sampler_pub

WIDTH = 6


def spelling() -> QuantumCircuit:
    """Return a circuit that reads its angles: pi is 1, 0 is 0; in two registers."""
    circuit = QuantumCircuit(
        QuantumRegister(WIDTH), ClassicalRegister(4, "low"), ClassicalRegister(2, "high")
    )
    for qubit, angle in enumerate(ParameterVector("a", WIDTH)):
        circuit.rx(angle, qubit)
    circuit.measure(range(WIDTH), range(WIDTH))
    return circuit


def fixed() -> QuantumCircuit:
    circuit = QuantumCircuit(WIDTH)
    circuit.x([0, 2])
    circuit.measure_all()
    return circuit


def run(circuit: QuantumCircuit, values, shots, device: Device, **options):
    pub = SamplerPub.coerce((circuit, values, shots))
    encoded = dump_circuit(circuit)
    body = {"pubs": [dump_sampler_pub(pub, encoded)], "version": 2, "support_qiskit": True}
    outcome = execute("sampler", json.dumps({**body, "options": options}).encode(), device, seed=3)
    result = result_body.load_result(outcome.body, DecodeHints((encoded.map,), (pub.shape,)))
    return result, result.metadata["execution"]["execution_spans"]


def covers_all_once(spans, shape: tuple[int, ...]) -> bool:
    return bool((sum(span.mask(0).astype(int) for span in spans) == np.ones(shape)).all())


def in_turn(spans) -> bool:
    return all(one.start < one.stop <= other.start for one, other in pairwise(spans))


@pytest.mark.parametrize(("shape", "pieces"), [((64,), 8), ((8, 8), 8), ((4, 2, 3), 6), ((9,), 2), ((3,), 1), ((0,), 1)])  # fmt: skip
def test_parameter_sets_keep_their_places(shape: tuple[int, ...], pieces: int, ideal: Device) -> None:
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    bits = numbers[..., None] >> np.arange(WIDTH) & 1

    result, spans = run(spelling(), bits * np.pi, 50, ideal)

    assert len(spans) == pieces
    assert covers_all_once(spans, (*shape, 50))
    assert in_turn(spans)
    low, high = (result[0].data[name].to_bool_array(order="little") for name in ("low", "high"))
    assert low.shape == (*shape, 50, 4)
    assert (np.concatenate([low, high], axis=-1) == bits[..., None, :].astype(bool)).all()
    assert result[0].metadata["shots"] == 50


@pytest.mark.parametrize(
    ("shots", "twirling", "pieces"),
    [
        (4096, {}, 1),
        (150_001, {}, 3),
        (800, {"enable_gates": True, "num_randomizations": 40, "shots_per_randomization": 20}, 8),
        (100, {"enable_measure": True, "num_randomizations": 100, "shots_per_randomization": 1}, 1),
        (4096, {"enable_measure": True}, 8),
    ],
)
def test_shots_of_one_set_are_all_there(shots: int, twirling: dict, pieces: int, ideal: Device) -> None:
    result, spans = run(fixed(), None, shots, ideal, twirling=twirling)

    assert len(spans) == pieces
    assert covers_all_once(spans, (shots,))
    assert in_turn(spans)
    assert result[0].data.meas.get_counts() == {"000101": shots}
    assert result[0].metadata["shots"] == shots
    if twirling:
        assert result[0].metadata["num_randomizations"] == twirling.get("num_randomizations", 32)


@pytest.mark.parametrize("support_qiskit", [False, True])
@pytest.mark.parametrize(
    ("shape", "shots", "twirling", "pieces"),
    [
        ((), 4096, {}, 8),
        ((1, 1), 1001, {"num_randomizations": 1000}, 8),  # 501 of them are enough
        ((), 150_001, {"num_randomizations": 1}, 3),
        ((), 150_001, {"num_randomizations": 2}, 2),
        ((), 650, {"shots_per_randomization": 7}, 8),
        ((3, 4), 65, {"shots_per_randomization": 10}, 3),
        ((0,), 65, {}, 1),
    ],
)
def test_a_twirled_pub_has_twirled_spans(
    shape: tuple[int, ...], shots: int, twirling: dict, pieces: int, support_qiskit: bool, ideal: Device
) -> None:
    """Both clients read from them when which shot was taken; no piece ends inside a randomization."""
    body = {
        "pubs": [
            dump_sampler_pub(
                SamplerPub.coerce((spelling(), np.zeros((*shape, WIDTH)), shots)), dump_circuit(spelling())
            )
        ],
        "options": {"twirling": {"enable_measure": True, **twirling}},
        "version": 2,
        "support_qiskit": support_qiskit,
    }
    answer = execute("sampler", json.dumps(body).encode(), ideal, seed=3).body
    result = result_body.load_result(answer, DecodeHints(shapes=(shape,)))

    spans = result.metadata["execution"]["execution_spans"]
    assert {type(span) for span in spans} == {TwirledSliceSpanV2}
    assert len(spans) == pieces
    assert covers_all_once(spans, (*shape, shots))
    assert in_turn(spans)
    number = result[0].metadata["num_randomizations"]
    for span in spans:
        (twirled, at_front, runs, each, whole) = span._slices[0]
        assert (twirled[:-1], at_front, whole) == ((*shape, number), False, shots)
        assert (runs.stop - runs.start) * (each.stop - each.start) >= span.size
    if support_qiskit:
        read = json.loads(answer, cls=RuntimeDecoder).metadata["execution"]["execution_spans"]
        assert [type(span).__name__ for span in read] == ["TwirledSliceSpanV2"] * pieces
        for ours, theirs in zip(spans, read, strict=True):
            assert (ours.start, ours.stop) == (theirs.start, theirs.stop)
            assert (ours.mask(0) == theirs.mask(0)).all()


def test_shots_of_pieces_are_independent(ideal: Device) -> None:
    circuit = QuantumCircuit(12)
    circuit.h(range(12))
    circuit.measure_all()

    result, spans = run(circuit, None, 1024, ideal, twirling={"enable_measure": True})

    words = [result[0].data.meas.array[span.mask(0)].tolist() for span in spans]
    assert len(words) == 4
    assert all(sorted(one) != sorted(other) for one, other in pairwise(words))


@pytest.mark.parametrize("meas_type", ["kerneled", "avg_kerneled"])
def test_analog_readings_are_split_along_parameter_sets_only(meas_type: str, ideal: Device) -> None:
    options = {"execution": {"meas_type": meas_type}, "twirling": {"enable_measure": True}}
    bits = np.arange(16)[:, None] >> np.arange(WIDTH) & 1

    many, spans = run(spelling(), bits * np.pi, 200, ideal, **options)
    one, single = run(fixed(), None, 800, ideal, **options)

    assert (len(spans), len(single)) == (4, 1)
    shots = (200,) if meas_type == "kerneled" else ()
    assert many[0].data.low.shape == (16, *shots, 4)
    means = many[0].data.low.reshape(16, -1, 4).mean(axis=1).real
    ones, zeros = means[bits[:, :4] == 1], means[bits[:, :4] == 0]
    assert ones.min() > zeros.max() or ones.max() < zeros.min()
    assert one[0].data.meas.shape == ((800, WIDTH) if shots else (WIDTH,))


def test_delays_with_parameters_keep_their_places(heron: Device) -> None:
    time, angle = Parameter("t"), Parameter("a")
    circuit = QuantumCircuit(156, 1)
    circuit.rx(angle, 0)
    circuit.delay(time, 0, "us")
    circuit.measure(0, 0)
    times = np.tile([0, 10_000], 10)  # nothing is left after the longer one
    values = {(time, angle): np.stack([times, np.repeat([0, np.pi], 10)], axis=-1)}

    result, spans = run(circuit, values, 100, heron)

    assert len(spans) == 5
    assert covers_all_once(spans, (20, 100))
    ones = result[0].data.c.to_bool_array()[..., 0].mean(axis=1)
    assert ((ones > 0.5) == ((times == 0) & (np.arange(20) >= 10))).all()


def test_a_large_state_that_serves_all_shots_is_made_once(ideal: Device, heron: Device) -> None:
    wide = QuantumCircuit(14)
    for qubit in range(13):
        wide.ry(0.3, qubit)
        wide.cx(qubit, qubit + 1)
    dynamic = wide.measure_all(inplace=False)
    wide.measure_all()
    dynamic.reset(0)
    dynamic.measure(0, 0)
    twirling = {"enable_measure": True, "num_randomizations": 8}

    assert len(run(wide, None, 512, ideal, twirling=twirling)[1]) == 1
    assert len(run(dynamic, None, 512, ideal, twirling=twirling)[1]) == 2


def test_a_pub_without_anything_to_run_is_one_piece() -> None:
    pub = SamplerPub.coerce((fixed(), np.zeros((0, 0)), 10))

    (piece,) = pieces_of(pub, randomizations=(32, 1), along_shots=True)

    assert piece.pub is pub
