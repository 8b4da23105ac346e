"""``executor`` programs of the official client, and of ours beside them on the same server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.quantum_info import PauliLindbladMap

from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.registry import execute


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


def filled(program: Any, backend: Any) -> Any:
    """Append a sweep, a circuit without parameters, and randomised circuits with noise of their own."""
    samplomatic = pytest.importorskip("samplomatic", reason="pip install samplomatic to build samplex items")
    bell, turned = QuantumCircuit(2), QuantumCircuit(2, 1)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    turned.ry(Parameter("theta"), 0)
    turned.rx(Parameter("alpha"), 1)
    turned.cx(0, 1)
    turned.measure(0, 0)
    turned.measure_all()
    bell, turned = generate_preset_pass_manager(1, backend=backend, seed_transpiler=3).run([bell, turned])
    program.append_circuit_item(turned, circuit_arguments=np.linspace(0, 3, 12).reshape(2, 3, 2))
    program.append_circuit_item(bell)
    boxes = samplomatic.transpiler.generate_boxing_pass_manager(
        enable_gates=True,
        enable_measures=True,
        inject_noise_targets="gates",
        inject_noise_strategy="uniform_modification",
    )
    template, samplex = samplomatic.build(boxes.run(bell))
    (name,) = (
        spec.name.removeprefix("pauli_lindblad_maps.")
        for spec in samplex.inputs().specs
        if spec.name.startswith("pauli_lindblad_maps.")
    )
    noise = PauliLindbladMap.from_sparse_list([("XX", (0, 1), 0.2), ("Z", (1,), 0.1)], 2)
    program.append_samplex_item(
        template,
        samplex=samplex,
        samplex_arguments={
            f"pauli_lindblad_maps.{name}": noise,
            f"noise_scales.{name}": np.array([[0.0], [1.0]]),
        },
        shape=(2, 7),
    )
    return program


@pytest.mark.filterwarnings("ignore:Your current pending jobs:UserWarning")
@pytest.mark.parametrize("level", ["classified", "both", "avg_kerneled"])
def test_both_clients_get_equal_arrays_for_a_program(
    level: str, clients: Callable[[Any], tuple[Any, Any]]
) -> None:
    posted, results, found_again = [], [], []

    def seeded(program_id: str, params: bytes, device: Any) -> Any:
        posted.append(json.loads(params))
        return execute(program_id, params, device, seed=7)

    with serve(settings=lambda settings: replace(settings, execute=seeded)) as server:
        both = clients(server.endpoint)
        for client in both:
            backend = client.service.backend("local_heron")
            passed = {"mine": [1, None, "x"], "array": np.arange(3)}
            program = filled(client.QuantumProgram(60, meas_level=level, passthrough_data=passed), backend)
            options = client.ExecutorOptions(execution={"init_qubits": True}, max_execution_time=100)
            job = client.Executor(mode=backend, options=options).run(program)
            results.append(job.result())
            found_again.append((job.job_id(), job.inputs))
        # Each reads the other's job.
        crossed = [both[1 - place].service.job(job_id) for place, (job_id, _) in enumerate(found_again)]
        read = [(job.result(), job.inputs["quantum_program"]) for job in crossed]

    mine, theirs = results
    assert len(mine) == len(theirs) == 3
    for left, right, *others in zip(mine, theirs, *(result for result, _ in read), strict=True):
        assert set(left) == set(right)
        for name in left:
            assert (left[name].shape, left[name].dtype) == (right[name].shape, right[name].dtype)
            np.testing.assert_array_equal(left[name], right[name])
            for other in others:
                np.testing.assert_array_equal(left[name], other[name])
    for result in (mine, theirs, *(result for result, _ in read)):
        assert result.passthrough_data["mine"] == [1, None, "x"]
        assert result.passthrough_data["array"].tolist() == [0, 1, 2]
        sizes = Counter[int]()  # a large item may run in several chunks
        for part in (part for span in result.timing for part in span.parts):
            sizes[part.idx_item] += part.size
        assert sizes == {0: 6, 1: 1, 2: 14}
    for program in (*(inputs["quantum_program"] for _, inputs in found_again), *(inner for _, inner in read)):
        assert (program.shots, [item.shape for item in program.items]) == (60, [(2, 3), (), (2, 7)])
    first, second = posted
    assert first.keys() == second.keys()
    assert first["quantum_program"].keys() == second["quantum_program"].keys()
    # What is set is sent; the rest is the service's own default.
    assert first["options"] == {"init_qubits": True}
    assert second["options"].items() >= first["options"].items()
