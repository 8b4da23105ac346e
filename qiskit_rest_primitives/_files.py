"""Files: what this package keeps, its owner alone may read, whatever the umask says; what users name is read within bounds."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

OWNER_ONLY = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite writes has the mode of the database, but may have been left by a process that knew no better."""


def make_private(path: Path | str) -> None:
    """Create a file that is missing, and take from others what they may do with one of this user that is there.

    What is there is not opened: closing a file gives up every lock that the process has on it.
    """
    try:
        os.close(_opened(path, os.O_EXCL | os.O_RDWR))
    except FileExistsError:
        if not Path(path).exists():  # a link to nothing, which O_EXCL does not follow
            os.close(_opened(path, os.O_RDWR))
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            _take_from_others(f"{path}{ending}")


def open_private(path: Path | str) -> IO[str]:
    """Open a text file to write behind its end, as ``make_private`` would leave it."""
    stream = os.fdopen(_opened(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8")
    _take_from_others(path)
    return stream


def _opened(path: Path | str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), OWNER_ONLY)


def _take_from_others(path: Path | str) -> None:
    found = os.stat(path)  # noqa: PTH116 (the path may be any text with an ending)
    regular = os.name == "posix" and stat.S_ISREG(found.st_mode)
    if regular and found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        os.chmod(path, stat.S_IMODE(found.st_mode) & ~_OTHERS)  # noqa: PTH101


MOST = 64_000_000
"""Bytes of the largest text that is read."""


def read_given(path: Path | str, *, most: int = MOST) -> str:
    """Read a text file; a byte-order mark at its start is left out.

    Raises:
        OSError: It cannot be read, or is none: a pipe would make wait for ever, and a device never ends.
        ValueError: It is larger than ``most`` bytes, no UTF-8, or its path holds a NUL.
    """
    # Without waiting: opening a pipe for reading waits for somebody who writes.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{str(path)!r} is no regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{str(path)!r} is larger than {most} bytes")
    return content.decode("utf-8-sig")


def check_given(path: Path | str) -> None:
    """Check that what others will read is a file, before they wait for it."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (the path may be text)
        raise OSError(f"{str(path)!r} is no regular file")
