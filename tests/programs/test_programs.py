"""Programs through our classes, against a server that takes them: upload, run, follow, delete."""

from __future__ import annotations

import copy
import json
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    ProgramJob,
    QiskitRuntimeService,
    ResultDecoder,
    RunnerResult,
    RuntimeDuplicateProgramError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeOptions,
    RuntimeProgramNotFound,
    SamplerV2,
    TranspilerService,
    UserMessenger,
)
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import RunningServer, serve
from qiskit_rest_primitives.server.faults.plan import Fault, FaultPlan
from qiskit_rest_primitives.server.settings import ProgramRules

VQE = Path(__file__).parents[1] / "material" / "vqe_program.py"
COUNT = """
import time
def main(backend, user_messenger, count, pause=0.0):
    print("counting")
    for number in range(count):
        user_messenger.publish(number * 1j)
        time.sleep(pause)
    return {"count": count}
"""
COUNT_SPEC = {
    "parameters": {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 0, "description": "How far to count."},
            "pause": {"type": "number", "default": 0.0},
        },
        "required": ["count"],
    }
}
BREAKS = [
    Fault(kind, path=r"/interim_results$", skip=skip)  # type: ignore[arg-type]
    for kind, skip in (("truncate", 1), ("drop", 2), ("lose", 4))
]
LOST = FaultPlan(
    tuple(Fault("lose", "POST", f"/{what}$", times=2) for what in ("programs", "jobs", "transpile"))
)


@pytest.fixture(scope="module")
def place() -> Iterator[RunningServer]:
    """A server that takes programs, isolated or not; every now and then it breaks the connection of whoever follows one."""
    rules = ProgramRules(allow="trusted", memory_bytes=1 << 30, processes=16)
    with serve(
        [load_device("aer_simulator")],
        settings=lambda s: replace(s, programs=rules, workers=2, faults=FaultPlan(tuple(BREAKS))),
    ) as server:
        yield server


@pytest.fixture(scope="module")
def refused(place: RunningServer) -> str:
    """Why programs do not run here; empty if they do."""
    at = place.endpoint
    service = QiskitRuntimeService(channel="local", url=at.url, token=at.token, instance=at.instance)
    job = service.run(service.upload_program(COUNT, {"name": "probe"}), {"count": 0})
    job.wait_for_final_state(600)
    return job.error_message() or ""


@pytest.fixture
def programs(place: RunningServer, refused: str, connect: Callable[..., Any]) -> Any:
    if "isolated" in refused:
        pytest.skip(f"{refused} Runs where namespaces are allowed, or everybody can read the interpreter.")
    return connect(place.endpoint)


class Collector:
    """A callback that keeps what it is given, and can wait for it."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.results: list[Any] = []
        self.reached = threading.Event()
        self._stop_at = stop_at

    def __call__(self, job_id: str, result: Any) -> None:
        self.results.append(result)
        if len(self.results) == self._stop_at:
            self.reached.set()


def test_a_vqe_program_from_file_to_deletion(programs: Any, tmp_path: Path) -> None:
    hamiltonian = SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5])
    metadata = tmp_path / "vqe.json"
    metadata.write_text(json.dumps({"name": "vqe", "max_execution_time": 60, "description": "ground states"}))
    program = programs.upload_program(VQE, metadata)
    steps = Collector(stop_at=9)
    inputs = {"ansatz": efficient_su2(2, su2_gates=["ry"], reps=1), "hamiltonian": hamiltonian}
    job = programs.run(
        program, inputs, options={"backend": programs.backend("aer_simulator")}, callback=steps
    )

    result = job.result()

    assert abs(result["energy"] - np.linalg.eigvalsh(hamiltonian.to_matrix())[0]) < 5 * 2 / 4000**0.5
    assert steps.reached.wait(600)
    assert [step["index"] for step in steps.results[:8]] == [0, 1, 2, 3] * 2
    assert steps.results[8] == result
    assert job.interim_results() == steps.results[:8]
    programs.delete_program(program)
    with pytest.raises(RuntimeProgramNotFound):
        programs.program(program)


def test_a_thousand_messages_over_a_connection_that_breaks_while_other_jobs_run(
    programs: Any, place: RunningServer, connect: Callable[..., Any]
) -> None:
    """Followed from the beginning, by a client that comes when half is there, and after the end."""
    program = programs.upload_program(COUNT, {"name": "stream", "spec": COUNT_SPEC})
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler = SamplerV2(programs.backend("aer_simulator"))
    early, half, middle, late = (Collector(stop_at=number) for number in (1001, 500, 1001, 1001))
    job = programs.run(program, {"count": 1000}, callback=early)
    job.stream_results(half)
    others = [sampler.run([circuit], shots=10) for _ in range(5)]
    assert half.reached.wait(600)
    connect(place.endpoint).job(job.job_id()).stream_results(middle)

    assert job.result() == {"count": 1000}
    reopened = programs.job(job.job_id())
    reopened.stream_results(late)
    assert [each.result()[0].data.meas.num_shots for each in others] == [10] * 5
    for collector in (early, middle, late):
        assert collector.reached.wait(600)
        assert collector.results == [*(number * 1j for number in range(1000)), {"count": 1000}]
    assert isinstance(reopened, ProgramJob)
    assert "counting" in reopened.logs()


def test_a_stream_can_be_cancelled_and_begun_again(programs: Any) -> None:
    program = programs.upload_program(COUNT, {"name": "again"})
    some = Collector(stop_at=3)
    job = programs.run(program, {"count": 60, "pause": 0.05}, callback=some)
    assert some.reached.wait(600)
    with pytest.raises(RuntimeInvalidStateError, match="already"):
        job.stream_results(some)

    job.cancel_result_streaming()
    seen = len(some.results)
    every = Collector(stop_at=61)
    job.stream_results(every)

    assert every.reached.wait(600)
    assert len(some.results) <= seen + 1
    assert every.results[:60] == [number * 1j for number in range(60)]


class Imaginary(ResultDecoder):
    """Reads complex numbers as their imaginary parts."""

    @classmethod
    def decode(cls, data: str) -> Any:
        value = super().decode(data)
        return value.imag if isinstance(value, complex) else value


class Words(ResultDecoder):
    """Reads nothing, but gives back the text."""

    @classmethod
    def decode(cls, data: str) -> str:
        return data


def test_decoders_read_interim_results_and_results(programs: Any) -> None:
    program = programs.upload_program(COUNT, {"name": "decoders"})
    both = programs.run(program, {"count": 2}, result_decoder=Imaginary)
    pair = programs.run(program, {"count": 2}, result_decoder=[Imaginary, Words])

    assert (both.result(), both.interim_results()) == ({"count": 2}, [0.0, 1.0])
    assert (pair.result(), pair.interim_results()) == ('{"count": 2}', [0.0, 1.0])
    assert pair.interim_results(decoder=ResultDecoder) == [0j, 1j]


def test_inputs_are_checked_before_they_are_sent(programs: Any) -> None:
    program = programs.upload_program(COUNT, {"name": "checked", "spec": COUNT_SPEC})
    inputs = programs.program(program).parameters()

    with pytest.raises(IBMInputValueError, match="count"):
        programs.run(program, inputs)
    inputs.count = 1
    assert programs.run(program, inputs).result() == {"count": 1}


def test_a_program_is_updated_and_shown(programs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    program_id = programs.upload_program(COUNT, {"name": "old", "max_execution_time": 30, "description": "o"})
    programs.update_program(
        program_id, data="def main(backend, user_messenger):\n    return 'new'\n", name="new", spec=COUNT_SPEC
    )
    programs.set_program_visibility(program_id, public=True)
    program = programs.program(program_id)

    assert (program.name, program.description, program.max_execution_time) == ("new", "o", 30)
    assert program.is_public
    assert "return 'new'" in program.data
    assert program.creation_date < program.update_date
    assert program.to_dict()["parameters"] == COUNT_SPEC["parameters"]
    assert programs.run(program_id, {}).result() == "new"
    programs.pprint_programs(limit=None)
    programs.pprint_programs(detailed=True, limit=None)
    printed = capsys.readouterr().out
    assert f"{program_id}:\n  Name: new\n  Description: o\n" in printed
    assert "How far to count." in printed
    assert program_id in [each.program_id for each in programs.programs(limit=None)]
    assert len(programs.programs(limit=2, skip=1)) == 2


def test_refusals_are_typed(programs: Any, service: Any) -> None:
    with pytest.raises(RuntimeDuplicateProgramError, match="probe"):
        programs.upload_program(COUNT, {"name": "probe"})
    with pytest.raises(RuntimeProgramNotFound):
        programs.delete_program("nobody")
    with pytest.raises(RuntimeProgramNotFound):
        programs.run("nobody", {})
    with pytest.raises(IBMNotAuthorizedError, match="--allow-programs"):
        service.upload_program(COUNT, {"name": "x"})
    with pytest.warns(UserWarning, match="Nothing was changed"):
        programs.update_program("nobody")
    with pytest.raises(IBMNotAuthorizedError, match="hello-world"):
        programs.program("hello-world").data  # noqa: B018 (asks the service)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"shots": 3}, "shots"),
        ({"log_level": "loud"}, "debug"),
        ({"image": "no tag"}, "name:tag"),
        ({"job_tags": "tag"}, "list of strings"),
        ({"max_execution_time": 0}, "positive"),
        (RuntimeOptions(session_time=-1), "session_time"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_they_are_sent(
    service: Any, options: Any, word: str
) -> None:
    with pytest.raises(IBMInputValueError, match=word):
        service.run("hello-world", {}, options=options)


def test_options_reach_the_job(service: Any, endpoint: Any) -> None:
    options = RuntimeOptions(
        backend=service.backend("local_heron"),
        log_level="INFO",
        job_tags=["mine"],
        max_execution_time=100,
        instance=endpoint.instance,
        image="image:1",
    )
    job = service.run("hello-world", {"iterations": 0}, options=options)
    named = service.run("hello-world", {"iterations": 0}, options={"backend_name": "local_heron"})

    assert (job.tags, job.backend().name) == (["mine"], "local_heron")
    assert named.backend().name == "local_heron"
    assert service.job(job.job_id())._record.cost == 100
    assert job.result() == "All done!"


def test_a_private_job_gives_its_result_once(
    service: Any, connect: Callable[..., Any], endpoint: Any
) -> None:
    job = service.run("hello-world", {"iterations": 0}, options=RuntimeOptions(private=True))

    assert job.private
    assert job.result() == "All done!"
    with pytest.raises(RuntimeInvalidStateError, match="only once"):
        connect(endpoint).job(job.job_id()).result()


def test_sessions_are_started_by_jobs_on_the_classic_channel_only(service: Any, endpoint: Any) -> None:
    place = {"url": f"{endpoint.iam_url}/runtime", "token": endpoint.token, "instance": "ibm-q/open/main"}
    classic = QiskitRuntimeService(channel="ibm_quantum", **place)
    options = {"backend": "aer_simulator", "session_time": 100}
    job = classic.run("hello-world", {"iterations": 0}, options=options, start_session=True)
    second = classic.run("hello-world", {"iterations": 0}, session_id=job.job_id(), options=options)

    assert job.session_id == second.session_id == job.job_id()
    assert second.result() == "All done!"
    classic.api().close_session(job.session_id)
    with pytest.raises(IBMInputValueError, match="in a Session"):
        service.run("hello-world", {}, start_session=True)


def test_the_status_is_a_text_and_a_word_of_qiskit(service: Any) -> None:
    job = service.run("hello-world", {"iterations": 0})
    deadline = time.monotonic() + 600
    while job.status() not in JOB_FINAL_STATES:  # the loop of old scripts
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert job.status() == "DONE" == job.status().name
    assert job.status() == JobStatus.DONE != JobStatus.ERROR
    assert job.status() in {"DONE"}
    assert job.status().value == JobStatus.DONE.value
    assert job.done()


def test_jobs_of_the_first_primitives_are_read_again_by_their_id(service: Any) -> None:
    """They are jobs of ``sampler`` and ``estimator`` like those of today; the result tells them apart."""
    circuit = QuantumCircuit(1)
    circuit.x(0)
    sampled = service.run("sampler", {"circuits": circuit.measure_all(inplace=False)})
    estimated = service.run("estimator", {"circuits": circuit, "observables": SparsePauliOp("Z")})

    assert sampled.result()["quasi_dists"] == [{"1": 1.0}]
    for job in (sampled, estimated):
        again = service.job(job.job_id())
        assert again.result() == job.result()
        assert again.result(decoder=ResultDecoder) == job.result()
        assert again.inputs["circuits"].count_ops()["x"] == 1


def test_programs_may_use_the_first_interface_of_backends(programs: Any) -> None:
    program = programs.upload_program(
        """
def main(backend, user_messenger, **kwargs):
    from qiskit import QuantumCircuit
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    result = backend.run(circuits=circuit, shots=7, timeout=5, init_qubits=True).result()
    configuration = backend.configuration()
    return [result.get_counts(), configuration.n_qubits, configuration.simulator, backend.properties()]
""",
        {"name": "interface", "max_execution_time": 60},
    )

    assert programs.run(program, {}).result() == [
        {"0": 7},
        programs.backend("aer_simulator").num_qubits,
        True,
        None,
    ]


def test_a_program_that_fails_or_lasts_too_long_says_so(programs: Any) -> None:
    failing = programs.upload_program(
        "def main(backend, user_messenger):\n    return 1 / 0\n", {"name": "fails"}
    )
    with pytest.raises(RuntimeJobFailureError, match="ZeroDivisionError"):
        programs.run(failing, {}).result()
    lasting = programs.upload_program(COUNT, {"name": "lasts"})
    with pytest.raises(RuntimeJobMaxTimeoutError):
        programs.run(lasting, {"count": 10**6, "pause": 0.1}, options={"max_execution_time": 1}).result()


def test_the_servers_own_programs_run_anywhere(programs: Any) -> None:
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    runner = programs.run("circuit-runner", {"circuits": bell.measure_all(inplace=False), "shots": 200},
                          result_decoder=RunnerResult)  # fmt: skip
    estimator = programs.run("estimator", {"circuits": bell, "observables": SparsePauliOp("ZZ")})

    quasi = runner.result().get_quasiprobabilities()
    assert set(quasi) == {0, 3}
    assert sum(quasi.values()) == pytest.approx(1)
    assert estimator.result()["values"] == [1.0]


def test_a_program_job_is_copied_and_pickled_with_its_result(programs: Any) -> None:
    job = programs.run(programs.upload_program(COUNT, {"name": "pickled"}), {"count": 1})
    job.result()
    again = pickle.loads(pickle.dumps(job))

    assert copy.deepcopy(job) is job
    assert isinstance(again, ProgramJob)
    assert (again.program_id, again.result(), again.interim_results()) == (job.program_id, {"count": 1}, [0j])


def test_jobs_of_primitives_are_what_they_were(programs: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = SamplerV2(programs.backend("aer_simulator")).run([circuit], shots=10)

    assert not isinstance(programs.job(job.job_id()), ProgramJob)


def test_answers_that_are_lost_make_nothing_twice(connect: Callable[..., Any]) -> None:
    """Neither programs nor their runs nor transpilations, each of which is asked for three times here."""
    rules = ProgramRules(allow="isolated")
    with serve(settings=lambda s: replace(s, programs=rules, faults=LOST)) as server:
        service = connect(server.endpoint)
        before = len(service.programs(limit=None))
        program = service.upload_program(COUNT, {"name": "lost"})
        with pytest.raises(RuntimeDuplicateProgramError):
            service.upload_program(COUNT, {"name": "lost"})
        job = service.run("hello-world", {})
        circuit = TranspilerService(backend_name="local_heron", service=service).run(QuantumCircuit(1))

        assert [each.program_id for each in service.programs(limit=None)][before:] == [program]
        assert [each.job_id() for each in service.jobs()] == [job.job_id()]
        assert circuit.num_qubits == 156


def test_a_messenger_of_ones_own_prints(capsys: pytest.CaptureFixture[str]) -> None:
    UserMessenger().publish({"z": 1j})

    assert json.loads(capsys.readouterr().out) == {"z": {"__type__": "complex", "__value__": [0.0, 1.0]}}


def test_the_common_decoder_reads_what_circuit_runner_returns(programs: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = programs.run("circuit-runner", {"circuits": circuit, "shots": 10}, result_decoder=ResultDecoder)

    assert job.result()["results"][0]["data"]["counts"] == {"0x0": 10}
