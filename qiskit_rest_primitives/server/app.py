"""The server as an ASGI application: the table of routes, and nothing else."""

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

from .http.api_paths import is_legacy
from .http.auth import Identity, token
from .http.classic_auth import Logins
from .http.errors import ApiError
from .http.middleware import ApiMiddleware, refusal_of
from .http.request_body import Intake
from .jobs.retention import SWEEP_SECONDS, has_limits, sweep, sweep_sessions
from .jobs.store import Store
from .openapi import document as openapi
from .routes import analytics, backends, jobs, legacy, platform, programs, sessions
from .settings import Settings
from .state import ServerState
from .transpile import routes as transpiling

# Matched in this order, below the prefix /api/v1 (or /v1); the busiest first.
logger = logging.getLogger(__name__)

ROUTES = (
    ("POST", "/jobs", legacy.by_dialect(jobs.create, legacy.create_job)),
    ("GET", "/jobs/{id}", jobs.show),
    ("GET", "/jobs/{id}/results", jobs.results),
    ("GET", "/backends/{name}/status", backends.status),
    ("GET", "/instances/usage", platform.usage),
    ("GET", "/jobs", jobs.listing),
    ("DELETE", "/jobs/{id}", jobs.delete),
    ("POST", "/jobs/{id}/cancel", jobs.cancel),
    ("PUT", "/jobs/{id}/tags", jobs.set_tags),
    ("GET", "/jobs/{id}/metrics", jobs.metrics),
    ("GET", "/jobs/{id}/logs", jobs.logs),
    ("GET", "/jobs/{id}/interim_results", programs.interim_results),
    ("GET", "/jobs/{id}/transpiled_circuits", jobs.transpiled_circuits),
    ("GET", "/tags", jobs.tags),
    ("GET", "/programs", programs.listing),
    ("POST", "/programs", programs.create),
    ("GET", "/programs/{id}", programs.show),
    ("PATCH", "/programs/{id}", programs.update),
    ("DELETE", "/programs/{id}", programs.delete),
    ("GET", "/programs/{id}/data", programs.show),
    ("PUT", "/programs/{id}/data", programs.replace_source),
    ("PUT", "/programs/{id}/public", programs.publish),
    ("PUT", "/programs/{id}/private", programs.hide),
    ("POST", "/transpile", transpiling.create),
    ("GET", "/transpile/{id}", transpiling.show),
    ("POST", "/sessions", legacy.by_dialect(sessions.create, legacy.create_session)),
    ("GET", "/sessions/{id}", sessions.show),
    ("PATCH", "/sessions/{id}", sessions.update),
    ("DELETE", "/sessions/{id}/close", sessions.close),
    ("GET", "/backends", backends.listing),
    ("GET", "/backends/{name}/configuration", backends.configuration),
    ("GET", "/backends/{name}/properties", backends.properties),
    ("GET", "/backends/{name}/defaults", backends.defaults),
    ("GET", "/workloads", platform.workloads),
    ("GET", "/instance", platform.instance),
    ("GET", "/instances/configuration", platform.configuration),
    ("PUT", "/instances/configuration", platform.configure),
    ("GET", "/accounts/{id}", platform.account),
    ("GET", "/analytics/usage", analytics.totals),
    ("GET", "/analytics/usage_grouped", analytics.grouped),
    ("GET", "/analytics/usage_grouped_by_date", analytics.grouped_by_date),
    ("GET", "/analytics/filters", analytics.filters),
    ("GET", "/versions", platform.versions),
    ("GET", "/health", platform.health),
    ("GET", "/openapi.json", openapi.show),
    ("POST", "/identity/token", token),
    ("POST", "/oidc/token", token),
    ("POST", "/v3/resources/search", platform.search),
    ("POST", "/users/loginWithToken", legacy.log_in),
    ("POST", "/users/logout", legacy.log_out),
    ("GET", "/users/me", legacy.me),
    ("POST", "/logout", legacy.forget),
    ("GET", "/version", legacy.version),
    ("GET", "/Network", legacy.network),
    ("GET", "/Network/bookings/v2", legacy.bookings),
    ("GET", f"{legacy.DEVICES}/v/1", legacy.devices),
    ("GET", f"{legacy.DEVICES}/{{name}}/configuration", backends.configuration),
    ("GET", f"{legacy.DEVICES}/{{name}}/properties", backends.properties),
    ("GET", f"{legacy.DEVICES}/{{name}}/defaults", backends.defaults),
    ("GET", f"{legacy.DEVICES}/{{name}}/status", backends.status),
    ("GET", f"{legacy.DEVICES}/{{name}}/queue/status", legacy.queue_status),
    ("GET", "/{plan_id}", platform.catalog_entry),
)


def create_app(settings: Settings) -> Starlette:
    """Return the application; its store is opened now and its jobs start with the event loop.

    Args:
        settings: What to serve and how.
    """
    store = Store(settings.database)
    server = ServerState(settings, store)
    identity = Identity(settings.token, settings.token_seconds, settings.clock)
    logins = Logins(identity, settings.clock, store.connection, settings.token)

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
            sweeper.cancel()
            store.close()

    app = Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in ROUTES],
        middleware=[Middleware(ApiMiddleware, settings=settings, identity=identity, logins=logins)],
        exception_handlers={ApiError: _refuse, HTTPException: _refuse},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would lead out of the prefix
    app.state.settings, app.state.server, app.state.identity = settings, server, identity
    app.state.problem = None
    app.state.logins, app.state.intake = logins, Intake(settings.limits.uploading_bytes)
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
    return refusal_of(error, request.scope).response(legacy=is_legacy(request.scope))
