"""Jobs lost and jobs doubled on a connection that breaks: ours and the official client, side by side.

Both submit the same circuits to the same kind of local server through the same fault proxy with the same seeded
plan, with their default settings, and the server counts what it was made to create. Run it with
``python benchmarks/faults.py``; it takes some minutes, most of which are the clients' own pauses.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qiskit import QuantumCircuit

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.connect import connect
from qiskit_rest_primitives.server.embedded import ServerAddress, serve

BITS = 8
FAULTS = ("refuse", "reset-after-answer", "429", "503-before", "502-after", "truncated", "empty", "html")


@dataclass
class Score:
    """What became of the runs of one client."""

    runs: int
    right: int
    errors: Counter[str]
    created: Counter[str]
    seconds: float

    @property
    def doubled(self) -> int:
        """Runs that made more than one job."""
        return sum(count > 1 for count in self.created.values())

    @property
    def surplus(self) -> int:
        """Jobs beyond the first of each run."""
        return sum(count - 1 for count in self.created.values())


def fault_proxy() -> Any:
    """Load the proxy of the tests."""
    place = Path(__file__).parent.parent / "tests" / "faults" / "conftest.py"
    spec = importlib.util.spec_from_file_location("fault_proxy", place)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FaultProxy


def numbered(number: int) -> QuantumCircuit:
    circuit = QuantumCircuit(BITS)
    for bit in range(BITS):
        if number >> bit & 1:
            circuit.x(bit)
    circuit.measure_all()
    return circuit


def ours(url: str, point: ServerAddress) -> Callable[[int], int]:
    from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2

    service = QiskitRuntimeService(token=point.token, url=url, instance=point.instance)
    return runner(service, SamplerV2)


def official(url: str, point: ServerAddress) -> Callable[[int], int]:
    # The word "experimental" makes the official client take a URL as it is.
    os.environ |= {"IAM_URL": url.removesuffix("/api/v1"), "QISKIT_FUNCTIONS_EXPERIMENTAL": "1"}
    from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

    service = QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token=point.token,
        url=url.replace("://", "://experimental@"),
        instance=point.instance,
    )
    return runner(service, SamplerV2)


def runner(service: Any, sampler_class: Any) -> Callable[[int], int]:
    backend = service.backend("aer_simulator")

    def run(number: int) -> int:
        sampler = sampler_class(mode=backend)
        sampler.options.environment.job_tags = [f"run-{number:04d}"]
        result = sampler.run([numbered(number % 256)], shots=1).result(timeout=120)
        return int(next(iter(result[0].data.meas.get_int_counts())))

    return run


def measure(
    make: Callable[[str, ServerAddress], Callable[[int], int]], runs: int, rate: float, seed: int
) -> Score:
    with serve() as server:
        point = server.endpoint
        proxy = fault_proxy()(urlsplit(point.url).port, seed=seed, rates={})
        run = make(f"http://127.0.0.1:{proxy.port}/api/v1", point)
        proxy._rates = dict.fromkeys(
            FAULTS, rate / len(FAULTS)
        )  # the plan begins when the client is connected
        errors: Counter[str] = Counter()
        right, start = 0, time.monotonic()
        for number in range(runs):
            try:
                right += run(number) == number % 256
            except Exception as problem:  # noqa: BLE001, PERF203 - counted
                errors[type(problem).__name__] += 1
        seconds = time.monotonic() - start
        proxy.close()
        os.environ.pop("IAM_URL", None)  # it led through the proxy
        api = connect(Account(token=point.token, url=point.url, instance=point.instance))
        page = api.jobs(limit=200)
        jobs = list(page.jobs)
        while len(jobs) < page.count:
            jobs += api.jobs(limit=200, offset=len(jobs)).jobs
    created = Counter(next(tag for tag in job.tags if tag.startswith("run-")) for job in jobs)
    return Score(runs, right, errors, created, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.2, help="part of the requests that go wrong")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["ours", "official"])
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    print(f"{chosen.runs} runs, {chosen.rate:.0%} of all requests go wrong")
    print(
        f"{'':10} {'right':>6} {'failed':>7} {'jobs':>6} {'doubled runs':>13} {'surplus jobs':>13} {'s/run':>7}"
    )
    for name, make in (("ours", ours), ("official", official)):
        if chosen.only in (None, name):
            score = measure(make, chosen.runs, chosen.rate, chosen.seed)
            print(
                f"{name:10} {score.right:6} {sum(score.errors.values()):7} {score.created.total():6} "
                f"{score.doubled:13} {score.surplus:13} {score.seconds / score.runs:7.2f}  {dict(score.errors) or ''}"
            )


if __name__ == "__main__":
    main()
