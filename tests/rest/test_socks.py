"""A small real SOCKS 5 server (RFC 1928, 1929) between us and a server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from qiskit_rest_primitives.rest import proxies
from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing

pytest.importorskip("socks", reason="needs the extra 'socks': pip install PySocks")


class Socks:
    """Looks up every name as the given port of this machine, for who knows the password."""

    join: Callable[[socket.socket, socket.socket], None]

    def __init__(self, port: int, *, silent_after: int = 99) -> None:
        self.names: list[str] = []
        self.port = port
        self.silent_after = silent_after
        self.spoke_again = False

    def __call__(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")

        def say(step: int, data: bytes) -> None:
            if step >= self.silent_after:
                time.sleep(60)
                self.spoke_again = True
            connection.sendall(data)

        _, count = file.read(2)
        file.read(count)
        say(0, b"\x05\x02")
        user = file.read(file.read(2)[1])
        password = file.read(file.read(1)[0])
        known = (user, password) == (b"eve", b"s3cret:word")
        say(1, b"\x01\x00" if known else b"\x01\x01")
        if not known:
            return
        kind = file.read(4)[3]
        self.names.append(file.read(file.read(1)[0]).decode() if kind == 3 else str(kind))
        file.read(2)
        say(2, b"\x05\x00\x00\x01" + bytes(6))
        with socket.create_connection(("127.0.0.1", self.port)) as target:
            self.join(connection, target)


@pytest.fixture
def through(tcp_server: Any, joined: Any) -> Callable[..., Any]:
    def make(proxy: Socks, login: str = "eve:s3cret%3Aword", **more: Any) -> Any:
        proxy.join = joined
        url = f"socks5h://{login}@127.0.0.1:{tcp_server(proxy).port}"
        return Engine(proxies={"urls": {"http": url, "https": url}}, trust_env=False, **more)

    return make


def test_names_are_looked_up_by_the_proxy_and_connections_are_kept(
    through: Any, http_server: Any, raw_answer: Any
) -> None:
    server = http_server(raw_answer(200, {"a": 1}))
    proxy = Socks(server.port)
    send = through(proxy)

    for _ in range(3):
        assert send(Outgoing("GET", "http://service.invalid/a", total_timeout=5)).status == 200
    assert proxy.names == ["service.invalid"]
    assert server.requests[0].startswith(b"GET /a HTTP/1.1\r\n")
    assert not any(b"s3cret" in request for request in server.requests)


def test_tls_goes_through_the_proxy(through: Any, tcp_server: Any) -> None:
    seen: list[bytes] = []
    proxy = Socks(tcp_server(lambda connection: seen.append(connection.recv(1))).port)

    with pytest.raises(ExchangeError) as caught:
        through(proxy)(Outgoing("GET", "https://service.invalid/a", total_timeout=5))
    assert seen == [b"\x16"]  # a handshake
    assert (caught.value.kind, caught.value.sent) == ("connect", False)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_proxy_that_falls_silent_costs_no_more_than_the_time_allowed(through: Any, step: int) -> None:
    proxy = Socks(1, silent_after=step)
    patient = {"connect_timeout": 3600.0, "idle_timeout": 3600.0}
    with pytest.raises(ExchangeError) as caught:
        through(proxy)(Outgoing("GET", "http://service.invalid/a", total_timeout=0.5, **patient))

    assert not proxy.spoke_again
    assert (caught.value.kind, caught.value.sent) == ("connect", False)
    assert "through the SOCKS proxy" in str(caught.value)


def test_a_wrong_password_is_a_connect_problem_that_shows_none(through: Any) -> None:
    with pytest.raises(ExchangeError) as caught:
        through(Socks(1), "eve:s3cret-wrong")(Outgoing("GET", "http://service.invalid/a", total_timeout=5))

    assert (caught.value.kind, caught.value.sent) == ("connect", False)
    assert "s3cret" not in str(caught.value) + repr(caught.value.__cause__)


def test_nobody_at_the_proxys_place_is_said_to_be_the_proxys_fault() -> None:
    send = Engine(proxies={"urls": {"http": "socks5://127.0.0.1:1"}}, trust_env=False)

    with pytest.raises(ExchangeError, match=r"through the SOCKS proxy \(ProxyConnectionError\)") as caught:
        send(Outgoing("GET", "http://127.0.0.1:2/a", total_timeout=5))
    assert (caught.value.kind, caught.value.sent) == ("connect", False)


def test_without_the_extra_the_error_says_what_to_install(
    through: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda name: None)

    with pytest.raises(ValueError, match=r"qiskit-rest-primitives\[socks\]"):
        through(Socks(1))(Outgoing("GET", "http://service.invalid/a", total_timeout=5))
