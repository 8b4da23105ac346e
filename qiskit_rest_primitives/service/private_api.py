"""Members behind an underscore that other packages reach for: ``service._run`` and the like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..accounts.account import Account
from ..exceptions import IBMInputValueError
from ..jobs.inputs import recover
from ..jobs.job import RuntimeJobV2
from ..jobs.private_client import InnerClient
from ..jobs.request import RUN_OPTIONS, WrittenParams
from ..models.backend import IBMBackend
from ..rest.api import Api
from ..rest.lookup import submission_of
from ..wire import typed
from ..wire.expected import DecodeHints
from ..wire.models import JobRecord
from .connection import Connection

_NOT_SENT = ("backend", "instance", "session_time")


class InnerMembers:
    """The part of ``QiskitRuntimeService`` behind the underscore."""

    _connection: Connection
    api: Callable[..., Api]
    backend: Callable[..., IBMBackend]

    @property
    def _account(self) -> Account:
        """The account in use."""
        return self._connection.account

    def _get_api_client(self, instance: str | None = None) -> InnerClient:
        """Return the inner client of an instance; of the active one when None."""
        return InnerClient(self.api(instance))

    @property
    def _active_api_client(self) -> InnerClient:
        """The inner client of the active instance."""
        return self._get_api_client()

    @property
    def _api_client(self) -> InnerClient:
        """The same by its older name."""
        return self._get_api_client()

    def _run(
        self,
        program_id: str,
        inputs: Mapping[str, Any],
        options: Mapping[str, Any] | Any = None,
        result_decoder: Any = None,
        session_id: str | None = None,
        start_session: bool | None = False,
        calibration_id: str | None = None,
        dry_run: bool = False,
    ) -> RuntimeJobV2:
        """Send a job of any program with exactly one request; one for each part, if it has several.

        Args:
            program_id: The program.
            inputs: Its params; Qiskit objects are written in the typed form.
            options: A dict, or an object with attributes: ``backend`` (a backend or its name), ``instance``, and
                those of ``RUN_OPTIONS``.
            result_decoder: What ``job.result()`` decodes with by default.
            session_id: The session it belongs to.
            start_session: Must be false: make a ``Session``.
            calibration_id: The calibration it is pinned to.
            dry_run: Whether the backend's mock answers at random.

        Raises:
            IBMInputValueError: There is no backend among the options, or one that does not exist.
            IBMRuntimeError: The service refuses the job.
        """
        if start_session:
            raise IBMInputValueError("start_session is not supported any more: run the job in a Session.")
        given = _read_options(options)
        backend = self._run_backend(given)
        body: dict[str, Any] = {
            "program_id": program_id,
            "backend": mock_name(backend.name) if dry_run else backend.name,
            "params": inputs if isinstance(inputs, WrittenParams) else typed.dump(dict(inputs)),
        }
        body |= {wire: given[name] for name, wire in RUN_OPTIONS.items() if given.get(name)}
        if "log_level" in body:
            body["log_level"] = str(body["log_level"]).lower()
        body |= {"session_id": session_id} if session_id else {}
        body |= {"calibration_id": calibration_id} if calibration_id else {}
        hints, kept = inputs.hints if isinstance(inputs, WrittenParams) else None, None
        if body.get("private"):
            # The service withholds a private job's params, so the journal keeps what its result needs to be read.
            hints = hints or recover(body["params"], program_id=program_id)
            kept = hints.to_text()
        if isinstance(inputs, WrittenParams) and inputs.others:
            from ..jobs.job_of_parts import submitted

            bodies = [body, *({**body, "params": params} for params in inputs.others)]
            return submitted(backend.api, bodies, kept, partial(_job_of, backend=backend, hints=hints))
        if isinstance(inputs, WrittenParams) and inputs.follow_up is not None:
            from ..jobs.job_of_parts import begun

            return begun(
                backend.api, body, inputs.follow_up, kept, partial(_job_of, backend=backend, hints=hints)
            )
        record = backend.api.submissions.submit(body, kept=kept, awaited=not body.get("private"))
        return _job_of(record, backend, hints, result_decoder)

    def _whole_of(self, job: RuntimeJobV2, *, resume: bool = False) -> RuntimeJobV2:
        """Return the job of all parts of the ``run()`` that a job is one of; itself if it is all."""
        if "of" not in (submission_of(job._record.tags) or ""):
            return job  # other submissions are called by hexadecimal digits
        from ..jobs.job_of_parts import reopened

        return reopened(job, resume=resume)

    def _run_backend(self, given: Mapping[str, Any]) -> IBMBackend:
        backend = given.get("backend")
        if isinstance(backend, str):
            return self.backend(backend, instance=given.get("instance"))
        if not isinstance(backend, IBMBackend):
            raise IBMInputValueError("options must name the backend: {'backend': backend}.")
        return backend


def _job_of(
    record: JobRecord, backend: IBMBackend, hints: DecodeHints | None, decoder: Any = None
) -> RuntimeJobV2:
    same = record.backend in (None, backend.name)  # a dry run ends up on another one
    job = RuntimeJobV2(
        record, backend if same else None, service=backend.service, instance=backend._instance, hints=hints
    )
    job._decoder = decoder
    return job


def _read_options(options: Any) -> dict[str, Any]:
    given = dict(options if isinstance(options, Mapping) else vars(options) if options is not None else ())
    unknown = sorted(given.keys() - {*RUN_OPTIONS, *_NOT_SENT})
    if unknown:
        raise IBMInputValueError(
            f"There is no run option {unknown[0]!r}; there are {', '.join((*_NOT_SENT, *RUN_OPTIONS))}."
        )
    return given


def mock_name(name: str) -> str:
    """Return the name of a device's mock: its first part replaced, ``ibm_fez`` -> ``mock_fez``."""
    return "mock_" + name.partition("_")[2] if "_" in name else "mock_" + name
