"""What has become of jobs and sessions lately, for those who watch many of them: told when it is written, and numbered."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field

from .completion import Watchers

KEPT = 2_000
"""Who is further behind than that many changes looks at everything anew."""


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        number: Counted from 1 by each server.
        instance: CRN of whose job or session it is.
        kind: ``job`` or ``session``.
        id: Of the job or session.
        status: What it has become: a state, or ``Deleted``.
    """

    number: int
    instance: str = field(repr=False)
    kind: str
    id: str
    status: str


class Changes:
    """The latest changes; used on the event loop's thread.

    Nobody's slowness costs anybody else: a listener has a number, and no queue.
    """

    def __init__(self) -> None:
        self._latest: deque[Change] = deque(maxlen=KEPT)
        self._watchers = Watchers()
        self.run = secrets.token_hex(4)
        """Tells the numbers of this server from those of another one on the same database."""
        self.last = 0
        self.ended = False

    def note(self, instance: str, kind: str, identifier: str, status: str) -> None:
        """Note a change, and wake who listens to the instance."""
        self.last += 1
        self._latest.append(Change(self.last, instance, kind, identifier, status))
        self._watchers.tell(instance)

    def since(self, number: int, instance: str) -> list[Change] | None:
        """Return an instance's changes after a number, or None if some of them are forgotten."""
        if number > self.last or self.last - number > len(self._latest):
            return None
        skipped = len(self._latest) - (self.last - number)
        return [
            change
            for index, change in enumerate(self._latest)
            if index >= skipped and change.instance == instance
        ]

    async def wait(self, instance: str, seconds: float) -> None:
        """Return at an instance's next change, at the end of the server, or after ``seconds``."""
        if not self.ended:
            await self._watchers.watch(instance, seconds)

    def end(self) -> None:
        """Let go of everybody, for good."""
        self.ended = True
        self._watchers.tell_all()
