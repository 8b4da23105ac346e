"""``NoiseLearnerV3``: boxes of circuits are checked before they are sent, and their noise is learned on the server."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import ClassicalRegister, Parameter

from qiskit_rest_primitives import (
    IBMInputValueError,
    NoiseLearnerV3,
    NoiseLearnerV3Options,
    Session,
)

annotations = pytest.importorskip("samplomatic.annotations", reason="pip install samplomatic to make boxes")


def boxed(width: int, fill: Any, *, twirl: bool = True, dressing: str = "left") -> Any:
    """Return the box of a circuit on the register of a device; ``fill`` puts something into it."""
    circuit = QuantumCircuit(QuantumRegister(width, "q"), ClassicalRegister(3, "c"))
    with circuit.box([annotations.Twirl(dressing=dressing)] if twirl else []):
        fill(circuit)
    return circuit.data[0]


@pytest.fixture
def heron(service: Any) -> Any:
    return service.backend("local_heron")


@pytest.fixture
def simulator(service: Any) -> Any:
    return service.backend("aer_simulator")


def test_mode_and_options_are_those_of_every_primitive(service: Any, heron: Any) -> None:
    options = NoiseLearnerV3Options(num_randomizations=4)
    learner = NoiseLearnerV3(heron, options)

    assert (learner.mode, learner.backend(), learner.options) == (None, heron, options)
    learner.options = {"layer_pair_depths": [0, 4], "bit_flip_checks": {"pre_circuit": {"enable": True}}}
    assert learner.options.bit_flip_checks.pre_circuit.enable is True
    assert learner.options.num_randomizations != 4
    with Session(backend=heron) as session:
        assert NoiseLearnerV3().mode is session
    with pytest.raises(TypeError, match="NoiseLearnerV3Options"):
        NoiseLearnerV3(heron, options=5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_randomizations": 0}, "num_randomizations must be an integer of at least 1; got 0"),
        ({"layer_pair_depths": [0, -1]}, "layer_pair_depths must be a list of integers of at least 0"),
        ({"bit_flip_checks": {"pre_circuit": {"strategy": "all"}}}, "one of 'node', 'edge'"),
        ({"post_selection": {"enable": True}}, "set bit_flip_checks.post_circuit"),
        ({"shots": 3}, "There is no option 'shots' in NoiseLearnerV3Options"),
    ],
)
def test_options_are_checked(values: dict[str, Any], words: str) -> None:
    with pytest.raises(IBMInputValueError, match=words):
        NoiseLearnerV3Options(**values)


def test_only_what_the_schema_has_is_sent() -> None:
    options = NoiseLearnerV3Options(
        num_randomizations=4,
        execution={"init_qubits": False, "scheduler_timing": True},
        simulator={"seed_simulator": 3},
        experimental={"x": 1, "image": "name:tag"},
        max_execution_time=50,
    )

    assert options.to_wire().options == {"num_randomizations": 4, "init_qubits": False}
    assert options.to_wire(seeded=True).options["experimental"] == {"simulator": {"seed_simulator": 3}}
    assert options.to_wire().envelope == {"log_level": "warning", "cost": 50, "runtime": "name:tag"}
    again = NoiseLearnerV3Options.of_wire(options.to_wire(seeded=True).options)
    assert again.model_dump(exclude_unset=True) == {
        "num_randomizations": 4,
        "execution": {"init_qubits": False},
        "simulator": {"seed_simulator": 3},
    }


def mixed(circuit: QuantumCircuit) -> None:
    circuit.cz(0, 1)
    circuit.measure(2, 0)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (boxed(156, lambda circuit: circuit.cz(0, 1), twirl=False), "its box has no Twirl annotation"),
        (boxed(3, lambda circuit: circuit.cz(0, 1)), r"must be those of QuantumRegister\(156, 'q'\)"),
        (boxed(156, mixed), "no protocol learns its noise"),
        (boxed(156, lambda circuit: (circuit.cz(0, 1), circuit.cz(1, 2))), "no protocol learns its noise"),
        (boxed(156, lambda circuit: (circuit.cz(0, 1), circuit.x(0))), "no protocol learns its noise"),
        (boxed(156, lambda circuit: (circuit.t(0), circuit.cz(0, 1))), "no protocol learns its noise"),
        (boxed(156, lambda circuit: circuit.rzz(0.1, 0, 1)), "no protocol learns its noise"),
        (boxed(156, lambda circuit: circuit.rzz(Parameter("t"), 0, 1)), "no protocol learns its noise"),
        (
            boxed(156, lambda circuit: (circuit.measure(0, 0), circuit.noop(5))),
            "no protocol learns its noise",
        ),
        (boxed(156, lambda circuit: circuit.cx(0, 1)), "instruction 0 does not fit .* instruction 'cx'"),
        (boxed(156, lambda circuit: circuit.cz(0, 100)), "'cz' is not available on qubits"),
        (QuantumCircuit(1, 1).x(0)[0], "it is a 'x', not a box"),
        (QuantumCircuit(1), r"takes instructions of circuits, not QuantumCircuit \(instruction 0\)"),
    ],
)
def test_what_cannot_be_learned_is_refused_before_anything_is_sent(
    made: Any, words: str, heron: Any, traffic: list[str]
) -> None:
    learner = NoiseLearnerV3(heron)
    heron.target  # noqa: B018 (asked for once)
    traffic.clear()

    with pytest.raises(IBMInputValueError, match=words):
        learner.run([made])
    with pytest.raises(IBMInputValueError, match="no instructions"):
        learner.run([])
    assert traffic == []


OFFICIAL_ANSWERS = [
    (lambda circuit: circuit.cz(0, 1), "left"),
    (lambda circuit: (circuit.sx(0), circuit.cz(0, 1), circuit.rz(0.5, 2)), "left"),
    (lambda circuit: (circuit.sx(0), circuit.cz(0, 1)), "right"),
    (lambda circuit: (circuit.cz(0, 1), circuit.sx(0)), "right"),
    (lambda circuit: (circuit.cz(0, 1), circuit.sx(0)), "left"),
    (lambda circuit: (circuit.barrier(0, 1), circuit.cz(0, 1), circuit.barrier(0, 1)), "left"),
    (lambda circuit: circuit.rz(0.3, 0), "left"),
    (lambda circuit: circuit.noop(0, 1), "left"),
    (lambda circuit: (circuit.rz(0.3, 0), circuit.cz(0, 1)), "left"),
    (lambda circuit: circuit.rzz(1.5707963267948966, 0, 1), "left"),
    (lambda circuit: circuit.ccx(0, 1, 2), "left"),
    (lambda circuit: circuit.delay(10, 0), "left"),
    (lambda circuit: circuit.measure([0, 1], [0, 1]), "left"),
    (lambda circuit: (circuit.rz(0.3, 0), circuit.measure([0, 1], [0, 1])), "left"),
    (lambda circuit: (circuit.rz(0.3, 0), circuit.measure([0, 1], [0, 1])), "right"),
    (lambda circuit: (circuit.measure(0, 0), circuit.measure(0, 1)), "left"),
    (lambda circuit: (circuit.measure(0, 0), circuit.noop(1)), "left"),
    (lambda circuit: (circuit.measure(0, 0), circuit.barrier(0, 1), circuit.measure(1, 1)), "left"),
    (lambda circuit: (circuit.cz(0, 1), circuit.measure(2, 2)), "left"),
    (lambda circuit: circuit.reset(0), "left"),
]  # fmt: skip


@pytest.mark.parametrize(("fill", "dressing"), OFFICIAL_ANSWERS)
def test_the_protocol_is_the_one_that_the_official_client_finds(fill: Any, dressing: str) -> None:
    theirs = pytest.importorskip(
        "qiskit_ibm_runtime.noise_learner_v3.find_learning_protocol",
        reason="pip install qiskit-ibm-runtime to compare with it",
    )
    from qiskit_rest_primitives.wire.boxes import Unlearnable, protocol_of

    box = boxed(5, fill, dressing=dressing)
    expected = theirs.find_learning_protocol(box)

    try:
        found = protocol_of(box)
    except Unlearnable:
        found = None

    assert found == {None: None, "pauli_lindblad": "lindblad", "trex": "trex"}[expected]
