"""Adapters of requests: mocks catch what is sent, and an adapter of the user's gives up no promise of the transport."""

from __future__ import annotations

import os
import pickle
import socket
import ssl
import threading
import time
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import requests_mock
import responses
from requests.adapters import BaseAdapter, HTTPAdapter

from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2
from qiskit_rest_primitives._secret import Secret
from qiskit_rest_primitives.exceptions import IBMInputValueError, RequestConnectionError, from_failure
from qiskit_rest_primitives.rest.http_client import Engine, origin_of
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing, Request
from qiskit_rest_primitives.rest.transport import Transport
from qiskit_rest_primitives.service import connection

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/x:guid::"
IAM = "https://iam.cloud.ibm.com/identity/token"
JOB = "https://quantum.cloud.ibm.com/api/v1/jobs/abc"
TOKEN = {"access_token": "b34rer-s3cret", "expires_in": 3600}
RECORD = {
    "id": "abc",
    "backend": "ibm_torino",
    "program": {"id": "sampler"},
    "created": "2026-11-28T12:00:00Z",
    "state": {"status": "Completed"},
    "status": "Completed",
}
RESULT = {"results": [{"data": {"c": {"samples": ["0x1", "0x0", "0x1"], "num_bits": 1}}}]}
LIMIT = 0.5


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "requests_ca_bundle",
        "curl_ca_bundle",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def service(key: str) -> QiskitRuntimeService:
    """Make a service; those with the same key share its access token, and ask for it once."""
    return QiskitRuntimeService(channel="ibm_quantum_platform", token=f"{key}-s3cret", instance=CRN)


def get(url: str, **more: Any) -> Outgoing:
    return Outgoing("GET", url, {"Authorization": "Bearer s3cret"}, **more)


# -- mocks ---------------------------------------------------------------------------------------------------------


@responses.activate
def test_responses_catches_what_a_user_sends() -> None:
    responses.post(IAM, json=TOKEN)
    responses.get(JOB, json=RECORD)
    responses.get(f"{JOB}/results", json=RESULT)

    job = service("responses").job("abc")
    counts = job.result()[0].data.c.get_counts()

    assert counts == {"1": 2, "0": 1}
    sent = dict.fromkeys(
        f"{call.request.method} {urlsplit(call.request.url).path}" for call in responses.calls
    )
    assert list(sent) == ["POST /identity/token", "GET /api/v1/jobs/abc", "GET /api/v1/jobs/abc/results"]
    assert responses.calls[1].request.headers["Service-CRN"] == CRN
    assert responses.calls[1].request.headers["Authorization"] == "Bearer b34rer-s3cret"


def test_requests_mock_catches_what_a_user_sends() -> None:
    with requests_mock.Mocker() as mock:
        mock.post(IAM, json=TOKEN)
        mock.get(JOB, json=RECORD)
        mock.get(f"{JOB}/results", json=RESULT)

        counts = service("requests-mock").job("abc").result()[0].data.c.get_counts()

    assert counts == {"1": 2, "0": 1}
    assert list(dict.fromkeys(each.path for each in mock.request_history)) == [
        "/identity/token", "/api/v1/jobs/abc", "/api/v1/jobs/abc/results",
    ]  # fmt: skip


@responses.activate
def test_a_mocked_error_and_its_repetition() -> None:
    """What is answered is retried, or not, as anywhere: an adapter takes no part in that."""
    responses.get("http://127.0.0.1:1/x", status=503)
    responses.get("http://127.0.0.1:1/x", json={"a": 1})
    pauses: list[float] = []

    found = Transport("http://127.0.0.1:1", Engine(), sleep=pauses.append).json(
        Request("GET", "/x", "GET /x")
    )

    assert (found, len(pauses), len(responses.calls)) == ({"a": 1}, 1, 2)


@pytest.mark.parametrize(
    ("mock", "error"),
    [(responses.RequestsMock, RequestConnectionError), (requests_mock.Mocker, requests_mock.NoMockAddress)],
)
def test_a_request_that_no_mock_knows_fails_at_once_and_says_which(mock: Any, error: Any) -> None:
    """It is no broken connection, to be tried six times over half a minute."""
    pauses: list[float] = []
    transport = Transport("http://service.example", Engine(), error_of=from_failure, sleep=pauses.append)
    with mock(), pytest.raises(error, match=r"http://service\.example/x"):
        transport.request(Request("GET", "/x", "GET /x"))

    assert pauses == []


@pytest.mark.parametrize("kind", ["responses", "requests_mock"])
def test_a_redirect_to_another_host_is_followed_by_no_mock(kind: str) -> None:
    place, elsewhere = "http://service.example/x", "http://evil.example/"
    with responses.RequestsMock() if kind == "responses" else requests_mock.Mocker() as mock:
        mock.get(place, status=302, headers={"Location": elsewhere}) if kind == "responses" else mock.get(
            place, status_code=302, headers={"Location": elsewhere}
        )
        assert Engine()(get(place)).status == 302


# -- an adapter of the user's --------------------------------------------------------------------------------------


class ClientCertificate(HTTPAdapter):
    """As an organisation writes it: a certificate of its own, and one CA that it trusts."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = str(certificate)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = ssl.create_default_context(cafile=self.certificate)
        context.load_cert_chain(self.certificate)
        super().init_poolmanager(*args, ssl_context=context, **kwargs)


def counts(found: Any) -> dict[str, int]:
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    job = SamplerV2(found.backend("aer_simulator")).run([circuit], shots=16)
    return job.result(timeout=600)[0].data.meas.get_counts()


def test_a_job_goes_to_a_server_that_wants_a_client_certificate(
    connect: Any, endpoint: Any, encrypted: Any, certificate: Path
) -> None:
    url = encrypted(urlsplit(endpoint.url).port, guarded=True) + "/api/v1"

    assert counts(connect(endpoint, url=url, adapter=ClientCertificate(certificate))) == {"1": 16}
    without = Transport(url, Engine(verify=str(certificate)), error_of=from_failure, sleep=lambda _: None)
    with pytest.raises(RequestConnectionError):
        without.request(Request("GET", "/backends", "GET /backends"))


def test_an_adapter_that_makes_up_its_answers_is_enough() -> None:
    class Canned(BaseAdapter):
        def send(self, request: Any, **_: Any) -> Any:
            answer = requests.Response()
            answer.status_code, answer.url, answer.request = 200, request.url, request
            answer._content = f"{request.headers['Authorization']}".encode()  # not the stars of a secret
            return answer

        def close(self) -> None:
            pass

    send, signed = Engine(adapter=Canned()), {"Authorization": Secret("Bearer s3cret")}
    for total in (None, 60.0):
        outgoing = Outgoing("GET", "https://nowhere.invalid/x", signed, total_timeout=total)
        assert send(outgoing).body == b"Bearer s3cret"


def test_what_is_no_adapter_is_refused_before_anything_else() -> None:
    for wrong in (HTTPAdapter, "adapter", requests.Session()):
        with pytest.raises(IBMInputValueError, match="BaseAdapter"):
            QiskitRuntimeService(channel="local", adapter=wrong)


def failing(outgoing: Outgoing, **settings: Any) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        Engine(adapter=HTTPAdapter(), **settings)(outgoing)
    return caught.value


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "first", [b"", OK, OK + b"Content-Length: 5000\r\n\r\n"], ids=["silent", "head", "body"]
)
def test_an_exchange_of_any_adapter_ends_in_time(tcp_server: Any, first: bytes) -> None:
    """The head drips, then the body: each receive of the adapter's own socket is in time."""
    ended = threading.Event()

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(first)
        for _ in range(1200):
            time.sleep(0.05)
            connection.sendall(first and (b"a" if first != OK else b"X-Drip: 1\r\n"))
        ended.set()

    problem = failing(get(tcp_server(handle).url, total_timeout=LIMIT, idle_timeout=3600))

    assert (problem.kind, problem.sent) == ("timeout", True)
    assert not ended.is_set()


def test_silence_ends_an_exchange_of_any_adapter(tcp_server: Any) -> None:
    problem = failing(get(tcp_server(lambda _: time.sleep(60)).url, idle_timeout=LIMIT))

    assert (problem.kind, problem.sent) == ("timeout", True)


def test_connections_that_an_adapter_cannot_make_are_told_as_our_own(
    tcp_server: Any, certificate: Path
) -> None:
    """Nobody there, no such name, a certificate that nobody knows, a proxy that refuses: nothing was sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def shake(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    places = {
        f"http://127.0.0.1:{port}": ("unreachable", "nobody listens"),
        "http://no-such-host.invalid": ("unreachable", "the host is not known"),
        f"https://localhost:{tcp_server(shake).port}": ("permanent", "verify='ca.pem'"),
    }
    for url, (kind, words) in places.items():
        problem = failing(get(f"{url}/x"))
        assert (problem.kind, problem.sent) == (kind, False), url
        assert words in str(problem)

    proxies = {"urls": {"https": tcp_server(refuse).url}}
    problem = failing(get("https://service.example/x"), proxies=proxies)
    assert (problem.kind, problem.sent) == ("connect", False)
    assert "403" in str(problem)


@pytest.mark.parametrize("own", [True, False])
def test_an_answer_that_breaks_may_have_been_sent_whatever_was_handled_before(
    http_server: Any, own: bool
) -> None:
    """An exception that the caller handles meanwhile is no evidence about this exchange, and keeps its traceback."""
    send = Engine(adapter=None if own else HTTPAdapter())
    url = http_server(b"").url
    handled = []
    try:
        raise requests.exceptions.ConnectTimeout("of another exchange")
    except requests.exceptions.ConnectTimeout as other:
        handled.append(other)
        with pytest.raises(ExchangeError) as caught:
            send(get(f"{url}/x"))

    assert (caught.value.kind, caught.value.sent) == ("broken", True)
    assert handled[0].__traceback__ is not None


@pytest.mark.parametrize("total", [None, 60.0])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    "answer", [None, b"", OK + b"Connection: close\r\nContent-Length: 99\r\n\r\nx", b"banana\r\n\r\n"]
)
def test_no_failure_holds_the_request(
    http_server: Any, own: bool, total: float | None, answer: bytes | None
) -> None:
    """requests hangs the request, with its token, on each exception; urllib3 the pool, with the proxy's password."""
    if answer is None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    else:
        url = http_server(answer).url
    with pytest.raises(ExchangeError) as caught:
        Engine(adapter=None if own else HTTPAdapter())(get(f"{url}/x", total_timeout=total))

    waiting: list[Any] = [caught.value.__cause__]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException):
            assert not {"request", "response", "pool", "conn"} & {
                name for name, value in vars(one).items() if value is not None
            }
            assert one.__traceback__ is None or "s3cret" not in str(
                traceback.TracebackException.from_exception(one, capture_locals=True).stack
            )
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def test_a_proxy_is_given_to_the_adapter_and_this_machine_is_reached_directly(
    http_server: Any, raw_answer: Any
) -> None:
    proxy, here = http_server(raw_answer(200, b"proxy")), http_server(raw_answer(200, b"here"))
    login = proxy.url.replace("http://", "http://eve:pw@")
    send = Engine(adapter=HTTPAdapter(), proxies={"urls": {"http": login}})

    assert send(get("http://service.example/a")).body == b"proxy"
    assert b"Proxy-Authorization: Basic ZXZlOnB3" in proxy.requests[0]
    os.environ["HTTP_PROXY"] = proxy.url
    try:
        assert Engine(adapter=HTTPAdapter())(get(f"{here.url}/a")).body == b"here"
    finally:
        del os.environ["HTTP_PROXY"]


def test_ntlm_and_an_adapter_of_ones_own_exclude_each_other() -> None:
    proxies = {"urls": {"http": "http://127.0.0.1:9"}, "username_ntlm": "eve", "password_ntlm": "s3cret"}

    with pytest.raises(ValueError, match="NTLM"):
        Engine(adapter=HTTPAdapter(), proxies=proxies)(get("http://service.example/a"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork; POSIX only")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_shares_no_connection_of_an_adapter(http_server: Any, raw_answer: Any) -> None:
    server = http_server(raw_answer(200, {"a": 1}))
    send = Engine(adapter=HTTPAdapter())
    send(get(server.url))

    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if send(get(server.url)).status == 200 else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert send(get(server.url)).status == 200
    assert server.connections == 2


def test_a_child_takes_an_adapter_without_connections_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that only looks like requests' own, as doubles in tests do."""

    class Canned(HTTPAdapter):
        def __init__(self) -> None:
            pass

        def send(self, request: Any, *_: Any, **__: Any) -> Any:
            answer = requests.Response()
            answer.status_code = 204
            return answer

    send = Engine(adapter=Canned())
    monkeypatch.setattr(send, "_owner", 0)  # as after a fork

    assert send(get("http://service.example/x")).status == 204


def test_an_adapter_stays_in_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    found = QiskitRuntimeService("ibm_quantum_platform", "k3y-s3cret", instance=CRN, adapter=HTTPAdapter())
    pickled = pickle.dumps(found)

    assert pickle.loads(pickled) == found
    monkeypatch.setattr(connection, "_LIVE", {})  # as in another process
    with pytest.raises(IBMInputValueError, match=r"QiskitRuntimeService\(adapter=...\)"):
        pickle.loads(pickled)


def test_an_origin_ends_where_the_path_begins() -> None:
    """Without a path, two ports with the same beginning were one."""
    assert [origin_of(f"http://h:808{end}") for end in ("", "0", "1/", "1/a/b")] == [
        "http://h:808", "http://h:8080", "http://h:8081", "http://h:8081",
    ]  # fmt: skip
