"""Noise of an emulated device, cut down to the qubits and gates of one circuit.

What every source of noise offers, and the one that reads calibration documents: depolarizing error and thermal
relaxation after each gate, relaxation in delays, asymmetric readout.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import IGate
from qiskit.quantum_info import Kraus, SuperOp
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    ReadoutError,
    depolarizing_error,
    thermal_relaxation_error,
)

from ..._locks import fork_safe_lock
from ...qasm.noise_model import Distinguished
from ...wire.target import seconds
from .error_table import ErrorTable

DELAY = "\x00delay "
"""How labels of identities begin that stand for delays; what the user labels begins otherwise."""
MARK = "\x00layer "
"""How labels of gates begin that stand for the noise of a layer (``learning/layer_noise``)."""
IDLING = f"{MARK}idling"
"""Label of the gates that stand for what waiting does to qubits (``idling``)."""
QUIET = "\x00quiet"
"""Label of gates that have no noise: measurement settings, and parts of what has its noise as a whole."""
Qargs = tuple[int, ...]
Operation = tuple[str, Qargs]
Flips = tuple[float, float]
"""Readout error of a qubit: (probability of reading 1 in state 0, probability of reading 0 in state 1)."""


class FrozenNoise(NoiseModel):
    """A noise model that nobody changes any more, so that its dictionary is made once: Aer asks for it in every run.

    Args:
        basis_gates: As for a noise model.
        document: The serializable dictionary, when it is all there is; Aer simulates by it alone.
    """

    def __init__(
        self, basis_gates: list[str] | None = None, *, document: dict[str, Any] | None = None
    ) -> None:
        super().__init__(basis_gates)
        self._written = document

    def to_dict(self, serializable: bool = False) -> dict[str, Any]:
        """Return Aer's dictionary form; the serializable one is remembered."""
        if not serializable:
            return super().to_dict(serializable)
        if self._written is None:
            self._written = super().to_dict(serializable)
        return self._written

    @cached_property
    def errors(self) -> ErrorTable:
        """The quantum errors, by operation."""
        return ErrorTable(self.to_dict(serializable=True))


class NoiseSource(ABC):
    """What the simulation asks of a device's noise. Models are remembered for the last circuits.

    Attributes:
        distinguished: What the noise tells apart in a circuit.
        disturbs_measurement: Whether a quantum error, not only a misreading, belongs to the measurement itself.
        schedules: Whether ``inserted`` looks at how long a circuit takes.
    """

    distinguished = Distinguished()
    disturbs_measurement = False
    schedules = False
    _remembered = 256

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._cut = lru_cache(maxsize=self._remembered)(self._build)

    def model(
        self,
        qubits: tuple[int, ...],
        operations: frozenset[Operation],
        *,
        mixture: bool = False,
        symmetric_readout: bool = False,
    ) -> FrozenNoise:
        """Return the noise of the operations, on qubits renumbered from 0 in the order given.

        Args:
            qubits: The device qubits of the circuit.
            operations: The operations of the circuit, on device qubits; delays go by ``delay_label``.
            mixture: Write each error as a mixture of simple operations, if it is one, instead of one channel.
            symmetric_readout: Average the two readout errors of a qubit, as measurement twirling does.
        """
        with self._lock:
            return self._cut(qubits, self._relevant(operations), mixture, symmetric_readout)

    def seconds_per_dt(self, dt: float | None) -> float | None:
        """Return the unit of delays in dt, in seconds: the device's, unless the noise brings its own."""
        return dt

    def inserted(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit, as the user wrote it, with what noise passes put into it."""
        return circuit

    def only_misreads(self, operations: frozenset[Operation]) -> bool:
        """Tell whether nothing but readout errors happens to these operations; False when it is not certain."""
        del operations
        return False

    @property
    def live(self) -> bool:
        """Whether ``inserted`` may give another circuit every time."""
        return False

    @staticmethod
    def _relevant(operations: frozenset[Operation]) -> frozenset[Operation]:
        return operations

    @abstractmethod
    def _build(
        self, qubits: Qargs, operations: frozenset[Operation], mixture: bool, symmetric_readout: bool
    ) -> FrozenNoise: ...

    @abstractmethod
    def flips(self, qubit: int) -> Flips:
        """Return the readout error of a device qubit."""

    @abstractmethod
    def fits_stabilizer(self, qubits: Sequence[int]) -> bool:
        """Tell whether the ``mixture`` form on these qubits holds only Pauli errors and resets."""


class AddedNoise(NoiseSource):
    """Noise besides a device's own, which stays; None for none."""

    def __init__(self, own: NoiseSource | None) -> None:
        super().__init__()
        self._own = own
        if own is not None:
            self.distinguished = own.distinguished
            self.disturbs_measurement = own.disturbs_measurement
            self.schedules = self.schedules or own.schedules

    def seconds_per_dt(self, dt: float | None) -> float | None:
        """Return the unit of delays of the device's own noise."""
        return dt if self._own is None else self._own.seconds_per_dt(dt)

    def inserted(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit with what passes of the device's own noise put into it."""
        return circuit if self._own is None else self._own.inserted(circuit)

    @property
    def live(self) -> bool:
        """Whether passes of the device's own noise may give another circuit every time."""
        return self._own is not None and self._own.live

    def flips(self, qubit: int) -> Flips:
        """Return the readout error of a qubit of the device."""
        return (0.0, 0.0) if self._own is None else self._own.flips(qubit)

    def fits_stabilizer(self, qubits: Sequence[int]) -> bool:
        """Tell whether the device's own noise does."""
        return self._own is None or self._own.fits_stabilizer(qubits)

    def _build(
        self, qubits: Qargs, operations: frozenset[Operation], mixture: bool, symmetric_readout: bool
    ) -> FrozenNoise:
        if self._own is None:
            return FrozenNoise(document={"errors": []})
        return self._own.model(qubits, operations, mixture=mixture, symmetric_readout=symmetric_readout)


def delay_label(duration: float) -> str:
    """Return the label of an identity gate that stands for a delay of ``duration`` seconds."""
    return f"{DELAY}{duration!r}"


def stands_for_noise(operation: Any) -> bool:
    """Tell whether an operation, of which only instructions have labels, stands for the noise of a layer."""
    return (getattr(operation, "label", None) or "").startswith(MARK)


class CalibratedNoise(NoiseSource):
    """Noise that a device's properties document describes (rest-api.md 3.3)."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        super().__init__()
        self._qubits = [
            {entry["name"]: seconds(entry["value"], entry.get("unit") or "") for entry in entries}
            for entries in properties.get("qubits", ())
        ]
        self._gates: dict[str, dict[Qargs, tuple[float, float]]] = {}
        for gate in properties.get("gates", ()):
            values = {entry["name"]: entry for entry in gate["parameters"]}
            length = values.get("gate_length")
            error = float(values["gate_error"]["value"]) if "gate_error" in values else 0.0
            duration = seconds(length["value"], length.get("unit") or "") if length else 0.0
            # Readout errors are all that a measurement has, as in Aer's own models of devices.
            if gate["gate"] not in ("reset", "measure") and (error > 0 or duration > 0):
                self._gates.setdefault(gate["gate"], {})[tuple(gate["qubits"])] = (error, duration)
        self._errors: dict[tuple[str, Qargs, bool], QuantumError | None] = {}
        places = {name: frozenset(where) for name, where in self._gates.items()}
        self.distinguished = Distinguished(frozenset(places), places, time=True, labels=False)

    def _values(self, qubit: int) -> dict[str, float]:
        return self._qubits[qubit] if qubit < len(self._qubits) else {}

    def flips(self, qubit: int) -> Flips:
        """Return the readout error of a qubit; ``readout_error`` where the two directions are not given."""
        values = self._values(qubit)
        both = values.get("readout_error", 0.0)
        return values.get("prob_meas1_prep0", both), values.get("prob_meas0_prep1", both)

    def fits_stabilizer(self, qubits: Sequence[int]) -> bool:
        """Tell whether relaxation on these qubits is a mixture of Pauli errors and resets, that is T2 <= T1."""
        return all(t2 <= t1 for t1, t2 in map(self._coherence, qubits))

    def everything(self) -> NoiseModel:
        """Return the noise of the whole device, delays excepted."""
        operations = frozenset((name, where) for name, places in self._gates.items() for where in places)
        return self.model(tuple(range(len(self._qubits))), operations)

    def _coherence(self, qubit: int) -> tuple[float, float]:
        values = self._values(qubit)
        t1 = values.get("T1", np.inf)
        return t1, min(values.get("T2", np.inf), 2 * t1)

    def _build(
        self, qubits: Qargs, operations: frozenset[Operation], mixture: bool, symmetric_readout: bool
    ) -> FrozenNoise:
        place = {qubit: index for index, qubit in enumerate(qubits)}
        model = FrozenNoise(
            basis_gates=sorted({name for name, _ in operations if not name.startswith(DELAY)})
        )
        for name, where in sorted(operations):
            error = self._error(name, where, mixture)
            if error is not None:
                model.add_quantum_error(error, name, [place[qubit] for qubit in where], warnings=False)
        for index, qubit in enumerate(qubits):
            add_readout(model, index, self.flips(qubit), symmetric_readout)
        return model

    def _error(self, name: str, where: Qargs, mixture: bool) -> QuantumError | None:
        key = (name, where, mixture)
        if key not in self._errors:
            if name.startswith(DELAY):
                self._errors[key] = self._relaxation(where[0], float(name.removeprefix(DELAY)))
            elif where in self._gates.get(name, {}):
                self._errors[key] = self._gate_error(*self._gates[name][where], where, mixture)
            else:
                return None
        return self._errors[key]

    def _gate_error(self, error: float, duration: float, where: Qargs, mixture: bool) -> QuantumError | None:
        """Return relaxation during the gate plus the depolarizing error that makes up the calibrated rest."""
        relaxation: QuantumError | None = None
        for qubit in where:
            single = self._relaxation(qubit, duration) or QuantumError([(IGate(), 1.0)])
            # A tensor product numbers its first factor last, as Qiskit numbers qubits.
            relaxation = single if relaxation is None else single.tensor(relaxation)
        if relaxation is None:
            return None
        size = 2 ** len(where)
        channel = SuperOp(relaxation).data
        fidelity = _average_fidelity(channel, size)
        missing = max(0.0, fidelity - (1.0 - min(error, 1.0)))
        rate = min(1.0, missing / (fidelity - 1 / size))
        if rate <= 0 and relaxation.ideal():
            return None
        if mixture:
            return depolarizing_error(rate, len(where)).compose(relaxation)
        mixed = np.eye(size).reshape(-1)
        return QuantumError(Kraus(SuperOp((1 - rate) * channel + rate / size * np.outer(mixed, mixed))))

    def _relaxation(self, qubit: int, duration: float) -> QuantumError | None:
        t1, t2 = self._coherence(qubit)
        if duration <= 0 or (np.isinf(t1) and np.isinf(t2)):
            return None
        return thermal_relaxation_error(t1, t2, duration)


def add_readout(model: NoiseModel, index: int, flips: Flips, symmetric: bool) -> None:
    """Add the readout error of one qubit to a model, averaged over both directions when ``symmetric``."""
    if symmetric:
        flips = ((flips[0] + flips[1]) / 2,) * 2
    if max(flips) > 0:
        low, high = flips
        model.add_readout_error(ReadoutError([[1 - low, low], [high, 1 - high]]), [index], warnings=False)


def _average_fidelity(channel: np.ndarray, size: int) -> float:
    process = float(np.trace(channel).real) / size**2
    return (size * process + 1) / (size + 1)
