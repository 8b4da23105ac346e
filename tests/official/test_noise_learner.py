"""``NoiseLearner`` of the official client, and ours beside it on the same server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager

from qiskit_rest_primitives.qasm.codec import load_circuit
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.registry import execute

pytestmark = pytest.mark.filterwarnings(
    "ignore:The (NoiseLearner|SamplerV2|EstimatorV2) class is deprecated:DeprecationWarning",
    "ignore:Specifying different:DeprecationWarning",
)
OPTIONS: dict[str, Any] = {
    "max_layers_to_learn": 2,
    "shots_per_randomization": 16,
    "num_randomizations": 2,
    "layer_pair_depths": [0, 4],
    "twirling_strategy": "active",
    "simulator": {"seed_simulator": 5},
    "environment": {"job_tags": ["learned"]},
}
Both = tuple[Any, Any]


def ghz(backend: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    passes = generate_preset_pass_manager(1, backend=backend, initial_layout=[0, 1, 2], seed_transpiler=1)
    isa: QuantumCircuit = passes.run(circuit)
    return isa


def facts(result: Any) -> list[Any]:
    return [
        (
            layer.qubits,
            [
                (step.name, [layer.circuit.find_bit(bit).index for bit in step.qubits])
                for step in layer.circuit
            ],
            layer.error.generators.to_labels(),
            layer.error.rates.tolist(),
        )
        for layer in result
    ]


@pytest.fixture(scope="module")
def learned(shared: Any, official: Any, ours: Any) -> tuple[list[Any], list[Any]]:
    """Run the same job with both clients: the results, and the jobs as our client finds them."""
    results, jobs = [], []
    for client in (ours, official):
        backend = client.service.backend("local_heron")
        options = client.NoiseLearnerOptions(**OPTIONS)
        job = client.NoiseLearner(backend, options).run(
            [ghz(backend), (ghz(backend), "Z" * backend.num_qubits)]
        )
        results.append(job.result())
        jobs.append(ours.service.job(job.job_id()))
    return results, jobs


def test_both_learn_the_same(learned: Any) -> None:
    (mine, theirs), _ = learned
    assert facts(mine) == facts(theirs)
    assert [layer.qubits for layer in mine] == [[0, 1], [1, 2]]
    assert len(mine[0].error.rates) == 15
    assert mine.metadata == theirs.metadata


def test_each_reads_the_job_of_the_other(learned: Any, official: Any) -> None:
    (mine, _), jobs = learned
    for job in jobs:
        assert facts(job.result()) == facts(mine)
        assert facts(official.service.job(job.job_id()).result()) == facts(mine)


def test_both_ask_for_the_same(clients: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[dict[str, Any]] = []

    def keep(program_id: str, params: bytes, device: Any) -> Any:
        posted.append({"program_id": program_id, **json.loads(params)})
        return execute(program_id, params, device, seed=1)

    with serve(settings=lambda settings: replace(settings, execute=keep)) as server:
        for client in clients(server.endpoint):
            backend = client.service.backend("local_heron")
            learner = client.NoiseLearner(
                backend,
                client.EstimatorOptions(
                    resilience={
                        "layer_noise_learning": {"num_randomizations": 2, "layer_pair_depths": [0, 1]}
                    },
                    twirling={"strategy": "all"},
                    default_shots=3,
                ),
            )
            learner.options.twirling_strategy = "active"
            learner.options.max_layers_to_learn = None
            learner.run([ghz(backend)]).wait_for_final_state()
    mine, theirs = posted
    assert mine["program_id"] == theirs["program_id"] == "noise-learner"
    assert mine["options"] == theirs["options"]
    assert mine["options"] == {
        "num_randomizations": 2,
        "layer_pair_depths": [0, 1],
        "max_layers_to_learn": None,
        "twirling_strategy": "active",
        "support_qiskit": True,
    }
    # The official client leaves the version out, which the schema has.
    assert (mine.keys() - theirs.keys(), mine["version"]) == ({"version"}, 2)
    (own,), (other,) = (
        [load_circuit(circuit) for circuit in params["circuits"]] for params in (mine, theirs)
    )
    gates = [
        [
            (step.name, [circuit.find_bit(bit).index for bit in step.qubits])
            for step in circuit
            if step.name == "cz"
        ]
        for circuit in (own, other)
    ]
    assert gates[0] == gates[1] != []
    assert own.num_qubits == other.num_qubits > 100
