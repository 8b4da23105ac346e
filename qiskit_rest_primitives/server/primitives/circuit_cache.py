"""Circuits that this process has read: parsed, checked and prepared once for all jobs that send the same text.

Variational loops send one circuit hundreds of times; reading it again would cost more than simulating it.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Literal
from weakref import WeakKeyDictionary

from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers.observables_array import ObservablesArray

from ..._locks import fork_safe_lock
from ..._recent import remembered
from ...qasm.codec import load_circuit
from ...qasm.mitigation import folded
from ...qasm.noise_model import Distinguished
from ...wire.durations import delay_parameters
from ...wire.pubs import load_observables_of
from ..aer.preparation import PreparedCircuit, prepare
from ..devices.device import Device
from ..devices.isa import IsaReport, check_isa, check_width
from ..devices.noise import NoiseSource
from .zne import inverse_of

CAPACITY = 128
"""How many circuits are kept."""
OBSERVABLES, LONGEST = 16, 1 << 16
"""How many observables are kept of a circuit, and how long their texts may be."""
Wanted = Literal["all", "canonical", "run"]
"""Circuits that are read: all that can be, those in the canonical dialect, or only those that this process has run before."""


class UnknownCircuitError(Exception):
    """A circuit that this process has not run before."""


class LoadedCircuit:
    """A circuit as its client described it, with everything derived from it so far.

    Nothing may change ``circuit``: jobs that run at the same time share it.

    Attributes:
        waits: Whether parameters say how long a delay lasts.
        run: Whether a job with it has been run, so that what is derived from it is known.
    """

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.circuit = circuit
        self.waits = bool(delay_parameters(circuit))
        self.run = False
        self._prepared: dict[tuple[float | None, Distinguished | None], PreparedCircuit] = {}
        self._reports: WeakKeyDictionary[Device, IsaReport] = WeakKeyDictionary()
        self._inserted: WeakKeyDictionary[NoiseSource, LoadedCircuit] = WeakKeyDictionary()
        self._observables: dict[str, ObservablesArray] = {}

    def report(self, device: Device) -> IsaReport:
        """Return the check against a device's target, 1517; a simulator takes every instruction."""
        check_width(self.circuit, device.num_qubits)
        if device.simulator:
            return IsaReport()
        report = self._reports.get(device)
        if report is None:
            report = self._reports[device] = check_isa(self.circuit, device.target)
        return report

    def observables(self, wire: Any, path: str) -> ObservablesArray:
        """Return the observables of a PUB of this circuit: the same object for the same text, which loops send again.

        Raises:
            PubLoadError: They cannot be read.
        """
        text = repr(wire)

        def load() -> ObservablesArray:
            return load_observables_of(wire, self.circuit, path=path)

        if len(text) > LONGEST:
            return load()
        return remembered(self._observables, text, load, most=OBSERVABLES)

    def prepared(self, dt: float | None, noise: NoiseSource | None) -> PreparedCircuit:
        """Return the circuit in the form that Aer is given; 1603 if there is none."""
        if noise is None:
            return self._remembered(dt, None)
        dt = noise.seconds_per_dt(dt)
        loaded = None if noise.live else self._inserted.get(noise)
        if loaded is None:
            circuit = noise.inserted(self.circuit)
            if circuit is self.circuit:
                return self._remembered(dt, noise.distinguished)
            loaded = self._inserted[noise] = LoadedCircuit(circuit)
        return loaded._remembered(dt, noise.distinguished)

    def amplified(
        self, dt: float | None, noise: NoiseSource, factor: float, amplifier: str
    ) -> PreparedCircuit:
        """Return the circuit with its gates folded, as ``folded``; who waits meanwhile waits for longer."""
        if noise.schedules:
            circuit = folded(self.circuit, factor, amplifier, inverse_of)
            return (
                self.prepared(dt, noise)
                if circuit is self.circuit
                else LoadedCircuit(circuit).prepared(dt, noise)
            )
        prepared = self.prepared(dt, noise)

        def made() -> PreparedCircuit:
            circuit = folded(prepared.circuit, factor, amplifier, inverse_of)
            return replace(prepared, circuit=circuit, _scratch={})

        return prepared.remembered(("folded", factor, amplifier), made)

    def _remembered(self, dt: float | None, apart: Distinguished | None) -> PreparedCircuit:
        found = self._prepared.get((dt, apart))
        if found is None:
            found = self._prepared[dt, apart] = prepare(self.circuit, dt=dt, noise=apart)
        return found


class CircuitCache:
    """The circuits read last, by the content of their wire form."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, LoadedCircuit] = OrderedDict()
        self._lock = fork_safe_lock()

    def get(self, wire: Any, *, wanted: Wanted = "all") -> LoadedCircuit:
        """Return the circuit of an OpenQASM text or a typed QPY document.

        Raises:
            CircuitLoadError: It cannot be read.
            ForeignTextError: It is not in the canonical dialect, as wanted.
            UnknownCircuitError: It has not been run before, as wanted.
        """
        text = wire if isinstance(wire, str) else json.dumps(wire, sort_keys=True, default=str)
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            found = self._known.get(key)
            if found is not None and (found.run or wanted != "run"):
                self._known.move_to_end(key)
                return found
        if wanted == "run":
            raise UnknownCircuitError
        # Two threads may read the same text at the same time; the later one wins, and neither waits.
        loaded = LoadedCircuit(load_circuit(wire, foreign=wanted == "all"))
        with self._lock:
            self._known[key] = loaded
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)
        return loaded
