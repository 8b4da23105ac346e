"""``JobOfParts``: the jobs of one ``run()`` that has several numbers of shots, or learns first, which are one job to their user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._time import Deadline, now
from ..exceptions import IBMInputValueError, ResultDecodeError, RuntimeInvalidStateError
from ..rest.api import Api
from ..rest.lookup import submission_of
from ..rest.retry import HOLD
from ..wire.models import JobRecord
from .follow_up import LEARNER, FollowUp, Rest, part_of, rest_of
from .job import RuntimeJobV2
from .joining import joined, timestamps_of, usage_of
from .parts import begin_parts, find_parts, part_ids, submit_parts
from .request import MAX_TAGS, check_tags
from .result import ResultFetcher
from .waiting import least_interval

if TYPE_CHECKING:
    from .watching import Callback

_ADVANCE = ("ERROR", "CANCELLED", "INITIALIZING", "QUEUED", "RUNNING", "DONE")
"""What the whole is, if any part is: the first that fits."""


def submitted(
    api: Api,
    bodies: Sequence[Mapping[str, Any]],
    kept: str | None,
    job_of: Callable[[JobRecord], RuntimeJobV2],
) -> RuntimeJobV2:
    """Submit the parts of a ``run()``, an envelope for each, and return their job; of private jobs the journal keeps a text."""
    records = submit_parts(api.submissions, bodies, kept=kept)
    return JobOfParts([job_of(record) for record in records], submission_of(records[0].tags) or "")


def begun(
    api: Api,
    body: Mapping[str, Any],
    follow_up: FollowUp,
    kept: str | None,
    job_of: Callable[[JobRecord], RuntimeJobV2],
) -> RuntimeJobV2:
    """Submit the first part of a ``run()``, of whose result the others are made, and return the job of all."""
    envelope = {name: value for name, value in body.items() if name != "params"}
    envelope["program_id"] = follow_up.program_id
    plan = {"envelope": envelope, "follow_up": follow_up.to_json()}
    record = begin_parts(api.submissions, body, follow_up.number, follow_up.program_id, plan, kept=kept)
    parts: list[RuntimeJobV2 | None] = [job_of(record), *[None] * follow_up.number]
    return JobOfParts(parts, submission_of(record.tags) or "", Rest(follow_up, envelope, kept, job_of))


def reopened(job: RuntimeJobV2, *, resume: bool = False) -> RuntimeJobV2:
    """Return the job of all parts of the ``run()`` that a job is one of; itself if it is all.

    What is missing is sent as ``find_parts`` does.
    """
    submission = submission_of(job._record.tags) or ""
    if len(part_ids(submission)) == 1:
        return job
    parts = [
        None if record is None else part_of(job, record)
        for record in find_parts(job.api.submissions, submission, resume=resume)
    ]
    if not any(parts):
        return job
    whole = JobOfParts(parts, submission, rest_of(job, parts, submission) if resume else None)
    if whole._rest is not None:
        whole._refresh()
    return whole


class JobOfParts(RuntimeJobV2):
    """The jobs of one ``run()``: one status, one result, one id, which is that of the first.

    What stands for the whole, in ``_record``, is the part that decides: the first that failed, else that was cancelled,
    else the least advanced one. Parts that are made of the result of the first are sent by whoever asks how the job
    stands, or waits for it, once that result is there: nothing runs in the background.

    Args:
        parts: Their jobs, in order; None for one that is not there (yet).
        submission: The submission id of any of them.
        rest: Those after the first, if it is this object that sends them.
    """

    def __init__(
        self, parts: Sequence[RuntimeJobV2 | None], submission: str, rest: Rest | None = None
    ) -> None:
        first = next(part for part in parts if part is not None)
        super().__init__(first._record, first._backend, service=first._service, instance=first._instance)
        self._parts = list(parts)
        self._submission = submission
        self._rest = rest
        self._ended: tuple[str, str | None] | None = None
        """Status and reason of a whole whose parts will not all be sent."""
        self._result = _JoinedResult(self)
        self._decide()

    @property
    def primitive_id(self) -> str | None:
        """The program of the parts with PUBs: ``executor``."""
        return self._parts[-1].primitive_id if self._parts[-1] is not None else "executor"

    def job_ids(self) -> list[str]:
        """Return the ids of all parts that are there, in order."""
        return [part.job_id() for part in self._there()]

    def _about(self) -> tuple[str | None, ...]:
        return *super()._about(), f"{len(self._parts)} parts"

    # -- its parts -----------------------------------------------------------------------------------------------

    def _there(self) -> list[RuntimeJobV2]:
        return [part for part in self._parts if part is not None]

    def _with_pubs(self) -> list[RuntimeJobV2]:
        """Return all parts but one that learned first."""
        return [part for part in self._complete() if part.primitive_id != LEARNER]

    def _look(self) -> None:
        """Send parts that were not sent, if it is time; look for those that somebody else may still be sending.

        If the service cannot be asked the next look goes on.
        """
        if self._rest is not None:
            self._send_rest()
        elif None in self._parts and self._ended is None:
            records = find_parts(self.api.submissions, self._submission)
            self._parts = [
                part or (None if record is None else part_of(self, record))
                for part, record in zip(self._parts, records, strict=True)
            ]

    def _send_rest(self) -> None:
        with self._result._lock:
            rest, first = self._rest, self._parts[0]
            if rest is None or first is None or not first.is_final:
                return
            sent = rest.send(self.api.submissions, self._submission, first)
            self._rest = None
            if isinstance(sent, str):
                self._ended = ("Failed", sent)
            elif sent:
                self._parts[1:] = sent
            self._decide()

    def _wait_until_sent(self) -> None:
        """Wait for what the first part learns, if the others need it, and send these."""
        if self._rest is not None:
            self._there()[0]._wait(Deadline(None))
            self._look()
            self._decide()

    def _complete(self) -> list[RuntimeJobV2]:
        """Return all parts; a ``RuntimeInvalidStateError`` if some are not there."""
        if self._ended is not None:
            return self._there()
        self._look()
        missing = [number for number, part in enumerate(self._parts, 1) if part is None]
        if missing and not self._record.final:
            remedy = (
                f"service.find_submission({self._submission!r}) sends what is missing, on the machine and by the user of "
                "run(), once that process has ended."
            )
            if self.private:
                remedy = (
                    "It is private, so that nothing of its circuits was written down: only the process that called run() can "
                    "send what is missing. If that has ended, cancel() gives up the parts that are there: run it anew."
                )
            raise RuntimeInvalidStateError(
                f"Job {self.job_id()} is one of {len(self._parts)} parts of a run(), and of the parts number "
                f"{', '.join(map(str, missing))} the service has no job: it was not sent, or deleted. {remedy} "
                "service.jobs() lists those that are there, each with its own result.",
                job_id=self.job_id(),
            )
        return self._there()

    def _decide(self) -> None:
        """Choose the part that stands for the whole."""
        there = self._there()
        self._cancel_accepted = any(part._cancel_accepted for part in there)

        def advance(part: RuntimeJobV2) -> float:
            word = part._word()
            return _ADVANCE.index(word) if word in _ADVANCE else 3.5

        least = min(there, key=advance)
        self._record = least._record
        if self._ended is not None:
            status, reason = self._ended
            self._record = replace(least._record, status=status, reason=reason)
        elif None in self._parts and advance(least) > (4 if self._rest is not None else 2):
            self._record = replace(least._record, status="Initializing")

    def _refresh(self) -> None:
        if self._rest is None:
            self._look()
        for part in self._there():
            if not part.is_final:
                part._refresh()
        if self._rest is not None:
            self._look()
        self._decide()

    def _described(self) -> JobRecord:
        return self._there()[0]._described()

    def _wait(self, deadline: Deadline, poll_interval: float | None = None) -> None:
        if self._rest is not None:
            self._there()[0]._wait(deadline, poll_interval)
            self._look()
            self._decide()
        for part in self._complete():
            if self._record.final:
                return
            part._wait(deadline, poll_interval)
            self._decide()

    def _handles(self) -> list[RuntimeJobV2]:
        return self._complete() if self._rest is None else self._there()

    def _settle(self) -> None:
        if self._rest is not None:
            self._look()
        self._decide()

    def _take_when_done(self, deadline: Deadline, longest: float = HOLD) -> None:
        if self._rest is not None:
            first = self._there()[0]
            first._take_when_done(deadline, longest)
            if not first.is_final:
                return
        for part in self._complete():
            part._take_when_done(deadline, longest)
            if not part.is_final:
                break
        self._decide()

    # -- its result ----------------------------------------------------------------------------------------------

    def result(
        self,
        timeout: float | None = None,
        decoder: Any = None,
        poll_interval: float | None = None,
        *,
        refresh: bool = False,
        callback: Callback | None = None,
        progress: bool | None = None,
    ) -> Any:
        """Wait for all parts and return one result, of the PUBs in the order of ``run()``; see ``RuntimeJobV2.result``.

        With a ``decoder`` it is a list of what that makes of each part.
        """
        if decoder is None:
            return super().result(
                timeout, None, poll_interval, refresh=refresh, callback=callback, progress=progress
            )
        deadline = Deadline(timeout)
        self._wait_seen(deadline, least_interval(poll_interval), callback, progress)
        return [part.result(deadline.left(), decoder, poll_interval) for part in self._complete()]

    # -- other questions -----------------------------------------------------------------------------------------

    @property
    def usage_estimation(self) -> dict[str, Any]:
        """The service's estimates, added up; None as long as one is not known."""
        seconds = [part.usage_estimation["quantum_seconds"] for part in self._there()]
        return {"quantum_seconds": None if None in seconds else sum(seconds)}

    @property
    def inputs(self) -> dict[str, Any]:
        """What they were given: ``parts``, a list of the inputs of each."""
        return {"parts": [part.inputs for part in self._there()]}

    def metrics(self) -> dict[str, Any]:
        """Ask for the ``timestamps`` of the whole and its ``usage``, added up; ``parts`` has those of each."""
        parts = [part.metrics() for part in self._there()]
        stamps = timestamps_of(parts)
        if None in self._parts and self._ended is None:
            stamps["finished"] = None
        return {**parts[0], "timestamps": stamps, "usage": usage_of(parts), "parts": parts}

    def logs(self) -> str:
        """Ask for their logs, one after the other, each under its job id."""
        found = [(part.job_id(), part.logs()) for part in self._there()]
        return "".join(f"{job_id}:\n{text.rstrip()}\n" for job_id, text in found if text)

    def cancel(self) -> None:
        """Ask the service to cancel all parts that have not ended.

        Raises:
            RuntimeInvalidStateError: All have.
        """
        given_up = False
        if self._rest is not None:
            with self._result._lock:  # somebody may be sending it
                given_up, self._rest = self._rest is not None, None
        if given_up:
            self._ended = ("Cancelled", None)
        else:
            self._look()
        refused = [problem for part in self._there() if (problem := _cancelled(part)) is not None]
        for identifier, there in zip(part_ids(self._submission), self._parts, strict=True):
            if there is None:
                self.api.submissions.journal.close(identifier, "refused")
        self._decide()
        if len(refused) == len(self._there()) and not given_up:
            raise refused[0]

    def update_tags(self, new_tags: list[str]) -> list[str]:
        """Replace the tags of all parts.

        Args:
            new_tags: At most 7, each at most 86 characters; the eighth finds the parts again.

        Returns:
            Their tags from now on.

        Raises:
            IBMInputValueError: They are not a list of texts, or too many.
        """
        tags = check_tags(new_tags)
        if len(tags) >= MAX_TAGS:
            raise IBMInputValueError(
                f"A job of several parts can have {MAX_TAGS - 1} tags, not {len(tags)}: the last finds its parts again."
            )
        for part in self._there():
            part.update_tags(tags)
        self._decide()
        return self.tags

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parts, and the result if it is there."""
        return (_restored, (self._parts, self._submission, self._result.value))


def _cancelled(part: RuntimeJobV2) -> RuntimeInvalidStateError | None:
    """Cancel a part; return why it could not be: it has ended."""
    try:
        part.cancel()
    except RuntimeInvalidStateError as problem:
        return problem
    return None


def _restored(parts: Sequence[RuntimeJobV2 | None], submission: str, value: Any) -> JobOfParts:
    job = JobOfParts(parts, submission)
    job._result.value = value
    return job


# ------------------------------------------------------------------------------------------------------------- joining


class _JoinedResult(ResultFetcher):
    """The results of all parts, joined once."""

    def __init__(self, job: JobOfParts) -> None:
        super().__init__()
        self._job = job

    def get(self, api: Api, record: JobRecord, deadline: Deadline, *, again: bool = False) -> Any:
        """Return the result of completed parts; arguments and errors as for ``ResultFetcher.get``."""
        del api, record
        with self._alone(deadline):
            if self.value is None or again:
                parts = self._job._with_pubs()
                results = [part._result.get(part.api, part._record, deadline, again=again) for part in parts]
                self.downloaded = max(part._result.downloaded or now() for part in parts)
                try:
                    self.value = joined(results, before=len(self._job._parts) - len(parts))
                except ValueError as cause:
                    raise ResultDecodeError(
                        f"The results of the parts {', '.join(self._job.job_ids())} make no whole: {cause}. Each can be "
                        "read by itself: service.jobs() lists them.",
                        job_id=self._job.job_id(),
                    ) from cause
            return self.value
