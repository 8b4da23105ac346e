"""The two devices of the local server."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def simulator(service: Any) -> Any:
    return service.backend("aer_simulator")


@pytest.fixture(scope="module")
def heron(service: Any) -> Any:
    return service.backend("local_heron")
