"""What an account, or the environment, says about proxies: judged, and read without showing its passwords."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from urllib3.util import parse_url

from .._frozen import frozen
from .._secret import Secret, without_user


def check_proxies(proxies: Mapping[str, Any] | None) -> None:
    """Check an account's proxies: a ``TypeError`` for an unknown member, a ``ValueError`` for half an NTLM pair and the like."""
    if proxies is None:
        return
    if not isinstance(proxies, Mapping):
        raise TypeError("'proxies' must be a dict with the member 'urls'.")
    unknown = sorted(map(str, set(proxies) - {"urls", "username_ntlm", "password_ntlm"}))
    if unknown:
        raise TypeError(f"'proxies' has unknown members: {', '.join(unknown)}.")
    urls = proxies.get("urls") or {}
    if not isinstance(urls, Mapping) or not all(isinstance(url, (str, type(None))) for url in urls.values()):
        raise ValueError("'proxies[\"urls\"]' must map schemes to proxy URLs.")
    pair = [proxies.get(name) or "" for name in ("username_ntlm", "password_ntlm")]
    if not all(isinstance(item, str) for item in pair):
        raise ValueError("'username_ntlm' and 'password_ntlm' must be text.")
    if bool(pair[0]) != bool(pair[1]):
        raise ValueError("'proxies' must have both 'username_ntlm' and 'password_ntlm', or neither.")


@frozen
class Proxy:
    """A proxy, with its login apart from its address; ``place`` is host and port, for people."""

    url: str
    scheme: str
    place: str
    user: Secret | None = None
    password: Secret | None = None

    @classmethod
    def at(cls, url: str) -> Proxy:
        """Read the URL of a proxy, without a scheme an http one; neither the error's text nor a frame of it holds the URL."""
        try:
            return cls._read(Secret(url if "://" in url else "http://" + url))
        except ValueError as problem:
            problem.__traceback__ = None  # its frames, and its words, know the password
        raise ValueError("the URL of the proxy cannot be read; write it as http://user:password@host:port")

    @classmethod
    def _read(cls, url: Secret) -> Proxy:
        parts = parse_url(url)
        if not parts.host:
            raise ValueError("no host")
        user, given, password = (parts.auth or "").partition(":")
        address = without_user(url.reveal())
        if isinstance(address, Secret) or parts.scheme is None:
            raise ValueError("user and password are not told from the rest")
        return cls(
            address,
            parts.scheme,
            parts.host if parts.port is None else f"{parts.host}:{parts.port}",
            Secret(unquote(user)) if parts.auth else None,
            Secret(unquote(password)) if given else None,
        )

    def basic(self) -> dict[str, str]:
        """Return the header that logs in with user and password (RFC 7617), if there are any."""
        if self.user is None:
            return {}
        both = self.user + ":" + (self.password or "")
        try:
            data = both.encode("latin-1")
        except UnicodeEncodeError:
            data = both.encode()
        return {"proxy-authorization": Secret("Basic " + b64encode(data).decode())}
