"""Exit codes, and which of them an exception becomes."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command ends with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_AUTHORISED = 4
    UNREACHABLE = 5
    TIME_IS_UP = 6
    INTERRUPTED = 130


EXITS = {
    Exit.OK: "it is done",
    Exit.FAILED: "it failed: the job, the check, or something that is missing here",
    Exit.USAGE: "the command cannot be understood, or a value makes no sense",
    Exit.NOT_FOUND: "there is no such job, session, backend or saved account",
    Exit.NOT_AUTHORISED: "there is no account, or the service refuses it",
    Exit.UNREACHABLE: "the service does not answer",
    Exit.TIME_IS_UP: "the time is up, and the job goes on",
    Exit.INTERRUPTED: "it was interrupted",
}

_OF_ACCOUNTS = {
    "unknown": Exit.NOT_FOUND,
    "invalid": Exit.USAGE,
    "exists": Exit.FAILED,
    "file": Exit.FAILED,
}
"""Kinds of problems with saved accounts; that there is none at all is a matter of who is asking."""


def exit_of(problem: Exception) -> Exit | None:
    """Return the exit code of an exception; None for one that nobody expects, whose traceback is to be seen."""
    from .. import exceptions as known

    of_account = _OF_ACCOUNTS.get(getattr(problem.__cause__, "kind", ""))
    if isinstance(problem, known.AccountsError) and of_account is not None:
        return of_account
    failure = getattr(problem, "failure", None)
    status = None if failure is None else failure.status
    if isinstance(problem, (known.RuntimeJobNotFound, known.QiskitBackendNotFoundError)) or status == 404:
        return Exit.NOT_FOUND
    if isinstance(problem, (known.IBMNotAuthorizedError, known.IBMAccountError)) or status in (401, 403):
        return Exit.NOT_AUTHORISED
    if isinstance(problem, (known.RequestConnectionError, known.RequestTimeoutError)):
        return Exit.UNREACHABLE
    if isinstance(problem, known.JobTimeoutError):
        return Exit.TIME_IS_UP
    if isinstance(problem, known.IBMInputValueError):
        return Exit.USAGE
    if isinstance(problem, (known.QiskitError, ImportError, OSError)):
        return Exit.FAILED
    return None


def interrupt_behind(problem: BaseException) -> BaseException | None:
    """Return the interrupt that an exception came of: click makes its ``Abort`` of it, and modules that load an ImportError."""
    chain = [problem]
    while (behind := chain[-1].__cause__ or chain[-1].__context__) is not None and behind not in chain:
        chain.append(behind)
    aborts = (
        each for each in chain if type(each).__name__ == "Abort"
    )  # which may be all, at the end of what is typed
    return next((each for each in chain if isinstance(each, KeyboardInterrupt)), next(aborts, None))
