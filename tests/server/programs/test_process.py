"""One run of a program: what it gets, what it gives, and why it failed. Hostile ones: ``test_hostile_programs``."""

from __future__ import annotations

import json
import textwrap
import threading
import time
from typing import Any

import pytest

from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.failures import TaskFailed
from qiskit_rest_primitives.server.programs.process import Run, run_program
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


def test_a_program_sees_nothing_of_other_programs(cell: Cell) -> None:
    cell.run("open('mine', 'w').write('x'); return 0")

    # Only a checkout that stands below /tmp shows there, read-only, as the way to the libraries.
    assert "mine" not in cell.run("import os; return os.listdir('.')")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(3)", "ended with status 3"),
        ("raise ValueError('mine')", "ValueError: mine"),
        ("raise SystemExit(0)", "SystemExit"),
        ("return object()", "type object has no wire form"),
        ("import os\nfor i in range(100): os.dup(1)", "Too many open files"),
        ("user_messenger.publish('x' * 200_000)", "at most 100000"),
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
        from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeEncoder
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
