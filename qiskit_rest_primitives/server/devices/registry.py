"""Which devices a running server has: those it was started with, their mock twins, and guests."""

from __future__ import annotations

import hashlib
import json
import re
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit.providers import BackendV2
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from ..._locks import fork_safe_lock
from .device import Device, device_of, is_plain_aer

PLAIN_AER = "aer_simulator"
SPARE_GUESTS = 64
"""How many guests stay whose backend objects do not exist any more."""


def mock_name(name: str) -> str:
    """Return the name of a device's mock twin: its first part replaced, ``ibm_fez`` -> ``mock_fez``."""
    return "mock_" + (name.partition("_")[2] or name)


@dataclass
class _Guest:
    """A backend object of the caller that is served.

    Attributes:
        owners: The objects it is served for.
        former: The objects it was served for, which were changed since.
    """

    name: str
    owners: list[weakref.ref[BackendV2]] = field(default_factory=list)
    former: list[weakref.ref[BackendV2]] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether any of the objects still exists."""
        return any(owner() is not None for owner in self.owners)


class DeviceRegistry(Mapping[str, Device]):
    """The devices by name, listed in the order of ``GET /backends``; a ValueError if two have the same.

    Guests may join from any thread while others look devices up.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = {device.name: device for device in devices}
        names = [device.name for device in devices]
        if twice := [name for name in self._devices if names.count(name) > 1]:
            raise ValueError(
                f"Two backends are called {twice[0]!r}: leave one out, or give it a name of its own."
            )
        self.listed: tuple[str, ...] = tuple(self._devices)
        """The names that are offered to everybody."""
        for device in devices:
            self._devices.setdefault(mock_name(device.name), device.twin(mock_name(device.name), mock=True))
        self.mocks: tuple[str, ...] = tuple(name for name, device in self._devices.items() if device.mock)
        """The names of the mock twins of the listed devices (rest-api.md 3.9)."""
        self._lock = fork_safe_lock()
        self._guests: dict[str, _Guest] = {}
        self._plain = _Guest(PLAIN_AER)
        self._seen: dict[int, tuple[weakref.ref[BackendV2], Any, str]] = {}
        self._given_away = set(self._devices)  # a name is never used again, since clients remember documents

    def __getitem__(self, name: str) -> Device:
        return self._devices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._devices))

    def __len__(self) -> int:
        return len(self._devices)

    def host(self, backend: BackendV2) -> str:
        """Serve a backend object, unlisted, and return the name it is served under.

        The same object has the same name as long as its options stay the same, and so have objects that do not
        differ. The object itself is not kept. An ``AerSimulator`` without any setting is the listed ideal simulator.

        Raises:
            ValueError: The backend does not say how many qubits it has.
        """
        state = _state(backend)
        with self._lock:
            seen = self._seen.get(id(backend))
            if seen is not None and seen[0]() is backend and seen[1] == state and seen[2] in self._devices:
                return seen[2]
            plain = is_plain_aer(backend) and PLAIN_AER in self.listed
            guest = self._plain if plain else self._guest_for(device_of(backend))
            owner = weakref.ref(backend)
            for other in (self._plain, *self._guests.values()):
                if owner in other.owners:
                    other.owners.remove(owner)
                    other.former = [*(one for one in other.former if one() is not None), owner]
            guest.owners = [*(one for one in guest.owners if one() is not None), owner]
            self._seen[id(backend)] = (owner, state, guest.name)
            return guest.name

    def _guest_for(self, device: Device) -> _Guest:
        digest = _digest(device)
        guest = self._guests.get(digest)
        if guest is None:
            guest = self._guests[digest] = _Guest(self._join(device))
        return guest

    def same_object(self, name: str, other: str) -> bool:
        """Tell whether two devices are one object of the caller, which was changed in between."""
        with self._lock:
            served = [
                {id(one()) for one in (*guest.owners, *guest.former) if one() is not None}
                for guest in (self._plain, *self._guests.values())
                if guest.name in (name, other)
            ]
        return name == other or (len(served) == 2 and not served[0].isdisjoint(served[1]))

    def tidy(self, busy: Collection[str]) -> None:
        """Forget guests that nobody can name any more, but for the last few, whose jobs may still be looked at.

        Those with unfinished jobs, whose names are ``busy``, stay.
        """
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if seen[0]() is not None}
            leaving = [
                (digest, guest)
                for digest, guest in self._guests.items()
                if not guest.wanted and not {guest.name, mock_name(guest.name)} & set(busy)
            ]
            for digest, guest in leaving[:-SPARE_GUESTS]:
                del self._guests[digest]
                for name in (guest.name, mock_name(guest.name)):
                    self._devices.pop(name, None)

    def _join(self, device: Device) -> str:
        """Give a device, and its mock twin, a name that nobody has."""
        wished = re.sub(r"[^\w.()\-]", "_", device.name, flags=re.ASCII)[:100] or "backend"
        name, number = wished, 1
        while {name, mock_name(name)} & self._given_away:
            number += 1
            name = f"{wished}_{number}"
        self._given_away |= {name, mock_name(name)}
        self._devices[mock_name(name)] = device.twin(mock_name(name), mock=True)
        self._devices[name] = device.twin(name)
        return name


def _state(backend: BackendV2) -> Any:
    """Return what can be changed about a backend object after it was made, noise models and targets in place included."""
    options = vars(backend.options) if hasattr(backend.options, "__dict__") else {}
    values = dict(options.get("_fields", options))
    state = {
        name: _Contents(value) if isinstance(value, NoiseModel) else repr(value)
        for name, value in values.items()
    }
    if isinstance(backend, AerSimulator):
        own = (backend._configuration.n_qubits, backend._options_configuration, backend._options_properties)
        return state, repr(own)
    return state, _calibration(backend.target)


class _Contents:
    """What a noise model holds, compared by which objects they are, and by their numbers; as cheap as a list of them."""

    def __init__(self, model: NoiseModel) -> None:
        local = model._local_quantum_errors
        errors = [*model._default_quantum_errors.items()]
        errors += [
            ((name, qubits), error) for name, places in local.items() for qubits, error in places.items()
        ]
        misread = [(None, model._default_readout_error), *model._local_readout_errors.items()]
        passes = model._custom_noise_passes
        self._kept = (errors, misread, list(passes))  # so that no other object gets their ids
        self._state = (
            [
                (name, id(error), tuple(error.probabilities), list(map(id, error.circuits)))
                for name, error in errors
            ],
            [(where, None if error is None else error.probabilities.tobytes()) for where, error in misread],
            [(id(one), [_number(value) for value in vars(one).values()]) for one in passes],
            sorted(model._basis_gates),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Contents) and self._state == other._state

    __hash__ = None  # type: ignore[assignment]


def _number(value: Any) -> Any:
    return value.tobytes() if isinstance(value, np.ndarray) else id(value)


def _calibration(target: Target) -> Any:
    """Return the numbers of a target, which ``update_instruction_properties`` changes in place."""
    gates = [
        (name, qubits, None if values is None else (values.error, values.duration))
        for name in target.operation_names
        for qubits, values in (target[name] or {}).items()
    ]
    qubits = [known and (known.t1, known.t2, known.frequency) for known in target.qubit_properties or ()]
    return gates, qubits, target.dt


def _digest(device: Device) -> str:
    """Return what tells devices apart that differ in anything but the object they were made of."""
    given = device.given_noise()
    parts = [device.configuration, device.properties, given and _anonymous(given), dict(device.simulation)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=_text).encode()).hexdigest()


def _anonymous(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a noise model without the random names of its errors."""
    errors = [{key: value for key, value in error.items() if key != "id"} for error in document["errors"]]
    return {**document, "errors": errors}


def _text(value: Any) -> Any:
    """Write what JSON lacks in full: NumPy shortens what it prints."""
    if isinstance(value, complex):
        return [value.real, value.imag]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else repr(value)
