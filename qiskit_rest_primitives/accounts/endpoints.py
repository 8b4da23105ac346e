"""Which URLs belong to an account: the service, its token service, the search for instances."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from .._secret import without_user

DEFAULT_URL = "https://cloud.ibm.com"
UrlResolver = Callable[[str, "str | None", "bool | None", str], str]
"""``(url, instance, private_endpoint, channel) -> base URL``, as qiskit-ibm-runtime defines it (rest-api.md 1.2)."""


def is_crn(text: str | None) -> bool:
    """Return whether a text looks like a cloud resource name."""
    return bool(text) and str(text).startswith("crn:") and str(text).count(":") >= 7


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address is this machine, by its spelling alone (``127.1`` is one, too)."""
    name = (host or "").strip("[]").lower().rstrip(".")
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return _is_short_loopback(name)
    mapped = getattr(address, "ipv4_mapped", None)  # Python before 3.13 does not look into these
    return (mapped or address).is_loopback


def _is_short_loopback(name: str) -> bool:
    """Whether the system takes a text for an address of IPv4 in one of its old spellings, and it is this machine's."""
    try:
        return name[:1].isdigit() and socket.inet_aton(name)[0] == 127
    except OSError:
        return False


def region_of(crn: str) -> str:
    """Return the region that a CRN names, e.g. ``us-east``."""
    return crn.split(":")[5] or "us-east"


def guid_of(instance: str | None) -> str:
    """Return the part of a CRN that tells instances apart and no account; empty for anything else."""
    return str(instance).split(":")[7] if is_crn(instance) else ""


def masked(instance: str | None) -> str | None:
    """Return an instance as it may be shown: the account part of a CRN left out."""
    if not is_crn(instance):
        return instance
    parts = str(instance).split(":")
    parts[6] = "a/…"
    return ":".join(parts)


def is_base_url(url: str) -> bool:
    """Return whether a URL is the service's base itself, rather than a cloud that CRNs are looked up in.

    It is if its path ends in ``/v1``, if it holds the word ``experimental``, or if its host is this machine.
    """
    parts = urlsplit(url)
    return parts.path.rstrip("/").endswith("/v1") or "experimental" in url or is_loopback(parts.hostname)


def base_url_of(url: str, instance: str | None, private_endpoint: bool | None, channel: str) -> str:  # noqa: ARG001
    """Return the service's base URL (rest-api.md 1.2); this is the default ``url_resolver``."""
    if is_base_url(url) or not is_crn(instance):
        return without_user(url).rstrip("/")
    parts = urlsplit(url)
    region = region_of(str(instance))
    if private_endpoint:
        return f"{parts.scheme}://private.{region}.quantum.{parts.hostname}/api/v1"
    prefix = "" if region == "us-east" else f"{region}."
    return f"{parts.scheme}://{prefix}quantum.{parts.hostname}/api/v1"


def iam_url_of(
    url: str,
    private_endpoint: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """Return the token service's base URL.

    ``IAM_URL`` wins, but not for a server on this machine: its key is nobody else's. A URL that is a base URL itself
    has the token service at its own origin.
    """
    if environ.get("IAM_URL") and not is_loopback(urlsplit(url).hostname):
        return without_user(environ["IAM_URL"]).rstrip("/")
    parts = urlsplit(without_user(url))
    if is_base_url(url):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}://{'private.' if private_endpoint else ''}iam.{parts.hostname}"


def search_url_of(
    url: str,
    private_endpoint: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """Return the base URL of Global Search; ``GLOBAL_SEARCH_URL`` wins."""
    own = without_user(environ.get("GLOBAL_SEARCH_URL", ""))
    private = "private." if private_endpoint else ""
    return (own or f"https://api.{private}global-search-tagging.{_cloud(url)}").rstrip("/")


def catalog_url_of(
    url: str,
    private_endpoint: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """Return the base URL of the Global Catalog, version included; ``GLOBAL_CATALOG_URL`` wins."""
    own = without_user(environ.get("GLOBAL_CATALOG_URL", ""))
    private = "private." if private_endpoint else ""
    return (own or f"https://{private}globalcatalog.{_cloud(url)}/api/v1").rstrip("/")


def _cloud(url: str) -> str:
    return urlsplit(url).hostname or "cloud.ibm.com"
