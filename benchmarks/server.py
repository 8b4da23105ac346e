"""Jobs per second and latency of the local server, by way of running jobs and number of clients, and its start-up time.

For each way (threads, worker processes, Dask where it is installed) a server is started as a program, with a database on
disk; clients that keep their connections submit one job after the other and hold each result before the next. They take the
result with the answer to the submission where the server offers that, as the package's own client does. With ``--against
DIRECTORY`` (a checkout) or ``--against-python FILE`` (the interpreter of an environment where another version is installed)
that version takes turns with this one. ``python benchmarks/server.py``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from table import Row, show

QUBITS = 5
SHOTS = 1024
WORKERS = 2
CLIENTS = (1, 8, 50, 200)
LINES = [f"h q[{k}];\nrz(0.{k + 1}) q[{k}];" for k in range(QUBITS)]
LINES += [f"cx q[{k}], q[{k + 1}];" for k in range(QUBITS - 1)]
LINES += [f"c[{k}] = measure q[{k}];" for k in range(QUBITS)]
CIRCUIT = "\n".join(
    ["OPENQASM 3.0;", 'include "stdgates.inc";', f"qubit[{QUBITS}] q;", f"bit[{QUBITS}] c;", *LINES, ""]
)
"""In the form that this package writes: other text goes to processes, whatever the server's way."""
JOB = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [[CIRCUIT, None, SHOTS]]}}
WAYS = {"threads": ["--threads"], "processes": [], "Dask": ["--dask", f"local:{WORKERS}"]}
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from qiskit_rest_primitives.server.__main__ import main; sys.exit(main())"


@dataclass(frozen=True)
class Version:
    """Where a version of the package is.

    Attributes:
        place: The directory that holds it; empty for what the interpreter has installed.
        python: The interpreter.
    """

    place: str
    python: str = sys.executable


OURS = Version(str(Path(__file__).resolve().parent.parent))


@dataclass(frozen=True)
class Place:
    """A started server: where it is, whose process, and the seconds until it answered."""

    url: str
    instance: str
    process: int
    up: float


@dataclass(frozen=True)
class Load:
    """What some clients together saw.

    Attributes:
        rate: Jobs per second.
        times: Seconds from submission to result of every job, in no order.
    """

    rate: float
    times: list[float]

    def milliseconds(self, percent: float) -> float:
        """Return a percentile of the times."""
        return 1e3 * float(np.percentile(self.times, percent))


@contextlib.contextmanager
def serving(version: Version, *flags: str, database: str) -> Iterator[Place]:
    """Start a server as a program, end it at last."""
    start = time.perf_counter()
    command = [version.python, "-c", START, version.place, "--token", "key", "--database", database]
    command += ["--backend", "aer_simulator", "--workers", str(WORKERS), *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            ready: dict[str, Any] = json.loads(process.stdout.readline())
            yield Place(ready["url"], ready["instance"], process.pid, time.perf_counter() - start)
        finally:
            process.terminate()
            process.wait(60)


class Client:
    """A client with one connection that stays."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._path = urlsplit(place.url).path
        self._head = f"Host: x\r\nAuthorization: apikey key\r\nService-CRN: {place.instance}\r\n"

    @classmethod
    async def connected(cls, place: Place) -> Client:
        """Connect one."""
        parts = urlsplit(place.url)
        return cls(place, *await asyncio.open_connection(parts.hostname, parts.port))

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def ask(self, method: str, path: str, body: bytes = b"", head: str = "") -> tuple[int, str, bytes]:
        """Return status, content type and body of an answer."""
        head = (
            f"{method} {self._path}{path} HTTP/1.1\r\n{self._head}{head}Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        found = await self._reader.readexactly(int(fields.get("content-length", 0)))
        return int(lines[0].split()[1]), fields.get("content-type", ""), found

    async def run_job(self, job: bytes) -> float:
        """Return the seconds from submission to result."""
        start = time.perf_counter()
        wishes = "Prefer: wait=30\r\nAccept: application/json-seq, application/json\r\nContent-Type: application/json\r\n"
        status, form, body = await self.ask("POST", "/jobs", job, wishes)
        assert status == 200, body
        texts = (
            [json.loads(text) for text in body.split(b"\x1e") if text]
            if "seq" in form
            else [json.loads(body)]
        )
        if len(texts) == 1:
            path = f"/jobs/{texts[0]['id']}/results"
            status, _, body = await self.ask("GET", path, head="Prefer: wait=30\r\n")
            assert status == 200, body
        return time.perf_counter() - start


async def load(place: Place, clients: int, seconds: float) -> Load:
    """Let some clients run jobs for so long, each at least one."""
    job = json.dumps(JOB).encode()
    those = [await Client.connected(place) for _ in range(clients)]
    end = time.perf_counter() + seconds

    async def work(client: Client) -> list[float]:
        times = [await client.run_job(job)]
        while time.perf_counter() < end:
            times.append(await client.run_job(job))
        return times

    start = time.perf_counter()
    times = [time_ for each in await asyncio.gather(*map(work, those)) for time_ in each]
    rate = len(times) / (time.perf_counter() - start)
    for client in those:
        client.close()
    return Load(rate, times)


def rows(
    *,
    ways: tuple[str, ...] = tuple(WAYS),
    clients: tuple[int, ...] = CLIENTS,
    seconds: float = 1.0,
    repeat: int = 3,
    against: Version | None = None,
) -> Iterator[Row]:
    """Measure each way with each number of clients, in turns with another version if one is given."""
    versions = [OURS] if against is None else [OURS, against]
    for way in ways:
        if way == "Dask" and importlib.util.find_spec("distributed") is None:
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
            places = [
                opened.enter_context(serving(version, *WAYS[way], database=f"{folder}/{number}.sqlite"))
                for number, version in enumerate(versions)
            ]
            for place in places:
                asyncio.run(load(place, WORKERS, 0.5))
            for many in clients:
                loads: list[list[Load]] = [[] for _ in versions]
                for _ in range(repeat):
                    for place, found in zip(places, loads, strict=True):
                        found.append(asyncio.run(load(place, many, seconds)))
                yield row(way, many, loads)
        yield Row("server", f"{way}, until it answers", 1e3 * places[0].up, "ms")


def row(way: str, clients: int, loads: list[list[Load]]) -> Row:
    """Return a line of the table: the medians of what was measured several times."""
    ours, *others = (1e3 / statistics.median(load.rate for load in each) for each in loads)
    p50, p99 = (statistics.median(load.milliseconds(percent) for load in loads[0]) for percent in (50, 99))
    return Row(
        "server",
        f"{way}, {clients} client{'s' * (clients > 1)}",
        ours,
        "ms per job",
        "the other version" if others else None,
        others[0] if others else None,
        aim=0.5 if others else None,
        note=f"{1e3 / ours:.0f} jobs/s; p50 {p50:.1f} ms, p99 {p99:.1f} ms",
    )


def version_of(options: argparse.Namespace) -> Version | None:
    """Return the version to compare with, if one is named."""
    if options.against_python:
        return Version(options.against or "", options.against_python)
    return Version(str(Path(options.against).resolve())) if options.against else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--clients", nargs="*", type=int, default=list(CLIENTS))
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each measurement")
    parser.add_argument("--repeat", type=int, default=3, help="how often; the median counts")
    add_against(parser)
    chosen = parser.parse_args()
    show(
        rows(
            ways=tuple(chosen.ways),
            clients=tuple(chosen.clients),
            seconds=chosen.seconds,
            repeat=chosen.repeat,
            against=version_of(chosen),
        )
    )


def add_against(parser: argparse.ArgumentParser) -> None:
    """Add the options that name another version."""
    parser.add_argument("--against", metavar="DIRECTORY", help="a checkout of the version to compare with")
    parser.add_argument("--against-python", metavar="FILE", help="an interpreter that has it installed")


if __name__ == "__main__":
    main()
