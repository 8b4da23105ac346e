"""The edge that waits: makes a ``Send`` from an account's network settings, with requests."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Session, utils
from requests import Response as Answer
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from .._files import check_given
from .._frozen import frozen
from .._locks import fork_safe_lock
from .._secret import Secret, hidden, shown
from ..accounts.endpoints import is_loopback
from ..accounts.proxy_settings import Proxy
from .connection_pool import Clock, Exchange, current, in_time, new_pools, read_body
from .messages import Outgoing, Response
from .network_errors import SettingsError, translated_errors
from .proxies import Login, ProxyRefusedError, ntlm

_UNSAFE = re.compile(r"[^\x20-\x7e\x80-\xff]")
_UNSAFE_URL = re.compile(r"[^\x21-\x7e]")


@frozen
class _Way:
    """How to get to an origin: its proxy, also as an adapter is told it, by scheme.

    ``new_login`` starts a login there, where that takes more than a password.
    """

    proxy: Proxy | None = None
    new_login: Callable[[], Login] | None = None
    urls: dict[str, str] = field(default_factory=dict)


class _Session(Session):
    """Sends with the adapter that is mounted: it follows no redirect, and keeps no cookie."""

    def __init__(self, adapter: BaseAdapter) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, _: Any) -> None:
        """Name no target; ``Transport`` decides about redirects."""


class TimedAdapter(HTTPAdapter):
    """Carries prepared requests, each within an ``Exchange``, which knows the time that is left and the proxy.

    ``send`` is the parent's own, so that what replaces that (``responses`` does) replaces this one's, too. What the
    parent is told by it of certificates and time is not asked for: it stands in the TLS settings and the exchange. ``tls``
    makes these settings; it is called once for each way, before the first exchange that needs them.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._make_tls = tls
        self._lock = fork_safe_lock()
        self._managers: dict[tuple[Proxy | None, bool], PoolManager] = {}  # by proxy, without TLS and with
        self._pools: dict[tuple[Proxy | None, str], HTTPConnectionPool] = {}  # by proxy and origin
        super().__init__(max_retries=Retry(False))

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Make no pools yet."""

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        """Return the pool of connections to a request's origin; a ``SettingsError`` if CA bundle or proxy cannot be used."""
        url, proxy = request.url, current().proxy
        key = (proxy, origin_of(url))
        pool = self._pools.get(key)
        if pool is None:
            safe = url.startswith("https:") or (proxy is not None and proxy.scheme == "https")
            with self._lock:
                if (proxy, safe) not in self._managers:
                    self._managers[proxy, safe] = new_pools(proxy, self._make_tls() if safe else None)
                pool = self._pools[key] = self._managers[proxy, safe].connection_from_url(url)
        return pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the connections as they are: whom to trust stands in the TLS settings."""

    def close(self) -> None:
        """Close the idle connections; the adapter stays usable."""
        with self._lock:
            self._managers, self._pools = {}, {}


class Engine:
    """A ``Send`` with its own pool of connections, direct or through a proxy; threads can share it.

    Args:
        verify: Whether to check certificates, or the path of a CA bundle (file or directory).
        proxies: As saved in an account (rest-api.md 2.2): ``{"urls": {"https": "http://host:port"},
            "username_ntlm": ..., "password_ntlm": ...}``.
        trust_env: Whether ``HTTPS_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE`` and their like count.
        adapter: What carries the requests instead of connections of our own.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        verify: bool | str = True,
        proxies: Mapping[str, Any] | None = None,
        trust_env: bool = True,
        adapter: BaseAdapter | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._verify = _ca_bundle() if verify is True and trust_env else verify
        self._proxies: dict[str, Any] = hidden(proxies or {})
        self._trust_env = trust_env
        self._given = adapter
        self._clock = clock
        self._ways: dict[tuple[str, bool], _Way] = {}
        self._known: set[str] = set()  # who has answered
        self._owner = os.getpid()
        self._session = _Session(adapter or TimedAdapter(self._tls))
        self._inherited: _Session | None = None

    def __call__(self, outgoing: Outgoing) -> Response:
        """Carry one request there and one answer back.

        Raises:
            ExchangeError: If no complete answer came.
            ValueError: If the request cannot be written as HTTP, or the settings of the network cannot be used.
        """
        _check(outgoing)
        origin = origin_of(outgoing.url)
        way = self._ways.get((origin, outgoing.guarded))
        if way is None:
            way = self._ways[origin, outgoing.guarded] = self._new_way(outgoing)
        known = origin in self._known
        exchange = Exchange(outgoing, self._clock, known=known, proxy=way.proxy, new_login=way.new_login)
        with exchange.under_way(), translated_errors(outgoing.url, known=known):
            try:
                plain = self._given is not None
                how: dict[str, Any] = {
                    "stream": True,
                    "timeout": self._limits(outgoing),
                    "verify": self._verify,
                    "proxies": way.urls,
                }
                # Written in place, with no name: a traceback with variables would show what a request holds.
                if self._given is None or outgoing.total_timeout is None:
                    return self._read(self._claimed().send(_prepared(outgoing, plain=plain), **how), origin)
                return in_time(
                    lambda: self._read(self._claimed().send(_prepared(outgoing, plain=plain), **how), origin),
                    outgoing.total_timeout,
                )
            except ProxyRefusedError as refusal:
                return refusal.answer

    def close(self) -> None:
        """Close idle connections; the engine stays usable."""
        self._claimed().close()

    def _limits(self, outgoing: Outgoing) -> tuple[float, float] | None:
        """Return the time limits that requests knows, for an adapter of the user's.

        The sockets of our own have the deadline of the exchange; with another's, what carries the whole exchange is
        given up when its time is over.
        """
        if self._given is None:
            return None
        most = float("inf") if outgoing.total_timeout is None else outgoing.total_timeout
        return min(outgoing.connect_timeout, most), min(outgoing.idle_timeout, most)

    def _read(self, answer: Answer, origin: str) -> Response:
        self._known.add(origin)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if isinstance(answer.raw, BaseHTTPResponse) and not getattr(answer, "_content_consumed", False):
            body = read_body(answer.raw, headers.get("content-encoding", ""))
        else:
            body = answer.content or b""  # an adapter that makes up its answers, or has read this one
        return Response(answer.status_code, headers, body)

    def _claimed(self) -> _Session:
        """Return the session; start anew in a forked child: sockets, and whatever lock was held, are the parent's."""
        if self._owner != os.getpid():
            adapter: Any = self._given
            if isinstance(adapter, HTTPAdapter):
                if hasattr(adapter, "poolmanager"):
                    adapter.__setstate__(adapter.__getstate__())  # type: ignore[attr-defined] # new pools
            elif adapter is not None:
                adapter.close()
            self._inherited, self._session = self._session, _Session(adapter or TimedAdapter(self._tls))
            self._owner = os.getpid()
        return self._session

    def _new_way(self, outgoing: Outgoing) -> _Way:
        url = self._proxy_url(outgoing.url)
        if url is None:
            return _Way()
        proxy = Proxy.at(url)
        if outgoing.guarded and outgoing.url.startswith("http:"):
            raise ValueError(
                f"the proxy {proxy.place} would read credentials that travel unencrypted. Use an https URL, "
                "leave the proxy out for this host (no_proxy), or pass allow_insecure=True"
            )
        user, password = self._proxies.get("username_ntlm"), self._proxies.get("password_ntlm")
        if self._given is None:
            login = ntlm(user, password) if user and password else None
            return _Way(proxy, login, {"http": proxy.url, "https": proxy.url})
        if user:
            raise ValueError(
                "the account's proxy asks for NTLM, and an adapter of your own is in use: log in with the adapter, "
                "and leave 'username_ntlm' and 'password_ntlm' out"
            )
        whole = url.reveal() if isinstance(url, Secret) else url
        return _Way(proxy, None, {"http": whole, "https": whole})

    def _tls(self) -> ssl.SSLContext:
        if self._verify is False:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        bundle = utils.DEFAULT_CA_BUNDLE_PATH if self._verify is True else str(self._verify)
        try:
            if Path(bundle).is_dir():
                return ssl.create_default_context(capath=bundle)
            check_given(bundle)
            return ssl.create_default_context(cafile=bundle)
        except (OSError, ValueError) as cause:
            reason = getattr(cause, "strerror", None) or cause
            raise SettingsError(f"the CA bundle {bundle!r} cannot be used ({reason})") from cause

    def _proxy(self, url: str) -> Proxy | None:
        """Return the proxy for an origin, None for the direct way; a ``ValueError`` if its URL cannot be read."""
        proxy = self._proxy_url(url)
        return Proxy.at(proxy) if proxy else None

    def _proxy_url(self, url: str) -> str | None:
        """Return the URL of the proxy for an origin, None for the direct way.

        This machine is reached directly whatever the environment says: ``HTTP_PROXY`` is meant for others.
        """
        given = dict(self._proxies.get("urls") or {})
        if self._trust_env and given and utils.should_bypass_proxies(url, no_proxy=given.get("no_proxy")):
            return None
        if self._trust_env and not is_loopback(urlsplit(url).hostname):
            given = {**hidden(utils.get_environ_proxies(url)), **given}
        return utils.select_proxy(url, given) or None


def _prepared(outgoing: Outgoing, *, plain: bool) -> PreparedRequest:
    """Make the request that requests sends; it is complete, and nothing in it is to be mended.

    With ``plain``, secrets become plain text, because whoever formats them would send the stars that they show.
    """
    request = PreparedRequest()
    request.method, request.url, request.body = outgoing.method, outgoing.url, outgoing.body
    request.headers = CaseInsensitiveDict(shown(outgoing.headers) if plain else outgoing.headers)
    if outgoing.body is not None:
        request.headers["Content-Length"] = str(len(outgoing.body))
    return request


def _check(outgoing: Outgoing) -> None:
    """Refuse what could split a request in two; urllib3 would mend some of it in silence."""
    if not re.match(r"https?://[^/?#]", outgoing.url):
        raise ValueError(f"{outgoing.url!r} is not an http or https URL with a host")
    if _UNSAFE_URL.search(outgoing.url):
        raise ValueError("a request path must be percent-encoded")
    for key, value in outgoing.headers.items():
        if _UNSAFE.search(key) or _UNSAFE.search(value):
            raise ValueError(f"the header {key!r} holds a control character, or one that no header can hold")


def _ca_bundle() -> bool | str:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def origin_of(url: str) -> str:
    """Return scheme, host and port of an http or https URL."""
    end = url.find("/", 8)
    return url if end < 0 else url[:end]
