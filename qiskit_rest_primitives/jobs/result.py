"""``ResultFetcher``: the result of one job, fetched once and decoded once, or the error that says why there is none."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from .._locks import fork_safe_lock
from .._time import Deadline, now
from ..exceptions import RequestsApiError, ResultDecodeError, RuntimeInvalidStateError, RuntimeJobNotFound
from ..rest.api import Api
from ..rest.messages import UNREADABLE
from ..rest.retry import HOLD
from ..wire.expected import DecodeHints
from ..wire.models import JobRecord
from .decoders import decode
from .inputs import recover
from .status import has_pubs, shown
from .waiting import result_when_done

logger = logging.getLogger(__name__)

LEAST = 0.1
"""Seconds that a request gets even at the end of its deadline, so that the error is that of the service."""


class ResultFetcher:
    """The result of one job: fetched once and decoded once, whatever number of threads ask for it.

    Args:
        hints: What decoding needs beside the bytes; None to recover it from the service when it is needed.
        body: The bytes, if they are there already.

    Attributes:
        value: The decoded result; None until there is one.
        downloaded: When its bytes were here, UTC; None until they are.
    """

    def __init__(self, hints: DecodeHints | None = None, body: bytes | None = None) -> None:
        self.value: Any = None
        self.downloaded: datetime | None = None if body is None else now()
        self._hints = hints
        self._body = body
        """What is fetched and not decoded yet; of a private job for good, since it can be read only once."""
        self._reader = uuid.uuid4().hex
        """Names this reader to the service, so that a private result whose answer was lost can be had again."""
        self._lock = fork_safe_lock()

    @property
    def fetched(self) -> bool:
        """Whether the bytes are there and wait to be decoded."""
        return self._body is not None

    def take_when_done(self, api: Api, job_id: str, deadline: Deadline, longest: float = HOLD) -> bool:
        """Wait for the bytes themselves instead of asking how the job stands first, which saves a request.

        The service may hold its answer for ``longest`` seconds. Returns whether there are some now; False also while another thread
        is fetching them.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self.value is None and self._body is None:
                self._body = result_when_done(api, job_id, deadline, longest)
                self._note_download(job_id, self._body)
            return self.value is not None or self._body is not None
        finally:
            self._lock.release()

    def get(self, api: Api, record: JobRecord, deadline: Deadline, *, again: bool = False) -> Any:
        """Return the result of a completed job; ``again`` fetches and decodes it anew, but a private body is only decoded anew.

        Raises:
            TimeoutError: Another thread that is at it took longer.
            ResultDecodeError: It cannot be read; its bytes are kept in the error.
        """
        with self._alone(deadline):
            if self.value is None or again:
                self._body = self._bytes(api, record, deadline, again=again and not record.private)
                hints = self._known(api, record, deadline)
                self.value = read_safely(self._body, record, hints)
                if "IPython" in sys.modules:
                    from ..notebook import teach_notebook

                    teach_notebook()
                if not record.private:
                    self._body = None
            return self.value

    def get_bytes(self, api: Api, record: JobRecord, deadline: Deadline) -> bytes:
        """Return the bytes, for decoding in another way; arguments and errors as for ``get``."""
        with self._alone(deadline):
            body = self._bytes(api, record, deadline)
            if record.private:
                self._body = body
            return body

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        left = deadline.left()
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise TimeoutError("Another thread is fetching the result.")
        try:
            yield
        finally:
            self._lock.release()

    def _bytes(self, api: Api, record: JobRecord, deadline: Deadline, *, again: bool = False) -> bytes:
        if self._body is not None and not again:
            return self._body
        body = fetch(
            lambda: api.job_results(record.id, reader=self._reader, timeout=deadline.left(LEAST)), record
        )
        self._note_download(record.id, body)
        return body

    def _note_download(self, job_id: str, body: bytes | None) -> None:
        if body is not None:
            self.downloaded = now()
            logger.info("the result of job %s is here: %d bytes", job_id, len(body))

    def _known(self, api: Api, record: JobRecord, deadline: Deadline) -> DecodeHints:
        """Return what decoding needs: from the submission, or the job's params, or (private) this user's journal."""
        if self._hints is None:
            if record.private:
                kept = api.submissions.journal.of_job(record.id)
                self._hints = DecodeHints.from_text(kept.kept if kept else None)
            elif has_pubs(record.program_id):
                whole = api.job(record.id, exclude_params=False, timeout=deadline.left(LEAST))
                self._hints = recover(whole.params, program_id=whole.program_id)
            else:
                self._hints = DecodeHints()
        return self._hints

    def __getstate__(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "downloaded": self.downloaded,
            "_hints": self._hints,
            "_body": self._body,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc] # makes what belongs to one process
        self.__dict__.update(state)


def fetch(ask: Callable[[], bytes | None], record: JobRecord) -> bytes:
    """Get the bytes of a completed job's result; ``ask`` asks the service, and returns None where there is none.

    Raises:
        RuntimeInvalidStateError: The service has none, or none any more.
        ResultDecodeError: The answer was empty or the web page of somebody on the way; asking again may give more.
    """
    cause: RuntimeJobNotFound | None = None
    try:
        body = ask()
    except RuntimeJobNotFound as error:
        body, cause = None, error
    except RequestsApiError as error:
        if error.failure is None or error.failure.kind != "body" or error.failure.status is None:
            raise  # no whole answer came, so there is nothing to judge
        body = error.failure.body
        saved_to = keep(body, record.id) if record.private and body else None
        raise _undecodable(body, record, error, saved_to) from error
    if body:
        return body
    once = ": the result of a private job can be read only once." if record.private else "."
    if cause is not None and cause.failure is not None and cause.failure.solution and not record.private:
        once = f". {shown(cause.failure.solution)}"
    raise RuntimeInvalidStateError(
        f"The service has no result of job {record.id} any more{once}", job_id=record.id
    ) from cause


def read_safely(body: bytes, record: JobRecord, hints: DecodeHints) -> Any:
    """Decode a result body, which of a private job is on disk meanwhile.

    Raises:
        ResultDecodeError: The body cannot be read; it is kept in the error, and for a private job in a file as well.
    """
    saved_to = keep(body, record.id) if record.private else None  # first: it can be had only once
    try:
        result = decode(body, record.program_id, hints)
    except UNREADABLE as cause:
        raise _undecodable(body, record, cause, saved_to) from cause
    if saved_to is not None:
        Path(saved_to).unlink(missing_ok=True)
    return result


def _undecodable(body: bytes, record: JobRecord, cause: Exception, saved_to: str | None) -> ResultDecodeError:
    path = str(getattr(cause, "path", "$"))
    where = (
        f"The body, which the service does not give out a second time, was saved to {saved_to}."
        if saved_to
        else "The body is in this error's attribute 'body'; job.result() tries again."
    )
    return ResultDecodeError(
        f"The result of job {record.id} cannot be read at {path}: {cause} ({len(body)} bytes). {where}",
        path=path,
        body=body,
        saved_to=saved_to,
        job_id=record.id,
    )


def keep(body: bytes, job_id: str) -> str | None:
    """Write a body to a file that only this user can read; None if that cannot be done."""
    try:
        shown = "".join(one if one.isascii() and one.isalnum() else "_" for one in job_id[:40])
        handle, name = tempfile.mkstemp(prefix=f"qiskit-result-{shown}-", suffix=".json")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
    except OSError as cause:
        logger.warning("The result of job %s could not be saved before decoding: %s", job_id, cause)
        return None
    return name
