"""Logins of the classic platform: an API token is exchanged for an access token that can be given back.

What lives here: the access tokens of this server (rest-api.md 2.5). What does not: routes (``legacy``) and the bearer
tokens of the current dialect (``identity``).
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping

from .envelope import Refusal
from .identity import Identity

LIFETIME = 1_209_600
"""Seconds for which an access token is good; the classic platform's two weeks."""
_MOST = 10_000


class Logins:
    """Who is logged in. A restart of the server logs everybody out.

    Args:
        identity: Knows the API token.
        clock: Seconds since the epoch.
    """

    def __init__(self, identity: Identity, clock: Callable[[], float]) -> None:
        self._identity = identity
        self._clock = clock
        self._ends: OrderedDict[bytes, float] = OrderedDict()

    def log_in(self, api_token: object) -> str:
        """Return a new access token.

        Raises:
            Refusal: 401 if the API token is wrong.
        """
        if not isinstance(api_token, str) or not self._identity.accepts_key(api_token):
            raise _unauthorized("Login failed.")
        access = secrets.token_hex(32)
        self._ends[_digest(access)] = self._clock() + LIFETIME
        if len(self._ends) > _MOST:
            self._ends.popitem(last=False)
        return access

    def log_out(self, access: str) -> None:
        """Make an access token worthless."""
        self._ends.pop(_digest(access), None)

    def check(self, headers: Mapping[str, str]) -> None:
        """Accept ``x-access-token``, or the API token itself in ``Authorization``, as the platform did.

        Raises:
            Refusal: 401 otherwise.
        """
        access = headers.get("x-access-token")
        if access is not None:
            if self._clock() < self._ends.get(_digest(access), 0.0):
                return
            raise _unauthorized("Authentication failed: the access token is not valid any more.")
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "apikey") or not self._identity.accepts_key(credential.strip()):
            raise _unauthorized("Authentication failed: the access token is missing.")


def _unauthorized(message: str) -> Refusal:
    solution = "Log in with the API token at /api/users/loginWithToken."
    return Refusal(401, "AUTHORIZATION_REQUIRED", message, solution=solution)


def _digest(access: str) -> bytes:
    return hashlib.sha256(access.encode("utf-8", "replace")).digest()
