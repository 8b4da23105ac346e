"""Getting past a proxy: asking it for a tunnel, NTLM, which logs in a connection and not a request, and SOCKS.

The way of ``requests-ntlm``, which answers a 407 to a request, cannot work for ``https``: there the proxy refuses
the tunnel, and no request was ever made. So each step of the login is taken here, on the connection itself.
"""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from http.client import HTTPResponse
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager

from .._secret import Secret
from ..accounts.proxy_settings import Proxy
from .messages import Response
from .network_errors import SettingsError, from_signal_handler

Login = Callable[[str | None], str]
"""One login: called with None, then with the proxy's challenge; returns what ``Proxy-Authorization`` shall say."""

SOCKS = frozenset({"socks4", "socks4a", "socks5", "socks5h"})

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection as _AnyConnection
else:
    _AnyConnection = object


def ntlm(user: str, password: str) -> Callable[[], Login]:
    r"""Return what starts a login with NTLM, of ``user`` or ``DOMAIN\user``; an ``ImportError`` if the extra is not installed."""
    hidden_password, password = Secret(password), ""
    try:
        import spnego
    except ImportError as cause:
        raise ImportError(
            "The account's proxy asks for NTLM, which needs: pip install 'qiskit-rest-primitives[ntlm]'."
        ) from cause

    log = logging.getLogger("spnego")
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)  # DEBUG writes the messages of the login, which let a password be guessed

    def start() -> Login:
        context = spnego.client(user, hidden_password.reveal(), protocol="ntlm")

        def step(challenge: str | None) -> str:
            try:
                token = context.step(b64decode(challenge) if challenge else None) or b""
                return Secret("NTLM " + b64encode(token).decode())
            except Exception as problem:  # a challenge that is none; the frames know the password
                if from_signal_handler(problem):
                    raise
                problem.__traceback__ = None
            raise ProxyRefusedError(Response(407, {}))

        return step

    return start


def socks_pools(proxy: Proxy, timed: type, **settings: Any) -> PoolManager:
    """Make the pools whose connections go through a SOCKS proxy; what they carry is as on a direct way.

    With ``socks5h`` and ``socks4a`` it is the proxy that looks up names. ``timed`` is the mixin of connections that are made in
    the time that is left.

    Raises:
        SettingsError: The extra is not installed.
    """
    if find_spec("socks") is None:
        raise SettingsError("a SOCKS proxy needs: pip install 'qiskit-rest-primitives[socks]'")
    from urllib3.contrib import socks

    pools = socks.SOCKSProxyManager(proxy.url, proxy.user, proxy.password, **settings)
    said = {"way": " through the SOCKS proxy"}
    plain = type("_PlainSocks", (timed, socks.SOCKSConnection), said)
    tls = type("_TlsSocks", (timed, socks.SOCKSHTTPSConnection), said)
    pools.pool_classes_by_scheme = {
        "http": type("_PlainSocksPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_TlsSocksPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }
    return pools


class ProxyRefusedError(Exception):
    """The proxy wants another login, as its answer says; the request itself was not sent."""

    def __init__(self, answer: Response) -> None:
        super().__init__("the proxy asks for another login")
        self.answer = answer


class ThroughProxy(_AnyConnection):
    """A connection that logs in to its proxy when it is new."""

    _early: Any = None

    def new_login(self) -> Login | None:
        """Start a login, if the account has one of its own."""
        raise NotImplementedError

    def _tunnel(self) -> None:
        """Ask for a tunnel (RFC 9110, 9.3.6).

        Raises:
            ProxyRefusedError: With status 407.
            OSError: If there is no tunnel for another reason.
        """
        login = self.new_login()
        answer = self._connect_answer({} if login is None else {"Proxy-Authorization": login(None)})
        challenge = _challenge(answer.status, answer.headers.get("proxy-authenticate"))
        if login and challenge:
            answer = self._connect_answer({"Proxy-Authorization": login(challenge)})
        if answer.status == 407:
            raise ProxyRefusedError(answer)
        if not answer.ok:
            raise OSError(f"the proxy answered {answer.status}")

    def _connect_answer(self, more: Mapping[str, str]) -> Response:
        host, port = self._tunnel_host or "", self._tunnel_port
        place = f"[{host.strip('[]')}]:{port}" if ":" in host else f"{host}:{port}"
        headers = {"Host": place, **self._tunnel_headers, **more}  # type: ignore[attr-defined]
        self.sock.sendall(_head(f"CONNECT {place} HTTP/1.1", headers))
        answer = HTTPResponse(self.sock, method="CONNECT")
        try:
            answer.begin()
            body = b"" if 200 <= answer.status < 300 else answer.read()
            return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)
        finally:
            answer.close()

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **more: Any) -> None:
        """Send a request; on a new connection to a forwarding proxy that is where the login begins."""
        login = self.new_login() if self.sock is None and self.proxy_is_forwarding else None
        if login is not None:
            headers = {**headers, "Proxy-Authorization": login(None)}
            super().request(method, url, body, headers, **more)
            answer = super().getresponse()
            challenge = _challenge(answer.status, answer.headers.get("proxy-authenticate"))
            if challenge is None:
                self._early = answer
                return
            headers["Proxy-Authorization"] = login(challenge)
        super().request(method, url, body, headers, **more)

    def getresponse(self) -> Any:
        """Return the answer, which may have come before the login was over."""
        early, self._early = self._early, None
        return super().getresponse() if early is None else early


def _head(line: str, headers: Mapping[str, str]) -> bytes:
    lines = [line, *(name + ": " + value for name, value in headers.items())]  # added: a secret shows stars
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _challenge(status: int, offers: str | None) -> str | None:
    """Return the token of an NTLM challenge."""
    if status != 407:
        return None
    for offer in (offers or "").split(","):
        scheme, _, token = offer.strip().partition(" ")
        if scheme.upper() == "NTLM" and token:
            return token.strip()
    return None
