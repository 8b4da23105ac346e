"""Direct keep-alive connections, shared by threads, on which nothing can hang past its time.

What lives here: sockets, TLS, the pool of idle connections, one exchange over one of them.
What does not: proxies (``engine`` goes through ``requests`` for those), redirects, repeating, logging.

The standard library's parser is used without its connection class, because every blocking call (name
resolution, connect, TLS, send, each receive of head or body) must be given the time that is left, and because
this is what makes an exchange on loopback cost a quarter of one through ``requests.Session``.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import queue
import re
import select
import socket
import ssl
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from ..wire.http import Response
from .exchange import ExchangeError, Outgoing

Origin = tuple[str, str, int]
Pool = dict[Origin, list[tuple[socket.socket, float]]]  # connections with the moment they fell idle
Clock = Callable[[], float]

MAX_IDLE = 16
"""Idle connections kept per origin."""

MAX_IDLE_SECONDS = 30.0
"""Age at which an idle connection is given up: routers forget quiet connections without telling either end."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE_TARGET = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")


class Connections:
    """A pool of direct connections; calling it carries out one exchange.

    Args:
        tls: Makes the TLS settings; called once, when the first ``https`` URL is seen.
        clock: Monotonic seconds.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext], *, clock: Clock = time.monotonic) -> None:
        self._make_tls = tls
        self._clock = clock
        self._tls: ssl.SSLContext | None = None
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._pool: Pool = {}
        weakref.finalize(self, _close_all, self._pool)

    def __call__(self, outgoing: Outgoing) -> Response:
        """Carry one request there and one answer back.

        Raises:
            ExchangeError: If no complete answer came.
        """
        origin, target = _split(outgoing.url)
        allowance = _Allowance(outgoing, self._clock)
        head = _head(outgoing, origin, target)
        connection = self._idle(origin) or self._connect(origin, allowance)
        try:
            response, reusable = _exchange(connection, outgoing, head, allowance)
        except BaseException:
            connection.close()
            raise
        if reusable:
            self._keep(origin, connection)
        else:
            connection.close()
        return response

    def close(self) -> None:
        """Close the idle connections; the pool stays usable."""
        with self._lock:
            _close_all(self._pool)

    def _disown(self) -> None:
        """Start anew in a forked child: the sockets are the parent's, the lock may be held by a thread it lacks."""
        self._owner = os.getpid()
        self._lock = threading.Lock()
        _close_all(self._pool)  # closes the child's copies only

    def _idle(self, origin: Origin) -> socket.socket | None:
        if self._owner != os.getpid():
            self._disown()
        while True:
            with self._lock:
                connections = self._pool.get(origin)
                if not connections:
                    return None
                connection, since = connections.pop()
            if self._clock() - since < MAX_IDLE_SECONDS and not _readable(connection):
                return connection
            connection.close()

    def _keep(self, origin: Origin, connection: socket.socket) -> None:
        with self._lock:
            connections = self._pool.setdefault(origin, [])
            if len(connections) < MAX_IDLE:
                connections.append((connection, self._clock()))
                return
        connection.close()

    def _connect(self, origin: Origin, allowance: _Allowance) -> socket.socket:
        scheme, host, port = origin
        try:
            connection = _open(host, port, allowance)
            if scheme == "http":
                return connection
            if self._tls is None:
                self._tls = self._make_tls()
            connection.settimeout(allowance.connecting())
            return self._tls.wrap_socket(connection, server_hostname=host)
        except TimeoutError as cause:
            raise ExchangeError(
                f"no connection to {host}:{port} in time", kind="connect", sent=False
            ) from cause
        except (OSError, UnicodeError) as cause:
            reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
            raise ExchangeError(
                f"no connection to {host}:{port}: {reason}", kind="connect", sent=False
            ) from cause


def _close_all(pool: Pool) -> None:
    while pool:
        _, connections = pool.popitem()
        for connection, _ in connections:
            connection.close()


class _Allowance:
    """The time that is left for the next blocking call of an exchange."""

    def __init__(self, outgoing: Outgoing, clock: Clock) -> None:
        now = clock()
        self._clock = clock
        self._idle = outgoing.idle_timeout
        self._connect_by = now + outgoing.connect_timeout
        self._end = None if outgoing.total_timeout is None else now + outgoing.total_timeout

    def connecting(self) -> float:
        left = self._connect_by - self._clock()
        return _positive(left if self._end is None else min(left, self._end - self._clock()))

    def talking(self) -> float:
        return self._idle if self._end is None else _positive(min(self._idle, self._end - self._clock()))

    def sending(self, size: int) -> float:
        """Sending counts as one call, so a large body gets time in proportion (at least 64 KiB/s)."""
        allowed = self._idle + size / 65536
        return allowed if self._end is None else _positive(min(allowed, self._end - self._clock()))


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError("the time is up")
    return seconds


def _split(url: str) -> tuple[Origin, str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https URL with a host")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (parts.scheme, parts.hostname, port), target


def _head(outgoing: Outgoing, origin: Origin, target: str) -> bytes:
    scheme, host, port = origin
    name = f"[{host}]" if ":" in host else host
    if _UNSAFE_TARGET.search(target):
        raise ValueError("a request path must be percent-encoded")
    lines = [f"{outgoing.method} {target} HTTP/1.1"]
    lines.append(f"Host: {name}" if port == (443 if scheme == "https" else 80) else f"Host: {name}:{port}")
    for key, value in outgoing.headers.items():
        if _UNSAFE.search(key) or _UNSAFE.search(value):
            raise ValueError(f"the header {key!r} holds a control character")
        lines.append(f"{key}: {value}")
    if outgoing.body is not None or outgoing.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {len(outgoing.body or b'')}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _exchange(
    connection: socket.socket, outgoing: Outgoing, head: bytes, allowance: _Allowance
) -> tuple[Response, bool]:
    """Send and receive; return the answer and whether the connection can be used again."""
    body = outgoing.body or b""
    try:
        connection.settimeout(allowance.sending(len(body)))
        try:
            connection.sendall(head + body if len(body) < 65536 else head)
            if len(body) >= 65536:
                connection.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses early answers and closes before it has read everything: its answer counts.
            if not _readable(connection):
                raise
        answer = http.client.HTTPResponse(
            cast("socket.socket", _Readable(connection, allowance)), method=outgoing.method
        )
        with contextlib.closing(answer):
            answer.begin()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            content = _decoded(answer.read(), headers)
            return Response(answer.status, headers, content), not answer.will_close
    except TimeoutError as cause:
        raise ExchangeError("no complete answer in time", kind="timeout", sent=True) from cause
    except (http.client.IncompleteRead, zlib.error, MemoryError, OverflowError) as cause:
        raise ExchangeError("the answer was cut short or damaged", kind="body", sent=True) from cause
    except (OSError, http.client.HTTPException, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        raise ExchangeError(f"the connection broke: {reason}", kind="broken", sent=True) from cause


def _decoded(content: bytes, headers: Mapping[str, str]) -> bytes:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"} or not content:
        return content
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise zlib.error(f"unknown content coding {coding!r}")
    decoder = zlib.decompressobj(wbits=47)
    plain = decoder.decompress(content) + decoder.flush()
    if not decoder.eof:
        raise zlib.error("the compressed body ends early")
    return plain


class _Readable:
    """What ``http.client.HTTPResponse`` needs of a socket."""

    def __init__(self, connection: socket.socket, allowance: _Allowance) -> None:
        self._raw = _TimedReader(connection, allowance)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(self._raw, 65536)


class _TimedReader(io.RawIOBase):
    """Receives from a socket, giving each call the time that is left."""

    def __init__(self, connection: socket.socket, allowance: _Allowance) -> None:
        super().__init__()
        self._connection = connection
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._allowance.talking())
        return self._connection.recv_into(buffer)


def _readable(connection: socket.socket) -> bool:
    """Return whether there is something to read: on an idle connection, its end (or garbage)."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(connection, select.POLLIN | select.POLLERR | select.POLLHUP)
        return bool(poll.poll(0))
    return bool(select.select([connection], [], [], 0)[0])


def _open(host: str, port: int, allowance: _Allowance) -> socket.socket:
    """Connect to the first address that answers."""
    problem: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in _addresses(host, port, allowance):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(allowance.connecting())
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as cause:
            connection.close()
            problem = cause
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise problem


def _addresses(host: str, port: int, allowance: _Allowance) -> list[tuple[Any, ...]]:
    """Resolve a name, in a thread of its own because the system's resolver takes no time limit."""
    if re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", host):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    answers: queue.SimpleQueue[list[tuple[Any, ...]] | OSError | UnicodeError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as cause:
            answers.put(cause)

    threading.Thread(target=resolve, name="resolve-name", daemon=True).start()
    try:
        answer = answers.get(timeout=allowance.connecting())
    except queue.Empty:
        raise TimeoutError("name resolution took too long") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
