"""The engine: what the environment says is asked once; proxies; certificates; nothing leaks."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def get(url: str, **more: Any) -> Outgoing:
    return Outgoing("GET", url, {"Authorization": "Bearer s3cret"}, **more)


def test_the_direct_way_is_taken_without_a_proxy(http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(200, {"a": 1}))
    send = Engine()

    assert [send(get(f"{server.url}/x")).body for _ in range(3)] == [b'{"a": 1}'] * 3
    assert server.connections == 1
    send.close()
    assert send(get(f"{server.url}/x")).status == 200


def test_an_accounts_proxy_is_used(http_server: Any, raw_answer: Any) -> None:
    proxy = http_server(raw_answer(200, {"from": "proxy"}, "X-Request-Id: r1"))
    send = Engine(proxies={"urls": {"http": proxy.url}})

    response = send(get("http://service.example/api/v1/jobs?x=1"))
    send.close()

    assert response.body == b'{"from": "proxy"}'
    assert response.headers["x-request-id"] == "r1"
    head = proxy.requests[0].split(b"\r\n")
    assert head[0] == b"GET http://service.example/api/v1/jobs?x=1 HTTP/1.1"
    assert b"Authorization: Bearer s3cret" in head


def test_the_environments_proxy_is_asked_for_once_per_origin(
    http_server: Any, raw_answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = http_server(raw_answer(200, {"from": "proxy"}))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    send = Engine()
    first = send(get("http://service.example/a"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    second = send(get("http://service.example/b"))
    send.close()

    assert first.body == second.body == b'{"from": "proxy"}'
    with pytest.raises(ExchangeError):
        Engine()(get("http://service.example/a"))


@pytest.mark.parametrize("with_account_proxy", [True, False])
def test_no_proxy_is_respected(
    http_server: Any, raw_answer: Any, monkeypatch: pytest.MonkeyPatch, with_account_proxy: bool
) -> None:
    server = http_server(raw_answer(200, {"from": "server"}))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    proxies = {"urls": {"http": "http://127.0.0.1:9"}} if with_account_proxy else None

    assert Engine(proxies=proxies)(get(f"{server.url}/x")).body == b'{"from": "server"}'


def test_netrc_never_replaces_our_credentials(
    http_server: Any, raw_answer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login eve password evil\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = http_server(raw_answer(200, {}))
    proxy = http_server(raw_answer(200, {}))

    Engine()(get(f"{server.url}/x"))
    through = Engine(proxies={"urls": {"http": proxy.url}})
    through(get("http://service.example/x"))
    through.close()

    for seen in (server.requests[0], proxy.requests[0]):
        assert seen.count(b"Authorization:") == 1
        assert b"Authorization: Bearer s3cret" in seen


def test_the_proxied_way_follows_no_redirect(http_server: Any, raw_answer: Any) -> None:
    proxy = http_server(raw_answer(302, b"", "Location: http://evil.example/"))
    send = Engine(proxies={"urls": {"http": proxy.url}})

    assert send(get("http://service.example/a")).status == 302
    assert len(proxy.requests) == 1
    send.close()


@pytest.mark.parametrize("phase", ["silent", "drip"])
def test_the_proxied_way_keeps_the_total_timeout(tcp_server: Any, phase: str) -> None:
    ended = threading.Event()

    def handle(connection: Any) -> None:
        connection.recv(65536)
        if phase == "drip":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        for _ in range(1200):
            time.sleep(0.05)
            if phase == "drip":
                connection.sendall(b"a")
        ended.set()

    send = Engine(proxies={"urls": {"http": tcp_server(handle).url}})

    with pytest.raises(ExchangeError) as caught:
        send(get("http://service.example/a", total_timeout=0.5, idle_timeout=3600))

    assert caught.value.kind == "timeout"
    assert not ended.is_set()
    send.close()


def test_a_proxy_that_is_down_is_a_problem_at_once_that_shows_no_password() -> None:
    send = Engine(proxies={"urls": {"http": "http://user:s3cret@127.0.0.1:9"}})

    with pytest.raises(ExchangeError) as caught:
        send(get("http://service.example/a"))

    assert (caught.value.kind, caught.value.sent) == ("unreachable", False)
    assert "s3cret" not in str(caught.value)
    send.close()


def test_nothing_secret_is_logged_on_any_way(
    http_server: Any, raw_answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = http_server(raw_answer(200, {"answer": "s3cret"}))
    post = Outgoing("POST", f"{server.url}/x", {"Authorization": "Bearer s3cret"}, b"s3cret")

    Engine()(post)
    through = Engine(proxies={"urls": {"http": server.url}})
    through(post)
    through.close()

    assert "s3cret" not in caplog.text


def test_cookies_are_not_kept(http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(200, {}, "Set-Cookie: s3cret=1; Path=/"))
    through = Engine(proxies={"urls": {"http": server.url}})
    for send in (Engine(), through):
        for _ in range(2):
            send(get(f"{server.url}/x", total_timeout=5.0))
    through.close()

    assert len(server.requests) == 4
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_half_an_answer_through_a_proxy_is_damage(http_server: Any) -> None:
    proxy = http_server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{")
    send = Engine(proxies={"urls": {"http": proxy.url}})

    with pytest.raises(ExchangeError) as caught:
        send(get("http://service.example/a"))

    assert (caught.value.kind, caught.value.sent) == ("body", True)
    send.close()


def test_ntlm_is_asked_for_only_when_the_account_says_so(http_server: Any, raw_answer: Any) -> None:
    proxy = http_server(raw_answer(200, {}))
    proxies = {"urls": {"http": proxy.url}, "username_ntlm": "domain\\user", "password_ntlm": "s3cret"}
    send = Engine(proxies=proxies)

    assert send(get("http://service.example/a")).status == 200
    assert b"s3cret" not in proxy.requests[0].replace(b"Bearer s3cret", b"")
    send.close()


class TlsServer:
    """Answers every connection over TLS with a certificate for localhost that nobody knows."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = str(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server = ThreadingHTTPServer(("127.0.0.1", 0), TlsHandler)
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.server = server
        self.port = server.server_port
        self.thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class TlsHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # a client that does not trust us hangs up
            super().handle()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def tls_server(certificate: Path) -> Iterator[TlsServer]:
    server = TlsServer(certificate)
    yield server
    server.close()


def test_an_unknown_certificate_is_refused_before_anything_is_sent(tls_server: TlsServer) -> None:
    with pytest.raises(ExchangeError) as caught:
        Engine()(get(f"https://localhost:{tls_server.port}/"))

    assert (caught.value.kind, caught.value.sent) == ("permanent", False)


def test_a_certificate_for_another_name_is_refused(tls_server: TlsServer) -> None:
    with pytest.raises(ExchangeError):
        Engine(verify=tls_server.certificate)(get(f"https://127.0.0.1:{tls_server.port}/"))


@pytest.mark.parametrize("how", ["bundle", "environment", "off"])
def test_trust_can_be_given(tls_server: TlsServer, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how == "environment":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", tls_server.certificate)
    send = Engine(verify={"bundle": tls_server.certificate, "environment": True, "off": False}[how])

    assert [send(get(f"https://localhost:{tls_server.port}/")).status for _ in range(2)] == [200, 200]
    send.close()
