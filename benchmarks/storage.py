"""What stored jobs cost: memory and disk for each, lists and searches among many, and the memory that a large body takes.

``python benchmarks/storage.py``; the databases are written directly, with jobs that are over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
from server import CIRCUIT, JOB, OURS, QUBITS, SHOTS, Client, Place, serving
from table import Row, show

from qiskit_rest_primitives.server.jobs.store import Store
from qiskit_rest_primitives.server.settings import DEFAULT_CRN

FEW, MANY = 1_000, 100_000
BEGIN = 1_760_000_000
LISTS = {
    "list the newest jobs": "/jobs?limit=20",
    "list jobs of a backend": "/jobs?limit=20&backend=aer_simulator",
    "list jobs with a tag": "/jobs?limit=20&tags=run-7",
    "list jobs of an hour": f"/jobs?limit=20&created_after={quote('2025-10-09T08:58:00Z')}&created_before={quote('2025-10-09T09:02:00Z')}",
    "list pending jobs": "/jobs?limit=20&pending=true",
    "list the newest workloads": "/workloads?limit=20",
    "list failed workloads": "/workloads?limit=20&status=failed",
}
MEGABYTES = 290


def seed(path: str, jobs: int) -> None:
    """Write a database of jobs that are over, a second apart, ten with each tag."""
    store = Store(path)
    rows = (
        (
            f"d{number:019d}", DEFAULT_CRN, "sampler" if number % 3 else "estimator",
            "local_heron" if number % 2 else "aer_simulator", BEGIN + number, "Completed", 600,
            json.dumps([f"run-{number % (jobs // 10)}"]), BEGIN + number, BEGIN + number + 1, 0.5,
        )
        for number in range(jobs)
    )  # fmt: skip
    with store.transaction():
        store.connection.executemany(
            "INSERT INTO jobs (id, instance, program, backend, created, status, cost, tags, started, finished, seconds)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    store.close()


async def answer_times(places: list[Place], path: str, repeat: int) -> list[float]:
    """Return the least milliseconds of an answer by each server, in turns."""
    clients = [await Client.connected(place) for place in places]
    times: list[list[float]] = [[] for _ in places]
    for _ in range(repeat):
        for client, found in zip(clients, times, strict=True):
            start = time.perf_counter()
            status, _, body = await client.ask("GET", path)
            found.append(1e3 * (time.perf_counter() - start))
            assert status == 200, body
    for client in clients:
        client.close()
    return [min(found) for found in times]


async def page_times(places: list[Place], repeat: int) -> list[float]:
    """Return the least milliseconds of a page of workloads behind a cursor, on the way through several."""
    clients = [await Client.connected(place) for place in places]
    cursors, times = [""] * len(places), [[] for _ in places]  # type: ignore[var-annotated]
    for _ in range(repeat):
        for index, client in enumerate(clients):
            start = time.perf_counter()
            _, _, body = await client.ask("GET", f"/workloads?limit=20{cursors[index]}")
            times[index].append(1e3 * (time.perf_counter() - start))
            cursors[index] = "&" + urlsplit(json.loads(body)["next"]["href"]).query.partition("&")[2]
    for client in clients:
        client.close()
    return [min(found) for found in times]


def lists(folder: str, few: int, many: int, repeat: int) -> Iterator[Row]:
    """Compare lists and searches among many stored jobs with those among few."""
    paths = [f"{folder}/{number}.sqlite" for number in (many, few)]
    for path, number in zip(paths, (many, few), strict=True):
        seed(path, number)
    with (
        serving(OURS, "--threads", "--backend", "local_heron", database=paths[0]) as one,
        serving(OURS, "--threads", "--backend", "local_heron", database=paths[1]) as other,
    ):
        places = [one, other]
        for name, path in LISTS.items():
            yield line(name, asyncio.run(answer_times(places, path, repeat)), few, many)
        cursor = asyncio.run(page_times(places, min(repeat, few // 20 - 1)))
        yield line("page through workloads by cursor", cursor, few, many)


def line(name: str, times: list[float], few: int, many: int) -> Row:
    """Return a line of the table."""
    return Row("storage", f"{name}, {many:,} jobs", times[0], "ms", f"{few:,} jobs", times[1], aim=1.5)


def each_job(folder: str, jobs: int) -> Iterator[Row]:
    """Measure what the server's process grows by, and the file, with every job that it has run."""
    path = Path(folder, "each.sqlite")

    async def run(place: Place, many: int) -> None:
        client, body = await Client.connected(place), json.dumps(JOB).encode()
        for _ in range(many):
            await client.run_job(body)
        client.close()

    with serving(OURS, "--threads", database=str(path)) as place:
        process = psutil.Process(place.process)
        asyncio.run(run(place, jobs))  # caches are full by now
        memory = process.memory_info().rss
        asyncio.run(run(place, jobs))
        grown = process.memory_info().rss - memory
    disk = path.stat().st_size / (2 * jobs)
    sizes = f"inputs of {len(json.dumps(JOB['params']))} bytes, {SHOTS} shots of {QUBITS} bits"
    yield Row(
        "storage",
        "memory of the server for each job more that is stored",
        grown / jobs / 1e3,
        "kB",
        note=sizes,
    )
    yield Row("storage", "disk for each stored job", disk / 1e3, "kB", note=sizes)


def large_body(folder: str, megabytes: int) -> Row:
    """Submit a body of so many megabytes, mostly a comment, and compare the server's peak memory with it."""
    text = "//" + "x" * 98 + "\n"
    padded = CIRCUIT + text * (megabytes * 1_000_000 // (len(text) + 1))
    body = json.dumps({**JOB, "params": {"pubs": [[padded, None, 1]]}}).encode()
    del padded

    async def submit(place: Place) -> None:
        client = await Client.connected(place)
        status, _, answer = await client.ask("POST", "/jobs", body, "Content-Type: application/json\r\n")
        assert status == 200, answer
        await client.ask("POST", f"/jobs/{json.loads(answer)['id']}/cancel")
        client.close()

    with serving(OURS, database=f"{folder}/large.sqlite") as place:
        process = psutil.Process(place.process)
        before = process.memory_info().rss
        asyncio.run(submit(place))
        peak = _peak(place.process)
    grown = (peak - before) / 1e6
    return Row(
        "storage",
        f"peak memory of the server for a body of {len(body) / 1e6:.0f} MB",
        grown,
        "MB",
        "the body",
        len(body) / 1e6,
        aim=0.1,
    )


def _peak(process: int) -> int:
    """Return the most memory that a process has had, bytes (Linux)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def rows(
    *, few: int = FEW, many: int = MANY, repeat: int = 49, jobs: int = 1_000, megabytes: int = MEGABYTES
) -> Iterator[Row]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as folder:
        yield from lists(folder, few, many, repeat)
        yield from each_job(folder, jobs)
        if Path("/proc/self/status").exists():
            yield large_body(folder, megabytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--many", type=int, default=MANY, help="stored jobs")
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, help="size of the large body")
    parser.add_argument("--repeat", type=int, default=49)
    parser.add_argument("--jobs", type=int, default=1_000)
    chosen = parser.parse_args()
    show(rows(many=chosen.many, megabytes=chosen.megabytes, repeat=chosen.repeat, jobs=chosen.jobs))


if __name__ == "__main__":
    main()
