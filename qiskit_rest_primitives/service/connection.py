"""One account's way to the service: which instances it has, and the endpoints and the catalog of each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from requests.adapters import BaseAdapter

from .._calls import even_half_made
from .._locks import fork_safe_lock
from ..accounts.account import Account, AccountSettings, find_account
from ..accounts.endpoints import DEFAULT_URL, guid_of, is_base_url, is_crn
from ..accounts.manager import account_errors
from ..exceptions import IBMError, IBMInputValueError, InvalidAccountError, from_failure
from ..rest.api import Api
from ..rest.connect import Discovery, choose, connect, credentials_of, engine_of
from ..rest.journal import NO_JOURNAL, user_journal
from ..rest.legacy import LoginAuth, Provider, connect_legacy, login_of
from ..rest.messages import Credentials, Failure, FailureError, Send
from ..wire.models import InstanceRecord
from .device_catalog import DeviceCatalog
from .embedded import is_embedded, job_error, settled, while_it_runs

Resolver = Callable[..., str]
T = TypeVar("T")

_LIVE: WeakValueDictionary[str, Connection] = WeakValueDictionary()
"""Documented cache: the connections of this process by a random key, so that a handle that is pickled and unpickled
within the process (as copies and some executors do) gets its own connection back, secrets included."""


class Connection:
    """The endpoints of an account, instance by instance. Safe to use from several threads; nothing is sent early.

    The arguments are those of ``QiskitRuntimeService``.
    """

    def __init__(
        self,
        account: Account,
        *,
        resolver: Resolver | None = None,
        allow_insecure: bool = False,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._given = account
        self._resolver = resolver
        self._insecure = allow_insecure
        self._adapter = adapter
        self._lock = fork_safe_lock()
        self._settled: Account | None = None
        self._edge: tuple[Send, Credentials] | None = None
        self._apis: dict[str | None, Api] = {}
        self._catalogs: dict[str | None, DeviceCatalog] = {}
        self._chosen: list[InstanceRecord] | None = None
        self._all: list[InstanceRecord] | None = None
        self._key = uuid.uuid4().hex
        _LIVE[self._key] = self

    @classmethod
    def open(
        cls,
        settings: AccountSettings,
        *,
        filename: str | None = None,
        name: str | None = None,
        resolver: Resolver | None = None,
        allow_insecure: bool = False,
        adapter: BaseAdapter | None = None,
    ) -> Connection:
        """Find the account that the service's arguments mean; no request but to look up an instance's name.

        Errors are those of ``QiskitRuntimeService``, and an ``IBMInputValueError`` where no instance has the name that was given, or
        fits what was asked for.
        """
        with account_errors():
            account = find_account(filename=filename, name=name, **settings)
        if account.channel == "ibm_quantum":
            _check_classic(account)
            return cls(account, allow_insecure=allow_insecure, adapter=adapter)
        if account.channel == "local" and account.url != DEFAULT_URL and not account.token:
            raise InvalidAccountError(
                "Invalid account: channel 'local' with a url needs the token that the server printed when it started; "
                "without a url, a server inside this process is used and no token is needed."
            )
        connection = cls(account, resolver=resolver, allow_insecure=allow_insecure, adapter=adapter)
        by_name = account.instance not in (None, "auto") and not is_crn(account.instance)
        if by_name or account.region or account.plans_preference or account.tags:
            connection.candidates(None)
        return connection

    @property
    def channel(self) -> str:
        """The account's channel."""
        return self._given.channel

    @property
    def is_embedded(self) -> bool:
        """Whether the server is inside this process."""
        return is_embedded(self._given)

    @property
    def _is_classic(self) -> bool:
        """Whether the classic platform's dialect is spoken; instances are ``hub/group/project`` then."""
        return self._given.channel == "ibm_quantum"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Connection):
            return NotImplemented
        if self is other or self._identity(self._given) == other._identity(other._given):
            return True
        # The embedded server can be meant without its address, or with it, as active_account() tells it.
        local = self.channel == other.channel == "local"
        return local and self._identity(self.account) == other._identity(other.account)

    __hash__ = None  # type: ignore[assignment]

    def _identity(self, account: Account) -> tuple[Any, ...]:
        return (account.channel, account.url, account.token, self.reference(account.instance))

    @even_half_made
    def __repr__(self) -> str:
        return f"<Connection(channel={self.channel!r})>"

    # -- the account and its instances ---------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        """The account, with the embedded server's address filled in; starts that server if need be."""
        with self._lock:
            if self._settled is None:
                self._settled = settled(self._given) if self.is_embedded else self._given
            return self._settled

    def instances(self) -> list[InstanceRecord]:
        """Return every instance of the account; asked once."""
        with self._lock:
            if self._all is None:
                self._all = self._asked_instances()
            return self._all

    def _asked_instances(self) -> list[InstanceRecord]:
        send, auth = self._connected()
        if isinstance(auth, LoginAuth):
            try:
                return [InstanceRecord(provider, name=provider) for provider in auth.providers()]
            except FailureError as problem:
                raise from_failure(problem.failure) from problem
        environ = _platform_of(self.account)
        more: dict[str, Any] = {} if environ is None else {"environ": environ}
        more["allow_insecure"] = self._insecure
        return Discovery(self.account, send, auth, error_of=from_failure, **more).instances()

    def candidates(self, instance: str | None) -> list[str | None]:
        """Return the instances to look in, the active one first.

        ``instance`` is CRN, name or reference of one; None is for all that the account was opened for. An ``IBMInputValueError`` says
        that there is none.
        """
        if instance is not None and instance != "auto":
            return [self.resolve(instance)]
        account = self.account
        if is_crn(account.instance) or self._resolver is not None:
            return [account.instance]
        if self._is_classic:
            return [account.instance or self._first_provider()]
        with self._lock:
            if self._chosen is None:
                self._chosen = self._choose(account)
            return [record.crn for record in self._chosen]

    def _first_provider(self) -> str:
        providers = self.instances()
        if not providers:
            raise IBMInputValueError("This account belongs to no hub/group/project.")
        return providers[0].crn

    def _choose(self, account: Account) -> list[InstanceRecord]:
        # An account that was unpickled names its instance by reference.
        crns = {guid_of(record.crn): record.crn for record in self.instances()}
        chosen = choose(
            self.instances(),
            instance=crns.get(account.instance or "", account.instance),
            region=account.region,
            plans=account.plans_preference,
            tags=account.tags,
        )
        if not chosen:
            asked = [
                f"{what} {value!r}"
                for what, value in (
                    ("name", None if account.instance == "auto" else account.instance),
                    ("region", account.region),
                    ("plans", account.plans_preference),
                    ("tags", account.tags),
                )
                if value
            ]
            raise IBMInputValueError(
                f"No instance of this account fits {', '.join(asked) or 'anything'}. {self._those_there()}"
            )
        return chosen

    def resolve(self, instance: str | None) -> str | None:
        """Return the CRN of an instance given by CRN, name or reference; of the active one when None."""
        if instance is None or instance == "auto":
            return self.candidates(None)[0]
        if is_crn(instance) or self._is_classic:
            return instance
        own = self.account.instance
        if is_crn(own) and guid_of(own) == instance:
            return own
        found = [record.crn for record in self.instances() if instance in (record.name, guid_of(record.crn))]
        if not found:
            raise IBMInputValueError(f"This account has no instance {instance!r}. {self._those_there()}")
        return found[0]

    def _those_there(self) -> str:
        return f"There are: {', '.join(repr(record.name) for record in self.instances()) or 'none at all'}."

    def reference(self, instance: str | None) -> str | None:
        """Return how to name an instance without its account; ``resolve`` is the inverse."""
        return (guid_of(instance) or instance) if instance else None

    # -- ways to an instance -------------------------------------------------------------------------------------

    def _connected(self) -> tuple[Send, Credentials]:
        """Return the engine and the credentials that all instances share."""
        with self._lock:
            if self._edge is None:
                send: Send = engine_of(self.account, self._adapter)
                if self.is_embedded:
                    send = while_it_runs(send, self.account.url)
                make = login_of if self._is_classic else credentials_of
                self._edge = (send, make(self.account, send, allow_insecure=self._insecure))
            return self._edge

    def logout(self) -> None:
        """End the login of the classic dialect, if there is one; the next request logs in again."""
        with self._lock:
            auth = None if self._edge is None else self._edge[1]
        if isinstance(auth, LoginAuth):
            try:
                auth.logout()
            except FailureError as problem:
                raise from_failure(problem.failure) from problem

    def api(self, instance: str | None = None) -> Api:
        """Return the endpoints of an instance; of the active one when None."""
        found = self._apis.get(instance)
        if found is not None:
            return found
        crn = self.resolve(instance)
        with self._lock:
            if crn not in self._apis:
                self._apis[crn] = self._new_api(crn)
            self._apis[instance] = self._apis[crn]
            return self._apis[crn]

    def _new_api(self, crn: str | None) -> Api:
        send, auth = self._connected()
        if isinstance(auth, LoginAuth):
            try:
                return connect_legacy(
                    replace(self.account, instance=crn),
                    send=send,
                    auth=auth,
                    error_of=from_failure,
                    journal=user_journal(),
                    allow_insecure=self._insecure,
                )
            except FailureError as problem:
                raise from_failure(problem.failure) from problem
        return connect(
            self.account,
            crn,
            send=send,
            auth=auth,
            resolver=self._resolver,
            error_of=job_error if self.is_embedded else from_failure,
            journal=NO_JOURNAL if self.is_embedded else user_journal(),
            allow_insecure=self._insecure,
        )

    def catalog(self, instance: str | None = None) -> DeviceCatalog:
        """Return the catalog of an instance; of the active one when None."""
        crn = self.resolve(instance)
        api = self.api(crn)
        with self._lock:
            return self._catalogs.setdefault(crn, DeviceCatalog(api))

    def first(
        self,
        instance: str | None,
        ask: Callable[[str | None], T],
        none: Callable[[Failure | None], Exception],
    ) -> tuple[str | None, T]:
        """Ask one instance after the other until one knows the answer, and return the instance and its answer.

        Args:
            instance: The only one to ask; None for all that the account was opened for, the active one first.
            ask: Given a CRN, asks; an error of status 404 means that this instance does not know.
            none: Given how the last one asked said so, makes the error to raise; that answer is its cause.
        """
        last: IBMError | None = None
        for crn in self.candidates(instance):
            try:
                return crn, ask(crn)
            except IBMError as error:  # noqa: PERF203 - at most as many rounds as instances, each a request
                if error.status_code != 404:
                    raise
                last = error
        raise none(last and last.failure) from last

    def forget(self) -> None:
        """Forget the instances, lists and configurations that were asked for."""
        with self._lock:
            self._all = self._chosen = None
            for catalog in self._catalogs.values():
                catalog.clear()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle how to find the account again; it leaves out token, proxies, the CRN's account and the adapter."""
        own_way = self._adapter is not None
        return (_reconnect, (self._key, self._given, self._resolver, self._insecure, own_way))


def _reconnect(
    key: str, account: Account, resolver: Resolver | None, insecure: bool, own_way: bool
) -> Connection:
    found = _LIVE.get(key)
    if found is None and own_way:
        raise IBMInputValueError(
            "The adapter that this service was made with does not leave its process. Make a "
            "QiskitRuntimeService(adapter=...) here, and ask it for the job or backend."
        )
    return found or Connection(account, resolver=resolver, allow_insecure=insecure)


def _check_classic(account: Account) -> None:
    host = urlsplit(account.url).hostname or ""
    if account.url == DEFAULT_URL or f".{host}".endswith(".ibm.com"):
        raise InvalidAccountError(
            "Invalid account: the classic platform behind channel 'ibm_quantum' was switched off on 1 July 2025. "
            "Use channel 'ibm_quantum_platform' with an IBM Cloud API key and the CRN of an instance; or give the url "
            "of another server that speaks its dialect, ending in /runtime."
        )
    if account.instance is not None:
        try:
            Provider.from_text(account.instance)
        except ValueError as error:
            raise InvalidAccountError(f"Invalid account: {error}") from error


def _platform_of(account: Account) -> dict[str, str] | None:
    """Return where a server that is its own cloud answers the search for instances; None for the real cloud."""
    if not is_base_url(account.url):
        return None
    parts = urlsplit(account.url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return {"GLOBAL_SEARCH_URL": origin, "GLOBAL_CATALOG_URL": origin}
