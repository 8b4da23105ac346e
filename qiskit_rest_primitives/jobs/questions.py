"""What a job can be asked beside how it stands and what its result is: its times, its costs and its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .._time import parse_time
from ..exceptions import RuntimeJobNotFound
from ..rest.api import Api
from .result import ResultFetcher


@dataclass(frozen=True)
class JobTimeline:
    """When a job reached what, in local time; None for what did not happen, or is not known.

    All moments are by the service's clock but for the last, which is by that of this machine.

    Attributes:
        created: The service accepted it.
        queued: It began to wait; the service queues a job when it accepts it, and says no other time.
        running: It began to run.
        first_chunk: Its first execution span began; known once its result is here.
        last_chunk: Its last execution span ended; known once its result is here.
        finished: It was done, failed or cancelled.
        downloaded: Its result was here, in this process.
    """

    created: datetime | None = None
    queued: datetime | None = None
    running: datetime | None = None
    first_chunk: datetime | None = None
    last_chunk: datetime | None = None
    finished: datetime | None = None
    downloaded: datetime | None = None

    def __repr__(self) -> str:
        """Show the first moment, and those after it by what had passed, in seconds."""
        start, parts = None, []
        for name, moment in self.moments().items():
            if start is None:
                start = moment
                parts.append(f"{name} {moment.isoformat(sep=' ', timespec='milliseconds')}")
            else:
                parts.append(f"{name.replace('_', ' ')} {(moment - start).total_seconds():+.3f} s")
        return f"<JobTimeline {', '.join(parts) or 'of nothing known'}>"

    def moments(self) -> dict[str, datetime]:
        """Return what is known, by name, in the order of the attributes."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: moment for name, moment in found.items() if moment is not None}


def timeline_of(stamps: Mapping[str, Any], result: Any, downloaded: datetime | None) -> JobTimeline:
    """Put together a job's times: ``timestamps`` of its metrics (rest-api.md 4.15), what its result tells, its download."""
    created = parse_time(stamps.get("created"))
    first, last = _chunks(result)
    known = {
        "created": created,
        "queued": parse_time(stamps.get("queued")) or created,
        "running": parse_time(stamps.get("running")),
        "first_chunk": first,
        "last_chunk": last,
        "finished": parse_time(stamps.get("finished")),
        "downloaded": downloaded,
    }
    return JobTimeline(**{name: moment and moment.astimezone() for name, moment in known.items()})


def _chunks(result: Any) -> tuple[datetime | None, datetime | None]:
    """Return when the first part of a result began to be measured, and when the last one ended."""
    metadata = getattr(result, "metadata", None)
    execution = metadata.get("execution") if isinstance(metadata, Mapping) else None
    spans = execution.get("execution_spans") if isinstance(execution, Mapping) else None
    spans = getattr(metadata, "chunk_timing", None) if spans is None else spans
    if not spans:
        return None, None
    return min(span.start for span in spans), max(span.stop for span in spans)


class JobQuestions:
    """The part of ``RuntimeJobV2`` that asks the service each time."""

    _result: ResultFetcher

    if TYPE_CHECKING:

        @property
        def api(self) -> Api:
            """The REST endpoints that the job is reached through."""

        def job_id(self) -> str:
            """Return its id."""

    def metrics(self) -> dict[str, Any]:
        """Ask for its ``timestamps`` (``created``, ``running``, ``finished``: ISO or None), ``usage`` and the like."""
        return dict(self.api.job_metrics(self.job_id()))

    def usage(self, partial: bool = False) -> float:
        """Ask how many seconds it has cost.

        Args:
            partial: Whether to count what is not settled yet; otherwise that counts as 0.
        """
        usage = self.metrics().get("usage") or {}
        if not partial and usage.get("status", "pending") == "pending":
            return 0
        return usage.get("qpu_charge_time_seconds") or 0

    def timeline(self) -> JobTimeline:
        """Ask when it was created, queued, running and finished; what its result tells is added once that is here."""
        return timeline_of(
            self.metrics().get("timestamps") or {}, self._result.value, self._result.downloaded
        )

    def logs(self) -> str:
        """Ask for its log, which exists once it has ended; empty if there is none."""
        try:
            return self.api.job_logs(self.job_id())
        except RuntimeJobNotFound:
            return ""
