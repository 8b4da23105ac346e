"""Files that a user names: read only if they are files, without waiting, up to a bound."""

from __future__ import annotations

import os
import stat
from pathlib import Path

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
    """Check that what others will read is a file, before they wait for it.

    Raises:
        OSError: It is not there, or is a pipe or a device.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (the path may be text)
        raise OSError(f"{str(path)!r} is no regular file")
