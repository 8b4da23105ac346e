"""``Executor``: quantum programs run on the server, their arrays against exact distributions."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorSampler
from qiskit.quantum_info import PauliLindbladMap, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, pauli_error

from qiskit_rest_primitives import (
    Batch,
    Executor,
    ExecutorOptions,
    IBMInputValueError,
    QuantumProgram,
    Session,
    SessionClosedError,
)
from qiskit_rest_primitives.executor.quantum_program import CircuitItem, SamplexItem
from qiskit_rest_primitives.jobs.decoders import DEFAULT_DECODERS
from qiskit_rest_primitives.results.quantum_program import QuantumProgramResult

THETA = Parameter("theta")


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, metadata={"of": "mine"})
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def turned() -> QuantumCircuit:
    """Two registers, of which the second is of the circuit's user; qubit 1 follows qubit 0."""
    circuit = QuantumCircuit(2)
    circuit.ry(THETA, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def program(*items: tuple[Any, ...], shots: int = 1000, **more: Any) -> QuantumProgram:
    made = QuantumProgram(shots, **more)
    for item in items:
        made.append_circuit_item(*item)
    return made


def isa(backend: Any, circuit: QuantumCircuit) -> QuantumCircuit:
    return generate_preset_pass_manager(1, backend=backend, seed_transpiler=3).run(circuit)


def test_a_bell_pair_is_measured_as_the_statevector_says(simulator: Any) -> None:
    result = Executor(mode=simulator).run(program((bell(),), shots=4000)).result()

    assert isinstance(result, QuantumProgramResult)
    found = result[0]["meas"]
    assert (found.shape, found.dtype) == ((4000, 2), np.bool_)
    counts = StatevectorSampler(seed=1).run([bell()], shots=4000).result()[0].data.meas.get_counts()
    assert (found[:, 0] == found[:, 1]).all()
    assert set(counts) == {"00", "11"}
    assert found[:, 0].mean() == pytest.approx(0.5, abs=5 * 0.5 / 4000**0.5)


def test_a_sweep_has_the_shape_of_its_values_in_front(simulator: Any) -> None:
    angles = np.linspace(0, np.pi, 6).reshape(2, 3, 1)

    result = Executor(mode=simulator).run(program((turned(), angles), (bell(),), shots=4000)).result()

    found = result[0]["meas"]
    assert found.shape == (2, 3, 4000, 2)
    exact = np.vectorize(
        lambda angle: Statevector(
            turned().remove_final_measurements(False).assign_parameters([angle])
        ).probabilities()[3]
    )(angles[..., 0])
    np.testing.assert_allclose(found.all(axis=-1).mean(axis=-1), exact, atol=5 * 0.5 / 4000**0.5)
    assert (len(result), [entry["meas"].shape for entry in result[1:]]) == (2, [(4000, 2)])
    assert [[part.size for part in span.parts] for span in result.timing] == [[6], [1]]
    assert result.timing.duration > 0


def test_bit_0_comes_first_and_registers_keep_their_names(simulator: Any) -> None:
    circuit = QuantumCircuit(3, 2)
    circuit.x(2)
    circuit.measure([0, 2], [0, 1])
    circuit.measure_all()

    (item,) = Executor(mode=simulator).run(program((circuit,), shots=3)).result()

    assert set(item) == {"c", "meas"}
    assert item["c"].tolist() == [[False, True]] * 3
    assert item["meas"].tolist() == [[False, False, True]] * 3


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("kerneled", {"meas_iq": ((100, 2), np.complex128)}),
        ("avg_kerneled", {"meas_avg_iq": ((2,), np.complex128)}),
        ("both", {"meas": ((100, 2), np.bool_), "meas_iq": ((100, 2), np.complex128)}),
    ],
)
def test_measurements_can_be_had_as_signals(level: Any, expected: dict[str, Any], heron: Any) -> None:
    made = program((isa(heron, bell()),), shots=100, meas_level=level)

    (item,) = Executor(mode=heron).run(made).result()

    assert {name: (array.shape, array.dtype) for name, array in item.items()} == expected


def test_what_is_sent_along_comes_back(simulator: Any) -> None:
    sent = {"mine": [1, None, {"x": np.arange(3)}], "n": np.int64(4)}

    result = Executor(mode=simulator).run(program((bell(),), shots=1, passthrough_data=sent)).result()

    assert result.passthrough_data["mine"][:2] == [1, None]
    assert result.passthrough_data["mine"][2]["x"].tolist() == [0, 1, 2]
    assert result.passthrough_data["n"] == 4


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
def test_a_job_is_found_again_with_its_program_options_and_result(service: Any, simulator: Any) -> None:
    executor = Executor(simulator, {"environment": {"job_tags": ["directed"]}, "max_execution_time": 60})
    executor.options.execution.init_qubits = True
    executor.options.experimental = {"x": 1}
    job = executor.run(program((turned(), [[0.5]]), shots=70))

    again = service.job(job.job_id())

    assert (again.primitive_id, again.tags, again._record.cost) == ("executor", ["directed"], 60)
    np.testing.assert_array_equal(again.result()[0]["meas"], job.result()[0]["meas"])
    read = again.inputs["quantum_program"]
    assert (read.shots, read.items[0].circuit) == (70, turned())
    assert isinstance(read.items[0], CircuitItem)
    assert again.inputs["options"].model_dump(exclude_unset=True) == {
        "execution": {"init_qubits": True},
        "experimental": {"x": 1},
    }
    text = service.api().job_results(job.job_id()).decode()
    decoder = DEFAULT_DECODERS["executor"][0]
    np.testing.assert_array_equal(decoder.decode(text)[0]["meas"], job.result()[0]["meas"])


def test_programs_run_in_sessions_and_batches(simulator: Any) -> None:
    for kind in (Session, Batch):
        with kind(backend=simulator) as session:
            executor = Executor()
            made = QuantumProgram(10, [CircuitItem(bell(), chunk_size=4)])
            job = executor.run(made)
        assert (executor.mode, job.session_id) == (session, session.session_id)
        assert job.result()[0]["meas"].shape == (10, 2)
        with pytest.raises(SessionClosedError):
            executor.run(made)


def test_a_private_job_withholds_its_program(simulator: Any) -> None:
    executor = Executor(simulator, {"environment": {"private": True}})

    job = executor.run(program((bell(),), shots=5))

    assert job.result()[0]["meas"].shape == (5, 2)
    assert (job.private, job.inputs) == (True, {})


def test_a_dry_run_is_answered_at_random_by_the_mock(heron: Any) -> None:
    made = program((isa(heron, bell()),), shots=200)

    found = Executor(heron).run(made, dry_run=True).result()[0]["meas"]

    assert found.shape == (200, 2)
    assert (found[:, 0] != found[:, 1]).mean() > 0.2


def test_a_local_backend_runs_programs_with_a_seed() -> None:
    made = program((bell(),), shots=200)

    def run(seed: int) -> Any:
        options = ExecutorOptions(simulator={"seed_simulator": seed})
        return Executor(mode=AerSimulator(), options=options).run(made).result()[0]["meas"]

    assert (run(0) == run(0)).all()
    assert (run(0) != run(1)).any()


def test_a_program_can_bring_its_noise() -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), ["measure"])
    options = ExecutorOptions(simulator={"noise_model": model})
    flipped = QuantumCircuit(2)
    flipped.x(1)
    flipped.measure_all()

    # Measuring flips the qubit that nothing else acts on, too.
    found = Executor(AerSimulator(), options).run(program((flipped,), shots=20)).result()[0]["meas"]
    assert found.tolist() == [[True, False]] * 20


def test_a_program_can_bring_the_noise_of_its_layers() -> None:
    backend = AerSimulator(coupling_map=[[0, 1]], n_qubits=2)
    layer = QuantumCircuit(QuantumRegister(2, "q"))
    with layer.box():
        layer.cz(0, 1)
    executor = Executor(backend)
    executor.options.simulator.layer_noise_model = [
        (layer.data[0], PauliLindbladMap.from_sparse_list([("XX", [0, 1], 0.3)], 2))
    ]
    measured = QuantumCircuit(2)
    measured.cz(0, 1)
    measured.measure_all()

    found = executor.run(program((measured,), shots=4000)).result()[0]["meas"]

    assert (found[:, 0] == found[:, 1]).all()
    assert found[:, 0].mean() == pytest.approx((1 - np.exp(-0.6)) / 2, abs=5 * 0.5 / 4000**0.5)


def test_options_without_effect_are_named_once_for_a_local_backend() -> None:
    executor = Executor(mode=AerSimulator())
    executor.options.execution.scheduler_timing = True
    executor.options.simulator.angle_decimals = 3

    with pytest.warns(UserWarning, match="scheduler_timing, simulator.angle_decimals") as caught:
        executor.run(program((bell(),), shots=1)).result()
    assert caught[0].filename == __file__
    executor.run(program((bell(),), shots=1)).result()


def samplex_item(backend: Any) -> SamplexItem:
    samplomatic = pytest.importorskip("samplomatic", reason="pip install samplomatic to run samplex items")
    circuit = isa(backend, bell())
    boxes = samplomatic.transpiler.generate_boxing_pass_manager(enable_gates=True, enable_measures=True)
    return SamplexItem(*samplomatic.build(boxes.run(circuit)), shape=(20,))


def test_a_samplex_draws_randomisations_that_leave_the_distribution_alone(service: Any, heron: Any) -> None:
    item = samplex_item(heron)

    job = Executor(mode=heron).run(QuantumProgram(100, [item]))

    found = job.result()[0]
    flips = found["measurement_flips.meas"]
    assert (found["meas"].shape, flips.shape) == ((20, 100, 2), (20, 1, 2))
    assert flips.any()
    assert not flips.all()
    bits = found["meas"] ^ flips
    assert (bits[..., 0] == bits[..., 1]).mean() > 0.9
    assert bits[..., 0].mean() == pytest.approx(0.5, abs=5 * 0.5 / 2000**0.5)
    (read,) = service.job(job.job_id()).inputs["quantum_program"].items
    assert (type(read), read.shape) == (SamplexItem, (20,))


def test_programs_of_samplomatic_run_as_they_are(simulator: Any) -> None:
    library = pytest.importorskip(
        "samplomatic.quantum_program", reason="pip install 'samplomatic>=0.18' to run its programs"
    )
    theirs = library.QuantumProgram(shots=30)
    theirs.append_circuit_item(turned(), np.zeros((4, 1)))

    assert not Executor(mode=simulator).run(theirs).result()[0]["meas"].any()


def test_a_program_is_read_without_samplomatic_but_for_its_samplexes(
    service: Any, simulator: Any, heron: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Executor(mode=heron).run(QuantumProgram(1, [samplex_item(heron)]))
    random.result()
    for name in [name for name in sys.modules if name.partition(".")[0] == "samplomatic"]:
        monkeypatch.setitem(sys.modules, name, None)

    job = Executor(mode=simulator).run(program((bell(),), shots=5))

    assert job.result()[0]["meas"].shape == (5, 2)
    assert job.inputs["quantum_program"].shots == 5
    assert random.result()[0]["meas"].shape == (20, 1, 2)
    assert random.inputs["quantum_program"]["shots"] == 1


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([(bell(),)], "takes a QuantumProgram, not list; PUBs are run by SamplerV2"),
        (QuantumProgram(10), "has no items"),
        (program((bell(),), shots=0), "shots must be a whole number of at least 1; got 0"),
        (program((bell(),), shots=True), "got True"),
        (program((bell(),), meas_level="raw"), "meas_level must be one of classified"),
        (
            QuantumProgram(1, [CircuitItem(bell()), CircuitItem(bell(), chunk_size=2)]),
            "all items of a quantum program",
        ),
        (QuantumProgram(1, [CircuitItem(bell(), chunk_size=0)]), "chunk_size of an item must be at least 1"),
        (program((bell(),), passthrough_data=[{1}]), r"cannot be written: passthrough_data\[0\] is a set"),
        (program((bell(),), passthrough_data={"a": [0.5, float("nan")]}), r"passthrough_data.a\[1\] is nan"),
    ],
)
def test_a_malformed_program_is_refused_before_anything_is_sent(
    made: Any, words: str, simulator: Any, traffic: list[str]
) -> None:
    executor = Executor(mode=simulator)
    traffic.clear()

    with pytest.raises(ValueError, match=words):
        executor.run(made)
    assert traffic == []


def test_a_program_that_does_not_fit_the_device_is_refused(service: Any, heron: Any) -> None:
    with pytest.raises(IBMInputValueError, match=r"The circuit of item 1 does not fit .*instruction 'h'"):
        Executor(heron).run(program((isa(heron, bell()),), (bell(),)))
    fractional = service.backend("local_heron", use_fractional_gates=True)
    circuit = QuantumCircuit(2)
    circuit.rzz(THETA, *fractional.coupling_map.get_edges()[0])
    with pytest.raises(IBMInputValueError, match=r"item 0 has an rzz gate on qubits .* with angle 3\.0"):
        Executor(fractional).run(program((circuit, [[1.0], [3.0]])))


def test_options_are_checked_and_can_be_assigned(simulator: Any) -> None:
    executor = Executor(simulator)
    executor.options = {"execution": {"rep_delay": 1e-4}}

    assert executor.options.execution.rep_delay == 1e-4
    with pytest.raises(IBMInputValueError, match=r"set QuantumProgram\.shots"):
        executor.options.update(default_shots=5)
    with pytest.raises(TypeError, match="ExecutorOptions"):
        Executor(simulator, options=5)
    assert executor.options.to_wire().options == {"rep_delay": 1e-4}
    executor.options.simulator.seed_simulator = 3
    assert "experimental" not in executor.options.to_wire().options
