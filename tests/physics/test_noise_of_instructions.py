"""Noise is done to what the user wrote: every kind of noise on every instruction by every route, against Aer itself.

The reference is ``AerSimulator.run`` of the original circuit with the original noise model (faults A1 to A4, and
instructions of Aer in circuits, fault B). Where Aer does not run an instruction by its name, or slowly, the reference is
its matrix under that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Delay, Instruction, Measure, Parameter, Reset
from qiskit.circuit.library import (
    CXGate,
    DiagonalGate,
    HGate,
    IGate,
    RXGate,
    RYGate,
    U3Gate,
    UGate,
    UnitaryGate,
    XGate,
    get_standard_gate_name_mapping,
)
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import (
    Kraus,
    Operator,
    Pauli,
    StabilizerState,
    SuperOp,
    random_clifford,
    random_unitary,
)
from qiskit.transpiler import InstructionProperties
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    LocalNoisePass,
    NoiseModel,
    QuantumError,
    ReadoutError,
    RelaxationNoisePass,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)
from qiskit_ibm_runtime.fake_provider import FakeSherbrooke
from scipy.stats import chi2

from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService, RuntimeJobFailureError, SamplerV2
from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.qasm.canonical import CircuitDumpError
from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.qasm.noise_model import distinguished

WIDTH = 4
SHOTS = 2000
MANY = 5_000
"""Shots of circuits that are simulated once for all shots."""
FEW = 1000
"""Shots of circuits in which all shots meet strong noise, and each is simulated on its own."""
IN_BLOCKS = 800
"""Shots of circuits in which half of the shots meet the noise: it is seen in each of them."""
FALSE_ALARM = 1e-10
"""How probable it is that one comparison calls equal distributions different: all of this file together, below 1e-6.

Seeds are fixed, but Aer gives each of its threads one, so that counts depend on how many cores there are.
"""
SIGMAS = 6.5
"""How many standard deviations two means may differ by, for the same probability."""
RARE = 40
"""Outcomes that come more seldom are put together: the law of chi-square needs some of each."""

Put = Callable[[QuantumCircuit], object]

INSTRUCTIONS: dict[str, tuple[int, Put]] = {
    "id": (1, lambda q: q.id(0)),
    "x": (1, lambda q: q.x(0)),
    "h": (1, lambda q: q.h(0)),
    "sx": (1, lambda q: q.sx(0)),
    "rz": (1, lambda q: q.rz(0.4, 0)),
    "p": (1, lambda q: q.p(0.4, 0)),
    "u": (1, lambda q: q.u(0.1, 0.2, 0.3, 0)),
    "u3": (1, lambda q: q.append(U3Gate(0.1, 0.2, 0.3), [0])),
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
    kind: cache(error)
    for kind, error in {
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
    }.items()
}


def turn(circuit: QuantumCircuit, angle: float, axis: float) -> None:
    """Put a gate on every qubit that no noise model here knows."""
    for qubit in range(circuit.num_qubits):
        circuit.r(angle, axis, qubit)


def around(put: Put, width: int = WIDTH, more_bits: int = 0) -> QuantumCircuit:
    """Return a circuit in which phases and all qubits matter."""
    circuit = QuantumCircuit(width, width + more_bits)
    turn(circuit, 2.2, 1.3)
    put(circuit)
    turn(circuit, 1.1, 0.7)
    circuit.measure(range(width), range(width))
    return circuit


def as_matrix(name: str, put: Put) -> Put:
    """Return how to put an instruction as its matrix, with its name as the label."""
    count = {**INSTRUCTIONS, **ONLY_HERE}[name][0]
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


Make = Callable[[], NoiseModel]
"""Makes a noise model, always the same one, when it is needed: every process that collects these tests imports them."""

MODELS: dict[str, Make] = {
    name: cache(make)
    for name, make in {
        **{f"{kind} on all": partial(on_all, kind) for kind in KINDS},
        **{
            f"{kind} on simple gates": partial(on_simple_gates, kind)
            for kind in ("pauli", "amplitude damping", "coherent")
        },
        **{f"{kind} on places": partial(on_places, kind) for kind in ("pauli", "reset")},
    }.items()
}

SLOW = ("crx", "cry", "crz", "cu", "csx", "ccz", "cswap", "mcphase", "mcx")
"""What Aer runs by name, but not as a density matrix, so that with noise it simulates every shot on its own."""

CIRCUITS = {
    name: (around(put), around(as_matrix(name, put) if name in SLOW or name in ONLY_HERE else put))
    for name, (_, put) in {**INSTRUCTIONS, **ONLY_HERE}.items()
}
"""By name: the circuit that is sent, and that which Aer is given."""


def reference(
    circuits: list[QuantumCircuit], model: NoiseModel | None, shots: int | None = None
) -> list[dict[str, int]]:
    return by_aer(circuits, AerSimulator(noise_model=model), shots)


def by_aer(
    circuits: list[QuantumCircuit], simulator: AerSimulator, shots: int | None = None
) -> list[dict[str, int]]:
    """Run circuits by Aer.

    With noise passes one at a time: Aer 0.18 gives nothing but zeros for one that it simulates as a density matrix behind
    one that it simulates as a state vector.
    """
    jobs: dict[object, list[int]] = {}
    alone = bool(getattr(simulator.options.noise_model, "_custom_noise_passes", ()))
    for index, circuit in enumerate(circuits):
        jobs.setdefault(index if alone else shots or shots_of(circuit), []).append(index)
    found: dict[int, dict[str, int]] = {}
    for places in jobs.values():
        job = [circuits[place] for place in places]
        result = simulator.run(job, shots=shots or shots_of(job[0]), seed_simulator=5).result()
        found |= {place: result.get_counts(index) for index, place in enumerate(places)}
    return [found[index] for index in range(len(circuits))]


def shots_of(circuit: QuantumCircuit) -> int:
    """Return how many shots a circuit is worth: few if each is simulated on its own."""
    if "shots" in (circuit.metadata or {}):
        return circuit.metadata["shots"]
    names = circuit.count_ops()
    each = {"reset", "initialize", "if_else", "for_loop", "while_loop", "switch_case"}
    return SHOTS if names["measure"] != circuit.num_qubits or each & names.keys() else MANY


def sampled(circuits: list[QuantumCircuit], sampler: SamplerV2) -> list[dict[str, int]]:
    sampler.options.simulator.seed_simulator = 11
    result = sampler.run([(each, None, shots_of(each)) for each in circuits]).result()
    return [next(iter(pub.data.values())).get_counts() for pub in result]


def differs(ours: dict[str, int], theirs: dict[str, int]) -> bool:
    """Tell whether two sets of counts come from different distributions, by chi-square."""
    keys = sorted({*ours, *theirs})
    counts = np.array([[one.get(key, 0) for key in keys] for one in (ours, theirs)], dtype=float)
    shots = counts.sum(axis=1, keepdims=True)
    rare = counts.sum(axis=0) * shots.min() / shots.sum() < RARE / 2
    counts = np.hstack([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)])
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = shots * counts.sum(axis=0) / shots.sum()
    freedom = counts.shape[1] - 1
    if not freedom:
        return False
    return bool(((counts - expected) ** 2 / expected).sum() > chi2.isf(FALSE_ALARM, freedom))


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


ROUTES = [
    *product(MODELS, ["backend"]),
    ("pauli on places", "options"),
    ("amplitude damping on all", "qpy"),
    ("coherent on simple gates", "qasm3"),
]


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_a1_a2_a3_a4_samples_are_those_of_aer(name: str, route: str) -> None:
    model = MODELS[name]()
    names = [*CIRCUITS]
    if route == "qasm3":
        names = [each for each in names if is_text(CIRCUITS[each][0], model)]
        assert 10 < len(names) < len(CIRCUITS)
    ours = sampled([CIRCUITS[each][0] for each in names], sampler_of(route, model))
    right = right_counts(name)

    assert not wrong(names, ours, [right[each] for each in names])


@cache
def right_counts(name: str) -> dict[str, dict[str, int]]:
    """Return the counts of every circuit by Aer with a model, which several routes are compared with."""
    model = MODELS[name]()
    return dict(zip(CIRCUITS, reference([run_by_aer(each, model) for each in CIRCUITS], model), strict=True))


def test_the_comparison_sees_noise_on_every_instruction() -> None:
    noiseless = reference([CIRCUITS[each][1] for each in CIRCUITS], None)
    kinds = [right_counts(name) for name in ("pauli on all", "amplitude damping on all")]
    unseen = [
        each
        for each, without in zip(CIRCUITS, noiseless, strict=True)
        if not any(differs(without, right[each]) for right in kinds)
    ]

    assert not unseen


def test_to_aer_a_matrix_with_a_name_is_the_instruction() -> None:
    for kind in ("amplitude damping on all", "coherent on simple gates"):
        by_name = reference([CIRCUITS[each][0] for each in SLOW], MODELS[kind](), shots=FEW)

        assert not wrong([*SLOW], by_name, [right_counts(kind)[each] for each in SLOW])


def run_by_aer(name: str, model: NoiseModel) -> QuantumCircuit:
    """Return what Aer is given: what it does not know by name is a matrix, or its parts if only they have noise."""
    sent, matrix = CIRCUITS[name]
    if name not in ONLY_HERE:
        return matrix
    return matrix if distinguished(model).meets(name) else sent.decompose([name])


def is_text(circuit: QuantumCircuit, model: NoiseModel) -> bool:
    """Tell whether OpenQASM 3 carries what a noise model tells apart in a circuit."""
    try:
        dump_circuit(circuit, circuit_format="qasm3", noise=distinguished(model))
    except CircuitDumpError:
        return False
    return True


def test_there_are_more_than_three_hundred_cases() -> None:
    whole = [route for _, route in ROUTES if route != "qasm3"]
    rest = sum(len(models) * len(circuits) for models, circuits in ROWS.values())

    assert len(whole) * len(CIRCUITS) >= 300
    assert rest >= 150


LABELLED = {
    name: put for name, (_, put) in INSTRUCTIONS.items() if name not in ("delay", "reset", "initialize")
}


def labelled(put: Put) -> Put:
    """Return how to put an instruction with a label."""

    def put_labelled(circuit: QuantumCircuit) -> None:
        alone = QuantumCircuit(WIDTH)
        put(alone)
        for step in alone.data:
            gate = step.operation.to_mutable()
            gate.label = "mine"
            circuit.append(gate, [alone.find_bit(qubit).index for qubit in step.qubits])

    return put_labelled


@pytest.mark.parametrize("route", ["backend", "options"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a2_a_label_takes_the_place_of_the_name(route: str, count: int) -> None:
    names, model, circuits, right = labels_of(count)

    assert not wrong(names, sampled(circuits, sampler_of(route, model)), right)


@cache
def labels_of(count: int) -> tuple[list[str], NoiseModel, list[QuantumCircuit], list[dict[str, int]]]:
    """Return instructions of so many qubits, noise on a label and on their names, and what Aer makes of them."""
    names = [name for name in LABELLED if INSTRUCTIONS[name][0] == count]
    model = NoiseModel()
    model.add_all_qubit_quantum_error(KINDS["pauli"](count), ["mine"], warnings=False)
    model.add_all_qubit_quantum_error(KINDS["reset"](count), names, warnings=False)
    circuits = [around(labelled(LABELLED[name])) for name in names]
    return names, model, circuits, reference(circuits, model, shots=FEW)


def in_blocks(put: Put) -> Iterator[QuantumCircuit]:
    """Yield circuits with an instruction inside of every kind of control flow."""
    for kind in ("if", "else", "for", "while", "switch", "break"):
        circuit = QuantumCircuit(WIDTH, WIDTH + 1, metadata={"shots": IN_BLOCKS})
        turn(circuit, 0.8, np.pi / 2)
        circuit.r(0.9, np.pi / 2, 3)
        circuit.measure(3, WIDTH)
        bit = circuit.clbits[WIDTH]
        if kind in ("if", "else"):
            with circuit.if_test((bit, int(kind == "if"))) as otherwise:
                put(circuit)
            with otherwise:
                circuit.append(XGate(label="plain"), [1])
        elif kind == "for":
            with circuit.for_loop(range(2)):
                put(circuit)
        elif kind == "while":
            with circuit.while_loop((bit, 1)):
                put(circuit)
                circuit.append(XGate(label="plain"), [3])
                circuit.measure(3, WIDTH)  # once round: Aer takes the same Pauli each time, and two make none
        elif kind == "switch":
            with circuit.switch(bit) as case:
                with case(1):
                    put(circuit)
                with case(case.DEFAULT):
                    circuit.append(HGate(label="plain"), [0])
        else:
            with circuit.for_loop(range(3)):
                put(circuit)
                with circuit.if_test((bit, 1)):
                    circuit.break_loop()
        circuit.measure(range(WIDTH), range(WIDTH))
        yield circuit


@pytest.mark.parametrize("name", ["id", "reset", "unitary", "cswap", "csx", "crx", "cu", "cx", "label"])
def test_a1_a2_a3_a4_noise_acts_in_control_flow(name: str) -> None:
    put = labelled(INSTRUCTIONS["cx"][1]) if name == "label" else INSTRUCTIONS[name][1]
    count = 2 if name == "label" else INSTRUCTIONS[name][0]
    model = NoiseModel()
    model.add_all_qubit_quantum_error(
        KINDS["pauli"](count), "mine" if name == "label" else name, warnings=False
    )
    circuits = list(in_blocks(put))
    shown = [str(index) for index in range(len(circuits))]
    right = reference(circuits, model)

    assert not wrong(shown, sampled(circuits, sampler_of("backend", model)), right)
    if name != "unitary":  # the error of which is hardly seen behind it
        assert len(wrong(shown, reference(circuits, None), right)) == len(circuits)


@pytest.mark.parametrize("route", ["backend", "options"])
@pytest.mark.parametrize("kind", ["pauli", "amplitude damping"])
def test_a1_a3_a4_estimators_see_the_same_noise(kind: str, route: str) -> None:
    model = MODELS[f"{kind} on all"]()
    options = {"resilience_level": 0, "default_precision": 0.02, "simulator": {"seed_simulator": 4}}
    if route == "options":
        backend = QiskitRuntimeService(channel="local").backend("aer_simulator")
        options["simulator"]["noise_model"] = model
    else:
        backend = AerSimulator(noise_model=model)
    names = [*CIRCUITS]
    bare = [CIRCUITS[name][0].remove_final_measurements(inplace=False) for name in names]
    for circuit in bare:
        assert circuit.num_clbits == 0
    parity = "Z" * WIDTH

    found = (
        EstimatorV2(backend, options=options)
        .run([(circuit, [[parity], ["IIIZ"]]) for circuit in bare])
        .result()
    )

    for name, pub, counts in zip(names, found, right_counts(f"{kind} on all").values(), strict=True):
        exact = [
            sum(times * (-1) ** key.count("1") for key, times in counts.items()) / sum(counts.values()),
            sum(times * (-1) ** int(key[-1]) for key, times in counts.items()) / sum(counts.values()),
        ]
        assert np.abs(pub.data.evs.ravel() - exact).max() < SIGMAS * np.hypot(0.02, SHOTS**-0.5), name


def test_a4_resets_of_idle_qubits_have_noise_in_estimators() -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), ["reset", "id"])
    circuit = QuantumCircuit(2)
    circuit.reset(0)
    waiting = QuantumCircuit(2)
    waiting.id(1)

    found = (
        EstimatorV2(AerSimulator(noise_model=model))
        .run([(circuit, ["IZ", "ZI"]), (waiting, ["IZ", "ZI"])])
        .result()
    )

    assert found[0].data.evs.tolist() == [-1, 1]
    assert found[1].data.evs.tolist() == [1, -1]


REFUSED = {
    "a label that a noise model knows": lambda q: q.append(XGate(label="mine"), [0]),
    "`id` with noise": lambda q: q.id(0),
    "`cswap` and others written out, with noise on them or on the parts": lambda q: q.unitary(np.eye(2), 0),
}


@pytest.mark.parametrize("put", REFUSED.values(), ids=REFUSED)
def test_a1_a2_a3_what_text_cannot_carry_is_refused_by_name_before_it_is_sent(put: Put) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), ["mine", "id", "unitary"])
    circuit = QuantumCircuit(1, 1)
    put(circuit)
    circuit.measure(0, 0)
    name = circuit.data[0].name

    with pytest.raises(IBMInputValueError, match=rf"instruction 0 \('{name}'\)"):
        SamplerV2(AerSimulator(noise_model=model), options={"circuit_format": "qasm3"}).run([circuit])


def test_the_guide_names_what_is_refused() -> None:
    guide = (Path(__file__).parents[2] / "docs/local-testing.md").read_text(encoding="utf-8")

    assert all(f"| {row} |" in guide for row in REFUSED)


def test_noise_that_cannot_tell_leaves_circuits_as_text() -> None:
    readout = NoiseModel()
    readout.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    circuit = around(INSTRUCTIONS["cswap"][1])

    assert dump_circuit(circuit).format == "qasm3"
    assert dump_circuit(circuit, noise=distinguished(readout)).format == "qasm3"


CHANNELS = {
    "Kraus": lambda q: q.append(Kraus(amplitude_damping_error(0.4)), [0]),
    "QuantumError": lambda q: q.append(depolarizing_error(0.4, 2), [0, 1]),
    "SuperOp": lambda q: q.append(_super_op(), [1]),
    "save_statevector": lambda q: q.save_statevector(),
    "save_expval": lambda q: q.save_expectation_value(Operator(np.diag([1.0, -1.0])), [0]),
    "set_statevector": lambda q: q.set_statevector(np.eye(16)[5]),
    "set_density_matrix": lambda q: q.set_density_matrix(np.diag(np.eye(16)[3])),
    "set_stabilizer": lambda q: q.set_stabilizer(random_clifford(4, seed=7)),
    "set_stabilizer, a state": lambda q: q.set_stabilizer(StabilizerState(random_clifford(4, seed=8))),
    "set_matrix_product_state": lambda q: q.set_matrix_product_state(_product_state()),
}


def _product_state():
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(0.3 + qubit, qubit)
        circuit.cx(qubit, (qubit + 1) % 4)
    circuit.save_matrix_product_state(label="state")
    return AerSimulator(method="matrix_product_state").run(circuit).result().data()["state"]


def _super_op():
    return SuperOp(amplitude_damping_error(0.3)).to_instruction()


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("name", CHANNELS)
def test_instructions_of_aer_act_as_in_aer(name: str, noisy: bool) -> None:  # faults B (instructions_of_aer)
    model = None
    if noisy:
        model = NoiseModel()
        model.add_all_qubit_quantum_error(KINDS["pauli"](1), ["x", "id"])
    if name.startswith("set_stabilizer"):  # Aer has them among Clifford gates only
        circuit = QuantumCircuit(WIDTH)
        circuit.h(range(WIDTH))
        CHANNELS[name](circuit)
        circuit.x(0)
        circuit.id(1)
        circuit.measure_all()
    else:
        circuit = around(lambda q: (CHANNELS[name](q), q.x(0), q.id(1)))

    ours = sampled([circuit], SamplerV2(AerSimulator(noise_model=model)))

    assert not wrong([name], ours, reference([circuit], model))


def test_channels_act_in_estimators() -> None:  # faults B (instructions_of_aer)
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.append(Kraus(amplitude_damping_error(0.25)), [0])

    found = (
        EstimatorV2(AerSimulator(), options={"simulator": {"seed_simulator": 1}})
        .run([(circuit, "Z")])
        .result()
    )

    assert abs(found[0].data.evs + 0.5) < SIGMAS / 64


SEEN = ["IIIZ", "ZIXX", "YYZI", "ZZZZ"]


@pytest.mark.parametrize("name", CHANNELS)
def test_estimators_see_them(name: str) -> None:  # faults B (instructions_of_aer)
    circuit = QuantumCircuit(4)
    circuit.x([0, 2])
    CHANNELS[name](circuit)
    circuit.x(1)
    exact = circuit.copy()
    for word in SEEN:
        exact.save_expectation_value(Pauli(word), exact.qubits, label=word)
    saved = AerSimulator().run(exact).result().data()

    found = EstimatorV2(AerSimulator(seed_simulator=1)).run([(circuit, SEEN)], precision=1 / 64).result()

    assert np.all(abs(found[0].data.evs - [saved[word] for word in SEEN]) < SIGMAS / 64)


@pytest.mark.parametrize("matrix", [np.eye(2) * 2, np.eye(4), np.full((2, 2), np.nan)])
def test_matrices_that_are_no_channel_are_refused(matrix: np.ndarray) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.append(Instruction("kraus", 1, 0, [matrix]), [0])
    circuit.measure(0, 0)

    with pytest.raises(RuntimeJobFailureError, match="kraus cannot be simulated"):
        SamplerV2(AerSimulator()).run([circuit]).result()


ONE = np.ones((1, 1))
NO_STATES = {
    "set_stabilizer": [np.zeros((2, 2)), np.zeros((2, 3)), np.eye(4, 5), np.array(1.0)],
    "set_matrix_product_state": [
        ([(ONE, ONE)], []),
        ([(ONE, 0 * ONE)] * 2, [np.ones(1)]),
        ([(ONE, np.ones((2, 2)))], []),
        ([(ONE, 0 * ONE)], [np.ones(2)]),
        np.eye(2),
    ],
}


@pytest.mark.parametrize(("name", "state"), [(name, one) for name, rows in NO_STATES.items() for one in rows])
def test_what_is_no_state_is_refused(name: str, state: object) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.append(Instruction(name, 1, 0, [state]), [0])
    circuit.measure(0, 0)

    with pytest.raises(RuntimeJobFailureError, match=f"{name} cannot be simulated: it is no"):
        SamplerV2(AerSimulator()).run([circuit]).result()


@pytest.mark.parametrize("width", [4, 7])
def test_wide_unitaries_travel_as_they_are(width: int) -> None:  # faults D (wide_unitaries_are_slow)
    circuit = QuantumCircuit(width)
    circuit.unitary(random_unitary(2**width, seed=3), range(width))

    assert dump_circuit(circuit).format == "qpy"
    circuit.measure_all()
    assert not wrong(["wide"], sampled([circuit], SamplerV2(AerSimulator())), reference([circuit], None))


def test_a1_waiting_written_as_id_decays_on_devices() -> None:
    backend = GenericBackendV2(1, basis_gates=["id", "x", "rz", "sx"], seed=3)
    t1 = backend.target.qubit_properties[0].t1
    backend.target["id"][(0,)] = InstructionProperties(duration=t1 / 50, error=0.0)
    backend.target["x"][(0,)] = InstructionProperties(duration=0.0, error=0.0)
    backend.target["measure"][(0,)] = InstructionProperties(duration=1e-6, error=0.0)
    circuits = []
    for times in (0, 25, 50, 100):
        circuit = QuantumCircuit(1, 1)
        circuit.x(0)
        for _ in range(times):
            circuit.id(0)
        circuit.measure(0, 0)
        circuits.append(circuit)

    counts = sampled(circuits, SamplerV2(backend))

    left = [one.get("1", 0) / MANY for one in counts]
    assert np.abs(left - np.exp([0, -0.5, -1, -2])).max() < SIGMAS * 0.5 / np.sqrt(MANY)


DEVICE = GenericBackendV2(4, seed=7)
LONG = 8e-5
"""Seconds after which a qubit of the device has lost much of what it was."""
SAMPLES = 360_000
"""The same in dt, which QPY of every Qiskit carries; that of 2.0 makes dt of seconds."""

NARROW = 3


def of_device(
    errors: Mapping[str, QuantumError] | None = None, passes: tuple[object, ...] = ()
) -> NoiseModel:
    """Return the noise of a device, with errors of all qubits and passes besides."""
    return with_errors(NoiseModel.from_backend(DEVICE), errors or {}, passes)


def with_errors(
    model: NoiseModel, errors: Mapping[str, QuantumError], passes: tuple[object, ...] = ()
) -> NoiseModel:
    for name, error in errors.items():
        model.add_all_qubit_quantum_error(error, name, warnings=False)
    model._custom_noise_passes += passes
    return model


def with_label(operation: Instruction, label: str) -> Instruction:
    operation = operation.to_mutable()
    operation.label = label
    return operation


def conditional(put: Put, inside: Put) -> Put:
    """Return how to put something, the measurement of qubit 0, and something that depends on it."""

    def put_both(circuit: QuantumCircuit) -> None:
        put(circuit)
        circuit.measure(0, NARROW)
        with circuit.if_test((circuit.clbits[NARROW], 1)):
            inside(circuit)

    return put_both


def repeated(put: Put) -> Put:
    def put_repeated(circuit: QuantumCircuit) -> None:
        with circuit.for_loop(range(3)):
            put(circuit)

    return put_repeated


def several(*puts: Put) -> Put:
    return lambda circuit: [put(circuit) for put in puts]


def nothing(circuit: QuantumCircuit) -> None:
    """Put nothing."""


def local_errors_in_delays() -> NoiseModel:
    model = of_device({"delay": KINDS["pauli"](1)})
    model.add_quantum_error(KINDS["amplitude damping"](1), "delay", [1], warnings=False)
    return model


def relaxing_by(**settings: object) -> RelaxationNoisePass:
    return RelaxationNoisePass([1e-4] * 4, [5e-5, 1e-4, 1.5e-4, 2e-4], **settings)


RELAXATION: dict[str, Make] = {
    "a device": of_device,
    "a device, and an error named delay": lambda: of_device({"delay": KINDS["pauli"](1)}),
    "a device, and errors named delay on places": local_errors_in_delays,
    "towards an excited state": lambda: with_errors(
        NoiseModel(),
        {"delay": KINDS["amplitude damping"](1)},
        (relaxing_by(op_types=Delay, dt=1e-9, excited_state_populations=[0.3] * 4),),
    ),
    "twice": lambda: with_errors(
        NoiseModel(), {}, (relaxing_by(op_types=Delay, dt=1e-9), relaxing_by(op_types=Delay, dt=1e-9))
    ),
    "an error named delay alone": lambda: with_errors(
        NoiseModel(), {"delay": KINDS["pauli"](1), "id": KINDS["reset"](1)}
    ),
}
WAITING: dict[str, Put] = {
    "seconds": lambda q: q.delay(LONG, 1, "s"),
    "microseconds": lambda q: q.delay(LONG * 1e6, [0, 2], "us"),
    "dt of all": lambda q: q.delay(SAMPLES),
    "as id": lambda q: (q.id(1), q.delay(SAMPLES, 1), q.id(2)),
    "no time": lambda q: q.delay(0, 1),
    "behind gates": lambda q: (q.x(1), q.sx(2), q.delay(LONG, 1, "s"), q.x(1)),
    "behind reset": lambda q: (q.reset(1), q.delay(LONG, 1, "s"), q.reset(0)),
    "behind measure": lambda q: (q.measure(1, NARROW), q.delay(LONG, 1, "s")),
    "in if": conditional(nothing, lambda q: q.delay(LONG, [0, 1], "s")),
    "in for": repeated(lambda q: q.delay(LONG / 3, 1, "s")),
    "seconds, and a label": lambda q: (q.delay(LONG, 1, "s"), q.append(XGate(label="mine"), [0])),
    "with a label": lambda q: (q.append(with_label(Delay(SAMPLES), "mine"), [1]), q.delay(SAMPLES, 0)),
}


def turned_by_place(_operation: Instruction, qubits: list[int]) -> Instruction:
    return RXGate(0.9 + 0.3 * qubits[0])


def turned_and_damped(_operation: Instruction, _qubits: list[int]) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.ry(1.5, 0)
    circuit.append(amplitude_damping_error(0.7), [0])
    return circuit


PASSES = {
    "turned": LocalNoisePass(turned_by_place, op_types=[XGate, HGate]),
    "turned before": LocalNoisePass(turned_by_place, op_types=HGate, method="prepend"),
    "turned instead": LocalNoisePass(turned_by_place, op_types=XGate, method="replace"),
    "left out": LocalNoisePass(lambda *_: None, op_types=XGate, method="replace"),
    "error": LocalNoisePass(lambda *_: amplitude_damping_error(0.9), op_types=XGate),
    "error of two qubits": LocalNoisePass(lambda *_: depolarizing_error(1.0, 2), op_types=CXGate),
    "superoperator": LocalNoisePass(lambda *_: SuperOp(amplitude_damping_error(0.9)), op_types=Delay),
    "circuit": LocalNoisePass(turned_and_damped, op_types=[XGate, Delay]),
    "reset": LocalNoisePass(lambda *_: Reset(), op_types=HGate),
    "every gate of one qubit": LocalNoisePass(
        lambda operation, qubits: RXGate(1.5 + 0.2 * qubits[0]) if operation.name in ("x", "h") else None
    ),
    "relaxation in gates": RelaxationNoisePass(
        [1e-4] * 4, [1e-4] * 4, dt=2e-10, op_types=[XGate, CXGate, Delay], target=DEVICE.target
    ),
}
OF_PASSES: dict[str, Make] = {
    **{
        name: lambda one=one: with_errors(NoiseModel(), {"x": KINDS["pauli"](1)}, (one,))
        for name, one in PASSES.items()
    },
    "two in turn": lambda: of_device(passes=(PASSES["turned"], PASSES["error"])),
}
THROUGH_PASSES: dict[str, Put] = {
    "straight": lambda q: (q.x(0), q.h(1), q.cx(0, 2), q.x(2), q.delay(SAMPLES, 1)),
    "without delay": lambda q: (q.x(0), q.h(1), q.cx(0, 2)),
    "label": lambda q: (q.append(XGate(label="mine"), [0]), q.delay(SAMPLES, 1)),
}
THROUGH_PASSES_IN_BLOCKS: dict[str, Put] = {
    "in if": conditional(
        lambda q: (q.h(0), q.r(np.pi, 0, 0)), lambda q: (q.x(1), q.cx(1, 2), q.delay(SAMPLES, 2))
    ),
    "in for": repeated(lambda q: (q.x(1), q.cx(1, 2), q.delay(SAMPLES, 2))),
}


def misread(*errors: tuple[np.ndarray, list[int] | None], **gates: QuantumError) -> NoiseModel:
    model = with_errors(NoiseModel(), gates)
    for matrix, qubits in errors:
        if qubits is None:
            model.add_all_qubit_readout_error(ReadoutError(matrix), warnings=False)
        else:
            model.add_readout_error(ReadoutError(matrix), qubits, warnings=False)
    return model


ONE = np.array([[0.8, 0.2], [0.4, 0.6]])
TWO = np.roll(np.eye(4), 1, axis=1) * 0.5 + 0.125
READOUT: dict[str, Make] = {
    "of two": lambda: misread((TWO, [0, 1])),
    "of two, and of one": lambda: misread((TWO, [0, 1]), (ONE, [1])),
    "of two, and of all": lambda: misread((TWO, [1, 0]), (ONE, None)),
    "of overlapping pairs": lambda: misread((TWO, [0, 1]), (TWO, [1, 2]), (ONE, [2])),
    "of three": lambda: misread((np.roll(np.eye(8), 3, axis=1), [0, 1, 2]), (ONE, [0])),
    "of two, and of measure": lambda: misread((TWO, [0, 1]), (ONE, None), measure=KINDS["pauli"](1)),
}
MEASURED: dict[str, Put] = {
    "last": nothing,
    "and used again": lambda q: (q.measure(0, NARROW), q.x(0), q.h(0)),
    "twice": lambda q: (q.measure(0, NARROW), q.measure(0, NARROW + 1)),
    "into the same bit": lambda q: (q.measure(1, NARROW), q.h(1), q.measure(1, NARROW)),
    "and reset": lambda q: (q.measure(0, NARROW), q.reset(0), q.h(0)),
    "as a condition": conditional(nothing, lambda q: q.x(1)),
    "in if": conditional(nothing, lambda q: (q.measure(1, NARROW + 1), q.h(1))),
    "in for": repeated(lambda q: (q.h(2), q.measure(2, NARROW))),
    "with a label": lambda q: (q.append(Measure(label="mine"), [0], [NARROW]), q.h(0)),
}


def measure_on_places() -> NoiseModel:
    model = misread((ONE, [0]), measure=KINDS["pauli"](1))
    model.add_quantum_error(KINDS["reset"](1), "measure", [1], warnings=False)
    return model


OF_MEASURE: dict[str, Make] = {
    kind: lambda kind=kind: misread((ONE, None), measure=KINDS[kind](1), mine=KINDS["reset"](1))
    for kind in ("pauli", "amplitude damping")
} | {"on places": measure_on_places}

BY_LABEL = {
    "mine": KINDS["pauli"](1),
    "u": amplitude_damping_error(0.9),
    "x": KINDS["coherent"](1),
    "id": KINDS["reset"](1),
    "delay": depolarizing_error(0.5, 1),
    "unitary": pauli_error([("Y", 0.4), ("I", 0.6)]),
}
LABELS: dict[str, Make] = {
    "errors": lambda: with_errors(NoiseModel(), BY_LABEL),
    "errors and a device": lambda: of_device(BY_LABEL),
    "an error of u": lambda: with_errors(NoiseModel(), {"u": KINDS["pauli"](1)}),
}
LABELLED_OPERATIONS: dict[str, Instruction] = {
    "x as u": XGate(label="u"),
    "x as nothing known": XGate(label="other"),
    "u": UGate(0.1, 0.2, 0.3),
    "u as u": UGate(0.1, 0.2, 0.3, label="u"),
    "u as x": UGate(0.1, 0.2, 0.3, label="x"),
    "u as mine": UGate(0.1, 0.2, 0.3, label="mine"),
    "u as nothing known": UGate(0.1, 0.2, 0.3, label="other"),
    "u3 as u": U3Gate(0.1, 0.2, 0.3, label="u"),
    "unitary as u": UnitaryGate(random_unitary(2, seed=2), label="u"),
    "id as mine": IGate(label="mine"),
    "id as delay": IGate(label="delay"),
    "id as u": IGate(label="u"),
    "id as nothing known": IGate(label="other"),
    "delay as mine": with_label(Delay(SAMPLES), "mine"),
    "delay in seconds as mine": with_label(Delay(LONG, "s"), "mine"),
    "delay as id": with_label(Delay(SAMPLES), "id"),
    "delay as u": with_label(Delay(SAMPLES), "u"),
    "delay as nothing known": with_label(Delay(SAMPLES), "other"),
    "reset as mine": with_label(Reset(), "mine"),
}

ROWS: dict[str, tuple[Mapping[str, Make], Mapping[str, Put]]] = {
    "waiting": (RELAXATION, WAITING),
    "passes": (OF_PASSES, THROUGH_PASSES),
    "passes in blocks": (
        {name: one for name, one in OF_PASSES.items() if "every" not in name},
        THROUGH_PASSES_IN_BLOCKS,
    ),
    "readout": (
        READOUT,
        {name: MEASURED[name] for name in ("last", "and used again", "into the same bit", "as a condition")},
    ),
    "measure": (OF_MEASURE, MEASURED),
    "labels": (
        LABELS,
        {
            name: lambda q, operation=operation: (q.append(operation, [1]), q.h(0))
            for name, operation in LABELLED_OPERATIONS.items()
        },
    ),
}
"""By kind: noise models, and what is put into circuits for each of them."""

_NOTHING_KNOWN = {f"{what} as nothing known" for what in ("x", "u", "id")}
UNTOUCHED: dict[str, dict[str, set[str]]] = {
    "waiting": {
        "a device": {"no time", "behind reset"},
        "twice": {"no time", "behind reset"},
        "a device, and errors named delay on places": {"behind reset"},
        "towards an excited state": {"behind reset"},
    },
    "passes": {
        "turned before": {"label"},
        "error of two qubits": {"label"},
        "reset": {"label"},
        "two in turn": {"without delay"},
    },
    "readout": {"of two": {"last", "and used again", "into the same bit", "as a condition"}},
    "labels": {
        "errors": {*_NOTHING_KNOWN, "delay as nothing known", "reset as mine"},
        "errors and a device": {*_NOTHING_KNOWN, "u as x", "reset as mine"},
        "an error of u": {*LABELLED_OPERATIONS}
        - {"x as u", "u", "u as u", "u3 as u", "unitary as u", "id as u", "delay as u"},
    },
}
"""Circuits that a model of a row has no noise for, or none that so many shots show; in all others it is seen."""


@pytest.mark.parametrize(
    ("row", "name"), [(row, name) for row, (models, _) in ROWS.items() for name in models]
)
def test_a1_a2_a5_a6_whole_models_act_as_in_aer(row: str, name: str) -> None:
    models, puts = ROWS[row]
    circuits = circuits_of(row)
    model = models[name]()
    route = ("backend", "options")[[*models].index(name) % 2]

    ours = sampled(circuits, sampler_of(route, model))
    right = reference(circuits, model)

    assert not wrong([*puts], ours, right)
    seen = {put for put, *pair in zip(puts, bare_counts(row), right, strict=True) if differs(*pair)}
    assert set(puts) - seen <= UNTOUCHED.get(row, {}).get(name, set())


def circuits_of(row: str) -> list[QuantumCircuit]:
    circuits = [around(put, NARROW, 2) for put in ROWS[row][1].values()]
    for circuit in circuits if row in ("readout", "measure") else ():
        circuit.metadata = {"shots": FEW}
    return circuits


@cache
def bare_counts(row: str) -> list[dict[str, int]]:
    """Return what Aer makes of the circuits of a row without noise, which a comparison must tell from their noise."""
    return reference(circuits_of(row), None)


def test_a5_delays_of_simulators_from_a_backend() -> None:
    simulator = AerSimulator.from_backend(DEVICE)
    simulator.options.noise_model.add_all_qubit_quantum_error(KINDS["pauli"](1), "delay", warnings=False)
    own_gates = ["rz", "sx", "x", "id", "cx", "reset", "delay", "if_else", "for_loop"]
    circuits = [
        transpile(around(put, NARROW, 2), basis_gates=own_gates, optimization_level=0)
        for put in WAITING.values()
    ]

    ours = sampled(circuits, SamplerV2(simulator))

    assert not wrong([*WAITING], ours, by_aer(circuits, simulator))


@pytest.mark.parametrize("program", ["server", "executor"])
@pytest.mark.parametrize("inside", ["circuit", "definition", "block"])
@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("us", 1e6), ("dt", 1e9)])
def test_a5_delays_that_parameters_say_beside_a_label(
    unit: str, scale: float, inside: str, program: str
) -> None:
    model = with_errors(NoiseModel(), {"mine": KINDS["pauli"](1)}, (relaxing_by(op_types=Delay, dt=1e-9),))
    waiting = QuantumCircuit(1, name="waiting")
    waiting.delay(2 * Parameter("t"), 0, unit)

    def put(circuit: QuantumCircuit) -> None:
        circuit.append(XGate(label="mine"), [0])
        if inside == "circuit":
            circuit.compose(waiting, [1], inplace=True)
        elif inside == "definition":
            circuit.append(waiting.to_instruction(), [1])
        else:
            circuit.for_loop([0], None, waiting, [1], [])

    circuit, values = around(put, NARROW), [LONG / 2 * scale, 0.0]

    result = SamplerV2(AerSimulator(noise_model=model), options={"program": program}).run(
        [(circuit, [[value] for value in values])], shots=MANY
    )

    ours = [result.result()[0].data.c[index].get_counts() for index in range(2)]
    fixed = [
        around(lambda q, one=one: (q.append(XGate(label="mine"), [0]), q.delay(one, 1, "s")), NARROW)
        for one in (LONG, 0.0)
    ]
    assert not wrong(["long", "none"], ours, reference(fixed, model, shots=MANY))


@pytest.mark.parametrize("program", ["server", "executor"])
@pytest.mark.parametrize("route", ["auto", "qpy"])
@pytest.mark.parametrize("unit", ["s", "us", "dt"])
def test_a2_the_label_of_a_delay_that_parameters_say(unit: str, route: str, program: str) -> None:
    model = with_errors(NoiseModel(), {"mine": KINDS["pauli"](1)})
    options = {"program": program, "circuit_format": route}

    def waiting(duration: object, unit: str) -> QuantumCircuit:
        return around(lambda q: q.append(with_label(Delay(duration, unit), "mine"), [1]), NARROW)

    job = SamplerV2(AerSimulator(noise_model=model), options=options).run(
        [(waiting(2 * Parameter("t"), unit), [[4], [8]])], shots=MANY
    )

    ours = [job.result()[0].data.c[index].get_counts() for index in range(2)]
    assert not wrong(
        ["short", "long"], ours, reference([waiting(8, "dt"), waiting(16, "dt")], model, shots=MANY)
    )


def test_a8_ecr_of_a_fake_backend_has_the_noise_of_its_calibration() -> None:
    backend = FakeSherbrooke()
    pair = next(iter(backend.target["ecr"]))
    model = noise_of_pair(backend, pair)
    circuits = []
    for times in (1, 20, 41):
        circuit = QuantumCircuit(2, 2)
        circuit.sx([0, 1])
        for _ in range(times):
            circuit.ecr(0, 1)
        circuit.sx([0, 1])
        circuit.measure([0, 1], [0, 1])
        circuits.append(circuit)
    names = ["one", "twenty", "forty-one"]

    placed = [QuantumCircuit(backend.num_qubits, 2).compose(circuit, pair, [0, 1]) for circuit in circuits]

    assert not wrong(names, sampled(placed, SamplerV2(backend)), reference(circuits, model))


def noise_of_pair(backend: FakeSherbrooke, pair: tuple[int, int]) -> NoiseModel:
    """Return Aer's noise of two qubits of a backend, as of a backend that has no others, and how they are misread."""
    alone = GenericBackendV2(2, basis_gates=["id", "rz", "sx", "x", "ecr"], coupling_map=[[0, 1]])
    for name in ("id", "rz", "sx", "x", "ecr", "measure"):
        for places in alone.target[name]:
            of = backend.target[name][tuple(pair[place] for place in places)]
            alone.target.update_instruction_properties(name, places, of)
    alone.target.qubit_properties = [backend.target.qubit_properties[qubit] for qubit in pair]
    model = NoiseModel.from_backend(alone, readout_error=False)
    properties = backend.properties()
    for place, qubit in enumerate(pair):
        false_one, missed_one = (
            properties.qubit_property(qubit, name)[0] for name in ("prob_meas1_prep0", "prob_meas0_prep1")
        )
        model.add_readout_error([[1 - false_one, false_one], [missed_one, 1 - missed_one]], [place])
    return model
