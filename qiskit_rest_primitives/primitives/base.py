"""What ``SamplerV2``, ``EstimatorV2``, ``Executor`` and the learners have in common: where they run, and with which options."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from qiskit.circuit import CircuitInstruction
from qiskit.providers import BackendV2

from .._calls import explained
from .._frozen import frozen
from ..exceptions import IBMInputValueError
from ..options.primitives import EstimatorOptions, RequestOptions, SamplerOptions, read_options
from ..session import Session, active_session, served

if TYPE_CHECKING:
    from ..models.backend import IBMBackend
    from ..service.service import QiskitRuntimeService

_log = logging.getLogger(__name__)

_O = TypeVar("_O", bound=RequestOptions)
_Twirled = TypeVar("_Twirled", bound=SamplerOptions | EstimatorOptions)


@frozen
class RunContext:
    """Where a primitive runs.

    Attributes:
        backend: The device.
        session: The session or batch; None for single jobs.
        local: The backend object of this process that the device stands for, if it does.
        warned: The options that the user was told have no effect there.
        judged: What was asked for last, of which there is nothing more to tell.
    """

    backend: IBMBackend
    session: Session | None = None
    local: BackendV2 | None = None
    warned: set[str] = field(default_factory=set, compare=False)
    judged: list[Any] = field(default_factory=list, compare=False, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether a server of this package is at the other end."""
        return self.local is not None or bool(self.backend.service.is_local)


def context_of(mode: Any) -> RunContext:
    """Find out where a Session or Batch, a backend, or None for the session of the enclosing ``with``, runs.

    A backend inside a ``with`` must be the session's and then runs in the session. Nowhere, or two places at once, is a
    ``ValueError``.
    """
    if isinstance(mode, Session):
        return RunContext(mode._handle, mode, mode._local)
    opened = active_session()
    if mode is None:
        if opened is None:
            raise IBMInputValueError(
                "A backend or session must be specified: give mode=backend or mode=session, or make the "
                "primitive inside `with Session(backend=...):`."
            )
        return RunContext(opened._handle, opened, opened._local)
    if not isinstance(mode, BackendV2):
        raise IBMInputValueError(
            f"mode must be a backend, a Session, a Batch or None, not {type(mode).__name__} ({mode!r})."
        )
    backend, local = served(mode)
    if opened is None:
        return RunContext(backend, local=local)
    if opened._handle != backend and (local is None or opened._local is not local):
        raise IBMInputValueError(
            f"The primitive was given backend {backend.name!r}, but the open session runs on "
            f"{opened.backend()!r}. Leave mode out to run in the session, or close it first."
        )
    _log.warning("mode is a backend, but a session on it is open: jobs run in session %s.", opened.session_id)
    return RunContext(backend, opened, local)


class Primitive(Generic[_O]):
    """A primitive that runs on a service.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: Options of the primitive's own class, or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    version = 2
    _options_class: ClassVar[type[Any]]

    @explained(
        backend="say where to run with mode=, as in CLASS(mode=backend).",
        session="say where to run with mode=, as in CLASS(mode=session).",
        batch="say where to run with mode=, as in CLASS(mode=batch).",
        service="say where to run with mode=, as in CLASS(mode=service.backend(name)).",
        shots="give shots to run(), as in sampler.run([circuit], shots=100), or set options.default_shots.",
        default_shots='it is an option: options={"default_shots": 100}.',
        precision="give precision to run(), as in estimator.run(pubs, precision=0.01), or set options.default_precision.",
        resilience_level='it is an option of EstimatorV2: options={"resilience_level": 1}.',
        positional="it takes mode and options; shots and precision go to run(), all else into options.",
    )
    def __init__(
        self, mode: BackendV2 | Session | None = None, options: _O | Mapping[str, Any] | None = None
    ) -> None:
        self._place = context_of(mode)
        self._options: _O = self._read_options(options)

    @property
    def mode(self) -> Session | None:
        """The session or batch that jobs run in; None for single jobs."""
        return self._place.session

    @property
    def options(self) -> _O:
        """The options of the jobs to come; can be set to an object or a dict, which are copied."""
        return self._options

    @options.setter
    def options(self, options: _O | Mapping[str, Any] | None) -> None:
        self._options = self._read_options(options)

    def _read_options(self, options: _O | Mapping[str, Any] | None) -> _O:
        """Return what was given as options, as an object of its own."""
        read: _O = read_options(self._options_class, options)
        return read

    def _ready(self) -> tuple[RunContext, _O]:
        """Return where to run and the options, checked.

        A backend object of this process is looked at anew, since it may have been changed.
        """
        self._options.check()
        if self._place.local is not None:
            backend, local = served(self._place.local)
            self._place = replace(self._place, backend=backend, local=local)
        return self._place, self._options

    def backend(self) -> BackendV2:
        """Return the backend that jobs run on, as it was given."""
        return self._place.local or self._place.backend

    # What other packages read behind the underscore, under the official client's names.

    @property
    def _backend(self) -> BackendV2:
        return self.backend()

    @_backend.setter
    def _backend(self, backend: BackendV2) -> None:
        self._place = context_of(backend)

    @property
    def _mode(self) -> Session | None:
        return self._place.session

    _session = _mode

    @property
    def _service(self) -> QiskitRuntimeService:
        return self._place.backend.service


class PubPrimitive(Primitive[_Twirled]):
    """A primitive of PUBs, whose circuits can be twirled."""

    _pub_class: ClassVar[type[Any]]

    def finalize_options(self) -> _Twirled:
        """Return a copy of the options in which what is left to the service is decided as the service does."""
        raise NotImplementedError

    def find_unique_layers(
        self, pubs: Iterable[Any], types: Literal["gates", "all"] = "gates"
    ) -> list[CircuitInstruction]:
        """Return the distinct layers of circuits as these options twirl them, for a noise learner.

        Args:
            pubs: As for ``run``.
            types: "gates" for layers of gates only, "all" for those of measurements too.

        Raises:
            ImportError: The package samplomatic (extra ``executor``) is not installed.
        """
        from .layers import unique_layers

        circuits = [self._pub_class.coerce(pub).circuit for pub in pubs]
        return unique_layers(circuits, self.finalize_options(), types)
