"""How long lists of devices and configuration documents are used."""

from __future__ import annotations

from typing import Any

import pytest

from qiskit_rest_primitives import RequestsApiError
from qiskit_rest_primitives.service.device_catalog import (
    CONFIGURATION_SECONDS,
    DEVICES_SECONDS,
    DeviceCatalog,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(service: Any, clock: Clock) -> DeviceCatalog:
    service.api().versions()  # the token is there, so that only the catalog's own requests count
    return DeviceCatalog(service.api(), clock=clock)


def test_a_list_is_used_for_its_time_and_never_when_it_must_be_fresh(
    catalog: DeviceCatalog, clock: Clock, traffic: list[str]
) -> None:
    names = [device.name for device in catalog.devices()]
    clock.now += DEVICES_SECONDS
    assert [device.name for device in catalog.devices()] == names
    assert len(traffic) == 1
    clock.now += 1
    catalog.devices()
    assert len(traffic) == 2
    catalog.devices(fresh=True)
    assert len(traffic) == 3


def test_a_configuration_is_used_for_its_time_and_per_calibration(
    catalog: DeviceCatalog, clock: Clock, traffic: list[str]
) -> None:
    first = catalog.configuration("local_heron")
    clock.now += CONFIGURATION_SECONDS
    assert catalog.configuration("local_heron") is first
    assert len(traffic) == 1
    catalog.configuration("local_heron", "cal-1")
    assert len(traffic) == 2
    clock.now += 1
    assert catalog.configuration("local_heron") == first
    assert len(traffic) == 3
    catalog.clear()
    catalog.configuration("local_heron")
    assert len(traffic) == 4


def test_what_is_known_of_a_device_costs_nothing(catalog: DeviceCatalog, traffic: list[str]) -> None:
    assert catalog.known_device("local_heron") is None
    assert traffic == []
    catalog.devices()
    device = catalog.known_device("local_heron")
    assert device is not None
    assert device.qubits == 156
    assert catalog.known_device("nowhere") is None


def test_an_unknown_device_is_not_remembered(catalog: DeviceCatalog) -> None:
    for _ in range(2):
        with pytest.raises(RequestsApiError) as caught:
            catalog.configuration("nowhere")
        assert caught.value.status_code == 404
