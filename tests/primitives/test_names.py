"""Names and metadata are the user's own: at once, in ``inputs``, and for somebody who opens the job elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumCircuit

from qiskit_rest_primitives import EstimatorV2, SamplerV2

METADATA = {"a": [1, {"b": None}], "é": "ü", "f": 0.1, "nested": {"1": True}}
REGISTERS = ["while", "μ é", "3x", "C", "c-1", "__type__", "samples", "cx"]
SCALARS = ["in", "a b", "a-b", "_a_b", "2", "Z", "p00001"]
ELSEWHERE = """
import json, sys
from qiskit_rest_primitives import QiskitRuntimeService
place, ids = json.load(sys.stdin)
service = QiskitRuntimeService(channel="local", **place)
found = []
for job in map(service.job, ids):
    inputs, pub = job.inputs, job.result(timeout=600)[0]
    sent = [[entry[0].metadata, entry[0].name] for entry in inputs.get("pubs", [])]
    found.append([list(pub.data), pub.metadata["circuit_metadata"], sent])
print(json.dumps(found))
"""


def named(*, measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(2, metadata=METADATA, name="näme \n x")
    for parameter in [*ParameterVector("θ", 11), *map(Parameter, SCALARS)]:
        circuit.rx(parameter, 0)
    circuit.ry(2 * circuit.parameters[0] + 0.1, 1)
    if measured:
        for name in REGISTERS:
            register = ClassicalRegister(2, name)
            circuit.add_register(register)
            circuit.measure([0, 1], register)
    return circuit


FORMS = [
    (form, plain, private)
    for form in ("qasm3", "qpy")
    for plain in (True, False)
    for private in (True, False)
]


def test_metadata_and_registers_are_those_of_the_circuit_wherever_the_job_is_opened(service: Any) -> None:
    backend = service.backend("aer_simulator")
    jobs = []
    for circuit_format, plain, private in FORMS:
        options = {
            "circuit_format": circuit_format,
            "support_qiskit": not plain,
            "environment": {"private": private},
        }
        values = [0.1 * k for k in range(18)]
        jobs.append(SamplerV2(backend, options=options).run([(named(), values)], shots=5))
        jobs.append(EstimatorV2(backend, options=options).run([(named(measured=False), "ZZ", values)]))
    for job in jobs:
        job.wait_for_final_state(timeout=600)
    account = service.active_account()
    place = {name: account[name] for name in ("url", "token", "instance")}

    ended = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps([place, [job.job_id() for job in jobs]]),
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=900,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-2000:]
    for job, (fields, metadata, sent) in zip(jobs, json.loads(ended.stdout), strict=True):
        assert metadata == METADATA
        if job.primitive_id == "sampler":
            assert fields == REGISTERS
        assert sent == ([] if job.private else [[METADATA, named().name]])
        if not job.private:  # of a private job, the service gives the result once
            assert job.result()[0].metadata["circuit_metadata"] == METADATA


@pytest.mark.parametrize("circuit_format", ["qasm3", "qpy"])
@pytest.mark.parametrize("support_qiskit", [True, False])
def test_inputs_are_in_the_users_names_and_can_be_run_again(
    circuit_format: str, support_qiskit: bool, service: Any
) -> None:
    backend = service.backend("aer_simulator")
    options = {"circuit_format": circuit_format, "support_qiskit": support_qiskit}
    circuit = named()
    values = np.linspace(0, 1, 36).reshape(2, 18)

    job = SamplerV2(backend, options=options).run([(circuit, values, 7)])
    sent, given, shots = job.inputs["pubs"][0]

    own = [parameter.name for parameter in circuit.parameters]
    names = [parameter.name for parameter in sent.parameters]
    assert [name for name in names if name in own] == own
    assert [register.name for register in sent.cregs] == REGISTERS
    assert (sent.metadata, sent.name, shots) == (METADATA, circuit.name, 7)
    by_name = {name: list(given[name]) for name in own} if isinstance(given, dict) else None
    assert by_name == {name: list(values[:, index]) for index, name in enumerate(own)}
    again = SamplerV2(backend).run([(sent, given, shots)]).result()[0]
    assert again.data["while"].shape == (2,)
