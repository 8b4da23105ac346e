"""The entries of a backend's documents: dicts whose keys are attributes too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from .._calls import even_half_made
from .._time import parse_time
from ..exceptions import IBMInputValueError

E = TypeVar("E", bound="Entry")


class Entry(dict[str, Any]):
    """One entry of a document, its keys readable as attributes too (``gate.name`` and ``gate["name"]``)."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"This entry has no {name!r}; it has {', '.join(self)}.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    @even_half_made
    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    @classmethod
    def from_dict(cls: type[E], data: Mapping[str, Any]) -> E:
        """Read an entry as the service sends it, or as ``to_dict`` wrote it, whatever keys it has."""
        entry = cls.__new__(cls)
        entry.update(data)
        if "date" in entry:
            entry["date"] = time_of(entry["date"])
        return entry

    def to_dict(self) -> dict[str, Any]:
        """Return a copy as plain dicts and lists; dates are datetimes."""
        return {
            key: [item.to_dict() if isinstance(item, Entry) else item for item in value]
            if isinstance(value, list)
            else value
            for key, value in self.items()
        }


class Nduv(Entry):
    """A calibrated value: name, date, unit, value.

    Args:
        date: When it was measured.
        name: What it is, ``T1`` for instance.
        unit: Its unit, ``us`` for instance; empty for a pure number.
        value: The number, in that unit.
    """

    def __init__(self, date: datetime | str, name: str, unit: str, value: float) -> None:
        super().__init__(date=time_of(date), name=name, unit=unit, value=value)


class GateProperties(Entry):
    """What is known of a gate at one place.

    Args:
        qubits: The place.
        gate: Name of the gate.
        parameters: Its calibrated values.
        **kwargs: Further keys.
    """

    def __init__(self, qubits: Sequence[int], gate: str, parameters: Sequence[Nduv], **kwargs: Any) -> None:
        super().__init__(qubits=list(qubits), gate=gate, parameters=list(parameters), **kwargs)

    @classmethod
    def from_dict(cls: type[E], data: Mapping[str, Any]) -> E:
        """Read an entry as the service sends it, or as ``to_dict`` wrote it."""
        entry = super().from_dict(data)
        entry["parameters"] = [Nduv.from_dict(value) for value in data.get("parameters") or ()]
        return entry


class GateConfig(Entry):
    """A gate that a backend has.

    Args:
        name: Its name.
        parameters: Names of its parameters.
        qasm_def: Its definition in OpenQASM 2.
        coupling_map: Where it can stand.
        latency_map: Which registers can condition it quickly.
        conditional: Whether it can be conditional.
        description: What it does.
    """

    def __init__(
        self,
        name: str,
        parameters: list[str],
        qasm_def: str,
        coupling_map: list[Any] | None = None,
        latency_map: list[Any] | None = None,
        conditional: bool | None = None,
        description: str | None = None,
    ) -> None:
        super().__init__(name=name, parameters=parameters, qasm_def=qasm_def)
        more: dict[str, Any] = {
            "coupling_map": coupling_map or None,
            "latency_map": latency_map or None,
            "conditional": conditional,
            "description": description,
        }
        self.update({key: value for key, value in more.items() if value is not None})


class UchannelLO(Entry):
    """How much of a qubit's frequency a control channel has.

    Args:
        q: The qubit.
        scale: The factor.

    Raises:
        IBMInputValueError: ``q`` is negative.
    """

    def __init__(self, q: int, scale: complex) -> None:
        if q < 0:
            raise IBMInputValueError(f"q is {q}, but must be the index of a qubit.")
        super().__init__(q=q, scale=scale)


def time_of(value: Any) -> datetime | None:
    """Return a datetime as it is, and a text as the aware UTC time that it means."""
    return value if isinstance(value, datetime) else parse_time(value)
