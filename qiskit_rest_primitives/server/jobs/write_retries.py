"""What could not be written, because the disk is full or does not answer, and is written later."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0


class WriteRetries:
    """Calls that write, repeated every few seconds until they succeed; on the event loop's thread only."""

    def __init__(self) -> None:
        self._calls: dict[str, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, what: str) -> bool:
        return what in self._calls

    def call(self, what: str, write: Callable[[], None]) -> None:
        """Call something that changes nothing unless it can write; later again if it cannot.

        Args:
            what: What is written, for the log; a later call with the same words takes the place of the former.
            write: Does it.
        """
        try:
            write()
        except sqlite3.OperationalError as error:
            logger.error("cannot write %s: %s; trying again every %g s", what, error, AGAIN_SECONDS)
            self._calls[what] = write
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._again)
        else:
            self._calls.pop(what, None)

    def stop(self) -> None:
        """Try a last time."""
        self._again()
        if self._timer is not None:
            self._timer.cancel()

    def _again(self) -> None:
        self._timer = None
        for what, write in list(self._calls.items()):
            self._call_again(what, write)

    def _call_again(self, what: str, write: Callable[[], None]) -> None:
        try:
            self.call(what, write)
        except Exception:  # the others have their turn all the same
            self._calls.pop(what, None)
            logger.exception("cannot write %s", what)
