"""``QiskitRuntimeService``: the way in: backends, jobs, sessions, instances and accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from qiskit.providers.exceptions import QiskitBackendNotFoundError
from requests.adapters import BaseAdapter

from .._calls import OF_ACCOUNTS, even_half_made, explained
from .._doors import LazyMethod
from .._secret import keeps_secrets, shown
from ..accounts.account import AccountSettings
from ..accounts.manager import SavedAccounts
from ..exceptions import IBMInputValueError, RuntimeJobNotFound
from ..jobs.job import JobList, RuntimeJobV2
from ..jobs.search import find_jobs, find_sessions
from ..models.backend import IBMBackend
from ..programs.job import ProgramJob
from ..programs.programs import ProgramMethods
from ..rest.api import Api
from ..rest.messages import Failure
from ..session import Batch, Session
from ..wire.models import JobRecord, SessionRecord
from .backends import BackendFilter, BackendSearch, Filter, HandleOptions
from .connection import Connection
from .embedded import JOBS_END
from .logging import obey_environment
from .private_api import InnerMembers

logger = logging.getLogger(__name__)

_PRIMITIVES = (None, "sampler", "estimator", "executor", "noise-learner", "calibrate")


class QiskitRuntimeService(SavedAccounts, ProgramMethods, InnerMembers):
    """A connection to IBM Quantum, to another server that speaks its REST API, or to the embedded local server.

    Making one reads the saved account or the environment where needed, but makes no request as long as the instance
    is given by its CRN. ``channel="local"`` without ``url`` uses a server inside this process, started when first
    needed.

    Args:
        channel: ``ibm_quantum_platform`` (default), ``ibm_cloud`` or ``local``; ``ibm_quantum`` for a server that
            speaks the dialect of the classic platform.
        token: IBM Cloud API key; for ``ibm_quantum`` the API token to log in with.
        url: Where the service is; for ``local`` the base URL of a running server, ending in ``/api/v1``; for
            ``ibm_quantum`` that of its runtime service, ending in ``/runtime``, or of its login service.
        filename: Account file; ``~/.qiskit/qiskit-ibm.json`` when None.
        name: Name of a saved account.
        instance: CRN or name of the instance; None or ``"auto"`` for every instance of the account; for
            ``ibm_quantum`` it is ``hub/group/project``.
        proxies: ``{"urls": {"https": ...}, "username_ntlm": ..., "password_ntlm": ...}``.
        verify: False to accept any TLS certificate, or the path of a CA bundle.
        private_endpoint: Whether to use the private host of the region.
        url_resolver: ``f(url, instance, private_endpoint, channel) -> base URL``.
        region: Choose among instances: ``us-east`` or ``eu-de``.
        plans_preference: Choose among instances: names of plans, best first.
        tags: Choose among instances: tags that they must have.
        allow_insecure: Whether the token may travel over ``http://`` to another machine; to this one it may.
        adapter: A transport adapter of requests that carries all requests of this service: one with a client
            certificate, or your organisation's.

    Raises:
        AccountNotFoundError: No token is given and none is saved.
        InvalidAccountError: The arguments do not make sense together.
        AccountsError: The account file cannot be read.
        ValueError: The channel is unknown.
        IBMInputValueError: The file of QISKIT_IBM_RUNTIME_LOG_FILE cannot be written to, or the adapter is none.
    """

    @keeps_secrets
    @explained(**OF_ACCOUNTS)
    def __init__(
        self,
        channel: str | None = None,
        token: str | None = None,
        url: str | None = None,
        filename: str | None = None,
        name: str | None = None,
        instance: str | None = None,
        proxies: dict[str, Any] | None = None,
        verify: bool | None = None,
        private_endpoint: bool | None = None,
        url_resolver: Callable[..., str] | None = None,
        region: str | None = None,
        plans_preference: list[str] | None = None,
        tags: list[str] | None = None,
        *,
        allow_insecure: bool = False,
        adapter: BaseAdapter | None = None,
    ) -> None:
        obey_environment()
        if adapter is not None and not isinstance(adapter, BaseAdapter):
            raise IBMInputValueError(
                f"adapter must be a requests.adapters.BaseAdapter, made and not only named; it is {adapter!r}."
            )
        settings: AccountSettings = {
            "channel": channel, "token": token, "url": url, "instance": instance, "proxies": proxies, "verify": verify,
            "private_endpoint": private_endpoint, "region": region, "plans_preference": plans_preference, "tags": tags,
        }  # fmt: skip
        self._connection = Connection.open(
            settings,
            filename=filename,
            name=name,
            resolver=url_resolver,
            allow_insecure=allow_insecure,
            adapter=adapter,
        )

    @property
    def _search(self) -> BackendSearch:
        return BackendSearch(self._connection, self)

    @property
    def channel(self) -> str:
        """The channel."""
        return self._connection.channel

    @property
    def is_local(self) -> bool:
        """Whether it is a local server rather than IBM Quantum."""
        return self.channel == "local"

    def api(self, instance: str | None = None) -> Api:
        """Return the REST endpoints of an instance; of the active one when None."""
        return self._connection.api(instance)

    def _instance_reference(self, instance: str | None) -> str | None:
        """Return how to name an instance where its CRN, which holds the account, must not be written."""
        return self._connection.reference(instance)

    @even_half_made
    def __repr__(self) -> str:
        return f"<QiskitRuntimeService(channel={self.channel!r})>"

    _repr_html_ = LazyMethod("notebook.jobs:service")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QiskitRuntimeService) and self._connection == other._connection

    def __hash__(self) -> int:
        return hash((QiskitRuntimeService, self.channel))

    def __deepcopy__(self, memo: dict[int, Any]) -> QiskitRuntimeService:
        return self

    # -- backends ------------------------------------------------------------------------------------------------

    @explained()
    def backends(
        self,
        name: str | None = None,
        min_num_qubits: int | None = None,
        instance: str | None = None,
        dynamic_circuits: bool | None = None,
        filters: Filter | None = None,
        *,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
        include_mocks: bool = False,
        **kwargs: Any,
    ) -> list[IBMBackend]:
        """List the backends that fit; a list that is at most 60 s old is used.

        Args:
            name: Only the one of this name.
            min_num_qubits: Least number of qubits.
            instance: Only those of this instance.
            dynamic_circuits: Whether they must run circuits with control flow.
            filters: Called with each backend; a false answer leaves it out.
            use_fractional_gates: True and None keep rx and rzz in their targets.
            calibration_id: Calibration to pin them to.
            include_mocks: Whether to list devices that only check jobs.
            **kwargs: Values that attributes of configuration or status must have (``simulator=False``).
        """
        return self._search.all(
            instance,
            HandleOptions(use_fractional_gates, calibration_id),
            name=name,
            include_mocks=include_mocks,
            wanted=BackendFilter(min_num_qubits, dynamic_circuits, filters, kwargs),
        )

    @explained(
        missing='name one, as in service.backend("aer_simulator"), or take service.least_busy(); service.backends() lists them.'
    )
    def backend(
        self,
        name: str,
        instance: str | None = None,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
    ) -> IBMBackend:
        """Return the backend of this name; one request, or none if its configuration is known.

        Args:
            name: Its name.
            instance: The instance to use it through; the first that has it when None.
            use_fractional_gates: True and None keep rx and rzz in its target.
            calibration_id: Calibration to pin it to.

        Raises:
            IBMInputValueError: ``use_fractional_gates`` is True, but the device has none.
            QiskitBackendNotFoundError: There is none; the message names those that exist.
        """
        return self._search.named(name, instance, HandleOptions(use_fractional_gates, calibration_id))

    @explained()
    def least_busy(
        self,
        min_num_qubits: int | None = None,
        instance: str | None = None,
        filters: Filter | None = None,
        use_fractional_gates: bool | None = False,
        **kwargs: Any,
    ) -> IBMBackend:
        """Return the backend with the shortest queue of those that are online and fit.

        Args:
            min_num_qubits: Least number of qubits.
            instance: Only those of this instance.
            filters: Called with each backend; a false answer leaves it out.
            use_fractional_gates: True and None keep rx and rzz in its target; with True it has one of them.
            **kwargs: As for ``backends`` (``operational=True``, ``simulator=False``, ``dynamic_circuits=True``).

        Raises:
            QiskitBackendNotFoundError: None fits.
        """
        name = kwargs.pop("name", None)
        if name:
            kwargs["backend_name"] = name
        handle_options = HandleOptions(use_fractional_gates, kwargs.pop("calibration_id", None))
        wanted = BackendFilter(min_num_qubits, kwargs.pop("dynamic_circuits", None), filters, kwargs)
        return self._search.least_busy(instance, handle_options, wanted)

    def refresh(self) -> None:
        """Forget lists and configurations, so that the next question goes to the service."""
        self._connection.forget()

    # -- jobs ----------------------------------------------------------------------------------------------------

    def job(self, job_id: str) -> RuntimeJobV2:
        """Return the job of this id, all of it if that is one of several parts of a ``run()``.

        Raises:
            RuntimeJobNotFound: There is none in any instance of the account.
        """
        crn, record = self._connection.first(
            None, lambda crn: self.api(crn).job(job_id), partial(self._no_job, job_id)
        )
        return self._whole_of(self._job_of(record, crn))

    def _no_job(self, job_id: str, failure: Failure | None) -> RuntimeJobNotFound:
        text = f"There is no job {job_id!r} in any instance of this account."
        if self._connection.is_embedded:
            text += f" {JOBS_END}"
        return RuntimeJobNotFound(text, failure=failure, job_id=job_id)

    def _job_of(self, record: JobRecord, crn: str | None) -> RuntimeJobV2:
        kind = RuntimeJobV2 if record.program_id in _PRIMITIVES else ProgramJob
        return kind(record, service=self, instance=crn)

    @explained(status="ask for pending=True or pending=False, and look at job.status().")
    def jobs(
        self,
        limit: int | None = 10,
        skip: int = 0,
        backend_name: str | None = None,
        pending: bool | None = None,
        program_id: str | None = None,
        instance: str | None = None,
        job_tags: list[str] | None = None,
        session_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        descending: bool = True,
        include_mocks: bool = False,
    ) -> list[RuntimeJobV2]:
        """List jobs.

        Args:
            limit: How many at most; None for all.
            skip: How many to leave out at the beginning.
            backend_name: Only those on this backend.
            pending: True for queued and running ones, False for those that have ended.
            program_id: Only ``sampler`` or ``estimator`` ones, for instance.
            instance: Only those of this instance; of the active one when None.
            job_tags: Only those that have all of these tags.
            session_id: Only those of this session or batch.
            created_after: Only those created then or later; a naive time is local.
            created_before: Only those created then or earlier; a naive time is local.
            descending: Whether the newest comes first.
            include_mocks: Whether to list jobs on mock devices.

        Raises:
            IBMInputValueError: ``job_tags`` is not a list of texts, or ``limit`` or ``skip`` is negative.
        """
        crn = self._connection.resolve(instance)
        records = find_jobs(
            self.api(crn),
            limit=limit,
            skip=skip,
            backend=backend_name,
            pending=pending,
            program=program_id,
            tags=job_tags,
            session_id=session_id,
            created_after=created_after,
            created_before=created_before,
            descending=descending,
            include_mocks=include_mocks,
        )
        return JobList(self._job_of(record, crn) for record in records)

    def delete_job(self, job_id: str) -> None:
        """Delete a job for good, with its inputs and result.

        Raises:
            RuntimeJobNotFound: There is none.
        """
        self._connection.first(
            None, lambda crn: self.api(crn).delete_job(job_id), partial(self._no_job, job_id)
        )

    def find_submission(self, submission_id: str) -> RuntimeJobV2 | None:
        """Return the job that came of a submission whose outcome was unknown, None if none came of it.

        Args:
            submission_id: As the ``SubmissionUnknownError`` or ``unfinished()`` names it. Of a ``run()`` of several
                parts that was interrupted, those that are missing are sent now (docs/jobs.md).
        """
        from ..jobs.parts import part_ids

        for crn in self._connection.candidates(None):
            for identifier in part_ids(submission_id):
                record = self.api(crn).submissions.find(identifier)
                if record is not None:
                    return self._whole_of(self._job_of(record, crn), resume=True)
        return None

    def unfinished(self) -> list[Any]:
        """List the submissions of this machine's user whose end nobody has seen yet, oldest first.

        Returns:
            Journal entries with ``id`` (for ``find_submission``), ``job_id`` (for ``job``), ``state`` and ``created``.
        """
        return list(self.api().submissions.journal.unfinished())

    # -- sessions ------------------------------------------------------------------------------------------------

    def _find_session(self, session_id: str) -> tuple[str | None, SessionRecord]:
        """Return the instance that a session or batch belongs to, and what the service says about it.

        Raises:
            IBMInputValueError: There is none.
        """
        text = f"There is no session {session_id!r} in any instance of this account."
        return self._connection.first(
            None,
            lambda crn: self.api(crn).session(session_id),
            lambda failure: IBMInputValueError(text, failure=failure),
        )

    def sessions(self, limit: int | None = 10) -> list[Session]:
        """List the sessions and batches of the active instance, newest first.

        Those of a device that is not there any more are left out.

        Args:
            limit: How many at most; None for all.

        Raises:
            IBMInputValueError: ``limit`` is negative or no whole number.
        """
        crn = self._connection.resolve(None)
        found = []
        for entry in find_sessions(self.api(crn), limit):
            kind = Batch if entry["mode"] == "batch" else Session
            try:
                backend = self.backend(entry.get("backend") or "", instance=crn)
            except QiskitBackendNotFoundError:
                logger.warning("Session %s is left out, because its backend is gone.", entry["id"])
                continue
            found.append(kind._attached(backend, entry["id"], active=bool(entry.get("accepting_jobs"))))
        return found

    # -- account -------------------------------------------------------------------------------------------------

    def usage(self) -> dict[str, Any]:
        """Ask what the active instance has used, s; ``usage_remaining_seconds`` is added where there is a limit."""
        usage = dict(self.api().usage())
        limits = (usage.get("usage_limit_seconds"), usage.get("usage_allocation_seconds"))
        limit = next((value for value in limits if value), None)
        if limit is not None:
            usage["usage_remaining_seconds"] = max(limit - (usage.get("usage_consumed_seconds") or 0), 0)
        return usage

    def instances(self) -> list[dict[str, Any]]:
        """List the account's instances: ``crn``, ``plan``, ``name``, ``tags`` and ``pricing_type`` of each."""
        return [record.to_dict() for record in self._connection.instances()]

    def active_instance(self) -> str:
        """Return the CRN of the instance that jobs, usage and sessions are asked of when none is named."""
        return self._connection.resolve(None) or ""

    def logout(self) -> None:
        """End the login of channel ``ibm_quantum``; a later request logs in again. Does nothing on other channels."""
        self._connection.logout()

    def active_account(self) -> dict[str, Any] | None:
        """Return the account in use as a dict that the constructor takes, the token in clear."""
        return dict(shown(self._connection.account.to_entry()))
