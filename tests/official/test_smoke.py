"""The unmodified official client, in a process of its own, works against our server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qiskit_rest_primitives.server.embedded import serve


@pytest.mark.parametrize("discovery", [False, True], ids=["bypass", "discovery"])
def test_the_official_client_lists_samples_estimates_and_uses_sessions(
    drive: Callable[..., dict[str, Any]], discovery: bool
) -> None:
    with serve() as server:
        base = server.endpoint.iam_url
        extra = {"GLOBAL_SEARCH_URL": base, "GLOBAL_CATALOG_URL": base} if discovery else {}
        seen = drive("drive_official_client.py", server.endpoint, **extra)

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
