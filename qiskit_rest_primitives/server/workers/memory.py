"""How much memory a process that works for clients may take, so that no job can exhaust the machine."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

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
