"""Saving, listing and deleting accounts, as static methods of the service (rest-api.md 2.2).

``accounts.file`` has the file and its format, ``accounts.account`` the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._calls import OF_ACCOUNTS, explained
from .._secret import keeps_secrets, shown
from ..exceptions import AccountAlreadyExistsError, AccountNotFoundError, AccountsError, InvalidAccountError
from . import account as accounts
from .account import AccountProblem

__all__ = ["SavedAccounts", "account_errors"]


@contextmanager
def account_errors() -> Iterator[None]:
    """Raise the public exception for a problem with an account."""
    try:
        yield
    except AccountProblem as problem:
        kinds: dict[str, type[AccountsError]] = {
            "missing": AccountNotFoundError,
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
