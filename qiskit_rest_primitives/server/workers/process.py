"""A process that simulates for the server, seen from both sides of its pipes.

Aer holds Python's global lock while it simulates, so a server that simulates in its own process answers nobody
until the simulation ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..job_errors import INTERNAL, TaskFailed
from .subprocesses import (
    WATCHDOG,
    default_bytes,
    end_child,
    limit_memory,
    receive,
    send,
    serving,
    start_child,
    too_large,
)

if TYPE_CHECKING:
    from ..devices.device import Device
    from ..primitives.jobs import JobOutput

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_STARVED = frozenset(
    -number
    for name, number in signal.Signals.__members__.items()
    if name in ("SIGABRT", "SIGKILL", "SIGSEGV")
)
"""How a process may end that lacks memory: compiled code aborts or crashes, the kernel kills."""
DYING_SECONDS = 2.0
START_SECONDS = 120.0
ANSWER_SECONDS = 3.0
"""How long a process may take to come up, and an idle one to say that it listens; nobody's run time. On a machine that is
so busy that a good one takes longer, it is replaced in vain, and nothing else happens."""
SMALL_BYTES = 32_768
"""What goes into an empty pipe at once, whether the process reads or not."""
_SHARING = {"OMP_WAIT_POLICY": "passive"}
"""Every process lets Aer use all cores, and none burns them while its threads wait for each other: of two jobs of 18
qubits at a time on two busy cores, each takes a sixth of the processor time so, and a job alone is not slower."""


class WorkerDied(TaskFailed):
    """The process ended before it answered: it was killed, or crashed."""

    def __init__(self, reason: str, code: int = INTERNAL, solution: str | None = None) -> None:
        super().__init__(reason, code, solution)


class WorkerSilent(WorkerDied):
    """The process, stopped or dead, did not say that it begins, so that another one can do the task."""


class DeviceUnreadable(TaskFailed):
    """A device cannot be handed to another process."""

    def __init__(self, reason: str, code: int = INTERNAL, solution: str | None = None) -> None:
        super().__init__(reason, code, solution)


def _unreadable(name: str, cause: Exception) -> str:
    return f"The device {name!r} cannot be handed to a worker process: {type(cause).__name__}: {str(cause)[:300]}"


class WorkerProcess:
    """One process; used by one thread at a time, except for ``kill``.

    Devices may join and leave; each is sent with its first task. ``memory`` is what it may take besides the interpreter with
    Qiskit, bytes; None for a share of the machine's.
    """

    def __init__(self, devices: Mapping[str, Device], *, memory: int | None = None) -> None:
        self.memory = default_bytes() if memory is None else memory
        self._process = start_child(__name__, self.memory, **_SHARING)
        self._devices = devices
        self._sent: dict[str, Device] = {}
        self._dead = False
        self._up = False

    @property
    def alive(self) -> bool:
        """Whether the process takes tasks; a killed one may still exist for a moment."""
        return not self._dead and self._process.poll() is None

    def execute(
        self,
        program_id: str,
        params: bytes,
        device: str,
        *,
        seed: int | None = None,
        begun: Callable[[], None] | None = None,
    ) -> JobOutput:
        """Run one task, given as to ``primitives.registry.execute``, and wait for it.

        ``begun`` is called once the process is up and listens: what comes then is the task's own time.

        Raises:
            WorkerSilent: If the process did not begin.
            WorkerDied: If it ended instead of answering.
            TaskFailed: If it needed more memory than it may have, or for a reason of its own.
            Exception: What else the task raised.
        """
        news, gone = self._news(device)
        task = (program_id, params, seed, device, news, gone)
        small = self._up and len(params) + len(news or b"") <= SMALL_BYTES
        self._hand(task if small else None)
        if begun is not None:
            begun()
        assert self._process.stdin is not None  # noqa: S101 (both are pipes)
        assert self._process.stdout is not None  # noqa: S101
        try:
            if not small:
                send(self._process.stdin, task)
                receive(self._process.stdout)
            answer = receive(self._process.stdout)
        except (OSError, EOFError, ValueError) as error:
            killed, self._dead = self._dead, True
            raise self._died(killed=killed) from error
        for left in gone:
            del self._sent[left]
        if news is not None and not isinstance(answer, DeviceUnreadable):
            self._sent[device] = self._devices[device]
        if isinstance(answer, MemoryError):
            self.kill()  # what it remembers may be what the next task lacks
            raise TaskFailed(too_large(self.memory)) from answer
        if isinstance(answer, BaseException):
            raise answer
        outcome: JobOutput = answer
        return outcome

    def _hand(self, task: Any) -> None:
        """Wait until the process is up, or hand it a small task, or None to ask whether it listens, which it confirms."""
        assert self._process.stdin is not None  # noqa: S101 (both are pipes)
        assert self._process.stdout is not None  # noqa: S101
        silence = WATCHDOG.call_later(ANSWER_SECONDS if self._up else START_SECONDS, self._process.kill)
        try:
            if self._up:
                send(self._process.stdin, task)
            receive(self._process.stdout)
            self._up = True
        except (OSError, EOFError, ValueError) as error:
            killed, self._dead = self._dead, True
            reason = self._died(killed=killed)
            raise (reason if killed else WorkerSilent(reason.reason)) from error
        finally:
            silence.cancel()

    def _died(self, *, killed: bool) -> WorkerDied:
        """Say why the process ended; ``killed``: because we wanted it to."""
        reason = "The worker process ended unexpectedly."
        with contextlib.suppress(subprocess.TimeoutExpired):
            if not killed and self._process.wait(DYING_SECONDS) in _STARVED:
                reason += f" Perhaps this is why: {too_large(self.memory)}"
        return WorkerDied(reason)

    def _news(self, name: str) -> tuple[bytes | None, list[str]]:
        """Return the device if the process does not know it yet, and the names of those that have left.

        They count as known once the process has answered: a device that cannot be handed over fails its own jobs only.
        """
        gone = [known for known in self._sent if known not in self._devices]
        device = self._devices[name]
        if self._sent.get(name) is device:
            return None, gone
        try:
            return pickle.dumps(device, protocol=pickle.HIGHEST_PROTOCOL), gone
        except Exception as cause:
            raise DeviceUnreadable(_unreadable(name, cause)) from cause

    def kill(self) -> None:
        """End the process at once; may be called from any thread and more than once."""
        self._dead = True
        self._process.kill()

    def close(self) -> None:
        """End the process and release its pipes; for the thread that uses it, or when nobody does."""
        self._dead = True
        end_child(self._process)


def main(memory: int | None) -> None:
    """Simulate what comes in until the pipe is closed, in so many bytes of memory: the main loop of the process."""
    _die_with_server()
    with serving() as (tasks, answers):
        from .tasks import execute, warm_up

        warm_up()
        if memory is not None:
            limit_memory(memory)
        devices: dict[str, Device] = {}
        send(answers, None)  # up
        while True:
            task = receive(tasks)
            send(answers, None)  # there
            if task is None:
                continue
            program_id, params, seed, name, device, gone = task
            for left in gone:
                del devices[left]
            try:
                if device is not None:
                    devices[name] = _read_device(name, device)
                answer: Any = execute(program_id, params, devices[name], seed=seed)
            except Exception as error:  # noqa: BLE001 (it belongs to the server)
                answer = _carried(error)
            send(answers, answer)
            del task, params, answer


def _read_device(name: str, body: bytes) -> Device:
    """Return a device that the server wrote, unless it refers to what only the server has (DeviceUnreadable)."""
    try:
        device: Device = pickle.loads(body)  # noqa: S301 (between this process and its own child)
    except Exception as cause:
        raise DeviceUnreadable(_unreadable(name, cause)) from cause
    return device


def _die_with_server() -> None:
    """Ask the kernel to kill this process when the server's thread that started it is gone.

    The closed pipe alone would be noticed only after the running simulation, which may take hours. Linux only;
    elsewhere the process of a killed server ends with its task. The threads that start processes live as long
    as the server does, so none is killed early.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _carried(error: Exception) -> Exception:
    """Return the error if it survives the pipe, otherwise one that names it."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    except Exception:  # noqa: BLE001 (pickling may raise anything)
        return RuntimeError(type(error).__name__)
    return error
