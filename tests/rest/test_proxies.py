"""Proxies that demand something: a small real one that speaks NTLM, tunnels that hang, passwords that are wrong."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing

spnego = pytest.importorskip("spnego", reason="needs the extra 'ntlm': pip install pyspnego")

USER, PASSWORD = "lab\\eve", "s3cret-proxy-password"
LIMIT = 0.5


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


class NtlmProxy:
    """One connection's worth of a proxy that wants NTLM; both ways of use, checked by a real acceptor."""

    def __init__(self, seen: list[str], join: Callable[[socket.socket, socket.socket], None]) -> None:
        self.seen = seen
        self.join = join

    def __call__(self, connection: socket.socket) -> None:
        acceptor, known = spnego.server(protocol="ntlm"), False
        while True:
            head, rest = read_head(connection)
            if not head:
                return None
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            method, target, _ = lines[0].split(" ")
            length = int(headers.get("content-length", 0))
            while len(rest) < length:
                rest += connection.recv(65536)
            if not known:
                offer = b"NTLM"
                token = headers.get("proxy-authorization", "").partition(" ")[2]
                with contextlib.suppress(spnego.exceptions.SpnegoError):
                    reply = acceptor.step(base64.b64decode(token)) if token else None
                    known = acceptor.complete
                    offer += b" " + base64.b64encode(reply) if reply else b""
                if not known:
                    self.seen.append(f"407 {method}")
                    connection.sendall(
                        b"HTTP/1.1 407 Go away\r\nProxy-Authenticate: Basic realm=x\r\nProxy-Authenticate: "
                        + offer
                        + b"\r\nContent-Length: 6\r\n\r\nlogin?"
                    )
                    continue
                self.seen.append(f"{acceptor.client_principal} {method}")
            place = urlsplit(target if "://" in target else f"//{target}")
            with socket.create_connection((place.hostname, place.port), 10) as onward:
                if method == "CONNECT":
                    connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    return self.join(connection, onward)
                kept = [line for line in lines[1:] if not line.lower().startswith(("proxy-", "connection"))]
                path = f"{place.path}?{place.query}" if place.query else place.path
                text = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""])
                onward.sendall(text.encode("latin-1") + rest)
                answer = b""
                while piece := onward.recv(65536):
                    answer += piece
                connection.sendall(answer.replace(b"connection: close\r\n", b""))


@pytest.fixture
def proxy(tcp_server: Any, joined: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A proxy that lets one user through; ``seen`` says what it was asked."""
    (tmp_path / "users").write_text(USER.replace("\\", ":") + f":{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    seen: list[str] = []
    server = tcp_server(NtlmProxy(seen, joined))
    server.seen = seen
    return server


@pytest.fixture
def login(proxy: Any) -> Callable[..., dict[str, Any]]:
    def write(password: str = PASSWORD) -> dict[str, Any]:
        urls = {"http": proxy.url, "https": proxy.url}
        return {"urls": urls, "username_ntlm": USER, "password_ntlm": password}

    return write


def counts(connect: Any, endpoint: Any, **more: Any) -> dict[str, int]:
    from qiskit import QuantumCircuit

    from qiskit_rest_primitives import SamplerV2

    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    service = connect(endpoint, **more)
    job = SamplerV2(service.backend("aer_simulator")).run([circuit], shots=16)
    return job.result(timeout=600)[0].data.meas.get_counts()


def test_a_job_goes_through_an_ntlm_proxy(connect: Any, endpoint: Any, proxy: Any, login: Any) -> None:
    assert counts(connect, endpoint, proxies=login(), allow_insecure=True) == {"1": 16}

    users = {each.lower().partition(" ")[0] for each in proxy.seen if not each.startswith("407")}
    assert users == {"lab\\eve"}
    assert len(proxy.seen) <= 2 * proxy.connections  # a connection logs in once


def test_a_job_goes_through_an_ntlm_tunnel(
    connect: Any, endpoint: Any, proxy: Any, login: Any, encrypted: Any, certificate: Path
) -> None:
    place = encrypted(urlsplit(endpoint.url).port)

    found = counts(connect, endpoint, url=f"{place}/api/v1", proxies=login(), verify=str(certificate))

    assert found == {"1": 16}
    assert set(proxy.seen) == {"407 CONNECT", f"{USER} CONNECT"}


@pytest.mark.parametrize("way", ["plain", "tunnel"])
def test_a_wrong_password_is_one_error_that_does_not_say_it(
    connect: Any, endpoint: Any, proxy: Any, login: Any, way: str
) -> None:
    from qiskit_rest_primitives.exceptions import RequestsApiError

    url = endpoint.url if way == "plain" else endpoint.url.replace("http:", "https:")
    wrong = "s3cret-wrong-password"

    with pytest.raises(RequestsApiError, match="'proxies'") as caught:
        connect(endpoint, url=url, proxies=login(wrong), allow_insecure=True).backends()

    assert caught.value.status_code == 407
    told = "".join(traceback.format_exception(caught.value))
    assert wrong not in told
    assert base64.b64encode(wrong.encode()).decode() not in told
    assert len(proxy.seen) == 2, "a wrong password that is tried again and again locks the account"


@pytest.mark.parametrize("challenge", ["AAAA", "!", base64.b64encode(b"NTLMSSP\0\2\0\0\0").decode()])
def test_a_challenge_that_is_none_is_one_refusal(
    connect: Any, endpoint: Any, tcp_server: Any, challenge: str
) -> None:
    """Fault C9: what ``spnego`` raises of it, with the password in its frames, does not come out."""
    from qiskit_rest_primitives.exceptions import RequestsApiError

    def handle(connection: socket.socket) -> None:
        read_head(connection)
        offer = f"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM {challenge}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(offer.encode())
        read_head(connection)

    proxies = {
        "urls": {"http": tcp_server(handle).url},
        "username_ntlm": USER,
        "password_ntlm": PASSWORD,
    }

    with pytest.raises(RequestsApiError, match="'proxies'") as caught:
        connect(endpoint, proxies=proxies, allow_insecure=True).backends()
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert caught.value.status_code == 407
    assert not any(PASSWORD in str(frame.locals) for frame in told.stack if frame.filename != __file__)


TLS_TARGET = Outgoing(
    "GET",
    "https://service.example/a",
    {},
    connect_timeout=3600,
    idle_timeout=3600,
    total_timeout=LIMIT,
)


def tunnelled(url: str, outgoing: Outgoing = TLS_TARGET) -> tuple[ExchangeError, float]:
    send = Engine(proxies={"urls": {"https": url}})
    start = time.monotonic()
    with pytest.raises(ExchangeError) as caught:
        send(outgoing)
    return caught.value, time.monotonic() - start


@pytest.mark.parametrize("phase", ["silent", "drip", "handshake"])
def test_no_phase_of_a_tunnel_outlives_the_total_timeout(tcp_server: Any, phase: str) -> None:
    ended = threading.Event()

    def handle(connection: socket.socket) -> None:
        read_head(connection)
        if phase == "handshake":
            time.sleep(LIMIT / 2)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        elif phase == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1200):
            time.sleep(0.05)
            if phase == "drip":
                connection.sendall(b"X-Drip: 1\r\n")
        ended.set()

    problem, spent = tunnelled(tcp_server(handle).url)

    assert (problem.kind, problem.sent) == ("connect", False)
    assert spent + 0.01 >= LIMIT
    assert not ended.is_set()


@pytest.mark.parametrize("status", [403, 502, 200])
def test_a_tunnel_that_is_not_given_is_a_connect_problem(
    tcp_server: Any, raw_answer: Any, status: int
) -> None:
    def handle(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(raw_answer(status, b"not today"))

    problem, _ = tunnelled(tcp_server(handle).url)  # with status 200 what follows is no TLS

    assert (problem.kind, problem.sent) == ("connect", False)


def test_a_proxys_user_and_password_go_to_the_proxy_only(tcp_server: Any) -> None:
    heads: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        heads.append(read_head(connection)[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        heads.append(connection.recv(65536))

    url = tcp_server(handle).url.replace("http://", "http://eve:p%40ss@")
    outgoing = Outgoing(
        "GET", "https://service.example/a", {"Authorization": "Bearer t0ken"}, total_timeout=60.0
    )
    tunnelled(url, outgoing)

    assert heads[0].startswith(b"CONNECT service.example:443 HTTP/1.1\r\nHost: service.example:443\r\n")
    assert b"Basic " + base64.b64encode(b"eve:p@ss") in heads[0]
    assert b"t0ken" not in heads[0]
    assert heads[1][:1] == b"\x16", "what follows is a TLS handshake"


def test_a_proxy_may_be_given_without_scheme(http_server: Any, raw_answer: Any) -> None:
    proxy = http_server(raw_answer(200, b"from the proxy"))
    send = Engine(proxies={"urls": {"http": proxy.url.removeprefix("http://")}})

    assert send(Outgoing("GET", "http://service.example/a")).body == b"from the proxy"
    send.close()


def test_an_unknown_kind_of_proxy_is_named(connect: Any, endpoint: Any) -> None:
    from qiskit_rest_primitives.exceptions import IBMInputValueError

    service = connect(
        endpoint, allow_insecure=True, proxies={"urls": {"http": "gopher://eve:s3cret@127.0.0.1:1"}}
    )

    with pytest.raises(IBMInputValueError, match="'gopher'") as caught:
        service.backends()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
