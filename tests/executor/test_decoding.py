"""Results of primitives that ran as quantum programs: what they hold, and what does not fit is refused where it stands.

That they equal the official client's is in tests/official/test_client_side.py.
"""

from __future__ import annotations

import json
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
from qiskit_rest_primitives.jobs.decoders import apply_decoders
from qiskit_rest_primitives.jobs.result import read_safely
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.models import JobRecord
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
