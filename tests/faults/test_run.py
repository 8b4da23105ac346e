"""The whole way, from ``run()`` to ``result()``, through a connection that breaks in every way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives import Batch, QiskitRuntimeService, SamplerV2, Session
from qiskit_rest_primitives.exceptions import RequestsApiError, ResultDecodeError, RuntimeInvalidStateError
from qiskit_rest_primitives.rest.retry import RetryPolicy
from qiskit_rest_primitives.server.embedded import serve

BITS = 8


def numbered(number: int) -> QuantumCircuit:
    """A circuit whose every shot reads the number."""
    circuit = QuantumCircuit(BITS)
    for bit in range(BITS):
        if number >> bit & 1:
            circuit.x(bit)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("private", [False, True])
def test_every_run_ends_with_one_job_and_its_right_result(
    fault_proxy: Any,
    fault_names: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    private: bool,
) -> None:
    monkeypatch.setenv("QISKIT_REST_PRIMITIVES_JOURNAL", str(tmp_path / "journal.sqlite"))
    with serve() as server:
        point = server.endpoint
        rates = dict.fromkeys(fault_names, 0.4 / len(fault_names))
        proxy = fault_proxy(urlsplit(point.url).port, seed=11, rates=rates, expire_after=50)
        url = f"http://127.0.0.1:{proxy.port}/api/v1"
        service = QiskitRuntimeService(token=point.token, url=url, instance=point.instance)
        api = service._connection.api()
        api.transport.retry = RetryPolicy(attempts=40, base=0.002, cap=0.01)
        api.submissions.settle = 0.02
        backend = service.backend("aer_simulator")
        read: dict[int, tuple[str, dict[str, int]]] = {}
        problems: list[BaseException] = []

        def work(numbers: range) -> None:
            try:
                sampler = SamplerV2(mode=backend)
                sampler.options.environment.private = private
                for number in numbers:
                    job = sampler.run([numbered(number)], shots=3)
                    counts = job.result(timeout=600)[0].data.meas.get_int_counts()
                    read[number] = (job.job_id(), counts)
            except BaseException as problem:  # noqa: BLE001 - reported by the test's own thread
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(range(start, 40, 4),)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        created = service.jobs(limit=None)
        left = service.unfinished()

    assert problems == []
    assert {number: counts for number, (_, counts) in read.items()} == {
        number: {number: 3} for number in range(40)
    }
    assert sorted(job.job_id() for job in created) == sorted(job_id for job_id, _ in read.values())
    assert left == []
    assert sum(proxy.happened.values()) - proxy.happened["none"] > 30


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("truncated", RequestsApiError),
        ("reset-after-answer", RequestsApiError),
        ("empty", ResultDecodeError),
        ("502-after", RequestsApiError),
    ],
)
def test_a_private_result_whose_only_answer_was_lost_is_given_again_to_its_reader(
    fault_proxy: Any, fault: str, error: type[Exception]
) -> None:
    with serve() as server:
        point = server.endpoint
        proxy = fault_proxy(urlsplit(point.url).port, seed=1, rates={})
        url = f"http://127.0.0.1:{proxy.port}/api/v1"
        service = QiskitRuntimeService(token=point.token, url=url, instance=point.instance)
        service._connection.api().transport.retry = RetryPolicy(attempts=2, base=0.002, cap=0.01)
        sampler = SamplerV2(mode=service.backend("aer_simulator"))
        sampler.options.environment.private = True
        job = sampler.run([numbered(5)], shots=3)
        job.wait_for_final_state(timeout=600)
        proxy._rates = {fault: 1.0}
        with pytest.raises(error):
            job.result(timeout=600)
        proxy._rates = {}

        counts = job.result(timeout=600)[0].data.meas.get_int_counts()

        assert counts == {5: 3}
        with pytest.raises(RuntimeInvalidStateError, match="only once"):
            service.job(job.job_id()).result(timeout=600)


@pytest.mark.parametrize("fault", ["truncated", "reset-after-answer", "empty", "502-after", "503-before"])
def test_a_lost_answer_to_a_session_opens_no_second_one(fault_proxy: Any, fault: str) -> None:
    with serve() as server:
        point = server.endpoint
        proxy = fault_proxy(urlsplit(point.url).port, seed=1, rates={})
        url = f"http://127.0.0.1:{proxy.port}/api/v1"
        service = QiskitRuntimeService(token=point.token, url=url, instance=point.instance)
        service._connection.api().transport.retry = RetryPolicy(attempts=20, base=0.002, cap=0.01)
        backend = service.backend("aer_simulator")
        proxy._rates = {fault: 0.7}
        sessions = [Session(backend=backend), Batch(backend=backend), Session(backend=backend)]
        proxy._rates = {}
        listed = service._connection.api().workloads(limit=50)["workloads"]

    assert proxy.happened[fault] > 0
    assert sorted(each["id"] for each in listed) == sorted(each.session_id for each in sessions)
