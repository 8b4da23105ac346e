"""Telling the exceptions of signal handlers from those of the network: an alarm is its owner's and must come out.

Python runs a signal handler between two steps of whatever the main thread does. An exception that it raises there, such
as the ``TimeoutError`` of a usual time limit by ``SIGALRM``, looks like one of the code that was interrupted.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from traceback import walk_tb
from types import FrameType
from typing import Any

__all__ = ["forget_variables", "from_signal_handler"]


def from_signal_handler(problem: BaseException) -> bool:
    """Tell whether an exception was raised by a signal handler, or by what that called."""
    return _place_of_handler(_frames_of(problem)) is not None


def forget_variables(problem: BaseException) -> None:
    """Empty the frames that a signal interrupted and that have ended; the handler's own are left."""
    frames = _frames_of(problem)
    for frame in frames[: _place_of_handler(frames)]:
        with suppress(RuntimeError):  # it is still running
            frame.clear()


def _frames_of(problem: BaseException) -> list[FrameType]:
    return [frame for frame, _ in walk_tb(problem.__traceback__)]


def _place_of_handler(frames: Sequence[FrameType]) -> int | None:
    """Return which frame is the handler's, if one is.

    It is told the frame that it interrupts, which is the one before its own in the traceback; it may have dropped that.
    """
    codes = _handlers()
    for place, frame in enumerate(frames):
        interrupted = frames[place - 1] if place else None
        values = [
            item
            for value in frame.f_locals.values()
            for item in (value if isinstance(value, tuple) else [value])
        ]
        if frame.f_code in codes or (interrupted and any(value is interrupted for value in values)):
            return place
    return None


def _handlers() -> set[Any]:
    """Return the code of the handlers that are installed now."""
    installed = [signal.getsignal(number) for number in signal.valid_signals()]
    functions = [getattr(handler, "__func__", handler) for handler in installed if callable(handler)]
    return {code for code in (getattr(function, "__code__", None) for function in functions) if code}
