"""A TCP proxy between client and server that breaks things by a seeded plan."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

HTML = b"<!DOCTYPE html><html><body>IBM Quantum</body></html>"


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """One answer as the server gave it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def encode(self) -> bytes:
        skipped = {"content-length", "transfer-encoding", "connection", "keep-alive"}
        lines = [f"{name}: {value}" for name, value in self.headers if name.lower() not in skipped]
        length = [] if self.status == 204 else [f"Content-Length: {len(self.body)}"]
        return "\r\n".join([f"HTTP/1.1 {self.status} X", *lines, *length, "", ""]).encode() + self.body


def fault(
    status: int, *headers: str, body: bytes = b'{"errors": [{"code": 1, "message": "fault"}]}'
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        "Content-Type: application/json",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Hangup(Exception):
    """The connection to the client is to be reset, without a word or after some bytes."""

    def __init__(self, first: bytes = b"") -> None:
        super().__init__("hang up")
        self.first = first


class FaultProxy:
    """Forwards requests to a server on this machine and breaks some of them.

    Args:
        port: The server's port.
        seed: Of the plan.
        rates: Probability of each fault, by its name; see ``FAULTS``.
        expire_after: Requests after which a bearer token is answered with 401; 0 for never.
        hidden: Request headers that do not get through, in lower case.
    """

    def __init__(
        self,
        port: int,
        *,
        seed: int,
        rates: dict[str, float],
        expire_after: int = 0,
        hidden: tuple[str, ...] = (),
    ) -> None:
        self._hidden = {"accept-encoding", *hidden}
        self._server = ("127.0.0.1", port)
        self._random = random.Random(seed)
        self._rates = rates
        self._expire_after = expire_after
        self._uses: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self.happened: Counter[str] = Counter()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def draw(self, call: Call) -> str:
        """Choose what happens to a request; the plan is the seeded sequence of these choices."""
        with self._lock:
            token = call.headers.get("authorization", "")
            if self._expire_after and token.startswith("Bearer "):
                self._uses[token] += 1
                if self._uses[token] > self._expire_after:
                    self.happened["expired"] += 1
                    return "expired"
            number = self._random.random()
            for name, rate in self._rates.items():
                number -= rate
                if number < 0:
                    self.happened[name] += 1
                    return name
            self.happened["none"] += 1
            return "none"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        upstream = http.client.HTTPConnection(*self._server, timeout=600)
        try:
            with contextlib.suppress(OSError, http.client.HTTPException), client:
                reader = client.makefile("rb")
                while True:
                    call = read_call(reader)
                    if call is None:
                        return
                    name = self.draw(call)
                    try:
                        FAULTS[name](lambda call=call: forward(upstream, call, self._hidden), client)
                    except Hangup as end:
                        client.sendall(end.first)
                        if not end.first:
                            # No lingering: the client sees a reset, not an orderly end.
                            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
        finally:
            upstream.close()


Forward = Callable[[], Answer]


def _through(forward: Forward, client: socket.socket) -> None:
    client.sendall(forward().encode())


def _refuse(forward: Forward, client: socket.socket) -> None:
    raise Hangup


def _reset_after_answer(forward: Forward, client: socket.socket) -> None:
    forward()
    raise Hangup


def _delay(forward: Forward, client: socket.socket) -> None:
    time.sleep(0.05)
    client.sendall(forward().encode())


def _status(
    *, status: int, after: bool, headers: tuple[str, ...] = ()
) -> Callable[[Forward, socket.socket], None]:
    def act(forward: Forward, client: socket.socket) -> None:
        if after:
            forward()
        client.sendall(fault(status, *headers))

    return act


def _truncated(forward: Forward, client: socket.socket) -> None:
    data = forward().encode()
    raise Hangup(data[: max(1, len(data) - 3)] if data.endswith(b"\r\n\r\n") else data[:-2])


def _empty(forward: Forward, client: socket.socket) -> None:
    forward()
    client.sendall(fault(200, body=b""))


def _html(forward: Forward, client: socket.socket) -> None:
    forward()
    client.sendall(fault(200, body=HTML).replace(b"application/json", b"text/html"))


def _drip(forward: Forward, client: socket.socket) -> None:
    data = forward().encode()
    for start in range(0, len(data), 64):
        client.sendall(data[start : start + 64])
        time.sleep(0.002)


FAULTS: dict[str, Callable[[Forward, socket.socket], None]] = {
    "none": _through,
    "refuse": _refuse,
    "reset-after-answer": _reset_after_answer,
    "delay": _delay,
    "429": _status(status=429, after=False),
    "429-retry-after": _status(status=429, after=False, headers=("Retry-After: 0.02",)),
    "503-before": _status(status=503, after=False),
    "500-before": _status(status=500, after=False),
    "502-after": _status(status=502, after=True),
    "504-after": _status(status=504, after=True),
    "truncated": _truncated,
    "empty": _empty,
    "html": _html,
    "drip": _drip,
    "expired": _status(status=401, after=False),
}


def read_call(reader: object) -> Call | None:
    """Read one request from a buffered reader; None at the end of the connection."""
    line = reader.readline()  # type: ignore[attr-defined]
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split()
    headers: dict[str, str] = {}
    while (line := reader.readline().decode("latin-1").strip()) != "":  # type: ignore[attr-defined]
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Call(method, target, headers, reader.read(int(headers.get("content-length", 0))))  # type: ignore[attr-defined]


def forward(upstream: http.client.HTTPConnection, call: Call, hidden: set[str]) -> Answer:
    """Carry a request to the server and read its whole answer."""
    headers = {name: value for name, value in call.headers.items() if name not in hidden}
    upstream.request(call.method, call.target, body=call.body or None, headers=headers)
    response = upstream.getresponse()
    return Answer(response.status, response.getheaders(), response.read())


@pytest.fixture
def fault_proxy() -> Iterator[Callable[..., FaultProxy]]:
    """A factory of proxies that are closed after the test."""
    proxies: list[FaultProxy] = []

    def start(port: int, **how: object) -> FaultProxy:
        proxies.append(FaultProxy(port, **how))  # type: ignore[arg-type]
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def fault_names() -> tuple[str, ...]:
    """The faults that a plan can hold."""
    return tuple(name for name in FAULTS if name not in {"none", "expired"})
