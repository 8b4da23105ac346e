"""One run of a program: what it gets, what it gives, and why it failed. Hostile ones: ``test_hostile_programs``."""

from __future__ import annotations

import io
import json
import textwrap
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.programs import process
from qiskit_rest_primitives.server.programs.frames import FrameError, read_frame, write_frame
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
        self.begun: list[Run | None] = []
        self.hear: Callable[[], object] = lambda: None

    def run(
        self, body: str, *, run: Run | None = None, seconds: int = 20, rules: ProgramRules = RULES
    ) -> Any:
        def log(text: str) -> None:
            self.printed = text

        def publish(bodies: Sequence[bytes]) -> None:
            self.published.extend(map(json.loads, bodies))
            self.hear()

        result = run_program(
            run or Run(),
            "def main(backend, user_messenger, **inputs):\n" + textwrap.indent(textwrap.dedent(body), "    "),
            b'{"n": 3}',
            self._device,
            rules=rules,
            isolate="must",
            seconds=seconds,
            begun=lambda: self.begun.append(run),
            publish=publish,
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
            Run(),
            "x = 1",
            b"{}",
            ideal,
            rules=RULES,
            isolate="must",
            seconds=20,
            begun=str,
            publish=print,
            log=str,
        )


def test_a_run_is_killed_at_once(cell: Cell) -> None:
    """Or it would sleep for longer than any test may take."""
    run = Run()
    body = """
    import signal, time
    signal.signal(15, signal.SIG_IGN)
    user_messenger.publish("sleeping")
    time.sleep(100_000)
    """
    cell.hear = lambda: threading.Thread(target=run.kill).start()
    reason = cell.failure(body, run=run, seconds=100_000)

    assert "unexpectedly" in reason
    assert cell.published == ["sleeping"]
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


# What a program can write into the pipe that its messages go through, past the encoder of its messenger.
FRAME = """
import os, struct
body = {body!r}
for fd in range(3, 64):
    try:
        os.write(fd, struct.pack(">cI", {kind!r}, len(body)) + body)
    except OSError:
        pass
return 1
"""


@pytest.mark.parametrize("kind", [b"I", b"R", b"E"])
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('"é"'.encode("latin-1"), "no UTF-8"),
        ('"é"'.encode("utf-16"), "no UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        ('{"a": 1}'.encode("utf-32"), "no UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\uDfff": 1}', "surrogate"),
        (b'"\xed\xa0\x80"', "no UTF-8"),
        (b"[" * 50_000, "nested too deeply"),
        (b"{'a': 1}", "not JSON"),
        (b"1 2", "not JSON"),
        (b"9" * 5_000, "digits"),
        (b"", "not JSON"),
    ],
    ids=["latin-1", "utf-16", "utf-16-le", "utf-32", "BOM", "half", "half in a name", "surrogate bytes", "deep",
         "single quotes", "two", "a long number", "nothing"],
)  # fmt: skip
def test_a_frame_that_is_no_strict_json_is_refused(kind: bytes, body: bytes, problem: str) -> None:
    """Faults C20: whatever a program says is handed out as JSON, so it must be JSON in UTF-8."""
    stream = io.BytesIO()
    write_frame(stream, kind, body)
    stream.seek(0)

    with pytest.raises(FrameError, match=problem):
        read_frame(stream, most=100_000)


@pytest.mark.parametrize(
    "body", [b'"\xc3\xa9"', b'"\\ud83d\\ude00"', b'"\\\\ud800"', b"[NaN, -Infinity]", b"null"]
)
def test_a_frame_of_json_passes_as_it_is(body: bytes) -> None:
    stream = io.BytesIO()
    write_frame(stream, b"R", body)
    stream.seek(0)

    assert read_frame(stream, most=1_000) == (b"R", body)


def test_a_result_that_is_no_json_fails_the_job_with_a_reason(cell: Cell) -> None:
    """Faults C20, from inside a program; and faults C16, a report of its failure that nobody could store."""
    reason = cell.failure(FRAME.format(kind=b"R", body='"é"'.encode("latin-1")))
    assert "not JSON in UTF-8" in reason
    reason = cell.failure(FRAME.format(kind=b"I", body='"é"'.encode("utf-16")))
    assert "not JSON in UTF-8" in reason
    assert cell.published == []
    assert "surrogate" in cell.failure("return '\\udc80'")
    assert "\\udc80" in cell.failure("raise ValueError('\\udc80')")


def test_a_program_cannot_begin_again(cell: Cell) -> None:
    """Faults C5: or its clock would start anew."""
    assert "the pipe that its messages go through" in cell.failure(FRAME.format(kind=b"B", body=b"null"))


def test_a_program_begins_once_its_interpreter_is_up(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults C5: neither its time nor its processor time is charged for the start: one second of 1 s is left to it."""
    run = Run()
    used = cell.run(
        "import resource; used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "return [used.ru_utime + used.ru_stime, resource.getrlimit(resource.RLIMIT_CPU)[0]]",
        seconds=1,
        run=run,
    )

    assert cell.begun == [run]
    assert used[1] - used[0] >= 1


def test_a_program_that_never_begins_is_given_up(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START_SECONDS", 0.01)

    assert "could not be started" in cell.failure("return 1")
    assert cell.begun == []


def test_a_program_sees_no_paths_of_the_server_in_command_lines(cell: Cell) -> None:
    """Faults C20: what the launcher is told is not on its command line."""
    lines = cell.run(
        """
        import os
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                with open(f"/proc/{name}/cmdline") as file:
                    found.append(file.read().split("\\0"))
        return found
        """
    )

    launcher = [line for line in lines if any(word.endswith("launcher.py") for word in line)]
    assert [len(line) for line in launcher] == [
        7
    ]  # the interpreter, its flags, the file, a number, and the end
    assert "qiskit-program-" not in json.dumps(lines)
    assert "memory_bytes" not in json.dumps(lines)


SHARED = {
    "mmap": "mmap.mmap(-1, 1 << 20)",
    "mmap and no swap": "mmap.mmap(-1, 1 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | 0x4000)",
    "mmap validated": "mmap.mmap(-1, 1 << 20, flags=0x03 | mmap.MAP_ANONYMOUS)",
    "zero": "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20, flags=mmap.MAP_SHARED)",
    "memory file": "os.memfd_create('x')",
    "socket buffer": "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)",
    "receive buffer": "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)",
    "gift": "vmsplice(os.pipe()[1])",
    "ipc": "shmget(0, 1 << 20, 0o1600)",
}


def test_no_memory_can_be_had_that_no_process_is_charged_for(cell: Cell) -> None:
    """Faults C17, and its neighbours."""
    seen = cell.run(
        f"""
        import ctypes, errno, mmap, os, socket
        c = ctypes.CDLL(None, use_errno=True)
        def raising(result):
            if result < 0:
                raise OSError(ctypes.get_errno(), "call")
        block = ctypes.create_string_buffer(4096)
        class Piece(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
        def vmsplice(fd):
            raising(c.vmsplice(fd, ctypes.byref(Piece(ctypes.addressof(block), 4096)), 1, 0))
        def shmget(*arguments):
            raising(c.shmget(*arguments))
        found = {{}}
        for name, code in {SHARED!r}.items():
            try:
                eval(code, {{**globals(), **locals()}})
                found[name] = "got"
            except OSError as error:
                found[name] = errno.errorcode[error.errno]
        return found
        """
    )

    assert seen == {name: "ENOENT" if name == "zero" else "EPERM" for name in SHARED}


@pytest.mark.parametrize(
    ("use", "body"),
    [
        (
            "private memory",
            "import mmap; return len(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))",
        ),
        (
            "a file in memory",
            "import numpy; array = numpy.memmap('x', mode='w+', shape=(512,)); array[:] = 1; return 8 * int(array.sum())",
        ),
        (
            "an event loop",
            "import asyncio; asyncio.run(asyncio.sleep(0)); return 4096",
        ),
        (
            "processes that talk",
            """
            import multiprocessing
            context = multiprocessing.get_context("fork")
            queue, value, pipe = context.Queue(), context.Value("i"), context.Pipe()
            def child():
                value.value = 4000
                queue.put(90)
                pipe[1].send(6)
            made = context.Process(target=child)
            made.start()
            found = value.value if made.join() else queue.get() + pipe[0].recv() + value.value
            return found
            """,
        ),
    ],
    ids=lambda value: value if len(str(value)) < 30 else "",
)
def test_what_honest_programs_use_goes_on_working(cell: Cell, use: str, body: str) -> None:
    assert cell.run(body) == 4096


def test_what_sockets_may_hold_counts_as_memory(cell: Cell) -> None:
    """Faults C17: what lies in them, no process is charged for. They are left empty here, for the machine's sake."""
    body = """
    import os, socket, time
    for child in range(4):
        if os.fork() == 0:
            kept = [socket.socketpair() for _ in range(950)]
            time.sleep(100_000)
    time.sleep(100_000)
    """
    rules = replace(RULES, files=2_000, memory_bytes=128 * MEBIBYTE)

    assert "more memory than its limit" in cell.failure(body, seconds=100_000, rules=rules)
