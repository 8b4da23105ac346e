"""Who may reach a server: the rule that a server which others can reach is protected."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass

from ..._files import check_given


@dataclass(frozen=True)
class Certificate:
    """Files for TLS.

    Attributes:
        chain: Certificate, with those that signed it, as PEM.
        key: Its private key as PEM; None if the first file holds it.
    """

    chain: str
    key: str | None = None

    def check(self) -> None:
        """Read the files.

        Raises:
            OSError: One of them is not there, or is not what it should be.
        """
        try:
            for path in (self.chain, self.key):
                if path is not None:
                    check_given(path)
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.chain, self.key)
        except OSError as error:
            files = self.chain if self.key is None else f"{self.chain} and {self.key}"
            raise OSError(f"cannot read certificate and key from {files}: {error}") from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def problem_of(host: str, *, own_token: bool, encrypted: bool, allowed: bool) -> str | None:
    """Return why a server must not listen on an address, or None if it may.

    Args:
        host: The address.
        own_token: Whether the API key was chosen rather than made up and printed.
        encrypted: Whether connections are encrypted.
        allowed: Whether the user said that it is meant.
    """
    if is_loopback(host):
        return None
    if not own_token:
        return f"{host} can be reached from other machines: choose a token."
    if not (encrypted or allowed):
        return f"{host} can be reached from other machines, and tokens would travel unencrypted: use TLS, or allow it."
    return None
