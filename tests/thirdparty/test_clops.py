"""CLOPS as qiskit-device-benchmarking measures it (clops/clops_benchmark.py), which is on no package registry.

A job in a session runs layers of gates with twirling and an undocumented option; circuit layers per second are counted
from the end of its first execution span to the end of its last.
"""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import QiskitRuntimeService, SamplerOptions, SamplerV2, Session
from qiskit_rest_primitives.options import TwirlingOptions

WIDTH, LAYERS, SHOTS, CIRCUITS = 4, 3, 20, 40
UNDOCUMENTED = {"execution": {"fast_parametric_update": True}}


def layers(angles: ParameterVector | None) -> QuantumCircuit:
    """Return layers of ``cz`` on neighbours and of one-qubit gates, with angles or fixed, and measurements."""
    circuit = QuantumCircuit(WIDTH, WIDTH)
    for layer in range(LAYERS):
        for qubit in range(layer % 2, WIDTH - 1, 2):
            circuit.cz(qubit, qubit + 1)
        circuit.barrier()
        for qubit in range(WIDTH):
            if angles is not None:
                circuit.rz(angles[layer * WIDTH + qubit], qubit)
            circuit.sx(qubit)
        circuit.barrier()
    circuit.measure(range(WIDTH), range(WIDTH))
    return circuit


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
def test_layers_per_second_can_be_counted_from_the_spans_of_a_job(lab: QiskitRuntimeService) -> None:
    device = lab.backend("local_heron")
    passes = generate_preset_pass_manager(0, backend=device, initial_layout=range(WIDTH))
    angles = ParameterVector("a", WIDTH * LAYERS)
    twirling = TwirlingOptions(num_randomizations=CIRCUITS, shots_per_randomization=SHOTS, enable_gates=True)
    table = np.random.default_rng(5).uniform(0, 2 * np.pi, (CIRCUITS, len(angles)))

    with Session(backend=device) as session:
        twirled = SamplerV2(session, SamplerOptions(twirling=twirling, experimental=UNDOCUMENTED))
        fixed = passes.run(layers(None))
        one = twirled.run([fixed, fixed], shots=SHOTS * CIRCUITS)
        plain = SamplerV2(session, SamplerOptions(experimental=UNDOCUMENTED))
        two = plain.run([(passes.run(layers(angles)), table, SHOTS)])

    assert {one.session_id, two.session_id} == {session.session_id}
    spans = one.result().metadata["execution"]["execution_spans"].sort()
    assert [span.size for span in spans] == [SHOTS * CIRCUITS] * 2
    layers_done = (sum(span.size for span in spans) - spans[0].size) * LAYERS
    assert layers_done / (spans.stop - spans[0].stop).total_seconds() > 0
    # The parameterized kind: every set of angles has its shots.
    result = two.result()
    assert result[0].data.c.shape == (CIRCUITS,)
    assert result.metadata["execution"]["execution_spans"][0].size == SHOTS * CIRCUITS
