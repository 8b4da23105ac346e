"""pytest fixtures for test suites that use this package, or any other client of the REST API.

Load them with ``pytest_plugins = ["qiskit_rest_primitives.testing"]`` in the suite's top ``conftest.py``. They need the
``[server]`` extra.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .server.embedded import RunningServer, serve
from .service.service import QiskitRuntimeService

__all__ = ["runtime_environment", "runtime_server", "runtime_server_options", "runtime_service"]


@pytest.fixture(scope="session")
def runtime_server_options() -> dict[str, Any]:
    """Override this in your suite: keyword arguments of ``server.embedded.serve``, e.g. ``{"backends": [...]}``."""
    return {}


@pytest.fixture(scope="session")
def runtime_server(runtime_server_options: dict[str, Any]) -> Iterator[RunningServer]:
    """A local server on a free port of the loopback address, shared by the tests of the session.

    Its ``endpoint`` has ``url``, ``iam_url``, ``token`` and ``instance``.
    """
    with serve(**runtime_server_options) as server:
        yield server


@pytest.fixture
def runtime_service(runtime_server: RunningServer) -> QiskitRuntimeService:
    """A service connected to ``runtime_server``."""
    place = runtime_server.endpoint
    return QiskitRuntimeService(channel="local", url=place.url, token=place.token, instance=place.instance)


@pytest.fixture
def runtime_environment(runtime_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Point the environment variables of the service's clients to ``runtime_server`` for one test.

    ``QiskitRuntimeService()`` without arguments connects to it then, both this package's and the unmodified
    ``qiskit_ibm_runtime``'s.

    Returns:
        The variables that were set.
    """
    place = runtime_server.endpoint
    variables = {
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_TOKEN": place.token,
        "QISKIT_IBM_INSTANCE": place.instance,
        # The word makes the official client use the URL as it is; the server takes it off.
        "QISKIT_IBM_URL": f"{place.iam_url}/experimental/api/v1",
        "IAM_URL": place.iam_url,
        "GLOBAL_SEARCH_URL": place.iam_url,
        "GLOBAL_CATALOG_URL": place.iam_url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables
