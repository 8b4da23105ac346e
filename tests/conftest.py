"""What tests of the client share: a server with the real engine, one that a test directs, and a look at traffic."""

from __future__ import annotations

import importlib
import json
import logging
import pickle
import pkgutil
import re
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from qiskit_rest_primitives._doors import BORROWED
from qiskit_rest_primitives.rest.journal import VARIABLE
from qiskit_rest_primitives.rest.messages import ExchangeError, Outgoing, Response

# The same examples in every run, and no verdict that depends on how busy the machine is.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def journal_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the user's own journal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("journal") / "journal.sqlite"))
        yield


@pytest.fixture(scope="session")
def wait_for() -> Callable[[Callable[[], Any], str], Any]:
    """Wait until a question has an answer that is true, and return it: ``wait_for(lambda: ..., "the end")``.

    As long as the busiest machine may need: only a broken test waits to the end.
    """

    def wait(question: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + 600
        while not (answer := question()):
            assert time.monotonic() < deadline, f"{what} did not come"
            time.sleep(0.01)
        return answer

    return wait


@pytest.fixture
def coin() -> Any:
    """A circuit whose one qubit falls to either side."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    return circuit


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody knows, with its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("install the program openssl to make a certificate for this test")
    folder = tmp_path_factory.mktemp("tls")
    key, chain, both = folder / "key.pem", folder / "chain.pem", folder / "both.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(chain)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(key.read_text() + chain.read_text())
    return both


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Any]:
    """A server with the default devices and the real engine, shared by the tests of one worker."""
    from qiskit_rest_primitives.server.embedded import serve

    with serve() as server:
        yield server.endpoint


def connected(endpoint: Any, **more: Any) -> Any:
    from qiskit_rest_primitives.service.service import QiskitRuntimeService

    place = {"url": endpoint.url, "token": endpoint.token, "instance": endpoint.instance, **more}
    return QiskitRuntimeService(channel="local", **place)


@pytest.fixture(scope="session")
def connect() -> Callable[..., Any]:
    """Make a service for an endpoint: ``connect(endpoint, instance=None)``."""
    return connected


@pytest.fixture(scope="session")
def service(endpoint: Any) -> Any:
    return connected(endpoint)


class Director:
    """Says what becomes of the next jobs of a server; those it says nothing about are simulated.

    Of two jobs that wait at once either may be the next: ``taken`` before the second is sent.
    """

    def __init__(self) -> None:
        self.turns: list[Callable[[], Any]] = []
        self.release = threading.Event()
        self.started = threading.Semaphore(0)

    def execute(self, program_id: str, params: bytes, device: Any) -> Any:
        from qiskit_rest_primitives.server.primitives.registry import execute

        turn = self.turns.pop(0) if self.turns else None
        self.started.release()
        outcome = None if turn is None else turn()
        return execute(program_id, params, device) if outcome is None else outcome

    def taken(self) -> None:
        """Wait until a job has been taken that was not waited for yet."""
        assert self.started.acquire(timeout=600)

    def hold(self) -> None:
        """Let the next job run until ``release`` is set."""

        def wait() -> None:
            assert self.release.wait(600)

        self.turns.append(wait)

    def fail(self, reason: str, code: int = 1517, solution: str | None = None) -> None:
        """Let the next job fail."""
        from qiskit_rest_primitives.server.job_errors import TaskFailed

        def raise_it() -> None:
            raise TaskFailed(reason, code, solution)

        self.turns.append(raise_it)

    def answer(self, body: bytes) -> None:
        """Let the next job's result be these bytes."""
        from qiskit_rest_primitives.server.primitives.jobs import JobOutput

        self.turns.append(lambda: JobOutput(body, 0.01, 1))


@pytest.fixture
def director() -> Iterator[Director]:
    director = Director()
    yield director
    director.release.set()


@pytest.fixture
def directed(director: Director) -> Iterator[Any]:
    """A service on a server of the test's own, whose jobs the ``director`` directs; ``aer_simulator`` only."""
    from qiskit_rest_primitives.server.devices.device import load_device
    from qiskit_rest_primitives.server.embedded import serve

    with serve(
        [load_device("aer_simulator")],
        settings=lambda s: replace(s, execute=director.execute, first_poll_hold=0.0, workers=2),
    ) as server:
        yield connected(server.endpoint)
        director.release.set()


class Traffic(logging.Handler):
    """The requests that went out, as ``METHOD path status``."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.requests: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage().split()
        if words and words[0] in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            self.requests.append(" ".join(words[:3]))


@pytest.fixture
def traffic() -> Iterator[list[str]]:
    """Lists what goes out from here on; clear it where counting shall begin."""
    logger = logging.getLogger("qiskit_rest_primitives.rest.transport")
    handler, level = Traffic(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.requests
    logger.removeHandler(handler)
    logger.setLevel(level)


class SecretWatch(logging.Handler):
    """Reads every log record, exception, repr, pickle and journal of this package, whatever the test, for secrets.

    Secrets are the tokens and the CRN account parts that accounts and servers of the suite are given, whatever looks
    like a bearer token, and circuits: OpenQASM texts, and those that were sent as QPY. Words of fewer than twelve
    characters may be in a text by chance.
    """

    LOGGERS = ("qiskit_rest_primitives", "urllib3", "requests", "spnego", "uvicorn", "asyncio")
    BEARER = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.")
    PROGRAM = re.compile(r"OPENQASM\s+\d[.\d]*;(?:\s|\\+n)*\w")
    PACKED = re.compile(rb'"__value__": ?"([A-Za-z0-9+/=]{60,})"')

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.errors: list[BaseException] = []
        self.pickles: list[str] = []
        self.journals: set[Path] = set()
        self.words: set[str] = set()
        self.circuits: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if not (
            record.name.startswith("urllib3") and "/accounts/" in text
        ):  # tests ask for these with clients of their own
            self.texts.append(text)

    def leaks(self) -> list[str]:
        """Return the texts of the test that is ending that hold a secret, and forget them all."""
        texts = [
            *self.texts,
            *self.pickles,
            *(f"{error} {error!r}" for error in self.errors),
            *self._written(),
        ]
        circuits = self.circuits
        self.texts, self.errors, self.pickles, self.journals, self.circuits = [], [], [], set(), set()
        words = [word for word in {*self.words, *circuits} if len(word) >= 12]
        patterns = (self.BEARER, self.PROGRAM)
        return [
            text
            for text in texts
            if any(pattern.search(text) for pattern in patterns) or any(word in text for word in words)
        ]

    def _written(self) -> Iterator[str]:
        for path in self.journals:
            yield from self._rows(path)

    def _rows(self, path: Path) -> list[str]:
        newest = "SELECT * FROM submission ORDER BY updated DESC LIMIT 500"
        try:
            # Not as a plain file: closing that would give up the locks that this process has on the journal.
            with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as journal:
                return [str(row) for row in journal.execute(newest)]
        except sqlite3.Error:  # it is gone, or none
            return []

    def learn_place(self, made: Any) -> None:
        """Learn the secrets of an account or an endpoint."""
        self.words.add("".join(made.token or ""))  # str of a secret is stars
        self.words.update(re.findall(r":a/([^:]+):", str(made.instance or "")))

    def learn_body(self, outgoing: Any) -> None:
        """Learn how the circuits of a submission look that travel packed; their first bytes are those of any other."""
        if outgoing.method == "POST" and outgoing.url.endswith("/jobs"):
            self.circuits.update(found[20:60].decode() for found in self.PACKED.findall(outgoing.body or b""))

    def patch(self, patch: pytest.MonkeyPatch) -> None:
        """Overhear constructors of accounts, endpoints and exceptions, and each ``__repr__``."""
        import qiskit_rest_primitives

        for found in pkgutil.walk_packages(qiskit_rest_primitives.__path__, "qiskit_rest_primitives."):
            if found.name.endswith("__main__") or found.name.partition(".")[2] in BORROWED:
                continue
            try:
                module = importlib.import_module(found.name)
            except ImportError:  # an extra that is not installed; its tests say so
                continue
            for value in [*vars(module).values()]:
                if isinstance(value, type) and value.__module__ == found.name:
                    if getattr(value.__new__, "__module__", "") == "qiskit_rest_primitives._frozen":
                        value.__new__(
                            value
                        )  # makes the class, which has no __repr__ before its first instance
                    self._overhear(value, patch)
        for name in self.LOGGERS:
            logger = logging.getLogger(name)
            patch.setattr(logger, "level", logging.DEBUG)
            logger.addHandler(self)
        pickled = pickle.dumps

        @wraps(pickled)
        def dumps(value: Any, *arguments: Any, **keywords: Any) -> bytes:
            written = pickled(value, *arguments, **keywords)
            if type(value).__module__.startswith("qiskit_rest_primitives"):
                self.pickles.append(written.decode("latin-1"))
            return written

        patch.setattr(pickle, "dumps", dumps)

    def _overhear(self, cls: type, patch: pytest.MonkeyPatch) -> None:
        if issubclass(cls, BaseException):
            self._after(cls, "__init__", patch, lambda error, _: self.errors.append(error))
        elif "__repr__" in vars(cls):
            self._after(cls, "__repr__", patch, lambda _, text: self.texts.append(str(text)))
        if cls.__name__ in ("Account", "Endpoint"):
            self._after(cls, "__init__", patch, lambda made, _: self.learn_place(made))
        if cls.__name__ == "Outgoing":
            self._after(cls, "__init__", patch, lambda made, _: self.learn_body(made))
        if cls.__name__ == "Journal":
            self._after(
                cls, "_write", patch, lambda journal, _: self.journals.update({journal.path} - {None})
            )

    def _after(
        self, cls: type, name: str, patch: pytest.MonkeyPatch, listen: Callable[[Any, Any], None]
    ) -> None:
        original = getattr(cls, name)

        @wraps(original)
        def overheard(this: Any, /, *arguments: Any, **keywords: Any) -> Any:
            outcome = original(this, *arguments, **keywords)
            listen(this, outcome)
            return outcome

        patch.setattr(cls, name, overheard)


@pytest.fixture(scope="session")
def secret_watch() -> Iterator[SecretWatch]:
    watch = SecretWatch()
    with pytest.MonkeyPatch.context() as patch:
        watch.patch(patch)
        yield watch
        for name in watch.LOGGERS:
            logging.getLogger(name).removeHandler(watch)


@pytest.fixture(autouse=True)
def no_secret_gets_out(secret_watch: SecretWatch) -> Iterator[None]:
    """No test of the suite makes this package say a secret, in a log at any level, an exception or a repr."""
    yield
    assert secret_watch.leaks() == []


class ScriptedSend:
    """A ``Send`` that gives each request the next of some outcomes, the last one for ever."""

    def __init__(self, *outcomes: Response | ExchangeError | Callable[[Outgoing], Response]) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Outgoing] = []

    def __call__(self, outgoing: Outgoing) -> Response:
        self.sent.append(outgoing)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, ExchangeError):
            raise outcome
        return outcome if isinstance(outcome, Response) else outcome(outgoing)


@pytest.fixture
def scripted() -> type[ScriptedSend]:
    return ScriptedSend


@pytest.fixture
def json_response() -> Callable[..., Response]:
    def make(status: int, document: Any = None, **headers: str) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(status, names, b"" if document is None else json.dumps(document).encode())

    return make
