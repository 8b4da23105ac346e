"""Servers on this machine are reached directly, whatever the environment says of proxies and token services."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from qiskit_rest_primitives.accounts.endpoints import iam_url_of, is_loopback
from qiskit_rest_primitives.accounts.proxy_settings import Proxy
from qiskit_rest_primitives.rest.auth import StaticBearer
from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.messages import FailureError, Request
from qiskit_rest_primitives.rest.retry import ONCE
from qiskit_rest_primitives.rest.transport import Transport

HERE = [
    "127.0.0.1",
    "127.8.9.10",
    "127.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::ffff:127.0.0.1]",
]
VARIABLES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
PROXIES = ["http://proxy.example:3128", "proxy.example:3128", "socks5h://proxy.example:1080"]


@pytest.fixture(autouse=True)
def no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*VARIABLES, "NO_PROXY", "no_proxy"]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("proxy", PROXIES)
def test_no_variable_sends_what_is_meant_for_this_machine_to_a_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str, variable: str, proxy: str
) -> None:
    """Fault C3."""
    monkeypatch.setenv(variable, proxy)
    for scheme in ("http", "https"):
        assert Engine()._proxy(f"{scheme}://{host}:8080/api/v1") is None


def test_others_are_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXIES[0])
    for host in ("quantum.example", "128.0.0.1", "localhost.example", "[::ffff:10.0.0.1]"):
        assert Engine()._proxy(f"https://{host}/api/v1") == Proxy.at(PROXIES[0])


@pytest.mark.parametrize("host", ["128.0.0.1", "localhost.example", "", None, "0x7f.example", "::2", "126.1"])
def test_other_machines_are_not_this_one(host: str | None) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", HERE)
def test_the_token_service_of_a_server_on_this_machine_is_its_own(host: str) -> None:
    """Fault C3: ``IAM_URL``, as the official client needs it, sent the embedded server's key elsewhere."""
    url = f"http://{host}:8080/api/v1"
    assert iam_url_of(url, environ={"IAM_URL": "https://iam.example"}) == url.removesuffix("/api/v1")


class Eavesdropper:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                self.heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[Eavesdropper]:
    one = Eavesdropper()
    yield one
    one.close()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "quantum.example"])
def test_a_proxy_that_is_asked_for_is_no_safer_than_a_foreign_host(proxy: Eavesdropper, host: str) -> None:
    """Fault C3: plain http through a proxy counts as unencrypted."""
    send = Engine(proxies={"urls": {"http": proxy.url}})
    request = Request("GET", "/x", "GET /x")
    bearer = StaticBearer("s3cret")

    with pytest.raises(FailureError, match="unencrypted") as refused:
        Transport(f"http://{host}", send, auth=bearer, retry=ONCE).json(request)
    assert refused.value.failure.kind == "refused"
    assert proxy.heard == []

    Transport(f"http://{host}", send, retry=ONCE).json(request)
    with pytest.raises(FailureError, match="unencrypted"):
        Transport(f"http://{host}", send, auth=bearer, retry=ONCE).json(request)
    assert Transport(f"http://{host}", send, auth=bearer, retry=ONCE, allow_insecure=True).json(request) == {}
    assert len(proxy.heard) == 2


SCRIPT = """
from qiskit_rest_primitives import QiskitRuntimeService
print(len(QiskitRuntimeService(channel="local", proxies={"urls": {"http": "%s"}}).backends()) > 0)
print(len(QiskitRuntimeService(channel="local").backends()) > 0)
"""


def test_the_embedded_servers_key_goes_to_nobody(proxy: Eavesdropper) -> None:
    """Fault C3, with all variables set as in companies, and the token service as docs/server.md exports it."""
    environment = {**os.environ, **dict.fromkeys(VARIABLES, proxy.url), "IAM_URL": proxy.url}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT % proxy.url],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split() == ["True", "True"]
    assert proxy.heard == []
