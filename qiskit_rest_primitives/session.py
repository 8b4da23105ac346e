"""``Session`` and ``Batch``: jobs that run close together on one backend, and which of them is open here and now."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from numbers import Integral
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from qiskit.providers import BackendV2

from ._calls import even_half_made, explained
from ._doors import LazyMethod
from ._time import seconds_in
from .exceptions import IBMError, IBMInputValueError, RequestsApiError, SessionClosedError

if TYPE_CHECKING:
    from .models.backend import IBMBackend
    from .rest.api import Api
    from .service.service import QiskitRuntimeService
    from .wire.models import SessionRecord

__all__ = ["Batch", "Session"]

logger = logging.getLogger(__name__)

# The sessions whose ``with`` block encloses the running code, outermost first. A tuple, not a token per session:
# one session may be entered from several threads, each with its own context.
_ENTERED: ContextVar[tuple[Session, ...]] = ContextVar("qiskit_rest_primitives_sessions", default=())

_MAX_TTL = 2**31 - 1


def active_session() -> Session | None:
    """Return the session of the innermost ``with`` block around the running code, or None.

    A new thread starts outside of every ``with`` block, as Python's context variables have it; pass ``mode=session``
    there, or make the primitive before handing it to the thread.
    """
    entered = _ENTERED.get()
    return entered[-1] if entered else None


def parse_max_time(value: int | str | None) -> int | None:
    """Read a session's time limit.

    Args:
        value: Seconds, or text like ``"25m"``, ``"2h 30m 40s"``, ``"1d 2h"``, whose parts add up in any order;
            None for the service's limit.

    Returns:
        Seconds, or None.

    Raises:
        IBMInputValueError: The text cannot be read, or the time is not between 1 and 2147483647 s (rest-api.md 5.1).
        TypeError: It is neither whole seconds nor text.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (Integral, str)):
        raise TypeError(
            f"max_time must be whole seconds (int) or text like '2h 30m 40s', not {type(value).__name__} {value!r}."
        )
    try:
        total = seconds_in(value) if isinstance(value, str) else int(value)
    except ValueError as cause:
        raise IBMInputValueError(
            f"max_time {value!r} cannot be read: write whole days, hours, minutes and seconds, such as '25m', "
            "'2h 30m 40s' or '1d 2h', or give whole seconds as an int."
        ) from cause
    if not 1 <= total <= _MAX_TTL:
        raise IBMInputValueError(f"max_time must be between 1 and {_MAX_TTL} seconds, not {value!r}.")
    return total


class Session:
    """A stretch of time in which one backend is kept for this user's jobs.

    Making one opens it on the service. In ``with Session(backend):`` every primitive made without a mode runs in it,
    and leaving the block closes it: jobs already accepted still run.

    Args:
        backend: The backend; one that is not of a service is served by the embedded server.
        max_time: How long it may stay open: seconds, or text like ``"2h 30m 40s"``; None for the service's limit.
        create_new: False makes a handle without opening anything.

    Raises:
        IBMInputValueError: ``max_time`` cannot be read.
        TypeError: ``max_time`` has a type that cannot be a time.
        ValueError: ``backend`` is not a backend.
    """

    _MODE: ClassVar[Literal["dedicated", "batch"]] = "dedicated"

    @explained(
        mode="say where to run with backend=, as in CLASS(backend=backend).",
        service="leave it out, the backend knows its service, as in CLASS(backend=service.backend(name)).",
        missing="say where to run, as in CLASS(backend=service.backend(name)).",
        max_ttl="did you mean max_time=?",
        positional="it takes backend and max_time; the backend knows its service.",
    )
    def __init__(
        self, backend: BackendV2, max_time: int | str | None = None, *, create_new: bool | None = True
    ) -> None:
        seconds = parse_max_time(max_time)
        self._handle, self._local = served(backend)
        self._service = self._handle.service
        self._instance = self._handle._instance
        self._max_time = seconds
        self._active = True
        self._told_service = False
        self._session_id: str | None = None
        self._unsent: list[Callable[[], None]] = []
        """What waits for jobs whose parts are not all sent, and sends these."""
        if create_new:
            record = self.api.create_session(mode=self._MODE, backend=self._handle.name, max_ttl=seconds)
            self._session_id = record.id

    @classmethod
    def from_id(
        cls,
        session_id: str,
        service: QiskitRuntimeService,
        use_fractional_gates: bool | None = False,
        calibration_id: str | None = None,
    ) -> Session:
        """Return a handle of a session that exists.

        Args:
            session_id: Its id.
            service: The ``QiskitRuntimeService`` it belongs to.
            use_fractional_gates: As for ``service.backend``.
            calibration_id: As for ``service.backend``.

        Raises:
            IBMInputValueError: There is no such session, or it is a batch and this class is not, or the reverse.
            QiskitBackendNotFoundError: Its backend does not exist any more.
        """
        instance, record = service._find_session(session_id)
        if record.mode not in (None, cls._MODE):
            raise IBMInputValueError(
                f"Session {session_id} has execution mode {record.mode} instead of {cls._MODE}; "
                f"use {'Batch' if record.mode == 'batch' else 'Session'}.from_id for it."
            )
        if not record.backend_name:
            raise IBMInputValueError(
                f"The service does not say which backend session {session_id} is for yet."
            )
        backend = service.backend(
            record.backend_name,
            instance=instance,
            use_fractional_gates=use_fractional_gates,
            calibration_id=calibration_id,
        )
        return cls._attached(backend, record.id, active=record.state != "closed")

    @classmethod
    def _attached(cls, backend: IBMBackend, session_id: str | None, *, active: bool) -> Session:
        """Return a handle of a session that exists on the service."""
        session = cls(backend, create_new=False)
        session._session_id = session_id
        session._active = active
        session._told_service = not active
        return session

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """Its id; None only for a handle made with ``create_new=False``."""
        return self._session_id

    @property
    def service(self) -> QiskitRuntimeService:
        """The ``QiskitRuntimeService`` it belongs to."""
        return self._service

    @property
    def api(self) -> Api:
        """The REST endpoints it is reached through."""
        return self._handle.api

    def backend(self) -> str:
        """Return the name of the backend."""
        return self._handle.name

    @property
    def _backend(self) -> BackendV2:
        """The backend as it was given, by the name that other packages read."""
        return self._local or self._handle

    @even_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__}(backend={self._handle.name!r}, session_id={self._session_id!r})>"

    _repr_html_ = LazyMethod("notebook.jobs:session")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopen, (type(self), self._handle, self._session_id, self._active))

    # -- what the service says about it --------------------------------------------------------------------------

    def _record(self) -> SessionRecord | None:
        return None if self._session_id is None else self.api.session(self._session_id)

    def status(self) -> str | None:
        """Ask the service how the session stands.

        Returns:
            ``"Pending"``, ``"In progress, accepting new jobs"``, ``"In progress, not accepting new jobs"`` or
            ``"Closed"`` (rest-api.md 5.2); another state word capitalised; None if nothing is known.
        """
        record = self._record()
        if record is None or not record.state:
            return None
        state = record.state.lower()
        if state in ("open", "inactive"):
            return "Pending"
        if state == "pending_inactive" or (state == "active" and record.accepting_jobs):
            return "In progress, accepting new jobs"
        if state in ("active", "pending_closed"):
            return "In progress, not accepting new jobs"
        return state.capitalize()

    def details(self) -> dict[str, Any] | None:
        """Ask the service for everything it knows about the session.

        Returns:
            ``id``, ``backend_name``, ``interactive_timeout``, ``max_time`` and ``active_timeout`` (s), ``state``,
            ``accepting_jobs``, ``last_job_started``, ``last_job_completed``, ``started_at``, ``closed_at``,
            ``activated_at`` (ISO times), ``mode``, ``usage_time`` (s) and ``timestamps``.
        """
        record = self._record()
        if record is None:
            return None
        return {
            "id": record.id,
            "backend_name": record.backend_name,
            "interactive_timeout": record.interactive_ttl,
            "max_time": record.max_ttl,
            "active_timeout": record.active_ttl,
            "state": record.state,
            "accepting_jobs": record.accepting_jobs,
            "last_job_started": record.last_job_started,
            "last_job_completed": record.last_job_completed,
            "started_at": record.started_at,
            "closed_at": record.closed_at,
            "activated_at": record.activated_at,
            "mode": record.mode,
            "usage_time": record.elapsed_time,
            "timestamps": [dict(entry) for entry in record.timestamps],
        }

    def usage(self) -> float | None:
        """Ask the service how many seconds the session has used so far; None before its first job has ended."""
        record = self._record()
        return None if record is None else record.elapsed_time

    # -- its end -------------------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        """Raise unless this handle is open; no request is made."""
        if not self._active:
            raise SessionClosedError(
                f"The session is closed. Session {self._session_id} on {self._handle.name} does not accept jobs any "
                "more; open a new one, or run with mode=backend."
            )

    def close(self) -> None:
        """Stop accepting jobs, once those that learn noise first are sent as a whole; accepted ones still run."""
        try:
            while self._unsent:
                self._unsent.pop(0)()
        finally:
            self._active = False
            if not self._told_service:
                self._end(self.api.close_session)

    def cancel(self) -> None:
        """Stop accepting jobs and drop those that are still queued."""
        self._active, self._unsent = False, []
        self._end(self.api.cancel_session)

    def _end(self, tell: Callable[[str], None]) -> None:
        """Tell the service; a session it does not know any more has ended already."""
        if self._session_id is None:
            return
        try:
            tell(self._session_id)
        except RequestsApiError as error:
            if error.status_code != 404:
                raise
        self._told_service = True

    def __enter__(self) -> Session:
        _ENTERED.set((*_ENTERED.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered = list(_ENTERED.get())
        for position in reversed(range(len(entered))):
            if entered[position] is self:
                del entered[position]
                break
        _ENTERED.set(tuple(entered))
        if error is not None:
            self._unsent = []  # nobody wants to wait now
        try:
            self.close()
        except IBMError as cause:
            if error is None:
                raise
            # The body's exception says more than the failure to tidy up after it.
            logger.warning("Session %s could not be closed: %s", self._session_id, cause)


class Batch(Session):
    """Jobs handed in together, to be scheduled close to each other; used like ``Session``."""

    _MODE = "batch"


def served(backend: object) -> tuple[IBMBackend, BackendV2 | None]:
    """Return a backend of a service, and the object of this process that it stands for, if it does.

    Raises:
        IBMInputValueError: If it is no backend.
        ImportError: If it is a local backend, and the packages of the ``[server]`` extra are missing.
    """
    from .models.backend import IBMBackend

    if isinstance(backend, IBMBackend):
        return backend, None
    if not isinstance(backend, BackendV2):
        raise IBMInputValueError(
            f"Invalid backend type {type(backend).__name__}: a session needs a backend, such as service.backend(name) "
            "or service.least_busy() returns, or any other BackendV2."
        )
    from .service.local import hosted

    return hosted(backend), backend


def _reopen(cls: type[Session], backend: IBMBackend, session_id: str | None, active: bool) -> Session:
    return cls._attached(backend, session_id, active=active)
