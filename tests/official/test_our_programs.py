"""Jobs of our SamplerV2 over the program ``executor``, read by both clients, are equal to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import ParameterVector

from qiskit_rest_primitives import SamplerV2

pytest.importorskip(
    "qiskit_ibm_runtime.executor_sampler", reason="pip install qiskit-ibm-runtime>=0.51 to compare with it"
)

pytestmark = pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")

TWIRLED = {"twirling": {"enable_gates": True, "enable_measure": True, "num_randomizations": 4}}


@pytest.mark.parametrize(
    "options",
    [
        {},
        TWIRLED,
        {"twirling": {"enable_measure": True, "strategy": "all", "shots_per_randomization": 8}},
        {"dynamical_decoupling": {"enable": True, "sequence_type": "XpXm"}},
        {**TWIRLED, "dynamical_decoupling": {"enable": True}},
        {"execution": {"meas_type": "kerneled"}},
        {"execution": {"meas_type": "avg_kerneled"}, "twirling": {"enable_gates": True}},
        {"default_shots": 7, "max_execution_time": 60, "environment": {"job_tags": ["of ours"]}},
    ],
)
def test_the_official_client_reads_our_programs(options: dict[str, Any], ours: Any, official: Any) -> None:
    backend = ours.service.backend("local_heron")
    circuit = QuantumCircuit(
        QuantumRegister(2), ClassicalRegister(1, "low"), ClassicalRegister(1, "high"), metadata={"of": "mine"}
    )
    vector = ParameterVector("t", 12)
    for index in range(12):
        circuit.rx(vector[index], index % 2)
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    isa = generate_preset_pass_manager(1, backend=backend, seed_transpiler=2).run(circuit)
    values = np.linspace(0, 3, 72).reshape(2, 3, 12)
    sampler = SamplerV2(backend, options={"default_shots": 32, "program": "executor", **options})

    job = sampler.run([(isa, values), (isa, values[0, 0])])

    mine, theirs = job.result(), official.service.job(job.job_id()).result()
    assert len(mine) == len(theirs) == 2
    for left, right in zip(mine, theirs, strict=True):
        assert (list(left.data), left.data.shape) == (["low", "high"], right.data.shape)
        for name in right.data:
            if options.get("execution"):
                assert np.array_equal(left.data[name], right.data[name])
            else:
                assert np.array_equal(left.data[name].array, right.data[name].array)
        assert left.metadata["circuit_metadata"] == right.metadata["circuit_metadata"] == {"of": "mine"}
        assert left.metadata["num_randomizations"] == right.metadata.get("num_randomizations")
    assert mine.metadata["options"] == theirs.metadata["options"]
    assert mine.metadata["shots"] == theirs.metadata["shots"]
