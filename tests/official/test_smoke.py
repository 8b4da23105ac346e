"""The unmodified official client, in a process of its own, works against our server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.embedded import Endpoint, serve

PROGRAM = Path(__file__).parent / "drive_official_client.py"


def drive(endpoint: Endpoint, home: Path, **extra: str) -> dict[str, Any]:
    """Run the client with nothing but environment variables to tell it where the server is."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("QISKIT_IBM", "HTTP", "http"))
    } | {
        "HOME": str(home),
        "QISKIT_IBM_TOKEN": endpoint.token,
        "QISKIT_IBM_INSTANCE": endpoint.instance,
        # The word makes the client use the URL unchanged; it is user information and never sent.
        "QISKIT_IBM_URL": endpoint.url.replace("http://", "http://experimental@"),
        "IAM_URL": endpoint.iam_url,
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment | extra, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize("discovery", [False, True], ids=["bypass", "discovery"])
def test_the_official_client_lists_samples_estimates_and_uses_sessions(
    tmp_path: Path, discovery: bool
) -> None:
    pytest.importorskip(
        "qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to drive the official client"
    )
    with serve() as server:
        base = server.endpoint.iam_url
        extra = (
            {"GLOBAL_SEARCH_URL": base, "GLOBAL_CATALOG_URL": base}
            if discovery
            else {"QISKIT_FUNCTIONS_EXPERIMENTAL": "1"}
        )
        seen = drive(server.endpoint, tmp_path, **extra)

    assert seen["backends"] == ["aer_simulator", "local_heron"]
    assert (seen["least_busy"], seen["operational"]) == ("local_heron", True)
    assert seen["job_status"] == "DONE"
    counts = seen["job_counts"]
    assert sum(counts.values()) == 500
    assert counts["00"] + counts["11"] > 400
    assert {"timestamps", "usage"} <= set(seen["job_metrics"])
    assert (seen["job_usage"], seen["job_tags"], seen["jobs"]) == (True, ["smoke"], [True])
    assert seen["inputs"] == seen["qubits"]
    assert "usage_consumed_seconds" in seen["usage"]
    low, high = seen["session_evs"]
    assert low > 0.7
    assert high < -0.7
    assert seen["session_details"] == ["active", "dedicated"]
    assert (seen["session_closed"], seen["batch_closed"]) == ("Closed", "Closed")
    assert seen["batch_shots"] == [100, 100]
    assert seen["failure"] == ["ERROR", True]
