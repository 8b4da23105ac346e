"""The options that say which service a command asks, and as whom."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ..accounts.account import CHANNELS

if TYPE_CHECKING:
    from ..service.service import QiskitRuntimeService


@dataclass(frozen=True)
class Place:
    """Where to, as the options say; ``file`` is another one of saved accounts."""

    account: str | None = None
    channel: str | None = None
    url: str | None = None
    instance: str | None = None
    file: str | None = None

    def settings(self) -> dict[str, Any]:
        """Return what ``find_account`` and ``QiskitRuntimeService`` are given; the token is the environment's."""
        by_options = not self.account and (self.url or self.channel == "local")
        environ = os.environ.get
        instance = environ("QISKIT_IBM_INSTANCE") if by_options else None
        return {
            "name": self.account,
            "channel": None if self.account else self.channel,
            "url": self.url
            or (environ("QISKIT_IBM_URL") if by_options and environ("QISKIT_IBM_TOKEN") else None),
            "token": environ("QISKIT_IBM_TOKEN") if by_options else None,
            "instance": self.instance or instance or None,
            "filename": self.file,
        }

    def open(self) -> QiskitRuntimeService:
        """Connect. Nothing is sent but to look up an instance's name."""
        from ..service.service import QiskitRuntimeService

        return QiskitRuntimeService(**self.settings())


def asks_service(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a ``Place``, and that as its first argument."""

    @click.option("--account", metavar="NAME", help="A saved account (qiskit-rest account list).")
    @click.option("--channel", type=click.Choice(CHANNELS), help="The channel, instead of a saved account's.")
    @click.option("--url", metavar="URL", help="Where the service is; the token is that of QISKIT_IBM_TOKEN.")
    @click.option("--instance", metavar="CRN", help="CRN or name of the instance.")
    @click.option("--account-file", metavar="FILE", help="Another file of saved accounts.")
    @wraps(command)
    def connected(
        account: str | None,
        channel: str | None,
        url: str | None,
        instance: str | None,
        account_file: str | None,
        **more: Any,
    ) -> Any:
        return command(Place(account, channel, url, instance, account_file), **more)

    return connected
