"""A real server that strangers send things to, and somebody else who is to be answered meanwhile."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import stat
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "qiskit_rest_primitives.server", "--backend", "aer_simulator"]
PENDING = ("Queued", "Running")

_BEAT = """
import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=600)
while True:
    began = time.monotonic()
    connection.request("GET", "/health")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    print(began, time.monotonic(), flush=True)
    time.sleep(0.01)
"""


@dataclass
class Answer:
    """What came back: status, head and body."""

    status: int
    head: bytes
    body: bytes


class Target:
    """A server in a process of its own, which keeps its files in a folder under an umask that hides nothing."""

    def __init__(self, folder: Path, *, scale: float) -> None:
        self.folder, self.scale = folder, scale
        place = ("--database", str(folder / "jobs.sqlite"), "--access-log", str(folder / "access.jsonl"))
        more = ("--grace", "100000", "--workers", "1", "--allow-programs", "trusted")
        self.process = subprocess.Popen(
            [*COMMAND, *place, *more],
            stdout=subprocess.PIPE,
            stderr=(folder / "errors.txt").open("w"),
            text=True,
            umask=0,
        )
        assert self.process.stdout is not None
        (folder / "errors.txt").chmod(0o600)  # it is ours
        ready = json.loads(self.process.stdout.readline())
        self.port = int(ready["iam_url"].rpartition(":")[2])
        self.credentials = {"Authorization": f"apikey {ready['token']}", "Service-CRN": ready["instance"]}
        self.jobs: list[str] = []
        self.sending: list[tuple[float, float]] = []

    def raw(self, sent: bytes) -> Answer:
        """Send bytes, and read until the server closes the connection."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(sent)
            heard = bytearray()
            with contextlib.suppress(ConnectionResetError):
                while more := connection.recv(1 << 20):
                    heard += more
        self.sending.append((began, time.monotonic()))
        head, _, body = bytes(heard).partition(b"\r\n\r\n")
        return Answer(int(head.split()[1]) if head else 0, head, body)

    def head(self, method: str, target: str, **more: str) -> bytes:
        """Write the head of a request; names of headers with underscores for hyphens."""
        lines = {"Host": "h", "Connection": "close", **self.credentials}
        lines |= {name.replace("_", "-"): value for name, value in more.items()}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {target} HTTP/1.1\r\n{text}\r\n".encode("utf-8", "surrogatepass")

    def __call__(
        self, method: str, path: str, body: bytes = b"", *, packed: bool = False, **more: str
    ) -> Answer:
        if packed:
            body, more = gzip.compress(body, 1), {**more, "Content_Encoding": "gzip"}
        target = path if path.startswith(("/identity", "/transpile", "/api")) else f"/api/v1{path}"
        answer = self.raw(self.head(method, target, Content_Length=str(len(body)), **more) + body)
        if (method, path, answer.status) == ("POST", "/jobs", 200):
            self.jobs.append(json.loads(answer.body)["id"])
        return answer

    def job(self, pubs: str, **members: str) -> Answer:
        """Submit a job; everything is JSON text."""
        more = "".join(f', "{name}": {text}' for name, text in members.items())
        text = f'{{"program_id": "sampler", "backend": "aer_simulator", "params": {{"pubs": {pubs}}}{more}}}'
        return self("POST", "/jobs", text.encode("utf-8", "surrogatepass"))

    def fates(self, expected: str | None) -> list[str]:
        """Wait for the jobs that were accepted, and return how they ended; of none if nothing is expected."""
        fates: list[str] = []
        if expected is None:
            self.jobs.clear()
        while self.jobs:
            document = json.loads(
                self("GET", f"/jobs/{self.jobs[-1]}?exclude_params=true", Prefer="wait=50").body
            )
            if document["status"] not in PENDING:
                fates.append(document["status"])
                self.jobs.pop()
        return fates

    def open_to_others(self) -> list[str]:
        """Return the files that others than their owner may touch."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]


class Heart:
    """Somebody else, in a process of its own, who asks whether the server is there, again and again.

    Attributes:
        beats: When each of the questions was asked and answered, on the machine's monotonic clock.
    """

    def __init__(self, port: int) -> None:
        self.beats: list[tuple[float, float]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEAT, str(port)], stdout=subprocess.PIPE, text=True
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            began, ended = line.split()
            self.beats.append((float(began), float(ended)))

    def during(self, began: float, ended: float) -> tuple[int, float]:
        """Return how many were asked and answered between two times, and how long the longest of them and of those at
        their edges took, once it is known."""
        while not self.beats or self.beats[-1][0] < ended:
            assert self._listener.is_alive(), "the server did not answer with 200"
            time.sleep(0.01)
        near = [(asked, told) for asked, told in self.beats if told >= began and asked <= ended]
        within = sum(began <= asked and told <= ended for asked, told in near)
        return within, max((told - asked for asked, told in near), default=0.0)
