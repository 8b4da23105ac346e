"""``IBMBackend``: a device of the service as a Qiskit ``BackendV2``, whose documents are loaded when they are needed.

``models.documents`` reads them, ``wire.target`` builds the ``Target``, ``service.backends`` finds backends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime as Datetime  # noqa: N812 - methods of the official name take ``datetime=``
from datetime import timezone
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NoReturn

from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.providers import BackendV2, Options
from qiskit.result.models import MeasReturnType
from qiskit.transpiler import Target

from .._calls import even_half_made
from .._doors import LazyMethod
from .._time import parse_time
from ..exceptions import IBMBackendApiProtocolError, IBMBackendError
from ..rest.api import Api
from ..rest.messages import UNREADABLE, readable
from ..wire.target import load_target, strip_fractional
from .documents import BackendConfiguration, BackendProperties, BackendStatus

if TYPE_CHECKING:
    from ..service.service import QiskitRuntimeService

_STAGE = "qiskit_rest_primitives"  # as pyproject.toml registers it


class IBMBackend(BackendV2):
    """A backend of the service; get one from ``service.backend(name)``.

    Its configuration is known from the start. Properties and ``target`` are fetched when first used and kept until
    ``refresh()``. Any key of the configuration is an attribute (``backend.basis_gates``). Two handles of one device
    at one service are equal.

    Args:
        configuration: The document of ``GET /backends/{name}/configuration``, as the service sent it.
        service: The service it belongs to.
        instance: CRN of the instance it is used through; None for the service's own.
        calibration_id: Calibration that documents and jobs are pinned to, if any.
        physical_qubits: Number of physical qubits, resonators included, if the service says so.
        is_mock: Whether it only checks jobs and answers at random.
        use_fractional_gates: False leaves a device's rx and rzz out of the target; True and None keep them.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        service: QiskitRuntimeService,
        *,
        instance: str | None = None,
        calibration_id: str | None = None,
        physical_qubits: int | None = None,
        is_mock: bool = False,
        use_fractional_gates: bool | None = False,
    ) -> None:
        with _reading("configuration", configuration.get("backend_name")):
            super().__init__(
                name=configuration["backend_name"],
                online_date=parse_time(configuration.get("online_date")),
                description=configuration.get("description"),
                backend_version=configuration.get("backend_version"),
            )
        self._service = service
        self._instance = instance
        self._calibration_id = calibration_id
        self._physical_qubits = physical_qubits
        self._is_mock = is_mock
        self._use_fractional_gates = use_fractional_gates
        self._properties: BackendProperties | None = None
        self._target: Target | None = None
        with _reading("configuration", self.name):
            self._adopt(configuration)
        self._options.update_options(use_fractional_gates=use_fractional_gates)

    def _adopt(self, document: Mapping[str, Any]) -> None:
        """Make this the configuration; what was built from another one is dropped."""
        self._document = document
        # Only devices have gates that other features exclude; a simulator keeps all of its own.
        self._fractional = True if document.get("simulator") else self._use_fractional_gates
        self._configuration = BackendConfiguration.from_dict(
            strip_fractional(document) if self._fractional is False else document
        )
        self._configuration.check()
        self._target = None
        delays = self._configuration.get("rep_delay_range")
        if delays:
            self._options.set_validator("rep_delay", (delays[0], delays[1]))
        if not self._configuration.simulator:
            for field in ("noise_model", "seed_simulator"):
                self._options.set_validator(field, type(None))

    @classmethod
    def _default_options(cls) -> Options:
        return Options(
            shots=4000,
            memory=False,
            meas_level=2,
            meas_return=MeasReturnType.AVERAGE,
            memory_slots=None,
            memory_slot_size=100,
            rep_time=None,
            rep_delay=None,
            init_qubits=True,
            use_measure_esp=None,
            use_fractional_gates=False,
            noise_model=None,
            seed_simulator=None,
        )

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def service(self) -> QiskitRuntimeService:
        """The ``QiskitRuntimeService`` it belongs to."""
        return self._service

    @property
    def api(self) -> Api:
        """The REST endpoints it is reached through."""
        return self._service.api(self._instance)

    @property
    def calibration_id(self) -> str | None:
        """The calibration it is pinned to, if any (rest-api.md 3.8)."""
        return self._calibration_id

    @property
    def is_mock(self) -> bool:
        """Whether it only checks jobs and answers at random (rest-api.md 3.9)."""
        return self._is_mock

    @property
    def physical_qubits(self) -> int | None:
        """Number of physical qubits, if the service says so."""
        return self._physical_qubits

    @property
    def max_circuits(self) -> None:
        """None: how much fits into a job depends on its circuits and shots, not on a count."""
        return

    @property
    def dtm(self) -> float:
        """Time step of the readout signal, s."""
        return self._configuration.dtm

    @property
    def meas_map(self) -> list[list[int]]:
        """Which qubits are read together."""
        return self._configuration.meas_map

    def __getattr__(self, name: str) -> Any:
        # Underscored names are never configuration keys; asking for them would recurse before __init__ has run.
        configuration = None if name.startswith("_") else self.__dict__.get("_configuration")
        if configuration is not None and (name in configuration or name == "num_qubits"):
            return getattr(configuration, name)
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}, and the configuration has no such key."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IBMBackend):
            return NotImplemented
        if self is other:
            return True
        mine, theirs = self.__dict__.get("_service"), other.__dict__.get("_service")
        # A subclass that skips the constructor may have no service; then only itself is the same device.
        return mine is not None and self.name == other.name and mine == theirs

    def __hash__(self) -> int:
        return hash((IBMBackend, self.name))

    @even_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.name!r})>"

    _repr_html_ = LazyMethod("notebook.backends:backend")

    def __call__(self) -> IBMBackend:
        """Return the backend itself, for code that calls ``job.backend()()`` or ``session.backend``-like members."""
        return self

    # -- what its documents say ----------------------------------------------------------------------------------

    def configuration(self) -> BackendConfiguration:
        """Return the configuration: times in s, frequencies in Hz, keys as attributes."""
        return self._configuration

    def properties(self, refresh: bool = False, datetime: Datetime | None = None) -> BackendProperties | None:
        """Return the calibration data.

        Args:
            refresh: Whether to ask the service again.
            datetime: Return the newest data that is not younger than this, and do not keep it; a naive time is local.

        Returns:
            The data: times in s, frequencies in Hz. None for simulators and for devices without any.

        Raises:
            TypeError: An argument has another type.
        """
        if not isinstance(refresh, bool):
            raise TypeError(f"refresh must be True or False, not {refresh!r}.")
        if datetime is not None and not isinstance(datetime, Datetime):
            raise TypeError(f"datetime must be a datetime.datetime, not {type(datetime).__name__}.")
        if self._configuration.simulator:
            return None
        if datetime is not None:
            return self._load_properties(datetime)
        if self._properties is None or refresh:
            self._properties = self._load_properties(None)
            self._target = None
        return self._properties

    def _load_properties(self, moment: Datetime | None) -> BackendProperties | None:
        document = self.api.backend_properties(
            self.name,
            updated_before=None if moment is None else moment.astimezone(timezone.utc),
            calibration_id=self._calibration_id,
        )
        with _reading("properties", self.name):
            return BackendProperties.from_dict(document, backend_name=self.name) if document else None

    def status(self) -> BackendStatus:
        """Ask the service whether the backend works and how long its queue is; one request per call.

        Raises:
            IBMBackendApiProtocolError: The answer cannot be read.
        """
        document = self.api.backend_status(self.name)
        with _reading("status", self.name):
            return BackendStatus.from_wire(self.name, document)

    def refresh(self) -> None:
        """Fetch configuration and properties again; the target follows when it is next used."""
        document = self.api.backend_configuration(self.name, calibration_id=self._calibration_id)
        with _reading("configuration", self.name):
            self._adopt(document)
        self.properties(refresh=True)

    @property
    def target(self) -> Target:
        """What circuits may use on this backend, with durations in s and error rates; built when first used."""
        properties = self.properties()
        if self._target is None:
            self._target = self._build_target(properties)
        return self._target

    def target_history(self, datetime: Datetime | None = None) -> Target:
        """Return the target as it was at a time; a naive time is local.

        Raises:
            TypeError: ``datetime`` is something else.
        """
        return self._build_target(self.properties(datetime=datetime))

    def _build_target(self, properties: BackendProperties | None) -> Target:
        try:
            document = None if properties is None else properties.to_dict()
            return load_target(self._document, document, use_fractional_gates=self._fractional)
        except (*UNREADABLE, QiskitError) as cause:
            raise IBMBackendApiProtocolError(
                f"No target can be built from the service's documents of {self.name}: {readable(cause, 200)}."
            ) from cause

    def check_faulty(self, circuit: QuantumCircuit) -> None:
        """Refuse a circuit that uses a qubit or a gate that the calibration data flags as not working.

        Args:
            circuit: An ISA circuit; its qubit indices are the device's.

        Raises:
            ValueError: It does; the message names the instruction and where it stands.
        """
        properties = self.properties()
        if properties is None:
            return
        faulty_qubits = set(properties.faulty_qubits())
        faulty_places = {
            (gate["gate"], tuple(gate["qubits"]))
            for gate in properties.faulty_gates()
            if len(gate["qubits"]) > 1
        }
        if not faulty_qubits and not faulty_places:
            return
        for instruction in circuit.data:
            name = instruction.operation.name
            if name == "barrier":
                continue
            place = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
            for qubit in place:
                if qubit in faulty_qubits:
                    raise ValueError(
                        f"Circuit {circuit.name!r} uses {name} on {place}, but qubit {qubit} of {self.name} is faulty. "
                        "Transpile it again for the backend as it is now (backend.refresh())."
                    )
            if (name, place) in faulty_places:
                raise ValueError(
                    f"Circuit {circuit.name!r} uses {name} on {place}, which is faulty on {self.name}. "
                    "Transpile it again for the backend as it is now (backend.refresh())."
                )

    def get_translation_stage_plugin(self) -> str:
        """Return the name of the stage that ``transpile`` translates with.

        It is this package's own (``translation``), which replaces identity gates by delays for devices that have none;
        Qiskit's, if this package is on the path without being installed.
        """
        registered = entry_points(group="qiskit.transpiler.translation", name=_STAGE)
        return _STAGE if registered else "translator"

    def run(self, *_args: Any, **_options: Any) -> NoReturn:
        """Raise: circuits are run by the primitives.

        Raises:
            IBMBackendError: Always.
        """
        raise IBMBackendError(
            "backend.run() does not exist any more. Use SamplerV2(mode=backend).run([circuit]) for counts, or "
            "EstimatorV2(mode=backend).run([(circuit, observables)]) for expectation values."
        )

    # -- copies --------------------------------------------------------------------------------------------------

    def __copy__(self) -> IBMBackend:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> IBMBackend:
        """Return another handle of the same device; documents and target, which nobody changes, are shared."""
        rebuild, arguments = self.__reduce__()
        copy = rebuild(*arguments)
        copy._service, copy._instance = self._service, self._instance
        copy._properties, copy._target = self._properties, self._target
        copy._options = deepcopy(self._options, memo)
        memo[id(self)] = copy
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the configuration and which service it came from; the service leaves its secrets out."""
        keywords = {
            "instance": self._service._instance_reference(self._instance),
            "calibration_id": self._calibration_id,
            "physical_qubits": self._physical_qubits,
            "is_mock": self._is_mock,
            "use_fractional_gates": self._use_fractional_gates,
        }
        return (_rebuild, (type(self), dict(self._document), self._service, keywords))


@contextmanager
def _reading(what: str, name: object) -> Iterator[None]:
    """Say which document of which backend cannot be read, where what is done within fails as readers of documents do."""
    try:
        yield
    except UNREADABLE as cause:
        raise IBMBackendApiProtocolError(
            f"The service's {what} of {readable(name, 200)} cannot be read "
            f"({type(cause).__name__}: {readable(cause, 200)})."
        ) from cause


def _rebuild(
    cls: type[IBMBackend],
    document: Mapping[str, Any],
    service: QiskitRuntimeService,
    keywords: Mapping[str, Any],
) -> IBMBackend:
    return cls(document, service, **keywords)


class BackendList(list[IBMBackend]):
    """A list of backends, which a notebook shows as a table."""

    _repr_html_ = LazyMethod("notebook.backends:backends")
