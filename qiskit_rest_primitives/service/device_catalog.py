"""What one instance offers, kept for a stated time: its list of devices and their configuration documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .._locks import fork_safe_lock
from ..rest.api import Api
from ..wire.models import DeviceRecord

DEVICES_SECONDS = 60.0
"""How long a list of devices is used; names rarely change, but status and queue do."""

CONFIGURATION_SECONDS = 3600.0
"""How long a configuration document is used."""


class DeviceCatalog:
    """The devices of one instance; safe to use from several threads."""

    def __init__(self, api: Api, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._lock = fork_safe_lock()
        self._devices: tuple[float, tuple[DeviceRecord, ...]] | None = None
        self._configurations: dict[tuple[str, str | None], tuple[float, Mapping[str, Any]]] = {}

    def devices(self, *, fresh: bool = False) -> tuple[DeviceRecord, ...]:
        """Return the list of devices, mocks included, at most 60 s old; if ``fresh``, with the status and queue of this moment."""
        kept = self._devices
        if kept is None or fresh or self._clock() - kept[0] > DEVICES_SECONDS:
            kept = (self._clock(), tuple(self._api.backends(include_mocks=True)))
            self._devices = kept
        return kept[1]

    def known_device(self, name: str) -> DeviceRecord | None:
        """Return a device's entry if the list was fetched before; never asks."""
        kept = self._devices
        return None if kept is None else next((device for device in kept[1] if device.name == name), None)

    def configuration(self, name: str, calibration_id: str | None = None) -> Mapping[str, Any]:
        """Return a configuration document, at most an hour old; there may be no such backend (status 404)."""
        key = (name, calibration_id)
        with self._lock:
            kept = self._configurations.get(key)
        if kept is None or self._clock() - kept[0] > CONFIGURATION_SECONDS:
            document = self._api.backend_configuration(name, calibration_id=calibration_id)
            kept = (self._clock(), document)
            with self._lock:
                self._configurations[key] = kept
        return kept[1]

    def clear(self) -> None:
        """Forget everything, so that the next question goes to the service."""
        with self._lock:
            self._devices = None
            self._configurations.clear()
