"""Jobs of other clients, seen through ours: what can be read is read, what cannot is shown as it was sent."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from qiskit.circuit import Parameter, QuantumCircuit

from qiskit_rest_primitives import IBMBackend, RuntimeJobV2, SamplerV2
from qiskit_rest_primitives.jobs.inputs import load_inputs, recover
from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.wire.expected import DecodeHints
from qiskit_rest_primitives.wire.models import JobRecord

FOREIGN = """OPENQASM 3.0;
include "stdgates.inc";
input float theta;
bit[2] flips;
qubit[2] q;
rx(theta) q[0];
x q[1];
flips[0] = measure q[0];
flips[1] = measure q[1];
"""


@pytest.fixture
def backend(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


def test_a_job_of_another_client_is_read_with_its_own_names(service: Any, backend: IBMBackend) -> None:
    params = {"pubs": [[FOREIGN, {"theta": [0.0, 3.141592653589793]}, 20]], "support_qiskit": False}
    record = backend.api.create_job({"program_id": "sampler", "backend": backend.name, "params": params})
    job = service.job(record.id)
    data = job.result(timeout=600)[0].data

    assert data.shape == (2,)
    assert data.flips.get_counts(0) == {"10": 20}
    assert data.flips.get_counts(1) == {"11": 20}
    circuit, values, shots = job.inputs["pubs"][0]
    assert [register.name for register in circuit.cregs] == ["flips"]
    assert values == {"theta": [0.0, 3.141592653589793]}
    assert shots == 20


def test_a_found_job_finds_its_backend(service: Any, backend: IBMBackend) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    made = SamplerV2(mode=backend).run([circuit])
    job = service.job(made.job_id())

    assert job.backend() == backend
    assert job.backend() is job.backend()
    assert job.primitive_id == "sampler"


def test_a_retired_backend_is_none(service: Any) -> None:
    job = RuntimeJobV2(JobRecord("j1", backend="gone_and_forgotten"), service=service)

    assert job.backend() is None


def test_a_circuit_that_cannot_be_read_is_shown_as_it_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        inputs = load_inputs({"pubs": [["OPENQASM 9; nonsense", None]], "options": {"a": 1}})

    assert inputs == {"pubs": [("OPENQASM 9; nonsense", None)], "options": {"a": 1}}
    assert "shown as it was sent" in caplog.text


@pytest.mark.parametrize("params", [None, {}, {"pubs": []}, {"pubs": "text"}, {"quantum_program": {}}])
def test_without_pubs_nothing_is_recovered(params: Any) -> None:
    assert recover(params, program_id="sampler") == DecodeHints()


def test_one_foreign_circuit_leaves_all_names_alone() -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    ours = dump_circuit(circuit).wire

    both = recover({"pubs": [[ours], [FOREIGN, {"theta": 0.1}]]}, program_id="sampler")
    assert both.maps is None
    assert both.shapes == ((), ())
    assert recover({"pubs": [[ours], ["nonsense"]]}, program_id="sampler").shapes is None
    alone = recover({"pubs": [ours]}, program_id="sampler")
    assert alone.maps is not None
    assert [register.name for register in alone.maps[0].registers] == ["meas"]


def test_what_the_journal_keeps_comes_back_equal() -> None:
    circuit = QuantumCircuit(1, metadata={"k": [1, "ü"]})
    circuit.rx(Parameter("θ"), 0)
    circuit.measure_all()
    kept = DecodeHints((dump_circuit(circuit).map,), ((2, 3),))

    assert DecodeHints.from_text(kept.to_text()) == kept
    assert DecodeHints.from_text(None) == DecodeHints()
