"""Creating a job exactly once, whatever happens to the connection.

A POST can be lost before it arrives, after it took effect, or on the way back. Each logical submission gets one
identifier before its first attempt, which travels as ``Idempotency-Key`` and as a reserved tag. After an attempt
whose outcome is unknown the service is asked for a job with that tag before anything is sent again; a job that
is there is adopted; if two did appear after all, the younger is cancelled. Where the user has as many tags as
a job can have, the last of them makes room until the job is known.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NoReturn

from ..wire.jsonio import dumps
from ..wire.models import JobRecord
from .journal import NO_JOURNAL, Journal
from .lookup import Submission, ask_once, find_by_id, read_job, read_known
from .messages import FailedAttempt, Failure, Request, segment
from .network_errors import from_signal_handler
from .retry import NOT_PROCESSED
from .transport import NOT_RETRIED, Transport, read_unread

logger = logging.getLogger(__name__)

PATIENCE = 900.0
"""Seconds after which a submission without a timeout is given up."""
ANSWER_TIMEOUT = 120.0
"""Seconds of silence after a POST until its outcome counts as unknown."""
SETTLE = 2.0
"""Seconds between an unknown outcome and sending again, for the service to finish what it may be doing."""
LOOKS = (0.1, 0.35, 1.0)
"""When to look for the job meanwhile, as parts of ``SETTLE``."""
_SENT_BEFORE = Failure("timeout", "POST /jobs", "POST", "/jobs", "The process that sent it before has ended.")
Verdict = Literal["not-processed", "unknown", "refused"]


def verdict_of(failed: FailedAttempt) -> Verdict:
    """Say what a failed ``POST /jobs`` means for the job.

    Returns:
        ``not-processed``: there is no job, and sending again may help. ``refused``: there is no job, and it will
        not. ``unknown``: there may be one.
    """
    failure = failed.failure
    if failure.kind in NOT_RETRIED - {"large"}:
        return "refused"
    if failure.kind == "status" and failure.status is not None:
        if failure.status in NOT_PROCESSED:
            return "not-processed"
        return "unknown" if failure.status >= 500 or failure.status == 408 else "refused"
    return "unknown" if failed.sent else "not-processed"


class _Habit(threading.local):
    """What a thread does: the job that it submitted last, or ``""`` once it asked for the result of that one."""

    unasked: str | None = None


class Submissions:
    """Creates jobs; shared by threads.

    Args:
        transport: How to reach the service; its clock, sleep and randomness are used.
        journal: Where submissions are recorded before they are sent.
        instance: What the journal calls the instance; nothing secret.
        owner: Members of every envelope that say whose the job is, where a token and a header do not.
        settle: See ``SETTLE``.
        new_id: Makes identifiers.

    Attributes:
        refused: Programs that the service said it has not: they are not tried again.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        journal: Journal = NO_JOURNAL,
        instance: str = "",
        owner: Mapping[str, str] = {},
        settle: float = SETTLE,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.journal = journal
        self._transport = transport
        self._instance = instance
        self._owner = owner
        self.settle = settle
        self.refused: set[str] = set()
        self._new_id = new_id
        self._habit = _Habit()

    def asked(self, job_id: str) -> None:
        """Note that the result of a job is asked for: one who asks before the next job will do so again."""
        if self._habit.unasked == job_id:
            self._habit.unasked = ""

    def submit(
        self,
        body: Mapping[str, Any],
        *,
        kept: str | None = None,
        timeout: float | None = None,
        identifier: str | None = None,
        again: bool = False,
        awaited: bool = False,
    ) -> JobRecord:
        """Create exactly one job.

        Args:
            body: The envelope of rest-api.md 4.1; the reserved tag is added to a copy.
            kept: Text to keep in the journal with the job.
            timeout: Seconds for everything; ``PATIENCE`` when None.
            identifier: Of the submission, if it has one already.
            again: Whether it may have been sent before; it is looked for first then.
            awaited: Whether the caller can use a result that comes along. It is asked for where the service holds
                answers, of one who asked for the result of the former job before this one.

        Returns:
            The job.

        Raises:
            Exception: What the transport makes of a failure: the service's refusal, or kind
                ``unknown-outcome`` when it could not be learned in time whether there is a job.
        """
        at_once = awaited and self._habit.unasked == "" and self._transport.holds_answers
        submission = Submission.of(
            {**body, **self._owner}, identifier=identifier or self._new_id(), with_result=at_once
        )
        self.record(submission.id, submission.document, kept=kept)
        deadline = self._transport.deadline(PATIENCE if timeout is None else timeout)
        record, doubtful, number = None, again, 0
        try:
            if again:
                record = self._look(submission, deadline, _SENT_BEFORE)
            while record is None:
                number += 1
                outcome = self._transport.attempt(
                    submission.request, read_job, deadline=deadline, idle_timeout=ANSWER_TIMEOUT
                )
                record, doubtful = self._judge(submission, outcome, number, deadline, doubtful=doubtful)
        except KeyboardInterrupt:
            # From None: eighty lines about sockets would hide the one that helps.
            raise KeyboardInterrupt(
                "Stopped submitting. Whether there is a job already can be asked with "
                f"service.find_submission({submission.id!r})."
            ) from None
        self.journal.accept(submission.id, record.id)
        self._habit.unasked = record.id
        logger.info("job %s was accepted: %s on %s", record.id, body.get("program_id"), body.get("backend"))
        return self._with_all_tags(record, submission, deadline) if submission.displaced else record

    def record(
        self, identifier: str, body: Mapping[str, Any], *, kept: str | None, state: str = "sending"
    ) -> None:
        """Write a submission down in the journal before it is sent."""
        url, instance = self._transport.base_url, self._instance
        self.journal.begin(identifier, url=url, instance=instance, document=body, kept=kept, state=state)

    def find(self, submission_id: str, *, timeout: float | None = None) -> JobRecord | None:
        """Return the job that came of a submission, or None if there is none (yet).

        Of several jobs the oldest is returned and the others are cancelled.
        """
        jobs = find_by_id(self._transport, submission_id, timeout=timeout)
        if not jobs:
            entry = self.journal.entry(submission_id)  # its tag may have made room again
            known = entry is not None and entry.job_id
            return read_known(self._transport, known, timeout=timeout) if known else None
        self.cancel(jobs[1:])
        self.journal.accept(submission_id, jobs[0].id)
        return jobs[0]

    def _judge(
        self,
        submission: Submission,
        outcome: JobRecord | FailedAttempt,
        number: int,
        deadline: float | None,
        *,
        doubtful: bool,
    ) -> tuple[JobRecord | None, bool]:
        """Take an answer that can be trusted; else look for the job before anything is sent again, and wait.

        Returns the job, None to send again; and whether there may be one already.
        """
        if not isinstance(outcome, FailedAttempt):
            record = _completed(outcome, submission)
            return self._sole(submission, record, deadline) if doubtful else record, doubtful
        verdict = verdict_of(outcome)
        if verdict == "unknown":
            doubtful = True
            self.journal.close(submission.id, "unknown")
        if doubtful:
            found = self._look(submission, deadline, outcome.failure)
            if found is not None:
                return found, doubtful
        if verdict == "refused" or self._tired(outcome, number):
            self._give_up(submission, outcome.failure, doubtful=doubtful and verdict != "refused")
        self._pause(submission, outcome, number, deadline, doubtful=doubtful)
        return None, doubtful

    def _tired(self, outcome: FailedAttempt, number: int) -> bool:
        """A rate limit is waited out until the deadline; anything else has a number of attempts."""
        return outcome.failure.status not in NOT_PROCESSED and number >= self._transport.retry.attempts

    def _pause(
        self,
        submission: Submission,
        outcome: FailedAttempt,
        number: int,
        deadline: float | None,
        *,
        doubtful: bool,
    ) -> None:
        transport = self._transport
        pause = transport.retry.delay(number, headers=outcome.headers, jitter=transport.random())
        left = transport.left(deadline)
        if pause is None or (left is not None and pause >= left):
            self._give_up(submission, _too_late(outcome.failure), doubtful=doubtful)
        transport.sleep(pause)

    def _look(self, submission: Submission, deadline: float | None, last: Failure) -> JobRecord | None:
        """Look for the job for as long as the service may need to show it; the outcome is unknown if it cannot be asked."""
        transport, slept, troubles = self._transport, 0.0, 0
        looks = list(LOOKS)
        while looks:
            pause = looks[0] * self.settle - slept
            left = transport.left(deadline)
            if left is not None and pause >= left:
                self._give_up(submission, last, doubtful=True)
            transport.sleep(max(0.0, pause))
            slept += max(0.0, pause)
            outcome = ask_once(self._transport, submission, deadline=deadline)
            if isinstance(outcome, FailedAttempt):
                troubles += 1
                self._bear(submission, outcome, troubles, deadline)
                continue
            looks.pop(0)
            if outcome:
                self.cancel(outcome[1:])
                logger.info("adopted job %s of submission %s", outcome[0].id, submission.id)
                return outcome[0]
        return None

    def _bear(
        self, submission: Submission, outcome: FailedAttempt, troubles: int, deadline: float | None
    ) -> None:
        """Wait out a look-up that failed; the deadline is its only limit unless the service refuses."""
        failure = outcome.failure
        refused = failure.kind in NOT_RETRIED or verdict_of(outcome) == "refused"
        if refused and failure.kind != "deadline":
            self._give_up(submission, failure, doubtful=True)
        self._pause(submission, outcome, troubles, deadline, doubtful=True)

    def _sole(self, submission: Submission, record: JobRecord, deadline: float | None) -> JobRecord:
        """After sending twice: keep the older job if there are two. Not knowing is no reason to fail here."""
        outcome = ask_once(self._transport, submission, deadline=deadline)
        if isinstance(outcome, FailedAttempt) or not outcome:
            return record
        self.cancel(outcome[1:])
        return record if outcome[0].id == record.id else outcome[0]

    def cancel(
        self, jobs: Sequence[JobRecord], why: str = "an older job of the same submission exists"
    ) -> None:
        """Cancel jobs that nobody will ask for; what cannot be cancelled is named in the log."""
        for job in jobs:
            logger.warning("cancelling job %s: %s", job.id, why)
            path = f"/jobs/{segment(job.id, what='job id')}/cancel"
            request = Request("POST", path, "POST /jobs/{id}/cancel", job_id=job.id)
            outcome = self._transport.attempt(request, read_unread)
            if isinstance(outcome, FailedAttempt) and outcome.failure.status != 409:
                logger.warning("job %s could not be cancelled: %s", job.id, outcome.failure.message)

    def _with_all_tags(self, record: JobRecord, submission: Submission, deadline: float | None) -> JobRecord:
        """Give a job the tag that had to make room. The job is there: trouble with its tags must not hide that."""
        path = f"/jobs/{segment(record.id, what='job id')}/tags"
        body = dumps({"tags": submission.tags})
        request = Request("PUT", path, "PUT /jobs/{id}/tags", body=body, job_id=record.id)
        try:
            self._transport.request(request, timeout=self._transport.left(deadline))
        except Exception as problem:
            if from_signal_handler(problem):
                raise
            logger.warning("job %s lacks its last tag: %s", record.id, problem)
            return record
        return replace(record, tags=submission.tags)

    def _give_up(self, submission: Submission, failure: Failure, *, doubtful: bool) -> NoReturn:
        self.journal.close(submission.id, "unknown" if doubtful else "refused")
        if doubtful:
            failure = replace(
                failure,
                kind="unknown-outcome",
                message=(
                    "It could not be learned whether the job was accepted; it may be running. "
                    f"Last problem: {failure.message}"
                ),
                solution=f"Ask again later with service.find_submission({submission.id!r}); do not send it again first.",
            )
        self._transport.fail(
            replace(failure, submission_id=submission.id, operation="POST /jobs", method="POST", path="/jobs")
        )


def _completed(record: JobRecord, submission: Submission) -> JobRecord:
    """Fill in what the short answer of ``POST /jobs`` leaves out."""
    document = submission.document
    return replace(
        record,
        backend=record.backend or document.get("backend"),
        program_id=record.program_id or document.get("program_id"),
        session_id=record.session_id or document.get("session_id"),
        private=record.private or bool(document.get("private")),
        tags=record.tags or tuple(document.get("tags") or ()),
    )


def _too_late(failure: Failure) -> Failure:
    if failure.kind == "status" and failure.status is not None and 400 <= failure.status < 500:
        return failure
    return replace(failure, kind="deadline", message=f"Time is up. Last: {failure.message}")
