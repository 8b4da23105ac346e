"""Which connections will not be made by trying again, and what to do about each."""

from __future__ import annotations

import socket
import ssl

from ..accounts.endpoints import is_loopback

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


def remedy_of(problem: BaseException, host: str, *, known: bool) -> str | None:
    """Return what to do about a connection that could not be made, None if trying again may help.

    Args:
        problem: Why it could not.
        host: Where to.
        known: Whether that place has answered before: then it is away, and may come back.
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
