"""Jobs submitted by many threads through a connection that breaks in every way: one job each, its right result."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.api import Api
from qiskit_rest_primitives.rest.connect import connect
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.rest.lookup import submission_of
from qiskit_rest_primitives.rest.retry import RetryPolicy, wait_for_final
from qiskit_rest_primitives.rest.submission import Submissions
from qiskit_rest_primitives.server.embedded import RunningServer, serve

BITS = 12
FAST = RetryPolicy(attempts=40, base=0.002, cap=0.01)
SETTLE = 0.02


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with serve() as running:
        yield running


@pytest.fixture
def api_through(server: RunningServer) -> Callable[..., Api]:
    """Make an Api that reaches the server at a port."""

    def make(port: int, journal: Journal) -> Api:
        url = f"http://127.0.0.1:{port}/api/v1"
        account = Account(token=server.endpoint.token, url=url, instance=server.endpoint.instance)
        api = connect(account, retry=FAST)
        api.submissions = Submissions(api.transport, journal=journal, settle=SETTLE)
        return api

    return make


def numbered(number: int) -> dict[str, Any]:
    """A job whose one shot reads its own number."""
    gates = "\n".join(f"x q[{bit}];" for bit in range(BITS) if number >> bit & 1)
    text = (
        f'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[{BITS}] m;\nqubit[{BITS}] q;\n{gates}\nm = measure q;\n'
    )
    return {
        "program_id": "sampler",
        "backend": "aer_simulator",
        "log_level": "warning",
        "params": {"pubs": [[text, None, 1]], "version": 2, "support_qiskit": False},
        "tags": ["soak"],
    }


def read_number(body: bytes | None) -> int:
    assert body is not None
    return int(json.loads(body)["results"][0]["data"]["m"]["samples"][0], 16)


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


def soak(api: Api, numbers: range, *, threads: int) -> dict[int, tuple[str, int]]:
    """Submit and read all numbers; return number -> (job id, number read)."""
    outcome: dict[int, tuple[str, int]] = {}
    problems: list[BaseException] = []

    def work(share: range) -> None:
        try:
            for number in share:
                job = api.create_job(numbered(number), timeout=600)
                wait_for_final(api, job.id, timeout=600)
                outcome[number] = (job.id, read_number(api.job_results(job.id, timeout=60)))
        except BaseException as problem:  # noqa: BLE001 - reported by the test's own thread
            problems.append(problem)

    workers = [threading.Thread(target=work, args=(numbers[start::threads],)) for start in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if problems:
        raise problems[0]
    return outcome


def all_jobs(api: Api) -> list[Any]:
    jobs: list[Any] = []
    while True:
        page = api.jobs(limit=200, offset=len(jobs))
        jobs += page.jobs
        if len(jobs) >= page.count or not page.jobs:
            return jobs


def check(server: RunningServer, direct: Api, journal: Journal, outcome: dict[int, tuple[str, int]]) -> None:
    """One job per submission on the server, each result its own, all of it in the journal."""
    created = all_jobs(direct)
    assert {number: read for number, (_, read) in outcome.items()} == {number: number for number in outcome}
    assert sorted(job.id for job in created) == sorted(job_id for job_id, _ in outcome.values())
    assert len({submission_of(job.tags) for job in created}) == len(outcome)
    assert journal.unfinished() == []
    for job in created:
        entry = journal.of_job(job.id)
        assert entry is not None
        assert (entry.id, entry.state) == (submission_of(job.tags), "finished")


def test_five_hundred_jobs_from_eight_threads_through_every_fault(
    server: RunningServer,
    api_through: Callable[..., Api],
    fault_proxy: Any,
    fault_names: tuple[str, ...],
    tmp_path: Path,
) -> None:
    port = port_of(server.endpoint.url)
    rates = dict.fromkeys(fault_names, 0.4 / len(fault_names))
    proxy = fault_proxy(port, seed=20261121, rates=rates, expire_after=60)
    journal = Journal(tmp_path / "journal.sqlite")

    outcome = soak(api_through(proxy.port, journal), range(500), threads=8)

    assert len(outcome) == 500
    assert set(fault_names) | {"expired", "none"} == set(proxy.happened)
    check(server, api_through(port, journal), journal, outcome)


def test_a_service_that_knows_no_idempotency_key_gets_each_job_once_too(
    server: RunningServer,
    api_through: Callable[..., Api],
    fault_proxy: Any,
    fault_names: tuple[str, ...],
    tmp_path: Path,
) -> None:
    port = port_of(server.endpoint.url)
    rates = dict.fromkeys(fault_names, 0.5 / len(fault_names))
    proxy = fault_proxy(port, seed=5, rates=rates, hidden=("idempotency-key", "prefer"))
    journal = Journal(tmp_path / "journal.sqlite")

    outcome = soak(api_through(proxy.port, journal), range(120), threads=8)

    check(server, api_through(port, journal), journal, outcome)


@pytest.mark.parametrize("fault", ["reset-after-answer", "502-after", "truncated", "empty", "html", "refuse"])
def test_a_fault_that_hits_every_other_request_costs_no_job(
    server: RunningServer, api_through: Callable[..., Api], fault_proxy: Any, tmp_path: Path, fault: str
) -> None:
    port = port_of(server.endpoint.url)
    proxy = fault_proxy(port, seed=7, rates={fault: 0.5})
    journal = Journal(tmp_path / "journal.sqlite")

    outcome = soak(api_through(proxy.port, journal), range(16), threads=4)

    assert proxy.happened[fault] > 16
    check(server, api_through(port, journal), journal, outcome)


def test_an_honest_proxy_changes_nothing(
    server: RunningServer, api_through: Callable[..., Api], fault_proxy: Any, tmp_path: Path
) -> None:
    proxy = fault_proxy(port_of(server.endpoint.url), seed=1, rates={})
    journal = Journal(tmp_path / "journal.sqlite")

    direct, proxied = api_through(port_of(server.endpoint.url), journal), api_through(proxy.port, journal)
    seconds: dict[Api, list[float]] = {direct: [], proxied: []}

    soak(proxied, range(8), threads=2)  # the connections, too, are there then
    proxy.happened.clear()
    for api in (direct, proxied) * 2:
        start = time.monotonic()
        outcome = soak(api, range(8), threads=2)
        seconds[api].append(time.monotonic() - start)

    assert min(seconds[proxied]) < 10 * min(seconds[direct])
    # One request each to submit, to wait and to read, and one or two for the token.
    assert 2 * 24 <= proxy.happened["none"] <= 2 * 8 * 4 + 2
    assert len(outcome) == 8
