"""The fixtures for other people's test suites, used by such a suite."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
pytest_plugins = ["qiskit_rest_primitives.testing"]

@pytest.fixture(scope="session")
def runtime_server_options():
    return {"backends": ["aer_simulator"], "token": "of-this-suite"}
"""
SUITE = """
import subprocess, sys
import pytest
from qiskit import QuantumCircuit
from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2

def sample(service):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    (backend,) = service.backends()
    return SamplerV2(mode=backend).run([circuit], shots=10).result()[0].data.meas.get_counts()

def test_the_service_runs_jobs(runtime_service, runtime_server):
    assert runtime_server.endpoint.token == "of-this-suite"
    assert sample(runtime_service) == {"1": 10}

def test_the_server_is_shared(runtime_service):
    assert len(runtime_service.jobs()) == 1

def test_the_environment_leads_to_it(runtime_environment):
    assert sample(QiskitRuntimeService()) == {"1": 10}

def test_the_official_client_finds_it(runtime_environment, tmp_path, monkeypatch):
    pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime")
    monkeypatch.setenv("HOME", str(tmp_path))
    code = "from qiskit_ibm_runtime import QiskitRuntimeService as S; print([b.name for b in S().backends()])"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout == "['aer_simulator']\\n", done.stderr

def test_the_environment_is_put_back():
    import os
    assert "of-this-suite" not in os.environ.values()
"""


def test_the_fixtures_serve_a_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SUITE)

    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:schemathesis")

    done.assert_outcomes(passed=5)
