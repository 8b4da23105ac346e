"""Tracebacks that show variables, as crash reporters and verbose modes make them, show no secret (fault C13)."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import pkgutil
import signal
import socket
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from inspect import isabstract, unwrap
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from qiskit_rest_primitives import IBMBackend, QiskitRuntimeService, RuntimeJobV2, Session
from qiskit_rest_primitives._secret import Secret
from qiskit_rest_primitives.accounts.account import find_account
from qiskit_rest_primitives.accounts.manager import AccountManager, ProxyConfiguration
from qiskit_rest_primitives.exceptions import IBMError
from qiskit_rest_primitives.jobs.status import JobState
from qiskit_rest_primitives.rest.connect import engine_of
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing
from qiskit_rest_primitives.rest.network_errors import from_signal_handler
from qiskit_rest_primitives.rest.transport import Transport
from qiskit_rest_primitives.service.connection import Connection

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


PASSWORD = "pr0xy/s3cret@word"
OF_PROXY = [
    PASSWORD,
    quote(PASSWORD, safe=""),
    b64encode(f"eve:{PASSWORD}".encode()).decode(),
    "pr0xy",
    "s3cret@",
]


def shown_by(error: BaseException) -> str:
    """Return all that a crash reporter shows: frames outside this file with variables, the errors and their members."""
    texts: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None:
            continue
        told = traceback.TracebackException.from_exception(one, capture_locals=True)
        texts += [str(frame.locals) for frame in told.stack if frame.filename != __file__]
        texts += [str(one), repr(one), *held_by(vars(one))]
        waiting += [one.__cause__, one.__context__]
    return "\n".join(texts)


def held_by(root: object) -> list[str]:
    """Return the representations of everything that can be reached from an object, but for modules and functions."""
    found, waiting, known = [], [root], set()
    while waiting:
        one = waiting.pop()
        if id(one) in known or isinstance(one, (type, ModuleType, FunctionType, os._Environ)):
            continue
        known.add(id(one))
        if isinstance(one, (str, bytes)):
            found.append(repr(one))
        else:
            waiting += gc.get_referents(one) + list(getattr(one, "__dict__", {}).items())
    return found


PROXIES = {
    "nobody there": {"urls": {"http": "http://eve:{}@127.0.0.1:9", "https": "http://eve:{}@127.0.0.1:9"}},
    "no scheme": {"urls": {"http": "eve:{}@127.0.0.1:9"}},
    "socks": {"urls": {"http": "socks5h://eve:{}@127.0.0.1:9"}},
    "no kind": {"urls": {"http": "gopher://eve:{}@127.0.0.1:9"}},
    "no host": {"urls": {"http": "http://eve:{}@"}},
    "bad port": {"urls": {"http": "http://eve:{}@127.0.0.1:x"}},
    "bad address": {"urls": {"http": "http://eve:{}@[::"}},
    "ntlm": {"urls": {"http": "http://127.0.0.1:9"}, "username_ntlm": "eve", "password_ntlm": "{}"},
    "half a pair": {"urls": {}, "password_ntlm": "{}"},
    "no text": {"urls": {}, "username_ntlm": "eve", "password_ntlm": ["{}"]},
    "no mapping": {"urls": ["http://eve:{}@127.0.0.1:9"]},
    "no dict": "http://eve:{}@127.0.0.1:9",
    "unknown member": {"url": "http://eve:{}@127.0.0.1:9"},
}


def filled(value: Any, password: str) -> Any:
    if isinstance(value, dict):
        return {key: filled(item, password) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, password) for item in value]
    return value.replace("{}", password)


@pytest.mark.parametrize("kind", PROXIES)
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("use", ["by name", "asked", "saved"])
def test_no_password_of_a_proxy_is_shown(
    kind: str, quoted: bool, use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name looked up while the service is made, a request later, saving: neither frames nor errors show it."""
    monkeypatch.setattr(Transport, "rest", lambda *_: None)
    proxies = filled(PROXIES[kind], quote(PASSWORD, safe="") if quoted else PASSWORD)
    try:
        if use == "saved":
            QiskitRuntimeService.save_account(
                token=KEY, instance=CRN, proxies=proxies, filename=str(tmp_path)
            )
        else:
            QiskitRuntimeService(
                "ibm_cloud", KEY, "http://s.invalid/api/v1", None, None, "named" if use == "by name" else CRN, proxies,
                allow_insecure=True,
            ).backends()  # fmt: skip
    except (IBMError, TypeError, ValueError) as error:
        shown = shown_by(error)
    else:
        raise AssertionError("nothing failed")

    assert "qiskit_rest_primitives" in shown or "'" in shown
    assert [secret for secret in [*OF_PROXY, KEY] if secret in shown] == []


@pytest.mark.parametrize("kind", ["http", "socks5h"])
@pytest.mark.parametrize("source", ["account", "environment"])
def test_what_goes_through_a_proxy_keeps_its_password_hidden(
    kind: str, source: str, serve: Callable[[dict[bytes, bytes]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``vars()`` of all that an engine holds after a request, which the proxy did get with its login."""
    for name in ("no_proxy", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    login = b64encode(f"eve:{PASSWORD}".encode())
    port = serve({login: http(200, b"{}"), b"\x05": b""})
    proxy = f"{kind}://eve:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
    given = {"urls": {"http": proxy}} if source == "account" else None
    if source == "environment":
        monkeypatch.setenv("HTTP_PROXY", proxy)
    account = find_account(token=KEY, url=f"http://eve:{KEY}@s.invalid/api/v1", instance=CRN, proxies=given)
    engine = engine_of(account)

    with suppress(ExchangeError):
        assert engine(Outgoing("GET", "http://s.invalid/x")).status == 200
    shown = "\n".join(held_by([engine, account, repr(account)]))

    assert "s.invalid" in shown
    assert [secret for secret in [*OF_PROXY, KEY] if secret in shown] == []


def with_own_repr() -> Iterator[type]:
    """Yield the classes of the package that are shown by a function of ours, not by one that was made for a dataclass."""
    package = import_module("qiskit_rest_primitives")
    for entry in pkgutil.walk_packages(package.__path__, "qiskit_rest_primitives."):
        if entry.name.endswith(("__main__", ".launcher", "fake_provider", "passes.scheduling")):
            continue  # run as programs; another package's
        for kind in vars(import_module(entry.name)).values():
            if isinstance(kind, type) and kind.__module__ == entry.name and not isabstract(kind):
                show = unwrap(kind.__repr__)
                if isinstance(show, FunctionType) and "qiskit_rest_primitives" in show.__code__.co_filename:
                    yield kind


def test_what_was_refused_while_it_was_made_can_be_shown() -> None:
    """Fault C13: reporters of Python before 3.12 die of a ``repr`` that raises, and a frame holds what was being made."""
    kinds = list(with_own_repr())

    assert {QiskitRuntimeService, Session, RuntimeJobV2, IBMBackend, Connection} <= set(kinds)
    texts = (Secret, JobState)  # which are never without one
    assert all(repr(kind.__new__(kind)) for kind in kinds if kind not in texts)


def test_a_configuration_of_proxies_hides_its_passwords_and_gives_them_to_requests() -> None:
    proxy = f"http://eve:{PASSWORD}@p:1"
    ours = ProxyConfiguration(urls={"https": proxy}, username_ntlm="eve", password_ntlm=PASSWORD)

    assert PASSWORD not in f"{vars(ours)} {ours!r}"
    assert repr(ours.to_request_params()) == repr({"proxies": {"https": proxy}})
    assert repr(ours.to_dict()["password_ntlm"]) == repr(PASSWORD)


FILES = {
    "cut": '{{"a": {entry}',
    "no object": "[{entry}]",
    "no objects": '{{"token": "{key}"}}',
    "no text": b'{{"a": {entry}}}\xff',
    "text behind": '{{"a": {entry}}} {key}',
    "channel": '{{"a": {{"channel": 5, "token": "{key}"}}}}',
    "token": '{{"a": {{"channel": "ibm_cloud", "token": ["{key}"]}}}}',
    "url": '{{"a": {{"channel": "ibm_cloud", "token": "{key}", "url": "eve:{key}@host"}}}}',
    "proxies": '{{"a": {{"channel": "ibm_cloud", "token": "{key}", "proxies": ["{key}"]}}}}',
    "region": '{{"a": {{"channel": "ibm_cloud", "token": "{key}", "region": "x"}}}}',
    "sound": '{{"a": {entry}}}',
}
ENTRY = json.dumps(
    {"channel": "ibm_cloud", "token": KEY, "proxies": {"urls": {"http": f"http://eve:{KEY}@p:1"}}}
)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "use",
    [
        lambda file: QiskitRuntimeService(filename=file, name="a", region="nowhere"),
        lambda file: QiskitRuntimeService(filename=file, name="b"),
        lambda file: QiskitRuntimeService.saved_accounts(filename=file),
        lambda file: AccountManager.list(filename=file),
        lambda file: AccountManager.get(filename=file, name="a"),
        lambda file: QiskitRuntimeService.delete_account(filename=file, name="a"),
        lambda file: QiskitRuntimeService.save_account(token=KEY, filename=file, name="a"),
        lambda file: QiskitRuntimeService.save_account("", f"eve:{KEY}@h", filename=file),
        lambda file: AccountManager.save(
            KEY,
            channel="no channel",
            filename=file,
            proxies=ProxyConfiguration({"http": f"http://eve:{KEY}@p:1"}),
        ),
    ],
    ids=["use", "missing", "list", "listed", "get", "delete", "save", "invalid", "manager"],
)
@pytest.mark.parametrize("disk", ["sound", "full"])
def test_no_use_of_an_account_file_shows_a_secret(
    kind: str, use: Callable[[str], Any], disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged files, files whose values make no sense, and a disk on which nothing can be written."""
    file = tmp_path / "accounts.json"
    text = FILES[kind]
    raw = text if isinstance(text, str) else text.decode("latin-1")
    file.write_bytes(raw.format(entry=ENTRY, key=KEY).encode("latin-1"))
    if disk == "full":

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    try:
        use(str(file))
    except IBMError as error:
        shown = shown_by(error)
    else:
        shown = ""
        assert kind in ("sound", "channel", "token", "url", "proxies", "region")

    assert KEY not in shown


CLASSIC = {
    "nobody there": None,
    "token refused": {b"loginWith": http(401, b"{}")},
    "no access token": {b"loginWith": http(200, json.dumps({"token": BEARER, "id": [BEARER]}).encode())},
    "cut": {b"loginWith": http(200, json.dumps({"id": BEARER}).encode()[:-1])},
    "login breaks": {b"loginWith": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"},
    "hubs refused": {
        b"loginWith": http(200, json.dumps({"id": BEARER}).encode()),
        b"/Network": http(403, b"{}"),
    },
    "no hubs": {b"loginWith": http(200, json.dumps({"id": BEARER}).encode()), b"/Network": http(200, b"[7]")},
}
SEARCH = {
    "search refused": {b"/identity": TOKEN, b"/v3": http(403, b"{}")},
    "search breaks": {b"/identity": TOKEN, b"/v3": b"HTTP/1.1 banana\r\n\r\n"},
    "another document": {b"/identity": TOKEN, b"/v3": http(200, b'{"items": 5}')},
    "nothing found": {b"/identity": TOKEN, b"/v3": http(200, b"{}")},
    "plan refused": {
        b"/identity": TOKEN,
        b"/v3": http(200, json.dumps({"items": [{"crn": CRN, "service_plan_unique_id": "p", "doc": {"extensions": {"a": 1}}}]}).encode()),
        b"GET /p ": http(401, b"{}"),
    },
    "cut token": {b"/identity": http(200, json.dumps({"access_token": BEARER}).encode()[:-1])},
    "token of another kind": {b"/identity": http(200, json.dumps({"access_token": [BEARER]}).encode())},
}  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "stage"),
    [("ibm_quantum", stage) for stage in CLASSIC] + [("ibm_quantum_platform", stage) for stage in SEARCH],
)
def test_neither_the_classic_login_nor_the_search_for_instances_shows_a_secret(
    serve: Callable[[dict[bytes, bytes]], int], channel: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transport, "rest", lambda *_: None)
    answers = (CLASSIC if channel == "ibm_quantum" else SEARCH)[stage]
    if answers is None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
    else:
        port = serve(answers)
    url = f"http://127.0.0.1:{port}/{'runtime' if channel == 'ibm_quantum' else 'api/v1'}"
    try:
        QiskitRuntimeService(channel=channel, url=url, token=KEY).backends()
    except IBMError as error:
        shown = shown_by(error)
    else:
        raise AssertionError("nothing failed")

    assert "Transport" in shown or "Connection" in shown
    assert [secret for secret in (KEY, BEARER) if secret in shown] == []


def time_limit(_number: int, _frame: Any) -> None:
    raise TimeoutError("the user's alarm")


def farewell(*told: Any) -> None:
    del told
    raise SystemExit(3)


def own_error(number: int, frame: Any) -> None:
    def deeper() -> None:
        raise LookupError("the user's alarm")

    deeper()


@pytest.mark.parametrize("handler", [signal.default_int_handler, time_limit, farewell, own_error])
@pytest.mark.parametrize("what", ["head", "body"])
def test_a_signal_while_bytes_are_sent_shows_no_secret(handler: Any, what: str) -> None:
    """Fault C13: the frames of http.client hold the whole head, those of a socket what is being sent.

    The other side accepts the connection and never reads, so that sending more than the buffers take waits for the signal.
    """

    def when_sending(_number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_name == "send":
            signal.signal(signal.SIGALRM, handler)  # for the next alarm, which finds the same wait

    long = "x" * 8_000_000
    headers = {"authorization": Secret(BEARER), **({"x-long": long} if what == "head" else {})}
    body = f"apikey={KEY}&x={long if what == 'body' else ''}".encode()
    before = signal.signal(signal.SIGALRM, when_sending)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        place = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        engine = engine_of(find_account(token=KEY, url=f"{place}/api/v1", instance=CRN))
        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
        try:
            engine(Outgoing("POST", f"{place}/x", headers, body))
        except (KeyboardInterrupt, TimeoutError, SystemExit, LookupError) as problem:
            signal.setitimer(signal.ITIMER_REAL, 0)
            shown = shown_by(problem)
            names = [frame.name for frame in traceback.extract_tb(problem.__traceback__)]
            told = from_signal_handler(problem)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    assert "sendall" in names  # where it was
    assert told is (handler is not signal.default_int_handler)
    assert [secret for secret in (KEY, BEARER) if secret in shown] == []
