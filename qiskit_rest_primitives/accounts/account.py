"""Accounts: the frozen value, where it comes from, and saving it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import urlsplit

from .._secret import Secret, hidden_members
from .endpoints import DEFAULT_URL, UrlResolver, base_url_of, guid_of, iam_url_of, masked
from .file import AccountProblem as AccountProblem
from .file import Entries, dump_entries, load_entries, locked
from .proxy_settings import check_proxies

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of typing since Python 3.11

logger = logging.getLogger(__name__)

CHANNELS = ("ibm_quantum_platform", "ibm_cloud", "ibm_quantum", "local")
DEFAULT_CHANNEL = "ibm_quantum_platform"
DEFAULT_NAMES = {"ibm_quantum_platform": "default-ibm-quantum-platform", "ibm_cloud": "default-ibm-cloud"}
REGIONS = ("us-east", "eu-de")
ChannelType = Literal["ibm_quantum_platform", "ibm_cloud", "ibm_quantum", "local"] | None
RegionType = Literal["us-east", "eu-de"] | None
PlanType = list[str] | None
AccountType = Literal["cloud", "legacy"] | None
NAME_OF_LEGACY = "default-ibm-quantum"
NAME_OF_LOCAL = "default-local"


@dataclass(frozen=True)
class Account:
    """How to reach the service, and as whom. Neither ``repr`` nor a pickle holds the secret parts.

    Attributes:
        channel: One of ``CHANNELS``.
        token: API key.
        url: The cloud, or the base URL itself (``endpoints.is_base_url``).
        instance: CRN, instance name, ``auto``, or None.
        proxies: As in rest-api.md 2.2.
        verify: Whether to check certificates, or a CA bundle.
        private_endpoint: Whether to use the endpoints of the private network.
        region: Filter for choosing an instance.
        plans_preference: Plans to choose from, best first.
        tags: Tags that a chosen instance must have.
        name: Name it is saved under, if it comes from a file.
        filename: The file, if it is not the usual one.
    """

    channel: str = DEFAULT_CHANNEL
    token: str = field(default="", repr=False)
    url: str = DEFAULT_URL
    instance: str | None = field(default=None, repr=False)
    proxies: Mapping[str, Any] | None = field(default=None, repr=False)
    verify: bool | str = True
    private_endpoint: bool = False
    region: str | None = None
    plans_preference: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    name: str | None = None
    filename: str | None = None

    def __post_init__(self) -> None:
        given = {"token": self.token, "proxies": self.proxies, "url": self.url}
        for name, value in hidden_members(given).items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"account {self.name or '(not saved)'} on {self.channel}, instance {masked(self.instance)}"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {item.name: getattr(self, item.name) for item in fields(self)}
        had_proxies = state.pop("proxies") is not None
        state.pop("token")
        state["instance"] = guid_of(self.instance) or self.instance
        return (_restored, (state, had_proxies))

    def base_url(self, instance: str | None = None, *, resolver: UrlResolver | None = None) -> str:
        """Return the service's base URL for an instance (the account's own by default)."""
        resolve = resolver or base_url_of
        return resolve(self.url, instance or self.instance, self.private_endpoint, self.channel).rstrip("/")

    def iam_url(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return the token service's base URL."""
        return iam_url_of(self.url, self.private_endpoint, environ)

    def to_entry(self) -> dict[str, Any]:
        """Return what is saved, nothing that is None; see ``_secret.shown`` for the secrets in clear."""
        values = {name: getattr(self, name) for name in AccountSettings.__annotations__}
        entry = {name: value for name, value in values.items() if value is not None}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in entry.items()}


class AccountSettings(TypedDict, total=False):
    """What a user can say about an account, each as in ``Account``; None leaves it to what is saved, or is usual."""

    channel: str | None
    token: str | None
    url: str | None
    instance: str | None
    proxies: Mapping[str, Any] | None
    verify: bool | str | os.PathLike[str] | None
    private_endpoint: bool | None
    region: str | None
    plans_preference: Sequence[str] | None
    tags: Sequence[str] | None


def account_with(settings: AccountSettings, base: Account = Account()) -> Account:
    """Return an account with the settings that are given; the rest is as in another one. Nothing is checked."""
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    for name in {"plans_preference", "tags"} & given.keys():
        given[name] = _names(given[name])
    if isinstance(given.get("verify"), os.PathLike):
        given["verify"] = os.fspath(given["verify"])
    return replace(base, **given)


def find_account(
    *,
    filename: str | None = None,
    name: str | None = None,
    environ: Mapping[str, str] = os.environ,
    **settings: Unpack[AccountSettings],
) -> Account:
    """Choose the account: name, else token, else environment, else file; then what was given explicitly.

    With a ``token`` no saved account is looked at; ``url`` counts only together with a token or a name; the other settings, but
    for ``channel``, override what is saved.

    Raises:
        ValueError: If arguments do not go together.
        AccountProblem: If none is found (``missing``) or it makes no sense (``invalid``).
    """
    channel, token, url = (
        settings.pop("channel", None),
        settings.pop("token", None),
        settings.pop("url", None),
    )
    if channel is not None and channel not in CHANNELS:
        import difflib

        # Not repeated where it is no near miss: it may be the API key, given first.
        shown = f", not {channel!r}" if difflib.get_close_matches(str(channel), CHANNELS, n=1) else ""
        raise ValueError(
            f"'channel', the first argument, can only be one of {', '.join(map(repr, CHANNELS))}{shown}. "
            "An API key is given by name: token=."
        )
    if url is not None and not (token or name or channel == "local"):
        raise ValueError("'url' can only be given together with 'token' or 'name'.")
    if name:
        if token or url or channel:
            logger.warning("The saved account %r is used; channel, token and url are ignored.", name)
        account = _saved_account(name, filename)
    elif token or channel == "local":
        account = Account(channel or DEFAULT_CHANNEL, (token or "").strip(), url or DEFAULT_URL)
    else:
        account = _from_environment(channel, environ) or _from_file(channel, filename, environ)
    account = account_with(settings, account)
    check_account(account)
    return account


def check_account(account: Account) -> None:
    """Check that an account makes sense: an ``AccountProblem`` of kind ``invalid``, or what ``check_proxies`` raises."""
    problem = None
    if account.channel not in CHANNELS:
        problem = f"'channel' is {account.channel!r}; it can be {', '.join(map(repr, CHANNELS))}."
    elif account.channel != "local" and not (isinstance(account.token, str) and account.token.strip()):
        problem = "'token' must be an API key that is not empty."
    elif not account.token.isascii():
        problem = "'token' holds characters that no API key has."
    elif not isinstance(account.url, str) or not account.url.startswith(("https://", "http://")):
        problem = f"'url' is {account.url!r}; it must start with https:// (or http:// for a local server)."
    elif not _is_sound(account.url):
        problem = "'url' cannot be read: check its host and port."
    elif account.region is not None and account.region not in REGIONS:
        problem = f"'region' is {account.region!r}; it can be {' or '.join(map(repr, REGIONS))}."
    elif account.instance is not None and not (
        isinstance(account.instance, str) and account.instance.strip()
    ):
        problem = "'instance' must be a CRN or an instance name that is not empty."
    elif not isinstance(account.verify, (bool, str)):
        problem = "'verify' must be True, False or the path of a CA bundle."
    else:
        wrong = [name for name in ("plans_preference", "tags") if not _are_names(getattr(account, name))]
        problem = f"{wrong[0]!r} must be a list of names." if wrong else None
    if problem:
        raise AccountProblem("invalid", f"Invalid account: {problem}")
    check_proxies(account.proxies)


def _names(names: Any) -> Any:
    """Return a list as the tuple that an account holds; anything else is left for ``check_account`` to refuse."""
    return tuple(names) if isinstance(names, (list, tuple, set, frozenset)) else names


def _are_names(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and all(isinstance(name, str) for name in value))


def _is_sound(url: str) -> bool:
    """Whether a URL names a host, and a port that can be one."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and not any(letter.isspace() for letter in url)
    except ValueError:
        return False


def save_account(
    account: Account,
    *,
    filename: str | None = None,
    name: str | None = None,
    overwrite: bool = False,
    set_as_default: bool | None = None,
) -> str:
    """Save an account under a name, the channel's default name unless told, and return the name."""
    check_account(account)
    if account.channel == "local" and (account.url == DEFAULT_URL or not account.token):
        raise AccountProblem(
            "invalid",
            "Invalid account: without url and token, the channel 'local' is the server inside this process, which needs "
            "no saved account; of a server that runs on its own, save the url and the token that it printed.",
        )
    name = name or _usual_name(account.channel)
    with locked(filename):
        entries = load_entries(filename)
        if name in entries and not overwrite:
            raise AccountProblem(
                "exists", f"An account named {name!r} is saved already; pass overwrite=True to replace it."
            )
        others = [key for key, entry in entries.items() if entry.get("is_default_account") and key != name]
        if set_as_default and others and not overwrite:
            raise AccountProblem(
                "exists", f"{others[0]!r} is the default account; pass overwrite=True to change that."
            )
        entry = account.to_entry()
        if set_as_default:
            for key in others:
                entries[key].pop("is_default_account")
            entry["is_default_account"] = True
        dump_entries({**entries, name: entry}, filename)
    return name


def _usual_name(channel: str) -> str:
    return NAME_OF_LOCAL if channel == "local" else DEFAULT_NAMES.get(channel, NAME_OF_LEGACY)


def saved_accounts(
    *,
    default: bool | None = None,
    channel: str | None = None,
    filename: str | None = None,
    name: str | None = None,
) -> Entries:
    """Return saved entries by name, their secrets hidden; entries of the retired platform are left out."""
    names = {*DEFAULT_NAMES.values(), NAME_OF_LOCAL, "default"}
    return {
        key: entry
        for key, entry in load_entries(filename).items()
        if entry.get("channel") in (*DEFAULT_NAMES, "local")
        and (name is None or key == name)
        and (channel is None or entry.get("channel") == channel)
        and (default is None or (key in names) == default)
    }


def delete_account(
    *, filename: str | None = None, name: str | None = None, channel: str | None = None
) -> bool:
    """Delete a saved account (the channel's default name unless told); return whether there was one."""
    name = name or _usual_name(channel or DEFAULT_CHANNEL)
    with locked(filename):
        entries = load_entries(filename)
        if entries.pop(name, None) is None:
            return False
        dump_entries(entries, filename)
    return True


def _from_environment(channel: str | None, environ: Mapping[str, str]) -> Account | None:
    def value(name: str) -> str:
        return environ.get(f"QISKIT_IBM_{name}", "").strip()

    if not value("TOKEN"):
        return None
    return Account(
        channel=channel or value("CHANNEL") or DEFAULT_CHANNEL,
        token=value("TOKEN"),
        url=value("URL") or DEFAULT_URL,
        instance=value("INSTANCE") or None,
    )


def _from_file(channel: str | None, filename: str | None, environ: Mapping[str, str]) -> Account:
    entries = load_entries(filename)
    name = _default_entry(entries, channel, environ.get("QISKIT_IBM_CHANNEL"))
    if name is not None:
        return account_of(name, entries[name], filename)
    if entries and channel:
        raise AccountProblem("missing", f"No account for the channel {channel!r} is saved.")
    raise AccountProblem(
        "missing",
        "No account is given, in the environment or saved. Pass token=..., set QISKIT_IBM_TOKEN, save one with "
        "QiskitRuntimeService.save_account(), or use channel='local' for the local server.",
    )


def _default_entry(entries: Entries, channel: str | None, given: str | None) -> str | None:
    """Choose as qiskit-ibm-runtime does: the channel's, the marked one, the environment's channel's, any."""
    if channel in _channels(entries) or channel not in {None, *DEFAULT_NAMES}:
        return _default_of_channel(entries, channel)
    usable = {name: entry for name, entry in entries.items() if entry.get("channel") in DEFAULT_NAMES}
    names: list[str | None] = []
    if channel is None:
        names += [name for name, entry in entries.items() if _is_marked(entry)]
        names.append(_default_of_channel(usable, given or DEFAULT_CHANNEL))
    names += [name for name in DEFAULT_NAMES.values() if name in usable]
    names += usable
    return next((name for name in names if name is not None), None)


def _is_marked(entry: Mapping[str, Any]) -> bool:
    """Whether it is the default; one of the channel ``local`` is never used without being asked for in this way."""
    return bool(entry.get("is_default_account")) and entry.get("channel") in (*DEFAULT_NAMES, "local")


def _channels(entries: Entries) -> set[Any]:
    return {entry.get("channel") for entry in entries.values()}


def _default_of_channel(entries: Entries, channel: str | None) -> str | None:
    names = [name for name, entry in entries.items() if entry.get("channel") == channel]
    marked = [name for name in names if entries[name].get("is_default_account")]
    usual = [name for name in names if name == DEFAULT_NAMES.get(str(channel), NAME_OF_LEGACY)]
    return next(iter([*marked, *usual, *reversed(names)]), None)


def _saved_account(name: str, filename: str | None) -> Account:
    entries = load_entries(filename)
    if name not in entries:
        raise AccountProblem("unknown", f"No account named {name!r} is saved.")
    return account_of(name, entries[name], filename)


def account_of(name: str, entry: Mapping[str, Any], filename: str | None) -> Account:
    """Read a saved entry."""
    known: Any = {key: entry[key] for key in AccountSettings.__annotations__ if key in entry}
    try:
        check_proxies(known.get("proxies"))
    except (TypeError, ValueError) as cause:
        raise AccountProblem("invalid", f"Invalid account {name!r}: {cause}") from cause
    return account_with(known, Account(name=name, filename=filename))


def _restored(state: Mapping[str, Any], had_proxies: bool) -> Account:
    """Rebuild an unpickled account with the secrets of this machine: the saved account's, or the environment's."""
    account = Account(**state)
    token, proxies, instance = Secret(os.environ.get("QISKIT_IBM_TOKEN", "")), None, account.instance
    if account.name:
        entry = load_entries(account.filename).get(account.name, {})
        token, proxies = entry.get("token") or token, entry.get("proxies")
        instance = entry["instance"] if instance and guid_of(entry.get("instance")) == instance else instance
    return replace(account, token=token, instance=instance, proxies=proxies if had_proxies else None)
