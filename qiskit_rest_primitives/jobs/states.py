"""``JobState``: how a job stands, with its place in the queue and its times where they are known."""

from __future__ import annotations

from typing import Any

__all__ = ["ENDS", "WAITING", "JobState"]

WAITING = ("INITIALIZING", "QUEUED")
ENDS = ("DONE", "ERROR", "CANCELLED")


class JobState(str):
    """A word of ``job.status()``, equal to that text, which knows more.

    Attributes:
        queue_position: Its place in the queue, 1 for the next; None where the service does not say, or it does not wait.
        estimated_seconds: How long the service expects it to run, seconds; None where it does not say.
        running_seconds: For how long it has been running, or ran, seconds; None before, and where nobody saw it begin.
    """

    queue_position: int | None
    estimated_seconds: float | None
    running_seconds: float | None

    def __new__(
        cls,
        status: str,
        *,
        queue_position: int | None = None,
        estimated_seconds: float | None = None,
        running_seconds: float | None = None,
    ) -> JobState:
        """Make one of a word and what is known beside it."""
        state = super().__new__(cls, status)
        state.queue_position = queue_position
        state.estimated_seconds = estimated_seconds
        state.running_seconds = running_seconds
        return state

    def __repr__(self) -> str:
        known: dict[str, Any] = {name: value for name, value in vars(self).items() if value is not None}
        return f"JobState({', '.join([repr(str(self)), *(f'{name}={value!r}' for name, value in known.items())])})"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self in ENDS

    def describe(self) -> str:
        """Return it as people say it: ``QUEUED, 2 before it, runs about 12 s``, ``DONE after 11 s``."""
        parts = [str(self)]
        if self.running_seconds is not None:
            parts[0] += f" {'after' if self.final else 'for'} {duration(self.running_seconds)}"
        if self in WAITING and self.queue_position is not None:
            parts.append(
                f"{self.queue_position - 1} before it" if self.queue_position > 1 else "next in the queue"
            )
        if not self.final and self.estimated_seconds:
            parts.append(f"runs about {duration(self.estimated_seconds)}")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return seconds as people read them: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
