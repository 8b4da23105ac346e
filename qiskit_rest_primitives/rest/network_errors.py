"""What requests, urllib3 and the standard library say about an exchange that broke, told as one ``ExchangeError``.

Exceptions of signal handlers are told from them: an alarm is its owner's and must come out. Python runs a handler between two
steps of whatever the main thread does, so that the ``TimeoutError`` of a time limit by ``SIGALRM`` looks like the network's.
"""

from __future__ import annotations

import signal
import socket
import ssl
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import BadStatusLine, HTTPException, IncompleteRead
from traceback import walk_tb
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from requests.exceptions import ConnectTimeout, InvalidURL, RequestException, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
)
from urllib3.exceptions import TimeoutError as PoolTimeout

from ..accounts.endpoints import is_loopback
from .messages import ExchangeError, ExchangeKind

_TIMEOUTS = (TimeoutError, PoolTimeout, Timeout)
_UNCONNECTED = (
    ConnectTimeout,
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
    ssl.SSLCertVerificationError,
)
_HOLDERS = frozenset({"request", "response", "pool", "conn"})
"""Members of exceptions that hold a request, or a way to a proxy, with its credentials."""

_NO_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "UNKNOWN_PROTOCOL",
    "RECORD_LAYER_FAILURE",
}
_HOST_NAME = {62, 64}
"""OpenSSL's numbers for a certificate that is another host's or address's."""
_PASSING = (
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
    ssl.SSLSyscallError,
)


class SettingsError(ValueError):
    """Network settings with which nothing can be sent."""


@contextmanager
def translated_errors(url: str, *, known: bool) -> Iterator[None]:
    """Say in our words what others say in many, about an exchange that was under way.

    ``known`` says whether that place has answered before.
    """
    outer = sys.exc_info()[1]
    try:
        yield
    except SettingsError:
        raise
    except (LocationValueError, InvalidURL) as cause:
        _without_frames(cause, outer)
        raise ValueError("the URL cannot be read") from cause
    except (OSError, HTTPError, HTTPException, ValueError, zlib.error, MemoryError, OverflowError) as cause:
        # Before the frames go, by which it knows the exceptions of signal handlers.
        path = _path(cause, outer)
        words = _words(path[-1])
        _without_frames(cause, outer)
        # An adapter's; our connections say so themselves.
        if any(isinstance(each, _UNCONNECTED) for each in path):
            parts = urlsplit(url)
            raise _no_connection(path[-1], words, parts.netloc, parts.hostname or "", known=known) from cause
        raise _broken(path[-1], words) from cause
    except BaseException as problem:
        # Not what an adapter does wrong.
        if not isinstance(problem, Exception) or from_signal_handler(problem):
            _let_out(problem, outer, problem)
        raise


def connect_error(
    cause: BaseException, place: str, host: str, *, known: bool, outer: BaseException | None
) -> ExchangeError:
    """Make the error of a connection that could not be made, and forget the frames of its cause.

    Args:
        cause: Why it could not.
        place: Where to, for people.
        host: The same, without port.
        known: Whether that place has answered before.
        outer: What was being handled when the exchange began, which is none of its errors.

    Raises:
        BaseException: It is that of a signal handler, which is none of our errors.
    """
    root = _path(cause, outer)[-1]
    words = _words(root)
    _without_frames(cause, outer)
    return _no_connection(root, words, place, host, known=known)


def _no_connection(root: BaseException, words: str, place: str, host: str, *, known: bool) -> ExchangeError:
    reason = "in time" if isinstance(root, _TIMEOUTS) else f"({words})"
    remedy = remedy_of(root, host, known=known)
    kind: ExchangeKind = "connect"
    if remedy is not None:
        reason = f"{reason}: {remedy}"
        kind = "permanent" if isinstance(root, ssl.SSLError) else "unreachable"
    return ExchangeError(f"no connection to {place} {reason}", kind=kind, sent=False)


def remedy_of(problem: BaseException, host: str, *, known: bool) -> str | None:
    """Return what to do about a connection that could not be made, None if trying again may help.

    A place that is known to have answered before is away, and may come back.
    """
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code in _HOST_NAME:
            return f"its certificate is not {host!r}'s; check the host in the URL"
        return (
            f"its certificate is not trusted: {problem.verify_message}; give the CA's file as verify='ca.pem' "
            "(or in REQUESTS_CA_BUNDLE), or verify=False to trust anybody"
        )
    if isinstance(problem, ssl.SSLError) and not isinstance(problem, _PASSING):
        reason = getattr(problem, "reason", None) or "no reason given"
        if reason in _NO_TLS:
            return "it does not speak TLS there; use http:// or another port in the URL"
        words = reason.replace("_", " ").lower()
        return f"no TLS that both sides know ({words}); check the port, and the server's versions of TLS"
    if known:
        return None
    if isinstance(problem, socket.gaierror):
        return "the host is not known; check the URL, and that there is a network"
    if isinstance(problem, ConnectionRefusedError) and is_loopback(host):
        return "nobody listens there; start the server, or check the port in the URL"
    return None


def _broken(root: BaseException, words: str) -> ExchangeError:
    if isinstance(root, _TIMEOUTS):
        return ExchangeError("no complete answer in time", kind="timeout", sent=True)
    if isinstance(root, (IncompleteRead, zlib.error, MemoryError, OverflowError)):
        return ExchangeError("the answer was cut short or damaged", kind="body", sent=True)
    if isinstance(root, BadStatusLine) and str(root).startswith(("\x15\x03", "\x16\x03")):
        return ExchangeError("it speaks TLS there; use https:// in the URL", kind="permanent", sent=True)
    # What requests raises itself has a cause. One without is the word of a mock, or of an adapter, and no accident.
    kind: ExchangeKind = "permanent" if isinstance(root, RequestException) else "broken"
    return ExchangeError(f"the connection broke: {words}", kind=kind, sent=True)


def _let_out(problem: BaseException, outer: BaseException | None, around: BaseException) -> None:
    """Let an exception of a signal handler show where it was, and nothing of the request that was interrupted.

    ``outer`` was being handled when the exchange began; ``around`` is what the network's libraries made of the exception.
    """
    forget_variables(problem)
    for each in (around, problem.__cause__, problem.__context__):
        _without_frames(each, outer, problem)


def _without_frames(problem: BaseException | None, *kept: BaseException | None) -> None:
    """Forget where in the network's libraries an error happened, with its causes and members, but for those that are kept.

    The frames hold the request, with its token.
    """
    seen = {id(each) for each in kept}
    waiting: list[object] = [problem]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            for name in _HOLDERS & vars(one).keys():
                setattr(one, name, None)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def _path(problem: BaseException, outer: BaseException | None) -> list[BaseException]:
    """Return an exception and its causes, down to the innermost; urllib3 and requests wrap it in many words.

    One that is a signal handler's is none of our errors, and raised.
    """
    path = [problem]
    while True:
        problem = path[-1]
        if not isinstance(problem, HTTPError) and from_signal_handler(problem):
            _let_out(problem, outer, path[0])
            raise problem  # urllib3's own have the traceback of what they wrap
        candidates = [getattr(problem, "reason", None), *problem.args[-1:], problem.__cause__]
        if isinstance(problem, NewConnectionError):  # a SOCKS proxy's is raised without "from"
            candidates.append(problem.__context__)
        inner = next(
            (each for each in candidates if isinstance(each, BaseException) and each not in path), None
        )
        if inner is None:
            return path
        path.append(inner)


def _words(problem: BaseException) -> str:
    if isinstance(problem, RequestException) or (type(problem) is OSError and problem.errno is None):
        return str(problem)
    return getattr(problem, "strerror", None) or type(problem).__name__


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
