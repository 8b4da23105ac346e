"""The one kind of lock of this package: free again in a forked child."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

_LOCKS: WeakSet[threading.RLock] = WeakSet()
"""Every lock that is alive."""


def fork_safe_lock() -> threading.RLock:
    """Return a re-entrant lock that a fork cannot leave held for ever.

    ``fork`` copies a held lock but not the thread that would release it. What a lock guards must therefore make sense
    at every moment, or be made anew by whoever finds that its process has changed (``os.getpid``).
    """
    lock = threading.RLock()
    _LOCKS.add(lock)
    return lock


def _free_in_child() -> None:
    """Free what threads held that were not copied; what the forking thread holds, it releases itself."""
    for lock in list(_LOCKS):
        if not lock._is_owned():  # type: ignore[attr-defined]
            lock._at_fork_reinit()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_in_child)
