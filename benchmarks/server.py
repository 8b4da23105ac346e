"""Jobs per second, added latency over bare Aer, and start-up time of the local server.

For each way of running jobs (threads, worker processes, Dask where it is installed) a server is started as a program;
clients on raw HTTP submit one job after the other and hold each result before the next. Bare Aer runs the same
circuit turn by turn with them, so that the ratios mean something on a busy machine. ``python benchmarks/server.py``
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from qiskit import qasm3
from qiskit_aer import AerSimulator

QUBITS = 5
SHOTS = 1024
LINES = [f"h q[{k}];\nrz(0.{k + 1}) q[{k}];" for k in range(QUBITS)]
LINES += [f"cx q[{k}], q[{k + 1}];" for k in range(QUBITS - 1)]
LINES += [f"c[{k}] = measure q[{k}];" for k in range(QUBITS)]
CIRCUIT = "\n".join(
    ["OPENQASM 3.0;", 'include "stdgates.inc";', f"qubit[{QUBITS}] q;", f"bit[{QUBITS}] c;", *LINES, ""]
)
"""In the form that this package writes: other text goes to processes, whatever the server's way."""
JOB = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [[CIRCUIT, None, SHOTS]]}}
WAYS = {"threads": ["--threads"], "processes": [], "Dask": ["--dask", "local:2"]}


@dataclass(frozen=True)
class Place:
    """Where a started server is."""

    url: str
    instance: str


class Client:
    """A raw HTTP client with one keep-alive connection."""

    def __init__(self, place: Place) -> None:
        self.url = place.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Authorization": "apikey key", "Service-CRN": place.instance})

    def run_job(self) -> float:
        """Return the seconds from submission to result."""
        start = time.perf_counter()
        made = self.session.post(self.url + "/jobs", json=JOB, timeout=60)
        made.raise_for_status()
        path = f"{self.url}/jobs/{made.json()['id']}/results"
        result = self.session.get(path, headers={"Prefer": "wait=30"}, timeout=60)
        assert result.status_code == 200, result.text
        return time.perf_counter() - start


@contextlib.contextmanager
def serving(way: str, workers: int) -> Iterator[tuple[Place, float, float]]:
    """Start a server; give its place, the seconds until it answers, and those until its first result."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "qiskit_rest_primitives.server", "--token", "key"]
    command += ["--backend", "aer_simulator", "--workers", str(workers), *WAYS[way]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            ready: dict[str, Any] = json.loads(process.stdout.readline())
            up = time.perf_counter() - start
            place = Place(ready["url"], ready["instance"])
            Client(place).run_job()
            yield place, up, time.perf_counter() - start
        finally:
            process.terminate()
            process.wait(30)


def bare_aer() -> Any:
    """Return what runs the circuit on Aer alone."""
    circuit, simulator = qasm3.loads(CIRCUIT), AerSimulator()

    def run() -> float:
        start = time.perf_counter()
        simulator.run(circuit, shots=SHOTS).result().get_counts()
        return time.perf_counter() - start

    run()
    return run


def throughput(place: Place, clients: int, seconds: float) -> float:
    """Return jobs per second of several clients at once."""
    done: list[int] = []
    end = time.perf_counter() + seconds

    def work() -> None:
        client, count = Client(place), 0
        while time.perf_counter() < end:
            client.run_job()
            count += 1
        done.append(count)

    start = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - start)


def report(way: str, options: argparse.Namespace) -> None:
    """Measure one way and print a line."""
    aer = bare_aer()
    with serving(way, options.workers) as (place, up, first):
        client = Client(place)
        pairs = [(aer(), client.run_job()) for _ in range(options.jobs)]
        bare, served = (statistics.median(times) for times in zip(*pairs, strict=True))
        rate = throughput(place, options.clients, options.seconds)
    print(
        f"{way:9}: {rate:6.0f} jobs/s ({options.clients} clients); one job {1e3 * served:6.2f} ms, "
        f"bare Aer {1e3 * bare:.2f} ms, added {1e3 * (served - bare):.2f} ms, ratio {served / bare:.1f}; "
        f"up after {up:.2f} s, first result after {first:.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--jobs", type=int, default=150, help="jobs of the latency measurement")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the throughput measurement")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    for name in chosen.ways:
        if name == "Dask" and importlib.util.find_spec("distributed") is None:
            print("Dask     : not installed (extra 'cluster')")
            continue
        report(name, chosen)
