"""The official client in this process, pointed at a server that our client uses too."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.settings import RETIRED_VARIABLE

RETIRED = bool(os.environ.get(RETIRED_VARIABLE))
"""Whether servers have given the programs of primitives up."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Skip what the official client's older primitives cannot do where servers do not take their programs."""
    try:
        return (yield)
    except Exception as refusal:
        if (
            not RETIRED
            or type(refusal).__name__ != "RuntimeProgramNotFound"
            or "official" not in pyfuncitem.name
        ):
            raise
        pytest.skip(
            f"{RETIRED_VARIABLE} is set, and SamplerV2 and EstimatorV2 of qiskit-ibm-runtime run over the programs "
            "'sampler' and 'estimator' only; unset it to run this"
        )


@dataclass(frozen=True)
class Client:
    """One of the two packages, with a service of it.

    Attributes:
        ours: Whether it is this package.
        package: The package; names that users import are its attributes.
        service: Its ``QiskitRuntimeService``, connected to the shared server.
    """

    ours: bool
    package: ModuleType
    service: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.package, name)


@pytest.fixture
def drive(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run a program of this directory that uses the official client, and return the JSON that it prints.

    Nothing but environment variables tells the client where the server is.
    """
    pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime>=0.51 to drive it")

    def run(program: str, endpoint: Any, **extra: str) -> dict[str, Any]:
        foreign = ("QISKIT_", "IAM_", "GLOBAL_", "HTTP", "http")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        environment = kept | {
            "HOME": str(tmp_path),
            "QISKIT_IBM_TOKEN": endpoint.token,
            "QISKIT_IBM_INSTANCE": endpoint.instance,
            # The word makes the client use the URL unchanged; it is user information and never sent.
            "QISKIT_IBM_URL": endpoint.url.replace("http://", "http://experimental@"),
            "IAM_URL": endpoint.iam_url,
        }
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / program)],
            env=environment | (extra or {"QISKIT_FUNCTIONS_EXPERIMENTAL": "1"}),
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return seen

    return run


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    """The endpoint that both clients use, with the default devices and the real engine."""
    with serve() as server:
        yield server.endpoint


def official_client(endpoint: Any) -> Client:
    pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to compare with it")
    package = importlib.import_module("qiskit_ibm_runtime")
    with pytest.MonkeyPatch.context() as patch:
        # Read while the service is made, and nowhere else.
        for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
            patch.setenv(name, endpoint.iam_url)
        service = package.QiskitRuntimeService(
            channel="ibm_quantum_platform",
            token=endpoint.token,
            instance=endpoint.instance,
            url_resolver=lambda *_: endpoint.url,
        )
    return Client(False, package, service)


def our_client(endpoint: Any) -> Client:
    package = importlib.import_module("qiskit_rest_primitives")
    service = package.QiskitRuntimeService(
        channel="local", url=endpoint.url, token=endpoint.token, instance=endpoint.instance
    )
    return Client(True, package, service)


@pytest.fixture
def clients() -> Callable[[Any], tuple[Client, Client]]:
    """Connect both to an endpoint: ours, and the official one."""
    return lambda endpoint: (our_client(endpoint), official_client(endpoint))


@pytest.fixture(scope="module")
def official(shared: Any) -> Client:
    return official_client(shared)


@pytest.fixture(scope="module")
def ours(shared: Any) -> Client:
    return our_client(shared)
