"""How a job fails, and how a submission is refused: the errors of whatever simulates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..qasm.limits import CircuitLoadError
from ..wire.jsonio import DecodeError

UNKNOWN = 1500
NOT_ISA = 1517
FRACTIONAL_TWIRLING = 1519
BAD_CIRCUIT = 1603
INVALID = 3211
INTERNAL = 9999
"""Reason codes of failed jobs (rest-api.md 1.6 and 9.6)."""

UNREADABLE = "The program text cannot be read as OpenQASM 3."


class TaskFailed(Exception):
    """A job cannot be run; the text is what its owner reads.

    Attributes:
        reason: What is wrong and where, without paths or traces of this machine.
        code: One of the service's reason codes (rest-api.md 1.6).
        solution: What to do about it, if anybody knows.
        charged: Whether the job costs what it ran: not where the system is to blame, as an internal error says.
    """

    def __init__(self, reason: str, code: int = UNKNOWN, solution: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.solution = solution
        self.charged = code != INTERNAL

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.reason, self.code, self.solution), {"charged": self.charged})


class ParamsError(ValueError):
    """The ``params`` of a submission are not what the program takes; suits a 400."""


@contextmanager
def reading() -> Iterator[None]:
    """Turn what cannot be read into the reason of a job's failure."""
    try:
        yield
    except CircuitLoadError as cause:
        raise TaskFailed(str(cause) or UNREADABLE, BAD_CIRCUIT) from cause
    except (ParamsError, DecodeError) as cause:
        raise TaskFailed(str(cause), INVALID) from cause


@contextmanager
def placing(what: str, index: int, count: int) -> Iterator[None]:
    """Say which of several PUBs, items or circuits, as ``what`` calls them, it was that failed, or could not be read.

    Of a single one nothing is said.
    """
    try:
        with reading():
            yield
    except TaskFailed as cause:
        if count == 1:
            raise
        raise TaskFailed(
            f"{cause.reason} ({what} {index} of this job)", cause.code, cause.solution
        ) from cause
