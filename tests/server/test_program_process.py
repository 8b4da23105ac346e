"""Programs that mean harm, or are only careless: each is contained, and its job learns why it failed.

Every limit here is small, so that a hole in a limit shows as a failed test and not as a machine that stands still.
"""

from __future__ import annotations

import json
import os
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.devices import Device
from qiskit_rest_primitives.server.failures import TaskFailed
from qiskit_rest_primitives.server.program_process import Run, run_program
from qiskit_rest_primitives.server.settings import ProgramRules

MEBIBYTE = 1 << 20
RULES = ProgramRules(
    allow="isolated",
    memory_bytes=256 * MEBIBYTE,
    processes=8,
    files=64,
    file_bytes=MEBIBYTE,
    work_bytes=4 * MEBIBYTE,
    messages=50,
    message_bytes=100_000,
    output_bytes=200_000,
    log_bytes=10_000,
)


class Cell:
    """Runs one program after the other in isolation."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.published: list[Any] = []
        self.printed = ""

    def run(
        self, body: str, *, run: Run | None = None, seconds: int = 20, rules: ProgramRules = RULES
    ) -> Any:
        def log(text: str) -> None:
            self.printed = text

        result = run_program(
            run or Run(),
            "def main(backend, user_messenger, **inputs):\n" + textwrap.indent(textwrap.dedent(body), "    "),
            b'{"n": 3}',
            self._device,
            rules=rules,
            isolate="must",
            seconds=seconds,
            publish=lambda bodies: self.published.extend(map(json.loads, bodies)),
            log=log,
        )
        return json.loads(result)

    def failure(self, body: str, **more: Any) -> str:
        with pytest.raises(TaskFailed) as caught:
            self.run(body, **more)
        return caught.value.reason


@pytest.fixture
def cell(ideal: Device) -> Cell:
    return Cell(ideal)


@pytest.fixture(scope="module", autouse=True)
def namespaces(ideal: Device) -> None:
    """These tests need namespaces; without them programs do not run, which is tested below."""
    try:
        Cell(ideal).run("return 1")
    except TaskFailed as problem:
        if "isolated" not in problem.reason:
            raise
        pytest.skip(
            f"{problem.reason} Runs where processes may have namespaces: as root, or with user namespaces."
        )


def test_a_program_gets_its_inputs_and_gives_its_result(cell: Cell) -> None:
    assert cell.run("print('hello'); user_messenger.publish([1]); return inputs") == {"n": 3}
    assert cell.published == [[1]]
    assert cell.printed == "hello\n"


def test_a_message_that_is_final_is_the_result_of_a_program_that_returns_nothing(cell: Cell) -> None:
    assert cell.run("user_messenger.publish('the end', final=True)") == "the end"
    assert cell.published == []


def test_a_program_sees_nothing_of_the_server(cell: Cell, tmp_path: Path) -> None:
    """No environment, no descriptor, no process, no file of the server's, and no way to the network."""
    secret = tmp_path / "database.sqlite"
    secret.write_text("token")
    handle = secret.open()
    os.set_inheritable(handle.fileno(), True)
    seen = cell.run(
        f"""
        import os, socket, signal
        found = {{"environment": dict(os.environ), "user": os.getuid()}}
        found["processes"] = [name for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
        found["descriptors"] = []
        for number in range(3, 64):
            try:
                os.fstat(number)
                found["descriptors"].append(number)
            except OSError:
                pass
        for name, path in {{"file": {str(secret)!r}, "shadow": "/etc/shadow", "home": os.path.expanduser("~root/.bashrc"),
                            "tests": {str(Path(__file__))!r}}}.items():
            try:
                found[name] = open(path).read(10)
            except OSError as error:
                found[name] = type(error).__name__
        try:
            socket.create_connection(("127.0.0.1", 1), timeout=1)
        except OSError as error:
            found["network"] = error.strerror
        for victim in (1, {os.getpid()}, os.getppid()):
            try:
                os.kill(victim, signal.SIGKILL)
            except (PermissionError, ProcessLookupError):
                pass
        try:
            open({str(Path(__file__).parents[2] / "qiskit_rest_primitives" / "planted.py")!r}, "w")
        except OSError as error:
            found["planting"] = type(error).__name__
        return found
        """
    )
    handle.close()

    assert set(seen["environment"]) == {
        "PATH", "LANG", "HOME", "TMPDIR", "QISKIT_PARALLEL",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS",
    }  # fmt: skip
    assert seen["user"] != 0
    assert len(seen["processes"]) <= 2
    assert len(seen["descriptors"]) <= 1  # the pipe that its messages go through
    absent = {"FileNotFoundError", "PermissionError"}
    assert {seen["file"], seen["shadow"], seen["home"], seen["tests"]} <= absent
    assert seen["network"] == "Network is unreachable"
    assert seen["planting"] in ("OSError", "PermissionError")


def test_a_program_sees_nothing_of_other_programs(cell: Cell) -> None:
    cell.run("open('mine', 'w').write('x'); return 0")

    # Only a checkout that stands below /tmp shows there, read-only, as the way to the libraries.
    assert "mine" not in cell.run("import os; return os.listdir('.')")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended by signal 11"),
        ("import os; os._exit(3)", "ended with status 3"),
        ("raise ValueError('mine')", "ValueError: mine"),
        ("raise SystemExit(0)", "SystemExit"),
        ("return object()", "type object has no wire form"),
        ("return len(bytearray(10 << 30))", "more memory than its limit"),
        ("open('big', 'wb').write(bytes(2 << 20))", "File too large"),
        (
            "for i in range(20): open(str(i), 'wb').write(bytes(1 << 19))",
            "No space left on device",
        ),
        ("import os\nfor i in range(100): os.dup(1)", "Too many open files"),
        ("for i in range(1000): user_messenger.publish(i)", "more than 50 messages"),
        ("user_messenger.publish('x' * 200_000)", "at most 100000"),
        ("return 'x' * 200_000", "at most 100000"),
        (
            "import os\nfor fd in range(3, 1000):\n    try: os.write(fd, b'nonsense' * 9)\n    except OSError: pass",
            "pipe",
        ),
    ],
    ids=lambda value: value[:40].replace("\n", " ") if isinstance(value, str) else None,
)
def test_a_program_that_fails_says_why(cell: Cell, body: str, reason: str) -> None:
    assert reason in cell.failure(body)


def test_a_program_without_main_says_so(ideal: Device) -> None:
    with pytest.raises(TaskFailed, match="no function main"):
        run_program(
            Run(), "x = 1", b"{}", ideal, rules=RULES, isolate="must", seconds=20, publish=print, log=str
        )


def test_an_endless_loop_runs_out_of_processor_time(cell: Cell) -> None:
    assert "processor time" in cell.failure("while True: pass", seconds=1)


@pytest.mark.parametrize("escape", ["", "os.setsid()"])
def test_a_fork_bomb_does_not_get_far(cell: Cell, escape: str) -> None:
    began = time.monotonic()
    reason = cell.failure(
        f"import os\nwhile True:\n    if os.fork() == 0:\n        {escape or 'pass'}", seconds=5
    )

    assert "Resource temporarily unavailable" in reason or "processes" in reason
    assert time.monotonic() - began < 20


def test_several_processes_share_one_limit_of_memory(cell: Cell) -> None:
    reason = cell.failure(
        """
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                block = b"x" * (240 << 20)
                time.sleep(10)
                os._exit(0)
        time.sleep(10)
        """
    )

    assert "more memory" in reason


def test_what_a_program_leaves_running_ends_with_it(cell: Cell) -> None:
    """The child holds the program's output open; the run ends all the same."""
    began = time.monotonic()
    assert (
        cell.run("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nreturn 'done'")
        == "done"
    )
    assert time.monotonic() - began < 20


def test_a_run_is_killed_at_once(cell: Cell) -> None:
    run = Run()
    killer = threading.Timer(1.5, run.kill)
    killer.start()
    began = time.monotonic()
    reason = cell.failure("import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(60)", run=run)

    assert "unexpectedly" in reason
    assert time.monotonic() - began < 15
    with pytest.raises(TaskFailed, match="stopped"):
        cell.run("return 1", run=run)


def test_much_output_is_cut(cell: Cell) -> None:
    assert cell.run("for i in range(10_000): print('a line of output')\nreturn 1") == 1
    assert cell.printed.startswith("a line of output\n")
    assert len(cell.printed) < 11_000
    assert "dropped" in cell.printed


def test_old_names_lead_to_what_programs_are_written_with(cell: Cell) -> None:
    assert cell.run(
        """
        from qiskit_ibm_runtime.program import UserMessenger, ProgramBackend
        from qiskit.providers.ibmq.runtime import UserMessenger as older
        return [isinstance(user_messenger, UserMessenger), isinstance(backend, ProgramBackend), older is UserMessenger]
        """
    ) == [True, True, True]


def test_a_backend_runs_circuits(cell: Cell) -> None:
    counts = cell.run(
        """
        from qiskit import QuantumCircuit
        circuit = QuantumCircuit(2)
        circuit.h(0); circuit.cs(0, 1); circuit.cx(0, 1); circuit.measure_all()
        return backend.run([circuit], shots=500, seed_simulator=1).result().get_counts()
        """,
        rules=ProgramRules(),
    )

    assert set(counts) == {"00", "11"}
    assert sum(counts.values()) == 500
