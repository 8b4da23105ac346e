"""``qiskit-rest doctor``: what is wrong here, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from .checks import examine
from .connecting import Place, asks_service
from .exits import Exit
from .output import as_json, print_json, say
from .words import as_commands

_SIGNS = {
    "ok": ("ok", "green"),
    "note": ("note", "yellow"),
    "fault": ("FAULT", "red"),
    "skipped": ("-", None),
}


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
