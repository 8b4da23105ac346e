"""Which executor the settings ask for: a Dask cluster, or threads and processes of this machine."""

from __future__ import annotations

from collections.abc import Mapping

from ..devices.device import Device
from ..settings import Settings
from .dask import ClusterSimulators
from .pool import Simulators


def new_simulators(settings: Settings, devices: Mapping[str, Device]) -> Simulators | ClusterSimulators:
    """Return who simulates, by the settings.

    Raises:
        ImportError: Dask is to be used and not installed.
        OSError: The scheduler of the Dask cluster cannot be reached.
        ValueError: Nothing protects the connection to it.
    """
    if settings.dask is not None and settings.execute is None:
        return ClusterSimulators(
            devices,
            workers=settings.workers,
            place=settings.dask,
            memory=settings.job_bytes,
            plain=settings.dask_plain,
        )
    return Simulators(
        devices,
        workers=settings.workers,
        processes=settings.processes,
        memory=settings.job_bytes,
        execute=settings.execute,
    )
