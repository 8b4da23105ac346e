"""A ``run()`` that became several jobs is one to its user, and whatever happens in between, none is lost or double."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.primitives import DataBin, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

from qiskit_rest_primitives import (
    EstimatorV2,
    IBMBackend,
    IBMInputValueError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobV2,
    SamplerV2,
    as_completed,
)
from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.executor.parts import ProgramPart, run_params
from qiskit_rest_primitives.executor.passed import place_in_run
from qiskit_rest_primitives.executor.sampler_program import sampler_parts
from qiskit_rest_primitives.jobs.joining import joined
from qiskit_rest_primitives.jobs.parts import part_ids, submit_parts
from qiskit_rest_primitives.options.primitives import SamplerOptions
from qiskit_rest_primitives.primitives.base import RunContext
from qiskit_rest_primitives.rest.connect import connect as connect_api
from qiskit_rest_primitives.rest.connect import engine_of
from qiskit_rest_primitives.rest.journal import VARIABLE, Journal, user_journal
from qiskit_rest_primitives.rest.lookup import submission_of
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.quantum_program import PLACE

SHOTS = [100, 1000, 100, 7]
"""Of the PUBs of the run of these tests: three parts, the first of PUBs 0 and 2."""
COUNTS = [{"1": 100}, {"10": 1000}, {"010000000000": 100}, {"000": 7}]


def pubs() -> list[Any]:
    """Return PUBs of circuits without chance; the third has twelve parameters, of which the eleventh is not zero."""
    one, two, three, four = (
        QuantumCircuit(width, metadata={"pub": pub}) for pub, width in enumerate([1, 2, 12, 3])
    )
    one.x(0)
    two.x(1)
    for qubit, angle in enumerate(ParameterVector("t", 12)):
        three.rx(angle, qubit)
    for circuit in (one, two, three, four):
        circuit.measure_all()
    values = pi * np.eye(12)[10]
    return [
        (circuit, values if circuit is three else None, shots)
        for circuit, shots in zip((one, two, three, four), SHOTS, strict=True)
    ]


def run(backend: IBMBackend, **environment: Any) -> RuntimeJobV2:
    return SamplerV2(backend, options={"program": "executor", "environment": environment}).run(pubs())


def parts(service: Any) -> tuple[RunContext, list[ProgramPart]]:
    place = RunContext(service.backend("aer_simulator"))
    return place, sampler_parts([SamplerPub.coerce(pub) for pub in pubs()], SamplerOptions(), place.backend)


def check(result: Any) -> None:
    assert isinstance(result, PrimitiveResult)
    assert [pub.data.meas.get_counts() for pub in result] == COUNTS
    assert [pub.metadata["circuit_metadata"] for pub in result] == [{"pub": index} for index in range(4)]
    assert [pub.metadata["shots"] for pub in result] == SHOTS


@pytest.fixture(scope="module")
def backend(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


@pytest.fixture(scope="module")
def done(backend: IBMBackend) -> RuntimeJobV2:
    job = run(backend, job_tags=["mine", "yours"])
    job.result()
    return job


# -- one job -------------------------------------------------------------------------------------------------------------


def test_there_is_one_job_with_one_result_of_all_pubs_in_order(done: RuntimeJobV2) -> None:
    result = done.result()
    spans = result.metadata["execution"]["execution_spans"]

    check(result)
    assert done.result() is result
    assert isinstance(done, RuntimeJobV2)
    assert len(set(done.job_ids())) == 3
    assert done.job_ids()[0] == done.job_id()
    assert done.job_id() in repr(done)
    assert (done.status(), done.done(), done.in_final_state(), done.is_final) == ("DONE", True, True, True)
    assert done.error_message() is None
    assert done.tags == ["mine", "yours"]
    assert done.primitive_id == "executor"
    assert spans.pub_idxs == [0, 1, 2, 3]
    assert [
        sum(int(span.mask(pub).sum()) for span in spans if span.contains_pub(pub)) for pub in range(4)
    ] == SHOTS
    assert result.metadata["shots"] == [100, 1000, 7]  # of each part: what differs is a list
    assert isinstance(result.metadata["options"], dict)  # what is the same stands once
    assert "run" not in result.metadata


def test_figures_are_those_of_all_parts(service: Any, done: RuntimeJobV2) -> None:
    metrics = done.metrics()
    each = [service.api().job_metrics(job_id) for job_id in done.job_ids()]

    assert metrics["parts"] == each
    assert done.usage() == sum(entry["usage"]["qpu_charge_time_seconds"] for entry in each)
    assert metrics["timestamps"]["created"] == each[0]["timestamps"]["created"]
    assert metrics["timestamps"]["finished"] == max(entry["timestamps"]["finished"] for entry in each)
    assert metrics["usage"]["status"] == "complete"
    assert all(job_id in done.logs() for job_id in done.job_ids())
    assert [len(given["quantum_program"].items) for given in done.inputs["parts"]] == [2, 1, 1]
    assert done.usage_estimation["quantum_seconds"] is not None
    assert done.creation_date == service.job(done.job_id()).creation_date
    assert done.backend().name == "aer_simulator"


def test_any_part_reopens_the_whole_and_each_is_an_ordinary_job(
    service: Any, endpoint: Any, connect: Callable[..., Any], done: RuntimeJobV2
) -> None:
    for job_id in done.job_ids():
        again = connect(endpoint).job(job_id)
        assert again.job_ids() == done.job_ids()
    check(again.result())
    listed = {job.job_id(): job for job in service.jobs(limit=50, job_tags=["mine"])}
    alone = listed[done.job_ids()[0]]

    assert set(listed) >= set(done.job_ids())
    assert alone.job_ids() == [alone.job_id()]
    assert [pub.data.meas.get_counts() for pub in alone.result()] == [COUNTS[0], COUNTS[2]]
    assert alone.result().metadata["run"] == {"part": 1, "of": 3, "pubs": [0, 2]}
    assert [len(listed[job_id].tags) for job_id in done.job_ids()] == [2, 2, 2]


def test_a_copy_goes_to_other_processes(done: RuntimeJobV2) -> None:
    copy = pickle.loads(pickle.dumps(done))

    assert copy.job_ids() == done.job_ids()
    check(copy.result())


def test_each_part_opens_in_the_official_client(done: RuntimeJobV2) -> None:
    defaults = pytest.importorskip(
        "qiskit_ibm_runtime.decoders.defaults", reason="pip install qiskit-ibm-runtime to compare with it"
    )
    theirs: Any = done._api_client.job_results(done.job_ids()[0])
    for decoder in defaults.DEFAULT_DECODERS["executor"]:
        theirs = decoder.decode(theirs) if decoder.is_applicable(theirs) else theirs

    assert [pub.data.meas.get_counts() for pub in theirs] == [COUNTS[0], COUNTS[2]]


def test_a_decoder_is_given_each_part(done: RuntimeJobV2) -> None:
    class Length:
        @classmethod
        def decode(cls, text: str) -> int:
            return len(json.loads(text)["data"])

    assert done.result(decoder=Length) == [2, 1, 1]


def test_tags_are_those_of_all_parts_and_leave_room_for_one(service: Any, backend: IBMBackend) -> None:
    seven = [f"tag {number}" for number in range(7)]
    job = run(backend, job_tags=seven)

    assert job.tags == seven
    assert job.update_tags(["new"]) == ["new"]
    assert len(service.jobs(job_tags=["new"])) == 3
    assert service.job(job.job_ids()[2]).tags == ["new"]
    for change in (
        job.update_tags,
        lambda tags: run(backend, job_tags=tags),
    ):
        with pytest.raises(IBMInputValueError, match="7"):
            change([*seven, "tag 8"])


def test_private_parts_are_joined_too(service: Any, backend: IBMBackend) -> None:
    job = run(backend, private=True)
    again = service.job(job.job_ids()[1])

    assert again.private
    check(again.result())
    assert again.result() is again.result()


def part_result(part: int, of: int, pubs: Sequence[int], results: int | None = None) -> PrimitiveResult[Any]:
    made = [SamplerPubResult(DataBin()) for _ in range(len(pubs) if results is None else results)]
    return PrimitiveResult(made, {"run": {"part": part, "of": of, "pubs": list(pubs)}})


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        ([part_result(1, 2, [0]), part_result(1, 2, [1])], "part 2 of 2"),
        ([part_result(1, 3, [0]), part_result(2, 3, [1])], "part 1 of 2"),
        ([part_result(1, 2, [0]), PrimitiveResult([])], "part 2 of 2"),
        ([part_result(1, 2, [0]), "raw"], "part 2 of 2"),
        ([part_result(1, 2, [0, 1]), part_result(2, 2, [1])], "part 2 has 1 results"),
        ([part_result(1, 2, [0], results=2), part_result(2, 2, [1])], "part 1 has 2 results"),
        ([part_result(1, 2, [0]), part_result(2, 2, [2])], r"the PUBs \[0, 2\]"),
    ],
)
def test_what_makes_no_whole_is_not_joined(results: list[Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        joined(results)


@pytest.mark.parametrize(
    "place",
    [
        7,
        {"part": 1, "of": 2},
        {"part": True, "of": 2, "pubs": [0]},
        {"part": 1, "of": 2, "pubs": [0.0]},
        {"part": 1, "of": 2, "pubs": [-1]},
        {"part": 1, "of": 2, "pubs": [0, 1]},
    ],
)
def test_a_place_that_does_not_fit_is_refused_where_it_stands(place: Any) -> None:
    with pytest.raises(DecodeError, match=r"passthrough_data\.qiskit_rest_primitives"):
        place_in_run({PLACE: place}, 1)


@pytest.mark.parametrize(
    ("submission", "number"),
    [("0a-2of3", 3), ("0a-3of3", 3), ("0a-4of3", 1), ("0a-0of3", 1), ("0a-1of1234", 1), ("0a", 1), ("of", 1)],
)
def test_the_id_of_a_part_names_the_others(submission: str, number: int) -> None:
    ids = part_ids(submission)

    assert len(ids) == number
    assert submission in ids


def test_a_run_of_one_number_of_shots_is_an_ordinary_job(backend: IBMBackend) -> None:
    job = SamplerV2(backend, options={"program": "executor"}).run(pubs()[:3:2])

    assert type(job) is RuntimeJobV2
    assert "run" not in job.result().metadata
    assert "of" not in str(submission_of(job._record.tags))


def test_seeded_parts_are_as_independent_as_pubs_of_one_job(backend: IBMBackend) -> None:
    coins = QuantumCircuit(4)
    coins.h(range(4))
    coins.measure_all()
    pubs = [(coins, None, 50), (coins, None, 60), (coins, None, 50)]
    samples = {}
    for program in ("server", "executor"):
        sampler = SamplerV2(backend, options={"program": program, "simulator": {"seed_simulator": 7}})
        samples[program] = [pub.data.meas for pub in sampler.run(pubs).result()]

    assert samples["server"] == samples["executor"]
    assert (samples["executor"][0].array != samples["executor"][1].array[:50]).any()


def test_precisions_of_an_estimator_are_parts_too(service: Any, backend: IBMBackend) -> None:
    pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
    circuit = QuantumCircuit(2)
    circuit.x(0)
    pubs = [(circuit, ["IZ", "ZI"], None, 0.1), (circuit, "ZI", None, 0.05), (circuit, "IZ", None, 0.1)]
    job = EstimatorV2(backend, options={"program": "executor"}).run(pubs)
    result = service.job(job.job_ids()[1]).result()

    assert len(job.job_ids()) == 2
    assert [np.round(pub.data.evs, 9).tolist() for pub in result] == [[-1, 1], 1, -1]
    assert [pub.metadata["target_precision"] for pub in result] == [0.1, 0.05, 0.1]
    assert [pub.metadata["shots"] >= least for pub, least in zip(result, (100, 400, 100), strict=True)] == [
        True
    ] * 3


def test_a_part_that_was_deleted_is_missed(service: Any, backend: IBMBackend) -> None:
    job = run(backend)
    job.wait_for_final_state(timeout=600)
    gone = job.job_ids()[1]
    service.delete_job(gone)
    again = service.job(job.job_ids()[2])

    assert gone not in again.job_ids()
    assert again.status() == "INITIALIZING"
    with pytest.raises(RuntimeInvalidStateError, match="number 2"):
        again.result(timeout=600)


# -- how they stand ------------------------------------------------------------------------------------------------------


def test_the_least_advanced_part_decides_and_waiting_is_for_all(directed: Any, director: Any) -> None:
    director.turns.append(lambda: None)
    director.hold()
    job = run(directed.backend("aer_simulator"))
    director.taken()
    director.taken()

    assert job.status() in ("QUEUED", "RUNNING")
    assert not job.in_final_state()
    director.release.set()
    job.wait_for_final_state(timeout=600)
    assert job.is_final
    assert list(as_completed([job])) == [job]
    check(job.result())


def test_a_part_that_failed_fails_the_whole(directed: Any, director: Any) -> None:
    director.turns.append(lambda: None)
    director.fail("the cryostat is warm", 1517)
    job = run(directed.backend("aer_simulator"))

    with pytest.raises(RuntimeJobFailureError, match="the cryostat is warm"):
        job.result(timeout=600)
    assert (job.status(), job.errored(), job.is_final) == ("ERROR", True, True)
    assert "the cryostat is warm" in str(job.error_message())


def test_cancelling_is_for_all_parts_that_have_not_ended(directed: Any, director: Any) -> None:
    director.hold()
    job = run(directed.backend("aer_simulator"))
    director.taken()
    job.cancel()

    assert (job.status(), job.cancelled()) == ("CANCELLED", True)
    director.release.set()
    job.wait_for_final_state(timeout=600)
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        job.result(timeout=600)
    with pytest.raises(RuntimeInvalidStateError):
        job.cancel()
    words = {part.status() for part in directed.jobs(limit=None)}
    assert "CANCELLED" in words
    assert words <= {"CANCELLED", "DONE"}


def test_a_refused_part_takes_those_before_it_along(
    directed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from qiskit_rest_primitives.rest import submission

    backend = directed.backend("aer_simulator")
    journal = directed.api().submissions.journal = Journal(tmp_path / "journal.sqlite")
    original = submission.Submission.of

    def spoiled(body: Any, *, identifier: str, **more: Any) -> Any:
        return original(
            {**body, "backend": "nowhere"} if "-3of3" in identifier else body, identifier=identifier, **more
        )

    monkeypatch.setattr(submission.Submission, "of", spoiled)
    with pytest.raises(Exception, match="nowhere"):
        run(backend)

    there = directed.jobs(limit=None)
    assert len(there) == 2
    for job in there:
        job.wait_for_final_state(timeout=600)
    assert {entry.state for entry in journal.unfinished()} <= {"accepted"}
    assert all(entry.kept is None for entry in journal.unfinished())


# -- a kill in between ---------------------------------------------------------------------------------------------------

SCRIPT = """
import json, os, signal, sys
from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.connect import connect, engine_of
from qiskit_rest_primitives.rest.journal import user_journal
from qiskit_rest_primitives.jobs.parts import submit_parts

url, instance, bodies, moment, number = sys.argv[1:]
account = Account(token=os.environ["TEST_TOKEN"], url=url, instance=instance)
engine, posts = engine_of(account), 0

def send(outgoing):
    global posts
    counted = outgoing.method == "POST" and outgoing.url.endswith("/jobs")
    posts += counted
    die = counted and posts == int(number)
    if die and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = engine(outgoing)
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

api = connect(account, send=send, journal=user_journal())
submit_parts(api.submissions, json.load(open(bodies)))
"""


def bodies_of(service: Any, tag: str) -> list[dict[str, Any]]:
    place, made = parts(service)
    params, _ = run_params(made, place)
    return [
        {"program_id": "executor", "backend": "aer_simulator", "tags": [tag], "params": each}
        for each in (params, *params.others)
    ]


def test_an_interrupt_says_how_to_go_on(
    endpoint: Any, connect: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "journal.sqlite"))
    service = connect(endpoint)
    account = Account(token=endpoint.token, url=endpoint.url, instance=endpoint.instance)
    engine, posts = engine_of(account), []

    def interrupted(outgoing: Any) -> Any:
        if outgoing.method == "POST" and outgoing.url.endswith("/jobs"):
            posts.append(outgoing)
            if len(posts) == 2:
                raise KeyboardInterrupt
        return engine(outgoing)

    api = connect_api(account, send=interrupted, journal=user_journal())
    with pytest.raises(
        KeyboardInterrupt, match=r"after 1 of 3 jobs.*find_submission\('(.+-1of3)'\)"
    ) as caught:
        submit_parts(api.submissions, bodies_of(service, "interrupted"))
    service.api().submissions.settle = 0.05

    check(service.find_submission(str(caught.value).split("'")[1]).result(timeout=600))
    assert len(service.jobs(job_tags=["interrupted"])) == 3


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL; POSIX only")
@pytest.mark.parametrize(
    ("moment", "number", "there"),
    [("before", 1, 0), ("after", 1, 1), ("before", 2, 1), ("after", 2, 2), ("before", 3, 2), ("after", 3, 3)],
)
def test_a_kill_between_parts_loses_and_doubles_nothing(
    endpoint: Any,
    connect: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    number: int,
    there: int,
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "journal.sqlite"))
    service = connect(endpoint)
    tag = f"kill {moment} {number}"
    (tmp_path / "bodies.json").write_text(json.dumps(bodies_of(service, tag)))
    arguments = [endpoint.url, endpoint.instance, str(tmp_path / "bodies.json"), moment, str(number)]
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, "TEST_TOKEN": endpoint.token},
        check=False,
    )
    service.api().submissions.settle = 0.05

    assert ended.returncode == -signal.SIGKILL
    assert len(service.jobs(job_tags=[tag])) == there
    entries = service.unfinished()
    assert len(entries) == 3
    if there and there < 3:
        half = service.job(service.jobs(job_tags=[tag])[0].job_id())
        assert half.status() == "INITIALIZING"
        with pytest.raises(RuntimeInvalidStateError, match="find_submission"):
            half.result(timeout=600)
    job = service.find_submission(entries[-1].id)
    if not there:
        assert job is None
        return
    again = service.find_submission(entries[0].id)

    check(job.result(timeout=600))
    assert again.job_ids() == job.job_ids()
    per_submission = Counter(
        submission_of(part._record.tags) for part in service.jobs(limit=None, job_tags=[tag])
    )
    assert per_submission == dict.fromkeys(part_ids(entries[0].id), 1)
    assert all(entry.kept is None for entry in service.unfinished())
