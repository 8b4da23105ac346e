"""Every public exception, and the one place that picks a class for a failed request.

::

    QiskitError
    ├── IBMError
    │   ├── IBMAccountError
    │   │   └── AccountsError
    │   │       ├── InvalidAccountError
    │   │       ├── AccountNotFoundError
    │   │       ├── AccountAlreadyExistsError
    │   │       └── CloudResourceNameResolutionError
    │   ├── IBMBackendError
    │   │   ├── IBMBackendApiError
    │   │   ├── IBMBackendApiProtocolError
    │   │   └── IBMBackendValueError (also ValueError)
    │   ├── IBMInputValueError (also ValueError)
    │   │   └── CircuitRefusedError
    │   ├── IBMNotAuthorizedError
    │   ├── IBMApiError
    │   │   └── ApiError
    │   │       ├── ApiIBMProtocolError, AuthenticationLicenseError, UserTimeoutExceededError
    │   │       └── RequestsApiError (also IBMRuntimeError)
    │   │           ├── RequestTimeoutError (also TimeoutError)
    │   │           └── RequestConnectionError (also ConnectionError)
    │   └── IBMRuntimeError
    │       ├── RuntimeProgramNotFound
    │       ├── RuntimeDuplicateProgramError
    │       ├── RuntimeJobNotFound
    │       ├── RuntimeInvalidStateError
    │       ├── RuntimeJobMaxTimeoutError
    │       ├── SessionClosedError
    │       ├── UsageLimitError
    │       ├── SubmissionUnknownError
    │       └── ResultDecodeError
    └── JobError (qiskit.providers)
        ├── RuntimeJobFailureError
        └── JobTimeoutError (qiskit.providers)
            └── RuntimeJobTimeoutError

Names and bases are those of qiskit-ibm-runtime; ``RequestTimeoutError``, ``RequestConnectionError``, ``CircuitRefusedError``,
``SessionClosedError``, ``UsageLimitError``, ``SubmissionUnknownError`` and ``ResultDecodeError`` are placed so that these catch them.
"""

from __future__ import annotations

from typing import Any

from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobTimeoutError
from qiskit.providers.exceptions import QiskitBackendNotFoundError

from .rest.messages import LONGEST_TEXT, Failure, readable

__all__ = [
    "AccountAlreadyExistsError",
    "AccountNotFoundError",
    "AccountsError",
    "ApiError",
    "ApiIBMProtocolError",
    "AuthenticationLicenseError",
    "CircuitRefusedError",
    "CloudResourceNameResolutionError",
    "IBMAccountError",
    "IBMApiError",
    "IBMBackendApiError",
    "IBMBackendApiProtocolError",
    "IBMBackendError",
    "IBMBackendValueError",
    "IBMError",
    "IBMInputValueError",
    "IBMNotAuthorizedError",
    "IBMRuntimeError",
    "InvalidAccountError",
    "JobError",
    "JobTimeoutError",
    "QiskitBackendNotFoundError",
    "QiskitError",
    "RequestConnectionError",
    "RequestTimeoutError",
    "RequestsApiError",
    "ResultDecodeError",
    "RuntimeDuplicateProgramError",
    "RuntimeInvalidStateError",
    "RuntimeJobFailureError",
    "RuntimeJobMaxTimeoutError",
    "RuntimeJobNotFound",
    "RuntimeJobTimeoutError",
    "RuntimeProgramNotFound",
    "SessionClosedError",
    "SubmissionUnknownError",
    "UsageLimitError",
    "UserTimeoutExceededError",
    "from_failure",
]


class IBMError(QiskitError):
    """Base class of this package's errors. What a terminal would obey is in no message, whatever it quotes.

    Attributes:
        failure: The request that failed, when the error comes from one; None otherwise.
        job_id: The job concerned, if known.
    """

    def __init__(self, *message: object, failure: Failure | None = None, job_id: str | None = None) -> None:
        super().__init__(*(readable(part, 2 * LONGEST_TEXT) for part in message))
        self.failure = failure
        self.job_id = job_id or (failure.job_id if failure else None)

    def __str__(self) -> str:
        return self.message

    @property
    def status_code(self) -> int:
        """HTTP status of the answer, or -1 when there was none."""
        return self.failure.status if self.failure and self.failure.status is not None else -1

    @property
    def code(self) -> str | None:
        """The service's own error code as text, if it gave one (rest-api.md 1.6)."""
        return self.failure.code if self.failure else None

    @property
    def trace(self) -> str | None:
        """The service's trace or request id, if it gave one."""
        return self.failure.trace if self.failure else None

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(cls: type[IBMError], args: tuple[Any, ...], state: dict[str, Any]) -> IBMError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class IBMAccountError(IBMError):
    """Something is wrong with an account."""


class AccountsError(IBMAccountError):
    """Base of the errors about saved accounts."""


class InvalidAccountError(AccountsError):
    """An account's fields do not make sense together."""


class AccountNotFoundError(AccountsError):
    """No saved account matches."""


class AccountAlreadyExistsError(AccountsError):
    """An account of that name is saved already and ``overwrite`` was not given."""


class CloudResourceNameResolutionError(AccountsError):
    """An instance name could not be resolved to a CRN."""


class IBMBackendError(IBMError):
    """Something is wrong with a backend."""


class IBMBackendApiError(IBMBackendError):
    """The service answered a backend request with an error."""


class IBMBackendApiProtocolError(IBMBackendError):
    """The service's backend documents cannot be read."""


class IBMBackendValueError(IBMBackendError, ValueError):
    """A value given to a backend is not acceptable."""


class IBMInputValueError(IBMError, ValueError):
    """An argument is not acceptable; raised before any traffic wherever that can be known."""


class CircuitRefusedError(IBMInputValueError):
    """A circuit cannot be carried in the form asked for; the message names the instruction. Nothing was sent."""


class IBMNotAuthorizedError(IBMError):
    """The service refused the credentials (HTTP 401, or 403 from the token service)."""


class IBMApiError(IBMError):
    """The service answered in a way it should not."""


class ApiError(IBMApiError):
    """Base of the errors of single requests."""


class ApiIBMProtocolError(ApiError):
    """Not raised, by the official client neither; kept for ``except``."""


class AuthenticationLicenseError(ApiError):
    """Not raised, by the official client neither; kept for ``except``."""


class UserTimeoutExceededError(ApiError):
    """Not raised, by the official client neither; kept for ``except``."""


class IBMRuntimeError(IBMError):
    """A job, session or program could not be handled."""


class RequestsApiError(ApiError, IBMRuntimeError):
    """A request failed; ``failure`` says which, ``status_code`` how.

    The official client raises one of the two classes or the other, depending on the method; this is both.

    Args:
        message: What went wrong.
        status_code: HTTP status, where there is no ``failure`` to say it; -1 when there was no answer.
        failure: The request.
        job_id: The job concerned.
    """

    def __init__(
        self,
        message: object,
        status_code: int = -1,
        *,
        failure: Failure | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, failure=failure, job_id=job_id)
        self._status_code = status_code

    @property
    def status_code(self) -> int:
        """HTTP status of the answer, or -1 when there was none."""
        return super().status_code if self.failure else self._status_code


class RequestTimeoutError(RequestsApiError, TimeoutError):
    """No answer came in time."""


class RequestConnectionError(RequestsApiError, ConnectionError):
    """No connection could be made, or it broke."""


class RuntimeProgramNotFound(IBMRuntimeError):
    """The service knows no such program."""


class RuntimeDuplicateProgramError(IBMRuntimeError):
    """There is a program of that name already."""


class RuntimeJobNotFound(IBMRuntimeError):
    """The service knows no such job."""


class RuntimeInvalidStateError(IBMRuntimeError):
    """The job is in a state that does not allow this."""


class RuntimeJobMaxTimeoutError(IBMRuntimeError):
    """The job ran longer than its ``max_execution_time`` (reason code 1305)."""


class SessionClosedError(IBMRuntimeError):
    """The session does not accept jobs any more (code 1217)."""


class UsageLimitError(IBMRuntimeError):
    """The instance's usage exceeds its limit, so that it takes no jobs (HTTP 409); nothing was submitted."""


class SubmissionUnknownError(IBMRuntimeError):
    """It could not be learned in time whether a submission was accepted.

    Attributes:
        submission_id: Give it to ``service.find_submission`` to settle the question later.
    """

    def __init__(self, *message: object, submission_id: str | None = None, **keywords: Any) -> None:
        super().__init__(*message, **keywords)
        self.submission_id = submission_id or (self.failure.submission_id if self.failure else None)


class ResultDecodeError(IBMRuntimeError):
    """A result body could not be read.

    Attributes:
        path: Where in the body, as a JSON path (``$.results[0].data.meas.samples[3]``).
        body: The body as it came, untouched.
        saved_to: The file the body was written to, if it was (private results can be read only once).
    """

    def __init__(
        self,
        *message: object,
        path: str = "$",
        body: bytes = b"",
        saved_to: str | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(*message, **keywords)
        self.path = path
        self.body = body
        self.saved_to = saved_to


class RuntimeJobFailureError(JobError):
    """The job failed on the service; the message holds the service's reason and the job id.

    Attributes:
        job_id: The job.
        reason_code: The service's reason code, if it gave one.
    """

    def __init__(self, *message: object, job_id: str | None = None, reason_code: int | None = None) -> None:
        super().__init__(*(readable(part, 2 * LONGEST_TEXT) for part in message))
        self.job_id = job_id
        self.reason_code = reason_code

    def __str__(self) -> str:
        return self.message


class RuntimeJobTimeoutError(JobTimeoutError):
    """The job did not finish within the caller's timeout; it goes on running.

    Attributes:
        job_id: The job.
    """

    def __init__(self, *message: object, job_id: str | None = None) -> None:
        super().__init__(*(readable(part, 2 * LONGEST_TEXT) for part in message))
        self.job_id = job_id

    def __str__(self) -> str:
        return self.message


_SUBMIT = "POST /jobs"
_USED_UP = (
    "The usage of the instance exceeds its limit (service.usage() says by how much): raise the limit, use another instance, or "
    "wait until earlier usage is 28 days old."
)
_OF_PROGRAMS: dict[int | None, type[IBMError]] = {
    403: IBMNotAuthorizedError,
    404: RuntimeProgramNotFound,
    409: RuntimeDuplicateProgramError,
}


def from_failure(failure: Failure) -> IBMError:
    """Pick the exception class for a failed request, word its message, and give it the failure.

    This is the one table from (kind, operation, status, code, text) to a class.
    """
    kind = _class_of(failure)
    return kind(_sentence(failure, _USED_UP if kind is UsageLimitError else ""), failure=failure)


def _class_of(failure: Failure) -> type[IBMError]:
    if failure.kind == "status":
        return _class_of_status(failure)
    return {
        "connect": RequestConnectionError,
        "permanent": RequestConnectionError,
        "unreachable": RequestConnectionError,
        "timeout": RequestTimeoutError,
        "deadline": RequestTimeoutError,
        "auth": IBMNotAuthorizedError,
        "unknown-outcome": SubmissionUnknownError,
        "refused": IBMInputValueError,
    }.get(failure.kind, RequestsApiError)


def _class_of_status(failure: Failure) -> type[IBMError]:
    status, operation = failure.status, failure.operation
    closed = failure.code == "1217" or "session has been closed" in failure.message.lower()
    if status == 401:
        return IBMNotAuthorizedError
    if closed and status is not None and 400 <= status < 500:
        return SessionClosedError
    if operation == _SUBMIT:
        if status == 409 and failure.code != "idempotency_key_reused":
            return UsageLimitError
        return RuntimeProgramNotFound if status == 404 else IBMRuntimeError
    if operation.partition(" ")[2].startswith("/programs"):
        return _OF_PROGRAMS.get(status, RequestsApiError)
    if status == 404 and operation.partition(" ")[2].startswith("/jobs/{id}"):
        return RuntimeJobNotFound
    if status == 409 and operation == "POST /jobs/{id}/cancel":
        return RuntimeInvalidStateError
    return RequestsApiError


def _sentence(failure: Failure, advice: str) -> str:
    """What was asked, what came back, what to do, and the ids to quote in a support request."""
    parts = [failure.message.rstrip()]
    if parts[0] and parts[0][-1] not in ".!?":
        parts[0] += "."
    parts.append((failure.solution or advice).rstrip())
    ids = {"job": failure.job_id, "submission": failure.submission_id, "trace": failure.trace}
    known = {"HTTP": failure.status, "code": failure.code, **ids}
    facts = [f"{failure.method} {failure.path}", *(f"{name} {it}" for name, it in known.items() if it)]
    return f"{' '.join(part for part in parts if part)} [{', '.join(facts)}]"
