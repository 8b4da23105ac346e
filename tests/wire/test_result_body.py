"""Result bodies in either form: recognised, read, written; recorded bodies come back byte for byte."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

from qiskit_rest_primitives.results import execution_spans as spans
from qiskit_rest_primitives.results import noise_learner as noise
from qiskit_rest_primitives.wire import jsonio, plain, result_body, typed
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.jsonio import DecodeError

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
RECORDED = sorted(path.stem for path in GOLDEN.glob("result_[pt]*.json"))


def golden(name: str) -> Any:
    record = json.loads((GOLDEN / f"{name}.json").read_text())
    assert record["source"]
    assert record["date"]
    return record["body"]


def a_result() -> PrimitiveResult[Any]:
    rng = np.random.default_rng(1)
    bits = BitArray(rng.integers(0, 256, (2, 5, 2), dtype=np.uint8), 16)
    sampled = SamplerPubResult(DataBin(shape=(2,), m000=bits), {"circuit_metadata": {}})
    scalar = SamplerPubResult(
        DataBin(m000=BitArray(np.ones((3, 1), dtype=np.uint8), 1)), {"circuit_metadata": {}}
    )
    return PrimitiveResult([sampled, scalar], {"version": 2})


@pytest.mark.parametrize("support_qiskit", [True, False])
def test_results_come_back_from_either_form(support_qiskit: bool) -> None:
    body = result_body.dump_result(a_result(), support_qiskit=support_qiskit)

    back = result_body.load_result(body, DecodeHints(shapes=((2,), ())))

    assert (b"__type__" in body) is support_qiskit
    assert [pub.data.m000 for pub in back] == [pub.data.m000 for pub in a_result()]
    assert [pub.data.shape for pub in back] == [(2,), ()]
    assert back.metadata == {"version": 2}


@pytest.mark.parametrize("support_qiskit", [True, False])
def test_non_finite_values_come_back_from_either_form(support_qiskit: bool) -> None:
    data = DataBin(evs=math.nan, stds=np.array(math.inf))
    array = DataBin(shape=(2,), evs=np.array([math.nan, 1.0]), stds=np.array([-math.inf, 0.5]))
    overhead = {
        "resilience": {
            "layer_noise": {
                "noise_overhead": math.inf,
                "unique_mitigated_layers_noise_overhead": [1.5, math.inf],
            }
        }
    }
    body = result_body.dump_result(
        PrimitiveResult([PubResult(data, overhead), PubResult(array)]), support_qiskit=support_qiskit
    )

    back = result_body.load_result(body)

    assert b"NaN" not in body
    assert b"Infinity" not in body
    np.testing.assert_array_equal(back[0].data.evs, math.nan)
    np.testing.assert_array_equal(back[0].data.stds, math.inf)
    np.testing.assert_array_equal(back[1].data.evs, [math.nan, 1.0])
    np.testing.assert_array_equal(back[1].data.stds, [-math.inf, 0.5])
    assert back[0].metadata == overhead


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_bodies_are_read_and_written_again_unchanged(name: str) -> None:
    body = golden(name)

    value = result_body.load_any(json.dumps(body).encode())

    if "results" in body:
        again = jsonio.dumps(plain.dump_result(plain.load_result(body)), spell_nonfinite=True)
        assert jsonio.dumps(plain.dump_result(value), spell_nonfinite=True) == again
        assert json.loads(result_body.dump_result(value, support_qiskit=False)) == body
    else:
        again = result_body.load_any(jsonio.dumps(typed.dump(value)))
        assert typed.dump(again) == typed.dump(value)


def test_the_recorded_sampler_result_of_ibm_torino() -> None:
    result = result_body.load_result(
        json.dumps(golden("result_plain_sampler_ibm_torino")).encode(), DecodeHints(shapes=((),))
    )

    register = result[0].data.c
    (span,) = result.metadata["execution"]["execution_spans"]
    assert (register.num_shots, register.num_bits) == (100, 20)
    assert register.get_counts()["0" * 20] == 39
    assert register.get_counts()["0" * 10 + "1" * 10] == 32
    assert register.get_bitstrings()[1] == "0" * 18 + "10"
    assert isinstance(span, spans.DoubleSliceSpan)
    assert span.mask(0).shape == (100,)
    assert span.size == 100
    assert span.start.isoformat() == "2025-09-02T05:30:55.420561+00:00"


def test_the_recorded_estimator_result() -> None:
    result = result_body.load_result(json.dumps(golden("result_plain_estimator_rensselaer")).encode())

    assert float(result[0].data.evs) == 33.144319662700426
    assert result[0].data.ensemble_standard_error.shape == ()
    assert result[0].metadata["num_randomizations"] == 32
    assert result.metadata["resilience"]["measure_mitigation"] is True


def test_the_specified_typed_results() -> None:
    sampler = result_body.load_result(json.dumps(golden("result_typed_sampler")).encode())
    estimator = result_body.load_result(
        json.dumps(golden("result_typed_estimator")).encode(), DecodeHints(shapes=((2,),))
    )

    assert sampler[0].data.c.get_counts() == {"10": 1, "11": 1, "00": 1}
    assert sampler.metadata["execution"]["execution_spans"][0].size == 3
    np.testing.assert_array_equal(estimator[0].data.evs, [0.5, -0.25])


def test_the_specified_noise_learner_result() -> None:
    document = result_body.load_any(json.dumps(golden("result_typed_noise_learner")).encode())

    (layer,) = document.data
    assert isinstance(layer, noise.LayerError)
    assert layer.error.generators.to_labels() == ["IX", "ZZ"]
    assert layer.circuit.num_qubits == 2


def test_tagged_values_inside_a_plain_result_are_read() -> None:
    document = {
        "results": [
            {
                "data": {
                    "evs": typed.dump(np.array([0.5, 1.5])),
                    "c": typed.dump(BitArray(np.zeros((2, 1, 1), dtype=np.uint8), 1)),
                }
            }
        ]
    }

    result = result_body.load_result(json.dumps(document).encode())

    assert result[0].data.shape == (2,)
    np.testing.assert_array_equal(result[0].data.evs, [0.5, 1.5])


def test_bare_words_and_the_word_infinity_are_read() -> None:
    body = (
        b'{"results": [{"data": {"evs": [NaN, -Infinity], "stds": [Infinity, 0.1]}, "metadata": {"resilience":'
        b' {"layer_noise": {"noise_overhead": "infinity", "total_mitigated_layers": 1}}}}], "metadata": {"x": Infinity}}'
    )

    result = result_body.load_result(body)

    np.testing.assert_array_equal(result[0].data.evs, [math.nan, -math.inf])
    assert result[0].metadata["resilience"]["layer_noise"]["noise_overhead"] == math.inf
    assert result.metadata["x"] == math.inf


def test_unknown_tags_and_fields_do_no_harm() -> None:
    document = typed.dump(a_result())
    document["__value__"]["metadata"]["new"] = {"__type__": "brand_new", "__value__": 1}
    document["__value__"]["new"] = 5
    document["__value__"]["pub_results"][0]["__value__"]["new"] = 5

    result = result_body.load_result(json.dumps(document).encode())

    assert result.metadata["new"] == {"__type__": "brand_new", "__value__": 1}


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"   ",
        b"null",
        b"<!doctype html><html><head></head></html>",
        b"Traceback (most recent call last):\n  File",
        b"5",
        b'"text"',
        b"[]",
        b"{}",
        b'{"data": []}',
        b'{"results": null}',
        b'{"__type__": "DataBin", "__value__": {"shape": [], "fields": {}}}',
        result_body.dump_result(a_result(), support_qiskit=False)[:-40],
        result_body.dump_result(a_result(), support_qiskit=True)[:-40],
        b"\x80\x04\x95",
    ],
)
def test_what_is_no_result_is_one_typed_error(body: bytes | None) -> None:
    with pytest.raises(DecodeError):
        result_body.load_result(body)


@pytest.mark.parametrize("support_qiskit", [True, False])
def test_another_number_of_results_than_pubs_is_refused(support_qiskit: bool) -> None:
    body = result_body.dump_result(a_result(), support_qiskit=support_qiskit)

    with pytest.raises(DecodeError, match="3 PUBs"):
        result_body.load_result(body, DecodeHints(shapes=((), (), ())))


def test_a_long_body_is_read_like_a_short_one() -> None:
    rng = np.random.default_rng(1)
    bits = BitArray(rng.integers(0, 256, (3, 4000, 5), dtype=np.uint8), 40)
    small = BitArray(rng.integers(0, 2, (3, 4000, 1), dtype=np.uint8), 1)
    result = PrimitiveResult([SamplerPubResult(DataBin(shape=(3,), a=bits, b=small))] * 2)

    back = result_body.load_result(result_body.dump_result(result, support_qiskit=False))

    assert all((pub.data.a, pub.data.b) == (bits, small) for pub in back)


def test_the_path_into_a_long_body_is_exact() -> None:
    samples = ["0x1"] * 20_000
    samples[12_345] = "0x4"
    body = json.dumps({"results": [{"data": {"meas": {"samples": samples, "num_bits": 2}}}]}).encode()

    with pytest.raises(DecodeError, match="does not fit") as caught:
        result_body.load_result(body)

    assert caught.value.path == "$.results[0].data.meas.samples[12345]"


def test_a_long_body_that_only_looks_usual_is_read_in_the_ordinary_way() -> None:
    samples = ["0x1"] * 20_000
    body = json.dumps(
        {"results": [{"data": {"meas": {"samples": samples, "more": ["x"], "num_bits": 2}}}]}
    ).encode()

    assert result_body.load_result(body)[0].data.meas.num_shots == 20_000
