"""Emulated backends: two of our own, and any Qiskit ``BackendV2`` by its documents.

A device is its configuration and properties documents plus the noise to simulate; the Target is derived from the
documents exactly as a client derives it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from ..._calls import even_half_made
from ...qasm.noise_model import NOISE_KEY, dump_noise_model
from ...wire.calibration import dump_configuration, dump_properties, what_all_say
from ...wire.target import load_target
from .given_noise import GivenNoiseModel
from .heavy_hex import INSTRUCTIONS, heron_configuration, heron_properties
from .idling import IDLING_KEY, CoherentIdling, IdlingNoise
from .noise import CalibratedNoise, NoiseSource
from .noise_passes import hold

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


_NOT_OF_THE_SIMULATION = {"shots", "memory", "noise_model", "max_job_size", "max_shot_size", "executor"}
"""Options of an ``AerSimulator`` that say what to return or how to split runs."""


class Device:
    """One backend that the server offers.

    Args:
        configuration: Document of rest-api.md 3.2.
        properties: Document of rest-api.md 3.3; None for a device without calibration data.
        noise: Aer noise model to simulate with, as it is now: later changes do not act here. None means the noise that
            the properties describe, if any.
        noisy: False simulates an ideal device whatever the properties say.
        simulation: Options of Aer to simulate with, such as ``method``; ``seed_simulator`` is the seed of jobs that
            bring none.
        mock: It only checks jobs, and answers at random (rest-api.md 3.9).
        idling: Coherent errors of idle qubits, besides the other noise; none by default.

    Raises:
        ValueError: ``idling`` does not fit the device, or it is a simulator, whose instructions take no time.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        *,
        noise: NoiseModel | GivenNoiseModel | None = None,
        noisy: bool = True,
        simulation: Mapping[str, Any] | None = None,
        mock: bool = False,
        idling: CoherentIdling | None = None,
    ) -> None:
        self.configuration = dict(configuration)
        self._given = _snapshot(noise) if isinstance(noise, NoiseModel) else noise
        if self._given is not None and noisy:
            self.configuration[NOISE_KEY] = self._given.distinguished.to_json()
        self.properties = dict(properties) if properties else None
        self._noisy = noisy
        self.simulation = dict(simulation or {})
        self.mock = mock
        self.idling = idling
        if idling is not None:
            if self.simulator:
                raise ValueError(
                    f"{self.name!r} is a simulator, whose qubits never wait: idling needs a device"
                )
            IdlingNoise(idling, None, self.target)  # which says what does not fit
            self.configuration[IDLING_KEY] = True

    def twin(
        self,
        name: str,
        *,
        mock: bool = False,
        idling: CoherentIdling | None = None,
        processor: str | None = None,
    ) -> Device:
        """Return the same device under another name, its mock, with coherent errors of idle qubits, or simulated elsewhere.

        Args:
            name: Its name.
            mock: Whether it is a mock.
            idling: Coherent errors of its idle qubits; None for those that it has.
            processor: What Aer simulates on, ``CPU`` or ``GPU``; None for what it was.

        Raises:
            ValueError: ``idling`` does not fit the device.
        """
        properties = self.properties and {**self.properties, "backend_name": name}
        return Device(
            {**self.configuration, "backend_name": name},
            properties,
            noise=self._given,
            noisy=self._noisy and not mock,
            simulation=self.simulation if processor is None else {**self.simulation, "device": processor},
            mock=mock,
            idling=idling or self.idling,
        )

    @property
    def name(self) -> str:
        """Name under which clients ask for the device."""
        return self.configuration["backend_name"]

    @property
    def simulator(self) -> bool:
        """Whether any gate on any qubits is welcome, without the check against the target."""
        return bool(self.configuration.get("simulator"))

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return self.configuration["n_qubits"]

    def seed_of(self, *asked: int | None) -> int | None:
        """Return the first seed that is given, or else the device's own; None for an unpredictable run."""
        seeds = (*asked, self.simulation.get("seed_simulator"))
        return next((seed for seed in seeds if seed is not None), None)

    @cached_property
    def target(self) -> Target:
        """The Target of the documents, fractional gates included."""
        return load_target(self.configuration, self.properties, use_fractional_gates=None)

    @cached_property
    def noise(self) -> NoiseSource | None:
        """Where the simulation gets the noise of a few qubits from; None on an ideal device."""
        if self.idling is None or self.mock:
            return self._noise
        return IdlingNoise(self.idling, self._noise, self.target)

    @cached_property
    def _noise(self) -> GivenNoiseModel | CalibratedNoise | None:
        """The noise that Aer has a model of: all but the coherent errors of idle qubits."""
        if not self._noisy:
            return None
        if self._given is not None:
            return self._given
        return CalibratedNoise(self.properties) if self.properties else None

    @property
    def stays(self) -> bool:
        """Whether the noise runs code of the user's, so that it acts in this process only."""
        return self._given is not None and self._given.live

    def noise_model(self) -> NoiseModel | None:
        """Return the noise of the whole device as an Aer noise model (seconds to build on a wide device).

        Such a model has no place for coherent errors of idle qubits.
        """
        if isinstance(self._noise, CalibratedNoise):
            return self._noise.everything()
        return None if self._given is None else self._given.noise_model()

    def given_noise(self) -> Mapping[str, Any] | None:
        """Return the document of the noise model that the device was given, if any."""
        return None if self._given is None else self._given.document

    def __getstate__(self) -> dict[str, Any]:
        kept = ("configuration", "properties", "_given", "_noisy", "simulation", "mock", "idling")
        return {key: self.__dict__[key] for key in kept}

    @even_half_made
    def __repr__(self) -> str:
        return f"<Device {self.name!r}, {self.num_qubits} qubits>"


def _snapshot(model: NoiseModel) -> GivenNoiseModel:
    return GivenNoiseModel({**dump_noise_model(model, hold), "basis_gates": model.basis_gates})


def randomness(seed: int | None, index: int) -> np.random.Generator:
    """Return the randomness of one PUB, item or layer of a job: equal ones are independent, equal seeds repeat."""
    if seed is None:
        return _unpredictable(os.getpid())
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


@lru_cache(1)
def _unpredictable(process: int) -> np.random.Generator:  # noqa: ARG001 (a forked child must not draw what its parent draws)
    """Return what all without a seed draw from; making one costs as much as it costs to run a small circuit."""
    return np.random.default_rng()


def check_processor(name: str) -> None:
    """Refuse a processor, ``CPU`` or ``GPU``, that the installed Aer cannot simulate on, with a ValueError."""
    there = AerSimulator().available_devices()
    if name not in there:
        raise ValueError(
            f"the installed qiskit-aer cannot simulate on {name}, only on {', '.join(there)}: install a build of it for this "
            "machine, such as qiskit-aer-gpu, or leave out --device"
        )


def default_devices() -> list[Device]:
    """Return the devices of a server that was given none: ``aer_simulator`` and ``local_heron``."""
    return [_ideal_simulator(), Device(heron_configuration("local_heron"), heron_properties("local_heron"))]


def device_of(backend: BackendV2, *, idling: CoherentIdling | None = None) -> Device:
    """Describe any Qiskit backend as a device.

    An ``AerSimulator`` keeps its noise model, or is ideal without one, and the options of its simulation; it takes
    every instruction on any qubits, as Aer does, and without any setting it is as wide as the default ideal device:
    Aer's own number of qubits is that of a state vector in the machine's memory. Any other backend gets the noise that the errors, durations and
    coherence times of its target describe.

    Args:
        backend: The backend.
        idling: Coherent errors of its idle qubits, which no target describes; none by default.

    Raises:
        ValueError: The backend's target does not say how many qubits it has, its noise model has an error that Aer does
            not simulate, or ``idling`` does not fit it.
    """
    if not isinstance(backend, AerSimulator):
        return Device(
            dump_configuration(backend),
            dump_properties(backend),
            noise=own_noise_model(backend),
            idling=idling,
        )
    if is_plain_aer(backend):
        plain = _ideal_simulator()
        return plain if idling is None else plain.twin(plain.name, idling=idling)
    configuration = dump_configuration(backend, simulator=True, max_shots=1_000_000)
    return Device(
        configuration,
        dump_properties(backend),
        noise=backend.options.noise_model,
        noisy=backend.options.noise_model is not None,
        simulation=_changed_options(backend),
        idling=idling,
    )


def own_noise_model(backend: BackendV2) -> NoiseModel | None:
    """Return the noise model that the user set as an option of a backend that is no simulator, if there is one.

    Fake backends set one themselves, made of their calibration data, when their simulator is made.
    """
    model = getattr(backend.options, "noise_model", None)
    simulator = getattr(backend, "sim", None)
    made = None if simulator is None else getattr(simulator.options, "noise_model", None)
    return model if isinstance(model, NoiseModel) and model is not made else None


def is_plain_aer(backend: BackendV2) -> bool:
    """Tell whether a backend is an ideal ``AerSimulator`` without any setting of its own."""
    return (
        isinstance(backend, AerSimulator)
        and backend.options.noise_model is None
        and backend.target.build_coupling_map() is None
        and not _changed_options(backend)
    )


def _changed_options(backend: AerSimulator) -> dict[str, Any]:
    """Return the options of a simulation that are not Aer's defaults, as far as they can be sent elsewhere."""
    defaults = dict(type(backend)._default_options())
    return {
        name: value
        for name, value in dict(backend.options).items()
        if name not in _NOT_OF_THE_SIMULATION
        and isinstance(value, (bool, int, float, str))
        and value != defaults.get(name)
        and (name, value) != ("method", "automatic")
    }


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
    except (ImportError, AttributeError, ValueError) as cause:
        raise ValueError(f"cannot load the device {spec!r}: {cause}") from cause
    if not isinstance(made, (BackendV2, Device)) and callable(made):
        try:
            made = made()
        except Exception as cause:
            raise ValueError(f"{spec!r} gives no device without arguments: {cause}") from cause
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
            "simulator": True,
            "conditional": True,
            "max_shots": 10_000_000,
            "coupling_map": None,
            "description": "ideal simulator, all-to-all coupled",
            "supported_instructions": [*_IDEAL_GATES, *INSTRUCTIONS],
            "supported_features": ["qobj", "qasm3", "dynamic_circuits", "parameters"],
            "processor_type": {"family": "Simulator", "revision": "1"},
            "meas_map": [],
            "coords": [],
            "dynamic_reprate_enabled": False,
            "clops_h": None,
            **what_all_say(),
        }
    )
