"""``qiskit-rest account``: save, list and delete accounts. No token is ever written out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..accounts.account import CHANNELS, AccountProblem
from ..accounts.endpoints import masked
from .exits import Exit
from .output import as_json, print_json, print_table, say
from .several import Several

in_file = click.option("--account-file", "file", metavar="FILE", help="Another file of saved accounts.")


@contextmanager
def _public_errors() -> Iterator[None]:
    """Raise the public exceptions for problems with accounts; Qiskit, whose they are, is loaded for them alone."""
    try:
        yield
    except AccountProblem:
        from ..accounts.manager import account_errors

        with account_errors():
            raise


def _asked_for(_context: click.Context, _option: click.Parameter, token: str | None) -> str:
    """Return the API key: as it is given, typed unseen into a terminal, or the first line of what is piped in."""
    if token is None:
        typed = sys.stdin.isatty()
        token = click.prompt("API key", hide_input=True, err=True) if typed else sys.stdin.readline().strip()
    if not token:
        raise click.UsageError(
            "There is no API key: QISKIT_IBM_TOKEN is not set, and nothing was typed or piped in."
        )
    return str(token)


@click.group()
def account() -> None:
    """Save, list and delete accounts."""


@account.command()
@click.option("--name", metavar="NAME", help="What to call it; the channel's default name otherwise.")
@click.option("--channel", type=click.Choice(CHANNELS), default="ibm_quantum_platform", show_default=True)
@click.option("--token", envvar="QISKIT_IBM_TOKEN", show_envvar=True, metavar="KEY", callback=_asked_for,
              help="The API key; asked for if it is not given. Others on this machine can read a command line.")  # fmt: skip
@click.option("--url", metavar="URL", help="Where the service is.")
@click.option("--instance", metavar="CRN", help="CRN or name of the instance.")
@click.option("--overwrite", is_flag=True, help="Replace one of that name.")
@click.option("--default", "as_default", is_flag=True, help="Use it when none is named.")
@in_file
@as_json
def save(
    name: str | None,
    channel: str,
    token: str,
    url: str | None,
    instance: str | None,
    overwrite: bool,
    as_default: bool,
    file: str | None,
    as_json: bool,
) -> None:
    """Save an account, in a file that only its owner can read. Nothing is asked of the service: see `qiskit-rest doctor`."""
    from ..accounts import account as accounts

    with _public_errors():
        made = accounts.account_with({"channel": channel, "token": token, "url": url, "instance": instance})
        saved = accounts.save_account(
            made, filename=file, name=name, overwrite=overwrite, set_as_default=as_default or None
        )
    if as_json:
        print_json({"saved": saved})
    else:
        say(f"Saved as {saved!r}.")


@account.command("list")
@in_file
@as_json
def list_accounts(file: str | None, as_json: bool) -> None:
    """List the saved accounts, without their tokens."""
    from ..accounts.account import saved_accounts

    with _public_errors():
        entries = saved_accounts(filename=file)
    found = [
        {
            "name": name,
            "channel": entry.get("channel"),
            "url": None if entry.get("url") is None else str(entry["url"]),
            "instance": masked(entry.get("instance")),
            "default": bool(entry.get("is_default_account")),
        }
        for name, entry in entries.items()
    ]
    if as_json:
        print_json({"accounts": found})
        return
    rows = [
        (each["name"], each["channel"], each["url"], each["instance"], "yes" if each["default"] else "")
        for each in found
    ]
    empty = "No account is saved; qiskit-rest account save saves one."
    print_table(
        ("name", "channel", "url", "instance", "default"), rows, empty=empty, spare=("instance", "url")
    )


@account.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@in_file
@as_json
def delete(names: tuple[str, ...], file: str | None, as_json: bool) -> Exit:
    """Delete saved accounts."""
    from ..accounts.account import delete_account

    with Several("accounts", as_json=as_json) as told:
        for name in names:
            with told.trying(name=name, deleted=False), _public_errors():
                deleted = bool(name) and delete_account(name=name, filename=file)
                line = f"Deleted {name!r}." if deleted else f"No account named {name!r} is saved."
                told.tell(line, Exit.OK if deleted else Exit.NOT_FOUND, name=name, deleted=deleted)
    return told.end()
