"""The paths of the page: what is the browser's and not the API's, and the rules that hold for it alone."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ..http.errors import HttpError, too_many_connections
from ..http.middleware import SURPLUS, refusal_of
from ..routes import backends, jobs, sessions
from ..routes.platform import LIVE_VERSION
from ..settings import Settings
from . import views
from .events import events
from .sign_in import check_origin, sign_in, sign_out, ticket_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OPEN = ("/web/account", "/web/sign-in", "/web/static/")


class WebPages:
    """Answers the paths of the page, and leaves all others to the application.

    The cookie of a browser opens nothing but these; and nothing here is opened by what opens the API. Where several instances
    are served, ``?instance=N`` says whose workloads are meant, counted from 0.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._instances = settings.instances
        self._router = Router(_routes(), redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not is_of_the_page(scope):
            await self._app(scope, receive, send)
            return
        started = False

        async def protected_send(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(raw=message["headers"])
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._admit(Request(scope))
            await self._router(scope, receive, protected_send)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                raise
            await refusal_of(error, scope).response()(scope, receive, protected_send)

    def _admit(self, request: Request) -> None:
        scope = request.scope
        if SURPLUS in scope.get("state", {}):
            raise too_many_connections()
        if not scope["path"].startswith("/web/") or scope["path"].startswith("/web/static/"):
            return
        check_origin(request)
        if not scope["path"].startswith(_OPEN) and ticket_of(request) is None:
            raise HttpError(
                401, "not_signed_in", "Sign in first.", solution="Use a link of the server's, or its API key."
            )
        number = request.query_params.get("instance", "0")
        if not (number.isascii() and number.isdigit() and int(number[:9]) < len(self._instances)):
            raise HttpError(404, "not_found", "There is no such instance.")
        scope["instance"] = self._instances[int(number)]
        scope["api_version"] = LIVE_VERSION


def is_of_the_page(scope: Scope) -> bool:
    """Whether a request is the page's: ``/`` is for those who want HTML, and the API's for all others."""
    path = scope["path"]
    if path == "/":
        return "text/html" in Headers(scope=scope).get("accept", "")
    return path == "/docs" or path.startswith("/web/")


def _routes() -> list[Route]:
    get, post = ["GET"], ["POST"]
    return [
        Route("/", _page, methods=get),
        Route("/docs", _page, methods=get),
        Route("/web/static/{name}", _static, methods=get),
        Route("/web/account", views.account, methods=get),
        Route("/web/sign-in", sign_in, methods=post),
        Route("/web/sign-out", sign_out, methods=post),
        Route("/web/link", views.link, methods=post),
        Route("/web/events", events, methods=get),
        Route("/web/workloads", views.workloads, methods=get),
        Route("/web/jobs", jobs.listing, methods=get),
        Route("/web/jobs/{id}", views.job, methods=get),
        Route("/web/jobs/{id}/inputs", views.inputs, methods=get),
        Route("/web/jobs/{id}/result", views.result, methods=get),
        Route("/web/jobs/{id}/log", views.log, methods=get),
        Route("/web/jobs/{id}/cancel", jobs.cancel, methods=post),
        Route("/web/sessions/{id}", views.session, methods=get),
        Route("/web/sessions/{id}/close", sessions.close, methods=post),
        Route("/web/backends", backends.listing, methods=get),
        Route("/web/backends/{name}", views.backend, methods=get),
        Route("/web/usage", views.usage, methods=get),
    ]


async def _page(request: Request) -> Response:
    return _file(request, "page.html")


async def _static(request: Request) -> Response:
    return _file(request, request.path_params["name"])


def _file(request: Request, name: str) -> Response:
    """Answer with a file of the package; browsers ask each time whether theirs is still the same."""
    found = _static_files().get(name)
    if found is None:
        raise HTTPException(404)
    body, kind, tag = found
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(body, 200, headers, kind)


@cache
def _static_files() -> dict[str, tuple[bytes, str, str]]:
    """Return body, media type and tag of each file, by name."""
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    found = {}
    for entry in files(__package__).joinpath("static").iterdir():
        kind = kinds.get("." + entry.name.rpartition(".")[2])
        if kind is not None:
            body = entry.read_bytes()
            found[entry.name] = (body, kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
    return found
