"""The edge that waits: makes a ``Send`` from an account's network settings.

What lives here: everything that touches ``requests``: what the environment says about proxies and CA bundles
(asked once per origin, then never again), and the way through a proxy. What does not: the direct way
(``connections``), credentials (headers come complete; netrc is never consulted), redirects, repeating.
"""

from __future__ import annotations

import os
import queue
import ssl
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import adapters, utils

from ..wire.http import Response
from .connections import Clock, Connections
from .exchange import ExchangeError, Outgoing


def requests_send(
    *,
    verify: bool | str = True,
    proxies: Mapping[str, Any] | None = None,
    trust_env: bool = True,
    clock: Clock = time.monotonic,
) -> Engine:
    """Make a ``Send`` with its own pool of connections.

    Args:
        verify: Whether to check certificates, or the path of a CA bundle (file or directory).
        proxies: As saved in an account (rest-api.md 2.2): ``{"urls": {"https": "http://host:port"},
            "username_ntlm": ..., "password_ntlm": ...}``.
        trust_env: Whether ``HTTPS_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE`` and their like count.
        clock: Monotonic seconds.

    Returns:
        A callable that is safe to share by threads.
    """
    return Engine(verify=verify, proxies=proxies, trust_env=trust_env, clock=clock)


class Engine:
    """Carries exchanges, directly or through a proxy; see ``requests_send``."""

    def __init__(
        self, *, verify: bool | str, proxies: Mapping[str, Any] | None, trust_env: bool, clock: Clock
    ) -> None:
        self._verify = _ca_bundle() if verify is True and trust_env else verify
        self._proxies = dict(proxies or {})
        self._trust_env = trust_env
        self._clock = clock
        self._direct = Connections(self._tls, clock=clock)
        self._lock = threading.Lock()
        self._routes: dict[str, dict[str, str]] = {}
        self._session: requests.Session | None = None

    def __call__(self, outgoing: Outgoing) -> Response:
        """Carry one request there and one answer back.

        Raises:
            ExchangeError: If no complete answer came.
        """
        origin = outgoing.url[: outgoing.url.find("/", 8)]
        route = self._routes.get(origin)
        if route is None:
            route = self._routes[origin] = self._route(outgoing.url)
        return self._through(route, outgoing) if route else self._direct(outgoing)

    def close(self) -> None:
        """Close idle connections; the engine stays usable."""
        self._direct.close()
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _tls(self) -> ssl.SSLContext:
        if self._verify is False:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        bundle = utils.DEFAULT_CA_BUNDLE_PATH if self._verify is True else str(self._verify)
        if Path(bundle).is_dir():
            return ssl.create_default_context(capath=bundle)
        return ssl.create_default_context(cafile=bundle)

    def _route(self, url: str) -> dict[str, str]:
        """Return the proxies for an origin; empty for the direct way."""
        given = dict(self._proxies.get("urls") or {})
        if self._trust_env:
            if given and utils.should_bypass_proxies(url, no_proxy=given.get("no_proxy")):
                return {}
            given = {**utils.get_environ_proxies(url), **given}
        proxy = utils.select_proxy(url, given)
        return {urlsplit(url).scheme: proxy} if proxy else {}

    def _through(self, route: Mapping[str, str], outgoing: Outgoing) -> Response:
        total = outgoing.total_timeout
        if total is None:
            return self._proxied(route, outgoing)
        # requests bounds single reads, not their sum; so somebody else waits, and may be left behind.
        outcome: queue.SimpleQueue[Response | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                outcome.put(self._proxied(route, outgoing))
            except Exception as problem:  # noqa: BLE001 - raised where the answer is awaited
                outcome.put(problem)

        threading.Thread(target=work, name="proxied-exchange", daemon=True).start()
        try:
            result = outcome.get(timeout=max(total, 0.0))
        except queue.Empty:
            raise ExchangeError("no complete answer in time", kind="timeout", sent=True) from None
        if isinstance(result, Exception):
            raise result
        return result

    def _proxied(self, route: Mapping[str, str], outgoing: Outgoing) -> Response:
        total = outgoing.total_timeout
        idle = outgoing.idle_timeout if total is None else min(outgoing.idle_timeout, total)
        try:
            with self._open_session().request(
                outgoing.method,
                outgoing.url,
                headers=dict(outgoing.headers),
                data=outgoing.body,
                timeout=(min(outgoing.connect_timeout, idle), idle),
                proxies=dict(route),
                allow_redirects=False,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status_code, headers, answer.content)
        except requests.RequestException as cause:
            raise _translated(cause) from cause

    def _open_session(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = self._new_session()
            return self._session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = self._verify
        session.headers.clear()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.mount("https://", adapters.HTTPAdapter(pool_maxsize=16))
        session.mount("http://", adapters.HTTPAdapter(pool_maxsize=16))
        user, password = self._proxies.get("username_ntlm"), self._proxies.get("password_ntlm")
        if user and password:
            session.auth = _ntlm(user, password)
        return session


def _ca_bundle() -> bool | str:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _ntlm(user: str, password: str) -> Any:
    try:
        from requests_ntlm import HttpNtlmAuth
    except ImportError as cause:
        raise ImportError(
            "The account's proxy asks for NTLM, which needs: pip install 'qiskit-rest-primitives[ntlm]'."
        ) from cause
    return HttpNtlmAuth(user, password)


def _translated(cause: requests.RequestException) -> ExchangeError:
    """Say in our words what ``requests`` says in many; URLs with proxy passwords stay in the cause."""
    if isinstance(cause, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)):
        return ExchangeError("no connection through the proxy", kind="connect", sent=False)
    if isinstance(cause, requests.exceptions.SSLError):
        return ExchangeError("no trusted TLS connection through the proxy", kind="connect", sent=False)
    if isinstance(cause, requests.Timeout):
        return ExchangeError("no complete answer in time", kind="timeout", sent=True)
    if isinstance(
        cause, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    ):
        return ExchangeError("the answer was cut short or damaged", kind="body", sent=True)
    return ExchangeError("the connection through the proxy broke", kind="broken", sent=True)
