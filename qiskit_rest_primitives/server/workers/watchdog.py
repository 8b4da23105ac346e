"""Calls that are made later unless they are called off, by one thread for all of them: a timer of one's own costs a thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from ..._locks import fork_safe_lock

logger = logging.getLogger(__name__)


class PendingCall:
    """A call that will be made."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call: Callable[[], Any] | None = call

    def cancel(self) -> None:
        """Let it not be made."""
        self.call = None


class Watchdog:
    """Makes calls when their time has come; used from any thread, and costs one only where there is something to watch."""

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
