"""Telling the exceptions of signal handlers from those of the network: an alarm is its owner's and must come out.

Python runs a signal handler between two steps of whatever the main thread does. An exception that it raises there, such
as the ``TimeoutError`` of a usual time limit by ``SIGALRM``, looks like one of the code that was interrupted.
"""

from __future__ import annotations

import signal
from itertools import pairwise
from traceback import walk_tb
from typing import Any

__all__ = ["from_signal_handler"]


def from_signal_handler(problem: BaseException) -> bool:
    """Tell whether an exception was raised by a signal handler, or by what that called.

    A handler is told the frame that it interrupts, which is the one before its own in the traceback.
    """
    frames = [frame for frame, _ in walk_tb(problem.__traceback__)]
    for interrupted, frame in pairwise(frames):
        for value in frame.f_locals.values():
            if value is interrupted or (
                isinstance(value, tuple) and any(item is interrupted for item in value)
            ):
                return True
    codes = _handlers()
    return any(frame.f_code in codes for frame in frames)


def _handlers() -> set[Any]:
    """Return the code of the handlers that are installed now; one may have dropped the frame that it was told."""
    installed = [signal.getsignal(number) for number in signal.valid_signals()]
    functions = [getattr(handler, "__func__", handler) for handler in installed if callable(handler)]
    return {code for code in (getattr(function, "__code__", None) for function in functions) if code}
