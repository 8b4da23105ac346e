"""The edge that waits: makes a ``Send`` from an account's network settings."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import utils

from .._given_files import check_given
from .._secret import hidden
from ..accounts.endpoints import is_loopback
from ..accounts.proxy_settings import Proxy
from .connection_pool import Clock, Connections
from .exchange import Outgoing
from .messages import Response
from .proxies import ntlm


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
        self._proxies: dict[str, Any] = hidden(proxies or {})
        self._trust_env = trust_env
        self._clock = clock
        self._routes: dict[tuple[str, bool], Connections] = {}
        self._ways: dict[Proxy | None, Connections] = {}

    def __call__(self, outgoing: Outgoing) -> Response:
        """Carry one request there and one answer back.

        Raises:
            ExchangeError: If no complete answer came.
        """
        origin = outgoing.url[: outgoing.url.find("/", 8)]
        route = self._routes.get((origin, outgoing.guarded))
        if route is None:
            proxy = self._proxy(outgoing.url)
            if proxy is not None and outgoing.guarded and outgoing.url.startswith("http:"):
                raise ValueError(
                    f"the proxy {proxy.place} would read credentials that travel unencrypted. Use an https URL, "
                    "leave the proxy out for this host (no_proxy), or pass allow_insecure=True"
                )
            user, password = self._proxies.get("username_ntlm"), self._proxies.get("password_ntlm")
            login = ntlm(user, password) if proxy and user and password else None
            way = Connections(self._tls, proxy=proxy, new_login=login, clock=self._clock)
            route = self._routes[origin, outgoing.guarded] = self._ways.setdefault(proxy, way)
        return route(outgoing)

    def close(self) -> None:
        """Close idle connections; the engine stays usable."""
        for way in [*self._ways.values()]:
            way.close()

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
        except OSError as cause:
            raise ValueError(
                f"the CA bundle {bundle!r} cannot be used ({cause.strerror or cause})"
            ) from cause

    def _proxy(self, url: str) -> Proxy | None:
        """Return the proxy for an origin, None for the direct way.

        This machine is reached directly whatever the environment says: ``HTTP_PROXY`` is meant for others.

        Raises:
            ValueError: Its URL cannot be read.
        """
        given = dict(self._proxies.get("urls") or {})
        if self._trust_env and given and utils.should_bypass_proxies(url, no_proxy=given.get("no_proxy")):
            return None
        if self._trust_env and not is_loopback(urlsplit(url).hostname):
            given = {**hidden(utils.get_environ_proxies(url)), **given}
        proxy = utils.select_proxy(url, given)
        return Proxy.at(proxy) if proxy else None


def _ca_bundle() -> bool | str:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
