"""What a job can be asked beside how it stands and what its result is: its times, its costs and its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import RuntimeJobNotFound
from ..rest.api import Api
from .result import ResultFetcher

if TYPE_CHECKING:
    from .timeline import JobTimeline

__all__ = ["JobQuestions"]


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
        from .timeline import timeline_of

        return timeline_of(
            self.metrics().get("timestamps") or {}, self._result.value, self._result.downloaded
        )

    def logs(self) -> str:
        """Ask for its log, which exists once it has ended; empty if there is none."""
        try:
            return self.api.job_logs(self.job_id())
        except RuntimeJobNotFound:
            return ""
