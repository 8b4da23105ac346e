"""The dialect of the classic platform: login tokens and hub/group/project (rest-api.md 2.5 and 7.3 to 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .._calls import even_half_made
from .._frozen import frozen
from .._locks import fork_safe_lock
from .._secret import Secret
from ..accounts.account import Account
from ..wire.jsonio import dumps
from ..wire.models import DeviceRecord, JobPage, SessionRecord
from .api import Api
from .auth import Unsigned, hidden_answer
from .journal import NO_JOURNAL, Journal
from .messages import Failure, FailureError, Request, Send, query_of
from .retry import DEFAULT_POLICY, ONCE, RetryPolicy
from .submission import Submissions
from .transport import Transport, read_json

LOGIN, LOGOUT = "POST /users/loginWithToken", "POST /users/logout"


@frozen
class Provider:
    """Hub, group and project."""

    hub: str
    group: str
    project: str

    @classmethod
    def from_text(cls, text: str | None) -> Provider:
        """Read ``hub/group/project``, or raise a ``ValueError``."""
        parts = str(text or "").split("/")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{text!r} is not an instance of the form 'hub/group/project'.")
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.hub}/{self.group}/{self.project}"


class LoginAuth:
    """Exchanges an API token for an access token by logging in at a base URL such as ``https://host/api``; shared by threads."""

    def __init__(self, token: str, auth_url: str, send: Send, *, allow_insecure: bool = False) -> None:
        self._token = Secret(token)
        self._transport = Transport(
            auth_url, send, auth=Unsigned(), retry=ONCE, allow_insecure=allow_insecure
        )
        self._lock = fork_safe_lock()
        self._access = Secret("")

    @even_half_made
    def __repr__(self) -> str:
        return f"LoginAuth(auth_url={self._transport.base_url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A token cannot be pickled; reconnect from the saved account or the environment.")

    def headers(self, *, timeout: float | None = None) -> Mapping[str, str]:
        """Return the ``x-access-token`` header, logging in at first use; a ``FailureError`` if that fails."""
        access = self._access
        if not access:
            with self._lock:
                access = self._access = self._access or self._login(timeout)
        return {"x-access-token": access}

    def renew(self, rejected: Mapping[str, str], *, timeout: float | None = None) -> bool:
        """Log in again, unless another thread did so since; a ``FailureError`` if that fails."""
        with self._lock:
            if rejected.get("x-access-token") == self._access:
                self._access = self._login(timeout)
        return True

    def logout(self) -> None:
        """Make the access token worthless, if there is one; a token that is dead already is no error."""
        with self._lock:
            access, self._access = self._access, Secret("")
        if access:
            request = Request("POST", "/users/logout", LOGOUT, headers={"x-access-token": access})
            try:
                self._transport.request(request)
            except FailureError as problem:
                if problem.failure.status != 401:
                    raise

    def runtime_url(self) -> str:
        """Ask the login service for the base URL of the runtime service."""
        request, document = self._ask("/users/me")
        try:
            return str(document["urls"]["services"]["runtime"])
        except (KeyError, TypeError) as cause:
            raise FailureError(_failure("body", request, "The answer names no runtime service.")) from cause

    def providers(self) -> list[str]:
        """List the account's ``hub/group/project``, the default one first."""
        request, document = self._ask("/Network")
        try:
            found = [
                (not details.get("isDefault"), f"{hub['name']}/{group}/{project}")
                for hub in document
                for group, projects in hub["groups"].items()
                for project, details in projects["projects"].items()
            ]
        except (KeyError, TypeError, AttributeError) as cause:
            raise FailureError(_failure("body", request, "The answer is no list of hubs.")) from cause
        return [name for _, name in sorted(found, key=lambda item: item[0])]

    def _ask(self, path: str) -> tuple[Request, Any]:
        headers = self.headers()
        request = Request("GET", path, f"GET {path}", headers=headers)
        try:
            return request, self._transport.request(request, read=read_json)
        except FailureError as problem:
            if problem.failure.status != 401:
                raise
        self.renew(headers)
        request = Request("GET", path, f"GET {path}", headers=self.headers())
        return request, self._transport.request(request, read=read_json)

    def _login(self, timeout: float | None) -> Secret:
        request = Request("POST", "/users/loginWithToken", LOGIN, body=dumps({"apiToken": self._token}))
        access = hidden_answer(self._transport, request, timeout).get("id")
        if not isinstance(access, Secret) or not access:
            raise FailureError(_failure("body", request, "The answer to the login holds no access token."))
        return access


class LegacyApi(Api):
    """The same endpoints, spoken as the classic platform did, on behalf of a provider."""

    def __init__(self, transport: Transport, provider: Provider, *, journal: Journal = NO_JOURNAL) -> None:
        owner = {"hub": provider.hub, "group": provider.group, "project": provider.project}
        super().__init__(
            transport,
            submissions=Submissions(transport, journal=journal, instance=str(provider), owner=owner),
        )
        self.provider = provider

    def backends(self, *, include_mocks: bool = True, timeout: float | None = None) -> list[DeviceRecord]:  # noqa: ARG002
        """List the devices of the provider; there were no mocks."""
        query = query_of({"provider": str(self.provider)})
        return self._devices(query, timeout)

    def jobs(self, **filters: Any) -> JobPage:
        """Return one page of the provider's jobs; filters as in ``Api.jobs``."""
        return super().jobs(**{"provider": str(self.provider), **filters})

    def create_session(self, *, mode: str, backend: str, max_ttl: int | None = None) -> SessionRecord:
        """Create a session or batch; the answer may hold nothing but its id."""
        document = {
            "mode": mode,
            "backend": backend,
            "max_session_ttl": max_ttl,
            "instance": str(self.provider),
        }
        return self._open_session(document)


def login_of(account: Account, send: Send, *, allow_insecure: bool = False) -> LoginAuth:
    """Make the login of an account; see ``connect_legacy`` for where it is."""
    url = account.url.rstrip("/")
    parts = urlsplit(url)
    login = f"{parts.scheme}://{parts.netloc}/api" if url.endswith("/runtime") else url
    return LoginAuth(account.token, login, send, allow_insecure=allow_insecure)


def connect_legacy(
    account: Account,
    *,
    send: Send,
    auth: LoginAuth | None = None,
    retry: RetryPolicy = DEFAULT_POLICY,
    error_of: Callable[[Failure], Exception] = FailureError,
    journal: Journal = NO_JOURNAL,
    allow_insecure: bool = False,
    **injected: Any,
) -> LegacyApi:
    """Make the ``LegacyApi`` of an account whose ``instance`` is ``hub/group/project``; the arguments are those of ``connect``.

    An account URL that ends in ``/runtime`` is the service, with its login at ``/api`` of the same origin; any
    other one is the login service, which is asked where the service is.
    """
    provider = Provider.from_text(account.instance)
    url = account.url.rstrip("/")
    direct = url.endswith("/runtime")
    auth = auth or login_of(account, send, allow_insecure=allow_insecure)
    transport = Transport(
        url if direct else auth.runtime_url(),
        send,
        auth=auth,
        retry=retry,
        error_of=error_of,
        allow_insecure=allow_insecure,
        **injected,
    )
    return LegacyApi(transport, provider, journal=journal)


def _failure(kind: Any, request: Request, message: str) -> Failure:
    return Failure(kind, request.operation, request.method, request.path, message)
