"""``Rest``: the parts of a ``run()`` after the first, as long as they wait for its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..exceptions import IBMError, IBMInputValueError
from ..rest.submission import Submissions
from ..wire.models import JobRecord
from .job import RuntimeJobV2
from .parts import drop_plan, follow_parts, is_refusal, plan_of

LEARNER = "noise-learner"
"""Program of a first part whose result is not that of PUBs."""


class FollowUp(Protocol):
    """The jobs of a ``run()`` that are made of the result of its first: how many they are, and of which program."""

    number: int
    program_id: str

    def to_json(self) -> dict[str, Any]:
        """Return all that making them needs, for the journal."""
        ...

    def params(self, found: Any) -> Sequence[Mapping[str, Any]]:
        """Return the params of each, made of the result of the first; an ``IBMRuntimeError`` if that cannot be done."""
        ...


@dataclass
class Rest:
    """The parts after the first, which are made of its result and not sent yet.

    ``envelope`` stands beside their params; ``kept`` is text for the journal, of private jobs; ``again`` says that they may have
    been sent, and nobody knows.
    """

    follow_up: FollowUp
    envelope: Mapping[str, Any]
    kept: str | None
    job_of: Callable[[JobRecord], RuntimeJobV2]
    again: bool = False

    def send(
        self, submissions: Submissions, submission: str, first: RuntimeJobV2
    ) -> list[RuntimeJobV2] | str:
        """Send them and return their jobs, none if the first has no result; or why they cannot be sent.

        Raises:
            IBMError: The service could not be asked, or not be understood; another call goes on.
        """
        if first.status() != "DONE":
            drop_plan(submissions, submission)
            return []
        found = first.result()
        try:
            bodies = [{**self.envelope, "params": params} for params in self.follow_up.params(found)]
            records = follow_parts(submissions, submission, bodies, kept=self.kept, again=self.again)
        except IBMError as problem:
            if not isinstance(problem, IBMInputValueError) and not is_refusal(problem):
                self.again = True
                raise
            drop_plan(submissions, submission)
            return f"What follows its first part {first.job_id()} was not sent: {problem}"
        return [self.job_of(record) for record in records]


def rest_of(job: RuntimeJobV2, parts: Sequence[RuntimeJobV2 | None], submission: str) -> Rest | None:
    """Return what this user's journal knows of parts that could not be made yet; None if it knows nothing.

    ``job`` is any part, ``parts`` are all, with None for each that is not there.
    """
    first, backend = parts[0], job.backend()
    if first is None or first.primitive_id != LEARNER or None not in parts or backend is None:
        return None
    plan = plan_of(job.api.submissions, submission)
    if plan is None:
        return None
    from ..executor.learned_first import load_follow_up

    follow_up = load_follow_up(plan["follow_up"], backend)
    return Rest(follow_up, plan["envelope"], None, lambda record: part_of(job, record), again=True)


def part_of(job: RuntimeJobV2, record: JobRecord) -> RuntimeJobV2:
    """Return the job of a part of the same ``run()``: this one, if it is that."""
    if record.id == job.job_id():
        return job
    return RuntimeJobV2(record, job._backend, service=job._service, instance=job._instance)
