"""From an account to an ``Api``: engine, token, headers and transport put together, and which instances there are to choose from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from requests.adapters import BaseAdapter

from .._version import __version__
from ..accounts.account import Account
from ..accounts.endpoints import UrlResolver, catalog_url_of, guid_of, is_crn, region_of, search_url_of
from ..wire.jsonio import dumps
from ..wire.models import InstanceRecord
from .api import Api
from .auth import IamAuth
from .http_client import Engine
from .journal import NO_JOURNAL, Journal
from .messages import Credentials, Failure, FailureError, Request, Send, segment
from .retry import DEFAULT_POLICY, RetryPolicy
from .submission import Submissions
from .transport import Transport

API_VERSION = "2026-04-15"
"""The version whose documents this package reads (rest-api.md 1.4)."""


def engine_of(account: Account, adapter: BaseAdapter | None = None) -> Engine:
    """Make the engine for an account's network settings; one engine serves all instances of an account."""
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
    """Make the ``Api`` of one instance; nothing is sent.

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


PRICES = ("free", "trial", "paygo", "paid", "subscription", "unknown")
"""Kinds of plan in the order in which one is chosen."""
FIELDS = ("crn", "service_plan_unique_id", "name", "doc", "tags")
MAX_PAGES = 100


class Discovery:
    """Asks the cloud for the instances of an account."""

    def __init__(
        self,
        account: Account,
        send: Send,
        auth: Credentials,
        *,
        error_of: Callable[[Failure], Exception] = FailureError,
        environ: Mapping[str, str] = os.environ,
        **injected: Any,
    ) -> None:
        private = account.private_endpoint
        more: dict[str, Any] = {"auth": auth, "error_of": error_of, **injected}
        self._search = Transport(search_url_of(account.url, private, environ), send, **more)
        self._catalog = Transport(
            catalog_url_of(account.url, private, environ), send, **{**more, "auth": None}
        )

    def instances(self) -> list[InstanceRecord]:
        """Return all instances of the account, with the plan of each; one request per distinct plan."""
        items = self._items()
        plans = {
            plan: self._plan(plan)
            for plan in sorted({str(item.get("service_plan_unique_id") or "") for item in items})
        }
        records = []
        for item in items:
            name, price = plans[str(item.get("service_plan_unique_id") or "")]
            records.append(
                InstanceRecord(
                    crn=str(item["crn"]),
                    plan=name,
                    name=str(item.get("name") or ""),
                    tags=tuple(str(tag) for tag in item.get("tags") or ()),
                    pricing_type=price,
                )
            )
        return sorted(records, key=lambda record: PRICES.index(record.pricing_type))

    def _items(self) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            body: dict[str, Any] = {"query": "service_name:quantum-computing", "fields": list(FIELDS)}
            if cursor:
                body["search_cursor"] = cursor
            request = Request(
                "POST",
                "/v3/resources/search",
                "POST /v3/resources/search",
                (("limit", "100"),),
                body=dumps(body),
            )
            found, cursor = self._search.read(request, _page)
            items += found
            if not cursor:
                break
        return items

    def _plan(self, plan: str) -> tuple[str, str]:
        """Return a plan's name and kind; archived plans (403) and missing ones are unknown."""
        if not plan:
            return "unknown", "unknown"
        request = Request("GET", f"/{segment(plan, what='plan id')}", "GET /{plan}")
        outcome = self._catalog.ask(request, statuses=(403, 404))
        if outcome is None:
            return "unknown", "unknown"
        name = _below(outcome, "overview_ui", "en", "display_name")
        price = _below(outcome, "metadata", "pricing", "type")
        return str(name or "unknown"), str(price) if price in PRICES else "unknown"


def choose(
    records: Iterable[InstanceRecord],
    *,
    instance: str | None = None,
    region: str | None = None,
    plans: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
) -> list[InstanceRecord]:
    """Return the instances that match, best first.

    Args:
        records: All instances.
        instance: CRN or name; the filters after it are ignored then.
        region: ``us-east`` or ``eu-de``.
        plans: Plans to choose from, best first, compared without case; others are left out.
        tags: Tags that must all be there, compared without case.
    """
    if instance is not None and instance != "auto":
        return [record for record in records if instance in (record.crn, record.name)]
    matching = [
        record
        for record in records
        if (region is None or region_of(record.crn) == region)
        and {tag.lower() for tag in tags or ()} <= {tag.lower() for tag in record.tags}
    ]
    if plans is None:
        return matching
    order = [plan.lower() for plan in plans]
    known = [record for record in matching if record.plan.lower() in order]
    return sorted(known, key=lambda record: order.index(record.plan.lower()))


def _page(document: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str | None]:
    """Read the quantum instances of one page of a search, and what asks for the next page."""
    found: list[Mapping[str, Any]] = [
        {**item, "tags": [*(item.get("tags") or ())]}
        for item in document.get("items") or ()
        if is_crn(item.get("crn")) and (item.get("doc") or {}).get("extensions")
    ]
    for item in found:
        segment(str(item.get("service_plan_unique_id") or "unknown"), what="plan id")
    cursor = document.get("search_cursor")
    if not isinstance(cursor, str | None):
        raise TypeError("search_cursor is no text")
    return found, cursor


def _below(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document
