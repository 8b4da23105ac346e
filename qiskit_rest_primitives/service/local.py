"""Local testing mode: a backend object of this process behaves as one of a service (docs/local-testing.md)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from qiskit.providers import BackendV2

from .._calls import frames_of_ours
from ..exceptions import IBMInputValueError
from ..models.backend import IBMBackend
from .service import QiskitRuntimeService

_SERVICES: dict[str, QiskitRuntimeService] = {}
"""Documented cache: the service of the embedded server, by the server's address; a forked child has another one."""

_HANDLES: WeakValueDictionary[tuple[str, str], IBMBackend] = WeakValueDictionary()
"""Documented cache: the handles in use, by the server's address and the name there."""


def hosted(backend: BackendV2) -> IBMBackend:
    """Return a handle of a backend object that is served by the embedded server; the server is started if need be.

    The same object leads to equal handles, as long as its options stay the same.

    Raises:
        IBMInputValueError: Its target does not say how many qubits it has.
        ImportError: The packages of the ``[server]`` extra are missing.
    """
    from ..server.embedded import host

    try:
        endpoint, name = host(backend)
    except ValueError as cause:
        raise IBMInputValueError(
            f"{backend.name!r} ({type(backend).__name__}) cannot be run locally: {cause}."
        ) from cause
    handle = _HANDLES.get((endpoint.url, name))
    if handle is None:
        if endpoint.url not in _SERVICES:
            _SERVICES.clear()
            _SERVICES[endpoint.url] = QiskitRuntimeService(channel="local")
        # Whatever gates the object has are there to be used, so nothing is left out of the target.
        handle = _SERVICES[endpoint.url].backend(name, use_fractional_gates=None)
        _HANDLES[endpoint.url, name] = handle
    return handle


def hold_for(backend: IBMBackend) -> Callable[[Any], str] | None:
    """Return what keeps noise passes for the server of a backend; None where it is in another process."""
    service = backend.service
    if not service.is_local:
        return None
    from ..server.devices.noise_passes import hold
    from ..server.embedded import is_here

    return hold if is_here(service._connection.account.url) else None


def warn_of_options(
    program_id: str,
    params: Mapping[str, Any],
    envelope: Mapping[str, Any],
    known: set[str],
    backend: IBMBackend,
) -> None:
    """Warn of the options of a job that cannot have an effect on simulated hardware, and add them to those that are known."""
    try:
        from ..server.primitives.registry import PROGRAMS
    except ImportError:  # the server is another process, and its packages are not installed here
        return
    asked = list(PROGRAMS[program_id].without_effect(params))
    if envelope.get("runtime"):
        asked.append("environment.image")
    acting = _acting(backend) if asked else ()
    ignored = [name for name in asked if name not in known and name not in acting]
    known.update(ignored)
    if ignored:
        warnings.warn(
            f"These options have no effect in local testing mode: {', '.join(ignored)}.",
            UserWarning,
            stacklevel=frames_of_ours() + 1,  # the caller of run()
        )


def _acting(backend: IBMBackend) -> list[str]:
    """Return the options that have an effect on this device, and on others none."""
    from ..server.devices.idling import IDLING_KEY

    configuration = backend.configuration()
    found = ["dynamical_decoupling"] if configuration.get(IDLING_KEY) else []
    return found if configuration.simulator else [*found, "scheduler_timing", "execution.scheduler_timing"]
