"""What every request passes: prefix, credentials, instance, API version, and the last word on errors."""

from __future__ import annotations

import functools
import logging
import re
import sqlite3
from datetime import date
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from ..settings import Instance, Settings
from ..text import readable
from .api_paths import address_of, is_legacy
from .auth import Identity, Logins
from .errors import HttpError, bad_request, cannot_store, too_many_connections

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/versions", "/identity/token", "/oidc/token", "/health", "/openapi.json"})
UNVERSIONED = {"/backends": "2024-01-01"}
DEFAULT_VERSION = "2025-05-01"
SURPLUS = "surplus"
"""Key in the ``state`` of the ASGI scope: the connection is one too many (``timeouts``)."""
LEGACY_OPEN_PATHS = frozenset({"/users/loginWithToken", "/version"})
LEGACY_VERSION = "2024-01-01"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ApiMiddleware:
    """Checks a request before the routes see it, and turns every failure into the documented envelope.

    What it learned is left in the scope: ``instance``, ``api_version`` and ``legacy``.
    """

    def __init__(self, app: ASGIApp, settings: Settings, identity: Identity, logins: Logins) -> None:
        self._app = app
        self._settings = settings
        self._identity = identity
        self._logins = logins
        self._instances = {instance.crn: instance for instance in settings.instances}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self._admit(scope)
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            logger.debug("%s %s: the client went away", scope["method"], scope["path"])
        except Exception as error:
            if started:
                raise
            await refusal_of(error, scope).response(legacy=is_legacy(scope))(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        address = address_of(scope["path"], headers)
        path, scope["legacy"] = address.path, address.legacy
        if SURPLUS in scope.get("state", {}):
            raise too_many_connections()
        if path != scope["path"]:
            # Routes are matched below the prefix.
            scope["path"], scope["raw_path"] = path, path.encode()
        if address.legacy:
            self._admit_legacy(scope, headers)
            return
        scope["api_version"] = api_version(
            headers.get("ibm-api-version"), path if path in UNVERSIONED else ""
        )
        if path in OPEN_PATHS or is_catalog_path(path):
            return
        if is_transpiler_path(path):
            self._identity.check(headers.get("authorization", ""), or_key=True)
            return
        self._identity.check(headers.get("authorization", ""))
        if not is_account_path(path):
            scope["instance"] = self._instance(headers.get("service-crn"))

    def _admit_legacy(self, scope: Scope, headers: Headers) -> None:
        scope["api_version"] = api_version(headers.get("ibm-api-version") or LEGACY_VERSION, "")
        if scope["path"] in LEGACY_OPEN_PATHS:
            return
        self._logins.check(headers)
        query = QueryParams(scope["query_string"])
        scope["instance"] = self._settings.instance_of(query.get("provider"))

    def _instance(self, crn: str | None) -> Instance:
        if not crn:
            raise bad_request("The Service-CRN header is missing.", solution="Send the CRN of the instance.")
        instance = self._instances.get(crn)
        if instance is None:
            raise HttpError(
                404,
                1279,
                "The instance CRN is not known in this region.",
                solution="Check the Service-CRN header; the server prints its CRN when it starts.",
            )
        return instance


def is_account_path(path: str) -> bool:
    """Whether a path belongs to the account's platform, where no instance is chosen yet (rest-api.md 2.4)."""
    return path == "/v3/resources/search" or is_catalog_path(path)


def is_transpiler_path(path: str) -> bool:
    """Whether a path is the transpiler service's, which takes the API key itself and knows no instances (6.1)."""
    return path == "/transpile" or path.startswith("/transpile/")


def is_catalog_path(path: str) -> bool:
    """Whether a path is a plan's entry in the catalog, which is public: its only segment is a UUID."""
    parts = path.strip("/").split("/")
    return len(parts) == 1 and parts[0].count("-") >= 4


@functools.lru_cache(maxsize=64)
def api_version(header: str | None, path: str) -> str:
    """Return the API date that decides the shape of the answer (rest-api.md 1.4 and 9.1); 400 if the header is none."""
    if header is None:
        return UNVERSIONED.get(path, DEFAULT_VERSION)
    try:
        if not _DATE.fullmatch(header):
            raise ValueError("not a date")
        return date.fromisoformat(header).isoformat()
    except ValueError as error:
        raise bad_request("IBM-API-Version is not a date of the form YYYY-MM-DD.") from error


def refusal_of(error: Exception, scope: Scope) -> HttpError:
    """Return what to answer for an exception; unexpected ones are logged and told to nobody else."""
    if isinstance(error, HttpError):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            message = f"{scope['method']} is not allowed here."
            return HttpError(405, "method_not_allowed", message, headers=dict(error.headers or {}))
        return HttpError(error.status_code, "not_found", "No such path.")
    if isinstance(error, sqlite3.OperationalError):
        logger.error("%s %s cannot be stored: %s", scope["method"], readable(scope["path"]), error)
        return cannot_store()
    logger.error("%s %s failed", scope["method"], readable(scope["path"]), exc_info=error)
    return HttpError(500, 9999, "Internal error.", solution="See the server's log.")
