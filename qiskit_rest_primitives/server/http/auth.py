"""Who asks: API keys, bearer tokens and their endpoint (rest-api.md 2.1), and the logins of the classic platform."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..._recent import remembered
from ..settings import Settings
from .errors import HttpError, unauthorized
from .request_body import LOGIN_BYTES, read_body

APIKEY_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_HEADER = {"alg": "HS256", "kid": "local", "typ": "JWT"}
_REMEMBERED = 1000


class Identity:
    """Issues bearer tokens for the API key, good for ``lifetime`` seconds, and recognises them.

    The signing key is derived from the API key, so a token outlives a restart of the server, but not a change of
    the key.
    """

    def __init__(self, api_key: str, lifetime: int, clock: Callable[[], float]) -> None:
        self._api_key = api_key.encode()
        self._secret = hashlib.sha256(b"qiskit-rest-primitives token signature\0" + self._api_key).digest()
        self._lifetime = lifetime
        self._clock = clock
        self._known: dict[str, float] = {}

    def issue(self) -> dict[str, Any]:
        """Return the answer of the token endpoint."""
        now = int(self._clock())
        expiration = now + self._lifetime
        claims = {
            "iss": "local",
            "sub": "local",
            "iam_id": "local",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": expiration,
        }
        signed = f"{_encode(_HEADER)}.{_encode(claims)}"
        return {
            "access_token": f"{signed}.{self._signature(signed)}",
            "refresh_token": "not_supported",
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "expiration": expiration,
            "scope": "ibm openid",
        }

    def accepts_key(self, key: str) -> bool:
        """Compare with the API key in constant time."""
        return hmac.compare_digest(key.encode("utf-8", "replace"), self._api_key)

    def check(self, authorization: str, *, or_key: bool = False) -> None:
        """Accept ``Bearer <token>`` or ``apikey <key>``, and ``Bearer <key>`` where ``or_key`` says so.

        Raises:
            HttpError: 401 otherwise; an expired token is told apart from a wrong one.
        """
        scheme, _, credential = authorization.partition(" ")
        scheme, credential = scheme.lower(), credential.strip()
        if scheme == "apikey":
            if not self.accepts_key(credential):
                raise unauthorized("The API key is not valid.")
        elif scheme == "bearer":
            if or_key and self.accepts_key(credential):
                return
            if self._clock() >= self._expiration(credential):
                raise unauthorized("The bearer token has expired.")
        else:
            raise unauthorized(
                "The Authorization header is missing, or is neither a bearer token nor an API key."
            )

    def _expiration(self, token: str) -> float:
        return remembered(self._known, token, lambda: self._read(token), most=_REMEMBERED)

    def _read(self, token: str) -> float:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._signature(signed).encode()):
            raise unauthorized("The bearer token is not valid.")
        return float(json.loads(_decode(signed.partition(".")[2]))["exp"])

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._secret, signed.encode("utf-8", "replace"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def token(request: Request) -> Response:
    """Exchange an API key for a bearer token: ``POST /identity/token`` and its alias ``/oidc/token``."""
    settings: Settings = request.app.state.settings
    identity: Identity = request.app.state.identity
    try:
        body = await read_body(request, settings.limits, most=LOGIN_BYTES)
    except HttpError as refusal:
        return _iam_error(refusal.status, "BXNIM0103E", refusal.message)
    form = parse_qs(body.decode("utf-8", "replace"))
    if form.get("grant_type") != [APIKEY_GRANT]:
        return _iam_error(400, "BXNIM0111E", "Property missing or not supported: grant_type.")
    key = form.get("apikey", [""])[0]
    if not identity.accepts_key(key):
        return _iam_error(400, "BXNIM0415E", "Provided API key could not be found.")
    return JSONResponse(identity.issue(), headers={"Cache-Control": "no-store"})


def new_token() -> str:
    """Return a random API key."""
    return secrets.token_urlsafe(33)


def _iam_error(status: int, code: str, message: str) -> Response:
    """Answer in the token service's own envelope (rest-api.md 1.5)."""
    context = {"requestId": uuid.uuid4().hex}
    return JSONResponse({"errorCode": code, "errorMessage": message, "context": context}, status)


def _encode(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


LIFETIME = 1_209_600
"""Seconds for which an access token is good; the classic platform's two weeks."""
_MOST = 10_000
_SCHEMA = "CREATE TABLE IF NOT EXISTS logins (digest BLOB PRIMARY KEY, ends REAL NOT NULL)"


class Logins:
    """Who is logged in; the database knows access tokens by digests alone, which a new API key makes worthless."""

    def __init__(
        self, identity: Identity, clock: Callable[[], float], connection: sqlite3.Connection, key: str
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._connection = connection
        self._key = key.encode()
        connection.execute(_SCHEMA)

    def log_in(self, api_token: object) -> str:
        """Return a new access token; 401 if the API token is wrong."""
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
        """Accept ``x-access-token``, or the API token itself in ``Authorization``, as the platform did; 401 otherwise."""
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
