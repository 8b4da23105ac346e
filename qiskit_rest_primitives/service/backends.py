"""Finding backends: by name, by what they can do, by the length of their queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qiskit.providers.exceptions import QiskitBackendNotFoundError

from ..exceptions import IBMBackendApiProtocolError, IBMInputValueError, RequestsApiError
from ..models.backend import BackendList, IBMBackend
from ..wire.models import DeviceRecord
from .connection import Connection

if TYPE_CHECKING:
    from .service import QiskitRuntimeService

logger = logging.getLogger(__name__)

Filter = Callable[[IBMBackend], bool]
FRACTIONAL = frozenset({"rx", "rzz"})
_MISSING = object()


@dataclass(frozen=True)
class HandleOptions:
    """How the handles are to be made; with fractional gates, True or None, they keep rx and rzz in the target."""

    use_fractional_gates: bool | None = False
    calibration_id: str | None = None


@dataclass(frozen=True)
class BackendFilter:
    """What a backend must be like.

    Attributes:
        min_num_qubits: Least number of qubits.
        dynamic_circuits: Whether it must, or must not, run circuits with control flow.
        filters: Called with each backend; a false answer leaves it out.
        attributes: Values that the configuration, or else the status, must have. A name that neither has counts as None.
    """

    min_num_qubits: int | None = None
    dynamic_circuits: bool | None = None
    filters: Filter | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def excludes(self, device: DeviceRecord) -> bool:
        """Tell whether a device's list entry alone rules it out, so that its configuration need not be fetched."""
        if (
            self.min_num_qubits is not None
            and device.qubits is not None
            and device.qubits < self.min_num_qubits
        ):
            return True
        simulator = self.attributes.get("simulator")
        return simulator is not None and device.is_simulator not in (None, simulator)

    def while_online(self) -> BackendFilter:
        """Return the filter for devices that are known to be online, which need not be asked whether they are."""
        kept = {
            name: value for name, value in self.attributes.items() if (name, value) != ("operational", True)
        }
        return replace(self, attributes=kept)


class BackendSearch:
    """Looks for backends in the instances of a connection; their handles belong to a service."""

    def __init__(self, connection: Connection, service: QiskitRuntimeService) -> None:
        self._connection = connection
        self._service = service

    def named(self, name: str, instance: str | None, handle_options: HandleOptions) -> IBMBackend:
        """Return the backend of this name without listing all; arguments and errors as for ``QiskitRuntimeService.backend``."""
        if not isinstance(name, str) or not name.strip(".").strip() or not _encodable(name):
            raise QiskitBackendNotFoundError(f"A backend's name must be a non-empty string, not {name!r}.")
        crn, document = self._connection.first(
            instance,
            lambda crn: self._connection.catalog(crn).configuration(name, handle_options.calibration_id),
            lambda _: QiskitBackendNotFoundError(
                f"No backend is called {name!r}. {self._those_there(instance)}"
            ),
        )
        device = self._connection.catalog(crn).known_device(name) or DeviceRecord(
            name, mock=name.startswith("mock_")
        )
        backend = self._handle(document, crn, device, handle_options)
        if handle_options.use_fractional_gates and not _is_fractional(document):
            raise IBMInputValueError(
                f"Backend {name!r} has no fractional gates ({', '.join(sorted(FRACTIONAL))}); leave "
                "use_fractional_gates out, or choose another one among service.backends()."
            )
        return backend

    def all(
        self,
        instance: str | None,
        handle_options: HandleOptions,
        *,
        name: str | None = None,
        include_mocks: bool = False,
        wanted: BackendFilter = BackendFilter(),
    ) -> list[IBMBackend]:
        """Return the backends that fit, each name once, in the service's order."""
        listed: dict[str, tuple[str | None, DeviceRecord]] = {}
        for crn in self._connection.candidates(instance):
            for device in self._connection.catalog(crn).devices():
                if name in (None, "", device.name) and (include_mocks or not device.mock):
                    listed.setdefault(device.name, (crn, device))
        return BackendList(select(self._handles(listed.values(), handle_options, wanted), wanted))

    def least_busy(
        self, instance: str | None, handle_options: HandleOptions, wanted: BackendFilter
    ) -> IBMBackend:
        """Return the backend with the shortest queue, as of now, of those that are online and fit."""
        online = [
            (crn, device)
            for crn in self._connection.candidates(instance)
            for device in self._connection.catalog(crn).devices(fresh=True)
            if device.status == "online" and not device.mock
        ]
        online.sort(key=lambda entry: entry[1].queue_length)
        wanted = wanted.while_online()
        for backend in select(self._handles(online, handle_options, wanted), wanted):
            if not handle_options.use_fractional_gates or _is_fractional(backend.configuration().to_dict()):
                return backend
        raise QiskitBackendNotFoundError(
            f"No backend that is online matches the criteria. {self._those_there(instance)}"
        )

    def _handles(
        self,
        listed: Iterable[tuple[str | None, DeviceRecord]],
        handle_options: HandleOptions,
        wanted: BackendFilter,
    ) -> Iterator[IBMBackend]:
        """Yield handles of listed devices; one whose configuration cannot be had is left out with a log line."""
        for crn, device in listed:
            if wanted.excludes(device):
                continue
            try:
                document = self._connection.catalog(crn).configuration(
                    device.name, handle_options.calibration_id
                )
                backend = self._handle(document, crn, device, handle_options)
            except (
                RequestsApiError,
                IBMBackendApiProtocolError,
                ValueError,
            ) as cause:  # the last: no path holds its name
                logger.warning(
                    "Backend %r is left out, because its configuration cannot be had: %s", device.name, cause
                )
                continue
            yield backend

    def _handle(
        self,
        document: Mapping[str, Any],
        crn: str | None,
        device: DeviceRecord,
        handle_options: HandleOptions,
    ) -> IBMBackend:
        return IBMBackend(
            document,
            self._service,
            instance=crn,
            calibration_id=handle_options.calibration_id,
            physical_qubits=device.raw.get("physical_qubits"),
            is_mock=device.mock,
            use_fractional_gates=handle_options.use_fractional_gates,
        )

    def _those_there(self, instance: str | None) -> str:
        """Return a sentence with the names of all devices."""
        listed = (self._connection.catalog(crn).devices() for crn in self._connection.candidates(instance))
        names = dict.fromkeys(device.name for devices in listed for device in devices if not device.mock)
        return f"There are: {', '.join(names) or 'none'}."


def _is_fractional(document: Mapping[str, Any]) -> bool:
    return bool(FRACTIONAL & set(document.get("basis_gates") or ()))


def _encodable(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def select(backends: Iterable[IBMBackend], wanted: BackendFilter) -> Iterator[IBMBackend]:
    """Yield the backends that fit, in order, examining each only when it is asked for."""
    for backend in backends:
        configuration = backend.configuration()
        if wanted.min_num_qubits is not None and (configuration.get("n_qubits") or 0) < wanted.min_num_qubits:
            continue
        if wanted.dynamic_circuits is not None:
            features = configuration.get("supported_features") or ()
            if ("dynamic_circuits" in features) is not wanted.dynamic_circuits:
                continue
        if wanted.attributes and not _has(backend, wanted.attributes):
            continue
        if wanted.filters is not None and not wanted.filters(backend):
            continue
        yield backend


def _has(backend: IBMBackend, attributes: Mapping[str, Any]) -> bool:
    """Tell whether configuration and status have these values; status costs a request and is asked last."""
    configuration = backend.configuration()
    left = {}
    for name, wanted in attributes.items():
        value = getattr(configuration, name, _MISSING)
        if value is _MISSING:
            left[name] = wanted
        elif value != wanted:
            return False
    if not left:
        return True
    status = backend.status()
    return all(getattr(status, name, None) == wanted for name, wanted in left.items())
