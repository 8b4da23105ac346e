"""The doctor names what is planted, says what to do about it, and ends with 1."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qiskit_rest_primitives import _time
from qiskit_rest_primitives.cli import doctor as checks
from qiskit_rest_primitives.cli.doctor import doctor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Patient:
    """A machine whose account is well, until something is planted.

    Attributes:
        home: Its home directory.
        endpoint: The server of its account.
        variables: Its environment.
        options: What the doctor is called with.
        patch: Changes what the doctor sees, until the test is over.
    """

    home: Path
    endpoint: Any
    patch: pytest.MonkeyPatch
    variables: dict[str, str | None] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    opened: ExitStack = field(default_factory=ExitStack)

    def examined(self) -> Result:
        return CliRunner().invoke(doctor, self.options, env=self.variables, standalone_mode=False)


@pytest.fixture
def patient(tmp_path: Path, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    patient = Patient(
        tmp_path,
        endpoint,
        monkeypatch,
        {
            "HOME": str(tmp_path),
            "USERPROFILE": str(tmp_path),
            "QISKIT_IBM_CHANNEL": "local",
            "QISKIT_IBM_URL": endpoint.url,
            "QISKIT_IBM_TOKEN": endpoint.token,
            "QISKIT_IBM_INSTANCE": endpoint.instance,
            "QISKIT_REST_PRIMITIVES_JOURNAL": str(tmp_path / "journal.sqlite"),
            "HTTPS_PROXY": None,
        },
    )
    with patient.opened:
        yield patient


def no_account(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_TOKEN"] = None


def bad_account_file(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_TOKEN"] = None
    (patient.home / ".qiskit").mkdir()
    (patient.home / ".qiskit" / "qiskit-ibm.json").write_text("{here")


def unknown_account(patient: Patient) -> None:
    patient.options += ["--account", "nobody"]


def wrong_token(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_TOKEN"] = "no-key-of-this-server"


def wrong_instance(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_INSTANCE"] = patient.endpoint.instance.replace("0001::", "9999::")


def unreachable_host(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_URL"] = "http://127.0.0.1:9/api/v1"


def dead_proxy(patient: Patient) -> None:
    patient.variables |= {
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_URL": "https://quantum.example/api/v1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "",
    }


def damaged_journal(patient: Patient) -> None:
    (patient.home / "journal.sqlite").write_bytes(b"this is no database, and never was one " * 40)


def locked_journal(patient: Patient) -> None:
    path = patient.home / "journal.sqlite"
    other = patient.opened.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")


def journal_in_a_file(patient: Patient) -> None:
    (patient.home / "file").write_text("")
    patient.variables["QISKIT_REST_PRIMITIVES_JOURNAL"] = str(patient.home / "file" / "journal.sqlite")


def without_aer(name: str) -> str:
    if name == "qiskit-aer":
        raise PackageNotFoundError(name)
    return version(name)


def no_server(patient: Patient) -> None:
    patient.options += ["--channel", "local"]
    patient.variables |= dict.fromkeys(("QISKIT_IBM_TOKEN", "QISKIT_IBM_URL", "QISKIT_IBM_INSTANCE"))
    patient.patch.setattr(checks, "version", without_aer)


def old_qiskit(patient: Patient) -> None:
    patient.patch.setattr(checks, "version", lambda name: "1.4.5" if name == "qiskit" else version(name))


def misspelt_variable(patient: Patient) -> None:
    patient.variables["QISKIT_REST_PRIMITIVES_PROGRES"] = "on"


def misspelt_variable_of_ibm(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_INSTANZ"] = "mine"


def wrong_value(patient: Patient) -> None:
    patient.variables["QISKIT_REST_PRIMITIVES_PROGRAM"] = "sampler"


def unencrypted(patient: Patient) -> None:
    patient.variables["QISKIT_IBM_URL"] = "http://quantum.example/api/v1"


PLANTED: dict[Callable[[Patient], None], tuple[str, str, str]] = {
    no_account: ("account", "No account is given", "qiskit-rest account save"),
    bad_account_file: ("account", "is not JSON", "Repair the file"),
    unknown_account: ("account", "No account named 'nobody'", "qiskit-rest account save"),
    wrong_token: ("token", "", "Make a new API key"),
    wrong_instance: ("instance", "", "--instance"),
    unreachable_host: ("service", "127.0.0.1:9", "Check the account's URL"),
    dead_proxy: ("proxy", "the proxy 127.0.0.1:9", "HTTPS_PROXY"),
    damaged_journal: ("journal", "is damaged", "Move it away"),
    locked_journal: ("journal", "keeps", "End it"),
    journal_in_a_file: ("journal", "cannot be", "See to its rights"),
    no_server: (
        "server",
        "qiskit-aer is not installed",
        "pip install --upgrade 'qiskit-rest-primitives[server]'",
    ),
    old_qiskit: ("versions", "qiskit 1.4.5 is older than 2.4", "pip install --upgrade 'qiskit>=2.4'"),
    misspelt_variable: (
        "environment",
        "QISKIT_REST_PRIMITIVES_PROGRES is no variable",
        "QISKIT_REST_PRIMITIVES_PROGRESS?",
    ),
    misspelt_variable_of_ibm: ("environment", "QISKIT_IBM_INSTANZ is no variable", "QISKIT_IBM_INSTANCE?"),
    wrong_value: ("environment", "'sampler'", "auto, server, executor"),
    unencrypted: ("service", "not sent unencrypted", "Use https"),
}


def test_a_patient_that_is_well_has_no_fault(patient: Patient) -> None:
    done = patient.examined()

    assert done.return_value == 0, done.output
    assert done.output.endswith("No faults found.\n")
    assert patient.endpoint.token not in done.output


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_is_planted_is_named_with_its_remedy(plant: Callable[[Patient], None], patient: Patient) -> None:
    plant(patient)
    done = patient.examined()
    check, said, remedy = PLANTED[plant]

    assert done.exception is None, done.exception
    assert done.return_value == 1, done.output
    lines = done.output.splitlines()
    faults = [number for number, line in enumerate(lines) if line.startswith("FAULT")]
    assert len(faults) == 1, done.output
    assert lines[faults[0]].startswith(f"FAULT  {check}: ")
    assert said in lines[faults[0]]
    assert lines[faults[0] + 1].strip().startswith("->")
    assert remedy in lines[faults[0] + 1]
    assert lines[-1] == "1 fault found."
    assert patient.endpoint.token not in done.output


class Clock(BaseHTTPRequestHandler):
    """A service that says what time it is, and nothing else."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def clock() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Clock) as server:
        Thread(target=partial(server.serve_forever, 0.02), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/v1"
        server.shutdown()


@pytest.mark.parametrize(
    ("ahead", "said"), [(3600, "3600 s ahead of"), (-3600, "3600 s behind"), (0, "agrees")]
)
def test_a_clock_that_is_wrong_is_named(ahead: int, said: str, patient: Patient) -> None:
    patient.patch.setattr(checks, "now", lambda: _time.now() + timedelta(seconds=ahead))
    with clock() as url:
        patient.variables["QISKIT_IBM_URL"] = url
        done = patient.examined()
    (line,) = (line for line in done.output.splitlines() if " clock: " in line)

    assert line.startswith("FAULT" if ahead else "   ok")
    assert said in line.replace("3599", "3600").replace("3601", "3600")
    assert ("timedatectl" in done.output) == bool(ahead)


def test_a_certificate_that_nobody_knows_is_named(patient: Patient, certificate: Path) -> None:
    from qiskit_rest_primitives.server.devices.device import load_device
    from qiskit_rest_primitives.server.embedded import serve
    from qiskit_rest_primitives.server.settings import Certificate

    with serve([load_device("aer_simulator")], certificate=Certificate(str(certificate), None)) as server:
        patient.variables["QISKIT_IBM_URL"] = server.endpoint.url.replace("127.0.0.1", "localhost")
        done = patient.examined()

    assert done.return_value == 1
    assert "FAULT  TLS: " in done.output
    assert "its certificate is not trusted" in done.output
    assert "REQUESTS_CA_BUNDLE" in done.output


def test_the_versions_that_it_asks_for_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    for extra, lines in {
        "": project["dependencies"],
        "server": project["optional-dependencies"]["server"],
    }.items():
        everywhere = {
            line for line in lines if ";" not in line
        }  # uvloop is not on Windows, and can be done without
        assert {f"{name}>={least}" for name, least in checks._needed(extra).items()} == everywhere


def test_a_package_that_is_not_installed_says_so(patient: Patient) -> None:
    def nothing(name: str) -> None:
        raise PackageNotFoundError(name)

    patient.patch.setattr(checks, "requires", nothing)
    done = patient.examined()

    assert done.return_value == 0, done.output
    assert " note  versions: The package is used without being installed" in done.output


def test_all_variables_that_are_read_are_known(tmp_path: Path) -> None:
    """A variable that is read somewhere, and that the doctor does not know, would be called misspelt."""
    import re

    found = {
        name
        for path in (ROOT / "qiskit_rest_primitives").rglob("*.py")
        for name in re.findall(r'"(QISKIT_(?:IBM|REST|FUNCTIONS)_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }

    assert found - set(checks.VARIABLES) == set()
