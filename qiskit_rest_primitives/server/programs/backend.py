"""The backend that a program sees: a device of the server, simulated in the program's own process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.providers import JobV1, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

from ...models.documents import BackendConfiguration, BackendProperties
from ...programs.author import ProgramBackend
from ..devices.device import Device

__all__ = ["DeviceBackend"]

STRUCTURE = (
    "barrier", "measure", "reset", "delay", "initialize", "unitary", "if_else", "while_loop", "for_loop"
)  # fmt: skip


class DeviceBackend(ProgramBackend):
    """A device as a backend with ``run``.

    Args:
        device: The device; its noise is simulated.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(name=device.name, description=device.configuration.get("description"))
        self._device = device

    @property
    def target(self) -> Target:
        """The device's target."""
        return self._device.target

    @property
    def max_circuits(self) -> int | None:
        """No limit."""
        return None

    def configuration(self) -> BackendConfiguration:
        """The device's configuration, as programs for Qiskit's first interface ask for it."""
        return BackendConfiguration.from_dict(self._device.configuration)

    def properties(self) -> BackendProperties | None:
        """The device's calibration data, likewise."""
        document = self._device.properties
        return BackendProperties.from_dict(document, backend_name=self.name) if document else None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=4000)

    @cached_property
    def _simulator(self) -> AerSimulator:
        return AerSimulator(noise_model=self._device.noise_model())

    def run(self, circuits: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> JobV1:
        """Simulate circuits; see ``ProgramBackend.run``."""
        chosen = {"shots": self.options.shots, **options}
        listed = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
        return self._simulator.run([self._known(circuit) for circuit in listed], **chosen)

    def _known(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit whose gates Aer knows; devices may have gates that it does not."""
        known = {*self._simulator.operation_names, *STRUCTURE}
        while foreign := set(circuit.count_ops()) - known:
            simpler = circuit.decompose(list(foreign))
            if set(simpler.count_ops()) == set(circuit.count_ops()):
                break  # Aer says what it does not know
            circuit = simpler
        return circuit
