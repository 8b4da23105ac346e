"""Many clients at once: every request is answered as it should be, and the server does not grow."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.settings import DEFAULT_CRN

COIN = """OPENQASM 3.0;
include "stdgates.inc";
qubit[1] q;
bit[1] c;
h q[0];
c[0] = measure q[0];
"""
JOB = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [[COIN, None, 20]]}}
KEPT_JOBS = 300


class Load:
    """Clients with one keep-alive connection each, and what they met.

    Attributes:
        answers: How often each kind of request was answered with each status.
        wrong: What should not have happened.
        seconds: Time from submitting a job to holding its result.
    """

    def __init__(self, url: str, until: float) -> None:
        self.host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
        self.port, self.until = int(port), until
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.seconds: list[float] = []

    async def client(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            turn = number
            while time.monotonic() < self.until:
                turn += 1
                await self.job(reader, writer)
                if turn % 5 == 0:
                    await self.session(reader, writer)
                if turn % 7 == 0:
                    await self.call(reader, writer, "GET", "/jobs?limit=5", 200)
                    await self.call(reader, writer, "GET", "/backends/aer_simulator/status", 200)
        except Exception as error:  # noqa: BLE001 (every kind is what the test looks for)
            self.wrong.append(f"client {number}: {error!r}")
        finally:
            writer.close()

    async def job(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, **more: Any) -> None:
        start = time.monotonic()
        made = await self.call(reader, writer, "POST", "/jobs", 200, body={**JOB, **more})
        path = f"/jobs/{made['id']}"
        job = made | {"status": "Queued"}
        while job["status"] in ("Queued", "Running") and time.monotonic() < start + 600:
            job = await self.call(reader, writer, "GET", f"{path}?exclude_params=true", 200, wait=30)
        if job["status"] != "Completed":
            self.wrong.append(f"{path}: {job['status']}")
            return
        result = await self.call(reader, writer, "GET", f"{path}/results", 200)
        self.seconds.append(time.monotonic() - start)
        if len(result["results"][0]["data"]["c"]["samples"]) != 20:
            self.wrong.append(f"{path}: not 20 samples")

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = {"mode": "batch", "backend": "aer_simulator"}
        made = await self.call(reader, writer, "POST", "/sessions", 200, body=body)
        await self.job(reader, writer, session_id=made["id"])
        await self.call(
            reader, writer, "PATCH", f"/sessions/{made['id']}", 204, body={"accepting_jobs": False}
        )
        found = await self.call(reader, writer, "GET", f"/sessions/{made['id']}", 200)
        if found["state"] != "closed":
            self.wrong.append(f"session {made['id']}: {found['state']}")

    async def call(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        expected: int,
        *,
        body: Any = None,
        wait: int = 0,
    ) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        writer.write(
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: apikey key\r\n"
            f"Service-CRN: {DEFAULT_CRN}\r\nIBM-API-Version: 2026-04-15\r\nPrefer: wait={wait}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        status, answer = await asyncio.wait_for(_read(reader), 60)
        self.answers[f"{method} {path.split('/')[1].split('?')[0]} {status}"] += 1
        if status != expected:
            self.wrong.append(f"{method} {path}: {status} {answer[:200]!r}")
            raise ConnectionError("an answer of another status")
        return json.loads(answer) if answer else None


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    if "chunked" in fields.get("transfer-encoding", ""):
        raise ConnectionError("a chunked answer")
    return int(head[0].split()[1]), await reader.readexactly(int(fields.get("content-length", 0)))


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


async def under_load(load: Load, clients: int, server: int, samples: list[int]) -> None:
    running = asyncio.gather(*(load.client(number) for number in range(clients)))
    while not running.done():
        samples.append(resident_bytes(server))
        await asyncio.wait({running}, timeout=0.5)
    await running


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc of Linux")
@pytest.mark.parametrize(("clients", "seconds"), [(60, 6), pytest.param(200, 60, marks=pytest.mark.slow)])
def test_many_clients_are_served_without_error_or_growth(tmp_path: Path, clients: int, seconds: int) -> None:
    arguments = ["--token", "key", "--database", str(tmp_path / "jobs.db"), "--keep-jobs", str(KEPT_JOBS)]
    process = subprocess.Popen(
        [sys.executable, "-m", "qiskit_rest_primitives.server", "--backend", "aer_simulator", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    samples: list[int] = []
    with process.stdout:
        try:
            url = json.loads(process.stdout.readline())["url"]
            load = Load(url, time.monotonic() + seconds)
            asyncio.run(under_load(load, clients, process.pid, samples))
        finally:
            process.kill()
            process.wait(600)
    jobs = sorted(load.seconds)
    print(
        f"{clients} clients, {seconds} s: {len(jobs)} jobs, {len(jobs) / seconds:.0f} per second, "
        f"median {1e3 * jobs[len(jobs) // 2]:.0f} ms, 99 % {1e3 * jobs[len(jobs) * 99 // 100]:.0f} ms; "
        f"memory {samples[0] / 1e6:.0f} -> {samples[len(samples) // 2] / 1e6:.0f} -> {samples[-1] / 1e6:.0f} MB"
    )

    assert load.wrong == []
    assert len(jobs) >= clients
    # The first half fills caches; after that memory may breathe, but not grow with every job.
    half = max(samples[: len(samples) // 2 + 1])
    assert samples[-1] < half + 8_000_000
