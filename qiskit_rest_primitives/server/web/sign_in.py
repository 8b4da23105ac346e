"""Who may look: one-time links, and the sessions of browsers that used one or know the API key."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from ..http.auth import Identity
from ..http.errors import HttpError, too_many
from ..http.request_body import LOGIN_BYTES, read_body
from ..http.responses import nothing
from ..settings import Settings

LINK_SECONDS = 3_600.0
COOKIE_SECONDS = 12 * 3_600
_MOST_LINKS, _MOST_TICKETS = 20, 100
MOST_WRONG, WRONG_SECONDS = 10, 60.0
"""Wrong API keys within a time, after which none is looked at; links, which nobody can guess, go on."""
HEADER = "x-workloads"
"""A header that the page sends with everything that changes something; no form of another site's can."""


class SignIns:
    """Links that were not used yet, and tickets, which browsers keep as cookies; both known by their hashes alone.

    They are in memory, so that ending the server signs everybody out and a copy of its database lets nobody in.
    """

    def __init__(self, identity: Identity, clock: Callable[[], float]) -> None:
        self._identity = identity
        self._clock = clock
        self._links: dict[bytes, float] = {}
        self._tickets: dict[bytes, float] = {}
        self._wrong: list[float] = []

    def new_code(self) -> str:
        """Return the code of a new link, which lets one browser in once within ``LINK_SECONDS``; from any thread."""
        return self._new(self._links, LINK_SECONDS, _MOST_LINKS)

    def redeem(self, code: str) -> str | None:
        """Return a ticket for a code, which is used up by that; None if it is not good, or not any more."""
        ends = self._links.pop(_hash(code), None)
        return self._ticket() if ends is not None and self._holds(ends, LINK_SECONDS) else None

    def exchange(self, key: str) -> str | None:
        """Return a ticket for the API key; None if it is another one, 429 where too many were wrong."""
        now = self._clock()
        self._wrong = [then for then in self._wrong if 0 <= now - then < WRONG_SECONDS]
        if len(self._wrong) >= MOST_WRONG:
            wait = int(WRONG_SECONDS - (now - self._wrong[0])) + 1
            raise too_many("Too many API keys were wrong.", retry_after=wait)
        if self._identity.accepts_key(key):
            return self._ticket()
        self._wrong.append(now)
        return None

    def is_good(self, ticket: str) -> bool:
        """Whether a ticket lets its browser in."""
        ends = self._tickets.get(_hash(ticket))
        return ends is not None and self._holds(ends, COOKIE_SECONDS)

    def forget(self, ticket: str) -> None:
        """Make a ticket worthless."""
        self._tickets.pop(_hash(ticket), None)

    def _ticket(self) -> str:
        return self._new(self._tickets, COOKIE_SECONDS, _MOST_TICKETS)

    def _new(self, kept: dict[bytes, float], seconds: float, most: int) -> str:
        """Return 256 random bits; the eldest of too many give way."""
        secret = secrets.token_urlsafe(32)
        kept[_hash(secret)] = self._clock() + seconds
        for known in list(kept)[:-most]:
            kept.pop(known, None)
        return secret

    def _holds(self, ends: float, seconds: float) -> bool:
        left = ends - self._clock()  # more than it was: the machine's clock was set back
        return 0 < left <= seconds


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def link_to(base: str, code: str) -> str:
    """Return the link of a code: behind the ``#``, where no server and no log sees it."""
    return f"{base}/#login={code}"


def ticket_of(request: Request) -> str | None:
    """Return the ticket that the browser of a request showed, if it is good."""
    sign_ins: SignIns = request.app.state.sign_ins
    ticket = request.cookies.get(_cookie(request))
    return ticket if ticket and sign_ins.is_good(ticket) else None


def check_origin(request: Request) -> None:
    """Check that a request comes from the page itself.

    Cookies are those of the host, whatever the port, so neither they nor ``SameSite`` tell another server's page on this
    machine from this one: what tells is where the browser says that the request comes from, and a header that a foreign page
    may send only after it has asked, which nobody grants it.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.url.netloc}"
    changes = request.method not in ("GET", "HEAD")
    if (
        site not in ("same-origin", "none")
        or (origin is not None and not hmac.compare_digest(origin.encode(), own.encode()))
        or (changes and HEADER not in request.headers)
    ):
        raise HttpError(403, "forbidden", "This is for the server's own page.")


async def sign_in(request: Request) -> Response:
    """``POST /web/sign-in`` with ``code``, of a link, or ``key``, the API key: the answer brings the cookie."""
    settings: Settings = request.app.state.settings
    sign_ins: SignIns = request.app.state.sign_ins
    try:
        given = json.loads(await read_body(request, settings.limits, most=LOGIN_BYTES))
        code, key = given.get("code"), given.get("key")
    except (ValueError, AttributeError, RecursionError) as error:
        raise HttpError(400, "bad_request", "The body must be a JSON object.") from error
    ticket = sign_ins.redeem(code) if isinstance(code, str) else None
    if isinstance(key, str) and ticket is None:
        ticket = sign_ins.exchange(key)
    if ticket is None:
        if code is None:
            raise HttpError(403, "not_signed_in", "This is not the API key of the server.")
        raise HttpError(
            403,
            "not_signed_in",
            "The link was used, or is too old.",
            solution="The server's API key works, too.",
        )
    answer = nothing()
    answer.set_cookie(
        _cookie(request),
        ticket,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def sign_out(request: Request) -> Response:
    """``POST /web/sign-out``."""
    sign_ins: SignIns = request.app.state.sign_ins
    sign_ins.forget(request.cookies.get(_cookie(request), ""))
    answer = nothing()
    answer.delete_cookie(_cookie(request), path="/", httponly=True, samesite="strict")
    return answer


def _cookie(request: Request) -> str:
    """Return the name of the cookie: with the port, since servers of one host share their cookies."""
    return f"workloads_{request.url.port or request.url.scheme}"
