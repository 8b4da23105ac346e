"""Both primitives over a real socket against exact states: every PUB form, every name, every shape, within 5 sigma."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.quantum_info import Pauli, SparsePauliOp
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.models.backend import IBMBackend
from qiskit_rest_primitives.primitives.estimator import EstimatorV2
from qiskit_rest_primitives.primitives.sampler import SamplerV2
from qiskit_rest_primitives.server.devices.device import default_devices, device_of
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.service.service import QiskitRuntimeService

SHOTS = 10_000
SIGMAS = 5
SEED = {"simulator": {"seed_simulator": 7}}


@pytest.fixture(scope="module")
def service() -> Iterator[QiskitRuntimeService]:
    line = AerSimulator(
        n_qubits=16,
        basis_gates=["cz", "id", "rz", "sx", "x"],
        coupling_map=CouplingMap.from_line(16).get_edges(),
    )
    line.name = "ideal_line"
    with serve([*default_devices(), device_of(line)]) as server:
        endpoint = server.endpoint
        yield QiskitRuntimeService(
            channel="local", url=endpoint.url, token=endpoint.token, instance=endpoint.instance
        )


@pytest.fixture(scope="module")
def simulator(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("aer_simulator")


@pytest.fixture(scope="module")
def line(service: QiskitRuntimeService) -> IBMBackend:
    return service.backend("ideal_line")


def assert_same_samples(ours: Any, exact: Any, shots: int = SHOTS) -> None:
    """Compare the joint counts of every register with those of an exact sampler, 5 sigma per outcome."""
    assert set(ours.data) == set(exact.data)
    for name in exact.data:
        mine, theirs = ours.data[name], exact.data[name]
        assert (mine.shape, mine.num_bits, mine.num_shots) == (theirs.shape, theirs.num_bits, shots)
        for place in np.ndindex(theirs.shape):
            counts, wanted = mine[place].get_counts(), theirs[place].get_counts()
            for outcome in counts.keys() | wanted.keys():
                p = (counts.get(outcome, 0) + wanted.get(outcome, 0)) / (shots + theirs.num_shots)
                sigma = math.sqrt(p * (1 - p) * (1 / shots + 1 / theirs.num_shots))
                difference = counts.get(outcome, 0) / shots - wanted.get(outcome, 0) / theirs.num_shots
                assert abs(difference) <= SIGMAS * sigma + 1e-12, (name, place, outcome)


def sampled(backend: IBMBackend, pub: Any, exact_pub: Any = None) -> Any:
    result = SamplerV2(backend, options=SEED).run([pub], shots=SHOTS).result()
    exact = StatevectorSampler(seed=11).run([exact_pub or pub], shots=4 * SHOTS).result()
    assert_same_samples(result[0], exact[0])
    return result[0]


def estimated(backend: IBMBackend, pub: Any, exact_pub: Any = None, precision: float = 0.01) -> Any:
    result = EstimatorV2(backend, options=SEED).run([pub], precision=precision).result()
    exact = StatevectorEstimator().run([exact_pub or pub], precision=0).result()
    evs, stds, wanted = result[0].data.evs, result[0].data.stds, exact[0].data.evs
    assert np.shape(evs) == np.shape(stds) == np.shape(wanted)
    # The error bar of the estimate itself, and what the precision asked for allows where it came out as 0. Between a few
    # randomizations it is itself uncertain, so that deviations are those of Student's t; over all shots it is not.
    stds = np.maximum(stds, result[0].data.ensemble_standard_error)
    norm = np.max([sum(map(abs, one.values())) for one in np.ravel(np.array(_observables(exact_pub or pub)))])
    assert np.all(np.abs(evs - wanted) <= SIGMAS * np.maximum(stds, precision * norm / 10) + 1e-12)
    return result[0]


def _observables(pub: Any) -> Any:
    from qiskit.primitives.containers.observables_array import ObservablesArray

    return ObservablesArray.coerce(pub[1]).ravel()


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    return circuit.measure_all(inplace=False)


# -- the sampler ---------------------------------------------------------------------------------------------


def test_bell(simulator: IBMBackend) -> None:
    result = sampled(simulator, measured(bell()))

    assert set(result.data.meas.get_counts()) == {"00", "11"}


def test_ghz_of_ten(simulator: IBMBackend) -> None:
    circuit = QuantumCircuit(10)
    circuit.h(0)
    for qubit in range(9):
        circuit.cx(qubit, qubit + 1)

    result = sampled(simulator, measured(circuit))

    assert set(result.data.meas.get_counts()) == {"0" * 10, "1" * 10}


def test_twelve_vector_parameters_keep_their_order(simulator: IBMBackend) -> None:
    vector = ParameterVector("θ", 12)
    circuit = QuantumCircuit(4)
    for layer in range(3):
        for qubit in range(4):
            circuit.ry(vector[4 * layer + qubit], qubit)
        for qubit in range(3):
            circuit.cx(qubit, qubit + 1)

    sampled(simulator, (measured(circuit), np.linspace(0.1, 3.0, 12)))
    estimated(simulator, (circuit, ["ZIII", "IZII", "XXII", "IIYY"], np.linspace(0.1, 3.0, 12)))


@pytest.mark.parametrize("name", ["gate", "c-1", "Meas", "measure", "x", "μ", "my reg", "_", "0"])
def test_registers_of_any_name_come_back(simulator: IBMBackend, name: str) -> None:
    register = ClassicalRegister(3, name)
    circuit = QuantumCircuit(QuantumRegister(3, "q"), register)
    circuit.x(0)
    circuit.h(2)
    circuit.measure([0, 1, 2], register)

    result = sampled(simulator, circuit)

    assert set(result.data[name].get_counts()) == {"001", "101"}


def test_two_registers_keep_their_bits_and_their_correlation(simulator: IBMBackend) -> None:
    late, early = ClassicalRegister(2, "z"), ClassicalRegister(9, "a")
    circuit = QuantumCircuit(QuantumRegister(11, "q"), late, early)
    circuit.h(0)
    circuit.cx(0, 10)
    circuit.x(3)
    circuit.measure([0, 3], late)
    circuit.measure([10, *range(1, 9)], early)

    result = sampled(simulator, circuit)

    assert list(result.data) == ["z", "a"]
    # a, then z; z[0] and a[0] agree, z[1] and a[3] are one.
    assert set(result.join_data().get_counts()) == {"00000100010", "00000100111"}


def test_bits_measured_in_the_middle_steer_what_follows(simulator: IBMBackend) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.ry(1.0, 0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.reset(1)
    circuit.measure(1, 1)

    result = SamplerV2(simulator, options=SEED).run([circuit], shots=SHOTS).result()[0]

    counts = result.data.c.get_counts()
    p = math.sin(0.5) ** 2
    assert set(counts) == {"00", "11"}
    assert abs(counts["11"] / SHOTS - p) <= SIGMAS * math.sqrt(p * (1 - p) / SHOTS)


A, B = Parameter("b[1]"), Parameter("a 0")


def rotated() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(2 * A + 0.1, 0)
    circuit.rx(B - A, 1)
    circuit.cx(0, 1)
    return circuit


VALUE_FORMS: list[tuple[str, Any]] = [
    ("list", [0.3, 0.9]),
    ("array", np.array([0.3, 0.9])),
    ("nested list", [[0.3, 0.9], [1.0, 2.0], [0.0, 0.0]]),
    ("2 x 4 array", np.linspace(0, 3, 16).reshape(2, 4, 2)),
    ("one set in a list", [[0.3, 0.9]]),
    ("dict by name", {"b[1]": 0.3, "a 0": 0.9}),
    ("dict by parameter", {A: [0.3, 0.4], B: [0.9, 1.0]}),
    ("dict of several", {("b[1]", "a 0"): [[0.3, 0.9], [0.1, 0.2]]}),
    ("BindingsArray", BindingsArray({(B, A): np.linspace(0, 1, 12).reshape(3, 2, 2)})),
    ("many", np.linspace(0, 3, 300).reshape(150, 2)),
]


@pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in VALUE_FORMS])
def test_parameter_values_of_every_form(simulator: IBMBackend, values: Any) -> None:
    estimated(simulator, (rotated(), ["ZI", "IZ"] if np.ndim(values) == 1 else "ZI", values), precision=0.05)
    if np.size(values) < 100:
        sampled(simulator, (measured(rotated()), values))


def test_several_pubs_in_one_job_keep_their_order_and_shots(simulator: IBMBackend) -> None:
    pubs = [measured(bell()), (measured(rotated()), [[0.3, 0.9]], 50), (measured(bell()), None, 70)]

    results = SamplerV2(simulator).run(pubs, shots=20).result()

    assert [result.data.meas.num_shots for result in results] == [20, 50, 70]
    assert [result.data.meas.shape for result in results] == [(), (1,), ()]
    assert [result.metadata["shots"] for result in results] == [20, 50, 70]


def test_no_pubs_give_no_results(simulator: IBMBackend) -> None:
    assert len(SamplerV2(simulator).run([]).result()) == 0
    assert len(EstimatorV2(simulator).run([]).result()) == 0


@pytest.mark.parametrize("circuit_format", ["qasm3", "qpy"])
@pytest.mark.filterwarnings("ignore:support_qiskit = False has no effect")  # on retired servers
@pytest.mark.parametrize("support_qiskit", [True, False])
def test_every_way_to_write_a_job_gives_the_same(
    simulator: IBMBackend, circuit_format: str, support_qiskit: bool
) -> None:
    options = {**SEED, "circuit_format": circuit_format, "support_qiskit": support_qiskit}
    register = ClassicalRegister(2, "c-1")
    circuit = rotated()
    circuit.add_register(register)
    circuit.measure([0, 1], register)
    circuit.metadata = {"mark": 3}

    samples = (
        SamplerV2(simulator, options=options).run([(circuit, [[0.3, 0.9], [1, 2]])], shots=SHOTS).result()[0]
    )
    values = (
        EstimatorV2(simulator, options=options)
        .run([(rotated(), "XX", [0.3, 0.9])], precision=0.02)
        .result()[0]
    )

    exact = StatevectorSampler(seed=1).run([(circuit, [[0.3, 0.9], [1, 2]])], shots=4 * SHOTS).result()[0]
    assert_same_samples(samples, exact)
    assert samples.metadata["circuit_metadata"] == {"mark": 3}
    wanted = StatevectorEstimator().run([(rotated(), "XX", [0.3, 0.9])], precision=0).result()[0].data.evs
    assert abs(values.data.evs - wanted) <= SIGMAS * 0.02
    assert values.metadata["target_precision"] == 0.02


# -- the estimator -------------------------------------------------------------------------------------------

OBSERVABLE_FORMS: list[tuple[str, Any]] = [
    ("label", "ZZ"),
    ("Pauli", Pauli("-XY")),
    ("SparsePauliOp", SparsePauliOp(["ZZ", "XI", "YY"], [1.0, -0.5, 0.25])),
    ("dict", {"ZZ": 1.0, "XX": -2}),
    ("labels", ["ZZ", "XX", "YI"]),
    ("nested dicts", [[{"ZI": 1.0}], [{"IZ": 0.5, "XX": -0.25}]]),
    ("operators", [SparsePauliOp("ZZ"), SparsePauliOp(["XX", "II"], [1, 2])]),
    ("identity", "II"),
]


@pytest.mark.parametrize("observables", [pytest.param(form, id=name) for name, form in OBSERVABLE_FORMS])
def test_observables_of_every_form(simulator: IBMBackend, observables: Any) -> None:
    circuit = bell()
    circuit.ry(0.4, 0)

    estimated(simulator, (circuit, observables))


def test_observables_broadcast_against_values_as_in_qiskit(simulator: IBMBackend) -> None:
    observables = [[["ZZ"]], [["XX"]], [["IY"]]]
    values = np.linspace(0, 3, 16).reshape(2, 4, 2)

    result = estimated(simulator, (rotated(), observables, values), precision=0.03)

    assert result.data.evs.shape == (3, 2, 4)


def test_a_column_of_observables_broadcasts_against_rows_of_values(simulator: IBMBackend) -> None:
    result = estimated(
        simulator, (rotated(), [["ZZ"], ["XX"], ["IY"]], np.linspace(0, 3, 8).reshape(4, 2)), precision=0.03
    )

    assert result.data.evs.shape == (3, 4)


def test_precision_comes_from_the_pub_then_the_call_then_the_options(simulator: IBMBackend) -> None:
    estimator = EstimatorV2(simulator, options={"default_precision": 0.2})

    job = estimator.run([(bell(), "ZZ"), (bell(), "ZZ", None, 0.05)], precision=0.1)
    alone = estimator.run([(bell(), "ZZ")])

    assert [result.metadata["target_precision"] for result in job.result()] == [0.1, 0.05]
    assert alone.result()[0].metadata["target_precision"] == 0.2


# -- a device with connectivity ------------------------------------------------------------------------------


def test_an_isa_circuit_and_observables_of_device_width(line: IBMBackend) -> None:
    ansatz = efficient_su2(3, reps=1)
    hamiltonian = SparsePauliOp(["ZZI", "IXX", "YIY", "ZII"], [1.0, 0.5, -0.7, 0.3])
    manager = generate_preset_pass_manager(1, backend=line, initial_layout=[9, 4, 6], seed_transpiler=3)
    isa = manager.run(ansatz)
    values = np.linspace(0, 2, ansatz.num_parameters)

    assert isa.num_qubits == 16
    estimated(line, (isa, hamiltonian.apply_layout(isa.layout), values), (ansatz, hamiltonian, values))
    sampled(line, (manager.run(measured(ansatz)), values), (measured(ansatz), values))


def test_a_wide_noisy_device_gives_nearly_the_exact_answer(service: QiskitRuntimeService) -> None:
    backend = service.backend("local_heron")
    manager = generate_preset_pass_manager(1, backend=backend, seed_transpiler=3)
    isa = manager.run(bell())

    counts = (
        SamplerV2(backend, options=SEED)
        .run([manager.run(measured(bell()))])
        .result()[0]
        .data.meas.get_counts()
    )
    value = (
        EstimatorV2(backend, options=SEED)
        .run([(isa, SparsePauliOp("ZZ").apply_layout(isa.layout))])
        .result()[0]
        .data.evs
    )

    assert (counts["00"] + counts["11"]) / sum(counts.values()) > 0.8
    assert 0.6 < value <= 1.05


def test_a_job_reopened_by_its_id_gives_the_same_result(
    service: QiskitRuntimeService, simulator: IBMBackend
) -> None:
    register = ClassicalRegister(2, "c-1")
    circuit = QuantumCircuit(QuantumRegister(2), register, metadata={"mark": 1})
    circuit.h(0)
    circuit.measure([0, 1], register)
    job = SamplerV2(simulator).run([circuit], shots=100)

    again = service.job(job.job_id()).result()

    assert again[0].data["c-1"].get_counts() == job.result()[0].data["c-1"].get_counts()
    assert again[0].metadata == job.result()[0].metadata


# -- a service that has given its own programs up ------------------------------------------------------------


@pytest.fixture(scope="module")
def tomorrow() -> Iterator[IBMBackend]:
    with serve(settings=lambda it: replace(it, retired=frozenset({"sampler", "estimator"}))) as server:
        endpoint = server.endpoint
        service = QiskitRuntimeService(
            channel="local", url=endpoint.url, token=endpoint.token, instance=endpoint.instance
        )
        yield service.backend("aer_simulator")


@pytest.mark.parametrize(
    "values", [pytest.param(values, id=name) for name, values in VALUE_FORMS if np.size(values) < 100]
)
def test_both_primitives_run_where_there_are_no_programs_for_them(tomorrow: IBMBackend, values: Any) -> None:
    sampled(tomorrow, (measured(rotated()), values))
    pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
    estimated(tomorrow, (rotated(), "ZI", values), precision=0.02)


def test_registers_and_shots_are_those_of_the_pubs_there_too(tomorrow: IBMBackend) -> None:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "low"), ClassicalRegister(1, "high"))
    circuit.h(0)
    circuit.cx([0, 0], [1, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])
    pubs = [(circuit, None, 100), measured(bell()), (circuit, None, 1000)]

    result = SamplerV2(tomorrow).run(pubs, shots=300).result()

    assert [list(pub.data) for pub in result] == [["low", "high"], ["meas"], ["low", "high"]]
    for pub, shots in zip(result, (100, 300, 1000), strict=True):
        joined = pub.join_data()
        assert (joined.num_shots, set(joined.get_counts())) == (
            shots,
            {"0" * joined.num_bits, "1" * joined.num_bits},
        )
