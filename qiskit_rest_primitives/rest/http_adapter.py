"""The adapter of requests whose connections keep the deadline of the exchange that is under way."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.util import Retry

from .._locks import fork_safe_lock
from ..accounts.proxy_settings import Proxy
from .connection_pool import current, new_pools


def origin_of(url: str) -> str:
    """Return scheme, host and port of an http or https URL."""
    end = url.find("/", 8)
    return url if end < 0 else url[:end]


class TimedAdapter(HTTPAdapter):
    """Carries prepared requests, each within an ``Exchange``, which knows the time that is left and the proxy.

    ``send`` is the parent's own, so that what replaces that (``responses`` does) replaces this one's, too. What the
    parent is told by it of certificates and time is not asked for: it stands in the TLS settings and the exchange.

    Args:
        tls: Makes the TLS settings; called once for each way, before the first exchange that needs them.
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
        """Return the pool of connections to a request's origin.

        Raises:
            SettingsError: The CA bundle or the proxy cannot be used.
        """
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
