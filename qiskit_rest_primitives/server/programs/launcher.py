"""Locks a process up and turns it into somebody's program: run as a file, ``python -I -S launcher.py``.

Three processes: the launcher; a guard, the first process of a PID namespace of its own, whose end is the end of
everything inside; and the program, which has no privileges any more. The guard never runs anybody's code. Without
namespaces the guard outlives the launcher, inherits what the program leaves behind, and ends it.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
NEW_MOUNTS, NEW_IPC, NEW_UTS = 0x00020000, 0x08000000, 0x04000000
READ_ONLY, NO_SETUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2
SET_DEATH_SIGNAL, SET_FILTER, SET_REAPER, NO_NEW_PRIVILEGES = 1, 22, 36, 38
LOOK_SECONDS = 0.05
END_SECONDS = 5.0
ROOM_TO_START = 6 << 30
SECONDS_TO_START = 300
"""Address space, bytes, and processor time for importing Qiskit; ``child`` narrows both before the program begins."""
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
"""Not ``/dev/zero``: a shared mapping of it is memory that no process is charged for."""
COUNTED = ("RssAnon:", "RssShmem:", "VmSwap:", "HugetlbPages:")
SOCKET_BYTES = 212_992
"""What the kernel lets a socket hold by default; programs cannot change it."""
NOBODY = 65534
WORK = "/tmp"  # noqa: S108 (the program's own, in a file tree of its own)


def main() -> NoReturn:
    """Read the order, the first line of standard input; obey it, and report the end on the verdict's pipe.

    What follows in standard input is the program's. Nothing is on the command line: the program can read it.
    """
    verdict = int(sys.argv[1])
    order = {**json.loads(_line(0)), "verdict": verdict}
    os.set_inheritable(verdict, False)
    on_linux = sys.platform == "linux"
    order["others"] = _threads_of_user() if on_linux else 0
    if on_linux:
        _die_with_parent()
    isolated = False
    if on_linux and order["isolate"] != "no":
        try:
            _unshare()
            isolated = True
        except OSError as problem:
            if order["isolate"] == "must":
                _say(verdict, {"setup": f"namespaces: {problem.strerror}"})
                os._exit(1)
    elif order["isolate"] == "must":
        _say(verdict, {"setup": f"{sys.platform} has no namespaces"})
        os._exit(1)
    if isolated and order["isolate"] == "must" and order["filters"]["isolated"] is None:
        _say(verdict, {"setup": f"the system calls of {os.uname().machine} are not known here"})
        os._exit(1)
    launcher = os.getpid()
    guard = os.fork()
    if guard == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
        if on_linux and isolated:
            _die_with_parent()
        elif on_linux:
            os.setpgid(0, 0)
            _call("prctl", SET_REAPER, 1, 0, 0, 0)
            _die_with_parent(signal.SIGTERM)
            if os.getppid() != launcher:
                os._exit(1)
        _guard(order, isolated=isolated)
    os.waitpid(guard, 0)
    os._exit(0)


def _line(descriptor: int) -> bytes:
    """Read a line, and not a byte more."""
    line = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


def _guard(order: dict[str, Any], *, isolated: bool) -> NoReturn:
    """Start the program and watch it; when this process ends, so does everything in its namespace."""
    verdict = order["verdict"]
    try:
        work = order["work"]
        if isolated:
            _private_tree(order["paths"], order["work_bytes"], order["work_files"])
            work = WORK
        program = os.fork()
    except OSError as problem:
        _say(verdict, {"setup": f"file tree: {problem}"})
        os._exit(1)
    if program == 0:
        _become(order, work, isolated=isolated)
    for stream in (0, 1, 2, order["messages"]):
        os.close(stream)  # or the server would wait for their end
    _say(verdict, _watch(program, order, isolated=isolated))
    if not isolated:
        _end_all(order["uid"] if order["reachable"] and os.getuid() == 0 else None)
    os._exit(0)


def _watch(program: int, order: dict[str, Any], *, isolated: bool) -> dict[str, Any]:
    """Wait for the program's end, for its processes together to be too much, or for nobody to want its result."""
    signals = {signal.SIGCHLD} if isolated else {signal.SIGCHLD, signal.SIGTERM}
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == program:
            code = os.waitstatus_to_exitcode(status)
            return {"exit": code} if code >= 0 else {"signal": -code}
        if ended:
            continue
        if isolated:
            processes, size = _inside()
            if processes > order["processes"]:
                return {"over": "processes"}
            if size > order["memory_bytes"] + order["spare_bytes"]:
                return {"over": "memory"}
        if hasattr(signal, "sigtimedwait"):
            seen = signal.sigtimedwait(signals, LOOK_SECONDS)
            if seen is not None and seen.si_signo == signal.SIGTERM:
                return {}
        else:
            time.sleep(LOOK_SECONDS)


def _inside() -> tuple[int, int]:
    """Return the number of processes in the namespace besides this one, and the bytes of memory they occupy."""
    count = kilobytes = 0
    for name in os.listdir("/proc"):  # noqa: PTH208 (many times a second)
        if not name.isdigit() or name == "1":
            continue
        count += 1
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{name}/status").read_text().splitlines():
                if line.startswith(COUNTED):
                    kilobytes += int(line.split()[1])
    return count, kilobytes * 1024 + _in_sockets()


def _in_sockets() -> int:
    """Return the bytes that the sockets of this network namespace may hold at most; no process is charged for them."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        used = int(Path("/proc/net/sockstat").read_text().split()[2])
        return used * SOCKET_BYTES
    return 0


def _end_all(uid: int | None) -> NoReturn:
    """End what is left of the program where no namespace does it; this process ends with it."""
    if uid is not None and os.fork() == 0:
        os.setuid(uid)
        os.kill(-1, signal.SIGKILL)  # everything that runs as this user, which is the program's alone
        os._exit(0)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    end = time.monotonic() + END_SECONDS
    with contextlib.suppress(OSError):
        while (left := children.read_text().split()) and time.monotonic() < end:
            for child in left:
                os.kill(int(child), signal.SIGKILL)
            os.waitpid(-1, 0)  # its own children come here next
    os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _become(order: dict[str, Any], work: str, *, isolated: bool) -> NoReturn:
    """Give up every privilege, take the limits on, and turn into the program's interpreter."""
    try:
        os.chdir(work)
        other_user = os.getuid() == 0 and (isolated or order["reachable"])
        if os.getuid() == 0 and not (other_user or order["own"]):
            raise OSError("only root can read the interpreter, and nothing limits root's processes")
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_AS, order["memory_bytes"] + ROOM_TO_START)
        _limit(resource.RLIMIT_CPU, order["cpu_seconds"] + SECONDS_TO_START)
        _limit(resource.RLIMIT_FSIZE, order["file_bytes"])
        _limit(resource.RLIMIT_NOFILE, order["files"])
        if sys.platform == "linux":
            others = 0 if other_user else order["others"]
            _limit(resource.RLIMIT_NPROC, others + order["processes"])
        if other_user:
            os.setgroups([])
            os.setgid(order["uid"])
            os.setuid(order["uid"])
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text("1000")
            _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
            try:
                _filter_calls(order["filters"]["isolated" if isolated else "bare"])
            except OSError:
                if order["isolate"] == "must":
                    raise
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGTERM})
        os.set_inheritable(order["messages"], True)
        environment = {**order["environment"], "HOME": work, "TMPDIR": work}
        os.execve(order["command"][0], order["command"], environment)  # noqa: S606 (the server's own order)
    except (OSError, ValueError) as problem:
        _say(order["verdict"], {"setup": f"start: {problem}"})
        os._exit(1)


class _Filter(ctypes.Structure):
    """What the kernel calls ``sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("rules", ctypes.c_char_p))


def _filter_calls(rules: str | None) -> None:
    """Take system calls away from this process and all that it starts; without rules where they are not known."""
    if rules is not None:
        code = base64.b64decode(rules)
        _call("prctl", SET_FILTER, 2, ctypes.byref(_Filter(len(code) // 8, code)), 0, 0)


def _threads_of_user() -> int:
    """Return how many threads this user has already; where the program has no user of its own, its limit counts them."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if int(fields["Uid"].split()[0]) == os.getuid():
                count += int(fields["Threads"])
    return count


def _limit(kind: int, value: int) -> None:
    most = resource.getrlimit(kind)[1]
    limit = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (limit, limit))


def _unshare() -> None:
    """Enter namespaces of one's own; without privileges, by way of a user namespace."""
    user, group = os.getuid(), os.getgid()
    spaces = NEW_PID | NEW_NET | NEW_MOUNTS | NEW_IPC | NEW_UTS
    if user == 0:
        with contextlib.suppress(OSError):
            _call("unshare", spaces)
            return
    _call("unshare", spaces | NEW_USER)
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    # Not as root: only others lose their capabilities when they start the program.
    Path("/proc/self/uid_map").write_text(f"{user or NOBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group or NOBODY} {group} 1")


def _private_tree(paths: list[str], work_bytes: int, work_files: int) -> None:
    """Build a file tree that holds the interpreter, the libraries and one's own directory, and move into it."""
    _call("mount", b"none", b"/", None, RECURSIVE | PRIVATE, None)
    root = "/sys"  # any directory will do; this one exists everywhere, and nothing of it is needed
    _call("mount", b"tmpfs", root.encode(), b"tmpfs", NO_SETUID | NO_DEVICES, b"mode=755,size=1m")
    # The program's own directory comes first: the interpreter or a library may stand below its path in the real tree.
    _mount_new(root + WORK, b"tmpfs", b"mode=1777,size=%d,nr_inodes=%d" % (work_bytes, work_files))
    _mount_new(root + "/dev/shm", b"tmpfs", b"mode=1777,size=16m,nr_inodes=1000")  # noqa: S108
    for path in (*SYSTEM, *DEVICES, *paths):
        _show(path, root + path)
    # Inside some containers nobody may mount a new /proc; then the program has none, and neither has its guard.
    with contextlib.suppress(OSError):
        _mount_new(root + "/proc", b"proc", None)
    _call(
        "mount", None, root.encode(), None, REMOUNT | READ_ONLY | NO_SETUID | NO_DEVICES, b"mode=755,size=1m"
    )
    os.chdir(root)
    _enter()


def _mount_new(target: str, kind: bytes, options: bytes | None) -> None:
    os.makedirs(target, exist_ok=True)  # noqa: PTH103
    _call("mount", kind, target.encode(), kind, NO_SETUID | NO_DEVICES, options)


def _enter() -> None:
    """Make the present directory the root, and let go of the old one, so that there is no way back."""
    if _pivot() != 0:
        raise OSError(ctypes.get_errno(), "pivot_root")
    _call("umount2", b".", DETACH)
    os.chdir("/")


def _pivot() -> int:
    number = {"x86_64": 155, "aarch64": 41, "riscv64": 41}.get(os.uname().machine)
    if number is None:
        raise OSError(f"pivot_root on {os.uname().machine} is not known")
    return int(_library().syscall(number, b".", b"."))


def _show(source: str, target: str) -> None:
    """Let one path of the real tree appear in the private one, read-only; links stay links."""
    if os.path.lexists(target) or not os.path.lexists(source):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    if os.path.islink(source):  # noqa: PTH114
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211
        return
    if os.path.isdir(source):  # noqa: PTH112
        os.mkdir(target)  # noqa: PTH102
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    flags = BIND if source.startswith("/dev/") else BIND | RECURSIVE
    _call("mount", source.encode(), target.encode(), None, flags, None)
    if source.startswith("/dev/"):
        return
    kept = os.statvfs(source).f_flag & (
        NO_SETUID | NO_DEVICES | 8
    )  # what an unprivileged caller may not drop
    _call("mount", None, target.encode(), None, REMOUNT | BIND | READ_ONLY | NO_SETUID | kept, None)


def _die_with_parent(by: int = signal.SIGKILL) -> None:
    _call("prctl", SET_DEATH_SIGNAL, int(by), 0, 0, 0)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library."""
    given = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    if getattr(_library(), name)(*given) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _say(verdict: int, document: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(verdict, json.dumps(document).encode() + b"\n")


if __name__ == "__main__":
    main()
