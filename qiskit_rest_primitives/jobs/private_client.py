"""``InnerClient``: REST calls by the names that the official client's inner client has for them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

from ..rest.api import Api
from ..rest.lookup import visible_tags
from ..wire.models import JobRecord


class InnerClient:
    """REST calls by the names that the official client's inner client has for them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def job_get(self, job_id: str, exclude_params: bool = True) -> dict[str, Any]:
        """Return what the service says about a job."""
        return dict(self._api.job(job_id, exclude_params=exclude_params).raw)

    def job_results(self, job_id: str) -> str:
        """Return a job's result as text; empty while there is none."""
        return (self._api.job_results(job_id) or b"").decode()

    def job_metadata(self, job_id: str) -> dict[str, Any]:
        """Return a job's timestamps, usage and the like."""
        return self._api.job_metrics(job_id)

    def job_logs(self, job_id: str) -> str:
        """Return a job's log."""
        return self._api.job_logs(job_id)

    def job_cancel(self, job_id: str) -> None:
        """Cancel a job."""
        self._api.cancel_job(job_id)

    def job_delete(self, job_id: str) -> None:
        """Delete a job."""
        self._api.delete_job(job_id)

    def list_backends(self) -> list[str]:
        """Return the names of the backends."""
        return [device.name for device in self._api.backends(include_mocks=False)]

    def backend_configuration(self, backend_name: str) -> dict[str, Any]:
        """Return a backend's configuration document."""
        return self._api.backend_configuration(backend_name)

    def backend_properties(self, backend_name: str) -> dict[str, Any] | None:
        """Return a backend's calibration document."""
        return self._api.backend_properties(backend_name)

    def backend_status(self, backend_name: str) -> dict[str, Any]:
        """Return a backend's status document."""
        return self._api.backend_status(backend_name)

    def session_details(self, session_id: str) -> dict[str, Any]:
        """Return what the service says about a session."""
        return asdict(self._api.session(session_id))

    def cloud_usage(self) -> dict[str, Any]:
        """Return what the instance has used."""
        return self._api.usage()


class _Reached(Protocol):
    @property
    def api(self) -> Api:
        """The REST endpoints it is reached through."""

    def _described(self) -> JobRecord:
        """Return the record, asking first if only the answer to the submission is known."""


class InnerJobMembers:
    """The part of ``RuntimeJobV2`` behind the underscore that other packages reach for."""

    _record: JobRecord
    _decoder: Any = None  # what ``result()`` decodes with when it is given nothing; None for the own decoding

    @property
    def _api_client(self: _Reached) -> InnerClient:
        """The inner client of the job's instance."""
        return InnerClient(self.api)

    @property
    def _program_id(self) -> str | None:
        return self._record.program_id

    @property
    def _creation_date(self: _Reached) -> str | None:
        """When it was accepted, as the service wrote it, which is asked while only the answer to the submission is known."""
        created: str | None = self._described().raw.get("created")
        return created

    @property
    def _image(self) -> str:
        return self._record.runtime or ""

    @property
    def _private(self) -> bool:
        return self._record.private

    @property
    def _tags(self) -> list[str]:
        return visible_tags(self._record.tags)

    @property
    def _reason(self) -> str | None:
        return self._record.reason

    @property
    def _reason_code(self) -> int | None:
        return self._record.reason_code

    @property
    def _session_id(self) -> str | None:
        """The session or batch it belongs to, if any."""
        return self._record.session_id
