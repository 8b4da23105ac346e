"""Which process this is, and whether another one is still there, as far as that can be known without a doubt: on Linux."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_alive", "this_process"]


def this_process() -> str:
    """Return what tells this process from all others since the machine started; empty where nothing does."""
    return _name(os.getpid())


def is_alive(process: str) -> bool:
    """Tell whether the process that ``this_process`` named is still there; False where that cannot be known."""
    number = process.partition(" ")[0]
    return number.isdecimal() and _name(int(number)) == process


def _name(number: int) -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # Its name, which may hold anything, ends at the last bracket; when it began is the 20th entry behind it.
        state, *entries = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if state in (b"Z", b"X") else f"{number} {entries[18].decode('ascii')} {boot}"
