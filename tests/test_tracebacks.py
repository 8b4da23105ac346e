"""Tracebacks that show variables, as crash reporters and verbose modes make them, show no secret (fault C13)."""

from __future__ import annotations

import copy
import json
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives.errors import IBMError
from qiskit_rest_primitives.rest.secret import Secret
from qiskit_rest_primitives.rest.transport import Transport

KEY = "k3y-" + "s3cret" * 4
BEARER = "b34rer-" + "s3cret" * 4
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/x:guid::"


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)


TOKEN = http(200, json.dumps({"access_token": BEARER, "expires_in": 3600}).encode())
STAGES = {
    "nobody there": None,
    "key refused": {b"/identity": http(400, b'{"errorMessage": "no"}')},
    "no token": {b"/identity": http(200, b"{}")},
    "token service breaks": {b"/identity": b"HTTP/1.1 banana\r\n\r\n"},
    "request refused": {b"/identity": TOKEN, b"/api": http(403, b"{}")},
    "no JSON": {b"/identity": TOKEN, b"/api": http(200, b"[")},
    "another document": {b"/identity": TOKEN, b"/api": http(200, b'{"devices": [7]}')},
    "answer breaks": {b"/identity": TOKEN, b"/api": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"},
    "no answer": {b"/identity": TOKEN, b"/api": b""},
}


@pytest.fixture
def serve() -> Iterator[Callable[[dict[bytes, bytes]], int]]:
    listener = socket.create_server(("127.0.0.1", 0))

    def start(answers: dict[bytes, bytes]) -> int:
        def work() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with suppress(OSError), connection:
                    head = connection.recv(65536)
                    connection.sendall(next((said for path, said in answers.items() if path in head), b""))

        threading.Thread(target=work, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def traceback_of_a_failure(port: int) -> str:
    """Ask for the backends; return the traceback, with the variables of every frame below this one and this one."""
    url = f"http://127.0.0.1:{port}/api/v1"
    try:
        QiskitRuntimeService(channel="ibm_quantum_platform", url=url, token=KEY, instance=CRN).backends()
    except IBMError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    raise AssertionError("nothing failed")


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_shows_a_secret(
    serve: Callable[[dict[bytes, bytes]], int], stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transport, "rest", lambda *_: None)  # no pauses
    answers = STAGES[stage]
    if answers is None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
    else:
        port = serve(answers)
    shown = traceback_of_a_failure(port)

    assert "transport.py" in shown
    assert KEY not in shown
    assert BEARER not in shown


def test_a_secret_is_the_text_for_machines_and_stars_for_people() -> None:
    secret = Secret("abc")

    assert ("x" + secret, secret.encode(), json.dumps(secret), secret.reveal()) == (
        "xabc",
        b"abc",
        '"abc"',
        "abc",
    )
    assert secret == Secret(secret) == "abc"
    assert [str(secret), repr(secret), f"{secret}", f"{secret:>4}", repr({"a": secret})] == [
        "***", "'***'", "***", " ***", "{'a': '***'}",
    ]  # fmt: skip
    assert copy.deepcopy([secret]) == ["abc"]
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(secret)
