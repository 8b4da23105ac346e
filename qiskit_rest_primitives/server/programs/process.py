"""One run of a program, seen from the server: start its process, read what it says, and never wait for it in vain."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ..._locks import fork_safe_lock
from ..devices.device import Device
from ..job_errors import TaskFailed
from ..settings import ProgramRules
from .frames import BEGIN, ERROR, INTERIM, RESULT, FrameError, read_frame
from .syscalls import filter_for

PROGRAM_FAILED = 9999
LAUNCHER = Path(__file__).with_name("launcher.py")
PACKAGE = Path(__file__).parents[2]
SPARE_BYTES = 1 << 30
"""What the interpreter with Qiskit and Aer may occupy besides what the program is given, bytes."""
REASON_CHARACTERS = 8_000
"""More than what a program's process writes of its own accord; the program can write into the pipe as well."""
START_SECONDS = 120.0
"""How long the launcher, the interpreter and its imports may take; nobody's run time."""
FIRST_UID, UIDS = 2_000_000_000, 100_000_000
"""Users that programs run as. Each run draws one: another server on this machine would count from the same number, and
limits of processes count all that a user runs."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


@dataclass
class Run:
    """What is going on in a run; ``kill`` may be called from any thread.

    Attributes:
        process: The launcher, while there is one.
        killed: Whether nobody wants the result any more.
        given_up: Whether its own code did not begin in time.
    """

    process: subprocess.Popen[bytes] | None = None
    killed: bool = False
    given_up: bool = False
    _lock: threading.RLock = field(default_factory=fork_safe_lock)

    def begin(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Start the process, unless the run was killed before."""
        with self._lock:
            if self.killed:
                raise TaskFailed("The program was stopped.", PROGRAM_FAILED)
            self.process = start()
            return self.process

    def give_up(self) -> None:
        """End what did not begin in time."""
        self.given_up = True
        self.kill()

    def kill(self) -> None:
        """End the process group at once; its namespace ends with it."""
        with self._lock:
            self.killed = True
            if self.process is not None and self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.process.pid, signal.SIGKILL)


@dataclass(frozen=True)
class _Pipes:
    """The reading ends, and the descriptors that the child writes to."""

    messages: IO[bytes]
    verdict: IO[bytes]
    child_messages: int
    child_verdict: int

    @classmethod
    def open(cls) -> _Pipes:
        messages, child_messages = os.pipe()
        verdict, child_verdict = os.pipe()
        return cls(os.fdopen(messages, "rb"), os.fdopen(verdict, "rb"), child_messages, child_verdict)

    def close_child_ends(self) -> None:
        os.close(self.child_messages)
        os.close(self.child_verdict)

    def close(self) -> None:
        self.messages.close()
        self.verdict.close()


def run_program(
    run: Run,
    source: str,
    params: bytes,
    device: Device,
    *,
    rules: ProgramRules,
    isolate: str,
    own: bool = False,
    seconds: int,
    begun: Callable[[], None],
    publish: Callable[[Sequence[bytes]], None],
    log: Callable[[str], None],
) -> bytes:
    """Run a program to its end and return its result as JSON text.

    Args:
        run: Takes the process, so that others can end it.
        source: The program's text.
        params: Its inputs, JSON.
        device: What it runs on.
        rules: Limits.
        isolate: ``must``, ``try`` or ``no``: whether it runs only in namespaces of its own.
        own: Whether it is one of this package's programs, which may run even where nothing limits it.
        seconds: Processor seconds it may use.
        begun: Called when the program's own code begins; that its interpreter starts takes nothing of its time.
        publish: Receives interim results, some at a time, in order; called from the thread of this call.
        log: Receives what the program printed, once, at the end.

    Raises:
        TaskFailed: It gave no result; the reason says why.
    """
    pipes = _Pipes.open()
    work = tempfile.mkdtemp(prefix="qiskit-program-")  # only the owner can look inside
    uid = FIRST_UID + secrets.randbelow(UIDS) if os.name == "posix" and os.getuid() == 0 else None
    if uid is not None:
        os.chown(work, uid, uid)
    order = {"own": own, **_order(rules, pipes, work=work, uid=uid, isolate=isolate, seconds=seconds)}
    late = threading.Timer(START_SECONDS, run.give_up)
    late.daemon = True

    def begins() -> None:
        late.cancel()
        begun()

    printed = _Printed(rules.log_bytes)
    try:
        try:
            process = run.begin(lambda: _start(pipes))
        finally:
            pipes.close_child_ends()
        late.start()
        printed.read(process.stdout)
        _feed(process, order, (source, params, device, rules.memory_bytes, order["cpu_seconds"]))
        try:
            result, reason = _listen(pipes.messages, rules, begins, publish)
        except FrameError as problem:
            result, reason = None, str(problem)
            run.kill()
        # Who has said how it ended need not be waited for: it may have left processes that go on.
        verdict = {} if result is not None or reason is not None else _read_verdict(pipes.verdict)
    finally:
        late.cancel()
        run.kill()
        if run.process is not None:
            run.process.wait()
        printed.end()
        pipes.close()
        shutil.rmtree(work, ignore_errors=True)
        log(printed.text())
    if result is None and run.given_up:
        raise TaskFailed(f"The program could not be started within {START_SECONDS:g} s.", PROGRAM_FAILED)
    if result is None:
        failure = TaskFailed(reason or _reason(verdict, rules), PROGRAM_FAILED, _advice(verdict))
        failure.charged = True  # the code is that of internal errors, but it was the program that failed
        raise failure
    return result


def _order(
    rules: ProgramRules, pipes: _Pipes, *, work: str, uid: int | None, isolate: str, seconds: int
) -> dict[str, Any]:
    paths, libraries = _what_it_sees()
    code = f"import sys; sys.path[:] = {libraries!r}; from {PACKAGE.name}.server.programs.child import main; main()"
    return {
        "messages": pipes.child_messages,
        "verdict": pipes.child_verdict,
        "isolate": isolate,
        "work": work,
        "uid": uid,
        "reachable": _is_reachable(Path(sys.executable).resolve()),
        "paths": paths,
        "memory_bytes": rules.memory_bytes,
        "spare_bytes": SPARE_BYTES,
        "work_bytes": rules.work_bytes,
        "work_files": rules.work_files,
        "filters": {"isolated": _filter(local_sockets=True), "bare": _filter(local_sockets=False)},
        "file_bytes": rules.file_bytes,
        "files": rules.files,
        "processes": rules.processes,
        "cpu_seconds": min(seconds, rules.cpu_seconds or seconds) + 1,
        "command": [os.path.realpath(sys.executable), "-I", "-B", "-c", code, str(pipes.child_messages)],
        "environment": {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "QISKIT_PARALLEL": "FALSE",
            "MALLOC_ARENA_MAX": "1",  # each reserves 64 MB of address space, and that is limited
            **dict.fromkeys(_THREADS, "1"),
        },
    }


def _what_it_sees() -> tuple[list[str], list[str]]:
    """Return what to show of the file tree, parents first, and the program's ``sys.path``.

    The interpreter and installed libraries are shown; of a checkout only this package, whatever else lies beside it.
    """
    homes = {Path(sys.base_prefix).resolve(), Path(sys.base_exec_prefix).resolve()}
    shown = {*homes, PACKAGE.resolve(), Path(sys.executable).resolve()}
    path = []
    for entry in map(Path, filter(None, sys.path)):
        real = entry.resolve()
        if not real.exists():
            continue
        installed = "site-packages" in real.parts or "dist-packages" in real.parts
        if installed or any(real.is_relative_to(home) for home in homes):
            shown.add(real)
        elif real != PACKAGE.parent.resolve():
            continue
        path.append(str(real))
    if str(PACKAGE.parent.resolve()) not in path:
        path.append(str(PACKAGE.parent.resolve()))
    return [str(entry) for entry in sorted(shown, key=lambda entry: len(entry.parts))], path


def _filter(*, local_sockets: bool) -> str | None:
    rules = filter_for(platform.machine(), local_sockets=local_sockets)
    return None if rules is None else base64.b64encode(rules).decode()


def _is_reachable(path: Path) -> bool:
    """Whether every user can get to a file, as far as its directories' permissions tell."""
    return all(directory.stat().st_mode & 0o001 for directory in path.parents)


def _start(pipes: _Pipes) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 (this interpreter, our own file)
        [sys.executable, "-I", "-S", "-B", str(LAUNCHER), str(pipes.child_verdict)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={},
        pass_fds=(pipes.child_messages, pipes.child_verdict),
        start_new_session=True,
    )


def _feed(process: subprocess.Popen[bytes], order: dict[str, Any], inputs: tuple[Any, ...]) -> None:
    """Write the order for the launcher, a line, and then the inputs; a program that ended already does not want them.

    Command lines can be read by every process of the same namespace, the program among them.
    """
    assert process.stdin is not None  # noqa: S101 (a pipe)
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(json.dumps(order).encode() + b"\n")
        pickle.dump(inputs, pipe, protocol=pickle.HIGHEST_PROTOCOL)


def _listen(
    pipe: IO[bytes],
    rules: ProgramRules,
    begun: Callable[[], None],
    publish: Callable[[Sequence[bytes]], None],
) -> tuple[bytes | None, str | None]:
    """Read until the program says how it ended, or the pipe ends; returns the result and the reason of a failure."""
    count = size = 0
    while (frame := read_frame(pipe, most=rules.message_bytes)) is not None:
        kind, body = frame
        if kind == RESULT:
            return body, None
        if kind == ERROR:
            reason = json.loads(body)
            return None, reason[-REASON_CHARACTERS:] if isinstance(reason, str) else "The program failed."
        if kind == BEGIN:  # before anything of the program runs, which can only say so again
            begun()
            begun = _again
            continue
        assert kind == INTERIM  # noqa: S101 (the reader knows no other)
        count, size = count + 1, size + len(body)
        if count > rules.messages or size > rules.output_bytes:
            raise FrameError(
                f"The program published more than {rules.messages} messages or {rules.output_bytes} bytes."
            )
        publish([body])
    return None, None


def _again() -> None:
    """Refuse to begin a second time."""
    raise FrameError("The program wrote into the pipe that its messages go through.")


class _Printed:
    """What a program prints: read to the end, so that it never blocks, and kept up to a bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self._more = False
        self._thread: threading.Thread | None = None
        self._pipe: IO[bytes] | None = None

    def read(self, pipe: IO[bytes] | None) -> None:
        self._pipe = pipe
        self._thread = threading.Thread(target=self._drain, name="program output", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        assert self._pipe is not None  # noqa: S101 (given by read)
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(self._pipe.fileno(), 65_536):
                room = self._most - len(self._kept)
                self._kept += part[: max(room, 0)]
                self._more = self._more or len(part) > room

    def end(self) -> None:
        """Wait for the rest; for a moment only, should somebody else hold the pipe."""
        if self._thread is not None:
            self._thread.join(2.0)
        if self._pipe is not None:
            self._pipe.close()

    def text(self) -> str:
        text = self._kept.decode("utf-8", "replace")
        return text + "\n(the rest of the program's output was dropped)\n" if self._more else text


def _read_verdict(pipe: IO[bytes]) -> dict[str, Any]:
    line = pipe.readline(65_536)
    try:
        verdict = json.loads(line)
    except ValueError:
        return {}
    return verdict if isinstance(verdict, dict) else {}


def _reason(verdict: dict[str, Any], rules: ProgramRules) -> str:
    """Say why a program ended that did not say so itself."""
    if "setup" in verdict:
        return f"The program was not started, because it cannot be isolated on this machine ({verdict['setup']})."
    if verdict.get("over") == "memory":
        return f"The program needed more memory than its limit of {rules.memory_bytes} bytes."
    if verdict.get("over") == "processes":
        return f"The program started more processes than its limit of {rules.processes}."
    number = verdict.get("signal")
    if number == getattr(signal, "SIGXCPU", None):
        return "The program used more processor time than its limit."
    if number is not None:
        return f"The program was ended by signal {number}."
    if verdict.get("exit") is not None:
        return f"The program's process ended with status {verdict['exit']} and gave no result."
    return "The program's process ended unexpectedly."


def _advice(verdict: dict[str, Any]) -> str | None:
    if "setup" not in verdict:
        return None
    return "Trusted programs run without isolation on a server started with --allow-programs trusted."
