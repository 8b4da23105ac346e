"""Noise learners of version 3 and calibrators of the official client, and of ours beside them on the same server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import ClassicalRegister

from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.registry import execute

annotations = pytest.importorskip("samplomatic.annotations", reason="pip install samplomatic to make boxes")


def test_the_official_clients_noise_learner_and_calibrator_run_unmodified(
    drive: Callable[..., dict[str, Any]],
) -> None:
    with serve() as server:
        seen = drive("drive_noise_learner_v3.py", server.endpoint)

    start, stop = map(datetime.fromisoformat, seen["calibrated"])
    assert start <= stop
    assert seen["protocols"] == ["lindblad", "trex"]
    assert seen["refs"] == ["gates", "readout"]
    assert seen["terms"] == [15, 3]
    assert seen["kept"] == [{"0": 1.0, "8": 1.0}, 1.0]
    assert (seen["again"], seen["inputs"]) == (True, [True, 4])
    assert "runs in a session only" in seen["refused"]


def boxes_for(backend: Any) -> list[Any]:
    first, second = next(iter(backend.coupling_map.get_edges()))
    circuit = QuantumCircuit(QuantumRegister(backend.num_qubits, "q"), ClassicalRegister(2, "c"))
    with circuit.box([annotations.Twirl(), annotations.InjectNoise("gates")]):
        circuit.sx(first)
        circuit.cz(first, second)
    with circuit.box([annotations.Twirl(), annotations.ChangeBasis()]):
        circuit.measure([second, first], [0, 1])
    return list(circuit)


@pytest.mark.filterwarnings("ignore:Your current pending jobs:UserWarning")
@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
def test_both_clients_send_the_same_and_get_the_same(clients: Callable[[Any], tuple[Any, Any]]) -> None:
    posted, results, jobs = [], [], []

    def seeded(program_id: str, params: bytes, device: Any) -> Any:
        posted.append((program_id, json.loads(params)))
        return execute(program_id, params, device, seed=7)

    options = {
        "num_randomizations": 3,
        "layer_pair_depths": [0, 4],
        "execution": {"rep_delay": 1e-4},
        "bit_flip_checks": {"post_circuit": {"enable": True, "strategy": "edge"}},
        "max_execution_time": 100,
    }
    with serve(settings=lambda settings: replace(settings, execute=seeded)) as server:
        both = clients(server.endpoint)
        for client in both:
            backend = client.service.backend("local_heron")
            learner = client.NoiseLearnerV3(backend, options=client.NoiseLearnerV3Options(**options))
            jobs.append(learner.run(boxes_for(backend)))
            results.append(jobs[-1].result())
            with client.Session(backend=backend) as session:
                order = client.Calibrator(session, options={"experimental": {"x": 1}}).run()
                assert order.result().start <= order.result().stop
        # Each reads the other's job.
        crossed = [both[1 - place].service.job(job.job_id()) for place, job in enumerate(jobs)]
        results += [job.result() for job in crossed]
        inputs = [job.inputs for job in (*jobs, *crossed)]

    (learn, mine), (calibrate, my_order), (_, theirs), (_, their_order) = posted
    assert (learn, calibrate) == ("noise-learner", "calibrate")
    assert my_order == their_order
    (ours, other) = (params.pop("instructions") for params in (mine, theirs))
    assert mine == theirs
    assert ours["qpy_version"] == other["qpy_version"]
    for entry in inputs:
        assert entry["instructions"] == boxes_for(backend)
        assert entry["options"].bit_flip_checks.post_circuit.strategy == "edge"
        assert (entry["version"], entry["options"].execution.rep_delay) == (3, 1e-4)
    for result in results[1:]:
        for left, right in zip(results[0], result, strict=True):
            assert left._generators == right._generators
            np.testing.assert_array_equal(left._rates, right._rates)
            np.testing.assert_array_equal(left._rates_std, right._rates_std)
            assert left.metadata == right.metadata
        assert result.to_pauli_lindblad_maps() == results[0].to_pauli_lindblad_maps()
        assert result.to_dict(boxes_for(backend), False) == results[0].to_dict(boxes_for(backend), False)
