"""A server is killed under load, again and again: nothing it acknowledged is lost, no job has two results."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.rest.lookup import WITH_RESULT
from qiskit_rest_primitives.server.settings import DEFAULT_CRN

CLIENTS = 4
BURST = 3
COIN = """OPENQASM 3.0;
include "stdgates.inc";
qubit[1] q;
bit[1] c;
h q[0];
c[0] = measure q[0];
"""


class Books:
    """What the clients were told.

    Attributes:
        accepted: Idempotency key -> job id.
        results: Job id -> the result as it was first read.
        changed: Ids of jobs whose result was another one when it was read again.
    """

    def __init__(self) -> None:
        self.accepted: dict[str, str] = {}
        self.results: dict[str, bytes] = {}
        self.changed: list[str] = []
        self.strange: list[str] = []
        self.lock = threading.Lock()

    def read(self, job_id: str, body: bytes) -> None:
        with self.lock:
            if self.results.setdefault(job_id, body) != body:
                self.changed.append(job_id)


class Client(threading.Thread):
    """Submits jobs without a seed, so that two runs of a job differ, and reads their results now and later.

    Every other one takes results that come along with the answers to submissions.
    """

    def __init__(self, number: int, url: str, books: Books) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.number, self.url, self.books = number, url, books
        self.random = random.Random(number)
        self.stopping = threading.Event()
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response | None:
        """Return the answer, or None when there is none: the caller cannot know what became of the request."""
        headers = {"Authorization": "apikey key", "Service-CRN": DEFAULT_CRN, **kwargs.pop("headers", {})}
        try:
            answer = self.session.request(method, self.url + path, headers=headers, timeout=600, **kwargs)
        except requests.RequestException:
            time.sleep(0.02)
            return None
        if answer.status_code >= 400:
            self.books.strange.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def run(self) -> None:
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            ids = [self.submit(f"client{self.number}-job{turn}-{part}") for part in range(BURST)]
            for job_id in filter(None, ids):
                self.fetch(job_id)
            with self.books.lock:
                old = list(self.books.results)
            if old:
                self.fetch(self.random.choice(old))
        self.session.close()

    def submit(self, key: str) -> str | None:
        shots = self.random.choice([200, 2_000, 100_000])
        body = {
            "program_id": "sampler",
            "backend": "aer_simulator",
            "tags": [key],
            "params": {"pubs": [[COIN, None, shots]]},
        }
        while not self.stopping.is_set():
            taking = WITH_RESULT if self.number % 2 else {}
            answer = self.call("POST", "/jobs", json=body, headers={"Idempotency-Key": key, **taking})
            if answer is not None and answer.status_code == 200:
                job, *result = answer.content.lstrip(b"\x1e").split(b"\n\x1e")
                job_id: str = json.loads(job)["id"]
                if result:
                    self.books.read(job_id, result[0].removesuffix(b"\n"))
                with self.books.lock:
                    self.books.accepted[key] = job_id
                return job_id
        return None

    def fetch(self, job_id: str) -> None:
        answer = self.call("GET", f"/jobs/{job_id}/results", headers={"Prefer": "wait=1"})
        if answer is not None and answer.status_code == 200:
            self.books.read(job_id, answer.content)


@contextlib.contextmanager
def serving(database: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run the server program; killed with SIGKILL at the end."""
    arguments = ["--database", str(database), "--port", str(port), "--token", "key", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "qiskit_rest_primitives.server", "--backend", "aer_simulator", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            assert json.loads(process.stdout.readline())["token"] == "key"
            yield process
        finally:
            process.kill()
            process.wait(600)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_all(client: Client, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = client.call("GET", "/jobs?pending=true&limit=1")
        if answer is not None and answer.json()["count"] == 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"jobs are still pending after {seconds} s")


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL; POSIX only")
@pytest.mark.parametrize("kills", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_a_server_killed_under_load_loses_nothing_and_runs_nothing_twice(tmp_path: Path, kills: int) -> None:
    database, port = tmp_path / "jobs.db", free_port()
    books, moments = Books(), random.Random(5)
    url = f"http://127.0.0.1:{port}/api/v1"
    clients = [Client(number, url, books) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    unfinished = 0
    for _ in range(kills):
        with serving(database, port):
            time.sleep(moments.uniform(0.0, 1.0))
        unfinished += pending(database)

    observer = Client(99, url, books)
    with serving(database, port):
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(600)
        wait_for_all(observer, 60)
        for job_id in books.accepted.values():
            observer.fetch(job_id)
        listed = all_jobs(observer)

    assert unfinished, "no kill hit a job on its way; the test proved nothing"
    assert len(books.results) > kills, "hardly a job was done between the kills; the test proved nothing"
    assert books.strange == []
    assert books.changed == []
    by_tag = Counter(job["tags"][0] for job in listed)
    assert set(by_tag.values()) == {1}, "a submission became two jobs"
    ids = {job["tags"][0]: job["id"] for job in listed}
    assert {key: ids.get(key) for key in books.accepted} == books.accepted
    assert {job["status"] for job in listed} == {"Completed"}
    assert set(books.accepted.values()) <= set(books.results)
    check_tables(database)


def pending(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        row = connection.execute("SELECT count(*) FROM jobs WHERE status IN ('Queued', 'Running')").fetchone()
    return int(row[0])


def all_jobs(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = client.call("GET", f"/jobs?limit=200&offset={len(found)}&exclude_params=true")
        assert answer is not None
        page = answer.json()
        found += page["jobs"]
        if len(found) >= page["count"]:
            return found


def check_tables(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        jobs = {row[0] for row in connection.execute("SELECT id FROM jobs")}
        results = [row[0] for row in connection.execute("SELECT job FROM results")]
    assert len(results) == len(set(results))
    assert set(results) == jobs
