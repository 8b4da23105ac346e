"""``JobOfParts``: the jobs of one ``run()`` of several numbers of shots, which are one job to their user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qiskit.primitives import PrimitiveResult

from .._calls import even_half_made
from .._time import Deadline
from ..exceptions import IBMInputValueError, ResultDecodeError, RuntimeInvalidStateError
from ..rest.api import Api
from ..rest.parts import MOST_PARTS, find_parts, part_ids, submit_parts
from ..rest.submission import submission_of
from ..results.execution_spans import ExecutionSpans
from ..wire.models import JobRecord
from .job import RuntimeJobV2
from .request import MAX_TAGS, check_tags
from .result import ResultFetcher

__all__ = ["MOST_PARTS", "RUN", "JobOfParts", "joined", "reopened", "submitted"]

RUN = "run"
"""Member of a result's metadata that says which part of a ``run()`` it is, where there are several."""

_ADVANCE = ("ERROR", "CANCELLED", "INITIALIZING", "QUEUED", "RUNNING", "DONE")
"""What the whole is, if any part is: the first that fits."""


def submitted(
    api: Api,
    bodies: Sequence[Mapping[str, Any]],
    kept: str | None,
    job_of: Callable[[JobRecord], RuntimeJobV2],
) -> RuntimeJobV2:
    """Submit the parts of a ``run()`` and return their job.

    Args:
        api: Where to.
        bodies: One envelope for each.
        kept: Text for the journal, of private jobs.
        job_of: Makes the job of one part.
    """
    records = submit_parts(api.submissions, bodies, kept=kept)
    return JobOfParts([job_of(record) for record in records], submission_of(records[0].tags) or "")


def reopened(job: RuntimeJobV2, *, resume: bool = False) -> RuntimeJobV2:
    """Return the job of all parts of the ``run()`` that a job is one of; itself if it is all.

    Args:
        job: What the service says of any of them.
        resume: As for ``find_parts``.
    """
    submission = submission_of(job._record.tags) or ""
    if len(part_ids(submission)) == 1:
        return job
    parts = [_handle(job, record) for record in find_parts(job.api.submissions, submission, resume=resume)]
    return JobOfParts(parts, submission) if any(parts) else job


def _handle(job: RuntimeJobV2, record: JobRecord | None) -> RuntimeJobV2 | None:
    if record is None or record.id == job.job_id():
        return job if record else None
    return RuntimeJobV2(record, job._backend, service=job._service, instance=job._instance)


class JobOfParts(RuntimeJobV2):
    """The jobs of one ``run()``: one status, one result, one id, which is that of the first.

    What stands for the whole, in ``_record``, is the part that decides: the first that failed, else that was cancelled,
    else the least advanced one.

    Args:
        parts: Their jobs, in order; None for one that is not there (yet).
        submission: The submission id of any of them.
    """

    def __init__(self, parts: Sequence[RuntimeJobV2 | None], submission: str) -> None:
        first = next(part for part in parts if part is not None)
        super().__init__(first._record, first._backend, service=first._service, instance=first._instance)
        self._parts = list(parts)
        self._submission = submission
        self._result = _JoinedResult(self)
        self._decide()

    def job_ids(self) -> list[str]:
        """Return the ids of all parts that are there, in order."""
        return [part.job_id() for part in self._there()]

    @even_half_made
    def __repr__(self) -> str:
        return f"<RuntimeJobV2({self.job_id()!r}, {self.primitive_id!r}, {len(self._parts)} parts)>"

    # -- its parts -----------------------------------------------------------------------------------------------

    def _there(self) -> list[RuntimeJobV2]:
        return [part for part in self._parts if part is not None]

    def _look(self) -> None:
        """Look for parts that were not there when it was opened: somebody may still be sending them."""
        if None in self._parts:
            records = find_parts(self.api.submissions, self._submission)
            self._parts = [
                part or _handle(self, record) for part, record in zip(self._parts, records, strict=True)
            ]

    def _complete(self) -> list[RuntimeJobV2]:
        """Return all parts.

        Raises:
            RuntimeInvalidStateError: Some are not there.
        """
        self._look()
        missing = [number for number, part in enumerate(self._parts, 1) if part is None]
        if missing and not self._record.final:
            raise RuntimeInvalidStateError(
                f"Job {self.job_id()} is one of {len(self._parts)} parts of a run(), and of the parts number "
                f"{', '.join(map(str, missing))} the service has no job: it was not sent, or deleted. "
                f"service.find_submission({self._submission!r}) sends what is missing, on the machine and by the user of "
                "run(), once that process has ended. service.jobs() lists those that are there, each with its own result.",
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
        if None in self._parts and advance(least) > 2:
            self._record = replace(least._record, status="Initializing")

    def _refresh(self) -> None:
        self._look()
        for part in self._there():
            if not part.is_final:
                part._refresh()
        self._decide()

    def _described(self) -> JobRecord:
        return self._there()[0]._described()

    def _wait(self, deadline: Deadline, poll_interval: float | None = None) -> None:
        for part in self._complete():
            if self._record.final:
                return
            part._wait(deadline, poll_interval)
            self._decide()

    def _take_when_done(self, deadline: Deadline) -> None:
        for part in self._complete():
            part._take_when_done(deadline)
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
    ) -> Any:
        """Wait for all parts and return one result, of the PUBs in the order of ``run()``; see ``RuntimeJobV2.result``.

        With a ``decoder`` it is a list of what that makes of each part.
        """
        if decoder is None:
            return super().result(timeout, None, poll_interval, refresh=refresh)
        deadline = Deadline(timeout)
        self._wait(deadline, poll_interval)
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
        return {**parts[0], "timestamps": _timestamps(parts), "usage": _usage(parts), "parts": parts}

    def logs(self) -> str:
        """Ask for their logs, one after the other, each under its job id."""
        found = [(part.job_id(), part.logs()) for part in self._there()]
        return "".join(f"{job_id}:\n{text.rstrip()}\n" for job_id, text in found if text)

    def cancel(self) -> None:
        """Ask the service to cancel all parts that have not ended.

        Raises:
            RuntimeInvalidStateError: All have.
        """
        self._look()
        refused = [problem for part in self._there() if (problem := _cancelled(part)) is not None]
        for identifier, there in zip(part_ids(self._submission), self._parts, strict=True):
            if there is None:
                self.api.submissions.journal.close(identifier, "refused")
        self._decide()
        if len(refused) == len(self._there()):
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
    """The results of all parts, joined once.

    Args:
        job: Whose.
    """

    def __init__(self, job: JobOfParts) -> None:
        super().__init__()
        self._job = job

    def get(self, api: Api, record: JobRecord, deadline: Deadline, *, again: bool = False) -> Any:
        """Return the result of completed parts; arguments and errors as for ``ResultFetcher.get``."""
        del api, record
        with self._alone(deadline):
            if self.value is None or again:
                results = [
                    part._result.get(part.api, part._record, deadline, again=again)
                    for part in self._job._complete()
                ]
                try:
                    self.value = joined(results)
                except ValueError as cause:
                    raise ResultDecodeError(
                        f"The results of the parts {', '.join(self._job.job_ids())} make no whole: {cause}. Each can be "
                        "read by itself: service.jobs() lists them.",
                        job_id=self._job.job_id(),
                    ) from cause
            return self.value


def joined(results: Sequence[Any]) -> PrimitiveResult[Any]:
    """Join the results of the parts of a ``run()`` to that of all its PUBs.

    Args:
        results: Of each part; ``metadata["run"]["pubs"]`` says which PUBs its results are.

    Returns:
        The same results of PUBs, in the order of ``run()``; spans with the numbers of the PUBs in it. Other metadata that
        are the same everywhere stand once, those that differ as a list, an entry for each part.

    Raises:
        ValueError: They are not the parts of one whole.
    """
    pubs: dict[int, Any] = {}
    spans: list[Any] = []
    for number, result in enumerate(results, 1):
        place = result.metadata.get(RUN) if isinstance(result, PrimitiveResult) else None
        if place is None or (place["part"], place["of"]) != (number, len(results)):
            raise ValueError(f"that of number {number} does not say to be part {number} of {len(results)}")
        indices = place["pubs"]
        if len(indices) != len(result) or not pubs.keys().isdisjoint(indices):
            raise ValueError(f"part {number} has {len(result)} results for the PUBs {indices}")
        pubs.update(zip(indices, result, strict=True))
        for span in result.metadata.get("execution", {}).get("execution_spans", ()):
            slices = {indices[index]: taken for index, taken in span._slices.items()}
            spans.append(type(span)(span.start, span.stop, slices))
    if sorted(pubs) != list(range(len(pubs))):
        raise ValueError(f"together they have the PUBs {sorted(pubs)}")
    metadata = _joined_metadata([result.metadata for result in results])
    metadata["execution"] = {**metadata.get("execution", {}), "execution_spans": ExecutionSpans(spans)}
    return PrimitiveResult([pubs[index] for index in range(len(pubs))], metadata)


def _joined_metadata(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for part in parts for name in part if name != RUN)
    values = {name: [part.get(name) for part in parts] for name in names if name != "execution"}
    whole: dict[str, Any] = {
        name: found[0] if all(_same(found[0], other) for other in found[1:]) else found
        for name, found in values.items()
    }
    if "execution" in names:
        execution: list[Mapping[str, Any]] = [part.get("execution") or {} for part in parts]
        whole["execution"] = _joined_metadata(
            [{name: entry[name] for name in entry if name != "execution_spans"} for entry in execution]
        )
    return whole


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:  # of arrays
        return False


def _timestamps(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return when the first was created and ran, and when the last ended; None while that is not known of all."""
    stamps = [part.get("timestamps") or {} for part in parts]

    def of(name: str) -> list[Any]:
        return [stamp[name] for stamp in stamps if stamp.get(name)]

    ended = of("finished")
    return {
        "created": min(of("created"), default=None),
        "running": min(of("running"), default=None),
        "finished": max(ended) if len(ended) == len(parts) else None,
    }


def _usage(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up numbers; a word that is not the same everywhere is ``pending``."""
    usages = [part.get("usage") or {} for part in parts]
    whole: dict[str, Any] = {}
    for name in dict.fromkeys(name for usage in usages for name in usage):
        values = [usage.get(name) for usage in usages]
        numbers = [value for value in values if isinstance(value, (int, float))]
        whole[name] = sum(numbers) if numbers else values[0] if len(set(values)) == 1 else "pending"
    return whole
