"""The server as an ASGI application: its routes, its start and its end."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .endpoints import ENDPOINTS
from .http.api_paths import is_legacy
from .http.auth import Identity, Logins
from .http.errors import HttpError
from .http.middleware import ApiMiddleware, refusal_of
from .http.request_body import Intake
from .jobs.retention import SWEEP_SECONDS, has_limits, sweep, sweep_sessions
from .jobs.store import Store
from .settings import Settings
from .state import ServerState
from .web.events import Listeners
from .web.looks import Looks
from .web.pages import WebPages
from .web.sign_in import SignIns

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> Starlette:
    """Return the application; its store is opened now and its jobs start with the event loop."""
    store = Store(settings.database)
    server = ServerState(settings, store)
    identity = Identity(settings.token, settings.token_seconds, settings.clock)
    logins = Logins(identity, settings.clock, store.connection, settings.token)
    looks = Looks(settings, store)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            server.scheduler.start()
        except (OSError, ValueError, ImportError) as error:
            app.state.problem = error  # for who serves, who has more to say about it than a traceback
            store.close()
            yield
            return
        sweeper = asyncio.create_task(_sweep(server))
        try:
            yield
        finally:
            server.scheduler.stop()
            server.transpilations.shutdown()
            server.reader.shutdown()
            looks.shutdown()
            sweeper.cancel()
            store.close()

    app = Starlette(
        routes=[Route(row.path, row.handler, methods=[row.method]) for row in ENDPOINTS],
        middleware=[
            Middleware(WebPages, settings=settings),
            Middleware(ApiMiddleware, settings=settings, identity=identity, logins=logins),
        ],
        exception_handlers={HttpError: _refuse, HTTPException: _refuse},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would lead out of the prefix
    app.state.settings, app.state.server, app.state.identity = settings, server, identity
    app.state.problem = None
    app.state.logins, app.state.intake = logins, Intake(settings.limits.uploading_bytes, settings.database)
    app.state.sign_ins, app.state.looks = SignIns(identity, settings.clock), looks
    app.state.listeners = Listeners()
    return app


async def _sweep(server: ServerState) -> None:
    while True:
        try:
            server.scheduler.tidy_devices()
            if has_limits(server.settings):
                await sweep(server.store, server.settings)
                for session_id in sweep_sessions(server.store, server.settings):
                    server.scheduler.sessions.pop(session_id, None)
        except sqlite3.Error as error:
            logger.error("cannot forget old jobs: %s", error)
        except Exception:  # it is tried again, whatever it was
            logger.exception("cannot tidy up")
        await asyncio.sleep(SWEEP_SECONDS)


async def _refuse(request: Request, error: Exception) -> Response:
    # Whoever keeps the exception would keep the body of the request in its frames, and the file where that waits.
    error.__traceback__ = None
    return refusal_of(error, request.scope).response(legacy=is_legacy(request.scope))
