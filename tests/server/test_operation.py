"""The server as a program: what it refuses, how it ends, what it writes, what it never tells."""

from __future__ import annotations

import base64
import io
import json
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter

from qiskit_rest_primitives.server.__main__ import main
from qiskit_rest_primitives.server.embedded import ServerAddress, serve
from qiskit_rest_primitives.server.faults.plan import KINDS
from qiskit_rest_primitives.server.settings import Certificate, problem_of
from qiskit_rest_primitives.wire import typed
from qiskit_rest_primitives.wire.jsonio import DecodeError

COMMAND = [sys.executable, "-m", "qiskit_rest_primitives.server"]
LONG = "".join(f"ry(0.{k + 1}) q[{k % 21}]; cx q[{k % 21}], q[{(k + 1) % 21}];" for k in range(40))
LONG = f'OPENQASM 3.0; include "stdgates.inc"; bit[21] c; qubit[21] q; {LONG} c = measure q;'


class Program:
    """A server in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--backend", "aer_simulator", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.headers = {
            "Authorization": f"apikey {self.ready['token']}",
            "Service-CRN": self.ready["instance"],
        }

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, self.ready["url"] + path, headers=self.headers, timeout=600, **more)

    def submit(self, text: str) -> str:
        body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [[text, None, 10]]}}
        return str(self("POST", "/jobs", json=body).json()["id"])

    def status(self, job: str) -> str:
        return str(self("GET", f"/jobs/{job}").json()["status"])

    def told_to_end(self) -> requests.Response:
        """Send the first signal; return what a job is answered once the server has taken notice."""
        self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 600
        while (answer := self("POST", "/jobs", json={"program_id": "sampler"})).status_code != 503:
            assert time.monotonic() < deadline, "the signal has no effect"
            time.sleep(0.02)
        return answer

    def end(self, sig: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(sig)
        _, errors = self.process.communicate(timeout=900)
        return self.process.returncode, errors


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(*arguments))
        return started[-1]

    yield start
    for item in started:
        if item.process.poll() is None:
            item.process.kill()
        item.process.communicate()


def test_a_server_that_ends_lets_running_jobs_finish_and_parks_queued_ones(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    place = ("--database", str(tmp_path / "jobs.db"), "--workers", "1", "--token", "the-token")
    first = program(*place, "--grace", "100000")  # the running job may take its time
    running = first.submit(LONG)
    while first.status(running) != "Running":
        time.sleep(0.02)
    queued = first.submit(LONG)
    late = first.told_to_end()
    assert (late.status_code, late.headers["Retry-After"]) == (503, "5")
    _, errors = first.process.communicate(timeout=900)
    assert (first.process.returncode, "Traceback" in errors) == (0, False)

    second = program(*place)

    assert second.status(running) == "Completed"
    assert second.status(queued) in ("Queued", "Running", "Completed")
    second.headers["Prefer"] = "wait=25"
    deadline = time.monotonic() + 600
    while (status := second.status(queued)) in ("Queued", "Running"):
        assert time.monotonic() < deadline, status
    assert status == "Completed"


def test_a_second_signal_ends_the_server_at_once(program: Callable[..., Program]) -> None:
    server = program("--workers", "1", "--grace", "100000")
    job = server.submit(LONG.replace("c = measure q;", LONG.partition("q; ")[2] * 60))
    while server.status(job) != "Running":
        time.sleep(0.02)
    assert server.told_to_end().status_code == 503
    assert server.process.poll() is None

    code, errors = server.end()

    assert (code, "Traceback" in errors) == (0, False)


def test_an_idle_server_ends_at_once_and_logged_what_was_asked(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    log = tmp_path / "access.jsonl"
    server = program("--grace", "100000", "--access-log", str(log), "--token", "the-secret-token")
    assert server("GET", "/backends?fields=secret-query").status_code == 200
    server("POST", "/jobs", json={"program_id": "secret-body"})
    code, errors = server.end(signal.SIGINT)

    assert code == 0
    assert errors.startswith("Workloads page: ")
    assert errors.count("\n") == 1, "nothing is said but where the page is"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(item["method"], item["path"], item["status"]) for item in entries] == [
        ("GET", "/api/v1/backends", 200),
        ("POST", "/api/v1/jobs", 404),
    ]
    assert set(entries[0]) == {"time", "client", "method", "path", "status", "bytes", "milliseconds"}
    assert entries[0]["bytes"] > 0
    assert "secret" not in log.read_text()


def test_a_fault_plan_strikes_and_the_access_log_tells(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    faults = [{"kind": kind, "path": f"/versions/{kind}$", "seconds": 0.01} for kind in KINDS]
    plan, log = tmp_path / "plan.json", tmp_path / "access.jsonl"
    plan.write_text(json.dumps({"seed": 3, "faults": faults}))
    server = program("--fault-plan", str(plan), "--access-log", str(log))

    def status(kind: str) -> int:
        try:
            return server("GET", f"/versions/{kind}").status_code
        except requests.RequestException:
            return 0

    seen = {kind: status(kind) for kind in KINDS}
    server.end()

    broken = dict.fromkeys(("drop", "reset", "lose", "truncate"), 0)
    assert seen == {"answer": 503, "maintenance": 503, "delay": 404, "queue": 404, **broken}
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["path"].rpartition("/")[2] for entry in entries] == list(KINDS)
    assert [entry["status"] for entry in entries[:2]] == [503, 503]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "choose a token"),
        (["--host", "0.0.0.0", "--token", "t"], "unencrypted"),
        (["--host", "::", "--allow-public"], "choose a token"),
        (["--tls-key", "key.pem"], "--tls-cert"),
        (["--dask", "elsewhere"], "local:N"),
        (["--fault-plan", "missing.json"], "missing.json"),
        (["--tls-cert", "missing.pem"], "cannot read certificate and key from missing.pem"),
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["--database", "missing/jobs.sqlite"], "cannot open the database missing/jobs.sqlite"),
        (["--access-log", "missing/access.jsonl"], "missing/access.jsonl"),
        (["--backend", "ibm_unknown"], "no device is called 'ibm_unknown'"),
        (["--backend", "os:path"], "not a BackendV2"),
        (["--backend", "qiskit.providers.fake_provider:GenericBackendV2"], "argument: 'num_qubits'"),
        (["--backend", ":Class"], "cannot load the device ':Class'"),
        (["--workers", "0"], "at least 1"),
        (["--grace", "-1"], "must not be negative"),
        (["--seed", "seven"], "--seed"),
    ],
)
def test_the_command_line_refuses_what_is_unsafe_or_makes_no_sense(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QISKIT_REST_PRIMITIVES_TOKEN", "")
    with pytest.raises(SystemExit) as end:
        main(arguments)

    told = capsys.readouterr()
    assert (end.value.code, told.out) == (2, "")
    assert said in told.err


def test_help_explains_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    documented = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")

    for flag in set(re.findall(r"--[a-z-]+", told)) - {"--help"}:
        assert f"`{flag}" in documented, f"docs/server.md does not explain {flag}"
    options = re.split(r"\n  (?=-)", told)[1:]
    assert len(options) > 20
    assert all(len(option.split()) > 3 for option in options)


@pytest.mark.parametrize(
    ("host", "own_token", "encrypted", "allowed", "good"),
    [
        ("127.0.0.1", False, False, False, True),
        ("::1", False, False, False, True),
        ("localhost", False, False, False, True),
        ("0.0.0.0", True, True, False, True),
        ("0.0.0.0", True, False, True, True),
        ("0.0.0.0", False, True, True, False),
        ("192.168.1.2", True, False, False, False),
        ("server.example", True, False, False, False),
    ],
)
def test_a_public_address_needs_a_token_and_tls_or_a_yes(
    host: str, own_token: bool, encrypted: bool, allowed: bool, good: bool
) -> None:
    assert (problem_of(host, own_token=own_token, encrypted=encrypted, allowed=allowed) is None) is good


def test_an_embedded_server_is_not_public_by_accident(ideal: Any) -> None:
    with pytest.raises(ValueError, match="choose a token"):
        serve([ideal], host="0.0.0.0")
    with pytest.raises(ValueError, match="allow_public"):
        serve([ideal], host="0.0.0.0", token="t")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that signs itself."""
    place = tmp_path_factory.mktemp("tls")
    key, chain = place / "key.pem", place / "certificate.pem"
    made = subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", str(key), "-out", str(chain), "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("install openssl to make a certificate for this test")
    return Certificate(str(chain), str(key))


def test_connections_can_be_encrypted(program: Callable[..., Program], certificate: Certificate) -> None:
    server = program("--tls-cert", certificate.chain, "--tls-key", str(certificate.key))

    assert server.ready["url"].startswith("https://127.0.0.1:")
    from qiskit_rest_primitives import QiskitRuntimeService

    service = QiskitRuntimeService(
        url=server.ready["url"],
        token=server.ready["token"],
        instance=server.ready["instance"],
        verify=certificate.chain,
    )
    assert [backend.name for backend in service.backends()] == ["aer_simulator"]


def test_an_embedded_server_can_be_encrypted_and_then_public(ideal: Any, certificate: Certificate) -> None:
    with serve([ideal], certificate=certificate) as server:
        assert server.endpoint.url.startswith("https://127.0.0.1:")
        url = server.endpoint.iam_url + "/health"
        assert requests.get(url, verify=certificate.chain, timeout=600).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=600)
    with serve([ideal], host="0.0.0.0", token="t", certificate=certificate) as server:
        assert server.endpoint.url.startswith("https://")
    with pytest.raises(OSError, match="cannot read certificate and key from missing"):
        serve([ideal], certificate=Certificate("missing"))


def test_an_endpoint_shows_neither_token_nor_account() -> None:
    endpoint = ServerAddress(
        "http://h/api/v1", "http://h", "the-token", "crn:v1:x:y:z:r:a/the-account:guid::"
    )

    assert repr(endpoint) == "ServerAddress(url='http://h/api/v1', iam_url='http://h')"


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "qiskit_aer"])
def test_without_the_extra_one_clear_error_says_what_to_install(missing: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from qiskit_rest_primitives import QiskitRuntimeService
service = QiskitRuntimeService(channel="local")
try:
    service.backends()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)

    assert done.stdout == (
        f'The local server needs {missing}: pip install "qiskit-rest-primitives[server]"\n'
    ), done.stderr


def old_qpy(version: int) -> str:
    circuit = QuantumCircuit(1)
    circuit.rx(2 * Parameter("t"), 0)
    stream = io.BytesIO()
    qpy.dump(circuit, stream, version=13)
    content = bytearray(stream.getvalue())
    content[6] = version
    return base64.b64encode(zlib.compress(bytes(content))).decode()


@pytest.mark.parametrize("version", [1, 8, 12])
def test_circuits_in_versions_of_qpy_that_can_run_code_are_refused(shared: Any, version: int) -> None:
    circuit = {"__type__": "QuantumCircuit", "__value__": old_qpy(version)}
    hidden = [
        {"pubs": [[circuit]]},
        {"pubs": [["OPENQASM 3.0; qubit[1] q;", {"__type__": "ndarray", "__value__": [circuit]}]]},
    ]
    for params in hidden:
        job = shared.wait(shared.submit(params=params))
        assert job["status"] == "Failed"
        assert "QPY" in job["state"]["reason"]
    with pytest.raises(DecodeError, match=f"QPY version {version}"):
        typed.load(circuit)


HOSTILE = (
    'OPENQASM 3.0; include "/etc/passwd"; qubit[1] q;',
    'OPENQASM 3.0; include "../../pyproject.toml"; qubit[1] q;',
    "OPENQASM 3.0; pragma import os; qubit[1] q;",
    "nonsense",
    {"__type__": "object", "__module__": "os", "__class__": "system", "__value__": {"command": "true"}},
    {"__type__": "QuantumCircuit", "__value__": "AAAA"},
    {"__type__": "to_json", "__value__": "x"},
)


@pytest.mark.parametrize("circuit", HOSTILE, ids=range(len(HOSTILE)))
def test_no_reason_tells_about_the_machine(shared: Any, circuit: Any) -> None:
    job = shared.wait(shared.submit(params={"pubs": [[circuit]]}))

    assert job["status"] == "Failed"
    told = json.dumps(job["state"]) + shared("GET", f"/jobs/{job['id']}/logs").text
    for secret in ("Traceback", "root:", str(Path.home()), "site-packages", ".py", shared.endpoint.token):
        assert secret not in told
