"""Real sockets for the tests of ``rest``: bare TCP servers, and a small job service that counts."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

Handler = Callable[[socket.socket], None]

SECRETS = ("s3cret", "eyJhbGci")
"""How every secret in these tests is marked, and how every token begins."""


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def _no_secret_in_any_log() -> Iterator[None]:
    """Whatever a test does, no log record of any library, at any level, holds a secret."""
    root, collector = logging.getLogger(), _Collector()
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.removeHandler(collector)
    assert [line for line in collector.lines if any(secret in line for secret in SECRETS)] == []


def read_request(connection: socket.socket) -> bytes:
    """Read one request, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


class TcpServer:
    """Runs a handler on every connection, each in a thread; remembers what came in through ``read``."""

    def __init__(self, handler: Handler) -> None:
        self.connections = 0
        self._handler = handler
        self._stopped = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._handler(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(5)


@pytest.fixture
def tcp_server() -> Iterator[Callable[[Handler], TcpServer]]:
    """A factory of TCP servers that are closed after the test."""
    servers: list[TcpServer] = []

    def start(handler: Handler) -> TcpServer:
        servers.append(TcpServer(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def http_server(tcp_server: Callable[[Handler], TcpServer]) -> Callable[..., TcpServer]:
    """A factory of servers that give each request the next of some raw answers, the last one for ever.

    The server's ``requests`` lists what came in.
    """

    def start(*answers: bytes) -> TcpServer:
        left = list(answers)
        lock = threading.Lock()
        requests: list[bytes] = []

        def handle(connection: socket.socket) -> None:
            while True:
                request = read_request(connection)
                if not request:
                    return
                with lock:
                    requests.append(request)
                    answer = left.pop(0) if len(left) > 1 else left[0]
                connection.sendall(answer)
                if b"connection: close" in answer.lower() or not answer:
                    return

        server = tcp_server(handle)
        server.requests = requests
        return server

    return start


def join(one: socket.socket, other: socket.socket) -> None:
    """Carry what comes from each of two sockets to the other, until both have ended."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join(5)


@pytest.fixture
def joined() -> Callable[[socket.socket, socket.socket], None]:
    """What carries bytes between two sockets, for proxies."""
    return join


@pytest.fixture
def encrypted(tcp_server: Callable[[Handler], TcpServer], certificate: Path) -> Callable[..., str]:
    """Put TLS in front of a port, for all or for who shows the certificate of the tests; returns the new place."""

    def start(port: int, *, guarded: bool = False) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if guarded:
            context.load_verify_locations(certificate)
            context.verify_mode = ssl.CERT_REQUIRED

        def handle(connection: socket.socket) -> None:
            with (
                context.wrap_socket(connection, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", port), 10) as onward,
            ):
                join(inside, onward)

        return f"https://localhost:{tcp_server(handle).port}"

    return start


@pytest.fixture
def raw_answer() -> Callable[..., bytes]:
    """Write one HTTP answer as bytes."""

    def write(status: int = 200, body: Any = b"", *headers: str) -> bytes:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "" if isinstance(body, bytes) else "Content-Type: application/json\r\n"
        lines = "".join(f"{line}\r\n" for line in headers)
        return (
            f"HTTP/1.1 {status} Word\r\n{kind}{lines}Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )

    return write


def make_jwt(*, life: float = 3600, serial: int = 0) -> str:
    """Make a token that looks like IAM's."""
    now = int(time.time())
    claims = json.dumps({"iat": now, "exp": now + life, "serial": serial}).encode()
    return "eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(claims).decode().rstrip("=") + ".c2ln"


@pytest.fixture
def jwt() -> Callable[..., str]:
    return make_jwt


class FakeTime:
    """A clock that only ``sleep`` moves; remembers every pause."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


class JobService:
    """A small job service over real HTTP that counts what it creates and knows nothing of idempotency keys.

    ``meddle`` sees (handler, document) of each ``POST /jobs`` after the job was created and may answer in its
    stead, or drop the connection by returning ``"drop"``.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        self.tokens = 0
        self.refuse_tags = False
        self.calls: list[str] = []
        self.before: Callable[[Any], Any] = lambda handler: None
        self.after: Callable[[Any], Any] = lambda handler: None
        self.lock = threading.Lock()
        service = self

        class HandlerClass(_JobHandler):
            pass

        HandlerClass.service = service
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), HandlerClass)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/api/v1"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def create(self, document: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            job = {
                "id": f"job{len(self.jobs):05d}",
                "backend": document.get("backend"),
                "program": {"id": document.get("program_id")},
                "created": datetime.now(timezone.utc).isoformat(),
                "state": {"status": "Completed"},
                "tags": document.get("tags") or [],
                "session_id": document.get("session_id"),
                "params": document.get("params"),
            }
            self.jobs[job["id"]] = job
        return job

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _JobHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: JobService
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, document: Any = None, **headers: str) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _handle(self) -> None:
        service = self.service
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        path = parts.path.removeprefix("/api/v1")
        service.calls.append(f"{self.command} {path}")
        if path == "/identity/token":
            with service.lock:
                service.tokens += 1
                serial = service.tokens
            self.answer(200, {"access_token": make_jwt(serial=serial), "expires_in": 3600})
        elif self.command == "POST" and path == "/jobs":
            if service.before(self) is None:
                self.job = service.create(json.loads(self.body))
                if service.after(self) is None:
                    self.answer(200, {"id": self.job["id"], "backend": self.job["backend"]})
        elif self.command == "PUT" and path.endswith("/tags"):
            if service.refuse_tags:
                self.answer(403, {"errors": [{"code": "forbidden", "message": "not yours"}]})
            else:
                service.jobs[path.split("/")[2]]["tags"] = json.loads(self.body)["tags"]
                self.answer(204)
        elif self.command == "POST" and path.endswith("/cancel"):
            service.cancelled.append(path.split("/")[2])
            self.answer(204)
        elif path == "/jobs":
            wanted = set(query.get("tags", ()))
            found = [job for job in reversed(list(service.jobs.values())) if wanted <= set(job["tags"])]
            found = [{key: value for key, value in job.items() if key != "params"} for job in found]
            self.answer(200, {"jobs": found, "count": len(found)})
        elif path.startswith("/jobs/") and path.split("/")[2] in service.jobs:
            self.answer(200, service.jobs[path.split("/")[2]])
        else:
            self.answer(404, {"errors": [{"code": "not_found", "message": "no such thing"}]})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle


@pytest.fixture
def job_service() -> Iterator[JobService]:
    service = JobService()
    yield service
    service.close()
