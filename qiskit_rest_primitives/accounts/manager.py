"""``AccountManager`` and ``ProxyConfiguration``: saved accounts, by the names that programs import from ``accounts``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from .._calls import OF_ACCOUNTS, explained
from .._secret import hidden, keeps_secrets, shown
from ..exceptions import AccountAlreadyExistsError, AccountNotFoundError, AccountsError, InvalidAccountError
from . import account as accounts
from .account import Account, AccountProblem, account_of, find_account
from .proxy_settings import check_proxies


@contextmanager
def account_errors() -> Iterator[None]:
    """Raise the public exception for a problem with an account."""
    try:
        yield
    except AccountProblem as problem:
        kinds: dict[str, type[AccountsError]] = {
            "missing": AccountNotFoundError,
            "unknown": AccountNotFoundError,
            "exists": AccountAlreadyExistsError,
            "invalid": InvalidAccountError,
        }
        raise kinds.get(problem.kind, AccountsError)(str(problem)) from problem


class SavedAccounts:
    """The accounts of this machine's user, in ``~/.qiskit/qiskit-ibm.json`` unless a file is named."""

    @staticmethod
    @keeps_secrets
    @explained(**OF_ACCOUNTS)
    def save_account(
        token: str | None = None,
        url: str | None = None,
        instance: str | None = None,
        channel: str | None = None,
        filename: str | None = None,
        name: str | None = None,
        proxies: dict[str, Any] | None = None,
        verify: bool | None = None,
        overwrite: bool | None = False,
        set_as_default: bool | None = None,
        private_endpoint: bool | None = False,
        region: str | None = None,
        plans_preference: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> None:
        """Save an account; the file can be read by its owner only, and holds the token in clear.

        Args:
            token: IBM Cloud API key.
            url: Where the service is.
            instance: CRN or name of the instance.
            channel: ``ibm_quantum_platform`` (default) or ``ibm_cloud``; ``local`` for a server that runs on its own, with
                the url and the token that it printed.
            filename: Another file.
            name: What to call it; ``default-`` and the channel when None.
            proxies: As for the service.
            verify: As for the service.
            overwrite: Whether to replace one of that name.
            set_as_default: Whether it is the one to use when none is named.
            private_endpoint: As for the service.
            region: As for the service.
            plans_preference: As for the service.
            tags: As for the service.

        Raises:
            AccountAlreadyExistsError: There is one of that name, or another default, and ``overwrite`` is not given.
            InvalidAccountError: The values make no sense; nothing is saved.
            AccountsError: The file cannot be read or written; it is as it was.
        """
        account = accounts.account_with({
            "channel": channel or None, "token": token, "url": url or None, "instance": instance, "proxies": proxies,
            "verify": verify, "private_endpoint": private_endpoint, "region": region,
            "plans_preference": plans_preference, "tags": tags,
        })  # fmt: skip
        with account_errors():
            accounts.save_account(
                account,
                filename=filename,
                name=name,
                overwrite=bool(overwrite),
                set_as_default=set_as_default,
            )

    @staticmethod
    def saved_accounts(
        default: bool | None = None,
        channel: str | None = None,
        filename: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Return the saved accounts by name, tokens in clear.

        Args:
            default: True for those with a default name only, False for the others.
            channel: Only those of this channel.
            filename: Another file.
            name: Only the one of this name.

        Raises:
            AccountsError: The file cannot be read.
        """
        with account_errors():
            found = accounts.saved_accounts(default=default, channel=channel, filename=filename, name=name)
            return dict(shown(found))

    @staticmethod
    def delete_account(
        filename: str | None = None, name: str | None = None, channel: str | None = None
    ) -> bool:
        """Delete a saved account.

        Args:
            filename: Another file.
            name: Its name; the default name of the channel when None.
            channel: Its channel.

        Returns:
            Whether there was one.

        Raises:
            AccountsError: The file cannot be read or written; it is as it was.
        """
        with account_errors():
            return accounts.delete_account(filename=filename, name=name, channel=channel)


@dataclass
class ProxyConfiguration:
    """Proxies as an object, where a dict with the same members does too.

    Attributes:
        urls: Scheme, or scheme and host -> URL of the proxy.
        username_ntlm: Who to log in as by NTLM, if the proxy wants that.
        password_ntlm: The password; it is in no ``repr``.
    """

    urls: dict[str, str] | None = None
    username_ntlm: str | None = None
    password_ntlm: str | None = None

    def __post_init__(self) -> None:
        self.urls, self.password_ntlm = hidden(self.urls), hidden(self.password_ntlm)

    def __repr__(self) -> str:
        return f"<ProxyConfiguration for {', '.join(self.urls or ()) or 'nothing'}>"

    def validate(self) -> None:
        """Check that the members make sense.

        Raises:
            ValueError: There is half an NTLM pair, or URLs that are no dict.
        """
        check_proxies(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return what is set, as ``QiskitRuntimeService(proxies=...)`` takes it."""
        members = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: shown(value) for name, value in members.items() if value is not None}

    def to_request_params(self) -> dict[str, Any]:
        """Return what ``requests`` takes; NTLM is not in it, as connections of this package speak it themselves."""
        return {"proxies": shown(self.urls)} if self.urls else {}


class AccountManager:
    """Saves, lists, reads and deletes the accounts of this machine's user."""

    @classmethod
    @keeps_secrets
    def save(
        cls,
        token: str | None = None,
        url: str | None = None,
        instance: str | None = None,
        channel: str | None = None,
        filename: str | None = None,
        name: str | None = "default",
        proxies: ProxyConfiguration | Mapping[str, Any] | None = None,
        verify: bool | None = None,
        overwrite: bool | None = False,
        set_as_default: bool | None = None,
        private_endpoint: bool | None = False,
        region: str | None = None,
        plans_preference: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> None:
        """Save an account, as ``QiskitRuntimeService.save_account`` does; the proxies can be an object, too.

        Raises:
            AccountAlreadyExistsError: There is one of that name, or another default, and ``overwrite`` is not given.
            InvalidAccountError: The values make no sense; nothing is saved.
            AccountsError: The file cannot be read or written; it is as it was.
        """
        given = hidden(proxies.to_dict()) if isinstance(proxies, ProxyConfiguration) else proxies
        SavedAccounts.save_account(
            token, url, instance, channel, filename, name, None if given is None else dict(given), verify, overwrite,
            set_as_default, private_endpoint, region, plans_preference, tags,
        )  # fmt: skip

    @staticmethod
    def list(
        default: bool | None = None,
        channel: str | None = None,
        filename: str | None = None,
        name: str | None = None,
    ) -> dict[str, Account]:
        """Return the saved accounts by name.

        Args:
            default: True for those with a default name only, False for the others.
            channel: Only those of this channel.
            filename: Another file.
            name: Only the one of this name.

        Raises:
            AccountsError: The file cannot be read.
        """
        with account_errors():
            entries = accounts.saved_accounts(default=default, channel=channel, filename=filename, name=name)
            return {key: account_of(key, entry, filename) for key, entry in entries.items()}

    @classmethod
    def get(
        cls, filename: str | None = None, name: str | None = None, channel: str | None = None
    ) -> Account | None:
        """Return an account: by its name, else the environment's, else the default of the channel, else any.

        Args:
            filename: Another file.
            name: Its name.
            channel: Its channel.

        Raises:
            AccountNotFoundError: There is none.
            InvalidAccountError: It makes no sense.
            AccountsError: The file cannot be read.
        """
        with account_errors():
            return find_account(filename=filename, name=name, channel=None if name else channel)

    delete = staticmethod(SavedAccounts.delete_account)
