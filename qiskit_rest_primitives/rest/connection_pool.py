"""Keep-alive connections, shared by threads, direct or through a proxy, on which nothing can hang past its time.

urllib3 bounds single calls of a socket, so a peer that drips can stretch an exchange without end, and it does
not bound name resolution at all. Here everything shares one allowance: before each blocking call a socket is
given what is left of it.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import BadStatusLine, HTTPException, IncompleteRead
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as PoolTimeout
from urllib3.util import SKIP_HEADER

from .._locks import fork_safe_lock
from ..accounts.proxy_settings import Proxy
from .alarms import from_signal_handler
from .exchange import ExchangeError, ExchangeKind, Outgoing
from .hopeless import remedy_of
from .messages import Response
from .proxies import SOCKS, Login, ProxyRefusedError, ThroughProxy, socks_pools
from .response_body import Answer, read_body

Clock = Callable[[], float]

MAX_IDLE = 64
"""Idle connections kept per origin."""

MAX_IDLE_SECONDS = 30.0
"""Age at which an idle connection is given up: routers forget quiet connections without telling either end."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u0100-\U0010ffff]")
_UNSAFE_URL = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")
_TIMEOUTS = (TimeoutError, PoolTimeout)
_NO_DEFAULTS = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}


class Connections:
    """A pool of connections; calling it carries out one exchange.

    Args:
        tls: Makes the TLS settings; called once, before the first exchange that needs them.
        proxy: The proxy to go through.
        new_login: Starts a login on a new connection to the proxy, where that takes more than a password.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        tls: Callable[[], ssl.SSLContext],
        *,
        proxy: Proxy | None = None,
        new_login: Callable[[], Login] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._make_tls = tls
        self._proxy = proxy
        self._new_login = new_login
        self._clock = clock
        self._known: set[str] = set()  # who has answered
        self._owner = os.getpid()
        self._lock = fork_safe_lock()
        self._pools: dict[bool, PoolManager] = {}  # without TLS and with
        self._inherited: dict[bool, PoolManager] = {}

    def __call__(self, outgoing: Outgoing) -> Response:
        """Carry one request there and one answer back.

        Raises:
            ExchangeError: If no complete answer came.
            ValueError: If the request cannot be written as HTTP.
        """
        _check(outgoing)
        exchange = _Exchange(outgoing, self._clock, self._new_login)
        origin = urlsplit(outgoing.url).netloc
        exchange.known = origin in self._known
        pools = self._open(outgoing.url)
        with exchange.under_way(), _translated_errors():
            try:
                answer = pools.urlopen(
                    outgoing.method,
                    outgoing.url,
                    body=outgoing.body,
                    headers={**_NO_DEFAULTS, **outgoing.headers},
                    timeout=None,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
            except ProxyRefusedError as refusal:
                return refusal.answer
            self._known.add(origin)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status, headers, read_body(answer, headers.get("content-encoding", "")))

    def close(self) -> None:
        """Close the idle connections; the pool stays usable."""
        self._claim()
        with self._lock:
            self._pools = {}

    def _claim(self) -> None:
        """Start anew in a forked child: the sockets are the parent's."""
        if self._owner != os.getpid():
            self._inherited, self._pools = self._pools, {}
            self._owner = os.getpid()

    def _open(self, url: str) -> PoolManager:
        self._claim()
        safe = url.startswith("https:") or (self._proxy is not None and self._proxy.scheme == "https")
        with self._lock:
            if safe not in self._pools:
                self._pools[safe] = self._new_pools(self._new_tls() if safe else None)
            return self._pools[safe]

    def _new_tls(self) -> ssl.SSLContext:
        tls = self._make_tls()
        tls.sslsocket_class = _TlsSocket
        return tls

    def _new_pools(self, tls: ssl.SSLContext | None) -> PoolManager:
        pools: PoolManager
        if self._proxy is None:
            pools = PoolManager(maxsize=MAX_IDLE, ssl_context=tls)
        elif self._proxy.scheme not in {"http", "https", *SOCKS}:
            kind = self._proxy.scheme
            raise ValueError(f"a proxy of the kind {kind!r} cannot be used, only http, https and SOCKS")
        elif self._proxy.scheme in SOCKS:
            return socks_pools(self._proxy, _Timed, maxsize=MAX_IDLE, ssl_context=tls)
        else:
            pools = ProxyManager(
                self._proxy.url,
                maxsize=MAX_IDLE,
                ssl_context=tls,
                proxy_headers=self._proxy.basic(),
                proxy_ssl_context=tls,
            )
        pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return pools


class _Exchange:
    """What connections and sockets must know of the exchange that they carry: the time that is left."""

    def __init__(self, outgoing: Outgoing, clock: Clock, new_login: Callable[[], Login] | None) -> None:
        now = clock()
        self.clock = clock
        self.new_login = new_login
        self.connecting = False
        self.known = False
        self._idle = outgoing.idle_timeout
        self._connect_by = now + outgoing.connect_timeout
        self._end = float("inf") if outgoing.total_timeout is None else now + outgoing.total_timeout

    def left(self) -> float:
        """Return the seconds that the next blocking call may take."""
        now = self.clock()
        seconds = min(self._end - now, self._connect_by - now if self.connecting else self._idle)
        if seconds <= 0:
            raise TimeoutError("the time is up")
        return seconds

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Be what the sockets that this thread uses go by."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[_Exchange] = ContextVar("exchange")

if TYPE_CHECKING:
    _AnySocket: TypeAlias = socket.socket
else:
    _AnySocket = object


class _Bounded(_AnySocket):
    """A socket on which each call gets the time that is left."""

    def recv_into(self, *arguments: Any) -> int:
        self.settimeout(_CURRENT.get().left())
        return super().recv_into(*arguments)

    def recv(self, *arguments: Any) -> bytes:
        """Receive what TLS within TLS reads this way, on the way to an https proxy."""
        self.settimeout(_CURRENT.get().left())
        return super().recv(*arguments)

    def send(self, *arguments: Any) -> int:
        self.settimeout(_CURRENT.get().left())
        return super().send(*arguments)

    def sendall(self, data: Any, *_: Any) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]


class _PlainSocket(_Bounded, socket.socket):
    pass


class _TlsSocket(_Bounded, ssl.SSLSocket):
    def do_handshake(self, *arguments: Any) -> None:
        self.settimeout(_CURRENT.get().left())
        super().do_handshake(*arguments)


class _Timed(ThroughProxy):
    """A connection that is made in the time that is left, and not used again when it has been idle for long."""

    way = ""
    idle_since = 0.0
    response_class = Answer

    def new_login(self) -> Login | None:
        start = _CURRENT.get().new_login
        return None if start is None else start()

    def connect(self) -> None:
        exchange = _CURRENT.get()
        exchange.connecting = True
        try:
            super().connect()
        except (OSError, HTTPError, HTTPException, ValueError) as cause:
            root = _root(cause)
            reason = "in time" if isinstance(root, _TIMEOUTS) else f"({_words(root)})"
            place = f"{'the proxy ' if self.proxy else ''}{self.host}:{self.port}{self.way}"
            _without_frames(cause)
            remedy = remedy_of(root, self.host, known=exchange.known)
            if remedy is not None:
                reason = f"{reason}: {remedy}"
            kind: ExchangeKind = "connect"
            if remedy is not None:
                kind = "permanent" if isinstance(root, ssl.SSLError) else "unreachable"
            raise ExchangeError(f"no connection to {place} {reason}", kind=kind, sent=False) from cause
        exchange.connecting = False
        self.is_verified = (
            True  # as far as was asked for; urllib3 would warn on each request without verification
        )

    def _new_conn(self) -> socket.socket:
        """Resolve the name and connect in a thread, because the system's resolver takes no time limit."""
        seconds = self.timeout = _CURRENT.get().left()
        opened: Future[socket.socket] = Future()

        def work() -> None:
            try:
                opened.set_result(super(_Timed, self)._new_conn())
            except Exception as problem:  # noqa: BLE001 - raised where the connection is awaited
                opened.set_exception(problem)

        threading.Thread(target=work, name="connect", daemon=True).start()
        try:
            connection = opened.result(seconds)
        except BaseException as problem:
            opened.add_done_callback(_discard)
            if isinstance(problem, FutureTimeout) and not from_signal_handler(problem):
                raise TimeoutError("the time is up") from problem
            raise
        return _PlainSocket(fileno=connection.detach())

    @property
    def is_connected(self) -> bool:
        idle = _CURRENT.get().clock() - self.idle_since
        return idle < MAX_IDLE_SECONDS and super().is_connected

    def getresponse(self) -> Any:
        response = super().getresponse()
        self.idle_since = _CURRENT.get().clock()
        return response


class _PlainConnection(_Timed, HTTPConnection):
    pass


class _TlsConnection(_Timed, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _check(outgoing: Outgoing) -> None:
    """Refuse what could split a request in two; urllib3 would mend some of it in silence."""
    if not re.match(r"https?://[^/?#]", outgoing.url):
        raise ValueError(f"{outgoing.url!r} is not an http or https URL with a host")
    if _UNSAFE_URL.search(outgoing.url):
        raise ValueError("a request path must be percent-encoded")
    for key, value in outgoing.headers.items():
        if _UNSAFE.search(key) or _UNSAFE.search(value):
            raise ValueError(f"the header {key!r} holds a control character, or one that no header can hold")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Say in our words what urllib3 and the standard library say in many, about an exchange that was under way."""
    try:
        yield
    except LocationValueError as cause:
        raise ValueError("the URL cannot be read") from cause
    except (OSError, HTTPError, HTTPException, ValueError, zlib.error, MemoryError, OverflowError) as cause:
        root = _root(cause)  # before the frames go, by which it knows the exceptions of signal handlers
        _without_frames(cause)
        if isinstance(root, _TIMEOUTS):
            raise ExchangeError("no complete answer in time", kind="timeout", sent=True) from cause
        if isinstance(root, (IncompleteRead, zlib.error, MemoryError, OverflowError)):
            raise ExchangeError("the answer was cut short or damaged", kind="body", sent=True) from cause
        if isinstance(root, BadStatusLine) and str(root).startswith(("\x15\x03", "\x16\x03")):
            raise ExchangeError(
                "it speaks TLS there; use https:// in the URL", kind="permanent", sent=True
            ) from cause
        raise ExchangeError(f"the connection broke: {_words(root)}", kind="broken", sent=True) from cause


def _without_frames(problem: BaseException | None) -> None:
    """Forget where in the network's libraries it happened: the variables there hold the request, with its token."""
    seen: set[int] = set()
    waiting = [problem]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            waiting += [one.__cause__, one.__context__]


def _root(problem: BaseException) -> BaseException:
    """Return the innermost cause; urllib3 wraps it in words that show the addresses of objects.

    Raises:
        BaseException: It is that of a signal handler, which is none of our errors.
    """
    while True:
        if not isinstance(problem, HTTPError) and from_signal_handler(problem):
            raise problem  # urllib3's own have the traceback of what they wrap
        inner = problem.args[-1] if isinstance(problem, ProtocolError) else problem.__cause__
        if inner is None and isinstance(
            problem, NewConnectionError
        ):  # a SOCKS proxy's, raised without "from"
            inner = problem.__context__
        if not isinstance(inner, BaseException):
            return problem
        problem = inner


def _words(problem: BaseException) -> str:
    return getattr(problem, "strerror", None) or type(problem).__name__


def _discard(late: Future[socket.socket]) -> None:
    """Close a connection that was made after its time."""
    if late.exception() is None:
        late.result().close()
