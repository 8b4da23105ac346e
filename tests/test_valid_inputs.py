"""What users of the official client may write: it runs with the right value, or is refused by name before it is sent."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import warnings
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Instruction, Parameter, ParameterVector, QuantumCircuit
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import (
    Calibrator,
    CircuitRefusedError,
    EstimatorV2,
    Executor,
    IBMInputValueError,
    NoiseLearner,
    NoiseLearnerV3,
    QiskitRuntimeService,
    QuantumProgram,
    SamplerV2,
    Session,
)


def one(*, measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    if measured:
        circuit.measure_all()
    return circuit


# -- options.experimental ---------------------------------------------------------------------------------------------

CONTENTS: dict[str, dict[str, Any]] = {
    "CLOPS": {"execution": {"fast_parametric_update": True}},
    "unknown": {"anything": {"at": ["all", 1, None]}},
    "objects": {"array": np.arange(3), "operator": SparsePauliOp("XZ"), "number": np.float32(0.5), "z": 1j},
    "other group": {"twirling": {"new": {"deep": 1}}, "resilience": {"later": 2}, "simulator": {"more": 3}},
    "no groups": {"simulator_options": 5, "list": [1, 2]},
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=list(CONTENTS))
@pytest.mark.parametrize("local", [True, False])
def test_experimental_options_of_any_content_go_through(
    service: Any, content: dict[str, Any], local: bool
) -> None:
    """Faults B (``options.experimental``): both primitives, the executor and the learner run as without them."""
    backend = AerSimulator() if local else service.backend("aer_simulator")
    options = {"experimental": content}
    program = QuantumProgram(20)
    program.append_circuit_item(one())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        sampled = SamplerV2(backend, options).run([one()], shots=20).result()
        estimated = EstimatorV2(backend, options).run([(one(measured=False), "Z")]).result()
        executed = Executor(backend, options).run(program).result()
        learned = NoiseLearner(backend, options).run([one(measured=False)]).result()

    assert sampled[0].data.meas.get_counts() == {"1": 20}
    assert estimated[0].data.evs == -1
    assert executed[0]["meas"].all()
    assert len(learned.data) == 0
    assert sampled.metadata["options_without_effect"]


def test_experimental_options_without_effect_are_named() -> None:
    """Faults B (``options.experimental``): a local backend says once what it does not know."""
    sampler = SamplerV2(AerSimulator(), {"experimental": {"execution": {"fast_parametric_update": True}}})

    with pytest.warns(UserWarning, match=r"no effect .*: execution\.fast_parametric_update"):
        job = sampler.run([one()], shots=5)

    assert job.result().metadata["options_without_effect"] == ["execution.fast_parametric_update"]


@pytest.mark.parametrize("cls", [SamplerV2, EstimatorV2, Executor, NoiseLearner, NoiseLearnerV3, Calibrator])
def test_every_class_of_options_takes_experimental_ones(cls: Any) -> None:
    content = {"execution": {"fast": True}, "image": "name:tag", 3: {"x": np.arange(2)}}
    options = cls._options_class(experimental=content)

    wire = options.to_wire()

    assert wire.envelope["runtime"] == "name:tag"
    assert "image" not in str(wire.options)


def test_an_experimental_value_without_a_form_is_refused_by_name(traffic: list[str]) -> None:
    sampler = SamplerV2(AerSimulator(), {"experimental": {"what": object()}})
    with pytest.raises(IBMInputValueError, match="options of experimental cannot be sent"):
        sampler.run([one()])
    sampler.options.experimental = {"nan": float("nan")}
    with pytest.raises(IBMInputValueError, match="experimental"):
        sampler.run([one()])
    with Session(AerSimulator()) as session:
        traffic.clear()
        with pytest.raises(IBMInputValueError, match="cannot be sent"):
            Calibrator(session, {"experimental": {"what": object()}}).run()
        assert traffic == []


# -- precision and shots ----------------------------------------------------------------------------------------------

TINY = [1e-10, 1e-12, 1e-150, 1e-200, 1e-308, 1e-320, 5e-324, np.float64(1e-300)]
SENSELESS = [0, 0.0, -0.1, float("inf"), float("nan"), 10**400, np.float32("inf")]


@pytest.mark.parametrize("precision", [*TINY, *SENSELESS], ids=lambda value: str(value)[:12])
def test_a_precision_that_nothing_has_is_refused_before_it_is_sent(
    precision: Any, traffic: list[str]
) -> None:
    """Faults B (precision of 1e-12 and 1e-320): in a PUB, in ``run`` and in the options, on a local backend, too."""
    estimator = EstimatorV2(AerSimulator())
    pub = (one(measured=False), "Z")
    traffic.clear()
    with pytest.raises(IBMInputValueError, match="precision"):
        estimator.run([pub], precision=precision)
    with pytest.raises(IBMInputValueError, match="precision"):
        estimator.run([(*pub, None, precision)])
    with pytest.raises(IBMInputValueError, match="default_precision"):
        EstimatorV2(AerSimulator(), {"default_precision": precision}).run([pub])
    assert traffic == []


@pytest.mark.parametrize("precision", [1e-9, 1e-6, 1, 1e3, 1e300, np.float32(0.25)])
def test_any_other_precision_is_taken(precision: Any) -> None:
    """Faults B (precision): from the smallest to senselessly large ones, whose square overflows."""
    pub = EstimatorV2(AerSimulator()).run([(one(measured=False), "Z")], precision=precision).result()[0]

    assert pub.data.evs == -1
    assert pub.metadata["target_precision"] == precision


@pytest.mark.parametrize("shots", [10**18 + 1, 2**63, 2**64, 10**400])
def test_shots_that_no_counter_holds_are_refused_before_they_are_sent(shots: int, traffic: list[str]) -> None:
    sampler, estimator = SamplerV2(AerSimulator()), EstimatorV2(AerSimulator())
    traffic.clear()
    with pytest.raises(IBMInputValueError, match="shots"):
        sampler.run([(one(), None, shots)])
    with pytest.raises(IBMInputValueError, match="shots"):
        sampler.run([one()], shots=shots)
    for primitive in (sampler, estimator):
        with pytest.raises(IBMInputValueError, match="default_shots"):
            primitive.options.default_shots = shots
    assert traffic == []


# -- delays that parameters say the length of ---------------------------------------------------------------------------

SCALES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


def waiting(unit: str) -> QuantumCircuit:
    """Excite a qubit and let it wait for twice ``t``; ``a`` is a parameter that changes nothing."""
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.delay(2 * Parameter("t"), 0, unit)
    circuit.rz(Parameter("a"), 0)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize("unit", [*SCALES, "dt"])
def test_a_delay_with_a_parameter_runs_in_every_unit(unit: str) -> None:
    """Faults B (``delay_with_a_parameter``): without noise it does nothing."""
    pub = (waiting(unit), {"t": [100, 200], "a": [0.1, 0.2]})

    result = SamplerV2(AerSimulator()).run([pub], shots=10).result()[0]

    assert [result.data.c.get_counts(index) for index in range(2)] == [{"1": 10}] * 2


@pytest.mark.parametrize("unit", [*SCALES, "dt"])
def test_a_delay_with_a_parameter_decays(service: Any, unit: str) -> None:
    """Faults B (``delay_with_a_parameter``): exp(-t/T1) at each duration, in both primitives, of any shape."""
    backend = service.backend("local_heron")
    t1, dt = backend.target.qubit_properties[0].t1, backend.target.dt
    steps = np.rint(np.array([[0.0], [t1 / 4], [t1 / 2]]) / dt)
    times = steps if unit == "dt" else steps * dt / SCALES[unit]
    options = {"simulator": {"seed_simulator": 7}}
    isa = QuantumCircuit(backend.num_qubits, 1).compose(waiting(unit), [0], [0])
    values = {"t": np.repeat(times, 2, axis=1), "a": np.tile([0.0, 0.3], (3, 1))}
    shots, truth = 4000, np.exp(-2 * steps * dt / t1)

    sampled = SamplerV2(backend, options).run([(isa, values)], shots=shots).result()[0].data.c
    unmeasured = isa.remove_final_measurements(inplace=False)
    z, identity = (SparsePauliOp.from_sparse_list([(p, [0], 1)], backend.num_qubits) for p in "ZI")
    estimator = EstimatorV2(backend, {**options, "default_shots": shots})
    means = estimator.run([(unmeasured, [[[z]], [[identity]]], values)]).result()[0].data

    assert sampled.shape == (3, 2)
    assert means.evs.shape == (2, 3, 2)
    ones = sampled.bitcount().mean(axis=-1)
    sigma = np.sqrt(truth * (1 - truth) / shots)
    assert (np.abs(ones - truth) < 5 * sigma + 0.02).all()  # errors of x and of readout
    assert (np.abs(means.evs[0] - (1 - 2 * truth)) < 10 * sigma + 0.04).all()
    assert (means.evs[1] == 1).all()


def test_a_circuit_that_cannot_be_carried_is_an_input_error_by_name(traffic: list[str]) -> None:
    """Faults B (delay with a parameter): the error is the official client's class, and nothing is sent."""
    circuit = waiting("dt")
    primitive = SamplerV2(AerSimulator(), {"circuit_format": "qpy"})
    traffic.clear()
    for values in ({"t": 0.75, "a": 0}, {"t": -1, "a": 0}):
        with pytest.raises(IBMInputValueError, match=r"PUB 0 .* a delay of 2\*t"):
            SamplerV2(AerSimulator()).run([(circuit, values)])
    own = QuantumCircuit(1, 1)
    own.append(Instruction("own", 1, 0, [{"a": "dictionary"}]), [0])
    with pytest.raises(CircuitRefusedError, match=r"PUB 0 .* QPY cannot carry .*dictionary") as caught:
        primitive.run([own])
    assert isinstance(caught.value, IBMInputValueError)
    assert traffic == []


def test_such_a_delay_is_refused_by_name_for_other_services(endpoint: Any, traffic: list[str]) -> None:
    other = QiskitRuntimeService(
        channel="ibm_quantum_platform", url=endpoint.url, token=endpoint.token, instance=endpoint.instance
    )
    sampler = SamplerV2(other.backend("aer_simulator"))
    traffic.clear()

    with pytest.raises(CircuitRefusedError, match="one PUB for each duration"):
        sampler.run([(waiting("us"), {"t": 1, "a": 0})])
    assert traffic == []


# -- metadata of circuits -----------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    """Something that no wire form has."""

    RED = 1


@dataclasses.dataclass
class Note:
    """Likewise, nested."""

    text: str
    colour: Colour


CARRIED: dict[Any, Any] = {
    "angles": np.linspace(0, 1, 3),
    "long": np.arange(5000),
    "n": np.int64(3),
    "z": 1 + 2j,
    7: "int key",
    (1, "a"): "tuple key",
    "t": (1, (2, "x"), [3.5]),
    "when": datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
    "infinite": [float("inf"), -float("inf")],
    "set": {1, 2},
    "operator": SparsePauliOp("XZ", 0.5),
    "nested": {"deep": {1: (None, True, "x")}, "__type__": "mine", "__value__": 3},
}


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    return bool(one == other)


@pytest.mark.parametrize("circuit_format", ["qasm3", "qpy"])
def test_metadata_of_circuits_comes_back(service: Any, circuit_format: str) -> None:
    """Faults B (``circuit_metadata``): to the job at hand, to one reopened by id, and in its inputs."""
    circuit = one()
    circuit.metadata = dict(CARRIED)
    options = {"circuit_format": circuit_format}
    job = SamplerV2(service.backend("aer_simulator"), options).run([circuit], shots=5)
    again = service.job(job.job_id())
    found = [
        job.result()[0].metadata["circuit_metadata"],
        again.result()[0].metadata["circuit_metadata"],
    ]
    if circuit_format == "qasm3":
        found.append(again.inputs["pubs"][0][0].metadata)

    for metadata in found:
        assert metadata.keys() == CARRIED.keys()
        assert [key for key in CARRIED if not equal(CARRIED[key], metadata[key])] == []


def test_metadata_without_a_wire_form_comes_back_to_the_job_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Faults B (``circuit_metadata``): as with the official client in local testing mode."""
    circuit = one()
    circuit.metadata = {"note": Note("x", Colour.RED), "nan": float("nan"), "plain": 1}

    metadata = SamplerV2(AerSimulator()).run([circuit], shots=5).result()[0].metadata["circuit_metadata"]

    assert metadata["note"] == Note("x", Colour.RED)
    assert metadata["note"] is not circuit.metadata["note"]
    assert np.isnan(metadata["nan"])
    assert [record.getMessage()[:16] for record in caplog.records if record.levelname == "WARNING"] == [
        "metadata 'note' "
    ]


def test_changed_metadata_is_noticed() -> None:
    circuit = one()
    sampler = SamplerV2(AerSimulator())
    circuit.metadata = {"long": np.arange(5000)}
    sampler.run([circuit], shots=5).result()
    circuit.metadata["long"][2500] = -1

    found = sampler.run([circuit], shots=5).result()[0].metadata["circuit_metadata"]

    assert found["long"][2500] == -1


# -- many parameters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", [SamplerV2, EstimatorV2])
def test_the_parameters_of_a_circuit_are_listed_as_often_for_few_as_for_many(
    primitive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults C11 (n parameters cost n^2): listing them costs as much as there are, so it must not be done for each."""
    listings: list[int] = []
    listed = QuantumCircuit.parameters.fget

    def counted(circuit: QuantumCircuit) -> Any:
        found = listed(circuit)
        listings.append(len(found))
        return found

    monkeypatch.setattr(QuantumCircuit, "parameters", property(counted))
    counts = []
    for number in (10, 400):
        circuit = QuantumCircuit(2)
        for index, parameter in enumerate(ParameterVector(f"p{number}", number)):
            circuit.rx(parameter, index % 2)
        if primitive is SamplerV2:
            circuit.measure_all()
        pub = (circuit, np.zeros(number)) if primitive is SamplerV2 else (circuit, "ZZ", np.zeros(number))
        listings.clear()
        job = primitive(AerSimulator()).run([pub])
        job.result()
        assert job.inputs["pubs"][0][0].num_parameters == number
        counts.append(len(listings))

    assert counts[1] <= counts[0]


# -- projectors in observables ------------------------------------------------------------------------------------------

LABELS = ["00", "01", "1+", "-r", "l0", "Z1", "+I", "rl", "XY", "II"]


def bent() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(0.7, 0)
    circuit.rx(1.1, 1)
    circuit.cx(0, 1)
    circuit.rz(0.4, 1)
    circuit.ry(-0.3, 1)
    return circuit


ROOT = 2**-0.5
KETS = {
    "0": [1, 0],
    "1": [0, 1],
    "+": [ROOT, ROOT],
    "-": [ROOT, -ROOT],
    "r": [ROOT, ROOT * 1j],
    "l": [ROOT, -ROOT * 1j],
}


def valued(observable: Any) -> float:
    """Return the exact value of an observable in the state of ``bent``, from the matrix of each of its letters."""
    if isinstance(observable, str):
        observable = {observable: 1.0}
    if isinstance(observable, SparseObservable):
        observable = ObservablesArray(observable).tolist()
    state, value = Statevector(bent()).data, 0.0
    for label, weight in observable.items():
        matrix = np.eye(1)
        for letter in label:
            ket = np.array(KETS.get(letter, [0, 0]))
            one = np.outer(ket, ket.conj()) if letter in KETS else Pauli(letter).to_matrix()
            matrix = np.kron(matrix, one)
        value += weight * float(np.real(state.conj() @ matrix @ state))
    return value


FORMS: dict[str, Any] = {
    "text": lambda label: label,
    "dict": lambda label: {label: 2.0, "ZZ": -0.5},
    "SparseObservable": lambda label: 1.5 * SparseObservable.from_label(label),
    "sum": lambda label: SparseObservable.from_list([(label, 1.0), ("0-", -0.25), ("rI", 0.5)]),
}


@pytest.mark.parametrize("form", [*FORMS, "ObservablesArray"])
@pytest.mark.parametrize("mitigated", [False, True])
def test_projectors_have_their_exact_values(form: str, mitigated: bool) -> None:
    """Faults B (``projector_observables``): every letter in every form, against the state."""
    make = FORMS["text"] if form == "ObservablesArray" else FORMS[form]
    observables: Any = [[make(label)] for label in LABELS]
    if form == "ObservablesArray":
        observables = ObservablesArray(observables)
    options = {"resilience": {"measure_mitigation": mitigated}, "simulator": {"seed_simulator": 3}}
    exact = np.array([[valued(make(label))] for label in LABELS])

    data = EstimatorV2(AerSimulator(), options).run([(bent(), observables)], precision=0.001).result()[0].data

    assert data.evs.shape == exact.shape == (len(LABELS), 1)
    assert (np.abs(data.evs - exact) <= 5 * data.stds + 1e-12).all()
    assert (data.stds < 0.005).all()


def test_the_server_takes_projectors_of_others(service: Any) -> None:
    """Faults B (``projector_observables``): over plain REST."""
    api = service.api()
    text = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nx q[0];\nh q[1];\n'
    params = {"pubs": [[text, ["01", "+1", "-1", "I0", {"01": 2.0, "Z1": 1.0}]]], "version": 2}
    record = api.create_job({"program_id": "estimator", "backend": "aer_simulator", "params": params})

    evs = service.job(record.id).result()[0].data.evs

    np.testing.assert_allclose(evs, [0.5, 1, 0, 0, 1], atol=0.2)
