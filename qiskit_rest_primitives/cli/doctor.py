"""``qiskit-rest doctor``: what is wrong here, and what to do about it."""

from __future__ import annotations

import difflib
import os
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from .._time import now
from .connecting import Place, asks_service
from .exits import Exit
from .output import as_json, print_json, say
from .words import as_commands

if TYPE_CHECKING:
    from ..accounts.account import Account
    from ..rest.messages import Response

MOST_SKEW = 60.0
"""Seconds by which clocks may differ before tokens seem to be of another time."""
SECONDS = 15.0
"""Seconds that a question to the service may take."""

_SWITCH = ("on", "off", "auto", "1", "0", "true", "false", "yes", "no")
VARIABLES: dict[str, tuple[str, ...] | None] = {
    "QISKIT_IBM_CHANNEL": ("ibm_quantum_platform", "ibm_cloud", "ibm_quantum", "local"),
    "QISKIT_IBM_INSTANCE": None,
    "QISKIT_IBM_RUNTIME_CUSTOM_CLIENT_APP_HEADER": None,
    "QISKIT_IBM_RUNTIME_LOG_FILE": None,
    "QISKIT_IBM_RUNTIME_LOG_LEVEL": ("debug", "info", "warning", "error", "critical"),
    "QISKIT_IBM_TOKEN": None,
    "QISKIT_IBM_TRANSPILER_URL": None,
    "QISKIT_IBM_URL": None,
    "QISKIT_FUNCTIONS_EXPERIMENTAL": None,
    "QISKIT_FUNCTIONS_IDENTIFIER": None,
    "QISKIT_REST_PRIMITIVES_JOURNAL": None,
    "QISKIT_REST_PRIMITIVES_PROGRAM": ("auto", "server", "executor"),
    "QISKIT_REST_PRIMITIVES_PROGRESS": _SWITCH,
    "QISKIT_REST_PRIMITIVES_RETIRE": None,
    "QISKIT_REST_PRIMITIVES_TOKEN": None,
}
"""The variables that are read, with the values that they can have where not any will do."""

Verdict = Literal["ok", "note", "fault", "skipped"]
_SIGNS = {
    "ok": ("ok", "green"),
    "note": ("note", "yellow"),
    "fault": ("FAULT", "red"),
    "skipped": ("-", None),
}
"""Verdict -> how a terminal shows it."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: What was looked at.
        verdict: ``ok``; ``note``, for what works and should be known; ``fault``; or ``skipped``, because of another fault.
        said: What was found.
        remedy: What to do about it.
    """

    check: str
    verdict: Verdict
    said: str
    remedy: str = ""


def _ok(check: str, said: str) -> Finding:
    return Finding(check, "ok", said)


def _fault(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, "fault", said, remedy)


@click.command(short_help="Say what is wrong, and what to do about it.")
@as_json
@asks_service
def doctor(place: Place, as_json: bool) -> Exit:
    """Look at versions, environment, journal, account, proxy, service, clock, token and instance.

    Each fault is told with its remedy, and makes the exit code 1. Nothing is changed.
    """
    findings = []
    for found in examine(place):
        finding = replace(found, said=as_commands(found.said), remedy=as_commands(found.remedy))
        findings.append(finding)
        if not as_json:
            sign, colour = _SIGNS[finding.verdict]
            say(f"{sign:>5}", colour=colour, nl=False)
            say(f"  {finding.check}: {finding.said}")
            if finding.remedy:
                say(f"       -> {finding.remedy}")
    faults = sum(finding.verdict == "fault" for finding in findings)
    if as_json:
        print_json({"checks": [asdict(finding) for finding in findings], "faults": faults})
    else:
        say(f"{faults or 'No'} fault{'' if faults == 1 else 's'} found.")
    return Exit.FAILED if faults else Exit.OK


def examine(place: Place, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at everything that a run with this account needs, in the order in which it needs it."""
    yield from _versions()
    yield from _environment(environ)
    yield _journal(environ)
    account, finding = _account(place)
    yield finding
    if account is None:
        yield _server_extra(needed=False)
        yield Finding("service", "skipped", "There is no account to reach a service with.")
        return
    from ..service.embedded import is_embedded

    yield _server_extra(needed=is_embedded(account))
    if is_embedded(account):
        yield Finding("service", "note", "Jobs run on a server inside the program that submits them.")
        return
    yield from _service(account)


# -- what is installed ------------------------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    try:
        needed = _needed()
    except PackageNotFoundError:
        said = "The package is used without being installed, so that nothing says which versions it needs."
        yield Finding("versions", "note", said, "pip install qiskit-rest-primitives")
        return
    for name, least in needed.items():
        wrong = _wrong(name, least)
        if wrong:
            yield _fault("versions", f"{wrong}.", f"pip install --upgrade '{name}>={least}'")
        else:
            where = f" (Python {python})" if name == "qiskit" else ""
            yield _ok("versions", f"{name} {version(name)}{where}")


def _needed(extra: str = "") -> dict[str, str]:
    """Return the packages that this one needs, or an extra of it, everywhere, with the oldest version that will do."""
    found = {}
    for line in requires("qiskit-rest-primitives") or ():
        wanted, _, condition = line.partition(";")
        named = re.search(r"extra == ['\"]([\w-]+)['\"]", condition)
        bound = re.match(r"\s*([\w.-]+).*?>=\s*([\w.]+)", wanted)
        texts = condition.count("'") + condition.count('"')
        everywhere = texts == (2 if named else 0)  # nothing but the extra's name is compared with anything
        if bound and everywhere and (named[1] if named else "") == extra:
            found[bound[1]] = bound[2]
    return dict(sorted(found.items(), key=lambda entry: entry[0] != "qiskit"))


def _wrong(name: str, least: str) -> str | None:
    """Say what is wrong with a package; None where it will do."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed"
    return f"{name} {found} is older than {least}" if _numbers(found) < _numbers(least) else None


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts)


def _server_extra(*, needed: bool) -> Finding:
    try:
        wrong = [found for name, least in _needed("server").items() if (found := _wrong(name, least))]
    except PackageNotFoundError:
        return Finding(
            "server", "skipped", "Without being installed, the package does not say what it needs."
        )
    if not wrong:
        return _ok("server", "The local server can be run.")
    said = f"The local server cannot be run: {', '.join(wrong)}."
    remedy = "pip install --upgrade 'qiskit-rest-primitives[server]'"
    return Finding("server", "fault" if needed else "note", said, remedy)


# -- environment, journal, account ------------------------------------------------------------------------------------


def _environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    known, fine = 0, True
    for name, value in sorted(environ.items()):
        if name in VARIABLES:
            known += 1
            words = VARIABLES[name]
            if words is not None and value.strip() and value.strip().lower() not in words:
                fine = False
                said = f"{name} is {value!r}."
                yield _fault("environment", said, f"Set it to one of {', '.join(words)}, or unset it.")
        elif close := _meant(name):
            fine = False
            yield _fault(
                "environment", f"{name} is no variable that anybody reads.", f"Did you mean {close}?"
            )
    if fine:
        yield _ok("environment", f"Variables that are set and read: {known}.")


def _meant(name: str) -> str | None:
    """Return the variable that a misspelt one was to be; None for one that is somebody else's."""
    cutoff = 0.6 if name.startswith(("QISKIT_IBM_", "QISKIT_REST")) else 0.9
    return next(iter(difflib.get_close_matches(name, VARIABLES, 1, cutoff)), None)


def _journal(environ: Mapping[str, str]) -> Finding:
    from ..rest.journal import VARIABLE, user_journal

    path = user_journal(environ).path
    if path is None:
        return Finding(
            "journal",
            "note",
            "It is switched off: a killed program's jobs are not written down.",
            f"Unset {VARIABLE}.",
        )
    elsewhere = f"or name another file with {VARIABLE}."
    try:
        if not path.exists():
            return _new_journal(path, elsewhere)
        with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as journal:
            said = journal.execute("PRAGMA quick_check").fetchone()[0]
            if said != "ok":
                raise sqlite3.DatabaseError(said)
            journal.execute("BEGIN IMMEDIATE")
            journal.execute("ROLLBACK")
    except sqlite3.OperationalError as problem:
        if "locked" in str(problem):
            said = f"Another process keeps {path} locked."
            return _fault("journal", said, f"End it (a database viewer, a stopped program), {elsewhere}")
        return _fault("journal", f"{path} cannot be used: {problem}.", f"See to its rights, {elsewhere}")
    except sqlite3.DatabaseError as problem:
        return _fault(
            "journal", f"{path} is damaged: {problem}.", f"Move it away; a new one is made, {elsewhere}"
        )
    except OSError as problem:
        return _fault("journal", f"{path} cannot be used: {problem}.", f"See to its rights, {elsewhere}")
    return _ok("journal", f"{path} can be read and written.")


def _new_journal(path: Path, elsewhere: str) -> Finding:
    there = next(folder for folder in path.parents if folder.exists())
    if os.access(there, os.W_OK) and there.is_dir():
        return _ok("journal", f"{path} is made with the first job.")
    return _fault(
        "journal", f"{path} cannot be made: {there} cannot be written to.", f"See to its rights, {elsewhere}"
    )


def _account(place: Place) -> tuple[Account | None, Finding]:
    from ..accounts.account import AccountProblem, find_account

    settings: Any = place.settings()
    try:
        account = find_account(**settings)
    except (AccountProblem, ValueError, TypeError) as problem:
        kind = getattr(problem, "kind", "invalid")
        remedies = {
            "missing": "qiskit-rest account save saves one; for the local server: qiskit-rest doctor --channel local.",
            "unknown": "qiskit-rest account list names those that are; qiskit-rest account save saves one.",
            "file": "Repair the file, or move it away and save the accounts again: qiskit-rest account save.",
        }
        remedy = remedies.get(kind, "Save it again: qiskit-rest account save --overwrite.")
        return None, _fault("account", str(problem), remedy)
    return account, _ok("account", f"{str(account)[0].upper()}{str(account)[1:]}.")


# -- the service ------------------------------------------------------------------------------------------------------


def _service(account: Account) -> Iterator[Finding]:
    """Go there as a request goes: through the proxy, to the host, by its clock, with the token, to the instance."""
    from ..accounts.endpoints import is_loopback
    from ..rest.connect import engine_of
    from ..rest.messages import FailedAttempt, Request
    from ..rest.transport import Transport

    engine = engine_of(account)
    try:
        url = account.base_url()
        proxy = engine._proxy(url)
    except ValueError as problem:
        yield _fault("proxy", str(problem), "Mend it in HTTPS_PROXY, or in the account's proxies.")
        return
    if url.startswith("http:") and not is_loopback(urlsplit(url).hostname):
        said = f"Credentials are not sent unencrypted to {url}."
        yield _fault("service", said, "Use https, or allow_insecure=True in your program.")
        return
    where = None if proxy is None else proxy.place
    yield _ok("proxy", f"{url} is reached through {where}." if where else f"{url} is reached directly.")
    transport = Transport(url, engine)
    request = Request("GET", "/versions", "GET /versions")
    outcome = transport.attempt(request, _whole, deadline=transport.deadline(SECONDS))
    if isinstance(outcome, FailedAttempt) and outcome.failure.kind != "status":
        yield _unreached(outcome.failure.message, where)
        return
    if isinstance(outcome, FailedAttempt) and outcome.failure.status == 407:
        yield _fault(
            "proxy",
            outcome.failure.message,
            "Put user and password into HTTPS_PROXY, or the account's proxies.",
        )
        return
    yield _ok("service", f"{url} answers.")
    yield _clock(outcome.headers)
    yield from _admitted(account)


def _whole(response: Response) -> Response:
    return response


def _unreached(said: str, proxy: str | None) -> Finding:
    """Say why no answer came; who is not reached behind a proxy is the proxy, as far as can be seen."""
    if "certificate" in said or "TLS" in said:
        return _fault("TLS", said, "Name the file of the CA in REQUESTS_CA_BUNDLE, or mend the URL.")
    if proxy is not None:
        remedy = "Start it, mend HTTPS_PROXY or the account's proxies, or name the host in NO_PROXY."
        return _fault("proxy", said, remedy)
    return _fault("service", said, "Check the account's URL, and that there is a network.")


def _clock(headers: Mapping[str, str]) -> Finding:
    from email.utils import parsedate_to_datetime

    try:
        skew = (now() - parsedate_to_datetime(headers["date"])).total_seconds()
    except (KeyError, ValueError, TypeError):
        return Finding("clock", "note", "The service does not say what time it is.")
    if abs(skew) <= MOST_SKEW:
        return _ok("clock", "This machine's clock agrees with that of the service.")
    said = f"This machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} that of the service."
    return _fault(
        "clock",
        said,
        "Set it, for instance by: timedatectl set-ntp true. Tokens seem expired, or not yet valid.",
    )


def _admitted(account: Account) -> Iterator[Finding]:
    """Ask for the backends, which takes a token and an instance."""
    from ..exceptions import IBMError, IBMInputValueError, IBMNotAuthorizedError, RequestConnectionError
    from ..service.connection import Connection

    try:
        connection = Connection(account)
        found = [
            device
            for crn in connection.candidates(None)
            for device in connection.api(crn).backends(include_mocks=False, timeout=SECONDS)
        ]
    except IBMNotAuthorizedError as problem:
        yield _fault(
            "token", str(problem), "Make a new API key and save it: qiskit-rest account save --overwrite."
        )
    except RequestConnectionError as problem:
        yield _fault("token", f"The token service is not reached: {problem}", "Check IAM_URL, if it is set.")
    except IBMInputValueError as problem:
        yield _fault("instance", str(problem), "Save the account with another --instance.")
    except IBMError as problem:
        yield _fault(
            "instance",
            str(problem),
            "Save the account with another --instance: its CRN is in the service's list.",
        )
    else:
        yield _ok("token", "The service takes the token.")
        yield _ok("instance", f"It has {len(found)} backends.")
