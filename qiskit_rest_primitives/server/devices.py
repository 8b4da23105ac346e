"""Emulated backends: two of our own, and any Qiskit ``BackendV2`` by its documents.

A device is its configuration and properties documents plus the noise to simulate; the Target is derived from the
documents exactly as a client derives it. Running circuits is not done here (``engine.py``).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from ..wire.calibration import EPOCH, dump_configuration, dump_properties
from ..wire.target import load_target
from .given_noise import GivenNoise
from .heavy_hex import INSTRUCTIONS, heron_configuration, heron_properties
from .noise import CalibratedNoise, NoiseSource

__all__ = ["IDEAL_QUBITS", "Device", "default_devices", "device_of", "load_device"]

IDEAL_QUBITS = 256
"""Width of ``aer_simulator``: Clifford and weakly entangled circuits of this size are simulated in seconds."""

_IDEAL_GATES: dict[str, list[str]] = {
    "ccx": [], "ccz": [], "ch": [], "cp": ["theta"], "crx": ["theta"], "cry": ["theta"], "crz": ["theta"],
    "cs": [], "csdg": [], "cswap": [], "csx": [], "cu": ["theta", "phi", "lam", "gamma"], "cx": [], "cy": [],
    "cz": [], "dcx": [], "ecr": [], "h": [], "id": [], "iswap": [], "p": ["theta"], "r": ["theta", "phi"],
    "rx": ["theta"], "rxx": ["theta"], "ry": ["theta"], "ryy": ["theta"], "rz": ["theta"], "rzx": ["theta"],
    "rzz": ["theta"], "s": [], "sdg": [], "swap": [], "sx": [], "sxdg": [], "t": [], "tdg": [],
    "u": ["theta", "phi", "lam"], "u1": ["theta"], "u2": ["phi", "lam"], "u3": ["theta", "phi", "lam"],
    "x": [], "y": [], "z": [],
}  # fmt: skip


class Device:
    """One backend that the server offers.

    Args:
        configuration: Document of rest-api.md 3.2.
        properties: Document of rest-api.md 3.3; None for a device without calibration data.
        noise: Aer noise model to simulate with; None means the noise that the properties describe, if any.
        noisy: False simulates an ideal device whatever the properties say.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        *,
        noise: NoiseModel | None = None,
        noisy: bool = True,
    ) -> None:
        self.configuration = dict(configuration)
        self.properties = dict(properties) if properties else None
        self._noise = noise
        self._noisy = noisy

    @property
    def name(self) -> str:
        """Name under which clients ask for the device."""
        return self.configuration["backend_name"]

    @property
    def simulator(self) -> bool:
        """Whether any gate on any qubits is welcome, without the check against the target."""
        return bool(self.configuration["simulator"])

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return self.configuration["n_qubits"]

    @cached_property
    def target(self) -> Target:
        """The Target of the documents, fractional gates included."""
        return load_target(self.configuration, self.properties, use_fractional_gates=None)

    @cached_property
    def noise(self) -> NoiseSource | None:
        """Where the simulation gets the noise of a few qubits from; None on an ideal device."""
        if not self._noisy:
            return None
        if self._noise is not None:
            return GivenNoise(self._noise.to_dict())
        return CalibratedNoise(self.properties) if self.properties else None

    def noise_model(self) -> NoiseModel | None:
        """Return the noise of the whole device as an Aer noise model (seconds to build on a wide device)."""
        if isinstance(self.noise, CalibratedNoise):
            return self.noise.everything()
        return self._noise

    def __getstate__(self) -> dict[str, Any]:
        kept = ("configuration", "properties", "_noise", "_noisy")
        return {key: self.__dict__[key] for key in kept}

    def __repr__(self) -> str:
        return f"<Device {self.name!r}, {self.num_qubits} qubits>"


def default_devices() -> list[Device]:
    """Return the devices of a server that was given none: ``aer_simulator`` and ``local_heron``."""
    return [_ideal_simulator(), Device(heron_configuration("local_heron"), heron_properties("local_heron"))]


def device_of(backend: BackendV2) -> Device:
    """Describe any Qiskit backend as a device.

    An ``AerSimulator`` keeps its noise model, or is ideal without one; any other backend gets the noise that the
    errors, durations and coherence times of its target describe.

    Raises:
        ValueError: The backend's target does not say how many qubits it has.
    """
    if not isinstance(backend, AerSimulator):
        return Device(dump_configuration(backend), dump_properties(backend))
    coupled = backend.target.build_coupling_map() is not None
    configuration = dump_configuration(backend, simulator=not coupled, max_shots=1_000_000)
    noise = backend.options.noise_model
    return Device(configuration, dump_properties(backend), noise=noise, noisy=noise is not None)


def load_device(spec: str) -> Device:
    """Return the device called ``spec``, or made by it.

    Args:
        spec: ``aer_simulator``, ``local_heron``, or ``module:name``, where ``name`` is a class or function that
            gives a ``BackendV2`` or a ``Device`` without arguments, or such an object itself.

    Raises:
        ValueError: Nothing is called that, or it gives something else.
    """
    for device in default_devices():
        if device.name == spec:
            return device
    module, colon, name = spec.partition(":")
    if not colon:
        known = ", ".join(device.name for device in default_devices())
        raise ValueError(f"no device is called {spec!r}: choose from {known}, or give module:Class")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as cause:
        raise ValueError(f"cannot load the device {spec!r}: {cause}") from cause
    if not isinstance(made, (BackendV2, Device)) and callable(made):
        made = made()
    if isinstance(made, Device):
        return made
    if isinstance(made, BackendV2):
        return device_of(made)
    raise ValueError(f"the device {spec!r} is a {type(made).__name__}, not a BackendV2 or a Device")


def _ideal_simulator() -> Device:
    """Return the ideal device: every qubit next to every other, and every gate that the codec can carry."""
    name = "aer_simulator"
    return Device(
        {
            "backend_name": name,
            "backend_version": "1.0.0",
            "n_qubits": IDEAL_QUBITS,
            "basis_gates": list(_IDEAL_GATES),
            "gates": [
                {"name": gate, "parameters": parameters, "qasm_def": None}
                for gate, parameters in _IDEAL_GATES.items()
            ],
            "local": False,
            "simulator": True,
            "conditional": True,
            "open_pulse": False,
            "memory": True,
            "max_shots": 10_000_000,
            "max_experiments": 300,
            "coupling_map": None,
            "online_date": EPOCH,
            "description": "ideal simulator, all-to-all coupled",
            "supported_instructions": [*_IDEAL_GATES, *INSTRUCTIONS],
            "supported_features": ["qobj", "qasm3", "dynamic_circuits", "parameters"],
            "instruction_signatures": [],
            "processor_type": {"family": "Simulator", "revision": "1"},
            "meas_levels": [1, 2],
            "meas_map": [],
            "n_registers": 1,
            "n_uchannels": 0,
            "u_channel_lo": [],
            "coords": [],
            "dynamic_reprate_enabled": False,
            "quantum_volume": None,
            "url": "None",
        }
    )
