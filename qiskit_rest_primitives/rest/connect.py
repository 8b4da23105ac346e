"""From an account to an ``Api``: engine, token, headers and transport put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from requests.adapters import BaseAdapter

from .._version import __version__
from ..accounts.account import Account
from ..accounts.endpoints import UrlResolver, guid_of, is_crn
from .api import Api
from .auth import IamAuth
from .exchange import Credentials, Send
from .http_client import Engine
from .journal import NO_JOURNAL, Journal
from .messages import Failure, FailureError
from .retry import DEFAULT_POLICY, RetryPolicy
from .submission import Submissions
from .transport import Transport

API_VERSION = "2026-04-15"
"""The version whose documents this package reads (rest-api.md 1.4)."""


def engine_of(account: Account, adapter: BaseAdapter | None = None) -> Engine:
    """Make the engine for an account's network settings; one engine serves all instances of an account.

    Args:
        account: The account.
        adapter: The user's adapter of requests, if any.
    """
    return Engine(verify=account.verify, proxies=account.proxies, adapter=adapter)


def credentials_of(account: Account, send: Send, *, allow_insecure: bool = False) -> Credentials:
    """Make what signs an account's requests."""
    return IamAuth(account.token, account.iam_url(), send, allow_insecure=allow_insecure)


def connect(
    account: Account,
    instance: str | None = None,
    *,
    send: Send | None = None,
    auth: Credentials | None = None,
    resolver: UrlResolver | None = None,
    retry: RetryPolicy = DEFAULT_POLICY,
    error_of: Callable[[Failure], Exception] = FailureError,
    journal: Journal = NO_JOURNAL,
    allow_insecure: bool = False,
    **injected: Any,
) -> Api:
    """Make the ``Api`` of one instance. Nothing is sent.

    Args:
        account: The account.
        instance: CRN of the instance; the account's own by default.
        send: Engine to share between instances; a new one by default.
        auth: Credentials to share between instances; new ones by default.
        resolver: ``url_resolver`` of the service.
        retry: Policy for everything.
        error_of: Makes exceptions from failures.
        journal: Where submissions are written down.
        allow_insecure: Whether credentials may travel unencrypted to another machine.
        **injected: ``clock``, ``sleep`` and ``random`` for the transport.
    """
    instance = instance or account.instance
    send = send or engine_of(account)
    transport = Transport(
        account.base_url(instance, resolver=resolver),
        send,
        auth=auth or credentials_of(account, send, allow_insecure=allow_insecure),
        headers=client_headers(instance),
        retry=retry,
        error_of=error_of,
        allow_insecure=allow_insecure,
        **injected,
    )
    return Api(transport, submissions=Submissions(transport, journal=journal, instance=guid_of(instance)))


def client_headers(instance: str | None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the headers of every request to an instance (rest-api.md 1.3 and 2.3)."""
    client = f"qiskit_rest_primitives-{__version__}"
    custom = environ.get("QISKIT_IBM_RUNTIME_CUSTOM_CLIENT_APP_HEADER") or environ.get(
        "QE_CUSTOM_CLIENT_APP_HEADER"
    )
    application = f"qiskit-version-2/{client}/qiskit{f'/{custom}' if custom else ''}"
    if environ.get("USAGE_DATA_OPT_OUT", "").lower() == "true":
        application = "qiskit-version-2/qiskit"
    headers = {
        "IBM-API-Version": API_VERSION,
        "User-Agent": f"qiskit-rest-primitives/{__version__}",
        "X-Qx-Client-Application": application,
    }
    if is_crn(instance):
        headers["Service-CRN"] = str(instance)
    if environ.get("QISKIT_FUNCTIONS_IDENTIFIER"):
        headers["IBM-API-Function-Id"] = environ["QISKIT_FUNCTIONS_IDENTIFIER"]
    return headers
