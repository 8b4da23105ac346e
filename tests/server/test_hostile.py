"""Whoever means harm over HTTP gets a clear 4xx, and everybody else is served meanwhile."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from qiskit_rest_primitives.server.endpoints import ENDPOINTS
from qiskit_rest_primitives.server.settings import Instance, Limits


def address(call: Any) -> tuple[str, int]:
    return "127.0.0.1", int(call.endpoint.iam_url.rpartition(":")[2])


CHUNKED = b"POST /identity/token HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


def said(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    connection.settimeout(10)
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(65536):
            heard += more
    return heard


def envelope(heard: bytes) -> dict[str, Any]:
    """Return the error of an answer that was read to its end."""
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head.lower()
    (error,) = json.loads(body)["errors"]
    return dict(error)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("path", ["/identity/token", "/oidc/token", "/api/users/loginWithToken"])
def test_who_has_shown_no_credentials_cannot_send_much(shared: Any, path: str, packed: bool) -> None:
    body = b"a=1&" * 100_000
    answer = requests.post(
        shared.endpoint.iam_url + path,
        data=gzip.compress(body) if packed else body,
        headers={"Content-Encoding": "gzip"} if packed else {},
        timeout=600,
    )

    assert answer.status_code == 413
    assert {"errorCode", "error"} & set(answer.json())


def test_many_uploads_at_a_time_are_bounded_together(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, limits=Limits(uploading_bytes=100_000)))
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: h\r\nAuthorization: {call.headers['Authorization']}\r\n"
        f"Service-CRN: {call.endpoint.instance}\r\nContent-Length: 90000\r\n\r\n"
    )
    with socket.create_connection(address(call)) as upload:
        upload.sendall(head.encode() + b" " * 50_000)
        deadline = time.monotonic() + 600
        while (refused := call("POST", "/jobs", data=b" " * 60_000)).status_code != 429:
            assert time.monotonic() < deadline
        assert refused.headers["Retry-After"] == "1"
        assert call("POST", "/jobs", data=b" " * 40_000).status_code == 400
    while call("POST", "/jobs", data=b" " * 60_000).status_code != 400:
        assert time.monotonic() < deadline


def test_a_body_that_would_be_much_larger_as_values_is_refused(shared: Any) -> None:
    bomb = b'{"params": [' + b"[]," * 4_000_001 + b"0]}"
    answer = shared(
        "POST", "/jobs", data=gzip.compress(bomb, compresslevel=1), headers={"Content-Encoding": "gzip"}
    )

    assert (answer.status_code, "lists and objects" in answer.text) == (413, True)


def test_brackets_in_texts_are_no_lists(start: Callable[..., Any]) -> None:
    call = start()
    job = {
        "program_id": "sampler",
        "backend": "aer_simulator",
        "params": {"pubs": [['\\"[{' * 1_400_000]]},
    }

    assert call("POST", "/jobs", json=job).status_code == 200


def test_gzip_data_end_where_the_body_ends(start: Callable[..., Any]) -> None:
    call = start()
    twice = gzip.compress(b'{"program_id": ') + gzip.compress(b'"sampler"}')
    answer = call("POST", "/jobs", data=twice, headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, "goes on" in answer.text) == (400, True)


@pytest.mark.parametrize("sent", [b"", b"GET /versions HTTP/1.1\r\nHost:"], ids=["nothing", "half a head"])
def test_who_does_not_say_what_he_wants_is_let_go(start: Callable[..., Any], sent: bytes) -> None:
    call = start(lambda s: replace(s, limits=Limits(header_seconds=0.3)))
    idle = [socket.create_connection(address(call)) for _ in range(100)]
    try:
        for connection in idle:
            connection.sendall(sent)
        assert call("GET", "/versions").status_code == 200
        heard = [said(connection) for connection in idle]
    finally:
        for connection in idle:
            connection.close()

    assert all(words.startswith(b"HTTP/1.1 408 ") for words in heard)
    assert "headers did not come within 0.3 s" in envelope(heard[0])["message"]


def test_who_sends_drop_by_drop_is_let_go(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, limits=Limits(header_seconds=30, body_seconds=0.3)))
    head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: h\r\nAuthorization: {call.headers['Authorization']}\r\n"
    head += f"Service-CRN: {call.endpoint.instance}\r\nContent-Length: 9000\r\n\r\n"
    with socket.create_connection(address(call)) as slow:
        slow.sendall(head.encode() + b"{")
        heard = said(slow)

    assert heard.startswith(b"HTTP/1.1 408 ")
    assert "body did not come within 0.3 s" in envelope(heard)["message"]
    assert call.get("/jobs")["count"] == 0


def test_patience_ends_with_the_request(start: Callable[..., Any], stage: Any) -> None:
    """A complete request may take as long as it takes, and connections may rest between requests."""
    call = start(lambda s: replace(s, limits=Limits(header_seconds=0.2, body_seconds=0.2)))
    connection = http.client.HTTPConnection(*address(call), timeout=600)
    ports = set()
    with contextlib.closing(connection):
        for _ in range(2):
            job = call.submit(params=stage.hold("long"))
            headers = {**call.headers, "Prefer": "wait=0.5"}
            connection.request("GET", f"/api/v1/jobs/{job}?exclude_params=true", headers=headers)
            assert json.loads(connection.getresponse().read())["status"] in ("Queued", "Running")
            assert connection.sock is not None
            ports.add(connection.sock.getsockname())
            stage.release("long")
            call.wait(job)
            time.sleep(0.3)
    assert len(ports) == 1


def test_connections_beyond_a_number_are_refused_until_others_end(start: Callable[..., Any]) -> None:
    call = start(lambda s: replace(s, limits=Limits(connections=20)))
    call.session.close()
    idle = [socket.create_connection(address(call)) for _ in range(20)]
    deadline = time.monotonic() + 600
    while (answer := call("GET", "/jobs")).status_code == 200:  # until the server has seen them all
        call.session.close()
        assert time.monotonic() < deadline

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Connection"] == "close"
    classic = requests.get(call.endpoint.iam_url + "/runtime/backends", timeout=600)
    assert (classic.status_code, set(classic.json())) == (503, {"error"})
    idle[0].sendall(b"GET /versions HTTP/1.1\r\nHost: h\r\n\r\n")
    assert idle[0].recv(65536).startswith(b"HTTP/1.1 200 ")
    for connection in idle:
        connection.close()
    while call("GET", "/jobs").status_code != 200:
        assert time.monotonic() < deadline


def test_an_empty_key_is_no_key(start: Callable[..., Any]) -> None:
    call = start()
    job = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}
    answers = [call("POST", "/jobs", json=job, headers={"Idempotency-Key": ""}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def cursor(text: str) -> str:
    return "/workloads?next=" + base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?created_after=0001-01-01T00:00:00%2B23:59",
        "/jobs?created_before=9999-12-31T23:59:59-23:59",
        "/jobs?limit=" + "9" * 5000,
        "/jobs?offset=" + "9" * 400,
        cursor("[" * 5000),
        cursor('[1, "x", 2]'),
        cursor('{"a": 1}'),
        "/workloads?next=%ff",
        "/tags?type=job&search=" + "x" * 101,
    ],
)
def test_wild_values_in_a_query_are_refused(shared: Any, path: str) -> None:
    assert shared("GET", path).status_code in (200, 400)


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/jobs/../../../../etc/passwd",
        "/api/v1/jobs/..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1/jobs/%2e%2e",
        "/api/v1/jobs/%00",
        "/api/v1/jobs/%ff%fe",
        "/api/v1/jobs/a%0d%0aSet-Cookie:%20x=1",
        "/api/v1/programs/..%2f..%2fetc%2fpasswd",
        "/api/v1/backends/..%2f..%2fetc%2fpasswd/configuration",
        "/api/v1/sessions/%2e%2e%2fjobs",
        "/api/v1/transpile/..%2f..%2fetc%2fpasswd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/api/v1/" + "a/" * 2000,
    ],
)
def test_no_path_leads_out(shared: Any, target: str) -> None:
    head = f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: {shared.headers['Authorization']}\r\n"
    with socket.create_connection(address(shared)) as connection:
        connection.sendall(f"{head}Service-CRN: {shared.endpoint.instance}\r\n\r\n".encode())
        heard = said(connection)
    status, _, rest = heard.partition(b"\r\n")
    headers, _, body = rest.partition(b"\r\n\r\n")

    assert status.split()[1] in (b"404", b"400")
    assert b"cookie" not in headers.lower()
    assert "root:" not in heard.decode()
    assert set(json.loads(body)) == {"errors", "trace"}


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /versions HTTP/1.1\r\nHost: h\r\nBad Name: x",
        b"GET /versions HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 1_000_000,
        b"GET /versions HTTP/1.1\r\nHost: h" + b"\r\nX: a" * 200_000,
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: h",
        CHUNKED + b"0\r\nX: " + b"a" * 1_000_000,
        CHUNKED + b"0" + b"\r\nX: a" * 200_000,
        CHUNKED + b"1;" + b"a" * 1_000_000 + b"\r\na",
        b"POST /identity/token HTTP/1.1\r\nHost: h\r\nContent-Length: -1",
        b"POST /identity/token HTTP/1.1\r\nHost: h\r\nContent-Length: nine",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=range(10),
)
def test_what_is_no_http_is_answered_400_and_closed(shared: Any, request_line: bytes) -> None:
    with socket.create_connection(address(shared)) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request_line + b"\r\n\r\n")
        heard = said(connection)

    assert heard.startswith(b"HTTP/1.1 400 ")
    assert envelope(heard)["code"] == "bad_request"
    assert shared("GET", "/versions").status_code == 200


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
    ],
)
def test_a_body_has_one_length(shared: Any, lengths: str) -> None:
    """Content-Length and Transfer-Encoding together, in any order (faults C14)."""
    head = (
        f"POST /api/v1/sessions HTTP/1.1\r\nHost: h\r\nAuthorization: {shared.headers['Authorization']}\r\n"
    )
    head += f"Service-CRN: {shared.endpoint.instance}\r\n{lengths}\r\n\r\n"
    with socket.create_connection(address(shared)) as connection:
        connection.sendall(head.encode() + b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        heard = said(connection)

    assert heard.startswith(b"HTTP/1.1 400 ")
    assert heard.count(b"HTTP/1.1") == 1
    assert envelope(heard)["code"] == "bad_request"


def test_a_body_in_the_smallest_chunks_is_one(shared: Any) -> None:
    """A hundred thousand chunks of a byte are no head that is too long, and neither is a second request after them."""
    body = b"x" * 60_000
    with socket.create_connection(address(shared)) as connection:
        for _ in range(2):
            connection.sendall(CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
            heard = connection.recv(65536)
            assert heard.startswith(b"HTTP/1.1 400 ")
            assert b"grant_type" in heard


def test_what_a_stranger_wrote_is_quoted_fit_for_terminals(shared: Any) -> None:
    """Terminal escapes, and texts of any length (faults C14)."""
    for name in ("\x1b[2J\x1b]0;owned\x07", "\u202etxt", "x" * 100_000):
        answer = shared("PUT", "/instances/configuration", json={"instance_limit": name})
        answers = [answer, shared("POST", "/jobs", json={"program_id": name[:500], "params": {}})]
        answers.append(shared("POST", "/sessions", json={"mode": "batch", "backend": name}))
        sampler = {"program_id": "sampler", "backend": "aer_simulator"}
        answers.append(shared("POST", "/jobs", json=sampler | {"params": {"pubs": [], "options": {name: 1}}}))
        for answer in answers:
            (error,) = answer.json()["errors"]
            assert answer.status_code in (400, 404)
            assert len(error["message"]) < 5000
            assert not set(error["message"]) & set("\x1b\x07\u202e")


GETS = [row.path for row in ENDPOINTS if row.method == "GET"]


@pytest.mark.parametrize("path", GETS)
def test_a_look_at_the_head_changes_nothing(start: Callable[..., Any], path: str) -> None:
    """Faults C8, over all routes: HEAD says what GET would, and neither writes nor uses anything up."""
    call = start()
    job = call.submit()
    call.wait(job)
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]
    known = {
        "{id}": session if path.startswith("/sessions") else job,
        "{name}": "aer_simulator",
        "{hub}/Groups/{group}/Projects/{project}": "ibm-q/Groups/open/Projects/main",
        "{plan_id}": Instance().plan_id,
    }
    for name, value in known.items():
        path = path.replace(name, value)
    classic = path.startswith(("/Network", "/users", "/version"))
    url = call.endpoint.iam_url + ("/api" if classic and path != "/versions" else "/api/v1") + path
    store = call.server._server._app.state.server.store

    before = store.connection.total_changes, sorted(store.connection.iterdump())
    head = call.session.head(url, headers=call.headers, timeout=600)
    after = store.connection.total_changes, sorted(store.connection.iterdump())
    get = call.session.get(url, headers=call.headers, timeout=600)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert after == before


def test_the_head_of_a_private_result_is_not_given(start: Callable[..., Any]) -> None:
    """Faults C8: it destroyed the result."""
    call = start()
    job = call.submit(private=True)
    call.wait(job)
    url = f"{call.endpoint.url}/jobs/{job}/results"

    assert call.session.head(url, headers=call.headers, timeout=600).status_code == 405
    assert call("GET", f"/jobs/{job}/results").status_code == 200
    assert call("GET", f"/jobs/{job}/results").status_code == 404


UNSTORABLE = ["\\ud800", "a\\udfffb", "\\u0000", "\\ud83d \\ude00"]


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize(
    "body",
    [
        '{"program_id": "%s", "params": {}}',
        '{"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x", {"%s": 1}]]}}',
        '{"program_id": "sampler", "backend": "aer_simulator", "tags": ["%s"], "params": {"pubs": []}}',
        '{"program_id": "sampler", "backend": "aer_simulator", "%s": 1, "params": {"pubs": []}}',
    ],
)
def test_text_that_cannot_be_kept_is_refused_where_bodies_are_read(shared: Any, text: str, body: str) -> None:
    """Faults C16: such a job stayed Running for ever, and ran again after every restart."""
    answer = shared("POST", "/jobs", data=body % text)

    assert (answer.status_code, "cannot be kept" in answer.text) == (400, True)


def test_an_end_that_cannot_be_written_still_ends_the_job(
    start: Callable[..., Any], stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults C16: whatever is raised at the end of a job, and whatever text a failure holds."""
    call = start()
    store = call.server._server._app.state.server.store
    finish = store.finish_job

    def refuse_results(job: Any, result: bytes | None, **more: Any) -> None:
        if result is not None:
            raise OverflowError("no such thing")
        finish(job, result, **more)

    monkeypatch.setattr(store, "finish_job", refuse_results)
    document = call.wait(call.submit())
    assert document["status"] == "Failed"
    assert "cannot be kept (OverflowError)" in document["state"]["reason"]


LARGE = {
    "valid": b'{"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x", {"p": ['
    + b"1," * 12_000_000
    + b"1]}]]}}",
    "quotes": b'\\"' * 2_100_000,
    "no object": b"[" * 3_000_000,
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_others_are_answered_while_a_large_body_is_read(start: Callable[..., Any], body: bytes) -> None:
    """Faults C1 and C2: the event loop was deaf for seconds, or days. Pings begin and end while the body is read."""
    call = start()
    packed = gzip.compress(body, compresslevel=1)
    headers = {**call.headers, "Content-Encoding": "gzip"}
    statuses: list[int] = []

    def post() -> None:
        answer = requests.post(call.endpoint.url + "/jobs", data=packed, headers=headers, timeout=300)
        statuses.append(answer.status_code)

    posting = threading.Thread(target=post)
    posting.start()
    answered = 0
    while posting.is_alive():
        assert call("GET", "/health").status_code == 200
        answered += posting.is_alive()
    posting.join()

    assert statuses == ([200] if body is LARGE["valid"] else [400])
    assert answered >= 5


def test_the_hostile_list_against_a_server_of_its_own() -> None:
    """Faults C1, C2, C7, C8, C9, C14, C15, C16: all of ``run_hostile``, asking for order, outcome and modes of files."""
    script = Path(__file__).parent / "run_hostile.py"
    done = subprocess.run(
        [sys.executable, str(script), "--order-only"], capture_output=True, text=True, timeout=900
    )

    assert (done.returncode, "all is well" in done.stdout) == (0, True), done.stdout + done.stderr
