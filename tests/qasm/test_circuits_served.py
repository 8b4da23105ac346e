"""Random circuits through client and server: what comes back over HTTP is what Qiskit says of the original.

The circuits are those of ``make_circuit`` (conftest): hostile names, parameters and expressions, custom gates,
measurements, control flow. Counts are compared, outcome by outcome and all registers jointly, with the exact
distribution of the original circuit; expectation values with its exact state. Each circuit is one seed; those
that once came back wrong are in ``FOUND``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import ClassicalRegister
from qiskit.primitives import StatevectorEstimator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import CouplingMap

from qiskit_rest_primitives import EstimatorV2, SamplerV2
from qiskit_rest_primitives.qasm.canonical import CircuitDumpError
from qiskit_rest_primitives.qasm.codec import dump_circuit, restore_circuit

SHOTS = 1000
PUBS_PER_JOB = 25
pytestmark = pytest.mark.filterwarnings(
    "ignore::scipy.sparse.SparseEfficiencyWarning",
    "ignore:.*CSC.*:Warning",
    "ignore:.*no classical:UserWarning",
)

FOUND = {
    "auto": [
        11_991,  # an addition in a condition, in a circuit that travels as QPY
        12_859,  # the index of a loop that its body does not use
    ],
    "qpy": [
        47,  # the index of a loop that its body does not use
        66,  # a Clifford
        71,  # a constant as condition
        78,  # one bit of a register as condition
        89,  # a loop with the same index twice
        121,  # a register as condition: wrong counts without a word
        145,  # an expression that cancels to a negative number, as angle
        153,  # a switch on a loose bit: wrong counts without a word
        644,  # break in a loop with the same index twice
        1330,  # an expression that is negative once the index of its loop is put in
    ],
}


class Example(NamedTuple):
    """A circuit, its parameters' values, and the probability of each joint setting of its registers."""

    seed: int
    circuit: QuantumCircuit
    values: dict[Any, float]
    expected: dict[tuple[int, ...], float]


@pytest.fixture(scope="module")
def backend(service: Any) -> Any:
    return service.backend("aer_simulator")


def expected_counts(exact: Any, circuit: QuantumCircuit, values: dict) -> dict[tuple[int, ...], float]:
    """Return the probability of each joint setting of the registers, as numbers in their order."""
    places = {bit: index for index, bit in enumerate(circuit.clbits)}
    registers = [[places[bit] for bit in register] for register in circuit.cregs]
    found: dict[tuple[int, ...], float] = {}
    for key, rho in exact(circuit, values).final.items():
        numbers = tuple(sum((key >> place & 1) << k for k, place in enumerate(bits)) for bits in registers)
        found[numbers] = found.get(numbers, 0.0) + float(np.trace(rho).real)
    return found


def all_measured(_: Any, circuit: QuantumCircuit, values: dict) -> dict[tuple[int, ...], float]:
    """Return what ``expected_counts`` does for a circuit that measures all it has at the end, much quicker."""
    state = Statevector(circuit.remove_final_measurements(inplace=False).assign_parameters(values))
    return {(number,): float(chance) for number, chance in enumerate(state.probabilities())}


def seen_counts(circuit: QuantumCircuit, data: Any) -> Counter[tuple[int, ...]]:
    columns = []
    for register in circuit.cregs:
        packed = data[register.name].array
        columns.append([int.from_bytes(row.tobytes(), "big") for row in packed])
    return Counter(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def examples(make_circuit: Any, exact: Any, endless: type[Exception]) -> Any:
    """Yield the examples that seeds make; a loop without end or an empty register, which is refused, makes none."""

    def make(seeds: Iterable[int], *, wide: bool = False) -> Any:
        for seed in seeds:
            made = make_circuit(seed, dynamic=True, wide=wide)
            circuit = made.circuit
            if not circuit.cregs or not all(len(register) for register in circuit.cregs):
                continue
            try:
                yield Example(seed, circuit, made.values, expected_counts(exact, circuit, made.values))
            except endless:
                continue

    return make


def can_travel(circuit: QuantumCircuit, circuit_format: str) -> bool:
    """Tell whether a form can carry a circuit: in QPY, Qiskit 2.6 loses the units of delays in seconds."""
    try:
        dump_circuit(circuit, circuit_format=circuit_format)
    except CircuitDumpError:
        return False
    return True


def sample_and_compare(found: Iterable[Example], backend: Any, circuit_format: str = "auto") -> int:
    many = [example for example in found if can_travel(example.circuit, circuit_format)]
    options = {"circuit_format": circuit_format, "simulator": {"seed_simulator": many[0].seed}}
    sampler = SamplerV2(backend, options=options)
    for start in range(0, len(many), PUBS_PER_JOB):
        batch = many[start : start + PUBS_PER_JOB]
        result = sampler.run([(example.circuit, example.values) for example in batch], shots=SHOTS).result()
        for example, pub in zip(batch, result, strict=True):
            seen = seen_counts(example.circuit, pub.data)
            assert sum(seen.values()) == SHOTS
            for outcome in {*example.expected, *seen}:
                mean = SHOTS * min(max(example.expected.get(outcome, 0.0), 0.0), 1.0)
                if mean < 1e-9 * SHOTS:
                    assert seen[outcome] == 0, (example.seed, outcome)
                    continue
                # Five standard deviations; the added five counts cover the skew of rare outcomes.
                allowed = 5 * math.sqrt(mean * (1 - mean / SHOTS)) + 5
                assert abs(seen[outcome] - mean) <= allowed, (example.seed, outcome)
    return len(many)


@pytest.mark.parametrize(
    ("circuit_format", "seed"), [(form, seed) for form, seeds in FOUND.items() for seed in seeds]
)
def test_circuits_that_once_failed(circuit_format: str, seed: int, examples: Any, backend: Any) -> None:
    assert sample_and_compare(examples([seed]), backend, circuit_format) == 1


@pytest.mark.parametrize("part", range(4))
def test_dynamic_circuits_are_sampled_as_they_were_meant(part: int, examples: Any, backend: Any) -> None:
    assert sample_and_compare(examples(range(100 * part, 100 * part + 100)), backend) > 50


def test_dynamic_circuits_that_travel_as_qpy_are_sampled_as_they_were_meant(
    examples: Any, backend: Any
) -> None:
    assert sample_and_compare(examples(range(5000, 5080)), backend, "qpy") > 40


def test_wide_dynamic_circuits_are_sampled_as_they_were_meant(examples: Any, backend: Any) -> None:
    assert sample_and_compare(examples(range(6000, 6015), wide=True), backend) > 5


def test_the_circuits_have_all_that_circuits_can_have(make_circuit: Any, ingredients: Any) -> None:
    seen: Counter[str] = Counter()
    for seed in range(200):
        seen.update(ingredients(make_circuit(seed, dynamic=True)))
        seen.update(ingredients(make_circuit(seed, dynamic=False)))
    rare = {name for name, count in seen.items() if count < 5}

    assert {f"{count} qubits" for count in range(1, 9)} <= set(seen)
    assert {
        "1 classical registers", "2 classical registers", "3 classical registers", "several quantum registers",
        "overlapping registers", "a loose bit", "a hostile name",
        "no parameter", "more than 10 parameters", "a vector element", "a single parameter", "an expression",
        "a custom gate", "an open control", "a gate after a measurement",
        "if_else", "switch_case", "for_loop", "while_loop", "box", "a general condition", "nested control flow",
    } <= set(seen) - rare  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize("circuit_format", ["auto", "qpy"])
@pytest.mark.parametrize("part", range(5))
def test_many_dynamic_circuits_are_sampled_as_they_were_meant(
    part: int, circuit_format: str, examples: Any, backend: Any
) -> None:
    first, least = 10_000 + 600 * part, {"auto": 340, "qpy": 270}[circuit_format]

    assert sample_and_compare(examples(range(first, first + 600)), backend, circuit_format) > least


@pytest.mark.deep
def test_many_wide_dynamic_circuits_are_sampled_as_they_were_meant(examples: Any, backend: Any) -> None:
    assert sample_and_compare(examples(range(40_000, 40_300), wide=True), backend) > 150


# ----------------------------------------------------------------------------------------- estimates


def observable_for(num_qubits: int, seed: int) -> SparsePauliOp:
    random = np.random.default_rng(seed)
    labels = ["".join(random.choice(list("IXYZ"), num_qubits)) for _ in range(3)]
    return SparsePauliOp.from_list([(label, float(random.uniform(-1, 1))) for label in labels])


def without_delays(circuit: QuantumCircuit) -> QuantumCircuit:
    bare = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name != "delay":
            bare.append(step)
    return bare


def estimate_and_compare(
    seeds: Iterable[int],
    make_circuit: Any,
    backend: Any,
    *,
    routed: bool = False,
    circuit_format: str = "auto",
) -> None:
    sent, original = [], []
    for seed in seeds:
        made = make_circuit(seed, dynamic=False)
        circuit, values = made.circuit, made.values
        observable = observable_for(circuit.num_qubits, seed)
        if routed:
            circuit = written_out(circuit)
            values = {entry: values_of(index) for index, entry in enumerate(circuit.parameters)}
            isa = on_a_line(circuit, seed)
            sent.append((isa, observable.apply_layout(isa.layout), values))
        else:
            sent.append((circuit, observable, values))
        original.append((without_delays(circuit), observable, values))
    if circuit_format == "qpy":
        kept = [index for index, pub in enumerate(sent) if can_travel(pub[0], circuit_format)]
        sent, original = [sent[index] for index in kept], [original[index] for index in kept]
    exact = StatevectorEstimator().run(original, precision=0.0).result()
    options = {"seed_estimator": 7, "resilience_level": 0, "circuit_format": circuit_format}
    estimator = EstimatorV2(backend, options=options)
    for start in range(0, len(sent), PUBS_PER_JOB):
        result = estimator.run(sent[start : start + PUBS_PER_JOB], precision=0.02).result()
        for place, pub in enumerate(result, start):
            spread = float(np.sum(np.abs(original[place][1].coeffs))) * 0.02
            assert abs(float(pub.data.evs) - float(exact[place].data.evs)) <= 5 * spread + 1e-9, place


@pytest.mark.parametrize("part", range(2))
def test_static_circuits_have_the_expectation_values_they_should(
    part: int, make_circuit: Any, backend: Any
) -> None:
    estimate_and_compare(range(100 * part, 100 * part + 100), make_circuit, backend)


def test_static_circuits_that_travel_as_qpy_have_the_expectation_values_they_should(
    make_circuit: Any, backend: Any
) -> None:
    estimate_and_compare(range(5000, 5050), make_circuit, backend, circuit_format="qpy")


@pytest.mark.deep
@pytest.mark.parametrize("part", range(4))
def test_many_static_circuits_have_the_expectation_values_they_should(
    part: int, make_circuit: Any, backend: Any
) -> None:
    first = 20_000 + 500 * part

    estimate_and_compare(range(first, first + 500), make_circuit, backend)


# ------------------------------------------------------------------------------------------- layouts


def values_of(index: int) -> float:
    return 0.3 + 0.7 * index


def written_out(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit in standard gates, without delays, in its author's names.

    Qiskit's transpiler takes neither gates named like its own, nor two units of time.
    """
    return without_delays(restore_circuit(dump_circuit(circuit, circuit_format="qasm3").wire))


def on_a_line(circuit: QuantumCircuit, seed: int) -> QuantumCircuit:
    """Return a circuit laid out and routed on ten qubits in a line, the idle ones as ancillas."""
    device = GenericBackendV2(10, coupling_map=CouplingMap.from_line(10), control_flow=True, seed=1)
    placing = "trivial" if seed % 3 == 0 else "sabre"
    isa = generate_preset_pass_manager(1, device, seed_transpiler=seed, layout_method=placing).run(circuit)
    assert isa.num_qubits == 10
    assert isa.layout is not None
    return isa


def laid_out(
    seeds: Iterable[int], make_circuit: Any, exact: Any, endless: type[Exception], *, dynamic: bool
) -> Iterable[Example]:
    """Yield circuits with a layout; what is expected is computed from what they were before they had one.

    Left out are those that Qiskit's transpiler does not take: with jumps, or with delays in blocks.
    """
    for seed in seeds:
        try:
            circuit = written_out(make_circuit(seed, dynamic=dynamic).circuit)
        except CircuitDumpError:
            continue
        if not dynamic:
            circuit.add_register(ClassicalRegister(circuit.num_qubits, "c-1"))
            circuit.measure(circuit.qubits, circuit.clbits)
        names = [entry.name for entry in circuit.cregs]
        text = dump_circuit(circuit, circuit_format="qasm3").wire
        foreign = any(word in text for word in ("delay[", "break;", "continue;"))
        if foreign or not names or not all(len(register) for register in circuit.cregs):
            continue
        values = {entry: values_of(index) for index, entry in enumerate(circuit.parameters)}
        try:
            expected = (expected_counts if dynamic else all_measured)(exact, circuit, values)
        except endless:
            continue
        isa = on_a_line(circuit, seed)
        assert [entry.name for entry in isa.cregs] == names
        yield Example(seed, isa, values, expected)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_circuits_with_a_layout_are_sampled_as_they_were_meant(
    dynamic: bool, make_circuit: Any, exact: Any, endless: type[Exception], backend: Any
) -> None:
    found = list(laid_out(range(7000, 7024), make_circuit, exact, endless, dynamic=dynamic))

    moved = [example for example in found if example.circuit.layout.final_index_layout() != list(range(10))]
    assert len(moved) > 5
    assert sample_and_compare(found, backend) > 10


def test_circuits_with_a_layout_have_the_expectation_values_they_should(
    make_circuit: Any, backend: Any
) -> None:
    estimate_and_compare(range(8000, 8030), make_circuit, backend, routed=True)
