"""Which dialect a request is in, and what is left of its path below the prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CURRENT_PREFIXES = ("/api/v1", "/v1")
LEGACY_PREFIXES = ("/runtime", "/api")
FIRST_WORDS = frozenset({
    "accounts", "analytics", "backends", "health", "identity", "instance", "instances", "jobs", "logout",
    "Network", "oidc", "openapi.json", "programs", "sessions", "tags", "transpile", "users", "v3",
    "version", "versions", "workloads",
})  # fmt: skip
"""What the paths of the endpoints begin with, whatever stands before them."""
_LEGACY_PATHS = ("/users/", "/Network")
_LEGACY_PATH = ("/version", "/logout")


@dataclass(frozen=True)
class Address:
    """Where a request goes.

    Attributes:
        path: Below the prefix; without one, as on the service's oldest hosts, the whole path.
        legacy: Whether the classic platform's dialect is spoken.
    """

    path: str
    legacy: bool


def address_of(path: str, headers: Mapping[str, str]) -> Address:
    """Tell the dialect by the prefix, by a path that only the classic platform had, or by its access token.

    A base path that holds the word ``experimental`` is dropped: the official client takes such a URL as it is
    (rest-api.md 1.2).
    """
    path = _without_experimental(path)
    for prefix in (*CURRENT_PREFIXES, *LEGACY_PREFIXES):
        if path.startswith(prefix + "/"):
            path = path[len(prefix) :]
            return Address(path, prefix in LEGACY_PREFIXES or _is_classic(path))
    return Address(path, _is_classic(path) or "x-access-token" in headers)


def _without_experimental(path: str) -> str:
    """Drop what comes before an endpoint, if the word is in it; the word may as well be in a name or an id."""
    if "experimental" not in path:
        return path
    parts = path[1:].split("/")
    begin = 0
    for index, part in enumerate(parts[:-1], 1):
        if part in FIRST_WORDS:
            break
        if "experimental" in part:
            begin = index
    return "/" + "/".join(parts[begin:])


def is_legacy(scope: Mapping[str, Any]) -> bool:
    """Whether an admitted request speaks the classic platform's dialect."""
    return bool(scope.get("legacy"))


def _is_classic(path: str) -> bool:
    return path.startswith(_LEGACY_PATHS) or path in _LEGACY_PATH
