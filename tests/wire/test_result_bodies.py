"""Odd result bodies through a real job: each is read for what it says, or becomes one error that loses nothing."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

from qiskit_rest_primitives import EstimatorV2, ResultDecodeError, RuntimeInvalidStateError, SamplerV2
from qiskit_rest_primitives.jobs.result import fetch
from qiskit_rest_primitives.wire import plain, result_body, typed
from qiskit_rest_primitives.wire.models import JobRecord


def sampled(samples: Any, num_bits: int = 2, **more: Any) -> bytes:
    register = {"samples": samples, "num_bits": num_bits}
    return json.dumps({"results": [{"data": {"m000": register}, "metadata": {}}], **more}).encode()


def tagged(rows: Any, num_bits: int = 2) -> bytes:
    bits = typed.dump(BitArray(np.array(rows, dtype=np.uint8), 8))
    bits["__value__"]["num_bits"] = num_bits
    data = {"__type__": "DataBin", "__value__": {"shape": [], "fields": {"m000": bits}}}
    pub = {"__type__": "SamplerPubResult", "__value__": {"data": data, "metadata": {}}}
    value = {"pub_results": [pub], "metadata": {}}
    return json.dumps({"__type__": "PrimitiveResult", "__value__": value}).encode()


def estimated(evs: str, stds: str = "0.1", metadata: str = "{}") -> bytes:
    return f'{{"results": [{{"data": {{"evs": {evs}, "stds": {stds}}}, "metadata": {metadata}}}]}}'.encode()


SAMPLES = "$.results[0].data.m000.samples"
UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "null": ("sampler", b"null", "$"),
    "nothing": ("sampler", b"", "$"),
    "a web page": ("sampler", b"<!doctype html><html><body>Down for a moment</body></html>", "$"),
    "a number": ("sampler", b"12", "$"),
    "a list": ("sampler", b"[]", "$"),
    "truncated": ("sampler", sampled(["0x0", "0x3"])[:-20], "$"),
    "truncated with tags": ("sampler", tagged([[0], [3]])[:-20], "$"),
    "no UTF-8": ("sampler", b"\xff\xfe{}", "$"),
    "nested without end": ("sampler", b"[" * 100_000, "$"),
    "no samples": ("sampler", sampled(None), SAMPLES),
    "numbers for samples": ("sampler", sampled(["0x0", 3]), f"{SAMPLES}[1]"),
    "a sample too large": ("sampler", sampled(["0x0", "0x4"]), f"{SAMPLES}[1]"),
    "a register too wide": ("sampler", sampled(["0x0", "0x4"], 3), "$.results[0].data.m000"),
    "a register too narrow": ("sampler", sampled(["0x0", "0x1"], 1), "$.results[0].data.m000"),
    "bits beyond the register": (
        "sampler",
        tagged([[0], [7]]),
        "$.results[0].data.m000",
    ),
    "a tagged register too wide": ("sampler", tagged([[0], [7]], 3), "$.results[0].data.m000"),
    "another register": ("sampler", sampled(["0x0"]).replace(b"m000", b"m001"), "$.results[0].data.m000"),
    "a result too many": ("sampler", b'{"results": [{"data": {}}, {"data": {}}]}', "$.results"),
    "text for a value": ("estimator", estimated('"abc"'), "$.results[0].data.evs"),
    "an object for a value": ("estimator", estimated("{}"), "$.results[0].data.evs"),
    "an unknown tag for a value": ("estimator", estimated('{"__type__": "new"}'), "$.results[0].data.evs"),
    "two values for one": ("estimator", estimated("[1, 2]"), "$.results[0].data.evs"),
}


@pytest.fixture
def run(directed: Any, director: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a job whose result is a body: ``run(kind, body, private=False)``."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    backend = directed.backend("aer_simulator")
    monkeypatch.setattr(backend.api.transport, "sleep", lambda _: None)

    def start(kind: str, body: bytes, *, private: bool = False) -> Any:
        director.answer(body)
        options = {"environment": {"private": private}}
        circuit = QuantumCircuit(2)
        circuit.h(0)
        if kind == "sampler":
            return SamplerV2(backend, options=options).run([circuit.measure_all(inplace=False)])
        return EstimatorV2(backend, options=options).run([(circuit, "ZZ")])

    return start


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_is_one_error_that_loses_nothing(name: str, run: Any) -> None:
    kind, body, path = UNREADABLE[name]
    job, private = run(kind, body), run(kind, body, private=True)

    with pytest.raises(ResultDecodeError) as caught:
        job.result(timeout=600)
    with pytest.raises(ResultDecodeError) as caught_once:
        private.result(timeout=600)

    for error, who in ((caught.value, job), (caught_once.value, private)):
        assert (error.path, error.job_id, error.body) == (path, who.job_id(), body)
        assert path in str(error)
        assert who.job_id() in str(error)
    assert caught.value.saved_to is None
    if not body:
        assert caught_once.value.saved_to is None
        return
    saved = Path(str(caught_once.value.saved_to))
    assert str(saved) in str(caught_once.value)
    assert saved.read_bytes() == body
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


@pytest.mark.parametrize("body", [b"", b"<html></html>"], ids=["nothing", "a web page"])
def test_an_answer_of_somebody_on_the_way_is_asked_for_again(body: bytes, run: Any) -> None:
    # Without the wait that our own server offers, which the service does not: rest-api.md 1.1.
    job = run("sampler", body)
    job.wait_for_final_state(timeout=600)

    for _ in range(2):
        with pytest.raises(ResultDecodeError) as caught:
            job.result(timeout=600, poll_interval=0.1)
        assert caught.value.body == body


def test_a_completed_job_without_any_result_says_so() -> None:
    with pytest.raises(RuntimeInvalidStateError, match="no result of job j1 any more"):
        fetch(lambda: None, JobRecord("j1", "Completed"))  # what a 204 is read as


@pytest.mark.parametrize("private", [False, True], ids=["open", "private"])
@pytest.mark.parametrize(
    "body",
    [
        sampled(["0x0", "0x3"]),
        sampled(["0", "3"]),
        sampled(["0X0", "0X03"]),
        sampled(["0x0000", "0x0003"], more={"a": 1}),
        b"\xef\xbb\xbf" + sampled(["0x0", "0x3"]),
        tagged([[0], [3]]),
        sampled(["0x0", "0x3"], metadata={"x": {"__type__": "brand_new", "__value__": 1}}),
    ],
    ids=["usual", "without 0x", "capitals", "zeros and fields", "byte-order mark", "tags", "unknown tag"],
)
def test_spellings_that_mean_the_same(body: bytes, private: bool, run: Any) -> None:
    assert run("sampler", body, private=private).result(timeout=600)[0].data.meas.get_bitstrings() == [
        "00",
        "11",
    ]


@pytest.mark.parametrize(
    ("evs", "value"),
    [
        ("NaN", math.nan),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ('"infinity"', math.inf),
        ("null", math.nan),
        ("1e999", math.inf),
        ("[0.5]", 0.5),
        ("1", 1.0),
    ],
)
def test_numbers_that_json_lacks_and_axes_of_one(evs: str, value: float, run: Any) -> None:
    metadata = '{"resilience": {"layer_noise": {"noise_overhead": "infinity"}}, "new": [Infinity]}'

    pub = run("estimator", estimated(evs, metadata=metadata)).result(timeout=600)[0]

    assert (pub.data.evs.shape, pub.data.evs.dtype) == ((), np.dtype(float))
    np.testing.assert_array_equal(pub.data.evs, value)
    assert pub.metadata["resilience"]["layer_noise"]["noise_overhead"] == math.inf
    assert pub.metadata["new"] == [math.inf]


@pytest.mark.parametrize("kind", ["sampler", "estimator"])
def test_results_of_a_laconic_service_have_all_the_metadata(kind: str, run: Any) -> None:
    body = sampled(["0x0", "0x3"]) if kind == "sampler" else estimated("0.5")

    result = run(kind, body).result(timeout=600)

    assert result.metadata["version"] == 2
    assert len(result.metadata["execution"]["execution_spans"]) == 0
    assert result[0].metadata == {
        "circuit_metadata": {},
        "shots": 2 if kind == "sampler" else None,
        "target_precision": None,
        "num_randomizations": None,
        "resilience": {},
    }


# -- results of other jobs ----------------------------------------------------------------------------------------------

NOISY = np.random.default_rng(5)


def good(kind: str, *, tags: bool) -> dict[str, Any]:
    """Return the document of a job of two PUBs, of shapes (2,) and (), with 3 shots of 2 bits."""
    bits = NOISY.integers(0, 4, (2, 3, 1), dtype=np.uint8)
    if kind == "sampler":
        pubs = [DataBin(shape=(2,), m000=BitArray(bits, 2)), DataBin(shape=(), m000=BitArray(bits[0], 2))]
    else:
        pubs = [
            DataBin(shape=(2,), evs=np.array([0.5, 0.25]), stds=np.array([0.1, 0.2])),
            DataBin(shape=(), evs=np.array(0.5), stds=np.array(0.1)),
        ]
    result = PrimitiveResult(
        [(SamplerPubResult if kind == "sampler" else PubResult)(pub, {}) for pub in pubs], {}
    )
    document: dict[str, Any] = json.loads(result_body.dump_result(result, support_qiskit=tags))
    return document


def resized(*shape: int, bits: int = 2) -> Any:
    return BitArray(np.zeros((*shape, (bits + 7) // 8), dtype=np.uint8), bits)


WRONG: dict[str, tuple[str, int, dict[str, Any]]] = {
    "fewer shots": ("sampler", 0, {"m000": resized(2, 2)}),
    "more shots": ("sampler", 1, {"m000": resized(4)}),
    "no shots": ("sampler", 1, {"m000": resized(0)}),
    "another axis": ("sampler", 1, {"m000": resized(1, 3)}),
    "two more axes": ("sampler", 1, {"m000": resized(1, 1, 3)}),
    "fewer sets": ("sampler", 0, {"m000": resized(1, 3)}),
    "no axis of sets": ("sampler", 0, {"m000": resized(3)}),
    "a transposed array": ("sampler", 0, {"m000": resized(3, 2)}),
    "a wider register": ("sampler", 1, {"m000": resized(3, bits=3)}),
    "a narrower register": ("sampler", 1, {"m000": resized(3, bits=1)}),
    "another register": ("sampler", 1, {"m001": resized(3)}),
    "no register": ("sampler", 1, {}),
    "values for samples": ("sampler", 1, {"evs": np.array(0.5), "stds": np.array(0.1)}),
    "values in a register": ("sampler", 1, {"m000": np.array([0.5, 0.1, 0.2])}),
    "samples for values": ("estimator", 1, {"m000": resized(3)}),
    "no values": ("estimator", 1, {"stds": np.array(0.1)}),
    "no deviations": ("estimator", 1, {"evs": np.array(0.1)}),
    "fewer values": ("estimator", 0, {"evs": np.array([0.5]), "stds": np.array([0.1])}),
    "more values": ("estimator", 0, {"evs": np.zeros(3), "stds": np.zeros(3)}),
    "values of two axes": ("estimator", 0, {"evs": np.zeros((2, 2)), "stds": np.zeros((2, 2))}),
    "values for one": ("estimator", 1, {"evs": np.zeros(2), "stds": np.zeros(2)}),
    "words for values": ("estimator", 0, {"evs": np.array(["a", "b"]), "stds": np.zeros(2)}),
    "complex values": ("estimator", 0, {"evs": np.array([1j, 0]), "stds": np.zeros(2)}),
}


@pytest.fixture
def two(directed: Any, director: Any) -> Any:
    """Run a job of two PUBs whose result is a document: ``two(kind, document)``; gives the job and one reopened."""
    backend = directed.backend("aer_simulator")

    def start(kind: str, document: dict[str, Any]) -> list[Any]:
        director.answer(json.dumps(document).encode())
        angle = Parameter("a")
        circuit = QuantumCircuit(2)
        circuit.rx(angle, 0)
        if kind == "estimator":
            job = EstimatorV2(backend).run([(circuit, "ZZ", [0.1, 0.2]), (circuit, "ZZ", 0.1)])
        else:
            circuit.measure_all()
            job = SamplerV2(backend).run([(circuit, [0.1, 0.2]), (circuit, 0.1)], shots=3)
        return [job, directed.job(job.job_id())]

    return start


@pytest.mark.parametrize("tags", [False, True], ids=["plain", "tagged"])
@pytest.mark.parametrize("kind", ["sampler", "estimator"])
def test_the_right_result_is_taken(kind: str, tags: bool, two: Any) -> None:
    for job in two(kind, good(kind, tags=tags)):
        assert [pub.data.shape for pub in job.result(timeout=600)] == [(2,), ()]


@pytest.mark.parametrize("tags", [False, True], ids=["plain", "tagged"])
@pytest.mark.parametrize("name", WRONG)
def test_the_result_of_another_job_is_refused(name: str, tags: bool, two: Any) -> None:
    """Faults C12 (``results_of_wrong_size``): by the job that submitted it, and by one reopened by id."""
    kind, index, fields = WRONG[name]
    document = good(kind, tags=tags)
    if tags:
        shape = [2] if index == 0 else []
        value = document["__value__"]["pub_results"][index]["__value__"]["data"]["__value__"]
        value.update(shape=shape, fields={key: typed.dump(item) for key, item in fields.items()})
        value.update(field_names=list(fields), field_types=[])
    else:
        written = plain.dump_result(PrimitiveResult([PubResult(DataBin(**fields), {})], {}))
        document["results"][index]["data"] = written["results"][0]["data"]

    for job in two(kind, document):
        with pytest.raises(ResultDecodeError) as caught:
            job.result(timeout=600)
        assert f"[{index}]" in caught.value.path


@pytest.mark.parametrize("kind", ["sampler", "estimator"])
@pytest.mark.parametrize(
    "change", [lambda pubs: pubs[:1], lambda pubs: [*pubs, pubs[0]], lambda pubs: pubs[::-1]]
)
def test_results_of_other_pubs_are_refused(kind: str, change: Any, two: Any) -> None:
    """Faults C12: one too few, one too many, in another order."""
    document = good(kind, tags=False)
    document["results"] = change(document["results"])

    for job in two(kind, document):
        with pytest.raises(ResultDecodeError, match=r"\$\.results"):
            job.result(timeout=600)
