"""The official client's new primitives, which compute on their side and submit ``executor`` programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qiskit_rest_primitives.server.embedded import serve


def test_the_official_clients_new_primitives_sample_and_estimate(
    drive: Callable[..., dict[str, Any]],
) -> None:
    with serve() as server:
        seen = drive("drive_executor.py", server.endpoint)

    assert sum(seen["counts"].values()) == 1000
    assert seen["counts"]["00"] + seen["counts"]["11"] > 900
    assert seen["metadata"]["circuit_metadata"] == {"of": "mine"}
    assert [max(counts, key=counts.get) for counts in seen["sweep"]] == ["0", "1"]
    assert (seen["again"], seen["inputs"]) == (True, 1000)
    counts, randomizations = seen["twirled"]
    assert sum(counts.values()) == 1024
    assert counts["00"] + counts["11"] > 900
    assert randomizations > 1
    shape, correlation = seen["kerneled"]
    assert shape == [100, 2]
    assert correlation > 0.5
    # ZZ + XX + ZI is 2 at both angles; readout is mitigated, gate errors are below a per cent.
    assert seen["evs"] == pytest.approx([2.0, 2.0], abs=5 * max(seen["stds"]) + 0.05)
    assert seen["raw"] == [[2, 3, 10, 1], "bool", [1, None]]
    assert seen["array"] == [0, 1, 2]
    status, reason = seen["failure"]
    assert status == "ERROR"
    assert "instruction cz on qubits (0, 100) is not supported" in reason
