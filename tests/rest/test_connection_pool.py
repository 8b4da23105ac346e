"""One exchange over real sockets: what is sent, what is read, and that nothing hangs."""

from __future__ import annotations

import gc
import gzip
import os
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qiskit_rest_primitives.rest.connection_pool import MAX_IDLE_SECONDS
from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing

LIMIT = 0.4
"""Seconds allowed in the deadline tests."""
NEVER = 3600.0
"""Seconds for the limits that are not the one that is tested: none of them ends the exchange in its stead."""
HANGING = 60
"""Seconds for which a server hangs: what ends before it does was ended by the limit."""


@pytest.fixture
def pool() -> Iterator[Engine]:
    pool = Engine(trust_env=False)
    yield pool
    pool.close()


def get(url: str, **more: Any) -> Outgoing:
    return Outgoing("GET", url, {"Accept": "application/json"}, **more)


def failing(pool: Engine, outgoing: Outgoing) -> tuple[ExchangeError, float]:
    start = time.monotonic()
    with pytest.raises(ExchangeError) as caught:
        pool(outgoing)
    return caught.value, time.monotonic() - start


def test_an_exchange_carries_headers_and_body(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(201, {"a": 1}, "X-Request-Id: r1"))
    headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}

    response = pool(Outgoing("POST", f"{server.url}/jobs?x=1", headers, b'{"b":2}'))

    assert (response.status, response.body) == (201, b'{"a": 1}')
    assert response.headers["x-request-id"] == "r1"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == b"POST /jobs?x=1 HTTP/1.1"
    assert sorted(lines) == [
        b"Authorization: Bearer t",
        b"Content-Length: 7",
        b"Content-Type: application/json",
        f"Host: 127.0.0.1:{server.port}".encode(),
    ]
    assert body == b'{"b":2}'


def test_a_large_body_arrives_whole(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer())
    body = os.urandom(3_000_000)

    pool(Outgoing("POST", server.url, {}, body))

    assert server.requests[0].partition(b"\r\n\r\n")[2] == body


def test_a_post_without_body_says_so(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(204))

    pool(Outgoing("POST", f"{server.url}/jobs/a/cancel"))

    assert b"Content-Length: 0" in server.requests[0]


def test_one_connection_serves_a_loop(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(200, {"a": 1}))

    for _ in range(20):
        pool(get(server.url))

    assert server.connections == 1


def test_threads_share_the_pool_and_never_a_connection(
    pool: Engine, http_server: Any, raw_answer: Any
) -> None:
    server = http_server(raw_answer(200, {"a": 1}))
    bodies: list[bytes] = []

    def work() -> None:
        bodies.extend(pool(get(server.url)).body for _ in range(25))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bodies == [b'{"a": 1}'] * 200
    assert server.connections <= 8


def test_a_connection_the_server_closed_is_replaced(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    answer = raw_answer(200, {"a": 1})

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    server = http_server(answer)
    server._handler = handle
    pool(get(server.url))
    time.sleep(0.05)

    assert pool(get(server.url)).status == 200
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    http_server: Any, raw_answer: Any, fake_time: Any
) -> None:
    server = http_server(raw_answer(200, {"a": 1}))
    pool = Engine(trust_env=False, clock=fake_time.clock)
    for idle in (0.0, MAX_IDLE_SECONDS - 1.0, MAX_IDLE_SECONDS + 1.0):
        fake_time.now += idle
        pool(get(server.url))
    pool.close()

    assert server.connections == 2


def test_an_announced_close_is_respected(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(200, {"a": 1}, "Connection: close"))

    assert [pool(get(server.url)).status for _ in range(3)] == [200] * 3
    assert server.connections == 3


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_bodies_are_unpacked(pool: Engine, http_server: Any, raw_answer: Any, coding: str) -> None:
    plain = b'{"a": 1}' * 1000
    packed = gzip.compress(plain) if coding == "gzip" else zlib.compress(plain)
    server = http_server(raw_answer(200, packed, f"Content-Encoding: {coding}"))

    assert pool(get(server.url)).body == plain


def test_chunked_bodies_are_joined(pool: Engine, http_server: Any) -> None:
    server = http_server(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    assert [pool(get(server.url)).body for _ in range(2)] == [b"abcde"] * 2
    assert server.connections == 1


DAMAGED = {
    "short-body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{", "body"),
    "short-chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n9\r\nab",
        "body",
    ),
    "no-gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "body"),
    "short-gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n"
        + gzip.compress(b"abc" * 99)[:12],
        "body",
    ),
    "odd-coding": (b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 4\r\n\r\nabcd", "body"),
    "absurd-length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999999\r\nConnection: close\r\n\r\n",
        "body",
    ),
    "long-gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 27\r\n\r\n"
        + gzip.compress(b"abc")
        + b"more",
        "body",
    ),
    "two-lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        "broken",
    ),
    "endless-header": (
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\nConnection: close\r\n\r\n",
        "broken",
    ),
    "many-headers": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "broken"),
    "another-protocol": (b"SSH-2.0-OpenSSH\r\nConnection: close\r\n", "broken"),
    "short-status-line": (b"HTTP/1.1 2\r\nConnection: close\r\n", "broken"),
    "nothing": (b"", "broken"),
}


@pytest.mark.parametrize(("answer", "kind"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_answers_are_told_apart(pool: Engine, http_server: Any, answer: bytes, kind: str) -> None:
    problem, _ = failing(pool, get(http_server(answer).url, idle_timeout=1.0))

    assert (problem.kind, problem.sent) == (kind, True)


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
def test_no_answer_takes_more_memory_than_the_largest_that_is_taken(
    pool: Engine, http_server: Any, raw_answer: Any, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """A hundred kilobytes of gzip can be a hundred megabytes of zeros."""
    monkeypatch.setattr("qiskit_rest_primitives.rest.connection_pool.MAX_BODY", 1 << 20)
    whole = bytes(100 << 20) if packed else bytes(2 << 20)
    bomb = (
        raw_answer(200, gzip.compress(whole), "Content-Encoding: gzip") if packed else raw_answer(200, whole)
    )
    largest = raw_answer(200, gzip.compress(bytes(1 << 20)), "Content-Encoding: gzip")
    server = http_server(bomb, largest)

    tracemalloc.start()
    try:
        problem, _ = failing(pool, get(server.url))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (problem.kind, problem.sent) == ("large", True)
    assert "larger than 1048576 bytes" in str(problem)
    assert peak < 8 << 20
    assert len(pool(get(server.url)).body) == 1 << 20


def test_contradictory_lengths_leave_no_socket(pool: Engine, http_server: Any, recwarn: Any) -> None:
    server = http_server(DAMAGED["two-lengths"][0])
    gc.collect()
    gc.disable()
    try:
        failing(pool, get(server.url))
        left = [each for each in gc.get_objects() if isinstance(each, socket.socket) and each.fileno() >= 0]
        ours = [each for each in left if _peer(each) == server.port]
    finally:
        gc.enable()

    assert ours == []


def _peer(each: socket.socket) -> int | None:
    try:
        return int(each.getpeername()[1])
    except (OSError, IndexError):  # not connected, or not by TCP
        return None


def test_nobody_listening_is_known_not_to_have_been_sent(pool: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    problem, _ = failing(pool, get(f"http://127.0.0.1:{port}/"))

    assert (problem.kind, problem.sent) == ("unreachable", False)


def test_a_name_without_address_is_a_problem_that_waiting_does_not_mend(
    pool: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    problem, _ = failing(pool, get("http://nowhere.invalid/"))

    assert (problem.kind, problem.sent) == ("unreachable", False)
    assert "nowhere.invalid" in str(problem)


def test_an_early_refusal_of_a_large_body_is_read(pool: Engine, tcp_server: Any, raw_answer: Any) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(raw_answer(413, {"errors": [{"message": "too large"}]}, "Connection: close"))
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)

    server = tcp_server(handle)

    try:
        status = pool(Outgoing("POST", server.url, {}, b"x" * 5_000_000)).status
    except ExchangeError as problem:  # the reset may overtake the answer; that is the network's choice
        status = 413 if problem.kind == "broken" else 0

    assert status == 413


def hang(_: socket.socket) -> None:
    time.sleep(HANGING)


def drip(first: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(first)
        for _ in range(HANGING * 20):
            time.sleep(0.05)
            connection.sendall(drop)

    return handle


def stop_after(first: bytes) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(first)
        time.sleep(HANGING)

    return handle


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        pytest.param(hang, None, id="no-answer"),
        pytest.param(hang, b"x" * 20_000_000, id="body-not-taken"),
        pytest.param(stop_after(b"HTTP/1.1 2"), None, id="status-line-stops"),
        pytest.param(stop_after(OK + b"Content-Le"), None, id="headers-stop"),
        pytest.param(stop_after(OK + b"Content-Length: 9\r\n\r\nabc"), None, id="body-stops"),
        pytest.param(drip(OK, b"X-Drip: 1\r\n"), None, id="headers-drip"),
        pytest.param(drip(OK + b"Content-Length: 999\r\n\r\n", b"a"), None, id="body-drips"),
        pytest.param(drip(OK + b"\r\n", b"a"), None, id="body-without-length-drips"),
        pytest.param(drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"), None, id="chunks-drip"),
    ],
)  # fmt: skip
def test_no_phase_of_an_exchange_outlives_the_total_timeout(
    pool: Engine, tcp_server: Any, handler: Any, body: bytes | None
) -> None:
    server = tcp_server(handler)
    method = "POST" if body else "GET"

    limits = {"idle_timeout": NEVER, "total_timeout": LIMIT}
    problem, spent = failing(pool, Outgoing(method, server.url, {}, body, **limits))

    assert (problem.kind, problem.sent) == ("timeout", True)  # "broken", had the server ended it
    assert spent + 0.01 >= LIMIT


def test_silence_ends_an_exchange_without_a_total_timeout(pool: Engine, tcp_server: Any) -> None:
    problem, _ = failing(pool, get(tcp_server(hang).url, idle_timeout=LIMIT))

    assert problem.kind == "timeout"


def test_a_hanging_tls_handshake_is_a_connect_problem(pool: Engine, tcp_server: Any) -> None:
    let_go = threading.Event()

    def handle(connection: socket.socket) -> None:
        hang(connection)
        let_go.set()

    url = tcp_server(handle).url.replace("http:", "https:")

    problem, _ = failing(pool, get(url, connect_timeout=LIMIT, idle_timeout=NEVER))

    assert (problem.kind, problem.sent) == ("connect", False)
    assert not let_go.is_set()


def test_a_connect_that_nobody_accepts_ends(pool: Engine) -> None:
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    url = f"http://127.0.0.1:{full.getsockname()[1]}/"
    late = threading.Event()
    timer = threading.Timer(HANGING, late.set)  # long before the system gives up
    timer.start()

    try:
        problem, _ = failing(pool, get(url, connect_timeout=NEVER, idle_timeout=NEVER, total_timeout=LIMIT))
    finally:
        timer.cancel()
        for each in [*fillers, full]:
            each.close()

    assert not (problem.kind == "timeout" and not problem.sent)
    assert not late.is_set()


def test_a_hanging_name_server_is_a_connect_problem(pool: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    answered: list[bool] = []

    def slow(*_: Any, **__: Any) -> Any:
        released.wait(HANGING)
        answered.append(True)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    problem, _ = failing(pool, get("http://slow.invalid/", connect_timeout=NEVER, total_timeout=LIMIT))
    before = not answered
    released.set()

    assert (problem.kind, problem.sent) == ("connect", False)
    assert before


def test_a_connection_is_not_used_again_after_a_timeout(pool: Engine, tcp_server: Any) -> None:
    def handle(connection: socket.socket) -> None:
        late = b"/late" in connection.recv(65536)
        time.sleep(0.3 if late else 0.0)
        connection.sendall(OK + b"Content-Length: 1\r\n\r\n" + (b"0" if late else b"1"))

    server = tcp_server(handle)
    failing(pool, get(f"{server.url}/late", total_timeout=0.1))

    assert pool(get(server.url)).body == b"1"


@pytest.mark.parametrize(
    "outgoing",
    [
        Outgoing("GET", "http://127.0.0.1:1/", {"X-A": "b\r\nX-C: d"}),
        Outgoing("GET", "http://127.0.0.1:1/", {"X-A\n": "b"}),
        Outgoing("GET", "http://127.0.0.1:1/a b"),
        Outgoing("GET", "http://127.0.0.1:1/ä"),
        Outgoing("GET", "ftp://127.0.0.1/"),
        Outgoing("GET", "http:///path"),
    ],
)
def test_what_could_split_a_request_is_refused(pool: Engine, outgoing: Outgoing) -> None:
    with pytest.raises(ValueError, match=r"control|percent|http"):
        pool(outgoing)


def test_credentials_are_not_shown() -> None:
    outgoing = Outgoing("POST", "http://h/", {"Authorization": "Bearer s3cret"}, b"s3cret")

    assert "s3cret" not in repr(outgoing)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork; POSIX only")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_its_own_connection(pool: Engine, http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(200, {"a": 1}))
    pool(get(server.url))

    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if pool(get(server.url)).status == 200 else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert pool(get(server.url)).status == 200
    assert server.connections == 2
