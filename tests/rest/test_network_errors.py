"""Connections that cannot be made fail at once and say what to do; those to somebody who was there are tried again."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.exceptions import RequestConnectionError, from_failure
from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.messages import Request
from qiskit_rest_primitives.rest.network_errors import remedy_of
from qiskit_rest_primitives.rest.transport import Transport

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[int]:
    """Answer every request; what does not come as expected is answered as such servers do."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                begun = connection.recv(65536)
                connection.sendall(
                    ANSWER if begun[:3] == b"GET" else b"HTTP/1.1 400 Bad\r\n\r\nInvalid request"
                )

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits in accept()
    listener.close()


def failure(url: str, **settings: Any) -> tuple[Exception, list[float]]:
    pauses: list[float] = []
    transport = Transport(url, Engine(**settings), error_of=from_failure, sleep=pauses.append)
    with pytest.raises(RequestConnectionError) as failed:
        transport.request(Request("GET", "/x", "GET /x"))
    return failed.value, pauses


def tls(certificate: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.minimum_version = version
    return context


def test_a_certificate_that_nobody_knows(certificate: Path) -> None:
    """Fault C23, D (hopeless connections): it was retried for ten seconds, and ``verify=`` was not named."""
    with listening(tls(certificate)) as port:
        error, pauses = failure(f"https://localhost:{port}")
    assert "verify='ca.pem'" in str(error)
    assert pauses == []


def test_a_certificate_of_another_host(certificate: Path) -> None:
    with listening(tls(certificate)) as port:
        error, pauses = failure(f"https://127.0.0.1:{port}", verify=str(certificate))
    assert "check the host in the URL" in str(error)
    assert pauses == []


def test_https_to_a_port_that_speaks_http() -> None:
    with listening(None) as port:
        error, pauses = failure(f"https://127.0.0.1:{port}")
    assert "use http://" in str(error)
    assert pauses == []


def test_http_to_a_port_that_speaks_tls(tcp_server: Callable[..., Any]) -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x16"

    def refuse(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(alert)

    error, pauses = failure(tcp_server(refuse).url)
    assert "https://" in str(error)
    assert pauses == []


@pytest.mark.parametrize("host", ["no-such-host.invalid", "127.0.0.1"])
def test_nobody_there(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error, pauses = failure(f"http://{host}:{port}")
    assert "check the" in str(error)
    assert pauses == []


def test_who_has_answered_before_may_come_back() -> None:
    engine, pauses = Engine(), []  # type: ignore[var-annotated]
    with listening(None) as port:
        url = f"http://127.0.0.1:{port}"
        transport = Transport(url, engine, error_of=from_failure, sleep=pauses.append)
        assert transport.json(Request("GET", "/x", "GET /x")) == {}
    engine.close()

    with pytest.raises(RequestConnectionError):
        transport.request(Request("GET", "/x", "GET /x"))
    assert len(pauses) == 5


@pytest.mark.parametrize(
    ("problem", "known", "said"),
    [
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] x"), True, "versions of TLS"),
        (ssl.SSLEOFError(8, "eof"), False, None),
        (socket.gaierror(-3, "temporary"), True, None),
        (socket.gaierror(-2, "unknown"), False, "check the URL"),
        (ConnectionRefusedError(), True, None),
        (ConnectionResetError(), False, None),
        (TimeoutError(), False, None),
    ],
)
def test_what_may_pass_is_tried_again(problem: Exception, known: bool, said: str | None) -> None:
    remedy = remedy_of(problem, "localhost", known=known)
    assert remedy is None if said is None else said in str(remedy)
