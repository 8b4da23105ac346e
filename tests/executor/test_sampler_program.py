"""``SamplerV2`` over the program ``executor``: the same samples, and a clear no to what it has no place for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import requests
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives import StatevectorSampler
from qiskit.primitives.containers import BitArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Operator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qiskit_rest_primitives import Batch, SamplerOptions, SamplerV2, Session
from qiskit_rest_primitives.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeProgramNotFound,
)
from qiskit_rest_primitives.executor.sampler_program import sampler_parts
from qiskit_rest_primitives.server.embedded import serve

VARIABLE = "QISKIT_REST_PRIMITIVES_PROGRAM"
SEED = {"simulator": {"seed_simulator": 5}}
TWIRLED = {"twirling": {"enable_gates": True, "enable_measure": True}}
KEYS = {"shots", "target_precision", "num_randomizations", "circuit_metadata", "resilience"}


def drawn(number: int, widest: int = 4) -> tuple[QuantumCircuit, np.ndarray[Any, Any]]:
    """Return a circuit and values: registers, parameters, metadata and shapes by chance, the same for the same number."""
    random = np.random.default_rng(number)
    width = int(random.integers(1, widest + 1))
    names = list(random.permutation(["meas", "c", "zeta", "a_1", "shots", "flag"]))
    sizes = [int(random.integers(1, width + 1)) for _ in range(int(random.integers(1, 4)))]
    registers = [ClassicalRegister(size, name) for size, name in zip(sizes, names, strict=False)]
    circuit = QuantumCircuit(
        QuantumRegister(width, "data"), *registers, metadata={"of": number, "at": (1, 2)}
    )
    count = int(random.choice([0, 2, 12]))
    vector = ParameterVector("theta", count)
    order = random.permutation(count)
    for step in range(max(count, 6)):
        qubit = int(random.integers(width))
        angle = vector[int(order[step])] if step < count else float(random.uniform(0, 3))
        circuit.rx(angle, qubit)
        if width > 1:
            circuit.cz(qubit, (qubit + 1) % width)
        circuit.sx(qubit)
    if number % 3 == 0:
        circuit.measure(0, registers[0][0])
        with circuit.if_test((registers[0][0], True)):
            circuit.x(width - 1)
    for register in registers:
        for bit in range(len(register)):
            circuit.measure(int(random.integers(width)), register[bit])
    shape = [(), (2,), (2, 3), (1, 2, 2)][number % 4]
    return circuit, random.uniform(-3, 3, (*shape, count))


def sampler(backend: Any, program: str | None = "executor", **options: Any) -> SamplerV2:
    return SamplerV2(backend, options=SEED | ({} if program is None else {"program": program}) | options)


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, metadata={"of": "mine"})
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


@pytest.fixture(scope="module")
def tomorrow() -> Iterator[Any]:
    """A server that has given the programs of the primitives up."""
    with serve(settings=lambda it: replace(it, retired=frozenset({"sampler", "estimator"}))) as server:
        yield server.endpoint


@pytest.fixture
def retired(tomorrow: Any, connect: Any) -> Any:
    """A device of a service that has not refused anything yet."""
    return connect(tomorrow).backend("aer_simulator")


@pytest.fixture(scope="module")
def isa_bell(heron: Any) -> QuantumCircuit:
    passes = generate_preset_pass_manager(1, backend=heron, seed_transpiler=3)
    made: QuantumCircuit = passes.run(bell())
    return made


def assert_equal_results(mine: Any, theirs: Any) -> None:
    assert len(mine) == len(theirs)
    for left, right in zip(mine, theirs, strict=True):
        assert list(left.data) == list(right.data)
        assert left.data.shape == right.data.shape
        for name in right.data:
            if isinstance(right.data[name], BitArray):
                assert left.data[name] == right.data[name]
            else:
                assert np.array_equal(left.data[name], right.data[name])
        for key in ("shots", "circuit_metadata", "num_randomizations", "resilience"):
            assert left.metadata[key] == right.metadata[key]


@pytest.mark.parametrize("block", range(4))
def test_both_programs_give_the_same_samples_at_the_same_seed(block: int, simulator: Any) -> None:
    """Registers of any number and width, a branch, sweeps of every shape, none, two or twelve parameters."""
    pubs = [drawn(number) for number in range(10 * block, 10 * block + 10)]

    results = [sampler(simulator, program).run(pubs, shots=20).result() for program in ("server", "executor")]

    assert_equal_results(*results)
    spans = results[1].metadata["execution"]["execution_spans"]
    assert all(spans.mask(index).any() for index in range(len(pubs))) if hasattr(spans, "mask") else spans
    assert set(results[1][0].metadata) >= KEYS


@pytest.mark.parametrize("level", ["classified", "kerneled", "avg_kerneled"])
def test_large_pubs_run_in_the_same_pieces_over_both(level: str, simulator: Any) -> None:
    circuit, angle = QuantumCircuit(2, 2), Parameter("a")
    circuit.rx(angle, 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    pub = (circuit, np.linspace(0, 3, 24).reshape(4, 6))
    options = {"execution": {"meas_type": level}}

    first, second = (
        sampler(simulator, program, **options).run([pub, pub], shots=20).result()
        for program in ("server", "executor")
    )

    assert_equal_results(first, second)
    mine, theirs = (one.metadata["execution"]["execution_spans"] for one in (first, second))
    assert len(mine) == len(theirs) == 12
    for left, right in zip(mine, theirs, strict=True):
        assert left.pub_idxs == right.pub_idxs
        np.testing.assert_array_equal(left.mask(left.pub_idxs[0]), right.mask(left.pub_idxs[0]))
        assert right.duration > 0


def test_many_shots_are_drawn_alike_over_both(simulator: Any) -> None:
    """The service's own program takes them in pieces, which a quantum program has one time for."""
    circuit = bell()

    first, second = (
        sampler(simulator, program).run([circuit], shots=100_001).result()
        for program in ("server", "executor")
    )

    assert_equal_results(first, second)
    assert [len(one.metadata["execution"]["execution_spans"]) for one in (first, second)] == [2, 1]


@pytest.mark.parametrize("level", ["classified", "kerneled", "avg_kerneled"])
def test_a_device_measures_the_same_over_both(level: str, heron: Any, isa_bell: QuantumCircuit) -> None:
    options = {"execution": {"meas_type": level}}

    first, second = (
        sampler(heron, program, **options).run([isa_bell, (isa_bell,)], shots=30).result()
        for program in ("server", "executor")
    )

    assert_equal_results(first, second)
    assert list(second[0].data) == ["meas"]


def test_a_noise_model_acts_over_both(simulator: Any) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.3, 2), ["cx"])
    options = {"simulator": {"seed_simulator": 5, "noise_model": noise}}

    first, second = (
        sampler(simulator, program, **options).run([bell()], shots=400).result()
        for program in ("server", "executor")
    )

    assert_equal_results(first, second)
    assert set(first[0].data.meas.get_counts()) == {"00", "01", "10", "11"}


# ------------------------------------------------------------------------------------------ which program


def posted(traffic: list[str]) -> list[str]:
    return [line for line in traffic if line.startswith("POST /jobs")]


def test_auto_asks_for_the_old_program_once_and_never_again(retired: Any, traffic: list[str]) -> None:
    traffic.clear()

    first = sampler(retired, "auto").run([bell()], shots=50)
    assert posted(traffic) == ["POST /jobs 404", "POST /jobs 200"]
    traffic.clear()
    second = sampler(retired, None).run([bell()], shots=50)  # another sampler of the same instance

    assert posted(traffic) == ["POST /jobs 200"]
    assert (first.primitive_id, second.primitive_id) == ("executor", "executor")
    assert_equal_results(first.result(), second.result())


def test_auto_uses_the_old_program_where_there_is_one(simulator: Any) -> None:
    assert sampler(simulator, "auto").run([bell()], shots=5).primitive_id == "sampler"


def test_server_means_the_old_program(retired: Any, traffic: list[str]) -> None:
    traffic.clear()

    with pytest.raises(RuntimeProgramNotFound, match="'sampler' is not served here"):
        sampler(retired, "server").run([bell()])

    assert posted(traffic) == ["POST /jobs 404"]
    assert retired.api.submissions.refused == set()


def test_auto_takes_no_other_refusal_for_that(service: Any, simulator: Any, traffic: list[str]) -> None:
    """A session that nobody knows is answered 404 too."""
    session = Session(simulator)
    session._session_id = "no-such-session"
    traffic.clear()

    with pytest.raises(IBMRuntimeError, match="session"):
        SamplerV2(session).run([bell()])

    assert posted(traffic) == ["POST /jobs 404"]
    assert service.backend("aer_simulator").api.submissions.refused == set()


@pytest.mark.parametrize(
    ("variable", "option", "used"),
    [
        ("executor", None, "executor"),
        ("executor", "server", "sampler"),
        ("server", "executor", "executor"),
        ("auto", None, "sampler"),
        ("", None, "sampler"),
    ],
)
def test_the_variable_holds_where_the_option_is_not_set(
    variable: str, option: str | None, used: str, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, variable)

    assert sampler(simulator, option).run([bell()], shots=3).primitive_id == used


def test_a_wrong_word_is_refused(simulator: Any, traffic: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IBMInputValueError, match="program"):
        SamplerOptions(program="client")
    monkeypatch.setenv(VARIABLE, "client")
    traffic.clear()

    with pytest.raises(
        IBMInputValueError, match=f"{VARIABLE} must be auto, server or executor, not 'client'"
    ):
        sampler(simulator, None).run([bell()])

    assert posted(traffic) == []


def test_a_server_that_retired_a_program_does_not_show_it_either(tomorrow: Any) -> None:
    headers = {"Authorization": f"apikey {tomorrow.token}", "Service-CRN": tomorrow.instance}
    submission = {"program_id": "sampler", "backend": "aer_simulator", "params": {"circuits": []}}

    answer = requests.post(f"{tomorrow.url}/jobs", json=submission, headers=headers, timeout=600)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (404, "not_found")
    assert error["message"] == "Program 'sampler' is not served here."
    listed = requests.get(f"{tomorrow.url}/programs", headers=headers, timeout=600).json()["programs"]
    assert {"sampler", "estimator"} & {entry["id"] for entry in listed} == set()
    assert listed


# ---------------------------------------------------------------------------------------- what it carries


def test_a_job_is_what_the_options_say(retired: Any) -> None:
    options = {
        "environment": {"job_tags": ["a", "b"], "log_level": "ERROR"},
        "max_execution_time": 77,
        "execution": {"init_qubits": True, "scheduler_timing": True},
        "experimental": {"execution": {"stretch_values": True}, "new": {"thing": 1}},
    }
    with pytest.warns(UserWarning, match="no effect"):
        job = sampler(retired, **options).run([bell()], shots=9)

    sent = job.inputs["options"].execution
    assert (sent.scheduler_timing, sent.stretch_values, sent.init_qubits) == (True, True, True)
    params = retired.api.job(job.job_id(), exclude_params=False).params
    assert params["options"]["experimental"] == {"new": {"thing": 1}, "simulator": {"seed_simulator": 5}}
    assert params["quantum_program"]["semantic_role"] == "sampler_v2"
    assert job.tags == ["a", "b"]
    assert retired.service.job(job.job_id()).result()[0].data.meas.num_shots == 9


def test_sessions_batches_and_dry_runs(
    retired: Any, isa_bell: QuantumCircuit, tomorrow: Any, connect: Any
) -> None:
    with Session(retired) as session:
        job = sampler(session, "auto").run([bell()], shots=5)
        assert job.session_id == session.session_id
    with Batch(retired) as batch:
        assert sampler(batch, "auto").run([bell()], shots=5).session_id == batch.session_id
    heron = connect(tomorrow).backend("local_heron")

    checked = sampler(heron, "auto").run([isa_bell], shots=64, dry_run=True).result()

    assert checked[0].data.meas.num_shots == 64


def test_a_private_job_is_read_once(retired: Any) -> None:
    job = sampler(retired, environment={"private": True}).run([bell()], shots=40)

    assert set(job.result()[0].data.meas.get_counts()) <= {"00", "11"}
    with pytest.raises(RuntimeInvalidStateError):
        retired.service.job(job.job_id()).result()


def test_the_shots_are_those_of_the_pub_then_the_call_then_the_options(simulator: Any) -> None:
    def shots(*, options: dict[str, Any], **run: Any) -> list[int]:
        result = sampler(simulator, **options).run(**run).result()
        return [pub.data.meas.num_shots for pub in result]

    assert shots(options={"default_shots": 7}, pubs=[(bell(), None, 5), (bell(), None, 5)], shots=6) == [5, 5]
    assert shots(options={"default_shots": 7}, pubs=[bell()], shots=6) == [6]
    assert shots(options={"default_shots": 7}, pubs=[bell()]) == [7]
    assert shots(options={}, pubs=[bell()]) == [4096]


# ------------------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"experimental": {"twirling": {"enable_gates": True}}},
            "PUB 1 cannot be sent: it cannot be twirled",
        ),
        ({"experimental": {"execution": {"meas_type": "moods"}}}, "Option execution.meas_type must be"),
        ({"execution": {"meas_type": "kerneled"}, **TWIRLED}, "meas_type = 'kerneled' does not go together"),
        ({"twirling": {"enable_gates": True}}, "PUB 1 cannot be sent: it cannot be twirled"),
    ],
)
def test_what_it_cannot_carry_is_refused_by_name_and_not_sent(
    options: dict[str, Any], reason: str, simulator: Any, traffic: list[str]
) -> None:
    traffic.clear()

    rotated = QuantumCircuit(2)
    rotated.ry(Parameter("angle"), 0)  # of no form that samplomatic knows
    rotated.cx(0, 1)
    rotated.measure_all()
    with pytest.raises(IBMInputValueError, match=reason):
        sampler(simulator, **options).run([bell(), (rotated, [0.1])])

    assert posted(traffic) == []


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
def test_experimental_options_are_those_of_their_names_and_the_rest_is_sent(simulator: Any) -> None:
    unknown = {"execution": {"fast_parametric_update": True, "meas_type": "kerneled"}, "of_ours": [1]}
    options = {"experimental": {**unknown, "default_shots": 3}}

    job = sampler(simulator, **options).run([bell()])

    assert job.result()[0].data.meas.shape == (3, 2)
    assert job.result()[0].data.meas.dtype == np.complex128
    params = simulator.api.job(job.job_id(), exclude_params=False).params
    kept = {"execution": {"fast_parametric_update": True}, "of_ours": [1]}
    assert params["options"]["experimental"].items() >= kept.items()
    assert options["experimental"].keys() == {"execution", "of_ours", "default_shots"}


@pytest.mark.filterwarnings("ignore:The circuit of PUB:UserWarning")
def test_a_circuit_without_registers_has_an_empty_result_of_its_shape(simulator: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("a"), 0)
    pubs = [(circuit, [[[0.1], [0.2]]]), bell(), (circuit, [0.3])]

    results = [sampler(simulator, program).run(pubs, shots=5).result() for program in ("server", "executor")]

    for left, right in zip(*results, strict=True):
        assert list(left.data) == list(right.data)
        assert left.data.shape == right.data.shape


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
@pytest.mark.parametrize("options", [{}, {"default_shots": 7}, TWIRLED])
def test_no_pubs_are_a_program_without_items(options: dict[str, Any], simulator: Any) -> None:
    results = [sampler(simulator, program, **options).run([]).result() for program in ("server", "executor")]

    assert [len(result) for result in results] == [0, 0]
    assert len(results[1].metadata["execution"]["execution_spans"]) == 0


def test_decoupling_is_without_effect_where_nothing_takes_time(simulator: Any) -> None:
    with pytest.warns(UserWarning, match="dynamical_decoupling has no effect on 'aer_simulator'") as caught:
        result = sampler(simulator, dynamical_decoupling={"enable": True}).run([bell()], shots=20).result()

    assert caught[0].filename == __file__
    plain = sampler(simulator).run([bell()], shots=20).result()
    assert_equal_results(result, plain)


def test_only_twirling_needs_the_extra(
    heron: Any, isa_bell: QuantumCircuit, traffic: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "samplomatic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "samplomatic", None)
    traffic.clear()

    with pytest.raises(ImportError, match=r'pip install "qiskit-rest-primitives\[executor\]"'):
        sampler(heron, **TWIRLED).run([isa_bell])

    assert posted(traffic) == []
    result = sampler(heron, dynamical_decoupling={"enable": True}).run([isa_bell], shots=20).result()
    assert result[0].data.meas.num_shots == 20


# --------------------------------------------------------------------------------- twirling and decoupling


@pytest.fixture(scope="module")
def turned(heron: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "low"), ClassicalRegister(1, "high"))
    vector = ParameterVector("t", 12)
    for index in (11, 2, 10, 0, 1, 3, 4, 5, 6, 7, 8, 9):
        circuit.rx(vector[index], index % 3)
        circuit.cz(index % 3, (index + 1) % 3)
    circuit.measure([0, 1, 2], [0, 1, 2])
    made: QuantumCircuit = generate_preset_pass_manager(1, backend=heron, seed_transpiler=3).run(circuit)
    return made


@pytest.mark.parametrize(
    ("twirling", "number", "each"),
    [
        ({"enable_gates": True}, 32, 125),
        ({"enable_measure": True, "num_randomizations": 10}, 10, 400),
        ({"enable_gates": True, "shots_per_randomization": 64, "group": "local_c1"}, 63, 64),
        (
            {
                "enable_gates": True,
                "enable_measure": True,
                "num_randomizations": 3,
                "shots_per_randomization": 500,
                "strategy": "all",
            },
            8,
            500,
        ),
    ],
)
def test_twirling_leaves_an_ideal_circuit_alone(
    twirling: dict[str, Any], number: int, each: int, heron: Any, turned: QuantumCircuit
) -> None:
    values = np.random.default_rng(2).uniform(0, 3, (2, 12))
    ideal = {"seed_simulator": 8, "noise_model": NoiseModel(["cz", "rz", "sx", "x"])}

    result = sampler(heron, twirling=twirling, simulator=ideal).run([(turned, values)], shots=4000).result()

    metadata = result[0].metadata
    assert (metadata["num_randomizations"], metadata["shots"]) == (number, number * each)
    bound = [turned.assign_parameters(row) for row in values]
    exact = [
        StatevectorSampler(seed=1).run([narrow(circuit)], shots=50_000).result()[0].data for circuit in bound
    ]
    for place in range(2):
        for name in ("low", "high"):
            found = result[0].data[name][place]
            assert_same(found, exact[place][name])
    spans = result.metadata["execution"]["execution_spans"]
    assert type(spans[0]).__name__ == "TwirledSliceSpanV2"


def narrow(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit without the qubits that nothing acts on."""
    used = sorted(
        {
            circuit.find_bit(bit).index
            for step in circuit.data
            for bit in step.qubits
            if step.name != "barrier"
        }
    )
    made = QuantumCircuit(QuantumRegister(len(used)), *circuit.cregs)
    for step in circuit.data:
        if step.name != "barrier":
            made.append(
                step.operation, [used.index(circuit.find_bit(bit).index) for bit in step.qubits], step.clbits
            )
    return made


def assert_same(found: BitArray, exact: BitArray) -> None:
    counts, wanted = found.get_counts(), exact.get_counts()
    for outcome in counts.keys() | wanted.keys():
        p = wanted.get(outcome, 0) / exact.num_shots
        sigma = (max(p * (1 - p), 1e-4) * (1 / found.num_shots + 1 / exact.num_shots)) ** 0.5
        assert abs(counts.get(outcome, 0) / found.num_shots - p) < 5 * sigma, outcome


def test_twirled_readout_is_as_likely_to_be_wrong_both_ways(simulator: Any) -> None:
    """A readout that only loses ones: twirled, zeros are misread as often."""
    noise = NoiseModel(["cz", "rz", "sx", "x"])
    noise.add_all_qubit_readout_error([[1, 0], [0.4, 0.6]])
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    options = {"simulator": {"seed_simulator": 3, "noise_model": noise}}

    plain = sampler(simulator, **options).run([circuit], shots=2000).result()[0].data.c
    twirling = {"enable_measure": True, "num_randomizations": 200}
    twirled = sampler(simulator, twirling=twirling, **options).run([circuit], shots=2000).result()[0].data.c

    assert plain.get_counts() == {"0": 2000}
    assert twirled.get_counts()["1"] == pytest.approx(
        400, abs=5 * (2000 * 0.2 * 0.8 + 200 * 25 * 0.04) ** 0.5
    )


@pytest.mark.parametrize("sequence", ["XX", "XpXm", "XY4"])
@pytest.mark.parametrize("method", ["alap", "asap"])
def test_decoupling_puts_pulses_where_qubits_idle_and_changes_nothing_else(
    sequence: str, method: str, heron: Any
) -> None:
    circuit = QuantumCircuit(heron.num_qubits, 3)
    circuit.sx([0, 1, 2])
    circuit.barrier(0, 1, 2)
    for _ in range(6):
        circuit.cz(0, 1)
        circuit.sx(1)
    circuit.barrier(0, 1, 2)
    circuit.sx([0, 1, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])
    options = SamplerOptions(
        dynamical_decoupling={"enable": True, "sequence_type": sequence, "scheduling_method": method}
    )

    (part,) = sampler_parts([SamplerPub.coerce(circuit, 10)], options, heron)

    made = part.program.items[0].circuit
    on_two = [step.name for step in made.data if made.qubits[2] in step.qubits and step.name != "barrier"]
    assert on_two.count("x") == (4 if sequence == "XY4" else 2)
    assert {made.find_bit(bit).index for step in made.data for bit in step.qubits} == {0, 1, 2}
    before, after = (narrow(each.remove_final_measurements(inplace=False)) for each in (circuit, made))
    assert Operator(undelayed(before)).equiv(Operator(undelayed(after)))


def undelayed(circuit: QuantumCircuit) -> QuantumCircuit:
    made = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name != "delay":
            made.append(step)
    return made


def test_a_twirled_circuit_is_decoupled(heron: Any, isa_bell: QuantumCircuit) -> None:
    options = {**TWIRLED, "dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}}

    result = sampler(heron, **options).run([isa_bell], shots=640).result()

    counts = result[0].data.meas.get_counts()
    assert counts["00"] + counts["11"] > 5 * (counts.get("01", 0) + counts.get("10", 0))


def test_pubs_of_several_shots_are_one_job_of_several_programs(simulator: Any) -> None:
    pubs = [(bell(), None, shots) for shots in (100, 1000, 100)]

    parts = sampler_parts([SamplerPub.coerce(pub) for pub in pubs], SamplerOptions(), simulator)
    result = sampler(simulator).run(pubs).result()

    found = [(part.program.shots, [share.pub for share in part.pubs]) for part in parts]
    assert found == [(100, [0, 2]), (1000, [1])]
    assert [pub.data.meas.num_shots for pub in result] == [100, 1000, 100]
