"""Noise is done to what the user wrote: every kind of noise on every instruction by every route, against Aer itself.

The reference is ``AerSimulator.run`` of the original circuit with the original noise model (faults A1 to A4, and
instructions of Aer in circuits, fault B). Where Aer does not run an instruction by its name, the reference is its matrix
under that name.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import DiagonalGate, RYGate, SXGate, UGate, UnitaryGate
from qiskit.quantum_info import Operator, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)

from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2
from qiskit_rest_primitives.wire.circuits import CircuitRefusedError, dump_circuit
from qiskit_rest_primitives.wire.noise_model import distinguished

WIDTH = 4
SHOTS = 2000
UNLIKELY = 6.0
"""How many standard deviations a chi-square may exceed its mean: one of 10**7 does, and seeds are fixed."""

Put = Callable[[QuantumCircuit], object]

INSTRUCTIONS: dict[str, tuple[int, Put]] = {
    "id": (1, lambda q: q.id(0)),
    "x": (1, lambda q: q.x(0)),
    "h": (1, lambda q: q.h(0)),
    "sx": (1, lambda q: q.sx(0)),
    "rz": (1, lambda q: q.rz(0.4, 0)),
    "p": (1, lambda q: q.p(0.4, 0)),
    "u": (1, lambda q: q.u(0.1, 0.2, 0.3, 0)),
    "u3": (1, lambda q: q.append(UGate(0.1, 0.2, 0.3), [0])),
    "delay": (1, lambda q: q.delay(100, 0)),
    "reset": (1, lambda q: q.reset(0)),
    "initialize": (1, lambda q: q.initialize([0.6, 0.8], 0)),
    "unitary": (1, lambda q: q.unitary(random_unitary(2, seed=1), 0)),
    "diagonal": (2, lambda q: q.append(DiagonalGate([1, 1j, -1, 1]), [0, 1])),
    "cx": (2, lambda q: q.cx(0, 1)),
    "cz": (2, lambda q: q.cz(0, 1)),
    "swap": (2, lambda q: q.swap(0, 1)),
    "ecr": (2, lambda q: q.ecr(0, 1)),
    "rzz": (2, lambda q: q.rzz(0.3, 0, 1)),
    "cp": (2, lambda q: q.cp(0.3, 0, 1)),
    "crx": (2, lambda q: q.crx(0.3, 0, 1)),
    "cry": (2, lambda q: q.cry(0.3, 0, 1)),
    "crz": (2, lambda q: q.crz(0.3, 0, 1)),
    "cu": (2, lambda q: q.cu(0.1, 0.2, 0.3, 0.4, 0, 1)),
    "cu1": (2, lambda q: q.append(_standard("cu1", 0.3), [0, 1])),
    "csx": (2, lambda q: q.csx(0, 1)),
    "ccx": (3, lambda q: q.ccx(0, 1, 2)),
    "ccz": (3, lambda q: q.ccz(0, 1, 2)),
    "cswap": (3, lambda q: q.cswap(0, 1, 2)),
    "mcphase": (3, lambda q: q.mcp(0.3, [0, 1], 2)),
    "mcx": (4, lambda q: q.mcx([0, 1, 2], 3)),
}
"""By name: the qubits of the error bound to it, and how it gets into a circuit."""

ONLY_HERE: dict[str, tuple[int, Put]] = {
    "ch": (2, lambda q: q.ch(0, 1)),
    "cs": (2, lambda q: q.cs(0, 1)),
    "dcx": (2, lambda q: q.dcx(0, 1)),
    "iswap": (2, lambda q: q.iswap(0, 1)),
    "rccx": (3, lambda q: q.rccx(0, 1, 2)),
    "composite": (2, lambda q: q.append(_composite(), [0, 1])),
}
"""What Aer does not run by name."""


def _standard(name: str, *angles: float):
    from qiskit.circuit.library import get_standard_gate_name_mapping

    return get_standard_gate_name_mapping()[name].base_class(*angles)


def _composite():
    inner = QuantumCircuit(2, name="composite")
    inner.x(0)
    inner.cx(0, 1)
    return inner.to_gate()


def _relaxing() -> QuantumError:
    return thermal_relaxation_error(100.0, 120.0, 60.0)


def _spread(single: QuantumError) -> Callable[[int], QuantumError]:
    """Return how an error of one qubit acts on several: on each."""

    def error(count: int) -> QuantumError:
        return single if count == 1 else error(count - 1).tensor(single)

    return error


KINDS: dict[str, Callable[[int], QuantumError]] = {
    "pauli": lambda count: pauli_error(
        [("X" * count, 0.3), ("I" * (count - 1) + "Y", 0.2), ("I" * count, 0.5)]
    ),
    "depolarizing": lambda count: depolarizing_error(0.3, count),
    "thermal relaxation": _spread(_relaxing()),
    "amplitude damping": _spread(amplitude_damping_error(0.4)),
    "coherent": lambda count: coherent_unitary_error(
        Operator(RYGate(0.7)).tensor(Operator(np.eye(2 ** (count - 1)))).data
    ),
    "reset": _spread(reset_error(0.4, 0.1)),
}


def quiet(circuit: QuantumCircuit, gate: type, *angles: float) -> None:
    """Put a gate on every qubit that is no noisy one: its label hides its name."""
    for qubit in range(WIDTH):
        circuit.append(gate(*angles, label="plain"), [qubit])


def around(put: Put, *, measured: bool = True) -> QuantumCircuit:
    """Return a circuit in which phases and all qubits matter."""
    circuit = QuantumCircuit(WIDTH, WIDTH if measured else 0)
    quiet(circuit, RYGate, 0.8)
    put(circuit)
    quiet(circuit, SXGate)
    if measured:
        circuit.measure(range(WIDTH), range(WIDTH))
    return circuit


def as_matrix(name: str, put: Put) -> Put:
    """Return how to put an instruction as its matrix, with its name as the label."""
    count = ONLY_HERE[name][0]
    alone = QuantumCircuit(count)
    put(alone)
    gate = UnitaryGate(Operator(alone).data, label=name)
    return lambda circuit: circuit.append(gate, range(count))


def on_all(kind: str) -> NoiseModel:
    """Return noise on all instructions, by name."""
    model = NoiseModel()
    for name, (count, _) in {**INSTRUCTIONS, **ONLY_HERE}.items():
        model.add_all_qubit_quantum_error(KINDS[kind](count), name, warnings=False)
    return model


def on_simple_gates(kind: str) -> NoiseModel:
    """Return noise on what other instructions are written out as."""
    model = NoiseModel()
    for name, (count, _) in INSTRUCTIONS.items():
        if name in ("x", "h", "sx", "rz", "p", "u", "u3", "cx", "cp", "ccx", "reset"):
            model.add_all_qubit_quantum_error(KINDS[kind](count), name, warnings=False)
    for name in ("t", "tdg", "s", "sdg", "ry", "rx", "u1", "u2"):
        model.add_all_qubit_quantum_error(KINDS[kind](1), name, warnings=False)
    return model


def on_places(kind: str) -> NoiseModel:
    """Return noise on some qubits, and other noise on others."""
    model = NoiseModel()
    for name, (count, _) in {**INSTRUCTIONS, **ONLY_HERE}.items():
        model.add_quantum_error(KINDS[kind](count), name, list(range(count)), warnings=False)
        elsewhere = [(qubit + 1) % WIDTH for qubit in range(count)]
        model.add_quantum_error(KINDS["depolarizing"](count), name, elsewhere, warnings=False)
    return model


MODELS: dict[str, NoiseModel] = {
    **{f"{kind} on all": on_all(kind) for kind in KINDS},
    **{
        f"{kind} on simple gates": on_simple_gates(kind)
        for kind in ("pauli", "amplitude damping", "coherent")
    },
    **{f"{kind} on places": on_places(kind) for kind in ("pauli", "reset")},
}

CIRCUITS = {name: (around(put), around(put)) for name, (_, put) in INSTRUCTIONS.items()} | {
    name: (around(put), around(as_matrix(name, put))) for name, (_, put) in ONLY_HERE.items()
}
"""By name: the circuit that is sent, and that which Aer is given."""


def reference(circuits: list[QuantumCircuit], model: NoiseModel | None) -> list[dict[str, int]]:
    result = AerSimulator(noise_model=model, seed_simulator=5).run(circuits, shots=SHOTS).result()
    return [result.get_counts(index) for index in range(len(circuits))]


def sampled(circuits: list[QuantumCircuit], sampler: SamplerV2) -> list[dict[str, int]]:
    sampler.options.simulator.seed_simulator = 11
    result = sampler.run(circuits, shots=SHOTS).result()
    return [next(iter(pub.data.values())).get_counts() for pub in result]


def differs(ours: dict[str, int], theirs: dict[str, int]) -> bool:
    """Tell whether two sets of counts come from different distributions, by chi-square."""
    keys = sorted({*ours, *theirs})
    counts = np.array([[one.get(key, 0) for key in keys] for one in (ours, theirs)], dtype=float)
    rare = counts.sum(axis=0) < 10
    counts = np.hstack([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)])
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=0) / 2
    freedom = counts.shape[1] - 1
    if not freedom:
        return False
    excess = ((counts - expected) ** 2 / expected).sum() - freedom
    return bool(excess > UNLIKELY * np.sqrt(2 * freedom) + UNLIKELY)


def wrong(names: list[str], ours: list[dict[str, int]], theirs: list[dict[str, int]]) -> list[str]:
    return [
        f"{name}: {one}, not {other}"
        for name, one, other in zip(names, ours, theirs, strict=True)
        if differs(one, other)
    ]


def sampler_of(route: str, model: NoiseModel) -> SamplerV2:
    if route == "options":
        backend = QiskitRuntimeService(channel="local").backend("aer_simulator")
        return SamplerV2(backend, options={"simulator": {"noise_model": model}})
    form = "auto" if route == "backend" else route
    return SamplerV2(AerSimulator(noise_model=model), options={"circuit_format": form})


@pytest.mark.parametrize(("name", "route"), list(product(MODELS, ["backend", "options", "qpy", "qasm3"])))
def test_a1_a2_a3_a4_samples_are_those_of_aer(name: str, route: str) -> None:
    model = MODELS[name]
    names = [*CIRCUITS]
    if route == "qasm3":
        names = [each for each in names if is_text(CIRCUITS[each][0], model)]
    ours = sampled([CIRCUITS[each][0] for each in names], sampler_of(route, model))
    theirs = reference([run_by_aer(each, model) for each in names], model)

    assert not wrong(names, ours, theirs)


def run_by_aer(name: str, model: NoiseModel) -> QuantumCircuit:
    """Return what Aer is given: what it does not know by name is a matrix, or its parts if only they have noise."""
    sent, matrix = CIRCUITS[name]
    if name not in ONLY_HERE:
        return sent
    return matrix if distinguished(model).meets(name) else sent.decompose([name])


def is_text(circuit: QuantumCircuit, model: NoiseModel) -> bool:
    """Tell whether OpenQASM 3 carries what a noise model tells apart in a circuit, labels aside that it does not know."""
    try:
        dump_circuit(circuit, circuit_format="qasm3", noise=distinguished(model))
    except CircuitRefusedError:
        return False
    return True


def test_there_are_more_than_three_hundred_cases() -> None:
    assert len(MODELS) * len(CIRCUITS) >= 300
