"""Jobs of our primitives over the program ``executor``, read by both clients, are equal to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import PauliLindbladMap, SparsePauliOp

from qiskit_rest_primitives import EstimatorV2, SamplerV2

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


FEW = {"twirling": {"num_randomizations": 3, "shots_per_randomization": 16}}
PEA = {"zne_mitigation": True, "zne": {"amplifier": "pea", "noise_factors": [1, 2], "extrapolator": "linear"}}


@pytest.mark.parametrize(
    "options",
    [
        {"resilience_level": 0},
        {"resilience_level": 1, "dynamical_decoupling": {"enable": True}},
        {"resilience_level": 2, **FEW},
        {"resilience_level": 0, "resilience": PEA, **FEW},
        {"resilience": {"pec_mitigation": True}, **FEW},
    ],
    ids=["raw", "readout", "folded", "amplified", "cancelled"],
)
def test_the_official_client_reads_our_estimators(options: dict[str, Any], ours: Any, official: Any) -> None:
    pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
    backend = ours.service.backend("local_heron")
    circuit = QuantumCircuit(2, metadata={"of": "mine"})
    vector = ParameterVector("t", 12)
    for index in range(12):
        circuit.rx(vector[index], index % 2)
    circuit.cz(0, 1)
    isa = generate_preset_pass_manager(1, backend=backend, seed_transpiler=2).run(circuit)
    observables = [[SparsePauliOp(label).apply_layout(isa.layout)] for label in ("ZZ", "XI")]
    pubs = [
        (isa, observables, np.linspace(0, 3, 36).reshape(3, 12)),
        (isa, observables[0][0], [0.1] * 12),
    ]
    estimator = EstimatorV2(backend, options={"default_shots": 48, "program": "executor", **options})
    if "pec" in str(options) or "pea" in str(options):
        layers = estimator.find_unique_layers(pubs)
        noise = [PauliLindbladMap.from_list([("I" * (len(it.qubits) - 1) + "Z", 0.01)]) for it in layers]
        estimator.options.resilience.layer_noise_model = zip(layers, noise, strict=True)

    job = estimator.run(pubs)

    mine, theirs = job.result(), official.service.job(job.job_id()).result()
    assert [pub.data.shape for pub in mine] == [pub.data.shape for pub in theirs] == [(2, 3), ()]
    for left, right in zip(mine, theirs, strict=True):
        assert set(left.data) == set(right.data)
        for name in right.data:
            assert np.array_equal(left.data[name], right.data[name], equal_nan=True)
        assert left.metadata["circuit_metadata"] == right.metadata["circuit_metadata"] == {"of": "mine"}
    assert mine.metadata["options"] == theirs.metadata["options"]
    assert (
        mine.metadata["shots"]
        == theirs.metadata["shots"]
        == (
            64
            if "twirling" not in options and options["resilience_level"]
            else 48  # at least 64 a randomization
        )
    )
