"""The server's own child processes: how they are started, what they may take, how objects go through their pipes, and who watches them."""

from __future__ import annotations

import contextlib
import heapq
import io
import itertools
import logging
import math
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ..._locks import fork_safe_lock

logger = logging.getLogger(__name__)

SHARE = 0.8
"""What one job may take of the machine's memory: a state vector of 2**30 amplitudes fits into 23 gigabytes."""

_FIRST_TO_GO = 800
"""Where the kernel looks first when several jobs together exhaust the machine: here, and not at the server."""


def default_bytes() -> int | None:
    """Return what a job may take when nobody says: a share of the machine's memory, or of the container's.

    None where the platform does not tell.
    """
    found = list(_known_limits())
    return int(min(found) * SHARE) if found else None


def _known_limits() -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kind, group = line.split(":", 2)
            root, name = ("memory", "memory.limit_in_bytes") if kind == "memory" else ("", "memory.max")
            if kind in ("", "memory"):
                # Inside a container the group's own path may not exist, because its files are at the root.
                for place in (group.strip("/"), ""):
                    with contextlib.suppress(OSError, ValueError):
                        yield int((Path("/sys/fs/cgroup") / root / place / name).read_text())


def limit_memory(most: int) -> None:
    """Let this process have so many bytes more than it has now; Linux only, nothing elsewhere.

    What counts is what the process could write to (RLIMIT_DATA), not the address space that numerical libraries and
    allocators reserve. Beyond it, allocations fail: as a MemoryError, or, in compiled code, by ending the process.
    """
    if not sys.platform.startswith("linux"):
        return
    import resource

    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[5])  # data and stack
        limit = pages * resource.getpagesize() + most
        _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
        if hardest != resource.RLIM_INFINITY:
            limit = min(limit, hardest)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_FIRST_TO_GO))


def too_large(most: int | None) -> str:
    """Return the reason of a job that needed more."""
    place = "there is" if most is None else f"the {most / 1e6:.0f} MB that a job may take on this server"
    return f"The job needs more memory than {place}."


_START = "import sys; sys.path[:] = {path!r}; from {module} import main; main({memory})"


def start_child(module: str, memory: int | None, **environment: str) -> subprocess.Popen[bytes]:
    """Start a process that runs ``main(memory)`` of a module, with pipes as its standard input and output.

    ``multiprocessing`` would import the user's program again in every child, which a program without
    ``if __name__ == "__main__"`` does not survive.
    """
    path = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109
    code = _START.format(path=path, module=module, memory=memory)
    return subprocess.Popen(  # noqa: S603 (this interpreter, our own code)
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment | os.environ,
    )


def end_child(process: subprocess.Popen[bytes]) -> None:
    """End a process at once, and release its pipes."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    process.wait()


@contextlib.contextmanager
def serving() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Give a child process what it reads tasks from and writes answers to, until the server closes the pipes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is meant for the server, which then closes the pipe
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever a library prints must not end up between the answers
        with contextlib.suppress(EOFError, BrokenPipeError):
            yield sys.stdin.buffer, answers


_LENGTH = struct.Struct(">Q")
_LARGE = 65_536
"""Bytes that go as they are: to pickle a body of 300 MB and to copy it out again, both in one go under Python's global lock,
would hold up the event loop of the server for tenths of a second."""


class _Pickler(pickle.Pickler):
    """Leaves large bytes out, for ``large``."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.large: list[bytes] = []

    def persistent_id(self, value: Any) -> int | None:
        """Return the number of large bytes, None of everything else."""
        if type(value) is not bytes or len(value) <= _LARGE:
            return None
        self.large.append(value)
        return len(self.large) - 1


class _Unpickler(pickle.Unpickler):
    """Puts large bytes back."""

    def __init__(self, file: IO[bytes], large: list[bytes]) -> None:
        super().__init__(file)
        self._large = large

    def persistent_load(self, number: int) -> bytes:
        """Return the large bytes of a number."""
        return self._large[number]


def send(pipe: IO[bytes], value: Any) -> None:
    """Write an object: how many large bytes it has, these and the rest, each behind its length."""
    rest = io.BytesIO()
    pickler = _Pickler(rest)
    pickler.dump(value)
    pipe.write(_LENGTH.pack(len(pickler.large)))
    for part in (*pickler.large, rest.getvalue()):
        pipe.write(_LENGTH.pack(len(part)))
        pipe.write(part)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read what ``send`` wrote.

    Raises:
        EOFError: The other side has closed the pipe.
    """
    (count,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    *large, rest = [_read_part(pipe) for _ in range(count + 1)]
    return _Unpickler(io.BytesIO(rest), large).load()


def _read_part(pipe: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    return _read(pipe, length)


def _read(pipe: IO[bytes], length: int) -> bytes:
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return body


class PendingCall:
    """A call that will be made."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call: Callable[[], Any] | None = call

    def cancel(self) -> None:
        """Let it not be made."""
        self.call = None


class Watchdog:
    """Makes calls when their time has come; used from any thread, and costs one, of all calls together, where there are any."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._woken = threading.Event()
        self._watches: list[tuple[float, int, PendingCall]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._until = 0.0
        """Until when the thread sleeps if nobody wakes it."""

    def call_later(self, seconds: float, call: Callable[[], Any]) -> PendingCall:
        """Call in so many seconds, unless the watch that is returned is cancelled before; the call must not take long."""
        watch, at = PendingCall(call), time.monotonic() + seconds
        with self._lock:
            heapq.heappush(self._watches, (at, next(self._numbers), watch))
            if self._thread is None or not self._thread.is_alive():  # none survives a fork
                self._woken = threading.Event()
                self._thread = threading.Thread(target=self._work, name="watchdog", daemon=True)
                self._thread.start()
            elif at < self._until:
                self._woken.set()
        return watch

    def _work(self) -> None:
        while True:
            with self._lock:
                self._woken.clear()
                self._until = self._watches[0][0] if self._watches else math.inf
                left = self._until - time.monotonic()
                call = heapq.heappop(self._watches)[2].call if left <= 0 else None
            if left > 0:
                self._woken.wait(None if left == math.inf else left)
            elif call is not None:
                try:
                    call()
                except Exception:  # the others have their turn all the same
                    logger.exception("a watch failed")


WATCHDOG = Watchdog()
"""The one of the process."""
