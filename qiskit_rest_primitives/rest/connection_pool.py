"""Keep-alive connections, shared by threads, direct or through a proxy, on which nothing can hang past its time.

urllib3 bounds single calls of a socket, so a peer that drips can stretch an exchange without end, and it does
not bound name resolution at all. Here everything shares one allowance: before each blocking call a socket is
given what is left of it.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from ..accounts.proxy_settings import Proxy
from .messages import ExchangeError, Outgoing
from .network_errors import SettingsError, connect_error, from_signal_handler
from .proxies import SOCKS, Login, ThroughProxy, socks_pools

MAX_BODY = 1 << 30
"""Bytes of the largest body that is taken, unpacked: a small packed one can be a thousand times as large."""

_PIECE = 1 << 16


class Answer(HTTPResponse):
    """The final answer: the standard library takes any interim one but 100 for it (RFC 9110, 15.2)."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200:
                return version, status, reason
            if status == 101:
                raise HTTPException("another protocol")
            parse_headers(self.fp)

    def begin(self) -> None:
        """Read the head; refuse two lengths here, because urllib3 refuses them when nobody closes the socket."""
        super().begin()
        lengths = ",".join(self.headers.get_all("content-length", ())).split(",")
        if len({length.strip() for length in lengths}) > 1:
            raise HTTPException("two lengths")


def read_body(answer: Any, coding: str) -> bytes:
    """Read and unpack a body; what was not read to its end is closed.

    Raises:
        ExchangeError: It is too large.
        zlib.error: It cannot be unpacked, or ends early, which urllib3 would not notice.
    """
    try:
        return b"".join(_pieces(answer, coding.strip().lower()))
    except BaseException:
        answer.close()
        answer.release_conn()
        raise


def _pieces(answer: Any, coding: str) -> list[bytes]:
    unpack, plain, room = _unpacker(coding), [], MAX_BODY
    begun = False
    while piece := answer.read(_PIECE, decode_content=False):
        begun = True
        if unpack is not None:
            piece = unpack.decompress(piece, room + 1)
            if unpack.unused_data:
                raise zlib.error("something follows the compressed body")
        room -= len(piece)
        if room < 0:
            raise ExchangeError(f"the answer is larger than {MAX_BODY} bytes", kind="large", sent=True)
        plain.append(piece)
    if begun and unpack is not None and not unpack.eof:
        raise zlib.error("the compressed body ends early")
    return plain


def _unpacker(coding: str) -> Any:
    if coding in {"", "identity"}:
        return None
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise zlib.error(f"unknown content coding {coding!r}")
    return zlib.decompressobj(wbits=47)


T = TypeVar("T")

Clock = Callable[[], float]

MAX_IDLE = 64
"""Idle connections kept per origin."""

SMALL_BODY = 65_536
"""Bytes of a body that is sent in one go with the head before it."""

MAX_IDLE_SECONDS = 30.0
"""Age at which an idle connection is given up: routers forget quiet connections without telling either end."""

_NO_DEFAULTS = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}


def new_pools(proxy: Proxy | None, tls: ssl.SSLContext | None) -> PoolManager:
    """Make pools of connections, one for each origin, all through the proxy if there is one; without TLS ``tls`` is None.

    Raises:
        SettingsError: There is no way through such a proxy.
    """
    pools: PoolManager
    if tls is not None:
        tls.sslsocket_class = _TlsSocket
    if proxy is None:
        pools = PoolManager(maxsize=MAX_IDLE, ssl_context=tls)
    elif proxy.scheme not in {"http", "https", *SOCKS}:
        raise SettingsError(
            f"a proxy of the kind {proxy.scheme!r} cannot be used, only http, https and SOCKS"
        )
    elif proxy.scheme in SOCKS:
        return socks_pools(proxy, _Timed, maxsize=MAX_IDLE, ssl_context=tls)
    else:
        pools = ProxyManager(
            proxy.url,
            maxsize=MAX_IDLE,
            ssl_context=tls,
            proxy_headers=proxy.basic(),
            proxy_ssl_context=tls,
        )
    pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    return pools


class Exchange:
    """What connections and sockets must know of the exchange that they carry: the time that is left, and the way.

    ``known`` says whether the other side has answered before; ``new_login`` starts a login on a new connection to the proxy,
    where that takes more than a password.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        clock: Clock,
        *,
        known: bool,
        proxy: Proxy | None = None,
        new_login: Callable[[], Login] | None = None,
    ) -> None:
        now = clock()
        self.clock = clock
        self.known = known
        self.proxy = proxy
        self.new_login = new_login
        self.connecting = False
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


_CURRENT: ContextVar[Exchange] = ContextVar("exchange")


def current() -> Exchange:
    """Return the exchange that is under way in this thread."""
    return _CURRENT.get()


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
    _head: bytes | None = b""
    response_class = Answer

    def new_login(self) -> Login | None:
        start = _CURRENT.get().new_login
        return None if start is None else start()

    def connect(self) -> None:
        exchange, outer = _CURRENT.get(), sys.exc_info()[1]
        exchange.connecting = True
        try:
            super().connect()
        except (OSError, HTTPError, HTTPException, ValueError) as cause:
            place = f"{'the proxy ' if self.proxy else ''}{self.host}:{self.port}{self.way}"
            raise connect_error(cause, place, self.host, known=exchange.known, outer=outer) from cause
        exchange.connecting = False
        # As far as was asked for; urllib3 would warn on each request without verification.
        self.is_verified = True

    def _new_conn(self) -> socket.socket:
        """Resolve the name and connect in a thread, because the system's resolver takes no time limit."""
        seconds = self.timeout = _CURRENT.get().left()
        connection = in_time(super()._new_conn, seconds, discard=socket.socket.close)
        return _PlainSocket(fileno=connection.detach())

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **more: Any) -> None:
        """Send a request, with no header that nobody asked for."""
        self._head = None if isinstance(body, bytes) and 0 < len(body) <= SMALL_BODY else b""
        super().request(method, url, body, {**_NO_DEFAULTS, **headers}, **more)

    def send(self, data: Any) -> None:
        """Send a head together with a small body: the other side wakes up once."""
        if self._head is None:
            self._head = data
            return
        head, self._head = self._head, b""
        super().send(head + data if head else data)

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


def in_time(work: Callable[[], T], seconds: float, *, discard: Callable[[T], object] | None = None) -> T:
    """Do in a thread what takes no time limit, and wait for it so many seconds; what comes later is discarded.

    Raises:
        TimeoutError: The time is up.
    """
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except BaseException as problem:  # noqa: BLE001 - raised where it is awaited
            found.set_exception(problem)

    threading.Thread(target=copy_context().run, args=(run,), name="connect", daemon=True).start()
    try:
        return found.result(seconds)
    except BaseException as problem:
        if discard is not None:
            found.add_done_callback(lambda late: discard(late.result()) if late.exception() is None else None)
        if isinstance(problem, FutureTimeout) and not from_signal_handler(problem):
            raise TimeoutError("the time is up") from None
        raise
