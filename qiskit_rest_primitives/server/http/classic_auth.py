"""Logins of the classic platform: an API token is exchanged for an access token that can be given back."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from collections.abc import Callable, Mapping

from .auth import Identity
from .errors import HttpError

LIFETIME = 1_209_600
"""Seconds for which an access token is good; the classic platform's two weeks."""
_MOST = 10_000
_SCHEMA = "CREATE TABLE IF NOT EXISTS logins (digest BLOB PRIMARY KEY, ends REAL NOT NULL)"


class Logins:
    """Who is logged in; the database knows access tokens by digests alone, which a new API key makes worthless.

    Args:
        identity: Knows the API token.
        clock: Seconds since the epoch.
        connection: The database.
        key: The API token.
    """

    def __init__(
        self, identity: Identity, clock: Callable[[], float], connection: sqlite3.Connection, key: str
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._connection = connection
        self._key = key.encode()
        connection.execute(_SCHEMA)

    def log_in(self, api_token: object) -> str:
        """Return a new access token.

        Raises:
            HttpError: 401 if the API token is wrong.
        """
        if not isinstance(api_token, str) or not self._identity.accepts_key(api_token):
            raise _unauthorized("Login failed.")
        access, now = secrets.token_hex(32), self._clock()
        execute = self._connection.execute
        execute("INSERT INTO logins VALUES (?, ?)", (self._digest(access), now + LIFETIME))
        execute("DELETE FROM logins WHERE ends <= ?", (now,))
        # A script that logs in without end must not fill the database: the eldest logins give way.
        execute(
            "DELETE FROM logins WHERE rowid IN (SELECT rowid FROM logins ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
            (_MOST,),
        )
        return access

    def log_out(self, access: str) -> None:
        """Make an access token worthless."""
        self._connection.execute("DELETE FROM logins WHERE digest = ?", (self._digest(access),))

    def _digest(self, access: str) -> bytes:
        return hmac.digest(self._key, access.encode("utf-8", "replace"), "sha256")

    def _is_good(self, access: str) -> bool:
        query = "SELECT 1 FROM logins WHERE digest = ? AND ends > ?"
        return bool(self._connection.execute(query, (self._digest(access), self._clock())).fetchone())

    def check(self, headers: Mapping[str, str]) -> None:
        """Accept ``x-access-token``, or the API token itself in ``Authorization``, as the platform did.

        Raises:
            HttpError: 401 otherwise.
        """
        access = headers.get("x-access-token")
        if access is not None:
            if self._is_good(access):
                return
            raise _unauthorized("Authentication failed: the access token is not valid any more.")
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "apikey") or not self._identity.accepts_key(credential.strip()):
            raise _unauthorized("Authentication failed: the access token is missing.")


def _unauthorized(message: str) -> HttpError:
    solution = "Log in with the API token at /api/users/loginWithToken."
    return HttpError(401, "AUTHORIZATION_REQUIRED", message, solution=solution)
