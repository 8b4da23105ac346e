"""Results of primitives that ran as quantum programs: what they hold, and what does not fit is refused where it stands.

That they equal the official client's is in tests/official/test_client_side.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import PrimitiveResult

from qiskit_rest_primitives._time import format_time
from qiskit_rest_primitives.decoders import (
    DEFAULT_DECODERS,
    ClientSideSamplerResultDecoder,
    ExecutorResultDecoder,
    ResultDecoder,
)
from qiskit_rest_primitives.exceptions import ResultDecodeError
from qiskit_rest_primitives.executor.decoding import decode_program_result
from qiskit_rest_primitives.jobs.decoders import apply_decoders
from qiskit_rest_primitives.jobs.result import read_safely
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.models import JobRecord
from qiskit_rest_primitives.wire.quantum_program import PLACE
from qiskit_rest_primitives.wire.tensors import dump_tensor

Change = Callable[[dict[str, Any]], Any]
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
RECORD = JobRecord(id="job-1", status="Completed", program_id="executor")


def part(item: int, size: int, *elements: int, axes: int = 1) -> dict[str, Any]:
    return {
        "idx_item": item,
        "size": size,
        "permutation": list(range(axes)),
        "element_range": [*elements] or [0, size, 1],
    }


def chunk(second: int, *parts: dict[str, Any]) -> dict[str, Any]:
    start, stop = (format_time(START + timedelta(seconds=second + more)) for more in (0, 1))
    return {"start": start, "stop": stop, "parts": list(parts)}


def sampled(*items: dict[str, Any], chunks: list[Any] | None = None, **passed: Any) -> dict[str, Any]:
    """Return the body of a sampler's job: items are dicts of arrays."""
    settings = {
        "version": "v0.1",
        "twirling": False,
        "meas_type": "classified",
        "shots": 4,
        "options": {"default_shots": 4},
        "circuits_metadata": [{} for _ in items],
    }
    return {
        "schema_version": "v2.0",
        "data": [
            {
                "results": {name: dump_tensor(array, compressed=True) for name, array in item.items()},
                "metadata": {},
            }
            for item in items
        ],
        "metadata": {"chunk_timing": chunks or []},
        "passthrough_data": {"post_processor": settings | passed},
        "semantic_role": "sampler_v2",
    }


def bits(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).integers(0, 2, shape).astype(bool)


def read(document: dict[str, Any], record: JobRecord = RECORD) -> Any:
    return read_safely(json.dumps(document).encode(), record, DecodeHints())


def test_bits_of_a_twirled_sampler_are_turned_back_and_joined() -> None:
    samples, flips = bits(3, 2, 4, 5), bits(3, 2, 1, 5)

    result = read(sampled({"c": samples, "d": samples, "measurement_flips.c": flips}, twirling=True))

    assert isinstance(result, PrimitiveResult)
    (pub,) = result
    assert (pub.data.shape, list(pub.data), pub.data.c.num_shots) == ((2,), ["c", "d"], 12)
    joined = np.concatenate(list(samples ^ flips), axis=1)
    np.testing.assert_array_equal(pub.data.c.to_bool_array(order="little"), joined)
    np.testing.assert_array_equal(
        pub.data.d.to_bool_array(order="little"), np.concatenate(list(samples), axis=1)
    )
    assert pub.metadata == {
        "circuit_metadata": {},
        "shots": 12,
        "num_randomizations": 3,
        "target_precision": None,
        "resilience": {},
    }


def test_metadata_are_those_of_both_contracts_and_say_how_circuits_were_scheduled() -> None:
    document = sampled({"c": bits(4, 1)}, circuits_metadata=[{"of": "mine"}])
    stretch = {"name": "s", "value": 3, "remainder": 1, "expanded_values": [[0, 4]]}
    timing = {"timing": "u,0,1", "circuit_duration": 9}
    document["data"][0]["metadata"] = {"scheduler_timing": timing, "stretch_values": [stretch]}

    result = read(document)

    assert result.metadata["options"] == {"default_shots": 4}
    assert (result.metadata["shots"], result.metadata["version"]) == (4, 2)
    assert list(result.metadata["execution"]["execution_spans"]) == []
    assert result.metadata["executor"].chunk_timing == []
    assert result[0].metadata["circuit_metadata"] == {"of": "mine"}
    assert result[0].metadata["compilation"] == {"scheduler_timing": timing, "stretch_values": [stretch]}


@pytest.mark.parametrize("twirled", [False, True])
def test_spans_tell_when_each_shot_was_taken(twirled: bool) -> None:
    chunks = [
        chunk(0, part(0, 5, 0, 5, 1, axes=2)),
        chunk(1, part(0, 1, 5, 6, 1, axes=2), part(1, 2, 0, 2, 1, axes=2)),
        chunk(2, part(1, 4, 2, 6, 1, axes=2)),
    ]
    item = {"c": bits(2, 3, 4, 1)}

    spans = read(sampled(item, item, twirling=twirled, chunks=chunks)).metadata["execution"][
        "execution_spans"
    ]

    assert [(span.start, span.pub_idxs, span.size) for span in spans] == [
        (START, [0], 20),
        (START + timedelta(seconds=1), [0, 1], 12),
        (START + timedelta(seconds=2), [1], 16),
    ]
    for place in (0, 1):
        masks = [span.mask(place).astype(int) for span in spans if span.contains_pub(place)]
        assert sum(masks).tolist() == np.ones((3, 8) if twirled else (2, 3, 4), int).tolist()
    first = spans[0].mask(0)
    # Of the second randomization, or of the second row, the last set of values came later.
    missing = [(2, shot) for shot in range(4, 8)] if twirled else [(1, 2, shot) for shot in range(4)]
    assert [tuple(place) for place in np.argwhere(~first)] == missing


def test_spans_follow_the_order_of_the_axes_that_a_chunk_names() -> None:
    pieces = [part(0, 3, 0, 3, 1, axes=2), part(0, 3, 3, 6, 1, axes=2)]
    for piece in pieces:
        piece["permutation"] = [1, 0]
    document = sampled(
        {"c": bits(2, 3, 4, 1)}, chunks=[chunk(place, one) for place, one in enumerate(pieces)]
    )

    spans = read(document).metadata["execution"]["execution_spans"]

    masks = {START: np.zeros((2, 3), bool), START + timedelta(seconds=1): np.zeros((2, 3), bool)}
    for span in spans:
        masks[span.start] |= span.mask(0).all(axis=-1)
    first, second = masks.values()
    assert first.tolist() == [[True, True, False], [True, False, False]]
    assert second.tolist() == (~first).tolist()


def test_chunks_of_older_schemas_hold_the_next_elements() -> None:
    document = sampled({"c": bits(6, 4, 1)}, chunks=[chunk(0, part(0, 4)), chunk(1, part(0, 2))])
    for each in document["metadata"]["chunk_timing"]:
        for one in each["parts"]:
            del one["permutation"], one["element_range"]

    spans = read(document).metadata["execution"]["execution_spans"]

    assert [np.flatnonzero(span.mask(0)[:, 0]).tolist() for span in spans] == [[0, 1, 2, 3], [4, 5]]


def test_the_parts_of_a_run_tell_the_places_of_their_pubs() -> None:
    """A job of several parts joins them: each tells which PUBs of ``run()`` its items are."""
    chunks = [chunk(0, part(0, 2)), chunk(1, part(1, 2))]
    raw = ResultDecoder.decode(json.dumps(sampled(*[{"c": bits(2, 4, 1)}] * 2, chunks=chunks)).encode())

    raw.passthrough_data[PLACE] = {"part": 2, "of": 3, "pubs": [3, 1]}

    result = decode_program_result(raw, PrimitiveResult)

    assert [pub.data.shape for pub in result] == [(2,), (2,)]
    assert [span.pub_idxs for span in result.metadata["execution"]["execution_spans"]] == [[0], [1]]
    assert result.metadata["run"] == {"part": 2, "of": 3, "pubs": [3, 1]}


SHARES = [[[2, 3], [4, 1]], [[2, 3], [0, 2, 3, 5]], None]


def test_results_that_share_a_pub_are_one() -> None:
    """As of a PUB with parameters for how long delays last: each duration is an item."""
    items = [{"c": bits(2, 4, 1)}, {"c": bits(4, 4, 1)}, {"c": bits(2, 4, 1)}]
    chunks = [chunk(0, part(0, 2)), chunk(1, part(1, 4)), chunk(2, part(2, 2))]
    raw = ResultDecoder.decode(json.dumps(sampled(*items, chunks=chunks)).encode())
    raw.passthrough_data[PLACE] = {"part": 1, "of": 1, "pubs": [0, 0, 1], "shares": SHARES}

    result = decode_program_result(raw, PrimitiveResult)

    assert [pub.data.shape for pub in result] == [(2, 3), (2,)]
    whole = result[0].data.c.to_bool_array(order="little").reshape(6, 4, 1)
    assert np.array_equal(whole[[4, 1]], raw[0]["c"])
    assert np.array_equal(whole[[0, 2, 3, 5]], raw[1]["c"])
    spans = result.metadata["execution"]["execution_spans"]
    taken = np.sum([span.mask(0) for span in spans if 0 in span.pub_idxs], axis=0)
    assert np.array_equal(taken, np.ones((2, 3, 4)))
    assert np.argwhere(spans[0].mask(0)[..., 0]).tolist() in ([[0, 1]], [[1, 1]])
    assert "run" not in result.metadata


@pytest.mark.parametrize(
    "place",
    [
        [],
        {"part": None, "of": 1, "pubs": [0, 0, 1]},
        {"part": 1, "of": 1, "pubs": [0, 0, -1]},
        {"part": 1, "of": 1, "pubs": [0, 0]},
        {"part": 1, "of": 1, "pubs": [0, 0, 1]},
        {"part": 1, "of": 1, "pubs": [0, 0, 1], "shares": SHARES[:2]},
        {"part": 1, "of": 1, "pubs": [0, 0, 1], "shares": [SHARES[0], None, None]},
        {"part": 1, "of": 1, "pubs": [0, 1, 2], "shares": SHARES},
        {"part": 1, "of": 1, "pubs": [0, 0, 1], "shares": [[[2, 3], [4, 0]], *SHARES[1:]]},
        {"part": 1, "of": 1, "pubs": [0, 0, 1], "shares": [[[2, "3"], [4, 1]], *SHARES[1:]]},
        {"part": 1, "of": 1, "pubs": [0, 0, 1], "shares": [[[10**9, 10**9], [4, 1]], *SHARES[1:]]},
    ],
)
def test_shares_that_make_no_whole_are_named(place: Any) -> None:
    items = [{"c": bits(2, 4, 1)}, {"c": bits(4, 4, 1)}, {"c": bits(2, 4, 1)}]
    raw = ResultDecoder.decode(json.dumps(sampled(*items)).encode())
    raw.passthrough_data[PLACE] = place

    with pytest.raises(DecodeError) as caught:
        decode_program_result(raw, PrimitiveResult)

    assert caught.value.path.startswith("$.passthrough_data.qiskit_rest_primitives")


def put(*keys: Any, value: Any) -> Change:
    """Return what puts a value into a body, at a path."""

    def change(document: dict[str, Any]) -> None:
        holder: Any = document
        for key in keys[:-1]:
            holder = holder[key]
        holder[keys[-1]] = value

    return change


def tensor(array: Any) -> Any:
    return dump_tensor(np.asarray(array), compressed=True)


PASSED, SETTINGS = ("passthrough_data",), ("passthrough_data", "post_processor")

DAMAGED: dict[str, tuple[Change, str]] = {
    "a role that is a list": (put("semantic_role", value=["sampler_v2"]), "$.semantic_role"),
    "nothing sent along": (put(*PASSED, value=None), "$.passthrough_data.post_processor"),
    "a list": (put(*PASSED, value=[1]), "$.passthrough_data.post_processor"),
    "settings that are no object": (put(*SETTINGS, value="v0.1"), "$.passthrough_data.post_processor"),
    "no version": (put(*SETTINGS, value={}), "$.passthrough_data.post_processor.version"),
    "a version to come": (put(*SETTINGS, "version", value="v9"), "$.passthrough_data.post_processor.version"),
    "a version that is a list": (
        put(*SETTINGS, "version", value=["v0.1"]),
        "$.passthrough_data.post_processor.version",
    ),
    "twirling that is a number": (
        put(*SETTINGS, "twirling", value=1),
        "$.passthrough_data.post_processor.twirling",
    ),
    "a level nobody knows": (
        put(*SETTINGS, "meas_type", value="both"),
        "$.passthrough_data.post_processor.meas_type",
    ),
    "shots that are not those of the arrays": (put(*SETTINGS, "shots", value=5), "$.data[0].results.c"),
    "no shots": (put(*SETTINGS, "shots", value=0), "$.passthrough_data.post_processor.shots"),
    "shots that are true": (put(*SETTINGS, "shots", value=True), "$.passthrough_data.post_processor.shots"),
    "no options": (put(*SETTINGS, "options", value=None), "$.passthrough_data.post_processor.options"),
    "metadata of too many circuits": (
        put(*SETTINGS, "circuits_metadata", value=[{}, {}, {}]),
        "$.passthrough_data.post_processor.circuits_metadata",
    ),
    "metadata that are no object": (
        put(*SETTINGS, "circuits_metadata", value=[{}, 3]),
        "$.passthrough_data.post_processor.circuits_metadata[1]",
    ),
    "flips of a register that is not there": (
        put("data", 0, "results", "measurement_flips.d", value=tensor(bits(2, 3, 1, 5))),
        "$.data[0].results.measurement_flips.d",
    ),
    "flips of other sets of values": (
        put("data", 0, "results", "measurement_flips.c", value=tensor(bits(2, 1, 1, 5))),
        "$.data[0].results.measurement_flips.c",
    ),
    "flips that are numbers": (
        put("data", 0, "results", "measurement_flips.c", value=tensor(np.ones((2, 3, 1, 5)))),
        "$.data[0].results.measurement_flips.c",
    ),
    "samples that are signals": (
        put("data", 1, "results", value={"c": tensor(np.ones((2, 3, 4, 5)))}),
        "$.data[1].results.c",
    ),
    "samples without shots": (
        put("data", 1, "results", value={"c": tensor(np.ones(5, bool))}),
        "$.data[1].results.c",
    ),
    "an item without registers": (put("data", 1, "results", value={}), "$.data[1].results"),
    "registers of two shapes": (
        put("data", 1, "results", "d", value=tensor(bits(2, 2, 4, 5))),
        "$.data[1].results",
    ),
    "two numbers of randomizations": (
        put("data", 1, "results", value={"c": tensor(bits(3, 3, 4, 5))}),
        "$.data",
    ),
    "no axis of randomizations": (
        put("data", 1, "results", value={"c": tensor(bits(4, 5))}),
        "$.data[1]",
    ),
    "a chunk of an item that is not there": (
        put("metadata", "chunk_timing", value=[chunk(0, part(2, 1))]),
        "$.metadata.chunk_timing[0]",
    ),
    "a chunk of an item before the first": (
        put("metadata", "chunk_timing", value=[chunk(0, part(-1, 1))]),
        "$.metadata.chunk_timing[0]",
    ),
    "a chunk of more than there is": (
        put("metadata", "chunk_timing", value=[chunk(0, part(0, 7, axes=2))]),
        "$.metadata.chunk_timing[0]",
    ),
    "a chunk of axes that are not there": (
        put("metadata", "chunk_timing", value=[chunk(0, part(0, 6, axes=3))]),
        "$.metadata.chunk_timing[0]",
    ),
    "a chunk of half an element": (
        put("metadata", "chunk_timing", value=[chunk(0, part(0, 0.5))]),  # type: ignore[arg-type]
        "$.metadata",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_does_not_fit_is_one_error_that_names_the_place(case: str) -> None:
    item = {"c": bits(2, 3, 4, 5), "measurement_flips.c": bits(2, 3, 1, 5)}
    good = sampled(item, item, twirling=True)
    assert len(read(good)) == 2
    change, path = DAMAGED[case]
    bad = deepcopy(good)
    change(bad)

    with pytest.raises(ResultDecodeError) as caught:
        read(bad)

    assert caught.value.path == path
    assert json.loads(caught.value.body) == bad
    assert "job-1" in str(caught.value)
    if path != "$.metadata":
        raw = apply_decoders(caught.value.body, ResultDecoder)
        assert len(raw) == 2


def test_an_unknown_post_processor_is_named_and_the_arrays_can_be_had() -> None:
    document = sampled({"c": bits(4, 2)}, version="v7") | {"semantic_role": "oracle_v1"}
    body = json.dumps(document).encode()

    with pytest.raises(
        ResultDecodeError, match=r"'oracle_v1' with version 'v7'.*decoder=ResultDecoder"
    ) as caught:
        read(document)

    assert caught.value.body == body
    for decoder in (ResultDecoder, ExecutorResultDecoder, DEFAULT_DECODERS["executor"]):
        raw = apply_decoders(body, decoder)
        assert (raw._semantic_role, raw[0]["c"].shape) == ("oracle_v1", (4, 2))


def test_the_author_of_a_program_without_post_processor_gets_what_came() -> None:
    for role in (None, "somebody-else"):
        document = sampled({"c": bits(4, 2)}) | {"semantic_role": role, "passthrough_data": {"mine": 1}}

        result = read(document)

        assert (result._semantic_role, result.passthrough_data, result[0]["c"].shape) == (
            role,
            {"mine": 1},
            (4, 2),
        )


def test_the_chain_of_decoders_gives_what_the_job_gives() -> None:
    document = sampled({"c": bits(4, 2)})
    body = json.dumps(document).encode()

    (first,), (second,) = read(document), apply_decoders(body, DEFAULT_DECODERS["executor"])

    assert first.data.c == second.data.c
    assert first.metadata == second.metadata
    raw = ResultDecoder.decode(body)
    assert ClientSideSamplerResultDecoder.is_applicable(raw)
    assert not ClientSideSamplerResultDecoder.is_applicable(body.decode())
    before = raw[0]["c"].copy()
    ClientSideSamplerResultDecoder.decode(raw)
    np.testing.assert_array_equal(raw[0]["c"], before)
    with pytest.raises(DecodeError):
        ClientSideSamplerResultDecoder.decode(
            ResultDecoder.decode(json.dumps(sampled({"c": bits(3, 2)})).encode())
        )


def test_a_private_result_that_cannot_be_read_is_kept_in_a_file() -> None:
    with pytest.raises(ResultDecodeError) as caught:
        read(sampled({"c": bits(3, 2)}), replace(RECORD, private=True))

    assert caught.value.saved_to is not None
    assert Path(caught.value.saved_to).read_bytes() == caught.value.body
    Path(caught.value.saved_to).unlink()


def estimated(*items: dict[str, Any], **task: Any) -> dict[str, Any]:
    """Return the body of an estimator's job with one PUB: ZZ + XI at two values of a parameter."""
    settings = {
        "version": "v0.1",
        "options": {"twirling": {"enable_measure": True}, "default_precision": 0.1, "resilience": {"zne": 1}},
        "shots": 12,
        "precision": None,
        "circuits_metadata": [None],
        "num_pubs": 1,
    }
    mitigation = {
        "version": "0.1",
        "mitigation": None,
        "observables": {"ZZ": 1.0, "XI": 0.5},
        "param_basis_pairs": [[[0], "ZZ"], [[0], "XI"], [[1], "ZZ"], [[1], "XI"]],
        "param_shape": [2],
        "broadcast_obs_and_params": True,
        "meas_bases": [],
        "program_item_index": 0,
        "trex_calibration": None,
    }
    passed = {"post_processor": settings, "qiskit_mitigation": [mitigation | task]}
    return sampled(*items) | {"semantic_role": "estimator_v2", "passthrough_data": passed}


def test_expectation_values_have_the_errors_and_the_metadata_of_both_contracts() -> None:
    samples, flips = bits(3, 4, 4, 2), bits(3, 4, 1, 2)

    result = read(estimated({"_meas": samples, "measurement_flips._meas": flips}))

    signs = 1 - 2 * (samples ^ flips)
    first, second = signs.prod(axis=-1), signs[..., 1]
    evs = [first[:, 2 * at].mean() + 0.5 * second[:, 2 * at + 1].mean() for at in (0, 1)]
    (pub,) = result
    assert pub.data.evs == pytest.approx(evs)
    assert set(pub.data) == {"evs", "stds", "ensemble_standard_error"}
    shots = [
        1 - first[:, 2 * at].mean() ** 2 + 0.25 * (1 - second[:, 2 * at + 1].mean() ** 2) for at in (0, 1)
    ]
    assert pub.data.ensemble_standard_error == pytest.approx(np.sqrt(np.array(shots) / 12))
    assert pub.metadata == {
        "shots": 12,
        "num_randomizations": 3,
        "target_precision": 0.1,
        "compilation": {},
        "circuit_metadata": {},
        "resilience": {},
    }
    assert result.metadata["options"]["resilience"] == {}
    assert (result.metadata["shots"], result.metadata["target_precision"]) == (12, None)


TASK = ("passthrough_data", "qiskit_mitigation", 0)
DAMAGED_ESTIMATES: dict[str, tuple[Change, str]] = {
    "no tasks": (
        put("passthrough_data", "qiskit_mitigation", value=[]),
        "$.passthrough_data.qiskit_mitigation",
    ),
    "a task nobody knows": (put(*TASK, "mitigation", value="magic"), "$.passthrough_data.qiskit_mitigation"),
    "a task of a version to come": (
        put(*TASK, "version", value="9"),
        "$.passthrough_data.qiskit_mitigation[0]",
    ),
    "more PUBs than tasks": (
        put(*SETTINGS, "num_pubs", value=2),
        "$.passthrough_data.post_processor.circuits_metadata",
    ),
    "PUBs that are a text": (
        put(*SETTINGS, "num_pubs", value="1"),
        "$.passthrough_data.post_processor.num_pubs",
    ),
    "a calibration that is not there": (
        put(*TASK, "trex_calibration", value=True),
        "$.passthrough_data.qiskit_mitigation",
    ),
    "the last item": (
        put(*TASK, "program_item_index", value=-1),
        "$.passthrough_data.qiskit_mitigation[0].program_item_index",
    ),
    "an item that is not there": (
        put(*TASK, "program_item_index", value=1),
        "$.passthrough_data.qiskit_mitigation[0].program_item_index",
    ),
    "fewer pairs than samples": (
        put(*TASK, "param_basis_pairs", value=[[[0], "ZZ"], [[0], "XI"]]),
        "$.passthrough_data.qiskit_mitigation[0].param_basis_pairs",
    ),
    "pairs of other values": (
        put(*TASK, "param_basis_pairs", value=[[[7], "ZZ"], [[7], "XI"], [[8], "ZZ"], [[8], "XI"]]),
        "$.passthrough_data.qiskit_mitigation[0]",
    ),
    "bases that are none": (
        put(*TASK, "param_basis_pairs", value=[[[0], "QQ"]] * 4),
        "$.passthrough_data.qiskit_mitigation[0]",
    ),
    "a shape that is none": (
        put(*TASK, "param_shape", value=[2.0]),
        "$.passthrough_data.qiskit_mitigation[0].param_shape",
    ),
    "observables on other qubits": (
        put(*TASK, "observables", value={"ZZZ": 1.0, "XII": 0.5}),
        "$.passthrough_data.qiskit_mitigation[0].observables",
    ),
    "twirls without flips": (
        lambda document: document["data"][0]["results"].pop("measurement_flips._meas"),
        "$.data[0].results",
    ),
    "flips of another circuit": (
        put("data", 0, "results", "measurement_flips._meas", value=tensor(bits(1, 4, 1, 2))),
        "$.data[0].results.measurement_flips._meas",
    ),
    "no samples": (put("data", 0, "results", value={}), "$.data[0].results"),
    "signs of other randomizations": (
        put("data", 0, "results", "pauli_signs", value=tensor(bits(3, 1, 5))),
        "$.data[0].results.pauli_signs",
    ),
}


@pytest.mark.parametrize("case", DAMAGED_ESTIMATES)
def test_estimates_that_do_not_fit_are_one_error_that_names_the_place(case: str) -> None:
    good = estimated({"_meas": bits(3, 4, 4, 2), "measurement_flips._meas": bits(3, 4, 1, 2)})
    change, path = DAMAGED_ESTIMATES[case]
    bad = deepcopy(good)
    change(bad)

    with pytest.raises(ResultDecodeError) as caught:
        read(bad)

    assert caught.value.path == path
    assert json.loads(caught.value.body) == bad


def test_without_the_extra_an_estimator_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qiskit_mitigation", "qiskit_mitigation.utils", "qiskit_mitigation.utils.utils"):
        monkeypatch.setitem(sys.modules, name, None)
    document = estimated({"_meas": bits(3, 4, 4, 2), "measurement_flips._meas": bits(3, 4, 1, 2)})

    with pytest.raises(
        ResultDecodeError, match=r"qiskit-rest-primitives\[executor\].*decoder=ResultDecoder"
    ) as caught:
        read(document)

    assert apply_decoders(caught.value.body, ResultDecoder)[0]["_meas"].shape == (3, 4, 4, 2)


def test_a_sampler_needs_no_other_package() -> None:
    """The packages of the extra are not even looked for, nor the official client."""
    code = (
        "import sys\n"
        "for name in ('samplomatic', 'qiskit_mitigation', 'qiskit_ibm_runtime'): sys.modules[name] = None\n"
        "from qiskit_rest_primitives.jobs.decoders import decode\n"
        "from qiskit_rest_primitives.wire.expected import DecodeHints\n"
        "print(decode(sys.stdin.buffer.read(), 'executor', DecodeHints())[0].data.c.num_shots)"
    )
    body = json.dumps(sampled({"c": bits(4, 2)})).encode()

    done = subprocess.run([sys.executable, "-c", code], input=body, capture_output=True, check=True)

    assert done.stdout.strip() == b"4"


def learned(**options: Any) -> dict[str, Any]:
    document = sampled({"meas0": bits(2, 4, 2)}, options={"bit_flip_checks": {}} | options)
    return document | {"semantic_role": "noise_learner_v3"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (learned(), "$.passthrough_data.post_processor.options.bit_flip_checks.pre_circuit"),
        (learned(bit_flip_checks=3), "$.passthrough_data.post_processor.options.bit_flip_checks.pre_circuit"),
        (
            learned(bit_flip_checks={"pre_circuit": {"enable": True, "strategy": "none"}}),
            "$.passthrough_data.post_processor.options.bit_flip_checks.pre_circuit",
        ),
        (
            learned(bit_flip_checks={name: {"enable": False} for name in ("pre_circuit", "post_circuit")}),
            "$.passthrough_data",
        ),
    ],
)
def test_learned_noise_that_does_not_fit_is_one_error_that_names_the_place(
    document: dict[str, Any], path: str
) -> None:
    pytest.importorskip(
        "qiskit_noise_learning", reason="pip install qiskit-rest-primitives[noise-learning] on Python 3.11+"
    )
    with pytest.raises(ResultDecodeError) as caught:
        read(document)

    assert caught.value.path == path


def test_without_its_extra_a_noise_learner_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qiskit_noise_learning", "qiskit_noise_learning.protocols"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(ResultDecodeError, match=r"qiskit-rest-primitives\[noise-learning\]") as caught:
        read(learned())

    assert apply_decoders(caught.value.body, ResultDecoder)[0]["meas0"].shape == (2, 4, 2)
