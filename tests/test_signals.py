"""Signals in every wait: the exception of a handler comes out as it is, and Ctrl-C says how to get the job back."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit

from qiskit_rest_primitives import Batch, SamplerV2, Session, as_completed
from qiskit_rest_primitives.rest.network_errors import from_signal_handler
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.faults.plan import Fault, FaultPlan

SOON = 0.4


class OwnError(Exception):
    """An exception of the user's own."""


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """Let the process get SIGALRM soon, whose handler raises: ``alarm(problem)``."""
    before = signal.getsignal(signal.SIGALRM)

    def start(problem: BaseException, how: str = "function") -> None:
        def handler(_number: int, _frame: Any) -> None:
            raise problem

        def forgetful(*told: Any) -> None:
            del told
            raise problem

        def deep(*told: Any) -> None:
            handler(*told)

        chosen = {"function": handler, "forgetful": forgetful, "deep": deep}
        signal.signal(signal.SIGALRM, chosen[how])
        signal.setitimer(signal.ITIMER_REAL, SOON)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def job(directed: Any, director: Any) -> Any:
    """A job that runs until the test is over."""
    director.hold()
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    running = SamplerV2(directed.backend("aer_simulator")).run([circuit])
    director.taken()
    return running


WAITS: dict[str, Callable[[Any], Any]] = {
    "result": lambda job: job.result(),
    "result in time": lambda job: job.result(timeout=600),
    "result by asking": lambda job: job.result(timeout=600, poll_interval=5.0),
    "wait_for_final_state": lambda job: job.wait_for_final_state(),
    "wait in time": lambda job: job.wait_for_final_state(timeout=600),
    "wait by asking": lambda job: job.wait_for_final_state(poll_interval=5.0),
    "as_completed": lambda job: list(as_completed([job])),
    "as_completed in time": lambda job: list(as_completed([job], timeout=600)),
}
PROBLEMS = [
    TimeoutError("the user's alarm"),
    OSError("the user's alarm"),
    ConnectionResetError("the user's alarm"),
    concurrent.futures.TimeoutError("the user's alarm"),
    ValueError("the user's alarm"),
    MemoryError("the user's alarm"),
    OwnError("the user's alarm"),
]


@pytest.mark.parametrize(
    ("name", "how"), [*((name, "function") for name in WAITS), ("result", "forgetful"), ("result", "deep")]
)
def test_an_alarm_comes_out_of_every_wait(name: str, how: str, job: Any, alarm: Any, director: Any) -> None:
    """Faults C10 (``alarm_swallowed``)."""
    problem = TimeoutError("the user's alarm")
    alarm(problem, how)

    with pytest.raises(TimeoutError) as caught:
        WAITS[name](job)

    assert caught.value is problem
    assert job.status() == "RUNNING"
    director.release.set()
    assert job.result(timeout=600)[0].data.meas.num_shots == 4096


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)
def test_an_alarm_of_any_kind_comes_out(problem: Exception, job: Any, alarm: Any) -> None:
    """Faults C10."""
    alarm(problem)

    with pytest.raises(type(problem)) as caught:
        job.result(timeout=600)

    assert caught.value is problem
    assert job.status() == "RUNNING"


@pytest.fixture(scope="module")
def slow() -> Iterator[Any]:
    """A service whose server takes long over sessions, lists and submissions."""
    from qiskit_rest_primitives import QiskitRuntimeService

    faults = (
        Fault("delay", "PATCH", "/sessions/", times=None, seconds=30.0),
        Fault("delay", "GET", "/jobs$", times=None, seconds=30.0),
        Fault("delay", "POST", "/jobs$", times=None, seconds=30.0),
    )
    plan = FaultPlan(faults)
    with serve([load_device("aer_simulator")], settings=lambda s: replace(s, faults=plan)) as server:
        place = server.endpoint
        yield QiskitRuntimeService(channel="local", url=place.url, token=place.token, instance=place.instance)


def _submit(service: Any) -> Any:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    return SamplerV2(service.backend("aer_simulator")).run([circuit])


@pytest.mark.parametrize("what", ["close", "batch", "with", "jobs", "submit"])
def test_an_alarm_comes_out_of_other_requests(what: str, slow: Any, alarm: Any) -> None:
    """Faults C10: closing a session, listing, submitting."""
    backend = slow.backend("aer_simulator")
    problem = TimeoutError("the user's alarm")

    def leave() -> None:
        with Session(backend):
            alarm(problem)

    session = (Batch if what == "batch" else Session)(backend) if what in ("close", "batch") else None
    calls: dict[str, Callable[[], Any]] = {
        "close": lambda: session and session.close(),
        "batch": lambda: session and session.close(),
        "with": leave,
        "jobs": lambda: slow.jobs(),
        "submit": lambda: _submit(slow),
    }
    if what != "with":
        alarm(problem)
    with pytest.raises(TimeoutError) as caught:
        calls[what]()

    assert caught.value is problem


def test_only_handlers_of_signals_count() -> None:
    def network() -> None:
        raise TimeoutError

    def told(number: int, frame: Any) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError) as of_network:
        network()
    with pytest.raises(TimeoutError) as of_handler:
        told(14, sys._getframe())

    assert not from_signal_handler(of_network.value)
    assert from_signal_handler(of_handler.value)


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_is_one_short_traceback_with_the_way_back(name: str, job: Any, alarm: Any) -> None:
    """Faults D (Ctrl-C)."""
    alarm(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt) as caught:
        WAITS[name](job)

    lines = "".join(traceback.format_exception(caught.value)).splitlines()
    assert "During handling" not in "".join(lines)
    assert "direct cause" not in "".join(lines)
    assert len(lines) <= 30
    assert f"service.job({job.job_id()!r}) finds it again" in lines[-1]


PROGRAM = """
import asyncio, sys, threading
from qiskit_rest_primitives import QiskitRuntimeService
url, token, instance, job_id = sys.argv[1:]
job = QiskitRuntimeService(channel="local", url=url, token=token, instance=instance).job(job_id)

async def main():
    try:
        await asyncio.wait_for(job, 0.5)
    except asyncio.TimeoutError:
        print("gave up", flush=True)

asyncio.run(main())
print("over", flush=True)
"""


def test_a_wait_that_is_given_up_does_not_hold_the_process(job: Any) -> None:
    """Faults B (``asyncio.wait_for(job, 1)``): the process ends while the job still runs."""
    place = job.service._connection.account
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM,
            job.api.transport.base_url.removesuffix("/"),
            place.token,
            place.instance,
            job.job_id(),
        ],
        capture_output=True,
        text=True,
        timeout=900,
        env=dict(os.environ),
        check=False,
    )

    assert done.stdout.split() == ["gave", "up", "over"], done.stderr
    assert done.returncode == 0
    assert job.status() == "RUNNING"


def test_awaiting_gives_the_result_or_the_error(job: Any, director: Any) -> None:
    async def waits() -> Any:
        threading.Timer(0.3, director.release.set).start()
        first, second = await asyncio.gather(asyncio.wait_for(job, 60), asyncio.wait_for(job, 60))
        return first, second

    first, second = asyncio.run(waits())

    assert first is second is job.result()


def test_awaiting_a_job_that_failed_raises(directed: Any, director: Any) -> None:
    from qiskit_rest_primitives import RuntimeJobFailureError

    director.fail("no luck")
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = SamplerV2(directed.backend("aer_simulator")).run([circuit])

    async def wait() -> Any:
        return await job

    with pytest.raises(RuntimeJobFailureError, match="no luck"):
        asyncio.run(wait())
