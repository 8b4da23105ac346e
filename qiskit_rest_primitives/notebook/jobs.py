"""Jobs, sessions, services and options as cards, and lists of jobs as tables."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qiskit.primitives.containers import PrimitiveResult

from ..exceptions import IBMError
from . import results
from .backends import backends
from .html import asking, card, code, facts, state, table, text

if TYPE_CHECKING:
    from ..jobs.job import RuntimeJobV2
    from ..options.base import OptionGroup
    from ..service.service import QiskitRuntimeService
    from ..session import Session

logger = logging.getLogger(__name__)


@asking
def job(one: RuntimeJobV2) -> str:
    """Return how a job stands, when it did what, and its result if it is done; the service is asked."""
    try:
        word, when = one.status(), one.timeline()
    except IBMError as error:
        return card(_title(one), facts({"state": state(one._word()), "": f"not known now: {error}"}))
    entries: dict[str, Any] = {
        "state": state(word),
        "backend": one._record.backend,
        "session": one.session_id,
        "tags": ", ".join(one.tags) or None,
        **{name.replace("_", " "): _moment(moment) for name, moment in when.moments().items()},
        "error": one.error_message() if word == "ERROR" else None,
    }
    return card(_title(one), facts(entries), _result(one) if word == "DONE" else "")


def _title(one: RuntimeJobV2) -> str:
    return f"{one.primitive_id or 'job'} {one.job_id()}"


def _result(one: RuntimeJobV2) -> str:
    """Return the result; of private jobs only one that was fetched, since it is given out once."""
    if one.private and one._result.value is None:
        return "<p>The result of a private job is read once: call <code>result()</code>.</p>"
    try:
        value = one.result()
    except IBMError as error:
        logger.info("The result of job %s is not shown: %s", one.job_id(), error)
        return "<p>Call <code>result()</code> for the result.</p>"
    if isinstance(value, PrimitiveResult):
        return results.primitive_result(value)
    shows = getattr(value, "_repr_html_", None)
    return str(shows()) if shows is not None else f"<pre>{text(repr(value))}</pre>"


def jobs(some: Sequence[RuntimeJobV2]) -> str:
    """Return jobs as a table, from what is known of them already."""
    if not some:
        return "<p>There are no such jobs.</p>"
    rows = [
        (
            one.job_id(),
            one.primitive_id,
            one._record.backend,
            state(one._word()),
            None if one._record.created is None else _moment(one._record.created),
            ", ".join(one.tags),
        )
        for one in some
    ]
    return table(("job", "program", "backend", "state", "created", "tags"), rows)


@asking
def session(one: Session) -> str:
    """Return how a session or batch stands; the service is asked."""
    try:
        details, word = one.details() or {}, one.status()
    except IBMError as error:
        details, word = {}, f"not known now: {error}"
    entries = {
        "backend": one._handle.name,
        "state": word,
        "max time": _seconds(details.get("max_time")),
        "used": _seconds(details.get("usage_time")),
        "started": details.get("started_at"),
        "closed": details.get("closed_at"),
    }
    return card(f"{type(one).__name__} {one.session_id}", facts(entries))


@asking
def service(one: QiskitRuntimeService) -> str:
    """Return where a service is, and its backends; the service is asked."""
    entries = {"channel": one.channel, "instance": one._instance_reference(None)}
    try:
        found = backends(one.backends())
    except IBMError as error:
        found = facts({"backends": f"not known now: {error}"})
    return card("QiskitRuntimeService", facts(entries), found)


def options(group: OptionGroup) -> str:
    """Return options and their values, or the defaults that apply."""
    rows = [(code(name), code(value)) for name, value in group._rows("", group._level())]
    return card(type(group).__name__, table(("option", "value"), rows))


def _seconds(value: Any) -> str | None:
    return None if value is None else f"{value} s"


def _moment(moment: datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="milliseconds")
