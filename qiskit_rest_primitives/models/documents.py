"""What a backend's documents look like to Python: configuration, properties and status in base units (s, Hz)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from numbers import Integral
from typing import Any

from .._calls import even_half_made
from ..exceptions import IBMBackendError
from ..rest.messages import readable
from ..wire.target import seconds
from .entries import GateConfig, GateProperties, Nduv, time_of

_NANO = 1e-9
_MICRO = 1e-6
_GIGA = 1e9


class BackendPropertyError(IBMBackendError):
    """The properties do not say what was asked for."""


class BackendConfigurationError(IBMBackendError):
    """Raised by the official client about pulse channels, which no backend has any more; kept for ``except``."""


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend is working, and how long its queue is (rest-api.md 3.4).

    Attributes:
        backend_name: Its name.
        backend_version: Version of its configuration, ``X.Y.Z``.
        operational: Whether it works.
        pending_jobs: Jobs waiting, at least 0.
        status_msg: ``active`` when all is well, otherwise the service's word for what is not.
    """

    backend_name: str
    backend_version: str
    operational: bool
    pending_jobs: int
    status_msg: str

    @classmethod
    def from_wire(cls, name: str, document: Mapping[str, Any]) -> BackendStatus:
        """Read the document of ``GET /backends/{name}/status``; every field of it is optional."""
        return cls(
            backend_name=name,
            backend_version=str(document.get("backend_version") or "0.0.0"),
            operational=bool(document.get("state", False)),
            pending_jobs=max(int(document.get("length_queue") or 0), 0),
            status_msg=readable(document.get("status") or ""),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BackendStatus:
        """Read what ``to_dict`` wrote."""
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict."""
        return asdict(self)


class BackendConfiguration:
    """The configuration document with its keys as attributes, in base units.

    ``dt`` and ``dtm`` are seconds (ns on the wire), ``rep_times``, ``rep_delay_range`` and ``default_rep_delay``
    seconds (us on the wire), ``qubit_lo_range`` and ``meas_lo_range`` Hz (GHz on the wire); every other key is as
    the service sent it (rest-api.md 3.2). A key the document does not have is an ``AttributeError``.

    Args:
        backend_name: Its name.
        backend_version: Version of the configuration, ``X.Y.Z``.
        n_qubits: Number of qubits.
        basis_gates: Names of its gates.
        gates: The gates, as ``GateConfig`` or dicts.
        local: Whether it runs on this machine.
        simulator: Whether it is a simulator.
        conditional: Whether it has conditional operations.
        open_pulse: Whether it takes pulses.
        memory: Whether it returns each shot.
        coupling_map: Pairs of qubits that two-qubit gates act on.
        **kwargs: Further keys, in the units of the wire.
    """

    def __init__(
        self,
        backend_name: str,
        backend_version: str,
        n_qubits: int,
        basis_gates: list[str],
        gates: Sequence[Mapping[str, Any]],
        local: bool,
        simulator: bool,
        conditional: bool,
        open_pulse: bool,
        memory: bool,
        coupling_map: list[Any],
        **kwargs: Any,
    ) -> None:
        given = {
            name: value for name, value in locals().items() if name not in ("self", "kwargs", "__class__")
        }
        self._read({**given, **kwargs})

    def _read(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)
        self._data = _in_base_units(document)

    def check(self) -> None:
        """Raise one of ``UNREADABLE`` if a key that others rely on has another type."""
        self._data["backend_name"].encode()
        if type(self._data.get("n_qubits")) not in (int, type(None)):
            raise ValueError("n_qubits is no whole number")
        for key in ("basis_gates", "supported_instructions", "supported_features"):
            names = self._data.get(key) or []
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError(f"{key} is no list of names")

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("_data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"This backend's configuration has no {name!r}.")

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self._data})

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return int(self.n_qubits)

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BackendConfiguration) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    @even_half_made
    def __repr__(self) -> str:
        return f"<BackendConfiguration of {self._data.get('backend_name')!r}>"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BackendConfiguration:
        """Read a configuration document as the service sends it; inverse: ``to_dict``."""
        made = cls.__new__(cls)
        made._read(data)
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the document as the service sent it, wire units included."""
        return _plain(self._document)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a key, or ``default`` when the document does not have it."""
        return self._data.get(name, default)


def _in_base_units(document: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the document with its values in s and Hz."""
    data = deepcopy(dict(document))
    for key, scale in (
        ("dt", _NANO),
        ("dtm", _NANO),
        ("default_rep_delay", _MICRO),
        ("rep_times", _MICRO),
        ("rep_delay_range", _MICRO),
        ("qubit_lo_range", _GIGA),
        ("meas_lo_range", _GIGA),
    ):
        if data.get(key) is not None:
            data[key] = _scaled(data[key], scale)
    online = time_of(data.get("online_date"))
    if online is not None:
        data["online_date"] = online
    for flag in ("local", "simulator", "conditional", "open_pulse", "memory"):
        data.setdefault(flag, False)
    data.setdefault("supported_instructions", [])
    data.setdefault("dynamic_reprate_enabled", False)
    for absent in ("coupling_map", "meas_levels", "meas_kernels", "discriminators"):
        data.setdefault(absent)
    data["gates"] = [GateConfig.from_dict(gate) for gate in data.get("gates") or ()]
    return data


def _plain(value: Any) -> Any:
    """Return a copy whose entries are dicts."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _scaled(value: Any, scale: float) -> Any:
    if isinstance(value, (list, tuple)):
        return [_scaled(item, scale) for item in value]
    return value * scale


Values = dict[str, tuple[float, datetime | None]]


class BackendProperties:
    """Calibration data of a device: times in s, frequencies in Hz, errors as probabilities (rest-api.md 3.3).

    Attributes:
        backend_name: The device.
        backend_version: Version of its configuration.
        last_update_date: When the newest value was measured, aware UTC.
        general: The entries that belong to no qubit or gate, in the units that they name.

    Args:
        backend_name: The device.
        backend_version: Version of its configuration.
        last_update_date: When the newest value was measured.
        qubits: For each qubit, its values.
        gates: What is known of gates.
        general: Values that belong to no qubit or gate.
        **kwargs: Further keys of the document.
    """

    def __init__(
        self,
        backend_name: str,
        backend_version: str,
        last_update_date: datetime | str | None,
        qubits: Sequence[Sequence[Mapping[str, Any]]],
        gates: Sequence[Mapping[str, Any]],
        general: Sequence[Mapping[str, Any]],
        **kwargs: Any,
    ) -> None:
        given = {"last_update_date": last_update_date, "qubits": qubits, "gates": gates, "general": general}
        self._read({"backend_version": backend_version, **given, **kwargs}, backend_name)

    def _read(self, document: Mapping[str, Any], backend_name: str | None) -> None:
        self._data = dict(document)
        self.backend_name: str = backend_name or str(document.get("backend_name") or "")
        self.backend_version: str = str(document.get("backend_version") or "0.0.0")
        self.last_update_date: datetime | None = time_of(document.get("last_update_date"))
        self.general: list[Nduv] = [Nduv.from_dict(value) for value in document.get("general") or ()]
        self._qubits = [_values(entries) for entries in document.get("qubits") or ()]
        self._gates: dict[str, dict[tuple[int, ...], Values]] = {}
        for gate in document.get("gates") or ():
            places = self._gates.setdefault(gate["gate"], {})
            places[tuple(gate["qubits"])] = _values(gate.get("parameters") or ())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, backend_name: str | None = None) -> BackendProperties:
        """Read a properties document as the service sends it; inverse: ``to_dict``.

        Args:
            data: The document.
            backend_name: The device, where the document says another name or none.
        """
        made = cls.__new__(cls)
        made._read(data, backend_name)
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the document as the service sent it, wire units included."""
        return _plain({**self._data, "backend_name": self.backend_name})

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("_data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"These properties have no {name!r}.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BackendProperties) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @even_half_made
    def __repr__(self) -> str:
        return f"<BackendProperties of {self.backend_name!r}, {len(self._qubits)} qubits, {self.last_update_date}>"

    @cached_property
    def qubits(self) -> list[list[Nduv]]:
        """The entries of each qubit (name, value, unit, date), in the units that they name."""
        return [[Nduv.from_dict(value) for value in entries] for entries in self._data.get("qubits") or ()]

    @cached_property
    def gates(self) -> list[GateProperties]:
        """The entries of each gate (gate, qubits, parameters), in the units that they name."""
        return [GateProperties.from_dict(gate) for gate in self._data.get("gates") or ()]

    # -- of qubits -----------------------------------------------------------------------------------------------

    def qubit_property(self, qubit: int, name: str | None = None) -> Any:
        """Return a property of a qubit.

        Args:
            qubit: Its index.
            name: Name on the wire, e.g. ``"T1"``; None for all of them.

        Returns:
            ``(value, date)``, or a dict of name to such pairs when ``name`` is None.

        Raises:
            BackendPropertyError: There is no such qubit, or it has no such property.
        """
        if not (isinstance(qubit, Integral) and 0 <= qubit < len(self._qubits)):
            raise BackendPropertyError(
                f"{self.backend_name} has properties of qubits 0 to {len(self._qubits) - 1}, not of qubit {qubit!r}."
            )
        return self._pick(self._qubits[qubit], name, f"qubit {qubit}")

    def t1(self, qubit: int) -> float:
        """Return the relaxation time of a qubit, s."""
        return self.qubit_property(qubit, "T1")[0]

    def t2(self, qubit: int) -> float:
        """Return the dephasing time of a qubit, s."""
        return self.qubit_property(qubit, "T2")[0]

    def frequency(self, qubit: int) -> float:
        """Return the frequency of a qubit, Hz."""
        return self.qubit_property(qubit, "frequency")[0]

    def readout_error(self, qubit: int) -> float:
        """Return the probability that reading a qubit gives the wrong bit."""
        return self.qubit_property(qubit, "readout_error")[0]

    def readout_length(self, qubit: int) -> float:
        """Return how long reading a qubit takes, s."""
        return self.qubit_property(qubit, "readout_length")[0]

    def is_qubit_operational(self, qubit: int) -> bool:
        """Tell whether a qubit works; one that is not flagged does."""
        return bool(self.qubit_property(qubit).get("operational", (1, None))[0])

    def faulty_qubits(self) -> list[int]:
        """Return the qubits that are flagged as not working."""
        return [qubit for qubit in range(len(self._qubits)) if not self.is_qubit_operational(qubit)]

    # -- of gates ------------------------------------------------------------------------------------------------

    def gate_property(
        self, gate: str, qubits: int | Sequence[int] | None = None, name: str | None = None
    ) -> Any:
        """Return a property of a gate.

        Args:
            gate: Name of the gate.
            qubits: Where it stands; None for all places.
            name: ``"gate_error"``, ``"gate_length"``, ...; None for all of them.

        Returns:
            ``(value, date)``; a dict by name when ``name`` is None; a dict by qubits of those when ``qubits`` is None.

        Raises:
            BackendPropertyError: There is no such gate, place or property.
        """
        if gate not in self._gates:
            raise BackendPropertyError(f"{self.backend_name} has no properties of a gate {gate!r}.")
        places = self._gates[gate]
        if qubits is None:
            return {place: self._pick(values, name, f"{gate} on {place}") for place, values in places.items()}
        place = (qubits,) if isinstance(qubits, int) else tuple(qubits)
        if place not in places:
            raise BackendPropertyError(f"{self.backend_name} has no properties of {gate} on qubits {place}.")
        return self._pick(places[place], name, f"{gate} on qubits {place}")

    def gate_error(self, gate: str, qubits: int | Sequence[int]) -> float:
        """Return the error of a gate on these qubits, as a probability."""
        return self.gate_property(gate, qubits, "gate_error")[0]

    def gate_length(self, gate: str, qubits: int | Sequence[int]) -> float:
        """Return how long a gate on these qubits takes, s."""
        return self.gate_property(gate, qubits, "gate_length")[0]

    def is_gate_operational(self, gate: str, qubits: int | Sequence[int] | None = None) -> bool:
        """Tell whether a gate on these qubits, or everywhere, works; one that is not flagged does."""
        found = self.gate_property(gate, qubits)
        places = found.values() if qubits is None else [found]
        return all(values.get("operational", (1, None))[0] for values in places)

    def faulty_gates(self) -> list[GateProperties]:
        """Return the gates that are flagged as not working, as the service describes them."""
        return [gate for gate in self.gates if not self.is_gate_operational(gate["gate"], gate["qubits"])]

    def _pick(self, values: Values, name: str | None, what: str) -> Any:
        if name is None:
            return dict(values)
        if name not in values:
            raise BackendPropertyError(
                f"{self.backend_name} does not report {name!r} for {what}; it reports {', '.join(values) or 'nothing'}."
            )
        return values[name]


def _values(entries: Iterable[Mapping[str, Any]]) -> Values:
    entries = list(entries)
    if not all(isinstance(entry["name"], str) for entry in entries):
        raise TypeError("the name of a value is no text")
    return {
        entry["name"]: (seconds(entry["value"], entry.get("unit") or ""), time_of(entry.get("date")))
        for entry in entries
    }
