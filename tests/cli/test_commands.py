"""Every command through the installed script, against a server that was started by it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from qiskit import QuantumCircuit

from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2, Session
from qiskit_rest_primitives.cli.exits import EXITS, Exit
from qiskit_rest_primitives.cli.schema import SHAPES

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "the-key-of-the-command-line"
BELL = """OPENQASM 3.0;
include "stdgates.inc";
bit[2] meas;
qubit[2] q;
h q[0];
cx q[0], q[1];
meas = measure q;
"""
FLIPPED = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[1];
creg c[1];
x q[0];
measure q -> c;
"""
QUEUED = [{"kind": "queue", "method": "POST", "path": "/jobs$", "times": 1, "seconds": 80_000}]
"""A plan of faults by which the first job waits for a day."""


def script() -> list[str]:
    """Return the installed script, or the module, where the package is used from its source."""
    installed = shutil.which("qiskit-rest", path=sysconfig.get_path("scripts"))
    return [installed] if installed else [sys.executable, "-m", "qiskit_rest_primitives"]


@dataclass
class Place:
    """A server, and a home directory with an account for it.

    Attributes:
        home: The home directory.
        ready: What the server said when it was ready.
        said: Where the server writes what it says to people.
        waiting: A job that stays queued.
    """

    home: Path
    ready: dict[str, str]
    said: Path
    waiting: str = ""

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QISKIT_")}
        journal = {"QISKIT_REST_PRIMITIVES_JOURNAL": str(self.home / "journal.sqlite")}
        return kept | journal | {"HOME": str(self.home), "USERPROFILE": str(self.home)} | variables

    def run(
        self, *arguments: str, given: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*script(), *arguments],
            capture_output=True,
            text=True,
            input=given,
            env=self.environment(variables),
            cwd=self.home,
            timeout=900,
            check=False,
        )

    def in_a_terminal(self, *arguments: str) -> str:
        """Run a command in a terminal of 80 columns, and return what it writes there."""
        import fcntl
        import pty
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        kept = {name: value for name, value in self.environment({}).items() if name != "COLUMNS"}
        with subprocess.Popen(
            [*script(), *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env=kept,
            cwd=self.home,
        ) as process:
            os.close(theirs)
            written = b""
            try:
                while chunk := os.read(ours, 65536):
                    written += chunk
            except OSError:  # nobody has the other end any more
                pass
            os.close(ours)
            assert process.wait(600) == 0
        return written.decode()

    def json(self, shape: str, *arguments: str, code: Exit = Exit.OK, **variables: str) -> Any:
        """Run a command with ``--json``, and return its document, which has the shape that is documented."""
        done = self.run(*arguments, "--json", **variables)
        assert done.returncode == code, done.stderr
        document = json.loads(done.stdout)
        Draft202012Validator(SHAPES[shape]).validate(document)
        assert TOKEN not in done.stdout + done.stderr
        return document


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    (home / "bell.qasm").write_text(BELL)
    (home / "flipped.qasm").write_text(FLIPPED)
    (home / "faults.json").write_text(json.dumps(QUEUED))
    with (home / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [
                *script(),
                "serve",
                "--port",
                "0",
                "--backend",
                "aer_simulator",
                "--threads",
                "--fault-plan",
                str(home / "faults.json"),
            ],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=os.environ | {"QISKIT_REST_PRIMITIVES_TOKEN": TOKEN},
        )
        assert process.stdout is not None
        with process.stdout:
            try:
                ready = json.loads(process.stdout.readline())
                found = Place(home, ready, home / "said.txt")
                where = ("--channel", "local", "--url", ready["url"], "--instance", ready["instance"])
                saved = found.run(
                    "account", "save", *where, "--name", "here", "--default", QISKIT_IBM_TOKEN=TOKEN
                )
                assert saved.stdout == "Saved as 'here'.\n", saved.stderr
                found.waiting = found.json("run --no-wait", "run", "bell.qasm", "--no-wait")["id"]
                yield found
                process.send_signal(signal.SIGINT)
                assert process.wait(60) in (0, 130)
            finally:
                process.kill()
                process.wait(60)


@pytest.fixture(scope="module")
def service(place: Place) -> QiskitRuntimeService:
    ready = place.ready
    return QiskitRuntimeService(
        channel="local", url=ready["url"], token=ready["token"], instance=ready["instance"]
    )


def test_the_script_is_declared() -> None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["scripts"] == {"qiskit-rest": "qiskit_rest_primitives.cli:main"}
    assert any(each.startswith("click") for each in project["optional-dependencies"]["cli"])


def test_serve_prints_lines_to_paste_and_keeps_the_token_out_of_files(place: Place) -> None:
    said = place.said.read_text()

    assert 'QiskitRuntimeService(channel="local", url="' in said
    assert f"export IAM_URL='{place.ready['iam_url']}'" in said
    assert "export QISKIT_IBM_URL='http://experimental@127.0.0.1:" in said
    assert "curl -H 'Authorization: apikey <token" in said
    assert place.ready["token"] == TOKEN
    assert TOKEN not in said


def test_accounts_are_saved_listed_and_deleted_without_a_token_shown(place: Place) -> None:
    (entry,) = place.json("account list", "account", "list")["accounts"]
    assert (entry["name"], entry["channel"], entry["default"]) == ("here", "local", True)
    assert "a/…" in entry["instance"]
    asked = place.run("account", "save", "--name", "other", "--instance", "mine", given=f"{TOKEN}\n")
    assert asked.returncode == 0, asked.stderr
    assert TOKEN not in asked.stdout + asked.stderr
    silent = place.json("error", "account", "save", "--name", "third", code=Exit.USAGE)
    assert "QISKIT_IBM_TOKEN" in silent["error"]["message"]
    again = place.json(
        "error", "account", "save", "--name", "other", code=Exit.FAILED, QISKIT_IBM_TOKEN=TOKEN
    )
    assert again["error"]["kind"] == "AccountAlreadyExistsError"
    table = place.run("account", "list").stdout
    assert [line.split()[0] for line in table.splitlines()] == ["NAME", "here", "other"]
    both = place.json("account delete", "account", "delete", "", "nobody", "other", code=Exit.NOT_FOUND)
    assert both == {
        "accounts": [
            {"name": "", "deleted": False},
            {"name": "nobody", "deleted": False},
            {"name": "other", "deleted": True},
        ]
    }
    gone = place.run("account", "delete", "other")
    assert (gone.returncode, gone.stdout) == (Exit.NOT_FOUND, "")


def test_a_file_is_run_and_its_job_is_looked_at(place: Place, service: QiskitRuntimeService) -> None:
    document = place.json("run", "run", "bell.qasm", "--shots", "100")
    (counts,) = document["pubs"][0]["meas"]["counts"]
    assert set(counts) <= {"00", "11"}
    assert sum(counts.values()) == document["pubs"][0]["meas"]["num_shots"] == 100
    second = place.run("run", "flipped.qasm", "--shots", "7", "--no-wait", "--tag", "old form")
    assert second.returncode == 0, second.stderr
    job_id = second.stdout.strip()

    waited = place.json("jobs wait", "jobs", "wait", job_id, document["job"])
    assert sorted(waited["jobs"], key=lambda job: job["id"]) == [
        {"id": each, "status": "DONE"} for each in sorted([job_id, document["job"]])
    ]
    (listed,) = place.json("jobs list", "jobs", "list", "--tag", "old form", "--ended")["jobs"]
    assert (listed["id"], listed["tags"], listed["backend"]) == (job_id, ["old form"], "aer_simulator")
    table = place.run("jobs", "list", "--limit", "1").stdout.splitlines()
    assert [line.split()[:3] for line in table] == [["ID", "STATUS", "PROGRAM"], [job_id, "DONE", "sampler"]]
    shown = place.json("jobs show", "jobs", "show", job_id)
    assert shown["parts"] == [job_id]
    assert shown["timeline"]["created"] <= shown["timeline"]["finished"]
    told = place.run("jobs", "result", job_id).stdout
    assert "register c: 7 shots" in told
    assert told.splitlines()[2].split()[:3] == ["1", "7", "1.0000"]
    ended = place.json("jobs cancel", "jobs", "cancel", job_id, code=Exit.FAILED)
    assert ended == {"jobs": [{"id": job_id, "cancelled": False}]}
    assert service.job(job_id).result()[0].data.c.get_counts() == {"1": 7}


def test_a_job_is_shown_for_two_requests(place: Place) -> None:
    job_id = place.json("run --no-wait", "run", "bell.qasm", "--no-wait")["id"]
    shown = place.run("jobs", "show", job_id, QISKIT_IBM_RUNTIME_LOG_LEVEL="DEBUG")

    assert re.findall(r": GET (\S+) 200", shown.stderr) == [f"/jobs/{job_id}", f"/jobs/{job_id}/metrics"]
    assert "status             " in shown.stdout


def test_a_job_is_found_by_its_submission(place: Place, service: QiskitRuntimeService) -> None:
    job_id = place.json("run --no-wait", "run", "bell.qasm", "--no-wait")["id"]
    (tag,) = (tag for tag in service.job(job_id)._record.tags if tag.startswith("qrp-sub-"))

    assert place.json("jobs find", "jobs", "find", tag.removeprefix("qrp-sub-"))["id"] == job_id
    assert place.run("jobs", "find", tag).stdout == f"{job_id}\n"
    assert place.json("error", "jobs", "find", "qrp-sub-none", code=Exit.NOT_FOUND)["error"]["message"]


def test_what_went_wrong_is_told_with_the_command_to_type(place: Place) -> None:
    late = place.run("jobs", "wait", place.waiting, "--timeout", "1")
    assert f"qiskit-rest jobs show {place.waiting} finds it again" in late.stderr
    again = place.run("account", "save", "--name", "here", "--instance", "mine", QISKIT_IBM_TOKEN=TOKEN)
    assert "pass --overwrite to replace it" in again.stderr
    nobody = place.run("backends", "--account-file", "nowhere.json")
    assert "save one with qiskit-rest account save, or use --channel local" in nobody.stderr
    assert "=" not in nobody.stderr
    told = place.run("doctor", "--account-file", "nowhere.json")
    assert "=" not in told.stdout


def interrupted(place: Place, *arguments: str) -> tuple[int, bool]:
    """Interrupt a command that waits for a job; return its exit code, and whether it said that the job goes on."""
    with subprocess.Popen(
        [*script(), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=place.environment({"QISKIT_IBM_RUNTIME_LOG_LEVEL": "DEBUG"}),
        # What a shell runs in its background is born deaf to this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    ) as process:
        assert process.stderr is not None
        looks = (line for line in process.stderr if f"GET /jobs/{place.waiting} 200" in line)
        for _ in range(2):  # the first is to find the job, before it is waited for
            assert next(looks)
        process.send_signal(signal.SIGINT)
        last = process.stderr.read().splitlines()[-1]
        return process.wait(600), last.startswith(f"Stopped waiting. Job {place.waiting} goes on")


@pytest.mark.skipif(os.name != "posix", reason="interrupts a process by a signal; runs on POSIX systems")
def test_a_job_that_waits_is_waited_for_in_vain_and_cancelled(place: Place) -> None:
    done = place.json("run", "run", "bell.qasm")["job"]
    late = place.json("error", "jobs", "wait", place.waiting, done, "--timeout", "1", code=Exit.TIME_IS_UP)
    assert place.waiting in late["error"]["message"]
    assert late["jobs"] == [{"id": done, "status": "DONE"}]
    assert interrupted(place, "jobs", "wait", place.waiting) == (Exit.INTERRUPTED, True)
    done = place.run("jobs", "cancel", place.waiting)
    assert (done.returncode, done.stdout) == (0, f"{place.waiting}  CANCELLED\n")
    waited = place.run("jobs", "wait", place.waiting)
    assert (waited.returncode, waited.stdout) == (Exit.FAILED, f"{place.waiting}  CANCELLED\n")


def test_sessions_are_listed_and_closed(place: Place, service: QiskitRuntimeService) -> None:
    session = Session(service.backend("aer_simulator"))
    (listed,) = place.json("sessions list", "sessions", "list")["sessions"]
    assert (listed["id"], listed["mode"], listed["accepting_jobs"]) == (session.session_id, "session", True)
    closed = place.json("sessions close", "sessions", "close", str(session.session_id))
    assert closed == {"sessions": [{"id": session.session_id, "closed": True}]}
    assert session.status() != "In progress, accepting new jobs"


@pytest.mark.skipif(os.name != "posix", reason="gives a command a terminal of its own; runs on POSIX systems")
def test_tables_fit_into_a_terminal_of_80_columns(place: Place, service: QiskitRuntimeService) -> None:
    session = Session(service.backend("aer_simulator"))
    job_id = SamplerV2(session).run([measured()], shots=1).job_id()
    for words, whole in {
        ("jobs", "list"): job_id,
        ("sessions", "list"): session.session_id,
        ("account", "list"): place.ready["url"],
        ("backends",): "aer_simulator",
        ("jobs", "result", job_id): "outcome",
    }.items():
        lines = place.in_a_terminal(*words).splitlines()
        assert max(map(len, lines)) <= 80, lines
        assert any(whole.lower() in line.lower() for line in lines)
    session.close()


def measured() -> QuantumCircuit:
    circuit = QuantumCircuit(45)
    circuit.x(range(0, 45, 2))
    circuit.measure_all()
    return circuit


def test_what_was_done_is_told_also_where_one_of_several_fails(
    place: Place, service: QiskitRuntimeService
) -> None:
    backend = service.backend("aer_simulator")
    first, last = (str(Session(backend).session_id) for _ in range(2))
    closed = place.json("sessions close", "sessions", "close", first, "nobody", last, code=Exit.NOT_FOUND)
    assert [(each["id"], each["closed"]) for each in closed["sessions"]] == [
        (first, True), ("nobody", False), (last, True)
    ]  # fmt: skip
    assert closed["sessions"][1]["error"] == closed["error"]["message"]
    assert closed["error"]["exit_code"] == Exit.NOT_FOUND

    done = place.json("run --no-wait", "run", "bell.qasm", "--no-wait")["id"]
    waited = place.json("jobs wait", "jobs", "wait", "nobody", done, code=Exit.NOT_FOUND)
    assert [(each["id"], each["status"]) for each in waited["jobs"]] == [("nobody", None), (done, "DONE")]
    told = place.run("jobs", "wait", done, "nobody")
    assert (told.returncode, told.stdout) == (Exit.NOT_FOUND, f"{done}  DONE\n")
    assert "nobody" in told.stderr
    cancelled = place.json("jobs cancel", "jobs", "cancel", done, "nobody", code=Exit.FAILED)
    assert [(each["id"], each["cancelled"]) for each in cancelled["jobs"]] == [
        (done, False),
        ("nobody", False),
    ]


def test_backends_are_listed_and_shown(place: Place, service: QiskitRuntimeService) -> None:
    waiting = int(service.job(place.waiting).status() == "QUEUED")
    (listed,) = place.json("backends", "backends")["backends"]
    assert (listed["name"], listed["status"], listed["queue"]) == ("aer_simulator", "online", waiting)
    shown = place.json("backends NAME", "backends", "aer_simulator")
    assert shown["qubits"] == listed["qubits"]
    assert "cx" in shown["gates"]
    gone = place.json("error", "backends", "nothing", code=Exit.NOT_FOUND)
    assert "aer_simulator" in gone["error"]["message"]


def test_the_doctor_finds_nothing_wrong(place: Place) -> None:
    document = place.json("doctor", "doctor")

    assert document["faults"] == 0
    assert {
        "versions",
        "environment",
        "journal",
        "account",
        "server",
        "proxy",
        "service",
        "clock",
        "token",
    } <= {each["check"] for each in document["checks"]}


def test_exit_codes_say_what_kind_of_failure_it_was(place: Place) -> None:
    url = place.ready["url"]
    refused = place.json(
        "error", "backends", "--url", url, "--channel", "local", "--instance", place.ready["instance"],
        code=Exit.NOT_AUTHORISED, QISKIT_IBM_TOKEN="no-key-of-this-server",
    )  # fmt: skip
    assert refused["error"]["kind"] == "IBMNotAuthorizedError"
    nobody = place.json(
        "error", "backends", "--url", "http://127.0.0.1:9/api/v1", "--channel", "local", "--instance", "mine",
        code=Exit.UNREACHABLE, QISKIT_IBM_TOKEN=TOKEN,
    )  # fmt: skip
    assert nobody["error"]["exit_code"] == Exit.UNREACHABLE
    for code, *arguments in (
        (Exit.NOT_FOUND, "--account", "nobody"),
        (Exit.NOT_AUTHORISED, "--account-file", "nowhere.json"),
        (Exit.USAGE, "--url", "nonsense://x", "--channel", "local"),
        (Exit.FAILED, "--account-file", "bell.qasm"),
    ):
        place.json("error", "jobs", "list", *arguments, code=code)
    missing = place.run("run", "nothing.qasm")
    assert missing.returncode == Exit.USAGE
    assert "does not exist" in missing.stderr
    flag = place.run("serve", "--no-such-flag")
    assert flag.returncode == Exit.USAGE
    assert flag.stderr.startswith("qiskit-rest serve: error:")


def test_shells_complete_commands_and_flags_of_the_server(place: Place) -> None:
    def proposed(words: str) -> list[str]:
        variables = {"_QISKIT_REST_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2"}
        return place.run(**variables).stdout.split()

    assert place.run(_QISKIT_REST_COMPLETE="zsh_source").stdout.startswith("#compdef qiskit-rest")
    assert proposed("qiskit-rest jobs ") == [
        f"plain,{name}" for name in ("cancel", "find", "list", "result", "show", "wait")
    ]
    assert "plain,--database" in proposed("qiskit-rest serve --da")


@pytest.mark.skipif(shutil.which("bash") is None, reason="completes words in bash, where there is one")
def test_bash_completes_after_the_documented_line(place: Place) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    (line,) = (each.partition("  #")[0] for each in page.splitlines() if "bash_source" in each)
    ask = 'COMPREPLY=(); $(complete -p qiskit-rest | sed "s/.*-F //; s/ .*//") qiskit-rest; echo "${COMPREPLY[@]}"'
    typed = [["jo"], ["jobs", "list", "--pe"], ["serve", "--data"], ["backends", "--channel", "lo"]]
    program = [
        line,
        *(f"COMP_WORDS=(qiskit-rest {shlex.join(words)}); COMP_CWORD={len(words)}; {ask}" for words in typed),
    ]
    path = os.pathsep.join([str(Path(script()[0]).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(program)],
        capture_output=True, text=True, env=place.environment({"PATH": path}), check=False,
    )  # fmt: skip

    assert done.stdout.split() == ["jobs", "--pending", "--database", "local"], done.stderr


def test_without_click_the_script_says_what_to_install() -> None:
    code = "import sys; sys.modules['click'] = None; from qiskit_rest_primitives.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "qiskit-rest needs click: pip install 'qiskit-rest-primitives[cli]'\n"


def test_help_says_in_a_line_what_each_command_does() -> None:
    groups = [[], ["jobs"], ["sessions"], ["account"]]
    told = [
        subprocess.run([*script(), *group, "--help"], capture_output=True, text=True, check=True).stdout
        for group in groups
    ]

    assert [line for text in told for line in text.splitlines()[1:] if line.endswith("...")] == []


def test_the_page_tells_all_exit_codes_and_members() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()

    assert [
        f"| {code.value} | {text} |"
        for code, text in EXITS.items()
        if f"| {code.value} | {text} |" not in page
    ] == []
    for shape in SHAPES.values():
        Draft202012Validator.check_schema(shape)
    assert [name for name in SHAPES if f"`{name}`" not in page] == []
