"""``NoiseLearnerV3``: boxes of circuits are checked before they are sent, and their noise is learned on the server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import ClassicalRegister, Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, pauli_error

from qiskit_rest_primitives import (
    EstimatorV2,
    IBMInputValueError,
    NoiseLearnerV3,
    NoiseLearnerV3Options,
    RuntimeJobFailureError,
    Session,
)
from qiskit_rest_primitives.jobs.decoders import DEFAULT_DECODERS

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
    assert options.to_wire(seeded=True).options["experimental"] == {
        "x": 1,
        "simulator": {"seed_simulator": 3},
    }
    assert options.to_wire().envelope == {"log_level": "warning", "cost": 50, "runtime": "name:tag"}
    again = NoiseLearnerV3Options.of_wire(options.to_wire(seeded=True).options)
    assert again.model_dump(exclude_unset=True) == {
        "num_randomizations": 4,
        "execution": {"init_qubits": False},
        "simulator": {"seed_simulator": 3},
        "experimental": {"x": 1},
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
    from qiskit_rest_primitives.wire.noise_learning import NotLearnable, protocol_of

    box = boxed(5, fill, dressing=dressing)
    expected = theirs.find_learning_protocol(box)

    try:
        found = protocol_of(box)
    except NotLearnable:
        found = None

    assert found == {None: None, "pauli_lindblad": "lindblad", "trex": "trex"}[expected]


QUICK = {"num_randomizations": 3, "shots_per_randomization": 16, "layer_pair_depths": [0, 4]}


def two_boxes(heron: Any) -> list[Any]:
    """A layer of gates and one of measurements on neighbours of the device, with references for injected noise."""
    first, second = heron.coupling_map.get_edges()[0]
    circuit = QuantumCircuit(QuantumRegister(heron.num_qubits, "q"), ClassicalRegister(2, "c"))
    with circuit.box([annotations.Twirl(), annotations.InjectNoise("gates")]):
        circuit.sx(first)
        circuit.cz(first, second)
    with circuit.box([annotations.Twirl(), annotations.InjectNoise("readout")]):
        circuit.measure([second, first], [0, 1])
    return list(circuit)


def test_a_job_is_found_again_with_what_it_was_given_and_what_it_learned(service: Any, heron: Any) -> None:
    boxes = two_boxes(heron)
    learner = NoiseLearnerV3(heron, {**QUICK, "environment": {"job_tags": ["learned"]}})
    learner.options.execution.init_qubits = True
    job = learner.run(boxes)

    again = service.job(job.job_id())

    assert (again.primitive_id, again.tags, type(again)) == ("noise-learner", ["learned"], type(job))
    mine, other = job.result(), again.result()
    assert type(mine).__name__ == "NoiseLearnerV3Results"
    assert [entry.metadata["learning_protocol"] for entry in mine] == ["lindblad", "trex"]
    assert mine.to_pauli_lindblad_maps() == other.to_pauli_lindblad_maps()
    assert set(mine.to_dict(boxes)) == {"gates", "readout"}
    assert [noise.num_qubits for noise in mine.to_pauli_lindblad_maps()] == [2, 2]
    assert again.inputs["instructions"] == boxes
    assert [box.operation.annotations for box in again.inputs["instructions"]] == [
        box.operation.annotations for box in boxes
    ]
    assert again.inputs["options"].to_wire().options.items() >= {**QUICK, "init_qubits": True}.items()
    text = service.api().job_results(job.job_id()).decode()
    (decoder,) = DEFAULT_DECODERS["noise-learner"]
    assert decoder.decode(text).to_pauli_lindblad_maps() == mine.to_pauli_lindblad_maps()


def test_jobs_run_in_sessions_in_private_and_dry(service: Any, heron: Any) -> None:
    boxes = two_boxes(heron)
    with Session(backend=heron) as session:
        job = NoiseLearnerV3(options={**QUICK, "environment": {"private": True}}).run(boxes)
    assert (job.session_id, job.private, job.inputs) == (session.session_id, True, {})
    assert len(job.result()) == 2

    (layer, _) = NoiseLearnerV3(heron, QUICK).run(boxes, dry_run=True).result()
    assert (layer._rates > 0).all()


def test_a_local_backend_is_learned_with_a_seed_and_says_what_has_no_effect() -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("ZZ", 0.03), ("II", 0.97)]), ["cz"])
    backend = AerSimulator(noise_model=model, coupling_map=[[0, 1], [1, 2]], n_qubits=3)
    box = boxed(3, lambda circuit: circuit.cz(1, 0))

    def run(seed: int) -> Any:
        options = {"num_randomizations": 12, "layer_pair_depths": [0, 2, 8, 24]}
        learner = NoiseLearnerV3(backend, {**options, "simulator": {"seed_simulator": seed}})
        learner.options.bit_flip_checks.pre_circuit.enable = True
        with pytest.warns(UserWarning, match=r"no effect .*: bit_flip_checks.pre_circuit"):
            return learner.run([box]).result()

    once, again, other = run(0), run(0), run(1)

    assert once.metadata == {"options_without_effect": ["bit_flip_checks.pre_circuit"]}
    assert once.to_pauli_lindblad_maps() == again.to_pauli_lindblad_maps() != other.to_pauli_lindblad_maps()
    rates = {"".join(paulis): rate for paulis, _, rate in once.to_pauli_lindblad_maps()[0].to_sparse_list()}
    # A flip of probability p is a rate of -ln(1 - 2 p) / 2.
    assert rates["ZZ"] == pytest.approx(-np.log(1 - 2 * 0.03) / 2, abs=0.006)


def test_the_layers_that_a_primitive_finds_can_be_learned(heron: Any) -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit = generate_preset_pass_manager(1, backend=heron, seed_transpiler=1).run(circuit)
    observable = SparsePauliOp("ZZZ").apply_layout(circuit.layout)
    estimator = EstimatorV2(heron, {"twirling": {"enable_gates": True}})
    layers = estimator.find_unique_layers([(circuit, observable)], types="all")

    results = NoiseLearnerV3(heron, QUICK).run(layers).result()

    assert [entry.metadata["learning_protocol"] for entry in results] == [
        "trex" if layer.operation.body.count_ops().get("measure") else "lindblad" for layer in layers
    ]
    assert {entry.metadata["learning_protocol"] for entry in results} == {"trex", "lindblad"}


def test_a_box_that_no_experiment_learns_fails_the_job(service: Any, simulator: Any) -> None:
    box = boxed(simulator.num_qubits, lambda circuit: circuit.iswap(0, 1))

    job = NoiseLearnerV3(simulator, QUICK).run([box])

    with pytest.raises(RuntimeJobFailureError, match="iswap cannot be learned"):
        job.result()


def test_annotations_and_gates_that_have_no_form_are_refused(simulator: Any) -> None:
    box = boxed(simulator.num_qubits, lambda circuit: circuit.cz(0, 1))
    box.operation.annotations = [*box.operation.annotations, annotations.InjectLocalClifford("x")]

    with pytest.raises(IBMInputValueError, match="The instructions cannot be written: QPY cannot carry"):
        NoiseLearnerV3(simulator).run([box])
