"""``channel="local"`` without a URL: the account that means the server inside this process, and what becomes of its jobs."""

from __future__ import annotations

from dataclasses import replace

from ..accounts.account import Account
from ..accounts.endpoints import DEFAULT_URL
from ..exceptions import IBMError, from_failure
from ..rest.messages import ExchangeError, Failure, Outgoing, Response, Send

JOBS_END = (
    "Jobs of the server inside a process end with the process; to find them later, run "
    "'python -m qiskit_rest_primitives.server --database jobs.sqlite' and connect to it."
)


def is_embedded(account: Account) -> bool:
    """Tell whether an account means the server inside this process."""
    return account.channel == "local" and account.url == DEFAULT_URL


def settled(account: Account) -> Account:
    """Return the account with the address of the embedded server, which is started if it is not running."""
    from ..server.embedded import embedded

    endpoint = embedded()
    return replace(
        account,
        url=endpoint.url,
        token=endpoint.token,
        instance=account.instance or endpoint.instance,
        proxies=None,  # it is in this process
    )


def while_it_runs(send: Send, url: str) -> Send:
    """Return what sends to the embedded server, and says at once when that has been stopped: it does not come back."""

    def carry(outgoing: Outgoing) -> Response:
        from ..server.embedded import is_here

        try:
            return send(outgoing)
        except ExchangeError as problem:
            if problem.kind not in ("connect", "permanent") or is_here(url):
                raise
            text = f"the server inside this process has been stopped. {JOBS_END[:-1]}"
            raise ExchangeError(text, kind="permanent", sent=False) from problem

    return carry


def job_error(failure: Failure) -> IBMError:
    """Do as ``from_failure``, and say of a job that is not there where it may have been left: in another process."""
    unknown = failure.status == 404 and failure.job_id is not None
    return from_failure(replace(failure, solution=JOBS_END) if unknown else failure)
