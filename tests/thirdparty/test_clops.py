"""CLOPS as qiskit-device-benchmarking measures it (clops/clops_benchmark.py), which is on no package registry.

A job in a session runs one PUB of layers of gates, with twirling or with many parameter sets, and an undocumented option;
circuit layers per second are counted from the end of its first execution span to the end of its last.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import QiskitRuntimeService, RuntimeJobV2, SamplerOptions, SamplerV2, Session
from qiskit_rest_primitives.execution_span import ExecutionSpans
from qiskit_rest_primitives.options.groups import TwirlingOptions

WIDTH, LAYERS, SHOTS, CIRCUITS = 4, 3, 20, 40
UNDOCUMENTED = {"execution": {"fast_parametric_update": True}}


def layers(angles: Iterable | None) -> QuantumCircuit:
    """Return layers of ``cz`` on neighbours and of one-qubit gates, with angles or fixed, and measurements."""
    circuit = QuantumCircuit(WIDTH, WIDTH)
    left = None if angles is None else iter(angles)
    for layer in range(LAYERS):
        for qubit in range(layer % 2, WIDTH - 1, 2):
            circuit.cz(qubit, qubit + 1)
        circuit.barrier()
        for qubit in range(WIDTH):
            for turn in range(3 if left else 1):
                if left:
                    circuit.rz(next(left), qubit)
                if turn < 2:
                    circuit.sx(qubit)
    circuit.barrier()
    circuit.measure(range(WIDTH), range(WIDTH))
    return circuit


def twirled(device: object) -> RuntimeJobV2:
    circuit = generate_preset_pass_manager(0, backend=device, initial_layout=range(WIDTH)).run(layers(None))
    twirling = TwirlingOptions(num_randomizations=CIRCUITS, shots_per_randomization=SHOTS, enable_gates=True)
    options = SamplerOptions(twirling=twirling, experimental=UNDOCUMENTED)
    with Session(backend=device) as session:
        return SamplerV2(mode=session, options=options).run([circuit], shots=SHOTS * CIRCUITS)


def parameterized(device: object) -> RuntimeJobV2:
    angles = ParameterVector("a", 3 * WIDTH * LAYERS)
    circuit = generate_preset_pass_manager(0, backend=device, initial_layout=range(WIDTH)).run(layers(angles))
    random = np.random.default_rng(5)
    values = [[random.uniform(0, np.pi * 2) for _ in angles] for _ in range(CIRCUITS)]
    options = SamplerOptions(experimental=UNDOCUMENTED)
    with Session(backend=device) as session:
        return SamplerV2(mode=session, options=options).run([(circuit, values, SHOTS)])


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
@pytest.mark.parametrize("kind", [twirled, parameterized])
def test_layers_per_second_can_be_counted_from_the_spans_of_a_job(lab: QiskitRuntimeService, kind) -> None:
    result = kind(lab.backend("local_heron")).result()

    execution_spans: ExecutionSpans = result.metadata["execution"]["execution_spans"]
    spans = execution_spans.sort()
    executed = sum(span.size for span in spans)
    clops = round(
        (executed - spans[0].size) * LAYERS / (spans.stop - spans[0].stop).total_seconds(),
    )
    assert executed == SHOTS * CIRCUITS
    assert clops > 0
