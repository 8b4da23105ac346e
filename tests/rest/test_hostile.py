"""Whatever a service, a proxy or a setting does, what comes out of a public method is one of our errors, or an answer."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives.exceptions import IBMError, IBMInputValueError, InvalidAccountError
from qiskit_rest_primitives.rest.retry import RetryPolicy

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef0123456789abcdef:guid::"
TOKEN = "a-key-of-this-test"
OK = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "http-0.9": b"hello\r\nConnection: close",
    "noise": bytes(range(256)) + b"\r\nConnection: close",
    "interim-only": b"HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n",
    "other-protocol": b"HTTP/1.1 101 Switching\r\nConnection: close\r\n\r\n",
    "redirect-to-itself": b"HTTP/1.1 302 X\r\nLocation: /api/v1/backends\r\nContent-Length: 0\r\n\r\n",
    "redirect-around": b"HTTP/1.1 302 X\r\nLocation: ?again=1\r\nContent-Length: 0\r\n\r\n",
    "redirect-to-no-url": b"HTTP/1.1 302 X\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "unknown-coding": OK + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    "packed-twice": OK
    + b"Content-Encoding: gzip, gzip\r\nConnection: close\r\n\r\n"
    + gzip.compress(gzip.compress(b"{}")),
    "bad-chunk": OK + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\nab\r\n",
    "negative-length": OK + b"Content-Length: -5\r\nConnection: close\r\n\r\n",
    "two-lengths": OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "endless-header": OK + b"X: " + b"a" * 100_000 + b"\r\nConnection: close\r\n\r\n",
    "many-headers": OK + b"X: a\r\n" * 300 + b"Connection: close\r\n\r\n",
    "odd-status": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
}
BODIES = [b"[1]", b"null", b"5", b'"text"', b'{"devices": 5}', b'{"devices": [5]}', b'{"devices": [{}]}']
BODIES += [b"[" * 200_000, b'{"a": "\xff"}', b'{"devices": [' + b"9" * 5000 + b"]}"]
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "backends": lambda service: service.backends(),
    "job": lambda service: service.job("j1"),
    "jobs": lambda service: service.jobs(),
    "usage": lambda service: service.usage(),
    "find": lambda service: service.find_submission("s1"),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryPolicy, "delay", lambda *_, **__: 0.001)


@pytest.fixture
def service(http_server: Any, raw_answer: Any, jwt: Any) -> Callable[..., QiskitRuntimeService]:
    """A service whose every answer but the token is the given one."""

    def make(answer: bytes) -> QiskitRuntimeService:
        token = raw_answer(200, {"access_token": jwt(), "expires_in": 3600})
        url = http_server(token, answer).url
        return QiskitRuntimeService(token=TOKEN, url=f"{url}/api/v1", instance=CRN)

    return make


@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_makes_a_foreign_error(service: Any, name: str) -> None:
    with pytest.raises(IBMError):
        service(ANSWERS[name]).backends()


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body[:16]))
def test_no_document_makes_a_foreign_error(service: Any, raw_answer: Any, question: str, body: bytes) -> None:
    with contextlib.suppress(IBMError):
        QUESTIONS[question](service(raw_answer(200, body)))


def test_interim_answers_are_skipped(service: Any, raw_answer: Any) -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    assert service(interim + raw_answer(200, {"devices": []})).backends() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http:///api/v1",
        "https://h:99999/api/v1",
        "https://h:abc/api/v1",
        "https://a b/api/v1",
        "ftp://x",
    ],
)
def test_a_url_that_is_none_is_an_invalid_account(url: str) -> None:
    with pytest.raises(InvalidAccountError, match="url"):
        QiskitRuntimeService(token=TOKEN, url=url, instance=CRN)


@pytest.mark.parametrize("token", ["t\ud800" * 9, "tökén" * 9])
def test_a_token_that_can_be_none_is_an_invalid_account(token: str) -> None:
    with pytest.raises(InvalidAccountError, match="token") as caught:
        QiskitRuntimeService(token=token, instance=CRN)
    assert "ök" not in str(caught.value)


@pytest.mark.parametrize("crn", ["crn:v1:b:p:q:us\r\nX: y:a/0:1::", "crn:v1:b:p:q:us-east:a/0:1☃::"])
def test_a_crn_that_no_header_can_hold_is_not_sent(service: Any, raw_answer: Any, crn: str) -> None:
    place = service(raw_answer(200, {"devices": []})).active_account()

    with pytest.raises(IBMInputValueError, match="Service-CRN"):
        QiskitRuntimeService(**{**place, "instance": crn}).backends()


@pytest.mark.parametrize("bundle", ["/no/such/file", "text"])
def test_a_ca_bundle_that_is_none_is_named(tmp_path: Path, bundle: str) -> None:
    (tmp_path / "text").write_text("hello")
    verify = str(tmp_path / bundle)
    with pytest.raises(IBMInputValueError, match="CA bundle"):
        QiskitRuntimeService(
            token=TOKEN, url="https://127.0.0.1:1/api/v1", instance=CRN, verify=verify
        ).backends()


@pytest.mark.parametrize("proxy", ["http://[::1", "http://:pw@", "http://bad host:80", "127.0.0.1:1", 7])
def test_a_proxy_that_is_none_is_an_error_of_ours(service: Any, raw_answer: Any, proxy: Any) -> None:
    place = service(raw_answer(200, {"devices": []})).active_account()

    with pytest.raises((IBMError, ValueError)) as caught:
        QiskitRuntimeService(**place, proxies={"urls": {"http": proxy}}).backends()
    assert caught.type.__module__.startswith("qiskit_rest_primitives") or "must map" in str(caught.value)


@pytest.mark.parametrize("job_id", ["", ".", "..", "\ud800", 5, None])
def test_an_id_that_is_none_is_refused_before_anything_is_sent(
    service: Any, raw_answer: Any, job_id: Any
) -> None:
    known = service(raw_answer(200, {}))

    for ask in (known.job, known.find_submission):
        with pytest.raises(ValueError, match="cannot be used as a"):
            ask(job_id)
